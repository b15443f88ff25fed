//! The keys of the filter language: one row of a table each.
//!
//! Owns what values a key takes and what condition they become.

use std::collections::HashSet;
use std::ops::{Range, RangeInclusive};

use super::FilterError;
use super::peers::PeerPattern;
use super::times::moment;
use crate::contract::{SocketId, Timestamp};
use crate::log::{Kind, Needle, Roster};

/// A key: `socket:`.
pub struct KeySpec {
    /// The name, without the colon.
    pub name: &'static str,
    /// What its values are, for a person.
    pub values: &'static str,
    /// An example, a valid filter.
    pub example: &'static str,
    condition: fn(&[Value], Timestamp) -> Result<Test, FilterError>,
    /// The values to choose from, those that are known.
    pub(super) known: fn(&Roster) -> Vec<String>,
}

impl std::fmt::Debug for KeySpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeySpec").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The keys that there are.
pub static KEYS: &[KeySpec] = &[
    KeySpec {
        name: "socket",
        values: "a socket's name, its connections included; server#2 is one connection, serv* what begins so",
        example: "socket:server",
        condition: sockets,
        known: known_sockets,
    },
    KeySpec {
        name: "dir",
        values: "rx or tx",
        example: "dir:rx",
        condition: directions,
        known: |_| vec!["rx".to_owned(), "tx".to_owned()],
    },
    KeySpec {
        name: "kind",
        values: "what a row tells: received, sent, accepted, closed, failed, call and others",
        example: "kind:closed|failed",
        condition: kinds,
        known: |_| Kind::ALL.map(|kind| kind.name().to_owned()).to_vec(),
    },
    KeySpec {
        name: "len",
        values: "a message's length in bytes: 0, >100, <=4KiB, 10..20 with both ends",
        example: "len:>100",
        condition: lengths,
        known: none,
    },
    KeySpec {
        name: "text",
        values: "text in any case, as words without a key; in quotes with blanks",
        example: "text:\"login\"",
        condition: texts,
        known: none,
    },
    KeySpec {
        name: "hex",
        values: "bytes of a message as hex; ?? is any byte",
        example: "hex:\"de ad ?? ef\"",
        condition: bytes,
        known: none,
    },
    KeySpec {
        name: PATTERN_KEY,
        values: "a regular expression; /.../i in any case, (?-u) for bytes that are no UTF-8",
        example: "re:/^HTTP/",
        condition: patterns,
        known: none,
    },
    KeySpec {
        name: "peer",
        values: "an address with or without its port, :80, 10.0.0.0/8, 10.0.* or a path: who a message is from or to",
        example: "peer:10.0.0.5",
        condition: peers,
        known: known_peers,
    },
    KeySpec {
        name: "since",
        values: "from then on: 5m before the filter was set, 12:30, 12:30:05Z in UTC, 2026-11-21T12:30",
        example: "since:5m",
        condition: |values, now| times(values, now).map(|times| Test::Since(times.into_iter().min().unwrap_or(now))),
        known: none,
    },
    KeySpec {
        name: "until",
        values: "before then: 5m before the filter was set, 12:30, 12:30:05Z in UTC, 2026-11-21T12:30",
        example: "until:12:30",
        condition: |values, now| times(values, now).map(|times| Test::Until(times.into_iter().max().unwrap_or(now))),
        known: none,
    },
];

/// The most sockets and the most peers that are proposed from.
const KNOWN_MAX: usize = 1000;

/// The key whose values may stand between slashes.
pub(super) const PATTERN_KEY: &str = "re";

/// A value as it is written, and where.
pub(super) type Value = (String, Range<usize>);

impl KeySpec {
    pub(super) fn parse(&self, values: &[Value], now: Timestamp) -> Result<Test, FilterError> {
        (self.condition)(values, now)
    }
}

/// The key of this name; an error at its place, if there is none.
pub(super) fn spec(name: &str, at: Range<usize>) -> Result<&'static KeySpec, FilterError> {
    KEYS.iter().find(|spec| spec.name == name).ok_or_else(|| {
        let known: Vec<_> = KEYS.iter().map(|spec| spec.name).collect();
        let known = known.join(", ");
        FilterError::new(at, format!("no key `{name}`; there are {known}; to find the text itself, put it in quotes"))
    })
}

