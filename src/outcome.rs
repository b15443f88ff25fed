//! How the program ends: the exit statuses that scripts rely on.

use std::fs;
use std::io;
use std::sync::OnceLock;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All is done: 0.
    Done,
    /// Wrong usage, or an invalid profile, config or endpoint, and nothing was opened: 2, with what is wrong.
    Invalid(String),
    /// No socket could be opened, or with `--strict` one could not: 3.
    NotOpened(String),
    /// A scenario failed, as was told: 1.
    Failed,
    /// It was open, and broke before it was done: 1, with what happened.
    Broken(String),
    /// Ended by this signal: 128 and its number. Everything was flushed, but what a disk or a reader did not take in time.
    Signal(i32),
}

impl Outcome {
    /// The exit status.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed | Self::Broken(_) => 1,
            Self::Invalid(_) => 2,
            Self::NotOpened(_) => 3,
            Self::Signal(number) => u8::try_from(128 + number).unwrap_or(u8::MAX),
        }
    }

    /// What to say on standard error.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Invalid(message) | Self::NotOpened(message) | Self::Broken(message) => Some(message),
            Self::Done | Self::Failed | Self::Signal(_) => None,
        }
    }
}

/// The signals that end the program: SIGHUP, SIGINT, SIGQUIT and SIGTERM.
pub(crate) struct EndSignals {
    hangup: Option<Signal>,
    interrupt: Signal,
    quit: Signal,
    terminate: Signal,
}

impl EndSignals {
    /// Listens to them from now on, instead of dying of them.
    pub(crate) fn listen() -> io::Result<Self> {
        Self::with(Some(signal(SignalKind::hangup())?))
    }

    /// The same, but for SIGHUP where that was ignored when this was first asked, as under nohup(1): who needs no terminal
    /// goes on without one.
    pub(crate) fn listen_unless_ignored() -> io::Result<Self> {
        static IS_IGNORED: OnceLock<bool> = OnceLock::new();
        let is_ignored = *IS_IGNORED.get_or_init(hangup_is_ignored);
        Self::with(if is_ignored { None } else { Some(signal(SignalKind::hangup())?) })
    }

    fn with(hangup: Option<Signal>) -> io::Result<Self> {
        Ok(Self {
            hangup,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The number of the next one.
    pub(crate) async fn next(&mut self) -> i32 {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        let kind = tokio::select! {
            _ = hangup => SignalKind::hangup(),
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.quit.recv() => SignalKind::quit(),
            _ = self.terminate.recv() => SignalKind::terminate(),
        };
        kind.as_raw_value()
    }
}

/// Whether this process ignores SIGHUP; false where the system does not tell (proc(5)).
fn hangup_is_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    ignored & (1 << (SignalKind::hangup().as_raw_value() - 1)) != 0
}
