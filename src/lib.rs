//! sockbench: a workbench for sockets that lives in the terminal.
//!
//! The engine owns sockets and knows no screen; the screen knows no socket; the letterbox between them is
//! [`contract`]. Imports run downward only; `tests/house.rs` holds the list.

pub mod contract;
pub mod endpoint;
pub mod log;
pub mod payload;
