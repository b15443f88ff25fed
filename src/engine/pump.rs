//! A connection's life between opening and closing: the reader and the writer that every stream shares.
//!
//! Owns the rules of FIN, RST, half-close, linger and `after-fin`. Reader and writer go on side by side in the socket's
//! task, and neither waits for the other: a peer that does not read never stops what we hear, unless it is to be answered.
//! Knows streams by a trait only, so that scripted ones test it.

#[cfg(test)]
pub(super) mod tests;

use std::cell::Cell;
use std::convert::Infallible;
use std::io;
use std::mem::MaybeUninit;
use std::sync::mpsc;
use std::time::Duration;

use nix::errno::Errno;
use socket2::{Domain, SockRef};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until, timeout};

use super::idle::Idle;
use super::orders::{Order, Stop};
use super::outbox::{MESSAGE_TAIL, TAIL_LEAST, Tail};
use super::outgoing_file::CHUNK;
use super::socket::Socket;
use super::socket_options::{LiveEndpoint, attend};
use super::stream::{Incoming, Stream};
use super::tcp_view::queues;
use crate::contract::{AfterFin, BLOCK_SIZE, CloseReason, Fact, NetError, Operation, ReportContent, SocketId};
use crate::os;
use crate::rule::Moment;

/// How long `close` waits for what is still to be sent, and how long when the program ends.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_AT_THE_END: Duration = Duration::from_millis(500);

/// What a reader or writer does before it lets the others go on: so many calls, or so many bytes.
const TURN_CALLS: usize = 32;
const TURN_BYTES: usize = 1024 * 1024;

/// Lives a connection's life to its end, and closes it. `begun` says how it came to stand.
pub(super) async fn run<S: Stream>(stream: S, socket: &Socket, endpoint: &LiveEndpoint, begun: Moment) -> CloseReason {
    let pump = Pump {
        stream,
        socket,
        endpoint,
        after_fin: endpoint.borrow().after_fin(),
        fin_sent: Cell::new(false),
        fin_received: Cell::new(false),
        broken: Cell::new(None),
        last_send: Cell::new(Instant::now()),
        idle: Idle::new(endpoint.borrow().idle_timeout()),
    };
    let fds = [pump.stream.as_fd()];
    socket.orders.set_broken(false);
    if !socket.rules.is_empty() {
        Box::pin(socket.answer_moment(endpoint, fds[0], begun)).await;
    }
    let reason = tokio::select! {
        biased;
        reason = pump.stop_waiting() => reason,
        reason = pump.receive() => reason,
        reason = pump.transmit() => reason,
        reason = pump.idle.over(socket) => reason,
        never = attend(socket, endpoint, &fds) => match never {},
    };
    socket.stop_answering();
    if pump.has_unreported() {
        Box::pin(pump.report_rest()).await;
    }
    if pump.closes_by_itself(reason) {
        Box::pin(pump.tell_of_unread()).await;
    }
    // An abort has it close at once. Where that can't be asked it may wait.
    let is_quick = || SockRef::from(&pump.stream).linger().is_ok_and(|time| time.is_none_or(|time| time.is_zero()));
    if endpoint.borrow().linger().is_some() && !is_quick() {
        // On the heap, for next to no connection has the option.
        Box::pin(close_lingering(pump.stream, socket)).await;
    }
    reason
}

/// `close(2)` of a socket with `SO_LINGER`, which waits even where the socket never blocks: on a thread of its own, so
/// that nobody else waits.
async fn close_lingering<S: Stream>(stream: S, socket: &Socket) {
    let (others_closed, wait) = mpsc::channel::<Infallible>();
    let (closed, has_closed) = oneshot::channel::<Infallible>();
    let start = |last| {
        os::spawn("linger", move || {
            let _ = wait.recv();
            drop(last);
            drop(closed);
        })
    };
    if let Err(error) = os::call("fcntl", || stream.as_fd().try_clone_to_owned()).and_then(start) {
        // Without a descriptor and a thread to spare it would hold up everybody.
        let _ = os::call("setsockopt", || SockRef::from(&stream).set_linger(None));
        return socket.note("linger", format!("it closes without waiting for what is not sent: {error}")).await;
    }
    drop(stream);
    drop(others_closed);
    tokio::select! {
        _ = has_closed => {}
        () = socket.orders.until(|orders| (orders.stopping() >= Some(Stop::ShutDown)).then_some(())) => {}
    }
}

