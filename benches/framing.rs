//! How fast the messages of a stream are found, in GiB a second, against searching for the same byte alone; and how fast
//! the log reads them out of its rows. Run with `cargo bench --bench framing`.

use std::hint::black_box;
use std::time::Instant;

use sockbench::contract::{BLOCK_SIZE, Batch, Block, Event, Fact, SocketId, Span, Timestamp};
use sockbench::framing::{Deframer, State};
use sockbench::log::{LogStore, Messages, Roster};

/// What is looked through in each measurement, in bytes.
const TOTAL: usize = 1 << 30;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for line in [16, 64, 1024, 64 * 1024] {
        // A line of so many bytes, its end included.
        let block: Vec<u8> = (1..=BLOCK_SIZE).map(|at| if at % line == 0 { b'\n' } else { b'x' }).collect();
        let start = Instant::now();
        let mut lines = 0_usize;
        for _ in 0..TOTAL / block.len() {
            for at in memchr::memchr_iter(b'\n', &block) {
                lines += usize::from(black_box(at) > 0);
            }
        }
        println!("lines of {line:5} B, memchr alone   {:6.2} GiB/s, {lines} lines", rate(start));
        for framing in ["line", "delimiter:0a", "delimiter:780a", "fixed:64", "length:u8"] {
            let deframer = Deframer::new(framing.parse()?);
            let (mut state, mut found) = (State::default(), 0_usize);
            let start = Instant::now();
            for _ in 0..TOTAL / block.len() {
                deframer.push(&mut state, &block, |_| found += 1);
            }
            println!("lines of {line:5} B, {framing:15} {:6.2} GiB/s, {found} messages", rate(start));
        }
        log(&block, 1460)?;
    }
    Ok(())
}

/// Rows of so many bytes of one stream, read by the log.
fn log(bytes: &[u8], len: usize) -> Result<(), Box<dyn std::error::Error>> {
    let id = SocketId::new(1).ok_or("no id")?;
    let mut roster = Roster::default();
    roster.register(id, "client".to_owned(), "tcp://127.0.0.1:7788?framing=line".parse()?);
    let mut store = LogStore::new(u64::MAX);
    let span = u32::try_from(len)?;
    for _ in 0..64 {
        let mut block = Block::new()?;
        block.bytes_mut()[..bytes.len()].copy_from_slice(bytes);
        let rows = u32::try_from(bytes.len() / len)?;
        let events = (0..rows).map(|row| Event {
            at: Timestamp(0),
            socket: id,
            fact: Fact::Received { peer: None, bytes: Span { start: row * span, len: span }, truncated: false },
        });
        store.append(Batch::new(events.collect(), block, bytes.len()))?;
    }
    let mut messages = Messages::new();
    let (start, mut slices) = (Instant::now(), 1);
    while !messages.catch_up(&store, &roster) {
        slices += 1;
    }
    let time = start.elapsed();
    let rate = 64.0 * 2.0 / 1024.0 / time.as_secs_f64();
    println!("read by the log                      {rate:6.2} GiB/s, {:?} a slice", time / slices);
    Ok(())
}

fn rate(start: Instant) -> f64 {
    1.0 / start.elapsed().as_secs_f64()
}
