//! How a text that is being edited looks: which part of it is in sight, and where the cursor is.
//!
//! The part in sight follows from the cursor and the area alone, and finding it costs what is in sight, not what the
//! whole text would.

use std::ops::Range;

use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use unicode_segmentation::UnicodeSegmentation;

use super::TextInput;
use crate::log::sanitise::Printable;
use crate::ui::canvas::Canvas;

/// Styles of a text input.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::ui) struct InputStyles {
    /// The text, and the area around it.
    pub(in crate::ui) text: Style,
    /// The step at the cursor, which is also reversed.
    pub(in crate::ui) cursor: Style,
    /// What does not parse, which is also underlined.
    pub(in crate::ui) error: Style,
    /// What stands in the place of an empty text.
    pub(in crate::ui) placeholder: Style,
}

impl TextInput {
    /// Draws the part of the text around the cursor. Control characters show as escapes. `error` is a part of the text,
    /// in bytes, that is marked as wrong; an empty one marks the step at its place.
    pub(in crate::ui) fn render(
        &self,
        canvas: &mut Canvas<'_>,
        area: Rect,
        styles: &InputStyles,
        error: Option<Range<usize>>,
        focused: bool,
    ) {
        let area = area.intersection(canvas.area());
        canvas.fill(area, styles.text);
        if area.is_empty() {
            return;
        }
        let error = error.map(|error| error.start..error.end.max(error.start + 1));
        let style_of = |step: Range<usize>| {
            let mut style = styles.text;
            if error.as_ref().is_some_and(|error| error.start < step.end && step.start < error.end) {
                style = style.patch(styles.error).add_modifier(Modifier::UNDERLINED);
            }
            if focused && step.start == self.cursor {
                style = style.patch(styles.cursor).add_modifier(Modifier::REVERSED);
            }
            style
        };
        if self.is_empty() {
            canvas.put(area.x, area.y, area.right(), &self.placeholder, styles.placeholder);
            if focused || error.is_some() {
                canvas.style(Rect { width: 1, height: 1, ..area }, style_of(0..1));
            }
            return;
        }
        for (y, line) in (area.y..).zip(self.lines_in_sight(area)) {
            let mut x = area.x;
            for step in self.steps(line.clone()) {
                let (start, step) = (step.start, &self.text[step]);
                x = canvas.put(x, y, area.right(), &Printable::text(step), style_of(start..start + step.len()));
                if x >= area.right() {
                    break;
                }
            }
            // The place behind the line's last step can hold the cursor, and be where something is missing.
            canvas.put(x, y, area.right(), &Printable::text(" "), style_of(line.end..line.end + 1));
        }
    }

    /// Puts the cursor where the text was clicked on, as it was drawn into this area.
    pub(in crate::ui) fn click(&mut self, area: Rect, x: u16, y: u16) {
        let row = usize::from(y.saturating_sub(area.y));
        let lines = self.lines_in_sight(area);
        if let Some(line) = lines.get(row).or(lines.last()) {
            let cursor = self.at_column(line.clone(), usize::from(x.saturating_sub(area.x)));
            self.goal = None;
            self.move_to(cursor);
        }
    }

    /// The step that is drawn on this column of a line, or the line's end.
    pub(super) fn at_column(&self, line: Range<usize>, column: usize) -> usize {
        let mut end = 0;
        for step in self.steps(line.clone()) {
            end += columns(&self.text[step.clone()]);
            if column < end {
                return step.start;
            }
        }
        line.end
    }

    /// The steps of a part of the text.
    fn steps(&self, part: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        std::iter::successors(Some(part.start), |at| Some(self.step_after(*at)))
            .take_while(move |at| *at < part.end)
            .map(|at| at..self.step_after(at))
    }

    /// For each row of the area the line on it, from its first step in sight to its end. The cursor's line alone is
    /// scrolled sideways. Where there is one row, all of the text is on it: no line is hidden by another.
    fn lines_in_sight(&self, area: Rect) -> Vec<Range<usize>> {
        let Some(others) = usize::from(area.height).checked_sub(1) else { return Vec::new() };
        let line = if others == 0 { 0..self.text.len() } else { self.line_at(self.cursor) };
        let above: Vec<_> = std::iter::successors(Some(line.clone()), |line| {
            line.start.checked_sub(1).map(|newline| self.line_at(newline))
        })
        .skip(1)
        .take(others)
        .collect();
        let below: Vec<_> = std::iter::successors(Some(line.clone()), |line| {
            (line.end < self.text.len()).then(|| self.line_at(line.end + 1))
        })
        .skip(1)
        .take(others)
        .collect();
        // The cursor is in the middle, unless the text begins or ends before that.
        let rows_above = above.len().min(usize::from(area.height / 2).max(others - below.len()));
        let first = self.first_in_sight(&line, usize::from(area.width));
        let mut lines: Vec<_> = above[..rows_above].iter().rev().cloned().collect();
        lines.push(first..line.end);
        lines.extend(below.into_iter().take(others - rows_above));
        lines
    }

