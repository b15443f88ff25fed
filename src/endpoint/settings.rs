//! What holds for an endpoint: what was given, or else the default.

use std::time::Duration;

use super::options;
use super::{AfterFin, Endpoint, Group, HostPort, LineEnding, OptionSpec, Scheme, Value};
use crate::encoding::Encoding;
use crate::framing::Framing;
use crate::quantity::format_size;

/// The most bytes of a datagram socket's buffer that are asked for unless an option says otherwise.
const DATAGRAM_BUFFER: u64 = 4 * 1024 * 1024;

/// Where nothing else is said.
static RAW: Framing = Framing::RAW;

/// The socket's type, for the scheme `pair`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairType {
    /// `SOCK_STREAM`.
    Stream,
    /// `SOCK_DGRAM`.
    Dgram,
    /// `SOCK_SEQPACKET`.
    Seqpacket,
}

/// Where what a socket receives is written to, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saving {
    /// The file.
    pub path: String,
    /// Whether it is added to; else a file that exists is refused.
    pub append: bool,
    /// How many bytes at most; `None` for all.
    pub limit: Option<u64>,
}

impl Endpoint {
    fn flag(&self, spec: &OptionSpec) -> Option<bool> {
        match self.option(spec.name) {
            Some(Value::Flag(on)) => Some(*on),
            _ => None,
        }
    }

    fn duration(&self, spec: &OptionSpec) -> Option<Duration> {
        match self.option(spec.name) {
            Some(Value::Duration(time)) => Some(*time),
            _ => None,
        }
    }

