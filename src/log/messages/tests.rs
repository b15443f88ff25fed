//! What the reading promises, for any rows.

use proptest::prelude::*;

use super::*;
use crate::contract::{Address, Batch, Block, CloseReason, Event, Fact, Span};
use crate::framing::Assembler;
use crate::log::{Filter, Find, LogView, Needle, Spot};

fn socket(number: u32) -> SocketId {
    SocketId::new(number).unwrap()
}

/// What may happen to a connection of a listener that the log is of.
#[derive(Clone, Debug)]
enum Step {
    Receives(u32, Vec<u8>),
    Closes(u32),
    Connects(u32),
}

struct Log {
    store: LogStore,
    roster: Roster,
    at: u64,
}

impl Log {
    fn new(framing: &str) -> Self {
        let mut roster = Roster::default();
        roster.register(socket(1), "server".to_owned(), Self::endpoint(framing));
        Self { store: LogStore::new(u64::MAX), roster, at: 0 }
    }

    fn endpoint(framing: &str) -> crate::contract::Endpoint {
        format!("tcp-listen://127.0.0.1:1?framing={framing}").parse().unwrap()
    }

    fn add(&mut self, number: u32, bytes: &[u8], fact: impl FnOnce(Span) -> Fact) {
        let mut block = Block::with_size(bytes.len().max(1)).unwrap();
        block.bytes_mut()[..bytes.len()].copy_from_slice(bytes);
        self.at += 1_000_000;
        let fact = fact(Span { start: 0, len: u32::try_from(bytes.len()).unwrap() });
        let event = Event { at: Timestamp(self.at), socket: socket(number), fact };
        self.roster.observe(&event);
        self.store.append(Batch::new(vec![event], block, bytes.len())).unwrap();
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Receives(number, bytes) => {
                self.add(*number, bytes, |bytes| Fact::Received { peer: None, bytes, truncated: false });
            }
            Step::Closes(number) => self.add(*number, b"", |_| Fact::Closed { reason: CloseReason::Peer }),
            Step::Connects(number) => self.add(*number, b"", |_| {
                let address = Address::Ip(([127, 0, 0, 1], 1).into());
                Fact::Accepted { parent: socket(1), number: *number, local: address.clone(), peer: address }
            }),
        }
    }

    fn read(&self, messages: &mut Messages) {
        while !messages.catch_up(&self.store, &self.roster) {}
    }

    /// All messages that end in rows of a connection.
    fn all(&self, messages: &Messages, number: u32) -> Vec<Message> {
        let rows = self.store.rows(0..u64::MAX).filter(|row| row.socket == socket(number));
        rows.flat_map(|row| {
            let found = messages.ending_in(&row, |_| true, &self.store);
            assert_eq!(found.len(), messages.count(&row).unwrap_or(0) as usize, "{row:?}");
            found
        })
        .collect()
    }

    fn texts(&self, messages: &Messages, number: u32) -> Vec<(String, Ending, bool)> {
        let all = self.all(messages, number).into_iter();
        all.map(|message| {
            let bytes = message.bytes(&self.store, usize::MAX);
            assert_eq!(message.len(), bytes.len() as u64);
            (String::from_utf8(bytes).unwrap(), message.ending, message.headless)
        })
        .collect()
    }
}

fn receives(bytes: &[u8]) -> Step {
    Step::Receives(2, bytes.to_vec())
}

#[test]
fn a_record_is_small() {
    assert_eq!(size_of::<stream::Record>(), 24);
}

#[test]
fn another_framing_reads_the_same_rows_anew() {
    let mut log = Log::new("raw");
    for step in [Step::Connects(2), receives(b"one\ntw"), receives(b"o\nthree")] {
        log.step(&step);
    }
    let mut messages = Messages::new();
    log.read(&mut messages);
    assert_eq!(log.texts(&messages, 2), []);
    log.roster.set_endpoint(socket(1), Log::endpoint("line"));
    log.read(&mut messages);
    let whole = |text: &str| (text.to_owned(), Ending::Whole, false);
    assert_eq!(log.texts(&messages, 2), [whole("one"), whole("two")]);
    log.step(&Step::Closes(2));
    log.read(&mut messages);
    let rest = ("three".to_owned(), Ending::Incomplete, false);
    assert_eq!(log.texts(&messages, 2), [whole("one"), whole("two"), rest]);
    log.roster.set_endpoint(socket(1), Log::endpoint("fixed:7"));
    log.read(&mut messages);
    assert_eq!(log.texts(&messages, 2), [whole("one\ntwo"), ("\nthree".to_owned(), Ending::Incomplete, false)]);
    log.roster.set_endpoint(socket(1), Log::endpoint("raw"));
    log.read(&mut messages);
    assert_eq!(log.texts(&messages, 2), []);
}

