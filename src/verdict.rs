//! Verdicts on scenarios, as they are told: a line each for reading, TAP, JUnit, and the report of one that failed.
//!
//! Owns the formats and what a report says, with the difference between what was wanted and what came marked in both. It
//! never runs a scenario, and never prints.

mod dump;
mod junit;
mod report;
mod tap;
mod text;

use std::time::Duration;

use crate::log::sanitise::Printable;
use crate::scenario::Verdict;

pub use junit::junit;
pub use report::{Line, Look, report};
pub use tap::{tap, tap_plan};
pub use text::text;

/// What came of one scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The scenario's name.
    pub name: String,
    /// The verdict.
    pub verdict: Verdict,
    /// How long it took.
    pub took: Duration,
}

/// What a stream of verdicts tells of one scenario.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// It was run to its end.
    Judged(Told),
    /// It was not run, for it runs only where it is named.
    Skipped {
        /// The scenario's name.
        name: String,
    },
    /// A signal ended the program while it was under way.
    Stopped {
        /// The scenario's name.
        name: String,
        /// At which step, and what that is: `step 2 of 5: wait = "1s"`.
        at: String,
        /// How long it had taken.
        took: Duration,
    },
}

impl Entry {
    /// True unless something did not go as it should.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        match self {
            Self::Judged(told) => told.verdict.is_passed(),
            Self::Skipped { .. } => true,
            Self::Stopped { .. } => false,
        }
    }
}

/// Why a scenario was not run.
const SKIPPED: &str = "auto = false: it runs where it is named";

/// A text from elsewhere, with nothing in it that acts.
fn shown(text: &str) -> String {
    Printable::text(text).as_str().to_owned()
}

/// A time as people read it: `12 ms`, `1.05 s`.
#[must_use]
pub fn spell(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1_000.0;
    match milliseconds {
        ..10.0 => format!("{milliseconds:.1} ms"),
        ..1_000.0 => format!("{milliseconds:.0} ms"),
        _ => format!("{:.2} s", time.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests;
