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
#[serde(transparent)]
pub struct History {
    lines: Lines,
    /// What was sent in this session.
    #[serde(skip)]
    added: Lines,
}

/// The latest last.
type Lines = BTreeMap<String, Vec<Line>>;

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
        put(&mut self.added, name.clone(), line.clone());
        put(&mut self.lines, name, line);
    }

    /// True where nothing was sent in this session.
    #[must_use]
    pub fn is_as_before(&self) -> bool {
        self.added.is_empty()
    }

    /// What other sessions have left by now, and behind it what was sent in this one.
    #[must_use]
    pub fn after(&self, mut others: Self) -> Self {
        for (name, lines) in &self.added {
            for line in lines {
                put(&mut others.lines, name.clone(), line.clone());
            }
        }
        others
    }

    /// What a session leaves in which this was sent.
    #[cfg(test)]
    pub(crate) fn of_one(name: &str, text: &str) -> Self {
        let mut history = Self::default();
        history.push(name.to_owned(), Line::new(Mode::Text, text, None, false));
        history
    }

    #[cfg(test)]
    pub(crate) fn has(&self, name: &str) -> bool {
        !self.of(name).is_empty()
    }

    pub(super) fn of(&self, name: &str) -> &[Line] {
        self.lines.get(name).map_or(&[], Vec::as_slice)
    }
}

fn put(lines: &mut Lines, name: String, line: Line) {
    if line.text.len() > LONGEST || (!lines.contains_key(&name) && lines.len() >= MOST_NAMES) {
        return;
    }
    let lines = lines.entry(name).or_default();
    lines.retain(|other| *other != line);
    lines.push(line);
    if lines.len() > HISTORY_LIMIT {
        lines.remove(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_side_by_side_lose_nothing_of_each_other() {
        let line = |text| Line::new(Mode::Text, text, None, false);
        let mut before = History::default();
        for text in ["old", "again"] {
            before.push("udp".to_owned(), line(text));
        }
        let left: History = serde_json::from_str(&serde_json::to_string(&before).unwrap()).unwrap();
        assert!(left.is_as_before());
        let (mut one, mut other) = (left.clone(), left.clone());
        one.push("udp".to_owned(), line("one"));
        other.push("udp".to_owned(), line("again"));
        other.push("tcp".to_owned(), line("other"));
        let all = other.after(one.after(left));
        assert_eq!(all.of("udp"), ["old", "one", "again"].map(line));
        assert_eq!(all.of("tcp"), ["other"].map(line));
    }
}
