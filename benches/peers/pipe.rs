//! `pipe` beside `socat`: a GiB each way.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Instant;

use super::table::{Goal, Row};
use super::workbench::program;
use super::{Tools, in_turns};

const ROUNDS: usize = 7;
const TOTAL: usize = 1 << 30;
const CHUNK: usize = 64 * 1024;

fn ours(tools: &Tools, port: u16) -> Command {
    let mut command = Command::new(program());
    command.args(["pipe", &format!("tcp://127.0.0.1:{port}?after-fin=close")]);
    command.env("XDG_CONFIG_HOME", tools.folder.path());
    command
}

fn socat(port: u16, sends: bool) -> Option<Command> {
    let socket = format!("TCP:127.0.0.1:{port}");
    let (from, to) = if sends { ("-", socket.as_str()) } else { (socket.as_str(), "-") };
    Tools::peer("socat", &["-u", "-b65536", from, to])
}

/// Bytes a second from a connection to the program's standard output, which nobody keeps.
fn receive(command: impl FnOnce(u16) -> Option<Command>) -> Option<f64> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let mut command = command(listener.local_addr().expect("local").port())?;
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("spawn");
    let (mut stream, _) = listener.accept().expect("accept");
    let chunk = vec![0x61; CHUNK];
    let started = Instant::now();
    for _ in 0..TOTAL / CHUNK {
        stream.write_all(&chunk).expect("write");
    }
    stream.shutdown(std::net::Shutdown::Write).expect("shutdown");
    assert_eq!(stream.read(&mut [0]).expect("read"), 0);
    let rate = rate(started);
    child.wait().expect("wait");
    Some(rate)
}

/// Bytes a second from a pipe at the program's standard input to a connection.
fn send(command: impl FnOnce(u16) -> Option<Command>) -> Option<f64> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let mut command = command(listener.local_addr().expect("local").port())?;
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("spawn");
    let mut input = child.stdin.take().expect("its input");
    let (stream, _) = listener.accept().expect("accept");
    let started = Instant::now();
    let feeder = std::thread::spawn(move || {
        let chunk = vec![0x61; CHUNK];
        for _ in 0..TOTAL / CHUNK {
            input.write_all(&chunk).expect("write");
        }
    });
    let received = discard(stream);
    let rate = rate(started);
    assert_eq!(received, TOTAL, "all of it came");
    feeder.join().expect("the feeder");
    child.wait().expect("wait");
    Some(rate)
}

fn discard(mut stream: TcpStream) -> usize {
    let (mut buffer, mut total) = (vec![0; CHUNK], 0);
    while let Ok(len @ 1..) = stream.read(&mut buffer) {
        total += len;
    }
    total
}

#[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
fn rate(started: Instant) -> f64 {
    TOTAL as f64 / started.elapsed().as_secs_f64()
}

/// Both ways, one after the other.
pub(crate) fn each_way(tools: &Tools) -> Vec<Row> {
    let figures = in_turns(
        ROUNDS,
        &mut [
            Box::new(|| receive(|port| Some(ours(tools, port)))),
            Box::new(|| receive(|port| socat(port, false))),
            Box::new(|| send(|port| Some(ours(tools, port)))),
            Box::new(|| send(|port| socat(port, true))),
        ],
    );
    let unit = |rate: f64| format!("{:.2} GB/s", rate / 1e9);
    let row = |what: &str, ours, theirs| {
        Row::ratio(what, Goal::AtLeast(1.0), "`socat` with 64 KiB blocks", unit, ours, theirs)
    };
    vec![
        row("`pipe`, 1 GiB received, to /dev/null", figures[0], figures[1]),
        row("`pipe`, 1 GiB sent, from a pipe", figures[2], figures[3]),
    ]
}
