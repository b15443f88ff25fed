//! The exporter: rows of the log written out in a format, as many as there are.
//!
//! Owns the table of formats ([`FORMATS`]), what an export is ([`Order`], [`Job`]) and the writing itself, with how far
//! it has come. It reads a snapshot, so that it can run on a thread beside a log that grows. It never opens a file.

mod formats;

use std::io::{self, Write};
use std::ops::{ControlFlow, Range};
use std::path::PathBuf;

use crate::log::export::Framed;
use crate::log::{Filter, Kind, Lines, LogStore, Messages, Roster, Row, Scope, Spot};

pub use formats::{FORMATS, Format, FormatSpec, HEXDUMP, MARKDOWN, TEXT};

/// How many bytes are gathered before they are written.
const PIECE: usize = 256 * 1024;

/// After so many rows that no filter let pass, it is told how far the export has come all the same.
const ROWS_BETWEEN: u64 = 1 << 14;

/// Which messages are wanted by the way they went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// Both, and the rows that are no messages.
    #[default]
    Both,
    /// What was received, and nothing else.
    Received,
    /// What was sent, and nothing else.
    Sent,
}

impl Way {
    /// Every way, in the order of their declaration.
    pub const ALL: [Self; 3] = [Self::Both, Self::Received, Self::Sent];

    /// For forms.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Received => "received",
            Self::Sent => "sent",
        }
    }

    /// True for a row that is wanted.
    #[must_use]
    pub const fn takes(self, row: &Row) -> bool {
        match self {
            Self::Both => true,
            Self::Received => matches!(row.kind, Kind::Received),
            Self::Sent => matches!(row.kind, Kind::Sent),
        }
    }
}

/// Where an export goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To where the user can paste from.
    Clipboard,
    /// To a file.
    File {
        /// Which.
        path: PathBuf,
        /// Whether one that is there is replaced.
        replace: bool,
    },
}

/// What the user wants exported.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// Tells this export from others of the session.
    pub id: u64,
    /// Which rows, and of the first and the last of them which messages.
    pub lines: Range<Spot>,
    /// Whether only those among them that the log shows: its filter, or its timeline.
    pub filtered: bool,
    /// Which messages.
    pub way: Way,
    /// In which format.
    pub format: &'static FormatSpec,
    /// To where.
    pub to: Destination,
}

/// An export with all that it needs, to be carried to another thread.
pub struct Job {
    /// The rows, at least those of `lines`.
    pub store: LogStore,
    /// Who is in the log.
    pub roster: Roster,
    /// The messages of framed streams that end in the rows.
    pub messages: Messages,
    /// Which rows, and of the first and the last of them which messages.
    pub lines: Range<Spot>,
    /// Which of them, if not all.
    pub filter: Option<(Scope, Filter)>,
    /// Which messages.
    pub way: Way,
    /// In which format.
    pub format: &'static FormatSpec,
}

/// What is exported: the log, and what is wanted of it.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The rows.
    pub store: &'a LogStore,
    /// Who is in the log.
    pub roster: &'a Roster,
    /// The messages of framed streams that end in the rows.
    pub messages: &'a Messages,
    /// Which rows, and of the first and the last of them which messages.
    pub lines: &'a Range<Spot>,
    /// Which of them, if not all.
    pub filter: Option<(Scope, &'a Filter)>,
    /// Which messages.
    pub way: Way,
}

/// How far an export has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows that were looked at.
    pub looked_at: u64,
    /// Rows that there are to be looked at.
    pub of: u64,
    /// Rows that were written.
    pub rows: u64,
    /// Bytes that were written.
    pub bytes: u64,
}

impl Progress {
    /// In hundredths.
    #[must_use]
    pub fn percent(&self) -> u64 {
        (self.looked_at * 100).checked_div(self.of).unwrap_or(100)
    }
}

/// What is told of an export.
#[derive(Debug)]
pub struct Report {
    /// Which export, by the number of its order.
    pub id: u64,
    /// What.
    pub content: ReportContent,
}

/// What is told of an export.
#[derive(Debug)]
pub enum ReportContent {
    /// It goes on.
    Going(Progress),
    /// All is written; for the clipboard, where it went is told there.
    Done(Progress),
    /// It was cancelled, and left nothing.
    Cancelled,
    /// It failed, and left nothing: why, without a full stop.
    Failed(String),
}

impl Job {
    /// Writes all of it. `tell` is called every quarter of a MiB or so, and ends the export by breaking; then there is no
    /// progress to give back.
    ///
    /// # Errors
    /// Those of `out`, and those of reading what the log has on disk.
    pub fn write(
        &self,
        out: &mut dyn Write,
        mut tell: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> io::Result<Option<Progress>> {
        let (source, store) = (self.source(), &self.store);
        let end = self.lines.end.seq + u64::from(self.lines.end.message > 0);
        let range = self.lines.start.seq.max(store.first())..end.min(store.next());
        let mut progress = Progress { of: range.end.saturating_sub(range.start), ..Progress::default() };
        let mut format = (self.format.start)();
        let mut piece = Vec::with_capacity(PIECE + PIECE / 4);
        format.begin(&mut piece);
        let mut failure = None;
        let ended = store.for_each_row(range.clone(), |row| {
            progress.looked_at = row.seq + 1 - range.start;
            progress.rows += source.write_row(&row, format.as_mut(), &mut piece);
            let is_time = progress.looked_at.is_multiple_of(ROWS_BETWEEN);
            if piece.len() >= PIECE || is_time {
                progress.bytes += piece.len() as u64;
                if let Err(error) = out.write_all(&piece) {
                    failure = Some(error);
                    return ControlFlow::Break(());
                }
                piece.clear();
                return tell(progress);
            }
            ControlFlow::Continue(())
        });
        if let Some(failure) = failure {
            return Err(failure);
        }
        if ended.is_break() {
            return Ok(None);
        }
        // Rows that could not be read were passed over; half an export that looks whole is worse than none.
        if let Some(trouble) = store.trouble() {
            return Err(io::Error::other(trouble));
        }
        format.end(&mut piece);
        progress.bytes += piece.len() as u64;
        progress.looked_at = progress.of;
        out.write_all(&piece)?;
        Ok(Some(progress))
    }

    fn source(&self) -> Source<'_> {
        let Self { store, roster, messages, lines, way, .. } = self;
        let filter = self.filter.as_ref().map(|(scope, filter)| (*scope, filter));
        Source { store, roster, messages, lines, filter, way: *way }
    }
}

impl Source<'_> {
    /// Writes what is wanted of a row; gives how many lines of the log that was.
    pub fn write_row(&self, row: &Row, format: &mut dyn Format, out: &mut Vec<u8>) -> u64 {
        let Self { store, roster, messages, .. } = self;
        let wanted = match self.filter {
            _ if !self.way.takes(row) => None,
            Some((scope, filter)) => scope.lines(filter, row, store, roster, messages),
            None => Some(Lines::Run(0..u32::MAX)),
        };
        let Some(wanted) = wanted else { return 0 };
        let is_of_timeline = self.filter.is_some_and(|(scope, _)| scope != Scope::All);
        let (before, mut written) = (out.len(), 0);
        if is_of_timeline || !format.takes_messages() || messages.count(row).is_none() {
            format.row(row, store, roster, out);
            return u64::from(out.len() > before);
        }
        messages.for_each(row, store, |message, payload, frame| {
            if wanted.contains(message) && self.lines.contains(&Spot { seq: row.seq, message }) {
                format.message(row, &Framed::new(payload, frame), store, roster, out);
                written += 1;
            }
        });
        written
    }
}
