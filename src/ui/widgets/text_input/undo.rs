//! What can be taken back, and made again.

use std::collections::VecDeque;

/// How many changes are remembered.
const MOST_CHANGES: usize = 1000;

/// A part of a text replaced by another.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) at: usize,
    pub(super) removed: String,
    pub(super) inserted: String,
    /// The cursor before and after.
    pub(super) before: usize,
    pub(super) after: usize,
}

/// How a change came about; some of a kind, one after another, are taken back together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Typing,
    Backspacing,
    Other,
}

/// The changes of a text.
#[derive(Clone, Debug, Default)]
pub(super) struct Undo {
    done: VecDeque<Change>,
    undone: Vec<Change>,
    /// What may still be added to the last change.
    open: Option<Kind>,
}

impl Undo {
    pub(super) fn record(&mut self, change: Change, kind: Kind) {
        self.undone.clear();
        let continues = self.open == Some(kind);
        self.open = Some(kind);
        let Some(last) = self.done.back_mut().filter(|last| continues && last.after == change.before) else {
            self.push(change);
            return;
        };
        let begins_word = last.inserted.ends_with(char::is_whitespace) && !change.inserted.starts_with(' ');
        match kind {
            Kind::Typing if last.at + last.inserted.len() == change.at && !begins_word => {
                last.inserted.push_str(&change.inserted);
                last.after = change.after;
            }
            Kind::Backspacing if last.at == change.at + change.removed.len() => {
                last.at = change.at;
                last.removed.insert_str(0, &change.removed);
                last.after = change.after;
            }
            _ => self.push(change),
        }
    }

    /// Ends a run of typing: what is typed next is a change of its own.
    pub(super) fn close(&mut self) {
        self.open = None;
    }

    /// Takes the last change back; gives the cursor, or nothing when there is none.
    pub(super) fn undo(&mut self, text: &mut String) -> Option<usize> {
        self.close();
        let change = self.done.pop_back()?;
        text.replace_range(change.at..change.at + change.inserted.len(), &change.removed);
        let cursor = change.before;
        self.undone.push(change);
        Some(cursor)
    }

    /// Makes the change again that was last taken back; gives the cursor, or nothing when there is none.
    pub(super) fn redo(&mut self, text: &mut String) -> Option<usize> {
        self.close();
        let change = self.undone.pop()?;
        text.replace_range(change.at..change.at + change.removed.len(), &change.inserted);
        let cursor = change.after;
        self.done.push_back(change);
        Some(cursor)
    }

    fn push(&mut self, change: Change) {
        if self.done.len() == MOST_CHANGES {
            self.done.pop_front();
        }
        self.done.push_back(change);
    }
}
