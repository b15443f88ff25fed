//! The figures of the log: nanoseconds and resident bytes a small message, adopted bytes a second, and how long a
//! filter takes over ten million rows. Run with `cargo bench --bench log`.

use std::env;
use std::io;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use sockbench::contract::{BLOCK_SIZE, Batch, Block, Event, Fact, SocketId, Span, Ticket, Timestamp};
use sockbench::log::{Filter, Find, LogStore, LogView, Messages, Needle, Roster};

const MILLION: usize = 1_000_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for batch in [64, 1024, 16 * 1024] {
        small_messages(batch)?;
    }
    adopted_blocks(64 * 1024)?;
    adopted_blocks(1460)?;
    for len in [64 * 1024, 1460, 64] {
        find_against_memmem(len)?;
    }
    filters()
}

/// A million messages of 64 bytes, so many in a batch, into the log and the index.
fn small_messages(batch: usize) -> Result<(), Box<dyn std::error::Error>> {
    const LEN: u32 = 64;
    let id = SocketId::new(1).ok_or("no id")?;
    let mut roster = roster(id)?;
    let events: Vec<_> = (0..u32::try_from(batch)?)
        .map(|at| Event {
            at: Timestamp(u64::from(at)),
            socket: id,
            fact: Fact::Received { peer: None, bytes: Span { start: at * LEN, len: LEN }, truncated: false },
        })
        .collect();
    let used = batch * LEN as usize;
    let mut block = Block::new()?;
    block.bytes_mut().fill(b'x');

    let before = resident()?;
    let mut store = LogStore::new(u64::MAX);
    let (mut view, mut messages) = (LogView::new(), Messages::new());
    let (mut appending, mut observing, mut judging) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    for _ in 0..MILLION / batch {
        let events = events.clone();
        let start = Instant::now();
        for event in &events {
            roster.observe(event);
        }
        let observed = Instant::now();
        block = store.append(Batch::new(events, block, used))?;
        let appended = Instant::now();
        messages.catch_up(&store, &roster);
        view.catch_up(&store, &roster, &messages, usize::MAX);
        observing += observed - start;
        appending += appended - observed;
        judging += appended.elapsed();
    }
    let messages = view.len();
    println!(
        "64 B in batches of {batch:5}: {:5.1} ns append, {:5.1} ns observe, {:5.1} ns index; {:.1} B resident each \
         ({:.1} B by its own account)",
        nanos_each(appending, messages),
        nanos_each(observing, messages),
        nanos_each(judging, messages),
        each(resident()? - before, messages),
        each(store.resident_bytes(), messages),
    );
    Ok(())
}

/// Full blocks of messages of one length.
fn adopted_blocks(len: usize) -> Result<(), Box<dyn std::error::Error>> {
    const BLOCKS: usize = 256;
    let id = SocketId::new(1).ok_or("no id")?;
    let count = BLOCK_SIZE / len;
    let events = (0..count)
        .map(|at| {
            let bytes = Span { start: u32::try_from(at * len)?, len: u32::try_from(len)? };
            Ok(Event { at: Timestamp(0), socket: id, fact: Fact::Received { peer: None, bytes, truncated: false } })
        })
        .collect::<Result<Vec<_>, std::num::TryFromIntError>>()?;
    let mut store = LogStore::new(u64::MAX);
    let mut block = Block::new()?;
    let (mut appending, mut touching) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..BLOCKS {
        let start = Instant::now();
        block.bytes_mut().fill(1);
        touching += start.elapsed();
        let batch = Batch::new(events.clone(), block, count * len);
        let start = Instant::now();
        block = store.append(batch)?;
        appending += start.elapsed();
    }
    let gib = each(BLOCKS * BLOCK_SIZE, 1 << 30);
    println!(
        "full blocks of {len:5} B messages: {:.1} GiB/s to append ({:.1} GiB/s to fill the fresh blocks)",
        gib / appending.as_secs_f64(),
        gib / touching.as_secs_f64(),
    );
    Ok(())
}

/// Ten million rows of two sockets in both directions, judged by several filters.
fn filters() -> Result<(), Box<dyn std::error::Error>> {
    let server = SocketId::new(1).ok_or("no id")?;
    let client = SocketId::new(2).ok_or("no id")?;
    let mut roster = roster(server)?;
    roster.register(client, "client".to_owned(), "tcp://127.0.0.1:7788".parse()?);
    let mut block = Block::new()?;
    block.bytes_mut()[..8].copy_from_slice(b"GET /abc");
    let bytes = Span { start: 0, len: 8 };
    let events: Vec<_> = (0..10_000_u64)
        .map(|at| Event {
            at: Timestamp(at),
            socket: if at % 3 == 0 { client } else { server },
            fact: if at % 2 == 0 {
                Fact::Received { peer: None, bytes, truncated: false }
            } else {
                Fact::Sent { ticket: Ticket(at), peer: None, bytes, remaining: 0 }
            },
        })
        .collect();
    for on_disk in [false, true] {
        let before = resident()?;
        let (wake, woken) = channel();
        let mut store = if on_disk {
            LogStore::spilling(1 << 20, env::temp_dir(), move || _ = wake.send(()))
        } else {
            LogStore::new(u64::MAX)
        };
        for _ in 0..1000 {
            block = store.append(Batch::new(events.clone(), block, bytes.len as usize))?;
            store.settle();
            while store.is_behind() {
                woken.recv()?;
                store.settle();
            }
        }
        let place = if on_disk { "on disk" } else { "in memory" };
        let resident = each(resident()?.saturating_sub(before), 10_000_000);
        println!("10,000,000 rows {place}: {resident:.1} B resident each");
        judge(&store, &roster)?;
        find(&store, &roster)?;
    }
    Ok(())
}

