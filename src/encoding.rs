//! The encodings of text: their names, bytes to characters and back.
//!
//! Owns which bytes make which character, also where a character was cut in two by a read. It never replaces anything:
//! bytes that are no character stay bytes, and text that an encoding lacks is an error.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use encoding_rs::{DecoderResult, EncoderResult, ISO_2022_JP, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE};

/// One of the encodings of the WHATWG Encoding Standard, except `replacement`, which is none.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Encoding(&'static encoding_rs::Encoding);

impl Encoding {
    /// UTF-8, which holds where nothing else is said.
    pub const UTF_8: Self = Self(UTF_8);

    /// The encoding with this name or label, such as `utf-8`, `gbk`, `shift_jis` or `latin1`, in any case.
    ///
    /// # Errors
    /// One sentence without a full stop, for a name that the standard does not have, and for those that it has only so
    /// that nobody uses them.
    pub fn named(name: &str) -> Result<Self, String> {
        match encoding_rs::Encoding::for_label(name.as_bytes()) {
            Some(found) if found == REPLACEMENT => {
                Err(format!("`{name}` is an encoding that the standard forbids to read"))
            }
            Some(found) => Ok(Self(found)),
            None => Err(format!(
                "`{name}` is no encoding; write utf-8, gbk, shift_jis, windows-1252 or another WHATWG name"
            )),
        }
    }

    /// Its WHATWG name, in lower case.
    #[must_use]
    pub fn name(self) -> String {
        self.0.name().to_ascii_lowercase()
    }

    /// True for UTF-8.
    #[must_use]
    pub fn is_utf8(self) -> bool {
        self.0 == UTF_8
    }

    /// The bytes as text, where all of them are text by themselves; a byte order mark is a character like any other.
    #[must_use]
    pub fn text_of(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        self.0.decode_without_bom_handling_and_without_replacement(bytes)
    }

    /// The bytes of a text.
    ///
    /// # Errors
    /// Where in the text the first character is that the encoding lacks, or that would be read back as another.
    pub fn encode(self, text: &str) -> Result<Vec<u8>, Range<usize>> {
        if self.is_utf8() {
            return Ok(text.as_bytes().to_vec());
        }
        let bytes = self.encode_loosely(text)?;
        // Some encoders replace: a yen sign by a backslash, half-width kana by others.
        if self.text_of(&bytes).as_deref() == Some(text) {
            return Ok(bytes);
        }
        let changed = text.char_indices().find(|&(_, c)| {
            let text = c.encode_utf8(&mut [0; 4]).to_owned();
            self.encode_loosely(&text).is_ok_and(|bytes| self.text_of(&bytes).as_deref() != Some(text.as_str()))
        });
        Err(changed.map_or(0..text.len(), |(at, c)| at..at + c.len_utf8()))
    }

    fn encode_loosely(self, text: &str) -> Result<Vec<u8>, Range<usize>> {
        // The standard has no encoders for UTF-16.
        if self.0 == UTF_16LE {
            return Ok(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
        }
        if self.0 == UTF_16BE {
            return Ok(text.encode_utf16().flat_map(u16::to_be_bytes).collect());
        }
        let mut encoder = self.0.new_encoder();
        let (mut bytes, mut at) = (Vec::with_capacity(text.len() + 16), 0);
        loop {
            let (result, read) = encoder.encode_from_utf8_to_vec_without_replacement(&text[at..], &mut bytes, true);
            at += read;
            match result {
                EncoderResult::InputEmpty => return Ok(bytes),
                EncoderResult::OutputFull => bytes.reserve(text.len() + 16),
                // The character that it names is another where it refuses what would switch (U+000E, U+000F, U+001B).
                EncoderResult::Unmappable(_) => {
                    let refused = text[..at].chars().next_back();
                    return Err(at - refused.map_or(0, char::len_utf8)..at);
                }
            }
        }
    }

    /// What the bytes are, piece by piece, where the first of them begins a character.
    #[must_use]
    pub const fn pieces(self, bytes: &[u8]) -> Pieces<'_> {
        Pieces { encoding: self, shift: ASCII, broken: 0, bytes }
    }

