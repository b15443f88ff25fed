//! What the pump asks of a connection, whatever family it is of, and how TCP answers.
//!
//! Owns the difference between streams and messages that are kept apart. It never waits or reports by itself.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::sendfile::sendfile;
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::contract::{NetError, Operation};
use crate::os::{self, File};

/// What one `recv(2)` brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// So many bytes of a stream, at least one.
    Bytes(usize),
    /// A whole message, perhaps an empty one.
    Message {
        /// How many of its bytes were read.
        len: usize,
        /// It was longer than the buffer, and the rest is gone.
        truncated: bool,
    },
    /// The peer's direction has ended: for TCP, by FIN.
    End,
}

impl Incoming {
    /// What `recv(2)` on a stream brought, with a buffer that was not empty.
    pub(super) const fn of_stream(len: usize) -> Self {
        if len == 0 { Self::End } else { Self::Bytes(len) }
    }
}

/// A connected stream that never blocks.
pub(super) trait Stream: AsFd {
    /// Whether each send is a message of its own, and each `recv(2)` brings a whole one.
    const KEEPS_MESSAGES: bool = false;

    /// What must have come where nothing can be sent any more (`EPIPE`) although this end has not shut down its direction,
    /// if that is known: for TCP an RST, of which another call took the news.
    const CAME_BEFORE_EPIPE: Option<Errno> = None;

    /// Waits until [`try_read`](Self::try_read) may succeed.
    async fn readable(&self) -> io::Result<()>;
    /// Waits until [`try_write`](Self::try_write) may succeed.
    async fn writable(&self) -> io::Result<()>;
    /// `recv(2)`.
    fn try_read(&self, buffer: &mut [u8]) -> io::Result<Incoming>;
    /// `send(2)`: where messages are kept apart, all of it or none.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;
    /// `sendfile(2)`: so many bytes of the file from `offset` on.
    fn try_send_file(&self, file: &File, offset: usize, count: usize) -> io::Result<usize>;
    /// `shutdown(SHUT_WR)`.
    fn shut_down_writing(&self) -> io::Result<()>;
    /// What the peer learns of [`shut_down_writing`](Self::shut_down_writing), and what goes on.
    fn half_closed(&self) -> &'static str {
        "FIN is sent: sending is over, receiving goes on"
    }
    /// `SO_LINGER` 0: the close that follows sends RST. `None` where the family has no such thing.
    fn reset_on_close(&self) -> Option<io::Result<()>>;
    /// What a failure of `recv(2)` or `send(2)` means here.
    fn failure(&self, operation: Operation, error: &io::Error) -> NetError {
        NetError::from_io(operation, None, error)
    }
}

impl Stream for TcpStream {
    const CAME_BEFORE_EPIPE: Option<Errno> = Some(Errno::ECONNRESET);

    async fn readable(&self) -> io::Result<()> {
        TcpStream::readable(self).await
    }

    async fn writable(&self) -> io::Result<()> {
        TcpStream::writable(self).await
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<Incoming> {
        os::get("recv", buffer, |buffer| TcpStream::try_read(self, buffer)).map(Incoming::of_stream)
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        os::put("send", bytes, |bytes| TcpStream::try_write(self, bytes))
    }

    fn try_send_file(&self, file: &File, offset: usize, count: usize) -> io::Result<usize> {
        send_file(self.as_fd(), file, offset, count, |send| self.try_io(Interest::WRITABLE, send))
    }

    fn shut_down_writing(&self) -> io::Result<()> {
        os::call("shutdown", || SockRef::from(self).shutdown(std::net::Shutdown::Write))
    }

    fn reset_on_close(&self) -> Option<io::Result<()>> {
        Some(os::call("setsockopt", || SockRef::from(self).set_linger(Some(Duration::ZERO))))
    }
}

/// `sendfile(2)` on a socket, which `when_writable` makes where the socket is.
pub(super) fn send_file(
    socket: BorrowedFd<'_>,
    file: &File,
    offset: usize,
    count: usize,
    when_writable: impl Fn(&dyn Fn() -> io::Result<usize>) -> io::Result<usize>,
) -> io::Result<usize> {
    let offset = i64::try_from(offset).map_err(io::Error::other)?;
    os::part("sendfile", count, |count| {
        when_writable(&|| {
            let mut offset = offset;
            Ok(sendfile(socket, file, Some(&mut offset), count)?)
        })
    })
}
