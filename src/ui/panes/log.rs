//! The log: one row a message or a fact, filtered, followed or held still.

pub(in crate::ui) mod timeline;

use std::time::Duration;

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::sockets::{fitting, shortened};
use super::{frame, grouped};
use crate::config::TimeFormat;
use crate::contract::{Fact, SocketId, Timestamp};
use crate::log::sanitise::Printable;
use crate::log::timeline::waiting;
use crate::log::{Kind, Row, export, stream};
use crate::payload::Mode;
use crate::ui::action::{ActionSpec, Scope, always};
use crate::ui::canvas::Canvas;
use crate::ui::overlays::filter::FilterLine;
use crate::ui::widgets::paragraph::put_wrapped;
use crate::ui::{Effect, Pane, Ui};

/// How much of a preview a peer's path may take.
const PEER_WIDTH: usize = 20;

pub(in crate::ui) static ACTIONS: &[ActionSpec] = &[
    ActionSpec {
        name: "log-down",
        scope: Scope::Log,
        keys: &["down", "j"],
        help: "next row",
        run: |ui| ui.bench.view.move_by(1),
        available: some_row,
    },
    ActionSpec {
        name: "log-up",
        scope: Scope::Log,
        keys: &["up", "k"],
        help: "previous row",
        run: |ui| ui.bench.view.move_by(-1),
        available: some_row,
    },
    ActionSpec {
        name: "log-page-down",
        scope: Scope::Log,
        keys: &["pagedown"],
        help: "a page down",
        run: |ui| ui.bench.view.move_by(page(ui)),
        available: some_row,
    },
    ActionSpec {
        name: "log-page-up",
        scope: Scope::Log,
        keys: &["pageup"],
        help: "a page up",
        run: |ui| ui.bench.view.move_by(-page(ui)),
        available: some_row,
    },
    ActionSpec {
        name: "log-home",
        scope: Scope::Log,
        keys: &["home"],
        help: "to the first row",
        run: |ui| ui.bench.view.home(),
        available: some_row,
    },
    ActionSpec {
        name: "follow",
        scope: Scope::Log,
        keys: &["end"],
        help: "to the last row, and follow what comes",
        run: |ui| ui.bench.view.end(),
        available: always,
    },
    ActionSpec {
        name: "pause",
        scope: Scope::Log,
        keys: &["space"],
        help: "hold the log still, or go on",
        run: |ui| {
            let paused = !ui.bench.view.is_paused();
            ui.bench.view.set_paused(paused);
        },
        available: always,
    },
    ActionSpec {
        name: "inspect",
        scope: Scope::Log,
        keys: &["enter"],
        help: "inspect this row",
        run: super::inspector::show_row,
        available: some_row,
    },
    ActionSpec {
        name: "log-filter",
        scope: Scope::Log,
        keys: &["/"],
        help: "filter the log",
        run: edit_filter,
        available: always,
    },
    ActionSpec {
        name: "take",
        scope: Scope::Log,
        keys: &["r"],
        help: "take this message into the input, to send it again",
        run: take,
        available: some_message,
    },
    ActionSpec {
        name: "copy",
        scope: Scope::Log,
        keys: &["y"],
        help: "copy this message, or the timeline as Markdown",
        run: copy,
        available: something_to_copy,
    },
    ActionSpec {
        name: "as-text",
        scope: Scope::Log,
        keys: &["1"],
        help: "all sockets, previews as text",
        run: |ui| {
            timeline::leave(ui);
            ui.log.hex = false;
        },
        available: always,
    },
    ActionSpec {
        name: "as-hex",
        scope: Scope::Log,
        keys: &["2"],
        help: "all sockets, previews as hex",
        run: |ui| {
            timeline::leave(ui);
            ui.log.hex = true;
        },
        available: always,
    },
    ActionSpec {
        name: "log-timeline",
        scope: Scope::Log,
        keys: &["4"],
        help: "the timeline: each call of the socket",
        run: timeline::show,
        available: timeline::some_socket,
    },
    ActionSpec {
        name: "compare",
        scope: Scope::Log,
        keys: &["="],
        help: "compare this message with others, or no longer",
        run: super::inspector::compare::toggle,
        available: some_message,
    },
    ActionSpec {
        name: "release-mouse",
        scope: Scope::Log,
        keys: &["shift-m"],
        help: "give the mouse to the terminal, or take it back",
        run: Ui::toggle_mouse,
        available: always,
    },
    ActionSpec {
        name: "log-to-input",
        scope: Scope::Log,
        keys: &["i"],
        help: "to the input",
        run: |ui| ui.focus_on(Pane::Input),
        available: always,
    },
    ActionSpec {
        name: "log-help",
        scope: Scope::Log,
        keys: &["?"],
        help: "the keys",
        run: crate::ui::overlays::help::open,
        available: always,
    },
];