/// A condition on a row.
#[derive(Clone, Debug)]
pub(super) enum Test {
    /// One of these is in the message, or in the sentence of a row without one; in a timeline, also in what the step
    /// says.
    Texts(Vec<Needle>),
    /// One of these is in the message.
    Bytes(Vec<Needle>),
    /// The socket has one of these names.
    Sockets(Vec<NamePattern>),
    /// The message went one of these ways.
    Direction(Kinds),
    /// The row is of one of these kinds.
    Kinds(Kinds),
    /// The message has one of these lengths.
    Lengths(Vec<RangeInclusive<u32>>),
    /// The message is from or to one of these, or the fact names one of them.
    Peers(Peers),
    /// The row is not older.
    Since(Timestamp),
    /// The row is older.
    Until(Timestamp),
}

/// Peers, and the connections with them that were met on the way: the roster forgets those that closed long ago.
#[derive(Clone, Debug)]
pub(super) struct Peers {
    pub(super) patterns: Vec<PeerPattern>,
    pub(super) met: HashSet<SocketId>,
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kinds(u16);

impl Kinds {
    const fn with(self, kind: Kind) -> Self {
        Self(self.0 | 1 << kind.code())
    }

    pub(super) const fn contains(self, kind: Kind) -> bool {
        self.0 >> kind.code() & 1 == 1
    }
}

/// A socket's name, or with a trailing `*` the beginning of one.
#[derive(Clone, Debug)]
pub(super) struct NamePattern {
    text: String,
    is_prefix: bool,
}

impl NamePattern {
    fn new(value: &str) -> Self {
        match value.strip_suffix('*') {
            Some(prefix) => Self { text: prefix.to_owned(), is_prefix: true },
            None => Self { text: value.to_owned(), is_prefix: false },
        }
    }

