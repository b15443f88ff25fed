//! The screen: panes, overlays, focus, keys and the mouse.
//!
//! Terminal events and batches come in, effects go out, and a buffer is drawn. Owns the bench that it shows. It never
//! touches a socket or a file, and knows no tokio: [`crate::app`] carries out its effects.

mod action;
mod answering;
mod bench;
mod canvas;
mod file;
mod keymap;
mod layout;
mod names;
mod notice;
mod opening;
mod overlays;
mod panes;
mod repeating;
mod replaying;
mod scenarios;
#[cfg(test)]
mod tests;
mod theme;
mod widgets;

use std::collections::HashSet;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::config::{Config, TimeFormat};
use crate::contract::{Batch, Block, Clock, Command, Recording, SocketId, SocketIds, Target};
use crate::exporter::{Job, Order, Report};
use crate::log::sanitise::Printable;
use crate::log::{LogStore, Roster, State};
use crate::payload::Variables;
use crate::profile::{Invalid, Profile, SaveError};

pub use action::{ActionSpec, Scope, actions};
pub use keymap::{BindingError, Keymap};
pub use notice::size;
pub use panes::input::History;

use bench::{Bench, Told};
use canvas::Canvas;
use layout::Layout;
use names::Names;
use notice::Notice;
use overlays::{Next, Overlay, confirm::Confirm, export::Choice};
use panes::input::InputPane;
use panes::inspector::InspectorPane;
use panes::log::LogPane;
use panes::sockets::{Entry, SocketsPane};
use theme::Look;
use widgets::paragraph::put_wrapped;

/// What the screen wants done that it can't do itself.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Hand this to the engine.
    Order(Command),
    /// Record what comes from now on into this file, and answer with [`Ui::recording_begun`].
    Record {
        /// Where.
        path: PathBuf,
        /// Whether a file that is there may be written over.
        replace: bool,
    },
    /// End the recording.
    StopRecording,
    /// Look which profiles there are, and answer with [`Ui::show_profiles`].
    ListProfiles,
    /// Look what is in this folder, and answer with [`Ui::folder_listed`].
    ListFolder(PathBuf),
    /// Read this profile, and answer with [`Ui::profile_loaded`].
    LoadProfile(PathBuf),
    /// Write the bench's profile to this path, or where it came from, and answer with [`Ui::profile_saved`].
    SaveProfile {
        /// Where, if not where it came from.
        path: Option<PathBuf>,
        /// Whether a file that is there, or was changed by another, may be replaced.
        replace: bool,
    },
    /// Find out which addresses a host's name stands for, and answer with [`Ui::looked_up`].
    LookUp(String),
    /// Begin this export, with what [`Ui::export_job`] gives for it, and tell of it with [`Ui::export_told`].
    Export(Order),
    /// End the export of this number.
    CancelExport(u64),
    /// Put this into the clipboard, and say where it went with [`Ui::tell`].
    Copy(String),
    /// Have the terminal report the mouse, or leave it to the terminal.
    Mouse(bool),
    /// Draw every cell anew.
    Redraw,
    /// Stop the process until the shell continues it.
    Suspend,
    /// Leave.
    Quit,
}

/// What a form must know of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// The names of the network interfaces.
    pub interfaces: Vec<String>,
    /// The folder in which to propose the paths of Unix sockets.
    pub socket_folder: String,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self { interfaces: Vec::new(), socket_folder: "/tmp".to_owned() }
    }
}

/// What is in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderEntry {
    /// Its name.
    pub name: String,
    /// Whether it is a folder itself.
    pub is_folder: bool,
}

/// The actions whose keys act while an overlay is open, too.
const OVER_OVERLAYS: &[&str] = &["redraw", "suspend"];

/// The panes that can have the focus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pane {
    Sockets,
    Log,
    Inspector,
    Input,
}

impl Pane {
    const ALL: [Self; 4] = [Self::Sockets, Self::Log, Self::Inspector, Self::Input];

    const fn scope(self) -> Scope {
        match self {
            Self::Sockets => Scope::Sockets,
            Self::Log => Scope::Log,
            Self::Inspector => Scope::Inspector,
            Self::Input => Scope::Input,
        }
    }
}

