//! The address part of an endpoint.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use super::{EndpointError, Role, Scheme};

/// Where an endpoint is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointAddress {
    /// An IP address or a name, and a port.
    HostPort(HostPort),
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

impl EndpointAddress {
    /// Reads the address of a scheme.
    pub(super) fn parse(scheme: Scheme, text: &str) -> Result<Self, EndpointError> {
        let address = HostPort::parse(text)?;
        if address.port == 0 && matches!(scheme.spec().role, Role::Client | Role::DatagramClient) {
            return Err(EndpointError::new(text.len() - 1..text.len(), "port 0 can't be connected to"));
        }
        Ok(Self::HostPort(address))
    }

    /// True for `0.0.0.0` and `[::]`, which listen on every interface.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        match self {
            Self::HostPort(HostPort { host: Host::Ip(ip, _), .. }) => ip.is_unspecified(),
            Self::HostPort(_) => false,
        }
    }
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
            Some(scope)
                if scope.is_empty() || !scope.chars().all(|c| c.is_ascii_graphic() && !"[]%?&/".contains(c)) =>
            {
                Err(EndpointError::new(address.len() + 1..text.len(), "an interface's name stands behind %"))
            }
            None if ip.is_unicast_link_local() => Err(EndpointError::new(
                text.len()..text.len(),
                "a link-local address needs its interface: [fe80::1%eth0]:port",
            )),
            _ => Ok(Self::Ip(IpAddr::V6(ip), scope.map(str::to_owned))),
        }
    }
}

impl fmt::Display for EndpointAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HostPort(address) => address.fmt(f),
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
