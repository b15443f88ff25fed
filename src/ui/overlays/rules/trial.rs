//! A rule tried on a message of the log: whether it matches, what is captured, and the very bytes that it would send.
//!
//! It never sends them and runs no program of a reply. Of a file it looks whether it is there, as the engine would.

use crate::contract::{Endpoint, SocketId, format_duration};
use crate::encoding::Encoding;
use crate::log::sanitise::Printable;
use crate::log::{Kind, Row};
use crate::pattern::{Match, Pattern, STEPS_AT_ONCE};
use crate::payload::{Fill, Template};
use crate::profile::{PatternEntry, PayloadContent, RuleEntry, WhenEntry};
use crate::rule::{Reply, Rule, Then, When, open_below};
use crate::ui::Ui;
use crate::ui::figures::grouped;
use crate::ui::panes::inspector::row_in_words;

/// The longest part of a message that rules are tried on, in bytes.
const MOST: usize = 1 << 20;

/// How many rows before the selected one are looked at for a message.
const NEAR: u64 = 256;

/// What a trial tells, and how it is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Told,
    Good,
    Warning,
    Error,
}

/// What came of a trial.
#[derive(Debug)]
pub(super) struct Trial {
    pub(super) lines: Vec<(String, Tone)>,
    /// What would be sent, where that is known beforehand.
    pub(super) bytes: Option<Vec<u8>>,
}

/// A message of the log.
struct Tried {
    row: Row,
    bytes: Vec<u8>,
}

/// On what a rule is tried, and where.
struct Scene {
    /// Nothing where the rule waits for no message, or there is none yet.
    tried: Option<Tried>,
    /// The socket of the message, if the rule is on it, or else the first that the rule is on.
    home: Option<SocketId>,
}

/// A peer, where there is none yet and a template names it.
const SOME_PEER: &str = "127.0.0.1:50000";

/// Tries a rule that stands at this place among those of the profile. What it would send is told with a seed, from which
/// chance begins.
pub(super) fn trial(ui: &Ui, entry: &RuleEntry, place: usize, seed: Option<u64>) -> Trial {
    let mut trial = Trial { lines: Vec::new(), bytes: None };
    let scene = Scene::of(ui, entry);
    let encoding = scene.home.map_or(Encoding::UTF_8, |home| ui.bench.roster.encoding(home));
    let rule = match entry.compile(&ui.bench.profile, encoding, ui.bench.variables()) {
        Ok(rule) => rule,
        Err(why) => {
            trial.say(Tone::Error, format!("It can't be applied: {why}"));
            return trial;
        }
    };
    let When::Comes(pattern) = &rule.when else {
        trial.say(Tone::Told, "It waits for no message, so there is none to try it on.".to_owned());
        trial.reply(ui, &rule, &scene, &[], seed);
        return trial;
    };
    let Some(tried) = &scene.tried else {
        trial.say(Tone::Told, "The log has no message yet to try it on.".to_owned());
        if pattern.captures() == 1 {
            trial.reply(ui, &rule, &scene, &[], seed);
        }
        return trial;
    };
    let socket = ui.bench.roster.name(tried.row.socket);
    let verb = if tried.row.kind == Kind::Sent { "sent" } else { "received" };
    let size = bytes(tried.bytes.len());
    trial.say(Tone::Told, format!("Tried on what {socket} {verb} ({}, {size}):", row_in_words(ui, tried.row.seq)));
    if pattern.weight().saturating_mul(tried.bytes.len()) > STEPS_AT_ONCE {
        trial.say(
            Tone::Warning,
            "It is not tried: so large an expression may take long in so long a message.".to_owned(),
        );
        return trial;
    }
    let Some(found) = pattern.find(&tried.bytes) else {
        trial.say(Tone::Warning, format!("It does not match: {}", why_not(pattern, &tried.bytes)));
        if let Some(escape) = literal_escape(&entry.when) {
            let text = format!("The text is taken as it stands; choose escaped for {escape}.");
            trial.say(Tone::Warning, text);
        }
        return trial;
    };
    let root = root_of(ui, tried);
    if let Some(other) = answers_before(ui, place, &root, tried) {
        trial.say(Tone::Warning, format!("It matches, but the rule {other} stands before it and answers."));
    } else if entry.is_on(&root) {
        trial.say(Tone::Good, format!("It matches{}", captured(pattern, &found)));
    } else {
        trial.say(Tone::Warning, format!("It matches{}, but is not on {root}", captured(pattern, &found)));
    }
    trial.reply(ui, &rule, &scene, &found.captures, seed);
    trial
}

