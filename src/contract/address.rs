//! Where a socket or its peer is.

use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// The address of a socket or a peer, as `getsockname(2)` and `getpeername(2)` tell it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Address {
    /// IPv4 or IPv6, with its port.
    Ip(SocketAddr),
}

impl Address {
    /// True for the wildcard addresses `0.0.0.0` and `[::]`, which listen on every interface.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        match self {
            Self::Ip(address) => address.ip().is_unspecified(),
        }
    }

    /// The port, where the family has ports.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Ip(address) => Some(address.port()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Ip(address)
    }
}
