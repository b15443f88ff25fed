//! File descriptors that the connections of listeners leave to all else: saving, exporting, the log on disk, the screen.
//!
//! Owns them as long as nobody needs them. Once `accept(2)` finds none left they are free for whoever asks, and no
//! listener accepts until there are so many again. It never closes anything else.

use std::cell::RefCell;
use std::io;
use std::path::Path;

use nix::errno::Errno;

use crate::os::File;

/// How many: a file that is saved takes two at once, an export as many, a recording one, a look at the terminal one.
const HELD_BACK: usize = 8;

/// The descriptors, open on nothing.
pub(super) struct Reserve(RefCell<Vec<File>>);

impl Reserve {
    /// Takes them, if there are so many.
    pub(super) fn new() -> Self {
        let reserve = Self(RefCell::default());
        // Where there are not, whoever wants to accept will be told.
        let _ = reserve.restock();
        reserve
    }

    /// Gives them free.
    pub(super) fn release(&self) {
        self.0.borrow_mut().clear();
    }

    /// Takes them again where they were given free, and sees that one more is left to accept with.
    ///
    /// # Errors
    /// `EMFILE` or `ENFILE`, when there are too few.
    pub(super) fn restock(&self) -> io::Result<()> {
        let mut held = self.0.borrow_mut();
        if !held.is_empty() {
            return Ok(());
        }
        let taken: io::Result<Vec<_>> = (0..=HELD_BACK).map(|_| File::open(Path::new("/dev/null"))).collect();
        match taken {
            Ok(mut taken) => {
                taken.truncate(HELD_BACK);
                *held = taken;
                Ok(())
            }
            Err(error) => match error.raw_os_error().map(Errno::from_raw) {
                Some(Errno::EMFILE | Errno::ENFILE) => Err(error),
                // Where there is no such file nothing can be held back, which is no reason to accept nobody.
                _ => Ok(()),
            },
        }
    }
}
