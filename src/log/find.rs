//! Find: in which rows of the log a text, bytes or a pattern is, and in which messages of those of framed streams.
//!
//! Owns the index of those, and which of them are before and after another among the lines of a view. It never hides a
//! row: that is the filter's.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};

use roaring::RoaringTreemap;

use super::sentence::sentence;
use super::store::Part;
use super::{Kind, Lines, LogStore, LogView, Messages, Needle, Roster, Row, Scope, Spot};

/// The most rows of a slice.
const SLICE_ROWS: u64 = 8192;

/// So many steps of a search cost as much as going on to the next row, where they are slow.
const STEPS_A_ROW: u64 = 128;

/// Reading a fact costs as much as so many rows with bytes.
const ROWS_A_FACT: u64 = 32;

/// The rows in which something is, found slice by slice.
#[derive(Debug)]
pub struct Find {
    text: String,
    needle: Needle,
    matching: RoaringTreemap,
    /// In which messages it is, of the rows that are not a line by themselves.
    lines: BTreeMap<u64, Lines>,
    /// The reading of the messages that were searched.
    generation: u64,
    /// Those of the matching rows that tell calls, which a view has only where they are asked for.
    calls: RoaringTreemap,
    /// The last sequence number searched.
    searched: u64,
}

/// How a view stands to what was found so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// How many of the view's matching rows there are up to its cursor.
    pub up_to_cursor: u64,
    /// True when the line at the cursor matches.
    pub at_cursor: bool,
    /// How many rows of the view match.
    pub shown: u64,
    /// How many rows match that the view does not have; of calls only those that it has are counted.
    pub hidden: u64,
    /// Whether there may be several matches in a row, so that rows are not what is gone to.
    pub in_messages: bool,
}

impl Find {
    /// Looks for a needle, which was read from this text.
    #[must_use]
    pub fn new(text: &str, needle: Needle) -> Self {
        let matching = RoaringTreemap::new();
        let lines = BTreeMap::new();
        Self { text: text.to_owned(), needle, calls: matching.clone(), matching, lines, generation: 0, searched: 0 }
    }

    /// The text that the needle was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is looked for.
    #[must_use]
    pub const fn needle(&self) -> &Needle {
        &self.needle
    }

    /// The last sequence number searched; 0 before the first. Compare with the store's newest for progress.
    #[must_use]
    pub const fn searched(&self) -> u64 {
        self.searched
    }

