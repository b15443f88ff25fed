//! How soon the first frame stands, as a ratio to the smallest ratatui program of the same build, both in a pty of
//! 120x40. Run with `cargo bench --bench startup`, after `cargo build --release --example hello`.
#![expect(clippy::expect_used, reason = "a benchmark that can't run should say why and stop")]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

const ROUNDS: usize = 31;

fn main() {
    let bench = PathBuf::from(env!("CARGO_BIN_EXE_sockbench"));
    let hello = bench.with_file_name("examples").join("hello");
    assert!(hello.exists(), "build it first: cargo build --release --example hello");
    let mut times = (Vec::new(), Vec::new());
    // In turns, so that what else the machine does falls on both.
    for _ in 0..ROUNDS {
        times.0.push(first_frame(&hello, "hello"));
        times.1.push(first_frame(&bench, "Nothing"));
    }
    let (hello, bench) = (median(&mut times.0), median(&mut times.1));
    println!("first frame, median of {ROUNDS}: hello world {hello:.2} ms, sockbench {bench:.2} ms");
    println!("ratio {:.2}", bench / hello);
}

/// From the start of the process until the text has come out of its terminal.
pub(crate) fn first_frame(program: &Path, text: &str) -> Duration {
    let folder = tempfile::tempdir().expect("folder");
    let pty =
        native_pty_system().openpty(PtySize { rows: 40, cols: 120, pixel_width: 0, pixel_height: 0 }).expect("pty");
    let mut command = CommandBuilder::new(program);
    command.env("TERM", "xterm-256color");
    command.env("XDG_CONFIG_HOME", folder.path());
    command.env("XDG_STATE_HOME", folder.path());
    let mut reader = pty.master.try_clone_reader().expect("reader");
    let started = Instant::now();
    let mut child = pty.slave.spawn_command(command).expect("spawn");
    let mut seen = Vec::new();
    let mut chunk = vec![0; 65536];
    let took = loop {
        let len = reader.read(&mut chunk).expect("read");
        seen.extend_from_slice(&chunk[..len]);
        if String::from_utf8_lossy(&seen).contains(text) {
            break started.elapsed();
        }
        assert!(len > 0, "the program ended without a frame");
    };
    child.kill().expect("kill");
    child.wait().expect("wait");
    took
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1000.0
}
