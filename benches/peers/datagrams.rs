//! The highest rate of datagrams at which none is lost.

use std::io::IoSlice;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, sendmmsg};

use super::process::{Kind, Server, drops, free_port, wait_for_port};
use super::table::{Goal, Row};
use super::workbench::Workbench;
use super::{Tools, in_turns};

const ROUNDS: usize = 3;
/// How long one rate is held.
const HELD: Duration = Duration::from_millis(400);
/// The first rate, a second, and by how much the next is higher.
const FIRST: f64 = 100_000.0;
const STEP: f64 = 1.1;
/// How many datagrams one call hands to the kernel.
const BATCH: usize = 16;

/// Sends at this rate for a while; the rate that it came to.
#[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
fn send(socket: &UdpSocket, rate: f64) -> f64 {
    let payload = [0x61; 64];
    let slices: Vec<_> = (0..BATCH).map(|_| [IoSlice::new(&payload)]).collect();
    let mut headers = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
    let started = Instant::now();
    let mut sent = 0;
    while started.elapsed() < HELD {
        if sent as f64 > started.elapsed().as_secs_f64() * rate {
            std::hint::spin_loop();
            continue;
        }
        let to = [const { None }; BATCH];
        let results = sendmmsg(socket.as_raw_fd(), &mut headers, &slices, to, [], MsgFlags::empty()).expect("send");
        sent += results.count();
    }
    sent as f64 / started.elapsed().as_secs_f64()
}

/// The highest rate, in steps, that whoever is bound to this port takes without a loss.
fn highest(port: u16, lost: impl Fn() -> bool) -> f64 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    socket.connect((Ipv4Addr::LOCALHOST, port)).expect("connect");
    let (mut rate, mut best) = (FIRST, 0.0);
    loop {
        let dropped = drops(port);
        let came_to = send(&socket, rate);
        // What waits is taken before the next, and what was dropped is told.
        std::thread::sleep(Duration::from_millis(100));
        if drops(port) > dropped || lost() {
            return best;
        }
        best = f64::max(best, came_to);
        if came_to < rate * 0.97 {
            // The sender can't do more.
            return best;
        }
        rate *= STEP;
    }
}

/// Datagrams of 64 bytes into the log.
pub(crate) fn without_loss(tools: &Tools) -> Vec<Row> {
    let figures = in_turns(
        ROUNDS,
        &mut [
            Box::new(|| {
                let port = free_port();
                let server = Server::start(tools.limit("datagrams", port), Kind::Udp, port);
                Some(highest(server.port, || false))
            }),
            Box::new(|| {
                let port = free_port();
                let workbench = Workbench::start(120, 40, &[format!("udp-bind://127.0.0.1:{port}")]);
                wait_for_port(Kind::Udp, port);
                Some(highest(port, || workbench.shows(" lost ")))
            }),
            Box::new(|| {
                let port = free_port();
                let socket = format!("UDP-RECV:{port},bind=127.0.0.1,rcvbuf=4194304");
                let command = Tools::peer("socat", &["-u", "-b65536", &socket, "-"])?;
                let server = Server::start(command, Kind::Udp, port);
                Some(highest(server.port, || false))
            }),
        ],
    );
    let [limit, ours, socat] = figures[..] else { return Vec::new() };
    let unit = |rate: f64| format!("{:.0} thousand/s", rate / 1000.0);
    let what = "UDP, 64 bytes into the log, highest rate without loss";
    vec![
        Row::ratio(what, Goal::AtLeast(0.85), "a `recvmmsg` loop in C", unit, ours, limit),
        Row::ratio(what, Goal::AtLeast(3.0), "`socat -u UDP-RECV -`", unit, ours, socat),
    ]
}