    /// How many rows match, as far as they are searched.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.matching.len()
    }

    /// True when no row matches, as far as they are searched.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.matching.is_empty()
    }

    /// True when something in the row with this sequence number is known to match.
    #[must_use]
    pub fn contains(&self, seq: u64) -> bool {
        self.matching.contains(seq)
    }

    /// True when a line is known to match.
    #[must_use]
    pub fn is_in(&self, spot: Spot) -> bool {
        self.matching.contains(spot.seq) && self.lines_of(spot.seq).contains(spot.message)
    }

    /// Searches a slice of the rows that are not searched yet and whose messages are read: at most some megabytes, a few
    /// milliseconds' work. True when none is left. Once the messages are read anew, all is searched anew.
    pub fn catch_up(&mut self, store: &LogStore, roster: &Roster, messages: &Messages) -> bool {
        if self.generation != messages.generation() {
            *self = Self { generation: messages.generation(), ..Self::new(&self.text, self.needle.clone()) };
        }
        let from = self.searched.max(store.first().saturating_sub(1)) + 1;
        let end = store.next().min(from + SLICE_ROWS).min(messages.read() + 1);
        let mut left = SLICE_ROWS;
        let mut broken_at = None;
        let Self { needle, matching, lines, calls, .. } = self;
        let weight = needle.weight() as u64;
        let steps = |bytes| weight.saturating_mul(u64::from(bytes)) / 16;
        let _ = store.for_each_part(from..end, |part| {
            let mut sweep = Sweep::new(needle, part);
            for row in &part.rows {
                let found = if messages.count(row).is_some() {
                    let found = in_messages(needle, row, store, roster, messages);
                    left = left.saturating_sub(steps(messages.gathered(row)) / STEPS_A_ROW);
                    let is_in_some = found.is_some();
                    lines.extend(found.filter(|found| *found != Lines::ROW).map(|found| (row.seq, found)));
                    is_in_some
                } else if row.kind.is_message() {
                    match roster.encoding(row.socket) {
                        encoding if encoding.is_utf8() => sweep.finds(Part::range(row)),
                        encoding => part.arena.get(Part::range(row)).is_some_and(|b| needle.is_in_text(b, encoding)),
                    }
                } else {
                    left = left.saturating_sub(ROWS_A_FACT);
                    !needle.is_bytes() && is_in_fact(needle, row, part, store, roster)
                };
                if found {
                    matching.insert(row.seq);
                    if row.kind == Kind::Call {
                        calls.insert(row.seq);
                    }
                }
                left = left.saturating_sub(1 + steps(row.len) / STEPS_A_ROW);
                if left == 0 {
                    broken_at = Some(row.seq);
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        });
        self.searched = broken_at.unwrap_or(self.searched.max(end - 1));
        self.matching.remove_range(..store.first());
        self.calls.remove_range(..store.first());
        while let Some(entry) = self.lines.first_entry().filter(|entry| *entry.key() < store.first()) {
            entry.remove();
        }
        self.searched + 1 >= store.next()
    }

    /// Searches rows again in which another message ends than was known.
    pub fn search_again(&mut self, rows: &[u64], store: &LogStore, roster: &Roster, messages: &Messages) {
        for row in rows.iter().filter(|seq| **seq <= self.searched).filter_map(|seq| store.row(*seq)) {
            if let Some(found) = in_messages(&self.needle, &row, store, roster, messages) {
                self.matching.insert(row.seq);
                self.lines.insert(row.seq, found);
            }
        }
    }

    /// Where the view stands among the matches.
    #[must_use]
    pub fn standing(&self, view: &LogView) -> Standing {
        let shown = &self.matching & view.matching();
        let hidden_calls = self.calls.len() - self.calls.intersection_len(view.matching());
        let cursor = view.cursor();
        Standing {
            up_to_cursor: cursor.map_or(0, |cursor| shown.rank(cursor.seq)),
            at_cursor: cursor.is_some_and(|cursor| shown.contains(cursor.seq) && self.matches(cursor, view)),
            shown: shown.len(),
            hidden: self.matching.len() - shown.len() - hidden_calls,
            in_messages: !self.lines.is_empty() && view.scope() == Scope::All,
        }
    }

    /// The first matching line of the view at this place or after it.
    #[must_use]
    pub fn at_or_after(&self, spot: Spot, view: &LogView) -> Option<Spot> {
        let mut shown = self.within_reach(view);
        shown.remove_range(..spot.seq);
        shown.into_iter().flat_map(|seq| self.in_row(seq, view)).find(|found| *found >= spot)
    }

    /// The last matching line of the view before this place.
    #[must_use]
    pub fn before(&self, spot: Spot, view: &LogView) -> Option<Spot> {
        let mut shown = self.within_reach(view);
        shown.remove_range(spot.seq.saturating_add(1)..);
        shown.into_iter().rev().flat_map(|seq| self.in_row(seq, view).rev()).find(|found| *found < spot)
    }

    /// Which messages of a matching row match.
    fn lines_of(&self, seq: u64) -> &Lines {
        self.lines.get(&seq).unwrap_or(&Lines::ROW)
    }

    /// Whether a line of the view in a matching row matches; in a timeline, where a row is one line, something in it does.
    fn matches(&self, spot: Spot, view: &LogView) -> bool {
        view.scope() != Scope::All || self.lines_of(spot.seq).contains(spot.message)
    }

    /// The lines that a matching row has in the view and that match.
    fn in_row<'a>(&'a self, seq: u64, view: &'a LogView) -> impl DoubleEndedIterator<Item = Spot> + 'a {
        let shown = view.lines_of(seq);
        let spots = (0..shown.len()).map(move |line| Spot { seq, message: shown.message(line) });
        spots.filter(|spot| self.matches(*spot, view))
    }

    /// The matching rows of the view, without those that came since it was paused.
    fn within_reach(&self, view: &LogView) -> RoaringTreemap {
        let mut shown = &self.matching & view.matching();
        if let Some(paused_at) = view.paused_at() {
            shown.remove_range(paused_at + 1..);
        }
        shown
    }
}

/// The messages that end in a row and have it in them, if any has.
fn in_messages(needle: &Needle, row: &Row, store: &LogStore, roster: &Roster, messages: &Messages) -> Option<Lines> {
    let (encoding, mut found) = (roster.encoding(row.socket), Vec::new());
    messages.for_each(row, store, |message, payload, _| {
        found.extend(needle.is_in_text(payload, encoding).then_some(message));
    });
    Lines::of(found)
}

fn is_in_fact(needle: &Needle, row: &Row, part: &Part<'_>, store: &LogStore, roster: &Roster) -> bool {
    part.fact(row).is_some_and(|fact| needle.is_in(sentence(row, &fact, store, roster).as_bytes()))
}

/// One pass over the bytes of many messages at once, which for short ones is much faster than to begin with each anew.
struct Sweep<'a> {
    needle: &'a Needle,
    /// The bytes of the messages, up to the end of the last one.
    arena: &'a [u8],
    /// From where on the next place is known.
    from: usize,
    /// The first place at or after `from`.
    next: Option<Range<usize>>,
    /// The message asked for last, and whether it was in there: a broadcast's messages share their bytes.
    last: Option<(Range<usize>, bool)>,
}

