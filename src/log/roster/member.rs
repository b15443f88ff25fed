//! One socket as the events tell it: its state, its addresses, its counters.
//!
//! Owns what an event means for the socket it is about. It never knows of another socket.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::contract::{Address, CloseReason, Endpoint, Event, Fact, NetError, SocketId, Timestamp, UnixAddress};

/// The most peers of one datagram socket that are told apart.
pub(super) const PEERS_MAX: usize = 10_000;

/// Messages and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// How many.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Traffic {
    const fn count(&mut self, len: u32) {
        self.messages += 1;
        self.bytes += len as u64;
    }
}

/// What went between a datagram socket and one peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerTraffic {
    /// From the peer.
    pub received: Traffic,
    /// To the peer.
    pub sent: Traffic,
    /// When the peer was last heard, if ever.
    pub last_heard: Option<Timestamp>,
}

/// Where a socket is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Ordered, and neither open nor failed yet.
    Opening,
    /// Listening, or bound.
    Open,
    /// Connected, both directions open unless this side half-closed.
    Connected,
    /// Connected, and the peer has sent FIN: it can still be sent to.
    PeerClosed,
    /// It was refused or ended, and is tried again by itself after a time.
    Waiting,
    /// It was open, and is no more.
    Closed(CloseReason),
    /// It never came to be open.
    Failed,
}

impl State {
    /// True while there is a socket that can receive or send.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Connected | Self::PeerClosed)
    }

    /// True while there is something to close: also what is still being opened, or waits to be tried again.
    #[must_use]
    pub const fn can_close(self) -> bool {
        self.is_open() || matches!(self, Self::Opening | Self::Waiting)
    }
}

/// One socket, as far as the events have told.
#[derive(Clone, Debug)]
pub struct Member {
    /// The socket.
    pub id: SocketId,
    /// A root's name; empty for a child, see [`Roster::name`](super::Roster::name).
    pub name: String,
    /// What was opened; a child shares its listener's.
    pub endpoint: Arc<Endpoint>,
    /// The listener that accepted it.
    pub parent: Option<SocketId>,
    /// The listener's how-manieth connection, from 1; 0 for a root.
    pub number: u32,
    /// Where it is in its life.
    pub state: State,
    /// The local addresses really got: several for a listener on `localhost`.
    pub local: Vec<Address>,
    /// The other end, or a datagram socket's default destination.
    pub peer: Option<Address>,
    /// What came.
    pub received: Traffic,
    /// What went.
    pub sent: Traffic,
    /// Datagrams that nobody saw.
    pub lost: u64,
    /// How many connections a listener has accepted.
    pub accepted: u32,
    /// A datagram socket's peers, in the order of their first message; at most 10,000.
    pub peers: IndexMap<Address, PeerTraffic>,
    /// How many messages went between it and peers beyond those.
    pub peers_beyond: u64,
    /// Whom a datagram socket heard last.
    pub last_heard: Option<Address>,
    /// What failed last.
    pub error: Option<Box<NetError>>,
    /// This side has half-closed: nothing more can be sent.
    pub sending_closed: bool,
}

impl Member {
    pub(super) fn new(id: SocketId, name: String, endpoint: Arc<Endpoint>) -> Self {
        Self {
            id,
            name,
            endpoint,
            parent: None,
            number: 0,
            state: State::Opening,
            local: Vec::new(),
            peer: None,
            received: Traffic::default(),
            sent: Traffic::default(),
            lost: 0,
            accepted: 0,
            peers: IndexMap::new(),
            peers_beyond: 0,
            last_heard: None,
            error: None,
            sending_closed: false,
        }
    }

    /// Begins another life; what was counted stays.
    pub(super) fn reopen(&mut self) {
        self.state = State::Opening;
        self.local.clear();
        self.peer = None;
        self.last_heard = None;
        self.error = None;
        self.sending_closed = false;
    }

    /// Takes the socket for closed, unless it is; true if it was not.
    pub(super) fn end(&mut self) -> bool {
        let was_alive = self.state.can_close();
        if was_alive {
            self.state = State::Closed(CloseReason::Shutdown);
        }
        was_alive
    }

    pub(super) fn observe(&mut self, event: &Event) {
        match &event.fact {
            Fact::Call { call, result, .. } => match call.as_ref() {
                // The engine tries again by itself, or tries the next address of the name.
                "socket" if matches!(self.state, State::Failed | State::Closed(_) | State::Waiting) => self.reopen(),
                "shutdown" if result == "0" => self.sending_closed = true,
                // A file goes without ever being a row of bytes.
                "sendfile" => {
                    if let Some(bytes) = result.split(' ').next().and_then(|bytes| bytes.parse::<u64>().ok()) {
                        self.sent.messages += 1;
                        self.sent.bytes += bytes;
                    }
                }
                _ => {}
            },
            Fact::Opened { local, peer } => {
                if self.state != State::Open {
                    self.local.clear();
                }
                self.state = State::Open;
                self.local.push(local.clone());
                self.peer.clone_from(peer);
                self.error = None;
            }
            Fact::Connected { local, peer } | Fact::Accepted { local, peer, .. } => {
                self.state = State::Connected;
                self.local = vec![local.clone()];
                self.peer = Some(peer.clone());
                self.error = None;
                self.sending_closed = false;
            }
            Fact::Paired { .. } => {
                self.state = State::Connected;
                self.local = vec![UnixAddress::Unnamed.into()];
                self.peer = Some(UnixAddress::Unnamed.into());
                self.error = None;
                self.sending_closed = false;
            }
            Fact::Received { peer, bytes, .. } => {
                self.received.count(bytes.len);
                if let Some(peer) = peer {
                    if self.last_heard.as_ref() != Some(peer) {
                        self.last_heard = Some(peer.clone());
                    }
                    if let Some(traffic) = self.peer_traffic(peer) {
                        traffic.received.count(bytes.len);
                        traffic.last_heard = Some(event.at);
                    }
                }
            }
            Fact::Sent { peer, bytes, .. } => {
                self.sent.count(bytes.len);
                if let Some(traffic) = peer.as_ref().and_then(|peer| self.peer_traffic(peer)) {
                    traffic.sent.count(bytes.len);
                }
            }
            Fact::SendFailed { error, .. } => self.error = Some(error.clone()),
            Fact::PeerClosed => {
                if self.state.is_open() {
                    self.state = State::PeerClosed;
                }
            }
            Fact::Closed { reason } => {
                let never_open = matches!(self.state, State::Opening | State::Failed);
                self.state =
                    if never_open && *reason == CloseReason::Error { State::Failed } else { State::Closed(*reason) };
            }
            Fact::Failed(error) => {
                self.error = Some(error.clone());
                if self.state == State::Opening {
                    self.state = State::Failed;
                }
            }
            Fact::Lost { count, .. } => self.lost = self.lost.saturating_add(*count),
            Fact::Note { name, .. } if name == "reconnect" => self.state = State::Waiting,
            Fact::Rule { .. } | Fact::Note { .. } => {}
        }
    }

    /// The account of a peer; `None`, and counted, beyond the bound.
    fn peer_traffic(&mut self, peer: &Address) -> Option<&mut PeerTraffic> {
        if self.peers.len() < PEERS_MAX && !self.peers.contains_key(peer) {
            self.peers.insert(peer.clone(), PeerTraffic::default());
        }
        let found = self.peers.get_mut(peer);
        if found.is_none() {
            self.peers_beyond += 1;
        }
        found
    }
}
