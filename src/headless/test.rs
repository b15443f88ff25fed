//! The composition root that runs scenarios without a screen: `sockbench test`.
//!
//! Owns the order of things: an engine for each scenario, the sockets of the profile opened before it, the verdict
//! printed, and everything closed behind it. It never judges.

mod progress;

use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::driven::{Driven, ended_by_itself};
use super::farewell::{FAREWELL, end_signals, farewell};
use super::opening::{Given, Opening};
use super::printer::Printer;
use super::recording::Recording;
use crate::cli::{Test, TestFormat};
use crate::contract::{Clock, Command, Event, Fact, SocketIds, Ticket, Timestamp};
use crate::engine::{self, Batches, EngineHandle};
use crate::log::{LogStore, Roster};
use crate::os;
use crate::outcome::{EndSignals, Outcome};
use crate::payload::Variables;
use crate::profile::{Chosen, Profile};
use crate::rule::Hits;
use crate::scenario::{Run, Scenario, Turn, Verdict};
use crate::startup::{complaint, repertoire_of};
use crate::verdict::{self, Entry, Told};

use progress::Progress;

/// Runs scenarios of a profile: `sockbench test`.
///
/// # Errors
/// When an engine can't be started, or standard output can't be written to.
pub fn run(arguments: &Test) -> anyhow::Result<Outcome> {
    let invalid = |why: &str| Outcome::Invalid(complaint(why));
    let given = Given::read(&arguments.common, &arguments.profile);
    let Given { config, variables, path, profile } = match given {
        Ok(given) => given,
        Err(message) => return Ok(Outcome::Invalid(message)),
    };
    let mut scenarios = match profile.scenarios_named(&arguments.scenarios, &variables) {
        Ok(scenarios) => scenarios,
        Err(why) => return Ok(invalid(&format!("{}: {why}", path.display()))),
    };
    for chosen in &mut scenarios {
        if let (Chosen::Run(scenario), Some(limit)) = (chosen, arguments.timeout) {
            Arc::make_mut(scenario).timeout = limit;
        }
    }
    if let Err(why) = Opening::all(&profile, &SocketIds::new(), &variables) {
        return Ok(invalid(&why));
    }
    let _held = repertoire_of(&io::stdout()).hold();
    let runtime = os::runtime()?;
    runtime.block_on(async {
        let mut signals = end_signals()?;
        let clock = Clock::start();
        let printer = Printer::start()?;
        let recording = match Recording::start(&arguments.common, &profile) {
            Ok(recording) => recording,
            Err(why) => return Ok(invalid(&why)),
        };
        let mut tests = Tests {
            profile: &profile,
            given: &variables,
            format: arguments.format,
            ids: SocketIds::new(),
            clock,
            roster: Roster::default(),
            store: LogStore::new(config.memory),
            printer,
            colour: io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
            progress: Progress::start(scenarios.len()),
            recording,
            told: Vec::new(),
            last: None,
        };
        let ended = tests.run_all(&scenarios, &mut signals).await;
        tests.progress.clear();
        let file = path.to_string_lossy();
        let ended = farewell(ended, tests.leave(&file), &mut signals).await;
        if ended.is_err() && tests.store.next() == 1 {
            // Nothing began, so there is nothing to keep of it.
            return Ok(ended?);
        }
        Ok(tests.recording.finish(ended, &mut signals).await?)
    })
}

struct Tests<'p> {
    profile: &'p Profile,
    given: &'p Variables,
    format: TestFormat,
    ids: SocketIds,
    clock: Clock,
    roster: Roster,
    store: LogStore,
    printer: Printer,
    colour: bool,
    progress: Progress,
    recording: Recording,
    told: Vec<Entry>,
    /// What came of the last scenario before a signal, and its number.
    last: Option<(usize, Entry)>,
}

/// How a scenario has ended.
enum Ended {
    /// With a verdict; a signal may have come after it.
    Judged(Verdict, Option<i32>),
    /// By a signal: where it stood.
    Stopped { at: String, signal: i32 },
}

