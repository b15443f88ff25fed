//! The engine's calls: sockets of all families, files, programs and the threads they run on.
//!
//! Each piece of life is tried once, and a second time where the first came to nothing that was told. The peers are the
//! standard library's, whose calls do not fail.

use std::cell::{Cell, OnceCell};
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use sockbench::contract::{
    Clock, CloseHow, Command, Fact, Operation, ReportContent, SocketId, SocketIds, Target, Ticket, Value, option_spec,
};
use sockbench::encoding::Encoding;
use sockbench::engine::start;
use sockbench::os::fault::{Armed, Comes, Fault, arm};
use sockbench::pattern::{Expression, Pattern};
use sockbench::payload::{Mode, Place, Template, Variables};
use sockbench::rule::{Reply, Rule, Rules, When};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::{ALONE, INTERRUPTED, MayCome, each_fault};
use bench::{Bench, Seen, noise};

#[allow(dead_code, reason = "other tests need more of it")]
#[path = "../engine/bench.rs"]
mod bench;

mod connections;
mod datagrams;
mod rules;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a socket goes on after an option was refused that it can do without.
const GRACE: Duration = Duration::from_millis(60);

const fn errors<const N: usize>(errnos: [Errno; N]) -> [Comes; N] {
    let mut comes = [Comes::Short; N];
    let mut at = 0;
    while at < N {
        comes[at] = Comes::Error(errnos[at] as i32);
        at += 1;
    }
    comes
}

/// What the man pages say that each call may come to.
const MAY_COME: &[MayCome] = &[
    ("accept4", &errors([Errno::EMFILE, Errno::ECONNABORTED, Errno::EINTR])),
    ("bind", &errors([Errno::EADDRINUSE, Errno::EACCES, Errno::EINTR])),
    ("clone", &errors([Errno::EAGAIN])),
    ("connect", &errors([Errno::ECONNREFUSED, Errno::ENETUNREACH])),
    ("epoll_create1", &errors([Errno::EMFILE])),
    ("epoll_ctl", &errors([Errno::ENOSPC])),
    ("fchmod", &errors([Errno::EIO, Errno::EINTR])),
    ("fcntl", &errors([Errno::EMFILE])),
    ("fstat", &errors([Errno::EIO])),
    ("getaddrinfo", &errors([Errno::EMFILE])),
    ("getpeername", &errors([Errno::ENOBUFS])),
    ("getsockname", &errors([Errno::ENOBUFS])),
    ("getsockopt", &errors([Errno::ENOMEM])),
    ("listen", &errors([Errno::EADDRINUSE, Errno::EINTR])),
    ("lstat", &errors([Errno::EACCES])),
    ("mmap", &errors([Errno::ENOMEM])),
    ("openat", &errors([Errno::EMFILE, Errno::EACCES, Errno::EINTR])),
    ("openat2", &errors([Errno::ENFILE, Errno::EINTR])),
    ("poll", &errors([Errno::ENOMEM])),
    ("posix_spawn", &errors([Errno::EAGAIN, Errno::ENOMEM])),
    ("read", &[Comes::Error(Errno::EIO as i32), INTERRUPTED, Comes::Short]),
    ("recv", &[Comes::Error(Errno::ECONNRESET as i32), Comes::Error(Errno::ENOMEM as i32), INTERRUPTED, Comes::Short]),
    ("recvfrom", &errors([Errno::ENOMEM, Errno::EINTR])),
    ("recvmsg", &errors([Errno::ENOMEM, Errno::EINTR])),
    ("send", &[Comes::Error(Errno::EPIPE as i32), Comes::Error(Errno::ENOBUFS as i32), INTERRUPTED, Comes::Short]),
    ("sendfile", &[Comes::Error(Errno::EIO as i32), Comes::Error(Errno::ENOMEM as i32), INTERRUPTED, Comes::Short]),
    ("sendto", &errors([Errno::ENOBUFS, Errno::EINTR])),
    ("setsockopt", &errors([Errno::ENOMEM, Errno::EINTR])),
    ("shutdown", &errors([Errno::ENOTCONN, Errno::EINTR])),
    ("sigaction", &errors([Errno::EINVAL])),
    ("socket", &errors([Errno::EMFILE, Errno::ENOBUFS, Errno::EINTR])),
    ("socketpair", &errors([Errno::ENFILE])),
    ("unlink", &errors([Errno::EIO])),
    ("wait4", &errors([Errno::ECHILD, Errno::EINTR])),
    ("waitid", &errors([Errno::ECHILD, Errno::EINTR])),
    ("write", &[INTERRUPTED, Comes::Short]),
];

