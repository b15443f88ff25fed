//! The form for a rule: checked as it is typed, and tried on the message that the log has selected.

mod command;
mod fields;
mod view;

use std::cell::Cell;
use std::ops::Range;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;

use super::presets::{chosen_root, kept_notice};
use crate::profile::RuleEntry;
use crate::ui::Ui;
use crate::ui::canvas::Canvas;
use crate::ui::overlays::{Next, Overlay};
use crate::ui::turning::turned;
use crate::ui::widgets::text_input::{Edit, TextInput};
use fields::{Field, ONCES, SENDS, THENS, WHENS};

const LABEL_WIDTH: u16 = 12;

pub(super) struct Editor {
    /// The rule as it was when the form opened; a new one has no name.
    before: RuleEntry,
    inputs: [TextInput; Field::COUNT],
    when: usize,
    send: usize,
    then: usize,
    once: usize,
    focus: Field,
    /// What chance fills in is what is shown.
    seed: u64,
    /// Where the fields were drawn, and the first of those in sight.
    drawn: Cell<(Rect, usize)>,
}

/// What is wrong, in which field, and where in its text.
struct Wrong {
    field: Field,
    at: Range<usize>,
    message: String,
}

/// Shows the form for a rule of the profile, or for a new one.
pub(super) fn open(ui: &mut Ui, index: Option<usize>) {
    let entry = index.and_then(|index| ui.bench.profile.contents.rules.get(index).cloned());
    let is_new = entry.is_none();
    let entry = entry.unwrap_or_else(|| {
        let mut blank = fields::blank();
        blank.on = chosen_root(ui).map(|root| vec![ui.bench.roster.name(root)]);
        blank
    });
    let mut editor = Editor::of(entry);
    if is_new {
        editor.inputs[Field::Name as usize].set_text(&ui.bench.profile.free_rule_name("rule"));
        editor.focus = Field::When;
    }
    ui.overlays.push(Box::new(editor));
}

impl Editor {
    fn input(&self, field: Field) -> &TextInput {
        &self.inputs[field as usize]
    }

    fn text(&self, field: Field) -> &str {
        self.input(field).text()
    }

    /// Which of the words of a field that turns through some is chosen, and how many there are.
    fn choice_mut(&mut self, field: Field) -> Option<(&mut usize, usize)> {
        match field {
            Field::When => Some((&mut self.when, WHENS.len())),
            Field::Send => Some((&mut self.send, SENDS.len())),
            Field::Then => Some((&mut self.then, THENS.len())),
            Field::Once => Some((&mut self.once, ONCES.len())),
            _ => None,
        }
    }

    fn turn(&mut self, by: isize, ui: &Ui) {
        let field = self.focus;
        if let Some((chosen, count)) = self.choice_mut(field) {
            *chosen = (chosen.cast_signed() + by).rem_euclid(count.cast_signed()).cast_unsigned();
        } else if field == Field::Payload {
            let names: Vec<_> =
                ui.bench.profile.contents.payloads.iter().map(|payload| payload.name.as_str()).collect();
            let Some(count) = isize::try_from(names.len()).ok().filter(|count| *count > 0) else { return };
            let next = match names.iter().position(|name| *name == self.text(field)) {
                Some(at) => (at.cast_signed() + by).rem_euclid(count).cast_unsigned(),
                None => 0,
            };
            self.inputs[field as usize].set_text(names[next]);
        }
    }

    /// Takes the next choice of which a word begins so.
    fn jump_to(&mut self, letter: char) {
        let words = Self::words(self.focus);
        let begins = |choice: &&str| choice.split(' ').any(|word| word.len() > 2 && word.starts_with(letter));
        if let Some((chosen, count)) = self.choice_mut(self.focus) {
            let mut others = (1..=count).map(|by| (*chosen + by) % count);
            if let Some(next) = others.find(|index| words.get(*index).is_some_and(begins)) {
                *chosen = next;
            }
        }
    }

