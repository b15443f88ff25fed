//! The cases of `docs/reliability.md` that take minutes, much memory, another user or other programs.
//!
//! Each ends by itself and prints a line: `pass`, `fail`, or `skipped` and why. The arguments are the cases to run; without
//! any, all are. The exit status is 1 where one failed.
#![expect(clippy::unwrap_used, reason = "a case that can't go on has failed")]

mod addresses;
#[path = "../app/clients.rs"]
mod clients;
mod echo_server;
mod files;
#[path = "../app/session.rs"]
#[expect(dead_code, reason = "the tests of the screen use more of it")]
mod session;
mod strain;
mod time;

use std::any::Any;
use std::io::Write;
use std::panic::{catch_unwind, set_hook};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// How a case ended that did not fail, which is a panic.
enum Verdict {
    /// It holds, with what was seen.
    Pass(String),
    /// It could not be tried here, and why.
    Skipped(String),
}

/// What tries a case.
type Try = fn() -> Verdict;

/// The number of each case or the name of a figure, and what tries it.
const CASES: &[(&str, Try)] = &[
    ("11", strain::connections_that_come_and_are_reset_for_a_minute),
    ("16", addresses::unreachable_is_told_from_refused),
    ("24", addresses::a_privileged_port_is_refused_with_a_hint),
    ("26", strain::ten_gigabytes_are_kept_and_found),
    ("28", strain::a_flood_goes_on_while_the_program_is_stopped_for_a_minute),
    ("29", files::tshark_reads_what_a_kill_left),
    ("30", files::no_error_of_the_disk_ends_more_than_the_recording),
    ("31", files::a_kill_at_each_call_of_a_save_leaves_a_whole_file),
    ("idle", strain::ten_thousand_idle_connections),
    ("soak", time::a_soak),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, path] = &arguments[..]
        && flag == files::SAVE
    {
        files::save_a_few_times(path.as_ref());
        return ExitCode::SUCCESS;
    }
    let unknown = arguments.iter().find(|argument| !CASES.iter().any(|(name, _)| name == argument));
    if let Some(unknown) = unknown {
        let names: Vec<_> = CASES.iter().map(|(name, _)| *name).collect();
        eprintln!("there is no case {unknown} here; there are {}", names.join(", "));
        return ExitCode::from(2);
    }
    set_hook(Box::new(|_| {}));
    let mut failed = false;
    for (name, try_it) in CASES {
        if !arguments.is_empty() && !arguments.iter().any(|argument| argument == name) {
            continue;
        }
        let began = Instant::now();
        let (word, told) = match catch_unwind(try_it) {
            Ok(Verdict::Pass(told)) => ("pass", told),
            Ok(Verdict::Skipped(why)) => ("skipped", why),
            Err(panic) => {
                failed = true;
                ("fail", message(&*panic))
            }
        };
        println!("{name:>4} {word:<7} {told} ({:.0} s)", began.elapsed().as_secs_f64());
        // Whoever waits for the next one sees this one.
        let _ = std::io::stdout().flush();
    }
    ExitCode::from(u8::from(failed))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it panicked").to_owned()
}

/// Whether a program is there.
fn is_installed(program: &str) -> bool {
    let mut command = Command::new("sh");
    command.args(["-c", r#"command -v "$0""#, program]).stdout(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// A number that the environment gives, or this one.
fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

/// What the kernel tells of a process's memory under this key of `/proc/PID/status`, in bytes.
fn memory(pid: i32, key: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// How many descriptors a process has open.
fn descriptors(pid: i32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// A number of bytes in MiB.
fn mib(bytes: u64) -> u64 {
    bytes >> 20
}

/// The time below which so many hundredths of these stay, in milliseconds.
fn percentile(times: &mut [std::time::Duration], hundredth: usize) -> f64 {
    times.sort_unstable();
    times[(times.len() * hundredth / 100).min(times.len() - 1)].as_secs_f64() * 1000.0
}
