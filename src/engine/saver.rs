//! Writing what a socket receives to a file, too.
//!
//! Owns the file, and a thread that writes it, so that a slow disk never stops the other sockets. A socket whose file
//! can't keep up is not read for as long: nothing is left out of the file. Once the file is removed, nothing more is
//! saved.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, timeout};

use super::outbox::Outbox;
use super::outgoing_file::TELLING;
use crate::contract::{Direction, Fact, NetError, Operation, Progress, ReportContent, Saving, SocketId, Ticket};
use crate::os::{self, File};

/// How many reads may wait to be written.
const WAITING: usize = 32;

/// After what time it is looked whether the file is still there.
const LOOKED_FOR_EACH: Duration = Duration::from_secs(1);

/// A file that is being written. Dropping it finishes the file.
#[derive(Debug)]
pub(super) struct Saver {
    ticket: Ticket,
    chunks: mpsc::Sender<Vec<u8>>,
    /// How many bytes may still come.
    left: Option<u64>,
}

/// What the thread tells.
#[derive(Debug, Default)]
struct Written {
    bytes: AtomicU64,
    ended: AtomicBool,
    failure: Mutex<Option<Failure>>,
    bell: Notify,
    end: Notify,
}

/// Why no more is written.
#[derive(Debug)]
enum Failure {
    Write(io::Error),
    /// The file was removed.
    Removed,
}

/// Tells how the writing goes, until it has ended.
pub(super) struct Watch {
    written: Arc<Written>,
    ticket: Ticket,
    path: PathBuf,
    total: Option<u64>,
}

impl Saver {
    /// Opens the file, and starts to write what [`take`](Self::take) is given. May wait for the disk.
    ///
    /// # Errors
    /// When the file can't be made: one that holds something is only ever added to.
    pub(super) fn start(ticket: Ticket, saving: &Saving) -> Result<(Self, Watch), NetError> {
        let failed = |error: &io::Error| Self::failed(saving, error);
        let path = Path::new(&saving.path);
        let file = open(path).map_err(|error| failed(&error))?;
        // An empty one may be what a try that failed has left.
        let status = file.status().map_err(|error| failed(&error))?;
        let is_new = status.is_file() && status.len() == 0;
        if !saving.append && !is_new {
            return Err(
                failed(&Errno::EEXIST.into()).with_hint("Choose another name, or save-append=true to add to it")
            );
        }
        let (chunks, incoming) = mpsc::channel(WAITING);
        let written = Arc::new(Written::default());
        let told = Arc::clone(&written);
        os::spawn("saver", move || write_all(file, incoming, &told)).map_err(|error| failed(&error))?;
        let watch = Watch { written, ticket, path: path.to_owned(), total: saving.limit };
        Ok((Self { ticket, chunks, left: saving.limit }, watch))
    }

    /// That the file can't be written.
    pub(super) fn failed(saving: &Saving, error: &io::Error) -> NetError {
        NetError::from_io(Operation::Open, Some(saving.path.clone()), error)
    }

    /// The order that asked for it.
    pub(super) const fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// Takes what was received. False when no more is wanted: the limit is reached, or the file can't be written.
    pub(super) fn take(&mut self, bytes: &[u8]) -> bool {
        let wanted = self.left.map_or(bytes.len(), |left| usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len()));
        if let Some(left) = &mut self.left {
            *left -= wanted as u64;
        }
        // There is room, for it is waited for before anything is read.
        self.chunks.try_send(bytes[..wanted].to_vec()).is_ok() && self.left != Some(0)
    }

    /// The way to wait for room, where there is none.
    pub(super) fn wait_for_room(&self) -> Option<mpsc::Sender<Vec<u8>>> {
        (self.chunks.capacity() == 0).then(|| self.chunks.clone())
    }
}

/// Opens a file to be added to, a new one for this user alone, without waiting for whoever is to read a FIFO.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600).custom_flags(libc::O_NONBLOCK);
    let file = File::open_with(&options, path)?;
    // The thread that writes may wait.
    os::call("fcntl", || Ok(fcntl(&file, FcntlArg::F_SETFL(OFlag::O_APPEND))?))?;
    Ok(file)
}

fn write_all(mut file: File, mut incoming: mpsc::Receiver<Vec<u8>>, told: &Written) {
    let failed = write_until_closed(&mut file, &mut incoming, told).err();
    *told.failure.lock().unwrap_or_else(PoisonError::into_inner) = failed;
    told.ended.store(true, Ordering::Release);
    told.end.notify_one();
    told.bell.notify_one();
}

/// Writes what comes. A file that was removed is found out now and then, and at the end.
fn write_until_closed(file: &mut File, incoming: &mut mpsc::Receiver<Vec<u8>>, told: &Written) -> Result<(), Failure> {
    let look = |file: &File| if file.is_removed() { Err(Failure::Removed) } else { Ok(()) };
    let mut found = Instant::now();
    while let Some(bytes) = incoming.blocking_recv() {
        write(file, &bytes, told).map_err(Failure::Write)?;
        told.bell.notify_one();
        if found.elapsed() >= LOOKED_FOR_EACH {
            look(file)?;
            found = Instant::now();
        }
    }
    look(file)
}

/// Writes all of it. What is in the file is counted, also where the rest does not get there.
fn write(file: &mut File, mut bytes: &[u8], told: &Written) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            count => {
                bytes = &bytes[count..];
                told.bytes.fetch_add(count as u64, Ordering::Relaxed);
            }
        }
    }
    Ok(())
}

impl Watch {
    /// Reports how the writing goes, and how it ended.
    pub(super) async fn report(self, socket: SocketId, outbox: Outbox) {
        let began = Instant::now();
        loop {
            self.written.bell.notified().await;
            let ended = self.written.ended.load(Ordering::Acquire);
            let done = self.written.bytes.load(Ordering::Relaxed);
            outbox.tell(socket, ReportContent::Progress(self.progress(done, began, ended)));
            if ended {
                let failure = self.written.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
                let path = self.path.display();
                let failed = |error: NetError, hint| Fact::Failed(Box::new(error.with_hint(hint)));
                let fact = match failure {
                    Some(Failure::Write(error)) => failed(
                        NetError::from_io(Operation::Write, Some(path.to_string()), &error),
                        format!("{done} bytes are in the file; the socket goes on"),
                    ),
                    Some(Failure::Removed) => failed(
                        NetError::other(Operation::Write, Some(path.to_string()), "the file was removed"),
                        format!("{done} bytes had been saved in it; the socket goes on"),
                    ),
                    None => Fact::Note { name: "save".into(), message: format!("{done} bytes are saved in {path}") },
                };
                outbox.report(socket, fact).await;
                return;
            }
            // How it ended is told at once.
            let _ = timeout(TELLING, self.written.end.notified()).await;
        }
    }

    fn progress(&self, done: u64, began: Instant, ended: bool) -> Progress {
        Progress {
            ticket: self.ticket,
            path: self.path.clone(),
            direction: Direction::Saving,
            done,
            total: self.total,
            elapsed: began.elapsed(),
            ended,
        }
    }
}
