//! What is remembered of a socket from row to row: where it is, its place in its connection, and what its next packet is
//! to say.
//!
//! Owns the remarks and the interfaces by which a file tells whose a packet is. It never decides what a row becomes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::blocks::{self, About, UPPER_PDU};
use super::connection::{End, Pair};
use crate::contract::{Address, Fact, Scheme, SocketId};
use crate::log::{Kind, LogStore, Roster, Row};

/// How far behind a message of an ICMP socket the row is looked for that tells its numbers.
const NUMBERS_WITHIN: u64 = 64;

/// What is remembered of a socket.
pub(super) struct Known {
    pub(super) carrier: Carrier,
    root: SocketId,
    /// Whether a listener took it.
    pub(super) is_accepted: bool,
    /// The numbers of its interfaces, without and with tags.
    interfaces: [Option<u32>; 2],
    pub(super) local: Vec<Address>,
    pub(super) peer: Option<Address>,
    pub(super) connection: Option<Way>,
    /// Whether its close sends RST: `SO_LINGER` is `{1, 0}`.
    pub(super) resets: bool,
    /// Whether the file has its name. The interface has that of a root alone.
    pub(super) is_introduced: bool,
    /// What the next packet is to say besides.
    remark: String,
    pub(super) dropped: u64,
    /// The identifier and the sequence number of the last echo request.
    echo: (u16, u16),
}

/// A socket's place in its connection.
#[derive(Clone, Copy)]
pub(super) struct Way {
    pub(super) pair: Pair,
    pub(super) end: End,
    /// The other end tells it all: this one came to be known too late to be matched with it.
    pub(super) is_mute: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Carrier {
    Tcp,
    Udp,
    Icmp,
    /// Of this protocol.
    Raw(u8),
    /// No internet protocol, or nothing is known of it any more.
    Upper,
}

impl Known {
    /// A section begins, in which nothing has been said of the socket yet.
    pub(super) const fn begin(&mut self) {
        self.interfaces = [None; 2];
        self.is_introduced = !self.is_accepted;
    }

    pub(super) fn learn(id: SocketId, roster: &Roster) -> Self {
        let member = roster.get(id);
        let carrier = member.map_or(Carrier::Upper, |member| match member.endpoint.scheme {
            Scheme::Tcp | Scheme::TcpListen => Carrier::Tcp,
            Scheme::Udp | Scheme::UdpBind => Carrier::Udp,
            Scheme::Icmp => Carrier::Icmp,
            Scheme::Raw => Carrier::Raw(member.endpoint.protocol()),
            _ => Carrier::Upper,
        });
        let parent = member.and_then(|member| member.parent);
        Self {
            carrier,
            root: parent.unwrap_or(id),
            is_accepted: parent.is_some(),
            interfaces: [None; 2],
            local: member.map_or_else(Vec::new, |member| member.local.clone()),
            peer: member.and_then(|member| member.peer.clone()),
            connection: None,
            resets: false,
            is_introduced: parent.is_none(),
            remark: String::new(),
            dropped: 0,
            echo: (low_half(id.get()), 0),
        }
    }

    /// Has the next packet say this, too.
    pub(super) fn remark(&mut self, text: &str) {
        if self.remark != text {
            if !self.remark.is_empty() {
                self.remark.push_str("; ");
            }
            self.remark.push_str(text);
        }
    }

    /// Has the next packet say the socket's name before all else, from which a reader tells whose it is.
    pub(super) fn introduce(&mut self, name: &str) {
        if !self.remark.starts_with(name) {
            let rest = std::mem::replace(&mut self.remark, name.to_owned());
            if !rest.is_empty() {
                self.remark(&rest);
            }
        }
    }

    /// Has packets written that say what is to be said of this socket, after the interface that they refer to. If none
    /// are written, the next ones say it.
    pub(super) fn describe(
        &mut self,
        interfaces: &mut Interfaces,
        row: &Row,
        link_type: u16,
        roster: &Roster,
        out: &mut Vec<u8>,
        write: impl FnOnce(About<'_>, &mut Vec<u8>) -> bool,
    ) {
        let known_as = &mut self.interfaces[usize::from(link_type == UPPER_PDU)];
        let interface = *known_as.get_or_insert_with(|| interfaces.number(self.root, link_type, roster, out));
        let mut comment = Cow::Borrowed(&*self.remark);
        if self.dropped > 0 {
            let datagrams = if self.dropped == 1 { "datagram was" } else { "datagrams were" };
            let between = if comment.is_empty() { "" } else { "; " };
            let _ = write!(comment.to_mut(), "{between}{} {datagrams} lost before this one", self.dropped);
        }
        let about = About {
            interface,
            at: row.at,
            outbound: row.kind == Kind::Sent,
            comment: &comment,
            dropped: self.dropped,
            missing: 0,
        };
        if write(about, out) {
            self.remark.clear();
            self.dropped = 0;
        }
    }

    /// This socket's address, as a peer sees it. A wildcard can't be in a packet: then it is a loopback address, as is
    /// one that is not known.
    pub(super) fn local_for(&self, peer: SocketAddr) -> SocketAddr {
        let all = || self.local.iter().filter_map(Address::socket_address).map(canonical);
        let fits = |local: &SocketAddr| local.is_ipv4() == peer.is_ipv4() && !local.ip().is_unspecified();
        let port = || all().next().map_or(0, |local| local.port());
        all().find(fits).unwrap_or_else(|| match peer {
            _ if peer.ip().is_loopback() => SocketAddr::new(peer.ip(), port()),
            SocketAddr::V4(_) => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port()),
            SocketAddr::V6(_) => SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port()),
        })
    }

    /// The identifier and the sequence number of an echo, which the row behind it tells.
    pub(super) fn echo_numbers(&mut self, row: &Row, store: &LogStore) -> (u16, u16) {
        let call = if row.kind == Kind::Sent { "sendto" } else { "recvfrom" };
        let mut beside =
            store.rows(row.seq + 1..row.seq + 1 + NUMBERS_WITHIN).filter(|other| other.socket == row.socket);
        let told = beside.next().and_then(|other| match store.fact(&other) {
            Some(Fact::Call { call: name, args, .. }) if name == call => {
                Some((number_after("id ", &args)?, number_after("seq ", &args)?))
            }
            _ => None,
        });
        let (identifier, sequence) = self.echo;
        // Of rows that were chosen the call may not be among them. Then each request is the next, and is answered.
        self.echo = told.unwrap_or((identifier, sequence.wrapping_add(u16::from(row.kind == Kind::Sent))));
        self.echo
    }
}

/// The interfaces of a section, by the root that they stand for and their link type.
#[derive(Default)]
pub(super) struct Interfaces(HashMap<(SocketId, u16), u32>);

impl Interfaces {
    /// The number of an interface, which is described before it is used for the first time.
    fn number(&mut self, root: SocketId, link_type: u16, roster: &Roster, out: &mut Vec<u8>) -> u32 {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry((root, link_type)).or_insert_with(|| {
            let url = roster.get(root).map_or_else(String::new, |member| member.endpoint.base_url());
            blocks::interface(link_type, &roster.name(root), &url, out);
            next
        })
    }
}

/// An IPv4 address that is written as an IPv6 one is an IPv4 address, for it is that in the packets.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn number_after(word: &str, text: &str) -> Option<u16> {
    let digits = text.split_once(word)?.1;
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is wanted")]
const fn low_half(number: u32) -> u16 {
    number as u16
}
