//! Reading the `[[rule]]` tables of a profile.

use std::ops::Range;
use std::time::Duration;

use toml_edit::{Item, TableLike, Value};

use super::compile::{folder_of, no_folder};
use super::{RuleEntry, SendEntry, WhenEntry};
use crate::contract::{parse_duration, parse_size};
use crate::document::{Reader, key_span, span, unknown_name};
use crate::encoding::Encoding;
use crate::pattern::Expression;
use crate::payload::{Mode, NotationError, Place, Template};
use crate::profile::SocketEntry;
use crate::profile::message::{Known, Message, PatternEntry};
use crate::profile::names::{Names, table_name};
use crate::rule::{Hits, Moment, Once, Then};

/// The keys of a rule.
const KEYS: [&str; 8] = ["name", "on", "when", "send", "delay", "then", "once", "enabled"];

/// The events that a rule can wait for.
const MOMENTS: [Moment; 3] = [Moment::Accepted, Moment::Connected, Moment::PeerClosed];
const THENS: [Then; 3] = [Then::Keep, Then::HalfClose, Then::Close];
const ONCES: [Once; 3] = [Once::Never, Once::Connection, Once::Session];

/// The keys of a `send` that are of a message.
const OF_MESSAGE: [&str; 6] = ["payload", "text", "escaped", "hex", "base64", "checksum"];
/// The keys that say what is sent, exactly one of which a `send` has.
const CONTENTS: [&str; 8] = ["payload", "text", "escaped", "hex", "base64", "file", "exec", "chargen"];

/// Reads these tables, each with the place of its header.
pub(in crate::profile) fn read(
    reader: &mut Reader<'_>,
    tables: Vec<(&dyn TableLike, Range<usize>)>,
    sockets: &[SocketEntry],
    known: &Known<'_>,
) -> Vec<RuleEntry> {
    let mut names = Names::new();
    let mut rules = Vec::new();
    for (index, (table, header)) in tables.into_iter().enumerate() {
        let name = table_name(reader, table, &header, &mut names);
        let rule = RuleReader { reader, known, sockets, encodings: Vec::new() }.read(table, header, index);
        rules.extend(name.zip(rule).map(|(name, rule)| RuleEntry { name, ..rule }));
    }
    rules
}

struct RuleReader<'r, 'a, 'k> {
    reader: &'r mut Reader<'a>,
    known: &'r Known<'k>,
    sockets: &'r [SocketEntry],
    /// Those of the sockets that the rule is on.
    encodings: Vec<Encoding>,
}

