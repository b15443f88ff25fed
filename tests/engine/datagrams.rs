//! Datagram sockets: UDP, multicast, Unix datagrams, ICMP and raw IP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::time::Duration;

use nix::net::if_::InterfaceFlags;
use sockbench::contract::{
    Address, CloseHow, CloseReason, Command, Fact, Operation, SocketId, Target, UnixAddress, Value, option_spec,
};
use sockbench::rule::Rules;

use crate::bench::{Bench, PATIENCE, noise};

// Cases 18, 21.
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
async fn a_connected_socket_hears_its_peer_alone() {
    let mut bench = Bench::new();
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    let address = peer.local_addr().unwrap();
    let client = bench.open(&format!("udp://{address}?connected"));
    let local = bench.opened(client).await;
    assert!(bench.calls(client).contains(&("connect".to_owned(), address.to_string(), "0".to_owned())));
    bench.send(Target::Socket(client), b"question");
    let mut buffer = [0; 8];
    assert_eq!(peer.recv_from(&mut buffer).unwrap(), (8, local));
    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"third party", local).unwrap();
    peer.send_to(b"answer", local).unwrap();
    let seen = bench.next(|seen| matches!(seen.fact, Fact::Received { .. })).await;
    assert_eq!(seen.bytes, b"answer");
    drop(peer);
    bench.send(Target::Socket(client), b"anyone?");
    let error = bench.failed(client).await;
    assert_eq!((error.code().as_deref(), error.address), (Some("ECONNREFUSED"), Some(address.to_string())));
    // What ICMP told is told once, and costs no datagram.
    let peer = UdpSocket::bind(address).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    bench.send(Target::Socket(client), b"again");
    assert_eq!(peer.recv(&mut buffer).unwrap(), 5);
    bench.close(client, CloseHow::Normal);
    bench.closed(client).await;
    assert_eq!(bench.seen.iter().filter(|seen| matches!(seen.fact, Fact::Failed(_))).count(), 1);
}

#[tokio::test]
async fn a_connected_unix_datagram_socket_hears_its_peer_alone() {
    use std::os::unix::net::UnixDatagram;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("peer.sock");
    let mut bench = Bench::new();
    let client = bench.open(&format!("unix-dgram://{}?connected", path.display()));
    let error = bench.failed(client).await;
    assert_eq!((error.operation, error.code().as_deref()), (Operation::Connect, Some("ENOENT")));
    let peer = UnixDatagram::bind(&path).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    let client = bench.open(&format!("unix-dgram://{}?connected", path.display()));
    local_of(&mut bench, client).await;
    bench.send(Target::Socket(client), b"question");
    let mut buffer = [0; 8];
    let (len, from) = peer.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..len], b"question");
    let refused = UnixDatagram::unbound().unwrap().send_to_addr(b"third party", &from).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(nix::errno::Errno::EPERM as i32));
    peer.send_to_addr(b"answer", &from).unwrap();
    assert_eq!(bench.received(client, 6).await, b"answer");
    drop(peer);
    let ticket = bench.send(Target::Socket(client), b"anyone?");
    assert_eq!(bench.send_failed(client, ticket).await.code().as_deref(), Some("ECONNREFUSED"));
}

// Case 17.
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

// Case 20.
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

/// Whether this machine has IPv6; says that a test is skipped where it has none.
fn has_ipv6() -> bool {
    let has = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    if !has {
        println!("skipped: this machine has no IPv6");
    }
    has
}

// Case 20.
#[tokio::test]
async fn what_the_kernel_drops_is_counted_as_lost_even_after_the_last_datagram() {
    const COUNT: u64 = 20_000;
    let mut bench = Bench::new();
    let server = bench.open("udp-bind://127.0.0.1:0?receive-buffer=1");
    let address = bench.opened(server).await;
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..COUNT {
        sender.send_to(&[7; 700], address).unwrap();
    }
    // Nothing comes after the flood that could tell how much of it was dropped.
    let (mut received, mut lost) = (0, 0);
    while received + lost < COUNT {
        let seen = bench.next(|seen| matches!(seen.fact, Fact::Received { .. } | Fact::Lost { .. })).await;
        match seen.fact {
            Fact::Lost { count, bytes } => {
                assert_eq!(bytes, None, "the kernel does not tell how long they were");
                lost += count;
            }
            _ => received += 1,
        }
    }
    assert_eq!(received + lost, COUNT);
    assert!(lost > 0 && received > 0, "{lost} lost, {received} received");
}

