//! How a run ends: its statuses, and that nothing of the log is lost.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::peer::Peer;
use crate::program::{Program, address};

const LISTENER: &str = "version = 1\n[[socket]]\nname = \"s\"\nopen = \"tcp-listen://127.0.0.1:0\"\n";

#[test]
fn its_time_ends_it_with_0_and_says_so_of_every_socket() {
    let end = Program::run(LISTENER, &["--for", "500ms"]).end();
    assert_eq!((end.status, end.complaint.as_str()), (Some(0), ""));
    end.find("s", "opened");
    assert_eq!(end.find("s", "closed")["reason"], "shutdown");
}

#[test]
fn a_signal_ends_it_after_everything_is_written() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT] {
        if signal == Signal::SIGHUP && hangups_are_ignored() {
            continue;
        }
        let mut program = Program::run(LISTENER, &[]);
        let local = program.opened();
        // More than any buffer on the way out.
        let _peer = Peer::python(
            local,
            "s = socket.create_connection(address); s.sendall(b'x' * 3000000); s.sendall(b'y')\ninput()",
        );
        let mut len = 0;
        while len < 3_000_001 {
            len += program.next("received")["len"].as_u64().unwrap();
        }
        let end = program.end_by(signal);
        assert_eq!(end.status, Some(128 + signal as i32), "{}", end.complaint);
        assert_eq!(end.find("s#1", "closed")["reason"], "shutdown");
        assert_eq!(end.find("s", "closed")["reason"], "shutdown");
    }
}

#[test]
fn the_real_port_is_told_before_the_first_connection() {
    let mut program = Program::run(LISTENER, &[]);
    let local = program.opened();
    assert_ne!(local.port(), 0);
    let _peers: Vec<_> =
        (0..3).map(|_| Peer::python(local, "s = socket.create_connection(address)\ninput()")).collect();
    for _ in 0..3 {
        program.next("accepted");
    }
    let end = program.end_by(Signal::SIGTERM);
    let at = |kind: &str| end.lines.iter().position(|line| line["kind"] == kind).unwrap();
    assert!(at("opened") < at("accepted"));
}

#[test]
fn one_that_can_not_open_ends_only_a_strict_run() {
    let profile = |port: u16| format!("{LISTENER}[[socket]]\nname = \"t\"\nopen = \"tcp-listen://127.0.0.1:{port}\"\n");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut lenient = Program::run(&profile(port), &[]);
    let failed = lenient.next("failed");
    assert_eq!((&failed["op"], &failed["code"]), (&"bind".into(), &"EADDRINUSE".into()));
    assert_eq!(lenient.end_by(Signal::SIGTERM).status, Some(143));
    let strict = Program::run(&profile(port), &["--strict"]).end();
    assert_eq!(strict.status, Some(3), "{}", strict.complaint);
    assert!(strict.complaint.contains("can't open t"), "{}", strict.complaint);
}

#[test]
fn a_broken_profile_ends_with_2_and_its_place_before_anything_is_opened() {
    let end = Program::run("version = 1\n[[socket]]\nname = \"s\"\nopen = \"tcp-listen://127.0.0.1\"\n", &[]).end();
    assert_eq!(end.status, Some(2));
    assert!(end.complaint.contains("bench.toml:4:") && end.complaint.contains('^'), "{}", end.complaint);
    assert!(end.lines.is_empty());
}

#[test]
fn a_command_line_that_is_wrong_ends_with_2() {
    for arguments in [&["run"][..], &["run", "x", "--format", "pcap"], &["run", "x", "--for", "soon"], &["fly"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_sockbench")).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_reader_of_its_output_may_leave_early() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bench.toml");
    fs::write(&path, LISTENER).unwrap();
    // Under timeout(1), so that a program that goes on is told by 124.
    let mut child = Command::new("timeout")
        .args(["20", env!("CARGO_BIN_EXE_sockbench"), "run"])
        .arg(path)
        .args(["--format", "jsonl"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (output, local) = opened(&mut child);
    drop(output);
    // One may not be enough: what another test starts holds the output, too, until it has become another program.
    while child.try_wait().unwrap().is_none() {
        let _ = TcpStream::connect(local);
    }
    let end = child.wait_with_output().unwrap();
    assert_eq!((end.status.code(), String::from_utf8_lossy(&end.stderr).as_ref()), (Some(128 + 13), ""));
}

/// A reader that stalls fills the pipe; the program must still hear that it is to end.
#[test]
fn a_signal_is_heard_while_nobody_reads_the_output() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lab.toml");
    fs::write(&path, LISTENER).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_sockbench"))
        .arg("run")
        .arg(path)
        .args(["--format", "jsonl"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Held, and not read any further.
    let (_output, local) = opened(&mut child);
    // Far more than the pipe, what waits in the program, and the socket's buffers take: the write blocks, or times out
    // once nothing more is taken.
    let mut peer = TcpStream::connect(local).unwrap();
    peer.set_write_timeout(Some(std::time::Duration::from_secs(1))).unwrap();
    let chunk = vec![b'x'; 1 << 20];
    while peer.write_all(&chunk).is_ok() {}
    let started = std::time::Instant::now();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGTERM).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(128 + 15));
    assert!(started.elapsed() < std::time::Duration::from_secs(10), "it took {:?}", started.elapsed());
}

/// Reads a program's output up to where its listener is.
fn opened(child: &mut Child) -> (BufReader<ChildStdout>, SocketAddr) {
    let mut output = BufReader::new(child.stdout.take().unwrap());
    loop {
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let line: Value = serde_json::from_str(&line).unwrap();
        if line["kind"] == "opened" {
            return (output, address(&line["local"]));
        }
    }
}

/// Whether whoever runs the tests has them ignore hangups, as what they start then does.
fn hangups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    u64::from_str_radix(mask.trim(), 16).unwrap() & 1 != 0
}
