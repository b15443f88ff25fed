//! The view: the rows that a filter lets pass, and where the reader of the log is among them.
//!
//! Owns the filtered index, the cursor, following and pausing, and which rows are on the screen. It never draws and
//! never holds a row: what it knows of one is its sequence number.

use std::ops::{ControlFlow, Range};

use roaring::RoaringTreemap;

use super::{Filter, LogStore, Roster, Row, timeline};
use crate::contract::SocketId;

/// This many bytes that a filter must read cost as much as judging a row that needs no reading.
const BYTES_A_STEP: usize = 256;

/// Which rows there are to be filtered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Those of all sockets; `call` rows only where the filter asks for them.
    #[default]
    All,
    /// Those that are steps of this socket's life, its calls included.
    Timeline(SocketId),
}

impl Scope {
    /// True for a row that is among them and that the filter lets pass.
    #[must_use]
    pub fn matches(self, filter: &Filter, row: &Row, store: &LogStore, roster: &Roster) -> bool {
        match self {
            Self::All => filter.matches(row, store, roster),
            Self::Timeline(socket) => {
                timeline::belongs(row, socket, store, roster) && filter.matches_step(row, store, roster)
            }
        }
    }
}

/// A filtered index over the store, with a cursor.
///
/// An *index* counts the matching rows from 0. The index catches up with the store in slices; until it has, everything
/// here speaks of the rows judged so far.
#[derive(Debug)]
pub struct LogView {
    scope: Scope,
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
            scope: Scope::All,
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
        self.judged = 0;
    }

    /// Judges the store's new rows, at most `rows` of them and at least one; a filter that reads long messages judges
    /// fewer. True when no row is left to judge.
    pub fn catch_up(&mut self, store: &LogStore, roster: &Roster, rows: usize) -> bool {
        let Self { scope, filter, matching, judged, .. } = self;
        let reads_bytes = filter.reads_bytes();
        let mut left = rows.max(1);
        let mut found = Vec::new();
        let _ = store.for_each_row(*judged + 1..store.next(), |row| {
            *judged = row.seq;
            filter.learn(&row, store);
            if scope.matches(filter, &row, store, roster) {
                found.push(row.seq);
            }
            let cost = if reads_bytes { 1 + row.len as usize / BYTES_A_STEP } else { 1 };
            left = left.saturating_sub(cost);
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        // Refused for numbers that do not rise, and these do.
        let _ = matching.append(found);
        // What the store has forgotten can't be shown.
        matching.remove_range(..store.first());
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

    /// True for a row that was judged and matches.
    #[must_use]
    pub fn shows(&self, seq: u64) -> bool {
        self.matching.contains(seq)
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

    /// Moves the cursor to the row with this sequence number or, where it does not match, to the nearest one before it,
    /// and stays there: following stops.
    pub fn hold_at(&mut self, seq: u64) {
        if let Some(index) = self.index_of(seq) {
            self.move_to_index(index);
            if let Some(cursor) = self.cursor() {
                self.anchor = cursor;
                self.following = false;
            }
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

    /// Moves the cursor to the first row.
    pub fn home(&mut self) {
        self.move_to_index(0);
    }

    /// Stays on the row under the cursor while others come.
    pub fn hold(&mut self) {
        if let Some(cursor) = self.cursor() {
            self.anchor = cursor;
            self.following = false;
        }
    }

    /// How many rows with sequence numbers in this range match.
    #[must_use]
    pub fn count_in(&self, range: Range<u64>) -> usize {
        let before = |seq: u64| seq.checked_sub(1).map_or(0, |seq| self.count_to(seq));
        before(range.end).saturating_sub(before(range.start))
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
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::contract::{Batch, Block, Event, Fact, SocketId, Span, Ticket, Timestamp};

    const FILTERS: [&str; 7] =
        ["", "dir:rx", "a", "!a", "socket:two a | kind:peer-closed", "kind:call", "nothing-at-all"];

    struct Log {
        store: LogStore,
        roster: Roster,
    }

    impl Log {
        fn new() -> Self {
            let mut roster = Roster::default();
            for (number, name) in (1..).zip(["one", "two", "three"]) {
                let id = SocketId::new(number).unwrap();
                roster.register(id, name.to_owned(), "tcp://127.0.0.1:9".parse().unwrap());
            }
            Self { store: LogStore::new(u64::MAX), roster }
        }

        /// Appends a row that depends on nothing but the number.
        fn append(&mut self, number: u8) {
            let at = Timestamp(u64::from(number));
            let socket = SocketId::new(u32::from(number % 3) + 1).unwrap();
            let mut block = Block::with_size(4096).unwrap();
            block.bytes_mut()[0] = b'a' + number % 2;
            // Some are so long that a slice is over after one of them.
            let bytes = Span { start: 0, len: if number.is_multiple_of(11) { 4000 } else { 1 } };
            let fact = match number % 7 {
                0 => Fact::PeerClosed,
                1 => Fact::Call { call: "recv".into(), args: String::new(), result: "1".to_owned() },
                2 | 3 => Fact::Sent { ticket: Ticket::default(), peer: None, bytes, remaining: 0 },
                _ => Fact::Received { peer: None, bytes, truncated: false },
            };
            self.store.append(Batch::new(vec![Event { at, socket, fact }], block, 4000)).unwrap();
        }

        fn filled(numbers: &[u8]) -> Self {
            let mut log = Self::new();
            for number in numbers {
                log.append(*number);
            }
            log
        }

        fn matching(&self, view: &LogView) -> Vec<u64> {
            self.store
                .rows(0..u64::MAX)
                .filter(|row| view.scope().matches(view.filter(), row, &self.store, &self.roster))
                .map(|row| row.seq)
                .collect()
        }

        fn catch_up(&self, view: &mut LogView) {
            while !view.catch_up(&self.store, &self.roster, 5) {}
        }
    }

    fn seqs(view: &LogView) -> Vec<u64> {
        (0..view.len()).filter_map(|index| view.seq_at(index)).collect()
    }

    fn filter() -> impl Strategy<Value = Filter> {
        select(FILTERS.to_vec()).prop_map(|text| Filter::parse(text, Timestamp(0)).unwrap())
    }

    #[derive(Clone, Debug)]
    enum Step {
        Append(Vec<u8>),
        CatchUp(usize),
        SetFilter(Filter),
        SetScope(Scope),
        Pause(bool),
        MoveBy(isize),
        MoveTo(usize),
        Home,
        End,
        ScrollBy(isize),
        Window(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => proptest::collection::vec(any::<u8>(), 0..20).prop_map(Step::Append),
            4 => (0..30_usize).prop_map(Step::CatchUp),
            1 => filter().prop_map(Step::SetFilter),
            1 => select(vec![Scope::All, Scope::Timeline(SocketId::new(1).unwrap())]).prop_map(Step::SetScope),
            1 => any::<bool>().prop_map(Step::Pause),
            2 => (-9..9_isize).prop_map(Step::MoveBy),
            1 => (0..60_usize).prop_map(Step::MoveTo),
            1 => Just(Step::Home),
            1 => Just(Step::End),
            2 => (-9..9_isize).prop_map(Step::ScrollBy),
            4 => (0..12_usize).prop_map(Step::Window),
        ]
    }

    fn take(step: Step, log: &mut Log, view: &mut LogView) {
        match step {
            Step::Append(numbers) => numbers.into_iter().for_each(|number| log.append(number)),
            Step::CatchUp(rows) => drop(view.catch_up(&log.store, &log.roster, rows)),
            Step::SetFilter(filter) => view.set_filter(filter),
            Step::SetScope(scope) => view.set_scope(scope),
            Step::Pause(paused) => view.set_paused(paused),
            Step::MoveBy(rows) => view.move_by(rows),
            Step::MoveTo(index) => view.move_to_index(index),
            Step::Home => view.home(),
            Step::End => view.end(),
            Step::ScrollBy(rows) => view.scroll_by(rows),
            Step::Window(height) => drop(view.window(height)),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn the_index_that_caught_up_is_the_index_rebuilt(steps in proptest::collection::vec(step(), 0..40)) {
            let (mut log, mut view) = (Log::new(), LogView::new());
            for step in steps {
                take(step, &mut log, &mut view);
                let judged: Vec<_> = log.matching(&view).into_iter().filter(|seq| *seq <= view.judged()).collect();
                prop_assert_eq!(seqs(&view), judged);
            }
            log.catch_up(&mut view);
            prop_assert_eq!(seqs(&view), log.matching(&view));
        }

        #[test]
        fn the_window_holds_the_cursor_and_nothing_that_is_not_there(
            steps in proptest::collection::vec(step(), 0..40),
            height in 1..12_usize,
        ) {
            let (mut log, mut view) = (Log::new(), LogView::new());
            for step in steps {
                take(step, &mut log, &mut view);
                let before = (view.cursor(), view.is_following());
                let window = view.window(height);
                prop_assert_eq!((view.cursor(), view.is_following()), before);
                prop_assert!(window.len() <= height && window.end <= view.len());
                prop_assert_eq!(view.cursor_index().is_some(), !window.is_empty());
                prop_assert!(view.cursor_index().is_none_or(|cursor| window.contains(&cursor)));
                prop_assert!(view.is_paused() || window.len() == height.min(view.len()), "rows are hidden");
                prop_assert!(!view.is_following() || window.end == view.len() && view.unseen() == 0);
                prop_assert_eq!(view.window(height), window, "it moves by itself");
            }
        }

        #[test]
        fn the_cursor_stays_on_its_message(
            numbers in proptest::collection::vec(any::<u8>(), 1..60),
            chosen in any::<prop::sample::Index>(),
            others in proptest::collection::vec((filter(), proptest::collection::vec(any::<u8>(), 0..20)), 0..5),
            height in 1..12_usize,
        ) {
            let (mut log, mut view) = (Log::filled(&numbers), LogView::new());
            log.catch_up(&mut view);
            prop_assume!(view.len() > 1);
            // Any but the newest row, where the view goes on following.
            view.move_to_index(chosen.index(view.len() - 1));
            let message = view.cursor().unwrap();
            for (filter, numbers) in others {
                view.set_filter(filter);
                for number in numbers {
                    log.append(number);
                }
                log.catch_up(&mut view);
                view.window(height);
                let matching = log.matching(&view);
                let beside = matching.iter().rev().find(|seq| **seq <= message).or(matching.first());
                prop_assert_eq!(view.cursor(), beside.copied());
            }
            view.set_filter(Filter::default());
            log.catch_up(&mut view);
            prop_assert_eq!(view.cursor(), Some(message));
        }

        #[test]
        fn what_stands_still_stays_while_rows_come(
            numbers in proptest::collection::vec(any::<u8>(), 20..60),
            more in proptest::collection::vec(any::<u8>(), 1..60),
            up in 1..20_isize,
            height in 1..12_usize,
            paused in any::<bool>(),
        ) {
            let (mut log, mut view) = (Log::filled(&numbers), LogView::new());
            log.catch_up(&mut view);
            prop_assume!(view.len() >= height && view.len() > 1);
            view.window(height);
            if paused { view.set_paused(true) } else { view.move_by(-up) }
            let (window, len) = (view.window(height), view.len());
            for number in more {
                log.append(number);
            }
            log.catch_up(&mut view);
            prop_assert_eq!(view.window(height), window);
            prop_assert_eq!(view.unseen(), view.len() - len);
            view.end();
            prop_assert!(view.is_following() && view.unseen() == 0);
            prop_assert_eq!(view.window(height).end, view.len());
        }
    }

    #[test]
    fn a_pause_hides_new_rows_even_where_the_screen_has_room() {
        let (mut log, mut view) = (Log::filled(&[4, 4]), LogView::new());
        log.catch_up(&mut view);
        view.set_paused(true);
        log.append(4);
        log.catch_up(&mut view);
        assert_eq!((view.window(10), view.unseen(), view.len()), (0..2, 1, 3));
        assert_eq!((view.is_paused(), view.is_following()), (true, false));
        view.set_paused(false);
        assert_eq!((view.window(10), view.unseen(), view.is_following()), (0..3, 0, true));
    }

    #[test]
    fn scrolling_takes_the_cursor_along_at_the_edges_only() {
        let (log, mut view) = (Log::filled(&[4; 30]), LogView::new());
        log.catch_up(&mut view);
        assert_eq!(view.window(10), 20..30);
        view.scroll_by(-3);
        assert_eq!((view.window(10), view.cursor_index(), view.is_following()), (17..27, Some(26), false));
        view.scroll_by(2);
        assert_eq!((view.window(10), view.cursor_index()), (19..29, Some(26)));
        view.move_by(-7);
        assert_eq!((view.window(10), view.cursor_index()), (19..29, Some(19)));
        view.move_by(-1);
        assert_eq!((view.window(10), view.cursor_index()), (18..28, Some(18)));
        view.scroll_by(-100);
        assert_eq!((view.window(10), view.cursor_index()), (0..10, Some(9)));
    }

    #[test]
    fn a_slice_judges_no_more_than_it_may() {
        let (log, mut view) = (Log::filled(&[4; 30]), LogView::new());
        assert!(!view.catch_up(&log.store, &log.roster, 10));
        assert_eq!((view.judged(), view.len()), (10, 10));
        assert!(view.catch_up(&log.store, &log.roster, 20));
        // Searching a long message costs as much as many short ones.
        let log = Log::filled(&[11; 30]);
        view.set_filter(Filter::parse("a", Timestamp(0)).unwrap());
        view.catch_up(&log.store, &log.roster, 30);
        assert_eq!(view.judged(), 2);
    }
}
