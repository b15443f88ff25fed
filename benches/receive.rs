//! How fast the program receives over loopback TCP, as a ratio to a bare `read` loop into one 64 KiB buffer in the same
//! run: the engine alone, and the whole path from the socket into the log with its roster and view. Prints a table.
#![expect(clippy::expect_used, reason = "a benchmark that can't run should say why and stop")]

use std::env;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use sockbench::contract::{Address, Clock, Command, Fact, SocketIds};
use sockbench::engine::start;
use sockbench::log::{LogStore, LogView, Messages, Roster};

const ROUNDS: usize = 5;

/// A stream of `total` bytes in writes of `write` bytes.
struct Load {
    name: &'static str,
    total: usize,
    write: usize,
}

const LOADS: [Load; 2] = [
    Load { name: "1 GiB in 64 KiB writes", total: 1 << 30, write: 64 * 1024 },
    Load { name: "32 MiB in 64-byte writes", total: 32 << 20, write: 64 },
];

fn main() {
    println!(
        "{:<26} {:>9} {:>8} {:>6} {:>10} {:>6} {:>10} {:>6} {:>8} {:>6} {:>8} {:>8}",
        "load",
        "bare MB/s",
        "engine",
        "ratio",
        "log, warm",
        "ratio",
        "log, fresh",
        "ratio",
        "on disk",
        "ratio",
        "B/event",
        "B/batch"
    );
    for load in &LOADS {
        let mut bare = Vec::new();
        let mut engine = Vec::new();
        let mut latest = Vec::new();
        let mut log = Vec::new();
        let mut disk = Vec::new();
        let mut shape = (0, 0);
        // In turns, so that what else the machine does falls on both.
        for _ in 0..ROUNDS {
            bare.push(read_bare(load));
            engine.push(read_by_engine(load, Keep::Nothing).0);
            latest.push(read_by_engine(load, Keep::Latest).0);
            let (time, events, batches) = read_by_engine(load, Keep::All);
            log.push(time);
            disk.push(read_by_engine(load, Keep::OnDisk).0);
            shape = (load.total / events, load.total / batches);
        }
        let (bare, engine) = (rate(load, &mut bare), rate(load, &mut engine));
        let (latest, log, disk) = (rate(load, &mut latest), rate(load, &mut log), rate(load, &mut disk));
        let (event, batch) = shape;
        println!(
            "{:<26} {bare:>9.0} {engine:>8.0} {:>6.2} {latest:>10.0} {:>6.2} {log:>10.0} {:>6.2} {disk:>8.0} {:>6.2} {event:>8} \
             {batch:>8}",
            load.name,
            engine / bare,
            latest / bare,
            log / bare,
            disk / bare
        );
    }
}

/// Megabytes a second of the median round.
#[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
fn rate(load: &Load, times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    load.total as f64 / 1e6 / times[times.len() / 2].as_secs_f64()
}

fn send(address: SocketAddr, load: &Load) -> thread::JoinHandle<()> {
    let (total, write) = (load.total, load.write);
    thread::spawn(move || {
        let mut peer = TcpStream::connect(address).expect("connect");
        peer.set_nodelay(true).expect("nodelay");
        let chunk = vec![0x61; write];
        for _ in 0..total / write {
            peer.write_all(&chunk).expect("write");
        }
    })
}

fn read_bare(load: &Load) -> Duration {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let sender = send(listener.local_addr().expect("local"), load);
    let (mut stream, _) = listener.accept().expect("accept");
    let mut buffer = vec![0; 64 * 1024];
    let started = Instant::now();
    while stream.read(&mut buffer).expect("read") > 0 {}
    let took = started.elapsed();
    sender.join().expect("sender");
    took
}

/// What becomes of a batch.
#[derive(Clone, Copy, PartialEq)]
enum Keep {
    /// Thrown away.
    Nothing,
    /// Into a log that forgets what is older than 64 MiB, so that its memory goes round.
    Latest,
    /// Into a log that keeps all, in memory that nobody has touched before.
    All,
    /// Into a log that keeps all, what is beyond 64 MiB on disk.
    OnDisk,
}

/// The time, the events and the batches that a load took.
fn read_by_engine(load: &Load, keep: Keep) -> (Duration, usize, usize) {
    let ids = SocketIds::new();
    let (engine, mut batches) = start(ids.clone(), Clock::start()).expect("engine");
    let endpoint = "tcp-listen://127.0.0.1:0?after-fin=close".parse().expect("endpoint");
    engine.try_order(Command::Open { socket: ids.mint(), endpoint }).expect("order");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
    runtime.block_on(async {
        let mut next = async || batches.next().await.expect("the engine lives");
        let address = loop {
            let batch = next().await;
            let opened = batch.events.iter().find_map(|event| match event.fact {
                Fact::Opened { local: Address::Ip(local), .. } => Some(local),
                _ => None,
            });
            engine.recycle(batch.block);
            if let Some(local) = opened {
                break local;
            }
        };
        let sender = send(address, load);
        let (mut bytes, mut events, mut count) = (0, 0, 0);
        let (wake, woken) = channel();
        let mut store = match keep {
            Keep::Nothing | Keep::All => LogStore::new(u64::MAX),
            Keep::Latest => LogStore::new(64 << 20),
            Keep::OnDisk => LogStore::spilling(64 << 20, env::temp_dir(), move || _ = wake.send(())),
        };
        let (mut roster, mut view) = (Roster::default(), LogView::new());
        let mut messages = Messages::new();
        let mut started = Instant::now();
        while bytes < load.total {
            let batch = next().await;
            if bytes == 0 && batch.used == 0 {
                started = Instant::now();
            }
            bytes += batch.used;
            events += batch.events.len();
            count += 1;
            engine.recycle(if keep == Keep::Nothing {
                batch.block
            } else {
                for event in &batch.events {
                    roster.observe(event);
                }
                let block = store.append(batch).expect("memory");
                messages.catch_up(&store, &roster);
                view.catch_up(&store, &roster, &messages, 100_000);
                store.settle();
                while store.is_behind() {
                    woken.recv().expect("the thread that spills");
                    store.settle();
                }
                block
            });
        }
        let took = started.elapsed();
        sender.join().expect("sender");
        (took, events, count)
    })
}
