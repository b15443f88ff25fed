//! What went in each stretch of time, in bounded memory: stretches double their length when there are too many.

use std::collections::VecDeque;
use std::time::Duration;

use crate::contract::Timestamp;
use crate::log::{Kind, Row, Traffic};

/// The most stretches.
pub const STRETCHES: usize = 512;

/// The length of a stretch at first, in nanoseconds.
const SHORTEST: u64 = 1_000_000;

/// What came and what went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// What came.
    pub received: Traffic,
    /// What went.
    pub sent: Traffic,
}

impl Flow {
    /// Counts a message; any other row is left alone.
    pub const fn count(&mut self, row: &Row) {
        let traffic = match row.kind {
            Kind::Received => &mut self.received,
            Kind::Sent => &mut self.sent,
            _ => return,
        };
        traffic.messages += 1;
        traffic.bytes += row.len as u64;
    }

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { received: sum(self.received, other.received), sent: sum(self.sent, other.sent) }
    }
}

const fn sum(one: Traffic, other: Traffic) -> Traffic {
    Traffic { messages: one.messages + other.messages, bytes: one.bytes + other.bytes }
}

/// Messages by time. Which stretches there are depends on the first and the last moment alone, not on the order in
/// which messages are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// In nanoseconds: a power of two milliseconds.
    length: u64,
    /// The first stretch, counted from 1970 on in stretches of this length.
    first: u64,
    stretches: VecDeque<Flow>,
}

impl Default for Series {
    fn default() -> Self {
        Self { length: SHORTEST, first: 0, stretches: VecDeque::new() }
    }
}

impl Series {
    /// Counts a message.
    pub fn add(&mut self, row: &Row) {
        self.reach(row.at);
        if let Ok(at) = usize::try_from(row.at.0 / self.length - self.first)
            && let Some(flow) = self.stretches.get_mut(at)
        {
            flow.count(row);
        }
    }

    /// The stretches from the first with a message to the last, at most [`STRETCHES`].
    #[must_use]
    pub fn stretches(&self) -> impl ExactSizeIterator<Item = &Flow> {
        self.stretches.iter()
    }

    /// How long each is: at least a millisecond.
    #[must_use]
    pub const fn length(&self) -> Duration {
        Duration::from_nanos(self.length)
    }

    /// Makes sure that there is a stretch for this moment.
    fn reach(&mut self, at: Timestamp) {
        if self.stretches.is_empty() {
            self.first = at.0 / self.length;
            self.stretches.push_back(Flow::default());
            return;
        }
        loop {
            let wanted = at.0 / self.length;
            let last = self.first + self.stretches.len() as u64 - 1;
            let (first, last) = (self.first.min(wanted), last.max(wanted));
            if last - first < STRETCHES as u64 {
                while self.first > first {
                    self.first -= 1;
                    self.stretches.push_front(Flow::default());
                }
                while self.first + (self.stretches.len() as u64) <= last {
                    self.stretches.push_back(Flow::default());
                }
                return;
            }
            self.double();
        }
    }

    fn double(&mut self) {
        // Counted from 1970 on, so that it is the clock that says which two become one.
        if !self.first.is_multiple_of(2) {
            self.first -= 1;
            self.stretches.push_front(Flow::default());
        }
        let slices = self.stretches.make_contiguous();
        let doubled = slices.chunks(2).map(|pair| pair.iter().fold(Flow::default(), |sum, flow| sum.and(*flow)));
        self.stretches = doubled.collect();
        self.first /= 2;
        self.length *= 2;
    }
}
