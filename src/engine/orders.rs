//! What a socket has been ordered to do: the sends that wait, and how to stop.
//!
//! Owns the bounds on the bytes that wait to be sent, ordered and by rules. The command loop and the rules put in, the
//! socket's task takes out; all run on the engine's thread. It never does IO.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::Notify;

use super::budget::{Budget, Held};
use super::outgoing_file::OutgoingFile;
use crate::contract::{Address, CloseReason, Fact, NetError, Operation, OptionSpec, Saving, Ticket, Value};

/// How many bytes may wait to be sent on one socket, replies of rules aside. A longer order is taken when no other waits.
const MAX_QUEUED: usize = 64 * 1024 * 1024;

/// How many orders may wait to be sent on one socket, so that empty ones are bounded too.
const MAX_ORDERS: usize = 1024 * 1024;

/// What a reply takes up besides its bytes, at most, so that many short ones are bounded too: its order, in a queue that
/// may have grown to twice what it holds, and the head of its bytes.
const REPLY_OVERHEAD: usize = 256;

/// For how many orders a queue keeps its memory once it is empty.
const KEPT: usize = 64;

/// One order to send.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// Comes back in the outcome.
    pub(super) ticket: Ticket,
    /// What to send.
    pub(super) bytes: Arc<[u8]>,
    /// A file to send instead, for streams.
    pub(super) file: Option<Box<OutgoingFile>>,
    /// How many bytes are sent.
    pub(super) sent: usize,
    /// How many of those are reported.
    pub(super) reported: usize,
    /// Whether the rest is no longer wanted.
    pub(super) cancelled: bool,
    /// To whom, where it was said.
    pub(super) to: Option<Address>,
    /// The socket's how-manieth order, from 1.
    number: u64,
}

impl Order {
    /// An order to send bytes.
    pub(super) fn new(ticket: Ticket, bytes: Arc<[u8]>, to: Option<Address>) -> Self {
        Self { ticket, bytes, file: None, sent: 0, reported: 0, cancelled: false, to, number: 0 }
    }

    /// How many bytes there are to send.
    pub(super) fn len(&self) -> usize {
        self.file.as_ref().map_or(self.bytes.len(), |file| file.len)
    }

    /// What to report where it ended without all of it sent.
    pub(super) fn failed(self, error: NetError) -> impl Iterator<Item = Fact> {
        let Self { ticket, sent, file, .. } = self;
        let call = file.filter(|_| sent > 0).map(|file| file.call(sent));
        call.into_iter().chain([Fact::SendFailed { ticket, error: Box::new(error) }])
    }

    /// That the socket closed before all of it was sent.
    pub(super) fn unsent(&self) -> NetError {
        NetError::unsent(self.sent as u64, self.len() as u64)
    }

    /// An order to send a file.
    pub(super) fn of_file(ticket: Ticket, file: OutgoingFile) -> Self {
        Self { file: Some(Box::new(file)), ..Self::new(ticket, Arc::from([]), None) }
    }
}

/// What is wanted of an open socket besides sending and stopping.
#[derive(Clone, Debug)]
pub(super) enum Request {
    /// Tell what the kernel knows of it.
    Inspect,
    /// Change an option.
    SetOption(&'static OptionSpec, Value),
    /// Write what is received to a file, too.
    Save(Ticket, Saving),
    /// No longer do so, if this order asked for it.
    StopSaving(Ticket),
}

/// How to stop, from the mildest to the most urgent; a more urgent one replaces a milder one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stop {
    /// Stop sending after what waits.
    HalfClose,
    /// Close after what waits.
    Close,
    /// The same, because the program ends.
    ShutDown,
    /// Close at once and throw away what waits.
    Abort,
}

/// The orders of one socket.
#[derive(Debug, Default)]
pub(super) struct Orders {
    queue: RefCell<VecDeque<Order>>,
    /// How many bytes wait of what was ordered, and how many are taken up by replies that wait.
    bytes: Cell<usize>,
    replies: Held,
    /// How many orders there have been so far, and how many replies have been filled in.
    pushed: Cell<u64>,
    filled: Cell<u64>,
    /// Whether what was ordered last is a reply.
    last_is_reply: Cell<bool>,
    /// Whether nothing can be sent any more on this connection.
    broken: Cell<bool>,
    /// How to stop, and for whom.
    stop: Cell<Option<(Stop, CloseReason)>>,
    requests: RefCell<VecDeque<Request>>,
    /// Which order has what is received saved.
    saving: Cell<Option<Ticket>>,
    changed: Notify,
}

impl Orders {
    /// The orders of a socket whose replies are held in a budget of all.
    pub(super) fn new(budget: &Rc<Budget>) -> Self {
        Self { replies: Held::of(budget), ..Self::default() }
    }