/// The whole screen and what it shows.
pub struct Ui {
    bench: Bench,
    keymap: Keymap,
    look: Look,
    focus: Pane,
    overlays: Vec<Box<dyn Overlay>>,
    effects: Vec<Effect>,
    notice: Option<Notice>,
    recording: Option<Recording>,
    layout: Layout,
    /// What the mouse can press besides panes: drawn areas and the action that each one runs.
    buttons: Vec<(Rect, &'static ActionSpec)>,
    sockets: SocketsPane,
    log: LogPane,
    inspector: InspectorPane,
    input: InputPane,
    export_choice: Choice,
    target: Option<Target>,
    /// Defaults for new sockets: option name and value.
    defaults: Vec<(String, String)>,
    mouse: bool,
    time: TimeFormat,
    last_click: Option<(Instant, u16, u16)>,
    profile_folder: Option<PathBuf>,
    surroundings: Surroundings,
    names: Names,
    /// The sockets that the user has ordered one by one in here, and neither has typed since nor seen them fail.
    by_hand: HashSet<SocketId>,
    /// Whether the selection was nobody's choice, so that it may pass to a socket that opens from one that does not.
    may_select: bool,
}

impl Ui {
    /// A screen over an empty bench. `colour` is false where `NO_COLOR` is set; profiles are saved in
    /// `profile_folder` unless a path is given.
    #[must_use]
    pub fn new(
        ids: SocketIds,
        clock: Clock,
        config: &Config,
        keymap: Keymap,
        history: History,
        colour: bool,
        profile_folder: Option<PathBuf>,
    ) -> Self {
        let bench = Bench::new(ids, clock, config.memory);
        Self {
            input: InputPane::new(history, &bench),
            bench,
            keymap,
            look: Look::new(config.theme, colour),
            focus: Pane::Sockets,
            overlays: Vec::new(),
            effects: Vec::new(),
            notice: None,
            recording: None,
            layout: Layout::default(),
            buttons: Vec::new(),
            sockets: SocketsPane::default(),
            log: LogPane::default(),
            inspector: InspectorPane::default(),
            export_choice: Choice::default(),
            target: None,
            defaults: config.defaults.clone(),
            mouse: config.mouse,
            time: config.time,
            last_click: None,
            profile_folder,
            surroundings: Surroundings::default(),
            names: Names::default(),
            by_hand: HashSet::new(),
            may_select: false,
        }
    }

    /// Tells what forms must know of the machine.
    pub fn set_surroundings(&mut self, surroundings: Surroundings) {
        self.surroundings = surroundings;
    }

    /// Gives templates these variables, and their environment; to be called before a profile is loaded.
    pub fn give(&mut self, given: Variables) {
        self.bench.set_variables(given);
    }

    /// What was given to templates.
    #[must_use]
    pub fn given(&self) -> &Variables {
        self.bench.given()
    }

    /// From now on what the log may not hold in memory goes to a file without a name in `folder`. `wake` is called, from
    /// another thread, when [`settle`](Self::settle) has something to do. To be called before there is a log.
    pub fn spill_to(&mut self, folder: PathBuf, wake: impl Fn() + Send + Sync + 'static) {
        self.bench.store = LogStore::spilling(self.bench.store.memory_limit(), folder, wake);
    }

    /// Has the log keep to its memory limit.
    pub fn settle(&mut self) {
        self.bench.settle();
        panes::log::marks::forget(self);
    }

    /// True while no more batches should be taken: the disk can't keep up with them.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.bench.store.is_behind()
    }

    /// The log, and who is in it: for whoever records it.
    #[must_use]
    pub const fn log(&self) -> (&LogStore, &Roster) {
        (&self.bench.store, &self.bench.roster)
    }

    /// Shows how the recording fares; `None` while there is none.
    pub fn set_recording(&mut self, recording: Option<Recording>) {
        if let Some(Recording::Failed(why)) = &recording
            && self.recording != recording
        {
            self.tell(Notice::error(format!("NOT RECORDING: {why}")));
        }
        self.recording = recording;
    }

    /// Says what became of beginning a recording into this file, and asks where there is something to decide.
    pub fn recording_begun(&mut self, path: &Path, result: io::Result<()>) {
        overlays::recording::begun(self, path, result);
    }

