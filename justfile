# What there is to do in this repository; `just` alone lists it.
default:
    @just --list

# All that must hold before a change lands
check:
    .ci/run

# The tests alone
test:
    cargo test

# Looks for inputs that break a property (a file in fuzz/targets/), for so many seconds. Wants nightly and cargo-fuzz
fuzz TARGET SECONDS="60":
    #!/usr/bin/env bash
    set -euo pipefail
    mkdir -p fuzz/corpus/{{TARGET}}
    dictionary=fuzz/dictionaries/{{TARGET}}.dict
    # No sanitizer: there is no unsafe code, and without one it tries several times as many inputs.
    cargo +nightly fuzz run --sanitizer none {{TARGET}} fuzz/corpus/{{TARGET}} fuzz/seeds/{{TARGET}} -- \
        -max_total_time={{SECONDS}} -timeout=10 -print_final_stats=1 $([[ ! -e $dictionary ]] || echo "-dict=$dictionary")

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

# An hour of 5,000 messages and 200 connections a second, with and without a screen: memory and descriptors stay flat
soak SECONDS="3600":
    SOCKBENCH_SOAK={{SECONDS}} cargo test --release --test torture -- soak

# What the dependencies must keep to: deny.toml. Wants cargo-deny, and the network for the advisories
deny:
    cargo deny --locked check

# Draws the README's pictures anew
screenshot:
    cargo run --example screenshot workbench > assets/workbench.svg
    cargo run --example screenshot timeline > assets/timeline.svg
