//! Replay: the messages of one side of a socket, sent again to another, one after the other.
//!
//! Owns which message is next and when it is due. Time is an argument, so that no clock is read here, and rows are looked
//! up as they are needed, so that nothing is held but one. It never sends.

use std::ops::ControlFlow;
use std::time::Duration;

use super::under_way::UnderWay;
use crate::contract::{Event, Fact, SocketId, Target, Ticket, Timestamp};
use crate::log::{Kind, LogStore, Row};

/// How many rows are looked through at once: a millisecond's work.
const SLICE: usize = 20_000;

/// From how late on a message makes all that follow it later, instead of having them catch up in a burst.
const STALL: Duration = Duration::from_millis(50);

/// How fast messages follow each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::ui) enum Pace {
    /// So many times as fast as they did.
    Times(f64),
    /// Each as soon as the one before was taken.
    Fast,
    /// Each when the user says so.
    ByHand,
}

impl Pace {
    /// How long messages take that took so long.
    pub(in crate::ui) fn scaled(self, time: Duration) -> Option<Duration> {
        match self {
            Self::Times(factor) => Some(Duration::try_from_secs_f64(time.as_secs_f64() / factor).unwrap_or(time)),
            Self::Fast | Self::ByHand => None,
        }
    }
}

/// What is to be replayed, and how.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::ui) struct Plan {
    /// Whose messages.
    pub(in crate::ui) source: SocketId,
    /// Those that it received, or those that it sent.
    pub(in crate::ui) kind: Kind,
    pub(in crate::ui) target: Target,
    pub(in crate::ui) pace: Pace,
    /// The rows among which they are: up to this one, which is not among them.
    pub(in crate::ui) end: u64,
    /// How many they are.
    pub(in crate::ui) total: u64,
}

/// A replay that has begun.
#[derive(Debug)]
pub(in crate::ui) struct Replay {
    pub(in crate::ui) plan: Plan,
    /// How many messages were taken.
    pub(in crate::ui) done: u64,
    /// When it is to be looked after again.
    pub(in crate::ui) wakes: Option<Timestamp>,
    began: Timestamp,
    /// The next row to look at.
    seq: u64,
    next: Option<Row>,
    /// When a message was in the log, and when it is one now: all others are relative to that.
    origin: Option<(Timestamp, Timestamp)>,
    under_way: Option<UnderWay>,
    /// Since when it has been paused.
    paused: Option<Timestamp>,
    /// How many messages the user has asked for by hand that are not sent.
    asked: u64,
    failure: Option<String>,
}

/// What is to be done for a replay.
#[derive(Debug, PartialEq)]
pub(in crate::ui) enum Turn {
    /// Send this message and say so by [`Replay::ordered`].
    Send(Row),
    /// Ask again: there is more to look through.
    More,
    /// Ask again after this time, or where there is none when something happens.
    Wait(Option<Duration>),
    /// It is over, because of that.
    Over(Ending),
}

#[derive(Debug, PartialEq)]
pub(in crate::ui) enum Ending {
    /// All is sent.
    Done,
    /// It can't go on, as a sentence without a full stop tells.
    Failed(String),
}

impl Replay {
    pub(in crate::ui) fn new(plan: Plan, now: Timestamp) -> Self {
        Self {
            plan,
            done: 0,
            wakes: None,
            began: now,
            seq: 0,
            next: None,
            origin: None,
            under_way: None,
            paused: None,
            asked: 1,
            failure: None,
        }
    }

    /// What is to be done now.
    pub(in crate::ui) fn turn(&mut self, now: Timestamp, store: &LogStore) -> Turn {
        if let Some(why) = self.failure.take() {
            return Turn::Over(Ending::Failed(why));
        }
        if self.under_way.is_some() {
            return Turn::Wait(None);
        }
        let Some(row) = self.next.or_else(|| self.find(store)) else {
            return if self.seq >= self.plan.end { Turn::Over(Ending::Done) } else { Turn::More };
        };
        self.next = Some(row);
        if self.paused.is_some() {
            return Turn::Wait(None);
        }
        match self.plan.pace {
            Pace::Fast => {}
            Pace::ByHand if self.asked == 0 => return Turn::Wait(None),
            Pace::ByHand => self.asked -= 1,
            Pace::Times(_) => {
                let (then, origin) = *self.origin.get_or_insert((row.at, now));
                let after = self.plan.pace.scaled(row.at.since(then)).unwrap_or_default();
                let due = origin.later(after);
                if due > now {
                    return Turn::Wait(Some(due.since(now)));
                }
                let late = now.since(due);
                if late > STALL {
                    self.origin = Some((then, origin.later(late)));
                }
            }
        }
        self.next = None;
        Turn::Send(row)
    }

