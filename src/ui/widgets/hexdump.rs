//! Bytes as offset, hex and text side by side.
//!
//! Owns what a row holds and how each kind of byte looks. It never scrolls by itself: the caller says which row is first.

use std::ops::Range;

use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::log::sanitise::Printable;
use crate::ui::canvas::Canvas;

/// Styles of a hexdump.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::ui) struct HexdumpStyles {
    /// The offset of a row's first byte.
    pub(in crate::ui) offset: Style,
    /// Printable bytes in the hex columns; blanks too, dimmed.
    pub(in crate::ui) hex: Style,
    /// Printable bytes in the text columns; blanks too, dimmed.
    pub(in crate::ui) text: Style,
    /// Zero bytes.
    pub(in crate::ui) zero: Style,
    /// Control characters.
    pub(in crate::ui) control: Style,
    /// Bytes from 80 on.
    pub(in crate::ui) high: Style,
    /// The bytes that were looked for, over what they have of their own.
    pub(in crate::ui) found: Style,
    /// The selected bytes, over all else.
    pub(in crate::ui) selection: Style,
}

/// Bytes to be drawn.
#[derive(Clone, Debug)]
pub(in crate::ui) struct Hexdump<'a> {
    /// All the bytes; only those in sight are looked at.
    pub(in crate::ui) bytes: &'a [u8],
    /// The row at the top, from 0.
    pub(in crate::ui) scroll: usize,
    /// Which bytes are selected.
    pub(in crate::ui) selection: Option<Range<usize>>,
    /// Which bytes were looked for, in their order.
    pub(in crate::ui) found: Vec<Range<usize>>,
}

/// Columns before the first pair: an offset of eight digits and two blanks.
const OFFSET_WIDTH: usize = 10;

/// Pairs between wider gaps.
const GROUP: usize = 8;

impl Hexdump<'_> {
    /// How many bytes a row of this width holds: 8, 16 or 32. Where not even 8 fit, the text is clipped.
    #[must_use]
    pub(in crate::ui) fn per_row(width: u16) -> usize {
        [32, 16].into_iter().find(|&bytes| text_column(bytes) + bytes <= usize::from(width)).unwrap_or(8)
    }

    /// How many rows so many bytes take at this width.
    #[must_use]
    pub(in crate::ui) fn rows(width: u16, len: usize) -> usize {
        len.div_ceil(Self::per_row(width))
    }

    /// Draws the rows that fit into the area, from `scroll` on.
    pub(in crate::ui) fn render(&self, canvas: &mut Canvas<'_>, area: Rect, styles: &HexdumpStyles) {
        let area = area.intersection(canvas.area());
        let per_row = Self::per_row(area.width);
        let start = self.scroll.saturating_mul(per_row).min(self.bytes.len());
        let chunks = self.bytes[start..].chunks(per_row).enumerate();
        for (y, (row, bytes)) in (area.y..area.bottom()).zip(chunks) {
            self.render_row(canvas, Rect { y, height: 1, ..area }, start + row * per_row, bytes, styles);
        }
    }

    fn render_row(&self, canvas: &mut Canvas<'_>, line: Rect, offset: usize, bytes: &[u8], styles: &HexdumpStyles) {
        let mut put = |column: usize, text: &str, style: Style| {
            let x = u16::try_from(column).map_or(u16::MAX, |column| line.x.saturating_add(column));
            canvas.put(x, line.y, line.right(), &Printable::text(text), style);
        };
        put(0, &format!("{offset:08x}"), styles.offset);
        let text_start = text_column(Self::per_row(line.width));
        for (index, &byte) in bytes.iter().enumerate() {
            let at = offset + index;
            let (mut hex_style, mut text_style) = styles.of(byte);
            let selected = |at: usize| self.selection.as_ref().is_some_and(|selection| selection.contains(&at));
            let found = |at: usize| {
                let place = self.found.partition_point(|found| found.end <= at);
                self.found.get(place).filter(|found| found.contains(&at))
            };
            if found(at).is_some() {
                hex_style = hex_style.patch(styles.found);
                text_style = text_style.patch(styles.found);
            }
            if selected(at) {
                hex_style = hex_style.patch(styles.selection);
                text_style = text_style.patch(styles.selection);
            }
            let column = hex_column(index);
            put(column, &format!("{byte:02x}"), hex_style);
            // A selection is one piece, gaps included, and so is what was found.
            let joined = index + 1 < bytes.len();
            let gap_style = if joined && selected(at) && selected(at + 1) {
                Some(styles.selection)
            } else {
                found(at).filter(|place| joined && place.contains(&(at + 1))).map(|_| styles.found)
            };
            if let Some(style) = gap_style {
                let gap = hex_column(index + 1) - column - 2;
                put(column + 2, &"  "[..gap], styles.hex.patch(style));
            }
            let glyph = if byte == b' ' || byte.is_ascii_graphic() { char::from(byte) } else { '.' };
            put(text_start + index, glyph.encode_utf8(&mut [0; 4]), text_style);
        }
    }
}

