//! The filter as it is typed, over the top of the log: what does not parse is underlined, the last filter that did
//! holds, and what the word at the cursor may become is listed below.

use std::cell::Cell;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::{Next, Overlay};
use crate::log::filter::{Candidate, Completion};
use crate::log::sanitise::Printable;
use crate::log::{Filter, FilterError};
use crate::ui::Ui;
use crate::ui::canvas::Canvas;
use crate::ui::figures::grouped;
use crate::ui::widgets::paragraph::{put_wrapped, wrapped_rows};
use crate::ui::widgets::text_input::{Edit, InputStyles, TextInput};

/// The most candidates that are in sight.
const LISTED: u16 = 10;

/// The most rows that what explains the line, or what is wrong with it, may take.
const MOST_BELOW: u16 = 3;

pub(in crate::ui) struct FilterLine {
    input: TextInput,
    before: String,
    error: Option<FilterError>,
    completion: Completion,
    /// Whether the candidates are listed.
    listed: bool,
    /// The candidate that Enter takes, once one was chosen.
    chosen: Option<usize>,
    /// The values of which Tab took one, and which: another Tab takes the next.
    turning: Option<(Completion, usize)>,
    /// Where the candidates were drawn, and the index of the first.
    drawn: Cell<(Rect, usize)>,
}

impl FilterLine {
    pub(in crate::ui) fn new(ui: &Ui) -> Self {
        let filter = ui.bench.view.filter();
        let mut line = Self {
            input: TextInput::with_text(filter.text()),
            before: filter.text().to_owned(),
            error: None,
            completion: Completion::default(),
            listed: false,
            chosen: None,
            turning: None,
            drawn: Cell::default(),
        };
        // What is there already is not what is being typed.
        if line.input.is_empty() {
            line.complete(ui, false);
        }
        line
    }

    fn apply(&mut self, edit: Edit, ui: &mut Ui) {
        let before = self.input.text().to_owned();
        self.input.apply(edit);
        self.complete(ui, false);
        self.turning = None;
        if self.input.text() == before {
            return;
        }
        match Filter::parse(self.input.text(), ui.bench.now()) {
            Ok(filter) => {
                self.error = None;
                ui.bench.view.set_filter(filter);
                ui.bench.catch_up();
            }
            Err(error) => {
                self.error = Some(error);
                self.let_go_of_key(ui);
            }
        }
    }

    /// Of a term whose value is not there yet, the filter that parsed last took the key for a word to look for. What
    /// holds until then is what stands before it.
    fn let_go_of_key(&self, ui: &mut Ui) {
        let Some(key) = self.completion.key else { return };
        let held = ui.bench.view.filter().text().to_owned();
        let is_bound = |c: char| c.is_whitespace() || matches!(c, '(' | '!' | '|');
        let (before, word) = held.split_at(held.trim_end_matches(|c| !is_bound(c)).len());
        let is_key = !word.is_empty() && key.name.starts_with(word);
        if is_key && self.input.text().starts_with(&format!("{before}{}:", key.name)) {
            let filter = Filter::parse(before.trim_end_matches(is_bound), ui.bench.now());
            ui.bench.view.set_filter(filter.unwrap_or_default());
            ui.bench.catch_up();
        }
    }

    /// Looks what there is to go on with. Where nothing is typed of a word, it is listed only in an empty line, or where
    /// it is asked for: it would lie over the log for nothing.
    fn complete(&mut self, ui: &Ui, asked: bool) {
        self.completion = Completion::of(self.input.text(), self.input.cursor(), &ui.bench.roster);
        let typed = !self.completion.at.is_empty() || self.completion.key.is_some() || self.input.is_empty();
        self.listed = (typed || asked) && !self.completion.candidates.is_empty();
        self.chosen = None;
    }

    fn take(&mut self, index: usize, ui: &mut Ui) {
        if let Some(Candidate { text, .. }) = self.completion.candidates.get(index).cloned() {
            while self.input.cursor() > self.completion.at.start && self.input.apply(Edit::Backspace) {}
            self.apply(Edit::InsertText(text), ui);
        }
    }

    /// Takes the candidate that is chosen, or the first; of several values, each Tab after that takes the next one.
    fn turn(&mut self, ui: &mut Ui) {
        let (completion, index) = match self.turning.take().filter(|_| self.chosen.is_none()) {
            Some((completion, last)) => {
                let next = (last + 1) % completion.candidates.len();
                let at = completion.at.start..self.input.cursor();
                self.completion = Completion { at, ..completion.clone() };
                (completion, next)
            }
            None => (self.completion.clone(), self.chosen.unwrap_or(0)),
        };
        self.take(index, ui);
        if completion.key.is_some() && completion.candidates.len() > 1 {
            self.turning = Some((completion, index));
        }
    }

    fn choose(&mut self, by: isize) {
        let last = self.completion.candidates.len().saturating_sub(1);
        self.chosen = match (self.chosen, by) {
            (None, 1) => Some(0),
            (None, _) => Some(last),
            (Some(0), -1) => None,
            (Some(chosen), _) => Some(chosen.saturating_add_signed(by).min(last)),
        };
    }

