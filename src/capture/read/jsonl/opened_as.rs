//! What a socket was opened as, which no line of the log says outright.
//!
//! Owns how that is told by what became of the socket. It never reads a line.

use crate::capture::read::flows::endpoint;
use crate::contract::{Address, Endpoint, EndpointAddress, Fact, Scheme};

/// What a socket was opened as, as far as the lines tell.
#[derive(Clone, Default, PartialEq)]
pub(super) struct OpenedAs {
    carrier: Option<Carrier>,
    serves: bool,
    address: Option<Address>,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Carrier {
    Tcp,
    Udp,
    Unix,
    UnixDgram,
    UnixSeqpacket,
    Icmp,
    Raw,
    Pair,
}

impl OpenedAs {
    /// Learns from what happened to the socket.
    pub(super) fn learn(&mut self, fact: &Fact) {
        match fact {
            Fact::Call { call, args, .. } if call == "socket" => self.carrier = Carrier::of_call(args),
            Fact::Call { call, .. } if call == "listen" => self.serves = true,
            Fact::Opened { local, peer } => {
                self.carrier.get_or_insert(match local {
                    Address::Ip(_) => Carrier::Udp,
                    Address::Host(..) => Carrier::Icmp,
                    Address::Unix(_) => Carrier::UnixDgram,
                });
                self.serves = peer.is_none();
                self.address = Some(peer.as_ref().unwrap_or(local).clone());
            }
            Fact::Connected { local, peer } | Fact::Accepted { local, peer, .. } => {
                let is_unix = matches!(local, Address::Unix(_));
                self.carrier.get_or_insert(if is_unix { Carrier::Unix } else { Carrier::Tcp });
                self.serves = false;
                self.address = Some(peer.clone());
            }
            _ => {}
        }
    }

    /// Learns that it has accepted a connection of this address, or that this is an end of it.
    pub(super) fn accepts(&mut self, carrier: Carrier, local: &Address) {
        let carriers = [Carrier::Tcp, Carrier::Unix, Carrier::UnixSeqpacket, Carrier::Pair];
        if self.carrier.is_none_or(|known| !carriers.contains(&known)) {
            self.carrier = Some(carrier);
        }
        self.serves = true;
        self.address.get_or_insert_with(|| local.clone());
    }

    /// What would have opened the socket.
    pub(super) fn endpoint(&self) -> Endpoint {
        let scheme = match (self.carrier.unwrap_or(Carrier::Tcp), self.serves) {
            (Carrier::Tcp, false) => Scheme::Tcp,
            (Carrier::Tcp, true) => Scheme::TcpListen,
            (Carrier::Udp, false) => Scheme::Udp,
            (Carrier::Udp, true) => Scheme::UdpBind,
            (Carrier::Unix, false) => Scheme::Unix,
            (Carrier::Unix, true) => Scheme::UnixListen,
            (Carrier::UnixDgram, false) => Scheme::UnixDgram,
            (Carrier::UnixDgram, true) => Scheme::UnixDgramBind,
            (Carrier::UnixSeqpacket, false) => Scheme::UnixSeqpacket,
            (Carrier::UnixSeqpacket, true) => Scheme::UnixSeqpacketListen,
            (Carrier::Icmp, _) => Scheme::Icmp,
            (Carrier::Raw, _) => Scheme::Raw,
            (Carrier::Pair, _) => Scheme::Pair,
        };
        match &self.address {
            Some(address) if scheme != Scheme::Pair => endpoint(scheme, address),
            _ => Endpoint::new(scheme, EndpointAddress::Nothing),
        }
    }
}

impl Carrier {
    /// What the arguments of `socket(2)` ask for: `AF_INET, SOCK_STREAM, 0`.
    fn of_call(args: &str) -> Option<Self> {
        let has = |word: &str| args.contains(word);
        Some(match () {
            () if has("SOCK_RAW") && !has("ICMP") => Self::Raw,
            () if has("ICMP") => Self::Icmp,
            () if has("AF_UNIX") && has("SOCK_STREAM") => Self::Unix,
            () if has("AF_UNIX") && has("SOCK_DGRAM") => Self::UnixDgram,
            () if has("SOCK_SEQPACKET") => Self::UnixSeqpacket,
            () if has("SOCK_STREAM") => Self::Tcp,
            () if has("SOCK_DGRAM") => Self::Udp,
            () => return None,
        })
    }
}
