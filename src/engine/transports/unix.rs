//! Unix clients: connect to a path or an abstract name, then pump; streams and sequenced packets.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use nix::errno::Errno;
use socket2::{SockAddr, Type};
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};

use super::client::{self, Connection};
use super::unix_bind::{sock_addr, told_address, unix_address};
use super::unix_connection::{Packets, new_unix_socket, unix_stream};
use super::{Life, Transport, unix_name};
use crate::contract::{Address, Endpoint, NetError, Operation, Scheme};
use crate::engine::socket::Socket;
use crate::os;

/// How long to wait before a full backlog is asked again: the system does not tell when it has room.
const FULL_BACKLOG: Duration = Duration::from_millis(20);

/// The schemes `unix` and `unix-seqpacket`.
pub(super) struct Unix;

impl Transport for Unix {
    fn schemes(&self) -> &'static [Scheme] {
        &[Scheme::Unix, Scheme::UnixSeqpacket]
    }

    fn live(&self, socket: Socket, endpoint: Rc<Endpoint>) -> Life {
        if endpoint.scheme == Scheme::Unix {
            Box::pin(client::live(socket, endpoint, open_stream))
        } else {
            Box::pin(client::live(socket, endpoint, open_packets))
        }
    }
}

async fn open_stream(socket: &Socket, endpoint: &Endpoint) -> Result<Connection<UnixStream>, NetError> {
    let (fd, local, peer) = open(socket, endpoint, Type::STREAM).await?;
    Ok(Connection { stream: unix_stream(fd)?, local, peer })
}

async fn open_packets(socket: &Socket, endpoint: &Endpoint) -> Result<Connection<Packets>, NetError> {
    let (fd, local, peer) = open(socket, endpoint, Type::SEQPACKET).await?;
    Ok(Connection { stream: Packets::new(socket, fd).await?, local, peer })
}

/// A connected socket, and the addresses of both its ends.
async fn open(
    socket: &Socket,
    endpoint: &Endpoint,
    kind: Type,
) -> Result<(socket2::Socket, Address, Address), NetError> {
    let name = unix_name(endpoint)?;
    let shown = unix_address(name).to_string();
    let failed = |error: &io::Error| NetError::from_unix(Operation::Connect, Some(shown.clone()), error);
    let address = sock_addr(name).map_err(|error| failed(&error))?;
    let fd = new_unix_socket(socket, endpoint, kind).await?;
    match timeout(endpoint.connect_timeout(), connect(socket, &fd, &address, &shown)).await {
        Ok(connected) => connected.map_err(|error| failed(&error))?,
        Err(_) => return Err(failed(&Errno::ETIMEDOUT.into())),
    }
    let told = os::call("getsockname", || fd.local_addr())
        .and_then(|local| Ok((local, os::call("getpeername", || fd.peer_addr())?)));
    let (local, peer) = told.map_err(|error| failed(&error))?;
    Ok((fd, told_address(&local), told_address(&peer)))
}

/// `connect(2)`, which is over at once, unless the listener's backlog is full.
async fn connect(socket: &Socket, fd: &socket2::Socket, address: &SockAddr, shown: &str) -> io::Result<()> {
    let is_full =
        |result: &io::Result<()>| result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
    let mut connected = os::call("connect", || fd.connect(address));
    socket.call("connect", shown.to_owned(), &connected).await;
    if is_full(&connected) {
        socket.note("connect", "the listener's queue of connections is full: waiting until it accepts one").await;
        while is_full(&connected) {
            sleep(FULL_BACKLOG).await;
            connected = os::call("connect", || fd.connect(address));
        }
        socket.call("connect", shown.to_owned(), &connected).await;
    }
    connected
}