#[derive(Debug, Default)]
pub(in crate::ui) struct LogPane {
    hex: bool,
    /// Where the rows were drawn, and the index of the first.
    rows: Rect,
    first: usize,
}

fn some_row(ui: &Ui) -> Result<(), &'static str> {
    if ui.bench.view.is_empty() { Err("the log has no rows") } else { Ok(()) }
}

pub(in crate::ui) fn some_message(ui: &Ui) -> Result<(), &'static str> {
    match ui.bench.current() {
        Some(row) if row.kind.is_message() => Ok(()),
        Some(_) => Err("this row has no bytes"),
        None => Err("no row is selected"),
    }
}

fn something_to_copy(ui: &Ui) -> Result<(), &'static str> {
    if timeline::socket(ui).is_some() { some_row(ui) } else { some_message(ui) }
}

fn page(ui: &Ui) -> isize {
    (usize::from(ui.log.rows.height).saturating_sub(1)).max(1).cast_signed()
}

pub(in crate::ui) fn edit_filter(ui: &mut Ui) {
    let line = FilterLine::new(ui.bench.view.filter());
    ui.overlays.push(Box::new(line));
}

fn take(ui: &mut Ui) {
    let Some(row) = ui.bench.current() else { return };
    let bytes = ui.bench.store.bytes(&row).to_vec();
    ui.input.take(ui.target.as_ref(), &ui.bench, &bytes);
    ui.focus = Pane::Input;
}

fn copy(ui: &mut Ui) {
    if let Some(socket) = timeline::socket(ui) {
        timeline::copy(ui, socket);
        return;
    }
    let Some(row) = ui.bench.current() else { return };
    let bytes = ui.bench.store.bytes(&row);
    // Text as it is where it is text; else the notation that reads back.
    let encoding = ui.bench.roster.encoding(row.socket);
    let text = crate::payload::show_in(Mode::Text, &bytes, encoding)
        .or_else(|_| crate::payload::show_in(if ui.log.hex { Mode::Hex } else { Mode::Escaped }, &bytes, encoding));
    if let Ok(text) = text {
        ui.effects.push(Effect::Copy(text));
    }
}

pub(in crate::ui) fn click(ui: &mut Ui, y: u16) {
    if let Some(offset) = y.checked_sub(ui.log.rows.y)
        && offset < ui.log.rows.height
    {
        let index = ui.log.first + usize::from(offset);
        if index < ui.bench.view.len() {
            ui.bench.view.move_to_index(index);
        }
    }
}

pub(in crate::ui) fn render(ui: &mut Ui, canvas: &mut Canvas<'_>) {
    let area = ui.layout.log;
    if area.is_empty() {
        return;
    }
    let filter = ui.bench.view.filter().text().to_owned();
    let total = ui.bench.unfiltered_rows().max(ui.bench.view.len() as u64);
    let dot = ui.look.marks.dot;
    let shown = grouped(ui.bench.view.len());
    let timeline = timeline::socket(ui);
    let title = if let Some(socket) = timeline {
        let filter = if filter.is_empty() { String::new() } else { format!(" {dot} {filter}") };
        format!("Timeline {dot} {}{filter} {dot} {shown}", ui.bench.roster.name(socket))
    } else if filter.is_empty() {
        format!("Log {dot} all {dot} {shown}")
    } else {
        format!("Log {dot} {filter} {dot} {shown}/{}", grouped(total))
    };
    let inside = frame(ui, canvas, Pane::Log, &title);
    render_badges(ui, canvas, area, &title);
    if inside.height < 2 {
        return;
    }
    let columns = Columns::of(inside, ui);
    let timeline_columns = timeline.map(|_| timeline::Columns::of(inside));
    match &timeline_columns {
        Some(columns) => timeline::render_header(ui, canvas, inside, columns),
        None => render_header(ui, canvas, inside, &columns),
    }
    // While the filter is typed, its line and the one that explains it lie over the header and the row below.
    let head = if ui.overlays.iter().any(|overlay| overlay.covers_log_header()) { 2 } else { 1 };
    let rows = Rect { y: inside.y + head, height: inside.height.saturating_sub(head), ..inside };
    let window = ui.bench.view.window(usize::from(rows.height));
    ui.log.rows = rows;
    ui.log.first = window.start;
    if window.is_empty() {
        render_empty(ui, canvas, rows, &filter);
        return;
    }
    let cursor = ui.bench.view.cursor_index();
    let mut previous = window
        .start
        .checked_sub(1)
        .and_then(|index| ui.bench.view.seq_at(index))
        .and_then(|seq| ui.bench.store.row(seq))
        .map(|row| row.at);
    for (y, index) in (rows.y..rows.bottom()).zip(window) {
        let Some(row) = ui.bench.view.seq_at(index).and_then(|seq| ui.bench.store.row(seq)) else { continue };
        let line = Rect { y, height: 1, ..rows };
        match &timeline_columns {
            Some(columns) => timeline::render_row(ui, canvas, line, columns, &row, previous),
            None => render_row(ui, canvas, line, &columns, &row, previous),
        }
        if cursor == Some(index) {
            let style = if ui.focus == Pane::Log { ui.look.selected } else { ui.look.selected_unfocused };
            canvas.style(Rect { y, height: 1, ..rows }, style);
        }
        previous = Some(row.at);
    }
}

