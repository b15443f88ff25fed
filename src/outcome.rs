//! How the program ends: the exit statuses that scripts rely on.

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
    hangup: Signal,
    interrupt: Signal,
    quit: Signal,
    terminate: Signal,
}

impl EndSignals {
    /// Listens to them from now on, instead of dying of them.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The number of the next one.
    pub(crate) async fn next(&mut self) -> i32 {
        let kind = tokio::select! {
            _ = self.hangup.recv() => SignalKind::hangup(),
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.quit.recv() => SignalKind::quit(),
            _ = self.terminate.recv() => SignalKind::terminate(),
        };
        kind.as_raw_value()
    }
}
