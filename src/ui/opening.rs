//! What opens a socket that stands for itself, with a question before it would listen on every interface, and which
//! socket is selected because of that.
//!
//! Owns the names that sockets get unless the user chooses one. It never takes a selection from a user who made it.

use super::overlays::confirm::Confirm;
use super::panes::sockets::Entry;
use super::{Notice, Pane, Ui};
use crate::contract::{Endpoint, Scheme, SocketId};
use crate::log::State;

impl Ui {
    /// Opens an endpoint that was given from outside, under a name made from its scheme, with the configured defaults
    /// for what it does not say.
    pub fn open(&mut self, endpoint: Endpoint) -> SocketId {
        let endpoint = self.with_defaults(endpoint);
        let socket = self.open_and_select(Self::default_name(endpoint.scheme), endpoint, false);
        self.may_select = true;
        socket
    }

    pub(in crate::ui) fn with_defaults(&self, mut endpoint: Endpoint) -> Endpoint {
        let mut taken = Vec::new();
        for (name, value) in &self.defaults {
            let has = endpoint.scheme.spec().option(name).is_some();
            if has && endpoint.option(name).is_none() {
                // The configuration was checked when it was read.
                let _ = endpoint.set_option(name, value);
                taken.push(name.as_str());
            }
        }
        // A default that what was given leaves no room for does not hold.
        while let Err((spec, _)) = endpoint.check() {
            let without = |name: &str| {
                let mut other = endpoint.clone();
                other.clear_option(name);
                other
            };
            let cures = taken.iter().position(|name| without(name).check().is_ok());
            let Some(at) = cures.or_else(|| taken.iter().position(|name| *name == spec.name)) else { break };
            endpoint.clear_option(taken.remove(at));
        }
        endpoint
    }

    /// The name that sockets of a scheme get unless the user chooses one.
    pub(in crate::ui) const fn default_name(scheme: Scheme) -> &'static str {
        match scheme {
            Scheme::TcpListen => "server",
            Scheme::Tcp => "client",
            Scheme::UdpBind => "udp-server",
            Scheme::Udp => "udp",
            Scheme::UnixListen => "unix-server",
            Scheme::Unix => "unix-client",
            Scheme::UnixDgramBind => "dgram-server",
            Scheme::UnixDgram => "dgram",
            Scheme::UnixSeqpacketListen => "seqpacket-server",
            Scheme::UnixSeqpacket => "seqpacket",
            Scheme::Icmp => "ping",
            Scheme::Raw => "raw",
            Scheme::Pair => "pair",
        }
    }

    pub(in crate::ui) fn open_named(&mut self, name: &str, endpoint: Endpoint) -> SocketId {
        self.open_with(name, endpoint, false)
    }

    /// Opens what the user orders in here, who is asked where it fails.
    pub(in crate::ui) fn open_with(&mut self, name: &str, endpoint: Endpoint, echo: bool) -> SocketId {
        let socket = self.open_and_select(name, endpoint, echo);
        self.by_hand.insert(socket);
        socket
    }

    fn open_and_select(&mut self, name: &str, endpoint: Endpoint, echo: bool) -> SocketId {
        let exposed = endpoint.address.is_wildcard() && !endpoint.scheme.spec().is_client();
        let socket = self.bench.add(name, endpoint, echo, &mut self.effects);
        self.select(Entry::Root(socket));
        self.focus = Pane::Input;
        if exposed {
            self.tell(Notice::warning(format!("{name} listens on every interface: EXPOSED")));
        }
        socket
    }

    /// Opens an endpoint, after a question where it would listen on every interface.
    pub(in crate::ui) fn open_or_confirm(&mut self, name: Option<String>, endpoint: Endpoint) {
        let name = name.unwrap_or_else(|| Self::default_name(endpoint.scheme).to_owned());
        self.unless_exposed(&endpoint.clone(), move |ui| {
            ui.open_named(&name, endpoint);
        });
    }

    /// Opens a socket of the list again.
    pub(in crate::ui) fn reopen(&mut self, socket: SocketId) {
        self.by_hand.insert(socket);
        // What was said of the last try is no longer true.
        self.notice = None;
        self.select(Entry::Root(socket));
        self.bench.reopen(socket, &mut self.effects);
    }

    /// Does what opens an endpoint, after a question where that would listen on every interface.
    pub(in crate::ui) fn unless_exposed(&mut self, endpoint: &Endpoint, open: impl FnOnce(&mut Self) + 'static) {
        if !endpoint.address.is_wildcard() || endpoint.scheme.spec().is_client() {
            open(self);
            return;
        }
        let title = "Listen on every interface?";
        let text = format!(
            "{} is a wildcard: whoever reaches this machine over any network can reach the socket. 127.0.0.1 keeps it \
             to this machine.",
            endpoint.address
        );
        self.overlays.push(Box::new(Confirm::new(title, &text, "Listen", open)));
    }

    /// Whoever types has gone on to something else: neither a question nor another selection comes between.
    pub(in crate::ui) fn has_typed(&mut self) {
        self.by_hand.clear();
        self.may_select = false;
    }

    /// True while the input has the focus and holds a text.
    pub(in crate::ui) fn is_typing(&self) -> bool {
        self.focus == Pane::Input && !self.input.draft(self.target.as_ref()).is_empty()
    }

    /// Passes a selection that nobody chose on to a socket that is open, where the selected one is not and will not be.
    pub(in crate::ui) fn select_what_opened(&mut self) {
        if !self.may_select {
            return;
        }
        let roster = &self.bench.roster;
        let state = self.selected_root().and_then(|root| roster.get(root)).map(|root| root.state);
        if state.is_some_and(State::is_open) {
            self.may_select = false;
        } else if state != Some(State::Opening) {
            let open = roster.roots().find(|root| root.state.is_open());
            let entry = open.map(|root| {
                let end = roster.children(root.id).find(|_| root.endpoint.scheme == Scheme::Pair);
                end.map_or(Entry::Root(root.id), |end| Entry::Child(end.id))
            });
            if let Some(entry) = entry {
                self.select(entry);
            }
        }
    }
}
