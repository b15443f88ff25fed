//! The engine against real sockets on loopback.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "this is a test")]

mod bench;
mod datagrams;
mod echo;
mod ending;
mod files;
mod opening;
mod pairs;
mod rules;
mod staying;
mod streams;
mod unix;
