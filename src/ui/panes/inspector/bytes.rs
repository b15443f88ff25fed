//! The inspector's bytes: the message under the log's cursor, a cursor of its own in it, and what the selected bytes are.
//!
//! Owns which bytes are selected, and where the dump is. It never changes the message.

use std::ops::Range;
use std::rc::Rc;

use ratatui::layout::Rect;

use super::subject::{Key, Subject};
use super::{dump_styles, found, messages, strings};
use crate::encoding::{Piece, Reading};
use crate::log::Row;
use crate::log::messages::Version;
use crate::log::sanitise::Printable;
use crate::log::values::{Value, values};
use crate::payload::{self, Mode};
use crate::ui::canvas::Canvas;
use crate::ui::figures::grouped;
use crate::ui::widgets::hexdump::Hexdump;
use crate::ui::widgets::paragraph::put_wrapped;
use crate::ui::{Effect, Pane, Ui};

/// The rows that the dump keeps before the values get any.
const ROWS_OF_DUMP: u16 = 4;

/// The columns of the values beside the dump: of a name and of two times.
const VALUES_WIDTH: u16 = 9 + 2 * 24;

/// The columns of a value's name.
const NAME_WIDTH: u16 = 9;

#[derive(Debug, Default)]
pub(super) struct BytesTab {
    /// The byte under the cursor, and of what.
    cursor: usize,
    of: Key,
    /// Where the selection began, if there is one; it ends at the cursor.
    anchor: Option<usize>,
    /// Whether moving the cursor takes the end of the selection with it.
    extending: bool,
    /// The first row of the dump that is drawn.
    scroll: usize,
    /// Whether the cursor is to be in sight.
    follow: bool,
    /// Where the dump was drawn, and how many bytes it holds.
    drawn: Rect,
    len: usize,
    /// It was not drawn yet.
    is_new: bool,
    /// The bytes of a message, which may lie in many rows, and the reading that they are of.
    gathered: Option<(Version, Rc<[u8]>)>,
}

impl BytesTab {
    /// Begins anew where something else is shown.
    fn begin(&mut self, subject: &Subject) {
        if self.of != subject.key() {
            *self = Self { of: subject.key(), drawn: self.drawn, is_new: true, ..Self::default() };
        }
        self.len = usize::try_from(subject.len()).unwrap_or(usize::MAX);
        self.cursor = self.cursor.min(self.len.saturating_sub(1));
    }

    /// The selected bytes, if there is a selection.
    fn selection(&self) -> Option<Range<usize>> {
        let anchor = self.anchor?.min(self.len.saturating_sub(1));
        Some(anchor.min(self.cursor)..(anchor.max(self.cursor) + 1).min(self.len))
    }

    fn go_to(&mut self, at: usize, extend: bool) {
        if extend || self.extending {
            self.anchor.get_or_insert(self.cursor);
        } else {
            self.anchor = None;
        }
        self.cursor = at.min(self.len.saturating_sub(1));
        self.follow = true;
    }
}

/// Shows these bytes, selected.
pub(super) fn select(ui: &mut Ui, subject: &Subject, range: &Range<usize>) {
    let tab = &mut ui.inspector.bytes;
    tab.begin(subject);
    tab.extending = false;
    tab.anchor = None;
    tab.go_to(range.start, false);
    tab.go_to(range.end.saturating_sub(1), true);
}

/// How a move of the cursor is counted.
#[derive(Clone, Copy)]
pub(super) enum By {
    /// In bytes.
    Bytes(isize),
    /// In rows of the dump.
    Rows(isize),
}

/// Moves the cursor, and with it the end of the selection where it is to be extended.
pub(super) fn move_cursor(ui: &mut Ui, by: By, extend: bool) {
    let Some(subject) = Subject::of(ui) else { return };
    let tab = &mut ui.inspector.bytes;
    tab.begin(&subject);
    let per_row = Hexdump::per_row(tab.drawn.width);
    let at = match by {
        By::Bytes(bytes) => tab.cursor.saturating_add_signed(bytes),
        By::Rows(rows) => {
            let step = per_row.saturating_mul(rows.unsigned_abs()).min(isize::MAX.cast_unsigned()).cast_signed();
            // The first and the last row keep the column.
            let at = tab.cursor.saturating_add_signed(step * rows.signum());
            if tab.cursor.checked_add_signed(step * rows.signum()).is_none() {
                tab.cursor % per_row
            } else if at >= tab.len && at / per_row > tab.len.saturating_sub(1) / per_row {
                let last = tab.len.saturating_sub(1) / per_row * per_row + tab.cursor % per_row;
                if last < tab.len { last } else { tab.len.saturating_sub(1) }
            } else {
                at
            }
        }
    };
    tab.go_to(at, extend);
}

