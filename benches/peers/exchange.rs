//! Echoes, and connections that come and go.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::process::Command;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Builder;

use super::process::{Kind, Server, free_port};
use super::table::{Goal, Row};
use super::workbench::program;
use super::{Tools, bare_loop, in_turns, median};

const ROUNDS: usize = 5;
const MESSAGE: usize = 64;
/// Requests of one connection in a round, and those before them that are not counted.
const REQUESTS: usize = 3000;
const FIRST_REQUESTS: usize = 200;
/// Connections at once, and requests of each.
const MANY: usize = 100;
const OF_EACH: usize = 200;
/// Connections that come and go in a round, and how many of them at once.
const VISITS: usize = 4096;
const VISITS_OF_FORKING: usize = 512;
const AT_ONCE: usize = 64;

/// `run` with a profile whose one listener echoes.
fn run(tools: &Tools, port: u16, echoes: bool) -> Command {
    let profile = tools.folder.path().join("echo.toml");
    let rule =
        "[[rule]]\nname = \"echo\"\non = \"server\"\nwhen = { any = true }\nsend = { escaped = \"{{payload}}\" }\n";
    let text = format!(
        "version = 1\n\n[[socket]]\nname = \"server\"\n\
         open = \"tcp-listen://127.0.0.1:{port}?after-fin=close&backlog=4096\"\n\n{}",
        if echoes { rule } else { "" }
    );
    std::fs::write(&profile, text).expect("a file");
    let mut command = Command::new(program());
    command.arg("run").arg(profile).args(["--format", "none"]).env("XDG_CONFIG_HOME", tools.folder.path());
    command
}

fn socat(port: u16, to: &str, one_way: bool) -> Option<Command> {
    let listen = format!("TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork,nodelay,backlog=4096");
    let arguments = [if one_way { "-u" } else { "-b65536" }, &listen, to];
    Tools::peer("socat", &arguments)
}

fn ncat(port: u16) -> Option<Command> {
    Tools::peer("ncat", &["-l", "-k", "-e", "/bin/cat", "127.0.0.1", &port.to_string()])
}

fn python(tools: &Tools, port: u16) -> Option<Command> {
    let script = tools.folder.path().join("echo.py");
    std::fs::write(&script, include_str!("echo.py")).expect("a file");
    Tools::peer("python3", &[&script.display().to_string(), &port.to_string()])
}

/// Starts a server, and measures it.
fn with(command: impl FnOnce(u16) -> Option<Command>, measure: impl FnOnce(u16) -> f64) -> Option<f64> {
    let port = free_port();
    let server = Server::start(command(port)?, Kind::Tcp, port);
    Some(measure(server.port))
}

/// The median of the microseconds from a message to its echo.
fn latency(port: u16) -> f64 {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("connect");
    stream.set_nodelay(true).expect("nodelay");
    let mut times = Vec::new();
    let mut message = [0x61; MESSAGE];
    for _ in 0..FIRST_REQUESTS + REQUESTS {
        let started = Instant::now();
        stream.write_all(&message).expect("write");
        stream.read_exact(&mut message).expect("read");
        times.push(started.elapsed().as_secs_f64() * 1e6);
    }
    median(&mut times[FIRST_REQUESTS..]).unwrap_or_default()
}

/// One connection that waits for each answer.
pub(crate) fn one_connection(tools: &Tools) -> Vec<Row> {
    let figures = in_turns(
        ROUNDS,
        &mut [
            Box::new(|| with(|port| Some(run(tools, port, true)), latency)),
            Box::new(|| with(|port| Some(bare_loop("tokio-echo", port)), latency)),
            Box::new(|| with(|port| Some(tools.limit("echo", port)), latency)),
            Box::new(|| with(|port| socat(port, "PIPE", false), latency)),
            Box::new(|| with(ncat, latency)),
            Box::new(|| with(|port| python(tools, port), latency)),
        ],
    );
    let unit = |micros: f64| format!("{micros:.1} us");
    let row = |goal, against: &str, theirs: Option<f64>| {
        Row::ratio("echo by rule, 64 bytes, 1 connection, p50", goal, against, unit, figures[0], theirs)
    };
    vec![
        row(Goal::AtMost(1.15), "a bare tokio echo", figures[1]),
        row(Goal::AtMost(1.25), "an echo in C", figures[2]),
        row(Goal::AtMost(1.0), "`socat PIPE`", figures[3]),
        row(Goal::AtMost(1.0), "`ncat -e cat`", figures[4]),
        row(Goal::AtMost(1.0), "python's `ThreadingTCPServer`", figures[5]),
    ]
}

