//! What must be flat however long it goes on.

use std::fmt::{self, Display, Formatter};
use std::fs;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use super::echo_server::{PROFILE, Server, connect, exchange};
use super::session::{Home, PATIENCE};
use super::{Verdict, descriptors, memory, setting};

/// For so long, both of them at once: `run`, which lets go of its oldest rows, and the workbench, which keeps them all.
pub(super) fn a_soak() -> Verdict {
    let seconds = setting("SOCKBENCH_SOAK", 60);
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[], &["--memory", "8MiB"]);
    let home = Home::new();
    fs::write(home.profiles().join("soak.toml"), PROFILE.replace("ADDRESS", "127.78.0.2:0")).unwrap();
    let mut session = home.start(&["--memory", "8MiB", "--profile", "soak"]);
    let shown = session.address_after("open at ");
    let screen = session.pid().as_raw();
    let told = thread::scope(|scope| {
        let plain = scope.spawn(|| soak(server.address, server.pid(), seconds));
        let shown = scope.spawn(|| soak(shown, screen, seconds));
        while !plain.is_finished() || !shown.is_finished() {
            session.output_during(Duration::from_millis(100));
            session.raw.clear();
        }
        [plain, shown].map(|soak| soak.join().unwrap())
    });
    let [plain, shown] = &told;
    let told = format!("{seconds} s; run: {plain}; workbench: {shown}");
    assert!(plain.is_flat() && shown.is_flat(), "{told}");
    Verdict::Pass(told)
}

/// What a process took up while it was used, from a third of the time on: what it begins with is there then.
struct Soaked {
    messages: u64,
    connections: u64,
    time: Duration,
    resident: [u64; 2],
    descriptors: [usize; 2],
    threads: [usize; 2],
}

impl Soaked {
    /// A task that stays with each connection would take a hundred times as much.
    fn is_flat(&self) -> bool {
        let ([early, late], [fds, fds_later], [threads, threads_later]) =
            (self.resident, self.descriptors, self.threads);
        late < early + (4 << 20) && fds_later <= fds && threads_later <= threads
    }
}

impl Display for Soaked {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let rate = |count: u64| u128::from(count) * 1000 / self.time.as_millis().max(1);
        let (messages, connections) = (rate(self.messages), rate(self.connections));
        let ([early, late], [fds, fds_later]) = (self.resident.map(|bytes| bytes >> 10), self.descriptors);
        let [threads, threads_later] = self.threads;
        write!(f, "{messages} messages and {connections} connections a second, {} of them; ", self.connections)?;
        write!(f, "{early} KiB resident after a third and {late} KiB at the end, ")?;
        write!(f, "{fds} and {fds_later} descriptors, {threads} and {threads_later} threads")
    }
}

/// Has 5,000 messages echoed on one connection each second, and one on each of 200 others.
fn soak(address: SocketAddr, pid: i32, seconds: u64) -> Soaked {
    let mut stream = connect(address);
    exchange(&mut stream, b"the first");
    let began = Instant::now();
    let (mut messages, mut connections) = (0_u64, 0_u64);
    let mut early = (0, 0, 0);
    for second in 0..seconds {
        // A hundredth of a second at a time: 50 messages and two connections.
        for part in 0..100 {
            for _ in 0..50 {
                exchange(&mut stream, &[b'.'; 64]);
                messages += 1;
            }
            for _ in 0..2 {
                exchange(&mut connect(address), b"?");
                connections += 1;
            }
            let due = began + Duration::from_millis(second * 1000 + part * 10);
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        if second == seconds / 3 {
            early = (memory(pid, "VmRSS"), settled(pid, usize::MAX), threads(pid));
        }
    }
    let time = began.elapsed();
    let resident = [early.0, memory(pid, "VmRSS")];
    let descriptors = [early.1, settled(pid, early.1)];
    Soaked { messages, connections, time, resident, descriptors, threads: [early.2, threads(pid)] }
}

/// How many descriptors a process has open, once they are no more than so many, or do not become so few.
fn settled(pid: i32, most: usize) -> usize {
    let until = Instant::now() + PATIENCE;
    loop {
        let open = descriptors(pid);
        if open <= most || Instant::now() > until {
            return open;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// How many threads a process has.
fn threads(pid: i32) -> usize {
    fs::read_dir(format!("/proc/{pid}/task")).unwrap().count()
}
