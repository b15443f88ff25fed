//! How a socket's life ends, in words: which end closed, and what became of what waited.
//!
//! Owns what is told of `recv() = 0` and of the close. It looks back in the log for what led to them, and never further
//! than [`BACK`] rows.

use super::carrier::Carrier;
use crate::contract::{AfterFin, CloseReason, Fact, Role, format_duration};
use crate::log::{Kind, LogStore, Member, Roster, Row};

/// How many rows before an end it is looked for what led to it.
const BACK: u64 = 1024;

/// What had happened to a socket in this life of it, as far as the words for its end differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Before {
    /// Our direction was shut down.
    pub(super) half_closed: bool,
    /// The close sends RST, since `SO_LINGER` is `{1, 0}`.
    pub(super) resets: bool,
    /// Nothing came or went for as long as `idle-timeout` says.
    idle: bool,
}

impl Before {
    /// As it was at this row.
    pub(super) fn of(row: &Row, store: &LogStore) -> Self {
        let mut before = Self::default();
        for other in store.rows(row.seq.saturating_sub(BACK)..row.seq).filter(|other| other.socket == row.socket) {
            if !matches!(other.kind, Kind::Call | Kind::Note) {
                continue;
            }
            match store.fact(&other) {
                // Another life begins.
                Some(Fact::Call { call, .. }) if call == "socket" => before = Self::default(),
                Some(Fact::Call { call, result, .. }) if call == "shutdown" && result == "0" => {
                    before.half_closed = true;
                }
                Some(Fact::Call { call, args, result })
                    if call == "setsockopt" && args.contains("SO_LINGER, ") && result == "0" =>
                {
                    before.resets = args.ends_with("{1, 0}");
                }
                Some(Fact::Note { name, .. }) if name == "idle-timeout" => before.idle = true,
                _ => {}
            }
        }
        before
    }

    /// As it was at this row, which tells of the close.
    pub(super) fn of_close(row: &Row, reason: CloseReason, store: &LogStore, roster: &Roster) -> Self {
        let mut before = Self::of(row, store);
        // A close is the last of a life, so that what the roster knows of that is true of it.
        before.half_closed |= roster.get(row.socket).is_some_and(|member| member.sending_closed);
        before.resets &= match reason {
            CloseReason::User | CloseReason::Rule | CloseReason::Scenario | CloseReason::Shutdown => true,
            CloseReason::Timeout => before.idle,
            // After FIN of both there is nothing left to reset.
            CloseReason::Peer => !before.half_closed,
            CloseReason::Reset | CloseReason::Error => false,
        };
        before
    }
}

/// The socket of a row or, where it is no longer listed, the one that it came from.
pub(super) fn member<'a>(row: &Row, roster: &'a Roster) -> Option<&'a Member> {
    roster.get(row.socket).or_else(|| roster.get(roster.parent(row.socket)?))
}

/// What it means that `recv` returned 0.
pub(super) const fn peer_closed(unix: bool, half_closed: bool) -> &'static str {
    match (unix, half_closed) {
        (_, true) => "both directions are done",
        (true, false) => "the peer has closed or half-closed",
        (false, false) => "the peer sent FIN, you may still send",
    }
}

/// Why a socket closed, as a remark.
pub(super) fn closed(row: &Row, reason: CloseReason, before: Before, roster: &Roster) -> String {
    let words = match reason {
        _ if before.resets => RESET,
        _ if was_closed_by_its_ends(row, reason, roster) => "both ends are closed",
        CloseReason::User => "closed by the user",
        CloseReason::Rule => "closed by a rule",
        CloseReason::Scenario => "closed by the scenario",
        CloseReason::Peer if before.half_closed => "both directions are done",
        CloseReason::Peer => return after_fin(row, roster),
        CloseReason::Reset if is_unix(row, roster) => "the peer had closed",
        CloseReason::Reset => "the peer had sent RST",
        CloseReason::Timeout => return time_limit(row, before, roster),
        CloseReason::Shutdown => "the program ends",
        CloseReason::Error => "an operation had failed",
    };
    words.to_owned()
}

/// What a row of the log says of `recv() = 0`.
pub(super) fn peer_closed_sentence(row: &Row, store: &LogStore, roster: &Roster) -> String {
    format!("recv = 0: {}", peer_closed(is_unix(row, roster), Before::of(row, store).half_closed))
}

/// What a row of the log says of a close.
pub(super) fn closed_sentence(row: &Row, reason: CloseReason, store: &LogStore, roster: &Roster) -> String {
    let before = Before::of_close(row, reason, store, roster);
    let words = match reason {
        CloseReason::User if before.resets => return format!("closed by user: {RESET}"),
        CloseReason::Scenario if before.resets => return format!("closed by the scenario: {RESET}"),
        CloseReason::User => "closed by user",
        CloseReason::Rule => "closed by a rule",
        CloseReason::Scenario => "closed by the scenario",
        CloseReason::Shutdown => "closed as the program ends",
        CloseReason::Error => "closed after an error",
        _ if was_closed_by_its_ends(row, reason, roster) => "closed, as both its ends are",
        CloseReason::Peer if before.half_closed => "both directions are done: closed",
        CloseReason::Peer if is_unix(row, roster) => {
            return format!("the peer has closed or half-closed, and {}: closed", after_fin(row, roster));
        }
        CloseReason::Peer => return format!("FIN from the peer, and {}: closed", after_fin(row, roster)),
        CloseReason::Reset if is_unix(row, roster) => "the peer had closed: closed",
        CloseReason::Reset => "RST from the peer: closed",
        CloseReason::Timeout => return format!("{}: closed", time_limit(row, before, roster)),
    };
    words.to_owned()
}

const RESET: &str = "RST sent, what waits is thrown away";

fn is_unix(row: &Row, roster: &Roster) -> bool {
    member(row, roster).is_some_and(|member| Carrier::of(&member.endpoint).is_unix())
}

/// A pair has no direction of its own: it goes with its ends.
fn was_closed_by_its_ends(row: &Row, reason: CloseReason, roster: &Roster) -> bool {
    let is_pair = || roster.get(row.socket).is_some_and(|member| member.endpoint.scheme.spec().role == Role::Pair);
    let is_ours =
        matches!(reason, CloseReason::User | CloseReason::Rule | CloseReason::Scenario | CloseReason::Shutdown);
    !is_ours && roster.parent(row.socket).is_none() && is_pair()
}

fn after_fin(row: &Row, roster: &Roster) -> String {
    match member(row, roster).map(|member| member.endpoint.after_fin()) {
        Some(AfterFin::Within(time)) => format!("after-fin ({}) is over", format_duration(time)),
        Some(AfterFin::Close) => "after-fin is close".to_owned(),
        _ => "after-fin is over".to_owned(),
    }
}

fn time_limit(row: &Row, before: Before, roster: &Roster) -> String {
    if !before.idle {
        return "the peer no longer answered".to_owned();
    }
    match member(row, roster).and_then(|member| member.endpoint.idle_timeout()) {
        Some(time) => format!("idle-timeout ({}) is over", format_duration(time)),
        None => "idle-timeout is over".to_owned(),
    }
}
