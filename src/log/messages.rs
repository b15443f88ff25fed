//! The messages of framed streams: a reading of the rows that they were received in.
//!
//! Owns which messages end in which row, found slice by slice, and where their bytes are. A row stays what one `recv`
//! returned; under another framing the same rows are read again. It never holds a byte of a message.

mod stream;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use super::store::Part;
use super::{Kind, LogStore, Roster, Row};
use crate::contract::{SocketId, Timestamp};
use crate::framing::{Deframer, Ending, Frame, Framing, State};
use stream::{CLOSED, HEADLESS, Stream};

/// The most rows and the most bytes of a slice.
const SLICE_ROWS: u64 = 8192;
const SLICE_BYTES: u64 = 4 << 20;

/// The messages that end in each received row of the streams that have a framing.
#[derive(Debug, Default)]
pub struct Messages {
    /// What was listed with its framing when its rows were read, if it has one, and still is when it is listed no longer.
    framings: HashMap<SocketId, Option<Arc<Deframer>>>,
    /// The roster's revision that those are of.
    revision: Option<u64>,
    streams: HashMap<SocketId, Stream>,
    /// The last sequence number read.
    read: u64,
    /// Rows before this one are forgotten.
    first: u64,
    /// How often all rows were to be read anew.
    generation: u64,
    changes: Changes,
}

/// What is known of the rows that were read. It is another once something else is known of one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version {
    generation: u64,
    changes: u64,
}

/// What reading on changes beside what comes.
#[derive(Debug, Default)]
struct Changes {
    /// How many more messages there are than rows in which some end.
    surplus: u64,
    /// The rows in which another message ends than was known before.
    amended: Vec<u64>,
    /// How often that happened.
    count: u64,
}

/// One message, or what the log holds of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where the bytes of its payload are, in their order.
    pub pieces: Vec<Piece>,
    /// How it ends.
    pub ending: Ending,
    /// Whether it goes on with a message that was cut.
    pub continues: bool,
    /// Whether it may have begun before all that the log holds of its stream.
    pub headless: bool,
    /// In how many rows bytes of it came, those of its framing among them.
    pub rows: u32,
}

/// Some bytes of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The row's sequence number.
    pub seq: u64,
    /// Which of its bytes; never empty.
    pub bytes: Range<u32>,
}

/// How the messages of a stream lie in one of its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Division {
    /// How many bytes of the first message came in rows before.
    pub before: u32,
    /// How many messages end in the row.
    pub ends: u32,
    /// How many bytes there are up to the row's end of a message that goes on behind it.
    pub open: u32,
    /// How many bytes are missing to that message's end, where the framing tells.
    pub missing: Option<u32>,
    /// Whether the stream ended before the last message did.
    pub incomplete: bool,
    /// The places within the asked range where a message ends, counted in bytes from the row's begin.
    pub bounds: Vec<u32>,
}

impl Message {
    /// How long its payload is, as far as the log has it, in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.pieces.iter().map(|piece| u64::from(piece.bytes.end - piece.bytes.start)).sum()
    }

    /// True for one without a payload, such as an empty line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// At most the first `most` bytes of its payload.
    #[must_use]
    pub fn bytes(&self, store: &LogStore, most: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for piece in &self.pieces {
            if bytes.len() >= most {
                break;
            }
            let Some(row) = store.row(piece.seq) else { continue };
            let content = store.bytes(&row);
            let (start, end) = (piece.bytes.start as usize, piece.bytes.end as usize);
            bytes.extend_from_slice(
                content.get(start..end.min(start.saturating_add(most - bytes.len()))).unwrap_or_default(),
            );
        }
        bytes
    }
}

impl Messages {
    /// Nothing read yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a slice of the rows that are not read yet: at most some megabytes, a few milliseconds' work. True when none is
    /// left. Where a framing is another than before, all rows are to be read again.
    pub fn catch_up(&mut self, store: &LogStore, roster: &Roster) -> bool {
        self.learn(roster);
        if self.framings.values().all(Option::is_none) {
            self.read = store.next() - 1;
            return true;
        }
        self.forget_before(store.first());
        let from = self.read + 1;
        let mut expected = store.first().max(from);
        if expected > from {
            self.miss();
        }
        let end = store.next().min(expected + SLICE_ROWS);
        let mut left = SLICE_BYTES;
        let _ = store.for_each_part(expected..end, |part| {
            for row in &part.rows {
                if row.seq > expected {
                    self.miss();
                }
                expected = row.seq + 1;
                left = left.saturating_sub(self.read_row(row, part, roster));
                if left == 0 {
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        });
        if left > 0 && expected < end {
            // The last ones can't be read.
            self.miss();
            expected = end;
        }
        self.read = expected - 1;
        self.read + 1 >= store.next()
    }

    /// The last sequence number read; 0 before the first. Compare with the store's newest for progress.
    #[must_use]
    pub const fn read(&self) -> u64 {
        self.read
    }

    /// When the first of the messages that a gap ends does so, unless more comes.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        self.framings.values().flatten().find(|deframer| deframer.framing().gap().is_some())?;
        let deadlines = self.streams.values().filter_map(Stream::deadline);
        deadlines.min().map(Timestamp)
    }

    /// Ends the messages that a gap has ended by now.
    pub fn expire(&mut self, now: Timestamp) {
        for stream in self.streams.values_mut() {
            if stream.deadline().is_some_and(|deadline| now.0 >= deadline) {
                stream.close(&mut self.changes);
            }
        }
    }

    /// True where no row that was read is of a framed stream.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// How often all rows were to be read anew because a framing has changed.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// The version of what is known of the rows that were read.
    #[must_use]
    pub const fn version(&self) -> Version {
        Version { generation: self.generation, changes: self.changes.count }
    }

    /// The rows that were read and in which, as is known since this was asked last, one more message ends: the stream's end
    /// or a gap ended it.
    pub fn take_amended(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.changes.amended)
    }

