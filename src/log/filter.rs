//! The filter: which rows of the log are wanted.
//!
//! Owns the filter language: its tokens, its table of keys ([`KEYS`]), its conditions, and which lines of a row pass. It
//! never keeps an index; that is the view's.
//!
//! ```text
//! filter = conjunction, { " | ", conjunction } ;       conjunction = term, { blank, term } ;
//! term   = { "!" }, ( word | quoted | key, ":", value, { "|", value } | "(", filter, ")" ) ;
//! ```

mod completion;
mod condition;
mod keys;
mod peers;
mod times;
mod tokens;

use std::fmt;
use std::ops::Range;
use std::vec;

pub use completion::{Candidate, Completion};
pub use keys::{KEYS, KeySpec};

use super::{Kind, Lines, LogStore, Messages, Needle, Roster, Row};
use crate::contract::Timestamp;
use condition::{Condition, Judge, Subject};
use keys::Test;
use tokens::{Token, TokenKind};

/// The most parentheses within each other.
const DEPTH_MAX: usize = 32;

/// What rows are wanted, read from the text that a user types.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    text: String,
    /// What must hold; nothing at all for the filter that lets everything pass.
    condition: Option<Condition>,
    /// A `kind:` term is there, so that `call` rows are judged as all others.
    names_kinds: bool,
    reads: Reads,
    /// How many sixteenths of a step each byte takes.
    weight: usize,
    /// A `peer:` term is there.
    names_peers: bool,
}

/// What judging a message may mean to look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Reads {
    /// Nothing that is its own: all messages that end in a row are wanted, or none.
    #[default]
    Nothing,
    /// How long it is.
    Length,
    /// Its bytes.
    Bytes,
}

/// What is wrong with the text of a filter, or of what is looked for, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// The bytes of the text that are wrong; may be empty, at the place where something is missing.
    pub at: Range<usize>,
    /// What is wrong, and what would be right. No full stop.
    pub message: String,
}

impl FilterError {
    pub(super) fn new(at: Range<usize>, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }

    /// The same, in a text that has so many bytes more before it.
    pub(super) fn shifted(self, by: usize) -> Self {
        Self { at: self.at.start + by..self.at.end + by, ..self }
    }

