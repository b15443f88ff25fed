//! The input: what is typed, in which notation, for whom, and the bytes that it would send.

mod composer;
mod framed;
mod history;
mod preview;

use std::collections::HashMap;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;

use crate::contract::{LineEnding, SocketId, Target};
use crate::payload::{self, Checksum, Mode, NotationError, Template};
use crate::profile::PayloadEntry;
use crate::ui::Ui;
use crate::ui::action::{ActionSpec, Scope, always};
use crate::ui::bench::Bench;
use crate::ui::notice::Notice;
use crate::ui::overlays::confirm::Confirm;
use crate::ui::overlays::{checksum, file, payloads, repeat, search_history, targets};
use crate::ui::widgets::text_input::Edit;

use composer::Composer;
pub use history::History;
use history::Line;
pub(in crate::ui) use preview::{render, rows};

/// From how many receivers on a send is confirmed.
const MANY: usize = 10;

/// How a message about a draft that was not sent begins.
const NOT_SENT: &str = "Not sent: ";

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
                ui.quit();
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

#[derive(Debug)]
pub(in crate::ui) struct InputPane {
    composers: HashMap<SocketId, Composer>,
    /// The draft while nothing is there to send to.
    idle: Composer,
    history: History,
    /// The checksums that were chosen, the last first.
    pub(in crate::ui) checksums: Vec<Checksum>,
    /// The interval and the number of times that were asked for last, as they were typed.
    pub(in crate::ui) last_repeat: [String; 2],
    area: Rect,
}

impl InputPane {
    pub(in crate::ui) fn new(history: History, bench: &Bench) -> Self {
        Self {
            composers: HashMap::new(),
            idle: Composer::new(bench, None),
            history,
            checksums: Vec::new(),
            last_repeat: ["1s".to_owned(), String::new()],
            area: Rect::default(),
        }
    }

    pub(in crate::ui) fn history(&self) -> &History {
        &self.history
    }

    fn composer(&self, target: Option<&Target>) -> &Composer {
        target.and_then(|target| self.composers.get(&target.socket())).unwrap_or(&self.idle)
    }

    pub(in crate::ui) fn composer_mut(
        &mut self,
        target: Option<&Target>,
        bench: &Bench,
    ) -> (&mut Composer, &mut History) {
        let composer = match target {
            Some(target) => {
                let socket = target.socket();
                let idle = &mut self.idle;
                // What was typed while nothing was there to send to goes with the first that is.
                self.composers.entry(socket).or_insert_with(|| Composer::new(bench, Some(socket)).with_draft_of(idle))
            }
            None => &mut self.idle,
        };
        (composer, &mut self.history)
    }

    pub(in crate::ui) fn draft(&self, target: Option<&Target>) -> &str {
        self.composer(target).input.text()
    }

    /// The draft as a saved payload, with its line ending if it gets one, and the name of that which it began as.
    pub(in crate::ui) fn as_payload(&self, target: Option<&Target>, bench: &Bench) -> (PayloadEntry, Option<&str>) {
        let composer = self.composer(target);
        let mut entry = PayloadEntry::new("", composer.content(bench.wraps_in(target).is_none()));
        entry.checksum = composer.checksum;
        (entry, composer.saved_as.as_deref())
    }

    pub(in crate::ui) fn checksum(&self, target: Option<&Target>) -> Option<Checksum> {
        self.composer(target).checksum
    }

    pub(in crate::ui) fn set_checksum(&mut self, target: Option<&Target>, bench: &Bench, checksum: Option<Checksum>) {
        self.composer_mut(target, bench).0.checksum = checksum;
        if let Some(checksum) = checksum {
            self.checksums.retain(|other| *other != checksum);
            self.checksums.insert(0, checksum);
        }
    }

    /// What Enter would send, to be filled in.
    ///
    /// # Errors
    /// What is wrong in the draft, and where.
    pub(in crate::ui) fn template(&self, target: Option<&Target>, bench: &Bench) -> Result<Template, NotationError> {
        let ended = bench.wraps_in(target).is_none();
        self.composer(target).template(bench.encoding_of(target), bench.variables(), ended)
    }

    /// What Enter would send, and the bytes of it now.
    fn filled(&self, target: Option<&Target>, bench: &Bench) -> Result<(Template, Vec<u8>), NotationError> {
        let composer = self.composer(target);
        let template = self.template(target, bench)?;
        match bench.filled(&template, target, bench.now(), composer.seed) {
            Ok(bytes) => Ok((template, bytes)),
            Err(message) => Err(NotationError { at: 0..composer.input.text().len(), message }),
        }
    }

    pub(in crate::ui) fn paste(&mut self, target: Option<&Target>, bench: &Bench, text: &str) {
        // Terminals hand on each line end of a paste as CR; the draft has it as the line end that ^J makes.
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        self.composer_mut(target, bench).0.input.apply(Edit::InsertText(text));
    }

    /// Puts bytes into the draft as they were on the wire, in the present notation or the first that can show them.
    pub(in crate::ui) fn take(&mut self, target: Option<&Target>, bench: &Bench, bytes: &[u8]) {
        let (composer, _) = self.composer_mut(target, bench);
        composer.own_eol = None;
        let stripped = framed::stripped(composer, bench, target, bytes);
        // What came off the wire is whole: an ending is added only where it was taken off.
        let is_whole = stripped.is_none();
        self.put(target, bench, stripped.as_deref().unwrap_or(bytes), is_whole);
    }

    /// Puts the payload of a framed message into the draft, which gets the line ending or the frame of the target only where
    /// that takes the place of what the message had.
    pub(in crate::ui) fn take_payload(&mut self, target: Option<&Target>, bench: &Bench, bytes: &[u8], is_line: bool) {
        self.put(target, bench, bytes, !is_line && bench.wraps_in(target).is_none());
    }

