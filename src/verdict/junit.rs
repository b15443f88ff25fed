//! The XML that JUnit made common, as build servers read it.

use std::fmt::Write;
use std::time::Duration;

use super::{Told, report, shown};
use crate::contract::Timestamp;
use crate::scenario::Verdict;

/// All verdicts on the scenarios of a profile, as one document; `suite` is what the profile is called, and `file` where it
/// is. `began` is when the first scenario did.
#[must_use]
pub fn junit(suite: &str, file: &str, began: Timestamp, all: &[Told]) -> String {
    let failures = all.iter().filter(|told| !told.verdict.is_passed()).count();
    let seconds = |time: Duration| format!("{:.6}", time.as_secs_f64());
    let took = seconds(all.iter().map(|told| told.took).sum());
    let counts = format!("tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\" time=\"{took}\"", all.len());
    let began = began.to_string();
    // Of ISO 8601 only this form is read everywhere.
    let timestamp = began.split('.').next().unwrap_or_default();
    let suite = escaped(suite);
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"sockbench\" {counts}>\n  \
         <testsuite name=\"{suite}\" {counts} timestamp=\"{timestamp}\">\n"
    );
    for told in all {
        let line = match &told.verdict {
            Verdict::Failed(failure) if failure.line > 0 => format!(" line=\"{}\"", failure.line),
            _ => String::new(),
        };
        let (name, file) = (escaped(&told.name), escaped(file));
        let time = seconds(told.took);
        let case = format!("<testcase name=\"{name}\" classname=\"{suite}\" file=\"{file}\"{line} time=\"{time}\"");
        match &told.verdict {
            Verdict::Passed => {
                // Writing to a string never fails.
                let _ = writeln!(out, "    {case}/>");
            }
            Verdict::Failed(failure) => {
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
