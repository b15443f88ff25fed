//! One `[[scenario]]` of a profile, as it is written, and made ready to be run.

mod read;
mod write;

use std::sync::Arc;
use std::time::Duration;

use super::{Message, PatternEntry, Profile};
use crate::contract::CloseHow;
use crate::encoding::Encoding;
use crate::payload::{Place, Variables};
use crate::scenario::{Action, DEFAULT_TIMEOUT, DEFAULT_WITHIN, Name, Scenario, Step};

pub(super) use read::read;

/// A scenario of a profile.
#[derive(Clone, Debug)]
pub struct ScenarioEntry {
    /// Its name, unique among the profile's scenarios.
    pub name: String,
    /// False for one that runs only where it is named, as one that needs a server from outside.
    pub auto: bool,
    /// How long it may take, where that is written.
    pub timeout: Option<Duration>,
    /// Its steps, at least one.
    pub steps: Vec<StepEntry>,
    /// Which `[[scenario]]` of the saved document it came from, from 0.
    pub(super) origin: Option<usize>,
}

/// A scenario that is to be run, or the name of one that is not.
#[derive(Clone, Debug)]
pub enum Chosen {
    /// It is to be run.
    Run(Arc<Scenario>),
    /// It runs only where it is named.
    Not(String),
}

/// A step of a scenario.
#[derive(Clone, Debug)]
pub struct StepEntry {
    /// What it does.
    pub action: StepAction,
    /// In which line of the file it begins, from 1; 0 where it is in none.
    pub(super) line: usize,
}

/// What a step does, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepAction {
    /// `open`
    Open(String),
    /// `close`, `half-close` or `abort`
    Close(Name, CloseHow),
    /// `send` and `to`
    Send {
        /// What.
        message: Message,
        /// Whom to.
        to: Name,
        /// How often, where that is written.
        repeat: Option<u64>,
        /// How long after each other, where that is written.
        every: Option<Duration>,
    },
    /// `expect` and `on`
    Expect {
        /// What.
        pattern: PatternEntry,
        /// Where.
        on: Name,
        /// How long at most, where that is written.
        within: Option<Duration>,
    },
    /// `expect-none` and `on`
    ExpectNone {
        /// What.
        pattern: PatternEntry,
        /// Where.
        on: Name,
        /// How long, where that is written.
        within: Option<Duration>,
    },
    /// `expect-closed`
    ExpectClosed {
        /// Where.
        on: Name,
        /// How long at most, where that is written.
        within: Option<Duration>,
    },
    /// `wait`
    Wait(Duration),
}

/// Equal when they mean the same; where they came from does not matter.
impl PartialEq for ScenarioEntry {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.auto, self.timeout, &self.steps) == (&other.name, other.auto, other.timeout, &other.steps)
    }
}

impl Eq for ScenarioEntry {}

/// Equal when they mean the same; where they stand does not matter.
impl PartialEq for StepEntry {
    fn eq(&self, other: &Self) -> bool {
        self.action == other.action
    }
}

impl Eq for StepEntry {}

impl ScenarioEntry {
    /// A scenario.
    #[must_use]
    pub fn new(name: impl Into<String>, steps: impl IntoIterator<Item = StepAction>) -> Self {
        let steps = steps.into_iter().map(|action| StepEntry { action, line: 0 }).collect();
        Self { name: name.into(), auto: true, timeout: None, steps, origin: None }
    }

    /// The scenario, ready to be run. `profile` is the one that it is of, and `variables` are those that templates know.
    ///
    /// # Errors
    /// One sentence without a full stop: a socket that there is not, what is wrong in a notation, or why the file of a
    /// payload can't be read.
    pub fn compile(&self, profile: &Profile, variables: &Variables) -> Result<Scenario, String> {
        let step = |entry: &StepEntry| {
            let action = entry.action.compile(profile, variables)?;
            Ok::<_, String>(Step { text: entry.action.to_string(), line: entry.line, action })
        };
        Ok(Scenario {
            name: self.name.clone(),
            timeout: self.timeout.unwrap_or(DEFAULT_TIMEOUT),
            steps: self.steps.iter().map(step).collect::<Result<_, _>>()?,
        })
    }
}

