//! How the messages of a framed stream lie in the row that is inspected: in words, and as bounds in the dump.

use std::ops::Range;

use ratatui::layout::Rect;

use crate::log::Row;
use crate::log::messages::Division;
use crate::ui::Ui;
use crate::ui::panes::grouped;
use crate::ui::widgets::hexdump::Hexdump;

/// What is told above the dump; none for a row that is of no framed stream.
pub(super) fn note(ui: &Ui, row: &Row) -> Option<String> {
    let messages = &ui.bench.messages;
    let framing = messages.framing(row)?;
    Some(format!("{framing}: {}", words(&messages.division(row, 0..0, &ui.bench.store)?)))
}

fn words(division: &Division) -> String {
    let bytes = |count: u32| if count == 1 { "1 byte".to_owned() } else { format!("{} bytes", grouped(count)) };
    let so_far = match division.missing {
        Some(missing) => format!("{} of {}", grouped(division.open), bytes(division.open.saturating_add(missing))),
        None => bytes(division.open),
    };
    let before = bytes(division.before);
    let mut text = match (division.ends, division.before) {
        (0, 0) => return format!("no message ends here; {so_far} of one have come"),
        (0, _) => return format!("no message ends here; {so_far} of one have come, {before} of them before"),
        (1, 0) => "1 message ends here".to_owned(),
        (1, _) => format!("1 message ends here, begun {before} before"),
        (count, 0) => format!("{} messages end here", grouped(count)),
        (count, _) => format!("{} messages end here, the first begun {before} before", grouped(count)),
    };
    if division.incomplete {
        text.push_str("; the stream ended within the last");
    } else if division.open > 0 {
        text = format!("{text}; then {so_far} of another");
    }
    text
}

/// Where messages end among the bytes in sight.
pub(super) fn bounds(ui: &Ui, row: &Row, area: Rect, scroll: usize) -> Vec<usize> {
    let per_row = Hexdump::per_row(area.width);
    let in_sight = Range {
        start: u32::try_from(scroll.saturating_mul(per_row)).unwrap_or(u32::MAX),
        end: u32::try_from((scroll + usize::from(area.height)).saturating_mul(per_row)).unwrap_or(u32::MAX),
    };
    let division = ui.bench.messages.division(row, in_sight, &ui.bench.store);
    division.into_iter().flat_map(|division| division.bounds).map(|at| at as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_and_what_goes_on() {
        let division = |before, ends, open, missing, incomplete| {
            words(&Division { before, ends, open, missing, incomplete, bounds: Vec::new() })
        };
        for (told, wanted) in [
            (division(0, 0, 12, Some(28), false), "no message ends here; 12 of 40 bytes of one have come"),
            (
                division(4, 0, 1204, None, false),
                "no message ends here; 1,204 bytes of one have come, 4 bytes of them before",
            ),
            (division(0, 1, 0, None, false), "1 message ends here"),
            (
                division(1, 3, 12, Some(28), false),
                "3 messages end here, the first begun 1 byte before; then 12 of 40 bytes of another",
            ),
            (division(0, 2, 0, None, true), "2 messages end here; the stream ended within the last"),
        ] {
            assert_eq!(told, wanted);
        }
    }
}
