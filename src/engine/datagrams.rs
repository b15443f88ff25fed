//! A datagram socket's life between opening and closing: what UDP, Unix datagrams, ICMP and raw sockets share.
//!
//! Owns the rules of losses, of the error queue, of who is answered and of `idle-timeout`. Every datagram is a row or is
//! counted in one: received and lost together are all that came. Errors never end a socket. Receiving and sending go on
//! side by side in the socket's task. Knows sockets by a trait only, so that scripted ones test it.

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::sys::socket::GetSockOpt;
use nix::{getsockopt_impl, libc, sockopt_impl};
use tokio::io::{Interest, Ready};
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use super::idle::Idle;
use super::orders::Stop;
use super::outbox::TAIL_LEAST;
use super::socket::Socket;
use super::socket_options::{LiveEndpoint, attend};
use crate::contract::{Address, CloseReason, Fact, NetError, Operation};
use crate::os;

/// How long closing waits for datagrams that the system has not taken yet.
const LINGER: Duration = Duration::from_millis(500);

/// How many errors of `recv(2)` that the error queue knows nothing of may come one after the other, and how long to wait
/// after those beyond, so that one that stays is no load. Where so many peers are gone that the queue is full, each
/// answer to one of them may bring an error, and whoever still waits for an answer must not wait for all of those.
const AT_ONCE: u32 = 16;
const AFTER_ERROR: Duration = Duration::from_millis(200);

/// After which time to try again what the system did not take. A Unix socket is not told when its peer has room again
/// where others filled it.
const TRY_AGAIN: Duration = Duration::from_millis(20);

/// How many datagrams that nobody has read are counted at the end, at most: more than the largest receive buffer holds.
const MOST_UNREAD: usize = 1 << 16;

/// How many datagrams a reader or writer moves before it lets the others go on.
const TURN: usize = 64;

/// What a datagram takes up besides its bytes at least, and from how much on the smallest receive buffer may have been
/// full.
const OVERHEAD: usize = 512;
const MAY_BE_FULL: usize = 2 * OVERHEAD;

/// How many times as much as it seems to a datagram may take up: the kernel counts whole pages.
const PAGES: usize = 16;

/// A datagram socket that never blocks.
pub(super) trait Datagrams: AsFd {
    /// The longest datagram that is received whole, in bytes.
    const LONGEST: usize;

    /// Whether a call may return an error about an earlier datagram, as ICMP brings it.
    const ERRORS_COME_LATE: bool = true;

    /// Waits until the socket may be ready for one of these.
    async fn ready(&self, interest: Interest) -> io::Result<Ready>;

    /// Takes one datagram into the buffer; `None` for one that is none of this socket's business.
    fn try_recv(&self, buffer: &mut [u8]) -> io::Result<Option<Datagram>>;

    /// Throws one datagram away, and tells its length.
    fn try_discard(&self) -> io::Result<Option<usize>> {
        Ok(self.try_recv(&mut [0; 128])?.map(|datagram| datagram.whole))
    }

    /// Sends one datagram, and tells what is worth a row beside it.
    fn try_send(&self, bytes: &[u8], to: &Address) -> io::Result<Option<Fact>>;

    /// Why a datagram of this length can't go there, where that is known without asking the system.
    fn refusal(&self, len: usize, to: &Address) -> Option<NetError>;

    /// What it means that a send failed.
    fn send_error(&self, to: &Address, error: &io::Error) -> NetError {
        NetError::from_io(Operation::Send, Some(to.to_string()), error)
    }

    /// Takes what became known of an earlier send out of the error queue; `None` for what was told already.
    fn try_error(&self) -> io::Result<Option<NetError>>;

    /// How many datagrams the kernel has dropped for want of room in the receive buffer: a counter that wraps. `None`
    /// where it does not tell.
    fn dropped(&self) -> Option<u32> {
        dropped_by_kernel(self.as_fd())
    }
}

/// A datagram that was taken.
pub(super) struct Datagram {
    /// How many bytes of it are in the buffer.
    pub(super) len: usize,
    /// How many it had.
    pub(super) whole: usize,
    /// From whom.
    pub(super) from: Address,
    /// What is worth a row beside it.
    pub(super) beside: Option<Fact>,
}

sockopt_impl!(MemInfo, GetOnly, libc::SOL_SOCKET, libc::SO_MEMINFO, [u32; 9]);

/// `SK_MEMINFO_RCVBUF` and `SK_MEMINFO_DROPS` of `linux/sock_diag.h`.
const ROOM: usize = 1;
const DROPS: usize = 8;

