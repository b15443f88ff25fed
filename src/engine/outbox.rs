//! The batch that is being filled, and when it leaves.
//!
//! Owns the current block and the events that point into it. Readers read straight into the block's free tail. A batch
//! leaves when its block or its list of events is full, or as soon as nothing more is ready and the receiver has taken
//! the one before: a lone message leaves at once, and a flood travels in large batches. It never drops an event: who
//! finds no room waits for it, or counts what is lost and says so later.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::futures::Notified;
use tokio::sync::{Notify, mpsc};
use tokio::task::yield_now;
use tokio::time::sleep;

use super::pool::Pool;
use crate::contract::{BLOCK_SIZE, Batch, Block, Clock, Event, Fact, Report, ReportContent, SocketId, Span, Timestamp};

/// The free tail that a reader asks for at least, in bytes: the longest datagram, and a worthwhile read of a stream.
pub(super) const TAIL_LEAST: usize = 64 * 1024;

/// The longest read of a stream, in bytes.
pub(super) const TAIL_MOST: usize = 256 * 1024;

/// The free tail that a reader of whole messages of a Unix socket asks for at least, in bytes: the longest message that
/// a system with the usual limits lets through (twice `net.core.wmem_max`) fits.
pub(super) const MESSAGE_TAIL: usize = 512 * 1024;

/// How many events one batch holds, but for those that are added at once whatever waits.
const MAX_EVENTS: usize = 16 * 1024;

/// From how many waiting bytes on there is a flood, in which full blocks are worth a wait of this long.
const FLOOD: usize = 64 * 1024;
const GATHERING_NANOS: u64 = 1_000_000;
const GATHERING: Duration = Duration::from_nanos(GATHERING_NANOS);

/// From how many events within that time on there is a flood of small ones, each of which would wake the receiver. No
/// exchange of one message after the other comes to so many.
const FLOOD_EVENTS: usize = 128;

/// How often the delivery lets the other tasks go on while they still have something to add.
const SETTLING_TURNS: usize = 16;

/// The engine's end of the letterbox. Clones are the same one.
#[derive(Clone)]
pub(super) struct Outbox(Rc<Shared>);

struct Shared {
    filling: RefCell<Filling>,
    batches: mpsc::Sender<Batch>,
    pool: Arc<Pool>,
    room: Notify,
    clock: Clock,
}

#[derive(Default)]
struct Filling {
    block: Option<Block>,
    used: usize,
    events: Vec<Event>,
    reports: Vec<Report>,
    /// Since when the events that leave are counted, and how many have left since then.
    counted_from: Timestamp,
    left: usize,
}

/// The free tail of the current block, lent for one system call.
pub(super) struct Tail<'a> {
    /// Where to write.
    pub(super) bytes: &'a mut [u8],
    used: &'a mut usize,
    events: &'a mut Vec<Event>,
    clock: Clock,
}

impl Tail<'_> {
    /// Makes an event of the first `len` bytes. To be called right after the system call, for the time.
    pub(super) fn commit(self, socket: SocketId, len: usize, fact: impl FnOnce(Span) -> Fact) {
        let at = self.clock.now();
        let len = len.min(self.bytes.len());
        let fact = fact(span(*self.used, len));
        *self.used += len;
        self.events.push(Event { at, socket, fact });
    }
}

impl Outbox {
    pub(super) fn new(batches: mpsc::Sender<Batch>, pool: Arc<Pool>, clock: Clock) -> Self {
        Self(Rc::new(Shared { filling: RefCell::default(), batches, pool, room: Notify::new(), clock }))
    }

    /// Lends at least `least` bytes (not more than [`BLOCK_SIZE`]) and at most `most` of the current block, for what
    /// `call` reads or is about to report. `None` without a call when there is no room.
    pub(super) fn with_tail<R>(&self, least: usize, most: usize, call: impl FnOnce(Tail<'_>) -> R) -> Option<R> {
        let shared = &*self.0;
        let mut filling = shared.filling.borrow_mut();
        let Filling { block, used, events, .. } = filling.make_room(shared, least)?;
        let block = block.as_mut()?;
        let end = block.size().min(*used + most);
        let before = events.len();
        let tail = Tail { bytes: &mut block.bytes_mut()[*used..end], used, events, clock: shared.clock };
        let outcome = call(tail);
        if events.len() > before {
            shared.pool.bell.notify_one();
        }
        Some(outcome)
    }

    /// The present moment, by the clock that dates events.
    pub(super) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Adds an event that has no bytes, dated now, even where the list is full.
    pub(super) fn push(&self, socket: SocketId, fact: Fact) {
        let shared = &*self.0;
        let event = Event { at: shared.clock.now(), socket, fact };
        let mut filling = shared.filling.borrow_mut();
        if filling.events.len() >= MAX_EVENTS {
            filling.send(shared);
        }
        filling.events.push(event);
        shared.pool.bell.notify_one();
    }

    /// Tells what is no row of the log, with the next batch. More than a few of them at once are not kept: the next
    /// will tell anew.
    pub(super) fn tell(&self, socket: SocketId, content: ReportContent) {
        let mut filling = self.0.filling.borrow_mut();
        if filling.reports.len() < MAX_EVENTS {
            filling.reports.push(Report { socket, content });
            self.0.pool.bell.notify_one();
        }
    }

    /// Adds an event that has no bytes, dated now. The future waits until there is room for it, so that who reports
    /// more than is taken is held up; the event is not lost where nobody waits.
    pub(super) fn report(&self, socket: SocketId, fact: Fact) -> impl Future<Output = ()> + use<'_> {
        self.push(socket, fact);
        async move {
            while self.0.filling.borrow().events.len() > MAX_EVENTS {
                self.room().await;
            }
        }
    }