    /// How many more lines the log has for its messages than it has rows.
    #[must_use]
    pub const fn surplus(&self) -> u64 {
        self.changes.surplus
    }

    /// The framing of a received row's stream; `None` for every other row, and for those that are not read yet.
    #[must_use]
    pub fn framing(&self, row: &Row) -> Option<&Framing> {
        self.find(row).map(|(stream, _)| stream.deframer.framing())
    }

    /// How many messages end in a row. A message ends in the row that shows that it has ended, which for one that a gap
    /// or the stream's end ends is the last that holds bytes of it. `None` for rows that are of no framed stream, and for
    /// those that are not read yet.
    #[must_use]
    pub fn count(&self, row: &Row) -> Option<u32> {
        self.find(row).map(|(stream, at)| stream.records[at].count())
    }

    /// How many bytes of messages that are open before a row end in it, at most: what has to be gathered of them.
    pub(super) fn gathered(&self, row: &Row) -> u32 {
        let record = self.find(row).map(|(stream, at)| &stream.records[at]);
        record.filter(|record| record.count() > 0).map_or(0, |record| record.state.open())
    }

    /// Some of the messages that end in a row, those with a wanted place among them, from 0.
    #[must_use]
    pub fn ending_in(&self, row: &Row, wanted: impl Fn(u32) -> bool, store: &LogStore) -> Vec<Message> {
        let Some((stream, at)) = self.find(row) else { return Vec::new() };
        let (mut messages, mut place) = (Vec::new(), 0);
        let headless = stream.records[at].ends & HEADLESS != 0;
        stream.frames(at, &store.bytes(row), |frame| {
            if wanted(place) {
                messages.push(stream.message(at, row, &frame, headless && place == 0, store));
            }
            place += 1;
        });
        messages
    }

    /// Tells each message that ends in a row, as [`count`](Self::count) counts them: its payload, and the frame that it is.
    /// One that lies within the row is not copied.
    pub fn for_each(&self, row: &Row, store: &LogStore, mut each: impl FnMut(u32, &[u8], &Frame)) {
        let Some((stream, at)) = self.find(row) else { return };
        let (bytes, mut place) = (store.bytes(row), 0);
        stream.frames(at, &bytes, |frame| {
            match frame.payload_in(&bytes) {
                Some(payload) => each(place, payload, &frame),
                None => each(place, &stream.message(at, row, &frame, false, store).bytes(store, usize::MAX), &frame),
            }
            place += 1;
        });
    }

    /// Where a message that ends in a row does so, counted in bytes from the row's begin: 0 for one that ended before it.
    #[must_use]
    pub fn end_of(&self, row: &Row, message: u32, store: &LogStore) -> Option<u32> {
        let (mut end, mut place) = (None, 0);
        let (stream, at) = self.find(row)?;
        stream.frames(at, &store.bytes(row), |frame| {
            if place == message {
                end = Some(u32::try_from(frame.bytes.end).unwrap_or(0));
            }
            place += 1;
        });
        end
    }

    /// The first message that ends in a row at this byte or after it, or else the last.
    #[must_use]
    pub fn at_byte(&self, row: &Row, byte: u32, store: &LogStore) -> u32 {
        let Some((stream, at)) = self.find(row) else { return 0 };
        let mut before = 0;
        stream.frames(at, &store.bytes(row), |frame| before += u32::from(frame.bytes.end < i64::from(byte)));
        before.min(stream.records[at].count().saturating_sub(1))
    }

    /// The same for these rows alone, to be read elsewhere, and the first row that their messages have bytes in.
    #[must_use]
    pub fn snapshot(&self, rows: Range<u64>, store: &LogStore) -> (Self, u64) {
        let mut first = rows.start;
        let mut streams = HashMap::new();
        for (socket, stream) in &self.streams {
            let end = stream.records.partition_point(|record| record.seq < rows.end);
            let mut start = stream.records.partition_point(|record| record.seq < rows.start).min(end);
            let mut missing = stream.records.get(start).map_or(0, |record| record.state.open());
            while let Some(before) = start.checked_sub(1).filter(|_| missing > 0 && start < end) {
                start = before;
                let seq = stream.records[start].seq;
                missing = missing.saturating_sub(store.row(seq).map_or(0, |row| row.len));
                first = first.min(seq);
            }
            if start < end {
                streams.insert(*socket, stream.part(start..end));
            }
        }
        (Self { streams, read: self.read, ..Self::default() }, first)
    }

