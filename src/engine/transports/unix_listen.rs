//! Unix listeners: bind a path or an abstract name, then accept, and pump each connection as a child; streams and
//! sequenced packets.

use std::fs;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use nix::sys::socket::{getsockopt, sockopt};
use socket2::{SockRef, Type};
use tokio::net::{UnixListener, UnixStream};

use super::unix_bind::{Bound, bind_unix, told_address, unix_address};
use super::unix_connection::{Packets, new_unix_socket};
use super::{Life, Transport, unix_name, unless_closed};
use crate::contract::{Address, Endpoint, Fact, NetError, Operation, Scheme};
use crate::engine::accept::{self, Listener};
use crate::engine::socket::{Ending, Socket};
use crate::engine::socket_options::set_before_bind;
use crate::engine::stream::Stream;
use crate::os;

/// The schemes `unix-listen` and `unix-seqpacket-listen`.
pub(super) struct UnixListen;

impl Transport for UnixListen {
    fn schemes(&self) -> &'static [Scheme] {
        &[Scheme::UnixListen, Scheme::UnixSeqpacketListen]
    }

    fn live(&self, socket: Socket, endpoint: Rc<Endpoint>) -> Life {
        if endpoint.scheme == Scheme::UnixListen {
            Box::pin(live::<UnixStream>(socket, endpoint))
        } else {
            Box::pin(live::<Packets>(socket, endpoint))
        }
    }
}

/// What a listener makes of the connections that it accepts.
trait Kind: Stream + Sized + 'static {
    const TYPE: Type;

    async fn of(socket: &Socket, accepted: UnixStream) -> Result<Self, NetError>;
}

impl Kind for UnixStream {
    const TYPE: Type = Type::STREAM;

    async fn of(_: &Socket, accepted: UnixStream) -> Result<Self, NetError> {
        Ok(accepted)
    }
}

impl Kind for Packets {
    const TYPE: Type = Type::SEQPACKET;

    async fn of(socket: &Socket, accepted: UnixStream) -> Result<Self, NetError> {
        let fd = accepted.into_std().map_err(|error| NetError::from_unix(Operation::Accept, None, &error))?;
        Self::new(socket, OwnedFd::from(fd).into()).await
    }
}

async fn live<K: Kind>(socket: Socket, endpoint: Rc<Endpoint>) -> Ending {
    let opened = unless_closed(&socket, open::<K>(&socket, &endpoint)).await;
    let (listener, bound) = match opened {
        Ok(opened) => opened,
        Err(ending) => return ending,
    };
    let listeners = [listener];
    // Declared last and so dropped first: the file goes before the socket does.
    let _bound = bound;
    accept::run(&socket, endpoint, &listeners).await
}

/// A bound socket that listens.
struct Listening<K> {
    /// What it accepts is of the listener's own type, whatever Tokio calls it.
    fd: UnixListener,
    kind: PhantomData<K>,
}

impl<K> AsFd for Listening<K> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl<K: Kind> Listener for Listening<K> {
    type Accepted = UnixStream;
    type Stream = K;

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, Address)>> {
        let (accepted, _) = ready!(self.fd.poll_accept(cx))?;
        let peer = os::call("getpeername", || SockRef::from(&accepted).peer_addr())?;
        Poll::Ready(Ok((accepted, told_address(&peer))))
    }

    fn local(accepted: &UnixStream) -> io::Result<Address> {
        SockRef::from(accepted).local_addr().map(|local| told_address(&local))
    }

    async fn begin(accepted: UnixStream, socket: &Socket, endpoint: &Endpoint) -> Result<K, NetError> {
        if let Some(who) = who_connected(&accepted) {
            socket.note("peer", who).await;
        }
        // An accepted Unix socket has not the buffers of its listener.
        set_before_bind(socket, endpoint, accepted.as_fd()).await?;
        K::of(socket, accepted).await
    }
}

async fn open<K: Kind>(socket: &Socket, endpoint: &Endpoint) -> Result<(Listening<K>, Bound), NetError> {
    let name = unix_name(endpoint)?;
    let shown = unix_address(name).to_string();
    let fd = new_unix_socket(socket, endpoint, K::TYPE).await?;
    let bound = bind_unix(socket, endpoint, &fd, name).await?;
    let backlog = i32::try_from(endpoint.backlog()).unwrap_or(i32::MAX);
    let listening = os::call("listen", || fd.listen(backlog));
    socket.call("listen", backlog.to_string(), &listening).await;
    let opened = listening
        .and_then(|()| os::call("getsockname", || fd.local_addr()))
        .and_then(|local| Ok((local, os::once("epoll_ctl", || UnixListener::from_std(fd.into()))?)));
    let (local, fd) = opened.map_err(|error| NetError::from_unix(Operation::Listen, Some(shown), &error))?;
    socket.report(Fact::Opened { local: told_address(&local), peer: None }).await;
    Ok((Listening { fd, kind: PhantomData }, bound))
}

/// Who connected, as the kernel knows it (`SO_PEERCRED`): `pid 4121, uid 1000, python3`.
fn who_connected(accepted: &UnixStream) -> Option<String> {
    let peer = getsockopt(accepted, sockopt::PeerCredentials).ok()?;
    let mut who = format!("pid {}, uid {}", peer.pid(), peer.uid());
    if let Ok(command) = fs::read(format!("/proc/{}/comm", peer.pid())) {
        who.push_str(", ");
        who.push_str(String::from_utf8_lossy(&command).trim_end());
    }
    Some(who)
}
