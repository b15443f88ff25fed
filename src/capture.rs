//! Captures: the log in the form that packet analysers read, and the files of others as a log.
//!
//! Owns how a row becomes packets: the blocks of a pcapng file, and the headers of IP, TCP, UDP and ICMP that a socket
//! never shows; and the way back, from packets to rows. Pure: it never opens a file, and everything is appended to
//! memory.

pub mod read;
mod write;

pub use write::{PcapngWriter, whole_blocks};
