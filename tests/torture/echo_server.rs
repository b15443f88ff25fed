//! An echo server of `sockbench run`, and whoever talks to it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

/// Its profile, in which `ADDRESS` stands for where it is.
pub(crate) const PROFILE: &str = "\
version = 1

[[rule]]
name = \"echo\"
when = { any = true }
send = { escaped = \"{{payload}}\" }

[[socket]]
name = \"server\"
open = \"tcp-listen://ADDRESS?after-fin=close\"
";

/// How long a test waits for something before it gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server without a screen, in a folder where it may record; it is ended with this.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended by itself is no failure of the test. What it was started by may leave it behind.
        let _ = killpg(Pid::from_raw(self.pid()), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts one by this command, which the program and its arguments are added to.
    pub(crate) fn start(folder: &Path, before: &[&str], arguments: &[&str]) -> Self {
        // Nobody was connected to it, so that it is free at once, and no other test is on this address.
        let address = TcpListener::bind("127.77.0.1:0").unwrap().local_addr().unwrap();
        fs::write(folder.join("lab.toml"), PROFILE.replace("ADDRESS", &address.to_string())).unwrap();
        let words =
            [before, &[env!("CARGO_BIN_EXE_sockbench"), "run", "./lab.toml", "--format", "none"], arguments].concat();
        // Nothing is printed, so that the log keeps up.
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::piped());
        command.process_group(0);
        Self { child: command.spawn().unwrap(), address }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        connect(self.address)
    }

    /// The first line on standard error that has this in it.
    pub(crate) fn says(&mut self, what: &str) -> String {
        let said = BufReader::new(self.child.stderr.take().unwrap());
        let line = said.lines().map(Result::unwrap).find(|line| line.contains(what));
        line.unwrap_or_else(|| panic!("it never said {what}"))
    }

    /// Ends it, and gives what it said on standard error.
    pub(crate) fn end(&mut self, signal: Signal) -> String {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        self.child.wait().unwrap();
        said
    }

    pub(crate) fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }
}

/// Connects, as soon as somebody listens.
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let until = Instant::now() + PATIENCE;
    let stream = loop {
        match TcpStream::connect(address) {
            Ok(stream) => break stream,
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
        thread::sleep(Duration::from_millis(5));
    };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Has a message echoed.
pub(crate) fn exchange(stream: &mut TcpStream, message: &[u8]) {
    stream.write_all(message).unwrap();
    let mut answer = vec![0; message.len()];
    stream.read_exact(&mut answer).unwrap();
    assert!(answer == message);
}
