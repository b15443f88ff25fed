//! The question before the program leaves, where something would be lost or closed.

use super::confirm::Confirm;
use crate::log::State;
use crate::ui::{Effect, Ui};

/// Leaves, after a question where that would cost something.
pub(in crate::ui) fn ask(ui: &mut Ui) {
    // A client that waits for its next try would be lost like an open one.
    let waiting = ui.bench.roster.roots().filter(|root| root.state == State::Waiting).count();
    let open = ui.bench.open_sockets() + waiting;
    let profile = &ui.bench.profile;
    // An echo is made again by one key.
    let has_rules = profile.contents.rules.iter().any(|rule| !rule.is_echo());
    let is_kept = profile.path.is_some()
        || !profile.contents.payloads.is_empty()
        || has_rules
        || !profile.contents.scenarios.is_empty();
    let unsaved = is_kept && profile.is_modified();
    let exporting = ui.bench.exports.running().next().is_some();
    let is_filling_in = ui.overlays.iter().any(|overlay| overlay.is_form());
    if open == 0 && !unsaved && !exporting && !is_filling_in {
        ui.effects.push(Effect::Quit);
        return;
    }
    let sockets = match open {
        0 => String::new(),
        1 => "One socket is open and will be closed. ".to_owned(),
        _ => format!("{open} sockets are open and will be closed. "),
    };
    let profile = match &profile.path {
        _ if !unsaved => "",
        Some(_) => "The profile has changes that are not saved (^S saves).",
        None => "Payloads, rules or scenarios are in no profile yet (^S saves one).",
    };
    let form = if is_filling_in { "What is in the open form is lost. " } else { "" };
    let export = if exporting { "An export is under way; nothing would be left of it. " } else { "" };
    let confirm =
        Confirm::new("Quit?", &format!("{sockets}{form}{export}{profile}"), "Quit", |ui| ui.effects.push(Effect::Quit));
    ui.overlays.push(Box::new(confirm));
}
