//! Logs of this program that are opened: what comes of any lines, exported and opened again, is the same.

use super::capture::opened;

/// The input is lines of a log, sound or damaged.
pub fn check(data: &[u8]) {
    let file = [b"{".as_slice(), data.strip_prefix(b"{").unwrap_or(data)].concat();
    let first = opened(&file, usize::MAX);
    let pieces = opened(&file, 1 + data.len() % 61);
    assert_eq!((&first.result, first.lines()), (&pieces.result, pieces.lines()));

    let lines = first.lines();
    if lines.is_empty() {
        return;
    }
    let again = opened(lines.as_bytes(), 1000);
    assert_eq!(again.result, Ok(()), "{lines}");
    assert_eq!(again.lines(), lines);
}