impl RuleReader<'_, '_, '_> {
    /// Reads all of a rule but its name. `None` where there is a mistake, which is noted.
    fn read(mut self, table: &dyn TableLike, header: Range<usize>, index: usize) -> Option<RuleEntry> {
        for (key, _) in table.iter() {
            if !KEYS.contains(&key) {
                self.reader.unknown_key(table, key, &KEYS);
            }
        }
        let on = table.get("on").map(|item| self.read_on(item));
        let on_all = on.clone().flatten();
        let is_on = |socket: &&SocketEntry| on_all.as_ref().is_none_or(|on| on.contains(&socket.name));
        let sockets: Vec<_> = self.sockets.iter().filter(is_on).collect();
        self.encodings = sockets.iter().map(|socket| socket.endpoint.encoding()).collect();
        let when = if let Some(item) = table.get("when") {
            self.read_when(item)
        } else {
            let help = "write when = { any = true }, for example";
            self.reader.error_with_help(header, "`when` is missing: what the rule waits for", help);
            None
        };
        // What is wrong with the pattern is told; how many captures it would have is not known then.
        let place = Place::Reply { captures: when.as_ref().map_or(usize::MAX, WhenEntry::captures) };
        let send = table.get("send").map(|item| self.read_send(item, place));
        let delay = match table.get("delay") {
            Some(item) => self.text_of("delay", item, parse_duration),
            None => Some(Duration::ZERO),
        };
        let then = self.word(table, "then", THENS);
        let once = self.word(table, "once", ONCES);
        let enabled = table.get("enabled").is_none_or(|item| self.reader.flag("enabled", item) == Some(true));
        let is_named = on_all.is_some();
        if let (Some(then), Some(item)) = (then.filter(|then| *then != Then::Keep), table.get("then")) {
            let is_datagram = |socket: &SocketEntry| socket.endpoint.scheme.is_datagram();
            let what = format!("is a datagram socket, which has no connection to {then}");
            self.warn_of(item, &sockets, is_named, is_datagram, &what);
        }
        if let (Some(when), Some(item)) = (&when, table.get("when")) {
            let can_not = |socket: &SocketEntry| !when.can_come(&socket.endpoint);
            self.warn_of(item, &sockets, is_named, can_not, "is of a kind on which this never comes");
        }
        if let (Some(_), Some(item)) = (&on_all, table.get("on")) {
            for socket in sockets.iter().filter(|socket| !socket.endpoint.scheme.can_echo()) {
                let scheme = socket.endpoint.scheme.spec().name;
                let what =
                    format!("no rule holds for `{}`: {scheme} is not answered, or it would be for ever", socket.name);
                self.reader.warning(span(item), what);
            }
        }
        Some(RuleEntry {
            name: String::new(),
            on: on.map_or(Some(None), |on| on.map(Some))?,
            when: when?,
            send: send.map_or(Some(None), |send| send.map(Some))?,
            delay: delay?,
            then: then?,
            once: once?,
            enabled,
            hits: Hits::default(),
            origin: Some(index),
        })
    }

    /// A socket's name, or a list of names.
    fn read_on(&mut self, item: &Item) -> Option<Vec<String>> {
        let Some(names) = names_in(item) else {
            self.reader.wrong_type("on", item, "a socket's name, or a list of names");
            return None;
        };
        let mut all_known = true;
        for (name, at) in &names {
            if !self.known.sockets.contains_key(*name) {
                let names: Vec<_> = self.sockets.iter().map(|entry| entry.name.as_str()).collect();
                self.reader.error(at.clone(), unknown_name("socket", name, &names));
                all_known = false;
            }
        }
        all_known.then(|| names.into_iter().map(|(name, _)| name.to_owned()).collect())
    }

    fn read_when(&mut self, item: &Item) -> Option<WhenEntry> {
        let Some(table) = item.as_table_like() else {
            self.reader.wrong_type("when", item, "a table such as { text = \"PING\" }, { any = true }");
            return None;
        };
        let is_pattern = |key: &str| PatternEntry::KEYS.contains(&key);
        for (key, _) in table.iter().filter(|(key, _)| *key != "event" && !is_pattern(key)) {
            let known: Vec<_> = ["event"].into_iter().chain(PatternEntry::KEYS).collect();
            self.reader.unknown_key(table, key, &known);
        }
        let other = table.iter().map(|(key, _)| key).find(|key| is_pattern(key));
        match (table.get("event"), other) {
            (Some(_), Some(other)) => {
                let what = format!("`{other}` can't stand beside `event`: one thing is waited for");
                self.reader.error(key_span(table, other), what);
                None
            }
            (Some(event), None) => {
                let read = |text: &str| word_of(text, MOMENTS, "event");
                self.text_of("event", event, read).map(WhenEntry::Event)
            }
            (None, None) => {
                let what = format!("what to wait for is missing: one of event, {}", PatternEntry::KEYS.join(", "));
                self.reader.error(span(item), what);
                None
            }
            (None, Some(_)) => {
                let (known, encodings) = (self.known, &self.encodings);
                PatternEntry::read(self.reader, table, span(item), known, encodings, Expression::capturing)
                    .map(WhenEntry::Message)
            }
        }
    }

    fn read_send(&mut self, item: &Item, place: Place) -> Option<SendEntry> {
        let Some(table) = item.as_table_like() else {
            self.reader.wrong_type("send", item, "a table such as { text = \"PONG\" }");
            return None;
        };
        let mut contents = table.iter().map(|(key, _)| key).filter(|key| CONTENTS.contains(key));
        let Some(content) = contents.next() else {
            self.reader.error(span(item), format!("what to send is missing: one of {}", CONTENTS.join(", ")));
            return None;
        };
        if let Some(other) = contents.next() {
            let what = format!("`{other}` can't stand beside `{content}`: one thing is sent");
            self.reader.error(key_span(table, other), what);
            return None;
        }
        let mut fits = true;
        for (key, _) in table.iter().filter(|(key, _)| *key != content) {
            let owner = match key {
                "root" | "missing" => "file",
                "timeout" | "max" => "exec",
                "checksum" if OF_MESSAGE.contains(&content) => continue,
                "checksum" => "text, escaped, hex and base64",
                _ => {
                    let beside = ["checksum", "root", "missing", "timeout", "max"];
                    let known: Vec<_> = CONTENTS.into_iter().chain(beside).collect();
                    self.reader.unknown_key(table, key, &known);
                    continue;
                }
            };
            if owner != content {
                self.reader.error(key_span(table, key), format!("`{key}` is for {owner}, not for {content}"));
                fits = false;
            }
        }
        let sent = match content {
            "file" => self.read_file(table, place),
            "exec" => self.read_program(table),
            "chargen" => self.read_characters(table.get(content)?),
            _ => Message::read(self.reader, table, self.known, &self.encodings, place).map(SendEntry::Message),
        };
        sent.filter(|_| fits)
    }

    fn read_file(&mut self, table: &dyn TableLike, place: Place) -> Option<SendEntry> {
        let name = self.escaped("file", table.get("file")?, place);
        let missing = table.get("missing").map(|item| self.escaped("missing", item, place));
        let Some(root) = table.get("root") else {
            self.reader.error_with_help(
                key_span(table, "file"),
                "`root` is missing: the folder that no file reply leaves",
                "write root = \"public\", for example; it begins at the profile's folder",
            );
            return None;
        };
        let text = self.reader.string("root", root)?;
        if text.is_empty() {
            self.reader.error(span(root), "`root` is empty; the profile's folder is \".\"");
            return None;
        }
        if let Some(folder) = self.reader.path().map(folder_of).map(|folder| folder.join(text))
            && !folder.is_dir()
        {
            self.reader.warning(span(root), no_folder(&folder));
        }
        let missing = missing.map_or(Some(None), |missing| missing.map(Some))?;
        Some(SendEntry::File { name: name?, root: text.into(), missing })
    }

    fn read_program(&mut self, table: &dyn TableLike) -> Option<SendEntry> {
        let item = table.get("exec")?;
        let words = item.as_array().and_then(|words| words.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
        let Some(words) = words else {
            self.reader.wrong_type("exec", item, "a list of strings: the program and its arguments");
            return None;
        };
        if words.first().is_none_or(|program| program.is_empty()) {
            self.reader.error(span(item), "the program is missing: exec = [\"cat\"], for example");
            return None;
        }
        let positive = |text: &str| match parse_duration(text) {
            Ok(Duration::ZERO) => Err("a program needs some time".to_owned()),
            time => time,
        };
        let timeout = match table.get("timeout") {
            Some(item) => self.text_of("timeout", item, positive),
            None => Some(SendEntry::TIMEOUT),
        };
        let max = match table.get("max") {
            Some(item) => self.text_of("max", item, parse_size),
            None => Some(SendEntry::MAX),
        };
        let command = words.into_iter().map(str::to_owned).collect();
        Some(SendEntry::Program { command, timeout: timeout?, max: max? })
    }

    fn read_characters(&mut self, item: &Item) -> Option<SendEntry> {
        let is_on = self.reader.flag("chargen", item)?;
        if !is_on {
            self.reader.error(span(item), "`chargen` can only be true");
        }
        is_on.then_some(SendEntry::Characters)
    }

    /// A text in the escaped notation, with templates.
    fn escaped(&mut self, key: &str, item: &Item, place: Place) -> Option<String> {
        let text = self.reader.string(key, item)?;
        let encodings = if self.encodings.is_empty() { &[Encoding::UTF_8][..] } else { &self.encodings };
        let variables = self.known.variables;
        let parse = |encoding: &Encoding| Template::parse(Mode::Escaped, text, *encoding, variables, place).err();
        match encodings.iter().find_map(parse) {
            None => Some(text.to_owned()),
            Some(NotationError { at, message }) => {
                let at = self.reader.inside(item, text, at);
                self.reader.error(at, message);
                None
            }
        }
    }

    /// What this reads in a string; anything else is an error.
    fn text_of<T>(&mut self, key: &str, item: &Item, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.reader.string(key, item)?;
        read(text).map_err(|why| self.reader.error(span(item), why)).ok()
    }

    /// One of these words; the default where the key is missing.
    fn word<T: std::fmt::Display + Default + Copy, const N: usize>(
        &mut self,
        table: &dyn TableLike,
        key: &str,
        words: [T; N],
    ) -> Option<T> {
        match table.get(key) {
            Some(item) => self.text_of(key, item, |text| word_of(text, words, key)),
            None => Some(T::default()),
        }
    }

    /// Notes that a part of the rule can't be on one of its sockets. A rule for every socket is meant for those on which it
    /// can.
    fn warn_of(
        &mut self,
        item: &Item,
        sockets: &[&SocketEntry],
        is_named: bool,
        can_not: impl Fn(&SocketEntry) -> bool,
        what: &str,
    ) {
        if let Some(spared) = sockets.iter().find(|socket| can_not(socket))
            && (is_named || sockets.iter().all(|socket| can_not(socket)))
        {
            self.reader.warning(span(item), format!("`{}` {what}", spared.name));
        }
    }
}

/// The one of these that is written so.
fn word_of<T: std::fmt::Display + Copy, const N: usize>(text: &str, words: [T; N], key: &str) -> Result<T, String> {
    let known = || words.map(|word| word.to_string()).join(", ");
    let found = words.into_iter().find(|word| word.to_string() == text);
    found.ok_or_else(|| format!("`{key}` can't be `{text}`; it is one of {}", known()))
}

/// The names in an `on`, each with its place; `None` where it is neither a name nor a list of names.
fn names_in(item: &Item) -> Option<Vec<(&str, Range<usize>)>> {
    fn name(value: &Value) -> Option<(&str, Range<usize>)> {
        Some((value.as_str()?, value.span().unwrap_or(0..0)))
    }
    match item.as_value()? {
        Value::Array(array) => array.iter().map(name).collect(),
        value => Some(vec![name(value)?]),
    }
}