// Case 17.
#[tokio::test]
async fn an_icmp_error_names_the_destination_and_what_it_said_in_every_family() {
    let mut bench = Bench::new();
    let dead = |ip: IpAddr| UdpSocket::bind((ip, 0)).unwrap().local_addr().unwrap();
    let v4 = dead(Ipv4Addr::LOCALHOST.into());
    let client = bench.open(&format!("udp://{v4}"));
    bench.opened(client).await;
    bench.send(Target::Socket(client), b"?");
    let error = bench.failed(client).await;
    assert_eq!((error.operation, error.address), (Operation::ErrorQueue, Some(v4.to_string())));
    assert_eq!(error.cause, "the host answered \"port unreachable\" (ICMP type 3, code 3)");
    if !has_ipv6() {
        return;
    }
    let v6 = dead(Ipv6Addr::LOCALHOST.into());
    let both = bench.open("udp-bind://[::]:0");
    bench.opened(both).await;
    // An IPv4 peer of an IPv6 socket is told of under its own address.
    for (dead, family) in [(v6, "ICMPv6 type 1, code 4"), (v4, "ICMP type 3, code 3")] {
        bench.send(Target::Peer(both, dead.into()), b"?");
        let error = bench.failed(both).await;
        assert_eq!(error.operation, Operation::ErrorQueue);
        assert_eq!((error.code().as_deref(), error.address), (Some("ECONNREFUSED"), Some(dead.to_string())));
        assert!(error.cause.contains(family), "{}", error.cause);
    }
}

#[tokio::test]
async fn a_broadcast_needs_its_option_which_can_be_set_while_the_socket_is_open() {
    let mut bench = Bench::new();
    let client = bench.open("udp://127.255.255.255:9");
    bench.opened(client).await;
    let ticket = bench.send(Target::Socket(client), b"all");
    let error = bench.send_failed(client, ticket).await;
    assert_eq!(error.code().as_deref(), Some("EACCES"));
    assert!(error.cause.contains("SO_BROADCAST is off") && error.hint.unwrap().contains("broadcast=true"));
    let option = option_spec("broadcast").unwrap();
    bench.order(Command::SetOption { socket: client, option, value: Value::Flag(true) });
    let ticket = bench.send(Target::Socket(client), b"all");
    bench.next(|seen| matches!(seen.fact, Fact::Sent { ticket: of, .. } if of == ticket)).await;
}

#[tokio::test]
async fn what_datagrams_bring_is_saved_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("saved");
    let mut bench = Bench::new();
    let server = bench.open(&format!("udp-bind://127.0.0.1:0?save={}", path.display()));
    let address = bench.opened(server).await;
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    for payload in [&b"one"[..], b"", b"two"] {
        sender.send_to(payload, address).unwrap();
    }
    bench.received(server, 6).await;
    bench.close(server, CloseHow::Normal);
    bench.closed(server).await;
    // The file is written by a thread of its own, which says when it is done.
    bench.at = 0;
    bench.next(|seen| matches!(&seen.fact, Fact::Note { name, .. } if name == "save")).await;
    assert_eq!(std::fs::read(path).unwrap(), b"onetwo");
}

/// Two that hear a group on the same port, and one that sends to it.
async fn a_group_is_heard(any: &str, group: &str, interface: &str) {
    let mut bench = Bench::new();
    let first = bench.open(&format!("udp-bind://{any}:0?join={group}@{interface}&reuse-address=true"));
    let port = bench.opened(first).await.port();
    let second = bench.open(&format!("udp-bind://{any}:{port}?join={group}@{interface}&reuse-address=true"));
    bench.opened(second).await;
    let shown = if group.contains(':') { format!("[{group}]") } else { group.to_owned() };
    // Bound to the group itself, a socket hears that group only.
    let third = match any {
        "0.0.0.0" => {
            Some(bench.open(&format!("udp-bind://{shown}:{port}?join={group}@{interface}&reuse-address=true")))
        }
        _ => None,
    };
    if let Some(third) = third {
        bench.opened(third).await;
    }
    let sender = bench.open(&format!("udp://{shown}:{port}?join={group}@{interface}&multicast-ttl=0"));
    let own = bench.opened(sender).await;
    bench.send(Target::Socket(sender), b"everyone");
    let mut hearing = vec![first, second];
    hearing.extend(third);
    let heard = |of: SocketId| move |seen: &crate::bench::Seen| seen.socket == of && seen.bytes == b"everyone";
    for socket in &hearing {
        bench.at = 0;
        let seen = bench.next(heard(*socket)).await;
        let Fact::Received { peer: Some(peer), .. } = seen.fact else { panic!("{seen:?}") };
        assert_eq!(peer.port(), Some(own.port()));
    }
    // Who has left hears no more, while the others still do.
    let option = option_spec("join").unwrap();
    bench.order(Command::SetOption { socket: first, option, value: Value::Groups(Vec::new()) });
    let is_leaving = |fact: &Fact| matches!(fact, Fact::Call { args, .. } if args.contains("DROP_MEMBERSHIP") || args.contains("LEAVE_GROUP"));
    bench.next(|seen| seen.socket == first && is_leaving(&seen.fact)).await;
    bench.send(Target::Socket(sender), b"again");
    bench.next(|seen| seen.socket == second && seen.bytes == b"again").await;
}

