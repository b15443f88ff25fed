//! The three ways to write bytes down: as text, as text with escapes, as hex digits.
//!
//! Owns reading and showing them, which are inverses, in every encoding. What is not written by the rules is an error.

use std::fmt::{self, Write};
use std::ops::Range;

use crate::encoding::Encoding;

/// How a draft is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The text itself.
    Text,
    /// Text with `\r \n \t \0 \\ \xHH \u{H..} \{`, and hex blocks `\h(DE AD)`.
    Escaped,
    /// Pairs of hex digits; blanks, commas, colons and `0x` may stand between them.
    Hex,
}

impl Mode {
    /// The mode after this one, in the order text, escaped, hex, and text again.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Text => Self::Escaped,
            Self::Escaped => Self::Hex,
            Self::Hex => Self::Text,
        }
    }

    /// Its name in titles, profiles and messages: `text`, `escaped` or `hex`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Escaped => "escaped",
            Self::Hex => "hex",
        }
    }
}

/// Why a text is not a payload, or why bytes have no such text; and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotationError {
    /// From [`parse`], the bytes of the text that are wrong, on character boundaries and never empty. From [`show`],
    /// the bytes of the payload that can't be shown.
    pub at: Range<usize>,
    /// What is wrong and at which character (of the text) or byte (of the payload), counted from 1: `odd digit at 5`.
    pub message: String,
}

impl fmt::Display for NotationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for NotationError {}

/// The bytes that a text stands for, in UTF-8.
///
/// # Errors
/// When the text is not written by the rules of the mode. Nothing is guessed. Text mode takes every text.
pub fn parse(mode: Mode, text: &str) -> Result<Vec<u8>, NotationError> {
    parse_in(mode, text, Encoding::UTF_8)
}

/// The bytes that a text stands for: its characters in this encoding, `\xHH` and hex blocks as they are.
///
/// # Errors
/// As [`parse`], and when the encoding lacks a character, or would read it back as another.
pub fn parse_in(mode: Mode, text: &str, encoding: Encoding) -> Result<Vec<u8>, NotationError> {
    match mode {
        Mode::Text => {
            let mut bytes = Vec::with_capacity(text.len());
            encode(text, 0..text.len(), encoding, &mut bytes)?;
            Ok(bytes)
        }
        Mode::Escaped => parse_escaped(text, encoding),
        Mode::Hex => {
            let mut bytes = Vec::with_capacity(text.len() / 2);
            parse_hex(text, 0..text.len(), &mut bytes)?;
            Ok(bytes)
        }
    }
}

/// A text that stands for these bytes in UTF-8: [`parse`] of it gives them back.
///
/// # Errors
/// Text mode refuses what is not UTF-8, and control characters other than a newline. The others show every byte.
pub fn show(mode: Mode, bytes: &[u8]) -> Result<String, NotationError> {
    show_in(mode, bytes, Encoding::UTF_8)
}

/// A text that stands for these bytes in this encoding: [`parse_in`] of it gives them back.
///
/// # Errors
/// Text mode refuses what is no text in the encoding, or that the encoding would write otherwise, and control characters
/// other than a newline. The others show every byte.
pub fn show_in(mode: Mode, bytes: &[u8], encoding: Encoding) -> Result<String, NotationError> {
    match mode {
        Mode::Text => show_text(bytes, encoding),
        Mode::Escaped => Ok(show_escaped(bytes, encoding)),
        Mode::Hex => Ok(show_hex(bytes)),
    }
}

/// What is done for the name between two braces and two braces, which stand in the text at that place, with the bytes
/// since the last.
pub(super) type OnTemplate<'a> = dyn FnMut(&str, Range<usize>, &mut Vec<u8>) -> Result<(), NotationError> + 'a;

/// Reads escaped text up to its end, with `on_template` for each template in it; gives the bytes behind the last.
///
/// # Errors
/// As [`parse_in`], and those of `on_template`.
pub(super) fn parse_pieces(
    text: &str,
    encoding: Encoding,
    on_template: &mut OnTemplate<'_>,
) -> Result<Vec<u8>, NotationError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(offset) = text[at..].find(['\\', '{']) {
        encode(text, at..at + offset, encoding, &mut bytes)?;
        at += offset;
        at = if text[at..].starts_with('\\') {
            parse_escape(text, at, encoding, &mut bytes)?
        } else if text[at..].starts_with("{{") && !text[at..].starts_with("{{{") {
            let Some(length) = text[at..].find("}}") else {
                return Err(error(text, at..text.len(), "unclosed {{ (a literal brace is \\{),"));
            };
            let end = at + length + 2;
            on_template(text[at + 2..at + length].trim(), at..end, &mut bytes)?;
            end
        } else {
            encode(text, at..at + 1, encoding, &mut bytes)?;
            at + 1
        };
    }
    encode(text, at..text.len(), encoding, &mut bytes)?;
    Ok(bytes)
}

