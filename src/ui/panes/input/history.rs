//! What was sent, for sending it again; it outlives the session.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::payload::{Checksum, Mode};

/// The longest text that is kept, in bytes, and of how many sockets' names.
const LONGEST: usize = 64 * 1024;
const MOST_NAMES: usize = 500;

/// How many lines of a socket's history are kept.
const HISTORY_LIMIT: usize = 500;

/// What was sent, by the name of the socket it was sent to; outlives the session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History(BTreeMap<String, Vec<Line>>);

/// One line of the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::ui) struct Line {
    mode: String,
    pub(in crate::ui) text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checksum: Option<String>,
    /// Whether it was sent without the line ending that is added to what is typed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) whole: bool,
}

impl Line {
    pub(super) fn new(mode: Mode, text: &str, checksum: Option<Checksum>, whole: bool) -> Self {
        let checksum = checksum.map(|checksum| checksum.to_string());
        Self { mode: mode.name().to_owned(), text: text.to_owned(), checksum, whole }
    }

    /// The notation that the text is in.
    pub(in crate::ui) fn mode(&self) -> Mode {
        let named = |mode: &Mode| mode.name() == self.mode;
        [Mode::Text, Mode::Escaped, Mode::Hex].into_iter().find(named).unwrap_or(Mode::Escaped)
    }

    /// The checksum that was appended.
    pub(in crate::ui) fn checksum(&self) -> Option<Checksum> {
        self.checksum.as_ref()?.parse().ok()
    }
}

impl History {
    pub(super) fn push(&mut self, name: String, line: Line) {
        if line.text.len() > LONGEST || (!self.0.contains_key(&name) && self.0.len() >= MOST_NAMES) {
            return;
        }
        let lines = self.0.entry(name).or_default();
        lines.retain(|other| *other != line);
        lines.push(line);
        if lines.len() > HISTORY_LIMIT {
            lines.remove(0);
        }
    }

    pub(super) fn of(&self, name: &str) -> &[Line] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }
}
