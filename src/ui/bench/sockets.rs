//! The sockets of the profile on the bench: added, changed, opened again and taken off.
//!
//! Keeps the profile's sockets in step with the roots of the roster. It orders only by way of effects.

use super::{Bench, Effect};
use crate::contract::{CloseReason, Command, Endpoint, Event, Fact, NetError, Operation, SocketId};
use crate::log::Find;
use crate::profile::{Profile, SocketEntry};

impl Bench {
    /// Opens a new socket under a name of its own, which echoes if that is wanted, and by the rules for every socket.
    pub(in crate::ui) fn add(
        &mut self,
        name: &str,
        endpoint: Endpoint,
        echo: bool,
        effects: &mut Vec<Effect>,
    ) -> SocketId {
        let entry = SocketEntry::new(self.free_name(name), endpoint);
        self.profile.contents.sockets.push(entry.clone());
        if echo && !self.profile.echoes(&entry) {
            self.profile.set_echo(&entry.name, true);
        }
        let socket = self.register(&entry);
        // Before there is anything to answer.
        self.settle_rules_from(self.roots.len() - 1, effects);
        self.begin(socket, entry, effects);
        socket
    }

    /// Lists a socket of the profile behind those that are listed.
    fn register(&mut self, entry: &SocketEntry) -> SocketId {
        let socket = self.ids.mint();
        self.roots.push(socket);
        self.roster.register(socket, entry.name.clone(), entry.endpoint.clone());
        socket
    }

    fn begin(&mut self, socket: SocketId, entry: SocketEntry, effects: &mut Vec<Effect>) {
        let SocketEntry { endpoint, auto, .. } = entry;
        if auto {
            effects.push(Effect::Order(Command::Open { socket, endpoint }));
        } else {
            // Listed but not opened: the profile said so.
            self.roster.observe(&Event { at: self.now(), socket, fact: Fact::Closed { reason: CloseReason::User } });
        }
    }

    /// Opens a socket of the list again.
    pub(in crate::ui) fn reopen(&mut self, socket: SocketId, effects: &mut Vec<Effect>) {
        if let Some(member) = self.roster.get(socket) {
            let (name, endpoint) = (member.name.clone(), (*member.endpoint).clone());
            self.before_change = None;
            self.roster.register(socket, name, endpoint.clone());
            effects.push(Effect::Order(Command::Open { socket, endpoint }));
        }
    }

    /// Gives a socket of the list another endpoint; it holds from the next opening on.
    pub(in crate::ui) fn change(&mut self, socket: SocketId, endpoint: Endpoint) {
        self.before_change = None;
        let framing = self.roster.get(socket).map(|member| member.endpoint.framing().clone());
        if framing.is_some_and(|framing| framing != *endpoint.framing())
            && let Some((row, spot)) = self.current_line()
        {
            self.view.keep_byte(self.messages.end_of(&row, spot.message, &self.store).unwrap_or(0));
        }
        if let Some(entry) = self.entry_mut(socket) {
            entry.endpoint = endpoint.clone();
            let before = self.roster.encoding(socket);
            self.roster.set_endpoint(socket, endpoint);
            if self.roster.encoding(socket) != before {
                self.judge_anew();
                self.find = self.find.take().map(|find| Find::new(find.text(), find.needle().clone()));
            }
        }
    }

    /// Gives an open socket of the list an endpoint with another option, as long as the system does not refuse it.
    pub(in crate::ui) fn change_live(&mut self, socket: SocketId, endpoint: Endpoint) {
        let before = self.roster.get(socket).map(|member| (socket, (*member.endpoint).clone()));
        self.change(socket, endpoint);
        self.before_change = before;
    }

    /// The system has refused something: an option that was changed is what it was before.
    pub(super) fn refused(&mut self, socket: SocketId, error: &NetError) {
        if error.operation == Operation::Setsockopt
            && let Some((_, endpoint)) = self.before_change.take_if(|(changed, _)| *changed == socket)
        {
            self.change(socket, endpoint);
        }
    }

    /// Gives a socket of the list another name, by which its rules know it then.
    pub(in crate::ui) fn rename(&mut self, socket: SocketId, name: &str) {
        if let Some(index) = self.roots.iter().position(|root| *root == socket) {
            self.profile.rename_socket(index, name);
            self.roster.rename(socket, name.to_owned());
            self.judge_anew();
        }
    }

    /// What the filter finds by the name of a socket, or in its messages, has changed.
    fn judge_anew(&mut self) {
        if !self.view.filter().text().is_empty() {
            self.view.set_filter(self.view.filter().clone());
            self.catch_up();
        }
    }

    /// Takes a socket off the list, closing it.
    pub(in crate::ui) fn remove(&mut self, socket: SocketId, effects: &mut Vec<Effect>) {
        if let Some(index) = self.roots.iter().position(|root| *root == socket) {
            effects.push(Effect::Order(Command::CloseAll { root: socket, by: CloseReason::User }));
            self.roots.remove(index);
            self.profile.remove_socket(index);
            self.known_rules.remove(&socket);
            self.roster.remove(socket);
        } else if self.recorded_in(socket).is_some() {
            self.roster.remove(socket);
        }
    }

    /// Puts another profile on the bench; what was open is closed.
    pub(in crate::ui) fn load(&mut self, mut profile: Profile, effects: &mut Vec<Effect>) {
        self.known_rules.clear();
        for socket in std::mem::take(&mut self.roots) {
            effects.push(Effect::Order(Command::CloseAll { root: socket, by: CloseReason::User }));
            self.roster.remove(socket);
        }
        profile.warnings.clear();
        let entries = profile.contents.sockets.clone();
        self.profile = profile;
        self.scenarios.forget();
        self.filling.know(&self.profile.contents.vars);
        let sockets: Vec<_> = entries.iter().map(|entry| self.register(entry)).collect();
        self.settle_rules(effects);
        for (socket, entry) in sockets.into_iter().zip(entries) {
            self.begin(socket, entry, effects);
        }
    }

    fn entry_mut(&mut self, socket: SocketId) -> Option<&mut SocketEntry> {
        let index = self.roots.iter().position(|root| *root == socket)?;
        self.profile.contents.sockets.get_mut(index)
    }

    /// True for a name that no other socket of the list has.
    pub(in crate::ui) fn name_is_free(&self, name: &str, but: Option<SocketId>) -> bool {
        self.roster.roots().all(|member| member.name != name || Some(member.id) == but)
    }

    /// The name, or where it is taken the name and a number.
    pub(in crate::ui) fn free_name(&self, name: &str) -> String {
        if self.name_is_free(name, None) {
            return name.to_owned();
        }
        // One of these is free: there are more of them than names that are taken.
        (2..self.roster.roots().count() + 3)
            .map(|number| format!("{name}-{number}"))
            .find(|name| self.name_is_free(name, None))
            .unwrap_or_default()
    }
}
