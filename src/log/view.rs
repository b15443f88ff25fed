//! The view: the rows that a filter lets pass, and where the reader of the log is among them.
//!
//! Owns the filtered index, the cursor, following and pausing, and which rows are on the screen. It never draws and
//! never holds a row: what it knows of one is its sequence number.

use std::ops::Range;

use roaring::RoaringTreemap;

use super::{Filter, LogStore, Roster};

/// This many bytes that a filter must read cost as much as judging a row that needs no reading.
const BYTES_A_STEP: usize = 256;

/// A filtered index over the store, with a cursor.
///
/// An *index* counts the matching rows from 0. The index catches up with the store in slices; until it has, everything
/// here speaks of the rows judged so far.
#[derive(Debug)]
pub struct LogView {
    filter: Filter,
    matching: RoaringTreemap,
    /// The last sequence number judged.
    judged: u64,
    /// Where the user put the cursor. If that row does not match, the cursor is at the nearest one that does.
    anchor: u64,
    following: bool,
    /// The last sequence number that may be shown while paused.
    paused_at: Option<u64>,
    /// The last sequence number that was on the screen.
    seen: u64,
    /// How many rows of the screen are above the cursor.
    above: usize,
    /// The height of the screen when it was last asked for.
    height: usize,
}

impl Default for LogView {
    fn default() -> Self {
        Self::new()
    }
}

impl LogView {
    /// A view through the default filter, following.
    #[must_use]
    pub fn new() -> Self {
        Self {
            filter: Filter::default(),
            matching: RoaringTreemap::new(),
            judged: 0,
            anchor: 0,
            following: true,
            paused_at: None,
            seen: 0,
            above: 0,
            height: 0,
        }
    }

    /// The filter.
    #[must_use]
    pub const fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Looks through another filter from now on: every row is to be judged anew. The cursor stays on its message or,
    /// while the filter hides that, beside it; so does the screen. What `socket:` finds changes with a socket's name:
    /// after a rename, set the filter again.
    pub fn set_filter(&mut self, filter: Filter) {
        self.filter = filter;
        self.matching.clear();
        self.judged = 0;
    }

    /// Judges the store's new rows, at most `rows` of them and at least one; a filter that reads long messages judges
    /// fewer. True when no row is left to judge.
    pub fn catch_up(&mut self, store: &LogStore, roster: &Roster, rows: usize) -> bool {
        let reads_bytes = self.filter.reads_bytes();
        let mut left = rows.max(1);
        for row in store.rows(self.judged + 1..store.next()) {
            if left == 0 {
                break;
            }
            let cost = if reads_bytes { 1 + row.len as usize / BYTES_A_STEP } else { 1 };
            left = left.saturating_sub(cost);
            if self.filter.matches(&row, store, roster) {
                self.matching.insert(row.seq);
            }
            self.judged = row.seq;
        }
        if self.is_following() {
            self.seen = self.seen.max(self.judged);
        }
        self.judged + 1 >= store.next()
    }

    /// How many rows match.
    #[must_use]
    pub fn len(&self) -> usize {
        index(self.matching.len())
    }

