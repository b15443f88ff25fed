//! Sending: what goes, unless it can't, and after a question where it goes to many.

use crate::contract::Target;
use crate::ui::Ui;
use crate::ui::notice::Notice;
use crate::ui::overlays::confirm::Confirm;

/// From how many receivers on a send is confirmed.
const MANY: usize = 10;

/// How a message about a draft that was not sent begins.
pub(super) const NOT_SENT: &str = "Not sent: ";

/// Sends what is typed to the target.
pub(super) fn send(ui: &mut Ui) {
    let Some(target) = ui.target.clone() else { return };
    let bytes = match ui.input.filled(Some(&target), &ui.bench) {
        Ok((_, bytes)) => bytes,
        Err(error) => {
            ui.tell_error(format!("{NOT_SENT}{error}."));
            return;
        }
    };
    send_unless(ui, &target.clone(), bytes, move |ui, bytes| send_now(ui, target, bytes));
}

/// Does what sends these bytes to a target, unless they can't be sent, which is told.
pub(in crate::ui) fn send_unless(
    ui: &mut Ui,
    target: &Target,
    bytes: Vec<u8>,
    send: impl FnOnce(&mut Ui, Vec<u8>) + 'static,
) {
    if let Err(why) = ui.bench.can_send(target) {
        ui.tell_error(format!("{NOT_SENT}{why}."));
        return;
    }
    if bytes.is_empty() && !ui.bench.is_datagram(target) {
        ui.tell_error(format!("{NOT_SENT}a stream can't carry zero bytes; type something, or ^Y adds a line ending."));
        return;
    }
    let what = format!("{} bytes go", bytes.len());
    unless_many(ui, target, &what, move |ui| send(ui, bytes));
}

/// Does what sends, after a question where that is to many; `what` is what goes.
pub(in crate::ui) fn unless_many(ui: &mut Ui, target: &Target, what: &str, send: impl FnOnce(&mut Ui) + 'static) {
    let reach = ui.bench.reach(target);
    if reach < MANY {
        send(ui);
        return;
    }
    let title = format!("Send to {reach} connections?");
    let text = format!("{what} to each connection of {}.", ui.bench.roster.name(target.socket()));
    ui.overlays.push(Box::new(Confirm::new(&title, &text, "Send", send)));
}

/// Keeps what is typed in the history of the socket that it goes to.
pub(in crate::ui) fn remember(ui: &mut Ui, target: &Target) {
    let name = super::history_name(Some(target), &ui.bench);
    let (composer, history) = ui.input.composer_mut(Some(target), &ui.bench);
    if !composer.input.is_empty() {
        history.push(name, composer.line());
    }
}

fn send_now(ui: &mut Ui, target: Target, bytes: Vec<u8>) {
    remember(ui, &target);
    ui.input.composer_mut(Some(&target), &ui.bench).0.clear();
    ui.notice = bytes.is_empty().then(|| Notice::good("sent an empty datagram"));
    ui.bench.send(target, bytes, &mut ui.effects);
}
