//! The recorder: writes the log to a pcapng file while it grows.
//!
//! Owns what waits to be written, and the thread that writes it. The rows come as snapshots, so that the screen never waits for a disk.
//! What is handed over is in the file as soon as the thread has come to it, far within 250 ms; while it is behind, the
//! roots take no more into the log. It never opens a socket, never draws, and an error of the disk ends the recording
//! and nothing else.

mod file;
mod scribe;

use std::io;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::contract::{Recording, Rotation};
use crate::log::{LogStore, Roster};
use crate::os;

use file::{create, create_or_replace, remove};
use scribe::Scribe;

/// How many bytes of rows may wait to be written before the recorder is behind.
const MAY_WAIT: u64 = 16 << 20;

/// How long rows may wait to be written, from when they were handed over, before the recorder is behind. A part of the
/// 250 ms, so that the rest is for what was not handed over yet.
const MAY_LAG: Duration = Duration::from_millis(50);

/// What a row costs besides its bytes, about, and the rows that are handed over at once.
const A_ROW: u64 = 64;
const A_HAND_OVER: u64 = 2048;

/// Writes what comes into the log to a file.
pub struct Recorder {
    /// `None` once it is to end.
    work: Option<Sender<Work>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// The first row that is not handed over.
    next: u64,
    /// The roots that have been handed over.
    revision: Option<u64>,
    /// The file, where it was not there before, until a row is handed over.
    unused: Option<PathBuf>,
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
        let is_much = waiting > MAY_WAIT || (waiting > 0 && self.lags.load(Ordering::SeqCst));
        is_much && !self.has_ended.load(Ordering::SeqCst)
    }

    fn state(&self) -> MutexGuard<'_, Recording> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorder {
    /// Begins a recording of the log from row `from` on, in a new file, which the user alone may read. A file that is
    /// there is written over only if `replace`. `wake` is called, from another thread, when [`state`](Self::state),
    /// [`is_behind`](Self::is_behind) or [`has_ended`](Self::has_ended) has changed.
    ///
    /// A recording that is dropped before a row came leaves no new file behind.
    ///
    /// # Errors
    /// `AlreadyExists` for a file that is there, `InvalidInput` for what is no regular file, and whatever else keeps a file
    /// from being made and written, or a thread from being started.
    pub fn start(
        path: &Path,
        replace: bool,
        rotation: Rotation,
        from: u64,
        wake: impl Fn() + Send + 'static,
    ) -> io::Result<Self> {
        // Before the file, so that none is replaced by what nobody would write.
        let (hand_over, handed) = channel::<Scribe>();
        let thread = os::spawn("recorder", move || handed.recv().map_or((), Scribe::serve))?;
        let (file, is_new) = if replace { create_or_replace(path)? } else { (create(path)?, true) };
        let shared = Arc::new(Shared {
            waiting: AtomicU64::new(0),
            lags: AtomicBool::new(false),
            is_awaited: AtomicBool::new(false),
            done: AtomicU64::new(from),
            has_ended: AtomicBool::new(false),
            state: Mutex::new(Recording::Running { file: name(path), bytes: 0, missed: 0 }),
        });
        let (work, orders) = channel();
        let mut scribe =
            Scribe::new(orders, Arc::clone(&shared), Box::new(wake), rotation, path.to_owned(), is_new, file);
        scribe.flush();
        if let Recording::Failed(why) = &*shared.state() {
            return Err(io::Error::other(why.clone()));
        }
        // Taken by a thread that waits for nothing else.
        let _ = hand_over.send(scribe);
        let unused = is_new.then(|| path.to_owned());
        Ok(Self { work: Some(work), shared, thread: Some(thread), next: from, revision: None, unused })
    }

    /// Hands over the rows that have come since the last time.
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
        let range = self.next..store.next();
        self.next = range.end;
        if range.is_empty() {
            return;
        }
        self.unused = None;
        let store = store.snapshot(range.clone());
        let mut cost = 0;
        let _ = store.for_each_row(range.clone(), |row| {
            cost += u64::from(row.len) + A_ROW;
            ControlFlow::Continue(())
        });
        let cost = cost.max(store.own_bytes() as u64) + A_HAND_OVER;
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
        self.unused = None;
        self.end();
        self.state()
    }

    /// Ends without waiting for a disk that takes nothing. Gives how it fared: what is not in the file by now may never
    /// be.
    #[must_use]
    pub fn abandon(mut self) -> Recording {
        self.unused = None;
        self.work = None;
        self.thread = None;
        match self.state() {
            Recording::Running { file, .. } => {
                Recording::Failed(format!("the disk has not taken the last rows, so {file} ends before them"))
            }
            failed @ Recording::Failed(_) => failed,
        }
    }

    fn end(&mut self) {
        self.work = None;
        if let Some(thread) = self.thread.take() {
            // Of a panic it has told by itself.
            let _ = thread.join();
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.end();
        if let Some(path) = &self.unused {
            remove(path);
        }
    }
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
    use crate::contract::{BLOCK_SIZE, Batch, Block, Event, Fact, SocketId, Span, Timestamp};

    #[test]
    fn a_recording_that_never_began_leaves_no_file_and_one_of_nothing_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.pcapng");
        let start = |replace| Recorder::start(&path, replace, Rotation::Never, 1, || {}).unwrap();
        drop(start(false));
        assert!(!path.exists());
        assert!(matches!(start(false).finish(), Recording::Running { bytes, .. } if bytes > 0));
        assert!(path.exists());
        // What was there before is not taken away.
        drop(start(true));
        assert!(path.exists());
    }

    #[test]
    fn rows_that_went_before_they_were_recorded_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.pcapng");
        let (mut store, mut roster) = (LogStore::new(u64::MAX), Roster::default());
        let socket = SocketId::new(1).unwrap();
        roster.register(socket, "far".to_owned(), "udp://127.0.0.1:9".parse().unwrap());
        let mut recorder = Recorder::start(&path, false, Rotation::Never, store.next(), || {}).unwrap();
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

    #[test]
    fn a_file_that_is_taken_away_is_told_at_the_next_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.pcapng");
        let (mut store, mut roster) = (LogStore::new(u64::MAX), Roster::default());
        let socket = SocketId::new(1).unwrap();
        roster.register(socket, "far".to_owned(), "udp://127.0.0.1:9".parse().unwrap());
        let (wake, woken) = channel();
        let mut recorder = Recorder::start(&path, false, Rotation::Never, 1, move || _ = wake.send(())).unwrap();
        // The size of its beginning is told, after which nothing looks until a row comes.
        woken.recv().unwrap();
        assert!(matches!(recorder.state(), Recording::Running { .. }));
        std::fs::remove_file(&path).unwrap();
        let peer = Some(crate::contract::Address::Ip(([127, 0, 0, 1], 9).into()));
        let fact = Fact::Received { peer, bytes: Span { start: 0, len: 4 }, truncated: false };
        let event = Event { at: Timestamp(1), socket, fact };
        store.append(Batch::new(vec![event], Block::with_size(4).unwrap(), 4)).unwrap();
        recorder.take(&store, &roster);
        while matches!(recorder.state(), Recording::Running { .. }) {
            woken.recv_timeout(Duration::from_secs(20)).unwrap();
        }
        assert_eq!(recorder.finish(), Recording::Failed("trace.pcapng was removed".to_owned()));
    }
}
