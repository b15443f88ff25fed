//! TCP clients: resolve, connect to each address in turn, then pump.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use nix::errno::Errno;
use socket2::Type;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::{Life, Transport, bind_source, host_port, new_socket, resolve, tried, unless_closed};
use crate::contract::{Endpoint, Fact, NetError, Operation, Scheme};
use crate::engine::pump;
use crate::engine::socket::{Ending, Socket};

/// The scheme `tcp`.
pub(super) struct Tcp;

impl Transport for Tcp {
    fn schemes(&self) -> &'static [Scheme] {
        &[Scheme::Tcp]
    }

    fn live(&self, socket: Socket, endpoint: Rc<Endpoint>) -> Life {
        Box::pin(async move {
            let opened = unless_closed(&socket, open(&socket, &endpoint)).await;
            match opened {
                Ok(stream) => Ending::Closed(pump::run(stream, &socket, &endpoint).await),
                Err(ending) => ending,
            }
        })
    }
}

async fn open(socket: &Socket, endpoint: &Endpoint) -> Result<TcpStream, NetError> {
    // Which address is being tried, to be named if the time runs out.
    let trying = Cell::new(None);
    let Ok(connected) = timeout(endpoint.connect_timeout(), try_each(socket, endpoint, &trying)).await else {
        let (operation, address) = match trying.get() {
            Some(address) => (Operation::Connect, tried(endpoint, address)),
            None => (Operation::Getaddrinfo, endpoint.address.to_string()),
        };
        return Err(NetError::from_errno(operation, Some(address), Errno::ETIMEDOUT as i32));
    };
    let (stream, peer) = connected?;
    let local = stream
        .local_addr()
        .map_err(|error| NetError::from_io(Operation::Connect, Some(tried(endpoint, peer)), &error))?;
    socket.report(Fact::Connected { local: local.into(), peer: peer.into() }).await;
    Ok(stream)
}

async fn try_each(
    socket: &Socket,
    endpoint: &Endpoint,
    trying: &Cell<Option<SocketAddr>>,
) -> Result<(TcpStream, SocketAddr), NetError> {
    let mut last = None;
    for address in resolve(socket, host_port(endpoint)?).await? {
        trying.set(Some(address));
        match connect(socket, endpoint, address).await {
            Ok(stream) => return Ok((stream, address)),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| NetError::other(Operation::Getaddrinfo, None, "the name has no address")))
}

async fn connect(socket: &Socket, endpoint: &Endpoint, address: SocketAddr) -> Result<TcpStream, NetError> {
    let fd = new_socket(socket, endpoint, address, Type::STREAM).await?;
    bind_source(socket, endpoint, &fd, address).await?;
    let connected = TcpSocket::from_std_stream(fd.into()).connect(address).await;
    socket.call("connect", address.to_string(), &connected).await;
    connected.map_err(|error| NetError::from_io(Operation::Connect, Some(tried(endpoint, address)), &error))
}
