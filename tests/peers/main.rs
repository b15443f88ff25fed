//! `sockbench run`, and the engine by itself, with peers that others wrote: nc, ncat, socat, and Python's `socket` and
//! `socketserver`.
#![expect(clippy::unwrap_used, reason = "this is a test")]

#[path = "../engine/bench.rs"]
#[expect(dead_code, reason = "the tests of the engine use all of it")]
mod bench;
mod clients;
mod datagrams;
mod ending;
mod exchanges;
mod listeners;
mod options;
mod peer;
mod program;
mod unix;
