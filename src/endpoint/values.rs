//! The values of options: what kinds there are, and how each is read and written.

use std::fmt;
use std::net::IpAddr;
use std::ops::Range;
use std::time::Duration;

use super::HostPort;
use super::address::Host;
use crate::encoding::Encoding;
use crate::framing::Framing;
use crate::quantity::{format_duration, format_size, parse_duration, parse_size};

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