impl HexdumpStyles {
    /// The styles of a byte in the hex and in the text columns.
    fn of(&self, byte: u8) -> (Style, Style) {
        match byte {
            0 => (self.zero, self.zero),
            b' ' | b'\t' | b'\n' | b'\r' => {
                (self.hex.add_modifier(Modifier::DIM), self.text.add_modifier(Modifier::DIM))
            }
            0x80.. => (self.high, self.high),
            _ if byte.is_ascii_control() => (self.control, self.control),
            _ => (self.hex, self.text),
        }
    }
}

/// Where the pair of a row's byte begins.
const fn hex_column(index: usize) -> usize {
    OFFSET_WIDTH + index * 3 + index / GROUP
}

/// Where the text begins.
const fn text_column(per_row: usize) -> usize {
    hex_column(per_row - 1) + 2 + 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::buffer::Buffer;
    use ratatui::style::Color;

    use super::*;

    fn drawn(hexdump: &Hexdump<'_>, width: u16, height: u16) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let styles = HexdumpStyles {
            zero: Style::new().fg(Color::DarkGray),
            control: Style::new().fg(Color::Yellow),
            high: Style::new().fg(Color::Red),
            selection: Style::new().add_modifier(Modifier::REVERSED),
            found: Style::new().add_modifier(Modifier::UNDERLINED),
            ..HexdumpStyles::default()
        };
        hexdump.render(&mut Canvas::new(&mut buffer), Rect::new(0, 0, width, height), &styles);
        buffer
    }

    fn rows(buffer: &Buffer) -> Vec<String> {
        let width = usize::from(buffer.area.width);
        buffer.content.chunks(width).map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect()).collect()
    }

    #[test]
    fn rows_of_a_usual_screen() {
        let bytes = b"GET / HTTP/1.1\r\n\0\x1b\xff ";
        let buffer = drawn(&Hexdump { bytes, scroll: 0, selection: Some(1..3), found: vec![6..8, 16..17] }, 76, 3);
        assert_eq!(
            rows(&buffer),
            [
                "00000000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  GET / HTTP/1.1..",
                "00000010  00 1b ff 20                                       ... ",
                "",
            ]
            .map(|row| format!("{row:76}").chars().take(76).collect::<String>())
        );
        let fg = |x, y| buffer[(x, y)].fg;
        assert_eq!([fg(10, 1), fg(13, 1), fg(16, 1)], [Color::DarkGray, Color::Yellow, Color::Red]);
        let selected: Vec<u16> = (0..76).filter(|&x| buffer[(x, 0)].modifier.contains(Modifier::REVERSED)).collect();
        assert_eq!(selected, [13, 14, 15, 16, 17, 61, 62]);
        let found: Vec<u16> = (0..76).filter(|&x| buffer[(x, 0)].modifier.contains(Modifier::UNDERLINED)).collect();
        assert_eq!(found, [28, 29, 30, 31, 32, 66, 67]);
        assert!(buffer[(10, 1)].modifier.contains(Modifier::UNDERLINED));
    }

    #[test]
    fn the_width_decides_how_many_bytes_a_row_holds() {
        let per_row = [0, 43, 75, 76, 141, 142, 300].map(Hexdump::per_row);
        assert_eq!(per_row, [8, 8, 8, 16, 16, 32, 32]);
        assert_eq!([0, 1, 16, 17].map(|len| Hexdump::rows(76, len)), [0, 1, 1, 2]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_byte_in_sight_is_shown_once(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            width in 43_u16..200,
            height in 0_u16..8,
            scroll in 0_usize..12,
        ) {
            let buffer = drawn(&Hexdump { bytes: &bytes, scroll, selection: None, found: Vec::new() }, width, height);
            let per_row = Hexdump::per_row(width);
            let shown: Vec<u8> = rows(&buffer)
                .iter()
                .flat_map(|row| row[OFFSET_WIDTH..text_column(per_row)].split_whitespace())
                .map(|pair| u8::from_str_radix(pair, 16).unwrap())
                .collect();
            let start = (scroll * per_row).min(bytes.len());
            let end = (start + usize::from(height) * per_row).min(bytes.len());
            prop_assert_eq!(&shown, &bytes[start..end]);
        }
    }
}