/// The messages of the log, which has no framed stream.
fn read(store: &LogStore, roster: &Roster) -> Messages {
    let mut messages = Messages::new();
    messages.catch_up(store, roster);
    messages
}

/// How long several filters take over all rows.
fn judge(store: &LogStore, roster: &Roster) -> Result<(), Box<dyn std::error::Error>> {
    let messages = read(store, roster);
    for text in ["", "dir:rx", "socket:server dir:rx", "\"abc\"", "re:/^get/i"] {
        let mut view = LogView::new();
        view.set_filter(Filter::parse(text, Timestamp(0))?);
        let (took, longest) = in_slices(|| view.catch_up(store, roster, &messages, 8192));
        println!(
            "filter `{text}` over {} rows: {:.3} s, slices of 8,192 rows up to {:.1} ms, {} match",
            store.next() - 1,
            took.as_secs_f64(),
            longest.as_secs_f64() * 1e3,
            view.len(),
        );
    }
    Ok(())
}

/// How long slices take until all is done, together and the longest.
fn in_slices(mut slice: impl FnMut() -> bool) -> (Duration, Duration) {
    let (mut longest, start) = (Duration::ZERO, Instant::now());
    loop {
        let begun = Instant::now();
        let done = slice();
        longest = longest.max(begun.elapsed());
        if done {
            return (start.elapsed(), longest);
        }
    }
}

/// How long finding takes over all rows.
fn find(store: &LogStore, roster: &Roster) -> Result<(), Box<dyn std::error::Error>> {
    let messages = read(store, roster);
    for text in ["needle", "ABC", "hex:41 ?? 43", "/^needle/"] {
        let mut find = Find::new(text, Needle::parse(text)?);
        let (took, longest) = in_slices(|| find.catch_up(store, roster, &messages));
        println!(
            "find `{text}` in {} rows: {:.3} s, slices up to {:.1} ms, {} match",
            store.next() - 1,
            took.as_secs_f64(),
            longest.as_secs_f64() * 1e3,
            find.len(),
        );
    }
    Ok(())
}

/// Finding text in full blocks of messages of one length, against `memmem` over the same bytes in one piece.
fn find_against_memmem(len: usize) -> Result<(), Box<dyn std::error::Error>> {
    const BLOCKS: usize = 128;
    let id = SocketId::new(1).ok_or("no id")?;
    let roster = roster(id)?;
    let count = BLOCK_SIZE / len;
    let line = b"the quick brown fox jumps over the lazy dog, and nobody knows why; ";
    let filled: Vec<u8> = line.iter().copied().cycle().take(BLOCK_SIZE).collect();
    let events = (0..count)
        .map(|at| {
            let bytes = Span { start: u32::try_from(at * len)?, len: u32::try_from(len)? };
            Ok(Event { at: Timestamp(0), socket: id, fact: Fact::Received { peer: None, bytes, truncated: false } })
        })
        .collect::<Result<Vec<_>, std::num::TryFromIntError>>()?;
    let mut store = LogStore::new(u64::MAX);
    let mut block = Block::new()?;
    for _ in 0..BLOCKS {
        block.bytes_mut().copy_from_slice(&filled);
        block = store.append(Batch::new(events.clone(), block, count * len))?;
    }
    let messages = read(&store, &roster);
    let whole = filled.repeat(BLOCKS);
    let gib = each(whole.len(), 1 << 30);
    for text in ["needle", "Needle in a haystack", "12345", "hex:00 ?? 01"] {
        let start = Instant::now();
        let times = memchr::memmem::find_iter(&whole, text).count();
        let memmem = gib / start.elapsed().as_secs_f64();
        let mut find = Find::new(text, Needle::parse(text)?);
        let start = Instant::now();
        while !find.catch_up(&store, &roster, &messages) {}
        let found = gib / start.elapsed().as_secs_f64();
        println!(
            "find `{text}` in messages of {len:5} B: {found:.2} GiB/s, {:.2} of memmem ({memmem:.2} GiB/s, {times} times)",
            found / memmem
        );
    }
    Ok(())
}

fn roster(id: SocketId) -> Result<Roster, Box<dyn std::error::Error>> {
    let mut roster = Roster::default();
    roster.register(id, "server".to_owned(), "tcp-listen://127.0.0.1:7788".parse()?);
    Ok(roster)
}

fn nanos_each(duration: Duration, count: usize) -> f64 {
    duration.as_secs_f64() * 1e9 * each(1, count)
}

#[expect(clippy::cast_precision_loss, reason = "a figure to be read, of far fewer than 2^52")]
fn each(total: usize, count: usize) -> f64 {
    total as f64 / count as f64
}

/// The resident bytes of this process; see `proc_pid_statm(5)`.
fn resident() -> io::Result<usize> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.map(|pages| pages * 4096).ok_or_else(|| io::Error::other("statm has no resident pages"))
}
