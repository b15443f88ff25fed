//! The lines of the log: what each shows of its row, and the bytes of those that are messages of framed streams.
//!
//! Owns the messages that were found for the lines on the screen, for as long as nothing else is known of them.

use std::collections::HashMap;

use super::Bench;
use crate::log::messages::{Division, Version};
use crate::log::{Line, Lines, Message, Row, Scope, Spot};

/// How many messages are remembered at most.
const REMEMBERED: usize = 2000;

#[derive(Debug, Default)]
pub(in crate::ui) struct Found {
    /// The reading that they are of.
    version: Version,
    messages: HashMap<Spot, Message>,
}

/// What a line shows of its row.
#[derive(Debug)]
pub(in crate::ui) enum Shown {
    /// All of it, as it was received, or what it tells.
    Row,
    /// A message that ends in it.
    Message(Message),
    /// That none ends in it, and how much of one came.
    Open(Division),
}

impl Bench {
    /// The line under the log's cursor, with its row.
    pub(in crate::ui) fn current_line(&self) -> Option<(Row, Spot)> {
        let spot = self.view.cursor()?;
        Some((self.store.row(spot.seq)?, spot))
    }

    /// What a line shows of its row.
    pub(in crate::ui) fn shown(&self, row: &Row, spot: Spot) -> Shown {
        match self.messages.count(row).filter(|_| self.view.scope() == Scope::All) {
            None => Shown::Row,
            Some(0) => self.messages.division(row, 0..0, &self.store).map_or(Shown::Row, Shown::Open),
            Some(_) => self.message(row, spot).map_or(Shown::Row, Shown::Message),
        }
    }

    /// The message that a line is; `None` for a row that is a line by itself.
    pub(in crate::ui) fn message(&self, row: &Row, spot: Spot) -> Option<Message> {
        if self.view.scope() != Scope::All || self.messages.count(row).unwrap_or(0) == 0 {
            return None;
        }
        if let Some(found) = self.found.messages.get(&spot).filter(|_| self.found.version == self.messages.version()) {
            return Some(found.clone());
        }
        self.messages.ending_in(row, |message| message == spot.message, &self.store).pop()
    }

    /// The bytes that a line stands for: the payload of its message, or those of its row.
    pub(in crate::ui) fn payload(&self, row: &Row, spot: Spot) -> Vec<u8> {
        match self.message(row, spot) {
            Some(message) => message.bytes(&self.store, usize::MAX),
            None => self.store.bytes(row).to_vec(),
        }
    }

    /// Finds the messages of the lines that come on the screen, so that each row is read through once.
    pub(in crate::ui) fn find_messages(&mut self, lines: &[Line]) {
        if self.messages.is_empty() {
            return;
        }
        let version = self.messages.version();
        if self.found.version != version || self.found.messages.len() > REMEMBERED {
            self.found = Found { version, messages: HashMap::new() };
        }
        for lines in lines.chunk_by(|line, next| line.spot.seq == next.spot.seq) {
            let Some(row) = self.store.row(lines[0].spot.seq) else { continue };
            let missing = |line: &&Line| !self.found.messages.contains_key(&line.spot);
            let wanted: Vec<_> = lines.iter().filter(missing).map(|line| line.spot).collect();
            if wanted.is_empty() || self.messages.count(&row).unwrap_or(0) == 0 {
                continue;
            }
            let is_wanted = |message| wanted.binary_search_by_key(&message, |spot| spot.message).is_ok();
            let found = self.messages.ending_in(&row, is_wanted, &self.store);
            self.found.messages.extend(wanted.iter().copied().zip(found));
        }
    }

    /// How many lines there would be without a filter.
    pub(in crate::ui) fn unfiltered_lines(&self) -> u64 {
        self.unfiltered_rows() + self.messages.surplus()
    }

    /// Which lines a row of the log has.
    pub(in crate::ui) fn lines_of(&self, row: &Row) -> Lines {
        match (self.view.scope(), self.messages.count(row)) {
            (Scope::All, Some(count)) => Lines::Run(0..count.max(1)),
            _ => Lines::ROW,
        }
    }
}
