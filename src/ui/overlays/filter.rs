//! The filter as it is typed, over the top of the log: what does not parse is underlined, and the last filter that did
//! holds.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::{Next, Overlay};
use crate::log::sanitise::Printable;
use crate::log::{Filter, FilterError};
use crate::ui::Ui;
use crate::ui::canvas::Canvas;
use crate::ui::panes::input::edit_of;
use crate::ui::widgets::text_input::{Edit, InputStyles, TextInput};

pub(in crate::ui) struct FilterLine {
    input: TextInput,
    before: String,
    error: Option<FilterError>,
}

impl FilterLine {
    pub(in crate::ui) fn new(filter: &Filter) -> Self {
        Self { input: TextInput::with_text(filter.text()), before: filter.text().to_owned(), error: None }
    }

    fn apply(&mut self, edit: Edit, ui: &mut Ui) {
        let before = self.input.text().to_owned();
        self.input.apply(edit);
        if self.input.text() == before {
            return;
        }
        match Filter::parse(self.input.text(), ui.bench.now()) {
            Ok(filter) => {
                self.error = None;
                ui.bench.view.set_filter(filter);
                ui.bench.catch_up();
            }
            Err(error) => self.error = Some(error),
        }
    }
}

impl Overlay for FilterLine {
    fn key(&mut self, key: KeyEvent, ui: &mut Ui) -> Next {
        match key.code {
            KeyCode::Esc => {
                ui.set_filter(&self.before);
                return Next::Close;
            }
            KeyCode::Enter if self.error.is_none() => return Next::Close,
            KeyCode::Up => ui.bench.view.move_by(-1),
            KeyCode::Down => ui.bench.view.move_by(1),
            _ => {
                if let Some(edit) = edit_of(key) {
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

    fn render(&self, canvas: &mut Canvas<'_>, screen: Rect, ui: &Ui) {
        let log = if ui.layout.log.is_empty() { screen } else { ui.layout.log };
        let area = Rect { x: log.x + 1, y: log.y + 1, width: log.width.saturating_sub(2), height: 1 };
        let look = &ui.look;
        canvas.fill(area, look.text);
        let x = canvas.put(area.x, area.y, area.right(), &Printable::text(" / "), look.key);
        let total = ui.bench.unfiltered_rows().max(ui.bench.view.len() as u64);
        let count = Printable::text(&format!(" {}/{total} ", ui.bench.view.len()));
        let count_x = area.right().saturating_sub(u16::try_from(count.width()).unwrap_or(0));
        canvas.put(count_x, area.y, area.right(), &count, look.dim);
        let line = Rect { x, width: count_x.saturating_sub(x), ..area };
        let styles = InputStyles { text: look.text, cursor: look.selected, error: look.error, placeholder: look.dim };
        let wrong = self.error.as_ref().map(|error| error.at.clone());
        self.input.render(canvas, line, &styles, wrong, true);
        let below = Rect { y: area.y + 1, ..area };
        canvas.fill(below, look.text);
        match &self.error {
            Some(error) => {
                canvas.put(below.x + 1, below.y, below.right(), &Printable::text(&error.message), look.error)
            }
            None => canvas.put(
                below.x + 1,
                below.y,
                below.right(),
                &Printable::text(
                    "words  socket:NAME  dir:rx  kind:closed|failed  !not  a | b     Enter keeps, Esc undoes",
                ),
                look.dim,
            ),
        };
    }
}
