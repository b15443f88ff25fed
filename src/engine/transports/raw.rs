//! Raw IP sockets: whole packets of one protocol to and from one host.
//!
//! Of an IPv4 packet the IP header is received, too, as `recv(2)` gives it (raw(7)); of an IPv6 packet it is not
//! (RFC 3542). The kernel writes the header of what is sent.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;

use nix::errno::Errno;
use socket2::{Protocol, Type};
use tokio::io::{Interest, Ready};

use super::ip_packets::{IpSocket, LONGEST_PACKET, hosts, new_ip_socket, not_allowed};
use super::{Life, Transport, connect, unless_closed};
use crate::contract::{Address, Endpoint, Fact, NetError, Operation, Scheme};
use crate::engine::datagrams::{self, Datagram, Datagrams, LONGEST_OF_IP};
use crate::engine::error_queue::{host, keep_errors};
use crate::engine::socket::{Ending, Socket};
use crate::engine::socket_options::set_before_bind;

/// The scheme `raw`.
pub(super) struct Raw;

impl Transport for Raw {
    fn schemes(&self) -> &'static [Scheme] {
        &[Scheme::Raw]
    }

    fn live(&self, socket: Socket, endpoint: Rc<Endpoint>) -> Life {
        Box::pin(async move {
            let opened = unless_closed(&socket, open(&socket, &endpoint)).await;
            match opened {
                Ok((raw, peer)) => {
                    Ending::Closed(datagrams::run(raw, &socket, &RefCell::new(endpoint), Some(peer)).await)
                }
                Err(ending) => ending,
            }
        })
    }
}

struct Opened(IpSocket);

async fn open(socket: &Socket, endpoint: &Endpoint) -> Result<(Opened, Address), NetError> {
    let mut last = None;
    for address in hosts(socket, endpoint).await? {
        match open_one(socket, endpoint, address).await {
            Ok(raw) => return Ok((raw, host(address))),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| NetError::other(Operation::Getaddrinfo, None, "the name has no address")))
}

async fn open_one(socket: &Socket, endpoint: &Endpoint, address: SocketAddr) -> Result<Opened, NetError> {
    let number = endpoint.protocol();
    let protocol = (Protocol::from(i32::from(number)), number.to_string());
    let made = new_ip_socket(socket, address.ip(), Type::RAW, (protocol.0, &protocol.1)).await;
    let fd = made.map_err(|error| not_allowed(&endpoint.address, &error, ""))?;
    set_before_bind(socket, endpoint, fd.as_fd()).await?;
    keep_errors(socket, &fd, address.is_ipv6()).await?;
    // So that the kernel keeps away the packets of other hosts.
    let shown = host(address).to_string();
    connect(socket, &fd, &address.into(), shown.clone(), NetError::from_io).await?;
    let fd = IpSocket::new(fd)?;
    let local = fd.local().map_err(|error| NetError::from_io(Operation::Connect, Some(shown), &error))?;
    socket.report(Fact::Opened { local, peer: Some(host(address)) }).await;
    Ok(Opened(fd))
}

impl AsFd for Opened {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Datagrams for Opened {
    const LONGEST: usize = LONGEST_OF_IP;

    async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.0.ready(interest).await
    }

    fn try_recv(&self, buffer: &mut [u8]) -> io::Result<Option<Datagram>> {
        let packet = self.0.recv(buffer)?;
        Ok(Some(Datagram { len: packet.len, whole: packet.whole, from: host(packet.from), beside: None }))
    }

    fn try_send(&self, bytes: &[u8], to: &Address) -> io::Result<Option<Fact>> {
        self.0.send(bytes, to)?;
        Ok(None)
    }

    fn refusal(&self, len: usize, to: &Address) -> Option<NetError> {
        (len > LONGEST_PACKET).then(|| self.send_error(to, &Errno::EMSGSIZE.into()))
    }

    fn send_error(&self, to: &Address, error: &io::Error) -> NetError {
        let plain = NetError::from_io(Operation::Send, Some(to.to_string()), error);
        if plain.errno == Some(Errno::EMSGSIZE as i32) {
            let cause = "that is longer than an IP packet can be".to_owned();
            return NetError { cause, ..plain }.with_hint("At most 65,515 bytes over IPv4 and 65,535 over IPv6");
        }
        plain
    }

    fn try_error(&self) -> io::Result<Option<NetError>> {
        Ok(self.0.next_error()?.failure())
    }
}
