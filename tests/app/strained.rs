//! The bench under strain: no descriptor left, connections that come and go by the thousand, and a program that was
//! stopped while all went on.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, Shutdown, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use socket2::{Domain, Socket, Type};

use crate::clients::{Clients, come_and_go};
use crate::session::{DOWN, ENTER, Home, PATIENCE, RIGHT, count_after, ctrl};

// Case 9.
#[test]
fn without_descriptors_the_bench_is_drawn_and_saved_and_accepts_again_as_soon_as_one_is_free() {
    let home = Home::new();
    let endpoint = "tcp-listen://127.0.0.1:0?backlog=200&after-fin=close";
    let mut session = home.start_script(r#"ulimit -n 30; exec "$0" "$1""#, &[endpoint]);
    let address = session.address_after("open at ");
    let mut clients: Vec<_> = (0..100)
        .map(|_| {
            let client = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            client.connect(&address.into()).unwrap();
            client
        })
        .collect();
    session.wait_for("EMFILE (24), this process has no file descriptor left");
    session.wait_for("● #1 ");

    session.keys(&ctrl('s'));
    session.wait_for("Name or path");
    session.keys(&("strained".to_owned() + ENTER));
    let path = home.profiles().join("strained.toml");
    session.wait_until("the profile", |_| fs::read_to_string(&path).is_ok_and(|text| text.contains("tcp-listen")));

    let open = |screen: &vt100::Screen| count_after(screen, "(all ");
    session.wait_until("connections", |screen| open(screen).is_some());
    let before = open(session.screen()).unwrap();
    let since = Instant::now();
    drop(clients.remove(0));
    session.wait_for(&format!("● #{} ", before + 1));
    let took = since.elapsed();
    assert!(took < Duration::from_secs(2), "accepting went on after {took:?}");
    assert_eq!(open(session.screen()), Some(before), "as many as before are open");
    drop(clients);
    session.quit();
}

// Case 11. Here the rate is what is measured: three seconds of it.
#[test]
fn connections_that_come_and_are_reset_by_the_thousand_hold_up_no_key_and_are_all_in_the_log() {
    const COUNT: u32 = 3000;
    let home = Home::new();
    let mut session = home.start(&["tcp-listen://127.0.0.1:0?backlog=1000"]);
    let address = session.address_after("open at ");
    let flood = thread::spawn(move || come_and_go(address, COUNT));
    session.wait_for("RST");
    let mut times = Vec::new();
    let mut typed = String::new();
    while !flood.is_finished() {
        typed.push(char::from(b'a' + u8::try_from(typed.len() % 26).unwrap()));
        let since = Instant::now();
        session.keys(&typed[typed.len() - 1..]);
        session.wait_for(&format!("{typed} "));
        times.push(since.elapsed());
        if typed.len() == 20 {
            session.keys(&ctrl('u'));
            session.wait_for_end_of(&typed);
            typed.clear();
        }
    }
    flood.join().unwrap();
    times.sort_unstable();
    assert!(times.len() > 20, "{times:?}");
    // Other tests run beside this one, so that a single key may have waited for them.
    let usual = times[times.len() / 2];
    assert!(usual < Duration::from_millis(100), "{usual:?} is usual, {:?} the longest", times.last());
    // Opened; and each accepted, failed to be read, and closed.
    let rows = 1 + 3 * u64::from(COUNT);
    session.wait_until(&format!("{rows} rows"), |screen| count_after(screen, "Log · all · ") == Some(rows));
    session.quit();
}

// Case 28.
#[test]
fn what_comes_while_the_program_is_stopped_waits_or_is_counted_as_lost() {
    const COUNT: u64 = 20_000;
    let home = Home::new();
    let mut session =
        home.start(&["tcp-listen://127.0.0.1:0?after-fin=keep", "udp-bind://127.0.0.1:0?receive-buffer=64KiB"]);
    let Clients { stream: mut client, sender, udp } = Clients::of(&mut session);
    sender.send_to(b"first", udp).unwrap();
    let entry = format!(":{} ↓", sender.local_addr().unwrap().port());
    session.wait_for(&entry);

    session.signal(Signal::SIGSTOP);
    for _ in 1..COUNT {
        sender.send_to(&[7; 700], udp).unwrap();
    }
    client.set_nonblocking(true).unwrap();
    let chunk = vec![b'.'; 64 << 10];
    // Until the kernel takes no more, and that for good.
    let mut refused = 0;
    while refused < 100 {
        refused = if client.write(&chunk).is_err() { refused + 1 } else { 0 };
        thread::yield_now();
    }
    session.signal(Signal::SIGCONT);
    let since = Instant::now();
    client.set_nonblocking(false).unwrap();
    client.set_write_timeout(Some(PATIENCE)).unwrap();
    client.write_all(&chunk).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    session.wait_for("peer FIN");
    let counts = |screen: &vt100::Screen| (count_after(screen, &entry), count_after(screen, "· lost "));
    session.wait_until("all datagrams, received or lost", |screen| match counts(screen) {
        (Some(received), Some(lost)) => received + lost == COUNT,
        _ => false,
    });
    let took = since.elapsed();
    assert!(took < Duration::from_secs(5), "it took {took:?}");
    let (_, lost) = counts(session.screen());
    assert!(lost > Some(1000), "{lost:?} were lost");
    drop(client);
    session.quit();
}

// Case 47.
#[test]
fn a_replay_of_a_hundred_thousand_messages_stops_at_once() {
    const COUNT: u64 = 100_000;
    let home = Home::new();
    let at = r#""at":"2026-11-21T12:00:00Z","socket":"far","id":1"#;
    let sent = format!("{{{at},\"kind\":\"sent\",\"len\":1,\"hex\":\"2e\"}}\n");
    let connected = format!("{{{at},\"kind\":\"connected\",\"local\":\"10.0.0.5:4000\",\"peer\":\"10.0.0.1:80\"}}\n");
    let path = home.profiles().join("trace.jsonl");
    fs::write(&path, connected + &sent.repeat(usize::try_from(COUNT).unwrap())).unwrap();
    let sink = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let target = format!("tcp://{}", sink.local_addr().unwrap());
    let mut session = home.start(&["log", path.to_str().unwrap(), &target]);
    let (mut peer, _) = sink.accept().unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    session.wait_for("trace.jsonl is read: 100,001 rows");
    session.wait_for(&format!("● {}", sink.local_addr().unwrap()));
    session.keys(&format!("/dir:tx socket:far{ENTER}"));
    session.wait_for("Log · dir:tx socket:far · 100,000");
    session.keys("R");
    session.wait_for("Enter sends 100,000 messages");
    session.keys(&format!("{DOWN}{RIGHT}{RIGHT}{RIGHT}{RIGHT}"));
    session.wait_for("as fast as it is taken");
    session.keys(ENTER);
    session.wait_for("as fast as it is taken, R pauses, Esc stops");
    let since = Instant::now();
    session.keys("\x1b");
    session.wait_for("The replay was stopped: ");
    let took = since.elapsed();
    // Other tests run beside this one; what a lone `Esc` takes until it is no sequence is in it, too.
    assert!(took < Duration::from_millis(500), "it took {took:?}");
    let done = count_after(session.screen(), "The replay was stopped: ").unwrap();
    assert!(done < COUNT, "it was done already");
    session.quit();
    // What was under way is one message.
    let received = std::io::copy(&mut peer, &mut std::io::sink()).unwrap();
    assert!((done..=done + 1).contains(&received), "{received} came of {done}");
}
