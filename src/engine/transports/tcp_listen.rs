//! TCP listeners: bind one address or both loopbacks, then accept, and pump each connection as a child.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::task::{Context, Poll};

use socket2::Type;
use tokio::net::{TcpListener, TcpStream};

use super::{Life, Transport, bind_to_hear, host_port, new_socket, resolve, tried, unless_closed};
use crate::contract::{Address, Endpoint, Fact, Host, NetError, Operation, Scheme};
use crate::engine::accept::{self, Listener};
use crate::engine::holder::explained;
use crate::engine::socket::Socket;
use crate::engine::socket_options::option;
use crate::os;

/// The scheme `tcp-listen`.
pub(super) struct TcpListen;

impl Transport for TcpListen {
    fn schemes(&self) -> &'static [Scheme] {
        &[Scheme::TcpListen]
    }

    fn live(&self, socket: Socket, endpoint: Rc<Endpoint>) -> Life {
        Box::pin(async move {
            let opened = unless_closed(&socket, open(&socket, &endpoint)).await;
            let listeners = match opened {
                Ok(listeners) => listeners,
                Err(ending) => return ending,
            };
            accept::run(&socket, endpoint, &listeners).await
        })
    }
}

/// Listens on every loopback that the name stands for, or else on the first address that can be bound.
async fn open(socket: &Socket, endpoint: &Endpoint) -> Result<Vec<TcpListener>, NetError> {
    let target = host_port(endpoint)?;
    let mut addresses = resolve(socket, target).await?;
    if matches!(&target.host, Host::Name(name) if name.eq_ignore_ascii_case("localhost")) {
        // RFC 6761 6.3: the name means both loopbacks, whatever the hosts file lists.
        for ip in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
            if !addresses.iter().any(|address| address.ip() == ip) {
                addresses.push(SocketAddr::new(ip, target.port));
            }
        }
    }
    let all = addresses.len() > 1 && addresses.iter().all(|address| address.ip().is_loopback());
    let mut listeners: Vec<TcpListener> = Vec::new();
    let mut port = target.port;
    let mut failures = Vec::new();
    for mut address in addresses {
        // With port 0 the system chooses for the first, and the others follow it.
        address.set_port(port);
        match listen(socket, endpoint, address, all).await {
            Ok((listener, local)) => {
                port = local.port();
                socket.report(Fact::Opened { local: local.into(), peer: None }).await;
                listeners.push(listener);
                if !all {
                    break;
                }
            }
            Err(error) => failures.push(error),
        }
    }
    if listeners.is_empty() {
        return Err(failures
            .pop()
            .unwrap_or_else(|| NetError::other(Operation::Bind, None, "the name has no address")));
    }
    for error in failures {
        socket.report(Fact::Note { name: "bind".into(), message: error.to_string() }).await;
    }
    Ok(listeners)
}

async fn listen(
    socket: &Socket,
    endpoint: &Endpoint,
    address: SocketAddr,
    one_of_several: bool,
) -> Result<(TcpListener, SocketAddr), NetError> {
    let shown = tried(endpoint, address);
    let fd = new_socket(socket, endpoint, address, Type::STREAM).await?;
    if one_of_several && address.is_ipv6() {
        option(socket, "IPPROTO_IPV6, IPV6_V6ONLY, 1".to_owned(), || fd.set_only_v6(true)).await?;
    }
    bind_to_hear(socket, &fd, address, shown.clone()).await?;
    let backlog = i32::try_from(endpoint.backlog()).unwrap_or(i32::MAX);
    let listening = os::call("listen", || fd.listen(backlog));
    socket.call("listen", backlog.to_string(), &listening).await;
    let listening = listening
        .and_then(|()| os::once("epoll_ctl", || TcpListener::from_std(fd.into())))
        .and_then(|listener| Ok((os::call("getsockname", || listener.local_addr())?, listener)));
    match listening {
        Ok((local, listener)) => Ok((listener, local)),
        Err(error) => {
            let error = NetError::from_io(Operation::Listen, Some(shown), &error);
            Err(explained(error, &address.into(), false).await)
        }
    }
}

impl Listener for TcpListener {
    type Accepted = TcpStream;
    type Stream = TcpStream;

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, Address)>> {
        Self::poll_accept(self, cx).map_ok(|(stream, peer)| (stream, peer.into()))
    }

    fn local(accepted: &TcpStream) -> io::Result<Address> {
        accepted.local_addr().map(Address::from)
    }

    async fn begin(accepted: TcpStream, _: &Socket, _: &Endpoint) -> Result<TcpStream, NetError> {
        Ok(accepted)
    }
}
