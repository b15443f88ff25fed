//! One `[[rule]]` of a profile: an automatic reply, as it is written down.
//!
//! Owns what a rule says, and which sockets it is on, also when those are renamed, removed, or made to echo. Of several
//! rules the first in the profile's order that matches a message answers it.

mod compile;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use super::{Message, PatternEntry, PayloadContent, Profile, SocketEntry};
use crate::contract::{Endpoint, Role};
use crate::rule::{Hits, Moment, Once, Then};

pub use compile::{Compiler, RULE_FILE_MAX};
pub(super) use read::read;

/// What an echo sends, as `escaped`: the template that stands for what came.
const WHAT_CAME: &str = "{{payload}}";

/// A rule of a profile.
#[derive(Clone, Debug)]
pub struct RuleEntry {
    /// Its name, unique among the profile's rules.
    pub name: String,
    /// The names of the sockets that it is on; `None` for every socket, those to come included.
    pub on: Option<Vec<String>>,
    /// What it waits for.
    pub when: WhenEntry,
    /// What it sends then; `None` for nothing.
    pub send: Option<SendEntry>,
    /// How long after that.
    pub delay: Duration,
    /// What becomes of the connection after that.
    pub then: Then,
    /// How often it applies.
    pub once: Once,
    /// False for a rule that is kept and does not hold.
    pub enabled: bool,
    /// How often it has applied since the profile was read. It is not part of what the rule says.
    pub hits: Hits,
    /// Which `[[rule]]` of the saved document it came from, from 0.
    pub(super) origin: Option<usize>,
}

/// What a rule waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhenEntry {
    /// A step of a connection's life.
    Event(Moment),
    /// A message.
    Message(PatternEntry),
}

/// What a rule sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendEntry {
    /// A message. Its content is never a file.
    Message(Message),
    /// The content of a file below a folder.
    File {
        /// Its path below `root`, in the escaped notation.
        name: String,
        /// The folder; a relative path begins at the profile's folder.
        root: PathBuf,
        /// What is sent where there is no such file, in the escaped notation.
        missing: Option<String>,
    },
    /// What a program says. It runs in the profile's folder.
    Program {
        /// The program and its arguments.
        command: Vec<String>,
        /// How long it may take.
        timeout: Duration,
        /// How many bytes it may say.
        max: u64,
    },
    /// Characters without an end (RFC 864).
    Characters,
}

impl SendEntry {
    /// How long a program may take that says nothing of it.
    pub const TIMEOUT: Duration = Duration::from_secs(5);
    /// How many bytes a program may say that says nothing of it.
    pub const MAX: u64 = 1 << 20;
}

/// Equal when they mean the same; where they came from and how often they applied does not matter.
impl PartialEq for RuleEntry {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.on, &self.when, &self.send) == (&other.name, &other.on, &other.when, &other.send)
            && (self.delay, self.then, self.once, self.enabled) == (other.delay, other.then, other.once, other.enabled)
    }
}

impl Eq for RuleEntry {}

impl RuleEntry {
    /// A rule for every socket, which holds, keeps the connection, and applies whenever what it waits for comes.
    #[must_use]
    pub fn new(name: impl Into<String>, when: WhenEntry, send: Option<SendEntry>) -> Self {
        Self {
            name: name.into(),
            on: None,
            when,
            send,
            delay: Duration::ZERO,
            then: Then::Keep,
            once: Once::Never,
            enabled: true,
            hits: Hits::default(),
            origin: None,
        }
    }

    /// A rule that sends back whatever comes.
    #[must_use]
    pub fn echo(name: impl Into<String>) -> Self {
        let what_came = Message::Written(PayloadContent::Escaped(WHAT_CAME.to_owned()), None);
        Self::new(name, WhenEntry::Message(PatternEntry::Any), Some(SendEntry::Message(what_came)))
    }

    /// True for a rule that sends back whatever comes, as it comes, and does nothing else.
    #[must_use]
    pub fn is_echo(&self) -> bool {
        let echo = Self::echo("");
        (&self.when, &self.send) == (&echo.when, &echo.send)
            && (self.delay, self.then, self.once) == (echo.delay, echo.then, echo.once)
    }

    /// True where it is on the socket of this name, whether it holds or not.
    #[must_use]
    pub fn is_on(&self, socket: &str) -> bool {
        self.on.as_ref().is_none_or(|on| on.iter().any(|name| name == socket))
    }

