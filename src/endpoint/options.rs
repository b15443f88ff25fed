//! The options of endpoints: one row each, and those that an endpoint was given.
//!
//! Owns the table. What values there are is another file's.

use super::values::{Choice, Value, ValueKind};

/// All that is known of an option.
#[derive(Debug, PartialEq, Eq)]
pub struct OptionSpec {
    /// As it stands in a URL and in a profile.
    pub name: &'static str,
    /// What values it takes.
    pub kind: ValueKind,
    /// What holds where none is given, in words.
    pub default: &'static str,
    /// What it does, in a few words.
    pub help: &'static str,
    /// Whether it can be changed while the socket is open.
    pub live: bool,
}

pub(super) static BACKLOG: OptionSpec = OptionSpec {
    name: "backlog",
    kind: ValueKind::Integer(i32::MAX.cast_unsigned()),
    default: "128",
    help: "connections that may wait to be accepted; the system may hold it lower",
    live: false,
};
pub(super) static MAX_CONNECTIONS: OptionSpec = OptionSpec {
    name: "max-connections",
    kind: ValueKind::Integer(u32::MAX),
    default: "unlimited",
    help: "connections beyond this many are closed at once, and counted",
    live: true,
};
pub(super) static SOURCE: OptionSpec = OptionSpec {
    name: "source",
    kind: ValueKind::Address,
    default: "none",
    help: "the local address to bind before connecting",
    live: false,
};
pub(super) static CONNECTED: OptionSpec = OptionSpec {
    name: "connected",
    kind: ValueKind::Flag,
    default: "off",
    help: "connect to the destination: nobody else is heard, and its ICMP errors are returned by calls",
    live: false,
};
pub(super) static CONNECT_TIMEOUT: OptionSpec = OptionSpec {
    name: "connect-timeout",
    kind: ValueKind::Duration,
    default: "10s",
    help: "how long to wait for an answer to connect",
    live: false,
};
pub(super) static RECONNECT: OptionSpec = OptionSpec {
    name: "reconnect",
    kind: ValueKind::Duration,
    default: "off",
    help: "connect again after this time, doubled each time up to 30s, until closed by the user",
    live: false,
};
pub(super) static IDLE_TIMEOUT: OptionSpec = OptionSpec {
    name: "idle-timeout",
    kind: ValueKind::Duration,
    default: "off",
    help: "close after this time without traffic",
    live: false,
};
pub(super) static AFTER_FIN: OptionSpec = OptionSpec {
    name: "after-fin",
    kind: ValueKind::AfterFin,
    default: "10s, or close where reconnect is given",
    help: "once the peer has sent FIN: keep, close, or close after this time without a send",
    live: false,
};
pub(super) static EOL: OptionSpec = OptionSpec {
    name: "eol",
    kind: ValueKind::Word(&[Choice("lf"), Choice("crlf"), Choice("cr"), Choice("none")]),
    default: "lf for streams, none for datagrams",
    help: "what Enter adds to a typed payload",
    live: false,
};
pub(super) static ENCODING: OptionSpec = OptionSpec {
    name: "encoding",
    kind: ValueKind::Encoding,
    default: "utf-8",
    help: "how bytes are shown as text and typed text is sent, by its WHATWG name",
    live: true,
};
pub(super) static FRAMING: OptionSpec = OptionSpec {
    name: "framing",
    kind: ValueKind::Framing,
    default: "raw",
    help: "what one message is, such as line or length:u16be[,offset=N][,adjust=N]; each with [,max=SIZE]",
    live: true,
};
pub(super) static WRAP: OptionSpec = OptionSpec {
    name: "wrap",
    kind: ValueKind::Flag,
    default: "off",
    help: "what is typed gets the frame that framing says, in place of a line ending",
    live: true,
};
pub(super) static NODELAY: OptionSpec = OptionSpec {
    name: "nodelay",
    kind: ValueKind::Flag,
    default: "on for clients, else the system's",
    help: "TCP_NODELAY: small writes leave at once",
    live: true,
};
pub(super) static KEEPALIVE: OptionSpec = OptionSpec {
    name: "keepalive",
    kind: ValueKind::Duration,
    default: "the system's",
    help: "SO_KEEPALIVE: probe a silent peer after this time, in whole seconds; 0s turns it off",
    live: true,
};
pub(super) static LINGER: OptionSpec = OptionSpec {
    name: "linger",
    kind: ValueKind::Duration,
    default: "the system's",
    help: "SO_LINGER: how long close waits for what is not sent, in whole seconds; 0s makes close send RST",
    live: true,
};
pub(super) static REUSE_ADDRESS: OptionSpec = OptionSpec {
    name: "reuse-address",
    kind: ValueKind::Flag,
    default: "on for listeners, else the system's",
    help: "SO_REUSEADDR: bind although old connections linger in TIME_WAIT",
    live: false,
};
pub(super) static REUSE_PORT: OptionSpec = OptionSpec {
    name: "reuse-port",
    kind: ValueKind::Flag,
    default: "the system's",
    help: "SO_REUSEPORT: several sockets of this user share the address",
    live: false,
};
pub(super) static BROADCAST: OptionSpec = OptionSpec {
    name: "broadcast",
    kind: ValueKind::Flag,
    default: "the system's",
    help: "SO_BROADCAST: datagrams to a broadcast address are allowed",
    live: true,
};
pub(super) static V6ONLY: OptionSpec = OptionSpec {
    name: "v6only",
    kind: ValueKind::Flag,
    default: "the system's",
    help: "IPV6_V6ONLY: an IPv6 wildcard does not hear IPv4 as well",
    live: false,
};
pub(super) static SEND_BUFFER: OptionSpec = OptionSpec {
    name: "send-buffer",
    kind: ValueKind::Size,
    default: "the system's",
    help: "SO_SNDBUF: what may wait to be sent; the system may grant less",
    live: true,
};
pub(super) static RECEIVE_BUFFER: OptionSpec = OptionSpec {
    name: "receive-buffer",
    kind: ValueKind::Size,
    default: "4MiB asked for datagrams, else the system's",
    help: "SO_RCVBUF: what may wait to be read; the system may grant less",
    live: true,
};
pub(super) static TTL: OptionSpec = OptionSpec {
    name: "ttl",
    kind: ValueKind::Integer(255),
    default: "the system's",
    help: "IP_TTL, IPV6_UNICAST_HOPS: how many routers a packet may pass",
    live: true,
};
pub(super) static TOS: OptionSpec = OptionSpec {
    name: "tos",
    kind: ValueKind::Integer(255),
    default: "the system's",
    help: "IP_TOS, IPV6_TCLASS: the type of service, DSCP and ECN",
    live: true,
};
pub(super) static JOIN: OptionSpec = OptionSpec {
    name: "join",
    kind: ValueKind::Groups,
    default: "none",
    help: "multicast groups to hear, GROUP[@interface], separated by commas; sends to groups leave by the first's interface",
    live: true,
};
pub(super) static MULTICAST_TTL: OptionSpec = OptionSpec {
    name: "multicast-ttl",
    kind: ValueKind::Integer(255),
    default: "the system's",
    help: "IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS: how many routers a multicast may pass",
    live: true,
};
pub(super) static MULTICAST_LOOP: OptionSpec = OptionSpec {
    name: "multicast-loop",
    kind: ValueKind::Flag,
    default: "the system's",
    help: "IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP: this machine hears what it sends",
    live: true,
};
pub(super) static UNLINK: OptionSpec = OptionSpec {
    name: "unlink",
    kind: ValueKind::Flag,
    default: "off",
    help: "replace a stale socket file, if nobody answers on it",
    live: false,
};
pub(super) static PROTOCOL: OptionSpec = OptionSpec {
    name: "protocol",
    kind: ValueKind::Integer(255),
    default: "253, for experiments (RFC 3692)",
    help: "the IP protocol number",
    live: false,
};
pub(super) static TYPE: OptionSpec = OptionSpec {
    name: "type",
    kind: ValueKind::Word(&[Choice("stream"), Choice("dgram"), Choice("seqpacket")]),
    default: "stream",
    help: "the type of both sockets",
    live: false,
};
pub(super) static SAVE: OptionSpec = OptionSpec {
    name: "save",
    kind: ValueKind::Path,
    default: "none",
    help: "write what is received to this file, too",
    live: false,
};
pub(super) static SAVE_APPEND: OptionSpec = OptionSpec {
    name: "save-append",
    kind: ValueKind::Flag,
    default: "off: an existing file is refused",
    help: "add to the file that save names",
    live: false,
};
pub(super) static SAVE_LIMIT: OptionSpec = OptionSpec {
    name: "save-limit",
    kind: ValueKind::Size,
    default: "until closed",
    help: "save this many bytes, and no more",
    live: false,
};

