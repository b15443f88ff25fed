//! What went wrong with a socket: the operation, the address, the errno, the cause and the next step.

use std::fmt;
use std::io;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use crate::os::NoThread;

/// The operation that failed, by the name of its system or library call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// `getaddrinfo(3)`.
    Getaddrinfo,
    /// `socket(2)`.
    Socket,
    /// `setsockopt(2)`.
    Setsockopt,
    /// `bind(2)`.
    Bind,
    /// `listen(2)`.
    Listen,
    /// `accept(2)`.
    Accept,
    /// `connect(2)`.
    Connect,
    /// `send(2)` and its kin.
    Send,
    /// `recv(2)` and its kin.
    Recv,
    /// `recvmsg(2)` with `MSG_ERRQUEUE`: no call failed, but ICMP told of a datagram that had been sent before (ip(7)).
    #[serde(rename = "error-queue")]
    ErrorQueue,
    /// `shutdown(2)`.
    Shutdown,
    /// `socketpair(2)`.
    Socketpair,
    /// `sendfile(2)`.
    Sendfile,
    /// `open(2)`.
    Open,
    /// `write(2)`.
    Write,
}

impl Operation {
    /// The call's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Getaddrinfo => "getaddrinfo",
            Self::Socket => "socket",
            Self::Setsockopt => "setsockopt",
            Self::Bind => "bind",
            Self::Listen => "listen",
            Self::Accept => "accept",
            Self::Connect => "connect",
            Self::Send => "send",
            Self::Recv | Self::ErrorQueue => "recv",
            Self::Shutdown => "shutdown",
            Self::Socketpair => "socketpair",
            Self::Sendfile => "sendfile",
            Self::Open => "open",
            Self::Write => "write",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A failure that can be shown, logged and compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetError {
    /// What was tried.
    pub operation: Operation,
    /// On which address, as the user would write it.
    pub address: Option<String>,
    /// The system's error number, where the system gave one.
    pub errno: Option<i32>,
    /// One sentence without a full stop: what happened.
    pub cause: String,
    /// What to do now, where there is something to do.
    pub hint: Option<String>,
}

impl NetError {
    /// A failure reported by the operating system, of the operation or of a thread to do it on.
    #[must_use]
    pub fn from_io(operation: Operation, address: Option<String>, error: &io::Error) -> Self {
        if let Some(missing) = NoThread::of(error) {
            let (cause, hint) = (NoThread::CAUSE.to_owned(), Some(format!("See {}", NoThread::LIMITS)));
            return Self { operation, address, errno: missing.errno(), cause, hint };
        }
        match error.raw_os_error() {
            Some(errno) => Self::from_errno(operation, address, errno),
            None => Self { operation, address, errno: None, cause: error.to_string(), hint: None },
        }
    }

    /// A failure with this error number.
    #[must_use]
    pub fn from_errno(operation: Operation, address: Option<String>, errno: i32) -> Self {
        let (cause, hint) = explain(operation, Errno::from_raw(errno));
        Self { operation, address, errno: Some(errno), cause, hint: hint.map(str::to_owned) }
    }

    /// A failure of a Unix socket, reported by the operating system: the same numbers have other causes there.
    #[must_use]
    pub fn from_unix(operation: Operation, address: Option<String>, error: &io::Error) -> Self {
        let plain = Self::from_io(operation, address, error);
        match plain.errno.and_then(|errno| explain_unix(operation, Errno::from_raw(errno))) {
            Some((cause, hint)) => Self { cause: cause.to_owned(), hint: hint.map(str::to_owned), ..plain },
            None => plain,
        }
    }

    /// A failure that has no error number, with its own words.
    #[must_use]
    pub fn other(operation: Operation, address: Option<String>, cause: impl Into<String>) -> Self {
        Self { operation, address, errno: None, cause: cause.into(), hint: None }
    }

    /// A send that was given up when so many bytes of it had gone.
    #[must_use]
    pub fn cancelled(sent: u64) -> Self {
        let cancelled = Self::other(Operation::Send, None, format!("it was cancelled after {sent} bytes"));
        if sent > 0 { cancelled.with_hint("The peer has a part of it") } else { cancelled }
    }

    /// A send whose connection ended when so many of its bytes had gone.
    #[must_use]
    pub fn unsent(sent: u64, total: u64) -> Self {
        Self::other(Operation::Send, None, format!("the socket closed when {sent} of its {total} bytes were sent"))
    }

