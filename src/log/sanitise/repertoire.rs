//! Which characters a terminal can show.
//!
//! Owns what holds for the texts that a thread makes harmless. It never finds out what a terminal can: whoever draws
//! on it says so.

use std::cell::Cell;

/// The characters that reach a terminal as themselves.
///
/// UTF-8 is no text to a terminal of another charset: in ISO 8859-1 the last byte of U+011B (C4 9B) is CSI, which begins
/// an order. What all charsets of terminals share is ASCII.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repertoire {
    /// Whatever is visible.
    #[default]
    Unicode,
    /// Nothing beyond ASCII.
    Ascii,
}

thread_local! {
    // Of the thread, as there is one that draws: the width of a text is asked for in many places, and has to be that
    // of what is drawn in each.
    static CURRENT: Cell<Repertoire> = const { Cell::new(Repertoire::Unicode) };
}

/// Ends what [`Repertoire::hold`] began when it is dropped.
#[must_use = "it holds for as long as this is there"]
#[derive(Debug)]
pub struct Held {
    before: Repertoire,
}

impl Repertoire {
    /// The one of this thread; Unicode, where none is held.
    #[must_use]
    pub fn current() -> Self {
        CURRENT.get()
    }

    /// Makes this the one of this thread: for every [`Printable`](super::Printable) that is made, until what this gives
    /// is dropped.
    pub fn hold(self) -> Held {
        Held { before: CURRENT.replace(self) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        CURRENT.set(self.before);
    }
}
