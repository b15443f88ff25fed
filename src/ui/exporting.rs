//! An export as the user sees it: what it needs, and how it ended.
//!
//! Owns nothing of it: it is carried out on another thread, and the bench keeps how far each has come.

use super::bench::Bench;
use super::{Notice, Ui};
use crate::exporter::{Job, Order, Report};

impl Ui {
    /// All that an export needs, to be carried out on another thread.
    #[must_use]
    pub fn export_job(&self, order: &Order) -> Job {
        let Bench { store, roster, view, messages, .. } = &self.bench;
        let rows = order.lines.start.seq..order.lines.end.seq.saturating_add(1);
        let (messages, first) = messages.snapshot(rows.clone(), store);
        Job {
            store: store.snapshot(first..rows.end),
            roster: roster.clone(),
            messages,
            lines: order.lines.clone(),
            filter: order.filtered.then(|| (view.scope(), view.filter().clone())),
            way: order.way,
            format: order.format,
        }
    }

    /// Takes in what is told of an export.
    pub fn export_told(&mut self, report: Report) {
        let now = self.bench.now();
        let ended = self.bench.exports.told(report, now);
        if let Some(notice) = ended.and_then(|export| Notice::of_export(&export, now)) {
            self.tell(notice);
        }
    }
}