    /// Where a decoder stands after these bytes, of which the first begins a character. Of UTF-16 it must stand at an
    /// even place of its stream. It looks back no further than it must.
    #[must_use]
    pub fn place_after(self, before: &[u8]) -> Place {
        self.place_from(ASCII, before)
    }

    fn place_from(self, shift: Shift, before: &[u8]) -> Place {
        // Behind an anchor of an encoding that switches stands what it switches to.
        let mut pieces = Pieces { shift, ..self.pieces(&before[self.anchor(before)..]) };
        let mut begun = 0;
        for piece in &mut pieces {
            begun = if piece.unfinished { piece.len } else { 0 };
        }
        Place { begun, shift: pieces.shift }
    }

    /// True where what a byte is depends on those before it by more than a look at the byte itself.
    #[must_use]
    pub fn needs_past(self) -> bool {
        !self.is_utf8() && !self.0.is_single_byte()
    }

    /// True for the encodings whose units are two bytes, so that it matters how many came before.
    #[must_use]
    pub fn has_wide_units(self) -> bool {
        self.0 == UTF_16LE || self.0 == UTF_16BE
    }

    /// True where escape sequences switch between sets of characters.
    #[must_use]
    pub fn switches(self) -> bool {
        self.0 == ISO_2022_JP
    }

    /// True where a byte below `0` is always a character of its own, whatever came before.
    #[must_use]
    pub fn keeps_ascii_apart(self) -> bool {
        self.0.is_ascii_compatible()
    }

    /// A place from which these bytes can be read as well as from their begin.
    fn anchor(self, before: &[u8]) -> usize {
        // So many bytes without any that can't be part of a longer character are read; more cost too much to draw.
        const FAR: usize = 16 * 1024;
        let len = before.len();
        if self.is_utf8() {
            let begin = before.iter().rev().take(4).position(|byte| !matches!(byte, 0x80..=0xbf));
            return begin.map_or(len.saturating_sub(4), |back| len - 1 - back);
        }
        if self.0.is_single_byte() {
            return len;
        }
        if self.has_wide_units() {
            // The unit before may be the first half of a pair.
            return (len & !1).saturating_sub(2);
        }
        if self.0 == ISO_2022_JP {
            return (0..len.saturating_sub(2)).rev().find(|&at| shift_of(&before[at..]).is_some()).unwrap_or(0);
        }
        // In none of the others does a longer character have a byte below `0`.
        let far = len.saturating_sub(FAR);
        match before[far..].iter().rposition(|byte| *byte < b'0') {
            Some(at) => far + at + 1,
            // Most of the characters there are have two bytes.
            None => far & !1,
        }
    }

