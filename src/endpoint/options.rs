//! The options of endpoints: one row each, their kinds of value, and what holds where none was given.

use std::fmt;
use std::time::Duration;

use super::value::{format_duration, format_size, parse_duration, parse_size};
use super::{Endpoint, HostPort};

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

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ending| ending.word() == word)
    }
}

pub(super) static BACKLOG: OptionSpec = OptionSpec {
    name: "backlog",
    kind: ValueKind::Integer(i32::MAX.cast_unsigned()),
    default: "128",
    help: "connections that may wait to be accepted; the system may hold it lower",
};
pub(super) static SOURCE: OptionSpec = OptionSpec {
    name: "source",
    kind: ValueKind::Address,
    default: "none",
    help: "the local address to bind before connecting",
};
pub(super) static CONNECT_TIMEOUT: OptionSpec = OptionSpec {
    name: "connect-timeout",
    kind: ValueKind::Duration,
    default: "10s",
    help: "how long to wait for an answer to connect",
};
pub(super) static EOL: OptionSpec = OptionSpec {
    name: "eol",
    kind: ValueKind::Word(&[Choice("lf"), Choice("crlf"), Choice("cr"), Choice("none")]),
    default: "lf for streams, none for datagrams",
    help: "what Enter adds to a typed payload",
};
pub(super) static AFTER_FIN: OptionSpec = OptionSpec {
    name: "after-fin",
    kind: ValueKind::AfterFin,
    default: "10s",
    help: "once the peer has sent FIN: keep, close, or close after this time without a send",
};
pub(super) static NODELAY: OptionSpec = OptionSpec {
    name: "nodelay",
    kind: ValueKind::Flag,
    default: "on for clients, else the system's",
    help: "TCP_NODELAY: small writes leave at once",
};
pub(super) static REUSE_ADDRESS: OptionSpec = OptionSpec {
    name: "reuse-address",
    kind: ValueKind::Flag,
    default: "on for listeners, else the system's",
    help: "SO_REUSEADDR: bind although old connections linger in TIME_WAIT",
};
pub(super) static RECEIVE_BUFFER: OptionSpec = OptionSpec {
    name: "receive-buffer",
    kind: ValueKind::Size,
    default: "4MiB asked for",
    help: "SO_RCVBUF: what may wait to be read; the system may grant less",
};

static ALL: &[&OptionSpec] =
    &[&BACKLOG, &SOURCE, &CONNECT_TIMEOUT, &EOL, &AFTER_FIN, &NODELAY, &REUSE_ADDRESS, &RECEIVE_BUFFER];

/// The row of the option of this name, whatever scheme it belongs to.
#[must_use]
pub fn option_spec(name: &str) -> Option<&'static OptionSpec> {
    ALL.iter().copied().find(|spec| spec.name == name)
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

/// What holds, given or by default.
impl Endpoint {
    /// How many connections may wait to be accepted.
    #[must_use]
    pub fn backlog(&self) -> u32 {
        match self.option(BACKLOG.name) {
            Some(Value::Integer(number)) => *number,
            _ => 128,
        }
    }

    /// The local address to bind before connecting.
    #[must_use]
    pub fn source(&self) -> Option<&HostPort> {
        match self.option(SOURCE.name) {
            Some(Value::Address(address)) => Some(address),
            _ => None,
        }
    }

    /// How long to wait for an answer to `connect`.
    #[must_use]
    pub fn connect_timeout(&self) -> Duration {
        match self.option(CONNECT_TIMEOUT.name) {
            Some(Value::Duration(time)) => *time,
            _ => Duration::from_secs(10),
        }
    }

    /// What Enter adds to a typed payload.
    #[must_use]
    pub fn eol(&self) -> LineEnding {
        let given = match self.option(EOL.name) {
            Some(Value::Word(word)) => LineEnding::from_word(word),
            _ => None,
        };
        given.unwrap_or(if self.scheme.is_datagram() { LineEnding::None } else { LineEnding::Lf })
    }

    /// What becomes of a connection whose peer has sent FIN.
    #[must_use]
    pub fn after_fin(&self) -> AfterFin {
        match self.option(AFTER_FIN.name) {
            Some(Value::AfterFin(after)) => *after,
            _ => AfterFin::Within(Duration::from_secs(10)),
        }
    }

    /// Whether small writes leave at once; for accepted connections only where the listener's option says so.
    #[must_use]
    pub fn nodelay(&self) -> bool {
        match self.option(NODELAY.name) {
            Some(Value::Flag(on)) => *on,
            _ => self.scheme == super::Scheme::Tcp,
        }
    }

    /// Whether to bind although old connections linger; `None` leaves it to the system.
    #[must_use]
    pub fn reuse_address(&self) -> Option<bool> {
        match self.option(REUSE_ADDRESS.name) {
            Some(Value::Flag(on)) => Some(*on),
            _ => (self.scheme == super::Scheme::TcpListen).then_some(true),
        }
    }

    /// The receive buffer to ask for, in bytes; `None` leaves it to the system.
    #[must_use]
    pub fn receive_buffer(&self) -> Option<u64> {
        match self.option(RECEIVE_BUFFER.name) {
            Some(Value::Size(bytes)) => Some(*bytes),
            _ => self.scheme.is_datagram().then_some(4 * 1024 * 1024),
        }
    }
}
