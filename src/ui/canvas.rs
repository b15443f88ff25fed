//! The only place that writes cells, and what it writes is [`Printable`].
//!
//! Owns the promise that the grid stays a grid: nothing leaves its area, and no wide character is ever half covered or
//! half out; and that no character beyond ASCII is on it where the thread's [`Repertoire`] has none. It never decides what
//! is shown where.

use std::num::NonZeroU16;

use ratatui::buffer::{Buffer, CellDiffOption, CellWidth};
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::log::sanitise::{Printable, Repertoire};

/// The lines of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ui) enum BorderSet {
    /// Light lines.
    Plain,
    /// Double lines, for what has the focus.
    Heavy,
    /// Light lines where there is only ASCII.
    Ascii,
    /// What has the focus where there is only ASCII.
    AsciiHeavy,
}

impl BorderSet {
    /// Corners from the top left clockwise, then the horizontal and the vertical line.
    const fn symbols(self) -> [&'static str; 6] {
        match self {
            Self::Plain => ["┌", "┐", "┘", "└", "─", "│"],
            Self::Heavy => ["╔", "╗", "╝", "╚", "═", "║"],
            Self::Ascii => ["+", "+", "+", "+", "-", "|"],
            Self::AsciiHeavy => ["#", "#", "#", "#", "=", "#"],
        }
    }
}

/// A buffer to draw on. What lies outside of it is clipped, never an error.
pub(in crate::ui) struct Canvas<'a> {
    buffer: &'a mut Buffer,
}

impl<'a> Canvas<'a> {
    /// A canvas over a whole buffer.
    pub(in crate::ui) const fn new(buffer: &'a mut Buffer) -> Self {
        Self { buffer }
    }

    /// All there is to draw on.
    pub(in crate::ui) const fn area(&self) -> Rect {
        self.buffer.area
    }

    /// Draws text from `x` on, as far as `max_x`, the first column that it must leave alone. Gives the column after the
    /// text; where a wide character did not fit, that is `max_x`, and the column left over is blank.
    pub(in crate::ui) fn put(&mut self, x: u16, y: u16, max_x: u16, text: &Printable, style: Style) -> u16 {
        let area = self.buffer.area;
        let max_x = max_x.min(area.right());
        if y < area.y || y >= area.bottom() || x < area.x || x >= max_x {
            return x;
        }
        // One that was made before is not of the repertoire that holds now.
        let escaped = (Repertoire::current() == Repertoire::Ascii && !text.as_str().is_ascii())
            .then(|| Printable::text(text.as_str()));
        let text = escaped.as_ref().unwrap_or(text);
        let mut at = x;
        for (grapheme, columns) in text.graphemes() {
            if at >= max_x {
                break;
            }
            if columns == 2 && max_x - at < 2 {
                self.write(at, y, " ", 1, style);
                return max_x;
            }
            let columns = if columns == 2 { 2 } else { 1 };
            self.write(at, y, grapheme, columns, style);
            at += columns;
        }
        at
    }

    /// Blanks an area.
    pub(in crate::ui) fn fill(&mut self, area: Rect, style: Style) {
        let area = area.intersection(self.buffer.area);
        if area.is_empty() {
            return;
        }
        for y in area.y..area.bottom() {
            self.write(area.x, y, " ", 1, style);
            let rest = self.buffer.index_of(area.x, y)..=self.buffer.index_of(area.right() - 1, y);
            for cell in &mut self.buffer.content[rest] {
                cell.reset();
                cell.set_style(style);
            }
        }
    }

    /// Adds a style to what is there.
    pub(in crate::ui) fn style(&mut self, area: Rect, style: Style) {
        self.buffer.set_style(area, style);
    }

