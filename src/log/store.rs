//! The store: all rows of the session and their bytes, append-only.
//!
//! Owns the segments. Each holds a contiguous range of sequence numbers: one arena of message bytes, one array of
//! fixed-size records, and the facts that carry no message, as JSON. Nothing is formatted here. It never decides who
//! may see what, and never touches a file.

use std::borrow::Cow;
use std::io;
use std::mem;
use std::ops::Range;

use indexmap::IndexSet;

use super::row::{Kind, Place, Row};
use crate::contract::{Address, BLOCK_SIZE, Batch, Block, Event, Fact, SocketId, Timestamp};

/// A batch with at least this many bytes keeps its block, which becomes a segment as it is. Below, its bytes are
/// copied into the open segment, so that at most a quarter of any arena lies idle.
const ADOPTED_FROM: usize = BLOCK_SIZE / 4 * 3;

/// The most rows of a segment that grows by copying, for the messages that have next to no bytes.
const SEGMENT_ROWS: usize = 1 << 16;

/// Every row of the session.
pub struct LogStore {
    memory_limit: u64,
    sealed: Vec<Segment>,
    sealed_bytes: usize,
    open: OpenSegment,
    peers: IndexSet<Address>,
    latest_peer: u32,
}

impl LogStore {
    /// An empty store that may hold `memory_limit` bytes in memory.
    #[must_use]
    pub fn new(memory_limit: u64) -> Self {
        Self {
            memory_limit,
            sealed: Vec::new(),
            sealed_bytes: 0,
            open: OpenSegment::new(),
            peers: IndexSet::new(),
            latest_peer: 0,
        }
    }

    /// Takes a batch into the log. Gives back a block for the engine to fill again: the batch's own, or a fresh one
    /// where the log keeps the batch's.
    ///
    /// # Errors
    /// `ENOMEM`, where the system has no more memory to map; then the batch's last events, or all, are not in the log.
    /// `InvalidInput` for a block of more than [`BLOCK_SIZE`] bytes.
    ///
    /// # Panics
    /// When a span of the batch points out of its block.
    pub fn append(&mut self, batch: Batch) -> io::Result<Block> {
        if batch.block.size() > BLOCK_SIZE {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a batch's block is larger than a block can be"));
        }
        if batch.used < ADOPTED_FROM { self.copy(batch) } else { self.adopt(batch) }
    }

    /// Adds a fact that was made on this side, such as a note. It carries no bytes, so `Received` and `Sent` become
    /// empty messages.
    pub fn append_local(&mut self, event: Event) {
        if self.open.records.len() >= SEGMENT_ROWS {
            self.seal();
        }
        let (at, socket) = (event.at, event.socket);
        let record = match Content::of(event.fact) {
            Content::Message(message) => self.message_record(at, socket, &message, 0, 0),
            Content::Fact(fact) => fact_record(at, socket, &fact, &mut self.open.facts),
        };
        self.open.records.push(record);
    }

    /// The sequence number of the oldest row held; that of the next row where none is.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.sealed.first().map_or(self.open.first, |segment| segment.first)
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

