//! Sockets that are opened, and what they exchange with their peers.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use socket2::SockRef;

use crate::session::{DOWN, ENTER, Home, PATIENCE, RIGHT, SHIFT_TAB, Session, ctrl};

/// Opens a listener, and gives its address.
fn listener(home: &Home) -> (Session, SocketAddr) {
    let mut session = home.start(&["tcp-listen://127.0.0.1:0"]);
    let address = session.address_after("open at ");
    (session, address)
}

/// Connects, and waits until the connection is on the screen as the one of this number.
fn connect(session: &mut Session, address: SocketAddr, number: usize) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let local = stream.local_addr().unwrap();
    session.wait_for(&format!("#{number} :{}", local.port()));
    session.wait_for(&format!("accepted {local}"));
    stream
}

fn read(stream: &mut TcpStream, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

/// Quits, and gives what the stream holds up to its end.
fn quit_and_read_rest(session: &mut Session, stream: &mut TcpStream) -> Vec<u8> {
    session.quit();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    rest
}

#[test]
fn what_a_client_sends_is_shown_and_answers_arrive_exactly_in_each_notation() {
    let home = Home::new();
    let (mut session, address) = listener(&home);
    let mut client = connect(&mut session, address, 1);
    client.write_all(b"hello\n").unwrap();
    session.wait_until("the message in the log", |screen| {
        screen.contents().lines().any(|line| line.contains("RX server#1") && line.contains("6 hello\\n"))
    });

    session.wait_for("Send → server (its one connection) · text · +LF");
    session.keys("welcome");
    session.wait_for("77 65 6c 63 6f 6d 65 0a");
    session.keys(ENTER);
    assert_eq!(read(&mut client, 8), b"welcome\n");

    session.keys(&ctrl('t'));
    session.wait_for("· escaped · +LF");
    session.keys(r"a\x00\u{20AC}\h(DE AD be,ef)\r");
    session.keys(ENTER);
    assert_eq!(read(&mut client, 11), b"a\0\xe2\x82\xac\xde\xad\xbe\xef\r\n");

    session.keys(&ctrl('t'));
    session.wait_for("· hex · no EOL");
    session.keys("70 6f 6e 6");
    session.keys(ENTER);
    session.wait_for("odd digit at 10");
    session.keys("7 0a");
    session.keys(ENTER);
    assert_eq!(read(&mut client, 5), b"pong\n");
    assert_eq!(quit_and_read_rest(&mut session, &mut client), b"");
}

#[test]
fn one_line_reaches_all_clients_of_a_listener() {
    let home = Home::new();
    let (mut session, address) = listener(&home);
    let mut clients = [connect(&mut session, address, 1), connect(&mut session, address, 2)];
    session.wait_for("(all 2 connections)");
    session.keys("to you both");
    session.keys(ENTER);
    for client in &mut clients {
        assert_eq!(read(client, 12), b"to you both\n");
    }
    session.wait_for("sent to all 2");
}

#[test]
fn the_form_opens_a_udp_socket_that_answers_whoever_it_heard() {
    let home = Home::new();
    let mut session = home.start::<&str>(&[]);
    session.wait_for("Nothing is open.");
    session.keys(&ctrl('n'));
    session.wait_for("New socket");
    // The schemes turn; udp-bind is one of them, wherever it stands.
    while !session.text().contains("< udp-bind >") {
        let before = session.text();
        session.keys(RIGHT);
        session.wait_until("the next scheme", |screen| screen.contents() != before);
    }
    session.keys(DOWN);
    session.wait_for("> address");
    session.keys(&(ctrl('u') + "127.0.0.1:0"));
    session.wait_for("udp-bind://127.0.0.1:0");
    session.keys(ENTER);
    let address = session.address_after("open at ");

    let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    peer.send_to(b"ping", address).unwrap();
    session.wait_until("the datagram in the log", |screen| {
        screen.contents().lines().any(|line| line.contains("RX udp-server") && line.contains("ping"))
    });
    session.keys("pong");
    session.keys(ENTER);
    let mut answer = [0; 64];
    let (len, from) = peer.recv_from(&mut answer).unwrap();
    assert_eq!((&answer[..len], from), (b"pong".as_slice(), address));
}

#[test]
fn fin_and_rst_are_told_apart() {
    let home = Home::new();
    let (mut session, address) = listener(&home);
    let polite = connect(&mut session, address, 1);
    let rude = connect(&mut session, address, 2);
    polite.shutdown(std::net::Shutdown::Write).unwrap();
    session.wait_for("recv = 0: the peer sent FIN");
    session.wait_for("peer FIN");
    assert!(!session.text().contains("RST"), "{}", session.text());
    SockRef::from(&rude).set_linger(Some(Duration::ZERO)).unwrap();
    drop(rude);
    session.wait_for("RST from the peer: closed");
    session.wait_for(" RST");
}

#[test]
fn a_refused_connection_names_its_errno() {
    let home = Home::new();
    // Bound and not listening: it is nobody else's, and nobody answers on it.
    let silent = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    silent.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let address = silent.local_addr().unwrap().as_socket().unwrap();
    let mut session = home.start(&[format!("tcp://{address}")]);
    session.wait_for("ECONNREFUSED (111)");
}

#[test]
fn a_client_talks_and_half_closes() {
    let home = Home::new();
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut session = home.start(&[format!("tcp://{}?eol=crlf", server.local_addr().unwrap())]);
    session.wait_for("connected to ");
    let (mut peer, _) = server.accept().unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    session.wait_for("+CRLF");
    session.keys("GET /");
    session.keys(ENTER);
    assert_eq!(read(&mut peer, 7), b"GET /\r\n");
    // From the input to the list: two panes back on a screen with an inspector is three.
    while !session.text().contains("╔ Sockets") {
        let before = session.text();
        session.keys(SHIFT_TAB);
        session.wait_until("the focus moves", |screen| screen.contents() != before);
    }
    session.keys("h");
    let mut rest = Vec::new();
    peer.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"");
    peer.write_all(b"the last word").unwrap();
    session.wait_for("the last word");
}
