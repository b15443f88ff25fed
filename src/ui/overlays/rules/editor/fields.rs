//! What the fields of the form hold, and the rule that comes of them.

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use super::command::{join_words, split_words};
use super::{Editor, Wrong};
use crate::contract::{format_duration, format_size, parse_duration, parse_size};
use crate::encoding::Encoding;
use crate::log::sanitise::Printable;
use crate::pattern::Expression;
use crate::payload::{Checksum, Fill, Mode, Place, Template};
use crate::profile::{Message, PatternEntry, PayloadContent, RuleEntry, SendEntry, WhenEntry, check_name};
use crate::rule::{Moment, Once, Then};
use crate::ui::Ui;
use crate::ui::widgets::text_input::TextInput;

/// A field of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Name,
    On,
    When,
    Pattern,
    Send,
    Content,
    Checksum,
    Payload,
    File,
    Root,
    Missing,
    Program,
    Timeout,
    Max,
    Delay,
    Then,
    Once,
}

/// What a rule can wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenKind {
    Any,
    Has(Mode),
    Is(Mode),
    Regex,
    Event(Moment),
}

/// What a rule can send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SendKind {
    Nothing,
    Written(&'static str),
    Payload,
    File,
    Program,
    Characters,
}

pub(super) const WHENS: [(WhenKind, &str); 11] = [
    (WhenKind::Any, "any message comes"),
    (WhenKind::Has(Mode::Text), "a message has this text"),
    (WhenKind::Is(Mode::Text), "a message is this text"),
    (WhenKind::Regex, "a regular expression finds something"),
    (WhenKind::Has(Mode::Escaped), "a message has this, escaped"),
    (WhenKind::Is(Mode::Escaped), "a message is this, escaped"),
    (WhenKind::Has(Mode::Hex), "a message has these bytes, hex"),
    (WhenKind::Is(Mode::Hex), "a message is these bytes, hex"),
    (WhenKind::Event(Moment::Accepted), "a connection is accepted"),
    (WhenKind::Event(Moment::Connected), "the connection stands"),
    (WhenKind::Event(Moment::PeerClosed), "the peer has sent FIN"),
];

pub(super) const SENDS: [(SendKind, &str); 9] = [
    (SendKind::Nothing, "nothing"),
    (SendKind::Written("text"), "text"),
    (SendKind::Written("escaped"), "escaped text, with templates"),
    (SendKind::Written("hex"), "hex"),
    (SendKind::Written("base64"), "base64"),
    (SendKind::Payload, "a saved payload"),
    (SendKind::File, "a file"),
    (SendKind::Program, "what a program says"),
    (SendKind::Characters, "characters without an end"),
];

pub(super) const THENS: [(Then, &str); 3] =
    [(Then::Keep, "keeps the connection"), (Then::HalfClose, "sends FIN"), (Then::Close, "closes the connection")];

pub(super) const ONCES: [(Once, &str); 3] =
    [(Once::Never, "every time"), (Once::Connection, "once a connection"), (Once::Session, "once")];

