//! TCP listeners: bind one address or both loopbacks, then accept, and pump each connection as a child.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use nix::errno::Errno;
use socket2::Type;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::{Life, Transport, bind, host_port, new_socket, resolve, tried, unless_closed};
use crate::contract::{Endpoint, Fact, Host, NetError, Operation, Scheme};
use crate::engine::holder::explained;
use crate::engine::pump;
use crate::engine::socket::{Ending, Socket};
use crate::engine::socket_options::{attend, option};

/// How long to wait after `accept(2)` failed, so that a lack of descriptors is five rows a second and no load.
const AFTER_ERROR: Duration = Duration::from_millis(200);

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
            let fds: Vec<_> = listeners.iter().map(AsFd::as_fd).collect();
            tokio::select! {
                biased;
                reason = socket.refuse_half_closes() => Ending::Closed(reason),
                never = accept_all(&socket, &endpoint, &listeners) => match never {},
                never = attend(&socket, &endpoint, &fds) => match never {},
            }
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
    bind(socket, &fd, address, shown.clone()).await?;
    let backlog = i32::try_from(endpoint.backlog()).unwrap_or(i32::MAX);
    let listening = fd.listen(backlog);
    socket.call("listen", backlog.to_string(), &listening).await;
    let listening = listening
        .and_then(|()| TcpListener::from_std(fd.into()))
        .and_then(|listener| Ok((listener.local_addr()?, listener)));
    match listening {
        Ok((local, listener)) => Ok((listener, local)),
        Err(error) => {
            let error = NetError::from_io(Operation::Listen, Some(shown), &error);
            Err(explained(error, &address.into(), false).await)
        }
    }
}

async fn accept_all(socket: &Socket, endpoint: &Rc<Endpoint>, listeners: &[TcpListener]) -> Infallible {
    let mut turn = 0;
    loop {
        // While nobody takes what is reported, connections wait in the backlog, and not here.
        socket.outbox.room_for(0).await;
        match accept(listeners, turn).await {
            Ok((stream, peer)) => {
                turn = socket.table.next_number(socket.id);
                adopt(socket, endpoint, stream, peer, turn);
            }
            Err(error) if error.raw_os_error() == Some(Errno::EINTR as i32) => {}
            Err(error) => {
                let given_up = error.raw_os_error() == Some(Errno::ECONNABORTED as i32);
                let address = Some(endpoint.address.to_string());
                socket.fail(NetError::from_io(Operation::Accept, address, &error)).await;
                if !given_up {
                    sleep(AFTER_ERROR).await;
                }
            }
        }
    }
}

/// The next connection of any of the listeners; they take turns at being asked first.
async fn accept(listeners: &[TcpListener], turn: u32) -> std::io::Result<(TcpStream, SocketAddr)> {
    let first = turn as usize % listeners.len().max(1);
    poll_fn(|cx| {
        for listener in listeners.iter().cycle().skip(first).take(listeners.len()) {
            if let Poll::Ready(accepted) = listener.poll_accept(cx) {
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    })
    .await
}

fn adopt(listener: &Socket, endpoint: &Rc<Endpoint>, stream: TcpStream, peer: SocketAddr, number: u32) {
    let (parent, endpoint) = (listener.id, Rc::clone(endpoint));
    listener.table.adopt(parent, &listener.echo, |socket| async move {
        let local = match stream.local_addr() {
            Ok(local) => local.into(),
            Err(error) => return Ending::Failed(NetError::from_io(Operation::Accept, Some(peer.to_string()), &error)),
        };
        socket.report(Fact::Accepted { parent, number, local, peer: peer.into() }).await;
        // It has the options of its listener.
        Ending::Closed(pump::run(stream, &socket, &endpoint).await)
    });
}