    /// The same failure with what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The errno's name: `ECONNREFUSED`.
    #[must_use]
    pub fn code(&self) -> Option<String> {
        self.errno.map(|errno| format!("{:?}", Errno::from_raw(errno)))
    }

    /// True when the peer ended the connection with RST.
    #[must_use]
    pub fn is_reset(&self) -> bool {
        self.errno == Some(Errno::ECONNRESET as i32)
    }
}

/// `Can't connect to 127.0.0.1:9: ECONNREFUSED (111), nobody listens there. Start the server, ...`
impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, preposition) = match self.operation {
            Operation::Getaddrinfo => ("resolve", ""),
            Operation::Socket => ("create a socket", " for"),
            Operation::Setsockopt => ("set an option", " on"),
            Operation::Bind => ("bind", ""),
            Operation::Listen => ("listen", " on"),
            Operation::Accept => ("accept", " on"),
            Operation::Connect => ("connect", " to"),
            Operation::Send => ("send", " to"),
            Operation::Recv => ("receive", " from"),
            Operation::ErrorQueue => ("reach", ""),
            Operation::Shutdown => ("shut down", ""),
            Operation::Socketpair => ("make a pair of sockets", " for"),
            Operation::Sendfile => ("send the file", ""),
            Operation::Open => ("open the file", ""),
            Operation::Write => ("write the file", ""),
        };
        write!(f, "Can't {verb}")?;
        if let Some(address) = &self.address {
            write!(f, "{preposition} {address}")?;
        }
        f.write_str(": ")?;
        if let (Some(code), Some(errno)) = (self.code(), self.errno) {
            write!(f, "{code} ({errno}), ")?;
        }
        f.write_str(&self.cause)?;
        f.write_str(".")?;
        if let Some(hint) = &self.hint {
            write!(f, " {hint}.")?;
        }
        Ok(())
    }
}

impl std::error::Error for NetError {}

/// The cause and the next step for an error number, in the words of someone who teaches sockets.
fn explain(operation: Operation, errno: Errno) -> (String, Option<&'static str>) {
    let (cause, hint) = match errno {
        Errno::ECONNREFUSED if operation == Operation::Connect => {
            ("the host answered that nobody listens on that port", Some("Start the server, or check the port"))
        }
        Errno::ECONNREFUSED => (
            "the host answered an earlier datagram with \"port unreachable\"",
            Some("Nobody is bound to that port; the socket lives on"),
        ),
        Errno::ETIMEDOUT => ("no answer came in time", Some("The host may be down, or a firewall drops the packets")),
        Errno::EHOSTUNREACH => ("the host can't be reached", Some("Check the address and the route to it")),
        Errno::ENETUNREACH => ("no route leads to that network", Some("Check the address and the routing table")),
        Errno::EADDRINUSE => (
            "another socket holds that address",
            Some("Choose another port, or port 0 for any free one, or close the other socket"),
        ),
        Errno::EADDRNOTAVAIL => (
            "no interface of this machine has that address",
            Some("Use an address of this machine, 127.0.0.1 or 0.0.0.0"),
        ),
        Errno::EACCES if operation == Operation::Bind => {
            ("ports below 1024 need a privilege", Some("Use a port from 1024 up, or grant CAP_NET_BIND_SERVICE"))
        }
        Errno::EACCES => ("the system does not allow it", Some("A broadcast address needs the broadcast option")),
        Errno::EPERM => ("the system does not allow it", Some("A firewall rule may stand in the way")),
        Errno::ENXIO if operation == Operation::Open => {
            ("it is a FIFO that nobody reads, or a socket", Some("Start the reader of the FIFO first"))
        }
        Errno::EMFILE => ("this process has no file descriptor left", Some("Close some sockets, or raise ulimit -n")),
        Errno::ENFILE => ("the system has no file descriptor left", Some("Close some programs")),
        Errno::EPIPE => {
            ("the connection can no longer be written to", Some("The peer has closed it, or it was half-closed here"))
        }
        Errno::ECONNRESET => ("the peer aborted the connection (RST)", None),
        Errno::ECONNABORTED => ("the peer gave up before it was accepted", None),
        Errno::ENOTCONN => ("the socket is not connected", None),
        Errno::EMSGSIZE => {
            ("that is longer than a datagram can be", Some("At most 65,507 bytes over IPv4 and 65,527 over IPv6"))
        }
        Errno::EAFNOSUPPORT => ("this system has no support for that address family", None),
        Errno::EINVAL => ("the system does not accept these arguments", None),
        other => return (lowercase_first(other.desc()), None),
    };
    (cause.to_owned(), hint)
}

