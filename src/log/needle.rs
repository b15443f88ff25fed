//! What is looked for in bytes: a text in whatever case, bytes with gaps, or a regular expression.
//!
//! Owns the notation that the filter's values and find share, and the search in one piece of bytes. It never knows of
//! rows.

use std::ops::Range;

use memchr::{memchr_iter, memchr2_iter};

use super::FilterError;
use crate::encoding::{Encoding, Reading};
use crate::pattern::{Expression, Wrong};

/// In fewer bytes than this, going from one first letter to the next is faster than setting up the search for all.
const SHORT: usize = 128;

/// Something to be found in bytes.
#[derive(Clone, Debug)]
pub struct Needle {
    expression: Expression,
    /// The text, where it is ASCII and there is nothing but a text.
    ascii: Option<Box<[u8]>>,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text,
    Bytes,
    Pattern,
}

impl Needle {
    /// Reads what a user looks for: `/pattern/` and `/pattern/i` are a regular expression, `hex:de ad ?? ef` bytes of
    /// which `??` may be any, and all else is a text, found in whatever case; within quotes it is a text in any case.
    ///
    /// # Errors
    /// When nothing is there to look for, or a pattern or the hex is wrong; the error says where.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        if let Some(hex) = text.strip_prefix("hex:") {
            let start = text.len() - hex.len();
            let inner = hex.strip_prefix('"').map_or(hex, |rest| rest.strip_suffix('"').unwrap_or(rest));
            let start = start + usize::from(inner.len() < hex.len());
            return Self::hex(inner).map_err(|error| error.shifted(start));
        }
        if delimited(text).is_some() {
            return Self::pattern(text);
        }
        let quoted = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        Self::text(quoted.filter(|quoted| !quoted.is_empty()).unwrap_or(text))
    }

    /// A text, in whatever case.
    ///
    /// # Errors
    /// When it is empty.
    pub(super) fn text(text: &str) -> Result<Self, FilterError> {
        if text.is_empty() {
            return Err(FilterError::new(0..0, "there is nothing to look for"));
        }
        // Where no other character folds to an ASCII one, the bytes need not be read as UTF-8.
        let flags = if text.is_ascii() { "(?i-u)" } else { "(?i)" };
        let expression = literal(&format!("{flags}{}", regex_syntax::escape(text)), text)?;
        let ascii = text.is_ascii().then(|| text.as_bytes().into());
        Ok(Self { expression, ascii, form: Form::Text })
    }

    /// Bytes as pairs of hex digits; `??` is any byte. Blanks, commas, colons and `0x` may stand between them.
    ///
    /// # Errors
    /// When something else is there, a pair is not whole, or there is none.
    pub(super) fn hex(text: &str) -> Result<Self, FilterError> {
        let mut pattern = "(?s-u)".to_owned();
        let none = pattern.len();
        let mut at = 0;
        while let Some(first) = text[at..].chars().next() {
            let pair = text.get(at..at + 2).unwrap_or_default();
            if pair == "??" {
                pattern.push('.');
                at += 2;
            } else if pair.eq_ignore_ascii_case("0x") || first.is_whitespace() || matches!(first, ',' | ':') {
                at += if first == '0' { 2 } else { first.len_utf8() };
            } else if pair.bytes().all(|byte| byte.is_ascii_hexdigit()) && !pair.is_empty() {
                pattern.push_str("\\x");
                pattern.push_str(pair);
                at += 2;
            } else if first.is_ascii_hexdigit() || first == '?' {
                return Err(FilterError::new(at..at + 1, "half a byte; a byte is two hex digits, or `??` for any"));
            } else {
                let wrong = at..at + first.len_utf8();
                return Err(FilterError::new(wrong, format!("`{first}` is no hex digit; `??` is any byte")));
            }
        }
        if pattern.len() == none {
            return Err(FilterError::new(0..text.len(), "there are no bytes to look for"));
        }
        Ok(Self { expression: literal(&pattern, text)?, ascii: None, form: Form::Bytes })
    }

    /// A regular expression in the syntax of the `regex` crate, alone or as `/pattern/` or `/pattern/i`. It sees UTF-8
    /// as characters, and after `(?-u)` bytes.
    ///
    /// # Errors
    /// When it is none; the error says where in `text`.
    pub(super) fn pattern(text: &str) -> Result<Self, FilterError> {
        let (pattern, start, insensitive) = match delimited(text) {
            Some((pattern, insensitive)) => (pattern, 1, insensitive),
            None if text.starts_with('/') => return Err(unclosed(text)),
            None => (text, 0, false),
        };
        if pattern.is_empty() {
            return Err(FilterError::new(start..start, "there is no pattern"));
        }
        let wrong = |(at, why): Wrong| FilterError::new(at, why).shifted(start);
        let expression = Expression::new(pattern, insensitive).map_err(wrong)?;
        Ok(Self { expression, ascii: None, form: Form::Pattern })
    }

    /// True for what is looked for in bytes alone, and not in what a row tells.
    pub(super) const fn is_bytes(&self) -> bool {
        matches!(self.form, Form::Bytes)
    }

    /// True for what is found or not whatever stands around it, as a pattern with `^` is not.
    pub(super) const fn is_literal(&self) -> bool {
        !matches!(self.form, Form::Pattern)
    }

    /// How many sixteenths of a step a byte takes, a step being the look at a state. A short text is looked for as fast
    /// as memory is read; a pattern may have all its states looked at.
    pub(super) fn weight(&self) -> usize {
        if self.is_literal() && self.expression.as_str().len() < 1024 {
            return 1;
        }
        self.expression.weight().saturating_mul(16)
    }

    /// Whether it is in there.
    #[must_use]
    pub fn is_in(&self, haystack: &[u8]) -> bool {
        match &self.ascii {
            Some(text) if haystack.len() < SHORT => contains_ascii(haystack, text),
            _ => self.expression.is_in(haystack),
        }
    }

    /// Whether it is in a message whose text is in this encoding: a text, or what a pattern matches, among its
    /// characters.
    #[must_use]
    pub fn is_in_text(&self, message: &[u8], encoding: Encoding) -> bool {
        if encoding.is_utf8() || self.is_bytes() {
            return self.is_in(message);
        }
        // A pattern may name bytes as well.
        self.form == Form::Pattern && self.is_in(message)
            || match encoding.text_of(message) {
                Some(text) => self.is_in(text.as_bytes()),
                None => self.is_in(Characters::of(message, &Reading::alone(encoding)).text.as_bytes()),
            }
    }

    /// Where it is in a message that is read so, each time.
    #[must_use]
    pub fn places_in_text(&self, message: &[u8], reading: &Reading) -> Vec<Range<usize>> {
        if reading.encoding().is_utf8() || self.is_bytes() {
            return self.find_iter(message).collect();
        }
        let characters = Characters::of(message, reading);
        let places: Vec<_> =
            self.find_iter(characters.text.as_bytes()).map(|place| characters.bytes_of(&place)).collect();
        if places.is_empty() && self.form == Form::Pattern { self.find_iter(message).collect() } else { places }
    }

    /// The first place in there that begins at this byte or after it.
    pub(super) fn find_from(&self, haystack: &[u8], at: usize) -> Option<Range<usize>> {
        self.expression.find_at(haystack, at)
    }

    /// Where it is in there, each time. A pattern may be found at places of no length.
    pub fn find_iter<'a>(&'a self, haystack: &'a [u8]) -> impl Iterator<Item = Range<usize>> + 'a {
        self.expression.find_iter(haystack)
    }
}

