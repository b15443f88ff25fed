//! A message as part of its stream of characters: where a read cut one in two, its halves are in two rows.
//!
//! Owns how far back in the log that is looked up. It never changes what a row is: each shows exactly its own bytes.

use super::{Kind, LogStore, Roster, Row};
use crate::contract::Endpoint;
use crate::encoding::{Encoding, Place, Reading};

/// So many rows before a message are looked at, of its socket or others.
const ROWS: u64 = 512;

/// So many bytes before a message are looked at, if there are not more in the one row before.
const BYTES: usize = 4 * 1024;

/// How a message is to be read as text, for a preview: in its socket's encoding, and with what the rows before say of
/// its first bytes, where the encoding can't tell by the bytes themselves.
#[must_use]
pub fn reading(row: &Row, store: &LogStore, roster: &Roster) -> Reading {
    let encoding = roster.encoding(row.socket);
    if encoding.needs_past() { exact_reading(row, store, roster) } else { Reading::alone(encoding) }
}

/// As [`reading`], and says of UTF-8 too which character the first bytes end.
#[must_use]
pub fn exact_reading(row: &Row, store: &LogStore, roster: &Roster) -> Reading {
    let encoding = roster.encoding(row.socket);
    let apart = roster.endpoint(row.socket).is_some_and(Endpoint::keeps_messages_apart);
    if apart || row.names_peer() || row.len == 0 {
        return Reading::alone(encoding);
    }
    let before = before(row, store, encoding);
    let place = if before.is_empty() { Place::default() } else { encoding.place_after(&before) };
    Reading::after(encoding, place, &before, &store.bytes(row))
}

/// The end of what the stream carried before this message, from a place where a character begins, as far as is known.
fn before(row: &Row, store: &LogStore, encoding: Encoding) -> Vec<u8> {
    // Of wide units it matters only how many came, and what the last were.
    let enough = if encoding.has_wide_units() { 8 } else { BYTES };
    let (mut messages, mut kept, mut total) = (Vec::new(), 0, 0);
    for seq in (row.seq.saturating_sub(ROWS)..row.seq).rev() {
        let Some(other) = store.row(seq) else { break };
        if other.socket != row.socket {
            continue;
        }
        if matches!(other.kind, Kind::Connected | Kind::Accepted | Kind::Opened | Kind::Closed) {
            break;
        }
        if other.kind != row.kind {
            continue;
        }
        total += u64::from(other.len);
        if kept < enough {
            let bytes = store.bytes(&other);
            kept += bytes.len();
            let settled = !encoding.has_wide_units() && settles(encoding, &bytes);
            messages.push(bytes.to_vec());
            if settled {
                break;
            }
        } else if !encoding.has_wide_units() {
            break;
        }
    }
    let mut before = messages.into_iter().rev().collect::<Vec<_>>().concat();
    // What is left out of a stream of wide units must be a whole number of them.
    if encoding.has_wide_units() && (total - before.len() as u64) % 2 == 1 {
        before.remove(0);
    }
    before
}

/// Whether these bytes tell by themselves how what follows is to be read.
fn settles(encoding: Encoding, bytes: &[u8]) -> bool {
    if encoding.is_utf8() {
        return bytes.iter().rev().take(4).any(|byte| !matches!(byte, 0x80..=0xbf));
    }
    encoding.keeps_ascii_apart() && bytes.iter().rev().take(BYTES).any(|byte| *byte < b'0')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::contract::{Batch, Block, Event, Fact, SocketId, Span, Timestamp};

    fn socket(number: u32) -> SocketId {
        SocketId::new(number).unwrap()
    }

    /// What one socket received, piece by piece, with rows of another between; and as what it is to be read.
    fn log(endpoint: &str, encoding: &str, pieces: &[Vec<u8>]) -> (LogStore, Roster) {
        let (mut store, mut roster) = (LogStore::new(u64::MAX), Roster::default());
        let mut endpoint: Endpoint = endpoint.parse().unwrap();
        endpoint.set_option("encoding", encoding).unwrap();
        roster.register(socket(1), "one".to_owned(), endpoint);
        roster.register(socket(2), "two".to_owned(), "tcp://127.0.0.1:9".parse().unwrap());
        for piece in pieces {
            let mut block = Block::with_size(piece.len().max(1)).unwrap();
            block.bytes_mut()[..piece.len()].copy_from_slice(piece);
            let bytes = Span { start: 0, len: u32::try_from(piece.len()).unwrap() };
            let events = [1, 2]
                .map(|number| Event {
                    at: Timestamp(0),
                    socket: socket(number),
                    fact: Fact::Received { peer: None, bytes, truncated: false },
                })
                .to_vec();
            store.append(Batch::new(events, block, piece.len())).unwrap();
        }
        (store, roster)
    }

    fn read(store: &LogStore, roster: &Roster) -> String {
        let rows = store.rows(0..u64::MAX).filter(|row| row.socket == socket(1));
        let mut text = String::new();
        for row in rows {
            let reading = exact_reading(&row, store, roster);
            text.extend(reading.ended());
            text.extend(reading.pieces(&store.bytes(&row)).flat_map(|piece| piece.chars).flatten());
        }
        text
    }

    // Case 7.
    #[test]
    fn each_datagram_begins_anew() {
        let (store, roster) = log("udp-bind://127.0.0.1:9", "gbk", &[b"a\xc4".to_vec(), b"\xe3\xba".to_vec()]);
        let second = store.row(3).unwrap();
        assert_eq!(reading(&second, &store, &roster), Reading::alone(Encoding::named("gbk").unwrap()));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

        // Case 7.
        #[test]
        fn a_stream_is_read_whole_however_reads_cut_it(
            name in prop::sample::select(vec!["utf-8", "gbk", "shift_jis", "euc-kr", "big5", "utf-16le", "iso-2022-jp"]),
            text in "[ab0\n\u{5927}\u{4e2d}\u{5c0f}]{0,40}",
            lens in prop::collection::vec(1..5_usize, 1..200),
        ) {
            let Ok(bytes) = Encoding::named(name).unwrap().encode(&text) else { return Ok(()) };
            let (mut rest, mut pieces) = (&bytes[..], Vec::new());
            for len in lens.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, after) = rest.split_at((*len).min(rest.len()));
                pieces.push(piece.to_vec());
                rest = after;
            }
            let (store, roster) = log("tcp://127.0.0.1:9", name, &pieces);
            prop_assert_eq!(read(&store, &roster), text);
        }
    }
}
