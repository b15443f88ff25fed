//! A line a verdict, and below a failure its report.

use super::{Line, Look, Told, report, shown, spell};
use crate::scenario::Verdict;
use std::fmt::Write;

/// The verdict on the scenario with this number, from 1; with escape sequences where there is `colour`.
#[must_use]
pub fn text(number: usize, told: &Told, colour: bool) -> String {
    let painted = |codes: &str, text: &str| {
        if colour && !codes.is_empty() { format!("\x1b[{codes}m{text}\x1b[0m") } else { text.to_owned() }
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
