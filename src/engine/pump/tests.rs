//! The pump with scripted streams, under a paused clock.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::rc::Rc;

use tokio::sync::Notify;

use super::*;
use crate::contract::{CloseHow, Command, Endpoint, SocketId, Target, Ticket, Value};
use crate::engine::socket::Ending;
use crate::engine::testing::{Rig, rig};
use crate::os::File;
use crate::rule::Rules;

/// A stream whose peer does what the test says.
#[derive(Clone)]
pub(in crate::engine) struct Scripted(pub(in crate::engine) Rc<Script>, Rc<OwnedFd>);

impl AsFd for Scripted {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.1.as_fd()
    }
}

#[derive(Default)]
pub(in crate::engine) struct Script {
    pub(in crate::engine) incoming: RefCell<VecDeque<Result<Vec<u8>, Errno>>>,
    pub(in crate::engine) written: RefCell<Vec<u8>>,
    /// How many bytes the peer still takes.
    pub(in crate::engine) window: Cell<usize>,
    /// What a send comes to from now on.
    pub(in crate::engine) broken: Cell<Option<Errno>>,
    pub(in crate::engine) fin_sent: Cell<bool>,
    reset: Cell<bool>,
    pub(in crate::engine) changed: Notify,
}

impl Scripted {
    pub(in crate::engine) fn with_window(window: usize) -> Self {
        let any = std::fs::File::open("/dev/null").unwrap();
        let scripted = Self(Rc::default(), Rc::new(any.into()));
        scripted.0.window.set(window);
        scripted
    }

    pub(in crate::engine) fn says(&self, what: Result<&[u8], Errno>) {
        self.0.incoming.borrow_mut().push_back(what.map(<[u8]>::to_vec));
        self.0.changed.notify_waiters();
    }
}

impl Stream for Scripted {
    const CAME_BEFORE_EPIPE: Option<Errno> = Some(Errno::ECONNRESET);

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
        let next = self.0.incoming.borrow_mut().pop_front();
        match next {
            None => Err(io::ErrorKind::WouldBlock.into()),
            Some(Err(errno)) => Err(errno.into()),
            Some(Ok(mut bytes)) => {
                let rest = bytes.split_off(bytes.len().min(buffer.len()));
                if !rest.is_empty() {
                    self.0.incoming.borrow_mut().push_front(Ok(rest));
                }
                buffer[..bytes.len()].copy_from_slice(&bytes);
                Ok(Incoming::of_stream(bytes.len()))
            }
        }
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(errno) = self.0.broken.get() {
            return Err(errno.into());
        }
        let len = bytes.len().min(self.0.window.get());
        if len == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.0.window.set(self.0.window.get() - len);
        self.0.written.borrow_mut().extend(&bytes[..len]);
        Ok(len)
    }

    fn try_send_file(&self, file: &File, offset: usize, count: usize) -> io::Result<usize> {
        let mut bytes = vec![0; count.min(10)];
        let len = std::fs::File::from(file.as_fd().try_clone_to_owned()?).read_at(&mut bytes, offset as u64)?;
        self.try_write(&bytes[..len])
    }

    fn shut_down_writing(&self) -> io::Result<()> {
        self.0.fin_sent.set(true);
        Ok(())
    }

    fn reset_on_close(&self) -> Option<io::Result<()>> {
        self.0.reset.set(true);
        Some(Ok(()))
    }
}

pub(in crate::engine) const FIN: Result<&[u8], Errno> = Ok(b"");

/// Runs a connection under a paused clock.
fn connection<L: Future<Output = ()>>(
    window: usize,
    after_fin: AfterFin,
    test: impl FnOnce(Rig, SocketId, Scripted) -> L,
) {
    let after_fin = Value::AfterFin(after_fin);
    connection_with(&format!("after-fin={after_fin}"), Rules::default(), window, test);
}

/// The same with these options, and rules by which it answers from the begin.
pub(in crate::engine) fn connection_with<L: Future<Output = ()>>(
    options: &str,
    rules: Rules,
    window: usize,
    test: impl FnOnce(Rig, SocketId, Scripted) -> L,
) {
    rig(async |rig| {
        let stream = Scripted::with_window(window);
        let scripted = stream.clone();
        let endpoint: Endpoint = format!("tcp://127.0.0.1:1?{options}").trim_end_matches('?').parse().unwrap();
        rig.obey(Command::SetRules { socket: rig.parent, rules });
        let endpoint = RefCell::new(Rc::new(endpoint));
        let id = rig
            .live(|socket| async move { Ending::Closed(run(scripted, &socket, &endpoint, Moment::Connected).await) });
        test(rig, id, stream).await;
    });
}

fn send(rig: &Rig, id: SocketId, ticket: u64, bytes: &[u8]) {
    rig.obey(Command::Send { ticket: Ticket(ticket), target: Target::Socket(id), bytes: bytes.into() });
}

