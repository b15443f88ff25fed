//! Files that are sent and saved.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::Duration;

use sockbench::contract::{CloseHow, CloseReason, Command, Direction, Fact, Progress, Saving, Target, Ticket};
use tempfile::tempdir;

use crate::bench::{Bench, noise};

#[tokio::test]
async fn a_file_arrives_whole_and_leaves_no_bytes_in_the_log() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("data.bin");
    let bytes = noise(20_000_001, 7);
    fs::write(&path, &bytes).unwrap();
    let mut bench = Bench::new();
    let (_, child, mut peer) = bench.pair("").await;
    let reader = thread::spawn(move || {
        let mut all = Vec::new();
        peer.read_to_end(&mut all).unwrap();
        all
    });
    bench.send(Target::Socket(child), b"before ");
    bench.order(Command::SendFile { ticket: Ticket(70), target: Target::Socket(child), path: path.clone() });
    bench.send(Target::Socket(child), b" after");
    let (args, result) = bench
        .next_of(child, |fact| match fact {
            Fact::Call { call, args, result } if call == "sendfile" => Some((args.clone(), result.clone())),
            _ => None,
        })
        .await;
    assert_eq!(args, format!("{}, 0, 20000001", path.display()));
    assert!(result.starts_with("20000001 in "), "{result}");
    assert!(bench.note(child, "file").await.contains("data.bin is sent: 20000001 bytes in "));
    bench.close(child, CloseHow::Normal);
    assert_eq!(bench.closed(child).await, CloseReason::User);
    assert!(reader.join().unwrap() == [b"before ".as_slice(), &bytes, b" after"].concat());
    let logged: usize = bench.seen.iter().map(|seen| seen.bytes.len()).sum();
    assert_eq!(logged, 13);
    let progress: Vec<&Progress> = bench.progress().collect();
    let last = progress.last().unwrap();
    assert_eq!((last.ticket, last.direction, last.done, last.total, last.ended), {
        (Ticket(70), Direction::Sending, 20_000_001, Some(20_000_001), true)
    });
    assert!(progress.is_sorted_by_key(|progress| progress.done));
    assert_eq!(progress.iter().filter(|progress| progress.ended).count(), 1);
}

#[tokio::test]
async fn what_can_not_be_sent_is_refused_and_the_socket_lives() {
    let folder = tempdir().unwrap();
    let empty = folder.path().join("empty");
    fs::write(&empty, b"").unwrap();
    let mut bench = Bench::new();
    let (_, child, mut peer) = bench.pair("").await;
    for (ticket, path, wanted) in
        [(1, folder.path().join("nothing"), "ENOENT"), (2, folder.path().to_owned(), "folder")]
    {
        let ticket = Ticket(ticket);
        bench.order(Command::SendFile { ticket, target: Target::Socket(child), path });
        assert!(bench.send_failed(child, ticket).await.to_string().contains(wanted));
    }
    bench.order(Command::SendFile { ticket: Ticket(3), target: Target::Socket(child), path: empty });
    bench.next_of(child, |fact| matches!(fact, Fact::Call { call, .. } if call == "sendfile").then_some(())).await;
    bench.send(Target::Socket(child), b"alive");
    let mut answer = [0; 5];
    peer.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"alive");
}

#[tokio::test]
async fn a_file_for_a_datagram_socket_is_one_datagram() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("datagram");
    fs::write(&path, noise(5000, 3)).unwrap();
    let long = folder.path().join("long");
    fs::write(&long, noise(65_508, 3)).unwrap();
    let mut bench = Bench::new();
    let server = bench.open("udp-bind://127.0.0.1:0");
    let address = bench.opened(server).await;
    let client = bench.open(&format!("udp://{address}"));
    bench.opened(client).await;
    bench.order(Command::SendFile { ticket: Ticket(1), target: Target::Socket(client), path });
    assert!(bench.received(server, 1).await == noise(5000, 3));
    bench.order(Command::SendFile { ticket: Ticket(2), target: Target::Socket(client), path: long });
    assert_eq!(bench.send_failed(client, Ticket(2)).await.code().as_deref(), Some("EMSGSIZE"));
}

