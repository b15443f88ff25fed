//! The composition root with a screen: one loop that joins the terminal, the engine and the clock.
//!
//! Keys come first, then a batch of events, then the frame. A frame is drawn when something changed and the last one is
//! 16 ms old, or 4 ms where a key waits for its answer; timers exist only while something moves.

mod clipboard;
mod exporter;
mod hangup;
mod last_resort;
mod loading;
mod machine;
mod painter;
mod recordings;
mod state;
mod terminal;

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use crossterm::event::Event;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep_until, timeout};

use crate::cli::{Common, Log, Workbench};
use crate::config::Config;
use crate::contract::{Clock, Command, Endpoint, SocketIds};
use crate::engine::{self, Batches, EngineHandle};
use crate::log::sanitise::Printable;
use crate::os;
use crate::outcome::{EndSignals, Outcome};
use crate::payload::Variables;
use crate::profile::{self, Diagnostic, Invalid, Profile};
use crate::recorder::Recorder;
use crate::startup::{configure, given_variables, point_at, start_recorder};
use crate::ui::{Effect, FolderEntry, Keymap, Ui};

use exporter::{Exporter, Told};
use loading::{Loaded, Loading, Opened};
pub use painter::Painter;
use recordings::Recordings;
use terminal::Screen;

/// The least time between two frames: sixty a second.
const FRAME: Duration = Duration::from_millis(16);

/// The same where somebody typed: under a flood, the answer does not wait for the flood's next frame.
const ANSWER: Duration = Duration::from_millis(4);

/// When to offer the engine again what it could not take.
const RETRY: Duration = Duration::from_millis(10);

/// How long the screen waits for what a disk tells, usually at once.
const AT_ONCE: Duration = Duration::from_millis(100);

/// How long leaving waits for the engine's last words.
const FAREWELL: Duration = Duration::from_millis(1500);

/// Runs the workbench.
///
/// # Errors
/// When the terminal can't be drawn on, or the engine can't be started.
pub fn run(arguments: &Workbench) -> anyhow::Result<Outcome> {
    start(&arguments.common, &arguments.endpoints, |_, variables| {
        let load = |name: &String| Profile::load_with(&profile::resolve(name), &variables);
        let profile = arguments.profile.as_ref().map(load).transpose();
        Ok(Given { profile: profile.map_err(|invalid| invalid.to_string())?, file: None, variables })
    })
}

/// Runs the workbench over the log in a file.
///
/// # Errors
/// As [`run`].
pub fn open_log(arguments: &Log) -> anyhow::Result<Outcome> {
    start(&arguments.common, &arguments.endpoints, |ids, variables| {
        let file = Opened::open(&arguments.file, ids.clone())?;
        Ok(Given { profile: None, file: Some(file), variables })
    })
}

/// What the workbench starts with besides endpoints.
struct Given {
    profile: Option<Profile>,
    file: Option<Opened>,
    /// What templates know besides the profile's variables.
    variables: Variables,
}

/// Runs the workbench with what `given` finds, or gives back why it finds nothing.
fn start(
    common: &Common,
    endpoints: &[String],
    given: impl FnOnce(&SocketIds, Variables) -> Result<Given, String>,
) -> anyhow::Result<Outcome> {
    let (config, keymap) = match configure(&common.start, common.memory) {
        Ok(configured) => configured,
        Err(message) => return Ok(Outcome::Invalid(message)),
    };
    let mut parsed = Vec::new();
    for text in endpoints {
        match text.parse::<Endpoint>() {
            Ok(endpoint) => parsed.push(endpoint),
            Err(error) => return Ok(Outcome::Invalid(point_at(text, &error) + &meant(text))),
        }
    }
    let ids = SocketIds::new();
    let given = match given_variables(common).and_then(|variables| given(&ids, variables)) {
        Ok(given) => given,
        Err(message) => return Ok(Outcome::Invalid(message)),
    };
    if let Some(why) = terminal::unfit() {
        return Ok(Outcome::Invalid(why));
    }
    let recordings = Recordings::new(common.record_rotate);
    let recorder = match start_recorder(common, given.profile.as_ref(), recordings.wake()) {
        Ok(recorder) => recorder,
        Err(why) => return Ok(Outcome::Invalid(format!("sockbench: {why}"))),
    };
    terminal::keep_panics_off_the_screen();
    let runtime = os::runtime()?;
    runtime.block_on(session(&config, keymap, ids, given, parsed, recordings, recorder))
}

