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
    let same = again.lines();
    if lines.contains('#') || lines.contains(",\"parent\":") {
        // A file can tell of a connection whose parent is one, or itself. Who is called what is then open.
        assert!(lines.lines().map(without_names).eq(same.lines().map(without_names)), "{lines}\n{same}");
    } else {
        assert_eq!(same, lines);
    }
}

/// A line without its socket's name and id, and its parent's name. A message is without its peer as well, for where it is
/// the peer of its connection it is left out and put in by that.
fn without_names(line: &str) -> [&str; 3] {
    let what = |text| line.find(text).unwrap_or(line.len());
    let end = what(",\"parent\":");
    let len = what(",\"len\":").min(end);
    let peer = if len < end { what(",\"peer\":").min(len) } else { len };
    [&line[..what(",\"socket\":")], &line[what(",\"kind\":")..peer], &line[len..end]]
}
