//! Two messages compared: the one that was pinned and the one under the log's cursor, byte under byte.
//!
//! Owns which message is pinned, and the difference that is shown. It never changes the log.

use std::time::{Duration, Instant};

use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::log::difference::{COMPARED, Difference, difference};
use crate::log::sanitise::Printable;
use crate::log::{Row, Spot};
use crate::ui::canvas::Canvas;
use crate::ui::figures::grouped;
use crate::ui::widgets::paragraph::put_wrapped;
use crate::ui::{Pane, Ui};

/// The longest that comparing may hold up the screen.
const DEADLINE: Duration = Duration::from_millis(4);

#[derive(Debug, Default)]
pub(in crate::ui) struct Comparison {
    pinned: Option<Spot>,
    /// With which message the pinned one was compared last, and what came of it.
    found: Option<(Spot, Difference)>,
    scroll: usize,
}

impl Comparison {
    /// The message that others are compared with.
    pub(in crate::ui) const fn pinned(&self) -> Option<Spot> {
        self.pinned
    }

    /// True where a line is compared: any but the pinned one itself.
    pub(super) fn is_of(&self, spot: Spot) -> bool {
        self.pinned.is_some_and(|pinned| pinned != spot)
    }

    pub(super) fn scroll_by(&mut self, rows: isize) {
        self.scroll = self.scroll.saturating_add_signed(rows);
    }
}

/// Pins the message under the log's cursor, or ends the comparison where that is the pinned one.
pub(in crate::ui) fn toggle(ui: &mut Ui) {
    let Some((row, spot)) = ui.bench.current_line() else { return };
    if ui.inspector.comparison.pinned == Some(spot) {
        end(ui);
        return;
    }
    ui.inspector.comparison = Comparison { pinned: Some(spot), ..Comparison::default() };
    super::show_bytes(ui);
    ui.tell_good(format!(
        "Message {} is compared with those that you go to; = on it or Esc ends that.",
        name(ui, &row, spot)
    ));
}

/// Ends the comparison, with the focus in the log or the inspector; false where there was none to end.
pub(in crate::ui) fn end(ui: &mut Ui) -> bool {
    matches!(ui.focus, Pane::Log | Pane::Inspector) && std::mem::take(&mut ui.inspector.comparison).pinned.is_some()
}

/// One place of the rows: a byte of each message, or of one of them.
#[derive(Clone, Copy)]
struct Place {
    old: Option<u8>,
    new: Option<u8>,
    same: bool,
}

/// The number of a row, and with a stroke that of its message where it is not the only one.
fn name(ui: &Ui, row: &Row, spot: Spot) -> String {
    match ui.bench.message(row, spot).filter(|_| ui.bench.lines_of(row).len() > 1) {
        Some(_) => format!("{}/{}", grouped(row.seq), grouped(spot.message + 1)),
        None => grouped(row.seq),
    }
}

pub(super) fn render(ui: &mut Ui, canvas: &mut Canvas<'_>, area: Rect, row: &Row, spot: Spot) {
    let Some(pinned) = ui.inspector.comparison.pinned else { return };
    let look = &ui.look;
    let Some(old_row) = ui.bench.store.row(pinned.seq) else {
        put_wrapped(
            canvas,
            area,
            &Printable::text("The message that was pinned is no longer in the log."),
            look.warning,
        );
        return;
    };
    let (old, new) = (ui.bench.payload(&old_row, pinned), ui.bench.payload(row, spot));
    let pinned = name(ui, &old_row, pinned);
    let comparison = &mut ui.inspector.comparison;
    if comparison.found.as_ref().is_none_or(|(with, _)| *with != spot) {
        comparison.found = Some((spot, difference(&old, &new, Instant::now() + DEADLINE)));
        comparison.scroll = 0;
    }
    let Some((_, found)) = &comparison.found else { return };
    let beside = [16, 8].into_iter().find(|per_row| 2 * width(*per_row) + 2 <= area.width);
    let side = if beside.is_some() { "left" } else { "above" };
    let head = headline(found, &pinned, side, [old.len(), new.len()]);
    let used = put_wrapped(canvas, area, &Printable::text(&head), look.title);
    let area = Rect { y: area.y + used, height: area.height.saturating_sub(used), ..area };
    let places = places(found, &old, &new);
    let per_row = beside.unwrap_or(if width(16) <= area.width { 16 } else { 8 });
    let lines = Lines { places: &places, per_row, beside: beside.is_some() };
    let height = usize::from(area.height);
    let scroll = comparison.scroll.min(lines.count().saturating_sub(height));
    comparison.scroll = scroll;
    lines.render(ui, canvas, area, scroll);
}