/// That a try came to nothing, which was told.
#[derive(Debug)]
struct Over;

type Step<T = ()> = Result<T, Over>;

/// An engine on which a fault may come.
struct Scene<'a> {
    bench: Bench,
    runtime: &'a Runtime,
    fault: Option<Fault>,
    /// The events before were those of an earlier try.
    from: usize,
}

/// A listener that has nothing to do with what is tried, with a connection of its own.
struct Bystander {
    child: SocketId,
    peer: Socket,
}

/// Tries a piece of life with each fault. `unnoticed` are the calls whose failure changes nothing that anyone misses.
/// Descriptors are counted in the whole process, so a test opens none that stay before it is in here, where it is alone.
fn endure(unnoticed: &[&str], attempt: impl Fn(&mut Scene<'_>) -> Step) {
    // Made when nobody else counts descriptors.
    let runtime = OnceCell::new();
    let came = Cell::new(0);
    let live = |fault: Option<Fault>, armed: &Armed| {
        let is_repeated = fault.is_some_and(|fault| fault.count > 1);
        // What is interrupted is made again for as long as it is, each such connection is another one, and how a stream
        // is cut once more is no other case.
        let once = [INTERRUPTED, Comes::Error(Errno::ECONNABORTED as i32), Comes::Short];
        if is_repeated && fault.is_some_and(|fault| once.contains(&fault.comes)) {
            return;
        }
        // A connection that is broken stays so.
        if !is_repeated && fault.is_some_and(|fault| fault.comes == Comes::Error(Errno::EPIPE as i32)) {
            return;
        }
        let runtime = runtime.get_or_init(|| Builder::new_current_thread().enable_all().build().unwrap());
        live(runtime, fault, armed, unnoticed, &attempt);
        came.set(came.get() + armed.came().min(1));
    };
    let made: Vec<MayCome> = {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let armed = arm(None);
        live(None, &armed);
        let calls = armed.calls();
        let unlisted: Vec<_> = calls.keys().filter(|call| MAY_COME.iter().all(|(name, _)| name != *call)).collect();
        assert!(unlisted.is_empty(), "nobody said what these may come to: {unlisted:?}");
        MAY_COME.iter().copied().filter(|(name, _)| calls.contains_key(name)).collect()
    };
    each_fault(&made, live);
    println!("{} faults came", came.get());
}

fn live(
    runtime: &Runtime,
    fault: Option<Fault>,
    armed: &Armed,
    unnoticed: &[&str],
    attempt: &impl Fn(&mut Scene<'_>) -> Step,
) {
    let descriptors = descriptors();
    let ids = SocketIds::new();
    match start(ids.clone(), Clock::start()) {
        Ok((engine, batches)) => {
            let bench = Bench { engine, batches, ids, seen: Vec::new(), reports: Vec::new(), at: 0, tickets: 0 };
            let mut scene = Scene { bench, runtime, fault, from: 0 };
            let mut bystander = scene.twice(Scene::bystander).ok();
            let is_touched = armed.came() > 0;
            let done = scene.twice(attempt);
            let is_harmless = fault.is_none_or(|fault| [INTERRUPTED, Comes::Short].contains(&fault.comes));
            assert!(done.is_ok() || !is_harmless, "nobody should notice: {:#?}", scene.bench.last_few());
            if let Some(bystander) = &mut bystander {
                let needs = ["recv", "send"];
                let is_free = fault.is_none_or(|fault| fault.count == 1 || !needs.contains(&fault.call));
                let is_hit = scene.is_hit(bystander.child);
                if !is_hit && (is_free || !is_touched && armed.came() == 0) {
                    scene.ask(bystander, armed);
                }
            }
            scene.end();
            if armed.came() > 0 && !is_harmless {
                let is_unnoticed = fault.is_some_and(|fault| unnoticed.contains(&fault.call));
                assert!(is_unnoticed || scene.is_told(), "it is told: {:#?}", scene.bench.last_few());
            }
            scene.check_orders();
        }
        Err(error) => {
            let Some(Fault { comes: Comes::Error(errno), .. }) = fault else { panic!("it starts: {error}") };
            let told = format!("{:#}", anyhow::Error::from(error));
            assert!(told.contains(&format!("(os error {errno})")), "{told}");
        }
    }
    let until = Instant::now() + PATIENCE;
    while self::descriptors() > descriptors || threads() > 0 {
        assert!(Instant::now() < until, "{} of {descriptors} descriptors, {} threads", self::descriptors(), threads());
        std::thread::yield_now();
    }
}

/// How many descriptors this process has.
fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// How many threads of this process are those of an engine.
fn threads() -> usize {
    let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    let names = fs::read_dir("/proc/self/task").unwrap().flatten().map(name);
    names.filter(|name| ["aside", "engine", "linger", "reaper", "saver"].contains(&name.trim_end())).count()
}

impl Scene<'_> {
    /// Tries something, and once more if that came to nothing; then it must work, unless the fault stays.
    fn twice<T>(&mut self, attempt: impl Fn(&mut Self) -> Step<T>) -> Step<T> {
        self.from = self.bench.seen.len();
        let mut done = attempt(self);
        if done.is_err() && !self.stays() {
            self.from = self.bench.seen.len();
            done = attempt(self);
            assert!(done.is_ok(), "it works again: {:#?}", self.bench.last_few());
        }
        done
    }

    /// Whether the fault comes each time.
    fn stays(&self) -> bool {
        self.fault.is_some_and(|fault| fault.count > 1)
    }

    /// Waits until something is found among the events of this try, unless one of the sockets ends, or a fault that stays
    /// is told.
    fn until<T>(&mut self, sockets: &[SocketId], find: impl Fn(&[Seen]) -> Option<T>) -> Step<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = find(&self.bench.seen[self.from..]) {
                return Ok(found);
            }
            let is_refused = |seen: &Seen| {
                matches!(&seen.fact, Fact::Failed(error) if error.operation == Operation::Setsockopt)
                    && sockets.contains(&seen.socket)
            };
            let is_doubtful = self.bench.seen[self.from..].iter().any(is_refused);
            if sockets.iter().any(|socket| self.is_over(*socket)) || self.is_lost() || self.stays() && self.is_told() {
                return Err(Over);
            }
            let patience = if is_doubtful { GRACE } else { deadline.saturating_duration_since(Instant::now()) };
            if !self.take(patience) {
                assert!(is_doubtful, "it never came: {:#?}", self.bench.last_few());
                return Err(Over);
            }
        }
    }

    /// Whether the fault came on this very socket.
    fn is_hit(&self, socket: SocketId) -> bool {
        let Some(Fault { comes: Comes::Error(errno), .. }) = self.fault else { return false };
        let is_it = |seen: &Seen| matches!(&seen.fact, Fact::Failed(error) if error.errno == Some(errno));
        self.bench.seen.iter().any(|seen| seen.socket == socket && is_it(seen))
    }

    /// Whether a connection was lost as it was accepted: a listener that can't accept will, and this one is gone.
    fn is_lost(&self) -> bool {
        let is_asked = self.fault.is_some_and(|fault| ["getsockname", "getpeername"].contains(&fault.call));
        let is_refused =
            |seen: &Seen| matches!(&seen.fact, Fact::Failed(error) if error.operation == Operation::Accept);
        is_asked && self.bench.seen[self.from..].iter().any(is_refused)
    }

    /// Takes a batch; false where none came.
    fn take(&mut self, patience: Duration) -> bool {
        let next = async { tokio::time::timeout(patience, self.bench.batches.next()).await };
        match self.runtime.block_on(next) {
            Ok(batch) => {
                self.bench.keep(batch.expect("the engine lives"));
                true
            }
            Err(_) => false,
        }
    }

    /// Whether a socket has ended in this try.
    fn is_over(&self, socket: SocketId) -> bool {
        self.bench.seen[self.from..].iter().filter(|seen| seen.socket == socket).any(|seen| match &seen.fact {
            Fact::Closed { .. } => true,
            Fact::Failed(error) => !matches!(
                error.operation,
                Operation::Accept
                    | Operation::Recv
                    | Operation::ErrorQueue
                    | Operation::Setsockopt
                    | Operation::Shutdown
            ),
            _ => false,
        })
    }

    /// Whether the fault is named in the log of this and earlier tries.
    fn is_told(&self) -> bool {
        let Some(Fault { comes: Comes::Error(errno), .. }) = self.fault else { return false };
        let shown = format!("({errno})");
        let named = format!("os error {errno}");
        let name = format!("({:?})", Errno::from_raw(errno));
        self.bench.seen.iter().any(|seen| match &seen.fact {
            Fact::Failed(error) | Fact::SendFailed { error, .. } => error.errno == Some(errno),
            Fact::Call { result, .. } => result.contains(&shown) || result.contains(&named),
            Fact::Note { message, .. } | Fact::Rule { message, .. } => {
                [&shown, &named, &name].into_iter().any(|told| message.contains(told))
            }
            _ => false,
        })
    }

    fn opened(&mut self, socket: SocketId) -> Step<SocketAddr> {
        self.until(&[socket], |seen| {
            seen.iter().filter(|seen| seen.socket == socket).find_map(|seen| match &seen.fact {
                Fact::Opened { local, .. } => Some(local.socket_address().unwrap_or(([0; 4], 0).into())),
                _ => None,
            })
        })
    }

    fn connected(&mut self, socket: SocketId) -> Step {
        let is_it = |seen: &Seen| seen.socket == socket && matches!(seen.fact, Fact::Connected { .. });
        self.until(&[socket], |seen| seen.iter().any(is_it).then_some(()))
    }

    /// The child of a root that has this number of those of this try.
    fn child(&mut self, root: SocketId, number: usize) -> Step<SocketId> {
        self.until(&[root], |seen| {
            let children = seen.iter().filter(|seen| match seen.fact {
                Fact::Accepted { parent, .. } | Fact::Paired { parent, .. } => parent == root,
                _ => false,
            });
            children.map(|seen| seen.socket).nth(number)
        })
    }

    /// Waits until these bytes are received.
    fn received(&mut self, socket: SocketId, bytes: &[u8]) -> Step {
        self.until(&[socket], |seen| (bytes_of(seen, socket, false) == bytes).then_some(()))
    }

    /// Waits until an order has ended.
    fn ended(&mut self, socket: SocketId, ticket: Ticket) -> Step {
        let sent = self.until(&[socket], |seen| {
            seen.iter().find_map(|seen| match &seen.fact {
                Fact::Sent { ticket: of, remaining: 0, .. } if *of == ticket => Some(true),
                Fact::SendFailed { ticket: of, .. } if *of == ticket => Some(false),
                _ => None,
            })
        })?;
        if sent { Ok(()) } else { Err(Over) }
    }

    /// Closes a socket, which then is closed or was.
    fn close(&mut self, socket: SocketId) {
        self.close_as(socket, CloseHow::Normal);
    }

    fn close_as(&mut self, socket: SocketId, how: CloseHow) {
        self.bench.close(socket, how);
        // Whether it was open still is answered by its last word, or by that it can be opened again.
        let is_last = |seen: &Seen| seen.socket == socket && matches!(seen.fact, Fact::Closed { .. });
        let until = Instant::now() + PATIENCE;
        while !self.bench.seen[self.from..].iter().any(is_last) && !self.is_over(socket) {
            let is_doubtful = self.bench.seen[self.from..].iter().any(|seen| {
                seen.socket == socket
                    && matches!(&seen.fact, Fact::Failed(error) if error.operation == Operation::Setsockopt)
            });
            let patience = if is_doubtful { GRACE } else { until.saturating_duration_since(Instant::now()) };
            if !self.take(patience) {
                assert!(is_doubtful, "it never closed: {:#?}", self.bench.last_few());
                return;
            }
        }
    }

    /// Both directions of a stream, to the end of each.
    fn converse(&mut self, socket: SocketId, peer: &mut Socket) -> Step {
        let said = noise(5000, 1);
        let ordered = [noise(100_000, 2), b"the last".to_vec()];
        let exchanged = self.exchange(socket, peer, &said, &ordered);
        self.close(socket);
        let mut got = Vec::new();
        // An error is how a connection may end that failed.
        let _ = peer.read_to_end(&mut got);
        let seen = &self.bench.seen[self.from..];
        let (sent, received) = (bytes_of(seen, socket, true), bytes_of(seen, socket, false));
        // The second is sent where it was ordered when the first had failed already.
        let may_come = [ordered.concat(), ordered[1].clone()];
        assert!(
            may_come.iter().any(|all| all.starts_with(&got)) && sent.starts_with(&got) && said.starts_with(&received)
        );
        if exchanged.is_ok() {
            assert!(got == ordered.concat() && sent == got && received == said);
        }
        exchanged
    }

    fn exchange(&mut self, socket: SocketId, peer: &mut Socket, said: &[u8], ordered: &[Vec<u8>]) -> Step {
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        peer.write_all(said).map_err(|_| Over)?;
        let tickets: Vec<_> = ordered.iter().map(|bytes| self.bench.send(Target::Socket(socket), bytes)).collect();
        for ticket in tickets {
            self.ended(socket, ticket)?;
        }
        self.received(socket, said)?;
        self.bench.close(socket, CloseHow::HalfClose);
        let is_refused = |seen: &Seen| {
            seen.socket == socket && matches!(&seen.fact, Fact::Failed(error) if error.operation == Operation::Shutdown)
        };
        let is_half_closed = |seen: &Seen| {
            seen.socket == socket && matches!(&seen.fact, Fact::Note { name, .. } if name == "half-close")
        };
        let halved = self.until(&[socket], |seen| {
            seen.iter().find_map(|seen| is_half_closed(seen).then_some(true).or(is_refused(seen).then_some(false)))
        })?;
        if !halved {
            return Err(Over);
        }
        peer.shutdown(Shutdown::Write).map_err(|_| Over)?;
        self.until(&[], |seen| {
            seen.iter().any(|seen| seen.socket == socket && matches!(seen.fact, Fact::Closed { .. })).then_some(())
        })
    }

    fn bystander(&mut self) -> Step<Bystander> {
        let listener = self.bench.open("tcp-listen://127.0.0.1:0");
        let address = self.opened(listener)?;
        let peer = connect(&address.into(), Type::STREAM)?;
        let child = self.child(listener, 0)?;
        Ok(Bystander { child, peer })
    }

    /// Exchanges a message with the bystander, unless the fault comes just then.
    fn ask(&mut self, bystander: &mut Bystander, armed: &Armed) {
        let came = armed.came();
        self.from = self.bench.seen.len();
        bystander.peer.write_all(b"question").unwrap();
        let ticket = self.bench.send(Target::Socket(bystander.child), b"answer");
        let stays = self.fault.take_if(|fault| fault.count > 1);
        let heard = self.received(bystander.child, b"question").and_then(|()| self.ended(bystander.child, ticket));
        self.fault = self.fault.or(stays);
        if heard.is_ok() {
            bystander.peer.read_exact(&mut [0; 6]).unwrap();
        }
        assert!(heard.is_ok() || armed.came() > came, "the bystander goes on: {:#?}", self.bench.last_few());
    }

    /// Ends the engine, which takes a second at most.
    fn end(&mut self) {
        self.bench.order(Command::ShutDown);
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let next = async { tokio::time::timeout(PATIENCE, self.bench.batches.next()).await };
            match self.runtime.block_on(next).expect("the engine never ended") {
                Some(batch) => self.bench.keep(batch),
                None => break,
            }
        }
        assert!(began.elapsed() < Duration::from_millis(1500), "the engine ended after {:?}", began.elapsed());
    }

    /// Each order has ended, as sent or as failed.
    fn check_orders(&self) {
        for ticket in (1..=self.bench.tickets).map(Ticket) {
            let is_end = |seen: &Seen| match &seen.fact {
                Fact::Sent { ticket: of, remaining: 0, .. } | Fact::SendFailed { ticket: of, .. } => *of == ticket,
                _ => false,
            };
            assert!(self.bench.seen.iter().any(is_end), "{ticket:?} is forgotten: {:#?}", self.bench.seen);
        }
    }
}

/// What was sent or received on a socket.
fn bytes_of(seen: &[Seen], socket: SocketId, sent: bool) -> Vec<u8> {
    let of = seen.iter().filter(|seen| match seen.fact {
        Fact::Sent { .. } => seen.socket == socket && sent,
        Fact::Received { .. } => seen.socket == socket && !sent,
        _ => false,
    });
    of.flat_map(|seen| seen.bytes.iter().copied()).collect()
}

/// A connection from outside.
fn connect(address: &SockAddr, kind: Type) -> Step<Socket> {
    let peer = Socket::new(address.domain(), kind, None).unwrap();
    peer.connect(address).map_err(|_| Over)?;
    Ok(peer)
}

/// Where sockets have their names.
fn place() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s").display().to_string();
    (folder, path)
}

/// That a socket's file went with it, unless that is what can't be done.
fn check_gone(scene: &Scene<'_>, path: &str) {
    let may_stay = scene.fault.is_some_and(|fault| ["lstat", "unlink"].contains(&fault.call));
    assert!(may_stay || !Path::new(path).exists(), "the file is still there: {:#?}", scene.bench.last_few());
}
