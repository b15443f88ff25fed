//! Unix streams and sequenced packets.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use sockbench::contract::{
    Address, CloseHow, CloseReason, Command, Fact, Operation, SocketId, Target, UnixAddress, Value, option_spec,
};
use sockbench::rule::Rules;
use tempfile::TempDir;

use crate::bench::{Bench, PATIENCE, noise};

/// A folder, and the path of a socket in it.
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a socket");
    (folder, path)
}

fn at(path: &Path) -> Address {
    UnixAddress::Pathname(path.to_str().unwrap().as_bytes().to_vec()).into()
}

const UNNAMED: Address = Address::Unix(UnixAddress::Unnamed);

/// Waits until a listener or a pair is open.
async fn opened(bench: &mut Bench, socket: SocketId) -> Address {
    bench
        .next_of(socket, |fact| match fact {
            Fact::Opened { local, .. } => Some(local.clone()),
            _ => None,
        })
        .await
}

/// The next message that a socket receives, and whether it was cut.
async fn message(bench: &mut Bench, socket: SocketId) -> (Vec<u8>, bool) {
    let seen = bench.next(|seen| seen.socket == socket && matches!(seen.fact, Fact::Received { .. })).await;
    (seen.bytes, matches!(seen.fact, Fact::Received { truncated: true, .. }))
}

/// A stream to this path from outside.
fn peer_of(path: &Path) -> UnixStream {
    let peer = UnixStream::connect(path).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    peer
}

#[tokio::test]
async fn clients_and_listeners_of_both_kinds_meet_at_paths_and_abstract_names() {
    for kind in ["unix", "unix-seqpacket"] {
        let (_folder, path) = place();
        let name = format!("sockbench test {} {kind}", std::process::id());
        let abstract_name = Address::Unix(UnixAddress::Abstract(name.clone().into_bytes()));
        for (written, address) in [(path.to_str().unwrap().to_owned(), at(&path)), (format!("@{name}"), abstract_name)]
        {
            let mut bench = Bench::new();
            let listener = bench.open(&format!("{kind}-listen://{written}"));
            assert_eq!(opened(&mut bench, listener).await, address);
            let client = bench.open(&format!("{kind}://{written}"));
            let connected = bench.next_of(client, |fact| match fact {
                Fact::Connected { local, peer } => Some((local.clone(), peer.clone())),
                _ => None,
            });
            assert_eq!(connected.await, (UNNAMED, address.clone()));
            let accepted = bench.next(|seen| matches!(seen.fact, Fact::Accepted { .. })).await;
            let expected = Fact::Accepted { parent: listener, number: 1, local: address.clone(), peer: UNNAMED };
            assert_eq!(accepted.fact, expected);
            let child = accepted.socket;
            let who = bench.note(child, "peer").await;
            assert!(who.starts_with(&format!("pid {}, uid ", std::process::id())), "{who}");
            for (from, to) in [(client, child), (child, client)] {
                let bytes = noise(200_000, 7);
                bench.send(Target::Socket(from), &bytes);
                assert!(bench.received(to, bytes.len()).await == bytes);
            }
            bench.close(client, CloseHow::HalfClose);
            bench.next_of(child, |fact| (*fact == Fact::PeerClosed).then_some(())).await;
            bench.send(Target::Socket(child), b"still");
            assert_eq!(bench.received(client, 5).await, b"still");
            bench.close(child, CloseHow::Normal);
            assert_eq!(bench.closed(client).await, CloseReason::Peer);
        }
    }
}

// Case 25.
#[tokio::test]
async fn each_call_is_told_and_a_file_is_private_and_goes_with_its_socket() {
    let (_folder, path) = place();
    let shown = path.to_str().unwrap();
    let mut bench = Bench::new();
    let listener = bench.open(&format!("unix-listen://{shown}?backlog=3&receive-buffer=64KiB"));
    opened(&mut bench, listener).await;
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let client = bench.open(&format!("unix://{shown}"));
    let (child, _) = bench.accepted(listener).await;
    bench.close(listener, CloseHow::Normal);
    bench.closed(listener).await;
    assert!(!path.exists());
    let calls = |socket| -> Vec<String> {
        bench.calls(socket).into_iter().map(|(call, args, _)| format!("{call} {args}")).collect()
    };
    let buffer = "setsockopt SOL_SOCKET, SO_RCVBUF, 65536".to_owned();
    assert_eq!(
        calls(listener),
        [
            "socket AF_UNIX, SOCK_STREAM, 0".to_owned(),
            buffer.clone(),
            "fchmod 0600".to_owned(),
            format!("bind {shown}"),
            "listen 3".to_owned(),
            format!("unlink {shown}"),
        ]
    );
    assert_eq!(calls(client), ["socket AF_UNIX, SOCK_STREAM, 0".to_owned(), format!("connect {shown}")]);
    // The kernel does not hand it on.
    assert_eq!(calls(child), [buffer]);
}

