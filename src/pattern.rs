//! Patterns: what a message is held against, by rules and by the steps of scenarios.
//!
//! Owns whether bytes match, where, and what was captured. Pure: it knows no message but the one it is given, and no
//! notation but that of regular expressions.

use std::ops::Range;

use regex::bytes::{Regex, RegexBuilder};

/// The most memory that a compiled regular expression may take up, in bytes.
const REGEX_SIZE: usize = 1 << 20;

/// What a message is held against.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// Every message matches, an empty one too.
    Any,
    /// A message matches that has these bytes somewhere in it.
    Contains(Box<[u8]>),
    /// A message matches that has these bytes and no others.
    Equals(Box<[u8]>),
    /// A message matches in which this is found.
    Regex(Regex),
}

/// That bytes match: what matched, and what of it was captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match<'a> {
    /// Where in the bytes.
    pub at: Range<usize>,
    /// The bytes that matched, and then what each group of a regular expression captured, empty where it took no part.
    pub captures: Vec<&'a [u8]>,
}

/// Equal when they are written alike.
impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, Self::Any) => true,
            (Self::Contains(one), Self::Contains(other)) | (Self::Equals(one), Self::Equals(other)) => one == other,
            (Self::Regex(one), Self::Regex(other)) => one.as_str() == other.as_str(),
            _ => false,
        }
    }
}

impl Eq for Pattern {}

impl Pattern {
    /// A regular expression over bytes, in the syntax of the `regex` crate. `(?-u)` in it takes bytes for characters.
    ///
    /// # Errors
    /// What is wrong in it, as one sentence without a full stop, and where, in bytes.
    pub fn regex(text: &str) -> Result<Self, (Range<usize>, String)> {
        if let Err(error) = regex_syntax::ParserBuilder::new().utf8(false).build().parse(text) {
            let (at, what) = match &error {
                regex_syntax::Error::Parse(error) => (error.span(), error.kind().to_string()),
                regex_syntax::Error::Translate(error) => (error.span(), error.kind().to_string()),
                _ => return Err((0..text.len(), "no regular expression".to_owned())),
            };
            return Err((at.start.offset..at.end.offset, what));
        }
        match RegexBuilder::new(text).size_limit(REGEX_SIZE).build() {
            Ok(regex) => Ok(Self::Regex(regex)),
            Err(_) => Err((
                0..text.len(),
                "the regular expression is too large once its repetitions are written out".to_owned(),
            )),
        }
    }

    /// How many captures a match has, what matched included.
    #[must_use]
    pub fn captures(&self) -> usize {
        match self {
            Self::Regex(regex) => regex.captures_len(),
            Self::Any | Self::Contains(_) | Self::Equals(_) => 1,
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
            Self::Regex(regex) => {
                let found = regex.captures(bytes)?;
                let whole = found.get_match();
                let captures = found.iter().map(|group| group.map_or(&b""[..], |group| group.as_bytes())).collect();
                return Some(Match { at: whole.range(), captures });
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
        let pattern = Pattern::regex(r"(?s-u)GET (\S+)(\xff.)?( x)?$").unwrap();
        assert_eq!(pattern.captures(), 4);
        assert_eq!(found(&pattern, b"\0GET a\xfe"), Some((1..7, vec![&b"GET a\xfe"[..], b"a\xfe", b"", b""])));
        assert_eq!(found(&pattern, b"PUT a"), None);
    }

    #[test]
    fn what_is_wrong_in_a_regular_expression_is_told_at_its_place() {
        let error = |text| Pattern::regex(text).unwrap_err();
        assert_eq!(error("ab(c"), (2..3, "unclosed group".to_owned()));
        assert_eq!(error("é[z-a]"), (3..6, "invalid character class range, the start must be <= the end".to_owned()));
        assert!(error("(a{1000}){1000}").1.contains("too large"));
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
