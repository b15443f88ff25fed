//! The profile's payloads: take one into the input, or keep what is typed as one.

use std::path::{Path, PathBuf};

use super::picker::{Item, Picker};
use super::prompt::Prompt;
use crate::payload::{self, Mode};
use crate::profile::{PayloadContent, PayloadEntry};
use crate::ui::Ui;
use crate::ui::overlays::{file, message};

/// The longest file that is taken into the input; a longer one is sent as it is.
const INPUT_MOST: u64 = 64 * 1024;

pub(in crate::ui) fn open(ui: &mut Ui) {
    if ui.bench.profile.payloads.is_empty() {
        message::open(
            ui,
            "Payloads",
            "The profile has no payloads yet.\n\nType one in the input, and run save-payload from the palette;\n\
             ^S then keeps it in the profile.",
        );
        return;
    }
    let items = ui
        .bench
        .profile
        .payloads
        .iter()
        .map(|entry| {
            let content = entry.content.clone();
            let (kind, text) = describe(&content);
            Item {
                label: entry.name.clone(),
                detail: text,
                note: kind.to_owned(),
                unavailable: None,
                take: Box::new(move |ui| take(ui, &content)),
            }
        })
        .collect();
    ui.overlays.push(Box::new(Picker::new(
        "Payloads",
        "Enter takes it into the input; a file of more than 64 KiB is sent at once",
        items,
    )));
}

fn describe(content: &PayloadContent) -> (&'static str, String) {
    match content {
        PayloadContent::Text(text) => ("text", text.clone()),
        PayloadContent::Escaped(text) => ("escaped", text.clone()),
        PayloadContent::Hex(text) => ("hex", text.clone()),
        PayloadContent::Base64(text) => ("base64", text.clone()),
        PayloadContent::File(path) => ("file", path.display().to_string()),
    }
}

fn take(ui: &mut Ui, content: &PayloadContent) {
    let direct = match content {
        PayloadContent::Text(text) => Some((Mode::Text, text)),
        PayloadContent::Escaped(text) => Some((Mode::Escaped, text)),
        PayloadContent::Hex(text) => Some((Mode::Hex, text)),
        PayloadContent::Base64(_) | PayloadContent::File(_) => None,
    };
    if let Some((mode, text)) = direct {
        ui.input.put(ui.target.as_ref(), &ui.bench, mode, text);
    } else {
        let base = ui.bench.profile.path.as_deref().and_then(Path::parent).map(PathBuf::from).unwrap_or_default();
        if let Some(path) = content.file_longer_than(INPUT_MOST, &base) {
            file::send_to_target(ui, path);
            return;
        }
        match content.bytes(&base) {
            Ok(bytes) => match payload::show(Mode::Hex, &bytes) {
                Ok(text) => ui.input.put(ui.target.as_ref(), &ui.bench, Mode::Hex, &text),
                Err(error) => ui.tell_error(error.to_string()),
            },
            Err(why) => ui.tell_error(why),
        }
    }
    ui.focus = crate::ui::Pane::Input;
}

/// Asks for a name, and keeps what is typed in the input under it.
pub(in crate::ui) fn save(ui: &mut Ui) {
    let check = |ui: &Ui, name: &str| {
        if name.trim().is_empty() {
            Err("a payload needs a name".to_owned())
        } else if ui.bench.profile.payloads.iter().any(|entry| entry.name == name) {
            Err(format!("there is a payload `{name}` already"))
        } else {
            Ok(())
        }
    };
    ui.overlays.push(Box::new(Prompt::new("Keep as a payload", "Name", "", check, |ui, name| {
        let target = ui.target.as_ref();
        let text = ui.input.draft(target).to_owned();
        let content = match ui.input.mode(target) {
            Mode::Text => PayloadContent::Text(text),
            Mode::Escaped => PayloadContent::Escaped(text),
            Mode::Hex => PayloadContent::Hex(text),
        };
        ui.bench.profile.payloads.push(PayloadEntry::new(name.to_owned(), content));
        ui.tell_good(format!("{name} is a payload of the profile; ^S saves the profile"));
    })));
}
