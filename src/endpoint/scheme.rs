//! The schemes: what can be opened, one row each.

use std::fmt;

use super::options::{
    AFTER_FIN, BACKLOG, BROADCAST, CONNECT_TIMEOUT, CONNECTED, ENCODING, EOL, FRAMING, IDLE_TIMEOUT, JOIN, KEEPALIVE,
    LINGER, MAX_CONNECTIONS, MULTICAST_LOOP, MULTICAST_TTL, NODELAY, OptionSpec, PROTOCOL, RECEIVE_BUFFER, RECONNECT,
    REUSE_ADDRESS, REUSE_PORT, SAVE, SAVE_APPEND, SAVE_LIMIT, SEND_BUFFER, SOURCE, TOS, TTL, TYPE, UNLINK, V6ONLY,
    WRAP,
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
    /// A Unix stream listener.
    UnixListen,
    /// A Unix stream client.
    Unix,
    /// A Unix datagram socket bound at a path.
    UnixDgramBind,
    /// A Unix datagram socket that sends to a path.
    UnixDgram,
    /// A listener for Unix sequenced packets.
    UnixSeqpacketListen,
    /// A client for Unix sequenced packets.
    UnixSeqpacket,
    /// An ICMP echo socket.
    Icmp,
    /// A raw IP socket. What it receives over IPv4 begins with the IP header, as `recv` gives it.
    Raw,
    /// Two connected sockets.
    Pair,
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
    /// Two sockets that are connected to each other; they are its children.
    Pair,
}

