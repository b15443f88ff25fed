//! Lives as the engine reports them, and what the timeline, the log and the lessons say of them.

use super::*;
use crate::contract::{Batch, Block, CloseReason, Event, Span, Ticket, Timestamp};

/// A log of a client (1), a listener (2) with a connection (3), and a pair (4) with an end (5).
struct Log {
    store: LogStore,
    roster: Roster,
}

impl Log {
    fn of(facts: Vec<(u32, Fact)>) -> Self {
        let sockets =
            [(1, "client", "tcp://127.0.0.1:9"), (2, "server", "tcp-listen://127.0.0.1:7"), (4, "pair", "pair://")];
        Self::with(&sockets, facts)
    }

    fn with(sockets: &[(u32, &str, &str)], facts: Vec<(u32, Fact)>) -> Self {
        let mut roster = Roster::default();
        for &(number, name, url) in sockets {
            roster.register(id(number), name.to_owned(), url.parse().unwrap());
        }
        let mut store = LogStore::new(u64::MAX);
        for (socket, fact) in facts {
            let event = Event { at: Timestamp(1), socket: id(socket), fact };
            roster.observe(&event);
            let mut block = Block::with_size(5).unwrap();
            block.bytes_mut().copy_from_slice(b"hell\n");
            store.append(Batch::new(vec![event], block, 5)).unwrap();
        }
        Self { store, roster }
    }

    /// The socket's timeline, a line a row: `~ close() = 0`, or a remark.
    fn timeline(&self, socket: u32) -> Vec<String> {
        let rows = self.store.rows(0..u64::MAX);
        rows.filter(|row| belongs(row, id(socket), &self.store, &self.roster))
            .map(|row| line(&step(&row, &self.store, &self.roster).unwrap()))
            .collect()
    }
}

fn line(step: &Step) -> String {
    let mark = if step.inferred { "~ " } else { "" };
    if step.name.is_empty() { step.meaning.clone() } else { format!("{mark}{} = {}", step.call(), step.result) }
}

fn id(number: u32) -> SocketId {
    SocketId::new(number).unwrap()
}

fn address(port: u16) -> Address {
    Address::Ip(([127, 0, 0, 1], port).into())
}

fn call(name: &'static str, args: &str, result: &str) -> Fact {
    Fact::Call { call: name.into(), args: args.to_owned(), result: result.to_owned() }
}

fn failed(operation: Operation, address: Option<&str>, errno: i32) -> Fact {
    Fact::Failed(Box::new(NetError::from_errno(operation, address.map(str::to_owned), errno)))
}

fn sent(peer: Option<Address>) -> Fact {
    Fact::Sent { ticket: Ticket(1), peer, bytes: Span { start: 0, len: 5 }, remaining: 0 }
}

fn received(peer: Option<Address>, len: u32) -> Fact {
    Fact::Received { peer, bytes: Span { start: 0, len }, truncated: false }
}

#[test]
fn a_clients_life_reads_as_its_calls() {
    let note = |name: &'static str| Fact::Note { name: name.into(), message: "...".to_owned() };
    let log = Log::of(vec![
        (1, call("socket", "AF_INET, SOCK_STREAM, 0", "9")),
        (1, call("connect", "127.0.0.1:9", "0")),
        (1, Fact::Connected { local: address(51022), peer: address(9) }),
        (1, sent(None)),
        (1, received(None, 5)),
        (1, call("shutdown", "SHUT_WR", "0")),
        (1, note("half-close")),
        (1, Fact::PeerClosed),
        (1, note("later")),
        (1, Fact::Closed { reason: CloseReason::Peer }),
    ]);
    assert_eq!(
        log.timeline(1),
        [
            "socket(AF_INET, SOCK_STREAM, 0) = 9",
            "connect(127.0.0.1:9) = 0",
            "~ getsockname() = 127.0.0.1:51022",
            "send(5) = 5  \"hell\\n\"",
            "recv() = 5  \"hell\\n\"",
            "shutdown(SHUT_WR) = 0",
            "recv() = 0",
            "later: ...",
            "~ close() = 0",
        ]
    );
    assert!(log.timeline(2).is_empty());
}

