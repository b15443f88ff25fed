//! The bench: the sockets, the log and the profile that the panes show, without anything of a screen.
//!
//! Owns the roster, the store, the view and the profile, and keeps the profile's sockets in step with the roots of the
//! roster. It never draws, and orders from the engine only by way of effects.

pub(super) mod exports;
pub(super) mod filling;
pub(super) mod lines;
pub(super) mod recorded;
pub(super) mod repeat;
pub(super) mod replay;
mod rules;
pub(super) mod scenarios;
mod transcript;
pub(super) mod transfers;
mod under_way;

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Effect;
use crate::contract::{
    Batch, Block, Clock, CloseReason, Command, Endpoint, Event, Fact, NetError, Operation, Report, ReportContent, Role,
    Saving, SocketId, SocketIds, SocketView, Target, Ticket, Timestamp,
};
use crate::encoding::Encoding;
use crate::log::{Find, LogStore, LogView, Messages, Roster, Row};
use crate::profile::{Profile, SocketEntry};

use exports::Exports;
use filling::Filling;
use lines::Found;
use recorded::Recorded;
use repeat::Repeats;
use replay::{Census, Replay};
use rules::KnownRules;
use scenarios::Scenarios;
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
    /// When the replay is to be looked after again.
    pub(super) replay_wakes: Option<Timestamp>,
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

/// A send that the user ordered and whose outcome is not yet whole.
struct Sending {
    began: Timestamp,
    wanted: usize,
    done: usize,
    len: u64,
    failed: Vec<(SocketId, NetError)>,
}

/// What is worth telling of a send.
pub(super) enum Outcome {
    /// Some sockets took it, others did not.
    Failed { done: usize, wanted: usize, failed: Vec<(SocketId, NetError)> },
    /// All took it, and there were several.
    All(usize),
    /// A long one is through, with so many bytes.
    Long(u64),
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
            replay_wakes: None,
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

    /// Opens a new socket under a name of its own, which echoes if that is wanted, and by the rules for every socket.
    pub(super) fn add(&mut self, name: &str, endpoint: Endpoint, echo: bool, effects: &mut Vec<Effect>) -> SocketId {
        let entry = SocketEntry::new(self.free_name(name), endpoint);
        self.profile.sockets.push(entry.clone());
        if echo && !self.profile.echoes(&entry) {
            self.profile.set_echo(&entry.name, true);
        }
        let socket = self.register(&entry);
        // Before there is anything to answer.
        self.settle_rules_from(self.roots.len() - 1, effects);
        self.begin(socket, entry, effects);
        socket
    }

    /// Lists a socket of the profile behind those that are listed.
    fn register(&mut self, entry: &SocketEntry) -> SocketId {
        let socket = self.ids.mint();
        self.roots.push(socket);
        self.roster.register(socket, entry.name.clone(), entry.endpoint.clone());
        socket
    }

    fn begin(&mut self, socket: SocketId, entry: SocketEntry, effects: &mut Vec<Effect>) {
        let SocketEntry { endpoint, auto, .. } = entry;
        if auto {
            effects.push(Effect::Order(Command::Open { socket, endpoint }));
        } else {
            // Listed but not opened: the profile said so.
            self.roster.observe(&Event { at: self.now(), socket, fact: Fact::Closed { reason: CloseReason::User } });
        }
    }

    /// Opens a socket of the list again.
    pub(super) fn reopen(&mut self, socket: SocketId, effects: &mut Vec<Effect>) {
        if let Some(member) = self.roster.get(socket) {
            let (name, endpoint) = (member.name.clone(), (*member.endpoint).clone());
            self.before_change = None;
            self.roster.register(socket, name, endpoint.clone());
            effects.push(Effect::Order(Command::Open { socket, endpoint }));
        }
    }

    /// Gives a socket of the list another endpoint; it holds from the next opening on.
    pub(super) fn change(&mut self, socket: SocketId, endpoint: Endpoint) {
        self.before_change = None;
        let framing = self.roster.get(socket).map(|member| member.endpoint.framing().clone());
        if framing.is_some_and(|framing| framing != *endpoint.framing())
            && let Some((row, spot)) = self.current_line()
        {
            self.view.keep_byte(self.messages.end_of(&row, spot.message, &self.store).unwrap_or(0));
        }
        if let Some(entry) = self.entry_mut(socket) {
            entry.endpoint = endpoint.clone();
            let before = self.roster.encoding(socket);
            self.roster.set_endpoint(socket, endpoint);
            if self.roster.encoding(socket) != before {
                self.judge_anew();
                self.find = self.find.take().map(|find| Find::new(find.text(), find.needle().clone()));
            }
        }
    }

    /// Gives an open socket of the list an endpoint with another option, as long as the system does not refuse it.
    pub(super) fn change_live(&mut self, socket: SocketId, endpoint: Endpoint) {
        let before = self.roster.get(socket).map(|member| (socket, (*member.endpoint).clone()));
        self.change(socket, endpoint);
        self.before_change = before;
    }