    /// How many captures its reply can have, what matched included.
    #[must_use]
    pub fn captures(&self) -> usize {
        self.when.captures()
    }
}

impl WhenEntry {
    /// False where it never comes: an event that such a socket, or its connections, don't have.
    #[must_use]
    pub fn can_come(&self, endpoint: &Endpoint) -> bool {
        match (self, endpoint.scheme.spec().role) {
            (Self::Event(Moment::Accepted), role) => role == Role::Listener,
            (Self::Event(Moment::Connected), role) => matches!(role, Role::Client | Role::Pair),
            (Self::Event(Moment::PeerClosed), _) => !endpoint.scheme.is_datagram(),
            (Self::Message(_), _) => true,
        }
    }

    /// How many captures a reply to it can have, what matched included; none where what is waited for is no message.
    #[must_use]
    pub fn captures(&self) -> usize {
        match self {
            Self::Event(_) => 0,
            Self::Message(PatternEntry::Regex(expression)) => expression.captures_len(),
            Self::Message(_) => 1,
        }
    }
}

impl Profile {
    /// The rules that hold for a socket, in their order. None holds for pings, whose replies would be answered by more,
    /// and for raw packets, which would come back with one more header each time.
    pub fn rules_on<'p>(&'p self, socket: &SocketEntry) -> impl Iterator<Item = &'p RuleEntry> {
        let can_answer = socket.endpoint.scheme.can_echo();
        self.contents.rules.iter().filter(move |rule| can_answer && rule.enabled && rule.is_on(&socket.name))
    }

    /// The name, or where a rule has it already the name and a number.
    #[must_use]
    pub fn free_rule_name(&self, name: &str) -> String {
        let taken: HashSet<_> = self.contents.rules.iter().map(|rule| rule.name.as_str()).collect();
        if !taken.contains(name) {
            return name.to_owned();
        }
        // One of these is free: there are more of them than names that are taken.
        let mut numbered = (2..taken.len() + 3).map(|number| format!("{name}-{number}"));
        numbered.find(|name| !taken.contains(name.as_str())).unwrap_or_default()
    }

    /// Gives a socket another name, by which the rules and the scenarios know it from then on. Nothing happens where there
    /// is none of this index.
    pub fn rename_socket(&mut self, index: usize, name: &str) {
        let Some(socket) = self.contents.sockets.get_mut(index) else { return };
        let old = std::mem::replace(&mut socket.name, name.to_owned());
        let lists = self.contents.rules.iter_mut().filter_map(|rule| rule.on.as_mut());
        lists.flatten().filter(|on| **on == old).for_each(|on| name.clone_into(on));
        self.rename_in_scenarios(&old, name);
    }

    /// Takes a socket out of the profile and of the lists of its rules; a rule that was on nothing else goes with it.
    /// Nothing happens where there is none of this index.
    pub fn remove_socket(&mut self, index: usize) {
        if index < self.contents.sockets.len() {
            let SocketEntry { name, .. } = self.contents.sockets.remove(index);
            self.contents.rules.retain_mut(|rule| rule.keeps_without(&name));
        }
    }

    /// True where a rule that holds sends back whatever comes to this socket.
    #[must_use]
    pub fn echoes(&self, socket: &SocketEntry) -> bool {
        self.rules_on(socket).any(RuleEntry::is_echo)
    }

    /// Adds a rule that sends back whatever comes to the socket of this name, or takes the socket off those that do. One
    /// that is on every socket is then on the others alone.
    pub fn set_echo(&mut self, socket: &str, on: bool) {
        if on {
            let name = self.free_rule_name("echo");
            self.contents.rules.push(RuleEntry { on: Some(vec![socket.to_owned()]), ..RuleEntry::echo(name) });
            return;
        }
        let all: Vec<_> = self.contents.sockets.iter().map(|entry| entry.name.clone()).collect();
        self.contents.rules.retain_mut(|rule| {
            if !(rule.enabled && rule.is_echo() && rule.is_on(socket)) {
                return true;
            }
            rule.on.get_or_insert_with(|| all.clone());
            rule.keeps_without(socket)
        });
    }
}

impl RuleEntry {
    /// Takes a socket off its list; false where nothing is left of the list by that.
    fn keeps_without(&mut self, socket: &str) -> bool {
        let Some(on) = &mut self.on else { return true };
        let before = on.len();
        on.retain(|name| name != socket);
        on.len() == before || !on.is_empty()
    }
}
