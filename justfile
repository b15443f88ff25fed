# What there is to do in this repository; `just` alone lists it.
default:
    @just --list

# All that must hold before a change lands
check:
    .ci/run

# The tests alone
test:
    cargo test

# The workbench, optimised
run *ARGS:
    cargo run --release -- {{ARGS}}

# The figures of the benches
bench:
    cargo bench

# Draws the README's pictures anew
screenshot:
    cargo run --example screenshot workbench > assets/workbench.svg
    cargo run --example screenshot timeline > assets/timeline.svg
