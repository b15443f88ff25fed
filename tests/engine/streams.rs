//! TCP connections, from accept to the end.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nix::sys::socket::{MsgFlags, send};
use proptest::prelude::*;
use sockbench::contract::{BLOCK_SIZE, CloseHow, CloseReason, Fact, Operation, Target};

use crate::bench::{Bench, noise};

#[tokio::test]
async fn a_listener_tells_each_call_and_accepts_and_answers() {
    let mut bench = Bench::new();
    let (listener, child, mut peer) = bench.pair("?backlog=7").await;
    let names: Vec<_> = bench.calls(listener).into_iter().map(|(call, args, _)| (call, args)).collect();
    let told = |call: &str, args: &str| (call.to_owned(), args.to_owned());
    assert_eq!(
        names,
        [
            told("socket", "AF_INET, SOCK_STREAM, 0"),
            told("setsockopt", "SOL_SOCKET, SO_REUSEADDR, 1"),
            told("setsockopt", "SOL_SOCKET, SO_OOBINLINE, 1"),
            told("bind", "127.0.0.1:0"),
            told("listen", "7"),
        ]
    );
    peer.write_all(b"ping").unwrap();
    assert_eq!(bench.received(child, 4).await, b"ping");
    let ticket = bench.send(Target::Socket(child), b"pong");
    let sent = bench.next(|seen| matches!(seen.fact, Fact::Sent { .. })).await;
    assert_eq!(sent.bytes, b"pong");
    assert!(matches!(sent.fact, Fact::Sent { ticket: of, remaining: 0, peer: None, .. } if of == ticket));
    let mut answer = [0; 4];
    peer.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"pong");
}

#[tokio::test]
async fn urgent_bytes_are_received_in_their_place() {
    let mut bench = Bench::new();
    let (_listener, child, peer) = bench.pair("").await;
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = bench.open(&format!("tcp://{}", server.local_addr().unwrap()));
    bench.connected(client).await;
    let (server, _) = server.accept().unwrap();
    for (socket, mut peer) in [(child, peer), (client, server)] {
        peer.write_all(b"ab").unwrap();
        send(peer.as_raw_fd(), b"!", MsgFlags::MSG_OOB).unwrap();
        peer.write_all(b"cd").unwrap();
        assert_eq!(bench.received(socket, 5).await, b"ab!cd");
    }
}

#[tokio::test]
async fn children_outlive_their_listener_and_are_addressed_together() {
    let mut bench = Bench::new();
    let (listener, first, mut one) = bench.pair("").await;
    let nobody = bench.open("tcp-listen://127.0.0.1:0");
    bench.opened(nobody).await;
    let ticket = bench.send(Target::Children(nobody), b"x");
    assert!(bench.send_failed(nobody, ticket).await.cause.contains("no open connection"));
    bench.close(listener, CloseHow::Normal);
    assert_eq!(bench.closed(listener).await, CloseReason::User);
    bench.send(Target::Children(listener), b"still here");
    let mut answer = [0; 10];
    one.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"still here");
    let ticket = bench.send(Target::Socket(listener), b"x");
    assert_eq!(bench.send_failed(listener, ticket).await.code().as_deref(), Some("ENOTCONN"));
    bench.close(first, CloseHow::Normal);
    assert_eq!(bench.closed(first).await, CloseReason::User);
}

#[tokio::test]
async fn fin_and_rst_are_told_apart() {
    let mut bench = Bench::new();
    let (_, child, peer) = bench.pair("?after-fin=close").await;
    drop(peer);
    bench.next_of(child, |fact| matches!(fact, Fact::PeerClosed).then_some(())).await;
    assert_eq!(bench.closed(child).await, CloseReason::Peer);

    let (_, child, peer) = bench.pair("").await;
    socket2::SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
    drop(peer);
    let error = bench.failed(child).await;
    assert_eq!((error.operation, error.code().as_deref()), (Operation::Recv, Some("ECONNRESET")));
    assert_eq!(bench.closed(child).await, CloseReason::Reset);
    assert!(!bench.seen.iter().any(|seen| seen.socket == child && seen.fact == Fact::PeerClosed));
}

