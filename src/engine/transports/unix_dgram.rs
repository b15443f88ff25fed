//! Unix datagram sockets: with a default destination and a name that the system chose, or bound to a name and
//! answering whoever they last heard.

use std::cell::RefCell;
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::rc::Rc;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, SockaddrLike, UnixAddr, recvmsg, sendto};
use socket2::Type;
use tokio::io::{Interest, Ready};
use tokio::net::UnixDatagram;

use super::unix_bind::{Bound, bind_unix, sock_addr, told_address, unix_address};
use super::unix_connection::{at_most, longest_message, new_unix_socket};
use super::{Life, Transport, connect, unix_name, unless_closed};
use crate::contract::{Address, Endpoint, Fact, NetError, Operation, Scheme, UnixAddress};
use crate::engine::datagrams::{self, Datagram, Datagrams};
use crate::engine::outbox::MESSAGE_TAIL;
use crate::engine::socket::{Ending, Socket};
use crate::os;

/// The length of an address that holds no name: its family alone.
const FAMILY_ALONE: u32 = 2;

/// The schemes `unix-dgram` and `unix-dgram-bind`.
pub(super) struct UnixDgram;

impl Transport for UnixDgram {
    fn schemes(&self) -> &'static [Scheme] {
        &[Scheme::UnixDgram, Scheme::UnixDgramBind]
    }

    fn live(&self, socket: Socket, endpoint: Rc<Endpoint>) -> Life {
        Box::pin(async move {
            let opened = unless_closed(&socket, open(&socket, &endpoint)).await;
            match opened {
                Ok((opened, peer)) => {
                    Ending::Closed(datagrams::run(opened, &socket, &RefCell::new(endpoint), peer).await)
                }
                Err(ending) => ending,
            }
        })
    }
}

struct Opened {
    /// The name goes before the socket does.
    _bound: Option<Bound>,
    fd: UnixDatagram,
    /// The peer that it is connected to.
    connected: Option<Address>,
}

async fn open(socket: &Socket, endpoint: &Endpoint) -> Result<(Opened, Option<Address>), NetError> {
    let name = unix_name(endpoint)?;
    let fd = new_unix_socket(socket, endpoint, Type::DGRAM).await?;
    let (bound, peer) = if endpoint.scheme == Scheme::UnixDgramBind {
        (Some(bind_unix(socket, endpoint, &fd, name).await?), None)
    } else {
        // Without a name of our own nobody could answer. One with the family alone has the system choose (unix(7)).
        let any = UnixAddr::new_unnamed();
        let bound = os::call("bind", || Ok(nix::sys::socket::bind(fd.as_raw_fd(), &any)?));
        socket.call("bind", "autobind".to_owned(), &bound).await;
        bound.map_err(|error| NetError::from_unix(Operation::Bind, None, &error))?;
        (None, Some(Address::Unix(unix_address(name))))
    };
    let failed = |error: io::Error| NetError::from_unix(Operation::Bind, Some(endpoint.address.to_string()), &error);
    let connected = peer.clone().filter(|_| endpoint.connected());
    if let Some(peer) = &connected {
        connect(socket, &fd, &sock_addr(name).map_err(failed)?, peer.to_string(), NetError::from_unix).await?;
    }
    let local = told_address(&os::call("getsockname", || fd.local_addr()).map_err(failed)?);
    let fd = os::once("epoll_ctl", || UnixDatagram::from_std(fd.into())).map_err(failed)?;
    socket.report(Fact::Opened { local, peer: peer.clone() }).await;
    Ok((Opened { _bound: bound, fd, connected }, peer))
}

impl AsFd for Opened {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Datagrams for Opened {
    const LONGEST: usize = MESSAGE_TAIL;
    const ERRORS_COME_LATE: bool = false;

    async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.fd.ready(interest).await
    }

    fn try_recv(&self, buffer: &mut [u8]) -> io::Result<Option<Datagram>> {
        let take = |buffer: &mut [u8]| {
            let most = buffer.len();
            let mut buffer = [IoSliceMut::new(buffer)];
            let message = recvmsg::<UnixAddr>(self.fd.as_raw_fd(), &mut buffer, None, MsgFlags::MSG_TRUNC)?;
            let whole = message.bytes;
            let from = message.address.as_ref().map_or(UnixAddress::Unnamed, sender).into();
            Ok(Some(Datagram { len: whole.min(most), whole, from, beside: None }))
        };
        os::call("recvmsg", || self.fd.try_io(Interest::READABLE, || take(buffer)))
    }

    fn try_send(&self, bytes: &[u8], to: &Address) -> io::Result<Option<Fact>> {
        if self.connected.as_ref() == Some(to) {
            return os::call("send", || self.fd.try_send(bytes)).map(|_| None);
        }
        let to = match to {
            Address::Unix(UnixAddress::Pathname(path)) => UnixAddr::new(path.as_slice())?,
            Address::Unix(UnixAddress::Abstract(name)) => UnixAddr::new_abstract(name)?,
            _ => return Err(Errno::EAFNOSUPPORT.into()),
        };
        let send = || Ok(sendto(self.fd.as_raw_fd(), bytes, &to, MsgFlags::MSG_NOSIGNAL)?);
        os::call("sendto", || self.fd.try_io(Interest::WRITABLE, send))?;
        Ok(None)
    }

    fn refusal(&self, len: usize, to: &Address) -> Option<NetError> {
        if *to == Address::Unix(UnixAddress::Unnamed) {
            let cause = "the peer's socket has no name, so nothing can be sent to it";
            let hint = "The peer must bind its socket before it sends, then it can be answered";
            return Some(NetError::other(Operation::Send, None, cause).with_hint(hint));
        }
        let most = longest_message(self)?;
        (len > most).then(|| self.send_error(to, &Errno::EMSGSIZE.into()).with_hint(at_most(most)))
    }

    fn send_error(&self, to: &Address, error: &io::Error) -> NetError {
        NetError::from_unix(Operation::Send, Some(to.to_string()), error)
    }

    /// A Unix socket has no error queue: every send is told at once what became of it.
    fn try_error(&self) -> io::Result<Option<NetError>> {
        self.fd.try_io(Interest::ERROR, || Err(io::ErrorKind::WouldBlock.into()))
    }

    /// Where a Unix socket has no room, its peer waits.
    fn dropped(&self) -> Option<u32> {
        Some(0)
    }
}

/// Who sent a datagram.
fn sender(address: &UnixAddr) -> UnixAddress {
    // Of a socket without a name the kernel tells nothing at all, not even the family.
    if address.len() <= FAMILY_ALONE {
        return UnixAddress::Unnamed;
    }
    match (address.as_abstract(), address.path()) {
        (Some(name), _) => UnixAddress::Abstract(name.to_vec()),
        (None, Some(path)) => UnixAddress::Pathname(path.as_os_str().as_bytes().to_vec()),
        (None, None) => UnixAddress::Unnamed,
    }
}
