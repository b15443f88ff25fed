//! A peer: another program, its input and its output.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a test waits for something before it gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running peer. It is killed when this is dropped.
pub(crate) struct Peer {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Peer {
    /// Starts a program that is found on the PATH.
    pub(crate) fn start(program: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}; install netcat-openbsd ncat socat python3"));
        let (sender, lines) = channel();
        let streams: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for stream in streams {
            let sender = sender.clone();
            thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    // Nobody listens once the test has ended.
                    let _ = sender.send(line);
                }
            });
        }
        Self { input: child.stdin.take(), child, lines }
    }

    /// Starts a Python script, with `import socket` before it, in which `address` is the tuple of this address.
    pub(crate) fn python(address: SocketAddr, script: &str) -> Self {
        let head =
            format!("import socket, struct, sys\naddress = ({:?}, {})\n", address.ip().to_string(), address.port());
        Self::start("python3", &["-u", "-c", &(head + script)])
    }

    /// Starts one of the Python programs beside this file.
    pub(crate) fn script(name: &str, arguments: &[&str]) -> Self {
        let path = format!("{}/tests/peers/python/{name}.py", env!("CARGO_MANIFEST_DIR"));
        Self::start("python3", &[&["-u", path.as_str()], arguments].concat())
    }

    /// Types a line, and waits for one that holds this answer.
    #[track_caller]
    pub(crate) fn ask(&mut self, line: &str, answer: &str) -> String {
        self.say(line);
        self.wait_for(answer)
    }

    /// Types a line.
    pub(crate) fn say(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Ends the peer's input, as Ctrl-D does.
    pub(crate) fn end_input(&mut self) {
        self.input = None;
    }

    /// Waits for a line on the peer's output or standard error that holds this text, and gives it.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => seen.push(line),
                Err(error) => panic!("{error} before {text:?}; the peer said {seen:?}"),
            }
        }
    }

    /// Waits for a line with this text, and gives the port that is the number at its end.
    #[track_caller]
    pub(crate) fn port_after(&self, text: &str) -> u16 {
        let line = self.wait_for(text);
        let digits = line.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap();
        digits.parse().unwrap_or_else(|_| panic!("a port at the end of {line:?}"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Refused only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
