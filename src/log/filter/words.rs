//! Finding words in bytes, whatever their case.
//!
//! Owns the search. ASCII words, which most are, are found in the bytes as they stand; others in the text that the bytes
//! are.

use memchr::{memchr_iter, memchr2_iter};

/// A text to be found in whatever case.
#[derive(Clone, Debug)]
pub(super) struct Words {
    /// In lower case; never empty.
    text: String,
}

impl Words {
    /// The text must not be empty.
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.to_lowercase() }
    }

    pub(super) fn are_in(&self, bytes: &[u8]) -> bool {
        if self.text.is_ascii() {
            contains_ascii(bytes, self.text.as_bytes())
        } else {
            String::from_utf8_lossy(bytes).to_lowercase().contains(&self.text)
        }
    }
}

fn contains_ascii(bytes: &[u8], wanted: &[u8]) -> bool {
    let Some((&first, rest)) = wanted.split_first() else { return true };
    let Some(last_start) = bytes.len().checked_sub(wanted.len()) else { return false };
    let starts = &bytes[..=last_start];
    let found = |at: usize| bytes[at + 1..][..rest.len()].eq_ignore_ascii_case(rest);
    if first.is_ascii_alphabetic() {
        memchr2_iter(first, first.to_ascii_uppercase(), starts).any(found)
    } else {
        memchr_iter(first, starts).any(found)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_what_the_lower_case_texts_say(text in "[aAbBk \u{e4}\u{c4}]{0,12}", words in "[aAbBk\u{e4}\u{c4}]{1,3}") {
            prop_assert_eq!(Words::new(&words).are_in(text.as_bytes()), text.to_lowercase().contains(&words.to_lowercase()));
        }
    }
}
