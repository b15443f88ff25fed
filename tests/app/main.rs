//! The built program in a real pseudoterminal, its screen read through a terminal parser.
#![expect(clippy::unwrap_used, reason = "this is a test")]

mod clients;
mod exchange;
mod given_back;
mod held;
mod hostile;
mod idle;
mod opened;
mod payloads;
mod profiles;
mod rules;
mod scenarios;
mod session;
mod sizes;
mod spilled;
mod strained;
mod unfit;
