//! What a row holds, wherever its bytes are.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use super::segment::Segment;

/// The bytes of a row. They are those of the log itself where it holds them in memory, and a copy where they come from
/// disk.
pub struct Content<'a>(Bytes<'a>);

enum Bytes<'a> {
    Lent(&'a [u8]),
    Arena(Arc<Segment>, Range<usize>),
    Facts(Arc<Segment>, Range<usize>),
    Read(Arc<Vec<u8>>, Range<usize>),
}

impl<'a> Content<'a> {
    pub(super) const NONE: Self = Self(Bytes::Lent(&[]));

    pub(super) fn lent(bytes: &'a [u8]) -> Self {
        Self(Bytes::Lent(bytes))
    }

    /// Bytes of the arena of a segment in memory.
    pub(super) fn of_arena(segment: Arc<Segment>, range: Range<usize>) -> Self {
        Self(Bytes::Arena(segment, range))
    }

    /// Bytes of the facts of a segment in memory.
    pub(super) fn of_facts(segment: Arc<Segment>, range: Range<usize>) -> Self {
        Self(Bytes::Facts(segment, range))
    }

    pub(super) fn read(bytes: Arc<Vec<u8>>, range: Range<usize>) -> Self {
        Self(Bytes::Read(bytes, range))
    }
}

impl Deref for Content<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Bytes::Lent(bytes) => bytes,
            Bytes::Arena(segment, range) => segment.arena().get(range.clone()).unwrap_or_default(),
            Bytes::Facts(segment, range) => segment.facts.get(range.clone()).unwrap_or_default(),
            Bytes::Read(bytes, range) => bytes.get(range.clone()).unwrap_or_default(),
        }
    }
}

impl fmt::Debug for Content<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
