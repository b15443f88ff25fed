//! The view: the rows that a filter lets pass, and where the reader of the log is among their lines.
//!
//! Owns the filtered index, the cursor, following and pausing, and which lines are on the screen. It never draws and
//! never holds a row: what it knows of one is its sequence number, and which of the messages that end in it are lines.

mod places;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};

use roaring::RoaringTreemap;

use super::{Filter, Kind, Line, Lines, LogStore, Messages, Roster, Row, Spot, timeline};
use crate::contract::SocketId;
use places::Place;

/// So many steps of a filter that reads bytes cost as much as judging a row that needs no reading, where they are slow.
const STEPS_A_ROW: usize = 128;

/// Which rows there are to be filtered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Those of all sockets; `call` rows only where the filter asks for them.
    #[default]
    All,
    /// Those that are steps of this socket's life, its calls included; a row is one line.
    Timeline(SocketId),
}

impl Scope {
    /// Which lines of a row are among them and pass the filter, if any is.
    #[must_use]
    pub fn lines(
        self,
        filter: &Filter,
        row: &Row,
        store: &LogStore,
        roster: &Roster,
        messages: &Messages,
    ) -> Option<Lines> {
        match self {
            Self::All => filter.lines(row, store, roster, messages),
            Self::Timeline(socket) => {
                let shown = timeline::belongs(row, socket, store, roster) && filter.matches_step(row, store, roster);
                shown.then_some(Lines::ROW)
            }
        }
    }
}

