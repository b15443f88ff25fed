//! The roster: who is in the log, folded from the events.
//!
//! Owns the members, and which of them are listed and how they are called. It never holds messages, and never decides what
//! a socket does next. A closed connection is soon reduced to its parent and its number, so that a listener may accept
//! for weeks.

mod lineage;
mod member;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use indexmap::IndexMap;

use crate::contract::{Endpoint, Event, Fact, SocketId};
use crate::encoding::Encoding;

use lineage::{Descent, Lineage};
pub use member::{Member, PeerTraffic, State, Traffic};

/// The most closed connections of one listener that stay listed.
const CLOSED_MAX: usize = 20;

/// The sockets of the session.
#[derive(Clone, Debug, Default)]
pub struct Roster {
    roots: IndexMap<SocketId, Member>,
    families: HashMap<SocketId, Family>,
    /// The names of all roots there ever were.
    root_names: Vec<String>,
    lineage: Lineage,
    revision: u64,
    /// Whether the text of any root was ever in another encoding than UTF-8.
    has_encodings: bool,
}

/// The connections of one listener.
#[derive(Clone, Debug, Default)]
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

impl Roster {
    /// Lists a root that the user opens, as opening. A known id is opened again: its counters stay.
    pub fn register(&mut self, id: SocketId, name: String, endpoint: Endpoint) {
        self.revision += 1;
        self.has_encodings |= !endpoint.encoding().is_utf8();
        if let Some(member) = self.roots.get_mut(&id) {
            member.name = name;
            member.endpoint = Arc::new(endpoint);
            member.reopen();
        } else {
            self.roots.insert(id, Member::new(id, name, Arc::new(endpoint)));
        }
        self.set_root_name(id);
    }

