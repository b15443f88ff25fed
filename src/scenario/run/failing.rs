//! What is told of a step that failed.

use std::ops::Range;
use std::time::Duration;

use super::super::{Action, Failure, Got, Name, Step, TOLD, Wanted};
use super::Run;
use crate::contract::{SocketId, Timestamp};
use crate::pattern::Pattern;

/// How many messages are told of a step that failed.
const TOLD_MESSAGES: usize = 16;

/// How many bytes before a match are told with it, where not all are; told from a multiple of the other on.
const BEFORE: usize = 64;
const LINE: usize = 16;

impl Run {
    pub(super) fn failure(&mut self, step: &Step, why: String, at: Duration) -> Failure {
        let (wanted, on) = match &step.action {
            Action::Expect { on, pattern, .. } => (wanted(pattern), Some(on)),
            Action::ExpectNone { on, .. } => (None, Some(on)),
            _ => (None, None),
        };
        let unwanted = self.present.as_mut().and_then(|present| present.unwanted.take());
        let (got, untold) = unwanted.or_else(|| Some(self.got(on?, None))).unwrap_or_default();
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

    /// What came of what was not to come, if it did, with what came before that.
    pub(super) fn unwanted(&mut self, on: &Name, pattern: &Pattern) -> Option<(Vec<Got>, u64)> {
        let root = self.root_mut(on).ok()?;
        let found = root.named_mut(on).into_iter().filter_map(|link| {
            let (index, matched) = link.inbox.as_mut()?.find(pattern)?;
            Some(Unwanted { link: link.id, index, at: link.inbox.as_ref()?.unread()[index].0, matched })
        });
        let first = found.min_by_key(|found| found.at)?;
        Some(self.got(on, Some(&first)))
    }

    /// What came and is not consumed, of it what was not to come and nothing after that. Of much the last, and how many
    /// messages came before it.
    fn got(&self, on: &Name, unwanted: Option<&Unwanted>) -> (Vec<Got>, u64) {
        let Ok(root) = self.root(on) else { return (Vec::new(), 0) };
        let began = self.began.unwrap_or_default();
        let mut all: Vec<_> = Vec::new();
        for link in root.named(on) {
            let Some(inbox) = &link.inbox else { continue };
            for (index, (at, bytes, beyond)) in inbox.unread().into_iter().enumerate() {
                let lost = if index == 0 { inbox.lost() } else { 0 };
                let found = unwanted.filter(|found| (found.link, found.index) == (link.id, index));
                all.push((
                    at,
                    root.name_of(link.number),
                    bytes,
                    beyond,
                    lost,
                    found.map(|found| found.matched.clone()),
                ));
            }
        }
        all.sort_by_key(|(at, ..)| *at);
        if let Some(last) = all.iter().position(|(.., matched)| matched.is_some()) {
            all.truncate(last + 1);
        }
        let untold = all.len().saturating_sub(TOLD_MESSAGES);
        let mut left = TOLD;
        let mut got: Vec<_> = Vec::new();
        // From the last on: of those that are too long, the ones that came before are cut.
        for (at, socket, bytes, beyond, lost, matched) in all.into_iter().skip(untold).rev() {
            let matched = matched.unwrap_or_default();
            let skipped = if matched.end <= left { 0 } else { matched.start.saturating_sub(BEFORE) / LINE * LINE };
            let end = bytes.len().min(skipped + left);
            left -= end - skipped;
            got.push(Got {
                socket,
                at: at.since(began),
                bytes: bytes[skipped..end].to_vec(),
                matched: matched.start - skipped..matched.end.min(end) - skipped,
                skipped: skipped as u64,
                omitted: (bytes.len() - end + beyond) as u64,
                lost,
            });
        }
        got.reverse();
        (got, untold as u64)
    }
}

/// Where something is that was not to come.
struct Unwanted {
    link: SocketId,
    /// Which it is of what came there and is not consumed, and where in that.
    index: usize,
    matched: Range<usize>,
    at: Timestamp,
}

/// The bytes that a pattern says, if it says any.
fn wanted(pattern: &Pattern) -> Option<Wanted> {
    match pattern {
        Pattern::Contains(bytes) => Some(Wanted { bytes: bytes.to_vec(), among_others: true }),
        Pattern::Equals(bytes) => Some(Wanted { bytes: bytes.to_vec(), among_others: false }),
        Pattern::Any | Pattern::Regex(_) => None,
    }
}
