//! The messages of framed streams, gathered as their rows come, to be printed in place of the rows.
//!
//! Owns the bytes of those that have not ended. It never prints.

use std::collections::HashMap;
use std::time::Duration;

use crate::contract::{Endpoint, SocketId, Timestamp};
use crate::framing::{Assembler, Frame};
use crate::log::{Kind, LogStore, Roster, Row};

/// How long what is received may be on its way to here: so much later than a gap is over it is known that it is.
const ON_THE_WAY: Duration = Duration::from_millis(20);

#[derive(Default)]
pub(super) struct Streams(HashMap<SocketId, Stream>);

struct Stream {
    assembler: Assembler,
    /// The last row with bytes of it.
    last: Row,
}

impl Stream {
    fn end(&mut self, mut each: impl FnMut(&Row, &[u8], &Frame)) {
        let Self { assembler, last } = self;
        assembler.end(|payload, frame| each(last, payload, frame));
    }

    fn expire(&mut self, now: Timestamp, each: impl FnMut(&Row, &[u8], &Frame)) {
        if self.assembler.deadline().is_some_and(|deadline| now.0 >= deadline) {
            self.end(each);
        }
    }
}

impl Streams {
    /// Takes the next row of the log, and tells each message that it ends with the row that has its last bytes. True
    /// where those stand for the row itself.
    pub(super) fn take(
        &mut self,
        row: &Row,
        store: &LogStore,
        roster: &Roster,
        mut each: impl FnMut(&Row, &[u8], &Frame),
    ) -> bool {
        match row.kind {
            Kind::Received => {
                let framing = roster.endpoint(row.socket).map(Endpoint::framing).filter(|framing| !framing.is_raw());
                let Some(framing) = framing else { return false };
                let new = || Stream { assembler: Assembler::new(framing.clone()), last: *row };
                let stream = self.0.entry(row.socket).or_insert_with(new);
                stream.expire(row.at, &mut each);
                stream.last = *row;
                stream.assembler.push(&store.bytes(row), row.at.0, |payload, frame| each(row, payload, frame));
                true
            }
            Kind::Lost | Kind::PeerClosed | Kind::Closed | Kind::Connected => {
                if let Some(mut stream) = self.0.remove(&row.socket) {
                    stream.end(each);
                }
                false
            }
            // The question goes before its answer.
            Kind::Sent | Kind::Rule => {
                if let Some(stream) = self.0.get_mut(&row.socket) {
                    stream.expire(row.at, each);
                }
                false
            }
            _ => false,
        }
    }

    /// Tells the messages that a gap has ended by now.
    pub(super) fn expire(&mut self, now: Timestamp, mut each: impl FnMut(&Row, &[u8], &Frame)) {
        let now = now.earlier(ON_THE_WAY);
        self.0.values_mut().for_each(|stream| stream.expire(now, &mut each));
    }

    /// When [`expire`](Self::expire) has something to tell, unless more comes before.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let first = self.0.values().filter_map(|stream| stream.assembler.deadline()).min()?;
        Some(Timestamp(first).later(ON_THE_WAY))
    }
}
