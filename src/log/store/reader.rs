//! Reading rows wherever they are: in the open segment, in a sealed one, on disk.
//!
//! Owns what is kept of the disk in memory: the contents of the two segments that were read from last, and the facts of
//! the last one of which only they were needed.

use std::cell::RefCell;
use std::io;
use std::ops::{ControlFlow, Deref, Range};
use std::sync::Arc;

use super::super::row::Row;
use super::content::Content;
use super::segment::{OpenSegment, Record, Segment, peer_in};
use super::slot::Extent;
use crate::contract::{Address, Fact};

/// How many segments' contents are kept that were read from disk: one for the screen, one for whoever goes through all.
const KEPT: usize = 2;

/// Where a segment is, and on disk its number.
pub(super) enum Whereabouts<'a> {
    Open(&'a OpenSegment),
    Memory(Arc<Segment>),
    Disk(usize, Arc<Extent>),
}

/// Some records of a segment.
pub(super) enum Records<'a> {
    Open(&'a [Record]),
    Memory(Arc<Segment>, Range<usize>),
    Read(Vec<Record>),
}

impl Deref for Records<'_> {
    type Target = [Record];

    fn deref(&self) -> &[Record] {
        match self {
            Self::Open(records) => records,
            Self::Memory(segment, range) => &segment.records[range.clone()],
            Self::Read(records) => records,
        }
    }
}

/// Rows of one segment and all that they hold.
pub(in crate::log) struct Part<'a> {
    /// Oldest first.
    pub(in crate::log) rows: Vec<Row>,
    /// The bytes of the segment's messages.
    pub(in crate::log) arena: &'a [u8],
    facts: &'a [u8],
}

impl Part<'_> {
    /// Where in the arena the message's bytes are; empty for rows that carry no message.
    pub(in crate::log) fn range(row: &Row) -> Range<usize> {
        if row.kind.is_message() { range_of(row) } else { 0..0 }
    }

    /// What a row without a message tells.
    pub(in crate::log) fn fact(&self, row: &Row) -> Option<Fact> {
        if row.kind.is_message() { None } else { serde_json::from_slice(self.facts.get(range_of(row))?).ok() }
    }
}

#[derive(Default)]
pub(super) struct Reader {
    kept: RefCell<Kept>,
    /// The number of a segment, and its facts.
    facts: RefCell<(usize, Vec<u8>)>,
    /// The peer that was asked for last, and where it is: the segment's number, and the place in its facts.
    peer: RefCell<Option<(u32, u32, Address)>>,
    trouble: RefCell<Option<String>>,
}

#[derive(Default)]
struct Kept {
    /// The number of the segment and its content, the one used last at the end.
    contents: Vec<(usize, Arc<Vec<u8>>)>,
    /// The segment of which a single content was read last.
    probed: Option<usize>,
}