fn is_sent(fact: &Fact) -> bool {
    matches!(fact, Fact::Sent { .. })
}

#[test]
fn each_send_after_fin_starts_the_time_anew() {
    connection(100, AfterFin::Within(Duration::from_secs(10)), async |mut rig, id, stream| {
        stream.says(FIN);
        rig.until(|fact| *fact == Fact::PeerClosed).await;
        let started = Instant::now();
        tokio::time::sleep(Duration::from_secs(8)).await;
        send(&rig, id, 1, b"x");
        rig.until(is_sent).await;
        rig.until(|fact| *fact == Fact::Closed { reason: CloseReason::Peer }).await;
        assert_eq!(started.elapsed().as_secs(), 18);
    });
}

#[test]
fn after_fin_close_waits_for_what_is_pending_only() {
    connection(3, AfterFin::Close, async |mut rig, id, stream| {
        send(&rig, id, 1, b"pending");
        rig.until(is_sent).await;
        stream.says(FIN);
        rig.until(|fact| *fact == Fact::PeerClosed).await;
        tokio::time::sleep(Duration::from_mins(1)).await;
        stream.0.window.set(100);
        stream.0.changed.notify_waiters();
        rig.until(|fact| *fact == Fact::Closed { reason: CloseReason::Peer }).await;
        assert_eq!(*stream.0.written.borrow(), b"pending");
    });
}

#[test]
fn after_fin_keep_lasts_until_the_user_closes() {
    connection(100, AfterFin::Keep, async |mut rig, id, stream| {
        stream.says(FIN);
        rig.until(|fact| *fact == Fact::PeerClosed).await;
        tokio::time::sleep(Duration::from_hours(48)).await;
        send(&rig, id, 1, b"still");
        rig.until(is_sent).await;
        rig.obey(Command::Close { socket: id, how: CloseHow::HalfClose, by: CloseReason::User });
        rig.until(|fact| *fact == Fact::Closed { reason: CloseReason::Peer }).await;
        assert!(stream.0.fin_sent.get());
    });
}

#[test]
fn close_waits_a_second_for_a_peer_that_does_not_read_and_abort_does_not() {
    connection(3, AfterFin::Keep, async |mut rig, id, stream| {
        send(&rig, id, 1, b"pending");
        send(&rig, id, 2, b"more");
        rig.until(is_sent).await;
        let started = Instant::now();
        rig.obey(Command::Close { socket: id, how: CloseHow::Normal, by: CloseReason::User });
        let failed =
            |ticket| move |fact: &Fact| matches!(fact, Fact::SendFailed { ticket: of, .. } if *of == Ticket(ticket));
        rig.until(failed(1)).await;
        rig.until(failed(2)).await;
        rig.until(|fact| *fact == Fact::Closed { reason: CloseReason::User }).await;
        assert_eq!(started.elapsed().as_millis() / 10, 100);
        assert!(!stream.0.reset.get());
    });
    connection(3, AfterFin::Keep, async |mut rig, id, stream| {
        send(&rig, id, 1, b"pending");
        rig.until(is_sent).await;
        rig.obey(Command::Close { socket: id, how: CloseHow::Normal, by: CloseReason::User });
        let started = Instant::now();
        rig.obey(Command::Close { socket: id, how: CloseHow::Abort, by: CloseReason::User });
        rig.until(|fact| *fact == Fact::Closed { reason: CloseReason::User }).await;
        assert!(started.elapsed() < Duration::from_millis(10));
        assert!(stream.0.reset.get());
    });
}

#[test]
fn a_send_that_is_cancelled_stops_where_it_is() {
    connection(3, AfterFin::Keep, async |mut rig, id, stream| {
        send(&rig, id, 1, b"pending");
        send(&rig, id, 2, b"more");
        let partial = rig.until(|fact| matches!(fact, Fact::Call { .. })).await;
        let call = |args: &str, result: &str| Fact::Call {
            call: "send".into(),
            args: args.to_owned(),
            result: result.to_owned(),
        };
        assert_eq!(partial, call("7", "3"));
        rig.obey(Command::Cancel { ticket: Ticket(1) });
        let failed = rig.until(|fact| matches!(fact, Fact::SendFailed { .. })).await;
        assert!(
            matches!(failed, Fact::SendFailed { ticket: Ticket(1), error } if error.cause.contains("after 3 bytes"))
        );
        stream.0.window.set(100);
        stream.0.changed.notify_waiters();
        rig.until(is_sent).await;
        assert_eq!(*stream.0.written.borrow(), b"penmore");
    });
}

