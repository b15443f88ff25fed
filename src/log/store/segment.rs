//! The segments of the store, and the records that rows are stored as.
//!
//! Owns how rows lie in memory: 24 bytes each, beside the bytes of their messages. It never knows of the log as a
//! whole.

use std::collections::HashMap;
use std::io;
use std::mem;
use std::ops::Range;

use serde::Serialize;

use super::super::row::{Kind, Place, Row};
use crate::contract::{Address, BLOCK_SIZE, Block, Fact, SocketId, Timestamp};

/// The most rows of a segment that grows by copying, for the messages that have next to no bytes.
pub(super) const MOST_ROWS: usize = 1 << 16;

/// With so many bytes of facts it gets no further row.
const MANY_FACTS: usize = 2 * BLOCK_SIZE;

/// An arena with at least this many bytes in use is kept as it is; so at most a quarter of any arena lies idle.
pub(super) const NEARLY_FULL: usize = BLOCK_SIZE / 4 * 3;

/// A row as it is stored: 24 bytes.
#[derive(Clone, Copy)]
pub(super) struct Record {
    at: Timestamp,
    socket: SocketId,
    peer: u32,
    offset: u32,
    /// From the lowest bit: the size, the kind, whether it is truncated, whether the engine sent it by itself.
    packed: u32,
}

const SIZE_BITS: u32 = 22;
const SIZE_MASK: u32 = (1 << SIZE_BITS) - 1;
const KIND_BITS: u32 = 4;
const KIND_MASK: u32 = (1 << KIND_BITS) - 1;
const TRUNCATED: u32 = 1 << (SIZE_BITS + KIND_BITS);
const BY_ITSELF: u32 = TRUNCATED << 1;

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

    /// The same of a message that the engine sent by itself.
    pub(super) const fn by_itself(mut self) -> Self {
        self.packed |= BY_ITSELF;
        self
    }

    fn kind(&self) -> Kind {
        Kind::ALL[(self.packed >> SIZE_BITS & KIND_MASK) as usize]
    }

    fn is_message(&self) -> bool {
        self.kind().is_message()
    }

    fn size(&self) -> usize {
        (self.packed & SIZE_MASK) as usize
    }

    pub(super) fn row(&self, seq: u64, segment: usize) -> Row {
        let (kind, size) = (self.kind(), self.packed & SIZE_MASK);
        Row {
            seq,
            at: self.at,
            socket: self.socket,
            kind,
            len: if kind.is_message() { size } else { 0 },
            truncated: self.packed & TRUNCATED != 0,
            by_itself: self.packed & BY_ITSELF != 0,
            place: Place { segment: saturated(segment), offset: self.offset, size, peer: self.peer },
        }
    }
}

/// The size of a record on disk.
pub(super) const RECORD_BYTES: usize = mem::size_of::<Record>();

impl Record {
    /// As it lies on disk: the fields in their order, each in little-endian order.
    pub(super) fn to_bytes(self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        bytes[..8].copy_from_slice(&self.at.0.to_le_bytes());
        for (place, word) in
            bytes[8..].chunks_exact_mut(4).zip([self.socket.get(), self.peer, self.offset, self.packed])
        {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// The record that these bytes are; none where they are no record.
    pub(super) fn from_bytes(bytes: &[u8; RECORD_BYTES]) -> Option<Self> {
        let (at, words) = bytes.split_first_chunk::<8>()?;
        let mut words = words.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word));
        let record = Self {
            at: Timestamp(u64::from_le_bytes(*at)),
            socket: SocketId::new(words.next()?)?,
            peer: words.next()?,
            offset: words.next()?,
            packed: words.next()?,
        };
        ((record.packed >> SIZE_BITS & KIND_MASK) < saturated(Kind::ALL.len())).then_some(record)
    }
}

pub(super) fn fact_record(at: Timestamp, socket: SocketId, fact: &Fact, facts: &mut Facts) -> Record {
    let (start, len) = facts.write(fact);
    Record::new(at, socket, Kind::of(fact), false, 0, start, len)
}

/// What the rows of one segment tell beside the bytes of messages, as JSON: facts, and once each the peers that messages
/// name.
#[derive(Default)]
pub(super) struct Facts {
    json: Vec<u8>,
    places: HashMap<Address, u32>,
    latest: Option<(Address, u32)>,
}

impl Facts {
    /// How many peers are remembered without asking for memory.
    const FEW: usize = 1024;

    pub(super) fn json(&self) -> &[u8] {
        &self.json
    }

    /// Writes a fact, or a peer, and gives its offset and its length.
    fn write(&mut self, told: &impl Serialize) -> (usize, usize) {
        let start = self.json.len();
        // Memory takes every byte, and neither has anything that JSON has not: this can't fail. If it did, the row would
        // stay and tell nothing.
        if serde_json::to_writer(&mut self.json, told).is_err() {
            self.json.truncate(start);
        }
        (start, self.json.len() - start)
    }

