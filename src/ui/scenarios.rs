//! Scenarios as the user sees them: chosen, under way on the status line, stopped, and the verdict told.
//!
//! Owns what is ordered for the one that runs. It never decides what is due.

use std::time::Duration;

use super::action::{ActionSpec, Scope};
use super::overlays::{report, save_scenario, scenarios};
use super::{Effect, Notice, Ui};
use crate::contract::{Command, Timestamp};
use crate::scenario::{Turn, Verdict};
use crate::verdict::spell;

/// How much of a step the status line shows.
const STEP_COLUMNS: usize = 40;

pub(in crate::ui) static ACTIONS: &[ActionSpec] = &[
    ActionSpec {
        name: "scenarios",
        scope: Scope::Anywhere,
        keys: &["ctrl-6", "ctrl-^"],
        help: "scenarios: run one, or see its last verdict",
        run: scenarios::open,
        available: scenarios::available,
    },
    ActionSpec {
        name: "stop-scenario",
        scope: Scope::Anywhere,
        keys: &[],
        help: "stop the scenario that runs",
        run: Ui::stop_scenario,
        available: |ui| if ui.bench.scenarios.running.is_some() { Ok(()) } else { Err("no scenario runs") },
    },
    ActionSpec {
        name: "list-scenarios",
        scope: Scope::Sockets,
        keys: &["shift-s"],
        help: "scenarios: run one, or see its last verdict",
        run: scenarios::open,
        available: scenarios::available,
    },
    ActionSpec {
        name: "save-scenario",
        scope: Scope::Log,
        keys: &["shift-s"],
        help: "keep what was done as a scenario",
        run: save_scenario::open,
        available: save_scenario::available,
    },
];

impl Ui {
    /// Begins the scenario of the profile with this index.
    pub(in crate::ui) fn start_scenario(&mut self, index: usize) {
        match self.bench.begin_scenario(index, fastrand::u64(..)) {
            Ok(()) => self.notice = None,
            Err(why) => self.tell(Notice::error(format!("The scenario can't be run: {why}."))),
        }
    }

    /// Does what a scenario needs now; true if something came of it.
    pub(in crate::ui) fn work_on_scenario(&mut self) -> bool {
        let now = self.bench.now();
        self.bench.scenarios.wakes = None;
        let Some((run, _)) = &mut self.bench.scenarios.running else { return false };
        let turn = run.turn(now);
        let done = run.take_done();
        self.bench.note_steps(&done);
        match turn {
            Turn::Wait(until) => {
                self.bench.scenarios.wakes = Some(Timestamp(until.0.max(now.0 + 1)));
                !done.is_empty()
            }
            Turn::Do(commands) => {
                for command in commands {
                    match command {
                        Command::Open { socket, .. } => self.bench.reopen(socket, &mut self.effects),
                        other => self.effects.push(Effect::Order(other)),
                    }
                }
                true
            }
            Turn::Over(verdict) => {
                self.cancel_sends();
                self.end_scenario(verdict);
                true
            }
        }
    }

    fn end_scenario(&mut self, verdict: Verdict) {
        let Some(told) = self.bench.end_scenario(verdict) else { return };
        let Verdict::Failed(failure) = &told.verdict else {
            self.tell(Notice::good(format!("{} passed in {}", told.name, spell(told.took))));
            return;
        };
        // Whoever is busy with something else is not interrupted.
        if self.overlays.is_empty() && !self.is_typing() {
            report::open(self, &told);
        }
        let step = format!("step {} of {}", failure.step, failure.steps);
        self.tell(Notice::error(format!("{} failed at {step}: {}.", told.name, failure.why)));
    }

    /// Ends the scenario that runs, without a verdict; what it opened stays as it is.
    pub(in crate::ui) fn stop_scenario(&mut self) {
        self.bench.scenarios.wakes = None;
        self.cancel_sends();
        let Some((run, began)) = self.bench.scenarios.running.take() else { return };
        let time = spell(self.bench.now().since(began));
        let (step, steps) = (run.step().map_or(0, |(step, _)| step), run.scenario().steps.len());
        let name = &run.scenario().name;
        self.tell(Notice::warning(format!("{name} was stopped after {time}, at step {step} of {steps}.")));
    }

    /// What of a message is not sent yet is not sent.
    fn cancel_sends(&mut self) {
        let tickets = self.bench.scenarios.running.iter().flat_map(|(run, _)| run.under_way());
        self.effects.extend(tickets.map(|ticket| Effect::Order(Command::Cancel { ticket })));
    }

    /// After which time the status line tells something else of the scenario that runs.
    pub(in crate::ui) fn scenario_ticks(&self) -> Option<Duration> {
        self.bench.scenarios.running.as_ref().map(|_| Duration::from_secs(1))
    }

    /// What the status line says of a scenario: `greeting 2/4 expect = { text = "Hello" }..., 3 s, Esc stops`.
    pub(in crate::ui) fn scenario_status(&self) -> Option<String> {
        let (run, _) = self.bench.scenarios.running.as_ref()?;
        let (step, what) = run.step()?;
        let (name, steps) = (&run.scenario().name, run.scenario().steps.len());
        let text: String = what.text.chars().take(STEP_COLUMNS).collect();
        let cut = if text.len() < what.text.len() { self.look.marks.ellipsis } else { "" };
        let seconds = run.elapsed(self.bench.now()).as_secs();
        Some(format!("{name} {step}/{steps} {text}{cut}, {seconds} s, Esc stops"))
    }
}
