//! The log as the timeline of one socket: a call a row, with what it returned and what that means.

use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::times::{TIME_WIDTH, delta_head, delta_of, time_head, time_of};
use crate::contract::{SocketId, Timestamp};
use crate::log::sanitise::Printable;
use crate::log::timeline::{Step, step};
use crate::log::{Kind, Row, Scope, export};
use crate::ui::action::{self, ActionSpec};
use crate::ui::canvas::Canvas;
use crate::ui::panes::inspector;
use crate::ui::{Effect, Ui};

pub(in crate::ui) static ACTIONS: &[ActionSpec] = &[ActionSpec {
    name: "log-timeline",
    scope: action::Scope::Log,
    keys: &["4"],
    help: "the timeline: each call of the socket",
    run: show,
    available: some_socket,
}];

/// The most rows that are copied, the newest ones.
const COPIED: usize = 10_000;

/// The socket whose timeline the log shows, if it shows one.
pub(in crate::ui) const fn socket(ui: &Ui) -> Option<SocketId> {
    match ui.bench.view.scope() {
        Scope::All => None,
        Scope::Timeline(socket) => Some(socket),
    }
}

/// The socket that is selected in the list, or else the one of the row under the cursor.
fn wanted(ui: &Ui) -> Option<SocketId> {
    ui.selected_socket().or_else(|| ui.bench.current().map(|row| row.socket))
}

pub(in crate::ui) fn some_socket(ui: &Ui) -> Result<(), &'static str> {
    wanted(ui).map(|_| ()).ok_or("no socket is selected")
}

pub(super) fn show(ui: &mut Ui) {
    if let Some(socket) = wanted(ui) {
        inspector::show_bytes(ui);
        set_scope(ui, Scope::Timeline(socket));
    }
}

/// The timeline of the selected socket, or the log of all where that is shown already.
pub(in crate::ui) fn toggle(ui: &mut Ui) {
    if socket(ui).is_some() { leave(ui) } else { show(ui) }
}

pub(super) fn leave(ui: &mut Ui) {
    inspector::show_bytes(ui);
    set_scope(ui, Scope::All);
}

/// A timeline goes with the selection in the list.
pub(in crate::ui) fn follow_selection(ui: &mut Ui) {
    if let (Some(_), Some(socket)) = (socket(ui), ui.selected_socket()) {
        set_scope(ui, Scope::Timeline(socket));
    }
}

fn set_scope(ui: &mut Ui, scope: Scope) {
    ui.bench.view.set_scope(scope);
    ui.bench.catch_up();
}

/// Copies the rows of the timeline as Markdown.
pub(super) fn copy(ui: &mut Ui, socket: SocketId) {
    let view = &ui.bench.view;
    let rows: Vec<Row> = (view.len().saturating_sub(COPIED)..view.len())
        .filter_map(|index| ui.bench.store.row(view.seq_at(index)?))
        .collect();
    let name = ui.bench.roster.name(socket);
    ui.effects.push(Effect::Copy(export::markdown(&name, &rows, &ui.bench.store, &ui.bench.roster)));
}

/// The columns that a call's arguments have at least, where there are so many.
const LEAST_ARGS: usize = 6;

/// The columns of a quoted message that arguments leave to it.
const LEAST_QUOTE: usize = 10;

/// In fewer columns than this a remark says nothing.
const LEAST_REMARK: u16 = 12;

/// Where the columns of the timeline begin.
pub(super) struct Columns {
    delta: u16,
    mark: u16,
    call: u16,
    remark: u16,
}

impl Columns {
    pub(super) fn of(inside: Rect) -> Self {
        let delta = inside.x + TIME_WIDTH;
        let mark = delta + if inside.width < 64 { 0 } else { 8 };
        let call = mark + 2;
        Self { delta, mark, call, remark: call + inside.right().saturating_sub(call) * 9 / 20 }
    }
}

pub(super) fn render_header(ui: &Ui, canvas: &mut Canvas<'_>, inside: Rect, columns: &Columns) {
    let heads = [
        (inside.x, columns.delta, time_head(ui)),
        (columns.delta, columns.mark, &delta_head(ui)),
        (columns.call, columns.remark, "CALL = RESULT"),
        (columns.remark, inside.right(), "REMARK"),
    ];
    for (x, end, text) in heads {
        if x < end {
            canvas.put(x, inside.y, end, &Printable::text(text), ui.look.dim);
        }
    }
}