    fn integer(&self, spec: &OptionSpec) -> Option<u32> {
        match self.option(spec.name) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    fn size(&self, spec: &OptionSpec) -> Option<u64> {
        match self.option(spec.name) {
            Some(Value::Size(bytes)) => Some(*bytes),
            _ => None,
        }
    }

    /// What holds for an option where it is not given, in words: of a default that depends on the scheme, the part that
    /// is true of this one.
    #[must_use]
    pub fn default_of(&self, option: &OptionSpec) -> String {
        let mut plain = self.clone();
        plain.clear_option(option.name);
        let system = || "the system's".to_owned();
        match option.name {
            name if name == options::EOL.name => plain.eol().word().to_owned(),
            name if name == options::NODELAY.name && plain.nodelay() => "on".to_owned(),
            name if name == options::REUSE_ADDRESS.name && plain.reuse_address() == Some(true) => "on".to_owned(),
            name if name == options::NODELAY.name || name == options::REUSE_ADDRESS.name => system(),
            name if name == options::RECEIVE_BUFFER.name => {
                plain.receive_buffer().map_or_else(system, |bytes| format!("{} asked for", format_size(bytes)))
            }
            name if name == options::AFTER_FIN.name => Value::AfterFin(plain.after_fin()).to_string(),
            _ => option.default.to_owned(),
        }
    }

    /// How many connections may wait to be accepted.
    #[must_use]
    pub fn backlog(&self) -> u32 {
        self.integer(&options::BACKLOG).unwrap_or(128)
    }

    /// How many connections may be open at once; `None` for any number.
    #[must_use]
    pub fn max_connections(&self) -> Option<u32> {
        self.integer(&options::MAX_CONNECTIONS)
    }

    /// The local address to bind before connecting.
    #[must_use]
    pub fn source(&self) -> Option<&HostPort> {
        match self.option(options::SOURCE.name) {
            Some(Value::Address(address)) => Some(address),
            _ => None,
        }
    }

    /// Whether a datagram socket is connected to its destination.
    #[must_use]
    pub fn connected(&self) -> bool {
        self.flag(&options::CONNECTED).unwrap_or(false)
    }

    /// How long to wait for an answer to `connect`.
    #[must_use]
    pub fn connect_timeout(&self) -> Duration {
        self.duration(&options::CONNECT_TIMEOUT).unwrap_or(Duration::from_secs(10))
    }

    /// After which time to connect again; `None` for never.
    #[must_use]
    pub fn reconnect(&self) -> Option<Duration> {
        self.duration(&options::RECONNECT).filter(|time| !time.is_zero())
    }

    /// After which time without traffic to close; `None` for never.
    #[must_use]
    pub fn idle_timeout(&self) -> Option<Duration> {
        self.duration(&options::IDLE_TIMEOUT).filter(|time| !time.is_zero())
    }

    /// How long the system's `close` waits for what is not sent; `None` for not at all.
    #[must_use]
    pub fn linger(&self) -> Option<Duration> {
        self.duration(&options::LINGER).filter(|time| !time.is_zero())
    }

    /// What Enter adds to a typed payload.
    #[must_use]
    pub fn eol(&self) -> LineEnding {
        let given = match self.option(options::EOL.name) {
            Some(Value::Word(word)) => LineEnding::from_word(word),
            _ => None,
        };
        given.unwrap_or(if self.keeps_messages_apart() { LineEnding::None } else { LineEnding::Lf })
    }

    /// How bytes are shown as text, and how typed text is sent.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        match self.option(options::ENCODING.name) {
            Some(Value::Encoding(encoding)) => *encoding,
            _ => Encoding::UTF_8,
        }
    }

    /// What one received message is; raw where the socket keeps messages apart by itself.
    #[must_use]
    pub fn framing(&self) -> &Framing {
        match self.option(options::FRAMING.name) {
            Some(Value::Framing(framing)) if !self.keeps_messages_apart() => framing,
            _ => &RAW,
        }
    }

    /// The framing that what is typed gets; `None` where it is sent as it is, with a line ending.
    #[must_use]
    pub fn wrap(&self) -> Option<&Framing> {
        Some(self.framing()).filter(|framing| self.wants_wrap() && framing.wraps())
    }

    /// Whether what is typed is to get a frame, if there is one.
    pub(super) fn wants_wrap(&self) -> bool {
        self.flag(&options::WRAP).unwrap_or(false)
    }

    /// True where each send is a message of its own: datagrams and sequenced packets.
    #[must_use]
    pub fn keeps_messages_apart(&self) -> bool {
        match self.scheme {
            Scheme::Pair => self.pair_type() != PairType::Stream,
            Scheme::UnixSeqpacket | Scheme::UnixSeqpacketListen => true,
            scheme => scheme.is_datagram(),
        }
    }

    /// What becomes of a connection whose peer has sent FIN.
    #[must_use]
    pub fn after_fin(&self) -> AfterFin {
        match self.option(options::AFTER_FIN.name) {
            Some(Value::AfterFin(after)) => *after,
            // A connection that is to come back has no time to outlive the peer's.
            _ if self.reconnect().is_some() => AfterFin::Close,
            _ => AfterFin::Within(Duration::from_secs(10)),
        }
    }

    /// Whether small writes leave at once; for accepted connections only where the listener's option says so.
    #[must_use]
    pub fn nodelay(&self) -> bool {
        self.flag(&options::NODELAY).unwrap_or(self.scheme == Scheme::Tcp)
    }

    /// Whether to bind although old connections linger; `None` leaves it to the system.
    #[must_use]
    pub fn reuse_address(&self) -> Option<bool> {
        self.flag(&options::REUSE_ADDRESS).or_else(|| (self.scheme == Scheme::TcpListen).then_some(true))
    }

    /// The receive buffer to ask for, in bytes; `None` leaves it to the system.
    #[must_use]
    pub fn receive_buffer(&self) -> Option<u64> {
        let default = (self.scheme.is_datagram()).then_some(DATAGRAM_BUFFER);
        self.size(&options::RECEIVE_BUFFER).or(default)
    }

    /// The multicast groups to hear.
    #[must_use]
    pub fn join(&self) -> &[Group] {
        match self.option(options::JOIN.name) {
            Some(Value::Groups(groups)) => groups,
            _ => &[],
        }
    }

    /// Whether to replace a stale socket file.
    #[must_use]
    pub fn unlink(&self) -> bool {
        self.flag(&options::UNLINK).unwrap_or(false)
    }

    /// The IP protocol of a raw socket; 253 is one for experiments (RFC 3692).
    #[must_use]
    pub fn protocol(&self) -> u8 {
        self.integer(&options::PROTOCOL).and_then(|number| u8::try_from(number).ok()).unwrap_or(253)
    }

    /// The type of a pair.
    #[must_use]
    pub fn pair_type(&self) -> PairType {
        match self.option(options::TYPE.name) {
            Some(Value::Word("dgram")) => PairType::Dgram,
            Some(Value::Word("seqpacket")) => PairType::Seqpacket,
            _ => PairType::Stream,
        }
    }

    /// Where what is received is written to, too.
    #[must_use]
    pub fn saving(&self) -> Option<Saving> {
        match self.option(options::SAVE.name) {
            Some(Value::Path(path)) => Some(Saving {
                path: path.clone(),
                append: self.flag(&options::SAVE_APPEND).unwrap_or(false),
                limit: self.size(&options::SAVE_LIMIT),
            }),
            _ => None,
        }
    }
}
