//! Which peers a filter's `peer:` means.
//!
//! Owns the notation of addresses, ports, prefixes and networks. It never knows whose peer an address is.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use crate::contract::Address;
use crate::log::FilterError;

/// Some addresses.
#[derive(Clone, Debug)]
pub(in crate::log) enum PeerPattern {
    /// A host with any port.
    Host(IpAddr),
    Socket(SocketAddr),
    /// Any host with this port.
    Port(u16),
    /// The hosts whose first so many bits are these.
    Network(IpAddr, u32),
    /// What is written so, or begins so.
    Text {
        text: String,
        is_prefix: bool,
    },
}

impl PeerPattern {
    pub(super) fn new(value: &str, at: &Range<usize>) -> Result<Self, FilterError> {
        if let Some(prefix) = value.strip_suffix('*') {
            return Ok(Self::Text { text: prefix.to_owned(), is_prefix: true });
        }
        if let Some((host, bits)) = value.split_once('/')
            && let Ok(host) = host.parse::<IpAddr>()
        {
            let most = width(host);
            return match bits.parse() {
                Ok(bits) if bits <= most => Ok(Self::Network(host, bits)),
                _ => Err(FilterError::new(at.clone(), format!("a network of this family has 0 to {most} bits"))),
            };
        }
        if let Some(port) = value.strip_prefix(':')
            && let Ok(port) = port.parse()
        {
            return Ok(Self::Port(port));
        }
        let bare = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(value);
        if let Ok(host) = bare.parse::<IpAddr>() {
            return Ok(Self::Host(host.to_canonical()));
        }
        if let Ok(address) = value.parse::<SocketAddr>() {
            return Ok(Self::Socket(address));
        }
        Ok(Self::Text { text: value.to_owned(), is_prefix: false })
    }

    pub(in crate::log) fn matches(&self, address: &Address) -> bool {
        let ip = || match address {
            Address::Ip(address) => Some(address.ip().to_canonical()),
            Address::Host(ip, _) => Some(ip.to_canonical()),
            Address::Unix(_) => None,
        };
        match self {
            Self::Host(host) => ip() == Some(*host),
            Self::Socket(wanted) => address.port() == Some(wanted.port()) && ip() == Some(wanted.ip().to_canonical()),
            Self::Port(port) => address.port() == Some(*port),
            Self::Network(network, bits) => ip().is_some_and(|ip| {
                width(ip) == width(*network) && significant(ip, *bits) == significant(*network, *bits)
            }),
            Self::Text { text, is_prefix: true } => address.to_string().starts_with(text),
            Self::Text { text, is_prefix: false } => address.to_string() == *text,
        }
    }
}

const fn width(ip: IpAddr) -> u32 {
    if ip.is_ipv4() { u32::BITS } else { u128::BITS }
}

fn significant(ip: IpAddr, bits: u32) -> u128 {
    let number = match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()),
        IpAddr::V6(ip) => ip.to_bits(),
    };
    number.checked_shr(width(ip) - bits).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::UnixAddress;

    #[test]
    fn a_peer_is_an_address_a_port_a_network_or_a_beginning() {
        let path = Address::Unix(UnixAddress::Pathname(b"/tmp/a.sock".to_vec()));
        let ip = |text: &str| Address::Ip(text.parse().unwrap());
        for (value, yes, no) in [
            ("10.0.0.5", ip("10.0.0.5:80"), ip("10.0.0.50:80")),
            ("10.0.0.5", ip("[::ffff:10.0.0.5]:80"), ip("[::1]:80")),
            ("10.0.0.5:80", ip("10.0.0.5:80"), ip("10.0.0.5:8080")),
            (":80", ip("10.0.0.5:80"), ip("10.0.0.5:8080")),
            ("10.0.0.5*", ip("10.0.0.50:80"), ip("10.0.0.6:80")),
            ("10.0.0.0/8", ip("10.200.0.1:80"), ip("11.0.0.1:80")),
            ("10.1.0.0/15", ip("10.0.0.1:80"), ip("10.2.0.1:80")),
            ("0.0.0.0/0", ip("10.0.0.1:80"), ip("[::1]:80")),
            ("10.0.0.1/32", ip("10.0.0.1:80"), ip("10.0.0.2:80")),
            ("fe80::/10", ip("[fe80::1%3]:80"), ip("[2001:db8::1]:80")),
            ("::/0", ip("[2001:db8::1]:80"), path.clone()),
            ("::1", ip("[::1]:80"), ip("[::2]:80")),
            ("[::1]", Address::Host("::1".parse().unwrap(), 0), ip("[::2]:80")),
            ("[::1]:80", ip("[::1]:80"), ip("[::1]:81")),
            ("/tmp/a.sock", path.clone(), ip("10.0.0.5:80")),
            ("/tmp/*", path, Address::Unix(UnixAddress::Unnamed)),
        ] {
            let pattern = PeerPattern::new(value, &(0..0)).unwrap();
            assert!(pattern.matches(&yes) && !pattern.matches(&no), "{value}");
        }
        for value in ["10.0.0.0/33", "::/129", "10.0.0.0/x"] {
            assert_eq!(PeerPattern::new(value, &(3..7)).unwrap_err().at, 3..7);
        }
    }
}
