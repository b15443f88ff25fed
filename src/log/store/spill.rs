//! Spilling: the thread that writes sealed segments to a file without a name.
//!
//! Owns the file, which is made at once, since later there may be no descriptor left, is nobody else's to open, and is
//! gone with the program however that ends. It never chooses what is to be written.

use std::io;
use std::mem;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::segment::Segment;
use super::slot::{Extent, Slot};
use crate::os::{self, File};

/// Told by the thread after each segment, so that somebody asks for its reports.
pub(super) type Wake = Arc<dyn Fn() + Send + Sync>;

/// Where what is over the memory limit goes, and how far that has come.
pub(super) struct Spilling {
    folder: PathBuf,
    /// None where it could not be made yet.
    file: Option<Arc<File>>,
    wake: Wake,
    thread: Option<Thread>,
    /// The number of the next segment to write.
    next: usize,
    /// The bytes in memory of what is ordered and not yet reported.
    in_flight: usize,
    /// What could not be written, and waits for room on the disk.
    waiting: Vec<Report>,
    trouble: Option<String>,
}

struct Thread {
    orders: Sender<Order>,
    reports: Receiver<Report>,
}

struct Order {
    slot: Arc<Slot>,
    again: bool,
}

/// What became of a segment.
pub(super) struct Report {
    /// Which one.
    pub(super) slot: Arc<Slot>,
    /// It had failed before.
    pub(super) again: bool,
    /// The segment as it was in memory, now that it is on disk; or why it is not.
    pub(super) result: io::Result<Arc<Segment>>,
    /// How many bytes of the disk it takes, or would.
    pub(super) len: u64,
}

/// What is to be done about the oldest segment that is in memory.
pub(super) enum Next {
    /// Nothing more: it is being written.
    Written,
    /// It can't be written: forget all rows before this one.
    Forget(u64),
}

impl Spilling {
    pub(super) fn new(folder: PathBuf, wake: Wake) -> Self {
        let file = File::nameless(&folder).ok().map(Arc::new);
        Self { folder, file, wake, thread: None, next: 0, in_flight: 0, waiting: Vec::new(), trouble: None }
    }

    pub(super) const fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Why segments can't be written; none while they can.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.clone()
    }

    /// Has the oldest of these segments written that is in memory and not yet ordered; `first` is the number of the
    /// first of them. None if there is no such segment.
    pub(super) fn write_next(&mut self, slots: &[Arc<Slot>], first: usize) -> Option<Next> {
        self.next = self.next.max(first);
        let slot = slots.get(self.next - first)?;
        if self.write(slot, false) {
            self.next += 1;
            return Some(Next::Written);
        }
        // Nothing can be ordered without a thread. Another one may start for the next segment.
        Some(Next::Forget(slot.end()))
    }

    /// Has a segment written; false when there is no thread to do it.
    pub(super) fn write(&mut self, slot: &Arc<Slot>, again: bool) -> bool {
        let order = Order { slot: Arc::clone(slot), again };
        let ordered = self.thread().is_some_and(|thread| thread.orders.send(order).is_ok());
        if ordered {
            self.in_flight += slot.bytes;
        }
        ordered
    }

    /// What became of an order, if one has been carried out.
    pub(super) fn report(&mut self) -> Option<Report> {
        let report = self.thread.as_ref()?.reports.try_recv().ok()?;
        self.in_flight = self.in_flight.saturating_sub(report.slot.bytes);
        match &report.result {
            // Where the oldest had to make room for it, there is still no other.
            Ok(_) if report.again => {}
            Ok(_) => self.trouble = None,
            Err(error) => self.trouble = Some(error.to_string()),
        }
        Some(report)
    }

    /// Keeps what could not be written until there may be room for it: it is still on its way.
    pub(super) fn wait(&mut self, report: Report) {
        self.in_flight += report.slot.bytes;
        self.waiting.push(report);
    }

    /// What could not be written, for another look at it.
    pub(super) fn take_waiting(&mut self) -> Vec<Report> {
        let waiting = mem::take(&mut self.waiting);
        self.in_flight = self.in_flight.saturating_sub(waiting.iter().map(|report| report.slot.bytes).sum());
        waiting
    }

    fn thread(&mut self) -> Option<&Thread> {
        if self.thread.is_none() {
            match Thread::start(self.folder.clone(), self.file.clone(), Arc::clone(&self.wake)) {
                Ok(thread) => self.thread = Some(thread),
                Err(error) => self.trouble = Some(error.to_string()),
            }
        }
        self.thread.as_ref()
    }
}

impl Thread {
    fn start(folder: PathBuf, file: Option<Arc<File>>, wake: Wake) -> io::Result<Self> {
        let (orders, taken) = channel();
        let (report, reports) = channel();
        os::spawn("spill", move || {
            let mut writer = Writer { folder, file, end: 0 };
            while let Ok(Order { slot, again }) = taken.recv() {
                let Some(segment) = slot.segment() else { continue };
                let len = Extent::len_of(&segment);
                let result = writer.write(&slot, segment);
                if report.send(Report { slot, again, result, len }).is_err() {
                    break;
                }
                wake();
            }
        })?;
        Ok(Self { orders, reports })
    }
}

struct Writer {
    folder: PathBuf,
    file: Option<Arc<File>>,
    end: u64,
}

impl Writer {
    fn write(&mut self, slot: &Slot, segment: Arc<Segment>) -> io::Result<Arc<Segment>> {
        let extent = Extent::write(&self.file()?, self.end, &segment)?;
        self.end += extent.room();
        slot.move_to(extent);
        Ok(segment)
    }

    fn file(&mut self) -> io::Result<Arc<File>> {
        if let Some(file) = &self.file {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(File::nameless(&self.folder)?);
        self.file = Some(Arc::clone(&file));
        Ok(file)
    }
}
