//! Captures: the log in the form that packet analysers read, and the files of others as a log.
//!
//! Owns how a row becomes packets: the blocks of a pcapng file, and the headers of IP, TCP, UDP and ICMP that a socket
//! never shows; and the way back, from packets to rows. Pure: it never opens a file, and everything is appended to
//! memory.

mod blocks;
mod connection;
mod packets;
mod pcapng;
pub mod read;

pub use blocks::whole_blocks;
pub use pcapng::PcapngWriter;
