//! Makes whatever comes from outside fit for a terminal: bytes, names, paths, error texts.
//!
//! Owns [`Printable`], the only text that can be drawn. What would act on a terminal, hide, reorder its neighbours or
//! take an uncertain number of columns becomes a visible escape; nothing is dropped and nothing replaced silently. It
//! never interprets what the text means.

mod characters;
mod repertoire;

use std::fmt::{self, Write};

use crate::encoding::Reading;
use characters::{columns_of, is_hidden, is_regional_indicator, joins};
pub use repertoire::{Held, Repertoire};

/// How many combining marks a grapheme keeps; the rest is counted (`\u{+992 marks}`).
pub const MAX_MARKS: usize = 8;

/// Text that cannot act on a terminal.
///
/// It consists of graphemes of one or two columns. A grapheme here is what every terminal agrees on, whether it
/// measures characters or clusters: a character with its combining marks, or a flag. Joined emoji are shown in parts.
///
/// Where the [`Repertoire`] of the thread is ASCII, all else is a visible escape, too.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Printable {
    text: String,
    columns: usize,
}

impl Printable {
    /// Text from anywhere. Clean text stays as it is, so doing it twice changes nothing.
    #[must_use]
    pub fn text(text: &str) -> Self {
        let mut writer = Writer::new(usize::MAX);
        writer.text(text);
        writer.finish()
    }

    /// The bytes of a message as text: what is valid UTF-8 stays text, each other byte is `\xNN`, and a backslash is
    /// `\\`.
    #[must_use]
    pub fn bytes(bytes: &[u8]) -> Self {
        let mut writer = Writer::quoting(usize::MAX);
        writer.bytes(bytes);
        writer.finish()
    }

    /// The beginning of [`bytes`](Self::bytes), for a preview: ends with the grapheme or escape that fills `columns`, so
    /// that it is wider by a few columns at times and [`truncate`](Self::truncate) can tell that something was cut.
    /// What it costs depends on `columns`, not on how many bytes there are.
    #[must_use]
    pub fn bytes_up_to(bytes: &[u8], columns: usize) -> Self {
        let window = columns.saturating_add(1).saturating_mul(BYTES_PER_COLUMN);
        let mut writer = Writer::quoting(columns);
        if window >= bytes.len() {
            writer.bytes(bytes);
            return writer.finish();
        }
        let mut end = window;
        // Do not end within a character.
        while end > window - 3 && bytes[end] & 0xc0 == 0x80 {
            end -= 1;
        }
        writer.bytes(&bytes[..end]);
        writer.cut();
        writer.finish()
    }

    /// As [`bytes_up_to`](Self::bytes_up_to), for bytes in whatever encoding.
    #[must_use]
    pub fn read_up_to(bytes: &[u8], reading: &Reading, columns: usize) -> Self {
        // So much is decoded at once; what does not fit is not decoded at all, but for marks, which fill nothing.
        const RUN: usize = 64;
        if reading.encoding().is_utf8() && reading.lead() == 0 {
            return Self::bytes_up_to(bytes, columns);
        }
        let most = columns.saturating_add(1).saturating_mul(BYTES_PER_COLUMN);
        let mut writer = Writer::quoting(columns);
        let (mut at, mut run) = (0, String::new());
        for piece in reading.pieces(bytes) {
            run.extend(piece.chars.iter().flatten());
            let broken = piece.chars[0].is_none();
            if broken || run.len() >= RUN && !run.ends_with(is_regional_indicator) {
                writer.text(&run);
                run.clear();
                if writer.is_full() && broken || at >= most {
                    break;
                }
            }
            if broken {
                for &byte in &bytes[at..at + piece.len] {
                    writer.byte(byte);
                }
            }
            at += piece.len;
            if writer.is_full() && writer.open.is_none() {
                break;
            }
        }
        writer.text(&run);
        if at < bytes.len() {
            writer.cut();
        }
        writer.finish()
    }

    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How many columns it takes.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.columns
    }

    /// Whether it holds nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Its graphemes, with the columns of each: one or two.
    pub fn graphemes(&self) -> impl Iterator<Item = (&str, usize)> {
        let mut rest = self.text.as_str();
        std::iter::from_fn(move || {
            let mut chars = rest.chars();
            let mut last = chars.next()?;
            let mut columns = columns_of(last);
            let mut end = last.len_utf8();
            if is_regional_indicator(last) {
                // Only pairs are ever kept.
                let second = chars.next()?;
                (last, columns, end) = (second, columns + columns_of(second), end + second.len_utf8());
            }
            for c in chars {
                if is_regional_indicator(c) || !joins(last, c) {
                    break;
                }
                (last, columns, end) = (c, columns + columns_of(c), end + c.len_utf8());
            }
            let (grapheme, after) = rest.split_at(end);
            rest = after;
            Some((grapheme, columns))
        })
    }

    /// At most `columns` of it, with `cut` at its end where something was cut: ASCII, or characters of one column.
    #[must_use]
    pub fn truncate(self, columns: usize, cut: &'static str) -> Self {
        if self.columns <= columns {
            return self;
        }
        let Some(room) = columns.checked_sub(cut.chars().count()) else { return Self::default() };
        let mut kept = Self::default();
        for (grapheme, width) in self.graphemes() {
            if kept.columns + width > room {
                break;
            }
            kept.text.push_str(grapheme);
            kept.columns += width;
        }
        kept.text.push_str(cut);
        kept.columns += cut.chars().count();
        kept
    }
}

