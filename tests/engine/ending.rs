//! The end of the engine.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use sockbench::contract::{CloseHow, CloseReason, Command, Fact, SocketId, Target};
use sockbench::engine::Batches;

use crate::bench::{Bench, PATIENCE, noise, silent_listener};

async fn ends_in_time(mut batches: Batches, started: Instant) -> Vec<(SocketId, Fact)> {
    let mut facts = Vec::new();
    while let Some(batch) = tokio::time::timeout(PATIENCE, batches.next()).await.expect("it never ended") {
        facts.extend(batch.events.into_iter().map(|event| (event.socket, event.fact)));
    }
    let took = started.elapsed();
    assert!(took < Duration::from_millis(1100), "{took:?}");
    facts
}

/// The state in the kernel of the connection of TCP from this port of `127.0.0.1` to that, from proc(5).
fn kernel_state(local: SocketAddr, peer: SocketAddr) -> Option<u8> {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let wanted = [local, peer].map(|address| format!("0100007F:{:04X}", address.port()));
    let row = table.lines().find(|row| row.split_whitespace().skip(1).take(2).eq(wanted.iter()))?;
    u8::from_str_radix(row.split_whitespace().nth(3)?, 16).ok()
}

#[tokio::test]
async fn a_close_that_lingers_holds_up_no_other_socket() {
    const FIN_WAIT_1: u8 = 4;
    let mut bench = Bench::new();
    let (_, child, peer) = bench.pair("?linger=100s").await;
    let (here, there) = (peer.peer_addr().unwrap(), peer.local_addr().unwrap());
    let ticket = bench.send(Target::Socket(child), &vec![7; 50_000_000]);
    bench.next_of(child, |fact| matches!(fact, Fact::Sent { .. }).then_some(())).await;
    bench.close(child, CloseHow::Normal);
    while kernel_state(here, there) != Some(FIN_WAIT_1) {
        tokio::task::yield_now().await;
        std::thread::yield_now();
    }
    let other = bench.open("udp-bind://127.0.0.1:0");
    bench.opened(other).await;
    // Once nobody is there to wait for, it is over.
    drop(peer);
    bench.send_failed(child, ticket).await;
    assert_eq!(bench.closed(child).await, CloseReason::User);
}

#[tokio::test]
async fn shutting_down_sends_what_waits_and_closes_all_within_a_second() {
    let mut bench = Bench::new();
    let (listener, child, mut peer) = bench.pair("").await;
    let (_, stuck, stuck_peer) = bench.pair("").await;
    let (_silent, _waiting, address) = silent_listener();
    let connecting = bench.open(&format!("tcp://{address}"));
    let udp = bench.open("udp-bind://127.0.0.1:0");
    bench.opened(udp).await;
    bench.send(Target::Socket(child), b"bye");
    bench.send(Target::Socket(stuck), &noise(30_000_000, 1));
    let started = Instant::now();
    bench.order(Command::ShutDown);
    let facts = ends_in_time(bench.batches, started).await;
    for socket in [listener, child, stuck, connecting, udp] {
        assert!(facts.contains(&(socket, Fact::Closed { reason: CloseReason::Shutdown })), "{socket:?}: {facts:#?}");
    }
    let mut rest = Vec::new();
    peer.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"bye");
    assert!(bench.engine.try_order(Command::ShutDown).is_err());
    drop(stuck_peer);
}

#[tokio::test]
async fn the_engine_ends_though_nobody_takes_its_batches() {
    let mut bench = Bench::new();
    let (_, _, mut peer) = bench.pair("").await;
    let flood = thread::spawn(move || {
        let chunk = vec![0; 64 * 1024];
        // Until the engine has gone, and its end of the connection with it.
        while peer.write_all(&chunk).is_ok() {}
    });
    // So much that every block is out.
    let mut held = Vec::new();
    while let Ok(batch) = tokio::time::timeout(Duration::from_millis(300), bench.batches.next()).await {
        held.push(batch.unwrap());
    }
    bench.order(Command::ShutDown);
    flood.join().unwrap();
}

#[tokio::test]
async fn dropping_either_end_ends_the_engine() {
    let mut bench = Bench::new();
    let (_, _, mut peer) = bench.pair("").await;
    drop(bench.batches);
    assert!(matches!(peer.read(&mut [0; 1]), Ok(0) | Err(_)));
    let mut bench = Bench::new();
    let (_, _, mut peer) = bench.pair("").await;
    drop(bench.engine);
    assert!(matches!(peer.read(&mut [0; 1]), Ok(0)));
    let facts = ends_in_time(bench.batches, Instant::now()).await;
    assert!(facts.iter().any(|(_, fact)| matches!(fact, Fact::Closed { reason: CloseReason::Shutdown })));
}