    /// The first piece of some bytes.
    fn step(self, shift: Shift, bytes: &[u8]) -> Option<(Piece, Shift)> {
        let first = *bytes.first()?;
        let text = |chars, len| Some((Piece { chars, len, unfinished: false }, shift));
        let raw = |len, unfinished| Some((Piece { chars: [None; 2], len, unfinished }, shift));
        if first < 0x80 && self.0.is_ascii_compatible() {
            return text([Some(char::from(first)), None], 1);
        }
        if self.is_utf8() {
            let window = &bytes[..bytes.len().min(4)];
            let valid = match std::str::from_utf8(window) {
                Ok(valid) => valid,
                Err(error) if error.valid_up_to() > 0 => {
                    std::str::from_utf8(&window[..error.valid_up_to()]).unwrap_or_default()
                }
                Err(error) => return raw(error.error_len().unwrap_or(window.len()), error.error_len().is_none()),
            };
            let c = valid.chars().next()?;
            return text([Some(c), None], c.len_utf8());
        }
        let mut decoder = self.0.new_decoder_without_bom_handling();
        let mut out = [0; 16];
        if self.0 == ISO_2022_JP {
            if let Some(to) = shift_of(bytes) {
                return Some((Piece { chars: [None; 2], len: 3, unfinished: false }, to));
            }
            if first == 0x1b {
                let begins = bytes.len() < 3 && SHIFTS.iter().any(|shift| shift.starts_with(&bytes[1..]));
                return raw(if begins { bytes.len() } else { 1 }, begins);
            }
            if shift != ASCII {
                let [second, third] = shift;
                let _ = decoder.decode_to_utf8_without_replacement(&[0x1b, second, third], &mut out, false);
            }
        }
        for (at, byte) in bytes.iter().enumerate().take(MAX_BYTES) {
            let (result, _, written) =
                decoder.decode_to_utf8_without_replacement(std::slice::from_ref(byte), &mut out, false);
            if let DecoderResult::Malformed(len, _) = result {
                return raw(usize::from(len).clamp(1, bytes.len()), false);
            }
            if written > 0 {
                let mut chars = std::str::from_utf8(&out[..written]).unwrap_or_default().chars();
                return text([chars.next(), chars.next()], at + 1);
            }
        }
        raw(bytes.len().min(MAX_BYTES), bytes.len() < MAX_BYTES)
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl fmt::Debug for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoding({})", self.0.name())
    }
}

/// Some bytes that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The character that they are, or the two; none where they are no text, or change how what follows is to be read.
    pub chars: [Option<char>; 2],
    /// How many bytes: 1 to 4.
    pub len: usize,
    /// Whether they begin a character that does not end here.
    pub unfinished: bool,
}

/// Where a decoder stands between two bytes of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// So many bytes just before begin a character: 0 to 3.
    pub begun: usize,
    /// How what follows is to be read.
    shift: Shift,
}

impl Default for Place {
    fn default() -> Self {
        Self { begun: 0, shift: ASCII }
    }
}

/// How a message is to be read as text: in which encoding, and what of it belongs to what came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    encoding: Encoding,
    lead: usize,
    ended: Option<char>,
    shift: Shift,
}

impl Reading {
    /// Reads a message that nothing came before.
    #[must_use]
    pub const fn alone(encoding: Encoding) -> Self {
        Self { encoding, lead: 0, ended: None, shift: ASCII }
    }

    /// Reads a message of a stream: `place` is where a decoder stood after all that came before, of which `before` is
    /// the end, and `message` is at least the message's first four bytes, if it has so many.
    #[must_use]
    pub fn after(encoding: Encoding, place: Place, before: &[u8], message: &[u8]) -> Self {
        let alone = Self { shift: place.shift, ..Self::alone(encoding) };
        let begun = place.begun.min(before.len());
        if begun == 0 {
            return alone;
        }
        let mut bytes = before[before.len() - begun..].to_vec();
        bytes.extend_from_slice(&message[..message.len().min(MAX_BYTES)]);
        match encoding.step(place.shift, &bytes) {
            Some((piece, shift)) => {
                Self { encoding, lead: piece.len.saturating_sub(begun), ended: piece.chars[0], shift }
            }
            None => alone,
        }
    }

    /// How what follows the byte before `at` is read, where a character begins there.
    #[must_use]
    pub fn from(&self, message: &[u8], at: usize) -> Self {
        let (_, pieces) = self.pieces_at(message, at);
        Self { shift: pieces.shift, ..Self::alone(self.encoding) }
    }

    /// The encoding.
    #[must_use]
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// How many of the message's first bytes belong to a character that was begun before.
    #[must_use]
    pub const fn lead(&self) -> usize {
        self.lead
    }

    /// The character that those bytes end, if they do.
    #[must_use]
    pub const fn ended(&self) -> Option<char> {
        self.ended
    }

