//! Figures about rows: counts, rates over time, sizes, gaps and answer times.
//!
//! Owns what is counted and how exactly. It goes over rows once, in slices, reads no bytes, and takes at most some 100
//! KiB however many rows there are. It never chooses rows: the caller says which count.

mod distribution;
mod series;

use std::ops::ControlFlow;

use super::round_trip::Conversations;
use super::{Kind, LogStore, Row};
use crate::contract::Timestamp;

pub use distribution::Distribution;
pub use series::{Flow, STRETCHES, Series};

/// What is known of the rows counted so far. What was counted stays, also of rows that the store forgets later.
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    /// The sequence number of the last row that was looked at.
    seen: u64,
    /// Rows that the store had forgotten before they could be counted.
    missed: u64,
    kinds: [u64; Kind::ALL.len()],
    rows: u64,
    span: Option<(Timestamp, Timestamp)>,
    flow: Flow,
    series: Series,
    received_sizes: Distribution,
    sent_sizes: Distribution,
    gaps: Distribution,
    answers: Distribution,
    own_answers: Distribution,
    latest_message: Option<Timestamp>,
    conversations: Conversations,
}

impl Statistics {
    /// Figures that begin at the row with this sequence number.
    #[must_use]
    pub fn from_row(seq: u64) -> Self {
        Self { seen: seq.saturating_sub(1), ..Self::default() }
    }

    /// Looks at the store's next rows, as far as the one before `end`, at most `rows` of them and at least one, and
    /// counts those that are `wanted`. True when none is left to look at.
    pub fn catch_up(&mut self, store: &LogStore, end: u64, rows: usize, mut wanted: impl FnMut(&Row) -> bool) -> bool {
        let end = end.min(store.next());
        let from = self.seen + 1;
        if from < store.first() {
            self.missed += store.first().min(end).saturating_sub(from);
            self.seen = store.first() - 1;
        }
        let until = end.min((self.seen + 1).saturating_add(rows.max(1) as u64));
        let _ = store.for_each_row(self.seen + 1..until, |row| {
            // Also through rows that do not count, a message is answered.
            let answers = self.conversations.next(&row);
            if wanted(&row) {
                self.count(&row);
                if let Some(answers) = answers {
                    let times = if row.kind == Kind::Received { &mut self.answers } else { &mut self.own_answers };
                    times.add(nanos(answers.time));
                }
            }
            ControlFlow::Continue(())
        });
        self.seen = self.seen.max(until.saturating_sub(1));
        self.seen + 1 >= end
    }

    fn count(&mut self, row: &Row) {
        self.rows += 1;
        self.kinds[usize::from(row.kind.code())] += 1;
        let (first, last) = self.span.unwrap_or((row.at, row.at));
        self.span = Some((first.min(row.at), last.max(row.at)));
        if !row.kind.is_message() {
            return;
        }
        self.flow.count(row);
        self.series.add(row);
        let sizes = if row.kind == Kind::Received { &mut self.received_sizes } else { &mut self.sent_sizes };
        sizes.add(u64::from(row.len));
        if let Some(latest) = self.latest_message.replace(row.at) {
            self.gaps.add(nanos(row.at.since(latest)));
        }
    }

    /// The sequence number of the last row that was looked at; compare with the store's newest for progress.
    #[must_use]
    pub const fn seen(&self) -> u64 {
        self.seen
    }

    /// How many rows the store had forgotten before they could be looked at.
    #[must_use]
    pub const fn missed(&self) -> u64 {
        self.missed
    }

    /// How many rows count.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// How many rows of each kind count, without the kinds of which there is none.
    pub fn kinds(&self) -> impl Iterator<Item = (Kind, u64)> {
        Kind::ALL.into_iter().zip(self.kinds).filter(|(_, count)| *count > 0)
    }

    /// When the first and the last row were; `None` where no row counts.
    #[must_use]
    pub const fn span(&self) -> Option<(Timestamp, Timestamp)> {
        self.span
    }

    /// What came and went in all.
    #[must_use]
    pub const fn flow(&self) -> Flow {
        self.flow
    }

    /// What came and went when.
    #[must_use]
    pub const fn series(&self) -> &Series {
        &self.series
    }

    /// The lengths of the messages that came, in bytes.
    #[must_use]
    pub const fn received_sizes(&self) -> &Distribution {
        &self.received_sizes
    }

    /// The lengths of the messages that went, in bytes.
    #[must_use]
    pub const fn sent_sizes(&self) -> &Distribution {
        &self.sent_sizes
    }

    /// The times from one message to the next, whichever way they went, in nanoseconds.
    #[must_use]
    pub const fn gaps(&self) -> &Distribution {
        &self.gaps
    }

    /// After how long peers answered, in nanoseconds: each message that came as the answer to a sent one.
    #[must_use]
    pub const fn answers(&self) -> &Distribution {
        &self.answers
    }

    /// After how long this side answered, in nanoseconds: each message that went as the answer to a received one.
    #[must_use]
    pub const fn own_answers(&self) -> &Distribution {
        &self.own_answers
    }
}

