//! A scenario that is under way.
//!
//! Owns which step is next, what it orders and whether it is done. A time limit counts by the times of the events, not by
//! when they are heard of, so that a verdict does not depend on how busy the machine is.

mod failing;
mod look;
mod orders;
mod sending;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::inbox::Inbox;
use super::link::{Link, Root, State};
use super::{Action, DEFAULT_WITHIN, Failure, Got, Name, Scenario, Step, Verdict};
use crate::contract::{Command, Endpoint, Event, Fact, SocketId, Ticket, Timestamp, format_duration};
use sending::Sending;

/// How long an event may be on its way to here: so much later than a limit it is known that none came before it.
const ON_THE_WAY: Duration = Duration::from_millis(20);

/// How many troubles of sockets are told of a step that failed.
const TOLD_TROUBLES: usize = 16;

/// A scenario that is under way.
#[derive(Debug)]
pub struct Run {
    scenario: Arc<Scenario>,
    roots: Vec<Root>,
    /// In which root each socket is, and which of its connections.
    whose: HashMap<SocketId, (usize, Option<usize>)>,
    began: Option<Timestamp>,
    /// Which step is next, from 0.
    next: usize,
    present: Option<Present>,
    done: Vec<Done>,
    verdict: Option<Verdict>,
    /// When something happened last.
    latest: Timestamp,
    next_ticket: u64,
    /// What chance begins from in the next message.
    seed: u64,
    troubles: Vec<String>,
}

/// What is to be done for a scenario.
#[derive(Clone, Debug, PartialEq)]
pub enum Turn {
    /// Give these orders, and ask again.
    Do(Vec<Command>),
    /// Ask again at this time, or when something happens before.
    Wait(Timestamp),
    /// It is over.
    Over(Verdict),
}

/// A step that went as it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// Which, from 1.
    pub step: usize,
    /// The step as it is written.
    pub text: String,
    /// What came of it, as a sentence without a full stop; empty where there is nothing to tell.
    pub told: String,
    /// How long it took.
    pub took: Duration,
}

/// The step that is under way.
#[derive(Debug)]
struct Present {
    entered: Timestamp,
    /// What it has to order first is ordered.
    closing: bool,
    ordered: bool,
    /// The sockets that it is about.
    targets: Vec<SocketId>,
    /// Of a send, how far it has come.
    sending: Sending,
    /// What is told of an `expect-none`, once something came after all.
    unwanted: Option<(Vec<Got>, u64)>,
    /// What came of it, where that was known before its turn.
    judged: Option<(Timestamp, Result<String, String>)>,
}

impl Run {
    /// A scenario that begins with the first [`turn`](Self::turn). It gives its orders tickets from `first` on, and
    /// chance in its templates begins from `seed`.
    #[must_use]
    pub fn new(
        scenario: Arc<Scenario>,
        sockets: impl IntoIterator<Item = (String, SocketId, Endpoint)>,
        first: Ticket,
        seed: u64,
    ) -> Self {
        let heard: HashSet<_> =
            scenario.steps.iter().filter_map(|step| step.action.listens_on()).map(|on| on.socket.clone()).collect();
        let new = |(name, id, endpoint)| Root::new(name, id, endpoint);
        let mut roots: Vec<_> = sockets.into_iter().map(new).collect();
        for root in &mut roots {
            if heard.contains(&root.name) {
                root.hear();
            }
        }
        let whose = roots.iter().zip(0..).map(|(root, index)| (root.own.id, (index, None))).collect();
        Self {
            scenario,
            roots,
            whose,
            began: None,
            next: 0,
            present: None,
            done: Vec::new(),
            verdict: None,
            latest: Timestamp(0),
            next_ticket: first.0,
            seed,
            troubles: Vec::new(),
        }
    }

    /// The scenario.
    #[must_use]
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The step under way and its number, from 1; `None` once all are done.
    #[must_use]
    pub fn step(&self) -> Option<(usize, &Step)> {
        Some((self.next + 1, self.scenario.steps.get(self.next)?))
    }

    /// Where it stands, in words: `step 2 of 5: wait = "1s"`.
    #[must_use]
    pub fn place(&self) -> String {
        let steps = self.scenario.steps.len();
        self.step().map_or_else(
            || format!("the end of {steps} steps"),
            |(number, step)| format!("step {number} of {steps}: {}", step.text),
        )
    }

    /// How long ago it began.
    #[must_use]
    pub fn elapsed(&self, now: Timestamp) -> Duration {
        self.began.map_or(Duration::ZERO, |began| now.since(began))
    }

    /// The sends that were ordered and not answered yet.
    pub fn under_way(&self) -> impl Iterator<Item = Ticket> {
        self.present.iter().flat_map(|present| present.sending.under_way())
    }

    /// The steps that went as they should and were not taken yet.
    pub fn take_done(&mut self) -> Vec<Done> {
        std::mem::take(&mut self.done)
    }

    /// Says that a socket of the profile was ordered to open, before the scenario begins.
    pub fn opening(&mut self, socket: SocketId) {
        if let Some((root, _)) = self.whose.get(&socket) {
            self.roots[*root].own.state = State::Opening;
        }
    }

