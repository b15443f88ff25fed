//! One row of the log: what is known of it without looking at its bytes.
//!
//! Owns the kinds of rows and their names. It never holds bytes or text: a row is small and copied freely.

use std::fmt;

use crate::contract::{Fact, SocketId, Timestamp};

/// What a row tells. The names are those of the JSONL log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A listener or a datagram socket is open.
    Opened,
    /// A client's connection stands.
    Connected,
    /// A listener took a connection.
    Accepted,
    /// Bytes came.
    Received,
    /// Bytes went.
    Sent,
    /// The peer sent FIN.
    PeerClosed,
    /// The socket is gone.
    Closed,
    /// An operation failed.
    Failed,
    /// Datagrams that nobody will see.
    Lost,
    /// A system call and its result.
    Call,
    /// What an automatic reply did.
    Rule,
    /// Something else worth saying.
    Note,
}

impl Kind {
    /// Every kind, in the order of their declaration.
    pub const ALL: [Self; 12] = [
        Self::Opened,
        Self::Connected,
        Self::Accepted,
        Self::Received,
        Self::Sent,
        Self::PeerClosed,
        Self::Closed,
        Self::Failed,
        Self::Lost,
        Self::Call,
        Self::Rule,
        Self::Note,
    ];

    /// The kind's name in the JSONL log and in filters: `peer-closed`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Connected => "connected",
            Self::Accepted => "accepted",
            Self::Received => "received",
            Self::Sent => "sent",
            Self::PeerClosed => "peer-closed",
            Self::Closed => "closed",
            Self::Failed => "failed",
            Self::Lost => "lost",
            Self::Call => "call",
            Self::Rule => "rule",
            Self::Note => "note",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind of row that a fact becomes.
    #[must_use]
    pub const fn of(fact: &Fact) -> Self {
        match fact {
            Fact::Call { .. } => Self::Call,
            Fact::Opened { .. } => Self::Opened,
            Fact::Connected { .. } | Fact::Paired { .. } => Self::Connected,
            Fact::Accepted { .. } => Self::Accepted,
            Fact::Received { .. } => Self::Received,
            Fact::Sent { .. } => Self::Sent,
            Fact::SendFailed { .. } | Fact::Failed(_) => Self::Failed,
            Fact::PeerClosed => Self::PeerClosed,
            Fact::Closed { .. } => Self::Closed,
            Fact::Lost { .. } => Self::Lost,
            Fact::Rule { .. } => Self::Rule,
            Fact::Note { .. } => Self::Note,
        }
    }

    /// True for the rows that carry a message: `received` and `sent`.
    #[must_use]
    pub const fn is_message(self) -> bool {
        matches!(self, Self::Received | Self::Sent)
    }

    /// The kind's place in [`Kind::ALL`].
    pub(super) const fn code(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One row of the log. Good for as long as the store that gave it holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its sequence number, from 1, without a gap.
    pub seq: u64,
    /// When it happened.
    pub at: Timestamp,
    /// To which socket.
    pub socket: SocketId,
    /// What happened.
    pub kind: Kind,
    /// The message's length in bytes; 0 for rows that carry no message.
    pub len: u32,
    /// The datagram was longer than what could be read.
    pub truncated: bool,
    /// The engine sent it by itself: nobody ordered it.
    pub by_itself: bool,
    pub(super) place: Place,
}

impl Row {
    /// Whether it is a message that names its peer, as datagrams do.
    #[must_use]
    pub const fn names_peer(&self) -> bool {
        self.place.peer > 0
    }
}

/// Where in the store a row's content is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The segment, counted from the oldest.
    pub(super) segment: u32,
    /// The first byte's offset: in the segment's arena for a message, in its facts for any other row.
    pub(super) offset: u32,
    /// The number of bytes there.
    pub(super) size: u32,
    /// The offset in the segment's facts of the peer that the message names, plus 1; 0 for none.
    pub(super) peer: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name_and_by_its_code() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
            assert_eq!(Kind::ALL[usize::from(kind.code())], kind);
        }
    }
}
