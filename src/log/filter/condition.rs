//! Conditions on rows: how the tests of a filter are put together, and held against a row or a message.
//!
//! Owns the order in which they are tried, and who is the peer of a row. It never knows how a filter is written.

use super::keys::{Peers, Test};
use crate::contract::Fact;
use crate::log::timeline::step;
use crate::log::{Kind, LogStore, Needle, Roster, Row, sentence};

/// A condition on a row, made of others.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Test(Test),
}

/// What of a row is judged.
pub(super) enum Subject<'a> {
    /// A row that is no message.
    Fact,
    /// Its bytes, which are read when they are asked for.
    Row,
    /// A message that ends in it, or that none does.
    Message(Option<&'a [u8]>),
}

impl Subject<'_> {
    pub(super) const fn whole(row: &Row) -> Self {
        if row.kind.is_message() { Self::Row } else { Self::Fact }
    }
}

/// How a condition is held against a row.
pub(super) type Judge = fn(&Test, &Row, &Subject<'_>, &LogStore, &Roster) -> bool;

impl Condition {
    /// All of these.
    pub(super) fn all(conditions: Vec<Self>) -> Self {
        one(conditions, Self::All)
    }

    /// Any of these.
    pub(super) fn any(conditions: Vec<Self>) -> Self {
        one(conditions, Self::Any)
    }

    pub(super) fn holds(
        &self,
        row: &Row,
        subject: &Subject<'_>,
        store: &LogStore,
        roster: &Roster,
        test: Judge,
    ) -> bool {
        match self {
            Self::All(all) => all.iter().all(|condition| condition.holds(row, subject, store, roster, test)),
            Self::Any(any) => any.iter().any(|condition| condition.holds(row, subject, store, roster, test)),
            Self::Not(condition) => !condition.holds(row, subject, store, roster, test),
            Self::Test(condition) => test(condition, row, subject, store, roster),
        }
    }

    /// Learns from a row what the rows after it are judged by.
    pub(super) fn learn(&mut self, row: &Row, fact: &Fact) {
        match self {
            Self::All(conditions) | Self::Any(conditions) => {
                for condition in conditions {
                    condition.learn(row, fact);
                }
            }
            Self::Not(condition) => condition.learn(row, fact),
            Self::Test(Test::Peers(peers)) => {
                if peers.are_in(fact) {
                    peers.met.insert(row.socket);
                } else {
                    peers.met.remove(&row.socket);
                }
            }
            Self::Test(_) => {}
        }
    }

    /// How dear it is, compared with the others: what can be decided cheaply is decided first.
    fn cost(&self) -> u32 {
        match self {
            Self::All(conditions) | Self::Any(conditions) => conditions.iter().map(Self::cost).sum(),
            Self::Not(condition) => condition.cost(),
            Self::Test(test) => match test {
                Test::Direction(_) | Test::Kinds(_) | Test::Lengths(_) | Test::Since(_) | Test::Until(_) => 1,
                Test::Sockets(_) => 10,
                Test::Peers(_) => 20,
                Test::Texts(_) | Test::Bytes(_) => 100,
            },
        }
    }
}

/// Several conditions as one, the cheap ones first.
fn one(mut conditions: Vec<Condition>, several: fn(Vec<Condition>) -> Condition) -> Condition {
    conditions.sort_by_key(Condition::cost);
    match conditions.pop() {
        Some(only) if conditions.is_empty() => only,
        last => {
            conditions.extend(last);
            several(conditions)
        }
    }
}

impl Test {
    pub(super) fn holds_of_step(&self, row: &Row, subject: &Subject<'_>, store: &LogStore, roster: &Roster) -> bool {
        self.holds(row, subject, store, roster)
            || matches!(self, Self::Texts(needles) if step(row, store, roster).is_some_and(|step| {
                are_in(needles, format!("{} = {} {}", step.call(), step.result, step.meaning).as_bytes())
            }))
    }

    pub(super) fn holds(&self, row: &Row, subject: &Subject<'_>, store: &LogStore, roster: &Roster) -> bool {
        match self {
            Self::Texts(needles) | Self::Bytes(needles) => {
                let encoding = roster.encoding(row.socket);
                let are_in_message = |bytes: &[u8]| needles.iter().any(|needle| needle.is_in_text(bytes, encoding));
                match (subject, self) {
                    (Subject::Row, _) => are_in_message(&store.bytes(row)),
                    (Subject::Message(bytes), _) => bytes.is_some_and(are_in_message),
                    (Subject::Fact, Self::Texts(_)) => store
                        .fact(row)
                        .is_some_and(|fact| are_in(needles, sentence(row, &fact, store, roster).as_bytes())),
                    (Subject::Fact, _) => false,
                }
            }
            Self::Sockets(names) => roster
                .name_parts(row.socket)
                .is_some_and(|(root, number)| names.iter().any(|name| name.matches(root, number))),
            Self::Direction(kinds) | Self::Kinds(kinds) => kinds.contains(row.kind),
            Self::Lengths(ranges) => {
                let len = match subject {
                    Subject::Fact => None,
                    Subject::Row => Some(row.len),
                    Subject::Message(bytes) => bytes.map(|bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX)),
                };
                len.is_some_and(|len| ranges.iter().any(|range| range.contains(&len)))
            }
            Self::Peers(peers) => peers.hold(row, store, roster),
            Self::Since(from) => row.at >= *from,
            Self::Until(end) => row.at < *end,
        }
    }
}

fn are_in(needles: &[Needle], bytes: &[u8]) -> bool {
    needles.iter().any(|needle| needle.is_in(bytes))
}

impl Peers {
    fn hold(&self, row: &Row, store: &LogStore, roster: &Roster) -> bool {
        if let Some(peer) = store.peer(row) {
            return self.patterns.iter().any(|pattern| pattern.matches(&peer));
        }
        if matches!(row.kind, Kind::Accepted | Kind::Connected | Kind::Opened) {
            return store.fact(row).is_some_and(|fact| self.are_in(&fact));
        }
        self.met.contains(&row.socket)
            || roster
                .get(row.socket)
                .and_then(|member| member.peer.as_ref())
                .is_some_and(|peer| self.patterns.iter().any(|pattern| pattern.matches(peer)))
    }

    fn are_in(&self, fact: &Fact) -> bool {
        match fact {
            Fact::Accepted { peer, .. } | Fact::Connected { peer, .. } | Fact::Opened { peer: Some(peer), .. } => {
                self.patterns.iter().any(|pattern| pattern.matches(peer))
            }
            _ => false,
        }
    }
}
