//! Rows in, packets out: read back by parsers that are not ours.

use std::collections::HashMap;
use std::net::IpAddr;
use std::process::Command;

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{Block as PcapBlock, PcapBlockOwned, PcapError, PcapNGReader};
use proptest::prelude::*;

use super::*;
use crate::contract::{Batch, Block, Event, Span, Ticket, Timestamp, UnixAddress};

/// A packet of a file, with the options of its block.
struct Packet {
    link_type: u16,
    interface: String,
    at: u64,
    data: Vec<u8>,
    original: u32,
    is_outbound: bool,
    comment: String,
    dropped: u64,
}

/// A log that is written as it grows.
struct Session {
    roster: Roster,
    store: LogStore,
    at: u64,
    writer: PcapngWriter,
    file: Vec<u8>,
}

fn id(number: u32) -> SocketId {
    SocketId::new(number).unwrap()
}

fn ip(text: &str) -> Address {
    Address::Ip(text.parse().unwrap())
}

impl Session {
    fn new(roots: &[&str]) -> Self {
        let mut roster = Roster::default();
        for (number, url) in (1..).zip(roots) {
            roster.register(id(number), format!("root-{number}"), url.parse().unwrap());
        }
        let (mut writer, mut file) = (PcapngWriter::new(), Vec::new());
        writer.begin(&mut file);
        Self { roster, store: LogStore::new(u64::MAX), at: 1_700_000_000_000_000_000, writer, file }
    }

    fn event(&mut self, socket: u32, fact: Fact, bytes: &[u8]) {
        self.at += 1_000;
        let event = Event { at: Timestamp(self.at), socket: id(socket), fact };
        self.roster.observe(&event);
        let mut block = Block::with_size(bytes.len().max(1)).unwrap();
        block.bytes_mut()[..bytes.len()].copy_from_slice(bytes);
        self.store.append(Batch::new(vec![event], block, bytes.len())).unwrap();
        let row = self.store.row(self.store.next() - 1).unwrap();
        assert!(self.writer.row(&row, &self.store, &self.roster, &mut self.file));
        assert_eq!(whole(&self.file), self.file.len(), "whole blocks only");
    }

    fn fact(&mut self, socket: u32, fact: Fact) {
        self.event(socket, fact, &[]);
    }

    fn received(&mut self, socket: u32, peer: Option<&str>, bytes: &[u8]) {
        let span = Span { start: 0, len: u32::try_from(bytes.len()).unwrap() };
        self.event(socket, Fact::Received { peer: peer.map(ip), bytes: span, truncated: false }, bytes);
    }

    fn sent(&mut self, socket: u32, peer: Option<&str>, bytes: &[u8]) {
        let span = Span { start: 0, len: u32::try_from(bytes.len()).unwrap() };
        let fact = Fact::Sent { ticket: Ticket(1), peer: peer.map(ip), bytes: span, remaining: 0 };
        self.event(socket, fact, bytes);
    }

    fn call(&mut self, socket: u32, call: &'static str, args: &str, result: &str) {
        self.fact(socket, Fact::Call { call: call.into(), args: args.to_owned(), result: result.to_owned() });
    }

    fn closed(&mut self, socket: u32, reason: CloseReason) {
        self.fact(socket, Fact::Closed { reason });
    }

    /// A listener, socket 1, and its connection, socket 3, from this peer.
    fn accepted(peer: &str) -> Self {
        let mut session = Self::new(&["tcp-listen://127.0.0.1:7788", "tcp://127.0.0.1:7788"]);
        session.accept(peer);
        session
    }

    fn accept(&mut self, peer: &str) {
        let local = ip(if peer.starts_with('[') { "[::1]:7788" } else { "127.0.0.1:7788" });
        self.fact(3, Fact::Accepted { parent: id(1), number: 1, local, peer: ip(peer) });
    }

    fn packets(&self) -> Vec<Packet> {
        read(&self.file)
    }
}

fn whole(file: &[u8]) -> usize {
    crate::capture::whole_blocks(file)
}

fn text(value: &[u8]) -> String {
    String::from_utf8(value.to_vec()).unwrap()
}

