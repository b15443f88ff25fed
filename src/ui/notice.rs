//! What the status line says to the user: one sentence, and how grave it is.

use std::time::{Duration, Instant};

use super::bench::Bench;
use super::bench::exports::{Ending, Export};
use super::bench::sends::Outcome;
use super::bench::transfers::Transfer;
use super::figures::{grouped, size, took};
use crate::contract::{Direction, SocketId, Timestamp};

/// How long a message stays at least, whatever is typed meanwhile.
const READING_TIME: Duration = Duration::from_millis(1500);

/// How long good news stays.
const FADING_TIME: Duration = Duration::from_secs(4);

/// One sentence for the user.
#[derive(Clone, Debug)]
pub struct Notice {
    pub(super) text: String,
    pub(super) gravity: Gravity,
    since: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gravity {
    Good,
    Warning,
    Error,
}

impl Notice {
    pub(super) fn good(text: impl Into<String>) -> Self {
        Self { text: text.into(), gravity: Gravity::Good, since: Instant::now() }
    }

    pub(super) fn warning(text: impl Into<String>) -> Self {
        Self { text: text.into(), gravity: Gravity::Warning, since: Instant::now() }
    }

    pub(super) fn error(text: impl Into<String>) -> Self {
        Self { text: text.into(), gravity: Gravity::Error, since: Instant::now() }
    }

    /// True once it stood long enough to be read; the next key takes it away then.
    pub(super) fn was_read(&self) -> bool {
        self.since.elapsed() > READING_TIME
    }

    /// After how long the message goes by itself: good news only, the rest stays until a key.
    pub(super) fn fades_in(&self) -> Option<Duration> {
        (self.gravity == Gravity::Good).then(|| FADING_TIME.saturating_sub(self.since.elapsed()))
    }

    /// That a file was sent, or has what was received.
    pub(super) fn of_transfer(socket: SocketId, transfer: &Transfer, bench: &Bench) -> Self {
        let (file, name, done) = (transfer.name(), bench.roster.name(socket), size(transfer.done));
        Self::good(match transfer.direction {
            Direction::Sending => format!("{file} was sent to {name}: {done}"),
            Direction::Saving => format!("{file} has what {name} received: {done}"),
        })
    }

    /// How an export ended, once it has, if that is to be told here.
    pub(super) fn of_export(export: &Export, now: Timestamp) -> Option<Self> {
        let rows = grouped(export.progress.rows);
        let rows = if export.progress.rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
        Some(match (&export.ended.as_ref()?.how, export.path()) {
            // Where it went is told by whoever put it there.
            (Ending::Done, None) => return None,
            (Ending::Done, Some(path)) => {
                let (bytes, time) = (size(export.progress.bytes), took(export.elapsed(now)));
                Self::good(format!("exported {rows}, {bytes}, to {} in {time}", path.display()))
            }
            (Ending::Cancelled, _) => Self::warning("The export was cancelled; nothing of it is left."),
            (Ending::Failed(why), None) => Self::error(format!("Not copied: {why}.")),
            (Ending::Failed(why), Some(path)) => {
                Self::error(format!("Not exported to {}: {why}; nothing of it is left.", path.display()))
            }
        })
    }

    /// What became of a send.
    pub(super) fn of_outcome(outcome: &Outcome, bench: &Bench) -> Self {
        match outcome {
            Outcome::All(count) => Self::good(format!("sent to all {count}")),
            Outcome::Long(all) => Self::good(format!("sent {}", size(*all))),
            Outcome::Failed { done: 0, wanted: 1, failed } => match failed.first() {
                Some((socket, error)) => Self::error(format!("{}: {error}", bench.roster.name(*socket))),
                None => Self::error("not sent"),
            },
            Outcome::Failed { done, wanted, failed } => {
                let each: Vec<_> = failed
                    .iter()
                    .take(5)
                    .map(|(socket, error)| {
                        let why = error.code().unwrap_or_else(|| error.cause.clone());
                        format!("{} {why}", bench.roster.name(*socket))
                    })
                    .collect();
                Self::error(format!("sent {done}/{wanted}, {}", each.join(", ")))
            }
        }
    }
}