    /// What is to be done since the last time.
    #[must_use]
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Takes in what the engine reports, and gives back a block for it. [`settle`](Self::settle) is to follow, once
    /// whoever records the log has been handed what came: where the disk is full, its oldest rows go.
    ///
    /// # Errors
    /// `ENOMEM`, where the system has no memory for another block.
    pub fn absorb(&mut self, batch: Batch) -> io::Result<Block> {
        let mut told = Vec::new();
        let block = self.bench.absorb(batch, &mut told)?;
        for told in told {
            self.tell_of(told);
        }
        self.select_what_opened();
        panes::log::marks::forget(self);
        Ok(block)
    }

    fn tell_of(&mut self, told: Told) {
        match told {
            Told::Outcome(outcome) => {
                let notice = Notice::of_outcome(&outcome, &self.bench);
                self.notice = Some(notice);
            }
            Told::Failed(socket, error) => {
                let name = self.bench.roster.name(socket);
                self.tell(Notice::error(format!("{name}: {error}")));
                let never_opened = self.bench.roster.get(socket).is_some_and(|root| root.state == State::Failed);
                // Whoever is busy with something else is not interrupted.
                if never_opened && self.by_hand.remove(&socket) && self.overlays.is_empty() && !self.is_typing() {
                    overlays::in_use::offer(self, socket, &error);
                }
            }
            Told::Transferred(socket, transfer) => {
                let notice = Notice::of_transfer(socket, &transfer, &self.bench);
                self.tell(notice);
            }
            Told::Paired { pair, first } => {
                // The pair itself carries nothing.
                if self.sockets.selected == Some(Entry::Root(pair)) && !self.is_typing() {
                    self.select(Entry::Child(first));
                }
            }
        }
    }

    /// Does a slice of the work that is left over; true while there is more, or figures on the screen have changed.
    pub fn work(&mut self) -> bool {
        let replayed = self.work_on_replay();
        let repeated = self.work_on_repeats();
        let stepped = self.work_on_scenario();
        let store = &self.bench.store;
        let census = self.bench.census.as_mut().filter(|census| !census.is_whole());
        let counting = census.map(|census| census.catch_up(store)).is_some();
        let behind = !(self.bench.is_judged() && self.bench.is_searched());
        // One after the other, so that none keeps a key waiting. The last slice has changed something, too.
        self.bench.catch_up()
            || panes::log::find::work(self)
            || panes::inspector::work(self)
            || counting
            || replayed
            || repeated
            || stepped
            || behind
    }

    /// Brings figures up to now, which may order something; when to do so again, if they will change although nothing
    /// happens.
    pub fn tick(&mut self) -> Option<Duration> {
        let notice = self.notice.as_ref().and_then(Notice::fades_in);
        if notice == Some(Duration::ZERO) {
            self.notice = None;
        }
        let rates = self.bench.turn_rates();
        let message = self.bench.expire_messages();
        let inspector = panes::inspector::refresh(self);
        let now = Instant::now();
        self.effects.extend(self.names.due(now).map(Effect::LookUp));
        let name = self.names.due_in(now);
        let scenario = self.scenario_ticks();
        [notice.filter(|after| !after.is_zero()), rates, message, inspector, name, scenario].into_iter().flatten().min()
    }

    /// All that an export needs, to be carried out on another thread.
    #[must_use]
    pub fn export_job(&self, order: &Order) -> Job {
        let Bench { store, roster, view, messages, .. } = &self.bench;
        let rows = order.lines.start.seq..order.lines.end.seq.saturating_add(1);
        let (messages, first) = messages.snapshot(rows.clone(), store);
        Job {
            store: store.snapshot(first..rows.end),
            roster: roster.clone(),
            messages,
            lines: order.lines.clone(),
            filter: order.filtered.then(|| (view.scope(), view.filter().clone())),
            way: order.way,
            format: order.format,
        }
    }

    /// Takes in what is told of an export.
    pub fn export_told(&mut self, report: Report) {
        let now = self.bench.now();
        let ended = self.bench.exports.told(report, now);
        if let Some(notice) = ended.and_then(|export| Notice::of_export(&export, now)) {
            self.tell(notice);
        }
    }

    /// Takes in which addresses a host's name stands for, or why none.
    pub fn looked_up(&mut self, host: String, answer: Result<Vec<IpAddr>, String>) {
        self.names.answered(host, answer);
    }