#[test]
fn how_a_row_is_divided() {
    let mut log = Log::new("length:u8");
    for step in [Step::Connects(2), receives(b"\x03a"), receives(b"bc\x01x\0\x05y"), receives(b"z")] {
        log.step(&step);
    }
    let mut messages = Messages::new();
    log.read(&mut messages);
    let division = |seq| messages.division(&log.store.row(seq).unwrap(), 0..100, &log.store);
    let open = |before, ends, open, missing, bounds: &[u32]| {
        Some(Division { before, ends, open, missing: Some(missing), incomplete: false, bounds: bounds.to_vec() })
    };
    assert_eq!(division(1), None);
    assert_eq!(division(2), open(0, 0, 2, 2, &[]));
    assert_eq!(division(3), open(2, 3, 2, 4, &[2, 4, 5]));
    assert_eq!(division(4), open(2, 0, 3, 3, &[]));
    let second = messages.ending_in(&log.store.row(3).unwrap(), |place| place == 0, &log.store);
    assert_eq!(second[0].pieces, [Piece { seq: 2, bytes: 1..2 }, Piece { seq: 3, bytes: 0..2 }]);
}

#[test]
fn a_message_of_which_the_begin_is_gone_says_so() {
    let mut log = Log::new("line");
    // Nobody saw this one connect.
    for step in [receives(b"a\nb\nc"), receives(b"d\ne"), receives(b"f\n")] {
        log.step(&step);
    }
    let mut messages = Messages::new();
    log.read(&mut messages);
    let told = |text: &str, headless| (text.to_owned(), Ending::Whole, headless);
    // It is not known whose connection that is.
    assert_eq!(log.texts(&messages, 2), []);
    log.step(&Step::Connects(2));
    let mut messages = Messages::new();
    log.read(&mut messages);
    assert_eq!(log.texts(&messages, 2), [told("a", true), told("b", false), told("cd", false), told("ef", false)]);
    // What follows comes into a segment of its own.
    let full = vec![b'x'; crate::contract::BLOCK_SIZE];
    log.step(&receives(b"g"));
    log.step(&receives(&full));
    log.step(&receives(b"h\n"));
    log.read(&mut messages);
    let last = log.store.next() - 1;
    log.store.evict_before(last);
    assert!(log.store.first() > 4, "nothing is evicted");
    log.read(&mut messages);
    let row = log.store.row(last).unwrap();
    let found = messages.ending_in(&row, |_| true, &log.store);
    assert!(found.last().unwrap().headless, "{found:?}");
    assert!(messages.streams.values().all(|stream| stream.records.len() < 4));
}

#[test]
fn silence_ends_a_message_by_itself_or_with_the_next_row() {
    let mut log = Log::new("idle:3ms");
    for step in [Step::Connects(2), receives(b"a"), receives(b"b"), Step::Connects(3), Step::Connects(4)] {
        log.step(&step);
    }
    let mut messages = Messages::new();
    log.read(&mut messages);
    let told = |text: &str| (text.to_owned(), Ending::Whole, false);
    assert_eq!(log.texts(&messages, 2), []);
    assert_eq!(messages.deadline(), Some(Timestamp(6_000_000)));
    log.step(&receives(b"c"));
    log.read(&mut messages);
    assert_eq!(log.texts(&messages, 2), [told("ab")]);
    messages.expire(Timestamp(8_999_999));
    assert_eq!(log.texts(&messages, 2), [told("ab")]);
    messages.expire(Timestamp(9_000_000));
    assert_eq!(log.texts(&messages, 2), [told("ab"), told("c")]);
    assert_eq!(messages.deadline(), None);
}