/// Moves the dump and not the cursor, as a wheel does.
pub(super) fn scroll_by(ui: &mut Ui, rows: isize) {
    ui.inspector.bytes.scroll = ui.inspector.bytes.scroll.saturating_add_signed(rows);
}

/// Begins a selection at the cursor, or ends it.
pub(super) fn toggle_selecting(ui: &mut Ui) {
    let tab = &mut ui.inspector.bytes;
    tab.extending = !tab.extending;
    tab.anchor = tab.extending.then_some(tab.cursor);
}

/// Ends a selection; false if there was none.
pub(super) fn clear(ui: &mut Ui) -> bool {
    let tab = &mut ui.inspector.bytes;
    tab.extending = false;
    tab.anchor.take().is_some()
}

/// Puts the cursor on the byte at a cell, or with `extend` the end of the selection; false where there is none.
pub(super) fn point(ui: &mut Ui, x: u16, y: u16, extend: bool) -> bool {
    let tab = &mut ui.inspector.bytes;
    let Some(at) = Hexdump::byte_at(tab.drawn, tab.scroll, tab.len, x, y) else { return false };
    if !extend {
        tab.extending = false;
    }
    tab.go_to(at, extend);
    true
}

/// Copies the selected bytes, or the whole message: as text where they are text in the socket's encoding, else as hex.
pub(super) fn copy(ui: &mut Ui) {
    let Some(subject) = Subject::of(ui) else { return };
    ui.inspector.bytes.begin(&subject);
    let bytes = subject.bytes(ui);
    let range = ui.inspector.bytes.selection().unwrap_or(0..bytes.len());
    let text = as_copied(&bytes[range.start.min(bytes.len())..range.end.min(bytes.len())], ui, &subject.row).1;
    ui.effects.push(Effect::Copy(text));
}

/// What bytes are copied as, and the name of that.
fn as_copied(bytes: &[u8], ui: &Ui, row: &Row) -> (&'static str, String) {
    match payload::show_in(Mode::Text, bytes, ui.bench.roster.encoding(row.socket)) {
        Ok(text) => ("text", text),
        Err(_) => ("hex", payload::show(Mode::Hex, bytes).unwrap_or_default()),
    }
}

/// How far back a message is read to tell whether it ends as text does, in bytes.
const READ_BACK: usize = 64;

/// What the first and the last bytes have to do with the messages before and after; none where nothing.
pub(super) fn cut_characters(reading: &Reading, bytes: &[u8]) -> Option<String> {
    let count = |count: usize| if count == 1 { "byte".to_owned() } else { format!("{count} bytes") };
    let mut notes = Vec::new();
    match (reading.lead(), reading.ended()) {
        (0, _) => {}
        (lead, Some(c)) => notes.push(format!("the first {} end \"{c}\", begun in the message before", count(lead))),
        (lead, None) => notes.push(format!("the first {} belong to the message before", count(lead))),
    }
    let from = bytes.len().saturating_sub(READ_BACK).max(reading.lead().min(bytes.len()));
    let pieces: Vec<_> = reading.pieces_at(bytes, from).1.collect();
    // Among bytes that are no text, the last ones only look like the begin of a character.
    let is_text = |piece: &Piece| piece.chars[0].is_some() || reading.encoding().switches();
    if let Some((last, before)) = pieces.split_last()
        && last.unfinished
        && before.iter().all(is_text)
    {
        notes.push(format!("the last {} begin a character that ends in the next", count(last.len)));
    }
    let mut text = notes.join("; ");
    text = text.replace("first byte end ", "first byte ends ").replace("last byte begin ", "last byte begins ");
    text = text.replace("first byte belong ", "first byte belongs ");
    (!text.is_empty()).then_some(text)
}

