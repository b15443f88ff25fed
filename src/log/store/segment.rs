//! The segments of the store, and the records that rows are stored as.
//!
//! Owns how rows lie in memory: 24 bytes each, beside the bytes of their messages. It never knows of the log as a
//! whole.

use std::io;
use std::mem;

use super::super::row::{Kind, Place, Row};
use crate::contract::{BLOCK_SIZE, Block, Fact, SocketId, Timestamp};

/// An arena with at least this many bytes in use is kept as it is; so at most a quarter of any arena lies idle.
pub(super) const NEARLY_FULL: usize = BLOCK_SIZE / 4 * 3;

/// A row as it is stored: 24 bytes.
#[derive(Clone, Copy)]
pub(super) struct Record {
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
    pub(super) fn new(
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

    pub(super) fn row(&self, seq: u64, segment: usize) -> Row {
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

pub(super) fn fact_record(at: Timestamp, socket: SocketId, fact: &Fact, facts: &mut Vec<u8>) -> Record {
    let start = facts.len();
    // Memory takes every byte, and a fact has nothing that JSON has not: this can't fail. If it did, the row would
    // stay and tell nothing.
    if serde_json::to_writer(&mut *facts, fact).is_err() {
        facts.truncate(start);
    }
    Record::new(at, socket, Kind::of(fact), false, 0, start, facts.len() - start)
}

/// A segment that changes no more.
pub(super) struct Segment {
    pub(super) first: u64,
    pub(super) records: Box<[Record]>,
    pub(super) facts: Box<[u8]>,
    pub(super) arena: Option<Block>,
}

impl Segment {
    pub(super) fn end(&self) -> u64 {
        self.first + self.records.len() as u64
    }

    pub(super) fn resident_bytes(&self) -> usize {
        let arena = self.arena.as_ref().map_or(0, Block::size);
        mem::size_of::<Self>() + mem::size_of_val(&*self.records) + self.facts.len() + arena
    }
}

/// The segment that grows. Its vectors serve one segment after the other: what is sealed is an exact copy, so that no
/// sealed row pays for the room that a growing vector needs.
pub(super) struct OpenSegment {
    pub(super) first: u64,
    pub(super) records: Vec<Record>,
    pub(super) facts: Vec<u8>,
    pub(super) arena: Option<Block>,
    pub(super) used: usize,
}

impl OpenSegment {
    pub(super) const fn new() -> Self {
        Self { first: 1, records: Vec::new(), facts: Vec::new(), arena: None, used: 0 }
    }

    pub(super) fn has_room(&self, len: usize) -> bool {
        self.used + len <= BLOCK_SIZE
    }

    /// Copies a message's bytes in; there must be room. Gives their offset.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
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
    pub(super) fn seal(&mut self) -> Segment {
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
        if self.used < NEARLY_FULL
            && let Some(arena) = &self.arena
            && let Ok(mut exact) = Block::with_size(self.used)
        {
            exact.bytes_mut().copy_from_slice(&arena.bytes()[..self.used]);
            return Some(exact);
        }
        self.arena.take()
    }

    pub(super) fn resident_bytes(&self) -> usize {
        let arena = self.arena.as_ref().map_or(0, Block::size);
        self.records.capacity() * mem::size_of::<Record>() + self.facts.capacity() + arena
    }
}

/// What sealed and open segments have in common.
pub(super) struct Part<'a> {
    pub(super) first: u64,
    pub(super) records: &'a [Record],
    pub(super) facts: &'a [u8],
    pub(super) arena: &'a [u8],
}

pub(super) fn saturated(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
