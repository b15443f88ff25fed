//! Sockets that wait for peers.

use nix::sys::signal::Signal;

use crate::peer::Peer;
use crate::program::{Program, address};

#[test]
fn each_netcat_connects_talks_and_leaves_with_fin() {
    let mut program = Program::of("tcp-listen://127.0.0.1:0?after-fin=close");
    let local = program.opened();
    let (port, target) = (local.port().to_string(), format!("TCP:{local}"));
    let netcats: [(&str, &[&str]); 3] =
        [("nc", &["-N", "127.0.0.1", &port]), ("ncat", &["127.0.0.1", &port]), ("socat", &["-", &target])];
    for (number, (name, arguments)) in netcats.into_iter().enumerate() {
        let mut peer = Peer::start(name, arguments);
        let accepted = program.next("accepted");
        assert_eq!(accepted["socket"], format!("s#{}", number + 1));
        assert_eq!(accepted["parent"], "s");
        assert_eq!(address(&accepted["local"]), local);
        peer.say(&format!("hello from {name}"));
        // It is read here while both programs go on: every batch is flushed.
        assert_eq!(program.received(12 + name.len()), format!("hello from {name}\n"));
        peer.end_input();
        assert_eq!(program.next("peer-closed")["socket"], accepted["socket"]);
        assert_eq!(program.next("closed")["reason"], "peer");
    }
    assert_eq!(program.end_by(Signal::SIGTERM).status, Some(143));
}

#[test]
fn rst_is_told_from_fin() {
    let mut program = Program::of("tcp-listen://127.0.0.1:0?after-fin=close");
    let local = program.opened();
    let _polite = Peer::python(local, "s = socket.create_connection(address); s.sendall(b'one'); s.close()");
    assert_eq!(program.received(3), "one");
    program.next("peer-closed");
    assert_eq!(program.next("closed")["reason"], "peer");
    let mut rude = Peer::python(
        local,
        "s = socket.create_connection(address); s.sendall(b'two'); sys.stdin.readline()\n\
         s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)); s.close()",
    );
    assert_eq!(program.received(3), "two");
    rude.say("now");
    let closed = program.next("closed");
    assert_eq!((&closed["socket"], &closed["reason"]), (&"s#2".into(), &"reset".into()));
    let end = program.end_by(Signal::SIGTERM);
    assert!(!end.lines.iter().any(|line| line["socket"] == "s#2" && line["kind"] == "peer-closed"));
    assert_eq!(end.find("s#2", "failed")["code"], "ECONNRESET");
}

#[test]
fn a_connection_lives_on_after_the_peer_has_half_closed_it() {
    let mut program = Program::of("tcp-listen://127.0.0.1:0?after-fin=keep");
    let local = program.opened();
    let mut peer = Peer::python(
        local,
        "s = socket.create_connection(address); s.sendall(b'last'); s.shutdown(socket.SHUT_WR)\n\
         print('the end' if s.recv(1) == b'' else 'data')",
    );
    assert_eq!(program.received(4), "last");
    program.next("peer-closed");
    peer.end_input();
    let end = program.end_by(Signal::SIGTERM);
    // Our side stayed open until the program ended.
    assert_eq!(end.find("s#1", "closed")["reason"], "shutdown");
    peer.wait_for("the end");
}

#[test]
fn bytes_that_are_no_text_are_told_in_hex() {
    let mut program = Program::of("tcp-listen://[::1]:0");
    let local = program.opened();
    assert!(local.is_ipv6());
    let _peer = Peer::python(local, "s = socket.create_connection(address); s.sendall(bytes(range(256)))\ninput()");
    let mut hex = String::new();
    while hex.len() < 512 {
        let line = program.next("received");
        assert_eq!(line["peer"].as_str().map(|peer| peer.starts_with("[::1]:")), Some(true));
        hex.push_str(line["hex"].as_str().unwrap());
    }
    let every: Vec<_> = (0..=255).map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, every.concat());
}

#[test]
fn localhost_is_both_loopbacks() {
    let mut program = Program::of("tcp-listen://localhost:0");
    let locals = [program.opened(), program.opened()];
    assert_eq!(locals.iter().filter(|local| local.is_ipv6()).count(), 1);
    assert_eq!(locals[0].port(), locals[1].port());
    for local in locals {
        let _peer = Peer::python(local, "s = socket.create_connection(address); s.sendall(b'hi')\ninput()");
        assert_eq!(address(&program.next("accepted")["local"]), local);
        assert_eq!(program.received(2), "hi");
    }
}

#[test]
fn each_netcat_sends_datagrams() {
    let mut program = Program::of("udp-bind://127.0.0.1:0");
    let local = program.opened();
    let (port, target) = (local.port().to_string(), format!("UDP:{local}"));
    let netcats: [(&str, &[&str]); 3] =
        [("nc", &["-u", "127.0.0.1", &port]), ("ncat", &["-u", "127.0.0.1", &port]), ("socat", &["-", &target])];
    for (name, arguments) in netcats {
        let mut peer = Peer::start(name, arguments);
        peer.say("ping");
        let line = program.next("received");
        assert_eq!((&line["text"], &line["len"]), (&"ping\n".into(), &5.into()), "{name}");
        assert!(address(&line["peer"]).ip().is_loopback());
    }
    // A datagram of no bytes is a message too.
    let _peer = Peer::python(local, "s = socket.socket(type=socket.SOCK_DGRAM); s.sendto(b'', address)");
    assert_eq!(program.next("received")["len"], 0);
}
