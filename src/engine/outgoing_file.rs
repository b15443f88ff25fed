//! A file that is sent: by sendfile(2) into a stream, or read whole where it is to be one message.
//!
//! Owns how a file is opened for sending, and what is told of how far it has come. Its bytes never pass through here.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use tokio::time::Instant;

use crate::contract::{Direction, Fact, NetError, Operation, Progress, Ticket};
use crate::os::File;

/// The most bytes of one sendfile(2), so that the others get their turn.
pub(super) const CHUNK: usize = 1024 * 1024;

/// How often progress is told.
pub(super) const TELLING: Duration = Duration::from_millis(250);

/// The longest file that can be one message: a Unix socket takes up to its send buffer, UDP 65,507 bytes.
pub(super) const LONGEST_MESSAGE: usize = 16 * 1024 * 1024;

/// An open file on its way into a stream.
#[derive(Clone, Debug)]
pub(super) struct OutgoingFile {
    /// The file, which several sockets may be sent.
    pub(super) file: Rc<File>,
    /// Its length in bytes when it was opened.
    pub(super) len: usize,
    /// How many calls have been made.
    pub(super) calls: u32,
    path: PathBuf,
    began: Option<Instant>,
    told: Option<Instant>,
}

impl OutgoingFile {
    /// Opens a file.
    ///
    /// # Errors
    /// When it can't be read, or is no regular file.
    pub(super) fn open(path: &Path) -> Result<Self, NetError> {
        let failed = |error: &io::Error| NetError::from_io(Operation::Open, Some(path.display().to_string()), error);
        // Without O_NONBLOCK, opening a FIFO would wait for someone who writes.
        let opened = File::open_with(OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK), path);
        let file = opened.map_err(|error| failed(&error))?;
        let metadata = file.status().map_err(|error| failed(&error))?;
        if !metadata.is_file() {
            let cause = if metadata.is_dir() { "it is a folder" } else { "it is no regular file" };
            return Err(NetError::other(Operation::Open, Some(path.display().to_string()), cause));
        }
        let len = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
        Ok(Self::of(file, len, path.to_owned()))
    }

    /// A regular file that is open already, of which so many bytes are sent.
    pub(super) fn of(file: File, len: usize, path: PathBuf) -> Self {
        Self { file: Rc::new(file), len, calls: 0, path, began: None, told: None }
    }

    /// Whether how much is to be sent is known only once it is read.
    pub(super) fn hides_its_length(&self) -> bool {
        self.len == 0 && self.file.has_bytes()
    }

    /// All of it, to be sent as one message.
    ///
    /// # Errors
    /// When it is longer than any message can be, or can't be read.
    pub(super) fn read_message(&self) -> Result<Arc<[u8]>, NetError> {
        let address = Some(self.path.display().to_string());
        if self.len > LONGEST_MESSAGE {
            return Err(NetError::from_errno(Operation::Send, address, Errno::EMSGSIZE as i32));
        }
        let mut bytes = Vec::with_capacity(self.len);
        match (&*self.file).take(LONGEST_MESSAGE as u64 + 1).read_to_end(&mut bytes) {
            Ok(len) if len > LONGEST_MESSAGE => {
                Err(NetError::from_errno(Operation::Send, address, Errno::EMSGSIZE as i32))
            }
            Ok(_) => Ok(bytes.into()),
            Err(error) => Err(NetError::from_io(Operation::Open, address, &error)),
        }
    }

    /// What to tell now that `sent` bytes are through, if it is time to tell something.
    pub(super) fn progress(&mut self, ticket: Ticket, sent: usize, ended: bool) -> Option<Progress> {
        let now = Instant::now();
        let began = *self.began.get_or_insert(now);
        let due = self.told.is_none_or(|told| now.duration_since(told) >= TELLING);
        if !due && !ended {
            return None;
        }
        self.told = Some(now);
        Some(Progress {
            ticket,
            path: self.path.clone(),
            direction: Direction::Sending,
            done: sent as u64,
            total: Some(self.len as u64),
            elapsed: now.duration_since(began),
            ended,
        })
    }

    /// What came of all calls: how many bytes went, in how many of them.
    pub(super) fn call(&self, sent: usize) -> Fact {
        let result = if self.calls > 1 { format!("{sent} in {} calls", self.calls) } else { sent.to_string() };
        Fact::Call { call: "sendfile".into(), args: self.arguments(), result }
    }

    /// What is worth a row when it begins.
    pub(super) fn beginning(&self) -> Fact {
        Fact::Note { name: "file".into(), message: format!("sending {}, {} bytes", self.path.display(), self.len) }
    }

    /// What is worth a row when all of it is sent.
    pub(super) fn end(&self) -> Fact {
        let seconds = self.began.map_or(0.0, |began| began.elapsed().as_secs_f64());
        let message = format!("{} is sent: {} bytes in {seconds:.1} s", self.path.display(), self.len);
        Fact::Note { name: "file".into(), message }
    }

    /// The arguments of the call, as a reader of man pages would write them.
    pub(super) fn arguments(&self) -> String {
        format!("{}, 0, {}", self.path.display(), self.len)
    }
}
