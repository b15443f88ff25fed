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
mod snippet;
mod step;

use super::carrier::Carrier;
use super::ending::{self, Before};
use super::escape::escaped;
use super::sentence::{is_of_tcp, sentence};
use super::{Kind, LogStore, Roster, Row};
use crate::contract::{Address, Fact, NetError, Operation, Role, SocketId};

pub use lessons::{Lesson, lesson};
pub use step::Step;

/// The most bytes of a message that its step quotes.
const QUOTED: usize = 48;

/// How many rows before a failure it is looked for the call that has told it.
const FAILURE_WITHIN: u64 = 256;

/// How many rows a message and the call row that tells more of it may be apart.
const MESSAGE_WITHIN: u64 = 16;

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
    let member = ending::member(row, roster);
    let mut step =
        if row.kind.is_message() { message(row, store) } else { of_fact(row, store.fact(row)?, store, roster) };
    step.carrier = member.map(|member| Carrier::of(&member.endpoint));
    step.listens =
        member.is_some_and(|member| member.parent.is_none() && member.endpoint.scheme.spec().role == Role::Listener);
    if step.meaning.is_empty() {
        step.meaning = remarks::remark(&step).to_owned();
    }
    Some(step)
}

/// How many bytes of a send the system did not take: they wait for room. `None` where it took all, or that is not known.
#[must_use]
pub fn waiting(row: &Row, store: &LogStore) -> Option<u64> {
    let (_, args, taken) = call_beside(row, store).filter(|_| row.kind == Kind::Sent)?;
    step::left(&args, &taken)
}

fn message(row: &Row, store: &LogStore) -> Step {
    let bytes = store.bytes(row);
    let quoted = escaped(&bytes[..bytes.len().min(QUOTED)]);
    let more = if bytes.len() > QUOTED { "..." } else { "" };
    let result = format!("{}  \"{quoted}\"{more}", row.len);
    let mut step = match (call_beside(row, store), row.kind, store.peer(row)) {
        (Some((name, args, returned)), ..) => Step::of_call(&name, args, format!("{returned}  \"{quoted}\"{more}")),
        (None, Kind::Received, Some(peer)) => Step::of_call("recvfrom", peer.to_string(), result),
        (None, Kind::Received, None) => Step::of_call("recv", "", result),
        (None, _, Some(peer)) => Step::of_call("sendto", format!("{}, {peer}", row.len), result),
        (None, _, None) => Step::of_call("send", row.len.to_string(), result),
    };
    if row.truncated {
        "the datagram was longer: its end is lost".clone_into(&mut step.meaning);
    }
    step.data = (bytes.len() <= QUOTED).then(|| bytes.to_vec());
    step
}

