//! The figures of `docs/performance.md`, measured side by side with other programs in one run. Prints its table.
//!
//! `just bench-peers`, or `just bench-peers --only NAME`; a peer that is not installed is named and left out. With
//! `--write` the table of the document is replaced. What is compared takes turns, and the median counts, so that what
//! else the machine does falls on both.
#![expect(clippy::expect_used, reason = "a benchmark that can't run should say why and stop")]

mod bare;
mod datagrams;
mod exchange;
#[expect(dead_code, reason = "it has a main of its own, too")]
#[path = "../frame.rs"]
mod frame;
mod memory;
mod pipe;
mod process;
mod screen;
#[expect(dead_code, reason = "it has a main of its own, too")]
#[path = "../startup.rs"]
mod startup;
mod stream;
mod table;
mod workbench;

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tempfile::TempDir;

use table::{Row, markdown};

/// The argument by which this program is one of its own peers.
const BE: &str = "--be";

/// The heading of the document under which the table is.
const LAST_RUN: &str = "## The last run";

/// A part of the measurement: its name, and what measures it.
type Part = (&'static str, fn(&Tools) -> Vec<Row>);

const PARTS: &[Part] = &[
    ("tcp", stream::everything_in_the_log),
    ("record", stream::while_recording),
    ("small", stream::small_writes),
    ("udp", datagrams::without_loss),
    ("echo", exchange::one_connection),
    ("echo100", exchange::a_hundred_connections),
    ("accept", exchange::accept_and_close),
    ("idle-connection", memory::idle_connection),
    ("message", memory::message),
    ("find", memory::find),
    ("filter", memory::filter),
    ("frame", screen::frames),
    ("flood", screen::flood),
    ("idle", screen::idle),
    ("first-frame", screen::first_frame),
    ("size", screen::size),
    ("pipe", pipe::each_way),
];

/// What there is to measure against.
struct Tools {
    folder: TempDir,
    /// The program in C, where there is a compiler.
    limit: Option<PathBuf>,
    with_dist: bool,
}

impl Tools {
    /// The least that a program can do, in this mode: in C, or else in Rust.
    fn limit(&self, mode: &str, port: u16) -> Command {
        match &self.limit {
            Some(program) => {
                let mut command = Command::new(program);
                command.args([mode, &port.to_string()]);
                command
            }
            None => bare_loop(mode, port),
        }
    }

    /// A program of this name, if it is installed.
    fn peer(name: &str, arguments: &[&str]) -> Option<Command> {
        process::is_installed(name).then(|| {
            let mut command = Command::new(name);
            command.args(arguments);
            command
        })
    }
}

/// This program once more, as a bare loop.
fn bare_loop(mode: &str, port: u16) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args([BE, mode, &port.to_string()]);
    command
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("limit");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("limit");
    let after = |name: &str, places: usize| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + places).map(String::as_str)
    };
    if let Some(mode) = after(BE, 1) {
        match after(BE, 2).and_then(|port| port.parse().ok()) {
            Some(port) => bare::be(mode, port),
            None => memory::be(mode),
        }
        return;
    }
    let only = after("--only", 1);
    if let Some(name) = only
        && !PARTS.iter().any(|part| part.0 == name)
    {
        let names: Vec<_> = PARTS.iter().map(|part| part.0).collect();
        eprintln!("there is no `{name}`; there are {}", names.join(", "));
        std::process::exit(2);
    }
    let folder = tempfile::tempdir().expect("folder");
    let limit = process::compile_limit(folder.path());
    let mut missing: Vec<_> = ["ncat", "socat", "python3", "rg"]
        .into_iter()
        .filter(|name| !process::is_installed(name))
        .map(str::to_owned)
        .collect();
    if limit.is_none() {
        missing.push("a C compiler (the limit is then a loop in Rust)".to_owned());
    }
    let tools = Tools { folder, limit, with_dist: arguments.iter().any(|argument| argument == "--with-dist") };
    let mut rows = Vec::new();
    for (name, measure) in PARTS.iter().filter(|part| only.is_none_or(|only| part.0 == only)) {
        let started = Instant::now();
        rows.extend(measure(&tools));
        eprintln!("{name}: {:.0} s", started.elapsed().as_secs_f64());
    }
    let table = markdown(&rows, &missing);
    println!("{table}");
    if arguments.iter().any(|argument| argument == "--write") {
        write(&table);
    }
}

/// Replaces what the document tells of the last run.
fn write(table: &str) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/performance.md");
    let text = std::fs::read_to_string(path).expect("the document");
    let (before, _) = text.split_once(LAST_RUN).expect("its last heading");
    std::fs::write(path, format!("{before}{LAST_RUN}\n\n{table}")).expect("the document");
}

/// The medians of so many rounds, in each of which all take their turn; none for one that can't be measured.
fn in_turns(rounds: usize, measures: &mut [Box<dyn FnMut() -> Option<f64> + '_>]) -> Vec<Option<f64>> {
    let mut figures: Vec<Vec<f64>> = vec![Vec::new(); measures.len()];
    for _ in 0..rounds {
        for (measure, figures) in measures.iter_mut().zip(&mut figures) {
            figures.extend(measure());
        }
    }
    figures.iter_mut().map(|figures| median(figures)).collect()
}

fn median(figures: &mut [f64]) -> Option<f64> {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}
