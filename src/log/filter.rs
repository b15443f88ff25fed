//! The filter: which rows of the log are wanted.
//!
//! Owns the filter language: its tokens, its table of keys ([`KEYS`]), and how a row is judged. It never
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
use super::timeline::step;
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
            let condition = match kind {
                TokenKind::Or => {
                    if terms.is_empty() {
                        return Err(FilterError::new(at, "nothing stands before this `|`"));
                    }
                    filter.alternatives.push(std::mem::take(&mut terms));
                    or_at = Some(at);
                    continue;
                }
                TokenKind::Words(words) => Test::Words(words::Words::new(&words)),
                TokenKind::Keyed { key, key_at, values } => keys::spec(&key, key_at)?.parse(&values)?,
            };
            filter.names_kinds |= matches!(condition, Test::Kinds(_));
            terms.push(Term { negated, test: condition });
        }
        match (terms.is_empty(), or_at) {
            (true, Some(at)) => return Err(FilterError::new(at, "nothing stands after this `|`")),
            (true, None) => {}
            (false, _) => filter.alternatives.push(terms),
        }
        for terms in &mut filter.alternatives {
            terms.sort_by_key(|term| term.test.cost());
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
        (row.kind != Kind::Call || self.names_kinds) && self.holds(row, store, roster, Test::holds)
    }

    /// As [`matches`](Self::matches) for a row of a timeline: the `call` rows are wanted, too, and words are also found
    /// in what the step says.
    pub(super) fn matches_step(&self, row: &Row, store: &LogStore, roster: &Roster) -> bool {
        self.holds(row, store, roster, Test::holds_of_step)
    }

    fn holds(&self, row: &Row, store: &LogStore, roster: &Roster, test: Judge) -> bool {
        self.alternatives.is_empty()
            || self
                .alternatives
                .iter()
                .any(|terms| terms.iter().all(|term| test(&term.test, row, store, roster) != term.negated))
    }

    /// True when judging a row may mean to read its bytes.
    pub(super) fn reads_bytes(&self) -> bool {
        self.alternatives.iter().flatten().any(|term| term.test.reads_bytes())
    }
}

/// How a condition is held against a row.
type Judge = fn(&Test, &Row, &LogStore, &Roster) -> bool;

impl Test {
    fn holds_of_step(&self, row: &Row, store: &LogStore, roster: &Roster) -> bool {
        self.holds(row, store, roster)
            || matches!(self, Self::Words(words) if step(row, store, roster).is_some_and(|step| {
                words.are_in(format!("{} = {} {}", step.call(), step.result, step.meaning).as_bytes())
            }))
    }

    fn holds(&self, row: &Row, store: &LogStore, roster: &Roster) -> bool {
        match self {
            Self::Words(words) if row.kind.is_message() => words.are_in(&store.bytes(row)),
            Self::Words(words) => {
                store.fact(row).is_some_and(|fact| words.are_in(sentence(row, &fact, store, roster).as_bytes()))
            }
            Self::Sockets(names) => roster
                .name_parts(row.socket)
                .is_some_and(|(root, number)| names.iter().any(|name| name.matches(root, number))),
            Self::Direction(kinds) | Self::Kinds(kinds) => kinds.contains(row.kind),
        }
    }

    /// How dear it is, compared with the others: what can be decided cheaply is decided first.
    const fn cost(&self) -> u8 {
        match self {
            Self::Direction(_) | Self::Kinds(_) => 0,
            Self::Sockets(_) => 1,
            Self::Words(_) => 2,
        }
    }

