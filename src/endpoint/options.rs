//! The options of endpoints: one row each, and their kinds of value.

use std::fmt;
use std::net::IpAddr;
use std::ops::Range;
use std::time::Duration;

use super::HostPort;
use super::address::Host;
use crate::encoding::Encoding;
use crate::framing::Framing;
use crate::quantity::{format_duration, format_size, parse_duration, parse_size};

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

/// What values an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// A whole number from 0 up to this one.
    Integer(u32),
    /// `250ms`, `5s`, `2m`.
    Duration,
    /// `64KiB`, `4MiB`, or a number of bytes.
    Size,
    /// `true` or `false`.
    Flag,
    /// A local `host:port`.
    Address,
    /// One of these words.
    Word(&'static [Choice]),
    /// `keep`, `close` or a duration.
    AfterFin,
    /// Multicast groups, each perhaps with its interface: `239.1.2.3@eth0,ff02::1%lo`.
    Groups,
    /// The path of a file.
    Path,
    /// The name of a text encoding: `utf-8`, `gbk`, `shift_jis`.
    Encoding,
    /// What one message of a stream is: `line`, `length:u16be`, `idle:50ms,max=64KiB`.
    Framing,
}

/// One word that an option of kind [`ValueKind::Word`] takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice(pub &'static str);

/// A value of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// See [`ValueKind::Integer`].
    Integer(u32),
    /// See [`ValueKind::Duration`].
    Duration(Duration),
    /// In bytes.
    Size(u64),
    /// See [`ValueKind::Flag`].
    Flag(bool),
    /// See [`ValueKind::Address`].
    Address(HostPort),
    /// See [`ValueKind::Word`].
    Word(&'static str),
    /// See [`ValueKind::AfterFin`].
    AfterFin(AfterFin),
    /// See [`ValueKind::Groups`].
    Groups(Vec<Group>),
    /// See [`ValueKind::Path`].
    Path(String),
    /// See [`ValueKind::Encoding`].
    Encoding(Encoding),
    /// See [`ValueKind::Framing`].
    Framing(Framing),
}

/// What becomes of a connection whose peer has sent FIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterFin {
    /// It stays until the user closes it.
    Keep,
    /// It closes once all that is pending is sent.
    Close,
    /// It can be sent to for so long, each send starting anew, and then closes by itself.
    Within(Duration),
}

/// What Enter adds to a typed payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineEnding {
    /// Nothing.
    None,
    /// `0a`.
    Lf,
    /// `0d`.
    Cr,
    /// `0d 0a`.
    CrLf,
}

impl LineEnding {
    /// Every line ending, in the order in which a key turns them.
    pub const ALL: [Self; 4] = [Self::Lf, Self::CrLf, Self::Cr, Self::None];

    /// The bytes it adds.
    #[must_use]
    pub const fn bytes(self) -> &'static [u8] {
        match self {
            Self::None => b"",
            Self::Lf => b"\n",
            Self::Cr => b"\r",
            Self::CrLf => b"\r\n",
        }
    }

    /// The word of the `eol` option.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lf => "lf",
            Self::Cr => "cr",
            Self::CrLf => "crlf",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ending| ending.word() == word)
    }
}

/// A multicast group, and the interface to hear it on where one was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The group.
    pub ip: IpAddr,
    /// The interface's name, its index, or for IPv4 one of its addresses; the system chooses where there is none.
    pub interface: Option<String>,
}

