//! What the user did, and what came back, as the steps of a scenario.
//!
//! Owns which rows become which steps. What rules and other programs did is no step; what came is, on all sockets of the
//! bench but the connections of others that the user had nothing to do with.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::{ControlFlow, Range};

use super::Bench;
use crate::contract::{Address, CloseHow, CloseReason, Endpoint, Fact, Role, SocketId};
use crate::encoding::Encoding;
use crate::log::{Kind, Row};
use crate::payload::{Mode, show_in};
use crate::profile::{Message, PatternEntry, PayloadContent, StepAction};
use crate::scenario::Name;

/// How many rows are looked through, and how many steps and bytes become of them: more is no scenario to be read.
const ROWS_MAX: u64 = 200_000;
const STEPS_MAX: usize = 500;
const BYTES_MAX: usize = 256 * 1024;

/// How often the messages of framed streams are read on before there are steps.
const SLICES_MAX: usize = 64;

impl Bench {
    /// The steps that do again what the user did in these rows, as far as the filter lets them pass, and expect what came.
    ///
    /// # Errors
    /// One sentence without a full stop: why there are none.
    pub(in crate::ui) fn transcript(&mut self, rows: Range<u64>) -> Result<Vec<StepAction>, String> {
        let rows = rows.start.max(self.store.first())..rows.end;
        if rows.end.saturating_sub(rows.start) > ROWS_MAX {
            return Err(format!("of more than {ROWS_MAX} rows no scenario is made; select some with v"));
        }
        // What came a moment ago may not be read yet.
        if !(0..SLICES_MAX).any(|_| self.messages.catch_up(&self.store, &self.roster)) {
            return Err("the messages in the log are still being read; try again in a moment".to_owned());
        }
        let cast = Cast::of(self, rows.clone());
        let mut scribe = Scribe::new(self, cast);
        let _ = self.store.for_each_row(rows, |row| {
            if self.view.shows(row.seq) {
                scribe.take(&row);
            }
            let is_enough = scribe.steps.len() > STEPS_MAX || scribe.bytes > BYTES_MAX;
            if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        scribe.expect_what_came();
        match scribe.steps {
            _ if scribe.bytes > BYTES_MAX => Err("that is more than 256 KiB; select fewer rows with v".to_owned()),
            steps if steps.len() > STEPS_MAX => {
                Err(format!("that is more than {STEPS_MAX} steps; select fewer rows with v"))
            }
            steps if !steps.iter().any(acts) => {
                Err("in these rows nothing was opened, sent or closed by hand".to_owned())
            }
            steps => Ok(steps),
        }
    }
}

/// Who takes part: what steps call the sockets, and with which of them the user had to do.
#[derive(Default)]
struct Cast {
    names: HashMap<SocketId, Name>,
    used: HashSet<SocketId>,
    /// The half-closes that a rule did.
    by_rule: HashSet<u64>,
}

impl Cast {
    fn of(bench: &Bench, rows: Range<u64>) -> Self {
        let mut cast = Self::default();
        // The clients that were opened among these rows, by the address that their peer sees and by that they went to.
        let mut clients: Vec<(Address, &Endpoint)> = Vec::new();
        let mut accepted: Vec<(SocketId, SocketId, Address)> = Vec::new();
        let mut after_rule: HashSet<SocketId> = HashSet::new();
        let _ = bench.store.for_each_row(rows, |row| {
            let socket = row.socket;
            match (row.kind, bench.store.fact(&row)) {
                (Kind::Sent, _) if row.by_itself => drop(after_rule.insert(socket)),
                (Kind::Rule, _) => drop(after_rule.insert(socket)),
                (Kind::Sent, _) => {
                    after_rule.remove(&socket);
                    cast.used.insert(socket);
                }
                (Kind::Received, _) => drop(after_rule.remove(&socket)),
                (_, Some(Fact::Connected { local, .. })) => {
                    clients.extend(bench.roster.endpoint(socket).map(|endpoint| (local, endpoint)));
                    cast.used.insert(socket);
                }
                (_, Some(Fact::Opened { .. })) if bench.opens_with_steps(socket) => drop(cast.used.insert(socket)),
                (_, Some(Fact::Accepted { parent, peer, .. })) => accepted.push((socket, parent, peer)),
                (_, Some(Fact::Closed { reason: CloseReason::User })) => drop(cast.used.insert(socket)),
                (_, Some(Fact::Note { name, .. })) if name == "half-close" && after_rule.contains(&socket) => {
                    cast.by_rule.insert(row.seq);
                }
                (_, Some(Fact::Note { name, .. })) if name == "half-close" => drop(cast.used.insert(socket)),
                _ => {}
            }
            ControlFlow::Continue(())
        });
        // Only connections of clients that the scenario opens, too, have the same number again.
        let mut counts: BTreeMap<SocketId, u32> = BTreeMap::new();
        for (socket, listener, peer) in accepted {
            let address = bench.roster.endpoint(listener).map(|endpoint| &endpoint.address);
            let is_own = clients.iter().any(|(local, endpoint)| {
                local == &peer && (matches!(peer, Address::Ip(_)) || Some(&endpoint.address) == address)
            });
            if is_own {
                let count = counts.entry(listener).or_default();
                *count += 1;
                let name = Name { connection: Some(*count), ..Name::new(bench.roster.name(listener)) };
                cast.names.insert(socket, name);
            }
        }
        cast
    }

    /// What steps call a socket.
    fn name(&self, bench: &Bench, socket: SocketId) -> Option<Name> {
        if let Some(name) = self.names.get(&socket) {
            return Some(name.clone());
        }
        let root = bench.roster.root(socket);
        if !bench.roots.contains(&root) {
            return None;
        }
        let role = bench.roster.endpoint(root)?.scheme.spec().role;
        // The ends of a pair have the same numbers every time.
        let connection =
            if role == Role::Pair && socket != root { Some(bench.roster.get(socket)?.number) } else { None };
        Some(Name { connection, ..Name::new(bench.roster.name(root)) })
    }
}

/// What came on a socket, and no step expects yet.
struct Heard {
    socket: SocketId,
    name: Name,
    messages: Vec<Vec<u8>>,
}

/// Whoever writes the steps down.
struct Scribe<'b> {
    bench: &'b Bench,
    cast: Cast,
    steps: Vec<StepAction>,
    heard: Vec<Heard>,
    bytes: usize,
    /// What was sent of a frame that is not whole.
    unwrapped: HashMap<SocketId, Vec<u8>>,
    /// The sockets whose peer has sent FIN, or that were aborted here.
    ended: HashSet<SocketId>,
    aborted: HashSet<SocketId>,
    /// To whom the last step sent, for the sends to the other connections of a listener.
    last_sent: Option<(SocketId, Name)>,
}

impl<'b> Scribe<'b> {
    fn new(bench: &'b Bench, cast: Cast) -> Self {
        Self {
            bench,
            cast,
            steps: Vec::new(),
            heard: Vec::new(),
            bytes: 0,
            unwrapped: HashMap::new(),
            ended: HashSet::new(),
            aborted: HashSet::new(),
            last_sent: None,
        }
    }

