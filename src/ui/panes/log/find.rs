//! Find in the log: from one match to the next, how far the search has come, and where the matches are on the screen.

use std::ops::Range;

use ratatui::layout::Rect;

use crate::encoding::Reading;
use crate::log::sanitise::Printable;
use crate::log::{Find, Needle, Spot};
use crate::ui::Ui;
use crate::ui::canvas::Canvas;
use crate::ui::figures::grouped;
use crate::ui::notice::Notice;
use crate::ui::overlays::find::FindLine;
use crate::ui::theme::Look;

/// So many bytes of a message are searched for what is highlighted in its preview.
pub(super) const PREVIEWED: usize = 8192;

/// The columns that what is looked for has in the title.
const TITLED: usize = 24;

/// Before all lines, and behind them.
const FIRST: Spot = Spot::row(0);
const LAST: Spot = Spot::row(u64::MAX);

/// Where the cursor is to go as soon as the match is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ui) enum Jump {
    /// To the first match from this line on, or else to the first of all.
    From(Spot),
    /// To the last match of all.
    Newest,
}

pub(in crate::ui) fn open(ui: &mut Ui) {
    let line = FindLine::new(ui);
    ui.overlays.push(Box::new(line));
}

/// Looks for another needle, or for none.
pub(in crate::ui) fn look_for(ui: &mut Ui, text: &str, needle: Option<Needle>, jump: Option<Jump>) {
    ui.bench.find = needle.map(|needle| Find::new(text, needle));
    ui.log.jump = jump;
    work(ui);
}

/// Searches on for some milliseconds, and moves the cursor once it is known where to; true while there is more.
pub(in crate::ui) fn work(ui: &mut Ui) -> bool {
    let more = ui.bench.search();
    let Some(find) = &ui.bench.find else { return false };
    let view = &ui.bench.view;
    let target = match ui.log.jump {
        None => return more,
        Some(Jump::From(spot)) => {
            find.at_or_after(spot, view).or_else(|| find.at_or_after(FIRST, view).filter(|_| !more))
        }
        Some(Jump::Newest) => find.before(LAST, view).filter(|_| !more),
    };
    if target.is_some() || !more {
        ui.log.jump = None;
    }
    if let Some(spot) = target {
        ui.bench.view.hold_at(spot);
    }
    more
}

pub(in crate::ui) fn some_find(ui: &Ui) -> Result<(), &'static str> {
    if ui.bench.find.is_some() { Ok(()) } else { Err("nothing is looked for; f finds") }
}

pub(in crate::ui) fn next(ui: &mut Ui) {
    let cursor = ui.bench.view.cursor().unwrap_or_default();
    let after = Spot { message: cursor.message + 1, ..cursor };
    let Some(find) = &ui.bench.find else { return };
    let view = &ui.bench.view;
    let more = !ui.bench.is_searched();
    match (find.at_or_after(after, view), find.at_or_after(FIRST, view)) {
        (Some(spot), _) => ui.bench.view.hold_at(spot),
        _ if more => {
            ui.log.jump = Some(Jump::From(after));
            ui.tell(Notice::warning("None further so far; the search goes on."));
        }
        (None, Some(first)) => wrap(ui, cursor, first, "That was the last one; on from the first."),
        (None, None) => none(ui),
    }
}

pub(in crate::ui) fn previous(ui: &mut Ui) {
    let cursor = ui.bench.view.cursor().unwrap_or_default();
    let Some(find) = &ui.bench.find else { return };
    let view = &ui.bench.view;
    match (find.before(cursor, view), find.before(LAST, view)) {
        (Some(spot), _) => ui.bench.view.hold_at(spot),
        _ if !ui.bench.is_searched() => {
            ui.tell(Notice::warning("None before this row so far; the search goes on."));
        }
        (None, Some(last)) => wrap(ui, cursor, last, "That was the first one; on from the last."),
        (None, None) => none(ui),
    }
}

fn wrap(ui: &mut Ui, cursor: Spot, spot: Spot, why: &str) {
    ui.tell(Notice::warning(if spot == cursor { "This is the only one." } else { why }));
    ui.bench.view.hold_at(spot);
}

