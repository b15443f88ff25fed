//! What is told of a step that failed.

use std::time::Duration;

use super::super::{Action, Failure, Got, Name, Step, TOLD, Wanted};
use super::Run;
use crate::pattern::Pattern;

/// How many messages are told of a step that failed.
const TOLD_MESSAGES: usize = 16;

/// How many bytes before a match are told with it, where not all are.
const BEFORE: usize = 64;

impl Run {
    pub(super) fn failure(&mut self, step: &Step, why: String, at: Duration) -> Failure {
        let (wanted, on) = match &step.action {
            Action::Expect { on, pattern, .. } => (wanted(pattern), Some(on)),
            Action::ExpectNone { on, .. } => (None, Some(on)),
            _ => (None, None),
        };
        let unwanted = self.present.as_mut().and_then(|present| present.unwanted.take());
        let (got, untold) = match (unwanted, on) {
            (Some((got, before)), _) => (vec![got], before),
            (None, Some(on)) => self.got(on),
            (None, None) => (Vec::new(), 0),
        };
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
        let mut left = TOLD;
        let mut got: Vec<_> = Vec::new();
        for (at, socket, bytes, beyond, lost) in all.into_iter().skip(untold) {
            let told = bytes.len().min(left);
            left -= told;
            let omitted = (bytes.len() - told + beyond) as u64;
            let bytes = bytes[..told].to_vec();
            got.push(Got { socket, at: at.since(began), bytes, matched: 0..0, skipped: 0, omitted, lost });
        }
        (got, untold as u64)
    }

    /// What is there of what was not to come, and how many messages came before it.
    pub(super) fn unwanted(&mut self, on: &Name, pattern: &Pattern) -> Option<(Got, u64)> {
        let began = self.began.unwrap_or_default();
        let root = self.root_mut(on).ok()?;
        let (number, mut got, before) = root.named_mut(on).into_iter().find_map(|link| {
            let inbox = link.inbox.as_mut()?;
            let (before, found) = inbox.find(pattern)?;
            let lost = if before == 0 { inbox.lost() } else { 0 };
            let (at, bytes, beyond) = inbox.unread().swap_remove(before);
            let skipped = if found.end <= TOLD { 0 } else { found.start.saturating_sub(BEFORE) };
            let end = bytes.len().min(skipped + TOLD);
            let got = Got {
                socket: String::new(),
                at: at.since(began),
                bytes: bytes[skipped..end].to_vec(),
                matched: found.start - skipped..found.end.min(end) - skipped,
                skipped: skipped as u64,
                omitted: (bytes.len() - end + beyond) as u64,
                lost,
            };
            Some((link.number, got, before))
        })?;
        got.socket = root.name_of(number);
        Some((got, before as u64))
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
