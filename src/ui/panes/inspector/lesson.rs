//! What a step of a socket's life teaches: the explanation, and the same step in three languages.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::dump_styles;
use crate::contract::Fact;
use crate::log::sanitise::Printable;
use crate::log::timeline::{Step, lesson, step};
use crate::log::{Row, sentence, stream};
use crate::ui::Ui;
use crate::ui::canvas::Canvas;
use crate::ui::overlays::rules;
use crate::ui::widgets::hexdump::Hexdump;
use crate::ui::widgets::paragraph::{put_wrapped, wrapped_lines};

/// How many rows of a message's bytes stand above its lesson.
const BYTES_ABOVE: u16 = 2;

/// The columns of a language's name where it stands beside its code.
const GUTTER: u16 = 8;

/// From this width on the languages' names stand beside the code, and else above it.
const WIDE: u16 = 60;

/// One line of a lesson.
struct Line {
    /// The language, in the first line of its code.
    head: &'static str,
    text: Printable,
    style: Style,
    indent: u16,
}

/// Draws what a row of a socket's life tells and teaches: the error or the remark in full, or a message's first bytes;
/// below that the lesson, which scrolls.
pub(super) fn render(ui: &mut Ui, canvas: &mut Canvas<'_>, area: Rect, row: &Row) {
    let store = &ui.bench.store;
    let used = match store.fact(row) {
        Some(Fact::Failed(error)) => put_wrapped(canvas, area, &Printable::text(&error.to_string()), ui.look.error),
        Some(fact @ (Fact::Rule { .. } | Fact::Note { .. } | Fact::Lost { .. })) => {
            let told = Printable::text(&sentence(row, &fact, store, &ui.bench.roster));
            let used = put_wrapped(canvas, area, &told, ui.look.text);
            let below = Rect { y: area.y + used, height: area.height - used, ..area };
            match &fact {
                Fact::Rule { name, .. } => {
                    used + put_wrapped(canvas, below, &Printable::text(&rules::about(ui, name)), ui.look.dim)
                }
                _ => used,
            }
        }
        _ if row.len > 0 => {
            let bytes = store.bytes(row);
            let height = area.height.min(BYTES_ABOVE);
            let reading = stream::reading(row, store, &ui.bench.roster);
            let dump =
                Hexdump { bytes: &bytes, scroll: 0, selection: None, found: Vec::new(), bounds: Vec::new(), reading };
            dump.render(canvas, Rect { height, ..area }, &dump_styles(ui));
            height.min(u16::try_from(Hexdump::rows(area.width, bytes.len())).unwrap_or(u16::MAX))
        }
        _ => 0,
    };
    let gap = u16::from(used > 0).min(area.height - used);
    let area = Rect { y: area.y + used + gap, height: area.height - used - gap, ..area };
    let Some(step) = step(row, store, &ui.bench.roster) else { return };
    let lines = lines(ui, &step, area.width);
    let most = lines.len().saturating_sub(usize::from(area.height));
    ui.inspector.scroll = ui.inspector.scroll.min(most);
    for (y, line) in (area.y..area.bottom()).zip(&lines[ui.inspector.scroll..]) {
        canvas.put(area.x, y, area.right(), &Printable::text(line.head), ui.look.title);
        canvas.put(area.x + line.indent, y, area.right(), &line.text, line.style);
    }
}

fn lines(ui: &Ui, step: &Step, width: u16) -> Vec<Line> {
    let lesson = lesson(step);
    let blank = || Line { head: "", text: Printable::text(""), style: ui.look.text, indent: 0 };
    let mut lines: Vec<Line> = wrapped_lines(width, &Printable::text(&lesson.explanation))
        .into_iter()
        .map(|text| Line { text, ..blank() })
        .collect();
    let beside = width >= WIDE;
    for (at, (language, code)) in lesson.code.into_iter().enumerate() {
        if at == 0 || !beside {
            lines.push(blank());
        }
        let indent = if beside { GUTTER } else { 2 };
        let mut head = language;
        if !beside {
            lines.push(Line { head, ..blank() });
            head = "";
        }
        for code_line in code.lines() {
            for text in wrapped_lines(width.saturating_sub(indent), &Printable::text(code_line)) {
                lines.push(Line { head, text, style: ui.look.good, indent });
                head = "";
            }
        }
    }
    lines
}