    /// Adds an order to send.
    ///
    /// # Errors
    /// When too much waits already, or the socket is about to close.
    pub(super) fn push(&self, mut order: Order) -> Result<(), NetError> {
        let refused = |cause: &str| NetError::other(Operation::Send, None, cause);
        if self.stopping() >= Some(Stop::Close) {
            return Err(refused("the socket is closing"));
        }
        let mut queue = self.queue.borrow_mut();
        let bytes = self.bytes.get() + order.bytes.len();
        if (bytes > MAX_QUEUED && self.bytes.get() > 0) || queue.len() >= MAX_ORDERS {
            return Err(refused("the peer reads too slowly: 64 MiB wait to be sent to it already")
                .with_hint("Wait until some of it is sent, or close the socket"));
        }
        self.bytes.set(bytes);
        order.number = self.next_number();
        queue.push_back(order);
        self.last_is_reply.set(false);
        self.changed.notify_waiters();
        Ok(())
    }

    /// Adds a reply, unless there is an order to stop; the number of its order. However many wait, it is taken: ask
    /// [`has_room_for_reply`](Self::has_room_for_reply) before.
    pub(super) fn push_reply(&self, mut order: Order) -> Option<u64> {
        if self.stop.get().is_some() {
            return None;
        }
        self.replies.add(order.bytes.len() + REPLY_OVERHEAD);
        let number = self.next_number();
        order.number = number;
        self.queue.borrow_mut().push_back(order);
        self.last_is_reply.set(true);
        self.changed.notify_waiters();
        Some(number)
    }

    /// False while so many replies wait to be sent that no more are taken.
    pub(super) fn has_room_for_reply(&self) -> bool {
        self.replies.has_room()
    }

    /// Whether replies have only as much room as no other socket can take.
    pub(super) fn is_short(&self) -> bool {
        self.replies.is_short()
    }

    /// Whether what was ordered last is a reply.
    pub(super) fn last_is_reply(&self) -> bool {
        self.last_is_reply.get()
    }

    /// The number of the reply that is filled in now, from 1.
    pub(super) fn count_reply(&self) -> u64 {
        self.filled.set(self.filled.get() + 1);
        self.filled.get()
    }

    /// The number of the last order so far.
    pub(super) fn last(&self) -> u64 {
        self.pushed.get()
    }

    /// Whether none of the orders up to this number waits any more.
    pub(super) fn are_done_up_to(&self, number: u64) -> bool {
        self.queue.borrow().front().is_none_or(|order| order.number > number)
    }

    /// Says whether nothing can be sent any more, on this connection.
    pub(super) fn set_broken(&self, broken: bool) {
        self.broken.set(broken);
    }

    /// Whether nothing can be sent any more.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.get()
    }

    /// Asks for something besides. While nobody serves requests, as between two connections, one question waits, and
    /// not many.
    pub(super) fn ask(&self, request: Request) {
        let mut requests = self.requests.borrow_mut();
        let is_asked = matches!((requests.back(), &request), (Some(Request::Inspect), Request::Inspect));
        if !is_asked {
            requests.push_back(request);
            self.changed.notify_waiters();
        }
    }

    /// Says which order has what is received saved.
    pub(super) fn set_saving(&self, ticket: Option<Ticket>) {
        self.saving.set(ticket);
    }

    /// Whether this order has what is received saved.
    pub(super) fn is_saving(&self, ticket: Ticket) -> bool {
        self.saving.get() == Some(ticket)
    }

    /// The next thing that was asked for, taken out.
    pub(super) fn next_request(&self) -> Option<Request> {
        self.requests.borrow_mut().pop_front()
    }

    /// Orders to stop; a milder order than the one given before changes nothing. What a rule ordered, anyone else may take
    /// over: a client does not connect again then.
    pub(super) fn stop(&self, stop: Stop, by: CloseReason) {
        let is_taken_over = self.stop.get() == Some((stop, CloseReason::Rule));
        if self.stopping() < Some(stop) || is_taken_over {
            self.stop.set(Some((stop, by)));
        }
        self.changed.notify_waiters();
    }

    /// The order to stop, if one was given.
    pub(super) fn stopping(&self) -> Option<Stop> {
        self.stop.get().map(|(stop, _)| stop)
    }

    /// Why the socket closes, once it was ordered to.
    pub(super) fn closed_by(&self) -> CloseReason {
        self.stop.get().map_or(CloseReason::User, |(_, by)| by)
    }

    /// Takes back an order to half-close, for a socket that has no halves.
    pub(super) fn refuse_half_close(&self) {
        if self.stopping() == Some(Stop::HalfClose) {
            self.stop.set(None);
        }
    }

    /// Takes back an order to stop that a rule gave, once it is obeyed, for a client that connects again.
    pub(super) fn forget_rules_stop(&self) {
        if self.closed_by() == CloseReason::Rule {
            self.stop.set(None);
        }
    }

    /// True when nothing waits to be sent.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.borrow().is_empty()
    }

    /// Looks at the first order that waits. An order stays first until it is [done](Self::finish_first).
    pub(super) fn with_first<R>(&self, look: impl FnOnce(&mut Order) -> R) -> Option<R> {
        self.queue.borrow_mut().front_mut().map(look)
    }

    /// Takes away what waits of an order, and has the rest of it given up where some of it is sent already.
    pub(super) fn cancel(&self, ticket: Ticket) -> Vec<Order> {
        let mut kept = VecDeque::new();
        let mut cancelled = Vec::new();
        let mut queue = self.queue.borrow_mut();
        for mut order in queue.drain(..) {
            order.cancelled |= order.ticket == ticket;
            if order.cancelled && order.sent == 0 {
                self.bytes.set(self.bytes.get() - order.bytes.len());
                cancelled.push(order);
            } else {
                kept.push_back(order);
            }
        }
        *queue = kept;
        self.changed.notify_waiters();
        cancelled
    }

    /// Takes away the first order.
    pub(super) fn finish_first(&self) -> Option<Order> {
        let mut queue = self.queue.borrow_mut();
        let order = queue.pop_front()?;
        if queue.is_empty() {
            queue.shrink_to(KEPT);
        }
        if order.ticket == Ticket::ENGINE {
            self.replies.remove(order.bytes.len() + REPLY_OVERHEAD);
        } else {
            self.bytes.set(self.bytes.get() - order.bytes.len());
        }
        self.changed.notify_waiters();
        Some(order)
    }

    /// Waits until `find` finds something. It looks now and whenever the orders changed, or
    /// [`touch`](Self::touch) said that something else did.
    pub(super) async fn until<T>(&self, mut find: impl FnMut(&Self) -> Option<T>) -> T {
        loop {
            if let Some(found) = find(self) {
                return found;
            }
            self.changed.notified().await;
        }
    }

    /// The same for what also depends on the room that all sockets have in common.
    pub(super) async fn until_room<T>(&self, mut find: impl FnMut(&Self) -> Option<T>) -> T {
        loop {
            if let Some(found) = find(self) {
                return found;
            }
            tokio::select! {
                () = self.changed.notified() => {}
                () = self.replies.plenty() => {}
            }
        }
    }

    /// Waits until something is to be sent, or an order to stop comes that is more urgent than `known`.
    pub(super) async fn news(&self, known: Option<Stop>) {
        self.until(|orders| (!orders.is_empty() || orders.stopping() > known).then_some(())).await;
    }

    /// Wakes those who wait for a change.
    pub(super) fn touch(&self) {
        self.changed.notify_waiters();
    }

    fn next_number(&self) -> u64 {
        self.pushed.set(self.pushed.get() + 1);
        self.pushed.get()
    }
}

