//! Rows of the log as a pcapng file.
//!
//! Owns what each kind of row becomes, and which connections and sockets are followed for that. It never writes a file.
//!
//! A socket shows messages, not packets, so the headers are made up, and with them the handshake and the end of a
//! connection. All that is in the payload, the addresses and the times is what was. Each socket that the user opened is an
//! interface by its name, which its connections share. Where both ends of a connection, or of a datagram, are sockets
//! of the bench, the file holds its packets once.

mod blocks;
mod connection;
mod known;
mod own;
mod packets;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use crate::contract::{Address, CloseReason, Fact, SocketId};
use crate::log::{Kind, LogStore, Roster, Row};
use blocks::{About, RAW_IP, UPPER_PDU};
use connection::{Connection, End, Pair, Signal, refusal};
use known::{Carrier, Interfaces, Known, Way, canonical};
use own::Own;

pub use blocks::whole_blocks;

/// The tags before a message that no packet carries (Wireshark's `exported_pdu`): the dissector, and the word that
/// stands in the protocol column.
const TAG_DISSECTOR: u16 = 12;
const TAG_PROTOCOL: u16 = 33;

/// The most bytes of such a message in one block: Wireshark takes a file for damaged in which a packet has more than 256
/// KiB, its tags included.
const LONGEST_MESSAGE: usize = (256 << 10) - 64;

/// How many ended connections may still be heard of by their other end.
const ENDED: usize = 256;

/// The first of the ports that nobody owns (RFC 6335 6).
const FIRST_DYNAMIC_PORT: u16 = 49_152;

/// Writes rows as the blocks of a pcapng file, into memory. The rows come in the order of the log, and the roster knows
/// their sockets' names by then.
///
/// Whatever was appended is a whole number of blocks, so that a file may end after each call.
#[derive(Default)]
pub struct PcapngWriter {
    sockets: HashMap<SocketId, Known>,
    connections: HashMap<Pair, Connection>,
    /// The ones that ended, oldest first.
    ended: VecDeque<Pair>,
    interfaces: Interfaces,
    own: Own,
    /// How many rows are missing before the next one.
    missed: u64,
}

