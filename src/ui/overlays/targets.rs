//! Whom to send to: any open socket, all connections of a listener, any peer of a datagram socket, or an address.

use super::picker::{Item, Picker};
use crate::contract::{Address, Role, Target};
use crate::ui::Ui;
use crate::ui::panes::sockets::Entry;

pub(in crate::ui) fn open(ui: &mut Ui) {
    let items = ui
        .entries()
        .into_iter()
        .map(|entry| {
            let target = entry.target(&ui.bench);
            let name = ui.bench.roster.name(target.socket());
            let member = ui.bench.roster.get(target.socket());
            let peer = member.and_then(|member| member.peer.as_ref()).map(ToString::to_string);
            let (label, detail) = match &target {
                Target::Children(_) => (name, format!("all {} of its connections", ui.bench.reach(&target))),
                Target::Peer(_, address) => (name, address.to_string()),
                Target::Socket(_) => (name, peer.unwrap_or_default()),
            };
            Item {
                label,
                detail,
                note: String::new(),
                unavailable: ui.bench.can_send(&target).err(),
                take: Box::new(move |ui| take(ui, &entry)),
            }
        })
        .collect();
    let hint = "Enter takes; on a UDP socket an address host:port can be typed";
    ui.overlays.push(Box::new(Picker::new("Send to", hint, items).or_text(take_address)));
}

fn take(ui: &mut Ui, entry: &Entry) {
    ui.select(entry.clone());
    ui.focus = crate::ui::Pane::Input;
}

fn take_address(ui: &mut Ui, text: &str) -> Result<(), String> {
    let datagram = ui
        .selected_socket()
        .and_then(|socket| ui.bench.roster.get(socket))
        .filter(|member| matches!(member.endpoint.scheme.spec().role, Role::DatagramClient | Role::DatagramServer))
        .map(|member| member.id)
        .ok_or("only a UDP socket takes an address; select one in the list first")?;
    let address = text.parse().map_err(|_| format!("`{text}` is not an address such as 127.0.0.1:7788"))?;
    ui.target = Some(Target::Peer(datagram, Address::Ip(address)));
    ui.focus = crate::ui::Pane::Input;
    Ok(())
}
