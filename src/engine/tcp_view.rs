//! TCP's own view of a connection, and the queues of a socket, as the kernel tells them.
//!
//! Owns what the fields of `struct tcp_info` mean. It never keeps anything: each call is a fresh question.

use std::time::Duration;

use socket2::{Domain, Protocol, SockRef};

use super::sock_diag::{Answer, ask, word};
use crate::contract::TcpView;

/// What waits in a socket's queues, and TCP's own view of it.
#[derive(Debug)]
pub(super) struct Queues {
    /// Bytes that wait to be read, for UDP with the kernel's bookkeeping; of a listener, connections that wait to be
    /// accepted.
    pub(super) receive_queue: u32,
    /// Bytes that wait to be sent or acknowledged; of a listener, how many connections may wait.
    pub(super) send_queue: u32,
    /// For TCP; of a listener only the state.
    pub(super) tcp: Option<TcpView>,
}

/// The state of a listener, by its number in the kernel.
const LISTEN: u8 = 10;

/// The slow start threshold that was never set: `TCP_INFINITE_SSTHRESH`.
const NO_THRESHOLD: u32 = 0x7fff_ffff;

/// Asks the kernel; `None` where it does not tell.
pub(super) fn queues(sock: &SockRef<'_>) -> Option<Queues> {
    let answer = ask(sock)?;
    let is_tcp = sock.domain().ok()? != Domain::UNIX && sock.protocol().ok()? == Some(Protocol::TCP);
    let tcp = is_tcp.then(|| view(&answer)).flatten();
    Some(Queues { receive_queue: answer.receive_queue, send_queue: answer.send_queue, tcp })
}

fn view(answer: &Answer) -> Option<TcpView> {
    let state = state_name(answer.state)?;
    if answer.state == LISTEN {
        return Some(TcpView { state, ..TcpView::default() });
    }
    // The places of the fields in `struct tcp_info` (linux/tcp.h), which only ever grows at its end.
    let info = |at| word(&answer.tcp_info, at);
    let time = |at| info(at).map(|microseconds| Duration::from_micros(microseconds.into()));
    Some(TcpView {
        state,
        rtt: time(68)?,
        rtt_variation: time(72)?,
        retransmission_timeout: time(8)?,
        congestion_window: info(80)?,
        slow_start_threshold: info(76).filter(|threshold| *threshold < NO_THRESHOLD),
        send_mss: info(16)?,
        receive_mss: info(20)?,
        unacknowledged: info(24)?,
        lost: info(32)?,
        retransmits: info(100)?,
        send_window: info(228),
        receive_window: info(232),
    })
}