pub(super) fn render(ui: &mut Ui, canvas: &mut Canvas<'_>, area: Rect, subject: &Subject) {
    ui.inspector.bytes.begin(subject);
    let row = &subject.row;
    let bytes = gathered(ui, subject);
    ui.inspector.bytes.len = bytes.len();
    let reading = subject.reading(ui);
    let mut area = area;
    let notes = [(messages::note(ui, subject), ui.look.dim), (cut_characters(&reading, &bytes), ui.look.warning)];
    for (note, style) in notes {
        let room = Rect { height: area.height.min(2), ..area };
        let used = note.map_or(0, |note| put_wrapped(canvas, room, &Printable::text(&note), style));
        area = Rect { y: area.y + used, height: area.height - used, ..area };
    }
    if bytes.is_empty() {
        canvas.put(area.x, area.y, area.right(), &Printable::text("No bytes: an empty message."), ui.look.dim);
        return;
    }
    if ui.inspector.strings.is_open() {
        strings::render(ui, canvas, area, subject, &bytes, &reading);
        return;
    }
    let is_new = std::mem::take(&mut ui.inspector.bytes.is_new);
    let found = if is_new { found::first(ui, subject, &bytes, &reading) } else { None };
    ui.inspector.bytes.cursor = found.unwrap_or(ui.inspector.bytes.cursor);
    let focused = ui.focus == Pane::Inspector;
    let selection = ui.inspector.bytes.selection();
    let mut dump = area;
    if focused || selection.is_some() {
        let shown = Shown::of(ui, row, &bytes, &reading);
        let rest;
        (dump, rest) = shown.split(area, bytes.len());
        shown.render(ui, canvas, rest);
    }
    if is_new {
        ui.inspector.bytes.scroll = found::first_line(found, dump);
    }
    let tab = &mut ui.inspector.bytes;
    tab.drawn = dump;
    let rows = Hexdump::rows(dump.width, bytes.len());
    let height = usize::from(dump.height).max(1);
    if std::mem::take(&mut tab.follow) {
        let at = tab.cursor / Hexdump::per_row(dump.width);
        tab.scroll = tab.scroll.clamp((at + 1).saturating_sub(height), at);
    }
    tab.scroll = tab.scroll.min(rows.saturating_sub(height));
    let selection = selection.or_else(|| focused.then(|| tab.cursor..tab.cursor + 1));
    let scroll = tab.scroll;
    let found = found::in_sight(ui, &bytes, &reading, dump, scroll);
    let bounds = messages::bounds(ui, subject, dump, scroll);
    Hexdump { bytes: &bytes, scroll, selection, found, bounds, reading }.render(canvas, dump, &dump_styles(ui));
}

/// The bytes that are shown; those of a message are gathered once.
fn gathered(ui: &mut Ui, subject: &Subject) -> Rc<[u8]> {
    let version = ui.bench.messages.version();
    if let Some((of, bytes)) = &ui.inspector.bytes.gathered
        && *of == version
    {
        return Rc::clone(bytes);
    }
    let bytes = Rc::from(subject.bytes(ui));
    ui.inspector.bytes.gathered = subject.message.is_some().then(|| (version, Rc::clone(&bytes)));
    bytes
}

/// What is told of the selected bytes, or of those from the cursor on.
struct Shown {
    head: String,
    text: Printable,
    values: Vec<Value>,
}

impl Shown {
    fn of(ui: &Ui, row: &Row, bytes: &[u8], reading: &Reading) -> Self {
        let dot = ui.look.marks.dot;
        let tab = &ui.inspector.bytes;
        let at = tab.cursor.min(bytes.len() - 1);
        let copy = ui.keymap.key_of("inspector-copy").unwrap_or_default();
        let Some(range) = tab.selection() else {
            let rest = &bytes[at..];
            let found = [1, 2, 4, 8].into_iter().filter(|len| *len <= rest.len());
            let mut values: Vec<_> = found.flat_map(|len| values(&rest[..len])).collect();
            // Where there is little room, one kind of each length says more than all kinds of one.
            values.sort_by_key(|value| match value.name.as_bytes() {
                [b'u', digit, ..] if digit.is_ascii_digit() => 0,
                [b'i', ..] => 1,
                [b'f' | b'I', ..] => 3,
                _ => 2,
            });
            let len = grouped(bytes.len());
            let what = if ui.inspector.whole { "row" } else { "message" };
            let head = format!("from byte {at} ({at:#x}) of {len} {dot} {copy} copies the {what}");
            return Self { head, text: Printable::default(), values };
        };
        let selected = &bytes[range.clone()];
        let count = grouped(selected.len());
        let noun = if selected.len() == 1 { "byte" } else { "bytes" };
        // So many tell whether all are text; more would have to be read for nothing each time.
        let kind = as_copied(&selected[..selected.len().min(4096)], ui, row).0;
        let until = if tab.extending { format!(" {dot} selecting") } else { String::new() };
        let (start, last) = (range.start, range.end - 1);
        let head = format!("{count} {noun} at {start}-{last} ({start:#x}-{last:#x}) {dot} {copy} copies {kind}{until}");
        let own = if start == 0 { *reading } else { reading.from(bytes, start) };
        Self { head, text: Printable::read_up_to(selected, &own, 400), values: values(selected) }
    }

