//! `sockbench run PROFILE --format jsonl`, and what it has printed.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::peer::PATIENCE;

/// A run of a profile. It is killed when this is dropped.
pub(crate) struct Program {
    child: Child,
    lines: Receiver<String>,
    /// Every line so far.
    pub(crate) seen: Vec<Value>,
    /// How many of them have been waited for.
    at: usize,
    _folder: TempDir,
}

/// How a run ended.
pub(crate) struct End {
    pub(crate) status: Option<i32>,
    /// Every line that was printed.
    pub(crate) lines: Vec<Value>,
    /// What stood on standard error.
    pub(crate) complaint: String,
}

impl Program {
    /// Runs a profile of one socket, named `s`.
    pub(crate) fn of(endpoint: &str) -> Self {
        Self::run(&format!("version = 1\n[[socket]]\nname = \"s\"\nopen = \"{endpoint}\"\n"), &[])
    }

    /// Runs a profile with these arguments behind it.
    pub(crate) fn run(profile: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bench.toml");
        fs::write(&path, profile).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_sockbench"))
            .arg("run")
            .arg(path)
            .args(["--format", "jsonl"])
            .args(arguments)
            .env("XDG_CONFIG_HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in output.lines() {
                // Nobody listens once the test has ended.
                let _ = sender.send(line.unwrap());
            }
        });
        Self { child, lines, seen: Vec::new(), at: 0, _folder: folder }
    }

    /// Waits for the next line of this kind, while the program runs.
    #[track_caller]
    pub(crate) fn next(&mut self, kind: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            while let Some(line) = self.seen.get(self.at) {
                self.at += 1;
                if line["kind"] == kind {
                    return line.clone();
                }
            }
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(parse(&line)),
                Err(error) => panic!("{error} before {kind}; the lines:\n{}", shown(&self.seen)),
            }
        }
    }

    /// Waits until the socket is open, and gives its address.
    #[track_caller]
    pub(crate) fn opened(&mut self) -> SocketAddr {
        address(&self.next("opened")["local"])
    }

    /// Waits until this socket has received so many bytes in all, and gives them as text.
    #[track_caller]
    pub(crate) fn received(&mut self, len: usize) -> String {
        let mut text = String::new();
        while text.len() < len {
            let line = self.next("received");
            assert_eq!(line["hex"].as_str().unwrap().len() as u64, 2 * line["len"].as_u64().unwrap(), "{line}");
            text.push_str(line["text"].as_str().unwrap_or_else(|| panic!("text in {line}")));
        }
        text
    }

    /// Ends the program by a signal.
    #[track_caller]
    pub(crate) fn end_by(self, signal: Signal) -> End {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
        self.end()
    }

    /// Waits for the end, and checks what holds for every run: no gap in the sequence, and times in order.
    #[track_caller]
    pub(crate) fn end(mut self) -> End {
        let deadline = Instant::now() + PATIENCE;
        while let Ok(line) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            self.seen.push(parse(&line));
        }
        assert!(Instant::now() < deadline, "the program did not end; the lines:\n{}", shown(&self.seen));
        let status = self.child.wait().unwrap().code();
        let mut complaint = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
        for (index, line) in self.seen.iter().enumerate() {
            assert_eq!(line["seq"], index + 1, "a gap:\n{}", shown(&self.seen));
            assert!(line["at"].as_str().is_some_and(|at| at.ends_with('Z')), "{line}");
            assert!(line["socket"].is_string() && line["id"].is_u64() && line["kind"].is_string(), "{line}");
        }
        End { status, lines: std::mem::take(&mut self.seen), complaint }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Refused only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl End {
    /// The first line of this kind about this socket.
    #[track_caller]
    pub(crate) fn find(&self, socket: &str, kind: &str) -> &Value {
        let found = self.lines.iter().find(|line| line["socket"] == socket && line["kind"] == kind);
        found.unwrap_or_else(|| panic!("no {kind} of {socket}:\n{}", shown(&self.lines)))
    }
}

pub(crate) fn address(value: &Value) -> SocketAddr {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("an address: {value}"))
}

fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

fn shown(lines: &[Value]) -> String {
    let lines: Vec<_> = lines.iter().map(Value::to_string).collect();
    lines.join("\n")
}