fn read(file: &[u8]) -> Vec<Packet> {
    let mut reader = PcapNGReader::new(1 << 20, file).unwrap();
    let mut interfaces = Vec::new();
    let mut packets = Vec::new();
    loop {
        match reader.next() {
            Ok((offset, PcapBlockOwned::NG(block))) => {
                match block {
                    PcapBlock::InterfaceDescription(interface) => {
                        let name = interface.options.iter().find(|option| option.code.0 == 2).unwrap();
                        assert_eq!(interface.if_tsresol, 9);
                        interfaces.push((
                            u16::try_from(interface.linktype.0).unwrap(),
                            text(&name.value()[..usize::from(name.len)]),
                        ));
                    }
                    PcapBlock::EnhancedPacket(packet) => {
                        let option = |code| packet.options.iter().find(|option| option.code.0 == code);
                        let (link_type, interface) = interfaces[packet.if_id as usize].clone();
                        packets.push(Packet {
                            link_type,
                            interface,
                            at: u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low),
                            data: packet.packet_data().to_vec(),
                            original: packet.origlen,
                            is_outbound: option(2).unwrap().value()[0] == 2,
                            comment: option(1)
                                .map_or_else(String::new, |option| text(&option.value()[..usize::from(option.len)])),
                            dropped: option(4)
                                .map_or(0, |option| u64::from_ne_bytes(option.value().try_into().unwrap())),
                        });
                    }
                    _ => {}
                }
                reader.consume(offset);
            }
            Ok((offset, _)) => reader.consume(offset),
            Err(PcapError::Eof) => return packets,
            Err(PcapError::Incomplete(_)) => reader.refill().unwrap(),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Checks a packet's checksums, and gives its ends and what it carries.
fn parsed(packet: &Packet) -> (SocketAddr, SocketAddr, Carried) {
    assert_eq!(packet.link_type, RAW_IP);
    let slice = SlicedPacket::from_ip(&packet.data).unwrap();
    let (from, to) = match slice.net.as_ref().unwrap() {
        NetSlice::Ipv4(v4) => {
            let header = v4.header();
            assert_eq!(header.header_checksum(), header.to_header().calc_header_checksum());
            (IpAddr::from(header.source_addr()), IpAddr::from(header.destination_addr()))
        }
        NetSlice::Ipv6(v6) => (v6.header().source_addr().into(), v6.header().destination_addr().into()),
        NetSlice::Arp(_) => panic!("no ARP is written"),
    };
    match slice.transport.unwrap() {
        TransportSlice::Tcp(tcp) => {
            let header = tcp.to_header();
            let sum = match (from, to) {
                (IpAddr::V4(from), IpAddr::V4(to)) => {
                    header.calc_checksum_ipv4_raw(from.octets(), to.octets(), tcp.payload())
                }
                (IpAddr::V6(from), IpAddr::V6(to)) => {
                    header.calc_checksum_ipv6_raw(from.octets(), to.octets(), tcp.payload())
                }
                _ => panic!("both are of one family"),
            };
            assert_eq!(header.checksum, sum.unwrap());
            let ends = (SocketAddr::new(from, header.source_port), SocketAddr::new(to, header.destination_port));
            let payload = tcp.payload().to_vec();
            (ends.0, ends.1, Carried::Tcp(header, payload))
        }
        TransportSlice::Igmp(_) => panic!("no IGMP is written"),
        TransportSlice::Udp(udp) => {
            let header = udp.to_header();
            let sum = match (from, to) {
                (IpAddr::V4(from), IpAddr::V4(to)) => {
                    header.calc_checksum_ipv4_raw(from.octets(), to.octets(), udp.payload())
                }
                (IpAddr::V6(from), IpAddr::V6(to)) => {
                    header.calc_checksum_ipv6_raw(from.octets(), to.octets(), udp.payload())
                }
                _ => panic!("both are of one family"),
            };
            assert_eq!(header.checksum, sum.unwrap());
            let ends = (SocketAddr::new(from, header.source_port), SocketAddr::new(to, header.destination_port));
            (ends.0, ends.1, Carried::Udp(udp.payload().to_vec()))
        }
        TransportSlice::Icmpv4(icmp) => {
            assert!(icmp.header().icmp_type.calc_checksum(icmp.payload()) == icmp.checksum());
            (SocketAddr::new(from, 0), SocketAddr::new(to, 0), Carried::Icmp(icmp.slice().to_vec()))
        }
        TransportSlice::Icmpv6(icmp) => {
            let (IpAddr::V6(source), IpAddr::V6(destination)) = (from, to) else { panic!("ICMPv6 is over IPv6") };
            assert!(icmp.is_checksum_valid(source.octets(), destination.octets()));
            (SocketAddr::new(from, 0), SocketAddr::new(to, 0), Carried::Icmp(icmp.slice().to_vec()))
        }
    }
}

enum Carried {
    Tcp(etherparse::TcpHeader, Vec<u8>),
    Udp(Vec<u8>),
    Icmp(Vec<u8>),
}

/// What each end of each TCP connection sent, by its own address. Every sequence and acknowledgement number must go on
/// where the packets before left it, from the SYN on.
fn streams(packets: &[Packet]) -> HashMap<SocketAddr, Vec<u8>> {
    let mut streams: HashMap<SocketAddr, Vec<u8>> = HashMap::new();
    let mut next: HashMap<SocketAddr, u32> = HashMap::new();
    for packet in packets {
        let (from, to, Carried::Tcp(header, payload)) = parsed(packet) else { continue };
        if header.syn {
            next.insert(from, header.sequence_number);
        }
        let sequence = next.get_mut(&from).expect("a SYN before all else");
        assert_eq!(header.sequence_number, *sequence);
        *sequence = sequence
            .wrapping_add(u32::try_from(payload.len()).unwrap() + u32::from(header.syn) + u32::from(header.fin));
        if header.ack {
            assert_eq!(header.acknowledgment_number, next[&to]);
        }
        streams.entry(from).or_default().extend(payload);
    }
    streams
}

/// The flags of the TCP packets, as `S`, `SA`, `A`, `P`, `F` and `R`.
fn flags(packets: &[Packet]) -> Vec<String> {
    let of = |packet| {
        let (_, _, Carried::Tcp(header, payload)) = parsed(packet) else { return String::new() };
        let marks = [('S', header.syn), ('F', header.fin), ('R', header.rst), ('A', header.ack)];
        let set = marks.into_iter().filter(|(_, is_set)| *is_set).map(|(mark, _)| mark);
        set.chain((!payload.is_empty()).then_some('d')).collect()
    };
    packets.iter().map(of).collect()
}

#[test]
fn a_connection_begins_and_ends_as_it_was_told() {
    let mut session = Session::accepted("127.0.0.1:50000");
    session.received(3, None, b"hello");
    session.sent(3, None, b"you");
    session.fact(3, Fact::PeerClosed);
    session.closed(3, CloseReason::Peer);
    let packets = session.packets();
    assert_eq!(flags(&packets), ["S", "SA", "A", "Ad", "Ad", "FA", "A", "FA", "A"]);
    let inbound: Vec<_> = packets.iter().map(|packet| !packet.is_outbound).collect();
    assert_eq!(inbound, [true, false, true, true, false, true, false, false, true]);
    assert_eq!((packets[0].comment.as_str(), packets[0].interface.as_str()), ("root-1#1", "root-1"));
    assert_eq!(packets[3].at, 1_700_000_000_000_002_000);

    let mut session = Session::accepted("127.0.0.1:50000");
    session.closed(3, CloseReason::Reset);
    assert_eq!(flags(&session.packets())[3..], ["RA"]);
    let mut session = Session::accepted("127.0.0.1:50000");
    session.call(3, "setsockopt", "SOL_SOCKET, SO_LINGER, {1, 0}", "0");
    session.closed(3, CloseReason::User);
    let packets = session.packets();
    assert_eq!((flags(&packets)[3].as_str(), packets[3].is_outbound), ("RA", true));
    let mut session = Session::accepted("127.0.0.1:50000");
    session.call(3, "shutdown", "SHUT_WR", "0");
    session.received(3, None, b"late");
    session.closed(3, CloseReason::User);
    assert_eq!(flags(&session.packets())[3..], ["FA", "A", "Ad"]);
}

#[test]
fn a_refused_connection_is_a_syn_and_its_answer() {
    let mut session = Session::new(&["tcp://127.0.0.1:9"]);
    session.call(1, "connect", "127.0.0.1:9", "-1 ECONNREFUSED (111)");
    session.call(1, "connect", "[::1]:9", "-1 ECONNREFUSED (111)");
    let packets = session.packets();
    assert_eq!(flags(&packets), ["S", "RA", "S", "RA"]);
    assert_eq!(parsed(&packets[3]).0, "[::1]:9".parse().unwrap());
}

#[test]
fn bytes_that_no_row_holds_leave_room_in_the_stream() {
    let mut session = Session::accepted("127.0.0.1:50000");
    session.call(3, "sendfile", "/tmp/x, 0, 100000", "100000 in 2 calls");
    session.sent(3, None, b"after");
    let packets = session.packets();
    let absent: u32 = packets[3..5].iter().map(|packet| packet.original - 40).sum();
    assert_eq!((packets.len(), absent, packets[3].data.len()), (6, 100_000, 40));
    let number = |packet: &Packet| match parsed(packet) {
        (_, _, Carried::Tcp(header, _)) => header.sequence_number,
        _ => 0,
    };
    assert_eq!(number(&packets[5]).wrapping_sub(number(&packets[1])), 100_001);
}

#[test]
fn datagrams_are_told_once_with_what_was_lost_before_them() {
    let mut session = Session::new(&["udp-bind://0.0.0.0:5000", "udp://127.0.0.1:5000", "udp-bind://[::]:6000"]);
    session.fact(1, Fact::Opened { local: ip("0.0.0.0:5000"), peer: None });
    session.fact(2, Fact::Opened { local: ip("127.0.0.1:40000"), peer: Some(ip("127.0.0.1:5000")) });
    session.fact(3, Fact::Opened { local: ip("[::]:6000"), peer: None });
    session.sent(2, Some("127.0.0.1:5000"), b"ping");
    session.received(1, Some("127.0.0.1:40000"), b"ping");
    session.fact(1, Fact::Lost { count: 7, bytes: None });
    session.received(1, Some("127.0.0.1:41000"), b"");
    session.received(3, Some("[::ffff:127.0.0.1]:41000"), b"mapped");
    session.sent(3, Some("[::1]:41000"), b"six");
    let packets = session.packets();
    let told: Vec<_> = packets.iter().map(parsed).collect();
    let bytes = |index: usize| match &told[index].2 {
        Carried::Udp(bytes) => text(bytes),
        _ => String::new(),
    };
    assert_eq!(told.len(), 4);
    let ends = |index: usize| (told[index].0.to_string(), told[index].1.to_string());
    assert_eq!((ends(0), bytes(0)), (("127.0.0.1:40000".into(), "127.0.0.1:5000".into()), "ping".into()));
    assert_eq!((ends(1), bytes(1)), (("127.0.0.1:41000".into(), "127.0.0.1:5000".into()), String::new()));
    assert_eq!((packets[1].dropped, packets[1].comment.as_str()), (7, "7 datagrams were lost before this one"));
    assert_eq!((ends(2), bytes(2)), (("127.0.0.1:41000".into(), "127.0.0.1:6000".into()), "mapped".into()));
    assert_eq!((ends(3), bytes(3)), (("[::1]:6000".into(), "[::1]:41000".into()), "six".into()));
}

#[test]
fn pings_and_messages_without_packets_have_their_forms() {
    let mut session = Session::new(&["icmp://127.0.0.1", "icmp://[::1]", "pair://?type=seqpacket"]);
    for (socket, host) in [(1, "127.0.0.1"), (2, "::1")] {
        let host = Address::Host(host.parse().unwrap(), 0);
        session.fact(socket, Fact::Opened { local: host.clone(), peer: Some(host) });
        session.sent(socket, None, b"odd");
        session.received(socket, None, b"odd");
    }
    session.fact(4, Fact::Paired { parent: id(3), number: 1 });
    session.sent(4, None, b"over the pair");
    let packets = session.packets();
    let kinds: Vec<_> = packets[..4]
        .iter()
        .map(|packet| match parsed(packet).2 {
            Carried::Icmp(message) => (message[0], message[8..].to_vec()),
            _ => (0, Vec::new()),
        })
        .collect();
    assert_eq!(kinds.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [8, 0, 128, 129]);
    assert!(kinds.iter().all(|(_, data)| data == b"odd"));
    assert_eq!((packets[4].link_type, packets[4].comment.as_str()), (UPPER_PDU, "root-3#1"));
    assert!(packets[4].data.ends_with(b"over the pair"));
    assert_eq!(Address::from(UnixAddress::Unnamed), session.roster.get(id(4)).unwrap().local[0]);
}

#[test]
fn another_file_goes_on_with_interfaces_and_streams() {
    let mut session = Session::accepted("127.0.0.1:50000");
    session.received(3, None, b"one");
    let first = std::mem::take(&mut session.file);
    session.writer.begin(&mut session.file);
    session.received(3, None, b"two");
    let packets = session.packets();
    // A file can be read alone: it says again of which connection the packets are.
    assert_eq!((packets.len(), packets[0].comment.as_str()), (1, "root-1#1"));
    let mut both = read(&first);
    both.extend(session.packets());
    assert_eq!(streams(&both)[&"127.0.0.1:50000".parse().unwrap()], b"onetwo");
}

#[test]
fn tshark_finds_nothing_to_warn_of() {
    let Ok(version) = Command::new("tshark").arg("--version").output() else {
        eprintln!("not tested: tshark is not installed");
        return;
    };
    assert!(version.status.success());
    let mut session = Session::new(&["tcp-listen://localhost:7788", "tcp://localhost:7788", "pair://?type=stream"]);
    session.fact(2, Fact::Connected { local: ip("127.0.0.1:50000"), peer: ip("127.0.0.1:7788") });
    session.sent(2, None, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    session.accept("127.0.0.1:50000");
    session.received(3, None, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let body = vec![b'x'; 3_000_000];
    session.sent(3, None, b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n");
    for piece in body.chunks(1_000_000) {
        session.sent(3, None, piece);
        session.received(2, None, piece);
    }
    session.closed(3, CloseReason::User);
    session.fact(2, Fact::PeerClosed);
    session.closed(2, CloseReason::Peer);
    session.fact(5, Fact::Paired { parent: id(4), number: 1 });
    session.sent(5, None, b"over the pair");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &session.file).unwrap();
    let checks = ["tcp", "udp", "ip"].map(|name| format!("-o{name}.check_checksum:TRUE"));
    let tshark = |arguments: &[&str]| {
        let output = Command::new("tshark").arg("-r").arg(file.path()).args(&checks).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let expert = tshark(&["-q", "-z", "expert,warn"]);
    assert!(!expert.contains("Errors (") && !expert.contains("Warns ("), "{expert}");
    let responses = tshark(&["-Y", "http.response", "-T", "fields", "-e", "http.content_length"]);
    assert_eq!(responses.trim(), "3000000");
    let again = "tcp.analysis.retransmission or tcp.analysis.duplicate_ack or tcp.analysis.lost_segment";
    assert_eq!(tshark(&["-Y", again]), "");
}

/// A piece of what two ends of one connection say and hear.
#[derive(Clone, Debug)]
enum Step {
    Send(bool, Vec<u8>),
    /// So many bytes of what the other has sent.
    Receive(bool, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = prop_oneof![
        9 => proptest::collection::vec(any::<u8>(), 0..40),
        1 => (60_000..140_000_usize).prop_map(|len| (0..=250).cycle().take(len).collect()),
    ];
    prop_oneof![
        (any::<bool>(), bytes).prop_map(|(end, bytes)| Step::Send(end, bytes)),
        (any::<bool>(), 1..100_000_usize).prop_map(|(end, most)| Step::Receive(end, most)),
    ]
}

#[test]
fn tshark_reads_messages_of_every_length_that_there_are() {
    if Command::new("tshark").arg("--version").output().is_err() {
        eprintln!("not tested: tshark is not installed");
        return;
    }
    let mut session = Session::new(&["pair://", "unix://@x", "udp://[::1]:9", "icmp://::1", "tcp://[::1]:9"]);
    session.fact(3, Fact::Opened { local: ip("[::1]:40000"), peer: Some(ip("[::1]:9")) });
    session.fact(5, Fact::Connected { local: ip("[::1]:40001"), peer: ip("[::1]:9") });
    let mut total = 0;
    for len in [0, 1, 65_507, 65_527, 262_000, 262_144, 262_145, crate::contract::BLOCK_SIZE] {
        let bytes: Vec<u8> = (0..=250).cycle().take(len).collect();
        for socket in [1, 2] {
            session.sent(socket, None, &bytes);
            session.received(socket, None, &bytes);
        }
        total += 4 * len;
        if len <= 65_527 {
            session.sent(3, Some("[::1]:9"), &bytes);
            session.received(3, Some("[::1]:9"), &bytes);
        }
        session.sent(5, None, &bytes);
        session.received(5, None, &bytes);
    }
    session.call(5, "shutdown", "SHUT_WR", "0");
    session.sent(4, Some("[::1]:0"), b"echo");
    session.received(4, Some("[::1]:0"), b"echo");
    session.received(5, None, b"still");
    session.closed(5, CloseReason::Reset);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, &session.file).unwrap();
    let tshark = |arguments: &[&str]| {
        let output = Command::new("tshark").arg("-r").arg(file.path()).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        String::from_utf8(output.stdout).unwrap()
    };
    let expert = tshark(&["-q", "-z", "expert,warn"]);
    // That there is a reset is worth a warning, and nothing else is.
    let told: Vec<_> = expert.lines().filter(|line| line.starts_with("    ") && !line.contains("Frequency")).collect();
    assert!(told.len() == 1 && told[0].contains("Connection reset (RST)"), "{expert}");
    let lengths = tshark(&["-Y", "exported_pdu", "-T", "fields", "-e", "data.len"]);
    let read: usize = lengths.lines().filter_map(|len| len.parse::<usize>().ok()).sum();
    assert_eq!(read, total);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Both ends are sockets of the bench: 2 is the client, 3 the accepted one.
    #[test]
    fn two_ends_of_a_connection_make_one_conversation(
        steps in proptest::collection::vec(step(), 0..30), client_first: bool, late_end in 0..30_usize, v6: bool,
    ) {
        let (client, server) = if v6 { ("[::1]:50000", "[::1]:7788") } else { ("127.0.0.1:50000", "127.0.0.1:7788") };
        let mut session = Session::new(&["tcp-listen://localhost:7788", "tcp://localhost:7788"]);
        let connect = |session: &mut Session| {
            session.fact(2, Fact::Connected { local: ip(client), peer: ip(server) });
        };
        if client_first { connect(&mut session) } else { session.accept(client) }
        let other = |session: &mut Session| if client_first { session.accept(client) } else { connect(session) };
        let (mut said, mut heard): ([Vec<u8>; 2], [usize; 2]) = Default::default();
        for (before, step) in steps.into_iter().enumerate() {
            if before == late_end {
                other(&mut session);
            }
            let there = before + 1;
            let exists = |server: bool| there > late_end || server != client_first;
            match step {
                Step::Send(server, bytes) if exists(server) => {
                    session.sent(if server { 3 } else { 2 }, None, &bytes);
                    said[usize::from(server)].extend(bytes);
                }
                Step::Receive(server, most) if exists(server) => {
                    let stream = usize::from(!server);
                    let to = said[stream].len().min(heard[stream] + most);
                    let bytes = said[stream][heard[stream]..to].to_vec();
                    if !bytes.is_empty() {
                        session.received(if server { 3 } else { 2 }, None, &bytes);
                    }
                    heard[stream] = to;
                }
                _ => {}
            }
        }
        let streams = streams(&session.packets());
        let of = |address: &str| streams.get(&address.parse().unwrap()).cloned().unwrap_or_default();
        prop_assert!(of(client) == said[0] && of(server) == said[1]);
    }

    #[test]
    fn any_stream_reads_back_over_any_family(
        pieces in proptest::collection::vec((any::<bool>(), 0..200_000_usize), 0..8), v6: bool,
    ) {
        let peer = if v6 { "[::1]:50000" } else { "127.0.0.1:50000" };
        let mut session = Session::accepted(peer);
        let mut wanted: [Vec<u8>; 2] = Default::default();
        for (is_sent, len) in pieces {
            let bytes: Vec<u8> = (0..=250).cycle().skip(len % 7).take(len).collect();
            if is_sent { session.sent(3, None, &bytes) } else { session.received(3, None, &bytes) }
            wanted[usize::from(is_sent)].extend(bytes);
        }
        let streams = streams(&session.packets());
        prop_assert!(streams.get(&peer.parse().unwrap()).is_none_or(|bytes| *bytes == wanted[0]));
        prop_assert_eq!(streams.values().map(Vec::len).sum::<usize>(), wanted[0].len() + wanted[1].len());
    }

    #[test]
    fn half_a_block_is_never_taken_for_a_whole_one(cut in 0..1000_usize) {
        let mut session = Session::accepted("127.0.0.1:50000");
        session.received(3, None, b"hello");
        let cut = cut % (session.file.len() + 1);
        let whole = whole(&session.file[..cut]);
        prop_assert!(whole <= cut);
        prop_assert!(whole == 0 || read(&session.file[..whole]).len() <= 4);
    }
}
