//! The headers of IP, TCP, UDP and ICMP that go around the bytes of a message.
//!
//! Owns their layout (RFC 791, 8200, 9293, 768, 792, 4443) and their checksums (RFC 1071). It never cuts: whoever calls
//! keeps to the longest payloads that are told here.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The longest TCP payload of one packet, over IPv4 as well as over IPv6.
pub(super) const LONGEST_SEGMENT: usize = 65_535 - 20 - 20;

const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// The TCP flags (RFC 9293 3.1).
pub(super) mod flags {
    pub(in super::super) const FIN: u8 = 1;
    pub(in super::super) const SYN: u8 = 2;
    pub(in super::super) const RST: u8 = 4;
    pub(in super::super) const PSH: u8 = 8;
    pub(in super::super) const ACK: u8 = 16;
}

/// What the header of a segment tells.
#[derive(Clone, Copy, Default)]
pub(super) struct Segment {
    pub(super) sequence: u32,
    pub(super) acknowledged: u32,
    pub(super) flags: u8,
}

/// The options of a SYN: the longest segment, and a window that is shifted by 14 bits (RFC 7323), so that no
/// analyser takes it for full.
fn syn_options() -> [u8; 8] {
    let [high, low] = u16::try_from(LONGEST_SEGMENT).unwrap_or(u16::MAX).to_be_bytes();
    [2, 4, high, low, 1, 3, 3, 14]
}

/// Appends a TCP segment in its packet. `absent` bytes of its payload come last and are not appended, and the
/// checksum is then none.
pub(super) fn tcp(
    from: SocketAddr,
    to: SocketAddr,
    segment: Segment,
    payload: &[u8],
    absent: usize,
    out: &mut Vec<u8>,
) {
    let options = syn_options();
    let options: &[u8] = if segment.flags & flags::SYN == 0 { &[] } else { &options };
    let header = 20 + options.len();
    ip_header(from.ip(), to.ip(), TCP, header + payload.len() + absent, out);
    let start = out.len();
    out.extend(from.port().to_be_bytes());
    out.extend(to.port().to_be_bytes());
    out.extend(segment.sequence.to_be_bytes());
    out.extend(segment.acknowledged.to_be_bytes());
    out.push(u8::try_from(header / 4).unwrap_or(5) << 4);
    out.push(segment.flags);
    out.extend(u16::MAX.to_be_bytes());
    out.extend([0; 4]);
    out.extend(options);
    out.extend(payload);
    if absent == 0 {
        let sum = transport_checksum(from.ip(), to.ip(), TCP, &out[start..]);
        out[start + 16..start + 18].copy_from_slice(&sum);
    }
}

/// Appends a UDP datagram in its packet.
pub(super) fn udp(from: SocketAddr, to: SocketAddr, payload: &[u8], out: &mut Vec<u8>) {
    let length = 8 + payload.len();
    ip_header(from.ip(), to.ip(), UDP, length, out);
    let start = out.len();
    out.extend(from.port().to_be_bytes());
    out.extend(to.port().to_be_bytes());
    out.extend(u16::try_from(length).unwrap_or(0).to_be_bytes());
    out.extend([0; 2]);
    out.extend(payload);
    let mut sum = transport_checksum(from.ip(), to.ip(), UDP, &out[start..]);
    // Zero would say that there is no checksum.
    if sum == [0; 2] {
        sum = [0xff; 2];
    }
    out[start + 6..start + 8].copy_from_slice(&sum);
}

