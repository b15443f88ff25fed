//! The workbench in a terminal, under strain that lasts.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::sys::statvfs::statvfs;

use super::clients::{Clients, come_and_go};
use super::session::{ENTER, Home, PATIENCE, Session, count_after, ctrl};
use super::{Verdict, memory, mib, percentile, setting};

const MINUTE: Duration = Duration::from_mins(1);

/// Waits until the screen shows this, for longer than a test does.
fn wait_long(session: &mut Session, text: &str) {
    let until = Instant::now() + 10 * PATIENCE;
    while !session.text().contains(text) {
        assert!(Instant::now() < until, "{text} never came:\n{}", session.text());
        session.output_during(Duration::from_millis(50));
    }
}

// Case 11.
pub(super) fn connections_that_come_and_are_reset_for_a_minute() -> Verdict {
    const COUNT: u32 = 60_000;
    let home = Home::new();
    let mut session = home.start(&["tcp-listen://127.0.0.1:0?backlog=1000"]);
    let address = session.address_after("open at ");
    let flood = thread::spawn(move || come_and_go(address, COUNT));
    session.wait_for("RST");
    let mut times = Vec::new();
    while !flood.is_finished() {
        for key in 'a'..='t' {
            let typed: String = ('a'..=key).collect();
            let since = Instant::now();
            session.keys(&key.to_string());
            session.wait_for(&format!("{typed} "));
            times.push(since.elapsed());
            session.output_during(Duration::from_millis(50));
        }
        session.keys(&ctrl('u'));
        session.wait_for_end_of("abcdefghijklmnopqrst");
    }
    flood.join().unwrap();
    let rows = 1 + 3 * u64::from(COUNT);
    session.wait_until(&format!("{rows} rows"), |screen| count_after(screen, "Log · all · ") == Some(rows));
    session.quit();
    let (usual, rare, longest) = (percentile(&mut times, 50), percentile(&mut times, 99), percentile(&mut times, 100));
    let told = format!("{} keys: p50 {usual:.1} ms, p99 {rare:.1} ms, the longest {longest:.1} ms", times.len());
    // What else the machine does may hold up a few.
    assert!(rare < 100.0, "{told}");
    Verdict::Pass(format!("{told}; all {rows} rows are there"))
}

// Case 26.
pub(super) fn ten_gigabytes_are_kept_and_found() -> Verdict {
    const LIMIT: u64 = 256 << 20;
    // What the program takes besides its log: the blocks on the way, the index of what is on disk, the screen.
    const BESIDES: u64 = 128 << 20;
    let bytes = setting("SOCKBENCH_TORTURE_BYTES", 10_000_000_000);
    let folder = std::env::var_os("TMPDIR").map_or_else(|| PathBuf::from("/var/tmp"), PathBuf::from);
    let disk = statvfs(&folder).unwrap();
    let free = disk.blocks_available() * disk.fragment_size();
    if free < bytes + (1 << 30) {
        return Verdict::Skipped(format!("{} has {} MiB only", folder.display(), mib(free)));
    }
    let home = Home::new();
    let mut session = home.start(&["--memory", "256MiB", "tcp-listen://127.0.0.1:0?after-fin=keep"]);
    let mut client = TcpStream::connect(session.address_after("open at ")).unwrap();
    client.write_all(b"the very first of all").unwrap();
    session.wait_for("the very first of all");
    let done = Arc::new(AtomicBool::new(false));
    let is_done = Arc::clone(&done);
    let flood = thread::spawn(move || {
        let chunk = vec![b'.'; 1 << 20];
        let mut left = bytes;
        while left > 0 {
            let len = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
            client.write_all(&chunk[..len]).unwrap();
            left -= len as u64;
        }
        client.shutdown(Shutdown::Write).unwrap();
        is_done.store(true, Ordering::SeqCst);
        client
    });
    let pid = session.pid().as_raw();
    let began = Instant::now();
    let mut most = 0;
    while !done.load(Ordering::SeqCst) || !session.text().contains("peer FIN") {
        session.output_during(Duration::from_millis(20));
        most = most.max(memory(pid, "VmRSS"));
        assert!(began.elapsed() < 10 * MINUTE, "{}", session.text());
    }
    drop(flood.join().unwrap());
    let took = began.elapsed().as_secs_f64();
    session.keys(&(ctrl('f') + "\"very first\"" + ENTER));
    wait_long(&mut session, "very first\" · 1/");
    session.wait_for("21 the very first of all");
    most = most.max(memory(pid, "VmRSS"));
    assert!(!session.text().contains("oldest rows gone"), "{}", session.text());
    session.quit();
    let told = format!("{bytes} bytes in {took:.0} s, {} MiB resident at most of a log of 256 MiB", mib(most));
    assert!(most < LIMIT + BESIDES, "{told}");
    Verdict::Pass(format!("{told}; the first row is found"))
}

