//! Scenarios: steps over the sockets of a profile, and whether they went as they should.
//!
//! Owns what a step is, the state machine that goes through them ([`Run`]), and what is told of one that failed
//! ([`Failure`]). Pure: events and the time go in, orders and a verdict come out. It never opens a socket, reads no clock
//! and prints nothing.

mod inbox;
mod link;
mod run;

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use crate::contract::{CloseHow, CloseReason};
use crate::pattern::Pattern;
use crate::payload::Template;

pub use run::{Done, Run, Turn};

/// How long a step waits for what it expects, unless it says so itself.
pub const DEFAULT_WITHIN: Duration = Duration::from_secs(5);

/// How long a scenario may take, unless it says so itself.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// How many bytes of what came are told of a step that failed.
pub const TOLD: usize = 4 * 1024;

/// A scenario, ready to be run.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// How long all of it may take.
    pub timeout: Duration,
    /// What is done, one after the other.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The step as it is written in the profile, on one line.
    pub text: String,
    /// In which line of the profile it begins, from 1; 0 where it was never in a file.
    pub line: usize,
    /// What it does.
    pub action: Action,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Opens a socket of the profile, which is closed before that where it is open; done when it is open.
    Open(String),
    /// Ends a socket; of a listener or a pair named as a whole, each connection. Done when it has.
    Close(Name, CloseHow),
    /// Sends; done when the kernel has taken it.
    Send {
        /// Whom to: each open connection, where it is a listener or a pair as a whole.
        to: Name,
        /// What, before the framing of a socket that wraps is put around it.
        template: Template,
        /// How often, from 1.
        repeat: u64,
        /// How long after each other.
        every: Duration,
    },
    /// Waits for what matches.
    Expect {
        /// Where: on any connection, where it is a listener or a pair as a whole.
        on: Name,
        /// What.
        pattern: Pattern,
        /// How long at most.
        within: Duration,
    },
    /// Waits as long as this, in which nothing that matches may come.
    ExpectNone {
        /// Where, as for [`Expect`](Self::Expect).
        on: Name,
        /// What.
        pattern: Pattern,
        /// How long.
        within: Duration,
    },
    /// Waits until the peer has sent FIN or RST, or the socket has closed.
    ExpectClosed {
        /// Which.
        on: Name,
        /// How long at most.
        within: Duration,
    },
    /// Does nothing for so long.
    Wait(Duration),
}

/// A socket as a step names it: `client`, or `server#2`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The name in the profile.
    pub socket: String,
    /// Which of its connections: a listener's how-manieth since the scenario began, or a pair's end, from 1.
    pub connection: Option<u32>,
}

/// How a scenario ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Every step went as it should.
    Passed,
    /// One did not.
    Failed(Box<Failure>),
}

/// What is told of a step that did not go as it should.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// Which step, from 1; 0 where it failed before the first.
    pub step: usize,
    /// Of how many.
    pub steps: usize,
    /// The step as it is written; empty before the first.
    pub text: String,
    /// Its line in the profile, from 1; 0 where it has none.
    pub line: usize,
    /// Why, as one sentence without a full stop.
    pub why: String,
    /// When: so long after the scenario began.
    pub at: Duration,
    /// The bytes that were waited for, where the step says them.
    pub wanted: Option<Wanted>,
    /// What came instead, and is not consumed, oldest first.
    pub got: Vec<Got>,
    /// How many messages came besides those, before them.
    pub untold: u64,
    /// What failed of sockets meanwhile: whose, and the sentence.
    pub troubles: Vec<String>,
}

/// The bytes that a step waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether they may stand among others.
    pub among_others: bool,
}

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got {
    /// Where, as steps name it.
    pub socket: String,
    /// When its last byte came: so long after the scenario began.
    pub at: Duration,
    /// The bytes, [`TOLD`] at most in all of them together.
    pub bytes: Vec<u8>,
    /// Which of them are what was not to come; none where something else failed.
    pub matched: Range<usize>,
    /// How many bytes of the same message came before those and are not told.
    pub skipped: u64,
    /// How many came behind those and are not told.
    pub omitted: u64,
    /// How many bytes came before them and were let go of, because they were too many.
    pub lost: u64,
}

/// How the peer's direction of a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Fin,
    Closed(CloseReason),
}

impl Name {
    /// A socket as a whole.
    #[must_use]
    pub fn new(socket: impl Into<String>) -> Self {
        Self { socket: socket.into(), connection: None }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.socket)?;
        match self.connection {
            Some(number) => write!(f, "#{number}"),
            None => Ok(()),
        }
    }
}

impl Verdict {
    /// True where every step went as it should.
    #[must_use]
    pub const fn is_passed(&self) -> bool {
        matches!(self, Self::Passed)
    }
}

impl Action {
    /// The sockets that are opened by this step.
    #[must_use]
    pub fn opens(&self) -> Option<&str> {
        match self {
            Self::Open(socket) => Some(socket),
            _ => None,
        }
    }

    /// The socket of the profile that the step is about.
    #[must_use]
    pub fn socket(&self) -> Option<&str> {
        match self {
            Self::Open(socket) => Some(socket),
            Self::Close(name, _)
            | Self::Send { to: name, .. }
            | Self::Expect { on: name, .. }
            | Self::ExpectNone { on: name, .. }
            | Self::ExpectClosed { on: name, .. } => Some(&name.socket),
            Self::Wait(_) => None,
        }
    }

    /// Where something is expected to come.
    fn listens_on(&self) -> Option<&Name> {
        match self {
            Self::Expect { on, .. } | Self::ExpectNone { on, .. } => Some(on),
            _ => None,
        }
    }
}

impl End {
    /// One sentence without a full stop and without who.
    fn sentence(self) -> String {
        match self {
            Self::Fin => "the peer sent FIN".to_owned(),
            Self::Closed(CloseReason::Reset) => "the peer sent RST".to_owned(),
            Self::Closed(reason) => format!("it was closed: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests;
