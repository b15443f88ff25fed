//! The timeline: a socket's life as the calls that were made and what they returned.
//!
//! Owns which rows belong to a socket's timeline, how each one reads as a call, and what a call teaches ([`lesson`]).
//! It never changes the log, and never claims a call that was not observed: what is inferred is marked.

mod code;
mod errors;
mod lessons;
mod literal;
mod options;
mod remarks;

use super::{Kind, LogStore, Roster, Row};
use crate::contract::{Address, CloseReason, Fact, NetError, Operation, Scheme, SocketId};
use crate::log::export::escaped;

pub use lessons::{Lesson, lesson};

/// The most bytes of a message that its step quotes.
const QUOTED: usize = 48;

/// How many rows back it is looked for the call that has told a fact already.
const LOOK_BACK: u64 = 256;

/// What stands before an errno that no call returned, but the error queue holds (ip(7), `IP_RECVERR`).
const ICMP_ERROR: &str = "ee_errno ";

/// One row of the log as a step of its socket's life. It may quote what others said, so it is to be sanitised before
/// it is drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// The call's name: `bind`. Empty for a remark that no call made.
    pub name: String,
    /// Its arguments in the order of the man page, without the descriptor: `127.0.0.1:7788`.
    pub args: String,
    /// What it returned: `0`, `5  "hello"`, `-1 ECONNREFUSED (111)`.
    pub result: String,
    /// No such call was observed: it follows from what was.
    pub inferred: bool,
    /// What it means, in a few words; may be empty.
    pub meaning: String,
    /// The message, if the step carries one that is short enough to be quoted whole.
    data: Option<Vec<u8>>,
    /// What kind of socket it is, while that is known.
    scheme: Option<Scheme>,
}

impl Step {
    /// The call as one would write it: `bind(127.0.0.1:7788)`; empty for a remark.
    #[must_use]
    pub fn call(&self) -> String {
        if self.name.is_empty() { String::new() } else { format!("{}({})", self.name, self.args) }
    }

    /// True when the call failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.code().is_some() || self.result.starts_with("-1")
    }

    /// The errno's name, if the call failed with one: `ECONNREFUSED`.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        let code = self.result.strip_prefix("-1 ").or_else(|| self.result.strip_prefix(ICMP_ERROR))?;
        code.split(' ').next().filter(|code| code.starts_with('E'))
    }

    fn of_call(name: &str, args: impl Into<String>, result: impl Into<String>) -> Self {
        Self { name: name.to_owned(), args: args.into(), result: result.into(), ..Self::default() }
    }

    fn inferred(name: &str, result: impl Into<String>, meaning: impl Into<String>) -> Self {
        Self { inferred: true, meaning: meaning.into(), ..Self::of_call(name, "", result) }
    }

    fn remark(meaning: impl Into<String>) -> Self {
        Self { meaning: meaning.into(), ..Self::default() }
    }
}

/// True when the row belongs to the socket's timeline: it is the socket's own, or tells that the socket accepted a
/// connection, and no call beside it tells the same.
#[must_use]
pub fn belongs(row: &Row, socket: SocketId, store: &LogStore, roster: &Roster) -> bool {
    let from_parent = matches!(row.kind, Kind::Accepted | Kind::Connected);
    (row.socket == socket || from_parent && roster.parent(row.socket) == Some(socket)) && !is_told(row, store)
}

/// The row as a step; `None` only for a row that the store no longer holds.
#[must_use]
pub fn step(row: &Row, store: &LogStore, roster: &Roster) -> Option<Step> {
    let member = roster.get(row.socket).or_else(|| roster.get(roster.parent(row.socket)?));
    let mut step = if row.kind.is_message() { message(row, store) } else { of_fact(row, store.fact(row)?, roster) };
    step.scheme = member.map(|member| member.endpoint.scheme);
    if step.meaning.is_empty() {
        step.meaning = remarks::remark(&step).to_owned();
    }
    Some(step)
}

fn message(row: &Row, store: &LogStore) -> Step {
    let bytes = store.bytes(row);
    let quoted = escaped(&bytes[..bytes.len().min(QUOTED)]);
    let more = if bytes.len() > QUOTED { "..." } else { "" };
    let result = format!("{}  \"{quoted}\"{more}", row.len);
    let mut step = match (row.kind, store.peer(row)) {
        (Kind::Received, Some(peer)) => Step::of_call("recvfrom", peer.to_string(), result),
        (Kind::Received, None) => Step::of_call("recv", "", result),
        (_, Some(peer)) => Step::of_call("sendto", format!("{}, {peer}", row.len), result),
        (_, None) => Step::of_call("send", row.len.to_string(), result),
    };
    if row.truncated {
        "the datagram was longer: its end is lost".clone_into(&mut step.meaning);
    }
    step.data = (bytes.len() <= QUOTED).then(|| bytes.into_owned());
    step
}

