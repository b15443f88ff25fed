//! The bench: the sockets, the log and the profile that the panes show, without anything of a screen.
//!
//! Owns the roster, the store, the view and the profile, and brings them up to date with what the engine reports. It never
//! draws, and orders from the engine only by way of effects.

pub(super) mod exports;
pub(super) mod filling;
pub(super) mod lines;
pub(super) mod recorded;
pub(super) mod repeat;
pub(super) mod replay;
mod rules;
pub(super) mod scenarios;
pub(super) mod sends;
mod sockets;
mod transcript;
pub(super) mod transfers;
mod under_way;

use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant};

use super::Effect;
use crate::contract::{
    Batch, Block, Clock, Endpoint, Fact, NetError, Report, ReportContent, SocketId, SocketIds, SocketView, Ticket,
    Timestamp,
};
use crate::log::{Find, LogStore, LogView, Messages, Roster, Row};
use crate::profile::Profile;

use exports::Exports;
use filling::Filling;
use lines::Found;
use recorded::Recorded;
use repeat::Repeats;
use replay::{Census, Replay};
use rules::KnownRules;
use scenarios::Scenarios;
use sends::{Outcome, Sending};
use transfers::{Transfer, Transfers};

/// How many rows the view judges between two looks at the clock.
const SLICE: usize = 8192;

/// How long work that can wait may keep the screen and the keys waiting.
const TURN: Duration = Duration::from_millis(8);

pub(super) struct Bench {
    ids: SocketIds,
    clock: Clock,
    pub(super) roster: Roster,
    pub(super) store: LogStore,
    pub(super) view: LogView,
    pub(super) find: Option<Find>,
    pub(super) messages: Messages,
    found: Found,
    pub(super) profile: Profile,
    /// The root of each `profile.sockets`, in the same order.
    roots: Vec<SocketId>,
    known_rules: KnownRules,
    next_ticket: u64,
    sends: HashMap<Ticket, Sending>,
    pub(super) transfers: Transfers,
    pub(super) exports: Exports,
    looked_at: Option<LookedAt>,
    /// The endpoint of a socket before its option was changed while it was open, which the system may refuse yet.
    before_change: Option<(SocketId, Endpoint)>,
    pub(super) rates: Rates,
    pub(super) lost: u64,
    /// Rows that went because the log may not hold more.
    pub(super) forgotten: u64,
    /// Rows of system calls, which the log shows only where the filter asks for them.
    calls: u64,
    /// The file whose log is shown.
    pub(super) recorded: Option<Recorded>,
    pub(super) replay: Option<Replay>,
    /// What could be replayed, while that is asked.
    pub(super) census: Option<Census>,
    filling: Filling,
    pub(super) repeats: Repeats,
    pub(super) scenarios: Scenarios,
}

/// The socket whose options are on the screen.
struct LookedAt {
    socket: SocketId,
    view: Option<SocketView>,
    /// The view before that one.
    before: Option<SocketView>,
}

/// Bytes in the present second and in the last.
#[derive(Default)]
pub(super) struct Rates {
    second: u64,
    received: u64,
    sent: u64,
    pub(super) last_received: u64,
    pub(super) last_sent: u64,
}

impl Rates {
    fn turn(&mut self, now: Timestamp) {
        let second = now.0 / 1_000_000_000;
        // A batch that waited may be of the second before; its bytes count in this one.
        if second > self.second {
            let adjacent = second == self.second + 1;
            self.last_received = if adjacent { self.received } else { 0 };
            self.last_sent = if adjacent { self.sent } else { 0 };
            self.received = 0;
            self.sent = 0;
            self.second = second;
        }
    }

    /// True while a figure on the screen will change although nothing happens.
    pub(super) fn is_moving(&self) -> bool {
        self.received + self.sent + self.last_received + self.last_sent > 0
    }
}

/// What of a batch is worth telling the user at once.
pub(super) enum Told {
    Outcome(Outcome),
    Failed(SocketId, NetError),
    /// A file has ended.
    Transferred(SocketId, Transfer),
    /// A pair has its first end.
    Paired {
        pair: SocketId,
        first: SocketId,
    },
}

impl Bench {
    pub(super) fn new(ids: SocketIds, clock: Clock, memory: u64) -> Self {
        Self {
            ids,
            clock,
            roster: Roster::default(),
            store: LogStore::new(memory),
            view: LogView::new(),
            find: None,
            messages: Messages::new(),
            found: Found::default(),
            profile: Profile::new(),
            roots: Vec::new(),
            known_rules: KnownRules::default(),
            next_ticket: 0,
            sends: HashMap::new(),
            transfers: Transfers::default(),
            exports: Exports::default(),
            looked_at: None,
            before_change: None,
            rates: Rates::default(),
            lost: 0,
            forgotten: 0,
            calls: 0,
            recorded: None,
            replay: None,
            census: None,
            filling: Filling::default(),
            repeats: Repeats::default(),
            scenarios: Scenarios::default(),
        }
    }

