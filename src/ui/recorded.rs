//! The file whose log is on the screen.
//!
//! Owns what the user is told of it. It never reads the file.

use std::io;

use super::figures::{grouped, size};
use super::{Notice, Pane, Ui};
use crate::capture::read::Portion;
use crate::contract::Block;

impl Ui {
    /// Says that the log of a file will come, by the file's name and its length in bytes where that is known.
    pub fn open_file(&mut self, name: String, size: Option<u64>) {
        self.bench.begin_recorded(name, size);
        self.focus = Pane::Log;
    }

    /// Takes in a part of the file, of which so many bytes are read by now, and gives back a block for the next. As
    /// after [`absorb`](Self::absorb), [`settle`](Self::settle) is to follow.
    ///
    /// # Errors
    /// `ENOMEM`, where the system has no memory for another block.
    pub fn absorb_file(&mut self, portion: Portion, read: u64) -> io::Result<Block> {
        let is_first = self.bench.recorded.as_ref().is_some_and(|recorded| recorded.read() == 0);
        let before = self.bench.view.len();
        let block = self.bench.absorb_recorded(portion, read)?;
        if is_first {
            // A file is read from its beginning.
            self.bench.view.move_to_index(before);
        }
        Ok(block)
    }

    /// Takes in what is to be said of the file now that all of it is read, or why it could not be read on.
    pub fn file_ended(&mut self, result: Result<Vec<String>, String>) {
        self.bench.end_recorded();
        if self.sockets.selected.is_none() {
            self.move_in_list(0);
        }
        let Some(recorded) = &self.bench.recorded else { return };
        let name = &recorded.name;
        let count = recorded.sockets();
        let sockets = if count == 1 { "1 socket".to_owned() } else { format!("{} sockets", grouped(count)) };
        let rows = if recorded.rows == 1 { "1 row".to_owned() } else { format!("{} rows", grouped(recorded.rows)) };
        let notice = match result {
            Ok(remarks) if remarks.is_empty() => Notice::good(format!("{name} is read: {rows} of {sockets}")),
            Ok(remarks) => Notice::warning(format!("{name}: {rows} of {sockets}; {}", remarks.join("; "))),
            Err(why) => Notice::error(format!("{name} is read in part: {why}.")),
        };
        self.tell(notice);
    }

    /// What the status line says of the file: its name, and how much of it is read as long as that grows.
    pub(in crate::ui) fn file_status(&self) -> Option<String> {
        let recorded = self.bench.recorded.as_ref()?;
        let name = &recorded.name;
        Some(match recorded.percent() {
            _ if recorded.ended => name.clone(),
            Some(percent) => format!("reading {name} {percent}%"),
            None => format!("reading {name} {}", size(recorded.read())),
        })
    }
}
