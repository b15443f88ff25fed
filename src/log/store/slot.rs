//! Where a sealed segment is: in memory, or on disk.
//!
//! A slot is shared by the store, by snapshots of it, and by the thread that writes it to disk; whoever reads finds the
//! segment where it is at that moment.

use std::io;
use std::mem;
use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::fcntl::{FallocateFlags, fallocate};

use super::segment::{RECORD_BYTES, Record, Segment};
use crate::os::{self, File};

/// The size of a block of most file systems.
const FILE_BLOCK: u64 = 4096;

/// One sealed segment.
pub(super) struct Slot {
    /// The sequence number of its first row.
    pub(super) first: u64,
    /// How many rows it has.
    pub(super) rows: usize,
    /// What it takes in memory, while it is there.
    pub(super) bytes: usize,
    /// Whether its store counts it among those in memory.
    pub(super) is_counted: AtomicBool,
    place: Mutex<Place>,
}

pub(super) enum Place {
    Memory(Arc<Segment>),
    Disk(Arc<Extent>),
}

impl Slot {
    /// What a slot costs beside the segment itself: one pointer of the store, and two counters.
    pub(super) const BYTES: usize = mem::size_of::<Self>() + 3 * mem::size_of::<usize>();

    pub(super) fn new(first: u64, segment: Segment) -> Self {
        Self {
            first,
            rows: segment.records.len(),
            bytes: segment.resident_bytes(),
            is_counted: AtomicBool::new(true),
            place: Mutex::new(Place::Memory(Arc::new(segment))),
        }
    }

    pub(super) fn end(&self) -> u64 {
        self.first + self.rows as u64
    }

    /// Where the segment is now.
    pub(super) fn place(&self) -> Place {
        match &*self.lock() {
            Place::Memory(segment) => Place::Memory(Arc::clone(segment)),
            Place::Disk(extent) => Place::Disk(Arc::clone(extent)),
        }
    }

    /// The segment, while it is in memory.
    pub(super) fn segment(&self) -> Option<Arc<Segment>> {
        match &*self.lock() {
            Place::Memory(segment) => Some(Arc::clone(segment)),
            Place::Disk(_) => None,
        }
    }

    /// The segment, if it is in memory.
    pub(super) fn into_segment(self) -> Option<Arc<Segment>> {
        match self.place.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Place::Memory(segment) => Some(segment),
            Place::Disk(_) => None,
        }
    }

    /// From now on the segment is read from disk.
    pub(super) fn move_to(&self, extent: Extent) {
        *self.lock() = Place::Disk(Arc::new(extent));
    }

    fn lock(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A segment's part of the file: its records, then its facts, then its arena. The space is given back to the file
/// system when nobody needs it any more.
pub(super) struct Extent {
    file: Arc<File>,
    offset: u64,
    records: usize,
    facts: usize,
    arena: usize,
}

impl Extent {
    /// Writes a segment to this place of the file.
    ///
    /// # Errors
    /// Those of write(2); then the segment is not on disk.
    pub(super) fn write(file: &Arc<File>, offset: u64, segment: &Segment) -> io::Result<Self> {
        let mut head = Vec::with_capacity(segment.records.len() * RECORD_BYTES + segment.facts.len());
        head.extend(segment.records.iter().flat_map(|record| record.to_bytes()));
        head.extend_from_slice(&segment.facts);
        file.write_all_at(&head, offset)?;
        file.write_all_at(segment.arena(), offset + head.len() as u64)?;
        Ok(Self {
            file: Arc::clone(file),
            offset,
            records: segment.records.len(),
            facts: segment.facts.len(),
            arena: segment.arena().len(),
        })
    }

    /// How many bytes of a file a segment takes.
    pub(super) fn len_of(segment: &Segment) -> u64 {
        (segment.records.len() * RECORD_BYTES + segment.facts.len() + segment.arena().len()) as u64
    }

    /// How many bytes of the file it takes.
    pub(super) fn len(&self) -> u64 {
        (self.records * RECORD_BYTES + self.content_len()) as u64
    }

    /// How many bytes of the file are its own: only whole blocks of the file system can be given back.
    pub(super) fn room(&self) -> u64 {
        self.len().next_multiple_of(FILE_BLOCK)
    }

    /// The length of its facts and its arena.
    pub(super) fn content_len(&self) -> usize {
        self.facts + self.arena
    }

    /// Where in the content the arena begins: behind the facts.
    pub(super) fn arena_start(&self) -> usize {
        self.facts
    }

    /// Reads these records, counted from the segment's first.
    pub(super) fn read_records(&self, range: Range<usize>) -> io::Result<Vec<Record>> {
        let mut bytes = vec![0; range.len() * RECORD_BYTES];
        self.file.read_exact_at(&mut bytes, self.offset + (range.start * RECORD_BYTES) as u64)?;
        let records: Option<_> = bytes.as_chunks().0.iter().map(Record::from_bytes).collect();
        records.ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Fills the buffer with the content from this offset on.
    pub(super) fn read_content(&self, start: usize, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, self.offset + (self.records * RECORD_BYTES + start) as u64)
    }
}

impl Drop for Extent {
    fn drop(&mut self) {
        // A file system that can't make holes keeps the space until the program ends: nothing else is lost.
        if let (Ok(offset), Ok(len)) = (i64::try_from(self.offset), i64::try_from(self.room())) {
            let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
            let _ = os::call("fallocate", || Ok(fallocate(&*self.file, flags, offset, len)?));
        }
    }
}
