//! How long an answer took: which message answers which, and after what time.
//!
//! Owns the rule. Messages between this program and one peer of a socket are a conversation, and a message answers the
//! one before it in its conversation where that went the other way. So of several sends in a row the last one is
//! answered, by the first message that comes. It never looks further than [`REACH`] rows, and never at bytes.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::Duration;

use super::{Kind, LogStore, Row};
use crate::contract::{SocketId, Timestamp};

/// How many rows after a message its answer is at most.
pub const REACH: u64 = 4096;

/// A message and the one that it belongs to: its answer, or what it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundTrip {
    /// The sequence number of the other message.
    pub row: u64,
    /// From the earlier of both to the later.
    pub time: Duration,
}

/// The answer to a message: the next message of its conversation, where that goes the other way.
#[must_use]
pub fn answer_to(row: &Row, store: &LogStore) -> Option<RoundTrip> {
    let this = Party::of(row)?;
    let mut next: Option<Row> = None;
    let _ = store.for_each_row(row.seq + 1..row.seq + 1 + REACH, |row| {
        if Party::of(&row) == Some(this) {
            next = Some(row);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    let next = next?;
    (next.kind != row.kind).then(|| RoundTrip { row: next.seq, time: next.at.since(row.at) })
}

/// What a message answers: the message before it in its conversation, where that went the other way.
#[must_use]
pub fn answered_by(row: &Row, store: &LogStore) -> Option<RoundTrip> {
    let this = Party::of(row)?;
    let mut before: Option<Row> = None;
    let _ = store.for_each_row_back(row.seq.saturating_sub(REACH)..row.seq, |row| {
        if Party::of(&row) == Some(this) {
            before = Some(row);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    let before = before.filter(|before| before.kind != row.kind)?;
    Some(RoundTrip { row: before.seq, time: row.at.since(before.at) })
}

/// A peer of a socket; for a connection, which has one, that is the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Party {
    socket: SocketId,
    peer: u32,
}

impl Party {
    /// With whom a message was exchanged; `None` for rows that carry no message.
    fn of(row: &Row) -> Option<Self> {
        row.kind.is_message().then_some(Self { socket: row.socket, peer: row.place.peer })
    }
}

/// The latest message of each conversation, for whoever goes over all rows in their order.
#[derive(Clone, Debug, Default)]
pub struct Conversations {
    latest: HashMap<Party, Latest>,
}

#[derive(Clone, Copy, Debug)]
struct Latest {
    seq: u64,
    at: Timestamp,
    kind: Kind,
}

impl Conversations {
    /// Takes the next row, and tells what it answers: the same as [`answered_by`], without looking back. What is
    /// remembered is bounded by [`REACH`].
    pub fn next(&mut self, row: &Row) -> Option<RoundTrip> {
        let party = Party::of(row)?;
        if self.latest.len() as u64 > 2 * REACH {
            self.latest.retain(|_, latest| row.seq - latest.seq <= REACH);
        }
        let before = self.latest.insert(party, Latest { seq: row.seq, at: row.at, kind: row.kind })?;
        let answers = before.kind != row.kind && row.seq - before.seq <= REACH;
        answers.then(|| RoundTrip { row: before.seq, time: row.at.since(before.at) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::contract::{Address, Batch, Block, Event, Fact, Span, Ticket};

    /// A log in which message `n` is at `n` milliseconds: the socket, the port of its peer if it is told, sent or not.
    fn log(messages: &[(u32, Option<u16>, bool)]) -> LogStore {
        let bytes = Span { start: 0, len: 1 };
        let events = (1..).zip(messages).map(|(at, (socket, port, sent))| {
            let peer = port.map(|port| Address::Ip(([127, 0, 0, 1], port).into()));
            let fact = if *sent {
                Fact::Sent { ticket: Ticket(0), peer, bytes, remaining: 0 }
            } else {
                Fact::Received { peer, bytes, truncated: false }
            };
            Event { at: Timestamp(at * 1_000_000), socket: SocketId::new(*socket).unwrap(), fact }
        });
        let mut store = LogStore::new(u64::MAX);
        store.append(Batch::new(events.collect(), Block::with_size(1).unwrap(), 1)).unwrap();
        store
    }

    fn pairs(store: &LogStore) -> Vec<(u64, u64, u128)> {
        let rows: Vec<Row> = store.rows(0..u64::MAX).collect();
        let answers = rows.iter().filter_map(|row| answered_by(row, store).map(|trip| (row.seq, trip)));
        answers.map(|(seq, trip)| (trip.row, seq, trip.time.as_millis())).collect()
    }

    #[test]
    fn an_answer_is_of_the_same_socket_and_peer_and_of_the_last_send() {
        let (sent, received) = (true, false);
        // Two sends, a stranger's message in between, two messages back: one round trip.
        let store =
            log(&[(1, None, sent), (1, None, sent), (2, None, received), (1, None, received), (1, None, received)]);
        assert_eq!(pairs(&store), [(2, 4, 2)]);
        let store = log(&[(1, Some(5), received), (1, Some(6), received), (1, Some(5), sent), (1, Some(7), sent)]);
        assert_eq!(pairs(&store), [(1, 3, 2)]);
    }

    #[test]
    fn an_answer_that_is_too_far_away_is_none() {
        for (between, answered) in [(REACH - 1, true), (REACH, false)] {
            let mut messages = vec![(1, None, true)];
            messages.extend((0..between).map(|_| (2, None, true)));
            messages.push((1, None, false));
            let store = log(&messages);
            assert_eq!(answer_to(&store.row(1).unwrap(), &store).is_some(), answered);
            assert_eq!(answered_by(&store.row(between + 2).unwrap(), &store).is_some(), answered);
        }
    }

    proptest! {
        /// Looking ahead, looking back and going over all rows tell the same.
        #[test]
        fn the_three_ways_agree(messages in proptest::collection::vec(
            (1..4_u32, proptest::option::of(1..3_u16), any::<bool>()), 0..60,
        )) {
            let store = log(&messages);
            let rows: Vec<Row> = store.rows(0..u64::MAX).collect();
            let mut conversations = Conversations::default();
            for row in &rows {
                let back = answered_by(row, &store);
                prop_assert_eq!(conversations.next(row), back);
                if let Some(back) = back {
                    let request = store.row(back.row).unwrap();
                    prop_assert_eq!(answer_to(&request, &store), Some(RoundTrip { row: row.seq, time: back.time }));
                }
                if let Some(answer) = answer_to(row, &store) {
                    let answer = store.row(answer.row).unwrap();
                    prop_assert_eq!(answered_by(&answer, &store).map(|trip| trip.row), Some(row.seq));
                }
            }
        }
    }
}
