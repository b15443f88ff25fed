//! The exports of the session: how far each has come, for as long as it runs and a while after.
//!
//! Owns their numbers. It orders nothing.

use std::path::Path;
use std::time::Duration;

use crate::contract::Timestamp;
use crate::exporter::{Destination, Order, Progress, Report, ReportContent};

/// How many that have ended are remembered.
const ENDED_MAX: usize = 20;

/// One export.
#[derive(Clone, Debug)]
pub(in crate::ui) struct Export {
    pub(in crate::ui) id: u64,
    to: Destination,
    pub(in crate::ui) progress: Progress,
    began: Timestamp,
    pub(in crate::ui) ended: Option<Ended>,
}

/// How and when an export ended.
#[derive(Clone, Debug)]
pub(in crate::ui) struct Ended {
    at: Timestamp,
    pub(in crate::ui) how: Ending,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ui) enum Ending {
    Done,
    Cancelled,
    Failed(String),
}

impl Export {
    /// The file's name without its folder.
    pub(in crate::ui) fn name(&self) -> String {
        match self.path() {
            Some(path) => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
            None => "the clipboard".to_owned(),
        }
    }

    /// The file that it goes to, if to one.
    pub(in crate::ui) fn path(&self) -> Option<&Path> {
        match &self.to {
            Destination::File { path, .. } => Some(path),
            Destination::Clipboard => None,
        }
    }

    /// How long it took, or has taken up to now.
    pub(in crate::ui) fn elapsed(&self, now: Timestamp) -> Duration {
        self.ended.as_ref().map_or(now, |ended| ended.at).since(self.began)
    }
}

/// All of them, the oldest first.
#[derive(Debug, Default)]
pub(in crate::ui) struct Exports {
    list: Vec<Export>,
    next: u64,
}

impl Exports {
    /// The number for another export.
    pub(in crate::ui) fn mint(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Lists what was ordered.
    pub(in crate::ui) fn begin(&mut self, order: &Order, now: Timestamp) {
        let (id, to) = (order.id, order.to.clone());
        self.list.push(Export { id, to, progress: Progress::default(), began: now, ended: None });
    }

    /// Those that run.
    pub(in crate::ui) fn running(&self) -> impl DoubleEndedIterator<Item = &Export> {
        self.list.iter().filter(|export| export.ended.is_none())
    }

    /// Those that run and then those that have ended, the newest of each first.
    pub(in crate::ui) fn listed(&self) -> impl Iterator<Item = &Export> {
        self.running().rev().chain(self.list.iter().rev().filter(|export| export.ended.is_some()))
    }

    /// Takes in what is told of one; how it ended, if this was the last word on it.
    pub(in crate::ui) fn told(&mut self, report: Report, now: Timestamp) -> Option<Export> {
        let at = self.list.iter().position(|export| export.id == report.id && export.ended.is_none())?;
        let export = &mut self.list[at];
        let how = match report.content {
            ReportContent::Going(progress) => {
                export.progress = progress;
                return None;
            }
            ReportContent::Done(progress) => {
                export.progress = progress;
                Ending::Done
            }
            ReportContent::Cancelled => Ending::Cancelled,
            ReportContent::Failed(why) => Ending::Failed(why),
        };
        export.ended = Some(Ended { at: now, how });
        let ended = export.clone();
        // What was copied is of no interest once it is there.
        if ended.path().is_none() {
            self.list.remove(at);
        }
        let surplus = self.list.iter().filter(|export| export.ended.is_some()).count().saturating_sub(ENDED_MAX);
        for _ in 0..surplus {
            if let Some(oldest) = self.list.iter().position(|export| export.ended.is_some()) {
                self.list.remove(oldest);
            }
        }
        Some(ended)
    }
}
