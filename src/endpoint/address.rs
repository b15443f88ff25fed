//! The address part of an endpoint.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use super::{AddressKind, EndpointError, Role, Scheme};

/// The longest path or abstract name of a Unix socket, in bytes: `sun_path` less its NUL (unix(7)).
const LONGEST_UNIX: usize = 107;

/// What is wrong with an address that means something else on each interface (RFC 4007).
const NEEDS_INTERFACE: &str = "a link-local address needs its interface: [fe80::1%eth0]:port";

/// Where an endpoint is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointAddress {
    /// An IP address or a name, and a port.
    HostPort(HostPort),
    /// An IP address or a name.
    Host(Host),
    /// The name of a Unix socket.
    Unix(UnixName),
    /// Nowhere: a pair has no address.
    Nothing,
}

/// The name of a Unix socket (unix(7)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnixName {
    /// A file.
    Path(String),
    /// A name in the abstract namespace of Linux, written with `@` before it.
    Abstract(String),
}

/// `host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// The host.
    pub host: Host,
    /// The port.
    pub port: u16,
}

/// A host, by number or by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// An address; IPv6 perhaps with the interface that a link-local address needs.
    Ip(IpAddr, Option<String>),
    /// A name to resolve.
    Name(String),
}

impl EndpointError {
    /// Whether what is missing is the interface of a link-local address.
    #[must_use]
    pub fn needs_interface(&self) -> bool {
        self.message == NEEDS_INTERFACE
    }
}

impl EndpointAddress {
    /// Reads the address of a scheme.
    pub(super) fn parse(scheme: Scheme, text: &str) -> Result<Self, EndpointError> {
        match scheme.spec().address {
            AddressKind::HostPort => {
                let address = HostPort::parse(text)?;
                if address.port == 0 && matches!(scheme.spec().role, Role::Client | Role::DatagramClient) {
                    return Err(EndpointError::new(text.len() - 1..text.len(), "port 0 can't be connected to"));
                }
                Ok(Self::HostPort(address))
            }
            AddressKind::Host => Host::parse_alone(text).map(Self::Host),
            AddressKind::Unix => UnixName::parse(text).map(Self::Unix),
            AddressKind::Nothing if text.is_empty() => Ok(Self::Nothing),
            AddressKind::Nothing => Err(EndpointError::new(0..text.len(), format!("{scheme} has no address"))),
        }
    }

    /// The host, where there is one.
    #[must_use]
    pub const fn host(&self) -> Option<&Host> {
        match self {
            Self::HostPort(HostPort { host, .. }) | Self::Host(host) => Some(host),
            Self::Unix(_) | Self::Nothing => None,
        }
    }

    /// True for `0.0.0.0` and `[::]`, which listen on every interface.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        matches!(self.host(), Some(Host::Ip(ip, _)) if ip.is_unspecified())
    }

    /// The address as a reader or another program is told it: a path without the escapes of a URL.
    #[must_use]
    pub fn plain(&self) -> String {
        match self {
            Self::Unix(UnixName::Path(path)) => path.clone(),
            Self::Unix(UnixName::Abstract(name)) => format!("@{name}"),
            other => other.to_string(),
        }
    }
}

impl UnixName {
    /// Reads a path, or `@` and an abstract name.
    fn parse(text: &str) -> Result<Self, EndpointError> {
        let name = text.strip_prefix('@');
        let (written, shift) = (name.unwrap_or(text), text.len() - name.unwrap_or(text).len());
        let whole = shift..text.len();
        if written.is_empty() {
            let message = "the path is missing; write a path, such as /tmp/a.sock, or @name for an abstract one";
            return Err(EndpointError::new(whole, message));
        }
        if let Some(nul) = written.find('\0') {
            return Err(EndpointError::new(shift + nul..shift + nul + 1, "a path has no NUL in it"));
        }
        let decoded = decode(written);
        if decoded.len() > LONGEST_UNIX {
            let message = format!("{} bytes are too long: the system takes at most {LONGEST_UNIX}", decoded.len());
            return Err(EndpointError::new(whole, message));
        }
        Ok(if name.is_some() { Self::Abstract(decoded) } else { Self::Path(decoded) })
    }
}

/// The characters of a URL that a path may hold and that mean something else there, and how they are written.
const ESCAPES: [(char, &str); 3] = [('%', "%25"), ('?', "%3F"), ('&', "%26")];

/// A path as it stands in a URL.
pub(super) fn encode(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for c in path.chars() {
        match ESCAPES.iter().find(|(plain, _)| *plain == c) {
            Some((_, escape)) => text.push_str(escape),
            None => text.push(c),
        }
    }
    text
}

