//! Recordings: what is in the file when the program is killed, when the file can't grow, and when it is to be followed by
//! another.

#![expect(clippy::unwrap_used, reason = "this is a test")]

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{Block, PcapBlockOwned, PcapNGReader};

use echo_server::Server;

#[path = "torture/echo_server.rs"]
#[expect(dead_code, reason = "the torture uses more of it")]
mod echo_server;

/// What may be missing after a kill.
const MAY_BE_LOST: Duration = Duration::from_millis(250);

/// The size of a message.
const MESSAGE: usize = 1000;

/// Has a server record into `trace.pcapng`, started by a shell that does this before, such as setting a limit.
fn start(folder: &Path, before: &str, arguments: &[&str]) -> Server {
    let script = format!(r#"{before} exec "$0" "$@""#);
    // One whose test was killed ends by itself.
    let always = ["--record", "trace.pcapng", "--for", "10m"];
    Server::start(folder, &["sh", "-c", &script], &[&always[..], arguments].concat())
}

/// The message with this number.
fn message(number: usize) -> Vec<u8> {
    number.to_be_bytes().repeat(MESSAGE / 8)
}

/// Has messages echoed, from `first` to before `end`.
fn exchange(stream: &mut TcpStream, first: usize, end: usize) {
    (first..end).for_each(|number| echo_server::exchange(stream, &message(number)));
}

/// All that the file says was sent to the server. A last block may be cut short.
fn sent_to(port: u16, path: &Path) -> Vec<u8> {
    let file = fs::read(path).unwrap();
    let mut reader = PcapNGReader::new(file.len().max(1 << 16), file.as_slice()).unwrap();
    let mut stream = Vec::new();
    loop {
        match reader.next() {
            Ok((offset, block)) => {
                if let PcapBlockOwned::NG(Block::EnhancedPacket(packet)) = &block {
                    let data = packet.packet_data();
                    if data[22..24] == port.to_be_bytes() {
                        stream.extend(&data[20 + usize::from(data[32] >> 4) * 4..]);
                    }
                }
                reader.consume(offset);
            }
            Err(_) => return stream,
        }
    }
}

fn is_in_order(stream: &[u8]) -> bool {
    stream.chunks(MESSAGE).enumerate().all(|(number, chunk)| *chunk == message(number)[..chunk.len()])
}

// Case 29.
#[test]
fn a_kill_loses_no_more_than_what_came_last() {
    let kills = std::env::var("SOCKBENCH_KILLS").map_or(5, |kills| kills.parse().unwrap());
    for turn in 0..kills {
        let folder = tempfile::tempdir().unwrap();
        let mut server = start(folder.path(), "", &[]);
        let mut stream = server.connect();
        let most = RandomState::new().hash_one(turn) % 8000;
        let mut answered = Vec::new();
        for number in 0..=usize::try_from(most).unwrap() {
            exchange(&mut stream, number, number + 1);
            answered.push(Instant::now());
        }
        let killed = Instant::now();
        server.end(Signal::SIGKILL);
        let kept = answered.iter().filter(|at| **at + MAY_BE_LOST < killed).count() * MESSAGE;
        let recorded = sent_to(server.address.port(), &folder.path().join("trace.pcapng"));
        assert!(recorded.len() >= kept, "{} of {kept} bytes are in the file", recorded.len());
        assert!(is_in_order(&recorded));
    }
}

#[test]
fn the_whole_of_a_session_is_in_the_file_when_it_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.pcapng");
    let mut server = start(folder.path(), "", &[]);
    exchange(&mut server.connect(), 0, 300);
    server.end(Signal::SIGTERM);
    let recorded = sent_to(server.address.port(), &path);
    assert!(recorded.len() == 300 * MESSAGE && is_in_order(&recorded));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    // A recording is never written over by another.
    let output = Command::new(env!("CARGO_BIN_EXE_sockbench"))
        .args(["run", "lab.toml", "--record", "trace.pcapng"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("trace.pcapng is there already"));
    assert_eq!(sent_to(server.address.port(), &path), recorded);
}

// Case 30.
#[test]
fn a_file_that_can_not_grow_ends_the_recording_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.pcapng");
    // In units of 512 bytes; where the signal is ignored, write(2) fails instead (setrlimit(2)).
    let mut server = start(folder.path(), "trap '' XFSZ; ulimit -f 100;", &[]);
    let mut stream = server.connect();
    exchange(&mut stream, 0, 300);
    let said = server.end(Signal::SIGTERM);
    assert!(said.contains("NOT RECORDING: ") && said.contains("trace.pcapng") && said.contains("EFBIG"), "{said}");
    let size = fs::metadata(&path).unwrap().len();
    let file = fs::read(&path).unwrap();
    assert!(size > 10_000 && sockbench::capture::whole_blocks(&file) == file.len(), "{size}");
    let recorded = sent_to(server.address.port(), &path);
    assert!(recorded.len() >= 10 * MESSAGE && is_in_order(&recorded));
}