fn interface_for_groups() -> Option<String> {
    let wanted = InterfaceFlags::IFF_MULTICAST | InterfaceFlags::IFF_RUNNING;
    let mut found = nix::ifaddrs::getifaddrs().unwrap().filter(|found| found.flags.contains(wanted));
    let is_link_local = |v6: &nix::sys::socket::SockaddrIn6| v6.ip().is_unicast_link_local();
    found
        .find_map(|found| found.address?.as_sockaddr_in6().filter(|v6| is_link_local(v6)).map(|_| found.interface_name))
}

#[tokio::test]
async fn a_group_is_heard_by_all_who_joined_it() {
    a_group_is_heard("0.0.0.0", "239.1.2.3", "lo").await;
    // Linux has no route for IPv6 groups on the loopback interface; those of ff01::/16 leave the machine by no other.
    match interface_for_groups() {
        Some(interface) => a_group_is_heard("[::]", "ff01::1234", &interface).await,
        None => println!("skipped: no interface of this machine carries IPv6 groups"),
    }
}

#[tokio::test]
async fn groups_that_were_joined_before_one_failed_are_known() {
    let mut bench = Bench::new();
    let socket = bench.open("udp-bind://0.0.0.0:0?join=239.1.2.5@lo");
    bench.opened(socket).await;
    let mut join = async |groups: &str| {
        let option = option_spec("join").unwrap();
        bench.order(Command::SetOption { socket, option, value: option.kind.parse(groups).unwrap() });
        bench.viewed().await;
        bench.seen.iter().filter(|seen| matches!(seen.fact, Fact::Failed(_))).count()
    };
    assert_eq!(join("239.1.2.6@lo,239.1.2.7@nowhere0").await, 1);
    assert_eq!(join("239.1.2.6@lo").await, 1, "joined already");
    assert_eq!(join("239.1.2.5@lo").await, 1, "left already");
    let joins = bench.calls(socket).into_iter().filter(|(_, args, _)| args.contains("ADD_MEMBERSHIP"));
    assert_eq!(joins.count(), 3);
}

#[tokio::test]
async fn a_group_is_joined_by_the_interface_s_name_index_and_address_and_a_wrong_one_is_told() {
    let mut bench = Bench::new();
    let index = nix::net::if_::if_nametoindex("lo").unwrap().to_string();
    for interface in ["lo", &index, "127.0.0.1"] {
        let socket = bench.open(&format!("udp-bind://0.0.0.0:0?join=239.1.2.4@{interface}"));
        bench.opened(socket).await;
    }
    let socket = bench.open("udp-bind://0.0.0.0:0?join=239.1.2.4@nowhere0");
    assert_eq!(bench.failed(socket).await.cause, "this machine has no interface nowhere0");
}

async fn local_of(bench: &mut Bench, socket: SocketId) -> Address {
    bench
        .next_of(socket, |fact| match fact {
            Fact::Opened { local, .. } => Some(local.clone()),
            _ => None,
        })
        .await
}