    fn refused(&mut self, socket: SocketId, error: &NetError) {
        if error.operation == Operation::Setsockopt
            && let Some((_, endpoint)) = self.before_change.take_if(|(changed, _)| *changed == socket)
        {
            self.change(socket, endpoint);
        }
    }

    /// Gives a socket of the list another name, by which its rules know it then.
    pub(super) fn rename(&mut self, socket: SocketId, name: &str) {
        if let Some(index) = self.roots.iter().position(|root| *root == socket) {
            self.profile.rename_socket(index, name);
            self.roster.rename(socket, name.to_owned());
            self.judge_anew();
        }
    }

    /// What the filter finds by the name of a socket, or in its messages, has changed.
    fn judge_anew(&mut self) {
        if !self.view.filter().text().is_empty() {
            self.view.set_filter(self.view.filter().clone());
            self.catch_up();
        }
    }

    /// Takes a socket off the list, closing it.
    pub(super) fn remove(&mut self, socket: SocketId, effects: &mut Vec<Effect>) {
        if let Some(index) = self.roots.iter().position(|root| *root == socket) {
            effects.push(Effect::Order(Command::CloseAll { root: socket, by: CloseReason::User }));
            self.roots.remove(index);
            self.profile.remove_socket(index);
            self.known_rules.remove(&socket);
            self.roster.remove(socket);
        } else if self.recorded_in(socket).is_some() {
            self.roster.remove(socket);
        }
    }

    /// Puts another profile on the bench; what was open is closed.
    pub(super) fn load(&mut self, mut profile: Profile, effects: &mut Vec<Effect>) {
        self.known_rules.clear();
        for socket in std::mem::take(&mut self.roots) {
            effects.push(Effect::Order(Command::CloseAll { root: socket, by: CloseReason::User }));
            self.roster.remove(socket);
        }
        profile.warnings.clear();
        let entries = profile.sockets.clone();
        self.profile = profile;
        self.scenarios.forget();
        self.filling.know(&self.profile.vars);
        let sockets: Vec<_> = entries.iter().map(|entry| self.register(entry)).collect();
        self.settle_rules(effects);
        for (socket, entry) in sockets.into_iter().zip(entries) {
            self.begin(socket, entry, effects);
        }
    }

    fn entry_mut(&mut self, socket: SocketId) -> Option<&mut SocketEntry> {
        let index = self.roots.iter().position(|root| *root == socket)?;
        self.profile.sockets.get_mut(index)
    }

    /// True for a name that no other socket of the list has.
    pub(super) fn name_is_free(&self, name: &str, but: Option<SocketId>) -> bool {
        self.roster.roots().all(|member| member.name != name || Some(member.id) == but)
    }

    /// The name, or where it is taken the name and a number.
    pub(super) fn free_name(&self, name: &str) -> String {
        if self.name_is_free(name, None) {
            return name.to_owned();
        }
        // One of these is free: there are more of them than names that are taken.
        (2..self.roster.roots().count() + 3)
            .map(|number| format!("{name}-{number}"))
            .find(|name| self.name_is_free(name, None))
            .unwrap_or_default()
    }

    /// The encoding of the text that goes to a target; UTF-8 where there is none.
    pub(super) fn encoding_of(&self, target: Option<&Target>) -> Encoding {
        target.map_or(Encoding::UTF_8, |target| self.roster.encoding(target.socket()))
    }

    /// True for a target whose messages are datagrams, which may be empty.
    pub(super) fn is_datagram(&self, target: &Target) -> bool {
        self.roster.get(target.socket()).is_some_and(|member| member.endpoint.scheme.is_datagram())
    }

    /// How many sockets are open, accepted ones included.
    pub(super) fn open_sockets(&self) -> usize {
        self.roster
            .roots()
            .filter(|member| self.recorded_in(member.id).is_none())
            .map(|member| usize::from(member.state.is_open()) + self.roster.open_children(member.id))
            .sum()
    }

    /// Orders a send; its outcome comes by [`Bench::absorb`].
    pub(super) fn send(&mut self, target: Target, bytes: Vec<u8>, effects: &mut Vec<Effect>) {
        let ticket = self.ticket();
        self.filling.count(target.socket());
        let wanted = self.reach(&target).max(1);
        let (began, len) = (self.now(), bytes.len() as u64);
        self.sends.insert(ticket, Sending { began, wanted, done: 0, len, failed: Vec::new() });
        if len > LONG {
            // It may have to wait before the first of its bytes goes, and can be cancelled then as well.
            for socket in self.reached(&target) {
                self.transfers.sent((ticket, socket), 0, len, began, began);
            }
        }
        effects.push(Effect::Order(Command::Send { ticket, target, bytes: Arc::from(bytes) }));
    }

