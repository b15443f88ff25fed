//! What programs on sockets do every day: a Python program at one end, and the engine at the other, in both roles.

use std::net::SocketAddr;

use sockbench::contract::{Address, CloseHow, CloseReason, Command, Fact, Operation, SocketId, Target, Ticket};
use sockbench::rule::Rules;

use crate::bench::{Bench, noise};
use crate::peer::Peer;

/// A Python server of this name on a port that is free, and where it is.
fn server(name: &str, arguments: &[&str]) -> (Peer, SocketAddr) {
    let peer = Peer::script(name, arguments);
    let port = peer.port_after("port");
    (peer, SocketAddr::from(([127, 0, 0, 1], port)))
}

/// A Python client of this name that goes to an address.
fn client(name: &str, address: SocketAddr, more: &[&str]) -> Peer {
    let (ip, port) = (address.ip().to_string(), address.port().to_string());
    Peer::script(name, &[&[ip.as_str(), port.as_str()], more].concat())
}

/// The names of the calls that a socket has made so far.
fn calls(bench: &Bench, socket: SocketId) -> Vec<String> {
    bench.calls(socket).into_iter().map(|(call, ..)| call).collect()
}

async fn peer_closed(bench: &mut Bench, socket: SocketId) {
    bench.next_of(socket, |fact| (*fact == Fact::PeerClosed).then_some(())).await;
}

/// Our address and the peer's.
async fn connection(bench: &mut Bench, socket: SocketId) -> (SocketAddr, SocketAddr) {
    bench
        .next_of(socket, |fact| match fact {
            Fact::Connected { local: Address::Ip(local), peer: Address::Ip(peer) }
            | Fact::Accepted { local: Address::Ip(local), peer: Address::Ip(peer), .. } => Some((*local, *peer)),
            _ => None,
        })
        .await
}

/// Waits until all of an order is sent. Gives how many sends it took.
async fn sent(bench: &mut Bench, ticket: Ticket) -> usize {
    let mut sends = 0;
    loop {
        let seen = bench.next(|seen| matches!(seen.fact, Fact::Sent { ticket: of, .. } if of == ticket)).await;
        sends += 1;
        if matches!(seen.fact, Fact::Sent { remaining: 0, .. }) {
            return sends;
        }
    }
}

/// Adler-32 (RFC 1950), which Python has too.
fn digest(bytes: &[u8]) -> u32 {
    let (mut sum, mut sums) = (1, 0);
    for chunk in bytes.chunks(4096) {
        for byte in chunk {
            sum += u32::from(*byte);
            sums += sum;
        }
        sum %= 65_521;
        sums %= 65_521;
    }
    sums << 16 | sum
}

#[tokio::test]
async fn a_client_of_an_echo_server() {
    let (peer, address) = server("tcp_echo_server", &["0"]);
    let mut bench = Bench::new();
    let socket = bench.open(&format!("tcp://{address}"));
    let (local, to) = connection(&mut bench, socket).await;
    assert_eq!(to, address);
    peer.wait_for(&format!("peer {local}"));
    assert_eq!(calls(&bench, socket), ["socket", "setsockopt", "setsockopt", "connect"]);
    bench.send(Target::Socket(socket), b"Hello, world");
    assert_eq!(bench.received(socket, 12).await, b"Hello, world");
    bench.close(socket, CloseHow::HalfClose);
    peer_closed(&mut bench, socket).await;
    assert_eq!(bench.closed(socket).await, CloseReason::Peer);
    assert_eq!(calls(&bench, socket).last().map(String::as_str), Some("shutdown"));
    peer.wait_for("over");
}

#[tokio::test]
async fn an_echo_server_for_a_client() {
    let mut bench = Bench::new();
    let listener = bench.open("tcp-listen://127.0.0.1:0");
    bench.order(Command::SetRules { socket: listener, rules: Rules::echo() });
    let address = bench.opened(listener).await;
    assert_eq!(calls(&bench, listener), ["socket", "setsockopt", "setsockopt", "bind", "listen"]);
    let peer = client("tcp_echo_client", address, &[]);
    peer.wait_for("received b'Hello, world'");
    let (child, number) = bench.accepted(listener).await;
    assert_eq!(number, 1);
    assert_eq!(bench.received(child, 12).await, b"Hello, world");
    peer_closed(&mut bench, child).await;
}

