//! The formats that rows leave the log in: text, hexdump, JSON lines, CSV, Markdown and source code.
//!
//! Owns how a row is written for others. It never chooses rows and never opens a file: every format appends to memory, a
//! whole number of lines for each row.

mod csv;
mod hexdump;
mod jsonl;
mod markdown;
mod source;
mod text;

use std::io::Write as _;

use crate::contract::Address;
use crate::framing::{Ending, Frame};
use crate::log::{LogStore, Roster, Row};

pub use csv::{csv, csv_header, framed_csv};
pub use hexdump::{framed_hexdump, hexdump};
pub use jsonl::{framed_jsonl, jsonl, numbered_jsonl};
pub use markdown::{framed_markdown_row, markdown, markdown_header, markdown_row};
pub use source::{c_array, python};
pub use text::{framed_text, text};

/// A message of a framed stream, written in place of the rows that it came in.
#[derive(Clone, Copy, Debug)]
pub struct Framed<'a> {
    /// Its bytes, without the framing.
    pub payload: &'a [u8],
    /// How it ends.
    pub ending: Ending,
    /// Whether it goes on with a message that was cut.
    pub continues: bool,
}

impl<'a> Framed<'a> {
    /// The message that a frame is, with its payload.
    #[must_use]
    pub const fn new(payload: &'a [u8], frame: &Frame) -> Self {
        Self { payload, ending: frame.ending, continues: frame.continues }
    }

    /// Why it is not whole, in the word of the JSON lines.
    pub(super) const fn flag(&self) -> Option<&'static str> {
        match self.ending {
            Ending::Whole => None,
            Ending::Cut => Some("cut"),
            Ending::Incomplete => Some("incomplete"),
            Ending::Impossible => Some("bad_length"),
        }
    }
}

/// Whom a message came from or went to: the peer that it names itself, or that of its connection as far as the roster
/// knows of it now.
fn peer_of(row: &Row, store: &LogStore, roster: &Roster) -> Option<Address> {
    store.peer(row).or_else(|| roster.get(row.socket)?.peer.clone())
}

/// Appends bytes as lower-case hex digits.
fn hex(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + 2 * bytes.len(), 0);
    // Refused only for another length than twice that of the bytes.
    let _ = const_hex::encode_to_slice(bytes, &mut out[start..]);
}

