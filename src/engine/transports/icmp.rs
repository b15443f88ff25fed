//! ICMP echo sockets: what is sent is the data of an echo request, and what is received is that of a reply.
//!
//! Of the two kinds that the system has, the one for everybody is tried first: there the kernel writes the identifier
//! and hands on nobody else's replies. A raw socket needs a privilege, and hears all of ICMP, most of which is not its
//! business.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Instant;

use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Protocol, Type};
use tokio::io::{Interest, Ready};

use super::ip_packets::{IpSocket, LONGEST_PACKET, hosts, new_ip_socket, not_allowed};
use super::{Life, Transport, own_address, unless_closed};
use crate::contract::{Address, Endpoint, EndpointAddress, Fact, NetError, Operation, Scheme};
use crate::engine::datagrams::{self, Datagram, Datagrams, LONGEST_OF_IP};
use crate::engine::error_queue::{host, keep_errors};
use crate::engine::socket::{Ending, Socket};
use crate::engine::socket_options::{option, set_before_bind};
use crate::os;

/// The header of an echo: type, code, checksum, identifier, sequence number (RFC 792, RFC 4443 4.1).
const HEADER: usize = 8;

/// The shortest IPv4 header, in bytes.
const SHORTEST_IPV4: usize = 20;

/// How many requests are remembered to tell how long their replies took.
const REMEMBERED: usize = 1024;

/// What lets everybody open the kind of socket that needs no privilege.
const WITHOUT_PRIVILEGE: &str =
    "sudo sysctl -w net.ipv4.ping_group_range=\"0 2147483647\" lets every user ping without it; ";

/// The scheme `icmp`.
pub(super) struct Icmp;

impl Transport for Icmp {
    fn schemes(&self) -> &'static [Scheme] {
        &[Scheme::Icmp]
    }

    fn live(&self, socket: Socket, endpoint: Rc<Endpoint>) -> Life {
        Box::pin(async move {
            let opened = unless_closed(&socket, open(&socket, &endpoint)).await;
            match opened {
                Ok((echo, peer)) => {
                    Ending::Closed(datagrams::run(echo, &socket, &RefCell::new(endpoint), Some(peer)).await)
                }
                Err(ending) => ending,
            }
        })
    }
}

struct Echo {
    fd: IpSocket,
    v6: bool,
    raw: bool,
    id: u16,
    /// The sequence number of the last request, and when it and those before it were sent.
    last: Cell<u16>,
    sent: RefCell<VecDeque<Instant>>,
}

async fn open(socket: &Socket, endpoint: &Endpoint) -> Result<(Echo, Address), NetError> {
    let mut last = None;
    for address in hosts(socket, endpoint).await? {
        match open_one(socket, endpoint, address).await {
            Ok(echo) => return Ok((echo, host(address))),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| NetError::other(Operation::Getaddrinfo, None, "the name has no address")))
}

async fn open_one(socket: &Socket, endpoint: &Endpoint, address: SocketAddr) -> Result<Echo, NetError> {
    let (ip, v6) = (address.ip(), address.is_ipv6());
    let protocol = if v6 { (Protocol::ICMPV6, "IPPROTO_ICMPV6") } else { (Protocol::ICMPV4, "IPPROTO_ICMP") };
    let (fd, raw) = match new_ip_socket(socket, ip, Type::DGRAM, protocol).await {
        Ok(fd) => (fd, false),
        Err(without) => match new_ip_socket(socket, ip, Type::RAW, protocol).await {
            Ok(fd) => (fd, true),
            Err(error) => return Err(neither_allowed(&endpoint.address, &without, &error)),
        },
    };
    set_before_bind(socket, endpoint, fd.as_fd()).await?;
    keep_errors(socket, &fd, v6).await?;
    if v6 {
        let set = || fd.set_recv_hoplimit_v6(true);
        option(socket, "IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1".to_owned(), set).await?;
    } else {
        let set = || setsockopt(&fd, sockopt::Ipv4RecvTtl, &true).map_err(io::Error::from);
        option(socket, "IPPROTO_IP, IP_RECVTTL, 1".to_owned(), set).await?;
    }
    let own = own_address(ip);
    let bound = os::call("bind", || fd.bind(&SocketAddr::new(own, 0).into()));
    socket.call("bind", own.to_string(), &bound).await;
    let failed = |error: io::Error| NetError::from_io(Operation::Bind, Some(own.to_string()), &error);
    bound.map_err(failed)?;
    let given =
        os::call("getsockname", || fd.local_addr()).map_err(failed)?.as_socket().map_or(0, |local| local.port());
    let fd = IpSocket::new(fd)?;
    let local = fd.local().map_err(failed)?;
    socket.report(Fact::Opened { local, peer: Some(host(address)) }).await;
    let id = if raw { unused_id() } else { given };
    Ok(Echo { fd, v6, raw, id, last: Cell::new(0), sent: RefCell::default() })
}

