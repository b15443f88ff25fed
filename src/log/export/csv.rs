//! CSV (RFC 4180): one record a row, for spreadsheets.
//!
//! A spreadsheet takes a field that begins with `=`, `+`, `-` or `@` for a formula, and what a peer sent must never be
//! one: such a field gets an apostrophe before it. Nothing is lost by that: the `hex` field has the bytes as they were,
//! and what programs read is better taken from the JSON lines.

use super::{Framed, append, peer_of};
use crate::encoding::Reading;
use crate::log::escape::{escape, escape_read};
use crate::log::{LogStore, Roster, Row, sentence, stream};

/// Appends the names of the fields.
pub fn csv_header(out: &mut Vec<u8>) {
    out.extend_from_slice(b"seq,at,socket,id,kind,peer,len,truncated,hex,text\r\n");
}

/// Appends the row as one record, which is one line: the fields of a message or, of any other row, what it says as
/// `text`. The text of a message has everything escaped that is not plain text, as the payload notation has it.
pub fn csv(row: &Row, store: &LogStore, roster: &Roster, out: &mut Vec<u8>) {
    if row.kind.is_message() {
        let reading = stream::reading(row, store, roster);
        let truncated = if row.truncated { "true" } else { "false" };
        return message(row, &store.bytes(row), (truncated, &reading), store, roster, out);
    }
    head(row, roster, out);
    out.extend_from_slice(b",,,,");
    let mut plain = String::new();
    if let Some(fact) = store.fact(row) {
        escape(&sentence(row, &fact, store, roster), &mut plain);
    }
    field(&plain, out);
    out.extend_from_slice(b"\r\n");
}

/// Appends a message of a framed stream as the record of a row. Of one that is not whole `truncated` says why, in the
/// words of the JSON lines.
pub fn framed_csv(row: &Row, framed: &Framed<'_>, store: &LogStore, roster: &Roster, out: &mut Vec<u8>) {
    let reading = Reading::alone(roster.encoding(row.socket));
    message(row, framed.payload, (framed.flag().unwrap_or("false"), &reading), store, roster, out);
}

/// The fields that every row has.
fn head(row: &Row, roster: &Roster, out: &mut Vec<u8>) {
    append(out, format_args!("{},{},", row.seq, row.at));
    let mut plain = String::new();
    escape(&roster.name(row.socket), &mut plain);
    field(&plain, out);
    append(out, format_args!(",{},{},", row.socket.get(), row.kind.name()));
}

fn message(
    row: &Row,
    bytes: &[u8],
    (truncated, reading): (&str, &Reading),
    store: &LogStore,
    roster: &Roster,
    out: &mut Vec<u8>,
) {
    head(row, roster, out);
    let mut plain = String::new();
    if let Some(peer) = peer_of(row, store, roster) {
        escape(&peer.to_string(), &mut plain);
        field(&plain, out);
        plain.clear();
    }
    append(out, format_args!(",{},{truncated},", bytes.len()));
    super::hex(bytes, out);
    out.push(b',');
    escape_read(bytes, reading, &mut plain);
    field(&plain, out);
    out.extend_from_slice(b"\r\n");
}

/// Appends a field that no spreadsheet takes for a formula, quoted where it must be.
fn field(text: &str, out: &mut Vec<u8>) {
    // The wide forms are read as the others where a language has them.
    let is_formula = text.starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
    let apostrophe: &[u8] = if is_formula { b"'" } else { b"" };
    // Some read semicolons as they read commas.
    if text.contains(['"', ',', ';', ' ']) {
        out.push(b'"');
        out.extend_from_slice(apostrophe);
        for (at, part) in text.split('"').enumerate() {
            if at > 0 {
                out.extend_from_slice(b"\"\"");
            }
            out.extend_from_slice(part.as_bytes());
        }
        out.push(b'"');
    } else {
        out.extend_from_slice(apostrophe);
        out.extend_from_slice(text.as_bytes());
    }
}
