//! What reaches the screen: whatever the bytes are, nothing of it acts on a terminal, and every cell has its width.

use sockbench::encoding::{Encoding, Reading};
use sockbench::log::sanitise::{MAX_MARKS, Printable};
use unicode_width::UnicodeWidthStr as _;

use super::notation::ENCODINGS;

/// What is put at the end of what was cut.
const CUT: &str = "…";

/// The first byte chooses a width, the second an encoding; the rest came from a peer.
pub fn check(data: &[u8]) {
    let [columns, choice, bytes @ ..] = data else { return };
    let columns = usize::from(*columns);
    let whole = Printable::bytes(bytes);
    is_clean(&whole);
    is_clean(&Printable::text(&String::from_utf8_lossy(bytes)));
    is_beginning(&Printable::bytes_up_to(bytes, columns), &whole, columns);

    let Ok(encoding) = Encoding::named(ENCODINGS[usize::from(*choice) % ENCODINGS.len()]) else { return };
    let reading = Reading::alone(encoding);
    let all = Printable::read_up_to(bytes, &reading, usize::MAX);
    is_clean(&all);
    is_beginning(&Printable::read_up_to(bytes, &reading, columns), &all, columns);
    let pieces: usize = reading.pieces(bytes).map(|piece| piece.len).sum();
    assert_eq!(pieces, bytes.len(), "{encoding}: no byte is left out");

    let cut = whole.truncate(columns, CUT);
    is_clean(&cut);
    assert!(cut.width() <= columns);
}

fn is_clean(shown: &Printable) {
    let (mut columns, mut joined) = (0, String::new());
    for (grapheme, width) in shown.graphemes() {
        assert!(matches!(width, 1 | 2), "{grapheme:?} has {width} columns");
        assert!(grapheme.chars().count() <= 2 + MAX_MARKS, "{grapheme:?}");
        assert_eq!(grapheme.width(), width, "{grapheme:?}");
        columns += width;
        joined.push_str(grapheme);
    }
    assert_eq!(columns, shown.width());
    assert_eq!(joined, shown.as_str());
    for c in shown.as_str().chars() {
        assert!(!c.is_control() && !acts_on_others(c), "{c:?}");
    }
    assert_eq!(&Printable::text(shown.as_str()), shown, "clean text stays as it is");
}

/// Characters that reorder, hide or break what stands around them.
const fn acts_on_others(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

fn is_beginning(preview: &Printable, whole: &Printable, columns: usize) {
    is_clean(preview);
    let counts_marks = [" mark}…", " marks}…"].iter().any(|end| preview.as_str().ends_with(end));
    assert!(whole.as_str().starts_with(preview.as_str()) || counts_marks, "{preview} / {whole}");
    assert!(preview.width() >= columns.min(whole.width()), "{preview} does not fill {columns} columns");
}