/// A filtered index over the store, with a cursor.
///
/// An *index* counts the matching rows from 0. The index catches up with the store in slices; until it has, everything
/// here speaks of the rows judged so far. A row is one line or, of a framed stream, as many as messages that pass end in
/// it; the cursor, the screen and what moves them go by lines.
#[derive(Debug)]
pub struct LogView {
    scope: Scope,
    filter: Filter,
    matching: RoaringTreemap,
    /// The lines of the matching rows that are not a line by themselves.
    lines: BTreeMap<u64, Lines>,
    /// How many lines there are more than rows; and how many of those are of rows that were not on the screen yet.
    surplus: usize,
    unseen_surplus: usize,
    /// The last sequence number judged.
    judged: u64,
    /// Rows up to this one are in the index as they were judged before the messages were read anew.
    known: u64,
    /// The reading of the messages that the rows were judged by.
    generation: u64,
    /// Where the user put the cursor. If that line does not match, the cursor is at the nearest one that does.
    anchor: Spot,
    /// At which byte of its row the message there ended, until the row is judged by another framing.
    anchor_byte: Option<u32>,
    following: bool,
    /// The last sequence number that may be shown while paused.
    paused_at: Option<u64>,
    /// The last sequence number that was on the screen.
    seen: u64,
    /// How many lines of the screen are above the cursor.
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
            scope: Scope::All,
            filter: Filter::default(),
            matching: RoaringTreemap::new(),
            lines: BTreeMap::new(),
            surplus: 0,
            unseen_surplus: 0,
            judged: 0,
            known: 0,
            generation: 0,
            anchor: Spot::row(0),
            anchor_byte: None,
            following: true,
            paused_at: None,
            seen: 0,
            above: 0,
            height: 0,
        }
    }

    /// Which rows the filter is applied to.
    #[must_use]
    pub const fn scope(&self) -> Scope {
        self.scope
    }

    /// Looks at other rows from now on: every row is to be judged anew. The cursor stays on its message or, where that
    /// is not among them, beside it.
    pub fn set_scope(&mut self, scope: Scope) {
        if scope != self.scope {
            self.scope = scope;
            self.set_filter(self.filter.clone());
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
        self.known = 0;
        self.forget_lines();
        self.judged = 0;
    }

    /// Judges the store's new rows as far as their messages are read, at most `rows` of them and at least one; a filter
    /// that reads long messages judges fewer. True when no row is left to judge. Once the messages are read anew, so are
    /// all rows judged anew, and each stays where it is until it is its turn.
    pub fn catch_up(&mut self, store: &LogStore, roster: &Roster, messages: &Messages, rows: usize) -> bool {
        if self.generation != messages.generation() {
            self.generation = messages.generation();
            self.known = self.known.max(self.judged);
            self.judged = 0;
            self.forget_lines();
        }
        let mut left = rows.max(1);
        let mut found = Vec::new();
        let end = store.next().min(messages.read() + 1);
        let _ = store.for_each_row(self.judged + 1..end, |row| {
            self.judged = row.seq;
            self.filter.learn(&row, store);
            let lines = self.scope.lines(&self.filter, &row, store, roster, messages);
            if row.seq <= self.known {
                self.put(&row, lines);
            } else if let Some(lines) = lines {
                found.push(row.seq);
                self.set_lines(row.seq, lines);
            }
            if row.seq == self.anchor.seq
                && let Some(byte) = self.anchor_byte.take()
            {
                self.anchor.message = messages.at_byte(&row, byte, store);
            }
            let gathered = if row.kind == Kind::Received { messages.gathered(&row) } else { 0 };
            let steps = self.filter.steps(row.len as usize + gathered as usize);
            left = left.saturating_sub(1 + steps / STEPS_A_ROW);
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        // Refused for numbers that do not rise, and these do.
        let _ = self.matching.append(found);
        self.forget_before(store.first());
        if self.is_following() {
            self.see(self.judged);
        }
        self.judged + 1 >= store.next()
    }

    /// Judges rows anew in which another message ends than was known.
    pub fn judge_again(&mut self, rows: &[u64], store: &LogStore, roster: &Roster, messages: &Messages) {
        let judged = self.judged;
        for row in rows.iter().filter(|seq| **seq <= judged).filter_map(|seq| store.row(*seq)) {
            let lines = self.scope.lines(&self.filter, &row, store, roster, messages);
            self.put(&row, lines);
        }
    }

    /// How many rows match.
    #[must_use]
    pub fn len(&self) -> usize {
        index(self.matching.len())
    }

    /// How many lines they are.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.len() + self.surplus
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

    /// True while rows are judged anew because their messages are read anew.
    #[must_use]
    pub const fn is_reread(&self) -> bool {
        self.judged < self.known
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

    /// True for a row that was judged and matches.
    #[must_use]
    pub fn shows(&self, seq: u64) -> bool {
        self.matching.contains(seq)
    }

    /// Which lines a matching row has.
    #[must_use]
    pub fn lines_of(&self, seq: u64) -> &Lines {
        self.lines.get(&seq).unwrap_or(&Lines::ROW)
    }

    /// The chosen line; `None` while there is none to choose.
    #[must_use]
    pub fn cursor(&self) -> Option<Spot> {
        self.spot(self.cursor_place()?)
    }

    /// The index of the chosen line's row.
    #[must_use]
    pub fn cursor_index(&self) -> Option<usize> {
        Some(self.cursor_place()?.index)
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
            if let Some(cursor) = self.cursor() {
                self.put_anchor(cursor);
            }
            self.paused_at = Some(self.judged.max(self.seen));
        }
    }

    /// How many matching lines came after the last row that was on the screen. 0 while following.
    #[must_use]
    pub fn unseen(&self) -> usize {
        self.len() - self.count_to(self.seen) + self.unseen_surplus
    }

    /// Moves the cursor by lines, down if positive. Moving up stops following.
    pub fn move_by(&mut self, lines: isize) {
        if let Some(cursor) = self.cursor_place() {
            self.move_to_place(self.moved(cursor, lines));
        }
    }

    /// Moves the cursor to the first line of the row at an index, or to the last row where there are fewer. Leaving the
    /// newest line stops following.
    pub fn move_to_index(&mut self, index: usize) {
        self.move_to_place(Place { index, line: 0 });
    }

    /// Moves the cursor to a line or, where that does not match, to the nearest one before it. Leaving the newest line
    /// stops following.
    pub fn move_to(&mut self, spot: Spot) {
        if let Some(place) = self.place_of(spot) {
            self.move_to_place(place);
        }
    }

    /// As [`move_to`](Self::move_to), and stays there: following stops.
    pub fn hold_at(&mut self, spot: Spot) {
        if self.index_of(spot.seq).is_some() {
            self.move_to(spot);
            self.hold();
        }
    }

    /// The matching rows, as far as they are judged.
    pub(super) const fn matching(&self) -> &RoaringTreemap {
        &self.matching
    }

    /// The last sequence number that may be shown, while that is not every one.
    pub(super) const fn paused_at(&self) -> Option<u64> {
        self.paused_at
    }

    /// Moves the cursor to the first line.
    pub fn home(&mut self) {
        self.move_to_index(0);
    }

    /// Stays on the line under the cursor while others come.
    pub fn hold(&mut self) {
        if let Some(cursor) = self.cursor() {
            self.put_anchor(cursor);
            self.following = false;
        }
    }

    /// Says at which byte of its row the message under the cursor ends, before the rows are read with another framing:
    /// the cursor will be on the message that ends there then, or on the next.
    pub fn keep_byte(&mut self, byte: u32) {
        if let Some(cursor) = self.cursor() {
            self.anchor = cursor;
            self.anchor_byte = Some(byte);
        }
    }

    /// How many rows with sequence numbers in this range match.
    #[must_use]
    pub fn count_in(&self, range: Range<u64>) -> usize {
        let before = |seq: u64| seq.checked_sub(1).map_or(0, |seq| self.count_to(seq));
        before(range.end).saturating_sub(before(range.start))
    }

    /// How many lines match from one to another; `None` where that are more than `most` rows, and would take long to be
    /// counted.
    #[must_use]
    pub fn count_lines(&self, from: Spot, to: Spot, most: usize) -> Option<usize> {
        let rows = self.count_in(from.seq..to.seq + 1);
        if self.surplus == 0 {
            return Some(rows);
        }
        let in_row = |(seq, lines): (&u64, &Lines)| {
            let start = if *seq == from.seq { from.message } else { 0 };
            let end = if *seq == to.seq { to.message + 1 } else { u32::MAX };
            lines.count_in(start..end)
        };
        let several = || self.lines.range(from.seq..=to.seq);
        (rows <= most).then(|| rows - several().count() + several().map(in_row).sum::<usize>())
    }

    /// Goes to the newest line and follows; a pause ends.
    pub fn end(&mut self) {
        self.following = true;
        self.paused_at = None;
        self.see(self.judged);
    }

    /// The lines on a screen that has room for `height` of them. Scrolls as little as it takes to have the cursor among
    /// them; while following, the newest line is the last of them.
    pub fn window(&mut self, height: usize) -> Vec<Line> {
        self.height = height;
        let (Some(cursor), Some(last)) = (self.cursor_place(), self.last_place()) else { return Vec::new() };
        if height == 0 {
            return Vec::new();
        }
        let lowest_top = self.moved(last, 1 - height.cast_signed());
        let top = if self.is_following() {
            lowest_top
        } else {
            self.moved(cursor, -self.above.min(height - 1).cast_signed()).min(lowest_top)
        };
        let lines = self.lines_from(top, last.index, height);
        self.above = self.distance(top, cursor);
        if let Some(line) = lines.last() {
            self.see(line.spot.seq);
        }
        lines
    }

    /// Moves the screen over the lines, down if positive, as far as there are any. The cursor stays on its line while
    /// that is on the screen, and else at the screen's edge. Moving up stops following.
    pub fn scroll_by(&mut self, lines: isize) {
        let (Some(cursor), Some(last)) = (self.cursor_place(), self.last_place()) else { return };
        let height = self.height.max(1);
        let lowest_top = self.moved(last, 1 - height.cast_signed());
        let old_top = self.moved(cursor, -self.above.min(height - 1).cast_signed()).min(lowest_top);
        let top = self.moved(old_top, lines).min(lowest_top);
        if top == old_top {
            return;
        }
        self.move_to_place(cursor.clamp(top, self.moved(top, height.cast_signed() - 1)));
        if !self.is_following() {
            self.above = self.cursor_place().map_or(0, |cursor| self.distance(top, cursor));
        }
    }

    fn move_to_place(&mut self, place: Place) {
        let (Some(cursor), Some(last)) = (self.cursor_place(), self.last_place()) else { return };
        let place = place.min(last);
        if place == cursor {
            return;
        }
        self.above = match place.cmp(&cursor) {
            std::cmp::Ordering::Less => self.above.saturating_sub(self.distance(place, cursor)),
            _ => self.above.saturating_add(self.distance(cursor, place)),
        };
        self.following = false;
        if let Some(spot) = self.spot(place) {
            self.put_anchor(spot);
        }
    }

    fn put_anchor(&mut self, spot: Spot) {
        self.anchor = spot;
        self.anchor_byte = None;
    }

    /// How many matching rows may be shown.
    fn shown(&self) -> usize {
        self.paused_at.map_or_else(|| self.len(), |seq| self.count_to(seq))
    }

    /// How many matching rows have this sequence number or a lower one.
    fn count_to(&self, seq: u64) -> usize {
        index(self.matching.rank(seq))
    }

    /// Takes a row that was judged anew into the index, or out of it.
    fn put(&mut self, row: &Row, lines: Option<Lines>) {
        if let Some(lines) = lines {
            self.matching.insert(row.seq);
            self.set_lines(row.seq, lines);
        } else {
            self.matching.remove(row.seq);
            self.set_lines(row.seq, Lines::ROW);
        }
    }

    fn set_lines(&mut self, seq: u64, lines: Lines) {
        let more = lines.len() - 1;
        let before = if lines == Lines::ROW { self.lines.remove(&seq) } else { self.lines.insert(seq, lines) };
        let fewer = before.map_or(0, |lines| lines.len() - 1);
        self.surplus = self.surplus + more - fewer;
        if seq > self.seen {
            self.unseen_surplus = self.unseen_surplus + more - fewer;
        }
    }

    /// The lines up to this row have been on the screen.
    fn see(&mut self, seq: u64) {
        if seq > self.seen {
            let lines = if self.unseen_surplus == 0 { None } else { Some(self.lines.range(self.seen + 1..=seq)) };
            let more: usize = lines.into_iter().flatten().map(|(_, lines)| lines.len() - 1).sum();
            self.unseen_surplus -= more;
            self.seen = seq;
        }
    }

    fn forget_lines(&mut self) {
        self.lines.clear();
        (self.surplus, self.unseen_surplus) = (0, 0);
    }

    /// What the store has forgotten can't be shown.
    fn forget_before(&mut self, first: u64) {
        self.matching.remove_range(..first);
        while let Some(entry) = self.lines.first_entry().filter(|entry| *entry.key() < first) {
            let (seq, lines) = entry.remove_entry();
            let more = lines.len() - 1;
            self.surplus -= more;
            self.unseen_surplus -= if seq > self.seen { more } else { 0 };
        }
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
