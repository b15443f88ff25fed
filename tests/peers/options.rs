//! That an option does what it says is seen from outside: by the peer, by `ss` where it is installed, by the kernel's
//! tables, and for what only the kernel can tell, by what it tells when asked.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sockbench::contract::{Address, CloseHow, Command, Fact, ReportContent, SocketId, SocketView, Target, option_spec};

use crate::bench::{Bench, PATIENCE, silent_listener};
use crate::peer::Peer;

/// What the kernel knows of a socket now.
async fn view(bench: &mut Bench, socket: SocketId) -> SocketView {
    bench.order(Command::Inspect { socket });
    next_view(bench, socket).await
}

/// What the kernel knows of a socket after an option of it was changed.
async fn set(bench: &mut Bench, socket: SocketId, name: &str, text: &str) -> SocketView {
    let option = option_spec(name).unwrap();
    assert!(option.live, "{name}");
    let value = option.kind.parse(text).unwrap();
    bench.order(Command::SetOption { socket, option, value });
    next_view(bench, socket).await
}

async fn next_view(bench: &mut Bench, socket: SocketId) -> SocketView {
    loop {
        let batch = tokio::time::timeout(PATIENCE, bench.batches.next()).await.unwrap().unwrap();
        let view = batch.reports.iter().find_map(|report| match &report.content {
            ReportContent::View(view) if report.socket == socket => Some((**view).clone()),
            _ => None,
        });
        bench.keep(batch);
        if let Some(view) = view {
            return view;
        }
    }
}

#[track_caller]
fn shown<'a>(view: &'a SocketView, name: &str) -> &'a str {
    let found = view.options.iter().find(|(spec, _)| spec.name == name);
    found.unwrap_or_else(|| panic!("{name} in {view:?}")).1.as_str()
}

/// A client that is connected to a Python program that accepts one connection, and where it is.
async fn client(bench: &mut Bench, options: &str) -> (SocketId, Peer, SocketAddr) {
    let peer = Peer::script("accept_one", &[]);
    let address = SocketAddr::from(([127, 0, 0, 1], peer.port_after("port")));
    let socket = bench.open(&format!("tcp://{address}{options}"));
    let local = bench
        .next_of(socket, |fact| match fact {
            Fact::Connected { local: Address::Ip(local), .. } => Some(*local),
            _ => None,
        })
        .await;
    peer.wait_for(&format!("peer {local}"));
    (socket, peer, local)
}

/// A listener, and its connection from a Python program.
async fn accepted(bench: &mut Bench, options: &str) -> (SocketId, Peer) {
    let listener = bench.open(&format!("tcp-listen://127.0.0.1:0{options}"));
    let address = bench.opened(listener).await;
    let peer = Peer::script("dial", &["127.0.0.1", &address.port().to_string()]);
    // Else a reset could come while it still connects.
    peer.wait_for("local");
    (bench.accepted(listener).await.0, peer)
}

/// What `ss` says of the sockets that have this port at their own end; `None` where it is not installed.
fn ss(port: u16) -> Option<String> {
    let filter = format!("sport = :{port}");
    let output = std::process::Command::new("ss").args(["-tanoH", &filter]).output().ok()?;
    Some(String::from_utf8(output.stdout).unwrap())
}

#[tokio::test]
async fn the_receiver_of_a_datagram_sees_its_ttl_and_its_type_of_service() {
    for (host, written) in [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")] {
        let peer = Peer::script("datagram_view", &[host]);
        let port = peer.port_after("port");
        let mut bench = Bench::new();
        let socket = bench.open(&format!("udp://{written}:{port}?ttl=7&tos=16"));
        bench.opened(socket).await;
        bench.send(Target::Socket(socket), b"first");
        assert_eq!(peer.wait_for("first"), format!("first ttl=7 tos=16 from={host}"));
        assert_eq!(shown(&set(&mut bench, socket, "ttl", "33").await, "ttl"), "33");
        assert_eq!(shown(&set(&mut bench, socket, "tos", "184").await, "tos"), "184");
        bench.send(Target::Socket(socket), b"second");
        assert_eq!(peer.wait_for("second"), format!("second ttl=33 tos=184 from={host}"));
    }
}