    /// Gives a root another name; its children's follow. An id that is no root is left alone.
    pub fn rename(&mut self, id: SocketId, name: String) {
        if let Some(member) = self.roots.get_mut(&id) {
            member.name = name;
            self.revision += 1;
            self.set_root_name(id);
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

    /// Takes a root and its connections for closed, because what is known of them ends here: no event tells.
    pub fn end(&mut self, id: SocketId) {
        if let Some(member) = self.roots.get_mut(&id) {
            member.end();
        }
        if let Some(family) = self.families.get_mut(&id) {
            for (number, member) in &mut family.members {
                if member.end() {
                    family.closed.push_back(*number);
                }
            }
        }
    }

    /// Says what a root is to open from now on. An id that is no root is left alone.
    pub fn set_endpoint(&mut self, id: SocketId, endpoint: Endpoint) {
        self.has_encodings |= !endpoint.encoding().is_utf8();
        if let Some(member) = self.roots.get_mut(&id) {
            member.endpoint = Arc::new(endpoint);
            self.revision += 1;
        }
    }

    /// What the user opened of which this is a connection, whether or not it is still listed; else the socket itself.
    #[must_use]
    pub fn root(&self, id: SocketId) -> SocketId {
        self.child(id).map_or(id, |(parent, _)| parent)
    }

    /// What was opened; of a connection, its listener. It is known as long as that is listed.
    #[must_use]
    pub fn endpoint(&self, id: SocketId) -> Option<&Endpoint> {
        self.get(self.root(id)).or_else(|| self.get(id)).map(|member| &*member.endpoint)
    }

    /// The encoding of a socket's text; of a connection, that of its listener. UTF-8 of one that is not known.
    #[must_use]
    pub fn encoding(&self, id: SocketId) -> Encoding {
        if !self.has_encodings {
            return Encoding::UTF_8;
        }
        self.endpoint(id).map_or(Encoding::UTF_8, Endpoint::encoding)
    }

    /// A number that is another whenever what the user opened has changed: which roots there are, or were, how they are
    /// called, and what they open.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Learns from an event. Sockets that are not listed stay so, save connections that a listed listener accepts.
    pub fn observe(&mut self, event: &Event) {
        if let Fact::Accepted { parent, number, .. } | Fact::Paired { parent, number } = event.fact {
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
        self.families.get(&id).map_or(0, |family| family.members.len().saturating_sub(family.closed.len()))
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
        self.lineage.set(id, Descent { parent: Some(parent), number });
        let Some(listener) = self.roots.get_mut(&parent) else { return };
        listener.accepted += 1;
        let mut member = Member::new(id, String::new(), Arc::clone(&listener.endpoint));
        member.parent = Some(parent);
        member.number = number;
        self.families.entry(parent).or_default().members.insert(number, member);
    }

    /// The listener or the pair that a child comes from; also of one that is no longer listed.
    #[must_use]
    pub fn parent(&self, id: SocketId) -> Option<SocketId> {
        self.lineage.get(id).parent
    }

    /// A child's parent and number.
    fn child(&self, id: SocketId) -> Option<(SocketId, u32)> {
        let Descent { parent, number } = self.lineage.get(id);
        Some((parent?, number))
    }

    fn root_name(&self, id: SocketId) -> Option<&str> {
        let at = (self.lineage.get(id).number as usize).checked_sub(1)?;
        self.root_names.get(at).map(String::as_str)
    }

    /// Writes a root's name down where it outlives the member.
    fn set_root_name(&mut self, id: SocketId) {
        let Some(name) = self.roots.get(&id).map(|member| member.name.clone()) else { return };
        if let Some(at) = (self.lineage.get(id).number as usize).checked_sub(1) {
            self.root_names[at] = name;
        } else {
            self.root_names.push(name);
            let number = u32::try_from(self.root_names.len()).unwrap_or(u32::MAX);
            self.lineage.set(id, Descent { parent: None, number });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::member::PEERS_MAX;
    use super::*;
    use crate::contract::{Address, CloseReason, NetError, Operation, Span, Ticket, Timestamp};

    fn id(number: u32) -> SocketId {
        SocketId::new(number).unwrap()
    }

    fn address(port: u16) -> Address {
        Address::Ip(([127, 0, 0, 1], port).into())
    }

    fn endpoint(url: &str) -> Endpoint {
        url.parse().unwrap()
    }

    fn observe(roster: &mut Roster, socket: u32, fact: Fact) {
        roster.observe(&Event { at: Timestamp(u64::from(socket)), socket: id(socket), fact });
    }

    fn state(roster: &Roster, socket: u32) -> State {
        roster.get(id(socket)).unwrap().state
    }

    fn accept(roster: &mut Roster, socket: u32, number: u32) {
        let fact = Fact::Accepted { parent: id(1), number, local: address(7788), peer: address(50_000) };
        observe(roster, socket, fact);
    }

    fn closed(reason: CloseReason) -> Fact {
        Fact::Closed { reason }
    }

    fn failed() -> Fact {
        Fact::Failed(Box::new(NetError::from_errno(Operation::Connect, None, 111)))
    }

    fn received(port: Option<u16>, len: u32) -> Fact {
        Fact::Received { peer: port.map(address), bytes: Span { start: 0, len }, truncated: false }
    }

    fn server() -> Roster {
        let mut roster = Roster::default();
        roster.register(id(1), "server".to_owned(), endpoint("tcp-listen://127.0.0.1:7788"));
        observe(&mut roster, 1, Fact::Opened { local: address(7788), peer: None });
        roster
    }

    #[test]
    fn a_file_counts_as_one_message_with_its_bytes_and_one_that_failed_does_not() {
        let mut roster = server();
        accept(&mut roster, 2, 1);
        for result in ["-1 EPIPE (32)", "20000001 in 153 calls", "5"] {
            let (call, args) = ("sendfile".into(), "/tmp/data.bin, 0, 5".to_owned());
            observe(&mut roster, 2, Fact::Call { call, args, result: result.to_owned() });
        }
        let sent = roster.get(id(2)).unwrap().sent;
        assert_eq!((sent.messages, sent.bytes), (2, 20_000_006));
    }

    #[test]
    fn a_connection_lives_as_the_events_tell() {
        let mut roster = server();
        assert_eq!(state(&roster, 1), State::Open);
        accept(&mut roster, 2, 1);
        assert_eq!(state(&roster, 2), State::Connected);
        assert_eq!((roster.open_children(id(1)), roster.get(id(1)).unwrap().accepted), (1, 1));
        observe(&mut roster, 2, received(None, 5));
        observe(&mut roster, 2, Fact::PeerClosed);
        assert_eq!(state(&roster, 2), State::PeerClosed);
        observe(
            &mut roster,
            2,
            Fact::Call { call: "shutdown".into(), args: "SHUT_WR".to_owned(), result: "0".to_owned() },
        );
        assert!(roster.get(id(2)).unwrap().sending_closed);
        observe(&mut roster, 2, closed(CloseReason::Peer));
        assert_eq!(state(&roster, 2), State::Closed(CloseReason::Peer));
        assert_eq!(roster.open_children(id(1)), 0);
        assert_eq!(roster.get(id(2)).unwrap().received, Traffic { messages: 1, bytes: 5 });
    }

    #[test]
    fn of_many_closed_connections_the_latest_stay_and_all_keep_their_names() {
        let mut roster = server();
        for number in 1..=100 {
            accept(&mut roster, number + 1, number);
            if number != 3 {
                observe(&mut roster, number + 1, closed(CloseReason::Peer));
                observe(&mut roster, number + 1, closed(CloseReason::Peer));
            }
        }
        let listed: Vec<_> = roster.children(id(1)).map(|member| member.number).collect();
        let wanted: Vec<_> = std::iter::once(3).chain(81..=100).collect();
        assert_eq!(listed, wanted);
        assert_eq!((roster.open_children(id(1)), roster.get(id(1)).unwrap().accepted), (1, 100));
        assert_eq!(roster.name(id(6)), "server#5");
        assert_eq!(roster.find("server#3"), Some(id(4)));
        assert_eq!(roster.find("server#5"), None);
    }

    #[test]
    fn names_follow_a_rename_and_outlive_a_removal() {
        let mut roster = server();
        accept(&mut roster, 2, 1);
        roster.rename(id(1), "echo".to_owned());
        assert_eq!((roster.name(id(1)), roster.name(id(2))), ("echo".to_owned(), "echo#1".to_owned()));
        assert_eq!((roster.find("server"), roster.find("echo#1")), (None, Some(id(2))));
        roster.remove(id(1));
        assert_eq!((roster.roots().count(), roster.get(id(2)).is_none(), roster.find("echo")), (0, true, None));
        assert_eq!(roster.name(id(2)), "echo#1");
        assert_eq!(roster.name(id(9)), "socket-9");
    }

    #[test]
    fn a_client_that_fails_and_tries_again_keeps_its_counters() {
        let mut roster = Roster::default();
        let client = || ("client".to_owned(), endpoint("tcp://127.0.0.1:9"));
        let (name, url) = client();
        roster.register(id(1), name, url);
        assert_eq!(state(&roster, 1), State::Opening);
        observe(&mut roster, 1, failed());
        observe(&mut roster, 1, closed(CloseReason::Error));
        assert_eq!(state(&roster, 1), State::Failed);
        assert!(roster.get(id(1)).unwrap().error.is_some());

        let (name, url) = client();
        roster.register(id(1), name, url);
        assert_eq!((state(&roster, 1), roster.get(id(1)).unwrap().error.clone()), (State::Opening, None));
        observe(&mut roster, 1, Fact::Connected { local: address(1), peer: address(9) });
        let sent = Fact::Sent { ticket: Ticket(1), peer: None, bytes: Span { start: 0, len: 3 }, remaining: 0 };
        observe(&mut roster, 1, sent);
        observe(&mut roster, 1, closed(CloseReason::Reset));
        assert_eq!(state(&roster, 1), State::Closed(CloseReason::Reset));
        let (name, url) = client();
        roster.register(id(1), name, url);
        assert_eq!((state(&roster, 1), roster.roots().count()), (State::Opening, 1));
        assert_eq!(roster.get(id(1)).unwrap().sent, Traffic { messages: 1, bytes: 3 });
    }

    #[test]
    fn the_next_address_of_a_name_is_another_try() {
        let mut roster = Roster::default();
        roster.register(id(1), "client".to_owned(), endpoint("tcp://localhost:9"));
        observe(&mut roster, 1, failed());
        let call =
            Fact::Call { call: "socket".into(), args: "AF_INET, SOCK_STREAM".to_owned(), result: "3".to_owned() };
        observe(&mut roster, 1, call);
        assert_eq!(state(&roster, 1), State::Opening);
    }

    #[test]
    fn a_client_that_reconnects_waits_until_its_next_try_or_until_it_is_closed() {
        let mut roster = Roster::default();
        roster.register(id(1), "client".to_owned(), endpoint("tcp://127.0.0.1:9?reconnect=1s"));
        let note = || Fact::Note { name: "reconnect".into(), message: "tries again in 1s".to_owned() };
        observe(&mut roster, 1, failed());
        observe(&mut roster, 1, note());
        assert_eq!(state(&roster, 1), State::Waiting);
        assert!(!state(&roster, 1).is_open() && state(&roster, 1).can_close());
        assert!(roster.get(id(1)).unwrap().error.is_some());
        let call = |call: &'static str| Fact::Call { call: call.into(), args: String::new(), result: "3".to_owned() };
        observe(&mut roster, 1, call("socket"));
        assert_eq!(state(&roster, 1), State::Opening);
        observe(&mut roster, 1, Fact::Connected { local: address(1), peer: address(9) });
        observe(&mut roster, 1, closed(CloseReason::Reset));
        observe(&mut roster, 1, note());
        assert_eq!(state(&roster, 1), State::Waiting);
        observe(&mut roster, 1, closed(CloseReason::User));
        assert_eq!(state(&roster, 1), State::Closed(CloseReason::User));
    }

    #[test]
    fn a_listener_on_both_loopbacks_has_both_addresses() {
        let mut roster = server();
        let other = Address::Ip("[::1]:7788".parse().unwrap());
        observe(&mut roster, 1, Fact::Opened { local: other.clone(), peer: None });
        assert_eq!(roster.get(id(1)).unwrap().local, [address(7788), other]);
        // An accept that fails does not end a listener.
        observe(&mut roster, 1, failed());
        assert_eq!(state(&roster, 1), State::Open);
    }

    #[test]
    fn a_datagram_socket_tells_its_peers_apart_up_to_a_bound() {
        let mut roster = Roster::default();
        roster.register(id(1), "udp".to_owned(), endpoint("udp-bind://127.0.0.1:0"));
        let most = u16::try_from(PEERS_MAX).unwrap();
        for port in 1..=most + 3 {
            observe(&mut roster, 1, received(Some(port), 2));
        }
        observe(&mut roster, 1, received(Some(7), 1));
        let member = roster.get(id(1)).unwrap();
        assert_eq!((member.peers.len(), member.peers_beyond), (PEERS_MAX, 3));
        assert_eq!(member.peers[&address(7)].received, Traffic { messages: 2, bytes: 3 });
        assert_eq!(member.last_heard, Some(address(7)));
        assert_eq!(member.received.messages, u64::from(most) + 4);
    }
}
