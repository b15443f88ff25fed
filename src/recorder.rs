//! The recorder: writes the log to a pcapng file while it grows.
//!
//! Owns the file and the thread that writes it. The rows come as snapshots, so that the screen never waits for a disk.
//! What is handed over is in the file as soon as the thread has come to it, far within 250 ms; while it is behind, the
//! roots take no more into the log. It never opens a socket, never draws, and an error of the disk ends the recording
//! and nothing else.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::ops::{ControlFlow, Range};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::libc;

use crate::capture::{PcapngWriter, whole_blocks};
use crate::contract::{Event, NetError, Operation, Recording, Rotation};
use crate::log::{LogStore, Roster};
use crate::os::{self, File};

/// How many bytes of rows may wait to be written before the recorder is behind.
const MAY_WAIT: u64 = 16 << 20;

/// How long rows may wait to be written, from when they were handed over, before the recorder is behind. A part of the
/// 250 ms, so that the rest is for what was not handed over yet.
const MAY_LAG: Duration = Duration::from_millis(50);

/// What a row costs besides its bytes, about.
const A_ROW: u64 = 64;

/// From how many bytes on, which a cache near the processor holds, they are written although more is at hand, and after
/// what time.
const AT_ONCE: usize = 256 * 1024;
const AT_LEAST_EACH: Duration = Duration::from_millis(50);

/// How long a rest is after which the size of the file is told.
const REST: Duration = Duration::from_millis(200);

/// The most names that are tried for the next file of a recording.
const MAX_TRIES: u32 = 9999;

/// Writes what comes into the log to a file.
pub struct Recorder {
    /// `None` once it is to end.
    work: Option<Sender<Work>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// The first row that is not handed over, once it is known.
    next: Option<u64>,
    /// The roots that have been handed over.
    revision: Option<u64>,
}

enum Work {
    Roots(Box<Roster>),
    Rows { store: Box<LogStore>, range: Range<u64>, cost: u64, since: Instant },
}

struct Shared {
    /// What the rows cost that are handed over and not yet written.
    waiting: AtomicU64,
    /// Whether what was written last had waited for too long.
    lags: AtomicBool,
    /// Whether to wake when it is no longer behind.
    is_awaited: AtomicBool,
    /// The rows before this one are written, or never will be, and are held by nobody here.
    done: AtomicU64,
    has_ended: AtomicBool,
    state: Mutex<Recording>,
}

impl Shared {
    fn is_behind(&self) -> bool {
        let waiting = self.waiting.load(Ordering::SeqCst);
        waiting > MAY_WAIT || (waiting > 0 && self.lags.load(Ordering::SeqCst))
    }

    fn state(&self) -> MutexGuard<'_, Recording> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorder {
    /// Begins a recording in a new file, which the user alone may read. A file that is there is written over only if
    /// `replace`. `wake` is called, from another thread, when [`state`](Self::state) or
    /// [`is_behind`](Self::is_behind) has changed.
    ///
    /// # Errors
    /// `AlreadyExists` for a file that is there, `InvalidInput` for what is no regular file, and whatever else keeps a file
    /// from being made and written, or a thread from being started.
    pub fn start(path: &Path, replace: bool, rotation: Rotation, wake: impl Fn() + Send + 'static) -> io::Result<Self> {
        let (file, is_new) = if replace { create_or_replace(path)? } else { (create(path)?, true) };
        let path = path.to_owned();
        let state = Mutex::new(Recording::Running { file: name(&path), bytes: 0, missed: 0 });
        let shared = Arc::new(Shared {
            waiting: AtomicU64::new(0),
            lags: AtomicBool::new(false),
            is_awaited: AtomicBool::new(false),
            done: AtomicU64::new(0),
            has_ended: AtomicBool::new(false),
            state,
        });
        let (work, orders) = channel();
        let mut scribe = Scribe {
            orders,
            shared: Arc::clone(&shared),
            wake: Box::new(wake),
            roster: Roster::default(),
            writer: PcapngWriter::new(),
            rotation,
            first: path.clone(),
            number: 1,
            path: path.clone(),
            is_new,
            file: Some(file),
            began: Instant::now(),
            written: 0,
            missed: 0,
            buffer: Vec::new(),
            is_untold: true,
            flushed: Instant::now(),
        };
        scribe.writer.begin(&mut scribe.buffer);
        scribe.flush();
        if let Recording::Failed(why) = &*shared.state() {
            return Err(io::Error::other(why.clone()));
        }
        let thread = os::spawn("recorder", move || scribe.serve()).inspect_err(|_| {
            if is_new {
                remove(&path);
            }
        })?;
        Ok(Self { work: Some(work), shared, thread: Some(thread), next: None, revision: None })
    }