// Case 28.
pub(super) fn a_flood_goes_on_while_the_program_is_stopped_for_a_minute() -> Verdict {
    let home = Home::new();
    let mut session = home.start(&["tcp-listen://127.0.0.1:0?after-fin=keep", "udp-bind://127.0.0.1:0"]);
    let Clients { stream: mut client, sender, udp } = Clients::of(&mut session);
    sender.send_to(b"first", udp).unwrap();
    let entry = format!(":{} ↓", sender.local_addr().unwrap().port());
    session.wait_for(&entry);
    session.signal(Signal::SIGSTOP);
    let until = Instant::now() + MINUTE;
    let written = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&written);
    client.set_write_timeout(Some(2 * MINUTE)).unwrap();
    let stream = thread::spawn(move || {
        let chunk = vec![b'.'; 64 << 10];
        while Instant::now() < until {
            client.write_all(&chunk).unwrap();
            counter.fetch_add(chunk.len() as u64, Ordering::SeqCst);
        }
        client.shutdown(Shutdown::Write).unwrap();
        client
    });
    let mut sent = 1;
    while Instant::now() < until {
        for _ in 0..100 {
            sender.send_to(&[7; 700], udp).unwrap();
            sent += 1;
        }
        thread::sleep(Duration::from_millis(10));
    }
    let waited = written.load(Ordering::SeqCst);
    assert!(waited < 64 << 20, "{} MiB were taken by nobody", mib(waited));
    session.signal(Signal::SIGCONT);
    let since = Instant::now();
    session.wait_for("peer FIN");
    session.wait_until("all datagrams, received or lost", |screen| {
        match (count_after(screen, &entry), count_after(screen, "· lost ")) {
            (Some(received), Some(lost)) => received + lost == sent,
            _ => false,
        }
    });
    let took = since.elapsed();
    drop(stream.join().unwrap());
    let lost = count_after(session.screen(), "· lost ").unwrap();
    session.quit();
    let told =
        format!("{sent} datagrams, {lost} of them lost, {} MiB waited; all is well after {took:.0?}", mib(waited));
    assert!(took < Duration::from_secs(1), "{told}");
    Verdict::Pass(told)
}

pub(super) fn ten_thousand_idle_connections() -> Verdict {
    const COUNT: usize = 10_000;
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    if hard < COUNT as u64 + 100 {
        return Verdict::Skipped(format!("ulimit -Hn is {hard}"));
    }
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let home = Home::new();
    let mut session = home.start(&["tcp-listen://127.0.0.1:0?backlog=1000"]);
    let address = session.address_after("open at ");
    let first = TcpStream::connect(address).unwrap();
    session.wait_for("accepted");
    let pid = session.pid().as_raw();
    let before = memory(pid, "VmRSS");
    let clients: Vec<_> = (1..COUNT).map(|_| TcpStream::connect(address).unwrap()).collect();
    session.wait_until("all of them", |screen| count_after(screen, "(all ") == Some(COUNT as u64));
    let more = memory(pid, "VmRSS").saturating_sub(before);
    drop((first, clients));
    session.quit();
    let told = format!("10,000 idle connections take {} KiB more", more >> 10);
    assert!(more < 40 << 20, "{told}");
    Verdict::Pass(told)
}
