//! Text: one line a row, for people and for `grep`.

use std::fmt::Write as _;

use super::{Framed, sentence};
use crate::encoding::Reading;
use crate::log::{Kind, LogStore, Roster, Row, stream};

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

/// Bytes as one line of plain text, escaped as the payload notation has it.
pub(in crate::log) fn escaped(bytes: &[u8]) -> String {
    let mut line = String::new();
    escape_bytes(bytes, &mut line);
    line
}

/// Bytes in whatever encoding.
pub(super) fn escape_read(bytes: &[u8], reading: &Reading, line: &mut String) {
    if reading.encoding().is_utf8() {
        escape_bytes(bytes, line);
        return;
    }
    let mut at = 0;
    for piece in reading.pieces(bytes) {
        let text: String = piece.chars.iter().flatten().collect();
        escape_message(&text, line);
        if text.is_empty() {
            bytes[at..at + piece.len].iter().for_each(|byte| append(line, format_args!("\\x{byte:02x}")));
        }
        at += piece.len;
    }
}

fn escape_bytes(bytes: &[u8], line: &mut String) {
    for chunk in bytes.utf8_chunks() {
        escape_message(chunk.valid(), line);
        for byte in chunk.invalid() {
            append(line, format_args!("\\x{byte:02x}"));
        }
    }
}

/// As the payload notation has it, so that a backslash of the message is told from one of ours.
fn escape_message(text: &str, line: &mut String) {
    for (at, part) in text.split('\\').enumerate() {
        if at > 0 {
            line.push_str("\\\\");
        }
        escape(part, line);
    }
}

pub(super) fn escape(text: &str, line: &mut String) {
    let mut rest = text;
    while let Some(at) = first_escaped(rest) {
        let (plain, other) = rest.split_at(at);
        line.push_str(plain);
        let mut characters = other.chars();
        match characters.next() {
            Some('\n') => line.push_str("\\n"),
            Some('\r') => line.push_str("\\r"),
            Some('\t') => line.push_str("\\t"),
            Some('\0') => line.push_str("\\0"),
            Some(c) if c.is_ascii_control() => append(line, format_args!("\\x{:02x}", u32::from(c))),
            Some(c) => append(line, format_args!("\\u{{{:x}}}", u32::from(c))),
            None => {}
        }
        rest = characters.as_str();
    }
    line.push_str(rest);
}

/// Where the first character is that has to be escaped. Most are ASCII, and bytes are looked through faster.
fn first_escaped(text: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + text.as_bytes()[from..].iter().position(|byte| !(b' '..=b'~').contains(byte))?;
        let c = text[at..].chars().next()?;
        if c.is_control() || is_invisible(c) {
            return Some(at);
        }
        from = at + c.len_utf8();
    }
}

/// Characters that take no room or turn the text around: soft hyphen, joiners, bidi controls, separators of lines,
/// fillers, annotations, tags, variation selectors of the second set.
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
}

fn append(line: &mut String, arguments: std::fmt::Arguments<'_>) {
    // A String takes everything.
    let _ = line.write_fmt(arguments);
}
