//! The file of `sockbench log`: read by a thread of its own, in portions that the screen takes in between two frames.
//!
//! Owns the file. It is looked into before the screen is taken, so that a wrong one is told where it was asked for.

use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::sync::mpsc;

use crate::capture::read::{Portion, ReadError, Reader};
use crate::contract::{Block, SocketIds};
use crate::os::{self, File};

/// How much is read at once, in bytes.
const PIECE: usize = 1 << 20;

/// How many portions may wait for the screen: as many as two blocks at most.
const WAITING: usize = 2;

/// A file that has been looked into, and begins well.
pub(super) struct Opened {
    /// What the user calls it.
    pub(super) name: String,
    /// Its length in bytes, where it is a regular file.
    pub(super) size: Option<u64>,
    file: File,
    reader: Reader,
    read: u64,
    /// What made the reader stop already.
    damage: Option<ReadError>,
}

/// What comes of the file.
pub(super) enum Loaded {
    /// A part of it, and how many bytes are read by now.
    Portion(Portion, u64),
    /// All that there is: what is worth saying of it, or why it could not be read on.
    Ended(Result<Vec<String>, String>),
}

/// The thread that reads.
pub(super) struct Loading {
    loaded: mpsc::Receiver<Loaded>,
    blocks: Sender<Block>,
}

impl Opened {
    /// Opens a file and reads its beginning.
    ///
    /// # Errors
    /// One sentence: it can't be opened, or it is of no known format.
    pub(super) fn open(path: &Path, ids: SocketIds) -> Result<Self, String> {
        let shown = path.display();
        let fails = |error: io::Error| format!("sockbench: {shown} can't be read: {error}");
        let file = File::open(path).map_err(fails)?;
        let metadata = file.status().map_err(fails)?;
        let size = metadata.is_file().then_some(metadata.len());
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let mut opened = Self { name, size, file, reader: Reader::new(ids), read: 0, damage: None };
        let more = opened.piece(&mut vec![0; PIECE]).map_err(fails)?;
        if !more && opened.damage.is_none() {
            opened.damage = opened.reader.finish().err();
        }
        match opened.damage.take() {
            Some(damage) => {
                let stopped = opened.reader.stop();
                if opened.reader.is_empty() || stopped.is_err() {
                    return Err(format!("sockbench: {shown} is not opened: {damage}."));
                }
                opened.damage = Some(damage);
            }
            None if !more => opened.read = opened.size.unwrap_or(opened.read),
            None => {}
        }
        Ok(opened)
    }

    /// Reads the next piece of the file; false at its end.
    fn piece(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        let count = self.file.read(buffer)?;
        if count > 0 {
            self.read += count as u64;
            self.damage = self.reader.read(&buffer[..count]).err();
        }
        Ok(count > 0)
    }

    /// Begins to read the rest.
    pub(super) fn start(self) -> io::Result<Loading> {
        let (out, loaded) = mpsc::channel(WAITING);
        let (blocks, emptied) = channel();
        os::spawn("log-file", move || self.run(&out, &emptied))?;
        Ok(Loading { loaded, blocks })
    }

    /// Reads all; ends early when nobody takes it any more.
    fn run(mut self, out: &mpsc::Sender<Loaded>, emptied: &Receiver<Block>) {
        let mut buffer = vec![0; PIECE];
        let ended = loop {
            if !self.hand_over(out, emptied) {
                return;
            }
            if let Some(damage) = self.damage.take() {
                let _ = self.reader.stop();
                break Err(damage.to_string());
            }
            match self.piece(&mut buffer) {
                Ok(true) => {}
                Ok(false) => break self.reader.finish().map_err(|error| error.to_string()),
                Err(error) => {
                    let _ = self.reader.stop();
                    break Err(error.to_string());
                }
            }
        };
        if self.hand_over(out, emptied) {
            let remarks = self.reader.remarks();
            let _ = out.blocking_send(Loaded::Ended(ended.map(|()| remarks)));
        }
    }

    fn hand_over(&mut self, out: &mpsc::Sender<Loaded>, emptied: &Receiver<Block>) -> bool {
        while let Some(portion) = self.reader.take() {
            if out.blocking_send(Loaded::Portion(portion, self.read)).is_err() {
                return false;
            }
            for block in emptied.try_iter() {
                self.reader.recycle(block);
            }
        }
        true
    }
}

impl Loading {
    /// What comes next of the file; for ever nothing after its end.
    pub(super) async fn next(&mut self) -> Loaded {
        match self.loaded.recv().await {
            Some(loaded) => loaded,
            None => std::future::pending().await,
        }
    }

    /// Gives a block to be filled again.
    pub(super) fn recycle(&self, block: Block) {
        // Whoever has read all needs none.
        let _ = self.blocks.send(block);
    }
}
