//! The sockets that a scenario knows, as the events tell them.
//!
//! Owns, for each socket of the profile and each connection, whether it is open, how it ended, and what came on it. It never
//! decides what follows from that.

use std::collections::VecDeque;
use std::sync::Arc;

use super::inbox::Inbox;
use super::{End, Name};
use crate::contract::{CloseReason, Endpoint, Fact, Role, SocketId, Timestamp};

/// How many ends of a client's connections are kept; the oldest go.
const ENDS: usize = 64;

/// A socket of the profile.
#[derive(Debug)]
pub(super) struct Root {
    pub(super) name: String,
    pub(super) endpoint: Arc<Endpoint>,
    /// The socket itself.
    pub(super) own: Link,
    /// The connections of a listener, and the ends of a pair.
    pub(super) links: Vec<Link>,
    /// How many connections it took since the scenario began.
    accepted: u32,
    /// Whether a step expects something of it.
    is_heard: bool,
}

/// A socket that can be open.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: SocketId,
    /// Which connection it is; 0 for the socket itself, and for those of before the scenario.
    pub(super) number: u32,
    pub(super) state: State,
    /// Whether it has been open, since a step ordered that.
    pub(super) was_open: bool,
    /// How the peer's direction ended, since it was opened.
    pub(super) end: Option<End>,
    /// The ends of its connections that no step has taken, oldest first, where it connects again after each.
    ends: VecDeque<End>,
    /// Whether it connects again when it ends.
    again: bool,
    /// This side has half-closed.
    pub(super) fin_sent: bool,
    /// Why it is not open, if something failed.
    pub(super) error: Option<String>,
    pub(super) local: String,
    pub(super) peer: String,
    /// How many messages the scenario has sent.
    pub(super) counter: u64,
    /// What came; `None` where no step expects anything.
    pub(super) inbox: Option<Inbox>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Closed,
    Opening,
    Open,
}

impl Root {
    pub(super) fn new(name: String, id: SocketId, endpoint: Endpoint) -> Self {
        let own = Link::new(id, 0, &endpoint, false);
        Self { name, endpoint: Arc::new(endpoint), own, links: Vec::new(), accepted: 0, is_heard: false }
    }

    /// Whether it carries nothing itself, but its connections do.
    pub(super) fn has_links(&self) -> bool {
        matches!(self.endpoint.scheme.spec().role, Role::Listener | Role::Pair)
    }

    /// Keeps what comes, for a step that expects something.
    pub(super) fn hear(&mut self) {
        self.is_heard = true;
        self.own.inbox = Some(Inbox::new(&self.endpoint));
    }

    /// Whether more connections may come: a pair has its two ends from the beginning.
    pub(super) fn takes_more(&self) -> bool {
        self.endpoint.scheme.spec().role == Role::Listener || self.links.len() < 2
    }

    /// Takes in a connection, and tells its place; `number` is that of a pair's end. Those of before the scenario have
    /// none else.
    pub(super) fn add(&mut self, id: SocketId, number: Option<u32>, is_past: bool) -> usize {
        let number = number.unwrap_or_else(|| {
            self.accepted += u32::from(!is_past);
            if is_past { 0 } else { self.accepted }
        });
        let mut link = Link::new(id, number, &self.endpoint, self.is_heard);
        (link.state, link.was_open) = (State::Open, true);
        self.links.push(link);
        self.links.len() - 1
    }

    /// The sockets that a name stands for, of which some may be closed by now.
    pub(super) fn named(&self, name: &Name) -> Vec<&Link> {
        match name.connection {
            Some(number) => self.links.iter().rev().find(|link| link.number == number).into_iter().collect(),
            None if self.has_links() => self.links.iter().collect(),
            None => vec![&self.own],
        }
    }

    /// As [`named`](Self::named).
    pub(super) fn named_mut(&mut self, name: &Name) -> Vec<&mut Link> {
        match name.connection {
            Some(number) => self.links.iter_mut().rev().find(|link| link.number == number).into_iter().collect(),
            None if self.has_links() => self.links.iter_mut().collect(),
            None => vec![&mut self.own],
        }
    }

    /// The socket itself and its connections.
    pub(super) fn all(&self) -> impl Iterator<Item = &Link> {
        std::iter::once(&self.own).chain(&self.links)
    }