#[tokio::test]
async fn every_connection_of_messages_gets_the_whole_file() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("message");
    fs::write(&path, noise(5000, 3)).unwrap();
    let mut bench = Bench::new();
    let name = folder.path().join("s.sock");
    let listener = bench.open(&format!("unix-seqpacket-listen://{}", name.display()));
    bench.next_of(listener, |fact| matches!(fact, Fact::Opened { .. }).then_some(())).await;
    let clients = [0; 2].map(|_| bench.open(&format!("unix-seqpacket://{}", name.display())));
    for _ in clients {
        bench.accepted(listener).await;
    }
    bench.order(Command::SendFile { ticket: Ticket(1), target: Target::Children(listener), path });
    for client in clients {
        bench.at = 0;
        let seen = bench.next(|seen| seen.socket == client && matches!(seen.fact, Fact::Received { .. })).await;
        assert!(seen.bytes == noise(5000, 3));
    }
}

#[tokio::test]
async fn a_fifo_that_nobody_reads_is_refused_and_one_that_is_read_is_saved_to() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("fifo");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut bench = Bench::new();
    let url = format!("udp-bind://127.0.0.1:0?save={}&save-append", path.display());
    let server = bench.open(&url);
    let error = bench.failed(server).await;
    assert_eq!(error.code().as_deref(), Some("ENXIO"));
    assert!(error.cause.contains("nobody reads"), "{error}");
    let reading = path.clone();
    let reader = thread::spawn(move || fs::read(reading).unwrap());
    // The reader waits for a writer, so that the first try may come too early.
    let server = loop {
        let server = bench.open(&url);
        let opened = bench.next_of(server, |fact| match fact {
            Fact::Opened { .. } => Some(true),
            Fact::Failed(_) => Some(false),
            _ => None,
        });
        if opened.await {
            break server;
        }
    };
    bench.at = 0;
    let address = bench.opened(server).await;
    // More than a pipe holds.
    let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..20 {
        client.send_to(&[7; 10_000], address).unwrap();
        bench.received(server, 10_000).await;
    }
    bench.close(server, CloseHow::Normal);
    assert_eq!(reader.join().unwrap().len(), 200_000);
}

#[tokio::test]
async fn a_try_that_failed_leaves_no_file_that_keeps_the_next_from_saving() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("saved");
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut bench = Bench::new();
    let endpoint: sockbench::contract::Endpoint = format!("tcp://{address}?save={}", path.display()).parse().unwrap();
    let client = bench.ids.mint();
    bench.order(Command::Open { socket: client, endpoint: endpoint.clone() });
    assert_eq!(bench.failed(client).await.code().as_deref(), Some("ECONNREFUSED"));
    let listener = std::net::TcpListener::bind(address).unwrap();
    bench.order(Command::Open { socket: client, endpoint });
    bench.connected(client).await;
    listener.accept().unwrap().0.write_all(b"hello").unwrap();
    bench.note(client, "save").await;
    while fs::read(&path).unwrap() != b"hello" {
        bench.note(client, "save").await;
    }
}

// Case 15.
#[tokio::test]
async fn a_send_that_nobody_reads_is_cancelled() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("data.bin");
    fs::write(&path, noise(50_000_000, 7)).unwrap();
    let mut bench = Bench::new();
    let (_, child, mut peer) = bench.pair("").await;
    bench.order(Command::SendFile { ticket: Ticket(1), target: Target::Socket(child), path });
    let waiting = bench.send(Target::Socket(child), b"never");
    while bench.progress().next().is_none() {
        let batch = bench.batches.next().await.unwrap();
        bench.keep(batch);
    }
    bench.order(Command::Cancel { ticket: waiting });
    assert!(bench.send_failed(child, waiting).await.cause.contains("cancelled after 0 bytes"));
    bench.order(Command::Cancel { ticket: Ticket(1) });
    let sent_by_call = bench
        .next_of(child, |fact| match fact {
            Fact::Call { call, result, .. } if call == "sendfile" => result.split(' ').next()?.parse::<usize>().ok(),
            _ => None,
        })
        .await;
    let error = bench.send_failed(child, Ticket(1)).await;
    let sent: usize = error.cause.split(' ').find_map(|word| word.parse().ok()).unwrap();
    assert!(sent > 0 && sent < 50_000_000, "{error}");
    assert_eq!(sent_by_call, sent);
    bench.send(Target::Socket(child), b"the end");
    bench.close(child, CloseHow::HalfClose);
    let mut all = Vec::new();
    peer.read_to_end(&mut all).unwrap();
    assert!(all == [&noise(50_000_000, 7)[..sent], b"the end"].concat());
}

