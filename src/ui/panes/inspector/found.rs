//! What was looked for, in the bytes that are inspected.

use std::ops::Range;

use ratatui::layout::Rect;

use super::subject::Subject;
use crate::encoding::Reading;
use crate::ui::Ui;
use crate::ui::widgets::hexdump::Hexdump;

/// So many bytes around those in sight are searched: a match may begin before them.
const AROUND: usize = 4096;

/// Where the first match begins, if there is one.
pub(super) fn first(ui: &Ui, subject: &Subject, bytes: &[u8], reading: &Reading) -> Option<usize> {
    let find = ui.bench.find.as_ref().filter(|_| subject.is_found(ui))?;
    let first = if reading.encoding().is_utf8() {
        find.needle().find_iter(bytes).next()
    } else {
        find.needle().places_in_text(bytes, reading).into_iter().next()
    };
    first.map(|first| first.start)
}

/// The line to scroll to so that this match is in sight; the first one where there is none.
pub(super) fn first_line(first: Option<usize>, area: Rect) -> usize {
    let line = first.map_or(0, |first| first / Hexdump::per_row(area.width));
    // The line before it shows what leads there.
    if line >= usize::from(area.height) { line.saturating_sub(1) } else { 0 }
}

/// Where the matches are among the bytes in sight.
pub(super) fn in_sight(ui: &Ui, bytes: &[u8], reading: &Reading, area: Rect, scroll: usize) -> Vec<Range<usize>> {
    let Some(find) = &ui.bench.find else { return Vec::new() };
    let per_row = Hexdump::per_row(area.width);
    let start = (scroll * per_row).saturating_sub(AROUND);
    let end = ((scroll + usize::from(area.height)) * per_row + AROUND).min(bytes.len());
    // A character must not be read from its middle on.
    let start = if reading.encoding().is_utf8() { start } else { reading.pieces_at(bytes, start).0 };
    let own = if start == 0 { *reading } else { reading.from(bytes, start) };
    let places = find.needle().places_in_text(bytes.get(start..end).unwrap_or_default(), &own);
    places.into_iter().filter(|place| !place.is_empty()).map(|place| place.start + start..place.end + start).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_before_the_match_is_shown_where_there_is_one() {
        let line = |first, height| first_line(first, Rect::new(0, 0, 80, height));
        let row = Hexdump::per_row(80);
        assert_eq!((line(None, 4), line(Some(3 * row), 4), line(Some(9 * row), 4)), (0, 0, 8));
        // There may be no room for the dump at all.
        assert_eq!((line(Some(0), 0), line(Some(row), 0)), (0, 0));
    }
}
