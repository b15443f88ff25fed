//! The threads that write exports, one for each, so that neither the screen nor the log waits for a disk.
//!
//! Owns the file while it is written: it stands beside the one that is wanted, and takes its place when all is written.
//! What fails or is cancelled leaves nothing.

use std::collections::HashMap;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::exporter::{Destination, Job, Progress, Report, ReportContent};
use crate::os;
use crate::profile::NewFile;

/// The most bytes that go into a clipboard.
const CLIPBOARD_LIMIT: usize = 16 << 20;

/// The least time between two words on how far an export has come.
const BETWEEN: Duration = Duration::from_millis(100);

/// What a thread has to tell.
pub(super) enum Told {
    /// How far an export has come, or how it ended.
    Report(Report),
    /// The whole text of one that is for the clipboard.
    Text(Report, String),
}

/// All exports that run.
pub(super) struct Exporter {
    sender: UnboundedSender<Told>,
    told: UnboundedReceiver<Told>,
    /// Those that run, each with the flag that cancels it.
    running: HashMap<u64, Arc<AtomicBool>>,
}

impl Exporter {
    pub(super) fn new() -> Self {
        let (sender, told) = unbounded_channel();
        Self { sender, told, running: HashMap::new() }
    }

    /// Begins an export.
    pub(super) fn start(&mut self, id: u64, job: Job, to: Destination) {
        let cancelled = Arc::new(AtomicBool::new(false));
        let (sender, flag) = (self.sender.clone(), Arc::clone(&cancelled));
        let started = os::spawn("exporter", move || {
            let told = export(id, &job, &to, &flag, &sender);
            // What it held of the log is free by the time that is told.
            drop(job);
            // Refused once the workbench has ended.
            let _ = sender.send(told);
        });
        match started {
            Ok(_) => {
                self.running.insert(id, cancelled);
            }
            Err(error) => {
                let content = ReportContent::Failed(reason(&error));
                let _ = self.sender.send(Told::Report(Report { id, content }));
            }
        }
    }

    /// What is told next; waits for as long as nothing is.
    pub(super) async fn next(&mut self) -> Option<Told> {
        let told = self.told.recv().await?;
        if let Told::Report(Report { id, content }) | Told::Text(Report { id, content }, _) = &told
            && !matches!(content, ReportContent::Going(_))
        {
            self.running.remove(id);
        }
        Some(told)
    }

    pub(super) fn cancel(&self, id: u64) {
        if let Some(flag) = self.running.get(&id) {
            flag.store(true, Ordering::Relaxed);
        }
    }

    /// Cancels all, and waits until what they have written so far is gone.
    pub(super) async fn end(mut self) {
        for flag in self.running.values() {
            flag.store(true, Ordering::Relaxed);
        }
        while !self.running.is_empty() && self.next().await.is_some() {}
    }
}