    /// Judges a root's name and a child's number; a root's name stands for its children too.
    pub(super) fn matches(&self, root: &str, number: Option<u32>) -> bool {
        if self.is_prefix && root.starts_with(&self.text) || self.text == root {
            return true;
        }
        let Some(number) = number else { return false };
        let Some(wanted) = self.text.strip_prefix(root).and_then(|rest| rest.strip_prefix('#')) else { return false };
        if self.is_prefix { number.to_string().starts_with(wanted) } else { wanted.parse() == Ok(number) }
    }
}

/// The names of the listed sockets, each followed by its connections.
fn known_sockets(roster: &Roster) -> Vec<String> {
    let names = roster.roots().flat_map(|root| {
        std::iter::once(root.name.clone()).chain(roster.children(root.id).map(|child| roster.name(child.id)))
    });
    names.take(KNOWN_MAX).collect()
}

/// The addresses of the peers that are known, first without their ports.
fn known_peers(roster: &Roster) -> Vec<String> {
    let members = roster.roots().flat_map(|root| std::iter::once(root).chain(roster.children(root.id)));
    let addresses: Vec<_> =
        members.flat_map(|member| member.peer.iter().chain(member.peers.keys())).take(KNOWN_MAX).collect();
    let hosts = addresses.iter().filter_map(|address| Some(address.socket_address()?.ip().to_canonical().to_string()));
    let mut known: Vec<String> = hosts.collect();
    known.sort_unstable();
    known.dedup();
    known.extend(addresses.iter().filter(|address| address.port().is_some()).map(ToString::to_string));
    known.extend(addresses.iter().filter(|address| address.socket_address().is_none()).map(ToString::to_string));
    let mut seen = HashSet::new();
    known.retain(|name| name != "unnamed" && seen.insert(name.clone()));
    known
}

const fn none(_: &Roster) -> Vec<String> {
    Vec::new()
}

#[expect(clippy::unnecessary_wraps, reason = "the conditions of the table have one type; other keys have wrong values")]
fn sockets(values: &[Value], _: Timestamp) -> Result<Test, FilterError> {
    Ok(Test::Sockets(values.iter().map(|(value, _)| NamePattern::new(value)).collect()))
}

fn directions(values: &[Value], _: Timestamp) -> Result<Test, FilterError> {
    let mut kinds = Kinds::default();
    for (value, at) in values {
        kinds = kinds.with(match value.as_str() {
            "rx" => Kind::Received,
            "tx" => Kind::Sent,
            _ => return Err(FilterError::new(at.clone(), format!("no direction `{value}`; there are rx and tx"))),
        });
    }
    Ok(Test::Direction(kinds))
}

fn kinds(values: &[Value], _: Timestamp) -> Result<Test, FilterError> {
    let mut kinds = Kinds::default();
    for (value, at) in values {
        let kind = Kind::from_name(value).ok_or_else(|| {
            let known = Kind::ALL.map(Kind::name).join(", ");
            FilterError::new(at.clone(), format!("no kind `{value}`; there are {known}"))
        })?;
        kinds = kinds.with(kind);
    }
    Ok(Test::Kinds(kinds))
}

fn lengths(values: &[Value], _: Timestamp) -> Result<Test, FilterError> {
    each(values, |value, at| {
        length(value).ok_or_else(|| {
            let right = "100, >100, >=100, <100, <=4KiB, 10..20";
            FilterError::new(at.clone(), format!("`{value}` is no length; there are {right}"))
        })
    })
    .map(Test::Lengths)
}

fn length(value: &str) -> Option<RangeInclusive<u32>> {
    if let Some((from, to)) = value.split_once("..") {
        let from = if from.is_empty() { Some(0) } else { bytes_of(from) };
        let to = if to.is_empty() { Some(u32::MAX) } else { bytes_of(to) };
        return Some(from?..=to?).filter(|range| !range.is_empty());
    }
    let range = if let Some(rest) = value.strip_prefix(">=") {
        bytes_of(rest)?..=u32::MAX
    } else if let Some(rest) = value.strip_prefix('>') {
        bytes_of(rest)?.checked_add(1)?..=u32::MAX
    } else if let Some(rest) = value.strip_prefix("<=") {
        0..=bytes_of(rest)?
    } else if let Some(rest) = value.strip_prefix('<') {
        0..=bytes_of(rest)?.checked_sub(1)?
    } else {
        let exact = bytes_of(value)?;
        exact..=exact
    };
    Some(range)
}

/// `100`, `4KiB`, `2MiB`.
fn bytes_of(text: &str) -> Option<u32> {
    let (number, unit) = match (text.strip_suffix("KiB"), text.strip_suffix("MiB")) {
        (Some(number), _) => (number, 1 << 10),
        (_, Some(number)) => (number, 1 << 20),
        _ => (text, 1),
    };
    number.bytes().all(|digit| digit.is_ascii_digit()).then(|| number.parse::<u32>().ok()?.checked_mul(unit))?
}

fn texts(values: &[Value], _: Timestamp) -> Result<Test, FilterError> {
    each(values, |value, at| Needle::text(value).map_err(|error| error.within(value, at))).map(Test::Texts)
}

fn bytes(values: &[Value], _: Timestamp) -> Result<Test, FilterError> {
    each(values, |value, at| Needle::hex(value).map_err(|error| error.within(value, at))).map(Test::Bytes)
}

fn patterns(values: &[Value], _: Timestamp) -> Result<Test, FilterError> {
    each(values, |value, at| Needle::pattern(value).map_err(|error| error.within(value, at))).map(Test::Texts)
}

fn peers(values: &[Value], _: Timestamp) -> Result<Test, FilterError> {
    each(values, PeerPattern::new).map(|patterns| Test::Peers(Peers { patterns, met: HashSet::new() }))
}

fn times(values: &[Value], now: Timestamp) -> Result<Vec<Timestamp>, FilterError> {
    each(values, |value, at| moment(value, at, now))
}

fn each<T>(
    values: &[Value],
    read: impl Fn(&str, &Range<usize>) -> Result<T, FilterError>,
) -> Result<Vec<T>, FilterError> {
    values.iter().map(|(value, at)| read(value, at)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_they_are_meant() {
        for (value, range) in [
            ("0", 0..=0),
            (">100", 101..=u32::MAX),
            (">=100", 100..=u32::MAX),
            ("<100", 0..=99),
            ("<=4KiB", 0..=4096),
            ("10..20", 10..=20),
            ("10..", 10..=u32::MAX),
            ("..1MiB", 0..=1 << 20),
        ] {
            assert_eq!(length(value), Some(range), "{value}");
        }
        for value in ["", ">", "x", "+5", "-1", "20..10", "<0", "99999999999", "4GiB", "KiB"] {
            assert_eq!(length(value), None, "{value}");
        }
    }
}