pub(super) fn render_row(
    ui: &Ui,
    canvas: &mut Canvas<'_>,
    area: Rect,
    columns: &Columns,
    row: &Row,
    previous: Option<Timestamp>,
) {
    let look = &ui.look;
    let right = area.right();
    canvas.put(area.x, area.y, columns.delta, &Printable::text(&time_of(ui, row.at)), look.dim);
    if columns.mark > columns.delta {
        let delta = delta_of(ui, row, previous);
        canvas.put(columns.delta, area.y, columns.mark, &Printable::text(&delta), look.dim);
    }
    let Some(mut step) = step(row, &ui.bench.store, &ui.bench.roster) else { return };
    if row.kind == Kind::Accepted {
        // The arrow that this set of marks has.
        step.result = step.result.replace('\u{2192}', look.marks.arrow);
    }
    let (mark, style) = if step.has_failed() {
        (look.marks.failed, look.error)
    } else if step.inferred {
        ("~", look.dim)
    } else {
        match row.kind {
            Kind::Received => (" ", look.received),
            Kind::Sent => (" ", look.sent),
            Kind::Accepted => (" ", look.good),
            Kind::PeerClosed => (" ", look.warning),
            _ => (" ", look.text),
        }
    };
    canvas.put(columns.mark, area.y, columns.call, &Printable::text(mark), style);
    if step.name.is_empty() {
        let style = if row.kind == Kind::Lost { look.error } else { look.dim };
        let x = canvas.put(columns.call, area.y, right, &Printable::text(look.marks.dot), style);
        canvas.put(x + 1, area.y, right, &fitting(&step.meaning, x + 1, right, look.marks.ellipsis), style);
        return;
    }
    // The name stands out, so that a row is read from its call.
    let x = canvas.put(columns.call, area.y, right, &Printable::text(&step.name), style.add_modifier(Modifier::BOLD));
    // Where there is not room for all, what was returned matters most, and a quoted message least.
    let result = Printable::text(&format!(") = {}", step.result));
    let returned = step.result.find("  \"").map_or(result.width(), |quote| {
        result.width().min(Printable::text(&step.result[..quote]).width() + ") = ".len() + LEAST_QUOTE)
    });
    let room = usize::from(right.saturating_sub(x + 1)).saturating_sub(returned);
    let width = u16::try_from(Printable::text(&step.meaning).width()).unwrap_or(u16::MAX);
    let beside = room.saturating_sub(usize::from(width) + 2);
    let x = canvas.put(x, area.y, right, &Printable::text("("), style);
    let x = canvas.put(x, area.y, right, &args(&step, room.max(LEAST_ARGS), beside, look.marks.ellipsis), style);
    let x = canvas.put(
        x,
        area.y,
        right,
        &result.truncate(usize::from(right.saturating_sub(x)), look.marks.ellipsis),
        style,
    );
    // In its column, unless it needs room from the left, or the call does.
    let x = columns.remark.min(right.saturating_sub(width)).max(x + 2);
    if right.saturating_sub(x) >= width.min(LEAST_REMARK) {
        canvas.put(x, area.y, right, &fitting(&step.meaning, x, right, look.marks.ellipsis), look.dim);
    }
}

/// The arguments in at most so many columns. Of an option, its layer says least: it goes first, where the remark has no
/// room `beside` it.
fn args(step: &Step, columns: usize, beside: usize, ellipsis: &'static str) -> Printable {
    let whole = Printable::text(&step.args);
    match step.args.split_once(", ") {
        Some((_, rest)) if step.name.ends_with("sockopt") && whole.width() > columns.min(beside) => {
            Printable::text(&format!("{ellipsis}, {rest}")).truncate(columns, ellipsis)
        }
        _ => whole.truncate(columns, ellipsis),
    }
}

fn fitting(text: &str, x: u16, right: u16, ellipsis: &'static str) -> Printable {
    Printable::text(text).truncate(usize::from(right.saturating_sub(x)), ellipsis)
}