#[tokio::test]
async fn what_is_received_is_saved_up_to_a_limit_and_added_to() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("saved");
    let file = path.to_str().unwrap().to_owned();
    let mut bench = Bench::new();
    let (listener, child, mut peer) = bench.pair("").await;
    let saving = |append, limit| Saving { path: file.clone(), append, limit };
    bench.order(Command::Save { ticket: Ticket(9), socket: child, saving: saving(false, Some(3_000_000)) });
    // Served in order, so that what comes now is saved.
    bench.order(Command::Inspect { socket: child });
    bench.viewed().await;
    let bytes = noise(4_000_000, 11);
    peer.write_all(&bytes).unwrap();
    let said = bench.note(child, "save").await;
    assert!(said.starts_with("3000000 bytes are saved in "), "{said}");
    assert!(bench.progress().last().unwrap().ended);
    assert!(fs::read(&path).unwrap() == bytes[..3_000_000]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    bench.order(Command::Save { ticket: Ticket(10), socket: child, saving: saving(false, None) });
    let error = bench.failed(child).await;
    assert_eq!(error.code().as_deref(), Some("EEXIST"));
    assert!(error.to_string().contains("save-append=true"), "{error}");
    drop(peer);
    bench.close(listener, CloseHow::Normal);

    let (_, sender, mut peer) = bench.pair("").await;
    bench.order(Command::Save { ticket: Ticket(11), socket: sender, saving: saving(true, None) });
    bench.order(Command::Inspect { socket: sender });
    bench.viewed().await;
    peer.write_all(b"more").unwrap();
    bench.received(sender, 4).await;
    bench.order(Command::Cancel { ticket: Ticket(11) });
    bench.note(sender, "save").await;
    peer.write_all(b"not this").unwrap();
    bench.received(sender, 8).await;
    bench.close(sender, CloseHow::Normal);
    bench.closed(sender).await;
    assert!(fs::read(&path).unwrap() == [&bytes[..3_000_000], b"more"].concat());
}

#[tokio::test]
async fn a_file_that_can_not_be_made_opens_no_socket() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("exists");
    fs::write(&path, b"precious").unwrap();
    let mut bench = Bench::new();
    let server = bench.open(&format!("udp-bind://127.0.0.1:0?save={}", path.display()));
    assert_eq!(bench.failed(server).await.code().as_deref(), Some("EEXIST"));
    assert_eq!(bench.calls(server), []);
    let server = bench.open(&format!("udp-bind://127.0.0.1:0?save={}&save-append", path.display()));
    let address = bench.opened(server).await;
    let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    client.send_to(b" and more", address).unwrap();
    bench.received(server, 9).await;
    bench.close(server, CloseHow::Normal);
    bench.note(server, "save").await;
    assert_eq!(fs::read(&path).unwrap(), b"precious and more");
}

#[tokio::test]
async fn a_file_that_is_removed_while_it_is_saved_to_is_told_and_the_socket_lives() {
    for is_replaced in [true, false] {
        for at_the_end in [true, false] {
            let folder = tempdir().unwrap();
            let path = folder.path().join("saved");
            let mut bench = Bench::new();
            let server = bench.open(&format!("udp-bind://127.0.0.1:0?save={}", path.display()));
            let address = bench.opened(server).await;
            let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            client.send_to(b"one", address).unwrap();
            bench.received(server, 3).await;
            while fs::read(&path).unwrap() != b"one" {
                tokio::task::yield_now().await;
            }
            if is_replaced {
                fs::write(folder.path().join("other"), "another's").unwrap();
                fs::rename(folder.path().join("other"), &path).unwrap();
            } else {
                fs::remove_file(&path).unwrap();
            }
            let error = if at_the_end {
                bench.close(server, CloseHow::Normal);
                bench.failed(server).await
            } else {
                // Told while it goes on to receive, without an end.
                let (mut sent, error) = (tokio::time::interval(Duration::from_millis(50)), bench.failed(server));
                tokio::pin!(error);
                loop {
                    tokio::select! {
                        error = &mut error => break error,
                        _ = sent.tick() => {
                            client.send_to(b"more", address).unwrap();
                        }
                    }
                }
            };
            let said = error.to_string();
            assert!(
                said.contains("the file was removed") && said.contains("saved") && said.contains("the socket goes on"),
                "{said}"
            );
            if !at_the_end {
                bench.at = bench.seen.len();
                client.send_to(b"alive", address).unwrap();
                while bench.received(server, 4).await != b"alive" {}
            }
            assert!(fs::read(&path).is_ok_and(|left| left == b"another's") || !path.exists());
        }
    }
}
