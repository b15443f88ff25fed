//! The filter: which rows of the log are wanted.
//!
//! Owns the filter language: its tokens ([`tokens`]), its table of keys ([`KEYS`]), and how a row is judged. It never
//! keeps an index; that is the view's.
//!
//! ```text
//! filter = conjunction, { " | ", conjunction } ;       conjunction = term, { blank, term } ;
//! term   = { "!" }, ( word | quoted | key, ":", value, { "|", value } ) ;
//! ```

mod keys;
mod tokens;
mod words;

use std::fmt;
use std::ops::Range;

pub use keys::{KEYS, KeySpec};

use super::export::sentence;
use super::{Kind, LogStore, Roster, Row};
use keys::Test;
use tokens::{Token, TokenKind};

/// What rows are wanted, read from the text that a user types.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    text: String,
    /// One of these must hold; none at all is the filter that lets everything pass.
    alternatives: Vec<Vec<Term>>,
    /// A `kind:` term is there, so that `call` rows are judged as all others.
    names_kinds: bool,
}

/// What is wrong with a filter's text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// The bytes of the text that are wrong; may be empty, at the place where something is missing.
    pub at: Range<usize>,
    /// What is wrong, and what would be right. No full stop.
    pub message: String,
}

impl FilterError {
    fn new(at: Range<usize>, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for FilterError {}

/// One condition, or its opposite.
#[derive(Clone, Debug)]
struct Term {
    negated: bool,
    test: Test,
}

impl Filter {
    /// Reads a filter. A blank text is the default filter: everything but the `call` rows.
    ///
    /// # Errors
    /// When the text is not a filter; the error says where.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let mut filter = Self { text: text.to_owned(), ..Self::default() };
        let mut terms = Vec::new();
        let mut or_at = None;
        for token in tokens::tokens(text)? {
            let Token { at, negated, kind } = token;
            let test = match kind {
                TokenKind::Or => {
                    if terms.is_empty() {
                        return Err(FilterError::new(at, "nothing stands before this `|`"));
                    }
                    filter.alternatives.push(std::mem::take(&mut terms));
                    or_at = Some(at);
                    continue;
                }
                TokenKind::Words(words) => Test::Words(words::Words::new(&words)),
                TokenKind::Keyed { key, key_at, values } => keys::spec(&key, key_at)?.parse(values)?,
            };
            filter.names_kinds |= matches!(test, Test::Kinds(_));
            terms.push(Term { negated, test });
        }
        match (terms.is_empty(), or_at) {
            (true, Some(at)) => return Err(FilterError::new(at, "nothing stands after this `|`")),
            (true, None) => {}
            (false, _) => filter.alternatives.push(terms),
        }
        for terms in &mut filter.alternatives {
            // What is decided without the row's bytes is decided first.
            terms.sort_by_key(|term| term.test.reads_bytes());
        }
        Ok(filter)
    }

    /// The text that it was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// True when the row is wanted.
    #[must_use]
    pub fn matches(&self, row: &Row, store: &LogStore, roster: &Roster) -> bool {
        if row.kind == Kind::Call && !self.names_kinds {
            return false;
        }
        self.alternatives.is_empty()
            || self
                .alternatives
                .iter()
                .any(|terms| terms.iter().all(|term| term.test.holds(row, store, roster) != term.negated))
    }

    /// True when judging a row may mean to read its bytes.
    pub(super) fn reads_bytes(&self) -> bool {
        self.alternatives.iter().flatten().any(|term| term.test.reads_bytes())
    }
}

impl Test {
    fn holds(&self, row: &Row, store: &LogStore, roster: &Roster) -> bool {
        match self {
            Self::Words(words) if row.kind.is_message() => words.are_in(&store.bytes(row)),
            Self::Words(words) => store.fact(row).is_some_and(|fact| words.are_in(sentence(&fact).as_bytes())),
            Self::Sockets(names) => roster
                .name_parts(row.socket)
                .is_some_and(|(root, number)| names.iter().any(|name| name.matches(root, number))),
            Self::Direction(kinds) | Self::Kinds(kinds) => kinds.contains(row.kind),
        }
    }

    const fn reads_bytes(&self) -> bool {
        matches!(self, Self::Words(_))
    }
}

#[cfg(test)]
mod tests;
