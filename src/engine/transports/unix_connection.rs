//! Connections of Unix sockets, as the pump knows them: streams, and packets that are kept apart.

use std::io::{self, IoSliceMut};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::sys::socket::{MsgFlags, recvmsg, setsockopt, sockopt};
use socket2::{Domain, SockRef, Type};
use tokio::io::Interest;
use tokio::net::{UnixDatagram, UnixStream};

use crate::contract::{BLOCK_SIZE, Endpoint, NetError, Operation};
use crate::engine::pump::{Incoming, Stream};
use crate::engine::socket::Socket;
use crate::engine::socket_options::{option, set_before_bind};

/// What a half-closed connection's log says, where the peer learns of it.
const HALF_CLOSED: &str = "the peer reads the end of the data: sending is over, receiving goes on";

impl Stream for UnixStream {
    async fn readable(&self) -> io::Result<()> {
        Self::readable(self).await
    }

    async fn writable(&self) -> io::Result<()> {
        Self::writable(self).await
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<Incoming> {
        Self::try_read(self, buffer).map(Incoming::of_stream)
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        Self::try_write(self, bytes)
    }

    fn shut_down_writing(&self) -> io::Result<()> {
        SockRef::from(self).shutdown(Shutdown::Write)
    }

    fn half_closed(&self) -> &'static str {
        HALF_CLOSED
    }

    fn reset_on_close(&self) -> Option<io::Result<()>> {
        None
    }

    fn failure(&self, operation: Operation, error: &io::Error) -> NetError {
        NetError::from_unix(operation, None, error)
    }
}

/// A connected socket that keeps messages apart: `SOCK_SEQPACKET`, or one end of a pair of `SOCK_DGRAM`.
pub(super) struct Packets {
    /// Tokio has no type of its own for `SOCK_SEQPACKET`; to wait and to call, any type of Unix socket will do.
    fd: UnixDatagram,
    /// Whether the end of the peer's direction can be read; a datagram socket never hears of it.
    ends: bool,
}

impl Packets {
    /// Of a connected socket that never blocks.
    ///
    /// # Errors
    /// When the system refuses the option that tells an empty packet from the end, or to wait for the socket.
    pub(super) async fn new(socket: &Socket, fd: socket2::Socket) -> Result<Self, NetError> {
        let failed = |error: io::Error| NetError::from_unix(Operation::Socket, None, &error);
        let ends = fd.r#type().map_err(failed)? == Type::SEQPACKET;
        if ends {
            // `recv` returns 0 for both. With this the kernel has a control message for each packet, and none at the
            // end; since there is no room for one, it says MSG_CTRUNC and no more.
            let set = || setsockopt(&fd, sockopt::ReceiveTimestamp, &true).map_err(io::Error::from);
            option(socket, "SOL_SOCKET, SO_TIMESTAMP, 1".to_owned(), set).await?;
        }
        Ok(Self { fd: UnixDatagram::from_std(fd.into()).map_err(failed)?, ends })
    }
}

impl AsFd for Packets {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Stream for Packets {
    const KEEPS_MESSAGES: bool = true;

    async fn readable(&self) -> io::Result<()> {
        self.fd.readable().await
    }

    async fn writable(&self) -> io::Result<()> {
        self.fd.writable().await
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<Incoming> {
        self.fd.try_io(Interest::READABLE, || {
            let mut buffer = [IoSliceMut::new(buffer)];
            let message = recvmsg::<()>(self.fd.as_raw_fd(), &mut buffer, None, MsgFlags::empty())?;
            if self.ends && message.bytes == 0 && !message.flags.contains(MsgFlags::MSG_CTRUNC) {
                return Ok(Incoming::End);
            }
            Ok(Incoming::Message { len: message.bytes, truncated: message.flags.contains(MsgFlags::MSG_TRUNC) })
        })
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.fd.try_send(bytes)
    }

    fn shut_down_writing(&self) -> io::Result<()> {
        self.fd.shutdown(Shutdown::Write)
    }

    fn half_closed(&self) -> &'static str {
        if self.ends { HALF_CLOSED } else { "sending is over, receiving goes on; the other end does not hear of it" }
    }

    fn reset_on_close(&self) -> Option<io::Result<()>> {
        None
    }

    fn failure(&self, operation: Operation, error: &io::Error) -> NetError {
        let failed = NetError::from_unix(operation, None, error);
        match SockRef::from(&self.fd).send_buffer_size() {
            Ok(size) if failed.code().as_deref() == Some("EMSGSIZE") => {
                // What the kernel keeps for itself of the buffer (unix_dgram_sendmsg).
                let most = size.saturating_sub(32).min(BLOCK_SIZE);
                failed.with_hint(format!("At most {most} bytes; a larger send-buffer lets longer ones through"))
            }
            _ => failed,
        }
    }
}

/// `socket(2)`: a new socket that never blocks, with the endpoint's options.
///
/// # Errors
/// When the system has none, or refuses an option.
pub(super) async fn new_unix_socket(
    socket: &Socket,
    endpoint: &Endpoint,
    kind: Type,
) -> Result<socket2::Socket, NetError> {
    let made = socket2::Socket::new(Domain::UNIX, kind.nonblocking(), None);
    socket.call_with("socket", format!("AF_UNIX, {}, 0", kind_name(kind)), &made, AsRawFd::as_raw_fd).await;
    let address = Some(endpoint.address.to_string());
    let made = made.map_err(|error| NetError::from_unix(Operation::Socket, address, &error))?;
    set_before_bind(socket, endpoint, made.as_fd()).await?;
    Ok(made)
}

/// The type as it stands in a call's arguments.
pub(super) fn kind_name(kind: Type) -> &'static str {
    if kind == Type::STREAM {
        "SOCK_STREAM"
    } else if kind == Type::SEQPACKET {
        "SOCK_SEQPACKET"
    } else {
        "SOCK_DGRAM"
    }
}

/// A stream of a connected socket that never blocks.
///
/// # Errors
/// When the system refuses to wait for it.
pub(super) fn unix_stream(fd: socket2::Socket) -> Result<UnixStream, NetError> {
    UnixStream::from_std(fd.into()).map_err(|error| NetError::from_unix(Operation::Socket, None, &error))
}
