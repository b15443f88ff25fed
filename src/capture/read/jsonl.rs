//! The JSONL log of this program: lines in, the rows that they were out.
//!
//! Owns what each kind of line means. It never reads other programs' JSON: a line that is none of ours is an error with
//! its number.

mod opened_as;

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, SocketAddr};

use memchr::memchr;
use serde::Deserialize;

use super::collector::{Collector, Way};
use super::{ReadError, Step};
use crate::contract::{Address, BLOCK_SIZE, CloseReason, Fact, NetError, Operation, SocketId, Timestamp, UnixAddress};
use opened_as::{Carrier, OpenedAs};

/// The byte order mark that some editors put before a text.
pub(super) const MARK: &[u8] = "\u{feff}".as_bytes();

/// The longest line that is read, in bytes: a message of a whole block, in hex and as text that is all escapes.
const LINE_MAX: usize = 9 * BLOCK_SIZE;

/// How many ids are set aside, at most, so that sockets keep those that the file has.
const IDS_MAX: usize = 65_536;

/// What the lines have told so far.
#[derive(Default)]
pub(super) struct Lines {
    /// How many lines are read.
    read: u64,
    /// By the id in the file.
    sockets: HashMap<u32, Known>,
    /// Roots by name: their ids, and those in the file once a line of their own has told.
    names: HashMap<String, (SocketId, Option<u32>)>,
    ids: Ids,
}

/// Ids of the session, as far as possible those that the file has.
#[derive(Default)]
struct Ids {
    /// Ids that were minted on the way to others.
    aside: HashMap<u32, SocketId>,
}

/// A socket of the file.
struct Known {
    id: SocketId,
    name: String,
    is_child: bool,
    opened_as: OpenedAs,
    /// The other end of a connection.
    peer: Option<Address>,
}

/// A line. Which of the fields are there depends on the kind.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    at: Cow<'a, str>,
    #[serde(borrow)]
    socket: Cow<'a, str>,
    id: u32,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    local: Option<Cow<'a, str>>,
    #[serde(borrow)]
    peer: Option<Cow<'a, str>>,
    #[serde(borrow)]
    parent: Option<Cow<'a, str>>,
    #[serde(borrow)]
    hex: Option<Cow<'a, str>>,
    #[serde(default)]
    truncated: bool,
    reason: Option<CloseReason>,
    #[serde(borrow)]
    op: Option<Cow<'a, str>>,
    errno: Option<i32>,
    #[serde(borrow)]
    message: Option<Cow<'a, str>>,
    count: Option<u64>,
    bytes: Option<u64>,
    #[serde(borrow)]
    call: Option<Cow<'a, str>>,
    #[serde(borrow)]
    args: Option<Cow<'a, str>>,
    #[serde(borrow)]
    result: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
}

impl Lines {
    pub(super) fn step(&mut self, bytes: &[u8], out: &mut Collector) -> Result<Step, ReadError> {
        match memchr(b'\n', bytes) {
            Some(end) => {
                self.line(&bytes[..end], out)?;
                Ok(Step::Took(end + 1))
            }
            None if bytes.len() > LINE_MAX => Err(self.wrong("it is longer than any line of a log can be")),
            None => Ok(Step::Short),
        }
    }

    /// Reads what stands after the last end of a line.
    pub(super) fn last(&mut self, bytes: &[u8], out: &mut Collector) -> Result<(), ReadError> {
        match self.line(bytes, out) {
            Err(ReadError::Invalid(_)) => {
                out.remark(format!("it ends in the middle of line {}; all before that is here", self.read));
                Ok(())
            }
            done => done,
        }
    }

    fn wrong(&self, what: &str) -> ReadError {
        let kept = if self.read > 1 { "; what comes before it is here" } else { "" };
        ReadError::Invalid(format!("line {}: {what}{kept}", self.read.max(1)))
    }

