//! Hexdump: a line that says what the row is, and under it every byte of its message.

use std::io::Write as _;

use super::hex;
use super::text::head;
use crate::log::{LogStore, Roster, Row};

/// The bytes of a line.
const WIDTH: usize = 16;

/// Appends the row as a line of text and, for a message, a line for each 16 bytes: offset, hex, and ASCII with dots.
pub fn hexdump(row: &Row, store: &LogStore, roster: &Roster, out: &mut Vec<u8>) {
    out.extend_from_slice(head(row, store, roster).as_bytes());
    out.push(b'\n');
    for (number, bytes) in store.bytes(row).chunks(WIDTH).enumerate() {
        // A Vec takes everything.
        let _ = write!(out, "{:08x} ", number * WIDTH);
        for at in 0..WIDTH {
            if at % 8 == 0 {
                out.push(b' ');
            }
            match bytes.get(at) {
                Some(byte) => {
                    hex(&[*byte], out);
                    out.push(b' ');
                }
                None => out.extend_from_slice(b"   "),
            }
        }
        out.extend_from_slice(b" |");
        out.extend(bytes.iter().map(|byte| if (b' '..=b'~').contains(byte) { *byte } else { b'.' }));
        out.extend_from_slice(b"|\n");
    }
}