    /// Shows a message on the status line.
    pub fn tell(&mut self, notice: Notice) {
        self.notice = Some(notice);
    }

    /// Says that something failed outside the screen.
    pub fn tell_error(&mut self, message: impl Into<String>) {
        self.tell(Notice::error(message));
    }

    /// Says that something succeeded outside the screen.
    pub fn tell_good(&mut self, message: impl Into<String>) {
        self.tell(Notice::good(message));
    }

    /// Shows which profiles there are.
    pub fn show_profiles(&mut self, paths: Vec<PathBuf>) {
        overlays::profiles::open(self, paths);
    }

    /// Shows what is in a folder to whoever asked, or why that can't be told.
    pub fn folder_listed(&mut self, result: &io::Result<Vec<FolderEntry>>) {
        self.with_overlay(|overlay, ui| overlay.folder_listed(result, ui));
    }

    /// Puts a profile on the bench, or shows what is wrong with it.
    pub fn profile_loaded(&mut self, result: Result<Profile, Invalid>) {
        match result {
            Ok(profile) => {
                let warnings: Vec<String> = profile.warnings.iter().map(ToString::to_string).collect();
                let title = profile.title();
                let text = match profile.read_only.as_ref() {
                    Some(why) => format!("{title} is loaded, read-only: {why}"),
                    None => format!("{title} is loaded"),
                };
                self.bench.load(profile, &mut self.effects);
                self.target = None;
                self.sockets = SocketsPane::default();
                let first = self.bench.roster.roots().next().map(|member| member.id);
                if let Some(first) = first {
                    self.select(Entry::Root(first));
                    self.may_select = true;
                    self.focus = Pane::Input;
                }
                self.tell(Notice::good(text));
                self.tell_of_wrong_rules();
                if !warnings.is_empty() {
                    overlays::message::open(self, "Warnings of the profile", &warnings.join("\n"));
                }
            }
            Err(invalid) => overlays::message::open(self, "The profile was not loaded", &invalid.to_string()),
        }
    }

    /// The bench's profile, for saving.
    pub fn profile_mut(&mut self) -> &mut Profile {
        &mut self.bench.profile
    }

    /// Says what became of saving the profile, and asks where there is something to decide.
    pub fn profile_saved(&mut self, path: Option<PathBuf>, result: Result<(), SaveError>) {
        overlays::profiles::saved(self, path, result);
        // Paths begin at the folder of the profile, which may be another now.
        self.bench.settle_rules(&mut self.effects);
    }

    /// What was typed, for the file that outlives the session.
    #[must_use]
    pub fn history(&self) -> &History {
        self.input.history()
    }