/// An error whose message ends in the position of its first character.
pub(super) fn error(text: &str, at: Range<usize>, what: impl fmt::Display) -> NotationError {
    let position = text[..at.start].chars().count() + 1;
    NotationError { at, message: format!("{what} at {position}") }
}

fn char_at(text: &str, at: usize) -> Option<char> {
    text[at..].chars().next()
}

/// Adds the bytes of a part of the text.
fn encode(text: &str, part: Range<usize>, encoding: Encoding, bytes: &mut Vec<u8>) -> Result<(), NotationError> {
    let inner = &text[part.clone()];
    let encoded = encoding.encode(inner).map_err(|wrong| {
        let at = part.start + wrong.start..part.start + wrong.end;
        let c = char_at(inner, wrong.start).map(quoted).unwrap_or_default();
        error(text, at, format_args!("{c} is no character of {encoding},"))
    })?;
    bytes.extend_from_slice(&encoded);
    Ok(())
}

fn parse_escaped(text: &str, encoding: Encoding) -> Result<Vec<u8>, NotationError> {
    parse_pieces(text, encoding, &mut |_, at, _| {
        Err(error(text, at, "a template is filled in only when it is sent (a literal brace is \\{),"))
    })
}

/// Reads the escape whose backslash is at `start`; gives the place after it.
fn parse_escape(text: &str, start: usize, encoding: Encoding, bytes: &mut Vec<u8>) -> Result<usize, NotationError> {
    let Some(letter) = char_at(text, start + 1) else {
        return Err(error(text, start..text.len(), "lone backslash"));
    };
    let after = start + 1 + letter.len_utf8();
    let c = match letter {
        'r' => '\r',
        'n' => '\n',
        't' => '\t',
        '0' => '\0',
        '\\' | '{' => letter,
        'x' => return parse_byte_escape(text, start, after, bytes),
        'u' => return parse_scalar_escape(text, start, after, encoding, bytes),
        'h' => return parse_hex_block(text, start, after, bytes),
        _ => return Err(error(text, start..after, format_args!("unknown escape \\{letter}"))),
    };
    put_scalar(text, start..after, c, encoding, bytes)?;
    Ok(after)
}

/// Adds the bytes of a character that stands as an escape at `at`.
fn put_scalar(
    text: &str,
    at: Range<usize>,
    c: char,
    encoding: Encoding,
    bytes: &mut Vec<u8>,
) -> Result<(), NotationError> {
    let encoded = encoding
        .encode(c.encode_utf8(&mut [0; 4]))
        .map_err(|_| error(text, at, format_args!("U+{:04X} is no character of {encoding},", u32::from(c))))?;
    bytes.extend_from_slice(&encoded);
    Ok(())
}

/// `\xHH`, from its digits on.
fn parse_byte_escape(text: &str, start: usize, digits: usize, bytes: &mut Vec<u8>) -> Result<usize, NotationError> {
    let mut value = 0;
    let mut at = digits;
    for _ in 0..2 {
        let Some(digit) = char_at(text, at).and_then(hex_value) else {
            return Err(error(text, start..at, "\\x needs two hex digits"));
        };
        value = value << 4 | digit;
        at += 1;
    }
    bytes.push(value);
    Ok(at)
}

/// `\u{H..}`, from its brace on.
fn parse_scalar_escape(
    text: &str,
    start: usize,
    brace: usize,
    encoding: Encoding,
    bytes: &mut Vec<u8>,
) -> Result<usize, NotationError> {
    let digits = text[brace..].strip_prefix('{').map(|rest| {
        let length = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
        &rest[..length]
    });
    let Some(digits) = digits.filter(|digits| !digits.is_empty()) else {
        return Err(error(text, start..brace, "\\u needs hex digits in braces, such as \\u{e9},"));
    };
    let end = brace + 1 + digits.len();
    if !text[end..].starts_with('}') {
        return Err(error(text, start..end, "unclosed \\u{"));
    }
    let scalar = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
    let Some(scalar) = scalar else {
        return Err(error(text, start..end + 1, format_args!("no character U+{digits}")));
    };
    put_scalar(text, start..end + 1, scalar, encoding, bytes)?;
    Ok(end + 1)
}