/// `against seq 12 (left): 3 ~changed, 2 +inserted, 1 -removed bytes`
fn headline(found: &Difference, pinned: &str, side: &str, lens: [usize; 2]) -> String {
    let counted = [(found.changed, "~changed"), (found.inserted, "+inserted"), (found.removed, "-removed")];
    let counts: Vec<_> = counted
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{} {word}", grouped(*count)))
        .collect();
    let counts = if counts.is_empty() { "no difference".to_owned() } else { format!("{} bytes", counts.join(", ")) };
    let some = if lens.iter().any(|len| *len > COMPARED) { " in the first 16 KiB" } else { "" };
    format!("against seq {pinned} ({side}): {counts}{some}")
}

fn places(found: &Difference, old: &[u8], new: &[u8]) -> Vec<Place> {
    let mut places = Vec::new();
    for stretch in &found.stretches {
        let (old, new) = (&old[stretch.old.clone()], &new[stretch.new.clone()]);
        places.extend((0..old.len().max(new.len())).map(|at| Place {
            old: old.get(at).copied(),
            new: new.get(at).copied(),
            same: stretch.same,
        }));
    }
    places
}

/// The columns of one side: an offset, each byte with its mark, and the text.
fn width(per_row: u16) -> u16 {
    4 + 1 + 3 * per_row + 1 + per_row
}

struct Lines<'a> {
    places: &'a [Place],
    per_row: u16,
    beside: bool,
}

impl Lines<'_> {
    /// The rows that all places take, of which a row that is the same in both takes only one.
    fn count(&self) -> usize {
        self.chunks().map(|places| self.height(places)).sum()
    }

    fn chunks(&self) -> std::slice::Chunks<'_, Place> {
        self.places.chunks(usize::from(self.per_row))
    }

    fn height(&self, places: &[Place]) -> usize {
        if self.beside || places.iter().all(|place| place.same) { 1 } else { 2 }
    }

    fn render(&self, ui: &Ui, canvas: &mut Canvas<'_>, area: Rect, scroll: usize) {
        let (mut y, mut offsets) = (0, [0, 0]);
        for places in self.chunks() {
            let height = self.height(places);
            let mut side = |row: usize, x: u16, which: usize| {
                let line = row.checked_sub(scroll).and_then(|line| u16::try_from(line).ok());
                if let Some(line) = line.filter(|line| *line < area.height) {
                    let at = Rect { x, y: area.y + line, width: area.right().saturating_sub(x), height: 1 };
                    render_side(ui, canvas, at, places, self.per_row, offsets[which], which);
                }
            };
            if y + height > scroll {
                if self.beside {
                    side(y, area.x, 0);
                    side(y, area.x + width(self.per_row) + 2, 1);
                } else {
                    if height == 2 {
                        side(y, area.x, 0);
                    }
                    side(y + height - 1, area.x, 1);
                }
            }
            offsets[0] += places.iter().filter(|place| place.old.is_some()).count();
            offsets[1] += places.iter().filter(|place| place.new.is_some()).count();
            y += height;
            if y >= scroll + usize::from(area.height) {
                break;
            }
        }
    }
}

/// One side of a row: each byte with a mark before it, which says what became of it.
fn render_side(
    ui: &Ui,
    canvas: &mut Canvas<'_>,
    at: Rect,
    places: &[Place],
    per_row: u16,
    offset: usize,
    which: usize,
) {
    let look = &ui.look;
    let mut put = |x: u16, text: &str, style: Style| {
        canvas.put(x, at.y, at.right(), &Printable::text(text), style);
    };
    put(at.x, &format!("{offset:04x}"), look.dim);
    for (index, place) in (0..per_row).zip(places) {
        let (own, other) = if which == 0 { (place.old, place.new) } else { (place.new, place.old) };
        let Some(byte) = own else { continue };
        let (mark, style) = match other {
            _ if place.same => (" ", look.dim),
            Some(_) => ("~", look.warning.add_modifier(Modifier::BOLD)),
            None if which == 0 => ("-", look.error.add_modifier(Modifier::BOLD)),
            None => ("+", look.good.add_modifier(Modifier::BOLD)),
        };
        put(at.x + 5 + 3 * index, &format!("{mark}{byte:02x}"), style);
        let glyph = if byte == b' ' || byte.is_ascii_graphic() { char::from(byte) } else { '.' };
        put(at.x + 5 + 3 * per_row + 1 + index, glyph.encode_utf8(&mut [0; 4]), style);
    }
}
