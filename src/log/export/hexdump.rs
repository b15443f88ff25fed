//! Hexdump: a line that says what the row is, and under it every byte of its message.

use super::Framed;
use super::text::{framed_head, head};
use crate::log::{LogStore, Roster, Row};

/// The bytes of a line.
const WIDTH: usize = 16;

/// After so many of them there is a blank more.
const GROUP: usize = 8;

/// Where in a line the bytes' hex begins, and where their ASCII, before which there is a bar.
const HEX_AT: usize = 10;
const TEXT_AT: usize = HEX_AT + WIDTH * 3 + 3;

/// Appends the row as a line of text and, for a message, a line for each 16 bytes: offset, hex, and ASCII with dots.
pub fn hexdump(row: &Row, store: &LogStore, roster: &Roster, out: &mut Vec<u8>) {
    out.extend_from_slice(head(row, store, roster).as_bytes());
    out.push(b'\n');
    dump(&store.bytes(row), out);
}

/// Appends a message of a framed stream as the lines of a row.
pub fn framed_hexdump(row: &Row, framed: &Framed<'_>, store: &LogStore, roster: &Roster, out: &mut Vec<u8>) {
    out.extend_from_slice(framed_head(row, framed, store, roster).as_bytes());
    out.push(b'\n');
    dump(framed.payload, out);
}

fn dump(bytes: &[u8], out: &mut Vec<u8>) {
    let mut line = [b' '; TEXT_AT + WIDTH];
    line[TEXT_AT - 1] = b'|';
    for (number, bytes) in bytes.chunks(WIDTH).enumerate() {
        line[HEX_AT..TEXT_AT - 1].fill(b' ');
        put_hex(&mut line, 0, u32::try_from(number * WIDTH).unwrap_or(u32::MAX).to_be_bytes());
        for (at, byte) in bytes.iter().enumerate() {
            put_hex(&mut line, HEX_AT + at * 3 + at / GROUP, [*byte]);
            line[TEXT_AT + at] = if (b' '..=b'~').contains(byte) { *byte } else { b'.' };
        }
        out.extend_from_slice(&line[..TEXT_AT + bytes.len()]);
        out.extend_from_slice(b"|\n");
    }
}

fn put_hex<const LEN: usize>(line: &mut [u8], at: usize, bytes: [u8; LEN]) {
    // Refused only for another length than twice that of the bytes.
    let _ = const_hex::encode_to_slice(bytes, &mut line[at..at + 2 * LEN]);
}
