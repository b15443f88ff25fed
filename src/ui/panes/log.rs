//! The log: one line a message or a fact, filtered, followed or held still.

pub(in crate::ui) mod columns;
pub(in crate::ui) mod find;
pub(in crate::ui) mod marks;
mod messages;
pub(in crate::ui) mod preview;
pub(in crate::ui) mod selection;
pub(in crate::ui) mod timeline;

use std::ops::RangeInclusive;
use std::time::Duration;

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::sockets::{fitting, shortened};
use super::{frame, grouped};
use crate::contract::{Fact, SocketId, Timestamp};
use crate::exporter::{HEXDUMP, MARKDOWN, TEXT};
use crate::framing::Framing;
use crate::log::Marks;
use crate::log::sanitise::Printable;
use crate::log::timeline::waiting;
use crate::log::{Kind, Line, Row, Spot, of_rule, sentence};
use crate::payload::Mode;
use crate::ui::action::{ActionSpec, Scope, always};
use crate::ui::bench::lines::Shown;
use crate::ui::canvas::Canvas;
use crate::ui::overlays::export::copy_selected;
use crate::ui::overlays::filter::FilterLine;
use crate::ui::overlays::replay;
use crate::ui::widgets::paragraph::put_wrapped;
use crate::ui::{Effect, Pane, Ui};

use preview::Preview;

/// The columns of a row's time, and one that is free for the sign of a bookmark.
const TIME_WIDTH: u16 = 13;

/// How much of a preview a peer's path may take.
const PEER_WIDTH: usize = 20;

/// The columns of the frame that the title leaves to the widest badge, and the corners.
const BADGE_WIDTH: u16 = 19;

