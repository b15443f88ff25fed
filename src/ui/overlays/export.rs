//! Copy or export: which rows, in which format, to where.
//!
//! Owns the choice while it is made. It never looks at a file itself.

use std::io;
use std::ops::{Range, RangeInclusive};
use std::path::Path;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::confirm::Confirm;
use super::path::{Listed, PathField, There};
use super::{Next, Overlay, window};
use crate::exporter::{Destination, FORMATS, FormatSpec, Order, Source, TEXT, Way};
use crate::log::Spot;
use crate::log::sanitise::Printable;
use crate::ui::bench::Bench;
use crate::ui::canvas::Canvas;
use crate::ui::figures::grouped;
use crate::ui::panes::log::{on_screen, selection, timeline};
use crate::ui::turning::turned;
use crate::ui::widgets::paragraph::put_wrapped;
use crate::ui::widgets::text_input::{Edit, InputStyles};
use crate::ui::{Effect, FolderEntry, Ui};

/// Which rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum What {
    Selected,
    OnScreen,
    #[default]
    Shown,
    All,
}

/// What was chosen, for the next time.
#[derive(Clone, Debug)]
pub(in crate::ui) struct Choice {
    what: What,
    format: &'static FormatSpec,
    way: Way,
    to_clipboard: bool,
    /// Up to its last slash.
    folder: String,
}

