//! What a terminal makes of a character: whether it shows it, in how many columns, and to which grapheme it belongs.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthChar;

/// Characters that are never shown as themselves, in order; controls and characters without a column are not listed.
///
/// From the Unicode Character Database: default-ignorable and format characters (Cf), bidi controls, separators of
/// lines, fillers, variation selectors, characters that act on what follows (`Grapheme_Cluster_Break=Prepend`),
/// noncharacters; and those that terminals disagree on: skin tones, which some merge into the emoji before them.
const HIDDEN: &[(char, char)] = &[
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{d4e}', '\u{d4e}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17a3}', '\u{17a4}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fdd0}', '\u{fdef}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{fffe}', '\u{ffff}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{111c2}', '\u{111c3}'),
    ('\u{113d1}', '\u{113d1}'),
    ('\u{1193f}', '\u{1193f}'),
    ('\u{11941}', '\u{11941}'),
    ('\u{11a3a}', '\u{11a3a}'),
    ('\u{11a84}', '\u{11a89}'),
    ('\u{11d46}', '\u{11d46}'),
    ('\u{11f02}', '\u{11f02}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{1f3fb}', '\u{1f3ff}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Whether it is shown as an escape.
pub(super) fn is_hidden(c: char) -> bool {
    // The noncharacters that end each plane are not in the table.
    u32::from(c) & 0xfffe == 0xfffe
        || HIDDEN
            .binary_search_by(|&(first, last)| {
                if last < c {
                    std::cmp::Ordering::Less
                } else if first > c {
                    std::cmp::Ordering::Greater
                } else {
                    std::cmp::Ordering::Equal
                }
            })
            .is_ok()
}

/// Whether it is half a flag.
pub(super) const fn is_regional_indicator(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

/// How many columns it takes.
pub(super) fn columns_of(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// Whether `c` belongs to the grapheme that ends in `last` (UAX #29). Whether it closes a flag, the caller has to know.
pub(super) fn joins(last: char, c: char) -> bool {
    // Nothing below U+0300 does, nor the Han characters, nor up to Arabic what takes a column; the rest is looked up.
    if c < '\u{300}' || matches!(c, '\u{3400}'..='\u{9fff}') || (c < '\u{900}' && columns_of(c) > 0) {
        return false;
    }
    let mut buffer = [0; 8];
    let middle = last.encode_utf8(&mut buffer).len();
    let end = middle + c.encode_utf8(&mut buffer[middle..]).len();
    std::str::from_utf8(&buffer[..end]).is_ok_and(|pair| pair.graphemes(true).nth(1).is_none())
}
