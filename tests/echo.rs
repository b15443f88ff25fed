//! `sockbench run` and the echoes of a profile, asked by sockets from outside.

#![expect(clippy::unwrap_used, reason = "this is a test")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long a test waits for something before it gives up.
const PATIENCE: Duration = Duration::from_secs(20);

const PROFILE: &str = "\
version = 1

[[rule]]
name = \"echo\"
on = [\"server\", \"datagrams\"]
when = { any = true }
send = { escaped = \"{{payload}}\" }

[[rule]]
name = \"off\"
enabled = false
when = { any = true }
send = { escaped = \"{{payload}}\" }

[[socket]]
name = \"server\"
open = \"tcp-listen://127.0.0.1:0?after-fin=close\"

[[socket]]
name = \"datagrams\"
open = \"udp-bind://127.0.0.1:0\"

[[socket]]
name = \"mute\"
open = \"tcp-listen://127.0.0.1:0?after-fin=close\"
";

/// A program that is ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended by itself is no failure of the test.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn run_echoes_where_the_profile_says_so_and_nowhere_else() {
    let dir = tempfile::tempdir().unwrap();
    let profile = dir.path().join("lab.toml");
    std::fs::write(&profile, PROFILE).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockbench"));
    command.arg("run").arg(&profile).args(["--for", "60s", "--format", "jsonl"]);
    let mut running = Running(
        command.env("XDG_CONFIG_HOME", dir.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap(),
    );
    let mut lines = BufReader::new(running.0.stdout.take().unwrap()).lines();
    let mut at = HashMap::new();
    while at.len() < 3 {
        let row: serde_json::Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        if row["kind"] == "opened" {
            at.insert(row["socket"].as_str().unwrap().to_owned(), row["local"].as_str().unwrap().to_owned());
        }
    }

    assert_eq!(answer(&at["server"], b"one\r\n\0\xff"), b"one\r\n\0\xff");
    assert_eq!(answer(&at["server"], b"two"), b"two");
    assert_eq!(answer(&at["mute"], b"three"), b"");
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    for word in [&b"four"[..], b""] {
        peer.send_to(word, &at["datagrams"]).unwrap();
        let mut buffer = [0; 16];
        let (len, _) = peer.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..len], word);
    }

    running.0.kill().unwrap();
    let mut told = String::new();
    running.0.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    // These rules are applied, so there is nothing to warn of.
    assert_eq!(told, "");
}

#[test]
fn a_rule_that_can_not_be_applied_stops_run_before_anything_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let profile = dir.path().join("lab.toml");
    let rule = "[[payload]]\nname = \"p\"\nfile = \"none.bin\"\n[[rule]]\nname = \"answer\"\nwhen = { any = true }\n\
                send = { payload = \"p\" }\n";
    std::fs::write(&profile, format!("{PROFILE}{rule}")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockbench"));
    let ended = command.arg("run").arg(&profile).env("XDG_CONFIG_HOME", dir.path()).output().unwrap();
    assert_eq!((ended.status.code(), ended.stdout.as_slice()), (Some(2), &b""[..]));
    let told = String::from_utf8(ended.stderr).unwrap();
    assert!(told.starts_with("sockbench: rule answer: ") && told.contains("none.bin can't be read"), "{told}");
}

/// What comes back when this is sent, and then FIN.
fn answer(address: &str, word: &[u8]) -> Vec<u8> {
    let mut peer = TcpStream::connect(address).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    peer.write_all(word).unwrap();
    peer.shutdown(std::net::Shutdown::Write).unwrap();
    let mut all = Vec::new();
    peer.read_to_end(&mut all).unwrap();
    all
}

#[test]
fn with_too_few_descriptors_to_begin_it_says_what_to_raise() {
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("one.toml");
    let open = "version = 1\n[[socket]]\nname = \"s\"\nopen = \"tcp-listen://127.0.0.1:0\"\n";
    std::fs::write(&profile, open).unwrap();
    let mut failed = 0;
    for limit in 6..40 {
        let output = Command::new("sh")
            .args(["-c", &format!("ulimit -n {limit}; exec \"$0\" run \"$1\" --for 10ms")])
            .arg(env!("CARGO_BIN_EXE_sockbench"))
            .arg(&profile)
            .output()
            .unwrap();
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        if !output.status.success() {
            failed += 1;
            assert!(told.contains("ulimit -n"), "{limit}: {told}");
        }
    }
    assert!((3..30).contains(&failed), "{failed}");
}