/// `\h(...)`, from its parenthesis on.
fn parse_hex_block(text: &str, start: usize, open: usize, bytes: &mut Vec<u8>) -> Result<usize, NotationError> {
    if !text[open..].starts_with('(') {
        return Err(error(text, start..open, "\\h needs hex digits in parentheses, such as \\h(DE AD),"));
    }
    let Some(length) = text[open..].find(')') else {
        return Err(error(text, start..text.len(), "unclosed \\h("));
    };
    parse_hex(text, open + 1..open + length, bytes)?;
    Ok(open + length + 1)
}

/// Reads the pairs of hex digits in a part of the text.
fn parse_hex(text: &str, part: Range<usize>, bytes: &mut Vec<u8>) -> Result<(), NotationError> {
    let inner = &text[..part.end];
    let mut at = part.start;
    while let Some(first) = char_at(inner, at) {
        if first.is_whitespace() || matches!(first, ',' | ':') {
            at += first.len_utf8();
            continue;
        }
        if let Some("0x" | "0X") = inner.get(at..at + 2) {
            if !char_at(inner, at + 2).is_some_and(|digit| digit.is_ascii_hexdigit()) {
                return Err(error(text, at..at + 2, "no byte after 0x"));
            }
            at += 2;
            // The prefix stands once: what follows must be a pair, which `0x` is not.
            if let Some("0x" | "0X") = inner.get(at..at + 2) {
                return Err(error(text, at..at + 2, "0x twice"));
            }
            continue;
        }
        let end = at + first.len_utf8();
        let Some(high) = hex_value(first) else {
            return Err(error(text, at..end, format_args!("{} is no hex digit,", quoted(first))));
        };
        match char_at(inner, end) {
            Some(second) if let Some(low) = hex_value(second) => bytes.push(high << 4 | low),
            Some(second) if !second.is_whitespace() && !matches!(second, ',' | ':') => {
                let what = format!("{} is no hex digit,", quoted(second));
                return Err(error(text, end..end + second.len_utf8(), what));
            }
            _ => return Err(error(text, at..end, "odd digit")),
        }
        at = end + 1;
    }
    Ok(())
}