    /// Draws a frame around an area, and gives what is inside. An area too small for one stays as it is, and has no
    /// inside.
    pub(in crate::ui) fn frame(&mut self, area: Rect, set: BorderSet, style: Style) -> Rect {
        let area = area.intersection(self.buffer.area);
        if area.width < 2 || area.height < 2 {
            return Rect { width: 0, height: 0, ..area };
        }
        let [top_left, top_right, bottom_right, bottom_left, horizontal, vertical] = set.symbols();
        let (right, bottom) = (area.right() - 1, area.bottom() - 1);
        for x in area.x + 1..right {
            self.write(x, area.y, horizontal, 1, style);
            self.write(x, bottom, horizontal, 1, style);
        }
        for y in area.y + 1..bottom {
            self.write(area.x, y, vertical, 1, style);
            self.write(right, y, vertical, 1, style);
        }
        self.write(area.x, area.y, top_left, 1, style);
        self.write(right, area.y, top_right, 1, style);
        self.write(right, bottom, bottom_right, 1, style);
        self.write(area.x, bottom, bottom_left, 1, style);
        Rect { x: area.x + 1, y: area.y + 1, width: area.width - 2, height: area.height - 2 }
    }

    /// Writes one grapheme, of which all columns are on the canvas.
    fn write(&mut self, x: u16, y: u16, grapheme: &str, columns: u16, style: Style) {
        // A wide character that this would cover by half gives way whole: its other half is a column of ours no more.
        if x > self.buffer.area.x
            && let Some(cell) = self.buffer.cell_mut((x - 1, y))
            && cell.cell_width() == 2
        {
            cell.set_symbol(" ").set_diff_option(CellDiffOption::None);
        }
        for column in x + 1..x + columns {
            if let Some(cell) = self.buffer.cell_mut((column, y)) {
                cell.reset();
                cell.set_style(style);
            }
        }
        let Some(cell) = self.buffer.cell_mut((x, y)) else { return };
        // A style is added to what is there: without this, what lies below an overlay shows through it.
        cell.reset();
        cell.set_style(style);
        // A cell that is reset holds a blank.
        if grapheme == " " {
            return;
        }
        cell.set_symbol(grapheme);
        // The buffer's own idea of some graphemes differs (half-width voiced sound marks).
        if cell.cell_width() != columns
            && let Some(columns) = NonZeroU16::new(columns)
        {
            cell.set_diff_option(CellDiffOption::ForcedWidth(columns));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::style::{Color, Modifier};

    use super::*;

    /// A row as a terminal shows it: a wide character hides the cell after it.
    fn row(buffer: &Buffer, y: u16) -> String {
        let mut text = String::new();
        let mut x = buffer.area.x;
        while x < buffer.area.right() {
            let cell = &buffer[(x, y)];
            text.push_str(cell.symbol());
            x += cell.cell_width();
        }
        text
    }

    #[test]
    fn text_is_clipped_at_graphemes() {
        let mut buffer = Buffer::with_lines(["........"]);
        let mut canvas = Canvas::new(&mut buffer);
        assert_eq!(canvas.put(1, 0, 4, &Printable::text("日本"), Style::new()), 4);
        assert_eq!(canvas.put(6, 0, 100, &Printable::text("abc"), Style::new()), 8);
        assert_eq!(canvas.put(9, 0, 100, &Printable::text("abc"), Style::new()), 9);
        assert_eq!(canvas.put(0, 1, 100, &Printable::text("abc"), Style::new()), 0);
        assert_eq!(row(&buffer, 0), ".日 ..ab");
    }

    #[test]
    fn what_covers_half_of_a_wide_character_covers_it_whole() {
        let mut buffer = Buffer::with_lines(["日本語日"]);
        let mut canvas = Canvas::new(&mut buffer);
        canvas.put(1, 0, 8, &Printable::text("|"), Style::new());
        canvas.put(4, 0, 8, &Printable::text("|"), Style::new());
        assert_eq!(row(&buffer, 0), " |本| 日");
    }

    #[test]
    fn a_frame_gives_its_inside() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 3));
        let mut canvas = Canvas::new(&mut buffer);
        assert_eq!(canvas.frame(Rect::new(0, 0, 4, 3), BorderSet::Heavy, Style::new()), Rect::new(1, 1, 2, 1));
        assert!(canvas.frame(Rect::new(3, 1, 9, 9), BorderSet::Plain, Style::new()).is_empty());
        assert_eq!([0, 1, 2].map(|y| row(&buffer, y)), ["╔══╗", "║  ║", "╚══╝"]);
    }

    #[test]
    fn what_is_drawn_over_does_not_show_through() {
        let below = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
        for over in [Style::new(), Style::new().fg(Color::Blue)] {
            let mut buffer = Buffer::empty(Rect::new(0, 0, 3, 1));
            let mut canvas = Canvas::new(&mut buffer);
            canvas.put(0, 0, 3, &Printable::text("abc"), below);
            canvas.fill(Rect::new(0, 0, 2, 1), over);
            canvas.put(0, 0, 1, &Printable::text("x"), over);
            for x in 0..2 {
                let cell = &buffer[(x, 0)];
                assert_eq!((cell.fg, cell.modifier), (over.fg.unwrap_or(Color::Reset), Modifier::empty()));
            }
            assert_eq!(buffer[(2, 0)].modifier, Modifier::BOLD | Modifier::UNDERLINED);
        }
    }

    #[test]
    fn restyling_leaves_the_text() {
        let mut buffer = Buffer::with_lines(["ab"]);
        let reversed = Style::new().add_modifier(Modifier::REVERSED);
        Canvas::new(&mut buffer).style(Rect::new(1, 0, 9, 9), reversed);
        assert_eq!(buffer[(1, 0)].symbol(), "b");
        assert_eq!(buffer[(0, 0)].modifier, Modifier::empty());
        assert_eq!(buffer[(1, 0)].modifier, Modifier::REVERSED);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        // Case 5.
        #[test]
        fn the_grid_survives_any_bytes_at_every_column(
            bytes in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..30),
                "([日ｶﾞ가👍👨\u{200d}\u{1f1e6}\u{301}a-c]|\\PC){0,20}".prop_map(String::into_bytes),
            ],
            frame_x in 0_u16..20,
            repertoire in prop::sample::select(vec![Repertoire::Unicode, Repertoire::Ascii]),
        ) {
            let made_before = Printable::bytes(&bytes);
            let _held = repertoire.hold();
            let text = Printable::bytes(&bytes);
            let set = match repertoire {
                Repertoire::Unicode => BorderSet::Plain,
                Repertoire::Ascii => BorderSet::Ascii,
            };
            for x in 0..20 {
                let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 3));
                let mut canvas = Canvas::new(&mut buffer);
                for y in 0..4 {
                    canvas.put(x, y, u16::MAX, &text, Style::new().fg(Color::Red));
                }
                let overlay = Rect::new(frame_x, 0, 6, 3);
                let inside = canvas.frame(overlay, set, Style::new());
                canvas.put(inside.x, 1, inside.right(), &made_before, Style::new());
                if repertoire == Repertoire::Ascii {
                    prop_assert!(buffer.content.iter().all(|cell| cell.symbol().is_ascii()));
                }
                let drawn = overlay.intersection(buffer.area);
                if inside.is_empty() {
                    continue;
                }
                // What the terminal would get: every cell that no wide character hides, with its columns.
                let mut other = ratatui::buffer::Cell::new("?");
                other.set_bg(Color::Magenta);
                let blank = Buffer::filled(buffer.area, other);
                let mut columns = 0;
                let mut seen = Vec::new();
                for (x, y, cell) in blank.diff_iter(&buffer) {
                    columns += match cell.diff_option {
                        CellDiffOption::ForcedWidth(width) => width.get(),
                        _ => cell.cell_width(),
                    };
                    seen.push((x, y));
                }
                prop_assert_eq!(columns, 60);
                for x in [drawn.x, drawn.right() - 1] {
                    prop_assert!(seen.contains(&(x, 1)));
                    prop_assert_eq!(buffer[(x, 1)].symbol(), set.symbols()[5]);
                }
            }
        }
    }
}