    /// When the session began.
    pub(super) fn began(&self) -> Timestamp {
        self.clock.began()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How many sockets are open, accepted ones included.
    pub(super) fn open_sockets(&self) -> usize {
        self.roster
            .roots()
            .filter(|member| self.recorded_in(member.id).is_none())
            .map(|member| usize::from(member.state.is_open()) + self.roster.open_children(member.id))
            .sum()
    }

    /// Says whose views are to be kept.
    pub(super) fn look_at(&mut self, socket: SocketId) {
        if self.looked_at.as_ref().is_none_or(|looked_at| looked_at.socket != socket) {
            self.looked_at = Some(LookedAt { socket, view: None, before: None });
        }
    }

    /// What the kernel knows of the socket that is looked at, and what it knew the time before.
    pub(super) fn view_of(&self, socket: SocketId) -> Option<(&SocketView, Option<&SocketView>)> {
        let looked_at = self.looked_at.as_ref().filter(|looked_at| looked_at.socket == socket)?;
        Some((looked_at.view.as_ref()?, looked_at.before.as_ref()))
    }

    /// Takes in what the engine reports, and gives back a block for it. What is worth telling goes to `tell`.
    pub(super) fn absorb(&mut self, batch: Batch, tell: &mut Vec<Told>) -> io::Result<Block> {
        // Before the events, among which is why something ended.
        for report in &batch.reports {
            tell.extend(self.report(report));
        }
        for event in &batch.events {
            self.rates.turn(event.at);
            self.roster.observe(event);
            if let Some(replay) = &mut self.replay {
                replay.observe(event);
            }
            self.repeats.observe(event);
            if let Some((run, _)) = &mut self.scenarios.running {
                let came = if let Fact::Received { bytes, .. } = event.fact { batch.bytes(bytes) } else { &[] };
                run.observe(event, came);
            }
            match &event.fact {
                Fact::Received { bytes, .. } => self.rates.received += u64::from(bytes.len),
                Fact::Sent { ticket, bytes, remaining, .. } => {
                    self.rates.sent += u64::from(bytes.len);
                    tell.extend(self.sent(*ticket, event, *remaining).map(Told::Outcome));
                }
                Fact::SendFailed { ticket, error } => tell.extend(self.send_failed(*ticket, event.socket, error)),
                Fact::Failed(error) => {
                    self.refused(event.socket, error);
                    tell.push(Told::Failed(event.socket, (**error).clone()));
                }
                Fact::Paired { parent, number: 1 } => tell.push(Told::Paired { pair: *parent, first: event.socket }),
                Fact::Lost { count, .. } => self.lost = self.lost.saturating_add(*count),
                Fact::Call { .. } => self.calls += 1,
                _ => {}
            }
        }
        let block = self.store.append(batch)?;
        self.catch_up();
        Ok(block)
    }

    /// Has the log keep to its memory limit.
    pub(super) fn settle(&mut self) {
        self.forgotten += self.store.settle();
    }

    fn report(&mut self, report: &Report) -> Option<Told> {
        match &report.content {
            ReportContent::Progress(progress) => {
                let ended = self.transfers.progress(report.socket, progress, self.clock.now())?;
                // One that fell short comes with a failure that says why.
                (!ended.fell_short()).then(|| Told::Transferred(report.socket, ended.clone()))
            }
            ReportContent::View(view) => {
                let looked_at = self.looked_at.as_mut().filter(|looked_at| looked_at.socket == report.socket)?;
                looked_at.before = looked_at.view.replace((**view).clone());
                None
            }
        }
    }

    /// Reads the messages of rows that were not read yet, and judges rows that the view has not seen, for as long as nobody
    /// is kept waiting by it; true while there are more.
    pub(super) fn catch_up(&mut self) -> bool {
        let began = Instant::now();
        loop {
            let are_read = self.messages.catch_up(&self.store, &self.roster);
            self.amend();
            let are_judged = self.view.catch_up(&self.store, &self.roster, &self.messages, SLICE);
            if are_read && are_judged {
                return false;
            }
            if began.elapsed() >= TURN {
                return true;
            }
        }
    }

    /// Takes in what has become known of rows that were judged before.
    fn amend(&mut self) {
        let rows = self.messages.take_amended();
        if !rows.is_empty() {
            self.view.judge_again(&rows, &self.store, &self.roster, &self.messages);
            if let Some(find) = &mut self.find {
                find.search_again(&rows, &self.store, &self.roster, &self.messages);
            }
        }
    }

    /// Searches rows that find has not seen, for half as long as the view may judge; true while there are more.
    pub(super) fn search(&mut self) -> bool {
        let Some(find) = &mut self.find else { return false };
        let began = Instant::now();
        while !find.catch_up(&self.store, &self.roster, &self.messages) {
            if began.elapsed() >= TURN / 2 {
                return true;
            }
        }
        false
    }

    /// Ends the messages that a gap has ended; after which time the next one is.
    pub(super) fn expire_messages(&mut self) -> Option<Duration> {
        // What came before the gap was over may still be on its way to here.
        let now = Timestamp(self.now().0.saturating_sub(20_000_000));
        if self.messages.deadline()? <= now {
            self.messages.expire(now);
            self.amend();
        }
        Some(self.messages.deadline()?.since(now))
    }

    /// True when find has seen every row, or nothing is looked for.
    pub(super) fn is_searched(&self) -> bool {
        self.find.as_ref().is_none_or(|find| find.searched() + 1 >= self.store.next())
    }

    /// True when the view has judged every row.
    pub(super) fn is_judged(&self) -> bool {
        self.view.judged() + 1 >= self.store.next()
    }

    /// How much of the log lies before this sequence number and with it, from 0 to 100.
    pub(super) fn percent_of(&self, seq: u64) -> u64 {
        let (first, next) = (self.store.first(), self.store.next());
        100 * (seq + 1).saturating_sub(first) / (next - first).max(1)
    }

    /// How many rows there would be without a filter.
    pub(super) fn unfiltered_rows(&self) -> u64 {
        (self.store.next() - self.store.first()).saturating_sub(self.calls)
    }

    /// The row under the log's cursor.
    pub(super) fn current(&self) -> Option<Row> {
        self.current_line().map(|(row, _)| row)
    }

    /// Brings the rates up to now; after which time they will have changed by themselves, while they do.
    pub(super) fn turn_rates(&mut self) -> Option<Duration> {
        self.rates.turn(self.now());
        let moving = self.rates.is_moving() || self.transfers.running().next().is_some();
        moving.then_some(Duration::from_secs(1))
    }
}