impl Tests<'_> {
    async fn run_all(&mut self, scenarios: &[Chosen], signals: &mut EndSignals) -> io::Result<Outcome> {
        if self.format == TestFormat::Tap {
            self.print(verdict::tap_plan(scenarios.len())).await?;
        }
        for (chosen, number) in scenarios.iter().zip(1..) {
            let scenario = match chosen {
                Chosen::Run(scenario) => scenario,
                Chosen::Not(name) => {
                    self.tell(number, Entry::Skipped { name: name.clone() }).await?;
                    continue;
                }
            };
            self.progress.scenario(number, &scenario.name);
            let began = self.clock.now();
            let ended = self.run_one(scenario, signals).await?;
            let (name, took) = (scenario.name.clone(), self.clock.now().since(began));
            self.progress.clear();
            let (entry, signal) = match ended {
                Ended::Judged(verdict, signal) => (Entry::Judged(Told { name, verdict, took }), signal),
                Ended::Stopped { at, signal } => (Entry::Stopped { name, at, took }, Some(signal)),
            };
            if let Some(signal) = signal {
                self.last = Some((number, entry));
                return Ok(Outcome::Signal(signal));
            }
            self.tell(number, entry).await?;
        }
        let all_passed = self.told.iter().all(Entry::is_passed);
        Ok(if all_passed { Outcome::Done } else { Outcome::Failed })
    }

    /// Runs one scenario with an engine of its own, of which nothing is left after it.
    async fn run_one(&mut self, scenario: &Arc<Scenario>, signals: &mut EndSignals) -> io::Result<Ended> {
        let (engine, batches) = engine::start(self.ids.clone(), self.clock)?;
        let mut profile = self.profile.clone();
        // Rules have not applied yet, whatever they did in the scenario before.
        profile.contents.rules.iter_mut().for_each(|rule| rule.hits = Hits::default());
        let sockets = match Opening::all(&profile, &self.ids, self.given) {
            Ok(sockets) => sockets,
            Err(why) => {
                return Ok(Ended::Judged(Run::new(Arc::clone(scenario), [], Ticket(1), 0).not_begun(why), None));
            }
        };
        for Opening { socket, entry, .. } in &sockets {
            self.roster.register(*socket, entry.name.clone(), entry.endpoint.clone());
        }
        let named =
            sockets.iter().map(|opening| (opening.entry.name.clone(), opening.socket, opening.entry.endpoint.clone()));
        let run = Run::new(Arc::clone(scenario), named, Ticket(1), self.clock.now().0);
        let mut bench = Bench { tests: self, engine, batches, run };
        let judged = tokio::select! {
            verdict = bench.judge(&sockets) => ControlFlow::Continue(verdict?),
            signal = signals.next() => ControlFlow::Break(signal),
        };
        // Neither a disk nor a peer holds up whoever wants to leave.
        let ended = match judged {
            ControlFlow::Continue(verdict) => tokio::select! {
                closed = bench.shut_down() => closed.map(|()| Ended::Judged(verdict, None))?,
                signal = signals.next() => Ended::Judged(verdict, Some(signal)),
            },
            ControlFlow::Break(signal) => {
                timeout(FAREWELL, bench.shut_down()).await.unwrap_or(Ok(()))?;
                Ended::Stopped { at: bench.run.place(), signal }
            }
        };
        for Opening { socket, .. } in sockets {
            self.roster.remove(socket);
        }
        Ok(ended)
    }

    async fn tell(&mut self, number: usize, entry: Entry) -> io::Result<()> {
        match self.format {
            TestFormat::Text => self.print(verdict::text(number, &entry, self.colour)).await?,
            TestFormat::Tap => self.print(verdict::tap(number, &entry)).await?,
            // Its first line tells how many there are of what.
            TestFormat::Junit => {}
        }
        self.told.push(entry);
        Ok(())
    }

    async fn print(&mut self, text: String) -> io::Result<()> {
        self.printer.print(&mut text.into_bytes()).await
    }

    /// Prints the last of it.
    async fn leave(&mut self, file: &str) -> io::Result<()> {
        if let Some((number, entry)) = self.last.take() {
            self.tell(number, entry).await?;
        }
        if self.format == TestFormat::Junit {
            let document = verdict::junit(&self.profile.title(), file, self.clock.began(), &self.told);
            self.print(document).await?;
        }
        self.printer.finish().await
    }
}

/// The present scenario, and its engine.
struct Bench<'t, 'p> {
    tests: &'t mut Tests<'p>,
    engine: EngineHandle,
    batches: Batches,
    run: Run,
}

