//! What is in a packet: the layers from the link up to the message.
//!
//! Owns the link types (<https://www.tcpdump.org/linktypes.html>). It never remembers a packet.

use std::net::{IpAddr, SocketAddr};

use etherparse::icmpv4::{TYPE_ECHO_REPLY, TYPE_ECHO_REQUEST};
use etherparse::icmpv6::{TYPE_ECHO_REPLY as TYPE_ECHO_REPLY_V6, TYPE_ECHO_REQUEST as TYPE_ECHO_REQUEST_V6};
use etherparse::{EtherType, LaxNetSlice, LaxSlicedPacket, TcpSlice, TransportSlice};

/// A packet's content, as far as this program has sockets for it.
pub(super) enum Content<'a> {
    Tcp {
        from: SocketAddr,
        to: SocketAddr,
        segment: Segment<'a>,
    },
    Udp {
        from: SocketAddr,
        to: SocketAddr,
        bytes: &'a [u8],
        /// How many bytes of its end were not captured.
        missing: usize,
    },
    /// An ICMP echo request or its reply.
    Echo {
        from: IpAddr,
        to: IpAddr,
        id: u16,
        is_request: bool,
        bytes: &'a [u8],
        missing: usize,
    },
    /// What stands behind the tags of an exported PDU: a message without a packet.
    Message(&'a [u8]),
    /// A part of an IP packet.
    Fragment,
    /// Nothing of the above: ARP, routing...
    Other,
    /// A link type that is not read.
    UnknownLink,
}

/// A TCP segment (RFC 9293 3.1).
pub(super) struct Segment<'a> {
    pub(super) sequence: u32,
    /// What is acknowledged, where that counts.
    pub(super) acknowledged: Option<u32>,
    pub(super) syn: bool,
    pub(super) fin: bool,
    pub(super) reset: bool,
    pub(super) bytes: &'a [u8],
    /// How many bytes of the segment follow that were not captured.
    pub(super) missing: u32,
}

/// Reads a packet of a link type.
pub(super) fn read(link: u32, packet: &[u8]) -> Content<'_> {
    let after = |count: usize| packet.get(count..).unwrap_or_default();
    let ether_type = |at: usize| {
        let pair = packet.get(at..at + 2).and_then(|pair| pair.try_into().ok()).unwrap_or_default();
        EtherType(u16::from_be_bytes(pair))
    };
    let sliced = match link {
        // Ethernet.
        1 => LaxSlicedPacket::from_ethernet(packet).ok(),
        // NULL and LOOP: a family of four bytes, whose number each system has its own of; the packet tells itself.
        0 | 108 => LaxSlicedPacket::from_ip(after(4)).ok(),
        // RAW, in its three numbers, IPv4 and IPv6.
        12 | 14 | 101 | 228 | 229 => LaxSlicedPacket::from_ip(packet).ok(),
        // LINUX_SLL and LINUX_SLL2.
        113 => Some(LaxSlicedPacket::from_ether_type(ether_type(14), after(16))),
        276 => Some(LaxSlicedPacket::from_ether_type(ether_type(0), after(20))),
        // WIRESHARK_UPPER_PDU.
        252 => return exported(packet),
        _ => return Content::UnknownLink,
    };
    sliced.map_or(Content::Other, |sliced| content(&sliced))
}

fn content<'a>(sliced: &LaxSlicedPacket<'a>) -> Content<'a> {
    let (from, to, missing, fragmented): (IpAddr, IpAddr, usize, bool) = match &sliced.net {
        Some(LaxNetSlice::Ipv4(ip)) => {
            let payload = ip.payload();
            let header = ip.header();
            let extension = ip.extensions().auth.map_or(0, |header| header.slice().len());
            let whole = usize::from(header.total_len()).saturating_sub(header.slice().len());
            let missing = whole.saturating_sub(payload.payload.len() + extension);
            (header.source_addr().into(), header.destination_addr().into(), missing, payload.fragmented)
        }
        Some(LaxNetSlice::Ipv6(ip)) => {
            let (payload, header) = (ip.payload(), ip.header());
            let here = payload.payload.len() + ip.extensions().slice().len();
            let missing = usize::from(header.payload_length()).saturating_sub(here);
            (header.source_addr().into(), header.destination_addr().into(), missing, payload.fragmented)
        }
        _ => return Content::Other,
    };
    if fragmented {
        return Content::Fragment;
    }
    match &sliced.transport {
        Some(TransportSlice::Tcp(tcp)) => Content::Tcp {
            from: SocketAddr::new(from, tcp.source_port()),
            to: SocketAddr::new(to, tcp.destination_port()),
            segment: segment(tcp, missing),
        },
        Some(TransportSlice::Udp(udp)) => Content::Udp {
            from: SocketAddr::new(from, udp.source_port()),
            to: SocketAddr::new(to, udp.destination_port()),
            bytes: udp.payload(),
            missing,
        },
        Some(TransportSlice::Icmpv4(icmp)) if [TYPE_ECHO_REQUEST, TYPE_ECHO_REPLY].contains(&icmp.type_u8()) => {
            let [high, low, ..] = icmp.bytes5to8();
            let is_request = icmp.type_u8() == TYPE_ECHO_REQUEST;
            Content::Echo { from, to, id: u16::from_be_bytes([high, low]), is_request, bytes: icmp.payload(), missing }
        }
        Some(TransportSlice::Icmpv6(icmp)) if [TYPE_ECHO_REQUEST_V6, TYPE_ECHO_REPLY_V6].contains(&icmp.type_u8()) => {
            let [high, low, ..] = icmp.bytes5to8();
            let is_request = icmp.type_u8() == TYPE_ECHO_REQUEST_V6;
            Content::Echo { from, to, id: u16::from_be_bytes([high, low]), is_request, bytes: icmp.payload(), missing }
        }
        _ => Content::Other,
    }
}

fn segment<'a>(tcp: &TcpSlice<'a>, missing: usize) -> Segment<'a> {
    Segment {
        sequence: tcp.sequence_number(),
        acknowledged: tcp.ack().then(|| tcp.acknowledgment_number()),
        syn: tcp.syn(),
        fin: tcp.fin(),
        reset: tcp.rst(),
        bytes: tcp.payload(),
        missing: u32::try_from(missing).unwrap_or(u32::MAX),
    }
}

/// What stands behind the tags of an exported PDU: each a number and a length of 16 bits, big-endian, then its value;
/// number 0 ends them.
fn exported(packet: &[u8]) -> Content<'_> {
    let mut rest = packet;
    while let [a, b, c, d, ..] = *rest {
        let (tag, length) = (u16::from_be_bytes([a, b]), usize::from(u16::from_be_bytes([c, d])));
        rest = rest.get(4 + length..).unwrap_or_default();
        if tag == 0 {
            return Content::Message(rest);
        }
    }
    Content::Other
}
