//! `sockbench test`, as scripts and build servers see it.

#![expect(clippy::unwrap_used, reason = "this is a test")]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long a test waits for something before it gives up.
const PATIENCE: Duration = Duration::from_secs(20);

const SCENARIOS: &str = r#"
[vars]
who = "nobody"

[[scenario]]
name = "greeting"
[[scenario.step]]
open = "client"
[[scenario.step]]
send = { escaped = "Hello, {{who}}!\n" }
to = "server#1"
[[scenario.step]]
expect = { text = "Hello, client!" }
on = "client"
within = "5s"

[[scenario]]
name = "bytes"
[[scenario.step]]
open = "client"
[[scenario.step]]
send = { hex = "00 01 02 1b 5b 32 4a" }
to = "client"
[[scenario.step]]
expect = { equals = { hex = "00 01 03" } }
on = "server"
within = "300ms"
"#;

struct Lab {
    folder: tempfile::TempDir,
}

impl Lab {
    /// A profile with a Unix listener, a client of it, and these scenarios.
    fn new(scenarios: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("s.sock");
        let at = at.to_str().unwrap();
        let text = format!(
            "version = 1\nname = \"lab\"\n[[socket]]\nname = \"server\"\nopen = \"unix-listen://{at}\"\n\
             [[socket]]\nname = \"client\"\nopen = \"unix://{at}\"\n{scenarios}"
        );
        std::fs::write(folder.path().join("lab.toml"), text).unwrap();
        Self { folder }
    }