fn export(id: u64, job: &Job, to: &Destination, cancelled: &AtomicBool, sender: &UnboundedSender<Told>) -> Told {
    let mut last = Instant::now();
    let tell = |progress: Progress| {
        if last.elapsed() >= BETWEEN {
            last = Instant::now();
            let _ = sender.send(Told::Report(Report { id, content: ReportContent::Going(progress) }));
        }
        if cancelled.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let mut text = None;
    let written = match to {
        Destination::File { path, replace } => to_file(job, path, *replace, tell),
        Destination::Clipboard => to_text(job, tell).map(|done| {
            done.map(|(progress, copied)| {
                text = Some(copied);
                progress
            })
        }),
    };
    let content = match written {
        Ok(Some(progress)) => ReportContent::Done(progress),
        Ok(None) => ReportContent::Cancelled,
        Err(error) => ReportContent::Failed(reason(&error)),
    };
    let report = Report { id, content };
    match text {
        Some(text) => Told::Text(report, text),
        None => Told::Report(report),
    }
}

fn to_file(
    job: &Job,
    path: &std::path::Path,
    replace: bool,
    tell: impl FnMut(Progress) -> ControlFlow<()>,
) -> io::Result<Option<Progress>> {
    let mut file = NewFile::beside(path)?;
    let progress = job.write(file.file(), tell)?;
    if progress.is_some() {
        file.put_in_place(replace)?;
    }
    Ok(progress)
}

fn to_text(job: &Job, tell: impl FnMut(Progress) -> ControlFlow<()>) -> io::Result<Option<(Progress, String)>> {
    let mut bytes = Bounded(Vec::new());
    let Some(progress) = job.write(&mut bytes, tell)? else { return Ok(None) };
    match String::from_utf8(bytes.0) {
        Ok(text) if !text.contains('\0') => Ok(Some((progress, text))),
        _ => Err(io::Error::other(
            "it is no text, which is all that a clipboard takes; a file takes it, or another format",
        )),
    }
}

/// Bytes in memory, of which there can't be too many.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > CLIPBOARD_LIMIT {
            return Err(io::Error::other("it is more than the 16 MiB that a clipboard is given; a file takes it"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Why it failed, in the words of the system and with the errno's name.
fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => {
            let errno = nix::errno::Errno::from_raw(number);
            format!("{} ({errno:?})", errno.desc())
        }
        None if error.kind() == io::ErrorKind::AlreadyExists => "there is a file of that name by now".to_owned(),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;
    use crate::contract::{Batch, Block, Event, Fact, SocketId, Span, Timestamp};
    use crate::exporter::{FORMATS, Way};
    use crate::log::{LogStore, Messages, Roster, Spot};

    /// A log of so many messages of one MiB.
    fn job(messages: u32) -> Job {
        let mut store = LogStore::new(u64::MAX);
        let socket = SocketId::new(1).unwrap();
        for at in 0..messages {
            let mut block = Block::new().unwrap();
            block.bytes_mut().fill(b'a');
            let fact = Fact::Received { peer: None, bytes: Span { start: 0, len: 1 << 20 }, truncated: false };
            let event = Event { at: Timestamp(at.into()), socket, fact };
            store.append(Batch::new(vec![event], block, 1 << 20)).unwrap();
        }
        let format = FORMATS.iter().find(|format| format.name == "raw").unwrap();
        let lines = Spot::row(1)..Spot::row(u64::from(messages) + 1);
        Job { store, roster: Roster::default(), messages: Messages::new(), lines, filter: None, way: Way::Both, format }
    }

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    async fn ended(exporter: &mut Exporter) -> Told {
        loop {
            match exporter.next().await.unwrap() {
                Told::Report(Report { content: ReportContent::Going(_), .. }) => {}
                told => return told,
            }
        }
    }

    #[tokio::test]
    async fn a_file_is_whole_and_private_and_no_other_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.bin");
        let to = |replace| Destination::File { path: path.clone(), replace };
        let mut exporter = Exporter::new();
        exporter.start(1, job(3), to(false));
        let Told::Report(Report { id: 1, content: ReportContent::Done(progress) }) = ended(&mut exporter).await else {
            panic!("it is done");
        };
        assert_eq!((progress.rows, progress.bytes, progress.percent()), (3, 3 << 20, 100));
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!((metadata.len(), metadata.permissions().mode() & 0o777), (3 << 20, 0o600));

        exporter.start(2, job(1), to(false));
        let Told::Report(Report { content: ReportContent::Failed(why), .. }) = ended(&mut exporter).await else {
            panic!("it fails");
        };
        assert!(why.contains("EEXIST"), "{why}");
        assert_eq!(fs::metadata(&path).unwrap().len(), 3 << 20);
        exporter.start(3, job(1), to(true));
        ended(&mut exporter).await;
        assert_eq!((fs::metadata(&path).unwrap().len(), names(dir.path())), (1 << 20, vec!["log.bin".to_owned()]));
    }

    #[tokio::test]
    async fn what_is_cancelled_or_fails_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let cancelled = AtomicBool::new(true);
        let (sender, _told) = unbounded_channel();
        let to = |path: &str| Destination::File { path: dir.path().join(path), replace: true };
        let told = export(1, &job(2), &to("log.bin"), &cancelled, &sender);
        assert!(matches!(told, Told::Report(Report { content: ReportContent::Cancelled, .. })));
        assert_eq!(names(dir.path()), [""; 0]);

        let told = export(1, &job(2), &to("missing/log.bin"), &AtomicBool::new(false), &sender);
        let Told::Report(Report { content: ReportContent::Failed(why), .. }) = told else { panic!("it fails") };
        assert!(why.contains("ENOENT"), "{why}");
        assert_eq!(names(dir.path()), [""; 0]);

        // An exporter that ends takes the halves of its files with it.
        let mut exporter = Exporter::new();
        exporter.start(1, job(40), to("long.bin"));
        exporter.cancel(1);
        exporter.end().await;
        assert!(names(dir.path()).iter().all(|name| name == "long.bin"), "{:?}", names(dir.path()));
    }

    #[tokio::test]
    async fn a_clipboard_takes_text_alone_and_not_without_end() {
        let (sender, _told) = unbounded_channel();
        let go = AtomicBool::new(false);
        let Told::Text(_, text) = export(1, &job(2), &Destination::Clipboard, &go, &sender) else { panic!("text") };
        assert_eq!(text.len(), 2 << 20);
        let told = export(1, &job(17), &Destination::Clipboard, &go, &sender);
        let Told::Report(Report { content: ReportContent::Failed(why), .. }) = told else { panic!("too much") };
        assert!(why.contains("16 MiB"), "{why}");
    }
}
