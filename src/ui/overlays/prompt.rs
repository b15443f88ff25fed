//! A question that one line of text answers.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::{Next, Overlay, window};
use crate::log::sanitise::Printable;
use crate::ui::Ui;
use crate::ui::canvas::Canvas;
use crate::ui::widgets::paragraph::{put_wrapped, wrapped_rows};
use crate::ui::widgets::text_input::{Edit, InputStyles, TextInput};

type Check = Box<dyn Fn(&Ui, &str) -> Result<(), String>>;
type Act = Box<dyn Fn(&mut Ui, &str)>;

pub(in crate::ui) struct Prompt {
    title: String,
    label: &'static str,
    input: TextInput,
    /// The words that it is one of, if it is no free text.
    choices: Vec<&'static str>,
    /// Whether the text is still the one to start from, and selected: what is typed takes its place.
    selected: bool,
    /// Whether anything was typed or agreed to by now.
    touched: bool,
    /// What is to be known before it is answered.
    hint: String,
    check: Check,
    act: Act,
}

impl Prompt {
    /// Asks under `title` for `label`, with `text` to start from; only what `check` accepts is given to `act`.
    pub(in crate::ui) fn new(
        title: &str,
        label: &'static str,
        text: &str,
        check: impl Fn(&Ui, &str) -> Result<(), String> + 'static,
        act: impl Fn(&mut Ui, &str) + 'static,
    ) -> Self {
        Self {
            title: title.to_owned(),
            label,
            input: TextInput::with_text(text),
            choices: Vec::new(),
            selected: false,
            touched: false,
            hint: String::new(),
            check: Box::new(check),
            act: Box::new(act),
        }
    }

    /// Selects the text to start from, for where another is wanted more often than more of it.
    pub(in crate::ui) fn with_text_selected(mut self) -> Self {
        self.selected = !self.input.is_empty();
        self
    }

    /// Lets the answer be one of these words, which Left and Right turn; with none, any text.
    pub(in crate::ui) fn with_choices(mut self, choices: Vec<&'static str>) -> Self {
        self.choices = choices;
        if !self.choices.is_empty() && !self.choices.contains(&self.input.text()) {
            self.turn(0);
        }
        self
    }

    /// Says this below the text.
    pub(in crate::ui) fn with_hint(mut self, hint: String) -> Self {
        self.hint = hint;
        self
    }

    fn turn(&mut self, by: isize) {
        let at = self.choices.iter().position(|choice| *choice == self.input.text()).unwrap_or(0);
        let next = (at.cast_signed() + by).rem_euclid(self.choices.len().cast_signed());
        self.input.set_text(self.choices[next.cast_unsigned()]);
    }

    fn edit(&mut self, edit: Edit) {
        self.touched = true;
        match edit {
            edit if self.choices.is_empty() => {
                let was_selected = std::mem::take(&mut self.selected);
                if was_selected && matches!(edit, Edit::Insert(_) | Edit::InsertText(_)) {
                    self.input.clear();
                }
                self.input.apply(edit);
            }
            Edit::Left => self.turn(-1),
            Edit::Right | Edit::Insert(' ') => self.turn(1),
            _ => {}
        }
    }
}

impl Overlay for Prompt {
    fn key(&mut self, key: KeyEvent, ui: &mut Ui) -> Next {
        match key.code {
            KeyCode::Esc => return Next::Close,
            KeyCode::Enter => {
                self.touched = true;
                if (self.check)(ui, self.input.text()).is_ok() {
                    (self.act)(ui, self.input.text());
                    return Next::Close;
                }
            }
            _ => {
                if let Some(edit) = Edit::of(key) {
                    self.edit(edit);
                }
            }
        }
        Next::Stay
    }

    fn paste(&mut self, text: &str, _ui: &mut Ui) {
        self.edit(Edit::InsertText(text.to_owned()));
    }

    fn render(&self, canvas: &mut Canvas<'_>, screen: Rect, ui: &Ui) {
        let wrong = (self.check)(ui, self.input.text()).err();
        // What is empty because nothing was typed yet is not told as a mistake.
        let wrong = wrong.filter(|_| self.touched || !self.input.is_empty());
        let hint = Printable::text(&self.hint);
        let why = wrong.as_deref().map(Printable::text);
        let width = (Printable::text(&self.title).width() + 6).max(70);
        let width = u16::try_from(width).unwrap_or(u16::MAX).min(screen.width.saturating_sub(2));
        let rows = |text: &Printable| wrapped_rows(width.saturating_sub(4), text);
        let below = if hint.is_empty() { 0 } else { rows(&hint) };
        let last = why.as_ref().map_or(1, rows);
        let inside = window(canvas, screen, ui, &self.title, width, 5 + below + last);
        let look = &ui.look;
        let x = canvas.put(
            inside.x,
            inside.y + 1,
            inside.right(),
            &Printable::text(&format!("{}: ", self.label)),
            look.dim,
        );
        let line = Rect { x, y: inside.y + 1, width: inside.right().saturating_sub(x), height: 1 };
        let styles = InputStyles { text: look.text, cursor: look.selected, error: look.error, placeholder: look.dim };
        let keys = if self.choices.is_empty() {
            self.input.render(canvas, line, &styles, None, true);
            if self.selected {
                let width = Printable::text(self.input.text()).width();
                let width = u16::try_from(width).unwrap_or(u16::MAX).min(line.width);
                canvas.style(Rect { width, ..line }, look.selected);
            }
            "Enter agrees, Esc leaves it"
        } else {
            let text = Printable::text(&format!("< {} >", self.input.text()));
            canvas.put(line.x, line.y, line.right(), &text, look.selected);
            "Left/Right choice, Enter agrees, Esc leaves it"
        };
        let bottom = inside.bottom().saturating_sub(last);
        let place = Rect { y: inside.y + 2, height: bottom.saturating_sub(inside.y + 2).min(below), ..inside };
        put_wrapped(canvas, place, &hint, look.dim);
        let place = Rect { y: bottom, height: inside.bottom().saturating_sub(bottom), ..inside };
        match &why {
            None => put_wrapped(canvas, place, &Printable::text(keys), look.dim),
            Some(why) => put_wrapped(canvas, place, why, look.error),
        };
    }
}
