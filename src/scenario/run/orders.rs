//! What the steps of a scenario order.

use std::sync::Arc;
use std::time::Duration;

use super::super::link::{Link, State};
use super::super::{Action, Name};
use super::{Present, Run};
use crate::contract::{CloseHow, CloseReason, Command, Endpoint, Target, Ticket, Timestamp};
use crate::payload::{Fill, Template};

impl Run {
    /// What the step under way orders now; nothing where it waits.
    pub(super) fn orders(&mut self, action: &Action, now: Timestamp) -> Result<Vec<Command>, String> {
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
        if !present.sending.is_next(now) || self.is_awaited(to) {
            return Ok(Vec::new());
        }
        let (mut ticket, mut seed) = (self.next_ticket, self.seed);
        let root = self.root_mut(to)?;
        let endpoint = Arc::clone(&root.endpoint);
        let (mut orders, mut under_way) = (Vec::new(), Vec::new());
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
            // Of a stream, nothing can't be sent, and is nothing to wait for.
            if !bytes.is_empty() || endpoint.keeps_messages_apart() {
                under_way.push((Ticket(ticket), bytes.len() as u64));
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
        present.ordered = true;
        present.sending.ordered(under_way, now.later(every));
        Ok(orders)
    }
}

impl Run {
    /// Decides what those mean that could not take what was sent, once all have answered: of several connections those
    /// that closed meanwhile are left out, as long as there is one that took it.
    pub(super) fn settle(&mut self, action: &Action) {
        let Action::Send { to, .. } = action else { return };
        let Some(sending) = self.present.as_mut().map(|present| &mut present.sending) else { return };
        let Some((is_taken, refused)) = sending.take_answers() else { return };
        for (socket, why) in refused {
            let Some(&(root, place)) = self.whose.get(&socket) else { continue };
            let root = &mut self.roots[root];
            let is_one_of_many = root.has_links() && to.connection.is_none();
            let link = root.at(place);
            if is_one_of_many && is_taken && link.state == State::Closed {
                sending.leave_out();
                continue;
            }
            let number = link.number;
            let told = if is_one_of_many { format!("{}: {why}", root.name_of(number)) } else { why };
            sending.fail(told);
        }
    }
}

impl Link {
    /// The next message that the scenario sends on it.
    fn fill(&mut self, template: &Template, now: Timestamp, seed: u64) -> Vec<u8> {
        self.counter += 1;
        let Self { counter, peer, local, .. } = self;
        template.filled(&Fill { counter: *counter, at: now.0, seed, peer, local, ..Fill::default() })
    }
}
