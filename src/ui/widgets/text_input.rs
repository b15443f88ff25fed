//! The one editor of text: drafts, filters, fields of forms, the palette.
//!
//! Owns a text of one or more lines, a cursor, and what can be undone. The text is data: what is pasted stays exactly as
//! it came, control characters included. It never decides which key does what, and never sends.

mod undo;
mod view;

use std::ops::Range;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use crate::log::sanitise::Printable;
use undo::{Change, Kind, Undo};
pub(in crate::ui) use view::InputStyles;

/// What can be done to a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ui) enum Edit {
    /// A character was typed.
    Insert(char),
    /// A text was pasted; it goes in exactly as it is.
    InsertText(String),
    /// A new line begins at the cursor.
    Newline,
    /// Removes the step before the cursor.
    Backspace,
    /// Removes the step after the cursor.
    Delete,
    /// One step to the left.
    Left,
    /// One step to the right.
    Right,
    /// To the beginning of the word before the cursor.
    WordLeft,
    /// To the end of the word after the cursor.
    WordRight,
    /// To the beginning of the line.
    Home,
    /// To the end of the line.
    End,
    /// To the line above; does nothing on the first one.
    Up,
    /// To the line below; does nothing on the last one.
    Down,
    /// Removes from the beginning of the word before the cursor.
    DeleteWord,
    /// Removes from the beginning of the line.
    DeleteToStart,
    /// Removes to the end of the line.
    DeleteToEnd,
    /// Takes the last change back; a word that was typed is one change.
    Undo,
    /// Makes the change again that was last taken back.
    Redo,
}

impl Edit {
    /// What a key does in a text, where no action has it.
    pub(in crate::ui) fn of(key: KeyEvent) -> Option<Self> {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        Some(match key.code {
            KeyCode::Char(character) if !control && !alt => Self::Insert(character),
            KeyCode::Char('w') if control => Self::DeleteWord,
            KeyCode::Char('u') if control => Self::DeleteToStart,
            KeyCode::Char('k') if control => Self::DeleteToEnd,
            KeyCode::Backspace if alt || control => Self::DeleteWord,
            KeyCode::Backspace => Self::Backspace,
            KeyCode::Delete => Self::Delete,
            KeyCode::Left if control => Self::WordLeft,
            KeyCode::Right if control => Self::WordRight,
            KeyCode::Left => Self::Left,
            KeyCode::Right => Self::Right,
            KeyCode::Home => Self::Home,
            KeyCode::End => Self::End,
            _ => return None,
        })
    }
}

/// A text that is being edited.
///
/// The cursor moves in steps: a step is a grapheme (UAX #29), but CR and LF are always two.
#[derive(Clone, Debug, Default)]
pub(in crate::ui) struct TextInput {
    text: String,
    /// A byte of the text, always between two steps.
    cursor: usize,
    /// The column that moving up and down tries to keep.
    goal: Option<usize>,
    undo: Undo,
    placeholder: Printable,
}

impl TextInput {
    /// An empty text.
    #[must_use]
    pub(in crate::ui) fn new() -> Self {
        Self::default()
    }

    /// A text to start with, the cursor at its end. It can't be undone.
    #[must_use]
    pub(in crate::ui) fn with_text(text: &str) -> Self {
        Self { text: text.to_owned(), cursor: text.len(), ..Self::default() }
    }

    /// The text, exactly.
    #[must_use]
    pub(in crate::ui) fn text(&self) -> &str {
        &self.text
    }

    /// Replaces the whole text, as one change that can be undone; the cursor goes to its end.
    pub(in crate::ui) fn set_text(&mut self, text: &str) {
        self.goal = None;
        if self.text == text {
            self.move_to(self.text.len());
        } else {
            self.replace(0..self.text.len(), text, Kind::Other);
        }
    }

    /// Empties the text; can be undone.
    pub(in crate::ui) fn clear(&mut self) {
        self.set_text("");
    }

    /// Whether there is no text.
    #[must_use]
    pub(in crate::ui) const fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Where the cursor is: a byte of the text, or its length.
    #[must_use]
    pub(in crate::ui) const fn cursor(&self) -> usize {
        self.cursor
    }

    /// What is shown in the place of an empty text.
    pub(in crate::ui) fn set_placeholder(&mut self, placeholder: Printable) {
        self.placeholder = placeholder;
    }