impl Scene {
    fn of(ui: &Ui, entry: &RuleEntry) -> Self {
        let is_for_messages = matches!(entry.when, WhenEntry::Message(_));
        let tried = if is_for_messages { nearest(ui) } else { None };
        let on_it = tried.as_ref().filter(|tried| entry.is_on(&root_of(ui, tried))).map(|tried| tried.row.socket);
        let first = || ui.bench.roster.roots().find(|root| entry.is_on(&root.name)).map(|root| root.id);
        Self { home: on_it.or_else(first), tried }
    }

    /// The peer that the answer goes to, if one is known.
    fn peer(&self, ui: &Ui) -> Option<String> {
        let member = self.home.and_then(|home| ui.bench.roster.get(home));
        let peer = self.tried.as_ref().and_then(|tried| ui.bench.store.peer(&tried.row));
        peer.as_ref().or_else(|| member.and_then(|member| member.peer.as_ref())).map(ToString::to_string)
    }

    fn filled(&self, ui: &Ui, template: &Template, captures: &[&[u8]], seed: u64) -> Vec<u8> {
        let member = self.home.and_then(|home| ui.bench.roster.get(home));
        let local = member.and_then(|member| member.local.first()).map(ToString::to_string);
        template.filled(&Fill {
            counter: 1,
            at: ui.bench.now().0,
            seed,
            peer: self.peer(ui).as_deref().unwrap_or(SOME_PEER),
            local: local.as_deref().unwrap_or_default(),
            captures,
            payload: self.tried.as_ref().map_or(&[], |tried| &tried.bytes),
        })
    }
}

impl Trial {
    fn say(&mut self, tone: Tone, text: String) {
        self.lines.push((text, tone));
    }

    /// Says what the rule would send.
    fn reply(&mut self, ui: &Ui, rule: &Rule, scene: &Scene, captures: &[&[u8]], seed: Option<u64>) {
        let Some(seed) = seed else { return };
        let endings = endings(rule);
        let fill = |template: &Template| scene.filled(ui, template, captures, seed);
        let endpoint = scene.home.and_then(|home| ui.bench.roster.endpoint(home));
        match &rule.reply {
            Reply::Nothing => self.say(Tone::Told, format!("It sends nothing{endings}")),
            Reply::Message(_) if rule.is_echo() && endpoint.is_some_and(|endpoint| endpoint.framing().wraps()) => {
                self.say(Tone::Told, "It sends the message back as it came, with the frame around it".to_owned());
            }
            Reply::Message(template) => {
                let framing = endpoint.and_then(Endpoint::wrap);
                let payload = fill(template);
                let wrapped = match framing {
                    Some(framing) => framing.wrap(&payload).map_err(|why| format!("{framing}: {why}")),
                    None => Ok(payload),
                };
                match wrapped {
                    Err(why) => self.say(Tone::Error, format!("It can't send that: {why}")),
                    Ok(sent) => {
                        let frame = framing.map(|framing| format!(" in a frame ({framing})")).unwrap_or_default();
                        let is_made_up = template.needs_peer() && scene.peer(ui).is_none();
                        let made_up = if is_made_up { format!(", if the peer is {SOME_PEER}") } else { String::new() };
                        if sent.is_empty() {
                            self.say(Tone::Warning, format!("It sends 0 bytes{endings}: the answer is empty"));
                            return;
                        }
                        self.say(Tone::Told, format!("It sends {}{frame}{endings}{made_up}:", bytes(sent.len())));
                        self.bytes = Some(sent);
                    }
                }
            }
            Reply::File { name, root, missing } => {
                let asked = fill(name);
                let name = String::from_utf8_lossy(&asked).into_owned();
                match (open_below(root, &asked), missing) {
                    (Ok(found), _) => {
                        let size = bytes(found.len);
                        let text = format!("It sends the file {name:?} of {}, {size}{endings}", root.display());
                        self.say(Tone::Told, text);
                    }
                    (Err(why), missing) => {
                        self.say(
                            Tone::Warning,
                            format!("It can't send the file {name:?} of {}: {why}", root.display()),
                        );
                        let instead = missing.as_ref().map(fill);
                        let size = instead.as_ref().map_or_else(|| "nothing".to_owned(), |sent| bytes(sent.len()));
                        let colon = if instead.is_some() { ":" } else { "" };
                        self.say(Tone::Told, format!("It sends {size} instead{endings}{colon}"));
                        self.bytes = instead;
                    }
                }
            }
            Reply::Program { command, folder, timeout, .. } => {
                let timeout = format_duration(*timeout);
                let command = command.join(" ");
                let text = format!("It runs {command} in {} for {timeout} at most{endings}", folder.display());
                self.say(Tone::Told, text);
            }
            Reply::Characters => {
                self.say(Tone::Told, format!("It sends characters for as long as they are taken{endings}"));
            }
        }
    }
}

