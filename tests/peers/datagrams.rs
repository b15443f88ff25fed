//! Datagrams to and from Python: Unix sockets, multicast, ICMP and raw IP.

use std::net::{Ipv4Addr, SocketAddr};

use nix::sys::signal::Signal;

use crate::peer::Peer;
use crate::program::{Program, address};

/// A profile with one socket, which sends back what it receives.
fn echoing(endpoint: &str) -> Program {
    let rule = "[[rule]]\nname = \"echo\"\nwhen = { any = true }\nsend = { escaped = \"{{payload}}\" }\n";
    Program::run(&format!("version = 1\n{rule}[[socket]]\nname = \"s\"\nopen = \"{endpoint}\"\n"), &[])
}

/// Python with `path` set to this one.
fn python(path: &str, script: &str) -> Peer {
    let head = format!("import socket, struct, sys\npath = {path:?}\n");
    Peer::start("python3", &["-u", "-c", &(head + script)])
}

#[test]
fn a_unix_datagram_of_python_is_answered_where_it_has_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.sock").into_os_string().into_string().unwrap();
    let mut program = echoing(&format!("unix-dgram-bind://{path}"));
    assert_eq!(program.next("opened")["local"], path);
    let script = "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(path + '.python'); s.settimeout(20)\n\
                  s.sendto(b'hello', path); print('answer', s.recvfrom(100))\n\
                  n = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); n.sendto(b'nameless', path); input()";
    let peer = python(&path, script);
    assert!(peer.wait_for("answer").contains(&format!("(b'hello', '{path}')")));
    let line = program.next("received");
    assert_eq!((&line["text"], &line["peer"]), (&"hello".into(), &format!("{path}.python").into()));
    assert_eq!(program.next("received")["text"], "nameless");
    let failed = program.next("failed");
    assert!(failed["message"].as_str().unwrap().contains("has no name"), "{failed}");
    assert_eq!(program.end_by(Signal::SIGTERM).status, Some(143));
    assert!(!std::path::Path::new(&path).exists());
}

#[test]
fn a_unix_datagram_client_is_reached_by_the_name_that_the_system_chose() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("python.sock").into_os_string().into_string().unwrap();
    let script = "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(path); s.settimeout(20); print('bound')\n\
                  s.sendto(b'to you', chr(0) + input()[1:]); print('answer', s.recvfrom(100)[0]); input()";
    let mut peer = python(&path, script);
    peer.wait_for("bound");
    let mut program = echoing(&format!("unix-dgram://{path}"));
    let opened = program.next("opened");
    assert_eq!(opened["peer"], path);
    peer.say(opened["local"].as_str().unwrap());
    assert_eq!(program.received(6), "to you");
    peer.wait_for("answer b'to you'");
}

#[test]
fn a_group_that_python_sends_to_is_heard_by_two_programs() {
    let open = |port: u16| Program::of(&format!("udp-bind://0.0.0.0:{port}?join=239.9.8.7@lo&reuse-address=true"));
    let mut first = open(0);
    let port = first.opened().port();
    let mut second = open(port);
    second.opened();
    let group = SocketAddr::from((Ipv4Addr::new(239, 9, 8, 7), port));
    let script = "s = socket.socket(type=socket.SOCK_DGRAM)\n\
                  s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton('127.0.0.1'))\n\
                  s.sendto(b'all of you', address); input()";
    let _peer = Peer::python(group, script);
    for program in [&mut first, &mut second] {
        let line = program.next("received");
        assert_eq!((&line["text"], address(&line["peer"]).ip()), (&"all of you".into(), Ipv4Addr::LOCALHOST.into()));
    }
}

#[test]
fn a_raw_socket_hears_what_python_sends_by_its_protocol() {
    let mut program = Program::of("raw://127.0.0.1?protocol=253");
    let script = "try: s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 253)\n\
                  except PermissionError: print('go: not permitted'); sys.exit()\n\
                  print('go'); input(); s.sendto(b'experiment', (address[0], 0)); input()";
    let mut peer = Peer::python(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), script);
    if peer.wait_for("go").contains("not permitted") {
        println!("skipped: raw sockets need a privilege");
        return;
    }
    program.next("opened");
    peer.say("");
    let line = program.next("received");
    assert_eq!((&line["peer"], &line["len"]), (&"127.0.0.1".into(), &30.into()));
    assert!(line["hex"].as_str().unwrap().ends_with("6578706572696d656e74"), "the payload behind the IP header");
}
