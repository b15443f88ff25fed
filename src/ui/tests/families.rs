//! The list of sockets for families other than TCP and UDP.

use super::*;
use crate::contract::UnixAddress;

fn path(path: &str) -> Address {
    UnixAddress::Pathname(path.as_bytes().to_vec()).into()
}

/// With a Unix socket of this scheme open.
fn unix(scheme: &str, name: &str) -> (Harness, SocketId) {
    let mut bench = Harness::new();
    let socket = bench.ui.open(format!("{scheme}://{name}").parse().unwrap());
    bench.happens(socket, Fact::Opened { local: path(name), peer: None });
    bench.effects();
    bench.ui.notice = None;
    (bench, socket)
}

#[test]
fn a_lone_unix_server_names_the_command_that_reaches_it() {
    for (scheme, name, command) in [
        ("unix-listen", "/tmp/a.sock", "nc -U /tmp/a.sock"),
        ("unix-listen", "@abstract", "socat - ABSTRACT-CONNECT:abstract"),
        ("unix-dgram-bind", "/tmp/a.sock", "nc -uU /tmp/a.sock"),
        ("unix-seqpacket-listen", "/tmp/a.sock", "socat - UNIX-CONNECT:/tmp/a.sock,type=5"),
    ] {
        let (mut bench, _) = unix(scheme, name);
        // In the list alone, where it may be broken into lines: other panes stand beside it.
        let picture = bench.picture(200, 50);
        let list: String = picture.lines().filter_map(|line| line.split("││").next()).collect();
        let seen = list.replace(|c: char| c == '│' || c.is_whitespace(), "");
        assert!(seen.contains(&command.replace(' ', "")), "{command}: {picture}");
    }
    // What a shell would take apart is not offered.
    let (mut bench, _) = unix("unix-listen", "/tmp/a;b.sock");
    bench.shows("Press t in this list");
}

#[test]
fn a_client_of_a_unix_server_is_opened_by_a_key() {
    for (scheme, client) in [
        ("unix-listen", "unix:///tmp/a.sock"),
        ("unix-dgram-bind", "unix-dgram:///tmp/a.sock"),
        ("unix-seqpacket-listen", "unix-seqpacket:///tmp/a.sock"),
    ] {
        let (mut bench, _) = unix(scheme, "/tmp/a.sock");
        bench.keys("tab t");
        let orders = bench.orders();
        let [Command::Open { endpoint, .. }] = orders.as_slice() else { panic!("{orders:?}") };
        assert_eq!(endpoint.to_string(), client);
    }
}

#[test]
fn a_path_is_shown_as_it_is_and_a_unix_peer_sends_neither_fin_nor_rst() {
    let mut bench = Harness::new();
    bench.ui.open("unix-listen:///a%25%3F".parse().unwrap());
    bench.shows("… /a%? opening");
    let failed = bench.ui.open("unix:///b%26".parse().unwrap());
    let refused = NetError::from_errno(Operation::Connect, Some("/b&".to_owned()), 111);
    bench.happens(failed, Fact::Failed(Box::new(refused)));
    bench.shows("ECONNREFUSED 111 /b&");

    let (mut bench, listener) = unix("unix-listen", "/tmp/a.sock");
    let children = [1, 2, 3].map(|number| {
        let child = bench.ids.mint();
        let unnamed = || Address::Unix(UnixAddress::Unnamed);
        bench.happens(child, Fact::Accepted { parent: listener, number, local: unnamed(), peer: unnamed() });
        child
    });
    bench.happens(children[0], Fact::PeerClosed);
    let (call, args) = ("shutdown".into(), "SHUT_WR".to_owned());
    bench.happens(children[1], Fact::Call { call, args, result: "0".to_owned() });
    bench.happens(children[2], Fact::Closed { reason: CloseReason::Reset });
    for seen in ["#1 peer closed", "#2 half-closed", "#3 peer gone"] {
        bench.shows(seen);
    }
    bench.happens(children[0], Fact::Closed { reason: CloseReason::Peer });
    bench.shows("#1 closed by peer");
}

