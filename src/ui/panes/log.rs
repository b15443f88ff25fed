//! The log: one line a message or a fact, filtered, followed or held still.

mod actions;
pub(in crate::ui) mod find;
mod line;
pub(in crate::ui) mod marks;
mod messages;
pub(in crate::ui) mod preview;
pub(in crate::ui) mod selection;
pub(in crate::ui) mod timeline;
pub(in crate::ui) mod times;

use std::ops::RangeInclusive;

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::frame;
use crate::log::sanitise::Printable;
use crate::log::{Line, Marks, Spot};
use crate::ui::action::named;
use crate::ui::canvas::Canvas;
use crate::ui::figures::grouped;
use crate::ui::widgets::paragraph::put_wrapped;
use crate::ui::{Pane, Ui};

use actions::some_row;
pub(in crate::ui) use actions::{ACTIONS, edit_filter, some_message};
use line::Columns;
use preview::Preview;

/// The columns of the frame that the title leaves to the widest badge, and the corners.
const BADGE_WIDTH: u16 = 19;

#[derive(Debug, Default)]
pub(in crate::ui) struct LogPane {
    preview: Preview,
    times: times::Times,
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
        None => line::render_header(ui, canvas, inside, &columns),
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
        let place = Rect { y, height: row_height, ..rows }.intersection(rows);
        times::look_back(ui, &row, inside.width);
        let found = match &timeline_columns {
            Some(columns) => {
                timeline::render_row(ui, canvas, place, columns, &row, previous);
                Vec::new()
            }
            None => line::render(ui, canvas, place, &columns, &row, at, previous),
        };
        if selected.as_ref().is_some_and(|range| range.contains(&at.spot)) {
            canvas.style(place, ui.look.selected_unfocused);
            // In the frame, where no column of a row is.
            canvas.put(area.x, y, area.x + 1, &Printable::text(ui.look.marks.chosen), ui.look.key);
        }
        if cursor == Some(at.spot) {
            let style = if ui.focus == Pane::Log { ui.look.selected } else { ui.look.selected_unfocused };
            canvas.style(place, style);
        }
        if marks::mark_of_line(ui, at).is_some() {
            // Between the time and what follows there is always a column free.
            let x = rows.x + times::TIME_WIDTH - 1;
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
            ui.buttons.extend(named(action).map(|action| (Rect { x, y, width, height: 1 }, action)));
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

fn render_empty(ui: &Ui, canvas: &mut Canvas<'_>, area: Rect, filter: &str) {
    let text = if filter.is_empty() {
        "Every byte and every step of each socket will stand here."
    } else {
        "Nothing matches the filter; Esc clears it."
    };
    let inside = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    put_wrapped(canvas, inside, &Printable::text(text), ui.look.dim);
}