// Case 25.
#[tokio::test]
async fn a_stale_file_is_replaced_only_where_that_was_asked_for() {
    for kind in ["unix-listen", "unix-seqpacket-listen"] {
        let (_folder, path) = place();
        drop(UnixListener::bind(&path).unwrap());
        let stale = fs::symlink_metadata(&path).unwrap();
        let url = format!("{kind}://{}", path.display());
        let mut bench = Bench::new();
        let listener = bench.open(&url);
        let error = bench.failed(listener).await;
        assert_eq!((error.operation, error.code().as_deref()), (Operation::Bind, Some("EADDRINUSE")));
        assert_eq!(error.cause, "a stale socket file: nobody answers on it");
        assert_eq!(error.hint.as_deref(), Some("Open it with unlink=true to replace it"));
        assert_eq!(fs::symlink_metadata(&path).unwrap().ino(), stale.ino());
        let endpoint = format!("{url}?unlink=true").parse().unwrap();
        bench.order(Command::Open { socket: listener, endpoint });
        opened(&mut bench, listener).await;
        let calls: Vec<_> = bench.calls(listener).into_iter().map(|(call, _, result)| (call, result)).collect();
        let last: Vec<_> = calls[calls.len() - 7..].iter().map(|(call, _)| call.as_str()).collect();
        assert_eq!(last, ["bind", "lstat", "socket", "connect", "unlink", "bind", "listen"]);
        assert!(calls.iter().any(|(call, result)| call == "connect" && result.contains("ECONNREFUSED")));
    }
}

// Case 25.
#[tokio::test]
async fn what_is_not_stale_is_never_touched() {
    let (folder, path) = place();
    let mut bench = Bench::new();
    let fails = async |bench: &mut Bench, path: &Path, cause: &str| {
        let listener = bench.open(&format!("unix-listen://{}?unlink=true", path.display()));
        let error = bench.failed(listener).await;
        assert!(error.cause.contains(cause), "{error}");
        assert!(!error.to_string().contains("port"), "{error}");
    };
    // A file, a link, and sockets that are in use: one that listens, one that does not yet, one of another type.
    fs::write(&path, "precious").unwrap();
    fails(&mut bench, &path, "no socket").await;
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(folder.path().join("nothing"), &link).unwrap();
    fails(&mut bench, &link, "no socket").await;
    let live = folder.path().join("live");
    let listener = UnixListener::bind(&live).unwrap();
    listener.set_nonblocking(true).unwrap();
    fails(&mut bench, &live, "this program holds it itself").await;
    // Whoever asks is no client.
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    let unheard = folder.path().join("unheard");
    let bound = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    bound.bind(&socket2::SockAddr::unix(&unheard).unwrap()).unwrap();
    fails(&mut bench, &unheard, "this program holds it itself").await;
    let datagrams = folder.path().join("datagrams");
    let _bound = UnixDatagram::bind(&datagrams).unwrap();
    fails(&mut bench, &datagrams, "this program holds it itself").await;
    fails(&mut bench, &folder.path().join("no/such"), "folder").await;
    fails(&mut bench, &path.join("below a file"), "no folder").await;
    let name = format!("@sockbench taken {}", std::process::id());
    let holder = bench.open(&format!("unix-listen://{name}"));
    opened(&mut bench, holder).await;
    fails(&mut bench, Path::new(&name), "this program holds it itself").await;
}