#[test]
fn a_long_path_shows_its_end_and_what_stands_behind_it() {
    let long = "/run/user/1000/a/very/long/folder/of/things/the-socket.sock";
    let (mut bench, socket) = unix("unix-dgram-bind", long);
    let heard = |bytes| Fact::Received { peer: Some(path(long)), bytes, truncated: false };
    bench.carries(socket, b"ping", heard);
    let picture = bench.picture(80, 24);
    let rows: Vec<_> = picture.lines().filter(|line| line.contains("t.sock")).collect();
    assert!(rows.len() >= 2 && rows[0].contains('…') && rows[0].contains("↓1 ↑0"), "{picture}");
    assert!(rows[1].contains("↓1 ↑0"), "{picture}");
}

#[test]
fn a_pair_has_two_ends_and_is_closed_as_one() {
    let mut bench = Harness::new();
    let pair = bench.ui.open("pair://?type=dgram".parse().unwrap());
    let ends = [1, 2].map(|number| {
        let end = bench.ids.mint();
        bench.happens(end, Fact::Paired { parent: pair, number });
        end
    });
    bench.effects();
    bench.shows("● #1");
    bench.shows("● #2");
    // What is typed goes to the first end.
    bench.text("hi").keys("enter");
    let orders = bench.orders();
    assert!(matches!(orders.as_slice(), [Command::Send { target, .. }] if *target == Target::Socket(ends[0])));
    bench.keys("tab up backtab").text("hi").keys("enter");
    bench.shows("pair carries nothing itself; select one of its ends");
    bench.keys("tab x");
    assert_eq!(bench.orders(), [Command::CloseAll { root: pair, by: CloseReason::User }]);
}

#[test]
fn an_address_that_is_typed_is_one_of_the_socket_s_family() {
    let peer_of = |bench: &mut Harness, typed: &str| {
        bench.keys("ctrl-x").text(typed).keys("enter");
        bench.ui.target.clone()
    };
    let (mut bench, socket) = unix("unix-dgram-bind", "/tmp/a.sock");
    assert_eq!(peer_of(&mut bench, "/tmp/b%3F"), Some(Target::Peer(socket, path("/tmp/b%3F"))));
    let name = Address::Unix(UnixAddress::Abstract(b"name".to_vec()));
    assert_eq!(peer_of(&mut bench, "@name"), Some(Target::Peer(socket, name)));
    bench.keys("ctrl-x").text("nonsense").keys("enter").shows("the path of a socket has a / in it");

    let mut bench = Harness::new();
    let ping = bench.ui.open("icmp://127.0.0.1".parse().unwrap());
    let host = Address::Host([127, 0, 0, 2].into(), 0);
    bench.happens(ping, Fact::Opened { local: Address::Host([127, 0, 0, 1].into(), 0), peer: None });
    assert_eq!(peer_of(&mut bench, "127.0.0.2"), Some(Target::Peer(ping, host)));
}

#[test]
fn a_client_that_waits_to_reconnect_is_given_up_by_closing_it() {
    let mut bench = Harness::new();
    let client = bench.ui.open("tcp://127.0.0.1:9?reconnect=1s".parse().unwrap());
    let refused = NetError::from_errno(Operation::Connect, Some("127.0.0.1:9".to_owned()), 111);
    bench.happens(client, Fact::Failed(Box::new(refused)));
    bench.happens(client, Fact::Note { name: "reconnect".into(), message: "tries again in 1s".to_owned() });
    bench.effects();
    bench.shows("… ECONNREFUSED 111 waiting");
    bench.text("hi").keys("enter").shows("client is not open");
    bench.keys("ctrl-c ctrl-q").shows("One socket is open and will be closed");
    assert_eq!(bench.effects(), []);
    bench.keys("esc tab x");
    assert_eq!(bench.orders(), [Command::Close { socket: client, how: CloseHow::Normal, by: CloseReason::User }]);
}
