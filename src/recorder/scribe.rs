//! The thread that writes.
//!
//! Owns the file of a recording and when the next one begins. It never holds up who hands rows over, and an error of the
//! disk, or somebody who removes the file, ends the recording and nothing else.

use std::io::{self, ErrorKind, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::thread::panicking;
use std::time::{Duration, Instant};

use super::file::{create, remove};
use super::{MAY_LAG, Shared, Work, name, numbered};
use crate::capture::{PcapngWriter, whole_blocks};
use crate::contract::{Event, NetError, Operation, Recording, Rotation};
use crate::log::{LogStore, Roster};
use crate::os::File;

/// From how many bytes on, which a cache near the processor holds, they are written although more is at hand, and after
/// what time.
const AT_ONCE: usize = 256 * 1024;
const AT_LEAST_EACH: Duration = Duration::from_millis(50);

/// How long a rest is after which the size of the file is told.
const REST: Duration = Duration::from_millis(200);

/// After what time it is looked whether the file is still there, where there is no rest.
const LOOKED_FOR_EACH: Duration = Duration::from_secs(1);

/// The most names that are tried for the next file of a recording.
const MAX_TRIES: u32 = 9999;

/// What the thread has.
pub(super) struct Scribe {
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
    /// When it was looked for last.
    found: Instant,
}

impl Scribe {
    /// One who has the begin of a recording in this file at hand.
    pub(super) fn new(
        orders: Receiver<Work>,
        shared: Arc<Shared>,
        wake: Box<dyn Fn() + Send>,
        rotation: Rotation,
        path: PathBuf,
        is_new: bool,
        file: File,
    ) -> Self {
        let mut scribe = Self {
            orders,
            shared,
            wake,
            roster: Roster::default(),
            writer: PcapngWriter::new(),
            rotation,
            first: path.clone(),
            number: 1,
            path,
            is_new,
            file: Some(file),
            began: Instant::now(),
            written: 0,
            missed: 0,
            buffer: Vec::new(),
            is_untold: true,
            flushed: Instant::now(),
            found: Instant::now(),
        };
        scribe.writer.begin(&mut scribe.buffer);
        scribe
    }

    /// Writes what comes until nothing more will.
    pub(super) fn serve(mut self) {
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
        self.look_for_file();
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
                    self.look_for_file();
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
        self.look_for_file();
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
    pub(super) fn flush(&mut self) {
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
            if self.found.elapsed() >= LOOKED_FOR_EACH {
                self.look_for_file();
            }
        }
    }

    /// Ends the recording where its file has lost its name: nobody would find what is written.
    fn look_for_file(&mut self) {
        self.found = Instant::now();
        if self.file.as_ref().is_some_and(File::is_removed) {
            self.end(format!("{} was removed", name(&self.path)));
        }
    }

    fn fail(&mut self, path: &Path, operation: Operation, error: &io::Error) {
        let told = NetError::from_io(operation, Some(name(path)), error);
        self.end(told.to_string());
    }

    fn end(&mut self, why: String) {
        // First, for closing may wait for the disk, and nobody does who has heard of the end.
        self.file = None;
        self.buffer = Vec::new();
        *self.shared.state() = Recording::Failed(why);
        (self.wake)();
    }
}

impl Drop for Scribe {
    fn drop(&mut self) {
        if panicking() {
            *self.shared.state() = Recording::Failed("a defect of this program ended it".to_owned());
        }
        // As in `end`, and who has heard of the end joins this thread.
        self.file = None;
        self.shared.has_ended.store(true, Ordering::Release);
        (self.wake)();
    }
}