pub(in crate::ui) static ACTIONS: &[ActionSpec] = &[
    ActionSpec {
        name: "log-down",
        scope: Scope::Log,
        keys: &["down", "j"],
        help: "next line",
        run: |ui| ui.bench.view.move_by(1),
        available: some_row,
    },
    ActionSpec {
        name: "log-up",
        scope: Scope::Log,
        keys: &["up", "k"],
        help: "previous line",
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
        help: "inspect this line",
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
        name: "find",
        scope: Scope::Log,
        keys: &["f"],
        help: "find text, a /pattern/ or hex: in the log",
        run: find::open,
        available: always,
    },
    ActionSpec {
        name: "find-next",
        scope: Scope::Log,
        keys: &["n"],
        help: "to the next match",
        run: find::next,
        available: find::some_find,
    },
    ActionSpec {
        name: "find-previous",
        scope: Scope::Log,
        keys: &["shift-n"],
        help: "to the match before",
        run: find::previous,
        available: find::some_find,
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
        name: "keep-message",
        scope: Scope::Log,
        keys: &["p"],
        help: "keep this message as a payload",
        run: crate::ui::overlays::payloads::save_message,
        available: some_message,
    },
    ActionSpec {
        name: "replay",
        scope: Scope::Log,
        keys: &["shift-r"],
        help: "replay this socket; meanwhile pause, or send the next",
        run: replay::open_or_step,
        available: replay::available,
    },
    ActionSpec {
        name: "copy",
        scope: Scope::Log,
        keys: &["y"],
        help: "copy this message, the selected rows, or the timeline",
        run: copy,
        available: something_to_copy,
    },
    ActionSpec {
        name: "export",
        scope: Scope::Log,
        keys: &["shift-y"],
        help: "copy or export rows: which, in what format, to where",
        run: crate::ui::overlays::export::open,
        available: some_row,
    },
    ActionSpec {
        name: "select",
        scope: Scope::Log,
        keys: &["v"],
        help: "select lines from this one on, or no longer",
        run: selection::toggle,
        available: some_row,
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
        name: "log-record",
        scope: Scope::Log,
        keys: &["c"],
        help: "record all sockets into a pcapng file, or stop to",
        run: crate::ui::overlays::recording::toggle,
        available: always,
    },
    ActionSpec {
        name: "log-rules",
        scope: Scope::Log,
        keys: &["a"],
        help: "the rules: what answers by itself",
        run: crate::ui::overlays::rules::open,
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
    preview: Preview,
    times: columns::Times,
    pub(in crate::ui) marks: Marks,
    /// Where the cursor goes once find has found it.
    pub(in crate::ui) jump: Option<find::Jump>,
    /// Where the lines were drawn, how many rows of the screen each takes, and which they were.
    rows: Rect,
    row_height: u16,
    window: Vec<Line>,
    /// The line where the selection began.
    selected_from: Option<Spot>,
}

impl LogPane {
    /// How many lines of the log are on the screen.
    pub(in crate::ui) const fn lines_on_screen(&self) -> usize {
        self.window.len()
    }
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
    if ui.log.selected_from.is_some() || timeline::socket(ui).is_some() { some_row(ui) } else { some_message(ui) }
}

fn page(ui: &Ui) -> isize {
    let rows = ui.log.rows.height / ui.log.row_height.max(1);
    usize::from(rows.saturating_sub(1).max(1)).cast_signed()
}

pub(in crate::ui) fn edit_filter(ui: &mut Ui) {
    let line = FilterLine::new(ui);
    ui.overlays.push(Box::new(line));
}

fn take(ui: &mut Ui) {
    let Some((row, spot)) = ui.bench.current_line() else { return };
    let bytes = ui.bench.payload(&row, spot);
    if ui.bench.message(&row, spot).is_some() {
        let is_line = ui.bench.messages.framing(&row).is_some_and(Framing::is_line);
        ui.input.take_payload(ui.target.as_ref(), &ui.bench, &bytes, is_line);
    } else {
        ui.input.take(ui.target.as_ref(), &ui.bench, &bytes);
    }
    ui.focus = Pane::Input;
}

fn copy(ui: &mut Ui) {
    if ui.log.selected_from.is_some() {
        let format = match timeline::socket(ui) {
            Some(_) => MARKDOWN,
            None if ui.log.preview != Preview::Text => HEXDUMP,
            None => TEXT,
        };
        copy_selected(ui, format);
        return;
    }
    if let Some(socket) = timeline::socket(ui) {
        timeline::copy(ui, socket);
        return;
    }
    let Some((row, spot)) = ui.bench.current_line() else { return };
    let bytes = ui.bench.payload(&row, spot);
    // Text as it is where it is text; else the notation that reads back.
    let encoding = ui.bench.roster.encoding(row.socket);
    let text = crate::payload::show_in(Mode::Text, &bytes, encoding).or_else(|_| {
        let mode = if ui.log.preview == Preview::Hex { Mode::Hex } else { Mode::Escaped };
        crate::payload::show_in(mode, &bytes, encoding)
    });
    if let Ok(text) = text {
        ui.effects.push(Effect::Copy(text));
    }
}

/// From the first of the lines that are on the screen to the last.
pub(in crate::ui) fn on_screen(ui: &Ui) -> Option<RangeInclusive<Spot>> {
    Some(ui.log.window.first()?.spot..=ui.log.window.last()?.spot)
}

pub(in crate::ui) fn click(ui: &mut Ui, y: u16) {
    selection::clear(ui);
    if let Some(offset) = y.checked_sub(ui.log.rows.y)
        && offset < ui.log.rows.height
    {
        let at = usize::from(offset / ui.log.row_height.max(1));
        if let Some(line) = ui.log.window.get(at) {
            ui.bench.view.move_to(line.spot);
        }
    }
}

pub(in crate::ui) fn render(ui: &mut Ui, canvas: &mut Canvas<'_>) {
    let area = ui.layout.log;
    if area.is_empty() {
        return;
    }
    let filter = ui.bench.view.filter().text().to_owned();
    let timeline = timeline::socket(ui);
    let selected = selection::range(ui);
    let whole = title_of(ui, &filter);
    // A long filter must not push the badge out that tells whether the log follows.
    let over = Printable::text(&whole).width().saturating_sub(usize::from(area.width.saturating_sub(BADGE_WIDTH)));
    let title = if over == 0 {
        whole
    } else {
        let filter = Printable::text(&filter);
        let width = filter.width().saturating_sub(over).max(4);
        title_of(ui, filter.truncate(width, ui.look.marks.ellipsis).as_str())
    };
    let inside = frame(ui, canvas, Pane::Log, &title);
    if inside.height < 2 {
        render_badges(ui, canvas, area, &title);
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
    let row_height = preview::height(ui, inside);
    let window = ui.bench.view.window(usize::from(rows.height / row_height));
    ui.log.rows = rows;
    ui.log.row_height = row_height;
    // What comes on the screen is no longer new.
    render_badges(ui, canvas, area, &title);
    if window.is_empty() {
        ui.log.window.clear();
        render_empty(ui, canvas, rows, &filter);
        return;
    }
    ui.bench.find_messages(&window);
    let cursor = ui.bench.view.cursor();
    let before = window.first().and_then(|line| ui.bench.view.index_of(line.spot.seq)?.checked_sub(1));
    let mut previous =
        before.and_then(|index| ui.bench.view.seq_at(index)).and_then(|seq| ui.bench.store.row(seq)).map(|row| row.at);
    for (y, at) in (rows.y..rows.bottom()).step_by(usize::from(row_height)).zip(&window) {
        let Some(row) = ui.bench.store.row(at.spot.seq) else { continue };
        let line = Rect { y, height: row_height, ..rows }.intersection(rows);
        columns::look_back(ui, &row, inside.width);
        let found = match &timeline_columns {
            Some(columns) => {
                timeline::render_row(ui, canvas, line, columns, &row, previous);
                Vec::new()
            }
            None => render_row(ui, canvas, line, &columns, &row, at, previous),
        };
        if selected.as_ref().is_some_and(|range| range.contains(&at.spot)) {
            canvas.style(line, ui.look.selected_unfocused);
            // In the frame, where no column of a row is.
            canvas.put(area.x, y, area.x + 1, &Printable::text(ui.look.marks.chosen), ui.look.key);
        }
        if cursor == Some(at.spot) {
            let style = if ui.focus == Pane::Log { ui.look.selected } else { ui.look.selected_unfocused };
            canvas.style(line, style);
        }
        if marks::mark_of_line(ui, at).is_some() {
            // Between the time and what follows there is always a column free.
            let x = rows.x + TIME_WIDTH - 1;
            canvas.put(x, y, rows.right(), &Printable::text(ui.look.marks.bookmark), ui.look.key);
        }
        find::mark(canvas, &ui.look, &found);
        previous = Some(row.at);
    }
    ui.log.window = window;
}

/// The title, with the filter as it is written here.
fn title_of(ui: &Ui, filter: &str) -> String {
    let total = ui.bench.unfiltered_lines().max(ui.bench.view.lines() as u64);
    let dot = ui.look.marks.dot;
    let shown = grouped(ui.bench.view.lines());
    let mut title = if let Some(socket) = timeline::socket(ui) {
        let filter = if filter.is_empty() { String::new() } else { format!(" {dot} {filter}") };
        format!("Timeline {dot} {}{filter} {dot} {shown}", ui.bench.roster.name(socket))
    } else if filter.is_empty() {
        format!("Log {dot} all {dot} {shown}")
    } else {
        format!("Log {dot} {filter} {dot} {shown}/{}", grouped(total))
    };
    // While rows come in, the last of them are always still to be judged.
    let judged = ui.bench.percent_of(ui.bench.view.judged());
    if (!filter.is_empty() || ui.bench.view.is_reread()) && !ui.bench.is_judged() && judged < 99 {
        title = format!("{title} {dot} {judged} %");
    }
    title
}

/// What stands in the lower border: what is looked for, and how many rows are selected. The title has room for neither
/// beside a filter.
fn footing_of(ui: &Ui) -> Option<String> {
    let parts: Vec<String> = selection::words(ui).into_iter().chain(find::title(ui)).collect();
    (!parts.is_empty()).then(|| parts.join(&format!(" {} ", ui.look.marks.dot)))
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
    let (badge_style, text_style) = (look.badge, look.dim);
    let (shown, next) = preview::badge(ui);
    let title_end = usize::from(area.x) + Printable::text(title).width() + 4;
    let mut badge = |text: &str, right: u16, y: u16, style: Style, action: &str, left: usize| {
        let text = Printable::text(text);
        let width = u16::try_from(text.width()).unwrap_or(u16::MAX);
        let x = right.saturating_sub(width + 2);
        if usize::from(x) > left {
            canvas.put(x, y, area.right(), &text, style);
            if let Some(action) = crate::ui::actions().find(|spec| spec.name == action) {
                ui.buttons.push((Rect { x, y, width, height: 1 }, action));
            }
        }
        x
    };
    let x = badge(&text, area.right(), area.y, style, action, title_end);
    badge(&format!(" {shown} "), x + 1, area.y, text_style, next, title_end);
    let mut footing_end = area.right().saturating_sub(2);
    if let Some(below) = below {
        footing_end = badge(&below, area.right(), area.bottom() - 1, badge_style, "follow", usize::from(area.x));
    }
    if let Some(footing) = footing_of(ui) {
        let x = area.x + 1;
        let footing = Printable::text(&format!(" {footing} "));
        let footing = footing.truncate(usize::from(footing_end.saturating_sub(x)), ui.look.marks.ellipsis);
        canvas.put(x, area.bottom() - 1, footing_end, &footing, ui.look.title);
    }
}

/// Where the columns of the log begin; the preview takes what is left.
struct Columns {
    delta: u16,
    round_trip: u16,
    direction: u16,
    socket: u16,
    len: u16,
    preview: u16,
    /// Where hex stands beside the text.
    hex: Option<u16>,
}

impl Columns {
    fn of(inside: Rect, ui: &Ui) -> Self {
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
        let delta = inside.x + TIME_WIDTH;
        let round_trip = delta + delta_width;
        let shown = columns::shows_round_trips(ui, inside.width);
        let direction = round_trip + if shown { columns::ROUND_TRIP_WIDTH } else { 0 };
        let socket = direction + 4;
        let len = socket + socket_width;
        let preview = len + len_width;
        Self { delta, round_trip, direction, socket, len, preview, hex: preview::hex_column(ui, inside, preview) }
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
    head(inside.x, columns.delta, columns::time_head(ui));
    if columns.round_trip > columns.delta {
        head(columns.delta, columns.round_trip, &columns::delta_head(ui));
    }
    if columns.direction > columns.round_trip {
        head(columns.round_trip, columns.direction, "RTT");
    }
    head(columns.direction, columns.socket, "DIR");
    head(columns.socket, columns.len, "SOCKET");
    head(columns.preview - 4, columns.preview, "LEN");
    preview::render_header(ui, canvas, inside, columns);
}

/// Draws a row; gives the places of what was looked for in it.
fn render_row(
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
    put(area.x, columns.delta, &columns::time_of(ui, row.at), look.dim);
    if columns.round_trip > columns.delta && is_first {
        put(columns.delta, columns.round_trip, &columns::delta_of(ui, row, previous), look.dim);
    }
    if columns.direction > columns.round_trip
        && is_first
        && let Some(time) = columns::round_trip_of(ui, row)
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
    let names = ui.bench.profile.scenarios.iter().map(|entry| entry.name.as_str());
    let of = |name: &&str| message.strip_prefix(*name).is_some_and(|rest| rest.starts_with([' ', ':']));
    let name = names.filter(of).max_by_key(|name| name.len())?;
    let rest = message[name.len()..].trim_start_matches([' ', ':']);
    let told = match rest.split_once(" done in ").and_then(|(step, done)| Some((step, done.split_once(": ")?))) {
        Some((step, (done, text))) => format!("{step} {text}, done in {done}"),
        None => rest.replacen(": ", " ", usize::from(rest.starts_with(|c: char| c.is_ascii_digit()))),
    };
    Some(format!("{told} {} {name}", ui.look.marks.dot))
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