#[tokio::test]
async fn unix_datagrams_go_both_ways_and_name_their_senders() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d.sock");
    let mut bench = Bench::new();
    let server = bench.open(&format!("unix-dgram-bind://{}", path.display()));
    local_of(&mut bench, server).await;
    let client = bench.open(&format!("unix-dgram://{}", path.display()));
    let name = local_of(&mut bench, client).await;
    assert!(matches!(name, Address::Unix(UnixAddress::Abstract(_))), "{name}");
    assert!(bench.calls(client).contains(&("bind".to_owned(), "autobind".to_owned(), "0".to_owned())));
    for payload in [&b"one"[..], b"", &noise(100_000, 1)] {
        bench.send(Target::Socket(client), payload);
        let seen = bench.next(|seen| seen.socket == server && matches!(seen.fact, Fact::Received { .. })).await;
        assert!(seen.bytes == payload);
        assert!(matches!(&seen.fact, Fact::Received { peer: Some(peer), .. } if *peer == name));
        bench.send(Target::Socket(server), payload);
        let seen = bench.next(|seen| seen.socket == client && matches!(seen.fact, Fact::Received { .. })).await;
        assert!(seen.bytes == payload);
    }
    // One without a name is heard, and can't be answered.
    let nameless = std::os::unix::net::UnixDatagram::unbound().unwrap();
    nameless.send_to(b"who", &path).unwrap();
    assert_eq!(bench.received(server, 3).await, b"who");
    let ticket = bench.send(Target::Socket(server), b"you");
    assert!(bench.send_failed(server, ticket).await.cause.contains("has no name"));
    let ticket = bench.send(Target::Socket(client), &vec![0; 4 << 20]);
    assert_eq!(bench.send_failed(client, ticket).await.code().as_deref(), Some("EMSGSIZE"));
    // A file that outlives its socket, and none at all.
    let stale = folder.path().join("stale.sock");
    drop(std::os::unix::net::UnixDatagram::bind(&stale).unwrap());
    for (path, code) in [(stale, "ECONNREFUSED"), (folder.path().join("none.sock"), "ENOENT")] {
        let to = Address::Unix(UnixAddress::Pathname(path.into_os_string().into_encoded_bytes()));
        let ticket = bench.send(Target::Peer(client, to), b"?");
        assert_eq!(bench.send_failed(client, ticket).await.code().as_deref(), Some(code));
    }
    bench.close(server, CloseHow::Normal);
    bench.closed(server).await;
    assert!(!path.exists());
}

// Case 19.
#[tokio::test]
async fn a_unix_datagram_longer_than_the_buffer_is_cut_and_says_so() {
    const LEN: usize = 600_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.sock");
    let mut bench = Bench::new();
    let server = bench.open(&format!("unix-dgram-bind://{}", path.display()));
    local_of(&mut bench, server).await;
    let sender = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::DGRAM, None).unwrap();
    sender.set_send_buffer_size(LEN).unwrap();
    if sender.send_buffer_size().unwrap() < LEN + 4096 {
        println!("skipped: net.core.wmem_max is too low for a datagram of {LEN} bytes");
        return;
    }
    let payload = noise(LEN, 3);
    sender.send_to(&payload, &socket2::SockAddr::unix(&path).unwrap()).unwrap();
    let seen = bench.next(|seen| matches!(seen.fact, Fact::Received { .. })).await;
    assert!(matches!(seen.fact, Fact::Received { truncated: true, .. }));
    assert!(payload.starts_with(&seen.bytes) && seen.bytes.len() >= 512 * 1024);
    let message = bench.next_of(server, |fact| match fact {
        Fact::Note { name, message } if name == "truncated" => Some(message.clone()),
        _ => None,
    });
    assert!(message.await.contains("600000 bytes"));
}

#[tokio::test]
async fn a_full_peer_gets_every_unix_datagram_in_the_end() {
    const COUNT: usize = 2000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slow.sock");
    let slow = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    slow.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut bench = Bench::new();
    let client = bench.open(&format!("unix-dgram://{}", path.display()));
    local_of(&mut bench, client).await;
    for number in 0..COUNT {
        bench.send(Target::Socket(client), &number.to_be_bytes());
        // The order channel of the engine is bounded.
        if number % 500 == 499 {
            let mut buffer = [0; 8];
            for expected in number - 499..=number {
                assert_eq!(slow.recv(&mut buffer).unwrap(), 8);
                assert_eq!(usize::from_be_bytes(buffer), expected);
            }
        }
    }
}

