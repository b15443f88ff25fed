//! One stream as it is read, row by row.
//!
//! Owns what is known of its received rows. It never holds a byte of them.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use super::{Changes, Message, Piece};
use crate::contract::Timestamp;
use crate::framing::{Deframer, Frame, State};
use crate::log::{LogStore, Row};

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) deframer: Arc<Deframer>,
    /// Its received rows, oldest first.
    pub(super) records: VecDeque<Record>,
    /// Where it stands after the last of them.
    pub(super) state: State,
    last: Timestamp,
    /// Whether the open message, or the next one, may have begun before all that was read.
    pub(super) headless: bool,
    /// Whether more may come.
    pub(super) live: bool,
}

/// What is known of a received row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) seq: u64,
    /// Where the stream stood before it.
    pub(super) state: State,
    /// How many messages end in it; its highest bits are flags.
    pub(super) ends: u32,
}

/// What the row leaves open ends with it, because the stream does, or because nothing more came for long.
pub(super) const CLOSED: u32 = 1 << 31;

/// The first message of the row may have begun before all that was read.
pub(super) const HEADLESS: u32 = 1 << 30;

impl Record {
    pub(super) const fn count(&self) -> u32 {
        self.ends & !(CLOSED | HEADLESS)
    }
}

impl Stream {
    pub(super) fn new(deframer: Arc<Deframer>) -> Self {
        Self {
            deframer,
            records: VecDeque::new(),
            state: State::default(),
            last: Timestamp(0),
            headless: true,
            live: true,
        }
    }

    /// The same with some of its records alone.
    pub(super) fn part(&self, records: Range<usize>) -> Self {
        let records = self.records.range(records).copied().collect();
        Self { deframer: Arc::clone(&self.deframer), records, ..*self }
    }

    pub(super) fn deadline(&self) -> Option<u64> {
        self.deframer.deadline(&self.state, self.last.0)
    }

    pub(super) fn receive(&mut self, row: &Row, bytes: &[u8], changes: &mut Changes) {
        if self.deadline().is_some_and(|deadline| row.at.0 >= deadline) {
            self.close(changes);
        }
        let before = self.state;
        let mut count = 0_u32;
        self.deframer.push(&mut self.state, bytes, |_| count += 1);
        changes.surplus += u64::from(count.saturating_sub(1));
        let flag = if self.headless { HEADLESS } else { 0 };
        self.records.push_back(Record { seq: row.seq, state: before, ends: count | flag });
        self.headless &= count == 0;
        self.last = row.at;
    }

    /// Ends what is open.
    pub(super) fn close(&mut self, changes: &mut Changes) {
        let mut count = 0;
        self.deframer.end(&mut self.state, |_| count += 1);
        if let Some(record) = self.records.back_mut().filter(|_| count > 0) {
            let before = record.count().max(1);
            record.ends = (record.ends | CLOSED) + count;
            self.headless = false;
            changes.surplus += u64::from(record.count() - before);
            changes.amended.push(record.seq);
            changes.count += 1;
        }
    }

    /// Ends what is open, because what came next is not known.
    pub(super) fn miss(&mut self, changes: &mut Changes) {
        self.close(changes);
        self.headless = true;
    }

    /// Tells the messages that end in the row of a record.
    pub(super) fn frames(&self, at: usize, bytes: &[u8], mut each: impl FnMut(Frame)) {
        let record = &self.records[at];
        let mut state = record.state;
        self.deframer.push(&mut state, bytes, &mut each);
        if record.ends & CLOSED != 0 {
            let len = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
            let moved = |range: Range<i64>| range.start + len..range.end + len;
            self.deframer.end(&mut state, |frame| {
                each(Frame { bytes: moved(frame.bytes), framing: moved(frame.framing), ..frame });
            });
        }
    }

    /// A message that ends in the row of a record.
    pub(super) fn message(&self, at: usize, row: &Row, frame: &Frame, headless: bool, store: &LogStore) -> Message {
        let (mut pieces, mut rows) = (Vec::new(), 0);
        let payload = frame.payload();
        // Row by row, from the last one back: where it lies, as the frame counts.
        let (mut begin, mut seq, mut len) = (0, row.seq, i64::from(row.len));
        let mut earlier = self.records.range(..at).rev();
        loop {
            rows += u32::from(frame.bytes.start < begin + len && begin < frame.bytes.end);
            for part in payload.iter().rev() {
                let bytes = part.start.max(begin) - begin..part.end.min(begin + len) - begin;
                if !bytes.is_empty()
                    && let (Ok(start), Ok(end)) = (u32::try_from(bytes.start), u32::try_from(bytes.end))
                {
                    pieces.push(Piece { seq, bytes: start..end });
                }
            }
            if begin <= frame.bytes.start {
                break;
            }
            let Some(before) = earlier.next().and_then(|record| store.row(record.seq)) else { break };
            (seq, len) = (before.seq, i64::from(before.len));
            begin -= len;
        }
        pieces.reverse();
        let headless = headless || begin > frame.bytes.start;
        Message { pieces, ending: frame.ending, continues: frame.continues, headless, rows }
    }
}
