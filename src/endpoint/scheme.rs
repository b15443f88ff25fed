//! The schemes: what can be opened, one row each.

use std::fmt;

use super::options::{
    AFTER_FIN, BACKLOG, CONNECT_TIMEOUT, EOL, NODELAY, OptionSpec, RECEIVE_BUFFER, REUSE_ADDRESS, SOURCE,
};

/// A kind of socket that can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// A TCP client.
    Tcp,
    /// A TCP listener; each accepted connection is its child.
    TcpListen,
    /// A UDP socket on an ephemeral port with a default destination.
    Udp,
    /// A UDP socket bound to an address.
    UdpBind,
}

/// The part a socket plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Connects, and carries a stream.
    Client,
    /// Accepts connections.
    Listener,
    /// Exchanges datagrams with a default destination.
    DatagramClient,
    /// Exchanges datagrams with whoever sends some.
    DatagramServer,
}

/// All that is known of a scheme before it is opened.
#[derive(Debug, PartialEq, Eq)]
pub struct SchemeSpec {
    /// Which one.
    pub scheme: Scheme,
    /// As it stands in a URL.
    pub name: &'static str,
    /// The part it plays.
    pub role: Role,
    /// What it opens, in a few words.
    pub summary: &'static str,
    /// The form of its address.
    pub address_form: &'static str,
    /// An address to start from, on loopback.
    pub example: &'static str,
    /// Its options, in the order in which a form shows them.
    pub options: &'static [&'static OptionSpec],
    /// The system calls that opening it makes, as a reader of man pages would name them.
    pub calls: &'static [&'static str],
}

/// Every scheme, in the order in which lists show them.
pub static SCHEMES: &[SchemeSpec] = &[
    SchemeSpec {
        scheme: Scheme::TcpListen,
        name: "tcp-listen",
        role: Role::Listener,
        summary: "TCP listener; each accepted connection is a child",
        address_form: "host:port; port 0 picks a free one",
        example: "127.0.0.1:7788",
        options: &[&BACKLOG, &EOL, &AFTER_FIN, &NODELAY, &REUSE_ADDRESS],
        calls: &["socket", "setsockopt", "bind", "listen", "accept"],
    },
    SchemeSpec {
        scheme: Scheme::Tcp,
        name: "tcp",
        role: Role::Client,
        summary: "TCP client",
        address_form: "host:port, [v6]:port, [fe80::1%eth0]:port",
        example: "127.0.0.1:7788",
        options: &[&SOURCE, &CONNECT_TIMEOUT, &EOL, &AFTER_FIN, &NODELAY, &REUSE_ADDRESS],
        calls: &["socket", "setsockopt", "connect"],
    },
    SchemeSpec {
        scheme: Scheme::UdpBind,
        name: "udp-bind",
        role: Role::DatagramServer,
        summary: "UDP socket bound to an address; answers whoever it last heard unless a peer is chosen",
        address_form: "host:port; port 0 picks a free one",
        example: "127.0.0.1:7788",
        options: &[&EOL, &REUSE_ADDRESS, &RECEIVE_BUFFER],
        calls: &["socket", "setsockopt", "bind"],
    },
    SchemeSpec {
        scheme: Scheme::Udp,
        name: "udp",
        role: Role::DatagramClient,
        summary: "UDP socket on an ephemeral port, default destination = address",
        address_form: "host:port",
        example: "127.0.0.1:7788",
        options: &[&SOURCE, &EOL, &REUSE_ADDRESS, &RECEIVE_BUFFER],
        calls: &["socket", "setsockopt", "bind"],
    },
];

impl Scheme {
    /// The scheme's row.
    #[must_use]
    pub fn spec(self) -> &'static SchemeSpec {
        let index = match self {
            Self::TcpListen => 0,
            Self::Tcp => 1,
            Self::UdpBind => 2,
            Self::Udp => 3,
        };
        &SCHEMES[index]
    }

    /// The scheme with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        SCHEMES.iter().find(|spec| spec.name == name).map(|spec| spec.scheme)
    }

    /// True where messages are datagrams and the socket may have many peers.
    #[must_use]
    pub fn is_datagram(self) -> bool {
        matches!(self.spec().role, Role::DatagramClient | Role::DatagramServer)
    }
}

impl SchemeSpec {
    /// True where the address is the other end's and not its own.
    #[must_use]
    pub const fn is_client(&self) -> bool {
        matches!(self.role, Role::Client | Role::DatagramClient)
    }

    /// The scheme's option of this name.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&'static OptionSpec> {
        self.options.iter().copied().find(|option| option.name == name)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.spec().name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scheme_has_its_own_row() {
        for spec in SCHEMES {
            assert!(std::ptr::eq(spec.scheme.spec(), spec), "{}", spec.name);
            assert_eq!(Scheme::from_name(spec.name), Some(spec.scheme));
        }
    }
}
