//! What templates are filled with when the user sends: variables, the socket's counter, its addresses and the time.
//!
//! Owns the variables and the counters. It never sends.

use std::collections::{BTreeMap, HashMap};

use super::Bench;
use crate::contract::{Endpoint, SocketId, Target, Timestamp};
use crate::framing::Framing;
use crate::log::Member;
use crate::payload::{Fill, Template, Variables};

#[derive(Debug, Default)]
pub(super) struct Filling {
    /// From the command line, and the environment.
    given: Variables,
    /// With those of the profile.
    variables: Variables,
    /// How many messages were sent to each socket.
    sent: HashMap<SocketId, u64>,
}

impl Filling {
    /// Takes these variables of a profile for those of the one before.
    pub(super) fn know(&mut self, vars: &BTreeMap<String, String>) {
        self.variables = self.given.or(vars);
    }

    /// Counts a message that goes to this socket.
    pub(super) fn count(&mut self, socket: SocketId) {
        *self.sent.entry(socket).or_default() += 1;
    }
}

impl Bench {
    pub(in crate::ui) fn set_variables(&mut self, given: Variables) {
        self.profile.give(&given);
        self.filling.given = given;
        self.filling.know(&self.profile.contents.vars);
    }

    pub(in crate::ui) const fn given(&self) -> &Variables {
        &self.filling.given
    }

    /// What templates know by name.
    pub(in crate::ui) const fn variables(&self) -> &Variables {
        &self.filling.variables
    }

    /// The framing in which what goes to a target is wrapped, if it is.
    pub(in crate::ui) fn wraps_in(&self, target: Option<&Target>) -> Option<&Framing> {
        self.roster.endpoint(target?.socket()).and_then(Endpoint::wrap)
    }

    /// The bytes of the next message to a target, as they would go at this time and with this seed of chance; in their
    /// frame, where the socket wraps.
    ///
    /// # Errors
    /// One sentence without a full stop: why an address in it is not known, or why it makes no frame.
    pub(in crate::ui) fn filled(
        &self,
        template: &Template,
        target: Option<&Target>,
        at: Timestamp,
        seed: u64,
    ) -> Result<Vec<u8>, String> {
        let peer = if template.needs_peer() { self.peer_of(target)? } else { String::new() };
        let local = if template.needs_local() { self.local_of(target)? } else { String::new() };
        let counter = target.and_then(|target| self.filling.sent.get(&target.socket())).map_or(1, |sent| sent + 1);
        let bytes = template.filled(&Fill { counter, at: at.0, seed, peer: &peer, local: &local, ..Fill::default() });
        match self.wraps_in(target) {
            Some(framing) => framing.wrap(&bytes).map_err(|why| format!("framing {framing}: {why}")),
            None => Ok(bytes),
        }
    }

    /// The one socket that a target reaches.
    fn only(&self, target: Option<&Target>, what: &str) -> Result<&Member, String> {
        let target = target.ok_or("nothing is open to send to")?;
        match self.reached(target).as_slice() {
            [] => Err(format!("nobody is connected to {} yet", self.roster.name(target.socket()))),
            [socket] => self.roster.get(*socket).ok_or_else(|| "the socket is gone".to_owned()),
            several => Err(format!("each of the {} connections has another {{{{{what}}}}}; choose one", several.len())),
        }
    }

    fn peer_of(&self, target: Option<&Target>) -> Result<String, String> {
        if let Some(Target::Peer(_, address)) = target {
            return Ok(address.to_string());
        }
        let member = self.only(target, "peer")?;
        let peer = member.peer.as_ref().or(member.last_heard.as_ref());
        peer.map(ToString::to_string).ok_or_else(|| "the socket has no peer to name yet".to_owned())
    }

    fn local_of(&self, target: Option<&Target>) -> Result<String, String> {
        let member = self.only(target, "local")?;
        let local = member.local.first();
        local.map(ToString::to_string).ok_or_else(|| "the socket has no address of its own yet".to_owned())
    }
}