#[test]
fn a_listeners_timeline_has_its_accepts_and_each_connection_begins_with_its_own() {
    let log = Log::of(vec![
        (2, call("listen", "128", "0")),
        (3, Fact::Accepted { parent: id(2), number: 1, local: address(7), peer: address(51022) }),
        (3, received(None, 5)),
        (5, Fact::Paired { parent: id(4), number: 1 }),
    ]);
    let accepted = "accept() = 127.0.0.1:51022 \u{2192} server#1";
    assert_eq!(log.timeline(2), ["listen(128) = 0", accepted]);
    assert_eq!(log.timeline(3), [accepted, "recv() = 5  \"hell\\n\""]);
    assert_eq!(log.timeline(4), ["~ socketpair(sv[0]) = pair#1"]);
    assert_eq!(log.timeline(5), log.timeline(4));
}

#[test]
fn a_failure_that_a_call_has_told_is_no_step_of_its_own() {
    let refused = || failed(Operation::Connect, Some("127.0.0.1:9"), 111);
    let connect = "connect(127.0.0.1:9) = -1 ECONNREFUSED (111)";
    let told = Log::of(vec![(1, call("connect", "127.0.0.1:9", "-1 ECONNREFUSED (111)")), (1, refused())]);
    assert_eq!(told.timeline(1), [connect]);
    // Of another socket, another errno, or another operation: told by nobody.
    let untold = Log::of(vec![
        (2, call("connect", "127.0.0.1:9", "-1 ECONNREFUSED (111)")),
        (1, refused()),
        (1, call("connect", "127.0.0.1:9", "-1 ECONNREFUSED (111)")),
        (1, failed(Operation::Connect, Some("127.0.0.1:9"), 110)),
        (1, failed(Operation::Recv, None, 104)),
    ]);
    assert_eq!(
        untold.timeline(1),
        [connect, connect, "~ connect(127.0.0.1:9) = -1 ETIMEDOUT (110)", "recv() = -1 ECONNRESET (104)"]
    );
    let words = NetError::other(Operation::Getaddrinfo, Some("nowhere.invalid".to_owned()), "no such name");
    let unknown =
        Log::of(vec![(1, call("getaddrinfo", "nowhere.invalid", "no such name")), (1, Fact::Failed(Box::new(words)))]);
    assert_eq!(unknown.timeline(1), ["getaddrinfo(nowhere.invalid) = no such name"]);
}

#[test]
fn what_the_error_queue_says_is_not_a_call_that_failed() {
    let mut error = NetError::from_errno(Operation::ErrorQueue, Some("127.0.0.1:9".to_owned()), 111);
    error.cause = "the host answered \"port unreachable\" (ICMP type 3, code 3)".to_owned();
    let log = Log::of(vec![(1, sent(Some(address(9)))), (1, Fact::Failed(Box::new(error)))]);
    assert_eq!(
        log.timeline(1),
        ["sendto(5, 127.0.0.1:9) = 5  \"hell\\n\"", "recvmsg(MSG_ERRQUEUE) = ECONNREFUSED (111)"]
    );
    let row = log.store.row(2).unwrap();
    assert!(step(&row, &log.store, &log.roster).unwrap().has_failed());
}

#[test]
fn a_message_and_the_call_beside_it_are_one_step() {
    let log = Log::of(vec![
        (1, sent(None)),
        (3, received(None, 5)),
        (1, call("send", "50000000", "10")),
        // The rest of the ten bytes, and then the next send.
        (1, sent(None)),
        (1, sent(None)),
        (1, received(Some(address(9)), 5)),
        (1, call("recvfrom", "ICMP echo reply, id 7", "13, 0.052 ms")),
        (1, sent(Some(address(9)))),
        (1, received(Some(address(9)), 0)),
        // One that failed tells of itself.
        (1, call("sendto", "5, 127.0.0.1:9", "-1 EPERM (1)")),
    ]);
    assert_eq!(
        log.timeline(1),
        [
            "send(50000000) = 10  \"hell\\n\"",
            "send(5) = 5  \"hell\\n\"",
            "recvfrom(ICMP echo reply, id 7) = 13, 0.052 ms  \"hell\\n\"",
            "sendto(5, 127.0.0.1:9) = 5  \"hell\\n\"",
            "recvfrom(127.0.0.1:9) = 0  \"\"",
            "sendto(5, 127.0.0.1:9) = -1 EPERM (1)",
        ]
    );
    let partial = step(&log.store.row(1).unwrap(), &log.store, &log.roster).unwrap();
    assert_eq!(partial.meaning, "a part: there was no more room");
}

