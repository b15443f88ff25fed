//! Another name for a socket.

use super::prompt::Prompt;
use crate::contract::SocketId;
use crate::ui::Ui;

pub(in crate::ui) fn open(ui: &mut Ui, socket: SocketId) {
    let name = ui.bench.roster.name(socket);
    let check = move |ui: &Ui, name: &str| check_name(ui, name, Some(socket));
    ui.overlays.push(Box::new(Prompt::new(&format!("Rename {name}"), "Name", &name, check, move |ui, name| {
        ui.bench.rename(socket, name);
    })));
}

/// Whether a socket may have this name: the rules of profiles, and nobody else's.
pub(super) fn check_name(ui: &Ui, name: &str, but: Option<SocketId>) -> Result<(), String> {
    crate::profile::check_socket_name(name)?;
    if ui.bench.name_is_free(name, but) { Ok(()) } else { Err(format!("there is a socket `{name}` already")) }
}
