//! What is sent over the bench: whether it can be, the order, and what became of it.
//!
//! Owns what is awaited of each send that the user ordered. It orders only by way of effects.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Bench, Effect, Told};
use crate::contract::{Command, Event, NetError, Role, Saving, SocketId, Target, Ticket, Timestamp};
use crate::encoding::Encoding;

/// From how many bytes on a send is among the transfers from its beginning.
const LONG: u64 = 256 * 1024;

/// A send that the user ordered and whose outcome is not yet whole.
pub(super) struct Sending {
    began: Timestamp,
    wanted: usize,
    done: usize,
    len: u64,
    failed: Vec<(SocketId, NetError)>,
}

/// What is worth telling of a send.
pub(in crate::ui) enum Outcome {
    /// Some sockets took it, others did not.
    Failed { done: usize, wanted: usize, failed: Vec<(SocketId, NetError)> },
    /// All took it, and there were several.
    All(usize),
    /// A long one is through, with so many bytes.
    Long(u64),
}

impl Bench {
    /// The encoding of the text that goes to a target; UTF-8 where there is none.
    pub(in crate::ui) fn encoding_of(&self, target: Option<&Target>) -> Encoding {
        target.map_or(Encoding::UTF_8, |target| self.roster.encoding(target.socket()))
    }

    /// True for a target whose messages are datagrams, which may be empty.
    pub(in crate::ui) fn is_datagram(&self, target: &Target) -> bool {
        self.roster.get(target.socket()).is_some_and(|member| member.endpoint.scheme.is_datagram())
    }

    /// Whether a target can be sent to, or why not.
    pub(in crate::ui) fn can_send(&self, target: &Target) -> Result<(), String> {
        let socket = target.socket();
        let name = self.roster.name(socket);
        let Some(member) = self.roster.get(socket) else {
            return Err(format!("{name} is gone"));
        };
        if let Some(file) = self.recorded_in(socket) {
            return Err(format!("{name} is from {file}; ^N opens a socket of your own"));
        }
        match target {
            Target::Children(_) if self.roster.open_children(socket) == 0 => {
                Err(format!("nobody is connected to {name} yet"))
            }
            Target::Children(_) => Ok(()),
            _ if member.endpoint.scheme.spec().role == Role::Pair && member.parent.is_none() => {
                Err(format!("{name} carries nothing itself; select one of its ends"))
            }
            _ if !member.state.is_open() => Err(format!("{name} is not open; o in the list opens it")),
            _ if member.sending_closed => Err(format!("{name} was half-closed here: it only receives")),
            Target::Socket(_)
                if member.endpoint.scheme.spec().role == Role::DatagramServer && member.last_heard.is_none() =>
            {
                Err(format!("nobody has sent to {name} yet; ^X takes an address"))
            }
            _ => Ok(()),
        }
    }

    /// How many sockets a send to this target reaches.
    pub(in crate::ui) fn reach(&self, target: &Target) -> usize {
        match target {
            Target::Children(listener) => self.roster.open_children(*listener),
            Target::Socket(_) | Target::Peer(..) => 1,
        }
    }

    /// The sockets that a send to this target reaches.
    pub(super) fn reached(&self, target: &Target) -> Vec<SocketId> {
        match target {
            Target::Children(listener) => {
                let open = self.roster.children(*listener).filter(|child| child.state.is_open());
                open.map(|child| child.id).collect()
            }
            Target::Socket(socket) | Target::Peer(socket, _) => vec![*socket],
        }
    }

    /// Orders a send; its outcome comes by [`Bench::absorb`].
    pub(in crate::ui) fn send(&mut self, target: Target, bytes: Vec<u8>, effects: &mut Vec<Effect>) {
        let ticket = self.ticket();
        self.filling.count(target.socket());
        let wanted = self.reach(&target).max(1);
        let (began, len) = (self.now(), bytes.len() as u64);
        self.sends.insert(ticket, Sending { began, wanted, done: 0, len, failed: Vec::new() });
        if len > LONG {
            // It may have to wait before the first of its bytes goes, and can be cancelled then as well.
            for socket in self.reached(&target) {
                self.transfers.sent((ticket, socket), 0, len, began, began);
            }
        }
        effects.push(Effect::Order(Command::Send { ticket, target, bytes: Arc::from(bytes) }));
    }

    /// Orders a message of the replay to be sent. An empty one can't be sent on a stream, and is passed over.
    pub(in crate::ui) fn replay_one(&mut self, target: Target, bytes: Vec<u8>, effects: &mut Vec<Effect>) {
        let is_nothing = bytes.is_empty() && !self.is_datagram(&target);
        let (ticket, reach) = (self.ticket(), self.reach(&target));
        let Some(replay) = &mut self.replay else { return };
        if is_nothing {
            replay.passed();
        } else {
            replay.ordered(ticket, reach);
            effects.push(Effect::Order(Command::Send { ticket, target, bytes: Arc::from(bytes) }));
        }
    }

    /// Orders a file to be sent; how far it has come is among the transfers.
    pub(in crate::ui) fn send_file(&mut self, target: Target, path: PathBuf, effects: &mut Vec<Effect>) {
        let ticket = self.ticket();
        effects.push(Effect::Order(Command::SendFile { ticket, target, path }));
    }

    /// Orders what a socket receives to be saved; how far that has come is among the transfers.
    pub(in crate::ui) fn save(&mut self, socket: SocketId, saving: Saving, effects: &mut Vec<Effect>) {
        let ticket = self.ticket();
        effects.push(Effect::Order(Command::Save { ticket, socket, saving }));
    }

    pub(super) fn ticket(&mut self) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        ticket
    }

    /// A part of a send is through, or all of it.
    pub(super) fn sent(&mut self, ticket: Ticket, event: &Event, remaining: u64) -> Option<Outcome> {
        let sending = self.sends.get_mut(&ticket)?;
        let key = (ticket, event.socket);
        if remaining > 0 || self.transfers.get(key).is_some() {
            let done = sending.len.saturating_sub(remaining);
            self.transfers.sent(key, done, sending.len, sending.began, event.at);
        }
        if remaining > 0 {
            return None;
        }
        sending.done += 1;
        self.outcome(ticket)
    }

    /// A send has failed for one socket.
    pub(super) fn send_failed(&mut self, ticket: Ticket, socket: SocketId, error: &NetError) -> Option<Told> {
        self.transfers.end((ticket, socket), self.clock.now());
        if let Some(sending) = self.sends.get_mut(&ticket) {
            sending.failed.push((socket, error.clone()));
            return self.outcome(ticket).map(Told::Outcome);
        }
        // Of a file, a replay, a repeat or a scenario. What the engine sends by itself was not asked for here, and what was
        // withdrawn before its first byte went is no news to whoever withdrew it.
        let is_news = ticket != Ticket::ENGINE && *error != NetError::cancelled(0);
        is_news.then(|| Told::Failed(socket, error.clone()))
    }

    fn outcome(&mut self, ticket: Ticket) -> Option<Outcome> {
        let sending = self.sends.get(&ticket)?;
        if sending.done + sending.failed.len() < sending.wanted {
            return None;
        }
        let Sending { wanted, done, failed, len, .. } = self.sends.remove(&ticket)?;
        match wanted {
            _ if !failed.is_empty() => Some(Outcome::Failed { done, wanted, failed }),
            1 if len > LONG => Some(Outcome::Long(len)),
            1 => None,
            _ => Some(Outcome::All(done)),
        }
    }
}
