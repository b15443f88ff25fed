//! The kinds of sockets that can be opened: one file each, behind one trait and one list.
//!
//! A transport opens sockets of its schemes, reports each system call that it takes, and lives their lives to the end.

mod client;
mod icmp;
mod ip_packets;
mod pair;
mod raw;
mod tcp;
mod tcp_listen;
mod udp;
mod unix;
mod unix_bind;
mod unix_connection;
mod unix_dgram;
mod unix_listen;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};
use std::pin::Pin;
use std::rc::Rc;

use socket2::{Domain, Protocol, SockAddr, Type};

pub(super) use unix_bind::told_address;

use super::holder::explained;
use super::resolve::resolve;
use super::socket::{Ending, Socket};
use super::socket_options::{option, set_before_bind};
use crate::contract::{Endpoint, EndpointAddress, HostPort, NetError, Operation, Scheme, UnixName};
use crate::os;

/// A socket's life, from opening to the end.
pub(super) type Life = Pin<Box<dyn Future<Output = Ending>>>;

/// How sockets of some schemes live.
pub(super) trait Transport: Sync {
    /// The schemes that it opens.
    fn schemes(&self) -> &'static [Scheme];

    /// Opens a socket, and lives its life.
    fn live(&self, socket: Socket, endpoint: Rc<Endpoint>) -> Life;
}

/// Every transport.
static TRANSPORTS: &[&dyn Transport] = &[
    &tcp::Tcp,
    &tcp_listen::TcpListen,
    &udp::Udp,
    &unix::Unix,
    &unix_listen::UnixListen,
    &unix_dgram::UnixDgram,
    &icmp::Icmp,
    &raw::Raw,
    &pair::Pair,
];

/// The transport that opens a scheme.
pub(super) fn transport(scheme: Scheme) -> Option<&'static dyn Transport> {
    TRANSPORTS.iter().copied().find(|transport| transport.schemes().contains(&scheme))
}

/// What opening comes to, unless the socket is told to close before: then, and where it fails, the socket's ending.
async fn unless_closed<T>(socket: &Socket, opening: impl Future<Output = Result<T, NetError>>) -> Result<T, Ending> {
    tokio::select! {
        biased;
        reason = socket.closing() => Err(Ending::Closed(reason)),
        opened = opening => opened.map_err(Ending::Failed),
    }
}

/// The address as the user wrote it, and the one that it stood for, where that is another.
fn tried(endpoint: &Endpoint, address: SocketAddr) -> String {
    let written = endpoint.address.to_string();
    if written == address.to_string() { written } else { format!("{written} ({address})") }
}

/// `socket(2)`: a new socket that never blocks, of the family that `address` needs, with the endpoint's options.
async fn new_socket(
    socket: &Socket,
    endpoint: &Endpoint,
    address: SocketAddr,
    kind: Type,
) -> Result<socket2::Socket, NetError> {
    let (domain, family) = if address.is_ipv4() { (Domain::IPV4, "AF_INET") } else { (Domain::IPV6, "AF_INET6") };
    let (protocol, kind_name) =
        if kind == Type::STREAM { (Protocol::TCP, "SOCK_STREAM") } else { (Protocol::UDP, "SOCK_DGRAM") };
    let made = os::call("socket", || socket2::Socket::new(domain, kind.nonblocking(), Some(protocol)));
    socket.call_with("socket", format!("{family}, {kind_name}, 0"), &made, AsRawFd::as_raw_fd).await;
    let made = made.map_err(|error| NetError::from_io(Operation::Socket, Some(address.to_string()), &error))?;
    set_before_bind(socket, endpoint, made.as_fd()).await?;
    if kind == Type::STREAM {
        // Else an urgent byte stays behind in the kernel when the stream is read. What a listener accepts has it, too.
        let set = || made.set_out_of_band_inline(true);
        option(socket, "SOL_SOCKET, SO_OOBINLINE, 1".to_owned(), set).await?;
    }
    Ok(made)
}

/// What to bind a socket to that sends to this address: a destination on this machine is answered from it, so nobody
/// else needs to be heard.
const fn own_address(peer: IpAddr) -> IpAddr {
    match peer {
        ip if ip.is_loopback() => ip,
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

/// The host and port that an endpoint of this kind has.
fn host_port(endpoint: &Endpoint) -> Result<&HostPort, NetError> {
    match &endpoint.address {
        EndpointAddress::HostPort(target) => Ok(target),
        other => Err(NetError::other(Operation::Socket, Some(other.to_string()), "a host and a port are missing")),
    }
}

/// The name that an endpoint of this kind has.
fn unix_name(endpoint: &Endpoint) -> Result<&UnixName, NetError> {
    match &endpoint.address {
        EndpointAddress::Unix(name) => Ok(name),
        other => Err(NetError::other(Operation::Socket, Some(other.to_string()), "a path is missing")),
    }
}

/// `bind(2)` of a socket that waits for others, and what a wildcard of IPv6 hears.
async fn bind_to_hear(
    socket: &Socket,
    fd: &socket2::Socket,
    address: SocketAddr,
    shown: String,
) -> Result<(), NetError> {
    bind(socket, fd, address, shown).await?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        let hears = match fd.only_v6() {
            Ok(false) => "[::] is dual-stack: it hears IPv4 as well (v6only=true changes that)",
            _ => "[::] hears IPv6 only (v6only is on)",
        };
        socket.note("bind", hears).await;
    }
    Ok(())
}

/// `bind(2)`.
async fn bind(socket: &Socket, fd: &socket2::Socket, address: SocketAddr, shown: String) -> Result<(), NetError> {
    let bound = os::call("bind", || fd.bind(&address.into()));
    socket.call("bind", address.to_string(), &bound).await;
    if let Err(error) = bound {
        let datagram = fd.r#type().is_ok_and(|kind| kind == Type::DGRAM);
        let error = NetError::from_io(Operation::Bind, Some(shown), &error);
        return Err(explained(error, &address.into(), datagram).await);
    }
    Ok(())
}

/// `connect(2)` of a datagram socket: it is done at once, for nothing is asked of the peer.
async fn connect(
    socket: &Socket,
    fd: &socket2::Socket,
    peer: &SockAddr,
    shown: String,
    failure: fn(Operation, Option<String>, &io::Error) -> NetError,
) -> Result<(), NetError> {
    let connected = os::call("connect", || fd.connect(peer));
    socket.call("connect", shown.clone(), &connected).await;
    connected.map_err(|error| failure(Operation::Connect, Some(shown), &error))
}

/// Binds the `source` of an endpoint, if it has one that fits the family of `peer`.
async fn bind_source(
    socket: &Socket,
    endpoint: &Endpoint,
    fd: &socket2::Socket,
    peer: SocketAddr,
) -> Result<bool, NetError> {
    let Some(source) = endpoint.source() else {
        return Ok(false);
    };
    let found = resolve(socket, source).await?;
    // One of another family makes bind(2) fail, and say why.
    let Some(address) = found.iter().find(|found| found.is_ipv4() == peer.is_ipv4()).or(found.first()) else {
        return Ok(false);
    };
    bind(socket, fd, *address, source.to_string()).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::SCHEMES;

    #[test]
    fn every_scheme_has_one_transport() {
        for spec in SCHEMES {
            let count = TRANSPORTS.iter().filter(|transport| transport.schemes().contains(&spec.scheme)).count();
            assert_eq!(count, 1, "{}", spec.name);
        }
    }
}
