//! Packets as sockets: which packet is of which connection, which datagram of which socket, and what they are called.
//!
//! Owns the table of connections and sockets, which is bounded, and whose side is taken: for a file of this program, the
//! socket's that the file names; for others, the client's. It never puts a stream together.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use super::ReadError;
use super::collector::{Collector, Way};
use super::connection::Connection;
use super::link::{self, Content, Segment};
use crate::contract::{
    Address, Endpoint, EndpointAddress, Fact, Host, HostPort, Scheme, SocketId, Timestamp, UnixAddress, UnixName,
};

/// The most connections, and the most datagram sockets, that are followed at once.
const FOLLOWED_MAX: usize = 65_536;

/// How much all connections together may hold in bytes because something before it is missing.
const HELD_MAX: usize = 64 << 20;

/// What a file of this program tells of a packet besides its bytes.
#[derive(Default)]
pub(super) struct Mark<'a> {
    /// The name of the socket that the user opened: the interface's.
    pub(super) root: Option<&'a str>,
    /// The remark on the packet, which begins with the socket's own name where that differs.
    pub(super) comment: Option<&'a str>,
    /// Whether the socket received it, or sent it.
    pub(super) inbound: Option<bool>,
}

impl Mark<'_> {
    /// Which connection of the listener it is, as `server#2` in the remark tells.
    fn number(&self) -> Option<u32> {
        let rest = self.comment?.strip_prefix(self.root?)?.strip_prefix('#')?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse().ok().filter(|number| *number > 0)
    }
}

/// The two ends of a connection, the lower address first.
type Pair = (SocketAddr, SocketAddr);

#[derive(Default)]
pub(super) struct Flows {
    connections: HashMap<Pair, Connection>,
    /// Their pairs, the oldest or the longest untouched first.
    order: VecDeque<Pair>,
    held: usize,
    datagrams: HashMap<Datagrams, SocketId>,
    /// The sockets that a file of this program names, and how many connections each has accepted.
    named: HashMap<String, (SocketId, u32)>,
    /// Connections of a message socket that a file of this program names.
    children: HashMap<(SocketId, u32), SocketId>,
    fragments: u64,
    /// Packets of other protocols.
    others: u64,
    unreadable: u64,
}

/// A datagram, or an echo.
struct Datagram<'a> {
    from: Address,
    to: Address,
    /// The id of an echo, and whether it is a request.
    echo: Option<(u16, bool)>,
    bytes: &'a [u8],
    /// How many bytes of its end were not captured.
    missing: usize,
}

/// What tells one datagram socket from another.
#[derive(PartialEq, Eq, Hash)]
enum Datagrams {
    Named(SocketId),
    Udp(SocketAddr),
    Echo(IpAddr, u16),
}

impl Flows {
    /// Takes in a packet.
    pub(super) fn packet(
        &mut self,
        at: Timestamp,
        link: u32,
        packet: &[u8],
        mark: &Mark<'_>,
        out: &mut Collector,
    ) -> Result<(), ReadError> {
        match link::read(link, packet) {
            Content::Tcp { from, to, segment } => self.tcp(at, (from, to), &segment, mark, out),
            Content::Udp { from, to, bytes, missing } => {
                let (from, to) = (Address::Ip(from), Address::Ip(to));
                self.datagram(at, &Datagram { from, to, echo: None, bytes, missing }, mark, out)
            }
            Content::Echo { from, to, id, is_request, bytes, missing } => {
                let (from, to) = (Address::Host(from, 0), Address::Host(to, 0));
                let echo = Some((id, is_request));
                self.datagram(at, &Datagram { from, to, echo, bytes, missing }, mark, out)
            }
            Content::Message(bytes) => self.message(at, bytes, mark, out),
            Content::Fragment => {
                self.fragments += 1;
                Ok(())
            }
            Content::Other => {
                self.others += 1;
                Ok(())
            }
            Content::UnknownLink => {
                self.unreadable += 1;
                out.remark(format!("packets of link type {link} can't be read"));
                Ok(())
            }
        }
    }

    /// Says that no more will come.
    pub(super) fn finish(&mut self, out: &mut Collector) -> Result<(), ReadError> {
        for pair in std::mem::take(&mut self.order) {
            if let Some(mut connection) = self.connections.remove(&pair) {
                connection.finish(out)?;
            }
        }
        Ok(())
    }