fn append(out: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    // A Vec takes everything.
    let _ = out.write_fmt(arguments);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::contract::{
        Address, Batch, Block, CloseReason, Event, Fact, NetError, Operation, SocketId, Span, Ticket, Timestamp,
    };

    fn id(number: u32) -> SocketId {
        SocketId::new(number).unwrap()
    }

    fn address(port: u16) -> Address {
        Address::Ip(([127, 0, 0, 1], port).into())
    }

    /// A log with a listener, its connection and a datagram socket, and this one last fact.
    fn log(socket: u32, fact: Fact, bytes: &[u8]) -> (LogStore, Roster, Row) {
        let mut roster = Roster::default();
        roster.register(id(1), "server".to_owned(), "tcp-listen://127.0.0.1:7788".parse().unwrap());
        roster.register(id(3), "udp".to_owned(), "udp-bind://127.0.0.1:5000".parse().unwrap());
        let accepted = Fact::Accepted { parent: id(1), number: 1, local: address(7788), peer: address(51022) };
        let events = vec![
            Event { at: Timestamp(1), socket: id(2), fact: accepted },
            Event { at: Timestamp(1_700_000_000_000_000_007), socket: id(socket), fact },
        ];
        for event in &events {
            roster.observe(event);
        }
        let mut block = Block::with_size(bytes.len().max(1)).unwrap();
        block.bytes_mut()[..bytes.len()].copy_from_slice(bytes);
        let mut store = LogStore::new(u64::MAX);
        store.append(Batch::new(events, block, bytes.len())).unwrap();
        let row = store.row(2).unwrap();
        (store, roster, row)
    }

    fn received(peer: Option<Address>, bytes: &[u8], truncated: bool) -> Fact {
        Fact::Received { peer, bytes: Span { start: 0, len: u32::try_from(bytes.len()).unwrap() }, truncated }
    }

    type Format = fn(&Row, &LogStore, &Roster, &mut Vec<u8>);

    fn written(format: Format, socket: u32, fact: Fact, bytes: &[u8]) -> String {
        let (store, roster, row) = log(socket, fact, bytes);
        let mut out = Vec::new();
        format(&row, &store, &roster, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_json_line_has_the_fields_of_its_kind() {
        let refused = NetError::from_errno(Operation::Connect, Some("127.0.0.1:9".to_owned()), 111);
        let unknown = NetError::other(Operation::Getaddrinfo, Some("x.invalid".to_owned()), "no such name");
        let span = Span { start: 0, len: 2 };
        for (socket, kind, fact, fields) in [
            (1, "opened", Fact::Opened { local: address(1), peer: None }, json!({"local": "127.0.0.1:1"})),
            (
                3,
                "opened",
                Fact::Opened { local: address(1), peer: Some(address(2)) },
                json!({"local": "127.0.0.1:1", "peer": "127.0.0.1:2"}),
            ),
            (
                3,
                "connected",
                Fact::Connected { local: address(1), peer: address(2) },
                json!({"local": "127.0.0.1:1", "peer": "127.0.0.1:2"}),
            ),
            (
                4,
                "accepted",
                Fact::Accepted { parent: id(1), number: 2, local: address(1), peer: address(2) },
                json!({"local": "127.0.0.1:1", "peer": "127.0.0.1:2", "parent": "server"}),
            ),
            (
                2,
                "received",
                received(None, b"h\n", false),
                json!({"peer": "127.0.0.1:51022", "len": 2, "hex": "680a", "text": "h\n"}),
            ),
            (
                3,
                "received",
                received(Some(address(7)), b"h\xff", true),
                json!({"peer": "127.0.0.1:7", "len": 2, "hex": "68ff", "truncated": true}),
            ),
            (
                3,
                "sent",
                Fact::Sent { ticket: Ticket(1), peer: Some(address(7)), bytes: span, remaining: 9 },
                json!({"peer": "127.0.0.1:7", "len": 2, "hex": "6869", "text": "hi"}),
            ),
            (2, "peer-closed", Fact::PeerClosed, json!({})),
            (2, "closed", Fact::Closed { reason: CloseReason::User }, json!({"reason": "user"})),
            (
                2,
                "failed",
                Fact::Failed(Box::new(refused.clone())),
                json!({"op": "connect", "errno": 111, "code": "ECONNREFUSED", "message": refused.to_string()}),
            ),
            (
                2,
                "failed",
                Fact::SendFailed { ticket: Ticket(1), error: Box::new(unknown.clone()) },
                json!({"op": "getaddrinfo", "message": unknown.to_string()}),
            ),
            (3, "lost", Fact::Lost { count: 4, bytes: None }, json!({"count": 4})),
            (3, "lost", Fact::Lost { count: 4, bytes: Some(9) }, json!({"count": 4, "bytes": 9})),
            (
                1,
                "call",
                Fact::Call { call: "bind".into(), args: "127.0.0.1:1".to_owned(), result: "0".to_owned() },
                json!({"call": "bind", "args": "127.0.0.1:1", "result": "0"}),
            ),
            (
                1,
                "note",
                Fact::Note { name: "try".into(), message: "again".to_owned() },
                json!({"name": "try", "message": "again"}),
            ),
        ] {
            let bytes: &[u8] = match &fact {
                Fact::Received { truncated: true, .. } => b"h\xff",
                Fact::Received { .. } => b"h\n",
                _ => b"hi",
            };
            let line = written(jsonl, socket, fact, bytes);
            let name = ["server", "server#1", "udp", "server#2"][socket as usize - 1];
            let head =
                json!({"seq": 2, "at": "2023-11-14T22:13:20.000000007Z", "socket": name, "id": socket, "kind": kind});
            let mut wanted = head.as_object().unwrap().clone();
            wanted.extend(fields.as_object().unwrap().clone());
            assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), Value::Object(wanted));
            assert!(line.starts_with("{\"seq\":2,\"at\":\"2023") && line.ends_with("}\n"));
        }
    }

    #[test]
    fn a_text_line_says_who_which_way_and_what() {
        let line = |socket, fact, bytes: &[u8]| {
            let line = written(text, socket, fact, bytes);
            line.split_once(' ').unwrap().1.to_owned()
        };
        assert_eq!(line(2, received(None, b"hi\r\n", false), b"hi\r\n"), "server#1 RX <- 4 hi\\r\\n\n");
        assert_eq!(
            line(3, received(Some(address(7)), b"\x1b[2J", true), b"\x1b[2J"),
            "udp RX <- 127.0.0.1:7 4 TRUNC \\x1b[2J\n"
        );
        assert_eq!(line(2, Fact::PeerClosed, b""), "server#1 recv = 0: the peer sent FIN, you may still send\n");
        assert_eq!(
            line(2, Fact::Closed { reason: CloseReason::Peer }, b""),
            "server#1 FIN from the peer, and after-fin (10s) is over: closed\n"
        );
        let long = [b'a'; 5000];
        assert_eq!(
            line(2, received(None, &long, false), &long),
            format!("server#1 RX <- 5000 {}...\n", "a".repeat(1024))
        );
    }

    #[test]
    fn a_hexdump_shows_every_byte() {
        let bytes = b"\x00hello, world!\n\xff...";
        let dump = written(hexdump, 2, received(None, bytes, false), bytes);
        let (head, lines) = dump.split_once('\n').unwrap();
        assert!(head.ends_with(" server#1 RX <- 19"), "{head}");
        assert_eq!(
            lines,
            "00000000  00 68 65 6c 6c 6f 2c 20  77 6f 72 6c 64 21 0a ff  |.hello, world!..|\n\
         00000010  2e 2e 2e                                          |...|\n"
        );
    }

    proptest! {
        // Case 2.
        #[test]
        fn any_bytes_are_one_plain_line_and_json_that_says_them(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let line = written(text, 2, received(None, &bytes, false), &bytes);
            let plain = line.strip_suffix('\n').unwrap();
            prop_assert!(!plain.contains(char::is_control), "{:?}", plain);

            let json: Value = serde_json::from_str(&written(jsonl, 2, received(None, &bytes, false), &bytes)).unwrap();
            let hex: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            prop_assert_eq!(json["hex"].as_str().unwrap(), hex.concat());
            prop_assert_eq!(json.get("text").and_then(Value::as_str), std::str::from_utf8(&bytes).ok());
        }

        // Case 6.
        #[test]
        fn what_others_said_is_one_plain_line(message in "(.|[\u{202e}\u{200b}\u{ad}\u{9b}\n\r]){0,20}") {
            let line = written(text, 2, Fact::Note { name: "peer".into(), message }, b"");
            let plain = line.strip_suffix('\n').unwrap();
            prop_assert!(!plain.contains(char::is_control), "{:?}", plain);
            prop_assert!(!plain.contains(['\u{202e}', '\u{200b}', '\u{ad}', '\u{9b}']), "{:?}", plain);
        }
    }
}