    /// Hands over the rows that have come since the last time. The first time there are none: a recording begins with
    /// what comes then.
    pub fn take(&mut self, store: &LogStore, roster: &Roster) {
        if matches!(*self.shared.state(), Recording::Failed(_)) {
            return;
        }
        let Some(work) = &self.work else { return };
        // Refused only by a thread that has ended, and that has failed before.
        if self.revision != Some(roster.revision()) {
            self.revision = Some(roster.revision());
            let _ = work.send(Work::Roots(Box::new(roster.clone())));
        }
        let range = self.next.unwrap_or_else(|| store.next())..store.next();
        self.next = Some(range.end);
        if range.is_empty() {
            return;
        }
        let store = store.snapshot(range.clone());
        let mut cost = 0;
        let _ = store.for_each_row(range.clone(), |row| {
            cost += u64::from(row.len) + A_ROW;
            ControlFlow::Continue(())
        });
        self.shared.waiting.fetch_add(cost, Ordering::SeqCst);
        let _ = work.send(Work::Rows { store: Box::new(store), range, cost, since: Instant::now() });
    }

    /// True while so much waits to be written that nothing more should be handed over: then nothing is missed, and
    /// memory does not grow.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        // Told first that somebody may wait, so that the thread wakes whoever has just seen that it is behind.
        self.shared.is_awaited.store(true, Ordering::SeqCst);
        let is_behind = self.shared.is_behind();
        if !is_behind {
            self.shared.is_awaited.store(false, Ordering::SeqCst);
        }
        is_behind
    }

    /// The first row that is still held here for writing. The memory of those before can be used again at once where the
    /// log forgets them.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.shared.done.load(Ordering::Acquire)
    }

    /// How it fares.
    #[must_use]
    pub fn state(&self) -> Recording {
        self.shared.state().clone()
    }

    /// Takes nothing more. What was handed over is still written, after which [`has_ended`](Self::has_ended).
    pub fn stop(&mut self) {
        self.work = None;
    }

    /// True once everything is written after [`stop`](Self::stop), so that [`finish`](Self::finish) does not wait.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.shared.has_ended.load(Ordering::Acquire)
    }

    /// Waits until everything that was handed over is in the file, and ends. Gives how it fared.
    #[must_use]
    pub fn finish(mut self) -> Recording {
        self.end();
        self.state()
    }

    fn end(&mut self) {
        self.work = None;
        if let Some(thread) = self.thread.take() {
            // It has no panic of its own to tell.
            let _ = thread.join();
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.end();
    }
}

/// The thread.
struct Scribe {
    orders: Receiver<Work>,
    shared: Arc<Shared>,
    wake: Box<dyn Fn() + Send>,
    /// Who is in the log, as of the row that is written.
    roster: Roster,
    writer: PcapngWriter,
    rotation: Rotation,
    /// The file that was asked for, and how many there have been.
    first: PathBuf,
    number: u32,
    path: PathBuf,
    /// Whether the file was not there before.
    is_new: bool,
    /// `None` once it could not be written.
    file: Option<File>,
    began: Instant,
    /// How many bytes are in the file.
    written: u64,
    /// How many rows could not be read.
    missed: u64,
    /// Whole blocks that are not.
    buffer: Vec<u8>,
    /// Whether the file has grown since that was told last.
    is_untold: bool,
    /// When what was at hand was written last.
    flushed: Instant,
}

