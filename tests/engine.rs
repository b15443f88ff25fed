//! The engine against real sockets on loopback.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use sockbench::contract::{
    Address, Batch, Clock, CloseHow, CloseReason, Command, Endpoint, Fact, NetError, Operation, SocketId, SocketIds,
    Target, Ticket,
};
use sockbench::engine::{Batches, EngineHandle, start};

/// How long a test waits for something before it gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// One event, with its bytes taken out of the batch.
#[derive(Clone, Debug)]
struct Seen {
    socket: SocketId,
    fact: Fact,
    bytes: Vec<u8>,
}

/// An engine, and all that it has reported.
struct Bench {
    engine: EngineHandle,
    batches: Batches,
    ids: SocketIds,
    seen: Vec<Seen>,
    /// How much of `seen` has been waited for.
    at: usize,
    tickets: u64,
}

impl Bench {
    fn new() -> Self {
        let ids = SocketIds::new();
        let (engine, batches) = start(ids.clone(), Clock::start()).unwrap();
        Self { engine, batches, ids, seen: Vec::new(), at: 0, tickets: 0 }
    }

    fn order(&self, command: Command) {
        self.engine.try_order(command).unwrap();
    }

    fn open(&self, url: &str) -> SocketId {
        let socket = self.ids.mint();
        self.order(Command::Open { socket, endpoint: url.parse::<Endpoint>().unwrap() });
        socket
    }

    fn send(&mut self, target: Target, bytes: &[u8]) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.order(Command::Send { ticket, target, bytes: bytes.into() });
        ticket
    }

    fn close(&self, socket: SocketId, how: CloseHow) {
        self.order(Command::Close { socket, how });
    }

    fn keep(&mut self, batch: Batch) {
        for event in &batch.events {
            let bytes = match &event.fact {
                Fact::Received { bytes, .. } | Fact::Sent { bytes, .. } => batch.bytes(*bytes).to_vec(),
                _ => Vec::new(),
            };
            self.seen.push(Seen { socket: event.socket, fact: event.fact.clone(), bytes });
        }
        self.engine.recycle(batch.block);
    }

    /// The next event, after those waited for before, of which `wanted` is true.
    async fn next(&mut self, wanted: impl Fn(&Seen) -> bool) -> Seen {
        loop {
            while self.at < self.seen.len() {
                self.at += 1;
                if wanted(&self.seen[self.at - 1]) {
                    return self.seen[self.at - 1].clone();
                }
            }
            let batch = tokio::time::timeout(PATIENCE, self.batches.next()).await;
            let batch = batch.unwrap_or_else(|_| panic!("it never came; seen: {:#?}", self.last_few()));
            let batch = batch.unwrap_or_else(|| panic!("the engine ended; seen: {:#?}", self.last_few()));
            self.keep(batch);
        }
    }

    async fn next_of<T>(&mut self, socket: SocketId, pick: impl Fn(&Fact) -> Option<T>) -> T {
        let seen = self.next(|seen| seen.socket == socket && pick(&seen.fact).is_some()).await;
        pick(&seen.fact).unwrap()
    }

    fn last_few(&self) -> &[Seen] {
        &self.seen[self.seen.len().saturating_sub(20)..]
    }

    async fn opened(&mut self, socket: SocketId) -> SocketAddr {
        let Address::Ip(local) = self
            .next_of(socket, |fact| match fact {
                Fact::Opened { local, .. } => Some(local.clone()),
                _ => None,
            })
            .await;
        local
    }

    async fn connected(&mut self, socket: SocketId) {
        self.next_of(socket, |fact| matches!(fact, Fact::Connected { .. }).then_some(())).await;
    }

    /// The next connection that a listener accepts.
    async fn accepted(&mut self, listener: SocketId) -> (SocketId, u32) {
        let seen = self.next(|seen| matches!(seen.fact, Fact::Accepted { parent, .. } if parent == listener)).await;
        match seen.fact {
            Fact::Accepted { number, .. } => (seen.socket, number),
            _ => unreachable!(),
        }
    }

    async fn closed(&mut self, socket: SocketId) -> CloseReason {
        self.next_of(socket, |fact| match fact {
            Fact::Closed { reason } => Some(*reason),
            _ => None,
        })
        .await
    }

    async fn failed(&mut self, socket: SocketId) -> NetError {
        self.next_of(socket, |fact| match fact {
            Fact::Failed(error) => Some((**error).clone()),
            _ => None,
        })
        .await
    }

    async fn send_failed(&mut self, socket: SocketId, ticket: Ticket) -> NetError {
        self.next_of(socket, |fact| match fact {
            Fact::SendFailed { ticket: of, error } if *of == ticket => Some((**error).clone()),
            _ => None,
        })
        .await
    }

    /// Receives on a socket until it has `len` bytes more.
    async fn received(&mut self, socket: SocketId, len: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < len {
            let seen = self.next(|seen| seen.socket == socket && matches!(seen.fact, Fact::Received { .. })).await;
            bytes.extend(seen.bytes);
        }
        bytes
    }

    fn calls(&self, socket: SocketId) -> Vec<(String, String, String)> {
        let calls = self.seen.iter().filter(|seen| seen.socket == socket);
        calls
            .filter_map(|seen| match &seen.fact {
                Fact::Call { call, args, result } => Some((call.to_string(), args.clone(), result.clone())),
                _ => None,
            })
            .collect()
    }

    /// A listener, a connection to it from outside, and the id of its end here.
    async fn pair(&mut self, options: &str) -> (SocketId, SocketId, TcpStream) {
        let listener = self.open(&format!("tcp-listen://127.0.0.1:0{options}"));
        let address = self.opened(listener).await;
        let peer = TcpStream::connect(address).unwrap();
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        let (child, _) = self.accepted(listener).await;
        (listener, child, peer)
    }
}