/// How many datagrams the kernel has dropped at a socket since it was made, modulo 2^32. Unlike the counter that
/// `SO_RXQ_OVFL` puts beside a datagram, this one also tells of drops after the last.
fn dropped_by_kernel(fd: BorrowedFd<'_>) -> Option<u32> {
    memory(fd).map(|info| info[DROPS])
}

/// How much may have been taken out of the receive buffer before it can have been full, in bytes.
fn may_be_full(fd: BorrowedFd<'_>) -> usize {
    let room = memory(fd).map_or(0, |info| info[ROOM]);
    (room as usize / PAGES).max(MAY_BE_FULL)
}

fn memory(fd: BorrowedFd<'_>) -> Option<[u32; 9]> {
    os::call("getsockopt", || Ok(MemInfo.get(&fd)?)).ok()
}

/// Lives a socket's life to its end, and closes it. `peer` is the default destination; without one, whoever was heard
/// last is.
pub(super) async fn run<D: Datagrams>(
    datagrams: D,
    socket: &Socket,
    endpoint: &LiveEndpoint,
    peer: Option<Address>,
) -> CloseReason {
    let learns = peer.is_none();
    let life = Life {
        socket,
        endpoint,
        peer: RefCell::new(peer),
        learns,
        dropped: Cell::new(0),
        told: Cell::new(None),
        failures: Cell::new(0),
        lost: RefCell::default(),
        idle: Idle::new(endpoint.borrow().idle_timeout()),
        datagrams,
    };
    let fds = [life.datagrams.as_fd()];
    let reason = tokio::select! {
        biased;
        reason = life.stop_waiting() => reason,
        // An option that was set before a send was ordered holds for it.
        never = attend(socket, endpoint, &fds) => match never {},
        reason = life.transmit() => reason,
        reason = life.receive() => reason,
        reason = life.idle.over(socket) => reason,
    };
    socket.stop_answering();
    life.give_up();
    reason
}

struct Life<'a, D> {
    datagrams: D,
    socket: &'a Socket,
    endpoint: &'a LiveEndpoint,
    /// The default destination.
    peer: RefCell<Option<Address>>,
    /// Whether that is whoever was heard last.
    learns: bool,
    /// How many drops of the kernel are counted already.
    dropped: Cell<u32>,
    /// The last errno that came out of the error queue. The kernel may return it from a call, too.
    told: Cell<Option<i32>>,
    /// How many errors have come since the last datagram that nothing was known of.
    failures: Cell<u32>,
    lost: RefCell<Lost>,
    idle: Idle,
}

/// Datagrams that are lost and not told yet.
#[derive(Default)]
struct Lost {
    /// Those that found no room here.
    count: u64,
    bytes: u64,
    /// Those that found none in the kernel.
    dropped: u64,
}

impl Lost {
    const fn is_none(&self) -> bool {
        self.count + self.dropped == 0
    }

    fn fact(&self) -> Fact {
        Fact::Lost { count: self.count + self.dropped, bytes: (self.dropped == 0).then_some(self.bytes) }
    }
}

/// What was taken out of the receive buffer.
struct Taken {
    len: usize,
    beside: Option<Fact>,
}

/// What one attempt to send came to.
enum Attempt {
    Done(Option<Fact>),
    Blocked,
    NoRoom,
    NothingToDo,
    Failed(NetError),
}