    /// The rows held with sequence numbers in this range, oldest first.
    pub fn rows(&self, range: Range<u64>) -> impl Iterator<Item = Row> + '_ {
        let from = range.start.max(self.first());
        let to = range.end.min(self.next());
        let start = self.sealed.partition_point(|segment| segment.end() <= from);
        (start..=self.sealed.len())
            .map(|number| (number, self.part(number)))
            .take_while(move |(_, part)| part.first < to)
            .flat_map(move |(number, part)| {
                let end = index(to.saturating_sub(part.first)).min(part.records.len());
                let begin = index(from.saturating_sub(part.first)).min(end);
                let seqs = part.first + begin as u64..;
                seqs.zip(&part.records[begin..end]).map(move |(seq, record)| record.row(seq, number))
            })
    }

    /// The message's bytes; none for rows that carry no message.
    #[must_use]
    pub fn bytes(&self, row: &Row) -> Cow<'_, [u8]> {
        if row.kind.is_message() { Cow::Borrowed(self.content(row)) } else { Cow::Borrowed(&[]) }
    }

    /// The peer that the message itself names, as datagrams do; a connection's peer is the [`super::Roster`]'s to tell.
    #[must_use]
    pub fn peer(&self, row: &Row) -> Option<&Address> {
        self.peers.get_index((row.place.peer as usize).checked_sub(1)?)
    }

    /// What a row without a message tells. An order to send that failed comes back as [`Fact::Failed`].
    #[must_use]
    pub fn fact(&self, row: &Row) -> Option<Fact> {
        if row.kind.is_message() { None } else { serde_json::from_slice(self.content(row)).ok() }
    }

    /// What the log holds in memory, in bytes, its own bookkeeping included.
    #[must_use]
    pub fn resident_bytes(&self) -> usize {
        let a_peer = mem::size_of::<Address>() + 2 * mem::size_of::<usize>();
        self.sealed_bytes + self.open.resident_bytes() + self.peers.capacity() * a_peer
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
            if self.open.records.len() >= SEGMENT_ROWS {
                self.seal();
                latest = None;
            }
            let (at, socket) = (event.at, event.socket);
            let record = match Content::of(event.fact) {
                Content::Message(message) => {
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
                    let record = self.message_record(at, socket, &message, offset, size);
                    latest = Some((message.range, offset));
                    record
                }
                Content::Fact(fact) => fact_record(at, socket, &fact, &mut self.open.facts),
            };
            self.open.records.push(record);
        }
        Ok(batch.block)
    }

    fn adopt(&mut self, batch: Batch) -> io::Result<Block> {
        let fresh = Block::new()?;
        self.seal();
        let mut records = Vec::with_capacity(batch.events.len());
        let mut facts = Vec::new();
        for event in batch.events {
            let (at, socket) = (event.at, event.socket);
            records.push(match Content::of(event.fact) {
                Content::Message(message) => {
                    let range = message.range.clone();
                    assert!(range.end <= batch.block.size(), "a span points out of its block");
                    self.message_record(at, socket, &message, range.start, range.len())
                }
                Content::Fact(fact) => fact_record(at, socket, &fact, &mut facts),
            });
        }
        let segment = Segment {
            first: self.open.first,
            records: records.into_boxed_slice(),
            facts: facts.into_boxed_slice(),
            arena: Some(batch.block),
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
        self.open.first = segment.end();
        self.sealed_bytes += segment.resident_bytes();
        self.sealed.push(segment);
    }

    fn message_record(
        &mut self,
        at: Timestamp,
        socket: SocketId,
        message: &Message,
        offset: usize,
        size: usize,
    ) -> Record {
        let peer = message.peer.as_ref().map_or(0, |peer| self.intern(peer));
        Record::new(at, socket, message.kind, message.truncated, peer, offset, size)
    }

    fn intern(&mut self, peer: &Address) -> u32 {
        // Datagrams come in runs from the same peer: the comparison is cheaper than the hash.
        if (self.latest_peer as usize).checked_sub(1).and_then(|at| self.peers.get_index(at)) != Some(peer) {
            let at = match self.peers.get_index_of(peer) {
                Some(at) => at,
                None => self.peers.insert_full(peer.clone()).0,
            };
            self.latest_peer = saturated(at + 1);
        }
        self.latest_peer
    }

    fn content(&self, row: &Row) -> &[u8] {
        let part = self.part(row.place.segment as usize);
        let all = if row.kind.is_message() { part.arena } else { part.facts };
        let start = row.place.offset as usize;
        all.get(start..start + row.place.size as usize).unwrap_or_default()
    }

    /// The segment with this number, the open one after all sealed ones.
    fn part(&self, number: usize) -> Part<'_> {
        match self.sealed.get(number) {
            Some(segment) => Part {
                first: segment.first,
                records: &segment.records,
                facts: &segment.facts,
                arena: segment.arena.as_ref().map_or(&[], Block::bytes),
            },
            None => Part {
                first: self.open.first,
                records: &self.open.records,
                facts: &self.open.facts,
                arena: self.open.arena.as_ref().map_or(&[], Block::bytes),
            },
        }
    }
}

/// What an event leaves behind.
enum Content {
    Message(Message),
    Fact(Fact),
}

struct Message {
    kind: Kind,
    peer: Option<Address>,
    range: Range<usize>,
    truncated: bool,
}

impl Content {
    fn of(fact: Fact) -> Self {
        match fact {
            Fact::Received { peer, bytes, truncated } => {
                Self::Message(Message { kind: Kind::Received, peer, range: bytes.range(), truncated })
            }
            Fact::Sent { peer, bytes, .. } => {
                Self::Message(Message { kind: Kind::Sent, peer, range: bytes.range(), truncated: false })
            }
            Fact::SendFailed { error, .. } => Self::Fact(Fact::Failed(error)),
            other => Self::Fact(other),
        }
    }
}

/// A row as it is stored: 24 bytes.
#[derive(Clone, Copy)]
struct Record {
    at: Timestamp,
    socket: SocketId,
    peer: u32,
    offset: u32,
    /// From the lowest bit: the size, the kind, whether it is truncated.
    packed: u32,
}