    /// The words that a field turns through.
    fn words(field: Field) -> Vec<&'static str> {
        match field {
            Field::When => WHENS.map(|(_, word)| word).to_vec(),
            Field::Send => SENDS.map(|(_, word)| word).to_vec(),
            Field::Then => THENS.map(|(_, word)| word).to_vec(),
            Field::Once => ONCES.map(|(_, word)| word).to_vec(),
            _ => Vec::new(),
        }
    }

    fn move_focus(&mut self, by: isize) {
        self.focus = turned(&self.fields(), self.focus, by);
    }

    fn edit(&mut self, edit: Edit, ui: &Ui) {
        if self.focus.is_choice() {
            match edit {
                Edit::Left => self.turn(-1, ui),
                Edit::Right | Edit::Insert(' ') => self.turn(1, ui),
                Edit::Insert(letter) => self.jump_to(letter),
                _ => {}
            }
            // What is written elsewhere is turned to the first that there is.
            if self.focus == Field::Send
                && self.fields().contains(&Field::Payload)
                && self.text(Field::Payload).is_empty()
            {
                let first =
                    ui.bench.profile.contents.payloads.first().map(|payload| payload.name.as_str()).unwrap_or_default();
                self.inputs[Field::Payload as usize].set_text(first);
            }
            return;
        }
        self.inputs[self.focus as usize].apply(edit);
    }

    /// Where the rule stands among those of the profile, or would.
    fn place(&self, ui: &Ui) -> usize {
        let rules = &ui.bench.profile.contents.rules;
        let at = rules.iter().position(|rule| !self.before.name.is_empty() && rule.name == self.before.name);
        at.unwrap_or(rules.len())
    }

    fn keep(&mut self, ui: &mut Ui) -> Next {
        let entry = match self.entry(ui) {
            Ok(entry) => entry,
            Err(wrong) => {
                self.focus = wrong.field;
                return Next::Stay;
            }
        };
        let place = self.place(ui);
        let kept = format!("{} is kept; ^S saves the profile", entry.name);
        let missing = ui.bench.profile.missing_folder(&entry);
        ui.tell(kept_notice(kept, missing));
        match ui.bench.profile.contents.rules.get_mut(place) {
            Some(rule) => *rule = entry,
            None => ui.bench.profile.contents.rules.push(entry),
        }
        ui.settle_rules();
        Next::Close
    }
}

impl Overlay for Editor {
    fn is_form(&self) -> bool {
        true
    }

    fn key(&mut self, key: KeyEvent, ui: &mut Ui) -> Next {
        if key.modifiers == KeyModifiers::CONTROL && key.code == KeyCode::Char('s') {
            return self.keep(ui);
        }
        match key.code {
            KeyCode::Esc => return Next::Close,
            KeyCode::Enter => return self.keep(ui),
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
        if !self.focus.is_choice() {
            self.edit(Edit::InsertText(text.to_owned()), ui);
        }
    }

    fn mouse(&mut self, x: u16, y: u16, wheel: i32, ui: &mut Ui) -> Next {
        let (area, first) = self.drawn.get();
        if wheel != 0 {
            self.move_focus(wheel.signum() as isize);
        } else if area.contains((x, y).into())
            && let Some(field) = self.fields().get(first + usize::from(y - area.y))
        {
            let again = self.focus == *field;
            self.focus = *field;
            if again && self.focus.is_choice() {
                self.turn(1, ui);
            } else if !self.focus.is_choice() {
                let line = Rect { x: area.x + LABEL_WIDTH, y, width: area.width - LABEL_WIDTH, height: 1 };
                self.inputs[self.focus as usize].click(line, x, y);
            }
        }
        Next::Stay
    }

    fn render(&self, canvas: &mut Canvas<'_>, screen: Rect, ui: &Ui) {
        self.draw(canvas, screen, ui);
    }
}