    /// Puts bytes into the draft, to which nothing is to be added where they are whole.
    fn put(&mut self, target: Option<&Target>, bench: &Bench, bytes: &[u8], is_whole: bool) {
        let (composer, _) = self.composer_mut(target, bench);
        let encoding = bench.encoding_of(target);
        for mode in [composer.mode, Mode::Escaped, Mode::Hex] {
            if let Ok(text) = payload::show_in(mode, bytes, encoding) {
                composer.put(mode, &text);
                composer.checksum = None;
                composer.own_eol = is_whole.then_some(LineEnding::None);
                return;
            }
        }
    }

    /// Puts a saved payload into the draft, written in this mode.
    pub(in crate::ui) fn put_saved(
        &mut self,
        target: Option<&Target>,
        bench: &Bench,
        (mode, text): (Mode, &str),
        entry: &PayloadEntry,
    ) {
        self.composer_mut(target, bench).0.put_saved(mode, text, entry);
    }

    pub(in crate::ui) fn put_line(&mut self, target: Option<&Target>, bench: &Bench, line: &Line) {
        self.composer_mut(target, bench).0.put_line(line);
    }

    /// What was sent to this socket, or to any connection of its listener; the newest last.
    pub(in crate::ui) fn entries(&self, target: Option<&Target>, bench: &Bench) -> &[Line] {
        self.history.of(&history_name(target, bench))
    }

    pub(in crate::ui) fn click(&mut self, target: Option<&Target>, x: u16, y: u16) {
        let area = self.area;
        let composer = match target {
            Some(target) => self.composers.get_mut(&target.socket()),
            None => Some(&mut self.idle),
        };
        if let Some(composer) = composer {
            composer.input.click(area, x, y);
        }
    }
}

fn history_name(target: Option<&Target>, bench: &Bench) -> String {
    let Some(socket) = target.map(Target::socket) else { return String::new() };
    let root = bench.roster.get(socket).and_then(|member| member.parent).unwrap_or(socket);
    bench.roster.name(root)
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
    if let Some(edit) = edit_of(key) {
        ui.edit(edit);
    }
}

/// What a key does in a text, where no action has it.
pub(in crate::ui) fn edit_of(key: KeyEvent) -> Option<Edit> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    Some(match key.code {
        KeyCode::Char(character) if !control && !alt => Edit::Insert(character),
        KeyCode::Char('w') if control => Edit::DeleteWord,
        KeyCode::Char('u') if control => Edit::DeleteToStart,
        KeyCode::Char('k') if control => Edit::DeleteToEnd,
        KeyCode::Backspace if alt || control => Edit::DeleteWord,
        KeyCode::Backspace => Edit::Backspace,
        KeyCode::Delete => Edit::Delete,
        KeyCode::Left if control => Edit::WordLeft,
        KeyCode::Right if control => Edit::WordRight,
        KeyCode::Left => Edit::Left,
        KeyCode::Right => Edit::Right,
        KeyCode::Home => Edit::Home,
        KeyCode::End => Edit::End,
        _ => return None,
    })
}

fn send(ui: &mut Ui) {
    let Some(target) = ui.target.clone() else { return };
    let bytes = match ui.input.filled(Some(&target), &ui.bench) {
        Ok((_, bytes)) => bytes,
        Err(error) => {
            ui.tell_error(format!("{NOT_SENT}{error}."));
            return;
        }
    };
    send_unless(ui, &target.clone(), bytes, move |ui, bytes| send_now(ui, target, bytes));
}

/// Does what sends these bytes to a target, unless they can't be sent, which is told.
pub(in crate::ui) fn send_unless(
    ui: &mut Ui,
    target: &Target,
    bytes: Vec<u8>,
    send: impl FnOnce(&mut Ui, Vec<u8>) + 'static,
) {
    if let Err(why) = ui.bench.can_send(target) {
        ui.tell_error(format!("{NOT_SENT}{why}."));
        return;
    }
    if bytes.is_empty() && !ui.bench.is_datagram(target) {
        ui.tell_error(format!("{NOT_SENT}a stream can't carry zero bytes; type something, or ^Y adds a line ending."));
        return;
    }
    let what = format!("{} bytes go", bytes.len());
    unless_many(ui, target, &what, move |ui| send(ui, bytes));
}

/// Does what sends, after a question where that is to many; `what` is what goes.
pub(in crate::ui) fn unless_many(ui: &mut Ui, target: &Target, what: &str, send: impl FnOnce(&mut Ui) + 'static) {
    let reach = ui.bench.reach(target);
    if reach < MANY {
        send(ui);
        return;
    }
    let title = format!("Send to {reach} connections?");
    let text = format!("{what} to each connection of {}.", ui.bench.roster.name(target.socket()));
    ui.overlays.push(Box::new(Confirm::new(&title, &text, "Send", send)));
}

/// Keeps what is typed in the history of the socket that it goes to.
pub(in crate::ui) fn remember(ui: &mut Ui, target: &Target) {
    let name = history_name(Some(target), &ui.bench);
    let (composer, history) = ui.input.composer_mut(Some(target), &ui.bench);
    if !composer.input.is_empty() {
        history.push(name, composer.line());
    }
}

fn send_now(ui: &mut Ui, target: Target, bytes: Vec<u8>) {
    remember(ui, &target);
    ui.input.composer_mut(Some(&target), &ui.bench).0.clear();
    ui.notice = bytes.is_empty().then(|| Notice::good("sent an empty datagram"));
    ui.bench.send(target, bytes, &mut ui.effects);
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
