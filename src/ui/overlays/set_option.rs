//! Another value for an option of an open socket.

use std::time::Duration;

use super::prompt::Prompt;
use crate::contract::{Command, Endpoint, OptionSpec, Role, SocketId, Value, ValueKind};
use crate::log::Member;
use crate::ui::{Effect, Ui};

pub(in crate::ui) fn open(ui: &mut Ui, socket: SocketId, spec: &'static OptionSpec) {
    let title = format!("{} of {}", spec.name, whom(ui, socket, spec));
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
    let check = move |ui: &Ui, text: &str| {
        let value = parse(spec, text)?;
        root_of(ui, socket, spec).map_or(Ok(()), |root| changed(&root.endpoint, spec, &value).map(|_| ()))
    };
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
    let hint = format!("Such as {}", spec.kind.hint());
    let hint = if choices.is_empty() { hint } else { String::new() };
    ui.overlays.push(Box::new(prompt.with_text_selected().with_choices(choices).with_hint(hint)));
}

/// The sockets that another value holds for.
fn whom(ui: &Ui, socket: SocketId, spec: &OptionSpec) -> String {
    let root = root_of(ui, socket, spec).filter(|_| spec.is_of_the_bench());
    match root {
        Some(root) => match root.endpoint.scheme.spec().role {
            Role::Listener => format!("{} and its connections", root.name),
            Role::Pair => format!("both ends of {}", root.name),
            Role::Client | Role::DatagramClient | Role::DatagramServer => root.name.clone(),
        },
        None => ui.bench.roster.name(socket),
    }
}

/// What the user opened that keeps the value: the socket itself, or where the kernel knows nothing of the option that
/// which it is a connection of.
fn root_of<'u>(ui: &'u Ui, socket: SocketId, spec: &OptionSpec) -> Option<&'u Member> {
    let member = ui.bench.roster.get(socket);
    let parent = member.and_then(|member| member.parent).filter(|_| spec.is_of_the_bench());
    parent.map_or(member, |parent| ui.bench.roster.get(parent)).filter(|member| member.parent.is_none())
}

/// The endpoint with the option changed.
fn changed(endpoint: &Endpoint, spec: &OptionSpec, value: &Value) -> Result<Endpoint, String> {
    let mut endpoint = endpoint.clone();
    let text = value.to_string();
    if text.is_empty() {
        endpoint.clear_option(spec.name);
    } else {
        endpoint.set_option(spec.name, &text).map_err(|error| error.to_string())?;
    }
    match endpoint.check() {
        Err((other, why)) if other.name != spec.name => Err(format!("{} says otherwise: {why}", other.name)),
        Err((_, why)) => Err(why),
        Ok(()) => Ok(endpoint),
    }
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
    let ours = spec.is_of_the_bench();
    let whom = whom(ui, socket, spec);
    if let Some(root) = root_of(ui, socket, spec) {
        let socket = root.id;
        let endpoint = match changed(&root.endpoint, spec, &value) {
            Ok(endpoint) => endpoint,
            Err(why) => {
                ui.tell_error(why);
                return;
            }
        };
        if ours {
            // The kernel knows nothing of it: it holds at once.
            ui.bench.change(socket, endpoint);
            ui.settle_rules();
            ui.tell_good(format!("{whom}: {} is {value}", spec.name));
        } else {
            ui.bench.change_live(socket, endpoint);
        }
    }
    if ours {
        return;
    }
    ui.effects.push(Effect::Order(Command::SetOption { socket, option: spec, value }));
}