    /// True when no row matches.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.matching.is_empty()
    }

    /// The sequence number of the last row judged; 0 before the first. Compare with the store's newest for progress.
    #[must_use]
    pub const fn judged(&self) -> u64 {
        self.judged
    }

    /// The sequence number at an index.
    #[must_use]
    pub fn seq_at(&self, index: usize) -> Option<u64> {
        self.matching.select(index as u64)
    }

    /// The index of the row with this sequence number or, where it does not match, of the nearest one before it.
    #[must_use]
    pub fn index_of(&self, seq: u64) -> Option<usize> {
        self.count_to(seq).checked_sub(1)
    }

    /// The sequence number of the chosen row; `None` while there is none to choose.
    #[must_use]
    pub fn cursor(&self) -> Option<u64> {
        self.seq_at(self.cursor_index()?)
    }

    /// The index of the chosen row.
    #[must_use]
    pub fn cursor_index(&self) -> Option<usize> {
        let last = self.shown().checked_sub(1)?;
        if self.is_following() {
            return Some(last);
        }
        Some(self.index_of(self.anchor).unwrap_or(0).min(last))
    }

    /// True while the cursor goes with the newest row.
    #[must_use]
    pub const fn is_following(&self) -> bool {
        self.following && self.paused_at.is_none()
    }

    /// True while the screen stands still.
    #[must_use]
    pub const fn is_paused(&self) -> bool {
        self.paused_at.is_some()
    }

    /// Pauses: rows that come from now on are kept and counted, not shown. Or goes on, and follows again if it
    /// followed before.
    pub fn set_paused(&mut self, paused: bool) {
        if !paused {
            self.paused_at = None;
        } else if self.paused_at.is_none() {
            if let Some(seq) = self.cursor() {
                self.anchor = seq;
            }
            self.paused_at = Some(self.judged.max(self.seen));
        }
    }

    /// How many matching rows came after the last one that was on the screen. 0 while following.
    #[must_use]
    pub fn unseen(&self) -> usize {
        self.len() - self.count_to(self.seen)
    }

    /// Moves the cursor, down if positive. Moving up stops following.
    pub fn move_by(&mut self, rows: isize) {
        if let Some(cursor) = self.cursor_index() {
            self.move_to_index(cursor.saturating_add_signed(rows));
        }
    }

    /// Moves the cursor to an index, or to the last row where there are fewer. Leaving the newest row stops following.
    pub fn move_to_index(&mut self, index: usize) {
        let (Some(cursor), Some(last)) = (self.cursor_index(), self.shown().checked_sub(1)) else { return };
        let index = index.min(last);
        if index != cursor {
            self.following = false;
            self.above = (self.above + index).saturating_sub(cursor);
            self.anchor = self.seq_at(index).unwrap_or(self.anchor);
        }
    }

    /// Moves the cursor to the first row.
    pub fn home(&mut self) {
        self.move_to_index(0);
    }

    /// Goes to the newest row and follows; a pause ends.
    pub fn end(&mut self) {
        self.following = true;
        self.paused_at = None;
        self.seen = self.seen.max(self.judged);
    }

    /// The indices on a screen of `height` rows. Scrolls as little as it takes to have the cursor among them; while
    /// following, the newest row is the last of them.
    pub fn window(&mut self, height: usize) -> Range<usize> {
        self.height = height;
        let Some(cursor) = self.cursor_index().filter(|_| height > 0) else { return 0..0 };
        let shown = self.shown();
        let lowest_top = shown.saturating_sub(height);
        let top = if self.is_following() {
            lowest_top
        } else {
            cursor.saturating_sub(self.above.min(height - 1)).min(lowest_top)
        };
        self.above = cursor - top;
        let end = shown.min(top + height);
        if let Some(seq) = self.seq_at(end - 1) {
            self.seen = self.seen.max(seq);
        }
        top..end
    }

    /// Moves the screen over the rows, down if positive, as far as there are rows. The cursor stays on its row while
    /// that is on the screen, and else at the screen's edge. Moving up stops following.
    pub fn scroll_by(&mut self, rows: isize) {
        let Some(cursor) = self.cursor_index() else { return };
        let height = self.height.max(1);
        let lowest_top = self.shown().saturating_sub(height);
        let old_top = cursor.saturating_sub(self.above.min(height - 1)).min(lowest_top);
        let top = old_top.saturating_add_signed(rows).min(lowest_top);
        if top == old_top {
            return;
        }
        self.move_to_index(cursor.clamp(top, top + height - 1));
        if !self.is_following() {
            self.above = self.cursor_index().map_or(0, |cursor| cursor - top);
        }
    }

    /// How many matching rows may be shown.
    fn shown(&self) -> usize {
        self.paused_at.map_or_else(|| self.len(), |seq| self.count_to(seq))
    }

    /// How many matching rows have this sequence number or a lower one.
    fn count_to(&self, seq: u64) -> usize {
        index(self.matching.rank(seq))
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
