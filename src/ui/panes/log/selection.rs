//! The selection: a run of rows, from where it began to the cursor.
//!
//! Owns where it began, by its sequence number, so that it stays on its rows whatever comes, goes or is filtered out.

use std::ops::Range;

use crate::ui::Ui;

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

/// The sequence numbers from the first of the selected rows to the last; those that the view does not show are not
/// selected.
pub(in crate::ui) fn range(ui: &Ui) -> Option<Range<u64>> {
    let (from, cursor) = (ui.log.selected_from?, ui.bench.view.cursor()?);
    Some(from.min(cursor)..from.max(cursor) + 1)
}

/// How many rows are selected.
pub(in crate::ui) fn len(ui: &Ui) -> usize {
    range(ui).map_or(0, |range| ui.bench.view.count_in(range))
}

/// The mouse was moved over this line of the screen with its button down, since it was pressed in the log.
pub(in crate::ui) fn drag(ui: &mut Ui, y: u16) {
    let rows = ui.log.rows;
    if rows.is_empty() {
        return;
    }
    let Some(last) = ui.bench.view.len().checked_sub(1) else { return };
    let y = y.clamp(rows.y, rows.bottom() - 1);
    let index = (ui.log.first + usize::from((y - rows.y) / ui.log.row_height.max(1))).min(last);
    if ui.bench.view.cursor_index() == Some(index) {
        return;
    }
    if ui.log.selected_from.is_none() {
        toggle(ui);
    }
    ui.bench.view.move_to_index(index);
}
