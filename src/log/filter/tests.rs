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
    store.append(Batch { events, block, used: text.len() }).unwrap();
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
        store.append(Batch { events: vec![Event { at: Timestamp(1), socket: id(1), fact }], block, used: 64 }).unwrap();
        prop_assert!(filter.matches(&store.row(1).unwrap(), &store, &Roster::default()));
    }
}