// Case 12.
#[tokio::test]
async fn sending_goes_on_after_the_peers_fin() {
    let mut bench = Bench::new();
    let (_, child, mut peer) = bench.pair("?after-fin=keep").await;
    peer.shutdown(std::net::Shutdown::Write).unwrap();
    bench.next_of(child, |fact| matches!(fact, Fact::PeerClosed).then_some(())).await;
    bench.send(Target::Socket(child), b"late");
    bench.close(child, CloseHow::Normal);
    let mut rest = Vec::new();
    peer.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"late");
    assert_eq!(bench.closed(child).await, CloseReason::User);
}

// Case 12.
#[tokio::test]
async fn a_half_close_of_a_connection_that_is_gone_ends_it() {
    let mut bench = Bench::new();
    let (_, child, peer) = bench.pair("?after-fin=keep").await;
    // Its FIN comes first, and then, for what it does not read, its RST.
    drop(peer);
    bench.next_of(child, |fact| matches!(fact, Fact::PeerClosed).then_some(())).await;
    let ticket = bench.send(Target::Socket(child), b"late");
    bench.next_of(child, |fact| matches!(fact, Fact::Sent { ticket: sent, .. } if *sent == ticket).then_some(())).await;
    bench.close(child, CloseHow::HalfClose);
    bench.closed(child).await;
    let shutdown = bench.calls(child).into_iter().find(|(call, ..)| call == "shutdown").unwrap();
    assert_eq!(shutdown.2, "-1 ENOTCONN (107)");
}

// Case 12.
#[tokio::test]
async fn half_close_sends_what_waits_then_fin_and_still_receives() {
    let mut bench = Bench::new();
    let (_, child, mut peer) = bench.pair("").await;
    let payload = noise(3_000_000, 7);
    bench.send(Target::Socket(child), &payload);
    bench.close(child, CloseHow::HalfClose);
    let reader = thread::spawn(move || {
        let mut all = Vec::new();
        peer.read_to_end(&mut all).unwrap();
        peer.write_all(b"heard").unwrap();
        all
    });
    assert_eq!(bench.received(child, 5).await, b"heard");
    assert_eq!(reader.join().unwrap(), payload);
    let shutdown = ("shutdown".to_owned(), "SHUT_WR".to_owned(), "0".to_owned());
    assert!(bench.calls(child).contains(&shutdown));
    // The peer's thread ended and dropped its end: both directions are done.
    assert_eq!(bench.closed(child).await, CloseReason::Peer);
}

#[tokio::test]
async fn abort_is_rst_to_the_peer() {
    let mut bench = Bench::new();
    let (_, child, mut peer) = bench.pair("").await;
    bench.close(child, CloseHow::Abort);
    assert_eq!(bench.closed(child).await, CloseReason::User);
    // By this call the log knows what the close does.
    let linger = ("setsockopt".to_owned(), "SOL_SOCKET, SO_LINGER, {1, 0}".to_owned(), "0".to_owned());
    assert!(bench.calls(child).contains(&linger));
    assert_eq!(peer.read(&mut [0; 1]).unwrap_err().raw_os_error(), Some(104));
}

// Case 14.
#[tokio::test]
async fn a_send_to_a_closed_peer_fails_and_says_so() {
    let mut bench = Bench::new();
    let (_, child, peer) = bench.pair("?after-fin=keep").await;
    drop(peer);
    bench.next_of(child, |fact| matches!(fact, Fact::PeerClosed).then_some(())).await;
    // The first is taken by the system and answered with RST; some later one fails.
    let error = loop {
        let ticket = bench.send(Target::Socket(child), b"x");
        let outcome = bench
            .next_of(child, |fact| match fact {
                Fact::Sent { ticket: of, .. } if *of == ticket => Some(None),
                Fact::SendFailed { ticket: of, error } if *of == ticket => Some(Some(error.clone())),
                _ => None,
            })
            .await;
        if let Some(error) = outcome {
            break error;
        }
    };
    assert_eq!(error.code().as_deref(), Some("EPIPE"));
    // That RST was the end of the connection, whatever becomes of others after a FIN.
    assert_eq!(bench.closed(child).await, CloseReason::Reset);
    let ticket = bench.send(Target::Socket(child), b"x");
    assert_eq!(bench.send_failed(child, ticket).await.code().as_deref(), Some("ENOTCONN"));
}

