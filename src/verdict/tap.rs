//! The Test Anything Protocol, version 14 (<https://testanything.org/tap-version-14-specification.html>).

use super::{Entry, SKIPPED, report, shown};
use crate::scenario::Verdict;
use std::fmt::Write;

/// What the stream of verdicts on so many scenarios begins with.
#[must_use]
pub fn tap_plan(count: usize) -> String {
    format!("TAP version 14\n1..{count}\n")
}

/// The verdict on the scenario with this number, from 1, with a YAML block.
#[must_use]
pub fn tap(number: usize, entry: &Entry) -> String {
    // `#` begins a directive.
    let name = |name: &str| shown(name).replace('\\', "\\\\").replace('#', "\\#");
    let told = match entry {
        Entry::Judged(told) => told,
        Entry::Skipped { name: of } => return format!("ok {number} - {} # SKIP {SKIPPED}\n", name(of)),
        Entry::Stopped { name: of, at, .. } => {
            return format!("not ok {number} - {}\nBail out! stopped at {}\n", name(of), shown(at));
        }
    };
    let word = if told.verdict.is_passed() { "ok" } else { "not ok" };
    let mut out = format!("{word} {number} - {}\n  ---\n", name(&told.name));
    let mut line = |text: String| {
        // Writing to a string never fails.
        let _ = writeln!(out, "  {text}");
    };
    if let Verdict::Failed(failure) = &told.verdict {
        line(format!("message: {}", quoted(&failure.why)));
        line("severity: fail".to_owned());
        line(format!("step: {}", failure.step));
        if failure.line > 0 {
            line(format!("line: {}", failure.line));
        }
        line(format!("at_ms: {:.3}", failure.at.as_secs_f64() * 1_000.0));
        line("report: |2".to_owned());
        for told in report(failure) {
            line(format!("  {}", told.text));
        }
    }
    line(format!("duration_ms: {:.3}", told.took.as_secs_f64() * 1_000.0));
    line("...".to_owned());
    out
}

/// A string of YAML, which takes those of JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(shown(text)).to_string()
}