impl From<&str> for Printable {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Printable {
    fn from(text: String) -> Self {
        Self::text(&text)
    }
}

impl fmt::Display for Printable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// What says that there was more.
const fn cut_mark(repertoire: Repertoire) -> &'static str {
    match repertoire {
        Repertoire::Unicode => "…",
        Repertoire::Ascii => "..",
    }
}

/// No column takes more bytes than a character with its marks, except where surplus marks are counted.
const BYTES_PER_COLUMN: usize = 4 * (1 + MAX_MARKS);

/// Writes a [`Printable`], one character after another, until it is full.
struct Writer {
    out: Printable,
    /// Stop when so many columns are filled.
    limit: usize,
    /// The grapheme that further characters may join: its last character, columns, and marks.
    open: Option<(char, usize, usize)>,
    /// Marks that the open grapheme did not take.
    surplus: usize,
    /// Whether a backslash is written twice, so that escapes can't be mistaken for text.
    quoting: bool,
    repertoire: Repertoire,
}

impl Writer {
    fn new(limit: usize) -> Self {
        let repertoire = Repertoire::current();
        Self { out: Printable::default(), limit, open: None, surplus: 0, quoting: false, repertoire }
    }

    /// A writer of what came as bytes.
    fn quoting(limit: usize) -> Self {
        Self { quoting: true, ..Self::new(limit) }
    }

    fn is_full(&self) -> bool {
        self.out.columns >= self.limit
    }

    fn finish(mut self) -> Printable {
        self.flush_surplus();
        self.out
    }