impl Bench<'_, '_> {
    async fn judge(&mut self, sockets: &[Opening<'_>]) -> io::Result<Verdict> {
        match self.make_ready(sockets).await? {
            Ok(()) => self.go_through().await,
            Err(why) => Ok(self.run.not_begun(why)),
        }
    }

    /// Opens what the profile opens by itself and the scenario does not: first what listens, and once that does the rest,
    /// which is not waited for. In the result is why the scenario can't begin.
    async fn make_ready(&mut self, sockets: &[Opening<'_>]) -> io::Result<Result<(), String>> {
        let opens: Vec<_> =
            self.run.scenario().steps.iter().filter_map(|step| step.action.opens()).map(str::to_owned).collect();
        let is_wanted = |opening: &&Opening<'_>| opening.entry.auto && !opens.contains(&opening.entry.name);
        for opening in sockets {
            for command in &opening.commands {
                // What it answers holds for a socket that the scenario opens, too.
                if !matches!(command, Command::Open { .. }) || (is_wanted(&opening) && opening.listens()) {
                    self.order(command.clone()).await?;
                }
            }
        }
        let mut awaited: Vec<_> = sockets.iter().filter(is_wanted).filter(|opening| opening.listens()).collect();
        let end = Instant::now() + self.run.scenario().timeout;
        while let Some(Opening { socket, entry, .. }) = awaited.last() {
            let Some(member) = self.tests.roster.get(*socket) else { break };
            if member.state.is_open() {
                awaited.pop();
            } else if let Some(error) = &member.error {
                return Ok(Err(format!("{} could not be opened: {}", entry.name, sentence(error))));
            } else if let Ok(more) = timeout_at(end, self.take_batch()).await {
                ended_by_itself(more?)?;
            } else {
                return Ok(Err(format!("{} was not open when the scenario's time was over", entry.name)));
            }
        }
        for Opening { socket, entry, .. } in sockets.iter().filter(is_wanted).filter(|opening| !opening.listens()) {
            self.run.opening(*socket);
            self.order(Command::Open { socket: *socket, endpoint: entry.endpoint.clone() }).await?;
        }
        Ok(Ok(()))
    }

    async fn go_through(&mut self) -> io::Result<Verdict> {
        loop {
            let now = self.tests.clock.now();
            let turn = self.run.turn(now);
            if let Some((step, _)) = self.run.step() {
                self.tests.progress.step(step, self.run.scenario().steps.len());
            }
            self.run.take_done();
            match turn {
                Turn::Over(verdict) => return Ok(verdict),
                Turn::Do(commands) => {
                    for command in commands {
                        self.order(command).await?;
                    }
                }
                Turn::Wait(until) => {
                    let until = Instant::now() + wait_for(now, until);
                    let until = self.tests.progress.due().map_or(until, |due| until.min(due));
                    tokio::select! {
                        biased;
                        more = self.take_batch() => ended_by_itself(more?)?,
                        () = sleep_until(until) => {}
                    }
                    self.tests.progress.show();
                }
            }
        }
    }
}

impl Driven for Bench<'_, '_> {
    fn engine(&self) -> &EngineHandle {
        &self.engine
    }

    async fn take_batch(&mut self) -> io::Result<bool> {
        // Limits and signals have their turn also where batch comes after batch.
        yield_now().await;
        let tests = &mut *self.tests;
        // What is not taken keeps its block, so that the engine reads no more than can be recorded.
        tests.recording.room().await;
        let Some(batch) = self.batches.next().await else { return Ok(false) };
        for event in &batch.events {
            tests.roster.observe(event);
            let bytes =
                if let Event { fact: Fact::Received { bytes, .. }, .. } = event { batch.bytes(*bytes) } else { &[] };
            self.run.observe(event, bytes);
        }
        let block = tests.store.append(batch)?;
        self.engine.recycle(block);
        tests.recording.take(&tests.store, &tests.roster);
        // What is recorded is not looked at again.
        let done = tests.recording.done();
        tests.store.evict_before(tests.store.next().min(done));
        Ok(true)
    }
}

fn sentence(error: &impl ToString) -> String {
    error.to_string().trim_end_matches('.').to_owned()
}

/// How long it is from now to then; a moment at least, so that the engine has its turn.
fn wait_for(now: Timestamp, then: Timestamp) -> Duration {
    then.since(now).max(Duration::from_micros(100))
}