    /// What is shown in the place of an empty text.
    #[must_use]
    pub(in crate::ui) const fn placeholder(&self) -> &Printable {
        &self.placeholder
    }

    /// Does an edit; true if the text changed or the cursor moved.
    pub(in crate::ui) fn apply(&mut self, edit: Edit) -> bool {
        let goal = self.goal.take();
        let line = self.line_at(self.cursor);
        match edit {
            Edit::Insert(c) => self.replace(self.cursor..self.cursor, c.encode_utf8(&mut [0; 4]), Kind::Typing),
            Edit::InsertText(text) => self.replace(self.cursor..self.cursor, &text, Kind::Other),
            Edit::Newline => self.replace(self.cursor..self.cursor, "\n", Kind::Other),
            Edit::Backspace => self.replace(self.step_before(self.cursor)..self.cursor, "", Kind::Backspacing),
            Edit::Delete => self.replace(self.cursor..self.step_after(self.cursor), "", Kind::Other),
            Edit::DeleteWord => self.replace(self.word_before(self.cursor)..self.cursor, "", Kind::Other),
            Edit::DeleteToStart => self.replace(line.start..self.cursor, "", Kind::Other),
            Edit::DeleteToEnd => self.replace(self.cursor..line.end, "", Kind::Other),
            Edit::Left => self.move_to(self.step_before(self.cursor)),
            Edit::Right => self.move_to(self.step_after(self.cursor)),
            Edit::WordLeft => self.move_to(self.word_before(self.cursor)),
            Edit::WordRight => self.move_to(self.word_after(self.cursor)),
            Edit::Home => self.move_to(line.start),
            Edit::End => self.move_to(line.end),
            Edit::Up => line.start > 0 && self.move_to_line(self.line_at(line.start - 1), goal),
            Edit::Down => line.end < self.text.len() && self.move_to_line(self.line_at(line.end + 1), goal),
            Edit::Undo => self.undo.undo(&mut self.text).is_some_and(|cursor| self.jump_to(cursor)),
            Edit::Redo => self.undo.redo(&mut self.text).is_some_and(|cursor| self.jump_to(cursor)),
        }
    }

    /// Replaces a part of the text and puts the cursor behind it; true if that changes anything.
    fn replace(&mut self, range: Range<usize>, inserted: &str, kind: Kind) -> bool {
        if range.is_empty() && inserted.is_empty() {
            return false;
        }
        let before = self.cursor;
        let at = range.start;
        let removed = self.text[range.clone()].to_owned();
        self.text.replace_range(range, inserted);
        // What stands after it may have joined what was inserted.
        self.cursor = self.step_end(at + inserted.len());
        let change = Change { at, removed, inserted: inserted.to_owned(), before, after: self.cursor };
        self.undo.record(change, kind);
        true
    }

    fn move_to(&mut self, cursor: usize) -> bool {
        self.undo.close();
        let moved = self.cursor != cursor;
        self.cursor = cursor;
        moved
    }

    /// To where a change was taken back or made again.
    fn jump_to(&mut self, cursor: usize) -> bool {
        self.cursor = cursor;
        true
    }

    fn move_to_line(&mut self, line: Range<usize>, goal: Option<usize>) -> bool {
        let goal = goal.unwrap_or_else(|| {
            let start = self.line_at(self.cursor).start;
            view::columns(&self.text[start..self.cursor])
        });
        self.move_to(self.at_column(line, goal));
        self.goal = Some(goal);
        true
    }

    /// The line that this place is on, without its newline.
    fn line_at(&self, at: usize) -> Range<usize> {
        let start = memchr::memrchr(b'\n', &self.text.as_bytes()[..at]).map_or(0, |newline| newline + 1);
        let end = memchr::memchr(b'\n', &self.text.as_bytes()[at..]).map_or(self.text.len(), |newline| at + newline);
        start..end
    }

    /// The step that ends here begins there. At the beginning of the text: here.
    fn step_before(&self, at: usize) -> usize {
        match self.text[..at].graphemes(true).next_back() {
            Some("\r\n") => at - 1,
            Some(step) => at - step.len(),
            None => at,
        }
    }

    /// The step that begins here ends there. At the end of the text: here.
    fn step_after(&self, at: usize) -> usize {
        match self.text[at..].graphemes(true).next() {
            Some("\r\n") => at + 1,
            Some(step) => at + step.len(),
            None => at,
        }
    }

