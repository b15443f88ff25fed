//! The input: what is typed, in which notation, for whom, and the bytes that it would send.

mod composer;
mod framed;
mod history;

use std::collections::HashMap;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;

use super::frame;
use super::sockets::fitting;
use crate::contract::{Address, LineEnding, SocketId, Target, UnixAddress};
use crate::log::sanitise::Printable;
use crate::payload::{self, Mode};
use crate::ui::action::{ActionSpec, Scope, always};
use crate::ui::bench::Bench;
use crate::ui::canvas::Canvas;
use crate::ui::notice::Notice;
use crate::ui::overlays::confirm::Confirm;
use crate::ui::overlays::{file, payloads, search_history, targets};
use crate::ui::widgets::text_input::{Edit, InputStyles};
use crate::ui::{Pane, Ui};

use composer::Composer;
pub use history::History;
use history::Line;

/// From how many receivers on a send is confirmed.
const MANY: usize = 10;

/// How many rows of the draft are shown at most.
const MOST_ROWS: usize = 8;

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
        help: "the profile's payloads",
        run: payloads::open,
        available: always,
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
                composer.input.clear();
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
    area: Rect,
}

impl InputPane {
    pub(in crate::ui) fn new(history: History, bench: &Bench) -> Self {
        Self { composers: HashMap::new(), idle: Composer::new(bench, None), history, area: Rect::default() }
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

    pub(in crate::ui) fn mode(&self, target: Option<&Target>) -> Mode {
        self.composer(target).mode
    }

    /// How many rows the draft needs, within reason.
    pub(in crate::ui) fn rows(&self, target: Option<&Target>) -> u16 {
        let rows = self.draft(target).matches('\n').count() + 1;
        u16::try_from(rows.min(MOST_ROWS)).unwrap_or(1)
    }

    pub(in crate::ui) fn paste(&mut self, target: Option<&Target>, bench: &Bench, text: &str) {
        // Terminals hand on each line end of a paste as CR; the draft has it as the line end that ^J makes.
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        self.composer_mut(target, bench).0.input.apply(Edit::InsertText(text));
    }

    /// Puts bytes into the draft, in the present notation or the first that can show them.
    pub(in crate::ui) fn take(&mut self, target: Option<&Target>, bench: &Bench, bytes: &[u8]) {
        let (composer, _) = self.composer_mut(target, bench);
        // What came off the wire is whole: an ending that it has is not added again.
        let encoding = bench.encoding_of(target);
        let bytes = framed::payload_of(composer, bench, target, bytes);
        for mode in [composer.mode, Mode::Escaped, Mode::Hex] {
            if let Ok(text) = payload::show_in(mode, &bytes, encoding) {
                composer.put(mode, &text);
                return;
            }
        }
    }

    pub(in crate::ui) fn put(&mut self, target: Option<&Target>, bench: &Bench, mode: Mode, text: &str) {
        self.composer_mut(target, bench).0.put(mode, text);
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
    let (composer, _) = ui.input.composer_mut(Some(&target), &ui.bench);
    let bytes = match framed::bytes(composer, &ui.bench, Some(&target)) {
        Ok(bytes) => bytes,
        Err(error) => {
            ui.tell_error(format!("{NOT_SENT}{error}."));
            return;
        }
    };
    if let Err(why) = ui.bench.can_send(&target) {
        ui.tell_error(format!("{NOT_SENT}{why}."));
        return;
    }
    if bytes.is_empty() && !ui.bench.is_datagram(&target) {
        ui.tell_error(format!("{NOT_SENT}a stream can't carry zero bytes; type something, or ^Y adds a line ending."));
        return;
    }
    let what = format!("{} bytes go", bytes.len());
    unless_many(ui, &target.clone(), &what, move |ui| send_now(ui, target, bytes));
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

fn send_now(ui: &mut Ui, target: Target, bytes: Vec<u8>) {
    let name = history_name(Some(&target), &ui.bench);
    let (composer, history) = ui.input.composer_mut(Some(&target), &ui.bench);
    if !composer.input.is_empty() {
        history.push(name, composer.mode, composer.input.text());
    }
    composer.sent();
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
                composer.put(mode, &text);
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

pub(in crate::ui) fn render(ui: &mut Ui, canvas: &mut Canvas<'_>) {
    let area = ui.layout.input;
    let target = ui.target.clone();
    // A socket has its composer, with its own line ending, before the first key.
    ui.input.composer_mut(target.as_ref(), &ui.bench);
    let composer = ui.input.composer(target.as_ref());
    let bytes = framed::bytes(composer, &ui.bench, target.as_ref());
    // An empty draft that makes no frame is not wrong yet.
    let error = bytes.as_ref().err().filter(|_| !composer.input.is_empty()).cloned();
    let title = title(ui, target.as_ref(), composer, bytes.as_ref().map(Vec::len).ok());
    let inside = frame(ui, canvas, Pane::Input, &title);
    if let Some(target @ Target::Children(_)) = &target
        && ui.bench.reach(target) > 1
    {
        let width = u16::try_from(Printable::text(&title).width() + 2).unwrap_or(u16::MAX);
        let width = width.min(area.width.saturating_sub(2));
        canvas.style(Rect { x: area.x + 1, width, height: 1, ..area }, ui.look.warning);
    }
    // At least half of the room is the draft's.
    let preview_width = (inside.width / 2).min(if inside.width < 100 { 26 } else { 50 });
    let text_area = Rect { x: inside.x + 1, width: inside.width.saturating_sub(preview_width + 2), ..inside };
    ui.input.area = text_area;
    let composer = ui.input.composer(target.as_ref());
    let look = &ui.look;
    let styles = InputStyles { text: look.text, cursor: look.selected, error: look.error, placeholder: look.dim };
    let focused = ui.focus == Pane::Input && ui.overlays.is_empty();
    let wrong = error.as_ref().map(|error| error.at.clone());
    composer.input.render(canvas, text_area, &styles, wrong, focused);
    if composer.input.is_empty() && !focused {
        let text = if target.is_some() { "Tab comes here to type" } else { "Open a socket to send" };
        canvas.put(text_area.x, text_area.y, text_area.right(), &Printable::text(text), look.dim);
    }
    match (bytes, error) {
        (Ok(bytes), _) if target.is_some() => {
            let preview = Rect { x: inside.right() - preview_width, width: preview_width, ..inside };
            render_preview(ui, canvas, preview, &bytes);
        }
        (Err(_), Some(error)) => {
            let text = Printable::text(&format!(" {error} "))
                .truncate(usize::from(area.width.saturating_sub(4)), ui.look.marks.ellipsis);
            canvas.put(area.x + 2, area.bottom() - 1, area.right().saturating_sub(1), &text, look.error);
        }
        _ => {}
    }
}

/// The bytes that would be sent, row by row; the last row says how many more there are.
fn render_preview(ui: &Ui, canvas: &mut Canvas<'_>, area: Rect, bytes: &[u8]) {
    let per_row = usize::from(area.width.saturating_sub(1) / 3);
    if per_row == 0 {
        return;
    }
    let rows = usize::from(area.height);
    for (row, (y, chunk)) in (area.y..area.bottom()).zip(bytes.chunks(per_row)).enumerate() {
        let rest = bytes.len() - row * per_row;
        let text = if row + 1 == rows && rest > per_row {
            let shown = per_row.saturating_sub(4);
            let hex = payload::show(Mode::Hex, &chunk[..shown.min(chunk.len())]).unwrap_or_default();
            format!("{hex} +{}", rest - shown)
        } else {
            payload::show(Mode::Hex, chunk).unwrap_or_default()
        };
        canvas.put(area.x, y, area.right(), &Printable::text(&text), ui.look.dim);
    }
}

/// A peer behind the name in the title, and why it is that one where it could be another: of the path of a Unix socket
/// no more than leaves room for the rest.
fn behind(ui: &Ui, address: &Address, why: &str) -> String {
    match address {
        Address::Unix(UnixAddress::Unnamed) => String::new(),
        Address::Unix(_) => format!(" {}{why}", fitting(ui, address, 30 - why.len())),
        _ => format!(" {address}{why}"),
    }
}

fn title(ui: &Ui, target: Option<&Target>, composer: &Composer, len: Option<usize>) -> String {
    let marks = ui.look.marks;
    let Some(target) = target else {
        return format!("Send {} nothing is open", marks.dot);
    };
    let name = ui.bench.roster.name(target.socket());
    let member = ui.bench.roster.get(target.socket());
    let whom = match target {
        Target::Children(_) => match ui.bench.reach(target) {
            0 => format!("{name} (nobody is connected)"),
            1 => format!("{name} (its one connection)"),
            count => format!("{name} (all {count} connections)"),
        },
        Target::Peer(_, address) => format!("{name}{}", behind(ui, address, " (chosen)")),
        Target::Socket(_) => match member.map(|member| (&member.peer, &member.last_heard)) {
            Some((Some(peer), _)) => format!("{name}{}", behind(ui, peer, "")),
            Some((None, Some(peer))) => format!("{name}{}", behind(ui, peer, " (last heard)")),
            _ => name,
        },
    };
    let eol = match (framed::wrapped_in(&ui.bench, Some(target)), composer.line_ending()) {
        (Some(framing), _) => framing.to_string(),
        (None, LineEnding::None) => "no EOL".to_owned(),
        (None, ending) => format!("+{}", ending.word().to_uppercase()),
    };
    let len = len.map_or_else(|| "?".to_owned(), |len| len.to_string());
    let (arrow, dot) = (marks.arrow, marks.dot);
    let encoding = ui.bench.encoding_of(Some(target));
    let encoding = if encoding.is_utf8() { String::new() } else { format!(" {encoding}") };
    format!("Send {arrow} {whom} {dot} {}{encoding} {dot} {eol} {dot} {len} B", composer.mode.name())
}
