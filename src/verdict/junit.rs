//! The XML that JUnit made common, as build servers read it.

use std::fmt::Write;
use std::time::Duration;

use super::{Entry, SKIPPED, Told, report, shown};
use crate::contract::Timestamp;
use crate::scenario::Verdict;

/// All verdicts on the scenarios of a profile, as one document; `suite` is what the profile is called, and `file` where it
/// is. `began` is when the first scenario did.
#[must_use]
pub fn junit(suite: &str, file: &str, began: Timestamp, all: &[Entry]) -> String {
    let count = |which: fn(&Entry) -> bool| all.iter().filter(|entry| which(entry)).count();
    let failures = count(|entry| matches!(entry, Entry::Judged(told) if !told.verdict.is_passed()));
    let errors = count(|entry| matches!(entry, Entry::Stopped { .. }));
    let skipped = count(|entry| matches!(entry, Entry::Skipped { .. }));
    let seconds = |time: Duration| format!("{:.6}", time.as_secs_f64());
    let took = |entry: &Entry| match entry {
        Entry::Judged(Told { took, .. }) | Entry::Stopped { took, .. } => *took,
        Entry::Skipped { .. } => Duration::ZERO,
    };
    let counts = format!(
        "tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{}\"",
        all.len(),
        seconds(all.iter().map(took).sum())
    );
    let began = began.to_string();
    // Of ISO 8601 only this form is read everywhere.
    let timestamp = began.split('.').next().unwrap_or_default();
    let suite = escaped(suite);
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"sockbench\" {counts}>\n  \
         <testsuite name=\"{suite}\" {counts} timestamp=\"{timestamp}\">\n"
    );
    for entry in all {
        let line = match entry {
            Entry::Judged(Told { verdict: Verdict::Failed(failure), .. }) if failure.line > 0 => {
                format!(" line=\"{}\"", failure.line)
            }
            _ => String::new(),
        };
        let (Entry::Judged(Told { name, .. }) | Entry::Skipped { name } | Entry::Stopped { name, .. }) = entry;
        let (name, file) = (escaped(name), escaped(file));
        let time = seconds(took(entry));
        let case = format!("<testcase name=\"{name}\" classname=\"{suite}\" file=\"{file}\"{line} time=\"{time}\"");
        // Writing to a string never fails.
        match entry {
            Entry::Judged(Told { verdict: Verdict::Passed, .. }) => {
                let _ = writeln!(out, "    {case}/>");
            }
            Entry::Skipped { .. } => {
                let _ = writeln!(out, "    {case}>\n      <skipped message=\"{SKIPPED}\"/>\n    </testcase>");
            }
            Entry::Stopped { at, .. } => {
                let at = escaped(at);
                let _ = writeln!(
                    out,
                    "    {case}>\n      <error message=\"stopped at {at}\" type=\"signal\"/>\n    </testcase>"
                );
            }
            Entry::Judged(Told { verdict: Verdict::Failed(failure), .. }) => {
                let _ = write!(out, "    {case}>\n      <failure message=\"{}\" type=\"step\">", escaped(&failure.why));
                for line in report(failure) {
                    out.push_str(&escaped(&line.text));
                    out.push('\n');
                }
                out.push_str("</failure>\n    </testcase>\n");
            }
        }
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

/// A text in XML; what XML can't hold is shown by a visible escape.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in shown(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // No character of XML 1.0 (section 2.2).
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
