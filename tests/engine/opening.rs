//! Opening sockets, and failing to.

use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};

use sockbench::contract::{CloseHow, CloseReason, Command, Fact, Operation, Target};

use crate::bench::{Bench, silent_listener};

// Case 16.
#[tokio::test]
async fn what_can_not_be_opened_says_errno_and_address_and_can_be_tried_again() {
    let mut bench = Bench::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let url = format!("tcp-listen://{address}");
    let listener = bench.open(&url);
    let error = bench.failed(listener).await;
    assert_eq!((error.operation, error.errno), (Operation::Bind, Some(98)));
    assert_eq!(error.address, Some(address.to_string()));
    let bind = ("bind".to_owned(), address.to_string(), "-1 EADDRINUSE (98)".to_owned());
    assert!(bench.calls(listener).contains(&bind));

    drop(taken);
    let client = bench.open(&format!("tcp://{address}"));
    let error = bench.failed(client).await;
    assert_eq!((error.operation, error.errno), (Operation::Connect, Some(111)));

    bench.order(Command::Open { socket: listener, endpoint: url.parse().unwrap() });
    assert_eq!(bench.opened(listener).await, address);
    bench.order(Command::Open { socket: client, endpoint: format!("tcp://{address}").parse().unwrap() });
    bench.connected(client).await;
}

#[tokio::test]
async fn a_client_says_its_calls_and_is_bound_to_its_source() {
    let mut bench = Bench::new();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let client = bench.open(&format!("tcp://{address}?source=127.0.0.1:0"));
    bench.connected(client).await;
    let calls: Vec<_> = bench.calls(client).into_iter().map(|(call, args, _)| format!("{call} {args}")).collect();
    assert_eq!(
        calls,
        [
            "socket AF_INET, SOCK_STREAM, 0".to_owned(),
            "setsockopt IPPROTO_TCP, TCP_NODELAY, 1".to_owned(),
            "setsockopt SOL_SOCKET, SO_OOBINLINE, 1".to_owned(),
            "bind 127.0.0.1:0".to_owned(),
            format!("connect {address}"),
        ]
    );
}

// Case 16.
#[tokio::test]
async fn a_silent_address_times_out_and_a_try_can_be_cancelled() {
    let mut bench = Bench::new();
    let (_silent, _waiting, address) = silent_listener();
    let client = bench.open(&format!("tcp://{address}?connect-timeout=50ms"));
    let error = bench.failed(client).await;
    assert_eq!((error.operation, error.code().as_deref()), (Operation::Connect, Some("ETIMEDOUT")));
    let tried = ("connect".to_owned(), address.to_string(), "given up after 50ms: connect-timeout".to_owned());
    assert!(bench.calls(client).contains(&tried));
    let client = bench.open(&format!("tcp://{address}"));
    let ticket = bench.send(Target::Socket(client), b"never sent");
    bench.close(client, CloseHow::Normal);
    bench.send_failed(client, ticket).await;
    assert_eq!(bench.closed(client).await, CloseReason::User);
}

#[tokio::test]
async fn an_unknown_name_fails_in_getaddrinfo() {
    let mut bench = Bench::new();
    let client = bench.open("tcp://nowhere.invalid:1");
    let error = bench.failed(client).await;
    assert_eq!(error.operation, Operation::Getaddrinfo);
    assert_eq!(error.address.as_deref(), Some("nowhere.invalid"));
}

#[tokio::test]
async fn localhost_listens_on_both_loopbacks_with_one_port() {
    let mut bench = Bench::new();
    let listener = bench.open("tcp-listen://localhost:0");
    let one = bench.opened(listener).await;
    let other = bench.opened(listener).await;
    assert_eq!(one.port(), other.port());
    let v4 = TcpStream::connect((Ipv4Addr::LOCALHOST, one.port())).unwrap();
    assert_eq!(bench.accepted(listener).await.1, 1);
    let v6 = TcpStream::connect((Ipv6Addr::LOCALHOST, one.port())).unwrap();
    assert_eq!(bench.accepted(listener).await.1, 2);
    drop((v4, v6));
}

// Case 22.
#[tokio::test]
async fn a_wildcard_of_ipv6_says_whether_it_hears_ipv4() {
    if TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).is_err() {
        println!("skipped: this machine has no IPv6");
        return;
    }
    for (option, said) in [("v6only=false", "[::] is dual-stack"), ("v6only=true", "[::] hears IPv6 only")] {
        let mut bench = Bench::new();
        let listener = bench.open(&format!("tcp-listen://[::]:0?{option}"));
        let told = bench.note(listener, "bind").await;
        assert!(told.starts_with(said), "{option}: {told}");
        let port = bench.opened(listener).await.port();
        let heard = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
        assert_eq!(heard, said.contains("dual-stack"), "{option}");
        let datagrams = bench.open(&format!("udp-bind://[::]:0?{option}"));
        assert!(bench.note(datagrams, "bind").await.starts_with(said), "{option}");
        // Who only sends hears whom it sent to.
        let client = bench.open("udp://[::1]:9");
        bench.opened(client).await;
        assert!(!bench.seen.iter().any(|seen| seen.socket == client && matches!(seen.fact, Fact::Note { .. })));
    }
}

#[tokio::test]
async fn a_listener_that_is_opened_again_goes_on_counting_its_connections() {
    let mut bench = Bench::new();
    let url = "tcp-listen://127.0.0.1:0?after-fin=keep";
    let listener = bench.open(url);
    let address = bench.opened(listener).await;
    let first = TcpStream::connect(address).unwrap();
    let (old, number) = bench.accepted(listener).await;
    assert_eq!(number, 1);
    bench.close(listener, CloseHow::Normal);
    bench.closed(listener).await;
    bench.order(Command::Open { socket: listener, endpoint: url.parse().unwrap() });
    let address = bench.opened(listener).await;
    let _second = TcpStream::connect(address).unwrap();
    let (_, number) = bench.accepted(listener).await;
    assert_eq!(number, 2);
    // And all of it can be closed at once, the connection of the first time included.
    bench.order(Command::CloseAll { root: listener, by: CloseReason::User });
    let mut open = vec![old, listener];
    while !open.is_empty() {
        let closed = bench.next(|seen| matches!(seen.fact, Fact::Closed { reason: CloseReason::User })).await;
        open.retain(|socket| *socket != closed.socket);
    }
    drop(first);
}
