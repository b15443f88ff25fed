//! The strings of a message: its runs of printable characters, as strings(1) finds them, to look at and to go to.
//!
//! Owns the list and its focus. What is found is found once for each message.

use std::ops::Range;

use ratatui::layout::Rect;

use super::bytes;
use super::subject::{Key, Subject};
use crate::encoding::Reading;
use crate::log::sanitise::Printable;
use crate::log::values::strings_of;
use crate::ui::Ui;
use crate::ui::canvas::Canvas;
use crate::ui::figures::grouped;

/// So many bytes of a message are searched.
const SEARCHED: usize = 256 * 1024;

#[derive(Debug, Default)]
pub(super) struct StringsList {
    open: bool,
    focus: usize,
    /// Of which message, in which encoding, and where the strings are.
    found: Option<(Key, Reading, Vec<Range<usize>>)>,
    rows: Rect,
    first: usize,
}

impl StringsList {
    pub(super) const fn is_open(&self) -> bool {
        self.open
    }
}

pub(super) fn toggle(ui: &mut Ui) {
    let list = &mut ui.inspector.strings;
    list.open = !list.open;
    list.focus = 0;
}

/// Closes the list; false if it was not open.
pub(super) fn close(ui: &mut Ui) -> bool {
    std::mem::take(&mut ui.inspector.strings.open)
}

pub(super) fn move_focus(ui: &mut Ui, by: isize) {
    let strings = &mut ui.inspector.strings;
    let last = strings.found.as_ref().map_or(0, |(_, _, found)| found.len().saturating_sub(1));
    strings.focus = strings.focus.saturating_add_signed(by).min(last);
}

/// Goes to the focused string in the dump, where it is selected.
pub(super) fn go(ui: &mut Ui) {
    let Some(subject) = Subject::of(ui) else { return };
    let list = &ui.inspector.strings;
    let found = list.found.as_ref().filter(|(of, ..)| *of == subject.key());
    let range = found.and_then(|(_, _, found)| found.get(list.focus)).cloned();
    close(ui);
    if let Some(range) = range {
        bytes::select(ui, &subject, &range);
    }
}

pub(super) fn click(ui: &mut Ui, x: u16, y: u16) {
    let list = &mut ui.inspector.strings;
    if list.rows.contains((x, y).into()) {
        list.focus = list.first + usize::from(y - list.rows.y);
        move_focus(ui, 0);
    }
}

pub(super) fn render(
    ui: &mut Ui,
    canvas: &mut Canvas<'_>,
    area: Rect,
    subject: &Subject,
    bytes: &[u8],
    reading: &Reading,
) {
    let list = &mut ui.inspector.strings;
    if !list.found.as_ref().is_some_and(|(of, with, _)| *of == subject.key() && with == reading) {
        let searched = &bytes[..bytes.len().min(SEARCHED)];
        list.found = Some((subject.key(), *reading, strings_of(searched, reading)));
        list.focus = 0;
    }
    let Some((_, _, found)) = &list.found else { return };
    let some = if bytes.len() > SEARCHED { " in the first 256 KiB" } else { "" };
    let count = grouped(found.len());
    let strings = if found.len() == 1 { "string" } else { "strings" };
    let head = format!("{count} {strings} of 4 characters or more{some}; Enter goes to one");
    let rows = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    list.focus = list.focus.min(found.len().saturating_sub(1));
    let first = (list.focus + 1).saturating_sub(usize::from(rows.height));
    list.rows = rows;
    list.first = first;
    let look = &ui.look;
    let ellipsis = look.marks.ellipsis;
    canvas.put(
        area.x,
        area.y,
        area.right(),
        &Printable::text(&head).truncate(usize::from(area.width), ellipsis),
        look.dim,
    );
    for (y, (index, range)) in (rows.y..rows.bottom()).zip(found.iter().enumerate().skip(first)) {
        let mark = if index == list.focus { ">" } else { " " };
        let x =
            canvas.put(rows.x, y, rows.right(), &Printable::text(&format!("{mark} {:08x}  ", range.start)), look.dim);
        let width = usize::from(rows.right().saturating_sub(x));
        let own = if range.start == 0 { *reading } else { reading.from(bytes, range.start) };
        let text = Printable::read_up_to(&bytes[range.clone()], &own, width + 1).truncate(width, ellipsis);
        canvas.put(x, y, rows.right(), &text, if index == list.focus { look.key } else { look.text });
    }
}
