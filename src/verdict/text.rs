//! A line a verdict, and below a failure its report.

use super::{Entry, Line, Look, SKIPPED, report, shown, spell};
use crate::scenario::Verdict;
use std::fmt::Write;

/// The verdict on the scenario with this number, from 1; with escape sequences where there is `colour`.
#[must_use]
pub fn text(number: usize, entry: &Entry, colour: bool) -> String {
    let painted = |codes: &str, text: &str| {
        if colour && !codes.is_empty() { format!("\x1b[{codes}m{text}\x1b[0m") } else { text.to_owned() }
    };
    let told = match entry {
        Entry::Judged(told) => told,
        Entry::Skipped { name } => return format!("{} {number} {} ({SKIPPED})\n", painted("33", "skip"), shown(name)),
        Entry::Stopped { name, at, took } => {
            let head = format!("{} {number} {} ({})\n", painted("1;31", "not ok"), shown(name), spell(*took));
            return format!("{head}    stopped at {}\n", shown(at));
        }
    };
    let (word, codes) = if told.verdict.is_passed() { ("ok", "32") } else { ("not ok", "1;31") };
    let mut out = format!("{} {number} {} ({})\n", painted(codes, word), shown(&told.name), spell(told.took));
    if let Verdict::Failed(failure) = &told.verdict {
        for Line { text, look } in report(failure) {
            let codes = match look {
                Look::Head | Look::Plain => "",
                Look::Marks => "1;31",
            };
            let _ = writeln!(out, "    {}", painted(codes, &text));
        }
    }
    out
}