impl Default for Choice {
    fn default() -> Self {
        Self { what: What::default(), format: TEXT, way: Way::Both, to_clipboard: false, folder: String::new() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    What,
    Format,
    Way,
    To,
    Path,
}

/// So many rows are looked at for a sample, and so many lines of it are shown.
const SAMPLED: usize = 16;
const SAMPLE_LINES: usize = 4;
const SAMPLE_COLUMNS: usize = 100;

/// What was chosen, and of which rows.
#[derive(Clone)]
struct Chosen {
    choice: Choice,
    /// Where those begin and end that were marked or seen, and how many lines they are. Of the others more may come.
    marked: Vec<(What, Range<Spot>, usize)>,
}

struct ExportForm {
    chosen: Chosen,
    in_timeline: bool,
    path: PathField,
    /// Whether the user has made the path another one than was proposed.
    named: bool,
    focus: Field,
    /// How the first rows would look.
    sample: Vec<Printable>,
    error: Option<String>,
}

/// Asks what to copy or export.
pub(in crate::ui) fn open(ui: &mut Ui) {
    let mut form = ExportForm::new(ui);
    form.propose(ui);
    form.sample = form.sampled(ui);
    ui.overlays.push(Box::new(form));
}

/// Copies the selected rows in this format.
pub(in crate::ui) fn copy_selected(ui: &mut Ui, format: &'static FormatSpec) {
    if let Some(range) = selection::range(ui) {
        let (id, lines) = (ui.bench.exports.mint(), until_after(range));
        let to = Destination::Clipboard;
        start(ui, Order { id, lines, filtered: true, way: Way::Both, format, to });
    }
}

fn start(ui: &mut Ui, order: Order) {
    selection::clear(ui);
    ui.bench.exports.begin(&order, ui.bench.now());
    ui.effects.push(Effect::Export(order));
}

/// The same lines, as what comes after the last one ends them.
fn until_after(range: RangeInclusive<Spot>) -> Range<Spot> {
    let (start, last) = range.into_inner();
    start..Spot { message: last.message.saturating_add(1), ..last }
}

impl Chosen {
    /// What there is to choose from now, and what was chosen last.
    fn new(ui: &Ui) -> Self {
        let mut marked = Vec::new();
        let mut choice = ui.export_choice.clone();
        if let Some(range) = selection::range(ui) {
            marked.push((What::Selected, until_after(range), selection::len(ui)));
            choice.what = What::Selected;
        }
        if let Some(range) = on_screen(ui) {
            marked.push((What::OnScreen, until_after(range), ui.log.lines_on_screen()));
        }
        let mut chosen = Self { choice, marked };
        if !chosen.offered().contains(&chosen.choice.what) {
            chosen.choice.what = What::Shown;
        }
        chosen
    }

    fn offered(&self) -> Vec<What> {
        self.marked.iter().map(|(what, ..)| *what).chain([What::Shown, What::All]).collect()
    }

    /// Whether more of these rows may come.
    const fn grows(&self) -> bool {
        matches!(self.choice.what, What::Shown | What::All)
    }

    /// Where the chosen rows begin and end, and how many lines they are, by now.
    fn rows(&self, ui: &Ui) -> (Range<Spot>, usize) {
        let Bench { store, messages, view, .. } = &ui.bench;
        let all = Spot::row(store.first())..Spot::row(store.next());
        match self.choice.what {
            What::All => {
                let len = all.end.seq - all.start.seq + messages.surplus();
                (all, usize::try_from(len).unwrap_or(usize::MAX))
            }
            What::Shown => (all, view.lines()),
            marked => {
                let found = self.marked.iter().find(|(what, ..)| *what == marked);
                found.map_or((all.start..all.start, 0), |(_, range, count)| (range.clone(), *count))
            }
        }
    }

    /// Begins the export of the rows that there are by now.
    fn start(self, ui: &mut Ui, to: Destination) {
        let (lines, _) = self.rows(ui);
        let Choice { what, way, format, .. } = self.choice;
        ui.export_choice = self.choice;
        let (id, filtered) = (ui.bench.exports.mint(), what != What::All);
        start(ui, Order { id, lines, filtered, way, format, to });
    }
}

impl ExportForm {
    fn new(ui: &Ui) -> Self {
        Self {
            chosen: Chosen::new(ui),
            in_timeline: timeline::socket(ui).is_some(),
            path: PathField::default(),
            named: false,
            focus: Field::What,
            sample: Vec::new(),
            error: None,
        }
    }

    /// How the first rows would look.
    fn sampled(&self, ui: &Ui) -> Vec<Printable> {
        let Choice { what, format, way, .. } = self.chosen.choice;
        let (range, _) = self.chosen.rows(ui);
        let (view, store) = (&ui.bench.view, &ui.bench.store);
        let seqs: Vec<u64> = if what == What::All {
            (range.start.seq..range.end.seq).take(SAMPLED).collect()
        } else {
            let first = range.start.seq.checked_sub(1).and_then(|before| view.index_of(before)).map_or(0, |at| at + 1);
            let is_among = |seq: &u64| Spot::row(*seq) < range.end;
            (first..first + SAMPLED).map_while(|index| view.seq_at(index)).take_while(is_among).collect()
        };
        let rows = seqs.into_iter().filter_map(|seq| store.row(seq));
        // A long one would hold up the keys; one that is left out would seem to be missing from the export.
        let rows = rows.filter(|row| way.takes(row)).take_while(|row| row.len < 16 * 1024);
        let source = Source {
            store,
            roster: &ui.bench.roster,
            messages: &ui.bench.messages,
            lines: &range,
            filter: (what != What::All).then(|| (view.scope(), view.filter())),
            way,
        };
        let mut format = (format.start)();
        let mut out = Vec::new();
        format.begin(&mut out);
        for row in rows {
            source.write_row(&row, format.as_mut(), &mut out);
        }
        // Of what is no text there is nothing to be seen.
        let text = std::str::from_utf8(&out).ok().filter(|text| !text.contains('\0')).unwrap_or_default();
        let lines = text.split('\n').map(str::trim_ascii_end).filter(|line| !line.is_empty());
        let shown = |line: &str| Printable::text(&line.chars().take(SAMPLE_COLUMNS).collect::<String>());
        lines.take(SAMPLE_LINES).map(shown).collect()
    }

    fn fields(&self) -> &'static [Field] {
        let all = &[Field::What, Field::Format, Field::Way, Field::To, Field::Path];
        if self.chosen.choice.to_clipboard { &all[..4] } else { all }
    }

    /// Proposes a path, unless the user has thought of one.
    fn propose(&mut self, ui: &Ui) {
        let extension = self.chosen.choice.format.extension;
        if self.named {
            // The name is the user's, what it ends in follows the format while it is one of ours.
            let path = self.path.input().text();
            if let Some((stem, old)) = path.rsplit_once('.')
                && FORMATS.iter().any(|format| format.extension == old)
            {
                let path = format!("{stem}.{extension}");
                self.path.set_text(&path);
            }
            return;
        }
        let second = ui.bench.now().local_date_and_time();
        self.path.set_text(&format!("{}sockbench-{second}.{extension}", self.chosen.choice.folder));
    }

    fn move_focus(&mut self, by: isize) {
        self.focus = turned(self.fields(), self.focus, by);
    }

    fn edit(&mut self, edit: Edit, ui: &Ui) {
        self.error = None;
        let by = match edit {
            edit if self.focus == Field::Path => {
                self.path.apply(edit);
                self.named = true;
                return;
            }
            Edit::Left => -1,
            Edit::Right | Edit::Insert(' ') => 1,
            // A format is chosen by its first letter, too.
            Edit::Insert(letter) if self.focus == Field::Format => return self.jump(letter, ui),
            _ => return,
        };
        match self.focus {
            Field::What => self.chosen.choice.what = turned(&self.chosen.offered(), self.chosen.choice.what, by),
            Field::Format => {
                let all: Vec<_> = FORMATS.iter().collect();
                self.chosen.choice.format = turned(&all, self.chosen.choice.format, by);
                self.propose(ui);
            }
            Field::Way => self.chosen.choice.way = turned(&Way::ALL, self.chosen.choice.way, by),
            Field::To | Field::Path => self.chosen.choice.to_clipboard = !self.chosen.choice.to_clipboard,
        }
        self.sample = self.sampled(ui);
    }

    /// To the next format that begins with this letter.
    fn jump(&mut self, letter: char, ui: &Ui) {
        let at = FORMATS.iter().position(|format| format == self.chosen.choice.format).unwrap_or(0);
        let mut others = FORMATS[at + 1..].iter().chain(&FORMATS[..at]);
        if let Some(format) = others.find(|format| format.name.starts_with(letter)) {
            self.chosen.choice.format = format;
            self.propose(ui);
            self.sample = self.sampled(ui);
        }
    }

    fn submit(&mut self, ui: &mut Ui) -> Next {
        let (_, count) = self.chosen.rows(ui);
        if count == 0 {
            self.error = Some("there are no such rows".to_owned());
        } else if self.chosen.choice.to_clipboard {
            self.chosen.clone().start(ui, Destination::Clipboard);
            return Next::Close;
        } else if let Err(error) = self.path.check() {
            self.focus = Field::Path;
            self.error = Some(error);
        } else {
            self.path.submit(ui);
        }
        Next::Stay
    }

    /// Goes on with what was entered, now that it is known whether the file is there.
    fn proceed(&mut self, there: There, ui: &mut Ui) -> Next {
        self.path.folder().clone_into(&mut self.chosen.choice.folder);
        let path = self.path.path();
        if there != There::Yes {
            self.chosen.clone().start(ui, Destination::File { path, replace: false });
            return Next::Close;
        }
        let chosen = self.chosen.clone();
        let text = "There is a file of that name already. What it holds is lost once the export is whole.";
        let title = format!("Overwrite {}?", self.path.name());
        ui.overlays.push(Box::new(Confirm::new(&title, text, "Overwrite", move |ui| {
            // The form, which lies below this question.
            ui.overlays.pop();
            chosen.start(ui, Destination::File { path, replace: true });
        })));
        Next::Stay
    }

    /// How many lines were chosen, and whether more will come.
    fn told_count(&self, ui: &Ui) -> String {
        let (_, count) = self.chosen.rows(ui);
        let is_read = ui.bench.recorded.as_ref().is_none_or(|recorded| recorded.ended) || !self.chosen.grows();
        let until_now = if is_read { "" } else { " so far, still reading" };
        format!("({}{until_now})", grouped(count))
    }

    fn value(&self, field: Field) -> (String, &'static str) {
        match field {
            Field::What => {
                let what = match self.chosen.choice.what {
                    What::Selected => "selected",
                    What::OnScreen => "on the screen",
                    What::Shown if self.in_timeline => "the timeline",
                    What::Shown => "all that the log shows",
                    What::All => "everything, calls too",
                };
                (what.to_owned(), "")
            }
            Field::Format => (self.chosen.choice.format.name.to_owned(), self.chosen.choice.format.help),
            Field::Way => {
                let about = match self.chosen.choice.way {
                    Way::Both => "both ways, and the rows between",
                    Way::Received | Way::Sent => "these messages alone",
                };
                (self.chosen.choice.way.name().to_owned(), about)
            }
            Field::To | Field::Path if self.chosen.choice.to_clipboard => {
                ("the clipboard".to_owned(), "text, at most 16 MiB")
            }
            Field::To | Field::Path => ("a file".to_owned(), ""),
        }
    }
}

impl Overlay for ExportForm {
    fn key(&mut self, key: KeyEvent, ui: &mut Ui) -> Next {
        match key.code {
            KeyCode::Esc => return Next::Close,
            KeyCode::Enter => return self.submit(ui),
            KeyCode::Tab if self.focus == Field::Path => self.path.complete(ui),
            KeyCode::Down | KeyCode::Tab => self.move_focus(1),
            KeyCode::Up | KeyCode::BackTab => self.move_focus(-1),
            _ => {
                if let Some(edit) = Edit::of(key) {
                    self.edit(edit, ui);
                }
            }
        }
        Next::Stay
    }

