//! A step that sends: how far it has come.
//!
//! Owns what was ordered and is not answered yet, and what came of the rest. It never orders.

use std::collections::HashMap;

use crate::contract::{Event, Fact, SocketId, Ticket, Timestamp};

/// How far a step that sends has come.
#[derive(Debug)]
pub(super) struct Sending {
    /// How often more.
    left: u64,
    /// When the next is due.
    due: Timestamp,
    /// What was ordered and not answered yet, with its length in bytes.
    under_way: HashMap<Ticket, u64>,
    /// How many bytes went.
    sent: u64,
    /// Whether one of the connections took what was ordered last.
    is_taken: bool,
    /// Which could not take it, and why.
    refused: Vec<(SocketId, String)>,
    /// How many of those were left out, since they had closed.
    left_out: usize,
    failed: Option<String>,
}

impl Sending {
    /// What is to be sent so often, from now on.
    pub(super) fn new(repeat: u64, now: Timestamp) -> Self {
        Self {
            left: repeat,
            due: now,
            under_way: HashMap::new(),
            sent: 0,
            is_taken: false,
            refused: Vec::new(),
            left_out: 0,
            failed: None,
        }
    }

    /// Whether it is to be sent now.
    pub(super) fn is_next(&self, now: Timestamp) -> bool {
        self.failed.is_none() && self.due().is_some_and(|due| due <= now)
    }

    /// When the next is due, unless there is none or it waits for answers.
    pub(super) fn due(&self) -> Option<Timestamp> {
        (self.left > 0 && self.under_way.is_empty()).then_some(self.due)
    }

    /// It was ordered once more; the next is due then.
    pub(super) fn ordered(&mut self, under_way: impl IntoIterator<Item = (Ticket, u64)>, due: Timestamp) {
        self.left -= 1;
        self.due = due;
        self.under_way.extend(under_way);
    }

    /// What was ordered and not answered yet.
    pub(super) fn under_way(&self) -> impl Iterator<Item = Ticket> {
        self.under_way.keys().copied()
    }

    /// Learns from an event whether it is an answer.
    pub(super) fn observe(&mut self, event: &Event) {
        let (Fact::Sent { ticket, remaining: 0, .. } | Fact::SendFailed { ticket, .. }) = &event.fact else { return };
        let Some(bytes) = self.under_way.remove(ticket) else { return };
        if let Fact::SendFailed { error, .. } = &event.fact {
            self.refused.push((event.socket, error.to_string().trim_end_matches('.').to_owned()));
        } else {
            self.is_taken = true;
            self.sent += bytes;
        }
    }

    /// Once all have answered: whether one took it, and which could not and why.
    pub(super) fn take_answers(&mut self) -> Option<(bool, Vec<(SocketId, String)>)> {
        let is_taken = self.under_way.is_empty().then(|| std::mem::take(&mut self.is_taken))?;
        Some((is_taken, std::mem::take(&mut self.refused)))
    }

    /// One that could not take it does not count, since it had closed.
    pub(super) const fn leave_out(&mut self) {
        self.left_out += 1;
    }

    /// One that could not take it does, and so the step has failed.
    pub(super) fn fail(&mut self, why: String) {
        self.failed.get_or_insert(why);
    }

    /// What came of the step, if anything has.
    pub(super) fn outcome(&self) -> Option<Result<String, String>> {
        if !self.under_way.is_empty() {
            return None;
        }
        if let Some(why) = &self.failed {
            return Some(Err(why.clone()));
        }
        let left_out = match self.left_out {
            0 => String::new(),
            1 => ", and nothing to one that closed meanwhile".to_owned(),
            more => format!(", and nothing to {more} that closed meanwhile"),
        };
        (self.left == 0).then(|| Ok(format!("{} bytes sent{left_out}", self.sent)))
    }
}