    const fn reads_bytes(&self) -> bool {
        matches!(self, Self::Words(_))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::contract::{Address, Batch, Block, CloseReason, Event, Fact, SocketId, Span, Ticket, Timestamp};

    fn id(number: u32) -> SocketId {
        SocketId::new(number).unwrap()
    }

    /// Row by row: 1 call, 2 opened (server); 3 accepted, 4 "Hello World" received, 5 "ok" sent (server#1); 6 accepted
    /// (server#12); 7 "hello" sent (plc); 8 closed (plc).
    fn log() -> (LogStore, Roster) {
        let local = Address::Ip(([127, 0, 0, 1], 7788).into());
        let peer = Address::Ip(([127, 0, 0, 1], 51022).into());
        let accepted = |number| Fact::Accepted { parent: id(1), number, local: local.clone(), peer: peer.clone() };
        let text = b"Hello Worldokhello";
        let sent = |start, len| Fact::Sent { ticket: Ticket(1), peer: None, bytes: Span { start, len }, remaining: 0 };
        let received = Fact::Received { peer: None, bytes: Span { start: 0, len: 11 }, truncated: false };
        let call = Fact::Call { call: "bind".into(), args: "127.0.0.1:7788".to_owned(), result: "0".to_owned() };
        let facts = [
            (1, call),
            (1, Fact::Opened { local: local.clone(), peer: None }),
            (2, accepted(1)),
            (2, received),
            (2, sent(11, 2)),
            (3, accepted(12)),
            (4, sent(13, 5)),
            (4, Fact::Closed { reason: CloseReason::User }),
        ];
        let mut roster = Roster::default();
        roster.register(id(1), "server".to_owned(), "tcp-listen://127.0.0.1:7788".parse().unwrap());
        roster.register(id(4), "plc".to_owned(), "tcp://127.0.0.1:502".parse().unwrap());
        let events: Vec<_> =
            facts.into_iter().map(|(socket, fact)| Event { at: Timestamp(1), socket: id(socket), fact }).collect();
        for event in &events {
            roster.observe(event);
        }
        let mut block = Block::with_size(text.len()).unwrap();
        block.bytes_mut().copy_from_slice(text);
        let mut store = LogStore::new(u64::MAX);
        store.append(Batch::new(events, block, text.len())).unwrap();
        (store, roster)
    }

    #[test]
    fn judges_rows_as_the_language_says() {
        let (store, roster) = log();
        for (text, wanted) in [
            ("", vec![2, 3, 4, 5, 6, 7, 8]),
            ("  ", vec![2, 3, 4, 5, 6, 7, 8]),
            ("hello", vec![4, 7]),
            ("\"HELLO WORLD\"", vec![4]),
            ("hello world", vec![4]),
            ("hello | ok", vec![4, 5, 7]),
            ("hello !world", vec![7]),
            ("hello dir:rx | kind:closed", vec![4, 8]),
            ("51022", vec![3, 6]),
            ("socket:server", vec![2, 3, 4, 5, 6]),
            ("!socket:server", vec![7, 8]),
            ("socket:server#1", vec![3, 4, 5]),
            ("socket:server#1*", vec![3, 4, 5, 6]),
            ("socket:s*|plc", vec![2, 3, 4, 5, 6, 7, 8]),
            ("socket:serv", vec![]),
            ("dir:tx", vec![5, 7]),
            ("dir:rx|tx", vec![4, 5, 7]),
            ("kind:call", vec![1]),
            ("kind:call|closed", vec![1, 8]),
            ("bind", vec![]),
            ("kind:call bind", vec![1]),
            ("!kind:sent", vec![1, 2, 3, 4, 6, 8]),
            ("user", vec![8]),
            ("!!user", vec![8]),
            ("127.0.0.1:7788", vec![2]),
            ("a|b", vec![]),
        ] {
            let filter = Filter::parse(text).unwrap();
            let got: Vec<_> =
                store.rows(0..100).filter(|row| filter.matches(row, &store, &roster)).map(|row| row.seq).collect();
            assert_eq!(got, wanted, "{text}");
            assert_eq!(filter.text(), text);
        }
    }

    #[test]
    fn in_a_timeline_words_are_found_in_what_the_step_says() {
        let (store, roster) = log();
        let found = |text: &str| {
            let filter = Filter::parse(text).unwrap();
            let rows = store.rows(0..100).filter(|row| filter.matches_step(row, &store, &roster));
            rows.map(|row| row.seq).collect::<Vec<_>>()
        };
        // The call, its result, its remark; and the payload and the sentence as everywhere.
        assert_eq!(found("send("), [5, 7]);
        assert_eq!(found("recv dir:rx"), [4]);
        assert_eq!(found("\"= 11\""), [4]);
        assert_eq!(found("\"has its address\""), [1]);
        assert_eq!(found("hello"), [4, 7]);
        assert_eq!(found("\"open at\""), [2]);
        assert_eq!(found("!send( !accept bind"), [1]);
        // Outside, the payload alone.
        let filter = Filter::parse("send(").unwrap();
        assert!(!store.rows(0..100).any(|row| filter.matches(&row, &store, &roster)));
    }

    #[test]
    fn an_error_says_where_and_what() {
        for (text, at, word) in [
            ("hello sokcet:x", 6..12, "no key `sokcet`"),
            ("dir:up", 4..6, "no direction `up`"),
            ("kind:closed|faild", 12..17, "no kind `faild`"),
            ("socket:", 7..7, "a value is missing"),
            ("kind:closed|", 12..12, "a value is missing"),
            ("say \"hello", 4..10, "not closed"),
            ("a \"\"", 2..4, "nothing between the quotes"),
            ("| a", 0..1, "nothing stands before"),
            ("a | | b", 4..5, "nothing stands before"),
            ("a |", 2..3, "nothing stands after"),
            ("a ! b", 2..3, "nothing stands after this `!`"),
        ] {
            let error = Filter::parse(text).unwrap_err();
            assert_eq!(error.at, at, "{text}: {error}");
            assert!(error.message.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn every_key_has_an_example_that_is_a_filter() {
        for key in KEYS {
            assert!(key.example.starts_with(&format!("{}:", key.name)));
            Filter::parse(key.example).unwrap();
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_filter_or_an_error_at_a_place_in_it(text in r#"([a-z"|!\\ :*]|socket:|kind:|dir:|rx|.){0,12}"#) {
            match Filter::parse(&text) {
                Ok(filter) => prop_assert_eq!(filter.text(), text),
                Err(error) => prop_assert!(text.get(error.at.clone()).is_some(), "{:?} of {:?}", error, text),
            }
        }

        #[test]
        fn what_is_quoted_is_found_as_it_is(words in ".{1,12}") {
            let quoted = words.replace('\\', "\\\\").replace('"', "\\\"");
            let filter = Filter::parse(&format!("\"{quoted}\"")).unwrap();
            let mut store = LogStore::new(u64::MAX);
            let mut block = Block::with_size(64).unwrap();
            block.bytes_mut()[1..=words.len()].copy_from_slice(words.as_bytes());
            let bytes = Span { start: 0, len: 64 };
            let fact = Fact::Received { peer: None, bytes, truncated: false };
            store.append(Batch::new(vec![Event { at: Timestamp(1), socket: id(1), fact }], block, 64)).unwrap();
            prop_assert!(filter.matches(&store.row(1).unwrap(), &store, &Roster::default()));
        }
    }
}