// Case 30.
#[test]
fn who_does_not_read_why_a_recording_failed_changes_nothing_else() {
    let gone = "exec 2>err 3<&-;";
    let stalled = "exec 2>err; dd if=/dev/zero of=err bs=4096 count=4096 oflag=nonblock 2>/dev/null;";
    for reader in [gone, stalled] {
        let folder = tempfile::tempdir().unwrap();
        let before = format!("trap '' XFSZ; mkfifo err; exec 3<>err; {reader} ulimit -f 100;");
        let mut server = start(folder.path(), &before, &[]);
        exchange(&mut server.connect(), 0, 300);
        kill(Pid::from_raw(server.pid()), Signal::SIGTERM).unwrap();
        assert_eq!(server.child.wait().unwrap().code(), Some(128 + Signal::SIGTERM as i32), "{reader}");
    }
}

#[test]
fn files_follow_one_another_and_each_can_be_read_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("trace-3.pcapng"), "another's").unwrap();
    let mut server = start(folder.path(), "", &["--record-rotate", "100KiB"]);
    exchange(&mut server.connect(), 0, 300);
    server.end(Signal::SIGTERM);
    let mut recorded = Vec::new();
    for name in ["trace", "trace-2", "trace-4", "trace-5"] {
        let path = folder.path().join(format!("{name}.pcapng"));
        let part = sent_to(server.address.port(), &path);
        assert!(!part.is_empty() && fs::metadata(&path).unwrap().len() < 110 << 10, "{name}");
        recorded.extend(part);
    }
    assert!(recorded.len() > 150 * MESSAGE && is_in_order(&recorded));
    assert_eq!(fs::read(folder.path().join("trace-3.pcapng")).unwrap(), b"another's");
}

/// Waits until the file holds what was exchanged so far, so that nothing more of that is written.
fn wait_until_written(path: &Path, port: u16, len: usize) {
    let until = Instant::now() + Duration::from_secs(20);
    while sent_to(port, path).len() < len {
        assert!(Instant::now() < until, "it is not written");
    }
}

// Case 30.
#[test]
fn a_file_that_is_removed_ends_the_recording_and_one_that_is_moved_holds_it() {
    for is_removed in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.pcapng");
        let mut server = start(folder.path(), "", &[]);
        let mut stream = server.connect();
        exchange(&mut stream, 0, 3);
        wait_until_written(&path, server.address.port(), 3 * MESSAGE);
        let moved = folder.path().join("moved.pcapng");
        if is_removed { fs::remove_file(&path) } else { fs::rename(&path, &moved) }.unwrap();
        exchange(&mut stream, 3, 5);
        let port = server.address.port();
        let said = server.end(Signal::SIGTERM);
        assert_eq!(said.contains("NOT RECORDING: trace.pcapng was removed"), is_removed, "{said}");
        assert!(is_removed || sent_to(port, &moved).len() == 5 * MESSAGE);
    }
}
