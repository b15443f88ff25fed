//! What a frame writes to the terminal: as little as makes the screen what it is to be.
//!
//! Owns the difference between two frames. It scrolls rows that only moved, leaves out what is the same, erases what is
//! to be blank, and changes the pen only where that shows. Every sequence is of ECMA-48 or of the VT100, but for the
//! marks around a frame (private mode 2026), which let a terminal show it at once and which others pass over. It never
//! decides what is shown, nor asks the terminal anything.

#[cfg(test)]
mod tests;

use std::io::{self, Write};

use ratatui::buffer::{Buffer, Cell, CellDiffOption, CellWidth};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

/// Rows are compared in pieces of so many columns, to find those that moved.
const PIECE: usize = 8;

/// How many pieces must be saved for scrolling to be worth its own sequences.
const WORTH_SCROLLING: isize = 4;

/// From how many blanks on erasing them is shorter than writing them.
const WORTH_ERASING: u16 = 10;

/// How many columns are written once more rather than passed over.
const WORTH_PASSING: u16 = 4;

/// The modifiers that show where there is no character.
const SHOWS_ON_BLANKS: Modifier = Modifier::UNDERLINED.union(Modifier::REVERSED).union(Modifier::CROSSED_OUT);

/// Draws frames on a terminal, each as what differs from the one before.
#[derive(Debug)]
pub struct Painter {
    shown: Frame,
    next: Frame,
    /// The terminal is to be cleared first.
    anew: bool,
    out: Vec<u8>,
}

/// What the terminal shows.
#[derive(Debug)]
struct Frame {
    buffer: Buffer,
    /// Which cells are the second half of a wide character.
    hidden: Vec<bool>,
    /// A number for each piece of each row, the same where all cells are.
    pieces: Vec<u64>,
}

/// How cells are drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Pen {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

const DEFAULT_PEN: Pen = Pen { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() };

/// Rows from `top` to before `bottom` that move up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Scroll {
    top: usize,
    bottom: usize,
    by: usize,
}

/// Where the sequences of a frame are gathered, and what they have brought about.
struct Brush<'a> {
    out: &'a mut Vec<u8>,
    pen: Pen,
    /// Where the cursor is, as long as that is certain.
    at: Option<(u16, u16)>,
}

impl Painter {
    /// A painter for a terminal of which nothing is known.
    #[must_use]
    pub fn new() -> Self {
        let blank = || Frame::new(Rect::ZERO);
        Self { shown: blank(), next: blank(), anew: true, out: Vec::new() }
    }

    /// Forgets what the terminal shows, so that the next frame draws all of it.
    pub fn forget(&mut self) {
        self.anew = true;
    }

    /// Draws a frame on a terminal of this size, in one write; nothing is written where nothing differs.
    ///
    /// # Errors
    /// When the terminal can't be written to.
    pub fn draw(
        &mut self,
        terminal: &mut impl Write,
        columns: u16,
        rows: u16,
        render: impl FnOnce(&mut Buffer),
    ) -> io::Result<()> {
        let area = Rect::new(0, 0, columns, rows);
        if area != self.shown.buffer.area {
            (self.shown, self.next) = (Frame::new(area), Frame::new(area));
            self.anew = true;
        }
        self.next.buffer.reset();
        render(&mut self.next.buffer);
        self.next.measure();
        self.out.clear();
        self.out.extend(b"\x1b[?2026h");
        let start = self.out.len();
        if std::mem::take(&mut self.anew) {
            self.out.extend(b"\x1b[m\x1b[2J");
            self.shown.blank(0, area.height.into());
        } else if let Some(scroll) = self.shown.scroll_to(&self.next) {
            let Scroll { top, bottom, by } = scroll;
            // DECSTBM takes rows from 1 on, and the last one of the region. It moves the cursor, and so does resetting.
            let _ = write!(self.out, "\x1b[{};{bottom}r\x1b[{by}S\x1b[r", top + 1);
            self.shown.scroll(scroll);
        }
        let mut brush = Brush { out: &mut self.out, pen: DEFAULT_PEN, at: None };
        for y in 0..rows {
            brush.row(y, &self.shown, &self.next);
        }
        brush.turn(DEFAULT_PEN);
        if self.out.len() > start {
            self.out.extend(b"\x1b[?2026l");
            terminal.write_all(&self.out)?;
            terminal.flush()?;
        }
        std::mem::swap(&mut self.shown, &mut self.next);
        Ok(())
    }
}

