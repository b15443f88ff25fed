//! What the engine tells that is no row of the log: how far a file has come, and how a socket is at this moment.

use std::path::PathBuf;
use std::time::Duration;

use super::{OptionSpec, SocketId, Ticket};

/// Something passing, about one socket.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Whose.
    pub socket: SocketId,
    /// What.
    pub content: ReportContent,
}

/// What a [`Report`] tells.
#[derive(Clone, Debug, PartialEq)]
pub enum ReportContent {
    /// How far a file has come.
    Progress(Progress),
    /// What the kernel knows of the socket.
    View(Box<SocketView>),
}

/// How far a file has come that is sent or saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Of which order; [`Ticket::ENGINE`] where an option of the endpoint asked for it.
    pub ticket: Ticket,
    /// The file.
    pub path: PathBuf,
    /// Which way it goes.
    pub direction: Direction,
    /// How many bytes are through.
    pub done: u64,
    /// How many there are to be, where that is known.
    pub total: Option<u64>,
    /// How long it has taken so far.
    pub elapsed: Duration,
    /// Whether this is the last word on it.
    pub ended: bool,
}

/// Which way a file goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the file into the socket.
    Sending,
    /// From the socket into the file.
    Saving,
}

/// What the kernel knows of a socket, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SocketView {
    /// The options that the kernel keeps for it, with the value that it really took, in the words of an endpoint.
    pub options: Vec<(&'static OptionSpec, String)>,
    /// Bytes that wait to be read, where the kernel tells; of a listener, connections that wait to be accepted.
    pub receive_queue: Option<u32>,
    /// Bytes that wait to be sent or acknowledged, where the kernel tells; of a listener, how many connections may wait.
    pub send_queue: Option<u32>,
    /// TCP's own view; of a listener only the state, and all else is zero.
    pub tcp: Option<TcpView>,
}

/// TCP's own view of a connection: `struct tcp_info` (tcp(7)).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TcpView {
    /// `ESTABLISHED`, `CLOSE-WAIT`... (RFC 9293).
    pub state: &'static str,
    /// The smoothed round-trip time, and its variation.
    pub rtt: Duration,
    /// See `rtt`.
    pub rtt_variation: Duration,
    /// After which time what is not acknowledged is sent again.
    pub retransmission_timeout: Duration,
    /// The congestion window, in segments.
    pub congestion_window: u32,
    /// The slow start threshold, in segments; `None` while it has not been set.
    pub slow_start_threshold: Option<u32>,
    /// The largest segment that is sent, in bytes.
    pub send_mss: u32,
    /// The largest that is expected, in bytes.
    pub receive_mss: u32,
    /// Segments that are sent and not acknowledged.
    pub unacknowledged: u32,
    /// Segments that are believed to be lost.
    pub lost: u32,
    /// How many segments were sent again, in all.
    pub retransmits: u32,
    /// The window that the peer offers, in bytes, where the kernel tells.
    pub send_window: Option<u32>,
    /// The window that is offered to the peer, in bytes, where the kernel tells.
    pub receive_window: Option<u32>,
}