/// Bytes in which a shift, a repetition or a loss shows.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

#[tokio::test]
async fn a_listener_tells_each_call_and_accepts_and_answers() {
    let mut bench = Bench::new();
    let (listener, child, mut peer) = bench.pair("?backlog=7").await;
    let names: Vec<_> = bench.calls(listener).into_iter().map(|(call, args, _)| (call, args)).collect();
    let named = |call: &str, args: &str| (call.to_owned(), args.to_owned());
    assert_eq!(
        names,
        [
            named("socket", "AF_INET, SOCK_STREAM, 0"),
            named("setsockopt", "SOL_SOCKET, SO_REUSEADDR, 1"),
            named("bind", "127.0.0.1:0"),
            named("listen", "7"),
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
    assert_eq!(peer.read(&mut [0; 1]).unwrap_err().raw_os_error(), Some(104));
}

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
    bench.close(child, CloseHow::Normal);
    assert_eq!(bench.closed(child).await, CloseReason::User);
    let ticket = bench.send(Target::Socket(child), b"x");
    assert_eq!(bench.send_failed(child, ticket).await.code().as_deref(), Some("ENOTCONN"));
}

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
            "bind 127.0.0.1:0".to_owned(),
            "setsockopt IPPROTO_TCP, TCP_NODELAY, 1".to_owned(),
            format!("connect {address}"),
        ]
    );
}

/// A listener whose queue of connections is full, so that it answers no SYN any more.
fn silent_listener() -> (socket2::Socket, Vec<TcpStream>, SocketAddr) {
    let silent = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    silent.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    silent.listen(0).unwrap();
    let address = silent.local_addr().unwrap().as_socket().unwrap();
    let waiting = std::iter::from_fn(|| TcpStream::connect_timeout(&address, Duration::from_millis(300)).ok());
    let waiting: Vec<_> = waiting.take(10).collect();
    assert!(waiting.len() < 10, "the backlog never filled");
    (silent, waiting, address)
}

#[tokio::test]
async fn a_silent_address_times_out_and_a_try_can_be_cancelled() {
    let mut bench = Bench::new();
    let (_silent, _waiting, address) = silent_listener();
    let client = bench.open(&format!("tcp://{address}?connect-timeout=50ms"));
    let error = bench.failed(client).await;
    assert_eq!((error.operation, error.code().as_deref()), (Operation::Connect, Some("ETIMEDOUT")));
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
        assert!(seen.bytes.len() <= 256 * 1024);
        sent.extend(seen.bytes);
        let Fact::Sent { remaining, .. } = seen.fact else { unreachable!() };
        assert_eq!(remaining, (len - sent.len()) as u64);
        if remaining == 0 {
            break;
        }
    }
    assert!(sent == payload && reader.join().unwrap() == payload);
}

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

#[tokio::test]
async fn received_and_lost_datagrams_are_all_that_were_sent() {
    const COUNT: u64 = 40_000;
    const LEN: usize = 1024;
    let mut bench = Bench::new();
    let server = bench.open("udp-bind://127.0.0.1:0");
    let address = bench.opened(server).await;
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    // No block goes back while these come, in portions that fit the socket's buffer.
    let payload = [7; LEN];
    let mut held = Vec::new();
    for number in 0..COUNT {
        sender.send_to(&payload, address).unwrap();
        if number % 64 == 63 {
            // A word to a socket that is not there is answered in turn, so what came before is read.
            while let Ok(batch) = tokio::time::timeout(Duration::from_micros(500), bench.batches.next()).await {
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

async fn ends_in_time(mut batches: Batches, started: Instant) -> Vec<(SocketId, Fact)> {
    let mut facts = Vec::new();
    while let Some(batch) = tokio::time::timeout(PATIENCE, batches.next()).await.expect("it never ended") {
        facts.extend(batch.events.into_iter().map(|event| (event.socket, event.fact)));
    }
    let took = started.elapsed();
    assert!(took < Duration::from_millis(1100), "{took:?}");
    facts
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
        let chunk = [0; 65536];
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
