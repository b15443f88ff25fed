//! The saved payloads: send one, take one into the input, repeat one, or keep what is typed, or came, as one.

use std::path::{Path, PathBuf};

use crossterm::event::{KeyCode, KeyModifiers};

use super::picker::{Item, Picker};
use super::prompt::Prompt;
use super::{Next, repeat};
use crate::payload::{self, Fill, Mode, Place, Template};
use crate::profile::{Message, PayloadContent, PayloadEntry, SendEntry, check_name};
use crate::ui::Ui;
use crate::ui::overlays::confirm::Confirm;
use crate::ui::overlays::file;
use crate::ui::panes::input::send_unless;

/// The longest file that is taken into the input; a longer one is sent as it is.
const INPUT_MOST: u64 = 64 * 1024;

/// How many bytes of a payload are shown.
const SHOWN_MOST: usize = 64;

pub(in crate::ui) fn open(ui: &mut Ui) {
    // What chance fills in is what is shown.
    let seed = fastrand::u64(..);
    let entries = &ui.bench.profile.contents.payloads;
    let items = entries
        .iter()
        .map(|entry| {
            let (kind, text) = describe(&entry.content);
            let checksum = entry.checksum.map(|checksum| format!(" +{checksum}")).unwrap_or_default();
            let name = entry.name.clone();
            Item {
                label: entry.name.clone(),
                detail: text,
                note: format!("{kind}{checksum}"),
                unavailable: None,
                take: Box::new(move |ui| send(ui, &name, seed)),
            }
        })
        .collect();
    let names: Vec<String> = entries.iter().map(|entry| entry.name.clone()).collect();
    let hint = if names.is_empty() {
        "No payload is saved yet. ^S keeps what is typed, p in the log a message"
    } else {
        "Enter sends  Tab edits  ^R repeats  ^S keeps the input  ^D deletes"
    };
    let known = names.clone();
    let title = match &ui.target {
        Some(target) => format!("Saved payloads {} {}", ui.look.marks.arrow, ui.bench.roster.name(target.socket())),
        None => "Saved payloads".to_owned(),
    };
    let picker = Picker::new(&title, hint, items).with_line(move |ui, index| {
        let entry = ui.bench.profile.contents.payloads.iter().find(|entry| entry.name == known[index]);
        entry.map(|entry| bytes_of(ui, entry, seed)).unwrap_or_default()
    });
    ui.overlays.push(Box::new(picker.with_keys(move |ui, key, index| {
        let control = key.modifiers == KeyModifiers::CONTROL;
        if control && key.code == KeyCode::Char('s') {
            save(ui);
            return Some(Next::Close);
        }
        let name = names.get(index?)?;
        match key.code {
            KeyCode::Tab => take(ui, name),
            KeyCode::Char('r') if control => repeat(ui, name),
            KeyCode::Delete => delete(ui, name),
            KeyCode::Char('d') if control => delete(ui, name),
            _ => return None,
        }
        Some(Next::Close)
    })));
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

/// The folder that paths of the profile begin at.
fn base(ui: &Ui) -> PathBuf {
    ui.bench.profile.path.as_deref().and_then(Path::parent).map(PathBuf::from).unwrap_or_default()
}

fn template(ui: &Ui, entry: &PayloadEntry) -> Result<Template, String> {
    let encoding = ui.bench.encoding_of(ui.target.as_ref());
    Ok(entry.content.template(&base(ui), encoding, ui.bench.variables(), Place::Message)?.with_checksum(entry.checksum))
}

/// A file that is too long to be held, and whose bytes go as they are.
fn long_file(ui: &Ui, entry: &PayloadEntry) -> Option<PathBuf> {
    entry.content.file_longer_than(INPUT_MOST, &base(ui)).filter(|_| entry.checksum.is_none())
}

/// What of a payload would be sent now, or why nothing.
fn bytes_of(ui: &Ui, entry: &PayloadEntry, seed: u64) -> String {
    if let Some(path) = long_file(ui, entry) {
        return format!("all of {}", path.display());
    }
    let target = ui.target.as_ref();
    let filled = template(ui, entry).map(|template| ui.bench.filled(&template, target, ui.bench.now(), seed));
    match filled.flatten() {
        Ok(bytes) => {
            let shown = &bytes[..bytes.len().min(SHOWN_MOST)];
            format!("{} B  {}", bytes.len(), payload::show(Mode::Hex, shown).unwrap_or_default())
        }
        Err(why) => why,
    }
}

fn entry_of(ui: &Ui, name: &str) -> Option<PayloadEntry> {
    ui.bench.profile.contents.payloads.iter().find(|entry| entry.name == name).cloned()
}

/// Sends a payload to whom the input speaks to.
fn send(ui: &mut Ui, name: &str, seed: u64) {
    let Some(entry) = entry_of(ui, name) else { return };
    let Some(target) = ui.target.clone() else {
        ui.tell_error("Not sent: nothing is open to send to; ^N opens a socket.");
        return;
    };
    if let Some(path) = long_file(ui, &entry) {
        file::send_to_target(ui, path);
        return;
    }
    let filled =
        template(ui, &entry).and_then(|template| ui.bench.filled(&template, Some(&target), ui.bench.now(), seed));
    match filled {
        Ok(bytes) => send_unless(ui, &target.clone(), bytes, move |ui, bytes| {
            let text = format!("{} sent to {}: {} B", entry.name, ui.bench.roster.name(target.socket()), bytes.len());
            ui.tell_good(text);
            ui.bench.send(target, bytes, &mut ui.effects);
        }),
        Err(why) => ui.tell_error(format!("Not sent: {why}.")),
    }
}

fn repeat(ui: &mut Ui, name: &str) {
    let Some(entry) = entry_of(ui, name) else { return };
    match template(ui, &entry) {
        Ok(template) => repeat::open(ui, entry.name, template),
        Err(why) => ui.tell_error(format!("Not repeated: {why}.")),
    }
}

/// Takes a payload into the input, to be changed or sent.
fn take(ui: &mut Ui, name: &str) {
    let Some(entry) = entry_of(ui, name) else { return };
    let target = ui.target.as_ref();
    match &entry.content {
        PayloadContent::Text(text) => ui.input.put_saved(target, &ui.bench, (Mode::Text, text), &entry),
        PayloadContent::Escaped(text) => ui.input.put_saved(target, &ui.bench, (Mode::Escaped, text), &entry),
        PayloadContent::Hex(text) => ui.input.put_saved(target, &ui.bench, (Mode::Hex, text), &entry),
        PayloadContent::Base64(_) | PayloadContent::File(_) => {
            if entry.content.file_longer_than(INPUT_MOST, &base(ui)).is_some() {
                ui.tell_error("Not taken: the file is longer than 64 KiB; Enter sends it as it is.");
                return;
            }
            let bytes = template(ui, &entry).map(|template| template.with_checksum(None).filled(&Fill::default()));
            let shown = bytes.and_then(|bytes| payload::show(Mode::Hex, &bytes).map_err(|error| error.to_string()));
            match shown {
                Ok(text) => ui.input.put_saved(ui.target.as_ref(), &ui.bench, (Mode::Hex, &text), &entry),
                Err(why) => {
                    ui.tell_error(format!("Not taken: {why}."));
                    return;
                }
            }
        }
    }
    ui.focus = crate::ui::Pane::Input;
}

fn delete(ui: &mut Ui, name: &str) {
    let sends = Some(SendEntry::Message(Message::Payload(name.to_owned())));
    let senders =
        ui.bench.profile.contents.rules.iter().filter(|rule| rule.send == sends).map(|rule| rule.name.as_str());
    let senders = senders.collect::<Vec<_>>().join(", ");
    let senders = if senders.is_empty() { senders } else { format!(" It is sent by the rules: {senders}.") };
    let text = format!("{name} goes from the payloads of the bench; ^S then writes that to the profile.{senders}");
    let name = name.to_owned();
    ui.overlays.push(Box::new(Confirm::new("Delete the payload?", &text, "Delete", move |ui| {
        ui.bench.profile.contents.payloads.retain(|entry| entry.name != name);
        ui.settle_rules();
        open(ui);
    })));
}

/// Asks for a name, and keeps what is typed in the input under it.
pub(in crate::ui) fn save(ui: &mut Ui) {
    let target = ui.target.as_ref();
    if ui.input.draft(target).is_empty() {
        ui.tell_error("Not kept: nothing is typed.");
        return;
    }
    if let Err(error) = ui.input.template(target, &ui.bench) {
        ui.tell_error(format!("Not kept: {error}."));
        return;
    }
    let (entry, name) = ui.input.as_payload(target, &ui.bench);
    let name = name.unwrap_or_default().to_owned();
    ask_name(ui, &name, entry);
}

/// Asks for a name, and keeps the message of the log's row under it.
pub(in crate::ui) fn save_message(ui: &mut Ui) {
    let Some((row, spot)) = ui.bench.current_line() else { return };
    let bytes = ui.bench.payload(&row, spot);
    // A profile is read as UTF-8, whatever the encoding of the socket.
    let text = payload::show(Mode::Text, &bytes);
    let printable = std::str::from_utf8(&bytes).is_ok_and(|text| !text.chars().any(is_binary));
    let content = match text {
        Ok(text) => PayloadContent::Text(text),
        Err(_) if printable => PayloadContent::Escaped(payload::show(Mode::Escaped, &bytes).unwrap_or_default()),
        Err(_) => PayloadContent::Hex(payload::show(Mode::Hex, &bytes).unwrap_or_default()),
    };
    ask_name(ui, "", PayloadEntry::new("", content));
}

/// A control character that no text has.
fn is_binary(character: char) -> bool {
    character.is_control() && !matches!(character, '\r' | '\n' | '\t')
}

fn ask_name(ui: &mut Ui, name: &str, entry: PayloadEntry) {
    let check = |_: &Ui, name: &str| check_name(name).map_err(str::to_owned);
    let prompt = Prompt::new("Keep as a payload", "Name", name, check, move |ui, name| {
        let mut entry = entry.clone();
        name.clone_into(&mut entry.name);
        if entry_of(ui, name).is_none_or(|other| other == entry) {
            keep(ui, entry);
            return;
        }
        let text = format!("There is a payload {name} already; this takes its place.");
        let confirm = Confirm::new("Replace the payload?", &text, "Replace", move |ui| keep(ui, entry));
        ui.overlays.push(Box::new(confirm));
    });
    ui.overlays.push(Box::new(prompt.with_text_selected()));
}

fn keep(ui: &mut Ui, entry: PayloadEntry) {
    let name = entry.name.clone();
    match ui.bench.profile.contents.payloads.iter_mut().find(|other| other.name == name) {
        Some(other) => {
            other.content = entry.content;
            other.checksum = entry.checksum;
        }
        None => ui.bench.profile.contents.payloads.push(entry),
    }
    ui.settle_rules();
    ui.tell_good(format!("{name} is a payload of the bench, ^E lists them; ^S saves it in the profile"));
}