impl Group {
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (group, interface) = match text.split_once(['@', '%']) {
            Some((group, interface)) => (group, Some(interface)),
            None => (text, None),
        };
        let group = group.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(group);
        let ip: IpAddr = group
            .parse()
            .map_err(|_| format!("`{group}` is no address of a group; write 239.1.2.3 or ff02::1234@eth0"))?;
        if !ip.is_multicast() {
            return Err(format!("{ip} is no multicast group: those are 224.0.0.0 to 239.255.255.255 and ff00::/8"));
        }
        match interface {
            Some(name) if !Host::is_interface(name) => Err("an interface's name stands behind @".to_owned()),
            _ => Ok(Self { ip, interface: interface.map(str::to_owned) }),
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip.fmt(f)?;
        self.interface.as_ref().map_or(Ok(()), |interface| write!(f, "@{interface}"))
    }
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

impl ValueKind {
    /// Reads a value.
    ///
    /// # Errors
    /// One sentence without a full stop: what is wrong and what would be right.
    pub fn parse(self, text: &str) -> Result<Value, String> {
        match self {
            Self::Integer(max) => match text.parse::<u32>() {
                Ok(number) if number <= max => Ok(Value::Integer(number)),
                _ => Err(format!("`{text}` is not a whole number from 0 to {max}")),
            },
            Self::Duration => parse_duration(text).map(Value::Duration),
            Self::Size => parse_size(text).map(Value::Size),
            Self::Flag => match text {
                "true" | "on" => Ok(Value::Flag(true)),
                "false" | "off" => Ok(Value::Flag(false)),
                _ => Err(format!("`{text}` is neither true nor false")),
            },
            Self::Address => HostPort::parse(text).map(Value::Address).map_err(|error| error.message),
            Self::Word(choices) => {
                if let Some(choice) = choices.iter().find(|choice| choice.0 == text) {
                    Ok(Value::Word(choice.0))
                } else {
                    let words: Vec<_> = choices.iter().map(|choice| choice.0).collect();
                    Err(format!("`{text}` is none of {}", words.join(", ")))
                }
            }
            Self::AfterFin => match text {
                "keep" => Ok(Value::AfterFin(AfterFin::Keep)),
                "close" => Ok(Value::AfterFin(AfterFin::Close)),
                _ => match parse_duration(text) {
                    Ok(time) => Ok(Value::AfterFin(AfterFin::Within(time))),
                    Err(_) => Err(format!("`{text}` is neither keep nor close nor a time such as 10s")),
                },
            },
            Self::Groups => text.split(',').map(Group::parse).collect::<Result<_, _>>().map(Value::Groups),
            Self::Path if text.is_empty() => Err("a path is missing".to_owned()),
            Self::Path if text.contains('\0') => Err("a path has no NUL in it".to_owned()),
            Self::Path => Ok(Value::Path(text.to_owned())),
            Self::Encoding => Encoding::named(text).map(Value::Encoding),
            Self::Framing => match text.parse::<Framing>() {
                Ok(framing) => Ok(Value::Framing(framing)),
                Err(error) => Err(error.message),
            },
        }
    }

    /// Which bytes are wrong of a text that is no value: all, but for a framing, which has parts.
    #[must_use]
    pub fn wrong_part(self, text: &str) -> Range<usize> {
        match (self, text.parse::<Framing>()) {
            (Self::Framing, Err(error)) => error.at,
            _ => 0..text.len(),
        }
    }

    /// What to write, for someone who fills in a form.
    #[must_use]
    pub fn hint(self) -> String {
        match self {
            Self::Integer(_) => "a number".to_owned(),
            Self::Duration => "250ms, 5s, 2m".to_owned(),
            Self::Size => "64KiB, 4MiB".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Address => "host:port".to_owned(),
            Self::Word(choices) => choices.iter().map(|choice| choice.0).collect::<Vec<_>>().join(", "),
            Self::AfterFin => "keep, close, 10s".to_owned(),
            Self::Groups => "239.1.2.3, 239.1.2.3@eth0, ff02::1234@eth0".to_owned(),
            Self::Path => "a file".to_owned(),
            Self::Encoding => "utf-8, gbk, shift_jis".to_owned(),
            Self::Framing => "line, delimiter:0d0a, fixed:16, length:u16be, idle:50ms, raw".to_owned(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(f),
            Self::Duration(time) | Self::AfterFin(AfterFin::Within(time)) => f.write_str(&format_duration(*time)),
            Self::Size(bytes) => f.write_str(&format_size(*bytes)),
            Self::Flag(on) => on.fmt(f),
            Self::Address(address) => address.fmt(f),
            Self::Word(word) => f.write_str(word),
            Self::AfterFin(AfterFin::Keep) => f.write_str("keep"),
            Self::AfterFin(AfterFin::Close) => f.write_str("close"),
            Self::Groups(groups) => {
                let groups: Vec<_> = groups.iter().map(ToString::to_string).collect();
                f.write_str(&groups.join(","))
            }
            Self::Path(path) => f.write_str(path),
            Self::Encoding(encoding) => encoding.fmt(f),
            Self::Framing(framing) => framing.fmt(f),
        }
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
