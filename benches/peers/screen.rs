//! What the screen costs, and how soon it answers.

use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::process::{Kind, free_port, ticks, wait_for_port};
use super::table::{Goal, Row};
use super::workbench::{Workbench, listener, program};
use super::{Tools, frame, in_turns, median, startup};

/// How many keys are typed into a flood, and how many of them one after the other.
const KEYS: usize = 200;
const IN_A_ROW: usize = 40;
/// The columns of the log at 200x50 and at 80x24: what one row of it takes at least.
const ROW: usize = 88;
const SHORT_ROW: usize = 54;
const IDLE: Duration = Duration::from_secs(10);

/// Frames without a terminal: their time and their bytes.
#[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
pub(crate) fn frames(_: &Tools) -> Vec<Row> {
    let all = frame::measure(60, frame::LARGE, "raw");
    let one = |size, row: usize| Some(frame::measure(1, size, "raw").bytes as f64 / row as f64);
    vec![
        Row::figure("a frame at 200x50, all rows new", Goal::AtMost(2.0), "ms", Some(all.median.as_secs_f64() * 1e3)),
        Row::figure("its bytes", Goal::AtMost(12.0), "KiB", Some(all.bytes as f64 / 1024.0)),
        Row::figure(
            "a frame at 80x24 in which one row came: its bytes, in widths of the row",
            Goal::AtMost(3.0),
            "",
            one(frame::SMALL, SHORT_ROW),
        ),
        Row::figure(
            "the same at 200x50, where the inspector shows the message as well",
            Goal::AtMost(3.0),
            "",
            one(frame::LARGE, ROW),
        ),
    ]
}

/// Floods a workbench until told to stop.
fn flooded<R>(port: u16, meanwhile: impl FnOnce() -> R) -> R {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("connect");
            let chunk = vec![0x61; 64 * 1024];
            while !over.load(Ordering::Relaxed) {
                stream.write_all(&chunk).expect("write");
            }
        });
        let outcome = meanwhile();
        over.store(true, Ordering::Relaxed);
        outcome
    })
}

/// The frames a second, and the time from a key to what it does, while as much comes as can.
#[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
fn flood_figures() -> (f64, Vec<f64>) {
    let port = free_port();
    let mut workbench = Workbench::start(200, 50, &[listener(port)]);
    wait_for_port(Kind::Tcp, port);
    workbench.wait_for(&port.to_string(), true);
    flooded(port, || {
        workbench.wait_for("/s", true);
        let ((_, before), started) = (workbench.drawn(), Instant::now());
        std::thread::sleep(Duration::from_secs(3));
        let frames = (workbench.drawn().1 - before) as f64 / started.elapsed().as_secs_f64();
        let mut times = Vec::new();
        let mut typed = String::new();
        while times.len() < KEYS {
            let started = Instant::now();
            if typed.len() < IN_A_ROW {
                typed.push('Q');
                workbench.keys("Q");
                workbench.wait_for(&typed, true);
                times.push(started.elapsed().as_secs_f64() * 1e3);
            } else {
                // Backspace, and the first that is gone tells.
                workbench.keys("\x7f");
                workbench.wait_for(&typed, false);
                times.push(started.elapsed().as_secs_f64() * 1e3);
                workbench.keys(&"\x7f".repeat(IN_A_ROW - 1));
                workbench.wait_for("Q", false);
                typed.clear();
            }
            // Not in step with the frames.
            std::thread::sleep(Duration::from_micros(700 * (times.len() as u64 % 29)));
        }
        (frames, times)
    })
}

/// A flood, seen from the terminal.
pub(crate) fn flood(_: &Tools) -> Vec<Row> {
    let (frames, mut times) = flood_figures();
    let p50 = median(&mut times);
    let p99 = times.get(times.len() * 99 / 100).copied();
    let most = times.last().copied();
    let what = "a key under full flood, until seen through the pty";
    vec![
        Row::figure("frames a second under flood, at least", Goal::AtLeast(30.0), "", Some(frames)),
        Row::figure("frames a second under flood, at most", Goal::AtMost(62.5), "", Some(frames)),
        Row::figure(&format!("{what}, p50"), Goal::AtMost(33.0), "ms", p50),
        Row::figure(&format!("{what}, p99"), Goal::AtMost(33.0), "ms", p99),
        Row::figure(&format!("{what}, the longest"), Goal::AtMost(50.0), "ms", most),
    ]
}

/// A bench on which something was, and now nothing is.
#[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
pub(crate) fn idle(_: &Tools) -> Vec<Row> {
    let port = free_port();
    let workbench = Workbench::start(120, 40, &[listener(port)]);
    wait_for_port(Kind::Tcp, port);
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("connect");
    stream.write_all(b"some traffic").expect("write");
    workbench.wait_for("some traffic", true);
    // The rates are shown, and then they are over.
    workbench.wait_for("B/s", true);
    workbench.wait_for("B/s", false);
    let (drawn, used) = (workbench.drawn().0, ticks(workbench.pid()));
    std::thread::sleep(IDLE);
    let (drawn, used) = (workbench.drawn().0 - drawn, ticks(workbench.pid()) - used);
    vec![
        Row::figure("idle for 10 s: drawn", Goal::AtMost(0.0), "bytes", Some(drawn as f64)),
        Row::figure("idle for 10 s: processor", Goal::AtMost(0.0), "ticks", Some(used as f64)),
    ]
}

/// From the start of the process until something stands.
pub(crate) fn first_frame(_: &Tools) -> Vec<Row> {
    let hello = program().with_file_name("examples").join("hello");
    if !hello.exists() {
        eprintln!("first-frame needs `cargo build --release --example hello`");
        return Vec::new();
    }
    let millis = |time: Duration| Some(time.as_secs_f64() * 1e3);
    let figures = in_turns(
        31,
        &mut [
            Box::new(|| millis(startup::first_frame(program(), "Nothing"))),
            Box::new(|| millis(startup::first_frame(&hello, "hello"))),
        ],
    );
    let unit = |millis: f64| format!("{millis:.2} ms");
    let against = "a ratatui hello world";
    vec![Row::ratio("first frame", Goal::AtMost(1.5), against, unit, figures[0], figures[1])]
}

/// The release binary, stripped.
#[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
pub(crate) fn size(tools: &Tools) -> Vec<Row> {
    let Some(target) = program().parent().and_then(|release| release.parent()) else { return Vec::new() };
    if tools.with_dist {
        let built = std::process::Command::new("cargo").args(["build", "--profile", "dist"]).status();
        assert!(built.is_ok_and(|status| status.success()), "the build");
    }
    let dist = std::fs::metadata(target.join("dist/sockbench"));
    let size = dist.map(|file| file.len() as f64 / 1_048_576.0).ok();
    if size.is_none() {
        eprintln!("size needs `cargo build --profile dist`, or --with-dist");
    }
    vec![Row::figure("the stripped binary", Goal::AtMost(12.0), "MiB", size)]
}
