//! Files that are opened: captures of other programs, and what this one recorded or exported.

#![expect(clippy::unwrap_used, reason = "this is a test")]

use std::net::SocketAddr;

use etherparse::PacketBuilder;
use proptest::prelude::*;
use sockbench::capture::PcapngWriter;
use sockbench::contract::{
    Address, Batch, Block, CloseReason, Event, Fact, NetError, Operation, SocketId, Span, Ticket, Timestamp,
    UnixAddress,
};
use sockbench::log::{LogStore, Roster};

use property::{Opened, check, exported, opened};

#[path = "../../fuzz/src/capture.rs"]
#[expect(unreachable_pub, reason = "a fuzz target asks for it, too")]
mod property;

const CLIENT: &str = "10.0.0.5:51022";
const SERVER: &str = "10.0.0.1:80";

/// The rows in short: `10.0.0.5:51022 sent GET`.
fn rows(file: &[u8]) -> Vec<String> {
    let Opened { store, roster, result, .. } = opened(file, 7);
    assert_eq!(result, Ok(()));
    store
        .rows(1..u64::MAX)
        .map(|row| {
            let text = String::from_utf8_lossy(&store.bytes(&row)).into_owned();
            let what = match store.fact(&row) {
                Some(Fact::Lost { bytes, .. }) => format!("{}", bytes.unwrap()),
                Some(Fact::Closed { reason }) => reason.to_string(),
                Some(Fact::Note { name, message }) if name == "abort" || name == "truncated" => message,
                _ => text,
            };
            format!("{} {} {what}", roster.name(row.socket), row.kind).trim_end().to_owned()
        })
        .collect()
}

/// A segment between the two, as a packet of Ethernet: its flags by their first letters.
fn segment(from: &str, sequence: u32, acknowledged: u32, flags: &str, bytes: &str) -> Vec<u8> {
    let (from, to): (SocketAddr, SocketAddr) =
        (from.parse().unwrap(), if from == CLIENT { SERVER } else { CLIENT }.parse().unwrap());
    let (SocketAddr::V4(from), SocketAddr::V4(to)) = (from, to) else { panic!("IPv4") };
    let mut builder = PacketBuilder::ethernet2([1; 6], [2; 6]).ipv4(from.ip().octets(), to.ip().octets(), 64).tcp(
        from.port(),
        to.port(),
        sequence,
        65_000,
    );
    if flags.contains('a') {
        builder = builder.ack(acknowledged);
    }
    if flags.contains('s') {
        builder = builder.syn();
    }
    if flags.contains('f') {
        builder = builder.fin();
    }
    if flags.contains('r') {
        builder = builder.rst();
    }
    let mut packet = Vec::new();
    builder.write(&mut packet, bytes.as_bytes()).unwrap();
    packet
}

fn datagram(from: ([u8; 4], u16), to: ([u8; 4], u16), bytes: &[u8]) -> Vec<u8> {
    let mut packet = Vec::new();
    PacketBuilder::ipv4(from.0, to.0, 64).udp(from.1, to.1).write(&mut packet, bytes).unwrap();
    packet
}

/// A classic pcap file of nanoseconds, one packet a millisecond.
fn pcap(link: u32, packets: &[Vec<u8>], big_endian: bool) -> Vec<u8> {
    let word = |word: u32| if big_endian { word.to_be_bytes() } else { word.to_le_bytes() };
    let mut file = Vec::new();
    for field in [0xa1b2_3c4d, 0x0004_0002, 0, 0, 65_535, link] {
        file.extend(word(field));
    }
    for (index, packet) in (0u32..).zip(packets) {
        let len = u32::try_from(packet.len()).unwrap();
        for field in [1_700_000_000, index * 1_000_000, len, len] {
            file.extend(word(field));
        }
        file.extend(packet);
    }
    file
}

fn block(kind: u32, body: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(body.len().next_multiple_of(4) + 12).unwrap();
    out.extend(kind.to_be_bytes());
    out.extend(length.to_be_bytes());
    out.extend(body);
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend(length.to_be_bytes());
}

fn option(code: u16, value: &[u8], out: &mut Vec<u8>) {
    out.extend(code.to_be_bytes());
    out.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
    out.extend(value);
    out.resize(out.len().next_multiple_of(4), 0);
}

