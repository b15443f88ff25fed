//! The life of a datagram socket with scripted ones, under a paused clock.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::rc::Rc;

use nix::errno::Errno;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::*;
use crate::contract::{CloseHow, Command, Endpoint, SocketId, Target, Ticket};
use crate::engine::socket::Ending;
use crate::engine::testing::{Rig, rig};

/// A socket to which what the test says happens.
#[derive(Clone)]
struct Scripted(Rc<Script>, Rc<OwnedFd>);

#[derive(Default)]
struct Script {
    incoming: RefCell<VecDeque<Result<Vec<u8>, Errno>>>,
    errors: RefCell<VecDeque<Errno>>,
    /// Why the errors can't be read.
    hides_errors: Cell<Option<Errno>>,
    dropped: Cell<u32>,
    /// What the next sends come to; those after them succeed.
    refusals: RefCell<VecDeque<Errno>>,
    sent: RefCell<Vec<Vec<u8>>>,
    changed: Notify,
}

impl AsFd for Scripted {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.1.as_fd()
    }
}

const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7);

impl Scripted {
    fn says(&self, what: Result<&[u8], Errno>) {
        self.0.incoming.borrow_mut().push_back(what.map(<[u8]>::to_vec));
        self.0.changed.notify_waiters();
    }
}

impl Datagrams for Scripted {
    const LONGEST: usize = LONGEST_OF_IP;

    async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        loop {
            if interest.is_writable() {
                return Ok(Ready::WRITABLE);
            } else if !self.0.errors.borrow().is_empty() {
                return Ok(Ready::ERROR);
            } else if !self.0.incoming.borrow().is_empty() {
                return Ok(Ready::READABLE);
            }
            self.0.changed.notified().await;
        }
    }

    fn try_recv(&self, buffer: &mut [u8]) -> io::Result<Option<Datagram>> {
        match self.0.incoming.borrow_mut().pop_front() {
            None => Err(io::ErrorKind::WouldBlock.into()),
            Some(Err(errno)) => Err(errno.into()),
            Some(Ok(bytes)) => {
                let len = bytes.len().min(buffer.len());
                buffer[..len].copy_from_slice(&bytes[..len]);
                Ok(Some(Datagram { len, whole: bytes.len(), from: PEER.into(), beside: None }))
            }
        }
    }

    fn try_send(&self, bytes: &[u8], _: &Address) -> io::Result<Option<Fact>> {
        if let Some(errno) = self.0.refusals.borrow_mut().pop_front() {
            return Err(errno.into());
        }
        self.0.sent.borrow_mut().push(bytes.to_vec());
        Ok(None)
    }

    fn refusal(&self, _: usize, _: &Address) -> Option<NetError> {
        None
    }

    fn try_error(&self) -> io::Result<Option<NetError>> {
        if let Some(errno) = self.0.hides_errors.get() {
            return Err(errno.into());
        }
        let errno = self.0.errors.borrow_mut().pop_front().ok_or(Errno::EAGAIN)?;
        Ok(Some(NetError::from_errno(Operation::Send, None, errno as i32)))
    }

    fn dropped(&self) -> Option<u32> {
        Some(self.0.dropped.get())
    }
}

/// Runs a socket under a paused clock.
fn opened<L: Future<Output = ()>>(options: &str, test: impl FnOnce(Rig, SocketId, Scripted) -> L) {
    rig(async |rig| {
        let any = std::fs::File::open("/dev/null").unwrap();
        let socket = Scripted(Rc::default(), Rc::new(any.into()));
        let scripted = socket.clone();
        let endpoint: Endpoint = format!("udp-bind://127.0.0.1:1{options}").parse().unwrap();
        let endpoint = RefCell::new(Rc::new(endpoint));
        let id = rig.live(|socket| async move { Ending::Closed(run(scripted, &socket, &endpoint, None).await) });
        test(rig, id, socket).await;
    });
}

fn send(rig: &Rig, id: SocketId, ticket: u64, bytes: &[u8]) {
    rig.obey(Command::Send { ticket: Ticket(ticket), target: Target::Socket(id), bytes: bytes.into() });
}

fn is_received(fact: &Fact) -> bool {
    matches!(fact, Fact::Received { .. })
}

#[test]
fn a_socket_closes_when_nothing_came_or_went_for_its_idle_time() {
    opened("?idle-timeout=10s", async |mut rig, id, socket| {
        let started = Instant::now();
        sleep(Duration::from_secs(8)).await;
        socket.says(Ok(b"x"));
        rig.until(is_received).await;
        sleep(Duration::from_secs(8)).await;
        send(&rig, id, 1, b"y");
        rig.until(|fact| *fact == Fact::Closed { reason: CloseReason::Timeout }).await;
        assert_eq!(started.elapsed().as_secs(), 26);
    });
    opened("", async |mut rig, id, socket| {
        sleep(Duration::from_hours(100)).await;
        socket.says(Ok(b"x"));
        rig.until(is_received).await;
        rig.obey(Command::Close { socket: id, how: CloseHow::Normal, by: CloseReason::User });
        rig.until(|fact| *fact == Fact::Closed { reason: CloseReason::User }).await;
    });
}

