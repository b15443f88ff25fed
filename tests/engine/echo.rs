//! Sockets that send back what comes to them.

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::thread;

use sockbench::contract::{CloseHow, Command, Fact, SocketId, Target, Ticket};
use sockbench::rule::Rules;

use crate::bench::{Bench, PATIENCE, noise};

fn set_echo(bench: &Bench, socket: SocketId, on: bool) {
    let rules = if on { Rules::echo() } else { Rules::default() };
    bench.order(Command::SetRules { socket, rules });
}

/// Says something, and hears the same.
fn hears_itself(peer: &mut TcpStream, word: &[u8]) {
    peer.write_all(word).unwrap();
    let mut answer = vec![0; word.len()];
    peer.read_exact(&mut answer).unwrap();
    assert_eq!(answer, word);
}

#[tokio::test]
async fn an_echoing_listener_answers_the_connections_it_has_and_those_to_come() {
    let mut bench = Bench::new();
    let (listener, child, mut first) = bench.pair("").await;
    set_echo(&bench, listener, true);
    // The order is on its way to the engine when this is sent; what another socket reports comes after it.
    let fence = bench.open("udp-bind://127.0.0.1:0");
    bench.opened(fence).await;
    hears_itself(&mut first, b"one");
    let sent = bench.next_of(child, |fact| match fact {
        Fact::Sent { ticket, remaining: 0, .. } => Some(*ticket),
        _ => None,
    });
    assert_eq!(sent.await, Ticket::ENGINE);
    let mut second = TcpStream::connect(first.peer_addr().unwrap()).unwrap();
    second.set_read_timeout(Some(PATIENCE)).unwrap();
    hears_itself(&mut second, b"two");
    bench.accepted(listener).await;

    set_echo(&bench, listener, false);
    bench.send(Target::Socket(child), b"no more");
    let mut answer = [0; 7];
    first.read_exact(&mut answer).unwrap();
    first.write_all(b"three").unwrap();
    assert_eq!(bench.received(child, 5).await, b"three");
    // Had there been an echo, it would stand before this.
    bench.send(Target::Socket(child), b"last");
    bench.close(child, CloseHow::Normal);
    let mut rest = Vec::new();
    first.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"last");
}

#[tokio::test]
async fn a_socket_that_opens_again_echoes_as_before() {
    let mut bench = Bench::new();
    let socket = bench.ids.mint();
    set_echo(&bench, socket, true);
    for word in [b"once ", b"again"] {
        bench.order(Command::Open { socket, endpoint: "tcp-listen://127.0.0.1:0".parse().unwrap() });
        let mut peer = TcpStream::connect(bench.opened(socket).await).unwrap();
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        hears_itself(&mut peer, word);
        bench.close(socket, CloseHow::Normal);
        bench.closed(socket).await;
    }
}

#[tokio::test]
async fn each_sender_of_a_datagram_hears_itself() {
    let mut bench = Bench::new();
    let server = bench.ids.mint();
    set_echo(&bench, server, true);
    bench.order(Command::Open { socket: server, endpoint: "udp-bind://127.0.0.1:0".parse().unwrap() });
    let address = bench.opened(server).await;
    let peers: Vec<_> = (0..3).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    let words = [&b"one"[..], b"", &noise(65_507, 1)];
    for (peer, word) in peers.iter().zip(words) {
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        peer.send_to(word, address).unwrap();
    }
    let mut buffer = vec![0; 65_535];
    for (peer, word) in peers.iter().zip(words) {
        let (len, from) = peer.recv_from(&mut buffer).unwrap();
        assert!(&buffer[..len] == word && from == address);
    }
    set_echo(&bench, server, false);
    bench.send(Target::Peer(server, peers[0].local_addr().unwrap().into()), b"no more");
    assert_eq!(peers[0].recv_from(&mut buffer).unwrap().0, 7);
    peers[0].send_to(b"?", address).unwrap();
    assert_eq!(bench.received(server, 3 + 65_507 + 1).await.last(), Some(&b'?'));
    bench.send(Target::Socket(server), b"last");
    assert_eq!(peers[0].recv_from(&mut buffer).unwrap().0, 4);
}

#[tokio::test]
async fn a_large_echo_comes_back_whole_also_to_a_peer_that_reads_late() {
    const LEN: usize = 8 * 1024 * 1024;
    for reads_late in [false, true] {
        let mut bench = Bench::new();
        let socket = bench.ids.mint();
        set_echo(&bench, socket, true);
        bench.order(Command::Open { socket, endpoint: "tcp-listen://127.0.0.1:0?after-fin=close".parse().unwrap() });
        let mut peer = TcpStream::connect(bench.opened(socket).await).unwrap();
        let payload = noise(if reads_late { 4 * LEN } else { LEN }, 9);
        let written = payload.clone();
        let mut writing = peer.try_clone().unwrap();
        let writer = thread::spawn(move || {
            writing.write_all(&written).unwrap();
            writing.shutdown(std::net::Shutdown::Write).unwrap();
        });
        let (child, _) = bench.accepted(socket).await;
        let len = payload.len();
        let reader = move || {
            let mut all = Vec::with_capacity(len);
            peer.read_to_end(&mut all).unwrap();
            all
        };
        if reads_late {
            // As much as may wait to be sent back.
            let first = bench.received(child, 1024 * 1024).await;
            assert!(first == payload[..first.len()]);
        }
        let echoed = thread::spawn(reader);
        bench.closed(child).await;
        writer.join().unwrap();
        assert!(echoed.join().unwrap() == payload);
    }
}