impl Field {
    pub(super) const COUNT: usize = Self::Once as usize + 1;

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::On => "on",
            Self::When => "when",
            Self::Pattern => "message",
            Self::Content => "answer",
            Self::Payload => "payload",
            Self::File => "file",
            Self::Program => "program",
            Self::Send => "sends",
            Self::Checksum => "checksum",
            Self::Root => "of folder",
            Self::Missing => "or else",
            Self::Timeout => "timeout",
            Self::Max => "max",
            Self::Delay => "delay",
            Self::Then => "then",
            Self::Once => "applies",
        }
    }

    /// True for one that turns through words and has no text of its own.
    pub(super) const fn is_choice(self) -> bool {
        matches!(self, Self::When | Self::Send | Self::Payload | Self::Then | Self::Once)
    }

    /// What the field is for, in one sentence.
    pub(super) const fn help(self) -> &'static str {
        match self {
            Self::Name => "name: how the log and the profile call it",
            Self::On => "on: the sockets, parted by commas; empty for every socket",
            Self::When => "when: what it waits for; Left and Right turn",
            Self::Pattern => "what a message is held against; of a regular expression (...) captures {{1}}, {{2}}",
            Self::Send => "sends: what it answers; Left and Right turn",
            Self::Content => {
                "what is sent; escaped: \\n \\xHH \\h(01 02) {{1}} {{payload}} {{peer}} {{time}} {{counter}}"
            }
            Self::Checksum => "checksum: behind the rest, such as crc16-modbus or sum8 1..-1; empty for none",
            Self::Payload => "which one: Left and Right turn; ^E in the workbench lists them",
            Self::File => "the file's path below the folder, escaped: {{1}} is the first capture",
            Self::Root => "of folder: no reply leaves it",
            Self::Missing => "or else: what is sent where there is no such file, escaped; empty for nothing",
            Self::Program => "the program and its arguments, '...' around what has blanks; the message is its input",
            Self::Timeout => "timeout: how long the program may take, such as 250ms; empty for 5s",
            Self::Max => "max: how much it may say, such as 64KiB; empty for 1MiB",
            Self::Delay => "delay: how long after that it sends, such as 250ms; empty for at once",
            Self::Then => "then: what becomes of the connection after that; Left and Right turn",
            Self::Once => "applies: how often; Left and Right turn",
        }
    }
}

/// The rule that a new one begins as.
pub(super) fn blank() -> RuleEntry {
    let nothing = Message::Written(PayloadContent::Escaped(String::new()), None);
    RuleEntry::new("", WhenEntry::Message(PatternEntry::Any), Some(SendEntry::Message(nothing)))
}

impl Editor {
    /// The form filled in with a rule.
    pub(super) fn of(rule: RuleEntry) -> Self {
        let mut editor = Self {
            inputs: std::array::from_fn(|_| TextInput::new()),
            when: 0,
            send: 0,
            then: THENS.iter().position(|(then, _)| *then == rule.then).unwrap_or(0),
            once: ONCES.iter().position(|(once, _)| *once == rule.once).unwrap_or(0),
            focus: Field::When,
            seed: fastrand::u64(..),
            drawn: std::cell::Cell::default(),
            before: rule.clone(),
        };
        let mut set = |field: Field, text: &str| editor.inputs[field as usize] = TextInput::with_text(text);
        set(Field::Name, &rule.name);
        set(Field::On, &rule.on.map(|on| on.join(", ")).unwrap_or_default());
        if !rule.delay.is_zero() {
            set(Field::Delay, &format_duration(rule.delay));
        }
        let (when, pattern) = match &rule.when {
            WhenEntry::Event(moment) => (WhenKind::Event(*moment), ""),
            WhenEntry::Message(PatternEntry::Any) => (WhenKind::Any, ""),
            WhenEntry::Message(PatternEntry::Regex(expression)) => (WhenKind::Regex, expression.as_str()),
            WhenEntry::Message(PatternEntry::Contains(content)) => (WhenKind::Has(mode_of(content)), text_of(content)),
            WhenEntry::Message(PatternEntry::Equals(content)) => (WhenKind::Is(mode_of(content)), text_of(content)),
        };
        set(Field::Pattern, pattern);
        let send = match &rule.send {
            None => SendKind::Nothing,
            Some(SendEntry::Characters) => SendKind::Characters,
            Some(SendEntry::Message(Message::Payload(name))) => {
                set(Field::Payload, name);
                SendKind::Payload
            }
            Some(SendEntry::Message(Message::Written(content, checksum))) => {
                set(Field::Content, text_of(content));
                set(Field::Checksum, &checksum.map(|checksum| checksum.to_string()).unwrap_or_default());
                SendKind::Written(match content {
                    PayloadContent::Text(_) => "text",
                    PayloadContent::Hex(_) => "hex",
                    PayloadContent::Base64(_) => "base64",
                    PayloadContent::Escaped(_) | PayloadContent::File(_) => "escaped",
                })
            }
            Some(SendEntry::File { name, root, missing }) => {
                set(Field::File, name);
                set(Field::Root, &root.to_string_lossy());
                set(Field::Missing, missing.as_deref().unwrap_or_default());
                SendKind::File
            }
            Some(SendEntry::Program { command, timeout, max }) => {
                set(Field::Program, &join_words(command));
                set(Field::Timeout, &format_duration(*timeout));
                set(Field::Max, &format_size(*max));
                SendKind::Program
            }
        };
        for (field, text) in [
            (Field::On, "(every socket)"),
            (Field::Checksum, "(none)"),
            (Field::Missing, "(nothing)"),
            (Field::Timeout, "(5s)"),
            (Field::Max, "(1MiB)"),
            (Field::Delay, "(at once)"),
        ] {
            editor.inputs[field as usize].set_placeholder(Printable::text(text));
        }
        editor.when = WHENS.iter().position(|(kind, _)| *kind == when).unwrap_or(0);
        editor.send = SENDS.iter().position(|(kind, _)| *kind == send).unwrap_or(0);
        editor
    }