fn of_fact(row: &Row, fact: Fact, roster: &Roster) -> Step {
    match fact {
        Fact::Call { call, args, result } => Step::of_call(&call, args, result),
        Fact::Opened { local, peer: None } => Step::inferred("getsockname", local.to_string(), "the address it got"),
        Fact::Opened { local, peer: Some(peer) } => {
            Step::inferred("getsockname", local.to_string(), format!("it will send to {peer}"))
        }
        Fact::Connected { local, peer: Address::Unix(peer) } => {
            Step::inferred("getpeername", peer.to_string(), format!("connected; this end is {local}"))
        }
        Fact::Connected { local, peer } => {
            Step::inferred("getsockname", local.to_string(), format!("our end; the other is {peer}"))
        }
        Fact::Accepted { peer, .. } => {
            Step::of_call("accept", "", format!("{peer} \u{2192} {}", roster.name(row.socket)))
        }
        Fact::Paired { number, .. } => Step {
            args: format!("sv[{}]", number.saturating_sub(1)),
            ..Step::inferred("socketpair", roster.name(row.socket), "what it sends, the other end receives")
        },
        Fact::PeerClosed => Step::of_call("recv", "", "0"),
        Fact::Closed { reason } => Step::inferred("close", "0", closing(reason)),
        Fact::Failed(error) | Fact::SendFailed { error, .. } => failure(&error),
        Fact::Lost { count, bytes } => {
            let datagrams = if count == 1 { "datagram" } else { "datagrams" };
            let bytes = bytes.map(|bytes| format!(" of {bytes} bytes")).unwrap_or_default();
            Step::remark(format!("lost {count} {datagrams}{bytes}: nobody read them in time"))
        }
        Fact::Note { name, message } => Step::remark(format!("{name}: {message}")),
        // These are messages, and have no fact.
        Fact::Received { .. } | Fact::Sent { .. } => Step::default(),
    }
}

fn failure(error: &NetError) -> Step {
    let (Some(code), Some(errno)) = (error.code(), error.errno) else {
        return Step::remark(format!("{}: {}", error.operation, error.cause));
    };
    let address = error.address.clone().unwrap_or_default();
    let result = format!("-1 {code} ({errno})");
    match (error.operation, code.as_str()) {
        // What the error queue of a datagram socket says is about a datagram that was sent before.
        (Operation::Recv, _) if !address.is_empty() => Step {
            meaning: format!("about the datagram to {address}"),
            ..Step::of_call("recvmsg", "MSG_ERRQUEUE", format!("{ICMP_ERROR}{code} ({errno})"))
        },
        // The time limit of the program ran out, and not that of the system.
        (Operation::Connect | Operation::Getaddrinfo, "ETIMEDOUT") => {
            Step { args: address, ..Step::inferred(error.operation.name(), result, "connect-timeout ran out") }
        }
        (Operation::Send, "EMSGSIZE") => {
            Step { args: address, ..Step::inferred("sendto", result, "refused before the call") }
        }
        (Operation::Send, _) if !address.is_empty() => Step::of_call("sendto", address, result),
        (Operation::Accept, _) => Step::of_call("accept", "", result),
        (operation, _) => Step::of_call(operation.name(), address, result),
    }
}

const fn closing(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::User => "closed by the user",
        CloseReason::Peer => "both directions are done",
        CloseReason::Reset => "the peer had sent RST",
        CloseReason::Timeout => "a time limit ran out",
        CloseReason::Shutdown => "the program ends",
        CloseReason::Error => "an operation had failed",
    }
}

/// True when a call in a row before has told what this row tells.
fn is_told(row: &Row, store: &LogStore) -> bool {
    match row.kind {
        Kind::Received => call_before(row, store).is_some_and(|call| call.starts_with("recv")),
        Kind::Sent => call_before(row, store).is_some_and(|call| call.starts_with("send")),
        Kind::Failed => match store.fact(row) {
            Some(Fact::Failed(error)) => failure_is_told(row, store, &error),
            _ => false,
        },
        // The remarks on shutdown(2) and SO_LINGER say the same.
        Kind::Note => match store.fact(row) {
            Some(Fact::Note { name, .. }) => name == "half-close" || name == "abort",
            _ => false,
        },
        _ => false,
    }
}

/// The call that the socket's row before this one tells, if it tells one.
fn call_before(row: &Row, store: &LogStore) -> Option<String> {
    let from = row.seq.saturating_sub(LOOK_BACK);
    let before = store.rows(from..row.seq).filter(|other| other.socket == row.socket).last()?;
    match store.fact(&before)? {
        Fact::Call { call, .. } => Some(call.into_owned()),
        _ => None,
    }
}

fn failure_is_told(row: &Row, store: &LogStore, error: &NetError) -> bool {
    let from = row.seq.saturating_sub(LOOK_BACK);
    let calls = store.rows(from..row.seq).filter(|other| other.socket == row.socket && other.kind == Kind::Call);
    let operation = error.operation.name();
    // The newest call of that name: an older one may have failed in the same way, and was told then.
    let latest = calls.filter_map(|other| store.fact(&other)).filter_map(|fact| match fact {
        Fact::Call { call, result, .. } if call.starts_with(operation) => Some(result),
        _ => None,
    });
    latest.last().is_some_and(|result| match error.errno {
        Some(errno) => result.starts_with("-1 ") && result.ends_with(&format!("({errno})")),
        None => result == error.cause,
    })
}