/// What the address of a scheme is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressKind {
    /// `host:port`.
    HostPort,
    /// A host alone.
    Host,
    /// The path of a Unix socket, or `@` and an abstract name.
    Unix,
    /// None at all.
    Nothing,
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
    /// What its address is.
    pub address: AddressKind,
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
        address: AddressKind::HostPort,
        summary: "TCP listener; each accepted connection is a child",
        address_form: "host:port; port 0 picks a free one",
        example: "127.0.0.1:7788",
        options: &[
            &BACKLOG,
            &MAX_CONNECTIONS,
            &EOL,
            &ENCODING,
            &FRAMING,
            &WRAP,
            &IDLE_TIMEOUT,
            &AFTER_FIN,
            &NODELAY,
            &KEEPALIVE,
            &LINGER,
            &REUSE_ADDRESS,
            &REUSE_PORT,
            &V6ONLY,
            &SEND_BUFFER,
            &RECEIVE_BUFFER,
            &TTL,
            &TOS,
        ],
        calls: &["socket", "setsockopt", "bind", "listen", "accept"],
    },
    SchemeSpec {
        scheme: Scheme::Tcp,
        name: "tcp",
        role: Role::Client,
        address: AddressKind::HostPort,
        summary: "TCP client",
        address_form: "host:port, [v6]:port, [fe80::1%eth0]:port",
        example: "127.0.0.1:7788",
        options: &[
            &SOURCE,
            &CONNECT_TIMEOUT,
            &RECONNECT,
            &EOL,
            &ENCODING,
            &FRAMING,
            &WRAP,
            &IDLE_TIMEOUT,
            &AFTER_FIN,
            &NODELAY,
            &KEEPALIVE,
            &LINGER,
            &REUSE_ADDRESS,
            &REUSE_PORT,
            &SEND_BUFFER,
            &RECEIVE_BUFFER,
            &TTL,
            &TOS,
            &SAVE,
            &SAVE_APPEND,
            &SAVE_LIMIT,
        ],
        calls: &["socket", "setsockopt", "connect"],
    },
    SchemeSpec {
        scheme: Scheme::UdpBind,
        name: "udp-bind",
        role: Role::DatagramServer,
        address: AddressKind::HostPort,
        summary: "UDP socket bound to an address; answers whoever it last heard unless a peer is chosen",
        address_form: "host:port; port 0 picks a free one",
        example: "127.0.0.1:7788",
        options: &[
            &EOL,
            &ENCODING,
            &IDLE_TIMEOUT,
            &REUSE_ADDRESS,
            &REUSE_PORT,
            &BROADCAST,
            &V6ONLY,
            &SEND_BUFFER,
            &RECEIVE_BUFFER,
            &TTL,
            &TOS,
            &JOIN,
            &MULTICAST_TTL,
            &MULTICAST_LOOP,
            &SAVE,
            &SAVE_APPEND,
            &SAVE_LIMIT,
        ],
        calls: &["socket", "setsockopt", "bind"],
    },
    SchemeSpec {
        scheme: Scheme::Udp,
        name: "udp",
        role: Role::DatagramClient,
        address: AddressKind::HostPort,
        summary: "UDP socket on an ephemeral port, default destination = address",
        address_form: "host:port",
        example: "127.0.0.1:7788",
        options: &[
            &SOURCE,
            &CONNECTED,
            &EOL,
            &ENCODING,
            &IDLE_TIMEOUT,
            &REUSE_ADDRESS,
            &REUSE_PORT,
            &BROADCAST,
            &SEND_BUFFER,
            &RECEIVE_BUFFER,
            &TTL,
            &TOS,
            &JOIN,
            &MULTICAST_TTL,
            &MULTICAST_LOOP,
            &SAVE,
            &SAVE_APPEND,
            &SAVE_LIMIT,
        ],
        calls: &["socket", "setsockopt", "bind"],
    },
    SchemeSpec {
        scheme: Scheme::UnixListen,
        name: "unix-listen",
        role: Role::Listener,
        address: AddressKind::Unix,
        summary: "Unix stream listener; each accepted connection is a child",
        address_form: "a path, or @name for an abstract one",
        example: "/tmp/sockbench.sock",
        options: &[
            &BACKLOG,
            &MAX_CONNECTIONS,
            &UNLINK,
            &EOL,
            &ENCODING,
            &FRAMING,
            &WRAP,
            &IDLE_TIMEOUT,
            &AFTER_FIN,
            &SEND_BUFFER,
            &RECEIVE_BUFFER,
        ],
        calls: &["socket", "bind", "listen", "accept"],
    },
    SchemeSpec {
        scheme: Scheme::Unix,
        name: "unix",
        role: Role::Client,
        address: AddressKind::Unix,
        summary: "Unix stream client",
        address_form: "a path, or @name for an abstract one",
        example: "/tmp/sockbench.sock",
        options: &[
            &CONNECT_TIMEOUT,
            &RECONNECT,
            &EOL,
            &ENCODING,
            &FRAMING,
            &WRAP,
            &IDLE_TIMEOUT,
            &AFTER_FIN,
            &SEND_BUFFER,
            &RECEIVE_BUFFER,
            &SAVE,
            &SAVE_APPEND,
            &SAVE_LIMIT,
        ],
        calls: &["socket", "connect"],
    },
    SchemeSpec {
        scheme: Scheme::UnixDgramBind,
        name: "unix-dgram-bind",
        role: Role::DatagramServer,
        address: AddressKind::Unix,
        summary: "Unix datagram socket bound at a path; answers whoever it last heard unless a peer is chosen",
        address_form: "a path, or @name for an abstract one",
        example: "/tmp/sockbench.sock",
        options: &[
            &UNLINK,
            &EOL,
            &ENCODING,
            &IDLE_TIMEOUT,
            &SEND_BUFFER,
            &RECEIVE_BUFFER,
            &SAVE,
            &SAVE_APPEND,
            &SAVE_LIMIT,
        ],
        calls: &["socket", "setsockopt", "bind"],
    },
    SchemeSpec {
        scheme: Scheme::UnixDgram,
        name: "unix-dgram",
        role: Role::DatagramClient,
        address: AddressKind::Unix,
        summary: "Unix datagram socket that sends to a path",
        address_form: "a path, or @name for an abstract one",
        example: "/tmp/sockbench.sock",
        options: &[
            &CONNECTED,
            &EOL,
            &ENCODING,
            &IDLE_TIMEOUT,
            &SEND_BUFFER,
            &RECEIVE_BUFFER,
            &SAVE,
            &SAVE_APPEND,
            &SAVE_LIMIT,
        ],
        calls: &["socket", "setsockopt", "bind"],
    },
    SchemeSpec {
        scheme: Scheme::UnixSeqpacketListen,
        name: "unix-seqpacket-listen",
        role: Role::Listener,
        address: AddressKind::Unix,
        summary: "listener for Unix sequenced packets; each accepted connection is a child",
        address_form: "a path, or @name for an abstract one",
        example: "/tmp/sockbench.sock",
        options: &[
            &BACKLOG,
            &MAX_CONNECTIONS,
            &UNLINK,
            &EOL,
            &ENCODING,
            &IDLE_TIMEOUT,
            &AFTER_FIN,
            &SEND_BUFFER,
            &RECEIVE_BUFFER,
        ],
        calls: &["socket", "bind", "listen", "accept"],
    },
    SchemeSpec {
        scheme: Scheme::UnixSeqpacket,
        name: "unix-seqpacket",
        role: Role::Client,
        address: AddressKind::Unix,
        summary: "client for Unix sequenced packets",
        address_form: "a path, or @name for an abstract one",
        example: "/tmp/sockbench.sock",
        options: &[
            &CONNECT_TIMEOUT,
            &RECONNECT,
            &EOL,
            &ENCODING,
            &IDLE_TIMEOUT,
            &AFTER_FIN,
            &SEND_BUFFER,
            &RECEIVE_BUFFER,
            &SAVE,
            &SAVE_APPEND,
            &SAVE_LIMIT,
        ],
        calls: &["socket", "connect"],
    },
    SchemeSpec {
        scheme: Scheme::Icmp,
        name: "icmp",
        role: Role::DatagramClient,
        address: AddressKind::Host,
        summary: "ICMP echo socket: sends pings that carry the payload, and hears the replies",
        address_form: "host, [v6]",
        example: "127.0.0.1",
        options: &[
            &EOL,
            &ENCODING,
            &IDLE_TIMEOUT,
            &SEND_BUFFER,
            &RECEIVE_BUFFER,
            &TTL,
            &TOS,
            &SAVE,
            &SAVE_APPEND,
            &SAVE_LIMIT,
        ],
        calls: &["socket", "setsockopt", "bind"],
    },
    SchemeSpec {
        scheme: Scheme::Raw,
        name: "raw",
        role: Role::DatagramClient,
        address: AddressKind::Host,
        summary: "raw IP socket; needs a privilege",
        address_form: "host, [v6]",
        example: "127.0.0.1",
        options: &[
            &PROTOCOL,
            &EOL,
            &ENCODING,
            &IDLE_TIMEOUT,
            &BROADCAST,
            &SEND_BUFFER,
            &RECEIVE_BUFFER,
            &TTL,
            &TOS,
            &SAVE,
            &SAVE_APPEND,
            &SAVE_LIMIT,
        ],
        calls: &["socket", "setsockopt", "connect"],
    },
    SchemeSpec {
        scheme: Scheme::Pair,
        name: "pair",
        role: Role::Pair,
        address: AddressKind::Nothing,
        summary: "a connected socket pair; both ends are its children",
        address_form: "none: write pair://",
        example: "",
        options: &[&TYPE, &EOL, &ENCODING, &FRAMING, &WRAP, &IDLE_TIMEOUT, &AFTER_FIN, &SEND_BUFFER, &RECEIVE_BUFFER],
        calls: &["socketpair"],
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
            Self::UnixListen => 4,
            Self::Unix => 5,
            Self::UnixDgramBind => 6,
            Self::UnixDgram => 7,
            Self::UnixSeqpacketListen => 8,
            Self::UnixSeqpacket => 9,
            Self::Icmp => 10,
            Self::Raw => 11,
            Self::Pair => 12,
        };
        &SCHEMES[index]
    }

    /// The scheme with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        SCHEMES.iter().find(|spec| spec.name == name).map(|spec| spec.scheme)
    }

    /// False for pings, which are echoed already, and for raw packets, which would come back with one more IP header each
    /// time.
    #[must_use]
    pub const fn can_echo(self) -> bool {
        !matches!(self, Self::Icmp | Self::Raw)
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
