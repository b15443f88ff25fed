//! Connections of Unix sockets, as the pump knows them: streams, and packets that are kept apart.

use std::io::{self, IoSliceMut};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::sys::socket::{MsgFlags, recvmsg, setsockopt, sockopt};
use socket2::{Domain, SockRef, Type};
use tokio::io::Interest;
use tokio::net::{UnixDatagram, UnixStream};

use crate::contract::{BLOCK_SIZE, Endpoint, NetError, Operation};
use crate::engine::socket::Socket;
use crate::engine::socket_options::{option, set_before_bind};
use crate::engine::stream::{Incoming, Stream, send_file};
use crate::os::{self, File};

/// What the kernel keeps for itself of the send buffer (`unix_dgram_sendmsg`), in bytes.
const KEPT_OF_BUFFER: usize = 32;

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
        os::get("recv", buffer, |buffer| Self::try_read(self, buffer)).map(Incoming::of_stream)
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        os::put("send", bytes, |bytes| Self::try_write(self, bytes))
    }

    fn try_send_file(&self, file: &File, offset: usize, count: usize) -> io::Result<usize> {
        send_file(self.as_fd(), file, offset, count, |send| self.try_io(Interest::WRITABLE, send))
    }

    fn shut_down_writing(&self) -> io::Result<()> {
        os::call("shutdown", || SockRef::from(self).shutdown(Shutdown::Write))
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
        let ends = os::call("getsockopt", || fd.r#type()).map_err(failed)? == Type::SEQPACKET;
        if ends {
            // `recv` returns 0 for both. With this the kernel has a control message for each packet, and none at the
            // end; since there is no room for one, it says MSG_CTRUNC and no more.
            let set = || setsockopt(&fd, sockopt::ReceiveTimestamp, &true).map_err(io::Error::from);
            option(socket, "SOL_SOCKET, SO_TIMESTAMP, 1".to_owned(), set).await?;
        }
        let fd = os::once("epoll_ctl", || UnixDatagram::from_std(fd.into())).map_err(failed)?;
        Ok(Self { fd, ends })
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
        let take = |buffer: &mut [u8]| {
            let mut buffer = [IoSliceMut::new(buffer)];
            let message = recvmsg::<()>(self.fd.as_raw_fd(), &mut buffer, None, MsgFlags::empty())?;
            if self.ends && message.bytes == 0 && !message.flags.contains(MsgFlags::MSG_CTRUNC) {
                return Ok(Incoming::End);
            }
            Ok(Incoming::Message { len: message.bytes, truncated: message.flags.contains(MsgFlags::MSG_TRUNC) })
        };
        os::call("recvmsg", || self.fd.try_io(Interest::READABLE, || take(buffer)))
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        os::call("send", || self.fd.try_send(bytes))
    }

    fn try_send_file(&self, file: &File, offset: usize, count: usize) -> io::Result<usize> {
        send_file(self.as_fd(), file, offset, count, |send| self.fd.try_io(Interest::WRITABLE, send))
    }

    fn shut_down_writing(&self) -> io::Result<()> {
        os::call("shutdown", || self.fd.shutdown(Shutdown::Write))
    }

    fn half_closed(&self) -> &'static str {
        if self.ends { HALF_CLOSED } else { "sending is over, receiving goes on; the other end does not hear of it" }
    }

    fn reset_on_close(&self) -> Option<io::Result<()>> {
        None
    }

    fn failure(&self, operation: Operation, error: &io::Error) -> NetError {
        let failed = NetError::from_unix(operation, None, error);
        match longest_message(self) {
            Some(most) if failed.code().as_deref() == Some("EMSGSIZE") => failed.with_hint(at_most(most)),
            _ => failed,
        }
    }
}

/// The longest message that a Unix socket takes now, in bytes.
pub(super) fn longest_message(fd: &impl AsFd) -> Option<usize> {
    Some(SockRef::from(fd).send_buffer_size().ok()?.saturating_sub(KEPT_OF_BUFFER).min(BLOCK_SIZE))
}