// Case 25.
#[tokio::test]
async fn a_file_that_somebody_else_put_there_stays() {
    let (_folder, path) = place();
    let mut bench = Bench::new();
    let listener = bench.open(&format!("unix-listen://{}", path.display()));
    opened(&mut bench, listener).await;
    fs::remove_file(&path).unwrap();
    let other = UnixListener::bind(&path).unwrap();
    bench.close(listener, CloseHow::Normal);
    bench.closed(listener).await;
    let _client = peer_of(&path);
    drop(other);
}

#[tokio::test]
async fn clients_are_told_why_they_can_not_connect() {
    let (folder, path) = place();
    let mut bench = Bench::new();
    let mut fails = async |url: String, code: &str| {
        let client = bench.open(&url);
        let error = bench.failed(client).await;
        assert_eq!((error.operation, error.code().as_deref()), (Operation::Connect, Some(code)));
        assert!(error.hint.is_some() && !error.to_string().contains("port"), "{error}");
    };
    fails(format!("unix://{}", path.display()), "ENOENT").await;
    drop(UnixListener::bind(&path).unwrap());
    fails(format!("unix://{}", path.display()), "ECONNREFUSED").await;
    fails("unix://@sockbench nobody".to_owned(), "ECONNREFUSED").await;
    let stream = folder.path().join("stream");
    let _listener = UnixListener::bind(&stream).unwrap();
    fails(format!("unix-seqpacket://{}", stream.display()), "EPROTOTYPE").await;
}

#[tokio::test]
async fn a_full_backlog_is_waited_for_within_the_time_limit() {
    let (_folder, path) = place();
    let server = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    server.bind(&socket2::SockAddr::unix(&path).unwrap()).unwrap();
    server.listen(0).unwrap();
    let _first = UnixStream::connect(&path).unwrap();
    let mut bench = Bench::new();
    let client = bench.open(&format!("unix://{}?connect-timeout=100ms", path.display()));
    let error = bench.failed(client).await;
    assert_eq!((error.operation, error.code().as_deref()), (Operation::Connect, Some("ETIMEDOUT")));
    assert!(error.cause.contains("full"), "{error}");
    let client = bench.open(&format!("unix://{}", path.display()));
    bench.note(client, "connect").await;
    server.accept().unwrap();
    bench.connected(client).await;
    let results: Vec<_> =
        bench.calls(client).into_iter().filter(|(call, ..)| call == "connect").map(|(.., result)| result).collect();
    assert_eq!(results, ["-1 EAGAIN (11)", "0"]);
}

#[tokio::test]
async fn a_client_that_reconnects_finds_the_listener_that_comes_later() {
    let (_folder, path) = place();
    let mut bench = Bench::new();
    let client = bench.open(&format!("unix-seqpacket://{}?reconnect=20ms", path.display()));
    assert_eq!(bench.failed(client).await.code().as_deref(), Some("ENOENT"));
    let listener = bench.open(&format!("unix-seqpacket-listen://{}", path.display()));
    let (child, _) = bench.accepted(listener).await;
    bench.send(Target::Socket(client), b"at last");
    assert_eq!(message(&mut bench, child).await, (b"at last".to_vec(), false));
}

