//! What is printed on a terminal of another charset than UTF-8.
//!
//! Owns that it is ASCII there. What goes to a file or a pipe stays as it is.

use std::fmt::Write;

use crate::cli::Format;

/// Makes lines ASCII: what is not is escaped, in JSON as JSON has it and else as in the rest of a line.
pub(super) fn make_ascii(lines: &mut Vec<u8>, format: Format) {
    if lines.is_ascii() {
        return;
    }
    let mut escaped = String::with_capacity(2 * lines.len());
    for c in String::from_utf8_lossy(lines).chars() {
        // Writing into a string never fails.
        let _ = match format {
            _ if c.is_ascii() => escaped.write_char(c),
            // Beyond ASCII there are only the contents of strings.
            Format::Jsonl => c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(escaped, "\\u{unit:04x}")),
            _ => write!(escaped, "\\u{{{:x}}}", u32::from(c)),
        };
    }
    *lines = escaped.into_bytes();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn json_says_the_same(text in "(\\PC|[a-z\\\\\"\n\u{11b}\u{1f469}]){0,20}") {
            let mut lines = serde_json::to_vec(&text).unwrap();
            make_ascii(&mut lines, Format::Jsonl);
            prop_assert!(lines.is_ascii());
            prop_assert_eq!(serde_json::from_slice::<String>(&lines).unwrap(), text);
        }

        #[test]
        fn lines_stay_and_are_ascii(text in "(\\PC|[a-z\n\u{11b}]){0,20}") {
            let mut lines = text.clone().into_bytes();
            make_ascii(&mut lines, Format::Text);
            prop_assert!(lines.is_ascii());
            let told = String::from_utf8(lines).unwrap();
            prop_assert_eq!(told.lines().count(), text.lines().count());
            prop_assert_eq!(told.matches("\\u{").count(), text.chars().filter(|c| !c.is_ascii()).count());
        }
    }
}