    fn line(&mut self, line: &[u8], out: &mut Collector) -> Result<(), ReadError> {
        self.read += 1;
        let line = if self.read == 1 { line.strip_prefix(MARK).unwrap_or(line) } else { line };
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let line: Line<'_> = serde_json::from_slice(line).map_err(|error| {
            let text = error.to_string();
            // Its line is always the first.
            let text = text.split(" at line ").next().unwrap_or_default();
            self.wrong(&format!("{text}, column {}", error.column()))
        })?;
        let at = line.at.parse::<jiff::Timestamp>().ok().and_then(|at| u64::try_from(at.as_nanosecond()).ok());
        let at = Timestamp(at.ok_or_else(|| self.wrong("`at` is no time such as 2026-11-21T12:00:00.5Z"))?);
        match &*line.kind {
            "received" => self.message(at, Way::Received, &line, out),
            "sent" => self.message(at, Way::Sent, &line, out),
            _ => self.fact(at, &line, out),
        }
    }

    fn message(&mut self, at: Timestamp, way: Way, line: &Line<'_>, out: &mut Collector) -> Result<(), ReadError> {
        let hex = line.hex.as_ref().ok_or_else(|| self.wrong("a message without `hex`"))?;
        let bytes = from_hex(hex).ok_or_else(|| self.wrong("`hex` is not pairs of hex digits"))?;
        if bytes.len() > BLOCK_SIZE {
            return Err(self.wrong("the message is longer than any that a socket gives"));
        }
        let known = self.known(line, out);
        let peer = line.peer.as_deref().map(read_address);
        // A connection's messages go without: its peer is known.
        let peer = peer.filter(|peer| known.peer.as_ref() != Some(peer));
        let id = known.id;
        out.message(at, id, way, peer.as_ref(), &bytes, line.truncated)
    }

    fn fact(&mut self, at: Timestamp, line: &Line<'_>, out: &mut Collector) -> Result<(), ReadError> {
        let fact = self.read_fact(line, out)?;
        let is_end = matches!(fact, Fact::Closed { .. });
        let known = self.known(line, out);
        known.learn(&fact);
        let (id, is_child) = (known.id, known.is_child);
        if !is_child {
            let before = known.opened_as.endpoint();
            out.found(id, &known.name, before);
        }
        if is_child && is_end {
            // Nothing more comes of a connection, and there may be millions.
            self.sockets.remove(&line.id);
        }
        out.fact(at, id, fact)
    }

    fn read_fact(&mut self, line: &Line<'_>, out: &mut Collector) -> Result<Fact, ReadError> {
        let text = |field: &Option<Cow<'_, str>>| field.as_deref().unwrap_or_default().to_owned();
        let needed = |field: &Option<Cow<'_, str>>, name: &str| {
            field.as_deref().map(read_address).ok_or_else(|| self.wrong(&format!("`{}` without `{name}`", line.kind)))
        };
        Ok(match &*line.kind {
            "opened" => {
                Fact::Opened { local: needed(&line.local, "local")?, peer: line.peer.as_deref().map(read_address) }
            }
            "connected" | "accepted" => {
                let (local, peer) = (needed(&line.local, "local")?, needed(&line.peer, "peer")?);
                match &line.parent {
                    None => Fact::Connected { local, peer },
                    Some(parent) => {
                        let number = number_in(&line.socket, parent);
                        let is_pair = line.kind == "connected";
                        let parent = self.parent(parent, is_pair, &local, out);
                        if is_pair {
                            Fact::Paired { parent, number }
                        } else {
                            Fact::Accepted { parent, number, local, peer }
                        }
                    }
                }
            }
            "peer-closed" => Fact::PeerClosed,
            "closed" => Fact::Closed {
                reason: line.reason.ok_or_else(|| self.wrong("`closed` without a `reason` that is known"))?,
            },
            "failed" => Fact::Failed(Box::new(self.failure(line)?)),
            "lost" => Fact::Lost { count: line.count.unwrap_or(1), bytes: line.bytes },
            "call" => Fact::Call { call: text(&line.call).into(), args: text(&line.args), result: text(&line.result) },
            "note" => Fact::Note { name: text(&line.name).into(), message: text(&line.message) },
            "rule" => Fact::Rule { name: text(&line.name), message: text(&line.message) },
            other => return Err(self.wrong(&format!("there is no kind `{other}`"))),
        })
    }

    /// The failure whose sentence the line has: what was made of its parts is taken apart again.
    fn failure(&self, line: &Line<'_>) -> Result<NetError, ReadError> {
        let operations = [
            Operation::Getaddrinfo,
            Operation::Socket,
            Operation::Setsockopt,
            Operation::Bind,
            Operation::Listen,
            Operation::Accept,
            Operation::Connect,
            Operation::Send,
            Operation::Recv,
            Operation::ErrorQueue,
            Operation::Shutdown,
            Operation::Socketpair,
            Operation::Sendfile,
            Operation::Open,
            Operation::Write,
        ];
        let message = line.message.as_deref().unwrap_or_default();
        let named = line.op.as_deref().unwrap_or_default();
        let mut of_name = operations.into_iter().filter(|operation| operation.name() == named).peekable();
        let first = *of_name.peek().ok_or_else(|| self.wrong(&format!("there is no operation `{named}`")))?;
        for operation in of_name {
            // The sentence of a failure without a cause ends where the cause would begin.
            let bare = |address: Option<String>| {
                let error = NetError { operation, address, errno: line.errno, cause: String::new(), hint: None };
                let sentence = error.to_string();
                sentence.strip_suffix('.').unwrap_or_default().to_owned()
            };
            let cause = |rest: &str| rest.strip_suffix('.').map(str::to_owned);
            if let Some(cause) = message.strip_prefix(&bare(None)).and_then(cause) {
                return Ok(NetError { operation, address: None, errno: line.errno, cause, hint: None });
            }
            // `\u{1}` stands where an address would.
            let with_address = bare(Some("\u{1}".to_owned()));
            if let Some((before, after)) = with_address.split_once('\u{1}')
                && let Some(rest) = message.strip_prefix(before)
                && let Some((address, rest)) = rest.split_once(after)
                && let Some(cause) = cause(rest)
            {
                let address = Some(address.to_owned());
                return Ok(NetError { operation, address, errno: line.errno, cause, hint: None });
            }
        }
        Ok(NetError { operation: first, address: None, errno: line.errno, cause: message.to_owned(), hint: None })
    }

    /// The socket that a line is of.
    fn known(&mut self, line: &Line<'_>, out: &mut Collector) -> &mut Known {
        match self.sockets.entry(line.id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                // Only these lines tell of a parent; it is in the log by them.
                let is_child = line.parent.is_some() && matches!(&*line.kind, "accepted" | "connected");
                let name = line.socket.clone().into_owned();
                let id = match self.names.get(&name) {
                    // Its connections have come before it.
                    Some((id, None)) if !is_child => *id,
                    _ => self.ids.take(line.id, out),
                };
                if !is_child {
                    self.names.insert(name.clone(), (id, Some(line.id)));
                    out.found(id, &name, OpenedAs::default().endpoint());
                }
                place.insert(Known { id, name, is_child, opened_as: OpenedAs::default(), peer: None })
            }
        }
    }

    /// The listener or the pair of this name, as which it is known from now on.
    fn parent(&mut self, name: &str, is_pair: bool, local: &Address, out: &mut Collector) -> SocketId {
        let carrier = match local {
            _ if is_pair => Carrier::Pair,
            Address::Unix(_) => Carrier::Unix,
            _ => Carrier::Tcp,
        };
        let (id, number) = match self.names.get(name) {
            Some(known) => *known,
            None => *self.names.entry(name.to_owned()).or_insert((out.mint(), None)),
        };
        let known = number.and_then(|number| self.sockets.get_mut(&number));
        let mut nobody = OpenedAs::default();
        let opened_as = known.map_or(&mut nobody, |known| &mut known.opened_as);
        opened_as.accepts(carrier, local);
        out.found(id, name, opened_as.endpoint());
        id
    }
}

