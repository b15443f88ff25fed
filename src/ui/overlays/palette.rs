//! Every action by name, and any endpoint URL.

use std::collections::HashSet;

use super::picker::{Item, Picker};
use crate::contract::Endpoint;
use crate::ui::{Ui, actions};

pub(in crate::ui) fn open(ui: &mut Ui) {
    let mut seen = HashSet::new();
    let items = actions()
        .filter(|action| action.name != "palette")
        // What several panes have, or one pane and all of them, is one command.
        .filter(|action| seen.insert(action.help))
        .map(|action| Item {
            label: action.name.to_owned(),
            detail: action.help.to_owned(),
            note: ui.keymap.keys_of(action.name).join(" "),
            unavailable: (action.available)(ui).err().map(str::to_owned),
            take: Box::new(|ui| (action.run)(ui)),
        })
        .collect();
    let hint = "Enter runs; an endpoint such as tcp://127.0.0.1:7788 is opened";
    ui.overlays.push(Box::new(Picker::new("Commands", hint, items).or_text(open_endpoint)));
}

fn open_endpoint(ui: &mut Ui, text: &str) -> Result<(), String> {
    if !text.contains("://") {
        return Err(format!("no command is called `{text}`"));
    }
    let endpoint: Endpoint = text.parse().map_err(|error| format!("{error}"))?;
    let endpoint = ui.with_defaults(endpoint);
    ui.open_or_confirm(None, endpoint);
    Ok(())
}