static ALL: &[&OptionSpec] = &[
    &BACKLOG,
    &MAX_CONNECTIONS,
    &SOURCE,
    &CONNECTED,
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
    &BROADCAST,
    &V6ONLY,
    &SEND_BUFFER,
    &RECEIVE_BUFFER,
    &TTL,
    &TOS,
    &JOIN,
    &MULTICAST_TTL,
    &MULTICAST_LOOP,
    &UNLINK,
    &PROTOCOL,
    &TYPE,
    &SAVE,
    &SAVE_APPEND,
    &SAVE_LIMIT,
];

/// The row of the option of this name, whatever scheme it belongs to.
#[must_use]
pub fn option_spec(name: &str) -> Option<&'static OptionSpec> {
    ALL.iter().copied().find(|spec| spec.name == name)
}

impl OptionSpec {
    /// True for an option that neither the system nor the engine knows of: it says how messages are read and written on
    /// the bench, of a socket and all of its connections, and holds at once.
    #[must_use]
    pub fn is_of_the_bench(&self) -> bool {
        [&ENCODING, &FRAMING, &WRAP].iter().any(|spec| spec.name == self.name)
    }
}

/// The options that were given, in the order of the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Options(Vec<(&'static OptionSpec, Value)>);

impl Options {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(spec, _)| spec.name == name).map(|(_, value)| value)
    }

    pub(super) fn set(&mut self, spec: &'static OptionSpec, value: Value) {
        self.clear(spec.name);
        let place = |spec: &OptionSpec| ALL.iter().position(|other| other.name == spec.name);
        let index = self.0.partition_point(|(other, _)| place(other) < place(spec));
        self.0.insert(index, (spec, value));
    }

    pub(super) fn clear(&mut self, name: &str) {
        self.0.retain(|(spec, _)| spec.name != name);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static OptionSpec, &Value)> {
        self.0.iter().map(|(spec, value)| (*spec, value))
    }
}
