//! What the columns of the log tell about time: when a row was, how long after another, and how long an answer took.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::Duration;

use crate::config::TimeFormat;
use crate::contract::Timestamp;
use crate::log::round_trip::{REACH, RoundTrip, answered_by};
use crate::log::{Kind, Row};
use crate::ui::Ui;
use crate::ui::action::{ActionSpec, Scope, always};
use crate::ui::figures::{measured, took};

/// From how many columns on the log has room for the round-trip times by itself.
const WIDE: u16 = 116;

/// The columns of a row's time, and one that is free for the sign of a bookmark.
pub(super) const TIME_WIDTH: u16 = 13;

/// The width of the column of round-trip times.
pub(super) const ROUND_TRIP_WIDTH: u16 = 9;

/// How many rows are remembered at most by what was found before them.
const REMEMBERED: usize = 2000;

pub(in crate::ui) static ACTIONS: &[ActionSpec] = &[
    ActionSpec {
        name: "time-column",
        scope: Scope::Log,
        keys: &["shift-t"],
        help: "times: local, UTC, since the start, since the mark",
        run: turn_time,
        available: always,
    },
    ActionSpec {
        name: "delta-column",
        scope: Scope::Log,
        keys: &["shift-d"],
        help: "differences: to the row above, or to that of the socket",
        run: |ui| ui.log.times.of_socket = !ui.log.times.of_socket,
        available: always,
    },
    ActionSpec {
        name: "round-trips",
        scope: Scope::Log,
        keys: &["t"],
        help: "show or hide how long answers took",
        run: |ui| ui.log.times.round_trips = Some(!shows_round_trips(ui, ui.log.rows.width)),
        available: always,
    },
];

/// What the columns show, and what was found for them.
#[derive(Debug, Default)]
pub(super) struct Times {
    since_mark: bool,
    /// Whether the difference is to the row before of the same socket, and not to the row above.
    of_socket: bool,
    /// Whether round-trip times are shown; unless the user has said, the width decides.
    round_trips: Option<bool>,
    /// By sequence number, what was found before a row. That never changes.
    before: HashMap<u64, Before>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    /// The row before of the same socket, calls apart.
    of_socket: Option<Timestamp>,
    answers: Option<RoundTrip>,
}

/// Turns what the column of times shows; times since the mark come up only where there is one.
fn turn_time(ui: &mut Ui) {
    let times = &mut ui.log.times;
    (ui.time, times.since_mark) = match (ui.time, times.since_mark) {
        (_, true) => (TimeFormat::Local, false),
        (TimeFormat::Local, _) => (TimeFormat::Utc, false),
        (TimeFormat::Utc, _) => (TimeFormat::Elapsed, false),
        (TimeFormat::Elapsed, _) if ui.log.marks.is_empty() => (TimeFormat::Local, false),
        (TimeFormat::Elapsed, _) => (TimeFormat::Elapsed, true),
    };
}

/// What the column of times shows.
pub(super) fn time_head(ui: &Ui) -> &'static str {
    match ui.time {
        _ if ui.log.times.since_mark => "SINCE MARK",
        TimeFormat::Local => "TIME",
        TimeFormat::Utc => "TIME UTC",
        TimeFormat::Elapsed => "SINCE START",
    }
}

/// What the column of differences shows.
pub(super) fn delta_head(ui: &Ui) -> String {
    let delta = ui.look.marks.delta;
    if ui.log.times.of_socket { format!("{delta}sock") } else { delta.to_owned() }
}

/// When a row was, in at most twelve columns.
pub(in crate::ui) fn time_of(ui: &Ui, at: Timestamp) -> String {
    if ui.log.times.since_mark
        && let Some(mark) = ui.log.marks.reference()
    {
        return format!("{:>12}", since_mark(at, mark.at));
    }
    match ui.time {
        TimeFormat::Local => at.local_time_of_day(),
        TimeFormat::Utc => at.utc_time_of_day(),
        TimeFormat::Elapsed => {
            let elapsed = at.since(ui.bench.began());
            format!("{:>8}.{:03}", elapsed.as_secs(), elapsed.subsec_millis())
        }
    }
}

/// `+1.204051s`, or `-0.300000s` for what was before the mark; the digits that have no room are left out.
fn since_mark(at: Timestamp, mark: Timestamp) -> String {
    let (sign, time) = if at < mark { ('-', mark.since(at)) } else { ('+', at.since(mark)) };
    let (seconds, micros) = (time.as_secs(), time.subsec_micros());
    match seconds {
        0..1_000 => format!("{sign}{seconds}.{micros:06}s"),
        1_000..1_000_000 => format!("{sign}{seconds}.{:03}s", micros / 1000),
        _ => format!("{sign}{}d{:02}h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

pub(super) fn shows_round_trips(ui: &Ui, width: u16) -> bool {
    ui.log.times.round_trips.unwrap_or(width >= WIDE)
}

/// Finds what the columns tell of a row by the rows before it, unless it was found already.
pub(super) fn look_back(ui: &mut Ui, row: &Row, width: u16) {
    if !(ui.log.times.of_socket || shows_round_trips(ui, width)) || ui.log.times.before.contains_key(&row.seq) {
        return;
    }
    let store = &ui.bench.store;
    let mut of_socket = None;
    let _ = store.for_each_row_back(row.seq.saturating_sub(REACH)..row.seq, |before| {
        if before.socket == row.socket && before.kind != Kind::Call {
            of_socket = Some(before.at);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    let before = Before { of_socket, answers: answered_by(row, store) };
    let known = &mut ui.log.times.before;
    if known.len() >= REMEMBERED {
        known.clear();
    }
    known.insert(row.seq, before);
}

/// How long after the row above, or the row before of its socket, a row was: `+0` where there is none.
pub(super) fn delta_of(ui: &Ui, row: &Row, above: Option<Timestamp>) -> String {
    let times = &ui.log.times;
    let previous = if times.of_socket { times.before.get(&row.seq).and_then(|before| before.of_socket) } else { above };
    format!("+{}", took(previous.map_or(Duration::ZERO, |previous| row.at.since(previous))))
}

/// How long a message that is an answer took; nothing for any other row.
pub(super) fn round_trip_of(ui: &Ui, row: &Row) -> Option<String> {
    let answers = ui.log.times.before.get(&row.seq)?.answers?;
    Some(measured(answers.time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_since_the_mark_fits_its_column() {
        let mark = Timestamp(5_000_000_000);
        for (at, text) in [
            (5_000_000_000, "+0.000000s"),
            (6_204_051_999, "+1.204051s"),
            (4_700_000_000, "-0.300000s"),
            (5_000_000_000 + 1_234_567_000_000, "+1234.567s"),
            (5_000_000_000 + 1_234_567_000_000_000, "+14d06h"),
        ] {
            assert_eq!(since_mark(Timestamp(at), mark), text);
        }
        assert!(since_mark(Timestamp(u64::MAX), mark).len() <= 12);
    }
}
