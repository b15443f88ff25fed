//! What was looked for, in the bytes of the row that is inspected.

use std::ops::Range;

use ratatui::layout::Rect;

use crate::log::Row;
use crate::ui::Ui;
use crate::ui::widgets::hexdump::Hexdump;

/// So many bytes around those in sight are searched: a match may begin before them.
const AROUND: usize = 4096;

/// Scrolls to the first match of a row that was not shown before, if it would be out of sight.
pub(super) fn scroll_to_first(ui: &mut Ui, row: &Row, area: Rect) {
    let Some(find) = ui.bench.find.as_ref().filter(|find| find.contains(row.seq)) else { return };
    let first = find.needle().find_iter(&ui.bench.store.bytes(row)).next();
    if let Some(first) = first {
        let line = first.start / Hexdump::per_row(area.width);
        if line >= usize::from(area.height) {
            // The line before it shows what leads there.
            ui.inspector.scroll = line - 1;
        }
    }
}

/// Where the matches are among the bytes in sight.
pub(super) fn in_sight(ui: &Ui, bytes: &[u8], area: Rect) -> Vec<Range<usize>> {
    let Some(find) = &ui.bench.find else { return Vec::new() };
    let per_row = Hexdump::per_row(area.width);
    let start = (ui.inspector.scroll * per_row).saturating_sub(AROUND);
    let end = ((ui.inspector.scroll + usize::from(area.height)) * per_row + AROUND).min(bytes.len());
    let places = find.needle().find_iter(bytes.get(start..end).unwrap_or_default());
    places.filter(|place| !place.is_empty()).map(|place| place.start + start..place.end + start).collect()
}