    pub(super) fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if self.fragments > 0 {
            remarks.push(format!("{} fragments of IP packets were left out", self.fragments));
        }
        if self.others > 0 {
            let (packets, were) = if self.others == 1 { ("packet", "was") } else { ("packets", "were") };
            remarks.push(format!(
                "{} {packets} with no whole header of TCP, UDP or ICMP echo {were} left out",
                self.others
            ));
        }
        if self.unreadable > 0 {
            remarks.push(format!("{} packets were left out", self.unreadable));
        }
        remarks
    }

    fn tcp(
        &mut self,
        at: Timestamp,
        (from, to): (SocketAddr, SocketAddr),
        segment: &Segment<'_>,
        mark: &Mark<'_>,
        out: &mut Collector,
    ) -> Result<(), ReadError> {
        let pair = (from.min(to), from.max(to));
        let is_over = self.connections.get(&pair).is_some_and(|known| known.is_over_by(from, segment));
        if is_over && let Some(mut over) = self.connections.remove(&pair) {
            self.held -= over.held();
            over.finish(out)?;
            let connection = self.connection(from, to, segment, mark, out);
            self.connections.insert(pair, connection);
        } else if !self.connections.contains_key(&pair) {
            // Nothing can be told of a connection by its last RST alone.
            if segment.reset {
                return Ok(());
            }
            self.make_room(out)?;
            let connection = self.connection(from, to, segment, mark, out);
            self.connections.insert(pair, connection);
            self.order.push_back(pair);
        }
        if let Some(connection) = self.connections.get_mut(&pair) {
            let before = connection.held();
            connection.segment(from, segment, at, self.held > HELD_MAX, out)?;
            self.held = self.held - before + connection.held();
        }
        Ok(())
    }

    /// Lets go of the connection that nothing was heard of for longest, roughly, where there are too many.
    fn make_room(&mut self, out: &mut Collector) -> Result<(), ReadError> {
        let mut patience = 64;
        while self.connections.len() >= FOLLOWED_MAX
            && let Some(pair) = self.order.pop_front()
        {
            let Some(connection) = self.connections.get_mut(&pair) else { continue };
            if patience > 0 && !connection.rest() {
                patience -= 1;
                self.order.push_back(pair);
            } else if let Some(mut connection) = self.connections.remove(&pair) {
                self.held -= connection.held();
                connection.finish(out)?;
            }
        }
        Ok(())
    }

    /// A connection that this is the first segment of, and its socket.
    fn connection(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        segment: &Segment<'_>,
        mark: &Mark<'_>,
        out: &mut Collector,
    ) -> Connection {
        let from_client = match (segment.syn, segment.acknowledged) {
            (true, asked) => asked.is_none(),
            // Clients have the higher port.
            _ => from.port() >= to.port(),
        };
        if let (Some(root), Some(inbound)) = (mark.root, mark.inbound) {
            let (us, them) = if inbound { (to, from) } else { (from, to) };
            if from_client == inbound {
                let listener = self.named(root, Scheme::TcpListen, &Address::Ip(us), out);
                let number = self.number(root, mark);
                return Connection::new(out.mint(), Some((listener, number)), us, them);
            }
            let socket = self.named(root, Scheme::Tcp, &Address::Ip(them), out);
            return Connection::new(socket, None, us, them);
        }
        let (us, them) = if from_client { (from, to) } else { (to, from) };
        let socket = out.mint();
        out.found(socket, &us.to_string(), endpoint(Scheme::Tcp, &Address::Ip(them)));
        Connection::new(socket, None, us, them)
    }

    /// The socket of this name, which the file tells of by it.
    fn named(&mut self, name: &str, scheme: Scheme, address: &Address, out: &mut Collector) -> SocketId {
        if let Some((socket, _)) = self.named.get(name) {
            return *socket;
        }
        if self.named.len() >= FOLLOWED_MAX {
            self.named.clear();
        }
        let socket = out.mint();
        out.found(socket, name, endpoint(scheme, address));
        self.named.insert(name.to_owned(), (socket, 0));
        socket
    }

    /// The number of a connection that the named listener accepts now.
    fn number(&mut self, name: &str, mark: &Mark<'_>) -> u32 {
        let Some((_, accepted)) = self.named.get_mut(name) else { return 1 };
        let number = mark.number().unwrap_or_else(|| accepted.saturating_add(1));
        *accepted = number.max(*accepted);
        number
    }

    fn datagram(
        &mut self,
        at: Timestamp,
        datagram: &Datagram<'_>,
        mark: &Mark<'_>,
        out: &mut Collector,
    ) -> Result<(), ReadError> {
        let Datagram { from, to, echo, .. } = datagram;
        let scheme = if echo.is_some() { Scheme::Icmp } else { Scheme::Udp };
        let sent = self.was_sent(datagram, mark);
        let (us, them) = if sent { (from, to) } else { (to, from) };
        let named = mark.root.filter(|_| mark.inbound.is_some()).map(|root| match (scheme, sent) {
            // Who is spoken to first is bound to an address.
            (Scheme::Udp, false) => self.named(root, Scheme::UdpBind, us, out),
            _ => self.named(root, scheme, them, out),
        });
        let key = match (named, echo, us) {
            (Some(socket), ..) => Datagrams::Named(socket),
            (None, Some((id, _)), Address::Host(ip, _)) => Datagrams::Echo(*ip, *id),
            (None, _, Address::Ip(ip)) => Datagrams::Udp(*ip),
            _ => return Ok(()),
        };
        if self.datagrams.len() >= FOLLOWED_MAX && !self.datagrams.contains_key(&key) {
            self.datagrams.clear();
        }
        let socket = if let Some(socket) = self.datagrams.get(&key) {
            *socket
        } else {
            let socket = named.unwrap_or_else(|| out.mint());
            if named.is_none() {
                let name = match echo {
                    Some((id, _)) => format!("ping-{us}-{id}"),
                    None => us.to_string(),
                };
                out.found(socket, &name, endpoint(scheme, them));
            }
            self.datagrams.insert(key, socket);
            let peer = sent.then(|| them.clone());
            out.fact(at, socket, Fact::Opened { local: us.clone(), peer })?;
            socket
        };
        let way = if sent { Way::Sent } else { Way::Received };
        let (here, missing) = (datagram.bytes.len(), datagram.missing);
        out.message(at, socket, way, Some(them), datagram.bytes, missing > 0)?;
        if missing > 0 {
            let whole = here + missing;
            let told = format!("the datagram had {whole} bytes: the first {here} are in the file");
            out.note(at, socket, "truncated", told)?;
        }
        Ok(())
    }

    /// Whether the side that is taken sent this datagram.
    fn was_sent(&self, datagram: &Datagram<'_>, mark: &Mark<'_>) -> bool {
        if let (Some(_), Some(inbound)) = (mark.root, mark.inbound) {
            return !inbound;
        }
        if let Some((_, is_request)) = datagram.echo {
            return is_request;
        }
        let (Address::Ip(from), Address::Ip(to)) = (&datagram.from, &datagram.to) else { return true };
        let is_known = |address: &SocketAddr| self.datagrams.contains_key(&Datagrams::Udp(*address));
        match (is_known(from), is_known(to)) {
            (true, _) => true,
            (false, true) => false,
            // Who speaks first is the client, unless only it has the port of a service.
            (false, false) => from.port() >= 1024 || to.port() < 1024 || to.ip().is_multicast(),
        }
    }

    /// Takes in a message that no packet carries.
    fn message(&mut self, at: Timestamp, bytes: &[u8], mark: &Mark<'_>, out: &mut Collector) -> Result<(), ReadError> {
        let root = mark.root.unwrap_or("messages");
        let socket = self.named(root, Scheme::Unix, &Address::Unix(UnixAddress::Unnamed), out);
        let socket = match mark.number() {
            None => socket,
            Some(number) => {
                if let Some(child) = self.children.get(&(socket, number)) {
                    *child
                } else {
                    if self.children.len() >= FOLLOWED_MAX {
                        self.children.clear();
                    }
                    let child = out.mint();
                    self.children.insert((socket, number), child);
                    let (local, peer) = (UnixAddress::Unnamed.into(), UnixAddress::Unnamed.into());
                    out.fact(at, child, Fact::Accepted { parent: socket, number, local, peer })?;
                    child
                }
            }
        };
        let way = if mark.inbound == Some(false) { Way::Sent } else { Way::Received };
        out.message(at, socket, way, None, bytes, false)
    }
}

/// What would open a socket of this scheme at this address, or to it.
pub(super) fn endpoint(scheme: Scheme, address: &Address) -> Endpoint {
    let address = match address {
        Address::Ip(address) => {
            EndpointAddress::HostPort(HostPort { host: Host::Ip(address.ip(), None), port: address.port() })
        }
        Address::Host(ip, _) => EndpointAddress::Host(Host::Ip(*ip, None)),
        Address::Unix(UnixAddress::Pathname(path)) => {
            EndpointAddress::Unix(UnixName::Path(String::from_utf8_lossy(path).into_owned()))
        }
        Address::Unix(UnixAddress::Abstract(name)) => {
            EndpointAddress::Unix(UnixName::Abstract(String::from_utf8_lossy(name).into_owned()))
        }
        Address::Unix(UnixAddress::Unnamed) => EndpointAddress::Unix(UnixName::Path("unnamed".to_owned())),
    };
    Endpoint::new(scheme, address)
}
