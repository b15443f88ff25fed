//! What carries a socket's bytes, as far as what is told of it differs.
//!
//! Owns which endpoint is carried by what. It never explains.

use crate::contract::{Endpoint, PairType, Scheme};

/// What lies below a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    Tcp,
    Udp,
    Icmp,
    /// IP packets as they are.
    Raw,
    UnixStream,
    /// Sequenced packets: a connection that keeps messages apart.
    UnixMessages,
    UnixDatagrams,
}

impl Carrier {
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        match endpoint.scheme {
            Scheme::Tcp | Scheme::TcpListen => Self::Tcp,
            Scheme::Udp | Scheme::UdpBind => Self::Udp,
            Scheme::Icmp => Self::Icmp,
            Scheme::Raw => Self::Raw,
            Scheme::Unix | Scheme::UnixListen => Self::UnixStream,
            Scheme::UnixSeqpacket | Scheme::UnixSeqpacketListen => Self::UnixMessages,
            Scheme::UnixDgram | Scheme::UnixDgramBind => Self::UnixDatagrams,
            Scheme::Pair => match endpoint.pair_type() {
                PairType::Stream => Self::UnixStream,
                PairType::Seqpacket => Self::UnixMessages,
                PairType::Dgram => Self::UnixDatagrams,
            },
        }
    }

    /// Both ends are on this machine, and no segment is ever sent.
    pub(super) const fn is_unix(self) -> bool {
        matches!(self, Self::UnixStream | Self::UnixMessages | Self::UnixDatagrams)
    }

    /// A protocol of IP that knows no ports.
    pub(super) const fn is_without_ports(self) -> bool {
        matches!(self, Self::Icmp | Self::Raw)
    }

    /// Each send is a datagram of its own, without a connection.
    pub(super) const fn is_datagrams(self) -> bool {
        matches!(self, Self::Udp | Self::Icmp | Self::Raw | Self::UnixDatagrams)
    }

    /// The type of such a socket, as `socket(2)` and `socketpair(2)` take it.
    pub(super) const fn socket_type(self) -> &'static str {
        match self {
            Self::Tcp | Self::UnixStream => "SOCK_STREAM",
            Self::Udp | Self::Icmp | Self::UnixDatagrams => "SOCK_DGRAM",
            Self::UnixMessages => "SOCK_SEQPACKET",
            Self::Raw => "SOCK_RAW",
        }
    }
}