// Case 18.
#[tokio::test]
async fn packets_are_kept_apart_and_an_empty_one_is_not_the_end() {
    let (_folder, path) = place();
    let mut bench = Bench::new();
    let listener = bench.open(&format!("unix-seqpacket-listen://{}?after-fin=close", path.display()));
    opened(&mut bench, listener).await;
    bench.order(Command::SetRules { socket: listener, rules: Rules::echo() });
    let client = bench.open(&format!("unix-seqpacket://{}", path.display()));
    let (child, _) = bench.accepted(listener).await;
    let packets: Vec<_> = [1, 0, 0, 65_536, 5, 150_000, 0].into_iter().map(|len| noise(len, len as u64)).collect();
    for packet in &packets {
        bench.send(Target::Socket(client), packet);
    }
    for packet in &packets {
        let (bytes, truncated) = message(&mut bench, client).await;
        assert!(bytes == *packet && !truncated, "{} for {}", bytes.len(), packet.len());
    }
    for socket in [client, child] {
        let rows = |sent| {
            bench.seen.iter().filter(move |seen| match seen.fact {
                Fact::Sent { .. } => seen.socket == socket && sent,
                Fact::Received { .. } => seen.socket == socket && !sent,
                _ => false,
            })
        };
        assert!(rows(true).map(|seen| &seen.bytes).eq(packets.iter()));
        assert!(rows(false).map(|seen| &seen.bytes).eq(packets.iter()));
    }
    // One that the kernel does not take is refused alone.
    let too_long = bench.send(Target::Socket(client), &noise(4_000_000, 1));
    let longer_than_buffers = bench.send(Target::Socket(client), &noise(1_500_000, 1));
    bench.send(Target::Socket(client), b"fits");
    for ticket in [too_long, longer_than_buffers] {
        let error = bench.send_failed(client, ticket).await;
        assert_eq!(error.code().as_deref(), Some("EMSGSIZE"));
        assert!(error.hint.unwrap().contains("send-buffer"));
    }
    assert_eq!(message(&mut bench, client).await.0, b"fits");
    bench.close(client, CloseHow::Normal);
    bench.next_of(child, |fact| (*fact == Fact::PeerClosed).then_some(())).await;
    assert_eq!(bench.closed(child).await, CloseReason::Peer);
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_at_once_and_counted() {
    let (_folder, path) = place();
    let mut bench = Bench::new();
    let listener = bench.open(&format!("unix-listen://{}?max-connections=2", path.display()));
    opened(&mut bench, listener).await;
    let mut inside = Vec::new();
    let mut children = Vec::new();
    for number in 1..=2 {
        inside.push(peer_of(&path));
        let (child, its_number) = bench.accepted(listener).await;
        assert_eq!(its_number, number);
        children.push(child);
    }
    let mut outside: Vec<_> = (0..5).map(|_| peer_of(&path)).collect();
    for peer in &mut outside {
        assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    }
    let mut told = 0;
    while told < 5 {
        let note = bench.note(listener, "max-connections").await;
        assert!(note.ends_with("closed at once: 2 are open, the most that max-connections allows"), "{note}");
        told += note.split(' ').next().unwrap().parse::<u32>().unwrap();
    }
    assert_eq!(told, 5);
    // A place that is given back is there for the next.
    bench.close(children[0], CloseHow::Normal);
    bench.closed(children[0]).await;
    inside.push(peer_of(&path));
    assert_eq!(bench.accepted(listener).await.1, 3);
    // And the limit changes while it listens.
    let option = option_spec("max-connections").unwrap();
    bench.order(Command::SetOption { socket: listener, option, value: Value::Integer(3) });
    let view = bench.viewed().await;
    assert!(view.options.contains(&(option, "3".to_owned())), "{view:?}");
    inside.push(peer_of(&path));
    let (child, number) = bench.accepted(listener).await;
    assert_eq!(number, 4);
    inside.last_mut().unwrap().write_all(b"in").unwrap();
    assert_eq!(bench.received(child, 2).await, b"in");
}

#[tokio::test]
async fn the_limit_holds_for_tcp_and_may_be_none_at_all() {
    let mut bench = Bench::new();
    let listener = bench.open("tcp-listen://127.0.0.1:0?max-connections=0");
    let address = bench.opened(listener).await;
    let mut peer = std::net::TcpStream::connect(address).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    let note = bench.note(listener, "max-connections").await;
    assert_eq!(note, "1 connection closed at once: 0 are open, the most that max-connections allows");
}

#[tokio::test]
async fn the_limit_counts_what_is_left_of_an_earlier_time_and_none_goes_untold() {
    let mut bench = Bench::new();
    let listener = bench.open("tcp-listen://127.0.0.1:0?max-connections=1");
    let address = bench.opened(listener).await;
    let _inside = std::net::TcpStream::connect(address).unwrap();
    bench.accepted(listener).await;
    bench.close(listener, CloseHow::Normal);
    bench.closed(listener).await;
    let endpoint = format!("tcp-listen://{address}?max-connections=1").parse().unwrap();
    bench.order(Command::Open { socket: listener, endpoint });
    bench.opened(listener).await;
    for _ in 0..3 {
        let mut peer = std::net::TcpStream::connect(address).unwrap();
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    }
    bench.close(listener, CloseHow::Normal);
    bench.closed(listener).await;
    let told = bench.seen.iter().filter_map(|seen| match &seen.fact {
        Fact::Note { name, message } if name == "max-connections" => message.split(' ').next()?.parse::<u32>().ok(),
        _ => None,
    });
    assert_eq!(told.sum::<u32>(), 3);
}
