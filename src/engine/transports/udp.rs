//! UDP sockets: with a default destination, or bound to an address and answering whoever they last heard.
//!
//! Both stay unconnected, so that replies from anywhere are heard, unless the endpoint says otherwise. ICMP errors come
//! through the socket's error queue, with the destination that they are about.

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::rc::Rc;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};
use socket2::{SockRef, Type};
use tokio::io::{Interest, Ready};
use tokio::net::UdpSocket;

use super::{
    Life, Transport, bind, bind_source, bind_to_hear, connect, host_port, new_socket, own_address, resolve, tried,
    unless_closed,
};
use crate::contract::{Address, Endpoint, Fact, NetError, Operation, Scheme};
use crate::engine::datagrams::{self, Datagram, Datagrams, LONGEST_OF_IP};
use crate::engine::error_queue::{canonical, keep_errors, next_error};
use crate::engine::socket::{Ending, Socket};
use crate::engine::socket_options::join_groups;
use crate::os;

/// The longest payloads: 65,535 less the UDP header, and for IPv4 less the IP header (RFC 768, RFC 8200).
const LONGEST_V4: usize = 65_507;
const LONGEST_V6: usize = 65_527;

/// The schemes `udp` and `udp-bind`.
pub(super) struct Udp;

impl Transport for Udp {
    fn schemes(&self) -> &'static [Scheme] {
        &[Scheme::Udp, Scheme::UdpBind]
    }

    fn live(&self, socket: Socket, endpoint: Rc<Endpoint>) -> Life {
        Box::pin(async move {
            let opened = unless_closed(&socket, open(&socket, &endpoint)).await;
            match opened {
                Ok((udp, peer)) => Ending::Closed(datagrams::run(udp, &socket, &RefCell::new(endpoint), peer).await),
                Err(ending) => ending,
            }
        })
    }
}

struct Opened {
    udp: UdpSocket,
    v6: bool,
    /// The peer that it is connected to.
    connected: Option<Address>,
}

async fn open(socket: &Socket, endpoint: &Endpoint) -> Result<(Opened, Option<Address>), NetError> {
    let mut last = None;
    for address in resolve(socket, host_port(endpoint)?).await? {
        match open_one(socket, endpoint, address).await {
            Ok(udp) => {
                let peer = (endpoint.scheme == Scheme::Udp).then_some(Address::Ip(address));
                return Ok((udp, peer));
            }
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| NetError::other(Operation::Getaddrinfo, None, "the name has no address")))
}

async fn open_one(socket: &Socket, endpoint: &Endpoint, address: SocketAddr) -> Result<Opened, NetError> {
    let fd = new_socket(socket, endpoint, address, Type::DGRAM).await?;
    if address.is_ipv6() {
        keep_errors(socket, &fd, true).await?;
    }
    // An IPv6 socket may have IPv4 peers, too.
    keep_errors(socket, &fd, false).await?;
    let peer = (endpoint.scheme == Scheme::Udp).then_some(address);
    if peer.is_none() {
        bind_to_hear(socket, &fd, address, tried(endpoint, address)).await?;
    } else if !bind_source(socket, endpoint, &fd, address).await? {
        let own = SocketAddr::new(own_address(address.ip()), 0);
        bind(socket, &fd, own, own.to_string()).await?;
    }
    join_groups(socket, endpoint, fd.as_fd()).await?;
    let connected = match peer.filter(|_| endpoint.connected()) {
        Some(peer) => {
            connect(socket, &fd, &peer.into(), peer.to_string(), NetError::from_io).await?;
            Some(Address::Ip(peer))
        }
        None => None,
    };
    let udp = os::once("epoll_ctl", || UdpSocket::from_std(fd.into()))
        .and_then(|udp| Ok((os::call("getsockname", || udp.local_addr())?, udp)));
    let (local, udp) =
        udp.map_err(|error| NetError::from_io(Operation::Bind, Some(tried(endpoint, address)), &error))?;
    socket.report(Fact::Opened { local: local.into(), peer: peer.map(Address::from) }).await;
    Ok(Opened { udp, v6: local.is_ipv6(), connected })
}

impl AsFd for Opened {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.udp.as_fd()
    }
}

impl Datagrams for Opened {
    const LONGEST: usize = LONGEST_OF_IP;

    async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.udp.ready(interest).await
    }

    fn try_recv(&self, buffer: &mut [u8]) -> io::Result<Option<Datagram>> {
        let (len, from) = os::call("recvfrom", || self.udp.try_recv_from(buffer))?;
        Ok(Some(Datagram { len, whole: len, from: canonical(from).into(), beside: None }))
    }

    fn try_discard(&self) -> io::Result<Option<usize>> {
        // With MSG_TRUNC the result is the datagram's real length, whatever the buffer's.
        let discard = || Ok(recv(self.udp.as_raw_fd(), &mut [0; 1], MsgFlags::MSG_TRUNC)?);
        os::call("recv", || self.udp.try_io(Interest::READABLE, discard)).map(Some)
    }

    fn try_send(&self, bytes: &[u8], to: &Address) -> io::Result<Option<Fact>> {
        if self.connected.as_ref() == Some(to) {
            return os::call("send", || self.udp.try_send(bytes)).map(|_| None);
        }
        let to = to.socket_address().ok_or(Errno::EAFNOSUPPORT)?;
        os::call("sendto", || self.udp.try_send_to(bytes, if self.v6 { mapped(to) } else { to }))?;
        Ok(None)
    }

    fn refusal(&self, len: usize, to: &Address) -> Option<NetError> {
        let longest = if to.socket_address()?.is_ipv4() { LONGEST_V4 } else { LONGEST_V6 };
        let too_long = || NetError::from_errno(Operation::Send, Some(to.to_string()), Errno::EMSGSIZE as i32);
        (len > longest).then(too_long)
    }

    fn send_error(&self, to: &Address, error: &io::Error) -> NetError {
        let plain = NetError::from_io(Operation::Send, Some(to.to_string()), error);
        let is_broadcast_off = SockRef::from(self).broadcast().is_ok_and(|on| !on);
        if plain.errno == Some(Errno::EACCES as i32) && is_broadcast_off {
            let cause =
                "that is a broadcast address, and the socket may not send to one: SO_BROADCAST is off".to_owned();
            return NetError { cause, ..plain }.with_hint("Open it with broadcast=true, or set the option");
        }
        if plain.errno == Some(Errno::ENETUNREACH as i32) && is_group(to) {
            // Linux gives the loopback interface a route for groups of IPv4 only.
            return plain.with_hint("Name an interface that carries groups, for IPv6 another than lo: join=GROUP@eth0");
        }
        plain
    }

    fn try_error(&self) -> io::Result<Option<NetError>> {
        Ok(self.udp.try_io(Interest::ERROR, || next_error(self))?.failure())
    }
}

fn is_group(address: &Address) -> bool {
    address.socket_address().is_some_and(|address| address.ip().is_multicast())
}

/// The address by which an IPv6 socket reaches an IPv4 peer.
fn mapped(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) => SocketAddr::new(IpAddr::V6(ip.to_ipv6_mapped()), address.port()),
        IpAddr::V6(_) => address,
    }
}