fn nanos(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::contract::{BLOCK_SIZE, Batch, Block, Event, Fact, SocketId, Span, Ticket};
    use crate::log::round_trip::answered_by;

    /// A row to be: milliseconds after the one before, the socket, and a message's length and whether it was sent.
    type Entry = (u64, u32, Option<(u32, bool)>);

    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let gap = prop_oneof![4 => 0..20_u64, 2 => 0..2_000_u64, 1 => 0..10_000_000_000_u64];
        let message = proptest::option::weighted(0.9, (0..3_000_u32, any::<bool>()));
        proptest::collection::vec((gap, 1..4_u32, message), 0..80)
    }

    fn append(store: &mut LogStore, entries: &[Entry], at: &mut u64) {
        let events = entries.iter().map(|(after, socket, message)| {
            *at += after * 1_000_000;
            let fact = match *message {
                Some((len, true)) => {
                    Fact::Sent { ticket: Ticket(0), peer: None, bytes: Span { start: 0, len }, remaining: 0 }
                }
                Some((len, false)) => Fact::Received { peer: None, bytes: Span { start: 0, len }, truncated: false },
                None => Fact::PeerClosed,
            };
            Event { at: Timestamp(*at), socket: SocketId::new(*socket).unwrap(), fact }
        });
        let events = events.collect();
        store.append(Batch::new(events, Block::with_size(4096).unwrap(), 4096)).unwrap();
    }

    fn told(statistics: &Statistics) -> impl PartialEq + std::fmt::Debug + use<> {
        let Statistics { rows, kinds, span, flow, series, .. } = statistics.clone();
        let Statistics { received_sizes, sent_sizes, gaps, answers, own_answers, .. } = statistics.clone();
        ((rows, kinds, span, flow, series), (received_sizes, sent_sizes, gaps, answers, own_answers))
    }

    proptest! {
        #[test]
        fn counted_while_rows_come_is_counted_at_once(entries in entries(), cut in 0..80_usize, slice in 1..9_usize) {
            let (mut store, mut at) = (LogStore::new(u64::MAX), 1_700_000_000_000_000_000);
            let odd = |row: &Row| row.socket.get() % 2 == 1;
            let cut = cut.min(entries.len());
            let mut slowly = Statistics::default();
            for part in [&entries[..cut], &entries[cut..]] {
                append(&mut store, part, &mut at);
                while !slowly.catch_up(&store, u64::MAX, slice, odd) {}
            }
            let mut at_once = Statistics::default();
            prop_assert!(at_once.catch_up(&store, u64::MAX, usize::MAX, odd));
            prop_assert_eq!(told(&slowly), told(&at_once));
        }

        #[test]
        fn the_figures_are_those_of_the_rows(entries in entries()) {
            let (mut store, mut at) = (LogStore::new(u64::MAX), 1_700_000_000_000_000_000);
            append(&mut store, &entries, &mut at);
            let mut statistics = Statistics::default();
            statistics.catch_up(&store, u64::MAX, usize::MAX, |_| true);
            let rows: Vec<Row> = store.rows(0..u64::MAX).collect();
            prop_assert_eq!(statistics.rows(), rows.len() as u64);
            prop_assert_eq!(statistics.kinds().map(|(_, count)| count).sum::<u64>(), rows.len() as u64);
            prop_assert_eq!(statistics.span(), rows.first().zip(rows.last()).map(|(first, last)| (first.at, last.at)));
            let bytes = |kind| rows.iter().filter(|row| row.kind == kind).map(|row| u64::from(row.len)).sum::<u64>();
            let flow = statistics.flow();
            prop_assert_eq!((flow.received.bytes, flow.sent.bytes), (bytes(Kind::Received), bytes(Kind::Sent)));
            // Doubling their length loses nothing, and there are never too many.
            let series = statistics.series().stretches();
            prop_assert!(series.len() <= STRETCHES);
            prop_assert_eq!(series.fold(Flow::default(), |sum, flow| sum.and(*flow)), flow);
            let answers = rows.iter().filter(|row| answered_by(row, &store).is_some()).count() as u64;
            prop_assert_eq!(statistics.answers().count() + statistics.own_answers().count(), answers);
            prop_assert_eq!(statistics.gaps().count(), (flow.received.messages + flow.sent.messages).saturating_sub(1));
        }
    }

    #[test]
    fn counting_begins_and_ends_where_it_is_told() {
        let (mut store, mut at) = (LogStore::new(u64::MAX), 1);
        for _ in 0..3 {
            append(&mut store, &[(1, 1, None), (1, 1, Some((9, true)))], &mut at);
        }
        let mut statistics = Statistics::from_row(2);
        assert!(!statistics.catch_up(&store, 5, 2, |_| true));
        assert_eq!((statistics.rows(), statistics.seen()), (2, 3));
        assert!(statistics.catch_up(&store, 5, 2, |_| true));
        assert_eq!((statistics.rows(), statistics.seen(), statistics.missed()), (3, 4, 0));
    }

    #[test]
    fn rows_that_went_before_they_were_counted_are_told() {
        let mut store = LogStore::new(u64::MAX);
        let event = |at| Event { at: Timestamp(at), socket: SocketId::new(1).unwrap(), fact: Fact::PeerClosed };
        // A full block is a segment of its own.
        store.append(Batch::new(vec![event(1), event(2)], Block::new().unwrap(), BLOCK_SIZE)).unwrap();
        store.append_local(event(3));
        let mut statistics = Statistics::default();
        statistics.catch_up(&store, 2, 9, |_| true);
        store.evict_before(3);
        assert!(statistics.catch_up(&store, u64::MAX, 9, |_| true));
        assert_eq!((statistics.rows(), statistics.seen(), statistics.missed()), (2, 3, 1));
    }
}