impl Reader {
    /// Some records of a segment; none where they can't be read.
    pub(super) fn records<'a>(&self, segment: Whereabouts<'a>, range: Range<usize>) -> Records<'a> {
        match segment {
            Whereabouts::Open(open) => Records::Open(&open.records[range]),
            Whereabouts::Memory(segment) => Records::Memory(segment, range),
            Whereabouts::Disk(_, extent) => Records::Read(self.noted(extent.read_records(range)).unwrap_or_default()),
        }
    }

    /// What a row of the segment holds; nothing where it can't be read.
    pub(super) fn content<'a>(&self, segment: Whereabouts<'a>, row: &Row) -> Content<'a> {
        let (range, is_message) = (range_of(row), row.kind.is_message());
        match segment {
            Whereabouts::Open(open) if is_message => Content::lent(open.arena().get(range).unwrap_or_default()),
            Whereabouts::Open(open) => Content::lent(open.facts.json().get(range).unwrap_or_default()),
            Whereabouts::Memory(segment) if is_message => Content::of_arena(segment, range),
            Whereabouts::Memory(segment) => Content::of_facts(segment, range),
            Whereabouts::Disk(number, extent) => {
                let start = if is_message { extent.arena_start() } else { 0 };
                let range = start + range.start..start + range.end;
                self.noted(self.content_on_disk(number, &extent, range)).unwrap_or(Content::NONE)
            }
        }
    }

    /// The peer that a message of the segment names; none where it can't be read.
    pub(super) fn peer(&self, segment: Whereabouts<'_>, row: &Row) -> Option<Address> {
        let (number, place) = (row.place.segment, row.place.peer);
        // Datagrams come in runs from the same peer.
        if let Some((of, at, peer)) = &*self.peer.borrow()
            && (*of, *at) == (number, place)
        {
            return Some(peer.clone());
        }
        let peer = match segment {
            Whereabouts::Open(open) => peer_in(open.facts.json(), place),
            Whereabouts::Memory(segment) => peer_in(&segment.facts, place),
            Whereabouts::Disk(number, extent) => self.noted(self.peer_on_disk(number, &extent, place)).flatten(),
        }?;
        self.peer.replace(Some((number, place, peer.clone())));
        Some(peer)
    }

    /// Shows rows of a segment together with all that they hold.
    pub(super) fn with_part(
        &self,
        segment: &Whereabouts<'_>,
        rows: Vec<Row>,
        show: &mut impl FnMut(&Part<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        match segment {
            Whereabouts::Open(open) => show(&Part { rows, arena: open.arena(), facts: open.facts.json() }),
            Whereabouts::Memory(segment) => show(&Part { rows, arena: segment.arena(), facts: &segment.facts }),
            Whereabouts::Disk(number, extent) => match self.noted(self.whole_content(*number, extent)) {
                Some(content) => {
                    let (facts, arena) = content.split_at(extent.arena_start());
                    show(&Part { rows, arena, facts })
                }
                None => ControlFlow::Continue(()),
            },
        }
    }

    /// Why something could not be read; the latest reason.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.borrow().clone()
    }

    /// What is kept of the disk, in bytes.
    pub(super) fn resident_bytes(&self) -> usize {
        let contents: usize = self.kept.borrow().contents.iter().map(|(_, content)| content.capacity()).sum();
        contents + self.facts.borrow().1.capacity()
    }

    fn noted<T>(&self, result: io::Result<T>) -> Option<T> {
        result
            .inspect_err(|error| *self.trouble.borrow_mut() = Some(format!("what was spilled can't be read: {error}")))
            .ok()
    }

    fn content_on_disk(&self, number: usize, extent: &Extent, range: Range<usize>) -> io::Result<Content<'static>> {
        let (is_kept, probed) = {
            let mut kept = self.kept.borrow_mut();
            (kept.contents.iter().any(|(kept, _)| *kept == number), kept.probed.replace(number))
        };
        // Whoever comes twice in a row will come again.
        if is_kept || probed == Some(number) {
            return Ok(Content::read(self.whole_content(number, extent)?, range));
        }
        let mut bytes = vec![0; range.len()];
        extent.read_content(range.start, &mut bytes)?;
        Ok(Content::read(Arc::new(bytes), 0..range.len()))
    }

    fn peer_on_disk(&self, number: usize, extent: &Extent, place: u32) -> io::Result<Option<Address>> {
        let kept = self.kept.borrow();
        if let Some((_, content)) = kept.contents.iter().find(|(kept, _)| *kept == number) {
            return Ok(peer_in(&content[..extent.arena_start()], place));
        }
        // The messages themselves may be a thousand times as long.
        let mut facts = self.facts.borrow_mut();
        if facts.0 != number || facts.1.is_empty() {
            let (of, bytes) = &mut *facts;
            bytes.resize(extent.arena_start(), 0);
            extent.read_content(0, bytes).inspect_err(|_| bytes.clear())?;
            *of = number;
        }
        Ok(peer_in(&facts.1, place))
    }

    fn whole_content(&self, number: usize, extent: &Extent) -> io::Result<Arc<Vec<u8>>> {
        let mut kept = self.kept.borrow_mut();
        if let Some(index) = kept.contents.iter().position(|(kept, _)| *kept == number) {
            let found = kept.contents.remove(index);
            kept.contents.push(found);
        } else {
            // Memory that was read into before is quicker to read into again.
            let oldest = if kept.contents.len() < KEPT { None } else { Some(kept.contents.remove(0).1) };
            let mut content = oldest.and_then(Arc::into_inner).unwrap_or_default();
            content.resize(extent.content_len(), 0);
            extent.read_content(0, &mut content)?;
            kept.contents.push((number, Arc::new(content)));
        }
        Ok(kept.contents.last().map(|(_, content)| Arc::clone(content)).unwrap_or_default())
    }
}

fn range_of(row: &Row) -> Range<usize> {
    let start = row.place.offset as usize;
    start..start + row.place.size as usize
}