/// What the last row of a client's life says: the remark of the timeline, the sentence of the log, the lesson.
fn said(url: &str, facts: Vec<Fact>) -> [String; 3] {
    let log = Log::with(&[(1, "socket", url)], facts.into_iter().map(|fact| (1, fact)).collect());
    let row = log.store.rows(0..u64::MAX).last().unwrap();
    let step = step(&row, &log.store, &log.roster).unwrap();
    let fact = log.store.fact(&row).unwrap();
    let lesson = lesson(&step).explanation;
    [step.meaning, crate::log::sentence(&row, &fact, &log.store, &log.roster), lesson]
}

#[test]
fn a_close_after_an_abort_sends_rst_and_no_fin() {
    let linger = |value: &str| call("setsockopt", &format!("SOL_SOCKET, SO_LINGER, {value}"), "0");
    let close = || Fact::Closed { reason: CloseReason::User };
    let note = || Fact::Note { name: "abort".into(), message: "...".to_owned() };
    let url = "tcp://127.0.0.1:9";
    let [remark, sentence, lesson] = said(url, vec![linger("{1, 0}"), note(), close()]);
    assert_eq!(remark, "RST sent, what waits is thrown away");
    assert_eq!(sentence, "closed by user: RST sent, what waits is thrown away");
    assert!(lesson.contains("thrown away, and RST") && !lesson.contains("still sent"), "{lesson}");
    // Of another life, with another value, or where RST came from the peer.
    for facts in [
        vec![linger("{1, 0}"), call("socket", "AF_INET, SOCK_STREAM, 0", "9"), close()],
        vec![linger("{1, 0}"), linger("{1, 5}"), close()],
        vec![linger("{1, 0}"), Fact::Closed { reason: CloseReason::Reset }],
        vec![close()],
    ] {
        let words = said(url, facts);
        assert!(!words[..2].concat().contains("thrown away") && words[2].contains("still sent"), "{words:?}");
    }
}

#[test]
fn after_both_ends_shut_down_nothing_can_be_sent() {
    let shutdown = || call("shutdown", "SHUT_WR", "0");
    for url in ["tcp://127.0.0.1:9", "unix:///run/a.sock"] {
        let [remark, sentence, lesson] = said(url, vec![shutdown(), received(None, 5), Fact::PeerClosed]);
        assert_eq!([remark.as_str(), &sentence], ["both directions are done", "recv = 0: both directions are done"]);
        assert!(lesson.contains("both directions are done") && !lesson.contains("may go on sending"), "{lesson}");
        let [remark, sentence, _] = said(url, vec![shutdown(), Fact::Closed { reason: CloseReason::Peer }]);
        assert_eq!([remark.as_str(), &sentence], ["both directions are done", "both directions are done: closed"]);
    }
    // Our shutdown failed, or was of another life.
    for before in [call("shutdown", "SHUT_WR", "-1 ENOTCONN (107)"), call("socket", "AF_INET, SOCK_STREAM, 0", "9")] {
        let [remark, ..] = said("tcp://127.0.0.1:9", vec![before, Fact::PeerClosed]);
        assert_eq!(remark, "the peer sent FIN, you may still send");
    }
}

#[test]
fn the_end_of_a_unix_socket_is_told_without_segments() {
    let closed = |reason| Fact::Closed { reason };
    for url in ["unix:///run/a.sock", "unix-seqpacket://@a", "pair://"] {
        for facts in [
            vec![Fact::PeerClosed],
            vec![call("shutdown", "SHUT_WR", "0"), Fact::PeerClosed],
            vec![call("shutdown", "SHUT_WR", "0")],
            vec![closed(CloseReason::Peer)],
            vec![closed(CloseReason::Reset)],
            vec![closed(CloseReason::Timeout)],
            vec![closed(CloseReason::User)],
            vec![failed(Operation::Recv, None, 104)],
        ] {
            let [remark, sentence, lesson] = said(url, facts.clone());
            let sentence = if matches!(facts[0], Fact::Failed(_)) { String::new() } else { sentence };
            let text = format!("{remark} {sentence} {lesson}");
            assert!(!text.contains("FIN") && !text.contains("RST"), "{url} {facts:?}: {text}");
        }
        let [remark, sentence, _] = said(url, vec![Fact::PeerClosed]);
        assert_eq!(remark, "the peer has closed or half-closed");
        assert_eq!(sentence, "recv = 0: the peer has closed or half-closed");
    }
}