/// How a file is opened that is given in the place of an endpoint.
fn meant(text: &str) -> String {
    let path = profile::resolve(text);
    if text.contains("://") || !path.is_file() {
        return String::new();
    }
    let shown = Printable::text(text);
    if path.extension().is_some_and(|extension| extension == "toml") {
        format!("\n  A profile is loaded by: sockbench --profile {}", shown.as_str())
    } else {
        format!("\n  A log is opened by: sockbench log {}", shown.as_str())
    }
}

/// One session, from the first frame to the engine's last words.
async fn session(
    config: &Config,
    keymap: Keymap,
    ids: SocketIds,
    given: Given,
    endpoints: Vec<Endpoint>,
    mut recordings: Recordings,
    recorder: Option<Recorder>,
) -> anyhow::Result<Outcome> {
    let mut signals = EndSignals::listen()?;
    let clock = Clock::start();
    let history_path = state::path("history.json");
    let colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let mut ui = Ui::new(
        ids.clone(),
        clock,
        config,
        keymap,
        state::read_history(history_path.as_deref()),
        colour,
        profile::folder(),
    );
    let spilled = Arc::new(Notify::new());
    let wake = Arc::clone(&spilled);
    ui.spill_to(machine::spill_folder(), move || wake.notify_one());
    ui.give(given.variables);
    if let Some(profile) = given.profile {
        ui.profile_loaded(Ok(profile));
    }
    for endpoint in endpoints {
        ui.open(endpoint);
    }
    if let Some(file) = &given.file {
        ui.open_file(file.name.clone(), file.size);
    }
    recordings.set(recorder, &mut ui);
    let mut screen = Screen::take(config.mouse)?;
    // The first frame stands before the threads are started that the second one may need.
    screen.draw(|buffer| ui.render(buffer))?;
    ui.set_surroundings(machine::surroundings());
    let events = terminal::events()?;
    let (engine, batches) = engine::start(ids, clock)?;
    let engine = Arc::new(engine);
    let gone = hangup::watch(screen.terminal(), Arc::clone(&engine))?;
    last_resort::listen(Arc::clone(&engine))?;
    let loading = given.file.map(Opened::start).transpose()?;
    let mut app = App {
        ui,
        screen,
        engine,
        batches,
        spilled,
        recordings,
        orders: VecDeque::new(),
        look_ups: JoinSet::new(),
        listings: JoinSet::new(),
        exporter: Exporter::new(),
        copies: JoinSet::new(),
        loading,
    };
    let outcome = match app.serve(&mut signals, events, gone).await {
        // Reading and drawing fail as well once the terminal is gone, and may be the first to tell.
        Err(_) if hangup::has_come() => Ok(hangup::OUTCOME),
        outcome => outcome,
    };
    let App { mut ui, screen, engine, mut batches, mut recordings, exporter, .. } = app;
    drop(screen);
    if let Some(path) = history_path {
        state::write_history(&path, ui.history());
    }
    let ending = async {
        let mut order = Command::ShutDown;
        // An engine that has ended already has no room for it.
        while let Err(refused) = engine.try_order(order)
            && engine.room().await
        {
            order = refused;
        }
    };
    let farewell = async {
        while let Some(batch) = batches.next().await {
            // Without the blocks the engine can't tell of all that ends.
            match ui.absorb(batch) {
                Ok(block) => engine.recycle(block),
                Err(_) => break,
            }
            recordings.take(&mut ui);
            ui.settle();
        }
    };
    let _ = timeout(FAREWELL, async { tokio::join!(ending, farewell, exporter.end()) }).await;
    recordings.finish(outcome, &mut signals).await
}

struct App {
    ui: Ui,
    screen: Screen,
    engine: Arc<EngineHandle>,
    batches: Batches,
    /// Something of the log is on disk now.
    spilled: Arc<Notify>,
    recordings: Recordings,
    /// Orders that the engine could not take yet.
    orders: VecDeque<Command>,
    /// Names that are being looked up.
    look_ups: JoinSet<(String, Result<Vec<IpAddr>, String>)>,
    /// Folders on disks that take their time.
    listings: JoinSet<(PathBuf, io::Result<Vec<FolderEntry>>)>,
    exporter: Exporter,
    /// Texts that are offered to programs with a clipboard.
    copies: JoinSet<clipboard::Offered>,
    /// The file that is read.
    loading: Option<Loading>,
}