    pub(super) fn when_kind(&self) -> WhenKind {
        WHENS[self.when].0
    }

    pub(super) fn send_kind(&self) -> SendKind {
        SENDS[self.send].0
    }

    /// The fields that there are for what is chosen.
    pub(super) fn fields(&self) -> Vec<Field> {
        let pattern = !matches!(self.when_kind(), WhenKind::Any | WhenKind::Event(_));
        let content: &[Field] = match self.send_kind() {
            SendKind::Nothing | SendKind::Characters => &[],
            SendKind::Written(_) => &[Field::Content, Field::Checksum],
            SendKind::Payload => &[Field::Payload],
            SendKind::File => &[Field::File, Field::Root, Field::Missing],
            SendKind::Program => &[Field::Program, Field::Timeout, Field::Max],
        };
        let mut fields = vec![Field::Name, Field::On, Field::When];
        fields.extend(pattern.then_some(Field::Pattern));
        fields.push(Field::Send);
        fields.extend(content);
        fields.extend([Field::Delay, Field::Then, Field::Once]);
        fields
    }

    /// The rule that the fields stand for.
    pub(super) fn entry(&self, ui: &Ui) -> Result<RuleEntry, Wrong> {
        let name = self.text(Field::Name);
        let of_name = |message: String| self.wrong(Field::Name, None, message);
        check_name(name).map_err(|why| of_name(why.to_owned()))?;
        if name != self.before.name && ui.bench.profile.contents.rules.iter().any(|rule| rule.name == name) {
            return Err(of_name(format!("there is a rule `{name}` already")));
        }
        let mut entry = self.waiting(ui)?;
        let place = Place::Reply { captures: entry.captures() };
        entry.send = self.sent(ui, &encodings(ui, entry.on.as_deref()), place)?;
        entry.delay = self.read_or(Field::Delay, Duration::ZERO, parse_duration)?;
        name.clone_into(&mut entry.name);
        (entry.then, entry.once) = (THENS[self.then].0, ONCES[self.once].0);
        Ok(entry)
    }

    /// As much of the rule as says what it waits for and where. What no field shows is as it was: whether it holds, how
    /// often it applied, and its place in the file.
    pub(super) fn waiting(&self, ui: &Ui) -> Result<RuleEntry, Wrong> {
        let mut entry = self.before.clone();
        entry.on = self.sockets(ui)?;
        entry.when = self.waited_for(ui, &encodings(ui, entry.on.as_deref()))?;
        entry.send = None;
        Ok(entry)
    }

    fn wrong(&self, field: Field, at: Option<Range<usize>>, message: impl Into<String>) -> Wrong {
        Wrong { field, at: at.unwrap_or(0..self.text(field).len()), message: message.into() }
    }