impl<D: Datagrams> Life<'_, D> {
    /// Ends when the socket must close whatever is still to be sent.
    async fn stop_waiting(&self) -> CloseReason {
        let orders = &self.socket.orders;
        let reason = self.socket.refuse_half_closes().await;
        let urgent = orders.until(|orders| (orders.stopping() == Some(Stop::Abort)).then_some(()));
        // Either way it is time.
        let _ = timeout(LINGER, urgent).await;
        reason
    }

    async fn receive(&self) -> CloseReason {
        let (mut turn, mut waited, mut full) = (0, 0, MAY_BE_FULL);
        loop {
            turn += 1;
            if self.socket.must_yield() || turn >= TURN {
                (turn, waited) = (0, 0);
                self.count_drops();
                yield_now().await;
            }
            self.confess();
            self.socket.room_to_save().await;
            match self.receive_once() {
                Ok(taken) => {
                    self.failures.set(0);
                    if self.socket.has_answers_to_tell() {
                        Box::pin(self.socket.tell_of_answers()).await;
                    }
                    waited += taken.len + OVERHEAD;
                    if let Some(fact) = taken.beside {
                        self.socket.report(fact).await;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // What the kernel drops, it drops while others wait, so there is no need to ask each time.
                    if waited >= full {
                        waited = 0;
                        full = may_be_full(self.datagrams.as_fd());
                        self.count_drops();
                        self.confess();
                    }
                    self.wait().await;
                }
                Err(error) => self.explain(&error).await,
            }
        }
    }

    /// Waits for a datagram or an error, and while some loss is untold also for room to tell it.
    async fn wait(&self) {
        let ready = self.datagrams.ready(Interest::READABLE | Interest::ERROR);
        let ready = if self.lost.borrow().is_none() {
            ready.await
        } else {
            tokio::select! {
                ready = ready => ready,
                () = self.socket.outbox.room_for(D::LONGEST) => return,
            }
        };
        match ready {
            Ok(ready) if ready.is_error() => {
                self.report_errors().await;
            }
            Ok(_) => {}
            Err(error) => self.explain(&error).await,
        }
    }

    /// Takes one datagram: into the log, or into the count of what is lost.
    fn receive_once(&self) -> io::Result<Taken> {
        let room = self.lost.borrow().count == 0;
        let received = room.then(|| {
            self.socket.outbox.with_tail(D::LONGEST, D::LONGEST, |tail| {
                let Some(datagram) = self.datagrams.try_recv(tail.bytes)? else {
                    return Ok(Taken { len: 0, beside: None });
                };
                let Datagram { len, whole, from, beside } = datagram;
                self.idle.moved();
                self.socket.answer(self.endpoint, self.datagrams.as_fd(), &tail.bytes[..len], Some(&from));
                self.socket.save(&tail.bytes[..len]);
                if self.learns && self.peer.borrow().as_ref() != Some(&from) {
                    self.peer.replace(Some(from.clone()));
                }
                let truncated = whole > len;
                tail.commit(self.socket.id, len, |bytes| Fact::Received { peer: Some(from), bytes, truncated });
                let beside = beside.or_else(|| truncated.then(|| cut(whole, len)));
                Ok::<_, io::Error>(Taken { len, beside })
            })
        });
        if let Some(Some(taken)) = received {
            return taken;
        }
        let len = self.discard_one()?;
        Ok(Taken { len: len.unwrap_or(0), beside: None })
    }

    /// Counts one datagram as lost.
    fn discard_one(&self) -> io::Result<Option<usize>> {
        let len = self.datagrams.try_discard()?;
        if let Some(len) = len {
            let mut lost = self.lost.borrow_mut();
            lost.count += 1;
            lost.bytes += len as u64;
            self.idle.moved();
        }
        Ok(len)
    }

    /// Tells, when the socket closes, of what nobody will read any more.
    fn give_up(&self) {
        let mut failures = 0;
        for _ in 0..MOST_UNREAD {
            match self.discard_one() {
                Ok(_) => failures = 0,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock || failures == AT_ONCE => break,
                // One about an earlier datagram stands before those that are there.
                Err(error) => {
                    failures += 1;
                    self.tell_at_the_end(&error);
                }
            }
        }
        self.count_drops();
        let lost = self.lost.take();
        if !lost.is_none() {
            self.socket.outbox.push(self.socket.id, lost.fact());
        }
    }

    /// As [`explain`](Self::explain), where nobody waits any more.
    fn tell_at_the_end(&self, error: &io::Error) {
        let tell = |error| self.socket.outbox.push(self.socket.id, Fact::Failed(Box::new(error)));
        let mut is_known = false;
        while let Ok(told) = self.datagrams.try_error() {
            is_known = true;
            told.into_iter().for_each(tell);
        }
        if !is_known && self.told.take().is_none_or(|told| Some(told) != error.raw_os_error()) {
            tell(NetError::from_io(Operation::Recv, None, error));
        }
    }

    /// Counts what the kernel has dropped since it was asked last.
    fn count_drops(&self) {
        let Some(dropped) = self.datagrams.dropped() else { return };
        self.lost.borrow_mut().dropped += u64::from(dropped.wrapping_sub(self.dropped.replace(dropped)));
    }

    /// Tells what is lost, if there is room for that.
    fn confess(&self) {
        // Not before datagrams can be taken again, or each would be a row of its own.
        if !self.lost.borrow().is_none() && self.socket.outbox.has_room_for(D::LONGEST) {
            self.socket.outbox.push(self.socket.id, self.lost.take().fact());
        }
    }

    /// Reports why a call failed, which the error queue knows best.
    async fn explain(&self, error: &io::Error) {
        // The kernel fills the queue before it sets the error of the socket, so the queue may have been read between.
        let told = self.told.take();
        if !self.report_errors().await && (told.is_none() || told != error.raw_os_error()) {
            self.socket.fail(NetError::from_io(Operation::Recv, None, error)).await;
            let failures = self.failures.get() + 1;
            self.failures.set(failures.min(AT_ONCE));
            if failures > AT_ONCE {
                sleep(AFTER_ERROR).await;
            }
        }
    }

    /// Empties the error queue into the log; whether anything was there.
    async fn report_errors(&self) -> bool {
        let mut some = false;
        loop {
            match self.datagrams.try_error() {
                Ok(None) => some = true,
                Ok(Some(error)) => {
                    some = true;
                    self.told.set(error.errno);
                    self.socket.fail(error).await;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return some,
                Err(error) => {
                    // It still is there, and the socket ready for it.
                    self.socket.fail(NetError::from_io(Operation::ErrorQueue, None, &error)).await;
                    sleep(AFTER_ERROR).await;
                    return some;
                }
            }
        }
    }

    /// Sends what is ordered, and stops as ordered once nothing is left.
    async fn transmit(&self) -> CloseReason {
        let orders = &self.socket.orders;
        let mut turn = 0;
        loop {
            turn += 1;
            if turn >= TURN {
                turn = 0;
                yield_now().await;
            }
            match self.send_once() {
                Attempt::Done(beside) => {
                    self.idle.moved();
                    if let Some(fact) = beside {
                        self.socket.report(fact).await;
                    }
                }
                Attempt::Blocked => {
                    // An error of the socket counts as writable for good, so this may return at once.
                    yield_now().await;
                    let _ = timeout(TRY_AGAIN, self.datagrams.ready(Interest::WRITABLE)).await;
                }
                Attempt::NoRoom => self.socket.outbox.room().await,
                Attempt::Failed(error) => {
                    if let Some(order) = orders.finish_first() {
                        let error = Box::new(error);
                        self.socket.report(Fact::SendFailed { ticket: order.ticket, error }).await;
                    }
                }
                Attempt::NothingToDo => match orders.stopping() {
                    Some(Stop::Close | Stop::Abort | Stop::ShutDown) => return orders.closed_by(),
                    known @ (None | Some(Stop::HalfClose)) => orders.news(known).await,
                },
            }
        }
    }

    /// One datagram for the first order.
    fn send_once(&self) -> Attempt {
        let Socket { orders, outbox, id, .. } = self.socket;
        let attempt = orders.with_first(|order| {
            let Some(peer) = order.to.clone().or_else(|| self.peer.borrow().clone()) else {
                let cause = "nobody has sent anything yet, so there is no one to answer";
                let error = NetError::other(Operation::Send, None, cause);
                return Attempt::Failed(error.with_hint("Choose a peer's address, or wait for a datagram"));
            };
            let bytes = &order.bytes;
            if let Some(error) = self.datagrams.refusal(bytes.len(), &peer) {
                return Attempt::Failed(error);
            }
            let outcome = outbox.with_tail(bytes.len(), bytes.len(), |tail| {
                // An error about an earlier datagram is returned instead of sending; it is in the error queue too.
                let sent = match self.datagrams.try_send(bytes, &peer) {
                    Err(error) if D::ERRORS_COME_LATE && error.kind() != io::ErrorKind::WouldBlock => {
                        self.datagrams.try_send(bytes, &peer)
                    }
                    sent => sent,
                };
                let beside = sent?;
                tail.bytes.copy_from_slice(bytes);
                let (ticket, peer) = (order.ticket, Some(peer.clone()));
                tail.commit(*id, bytes.len(), |bytes| Fact::Sent { ticket, peer, bytes, remaining: 0 });
                Ok::<_, io::Error>(beside)
            });
            match outcome {
                None => Attempt::NoRoom,
                Some(Ok(beside)) => Attempt::Done(beside),
                Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => Attempt::Blocked,
                Some(Err(error)) => Attempt::Failed(self.datagrams.send_error(&peer, &error)),
            }
        });
        match attempt {
            Some(Attempt::Done(beside)) => {
                orders.finish_first();
                Attempt::Done(beside)
            }
            other => other.unwrap_or(Attempt::NothingToDo),
        }
    }
}

fn cut(whole: usize, len: usize) -> Fact {
    let message = format!("the datagram had {whole} bytes: the first {len} are here, the rest is lost");
    Fact::Note { name: "truncated".into(), message }
}

/// The longest datagram of the internet protocols fits in the least tail.
pub(super) const LONGEST_OF_IP: usize = TAIL_LEAST;