    fn render_candidates(&self, canvas: &mut Canvas<'_>, below: Rect, ui: &Ui) {
        let candidates = &self.completion.candidates;
        let height = LISTED.min(ui.layout.log.bottom().saturating_sub(below.bottom() + 1));
        let height = height.min(u16::try_from(candidates.len()).unwrap_or(u16::MAX));
        let first = self.chosen.unwrap_or(0).saturating_sub(usize::from(height.max(1)) - 1);
        let shown = candidates.iter().enumerate().skip(first).take(usize::from(height));
        let width = candidates.iter().map(|candidate| Printable::text(&candidate.text).width()).max().unwrap_or(0);
        let list = Rect { y: below.bottom(), height, ..below };
        let width = u16::try_from(width).unwrap_or(u16::MAX).min(below.width.saturating_sub(4));
        self.drawn.set((list, first));
        canvas.fill(list, ui.look.text);
        for (y, (index, candidate)) in (list.y..).zip(shown) {
            canvas.put(list.x + 2, y, list.right(), &Printable::text(&candidate.text), ui.look.key);
            let help = Printable::text(candidate.help);
            let x = list.x + 2 + width + 2;
            let help = help.truncate(usize::from(list.right().saturating_sub(x)), ui.look.marks.ellipsis);
            canvas.put(x, y, list.right(), &help, ui.look.dim);
            if self.chosen == Some(index) {
                canvas.style(Rect { y, height: 1, ..list }, ui.look.selected);
            }
        }
    }
}

impl Overlay for FilterLine {
    fn key(&mut self, key: KeyEvent, ui: &mut Ui) -> Next {
        match (key.code, self.chosen) {
            (KeyCode::Esc, _) => {
                ui.set_filter(&self.before);
                return Next::Close;
            }
            (KeyCode::Enter, Some(chosen)) => self.take(chosen, ui),
            (KeyCode::Enter, None) if self.error.is_none() => return Next::Close,
            (KeyCode::Tab, _) if self.listed || self.turning.is_some() => self.turn(ui),
            (KeyCode::Tab, _) => self.complete(ui, true),
            (KeyCode::Down, _) if self.listed => self.choose(1),
            (KeyCode::Up, Some(_)) if self.listed => self.choose(-1),
            (KeyCode::Up, _) => ui.bench.view.move_by(-1),
            (KeyCode::Down, _) => ui.bench.view.move_by(1),
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

    fn mouse(&mut self, x: u16, y: u16, wheel: i32, ui: &mut Ui) -> Next {
        let (list, first) = self.drawn.get();
        if self.listed && wheel != 0 {
            self.choose(wheel.signum() as isize);
        } else if self.listed && list.contains((x, y).into()) {
            self.take(first + usize::from(y - list.y), ui);
        }
        Next::Stay
    }

    fn covers_log_header(&self) -> bool {
        true
    }

    fn hints(&self) -> &'static [(&'static str, &'static str)] {
        &[("Enter", "keeps"), ("Esc", "undoes"), ("Tab", "completes"), ("Up Down", "choose")]
    }

    fn render(&self, canvas: &mut Canvas<'_>, screen: Rect, ui: &Ui) {
        let view = &ui.bench.view;
        let total = ui.bench.unfiltered_lines().max(view.lines() as u64);
        let mut count = format!("{}/{}", grouped(view.lines()), grouped(total));
        if !ui.bench.is_judged() {
            count = format!("{count} {} {} %", ui.look.marks.dot, ui.bench.percent_of(view.judged()));
        }
        input_line(canvas, screen, ui, &self.input, " / ", &count, self.error.as_ref());
        let hint = match self.completion.key {
            Some(key) => format!("{}   {}", key.example, key.values),
            None => "words  key:value|value  !not  a | b  ( )".to_owned(),
        };
        // While a value is still missing, what it can be says more than that it is missing.
        let error = self.error.as_ref().filter(|error| !(self.listed || error.at.is_empty()));
        let below = line_below(canvas, screen, ui, error, &hint);
        if self.listed {
            self.render_candidates(canvas, below, ui);
        }
    }
}

/// Where the line lies: over the header of the log, or at the top where no log is shown.
fn header(screen: Rect, ui: &Ui) -> Rect {
    let log = if ui.layout.log.is_empty() { screen } else { ui.layout.log };
    Rect { x: log.x + 1, y: log.y + 1, width: log.width.saturating_sub(2), height: 1 }
}

/// Draws a line that is typed over the header of the log, with what it comes to at its right; gives the place of its
/// text.
pub(super) fn input_line(
    canvas: &mut Canvas<'_>,
    screen: Rect,
    ui: &Ui,
    input: &TextInput,
    label: &str,
    count: &str,
    error: Option<&FilterError>,
) -> Rect {
    let (area, look) = (header(screen, ui), &ui.look);
    canvas.fill(area, look.text);
    let x = canvas.put(area.x, area.y, area.right(), &Printable::text(label), look.key);
    let count = Printable::text(&format!(" {count} "));
    let count_x = area.right().saturating_sub(u16::try_from(count.width()).unwrap_or(0));
    canvas.put(count_x, area.y, area.right(), &count, look.dim);
    let line = Rect { x, width: count_x.saturating_sub(x), ..area };
    let styles = InputStyles { text: look.text, cursor: look.selected, error: look.error, placeholder: look.dim };
    input.render(canvas, line, &styles, error.map(|error| error.at.clone()), true);
    line
}

/// Draws what explains the line, or what is wrong with it, below; gives its place.
pub(super) fn line_below(
    canvas: &mut Canvas<'_>,
    screen: Rect,
    ui: &Ui,
    error: Option<&FilterError>,
    hint: &str,
) -> Rect {
    let area = header(screen, ui);
    let (text, style) = error.map_or((hint, ui.look.dim), |error| (&error.message, ui.look.error));
    let text = Printable::text(text);
    let width = area.width.saturating_sub(1);
    let height = wrapped_rows(width, &text).clamp(1, MOST_BELOW);
    let below = Rect { y: area.y + 1, height, ..area };
    canvas.fill(below, ui.look.text);
    let columns = usize::from(width * height);
    put_wrapped(
        canvas,
        Rect { x: below.x + 1, width, ..below },
        &text.truncate(columns, ui.look.marks.ellipsis),
        style,
    );
    below
}