#[test]
fn a_close_names_the_option_that_asked_for_it() {
    let idle = Fact::Note { name: "idle-timeout".into(), message: "...".to_owned() };
    for (url, before, reason, wanted) in [
        ("tcp://h:9", None, CloseReason::Peer, "FIN from the peer, and after-fin (10s) is over: closed"),
        ("tcp://h:9?after-fin=2s", None, CloseReason::Peer, "FIN from the peer, and after-fin (2s) is over: closed"),
        ("tcp://h:9?after-fin=close", None, CloseReason::Peer, "FIN from the peer, and after-fin is close: closed"),
        ("udp://h:9?idle-timeout=5s", Some(idle), CloseReason::Timeout, "idle-timeout (5s) is over: closed"),
        ("tcp://h:9?idle-timeout=5s", None, CloseReason::Timeout, "the peer no longer answered: closed"),
        ("pair://", None, CloseReason::Peer, "closed, as both its ends are"),
    ] {
        let facts = before.into_iter().chain([Fact::Closed { reason }]).collect();
        assert_eq!(said(url, facts)[1], wanted);
    }
}

#[test]
fn what_a_partial_send_leaves_is_counted() {
    let log = Log::of(vec![(1, sent(None)), (1, call("send", "146949", "5")), (1, sent(None))]);
    let waits = |seq| waiting(&log.store.row(seq).unwrap(), &log.store);
    assert_eq!([waits(1), waits(2), waits(3)], [Some(146_944), None, None]);
}

#[test]
fn a_failure_has_the_code_of_the_call_that_told_it() {
    let mut error = NetError::from_errno(Operation::Socket, Some("127.0.0.1".to_owned()), 1);
    error.cause = "a raw socket needs a privilege".to_owned();
    let failure = || Fact::Failed(Box::new(error.clone()));
    for facts in [vec![call("socket", "AF_INET, SOCK_RAW, 89", "-1 EPERM (1)"), failure()], vec![failure()]] {
        let log =
            Log::with(&[(1, "raw", "raw://127.0.0.1?protocol=89")], facts.into_iter().map(|fact| (1, fact)).collect());
        let row = log.store.rows(0..u64::MAX).last().unwrap();
        for (language, code) in lesson(&step(&row, &log.store, &log.roster).unwrap()).code {
            assert!(code.contains("SOCK_RAW") && !code.contains("STREAM"), "{language}: {code}");
        }
    }
}

/// What the step of the last row teaches, if the socket was opened as this.
fn taught(url: &str, facts: Vec<Fact>) -> (Step, Lesson) {
    let facts = facts.into_iter().map(|fact| (if matches!(fact, Fact::Paired { .. }) { 2 } else { 1 }, fact));
    let log = Log::with(&[(1, "socket", url)], facts.collect());
    let row = log.store.rows(0..u64::MAX).filter(|row| !is_told(row, &log.store)).last().unwrap();
    let step = step(&row, &log.store, &log.roster).unwrap();
    let lesson = lesson(&step);
    (step, lesson)
}

