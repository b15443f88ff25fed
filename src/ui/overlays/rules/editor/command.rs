//! A command in one line: its words, and the quotes around those that need them. No shell ever reads it.

use std::ops::Range;

/// The words of a command: parted by blanks, those that hold some in `'...'` or `"..."`, with nothing escaped.
pub(super) fn split_words(text: &str) -> Result<Vec<String>, (Range<usize>, String)> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        None => return Err((at..text.len(), format!("the {character} is not closed"))),
                        Some((_, end)) if end == character => break,
                        Some((_, inside)) => word.push(inside),
                    }
                }
            }
            blank if blank.is_whitespace() => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    if words.first().is_none_or(String::is_empty) {
        return Err((0..text.len(), "name the program, such as cat".to_owned()));
    }
    Ok(words)
}

/// The command of which [`split_words`] makes these words.
pub(super) fn join_words(words: &[String]) -> String {
    let quoted = |word: &String| {
        let plain = |c: char| !c.is_whitespace() && !matches!(c, '\'' | '"');
        if !word.is_empty() && word.chars().all(plain) {
            return word.clone();
        }
        // A quote stands in the other quotes.
        let parts: Vec<_> = word.split('\'').map(|part| format!("'{part}'")).collect();
        parts.join("\"'\"")
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_command_is_split_at_its_blanks() {
        let words = |text| split_words(text).map(|words| words.join("|"));
        assert_eq!(words(" sed  's/a b/c/' \"it's\"x ''").as_deref(), Ok("sed|s/a b/c/|it'sx|"));
        assert_eq!(words("cat 'x"), Err((4..6, "the ' is not closed".to_owned())));
        assert!(words(" ").is_err() && words("'' a").is_err());
    }

    proptest! {
        #[test]
        fn any_command_is_written_so_that_it_is_read(words in prop::collection::vec("([a-z '\"\t]|\\PC){1,6}", 1..5)) {
            prop_assert_eq!(split_words(&join_words(&words)), Ok(words));
        }
    }
}
