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
    if apart || store.peer(row).is_some() || row.len == 0 {
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
