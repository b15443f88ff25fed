//! The lines of the view as places: which is so many lines further, and which are on a screen.
//!
//! Owns no more than the arithmetic of rows that have several lines. It never moves the cursor.

use super::LogView;
use crate::log::{Line, Lines, Spot};

/// A line: the index of its row, and which of the row's lines it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) index: usize,
    pub(super) line: usize,
}

impl LogView {
    /// How many lines the row at an index has.
    pub(super) fn height_of(&self, index: usize) -> usize {
        if self.lines.is_empty() {
            return 1;
        }
        self.seq_at(index).map_or(1, |seq| self.lines_of(seq).len())
    }

    pub(super) fn last_place(&self) -> Option<Place> {
        let index = self.shown().checked_sub(1)?;
        Some(Place { index, line: self.height_of(index) - 1 })
    }

    pub(super) fn cursor_place(&self) -> Option<Place> {
        let last = self.last_place()?;
        if self.is_following() {
            return Some(last);
        }
        Some(self.place_of(self.anchor).map_or(Place { index: 0, line: 0 }, |place| place.min(last)))
    }

    /// The place of a line or, where that does not match, of the nearest one before it.
    pub(super) fn place_of(&self, spot: Spot) -> Option<Place> {
        let index = self.index_of(spot.seq)?;
        let lines = self.seq_at(index).map_or(&Lines::ROW, |seq| self.lines_of(seq));
        let line = if self.shows(spot.seq) { lines.line(spot.message) } else { lines.len() - 1 };
        Some(Place { index, line })
    }

    pub(super) fn spot(&self, place: Place) -> Option<Spot> {
        let seq = self.seq_at(place.index)?;
        Some(Spot { seq, message: self.lines_of(seq).message(place.line) })
    }

    /// The place so many lines further, or the first or the last where there are fewer.
    pub(super) fn moved(&self, from: Place, by: isize) -> Place {
        let Some(last) = self.last_place() else { return from };
        if self.lines.is_empty() {
            return Place { index: from.index.saturating_add_signed(by).min(last.index), line: 0 };
        }
        let (mut place, mut left) = (from, by.unsigned_abs());
        if by >= 0 {
            while place < last {
                let rest = self.height_of(place.index) - 1 - place.line;
                if left <= rest {
                    return Place { line: place.line + left, ..place };
                }
                left -= rest + 1;
                place = Place { index: place.index + 1, line: 0 };
            }
            return last;
        }
        while left > place.line {
            let Some(index) = place.index.checked_sub(1) else { return Place { index: 0, line: 0 } };
            left -= place.line + 1;
            place = Place { index, line: self.height_of(index) - 1 };
        }
        Place { line: place.line - left, ..place }
    }

    /// How many lines it is from a place to one below it; more than the screen has are as good as those.
    pub(super) fn distance(&self, from: Place, to: Place) -> usize {
        if self.lines.is_empty() {
            return to.index - from.index;
        }
        let (mut lines, mut index) = (0, from.index);
        while index < to.index && lines <= self.height + from.line {
            lines += self.height_of(index);
            index += 1;
        }
        (lines + to.line).saturating_sub(from.line)
    }

    /// So many lines from a place on, of the rows up to an index.
    pub(super) fn lines_from(&self, top: Place, last: usize, height: usize) -> Vec<Line> {
        let mut shown = Vec::with_capacity(height.min(last - top.index + 1 + self.surplus));
        let mut from = top.line;
        for index in top.index..=last {
            let Some(seq) = self.seq_at(index) else { break };
            let lines = self.lines_of(seq);
            for line in from..lines.len() {
                if shown.len() == height {
                    return shown;
                }
                let spot = Spot { seq, message: lines.message(line) };
                shown.push(Line { spot, above: line, below: lines.len() - 1 - line });
            }
            from = 0;
            if shown.len() == height {
                break;
            }
        }
        shown
    }
}
