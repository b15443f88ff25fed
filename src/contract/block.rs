//! The blocks that carry bytes from the engine to the log, and the batches that they travel in.
//!
//! What makes a receiver slow is touching fresh memory, not copying or channels. So the engine reads straight into a
//! few large blocks that go round: engine -> batch -> log -> engine. The number of blocks is the letterbox's byte
//! budget: a reader that finds no block waits, and its peer feels it.

use std::fmt;
use std::ops::Range;

use memmap2::{Advice, MmapMut};

use super::{Event, Report};
use crate::os;

/// The size of a [`Block`] in bytes: one huge page of `x86_64`, and thirty-two reads of 64 KiB.
pub const BLOCK_SIZE: usize = 2 * 1024 * 1024;

/// Memory for bytes, owned by one side at a time.
///
/// Anonymous and private, in huge pages where the system grants them; resident only where it has been written to.
pub struct Block(MmapMut);

impl Block {
    /// A fresh block of [`BLOCK_SIZE`] zero bytes.
    ///
    /// # Errors
    /// `ENOMEM`, where the system has no more memory to map.
    pub fn new() -> std::io::Result<Self> {
        Self::with_size(BLOCK_SIZE)
    }

    /// A fresh block of `size` zero bytes, for a batch whose bytes are known to be fewer than [`BLOCK_SIZE`].
    ///
    /// # Errors
    /// `ENOMEM`, where the system has no more memory to map, and `EINVAL` for a size of zero.
    pub fn with_size(size: usize) -> std::io::Result<Self> {
        let map = os::call("mmap", || MmapMut::map_anon(size))?;
        if size >= BLOCK_SIZE {
            // Refused by kernels built without huge pages: then the pages are small, and all else holds.
            let _ = map.advise(Advice::HugePage);
        }
        Ok(Self(map))
    }

    /// All of the block.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// All of the block, to write in.
    #[must_use]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// The size in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Block({} B)", self.size())
    }
}

/// Where in its batch's block the bytes of one message are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first byte's offset.
    pub start: u32,
    /// The number of bytes.
    pub len: u32,
}

impl Span {
    /// The same as a range of indices.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        let start = self.start as usize;
        start..start + self.len as usize
    }
}

/// What the engine reports at once: events in order, and the one block that their spans point into.
#[derive(Debug)]
pub struct Batch {
    /// What happened, oldest first.
    pub events: Vec<Event>,
    /// The bytes of the `Received` and `Sent` events.
    pub block: Block,
    /// How many bytes of `block`, from its start, are in use.
    pub used: usize,
    /// What is no row of the log.
    pub reports: Vec<Report>,
}

impl Batch {
    /// Events alone.
    #[must_use]
    pub const fn new(events: Vec<Event>, block: Block, used: usize) -> Self {
        Self { events, block, used, reports: Vec::new() }
    }

    /// The bytes that a span of one of this batch's events points at.
    ///
    /// # Panics
    /// When the span is not from this batch.
    #[must_use]
    pub fn bytes(&self, span: Span) -> &[u8] {
        &self.block.bytes()[span.range()]
    }
}
