//! Whether the steps of a scenario are done, or can't be any more.

use super::super::link::State;
use super::super::{Action, Name};
use super::Run;
use crate::contract::{CloseHow, Timestamp};
use crate::pattern::Pattern;

impl Run {
    /// What has come of the step under way, if anything has.
    pub(super) fn look(&mut self, action: &Action, now: Timestamp) -> Option<Result<String, String>> {
        match action {
            Action::Open(socket) => self.is_opened(socket),
            Action::Close(name, how) => self.is_closed(name, *how),
            Action::Send { .. } => self.present.as_ref()?.sending.outcome(),
            Action::Expect { on, pattern, .. } => self.has_come(on, pattern),
            Action::ExpectNone { on, pattern, .. } => self.has_not_come(on, pattern),
            Action::ExpectClosed { on, .. } => self.has_ended(on),
            Action::Wait(time) => {
                let entered = self.present.as_ref()?.entered;
                (now >= entered.later(*time)).then(|| Ok(String::new()))
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
        if let Err(why) = self.root(on) {
            return Some(Err(why));
        }
        if let Some(found) = self.unwanted(on, pattern) {
            self.present.as_mut()?.unwanted = Some(found);
            return Some(Err("what was not to come came".to_owned()));
        }
        let was_open = self.was_open(on);
        self.silence(on).map(|why| if was_open { Ok(why) } else { Err(self.not_open(on)) })
    }

    fn has_ended(&mut self, on: &Name) -> Option<Result<String, String>> {
        let root = match self.root_mut(on) {
            Ok(root) => root,
            Err(why) => return Some(Err(why)),
        };
        let is_shut = root.own.state == State::Closed;
        let is_over = match root.named_mut(on).first_mut() {
            None => is_shut,
            Some(link) => match link.take_end() {
                Some(end) => return Some(Ok(end.sentence())),
                None => link.state == State::Closed && !link.comes_again(),
            },
        };
        is_over.then(|| Err(self.not_open(on)))
    }

    /// Whether anything could have come, as far as it is known. Where nothing could, that nothing came means nothing.
    pub(super) fn was_open(&self, on: &Name) -> bool {
        self.root(on).is_ok_and(|root| {
            let whole = (root.has_links() && on.connection.is_none()).then_some(&root.own);
            root.named(on).into_iter().chain(whole).any(|link| link.was_open)
        })
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
    pub(super) fn not_open(&self, name: &Name) -> String {
        let Ok(root) = self.root(name) else { return format!("no socket is called {}", name.socket) };
        let links = root.named(name);
        let link = links.last().copied().unwrap_or(&root.own);
        match (&link.error, link.end) {
            (Some(error), _) => error.clone(),
            (None, Some(end)) => format!("{name} is not open: {}", end.sentence()),
            (None, None) => format!("{name} is not open"),
        }
    }
}