impl PcapngWriter {
    /// A writer that has seen nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the beginning of a file. May be called again for another file that goes on where the one before ended.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        self.interfaces = Interfaces::default();
        for known in self.sockets.values_mut() {
            known.begin();
        }
        blocks::section_header(concat!("sockbench ", env!("CARGO_PKG_VERSION")), out);
    }

    /// Says that so many rows which come next are not to be had. The next packet says so.
    pub fn miss(&mut self, count: u64) {
        self.missed += count;
    }

    /// Appends the packets that a row stands for: none for most rows without a message. False where the log can't read
    /// what the row holds; then nothing is appended.
    pub fn row(&mut self, row: &Row, store: &LogStore, roster: &Roster, out: &mut Vec<u8>) -> bool {
        if !self.sockets.contains_key(&row.socket) {
            let known = Known::learn(row.socket, roster);
            for local in known.local.iter().filter(|_| known.carrier == Carrier::Udp) {
                self.own.list(row.socket, local);
            }
            self.sockets.insert(row.socket, known);
        }
        if let Some(known) = self.sockets.get_mut(&row.socket).filter(|known| !known.is_introduced) {
            known.is_introduced = true;
            known.introduce(&roster.name(row.socket));
        }
        if self.missed > 0
            && let Some(known) = self.sockets.get_mut(&row.socket)
        {
            let rows = if self.missed == 1 { "row of the log is" } else { "rows of the log are" };
            known.remark(&format!("{} {rows} missing before this one", self.missed));
            self.missed = 0;
        }
        if row.kind.is_message() {
            let (bytes, peer) = (store.bytes(row), store.peer(row));
            if bytes.len() != row.len as usize || row.names_peer() && peer.is_none() {
                return false;
            }
            self.message(row, &bytes, peer, store, roster, out);
        } else if matches!(row.kind, Kind::Rule | Kind::Note) {
            // They tell of nothing that went over the wire.
        } else if let Some(fact) = store.fact(row) {
            self.fact(row, &fact, roster, out);
        } else {
            return false;
        }
        true
    }

    fn message(
        &mut self,
        row: &Row,
        bytes: &[u8],
        peer: Option<Address>,
        store: &LogStore,
        roster: &Roster,
        out: &mut Vec<u8>,
    ) {
        let Some(known) = self.sockets.get_mut(&row.socket) else { return };
        if row.truncated {
            known.remark("the datagram was longer: what did not fit into the buffer is lost");
        }
        match known.carrier {
            Carrier::Tcp => {
                if known.connection.is_none() {
                    self.join(row, false, roster, out);
                }
                self.streamed(row, bytes, roster, out);
            }
            Carrier::Upper => self.upper(row, bytes, roster, out),
            _ => {
                let peer = peer.and_then(|peer| peer.socket_address());
                let peer = peer.or_else(|| known.peer.as_ref()?.socket_address());
                match peer.map(canonical) {
                    Some(peer) => self.datagram(row, peer, bytes, store, roster, out),
                    None => self.upper(row, bytes, roster, out),
                }
            }
        }
    }

    fn streamed(&mut self, row: &Row, bytes: &[u8], roster: &Roster, out: &mut Vec<u8>) {
        let Some(known) = self.sockets.get_mut(&row.socket) else { return };
        let Some(way) = known.connection else { return self.upper(row, bytes, roster, out) };
        let Some(connection) = self.connections.get_mut(&way.pair).filter(|_| !way.is_mute) else { return };
        let from = if row.kind == Kind::Sent { way.end } else { way.end.other() };
        known.describe(&mut self.interfaces, row, RAW_IP, roster, out, |about, out| {
            connection.bytes(about, way.end, from, bytes, out)
        });
    }

    fn datagram(
        &mut self,
        row: &Row,
        peer: SocketAddr,
        bytes: &[u8],
        store: &LogStore,
        roster: &Roster,
        out: &mut Vec<u8>,
    ) {
        let is_sent = row.kind == Kind::Sent;
        let Some(known) = self.sockets.get_mut(&row.socket) else { return };
        let local = known.local_for(peer);
        let (from, to) = if is_sent { (local, peer) } else { (peer, local) };
        let carrier = known.carrier;
        if carrier == Carrier::Udp && !is_sent && self.own.sent(row.socket, peer, local) {
            // Its sender has told of it.
            return;
        }
        let echo = if carrier == Carrier::Icmp { known.echo_numbers(row, store) } else { (0, 0) };
        known.describe(&mut self.interfaces, row, RAW_IP, roster, out, |about, out| {
            let (source, destination) = (from.ip(), to.ip());
            match carrier {
                Carrier::Icmp => blocks::packet(about, out, |out| {
                    packets::echo(source, destination, is_sent, echo, bytes, out);
                }),
                // What is received begins with its header (raw(7)).
                Carrier::Raw(_) if !is_sent && source.is_ipv4() && bytes.len() >= 20 => {
                    let whole = u32::from(u16::from_be_bytes([bytes[2], bytes[3]]));
                    let missing = whole.saturating_sub(row.len);
                    blocks::packet(About { missing, ..about }, out, |out| out.extend_from_slice(bytes));
                }
                Carrier::Raw(protocol) => {
                    blocks::packet(about, out, |out| packets::ip(source, destination, protocol, bytes, out));
                }
                Carrier::Udp | Carrier::Tcp | Carrier::Upper => {
                    blocks::packet(about, out, |out| packets::udp(from, to, bytes, out));
                }
            }
            true
        });
    }

    /// Appends a message that no packet carries, behind tags that say so.
    fn upper(&mut self, row: &Row, bytes: &[u8], roster: &Roster, out: &mut Vec<u8>) {
        let Some(known) = self.sockets.get_mut(&row.socket) else { return };
        let name = roster.name(row.socket);
        known.introduce(&name);
        let count = bytes.len().div_ceil(LONGEST_MESSAGE).max(1);
        known.describe(&mut self.interfaces, row, UPPER_PDU, roster, out, |about, out| {
            for number in 1..=count {
                let part = bytes.chunks(LONGEST_MESSAGE).nth(number - 1).unwrap_or_default();
                let (said, dropped) = if number == 1 { (about.comment, about.dropped) } else { (&*name, 0) };
                let numbered = if count > 1 { format!("{said}; part {number} of {count}") } else { said.to_owned() };
                blocks::packet(About { comment: &numbered, dropped, ..about }, out, |out| tagged(part, out));
            }
            true
        });
    }

    fn fact(&mut self, row: &Row, fact: &Fact, roster: &Roster, out: &mut Vec<u8>) {
        let Some(known) = self.sockets.get_mut(&row.socket) else { return };
        match fact {
            Fact::Opened { local, peer } => {
                if !known.local.contains(local) {
                    known.local.push(local.clone());
                }
                known.peer.clone_from(peer);
                if known.carrier == Carrier::Udp {
                    self.own.list(row.socket, local);
                }
            }
            Fact::Connected { local, peer } | Fact::Accepted { local, peer, .. } => {
                known.local = vec![local.clone()];
                known.peer = Some(peer.clone());
                known.connection = None;
                known.resets = false;
                // Where the listener is not listed any more, the addresses tell as much.
                if matches!(local, Address::Ip(_)) {
                    known.carrier = Carrier::Tcp;
                    self.join(row, true, roster, out);
                }
            }
            Fact::Call { call, args, result } => self.call(row, call, args, result, roster, out),
            Fact::PeerClosed => self.signal(row, false, Signal::Fin, roster, out),
            Fact::Closed { reason } => {
                let (is_own, signal) = match reason {
                    CloseReason::Reset => (false, Signal::Reset),
                    _ if known.resets => (true, Signal::Reset),
                    _ => (true, Signal::Fin),
                };
                self.signal(row, is_own, signal, roster, out);
                self.forget(row);
            }
            Fact::Lost { count, .. } => {
                if known.carrier == Carrier::Tcp {
                    known.remark("some bytes before this one are lost");
                } else {
                    known.dropped = known.dropped.saturating_add(*count);
                }
            }
            _ => {}
        }
    }

    fn call(&mut self, row: &Row, call: &str, args: &str, result: &str, roster: &Roster, out: &mut Vec<u8>) {
        let Some(known) = self.sockets.get_mut(&row.socket) else { return };
        match call {
            // Another life begins, or the next address is tried.
            "socket" if known.connection.is_none() => known.local.clear(),
            "setsockopt" if args.contains("SO_LINGER, ") && result == "0" => known.resets = args.ends_with("{1, 0}"),
            "shutdown" if result == "0" => self.signal(row, true, Signal::Fin, roster, out),
            "connect" if known.carrier == Carrier::Tcp => {
                let was_refused = result.contains("ECONNREFUSED");
                if !was_refused && !result.contains("ETIMEDOUT") {
                    return;
                }
                let Ok(peer) = args.parse::<SocketAddr>() else { return };
                let peer = canonical(peer);
                let mut local = known.local_for(peer);
                // Which port it was is known to nobody any more.
                #[expect(clippy::cast_possible_truncation, reason = "any of the dynamic ports will do")]
                local.set_port(FIRST_DYNAMIC_PORT | (row.at.0 / 1000) as u16);
                known.remark("the port from which this was tried is made up");
                known.describe(&mut self.interfaces, row, RAW_IP, roster, out, |about, out| {
                    refusal(about, [local, peer], was_refused, out);
                    true
                });
            }
            "sendfile" => {
                let count = result.split(' ').next().and_then(|count| count.parse().ok());
                let (Some(way), Some(count)) = (known.connection.filter(|way| !way.is_mute), count) else { return };
                let Some(connection) = self.connections.get_mut(&way.pair) else { return };
                known.describe(&mut self.interfaces, row, RAW_IP, roster, out, |about, out| {
                    connection.unseen(about, way.end, count, out)
                });
            }
            _ => {}
        }
    }

    /// Finds or makes a socket's connection. `stands` if this row tells that it has just been made, which the packets
    /// of its handshake tell once.
    fn join(&mut self, row: &Row, stands: bool, roster: &Roster, out: &mut Vec<u8>) {
        let Some(known) = self.sockets.get_mut(&row.socket) else { return };
        let Some(peer) = known.peer.as_ref().and_then(Address::socket_address).map(canonical) else { return };
        let local = known.local_for(peer);
        let (pair, end) = if known.is_accepted || row.kind == Kind::Accepted {
            ([peer, local], End::Server)
        } else {
            ([local, peer], End::Client)
        };
        let known_one = self.connections.get_mut(&pair);
        let is_mute = !stands && known_one.as_ref().is_some_and(|connection| !connection.is_told_by(end));
        if !is_mute && !known_one.is_some_and(|connection| stands && connection.is_met_by(end, row.at)) {
            let mut connection = Connection::new(pair, end, stands, row.at);
            if stands {
                known.describe(&mut self.interfaces, row, RAW_IP, roster, out, |about, out| {
                    connection.handshake(about, end, out);
                    true
                });
            }
            self.connections.insert(pair, connection);
        }
        let way = Way { pair, end, is_mute };
        known.connection = Some(way);
    }

    fn signal(&mut self, row: &Row, is_own: bool, signal: Signal, roster: &Roster, out: &mut Vec<u8>) {
        let Some(known) = self.sockets.get_mut(&row.socket) else { return };
        let Some(way) = known.connection.filter(|way| !way.is_mute) else { return };
        let Some(connection) = self.connections.get_mut(&way.pair) else { return };
        let from = if is_own { way.end } else { way.end.other() };
        known.describe(&mut self.interfaces, row, RAW_IP, roster, out, |about, out| {
            connection.signal(about, way.end, from, signal, out)
        });
    }

    fn forget(&mut self, row: &Row) {
        let Some(known) = self.sockets.remove(&row.socket) else { return };
        self.own.forget(row.socket, &known.local);
        let Some(way) = known.connection else { return };
        let Some(connection) = self.connections.get_mut(&way.pair) else { return };
        connection.close(way.end, row.at);
        self.ended.push_back(way.pair);
        if self.ended.len() > ENDED
            && let Some(oldest) = self.ended.pop_front()
            && self.connections.get(&oldest).is_some_and(Connection::has_ended)
        {
            self.connections.remove(&oldest);
        }
    }
}

/// Appends a message behind the tags that say that no packet carried it.
fn tagged(bytes: &[u8], out: &mut Vec<u8>) {
    for (tag, value) in [(TAG_DISSECTOR, b"data"), (TAG_PROTOCOL, b"UNIX")] {
        out.extend(tag.to_be_bytes());
        out.extend([0, 4]);
        out.extend(value);
    }
    out.extend([0; 4]);
    out.extend(bytes);
}
