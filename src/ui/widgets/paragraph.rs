//! Text in lines no wider than an area, broken at blanks where there are some.

use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::log::sanitise::Printable;
use crate::ui::canvas::Canvas;

/// Draws the text from the area's top, as far as it has rows; gives the number of rows used.
pub(in crate::ui) fn put_wrapped(canvas: &mut Canvas<'_>, area: Rect, text: &Printable, style: Style) -> u16 {
    let mut rows = 0;
    for (y, line) in (area.y..area.bottom()).zip(lines(usize::from(area.width), text)) {
        canvas.put(area.x, y, area.right(), &Printable::text(&line), style);
        rows += 1;
    }
    rows
}

/// How many rows a text takes at this width.
pub(in crate::ui) fn wrapped_rows(width: u16, text: &Printable) -> u16 {
    u16::try_from(lines(usize::from(width), text).len()).unwrap_or(u16::MAX)
}

/// The text in lines no wider than this.
pub(in crate::ui) fn wrapped_lines(width: u16, text: &Printable) -> Vec<Printable> {
    lines(usize::from(width), text).iter().map(|line| Printable::text(line)).collect()
}

fn lines(width: usize, text: &Printable) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut line, mut columns) = (String::new(), 0);
    // Where the line can be broken: the byte after its last blank, and the columns up to there.
    let mut blank = None;
    for (grapheme, wide) in text.graphemes() {
        if columns + wide > width && !line.is_empty() {
            let (rest, rest_columns) = match blank.take() {
                Some((at, before)) => (line.split_off(at), columns - before),
                None => (String::new(), 0),
            };
            lines.push(std::mem::replace(&mut line, rest));
            columns = rest_columns;
            if line.is_empty() && grapheme == " " {
                continue;
            }
        }
        line.push_str(grapheme);
        columns += wide;
        if grapheme == " " {
            blank = Some((line.len(), columns));
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn breaks_at_blanks() {
        let wrap = |text: &str| lines(10, &Printable::text(text));
        assert_eq!(wrap("one two three"), ["one two ", "three"]);
        assert_eq!(wrap("abcdefghijklm"), ["abcdefghij", "klm"]);
        assert_eq!(wrap(""), [""]);
    }

    proptest! {
        #[test]
        fn keeps_every_letter_and_the_width(text in "[a-z ]{0,80}", width in 1usize..30) {
            let lines = lines(width, &Printable::text(&text));
            prop_assert!(lines.iter().all(|line| line.len() <= width));
            let squeeze = |text: &str| text.replace(' ', "");
            prop_assert_eq!(squeeze(&lines.concat()), squeeze(&text));
        }
    }
}
