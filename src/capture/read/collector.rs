//! What has been read, on its way to the log: batches of events with the sockets that they are of.
//!
//! Owns the blocks that are filled and the ids that sockets get. It never knows where an event comes from.

use std::collections::VecDeque;
use std::mem;

use super::{FoundSocket, Portion, ReadError};
use crate::contract::{Address, BLOCK_SIZE, Batch, Block, Endpoint, Event, Fact, SocketId, SocketIds, Span, Ticket};
use crate::contract::{CloseReason, Timestamp};

/// The most events of a batch: the log takes so many in within a fraction of a frame.
const EVENTS_MAX: usize = 8192;

/// The most remarks that are kept.
const REMARKS_MAX: usize = 16;

/// Which way a message went, as its socket sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Received,
    Sent,
}

pub(super) struct Collector {
    ids: SocketIds,
    block: Option<Block>,
    used: usize,
    events: Vec<Event>,
    sockets: Vec<FoundSocket>,
    ready: VecDeque<Portion>,
    spare: Vec<Block>,
    remarks: Vec<String>,
}

impl Collector {
    pub(super) const fn new(ids: SocketIds) -> Self {
        Self {
            ids,
            block: None,
            used: 0,
            events: Vec::new(),
            sockets: Vec::new(),
            ready: VecDeque::new(),
            spare: Vec::new(),
            remarks: Vec::new(),
        }
    }

    pub(super) fn mint(&self) -> SocketId {
        self.ids.mint()
    }

    /// Tells of a socket, or that more is known of it.
    pub(super) fn found(&mut self, id: SocketId, name: &str, endpoint: Endpoint) {
        match self.sockets.iter_mut().rev().take(8).find(|socket| socket.id == id) {
            Some(socket) => socket.endpoint = endpoint,
            None => self.sockets.push(FoundSocket { id, name: name.to_owned(), endpoint }),
        }
    }

    pub(super) fn fact(&mut self, at: Timestamp, socket: SocketId, fact: Fact) -> Result<(), ReadError> {
        self.events.push(Event { at, socket, fact });
        if self.events.len() >= EVENTS_MAX { self.flush() } else { Ok(()) }
    }

    pub(super) fn note(
        &mut self,
        at: Timestamp,
        socket: SocketId,
        name: &'static str,
        message: String,
    ) -> Result<(), ReadError> {
        self.fact(at, socket, Fact::Note { name: name.into(), message })
    }

    pub(super) fn closed(&mut self, at: Timestamp, socket: SocketId, reason: CloseReason) -> Result<(), ReadError> {
        self.fact(at, socket, Fact::Closed { reason })
    }

    /// Takes in a message. One that is longer than a block becomes several.
    pub(super) fn message(
        &mut self,
        at: Timestamp,
        socket: SocketId,
        way: Way,
        peer: Option<&Address>,
        bytes: &[u8],
        truncated: bool,
    ) -> Result<(), ReadError> {
        let mut rest = bytes;
        loop {
            let (part, after) = rest.split_at(rest.len().min(BLOCK_SIZE));
            rest = after;
            let bytes = self.write(part)?;
            let truncated = truncated && rest.is_empty();
            let peer = peer.cloned();
            let fact = match way {
                Way::Received => Fact::Received { peer, bytes, truncated },
                Way::Sent => Fact::Sent { ticket: Ticket::ENGINE, peer, bytes, remaining: 0 },
            };
            self.fact(at, socket, fact)?;
            if rest.is_empty() {
                return Ok(());
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<Span, ReadError> {
        if self.used + bytes.len() > BLOCK_SIZE {
            self.flush()?;
        }
        if self.block.is_none() {
            self.block = Some(self.fresh()?);
        }
        let start = self.used;
        if let Some(block) = &mut self.block {
            block.bytes_mut()[start..start + bytes.len()].copy_from_slice(bytes);
        }
        self.used += bytes.len();
        // Both are at most the size of a block.
        Ok(Span { start: saturated(start), len: saturated(bytes.len()) })
    }

    fn fresh(&mut self) -> Result<Block, ReadError> {
        Ok(self.spare.pop().map_or_else(Block::new, Ok)?)
    }

    /// Makes what there is a portion.
    pub(super) fn flush(&mut self) -> Result<(), ReadError> {
        if self.events.is_empty() && self.sockets.is_empty() {
            return Ok(());
        }
        let block = match self.block.take() {
            Some(block) => block,
            None => self.fresh()?,
        };
        let batch = Batch::new(mem::take(&mut self.events), block, mem::take(&mut self.used));
        self.ready.push_back(Portion { sockets: mem::take(&mut self.sockets), batch });
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    pub(super) fn take(&mut self) -> Option<Portion> {
        self.ready.pop_front()
    }

    pub(super) fn recycle(&mut self, block: Block) {
        if block.size() == BLOCK_SIZE && self.spare.len() < 8 {
            self.spare.push(block);
        }
    }

    pub(super) fn remark(&mut self, remark: String) {
        if self.remarks.len() < REMARKS_MAX && !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }

    pub(super) fn remarks(&self) -> &[String] {
        &self.remarks
    }
}

fn saturated(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
