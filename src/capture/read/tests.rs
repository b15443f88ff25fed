//! Captures of other programs, packet by packet.

use etherparse::PacketBuilder;

use super::*;
use crate::contract::{CloseReason, Fact};

const US: [u8; 4] = [10, 0, 0, 1];
const THEM: [u8; 4] = [10, 0, 0, 2];

/// A pcap file of Ethernet packets, of which so many bytes each were captured, a millisecond after each other.
fn pcap(packets: &[(Vec<u8>, usize)]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 262_144, 1] {
        file.extend(word.to_le_bytes());
    }
    for (at, (packet, captured)) in (0..).zip(packets) {
        let captured = packet.len().min(*captured);
        for word in [1_700_000_000, at * 1_000, u32::try_from(captured).unwrap(), u32::try_from(packet.len()).unwrap()]
        {
            file.extend(word.to_le_bytes());
        }
        file.extend(&packet[..captured]);
    }
    file
}

/// What is told of such a file.
fn told(packets: &[(Vec<u8>, usize)]) -> Vec<Fact> {
    let mut reader = Reader::new(SocketIds::new());
    reader.read(&pcap(packets)).unwrap();
    reader.finish().unwrap();
    std::iter::from_fn(|| reader.take()).flat_map(|portion| portion.batch.events).map(|event| event.fact).collect()
}

fn note(name: &'static str, message: &str) -> Fact {
    Fact::Note { name: name.into(), message: message.to_owned() }
}

#[test]
fn a_reset_of_this_end_is_told() {
    let packet = |out: bool, flags: &str, sequence: u32, acknowledged: u32| {
        let (from, to) = if out { (US, THEM) } else { (THEM, US) };
        let (source, destination) = if out { (40_000, 80) } else { (80, 40_000) };
        let mut tcp = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(from, to, 64).tcp(source, destination, sequence, 9);
        for flag in flags.chars() {
            tcp = match flag {
                'S' => tcp.syn(),
                'A' => tcp.ack(acknowledged),
                _ => tcp.rst(),
            };
        }
        let mut bytes = Vec::new();
        tcp.write(&mut bytes, &[]).unwrap();
        (bytes, usize::MAX)
    };
    let begin = [packet(true, "S", 0, 0), packet(false, "SA", 0, 1), packet(true, "A", 1, 1)];
    let facts = told(&[&begin[..], &[packet(true, "RA", 1, 1)]].concat());
    let end = [note("abort", "this end sent RST"), Fact::Closed { reason: CloseReason::User }];
    assert_eq!(facts[facts.len() - 2..], end, "{facts:?}");
    let facts = told(&[&begin[..], &[packet(false, "RA", 1, 1)]].concat());
    assert_eq!(facts[facts.len() - 1..], [Fact::Closed { reason: CloseReason::Reset }], "{facts:?}");
    assert!(!facts.iter().any(|fact| matches!(fact, Fact::Note { .. })), "{facts:?}");
}

#[test]
fn a_datagram_that_was_captured_in_part_says_so_both_ways() {
    let packet = |out: bool, captured| {
        let (from, to) = if out { (US, THEM) } else { (THEM, US) };
        let (source, destination) = if out { (40_000, 53) } else { (53, 40_000) };
        let mut bytes = Vec::new();
        let udp = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(from, to, 64).udp(source, destination);
        udp.write(&mut bytes, &[b'q'; 500]).unwrap();
        (bytes, captured)
    };
    let facts = told(&[packet(true, 80), packet(false, 80), packet(true, 2_000)]);
    let cut = note("truncated", "the datagram had 500 bytes: the first 38 are in the file");
    let len = |fact: &Fact| match fact {
        Fact::Received { bytes, .. } | Fact::Sent { bytes, .. } => Some(bytes.len),
        _ => None,
    };
    let at: Vec<_> = facts.iter().map(|fact| (*fact == cut, len(fact))).collect();
    let wanted = [(false, Some(38)), (true, None), (false, Some(38)), (true, None), (false, Some(500))];
    assert_eq!(at[at.len() - 5..], wanted, "{facts:?}");
}
