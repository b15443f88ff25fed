//! UDP.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use sockbench::contract::{Address, CloseHow, CloseReason, Fact, Operation, Target};

use crate::bench::{Bench, PATIENCE, noise};

#[tokio::test]
async fn datagrams_go_both_ways_and_empty_ones_are_messages() {
    let mut bench = Bench::new();
    let server = bench.open("udp-bind://127.0.0.1:0");
    let address = bench.opened(server).await;
    let ticket = bench.send(Target::Socket(server), b"?");
    assert!(bench.send_failed(server, ticket).await.cause.contains("no one to answer"));
    let client = bench.open(&format!("udp://{address}"));
    let client_port = bench.opened(client).await.port();
    let from_client = Address::Ip((Ipv4Addr::LOCALHOST, client_port).into());
    for payload in [&b"one"[..], b"", &noise(65_507, 1)] {
        bench.send(Target::Socket(client), payload);
        let seen = bench.next(|seen| seen.socket == server && matches!(seen.fact, Fact::Received { .. })).await;
        assert!(seen.bytes == payload);
        assert!(matches!(&seen.fact, Fact::Received { peer: Some(peer), .. } if *peer == from_client));
        bench.send(Target::Socket(server), payload);
        let seen = bench.next(|seen| seen.socket == client && matches!(seen.fact, Fact::Received { .. })).await;
        assert!(seen.bytes == payload);
    }
    let ticket = bench.send(Target::Socket(client), &noise(65_508, 1));
    assert_eq!(bench.send_failed(client, ticket).await.code().as_deref(), Some("EMSGSIZE"));
    // A third party is heard, and can be chosen.
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    other.set_read_timeout(Some(PATIENCE)).unwrap();
    bench.send(Target::Peer(client, other.local_addr().unwrap().into()), b"you");
    let mut buffer = [0; 8];
    let (len, from) = other.recv_from(&mut buffer).unwrap();
    assert_eq!((&buffer[..len], from.port()), (&b"you"[..], client_port));
    bench.close(server, CloseHow::HalfClose);
    assert_eq!(bench.failed(server).await.operation, Operation::Shutdown);
    bench.close(server, CloseHow::Normal);
    assert_eq!(bench.closed(server).await, CloseReason::User);
}

#[tokio::test]
async fn a_dead_port_is_told_and_the_socket_lives_on() {
    let mut bench = Bench::new();
    let dead = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = bench.open(&format!("udp://{dead}"));
    bench.opened(client).await;
    for _ in 0..3 {
        bench.send(Target::Socket(client), b"anyone?");
        let error = bench.failed(client).await;
        assert_eq!(error.code().as_deref(), Some("ECONNREFUSED"));
        assert_eq!(error.address, Some(dead.to_string()));
    }
    let alive = UdpSocket::bind(dead).unwrap();
    alive.set_read_timeout(Some(PATIENCE)).unwrap();
    bench.send(Target::Socket(client), b"now?");
    let mut buffer = [0; 8];
    let (len, from) = alive.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..len], b"now?");
    alive.send_to(b"yes", from).unwrap();
    assert_eq!(bench.received(client, 3).await, b"yes");
}

/// The bytes in the receive buffer of the UDP socket on this port of `127.0.0.1`, from proc(5); `None` where its row
/// was missed, since the table is no snapshot while other sockets come and go.
fn waiting_in_the_kernel(port: u16) -> Option<u64> {
    let table = std::fs::read_to_string("/proc/net/udp").unwrap();
    let local = format!("0100007F:{port:04X}");
    let row = table.lines().find(|row| row.split_whitespace().nth(1) == Some(&local))?;
    let (_, received) = row.split_whitespace().nth(4).unwrap().split_once(':').unwrap();
    Some(u64::from_str_radix(received, 16).unwrap())
}

#[tokio::test]
async fn received_and_lost_datagrams_are_all_that_were_sent() {
    const COUNT: u64 = 40_000;
    const LEN: usize = 1024;
    let mut bench = Bench::new();
    let server = bench.open("udp-bind://127.0.0.1:0");
    let address = bench.opened(server).await;
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    // No block goes back while these come, in portions that fit any socket's buffer, and are read out of it.
    let payload = [7; LEN];
    let mut held = Vec::new();
    for number in 0..COUNT {
        sender.send_to(&payload, address).unwrap();
        if number % 32 == 31 {
            while waiting_in_the_kernel(address.port()) != Some(0) {
                tokio::task::yield_now().await;
            }
            while let Ok(batch) = tokio::time::timeout(Duration::ZERO, bench.batches.next()).await {
                held.push(batch.unwrap());
            }
        }
    }
    for batch in held {
        bench.keep(batch);
    }
    let (mut received, mut lost, mut lost_bytes) = (0, 0, 0);
    bench.at = 0;
    while received + lost < COUNT {
        let seen = bench.next(|seen| matches!(seen.fact, Fact::Received { .. } | Fact::Lost { .. })).await;
        match seen.fact {
            Fact::Lost { count, bytes } => {
                lost += count;
                lost_bytes += bytes.unwrap();
            }
            _ => received += 1,
        }
    }
    assert!(lost > 0, "the blocks were enough for all");
    assert_eq!((received + lost, lost_bytes), (COUNT, lost * LEN as u64));
    sender.send_to(b"after", address).unwrap();
    assert_eq!(bench.received(server, 5).await, b"after");
}