    /// The same, in a filter in which the value stands there. Of a value in quotes the places are not those of the
    /// text: all of it is wrong.
    fn within(self, value: &str, at: &Range<usize>) -> Self {
        if value.len() == at.len() { self.shifted(at.start) } else { Self { at: at.clone(), ..self } }
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for FilterError {}

impl Filter {
    /// Reads a filter of which `since:5m` means five minutes before `now`. A blank text is the default filter:
    /// everything but the `call` rows.
    ///
    /// # Errors
    /// When the text is not a filter; the error says where.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, FilterError> {
        let mut parser =
            Parser { tokens: tokens::tokens(text)?.into_iter(), now, filter: Self::default(), end: text.len() };
        let condition = parser.alternatives(None, 0)?;
        Ok(Self { text: text.to_owned(), condition, ..parser.filter })
    }

    /// The text that it was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// True when the row is wanted, as it is.
    #[must_use]
    pub fn matches(&self, row: &Row, store: &LogStore, roster: &Roster) -> bool {
        self.wants(row) && self.holds(row, &Subject::whole(row), store, roster, Test::holds)
    }

    /// Which lines of a row are wanted, if any is: of a framed stream each message that ends in it is judged by itself, and
    /// where none ends the row has no text and no length.
    #[must_use]
    pub fn lines(&self, row: &Row, store: &LogStore, roster: &Roster, messages: &Messages) -> Option<Lines> {
        let Some(count) = messages.count(row).filter(|_| self.wants(row)) else {
            return self.matches(row, store, roster).then_some(Lines::ROW);
        };
        let holds = |bytes: Option<&[u8]>| self.holds(row, &Subject::Message(bytes), store, roster, Test::holds);
        if count == 0 || self.reads == Reads::Nothing {
            return holds(None).then_some(Lines::Run(0..count.max(1)));
        }
        let mut wanted = Vec::new();
        messages.for_each(row, store, |message, payload, _| wanted.extend(holds(Some(payload)).then_some(message)));
        Lines::of(wanted)
    }

    fn wants(&self, row: &Row) -> bool {
        row.kind != Kind::Call || self.names_kinds
    }

    /// As [`matches`](Self::matches) for a row of a timeline: the `call` rows are wanted, too, and texts are also found
    /// in what the step says.
    pub(super) fn matches_step(&self, row: &Row, store: &LogStore, roster: &Roster) -> bool {
        self.holds(row, &Subject::whole(row), store, roster, Test::holds_of_step)
    }

    fn holds(&self, row: &Row, subject: &Subject<'_>, store: &LogStore, roster: &Roster, test: Judge) -> bool {
        self.condition.as_ref().is_none_or(|condition| condition.holds(row, subject, store, roster, test))
    }

    /// How many steps judging so many bytes takes at most, each some nanoseconds; none where they need not be read.
    pub(super) const fn steps(&self, bytes: usize) -> usize {
        self.weight.saturating_mul(bytes) / 16
    }

    /// Learns from a row what the rows after it are judged by: with whom a connection is. The roster forgets those that
    /// closed long ago.
    pub(super) fn learn(&mut self, row: &Row, store: &LogStore) {
        if self.names_peers
            && matches!(row.kind, Kind::Accepted | Kind::Connected | Kind::Opened)
            && let Some(condition) = &mut self.condition
            && let Some(fact) = store.fact(row)
        {
            condition.learn(row, &fact);
        }
    }
}

/// From tokens to conditions.
struct Parser {
    tokens: vec::IntoIter<Token>,
    now: Timestamp,
    /// What has been found of the filter but its condition.
    filter: Filter,
    /// Where the text ends.
    end: usize,
}

impl Parser {
    /// What stands up to the end, or up to the parenthesis that closes the one that is `open`.
    fn alternatives(&mut self, open: Option<Range<usize>>, depth: usize) -> Result<Option<Condition>, FilterError> {
        let mut alternatives = Vec::new();
        let mut terms = Vec::new();
        let mut or_at = None;
        let close = loop {
            let Some(Token { at, negated, kind }) = self.tokens.next() else { break None };
            let condition = match kind {
                TokenKind::Or => {
                    if terms.is_empty() {
                        return Err(FilterError::new(at, "nothing stands before this `|`"));
                    }
                    alternatives.push(Condition::all(std::mem::take(&mut terms)));
                    or_at = Some(at);
                    continue;
                }
                TokenKind::Close => break Some(at),
                TokenKind::Open if depth == DEPTH_MAX => {
                    return Err(FilterError::new(at, format!("more than {DEPTH_MAX} parentheses within each other")));
                }
                TokenKind::Open => self
                    .alternatives(Some(at.clone()), depth + 1)?
                    .ok_or_else(|| FilterError::new(at, "nothing stands between the parentheses"))?,
                TokenKind::Words(words) => {
                    self.test(Test::Texts(vec![Needle::text(&words).map_err(|error| error.within(&words, &at))?]))
                }
                TokenKind::Keyed { key, key_at, values } => {
                    let test = keys::spec(&key, key_at)?.parse(&values, self.now)?;
                    self.test(test)
                }
            };
            terms.push(if negated { Condition::Not(Box::new(condition)) } else { condition });
        };
        if let (Some(open), None) = (open, &close) {
            return Err(FilterError::new(open.start..self.end, "this parenthesis is not closed"));
        }
        match (terms.is_empty(), or_at) {
            (true, Some(at)) => return Err(FilterError::new(at, "nothing stands after this `|`")),
            (true, None) => return Ok(None),
            (false, _) => alternatives.push(Condition::all(terms)),
        }
        Ok(Some(Condition::any(alternatives)))
    }