    fn paste(&mut self, text: &str, ui: &mut Ui) {
        if self.focus == Field::Path {
            self.edit(Edit::InsertText(text.to_owned()), ui);
        }
    }

    fn folder_listed(&mut self, folder: &Path, result: &io::Result<Vec<FolderEntry>>, ui: &mut Ui) -> Next {
        match self.path.listed(folder, result) {
            Ok(Listed::Completed) => self.named = true,
            Ok(Listed::Nothing) => {}
            Ok(Listed::Submitted(there)) => return self.proceed(there, ui),
            Err(error) => self.error = Some(error),
        }
        Next::Stay
    }

    fn render(&self, canvas: &mut Canvas<'_>, screen: Rect, ui: &Ui) {
        let look = &ui.look;
        let inside = window(canvas, screen, ui, "Copy or export", 76, 15);
        let styles = InputStyles { text: look.text, cursor: look.selected, error: look.error, placeholder: look.dim };
        for (y, field) in (inside.y + 1..inside.bottom()).zip(self.fields()) {
            let focused = self.focus == *field;
            let label = match field {
                Field::What => "rows",
                Field::Format => "format",
                Field::Way => "direction",
                Field::To => "to",
                Field::Path => "path",
            };
            let mark = if focused { ">" } else { " " };
            let style = if focused { look.key } else { look.dim };
            canvas.put(inside.x, y, inside.right(), &Printable::text(&format!("{mark} {label}")), style);
            let line = Rect { x: inside.x + 12, y, width: inside.width.saturating_sub(12), height: 1 };
            if *field == Field::Path {
                self.path.input().render(canvas, line, &styles, None, focused);
                continue;
            }
            let (value, about) = self.value(*field);
            let about = if *field == Field::What { self.told_count(ui) } else { about.to_owned() };
            let style = if focused { look.selected } else { look.text };
            let x = canvas.put(line.x, y, line.right(), &Printable::text(&format!("< {value} >")), style);
            canvas.put(x + 1, y, line.right(), &Printable::text(&about), look.dim);
        }
        let top = inside.y + 7;
        let bottom = inside.bottom().saturating_sub(1);
        let below = Rect { y: top, height: bottom.saturating_sub(top + 1), ..inside };
        let candidates = Printable::text(&self.path.candidates());
        if let Some(error) = &self.error {
            put_wrapped(canvas, below, &Printable::text(error), look.error);
        } else if !candidates.is_empty() {
            put_wrapped(canvas, below, &candidates, look.dim);
        } else {
            // Of what comes while the form is open the first rows are shown as well.
            let sample = if self.sample.is_empty() { &self.sampled(ui) } else { &self.sample };
            for (y, line) in (below.y..below.bottom()).zip(sample) {
                let line = line.clone().truncate(usize::from(below.width), look.marks.ellipsis);
                canvas.put(below.x, y, below.right(), &line, look.received);
            }
        }
        let verb = if self.chosen.choice.to_clipboard { "copies" } else { "exports" };
        let keys = if self.focus == Field::Path { "Tab completes" } else { "Left/Right choice" };
        let hint = format!("Enter {verb}  Up/Down field  {keys}  Esc leaves it");
        canvas.put(inside.x, bottom, inside.right(), &Printable::text(&hint), look.dim);
    }
}