    /// Whether the first of two columns is to be told from the second.
    fn has_two_orders(&self) -> bool {
        self.values.iter().any(|value| value.little.is_some())
    }

    /// Where the dump is and where the values are: beside it, below it, or nowhere.
    fn split(&self, area: Rect, len: usize) -> (Rect, Rect) {
        let full = Hexdump::width(16);
        if area.width >= full + 2 + VALUES_WIDTH {
            let width = if area.width >= Hexdump::width(32) + 2 + VALUES_WIDTH { Hexdump::width(32) } else { full };
            let x = area.x + width + 2;
            return (Rect { width, ..area }, Rect { x, width: area.right() - x, ..area });
        }
        let text = u16::from(!self.text.is_empty());
        let orders = u16::from(self.has_two_orders());
        let wanted = u16::try_from(self.values.len()).unwrap_or(u16::MAX).saturating_add(1 + text + orders);
        let room = (area.height / 2 + area.height / 8).min(area.height.saturating_sub(ROWS_OF_DUMP));
        // A short dump needs no more than its rows, and one that is free.
        let dump = u16::try_from(Hexdump::rows(area.width, len)).unwrap_or(u16::MAX).saturating_add(1);
        let room = room.max(area.height.saturating_sub(dump));
        let height = if room < 2 { 0 } else { wanted.min(room) };
        let y = area.bottom() - height;
        (Rect { height: area.height - height, ..area }, Rect { y, height, ..area })
    }

    fn render(&self, ui: &Ui, canvas: &mut Canvas<'_>, area: Rect) {
        let look = &ui.look;
        let ellipsis = look.marks.ellipsis;
        let mut rows = area.y..area.bottom();
        let Some(y) = rows.next() else { return };
        let head = Printable::text(&self.head).truncate(usize::from(area.width), ellipsis);
        canvas.put(area.x, y, area.right(), &head, look.title);
        if !self.text.is_empty() {
            let Some(y) = rows.next() else { return };
            let x = canvas.put(area.x, y, area.right(), &Printable::text("text     "), look.dim);
            let text = self.text.clone().truncate(usize::from(area.right().saturating_sub(x)), ellipsis);
            canvas.put(x, y, area.right(), &text, look.text);
        }
        let column = (area.width.saturating_sub(NAME_WIDTH) / 2).min(28);
        let little_x = area.x + NAME_WIDTH + column;
        if self.has_two_orders()
            && let Some(y) = rows.next()
        {
            canvas.put(area.x + NAME_WIDTH, y, little_x, &Printable::text("big-endian"), look.dim);
            canvas.put(little_x, y, area.right(), &Printable::text("little-endian"), look.dim);
        }
        let left_out = self.values.len().saturating_sub(rows.len());
        if left_out > 0
            && let Some(y) = rows.next_back()
        {
            let select = ui.keymap.key_of("inspector-select").unwrap_or_default();
            let more = format!("{ellipsis} {} more; select bytes with {select} to have theirs alone", left_out + 1);
            let more = Printable::text(&more).truncate(usize::from(area.width), ellipsis);
            canvas.put(area.x, y, area.right(), &more, look.dim);
        }
        for (value, y) in self.values.iter().zip(rows) {
            canvas.put(area.x, y, area.x + NAME_WIDTH, &Printable::text(value.name), look.dim);
            let none = look.marks.none;
            let shown = |text: &str, width: u16| {
                let text = if text.is_empty() { none } else { text };
                Printable::text(text).truncate(usize::from(width), ellipsis)
            };
            let x = area.x + NAME_WIDTH;
            if let Some(little) = &value.little {
                canvas.put(x, y, little_x, &shown(&value.big, column.saturating_sub(1)), look.text);
                canvas.put(little_x, y, area.right(), &shown(little, column), look.text);
            } else {
                let width = area.width.saturating_sub(NAME_WIDTH);
                canvas.put(x, y, area.right(), &shown(&value.big, width), look.text);
            }
        }
    }
}