fn of_fact(row: &Row, fact: Fact, store: &LogStore, roster: &Roster) -> Step {
    match fact {
        Fact::Call { call, args, result } => Step::of_call(&call, args, result),
        Fact::Opened { local, peer: None } => Step::inferred("getsockname", local.to_string(), "the address it got"),
        Fact::Opened { local, peer: Some(peer) } => {
            Step::inferred("getsockname", local.to_string(), format!("sends to {peer}"))
        }
        Fact::Connected { local, peer: Address::Unix(peer) } => {
            Step::inferred("getpeername", peer.to_string(), format!("connected; this end is {local}"))
        }
        Fact::Connected { local, peer } => Step::inferred("getsockname", local.to_string(), format!("peer {peer}")),
        Fact::Accepted { peer, .. } => {
            Step::of_call("accept", "", format!("{peer} \u{2192} {}", roster.name(row.socket)))
        }
        Fact::Paired { number, .. } => Step {
            args: format!("sv[{}]", number.saturating_sub(1)),
            ..Step::inferred("socketpair", roster.name(row.socket), "what it sends, the other end receives")
        },
        Fact::PeerClosed => Step { before: Before::of(row, store), ..Step::of_call("recv", "", "0") },
        Fact::Closed { reason } => {
            let before = Before::of_close(row, reason, store, roster);
            Step { before, ..Step::inferred("close", "0", ending::closed(row, reason, before, roster)) }
        }
        Fact::Failed(error) => match telling_call(row, store, &error) {
            // It has the arguments, which the failure has not.
            Some((name, args, result)) if error.operation != Operation::ErrorQueue => {
                Step::of_call(&name, args, result)
            }
            _ => failure(&error),
        },
        Fact::SendFailed { error, .. } => failure(&error),
        fact @ Fact::Rule { .. } => Step::remark(sentence(row, &fact, store, roster)),
        fact @ Fact::Lost { .. } => {
            let why = if is_of_tcp(row, roster) { "the capture has not got them" } else { "nobody read them in time" };
            Step::remark(format!("{}: {why}", sentence(row, &fact, store, roster)))
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
        // The error queue of a datagram socket speaks of a datagram that was sent before; that call had succeeded.
        (Operation::ErrorQueue, _) => Step {
            meaning: format!("for {address}"),
            ..Step::of_call("recvmsg", "MSG_ERRQUEUE", format!("{code} ({errno})"))
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

/// True when another row tells what this row tells: a call row that a failure repeats, or a message that its call row
/// stands beside.
fn is_told(row: &Row, store: &LogStore) -> bool {
    match row.kind {
        Kind::Sent => is_rest_of_partial_send(row, store),
        Kind::Call => is_beside_message(row, store),
        Kind::Failed => match store.fact(row) {
            Some(Fact::Failed(error)) => telling_call(row, store, &error).is_some(),
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

type Call = (String, String, String);

/// The call of a row that tells of the sending or the receiving of a message: its name, arguments and result.
fn call_of(row: &Row, kind: Kind, store: &LogStore) -> Option<Call> {
    let names: &[&str] = if kind == Kind::Sent { &["send", "sendto"] } else { &["recv", "recvfrom"] };
    match store.fact(row).filter(|_| row.kind == Kind::Call)? {
        Fact::Call { call, args, result } if names.contains(&&*call) && !result.starts_with('-') => {
            Some((call.into_owned(), args, result))
        }
        _ => None,
    }
}

/// The call row that was reported right after a message, and tells more of it: how much was to be sent, or a header.
fn call_beside(row: &Row, store: &LogStore) -> Option<Call> {
    let after = store.rows(row.seq + 1..row.seq + 1 + MESSAGE_WITHIN).filter(|other| other.socket == row.socket);
    after.take_while(|other| other.kind != row.kind).find_map(|other| call_of(&other, row.kind, store))
}

/// True for a call row that [`call_beside`] finds for a message.
fn is_beside_message(row: &Row, store: &LogStore) -> bool {
    let is_beside = |kind| {
        call_of(row, kind, store).is_some() && {
            let before = store.rows(row.seq.saturating_sub(MESSAGE_WITHIN)..row.seq);
            let before = before.filter(|other| other.socket == row.socket);
            // Whichever of these is the newest: one call is of one message.
            let latest = before.filter(|other| other.kind == kind || call_of(other, kind, store).is_some()).last();
            latest.is_some_and(|latest| latest.kind == kind)
        }
    };
    is_beside(Kind::Sent) || is_beside(Kind::Received)
}

/// True for a part of what one send took, which had no room in the block of the part before.
fn is_rest_of_partial_send(row: &Row, store: &LogStore) -> bool {
    let before = store.rows(row.seq.saturating_sub(MESSAGE_WITHIN)..row.seq);
    let before = before.filter(|other| other.socket == row.socket);
    // How many bytes the newest call row says that were taken, and how many of them have no row yet.
    let mut first = 0;
    let mut left = 0;
    for other in before {
        if other.kind == Kind::Sent {
            first = u64::from(other.len);
            left = u64::saturating_sub(left, first);
        } else if let Some((name, _, taken)) = call_of(&other, Kind::Sent, store) {
            let taken = if name == "send" { taken.parse().unwrap_or(0) } else { 0 };
            left = u64::saturating_sub(taken, first);
        }
    }
    left > 0 && u64::from(row.len) <= left
}

/// The call row that tells what a failure repeats, if there is one.
fn telling_call(row: &Row, store: &LogStore, error: &NetError) -> Option<Call> {
    let from = row.seq.saturating_sub(FAILURE_WITHIN);
    let calls = store.rows(from..row.seq).filter(|other| other.socket == row.socket && other.kind == Kind::Call);
    let operation = error.operation.name();
    // The newest call of that name: an older one may have failed in the same way, and was told then.
    let latest = calls.filter_map(|other| store.fact(&other)).filter_map(|fact| match fact {
        Fact::Call { call, args, result } if call.starts_with(operation) => Some((call.into_owned(), args, result)),
        _ => None,
    });
    latest.last().filter(|(_, _, result)| match error.errno {
        Some(errno) => result.starts_with("-1 ") && result.ends_with(&format!("({errno})")),
        None => *result == error.cause,
    })
}

#[cfg(test)]
mod tests;
