//! Bookmarks: lines of the log that the reader wants to find again, some with a name.
//!
//! Owns which rows they are, and the one that times are told from. It never looks at a row: a mark is a sequence number
//! and a time.

use std::collections::BTreeMap;
use std::ops::{Bound, RangeInclusive};

use super::Spot;
use crate::contract::Timestamp;

/// A line that is to be found again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// When the row was.
    pub at: Timestamp,
    /// What it is called; `None` for a bookmark without a name.
    pub name: Option<String>,
}

/// The marks of a log, by their places.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    marks: BTreeMap<Spot, Mark>,
    /// The mark that was set or gone to last: times are told from it.
    reference: Option<Spot>,
}

impl Marks {
    /// Marks a row without a name, or takes away the mark that it has.
    pub fn toggle(&mut self, spot: Spot, at: Timestamp) {
        if !self.remove(spot) {
            self.marks.insert(spot, Mark { at, name: None });
            self.reference = Some(spot);
        }
    }

    /// Gives a row a mark of this name, or its mark this name.
    pub fn name(&mut self, spot: Spot, at: Timestamp, name: String) {
        self.marks.insert(spot, Mark { at, name: Some(name) });
        self.reference = Some(spot);
    }

    /// Takes a row's mark away; false where it has none.
    pub fn remove(&mut self, spot: Spot) -> bool {
        let had = self.marks.remove(&spot).is_some();
        self.find_reference();
        had
    }

    /// Forgets the marks of rows before `first`, which the store no longer holds, and tells how many.
    pub fn forget_before(&mut self, first: u64) -> usize {
        let before = self.marks.len();
        while let Some(entry) = self.marks.first_entry().filter(|entry| entry.key().seq < first) {
            entry.remove();
        }
        self.find_reference();
        before - self.marks.len()
    }

    /// A row's mark.
    #[must_use]
    pub fn get(&self, spot: Spot) -> Option<&Mark> {
        self.marks.get(&spot)
    }

    /// The first of the marks in a stretch of the log.
    #[must_use]
    pub fn first_in(&self, stretch: RangeInclusive<Spot>) -> Option<&Mark> {
        self.marks.range(stretch).next().map(|(_, mark)| mark)
    }

    /// All marks with their places, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (Spot, &Mark)> {
        self.marks.iter().map(|(spot, mark)| (*spot, mark))
    }

    /// True when no row is marked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// The next marked row after this one, and from the last on the first, of those that are `wanted`.
    #[must_use]
    pub fn next_after(&self, spot: Spot, wanted: impl Fn(Spot) -> bool) -> Option<Spot> {
        let after = self.marks.range((Bound::Excluded(spot), Bound::Unbounded));
        after.chain(self.marks.range(..=spot)).map(|(spot, _)| *spot).find(|spot| wanted(*spot))
    }

    /// Tells times from this row from now on, if it is marked.
    pub fn refer_to(&mut self, spot: Spot) {
        if self.marks.contains_key(&spot) {
            self.reference = Some(spot);
        }
    }

    /// The mark that times are told from: the one that was set or gone to last, or else the newest.
    #[must_use]
    pub fn reference(&self) -> Option<&Mark> {
        self.marks.get(&self.reference?)
    }

    /// Passes to the newest mark where the one that times were told from is gone.
    fn find_reference(&mut self) {
        if self.reference.is_none_or(|spot| !self.marks.contains_key(&spot)) {
            self.reference = self.marks.last_key_value().map(|(spot, _)| *spot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(seqs: &[u64]) -> Marks {
        let mut marks = Marks::default();
        for seq in seqs {
            marks.toggle(Spot::row(*seq), Timestamp(*seq));
        }
        marks
    }

    #[test]
    fn the_next_mark_wraps_and_passes_over_what_is_hidden() {
        let marks = marks(&[3, 5, 9]);
        let next = |seq| marks.next_after(Spot::row(seq), |spot| spot.seq != 5).map(|spot| spot.seq);
        assert_eq!([next(1), next(3), next(5), next(9), next(20)], [Some(3), Some(9), Some(9), Some(3), Some(3)]);
        assert_eq!(marks.next_after(Spot::row(1), |_| false), None);
        // The only one leads to itself.
        assert_eq!(self::marks(&[3]).next_after(Spot::row(3), |_| true), Some(Spot::row(3)));
    }

    #[test]
    fn marks_go_with_their_rows_and_the_reference_passes_on() {
        let mut marks = marks(&[3, 5, 9]);
        marks.refer_to(Spot::row(3));
        marks.refer_to(Spot::row(4));
        assert_eq!(marks.reference().map(|mark| mark.at.0), Some(3));
        assert_eq!((marks.forget_before(5), marks.forget_before(5)), (1, 0));
        assert_eq!(marks.reference().map(|mark| mark.at.0), Some(9));
        marks.toggle(Spot::row(9), Timestamp(9));
        marks.toggle(Spot::row(5), Timestamp(5));
        assert!(marks.is_empty() && marks.reference().is_none());
    }
}
