//! What was done, as a scenario: its steps as they will stand in the profile, and the name to keep it under.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::{Next, Overlay, window};
use crate::log::sanitise::Printable;
use crate::profile::{Profile, ScenarioEntry, StepAction, check_name};
use crate::ui::Ui;
use crate::ui::canvas::Canvas;
use crate::ui::notice::Notice;
use crate::ui::panes::log::selection;
use crate::ui::widgets::text_input::{Edit, InputStyles, TextInput};

/// What a scenario is called where the user does not say otherwise.
const NAME: &str = "scenario";

struct SaveScenario {
    name: TextInput,
    /// Whether the name is still the one that was proposed: what is typed takes its place.
    is_proposed: bool,
    entry: ScenarioEntry,
    lines: Vec<Printable>,
    scroll: usize,
}

pub(in crate::ui) fn available(ui: &Ui) -> Result<(), &'static str> {
    if ui.bench.scenarios.running.is_some() {
        return Err("a scenario runs, and its steps are not yet all done; Esc stops it");
    }
    if ui.bench.profile.contents.sockets.is_empty() { Err("there is no socket yet; ^N opens one") } else { Ok(()) }
}

/// Shows what was done in the rows that are selected, or else in all that are shown.
pub(in crate::ui) fn open(ui: &mut Ui) {
    let rows = selection::rows(ui).unwrap_or(ui.bench.store.first()..ui.bench.store.next());
    let steps = match ui.bench.transcript(rows) {
        Ok(steps) => steps,
        Err(why) => {
            ui.tell(Notice::warning(format!("No scenario was made: {why}.")));
            return;
        }
    };
    // One of these is free: there are more of them than names that are taken.
    let mut names = (1..ui.bench.profile.contents.scenarios.len() + 2).map(|number| format!("{NAME}-{number}"));
    let name = names.find(|name| is_free(ui, name)).unwrap_or_default();
    let entry = ScenarioEntry::new(name.clone(), steps);
    let lines = toml(&entry).lines().filter(|line| !line.is_empty()).map(Printable::text).collect();
    let name = TextInput::with_text(&name);
    ui.overlays.push(Box::new(SaveScenario { name, is_proposed: true, entry, lines, scroll: 0 }));
}

fn is_free(ui: &Ui, name: &str) -> bool {
    ui.bench.profile.contents.scenarios.iter().all(|entry| entry.name != name)
}

/// The steps as they will stand in the profile.
fn toml(entry: &ScenarioEntry) -> String {
    let mut profile = Profile::new();
    profile.contents.scenarios.push(entry.clone());
    let text = profile.to_toml();
    text.split_once("[[scenario.step]]").map(|(_, steps)| format!("[[scenario.step]]{steps}")).unwrap_or_default()
}

impl SaveScenario {
    fn scroll_by(&mut self, rows: isize) {
        self.scroll = self.scroll.saturating_add_signed(rows).min(self.lines.len().saturating_sub(1));
    }

    /// Whether there is anything that it could fail for but what it does itself.
    fn expects(&self) -> bool {
        let expects = |action: &StepAction| {
            matches!(
                action,
                StepAction::Expect { .. } | StepAction::ExpectNone { .. } | StepAction::ExpectClosed { .. }
            )
        };
        self.entry.steps.iter().any(|step| expects(&step.action))
    }

    fn check(&self, ui: &Ui) -> Result<(), String> {
        let name = self.name.text();
        check_name(name).map_err(str::to_owned)?;
        if is_free(ui, name) { Ok(()) } else { Err(format!("a scenario is called {name} already")) }
    }

    fn edit(&mut self, edit: Edit) {
        if std::mem::take(&mut self.is_proposed) && matches!(edit, Edit::Insert(_) | Edit::InsertText(_)) {
            self.name.clear();
        }
        self.name.apply(edit);
    }

    fn keep(&self, ui: &mut Ui) -> Next {
        if self.check(ui).is_err() {
            return Next::Stay;
        }
        let name = self.name.text().to_owned();
        let mut entry = self.entry.clone();
        entry.name.clone_from(&name);
        ui.bench.profile.contents.scenarios.push(entry);
        selection::clear(ui);
        let key = ui.keymap.key_of("scenarios").unwrap_or_default();
        ui.tell_good(format!("{name} is a scenario of the bench, {key} runs it; ^S saves it in the profile"));
        Next::Close
    }
}

impl Overlay for SaveScenario {
    fn key(&mut self, key: KeyEvent, ui: &mut Ui) -> Next {
        match key.code {
            KeyCode::Esc => return Next::Close,
            KeyCode::Enter => return self.keep(ui),
            KeyCode::Down => self.scroll_by(1),
            KeyCode::Up => self.scroll_by(-1),
            KeyCode::PageDown => self.scroll_by(10),
            KeyCode::PageUp => self.scroll_by(-10),
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

    fn mouse(&mut self, _x: u16, _y: u16, wheel: i32, _ui: &mut Ui) -> Next {
        self.scroll_by(wheel as isize);
        Next::Stay
    }

    fn render(&self, canvas: &mut Canvas<'_>, screen: Rect, ui: &Ui) {
        let height = u16::try_from(self.lines.len() + 6).unwrap_or(u16::MAX).min(screen.height.saturating_sub(2));
        let steps = self.entry.steps.len();
        let title = if steps == 1 { "Scenario of 1 step".to_owned() } else { format!("Scenario of {steps} steps") };
        let inside = window(canvas, screen, ui, &title, screen.width.saturating_sub(6).min(90), height);
        let look = &ui.look;
        let x = canvas.put(inside.x, inside.y, inside.right(), &Printable::text("Name: "), look.dim);
        let line = Rect { x, y: inside.y, width: inside.right().saturating_sub(x), height: 1 };
        let styles = InputStyles { text: look.text, cursor: look.selected, error: look.error, placeholder: look.dim };
        self.name.render(canvas, line, &styles, None, true);
        if !self.expects() {
            let nothing = Printable::text("This scenario expects nothing: it passes whatever comes.");
            canvas.put(inside.x, inside.y + 1, inside.right(), &nothing, look.warning);
        }
        let rows = usize::from(inside.height.saturating_sub(4));
        let scroll = self.scroll.min(self.lines.len().saturating_sub(rows));
        for (y, line) in (inside.y + 2..).zip(self.lines.iter().skip(scroll).take(rows)) {
            let style = if line.as_str().starts_with('[') { look.dim } else { look.text };
            let line = line.clone().truncate(usize::from(inside.width), look.marks.ellipsis);
            canvas.put(inside.x, y, inside.right(), &line, style);
        }
        let below = self.lines.len().saturating_sub(scroll + rows);
        let more = if below > 0 { format!("{below} more lines below; ") } else { String::new() };
        let hint = format!("{more}Enter keeps it, Up/Down scroll, Esc leaves it");
        let (text, style) = match self.check(ui) {
            Ok(()) => (hint, look.dim),
            Err(why) => (why, look.error),
        };
        canvas.put(inside.x, inside.bottom().saturating_sub(1), inside.right(), &Printable::text(&text), style);
    }
}
