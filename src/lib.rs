//! sockbench: a workbench for sockets that lives in the terminal.
//!
//! The engine owns sockets and knows no screen; the screen knows no socket; the letterbox between them is
//! [`contract`]. Imports run downward only; `tests/house.rs` holds the list.

pub mod app;
pub mod capture;
pub mod cli;
pub mod config;
pub mod contract;
pub mod diagnostic;
mod document;
pub mod encoding;
mod ending;
pub mod endpoint;
pub mod engine;
pub mod exporter;
pub mod framing;
pub mod headless;
pub mod listing;
pub mod log;
pub mod os;
pub mod outcome;
pub mod pattern;
pub mod payload;
pub mod profile;
pub mod quantity;
pub mod recorder;
pub mod rule;
pub mod scenario;
mod startup;
pub mod ui;
pub mod verdict;