    fn profile(&self) -> PathBuf {
        self.folder.path().join("lab.toml")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockbench"));
        command.arg("test").arg(self.profile()).args(arguments).env("XDG_CONFIG_HOME", self.folder.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }
}

#[test]
fn a_line_tells_each_verdict_and_a_report_what_failed() {
    let lab = Lab::new(SCENARIOS);
    let (status, out, told) = lab.run(&["--set", "who=client"]);
    assert_eq!((status, told.as_str()), (1, ""), "{out}");
    let lines: Vec<_> = out.lines().collect();
    assert!(lines[0].starts_with("ok 1 greeting ("), "{out}");
    assert!(lines[1].starts_with("not ok 2 bytes ("), "{out}");
    let step =
        "    step 3 of 3, line 33: expect = { equals = { hex = \"00 01 03\" } }, on = \"server\", within = \"300ms\"";
    let line = std::fs::read_to_string(lab.profile()).unwrap();
    let at = line.lines().position(|line| line.contains("00 01 03")).unwrap();
    assert_eq!(lines[2], step.replace("33", &at.to_string()));
    assert!(out.contains("|...|") && out.contains("|....[2J|"), "{out}");
    assert!(!out.contains('\x1b'), "{out:?}");

    let (status, out, _) = lab.run(&["greeting", "--set", "who=client"]);
    assert_eq!((status, out.lines().count()), (0, 1), "{out}");
    let (status, out, _) = lab.run(&["greeting", "--timeout", "200ms"]);
    assert!(status == 1 && out.contains("before the scenario's 200ms were over"), "{out}");
}

#[test]
fn others_read_tap_and_junit() {
    let lab = Lab::new(SCENARIOS);
    let (status, out, _) = lab.run(&["--format", "tap", "--set", "who=client"]);
    assert_eq!(status, 1);
    assert!(out.starts_with("TAP version 14\n1..2\nok 1 - greeting\n  ---\n"), "{out}");
    assert!(out.contains("\nnot ok 2 - bytes\n  ---\n  message: "), "{out}");
    assert!(out.lines().skip(2).all(|line| line.starts_with("  ") || line.contains("ok ")), "{out}");

    let (status, out, _) = lab.run(&["--format", "junit", "--set", "who=client"]);
    assert_eq!(status, 1);
    let read = "import sys, xml.etree.ElementTree as tree\n\
                suite = tree.fromstring(sys.stdin.buffer.read()).find('testsuite')\n\
                print(suite.get('name'), suite.get('tests'), suite.get('failures'))\n\
                for case in suite:\n    print(case.get('name'), float(case.get('time')) < 20, [found.tag for found in case])\n";
    let mut python =
        Command::new("python3").args(["-c", read]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    python.stdin.take().unwrap().write_all(out.as_bytes()).unwrap();
    let found = String::from_utf8(python.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(found, "lab 2 1\ngreeting True []\nbytes True ['failure']\n", "{out}");
}

#[test]
fn what_is_wrong_is_told_before_anything_is_opened() {
    let peer = TcpListener::bind("127.0.0.1:0").unwrap();
    peer.set_nonblocking(true).unwrap();
    let client = format!("[[socket]]\nname = \"other\"\nopen = \"tcp://{}\"\n", peer.local_addr().unwrap());
    let lab = Lab::new(&client);
    let (status, out, told) = lab.run(&[]);
    assert_eq!((status, out.as_str()), (2, ""));
    assert!(told.contains("no scenario"), "{told}");
    let lab = Lab::new(&format!("{client}{SCENARIOS}"));
    let (status, _, told) = lab.run(&["greeting", "gretting"]);
    assert!(status == 2 && told.contains("`gretting`; there are: greeting, bytes"), "{told}");
    let lab = Lab::new(&format!("{client}{SCENARIOS}[[scenario.step]]\nopen = \"cleint\"\n"));
    let (status, _, told) = lab.run(&["greeting"]);
    assert!(status == 2 && told.contains("lab.toml:") && told.contains("`cleint`"), "{told}");
    assert_eq!(peer.accept().unwrap_err().kind(), ErrorKind::WouldBlock);

    let lab = Lab::new(SCENARIOS);
    std::fs::write(lab.folder.path().join("s.sock"), "no socket").unwrap();
    let (status, out, _) = lab.run(&["greeting"]);
    assert!(
        status == 1 && out.contains("server could not be opened: ") && out.contains("before the first step"),
        "{out}"
    );
}

#[test]
fn each_scenario_has_sockets_of_its_own_and_they_are_recorded() {
    let again = SCENARIOS
        .replace("\"greeting\"", "\"again\"")
        .replace("\"bytes\"", "\"more\"")
        .replace("[vars]\nwho = \"nobody\"", "");
    let lab = Lab::new(&format!("{SCENARIOS}{again}"));
    let file = lab.folder.path().join("out.pcapng");
    let arguments = ["greeting", "again", "--set", "who=client", "--record", file.to_str().unwrap()];
    let (status, out, _) = lab.run(&arguments);
    assert_eq!((status, out.lines().count()), (0, 2), "{out}");
    let recorded = std::fs::read(&file).unwrap();
    assert_eq!(recorded.windows(14).filter(|bytes| *bytes == b"Hello, client!").count(), 4);
    assert!(!lab.folder.path().join("s.sock").exists());
}

#[test]
fn what_comes_at_once_is_recorded() {
    let peer = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = peer.local_addr().unwrap();
    let greeter = std::thread::spawn(move || {
        let (mut connection, _) = peer.accept().unwrap();
        connection.write_all(b"welcome").unwrap();
        connection.read_to_end(&mut Vec::new()).unwrap()
    });
    let lab = Lab::new(&format!(
        "[[socket]]\nname = \"outside\"\nopen = \"tcp://{at}\"\n\
         [[scenario]]\nname = \"greeted\"\nstep = [{{ expect = {{ text = \"welcome\" }}, on = \"outside\" }}]\n"
    ));
    let file = lab.folder.path().join("out.pcapng");
    let (status, out, _) = lab.run(&["--record", file.to_str().unwrap()]);
    assert_eq!(status, 0, "{out}");
    greeter.join().unwrap();
    assert!(std::fs::read(&file).unwrap().windows(7).any(|bytes| bytes == b"welcome"));
}

#[test]
fn the_rules_of_the_profile_answer_also_on_sockets_that_a_scenario_opens() {
    let lab = Lab::new(
        r#"
[[rule]]
name = "echo"
on = "server"
when = { any = true }
send = { escaped = "{{payload}}" }
[[scenario]]
name = "echo"
step = [
  { open = "server" },
  { open = "client" },
  { send = { text = "ping" }, to = "client" },
  { expect = { equals = { text = "ping" } }, on = "client" },
]
"#,
    );
    let (status, out, _) = lab.run(&[]);
    assert_eq!(status, 0, "{out}");
}

#[test]
fn the_scenario_of_the_readme_passes() {
    let readme = include_str!("../README.md");
    let profile = readme.split("```toml").find(|text| text.contains("[[scenario]]")).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let lab = Lab::new("");
    let text = profile.split("```").next().unwrap().replace("7799", &port.to_string());
    std::fs::write(lab.profile(), text).unwrap();
    let (status, out, told) = lab.run(&[]);
    assert!(status == 0 && out.starts_with("ok 1 greeting ("), "{out}{told}");
}

#[test]
fn a_signal_closes_everything_and_is_the_exit_status() {
    let lab = Lab::new("[[scenario]]\nname = \"long\"\n[[scenario.step]]\nwait = \"30s\"\n");
    let mut running = lab.command(&[]).stdout(Stdio::piped()).spawn().unwrap();
    let at = lab.folder.path().join("s.sock");
    let _peer = connect(&at);
    kill(Pid::from_raw(i32::try_from(running.id()).unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(128 + 15));
    assert!(!at.exists());
}

/// Connects as soon as somebody listens there.
fn connect(at: &Path) -> UnixStream {
    let begun = Instant::now();
    loop {
        match UnixStream::connect(at) {
            Ok(stream) => return stream,
            Err(error) => assert!(begun.elapsed() < PATIENCE, "{error}"),
        }
        std::thread::yield_now();
    }
}

#[test]
fn any_number_of_sockets_can_be_opened_and_have_a_rule() {
    let sockets: Vec<_> = (0..600)
        .map(|number| format!("[[socket]]\nname = \"s{number}\"\nopen = \"udp-bind://127.0.0.1:0\"\n"))
        .collect();
    let many = sockets.concat();
    let rule = "[[rule]]\nname = \"r\"\nwhen = { text = \"PING\" }\nsend = { text = \"PONG\" }\n";
    let lab = Lab::new(&format!("{many}{rule}[[scenario]]\nname = \"s\"\n[[scenario.step]]\nopen = \"client\"\n"));
    let (status, out, told) = lab.run(&[]);
    assert_eq!((status, told.as_str()), (0, ""), "{out}");
}