/// The path that stands in a URL. A `%` that begins no escape is one.
pub(super) fn decode(text: &str) -> String {
    let mut path = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let is_next = |escape: &str| rest.get(..escape.len()).is_some_and(|head| head.eq_ignore_ascii_case(escape));
        if let Some((plain, escape)) = ESCAPES.iter().find(|(_, escape)| is_next(escape)) {
            path.push(*plain);
            rest = &rest[escape.len()..];
        } else {
            path.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    path
}

impl HostPort {
    /// Reads `host:port` or `[v6]:port`.
    ///
    /// # Errors
    /// What is wrong, and where in `text`.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let whole = 0..text.len();
        let Some(colon) = text.rfind(':') else {
            return Err(EndpointError::new(whole, "the port is missing; write host:port"));
        };
        let (host, port) = (&text[..colon], &text[colon + 1..]);
        let host = if let Some(inner) = host.strip_prefix('[') {
            let Some(inner) = inner.strip_suffix(']') else {
                return Err(EndpointError::new(whole, "an IPv6 address is written [address]:port"));
            };
            Host::parse_v6(inner).map_err(|error| error.shifted(1))?
        } else if host.contains(':') || host.ends_with(']') {
            return Err(EndpointError::new(whole, "an IPv6 address is written [address]:port"));
        } else {
            Host::parse(host)?
        };
        match port.parse::<u16>() {
            Ok(number) if port.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Self { host, port: number }),
            _ => Err(EndpointError::new(colon + 1..text.len(), "a port is a number from 0 to 65535")),
        }
    }
}

impl Host {
    /// Reads a host that no port follows: IPv6 with or without brackets.
    fn parse_alone(text: &str) -> Result<Self, EndpointError> {
        if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return Self::parse_v6(inner).map_err(|error| error.shifted(1));
        }
        match text.find(':') {
            Some(colon) if text.matches(':').count() == 1 && !text[..colon].is_empty() => {
                Err(EndpointError::new(colon..text.len(), "no port belongs here; write a host alone"))
            }
            Some(_) => Self::parse_v6(text),
            None => Self::parse(text),
        }
    }

    /// Whether this may be the name or the number of an interface.
    pub(super) fn is_interface(name: &str) -> bool {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_graphic() && !"[]%?&/,@".contains(c))
    }

    fn parse(text: &str) -> Result<Self, EndpointError> {
        let whole = 0..text.len();
        if let Ok(ip) = text.parse() {
            return Ok(Self::Ip(IpAddr::V4(ip), None));
        }
        if text.is_empty() {
            return Err(EndpointError::new(whole, "the host is missing; write host:port, such as 127.0.0.1:7788"));
        }
        // RFC 1123 2.1, and the underscore that names in the field have.
        let named = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
        if let Some(wrong) = text.find(|c| !named(c)) {
            let end = wrong + text[wrong..].chars().next().map_or(0, char::len_utf8);
            return Err(EndpointError::new(wrong..end, "this character can't be in a host's name"));
        }
        if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return Err(EndpointError::new(whole, "this is neither an IPv4 address, such as 127.0.0.1, nor a name"));
        }
        Ok(Self::Name(text.to_owned()))
    }

    fn parse_v6(text: &str) -> Result<Self, EndpointError> {
        let (address, scope) = match text.split_once('%') {
            Some((address, scope)) => (address, Some(scope)),
            None => (text, None),
        };
        let Ok(ip) = address.parse::<Ipv6Addr>() else {
            return Err(EndpointError::new(0..address.len(), "this is not an IPv6 address"));
        };
        match scope {
            Some(scope) if !Self::is_interface(scope) => {
                Err(EndpointError::new(address.len() + 1..text.len(), "an interface's name stands behind %"))
            }
            None if ip.is_unicast_link_local() => Err(EndpointError::new(text.len()..text.len(), NEEDS_INTERFACE)),
            _ => Ok(Self::Ip(IpAddr::V6(ip), scope.map(str::to_owned))),
        }
    }
}

impl fmt::Display for EndpointAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HostPort(address) => address.fmt(f),
            Self::Host(host) => host.fmt(f),
            Self::Unix(name) => name.fmt(f),
            Self::Nothing => Ok(()),
        }
    }
}

/// As it stands in a URL.
impl fmt::Display for UnixName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.write_str(&encode(path)),
            Self::Abstract(name) => write!(f, "@{}", encode(name)),
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip @ IpAddr::V4(_), _) => ip.fmt(f),
            Self::Ip(ip, None) => write!(f, "[{ip}]"),
            Self::Ip(ip, Some(scope)) => write!(f, "[{ip}%{scope}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}
