//! Benches that are saved and come back.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::session::{ENTER, Home, PATIENCE, ctrl};

#[test]
fn a_saved_bench_comes_back_and_works() {
    let home = Home::new();
    let mut session = home.start(&["tcp-listen://127.0.0.1:0?backlog=5", "udp-bind://127.0.0.1:0"]);
    session.wait_for("udp-server udp-bind");
    session.wait_for("2 open");
    session.keys(&ctrl('s'));
    session.wait_for("Name or path");
    session.keys("tour");
    session.keys(ENTER);
    session.wait_for("saved to");
    session.keys(&ctrl('q'));
    session.wait_for("Quit?");
    session.keys("y");
    assert_eq!(session.leave(), 0);
    let saved = fs::read_to_string(home.profiles().join("tour.toml")).unwrap();

    let mut session = home.start(&["-p", "tour"]);
    session.wait_for("server tcp-listen");
    session.wait_for("udp-server udp-bind");
    let address = session.address_after("open at ");
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    session.wait_for("accepted");
    client.write_all(b"again").unwrap();
    session.wait_for("RX server#1");
    session.keys("welcome back");
    session.keys(ENTER);
    let mut answer = [0; 13];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"welcome back\n");
    session.quit();
    assert_eq!(fs::read_to_string(home.profiles().join("tour.toml")).unwrap(), saved, "loading changed the file");
}

#[test]
fn what_was_typed_comes_back_in_the_next_session() {
    let home = Home::new();
    for typed in [true, false] {
        let mut session = home.start(&["tcp-listen://127.0.0.1:0"]);
        let mut client = TcpStream::connect(session.address_after("open at ")).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        session.wait_for("accepted");
        session.keys(if typed { "remember me" } else { "\x1b[A" });
        session.keys(ENTER);
        let mut sent = [0; 12];
        client.read_exact(&mut sent).unwrap();
        assert_eq!(&sent, b"remember me\n");
        session.quit();
    }
}
