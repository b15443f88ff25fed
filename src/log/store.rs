//! The store: all rows of the session and their bytes, append-only.
//!
//! Owns the segments. Each holds a contiguous range of sequence numbers: one arena of message bytes, one array of
//! fixed-size records, and as JSON the facts that carry no message and the peers of those that do. Sealed segments over
//! the memory limit move to a file without a name and are read from there ([`LogStore::spilling`]), or are forgotten.
//! Nothing is formatted here. It never decides who may see what.

mod content;
mod reader;
mod segment;
mod slot;
mod spill;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::ops::{ControlFlow, Range};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nix::errno::Errno;

use super::row::{Kind, Row};
use crate::contract::{Address, BLOCK_SIZE, Batch, Block, Event, Fact, SocketId, Ticket, Timestamp};
use reader::{Reader, Records, Whereabouts};
use segment::{Arena, Facts, NEARLY_FULL, OpenSegment, Record, Segment, fact_record};
use slot::{Place, Slot};
use spill::{Next, Report, Spilling};

pub use content::Content;
pub(super) use reader::Part;

/// How many blocks of segments that left memory are kept to be filled again, at most, and how many bytes for each of
/// them the limit must have: what is kept spare is missing for rows.
const MAX_SPARE: usize = 16;
const LIMIT_A_SPARE: u64 = 8 * BLOCK_SIZE as u64;

/// How many records are read from disk at once.
const RECORDS_AT_ONCE: usize = 4096;

/// How far over its limit the log may be while what is over is being written to disk.
const SLACK: usize = 16 * BLOCK_SIZE;

/// Every row of the session.
pub struct LogStore {
    memory_limit: u64,
    sealed: Vec<Arc<Slot>>,
    /// What sealed segments hold in memory.
    sealed_bytes: usize,
    /// How many sealed segments are gone; segments are numbered from the session's first.
    evicted: usize,
    /// Blocks of segments that left memory, whose pages are warm: better to fill again than fresh ones.
    spare: Vec<Block>,
    open: OpenSegment,
    spilling: Option<Spilling>,
    reader: Reader,
}

impl LogStore {
    /// An empty store that may hold `memory_limit` bytes in memory, and forgets the oldest rows beyond.
    #[must_use]
    pub fn new(memory_limit: u64) -> Self {
        Self {
            memory_limit,
            sealed: Vec::new(),
            sealed_bytes: 0,
            evicted: 0,
            spare: Vec::new(),
            open: OpenSegment::new(),
            spilling: None,
            reader: Reader::default(),
        }
    }

    /// As [`new`](Self::new), but the oldest rows beyond the limit go to a file without a name in `folder`, as long as
    /// there is room on the disk. `wake` is called, from another thread, when [`settle`](Self::settle) has something to
    /// do.
    #[must_use]
    pub fn spilling(memory_limit: u64, folder: PathBuf, wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self { spilling: Some(Spilling::new(folder, Arc::new(wake))), ..Self::new(memory_limit) }
    }

    /// Takes a batch into the log. Gives back a block for the engine to fill again: the batch's own, or a fresh one
    /// where the log keeps the batch's.
    ///
    /// # Errors
    /// `ENOMEM`, where the system has no more memory to map; then the batch's last events, or all, are not in the log.
    /// `InvalidInput` for a block of more than [`BLOCK_SIZE`] bytes.
    ///
    /// # Panics
    /// When a span of the batch points out of what is used of its block.
    pub fn append(&mut self, batch: Batch) -> io::Result<Block> {
        if batch.block.size() > BLOCK_SIZE {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a batch's block is larger than a block can be"));
        }
        // Copying costs less than a block of which much lies idle.
        if batch.used < NEARLY_FULL { self.copy(batch) } else { self.adopt(batch) }
    }

