//! Another value for an option of an open socket.

use std::time::Duration;

use super::prompt::Prompt;
use crate::contract::{Command, OptionSpec, SocketId, Value, ValueKind};
use crate::ui::notice::Notice;
use crate::ui::{Effect, Ui};

pub(in crate::ui) fn open(ui: &mut Ui, socket: SocketId, spec: &'static OptionSpec) {
    let title = format!("{} of {}: {}", spec.name, ui.bench.roster.name(socket), spec.kind.hint());
    let in_kernel = ui.bench.view_of(socket).and_then(|(view, _)| {
        view.options.iter().find(|(known, _)| known.name == spec.name).map(|(_, value)| value.clone())
    });
    let roster = &ui.bench.roster;
    let now = roster.endpoint(socket).filter(|_| spec.is_of_the_bench());
    let given = now.or_else(|| roster.get(socket).map(|member| &*member.endpoint));
    let given = given.and_then(|endpoint| endpoint.option(spec.name));
    let text = in_kernel
        .filter(|text| spec.kind.parse(text).is_ok())
        .or_else(|| given.map(ToString::to_string))
        // What holds by default has a name here, and is no empty text.
        .or_else(|| matches!(spec.kind, ValueKind::Encoding | ValueKind::Framing).then(|| spec.default.to_owned()))
        .map(|text| shown(spec, text))
        .unwrap_or_default();
    let check = move |_: &Ui, text: &str| parse(spec, text).map(|_| ());
    let prompt = Prompt::new(&title, "Value", &text, check, move |ui, text| {
        if let Ok(value) = parse(spec, text) {
            set(ui, socket, spec, value);
        }
    });
    let choices = match spec.kind {
        ValueKind::Flag => vec!["true", "false"],
        ValueKind::Word(words) => words.iter().map(|word| word.0).collect(),
        _ => Vec::new(),
    };
    ui.overlays.push(Box::new(prompt.with_text_selected().with_choices(choices)));
}

/// The word for a time that turns its option off.
const OFF: &str = "off";

/// The options that a time of zero turns off. Of `linger` it does not: `close` sends RST then.
const OFF_AT_ZERO: [&str; 3] = ["keepalive", "reconnect", "idle-timeout"];

/// A value as a reader is told it: the same word for each option that is off.
pub(in crate::ui) fn shown(spec: &OptionSpec, value: String) -> String {
    if value == "0s" && OFF_AT_ZERO.contains(&spec.name) { OFF.to_owned() } else { value }
}

/// Reads a value as it is shown; no text at all leaves every multicast group.
fn parse(spec: &OptionSpec, text: &str) -> Result<Value, String> {
    match spec.kind {
        ValueKind::Groups if text.is_empty() => Ok(Value::Groups(Vec::new())),
        ValueKind::Duration if text == OFF && OFF_AT_ZERO.contains(&spec.name) => Ok(Value::Duration(Duration::ZERO)),
        kind => kind.parse(text),
    }
}

/// Orders the change. What the user opened keeps it for its next opening, and for the profile.
fn set(ui: &mut Ui, socket: SocketId, spec: &'static OptionSpec, value: Value) {
    // The kernel knows nothing of it: it is the listener's, for all of its connections, and holds at once.
    let ours = spec.is_of_the_bench();
    let member = ui.bench.roster.get(socket);
    let parent = member.and_then(|member| member.parent).filter(|_| ours);
    let root = parent.map_or(member, |parent| ui.bench.roster.get(parent)).filter(|member| member.parent.is_none());
    if let Some(root) = root {
        let (socket, name) = (root.id, root.name.clone());
        let mut endpoint = (*root.endpoint).clone();
        let text = value.to_string();
        if text.is_empty() {
            endpoint.clear_option(spec.name);
        } else if let Err(error) = endpoint.set_option(spec.name, &text) {
            ui.tell_error(error.to_string());
            return;
        }
        if ours {
            let idle = value == Value::Flag(true) && endpoint.wrap().is_none();
            ui.bench.change(socket, endpoint);
            ui.settle_rules();
            if idle {
                ui.tell(Notice::warning(format!("{name}: {} needs a framing that puts something around", spec.name)));
            } else {
                ui.tell_good(format!("{name} and its connections: {} is {text}", spec.name));
            }
        } else {
            ui.bench.change_live(socket, endpoint);
        }
    }
    if ours {
        return;
    }
    ui.effects.push(Effect::Order(Command::SetOption { socket, option: spec, value }));
}
