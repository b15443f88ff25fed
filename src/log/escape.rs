//! Plain text of whatever was said, for files and for the quotes in a step: one line that no terminal obeys.
//!
//! Owns which characters are escaped there, as the payload notation has it. What is drawn is
//! [`sanitise`](super::sanitise)'s, which leaves nothing to the terminal that shows it.

use std::fmt::Write as _;

use crate::encoding::Reading;

/// Bytes as one line of plain text, escaped as the payload notation has it.
pub(super) fn escaped(bytes: &[u8]) -> String {
    let mut line = String::new();
    escape_bytes(bytes, &mut line);
    line
}

/// Appends bytes in whatever encoding.
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

/// Appends a text that is none of a message: its backslashes stay.
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

pub(super) fn append(line: &mut String, arguments: std::fmt::Arguments<'_>) {
    // A String takes everything.
    let _ = line.write_fmt(arguments);
}