    /// The sockets that are named; names may have commas in them.
    fn sockets(&self, ui: &Ui) -> Result<Option<Vec<String>>, Wrong> {
        let text = self.text(Field::On);
        if text.trim().is_empty() {
            return Ok(None);
        }
        let sockets = &ui.bench.profile.contents.sockets;
        let (mut names, mut at) = (Vec::new(), 0);
        loop {
            at += text[at..].len() - text[at..].trim_start().len();
            let rest = &text[at..];
            let fits = |name: &str| {
                let behind = rest.strip_prefix(name).map(str::trim_start);
                behind.is_some_and(|behind| behind.is_empty() || behind.starts_with(','))
            };
            let known = sockets.iter().map(|socket| &socket.name).filter(|name| fits(name));
            let Some(name) = known.max_by_key(|name| name.len()) else {
                let end = at + rest.find(',').unwrap_or(rest.len());
                let known: Vec<_> = sockets.iter().map(|socket| socket.name.as_str()).collect();
                let known = if known.is_empty() { "there is none yet".to_owned() } else { known.join(", ") };
                let message = format!("no socket is called `{}`; there are: {known}", text[at..end].trim());
                return Err(self.wrong(Field::On, Some(at..end), message));
            };
            names.push(name.clone());
            at += name.len();
            match text[at..].find(',') {
                Some(comma) => at += comma + 1,
                None => return Ok(Some(names)),
            }
        }
    }

    fn waited_for(&self, ui: &Ui, encodings: &[Encoding]) -> Result<WhenEntry, Wrong> {
        let text = self.text(Field::Pattern);
        let literal = |mode| {
            for encoding in encodings {
                let template = self.template(ui, Field::Pattern, mode, *encoding, Place::Message)?;
                if template.is_filled() {
                    let why = "what is waited for can't have a template but that of a variable in it";
                    return Err(self.wrong(Field::Pattern, None, why));
                }
            }
            Ok(match mode {
                Mode::Text => PayloadContent::Text(text.to_owned()),
                Mode::Escaped => PayloadContent::Escaped(text.to_owned()),
                Mode::Hex => PayloadContent::Hex(text.to_owned()),
            })
        };
        Ok(WhenEntry::Message(match self.when_kind() {
            WhenKind::Event(moment) => return Ok(WhenEntry::Event(moment)),
            WhenKind::Any => PatternEntry::Any,
            WhenKind::Has(mode) => {
                let content = literal(mode)?;
                for encoding in encodings {
                    if self
                        .template(ui, Field::Pattern, mode, *encoding, Place::Message)?
                        .filled(&Fill::default())
                        .is_empty()
                    {
                        return Err(self.wrong(
                            Field::Pattern,
                            None,
                            "what is empty is in every message; type what it has",
                        ));
                    }
                }
                PatternEntry::Contains(content)
            }
            WhenKind::Is(mode) => PatternEntry::Equals(literal(mode)?),
            WhenKind::Regex => {
                let wrong = |(at, why)| self.wrong(Field::Pattern, Some(at), why);
                PatternEntry::Regex(Expression::capturing(text).map_err(wrong)?)
            }
        }))
    }