/// A big-endian pcapng file of raw IP packets, each with its time in nanoseconds, comment and whether it is inbound.
fn pcapng(application: &str, interface: &str, packets: &[(u64, &str, bool, Vec<u8>)]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut body = [0x1a2b_3c4d_u32.to_be_bytes(), [0, 1, 0, 0], [0xff; 4], [0xff; 4]].concat();
    option(4, application.as_bytes(), &mut body);
    block(0x0a0d_0d0a, &body, &mut file);
    let mut body = vec![0, 101, 0, 0, 0, 0, 0, 0];
    option(2, interface.as_bytes(), &mut body);
    option(9, &[9], &mut body);
    block(1, &body, &mut file);
    // A block that nobody knows is passed over.
    block(0x7777, &[1; 100], &mut file);
    for (at, comment, inbound, packet) in packets {
        let len = u32::try_from(packet.len()).unwrap().to_be_bytes();
        let mut body = [[0; 4], [0; 4], [0; 4], len, len].concat();
        body[4..12].copy_from_slice(&at.to_be_bytes());
        body.extend(packet);
        body.resize(body.len().next_multiple_of(4), 0);
        option(2, &if *inbound { 1u32 } else { 2 }.to_be_bytes(), &mut body);
        if !comment.is_empty() {
            option(1, comment.as_bytes(), &mut body);
        }
        block(6, &body, &mut file);
    }
    file
}

/// A connection with a retransmission, a swap, a gap that is acknowledged, and both FINs.
fn conversation() -> Vec<Vec<u8>> {
    vec![
        segment(CLIENT, 99, 0, "s", ""),
        segment(SERVER, 499, 100, "sa", ""),
        segment(CLIENT, 100, 500, "a", "GET"),
        segment(CLIENT, 100, 500, "a", "GET"),
        segment(SERVER, 503, 103, "a", "def"),
        segment(SERVER, 500, 103, "a", "abc"),
        segment(SERVER, 510, 103, "a", "xyz"),
        segment(CLIENT, 103, 513, "a", ""),
        segment(SERVER, 513, 103, "fa", ""),
        segment(CLIENT, 103, 514, "fa", ""),
        segment(SERVER, 514, 104, "a", ""),
    ]
}

#[test]
fn a_connection_is_told_from_the_side_of_its_client() {
    let told = [
        "10.0.0.5:51022 connected",
        "10.0.0.5:51022 sent GET",
        "10.0.0.5:51022 received abc",
        "10.0.0.5:51022 received def",
        "10.0.0.5:51022 lost 4",
        "10.0.0.5:51022 received xyz",
        "10.0.0.5:51022 peer-closed",
        "10.0.0.5:51022 closed user",
    ];
    for big_endian in [false, true] {
        assert_eq!(rows(&pcap(1, &conversation(), big_endian)), told);
    }
}

/// Made by dumpcap of programs that talked to each other, and written in three of the formats.
#[test]
fn captures_of_real_programs_tell_what_they_said() {
    let bare = |file: &[u8]| {
        let rows = rows(file);
        let bare = rows.iter().map(|row| row.split_once(' ').unwrap().1.to_owned());
        bare.filter(|row| !row.starts_with("note")).collect::<Vec<_>>()
    };
    let http = bare(include_bytes!("http.pcap"));
    assert!(http[1].starts_with("sent GET / HTTP/1.1\r\n"), "{http:?}");
    assert!(http[2].starts_with("received HTTP/1.0 200 OK\r\n"), "{http:?}");
    assert_eq!(http[3..7], ["received hello", "peer-closed", "closed user", "connected"]);

    let redis = bare(include_bytes!("redis.pcap"));
    let wanted = ["sent *3\r\n$3\r\nset\r\n$8\r\ngreeting\r\n$5\r\nhello", "received +OK"];
    assert_eq!(redis[1..3], wanted);

    let dns = bare(include_bytes!("dns.pcapng"));
    let kinds: Vec<_> = dns.iter().map(|row| row.split(' ').next().unwrap()).collect();
    assert_eq!(kinds, ["opened", "sent", "received", "sent", "received"]);
    assert!(dns[1].contains("example\u{3}org"));
}

