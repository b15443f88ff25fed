//! Captures: the log as files that other programs read, and the files of other programs as a log.
//!
//! Owns the formats of such files. Pure: bytes in, events out. It never opens a file and never draws.

pub mod read;