impl<'a> Sweep<'a> {
    fn new(needle: &'a Needle, part: &Part<'a>) -> Self {
        let end = part.rows.iter().map(|row| Part::range(row).end).max().unwrap_or(0);
        let arena = &part.arena[..end.min(part.arena.len())];
        // Nothing is known yet, and that is what a place before all others says.
        Self { needle, arena, from: 0, next: Some(0..0), last: None }
    }

    /// Whether the needle is in the message that has these bytes; one that is cut by its ends is not.
    fn finds(&mut self, message: Range<usize>) -> bool {
        if let Some((last, found)) = &self.last
            && *last == message
        {
            return *found;
        }
        let found = self.is_in(message.clone());
        self.last = Some((message, found));
        found
    }

    fn is_in(&mut self, message: Range<usize>) -> bool {
        let alone = |message: Range<usize>| self.arena.get(message).is_some_and(|bytes| self.needle.is_in(bytes));
        if !self.needle.is_literal() || message.start < self.from {
            return alone(message);
        }
        if message.is_empty() {
            return false;
        }
        if self.next.as_ref().is_some_and(|next| next.start < message.start || next.is_empty()) {
            self.next = self.needle.find_from(self.arena, message.start);
            self.from = message.start;
        }
        match &self.next {
            Some(next) if next.end <= message.end => true,
            // It begins in this message and ends in another: there may be a whole one beside it.
            Some(next) if next.start < message.end => alone(message),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::contract::{Batch, Block, Event, Fact, SocketId, Span, Ticket, Timestamp};
    use crate::log::Filter;

    /// A message of the block, or a fact.
    #[derive(Clone, Debug)]
    enum Entry {
        Message(Range<usize>),
        Note(String),
        Call(String),
    }

    fn store(text: &[u8], entries: &[Entry]) -> LogStore {
        let mut store = LogStore::new(u64::MAX);
        let socket = SocketId::new(1).unwrap();
        let events = entries.iter().map(|entry| {
            let fact = match entry.clone() {
                Entry::Message(range) => {
                    let bytes =
                        Span { start: u32::try_from(range.start).unwrap(), len: u32::try_from(range.len()).unwrap() };
                    Fact::Sent { ticket: Ticket(1), peer: None, bytes, remaining: 0 }
                }
                Entry::Note(message) => Fact::Note { name: "try".into(), message },
                Entry::Call(args) => Fact::Call { call: "bind".into(), args, result: "0".to_owned() },
            };
            Event { at: Timestamp(1), socket, fact }
        });
        let mut block = Block::with_size(text.len().max(1)).unwrap();
        block.bytes_mut()[..text.len()].copy_from_slice(text);
        store.append(Batch::new(events.collect(), block, text.len())).unwrap();
        store
    }

    /// The messages of a log that has no framed stream.
    fn read(store: &LogStore) -> Messages {
        let mut messages = Messages::new();
        messages.catch_up(store, &Roster::default());
        messages
    }

    fn found(find: &str, store: &LogStore) -> (Find, Vec<u64>) {
        let mut find = Find::new(find, Needle::parse(find).unwrap());
        while !find.catch_up(store, &Roster::default(), &read(store)) {}
        let seqs = find.matching.iter().collect();
        (find, seqs)
    }

    fn view(filter: &str, store: &LogStore) -> LogView {
        let mut view = LogView::new();
        view.set_filter(Filter::parse(filter, Timestamp(0)).unwrap());
        while !view.catch_up(store, &Roster::default(), &read(store), 100) {}
        view
    }

    #[test]
    fn a_match_is_within_one_message() {
        let messages = [Entry::Message(0..2), Entry::Message(2..4), Entry::Message(4..7), Entry::Message(7..9)];
        let store = store(b"abbaabaBA", &messages);
        assert_eq!(found("ab", &store).1, [1, 3]);
        assert_eq!(found("ba", &store).1, [2, 3, 4]);
        assert_eq!(found("bb", &store).1, [0; 0]);
        assert_eq!(found("/^a/", &store).1, [1, 3]);
        assert_eq!(found("/a$/i", &store).1, [2, 3, 4]);
        assert_eq!(found("hex:?? 61", &store).1, [2, 3]);
    }

    #[test]
    fn the_sentences_of_facts_are_searched_and_what_is_hidden_is_counted() {
        let entries = [
            Entry::Note("hello".to_owned()),
            Entry::Call("hello".to_owned()),
            Entry::Message(0..5),
            Entry::Message(0..5),
            Entry::Message(0..1),
        ];
        let store = store(b"hello", &entries);
        let (find, seqs) = found("HELLO", &store);
        assert_eq!(seqs, [1, 2, 3, 4]);
        let standing = |filter: &str, cursor| {
            let mut view = view(filter, &store);
            view.hold_at(Spot::row(cursor));
            find.standing(&view)
        };
        assert_eq!(
            standing("", 3),
            Standing { up_to_cursor: 2, at_cursor: true, shown: 3, hidden: 0, in_messages: false }
        );
        assert_eq!(
            standing("", 5),
            Standing { up_to_cursor: 3, at_cursor: false, shown: 3, hidden: 0, in_messages: false }
        );
        assert_eq!(
            standing("dir:tx", 3),
            Standing { up_to_cursor: 1, at_cursor: true, shown: 2, hidden: 1, in_messages: false }
        );
        assert_eq!(
            standing("kind:call", 2),
            Standing { up_to_cursor: 1, at_cursor: true, shown: 1, hidden: 3, in_messages: false }
        );
        assert_eq!(found("hex:68", &store).1, [3, 4, 5]);
    }

    proptest! {
        #[test]
        fn what_is_found_at_once_is_what_is_found_row_by_row(
            text in proptest::collection::vec(prop_oneof![Just(b'a'), Just(b'A'), Just(b'b'), Just(0xc3), Just(0xa4)], 40),
            places in proptest::collection::vec((0..30_usize, 0..10_usize), 0..30),
            ordered in any::<bool>(),
            needle in proptest::sample::select(vec!["a", "ab", "aba", "\u{e4}", "a\u{c4}", "hex:c3 ??", "hex:61??62", "/a$/", "/b*/"]),
        ) {
            let mut places: Vec<_> = places.into_iter().map(|(start, len)| start..start + len).collect();
            if ordered {
                places.sort_by_key(|place| place.start);
            }
            let entries: Vec<_> = places.into_iter().map(Entry::Message).collect();
            let store = store(&text, &entries);
            let (find, seqs) = found(needle, &store);
            let wanted: Vec<_> =
                store.rows(0..100).filter(|row| find.needle().is_in(&store.bytes(row))).map(|row| row.seq).collect();
            prop_assert_eq!(seqs, wanted);
        }

        #[test]
        fn next_and_previous_go_through_the_matches_of_the_view(
            matches in proptest::collection::vec(any::<bool>(), 1..30),
            seq in 0..40_u64,
        ) {
            let entries: Vec<_> = matches.iter().map(|is_match| Entry::Message(if *is_match { 0..1 } else { 1..2 })).collect();
            let store = store(b"xy", &entries);
            let (find, seqs) = found("x", &store);
            let view = view("", &store);
            prop_assert_eq!(find.at_or_after(Spot::row(seq), &view), seqs.iter().copied().find(|found| *found >= seq).map(Spot::row));
            prop_assert_eq!(find.before(Spot::row(seq), &view), seqs.iter().copied().rfind(|found| *found < seq).map(Spot::row));
        }
    }

    #[test]
    fn a_slice_is_bounded_and_new_rows_are_searched_as_they_come() {
        let notes = vec![Entry::Note("x".to_owned()); 1000];
        let mut store = store(b"", &notes);
        let mut find = Find::new("x", Needle::parse("x").unwrap());
        assert!(!find.catch_up(&store, &Roster::default(), &read(&store)));
        assert!(find.searched() < 300 && find.len() == find.searched());
        while !find.catch_up(&store, &Roster::default(), &read(&store)) {}
        let note = Fact::Note { name: "n".into(), message: "x".to_owned() };
        store.append_local(Event { at: Timestamp(1), socket: SocketId::new(1).unwrap(), fact: note });
        assert!(find.catch_up(&store, &Roster::default(), &read(&store)));
        assert!(find.contains(1001) && !find.is_empty());
    }
}
