//! Bookmarks: rows that the reader wants to find again, some with a name.
//!
//! Owns which rows they are, and the one that times are told from. It never looks at a row: a mark is a sequence number
//! and a time.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::contract::Timestamp;

/// A row that is to be found again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// When the row was.
    pub at: Timestamp,
    /// What it is called; `None` for a bookmark without a name.
    pub name: Option<String>,
}

/// The marks of a log, by sequence number.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    marks: BTreeMap<u64, Mark>,
    /// The mark that was set or gone to last: times are told from it.
    reference: Option<u64>,
}

impl Marks {
    /// Marks a row without a name, or takes away the mark that it has.
    pub fn toggle(&mut self, seq: u64, at: Timestamp) {
        if !self.remove(seq) {
            self.marks.insert(seq, Mark { at, name: None });
            self.reference = Some(seq);
        }
    }

    /// Gives a row a mark of this name, or its mark this name.
    pub fn name(&mut self, seq: u64, at: Timestamp, name: String) {
        self.marks.insert(seq, Mark { at, name: Some(name) });
        self.reference = Some(seq);
    }

    /// Takes a row's mark away; false where it has none.
    pub fn remove(&mut self, seq: u64) -> bool {
        let had = self.marks.remove(&seq).is_some();
        self.find_reference();
        had
    }

    /// Forgets the marks of rows before `first`, which the store no longer holds, and tells how many.
    pub fn forget_before(&mut self, first: u64) -> usize {
        let before = self.marks.len();
        while let Some(entry) = self.marks.first_entry().filter(|entry| *entry.key() < first) {
            entry.remove();
        }
        self.find_reference();
        before - self.marks.len()
    }

    /// A row's mark.
    #[must_use]
    pub fn get(&self, seq: u64) -> Option<&Mark> {
        self.marks.get(&seq)
    }

    /// All marks with the sequence numbers of their rows, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Mark)> {
        self.marks.iter().map(|(seq, mark)| (*seq, mark))
    }

    /// True when no row is marked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// The next marked row after this one, and from the last on the first, of those that are `wanted`.
    #[must_use]
    pub fn next_after(&self, seq: u64, wanted: impl Fn(u64) -> bool) -> Option<u64> {
        let after = self.marks.range((Bound::Excluded(seq), Bound::Unbounded));
        after.chain(self.marks.range(..=seq)).map(|(seq, _)| *seq).find(|seq| wanted(*seq))
    }

    /// Tells times from this row from now on, if it is marked.
    pub fn refer_to(&mut self, seq: u64) {
        if self.marks.contains_key(&seq) {
            self.reference = Some(seq);
        }
    }

    /// The mark that times are told from: the one that was set or gone to last, or else the newest.
    #[must_use]
    pub fn reference(&self) -> Option<&Mark> {
        self.marks.get(&self.reference?)
    }

    /// Passes to the newest mark where the one that times were told from is gone.
    fn find_reference(&mut self) {
        if self.reference.is_none_or(|seq| !self.marks.contains_key(&seq)) {
            self.reference = self.marks.last_key_value().map(|(seq, _)| *seq);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(seqs: &[u64]) -> Marks {
        let mut marks = Marks::default();
        for seq in seqs {
            marks.toggle(*seq, Timestamp(*seq));
        }
        marks
    }

    #[test]
    fn the_next_mark_wraps_and_passes_over_what_is_hidden() {
        let marks = marks(&[3, 5, 9]);
        let next = |seq| marks.next_after(seq, |seq| seq != 5);
        assert_eq!([next(1), next(3), next(5), next(9), next(20)], [Some(3), Some(9), Some(9), Some(3), Some(3)]);
        assert_eq!(marks.next_after(1, |_| false), None);
        // The only one leads to itself.
        assert_eq!(self::marks(&[3]).next_after(3, |_| true), Some(3));
    }

    #[test]
    fn marks_go_with_their_rows_and_the_reference_passes_on() {
        let mut marks = marks(&[3, 5, 9]);
        marks.refer_to(3);
        marks.refer_to(4);
        assert_eq!(marks.reference().map(|mark| mark.at.0), Some(3));
        assert_eq!((marks.forget_before(5), marks.forget_before(5)), (1, 0));
        assert_eq!(marks.reference().map(|mark| mark.at.0), Some(9));
        marks.toggle(9, Timestamp(9));
        marks.toggle(5, Timestamp(5));
        assert!(marks.is_empty() && marks.reference().is_none());
    }
}
