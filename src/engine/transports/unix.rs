//! Unix clients: connect to a path or an abstract name, then pump; streams and sequenced packets.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use nix::errno::Errno;
use socket2::{SockAddr, Type};
use tokio::time::{sleep, timeout};

use super::unix_bind::{sock_addr, told_address, unix_address};
use super::unix_connection::{Packets, new_unix_socket, unix_stream};
use super::{Life, Transport, unix_name, unless_closed};
use crate::contract::{Endpoint, Fact, NetError, Operation, Scheme};
use crate::engine::pump;
use crate::engine::socket::{Ending, Socket};

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
            Box::pin(async move {
                let opening = async { unix_stream(open(&socket, &endpoint, Type::STREAM).await?) };
                let opened = unless_closed(&socket, opening).await;
                match opened {
                    Ok(stream) => Ending::Closed(pump::run(stream, &socket, &endpoint).await),
                    Err(ending) => ending,
                }
            })
        } else {
            Box::pin(async move {
                let opening = async { Packets::new(&socket, open(&socket, &endpoint, Type::SEQPACKET).await?).await };
                let opened = unless_closed(&socket, opening).await;
                match opened {
                    Ok(packets) => Ending::Closed(pump::run(packets, &socket, &endpoint).await),
                    Err(ending) => ending,
                }
            })
        }
    }
}

async fn open(socket: &Socket, endpoint: &Endpoint, kind: Type) -> Result<socket2::Socket, NetError> {
    let name = unix_name(endpoint)?;
    let shown = unix_address(name).to_string();
    let failed = |error: &io::Error| NetError::from_unix(Operation::Connect, Some(shown.clone()), error);
    let address = sock_addr(name).map_err(|error| failed(&error))?;
    let fd = new_unix_socket(socket, endpoint, kind).await?;
    match timeout(endpoint.connect_timeout(), connect(socket, &fd, &address, &shown)).await {
        Ok(connected) => connected.map_err(|error| failed(&error))?,
        Err(_) => return Err(failed(&Errno::ETIMEDOUT.into())),
    }
    let told = fd.local_addr().and_then(|local| Ok((local, fd.peer_addr()?)));
    let (local, peer) = told.map_err(|error| failed(&error))?;
    socket.report(Fact::Connected { local: told_address(&local), peer: told_address(&peer) }).await;
    Ok(fd)
}

/// `connect(2)`, which is over at once, unless the listener's backlog is full.
async fn connect(socket: &Socket, fd: &socket2::Socket, address: &SockAddr, shown: &str) -> io::Result<()> {
    let is_full =
        |result: &io::Result<()>| result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
    let mut connected = fd.connect(address);
    socket.call("connect", shown.to_owned(), &connected).await;
    if is_full(&connected) {
        socket.note("connect", "the listener's queue of connections is full: waiting until it accepts one").await;
        while is_full(&connected) {
            sleep(FULL_BACKLOG).await;
            connected = fd.connect(address);
        }
        socket.call("connect", shown.to_owned(), &connected).await;
    }
    connected
}