    fn sent(&self, ui: &Ui, encodings: &[Encoding], place: Place) -> Result<Option<SendEntry>, Wrong> {
        let checked = |field, mode| {
            encodings.iter().try_for_each(|encoding| self.template(ui, field, mode, *encoding, place).map(|_| ()))
        };
        Ok(Some(match self.send_kind() {
            SendKind::Nothing => return Ok(None),
            SendKind::Characters => SendEntry::Characters,
            SendKind::Payload => {
                let name = self.text(Field::Payload);
                if !ui.bench.profile.contents.payloads.iter().any(|payload| payload.name == name) {
                    let why = "no payload is saved yet; ^E in the workbench keeps what is typed as one";
                    return Err(self.wrong(Field::Payload, None, why));
                }
                SendEntry::Message(Message::Payload(name.to_owned()))
            }
            SendKind::Written(key) => {
                let text = self.text(Field::Content).to_owned();
                let content = match key {
                    "text" => checked(Field::Content, Mode::Text).map(|()| PayloadContent::Text(text))?,
                    "hex" => checked(Field::Content, Mode::Hex).map(|()| PayloadContent::Hex(text))?,
                    "base64" => {
                        let content = PayloadContent::Base64(text);
                        let read = content.template(Path::new(""), Encoding::UTF_8, ui.bench.variables(), place);
                        read.map_err(|why| self.wrong(Field::Content, None, why))?;
                        content
                    }
                    _ => checked(Field::Content, Mode::Escaped).map(|()| PayloadContent::Escaped(text))?,
                };
                let checksum = |text: &str| text.parse::<Checksum>().map(Some);
                SendEntry::Message(Message::Written(content, self.read_or(Field::Checksum, None, checksum)?))
            }
            SendKind::File => {
                checked(Field::File, Mode::Escaped)?;
                checked(Field::Missing, Mode::Escaped)?;
                let (name, root, missing) = (self.text(Field::File), self.text(Field::Root), self.text(Field::Missing));
                if root.is_empty() {
                    return Err(self.wrong(Field::Root, None, "name the folder that no reply leaves"));
                }
                let missing = (!missing.is_empty()).then(|| missing.to_owned());
                SendEntry::File { name: name.to_owned(), root: root.into(), missing }
            }
            SendKind::Program => {
                let command = split_words(self.text(Field::Program))
                    .map_err(|(at, why)| self.wrong(Field::Program, Some(at), why))?;
                let some_time = |text: &str| match parse_duration(text) {
                    Ok(Duration::ZERO) => Err("a program needs some time".to_owned()),
                    time => time,
                };
                SendEntry::Program {
                    command,
                    timeout: self.read_or(Field::Timeout, SendEntry::TIMEOUT, some_time)?,
                    max: self.read_or(Field::Max, SendEntry::MAX, parse_size)?,
                }
            }
        }))
    }

    fn template(&self, ui: &Ui, field: Field, mode: Mode, encoding: Encoding, place: Place) -> Result<Template, Wrong> {
        let template = Template::parse(mode, self.text(field), encoding, ui.bench.variables(), place);
        template.map_err(|error| self.wrong(field, Some(error.at), error.message))
    }

    /// What `read` makes of a field, or what an empty one stands for.
    fn read_or<T>(&self, field: Field, empty: T, read: impl Fn(&str) -> Result<T, String>) -> Result<T, Wrong> {
        let text = self.text(field).trim();
        if text.is_empty() { Ok(empty) } else { read(text).map_err(|why| self.wrong(field, None, why)) }
    }
}

/// The encodings of the sockets that a rule is on.
fn encodings(ui: &Ui, on: Option<&[String]>) -> Vec<Encoding> {
    let is_on = |name: &String| on.is_none_or(|on| on.contains(name));
    let sockets = ui.bench.profile.contents.sockets.iter().filter(|socket| is_on(&socket.name));
    let mut encodings: Vec<_> = sockets.map(|socket| socket.endpoint.encoding()).collect();
    if encodings.is_empty() {
        encodings.push(Encoding::UTF_8);
    }
    encodings
}

fn mode_of(content: &PayloadContent) -> Mode {
    match content {
        PayloadContent::Text(_) => Mode::Text,
        PayloadContent::Hex(_) => Mode::Hex,
        PayloadContent::Escaped(_) | PayloadContent::Base64(_) | PayloadContent::File(_) => Mode::Escaped,
    }
}

fn text_of(content: &PayloadContent) -> &str {
    match content {
        PayloadContent::Text(text)
        | PayloadContent::Escaped(text)
        | PayloadContent::Hex(text)
        | PayloadContent::Base64(text) => text,
        PayloadContent::File(path) => path.to_str().unwrap_or_default(),
    }
}
