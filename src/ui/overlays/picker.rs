//! A list to choose from: type to narrow it, Enter to take.

use std::cell::Cell;

use crossterm::event::{KeyCode, KeyEvent};
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Next, Overlay, window};
use crate::log::sanitise::Printable;
use crate::ui::Ui;
use crate::ui::canvas::Canvas;
use crate::ui::widgets::text_input::{Edit, InputStyles, TextInput};

/// One row of a [`Picker`].
pub(in crate::ui) struct Item {
    pub(in crate::ui) label: String,
    /// Shown behind the label, and searched like it.
    pub(in crate::ui) detail: String,
    /// At the right edge: a key, a count.
    pub(in crate::ui) note: String,
    /// Why it can't be taken now.
    pub(in crate::ui) unavailable: Option<String>,
    pub(in crate::ui) take: Box<dyn Fn(&mut Ui)>,
}

/// Acts on a text for which it need not be looked up among the rows, or says why it is none.
type TakeText = fn(&mut Ui, &str) -> Result<(), String>;

/// Acts on a key with the index of the chosen row, if there is any, or leaves it to the picker.
type TakeKey = Box<dyn Fn(&mut Ui, KeyEvent, Option<usize>) -> Option<Next>>;

/// What there is to say of the chosen row, by its index.
type LineOf = Box<dyn Fn(&Ui, usize) -> String>;

pub(in crate::ui) struct Picker {
    title: String,
    hint: String,
    items: Vec<Item>,
    query: TextInput,
    shown: Vec<usize>,
    chosen: usize,
    take_text: Option<TakeText>,
    take_key: Option<TakeKey>,
    line_of: Option<LineOf>,
    error: Option<String>,
    /// Where the rows were drawn, and the index of the first.
    drawn: Cell<(Rect, usize)>,
}

impl Picker {
    pub(in crate::ui) fn new(title: &str, hint: impl Into<String>, items: Vec<Item>) -> Self {
        let shown = (0..items.len()).collect();
        Self {
            title: title.to_owned(),
            hint: hint.into(),
            items,
            query: TextInput::new(),
            shown,
            chosen: 0,
            take_text: None,
            take_key: None,
            line_of: None,
            error: None,
            drawn: Cell::default(),
        }
    }

    /// A text is first given to `take`, which acts if it can be meant as it stands, and else says why not.
    pub(in crate::ui) fn or_text(mut self, take: TakeText) -> Self {
        self.take_text = Some(take);
        self
    }

    /// Shows above the hint what `line_of` says of the item that is chosen, by its index.
    pub(in crate::ui) fn with_line(mut self, line_of: impl Fn(&Ui, usize) -> String + 'static) -> Self {
        self.line_of = Some(Box::new(line_of));
        self
    }

    /// A key is first given to `take`, with the index among the items of the one that is chosen.
    pub(in crate::ui) fn with_keys(
        mut self,
        take: impl Fn(&mut Ui, KeyEvent, Option<usize>) -> Option<Next> + 'static,
    ) -> Self {
        self.take_key = Some(Box::new(take));
        self
    }

    fn narrow(&mut self) {
        self.error = None;
        self.chosen = 0;
        let pattern = Pattern::parse(self.query.text(), CaseMatching::Ignore, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut buffer = Vec::new();
        let mut scored: Vec<(u32, usize)> = self
            .items
            .iter()
            .enumerate()
            .filter_map(|(index, item)| {
                let text = format!("{} {}", item.label, item.detail);
                let score = pattern.score(Utf32Str::new(&text, &mut buffer), &mut matcher)?;
                Some((score, index))
            })
            .collect();
        scored.sort_by_key(|(score, index)| (std::cmp::Reverse(*score), *index));
        self.shown = scored.into_iter().map(|(_, index)| index).collect();
    }

    fn take(&mut self, ui: &mut Ui) -> Next {
        // What can only be meant as it stands is not looked up: an address is like many others.
        let text = self.take_text.filter(|_| !self.query.is_empty()).map(|take| take(ui, self.query.text()));
        if text == Some(Ok(())) {
            return Next::Close;
        }
        if let Some(item) = self.shown.get(self.chosen).map(|index| &self.items[*index]) {
            if let Some(why) = &item.unavailable {
                self.error = Some(format!("Not now: {why}"));
                return Next::Stay;
            }
            (item.take)(ui);
            return Next::Close;
        }
        self.error = text.and_then(Result::err);
        Next::Stay
    }

    fn move_by(&mut self, rows: isize) {
        self.chosen = self.chosen.saturating_add_signed(rows).min(self.shown.len().saturating_sub(1));
    }
}

impl Overlay for Picker {
    fn key(&mut self, key: KeyEvent, ui: &mut Ui) -> Next {
        if let Some(take) = &self.take_key
            && let Some(next) = take(ui, key, self.shown.get(self.chosen).copied())
        {
            return next;
        }
        match key.code {
            KeyCode::Esc => return Next::Close,
            KeyCode::Enter => return self.take(ui),
            KeyCode::Down | KeyCode::Tab => self.move_by(1),
            KeyCode::Up | KeyCode::BackTab => self.move_by(-1),
            KeyCode::PageDown => self.move_by(10),
            KeyCode::PageUp => self.move_by(-10),
            _ => {
                if let Some(edit) = Edit::of(key) {
                    self.query.apply(edit);
                    self.narrow();
                }
            }
        }
        Next::Stay
    }

