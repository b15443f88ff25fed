//! Bytes as lines of hex and ASCII, with what differs marked below.

use std::fmt::Write;
use std::ops::Range;

/// The bytes of a line, and after how many of them there is a blank more.
const WIDTH: usize = 16;
const GROUP: usize = 8;

/// Tells each line, which says how many bytes come before it, `first` of them before the first; and below one in which
/// something is marked, a line with `^` under that; `true` for such a line.
pub(super) fn dump(bytes: &[u8], first: u64, marked: &[Range<usize>], mut line: impl FnMut(String, bool)) {
    let digits = format!("{:04x}", first + bytes.len() as u64).len();
    // Where in a line the bytes' hex begins, and where their ASCII, before which there is a bar.
    let hex_at = digits + 2;
    let text_at = hex_at + WIDTH * 3 + 3;
    for (number, chunk) in bytes.chunks(WIDTH).enumerate() {
        let start = number * WIDTH;
        let mut shown = format!("{:0digits$x}  ", first + start as u64);
        let mut marks = vec![' '; text_at + chunk.len()];
        for (at, byte) in chunk.iter().enumerate() {
            let blank = if at == GROUP { " " } else { "" };
            // Writing to a string never fails.
            let _ = write!(shown, "{blank}{byte:02x} ");
            if marked.iter().any(|range| range.contains(&(start + at))) {
                let column = hex_at + at * 3 + at / GROUP;
                marks[column..column + 2].fill('^');
                marks[text_at + at] = '^';
            }
        }
        let text = chunk.iter().map(|byte| if (b' '..=b'~').contains(byte) { char::from(*byte) } else { '.' });
        line(format!("{shown:<width$}|{}|", text.collect::<String>(), width = text_at - 1), false);
        let marks: String = marks.into_iter().collect();
        if !marks.trim().is_empty() {
            line(marks.trim_end().to_owned(), true);
        }
    }
}