    /// Orders a message of the replay to be sent. An empty one can't be sent on a stream, and is passed over.
    pub(super) fn replay_one(&mut self, target: Target, bytes: Vec<u8>, effects: &mut Vec<Effect>) {
        let is_nothing = bytes.is_empty() && !self.is_datagram(&target);
        let (ticket, reach) = (self.ticket(), self.reach(&target));
        let Some(replay) = &mut self.replay else { return };
        if is_nothing {
            replay.passed();
        } else {
            replay.ordered(ticket, reach);
            effects.push(Effect::Order(Command::Send { ticket, target, bytes: Arc::from(bytes) }));
        }
    }

    /// Orders a file to be sent; how far it has come is among the transfers.
    pub(super) fn send_file(&mut self, target: Target, path: PathBuf, effects: &mut Vec<Effect>) {
        let ticket = self.ticket();
        effects.push(Effect::Order(Command::SendFile { ticket, target, path }));
    }

    /// Orders what a socket receives to be saved; how far that has come is among the transfers.
    pub(super) fn save(&mut self, socket: SocketId, saving: Saving, effects: &mut Vec<Effect>) {
        let ticket = self.ticket();
        effects.push(Effect::Order(Command::Save { ticket, socket, saving }));
    }

    fn ticket(&mut self) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        ticket
    }

    /// The sockets that a send to this target reaches.
    fn reached(&self, target: &Target) -> Vec<SocketId> {
        match target {
            Target::Children(listener) => {
                let open = self.roster.children(*listener).filter(|child| child.state.is_open());
                open.map(|child| child.id).collect()
            }
            Target::Socket(socket) | Target::Peer(socket, _) => vec![*socket],
        }
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

    /// How many sockets a send to this target reaches.
    pub(super) fn reach(&self, target: &Target) -> usize {
        match target {
            Target::Children(listener) => self.roster.open_children(*listener),
            Target::Socket(_) | Target::Peer(..) => 1,
        }
    }

    /// Whether a target can be sent to, or why not.
    pub(super) fn can_send(&self, target: &Target) -> Result<(), String> {
        let socket = target.socket();
        let name = self.roster.name(socket);
        let Some(member) = self.roster.get(socket) else {
            return Err(format!("{name} is gone"));
        };
        if let Some(file) = self.recorded_in(socket) {
            return Err(format!("{name} is from {file}; ^N opens a socket of your own"));
        }
        match target {
            Target::Children(_) if self.roster.open_children(socket) == 0 => {
                Err(format!("nobody is connected to {name} yet"))
            }
            Target::Children(_) => Ok(()),
            _ if member.endpoint.scheme.spec().role == Role::Pair && member.parent.is_none() => {
                Err(format!("{name} carries nothing itself; select one of its ends"))
            }
            _ if !member.state.is_open() => Err(format!("{name} is not open; o in the list opens it")),
            _ if member.sending_closed => Err(format!("{name} was half-closed here: it only receives")),
            Target::Socket(_)
                if member.endpoint.scheme.spec().role == Role::DatagramServer && member.last_heard.is_none() =>
            {
                Err(format!("nobody has sent to {name} yet; ^X takes an address"))
            }
            _ => Ok(()),
        }
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

    fn sent(&mut self, ticket: Ticket, event: &Event, remaining: u64) -> Option<Outcome> {
        let sending = self.sends.get_mut(&ticket)?;
        let key = (ticket, event.socket);
        if remaining > 0 || self.transfers.get(key).is_some() {
            let done = sending.len.saturating_sub(remaining);
            self.transfers.sent(key, done, sending.len, sending.began, event.at);
        }
        if remaining > 0 {
            return None;
        }
        sending.done += 1;
        self.outcome(ticket)
    }

    fn send_failed(&mut self, ticket: Ticket, socket: SocketId, error: &NetError) -> Option<Told> {
        self.transfers.end((ticket, socket), self.clock.now());
        if let Some(sending) = self.sends.get_mut(&ticket) {
            sending.failed.push((socket, error.clone()));
            return self.outcome(ticket).map(Told::Outcome);
        }
        // Of a file, a replay, a repeat or a scenario. What the engine sends by itself was not asked for here, and what was
        // withdrawn before its first byte went is no news to whoever withdrew it.
        let is_news = ticket != Ticket::ENGINE && *error != NetError::cancelled(0);
        is_news.then(|| Told::Failed(socket, error.clone()))
    }

    fn outcome(&mut self, ticket: Ticket) -> Option<Outcome> {
        let sending = self.sends.get(&ticket)?;
        if sending.done + sending.failed.len() < sending.wanted {
            return None;
        }
        let Sending { wanted, done, failed, len, .. } = self.sends.remove(&ticket)?;
        match wanted {
            _ if !failed.is_empty() => Some(Outcome::Failed { done, wanted, failed }),
            1 if len > LONG => Some(Outcome::Long(len)),
            1 => None,
            _ => Some(Outcome::All(done)),
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

/// From how many bytes on a send is among the transfers from its beginning.
const LONG: u64 = 256 * 1024;

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