    /// Where a peer is, as [`peer_in`] reads it.
    pub(super) fn place(&mut self, peer: &Address) -> u32 {
        // Datagrams come in runs from the same peer: the comparison is cheaper than the hash.
        if let Some((latest, place)) = &self.latest
            && latest == peer
        {
            return *place;
        }
        let known = self.places.get(peer).copied();
        let place = known.unwrap_or_else(|| {
            let (start, _) = self.write(peer);
            self.places.insert(peer.clone(), saturated(start + 1));
            saturated(start + 1)
        });
        self.latest = Some((peer.clone(), place));
        place
    }

    fn clear(&mut self) {
        self.json.clear();
        self.places.clear();
        self.places.shrink_to(Self::FEW);
        self.latest = None;
    }

    fn resident_bytes(&self) -> usize {
        self.json.capacity() + self.places.capacity() * (mem::size_of::<(Address, u32)>() + 1)
    }
}

/// The peer at this place of a segment's facts, which is that of a row's [`Place`].
pub(super) fn peer_in(facts: &[u8], place: u32) -> Option<Address> {
    let start = (place as usize).checked_sub(1)?;
    let mut read = serde_json::Deserializer::from_slice(facts.get(start..)?).into_iter();
    read.next()?.ok()
}

/// A segment that changes no more.
pub(super) struct Segment {
    pub(super) records: Box<[Record]>,
    pub(super) facts: Box<[u8]>,
    pub(super) arena: Arena,
}

/// The bytes of a sealed segment's messages.
pub(super) enum Arena {
    /// A block of which so many bytes, from its start, are in use.
    Block(Block, usize),
    /// No more than what is in use.
    Exact(Box<[u8]>),
}

impl Segment {
    pub(super) fn arena(&self) -> &[u8] {
        match &self.arena {
            Arena::Block(block, used) => &block.bytes()[..*used],
            Arena::Exact(bytes) => bytes,
        }
    }

    /// The block, to be filled again.
    pub(super) fn into_block(self) -> Option<Block> {
        match self.arena {
            Arena::Block(block, _) => Some(block).filter(|block| block.size() == BLOCK_SIZE),
            Arena::Exact(_) => None,
        }
    }

    pub(super) fn resident_bytes(&self) -> usize {
        let arena = match &self.arena {
            Arena::Block(block, _) => block.size(),
            Arena::Exact(bytes) => bytes.len(),
        };
        mem::size_of::<Self>() + mem::size_of_val(&*self.records) + self.facts.len() + arena
    }
}

/// The segment that grows. Its vectors serve one segment after the other: what is sealed is an exact copy, so that no
/// sealed row pays for the room that a growing vector needs.
pub(super) struct OpenSegment {
    pub(super) first: u64,
    pub(super) records: Vec<Record>,
    pub(super) facts: Facts,
    pub(super) arena: Option<Block>,
    pub(super) used: usize,
}

impl OpenSegment {
    pub(super) fn new() -> Self {
        Self { first: 1, records: Vec::new(), facts: Facts::default(), arena: None, used: 0 }
    }

    /// Whether the next row belongs into another segment, however short it is.
    pub(super) fn is_full(&self) -> bool {
        self.records.len() >= MOST_ROWS || self.facts.json.len() >= MANY_FACTS
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
            records: self.records.as_slice().into(),
            facts: self.facts.json().into(),
            arena: self.seal_arena(),
        };
        self.records.clear();
        self.facts.clear();
        self.used = 0;
        segment
    }

    /// An arena that is nearly full goes as it is. Of any other the bytes go, and the arena stays for the next rows.
    fn seal_arena(&mut self) -> Arena {
        match self.arena.take_if(|_| self.used >= NEARLY_FULL) {
            Some(arena) => Arena::Block(arena, self.used),
            None => Arena::Exact(self.arena().into()),
        }
    }

    /// What is in use of the arena.
    pub(super) fn arena(&self) -> &[u8] {
        self.arena.as_ref().map_or(&[], |arena| &arena.bytes()[..self.used])
    }

    /// Some of the rows, with what they hold and nothing more.
    pub(super) fn copy(&self, rows: Range<usize>) -> Segment {
        let mut records = self.records[rows].to_vec();
        let span = |is_message: bool| {
            let of_kind = records.iter().filter(|record| record.is_message() == is_message && record.size() > 0);
            let start = of_kind.clone().map(|record| record.offset as usize).min().unwrap_or(0);
            start..of_kind.map(|record| record.offset as usize + record.size()).max().unwrap_or(0)
        };
        // A peer may have been written long before the rows that name it.
        let names_peers = records.iter().any(|record| record.peer > 0);
        let (arena, facts) = (span(true), if names_peers { 0..self.facts.json.len() } else { span(false) });
        for record in &mut records {
            let start = if record.is_message() { arena.start } else { facts.start };
            record.offset = record.offset.saturating_sub(saturated(start));
        }
        Segment {
            records: records.into_boxed_slice(),
            facts: self.facts.json[facts].into(),
            arena: Arena::Exact(self.arena()[arena].into()),
        }
    }

    pub(super) fn resident_bytes(&self) -> usize {
        let arena = self.arena.as_ref().map_or(0, Block::size);
        self.records.capacity() * mem::size_of::<Record>() + self.facts.resident_bytes() + arena
    }
}

pub(super) fn saturated(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