/// What follows the reply, and when.
fn endings(rule: &Rule) -> String {
    let after = if rule.delay.is_zero() { String::new() } else { format!(" after {}", format_duration(rule.delay)) };
    let then = match rule.then {
        Then::Keep => "",
        Then::HalfClose => ", then FIN",
        Then::Close => ", then closes",
    };
    after + then
}

/// The name of what the user opened, of which a message is.
fn root_of(ui: &Ui, tried: &Tried) -> String {
    ui.bench.roster.name(ui.bench.roster.root(tried.row.socket))
}

/// The selected message, or else the last that was received before.
fn nearest(ui: &Ui) -> Option<Tried> {
    let (current, spot) = ui.bench.current_line()?;
    if let Some(tried) = message(ui, current, Some(spot.message)).filter(|_| current.kind.is_message()) {
        return Some(tried);
    }
    let before = (current.seq.saturating_sub(NEAR)..current.seq).rev().filter_map(|seq| ui.bench.store.row(seq));
    before.filter(|row| row.kind == Kind::Received).find_map(|row| message(ui, row, None))
}

/// The message of a row; on a framed stream this one of those that end in it, or else the last.
fn message(ui: &Ui, row: Row, which: Option<u32>) -> Option<Tried> {
    let messages = &ui.bench.messages;
    let store = &ui.bench.store;
    let bytes = match messages.count(&row) {
        None => {
            let content = store.bytes(&row);
            content[..content.len().min(MOST)].to_vec()
        }
        Some(count) => {
            let last = count.checked_sub(1)?;
            let which = which.unwrap_or(last).min(last);
            messages.ending_in(&row, |place| place == which, store).first()?.bytes(store, MOST)
        }
    };
    Some(Tried { row, bytes })
}

/// The rule that answers this message before those at this place.
fn answers_before<'u>(ui: &'u Ui, place: usize, root: &str, tried: &Tried) -> Option<&'u str> {
    let encoding = ui.bench.roster.encoding(tried.row.socket);
    let mut before = ui.bench.profile.contents.rules.iter().take(place).filter(|rule| rule.enabled && rule.is_on(root));
    let matches = |rule: &&RuleEntry| match &rule.when {
        WhenEntry::Message(pattern) => pattern.pattern(encoding, ui.bench.variables()).is_ok_and(|pattern| {
            let is_slow = pattern.weight().saturating_mul(tried.bytes.len()) > STEPS_AT_ONCE;
            !is_slow && pattern.find(&tried.bytes).is_some()
        }),
        WhenEntry::Event(_) => false,
    };
    before.find(matches).map(|rule| rule.name.as_str())
}

/// What was captured, where there is more than all that matched.
fn captured(pattern: &Pattern, found: &Match<'_>) -> String {
    let Pattern::Regex(_) = pattern else { return String::new() };
    let shown = |(number, capture): (usize, &&[u8])| {
        format!("{{{{{number}}}}} {}", Printable::bytes_up_to(capture, 24).as_str())
    };
    format!(": {}", found.captures.iter().enumerate().map(shown).collect::<Vec<_>>().join("  "))
}

fn why_not(pattern: &Pattern, message: &[u8]) -> String {
    match pattern {
        Pattern::Any => String::new(),
        Pattern::Contains(wanted) => format!("{} is not in it", few(wanted)),
        Pattern::Equals(wanted) => {
            let same = wanted.iter().zip(message).take_while(|(one, other)| one == other).count();
            match (&wanted[same..], &message[same..]) {
                ([], more) => format!("the message has {} more: {}", bytes(more.len()), few(more)),
                (lacking, []) => format!("the message ends before {}", few(lacking)),
                (wanted, came) => {
                    let place = grouped(same as u64 + 1);
                    format!("from byte {place} on it has {}, and {} is waited for", few(came), few(wanted))
                }
            }
        }
        Pattern::Regex(_) => "the regular expression finds nothing in it".to_owned(),
    }
}

/// The first of some bytes, as the log shows them.
fn few(bytes: &[u8]) -> String {
    Printable::bytes_up_to(bytes, 24).as_str().to_owned()
}

/// The first thing in a plain text that would be one character in an escaped one.
fn literal_escape(when: &WhenEntry) -> Option<&str> {
    let WhenEntry::Message(
        PatternEntry::Contains(PayloadContent::Text(text)) | PatternEntry::Equals(PayloadContent::Text(text)),
    ) = when
    else {
        return None;
    };
    let (at, _) = text.match_indices('\\').find(|(at, _)| text[at + 1..].starts_with(['n', 'r', 't', '0', 'x']))?;
    text.get(at..at + 2)
}

fn bytes(count: usize) -> String {
    if count == 1 { "1 byte".to_owned() } else { format!("{} bytes", grouped(count as u64)) }
}
