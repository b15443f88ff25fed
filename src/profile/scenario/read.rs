//! Reading the `[[scenario]]` tables of a profile: every mistake in a step at its place.

use std::ops::Range;
use std::time::Duration;

use toml_edit::{Item, TableLike};

use super::{ScenarioEntry, StepAction, StepEntry};
use crate::contract::{CloseHow, Endpoint, Role, parse_duration};
use crate::document::{Reader, key_span, span, tables_in, unknown_name};
use crate::encoding::Encoding;
use crate::pattern::Expression;
use crate::payload::Place;
use crate::profile::message::Known;
use crate::profile::names::{Names, table_name};
use crate::profile::{Message, PatternEntry, SocketEntry};
use crate::scenario::Name;

/// The keys that say what a step does, exactly one of which it has.
const ACTIONS: [&str; 9] =
    ["open", "close", "half-close", "abort", "send", "expect", "expect-none", "expect-closed", "wait"];

/// The keys beside those, and the actions that have them.
const BESIDE: [(&str, &[&str]); 5] = [
    ("to", &["send"]),
    ("on", &["expect", "expect-none"]),
    ("within", &["expect", "expect-none", "expect-closed"]),
    ("repeat", &["send"]),
    ("every", &["send"]),
];

/// The largest `repeat`.
const REPEAT_MAX: i64 = 1_000_000_000;

/// Reads these tables, each with the place of its header.
pub(in crate::profile) fn read(
    reader: &mut Reader<'_>,
    tables: Vec<(&dyn TableLike, Range<usize>)>,
    sockets: &[SocketEntry],
    known: &Known<'_>,
) -> Vec<ScenarioEntry> {
    let mut names = Names::new();
    let mut scenarios = Vec::new();
    for (index, (table, header)) in tables.into_iter().enumerate() {
        let name = table_name(reader, table, &header, &mut names);
        let mut timeout = None;
        let mut auto = true;
        let mut steps = Vec::new();
        for (key, item) in table.iter() {
            match key {
                "name" => {}
                "auto" => auto = reader.flag(key, item).unwrap_or(true),
                "timeout" => timeout = duration(reader, key, item),
                "step" => match tables_in(item) {
                    Some(tables) => {
                        let mut read = |table, header| Steps { reader, sockets, known }.read(table, header);
                        steps.extend(tables.into_iter().filter_map(|(table, header)| read(table, header)));
                    }
                    None => reader.wrong_type(key, item, "a list of tables, each under [[scenario.step]]"),
                },
                _ => reader.unknown_key(table, key, &["name", "auto", "timeout", "step"]),
            }
        }
        if table.get("step").is_none_or(|item| tables_in(item).is_some_and(|tables| tables.is_empty())) {
            reader.error(header, "the scenario has no step; write each under [[scenario.step]]");
        }
        scenarios.extend(name.map(|name| ScenarioEntry { name, auto, timeout, steps, origin: Some(index) }));
    }
    scenarios
}

/// The keys of a step.
fn step_keys() -> Vec<&'static str> {
    ACTIONS.into_iter().chain(BESIDE.iter().map(|(name, _)| *name)).collect()
}

/// What a step is read with.
struct Steps<'r, 's, 'k> {
    reader: &'r mut Reader<'s>,
    sockets: &'k [SocketEntry],
    known: &'k Known<'k>,
}

impl<'k> Steps<'_, '_, 'k> {
    fn read(&mut self, table: &dyn TableLike, header: Range<usize>) -> Option<StepEntry> {
        let line = self.reader.line(&header);
        let mut actions = table.iter().filter(|(key, _)| ACTIONS.contains(key));
        let Some((key, item)) = actions.next() else {
            for (key, _) in table.iter().filter(|(key, _)| BESIDE.iter().all(|(name, _)| name != key)) {
                self.reader.unknown_key(table, key, &step_keys());
            }
            self.reader.error(header, format!("the step does nothing; it has one of {}", ACTIONS.join(", ")));
            return None;
        };
        if let Some((other, _)) = actions.next() {
            let message = format!("`{other}` can't stand beside `{key}`: a step does one thing");
            self.reader.error(key_span(table, other), message);
            return None;
        }
        let mut is_sound = true;
        for (other, _) in table.iter().filter(|(other, _)| *other != key) {
            match BESIDE.iter().find(|(name, _)| *name == other) {
                None => self.reader.unknown_key(table, other, &step_keys()),
                Some((_, of)) if of.contains(&key) => {}
                Some((_, of)) => {
                    let message = format!("`{other}` can't stand beside `{key}`; it is for {}", of.join(", "));
                    self.reader.error(key_span(table, other), message);
                    is_sound = false;
                }
            }
        }
        let action = self.action(table, key, item, &header)?;
        is_sound.then_some(StepEntry { action, line })
    }