/// The characters of a message, and the bytes that each of them has.
struct Characters {
    text: String,
    /// Where a character begins in the text, and where in the message; and both ends.
    starts: Vec<(usize, usize)>,
}

impl Characters {
    fn of(message: &[u8], reading: &Reading) -> Self {
        let (mut text, mut starts, mut at) = (String::new(), Vec::new(), 0);
        for piece in reading.pieces(message) {
            starts.push((text.len(), at));
            match piece.chars[0] {
                Some(_) => text.extend(piece.chars.into_iter().flatten()),
                None => text.push(char::REPLACEMENT_CHARACTER),
            }
            at += piece.len;
        }
        starts.push((text.len(), at));
        Self { text, starts }
    }

    fn bytes_of(&self, place: &Range<usize>) -> Range<usize> {
        let first = self.starts.partition_point(|(text, _)| *text <= place.start).saturating_sub(1);
        let last = self.starts.partition_point(|(text, _)| *text < place.end).min(self.starts.len() - 1);
        self.starts[first].1..self.starts[last].1.max(self.starts[first].1)
    }
}

/// The pattern between slashes, and whether case does not matter; `None` for a text that is not written so.
fn delimited(text: &str) -> Option<(&str, bool)> {
    let (rest, insensitive) = match text.strip_suffix("/i") {
        Some(rest) => (rest, true),
        None => (text.strip_suffix('/')?, false),
    };
    let pattern = rest.strip_prefix('/')?;
    // A slash after an odd number of backslashes is one of the pattern's.
    let escaped = pattern.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1;
    (!pattern.is_empty() && !escaped).then_some((pattern, insensitive))
}

fn unclosed(text: &str) -> FilterError {
    match text.rfind('/') {
        Some(0) => FilterError::new(0..text.len(), "the pattern is not closed with `/`"),
        Some(_) if text == "//" => FilterError::new(1..1, "there is no pattern"),
        Some(slash) if !text[slash + 1..].is_empty() => FilterError::new(
            slash + 1..text.len(),
            format!("no flag `{}`; there is `i`, for any case", &text[slash + 1..]),
        ),
        _ => FilterError::new(0..text.len(), "the pattern is not closed with `/`"),
    }
}

/// What finds a text or bytes, which a user wrote in a shorter way than this pattern.
fn literal(pattern: &str, text: &str) -> Result<Expression, FilterError> {
    let too_long = |_| FilterError::new(0..text.len(), "what is looked for is too long");
    Expression::of(pattern, false).map_err(too_long)
}

