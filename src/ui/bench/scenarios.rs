//! The scenario that runs over the bench, and the last verdict on each.
//!
//! Owns what a scenario is told of the sockets that are open when it begins, and the rows of the log that its steps become.
//! It never orders anything.

use std::collections::HashMap;
use std::sync::Arc;

use super::Bench;
use crate::contract::{Event, Fact, SocketId, Ticket, Timestamp, UnixAddress};
use crate::log::{Member, State};
use crate::scenario::{Done, Run, Verdict};
use crate::verdict::{Told, spell};

/// The tickets of scenarios begin here, where no send of the user gets to; each scenario has so many for itself.
const TICKETS: u64 = 1 << 62;
const TICKETS_EACH: u64 = 1 << 40;

#[derive(Debug, Default)]
pub(in crate::ui) struct Scenarios {
    /// The one that runs, and when it began.
    pub(in crate::ui) running: Option<(Run, Timestamp)>,
    /// When it is to be looked after again.
    pub(in crate::ui) wakes: Option<Timestamp>,
    /// The last verdict on each, by its name.
    verdicts: HashMap<String, Told>,
    /// How many have begun.
    begun: u64,
}

impl Scenarios {
    pub(in crate::ui) fn verdict(&self, name: &str) -> Option<&Told> {
        self.verdicts.get(name)
    }

    /// Those of another profile tell nothing of this one's.
    pub(super) fn forget(&mut self) {
        (self.running, self.wakes) = (None, None);
        self.verdicts.clear();
    }
}

impl Bench {
    /// Begins the scenario with this index over the sockets as they are; chance in it begins from `seed`.
    ///
    /// # Errors
    /// One sentence without a full stop: why it can't be made ready.
    pub(in crate::ui) fn begin_scenario(&mut self, index: usize, seed: u64) -> Result<(), String> {
        let Some(entry) = self.profile.contents.scenarios.get(index) else {
            return Err("there is no such scenario".to_owned());
        };
        let scenario = Arc::new(entry.compile(&self.profile, self.variables())?);
        let sockets = self.profile.contents.sockets.iter().zip(&self.roots);
        let sockets = sockets.map(|(entry, socket)| (entry.name.clone(), *socket, entry.endpoint.clone()));
        let first = Ticket(TICKETS + self.scenarios.begun * TICKETS_EACH);
        let mut run = Run::new(scenario, sockets, first, seed);
        let now = self.now();
        for root in &self.roots {
            let members = self.roster.get(*root).into_iter().chain(self.roster.children(*root));
            for member in members {
                if member.state == State::Opening || member.state == State::Waiting {
                    run.opening(member.id);
                }
                for fact in story(member) {
                    run.already(&Event { at: now, socket: member.id, fact });
                }
            }
        }
        self.scenarios.begun += 1;
        self.scenarios.running = Some((run, now));
        Ok(())
    }

    /// Keeps the verdict on the scenario that ran, which is over.
    pub(in crate::ui) fn end_scenario(&mut self, verdict: Verdict) -> Option<Told> {
        let (run, began) = self.scenarios.running.take()?;
        let name = run.scenario().name.clone();
        let told = Told { name: name.clone(), verdict, took: self.now().since(began) };
        let message = match &told.verdict {
            Verdict::Passed => format!("{name}: passed in {}", spell(told.took)),
            Verdict::Failed(failure) => {
                format!(
                    "{name} {}/{}: failed after {}: {}",
                    failure.step,
                    failure.steps,
                    spell(failure.at),
                    failure.why
                )
            }
        };
        let socket = match &told.verdict {
            Verdict::Failed(failure) => self.socket_of_step(&run, failure.step),
            Verdict::Passed => None,
        };
        self.note_of_scenario(socket, message);
        self.scenarios.verdicts.insert(name, told.clone());
        Some(told)
    }

    /// Makes a row of each step that is done.
    pub(in crate::ui) fn note_steps(&mut self, steps: &[Done]) {
        for Done { step, text, told, took } in steps {
            let Some((run, _)) = &self.scenarios.running else { return };
            let socket = self.socket_of_step(run, *step);
            let (name, steps) = (&run.scenario().name, run.scenario().steps.len());
            let told = if told.is_empty() { String::new() } else { format!(", {told}") };
            self.note_of_scenario(socket, format!("{name} {step}/{steps} done in {}{told}: {text}", spell(*took)));
        }
    }

    fn note_of_scenario(&mut self, socket: Option<SocketId>, message: String) {
        let Some(socket) = socket.or_else(|| self.roots.first().copied()) else { return };
        let fact = Fact::Note { name: "scenario".into(), message };
        let event = Event { at: self.now(), socket, fact };
        self.store.append_local(event);
        self.catch_up();
    }

    /// The socket of the profile that a step, counted from 1, is about.
    fn socket_of_step(&self, run: &Run, step: usize) -> Option<SocketId> {
        let name = run.scenario().steps.get(step.checked_sub(1)?)?.action.socket()?;
        let index = self.profile.contents.sockets.iter().position(|entry| entry.name == name)?;
        self.roots.get(index).copied()
    }
}

/// What must have happened that an open socket is as it is.
fn story(member: &Member) -> Vec<Fact> {
    if !member.state.is_open() {
        return Vec::new();
    }
    let unnamed = || UnixAddress::Unnamed.into();
    let local = member.local.first().cloned().unwrap_or_else(unnamed);
    let peer = member.last_heard.clone().or_else(|| member.peer.clone());
    let number = member.number;
    let begin = match (member.parent, member.state) {
        // The ends of a pair have no address; which connection of a listener it is does not matter.
        (Some(parent), _) if member.local == [unnamed()] => Fact::Paired { parent, number },
        (Some(parent), _) => Fact::Accepted { parent, number, local, peer: peer.unwrap_or_else(unnamed) },
        (None, State::Open) => Fact::Opened { local, peer },
        (None, _) => Fact::Connected { local, peer: peer.unwrap_or_else(unnamed) },
    };
    let fin = (member.state == State::PeerClosed).then_some(Fact::PeerClosed);
    let call = Fact::Call { call: "shutdown".into(), args: "SHUT_WR".to_owned(), result: "0".to_owned() };
    let half_closed = member.sending_closed.then_some(call);
    [begin].into_iter().chain(fin).chain(half_closed).collect()
}
