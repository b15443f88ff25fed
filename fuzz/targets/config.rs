//! Fuzzes the property of the same name.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sockbench_fuzz::config::check(data));
