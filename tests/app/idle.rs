//! A bench on which nothing happens uses no processor.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use nix::unistd::Pid;

use crate::session::Home;

/// The processor time of all threads of a process so far, in clock ticks.
fn ticks(pid: Pid) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The second field is the name in parentheses, which may hold anything; utime and stime are the 14th and 15th.
    let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// Here time is what is measured: three seconds of it.
#[test]
fn an_idle_bench_draws_nothing_and_uses_no_processor() {
    let home = Home::new();
    let mut session = home.start(&["tcp-listen://127.0.0.1:0"]);
    let mut client = TcpStream::connect(session.address_after("open at ")).unwrap();
    client.write_all(b"some traffic").unwrap();
    session.wait_for("some traffic");
    // The rates of the last second are shown and count down to nothing; with them the last timer ends.
    session.wait_for("B/s");
    session.wait_for_end_of("B/s");
    let before = ticks(session.pid());
    let written = session.output_during(Duration::from_secs(3));
    assert_eq!(String::from_utf8_lossy(&written), "");
    assert_eq!(ticks(session.pid()) - before, 0, "clock ticks used");
    drop(client);
    session.wait_for("recv = 0");
}