#[test]
fn link_layers_lead_to_the_same_rows() {
    let told = rows(&pcap(1, &conversation(), false));
    let with = |head: &'static [u8]| move |packet: &Vec<u8>| [head, &packet[14..]].concat();
    let tagged = |packet: &Vec<u8>| [&packet[..12], &[0x81, 0, 0, 7], &packet[12..]].concat();
    let sll = with(&[0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0]);
    let sll2 = with(&[8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0]);
    let packets = conversation();
    for (link, packets) in [
        (1, packets.iter().map(tagged).collect::<Vec<_>>()),
        (101, packets.iter().map(with(&[])).collect()),
        (113, packets.iter().map(sll).collect()),
        (276, packets.iter().map(sll2).collect()),
        (0, packets.iter().map(with(&[2, 0, 0, 0])).collect()),
        (108, packets.iter().map(with(&[0, 0, 0, 2])).collect()),
    ] {
        assert_eq!(rows(&pcap(link, &packets, false)), told, "link type {link}");
    }
}

#[test]
fn a_refused_an_aborted_and_an_unfinished_connection_are_told_apart() {
    let syn = segment(CLIENT, 9, 0, "s", "");
    let accepted = segment(SERVER, 0, 10, "sa", "");
    let ends = |packets: &[Vec<u8>]| {
        let rows = rows(&pcap(1, packets, false));
        rows.into_iter().map(|row| row.replace("10.0.0.5:51022 ", "")).collect::<Vec<_>>()
    };
    assert_eq!(ends(&[syn.clone(), segment(SERVER, 0, 10, "ra", "")]), ["failed", "closed error"]);
    assert_eq!(ends(&[syn.clone(), accepted.clone(), segment(SERVER, 1, 10, "ra", "")]), ["connected", "closed reset"]);
    let aborted = [syn.clone(), accepted.clone(), segment(CLIENT, 10, 1, "ra", "")];
    assert_eq!(ends(&aborted), ["connected", "note this end sent RST", "closed user"]);
    assert_eq!(ends(std::slice::from_ref(&syn)), ["note"]);
    assert_eq!(ends(&[syn.clone(), syn.clone(), accepted.clone()]), ["connected"]);
    assert_eq!(ends(&[segment(SERVER, 7, 1, "a", "x")]), ["connected", "note", "received x"]);
    // The same port again is another connection.
    let again = segment(CLIENT, 5_000, 0, "s", "");
    let fin = [segment(CLIENT, 10, 1, "fa", ""), segment(SERVER, 1, 11, "fa", "")];
    let twice = [vec![syn, accepted], fin.to_vec(), vec![again, segment(SERVER, 70, 5_001, "sa", "")]].concat();
    assert_eq!(ends(&twice), ["connected", "note", "peer-closed", "closed user", "connected"]);
}

#[test]
fn datagrams_are_of_a_socket_for_each_client() {
    let (client, dns, other) = (([10, 0, 0, 5], 40_000), ([10, 0, 0, 1], 53), ([10, 0, 0, 9], 53));
    let packets = [
        datagram(client, dns, b"a?"),
        datagram(dns, client, b"a!"),
        datagram(client, other, b""),
        datagram(dns, ([10, 0, 0, 6], 41_000), b"late"),
    ];
    let Opened { store, roster, .. } = opened(&pcap(101, &packets, false), 1000);
    let peers: Vec<_> = store.rows(1..9).map(|row| store.peer(&row).map(|peer| peer.to_string())).collect();
    assert_eq!(
        peers[1..4],
        [Some("10.0.0.1:53".to_owned()), Some("10.0.0.1:53".to_owned()), Some("10.0.0.9:53".to_owned())]
    );
    assert_eq!(roster.roots().count(), 2);
    assert_eq!(
        rows(&pcap(101, &packets, false)),
        [
            "10.0.0.5:40000 opened",
            "10.0.0.5:40000 sent a?",
            "10.0.0.5:40000 received a!",
            "10.0.0.5:40000 sent",
            "10.0.0.6:41000 opened",
            "10.0.0.6:41000 received late",
        ]
    );
}

