//! One line of the log in its columns: when it was, of which socket, how long it is, and what it shows.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{find, marks, messages, preview, times};
use crate::contract::{Fact, SocketId, Timestamp};
use crate::log::sanitise::Printable;
use crate::log::timeline::waiting;
use crate::log::{Kind, Line, Row, of_rule, sentence};
use crate::ui::Ui;
use crate::ui::bench::lines::Shown;
use crate::ui::canvas::Canvas;
use crate::ui::figures::grouped;
use crate::ui::panes::sockets::{fitting, shortened};
use crate::ui::widgets::paragraph::put_wrapped;

/// How much of a preview a peer's path may take.
const PEER_WIDTH: usize = 20;

/// Where the columns of the log begin; the preview takes what is left.
pub(super) struct Columns {
    pub(super) delta: u16,
    round_trip: u16,
    direction: u16,
    socket: u16,
    len: u16,
    pub(super) preview: u16,
    /// Where hex stands beside the text.
    pub(super) hex: Option<u16>,
}

impl Columns {
    pub(super) fn of(inside: Rect, ui: &Ui) -> Self {
        let delta_width = if inside.width < 64 { 0 } else { 8 };
        let longest = ui
            .bench
            .roster
            .roots()
            .map(|root| root.name.chars().count() + if root.accepted > 0 { 1 + digits(root.accepted) } else { 0 })
            .max()
            .unwrap_or(0);
        let socket_width = u16::try_from(longest).unwrap_or(u16::MAX).clamp(6, (inside.width / 5).max(6)) + 1;
        let len_width = if inside.width < 64 { 6 } else { 8 };
        let delta = inside.x + times::TIME_WIDTH;
        let round_trip = delta + delta_width;
        let shown = times::shows_round_trips(ui, inside.width);
        let direction = round_trip + if shown { times::ROUND_TRIP_WIDTH } else { 0 };
        let socket = direction + 4;
        let len = socket + socket_width;
        let preview = len + len_width;
        Self { delta, round_trip, direction, socket, len, preview, hex: preview::hex_column(ui, inside, preview) }
    }
}

pub(super) fn render_header(ui: &Ui, canvas: &mut Canvas<'_>, inside: Rect, columns: &Columns) {
    let style = ui.look.dim;
    let mut head = |x: u16, end: u16, text: &str| {
        canvas.put(x, inside.y, end.min(inside.right()), &Printable::text(text), style);
    };
    head(inside.x, columns.delta, times::time_head(ui));
    if columns.round_trip > columns.delta {
        head(columns.delta, columns.round_trip, &times::delta_head(ui));
    }
    if columns.direction > columns.round_trip {
        head(columns.round_trip, columns.direction, "RTT");
    }
    head(columns.direction, columns.socket, "DIR");
    head(columns.socket, columns.len, "SOCKET");
    head(columns.preview - 4, columns.preview, "LEN");
    preview::render_header(ui, canvas, inside, columns);
}

/// Draws a line of a row; gives the places of what was looked for in it.
pub(super) fn render(
    ui: &Ui,
    canvas: &mut Canvas<'_>,
    area: Rect,
    columns: &Columns,
    row: &Row,
    at: &Line,
    previous: Option<Timestamp>,
) -> Vec<Rect> {
    let look = &ui.look;
    let fact = ui.bench.store.fact(row);
    let shown = ui.bench.shown(row, at.spot);
    let (mark, style) = match &shown {
        Shown::Row => mark_of(ui, row.kind, fact.as_ref()),
        _ => messages::mark_of(ui, &shown, at),
    };
    // What came with one `recv` is told to have come then by its first line.
    let is_first = at.above == 0;
    let right = area.right();
    let mut put = |x: u16, end: u16, text: &str, style: Style| {
        if x < right {
            canvas.put(x, area.y, end.min(right), &Printable::text(text), style);
        }
    };
    put(area.x, columns.delta, &times::time_of(ui, row.at), look.dim);
    if columns.round_trip > columns.delta && is_first {
        put(columns.delta, columns.round_trip, &times::delta_of(ui, row, previous), look.dim);
    }
    if columns.direction > columns.round_trip
        && is_first
        && let Some(time) = times::round_trip_of(ui, row)
    {
        put(columns.round_trip, columns.direction, &time, style);
    }
    put(columns.direction, columns.socket, mark, style);
    put(columns.socket, columns.len.saturating_sub(1), &short_name(ui, row.socket, columns), look.text);
    let is_message = row.kind.is_message();
    let len_width = usize::from(columns.preview - columns.len - 1);
    let len = match messages::len(row, &shown) {
        _ if !is_message => look.marks.none.to_owned(),
        len if len.to_string().len() < len_width => len.to_string(),
        len => format!("{}K", len / 1024),
    };
    put(columns.len, columns.preview, &format!("{len:>len_width$}"), look.dim);
    if columns.preview >= right {
        return Vec::new();
    }
    if ui.inspector.comparison.pinned() == Some(at.spot) {
        canvas.put(columns.preview - 1, area.y, right, &Printable::text("="), look.key);
    }
    let mut x = columns.preview;
    let mut found = Vec::new();
    if let Some(label) = marks::label(ui, row, at) {
        // The name must leave room for what it names.
        let room = (usize::from(right.saturating_sub(x)) / 2).max(8);
        x = canvas.put(x, area.y, right, &Printable::text(&label).truncate(room, look.marks.ellipsis), look.key);
        x = canvas.put(x, area.y, right, &Printable::text(" "), look.text);
    }
    if row.truncated {
        x = canvas.put(x, area.y, right, &Printable::text("TRUNC "), look.error);
    }
    if is_message {
        if let Some(peer) = ui.bench.store.peer(row) {
            let arrow = if row.kind == Kind::Sent { look.marks.arrow } else { "" };
            x = canvas.put(
                x,
                area.y,
                right,
                &Printable::text(&format!("{arrow}{} ", fitting(ui, &peer, PEER_WIDTH))),
                look.dim,
            );
        }
        if let Some(waiting) = waiting(row, &ui.bench.store) {
            let partial = format!("partial: {} wait ", grouped(waiting));
            x = canvas.put(x, area.y, right, &Printable::text(&partial), look.warning);
        }
        let place = Rect { x, width: right.saturating_sub(x), ..area };
        found = messages::render(ui, canvas, place, columns, row, at.spot, &shown);
    } else if let Some(fact) = &fact {
        let text = in_a_row(ui, row, fact);
        let place = Rect { x, width: right.saturating_sub(x), ..area };
        if area.height > 1 {
            put_wrapped(canvas, place, &Printable::text(&text), style);
        } else {
            found = find::in_sentence(ui, row.seq, &text, place);
            let text = Printable::text(&text).truncate(usize::from(place.width), ui.look.marks.ellipsis);
            canvas.put(x, area.y, right, &text, style);
        }
    }
    found
}