    fn take(&mut self, row: &Row) {
        let socket = row.socket;
        let Some(name) = self.cast.name(self.bench, socket) else { return };
        match row.kind {
            Kind::Sent if !row.by_itself => return self.sent(row, name),
            Kind::Received if self.is_heard(socket, &name) => return self.received(row, name),
            _ => {}
        }
        match self.bench.store.fact(row) {
            Some(Fact::Connected { .. } | Fact::Opened { .. }) if self.bench.opens_with_steps(socket) => {
                self.ended.remove(&socket);
                self.act(StepAction::Open(name.socket));
            }
            Some(Fact::Note { name: what, .. }) if what == "abort" => drop(self.aborted.insert(socket)),
            Some(Fact::Note { name: what, .. }) if what == "half-close" && !self.cast.by_rule.contains(&row.seq) => {
                self.act(StepAction::Close(name, CloseHow::HalfClose));
            }
            Some(Fact::Closed { reason: CloseReason::User }) => {
                let how = if self.aborted.remove(&socket) { CloseHow::Abort } else { CloseHow::Normal };
                self.act(StepAction::Close(name, how));
            }
            Some(Fact::PeerClosed | Fact::Closed { reason: CloseReason::Reset | CloseReason::Peer }) => {
                self.peer_ended(socket, name);
            }
            _ => {}
        }
    }

    /// Whether what comes there is expected: it has the same name the next time, or the user had to do with it.
    fn is_heard(&self, socket: SocketId, name: &Name) -> bool {
        name.connection.is_some() || self.bench.roots.contains(&socket) || self.cast.used.contains(&socket)
    }

    /// Writes down what the user did, after what came before.
    fn act(&mut self, action: StepAction) {
        self.expect_what_came();
        self.last_sent = None;
        self.steps.push(action);
    }

