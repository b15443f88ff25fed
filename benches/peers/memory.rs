//! What things take in memory, and how fast the log is read. The log is measured in processes of its own, so that what
//! is resident is its alone.

use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use sockbench::contract::{Batch, Block, Event, Fact, SocketId, Span, Ticket, Timestamp};
use sockbench::log::{Filter, Find, LogStore, LogView, Messages, Needle, Roster};

use super::process::{Kind, free_port, resident, wait_for_port};
use super::table::{Goal, Row};
use super::workbench::{Workbench, listener};
use super::{BE, Tools};

const CONNECTIONS: usize = 10_000;
/// How many bytes are searched, in messages of so many, and for what.
const SEARCHED: usize = 256 << 20;
const MESSAGE: u32 = 2000;
const ABSENT: &str = "a needle of digits 123";
/// The descriptors that this program has besides.
const OTHER_DESCRIPTORS: u64 = 64;

/// Connections of a listener on which nothing happens.
#[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
pub(crate) fn idle_connection(_: &Tools) -> Vec<Row> {
    let (limit, _) = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE).expect("limit");
    let count =
        usize::try_from(limit.saturating_sub(OTHER_DESCRIPTORS)).map_or(CONNECTIONS, |room| room.min(CONNECTIONS));
    let port = free_port();
    let workbench = Workbench::start(120, 40, &[listener(port)]);
    wait_for_port(Kind::Tcp, port);
    workbench.wait_for(&port.to_string(), true);
    let before = resident(workbench.pid());
    let streams: Vec<_> =
        (0..count).map(|_| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("connect")).collect();
    workbench.wait_for(&format!("server#{count}"), true);
    let each = (resident(workbench.pid()) - before) / streams.len() as f64;
    vec![Row::figure("an idle connection of a listener, resident", Goal::AtMost(4.0), "KiB", Some(each))]
}

/// Runs this program once more, which measures one thing of the log and prints its figures.
fn figures(mode: &str) -> Vec<f64> {
    let program = std::env::current_exe().expect("this program");
    let output = Command::new(program).args([BE, mode]).output().expect("this program");
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_whitespace().map(|figure| figure.parse().expect("a figure")).collect()
}

/// Messages of 64 bytes.
pub(crate) fn message(_: &Tools) -> Vec<Row> {
    let (figure, on_disk) = (figures("message").first().copied(), figures("message-on-disk").first().copied());
    vec![
        Row::figure("a message of 64 bytes in the log, of a million, resident", Goal::AtMost(96.0), "bytes", figure),
        Row::figure("a message on disk, resident", Goal::AtMost(8.0), "bytes", on_disk),
    ]
}

/// Ten million rows, judged by socket and direction.
pub(crate) fn filter(_: &Tools) -> Vec<Row> {
    let figures = figures("filter");
    let what = "filter of 10 million rows by socket and direction";
    vec![
        Row::figure(what, Goal::AtMost(0.25), "s", figures.first().copied()),
        Row::figure("the longest slice of it", Goal::AtMost(8.0), "ms", figures.get(1).copied()),
    ]
}

/// A text that is nowhere, looked for over everything.
pub(crate) fn find(tools: &Tools) -> Vec<Row> {
    let figures = figures("find");
    let [in_memory, buffer, on_disk] = figures[..] else { return Vec::new() };
    let unit = |rate: f64| format!("{:.2} GB/s", rate / 1e9);
    let what = "find a text over everything in memory";
    let against = "`memchr::memmem` on one buffer";
    let grep = || {
        let file = tools.folder.path().join("text");
        std::fs::write(&file, text().repeat(SEARCHED / text().len())).expect("a file");
        let mut rg = Tools::peer("rg", &["-c", "-F", ABSENT, &file.display().to_string()])?;
        let started = Instant::now();
        rg.output().expect("rg");
        Some(rate(started))
    };
    vec![
        Row::ratio(what, Goal::AtLeast(0.5), against, unit, Some(in_memory), Some(buffer)),
        Row::ratio(
            "the same over what is on disk",
            Goal::AtLeast(0.5),
            "`rg` on one file",
            unit,
            Some(on_disk),
            grep(),
        ),
    ]
}

/// Bytes a second, of [`SEARCHED`].
#[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
fn rate(started: Instant) -> f64 {
    SEARCHED as f64 / started.elapsed().as_secs_f64()
}

/// The bytes a second at which a log in memory, one buffer and a log on disk are searched.
fn searched() -> [f64; 3] {
    let rows = SEARCHED / MESSAGE as usize;
    let search = |store: &LogStore, roster: &Roster| {
        let mut find = Find::new(ABSENT, Needle::parse(ABSENT).expect("a needle"));
        let messages = read(store, roster);
        let started = Instant::now();
        while !find.catch_up(store, roster, &messages) {}
        assert!(find.is_empty());
        rate(started)
    };
    let (store, roster, _) = filled(rows, MESSAGE);
    let in_memory = search(&store, &roster);
    drop(store);
    let buffer = text().repeat(SEARCHED / text().len());
    let started = Instant::now();
    assert!(memchr::memmem::find(&buffer, ABSENT.as_bytes()).is_none());
    let of_buffer = rate(started);
    drop(buffer);
    let store = LogStore::spilling(32 << 20, std::env::temp_dir(), || {});
    let mut log = (store, Roster::default(), LogView::new());
    fill(&mut log, rows, MESSAGE);
    [in_memory, of_buffer, search(&log.0, &log.1)]
}

