//! The sockets of a file: listed and read like those of the session, and never opened.
//!
//! Owns which sockets are of the file, and how much of it is read. It never reads the file itself, and puts nothing of it
//! into the profile.

use std::collections::{HashSet, VecDeque};
use std::io;

use super::Bench;
use crate::capture::read::{FoundSocket, Portion};
use crate::contract::{Block, SocketId};

/// The most sockets of a file that are listed; the oldest leave the list, and stay in the log.
const LISTED_MAX: usize = 1000;

/// The file that is open.
pub(in crate::ui) struct Recorded {
    /// What the user calls it.
    pub(in crate::ui) name: String,
    /// Its length in bytes, where that is known.
    size: Option<u64>,
    /// How many of them are read.
    read: u64,
    /// How many rows it has told of, without the calls, which the log shows only in a timeline.
    pub(in crate::ui) rows: usize,
    /// Whether all is read that can be.
    pub(in crate::ui) ended: bool,
    sockets: HashSet<SocketId>,
    listed: VecDeque<SocketId>,
}

impl Recorded {
    /// How much of the file is read, in percent, where its length is known.
    pub(in crate::ui) fn percent(&self) -> Option<u64> {
        let size = self.size.filter(|size| *size > 0)?;
        Some((u128::from(self.read) * 100 / u128::from(size)).min(100) as u64)
    }

    /// How many bytes of the file are read.
    pub(in crate::ui) const fn read(&self) -> u64 {
        self.read
    }

    /// How many sockets the file has told of.
    pub(in crate::ui) fn sockets(&self) -> usize {
        self.sockets.len()
    }
}

impl Bench {
    /// Says that a file is to be read, and how long it is.
    pub(in crate::ui) fn begin_recorded(&mut self, name: String, size: Option<u64>) {
        let (sockets, listed) = (HashSet::new(), VecDeque::new());
        self.recorded = Some(Recorded { name, size, read: 0, rows: 0, ended: false, sockets, listed });
    }

    /// Takes in a part of the file, which is read up to so many bytes by now. Gives back a block for the next.
    pub(in crate::ui) fn absorb_recorded(&mut self, portion: Portion, read: u64) -> io::Result<Block> {
        for found in portion.sockets {
            self.list_recorded(found);
        }
        let calls_before = self.calls;
        for event in &portion.batch.events {
            self.roster.observe(event);
            if matches!(event.fact, crate::contract::Fact::Call { .. }) {
                self.calls += 1;
            }
        }
        if let Some(recorded) = &mut self.recorded {
            recorded.read = read;
            let calls = usize::try_from(self.calls - calls_before).unwrap_or(usize::MAX);
            recorded.rows += portion.batch.events.len().saturating_sub(calls);
        }
        let block = self.store.append(portion.batch)?;
        self.catch_up();
        Ok(block)
    }

    fn list_recorded(&mut self, found: FoundSocket) {
        let Some(recorded) = &mut self.recorded else { return };
        if !recorded.sockets.insert(found.id) {
            self.roster.set_endpoint(found.id, found.endpoint);
            return;
        }
        recorded.listed.push_back(found.id);
        let oldest = (recorded.listed.len() > LISTED_MAX).then(|| recorded.listed.pop_front()).flatten();
        if let Some(oldest) = oldest {
            self.roster.remove(oldest);
        }
        let name = self.free_name(&found.name);
        self.roster.register(found.id, name, found.endpoint);
    }

    /// Says that nothing more comes of the file: its sockets are closed, if not in the file then now.
    pub(in crate::ui) fn end_recorded(&mut self) {
        let Some(recorded) = &mut self.recorded else { return };
        recorded.ended = true;
        for socket in &recorded.listed {
            self.roster.end(*socket);
        }
    }

    /// The file that a socket is of, if it is of one.
    pub(in crate::ui) fn recorded_in(&self, socket: SocketId) -> Option<&str> {
        let recorded = self.recorded.as_ref()?;
        let root = self.roster.get(socket).and_then(|member| member.parent).unwrap_or(socket);
        recorded.sockets.contains(&root).then_some(recorded.name.as_str())
    }
}
