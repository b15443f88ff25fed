//! One step of a timeline, and what kind of step it is.
//!
//! Owns what tells one kind from another. It never explains.

use super::literal::Place;
use crate::log::carrier::Carrier;
use crate::log::ending::Before;

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
    pub(super) data: Option<Vec<u8>>,
    /// What carries the socket's bytes, while that is known.
    pub(super) carrier: Option<Carrier>,
    /// It is a listener's own step, and not one of a connection.
    pub(super) listens: bool,
    /// What came before it, where it is the end of a direction or of the socket.
    pub(super) before: Before,
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
        // What the error queue holds is an errno that no call returned.
        let queued = (self.name == "recvmsg").then_some(&*self.result);
        let code = self.result.strip_prefix("-1 ").or(queued)?;
        code.split(' ').next().filter(|code| code.starts_with('E'))
    }

    pub(super) fn of_call(name: &str, args: impl Into<String>, result: impl Into<String>) -> Self {
        Self { name: name.to_owned(), args: args.into(), result: result.into(), ..Self::default() }
    }

    pub(super) fn inferred(name: &str, result: impl Into<String>, meaning: impl Into<String>) -> Self {
        Self { inferred: true, meaning: meaning.into(), ..Self::of_call(name, "", result) }
    }

    pub(super) fn remark(meaning: impl Into<String>) -> Self {
        Self { meaning: meaning.into(), ..Self::default() }
    }

    /// True for a step with the address of a Unix socket.
    pub(super) fn is_on_path(&self) -> bool {
        matches!(Place::parse(&self.args), Some(Place::Path(_) | Place::Abstract(_)))
    }

    /// True for a Unix socket: its peers are on this machine, and it sends no segments.
    pub(super) fn is_unix(&self) -> bool {
        self.carrier.is_some_and(Carrier::is_unix) || self.is_on_path()
    }

    /// True for a socket of a protocol that knows no ports.
    pub(super) fn is_without_ports(&self) -> bool {
        self.carrier.is_some_and(Carrier::is_without_ports)
    }

    /// True for a send of which the system took a part.
    pub(super) fn is_partial(&self) -> bool {
        left(&self.args, &self.result).is_some()
    }

    /// True for a packet that was received with its IP header, as a raw socket of IPv4 gives it.
    pub(super) fn has_ip_header(&self) -> bool {
        let v4 = || matches!(Place::parse(&self.args), Some(Place::Ip(from)) if from.is_ipv4());
        self.carrier == Some(Carrier::Raw) && v4()
    }

    /// True for `SO_REUSEADDR` where nothing ever waits in `TIME_WAIT`.
    pub(super) fn shares_port(&self) -> bool {
        self.carrier == Some(Carrier::Udp) && self.args.split(", ").nth(1) == Some("SO_REUSEADDR")
    }
}

/// How many of the bytes that a send was asked for it did not take; `None` for none.
pub(super) fn left(asked: &str, taken: &str) -> Option<u64> {
    let number = |text: &str| text.split([' ', ',']).next().and_then(|number| number.parse::<u64>().ok());
    number(asked)?.checked_sub(number(taken)?).filter(|left| *left > 0)
}