impl Scribe {
    fn serve(mut self) {
        while let Some(work) = self.next() {
            match work {
                Work::Roots(roster) => self.roster = *roster,
                Work::Rows { store, range, cost, since } => {
                    self.shared.lags.store(since.elapsed() > MAY_LAG, Ordering::SeqCst);
                    if self.file.is_some() {
                        self.record(&store, range.clone());
                    }
                    drop(store);
                    self.shared.done.store(range.end, Ordering::Release);
                    self.shared.waiting.fetch_sub(cost, Ordering::SeqCst);
                    if self.flushed.elapsed() >= AT_LEAST_EACH {
                        self.flush();
                    }
                    if !self.shared.is_behind() && self.shared.is_awaited.swap(false, Ordering::SeqCst) {
                        (self.wake)();
                    }
                }
            }
        }
        self.flush();
        self.shared.has_ended.store(true, Ordering::Release);
        (self.wake)();
    }

    /// The next thing to do. What has been done is written before it is waited for.
    fn next(&mut self) -> Option<Work> {
        match self.orders.try_recv() {
            Ok(work) => return Some(work),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) => self.flush(),
        }
        if self.is_untold {
            match self.orders.recv_timeout(REST) {
                Ok(work) => return Some(work),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {
                    self.is_untold = false;
                    (self.wake)();
                }
            }
        }
        self.orders.recv().ok()
    }

    fn record(&mut self, store: &LogStore, range: Range<u64>) {
        let mut next = range.start;
        for row in store.rows(range.clone()) {
            self.miss(row.seq - next);
            next = row.seq + 1;
            if let Some(fact) = store.fact(&row) {
                self.roster.observe(&Event { at: row.at, socket: row.socket, fact });
            }
            if !self.writer.row(&row, store, &self.roster, &mut self.buffer) {
                self.miss(1);
            }
            if self.is_over() {
                self.flush();
                self.rotate();
            } else if self.buffer.len() >= AT_ONCE {
                self.flush();
            }
            if self.file.is_none() {
                return;
            }
        }
        self.miss(range.end - next);
    }

    /// Counts rows that are not to be had any more, and says so in the file as well.
    fn miss(&mut self, count: u64) {
        if count > 0 {
            self.missed += count;
            self.writer.miss(count);
            if let Recording::Running { missed, .. } = &mut *self.shared.state() {
                *missed = self.missed;
            }
            self.is_untold = true;
        }
    }

    /// Whether it is time for the next file.
    fn is_over(&self) -> bool {
        match self.rotation {
            Rotation::Never => false,
            Rotation::Size(most) => self.written + self.buffer.len() as u64 >= most,
            Rotation::Age(most) => self.began.elapsed() >= most,
        }
    }

    fn rotate(&mut self) {
        if self.file.is_none() {
            return;
        }
        let first = self.number;
        let created = loop {
            self.number += 1;
            let path = numbered(&self.first, self.number);
            match create(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists && self.number - first < MAX_TRIES => {}
                Err(error) => break Err((path, error)),
                Ok(file) => break Ok((path, file)),
            }
        };
        match created {
            Ok((path, file)) => {
                (self.path, self.is_new, self.file) = (path, true, Some(file));
                (self.began, self.written) = (Instant::now(), 0);
                self.writer.begin(&mut self.buffer);
            }
            Err((path, error)) => self.fail(&path, Operation::Open, &error),
        }
    }

    /// Writes what is at hand.
    fn flush(&mut self) {
        self.flushed = Instant::now();
        let Some(file) = &mut self.file else { return self.buffer.clear() };
        if self.buffer.is_empty() {
            return;
        }
        let mut done = 0;
        let failed = loop {
            match file.write(&self.buffer[done..]) {
                Ok(0) => break Some(ErrorKind::WriteZero.into()),
                Ok(count) => done += count,
                Err(error) => break Some(error),
            }
            if done == self.buffer.len() {
                break None;
            }
        };
        let whole = if failed.is_some() { whole_blocks(&self.buffer[..done]) } else { done };
        self.written += whole as u64;
        self.buffer.clear();
        self.is_untold = true;
        if let Some(error) = failed {
            // Half a block would make a reader doubt the whole file. Where it can't be cut it stays.
            let _ = file.set_len(self.written);
            if self.is_new && self.written == 0 {
                remove(&self.path);
            }
            let path = self.path.clone();
            self.fail(&path, Operation::Write, &error);
        } else {
            let (file, bytes, missed) = (name(&self.path), self.written, self.missed);
            *self.shared.state() = Recording::Running { file, bytes, missed };
        }
    }

    fn fail(&mut self, path: &Path, operation: Operation, error: &io::Error) {
        let told = NetError::from_io(operation, Some(name(path)), error);
        *self.shared.state() = Recording::Failed(told.to_string());
        self.file = None;
        self.buffer = Vec::new();
        (self.wake)();
    }
}