    fn action(&mut self, table: &dyn TableLike, key: &str, item: &Item, header: &Range<usize>) -> Option<StepAction> {
        Some(match key {
            "open" => {
                let (name, _) = self.name(key, item)?;
                if name.connection.is_some() {
                    let message = format!("a connection can't be opened; open `{}`", name.socket);
                    self.reader.error(span(item), message);
                    return None;
                }
                StepAction::Open(name.socket)
            }
            "close" => StepAction::Close(self.name(key, item)?.0, CloseHow::Normal),
            "abort" => StepAction::Close(self.name(key, item)?.0, CloseHow::Abort),
            "half-close" => {
                let (name, endpoint) = self.name(key, item)?;
                if endpoint.is_some_and(|endpoint| endpoint.scheme.is_datagram()) {
                    let message = format!("`{name}` has no connection, of which one direction could be closed");
                    self.reader.error(span(item), message);
                    return None;
                }
                StepAction::Close(name, CloseHow::HalfClose)
            }
            "send" => return self.send(table, item, header),
            "expect" | "expect-none" => {
                let on = self.beside(table, key, "on", header);
                let within = self.duration(table, "within");
                let encoding = on.as_ref().and_then(|(_, endpoint)| *endpoint).map(Endpoint::encoding);
                let pattern = self.pattern(key, item, encoding)?;
                let on = on?.0;
                if key == "expect" {
                    StepAction::Expect { pattern, on, within }
                } else {
                    StepAction::ExpectNone { pattern, on, within }
                }
            }
            "expect-closed" => {
                let (on, endpoint) = self.name(key, item)?;
                if on.connection.is_none() && endpoint.is_some_and(has_connections) {
                    let message = format!("`{on}` stands for all its connections; say which, such as {on}#1");
                    self.reader.error(span(item), message);
                    return None;
                }
                StepAction::ExpectClosed { on, within: self.duration(table, "within") }
            }
            _ => StepAction::Wait(duration(self.reader, key, item)?),
        })
    }

    fn send(&mut self, table: &dyn TableLike, item: &Item, header: &Range<usize>) -> Option<StepAction> {
        let to = self.beside(table, "send", "to", header);
        if let Some((name, Some(endpoint))) = &to
            && name.connection.is_none()
            && endpoint.scheme.spec().role == Role::Pair
        {
            let at = table.get("to").map_or(header.clone(), span);
            self.reader.error(at, format!("`{name}` carries nothing itself; write {name}#1 or {name}#2"));
        }
        let repeat = table.get("repeat").and_then(|item| match item.as_integer() {
            Some(number @ 1..=REPEAT_MAX) => u64::try_from(number).ok(),
            Some(_) => {
                self.reader.error(span(item), format!("`repeat` is a number from 1 to {REPEAT_MAX}"));
                None
            }
            None => {
                self.reader.wrong_type("repeat", item, "a number, without quotes");
                None
            }
        });
        let every = self.duration(table, "every");
        if table.contains_key("every") && !table.contains_key("repeat") {
            self.reader.error(key_span(table, "every"), "`every` needs `repeat`: how often it is sent");
        }
        let Some(content) = item.as_table_like() else {
            self.reader.wrong_type("send", item, "a table such as { text = \"PING\" } or { payload = \"name\" }");
            return None;
        };
        for (key, _) in content.iter().filter(|(key, _)| !Message::KEYS.contains(key)) {
            self.reader.unknown_key(content, key, &Message::KEYS);
        }
        if !content.iter().any(|(key, _)| key != "checksum" && Message::KEYS.contains(&key)) {
            let message = "what to send is missing: one of payload, text, escaped, hex, base64, file";
            self.reader.error(span(item), message);
            return None;
        }
        let encodings: Vec<_> = to.iter().filter_map(|(_, endpoint)| Some((*endpoint)?.encoding())).collect();
        let message = Message::read(self.reader, content, self.known, &encodings, Place::Message)?;
        Some(StepAction::Send { message, to: to?.0, repeat, every })
    }