    /// What the message's bytes are, piece by piece.
    #[must_use]
    pub fn pieces<'a>(&self, message: &'a [u8]) -> Pieces<'a> {
        let broken = self.lead.min(message.len());
        Pieces { encoding: self.encoding, shift: self.shift, broken, bytes: message }
    }

    /// The pieces from the one on that holds the byte at `at`, and where that one begins.
    #[must_use]
    pub fn pieces_at<'a>(&self, message: &'a [u8], at: usize) -> (usize, Pieces<'a>) {
        let at = at.min(message.len());
        if at <= self.lead {
            return (0, self.pieces(message));
        }
        let before = &message[self.lead..at];
        let place = self.encoding.place_from(self.shift, before);
        let start = at - place.begun;
        (start, Pieces { encoding: self.encoding, shift: place.shift, broken: 0, bytes: &message[start..] })
    }
}

/// What bytes are, from [`Encoding::pieces`] and [`Reading::pieces`]. No byte is left out.
#[derive(Clone, Debug)]
pub struct Pieces<'a> {
    encoding: Encoding,
    shift: Shift,
    /// So many bytes are known to be no text of their own.
    broken: usize,
    bytes: &'a [u8],
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        if self.broken > 0 {
            let piece = Piece { chars: [None; 2], len: self.broken, unfinished: false };
            self.bytes = &self.bytes[self.broken..];
            self.broken = 0;
            return Some(piece);
        }
        let (piece, shift) = self.encoding.step(self.shift, self.bytes)?;
        self.shift = shift;
        self.bytes = &self.bytes[piece.len..];
        Some(piece)
    }
}

/// The most bytes of a character, in any encoding.
const MAX_BYTES: usize = 4;

/// Which characters ISO-2022-JP has switched to: what stands behind the escape. No other encoding switches.
type Shift = [u8; 2];

const ASCII: Shift = *b"(B";

const SHIFTS: [Shift; 5] = [ASCII, *b"(J", *b"(I", *b"$@", *b"$B"];