#[tokio::test]
async fn a_datagram_is_answered() {
    let mut bench = Bench::new();
    let socket = bench.open("udp-bind://127.0.0.1:0");
    let address = bench.opened(socket).await;
    let names = calls(&bench, socket);
    assert_eq!((names.first().unwrap().as_str(), names.last().unwrap().as_str()), ("socket", "bind"));
    let peer = client("udp_ask", address, &[]);
    let heard = bench.next(|seen| matches!(seen.fact, Fact::Received { .. })).await;
    assert_eq!(heard.bytes, b"is anybody there?");
    let Fact::Received { peer: Some(from), .. } = heard.fact else { panic!("{heard:?}") };
    bench.send(Target::Peer(socket, from), b"yes");
    peer.wait_for(&format!("answer b'yes' from {address}"));
}

#[tokio::test]
async fn a_datagram_server_is_asked() {
    let (peer, address) = server("udp_server", &["0"]);
    let mut bench = Bench::new();
    let socket = bench.open(&format!("udp://{address}"));
    let local = bench.opened(socket).await;
    for (word, answer) in [(&b"hello"[..], &b"5 bytes"[..]), (b"", b"0 bytes")] {
        bench.send(Target::Socket(socket), word);
        peer.wait_for(&format!("from {local}"));
        assert_eq!(bench.received(socket, answer.len()).await, answer);
    }
}

#[tokio::test]
async fn a_server_thanks_and_closes() {
    let (peer, address) = server("tcp_thanks_server", &["0"]);
    let mut bench = Bench::new();
    for _ in 0..3 {
        let socket = bench.open(&format!("tcp://{address}?after-fin=close"));
        let (local, _) = connection(&mut bench, socket).await;
        peer.wait_for(&format!("client {local}"));
        assert_eq!(bench.received(socket, 11).await, b"thank you !");
        peer_closed(&mut bench, socket).await;
        assert_eq!(bench.closed(socket).await, CloseReason::Peer);
    }
}

#[tokio::test]
async fn it_thanks_and_closes_as_a_server() {
    let mut bench = Bench::new();
    let listener = bench.open("tcp-listen://127.0.0.1:0?backlog=128");
    let address = bench.opened(listener).await;
    let listen = bench.calls(listener).pop().unwrap();
    assert_eq!(listen, ("listen".to_owned(), "128".to_owned(), "0".to_owned()));
    for _ in 0..3 {
        let mut peer = client("dial", address, &[]);
        let (child, _) = bench.accepted(listener).await;
        bench.send(Target::Socket(child), b"thank you !");
        bench.close(child, CloseHow::Normal);
        peer.ask("receive", "recv 11 b'thank you !'");
        peer.ask("receive", "recv 0");
        assert_eq!(bench.closed(child).await, CloseReason::User);
    }
}

#[tokio::test]
async fn each_kind_of_socketserver_serves_several_at_once() {
    for kind in ["ThreadingTCPServer", "ForkingTCPServer", "ThreadingUDPServer", "ForkingUDPServer"] {
        let peer = Peer::script("socketserver_kinds", &[kind]);
        let own = peer.wait_for("self ");
        let address = SocketAddr::from(([127, 0, 0, 1], peer.port_after("port")));
        let scheme = if kind.contains("UDP") { "udp" } else { "tcp" };
        let mut bench = Bench::new();
        let sockets: Vec<_> = (0..5).map(|_| bench.open(&format!("{scheme}://{address}"))).collect();
        let mut answers = Vec::new();
        for (socket, word) in sockets.iter().zip(["one", "two", "three", "four", "five"]) {
            bench.at = 0;
            bench
                .next_of(*socket, |fact| matches!(fact, Fact::Connected { .. } | Fact::Opened { .. }).then_some(()))
                .await;
            bench.send(Target::Socket(*socket), format!("{word}\n").as_bytes());
            let mut answer = String::new();
            while !answer.ends_with('\n') {
                answer += &String::from_utf8(bench.received(*socket, 1).await).unwrap();
            }
            let (who, said) = answer.split_once(' ').unwrap();
            assert_eq!(said, format!("{}\n", word.to_uppercase()), "{kind}");
            assert!(!own.contains(who), "{kind}: {who} is another than {own}");
            answers.push(who.to_owned());
        }
        if kind == "ForkingTCPServer" {
            answers.sort();
            answers.dedup();
            assert_eq!(answers.len(), 5, "a process each, all of which live: {answers:?}");
        }
        let end = if scheme == "udp" { CloseHow::Normal } else { CloseHow::HalfClose };
        for socket in sockets {
            bench.at = 0;
            bench.close(socket, end);
            let reason = bench.closed(socket).await;
            assert_eq!(reason, if scheme == "udp" { CloseReason::User } else { CloseReason::Peer }, "{kind}");
        }
    }
}

