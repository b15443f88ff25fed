//! A message of a repeat or a replay that was ordered to be sent, and what has become of it.

use crate::contract::{Fact, Ticket};

/// A message that was ordered to be sent, and not all have told yet whether they took it.
#[derive(Debug)]
pub(super) struct UnderWay {
    ticket: Ticket,
    /// How many sockets are still to tell.
    left: usize,
    /// Whether one has taken it.
    taken: bool,
}

impl UnderWay {
    pub(super) fn new(ticket: Ticket, sockets: usize) -> Self {
        Self { ticket, left: sockets.max(1), taken: false }
    }

    pub(super) const fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// Takes in what happened. Once all have told: that one at least took it, or why the last one did not, as a sentence
    /// without a full stop.
    pub(super) fn observe(&mut self, fact: &Fact) -> Option<Result<(), String>> {
        let error = match fact {
            Fact::Sent { ticket, remaining: 0, .. } if *ticket == self.ticket => None,
            Fact::SendFailed { ticket, error } if *ticket == self.ticket => Some(error),
            _ => return None,
        };
        self.left = self.left.saturating_sub(1);
        self.taken |= error.is_none();
        (self.left == 0).then(|| match error {
            Some(error) if !self.taken => Err(error.to_string().trim_end_matches('.').to_owned()),
            _ => Ok(()),
        })
    }
}
