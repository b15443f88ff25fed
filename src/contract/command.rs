//! What the screen orders from the engine.

use std::path::PathBuf;
use std::sync::Arc;

use crate::rule::Rules;

use super::{Address, CloseReason, Endpoint, OptionSpec, Saving, SocketId, Ticket, Value};

/// An order. The engine answers with events, never with a return value.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Open a socket under an id that the sender minted. Opening an id again, after it closed or failed, is a new try.
    Open {
        /// The id, from the shared mint.
        socket: SocketId,
        /// What to open.
        endpoint: Endpoint,
    },
    /// Send bytes. Each socket addressed reports `Sent` (perhaps several times, one for each `send(2)`) or `SendFailed`.
    Send {
        /// Comes back in the outcome.
        ticket: Ticket,
        /// To whom.
        target: Target,
        /// What, line ending included.
        bytes: Arc<[u8]>,
    },
    /// Send a file's content, which is not kept in the log. Each socket addressed reports [`Progress`](super::Progress)
    /// while it is sent and a note when it is, or `SendFailed`.
    SendFile {
        /// Comes back in the outcome.
        ticket: Ticket,
        /// To whom.
        target: Target,
        /// Which file.
        path: PathBuf,
    },
    /// Throw away what is still to be sent of an order, or stop saving. What is sent or saved already stays so.
    Cancel {
        /// Which order.
        ticket: Ticket,
    },
    /// Write what a socket receives to a file, too, from now on. It reports [`Progress`](super::Progress), and a note
    /// when that ends.
    Save {
        /// Comes back in the outcome.
        ticket: Ticket,
        /// Which socket.
        socket: SocketId,
        /// Where to, and how much.
        saving: Saving,
    },
    /// Change an option of an open socket; of a listener, also of what it accepts from now on. The call that does it is
    /// reported, or a failure.
    SetOption {
        /// Which socket.
        socket: SocketId,
        /// Which option.
        option: &'static OptionSpec,
        /// Its value from now on.
        value: Value,
    },
    /// Report what the kernel knows of an open socket, as a [`SocketView`](super::SocketView).
    Inspect {
        /// Which.
        socket: SocketId,
    },
    /// End a socket, or one of its directions.
    Close {
        /// Which; of a listener, its accepted connections live on.
        socket: SocketId,
        /// In which way.
        how: CloseHow,
        /// For whom, as `Closed` will tell: [`CloseReason::User`], [`CloseReason::Rule`] or [`CloseReason::Scenario`].
        by: CloseReason,
    },
    /// End a socket and, of a listener, every connection that it accepted: also what is only being opened.
    CloseAll {
        /// The socket that the user opened.
        root: SocketId,
        /// For whom, as for [`Close`](Self::Close).
        by: CloseReason,
    },
    /// Have the engine answer by these rules from now on, in place of all that it knew for the socket; for a listener, on
    /// each of its connections, those accepted later included. They are kept from one opening to the next. A stream is not
    /// read while more waits to be answered, or 1 MiB of its replies to be sent; a datagram is not answered then.
    SetRules {
        /// Which socket, as the user opens it.
        socket: SocketId,
        /// The rules, in their order.
        rules: Rules,
    },
    /// Close everything and end.
    ShutDown,
}

/// Whom a send is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// One socket: a connection, or a datagram socket's default destination (the one it was opened with, or for a
    /// bound one whoever it last heard from).
    Socket(SocketId),
    /// One peer of a datagram socket.
    Peer(SocketId, Address),
    /// Every open connection that this listener accepted.
    Children(SocketId),
}

impl Target {
    /// The socket that the target names.
    #[must_use]
    pub const fn socket(&self) -> SocketId {
        match self {
            Self::Socket(socket) | Self::Peer(socket, _) | Self::Children(socket) => *socket,
        }
    }
}

/// The ways to end a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseHow {
    /// `close(2)` after all that was given to it is sent. With received bytes that nobody read, the system sends RST.
    Normal,
    /// `shutdown(SHUT_WR)`: sends FIN after what is pending; receiving goes on.
    HalfClose,
    /// `SO_LINGER` 0 and `close(2)`: what is pending is thrown away and the peer gets RST.
    Abort,
}