#[cfg(test)]
mod tests {
    use super::super::budget::MOST;
    use super::*;

    fn order(len: usize) -> Order {
        Order::new(Ticket(1), vec![0; len].into(), None)
    }

    #[test]
    fn what_waits_is_bounded_and_room_comes_back() {
        let orders = Orders::default();
        orders.push(order(MAX_QUEUED + 1)).unwrap();
        orders.push(order(1)).unwrap_err();
        orders.finish_first().unwrap();
        orders.push(order(MAX_QUEUED - 1)).unwrap();
        orders.push(order(1)).unwrap();
        orders.push(order(1)).unwrap_err();
    }

    fn reply(len: usize) -> Order {
        Order::new(Ticket::ENGINE, vec![0; len].into(), None)
    }

    #[test]
    fn replies_are_bounded_on_their_own_however_short() {
        for len in [0, 1, 256 * 1024] {
            let orders = Orders::default();
            let mut count = 0;
            while orders.has_room_for_reply() {
                count += 1;
                assert_eq!(orders.push_reply(reply(len)), Some(count as u64));
            }
            assert!(count * (len + 2 * size_of::<Order>()) <= MOST + len, "{count} of {len}");
            orders.push(order(MAX_QUEUED + 1)).unwrap();
            orders.finish_first().unwrap();
            assert!(orders.has_room_for_reply());
            assert!(orders.are_done_up_to(1) && !orders.are_done_up_to(2));
            for _ in 1..count {
                assert_eq!(orders.finish_first().unwrap().bytes.len(), len);
            }
            assert_eq!(orders.finish_first().unwrap().bytes.len(), MAX_QUEUED + 1);
            assert!(orders.is_empty() && orders.are_done_up_to(orders.last()));
        }
        let orders = Orders::default();
        orders.stop(Stop::HalfClose, CloseReason::User);
        assert_eq!(orders.push_reply(reply(1)), None);
        assert!(orders.is_empty());
    }

    #[test]
    fn who_takes_over_a_rules_close_ends_the_socket() {
        let orders = Orders::default();
        orders.stop(Stop::Close, CloseReason::Rule);
        orders.stop(Stop::Close, CloseReason::User);
        orders.stop(Stop::Close, CloseReason::Rule);
        orders.forget_rules_stop();
        assert_eq!((orders.stopping(), orders.closed_by()), (Some(Stop::Close), CloseReason::User));
    }

    #[test]
    fn the_most_urgent_stop_holds_and_ends_new_orders() {
        let orders = Orders::default();
        orders.stop(Stop::HalfClose, CloseReason::User);
        orders.push(order(1)).unwrap();
        orders.stop(Stop::Abort, CloseReason::User);
        orders.stop(Stop::Close, CloseReason::Rule);
        assert_eq!((orders.stopping(), orders.closed_by()), (Some(Stop::Abort), CloseReason::User));
        orders.push(order(1)).unwrap_err();
    }
}
