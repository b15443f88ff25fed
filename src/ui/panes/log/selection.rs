//! The lines that are selected in the log: those from where the selection began to the cursor.

use std::ops::{Range, RangeInclusive};

use crate::log::Spot;
use crate::ui::Ui;
use crate::ui::figures::grouped;

/// So many rows at most are looked at to tell how many lines are selected.
const COUNTED: usize = 4096;

/// Begins a selection at the cursor, or ends the one that there is.
pub(super) fn toggle(ui: &mut Ui) {
    if !clear(ui) {
        ui.log.selected_from = ui.bench.view.cursor();
        ui.bench.view.hold();
    }
}

/// Ends the selection; false where there is none.
pub(in crate::ui) const fn clear(ui: &mut Ui) -> bool {
    ui.log.selected_from.take().is_some()
}

/// From the first of the selected lines to the last; those that the view does not show are not selected.
pub(in crate::ui) fn range(ui: &Ui) -> Option<RangeInclusive<Spot>> {
    let (from, cursor) = (ui.log.selected_from?, ui.bench.view.cursor()?);
    Some(from.min(cursor)..=from.max(cursor))
}

/// The sequence numbers of the rows that selected lines are of.
pub(in crate::ui) fn rows(ui: &Ui) -> Option<Range<u64>> {
    range(ui).map(|range| range.start().seq..range.end().seq + 1)
}

/// How many lines are selected, or how many rows where counting lines would take long.
pub(in crate::ui) fn len(ui: &Ui) -> usize {
    let view = &ui.bench.view;
    let lines = range(ui).and_then(|range| view.count_lines(*range.start(), *range.end(), COUNTED));
    lines.or_else(|| Some(view.count_in(rows(ui)?))).unwrap_or(0)
}

/// How many are selected, in words; none where none is.
pub(super) fn words(ui: &Ui) -> Option<String> {
    let (range, view) = (range(ui)?, &ui.bench.view);
    Some(match view.count_lines(*range.start(), *range.end(), COUNTED) {
        Some(lines) => format!("{} selected", grouped(lines)),
        None => format!("{} rows selected", grouped(len(ui))),
    })
}

/// The mouse was moved over this line of the screen with its button down, since it was pressed in the log.
pub(in crate::ui) fn drag(ui: &mut Ui, y: u16) {
    let rows = ui.log.rows;
    if rows.is_empty() {
        return;
    }
    let y = y.clamp(rows.y, rows.bottom() - 1);
    let at = usize::from((y - rows.y) / ui.log.row_height.max(1));
    let Some(line) = ui.log.window.get(at).or(ui.log.window.last()).copied() else { return };
    if ui.bench.view.cursor() == Some(line.spot) {
        return;
    }
    if ui.log.selected_from.is_none() {
        toggle(ui);
    }
    ui.bench.view.move_to(line.spot);
}
