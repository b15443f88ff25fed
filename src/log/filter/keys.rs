//! The keys of the filter language: one row of a table each.
//!
//! Owns what values a key takes and what condition they become.

use std::ops::Range;

use super::FilterError;
use super::words::Words;
use crate::log::Kind;

/// A key: `socket:`.
#[derive(Debug)]
pub struct KeySpec {
    /// The name, without the colon.
    pub name: &'static str,
    /// What its values are, for a person.
    pub values: &'static str,
    /// An example, a valid filter.
    pub example: &'static str,
    condition: fn(&[Value]) -> Result<Test, FilterError>,
}

/// The keys that there are.
pub static KEYS: &[KeySpec] = &[
    KeySpec {
        name: "socket",
        values: "a socket's name, its connections included; `server#2` is one connection; `serv*` is what begins so",
        example: "socket:server",
        condition: sockets,
    },
    KeySpec { name: "dir", values: "rx or tx", example: "dir:rx", condition: directions },
    KeySpec {
        name: "kind",
        values: "opened, connected, accepted, received, sent, peer-closed, closed, failed, lost, call, rule or note",
        example: "kind:closed|failed",
        condition: kinds,
    },
];

/// A value as it is written, and where.
pub(super) type Value = (String, Range<usize>);

impl KeySpec {
    pub(super) fn parse(&self, values: &[Value]) -> Result<Test, FilterError> {
        (self.condition)(values)
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
    /// The text is in the message, or in the sentence of a row without one; in a timeline, also in what the step says.
    Words(Words),
    /// The socket has one of these names.
    Sockets(Vec<NamePattern>),
    /// The message went one of these ways.
    Direction(Kinds),
    /// The row is of one of these kinds.
    Kinds(Kinds),
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

#[expect(clippy::unnecessary_wraps, reason = "the conditions of the table have one type; other keys have wrong values")]
fn sockets(values: &[Value]) -> Result<Test, FilterError> {
    Ok(Test::Sockets(values.iter().map(|(value, _)| NamePattern::new(value)).collect()))
}

fn directions(values: &[Value]) -> Result<Test, FilterError> {
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

fn kinds(values: &[Value]) -> Result<Test, FilterError> {
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