    /// Says that there was more, where the columns don't.
    fn cut(&mut self) {
        // Only surplus marks take bytes without filling columns; there may be more of them than were counted.
        if self.surplus > 0 || !self.is_full() {
            let mark = cut_mark(self.repertoire);
            self.cell(mark, mark.chars().count());
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for chunk in bytes.utf8_chunks() {
            self.text(chunk.valid());
            for &byte in chunk.invalid() {
                if self.is_full() {
                    return;
                }
                self.byte(byte);
            }
        }
    }

    fn text(&mut self, mut text: &str) {
        while !text.is_empty() {
            if self.quoting && text.starts_with('\\') {
                if self.is_full() {
                    return self.close();
                }
                self.ascii(format_args!("\\\\"));
                text = &text[1..];
                continue;
            }
            let plain = |byte: &u8| matches!(byte, b' '..=b'~') && !(self.quoting && *byte == b'\\');
            let run = text.as_bytes().iter().take_while(|byte| plain(byte)).count();
            let run = run.min(self.limit.saturating_sub(self.out.columns));
            if run > 0 {
                self.cell(&text[..run], run);
                self.open = Some((char::from(text.as_bytes()[run - 1]), 1, 0));
                text = &text[run..];
                continue;
            }
            let mut chars = text.chars();
            let Some(c) = chars.next() else { return };
            // Marks of the last grapheme are still taken, or counted, when all columns are filled.
            if self.is_full() && !self.takes(c) {
                return self.close();
            }
            if is_regional_indicator(c) && self.has(c) && chars.next().is_some_and(is_regional_indicator) {
                let end = 2 * c.len_utf8();
                self.cell(&text[..end], 2);
                self.open = Some((c, 2, 0));
                text = &text[end..];
                continue;
            }
            self.char(c);
            text = &text[c.len_utf8()..];
        }
    }

    /// Whether the terminal can show this character.
    const fn has(&self, c: char) -> bool {
        c.is_ascii() || matches!(self.repertoire, Repertoire::Unicode)
    }

    /// Takes no more marks: what is still to come stands behind what was left out.
    const fn close(&mut self) {
        self.open = None;
    }

    /// Whether this character would go into the open grapheme, or be counted there.
    fn takes(&self, c: char) -> bool {
        self.has(c)
            && self
                .open
                .is_some_and(|(last, columns, _)| columns + columns_of(c) <= 2 && !is_hidden(c) && joins(last, c))
    }

    fn char(&mut self, c: char) {
        let own = columns_of(c);
        let joined = self.open.filter(|&(last, ..)| joins(last, c));
        if is_hidden(c) || is_regional_indicator(c) || !self.has(c) {
            self.escape(c);
        } else if let Some((_, columns, marks)) = joined {
            if columns + own > 2 {
                self.escape(c);
            } else if marks == MAX_MARKS {
                self.surplus += 1;
            } else {
                self.out.text.push(c);
                self.out.columns += own;
                self.open = Some((c, columns + own, marks + 1));
            }
        } else if !matches!(own, 1 | 2) || joins('a', c) {
            // Without a column, or a mark that would join whatever happens to stand before it on the screen.
            self.escape(c);
        } else {
            self.flush_surplus();
            self.out.text.push(c);
            self.out.columns += own;
            self.open = Some((c, own, 0));
        }
    }

    /// Text of known columns that nothing joins but what the caller says.
    fn cell(&mut self, text: &str, columns: usize) {
        self.flush_surplus();
        self.out.text.push_str(text);
        self.out.columns += columns;
        self.open = None;
    }

    fn byte(&mut self, byte: u8) {
        self.ascii(format_args!("\\x{byte:02x}"));
    }

    fn escape(&mut self, c: char) {
        match c {
            '\r' => self.cell("\\r", 2),
            '\n' => self.cell("\\n", 2),
            '\t' => self.cell("\\t", 2),
            '\0' => self.cell("\\0", 2),
            _ if c.is_ascii() => self.ascii(format_args!("\\x{:02x}", u32::from(c))),
            _ => self.ascii(format_args!("\\u{{{:04X}}}", u32::from(c))),
        }
    }

    fn flush_surplus(&mut self) {
        match std::mem::take(&mut self.surplus) {
            0 => {}
            1 => self.ascii(format_args!("\\u{{+1 mark}}")),
            marks => self.ascii(format_args!("\\u{{+{marks} marks}}")),
        }
    }

    /// Writes an escape, which is ASCII and which nothing joins.
    fn ascii(&mut self, escape: fmt::Arguments<'_>) {
        self.flush_surplus();
        let before = self.out.text.len();
        // Writing into a string never fails.
        _ = self.out.text.write_fmt(escape);
        self.out.columns += self.out.text.len() - before;
        self.open = None;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr;

    use super::*;
    use crate::encoding::Encoding;

    const CUT: &str = cut_mark(Repertoire::Unicode);

    fn shown(bytes: &[u8]) -> String {
        Printable::bytes(bytes).as_str().to_owned()
    }

    // Cases 1, 2.
    #[test]
    fn what_would_act_or_hide_is_visible() {
        let table: [(&[u8], &str); 14] = [
            (b"plain ~ text", "plain ~ text"),
            (b"a\r\nb\tc\0d\x7f\x08", "a\\r\\nb\\tc\\0d\\x7f\\x08"),
            (b"\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
            ("\u{9b}2J".as_bytes(), "\\u{009B}2J"),
            (b"\x9b2J \xe2\x82", "\\x9b2J \\xe2\\x82"),
            ("a\u{202e}b\u{2067}\u{200f}\u{61c}".as_bytes(), "a\\u{202E}b\\u{2067}\\u{200F}\\u{061C}"),
            ("\u{200b}\u{ad}\u{feff}\u{2028}".as_bytes(), "\\u{200B}\\u{00AD}\\u{FEFF}\\u{2028}"),
            ("\u{e0041}\u{3164}\u{115f}\u{fe0f}".as_bytes(), "\\u{E0041}\\u{3164}\\u{115F}\\u{FE0F}"),
            ("caf\u{e9} cafe\u{301} 日本 ｶﾞ".as_bytes(), "caf\u{e9} cafe\u{301} 日本 ｶﾞ"),
            ("\u{301}x\n\u{301}".as_bytes(), "\\u{0301}x\\n\\u{0301}"),
            ("👨\u{200d}👩".as_bytes(), "👨\\u{200D}👩"),
            ("👍\u{1f3fd}".as_bytes(), "👍\\u{1F3FD}"),
            ("\u{1f1eb}\u{1f1f7}\u{1f1e9}".as_bytes(), "\u{1f1eb}\u{1f1f7}\\u{1F1E9}"),
            ("ᄒ\u{1161}\u{11ab} हिन्दी".as_bytes(), "ᄒ\u{1161}\u{11ab} हिन्दी"),
        ];
        for (bytes, wanted) in table {
            assert_eq!(shown(bytes), wanted);
        }
    }

    // Case 4.
    #[test]
    fn a_thousand_marks_are_counted() {
        let text = format!("a{}b", "\u{301}".repeat(1000));
        assert_eq!(shown(text.as_bytes()), format!("a{}\\u{{+992 marks}}b", "\u{301}".repeat(8)));
    }

    #[test]
    fn a_preview_of_much_looks_at_little() {
        let long = vec![b'x'; 1000];
        assert_eq!(Printable::bytes_up_to(&long, 10).as_str(), "xxxxxxxxxx");
        assert_eq!(Printable::bytes_up_to(&long, 11).truncate(10, CUT).as_str(), "xxxxxxxxx…");
        let marks = format!("a{}", "\u{301}".repeat(100_000));
        let preview = Printable::bytes_up_to(marks.as_bytes(), 80);
        assert!(preview.as_str().ends_with(" marks}…"), "{preview}");
    }

    #[test]
    fn marks_behind_the_end_of_a_preview_are_left_out() {
        let text = format!("{}\u{300}", "睷".repeat(40));
        let bytes: Vec<_> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let reading = Reading::alone(Encoding::named("utf-16be").unwrap());
        assert_eq!(Printable::read_up_to(&bytes, &reading, 7).as_str(), "睷睷睷睷");
    }

    #[test]
    fn truncation_says_so() {
        let cut = |columns| Printable::text("日本語").truncate(columns, CUT).as_str().to_owned();
        assert_eq!([0, 1, 2, 3, 4, 5, 6].map(cut), ["", "…", "…", "日…", "日…", "日本…", "日本語"]);
    }

    /// Whether it is a beginning, where marks that it may not have seen all are counted otherwise.
    fn is_beginning(preview: &Printable, whole: &Printable) -> bool {
        let ends = |end| preview.as_str().ends_with(end);
        whole.as_str().starts_with(preview.as_str()) || ends(" mark}…") || ends(" marks}…")
    }

    /// What every character of a clean text, and every grapheme, must be.
    fn check(clean: &Printable) -> Result<(), TestCaseError> {
        let mut columns = 0;
        let mut joined = String::new();
        for (grapheme, width) in clean.graphemes() {
            prop_assert!(matches!(width, 1 | 2), "{:?} has {}", grapheme, width);
            prop_assert!(grapheme.chars().count() <= 2 + MAX_MARKS);
            prop_assert_eq!(grapheme.width(), width, "{:?}", grapheme);
            columns += width;
            joined.push_str(grapheme);
        }
        prop_assert_eq!(columns, clean.width());
        prop_assert_eq!(&joined, clean.as_str());
        for c in clean.as_str().chars() {
            prop_assert!(!c.is_control() && !is_hidden(c), "{:?}", c);
        }
        prop_assert_eq!(&Printable::text(clean.as_str()), clean);
        Ok(())
    }

    // Case 3.
    #[test]
    fn every_character_alone_and_after_others() {
        // Han, Hangul syllables and private planes are alike within their blocks, and many.
        let alike = |c: char| matches!(c, '\u{3500}'..='\u{9ff0}' | '\u{ad00}'..='\u{d700}' | '\u{20100}'..='\u{dfff0}' | '\u{f0100}'..);
        for c in ('\0'..=char::MAX).filter(|&c| !alike(c)) {
            for before in ["", "a", "क", "ᄀ"] {
                let text = format!("{before}{c}");
                check(&Printable::text(&text)).unwrap_or_else(|error| panic!("{text:?}: {error}"));
            }
        }
    }

    /// Text in which what is hard is frequent.
    fn hostile() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            "[ -~]{0,6}".prop_map(String::into_bytes),
            any::<char>().prop_map(|c| c.to_string().into_bytes()),
            "\\PC{0,3}".prop_map(String::into_bytes),
            "[\u{300}-\u{36f}]{0,20}".prop_map(String::into_bytes),
            "[\u{900}-\u{d7f}\u{1100}-\u{11ff}ｶﾞ가\u{2d31}-\u{2d7f}]{0,6}".prop_map(String::into_bytes),
            "[\u{1f1e6}-\u{1f1ff}\u{1f466}-\u{1f469}\u{1f3fb}-\u{1f3ff}\u{200d}\u{fe0f}]{0,5}"
                .prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 0..6),
        ];
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn clean_whatever_comes(bytes in hostile()) {
            check(&Printable::bytes(&bytes))?;
            check(&Printable::text(&String::from_utf8_lossy(&bytes)))?;
        }

        #[test]
        fn a_preview_is_a_beginning_that_fills(bytes in hostile(), columns in 0_usize..40) {
            let whole = Printable::bytes(&bytes);
            let preview = Printable::bytes_up_to(&bytes, columns);
            check(&preview)?;
            let beginning = is_beginning(&preview, &whole);
            prop_assert!(beginning, "{} / {}", preview, whole);
            prop_assert!(preview.width() >= columns.min(whole.width()));
        }

        #[test]
        fn in_every_encoding_it_is_clean_and_a_beginning_that_fills(
            bytes in hostile(),
            columns in 0_usize..40,
            name in prop::sample::select(vec!["utf-8", "gbk", "gb18030", "utf-16le", "iso-2022-jp", "windows-1252"]),
        ) {
            let reading = Reading::alone(Encoding::named(name).unwrap());
            let whole = Printable::read_up_to(&bytes, &reading, usize::MAX);
            let preview = Printable::read_up_to(&bytes, &reading, columns);
            check(&whole)?;
            check(&preview)?;
            let beginning = is_beginning(&preview, &whole);
            prop_assert!(beginning, "{} / {}", preview, whole);
            prop_assert!(preview.width() >= columns.min(whole.width()));
        }

        #[test]
        fn in_ascii_every_other_character_is_an_escape_and_none_is_lost(bytes in hostile(), columns in 0_usize..40) {
            let _ascii = Repertoire::Ascii.hold();
            let escaped = |c: char| match c {
                '\\' | '\r' | '\n' | '\t' => c.escape_default().to_string(),
                '\0' => "\\0".to_owned(),
                ' '..='~' => c.to_string(),
                '\0'..='\x7f' => format!("\\x{:02x}", u32::from(c)),
                _ => format!("\\u{{{:04X}}}", u32::from(c)),
            };
            let chunks = bytes.utf8_chunks().flat_map(|chunk| {
                let invalid = chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}"));
                chunk.valid().chars().map(escaped).chain(invalid)
            });
            let wanted: String = chunks.collect();
            let whole = Printable::bytes(&bytes);
            prop_assert_eq!(whole.as_str(), &wanted);
            prop_assert_eq!(whole.width(), wanted.len());
            prop_assert!(whole.graphemes().all(|(grapheme, width)| (grapheme.len(), width) == (1, 1)));
            prop_assert_eq!(&Printable::text(whole.as_str()), &whole);
            let preview = Printable::bytes_up_to(&bytes, columns);
            prop_assert!(wanted.starts_with(preview.as_str()) && preview.width() >= columns.min(wanted.len()));
            for name in ["gbk", "iso-2022-jp", "utf-16le"] {
                let read = Printable::read_up_to(&bytes, &Reading::alone(Encoding::named(name).unwrap()), columns);
                prop_assert!(read.as_str().is_ascii() && read.width() == read.as_str().len());
            }
        }

        #[test]
        fn truncation_fits(bytes in hostile(), columns in 0_usize..40) {
            let cut = Printable::bytes(&bytes).truncate(columns, CUT);
            check(&cut)?;
            prop_assert!(cut.width() <= columns);
        }
    }
}