    /// Learns what was so before the scenario began: a connection that was accepted then has no number.
    pub fn already(&mut self, event: &Event) {
        self.learn(event, &[], true);
    }

    /// Learns what happened; `bytes` are those that were received.
    pub fn observe(&mut self, event: &Event, bytes: &[u8]) {
        if let Some(deadline) = self.deadline().filter(|deadline| *deadline < event.at) {
            self.judge(deadline);
        }
        self.latest = self.latest.max(event.at);
        self.learn(event, bytes, false);
        if let Some(present) = &mut self.present {
            present.sending.observe(event);
        }
    }

    /// What is to be done now.
    pub fn turn(&mut self, now: Timestamp) -> Turn {
        let began = *self.began.get_or_insert(now);
        loop {
            if let Some(verdict) = &self.verdict {
                return Turn::Over(verdict.clone());
            }
            let scenario = Arc::clone(&self.scenario);
            let Some(step) = scenario.steps.get(self.next) else {
                self.verdict = Some(Verdict::Passed);
                continue;
            };
            if self.present.is_none() {
                self.enter(step, now);
            }
            let heard = now.earlier(ON_THE_WAY);
            if let Some(deadline) = self.deadline().filter(|deadline| *deadline <= heard) {
                self.judge(deadline);
            } else {
                self.roots.iter_mut().flat_map(Root::all_mut).for_each(|link| link.expire(heard));
            }
            self.settle(&step.action);
            let judged = self.present.as_mut().and_then(|present| present.judged.take());
            let outcome = match judged {
                Some(judged) => Some(judged),
                None => match self.orders(&step.action, now) {
                    Ok(orders) if !orders.is_empty() => return Turn::Do(orders),
                    Ok(_) => self.look(&step.action, now).map(|outcome| (self.latest, outcome)),
                    Err(why) => Some((now, Err(why))),
                },
            };
            match outcome {
                None => return Turn::Wait(self.wake(&step.action)),
                Some((_, Ok(told))) => {
                    let entered = self.present.take().map_or(began, |present| present.entered);
                    self.next += 1;
                    let took = now.since(entered);
                    self.done.push(Done { step: self.next, text: step.text.clone(), told, took });
                }
                Some((at, Err(why))) => {
                    let at = at.max(self.present.as_ref().map_or(began, |present| present.entered));
                    self.verdict = Some(Verdict::Failed(Box::new(self.failure(step, why, at.since(began)))));
                }
            }
        }
    }

    /// The verdict on a scenario whose sockets could not be made ready for it, for this reason.
    #[must_use]
    pub fn not_begun(&self, why: String) -> Verdict {
        Verdict::Failed(Box::new(Failure {
            step: 0,
            steps: self.scenario.steps.len(),
            text: String::new(),
            line: 0,
            why,
            at: Duration::ZERO,
            wanted: None,
            got: Vec::new(),
            untold: 0,
            troubles: self.troubles.clone(),
        }))
    }

    fn learn(&mut self, event: &Event, bytes: &[u8], is_past: bool) {
        let taken = match event.fact {
            Fact::Accepted { parent, .. } => Some((parent, None)),
            Fact::Paired { parent, number } => Some((parent, Some(number))),
            _ => None,
        };
        if let Some((parent, number)) = taken
            && let Some(&(root, _)) = self.whose.get(&parent)
        {
            let place = self.roots[root].add(event.socket, number, is_past);
            self.whose.insert(event.socket, (root, Some(place)));
        }
        let Some(&(root, place)) = self.whose.get(&event.socket) else { return };
        let pieces = self.roots[root].at(place).pieces(bytes);
        for piece in pieces {
            if !self.roots[root].at(place).has_room(piece.len()) {
                // Before something has to go that nobody has looked at.
                self.look_now();
            }
            self.roots[root].at(place).observe(&event.fact, piece, event.at);
        }
        if let Fact::Failed(error) = &event.fact
            && self.troubles.len() < TOLD_TROUBLES
            && !is_past
        {
            let root = &mut self.roots[root];
            let number = root.at(place).number;
            self.troubles.push(format!("{}: {error}", root.name_of(number)));
        }
    }

    fn look_now(&mut self) {
        let scenario = Arc::clone(&self.scenario);
        let (Some(step), Some(present)) = (scenario.steps.get(self.next), &self.present) else { return };
        if present.judged.is_none() && step.action.listens_on().is_some() {
            let outcome = self.look(&step.action, self.latest);
            let at = self.latest;
            if let (Some(outcome), Some(present)) = (outcome, &mut self.present) {
                present.judged = Some((at, outcome));
            }
        }
    }

    fn enter(&mut self, step: &Step, now: Timestamp) {
        self.roots
            .iter_mut()
            .flat_map(Root::all_mut)
            .filter_map(|link| link.inbox.as_mut())
            .for_each(Inbox::look_again);
        let repeat = if let Action::Send { repeat, .. } = step.action { repeat } else { 0 };
        self.present = Some(Present {
            entered: now,
            closing: false,
            ordered: false,
            targets: Vec::new(),
            sending: Sending::new(repeat, now),
            unwanted: None,
            judged: None,
        });
    }

