//! What is looked for as it is typed, over the top of the log: the cursor goes to the match at once.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::filter::{input_line, line_below};
use super::{Next, Overlay};
use crate::log::sanitise::Printable;
use crate::log::{FilterError, Find, Needle, Spot};
use crate::ui::Ui;
use crate::ui::canvas::Canvas;
use crate::ui::panes::log::find::{self, Jump};
use crate::ui::widgets::text_input::{Edit, TextInput};

pub(in crate::ui) struct FindLine {
    input: TextInput,
    /// Whether the text is still the one of the last time: what is typed takes its place.
    selected: bool,
    error: Option<FilterError>,
    /// Something else was typed than what was looked for before.
    changed: bool,
    /// What was looked for before, once something else was typed.
    before: Option<Find>,
    /// Where the cursor was; `None` for the newest row.
    origin: Option<Spot>,
}

impl FindLine {
    pub(in crate::ui) fn new(ui: &Ui) -> Self {
        let view = &ui.bench.view;
        let origin = if view.is_following() { None } else { view.cursor() };
        let text = ui.bench.find.as_ref().map_or("", Find::text);
        Self {
            input: TextInput::with_text(text),
            selected: !text.is_empty(),
            error: None,
            changed: false,
            before: None,
            origin,
        }
    }

    fn apply(&mut self, edit: Edit, ui: &mut Ui) {
        let text = self.input.text().to_owned();
        if std::mem::take(&mut self.selected) && matches!(edit, Edit::Insert(_) | Edit::InsertText(_)) {
            self.input.clear();
        }
        self.input.apply(edit);
        if self.input.text() == text {
            return;
        }
        if !std::mem::replace(&mut self.changed, true) {
            self.before = ui.bench.find.take();
        }
        self.error = None;
        let text = self.input.text();
        let jump = self.origin.map_or(Jump::Newest, Jump::From);
        match Needle::parse(text) {
            _ if text.is_empty() => {
                find::look_for(ui, "", None, None);
                self.back(ui);
            }
            Ok(needle) => find::look_for(ui, text, Some(needle), Some(jump)),
            // What is wrong finds nothing, and what was found before is not what is typed.
            Err(error) => {
                find::look_for(ui, "", None, None);
                self.error = Some(error);
            }
        }
    }

    /// Puts the cursor where it was.
    fn back(&self, ui: &mut Ui) {
        match self.origin {
            Some(spot) => ui.bench.view.hold_at(spot),
            None if !ui.bench.view.is_paused() => ui.bench.view.end(),
            None => {}
        }
    }
}

impl Overlay for FindLine {
    fn key(&mut self, key: KeyEvent, ui: &mut Ui) -> Next {
        match key.code {
            KeyCode::Esc => {
                if self.changed {
                    ui.bench.find = self.before.take();
                }
                ui.log.jump = None;
                self.back(ui);
                return Next::Close;
            }
            KeyCode::Enter if self.error.is_none() => return Next::Close,
            KeyCode::Up if ui.bench.find.is_some() => find::previous(ui),
            KeyCode::Down if ui.bench.find.is_some() => find::next(ui),
            _ => {
                if let Some(edit) = Edit::of(key) {
                    self.apply(edit, ui);
                }
            }
        }
        Next::Stay
    }

    fn paste(&mut self, text: &str, ui: &mut Ui) {
        self.apply(Edit::InsertText(text.to_owned()), ui);
    }

    fn covers_log_header(&self) -> bool {
        true
    }

    fn hints(&self) -> &'static [(&'static str, &'static str)] {
        &[("Enter", "stays"), ("Esc", "goes back"), ("Up Down", "turn")]
    }

    fn render(&self, canvas: &mut Canvas<'_>, screen: Rect, ui: &Ui) {
        let count = find::standing(ui).unwrap_or_default();
        let line = input_line(canvas, screen, ui, &self.input, " find ", &count, self.error.as_ref());
        if self.selected {
            let width = u16::try_from(Printable::text(self.input.text()).width()).unwrap_or(u16::MAX);
            canvas.style(Rect { width: width.min(line.width), ..line }, ui.look.selected);
        }
        let hint = "text  /pattern/  /pattern/i  hex:de ad ??";
        line_below(canvas, screen, ui, self.error.as_ref(), hint);
    }
}