/// What the escape sequence at the begin of some bytes switches to.
fn shift_of(bytes: &[u8]) -> Option<Shift> {
    match bytes {
        [0x1b, second, third, ..] => SHIFTS.into_iter().find(|shift| shift == &[*second, *third]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    /// The encodings in which a character can have more than one byte.
    const LONG: [&str; 10] =
        ["utf-8", "gbk", "gb18030", "big5", "shift_jis", "euc-jp", "euc-kr", "utf-16le", "utf-16be", "iso-2022-jp"];

    fn named(name: &str) -> Encoding {
        Encoding::named(name).unwrap()
    }

    fn any_encoding() -> impl Strategy<Value = Encoding> {
        select(LONG.to_vec()).prop_map(named)
    }

    /// Characters that each of these encodings has, and some that only few have.
    fn common() -> impl Strategy<Value = String> {
        let c = prop_oneof![
            6 => select(vec!['a', ' ', '\n', '0', '~', '\\']),
            4 => select(vec!['\u{65e5}', '\u{672c}', '\u{4e2d}', '\u{56fd}', '\u{5927}']),
            1 => select(vec!['\u{e9}', '\u{3042}', '\u{ac00}', '\u{1f600}', '\u{20ac}']),
        ];
        prop::collection::vec(c, 0..30).prop_map(|chars| chars.into_iter().collect())
    }

    /// A stream in pieces, as reads cut it; how each is to be read, and its bytes.
    fn cut(encoding: Encoding, bytes: &[u8], cuts: &[prop::sample::Index]) -> Vec<(Reading, Vec<u8>)> {
        let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        ends.push(bytes.len());
        ends.sort_unstable();
        ends.dedup();
        let mut start = 0;
        ends.into_iter()
            .map(|end| {
                let (before, message) = (&bytes[..start], &bytes[start..end]);
                start = end;
                (Reading::after(encoding, encoding.place_after(before), before, message), message.to_vec())
            })
            .collect()
    }

    /// The characters of some pieces, with the bytes of each.
    fn characters(pieces: Pieces<'_>, bytes: &[u8], from: usize) -> Vec<(usize, [Option<char>; 2], Vec<u8>)> {
        let mut at = from;
        pieces
            .map(|piece| {
                let start = at;
                at += piece.len;
                (start, piece.chars, bytes[start..at].to_vec())
            })
            .collect()
    }

    #[test]
    fn names_of_the_standard() {
        let table = [("UTF-8", "utf-8"), ("latin1", "windows-1252"), ("Shift_JIS", "shift_jis"), ("GBK", "gbk")];
        for (label, name) in table {
            assert_eq!(named(label).to_string(), name);
        }
        for wrong in ["", "utf-7", "replacement", "hz-gb-2312", "klingon"] {
            assert!(Encoding::named(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn text_that_would_be_read_back_as_another_is_refused() {
        for (encoding, text, at) in [
            ("gbk", "a\u{1f600}b", 1..5),
            ("shift_jis", "10\u{a5}", 2..4),
            ("iso-2022-jp", "\u{65e5}\u{ff76}", 3..6),
            ("iso-2022-jp", "\u{1b}$B", 0..1),
            ("iso-2022-jp", "\u{65e5}a\u{f}b", 4..5),
            ("windows-1252", "\u{e9}\u{4e2d}", 2..5),
        ] {
            assert_eq!(named(encoding).encode(text), Err(at), "{encoding}");
        }
        assert_eq!(named("utf-16le").encode("a\u{1f600}").unwrap(), b"a\0\x3d\xd8\x00\xde");
        assert_eq!(named("gbk").encode("\u{4f60}\u{597d}").unwrap(), b"\xc4\xe3\xba\xc3");
    }

    // Case 7.
    #[test]
    fn a_character_in_two_reads_is_known_in_the_second() {
        let gbk = named("gbk");
        let reading = Reading::after(gbk, gbk.place_after(b"ok\xc4"), b"ok\xc4", b"\xe3\xba\xc3");
        assert_eq!((reading.lead(), reading.ended()), (1, Some('\u{4f60}')));
        let pieces: Vec<_> = reading.pieces(b"\xe3\xba\xc3").map(|piece| (piece.len, piece.chars[0])).collect();
        assert_eq!(pieces, [(1, None), (2, Some('\u{597d}'))]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        // Case 7.
        #[test]
        fn pieces_are_the_bytes_whatever_they_are(
            encoding in any_encoding(),
            bytes in prop::collection::vec(any::<u8>(), 0..60),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            for (reading, message) in cut(encoding, &bytes, &cuts) {
                let joined: Vec<u8> =
                    characters(reading.pieces(&message), &message, 0).into_iter().flat_map(|(_, _, bytes)| bytes).collect();
                prop_assert_eq!(joined, message);
            }
        }

        #[test]
        fn text_is_read_as_it_was_written_however_reads_cut_it(
            encoding in any_encoding(),
            text in common(),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let Ok(bytes) = encoding.encode(&text) else { return Ok(()) };
            let mut read = String::new();
            for (reading, message) in cut(encoding, &bytes, &cuts) {
                read.extend(reading.ended());
                read.extend(reading.pieces(&message).flat_map(|piece| piece.chars).flatten());
            }
            prop_assert_eq!(read, text);
        }

        #[test]
        fn what_is_read_from_the_middle_is_what_is_read_from_the_begin(
            encoding in any_encoding(),
            text in common(),
            cut_at in any::<prop::sample::Index>(),
            at in any::<prop::sample::Index>(),
        ) {
            let Ok(bytes) = encoding.encode(&text) else { return Ok(()) };
            for (reading, message) in cut(encoding, &bytes, &[cut_at]) {
                let at = at.index(message.len() + 1);
                let (start, pieces) = reading.pieces_at(&message, at);
                let from_there = characters(pieces, &message, start);
                let mut whole = characters(reading.pieces(&message), &message, 0);
                whole.retain(|(begin, ..)| *begin >= start);
                prop_assert!(start <= at);
                prop_assert_eq!(from_there, whole);
            }
        }
    }
}