impl App {
    async fn serve(
        &mut self,
        signals: &mut EndSignals,
        mut events: mpsc::Receiver<io::Result<Event>>,
        mut gone: oneshot::Receiver<()>,
    ) -> anyhow::Result<Outcome> {
        let mut changed = true;
        let mut drawn = Instant::now() - FRAME;
        let mut pause = FRAME;
        let mut tick: Option<Instant> = None;
        loop {
            if self.carry_out_all().await? {
                return Ok(Outcome::Done);
            }
            let more = self.ui.work();
            changed |= more;
            let now = Instant::now();
            // A terminal that is slow, or takes nothing more, is shown fewer frames and holds up nothing else.
            let is_shown = self.screen.is_idle();
            if changed && is_shown && now >= drawn + pause {
                tick = self.ui.tick().map(|after| now + after);
                self.screen.draw(|buffer| self.ui.render(buffer))?;
                changed = false;
                drawn = Instant::now();
                pause = FRAME;
                // A timer of the screen may have asked for something.
                if self.carry_out_all().await? {
                    return Ok(Outcome::Done);
                }
            }
            let wake = if !self.orders.is_empty() {
                Some(now + RETRY)
            } else if changed {
                is_shown.then(|| drawn + pause)
            } else {
                tick
            };
            let due = self.ui.wakes_in().map(|after| now + after);
            let wake = [wake, due].into_iter().flatten().min();
            tokio::select! {
                biased;
                event = events.recv() => match event {
                    Some(event) => {
                        if self.ui.handle(event.context("the terminal can't be read")?) {
                            changed = true;
                            pause = ANSWER;
                        }
                    }
                    None => anyhow::bail!("the thread that reads the terminal ended by itself"),
                },
                signal = signals.next() => return Ok(Outcome::Signal(signal)),
                _ = &mut gone => return Ok(hangup::OUTCOME),
                shown = self.screen.idle(), if !is_shown && (changed || self.screen.is_away()) => shown?,
                () = self.spilled.notified() => self.ui.settle(),
                // What is not taken keeps its block, so that the engine reads no more than the log can keep.
                batch = self.batches.next(), if !self.ui.is_behind() && !self.recordings.is_behind() => match batch {
                    Some(batch) => {
                        let block = self.ui.absorb(batch)?;
                        self.engine.recycle(block);
                        // Nothing goes before it is recorded.
                        self.recordings.take(&mut self.ui);
                        self.ui.settle();
                        changed = true;
                    }
                    None => anyhow::bail!("the engine ended by itself"),
                },
                () = self.recordings.woken() => {
                    self.recordings.take(&mut self.ui);
                    self.ui.settle();
                    changed = true;
                }
                Some(told) = self.exporter.next() => {
                    self.export_told(told);
                    changed = true;
                }
                Some(offered) = self.copies.join_next(), if !self.screen.is_away() => {
                    if let Ok(offered) = offered {
                        match clipboard::finish(&offered, &mut self.screen) {
                            Ok(said) => self.ui.tell_good(said),
                            Err(error) => self.ui.tell_error(format!("Not copied: {error}.")),
                        }
                        changed = true;
                    }
                }
                loaded = next_of(&mut self.loading), if !self.ui.is_behind() && !self.recordings.is_behind() => {
                    self.take_in(loaded)?;
                    self.recordings.take(&mut self.ui);
                    self.ui.settle();
                    changed = true;
                }
                Some(looked_up) = self.look_ups.join_next() => {
                    if let Ok((host, answer)) = looked_up {
                        self.ui.looked_up(host, answer);
                        changed = true;
                    }
                }
                Some(listed) = self.listings.join_next() => {
                    if let Ok((folder, listed)) = listed {
                        self.ui.folder_listed(&folder, &listed);
                        changed = true;
                    }
                }
                // A timer would take its millisecond, which is long between two messages of a replay.
                () = yield_now(), if more => {}
                () = sleep_until(wake.unwrap_or(now)), if wake.is_some() => {
                    changed |= tick.is_some_and(|tick| tick <= Instant::now());
                }
            }
        }
    }

