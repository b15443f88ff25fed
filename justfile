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
    cargo bench --bench accept --bench frame --bench log --bench receive --bench startup

# The figures side by side with other programs, as docs/performance.md has them; `--only NAME`, `--with-dist`, `--write`
bench-peers *ARGS:
    cargo build --release --example hello
    cargo bench --bench peers -- {{ARGS}}

# The cases of docs/reliability.md that take minutes, memory, root or other programs; `just torture 26 29` runs these two
torture *CASES:
    cargo test --release --test torture -- {{CASES}}

# Draws the README's pictures anew
screenshot:
    cargo run --example screenshot workbench > assets/workbench.svg
    cargo run --example screenshot timeline > assets/timeline.svg
