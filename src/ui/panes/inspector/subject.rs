//! What the inspector's bytes are: those of the message under the log's cursor, or of its row as it was received.
//!
//! Owns the choice between the two. It never holds bytes.

use super::actions::message;
use crate::encoding::Reading;
use crate::log::{Message, Row, Spot, stream};
use crate::ui::Ui;

/// What is inspected.
pub(super) struct Subject {
    pub(super) row: Row,
    pub(super) spot: Spot,
    /// The message, where a row of a framed stream is not shown as it was received.
    pub(super) message: Option<Message>,
}

/// Tells what is inspected from all else: the line, and whether its message.
pub(super) type Key = (Spot, bool);

impl Subject {
    /// What is under the log's cursor.
    pub(super) fn of(ui: &Ui) -> Option<Self> {
        let (row, spot) = ui.bench.current_line()?;
        let message = if ui.inspector.whole { None } else { ui.bench.message(&row, spot) };
        Some(Self { row, spot, message })
    }

    pub(super) const fn key(&self) -> Key {
        // A row is the same on each of its lines.
        match self.message {
            Some(_) => (self.spot, true),
            None => (Spot::row(self.spot.seq), false),
        }
    }

    /// How many bytes there are.
    pub(super) fn len(&self) -> u64 {
        self.message.as_ref().map_or(u64::from(self.row.len), Message::len)
    }

    pub(super) fn bytes(&self, ui: &Ui) -> Vec<u8> {
        match &self.message {
            Some(message) => message.bytes(&ui.bench.store, usize::MAX),
            None => ui.bench.store.bytes(&self.row).to_vec(),
        }
    }

    /// As which text they are to be read.
    pub(super) fn reading(&self, ui: &Ui) -> Reading {
        match self.message {
            Some(_) => Reading::alone(ui.bench.roster.encoding(self.row.socket)),
            None => stream::exact_reading(&self.row, &ui.bench.store, &ui.bench.roster),
        }
    }

    /// Whether what is looked for is in there.
    pub(super) fn is_found(&self, ui: &Ui) -> bool {
        ui.bench.find.as_ref().is_some_and(|find| match self.message {
            Some(_) => find.is_in(self.spot),
            None => find.contains(self.row.seq),
        })
    }
}

/// Turns between the message and its row.
pub(super) fn toggle(ui: &mut Ui) {
    ui.inspector.whole = !ui.inspector.whole;
}

/// Whether there is a message to turn from or to.
pub(super) fn has_message(ui: &Ui) -> Result<(), &'static str> {
    let Some((row, spot)) = ui.bench.current_line() else { return Err("no row is selected") };
    match ui.bench.message(&row, spot) {
        Some(_) => message(ui),
        None => Err("no message of a framed stream is selected"),
    }
}