    /// Waits until there may be room again; to be asked for right after there was none.
    pub(super) fn room(&self) -> Notified<'_> {
        self.0.room.notified()
    }

    /// Waits until an event with so many bytes would find room.
    pub(super) async fn room_for(&self, bytes: usize) {
        while !self.has_room_for(bytes) {
            self.room().await;
        }
    }

    /// Whether an event with so many bytes would find room.
    pub(super) fn has_room_for(&self, bytes: usize) -> bool {
        self.0.filling.borrow_mut().make_room(&self.0, bytes).is_some()
    }

    /// Waits until nobody receives batches any more.
    pub(super) async fn closed(&self) {
        self.0.batches.closed().await;
    }

    /// Delivers batches for as long as the engine lives.
    pub(super) async fn deliver(self) {
        let shared = &*self.0;
        loop {
            shared.pool.bell.notified().await;
            self.settle().await;
            if shared.filling.borrow_mut().is_flooded(shared.clock.now()) {
                // Whole blocks leave by themselves meanwhile, and those the log keeps without a copy.
                sleep(GATHERING).await;
            }
            // While the receiver is busy with what it has, a larger batch costs it less than another one.
            if shared.batches.capacity() == shared.batches.max_capacity() {
                shared.filling.borrow_mut().send(shared);
            }
            shared.room.notify_waiters();
        }
    }

    /// Waits until the last event is with the receiver's channel.
    pub(super) async fn drain(&self) {
        while !self.0.filling.borrow_mut().send(&self.0) {
            self.room().await;
        }
    }

    /// Lets every task that is ready go first, again and again while that adds to the batch.
    async fn settle(&self) {
        for _ in 0..SETTLING_TURNS {
            let before = self.0.filling.borrow().events.len();
            yield_now().await;
            let filling = self.0.filling.borrow();
            if filling.events.len() == before || filling.used > BLOCK_SIZE / 2 {
                break;
            }
        }
    }
}

impl Filling {
    /// Itself, with a block that has `least` free bytes and a list that has a free place; `None` if that can't be.
    fn make_room(&mut self, shared: &Shared, least: usize) -> Option<&mut Self> {
        let short = self.block.as_ref().is_some_and(|block| block.size() - self.used < least);
        if (short || self.events.len() >= MAX_EVENTS) && !self.send(shared) {
            return None;
        }
        if self.block.is_none() {
            self.block = Some(shared.pool.take()?);
        }
        Some(self)
    }

    /// Whether as much comes that a larger batch is worth a wait.
    fn is_flooded(&mut self, now: Timestamp) -> bool {
        if now.0.saturating_sub(self.counted_from.0) >= GATHERING_NANOS {
            (self.counted_from, self.left) = (now, 0);
        }
        self.used >= FLOOD || self.left + self.events.len() >= FLOOD_EVENTS
    }

    /// Sends what there is. False when it can't leave now: no block to go with it, or no place in the channel.
    fn send(&mut self, shared: &Shared) -> bool {
        if self.events.is_empty() && self.reports.is_empty() {
            return true;
        }
        let permit = match shared.batches.try_reserve() {
            Ok(permit) => permit,
            Err(mpsc::error::TrySendError::Full(())) => return false,
            Err(mpsc::error::TrySendError::Closed(())) => {
                // Nobody will ever read it, and nobody must wait for room because of it.
                self.events.clear();
                self.reports.clear();
                self.used = 0;
                return true;
            }
        };
        let Some(block) = self.block.take().or_else(|| shared.pool.take()) else {
            return false;
        };
        // The next batch will be about as long as this one.
        let next = Vec::with_capacity(self.events.len().min(MAX_EVENTS));
        let events = std::mem::replace(&mut self.events, next);
        self.left += events.len();
        let reports = std::mem::take(&mut self.reports);
        permit.send(Batch { events, block, used: std::mem::take(&mut self.used), reports });
        true
    }
}

