//! Patterns: what a message is held against, by rules and by the steps of scenarios.
//!
//! Owns whether bytes match, where, and what was captured, and the regular expressions of the whole program. Pure: it
//! knows no message but the one it is given, and no notation but that of regular expressions.

mod expression;

use std::ops::Range;

pub use expression::{Expression, GROUPS_MAX, SIZE_MAX, TEXT_MAX, Wrong};

/// How many steps may be taken at once where others wait for the thread: at worst 50 ms.
pub const STEPS_AT_ONCE: usize = 5_000_000;

/// What a message is held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Every message matches, an empty one too.
    Any,
    /// A message matches that has these bytes somewhere in it.
    Contains(Box<[u8]>),
    /// A message matches that has these bytes and no others.
    Equals(Box<[u8]>),
    /// A message matches in which this is found.
    Regex(Expression),
}

/// That bytes match: what matched, and what of it was captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match<'a> {
    /// Where in the bytes.
    pub at: Range<usize>,
    /// The bytes that matched, and then what each group of a regular expression captured, empty where it took no part.
    pub captures: Vec<&'a [u8]>,
}

impl Pattern {
    /// How many captures a match has, what matched included.
    #[must_use]
    pub fn captures(&self) -> usize {
        match self {
            Self::Regex(expression) => expression.captures_len(),
            Self::Any | Self::Contains(_) | Self::Equals(_) => 1,
        }
    }

    /// How many steps a byte of a message may take, about 10 ns each at worst; none where that is never long.
    #[must_use]
    pub fn weight(&self) -> usize {
        match self {
            Self::Regex(expression) => expression.weight(),
            Self::Any | Self::Contains(_) | Self::Equals(_) => 0,
        }
    }

    /// The first match in these bytes.
    #[must_use]
    pub fn find<'a>(&self, bytes: &'a [u8]) -> Option<Match<'a>> {
        let at = match self {
            Self::Any => 0..bytes.len(),
            Self::Equals(wanted) => (**wanted == *bytes).then_some(0..bytes.len())?,
            Self::Contains(wanted) => {
                let start = memchr::memmem::find(bytes, wanted)?;
                start..start + wanted.len()
            }
            Self::Regex(expression) => {
                return expression.captures(bytes).map(|(at, captures)| Match { at, captures });
            }
        };
        Some(Match { captures: vec![&bytes[at.clone()]], at })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found<'a>(pattern: &Pattern, bytes: &'a [u8]) -> Option<(Range<usize>, Vec<&'a [u8]>)> {
        pattern.find(bytes).map(|found| (found.at, found.captures))
    }

    #[test]
    fn a_regular_expression_captures_bytes() {
        let pattern = Pattern::Regex(Expression::capturing(r"(?s-u)GET (\S+)(\xff.)?( x)?$").unwrap());
        assert_eq!(pattern.captures(), 4);
        assert_eq!(found(&pattern, b"\0GET a\xfe"), Some((1..7, vec![&b"GET a\xfe"[..], b"a\xfe", b"", b""])));
        assert_eq!(found(&pattern, b"PUT a"), None);
    }

    proptest! {
        #[test]
        fn bytes_are_found_where_they_are(before: Vec<u8>, wanted: Vec<u8>, after: Vec<u8>) {
            let message = [&before[..], &wanted, &after].concat();
            let (at, captures) = found(&Pattern::Contains(wanted.clone().into()), &message).unwrap();
            prop_assert!(at.start <= before.len());
            prop_assert_eq!(&message[at], &wanted[..]);
            prop_assert_eq!(captures, [&wanted[..]]);
            let equal = Pattern::Equals(wanted.clone().into());
            prop_assert_eq!(equal.find(&message).is_some(), message == wanted);
            prop_assert_eq!(found(&Pattern::Any, &message), Some((0..message.len(), vec![&message[..]])));
        }
    }
}