#[tokio::test]
async fn connect_ex_tells_when_the_listener_is_there_and_when_it_is_gone() {
    let mut bench = Bench::new();
    let listener = bench.open("tcp-listen://127.0.0.1:0");
    let address = bench.opened(listener).await;
    let mut peer = client("connect_ex", address, &[]);
    peer.ask("now", "connect_ex 0");
    bench.accepted(listener).await;
    bench.close(listener, CloseHow::Normal);
    assert_eq!(bench.closed(listener).await, CloseReason::User);
    peer.ask("now", "connect_ex 111");
    // And so says our own client.
    let socket = bench.open(&format!("tcp://{address}"));
    let error = bench.failed(socket).await;
    assert_eq!((error.operation, error.errno), (Operation::Connect, Some(111)));
    let (call, args, result) = bench.calls(socket).pop().unwrap();
    assert_eq!((call, args, result.as_str()), ("connect".into(), address.to_string(), "-1 ECONNREFUSED (111)"));
}

#[tokio::test]
async fn connections_live_on_when_their_listener_closes() {
    let mut bench = Bench::new();
    let listener = bench.open("tcp-listen://127.0.0.1:0");
    let address = bench.opened(listener).await;
    let mut peer = client("dial", address, &[]);
    let (child, _) = bench.accepted(listener).await;
    bench.close(listener, CloseHow::Normal);
    assert_eq!(bench.closed(listener).await, CloseReason::User);
    peer.ask("send ping", "sent");
    assert_eq!(bench.received(child, 4).await, b"ping");
    bench.send(Target::Socket(child), b"pong");
    peer.ask("receive", "recv 4 b'pong'");

    let (mut peer, address) = server("accept_one", &[]);
    let socket = bench.open(&format!("tcp://{address}"));
    connection(&mut bench, socket).await;
    peer.wait_for("the listener is closed");
    bench.send(Target::Socket(socket), b"ping");
    peer.ask("receive", "recv 4 b'ping'");
    peer.ask("send pong", "sent");
    assert_eq!(bench.received(socket, 4).await, b"pong");
}

#[tokio::test]
async fn a_close_is_a_recv_of_nothing_at_the_other_end() {
    let mut bench = Bench::new();
    let (mut peer, address) = server("accept_one", &[]);
    let socket = bench.open(&format!("tcp://{address}?after-fin=keep"));
    connection(&mut bench, socket).await;
    peer.ask("close", "closed");
    peer_closed(&mut bench, socket).await;
    // The first send reaches a closed socket, whose answer is RST; it is a reset, not a clean end.
    bench.send(Target::Socket(socket), b"too late");
    let next = bench.send(Target::Socket(socket), b"again");
    let outcome = bench.next(|seen| matches!(seen.fact, Fact::Closed { .. } | Fact::SendFailed { .. })).await;
    match outcome.fact {
        Fact::SendFailed { ticket, error } => {
            assert_eq!(ticket, next);
            assert!(["EPIPE", "ECONNRESET"].contains(&error.code().unwrap().as_str()), "{error}");
        }
        other => assert!(matches!(other, Fact::Closed { .. })),
    }

    let (mut peer, address) = server("accept_one", &[]);
    let socket = bench.open(&format!("tcp://{address}"));
    connection(&mut bench, socket).await;
    bench.close(socket, CloseHow::Normal);
    peer.ask("receive", "recv 0 b''");
}