/// A MiB of letters in no order, the same in every run.
fn text() -> Vec<u8> {
    let mut state = 1_u32;
    let letter = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b'a' + u8::try_from((state >> 8) % 26).expect("a letter")
    };
    std::iter::repeat_with(letter).take(1 << 20).collect()
}

/// Measures one thing of the log, and prints it.
pub(crate) fn be(mode: &str) {
    match mode {
        "message" => println!("{}", bytes_of_a_message()),
        "find" => searched().iter().for_each(|rate| println!("{rate}")),
        "message-on-disk" => println!("{}", bytes_of_a_message_on_disk()),
        _ => {
            let (whole, longest) = filter_all();
            println!("{} {}", whole.as_secs_f64(), longest.as_secs_f64() * 1e3);
        }
    }
}

/// So many rows of two sockets in both directions, of so many bytes each, in batches of a thousand.
fn filled(rows: usize, len: u32) -> (LogStore, Roster, LogView) {
    let mut log = (LogStore::new(u64::MAX), Roster::default(), LogView::new());
    fill(&mut log, rows, len);
    log
}

/// Adds so many rows, and has the log write to disk what is over its limit.
fn fill((store, roster, view): &mut (LogStore, Roster, LogView), rows: usize, len: u32) {
    const BATCH: u32 = 1000;
    let (server, client) = (SocketId::new(1).expect("an id"), SocketId::new(2).expect("an id"));
    roster.register(server, "server".to_owned(), "tcp-listen://127.0.0.1:7788".parse().expect("endpoint"));
    roster.register(client, "client".to_owned(), "tcp://127.0.0.1:7788".parse().expect("endpoint"));
    let event = |at: u32| {
        let bytes = Span { start: at * len, len };
        let fact = if at.is_multiple_of(2) {
            Fact::Received { peer: None, bytes, truncated: false }
        } else {
            Fact::Sent { ticket: Ticket(at.into()), peer: None, bytes, remaining: 0 }
        };
        Event { at: Timestamp(at.into()), socket: if at.is_multiple_of(3) { client } else { server }, fact }
    };
    let events: Vec<_> = (0..BATCH).map(event).collect();
    let mut block = Block::new().expect("memory");
    let text = text();
    for bytes in block.bytes_mut().chunks_mut(text.len()) {
        bytes.copy_from_slice(&text[..bytes.len()]);
    }
    for _ in 0..rows / events.len() {
        block = store.append(Batch::new(events.clone(), block, (BATCH * len) as usize)).expect("memory");
        view.catch_up(store, roster, &read(store, roster), usize::MAX);
        while store.settle() == 0 && store.is_behind() {
            std::thread::yield_now();
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
fn bytes_of_a_message() -> f64 {
    const MESSAGES: usize = 1_000_000;
    let own = std::process::id();
    let before = resident(own);
    let log = filled(MESSAGES, 64);
    let each = (resident(own) - before) * 1024.0 / MESSAGES as f64;
    drop(log);
    each
}

/// What is resident more when a log that is over its limit has taken more.
#[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
fn bytes_of_a_message_on_disk() -> f64 {
    const MESSAGES: usize = 2_000_000;
    let store = LogStore::spilling(32 << 20, std::env::temp_dir(), || {});
    let mut log = (store, Roster::default(), LogView::new());
    fill(&mut log, MESSAGES, 64);
    let own = std::process::id();
    let before = resident(own);
    fill(&mut log, MESSAGES, 64);
    assert_eq!(log.0.first(), 1, "nothing is forgotten");
    (resident(own) - before) * 1024.0 / MESSAGES as f64
}

/// The messages of the log, which has no framed stream.
fn read(store: &LogStore, roster: &Roster) -> Messages {
    let mut messages = Messages::new();
    messages.catch_up(store, roster);
    messages
}

/// How long the filter takes, and the longest of its slices.
fn filter_all() -> (Duration, Duration) {
    let (store, roster, _) = filled(10_000_000, 8);
    let mut view = LogView::new();
    view.set_filter(Filter::parse("socket:server dir:rx", Timestamp(0)).expect("a filter"));
    let messages = read(&store, &roster);
    let (mut longest, started) = (Duration::ZERO, Instant::now());
    loop {
        let slice = Instant::now();
        let done = view.catch_up(&store, &roster, &messages, 100_000);
        longest = longest.max(slice.elapsed());
        if done {
            return (started.elapsed(), longest);
        }
    }
}