    /// This place if it is between two steps, else the end of the step that it is in.
    fn step_end(&self, at: usize) -> usize {
        if self.text[..at].ends_with('\r') {
            return at;
        }
        let mut cursor = GraphemeCursor::new(at, self.text.len(), true);
        // The whole text is there, so the cursor never asks for more of it.
        match cursor.is_boundary(&self.text, 0) {
            Ok(false) => cursor.next_boundary(&self.text, 0).ok().flatten().unwrap_or(self.text.len()),
            _ => at,
        }
    }

    fn word_before(&self, mut at: usize) -> usize {
        for of_word in [false, true] {
            while at > 0 && self.is_word(self.step_before(at)) == of_word {
                at = self.step_before(at);
            }
        }
        at
    }

    fn word_after(&self, mut at: usize) -> usize {
        for of_word in [false, true] {
            while at < self.text.len() && self.is_word(at) == of_word {
                at = self.step_after(at);
            }
        }
        at
    }

    fn is_word(&self, at: usize) -> bool {
        self.text[at..].chars().next().is_some_and(|c| c.is_alphanumeric() || c == '_')
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn edited(text: &str, edits: &[Edit]) -> TextInput {
        let mut input = TextInput::with_text(text);
        for edit in edits {
            input.apply(edit.clone());
        }
        input
    }

    fn typed(input: &mut TextInput, text: &str) {
        for c in text.chars() {
            input.apply(Edit::Insert(c));
        }
    }

    #[test]
    fn a_paste_stays_exactly_as_it_is() {
        let paste = "\x1b[201~a\r\nb\0\u{202e}";
        let mut input = TextInput::new();
        assert!(input.apply(Edit::InsertText(paste.to_owned())));
        assert_eq!((input.text(), input.cursor()), (paste, paste.len()));
    }

    #[test]
    fn steps_are_graphemes_but_cr_and_lf_are_two() {
        let input = edited("e\u{301}\r\n", &[Edit::Backspace]);
        assert_eq!(input.text(), "e\u{301}\r");
        let input = edited("xe\u{301}\r\n", &[Edit::Backspace, Edit::Backspace, Edit::Backspace]);
        assert_eq!(input.text(), "x");
    }

    #[test]
    fn words_and_lines() {
        use Edit::{DeleteToEnd, DeleteToStart, DeleteWord, Down, Home, Up, WordLeft, WordRight};
        let text = "GET /index_1\nHost: b";
        assert_eq!(edited(text, &[DeleteWord]).text(), "GET /index_1\nHost: ");
        assert_eq!(edited(text, &[DeleteWord, DeleteWord]).text(), "GET /index_1\n");
        assert_eq!(edited(text, &[DeleteToStart]).text(), "GET /index_1\n");
        assert_eq!(edited(text, &[Home, Up, DeleteToEnd]).text(), "\nHost: b");
        assert_eq!(edited(text, &[Up, WordLeft]).cursor(), 5);
        assert_eq!(edited(text, &[Up, Home, WordRight]).cursor(), 3);
        assert_eq!(edited(text, &[Up, Down]).cursor(), text.len());
        let mut input = TextInput::with_text("a\nb");
        assert_eq!([Up, Up, Down, Down].map(|edit| input.apply(edit)), [true, false, true, false]);
    }

    #[test]
    fn moving_between_lines_keeps_the_column() {
        let mut input = TextInput::with_text("日本語\na\nabcdef");
        assert!(input.apply(Edit::Left));
        assert!(input.apply(Edit::Up));
        assert_eq!(input.cursor(), "日本語\na".len());
        assert!(input.apply(Edit::Up));
        assert_eq!(input.cursor(), "日本".len());
    }

    #[test]
    fn undo_takes_back_words_and_pastes() {
        let mut input = TextInput::new();
        typed(&mut input, "hello big world");
        input.apply(Edit::InsertText(" pasted text".to_owned()));
        let mut states = vec![input.text().to_owned()];
        while input.apply(Edit::Undo) {
            states.push(input.text().to_owned());
        }
        assert_eq!(states, ["hello big world pasted text", "hello big world", "hello big ", "hello ", ""]);
        assert!(input.apply(Edit::Redo));
        typed(&mut input, "x");
        assert!(!input.apply(Edit::Redo), "typing forgets what could be made again");
        input.clear();
        assert!(input.apply(Edit::Undo));
        assert_eq!((input.text(), input.cursor()), ("hello x", 7));
    }

    /// Edits in which the hard characters are frequent. Undo and redo are for a property of their own.
    fn edit() -> impl Strategy<Value = Edit> {
        use Edit::{
            Backspace, Delete, DeleteToEnd, DeleteToStart, DeleteWord, Down, End, Home, Left, Newline, Right, Up,
            WordLeft, WordRight,
        };
        let hard =
            prop::sample::select(vec!['a', ' ', 'e', '\u{301}', '\r', '\n', '\u{1f1e6}', '\u{200d}', '👩', '日']);
        prop_oneof![
            4 => hard.prop_map(Edit::Insert),
            1 => any::<char>().prop_map(Edit::Insert),
            1 => "(\\PC|\r\n|\u{1f1e6}){0,5}".prop_map(Edit::InsertText),
            3 => prop::sample::select(vec![Left, Right, Left, Right, WordLeft, WordRight, Home, End, Up, Down]),
            2 => prop::sample::select(vec![
                Backspace, Backspace, Delete, Newline, DeleteWord, DeleteToStart, DeleteToEnd
            ]),
        ]
    }

    /// The places between the steps of a text.
    fn stops(text: &str) -> Vec<usize> {
        let mut stops: Vec<usize> = text.grapheme_indices(true).map(|(at, _)| at).collect();
        stops.extend(text.match_indices("\r\n").map(|(at, _)| at + 1));
        stops.push(text.len());
        stops.sort_unstable();
        stops
    }

    /// The edits that change text, on a plain string.
    fn expected(text: &str, cursor: usize, edit: &Edit) -> Option<(String, usize)> {
        let (before, after) = text.split_at(cursor);
        let all = stops(text);
        let previous = all.iter().rev().find(|&&stop| stop < cursor).copied().unwrap_or(0);
        let next = all.iter().find(|&&stop| stop > cursor).copied().unwrap_or(text.len());
        let (text, at) = match edit {
            Edit::Insert(c) => (format!("{before}{c}{after}"), cursor + c.len_utf8()),
            Edit::InsertText(new) => (format!("{before}{new}{after}"), cursor + new.len()),
            Edit::Newline => (format!("{before}\n{after}"), cursor + 1),
            Edit::Backspace => (format!("{}{after}", &text[..previous]), previous),
            Edit::Delete => (format!("{before}{}", &text[next..]), cursor),
            Edit::Left => (text.to_owned(), previous),
            Edit::Right => (text.to_owned(), next),
            Edit::Home => (text.to_owned(), before.rfind('\n').map_or(0, |at| at + 1)),
            Edit::End => (text.to_owned(), after.find('\n').map_or(text.len(), |at| cursor + at)),
            _ => return None,
        };
        let cursor = stops(&text).into_iter().find(|&stop| stop >= at)?;
        Some((text, cursor))
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn edits_do_what_they_do_to_a_string(edits in prop::collection::vec(edit(), 0..40)) {
            let mut input = TextInput::new();
            for edit in edits {
                let before = (input.text().to_owned(), input.cursor());
                let wanted = expected(&before.0, before.1, &edit);
                let said = input.apply(edit.clone());
                let now = (input.text().to_owned(), input.cursor());
                prop_assert!(stops(&now.0).contains(&now.1), "{:?} in {:?}", edit, now);
                if !matches!(edit, Edit::Up | Edit::Down) {
                    prop_assert_eq!(said, before != now, "{:?}", edit);
                }
                if let Some(wanted) = wanted {
                    prop_assert_eq!(now, wanted, "{:?}", edit);
                }
            }
        }

        #[test]
        fn undo_goes_back_to_the_start_and_redo_to_the_end(
            start in "(\\PC|\n){0,8}",
            edits in prop::collection::vec(edit(), 0..40),
        ) {
            let mut input = edited(&start, &edits);
            let end = input.text().to_owned();
            while input.apply(Edit::Undo) {
                prop_assert!(stops(input.text()).contains(&input.cursor()));
            }
            prop_assert_eq!(input.text(), start);
            while input.apply(Edit::Redo) {
                prop_assert!(stops(input.text()).contains(&input.cursor()));
            }
            prop_assert_eq!(input.text(), end);
        }
    }
}