    fn paste(&mut self, text: &str, _ui: &mut Ui) {
        self.query.apply(crate::ui::widgets::text_input::Edit::InsertText(text.to_owned()));
        self.narrow();
    }

    fn mouse(&mut self, x: u16, y: u16, wheel: i32, ui: &mut Ui) -> Next {
        let (rows, first) = self.drawn.get();
        if wheel != 0 {
            self.move_by(wheel.signum() as isize);
        } else if rows.contains((x, y).into()) {
            let index = first + usize::from(y - rows.y);
            if index < self.shown.len() {
                self.chosen = index;
                return self.take(ui);
            }
        }
        Next::Stay
    }

    fn render(&self, canvas: &mut Canvas<'_>, screen: Rect, ui: &Ui) {
        let width = screen.width.saturating_sub(6).min(90);
        let height = u16::try_from(self.items.len() + 5 + usize::from(self.line_of.is_some()))
            .unwrap_or(u16::MAX)
            .min(screen.height.saturating_sub(4))
            .max(8);
        let inside = window(canvas, screen, ui, &self.title, width, height);
        let look = &ui.look;
        let styles = InputStyles { text: look.text, cursor: look.selected, error: look.error, placeholder: look.dim };
        canvas.put(inside.x, inside.y, inside.right(), &Printable::text("> "), look.key);
        let line = Rect { x: inside.x + 2, width: inside.width.saturating_sub(2), height: 1, ..inside };
        self.query.render(canvas, line, &styles, None, true);
        let below = 2 + u16::from(self.line_of.is_some());
        let rows = Rect { y: inside.y + 1, height: inside.height.saturating_sub(below), ..inside };
        let first = (self.chosen + 1).saturating_sub(usize::from(rows.height));
        self.drawn.set((rows, first));
        let label_width = self.items.iter().map(|item| Printable::text(&item.label).width()).max().unwrap_or(0);
        let label_width = u16::try_from(label_width).unwrap_or(u16::MAX).min(inside.width / 2) + 2;
        for (y, index) in (rows.y..rows.bottom()).zip(self.shown.iter().skip(first)) {
            let item = &self.items[*index];
            let style = if item.unavailable.is_some() { look.dim } else { look.text };
            let note = Printable::text(&item.note);
            let note_width = u16::try_from(note.width()).unwrap_or(0);
            let note_x = rows.right().saturating_sub(note_width + 1);
            let mut cut = |x: u16, end: u16, text: &str, style: Style| {
                let text = Printable::text(text).truncate(usize::from(end.saturating_sub(x)), look.marks.ellipsis);
                canvas.put(x, y, end, &text, style);
            };
            cut(rows.x, rows.x + label_width - 1, &item.label, style);
            cut(rows.x + label_width, note_x.saturating_sub(1), &item.detail, look.dim);
            canvas.put(note_x, y, rows.right(), &note, look.key);
        }
        if let Some(row) = self.chosen.checked_sub(first).and_then(|row| u16::try_from(row).ok())
            && !self.shown.is_empty()
        {
            canvas.style(Rect { y: rows.y + row, height: 1, ..rows }, look.selected);
        }
        let bottom = inside.bottom().saturating_sub(1);
        if let (Some(line_of), Some(index)) = (&self.line_of, self.shown.get(self.chosen)) {
            let line = Printable::text(&line_of(ui, *index));
            let line = line.truncate(usize::from(inside.width), look.marks.ellipsis);
            canvas.put(inside.x, bottom - 1, inside.right(), &line, look.text);
        }
        match &self.error {
            Some(error) => canvas.put(inside.x, bottom, inside.right(), &Printable::text(error), look.error),
            None => canvas.put(inside.x, bottom, inside.right(), &Printable::text(&self.hint), look.dim),
        };
    }
}
