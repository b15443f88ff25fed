//! The rules that one key makes: servers that everybody knows.

use crate::contract::{Endpoint, LineEnding, Role, SocketId};
use crate::pattern::Expression;
use crate::payload::{Mode, Place, Template};
use crate::profile::{Message, PatternEntry, PayloadContent, RuleEntry, SendEntry, WhenEntry};
use crate::rule::{Moment, Then};
use crate::ui::Ui;
use crate::ui::notice::Notice;
use crate::ui::overlays::prompt::Prompt;

/// A rule that one key makes.
pub(super) struct Preset {
    pub(super) key: char,
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    make: fn(&mut Ui, Option<SocketId>),
}

/// A line, with or without its end, and not empty: what it names is the capture 1.
const NAME_IN_A_LINE: &str = r"^([^\r\n]+)\r?\n?$";

pub(super) static PRESETS: &[Preset] = &[
    Preset {
        key: '1',
        name: "echo",
        help: "sends back whatever comes (RFC 862)",
        make: |ui, root| keep(ui, root, RuleEntry::echo("echo")),
    },
    Preset {
        key: '2',
        name: "discard",
        help: "takes whatever comes and says nothing (RFC 863)",
        make: |ui, root| keep(ui, root, RuleEntry::new("discard", any(), None)),
    },
    Preset {
        key: '3',
        name: "chargen",
        help: "sends characters for as long as they are taken (RFC 864)",
        make: |ui, root| {
            let when = at_once(endpoint(ui, root));
            keep(ui, root, RuleEntry::new("chargen", when, Some(SendEntry::Characters)));
        },
    },
    Preset {
        key: '4',
        name: "daytime",
        help: "tells the time, and closes the connection (RFC 867)",
        make: |ui, root| {
            let mut rule = RuleEntry::new("daytime", at_once(endpoint(ui, root)), Some(escaped("{{time}}\\r\\n")));
            rule.then = close_if_stream(endpoint(ui, root));
            keep(ui, root, rule);
        },
    },
    Preset { key: '5', name: "answer", help: "sends the same text to every message", make: ask_answer },
    Preset { key: '6', name: "files", help: "sends the file that a line names, of a folder", make: ask_folder },
];

impl Preset {
    /// Makes the rule, for this root of the list or else for every socket.
    pub(super) fn make(&self, ui: &mut Ui) {
        (self.make)(ui, chosen_root(ui));
    }
}

/// The socket that a new rule is for: the selected one, unless nothing can answer there.
pub(super) fn chosen_root(ui: &Ui) -> Option<SocketId> {
    let root = ui.selected_root().filter(|root| ui.bench.recorded_in(*root).is_none())?;
    ui.bench.roster.endpoint(root).filter(|endpoint| endpoint.scheme.can_echo()).map(|_| root)
}

fn any() -> WhenEntry {
    WhenEntry::Message(PatternEntry::Any)
}

fn escaped(text: &str) -> SendEntry {
    SendEntry::Message(Message::Written(PayloadContent::Escaped(text.to_owned()), None))
}

fn endpoint(ui: &Ui, root: Option<SocketId>) -> Option<&Endpoint> {
    ui.bench.roster.endpoint(root?)
}

/// As soon as there is somebody: with the connection, or with the first message where there is none.
fn at_once(endpoint: Option<&Endpoint>) -> WhenEntry {
    match endpoint.map(|endpoint| endpoint.scheme.spec().role) {
        Some(Role::Listener) => WhenEntry::Event(Moment::Accepted),
        Some(Role::Client | Role::Pair) => WhenEntry::Event(Moment::Connected),
        Some(Role::DatagramClient | Role::DatagramServer) | None => any(),
    }
}

fn close_if_stream(endpoint: Option<&Endpoint>) -> Then {
    if endpoint.is_some_and(|endpoint| endpoint.scheme.is_datagram()) { Then::Keep } else { Then::Close }
}

fn ask_answer(ui: &mut Ui, root: Option<SocketId>) {
    let ends_line = endpoint(ui, root).is_none_or(|endpoint| {
        endpoint.eol() != LineEnding::None && endpoint.wrap().is_none() && !endpoint.scheme.is_datagram()
    });
    let text = if ends_line { "OK\\n" } else { "OK" };
    let check = move |ui: &Ui, text: &str| {
        let encoding = root.map_or(crate::encoding::Encoding::UTF_8, |root| ui.bench.roster.encoding(root));
        let place = Place::Reply { captures: 1 };
        let template = Template::parse(Mode::Escaped, text, encoding, ui.bench.variables(), place);
        template.map(|_| ()).map_err(|error| error.to_string())
    };
    let prompt = Prompt::new("Answer every message", "Text, escaped", text, check, move |ui, text| {
        keep(ui, root, RuleEntry::new("answer", any(), Some(escaped(text))));
    });
    ui.overlays.push(Box::new(prompt.with_text_selected()));
}

fn ask_folder(ui: &mut Ui, root: Option<SocketId>) {
    let check = |_: &Ui, folder: &str| if folder.is_empty() { Err("no folder is named".to_owned()) } else { Ok(()) };
    let hint = format!("It is relative to {}; no reply leaves it.", ui.bench.profile.folder_in_words());
    let Ok(name) = Expression::capturing(NAME_IN_A_LINE) else { return };
    let prompt = Prompt::new("Serve files", "Folder", "public", check, move |ui, folder| {
        let send = SendEntry::File {
            name: "{{1}}".to_owned(),
            root: folder.into(),
            missing: Some("no file is called {{1}}\\n".to_owned()),
        };
        let when = WhenEntry::Message(PatternEntry::Regex(name.clone()));
        let mut rule = RuleEntry::new("files", when, Some(send));
        rule.then = close_if_stream(endpoint(ui, root));
        keep(ui, root, rule);
    });
    ui.overlays.push(Box::new(prompt.with_text_selected().with_hint(hint)));
}

/// Adds a rule behind the others, and says so.
fn keep(ui: &mut Ui, root: Option<SocketId>, mut rule: RuleEntry) {
    let socket = root.map(|root| ui.bench.roster.name(root));
    rule.name = ui.bench.profile.free_rule_name(&rule.name);
    let on = socket.as_deref().unwrap_or("every socket");
    let kept = format!("{} is on {on}; ^S saves the profile", rule.name);
    let missing = ui.bench.profile.missing_folder(&rule);
    ui.tell(kept_notice(kept, missing));
    rule.on = socket.map(|socket| vec![socket]);
    ui.bench.profile.contents.rules.push(rule);
    ui.settle_rules();
}

/// That a rule is kept, and what it lacks yet.
pub(super) fn kept_notice(kept: String, lacks: Option<String>) -> Notice {
    match lacks {
        Some(lacks) => Notice::warning(format!("{kept}, but {lacks}")),
        None => Notice::good(kept),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::Pattern;

    #[test]
    fn a_line_names_a_file_with_or_without_its_end() {
        let pattern = Pattern::Regex(Expression::capturing(NAME_IN_A_LINE).unwrap());
        let named = |message: &'static [u8]| pattern.find(message).map(|found| found.captures[1]);
        for message in [&b"a b.txt\n"[..], b"a b.txt\r\n", b"a b.txt"] {
            assert_eq!(named(message), Some(&b"a b.txt"[..]));
        }
        assert_eq!((named(b""), named(b"\n"), named(b"a\nb\n")), (None, None, None));
    }
}
