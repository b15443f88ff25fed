//! What the painter writes, as a terminal shows it.

use std::num::NonZeroU16;

use proptest::prelude::*;
use ratatui::style::Style;

use super::*;

const COLUMNS: u16 = 40;
const ROWS: u16 = 12;

/// A text somewhere, in some style.
type Put = (u16, u16, String, usize, usize);

fn styles() -> [Style; 6] {
    [
        Style::new(),
        Style::new().fg(Color::Red),
        Style::new().fg(Color::Indexed(244)).add_modifier(Modifier::BOLD),
        Style::new().bg(Color::Rgb(1, 2, 3)),
        Style::new().add_modifier(Modifier::REVERSED),
        Style::new().fg(Color::DarkGray).add_modifier(Modifier::UNDERLINED | Modifier::ITALIC),
    ]
}

fn paint(buffer: &mut Buffer, puts: &[Put]) {
    for (x, y, text, style, repeat) in puts {
        let line = text.repeat(*repeat);
        buffer.set_stringn(*x, *y, line, usize::from(COLUMNS - x), styles()[*style]);
    }
}

fn terminal() -> vt100::Parser {
    let cells = |count| NonZeroU16::new(count).unwrap();
    vt100::Parser::new(cells(ROWS), cells(COLUMNS), 0)
}

fn same_colour(shown: vt100::Color, wanted: Color) -> bool {
    match shown {
        vt100::Color::Default => wanted == Color::Reset,
        vt100::Color::Idx(shown) => !matches!(wanted, Color::Reset | Color::Rgb(..)) && shown == index(wanted),
        vt100::Color::Rgb(red, green, blue) => wanted == Color::Rgb(red, green, blue),
    }
}

/// Where the terminal does not show what the buffer holds.
fn first_difference(screen: &vt100::Screen, buffer: &Buffer) -> Option<String> {
    for y in 0..ROWS {
        let mut covered = 0;
        for x in 0..COLUMNS {
            let (shown, wanted) = (screen.cell(y, x).unwrap(), &buffer[(x, y)]);
            if covered > 0 {
                covered -= 1;
                continue;
            }
            covered = columns(wanted) - 1;
            let text = if shown.contents().is_empty() { " " } else { shown.contents() };
            let is_visible = wanted.symbol() != " " || wanted.modifier.intersects(SHOWS_ON_BLANKS);
            let has = |modifier| wanted.modifier.contains(modifier);
            let alike = text == wanted.symbol()
                && same_colour(shown.bgcolor(), wanted.bg)
                && shown.inverse() == has(Modifier::REVERSED)
                && shown.underline() == has(Modifier::UNDERLINED)
                && (!is_visible
                    || same_colour(shown.fgcolor(), wanted.fg)
                        && shown.bold() == has(Modifier::BOLD)
                        && shown.italic() == has(Modifier::ITALIC));
            if !alike {
                return Some(format!("at {x},{y}: `{text}` and not {wanted:?}"));
            }
        }
    }
    None
}

fn puts() -> impl Strategy<Value = Vec<Put>> {
    let text = prop_oneof!["[a-c ]{1,12}", "[日a│─ é]{1,8}", " {1,20}"];
    prop::collection::vec((0..COLUMNS, 0..ROWS, text, 0..styles().len(), 1usize..4), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    // Whatever frames follow each other, some of them the one before with rows that moved: the terminal shows them.
    #[test]
    fn the_terminal_shows_every_frame(frames in prop::collection::vec((puts(), 0usize..4, any::<bool>()), 1..8)) {
        let (mut painter, mut written) = (Painter::new(), Vec::new());
        let mut terminal = terminal();
        let mut last = Buffer::empty(Rect::new(0, 0, COLUMNS, ROWS));
        for (puts, moved, forgets) in frames {
            let mut wanted = last.clone();
            let width = usize::from(COLUMNS);
            wanted.content[2 * width..10 * width].rotate_left(moved * width);
            // What is put over half of a wide character leaves the other half, which the canvas would blank.
            paint(&mut wanted, &puts);
            for cell in &mut wanted.content {
                cell.set_diff_option(CellDiffOption::None);
            }
            if forgets {
                painter.forget();
            }
            painter.draw(&mut written, COLUMNS, ROWS, |buffer| buffer.clone_from(&wanted)).unwrap();
            terminal.process(&std::mem::take(&mut written));
            prop_assert_eq!(first_difference(terminal.screen(), &wanted), None);
            last = wanted;
        }
    }
}

#[test]
fn what_is_the_same_is_not_written() {
    let (mut painter, mut written) = (Painter::new(), Vec::new());
    let put = [(3, 3, "text".to_owned(), 1, 2)];
    painter.draw(&mut written, COLUMNS, ROWS, |buffer| paint(buffer, &put)).unwrap();
    written.clear();
    painter.draw(&mut written, COLUMNS, ROWS, |buffer| paint(buffer, &put)).unwrap();
    assert_eq!(written.len(), 0);
}

#[test]
fn rows_that_move_up_beside_others_that_stay_are_not_written_again() {
    let (mut painter, mut written) = (Painter::new(), Vec::new());
    let mut terminal = terminal();
    let frame = |buffer: &mut Buffer, first: u16| {
        paint(buffer, &[(0, 1, "a list".to_owned(), 0, 1), (0, 11, "status".to_owned(), 4, 1)]);
        for y in 0..10 {
            let row = format!("row {} of the log", u32::from(first + y) * 7919);
            paint(buffer, &[(8, y, row, 1, 1)]);
        }
    };
    painter.draw(&mut written, COLUMNS, ROWS, |buffer| frame(buffer, 0)).unwrap();
    let whole = written.len();
    terminal.process(&std::mem::take(&mut written));
    painter.draw(&mut written, COLUMNS, ROWS, |buffer| frame(buffer, 1)).unwrap();
    let moved = written.len();
    assert!(moved * 3 < whole, "{moved} of {whole} bytes");
    terminal.process(&std::mem::take(&mut written));
    let mut wanted = Buffer::empty(Rect::new(0, 0, COLUMNS, ROWS));
    frame(&mut wanted, 1);
    assert_eq!(first_difference(terminal.screen(), &wanted), None);
}