impl Default for Painter {
    fn default() -> Self {
        Self::new()
    }
}

impl Frame {
    fn new(area: Rect) -> Self {
        let mut frame = Self { buffer: Buffer::empty(area), hidden: Vec::new(), pieces: Vec::new() };
        frame.hidden.resize(frame.buffer.content.len(), false);
        let pieces = frame.pieces_of_a_row();
        let row: Vec<u64> = (0..pieces).map(|index| blank_piece(frame.width(), index)).collect();
        frame.pieces = row.repeat(area.height.into());
        frame
    }

    fn width(&self) -> usize {
        self.buffer.area.width.into()
    }

    fn pieces_of_a_row(&self) -> usize {
        self.width().div_ceil(PIECE)
    }

    /// Finds the second halves of wide characters, and numbers the pieces.
    fn measure(&mut self) {
        let width = self.width();
        self.hidden.clear();
        self.pieces.clear();
        for row in self.buffer.content.chunks(width.max(1)) {
            let mut covered = 0;
            for piece in row.chunks(PIECE) {
                let mut number = 0;
                for cell in piece {
                    let hidden = covered > 0;
                    covered = if hidden { covered - 1 } else { columns(cell).saturating_sub(1) };
                    self.hidden.push(hidden);
                    number = mix(number, cell, hidden);
                }
                self.pieces.push(number);
            }
        }
    }

    /// Makes rows blank.
    fn blank(&mut self, from: usize, to: usize) {
        let (width, pieces) = (self.width(), self.pieces_of_a_row());
        self.buffer.content[from * width..to * width].fill(Cell::EMPTY);
        self.hidden[from * width..to * width].fill(false);
        let mut number = vec![0; pieces];
        for (index, number) in number.iter_mut().enumerate() {
            *number = blank_piece(width, index);
        }
        for row in from..to {
            self.pieces[row * pieces..(row + 1) * pieces].copy_from_slice(&number);
        }
    }

    /// Moves rows up as the terminal does.
    fn scroll(&mut self, scroll: Scroll) {
        let Scroll { top, bottom, by } = scroll;
        let (width, pieces) = (self.width(), self.pieces_of_a_row());
        self.buffer.content[top * width..bottom * width].rotate_left(by * width);
        self.hidden[top * width..bottom * width].rotate_left(by * width);
        self.pieces[top * pieces..bottom * pieces].rotate_left(by * pieces);
        self.blank(bottom - by, bottom);
    }

    /// Which rows are best moved up to become those of another frame; `None` where drawing is no longer than that.
    fn scroll_to(&self, next: &Self) -> Option<Scroll> {
        let (height, pieces) = (usize::from(self.buffer.area.height), self.pieces_of_a_row());
        let row = |frame: &Self, y: usize| y * pieces..((y + 1) * pieces).min(frame.pieces.len());
        let same: Vec<isize> =
            (0..height).map(|y| matching(&self.pieces[row(self, y)], &next.pieces[row(next, y)])).collect();
        let all = isize::try_from(pieces).ok()?;
        // A screen on which next to nothing changes is not searched.
        if same.iter().map(|same| all - same).sum::<isize>() < WORTH_SCROLLING {
            return None;
        }
        let blank: Vec<u64> = (0..pieces).map(|index| blank_piece(self.width(), index)).collect();
        let blanks: Vec<isize> = (0..height).map(|y| matching(&blank, &next.pieces[row(next, y)])).collect();
        let mut best: Option<(isize, Scroll)> = None;
        for by in 1..=height / 2 {
            // The run of rows of which the most comes to be right by moving.
            let (mut gain, mut top) = (0, 0);
            for y in 0..height - by {
                if gain <= 0 {
                    (gain, top) = (0, y);
                }
                gain += matching(&self.pieces[row(self, y + by)], &next.pieces[row(next, y)]) - same[y];
                let bottom = y + 1 + by;
                if gain > best.map_or(WORTH_SCROLLING, |best| best.0) {
                    // What comes in from below is blank.
                    let below: isize = (bottom - by..bottom).map(|y| blanks[y] - same[y]).sum();
                    let whole = gain + below;
                    if whole > best.map_or(WORTH_SCROLLING, |best| best.0) {
                        best = Some((whole, Scroll { top, bottom, by }));
                    }
                }
            }
        }
        best.map(|best| best.1)
    }