/// Opens a socket that may need a privilege; `None`, and a word about it, where this process does not have it.
async fn open_privileged(bench: &mut Bench, url: &str) -> Option<SocketId> {
    let socket = bench.open(url);
    let seen =
        bench.next(|seen| seen.socket == socket && matches!(seen.fact, Fact::Opened { .. } | Fact::Failed(_))).await;
    match seen.fact {
        Fact::Failed(error) => {
            assert!(error.hint.as_deref().unwrap_or_default().contains("cap_net_raw"), "{error}");
            println!("skipped: {error}");
            None
        }
        _ => Some(socket),
    }
}

async fn pings(url: &str, host: IpAddr) {
    let mut bench = Bench::new();
    let Some(socket) = open_privileged(&mut bench, url).await else { return };
    for (payload, sequence) in [(&b"Hello, world!"[..], 1), (b"", 2), (&noise(60_001, 1), 3)] {
        bench.send(Target::Socket(socket), payload);
        let sent = bench.next(|seen| matches!(seen.fact, Fact::Sent { .. })).await;
        assert!(sent.bytes == payload);
        let is_echo = |seen: &crate::bench::Seen| matches!(&seen.fact, Fact::Call { call, .. } if call == "recvfrom");
        bench.next(is_echo).await;
        let received: Vec<_> = bench.seen.iter().filter(|seen| matches!(seen.fact, Fact::Received { .. })).collect();
        assert_eq!(received.len(), sequence, "one reply for each request");
        assert!(received[sequence - 1].bytes == payload);
        assert!(
            matches!(&received[sequence - 1].fact, Fact::Received { peer: Some(Address::Host(ip, 0)), .. } if *ip == host)
        );
        let calls = bench.calls(socket);
        let (_, args, result) = calls.iter().rfind(|(call, ..)| call == "sendto").unwrap();
        assert!(args.ends_with(&format!("seq {sequence}, {} bytes, {host}", payload.len())), "{args}");
        assert_eq!(*result, (payload.len() + 8).to_string());
        let (_, args, result) = calls.last().unwrap();
        assert!(args.contains(&format!("seq {sequence}, ttl ")), "{args}");
        assert!(result.starts_with(&format!("{}, ", payload.len() + 8)) && result.ends_with(" ms"), "{result}");
    }
}

#[tokio::test]
async fn a_ping_is_answered_with_its_payload_once() {
    pings("icmp://127.0.0.1", Ipv4Addr::LOCALHOST.into()).await;
    if has_ipv6() {
        pings("icmp://[::1]", Ipv6Addr::LOCALHOST.into()).await;
    }
}

#[tokio::test]
async fn a_ping_does_not_echo_its_replies() {
    let mut bench = Bench::new();
    let Some(socket) = open_privileged(&mut bench, "icmp://127.0.0.1").await else { return };
    bench.order(Command::SetRules { socket, rules: Rules::echo() });
    assert!(bench.note(socket, "rules").await.contains("ping"));
    bench.send(Target::Socket(socket), b"once");
    bench.received(socket, 4).await;
    bench.close(socket, CloseHow::Normal);
    bench.closed(socket).await;
    assert_eq!(bench.seen.iter().filter(|seen| matches!(seen.fact, Fact::Sent { .. })).count(), 1);
    // Nor where it was asked for before.
    let again = "icmp://127.0.0.1".parse().unwrap();
    bench.order(Command::Open { socket, endpoint: again });
    bench.send(Target::Socket(socket), b"twice");
    bench.received(socket, 5).await;
    bench.close(socket, CloseHow::Normal);
    bench.closed(socket).await;
    assert_eq!(bench.seen.iter().filter(|seen| matches!(seen.fact, Fact::Sent { .. })).count(), 2);
}

#[tokio::test]
async fn a_raw_socket_receives_whole_packets_and_leaves_others_alone() {
    let mut bench = Bench::new();
    let Some(one) = open_privileged(&mut bench, "raw://127.0.0.1?protocol=253").await else { return };
    let other = open_privileged(&mut bench, "raw://127.0.0.1?protocol=254").await.unwrap();
    bench.send(Target::Socket(other), b"not for you");
    bench.send(Target::Socket(one), b"payload");
    // On loopback it hears itself.
    let seen = bench.next(|seen| seen.socket == one && matches!(seen.fact, Fact::Received { .. })).await;
    assert_eq!((seen.bytes[0], seen.bytes[9], &seen.bytes[20..]), (0x45, 253, &b"payload"[..]));
    let ticket = bench.send(Target::Socket(one), &noise(65_530, 1));
    assert_eq!(bench.send_failed(one, ticket).await.code().as_deref(), Some("EMSGSIZE"));
}
