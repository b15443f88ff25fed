//! The report of a scenario that failed: which step, why, when, what was wanted and what came.

use std::fmt::Write;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::dump::dump;
use super::{shown, spell};
use crate::log::difference::difference;
use crate::scenario::{Failure, Got, Wanted};

/// How long finding out what differs may take.
const PATIENCE: Duration = Duration::from_millis(100);

/// A line of a report, which has nothing in it that acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it says.
    pub text: String,
    /// How it looks, where there are colours.
    pub look: Look,
}

/// How a line of a report looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Something that the lines below it are about.
    Head,
    /// Bytes, or more about something.
    Plain,
    /// Marks below bytes that differ.
    Marks,
}

/// What differs between what was wanted and one of what came.
#[derive(Default)]
struct Marks {
    wanted: Vec<Range<usize>>,
    got: Vec<Range<usize>>,
    changes: usize,
}

/// The report of a failure, line by line.
#[must_use]
pub fn report(failure: &Failure) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut tell = |look, text: String| lines.push(Line { text, look });
    match failure.line {
        _ if failure.step == 0 => tell(Look::Head, "before the first step".to_owned()),
        0 => tell(Look::Head, format!("step {} of {}: {}", failure.step, failure.steps, shown(&failure.text))),
        line => {
            let step = format!("step {} of {}, line {line}", failure.step, failure.steps);
            tell(Look::Head, format!("{step}: {}", shown(&failure.text)));
        }
    }
    tell(Look::Head, format!("after {}: {}", spell(failure.at), shown(&failure.why)));
    let wanted = failure.wanted.as_ref();
    let marks: Vec<_> =
        failure.got.iter().map(|got| wanted.map(|wanted| marks(wanted, got)).unwrap_or_default()).collect();
    let bytes = |bytes: &[u8], first: u64, marked: &[Range<usize>], lines: &mut Vec<Line>| {
        dump(bytes, first, marked, |text, is_marks| {
            let look = if is_marks { Look::Marks } else { Look::Plain };
            lines.push(Line { text: format!("  {text}"), look });
        });
    };
    if let Some(Wanted { bytes: wanted, among_others }) = wanted {
        let how = if *among_others { ", among others" } else { "" };
        lines.push(Line { text: format!("wanted: {}{how}", count(wanted.len() as u64)), look: Look::Head });
        let nearest = marks.iter().min_by_key(|marks| marks.changes);
        bytes(wanted, 0, nearest.map_or(&[], |marks| &marks.wanted), &mut lines);
    }
    if failure.untold > 0 {
        let (some, have) = if failure.untold == 1 { ("message", "is") } else { ("messages", "are") };
        let text = format!("{} {some} that came before {have} not shown", failure.untold);
        lines.push(Line { text, look: Look::Head });
    }
    for (got, marks) in failure.got.iter().zip(&marks) {
        lines.push(Line { text: head(got), look: Look::Head });
        // Where all of it is what was not to come, marks would tell nothing.
        let is_all = got.matched.len() == got.bytes.len();
        let matched = if is_all { &[] } else { std::slice::from_ref(&got.matched) };
        let marked = if got.matched.is_empty() { &marks.got } else { matched };
        bytes(&got.bytes, got.skipped, marked, &mut lines);
    }
    for trouble in &failure.troubles {
        lines.push(Line { text: format!("meanwhile: {}", shown(trouble)), look: Look::Head });
    }
    lines
}

fn head(got: &Got) -> String {
    let mut text = format!("got on {} after {}: {}", shown(&got.socket), spell(got.at), count(got.bytes.len() as u64));
    if got.skipped > 0 {
        let _ = write!(text, " from byte {} on", got.skipped + 1);
    }
    if got.omitted > 0 {
        let _ = write!(text, ", and {} more", count(got.omitted));
    }
    if got.lost > 0 {
        let _ = write!(text, "; {} before them were let go of", count(got.lost));
    }
    text
}

fn count(bytes: u64) -> String {
    if bytes == 1 { "1 byte".to_owned() } else { format!("{bytes} bytes") }
}

fn marks(wanted: &Wanted, got: &Got) -> Marks {
    let found = difference(&wanted.bytes, &got.bytes, Instant::now() + PATIENCE);
    // Where nothing is the same, marks would tell nothing.
    if !found.stretches.iter().any(|stretch| stretch.same) {
        return Marks { changes: usize::MAX, ..Marks::default() };
    }
    let differing = || found.stretches.iter().filter(|stretch| !stretch.same);
    Marks {
        wanted: differing().map(|stretch| stretch.old.clone()).filter(|range| !range.is_empty()).collect(),
        // What may stand around it is not wrong.
        got: differing()
            .filter(|stretch| !wanted.among_others || !stretch.old.is_empty())
            .map(|stretch| stretch.new.clone())
            .collect(),
        changes: found.changed + found.removed + if wanted.among_others { 0 } else { found.inserted },
    }
}
