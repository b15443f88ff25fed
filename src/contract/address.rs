//! Where a socket or its peer is.

use std::fmt;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use serde::{Deserialize, Serialize};

/// The address of a socket or a peer, as `getsockname(2)` and `getpeername(2)` tell it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Address {
    /// IPv4 or IPv6, with its port.
    Ip(SocketAddr),
    /// IPv4 or IPv6 of a socket without ports, as ICMP and raw ones; with the scope id of a link-local address, or 0.
    Host(IpAddr, u32),
    /// A Unix socket.
    Unix(UnixAddress),
}

/// The address of a Unix socket (unix(7)).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum UnixAddress {
    /// Bound to a file: its path, as the bytes that were given to `bind`.
    Pathname(Vec<u8>),
    /// Bound to a name in the abstract namespace, without the NUL before it.
    Abstract(Vec<u8>),
    /// Not bound.
    Unnamed,
}

impl Address {
    /// True for the wildcard addresses `0.0.0.0` and `[::]`, which listen on every interface.
    #[must_use]
    pub const fn is_wildcard(&self) -> bool {
        match self {
            Self::Ip(SocketAddr::V4(v4)) => v4.ip().is_unspecified(),
            Self::Ip(SocketAddr::V6(v6)) => v6.ip().is_unspecified(),
            Self::Host(..) | Self::Unix(_) => false,
        }
    }

    /// The port, where the family has ports.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        match self {
            Self::Ip(address) => Some(address.port()),
            Self::Host(..) | Self::Unix(_) => None,
        }
    }

    /// Where to send to, for sockets of the internet families; a host's port is 0.
    #[must_use]
    pub fn socket_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            Self::Host(IpAddr::V6(ip), scope) => Some(SocketAddrV6::new(*ip, 0, 0, *scope).into()),
            Self::Host(ip, _) => Some(SocketAddr::new(*ip, 0)),
            Self::Unix(_) => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Host(ip, 0) => ip.fmt(f),
            Self::Host(ip, scope) => write!(f, "{ip}%{scope}"),
            Self::Unix(address) => address.fmt(f),
        }
    }
}

/// The path, or `@` and the abstract name; bytes that are no text become U+FFFD, and NULs of an abstract name `@`, as
/// `ss(8)` shows them.
impl fmt::Display for UnixAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pathname(path) => f.write_str(&String::from_utf8_lossy(path)),
            Self::Abstract(name) => write!(f, "@{}", String::from_utf8_lossy(name).replace('\0', "@")),
            Self::Unnamed => f.write_str("unnamed"),
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Ip(address)
    }
}

impl From<UnixAddress> for Address {
    fn from(address: UnixAddress) -> Self {
        Self::Unix(address)
    }
}
