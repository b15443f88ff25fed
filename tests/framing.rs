//! What `sockbench run` prints of streams that have a framing: messages, however reads cut them.

#![expect(clippy::unwrap_used, reason = "this is a test")]

use std::io::{BufRead, BufReader, Lines, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

/// A program that is ended with the test, and its output.
struct Running {
    program: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// The folder of its profile.
    _dir: tempfile::TempDir,
    seq: u64,
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended by itself is no failure of the test.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

impl Running {
    /// Runs a listener with this framing, and connects to it.
    fn start(framing: &str) -> (Self, TcpStream) {
        let dir = tempfile::tempdir().unwrap();
        let profile = dir.path().join("lab.toml");
        let toml = format!(
            "version = 1\n[[socket]]\nname = \"server\"\nopen = \"tcp-listen://127.0.0.1:0\"\nframing = \"{framing}\"\n\
             after-fin = \"close\"\n"
        );
        std::fs::write(&profile, toml).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockbench"));
        command.arg("run").arg(&profile).args(["--for", "60s", "--format", "jsonl"]);
        command.env("XDG_CONFIG_HOME", dir.path()).stdout(Stdio::piped());
        let mut program = command.spawn().unwrap();
        let lines = BufReader::new(program.stdout.take().unwrap()).lines();
        let mut running = Self { program, lines, _dir: dir, seq: 0 };
        let opened = running.next("opened");
        let peer = TcpStream::connect(opened["local"].as_str().unwrap()).unwrap();
        running.next("accepted");
        (running, peer)
    }

    /// The next line of this kind; each line has the number after the one before.
    fn next(&mut self, kind: &str) -> Value {
        loop {
            let line: Value = serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap();
            self.seq += 1;
            assert_eq!(line["seq"], self.seq, "{line}");
            if line["kind"] == kind {
                return line;
            }
            assert_ne!(line["kind"], "closed", "there is no `{kind}`");
        }
    }
}

#[test]
fn lines_are_printed_whole_and_what_is_left_is_incomplete() {
    let (mut run, mut peer) = Running::start("line,max=8");
    peer.write_all(b"one\r\ntw").unwrap();
    // The rest is sent once this is read, so that it comes in a read of its own.
    let first = run.next("received");
    assert_eq!((&first["text"], &first["len"]), (&"one".into(), &3.into()));
    assert_eq!(first.get("incomplete"), None);
    peer.write_all(b"o\n\n123456789\nthe rest").unwrap();
    peer.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(run.next("received")["text"], "two");
    assert_eq!(run.next("received")["len"], 0);
    let cut = run.next("received");
    assert_eq!((&cut["text"], &cut["cut"]), (&"12345678".into(), &true.into()));
    let tail = run.next("received");
    assert_eq!((&tail["text"], &tail["continues"], tail.get("cut")), (&"9".into(), &true.into(), None));
    let rest = run.next("received");
    assert_eq!((&rest["text"], &rest["incomplete"]), (&"the rest".into(), &true.into()));
    run.next("peer-closed");
}

#[test]
fn a_message_that_silence_ends_is_printed_without_waiting_for_more() {
    let (mut run, mut peer) = Running::start("idle:30ms");
    peer.write_all(b"a").unwrap();
    peer.write_all(b"b").unwrap();
    let mut text = String::new();
    // Where this machine takes its time between both, there are two.
    while text.len() < 2 {
        let message = run.next("received");
        assert_eq!(message.get("incomplete"), None);
        text.push_str(message["text"].as_str().unwrap());
    }
    assert_eq!(text, "ab");
    drop(peer);
}