    /// What to wait for: a table, or `true` for anything.
    fn pattern(&mut self, key: &str, item: &Item, encoding: Option<Encoding>) -> Option<PatternEntry> {
        if item.as_bool() == Some(true) {
            return Some(PatternEntry::Any);
        }
        let Some(table) = item.as_table_like() else {
            self.reader.wrong_type(key, item, "a table such as { text = \"PONG\" }, or true for anything");
            return None;
        };
        for (key, _) in table.iter().filter(|(key, _)| !PatternEntry::KEYS.contains(key)) {
            self.reader.unknown_key(table, key, &PatternEntry::KEYS);
        }
        let encodings: Vec<_> = encoding.into_iter().collect();
        // Nothing of it is named later.
        let compile = |text: &str| Expression::new(text, false);
        PatternEntry::read(self.reader, table, span(item), self.known, &encodings, compile)
    }

    /// The socket that the key beside an action names, which may not be left out.
    fn beside(
        &mut self,
        table: &dyn TableLike,
        action: &str,
        key: &str,
        header: &Range<usize>,
    ) -> Option<(Name, Option<&'k Endpoint>)> {
        if let Some(item) = table.get(key) {
            return self.name(key, item);
        }
        let example = self.sockets.first().map_or("client", |socket| &socket.name);
        let message = format!("`{key}` is missing beside `{action}`: the socket's name");
        self.reader.error_with_help(header.clone(), message, &format!("write {key} = \"{example}\""));
        None
    }

    /// A socket, or a connection of one, and what it opens where that could be read.
    fn name(&mut self, key: &str, item: &Item) -> Option<(Name, Option<&'k Endpoint>)> {
        let text = self.reader.string(key, item)?;
        let (socket, number) = match text.split_once('#') {
            Some((socket, number)) => (socket, Some(number)),
            None => (text, None),
        };
        if !self.known.sockets.contains_key(socket) {
            let names: Vec<_> = self.sockets.iter().map(|entry| entry.name.as_str()).collect();
            self.reader.error(span(item), unknown_name("socket", socket, &names));
            return None;
        }
        let endpoint = self.sockets.iter().find(|entry| entry.name == socket).map(|entry| &entry.endpoint);
        let Some(number) = number else { return Some((Name::new(socket), endpoint)) };
        let at = self.reader.inside(item, text, socket.len()..text.len());
        if endpoint.is_some_and(|endpoint| !has_connections(endpoint)) {
            self.reader.error(at, format!("`{socket}` accepts no connections, so it has no {text}"));
            return None;
        }
        let is_pair = endpoint.is_some_and(|endpoint| endpoint.scheme.spec().role == Role::Pair);
        let number = number.parse::<u32>().ok().filter(|count| count.to_string() == number && *count > 0);
        match number {
            Some(3..) if is_pair => self.reader.error(at, format!("a pair has two ends, {socket}#1 and {socket}#2")),
            Some(number) => return Some((Name { socket: socket.to_owned(), connection: Some(number) }, endpoint)),
            None => self.reader.error(at, format!("connections have numbers from 1, such as {socket}#1")),
        }
        None
    }

    /// The duration of a key, where it has one.
    fn duration(&mut self, table: &dyn TableLike, key: &str) -> Option<Duration> {
        duration(self.reader, key, table.get(key)?)
    }
}

fn duration(reader: &mut Reader<'_>, key: &str, item: &Item) -> Option<Duration> {
    let text = reader.string(key, item)?;
    parse_duration(text).map_err(|why| reader.error(span(item), format!("{key}: {why}"))).ok()
}

/// Whether a socket carries nothing itself, but its connections do.
fn has_connections(endpoint: &Endpoint) -> bool {
    matches!(endpoint.scheme.spec().role, Role::Listener | Role::Pair)
}
