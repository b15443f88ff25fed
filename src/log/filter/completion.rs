//! What a half-typed filter may go on with: its keys, and the values that are known.
//!
//! Owns which term the cursor is in. It never says whether the filter is right: that is the parser's.

use std::ops::Range;

use super::keys::{KEYS, KeySpec, PATTERN_KEY};
use crate::log::Roster;

/// The most values that are proposed.
const MOST: usize = 100;

/// How the word or the value at the cursor may go on.
#[derive(Clone, Debug, Default)]
pub struct Completion {
    /// The bytes of the text that a candidate takes the place of; empty where nothing of it is typed yet.
    pub at: Range<usize>,
    /// What can stand there, the likeliest first.
    pub candidates: Vec<Candidate>,
    /// The key whose value is being typed.
    pub key: Option<&'static KeySpec>,
}

/// One way to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// As it is to stand in the filter, with quotes where it needs them: `socket:`, `rx`.
    pub text: String,
    /// What it means; empty for a value.
    pub help: &'static str,
}

impl Completion {
    /// How this text may go on at the cursor, a byte of it. Keys are proposed where nothing is typed, too.
    ///
    /// # Panics
    /// When the cursor is within a character.
    #[must_use]
    pub fn of(text: &str, cursor: usize, roster: &Roster) -> Self {
        let term = Term::at(text, cursor);
        // In the middle of a word nothing can be proposed that would not leave its rest behind.
        let ends = |next: char| next.is_whitespace() || matches!(next, '|' | ')');
        if !text[cursor..].chars().next().is_none_or(ends) {
            return Self { key: term.key, ..Self::default() };
        }
        let Some(value) = term.value else {
            return Self { at: term.start..cursor, candidates: keys(&text[term.start..cursor]), key: None };
        };
        let typed = text[value..cursor].trim_start_matches('"').to_lowercase();
        let known = term.key.map(|key| (key.known)(roster)).unwrap_or_default();
        // A value that is one already needs nothing.
        let known = if known.contains(&typed) { Vec::new() } else { known };
        let (mut begin, contain): (Vec<_>, Vec<_>) = known
            .into_iter()
            .filter(|known| known.to_lowercase().contains(&typed))
            .partition(|known| known.to_lowercase().starts_with(&typed));
        begin.extend(contain);
        begin.truncate(MOST);
        let candidates = begin.into_iter().map(|known| Candidate { text: quoted(known), help: "" }).collect();
        Self { at: value..cursor, candidates, key: term.key }
    }
}

/// The term that ends at the cursor.
#[derive(Default)]
struct Term {
    /// Where it begins, behind its `!` and parentheses.
    start: usize,
    key: Option<&'static KeySpec>,
    /// Where its last value begins.
    value: Option<usize>,
}

impl Term {
    fn at(text: &str, cursor: usize) -> Self {
        let mut term = Self::default();
        // What closes the quote or the pattern that is open.
        let mut close = None;
        let mut escaped = false;
        for (at, next) in text[..cursor].char_indices() {
            if let Some(closing) = close {
                if escaped || next == '\\' {
                    escaped = !escaped;
                } else if next == closing {
                    close = None;
                }
                continue;
            }
            let after = at + next.len_utf8();
            let begins = at == term.value.unwrap_or(term.start);
            match next {
                _ if next.is_whitespace() => term = Self { start: after, ..Self::default() },
                '(' | '!' if begins && term.value.is_none() => term.start = after,
                '"' if begins => close = Some('"'),
                '/' if begins && term.key.is_some_and(|key| key.name == PATTERN_KEY) => close = Some('/'),
                '|' if term.value.is_some() => term.value = Some(after),
                ':' if term.value.is_none() => {
                    term.key = KEYS.iter().find(|key| key.name == &text[term.start..at]);
                    term.value = term.key.map(|_| after);
                }
                _ => {}
            }
        }
        term
    }
}

fn keys(word: &str) -> Vec<Candidate> {
    KEYS.iter()
        .filter(|key| key.name.starts_with(word))
        .map(|key| Candidate { text: format!("{}:", key.name), help: key.values })
        .collect()
}

/// A value with quotes where it would not be one without.
fn quoted(value: String) -> String {
    if value.contains(|c: char| c.is_whitespace() || matches!(c, '|' | '"' | '(' | ')')) {
        format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::contract::{Address, Event, Fact, SocketId, Timestamp};
    use crate::log::Filter;

    fn roster() -> Roster {
        let mut roster = Roster::default();
        let id = |number| SocketId::new(number).unwrap();
        roster.register(id(1), "my server".to_owned(), "tcp-listen://127.0.0.1:7788".parse().unwrap());
        roster.register(id(2), "plc".to_owned(), "tcp://127.0.0.1:502".parse().unwrap());
        let address = |text: &str| Address::Ip(text.parse().unwrap());
        let fact = Fact::Accepted {
            parent: id(1),
            number: 1,
            local: address("127.0.0.1:7788"),
            peer: address("10.0.0.5:51022"),
        };
        roster.observe(&Event { at: Timestamp(1), socket: id(3), fact });
        roster
    }

    fn completed(text: &str) -> Vec<String> {
        let completion = Completion::of(text, text.len(), &roster());
        completion
            .candidates
            .iter()
            .map(|candidate| format!("{}{}", &text[..completion.at.start], candidate.text))
            .collect()
    }

    #[test]
    fn proposes_keys_and_the_values_that_are_known() {
        assert_eq!(completed("sock"), ["socket:"]);
        assert_eq!(completed("a !(s"), ["a !(socket:", "a !(since:"]);
        assert_eq!(completed("dir:"), ["dir:rx", "dir:tx"]);
        assert_eq!(completed("(dir:rx|t"), ["(dir:rx|tx"]);
        assert_eq!(completed("kind:clo"), ["kind:closed", "kind:peer-closed"]);
        assert_eq!(completed("socket:\"my s"), ["socket:\"my server\"", "socket:\"my server#1\""]);
        assert_eq!(completed("socket:p"), ["socket:plc"]);
        assert_eq!(completed("peer:10"), ["peer:10.0.0.5", "peer:10.0.0.5:51022"]);
        for text in
            ["hello", "dir:rx", "kind:closed", "\"dir", "re:/a so", "re:/a\\/ so", "hex:", "\"a\\\" so", "12:so"]
        {
            assert_eq!(completed(text), [""; 0], "{text}");
        }
        assert_eq!(completed("").len(), KEYS.len());
        assert_eq!(Completion::of("len:>", 5, &roster()).key.unwrap().name, "len");
        // Nothing is proposed in the middle of a word.
        assert_eq!(Completion::of("socket", 3, &roster()).candidates, []);
        assert_eq!(Completion::of("so dir:rx", 2, &roster()).candidates.len(), 1);
    }

    proptest! {
        #[test]
        fn what_is_taken_makes_a_filter_or_a_key(text in r#"([a-z"|!() /]|socket:|peer:|dir:|kind:){0,8}"#) {
            let completion = Completion::of(&text, text.len(), &roster());
            let parses = Filter::parse(&text[..completion.at.start], Timestamp(0)).is_ok();
            for candidate in completion.candidates {
                prop_assert!(text.get(completion.at.clone()).is_some());
                if parses && !candidate.text.ends_with(':') {
                    let taken = format!("{}{}", &text[..completion.at.start], candidate.text);
                    prop_assert!(Filter::parse(&taken, Timestamp(0)).is_ok(), "{}", taken);
                }
            }
        }
    }
}