#[tokio::test]
async fn ttl_and_tos_hold_for_connections_of_both_roles() {
    let mut bench = Bench::new();
    let (socket, _peer, _) = client(&mut bench, "?ttl=9&tos=8").await;
    let seen = view(&mut bench, socket).await;
    assert_eq!((shown(&seen, "ttl"), shown(&seen, "tos")), ("9", "8"));
    let (child, _peer) = accepted(&mut bench, "?ttl=9&tos=8").await;
    let seen = view(&mut bench, child).await;
    assert_eq!((shown(&seen, "ttl"), shown(&seen, "tos")), ("9", "8"));
}

#[tokio::test]
async fn members_of_a_group_see_how_far_a_multicast_goes() {
    let group = "239.77.11.1";
    let peer = Peer::script("datagram_view", &[group, group]);
    let port = peer.port_after("port");
    let mut bench = Bench::new();
    let socket = bench.open(&format!("udp://{group}:{port}?multicast-ttl=5&join={group}@127.0.0.1"));
    bench.opened(socket).await;
    bench.send(Target::Socket(socket), b"first");
    assert_eq!(peer.wait_for("ttl="), "first ttl=5 tos=0 from=127.0.0.1");
    set(&mut bench, socket, "multicast-ttl", "6").await;
    bench.send(Target::Socket(socket), b"second");
    assert_eq!(peer.wait_for("ttl="), "second ttl=6 tos=0 from=127.0.0.1");
    // The loopback interface brings back what leaves by it, whatever the option says, so only the kernel can tell.
    assert_eq!(shown(&view(&mut bench, socket).await, "multicast-loop"), "true");
    assert_eq!(shown(&set(&mut bench, socket, "multicast-loop", "false").await, "multicast-loop"), "false");
}

#[tokio::test]
async fn a_group_is_heard_from_when_it_is_joined_until_it_is_left() {
    /// Whether the kernel lists a membership of 239.77.12.N (`/proc/net/igmp` writes the bytes in the machine's order).
    fn is_member(last: u8) -> bool {
        let hex = format!("{:08X}", u32::from_ne_bytes([239, 77, 12, last]));
        std::fs::read_to_string("/proc/net/igmp").unwrap().contains(&hex)
    }
    let mut bench = Bench::new();
    let socket = bench.open("udp-bind://0.0.0.0:0?join=239.77.12.2@127.0.0.1");
    let port = bench.opened(socket).await.port();
    let mut peer = Peer::start(
        "python3",
        &[
            "-u",
            "-c",
            &format!(
                "import socket, sys\n\
                 s = socket.socket(type=socket.SOCK_DGRAM)\n\
                 s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton('127.0.0.1'))\n\
                 for line in sys.stdin: s.sendto(b'to ' + line.strip().encode(), (line.strip(), {port}))"
            ),
        ],
    );
    assert!(is_member(2) && !is_member(3));
    peer.say("239.77.12.2");
    assert_eq!(bench.received(socket, 14).await, b"to 239.77.12.2");
    set(&mut bench, socket, "join", "239.77.12.3@127.0.0.1").await;
    assert!(!is_member(2) && is_member(3));
    peer.say("239.77.12.2");
    peer.say("239.77.12.3");
    assert_eq!(bench.received(socket, 14).await, b"to 239.77.12.3");
}

#[tokio::test]
async fn a_broadcast_is_refused_until_it_is_allowed() {
    let peer = Peer::script("datagram_view", &["127.255.255.255"]);
    let port = peer.port_after("port");
    let mut bench = Bench::new();
    let socket = bench.open(&format!("udp://127.255.255.255:{port}"));
    bench.opened(socket).await;
    let ticket = bench.send(Target::Socket(socket), b"to all");
    assert_eq!(bench.send_failed(socket, ticket).await.code().as_deref(), Some("EACCES"));
    assert_eq!(shown(&set(&mut bench, socket, "broadcast", "true").await, "broadcast"), "true");
    bench.send(Target::Socket(socket), b"to all");
    peer.wait_for("to all ttl=");
}