impl Ids {
    /// The id of this number, unless another socket of the session has it.
    fn take(&mut self, number: u32, out: &Collector) -> SocketId {
        if let Some(id) = self.aside.remove(&number) {
            return id;
        }
        loop {
            let id = out.mint();
            let ahead = number.saturating_sub(id.get()) as usize;
            if number <= id.get() || self.aside.len() + ahead > IDS_MAX {
                return id;
            }
            self.aside.insert(id.get(), id);
        }
    }
}

impl Known {
    fn learn(&mut self, fact: &Fact) {
        self.opened_as.learn(fact);
        match fact {
            Fact::Opened { peer, .. } => self.peer.clone_from(peer),
            Fact::Connected { peer, .. } | Fact::Accepted { peer, .. } => self.peer = Some(peer.clone()),
            Fact::Paired { .. } => self.peer = Some(UnixAddress::Unnamed.into()),
            _ => {}
        }
    }
}

/// The number behind the parent's name: 2 of `server#2`.
fn number_in(name: &str, parent: &str) -> u32 {
    let number = name.strip_prefix(parent).and_then(|rest| rest.strip_prefix('#'));
    number.and_then(|number| number.parse().ok()).unwrap_or(1)
}

/// An address as the log writes it. What is none of an internet family is a path.
fn read_address(text: &str) -> Address {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return address.into();
    }
    let (host, scope) = match text.split_once('%') {
        Some((host, scope)) => (host, scope.parse().ok()),
        None => (text, Some(0)),
    };
    if let (Ok(ip), Some(scope)) = (host.parse::<IpAddr>(), scope) {
        return Address::Host(ip, scope);
    }
    Address::Unix(match text.strip_prefix('@') {
        _ if text == "unnamed" => UnixAddress::Unnamed,
        Some(name) => UnixAddress::Abstract(name.as_bytes().to_vec()),
        None => UnixAddress::Pathname(text.as_bytes().to_vec()),
    })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    if rest.is_empty() { bytes } else { None }
}
