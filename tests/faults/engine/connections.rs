//! Streams and packets between two ends.

use super::*;

#[test]
fn a_listener_and_its_connection() {
    endure(&["mmap", "poll", "openat"], |scene| {
        let listener = scene.bench.open("tcp-listen://127.0.0.1:0");
        let address = scene.opened(listener)?;
        let mut peer = connect(&address.into(), Type::STREAM)?;
        let child = scene.child(listener, 0)?;
        let done = scene.converse(child, &mut peer);
        scene.close(listener);
        done
    });
}

#[test]
fn an_abort_of_a_connection_that_would_linger() {
    endure(&["mmap", "poll", "openat"], |scene| {
        let listener = scene.bench.open("tcp-listen://127.0.0.1:0?linger=5s");
        let address = scene.opened(listener)?;
        let mut peer = connect(&address.into(), Type::STREAM)?;
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        let child = scene.child(listener, 0)?;
        scene.close_as(child, CloseHow::Abort);
        scene.close(listener);
        let is_asked = scene.fault.is_none_or(|fault| fault.call != "setsockopt") && !scene.is_hit(child);
        let reset = peer.read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::ConnectionReset);
        assert!(reset || !is_asked, "the peer gets RST: {:#?}", scene.bench.last_few());
        Ok(())
    });
}

#[test]
fn a_client_of_a_name() {
    endure(&["mmap", "openat"], |scene| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = scene.bench.open(&format!("tcp://localhost:{port}"));
        scene.connected(client)?;
        let mut peer = Socket::from(listener.accept().unwrap().0);
        scene.converse(client, &mut peer)
    });
}

#[test]
fn a_listener_on_both_loopbacks() {
    endure(&["mmap", "openat"], |scene| {
        let listener = scene.bench.open("tcp-listen://localhost:0");
        let address = scene.opened(listener)?;
        let _peer = connect(&address.into(), Type::STREAM)?;
        let child = scene.child(listener, 0)?;
        scene.close(child);
        scene.close(listener);
        Ok(())
    });
}

#[test]
fn a_file_that_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let bytes = noise(300_000, 3);
    fs::write(&path, &bytes).unwrap();
    endure(&["mmap", "poll", "openat"], |scene| {
        let listener = scene.bench.open("tcp-listen://127.0.0.1:0");
        let address = scene.opened(listener)?;
        let mut peer = connect(&address.into(), Type::STREAM)?;
        let child = scene.child(listener, 0)?;
        // Told as a file, and not as an order.
        let ticket = Ticket(1000 + scene.from as u64);
        let target = Target::Socket(child);
        scene.bench.order(Command::SendFile { ticket, target, path: path.clone() });
        let sent = scene.until(&[child], |seen| {
            seen.iter().find_map(|seen| match &seen.fact {
                Fact::Note { message, .. } if message.contains("is sent: 300000") => Some(true),
                Fact::SendFailed { ticket: of, .. } if *of == ticket => Some(false),
                _ => None,
            })
        });
        scene.close(child);
        scene.close(listener);
        let mut got = Vec::new();
        let _ = peer.read_to_end(&mut got);
        assert!(bytes.starts_with(&got));
        assert!(!matches!(sent, Ok(true)) || got == bytes);
        if sent? { Ok(()) } else { Err(Over) }
    });
}

#[test]
fn a_unix_listener_and_its_connection() {
    let (_folder, path) = place();
    endure(&["mmap", "poll", "openat"], |scene| {
        let listener = scene.bench.open(&format!("unix-listen://{path}?unlink"));
        let done = (|| {
            scene.opened(listener)?;
            let mut peer = connect(&SockAddr::unix(&path).unwrap(), Type::STREAM)?;
            let child = scene.child(listener, 0)?;
            scene.converse(child, &mut peer)
        })();
        scene.close(listener);
        check_gone(scene, &path);
        done
    });
}

#[test]
fn packets_between_a_listener_and_a_client() {
    let (_folder, path) = place();
    endure(&["mmap", "poll", "openat"], |scene| {
        let listener = scene.bench.open(&format!("unix-seqpacket-listen://{path}?unlink"));
        let mut client = None;
        let done = (|| {
            scene.opened(listener)?;
            let client = *client.insert(scene.bench.open(&format!("unix-seqpacket://{path}")));
            scene.connected(client)?;
            let child = scene.child(listener, 0)?;
            for (from, to) in [(client, child), (child, client)] {
                let ticket = scene.bench.send(Target::Socket(from), b"packet");
                scene.ended(from, ticket)?;
                scene.until(&[from, to], |seen| (bytes_of(seen, to, false) == b"packet").then_some(()))?;
            }
            Ok(())
        })();
        if let Some(client) = client {
            scene.close(client);
        }
        scene.close(listener);
        check_gone(scene, &path);
        done
    });
}

#[test]
fn a_pair() {
    for kind in ["stream", "seqpacket"] {
        endure(&["mmap", "openat"], |scene| {
            let pair = scene.bench.open(&format!("pair://?type={kind}"));
            let done = (|| {
                let (one, other) = (scene.child(pair, 0)?, scene.child(pair, 1)?);
                let ticket = scene.bench.send(Target::Socket(one), b"hello");
                scene.ended(one, ticket)?;
                scene.until(&[one, other], |seen| (bytes_of(seen, other, false) == b"hello").then_some(()))
            })();
            scene.close(pair);
            done
        });
    }
}

#[test]
fn options_that_change_and_the_view_of_the_kernel() {
    // What can't be asked is not shown.
    endure(&["mmap", "poll", "openat", "socket", "sendto", "recv", "fcntl"], |scene| {
        let listener = scene.bench.open("tcp-listen://127.0.0.1:0?linger=1s");
        let address = scene.opened(listener)?;
        let peer = connect(&address.into(), Type::STREAM)?;
        let child = scene.child(listener, 0)?;
        let option = option_spec("keepalive").unwrap();
        let value = Value::Duration(Duration::from_secs(5));
        scene.bench.order(Command::SetOption { socket: child, option, value });
        scene.bench.order(Command::Inspect { socket: child });
        let until = Instant::now() + PATIENCE;
        let is_view = |report: &sockbench::contract::Report| {
            report.socket == child && matches!(report.content, ReportContent::View(_))
        };
        while scene.bench.reports.iter().filter(|report| is_view(report)).count() < 2 && !scene.is_over(child) {
            assert!(scene.take(until.saturating_duration_since(Instant::now())), "nothing is told of it");
        }
        drop(peer);
        scene.close(child);
        scene.close(listener);
        Ok(())
    });
}