    /// How the messages of a row's stream lie in the row, with the bounds between these bytes; `None` as in
    /// [`count`](Self::count).
    #[must_use]
    pub fn division(&self, row: &Row, within: Range<u32>, store: &LogStore) -> Option<Division> {
        let (stream, at) = self.find(row)?;
        let record = &stream.records[at];
        let closed = record.ends & CLOSED != 0;
        let after =
            if closed { State::default() } else { stream.records.get(at + 1).map_or(stream.state, |next| next.state) };
        let mut bounds = Vec::new();
        let bytes = store.bytes(row);
        let shown = &bytes[..bytes.len().min(within.end as usize)];
        let mut state = record.state;
        stream.deframer.push(&mut state, shown, |frame| {
            let end = u32::try_from(frame.bytes.end).unwrap_or(0);
            bounds.extend((end > 0 && (within.start..=within.end).contains(&end)).then_some(end));
        });
        Some(Division {
            before: record.state.open(),
            ends: record.count(),
            open: after.open(),
            missing: stream.deframer.missing(&after),
            incomplete: closed && stream.deframer.framing().gap().is_none(),
            bounds,
        })
    }

    fn find(&self, row: &Row) -> Option<(&Stream, usize)> {
        if row.kind != Kind::Received {
            return None;
        }
        let stream = self.streams.get(&row.socket)?;
        let at = stream.records.binary_search_by_key(&row.seq, |record| record.seq).ok()?;
        Some((stream, at))
    }

    /// Takes in which framings there are. Begins anew where one has changed.
    fn learn(&mut self, roster: &Roster) {
        if self.revision.replace(roster.revision()) == Some(roster.revision()) {
            return;
        }
        let mut changed = false;
        for member in roster.roots() {
            let framing = member.endpoint.framing();
            let known = self.framings.get(&member.id);
            let same = |known: &Option<Arc<Deframer>>| match known {
                Some(deframer) => deframer.framing() == framing,
                None => framing.is_raw(),
            };
            if known.is_some_and(same) {
                continue;
            }
            changed |= known.is_some();
            let deframer = (!framing.is_raw()).then(|| Arc::new(Deframer::new(framing.clone())));
            self.framings.insert(member.id, deframer);
        }
        if changed {
            self.streams.clear();
            self.read = 0;
            self.generation += 1;
            self.changes = Changes { count: self.changes.count, ..Changes::default() };
        }
    }

    /// Forgets the rows that the log no longer holds.
    fn forget_before(&mut self, first: u64) {
        if first <= self.first {
            return;
        }
        self.first = first;
        self.streams.retain(|_, stream| {
            let gone = stream.records.partition_point(|record| record.seq < first);
            for record in stream.records.drain(..gone) {
                self.changes.surplus -= u64::from(record.count().saturating_sub(1));
            }
            stream.live || !stream.records.is_empty()
        });
    }

    /// Some rows were not read, and may have been of any stream.
    fn miss(&mut self) {
        self.streams.values_mut().for_each(|stream| stream.miss(&mut self.changes));
    }

    /// Reads a row; gives how many bytes were looked at.
    fn read_row(&mut self, row: &Row, part: &Part<'_>, roster: &Roster) -> u64 {
        let begins = match row.kind {
            Kind::Received => false,
            Kind::Connected | Kind::Accepted => true,
            Kind::PeerClosed | Kind::Closed | Kind::Lost => {
                self.interrupt(row);
                return 0;
            }
            _ => return 0,
        };
        let Some(Some(deframer)) = self.framings.get(&roster.root(row.socket)) else { return 0 };
        // The begin of a connection that nobody saw begin is not known.
        let stream = self.streams.entry(row.socket).or_insert_with(|| Stream::new(Arc::clone(deframer)));
        if begins {
            stream.close(&mut self.changes);
            (stream.headless, stream.live) = (false, true);
            return 0;
        }
        stream.receive(row, part.arena.get(Part::range(row)).unwrap_or_default(), &mut self.changes);
        u64::from(row.len)
    }

    /// What is open of a stream ends: nothing more comes of it, or some of it is lost.
    fn interrupt(&mut self, row: &Row) {
        let Some(stream) = self.streams.get_mut(&row.socket) else { return };
        match row.kind {
            Kind::Lost => stream.miss(&mut self.changes),
            _ => stream.close(&mut self.changes),
        }
        stream.live &= row.kind != Kind::Closed;
        if !stream.live && stream.records.is_empty() {
            self.streams.remove(&row.socket);
        }
    }
}