fn render_badges(ui: &mut Ui, canvas: &mut Canvas<'_>, area: Rect, title: &str) {
    let look = &ui.look;
    let view = &ui.bench.view;
    let (text, style, action) = if view.is_paused() {
        (" PAUSED ".to_owned(), look.warning, "pause")
    } else if view.is_following() {
        (format!(" FOLLOW {} ", look.marks.down), look.good, "pause")
    } else {
        (" HELD ".to_owned(), look.warning, "follow")
    };
    let unseen = view.unseen();
    let below = (unseen > 0).then(|| format!(" {} new {} End ", grouped(unseen), look.marks.down));
    let badge_style = look.badge;
    let title_end = usize::from(area.x) + Printable::text(title).width() + 4;
    let mut badge = |text: &str, y: u16, style: Style, action: &str, left: usize| {
        let text = Printable::text(text);
        let width = u16::try_from(text.width()).unwrap_or(u16::MAX);
        let x = area.right().saturating_sub(width + 2);
        if usize::from(x) > left {
            canvas.put(x, y, area.right(), &text, style);
            if let Some(action) = crate::ui::actions().find(|spec| spec.name == action) {
                ui.buttons.push((Rect { x, y, width, height: 1 }, action));
            }
        }
    };
    badge(&text, area.y, style, action, title_end);
    if let Some(below) = below {
        badge(&below, area.bottom() - 1, badge_style, "follow", usize::from(area.x));
    }
}

/// Where the columns of the log begin; the preview takes what is left.
struct Columns {
    delta: u16,
    direction: u16,
    socket: u16,
    len: u16,
    preview: u16,
}

impl Columns {
    fn of(inside: Rect, ui: &Ui) -> Self {
        // The time's milliseconds are worth a column only where there is one.
        let time = 13;
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
        let delta = inside.x + time;
        let direction = delta + delta_width;
        let socket = direction + 4;
        let len = socket + socket_width;
        Self { delta, direction, socket, len, preview: len + len_width }
    }
}

fn digits(number: u32) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

fn render_header(ui: &Ui, canvas: &mut Canvas<'_>, inside: Rect, columns: &Columns) {
    let style = ui.look.dim;
    let mut head = |x: u16, end: u16, text: &str| {
        canvas.put(x, inside.y, end.min(inside.right()), &Printable::text(text), style);
    };
    head(inside.x, columns.delta, "TIME");
    if columns.direction > columns.delta {
        head(columns.delta, columns.direction, ui.look.marks.delta);
    }
    head(columns.direction, columns.socket, "DIR");
    head(columns.socket, columns.len, "SOCKET");
    head(columns.preview - 4, columns.preview, "LEN");
    head(columns.preview, inside.right(), if ui.log.hex { "PREVIEW (hex)" } else { "PREVIEW" });
}