const SIZE_BITS: u32 = 22;
const SIZE_MASK: u32 = (1 << SIZE_BITS) - 1;
const KIND_BITS: u32 = 4;
const KIND_MASK: u32 = (1 << KIND_BITS) - 1;
const TRUNCATED: u32 = 1 << (SIZE_BITS + KIND_BITS);

const _: () = assert!(BLOCK_SIZE <= SIZE_MASK as usize && mem::size_of::<Record>() == 24);

impl Record {
    fn new(
        at: Timestamp,
        socket: SocketId,
        kind: Kind,
        truncated: bool,
        peer: u32,
        offset: usize,
        size: usize,
    ) -> Self {
        let mut packed = saturated(size).min(SIZE_MASK) | u32::from(kind.code()) << SIZE_BITS;
        if truncated {
            packed |= TRUNCATED;
        }
        Self { at, socket, peer, offset: saturated(offset), packed }
    }

    fn row(&self, seq: u64, segment: usize) -> Row {
        let kind = Kind::ALL[(self.packed >> SIZE_BITS & KIND_MASK) as usize];
        let size = self.packed & SIZE_MASK;
        Row {
            seq,
            at: self.at,
            socket: self.socket,
            kind,
            len: if kind.is_message() { size } else { 0 },
            truncated: self.packed & TRUNCATED != 0,
            place: Place { segment: saturated(segment), offset: self.offset, size, peer: self.peer },
        }
    }
}

fn fact_record(at: Timestamp, socket: SocketId, fact: &Fact, facts: &mut Vec<u8>) -> Record {
    let start = facts.len();
    // Memory takes every byte, and a fact has nothing that JSON has not: this can't fail. If it did, the row would
    // stay and tell nothing.
    if serde_json::to_writer(&mut *facts, fact).is_err() {
        facts.truncate(start);
    }
    Record::new(at, socket, Kind::of(fact), false, 0, start, facts.len() - start)
}

/// A segment that changes no more.
struct Segment {
    first: u64,
    records: Box<[Record]>,
    facts: Box<[u8]>,
    arena: Option<Block>,
}

impl Segment {
    fn end(&self) -> u64 {
        self.first + self.records.len() as u64
    }

    fn resident_bytes(&self) -> usize {
        let arena = self.arena.as_ref().map_or(0, Block::size);
        mem::size_of::<Self>() + mem::size_of_val(&*self.records) + self.facts.len() + arena
    }
}

/// The segment that grows. Its vectors serve one segment after the other: what is sealed is an exact copy, so that no
/// sealed row pays for the room that a growing vector needs.
struct OpenSegment {
    first: u64,
    records: Vec<Record>,
    facts: Vec<u8>,
    arena: Option<Block>,
    used: usize,
}

impl OpenSegment {
    const fn new() -> Self {
        Self { first: 1, records: Vec::new(), facts: Vec::new(), arena: None, used: 0 }
    }

    fn has_room(&self, len: usize) -> bool {
        self.used + len <= BLOCK_SIZE
    }

    /// Copies a message's bytes in; there must be room. Gives their offset.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let arena = match &mut self.arena {
            Some(arena) => arena,
            none => none.insert(Block::new()?),
        };
        let start = self.used;
        self.used += bytes.len();
        arena.bytes_mut()[start..self.used].copy_from_slice(bytes);
        Ok(start)
    }

    /// Takes the rows out, as a segment of their own. The caller sets the next `first`.
    fn seal(&mut self) -> Segment {
        let segment = Segment {
            first: self.first,
            records: self.records.as_slice().into(),
            facts: self.facts.as_slice().into(),
            arena: self.seal_arena(),
        };
        self.records.clear();
        self.facts.clear();
        self.used = 0;
        segment
    }

    /// An arena that is nearly full goes as it is. Of any other the bytes go, and the arena stays for the next rows.
    fn seal_arena(&mut self) -> Option<Block> {
        if self.used == 0 {
            return None;
        }
        if self.used < ADOPTED_FROM
            && let Some(arena) = &self.arena
            && let Ok(mut exact) = Block::with_size(self.used)
        {
            exact.bytes_mut().copy_from_slice(&arena.bytes()[..self.used]);
            return Some(exact);
        }
        self.arena.take()
    }

    fn resident_bytes(&self) -> usize {
        let arena = self.arena.as_ref().map_or(0, Block::size);
        self.records.capacity() * mem::size_of::<Record>() + self.facts.capacity() + arena
    }
}

/// What sealed and open segments have in common.
struct Part<'a> {
    first: u64,
    records: &'a [Record],
    facts: &'a [u8],
    arena: &'a [u8],
}

fn saturated(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
