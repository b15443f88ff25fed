//! What can be done to the draft, and when each of it is possible.

use crossterm::event::KeyEvent;

use super::framed;
use super::sending::{NOT_SENT, send};
use crate::payload;
use crate::ui::Ui;
use crate::ui::action::{ActionSpec, Scope, always};
use crate::ui::overlays::{checksum, file, payloads, quit, repeat, search_history, targets};
use crate::ui::widgets::text_input::Edit;

pub(in crate::ui) static ACTIONS: &[ActionSpec] = &[
    ActionSpec {
        name: "send",
        scope: Scope::Input,
        keys: &["enter"],
        help: "send what is typed",
        run: send,
        available: has_target,
    },
    ActionSpec {
        name: "newline",
        scope: Scope::Input,
        keys: &["ctrl-j"],
        help: "a new line in the input",
        run: |ui| ui.edit(Edit::Newline),
        available: always,
    },
    ActionSpec {
        name: "history-previous",
        scope: Scope::Input,
        keys: &["up"],
        help: "line up, or what was sent before",
        run: |ui| ui.line_or_history(Edit::Up, 1),
        available: always,
    },
    ActionSpec {
        name: "history-next",
        scope: Scope::Input,
        keys: &["down"],
        help: "line down, or what was sent after",
        run: |ui| ui.line_or_history(Edit::Down, -1),
        available: always,
    },
    ActionSpec {
        name: "history-search",
        scope: Scope::Input,
        keys: &["ctrl-r"],
        help: "search what was sent",
        run: search_history::open,
        available: |ui| {
            if ui.input.entries(ui.target.as_ref(), &ui.bench).is_empty() {
                Err("nothing was sent to this socket yet")
            } else {
                Ok(())
            }
        },
    },
    ActionSpec {
        name: "mode",
        scope: Scope::Anywhere,
        keys: &["ctrl-t"],
        help: "text, escaped or hex",
        run: turn_mode,
        available: always,
    },
    ActionSpec {
        name: "line-ending",
        scope: Scope::Anywhere,
        keys: &["ctrl-y"],
        help: "the line ending that Enter adds",
        run: |ui| {
            let (composer, _) = ui.input.composer_mut(ui.target.as_ref(), &ui.bench);
            composer.turn_line_ending();
        },
        available: framed::has_line_ending,
    },
    ActionSpec {
        name: "target",
        scope: Scope::Anywhere,
        keys: &["ctrl-x"],
        help: "whom to send to",
        run: targets::open,
        available: |ui| {
            if ui.bench.roster.roots().next().is_some() { Ok(()) } else { Err("nothing is on the bench") }
        },
    },
    ActionSpec {
        name: "payloads",
        scope: Scope::Anywhere,
        keys: &["ctrl-e"],
        help: "saved payloads: send, take, save, delete",
        run: payloads::open,
        available: always,
    },
    ActionSpec {
        name: "checksum",
        scope: Scope::Anywhere,
        keys: &["ctrl-]", "ctrl-5"],
        help: "the checksum that goes behind what is typed",
        run: checksum::open,
        available: always,
    },
    ActionSpec {
        name: "repeat",
        scope: Scope::Anywhere,
        keys: &["ctrl-\\", "ctrl-4"],
        help: "send what is typed again and again, or stop that",
        run: repeat::open_or_stop,
        available: repeat::available,
    },
    ActionSpec {
        name: "save-payload",
        scope: Scope::Anywhere,
        keys: &[],
        help: "keep what is typed as a payload of the profile",
        run: payloads::save,
        available: |ui| {
            if ui.input.draft(ui.target.as_ref()).is_empty() { Err("the input is empty") } else { Ok(()) }
        },
    },
    ActionSpec {
        name: "send-file",
        scope: Scope::Anywhere,
        keys: &["ctrl-d"],
        help: "send a file",
        run: file::send,
        available: has_target,
    },
    ActionSpec {
        name: "clear-input-or-quit",
        scope: Scope::Anywhere,
        keys: &["ctrl-c"],
        help: "clear the input; quit if it is empty",
        run: |ui| {
            if ui.input.draft(ui.target.as_ref()).is_empty() {
                quit::ask(ui);
            } else {
                let (composer, _) = ui.input.composer_mut(ui.target.as_ref(), &ui.bench);
                composer.clear();
            }
        },
        available: always,
    },
    ActionSpec {
        name: "delete-to-start",
        scope: Scope::Input,
        keys: &["ctrl-u"],
        help: "delete to the start of the line",
        run: |ui| ui.edit(Edit::DeleteToStart),
        available: always,
    },
    ActionSpec {
        name: "delete-to-end",
        scope: Scope::Input,
        keys: &["ctrl-k"],
        help: "delete to the end of the line",
        run: |ui| ui.edit(Edit::DeleteToEnd),
        available: always,
    },
    ActionSpec {
        name: "delete-word",
        scope: Scope::Input,
        keys: &["ctrl-w"],
        help: "delete the word before",
        run: |ui| ui.edit(Edit::DeleteWord),
        available: always,
    },
    ActionSpec {
        name: "undo",
        scope: Scope::Input,
        keys: &["ctrl-_", "ctrl-7"],
        help: "undo what was typed",
        run: |ui| ui.edit(Edit::Undo),
        available: always,
    },
    ActionSpec {
        name: "redo",
        scope: Scope::Input,
        keys: &[],
        help: "do again what was undone",
        run: |ui| ui.edit(Edit::Redo),
        available: always,
    },
];

fn has_target(ui: &Ui) -> Result<(), &'static str> {
    if ui.target.is_some() { Ok(()) } else { Err("nothing is open to send to; ^N opens a socket") }
}

impl Ui {
    fn edit(&mut self, edit: Edit) {
        self.has_typed();
        // What was wrong with the draft before is not what is wrong with it now.
        if self.notice.as_ref().is_some_and(|notice| notice.text.starts_with(NOT_SENT)) {
            self.notice = None;
        }
        let (composer, _) = self.input.composer_mut(self.target.as_ref(), &self.bench);
        composer.input.apply(edit);
    }

    fn line_or_history(&mut self, edit: Edit, step: isize) {
        let lines = self.input.entries(self.target.as_ref(), &self.bench).to_vec();
        let (composer, _) = self.input.composer_mut(self.target.as_ref(), &self.bench);
        if composer.input.apply(edit) {
            return;
        }
        composer.step_back(&lines, step);
    }
}

/// A key that no action has: into the draft.
pub(in crate::ui) fn type_key(ui: &mut Ui, key: KeyEvent) {
    if let Some(edit) = Edit::of(key) {
        ui.edit(edit);
    }
}

/// The next notation that can show the draft's bytes; those that can't are passed over, and the reason is said.
fn turn_mode(ui: &mut Ui) {
    let encoding = ui.bench.encoding_of(ui.target.as_ref());
    let (composer, _) = ui.input.composer_mut(ui.target.as_ref(), &ui.bench);
    let bytes = match payload::parse_in(composer.mode, composer.input.text(), encoding) {
        Ok(bytes) => bytes,
        Err(error) => {
            let name = composer.mode.name();
            ui.tell_error(format!("Stays {name}: {error}."));
            return;
        }
    };
    let mut refused = None;
    let mut mode = composer.mode.next();
    while mode != composer.mode {
        match payload::show_in(mode, &bytes, encoding) {
            Ok(text) => {
                composer.turn_to(mode, &text);
                break;
            }
            Err(error) => refused = Some(format!("Not {}: {error}.", mode.name())),
        }
        mode = mode.next();
    }
    if let Some(refused) = refused {
        ui.tell_error(refused);
    }
}