struct Pump<'a, S> {
    stream: S,
    socket: &'a Socket,
    endpoint: &'a LiveEndpoint,
    after_fin: AfterFin,
    /// Our direction is shut down.
    fin_sent: Cell<bool>,
    /// The peer's direction is.
    fin_received: Cell<bool>,
    /// Why the connection broke, as a send found out. The system tells it once only, so the reader would take it for
    /// FIN.
    broken: Cell<Option<Errno>>,
    last_send: Cell<Instant>,
    idle: Idle,
}

/// What one attempt to write came to.
enum Written {
    Bytes(usize),
    /// The kernel took only part of what it was given.
    Partly {
        asked: usize,
        taken: usize,
    },
    /// A file is sent, or failed to be.
    File(Box<Order>, Option<io::Error>),
    Cancelled(Box<Order>),
    Blocked,
    NoRoom,
    NothingToDo,
    /// The first order can't be sent, and those behind it may be.
    Refused(io::Error),
    Failed(io::Error),
}

impl<S: Stream> Pump<'_, S> {
    /// Ends when the connection must close whatever is still to be sent.
    async fn stop_waiting(&self) -> CloseReason {
        let orders = &self.socket.orders;
        let stop = orders.until(|orders| orders.stopping().filter(|stop| *stop >= Stop::Close)).await;
        // On the heap, as all that is rare: every connection holds the space of this future.
        Box::pin(self.stop(stop)).await
    }

    async fn stop(&self, mut stop: Stop) -> CloseReason {
        let orders = &self.socket.orders;
        loop {
            let linger = match stop {
                Stop::Abort => {
                    if let Some(result) = self.stream.reset_on_close() {
                        self.socket.call("setsockopt", "SOL_SOCKET, SO_LINGER, {1, 0}".to_owned(), &result).await;
                        self.socket.note("abort", "what was not sent is thrown away, and the peer gets RST").await;
                    } else {
                        self.socket.note("abort", "what was not sent is thrown away; RST is TCP's alone").await;
                    }
                    return orders.closed_by();
                }
                Stop::ShutDown => LINGER_AT_THE_END,
                Stop::HalfClose | Stop::Close => LINGER,
            };
            let more_urgent = orders.until(|orders| orders.stopping().filter(|next| *next > stop));
            match timeout(linger, more_urgent).await {
                Ok(next) => stop = next,
                Err(_) => return orders.closed_by(),
            }
        }
    }

    /// Reads until the peer's direction ends, and then does as `after-fin` says.
    async fn receive(&self) -> CloseReason {
        let (mut calls, mut bytes) = (0, 0);
        let error = loop {
            self.socket.room_to_save().await;
            if !self.socket.can_answer() {
                // The peer that does not take its answers feels it, and none is lost.
                // On the heap, as all that is rare: every connection holds the space of this future.
                Box::pin(self.socket.orders.until_room(|_| self.socket.can_answer().then_some(()))).await;
            }
            let (least, most) = if S::KEEPS_MESSAGES {
                (MESSAGE_TAIL, BLOCK_SIZE)
            } else {
                (TAIL_LEAST, self.socket.most_to_receive())
            };
            let outcome = self.socket.outbox.with_tail(least, most, |tail| {
                let incoming = self.stream.try_read(tail.bytes)?;
                let (len, truncated) = match incoming {
                    Incoming::Bytes(len) => (len, false),
                    Incoming::Message { len, truncated } => (len, truncated),
                    Incoming::End => return Ok(incoming),
                };
                self.idle.moved();
                self.socket.answer(self.endpoint, self.stream.as_fd(), &tail.bytes[..len], None);
                self.socket.save(&tail.bytes[..len]);
                tail.commit(self.socket.id, len, |bytes| Fact::Received { peer: None, bytes, truncated });
                Ok::<_, io::Error>(incoming)
            });
            match outcome {
                None => self.socket.outbox.room().await,
                Some(Ok(Incoming::End)) => {
                    if let Some(errno) = self.broken.get() {
                        break errno.into();
                    }
                    self.last_send.set(Instant::now());
                    self.fin_received.set(true);
                    self.socket.report(Fact::PeerClosed).await;
                    return Box::pin(async {
                        self.socket.answer_moment(self.endpoint, self.stream.as_fd(), Moment::PeerClosed).await;
                        // Where nothing can be sent either, there is nothing to outlive it for.
                        if self.socket.orders.is_broken() { CloseReason::Peer } else { self.outlive_fin().await }
                    })
                    .await;
                }
                Some(Ok(Incoming::Bytes(len) | Incoming::Message { len, .. })) => {
                    if self.socket.has_answers_to_tell() {
                        Box::pin(self.socket.tell_of_answers()).await;
                    }
                    calls += 1;
                    bytes += len;
                    if self.socket.must_yield() || calls >= TURN_CALLS || bytes >= TURN_BYTES {
                        (calls, bytes) = (0, 0);
                        yield_now().await;
                    }
                }
                Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    (calls, bytes) = (0, 0);
                    if let Err(error) = self.stream.readable().await {
                        break error;
                    }
                }
                Some(Err(error)) => break error,
            }
        };
        let reason = match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ECONNRESET) => CloseReason::Reset,
            Some(Errno::ETIMEDOUT) => CloseReason::Timeout,
            _ => CloseReason::Error,
        };
        Box::pin(self.socket.fail(self.stream.failure(Operation::Recv, &error))).await;
        reason
    }

    /// After the peer's FIN: ends when the connection has no use any more.
    async fn outlive_fin(&self) -> CloseReason {
        let orders = &self.socket.orders;
        let both_directions_done = orders.until(|_| self.fin_sent.get().then_some(()));
        let enough = async {
            match self.after_fin {
                AfterFin::Keep => std::future::pending().await,
                AfterFin::Close => {
                    orders.until(|orders| (orders.is_empty() && !self.socket.is_answering()).then_some(())).await;
                }
                AfterFin::Within(time) => loop {
                    let until = self.last_send.get() + time;
                    sleep_until(until).await;
                    if self.socket.is_answering() {
                        // A reply that takes its time is a send, too.
                        orders.until(|_| (!self.socket.is_answering()).then_some(())).await;
                        self.last_send.set(Instant::now());
                    }
                    if self.last_send.get() + time <= Instant::now() {
                        break;
                    }
                },
            }
        };
        tokio::select! {
            () = both_directions_done => {}
            () = enough => {}
        }
        CloseReason::Peer
    }

    /// Sends what is ordered, and stops as ordered once nothing is left.
    async fn transmit(&self) -> CloseReason {
        let orders = &self.socket.orders;
        let (mut calls, mut bytes) = (0, 0);
        loop {
            match self.write_once() {
                Written::Bytes(len) => {
                    self.last_send.set(Instant::now());
                    calls += 1;
                    bytes += len;
                    if calls >= TURN_CALLS || bytes >= TURN_BYTES {
                        (calls, bytes) = (0, 0);
                        yield_now().await;
                    }
                }
                Written::Blocked => {
                    let cancelled = orders.until(|orders| orders.with_first(|order| order.cancelled).filter(|is| *is));
                    tokio::select! {
                        writable = self.stream.writable() => if let Err(error) = writable
                            && let Some(reason) = Box::pin(self.give_up_sending(&error)).await
                        {
                            return reason;
                        },
                        _ = cancelled => {}
                    }
                }
                Written::NoRoom => self.socket.outbox.room().await,
                Written::NothingToDo => match orders.stopping() {
                    Some(Stop::HalfClose) if !self.fin_sent.get() => Box::pin(self.half_close()).await,
                    known @ (None | Some(Stop::HalfClose)) => orders.news(known).await,
                    Some(Stop::Close | Stop::ShutDown) => return orders.closed_by(),
                    // That is for the one who does not wait.
                    Some(Stop::Abort) => std::future::pending().await,
                },
                rare => {
                    if let Some(reason) = Box::pin(self.tell(rare)).await {
                        return reason;
                    }
                }
            }
        }
    }

    async fn half_close(&self) {
        let result = self.stream.shut_down_writing();
        self.socket.call("shutdown", "SHUT_WR".to_owned(), &result).await;
        match result {
            Ok(()) => self.socket.note("half-close", self.stream.half_closed()).await,
            // The peer's RST came behind its FIN, after which nobody reads: both directions are over.
            Err(error) if self.fin_received.get() && error.raw_os_error() == Some(Errno::ENOTCONN as i32) => {}
            Err(error) => {
                self.socket.orders.refuse_half_close();
                return self.socket.fail(self.stream.failure(Operation::Shutdown, &error)).await;
            }
        }
        self.fin_sent.set(true);
        self.socket.orders.touch();
    }

    /// Tells what is not told by a `Sent` alone; why the connection is over, if it is.
    async fn tell(&self, written: Written) -> Option<CloseReason> {
        let socket = self.socket;
        match written {
            Written::Partly { asked, taken } => {
                self.last_send.set(Instant::now());
                socket.call_with("send", asked.to_string(), &Ok(taken), |taken| *taken).await;
            }
            Written::File(order, error) => return self.tell_of_file(*order, error).await,
            Written::Cancelled(mut order) => {
                self.end_progress(&mut order);
                let error = NetError::cancelled(order.sent as u64);
                for fact in order.failed(error) {
                    socket.report(fact).await;
                }
            }
            Written::Refused(error) => {
                if let Some(order) = socket.orders.finish_first() {
                    let error = Box::new(self.stream.failure(Operation::Send, &error));
                    socket.report(Fact::SendFailed { ticket: order.ticket, error }).await;
                }
            }
            Written::Failed(error) => return self.give_up_sending(&error).await,
            Written::Bytes(_) | Written::Blocked | Written::NoRoom | Written::NothingToDo => {}
        }
        None
    }

    /// One `send(2)` for the first order, and its `Sent` before anything that the peer may answer.
    fn write_once(&self) -> Written {
        let Socket { orders, outbox, id, .. } = self.socket;
        let (written, done) = orders
            .with_first(|order| {
                if order.reported == order.sent && order.cancelled {
                    return (Written::Cancelled(Box::new(order.clone())), true);
                }
                if order.file.is_some() {
                    return self.write_file(order);
                }
                let unreported = order.bytes.len() - order.reported;
                if S::KEEPS_MESSAGES && unreported > BLOCK_SIZE {
                    return (Written::Refused(Errno::EMSGSIZE.into()), false);
                }
                // One message is one row.
                let least = if S::KEEPS_MESSAGES { unreported } else { unreported.min(TAIL_LEAST) };
                let outcome = outbox.with_tail(least, unreported, |tail| {
                    let asked = order.bytes.len() - order.sent;
                    // What the kernel took beyond the room for it in the log is reported before more is sent.
                    let taken = if order.sent > order.reported {
                        0
                    } else {
                        self.stream.try_write(&order.bytes[order.sent..])?
                    };
                    order.sent += taken;
                    let len = report_sent(order, tail, *id);
                    self.idle.moved();
                    let partly = taken > 0 && taken < asked;
                    Ok::<_, io::Error>(if partly { Written::Partly { asked, taken } } else { Written::Bytes(len) })
                });
                match outcome {
                    None => (Written::NoRoom, false),
                    Some(Ok(written)) => (written, order.reported == order.bytes.len()),
                    Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => (Written::Blocked, false),
                    Some(Err(error)) if S::KEEPS_MESSAGES && is_about_one_message(&error) => {
                        (Written::Refused(error), false)
                    }
                    Some(Err(error)) => (Written::Failed(error), false),
                }
            })
            .unwrap_or((Written::NothingToDo, false));
        if done {
            orders.finish_first();
        }
        written
    }

    /// One `sendfile(2)` for the first order.
    fn write_file(&self, order: &mut Order) -> (Written, bool) {
        let Some(file) = &mut order.file else { return (Written::NothingToDo, true) };
        let count = file.len.saturating_sub(order.sent).min(CHUNK);
        let outcome = if count == 0 { Ok(0) } else { self.stream.try_send_file(&file.file, order.sent, count) };
        let error = match outcome {
            Ok(len) => {
                file.calls += 1;
                order.sent += len;
                order.reported = order.sent;
                self.idle.moved();
                let progress = file.progress(order.ticket, order.sent, false);
                if let Some(progress) = progress.filter(|progress| progress.done < file.len as u64) {
                    self.socket.outbox.tell(self.socket.id, ReportContent::Progress(progress));
                }
                if len > 0 && order.sent < file.len {
                    return (Written::Bytes(len), false);
                }
                // One that has become shorter meanwhile has nothing more to give, nor has one whose length is a guess (sysfs).
                (order.sent < file.len).then(|| io::Error::other("the file ended before its length"))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return (Written::Blocked, false),
            Err(error) => Some(error),
        };
        (Written::File(Box::new(order.clone()), error), true)
    }

    /// Whether it is this end that closes, with FIN unless something came that was not read.
    fn closes_by_itself(&self, reason: CloseReason) -> bool {
        let is_ours =
            matches!(reason, CloseReason::User | CloseReason::Rule | CloseReason::Scenario | CloseReason::Shutdown);
        is_ours && !self.fin_received.get() && self.socket.orders.stopping() != Some(Stop::Abort)
    }

    /// Says so where bytes that came are unread, which the close that follows tells the peer.
    async fn tell_of_unread(&self) {
        let sock = SockRef::from(&self.stream);
        if !sock.peek(&mut [MaybeUninit::uninit()]).is_ok_and(|len| len > 0) {
            return;
        }
        let count =
            queues(&sock).map_or_else(|| "bytes".to_owned(), |queues| format!("{} bytes", queues.receive_queue));
        let told = match sock.domain() {
            Ok(Domain::UNIX) => "the peer gets ECONNRESET",
            _ => "the peer gets RST instead of FIN",
        };
        self.socket.note("close", format!("{told}, for {count} that came are unread and thrown away")).await;
    }

    fn has_unreported(&self) -> bool {
        self.socket.orders.with_first(|order| order.sent > order.reported).unwrap_or(false)
    }

    /// Reports what the kernel took and what found no room in the log yet.
    async fn report_rest(&self) {
        let Socket { orders, outbox, id, .. } = self.socket;
        while self.has_unreported() {
            let reported = orders.with_first(|order| {
                let rest = order.sent - order.reported;
                outbox.with_tail(rest.min(TAIL_LEAST), rest, |tail| report_sent(order, tail, *id))
            });
            if reported.flatten().is_none() {
                outbox.room().await;
            }
        }
    }

    /// Says what became of a file; why the connection closes, if that ends it.
    async fn tell_of_file(&self, mut order: Order, error: Option<io::Error>) -> Option<CloseReason> {
        self.end_progress(&mut order);
        let Order { ticket, sent, file: Some(file), .. } = order else { return None };
        let socket = self.socket;
        let Some(error) = error else {
            socket.report(file.call(sent)).await;
            socket.report(file.end()).await;
            return None;
        };
        if sent > 0 {
            socket.report(file.call(sent)).await;
        }
        let failed = Err::<(), _>(error);
        socket.call("sendfile", file.arguments(), &failed).await;
        let error = failed.err()?;
        let failed = NetError::from_io(Operation::Sendfile, Some(file.arguments()), &error);
        let failed = failed.with_hint(format!("{sent} bytes of it were sent"));
        socket.report(Fact::SendFailed { ticket, error: Box::new(failed) }).await;
        let errno = error.raw_os_error().map(Errno::from_raw)?;
        // What is wrong with the file is no matter of what waits behind it.
        if errno == Errno::EPIPE || breaks_connection(errno) { self.give_up_sending(&error).await } else { None }
    }

    /// Tells for the last time how far a file has come.
    fn end_progress(&self, order: &mut Order) {
        let progress = order.file.as_mut().and_then(|file| file.progress(order.ticket, order.sent, true));
        if let Some(progress) = progress {
            self.socket.outbox.tell(self.socket.id, ReportContent::Progress(progress));
        }
    }

    /// Fails what waits to be sent, for nothing can be sent any more; why the connection closes, if that ends it.
    async fn give_up_sending(&self, error: &io::Error) -> Option<CloseReason> {
        let errno = error.raw_os_error().map(Errno::from_raw);
        if errno.is_some_and(breaks_connection) {
            self.broken.set(errno);
        } else if errno == Some(Errno::EPIPE) && !self.fin_sent.get() && self.broken.get().is_none() {
            self.broken.set(S::CAME_BEFORE_EPIPE);
        }
        self.socket.orders.set_broken(true);
        self.socket.fail_all(&self.stream.failure(Operation::Send, error)).await;
        // After its FIN the peer answers with RST what it will not read, and no read is left to tell us.
        (self.fin_received.get() && !self.fin_sent.get()).then_some(CloseReason::Reset)
    }
}

/// Reports what was sent of an order and is not reported yet, as far as there is room; how many bytes that is.
fn report_sent(order: &mut Order, tail: Tail<'_>, id: SocketId) -> usize {
    let start = order.reported;
    let len = (order.sent - start).min(tail.bytes.len());
    tail.bytes[..len].copy_from_slice(&order.bytes[start..start + len]);
    order.reported += len;
    let (ticket, remaining) = (order.ticket, (order.bytes.len() - order.reported) as u64);
    tail.commit(id, len, |bytes| Fact::Sent { ticket, peer: None, bytes, remaining });
    len
}

/// Whether an error of a call means that the connection is gone, in both directions.
const fn breaks_connection(errno: Errno) -> bool {
    matches!(errno, Errno::ECONNRESET | Errno::ETIMEDOUT | Errno::EHOSTUNREACH | Errno::ENETUNREACH)
}

/// Whether a send failed for what it was to send, and not for the connection's sake.
fn is_about_one_message(error: &io::Error) -> bool {
    matches!(error.raw_os_error().map(Errno::from_raw), Some(Errno::EMSGSIZE | Errno::ENOBUFS))
}