    /// The first step of the cursor's line that is drawn, so that the cursor is in sight and some of what follows too.
    fn first_in_sight(&self, line: &Range<usize>, width: usize) -> usize {
        let mut after = 0;
        for step in self.text[self.cursor..line.end].graphemes(true) {
            after += columns(step);
            if after > width {
                break;
            }
        }
        let own = self.text[self.cursor..line.end].graphemes(true).next().map_or(1, columns);
        // One column more for the place behind the last step.
        let context = (after + 1).saturating_sub(own).min(width / 4);
        let mut room = width.saturating_sub(own + context);
        let mut first = self.cursor;
        for (at, step) in self.text[line.start..self.cursor].grapheme_indices(true).rev() {
            let Some(left) = room.checked_sub(columns(step)) else { break };
            room = left;
            first = line.start + at;
        }
        first
    }
}

/// How many columns a part of a line takes.
pub(super) fn columns(text: &str) -> usize {
    if text.len() == 1 && text.as_bytes()[0].is_ascii_graphic() { 1 } else { Printable::text(text).width() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::buffer::{Buffer, CellWidth};

    use super::super::Edit;
    use super::*;
    use crate::log::sanitise::Repertoire;

    fn drawn(input: &TextInput, width: u16, height: u16, error: Option<Range<usize>>) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        input.render(
            &mut Canvas::new(&mut buffer),
            Rect::new(0, 0, width, height),
            &InputStyles::default(),
            error,
            true,
        );
        buffer
    }

    fn rows(buffer: &Buffer) -> Vec<String> {
        let width = usize::from(buffer.area.width);
        let text = |row: &[ratatui::buffer::Cell]| row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>();
        buffer.content.chunks(width).map(|row| text(row).trim_end().to_owned()).collect()
    }

    fn marked(buffer: &Buffer, modifier: Modifier) -> Vec<(u16, u16)> {
        let area = buffer.area;
        let cells = (area.y..area.bottom()).flat_map(|y| (area.x..area.right()).map(move |x| (x, y)));
        cells.filter(|&at| buffer[at].modifier.contains(modifier)).collect()
    }

    #[test]
    fn control_characters_are_seen_and_the_error_is_underlined() {
        let mut input = TextInput::with_text("a\x1b\r\nde 0");
        let buffer = drawn(&input, 12, 2, Some(7..8));
        assert_eq!(rows(&buffer), ["a\\x1b\\r", "de 0"]);
        assert_eq!(marked(&buffer, Modifier::UNDERLINED), [(3, 1)]);
        assert_eq!(marked(&buffer, Modifier::REVERSED), [(4, 1)]);
        input.click(Rect::new(0, 0, 12, 2), 3, 0);
        assert_eq!(marked(&drawn(&input, 12, 2, None), Modifier::REVERSED), [(1, 0), (2, 0), (3, 0), (4, 0)]);
    }

    #[test]
    fn something_missing_at_the_end_is_underlined_there() {
        let buffer = drawn(&TextInput::with_text("ab"), 5, 1, Some(2..2));
        assert_eq!(marked(&buffer, Modifier::UNDERLINED), [(2, 0)]);
    }

    #[test]
    fn the_cursor_stays_in_sight_with_what_is_around_it() {
        let mut input = TextInput::with_text("0123456789");
        assert_eq!(rows(&drawn(&input, 8, 1, None)), ["3456789"]);
        input.apply(Edit::Home);
        assert_eq!(rows(&drawn(&input, 8, 1, None)), ["01234567"]);
        let lines = TextInput::with_text("1\n2\n3\n4\n5");
        assert_eq!(rows(&drawn(&lines, 8, 3, None)), ["3", "4", "5"]);
    }

    #[test]
    fn an_empty_text_shows_its_placeholder() {
        let mut input = TextInput::new();
        input.set_placeholder(Printable::text("host:port"));
        let buffer = drawn(&input, 6, 1, None);
        assert_eq!(rows(&buffer), ["host:p"]);
        assert_eq!(marked(&buffer, Modifier::REVERSED), [(0, 0)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_cursor_is_drawn_and_can_be_clicked_on(
            text in "([a-d日\r\n\t\u{301}\u{1f1e6}👩\u{200d}]|\\PC){0,60}",
            moves in prop::collection::vec(prop::sample::select(vec![Edit::Left, Edit::Up, Edit::Home]), 0..30),
            width in 1_u16..30,
            height in 1_u16..6,
            x in 0_u16..30,
            y in 0_u16..6,
            repertoire in prop::sample::select(vec![Repertoire::Unicode, Repertoire::Ascii]),
        ) {
            let _held = repertoire.hold();
            let mut input = TextInput::with_text(&text);
            for edit in moves {
                input.apply(edit);
            }
            let area = Rect::new(0, 0, width, height);
            let buffer = drawn(&input, width, height, None);
            if repertoire == Repertoire::Ascii {
                prop_assert!(buffer.content.iter().all(|cell| cell.symbol().is_ascii()));
            }
            let reversed = marked(&buffer, Modifier::REVERSED);
            prop_assert!(!reversed.is_empty(), "no cursor: {:?} at {}", text, input.cursor());
            let before = input.cursor();
            let (cursor_x, cursor_y) = reversed[0];
            input.click(area, cursor_x, cursor_y);
            prop_assert_eq!(input.cursor(), before);
            // No wide character is cut by the right edge, and clicking anywhere is safe.
            for row in 0..height {
                prop_assert_eq!(buffer[(width - 1, row)].cell_width(), 1);
            }
            input.click(area, x, y);
            input.apply(Edit::Insert('x'));
            prop_assert_eq!(input.text().len(), text.len() + 1);
        }
    }
}
