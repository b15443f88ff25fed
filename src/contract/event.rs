//! What the engine reports.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Address, NetError, SocketId, Span, Ticket, Timestamp};

/// What the sentence of a rule begins with that ends a loop; the id of the socket at its other end follows.
pub const LOOP_WITH: &str = "loop with socket ";

/// One fact of a socket's life.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Read next to the system call.
    pub at: Timestamp,
    /// Whose life.
    pub socket: SocketId,
    /// What happened.
    pub fact: Fact,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Fact {
    /// A system call was made, and this came of it.
    Call {
        /// The call's name: `bind`.
        call: Cow<'static, str>,
        /// Its arguments as a reader of man pages would write them: `127.0.0.1:7788`.
        args: String,
        /// `0`, another value, or `-1 EADDRINUSE (98)`.
        result: String,
    },
    /// A listener or a datagram socket is open. A listener on `localhost` reports one for each loopback.
    Opened {
        /// The address really got.
        local: Address,
        /// The default destination of a datagram socket that has one.
        peer: Option<Address>,
    },
    /// A client's connection stands.
    Connected {
        /// Our end.
        local: Address,
        /// The other end.
        peer: Address,
    },
    /// A listener took a connection, which is the socket of this event.
    Accepted {
        /// The listener.
        parent: SocketId,
        /// The listener's how-manieth, from 1.
        number: u32,
        /// Our end.
        local: Address,
        /// The other end.
        peer: Address,
    },
    /// The socket of this event is one end of a pair.
    Paired {
        /// The pair.
        parent: SocketId,
        /// Which end: 1 or 2.
        number: u32,
    },
    /// Bytes came. An empty span is an empty datagram.
    #[serde(skip)]
    Received {
        /// From whom: always told for datagrams, never for streams.
        peer: Option<Address>,
        /// The bytes, in the batch's block.
        bytes: Span,
        /// The datagram was longer than what could be read.
        truncated: bool,
    },
    /// One `send(2)` took bytes.
    #[serde(skip)]
    Sent {
        /// Of which order.
        ticket: Ticket,
        /// To whom: always told for datagrams, never for streams.
        peer: Option<Address>,
        /// The bytes, in the batch's block.
        bytes: Span,
        /// How many bytes of the order are still to be sent.
        remaining: u64,
    },
    /// An order to send ended without all of it sent.
    #[serde(skip)]
    SendFailed {
        /// Which order.
        ticket: Ticket,
        /// Why.
        error: Box<NetError>,
    },
    /// The peer sent FIN: `recv` returned 0. Sending is still possible.
    PeerClosed,
    /// The socket is gone.
    Closed {
        /// Why.
        reason: CloseReason,
    },
    /// An operation failed. Unless `Closed` follows, the socket lives on.
    Failed(Box<NetError>),
    /// Datagrams that nobody will see.
    Lost {
        /// How many.
        count: u64,
        /// Their bytes, where known.
        bytes: Option<u64>,
    },
    /// A rule did something, or did not do what it is there for.
    Rule {
        /// The rule's name.
        name: String,
        /// The sentence. Where it begins with [`LOOP_WITH`] and an id, the reader knows the socket's name.
        message: String,
    },
    /// Something worth saying that no call returned.
    Note {
        /// What it is about, one word.
        name: Cow<'static, str>,
        /// The sentence.
        message: String,
    },
}

/// Why a socket closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CloseReason {
    /// The user closed or aborted it.
    User,
    /// The peer had sent FIN, and `after-fin` said to close.
    Peer,
    /// The peer sent RST.
    Reset,
    /// A time limit ran out.
    Timeout,
    /// The program ends.
    Shutdown,
    /// A rule closed it.
    Rule,
    /// A scenario closed it.
    Scenario,
    /// An operation failed.
    Error,
}

impl CloseReason {
    /// The word of the JSONL log.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Peer => "peer",
            Self::Reset => "reset",
            Self::Timeout => "timeout",
            Self::Shutdown => "shutdown",
            Self::Rule => "rule",
            Self::Scenario => "scenario",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