/// The same for a Unix socket (unix(7)), where that differs.
const fn explain_unix(operation: Operation, errno: Errno) -> Option<(&'static str, Option<&'static str>)> {
    Some(match (operation, errno) {
        (Operation::Bind, Errno::ENOENT) => {
            ("the folder of that path does not exist", Some("Make the folder first, or choose another path"))
        }
        (Operation::Bind, Errno::EACCES) => {
            ("this user may not make a file in that folder", Some("Choose a folder of your own"))
        }
        (_, Errno::EACCES) => {
            ("this user may not write to that socket file, or not enter its folder", Some("Check both with ls -l"))
        }
        (_, Errno::ENOENT) => ("nothing is at that path", Some("Start the server, or check the path")),
        (_, Errno::ENOTDIR) => ("a part of that path is no folder", Some("Check the path")),
        (Operation::Bind, Errno::EADDRINUSE) => {
            ("another socket holds that name", Some("Choose another name, or close the other socket"))
        }
        (Operation::Send | Operation::Recv, Errno::ECONNREFUSED) => {
            ("nobody has the other end open any more", Some("Open it again; a socket file may outlive its socket"))
        }
        (_, Errno::ECONNREFUSED) => {
            let hint = "Start the server; a socket file may outlive the one who made it, and a file that is no socket \
                        is refused in the same way";
            ("nobody listens there", Some(hint))
        }
        (_, Errno::EPROTOTYPE) => {
            ("the socket there is of another type", Some("Try unix, unix-seqpacket or unix-dgram"))
        }
        (_, Errno::ETIMEDOUT) => (
            "the listener's queue of connections was full all that time",
            Some("The server does not accept; see what keeps it"),
        ),
        (_, Errno::EMSGSIZE) => (
            "that is longer than a message on this socket can be",
            Some("A larger send-buffer lets longer ones through"),
        ),
        (_, Errno::ECONNRESET) => ("the peer closed without reading all that was sent to it", None),
        (_, Errno::ENOBUFS) => ("the system has no room for it", None),
        _ => return None,
    })
}

fn lowercase_first(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_errno_cause_and_next_step() {
        let error = NetError::from_errno(Operation::Connect, Some("127.0.0.1:9".to_owned()), 111);
        assert_eq!(error.code().as_deref(), Some("ECONNREFUSED"));
        assert_eq!(
            error.to_string(),
            "Can't connect to 127.0.0.1:9: ECONNREFUSED (111), the host answered that nobody listens on that port. \
             Start the server, or check the port."
        );
    }

    #[test]
    fn a_path_is_explained_without_ports_and_hosts() {
        for operation in [Operation::Bind, Operation::Connect, Operation::Send] {
            for errno in [Errno::EACCES, Errno::ECONNREFUSED, Errno::EADDRINUSE, Errno::EMSGSIZE, Errno::ETIMEDOUT] {
                if (operation, errno) != (Operation::Connect, Errno::EADDRINUSE)
                    && (operation, errno) != (Operation::Send, Errno::EADDRINUSE)
                {
                    let error = NetError::from_unix(operation, Some("/tmp/x".to_owned()), &errno.into());
                    assert_eq!(error.errno, Some(errno as i32));
                    let told = error.to_string();
                    assert!(!told.contains("port") && !told.contains("host") && !told.contains("IPv4"), "{told}");
                }
            }
        }
    }

    #[test]
    fn a_path_that_is_no_socket_is_told_from_a_server_that_is_gone() {
        let of = |errno: Errno| NetError::from_unix(Operation::Connect, Some("/etc/hosts".to_owned()), &errno.into());
        assert!(of(Errno::ECONNREFUSED).to_string().contains("no socket"), "{}", of(Errno::ECONNREFUSED));
        assert!(of(Errno::EPROTOTYPE).to_string().contains("another type"), "{}", of(Errno::EPROTOTYPE));
    }

    #[test]
    fn an_error_without_errno_says_its_own_words() {
        let error = NetError::other(Operation::Getaddrinfo, Some("nowhere.invalid".to_owned()), "no such name");
        assert_eq!(error.code(), None);
        assert_eq!(error.to_string(), "Can't resolve nowhere.invalid: no such name.");
    }
}