fn contains_ascii(bytes: &[u8], wanted: &[u8]) -> bool {
    let Some((&first, rest)) = wanted.split_first() else { return true };
    let Some(last_start) = bytes.len().checked_sub(wanted.len()) else { return false };
    let starts = &bytes[..=last_start];
    let found = |at: usize| bytes[at + 1..][..rest.len()].eq_ignore_ascii_case(rest);
    if first.is_ascii_alphabetic() {
        memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), starts).any(found)
    } else {
        memchr_iter(first, starts).any(found)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn places(needle: &str, haystack: &[u8]) -> Vec<(usize, usize)> {
        Needle::parse(needle).unwrap().find_iter(haystack).map(|place| (place.start, place.end)).collect()
    }

    #[test]
    fn one_notation_has_three_kinds() {
        assert_eq!(places("LogIn", b"a login, a LOGIN"), [(2, 7), (11, 16)]);
        assert_eq!(places("\"/a/\"", b"x/a/"), [(1, 4)]);
        assert_eq!(places("/api/v1", b"GET /api/v1"), [(4, 11)]);
        assert_eq!(places("hex:de ?? EF", b"\xde\x0a\xef\xff"), [(0, 3)]);
        assert_eq!(places("hex:\"0xde,??:ef\"", b"\xde\n\xef"), [(0, 3)]);
        assert_eq!(places("/^h\\/+/", b"h// h/"), [(0, 3)]);
        assert_eq!(places("/^H/i", b"hh"), [(0, 1)]);
        assert_eq!(places("/(?-u)\\xff./", b"\xff\xfe1\xffa"), [(0, 2), (3, 5)]);
        assert_eq!(places("\u{e4}", "\u{c4}\u{e4}".as_bytes()), [(0, 2), (2, 4)]);
    }

    #[test]
    fn a_text_is_found_among_the_characters_of_its_encoding() {
        for (name, text) in
            [("gbk", "a \u{767b}\u{5f55} Login"), ("shift_jis", "\u{30bd}a"), ("utf-16le", "login \u{e4}")]
        {
            let encoding = Encoding::named(name).unwrap();
            let message = encoding.encode(text).unwrap();
            for (at, c) in text.char_indices().filter(|(_, c)| *c != ' ') {
                let needle = Needle::parse(&c.to_string()).unwrap();
                assert!(needle.is_in_text(&message, encoding), "{c} in {name}");
                let start = encoding.encode(&text[..at]).unwrap().len();
                let place = start..start + encoding.encode(&c.to_string()).unwrap().len();
                assert!(needle.places_in_text(&message, &Reading::alone(encoding)).contains(&place), "{c} in {name}");
            }
        }
        let gbk = Encoding::named("gbk").unwrap();
        // The second byte of a character is no letter.
        assert!(!Needle::parse("a").unwrap().is_in_text(b"\x8ea", gbk));
        // What is broken does not hide the rest, and a pattern sees characters and bytes.
        assert!(Needle::parse("b").unwrap().is_in_text(b"\xff\x20b", gbk));
        assert!(Needle::parse("/^.\u{5f55}$/").unwrap().is_in_text(&gbk.encode("\u{767b}\u{5f55}").unwrap(), gbk));
        assert!(Needle::parse("/(?-u)\\xff/").unwrap().is_in_text(b"\xff", gbk));
        assert!(Needle::parse("hex:8e").unwrap().is_in_text(b"\x8ea", gbk));
    }

    #[test]
    fn an_error_is_at_its_place() {
        for (needle, at) in [
            ("", 0..0),
            ("hex:de a", 7..8),
            ("hex:de?", 6..7),
            ("hex:\"de zz\"", 8..9),
            ("hex: ", 4..5),
            ("/a(b/", 2..3),
            ("/a**[/", 4..5),
        ] {
            assert_eq!(Needle::parse(needle).unwrap_err().at, at, "{needle}");
        }
        for (pattern, at) in [("/ab", 0..3), ("/ab/x", 4..5), ("//", 1..1), ("a[", 1..2)] {
            assert_eq!(Needle::pattern(pattern).unwrap_err().at, at, "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn a_text_is_found_where_the_lower_case_texts_say(
            text in "[aAbBk \u{e4}\u{c4}]{0,12}",
            words in "[aAbBk\u{e4}\u{c4}]{1,3}",
            long in any::<bool>(),
        ) {
            let padding = if long { SHORT } else { 0 };
            let haystack = format!("{text}{}", ".".repeat(padding));
            let needle = Needle::text(&words).unwrap();
            let wanted = text.to_lowercase().contains(&words.to_lowercase());
            prop_assert_eq!(needle.is_in(haystack.as_bytes()), wanted);
            prop_assert_eq!(needle.find_iter(haystack.as_bytes()).count() > 0, wanted);
        }

        #[test]
        fn any_text_is_a_needle_or_an_error_at_a_place_in_it(text in r#"(hex:|[/\\()\[a-f?"i*]|.){0,10}"#) {
            for needle in [Needle::parse(&text), Needle::pattern(&text), Needle::hex(&text)] {
                if let Err(error) = needle {
                    prop_assert!(text.get(error.at.clone()).is_some(), "{:?} of {:?}", error, text);
                }
            }
        }
    }
}