#[test]
fn a_datagram_that_was_captured_in_part_says_so_both_ways() {
    let (us, them) = (([10, 0, 0, 5], 4_000), ([10, 0, 0, 1], 53));
    let mut packets =
        vec![datagram(us, them, &[b'q'; 50]), datagram(them, us, &[b'r'; 50]), datagram(us, them, b"whole")];
    // Of the first two the headers of IP and UDP and four bytes are there.
    packets[..2].iter_mut().for_each(|packet| packet.truncate(20 + 8 + 4));
    let rows = rows(&pcap(101, &packets, false));
    let told = "10.0.0.5:4000 note the datagram had 50 bytes: the first 4 are in the file";
    let wanted = ["10.0.0.5:4000 sent qqqq", told, "10.0.0.5:4000 received rrrr", told, "10.0.0.5:4000 sent whole"];
    assert_eq!(rows[1..], wanted);
}

#[test]
fn a_recording_of_this_program_gives_its_sockets_back() {
    let [client, server] = [CLIENT, SERVER];
    let raw = |packet: Vec<u8>| packet[14..].to_vec();
    let file = |application: &str| {
        pcapng(
            application,
            "server",
            &[
                (5, "server#2", true, raw(segment(client, 9, 0, "s", ""))),
                (6, "", false, raw(segment(server, 0, 10, "sa", ""))),
                (1_700_000_000_000_000_007, "", true, raw(segment(client, 10, 1, "a", "hi"))),
                (1_700_000_000_000_000_008, "", false, raw(segment(server, 1, 12, "a", "ho"))),
            ],
        )
    };
    assert_eq!(rows(&file("sockbench 0.1.0")), ["server#2 accepted", "server#2 received hi", "server#2 sent ho"]);
    assert_eq!(opened(&file("sockbench 0.1.0"), 99).store.row(2).unwrap().at, Timestamp(1_700_000_000_000_000_007));
    assert_eq!(rows(&file("dumpcap"))[1], "10.0.0.5:51022 sent hi");
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_what_came_before_stays() {
    let told = |file: &[u8]| {
        let Opened { store, remarks, result, .. } = opened(file, 64);
        (store.next() - 1, result.err().or_else(|| remarks.into_iter().next()).unwrap_or_default())
    };
    assert_eq!(told(b"").1, "it is empty: there is nothing to open");
    assert!(told(b"\x7fELF\x02\x01").1.starts_with("at byte 0: it is no pcapng, pcap or JSONL log"));
    assert!(told(b"\x1f\x8b\x08\0").1.contains("gunzip"));
    let whole = pcap(1, &conversation(), false);
    let cut = told(&whole[..whole.len() - 90]);
    assert_eq!(cut.1, "it ends in the middle of a packet, at byte 669; all before that is here");
    assert!(cut.0 >= 6, "{}", cut.0);
    let mut damaged = whole.clone();
    damaged[24 + 70 + 8..][..4].fill(0xff);
    assert!(told(&damaged).1.starts_with("at byte 94: a packet of 4294967295 bytes can't be"), "{}", told(&damaged).1);
    assert_eq!(told(&pcap(147, &conversation(), false)).1, "packets of link type 147 can't be read");
    let note = r#"{"seq":1,"at":"2026-11-21T12:00:00Z","socket":"a","id":1,"kind":"note","name":"n","message":"m"}"#;
    assert_eq!(told(format!("{note}\n{note}").as_bytes()), (2, String::new()));
    assert_eq!(told(format!("{}{note}\n", "\r\n".repeat(100)).as_bytes()), (1, String::new()));
    assert_eq!(told(format!("\u{feff}{note}\n{note}\n").as_bytes()), (2, String::new()));
    let (_, why) = told(b"{   }\n");
    assert!(why.starts_with("line 1: missing field") && !why.contains("before"), "{why}");
    assert!(told(&vec![b'\n'; 1 << 17]).1.starts_with("at byte 0: it is no pcapng"));
    assert!(told(format!("{note}\n{{\"at\":").as_bytes()).1.starts_with("it ends in the middle of line 2"));
    let (rows, why) = told(format!("{note}\n{{}}\n{note}\n").as_bytes());
    assert_eq!(rows, 1);
    assert!(why.starts_with("line 2: missing field"), "{why}");
}

fn id(number: u32) -> SocketId {
    SocketId::new(number).unwrap()
}

fn an_address() -> impl Strategy<Value = Address> {
    prop_oneof![
        any::<(u32, u16)>().prop_map(|(ip, port)| Address::Ip((ip.to_be_bytes(), port).into())),
        any::<(u128, u16)>().prop_map(|(ip, port)| Address::Ip((std::net::Ipv6Addr::from(ip), port).into())),
        any::<u32>().prop_map(|ip| Address::Host(std::net::Ipv4Addr::from(ip).into(), 0)),
        "/[a-z]{1,9}".prop_map(|path| UnixAddress::Pathname(path.into_bytes()).into()),
        "[a-z]{1,9}".prop_map(|name| UnixAddress::Abstract(name.into_bytes()).into()),
    ]
}

/// What can happen to a root, as an event of a block of 64 bytes.
fn a_fact() -> impl Strategy<Value = Fact> {
    let span = (0u32..32, 0u32..32).prop_map(|(start, len)| Span { start, len });
    let error = (proptest::option::of(an_address()), proptest::option::of(1..120i32), "[ -~]{0,20}").prop_map(
        |(address, errno, cause)| {
            let address = address.map(|address| address.to_string());
            match errno {
                Some(errno) => NetError::from_errno(Operation::Connect, address, errno),
                None => NetError::other(Operation::Recv, address, cause),
            }
        },
    );
    prop_oneof![
        (an_address(), proptest::option::of(an_address())).prop_map(|(local, peer)| Fact::Opened { local, peer }),
        (an_address(), an_address()).prop_map(|(local, peer)| Fact::Connected { local, peer }),
        (proptest::option::of(an_address()), span.clone(), any::<bool>())
            .prop_map(|(peer, bytes, truncated)| Fact::Received { peer, bytes, truncated }),
        (proptest::option::of(an_address()), span).prop_map(|(peer, bytes)| Fact::Sent {
            ticket: Ticket(1),
            peer,
            bytes,
            remaining: 0
        }),
        Just(Fact::PeerClosed),
        Just(Fact::Closed { reason: CloseReason::Timeout }),
        error.prop_map(|error| Fact::Failed(Box::new(error))),
        (any::<u32>(), proptest::option::of(any::<u64>()))
            .prop_map(|(count, bytes)| Fact::Lost { count: count.into(), bytes }),
        ("[a-z]{1,9}", ".{0,9}", ".{0,9}").prop_map(|(call, args, result)| Fact::Call {
            call: call.into(),
            args,
            result
        }),
        ("[a-z]{1,9}", ".{0,20}").prop_map(|(name, message)| Fact::Note { name: name.into(), message }),
    ]
}

proptest! {
    /// A log that was exported, opened and exported again has the same lines.
    #[test]
    fn jsonl_comes_back_as_it_was(
        facts in proptest::collection::vec((0usize..3, a_fact()), 1..40),
        bytes in any::<[u8; 32]>(),
        piece in 1usize..500,
    ) {
        let mut roster = Roster::default();
        roster.register(id(1), "server".to_owned(), "tcp-listen://127.0.0.1:7788".parse().unwrap());
        roster.register(id(3), "udp".to_owned(), "udp-bind://127.0.0.1:5000".parse().unwrap());
        let local = Address::Ip(([127, 0, 0, 1], 7788).into());
        let accepted = Fact::Accepted { parent: id(1), number: 1, local: local.clone(), peer: local };
        let mut events = vec![Event { at: Timestamp(1), socket: id(2), fact: accepted }];
        let mut closed = false;
        for (at, (socket, fact)) in (1_700_000_000_000_000_000..).zip(facts) {
            let is_end = matches!(fact, Fact::Closed { .. });
            // A connection is accepted once and closes once, and nothing comes of it then.
            if socket == 1 && (closed || matches!(fact, Fact::Opened { .. } | Fact::Connected { .. })) {
                continue;
            }
            closed |= socket == 1 && is_end;
            events.push(Event { at: Timestamp(at), socket: id(u32::try_from(socket).unwrap() + 1), fact });
        }
        for event in &events {
            roster.observe(event);
        }
        let mut block = Block::with_size(64).unwrap();
        block.bytes_mut()[..32].copy_from_slice(&bytes);
        let mut store = LogStore::new(u64::MAX);
        store.append(Batch::new(events, block, 64)).unwrap();
        let lines = exported(&store, &roster);
        let again = opened(lines.as_bytes(), piece);
        prop_assert_eq!(&again.result, &Ok(()));
        prop_assert_eq!(again.lines(), lines);
    }

    /// Whatever a file holds, reading ends, and in pieces of any size it ends the same.
    #[test]
    fn any_bytes_are_read_or_refused(
        start in 0usize..6,
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        piece in 1_u8..40,
    ) {
        let start: &[u8] = [
            &b""[..], b"{", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\x0a\x0d\x0d\x0a", b"\xd4\xc3\xb2\xa1",
        ][start];
        check(&[&[piece], start, &bytes].concat());
    }

    /// A sound file in which bytes were changed, or from which some are gone.
    #[test]
    fn a_damaged_file_is_read_as_far_as_it_goes(
        ng in any::<bool>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        end in any::<prop::sample::Index>(),
    ) {
        let packets = conversation();
        let mut file = if ng {
            let packets: Vec<_> = packets.into_iter().map(|packet| (7, "server#1", true, packet[14..].to_vec())).collect();
            pcapng("sockbench 1", "server", &packets)
        } else {
            pcap(1, &packets, false)
        };
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        file.truncate(end.index(file.len()) + 1);
        check(&[&[13], &file[..]].concat());
    }
}

/// What this program records, it opens: the same sockets with the same messages.
#[test]
fn what_is_recorded_comes_back() {
    let address = |port: u16| Address::Ip(([127, 0, 0, 1], port).into());
    let mut roster = Roster::default();
    roster.register(id(1), "server".to_owned(), "tcp-listen://127.0.0.1:7788".parse().unwrap());
    roster.register(id(3), "client".to_owned(), "tcp://127.0.0.1:9".parse().unwrap());
    roster.register(id(4), "udp".to_owned(), "udp-bind://127.0.0.1:5000".parse().unwrap());
    let received = |peer, start| Fact::Received { peer, bytes: Span { start, len: 2 }, truncated: false };
    let sent = |peer, start| Fact::Sent { ticket: Ticket(1), peer, bytes: Span { start, len: 2 }, remaining: 0 };
    let events: Vec<_> = [
        (1, Fact::Opened { local: address(7788), peer: None }),
        (2, Fact::Accepted { parent: id(1), number: 1, local: address(7788), peer: address(50_001) }),
        (2, received(None, 0)),
        (3, Fact::Connected { local: address(40_001), peer: address(9) }),
        (3, sent(None, 2)),
        (2, sent(None, 4)),
        (4, Fact::Opened { local: address(5000), peer: None }),
        (4, received(Some(address(60_000)), 6)),
        (4, sent(Some(address(60_000)), 8)),
        (3, received(None, 10)),
        (3, Fact::PeerClosed),
        (3, Fact::Closed { reason: CloseReason::User }),
        (2, Fact::Closed { reason: CloseReason::Reset }),
    ]
    .into_iter()
    .zip(1_700_000_000_000_000_001..)
    .map(|((socket, fact), at)| Event { at: Timestamp(at), socket: id(socket), fact })
    .collect();
    for event in &events {
        roster.observe(event);
    }
    let mut block = Block::with_size(64).unwrap();
    block.bytes_mut()[..12].copy_from_slice(b"aabbccddeeff");
    let mut store = LogStore::new(u64::MAX);
    store.append(Batch::new(events, block, 64)).unwrap();
    let (mut writer, mut file) = (PcapngWriter::new(), Vec::new());
    writer.begin(&mut file);
    assert!(store.rows(1..u64::MAX).all(|row| writer.row(&row, &store, &roster, &mut file)));
    assert_eq!(
        rows(&file),
        [
            "server#1 accepted",
            "server#1 received aa",
            "client connected",
            "client sent bb",
            "server#1 sent cc",
            "udp opened",
            "udp received dd",
            "udp sent ee",
            "client received ff",
            "client peer-closed",
            "client closed user",
            "server#1 closed reset",
        ]
    );
    assert_eq!(opened(&file, 1000).store.row(2).unwrap().at, Timestamp(1_700_000_000_000_000_003));
}
