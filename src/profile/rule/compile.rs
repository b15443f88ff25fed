//! Rules of a profile, made ready for the engine: text in a socket's encoding, variables filled in, paths from the
//! profile's folder on.

use std::collections::HashMap;
use std::path::{Path, absolute};
use std::sync::Arc;

use super::{RuleEntry, SendEntry, WhenEntry};
use crate::contract::{Command, SocketId};
use crate::encoding::Encoding;
use crate::payload::{Mode, Place, Template, Variables};
use crate::profile::{Message, PayloadContent, Profile, SocketEntry};
use crate::rule::{Reply, Rule, Rules, When};

/// The largest file that a saved payload may be which a rule sends, in bytes: the rule has it in memory.
pub const RULE_FILE_MAX: u64 = 16 << 20;

/// The rules of a profile for its sockets: each is compiled once for all that have one encoding.
#[derive(Debug)]
pub struct Compiler<'p> {
    profile: &'p Profile,
    variables: &'p Variables,
    done: HashMap<(&'p str, Encoding), Result<Arc<Rule>, String>>,
}

impl Compiler<'_> {
    /// The rules that hold for a socket, ready for the engine, and what is wrong with those that can't be: one sentence
    /// each, without a full stop, which begins with the rule's name.
    #[must_use]
    pub fn rules_on(&mut self, socket: &SocketEntry) -> (Rules, Vec<String>) {
        let encoding = socket.endpoint.encoding();
        let mut wrong = Vec::new();
        let rules = self.profile.rules_on(socket).filter_map(|entry| {
            let done = self.done.entry((&entry.name, encoding)).or_insert_with(|| {
                let rule = entry.compile(self.profile, encoding, self.variables);
                rule.map(Arc::new).map_err(|why| format!("rule {}: {why}", entry.name))
            });
            done.clone().map_err(|why| wrong.push(why)).ok()
        });
        (Rules::new(rules), wrong)
    }

    /// What makes the engine open a socket of the profile under this id, with its rules known before anything can come.
    ///
    /// # Errors
    /// Why one of its rules can't be applied, as [`rules_on`](Self::rules_on) says it.
    pub fn opening(&mut self, entry: &SocketEntry, socket: SocketId) -> Result<Vec<Command>, String> {
        let (rules, wrong) = self.rules_on(entry);
        if let Some(why) = wrong.into_iter().next() {
            return Err(why);
        }
        let rules = (!rules.is_empty()).then_some(Command::SetRules { socket, rules });
        let open = Command::Open { socket, endpoint: entry.endpoint.clone() };
        Ok(rules.into_iter().chain([open]).collect())
    }
}

impl RuleEntry {
    /// The rule as the engine applies it, for a socket whose text is in this encoding. `profile` is the one that it is
    /// of, and `variables` are those that templates know.
    ///
    /// # Errors
    /// One sentence without a full stop: what is wrong in a notation, or why the file of a payload can't be sent.
    pub fn compile(&self, profile: &Profile, encoding: Encoding, variables: &Variables) -> Result<Rule, String> {
        let when = match &self.when {
            WhenEntry::Event(moment) => When::Happens(*moment),
            WhenEntry::Message(pattern) => When::Comes(pattern.pattern(encoding, variables)?),
        };
        let place = Place::Reply { captures: self.captures() };
        let written = |text: &str| {
            Template::parse(Mode::Escaped, text, encoding, variables, place).map_err(|error| error.message)
        };
        let folder = profile.folder();
        let reply = match &self.send {
            None => Reply::Nothing,
            Some(SendEntry::Message(message)) => {
                profile.check_length(message, folder)?;
                Reply::Message(message.template(&profile.contents.payloads, folder, encoding, variables, place)?)
            }
            Some(SendEntry::File { name, root, missing }) => Reply::File {
                name: written(name)?,
                root: folder.join(root),
                missing: missing.as_deref().map(written).transpose()?,
            },
            Some(SendEntry::Program { command, timeout, max }) => {
                Reply::Program { command: command.clone(), folder: folder.to_path_buf(), timeout: *timeout, max: *max }
            }
            Some(SendEntry::Characters) => Reply::Characters,
        };
        Ok(Rule {
            delay: self.delay,
            then: self.then,
            once: self.once,
            hits: self.hits.clone(),
            ..Rule::new(&self.name, when, reply)
        })
    }
}

impl Profile {
    /// The folder at which relative paths in the profile begin: that of its file, or `.` for one that was never saved.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.path.as_deref().map_or(Path::new("."), folder_of)
    }

    /// What is to be said of a rule that sends files of a folder that is not there. It may be made later.
    #[must_use]
    pub fn missing_folder(&self, rule: &RuleEntry) -> Option<String> {
        let Some(SendEntry::File { root, .. }) = &rule.send else { return None };
        let folder = self.folder().join(root);
        (!folder.is_dir()).then(|| no_folder(&folder))
    }

    /// What compiles the rules, with these variables.
    #[must_use]
    pub fn compiler<'p>(&'p self, variables: &'p Variables) -> Compiler<'p> {
        Compiler { profile: self, variables, done: HashMap::new() }
    }

    fn check_length(&self, message: &Message, folder: &Path) -> Result<(), String> {
        let Message::Payload(name) = message else { return Ok(()) };
        let payload = self.contents.payloads.iter().find(|entry| entry.name == *name);
        let file = payload.and_then(|payload| payload.content.file_longer_than(RULE_FILE_MAX, folder));
        match (file, payload.map(|payload| &payload.content)) {
            (Some(_), Some(PayloadContent::File(path))) => {
                Err(format!("{} is longer than 16 MiB; a rule sends it with file = ... and its root", path.display()))
            }
            _ => Ok(()),
        }
    }
}

/// The folder that a profile's file is in.
pub(super) fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What is said of a folder that is not there.
pub(super) fn no_folder(folder: &Path) -> String {
    let shown = absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
    format!("there is no folder {}; no file is found until it is made", shown.display())
}
