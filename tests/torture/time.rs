//! What must be flat however long it goes on.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::session::{PATIENCE, SOCKBENCH};
use super::{Verdict, descriptors, memory, mib, setting};

const PROFILE: &str = "\
version = 1

[[rule]]
name = \"echo\"
when = { any = true }
send = { escaped = \"{{payload}}\" }

[[socket]]
name = \"server\"
open = \"tcp-listen://ADDRESS?after-fin=close\"
";

/// An echo server without a screen; it is ended with this.
pub(super) struct Server {
    pub(super) child: Child,
    pub(super) address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended by itself is no failure of the case.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts one in a folder by this command, which ends with the program's own arguments.
    pub(super) fn start(folder: &std::path::Path, before: &[&str], arguments: &[&str]) -> Self {
        // Nobody was connected to it, so that it is free at once.
        let address = TcpListener::bind("127.78.0.1:0").unwrap().local_addr().unwrap();
        fs::write(folder.join("lab.toml"), PROFILE.replace("ADDRESS", &address.to_string())).unwrap();
        let words = [before, &[SOCKBENCH, "run", "./lab.toml", "--format", "none"], arguments].concat();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::piped());
        Self { child: command.spawn().unwrap(), address }
    }

    pub(super) fn connect(&self) -> TcpStream {
        let until = Instant::now() + PATIENCE;
        let stream = loop {
            match TcpStream::connect(self.address) {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < until, "{error}"),
            }
            thread::sleep(Duration::from_millis(5));
        };
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// The first line on standard error that has this in it.
    pub(super) fn says(&mut self, what: &str) -> String {
        let said = BufReader::new(self.child.stderr.take().unwrap());
        let line = said.lines().map(Result::unwrap).find(|line| line.contains(what));
        line.unwrap_or_else(|| panic!("it never said {what}"))
    }

    pub(super) fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }
}

/// Has a message echoed.
pub(super) fn exchange(stream: &mut TcpStream, message: &[u8]) {
    stream.write_all(message).unwrap();
    let mut answer = vec![0; message.len()];
    stream.read_exact(&mut answer).unwrap();
    assert!(answer == message);
}

pub(super) fn a_soak() -> Verdict {
    let seconds = setting("SOCKBENCH_SOAK", 60);
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[], &["--memory", "8MiB"]);
    let mut stream = server.connect();
    exchange(&mut stream, b"the first");
    let before = descriptors(server.pid());
    let began = Instant::now();
    let (mut messages, mut connections) = (0_u64, 0_u64);
    let mut resident = Vec::new();
    for second in 0..seconds {
        // A hundredth of a second at a time: 50 messages and two connections.
        for part in 0..100 {
            for _ in 0..50 {
                exchange(&mut stream, &[b'.'; 64]);
                messages += 1;
            }
            for _ in 0..2 {
                exchange(&mut TcpStream::connect(server.address).unwrap(), b"?");
                connections += 1;
            }
            let due = began + Duration::from_millis(second * 1000 + part * 10);
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        resident.push(memory(server.pid(), "VmRSS"));
    }
    let rate = u128::from(messages) * 1000 / began.elapsed().as_millis();
    let until = Instant::now() + PATIENCE;
    while descriptors(server.pid()) > before {
        assert!(Instant::now() < until, "{} descriptors became {}", before, descriptors(server.pid()));
        thread::sleep(Duration::from_millis(20));
    }
    let third = resident.len() / 3;
    let (early, late) = (resident[third], *resident.last().unwrap());
    let told = format!(
        "{seconds} s, {rate} messages a second, {connections} connections; {} MiB resident after a third, {} MiB at \
         the end; descriptors as before",
        mib(early),
        mib(late)
    );
    assert!(late < early + (4 << 20), "{told}");
    Verdict::Pass(told)
}