    /// Takes in what the terminal reports; true if the screen may look different now.
    pub fn handle(&mut self, event: Event) -> bool {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(key),
            Event::Paste(text) => self.paste(&text),
            Event::Mouse(mouse) => return self.mouse(mouse),
            Event::Resize(..) => {}
            Event::Key(_) | Event::FocusGained | Event::FocusLost => return false,
        }
        true
    }

    fn key(&mut self, key: KeyEvent) {
        if self.notice.as_ref().is_some_and(Notice::was_read) {
            self.notice = None;
        }
        let anywhere = self.keymap.action(Scope::Anywhere, key);
        if self.overlays.is_empty() {
            self.pane_key(key);
        } else if let Some(action) = anywhere.filter(|action| OVER_OVERLAYS.contains(&action.name)) {
            self.run(action);
        } else {
            self.with_overlay(|overlay, ui| overlay.key(key, ui));
        }
    }

    fn pane_key(&mut self, key: KeyEvent) {
        if let Some(action) = self.keymap.action(self.focus.scope(), key) {
            self.run(action);
        } else if key.code == KeyCode::Esc {
            self.escape();
        } else if self.focus == Pane::Input {
            panes::input::type_key(self, key);
        }
    }

    /// Runs an action, or says why it can't be run now.
    fn run(&mut self, action: &'static ActionSpec) {
        match (action.available)(self) {
            Ok(()) => (action.run)(self),
            Err(why) => self.tell(Notice::warning(format!("Not possible: {why}."))),
        }
    }

    /// Esc without an overlay: stops a scenario or a replay, ends a selection or a comparison, then find, clears the filter, then goes
    /// to the input. It never quits.
    fn escape(&mut self) {
        if self.bench.scenarios.running.is_some() {
            self.stop_scenario();
            return;
        }
        if self.bench.replay.is_some() {
            self.stop_replay();
            return;
        }
        if self.focus == Pane::Inspector && panes::inspector::escape(self)
            || panes::log::selection::clear(self)
            || panes::inspector::compare::end(self)
        {
            return;
        }
        if self.bench.find.is_some() {
            panes::log::find::look_for(self, "", None, None);
        } else if self.bench.view.filter().text().is_empty() {
            self.focus = Pane::Input;
        } else {
            self.set_filter("");
        }
    }

    fn paste(&mut self, text: &str) {
        if self.overlays.is_empty() {
            self.focus = Pane::Input;
            self.has_typed();
            self.input.paste(self.target.as_ref(), &self.bench, text);
        } else {
            self.with_overlay(|overlay, ui| {
                overlay.paste(text, ui);
                Next::Stay
            });
        }
    }

    /// Lends the topmost overlay out of the stack while it acts, so that it can act on all the rest, and open others.
    fn with_overlay(&mut self, act: impl FnOnce(&mut dyn Overlay, &mut Self) -> Next) {
        if let Some(mut overlay) = self.overlays.pop() {
            let place = self.overlays.len();
            if act(overlay.as_mut(), self) == Next::Stay {
                self.overlays.insert(place.min(self.overlays.len()), overlay);
            }
        }
    }

    fn mouse(&mut self, mouse: MouseEvent) -> bool {
        let (x, y) = (mouse.column, mouse.row);
        let wheel = match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => 0,
            MouseEventKind::ScrollUp => -3,
            MouseEventKind::ScrollDown => 3,
            MouseEventKind::Drag(MouseButton::Left) if self.overlays.is_empty() => return self.drag(x, y),
            _ => return false,
        };
        if self.notice.as_ref().is_some_and(Notice::was_read) {
            self.notice = None;
        }
        if !self.overlays.is_empty() {
            self.with_overlay(|overlay, ui| overlay.mouse(x, y, wheel, ui));
        } else if wheel != 0 {
            match self.layout.pane_at(x, y) {
                Some(Pane::Log) => self.bench.view.scroll_by(wheel as isize),
                Some(Pane::Sockets) => self.move_in_list(wheel.signum()),
                Some(Pane::Inspector) => panes::inspector::scroll_by(self, wheel as isize),
                Some(Pane::Input) | None => {}
            }
        } else {
            self.click(x, y);
        }
        true
    }

    /// The mouse moves with its button down: what began in the log selects rows, and in the inspector bytes.
    fn drag(&mut self, x: u16, y: u16) -> bool {
        let began = self.last_click.and_then(|(_, x, y)| self.layout.pane_at(x, y));
        if began == Some(Pane::Inspector) {
            return panes::inspector::drag(self, x, y);
        }
        if began == Some(Pane::Log) {
            panes::log::selection::drag(self, y);
        }
        began == Some(Pane::Log)
    }

    fn click(&mut self, x: u16, y: u16) {
        let now = Instant::now();
        let double = self.last_click.is_some_and(|(at, last_x, last_y)| {
            (last_x, last_y) == (x, y) && now.duration_since(at) < Duration::from_millis(400)
        });
        self.last_click = Some((now, x, y));
        let button = self.buttons.iter().find(|(area, _)| area.contains((x, y).into()));
        if let Some((_, action)) = button {
            self.run(action);
            return;
        }
        let Some(pane) = self.layout.pane_at(x, y) else { return };
        self.focus = pane;
        match pane {
            Pane::Sockets => {
                if let Some(entry) = self.sockets.entry_at(y) {
                    self.select(entry);
                }
            }
            Pane::Log => {
                panes::log::click(self, y);
                if double {
                    panes::inspector::show_row(self);
                }
            }
            Pane::Inspector => panes::inspector::click(self, x, y),
            Pane::Input => self.input.click(self.target.as_ref(), x, y),
        }
    }

    fn focus_on(&mut self, pane: Pane) {
        self.focus = pane;
    }

    fn turn_focus(&mut self, by: isize) {
        // The inspector has a turn only where it has a place of its own.
        let turns: Vec<Pane> = Pane::ALL
            .into_iter()
            .filter(|pane| {
                *pane != Pane::Inspector || self.focus == Pane::Inspector || !self.layout.inspector.is_empty()
            })
            .collect();
        let at = turns.iter().position(|pane| *pane == self.focus).unwrap_or(0);
        let next = (at.cast_signed() + by).rem_euclid(turns.len().cast_signed());
        self.focus = turns[next.cast_unsigned()];
    }

    /// Selects an entry of the list, and makes it what the input sends to.
    fn select(&mut self, entry: Entry) {
        self.may_select = false;
        self.target = Some(entry.target(&self.bench));
        self.sockets.selected = Some(entry);
        panes::log::timeline::follow_selection(self);
    }

    fn set_filter(&mut self, text: &str) {
        match crate::log::Filter::parse(text, self.bench.now()) {
            Ok(filter) => {
                self.bench.view.set_filter(filter);
                self.bench.catch_up();
            }
            Err(error) => self.tell_error(format!("The filter stays as it was: {error}.")),
        }
    }

    fn toggle_mouse(&mut self) {
        self.mouse = !self.mouse;
        self.effects.push(Effect::Mouse(self.mouse));
        self.tell_good(if self.mouse {
            "The mouse works the bench; M in the log gives it back to the terminal."
        } else {
            "The mouse is the terminal's, for selecting; M in the log takes it back."
        });
    }

    fn open_new_socket_form(&mut self) {
        overlays::new_socket::open(self, None);
    }

    fn quit(&mut self) {
        // A client that waits for its next try would be lost like an open one.
        let waiting = self.bench.roster.roots().filter(|root| root.state == State::Waiting).count();
        let open = self.bench.open_sockets() + waiting;
        let profile = &self.bench.profile;
        // An echo is made again by one key.
        let has_rules = profile.rules.iter().any(|rule| !rule.is_echo());
        let is_kept =
            profile.path.is_some() || !profile.payloads.is_empty() || has_rules || !profile.scenarios.is_empty();
        let unsaved = is_kept && profile.is_modified();
        let exporting = self.bench.exports.running().next().is_some();
        if open == 0 && !unsaved && !exporting {
            self.effects.push(Effect::Quit);
            return;
        }
        let sockets = match open {
            0 => String::new(),
            1 => "One socket is open and will be closed. ".to_owned(),
            _ => format!("{open} sockets are open and will be closed. "),
        };
        let profile = match &profile.path {
            _ if !unsaved => "",
            Some(_) => "The profile has changes that are not saved (^S saves).",
            None => "Payloads, rules or scenarios are in no profile yet (^S saves one).",
        };
        let export = if exporting { "An export is under way; nothing would be left of it. " } else { "" };
        let confirm =
            Confirm::new("Quit?", &format!("{sockets}{export}{profile}"), "Quit", |ui| ui.effects.push(Effect::Quit));
        self.overlays.push(Box::new(confirm));
    }

    /// Draws everything into the buffer.
    pub fn render(&mut self, buffer: &mut Buffer) {
        let screen = buffer.area;
        self.buttons.clear();
        let mut canvas = Canvas::new(buffer);
        canvas.fill(screen, self.look.text);
        let rows = panes::input::rows(self, screen.width);
        let Some(layout) = Layout::of(screen, rows, self.focus) else {
            self.layout = Layout::default();
            let (width, height) = layout::SMALLEST;
            let text = format!("sockbench needs {width}x{height}; the bench goes on");
            put_wrapped(&mut canvas, screen, &Printable::text(&text), self.look.text);
            return;
        };
        let in_timeline = panes::log::timeline::socket(self).is_some();
        let needs_room = in_timeline || panes::inspector::shows_statistics(self);
        self.layout = if needs_room { layout.with_room_for_lessons() } else { layout };
        panes::sockets::render(self, &mut canvas);
        panes::log::render(self, &mut canvas);
        panes::inspector::render(self, &mut canvas);
        panes::input::render(self, &mut canvas);
        panes::status::render(self, &mut canvas);
        let overlays = std::mem::take(&mut self.overlays);
        for overlay in &overlays {
            overlay.render(&mut canvas, screen, self);
        }
        self.overlays = overlays;
    }
}