#[tokio::test]
async fn each_direction_is_closed_by_itself() {
    let mut bench = Bench::new();
    // The peer first.
    let (mut peer, address) = server("accept_one", &[]);
    let socket = bench.open(&format!("tcp://{address}?after-fin=keep"));
    connection(&mut bench, socket).await;
    peer.ask("half-close", "half-closed");
    peer_closed(&mut bench, socket).await;
    bench.send(Target::Socket(socket), b"still heard");
    peer.ask("receive", "recv 11 b'still heard'");
    bench.close(socket, CloseHow::HalfClose);
    peer.ask("receive", "recv 0");
    assert_eq!(bench.closed(socket).await, CloseReason::Peer);
    // We first.
    let listener = bench.open("tcp-listen://127.0.0.1:0");
    let address = bench.opened(listener).await;
    let mut peer = client("dial", address, &[]);
    let (child, _) = bench.accepted(listener).await;
    bench.close(child, CloseHow::HalfClose);
    peer.ask("receive", "recv 0");
    peer.ask("send still", "sent");
    assert_eq!(bench.received(child, 5).await, b"still");
    peer.ask("half-close", "half-closed");
    peer_closed(&mut bench, child).await;
    assert_eq!(bench.closed(child).await, CloseReason::Peer);
}

#[tokio::test]
async fn a_client_that_chose_its_own_address_is_seen_with_it() {
    let mut bench = Bench::new();
    let listener = bench.open("tcp-listen://127.0.0.1:0");
    let address = bench.opened(listener).await;
    let peer = client("dial", address, &["127.0.0.9", "0"]);
    let local = peer.wait_for("local 127.0.0.9:");
    let seen = bench.next(|seen| matches!(seen.fact, Fact::Accepted { .. })).await;
    let Fact::Accepted { peer: from, .. } = seen.fact else { panic!("{seen:?}") };
    assert_eq!(local, format!("local {from}"));
}

/// More than fits in the buffers of both ends, to a peer that does not read before it is told to.
const MUCH: usize = 50_000_000;

// Case 15.
#[tokio::test]
async fn fifty_megabytes_to_a_slow_reader_arrive_whole_and_their_progress_is_told() {
    let (mut peer, address) = server("accept_one", &[]);
    let mut bench = Bench::new();
    let socket = bench.open(&format!("tcp://{address}"));
    connection(&mut bench, socket).await;
    let bytes = noise(MUCH, 9);
    let ticket = bench.send(Target::Socket(socket), &bytes);
    let first = bench.next(|seen| matches!(seen.fact, Fact::Sent { .. })).await;
    let Fact::Sent { remaining, .. } = first.fact else { panic!("{first:?}") };
    assert_eq!(remaining, (MUCH - first.bytes.len()) as u64);
    peer.say("receive-all");
    assert!(sent(&mut bench, ticket).await > 10);
    bench.close(socket, CloseHow::HalfClose);
    peer.wait_for(&format!("all {MUCH} {}", digest(&bytes)));
}

#[tokio::test]
async fn fifty_megabytes_of_a_sendall_wait_for_a_slow_reader() {
    let mut bench = Bench::new();
    let listener = bench.open("tcp-listen://127.0.0.1:0");
    let address = bench.opened(listener).await;
    let mut peer = client("dial", address, &[]);
    let (child, _) = bench.accepted(listener).await;
    peer.say(&format!("send-many {MUCH}"));
    // All blocks are full and with us before the first is read.
    let mut held = Vec::new();
    while held.len() < 8 {
        held.push(bench.batches.next().await.unwrap());
    }
    assert!(held.iter().map(|batch| batch.used).sum::<usize>() < MUCH);
    for batch in held {
        bench.keep(batch);
    }
    let total = MUCH / 251 * 251;
    let bytes = bench.received(child, total).await;
    peer.wait_for(&format!("sent {total} {}", digest(&bytes)));
}
