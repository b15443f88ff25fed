//! How fast a stream is received.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::time::Instant;

use super::process::{Kind, Server, free_port, wait_for_port};
use super::table::{Goal, Row};
use super::workbench::{Workbench, knows, listener};
use super::{Tools, bare_loop, in_turns};

const ROUNDS: usize = 5;
const GIB: usize = 1 << 30;
const MIB: usize = 1 << 20;
const WRITE: usize = 64 * 1024;

/// The bytes a second at which whoever listens on this port takes so many; it closes after them.
fn send(port: u16, total: usize, write: usize) -> f64 {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("connect");
    stream.set_nodelay(true).expect("nodelay");
    let chunk = vec![0x61; write];
    let started = Instant::now();
    for _ in 0..total / write {
        stream.write_all(&chunk).expect("write");
    }
    stream.shutdown(std::net::Shutdown::Write).expect("shutdown");
    // The end of the other direction tells that all was received.
    assert_eq!(stream.read(&mut [0]).expect("read"), 0);
    rate(total, started)
}

#[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
fn rate(total: usize, started: Instant) -> f64 {
    total as f64 / started.elapsed().as_secs_f64()
}

/// The same of a program that serves one connection.
fn to(command: impl FnOnce(u16) -> Option<Command>, total: usize, write: usize) -> Option<f64> {
    let port = free_port();
    let server = Server::start(command(port)?, Kind::Tcp, port);
    Some(send(server.port, total, write))
}

/// The same of a workbench that is open.
fn to_workbench(arguments: &[&str], total: usize, write: usize) -> f64 {
    touch_memory();
    let port = free_port();
    let endpoint = listener(port);
    let workbench = Workbench::start(120, 40, &[arguments, &[&endpoint]].concat());
    wait_for_port(Kind::Tcp, port);
    let speed = send(port, total, write);
    assert!(!workbench.shows(" lost "), "a stream loses nothing");
    speed
}

/// Touches memory, some of which a workbench will then get. A virtual machine may have given its free pages back to its
/// host, and whoever touches them first waits for the host: here up to eight times as long as for the kernel alone.
fn touch_memory() {
    let available = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = available.lines().find_map(|line| line.strip_prefix("MemAvailable:")).unwrap_or_default();
    let kib: usize = line.trim().trim_end_matches(" kB").parse().unwrap_or_default();
    let mut map = memmap2::MmapMut::map_anon((kib * 1024 / 2).clamp(MIB, 6 * GIB)).expect("memory");
    // Refused where the kernel has no huge pages.
    let _ = map.advise(memmap2::Advice::HugePage);
    map.fill(1);
}

fn per_second(bytes: f64) -> String {
    if bytes >= 1e9 { format!("{:.2} GB/s", bytes / 1e9) } else { format!("{:.1} MB/s", bytes / 1e6) }
}

/// Into the open workbench, as a ratio to who throws all away and to who keeps it in a file.
pub(crate) fn everything_in_the_log(tools: &Tools) -> Vec<Row> {
    let file = tools.folder.path().join("log").display().to_string();
    let ncat = |option: &str, port: u16| {
        Tools::peer("ncat", &["-l", "--recv-only", option, &file, "127.0.0.1", &port.to_string()])
    };
    let figures = in_turns(
        ROUNDS,
        &mut [
            Box::new(|| to(|port| Some(tools.limit("discard", port)), GIB, WRITE)),
            Box::new(|| Some(to_workbench(&["--memory", "2GiB"], GIB, WRITE))),
            Box::new(|| Some(to_workbench(&[], GIB, WRITE))),
            Box::new(|| to(|port| ncat("-o", port), GIB / 2, WRITE)),
            Box::new(|| {
                let listen = |port| format!("TCP-LISTEN:{port},bind=127.0.0.1");
                let command =
                    |port| Tools::peer("socat", &["-u", "-b65536", "-r", &file, &listen(port), "OPEN:/dev/null"]);
                to(command, GIB / 2, WRITE)
            }),
        ],
    );
    let hex = in_turns(1, &mut [Box::new(|| to(|port| ncat("-x", port), 32 * MIB, WRITE))]);
    let [limit, memory, disk, ncat, socat] = figures[..] else { return Vec::new() };
    let what = "TCP into the open workbench, 1 GiB, all in memory";
    let by_default = "the same with the memory of the default, the rest on disk";
    vec![
        Row::ratio(what, Goal::AtLeast(0.9), "the limit: `recv` and discard", per_second, memory, limit),
        Row::ratio(by_default, Goal::AtLeast(0.9), "the limit", per_second, disk, limit),
        Row::ratio(by_default, Goal::AtLeast(3.0), "`ncat -o`", per_second, disk, ncat),
        Row::ratio(by_default, Goal::AtLeast(3.0), "`socat -r`", per_second, disk, socat),
        Row::ratio(by_default, Goal::AtLeast(100.0), "`ncat -x`", per_second, disk, hex[0]),
    ]
}

/// The same while it is recorded to a file as well.
pub(crate) fn while_recording(tools: &Tools) -> Vec<Row> {
    if !knows("--record") {
        return Vec::new();
    }
    let mut rounds = 0;
    let raw = tools.folder.path().join("log").display().to_string();
    let figures = in_turns(
        ROUNDS,
        &mut [
            Box::new(|| to(|port| Some(tools.limit("discard", port)), GIB, WRITE)),
            Box::new(|| {
                // A recording never goes into a file that exists.
                rounds += 1;
                let file = tools.folder.path().join(format!("{rounds}.pcapng"));
                let speed = to_workbench(&["--record", &file.display().to_string()], GIB, WRITE);
                std::fs::remove_file(file).expect("what was recorded");
                Some(speed)
            }),
            Box::new(|| {
                let command =
                    |port: u16| Tools::peer("ncat", &["-l", "--recv-only", "-o", &raw, "127.0.0.1", &port.to_string()]);
                to(command, GIB / 2, WRITE)
            }),
        ],
    );
    let [limit, ours, ncat] = figures[..] else { return Vec::new() };
    let what = "the same with `--record`";
    vec![
        Row::ratio(what, Goal::AtLeast(0.6), "the limit", per_second, ours, limit),
        Row::ratio(what, Goal::AtLeast(2.0), "`ncat -o`", per_second, ours, ncat),
    ]
}

/// Writes of 64 bytes, each read a row.
pub(crate) fn small_writes(_: &Tools) -> Vec<Row> {
    let figures = in_turns(
        ROUNDS,
        &mut [
            Box::new(|| to(|port| Some(bare_loop("tokio-discard", port)), 32 * MIB, 64)),
            Box::new(|| Some(to_workbench(&[], 32 * MIB, 64))),
        ],
    );
    let what = "TCP in 64-byte writes, each read a row";
    vec![Row::ratio(what, Goal::AtLeast(0.8), "a tokio discard loop", per_second, figures[1], figures[0])]
}