/// Requests a second of a hundred connections, each of which waits for its answers.
#[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
fn throughput(port: u16) -> f64 {
    let runtime = Builder::new_current_thread().enable_all().build().expect("runtime");
    runtime.block_on(async {
        let mut streams = Vec::new();
        for _ in 0..MANY {
            let mut stream = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.expect("connect");
            stream.set_nodelay(true).expect("nodelay");
            // Whoever serves has it once it answers.
            stream.write_all(b"x").await.expect("write");
            stream.read_exact(&mut [0]).await.expect("read");
            streams.push(stream);
        }
        let started = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for mut stream in streams {
            tasks.spawn(async move {
                let mut message = [0x61; MESSAGE];
                for _ in 0..OF_EACH {
                    stream.write_all(&message).await.expect("write");
                    stream.read_exact(&mut message).await.expect("read");
                }
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.expect("a client");
        }
        (MANY * OF_EACH) as f64 / started.elapsed().as_secs_f64()
    })
}

/// A hundred connections at once.
pub(crate) fn a_hundred_connections(tools: &Tools) -> Vec<Row> {
    let figures = in_turns(
        ROUNDS,
        &mut [
            Box::new(|| with(|port| Some(run(tools, port, true)), throughput)),
            Box::new(|| with(|port| Some(bare_loop("tokio-echo", port)), throughput)),
            Box::new(|| with(|port| socat(port, "PIPE", false), throughput)),
            Box::new(|| with(|port| python(tools, port), throughput)),
        ],
    );
    let unit = |rate: f64| format!("{:.1} thousand/s", rate / 1000.0);
    let row = |goal, against: &str, theirs: Option<f64>| {
        Row::ratio("echo by rule, 64 bytes, 100 connections", goal, against, unit, figures[0], theirs)
    };
    vec![
        row(Goal::AtLeast(0.85), "a bare tokio echo", figures[1]),
        row(Goal::AtLeast(1.0), "`socat fork PIPE`", figures[2]),
        row(Goal::AtLeast(1.0), "python's `ThreadingTCPServer`", figures[3]),
    ]
}

/// Connections a second that are opened, closed by us, and then by the other end.
#[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
fn visits(port: u16, count: usize) -> f64 {
    let started = Instant::now();
    for _ in 0..count / AT_ONCE {
        let guests: Vec<_> =
            (0..AT_ONCE).map(|_| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("connect")).collect();
        for guest in &guests {
            guest.shutdown(Shutdown::Write).expect("shutdown");
        }
        for mut guest in guests {
            assert_eq!(guest.read(&mut [0]).expect("read"), 0);
        }
    }
    count as f64 / started.elapsed().as_secs_f64()
}

/// Connections that come and go.
pub(crate) fn accept_and_close(tools: &Tools) -> Vec<Row> {
    let figures = in_turns(
        ROUNDS,
        &mut [
            Box::new(|| with(|port| Some(run(tools, port, false)), |port| visits(port, VISITS))),
            Box::new(|| with(|port| Some(bare_loop("tokio-accept", port)), |port| visits(port, VISITS))),
            Box::new(|| with(|port| socat(port, "OPEN:/dev/null", true), |port| visits(port, VISITS_OF_FORKING))),
        ],
    );
    let unit = |rate: f64| format!("{rate:.0}/s");
    let what = "connections accepted and closed";
    vec![
        Row::ratio(what, Goal::AtLeast(0.8), "a bare tokio accept loop", unit, figures[0], figures[1]),
        Row::ratio(what, Goal::AtLeast(5.0), "`socat fork`", unit, figures[0], figures[2]),
    ]
}