    /// Whether a cell of this frame looks as the same one of the other.
    fn is_same(&self, other: &Self, index: usize) -> bool {
        let (hidden, of_other) = (self.hidden[index], other.hidden[index]);
        hidden == of_other && (hidden || looks_same(&self.buffer.content[index], &other.buffer.content[index]))
    }
}

impl Brush<'_> {
    /// Makes a row what it is to be.
    fn row(&mut self, y: u16, shown: &Frame, next: &Frame) {
        let width = next.buffer.area.width;
        let start = usize::from(y) * usize::from(width);
        let cell = |x: u16| &next.buffer.content[start + usize::from(x)];
        let mut x = 0;
        while x < width {
            let index = start + usize::from(x);
            // The second half comes with the first, which differs where it does.
            if next.hidden[index] || next.is_same(shown, index) {
                x += 1;
                continue;
            }
            self.go(x, y, next);
            let blanks = (x..width).take_while(|x| is_erased(cell(*x))).count();
            let blanks = u16::try_from(blanks).unwrap_or(u16::MAX);
            // Only as far as something differs.
            let changed = (x..x + blanks).rev().find(|x| !next.is_same(shown, start + usize::from(*x)));
            let erased = changed.map_or(0, |last| last + 1 - x);
            if erased >= WORTH_ERASING {
                // What is erased has the background of the pen.
                if self.pen.bg != Color::Reset || self.pen.modifier.intersects(SHOWS_ON_BLANKS) {
                    self.turn(DEFAULT_PEN);
                }
                if x + blanks == width {
                    self.out.extend(b"\x1b[K");
                } else {
                    let _ = write!(self.out, "\x1b[{erased}X");
                }
                x += erased;
                continue;
            }
            x += self.put(x, y, cell(x), width);
        }
    }

    /// Writes a cell where the cursor is, and tells its columns.
    fn put(&mut self, x: u16, y: u16, cell: &Cell, width: u16) -> u16 {
        let pen = Pen { fg: cell.fg, bg: cell.bg, modifier: cell.modifier };
        if !(cell.symbol() == " " && blanks_alike(pen, self.pen)) {
            self.turn(pen);
        }
        self.out.extend(cell.symbol().as_bytes());
        let columns = columns(cell);
        // Terminals differ in how wide they take what is more than one plain character, and in what comes after the
        // last column.
        let is_plain = columns == 1 && cell.symbol().chars().nth(1).is_none();
        self.at = (is_plain && x + 1 < width).then_some((x + 1, y));
        columns
    }

    /// Moves the cursor.
    fn go(&mut self, x: u16, y: u16, next: &Frame) {
        match self.at {
            Some(at) if at == (x, y) => {}
            Some((from, row)) if row == y && from < x => {
                let start = usize::from(y) * usize::from(next.buffer.area.width);
                let cells = start + usize::from(from)..start + usize::from(x);
                let between = &next.buffer.content[cells];
                let pen = self.pen;
                let fits = |cell: &Cell| {
                    let other = Pen { fg: cell.fg, bg: cell.bg, modifier: cell.modifier };
                    cell.symbol().len() == 1 && (other == pen || (cell.symbol() == " " && blanks_alike(other, pen)))
                };
                if x - from <= WORTH_PASSING && between.iter().all(fits) {
                    for cell in between {
                        self.out.extend(cell.symbol().as_bytes());
                    }
                } else if x - from == 1 {
                    self.out.extend(b"\x1b[C");
                } else {
                    let _ = write!(self.out, "\x1b[{}C", x - from);
                }
            }
            _ if x == 0 => {
                let _ = write!(self.out, "\x1b[{}H", y + 1);
            }
            _ => {
                let _ = write!(self.out, "\x1b[{};{}H", y + 1, x + 1);
            }
        }
        self.at = Some((x, y));
    }

    /// Takes another pen.
    fn turn(&mut self, pen: Pen) {
        if pen == self.pen {
            return;
        }
        self.out.extend(b"\x1b[");
        let start = self.out.len();
        let mut from = self.pen;
        // What is no more is put away by putting away all.
        if pen == DEFAULT_PEN || !pen.modifier.contains(from.modifier) {
            from = DEFAULT_PEN;
            if pen != DEFAULT_PEN {
                self.out.extend(b"0;");
            }
        }
        for (number, modifier) in (pen.modifier - from.modifier).iter().map(|modifier| (sgr(modifier), modifier)) {
            debug_assert!(number > 0, "{modifier:?}");
            let _ = write!(self.out, "{number};");
        }
        if pen.fg != from.fg {
            self.colour(pen.fg, 3);
        }
        if pen.bg != from.bg {
            self.colour(pen.bg, 4);
        }
        if self.out.len() > start {
            self.out.pop();
        }
        self.out.push(b'm');
        self.pen = pen;
    }

    /// A colour and a semicolon, for the ground (4) or what is on it (3).
    fn colour(&mut self, colour: Color, ground: u8) {
        let _ = match colour {
            Color::Reset => write!(self.out, "{ground}9;"),
            Color::Rgb(red, green, blue) => write!(self.out, "{ground}8;2;{red};{green};{blue};"),
            indexed => write!(self.out, "{ground}8;5;{};", index(indexed)),
        };
    }
}