fn render_row(ui: &Ui, canvas: &mut Canvas<'_>, area: Rect, columns: &Columns, row: &Row, previous: Option<Timestamp>) {
    let look = &ui.look;
    let fact = ui.bench.store.fact(row);
    let (mark, style) = mark_of(ui, row.kind, fact.as_ref());
    let right = area.right();
    let mut put = |x: u16, end: u16, text: &str, style: Style| {
        if x < right {
            canvas.put(x, area.y, end.min(right), &Printable::text(text), style);
        }
    };
    put(area.x, columns.delta, &time_of(ui, row.at), look.dim);
    if columns.direction > columns.delta {
        let delta = delta(row.at, previous);
        put(columns.delta, columns.direction, &delta, look.dim);
    }
    put(columns.direction, columns.socket, mark, style);
    put(columns.socket, columns.len.saturating_sub(1), &short_name(ui, row.socket, columns), look.text);
    let is_message = row.kind.is_message();
    let len_width = usize::from(columns.preview - columns.len - 1);
    let len = match row.len {
        _ if !is_message => look.marks.none.to_owned(),
        len if len.to_string().len() < len_width => len.to_string(),
        len => format!("{}K", len / 1024),
    };
    put(columns.len, columns.preview, &format!("{len:>len_width$}"), look.dim);
    if columns.preview >= right {
        return;
    }
    if ui.inspector.comparison.pinned() == Some(row.seq) {
        canvas.put(columns.preview - 1, area.y, right, &Printable::text("="), look.key);
    }
    let mut x = columns.preview;
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
        let width = usize::from(right.saturating_sub(x));
        let bytes = ui.bench.store.bytes(row);
        let preview = if ui.log.hex {
            hex_preview(&bytes, width)
        } else {
            {
                let reading = stream::reading(row, &ui.bench.store, &ui.bench.roster);
                Printable::read_up_to(&bytes, &reading, width + 1).truncate(width, ui.look.marks.ellipsis)
            }
        };
        canvas.put(x, area.y, right, &preview, style);
    } else if let Some(fact) = &fact {
        let text = Printable::text(&in_a_row(ui, row, fact)).truncate(usize::from(right - x), ui.look.marks.ellipsis);
        canvas.put(x, area.y, right, &text, style);
    }
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

/// When a row was, in at most twelve columns, as the configuration wants it told.
fn time_of(ui: &Ui, at: Timestamp) -> String {
    match ui.time {
        TimeFormat::Local => at.local_time_of_day(),
        TimeFormat::Utc => at.utc_time_of_day(),
        TimeFormat::Elapsed => {
            let elapsed = at.since(ui.bench.began());
            format!("{:>8}.{:03}", elapsed.as_secs(), elapsed.subsec_millis())
        }
    }
}

/// A fact in a row that may be narrow: of a failure the operation and the errno come first.
fn in_a_row(ui: &Ui, row: &Row, fact: &Fact) -> String {
    match fact {
        Fact::Failed(error) => match (error.code(), error.errno) {
            (Some(code), Some(errno)) => format!("{} {code} ({errno}): {}", error.operation, error.cause),
            _ => format!("{}: {}", error.operation, error.cause),
        },
        _ => export::sentence(row, fact, &ui.bench.store, &ui.bench.roster),
    }
}

fn hex_preview(bytes: &[u8], columns: usize) -> Printable {
    let shown = &bytes[..bytes.len().min(columns / 3 + 1)];
    Printable::text(&crate::payload::show(Mode::Hex, shown).unwrap_or_default())
}

fn mark_of(ui: &Ui, kind: Kind, fact: Option<&Fact>) -> (&'static str, Style) {
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

fn render_empty(ui: &Ui, canvas: &mut Canvas<'_>, area: Rect, filter: &str) {
    let text = if filter.is_empty() {
        "Every byte and every step of each socket will stand here."
    } else {
        "Nothing matches the filter; Esc clears it."
    };
    let inside = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    put_wrapped(canvas, inside, &Printable::text(text), ui.look.dim);
}

/// How long after the row above a row was; `+0` where there is none.
fn delta(at: Timestamp, previous: Option<Timestamp>) -> String {
    previous.map_or_else(|| "+0".to_owned(), |previous| difference(at.since(previous)))
}

/// The difference between two rows, short: `+0`, `+948ms`, `+7.1s`, `+2m03s`, `+1h02m`.
pub(in crate::ui) fn difference(time: Duration) -> String {
    let millis = time.as_millis();
    match millis {
        0 if time.is_zero() => "+0".to_owned(),
        0 => format!("+{}us", time.as_micros()),
        1..1_000 => format!("+{millis}ms"),
        1_000..60_000 => format!("+{}.{}s", millis / 1000, millis % 1000 / 100),
        60_000..3_600_000 => format!("+{}m{:02}s", millis / 60_000, millis % 60_000 / 1000),
        _ => format!("+{}h{:02}m", millis / 3_600_000, millis % 3_600_000 / 60_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_fit_their_column() {
        for (time, text) in [
            (Duration::ZERO, "+0"),
            (Duration::from_micros(51), "+51us"),
            (Duration::from_millis(948), "+948ms"),
            (Duration::from_millis(7_100), "+7.1s"),
            (Duration::from_secs(123), "+2m03s"),
            (Duration::from_mins(62), "+1h02m"),
        ] {
            assert_eq!(difference(time), text);
            assert!(text.len() < 8);
        }
    }
}