// Case 13.
#[tokio::test]
async fn a_close_that_throws_away_what_was_not_read_is_a_reset_and_is_told_before() {
    let mut bench = Bench::new();
    let (_, child, mut peer) = bench.pair("").await;
    let flood = thread::spawn(move || {
        let chunk = noise(64 * 1024, 13);
        loop {
            if let Err(error) = peer.write_all(&chunk) {
                return error.kind();
            }
        }
    });
    // Nothing is read while no block goes back.
    let mut held = Vec::new();
    while let Ok(batch) = tokio::time::timeout(Duration::from_millis(300), bench.batches.next()).await {
        held.push(batch.unwrap());
    }
    bench.close(child, CloseHow::Normal);
    assert_eq!(flood.join().unwrap(), std::io::ErrorKind::ConnectionReset);
    for batch in held {
        bench.keep(batch);
    }
    let told = bench.note(child, "close").await;
    let count = told
        .strip_prefix("the peer gets RST instead of FIN, for ")
        .and_then(|rest| rest.strip_suffix(" bytes that came are unread and thrown away"));
    assert!(count.is_some_and(|count| count.parse::<u32>().is_ok_and(|count| count > 0)), "{told}");
    assert_eq!(bench.closed(child).await, CloseReason::User);

    // What was read in time is no loss, and the peer gets FIN.
    let (_, child, mut peer) = bench.pair("").await;
    peer.write_all(b"read").unwrap();
    bench.received(child, 4).await;
    bench.close(child, CloseHow::Normal);
    assert_eq!(peer.read(&mut [0; 1]).unwrap(), 0);
    bench.closed(child).await;
    let notes = |seen: &crate::bench::Seen| matches!(&seen.fact, Fact::Note { name, .. } if name == "close");
    assert_eq!(bench.seen.iter().filter(|seen| seen.socket == child && notes(seen)).count(), 0);
}

#[tokio::test]
async fn many_clients_each_get_their_own_bytes_back() {
    let mut bench = Bench::new();
    let listener = bench.open("tcp-listen://127.0.0.1:0?backlog=1000");
    let address = bench.opened(listener).await;
    let clients: Vec<_> = (0..1000).map(|_| bench.open(&format!("tcp://{address}"))).collect();
    let mut children = Vec::new();
    while children.len() < clients.len() {
        children.push(bench.accepted(listener).await);
    }
    let mut numbers: Vec<_> = children.iter().map(|(_, number)| *number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=1000).collect::<Vec<_>>());
    for client in &clients {
        bench.send(Target::Socket(*client), &client.get().to_le_bytes());
    }
    let mut got = Vec::new();
    for (child, _) in &children {
        bench.at = 0;
        got.push(u32::from_le_bytes(bench.received(*child, 4).await.try_into().unwrap()));
    }
    got.sort_unstable();
    assert_eq!(got, clients.iter().map(|client| client.get()).collect::<Vec<_>>());
    // And one word to all of them.
    bench.at = bench.seen.len();
    bench.send(Target::Children(listener), b"all");
    for client in clients {
        bench.at = 0;
        assert_eq!(bench.received(client, 3).await, b"all");
    }
}