/// How many pieces of two rows are the same.
fn matching(left: &[u64], right: &[u64]) -> isize {
    left.iter().zip(right).map(|(left, right)| isize::from(left == right)).sum()
}

/// The number of this piece of a row that is blank.
fn blank_piece(width: usize, index: usize) -> u64 {
    let cells = (width - index * PIECE).min(PIECE);
    (0..cells).fold(0, |number, _| mix(number, &Cell::EMPTY, false))
}

/// The number of a piece with one more cell. Two pieces that differ may have the same: then a frame is written that is
/// longer than need be, and right all the same.
fn mix(number: u64, cell: &Cell, hidden: bool) -> u64 {
    let step = |number: u64, value: u64| (number.rotate_left(5) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    if hidden {
        return step(number, 1);
    }
    let symbol = cell.symbol();
    let mut style = shade(cell.bg);
    if symbol != " " || cell.modifier.intersects(SHOWS_ON_BLANKS) {
        style |= shade(cell.fg) << 32 | u64::from(cell.modifier.bits()) << 48;
    }
    let character = symbol.bytes().fold(0, |word: u64, byte| word.rotate_left(8) ^ u64::from(byte));
    step(step(number, character), style)
}

/// A number for a colour.
fn shade(colour: Color) -> u64 {
    match colour {
        Color::Reset => 256,
        Color::Rgb(red, green, blue) => 1 << 24 | u64::from(red) << 16 | u64::from(green) << 8 | u64::from(blue),
        indexed => index(indexed).into(),
    }
}

/// The place of a colour among the 256.
const fn index(colour: Color) -> u8 {
    match colour {
        Color::Reset | Color::Black | Color::Rgb(..) => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
        Color::Indexed(index) => index,
    }
}

/// The parameter of SGR that turns a modifier on.
fn sgr(modifier: Modifier) -> u8 {
    let known = [
        (Modifier::BOLD, 1),
        (Modifier::DIM, 2),
        (Modifier::ITALIC, 3),
        (Modifier::UNDERLINED, 4),
        (Modifier::SLOW_BLINK, 5),
        (Modifier::RAPID_BLINK, 6),
        (Modifier::REVERSED, 7),
        (Modifier::HIDDEN, 8),
        (Modifier::CROSSED_OUT, 9),
    ];
    known.iter().find(|known| known.0 == modifier).map_or(0, |known| known.1)
}

/// How many columns a cell takes.
fn columns(cell: &Cell) -> u16 {
    match cell.diff_option {
        CellDiffOption::ForcedWidth(columns) => columns.get(),
        _ if cell.symbol().len() == 1 => 1,
        _ => cell.cell_width().max(1),
    }
}

fn looks_same(left: &Cell, right: &Cell) -> bool {
    let pen = |cell: &Cell| Pen { fg: cell.fg, bg: cell.bg, modifier: cell.modifier };
    let (first, second) = (pen(left), pen(right));
    left.symbol() == right.symbol()
        && (left.diff_option == right.diff_option || columns(left) == columns(right))
        && (first == second || (left.symbol() == " " && blanks_alike(first, second)))
}

/// Whether a blank looks the same by both pens.
fn blanks_alike(left: Pen, right: Pen) -> bool {
    left.bg == right.bg && !(left.modifier | right.modifier).intersects(SHOWS_ON_BLANKS)
}

/// Whether a cell is as the terminal leaves what it erases.
fn is_erased(cell: &Cell) -> bool {
    cell.symbol() == " " && cell.bg == Color::Reset && !cell.modifier.intersects(SHOWS_ON_BLANKS)
}
