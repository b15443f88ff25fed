//! The filter and what is looked for: read, or refused at a place of the text; rows are judged by what it says.

use sockbench::contract::{
    Address, Batch, Block, CloseReason, Event, Fact, SocketId, Span, Ticket, Timestamp, UnixAddress,
};
use sockbench::log::filter::Completion;
use sockbench::log::{Filter, Kind, LogStore, Needle, Roster};

/// An hour after 1970 began.
const NOW: Timestamp = Timestamp(3_600_000_000_000);

/// What was said in the log that is judged.
const SAID: &[u8] = b"Hello World\r\n\xff\x00 o|k \"say\" {\"a\":1} \xc3\xa9";

/// The input is what somebody types.
pub fn check(data: &[u8]) {
    let Some(text) = super::text_of(data) else { return };
    let (store, roster) = log();
    match Filter::parse(text, NOW) {
        Ok(filter) => {
            assert_eq!(filter.text(), text);
            is_negated(&filter, &store, &roster);
        }
        Err(error) => super::lies_in(text, &error.at),
    }
    for (cursor, _) in text.char_indices().chain([(text.len(), ' ')]) {
        super::lies_in(text, &Completion::of(text, cursor, &roster).at);
    }
    match Needle::parse(text) {
        Ok(needle) => {
            let (mut end, mut is_found) = (0, false);
            for found in needle.find_iter(SAID) {
                // A pattern may match nothing, as `a*` does.
                let is_whole = !found.is_empty() || text.starts_with('/');
                assert!(is_whole && end <= found.start && found.end <= SAID.len(), "{text:?}: {found:?}");
                (end, is_found) = (found.end, true);
            }
            assert_eq!(needle.is_in(SAID), is_found, "{text:?}");
        }
        Err(error) => super::lies_in(text, &error.at),
    }
}

/// A row is wanted by the filter or by its opposite. Calls are not judged where no kind is named.
fn is_negated(filter: &Filter, store: &LogStore, roster: &Roster) {
    // A parenthesis within a word is a part of it, but closes one that stands before the word.
    if filter.text().trim().is_empty() || filter.text().contains(')') {
        return;
    }
    let read = |text: String| Filter::parse(&text, NOW).unwrap_or_else(|why| panic!("{text:?}: {why}"));
    let opposite = read(format!("!( {} )", filter.text()));
    let same = read(format!("!(!( {} ) | !( {0} )) | (( {0} ))", filter.text()));
    for row in store.rows(1..u64::MAX).filter(|row| row.kind != Kind::Call) {
        let wanted = filter.matches(&row, store, roster);
        assert_ne!(wanted, opposite.matches(&row, store, roster), "{:?}: row {}", filter.text(), row.seq);
        assert_eq!(wanted, same.matches(&row, store, roster), "{:?}: row {}", filter.text(), row.seq);
    }
}

/// A listener with a connection, a client, a datagram socket, and what happened to them.
fn log() -> (LogStore, Roster) {
    let local = Address::Ip(([127, 0, 0, 1], 7788).into());
    let peer = Address::Ip((std::net::Ipv6Addr::LOCALHOST, 51022).into());
    let path = Address::Unix(UnixAddress::Pathname(b"/tmp/a b".to_vec()));
    let span = |start, len| Span { start, len };
    let received = |peer, bytes| Fact::Received { peer, bytes, truncated: false };
    let sent = |bytes| Fact::Sent { ticket: Ticket(1), peer: None, bytes, remaining: 0 };
    let call = Fact::Call { call: "bind".into(), args: "127.0.0.1:7788".to_owned(), result: "0".to_owned() };
    let facts = [
        (1, call),
        (1, Fact::Opened { local: local.clone(), peer: None }),
        (2, Fact::Accepted { parent: id(1), number: 1, local: local.clone(), peer }),
        (2, received(None, span(0, 11))),
        (2, sent(span(11, 4))),
        (2, sent(span(0, 0))),
        (3, Fact::Connected { local: local.clone(), peer: local }),
        (3, received(None, span(0, u32::try_from(SAID.len()).unwrap_or_default()))),
        (3, Fact::PeerClosed),
        (3, Fact::Closed { reason: CloseReason::User }),
        (4, received(Some(path), span(15, 9))),
        (4, Fact::Lost { count: 3, bytes: None }),
    ];
    let mut roster = Roster::default();
    for (number, name, url) in [
        (1, "server", "tcp-listen://127.0.0.1:7788"),
        (3, "client one", "tcp://127.0.0.1:502?encoding=gbk"),
        (4, "sink", "unix-dgram-bind:///tmp/sink"),
    ] {
        roster.register(id(number), name.to_owned(), url.parse().unwrap_or_else(|why| panic!("{why}")));
    }
    let facts = facts.into_iter().zip((0..).map(|seconds: u64| Timestamp(NOW.0 / 2 + seconds * 1_000_000_000)));
    let events: Vec<_> = facts.map(|((socket, fact), at)| Event { at, socket: id(socket), fact }).collect();
    for event in &events {
        roster.observe(event);
    }
    let mut block = Block::with_size(SAID.len()).unwrap_or_else(|why| panic!("{why}"));
    block.bytes_mut().copy_from_slice(SAID);
    let mut store = LogStore::new(u64::MAX);
    if let Err(why) = store.append(Batch::new(events, block, SAID.len())) {
        panic!("{why}");
    }
    (store, roster)
}

fn id(number: u32) -> SocketId {
    SocketId::new(number).unwrap_or_else(|| panic!("{number} is no id"))
}