    /// When the step under way has to be done.
    fn deadline(&self) -> Option<Timestamp> {
        let (present, step) = (self.present.as_ref()?, self.scenario.steps.get(self.next)?);
        let limit = self.began?.later(self.scenario.timeout);
        Some(self.own_limit(&step.action, present).map_or(limit, |own| limit.min(present.entered.later(own))))
    }

    /// How long the step itself may take, where that is less than the scenario may.
    fn own_limit(&self, action: &Action, present: &Present) -> Option<Duration> {
        match action {
            Action::Expect { within, .. } | Action::ExpectNone { within, .. } | Action::ExpectClosed { within, .. } => {
                Some(*within)
            }
            Action::Send { to: name, .. } | Action::Close(name, _) if !present.ordered && self.is_awaited(name) => {
                Some(DEFAULT_WITHIN)
            }
            Action::Send { .. } | Action::Close(..) | Action::Open(_) | Action::Wait(_) => None,
        }
    }

    /// True where a name stands for a connection, and there is none yet that could be meant.
    fn is_awaited(&self, name: &Name) -> bool {
        self.root(name).is_ok_and(|root| {
            let links = root.named(name);
            let is_there = if name.connection.is_some() {
                !links.is_empty()
            } else {
                links.iter().any(|link| link.state == State::Open)
            };
            root.has_links() && root.own.state != State::Closed && !is_there
        })
    }

    /// Decides on the step under way as it stood at this time, which is its limit, unless that is done.
    fn judge(&mut self, deadline: Timestamp) {
        if self.present.as_ref().is_none_or(|present| present.judged.is_some()) {
            return;
        }
        self.roots.iter_mut().flat_map(Root::all_mut).for_each(|link| link.expire(deadline));
        let scenario = Arc::clone(&self.scenario);
        let Some(step) = scenario.steps.get(self.next) else { return };
        self.settle(&step.action);
        let outcome = self.look(&step.action, deadline).unwrap_or_else(|| self.out_of_time(&step.action));
        if let Some(present) = &mut self.present {
            present.judged = Some((deadline, outcome));
        }
    }

    /// What it means that a step was not done in time.
    fn out_of_time(&self, action: &Action) -> Result<String, String> {
        let Some((present, began)) = self.present.as_ref().zip(self.began) else { return Ok(String::new()) };
        let (limit, own) = (began.later(self.scenario.timeout), self.own_limit(action, present));
        let own = own.filter(|own| present.entered.later(*own) <= limit);
        let what = match action {
            Action::ExpectNone { on, .. } if !self.was_open(on) => return Err(self.not_open(on)),
            Action::ExpectNone { .. } if own.is_some() => return Ok(String::new()),
            Action::ExpectClosed { on, .. } => format!("{on} was not closed"),
            Action::Expect { on, .. } => {
                let is_unread = |link: &&Link| link.inbox.as_ref().is_some_and(|inbox| !inbox.unread().is_empty());
                let some = self.root(on).is_ok_and(|root| root.named(on).iter().any(is_unread));
                if some { "nothing that matches came" } else { "nothing came" }.to_owned()
            }
            Action::Send { to: name, .. } | Action::Close(name, _) if !present.ordered && self.is_awaited(name) => {
                format!("there was no {}", connection_of(name))
            }
            _ => "it was not done".to_owned(),
        };
        Err(match own {
            Some(own) => format!("{what} within {}", format_duration(own)),
            None => format!("{what} before the scenario's {} were over", format_duration(self.scenario.timeout)),
        })
    }

    /// When to ask again, unless something happens before.
    fn wake(&self, action: &Action) -> Timestamp {
        let heard = |at: Timestamp| at.later(ON_THE_WAY);
        let deadline = self.deadline().map(heard);
        let messages =
            self.roots.iter().flat_map(Root::all).filter_map(|link| link.inbox.as_ref()?.deadline()).map(heard);
        let due = self.present.as_ref().and_then(|present| match action {
            Action::Wait(time) => Some(present.entered.later(*time)),
            Action::Send { .. } if present.ordered => present.sending.due(),
            _ => None,
        });
        deadline.into_iter().chain(messages).chain(due).min().unwrap_or(self.latest)
    }

    fn root(&self, name: &Name) -> Result<&Root, String> {
        let found = self.roots.iter().find(|root| root.name == name.socket);
        found.ok_or_else(|| format!("no socket is called {}", name.socket))
    }

    fn root_mut(&mut self, name: &Name) -> Result<&mut Root, String> {
        let found = self.roots.iter_mut().find(|root| root.name == name.socket);
        found.ok_or_else(|| format!("no socket is called {}", name.socket))
    }
}

/// `connection server#2`, or `connection to server`.
fn connection_of(name: &Name) -> String {
    if name.connection.is_some() { format!("connection {name}") } else { format!("connection to {name}") }
}
