//! A scenario that is under way.
//!
//! Owns which step is next, what it orders and whether it is done. A time limit counts by the times of the events, not by
//! when they are heard of, so that a verdict does not depend on how busy the machine is.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::inbox::Inbox;
use super::link::{Link, Root, State};
use super::{Action, DEFAULT_WITHIN, Failure, Got, Name, Scenario, Step, TOLD, Verdict, Wanted};
use crate::contract::{
    CloseHow, CloseReason, Command, Endpoint, Event, Fact, SocketId, Target, Ticket, Timestamp, format_duration,
};
use crate::pattern::Pattern;
use crate::payload::{Fill, Template};

/// How long an event may be on its way to here: so much later than a limit it is known that none came before it.
const ON_THE_WAY: Duration = Duration::from_millis(20);

/// How many messages are told of a step that failed, and how many troubles of sockets.
const TOLD_MESSAGES: usize = 16;
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
    /// Of a send: how often more, when the next is due, which were not answered yet, how many bytes went, what failed.
    left: u64,
    due: Timestamp,
    under_way: HashSet<Ticket>,
    sent: u64,
    failed: Option<String>,
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

    /// How long ago it began.
    #[must_use]
    pub fn elapsed(&self, now: Timestamp) -> Duration {
        self.began.map_or(Duration::ZERO, |began| now.since(began))
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
        if let (Some(deadline), Some(present)) = (self.deadline(), &self.present)
            && present.judged.is_none()
            && deadline < event.at
        {
            self.judge(deadline);
        }
        self.latest = self.latest.max(event.at);
        self.learn(event, bytes, false);
        if let Fact::Sent { ticket, remaining: 0, .. } | Fact::SendFailed { ticket, .. } = &event.fact
            && let Some(present) = &mut self.present
            && present.under_way.remove(ticket)
            && let Fact::SendFailed { error, .. } = &event.fact
        {
            present.failed = Some(without_stop(&error.to_string()));
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
            let heard = earlier(now, ON_THE_WAY);
            if let Some(deadline) = self.deadline().filter(|deadline| *deadline <= heard) {
                self.judge(deadline);
            } else {
                self.roots.iter_mut().flat_map(Root::all_mut).for_each(|link| link.expire(heard));
            }
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
        let left = if let Action::Send { repeat, .. } = step.action { repeat } else { 0 };
        self.present = Some(Present {
            entered: now,
            closing: false,
            ordered: false,
            targets: Vec::new(),
            left,
            due: now,
            under_way: HashSet::new(),
            sent: 0,
            failed: None,
            judged: None,
        });
    }

    /// When the step under way has to be done.
    fn deadline(&self) -> Option<Timestamp> {
        let (present, step) = (self.present.as_ref()?, self.scenario.steps.get(self.next)?);
        let limit = later(self.began?, self.scenario.timeout);
        Some(self.own_limit(&step.action, present).map_or(limit, |own| limit.min(later(present.entered, own))))
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

    /// Decides on the step under way as it stood at this time, which is its limit.
    fn judge(&mut self, deadline: Timestamp) {
        self.roots.iter_mut().flat_map(Root::all_mut).for_each(|link| link.expire(deadline));
        let scenario = Arc::clone(&self.scenario);
        let Some(step) = scenario.steps.get(self.next) else { return };
        let outcome = self.look(&step.action, deadline).unwrap_or_else(|| self.out_of_time(&step.action));
        if let Some(present) = &mut self.present {
            present.judged.get_or_insert((deadline, outcome));
        }
    }

    /// What it means that a step was not done in time.
    fn out_of_time(&self, action: &Action) -> Result<String, String> {
        let own = self.present.as_ref().and_then(|present| self.own_limit(action, present));
        let is_own = self.present.as_ref().zip(self.began).is_some_and(|(present, began)| {
            own.is_some_and(|own| later(present.entered, own) <= later(began, self.scenario.timeout))
        });
        let within = format_duration(own.unwrap_or_default());
        if !is_own {
            let limit = format_duration(self.scenario.timeout);
            return Err(format!("it was not done when the scenario's {limit} were over"));
        }
        match action {
            Action::ExpectNone { .. } => Ok(String::new()),
            Action::ExpectClosed { on, .. } => Err(format!("{on} was not closed within {within}")),
            Action::Expect { on, .. } => {
                let unread = self.root(on).is_ok_and(|root| {
                    root.named(on)
                        .iter()
                        .any(|link| link.inbox.as_ref().is_some_and(|inbox| !inbox.unread().is_empty()))
                });
                let what = if unread { "nothing that matches" } else { "nothing" };
                Err(format!("{what} came within {within}"))
            }
            Action::Send { to: name, .. } | Action::Close(name, _) => {
                Err(format!("there was no {} within {within}", connection_of(name)))
            }
            Action::Open(_) | Action::Wait(_) => Err("it was not done in time".to_owned()),
        }
    }

    /// When to ask again, unless something happens before.
    fn wake(&self, action: &Action) -> Timestamp {
        let heard = |at| later(at, ON_THE_WAY);
        let deadline = self.deadline().map(heard);
        let messages =
            self.roots.iter().flat_map(Root::all).filter_map(|link| link.inbox.as_ref()?.deadline()).map(heard);
        let due = self.present.as_ref().and_then(|present| match action {
            Action::Wait(time) => Some(later(present.entered, *time)),
            Action::Send { .. } if present.left > 0 && present.under_way.is_empty() && present.ordered => {
                Some(present.due)
            }
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

    /// What the step under way orders now; nothing where it waits.
    fn orders(&mut self, action: &Action, now: Timestamp) -> Result<Vec<Command>, String> {
        let Some(mut present) = self.present.take() else { return Ok(Vec::new()) };
        let orders = match action {
            Action::Open(socket) => self.open(socket, &mut present),
            Action::Close(name, how) if !present.ordered => self.close(name, *how, &mut present),
            Action::Send { to, template, every, .. } => self.send(to, template, *every, now, &mut present),
            _ => Ok(Vec::new()),
        };
        self.present = Some(present);
        orders
    }

    fn open(&mut self, socket: &str, present: &mut Present) -> Result<Vec<Command>, String> {
        let root = self.root_mut(&Name::new(socket))?;
        let id = root.own.id;
        if present.ordered {
            return Ok(Vec::new());
        }
        if root.all().any(|link| link.state != State::Closed) {
            if std::mem::replace(&mut present.closing, true) {
                return Ok(Vec::new());
            }
            return Ok(vec![Command::CloseAll { root: id, by: CloseReason::Scenario }]);
        }
        present.ordered = true;
        let endpoint = Endpoint::clone(&root.endpoint);
        root.own.reopen(&endpoint);
        Ok(vec![Command::Open { socket: id, endpoint }])
    }

    fn close(&mut self, name: &Name, how: CloseHow, present: &mut Present) -> Result<Vec<Command>, String> {
        let root = self.root_mut(name)?;
        let whole = root.has_links() && name.connection.is_none();
        let id = root.own.id;
        let own = (whole && how != CloseHow::HalfClose).then_some(&mut root.own).map(|own| (own.id, own.state));
        let by = CloseReason::Scenario;
        let mut targets = Vec::new();
        for link in root.named_mut(name).into_iter().filter(|link| link.state != State::Closed) {
            if how == CloseHow::HalfClose && link.fin_sent {
                return Err(format!("{name} was half-closed already"));
            }
            link.error = None;
            targets.push(link.id);
        }
        targets.extend(own.filter(|(_, state)| *state != State::Closed).map(|(id, _)| id));
        if targets.is_empty() {
            if self.is_awaited(name) && how != CloseHow::Normal {
                return Ok(Vec::new());
            }
            if how != CloseHow::Normal {
                return Err(self.not_open(name));
            }
        }
        present.ordered = true;
        present.targets = targets;
        Ok(match how {
            CloseHow::Normal if whole => vec![Command::CloseAll { root: id, by }],
            _ => present.targets.iter().map(|socket| Command::Close { socket: *socket, how, by }).collect(),
        })
    }

    fn send(
        &mut self,
        to: &Name,
        template: &Template,
        every: Duration,
        now: Timestamp,
        present: &mut Present,
    ) -> Result<Vec<Command>, String> {
        if present.left == 0 || !present.under_way.is_empty() || present.failed.is_some() || now < present.due {
            return Ok(Vec::new());
        }
        if self.is_awaited(to) {
            return Ok(Vec::new());
        }
        let (mut ticket, mut seed) = (self.next_ticket, self.seed);
        let root = self.root_mut(to)?;
        let endpoint = Arc::clone(&root.endpoint);
        let mut orders = Vec::new();
        let mut is_opening = false;
        for link in root.named_mut(to) {
            is_opening |= link.state == State::Opening;
            if link.state != State::Open {
                continue;
            }
            let bytes = link.fill(template, now, seed);
            let bytes = match endpoint.wrap() {
                Some(framing) => framing.wrap(&bytes).map_err(|why| format!("it can't be wrapped: {why}"))?,
                None => bytes,
            };
            present.sent += bytes.len() as u64;
            // Of a stream, nothing can't be sent, and is nothing to wait for.
            if !bytes.is_empty() || endpoint.keeps_messages_apart() {
                present.under_way.insert(Ticket(ticket));
                orders.push(Command::Send {
                    ticket: Ticket(ticket),
                    target: Target::Socket(link.id),
                    bytes: bytes.into(),
                });
            }
            (ticket, seed) = (ticket + 1, seed.wrapping_add(1));
        }
        if ticket == self.next_ticket {
            return if is_opening { Ok(Vec::new()) } else { Err(self.not_open(to)) };
        }
        (self.next_ticket, self.seed) = (ticket, seed);
        present.left -= 1;
        present.ordered = true;
        present.due = later(now, every);
        Ok(orders)
    }

    /// What has come of the step under way, if anything has.
    fn look(&mut self, action: &Action, now: Timestamp) -> Option<Result<String, String>> {
        match action {
            Action::Open(socket) => self.is_opened(socket),
            Action::Close(name, how) => self.is_closed(name, *how),
            Action::Send { .. } => {
                let present = self.present.as_ref()?;
                if let Some(why) = &present.failed {
                    return Some(Err(why.clone()));
                }
                let is_done = present.left == 0 && present.under_way.is_empty();
                is_done.then(|| Ok(format!("{} bytes sent", present.sent)))
            }
            Action::Expect { on, pattern, .. } => self.has_come(on, pattern),
            Action::ExpectNone { on, pattern, .. } => self.has_not_come(on, pattern),
            Action::ExpectClosed { on, .. } => self.has_ended(on),
            Action::Wait(time) => {
                let entered = self.present.as_ref()?.entered;
                (now >= later(entered, *time)).then(|| Ok(String::new()))
            }
        }
    }

    fn is_opened(&self, socket: &str) -> Option<Result<String, String>> {
        if !self.present.as_ref()?.ordered {
            return None;
        }
        let name = Name::new(socket);
        let root = match self.root(&name) {
            Ok(root) => root,
            Err(why) => return Some(Err(why)),
        };
        let own = &root.own;
        match own.state {
            State::Open => Some(Ok(format!("at {}", own.local))),
            State::Closed if root.endpoint.reconnect().is_none() || own.end.is_some() => {
                Some(Err(self.not_open(&name)))
            }
            State::Closed | State::Opening => None,
        }
    }

    fn is_closed(&self, name: &Name, how: CloseHow) -> Option<Result<String, String>> {
        let present = self.present.as_ref().filter(|present| present.ordered)?;
        let root = self.root(name).ok()?;
        let mut left = false;
        for link in root.all().filter(|link| present.targets.contains(&link.id)) {
            if how == CloseHow::HalfClose {
                match &link.error {
                    Some(why) if !link.fin_sent => return Some(Err(why.clone())),
                    _ if !link.fin_sent && link.state == State::Closed => return Some(Err(self.not_open(name))),
                    _ => left |= !link.fin_sent,
                }
            } else {
                left |= link.state != State::Closed;
            }
        }
        let told = if present.targets.is_empty() { "it was closed already" } else { "" };
        (!left).then(|| Ok(told.to_owned()))
    }

    fn has_come(&mut self, on: &Name, pattern: &Pattern) -> Option<Result<String, String>> {
        let root = match self.root_mut(on) {
            Ok(root) => root,
            Err(why) => return Some(Err(why)),
        };
        let is_one = on.connection.is_some() || !root.has_links();
        let mut found = None;
        let mut differs = None;
        for link in root.named_mut(on) {
            let Some(inbox) = &mut link.inbox else { continue };
            if inbox.take(pattern) {
                found = Some(link.number);
                break;
            }
            differs = inbox.differs(pattern);
        }
        if let Some(number) = found {
            let told = if is_one || number == 0 { String::new() } else { format!("on {}#{number}", on.socket) };
            return Some(Ok(told));
        }
        if let Some(at) = differs.filter(|_| is_one) {
            return Some(Err(format!("what came differs from byte {} on", at + 1)));
        }
        self.silence(on).map(Err)
    }

    fn has_not_come(&mut self, on: &Name, pattern: &Pattern) -> Option<Result<String, String>> {
        let root = match self.root_mut(on) {
            Ok(root) => root,
            Err(why) => return Some(Err(why)),
        };
        let links = root.named_mut(on);
        let has_come = links.into_iter().any(|link| link.inbox.as_mut().is_some_and(|inbox| inbox.has(pattern)));
        if has_come {
            return Some(Err("what was not to come came".to_owned()));
        }
        self.silence(on).map(Ok)
    }

    fn has_ended(&self, on: &Name) -> Option<Result<String, String>> {
        let root = match self.root(on) {
            Ok(root) => root,
            Err(why) => return Some(Err(why)),
        };
        match root.named(on).first() {
            None if root.own.state == State::Closed => Some(Err(self.not_open(on))),
            None => None,
            Some(link) => match link.end {
                Some(end) => Some(Ok(end.sentence())),
                None if link.state == State::Closed => Some(Err(self.not_open(on))),
                None => None,
            },
        }
    }

    /// Why nothing more can come, if that is so.
    fn silence(&self, on: &Name) -> Option<String> {
        let root = self.root(on).ok()?;
        let links = root.named(on);
        let may_be_taken = root.has_links()
            && root.own.state != State::Closed
            && (on.connection.is_none() || links.is_empty())
            && root.takes_more();
        if may_be_taken || links.iter().any(|link| link.can_hear()) {
            return None;
        }
        let end = links.iter().rev().find_map(|link| link.end);
        Some(match end {
            Some(end) => format!("nothing more can come on {on}: {}", end.sentence()),
            None => self.not_open(on),
        })
    }

    /// That a socket is not open, and why.
    fn not_open(&self, name: &Name) -> String {
        let Ok(root) = self.root(name) else { return format!("no socket is called {}", name.socket) };
        let links = root.named(name);
        let link = links.last().copied().unwrap_or(&root.own);
        match (&link.error, link.end) {
            (Some(error), _) => error.clone(),
            (None, Some(end)) => format!("{name} is not open: {}", end.sentence()),
            (None, None) => format!("{name} is not open"),
        }
    }

    fn failure(&self, step: &Step, why: String, at: Duration) -> Failure {
        let (wanted, on) = match &step.action {
            Action::Expect { on, pattern, .. } => (wanted(pattern), Some(on)),
            Action::ExpectNone { on, .. } => (None, Some(on)),
            _ => (None, None),
        };
        let (got, untold) = on.map(|on| self.got(on)).unwrap_or_default();
        let troubles = self.troubles.iter().filter(|trouble| !trouble.contains(&why)).cloned().collect();
        Failure {
            step: self.next + 1,
            steps: self.scenario.steps.len(),
            text: step.text.clone(),
            line: step.line,
            why,
            at,
            wanted,
            got,
            untold,
            troubles,
        }
    }

    /// What came and is not consumed, the last of it where it is much, and how many messages came before that.
    fn got(&self, on: &Name) -> (Vec<Got>, u64) {
        let Ok(root) = self.root(on) else { return (Vec::new(), 0) };
        let began = self.began.unwrap_or_default();
        let mut all: Vec<_> = Vec::new();
        for link in root.named(on) {
            let Some(inbox) = &link.inbox else { continue };
            let unread = inbox.unread();
            let lost = inbox.lost();
            for (index, (at, bytes, beyond)) in unread.into_iter().enumerate() {
                all.push((at, root.name_of(link.number), bytes, beyond, if index == 0 { lost } else { 0 }));
            }
        }
        all.sort_by_key(|(at, ..)| *at);
        let untold = all.len().saturating_sub(TOLD_MESSAGES);
        let mut room = TOLD;
        let mut got: Vec<_> = Vec::new();
        for (at, socket, bytes, beyond, lost) in all.into_iter().skip(untold) {
            let told = bytes.len().min(room);
            room -= told;
            let omitted = (bytes.len() - told + beyond) as u64;
            got.push(Got { socket, at: at.since(began), bytes: bytes[..told].to_vec(), omitted, lost });
        }
        (got, untold as u64)
    }
}

impl Link {
    fn expire(&mut self, now: Timestamp) {
        if let Some(inbox) = &mut self.inbox {
            inbox.expire(now);
        }
    }

    /// The next message that the scenario sends on it.
    fn fill(&mut self, template: &Template, now: Timestamp, seed: u64) -> Vec<u8> {
        self.counter += 1;
        let Self { counter, peer, local, .. } = self;
        template.filled(&Fill { counter: *counter, at: now.0, seed, peer, local, ..Fill::default() })
    }
}

/// The bytes that a pattern says, if it says any.
fn wanted(pattern: &Pattern) -> Option<Wanted> {
    match pattern {
        Pattern::Contains(bytes) => Some(Wanted { bytes: bytes.to_vec(), among_others: true }),
        Pattern::Equals(bytes) => Some(Wanted { bytes: bytes.to_vec(), among_others: false }),
        Pattern::Any | Pattern::Regex(_) => None,
    }
}

/// `connection server#2`, or `connection to server`.
fn connection_of(name: &Name) -> String {
    if name.connection.is_some() { format!("connection {name}") } else { format!("connection to {name}") }
}

fn without_stop(sentence: &str) -> String {
    sentence.trim_end_matches('.').to_owned()
}

fn later(moment: Timestamp, by: Duration) -> Timestamp {
    Timestamp(moment.0.saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)))
}

fn earlier(moment: Timestamp, by: Duration) -> Timestamp {
    Timestamp(moment.0.saturating_sub(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)))
}