#[test]
fn what_is_taught_is_true_of_what_carries_the_socket() {
    let close = || Fact::Closed { reason: CloseReason::User };
    let path = || Some("/run/a.sock");
    let reuse = || call("setsockopt", "SOL_SOCKET, SO_REUSEADDR, 1", "0");
    let open = |local: &str| {
        let unix = || Address::Unix(crate::contract::UnixAddress::Pathname(local.as_bytes().to_vec()));
        Fact::Opened { local: local.parse().map_or_else(|_| unix(), Address::Ip), peer: None }
    };
    let unnamed = || Fact::Opened { local: crate::contract::UnixAddress::Unnamed.into(), peer: None };
    let v6 = || Address::Host([0, 0, 0, 0, 0, 0, 0, 1].into(), 0);
    let unix = Address::Unix(crate::contract::UnixAddress::Pathname(b"/run/a.sock".to_vec()));
    for (url, fact, says, never) in [
        ("raw://127.0.0.1?protocol=89", call("connect", "127.0.0.1", "0"), "sends nothing", "SYN"),
        ("tcp-listen://127.0.0.1:7", close(), "nobody accepted", "TIME_WAIT"),
        ("unix-dgram-bind:///run/a.sock", close(), "ECONNREFUSED", "ICMP"),
        ("icmp://127.0.0.1", close(), "nothing to end", "unreachable"),
        ("unix-dgram:///run/a.sock", sent(Some(unix)), "On this machine none is lost", "may be lost"),
        ("unix-dgram:///run/a.sock", failed(Operation::Send, path(), 111), "nobody receives there", "ICMP"),
        ("unix:///run/a.sock", failed(Operation::Recv, None, 104), "unread", "RST"),
        ("unix:///run/a.sock", failed(Operation::Send, None, 32), "at once", "RST"),
        ("unix:///run/a.sock", call("shutdown", "SHUT_WR", "0"), "returns 0", "FIN"),
        ("unix://@a", call("bind", "@a", "-1 EADDRINUSE (98)"), "goes with its socket", "file"),
        ("pair://?type=dgram", received(None, 5), "whole", "stream"),
        ("tcp://127.0.0.1:9", call("connect", "127.0.0.1:9", "-1 EADDRNOTAVAIL (99)"), "ephemeral", "0.0.0.0"),
        ("udp-bind://127.0.0.1:5", reuse(), "others may bind the same port", "despite TIME_WAIT"),
        ("tcp-listen://127.0.0.1:7", reuse(), "despite TIME_WAIT", "multicast"),
        ("tcp-listen://127.0.0.1:7", open("127.0.0.1:7"), "listen(2) had the kernel", "path"),
        ("unix-listen:///run/a.sock", open("/run/a.sock"), "listen(2) had the kernel", "port"),
        ("pair://?type=dgram", unnamed(), "made its two ends", "needs no listen(2)"),
        ("udp-bind://127.0.0.1:7", open("127.0.0.1:7"), "needs no listen(2)", "listener"),
        ("unix:///run/a.sock", call("connect", "/run/a.sock", "-1 EPROTOTYPE (91)"), "another type", "port"),
        ("unix:///run/a.sock", call("connect", "/run/a.sock", "-1 ECONNREFUSED (111)"), "it is no socket", "RST"),
        ("unix://@a", call("connect", "@a", "-1 ECONNREFUSED (111)"), "abstract name", "ls -l"),
        ("raw://127.0.0.1", received(Some(address(0)), 5), "the IP header (20 bytes or more) stands in front", "UDP"),
        ("raw://[::1]", received(Some(v6()), 5), "over IPv6 without", "stands in front"),
        (
            "icmp://127.0.0.1",
            call("socket", "AF_INET, SOCK_DGRAM, IPPROTO_ICMP", "-1 EACCES (13)"),
            "ping_group",
            "make packets",
        ),
    ] {
        let (step, lesson) = taught(url, vec![fact]);
        let text = format!("{} {}", lesson.explanation, step.meaning);
        assert!(text.contains(says), "{url} {}: {text}", step.call());
        assert!(!text.contains(never), "{url} {}: {text}", step.call());
    }
}

#[test]
fn an_echo_request_is_written_with_its_header() {
    let request = call("sendto", "ICMP echo request, id 7, seq 1, 5 bytes, 127.0.0.1", "13");
    let (_, lesson) = taught("icmp://127.0.0.1", vec![sent(Some(Address::Host([127, 0, 0, 1].into(), 0))), request]);
    let [(_, python), (_, rust), (_, c)] = lesson.code.as_slice() else { panic!("{lesson:?}") };
    assert_eq!(
        python,
        "header = struct.pack(\"!BBHHH\", 8, 0, 0x1926, 7, 1)\nn = s.sendto(header + b\"hell\\n\", (\"127.0.0.1\", 0))"
    );
    assert!(rust.contains(r#"[&b"\x08\x00\x19&\x00\x07\x00\x01"[..], &b"hell\n"[..]].concat()"#), "{rust}");
    assert!(c.contains(r#""\010\000\031&\000\007\000\001" "hell\n", 13"#), "{c}");
}

#[test]
fn a_pair_is_written_with_its_type() {
    for kind in ["stream", "dgram", "seqpacket"] {
        let name = format!("SOCK_{}", kind.to_uppercase());
        for fact in
            [Fact::Paired { parent: id(1), number: 1 }, call("socketpair", &format!("AF_UNIX, {name}, 0"), "0, [5, 6]")]
        {
            let (_, lesson) = taught(&format!("pair://?type={kind}"), vec![fact]);
            for at in [0, 2] {
                assert!(lesson.code[at].1.contains(&name), "{lesson:?}");
            }
        }
    }
}
