//! Sockets that go to their peers.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use nix::sys::signal::Signal;

use crate::peer::Peer;
use crate::program::{Program, address};

/// A port that nobody has, for peers that can't tell which one they got.
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

fn at(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Connects to a peer that listens, hears a line from it, and its FIN.
fn meet(peer: &mut Peer, address_of_peer: SocketAddr) {
    let mut program = Program::of(&format!("tcp://{address_of_peer}?after-fin=close"));
    let connected = program.next("connected");
    assert_eq!(address(&connected["peer"]), address_of_peer);
    peer.say("welcome");
    assert_eq!(program.received(8), "welcome\n");
    peer.end_input();
    program.next("peer-closed");
    assert_eq!(program.next("closed")["reason"], "peer");
    assert_eq!(program.end_by(Signal::SIGTERM).status, Some(143));
}

#[test]
fn nc_listens() {
    let mut peer = Peer::start("nc", &["-l", "-v", "-n", "-N", "127.0.0.1", "0"]);
    let port = peer.port_after("Listening on");
    meet(&mut peer, at(port));
}

#[test]
fn ncat_listens() {
    let port = free_port();
    let mut peer = Peer::start("ncat", &["-l", "-v", "127.0.0.1", &port.to_string()]);
    peer.wait_for("Listening on");
    meet(&mut peer, at(port));
}

#[test]
fn socat_listens() {
    let mut peer = Peer::start("socat", &["-d", "-d", "TCP-LISTEN:0,bind=127.0.0.1", "-"]);
    let port = peer.port_after("listening on");
    meet(&mut peer, at(port));
}

#[test]
fn a_socketserver_of_python_talks_over_ipv6_to_several_clients() {
    let server = Peer::start(
        "python3",
        &[
            "-u",
            "-c",
            "import socket, socketserver\n\
             class Greeter(socketserver.BaseRequestHandler):\n    \
                 def handle(self): self.request.sendall(b'hello %d' % self.client_address[1])\n\
             class Server(socketserver.ThreadingTCPServer): address_family = socket.AF_INET6\n\
             server = Server(('::1', 0), Greeter)\n\
             print('port', server.server_address[1])\n\
             server.serve_forever()",
        ],
    );
    let peer = format!("[::1]:{}", server.port_after("port"));
    let sockets: Vec<_> =
        (1..=5).map(|n| format!("[[socket]]\nname = \"c{n}\"\nopen = \"tcp://{peer}?after-fin=close\"\n")).collect();
    let mut program = Program::run(&format!("version = 1\n{}", sockets.concat()), &[]);
    for _ in 0..5 {
        program.next("closed");
    }
    let end = program.end_by(Signal::SIGTERM);
    for n in 1..=5 {
        let name = format!("c{n}");
        let own = address(&end.find(&name, "connected")["local"]).port();
        let heard: String =
            end.lines.iter().filter(|line| line["socket"] == name).filter_map(|line| line["text"].as_str()).collect();
        assert_eq!(heard, format!("hello {own}"));
    }
}

#[test]
fn a_udp_client_hears_its_destination() {
    let mut server = Peer::start(
        "python3",
        &[
            "-u",
            "-c",
            "import socket, sys\n\
             s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('127.0.0.1', 0))\n\
             print('port', s.getsockname()[1])\n\
             s.sendto(b'for you', ('127.0.0.1', int(sys.stdin.readline())))\n\
             sys.stdin.readline()",
        ],
    );
    let port = server.port_after("port");
    let mut program = Program::of(&format!("udp://127.0.0.1:{port}"));
    let opened = program.next("opened");
    assert_eq!(address(&opened["peer"]), at(port));
    server.say(&address(&opened["local"]).port().to_string());
    let line = program.next("received");
    assert_eq!((&line["text"], address(&line["peer"])), (&"for you".into(), at(port)));
}

#[test]
fn a_refused_connection_is_told_with_its_errno_and_ends_with_3() {
    // Bound and not listening: it is nobody else's, and nobody answers on it.
    let silent = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    silent.bind(&at(0).into()).unwrap();
    let target = silent.local_addr().unwrap().as_socket().unwrap();
    let end = Program::of(&format!("tcp://{target}")).end();
    assert_eq!(end.status, Some(3), "{}", end.complaint);
    let failed = end.find("s", "failed");
    assert_eq!(
        (&failed["op"], &failed["errno"], &failed["code"]),
        (&"connect".into(), &111.into(), &"ECONNREFUSED".into())
    );
    assert!(failed["message"].as_str().unwrap().contains(&target.to_string()), "{failed}");
    assert!(end.complaint.contains("can't open s"), "{}", end.complaint);
}
