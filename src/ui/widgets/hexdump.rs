//! Bytes as offset, hex and text side by side.
//!
//! Owns what a row holds and how each kind of byte looks. It never scrolls by itself: the caller says which row is first.

use std::ops::Range;

use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::encoding::Reading;
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
    /// The bar behind the last byte of a message, and how it looks.
    pub(in crate::ui) bar: &'static str,
    pub(in crate::ui) bound: Style,
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
    /// Behind how many bytes a message ends, in their order.
    pub(in crate::ui) bounds: Vec<usize>,
    /// How the bytes are read as text.
    pub(in crate::ui) reading: Reading,
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

    /// How many columns rows of so many bytes take.
    #[must_use]
    pub(in crate::ui) fn width(per_row: usize) -> u16 {
        u16::try_from(text_column(per_row) + per_row).unwrap_or(u16::MAX)
    }

    /// How many rows so many bytes take at this width.
    #[must_use]
    pub(in crate::ui) fn rows(width: u16, len: usize) -> usize {
        len.div_ceil(Self::per_row(width))
    }

    /// The byte at a cell of the area, in hex or in text.
    #[must_use]
    pub(in crate::ui) fn byte_at(area: Rect, scroll: usize, len: usize, x: u16, y: u16) -> Option<usize> {
        let per_row = Self::per_row(area.width);
        let column = usize::from(x.checked_sub(area.x)?);
        let row = usize::from(y.checked_sub(area.y).filter(|row| *row < area.height)?);
        let in_row = match column.checked_sub(text_column(per_row)) {
            Some(index) => index,
            // The gap after a pair is the pair's.
            None => (0..per_row).rev().find(|&index| hex_column(index) <= column)?,
        };
        let at = scroll.saturating_add(row).saturating_mul(per_row) + in_row;
        (in_row < per_row && at < len).then_some(at)
    }

    /// Draws the rows that fit into the area, from `scroll` on.
    pub(in crate::ui) fn render(&self, canvas: &mut Canvas<'_>, area: Rect, styles: &HexdumpStyles) {
        let area = area.intersection(canvas.area());
        let per_row = Self::per_row(area.width);
        let start = self.scroll.saturating_mul(per_row).min(self.bytes.len());
        let end = start.saturating_add(usize::from(area.height) * per_row).min(self.bytes.len());
        let glyphs = self.glyphs(start..end, per_row);
        let chunks = self.bytes[start..end].chunks(per_row).enumerate();
        for (y, (row, bytes)) in (area.y..area.bottom()).zip(chunks) {
            let line = Rect { y, height: 1, ..area };
            self.render_row(canvas, line, start + row * per_row, bytes, &glyphs[row * per_row..], styles);
        }
    }

    /// What the text column shows for each of these bytes: the character that begins with it, nothing where a wide one
    /// before covers the cell, and a dot for what can't be shown in as many cells as it has bytes.
    fn glyphs(&self, range: Range<usize>, per_row: usize) -> Vec<Option<Printable>> {
        let dot = || Some(Printable::text("."));
        let mut glyphs = vec![dot(); range.len()];
        let (mut at, pieces) = self.reading.pieces_at(self.bytes, range.start);
        for piece in pieces {
            if at >= range.end {
                break;
            }
            let (begin, end) = (at, at + piece.len);
            at = end;
            let [Some(c), second] = piece.chars else { continue };
            let Some(index) = begin.checked_sub(range.start) else { continue };
            let mut text = String::from(c);
            text.extend(second);
            let shown = Printable::text(&text);
            // What was escaped has more columns than it has bytes, or begins otherwise.
            let room = (per_row - index % per_row).min(end - begin);
            if shown.as_str() == text && shown.width() <= room {
                let width = shown.width();
                glyphs[index] = Some(shown);
                let covered = glyphs.iter_mut().skip(index + 1).take(width - 1);
                covered.for_each(|glyph| *glyph = None);
            }
        }
        glyphs
    }

    fn render_row(
        &self,
        canvas: &mut Canvas<'_>,
        line: Rect,
        offset: usize,
        bytes: &[u8],
        glyphs: &[Option<Printable>],
        styles: &HexdumpStyles,
    ) {
        let mut put = |column: usize, text: &Printable, style: Style| {
            let x = u16::try_from(column).map_or(u16::MAX, |column| line.x.saturating_add(column));
            canvas.put(x, line.y, line.right(), text, style);
        };
        put(0, &format!("{offset:08x}").into(), styles.offset);
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
            put(column, &format!("{byte:02x}").into(), hex_style);
            // A selection is one piece, gaps included, and so is what was found.
            let joined = index + 1 < bytes.len();
            let gap_style = if joined && selected(at) && selected(at + 1) {
                Some(styles.selection)
            } else {
                found(at).filter(|place| joined && place.contains(&(at + 1))).map(|_| styles.found)
            };
            if let Some(style) = gap_style {
                let gap = hex_column(index + 1) - column - 2;
                put(column + 2, &"  "[..gap].into(), styles.hex.patch(style));
            }
            if self.bounds.binary_search(&(at + 1)).is_ok() {
                put(column + 2, &styles.bar.into(), styles.bound);
            }
            if let Some(glyph) = &glyphs[index] {
                put(text_start + index, glyph, text_style);
            }
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
    use crate::encoding::Encoding;

    const fn plain() -> Reading {
        Reading::alone(Encoding::UTF_8)
    }

    fn drawn(hexdump: &Hexdump<'_>, width: u16, height: u16) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let styles = HexdumpStyles {
            zero: Style::new().fg(Color::DarkGray),
            control: Style::new().fg(Color::Yellow),
            high: Style::new().fg(Color::Red),
            selection: Style::new().add_modifier(Modifier::REVERSED),
            found: Style::new().add_modifier(Modifier::UNDERLINED),
            bar: "|",
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
        let found = vec![6..8, 16..17];
        let buffer = drawn(
            &Hexdump { bytes, scroll: 0, selection: Some(1..3), found, bounds: vec![16, 18], reading: plain() },
            76,
            3,
        );
        assert_eq!(
            rows(&buffer),
            [
                "00000000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a| GET / HTTP/1.1..",
                "00000010  00 1b|ff 20                                       ... ",
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
    fn text_is_in_its_encoding_and_each_byte_keeps_its_cell() {
        let bytes = "abc\u{e9}\u{65e5}\u{672c}!".as_bytes();
        let text = |reading, bytes: &[u8]| {
            let buffer = drawn(
                &Hexdump { bytes, scroll: 0, selection: None, found: Vec::new(), bounds: Vec::new(), reading },
                60,
                2,
            );
            rows(&buffer)
                .into_iter()
                .map(|row| row.chars().skip(35).collect::<String>().trim_end().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(text(plain(), bytes), ["abc\u{e9}.\u{65e5} .", "\u{672c} .!"].map(str::to_owned));
        let gbk = Reading::alone(Encoding::named("gbk").unwrap());
        assert_eq!(text(gbk, b"\xc4\xe3\xba\xc3!\xff"), ["\u{4f60} \u{597d} !.", ""]);
    }

    #[test]
    fn a_cell_is_of_the_byte_that_is_drawn_there() {
        let area = Rect::new(5, 2, 76, 3);
        let at = |x, y| Hexdump::byte_at(area, 1, 40, x, y);
        assert_eq!([at(15, 2), at(16, 2), at(17, 2), at(18, 2)], [Some(16), Some(16), Some(16), Some(17)]);
        assert_eq!([at(65, 3), at(80, 2), at(81, 2)], [Some(32), Some(31), None]);
        assert_eq!([at(5, 2), at(15, 1), at(15, 5), at(15 + 8 * 3 + 1, 3)], [None, None, None, None]);
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
            let dump = Hexdump { bytes: &bytes, scroll, selection: None, found: Vec::new(), bounds: Vec::new(), reading: plain() };
            let buffer = drawn(&dump, width, height);
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