    fn sent(&mut self, row: &Row, name: Name) {
        let bench = self.bench;
        let mut bytes = bench.store.bytes(row).to_vec();
        let Some(endpoint) = bench.roster.endpoint(row.socket) else { return };
        if let Some(framing) = endpoint.wrap() {
            // The step gets its frame when it is sent.
            let frame = self.unwrapped.entry(row.socket).or_default();
            frame.extend_from_slice(&bytes);
            let Some(payload) = framing.payload_of(frame) else { return };
            self.unwrapped.remove(&row.socket);
            bytes = payload;
        }
        self.bytes += bytes.len();
        let message = Message::Written(content(&bytes, endpoint.encoding()), None);
        let action = StepAction::Send { message, to: name.clone(), repeat: None, every: None };
        // One step sends to all connections of a listener.
        let is_the_same = name.connection.is_none() && self.steps.last() == Some(&action);
        let is_another = self.last_sent.as_ref().is_some_and(|(socket, last)| *socket != row.socket && *last == name);
        if is_the_same && is_another && self.heard.iter().all(|heard| heard.messages.is_empty()) {
            return;
        }
        self.act(action);
        self.last_sent = Some((row.socket, name));
    }

    fn received(&mut self, row: &Row, name: Name) {
        let Some(endpoint) = self.bench.roster.endpoint(row.socket) else { return };
        let mut came = Vec::new();
        let bench = self.bench;
        if bench.messages.count(row).is_some() {
            let lines = bench.view.lines_of(row.seq);
            bench.messages.for_each(row, &bench.store, |message, payload, _| {
                if lines.contains(message) {
                    came.push(payload.to_vec());
                }
            });
        } else {
            came.push(bench.store.bytes(row).to_vec());
        }
        self.bytes += came.iter().map(Vec::len).sum::<usize>();
        let is_raw_stream = !endpoint.keeps_messages_apart() && endpoint.framing().is_raw();
        let place = self.heard.iter().position(|heard| heard.socket == row.socket).unwrap_or_else(|| {
            self.heard.push(Heard { socket: row.socket, name, messages: Vec::new() });
            self.heard.len() - 1
        });
        let messages = &mut self.heard[place].messages;
        match messages.last_mut() {
            // What one `recv` returned means nothing there.
            Some(last) if is_raw_stream => last.extend(came.into_iter().flatten()),
            _ => messages.extend(came),
        }
    }

    /// The peer's direction is over.
    fn peer_ended(&mut self, socket: SocketId, name: Name) {
        let role = self.bench.roster.endpoint(socket).map(|endpoint| endpoint.scheme.spec().role);
        let is_told = role == Some(Role::Client) || name.connection.is_some();
        if !self.is_heard(socket, &name) || !is_told || !self.ended.insert(socket) {
            return;
        }
        self.act(StepAction::ExpectClosed { on: name, within: None });
    }

    /// Writes down what came since the last step.
    fn expect_what_came(&mut self) {
        for heard in &mut self.heard {
            let encoding = self.bench.roster.encoding(heard.socket);
            for message in heard.messages.drain(..) {
                let pattern = PatternEntry::Equals(content(&message, encoding));
                self.steps.push(StepAction::Expect { pattern, on: heard.name.clone(), within: None });
            }
        }
    }
}

impl Bench {
    /// Whether a step opens this socket, where the user did: one that connects. What listens is open before.
    fn opens_with_steps(&self, socket: SocketId) -> bool {
        let Some(index) = self.roots.iter().position(|root| *root == socket) else { return false };
        let Some(entry) = self.profile.contents.sockets.get(index) else { return false };
        !entry.auto || matches!(entry.endpoint.scheme.spec().role, Role::Client | Role::DatagramClient)
    }
}

/// Whether a step does something, and does not only wait for it.
const fn acts(step: &StepAction) -> bool {
    matches!(step, StepAction::Open(_) | StepAction::Close(..) | StepAction::Send { .. })
}

/// The bytes as they read best: text, text with escapes where characters need them, or hex.
fn content(bytes: &[u8], encoding: Encoding) -> PayloadContent {
    let shown = |mode| show_in(mode, bytes, encoding);
    let is_binary = |c: char| c.is_control() && !matches!(c, '\r' | '\n' | '\t');
    let is_text = encoding.text_of(bytes).is_some_and(|text| !text.chars().any(is_binary));
    match shown(Mode::Text) {
        Ok(text) => PayloadContent::Text(text),
        // Of zero bytes there is no hex.
        Err(_) if is_text || bytes.is_empty() => PayloadContent::Escaped(shown(Mode::Escaped).unwrap_or_default()),
        Err(_) => PayloadContent::Hex(shown(Mode::Hex).unwrap_or_default()),
    }
}