/// The name that RFC 9293 gives to a state of the kernel.
const fn state_name(number: u8) -> Option<&'static str> {
    Some(match number {
        1 => "ESTABLISHED",
        2 => "SYN-SENT",
        // TCP_NEW_SYN_RECV is the same to everyone but the kernel.
        3 | 12 => "SYN-RECEIVED",
        4 => "FIN-WAIT-1",
        5 => "FIN-WAIT-2",
        6 => "TIME-WAIT",
        7 => "CLOSED",
        8 => "CLOSE-WAIT",
        9 => "LAST-ACK",
        LISTEN => "LISTEN",
        11 => "CLOSING",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;
    use std::time::Instant;

    use super::*;

    fn ask_about(socket: &impl AsFd) -> Queues {
        queues(&SockRef::from(socket)).expect("the kernel tells")
    }

    fn tcp_of(socket: &impl AsFd) -> TcpView {
        ask_about(socket).tcp.expect("it is TCP")
    }

    /// Until the kernel says so, which is soon, but not always at once.
    fn until(what: &str, mut holds: impl FnMut() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() < Duration::from_secs(10), "{what}");
            std::thread::yield_now();
        }
    }

    /// A client and what the listener made of it.
    fn connection(listen: &str, connect: &str) -> (TcpListener, TcpStream, TcpStream) {
        let listener = TcpListener::bind(listen).unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = TcpStream::connect((connect, port)).unwrap();
        let server = listener.accept().unwrap().0;
        (listener, client, server)
    }

    #[test]
    fn a_connection_has_its_state_its_times_and_its_queues() {
        for (listen, connect) in [("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", "::1"), ("[::]:0", "127.0.0.1")] {
            let (_listener, mut client, mut server) = connection(listen, connect);
            client.write_all(b"hello").unwrap();
            until("five bytes wait", || ask_about(&server).receive_queue == 5);
            server.read_exact(&mut [0; 5]).unwrap();
            assert_eq!(ask_about(&server).receive_queue, 0);
            let view = tcp_of(&client);
            assert_eq!(view.state, "ESTABLISHED", "{listen}");
            assert!(view.rtt > Duration::ZERO && view.rtt < Duration::from_secs(5), "{view:?}");
            assert!(view.retransmission_timeout >= view.rtt, "{view:?}");
            assert!(view.congestion_window > 0 && view.send_mss > 500 && view.send_window != Some(0), "{view:?}");
            client.shutdown(Shutdown::Write).unwrap();
            until("the FIN is seen", || tcp_of(&server).state == "CLOSE-WAIT");
            until("the FIN is acknowledged", || tcp_of(&client).state == "FIN-WAIT-2");
        }
    }

    #[test]
    fn what_nobody_reads_waits_to_be_sent() {
        let (_listener, mut client, _server) = connection("127.0.0.1:0", "127.0.0.1");
        client.set_nonblocking(true).unwrap();
        while client.write(&[0; 4096]).is_ok() {}
        until("the send queue is full", || ask_about(&client).send_queue > 65_536);
    }

    #[test]
    fn a_listener_tells_who_waits_and_how_many_may() {
        let (listener, ..) = connection("127.0.0.1:0", "127.0.0.1");
        let raw = SockRef::from(&listener);
        raw.listen(7).unwrap();
        assert_eq!(tcp_of(&listener).state, "LISTEN");
        assert_eq!(ask_about(&listener).send_queue, 7);
        let _waiting = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        until("one waits", || ask_about(&listener).receive_queue == 1);
    }

    #[test]
    fn one_of_several_that_share_a_port_is_never_taken_for_another() {
        let new = || socket2::Socket::new(Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        let (first, second) = (new(), new());
        for (socket, backlog) in [(&first, 3), (&second, 9)] {
            socket.set_reuse_port(true).unwrap();
            // The second one shares the port that the first one got.
            let port = first.local_addr().unwrap().as_socket().map_or(0, |address| address.port());
            socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], port)).into()).unwrap();
            socket.listen(backlog).unwrap();
        }
        for (socket, backlog) in [(&first, 3), (&second, 9)] {
            let told = queues(&SockRef::from(socket)).map(|queues| queues.send_queue);
            assert!(told.is_none_or(|told| told == backlog), "{told:?}");
        }
    }

    #[test]
    fn sockets_without_tcp_have_queues_alone() {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.send_to(b"hello", udp.local_addr().unwrap()).unwrap();
        // Not every system tells of UDP.
        if let Some(told) = queues(&SockRef::from(&udp)) {
            assert!(told.receive_queue >= 5 && told.tcp.is_none(), "{told:?}");
        }
        let (mut here, there) = UnixStream::pair().unwrap();
        here.write_all(b"hello").unwrap();
        if let Some(told) = queues(&SockRef::from(&there)) {
            assert!(told.receive_queue == 5 && told.tcp.is_none(), "{told:?}");
        }
    }

    #[test]
    fn a_socket_without_an_address_has_nothing_to_tell() {
        let fresh = socket2::Socket::new(Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        assert!(queues(&SockRef::from(&fresh)).and_then(|told| told.tcp).is_none_or(|tcp| tcp.state == "CLOSED"));
    }
}