#[test]
fn drops_of_the_kernel_are_told_once_however_the_counter_wraps() {
    opened("", async |mut rig, _, socket| {
        let mut before = 0_u32;
        for dropped in [5, u32::MAX - 2, 1, 1] {
            socket.0.dropped.set(dropped);
            for _ in 0..3 {
                socket.says(Ok(b"x"));
            }
            for _ in 0..3 {
                rig.until(is_received).await;
            }
            let count = u64::from(dropped.wrapping_sub(before));
            if count > 0 {
                rig.until(|fact| *fact == Fact::Lost { count, bytes: None }).await;
            }
            before = dropped;
        }
        socket.says(Ok(b"end"));
        let next = rig.until(|_| true).await;
        assert!(is_received(&next), "{next:?}");
    });
}

#[test]
fn no_error_ends_the_socket_and_each_is_told_once() {
    opened("", async |mut rig, id, socket| {
        for errno in [Errno::ECONNREFUSED, Errno::EHOSTUNREACH, Errno::EMSGSIZE, Errno::ENETDOWN] {
            let failed = |fact: &Fact| matches!(fact, Fact::Failed(error) if error.errno == Some(errno as i32));
            // The same error in the queue and from the call.
            socket.0.errors.borrow_mut().push_back(errno);
            socket.says(Err(errno));
            rig.until(failed).await;
            // Out of the queue first, and then from the call.
            socket.0.errors.borrow_mut().push_back(errno);
            socket.0.changed.notify_waiters();
            rig.until(failed).await;
            socket.says(Err(errno));
            // From a call only.
            sleep(Duration::from_secs(1)).await;
            socket.says(Ok(b"still here"));
            let next = rig.until(|_| true).await;
            assert!(is_received(&next), "{next:?}");
            socket.says(Err(errno));
            rig.until(failed).await;
            sleep(Duration::from_secs(1)).await;
        }
        // What the call said is told even where the queue can't be asked.
        socket.0.hides_errors.set(Some(Errno::ENOMEM));
        socket.says(Err(Errno::ECONNREFUSED));
        for errno in [Errno::ENOMEM, Errno::ECONNREFUSED] {
            rig.until(|fact| matches!(fact, Fact::Failed(error) if error.errno == Some(errno as i32))).await;
        }
        socket.0.hides_errors.set(None);
        socket.0.refusals.borrow_mut().push_back(Errno::ECONNREFUSED);
        send(&rig, id, 1, b"after an old error");
        rig.until(|fact| matches!(fact, Fact::Sent { .. })).await;
        socket.0.refusals.borrow_mut().extend([Errno::EPERM, Errno::EPERM]);
        send(&rig, id, 2, b"never");
        rig.until(|fact| matches!(fact, Fact::SendFailed { error, .. } if error.errno == Some(Errno::EPERM as i32)))
            .await;
        assert_eq!(*socket.0.sent.borrow(), [b"after an old error"]);
    });
}

// Case 17.
#[test]
fn errors_about_others_hold_up_nobody_and_one_that_stays_is_no_load() {
    opened("", async |mut rig, _, socket| {
        let started = Instant::now();
        for _ in 0..1000 {
            socket.says(Err(Errno::ECONNREFUSED));
            socket.says(Ok(b"x"));
            rig.until(is_received).await;
        }
        assert_eq!(started.elapsed(), Duration::ZERO);
        for _ in 0..100 {
            socket.says(Err(Errno::ENETDOWN));
        }
        socket.says(Ok(b"x"));
        rig.until(is_received).await;
        assert!(started.elapsed() > 50 * AFTER_ERROR);
    });
}

// Case 20.
#[test]
fn what_nobody_has_read_when_the_socket_closes_is_lost_and_told() {
    opened("", async |mut rig, id, socket| {
        socket.0.dropped.set(7);
        for _ in 0..50 {
            socket.says(Err(Errno::ECONNREFUSED));
            socket.says(Ok(b"x"));
        }
        rig.obey(Command::Close { socket: id, how: CloseHow::Normal, by: CloseReason::User });
        let (mut received, mut lost) = (0, 0);
        loop {
            match rig.until(|_| true).await {
                Fact::Received { .. } => received += 1,
                Fact::Lost { count, .. } => lost += count,
                Fact::Closed { .. } => break,
                _ => {}
            }
        }
        assert_eq!(received + lost, 57);
        assert!(lost > 7, "it closes before all is read");
    });
}

#[test]
fn what_the_system_does_not_take_yet_is_sent_later() {
    opened("", async |mut rig, id, socket| {
        socket.says(Ok(b"peer"));
        rig.until(is_received).await;
        socket.0.refusals.borrow_mut().extend([Errno::EAGAIN; 100]);
        send(&rig, id, 1, b"one");
        send(&rig, id, 2, b"two");
        for _ in 0..2 {
            rig.until(|fact| matches!(fact, Fact::Sent { peer: Some(peer), .. } if *peer == PEER.into())).await;
        }
        assert_eq!(*socket.0.sent.borrow(), [b"one", b"two"]);
    });
}

// Case 19.
#[test]
fn a_datagram_that_is_cut_says_its_real_length() {
    opened("", async |mut rig, _, socket| {
        socket.says(Ok(&vec![1; LONGEST_OF_IP + 1]));
        rig.until(
            |fact| matches!(fact, Fact::Received { truncated: true, bytes, .. } if bytes.len as usize == LONGEST_OF_IP),
        )
        .await;
        rig.until(|fact| matches!(fact, Fact::Note { message, .. } if message.contains("65537"))).await;
        socket.says(Ok(&vec![1; LONGEST_OF_IP]));
        rig.until(|fact| matches!(fact, Fact::Received { truncated: false, .. })).await;
    });
}