    /// The connection at a place, or without one the socket itself.
    pub(super) fn at(&mut self, place: Option<usize>) -> &mut Link {
        match place {
            Some(place) => &mut self.links[place],
            None => &mut self.own,
        }
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Link> {
        std::iter::once(&mut self.own).chain(&mut self.links)
    }

    /// What one of its connections is called, or with 0 the socket itself.
    pub(super) fn name_of(&self, number: u32) -> String {
        if number == 0 { self.name.clone() } else { format!("{}#{number}", self.name) }
    }
}

impl Link {
    fn new(id: SocketId, number: u32, endpoint: &Endpoint, is_heard: bool) -> Self {
        Self {
            id,
            number,
            state: State::Closed,
            was_open: false,
            end: None,
            ends: VecDeque::new(),
            again: endpoint.reconnect().is_some(),
            fin_sent: false,
            error: None,
            local: String::new(),
            peer: String::new(),
            counter: 0,
            inbox: is_heard.then(|| Inbox::new(endpoint)),
        }
    }

    /// Begins another life, of which nothing has come.
    pub(super) fn reopen(&mut self, endpoint: &Endpoint) {
        let inbox = self.inbox.is_some().then(|| Inbox::new(endpoint));
        let Self { id, number, counter, .. } = *self;
        *self = Self { state: State::Opening, counter, inbox, ..Self::new(id, number, endpoint, false) };
    }

    /// Whether more may come.
    pub(super) fn can_hear(&self) -> bool {
        self.state == State::Opening || (self.state == State::Open && self.end.is_none()) || self.comes_again()
    }

    /// Whether it has ended, and another connection follows.
    pub(super) fn comes_again(&self) -> bool {
        self.again && (self.end.is_some() || self.error.is_some())
    }

    /// How it ended. Of a client that connects again each connection ends for one step, whether or not it is connected
    /// again by then.
    pub(super) fn take_end(&mut self) -> Option<End> {
        let again = self.ends.pop_front();
        if self.again { again } else { again.or(self.end) }
    }

    /// Learns from what happened to it; `bytes` are those that were received.
    pub(super) fn observe(&mut self, fact: &Fact, bytes: &[u8], at: Timestamp) {
        match fact {
            Fact::Opened { local, peer } => {
                self.stand(local.to_string(), peer.as_ref().map(ToString::to_string).unwrap_or_default(), at);
            }
            Fact::Connected { local, peer } | Fact::Accepted { local, peer, .. } => {
                self.stand(local.to_string(), peer.to_string(), at);
            }
            Fact::Call { call, result, .. } if call == "shutdown" && result == "0" => self.fin_sent = true,
            // The engine tries again by itself.
            Fact::Note { name, .. } if name == "reconnect" => self.state = State::Opening,
            Fact::Received { peer, .. } => {
                if let Some(peer) = peer {
                    self.peer = peer.to_string();
                }
                if let Some(inbox) = &mut self.inbox {
                    inbox.push(bytes, at);
                }
            }
            Fact::PeerClosed => self.finish(End::Fin, at),
            Fact::Closed { reason } => {
                self.state = State::Closed;
                // The engine connects again after all others.
                self.again &= !matches!(reason, CloseReason::User | CloseReason::Scenario | CloseReason::Shutdown);
                self.finish(End::Closed(*reason), at);
            }
            Fact::Failed(error) => {
                self.error = Some(error.to_string().trim_end_matches('.').to_owned());
                if self.state == State::Opening {
                    self.state = State::Closed;
                }
            }
            _ => {}
        }
    }

    fn stand(&mut self, local: String, peer: String, at: Timestamp) {
        if let Some(inbox) = &mut self.inbox {
            inbox.part(at);
        }
        (self.state, self.end, self.error, self.fin_sent) = (State::Open, None, None, false);
        (self.local, self.peer, self.was_open) = (local, peer, true);
    }

    fn finish(&mut self, end: End, at: Timestamp) {
        // After a FIN, that it closed is no news.
        if self.end.is_none() {
            self.end = Some(end);
            if self.again {
                self.ends.push_back(end);
                self.ends.drain(..self.ends.len().saturating_sub(ENDS));
            }
        }
        if let Some(inbox) = &mut self.inbox {
            inbox.end(at);
        }
    }

    /// The bytes in the pieces in which they are to be put in, so that there is time to look at them between.
    pub(super) fn pieces<'a>(&self, bytes: &'a [u8]) -> Vec<&'a [u8]> {
        match &self.inbox {
            Some(inbox) if bytes.len() > inbox.piece() => bytes.chunks(inbox.piece()).collect(),
            _ => vec![bytes],
        }
    }

    /// Whether so much can come before something has to go that nobody has looked at.
    pub(super) fn has_room(&self, len: usize) -> bool {
        self.inbox.as_ref().is_none_or(|inbox| inbox.has_room(len))
    }

    /// Takes a message for ended that a gap has ended by now.
    pub(super) fn expire(&mut self, now: Timestamp) {
        if let Some(inbox) = &mut self.inbox {
            inbox.expire(now);
        }
    }
}
