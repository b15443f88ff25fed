//! The difference between two messages, byte by byte: what stayed, what changed, what came in and what went out.
//!
//! Owns how bytes are paired. It never draws, and what it costs is bounded by the bytes it looks at and by a deadline.

use std::ops::Range;
use std::time::Instant;

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

/// So many bytes of each message are compared.
pub const COMPARED: usize = 16 * 1024;

/// What two messages have where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// The stretches, in order; together they are all of both messages that was compared.
    pub stretches: Vec<Stretch>,
    /// How many bytes are others in the second message.
    pub changed: usize,
    /// How many bytes the second message has beyond the first.
    pub inserted: usize,
    /// How many bytes the first message has beyond the second.
    pub removed: usize,
}

/// A stretch of both messages, of which either may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Where in the first.
    pub old: Range<usize>,
    /// Where in the second.
    pub new: Range<usize>,
    /// Whether both are the same.
    pub same: bool,
}

/// Compares two messages, each up to [`COMPARED`] bytes. What is not found out before the deadline counts as changed.
#[must_use]
pub fn difference(old: &[u8], new: &[u8], deadline: Instant) -> Difference {
    let (old, new) = (&old[..old.len().min(COMPARED)], &new[..new.len().min(COMPARED)]);
    let mut difference = Difference::default();
    let mut same_length = old.len() == new.len();
    let mut ops = capture_diff_slices_deadline(Algorithm::Myers, old, new, Some(deadline));
    // In messages of one length, fields that changed where they stand say more than a shift that is shorter to tell.
    if same_length {
        let in_place = old.iter().zip(new).filter(|(old, new)| old != new).count();
        let shifted: usize =
            ops.iter()
                .map(|op| {
                    if op.tag() == similar::DiffTag::Equal { 0 } else { op.old_range().len().max(op.new_range().len()) }
                })
                .sum();
        same_length = in_place <= 2 * shifted;
    }
    if same_length {
        ops = in_place(old, new);
    }
    // Of where a stretch is not, what is found tells nothing.
    let (mut at_old, mut at_new) = (0, 0);
    for op in ops {
        let (tag, old, new) = op.as_tag_tuple();
        let (old, new) = (at_old..at_old + old.len(), at_new..at_new + new.len());
        (at_old, at_new) = (old.end, new.end);
        let same = tag == similar::DiffTag::Equal;
        if !same {
            let both = old.len().min(new.len());
            difference.changed += both;
            difference.inserted += new.len() - both;
            difference.removed += old.len() - both;
        }
        difference.stretches.push(Stretch { old, new, same });
    }
    difference
}

/// The stretches of two messages of one length, compared place by place.
fn in_place(old: &[u8], new: &[u8]) -> Vec<DiffOp> {
    let mut ops = Vec::new();
    let mut at = 0;
    while at < old.len() {
        let same = old[at] == new[at];
        let len = old[at..].iter().zip(&new[at..]).take_while(|(old, new)| (old == new) == same).count();
        ops.push(if same {
            DiffOp::Equal { old_index: at, new_index: at, len }
        } else {
            DiffOp::Replace { old_index: at, old_len: len, new_index: at, new_len: len }
        });
        at += len;
    }
    ops
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn of(old: &[u8], new: &[u8]) -> Difference {
        difference(old, new, Instant::now() + Duration::from_mins(1))
    }

    #[test]
    fn what_differs_is_counted() {
        let counts = |old: &[u8], new: &[u8]| {
            let found = of(old, new);
            (found.changed, found.inserted, found.removed)
        };
        assert_eq!(counts(b"GET / 1", b"GET / 1"), (0, 0, 0));
        assert_eq!(counts(b"GET / 1", b"GET / 2"), (1, 0, 0));
        assert_eq!(counts(b"GET / 1", b"GET /index 1"), (0, 5, 0));
        assert_eq!(counts(b"len 12 ok", b"len ok"), (0, 0, 3));
        assert_eq!(counts(b"", b"abc"), (0, 3, 0));
        // A shift by one is told as such also in messages of one length.
        assert_eq!(counts(b"abcdefghijklmnop", b"bcdefghijklmnopq"), (0, 1, 1));
    }

    #[test]
    fn long_messages_are_compared_to_their_bound_in_time() {
        let old: Vec<u8> = (0..200_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
        let new: Vec<u8> = (0..200_000_u32).map(|n| n.wrapping_mul(2_246_822_519).to_be_bytes()[0]).collect();
        let found = difference(&old, &new[..100_000], Instant::now());
        assert_eq!(found.stretches.last().map(|last| (last.old.end, last.new.end)), Some((COMPARED, COMPARED)));
    }

    proptest! {
        #[test]
        fn stretches_are_both_messages(
            old in prop::collection::vec(0..6_u8, 0..60),
            new in prop::collection::vec(0..6_u8, 0..60),
        ) {
            let found = of(&old, &new);
            let (mut at_old, mut at_new) = (0, 0);
            for stretch in &found.stretches {
                prop_assert_eq!((stretch.old.start, stretch.new.start), (at_old, at_new));
                prop_assert!(!stretch.old.is_empty() || !stretch.new.is_empty());
                if stretch.same {
                    prop_assert_eq!(&old[stretch.old.clone()], &new[stretch.new.clone()]);
                }
                (at_old, at_new) = (stretch.old.end, stretch.new.end);
            }
            prop_assert_eq!((at_old, at_new), (old.len(), new.len()));
            prop_assert_eq!(old.len() + found.inserted, new.len() + found.removed);
            prop_assert_eq!(found.changed + found.inserted + found.removed == 0, old == new);
        }
    }
}