fn hex_value(digit: char) -> Option<u8> {
    digit.to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// A character as a message can hold it.
fn quoted(c: char) -> String {
    format!("`{}`", c.escape_debug())
}

fn show_text(bytes: &[u8], encoding: Encoding) -> Result<String, NotationError> {
    let refused = |at: Range<usize>, what: String, why: &str| {
        let message = format!("{what} at {} {why}", at.start + 1);
        NotationError { at, message }
    };
    let (mut text, mut at) = (String::with_capacity(bytes.len()), 0);
    for piece in encoding.pieces(bytes) {
        let range = at..at + piece.len;
        at = range.end;
        match piece.chars.iter().flatten().find(|c| c.is_control() && **c != '\n') {
            Some(&c) => {
                let what = if c.is_ascii() { format!("byte {:02x}", c as u32) } else { format!("U+{:04X}", c as u32) };
                return Err(refused(range, what, "can't be typed as text"));
            }
            // What switches to other characters is written by the encoder.
            None if piece.chars[0].is_none() && !encoding.switches() => {
                let name = if encoding.is_utf8() { "UTF-8".to_owned() } else { encoding.name() };
                return Err(refused(
                    range.clone(),
                    format!("byte {:02x}", bytes[range.start]),
                    &format!("is not {name}"),
                ));
            }
            None => text.extend(piece.chars.iter().flatten()),
        }
    }
    if encoding.encode(&text).is_ok_and(|encoded| encoded == bytes) {
        Ok(text)
    } else {
        Err(refused(0..bytes.len(), "the text that begins".to_owned(), &format!("has other bytes in {encoding}")))
    }
}

fn show_escaped(bytes: &[u8], encoding: Encoding) -> String {
    let (mut text, mut at) = (String::with_capacity(bytes.len()), 0);
    let mut pieces = encoding.pieces(bytes).peekable();
    while let Some(piece) = pieces.next() {
        let own = &bytes[at..at + piece.len];
        at += piece.len;
        let next = pieces.peek().and_then(|piece| piece.chars[0]);
        match piece.chars {
            [Some(c), None] if writes(encoding, c, own) => escape(c, next, encoding, &mut text),
            [None, _] if encoding.switches() && piece.len == 3 => {}
            // Writing into a string never fails.
            _ => own.iter().for_each(|byte| _ = write!(text, "\\x{byte:02x}")),
        }
    }
    if !encoding.switches() || parse_escaped(&text, encoding).is_ok_and(|parsed| parsed == bytes) {
        return text;
    }
    // What switches was switched otherwise than the encoder does.
    format!("\\h({})", show_hex(bytes))
}

/// Whether the encoding writes this character as these bytes. Of one that switches, the whole text tells.
fn writes(encoding: Encoding, c: char, bytes: &[u8]) -> bool {
    encoding.is_utf8()
        || encoding.switches()
        || encoding.encode(c.encode_utf8(&mut [0; 4])).is_ok_and(|encoded| encoded == bytes)
}

/// Adds a character, or the escape that stands for it.
fn escape(c: char, next: Option<char>, encoding: Encoding, text: &mut String) {
    match c {
        '\r' => text.push_str("\\r"),
        '\n' => text.push_str("\\n"),
        '\t' => text.push_str("\\t"),
        '\0' => text.push_str("\\0"),
        '\\' => text.push_str("\\\\"),
        // Two braces open a template; one is itself.
        '{' if next == Some('{') => text.push_str("\\{"),
        c if c.is_ascii_control() && encoding.keeps_ascii_apart() => _ = write!(text, "\\x{:02x}", c as u32),
        c if c.is_control() => _ = write!(text, "\\u{{{:X}}}", c as u32),
        c => text.push(c),
    }
}

fn show_hex(bytes: &[u8]) -> String {
    let pairs: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_and_blocks() {
        let table: [(&str, &[u8]); 12] = [
            ("", b""),
            ("PING\\r\\n", b"PING\r\n"),
            ("\\0\\t\\\\\\{", b"\0\t\\{"),
            ("\\x00\\xfF", &[0, 0xff]),
            ("\\u{e9}\\u{1F600}", "\u{e9}\u{1f600}".as_bytes()),
            ("a\\h(DE AD be,ef 0x01)z", &[b'a', 0xde, 0xad, 0xbe, 0xef, 1, b'z']),
            ("\\h()", b""),
            ("two\nlines", b"two\nlines"),
            ("{\"a\":{\"b\":1}}", b"{\"a\":{\"b\":1}}"),
            ("\\{{name}}", b"{{name}}"),
            ("\\01", b"\x001"),
            ("\\xe2\\x82\u{e9}", &[0xe2, 0x82, 0xc3, 0xa9]),
        ];
        for (text, bytes) in table {
            assert_eq!(parse(Mode::Escaped, text).as_deref(), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn hex_with_all_its_separators() {
        let table: [(&str, &[u8]); 8] = [
            ("", b""),
            (" \n", b""),
            ("DEADbeef", &[0xde, 0xad, 0xbe, 0xef]),
            ("de ad\nbe\tef", &[0xde, 0xad, 0xbe, 0xef]),
            ("de:ad,be, ef", &[0xde, 0xad, 0xbe, 0xef]),
            ("0xde, 0XAD", &[0xde, 0xad]),
            ("0xdead", &[0xde, 0xad]),
            ("de0xad", &[0xde, 0xad]),
        ];
        for (text, bytes) in table {
            assert_eq!(parse(Mode::Hex, text).as_deref(), Ok(bytes), "{text:?}");
        }
    }

    #[test]
    fn errors_say_what_and_where() {
        use Mode::{Escaped, Hex};
        let table = [
            (Hex, "de ad", None),
            (Hex, "dead0", Some((4..5, "odd digit at 5"))),
            (Hex, "d e", Some((0..1, "odd digit at 1"))),
            (Hex, "0x", Some((0..2, "no byte after 0x at 1"))),
            (Hex, "0x0x01", Some((2..4, "0x twice at 3"))),
            (Hex, "de zz", Some((3..4, "`z` is no hex digit, at 4"))),
            (Hex, "\u{e9}", Some((0..2, "`\u{e9}` is no hex digit, at 1"))),
            (Hex, "e\u{e9}", Some((1..3, "`\u{e9}` is no hex digit, at 2"))),
            (Escaped, "ab\\", Some((2..3, "lone backslash at 3"))),
            (Escaped, "\u{e9}\\q", Some((2..4, "unknown escape \\q at 2"))),
            (Escaped, "\\x4", Some((0..3, "\\x needs two hex digits at 1"))),
            (Escaped, "\\u{}", Some((0..2, "\\u needs hex digits in braces, such as \\u{e9}, at 1"))),
            (Escaped, "\\u{e9", Some((0..5, "unclosed \\u{ at 1"))),
            (Escaped, "\\u{d800}", Some((0..8, "no character U+d800 at 1"))),
            (Escaped, "\\u{fffffffff}", Some((0..13, "no character U+fffffffff at 1"))),
            (Escaped, "a\\h(01", Some((1..6, "unclosed \\h( at 2"))),
            (Escaped, "\\h01", Some((0..2, "\\h needs hex digits in parentheses, such as \\h(DE AD), at 1"))),
            (Escaped, "\u{e9}\\h(01 2)", Some((8..9, "odd digit at 8"))),
        ];
        for (mode, text, wanted) in table {
            let got = parse(mode, text).err().map(|error| (error.at, error.message));
            assert_eq!(got, wanted.map(|(at, message)| (at, message.to_owned())), "{text}");
        }
        let templates = parse(Escaped, "hi {{name}}").unwrap_err();
        assert_eq!(templates.at, 3..11);
        assert!(templates.to_string().contains("only when it is sent"), "{templates}");
    }

    #[test]
    fn text_is_in_the_encoding_and_bytes_are_bytes() {
        let (gbk, wide) = (Encoding::named("gbk").unwrap(), Encoding::named("utf-16le").unwrap());
        assert_eq!(parse_in(Mode::Text, "\u{4f60}", gbk).unwrap(), b"\xc4\xe3");
        assert_eq!(parse_in(Mode::Escaped, "\u{4f60}\\xff\\u{597d}\\n", gbk).unwrap(), b"\xc4\xe3\xff\xba\xc3\n");
        assert_eq!(parse_in(Mode::Escaped, "a\\n\\x41", wide).unwrap(), b"a\0\n\0A");
        let lacks = parse_in(Mode::Text, "ab\u{1f600}", gbk).unwrap_err();
        assert_eq!((lacks.at, lacks.message.as_str()), (2..6, "`\u{1f600}` is no character of gbk, at 3"));
        let lacks = parse_in(Mode::Escaped, "ab\\u{1f600}", gbk).unwrap_err();
        assert_eq!((lacks.at, lacks.message.as_str()), (2..11, "U+1F600 is no character of gbk, at 3"));
    }

    #[test]
    fn text_refuses_what_could_not_be_typed() {
        assert_eq!(show(Mode::Text, "a\n\u{e9}".as_bytes()).as_deref(), Ok("a\n\u{e9}"));
        let table: [(&[u8], Range<usize>, &str); 4] = [
            (b"ab\0", 2..3, "byte 00 at 3 can't be typed as text"),
            (b"\xff", 0..1, "byte ff at 1 is not UTF-8"),
            (b"a\xe2\x82", 1..3, "byte e2 at 2 is not UTF-8"),
            (b"a\xc2\x85", 1..3, "U+0085 at 2 can't be typed as text"),
        ];
        for (bytes, at, message) in table {
            assert_eq!(show(Mode::Text, bytes), Err(NotationError { at, message: message.to_owned() }));
        }
    }

    /// Bytes in which what the notation itself uses is frequent.
    fn payload() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            prop::sample::select(vec!["{", "{{", "\\", "\\h(", "\r\n", "\0", "\u{85}", "\u{e9}", "1"])
                .prop_map(|piece| piece.as_bytes().to_vec()),
            prop::collection::vec(any::<u8>(), 0..4),
        ];
        prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
    }

    fn any_mode() -> impl Strategy<Value = Mode> {
        prop::sample::select(vec![Mode::Text, Mode::Escaped, Mode::Hex])
    }

    proptest! {
        #[test]
        fn parsing_what_is_shown_gives_the_bytes_back(
            mode in any_mode(),
            name in prop::sample::select(vec!["utf-8", "gbk", "shift_jis", "iso-2022-jp", "utf-16be", "macintosh"]),
            bytes in payload(),
        ) {
            let encoding = Encoding::named(name).unwrap();
            match show_in(mode, &bytes, encoding) {
                Ok(text) => prop_assert_eq!(parse_in(mode, &text, encoding), Ok(bytes), "{}", text),
                Err(error) => {
                    prop_assert_eq!(mode, Mode::Text);
                    prop_assert!(error.at.start < error.at.end && error.at.end <= bytes.len());
                }
            }
        }

        #[test]
        fn errors_lie_on_characters_of_the_text(
            mode in any_mode(),
            text in r"([0-9a-fx ,:(){}\\hun0é語\n]|\PC){0,24}",
        ) {
            if let Err(error) = parse(mode, &text) {
                prop_assert!(text.get(error.at.clone()).is_some(), "{:?}", error);
                prop_assert!(!error.at.is_empty(), "{:?}", error);
            }
        }
    }
}