    fn export_told(&mut self, told: Told) {
        match told {
            Told::Report(report) => self.ui.export_told(report),
            Told::Text(report, text) => {
                self.ui.export_told(report);
                self.copies.spawn(clipboard::offer(text));
            }
        }
        // What the export read may make room on a full disk.
        self.ui.settle();
    }

    fn take_in(&mut self, loaded: Loaded) -> io::Result<()> {
        match loaded {
            Loaded::Portion(portion, read) => {
                let block = self.ui.absorb_file(portion, read)?;
                if let Some(loading) = &self.loading {
                    loading.recycle(block);
                }
            }
            Loaded::Ended(result) => {
                self.loading = None;
                self.ui.file_ended(result);
            }
        }
        Ok(())
    }

    /// Does what the screen asked for, and what it asks for because of that; true when that is to leave.
    async fn carry_out_all(&mut self) -> anyhow::Result<bool> {
        loop {
            let effects = self.ui.take_effects();
            if effects.is_empty() {
                break;
            }
            for effect in effects {
                if self.carry_out(effect).await? {
                    return Ok(true);
                }
            }
        }
        // In their order, and none lost: what the engine can't take now, it takes soon.
        while let Some(order) = self.orders.pop_front() {
            if let Err(refused) = self.engine.try_order(order) {
                self.orders.push_front(refused);
                break;
            }
        }
        Ok(false)
    }

    /// Does one thing that the screen asked for; true when that is to leave.
    async fn carry_out(&mut self, effect: Effect) -> anyhow::Result<bool> {
        match effect {
            Effect::Order(command) => self.orders.push_back(command),
            Effect::ListProfiles => self.ui.show_profiles(profile::list()),
            Effect::ListFolder(path) => {
                let mut listing = Box::pin(machine::list_folder(path));
                // What is typed ahead is for what the answer leads to.
                match timeout(AT_ONCE, &mut listing).await {
                    Ok((folder, listed)) => self.ui.folder_listed(&folder, &listed),
                    Err(_) => drop(self.listings.spawn(listing)),
                }
            }
            Effect::LoadProfile(path) => {
                let result = load(&path, self.ui.given());
                let is_loaded = result.is_ok();
                self.ui.profile_loaded(result);
                if is_loaded {
                    self.recordings.begin_with_profile(&mut self.ui);
                }
            }
            Effect::Record { path, replace } => self.recordings.begin(&path, replace, &mut self.ui),
            Effect::StopRecording => self.recordings.stop(&mut self.ui),
            Effect::SaveProfile { path, replace } => {
                let profile = self.ui.profile_mut();
                let place = path.clone().or_else(|| profile.path.clone());
                let result = match place {
                    Some(place) if path.is_some() || replace => profile.save_as(&place, replace),
                    _ => profile.save(),
                };
                self.ui.profile_saved(path, result);
            }
            Effect::LookUp(host) => {
                self.look_ups.spawn(machine::look_up(host));
            }
            Effect::Export(order) => {
                let job = self.ui.export_job(&order);
                self.exporter.start(order.id, job, order.to);
            }
            Effect::CancelExport(id) => self.exporter.cancel(id),
            Effect::Copy(text) => {
                self.copies.spawn(clipboard::offer(text));
            }
            Effect::Mouse(on) => self.screen.set_mouse(on)?,
            Effect::Redraw => self.screen.clear(),
            Effect::Suspend => self.screen.suspend()?,
            Effect::Quit => return Ok(true),
        }
        Ok(false)
    }
}

/// Loads a profile where everybody waits for it.
fn load(path: &Path, given: &Variables) -> Result<Profile, Invalid> {
    if os::is_irregular(path) {
        return Err(Invalid(vec![Diagnostic::of_file(path, "it is no regular file")]));
    }
    Profile::load_with(path, given)
}

/// What comes next of a file; for ever nothing where none is read.
async fn next_of(loading: &mut Option<Loading>) -> Loaded {
    match loading {
        Some(loading) => loading.next().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_regular_file_keeps_nobody_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fifo");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let told = load(&path, &Variables::default()).unwrap_err().to_string();
        assert!(told.contains("it is no regular file") && told.contains("fifo"), "{told}");
    }
}