/// What to do about a message that is too long.
pub(super) fn at_most(longest: usize) -> String {
    format!("At most {longest} bytes; a larger send-buffer lets longer ones through")
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
    let made = os::call("socket", || socket2::Socket::new(Domain::UNIX, kind.nonblocking(), None));
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
    let made = os::once("epoll_ctl", || UnixStream::from_std(fd.into()));
    made.map_err(|error| NetError::from_unix(Operation::Socket, None, &error))
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::collections::VecDeque;
    use std::os::fd::OwnedFd;
    use std::rc::Rc;

    use nix::errno::Errno;
    use proptest::prelude::*;
    use tokio::sync::Notify;

    use super::*;
    use crate::contract::{Command, Fact, SocketId, Target, Ticket};
    use crate::engine::pump::run;
    use crate::engine::socket::Ending;
    use crate::engine::testing::{Rig, rig};
    use crate::rule::Moment;

    /// The longest message that the scripted kernel takes, in bytes.
    const LONGEST: usize = 1_000_000;

    /// A stream that keeps messages apart, and whose peer does what the test says.
    #[derive(Clone)]
    struct Scripted(Rc<Script>);

    struct Script {
        any: OwnedFd,
        incoming: RefCell<VecDeque<Incoming>>,
        sent: RefCell<Vec<Vec<u8>>>,
        /// How many messages the peer still takes.
        window: Cell<usize>,
        changed: Notify,
    }

    impl AsFd for Scripted {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.any.as_fd()
        }
    }

    impl Stream for Scripted {
        const KEEPS_MESSAGES: bool = true;

        async fn readable(&self) -> io::Result<()> {
            while self.0.incoming.borrow().is_empty() {
                self.0.changed.notified().await;
            }
            Ok(())
        }

        async fn writable(&self) -> io::Result<()> {
            while self.0.window.get() == 0 {
                self.0.changed.notified().await;
            }
            Ok(())
        }

        fn try_read(&self, buffer: &mut [u8]) -> io::Result<Incoming> {
            let next = self.0.incoming.borrow_mut().pop_front().ok_or(io::ErrorKind::WouldBlock)?;
            Ok(match next {
                Incoming::Message { len, .. } => {
                    Incoming::Message { len: len.min(buffer.len()), truncated: len > buffer.len() }
                }
                other => other,
            })
        }

        fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
            if bytes.len() > LONGEST {
                return Err(Errno::EMSGSIZE.into());
            }
            self.0.window.set(self.0.window.get().checked_sub(1).ok_or(io::ErrorKind::WouldBlock)?);
            self.0.sent.borrow_mut().push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn try_send_file(&self, _: &File, _: usize, _: usize) -> io::Result<usize> {
            Err(io::ErrorKind::Unsupported.into())
        }

        fn shut_down_writing(&self) -> io::Result<()> {
            Ok(())
        }

        fn reset_on_close(&self) -> Option<io::Result<()>> {
            None
        }
    }

    fn connection<L: Future<Output = ()>>(window: usize, test: impl FnOnce(Rig, SocketId, Scripted) -> L) {
        rig(async |rig| {
            let stream = Scripted(Rc::new(Script {
                any: std::fs::File::open("/dev/null").unwrap().into(),
                incoming: RefCell::default(),
                sent: RefCell::default(),
                window: Cell::new(window),
                changed: Notify::new(),
            }));
            let scripted = stream.clone();
            let endpoint: Endpoint = "unix-seqpacket:///nowhere?after-fin=keep".parse().unwrap();
            let endpoint = RefCell::new(Rc::new(endpoint));
            let id =
                rig.live(
                    |socket| async move { Ending::Closed(run(scripted, &socket, &endpoint, Moment::Connected).await) },
                );
            test(rig, id, stream).await;
        });
    }

    fn send(rig: &Rig, id: SocketId, ticket: usize, bytes: Vec<u8>) {
        let ticket = Ticket(ticket as u64);
        rig.obey(Command::Send { ticket, target: Target::Socket(id), bytes: bytes.into() });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn each_message_is_one_row_whatever_its_length(lengths in prop::collection::vec(
            prop_oneof![Just(0), 1_usize..100, 1_usize..500_000], 1..20,
        )) {
            connection(3, async |mut rig, id, stream| {
                stream.0.incoming.borrow_mut().extend(
                    lengths.iter().map(|len| Incoming::Message { len: *len, truncated: false }),
                );
                stream.0.changed.notify_waiters();
                for len in &lengths {
                    let fact = rig.until(|fact| matches!(fact, Fact::Received { .. } | Fact::PeerClosed)).await;
                    let Fact::Received { bytes, truncated: false, .. } = fact else { panic!("{fact:?}") };
                    assert_eq!(bytes.len as usize, *len);
                }
                let messages: Vec<_> = lengths.iter().enumerate().map(|(n, len)| vec![u8::try_from(n).unwrap(); *len]).collect();
                for (ticket, message) in messages.iter().enumerate() {
                    send(&rig, id, ticket, message.clone());
                }
                stream.0.window.set(100);
                stream.0.changed.notify_waiters();
                for (number, message) in messages.iter().enumerate() {
                    let fact = rig.until(|fact| matches!(fact, Fact::Sent { .. } | Fact::SendFailed { .. })).await;
                    let Fact::Sent { ticket, bytes, remaining: 0, .. } = fact else { panic!("{fact:?}") };
                    assert_eq!((ticket, bytes.len as usize), (Ticket(number as u64), message.len()));
                }
                assert!(*stream.0.sent.borrow() == messages);
            });
        }
    }

    #[test]
    fn a_message_that_is_too_long_fails_alone() {
        connection(100, async |mut rig, id, stream| {
            for (ticket, len) in [5, LONGEST + 1, BLOCK_SIZE + 1, LONGEST].into_iter().enumerate() {
                send(&rig, id, ticket, vec![7; len]);
            }
            for wanted in 0..4 {
                let fact = rig.until(|fact| matches!(fact, Fact::Sent { .. } | Fact::SendFailed { .. })).await;
                match (wanted, fact) {
                    (0 | 3, Fact::Sent { ticket, .. }) => assert_eq!(ticket, Ticket(wanted)),
                    (1 | 2, Fact::SendFailed { ticket, error }) => {
                        assert_eq!((ticket, error.code().as_deref()), (Ticket(wanted), Some("EMSGSIZE")));
                    }
                    (_, fact) => panic!("{fact:?}"),
                }
            }
            assert_eq!(stream.0.sent.borrow().len(), 2);
        });
    }

    #[test]
    fn a_message_that_was_cut_says_so_and_the_end_comes_after_an_empty_one() {
        connection(0, async |mut rig, _, stream| {
            let message = |len| Incoming::Message { len, truncated: false };
            stream.0.incoming.borrow_mut().extend([message(BLOCK_SIZE + 1), message(0), Incoming::End]);
            stream.0.changed.notify_waiters();
            let received = rig.until(|fact| matches!(fact, Fact::Received { .. })).await;
            assert!(matches!(received, Fact::Received { truncated: true, .. }), "{received:?}");
            let received = rig.until(|_| true).await;
            assert!(matches!(received, Fact::Received { truncated: false, .. }), "{received:?}");
            assert_eq!(rig.until(|_| true).await, Fact::PeerClosed);
        });
    }
}
