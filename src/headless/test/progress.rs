//! Which scenario and which step is under way, on standard error, where that is a terminal.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use tokio::time::Instant;

use crate::log::sanitise::{Printable, Repertoire};
use crate::startup::repertoire_of;

/// How many columns it takes up at most, so that it stays on one line.
const COLUMNS: usize = 76;

/// How long a scenario has run before it is worth a line. By then the verdict before it is printed, too.
const PAUSE: Duration = Duration::from_millis(250);

pub(super) struct Progress {
    is_terminal: bool,
    repertoire: Repertoire,
    count: usize,
    scenario: String,
    /// What is to be shown, and from when on.
    step: (usize, usize),
    due: Option<Instant>,
    /// Which step is shown.
    shown: Option<usize>,
}

impl Progress {
    pub(super) fn start(count: usize) -> Self {
        let is_terminal = io::stderr().is_terminal();
        let repertoire = repertoire_of(&io::stderr());
        Self { is_terminal, repertoire, count, scenario: String::new(), step: (0, 0), due: None, shown: None }
    }

    pub(super) fn scenario(&mut self, number: usize, name: &str) {
        self.scenario = format!("{number} of {}, {name}", self.count);
        self.due = self.is_terminal.then(|| Instant::now() + PAUSE);
    }

    pub(super) fn step(&mut self, step: usize, steps: usize) {
        self.step = (step, steps);
    }

    /// When there is something to show that is not shown.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due.filter(|_| self.shown != Some(self.step.0))
    }

    /// Shows what is due.
    pub(super) fn show(&mut self) {
        if self.due().is_none_or(|due| due > Instant::now()) {
            return;
        }
        let (step, steps) = self.step;
        self.shown = Some(step);
        let text = format!("{}: step {step} of {steps}", self.scenario);
        let _held = self.repertoire.hold();
        let text = Printable::bytes_up_to(text.as_bytes(), COLUMNS);
        // Nobody is told where nobody looks.
        let _ = write!(io::stderr(), "\r\x1b[K{}", text.as_str());
    }

    /// Takes away what is shown.
    pub(super) fn clear(&mut self) {
        self.due = None;
        if self.shown.take().is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