    /// Adds a fact that was made on this side, such as a note. It carries no bytes, so `Received` and `Sent` become
    /// empty messages.
    pub fn append_local(&mut self, event: Event) {
        if self.open.is_full() {
            self.seal();
        }
        let (at, socket) = (event.at, event.socket);
        let record = match Taken::of(event.fact) {
            Taken::Message(message) => message.record(at, socket, 0, 0, &mut self.open.facts),
            Taken::Fact(fact) => fact_record(at, socket, &fact, &mut self.open.facts),
        };
        self.open.records.push(record);
    }

    /// The sequence number of the oldest row held; that of the next row where none is.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.sealed.first().map_or(self.open.first, |slot| slot.first)
    }

    /// The sequence number that the next row will get.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.open.first + self.open.records.len() as u64
    }

    /// The row with this sequence number.
    #[must_use]
    pub fn row(&self, seq: u64) -> Option<Row> {
        let end = seq.checked_add(1)?;
        self.rows(seq..end).next()
    }

    /// The rows held with sequence numbers in this range, oldest first. What can't be read from disk is left out, and
    /// [`trouble`](Self::trouble) says so.
    pub fn rows(&self, range: Range<u64>) -> impl Iterator<Item = Row> + '_ {
        self.stretches(range).flat_map(|stretch| {
            let records = self.records(&stretch);
            (0..records.len()).map(move |index| records[index].row(stretch.first + index as u64, stretch.number))
        })
    }

    /// Shows each row held with a sequence number in this range, oldest first, for as long as `show` goes on: several
    /// times as fast as [`rows`](Self::rows).
    pub fn for_each_row(&self, range: Range<u64>, mut show: impl FnMut(Row) -> ControlFlow<()>) -> ControlFlow<()> {
        self.stretches(range).try_for_each(|stretch| {
            stretch.pieces(RECORDS_AT_ONCE).try_for_each(|piece| {
                let records = self.records(&piece);
                (piece.first..).zip(&*records).try_for_each(|(seq, record)| show(record.row(seq, piece.number)))
            })
        })
    }

    /// As [`for_each_row`](Self::for_each_row), the newest first.
    pub fn for_each_row_back(
        &self,
        range: Range<u64>,
        mut show: impl FnMut(Row) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.stretches(range).rev().try_for_each(|stretch| {
            stretch.pieces(RECORDS_AT_ONCE).rev().try_for_each(|piece| {
                let records = self.records(&piece);
                let mut rows = records.iter().enumerate().rev();
                rows.try_for_each(|(index, record)| show(record.row(piece.first + index as u64, piece.number)))
            })
        })
    }

    /// Shows the rows held with sequence numbers in this range, oldest first, a segment at a time with all of their
    /// bytes, for as long as `show` goes on.
    pub(super) fn for_each_part(
        &self,
        range: Range<u64>,
        mut show: impl FnMut(&Part<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.stretches(range).try_for_each(|stretch| {
            let records = self.records(&stretch);
            let rows = (stretch.first..).zip(&*records).map(|(seq, record)| record.row(seq, stretch.number)).collect();
            self.reader.with_part(&self.whereabouts(stretch.number), rows, &mut show)
        })
    }

    /// The message's bytes; none for rows that carry no message.
    #[must_use]
    pub fn bytes(&self, row: &Row) -> Content<'_> {
        if row.kind.is_message() { self.content(row) } else { Content::NONE }
    }

    /// The peer that the message itself names, as datagrams do; a connection's peer is the [`super::Roster`]'s to tell.
    #[must_use]
    pub fn peer(&self, row: &Row) -> Option<Address> {
        let number = row.place.segment as usize;
        if !row.names_peer() || number < self.evicted { None } else { self.reader.peer(self.whereabouts(number), row) }
    }

    /// What a row without a message tells. An order to send that failed comes back as [`Fact::Failed`].
    #[must_use]
    pub fn fact(&self, row: &Row) -> Option<Fact> {
        if row.kind.is_message() { None } else { serde_json::from_slice(&self.content(row)).ok() }
    }

    /// A copy of these rows to be read elsewhere, such as on another thread; it may hold others beside them. It shares
    /// the sealed segments, wherever they are, and keeps what it shares for as long as it lives.
    #[must_use]
    pub fn snapshot(&self, range: Range<u64>) -> Self {
        let mut copy = Self::new(u64::MAX);
        copy.open.first = range.start.max(self.first());
        for stretch in self.stretches(range) {
            if copy.sealed.is_empty() {
                copy.evicted = stretch.number;
            }
            let slot = match self.sealed.get(stretch.number - self.evicted) {
                Some(slot) => Arc::clone(slot),
                None => Arc::new(Slot::new(stretch.first, self.open.copy(stretch.rows))),
            };
            copy.open.first = slot.end();
            copy.sealed.push(slot);
        }
        copy
    }

    /// How many bytes a [snapshot](Self::snapshot) holds alone, of which its log has others.
    #[must_use]
    pub fn own_bytes(&self) -> usize {
        self.sealed.iter().filter(|slot| Arc::strong_count(slot) == 1).map(|slot| slot.bytes).sum()
    }

    /// Takes in what has been written to disk, and has written, or forgets, what the log holds in memory beyond its
    /// limit. Gives the number of rows that are forgotten since the last time.
    pub fn settle(&mut self) -> u64 {
        let first = self.first();
        for report in self.spilling.as_mut().map(Spilling::take_waiting).unwrap_or_default() {
            self.take_report(report);
        }
        while let Some(report) = self.spilling.as_mut().and_then(Spilling::report) {
            self.take_report(report);
        }
        loop {
            let in_flight = self.spilling.as_ref().map_or(0, Spilling::in_flight);
            if self.resident_bytes().saturating_sub(in_flight) as u64 <= self.memory_limit {
                break;
            }
            let sealed = &self.sealed;
            let next = match &mut self.spilling {
                Some(spilling) => spilling.write_next(sealed, self.evicted),
                None => sealed.first().map(|slot| Next::Forget(slot.end())),
            };
            match next {
                Some(Next::Written) => {}
                Some(Next::Forget(end)) => self.evict_before(end),
                None => break,
            }
        }
        self.first() - first
    }

    /// True while the disk can't keep up: what is still taken into the log would stay in memory beyond its limit.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.spilling.as_ref().is_some_and(|spilling| spilling.in_flight() > 0)
            && self.resident_bytes() as u64 > self.memory_limit.saturating_add(SLACK as u64)
    }

    /// What keeps the log from writing to disk, or from reading what is there; none while all is well.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.spilling.as_ref().and_then(Spilling::trouble).or_else(|| self.reader.trouble())
    }

    /// Forgets rows before `seq`, as far as whole segments hold nothing else. Their numbers are not given again.
    pub fn evict_before(&mut self, seq: u64) {
        let gone = self.sealed.partition_point(|slot| slot.end() <= seq);
        for slot in self.sealed.drain(..gone).collect::<Vec<_>>() {
            self.leaves_memory(&slot);
            self.reuse(Arc::into_inner(slot).and_then(Slot::into_segment));
        }
        self.evicted += gone;
    }

    /// What the log holds in memory, in bytes, its own bookkeeping included.
    #[must_use]
    pub fn resident_bytes(&self) -> usize {
        self.sealed_bytes
            + self.sealed.len() * Slot::BYTES
            + self.spare.len() * BLOCK_SIZE
            + self.open.resident_bytes()
            + self.reader.resident_bytes()
    }

    /// What the log may hold in memory, in bytes.
    #[must_use]
    pub const fn memory_limit(&self) -> u64 {
        self.memory_limit
    }

    fn copy(&mut self, batch: Batch) -> io::Result<Block> {
        // A broadcast's sends share their bytes: they are copied once.
        let mut latest = None;
        for event in batch.events {
            if self.open.is_full() {
                self.seal();
                latest = None;
            }
            let (at, socket) = (event.at, event.socket);
            let record = match Taken::of(event.fact) {
                Taken::Message(message) => {
                    let offset = match latest {
                        Some((range, offset)) if range == message.range => offset,
                        _ => {
                            let bytes = &batch.block.bytes()[message.range.clone()];
                            if !self.open.has_room(bytes.len()) {
                                self.seal();
                            }
                            self.open.write(bytes)?
                        }
                    };
                    let size = message.range.len();
                    let record = message.record(at, socket, offset, size, &mut self.open.facts);
                    latest = Some((message.range, offset));
                    record
                }
                Taken::Fact(fact) => fact_record(at, socket, &fact, &mut self.open.facts),
            };
            self.open.records.push(record);
        }
        Ok(batch.block)
    }

    fn adopt(&mut self, batch: Batch) -> io::Result<Block> {
        let fresh = self.spare.pop().map_or_else(Block::new, Ok)?;
        self.seal();
        let mut records = Vec::with_capacity(batch.events.len());
        let mut facts = Facts::default();
        for event in batch.events {
            let (at, socket) = (event.at, event.socket);
            records.push(match Taken::of(event.fact) {
                Taken::Message(message) => {
                    let range = message.range.clone();
                    assert!(range.end <= batch.used, "a span points out of its block");
                    message.record(at, socket, range.start, range.len(), &mut facts)
                }
                Taken::Fact(fact) => fact_record(at, socket, &fact, &mut facts),
            });
        }
        let segment = Segment {
            records: records.into_boxed_slice(),
            facts: facts.json().into(),
            arena: Arena::Block(batch.block, batch.used),
        };
        self.push(segment);
        Ok(fresh)
    }

    /// Ends the open segment, if it holds a row.
    fn seal(&mut self) {
        if !self.open.records.is_empty() {
            let segment = self.open.seal();
            self.push(segment);
        }
    }

    fn push(&mut self, segment: Segment) {
        let slot = Slot::new(self.open.first, segment);
        self.open.first = slot.end();
        self.sealed_bytes += slot.bytes;
        self.sealed.push(Arc::new(slot));
    }

    /// Takes in what became of a segment that was to be written to disk.
    fn take_report(&mut self, report: Report) {
        let why = match &report.result {
            Ok(_) => {
                self.leaves_memory(&report.slot);
                return self.reuse(report.result.ok());
            }
            Err(error) => error.raw_os_error().map(Errno::from_raw),
        };
        if report.slot.end() <= self.first() {
            return;
        }
        // On a full disk the oldest make room for it, or it is the oldest itself. All else may have come and gone; where it
        // has not, the oldest go one by one, for the next try may succeed.
        let mut goes_again = !report.again;
        if report.again || matches!(why, Some(Errno::ENOSPC | Errno::EDQUOT)) {
            let mut freed = 0;
            while freed < report.len
                && let Some((slot, Place::Disk(extent))) = self.sealed.first().map(|slot| (slot, slot.place()))
            {
                // Somebody still reads it, so that to forget it would free nothing.
                if Arc::strong_count(slot) > 1
                    && let Some(spilling) = &mut self.spilling
                {
                    return spilling.wait(report);
                }
                freed += extent.len();
                drop(extent);
                self.evict_before(self.sealed[0].end());
            }
            goes_again = freed > 0;
        }
        let ordered = goes_again && self.spilling.as_mut().is_some_and(|spilling| spilling.write(&report.slot, true));
        if !ordered {
            self.evict_before(report.slot.end());
        }
    }

    /// Counts a segment no longer among those in memory.
    fn leaves_memory(&mut self, slot: &Slot) {
        if slot.is_counted.swap(false, Ordering::Relaxed) {
            self.sealed_bytes -= slot.bytes;
        }
    }

    /// Keeps the block of a segment that left memory, unless somebody still reads it.
    fn reuse(&mut self, segment: Option<Arc<Segment>>) {
        let most = usize_of(self.memory_limit / LIMIT_A_SPARE).min(MAX_SPARE);
        if self.spare.len() < most
            && let Some(block) = segment.and_then(Arc::into_inner).and_then(Segment::into_block)
        {
            self.spare.push(block);
        }
    }

    /// The rows of this range, segment by segment.
    fn stretches(&self, range: Range<u64>) -> impl DoubleEndedIterator<Item = Stretch> + '_ {
        let from = range.start.max(self.first());
        let to = range.end.min(self.next());
        let start = self.sealed.partition_point(|slot| slot.end() <= from);
        let end = self.sealed.partition_point(|slot| slot.first < to) + usize::from(self.open.first < to);
        (start..end)
            .map(move |index| {
                let (first, rows) = match self.sealed.get(index) {
                    Some(slot) => (slot.first, slot.rows),
                    None => (self.open.first, self.open.records.len()),
                };
                let end = usize_of(to - first).min(rows);
                let begin = usize_of(from.saturating_sub(first)).min(end);
                Stretch { number: index + self.evicted, first: first + begin as u64, rows: begin..end }
            })
            .filter(|stretch| !stretch.rows.is_empty())
    }

    fn records(&self, stretch: &Stretch) -> Records<'_> {
        self.reader.records(self.whereabouts(stretch.number), stretch.rows.clone())
    }

    fn content(&self, row: &Row) -> Content<'_> {
        let number = row.place.segment as usize;
        if number < self.evicted {
            return Content::NONE;
        }
        self.reader.content(self.whereabouts(number), row)
    }

    /// Where the segment with this number is, the open one after all sealed ones.
    fn whereabouts(&self, number: usize) -> Whereabouts<'_> {
        match number.checked_sub(self.evicted).and_then(|index| self.sealed.get(index)).map(|slot| slot.place()) {
            Some(Place::Memory(segment)) => Whereabouts::Memory(segment),
            Some(Place::Disk(extent)) => Whereabouts::Disk(number, extent),
            None => Whereabouts::Open(&self.open),
        }
    }
}