#[tokio::test]
async fn a_receiver_that_stops_holds_the_sender_up_and_nothing_is_lost() {
    const LEN: usize = 64 * 1024 * 1024;
    let mut bench = Bench::new();
    let (_, child, mut peer) = bench.pair("?after-fin=close").await;
    let payload = Arc::new(noise(LEN, 99));
    let sending = Arc::clone(&payload);
    let sender = thread::spawn(move || {
        peer.write_all(&sending).unwrap();
    });
    // Takes what the engine gives and returns no block, until the engine has none left and says nothing more.
    let mut held = Vec::new();
    while let Ok(batch) = tokio::time::timeout(Duration::from_millis(300), bench.batches.next()).await {
        held.push(batch.unwrap());
    }
    let blocks: usize = held.iter().map(|batch| batch.used).sum();
    assert!(blocks < LEN / 2, "{blocks} bytes came without a block going back");
    assert!(!sender.is_finished(), "the sender was not held up");
    // Other sockets can be ordered about meanwhile, and their news come when there is room.
    let listener = bench.open("tcp-listen://127.0.0.1:0");
    for batch in held {
        bench.keep(batch);
    }
    bench.opened(listener).await;
    bench.at = 0;
    let received = bench.received(child, LEN).await;
    assert!(received == *payload, "the bytes differ");
    sender.join().unwrap();
    assert_eq!(bench.closed(child).await, CloseReason::Peer);
}

// Case 15.
#[tokio::test]
async fn a_slow_reader_does_not_stop_what_we_hear() {
    let mut bench = Bench::new();
    let (_, child, mut peer) = bench.pair("").await;
    let ticket = bench.send(Target::Socket(child), &noise(30_000_000, 3));
    peer.write_all(b"still talking").unwrap();
    assert_eq!(bench.received(child, 13).await, b"still talking");
    // More than may wait is refused; closing drops the rest after its time.
    let small = bench.send(Target::Socket(child), &noise(60_000_000, 3));
    assert!(bench.send_failed(child, small).await.cause.contains("64 MiB"));
    bench.close(child, CloseHow::Normal);
    bench.send_failed(child, ticket).await;
    assert_eq!(bench.closed(child).await, CloseReason::User);
}

#[tokio::test]
async fn a_big_send_is_reported_call_by_call() {
    let mut bench = Bench::new();
    let (_, child, mut peer) = bench.pair("").await;
    let payload = noise(5_000_000, 5);
    bench.send(Target::Socket(child), &payload);
    let len = payload.len();
    let reader = thread::spawn(move || {
        let mut all = vec![0; len];
        peer.read_exact(&mut all).unwrap();
        all
    });
    let mut sent = Vec::new();
    loop {
        let seen = bench.next(|seen| matches!(seen.fact, Fact::Sent { .. })).await;
        assert!(seen.bytes.len() <= BLOCK_SIZE);
        sent.extend(seen.bytes);
        let Fact::Sent { remaining, .. } = seen.fact else { unreachable!() };
        assert_eq!(remaining, (len - sent.len()) as u64);
        if remaining == 0 {
            break;
        }
    }
    assert!(sent == payload && reader.join().unwrap() == payload);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn whatever_the_chunks_every_byte_arrives_once_and_in_order(
        outward in prop::collection::vec(0usize..200_000, 1..12),
        inward in prop::collection::vec(0usize..200_000, 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut bench = Bench::new();
            let (_, child, mut peer) = bench.pair("").await;
            let (total_out, total_in): (usize, usize) = (outward.iter().sum(), inward.iter().sum());
            let (bytes_out, bytes_in) = (noise(total_out, 11), noise(total_in, 12));
            let mut rest = &bytes_out[..];
            for len in outward {
                bench.send(Target::Socket(child), &rest[..len]);
                rest = &rest[len..];
            }
            let mut reading = peer.try_clone().unwrap();
            let reader = thread::spawn(move || {
                let mut all = vec![0; total_out];
                reading.read_exact(&mut all).unwrap();
                all
            });
            let written = bytes_in.clone();
            let writer = thread::spawn(move || {
                let mut rest = &written[..];
                for len in inward {
                    peer.write_all(&rest[..len]).unwrap();
                    rest = &rest[len..];
                }
                peer
            });
            let received = bench.received(child, total_in).await;
            assert!(received == bytes_in && reader.join().unwrap() == bytes_out);
            drop(writer.join().unwrap());
        });
    }
}