fn any_step() -> impl Strategy<Value = Step> {
    let bytes = prop::collection::vec(prop::sample::select(b"ab\r\n\0\x01\x02".to_vec()), 1..12);
    prop_oneof![
        8 => (2..4_u32, bytes).prop_map(|(number, bytes)| Step::Receives(number, bytes)),
        1 => (2..4_u32).prop_map(Step::Closes),
        1 => (2..4_u32).prop_map(Step::Connects),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_rows_have_the_messages_of_their_stream(
        framing in prop::sample::select(vec![
            "line", "line,max=3", "delimiter:0d0a", "delimiter:616261,max=2", "fixed:5", "length:u8", "length:u8,max=1",
            "length:u16le,offset=2,adjust=-1", "idle:2ms", "idle:3ms,max=4",
        ]),
        steps in prop::collection::vec(any_step(), 0..40),
        at_once in any::<bool>(),
    ) {
        let mut log = Log::new(framing);
        let mut messages = Messages::new();
        let parsed: Framing = framing.parse().unwrap();
        let mut wanted = [2, 3].map(|_| (Assembler::new(parsed.clone()), Vec::new()));
        for number in [2, 3] {
            log.step(&Step::Connects(number));
        }
        for step in &steps {
            log.step(step);
            if !at_once {
                log.read(&mut messages);
            }
            let (Step::Receives(number, _) | Step::Closes(number) | Step::Connects(number)) = step;
            let (assembler, found) = &mut wanted[*number as usize - 2];
            let mut each = |payload: &[u8], frame: &Frame| {
                found.push((payload.to_vec(), frame.ending, frame.continues));
            };
            match step {
                Step::Receives(_, bytes) => assembler.push(bytes, log.at, &mut each),
                Step::Closes(_) | Step::Connects(_) => assembler.end(&mut each),
            }
        }
        log.read(&mut messages);
        for (number, (_, wanted)) in (2..).zip(wanted) {
            let found: Vec<_> = log
                .all(&messages, number)
                .into_iter()
                .map(|message| (message.bytes(&log.store, usize::MAX), message.ending, message.continues))
                .collect();
            prop_assert_eq!(found, wanted);
        }
    }
}

const FRAMINGS: [&str; 6] = ["line", "line,max=3", "delimiter:616261", "fixed:5", "length:u8", "idle:2ms,max=4"];

/// A listener with two connections of which all this became.
fn log_of(framing: &str, steps: &[Step]) -> Log {
    let mut log = Log::new(framing);
    for number in [2, 3] {
        log.step(&Step::Connects(number));
    }
    for step in steps {
        log.step(step);
    }
    log
}

/// The messages that end in a row, with their bytes.
fn payloads(messages: &Messages, row: &Row, store: &LogStore) -> Vec<(Message, Vec<u8>)> {
    let found = messages.ending_in(row, |_| true, store).into_iter();
    found.map(|message| (message.clone(), message.bytes(store, usize::MAX))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_changes_in_a_row_that_was_read_is_told(
        framing in prop::sample::select(FRAMINGS.to_vec()),
        steps in prop::collection::vec(any_step(), 0..40),
    ) {
        let (mut log, mut messages) = (log_of(framing, &[]), Messages::new());
        let mut known: HashMap<u64, Option<u32>> = HashMap::new();
        for step in &steps {
            log.step(step);
            log.read(&mut messages);
            let amended = messages.take_amended();
            let mut surplus = 0;
            for row in log.store.rows(0..u64::MAX) {
                let count = messages.count(&row);
                surplus += u64::from(count.unwrap_or(0).saturating_sub(1));
                let before = known.insert(row.seq, count);
                prop_assert!(before.is_none_or(|before| before == count || amended.contains(&row.seq)));
            }
            prop_assert_eq!(messages.surplus(), surplus);
        }
    }

    #[test]
    fn a_message_is_the_same_however_it_is_asked_for(
        framing in prop::sample::select(FRAMINGS.to_vec()),
        steps in prop::collection::vec(any_step(), 0..40),
        rows in (0..45_u64, 0..45_u64),
    ) {
        let (log, mut messages) = (log_of(framing, &steps), Messages::new());
        log.read(&mut messages);
        let rows = rows.0.min(rows.1)..rows.0.max(rows.1);
        let (some, first) = messages.snapshot(rows.clone(), &log.store);
        let store = log.store.snapshot(first..rows.end);
        for row in log.store.rows(0..u64::MAX) {
            let wanted = payloads(&messages, &row, &log.store);
            let mut told = Vec::new();
            messages.for_each(&row, &log.store, |place, payload, frame| {
                told.push((place, payload.to_vec(), frame.ending));
            });
            let as_told = (0..).zip(&wanted).map(|(place, (message, bytes))| (place, bytes.clone(), message.ending));
            prop_assert_eq!(told, as_told.collect::<Vec<_>>());
            for (place, (message, _)) in (0..).zip(&wanted) {
                let end = messages.end_of(&row, place, &log.store).unwrap();
                // Those that ended before the row are all at its begin.
                prop_assert!(end == 0 || messages.at_byte(&row, end, &log.store) == place);
                let of_payload = message.pieces.chunk_by(|piece, next| piece.seq == next.seq).count();
                prop_assert!(message.rows as usize >= of_payload.max(1), "{:?}", message);
            }
            if rows.contains(&row.seq) {
                prop_assert_eq!(some.count(&row), messages.count(&row));
                let same = store.row(row.seq).unwrap();
                prop_assert_eq!(payloads(&some, &same, &store), wanted);
            }
        }
    }

    #[test]
    fn what_is_looked_for_is_found_in_each_message_that_has_it(
        framing in prop::sample::select(FRAMINGS.to_vec()),
        steps in prop::collection::vec(any_step(), 0..40),
        needle in prop::sample::select(vec!["a", "ab", "/^b/", "hex:61 0d"]),
        filter in prop::sample::select(vec!["", "text:a", "!text:a", "len:1..2", "re:/^b$/ | len:0"]),
    ) {
        let (mut log, mut messages) = (log_of(framing, &[]), Messages::new());
        let mut find = Find::new(needle, Needle::parse(needle).unwrap());
        let mut view = LogView::new();
        view.set_filter(Filter::parse(filter, Timestamp(0)).unwrap());
        for step in &steps {
            log.step(step);
            log.read(&mut messages);
            let amended = messages.take_amended();
            view.judge_again(&amended, &log.store, &log.roster, &messages);
            find.search_again(&amended, &log.store, &log.roster, &messages);
            while !view.catch_up(&log.store, &log.roster, &messages, 9) {}
            while !find.catch_up(&log.store, &log.roster, &messages) {}
        }
        let is_shown = |bytes: Option<&[u8]>| {
            let has_a = bytes.is_some_and(|bytes| bytes.to_ascii_lowercase().contains(&b'a'));
            match filter {
                "" => true,
                "text:a" => has_a,
                "!text:a" => !has_a,
                "len:1..2" => bytes.is_some_and(|bytes| (1..=2).contains(&bytes.len())),
                _ => bytes.is_some_and(|bytes| bytes == b"b" || bytes.is_empty()),
            }
        };
        let mut wanted = Vec::new();
        for row in log.store.rows(0..u64::MAX).filter(|row| row.kind == Kind::Received) {
            let messages = payloads(&messages, &row, &log.store);
            prop_assert!(!messages.is_empty() || view.shows(row.seq) == is_shown(None));
            for (message, (_, bytes)) in (0..).zip(&messages) {
                let spot = Spot { seq: row.seq, message };
                let shown = view.shows(row.seq) && view.lines_of(row.seq).contains(message);
                prop_assert_eq!(shown, is_shown(Some(bytes)));
                let is_in = find.needle().is_in(bytes);
                prop_assert_eq!(find.is_in(spot), is_in);
                wanted.extend((shown && is_in).then_some(spot));
            }
        }
        let next = |spot: &Spot| Spot { message: spot.message + 1, ..*spot };
        let there = std::iter::successors(find.at_or_after(Spot::default(), &view), |spot| {
            find.at_or_after(next(spot), &view)
        });
        let is_received = |spot: &Spot| log.store.row(spot.seq).unwrap().kind == Kind::Received;
        prop_assert_eq!(there.filter(is_received).collect::<Vec<_>>(), wanted.clone());
        let back = std::iter::successors(find.before(Spot::row(u64::MAX), &view), |spot| find.before(*spot, &view));
        wanted.reverse();
        prop_assert_eq!(back.filter(is_received).collect::<Vec<_>>(), wanted);
    }
}
