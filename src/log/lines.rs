//! The lines of a row: the row itself or, of a framed stream, the messages that end in it.
//!
//! Owns how a place in the log is told, and which of a row's messages are lines of it. It never looks at a byte.

use std::ops::Range;

use roaring::RoaringBitmap;

/// A place in the log: a row, and which of the messages that end in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spot {
    /// The row's sequence number.
    pub seq: u64,
    /// Which message, from 0; 0 for a row that is a line by itself.
    pub message: u32,
}

impl Spot {
    /// The first line of a row.
    #[must_use]
    pub const fn row(seq: u64) -> Self {
        Self { seq, message: 0 }
    }
}

/// A line of the log as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it is.
    pub spot: Spot,
    /// How many lines of its row stand above it.
    pub above: usize,
    /// How many lines of its row stand below it.
    pub below: usize,
}

/// Which lines a row has: never none.
#[derive(Clone, Debug, PartialEq)]
pub enum Lines {
    /// Those of consecutive messages.
    Run(Range<u32>),
    /// Those of some messages.
    Some(Box<RoaringBitmap>),
}

impl Lines {
    /// Those of a row that is a line by itself.
    pub const ROW: Self = Self::Run(0..1);

    /// Those of these messages, which rise; `None` where there are none.
    pub(super) fn of(messages: impl IntoIterator<Item = u32>) -> Option<Self> {
        let mut messages = messages.into_iter();
        let first = messages.next()?;
        let mut run = first..first + 1;
        while let Some(message) = messages.next() {
            if message == run.end {
                run.end += 1;
                continue;
            }
            let mut some = RoaringBitmap::new();
            some.insert_range(run);
            some.extend([message].into_iter().chain(messages));
            return Some(Self::Some(Box::new(some)));
        }
        Some(Self::Run(run))
    }

    /// How many they are.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        match self {
            Self::Run(run) => run.len(),
            Self::Some(some) => wide(u32::try_from(some.len()).unwrap_or(u32::MAX)),
        }
    }

    /// True where this message of the row is one of them.
    #[must_use]
    pub fn contains(&self, message: u32) -> bool {
        match self {
            Self::Run(run) => run.contains(&message),
            Self::Some(some) => some.contains(message),
        }
    }

    /// The message of a line, or of the last one where there are fewer.
    pub(super) fn message(&self, line: usize) -> u32 {
        let line = u32::try_from(line.min(self.len() - 1)).unwrap_or(u32::MAX);
        match self {
            Self::Run(run) => run.start + line,
            Self::Some(some) => some.select(line).unwrap_or(0),
        }
    }

    /// The line of a message or, where that is none of them, of the nearest before it, or else the first.
    pub(super) fn line(&self, message: u32) -> usize {
        match self {
            Self::Run(run) => wide(message.clamp(run.start, run.end - 1) - run.start),
            Self::Some(some) => usize::try_from(some.rank(message)).unwrap_or(usize::MAX).saturating_sub(1),
        }
    }

    /// How many of them are of these messages.
    pub(super) fn count_in(&self, messages: Range<u32>) -> usize {
        match self {
            Self::Run(run) => (run.start.max(messages.start)..run.end.min(messages.end)).len(),
            Self::Some(some) => usize::try_from(some.range_cardinality(messages)).unwrap_or(usize::MAX),
        }
    }
}

fn wide(number: u32) -> usize {
    number as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lines_and_messages_are_each_others(
            messages in proptest::collection::btree_set(0..40_u32, 1..20),
            asked in 0..45_u32,
        ) {
            let lines = Lines::of(messages.iter().copied()).unwrap();
            let messages: Vec<_> = messages.into_iter().collect();
            prop_assert_eq!(lines.len(), messages.len());
            for (line, message) in messages.iter().enumerate() {
                prop_assert_eq!((lines.message(line), lines.line(*message)), (*message, line));
            }
            prop_assert_eq!(lines.contains(asked), messages.contains(&asked));
            let before = messages.iter().filter(|message| **message <= asked).count();
            prop_assert_eq!(lines.line(asked), before.saturating_sub(1));
            prop_assert_eq!(lines.count_in(0..asked + 1), before);
        }
    }
}