/// Makes a new file.
fn create(path: &Path) -> io::Result<File> {
    File::open_with(OpenOptions::new().write(true).mode(0o600).create_new(true), path)
}

/// Makes a new file, or empties the one that is there; and whether it is new.
fn create_or_replace(path: &Path) -> io::Result<(File, bool)> {
    match create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        made => return made.map(|file| (file, true)),
    }
    let irregular = || io::Error::new(ErrorKind::InvalidInput, "it is not a regular file");
    let mut options = OpenOptions::new();
    // Without O_NONBLOCK, opening a FIFO would wait for someone who reads it. The links of a path may lead nowhere yet.
    options.write(true).create(true).truncate(false).mode(0o600).custom_flags(libc::O_NONBLOCK);
    let file = File::open_with(&options, path).map_err(|error| match error.raw_os_error() {
        Some(libc::ENXIO) => irregular(),
        _ => error,
    })?;
    if !file.status()?.is_file() {
        return Err(irregular());
    }
    file.set_len(0)?;
    Ok((file, false))
}

/// Takes away a file in which there is nothing: it would keep the next recording from its name.
fn remove(path: &Path) {
    // Nothing better can be done about a file that can't be removed; the error that led here is the news.
    let _ = os::call("unlink", || fs::remove_file(path));
}

/// A path that nobody has: this one, or else the first that is free with a number behind its name.
#[must_use]
pub fn free_path(path: &Path) -> PathBuf {
    let taken = |path: &Path| os::call("lstat", || path.symlink_metadata()).is_ok();
    let mut numbers = 2..;
    let mut free = path.to_owned();
    while taken(&free) {
        let Some(number) = numbers.next() else { break };
        free = numbered(path, number);
    }
    free
}

/// `trace-2.pcapng` for `trace.pcapng` and 2.
fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{number}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{BLOCK_SIZE, Batch, Block, Fact, SocketId, Span, Timestamp};

    #[test]
    fn rows_that_went_before_they_were_recorded_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.pcapng");
        let (mut store, mut roster) = (LogStore::new(u64::MAX), Roster::default());
        let socket = SocketId::new(1).unwrap();
        roster.register(socket, "far".to_owned(), "udp://127.0.0.1:9".parse().unwrap());
        let mut recorder = Recorder::start(&path, false, Rotation::Never, || {}).unwrap();
        recorder.take(&store, &roster);
        let peer = Some(crate::contract::Address::Ip(([127, 0, 0, 1], 9).into()));
        let fact = Fact::Received { peer, bytes: Span { start: 0, len: 4 }, truncated: false };
        let event = Event { at: Timestamp(1), socket, fact };
        // A full block is a segment that can go by itself.
        store.append(Batch::new(vec![event.clone(); 3], Block::new().unwrap(), BLOCK_SIZE)).unwrap();
        store.evict_before(4);
        store.append(Batch::new(vec![event], Block::new().unwrap(), 4)).unwrap();
        recorder.take(&store, &roster);
        let Recording::Running { missed, bytes, .. } = recorder.finish() else { panic!("it is written") };
        let file = std::fs::read(&path).unwrap();
        assert_eq!((missed, bytes), (3, file.len() as u64));
        let told = b"3 rows of the log are missing before this one";
        assert!(file.windows(told.len()).any(|bytes| bytes == told));
    }
}