impl fmt::Debug for LogStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogStore({}..{})", self.first(), self.next())
    }
}

/// A run of rows within one segment.
#[derive(Clone, Debug)]
struct Stretch {
    /// The segment's, counted from the session's first.
    number: usize,
    /// The sequence number of the first row.
    first: u64,
    /// Which of the segment's rows.
    rows: Range<usize>,
}

impl Stretch {
    /// The same rows, no more than so many at once.
    fn pieces(&self, len: usize) -> impl DoubleEndedIterator<Item = Self> {
        let Self { number, first, rows } = self.clone();
        rows.clone().step_by(len).map(move |start| Self {
            number,
            first: first + (start - rows.start) as u64,
            rows: start..rows.end.min(start + len),
        })
    }
}

/// What an event leaves behind.
enum Taken {
    Message(Message),
    Fact(Fact),
}

struct Message {
    kind: Kind,
    peer: Option<Address>,
    range: Range<usize>,
    truncated: bool,
    by_itself: bool,
}

impl Message {
    /// What it is stored as, in a segment with these facts.
    fn record(&self, at: Timestamp, socket: SocketId, offset: usize, size: usize, facts: &mut Facts) -> Record {
        let peer = self.peer.as_ref().map_or(0, |peer| facts.place(peer));
        let record = Record::new(at, socket, self.kind, self.truncated, peer, offset, size);
        if self.by_itself { record.by_itself() } else { record }
    }
}

impl Taken {
    fn of(fact: Fact) -> Self {
        match fact {
            Fact::Received { peer, bytes, truncated } => {
                Self::Message(Message { kind: Kind::Received, peer, range: bytes.range(), truncated, by_itself: false })
            }
            Fact::Sent { ticket, peer, bytes, .. } => {
                let by_itself = ticket == Ticket::ENGINE;
                Self::Message(Message { kind: Kind::Sent, peer, range: bytes.range(), truncated: false, by_itself })
            }
            Fact::SendFailed { error, .. } => Self::Fact(Fact::Failed(error)),
            other => Self::Fact(other),
        }
    }
}

fn usize_of(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
