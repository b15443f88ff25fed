//! Repeats: one payload sent again and again to a target, filled in anew each time.
//!
//! Owns when each is due, and the counts. Time is an argument, so that no clock is read here. What could not be sent at
//! its time is counted and never made up for. It never sends.

use std::sync::Arc;
use std::time::Duration;

use super::Bench;
use super::under_way::UnderWay;
use crate::contract::{Command, Event, Fact, Target, Ticket, Timestamp};
use crate::payload::Template;
use crate::ui::Effect;

/// The least time between two messages.
pub(in crate::ui) const SHORTEST: Duration = Duration::from_millis(1);

/// What is to be repeated, and how.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::ui) struct Plan {
    pub(in crate::ui) template: Template,
    pub(in crate::ui) target: Target,
    pub(in crate::ui) every: Duration,
    /// How many times; none for until it is stopped.
    pub(in crate::ui) count: Option<u64>,
    /// Whether one that can't be sent is no reason to end.
    pub(in crate::ui) is_datagram: bool,
}

/// A repeat that has begun.
#[derive(Debug)]
pub(in crate::ui) struct Repeat {
    pub(in crate::ui) plan: Plan,
    /// How many messages were taken.
    pub(in crate::ui) done: u64,
    /// How many were refused.
    pub(in crate::ui) failed: u64,
    /// How many times nothing was sent, since the message before was not through, or the program was held up.
    pub(in crate::ui) skipped: u64,
    ordered: u64,
    /// From when its times count, and which is next.
    origin: Timestamp,
    next: u64,
    under_way: Option<UnderWay>,
    failure: Option<String>,
}

/// What is to be done for a repeat.
#[derive(Debug, PartialEq)]
pub(in crate::ui) enum Turn {
    /// Send one and say so by [`Repeat::ordered`].
    Send,
    /// Ask again after this time, or where there is none when something happens.
    Wait(Option<Duration>),
    /// It is over, because of that; without a reason all are sent.
    Over(Option<String>),
}

impl Repeat {
    pub(in crate::ui) const fn new(plan: Plan, now: Timestamp) -> Self {
        Self { plan, done: 0, failed: 0, skipped: 0, ordered: 0, origin: now, next: 0, under_way: None, failure: None }
    }

    /// What is to be done now.
    pub(in crate::ui) fn turn(&mut self, now: Timestamp) -> Turn {
        if let Some(why) = self.failure.take() {
            return Turn::Over(Some(why));
        }
        if self.plan.count == Some(self.ordered) {
            return if self.under_way.is_some() { Turn::Wait(None) } else { Turn::Over(None) };
        }
        let every = u64::try_from(self.plan.every.as_nanos()).unwrap_or(u64::MAX).max(1);
        let due = self.origin.0.saturating_add(every.saturating_mul(self.next));
        if now.0 < due {
            return Turn::Wait(Some(Duration::from_nanos(due - now.0)));
        }
        let missed = (now.0 - due) / every;
        self.skipped += missed;
        if missed == 0 {
            self.next += 1;
        } else {
            // From here on, so that the next does not follow at once.
            self.origin = now;
            self.next = 1;
        }
        if self.under_way.is_some() {
            self.skipped += 1;
            return self.turn(now);
        }
        Turn::Send
    }

    /// Says that a message was ordered, and how many sockets are to take it.
    fn ordered(&mut self, ticket: Ticket, sockets: usize) {
        self.ordered += 1;
        self.under_way = Some(UnderWay::new(ticket, sockets));
    }

    /// The order that is not answered yet.
    pub(in crate::ui) fn under_way(&self) -> Option<Ticket> {
        self.under_way.as_ref().map(UnderWay::ticket)
    }

    fn observe(&mut self, event: &Event) {
        if let Some(outcome) = self.under_way.as_mut().and_then(|under_way| under_way.observe(&event.fact)) {
            self.under_way = None;
            match outcome {
                Ok(()) => self.done += 1,
                Err(why) => {
                    self.failed += 1;
                    self.failure = (!self.plan.is_datagram).then_some(why);
                }
            }
        }
        if matches!(event.fact, Fact::Closed { .. }) && self.plan.target.socket() == event.socket {
            self.failure.get_or_insert_with(|| "the socket was closed".to_owned());
        }
    }
}

/// All that run, the oldest first; a target has one at most.
#[derive(Debug, Default)]
pub(in crate::ui) struct Repeats {
    running: Vec<Repeat>,
    /// When they are to be looked after again.
    pub(in crate::ui) wakes: Option<Timestamp>,
}

impl Repeats {
    pub(in crate::ui) fn running(&self) -> impl DoubleEndedIterator<Item = &Repeat> {
        self.running.iter()
    }

    pub(in crate::ui) fn get(&self, target: &Target) -> Option<&Repeat> {
        self.running.iter().find(|repeat| repeat.plan.target == *target)
    }

    /// Begins one, in the place of another to the same target.
    pub(in crate::ui) fn start(&mut self, repeat: Repeat) {
        self.take(&repeat.plan.target);
        self.running.push(repeat);
    }

    /// Ends one.
    pub(in crate::ui) fn take(&mut self, target: &Target) -> Option<Repeat> {
        let at = self.running.iter().position(|repeat| repeat.plan.target == *target)?;
        Some(self.running.remove(at))
    }

    /// What is to be done now, for the first that wants something; none once all wait. [`wakes`](Self::wakes) then says
    /// for how long.
    pub(in crate::ui) fn turn(&mut self, now: Timestamp) -> Option<(Target, Turn)> {
        self.wakes = None;
        for repeat in &mut self.running {
            match repeat.turn(now) {
                Turn::Wait(after) => {
                    let at = after.map(|after| now.later(after));
                    self.wakes = [self.wakes, at].into_iter().flatten().min();
                }
                turn => return Some((repeat.plan.target.clone(), turn)),
            }
        }
        None
    }

