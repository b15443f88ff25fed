//! Clients from outside, of a bench that listens.

use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::session::Session;

/// One for each of a listener and a datagram socket.
pub(crate) struct Clients {
    /// Connected to the listener.
    pub(crate) stream: TcpStream,
    /// Has sent nothing yet.
    pub(crate) sender: UdpSocket,
    /// Where the datagram socket is.
    pub(crate) udp: SocketAddr,
}

impl Clients {
    /// Those of a `tcp-listen` and a `udp-bind` with the names that these have by default.
    pub(crate) fn of(session: &mut Session) -> Self {
        session.wait_for("2 open");
        let tcp = session.address_after("server           – open at ");
        let udp = session.address_after("udp-server       – open at ");
        let stream = TcpStream::connect(tcp).unwrap();
        session.wait_for("accepted");
        Self { stream, sender: UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap(), udp }
    }
}

/// Connects and resets so many times, a thousand a second.
pub(crate) fn come_and_go(address: SocketAddr, count: u32) {
    let begin = Instant::now();
    for number in 0..count {
        let due = begin + Duration::from_millis(number.into());
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let client = TcpStream::connect(address).unwrap();
        SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
    }
}
