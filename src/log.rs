//! The log: what happened to each socket, kept, filtered and made fit to be shown.
//!
//! It never opens a socket and never draws.

pub mod sanitise;