    fn test(&mut self, test: Test) -> Condition {
        self.filter.names_kinds |= matches!(test, Test::Kinds(_));
        self.filter.names_peers |= matches!(test, Test::Peers(_));
        if let Test::Texts(needles) | Test::Bytes(needles) = &test {
            self.filter.weight =
                needles.iter().map(|needle| needle.weight().max(8)).fold(self.filter.weight, usize::saturating_add);
        }
        let reads = match test {
            Test::Texts(_) | Test::Bytes(_) => Reads::Bytes,
            Test::Lengths(_) => Reads::Length,
            _ => Reads::Nothing,
        };
        self.filter.reads = self.filter.reads.max(reads);
        Condition::Test(test)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::contract::{Address, Batch, Block, CloseReason, Event, Fact, SocketId, Span, Ticket, Timestamp};

    /// An hour after 1970 began.
    const NOW: Timestamp = Timestamp(3_600_000_000_000);

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
            ("(hello | ok) !world", vec![5, 7]),
            ("!(dir:rx | dir:tx)", vec![2, 3, 6, 8]),
            ("!(hello)|x", vec![]),
            ("(socket:plc (hello | kind:closed)) | (ok)", vec![5, 7, 8]),
            ("len:>5", vec![4]),
            ("len:2|5", vec![5, 7]),
            ("!len:0..5 dir:rx|tx", vec![4]),
            ("hex:\"6F 6b\"", vec![5]),
            ("hex:\"6f ?? 57\"|\"68\"", vec![4, 7]),
            ("re:/^hel+o$/", vec![7]),
            ("re:/^hello/i", vec![4, 7]),
            ("re:/o w|k$/i", vec![4, 5]),
            ("re:^ok$ | re:/^accepted .*:51022/", vec![3, 5, 6]),
            ("text:ok|\"lo w\"", vec![4, 5]),
            ("peer::51022", vec![3, 4, 5, 6]),
            ("peer:127.0.0.0/8 dir:rx|tx", vec![4, 5]),
            ("peer:10.0.0.0/8", vec![]),
            ("since:1970-01-01T00:00Z", vec![2, 3, 4, 5, 6, 7, 8]),
            ("since:1m", vec![]),
            ("until:1m", vec![2, 3, 4, 5, 6, 7, 8]),
        ] {
            let filter = Filter::parse(text, NOW).unwrap();
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
            let filter = Filter::parse(text, NOW).unwrap();
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
        let filter = Filter::parse("send(", NOW).unwrap();
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
            ("a (b | c", 2..8, "not closed"),
            ("a )", 2..3, "no parenthesis is open"),
            ("a ()", 2..3, "nothing stands between"),
            ("(a | )", 3..4, "nothing stands after"),
            ("len:>x", 4..6, "no length"),
            ("hex:dez", 6..7, "no hex digit"),
            ("hex:\"de z\"", 4..10, "no hex digit"),
            ("re:/a(b/", 5..6, "unclosed group"),
            ("x re:/ab", 5..8, "not closed"),
            ("re:/ab/x", 7..8, "no flag `x`"),
            ("peer:10.0.0.0/40", 5..16, "0 to 32 bits"),
            ("since:noon", 6..10, "no time"),
        ] {
            let error = Filter::parse(text, NOW).unwrap_err();
            assert_eq!(error.at, at, "{text}: {error}");
            assert!(error.message.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn every_key_has_an_example_that_is_a_filter() {
        for key in KEYS {
            assert!(key.example.starts_with(&format!("{}:", key.name)));
            Filter::parse(key.example, NOW).unwrap();
        }
    }

    #[test]
    fn a_connection_that_the_roster_has_forgotten_keeps_its_peer() {
        let (store, _) = log();
        let mut filter = Filter::parse("peer::51022", NOW).unwrap();
        let mut found = Vec::new();
        for row in store.rows(0..100) {
            filter.learn(&row, &store);
            if filter.matches(&row, &store, &Roster::default()) {
                found.push(row.seq);
            }
        }
        assert_eq!(found, [3, 4, 5, 6]);
    }

    #[test]
    fn parentheses_within_each_other_end_somewhere() {
        let nested = |depth| Filter::parse(&format!("{}a{}", "(".repeat(depth), ")".repeat(depth)), NOW);
        assert!(nested(DEPTH_MAX).is_ok());
        assert!(nested(100_000).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_a_filter_or_an_error_at_a_place_in_it(text in r#"([a-z"|!\\ :*()/]|socket:|kind:|dir:|re:|hex:|len:|peer:|since:|rx|.){0,12}"#) {
            match Filter::parse(&text, NOW) {
                Ok(filter) => prop_assert_eq!(filter.text(), text),
                Err(error) => prop_assert!(text.get(error.at.clone()).is_some(), "{:?} of {:?}", error, text),
            }
        }

        #[test]
        fn what_is_quoted_is_found_as_it_is(words in ".{1,12}") {
            let quoted = words.replace('\\', "\\\\").replace('"', "\\\"");
            let filter = Filter::parse(&format!("\"{quoted}\""), NOW).unwrap();
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
