//! The roster: who is in the log, folded from the events.
//!
//! Owns the members: each socket's name, state, addresses and counters. It never holds messages, and never decides what
//! a socket does next. A closed connection is soon reduced to its parent and its number, so that a listener that
//! accepts for weeks costs eight bytes a connection.

use std::collections::{BTreeMap, HashMap, VecDeque};

use indexmap::IndexMap;

use crate::contract::{Address, CloseReason, Endpoint, Event, Fact, NetError, SocketId, Timestamp};

/// The most peers of one datagram socket that are told apart.
const PEERS_MAX: usize = 10_000;

/// The most closed connections of one listener that stay listed.
const CLOSED_MAX: usize = 20;

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
}

/// One socket, as far as the events have told.
#[derive(Clone, Debug)]
pub struct Member {
    /// The socket.
    pub id: SocketId,
    /// A root's name; empty for a child, see [`Roster::name`].
    pub name: String,
    /// What was opened; a child has its listener's.
    pub endpoint: Endpoint,
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
    pub error: Option<NetError>,
    /// This side has half-closed: nothing more can be sent.
    pub sending_closed: bool,
}

impl Member {
    fn new(id: SocketId, name: String, endpoint: Endpoint) -> Self {
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
    fn reopen(&mut self) {
        self.state = State::Opening;
        self.local.clear();
        self.peer = None;
        self.last_heard = None;
        self.error = None;
        self.sending_closed = false;
    }

    fn observe(&mut self, event: &Event) {
        match &event.fact {
            Fact::Call { call, result, .. } => match call.as_ref() {
                // The engine tries again by itself, or tries the next address of the name.
                "socket" if matches!(self.state, State::Failed | State::Closed(_)) => self.reopen(),
                "shutdown" if result == "0" => self.sending_closed = true,
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
            Fact::SendFailed { error, .. } => self.error = Some(error.as_ref().clone()),
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
                self.error = Some(error.as_ref().clone());
                if self.state == State::Opening {
                    self.state = State::Failed;
                }
            }
            Fact::Lost { count, .. } => self.lost += count,
            Fact::Note { .. } => {}
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

/// The sockets of the session.
#[derive(Debug, Default)]
pub struct Roster {
    roots: IndexMap<SocketId, Member>,
    families: HashMap<SocketId, Family>,
    /// The names of all roots there ever were.
    root_names: Vec<String>,
    /// By id, which the mint hands out without gaps.
    slots: Vec<Slot>,
}

/// The connections of one listener.
#[derive(Debug, Default)]
struct Family {
    members: BTreeMap<u32, Member>,
    /// The numbers of the closed ones among them, in the order of closing.
    closed: VecDeque<u32>,
}

impl Family {
    fn close(&mut self, number: u32) {
        self.closed.push_back(number);
        if self.closed.len() > CLOSED_MAX
            && let Some(oldest) = self.closed.pop_front()
        {
            self.members.remove(&oldest);
        }
    }
}

/// What is never forgotten of a socket.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    parent: Option<SocketId>,
    /// A child's number; for a root, its place in the list of names, plus 1; 0 for an id never seen.
    number: u32,
}

impl Roster {
    /// Lists a root that the user opens, as opening. A known id is opened again: its counters stay.
    pub fn register(&mut self, id: SocketId, name: String, endpoint: Endpoint) {
        self.set_root_name(id, &name);
        if let Some(member) = self.roots.get_mut(&id) {
            member.name = name;
            member.endpoint = endpoint;
            member.reopen();
        } else {
            self.roots.insert(id, Member::new(id, name, endpoint));
        }
    }

    /// Gives a root another name; its children's follow. An id that is no root is left alone.
    pub fn rename(&mut self, id: SocketId, name: String) {
        if let Some(member) = self.roots.get_mut(&id) {
            member.name.clone_from(&name);
            self.set_root_name(id, &name);
        }
    }

    /// Lists a socket no longer, nor its children. Its name stays with its rows.
    pub fn remove(&mut self, id: SocketId) {
        self.roots.shift_remove(&id);
        self.families.remove(&id);
        if let Some((parent, number)) = self.child(id)
            && let Some(family) = self.families.get_mut(&parent)
        {
            family.members.remove(&number);
            family.closed.retain(|closed| *closed != number);
        }
    }

    /// Says what a root is to open from now on. An id that is no root is left alone.
    pub fn set_endpoint(&mut self, id: SocketId, endpoint: Endpoint) {
        if let Some(member) = self.roots.get_mut(&id) {
            member.endpoint = endpoint;
        }
    }

    /// Learns from an event. Sockets that are not listed stay so, save connections that a listed listener accepts.
    pub fn observe(&mut self, event: &Event) {
        if let Fact::Accepted { parent, number, .. } = event.fact {
            self.accept(event.socket, parent, number);
        }
        if let Some((parent, number)) = self.child(event.socket) {
            if let Some(family) = self.families.get_mut(&parent)
                && let Some(member) = family.members.get_mut(&number)
            {
                let was_closed = matches!(member.state, State::Closed(_));
                member.observe(event);
                if !was_closed && matches!(member.state, State::Closed(_)) {
                    family.close(number);
                }
            }
        } else if let Some(member) = self.roots.get_mut(&event.socket) {
            member.observe(event);
        }
    }

    /// The socket, while it is listed.
    #[must_use]
    pub fn get(&self, id: SocketId) -> Option<&Member> {
        match self.child(id) {
            Some((parent, number)) => self.families.get(&parent)?.members.get(&number),
            None => self.roots.get(&id),
        }
    }

    /// The sockets that the user opened, in the order of registration.
    pub fn roots(&self) -> impl Iterator<Item = &Member> {
        self.roots.values()
    }

    /// A listener's connections by number: all that are open, and the 20 that closed last.
    pub fn children(&self, id: SocketId) -> impl Iterator<Item = &Member> {
        self.families.get(&id).into_iter().flat_map(|family| family.members.values())
    }

    /// How many connections of a listener are open.
    #[must_use]
    pub fn open_children(&self, id: SocketId) -> usize {
        self.families.get(&id).map_or(0, |family| family.members.len() - family.closed.len())
    }

    /// The socket's name: `server`, or `server#1` for a child. Also for sockets that are no longer listed; one never
    /// heard of is called by its id, `socket-7`.
    #[must_use]
    pub fn name(&self, id: SocketId) -> String {
        match self.name_parts(id) {
            Some((root, None)) => root.to_owned(),
            Some((root, Some(number))) => format!("{root}#{number}"),
            None => format!("socket-{}", id.get()),
        }
    }

    /// The listed socket of this name, which may be a child's: `server#2`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<SocketId> {
        if let Some(root) = self.roots().find(|member| member.name == name) {
            return Some(root.id);
        }
        let (root, number) = name.rsplit_once('#')?;
        let number = number.parse().ok()?;
        let root = self.roots().find(|member| member.name == root)?;
        Some(self.families.get(&root.id)?.members.get(&number)?.id)
    }

    /// The root's name and, for a child, its number.
    pub(super) fn name_parts(&self, id: SocketId) -> Option<(&str, Option<u32>)> {
        match self.child(id) {
            Some((parent, number)) => Some((self.root_name(parent)?, Some(number))),
            None => Some((self.root_name(id)?, None)),
        }
    }

    fn accept(&mut self, id: SocketId, parent: SocketId, number: u32) {
        *self.slot_mut(id) = Slot { parent: Some(parent), number };
        let Some(listener) = self.roots.get_mut(&parent) else { return };
        listener.accepted += 1;
        let mut member = Member::new(id, String::new(), listener.endpoint.clone());
        member.parent = Some(parent);
        member.number = number;
        self.families.entry(parent).or_default().members.insert(number, member);
    }

    fn slot(&self, id: SocketId) -> Slot {
        self.slots.get(id.get() as usize).copied().unwrap_or_default()
    }

    fn slot_mut(&mut self, id: SocketId) -> &mut Slot {
        let at = id.get() as usize;
        if at >= self.slots.len() {
            self.slots.resize(at + 1, Slot::default());
        }
        &mut self.slots[at]
    }

    /// A child's parent and number.
    fn child(&self, id: SocketId) -> Option<(SocketId, u32)> {
        let slot = self.slot(id);
        Some((slot.parent?, slot.number))
    }

    fn root_name(&self, id: SocketId) -> Option<&str> {
        let at = (self.slot(id).number as usize).checked_sub(1)?;
        self.root_names.get(at).map(String::as_str)
    }

    fn set_root_name(&mut self, id: SocketId, name: &str) {
        match (self.slot(id).number as usize).checked_sub(1) {
            Some(at) => name.clone_into(&mut self.root_names[at]),
            None => {
                self.root_names.push(name.to_owned());
                let number = u32::try_from(self.root_names.len()).unwrap_or(u32::MAX);
                *self.slot_mut(id) = Slot { parent: None, number };
            }
        }
    }
}

#[cfg(test)]
mod tests;