/// What it means that the system gave neither kind of socket.
fn neither_allowed(address: &EndpointAddress, without: &io::Error, raw: &io::Error) -> NetError {
    let told = not_allowed(address, raw, WITHOUT_PRIVILEGE);
    // The range is of groups, and EACCES is how it refuses (icmp(7)).
    let is_refused = |errno| errno == Errno::EPERM as i32 || errno == Errno::EACCES as i32;
    if without.raw_os_error() != Some(Errno::EACCES as i32) || !told.errno.is_some_and(is_refused) {
        return told;
    }
    let cause = "this user is in no group of net.ipv4.ping_group_range, which lets groups ping without privilege, and a \
                 raw socket needs CAP_NET_RAW";
    NetError { cause: cause.to_owned(), ..told }
}

/// An identifier that no other raw socket of this process has, and that of another process hardly.
fn unused_id() -> u16 {
    static USED: AtomicU16 = AtomicU16::new(0);
    let [low, high, ..] = std::process::id().to_le_bytes();
    u16::from_le_bytes([low, high]).wrapping_add(USED.fetch_add(1, Ordering::Relaxed).wrapping_mul(257))
}

impl Echo {
    const fn protocol(&self) -> &'static str {
        if self.v6 { "ICMPv6" } else { "ICMP" }
    }

    fn request(&self, data: &[u8], sequence: u16) -> Vec<u8> {
        let mut message = Vec::with_capacity(HEADER + data.len());
        message.extend([if self.v6 { 128 } else { 8 }, 0, 0, 0]);
        message.extend(self.id.to_be_bytes());
        message.extend(sequence.to_be_bytes());
        message.extend(data);
        if self.raw && !self.v6 {
            // Elsewhere the kernel does it.
            let sum = checksum(&message);
            message[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        message
    }

    /// When a request was sent that is not long ago.
    fn sent_at(&self, sequence: u16) -> Option<Instant> {
        let sent = self.sent.borrow();
        let back = usize::from(self.last.get().wrapping_sub(sequence));
        sent.len().checked_sub(back + 1).and_then(|index| sent.get(index).copied())
    }

    /// Where the data of a reply is that is for us, and its sequence number.
    fn reply(&self, packet: &[u8]) -> Option<(usize, u16)> {
        // A raw IPv4 socket is given the IP header, too, whose length in words is in the low half of its first byte.
        let start = if self.raw && !self.v6 { usize::from(*packet.first()? & 0xf) * 4 } else { 0 };
        if self.raw && !self.v6 && start < SHORTEST_IPV4 {
            return None;
        }
        let header = packet.get(start..start + HEADER)?;
        let reply = if self.v6 { 129 } else { 0 };
        let id = u16::from_be_bytes([header[4], header[5]]);
        let is_ours = header[..2] == [reply, 0] && id == self.id;
        is_ours.then(|| (start + HEADER, u16::from_be_bytes([header[6], header[7]])))
    }
}

/// The checksum of a whole message in which it is 0 (RFC 1071).
fn checksum(message: &[u8]) -> u16 {
    let words =
        message.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

impl AsFd for Echo {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Datagrams for Echo {
    const LONGEST: usize = LONGEST_OF_IP;

    async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.fd.ready(interest).await
    }

    fn try_recv(&self, buffer: &mut [u8]) -> io::Result<Option<Datagram>> {
        let packet = self.fd.recv(buffer)?;
        let Some((start, sequence)) = self.reply(&buffer[..packet.len]) else { return Ok(None) };
        buffer.copy_within(start..packet.len, 0);
        let hops = packet.hops.map_or_else(String::new, |hops| format!(", ttl {hops}"));
        let took = self.sent_at(sequence).map(|sent| sent.elapsed().as_micros());
        let took = took.map_or_else(String::new, |micros| format!(", {}.{:03} ms", micros / 1000, micros % 1000));
        let whole = packet.whole - start;
        let beside = Fact::Call {
            call: "recvfrom".into(),
            args: format!("{} echo reply, id {}, seq {sequence}{hops}", self.protocol(), self.id),
            result: format!("{}{took}", whole + HEADER),
        };
        Ok(Some(Datagram { len: packet.len - start, whole, from: host(packet.from), beside: Some(beside) }))
    }

    fn try_send(&self, bytes: &[u8], to: &Address) -> io::Result<Option<Fact>> {
        let sequence = self.last.get().wrapping_add(1);
        let message = self.request(bytes, sequence);
        let now = Instant::now();
        let len = self.fd.send(&message, to)?;
        self.last.set(sequence);
        let mut sent = self.sent.borrow_mut();
        if sent.len() == REMEMBERED {
            sent.pop_front();
        }
        sent.push_back(now);
        let (protocol, id, data) = (self.protocol(), self.id, bytes.len());
        Ok(Some(Fact::Call {
            call: "sendto".into(),
            args: format!("{protocol} echo request, id {id}, seq {sequence}, {data} bytes, {to}"),
            result: len.to_string(),
        }))
    }

    fn refusal(&self, len: usize, to: &Address) -> Option<NetError> {
        let longest = LONGEST_PACKET - HEADER - if self.v6 { 0 } else { SHORTEST_IPV4 };
        let too_long = || NetError::from_errno(Operation::Send, Some(to.to_string()), Errno::EMSGSIZE as i32);
        (len > longest).then(too_long)
    }

    fn try_error(&self) -> io::Result<Option<NetError>> {
        let told = self.fd.next_error()?;
        // A raw socket is told of the requests of others, too.
        let is_ours = !self.raw || told.head[4..6] == self.id.to_be_bytes();
        Ok(told.failure().filter(|_| is_ours))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn who_may_open_neither_kind_of_socket_is_told_both_ways() {
        let endpoint: Endpoint = "icmp://127.0.0.1".parse().unwrap();
        let of =
            |without: Errno, raw: Errno| neither_allowed(&endpoint.address, &without.into(), &raw.into()).to_string();
        let told = of(Errno::EACCES, Errno::EPERM);
        for part in ["in no group of", "sudo sysctl -w net.ipv4.ping_group_range=", "sudo setcap cap_net_raw+ep"] {
            assert!(told.contains(part), "{told}");
        }
        // What is not refused to this user alone has other words.
        assert!(!of(Errno::EPROTONOSUPPORT, Errno::EPERM).contains("in no group"));
        assert!(!of(Errno::EACCES, Errno::EMFILE).contains("CAP_NET_RAW"));
    }

    #[test]
    fn the_checksum_of_the_rfc() {
        // RFC 1071, section 3.
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
    }

    proptest! {
        // RFC 1071: with the checksum in its place, the sum over the whole is all ones. For an odd length the last
        // byte counts as the upper half of a word.
        #[test]
        fn a_message_with_its_checksum_checks(mut message in prop::collection::vec(any::<u8>(), 8..100)) {
            message[2..4].fill(0);
            let sum = checksum(&message);
            message[2..4].copy_from_slice(&sum.to_be_bytes());
            prop_assert_eq!(checksum(&message), 0);
        }
    }
}
