//! Text: one line a row, for people and for `grep`.

use super::Framed;
use crate::encoding::Reading;
use crate::log::escape::{append, escape, escape_read};
use crate::log::{Kind, LogStore, Roster, Row, sentence, stream};

/// The most bytes of a message that its line shows.
const PREVIEW_BYTES: usize = 1024;

/// Appends the row as one line: local time, socket, and then what a step of its life says, or a message's direction,
/// peer (of a datagram), length in bytes, and its first 1,024 bytes. What is not plain text is escaped, so that a line
/// stays a line and no terminal obeys it.
pub fn text(row: &Row, store: &LogStore, roster: &Roster, out: &mut Vec<u8>) {
    let mut line = head(row, store, roster);
    if row.kind.is_message() {
        preview(&store.bytes(row), &stream::reading(row, store, roster), &mut line);
    }
    line.push('\n');
    out.extend_from_slice(line.as_bytes());
}

/// Appends a message of a framed stream as the line of a row.
pub fn framed_text(row: &Row, framed: &Framed<'_>, store: &LogStore, roster: &Roster, out: &mut Vec<u8>) {
    let mut line = framed_head(row, framed, store, roster);
    preview(framed.payload, &Reading::alone(roster.encoding(row.socket)), &mut line);
    line.push('\n');
    out.extend_from_slice(line.as_bytes());
}

/// The line of a message without its bytes and without its end.
pub(super) fn framed_head(row: &Row, framed: &Framed<'_>, store: &LogStore, roster: &Roster) -> String {
    let len = u32::try_from(framed.payload.len()).unwrap_or(u32::MAX);
    let mut line = head(&Row { len, ..*row }, store, roster);
    if let Some(mark) = framed.ending.mark() {
        append(&mut line, format_args!(" {mark}"));
    }
    line
}

/// A message's first bytes.
fn preview(bytes: &[u8], reading: &Reading, line: &mut String) {
    let shown = &bytes[..bytes.len().min(PREVIEW_BYTES)];
    if !shown.is_empty() {
        line.push(' ');
        escape_read(shown, reading, line);
    }
    if shown.len() < bytes.len() {
        line.push_str("...");
    }
}

/// The line without the message's bytes and without its end.
pub(super) fn head(row: &Row, store: &LogStore, roster: &Roster) -> String {
    let mut line = row.at.local_time_of_day();
    line.push(' ');
    escape(&roster.name(row.socket), &mut line);
    match row.kind {
        Kind::Received => line.push_str(" RX <-"),
        Kind::Sent => line.push_str(" TX ->"),
        _ => {
            line.push(' ');
            let said =
                store.fact(row).map_or_else(|| row.kind.name().to_owned(), |fact| sentence(row, &fact, store, roster));
            escape(&said, &mut line);
            return line;
        }
    }
    if let Some(peer) = store.peer(row) {
        line.push(' ');
        escape(&peer.to_string(), &mut line);
    }
    append(&mut line, format_args!(" {}", row.len));
    if row.truncated {
        line.push_str(" TRUNC");
    }
    line
}
