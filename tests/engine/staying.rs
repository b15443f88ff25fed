//! Connections that come back, and those that end because nothing goes on.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use sockbench::contract::{CloseHow, CloseReason, Command, Fact, Target, Value, option_spec};

use crate::bench::{Bench, PATIENCE};

#[tokio::test]
async fn a_client_connects_again_until_the_user_closes_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut bench = Bench::new();
    let client = bench.open(&format!("tcp://{address}?reconnect=20ms&after-fin=close"));
    for round in 0..3u8 {
        let (mut peer, _) = listener.accept().unwrap();
        bench.connected(client).await;
        peer.write_all(&[round]).unwrap();
        assert_eq!(bench.received(client, 1).await, [round]);
        drop(peer);
        assert_eq!(bench.closed(client).await, CloseReason::Peer);
        assert_eq!(bench.note(client, "reconnect").await, "tries again in 20ms");
    }
    let (peer, _) = listener.accept().unwrap();
    bench.connected(client).await;
    drop((listener, peer));
    let pauses = ["20ms", "40ms", "80ms"];
    for pause in pauses {
        assert_eq!(bench.note(client, "reconnect").await, format!("tries again in {pause}"));
    }
    bench.close(client, CloseHow::Normal);
    assert_eq!(bench.closed(client).await, CloseReason::User);
    let refused =
        bench.calls(client).into_iter().filter(|(call, _, result)| call == "connect" && result.contains("111"));
    assert!(refused.count() >= 2);
}

#[tokio::test]
async fn an_option_that_was_changed_holds_for_the_next_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut bench = Bench::new();
    let client = bench.open(&format!("tcp://{}?reconnect=10ms&after-fin=close", listener.local_addr().unwrap()));
    let (peer, _) = listener.accept().unwrap();
    bench.connected(client).await;
    let option = option_spec("ttl").unwrap();
    bench.order(Command::SetOption { socket: client, option, value: Value::Integer(7) });
    bench.viewed().await;
    drop(peer);
    let _peer = listener.accept().unwrap();
    bench.connected(client).await;
    bench.order(Command::Inspect { socket: client });
    let view = bench.viewed().await;
    assert!(view.options.iter().any(|(spec, value)| spec.name == "ttl" && value == "7"), "{view:?}");
}

#[tokio::test]
async fn a_half_close_ends_with_its_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut bench = Bench::new();
    let client = bench.open(&format!("tcp://{}?reconnect=10ms", listener.local_addr().unwrap()));
    let (mut peer, _) = listener.accept().unwrap();
    bench.connected(client).await;
    bench.close(client, CloseHow::HalfClose);
    peer.read_to_end(&mut Vec::new()).unwrap();
    drop(peer);
    let (mut peer, _) = listener.accept().unwrap();
    bench.connected(client).await;
    bench.send(Target::Socket(client), b"again");
    let mut bytes = [0; 5];
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    peer.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"again");
}

#[tokio::test]
async fn a_connection_without_traffic_times_out_and_traffic_keeps_it() {
    let mut bench = Bench::new();
    let (_, child, mut peer) = bench.pair("?idle-timeout=300ms").await;
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(700) {
        peer.write_all(b"x").unwrap();
        bench.received(child, 1).await;
        bench.send(Target::Socket(child), b"y");
        peer.read_exact(&mut [0]).unwrap();
    }
    let last = Instant::now();
    assert_eq!(bench.closed(child).await, CloseReason::Timeout);
    assert!(last.elapsed() >= Duration::from_millis(250));
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
}

#[tokio::test]
async fn a_send_that_the_kernel_takes_only_part_of_is_told_as_the_call_was() {
    let mut bench = Bench::new();
    let (_, child, peer) = bench.pair("").await;
    let ticket = bench.send(Target::Socket(child), &vec![7; 50_000_000]);
    let (asked, taken) = bench
        .next_of(child, |fact| match fact {
            Fact::Call { call, args, result } if call == "send" => Some((args.clone(), result.clone())),
            _ => None,
        })
        .await;
    assert_eq!(asked, "50000000");
    let taken: usize = taken.parse().unwrap();
    assert!(taken > 100_000 && taken < 50_000_000, "{taken}");
    let reader = std::thread::spawn(move || read_all(peer));
    bench
        .next_of(child, |fact| {
            matches!(fact, Fact::Sent { ticket: of, remaining: 0, .. } if *of == ticket).then_some(())
        })
        .await;
    bench.close(child, CloseHow::Normal);
    assert_eq!(reader.join().unwrap(), 50_000_000);
    let logged: usize = bench.seen.iter().map(|seen| seen.bytes.len()).sum();
    assert_eq!(logged, 50_000_000);
}

#[tokio::test]
async fn what_the_kernel_took_is_in_the_log_although_the_connection_is_aborted() {
    let mut bench = Bench::new();
    let (_, child, peer) = bench.pair("").await;
    let ticket = bench.send(Target::Socket(child), &vec![7; 50_000_000]);
    bench.close(child, CloseHow::Abort);
    let error = bench.send_failed(child, ticket).await;
    assert_eq!(bench.closed(child).await, CloseReason::User);
    let logged: usize = bench.seen.iter().map(|seen| seen.bytes.len()).sum();
    assert_eq!(error.cause, format!("the socket closed when {logged} of its 50000000 bytes were sent"));
    drop(peer);
}

fn read_all(mut peer: TcpStream) -> usize {
    let mut all = Vec::new();
    peer.read_to_end(&mut all).unwrap();
    all.len()
}
