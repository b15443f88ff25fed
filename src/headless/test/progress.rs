//! Which scenario and which step is under way, on standard error, where that is a terminal.

use std::io::{self, IsTerminal, Write};

use crate::log::sanitise::Printable;

/// How many columns it takes up at most, so that it stays on one line.
const COLUMNS: usize = 76;

pub(super) struct Progress {
    is_shown: bool,
    count: usize,
    scenario: String,
    /// Which step is shown.
    step: Option<usize>,
}

impl Progress {
    pub(super) fn start(count: usize) -> Self {
        Self { is_shown: io::stderr().is_terminal(), count, scenario: String::new(), step: None }
    }

    pub(super) fn scenario(&mut self, number: usize, name: &str) {
        self.scenario = format!("{number} of {}, {name}", self.count);
    }

    pub(super) fn step(&mut self, step: usize, steps: usize) {
        if self.is_shown && self.step.replace(step) != Some(step) {
            let text = format!("{}: step {step} of {steps}", self.scenario);
            let shown = Printable::bytes_up_to(text.as_bytes(), COLUMNS);
            // Nobody is told where nobody looks.
            let _ = write!(io::stderr(), "\r\x1b[K{}", shown.as_str());
        }
    }

    /// Takes away what is shown.
    pub(super) fn clear(&mut self) {
        if self.step.take().is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