    /// Learns from an event what became of the messages under way.
    pub(super) fn observe(&mut self, event: &Event) {
        for repeat in &mut self.running {
            repeat.observe(event);
        }
    }
}

impl Bench {
    /// Orders the next message of the repeat to a target.
    ///
    /// # Errors
    /// One sentence without a full stop: why there can be none.
    pub(in crate::ui) fn repeat_one(
        &mut self,
        target: &Target,
        seed: u64,
        effects: &mut Vec<Effect>,
    ) -> Result<(), String> {
        self.can_send(target)?;
        let Some(repeat) = self.repeats.get(target) else { return Ok(()) };
        let bytes = self.filled(&repeat.plan.template, Some(target), self.now(), seed)?;
        let (ticket, reach) = (self.ticket(), self.reach(target));
        self.filling.count(target.socket());
        if let Some(repeat) = self.repeats.running.iter_mut().find(|repeat| repeat.plan.target == *target) {
            repeat.ordered(ticket, reach);
        }
        effects.push(Effect::Order(Command::Send { ticket, target: target.clone(), bytes: Arc::from(bytes) }));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::contract::{CloseReason, SocketId, Span};

    const START: u64 = 1_000_000_000;

    fn socket() -> SocketId {
        SocketId::new(1).unwrap()
    }

    fn repeat(every_ms: u64, count: Option<u64>) -> Repeat {
        let plan = Plan {
            template: Template::of(b"x".to_vec()),
            target: Target::Socket(socket()),
            every: Duration::from_millis(every_ms),
            count,
            is_datagram: false,
        };
        Repeat::new(plan, Timestamp(START))
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp(START + ms * 1_000_000)
    }

    fn sent(ticket: u64) -> Event {
        let fact = Fact::Sent { ticket: Ticket(ticket), peer: None, bytes: Span::default(), remaining: 0 };
        Event { at: at(0), socket: socket(), fact }
    }

    #[test]
    fn it_sends_so_many_and_is_over_when_the_last_is_taken() {
        let mut repeat = repeat(100, Some(2));
        assert_eq!(repeat.turn(at(0)), Turn::Send);
        repeat.ordered(Ticket(1), 1);
        assert_eq!(repeat.turn(at(10)), Turn::Wait(Some(Duration::from_millis(90))));
        repeat.observe(&sent(1));
        assert_eq!(repeat.turn(at(101)), Turn::Send);
        repeat.ordered(Ticket(2), 1);
        // Nothing is due any more, and no timer runs for it.
        assert_eq!(repeat.turn(at(500)), Turn::Wait(None));
        repeat.observe(&sent(2));
        assert_eq!(repeat.turn(at(501)), Turn::Over(None));
        assert_eq!((repeat.done, repeat.skipped), (2, 0));
    }

    #[test]
    fn a_message_that_is_not_through_is_not_followed_by_another() {
        let mut repeat = repeat(100, None);
        assert_eq!(repeat.turn(at(0)), Turn::Send);
        repeat.ordered(Ticket(1), 1);
        assert_eq!(repeat.turn(at(100)), Turn::Wait(Some(Duration::from_millis(100))));
        assert_eq!(repeat.turn(at(200)), Turn::Wait(Some(Duration::from_millis(100))));
        repeat.observe(&sent(1));
        assert_eq!(repeat.turn(at(250)), Turn::Wait(Some(Duration::from_millis(50))));
        assert_eq!(repeat.turn(at(300)), Turn::Send);
        assert_eq!((repeat.done, repeat.skipped), (1, 2));
    }

    #[test]
    fn it_ends_with_its_socket() {
        let mut repeat = repeat(100, None);
        let fact = Fact::Closed { reason: CloseReason::Peer };
        repeat.observe(&Event { at: at(0), socket: SocketId::new(2).unwrap(), fact: fact.clone() });
        assert_eq!(repeat.turn(at(0)), Turn::Send);
        repeat.observe(&Event { at: at(0), socket: socket(), fact });
        assert_eq!(repeat.turn(at(1)), Turn::Over(Some("the socket was closed".to_owned())));
    }

    proptest! {
        #[test]
        fn however_the_program_is_held_up_there_is_no_burst_and_each_time_is_counted(
            every in 1_u64..200,
            pauses in prop::collection::vec(prop_oneof![9 => 0_u64..50, 1 => 0_u64..5_000], 1..200),
        ) {
            let mut repeat = repeat(every, None);
            let (mut now, mut times, mut stalls) = (0, Vec::new(), 0);
            for pause in pauses {
                now += pause;
                let before = repeat.skipped;
                if repeat.turn(at(now)) == Turn::Send {
                    let ticket = times.len() as u64;
                    repeat.ordered(Ticket(ticket), 1);
                    repeat.observe(&sent(ticket));
                    times.push(now);
                    stalls += u64::from(repeat.skipped > before);
                }
                prop_assert!(matches!(repeat.turn(at(now)), Turn::Wait(Some(_))));
            }
            // One may be late by less than an interval, and the next is on time.
            prop_assert!(times.windows(3).all(|times| times[2] - times[0] >= every), "{:?}", times);
            let sends = times.len() as u64;
            prop_assert_eq!(repeat.done, sends);
            // Each time that passed was used or counted; a stall ends between two of them.
            let passed = now / every + 1;
            let counted = sends + repeat.skipped;
            prop_assert!(counted <= passed && counted + stalls >= passed, "{} and {} of {}", counted, stalls, passed);
        }
    }
}
