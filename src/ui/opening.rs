//! What opens a socket that stands for itself: with a question before it would listen on every interface.

use super::Ui;
use super::overlays::confirm::Confirm;
use super::panes::sockets::Entry;
use crate::contract::{Endpoint, SocketId};

impl Ui {
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
}
