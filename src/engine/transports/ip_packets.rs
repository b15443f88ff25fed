//! Sockets without ports, for ICMP and for other protocols right above IP.
//!
//! Owns the calls that move their packets, and what is said where the privilege for them is missing. It knows no
//! header behind that of IP.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg};
use socket2::{Domain, Protocol, SockRef, Type};
use tokio::io::{Interest, Ready};
use tokio::net::UdpSocket;

use super::resolve;
use crate::contract::{Address, Endpoint, EndpointAddress, HostPort, NetError, Operation};
use crate::engine::error_queue::{Told, canonical, host, next_error, socket_address};
use crate::engine::socket::Socket;
use crate::os;

/// The longest IP packet, in bytes.
pub(super) const LONGEST_PACKET: usize = 65_535;

/// A socket whose packets have no ports, and that never blocks. The type inside is one for descriptors of any datagram
/// socket: of its own calls only those that wait are made.
pub(super) struct IpSocket(UdpSocket);

/// A packet that was taken.
pub(super) struct Packet {
    /// How many bytes of it are in the buffer.
    pub(super) len: usize,
    /// How many it had.
    pub(super) whole: usize,
    /// From whom.
    pub(super) from: SocketAddr,
    /// How many routers it might still have passed, where the socket was told to say so.
    pub(super) hops: Option<i32>,
}

/// The addresses of the endpoint's host, in the order in which to try them; never empty.
///
/// # Errors
/// When nobody knows the name, or the interface.
pub(super) async fn hosts(socket: &Socket, endpoint: &Endpoint) -> Result<Vec<SocketAddr>, NetError> {
    match &endpoint.address {
        EndpointAddress::Host(host) => resolve(socket, &HostPort { host: host.clone(), port: 0 }).await,
        other => Err(NetError::other(Operation::Socket, Some(other.to_string()), "a host is missing")),
    }
}

/// `socket(2)`: a new socket that never blocks, of the family of `ip`. `protocol` is shown as `name`.
///
/// # Errors
/// What the system says.
pub(super) async fn new_ip_socket(
    socket: &Socket,
    ip: IpAddr,
    kind: Type,
    (protocol, name): (Protocol, &str),
) -> io::Result<socket2::Socket> {
    let (domain, family) = if ip.is_ipv4() { (Domain::IPV4, "AF_INET") } else { (Domain::IPV6, "AF_INET6") };
    let kind_name = if kind == Type::RAW { "SOCK_RAW" } else { "SOCK_DGRAM" };
    let made = os::call("socket", || socket2::Socket::new(domain, kind.nonblocking(), Some(protocol)));
    socket.call_with("socket", format!("{family}, {kind_name}, {name}"), &made, AsRawFd::as_raw_fd).await;
    made
}

/// What it means that the system gave no raw socket. `otherwise` is what could be done instead of giving the privilege.
pub(super) fn not_allowed(address: &EndpointAddress, error: &io::Error, otherwise: &str) -> NetError {
    let plain = NetError::from_io(Operation::Socket, Some(address.to_string()), error);
    if plain.errno != Some(Errno::EPERM as i32) && plain.errno != Some(Errno::EACCES as i32) {
        return plain;
    }
    let cause = "a raw socket needs the privilege CAP_NET_RAW, which this process does not have".to_owned();
    let program = std::env::current_exe().map_or_else(|_| "sockbench".to_owned(), |path| path.display().to_string());
    let hint = format!("{otherwise}sudo setcap cap_net_raw+ep '{program}' gives it, or run it as root");
    NetError { cause, ..plain }.with_hint(hint)
}

impl IpSocket {
    /// Of a socket that never blocks.
    ///
    /// # Errors
    /// When the system refuses to wait for it.
    pub(super) fn new(fd: socket2::Socket) -> Result<Self, NetError> {
        let made = os::once("epoll_ctl", || UdpSocket::from_std(fd.into()));
        made.map(Self).map_err(|error| NetError::from_io(Operation::Socket, None, &error))
    }

    /// The address that it is bound to.
    pub(super) fn local(&self) -> io::Result<Address> {
        let local = os::call("getsockname", || SockRef::from(&self.0).local_addr())?;
        local.as_socket().map(host).ok_or_else(|| Errno::EAFNOSUPPORT.into())
    }

    /// Waits until it may be ready for one of these.
    pub(super) async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.0.ready(interest).await
    }

    /// Takes one packet.
    pub(super) fn recv(&self, buffer: &mut [u8]) -> io::Result<Packet> {
        let take = |buffer: &mut [u8]| {
            let most = buffer.len();
            let mut buffer = [IoSliceMut::new(buffer)];
            let mut control = nix::cmsg_space!(libc::c_int);
            let flags = MsgFlags::MSG_TRUNC;
            let message = recvmsg::<SockaddrStorage>(self.0.as_raw_fd(), &mut buffer, Some(&mut control), flags)?;
            let from = message.address.as_ref().and_then(socket_address).ok_or(Errno::EAFNOSUPPORT)?;
            let hops = message.cmsgs()?.find_map(|control| match control {
                ControlMessageOwned::Ipv4Ttl(hops) | ControlMessageOwned::Ipv6HopLimit(hops) => Some(hops),
                _ => None,
            });
            let whole = message.bytes;
            Ok(Packet { len: whole.min(most), whole, from: canonical(from), hops })
        };
        os::call("recvmsg", || self.0.try_io(Interest::READABLE, || take(buffer)))
    }

    /// Sends one packet, and tells its length.
    pub(super) fn send(&self, bytes: &[u8], to: &Address) -> io::Result<usize> {
        let mut to = to.socket_address().ok_or(Errno::EAFNOSUPPORT)?;
        to.set_port(0);
        let send = || SockRef::from(&self.0).send_to(bytes, &to.into());
        os::call("sendto", || self.0.try_io(Interest::WRITABLE, send))
    }

    /// Takes the next entry out of the error queue.
    pub(super) fn next_error(&self) -> io::Result<Told> {
        self.0.try_io(Interest::ERROR, || next_error(&self.0))
    }
}

impl AsFd for IpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