#[tokio::test]
async fn a_close_with_no_linger_is_a_reset_at_the_peer() {
    let mut bench = Bench::new();
    let (socket, mut peer, _) = client(&mut bench, "?linger=0s").await;
    bench.close(socket, CloseHow::Normal);
    bench.closed(socket).await;
    peer.ask("receive", "ConnectionResetError: [Errno 104]");
    let (child, mut peer) = accepted(&mut bench, "?linger=0s").await;
    bench.close(child, CloseHow::Normal);
    bench.closed(child).await;
    peer.ask("receive", "error 104");
    // With the system's own linger it is the end, in order.
    let (child, mut peer) = accepted(&mut bench, "").await;
    bench.close(child, CloseHow::Normal);
    peer.ask("receive", "recv 0");
}

#[tokio::test]
async fn keepalive_runs_its_timer_and_can_be_turned_off() {
    let mut bench = Bench::new();
    let (socket, _peer, local) = client(&mut bench, "?keepalive=77s").await;
    assert_eq!(shown(&view(&mut bench, socket).await, "keepalive"), "77s");
    if let Some(sockets) = ss(local.port()) {
        assert!(sockets.contains("timer:(keepalive,1min1"), "{sockets}");
    }
    assert_eq!(shown(&set(&mut bench, socket, "keepalive", "0s").await, "keepalive"), "0s");
    if let Some(sockets) = ss(local.port()) {
        assert!(sockets.contains("ESTAB") && !sockets.contains("keepalive"), "{sockets}");
    }
    let (child, _peer) = accepted(&mut bench, "?keepalive=30s").await;
    assert_eq!(shown(&view(&mut bench, child).await, "keepalive"), "30s");
}

#[tokio::test]
async fn small_writes_are_held_back_only_where_nodelay_is_off() {
    let mut bench = Bench::new();
    for (options, nodelay) in [("", "true"), ("?nodelay=false", "false")] {
        let (socket, _peer, _) = client(&mut bench, options).await;
        assert_eq!(shown(&view(&mut bench, socket).await, "nodelay"), nodelay);
    }
    for (options, nodelay) in [("", "false"), ("?nodelay=true", "true")] {
        let (child, _peer) = accepted(&mut bench, options).await;
        assert_eq!(shown(&view(&mut bench, child).await, "nodelay"), nodelay);
        assert_eq!(shown(&set(&mut bench, child, "nodelay", "true").await, "nodelay"), "true");
    }
}

#[tokio::test]
async fn sockets_share_a_port_only_where_all_of_them_reuse_it() {
    let mut bench = Bench::new();
    for scheme in ["tcp-listen", "udp-bind"] {
        let first = bench.open(&format!("{scheme}://127.0.0.1:0?reuse-port=true"));
        let address = bench.opened(first).await;
        let second = bench.open(&format!("{scheme}://{address}?reuse-port=true"));
        assert_eq!(bench.opened(second).await, address);
        let kind = if scheme == "udp-bind" { "SOCK_DGRAM" } else { "SOCK_STREAM" };
        let script = format!(
            "s = socket.socket(type=socket.{kind}); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)\n\
             s.bind(address); print('a third')"
        );
        Peer::python(address, &script).wait_for("a third");
        let without = bench.open(&format!("{scheme}://{address}"));
        assert_eq!(bench.failed(without).await.code().as_deref(), Some("EADDRINUSE"));
    }
}

#[tokio::test]
async fn a_wildcard_of_ipv6_hears_ipv4_unless_it_is_v6only() {
    let mut bench = Bench::new();
    for (only, code) in [("true", "111"), ("false", "0")] {
        let listener = bench.open(&format!("tcp-listen://[::]:0?v6only={only}"));
        let address = bench.opened(listener).await;
        assert_eq!(shown(&view(&mut bench, listener).await, "v6only"), only);
        let mut peer = Peer::script("connect_ex", &["127.0.0.1", &address.port().to_string()]);
        peer.ask("now", &format!("connect_ex {code}"));
    }
}