#[test]
fn a_broken_connection_that_a_send_found_out_is_no_fin() {
    for (found, errno, reason) in [
        (Errno::ECONNRESET, Errno::ECONNRESET, CloseReason::Reset),
        (Errno::ETIMEDOUT, Errno::ETIMEDOUT, CloseReason::Timeout),
        // sendfile(2) that had sent something says that, and keeps the error to itself.
        (Errno::EPIPE, Errno::ECONNRESET, CloseReason::Reset),
    ] {
        connection(100, AfterFin::Keep, async |mut rig, id, stream| {
            stream.0.broken.set(Some(found));
            send(&rig, id, 1, b"x");
            rig.until(|fact| matches!(fact, Fact::SendFailed { .. })).await;
            // Every send after it hears that sending is over.
            stream.0.broken.set(Some(Errno::EPIPE));
            send(&rig, id, 2, b"x");
            rig.until(|fact| matches!(fact, Fact::SendFailed { .. })).await;
            stream.says(FIN);
            let failed = rig.until(|fact| matches!(fact, Fact::Failed(_) | Fact::PeerClosed)).await;
            assert!(matches!(failed, Fact::Failed(error) if error.errno == Some(errno as i32)));
            rig.until(|fact| *fact == Fact::Closed { reason }).await;
        });
    }
}

#[test]
fn a_file_that_became_shorter_fails_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, [7; 25]).unwrap();
    connection(20, AfterFin::Keep, async |mut rig, id, stream| {
        rig.obey(Command::SendFile { ticket: Ticket(1), target: Target::Socket(id), path: path.clone() });
        send(&rig, id, 2, b"behind");
        tokio::time::sleep(Duration::from_secs(1)).await;
        std::fs::write(&path, [7; 20]).unwrap();
        stream.0.window.set(100);
        stream.0.changed.notify_waiters();
        let failed = rig.until(|fact| matches!(fact, Fact::SendFailed { .. })).await;
        assert!(matches!(failed, Fact::SendFailed { ticket: Ticket(1), error } if error.cause.contains("ended")));
        rig.until(is_sent).await;
        assert!(stream.0.written.borrow().ends_with(b"behind"));
    });
}

#[test]
fn a_peer_that_does_not_take_its_echo_is_not_read_until_it_does() {
    const CHUNK: usize = 60_000;
    let chunks: Vec<Vec<u8>> = (0..100).map(|n| vec![n; CHUNK]).collect();
    let flood = async |rig: &Rig, id, stream: &Scripted| {
        rig.obey(Command::SetRules { socket: rig.parent, rules: Rules::echo() });
        for chunk in &chunks {
            stream.says(Ok(chunk));
        }
        // What the user sends is neither counted as echo nor held up by its bound.
        send(rig, id, 1, b"hello");
        tokio::time::sleep(Duration::from_hours(1)).await;
        let left = stream.0.incoming.borrow().len();
        let waiting = (chunks.len() - left) * CHUNK;
        assert!((1024 * 1024..1024 * 1024 + CHUNK).contains(&waiting), "{waiting}");
    };
    connection(0, AfterFin::Close, async |mut rig, id, stream| {
        flood(&rig, id, &stream).await;
        stream.says(FIN);
        stream.0.window.set(usize::MAX);
        stream.0.changed.notify_waiters();
        rig.until(|fact| *fact == Fact::Closed { reason: CloseReason::Peer }).await;
        let mut written = stream.0.written.take();
        let hello = written.windows(5).position(|bytes| bytes == b"hello").unwrap();
        written.drain(hello..hello + 5);
        assert!(written == chunks.concat());
    });
    connection(0, AfterFin::Keep, async |mut rig, id, stream| {
        flood(&rig, id, &stream).await;
        rig.obey(Command::SetRules { socket: rig.parent, rules: Rules::default() });
        stream.says(FIN);
        rig.until(|fact| *fact == Fact::PeerClosed).await;
    });
    connection(0, AfterFin::Keep, async |mut rig, id, stream| {
        flood(&rig, id, &stream).await;
        rig.obey(Command::Close { socket: id, how: CloseHow::HalfClose, by: CloseReason::User });
        stream.says(FIN);
        rig.until(|fact| *fact == Fact::PeerClosed).await;
    });
    connection(0, AfterFin::Keep, async |mut rig, id, stream| {
        flood(&rig, id, &stream).await;
        stream.0.broken.set(Some(Errno::EPIPE));
        stream.0.window.set(1);
        stream.says(FIN);
        rig.until(|fact| *fact == Fact::Closed { reason: CloseReason::Reset }).await;
    });
}

#[test]
fn a_send_stands_in_the_log_before_its_answer() {
    connection(100, AfterFin::Keep, async |mut rig, id, stream| {
        for ticket in 0..100 {
            send(&rig, id, ticket, b"?");
            stream.0.window.set(1);
            stream.0.changed.notify_waiters();
            rig.until(is_sent).await;
            stream.says(Ok(b"!"));
            let next = rig.until(|_| true).await;
            assert!(matches!(next, Fact::Received { .. }), "{next:?}");
        }
    });
}