fn digits(number: u32) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

/// A socket's name as its column has room for it. It is cut in the middle, and never in a connection's number, which
/// tells one from another.
fn short_name(ui: &Ui, socket: SocketId, columns: &Columns) -> String {
    let width = usize::from((columns.len - columns.socket).saturating_sub(1));
    let name = ui.bench.roster.name(socket);
    let (root, number) = name.split_at(name.rfind('#').unwrap_or(name.len()));
    let left = width.saturating_sub(number.len());
    // The mark of what is left out must not push the number out.
    let ellipsis = ui.look.marks.ellipsis;
    let root = if left > ellipsis.chars().count() { shortened(root, left, ellipsis) } else { String::new() };
    root + number
}

/// A fact in a row that may be narrow: of a failure the operation and the errno come first.
fn in_a_row(ui: &Ui, row: &Row, fact: &Fact) -> String {
    match fact {
        Fact::Failed(error) => match (error.code(), error.errno) {
            (Some(code), Some(errno)) => format!("{} {code} ({errno}): {}", error.operation, error.cause),
            _ => format!("{}: {}", error.operation, error.cause),
        },
        Fact::Rule { name, message } => {
            format!("{} {} rule {name}", of_rule(message, &ui.bench.roster), ui.look.marks.dot)
        }
        Fact::Note { name, message } if name == "scenario" => {
            of_scenario(ui, message).unwrap_or_else(|| format!("{name}: {message}"))
        }
        _ => sentence(row, fact, &ui.bench.store, &ui.bench.roster),
    }
}

/// What a scenario did, and behind that which one: `2/5 expect = ..., done in 3 ms`.
fn of_scenario(ui: &Ui, message: &str) -> Option<String> {
    let names = ui.bench.profile.contents.scenarios.iter().map(|entry| entry.name.as_str());
    let of = |name: &&str| message.strip_prefix(*name).is_some_and(|rest| rest.starts_with([' ', ':']));
    let name = names.filter(of).max_by_key(|name| name.len())?;
    let rest = message[name.len()..].trim_start_matches([' ', ':']);
    let told = match rest.split_once(" done in ").and_then(|(step, done)| Some((step, done.split_once(": ")?))) {
        Some((step, (done, text))) => format!("{step} {text}, done in {done}"),
        None => rest.replacen(": ", " ", usize::from(rest.starts_with(|c: char| c.is_ascii_digit()))),
    };
    Some(format!("{told} {} {name}", ui.look.marks.dot))
}

/// The mark of what a row tells, and its style.
pub(super) fn mark_of(ui: &Ui, kind: Kind, fact: Option<&Fact>) -> (&'static str, Style) {
    let (look, marks) = (&ui.look, ui.look.marks);
    match kind {
        Kind::Received => (marks.received, look.received),
        Kind::Sent => (marks.sent, look.sent),
        Kind::Opened | Kind::Connected | Kind::Accepted => (marks.open, look.good),
        Kind::PeerClosed => (marks.half, look.warning),
        Kind::Closed => (marks.closed, look.dim),
        Kind::Failed => (marks.failed, look.error),
        Kind::Lost => ("!", look.error),
        Kind::Call if matches!(fact, Some(Fact::Call { result, .. }) if result.starts_with('-')) => ("fn", look.error),
        Kind::Call => ("fn", look.dim),
        Kind::Rule | Kind::Note => (marks.dot, look.dim),
    }
}
