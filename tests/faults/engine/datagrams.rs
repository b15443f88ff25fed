//! Datagrams of all families, and what the network tells of them.

use super::*;

#[test]
fn datagrams_both_ways_and_to_nobody() {
    endure(&["mmap", "openat", "sendto", "getsockopt"], |scene| {
        let server = scene.bench.open("udp-bind://127.0.0.1:0");
        let address = scene.opened(server)?;
        let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        peer.connect(address).unwrap();
        peer.send(b"question").unwrap();
        scene.received(server, b"question")?;
        let ticket = scene.bench.send(Target::Socket(server), b"answer");
        scene.ended(server, ticket)?;
        let mut got = [0; 100];
        assert_eq!(peer.recv(&mut got).unwrap(), 6);
        assert_eq!(&got[..6], b"answer");
        scene.close(server);
        let dead = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let client = scene.bench.open(&format!("udp://{dead}"));
        scene.opened(client)?;
        nobody_answers(scene, client)?;
        scene.close(client);
        Ok(())
    });
}

#[test]
fn unix_datagrams() {
    let (folder, path) = place();
    let own = folder.path().join("peer");
    endure(&["mmap", "openat", "getsockopt"], |scene| {
        _ = fs::remove_file(&own);
        let peer = UnixDatagram::bind(&own).unwrap();
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        let server = scene.bench.open(&format!("unix-dgram-bind://{path}?unlink"));
        let done = (|| {
            scene.opened(server)?;
            peer.send_to(b"question", &path).map_err(|_| Over)?;
            scene.received(server, b"question")?;
            let ticket = scene.bench.send(Target::Socket(server), b"answer");
            scene.ended(server, ticket)?;
            assert_eq!(peer.recv(&mut [0; 100]).unwrap(), 6);
            Ok(())
        })();
        scene.close(server);
        check_gone(scene, &path);
        done
    });
}

#[test]
fn a_connected_socket_whose_peer_goes_away() {
    endure(&["mmap", "openat", "getsockopt", "sendto", "send"], |scene| {
        let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        let client = scene.bench.open(&format!("udp://{}?connected=true", peer.local_addr().unwrap()));
        let own = scene.opened(client)?;
        let ticket = scene.bench.send(Target::Socket(client), b"question");
        scene.ended(client, ticket)?;
        assert_eq!(peer.recv_from(&mut [0; 100]).unwrap(), (8, own));
        peer.send_to(b"answer", own).unwrap();
        scene.received(client, b"answer")?;
        drop(peer);
        nobody_answers(scene, client)?;
        scene.close(client);
        Ok(())
    });
}

#[test]
fn a_socket_of_both_families() {
    if UdpSocket::bind("[::1]:0").is_err() {
        println!("skipped: this machine has no IPv6");
        return;
    }
    endure(&["mmap", "openat", "getsockopt", "sendto"], |scene| {
        let server = scene.bench.open("udp-bind://[::]:0");
        let port = scene.opened(server)?.port();
        for host in ["127.0.0.1", "::1"] {
            let peer = UdpSocket::bind((host, 0)).unwrap();
            peer.set_read_timeout(Some(PATIENCE)).unwrap();
            peer.send_to(host.as_bytes(), (host, port)).unwrap();
            scene.until(&[server], |seen| bytes_of(seen, server, false).ends_with(host.as_bytes()).then_some(()))?;
            let ticket = scene.bench.send(Target::Socket(server), b"answer");
            scene.ended(server, ticket)?;
            assert_eq!(peer.recv(&mut [0; 100]).unwrap(), 6);
        }
        scene.close(server);
        Ok(())
    });
}

#[test]
fn a_group_that_is_joined_and_left() {
    // With its options a socket is asked for its view, and what can't be asked is not shown.
    endure(&["mmap", "openat", "getsockopt", "sendto", "socket", "recv", "fcntl"], |scene| {
        let server = scene.bench.open("udp-bind://0.0.0.0:0?join=239.1.2.7@lo&reuse-address=true");
        let port = scene.opened(server)?.port();
        let client = scene.bench.open(&format!("udp://239.1.2.7:{port}?join=239.1.2.7@lo&multicast-ttl=0"));
        scene.opened(client)?;
        let ticket = scene.bench.send(Target::Socket(client), b"everyone");
        scene.ended(client, ticket)?;
        scene.received(server, b"everyone")?;
        let option = option_spec("join").unwrap();
        scene.bench.order(Command::SetOption { socket: server, option, value: Value::Groups(Vec::new()) });
        scene.until(&[server], |seen| {
            let is_left = |fact: &Fact| matches!(fact, Fact::Call { args, .. } if args.contains("DROP_MEMBERSHIP"));
            seen.iter().any(|seen| is_left(&seen.fact)).then_some(())
        })?;
        scene.close(client);
        scene.close(server);
        Ok(())
    });
}

#[test]
fn packets_without_ports() {
    let raw = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(253)));
    if let Err(error) = raw {
        println!("skipped: {error}");
        return;
    }
    drop(raw);
    // What comes is shown without its headers by the one, and with that of IP by the other.
    for (url, header) in [("icmp://127.0.0.1", 0), ("raw://127.0.0.1?protocol=253", 20)] {
        endure(&["mmap", "openat", "getsockopt", "sendto"], |scene| {
            let socket = scene.bench.open(url);
            scene.opened(socket)?;
            let ticket = scene.bench.send(Target::Socket(socket), b"payload");
            scene.ended(socket, ticket)?;
            scene.until(&[socket], |seen| {
                // Other sockets of this machine may be heard as well.
                let its = seen.iter().filter(|seen| seen.socket == socket);
                let is_it = |seen: &Seen| seen.bytes.get(header..) == Some(b"payload");
                its.filter(|seen| matches!(seen.fact, Fact::Received { .. })).any(is_it).then_some(())
            })?;
            scene.close(socket);
            Ok(())
        });
    }
}

/// Sends to where nobody is, which is told.
fn nobody_answers(scene: &mut Scene<'_>, client: SocketId) -> Step {
    let ticket = scene.bench.send(Target::Socket(client), b"anybody?");
    scene.ended(client, ticket)?;
    scene.until(&[client], |seen| {
        let is_it = |seen: &Seen| matches!(&seen.fact, Fact::Failed(error) if error.operation == Operation::ErrorQueue);
        seen.iter().any(is_it).then_some(())
    })
}