    /// The next message, if it is among the next rows.
    fn find(&mut self, store: &LogStore) -> Option<Row> {
        let from = self.seq.max(store.first());
        let end = self.plan.end.min(from + SLICE as u64);
        let mut found = None;
        let _ = store.for_each_row(from..end, |row| {
            if row.socket == self.plan.source && row.kind == self.plan.kind {
                found = Some(row);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        self.seq = found.map_or(end, |row: Row| row.seq + 1).max(from);
        found
    }

    /// Says that the message was ordered, and how many sockets are to take it.
    pub(in crate::ui) fn ordered(&mut self, ticket: Ticket, sockets: usize) {
        self.under_way = Some(UnderWay::new(ticket, sockets));
    }

    /// Says that the message needed no order: there is nothing to send of it.
    pub(in crate::ui) const fn passed(&mut self) {
        self.done += 1;
    }

    /// Learns from an event what became of the message under way.
    pub(in crate::ui) fn observe(&mut self, event: &Event) {
        if let Some(outcome) = self.under_way.as_mut().and_then(|under_way| under_way.observe(&event.fact)) {
            self.under_way = None;
            match outcome {
                Ok(()) => self.done += 1,
                Err(why) => self.failure = Some(why),
            }
        }
        if matches!(event.fact, Fact::Closed { .. }) && self.plan.target.socket() == event.socket {
            self.failure.get_or_insert_with(|| "the socket that it goes to was closed".to_owned());
        }
    }

    /// The order that is not answered yet.
    pub(in crate::ui) fn under_way(&self) -> Option<Ticket> {
        self.under_way.as_ref().map(UnderWay::ticket)
    }

    /// Has the next message sent, where that goes by hand; else pauses, or goes on where it paused.
    pub(in crate::ui) fn step(&mut self, now: Timestamp) {
        if self.plan.pace == Pace::ByHand {
            self.asked += 1;
        } else if let Some(since) = self.paused.take() {
            // As if the pause had not been.
            self.origin = self.origin.map(|(then, origin)| (then, origin.later(now.since(since))));
        } else {
            self.paused = Some(now);
        }
    }

    pub(in crate::ui) const fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    /// How long it has run.
    pub(in crate::ui) const fn elapsed(&self, now: Timestamp) -> Duration {
        now.since(self.began)
    }
}

/// What there is to replay of a socket, counted in slices.
#[derive(Debug)]
pub(in crate::ui) struct Census {
    socket: SocketId,
    seq: u64,
    /// Up to which row it counts.
    pub(in crate::ui) end: u64,
    /// Whether the socket's row before was cut.
    latest_is_cut: bool,
    pub(in crate::ui) received: Side,
    pub(in crate::ui) sent: Side,
}

/// The messages of one side.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::ui) struct Side {
    pub(in crate::ui) messages: u64,
    pub(in crate::ui) bytes: u64,
    /// How often something is missing that the log does not hold, as far as it is known on which side.
    pub(in crate::ui) gaps: u64,
    first: Option<Timestamp>,
    last: Timestamp,
}

impl Side {
    /// How long it took from the first to the last.
    pub(in crate::ui) fn duration(&self) -> Duration {
        self.first.map_or(Duration::ZERO, |first| self.last.since(first))
    }

    fn count(&mut self, row: &Row) {
        self.messages += 1;
        self.bytes += u64::from(row.len);
        self.gaps += u64::from(row.truncated);
        self.first.get_or_insert(row.at);
        self.last = row.at;
    }
}

impl Census {
    /// Counts what the log holds of a socket now.
    pub(in crate::ui) fn new(socket: SocketId, store: &LogStore) -> Self {
        Self {
            socket,
            seq: store.first(),
            end: store.next(),
            received: Side::default(),
            sent: Side::default(),
            latest_is_cut: false,
        }
    }

    /// Counts on; true while there is more.
    pub(in crate::ui) fn catch_up(&mut self, store: &LogStore) -> bool {
        let end = self.end.min(self.seq + SLICE as u64);
        let _ = store.for_each_row(self.seq..end, |row| {
            if row.socket != self.socket {
                return ControlFlow::Continue(());
            }
            match row.kind {
                Kind::Received => self.received.count(&row),
                Kind::Sent => self.sent.count(&row),
                Kind::Lost => {
                    self.received.gaps += 1;
                    self.sent.gaps += 1;
                }
                // It stands behind the message that it is about; of one that was received, its own row tells.
                Kind::Note if !self.latest_is_cut && is_of_a_cut_message(&row, store) => self.sent.gaps += 1,
                _ => {}
            }
            self.latest_is_cut = row.truncated;
            ControlFlow::Continue(())
        });
        self.seq = end;
        !self.is_whole()
    }

    /// Whether all is counted.
    pub(in crate::ui) const fn is_whole(&self) -> bool {
        self.seq >= self.end
    }

    pub(in crate::ui) const fn side(&self, kind: Kind) -> &Side {
        if matches!(kind, Kind::Sent) { &self.sent } else { &self.received }
    }
}

fn is_of_a_cut_message(row: &Row, store: &LogStore) -> bool {
    matches!(store.fact(row), Some(Fact::Note { name, .. }) if name == "truncated")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::contract::{Batch, Block, NetError, Span};

    const MS: u64 = 1_000_000;

    fn id(number: u32) -> SocketId {
        SocketId::new(number).unwrap()
    }

    /// A log of messages that socket 1 sent after so many milliseconds each, with what others did between.
    fn log(gaps: &[u64]) -> LogStore {
        let mut at = 0;
        let mut events = Vec::new();
        for gap in gaps {
            at += gap * MS;
            let bytes = Span { start: 0, len: 1 };
            let sent = Fact::Sent { ticket: Ticket(0), peer: None, bytes, remaining: 0 };
            for (socket, fact) in [(2, sent.clone()), (1, Fact::PeerClosed), (1, sent)] {
                events.push(Event { at: Timestamp(at), socket: id(socket), fact });
            }
        }
        let mut store = LogStore::new(u64::MAX);
        store.append(Batch::new(events, Block::with_size(64).unwrap(), 1)).unwrap();
        store
    }

    #[test]
    fn a_census_tells_the_gaps_of_each_side() {
        let bytes = Span { start: 0, len: 1 };
        let received = |truncated| Fact::Received { peer: None, bytes, truncated };
        let sent = || Fact::Sent { ticket: Ticket(0), peer: None, bytes, remaining: 0 };
        let note = || Fact::Note { name: "truncated".into(), message: "the first 1 of 9".to_owned() };
        let lost = Fact::Lost { count: 1, bytes: None };
        let facts = [received(false), sent(), note(), received(true), note(), sent(), note(), lost, received(false)];
        let event = |fact| Event { at: Timestamp(0), socket: id(1), fact };
        let mut store = LogStore::new(u64::MAX);
        store.append(Batch::new(facts.map(event).to_vec(), Block::with_size(64).unwrap(), 1)).unwrap();
        let mut census = Census::new(id(1), &store);
        while census.catch_up(&store) {}
        assert_eq!((census.received.gaps, census.sent.gaps), (2, 3));
        assert_eq!((census.received.messages, census.sent.messages), (3, 2));
    }

    fn replay(store: &LogStore, pace: Pace) -> Replay {
        let plan = Plan {
            source: id(1),
            kind: Kind::Sent,
            target: Target::Socket(id(9)),
            pace,
            end: store.next(),
            total: (store.next() - 1) / 3,
        };
        Replay::new(plan, Timestamp(0))
    }

    fn taken(replay: &mut Replay, ticket: u64) {
        replay.ordered(Ticket(ticket), 1);
        assert_eq!(replay.turn(Timestamp(u64::MAX), &log(&[])), Turn::Wait(None), "one at a time");
        let bytes = Span::default();
        let fact = Fact::Sent { ticket: Ticket(ticket), peer: None, bytes, remaining: 0 };
        replay.observe(&Event { at: Timestamp(0), socket: id(9), fact });
    }

    /// Runs to the end with a clock that only the waits move, and gives when each message was sent.
    fn run(store: &LogStore, pace: Pace, mut stall: impl FnMut(u64) -> u64) -> Vec<u64> {
        let (mut replay, mut now, mut sent) = (replay(store, pace), 1_000 * MS, Vec::new());
        loop {
            match replay.turn(Timestamp(now), store) {
                Turn::Send(row) => {
                    assert_eq!((row.socket, row.kind), (id(1), Kind::Sent));
                    sent.push(now / MS - 1_000);
                    taken(&mut replay, sent.len() as u64);
                    now += stall(sent.len() as u64) * MS;
                }
                Turn::More => {}
                Turn::Wait(after) => now += u64::try_from(after.unwrap().as_nanos()).unwrap(),
                Turn::Over(ending) => {
                    assert_eq!((ending, replay.done), (Ending::Done, sent.len() as u64));
                    return sent;
                }
            }
        }
    }

    proptest! {
        #[test]
        fn messages_go_at_their_times(gaps in proptest::collection::vec(0u64..500, 1..40)) {
            let store = log(&gaps);
            let times: Vec<u64> = gaps[1..].iter().scan(0, |at, gap| { *at += gap; Some(*at) }).collect();
            prop_assert_eq!(&run(&store, Pace::Times(1.0), |_| 0)[1..], &times[..]);
            let halved: Vec<u64> = times.iter().map(|at| at / 2).collect();
            prop_assert_eq!(&run(&store, Pace::Times(2.0), |_| 0)[1..], &halved[..]);
            prop_assert!(run(&store, Pace::Fast, |_| 0).iter().all(|at| *at == 0));
        }

        // Case 47.
        /// After any stall no two messages are closer than they were, but for what a short one may catch up.
        #[test]
        fn a_stall_is_followed_by_no_burst(stall in 0u64..100_000) {
            let sent = run(&log(&[10; 30]), Pace::Times(1.0), |count| if count == 10 { stall } else { 0 });
            let caught_up = sent.windows(2).map(|pair| 10u64.saturating_sub(pair[1] - pair[0])).sum::<u64>();
            prop_assert!(caught_up <= 60, "{:?}", sent);
            prop_assert_eq!(sent.len(), 30);
        }
    }

    #[test]
    fn by_hand_each_step_sends_one_and_a_pause_shifts_the_rest() {
        let store = log(&[5; 3]);
        let mut by_hand = replay(&store, Pace::ByHand);
        assert!(matches!(by_hand.turn(Timestamp(0), &store), Turn::Send(_)));
        taken(&mut by_hand, 1);
        assert_eq!(by_hand.turn(Timestamp(MS), &store), Turn::Wait(None));
        by_hand.step(Timestamp(MS));
        assert!(matches!(by_hand.turn(Timestamp(MS), &store), Turn::Send(_)));

        let mut timed = replay(&store, Pace::Times(1.0));
        assert!(matches!(timed.turn(Timestamp(0), &store), Turn::Send(_)));
        taken(&mut timed, 1);
        timed.step(Timestamp(2 * MS));
        assert_eq!(timed.turn(Timestamp(50 * MS), &store), Turn::Wait(None));
        timed.step(Timestamp(102 * MS));
        assert_eq!(timed.turn(Timestamp(102 * MS), &store), Turn::Wait(Some(Duration::from_millis(3))));
    }

    #[test]
    fn a_target_that_fails_or_closes_ends_it() {
        let store = log(&[5; 3]);
        for fact in [
            Fact::SendFailed { ticket: Ticket(1), error: Box::new(NetError::unsent(0, 1)) },
            Fact::Closed { reason: crate::contract::CloseReason::Peer },
        ] {
            let mut replay = replay(&store, Pace::Fast);
            assert!(matches!(replay.turn(Timestamp(0), &store), Turn::Send(_)));
            replay.ordered(Ticket(1), 1);
            replay.observe(&Event { at: Timestamp(0), socket: id(9), fact });
            assert!(matches!(replay.turn(Timestamp(0), &store), Turn::Over(Ending::Failed(_))));
            assert_eq!(replay.done, 0);
        }
    }
}