#[tokio::test]
async fn buffers_are_told_as_they_were_granted() {
    let mut bench = Bench::new();
    let (client, _peer, _) = client(&mut bench, "?send-buffer=16KiB&receive-buffer=32KiB").await;
    let datagrams = bench.open("udp-bind://127.0.0.1:0?send-buffer=16KiB&receive-buffer=32KiB");
    bench.opened(datagrams).await;
    for socket in [client, datagrams] {
        let told: Vec<_> = bench.calls(socket).into_iter().filter(|(_, args, _)| args.contains("BUF")).collect();
        assert_eq!(
            told.iter().map(|(_, args, result)| (args.as_str(), result.as_str())).collect::<Vec<_>>(),
            [
                ("SOL_SOCKET, SO_SNDBUF, 16384", "0, granted 16384"),
                ("SOL_SOCKET, SO_RCVBUF, 32768", "0, granted 32768")
            ]
        );
        let seen = view(&mut bench, socket).await;
        assert_eq!((shown(&seen, "send-buffer"), shown(&seen, "receive-buffer")), ("16KiB", "32KiB"));
    }
    // More than the system allows: what it granted is told, and not what was asked for.
    let most: u64 = std::fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap().trim().parse().unwrap();
    set(&mut bench, datagrams, "receive-buffer", "1GiB").await;
    let (_, _, result) = bench.calls(datagrams).pop().unwrap();
    assert_eq!(result, format!("0, granted {most}"));
}

#[tokio::test]
async fn the_backlog_is_the_listeners_queue() {
    let mut bench = Bench::new();
    let listener = bench.open("tcp-listen://127.0.0.1:0?backlog=17");
    let address = bench.opened(listener).await;
    assert_eq!(bench.calls(listener).pop().unwrap().1, "17");
    if let Some(sockets) = ss(address.port()) {
        let columns: Vec<_> = sockets.split_whitespace().take(3).collect();
        assert_eq!(columns, ["LISTEN", "0", "17"], "{sockets}");
    }
}

#[tokio::test]
async fn the_peer_sees_the_source_that_was_chosen() {
    let mut bench = Bench::new();
    let (socket, _peer, local) = client(&mut bench, "?source=127.0.0.5:0").await;
    assert_eq!(local.ip().to_string(), "127.0.0.5");
    let names: Vec<_> = bench.calls(socket).into_iter().map(|(call, ..)| call).collect();
    assert_eq!(names, ["socket", "setsockopt", "setsockopt", "bind", "connect"]);
    let peer = Peer::script("datagram_view", &["127.0.0.1"]);
    let port = peer.port_after("port");
    let socket = bench.open(&format!("udp://127.0.0.1:{port}?source=127.0.0.6:0"));
    bench.opened(socket).await;
    bench.send(Target::Socket(socket), b"hello");
    assert!(peer.wait_for("hello").ends_with("from=127.0.0.6"));
}

#[tokio::test]
async fn a_peer_that_does_not_answer_is_waited_for_as_long_as_was_said() {
    let (_silent, _waiting, address) = silent_listener();
    let mut bench = Bench::new();
    let started = Instant::now();
    let socket = bench.open(&format!("tcp://{address}?connect-timeout=300ms"));
    let error = bench.failed(socket).await;
    assert_eq!(error.code().as_deref(), Some("ETIMEDOUT"));
    assert!(started.elapsed() >= Duration::from_millis(300), "{:?}", started.elapsed());
}

// Case 23.
#[tokio::test]
async fn a_listener_opens_again_over_time_wait_unless_told_not_to() {
    let mut bench = Bench::new();
    let listener = bench.open("tcp-listen://127.0.0.1:0");
    let address = bench.opened(listener).await;
    let mut peer = Peer::script("dial", &["127.0.0.1", &address.port().to_string()]);
    let (child, _) = bench.accepted(listener).await;
    // Our end closes first, so the old connection lingers here.
    bench.close(child, CloseHow::Normal);
    bench.closed(child).await;
    peer.ask("receive", "recv 0");
    peer.ask("close", "closed");
    bench.close(listener, CloseHow::Normal);
    bench.closed(listener).await;
    let strict = bench.open(&format!("tcp-listen://{address}?reuse-address=false"));
    assert_eq!(bench.failed(strict).await.code().as_deref(), Some("EADDRINUSE"));
    let listener = bench.open(&format!("tcp-listen://{address}"));
    assert_eq!(bench.opened(listener).await, address);
}
