//! The lines of framed streams: a message each, or how much of one a `recv` brought.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::find;
use super::line::Columns;
use super::preview::{self, Previewed};
use crate::encoding::Reading;
use crate::log::messages::Division;
use crate::log::sanitise::Printable;
use crate::log::{Kind, Line, Message, Row, Spot, stream};
use crate::ui::Ui;
use crate::ui::bench::lines::Shown;
use crate::ui::canvas::Canvas;
use crate::ui::figures::grouped;

/// From how many columns of a preview on there is room to say what a number is.
const WIDE: u16 = 40;

/// The mark of a line, which ties those of one `recv` together, and its style.
pub(super) fn mark_of(ui: &Ui, shown: &Shown, at: &Line) -> (&'static str, Style) {
    let (look, marks) = (&ui.look, ui.look.marks);
    match shown {
        Shown::Open(_) => (marks.received, look.dim),
        _ if at.above == 0 => (marks.received, look.received),
        _ if at.below == 0 => (marks.received_last, look.received),
        _ => (marks.received_with, look.received),
    }
}

/// The length that a line tells, in bytes.
pub(super) fn len(row: &Row, shown: &Shown) -> u64 {
    match shown {
        Shown::Message(message) => message.len(),
        Shown::Row | Shown::Open(_) => u64::from(row.len),
    }
}

/// Draws what a line shows of a message's row; gives the places of what was looked for in it.
pub(super) fn render(
    ui: &Ui,
    canvas: &mut Canvas<'_>,
    area: Rect,
    columns: &Columns,
    row: &Row,
    spot: Spot,
    shown: &Shown,
) -> Vec<Rect> {
    let style = if row.kind == Kind::Sent { ui.look.sent } else { ui.look.received };
    match shown {
        Shown::Row => {
            let reading = stream::reading(row, &ui.bench.store, &ui.bench.roster);
            let bytes = Previewed { spot, bytes: &ui.bench.store.bytes(row), reading, style };
            preview::render(ui, canvas, area, columns, &bytes)
        }
        Shown::Message(message) => {
            let x = render_flags(ui, canvas, area, message);
            let end = render_rest(ui, canvas, area, row, spot);
            let place = Rect { x, width: end.saturating_sub(x), ..area };
            let bytes = message.bytes(&ui.bench.store, find::PREVIEWED);
            let reading = Reading::alone(ui.bench.roster.encoding(row.socket));
            preview::render(ui, canvas, place, columns, &Previewed { spot, bytes: &bytes, reading, style })
        }
        Shown::Open(division) => {
            let text = format!("{} {}", ui.look.marks.split, so_far(division));
            let text = Printable::text(&text).truncate(usize::from(area.width), ui.look.marks.ellipsis);
            canvas.put(area.x, area.y, area.right(), &text, ui.look.dim);
            Vec::new()
        }
    }
}

/// Draws what stands before a message's bytes: over how many rows it came, and how it ends; gives where to go on.
fn render_flags(ui: &Ui, canvas: &mut Canvas<'_>, area: Rect, message: &Message) -> u16 {
    let look = &ui.look;
    let (mut x, right) = (area.x, area.right());
    if message.rows > 1 {
        let word = if right.saturating_sub(x) >= WIDE { " recv" } else { "" };
        let text = format!("{}{}{word} ", look.marks.split, grouped(message.rows));
        x = canvas.put(x, area.y, right, &Printable::text(&text), look.dim);
    }
    if let Some(mark) = message.ending.mark() {
        x = canvas.put(x, area.y, right, &Printable::text(&format!("{mark} ")), look.error);
    }
    x
}

/// Draws, behind the last message that ends in a row, how much of the next came with it; gives where that begins.
fn render_rest(ui: &Ui, canvas: &mut Canvas<'_>, area: Rect, row: &Row, spot: Spot) -> u16 {
    let messages = &ui.bench.messages;
    let is_last = messages.count(row) == Some(spot.message + 1);
    let division = if is_last { messages.division(row, 0..0, &ui.bench.store) } else { None };
    let Some(open) = division.map(|division| division.open).filter(|open| *open > 0) else { return area.right() };
    let word = if area.width >= WIDE { " of the next" } else { "" };
    let text = Printable::text(&format!(" {}+{}{word}", ui.look.marks.split, grouped(open)));
    let x = area.right().saturating_sub(u16::try_from(text.width()).unwrap_or(u16::MAX)).max(area.x);
    canvas.put(x, area.y, area.right(), &text, ui.look.dim);
    x
}

/// How much there is of it by now; how much of that is new the row's length tells.
fn so_far(division: &Division) -> String {
    let open = grouped(division.open);
    match division.missing {
        Some(missing) => format!("{open} of {} bytes of a message", grouped(division.open.saturating_add(missing))),
        None => format!("{open} bytes of a message so far"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_of_a_message_is_told_with_its_length_where_that_is_known() {
        let told = |open, missing| {
            so_far(&Division { before: 0, ends: 0, open, missing, incomplete: false, bounds: Vec::new() })
        };
        assert_eq!(told(1472, Some(3000)), "1,472 of 4,472 bytes of a message");
        assert_eq!(told(17, None), "17 bytes of a message so far");
    }
}