#[expect(clippy::cast_possible_truncation, reason = "both are within a block, which is far smaller than 4 GiB")]
fn span(start: usize, len: usize) -> Span {
    Span { start: start as u32, len: len as u32 }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use proptest::prelude::*;
    use tokio::runtime::{Builder, LocalOptions};

    use super::*;
    use crate::engine::pool::BLOCKS;

    fn outbox() -> (Outbox, mpsc::Receiver<Batch>, Arc<Pool>) {
        let pool = Arc::new(Pool::new().unwrap());
        let (sender, receiver) = mpsc::channel(BLOCKS);
        (Outbox::new(sender, Arc::clone(&pool), Clock::start()), receiver, pool)
    }

    fn write(outbox: &Outbox, bytes: &[u8]) -> bool {
        let socket = SocketId::new(1).unwrap();
        let fact = |bytes| Fact::Received { peer: None, bytes, truncated: false };
        let written = outbox.with_tail(bytes.len(), bytes.len(), |tail| {
            tail.bytes.copy_from_slice(bytes);
            tail.commit(socket, bytes.len(), fact);
        });
        written.is_some()
    }

    fn read(batch: &Batch, all: &mut Vec<u8>) {
        for event in &batch.events {
            if let Fact::Received { bytes, .. } = event.fact {
                all.extend(batch.bytes(bytes));
            }
        }
    }

    proptest! {
        // Whatever comes and whenever blocks go back: no byte is lost, doubled or out of order, and the budget holds.
        #[test]
        fn what_is_committed_arrives_whole(steps in prop::collection::vec((0usize..200_000, 0u8..4), 0..200)) {
            let (outbox, mut receiver, pool) = outbox();
            let (mut put, mut got, mut held) = (Vec::new(), Vec::new(), VecDeque::new());
            for (number, (len, give_back)) in steps.into_iter().enumerate() {
                let bytes = vec![u8::try_from(number).unwrap(); len];
                if write(&outbox, &bytes) {
                    put.extend(bytes);
                } else {
                    prop_assert_eq!(held.len() + receiver.len(), BLOCKS, "there was a block left");
                }
                while let Ok(batch) = receiver.try_recv() {
                    read(&batch, &mut got);
                    held.push_back(batch.block);
                }
                for block in held.drain(..held.len().min(give_back.into())) {
                    pool.give(block);
                }
            }
            held.drain(..).for_each(|block| pool.give(block));
            prop_assert!(outbox.0.filling.borrow_mut().send(&outbox.0));
            while let Ok(batch) = receiver.try_recv() {
                read(&batch, &mut got);
            }
            prop_assert!(got == put);
        }
    }

    #[test]
    fn a_lone_event_leaves_at_once_and_a_flood_leaves_in_large_batches() {
        Builder::new_current_thread().enable_time().build_local(LocalOptions::default()).unwrap().block_on(async {
            let (outbox, mut receiver, pool) = outbox();
            tokio::task::spawn_local(outbox.clone().deliver());
            write(&outbox, b"alone");
            let batch = receiver.recv().await.unwrap();
            assert_eq!((batch.events.len(), batch.used), (1, 5));
            pool.give(batch.block);
            // The receiver takes nothing for a while: what comes meanwhile gathers.
            for _ in 0..1000 {
                write(&outbox, b"flood");
                yield_now().await;
            }
            pool.bell.notify_one();
            let mut sizes = Vec::new();
            while sizes.iter().sum::<usize>() < 1000 {
                sizes.push(receiver.recv().await.unwrap().events.len());
                pool.bell.notify_one();
            }
            assert!(sizes.len() <= 2, "{sizes:?}");
        });
    }

    #[test]
    fn events_without_bytes_are_bounded_too_and_wait() {
        let (outbox, mut receiver, pool) = outbox();
        let socket = SocketId::new(1).unwrap();
        let mut context = Context::from_waker(Waker::noop());
        let mut count = 1;
        while pin!(outbox.report(socket, Fact::PeerClosed)).poll(&mut context).is_ready() {
            count += 1;
        }
        assert_eq!(count, (BLOCKS + 1) * MAX_EVENTS + 1, "eight batches under way, one that is full, and who waits");
        // That nobody waits any more loses nothing.
        let mut told = 0;
        while let Ok(batch) = receiver.try_recv() {
            told += batch.events.len();
            pool.give(batch.block);
            outbox.0.filling.borrow_mut().send(&outbox.0);
        }
        assert_eq!(told, count);
    }
}