impl StepAction {
    /// The name that the step has for a socket.
    fn socket_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Open(socket) => Some(socket),
            Self::Close(name, _)
            | Self::Send { to: name, .. }
            | Self::Expect { on: name, .. }
            | Self::ExpectNone { on: name, .. }
            | Self::ExpectClosed { on: name, .. } => Some(&mut name.socket),
            Self::Wait(_) => None,
        }
    }

    fn compile(&self, profile: &Profile, variables: &Variables) -> Result<Action, String> {
        let encoding = |name: &Name| encoding_of(profile, &name.socket);
        let within = |within: &Option<Duration>| within.unwrap_or(DEFAULT_WITHIN);
        Ok(match self {
            Self::Open(socket) => {
                encoding_of(profile, socket)?;
                Action::Open(socket.clone())
            }
            Self::Close(name, how) => {
                encoding(name)?;
                Action::Close(name.clone(), *how)
            }
            Self::Send { message, to, repeat, every } => {
                let (payloads, base) = (&profile.contents.payloads, profile.folder());
                let template = message.template(payloads, base, encoding(to)?, variables, Place::Message)?;
                let (repeat, every) = (repeat.unwrap_or(1), every.unwrap_or_default());
                Action::Send { to: to.clone(), template, repeat, every }
            }
            Self::Expect { pattern, on, within: time } => {
                let pattern = pattern.pattern(encoding(on)?, variables)?;
                Action::Expect { on: on.clone(), pattern, within: within(time) }
            }
            Self::ExpectNone { pattern, on, within: time } => {
                let pattern = pattern.pattern(encoding(on)?, variables)?;
                Action::ExpectNone { on: on.clone(), pattern, within: within(time) }
            }
            Self::ExpectClosed { on, within: time } => {
                encoding(on)?;
                Action::ExpectClosed { on: on.clone(), within: within(time) }
            }
            Self::Wait(time) => Action::Wait(*time),
        })
    }
}

impl Profile {
    /// The scenarios with these names, or without any all of them, ready to be run; `given` are variables that go before
    /// those of the profile. Of one that runs only where it is named, and is not, the name alone.
    ///
    /// # Errors
    /// One sentence without a full stop: which name is none, and which there are, or what of one can't be made ready.
    pub fn scenarios_named(&self, names: &[String], given: &Variables) -> Result<Vec<Chosen>, String> {
        let known = || self.contents.scenarios.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>().join(", ");
        if self.contents.scenarios.is_empty() {
            return Err("the profile has no scenario; write one under [[scenario]]".to_owned());
        }
        let variables = given.or(&self.contents.vars);
        let entries: Vec<_> = match names {
            [] => self.contents.scenarios.iter().collect(),
            names => names
                .iter()
                .map(|name| {
                    let found = self.contents.scenarios.iter().find(|entry| entry.name == *name);
                    found.ok_or_else(|| format!("no scenario is called `{name}`; there are: {}", known()))
                })
                .collect::<Result<_, _>>()?,
        };
        let compile = |entry: &ScenarioEntry| {
            if names.is_empty() && !entry.auto {
                return Ok(Chosen::Not(entry.name.clone()));
            }
            let compiled = entry.compile(self, &variables);
            compiled
                .map(|scenario| Chosen::Run(Arc::new(scenario)))
                .map_err(|why| format!("scenario `{}`: {why}", entry.name))
        };
        entries.into_iter().map(compile).collect()
    }

    /// Calls a socket otherwise in the steps that name it.
    pub(super) fn rename_in_scenarios(&mut self, old: &str, new: &str) {
        let steps = self.contents.scenarios.iter_mut().flat_map(|scenario| &mut scenario.steps);
        for socket in steps.filter_map(|step| step.action.socket_mut()).filter(|socket| *socket == old) {
            new.clone_into(socket);
        }
    }
}

/// The encoding of the text on a socket.
fn encoding_of(profile: &Profile, socket: &str) -> Result<Encoding, String> {
    let found = profile.contents.sockets.iter().find(|entry| entry.name == socket);
    found.map(|entry| entry.endpoint.encoding()).ok_or_else(|| format!("no socket is called `{socket}`"))
}

#[cfg(test)]
mod tests;
