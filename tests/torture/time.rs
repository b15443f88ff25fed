//! What must be flat however long it goes on.

use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use super::echo_server::{Server, exchange};
use super::session::PATIENCE;
use super::{Verdict, descriptors, memory, mib, setting};

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