fn none(ui: &mut Ui) {
    let Some(find) = &ui.bench.find else { return };
    let hidden = find.standing(&ui.bench.view).hidden;
    let text = if hidden > 0 {
        format!("No row that is shown has {}; {} that are hidden do.", find.text(), grouped(hidden))
    } else {
        format!("No row has {}.", find.text())
    };
    ui.tell(Notice::warning(text));
}

/// How the view stands to the matches: `3/120 · 45 %`.
pub(in crate::ui) fn standing(ui: &Ui) -> Option<String> {
    let find = ui.bench.find.as_ref()?;
    let standing = find.standing(&ui.bench.view);
    let dot = ui.look.marks.dot;
    let mut text = grouped(standing.shown);
    if standing.at_cursor {
        text = format!("{}/{text}", grouped(standing.up_to_cursor));
    }
    if standing.in_messages {
        text.push_str(" rows");
    }
    if standing.hidden > 0 {
        text = format!("{text} +{} hidden", grouped(standing.hidden));
    }
    if !ui.bench.is_searched() {
        text = format!("{text} {dot} {} %", ui.bench.percent_of(find.searched()));
    }
    Some(text)
}

/// What the title of the log says of it: `find "x" 3/120 · 45 %`.
pub(super) fn title(ui: &Ui) -> Option<String> {
    let text = Printable::text(ui.bench.find.as_ref()?.text()).truncate(TITLED, ui.look.marks.ellipsis);
    let text = text.as_str();
    let is_plain = !(text.starts_with(['/', '"']) || text.starts_with("hex:"));
    let quote = if is_plain { "\"" } else { "" };
    Some(format!("find {quote}{text}{quote} {}", standing(ui)?))
}

/// The places of the matches in the bytes of a message that are shown as text in a line.
pub(super) fn in_text(ui: &Ui, spot: Spot, bytes: &[u8], reading: &Reading, line: Rect) -> Vec<Rect> {
    let Some(find) = ui.bench.find.as_ref().filter(|find| find.is_in(spot)) else { return Vec::new() };
    let bytes = &bytes[..bytes.len().min(PREVIEWED)];
    let column = |at: usize| Printable::read_up_to(&bytes[..at], reading, usize::from(line.width) + 1).width();
    within(find.needle().places_in_text(bytes, reading).into_iter(), line, column)
}

/// The places of the matches in the bytes of a message that are shown as pairs of hex digits in a line.
pub(super) fn in_hex(ui: &Ui, spot: Spot, bytes: &[u8], reading: &Reading, line: Rect) -> Vec<Rect> {
    let Some(find) = ui.bench.find.as_ref().filter(|find| find.is_in(spot)) else { return Vec::new() };
    let places = find.needle().places_in_text(&bytes[..bytes.len().min(PREVIEWED)], reading);
    let places = places.into_iter().filter(|place| !place.is_empty());
    within(places.map(|place| 3 * place.start..3 * place.end - 1), line, |column| column)
}

/// The places of the matches in what a row without a message tells in a line.
pub(super) fn in_sentence(ui: &Ui, seq: u64, text: &str, line: Rect) -> Vec<Rect> {
    let Some(find) = ui.bench.find.as_ref().filter(|find| find.contains(seq)) else { return Vec::new() };
    let column = |at: usize| Printable::text(text.get(..at).unwrap_or_default()).width();
    within(find.needle().find_iter(text.as_bytes()), line, column)
}

/// Where the matches are that are in sight.
fn within(places: impl Iterator<Item = Range<usize>>, line: Rect, column: impl Fn(usize) -> usize) -> Vec<Rect> {
    let column = |at: usize| u16::try_from(column(at)).unwrap_or(u16::MAX).min(line.width);
    places
        .filter(|place| !place.is_empty())
        .map(|place| (column(place.start), place.end))
        .take_while(|(start, _)| *start < line.width)
        .map(|(start, end)| Rect { x: line.x + start, width: column(end) - start, height: 1, ..line })
        .collect()
}

/// Marks what was found.
pub(super) fn mark(canvas: &mut Canvas<'_>, look: &Look, found: &[Rect]) {
    for place in found {
        canvas.style(*place, look.found);
    }
}
