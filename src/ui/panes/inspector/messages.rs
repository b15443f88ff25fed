//! How the messages of a framed stream lie in the rows that they were received in: in words, and as bounds in the dump.

use std::fmt::Write as _;
use std::ops::Range;

use ratatui::layout::Rect;

use super::row_in_words;
use super::subject::Subject;
use crate::framing::Ending;
use crate::log::messages::{Division, Piece};
use crate::log::{Message, Spot};
use crate::ui::Ui;
use crate::ui::figures::grouped;
use crate::ui::widgets::hexdump::Hexdump;

/// What is told above the dump; none for a row that is of no framed stream.
pub(super) fn note(ui: &Ui, subject: &Subject) -> Option<String> {
    let (messages, row) = (&ui.bench.messages, &subject.row);
    let framing = messages.framing(row)?;
    let words = match &subject.message {
        Some(message) => {
            let key = ui.keymap.key_of("whole-row").unwrap_or_default();
            let count = messages.count(row).unwrap_or(0);
            format!("{}; {key} shows the row", of_message(ui, message, subject.spot, count))
        }
        None => words(&messages.division(row, 0..0, &ui.bench.store)?),
    };
    Some(format!("{framing}: {words}"))
}

fn of_message(ui: &Ui, message: &Message, spot: Spot, count: u32) -> String {
    let mut text = match count {
        1 => "the message that ends in this recv".to_owned(),
        _ => format!("message {} of {} that end in this recv", grouped(spot.message + 1), grouped(count)),
    };
    if message.rows > 1 {
        let _ = write!(text, ", in {} parts", grouped(message.rows));
        if let Some(first) = message.pieces.first().filter(|first| first.seq != spot.seq) {
            let _ = write!(text, " from {} on", row_in_words(ui, first.seq));
        }
    }
    if message.continues {
        text.push_str("; it goes on with one that was cut");
    }
    if message.headless {
        text.push_str("; where it begins is not known");
    }
    match message.ending {
        Ending::Whole => {}
        Ending::Cut => text.push_str("; cut, it goes on in the next"),
        Ending::Incomplete => text.push_str("; incomplete, the stream ended within it"),
        Ending::Impossible => text.push_str("; its field tells a length that can't be"),
    }
    text
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

/// Where messages of a row end among the bytes in sight, or where what came with one `recv` of a message does.
pub(super) fn bounds(ui: &Ui, subject: &Subject, area: Rect, scroll: usize) -> Vec<usize> {
    if let Some(message) = &subject.message {
        return parts(&message.pieces);
    }
    let per_row = Hexdump::per_row(area.width);
    let in_sight = Range {
        start: u32::try_from(scroll.saturating_mul(per_row)).unwrap_or(u32::MAX),
        end: u32::try_from((scroll + usize::from(area.height)).saturating_mul(per_row)).unwrap_or(u32::MAX),
    };
    let division = ui.bench.messages.division(&subject.row, in_sight, &ui.bench.store);
    division.into_iter().flat_map(|division| division.bounds).map(|at| at as usize).collect()
}

/// Where the bytes of one row end and those of the next begin.
fn parts(pieces: &[Piece]) -> Vec<usize> {
    let (mut bounds, mut at) = (Vec::new(), 0);
    for (piece, next) in pieces.iter().zip(pieces.iter().skip(1)) {
        at += (piece.bytes.end - piece.bytes.start) as usize;
        bounds.extend((piece.seq != next.seq).then_some(at));
    }
    bounds
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
