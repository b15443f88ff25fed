//! The programs that are measured, started and ended.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a program may take until it is ready.
const PATIENCE: Duration = Duration::from_secs(20);

/// Which transport a port is of.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Tcp,
    Udp,
}

/// A program that is ended with this.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

impl Server {
    /// Starts it, and waits until the port is open.
    pub(crate) fn start(mut command: Command, kind: Kind, port: u16) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("the program starts");
        let server = Self { child, port };
        wait_for_port(kind, port);
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Refused only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody has.
pub(crate) fn free_port() -> u16 {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    free.local_addr().expect("local").port()
}

/// Waits until someone listens on the port, without being a first connection.
pub(crate) fn wait_for_port(kind: Kind, port: u16) {
    let deadline = Instant::now() + PATIENCE;
    while entry(kind, port).is_none() {
        assert!(Instant::now() < deadline, "nobody opened port {port}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// How many datagrams the kernel has dropped at the socket of this port.
pub(crate) fn drops(port: u16) -> u64 {
    let entry = entry(Kind::Udp, port).expect("the socket is open");
    entry.split_whitespace().last().and_then(|drops| drops.parse().ok()).expect("the last column")
}

/// The line of `/proc/net` of the socket that waits on this port.
fn entry(kind: Kind, port: u16) -> Option<String> {
    let table = if kind == Kind::Tcp { "/proc/net/tcp" } else { "/proc/net/udp" };
    let local = format!("0100007F:{port:04X}");
    let text = fs::read_to_string(table).expect("procfs");
    let line = text.lines().find(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (own, state) = (fields.next(), fields.nth(1));
        own == Some(local.as_str()) && (kind == Kind::Udp || state == Some("0A"))
    });
    line.map(str::to_owned)
}

/// Whether a program of this name can be started.
pub(crate) fn is_installed(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// The program in C that is the limit, compiled into this folder; none without a compiler.
pub(crate) fn compile_limit(folder: &Path) -> Option<PathBuf> {
    let compiler = ["cc", "gcc", "clang"].into_iter().find(|name| is_installed(name))?;
    let (source, program) = (folder.join("limit.c"), folder.join("limit"));
    fs::write(&source, include_str!("limit.c")).expect("a file");
    let outcome = Command::new(compiler).arg("-O2").arg("-o").arg(&program).arg(&source).status();
    outcome.is_ok_and(|status| status.success()).then_some(program)
}

/// A number of a process in `/proc/PID/status`, in KiB.
pub(crate) fn resident(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("procfs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// The processor time of a process so far, in clock ticks.
pub(crate) fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("procfs");
    let (_, rest) = stat.rsplit_once(')').expect("a name in parentheses");
    let fields: Vec<_> = rest.split_whitespace().collect();
    // utime and stime, the 14th and 15th field of all.
    [fields[11], fields[12]].iter().map(|field| field.parse::<u64>().expect("a number")).sum()
}