/// Appends an ICMP echo request or reply in its packet. `numbers` are its identifier and its sequence number.
pub(super) fn echo(from: IpAddr, to: IpAddr, is_request: bool, numbers: (u16, u16), payload: &[u8], out: &mut Vec<u8>) {
    let (protocol, kind) = match (from.is_ipv6(), is_request) {
        (false, true) => (ICMP, 8),
        (false, false) => (ICMP, 0),
        (true, true) => (ICMPV6, 128),
        (true, false) => (ICMPV6, 129),
    };
    ip_header(from, to, protocol, 8 + payload.len(), out);
    let start = out.len();
    out.extend([kind, 0, 0, 0]);
    out.extend(numbers.0.to_be_bytes());
    out.extend(numbers.1.to_be_bytes());
    out.extend(payload);
    let sum =
        if from.is_ipv6() { transport_checksum(from, to, ICMPV6, &out[start..]) } else { folded(sum(&out[start..])) };
    out[start + 2..start + 4].copy_from_slice(&sum);
}

/// Appends a payload of any protocol in its packet. The checksum of `ICMPv6` is set, as the kernel does (RFC 3542 3.1).
pub(super) fn ip(from: IpAddr, to: IpAddr, protocol: u8, payload: &[u8], out: &mut Vec<u8>) {
    ip_header(from, to, protocol, payload.len(), out);
    let start = out.len();
    out.extend(payload);
    if protocol == ICMPV6 && from.is_ipv6() && payload.len() >= 4 {
        out[start + 2..start + 4].fill(0);
        let sum = transport_checksum(from, to, protocol, &out[start..]);
        out[start + 2..start + 4].copy_from_slice(&sum);
    }
}

/// Appends the header of a packet whose payload has `length` bytes. Both addresses are of one family.
fn ip_header(from: IpAddr, to: IpAddr, protocol: u8, length: usize, out: &mut Vec<u8>) {
    if let (IpAddr::V4(from), IpAddr::V4(to)) = (from, to) {
        let start = out.len();
        out.extend([0x45, 0]);
        out.extend(u16::try_from(20 + length).unwrap_or(u16::MAX).to_be_bytes());
        // Never in fragments, and so of no identification (RFC 6864).
        out.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
        out.extend(from.octets());
        out.extend(to.octets());
        let sum = folded(sum(&out[start..]));
        out[start + 10..start + 12].copy_from_slice(&sum);
    } else {
        out.extend([0x60, 0, 0, 0]);
        out.extend(u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
        out.extend([protocol, 64]);
        out.extend(v6(from).octets());
        out.extend(v6(to).octets());
    }
}

/// The checksum over the pseudo-header and a message in which it is 0, as it stands in the message.
fn transport_checksum(from: IpAddr, to: IpAddr, protocol: u8, message: &[u8]) -> [u8; 2] {
    let addresses = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => sum(&from.octets()) + sum(&to.octets()),
        _ => sum(&v6(from).octets()) + sum(&v6(to).octets()),
    };
    let [a, b, c, d] = u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes();
    folded(addresses + sum(&[a, b, c, d, 0, 0, 0, protocol]) + sum(message))
}

fn v6(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

/// The sum of the 16-bit words, not folded yet. The order of the bytes does not matter to it (RFC 1071 2), so that
/// words of the machine are added, eight at a time.
fn sum(bytes: &[u8]) -> u64 {
    let word = |bytes: &[u8]| u64::from(u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
    let mut lanes = [0_u64; 8];
    let mut chunks = bytes.chunks_exact(32);
    for chunk in &mut chunks {
        for (lane, bytes) in lanes.iter_mut().zip(chunk.chunks_exact(4)) {
            *lane += word(bytes);
        }
    }
    let mut words = chunks.remainder().chunks_exact(4);
    let mut total = lanes.iter().sum::<u64>() + words.by_ref().map(word).sum::<u64>();
    let mut last = [0; 4];
    for (byte, place) in words.remainder().iter().zip(&mut last) {
        *place = *byte;
    }
    total += word(&last);
    total
}

/// The checksum that comes of a sum, in the order in which its bytes stand in the packet.
fn folded(mut sum: u64) -> [u8; 2] {
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    (!u16::try_from(sum).unwrap_or(u16::MAX)).to_ne_bytes()
}
