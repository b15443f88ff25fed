//! `sockbench run` with peers that others wrote: nc, ncat, socat, and Python's `socket` and `socketserver`.
#![expect(clippy::unwrap_used, reason = "this is a test")]

mod clients;
mod datagrams;
mod ending;
mod listeners;
mod peer;
mod program;
