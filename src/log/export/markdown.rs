//! Markdown: a socket's timeline as a table, for notes and reports.

use std::fmt::Write as _;

use super::Framed;
use crate::encoding::Reading;
use crate::log::escape::{escape_read, escaped};
use crate::log::timeline::step;
use crate::log::{LogStore, Roster, Row};

/// The most bytes of a message that its line quotes.
const QUOTED: usize = 64;

/// Rows of a socket's timeline as a heading and a table of time (UTC), call, result and remark, a line each. What is
/// inferred is marked `~`; what others said is escaped, so that it stays in its cell.
pub fn markdown<'a>(name: &str, rows: impl IntoIterator<Item = &'a Row>, store: &LogStore, roster: &Roster) -> String {
    let mut out = format!("## Timeline of {}\n\n", plain(name));
    out.push_str("| time | call | result | remark |\n|---|---|---|---|\n");
    for row in rows {
        let Some(cells) = cells(row, store, roster) else { continue };
        // A String takes everything.
        let _ = writeln!(out, "| {} | {cells} |", row.at.utc_time_of_day());
    }
    out
}

/// Appends the head of a table of rows of any sockets.
pub fn markdown_header(out: &mut Vec<u8>) {
    out.extend_from_slice(b"| time | socket | call | result | remark |\n|---|---|---|---|---|\n");
}

/// Appends the row as a line of that table: the step that it is in its socket's timeline.
pub fn markdown_row(row: &Row, store: &LogStore, roster: &Roster, out: &mut Vec<u8>) {
    if let Some(cells) = cells(row, store, roster) {
        let name = plain(&roster.name(row.socket));
        super::append(out, format_args!("| {} | {name} | {cells} |\n", row.at.utc_time_of_day()));
    }
}

/// Appends a message of a framed stream as a line of that table: where the step stands its length, and as the remark its
/// first bytes.
pub fn framed_markdown_row(row: &Row, framed: &Framed<'_>, _: &LogStore, roster: &Roster, out: &mut Vec<u8>) {
    let mut text = String::new();
    let shown = &framed.payload[..framed.payload.len().min(QUOTED)];
    escape_read(shown, &Reading::alone(roster.encoding(row.socket)), &mut text);
    let more = if shown.len() < framed.payload.len() { "..." } else { "" };
    let mark = framed.ending.mark().map(|mark| format!(" {mark}")).unwrap_or_default();
    let (name, len) = (plain(&roster.name(row.socket)), framed.payload.len());
    let remark = if text.is_empty() { String::new() } else { code(&text) + more };
    super::append(out, format_args!("| {} | {name} | message | {len}{mark} | {remark} |\n", row.at.utc_time_of_day()));
}

/// The call, the result and the remark of a row.
fn cells(row: &Row, store: &LogStore, roster: &Roster) -> Option<String> {
    let step = step(row, store, roster)?;
    let mark = if step.inferred { "~ " } else { "" };
    Some(format!("{mark}{} | {} | {}", code(&step.call()), code(&step.result), plain(&step.meaning)))
}

/// A span of code that nothing in it ends, nor its cell.
fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    // In a span a backslash before a bar can't be told from an escaped bar.
    if text.contains("\\|") {
        return plain(text);
    }
    let text = escaped_once(text);
    // A span is ended by as many backticks as began it.
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{}{pad}{fence}", text.replace('|', "\\|"))
}

/// Text whose signs mean themselves.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in escaped_once(text).chars() {
        if "\\`*_{}[]<>#|&!".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Control characters made visible; backslashes stay as they are, since a step has escaped its message already.
fn escaped_once(text: &str) -> String {
    text.split('\\').map(|part| escaped(part.as_bytes())).collect::<Vec<_>>().join("\\")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::contract::{Batch, Block, Event, Fact, SocketId, Timestamp};

    fn written(fact: Fact) -> String {
        let socket = SocketId::new(1).unwrap();
        let mut roster = Roster::default();
        roster.register(socket, "a_b".to_owned(), "tcp://127.0.0.1:9".parse().unwrap());
        let mut store = LogStore::new(u64::MAX);
        let events = vec![Event { at: Timestamp(0), socket, fact }];
        store.append(Batch::new(events, Block::with_size(1).unwrap(), 0)).unwrap();
        let rows: Vec<_> = store.rows(0..9).collect();
        markdown(&roster.name(socket), &rows, &store, &roster)
    }

    fn call(args: &str) -> Fact {
        Fact::Call { call: "bind".into(), args: args.to_owned(), result: "0".to_owned() }
    }

    #[test]
    fn a_timeline_is_a_heading_and_a_table() {
        assert_eq!(
            written(call("127.0.0.1:7788")),
            "## Timeline of a\\_b\n\n| time | call | result | remark |\n|---|---|---|---|\n\
             | 00:00:00.000 | `bind(127.0.0.1:7788)` | `0` | the socket has its address |\n"
        );
    }

    proptest! {
        #[test]
        fn whatever_a_path_holds_there_are_four_cells_in_one_line(args in "[ -~\n\u{202e}`|\\\\]{0,30}") {
            let text = written(call(&args));
            prop_assert_eq!(text.lines().count(), 5, "{}", text);
            let last = text.lines().last().unwrap();
            let bars = last.match_indices('|').filter(|(at, _)| *at == 0 || last.as_bytes()[at - 1] != b'\\').count();
            prop_assert!(bars <= 5, "{}", last);
            prop_assert!(!last.contains('\u{202e}'), "{:?}", last);
        }
    }
}
