//! The screen: panes, overlays, focus, keys and the mouse.
//!
//! Terminal events and batches come in, effects go out, and a buffer is drawn. Owns the bench that it shows. It never
//! touches a socket or a file, and knows no tokio: [`crate::app`] carries out its effects.

mod action;
mod answering;
mod bench;
mod canvas;
mod effect;
mod exporting;
mod figures;
mod host_names;
mod keymap;
mod layout;
mod notice;
mod opening;
mod overlays;
mod panes;
mod recorded;
mod repeating;
mod replaying;
mod routing;
mod scenarios;
#[cfg(test)]
mod tests;
mod theme;
mod turning;
mod widgets;

use std::collections::HashSet;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::config::{Config, TimeFormat};
use crate::contract::{Batch, Block, Clock, Recording, SocketId, SocketIds, Target};
use crate::log::sanitise::Printable;
use crate::log::{LogStore, Roster, State};
use crate::payload::Variables;
use crate::profile::{Invalid, Profile, SaveError};

pub use action::{ActionSpec, Scope, actions};
pub use effect::{Effect, FolderEntry, Surroundings};
pub use figures::size;
pub use keymap::{BindingError, Keymap};
pub use panes::input::History;

use bench::{Bench, Told};
use canvas::Canvas;
use host_names::HostNames;
use layout::Layout;
use notice::Notice;
use overlays::{Overlay, export::Choice};
use panes::input::InputPane;
use panes::inspector::InspectorPane;
use panes::log::LogPane;
use panes::sockets::{Entry, SocketsPane};
use theme::Look;
use widgets::paragraph::put_wrapped;

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
    host_names: HostNames,
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
            look: Look::new(config.theme.unwrap_or_default(), colour),
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
            host_names: HostNames::default(),
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
        let _held = self.look.repertoire.hold();
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

    /// After which time [`work`](Self::work) has something to do although nothing happens.
    #[must_use]
    pub fn wakes_in(&self) -> Option<Duration> {
        let Bench { replay, repeats, scenarios, .. } = &self.bench;
        let wakes = [replay.as_ref().and_then(|replay| replay.wakes), repeats.wakes, scenarios.wakes];
        Some(wakes.into_iter().flatten().min()?.since(self.bench.now()))
    }

    /// Brings figures up to now, which may order something; when to do so again, if they will change although nothing
    /// happens.
    pub fn tick(&mut self) -> Option<Duration> {
        let _held = self.look.repertoire.hold();
        let notice = self.notice.as_ref().and_then(Notice::fades_in);
        if notice == Some(Duration::ZERO) {
            self.notice = None;
        }
        let rates = self.bench.turn_rates();
        let message = self.bench.expire_messages();
        let inspector = panes::inspector::refresh(self);
        let now = Instant::now();
        self.effects.extend(self.host_names.due(now).map(Effect::LookUp));
        let name = self.host_names.due_in(now);
        let scenario = self.scenario_ticks();
        [notice.filter(|after| !after.is_zero()), rates, message, inspector, name, scenario].into_iter().flatten().min()
    }

    /// Takes in which addresses a host's name stands for, or why none.
    pub fn looked_up(&mut self, host: String, answer: Result<Vec<IpAddr>, String>) {
        self.host_names.answered(host, answer);
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
    pub fn folder_listed(&mut self, folder: &Path, result: &io::Result<Vec<FolderEntry>>) {
        // A question may have come over who asked.
        let place = self.overlays.iter().rposition(|overlay| !overlay.is_question());
        if let Some(place) = place {
            self.with_overlay_at(place, |overlay, ui| overlay.folder_listed(folder, result, ui));
        }
    }

    /// Puts a profile on the bench, or shows what is wrong with it.
    pub fn profile_loaded(&mut self, result: Result<Profile, Invalid>) {
        overlays::profiles::loaded(self, result);
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

    fn set_filter(&mut self, text: &str) {
        match crate::log::Filter::parse(text, self.bench.now()) {
            Ok(filter) => {
                self.bench.view.set_filter(filter);
                self.bench.catch_up();
            }
            Err(error) => self.tell_error(format!("The filter stays as it was: {error}.")),
        }
    }

    /// Draws everything into the buffer.
    pub fn render(&mut self, buffer: &mut Buffer) {
        let _held = self.look.repertoire.hold();
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
