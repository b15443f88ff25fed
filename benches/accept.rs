//! What connections cost: how many a second are accepted and closed, as a ratio to a bare tokio accept loop in the same
//! run, and how much memory 10,000 idle ones take on one listener of the engine with its log and roster. Prints both.
#![expect(clippy::expect_used, reason = "a benchmark that can't run should say why and stop")]

use std::io::{BufRead, BufReader, Read, Write, stdin};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command as Program, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use sockbench::contract::{Address, Clock, Command, Fact, SocketId, SocketIds};
use sockbench::engine::{Batches, EngineHandle, start};
use sockbench::log::{LogStore, LogView, Messages, Roster};
use sockbench::rule::Rules;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, LocalOptions, Runtime};

const ROUNDS: usize = 7;

/// How many connections a round opens and closes, and how many of them at once.
const OPENED: usize = 8192;
const AT_ONCE: usize = 64;

/// How many connections idle at once, where the system grants the descriptors, and how many of those the rest takes.
const IDLE: usize = 10_000;
const OTHER_DESCRIPTORS: u64 = 64;

/// The argument by which this program is the client of the second part.
const CLIENTS: &str = "--clients-of";

fn main() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("limit");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("limit");
    let arguments: Vec<_> = env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == CLIENTS) {
        let number = |index: usize| arguments.get(index).expect("an argument");
        be_clients(number(at + 1).parse().expect("address"), number(at + 2).parse().expect("count"));
        return;
    }
    accept_rate();
    // The clients are another process, so that each end has the limit for itself.
    let count = usize::try_from(hard.saturating_sub(OTHER_DESCRIPTORS)).map_or(IDLE, |room| room.min(IDLE));
    if count < IDLE {
        println!("{count} connections and not {IDLE}: the hard limit is {hard} descriptors");
    }
    idle_memory(count);
}

fn accept_rate() {
    let (mut bare, mut engine, mut log) = (Vec::new(), Vec::new(), Vec::new());
    // In turns, so that what else the machine does falls on all.
    for _ in 0..ROUNDS {
        bare.push(accept_bare());
        engine.push(accept_by_engine(false));
        log.push(accept_by_engine(true));
    }
    let (bare, engine, log) = (rate(&mut bare), rate(&mut engine), rate(&mut log));
    println!("connections accepted and closed a second, {OPENED} a round, {AT_ONCE} at once");
    println!("{:>10} {:>10} {:>6} {:>10} {:>6}", "bare", "engine", "ratio", "with log", "ratio");
    println!("{bare:>10.0} {engine:>10.0} {:>6.2} {log:>10.0} {:>6.2}", engine / bare, log / bare);
}

/// Connections a second of the median round.
#[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
fn rate(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    OPENED as f64 / times[times.len() / 2].as_secs_f64()
}

/// Opens connections and closes them, some at once. Each is closed at the other end before the next are opened, so that
/// none waits because the backlog is full.
fn visit(address: SocketAddr) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for _ in 0..OPENED / AT_ONCE {
            let guests: Vec<_> = (0..AT_ONCE).map(|_| TcpStream::connect(address).expect("connect")).collect();
            for guest in &guests {
                guest.shutdown(Shutdown::Write).expect("shutdown");
            }
            for mut guest in guests {
                assert_eq!(guest.read(&mut [0]).expect("read"), 0);
            }
        }
    })
}

fn accept_bare() -> Duration {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default()).expect("runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let guests = visit(listener.local_addr().expect("local"));
        let started = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..OPENED {
            let (mut stream, _) = listener.accept().await.expect("accept");
            tasks.spawn_local(async move { while stream.read(&mut [0; 1024]).await.is_ok_and(|len| len > 0) {} });
        }
        while tasks.join_next().await.is_some() {}
        let took = started.elapsed();
        guests.join().expect("guests");
        took
    })
}

/// An engine with one listener, and a log of it.
struct Bench {
    engine: EngineHandle,
    batches: Batches,
    runtime: Runtime,
    listener: SocketId,
    roster: Roster,
    store: LogStore,
    view: LogView,
    messages: Messages,
    logs: bool,
}

impl Bench {
    fn new(logs: bool) -> Self {
        let ids = SocketIds::new();
        let (engine, batches) = start(ids.clone(), Clock::start()).expect("engine");
        let runtime = Builder::new_current_thread().build().expect("runtime");
        let listener = ids.mint();
        let (store, view) = (LogStore::new(256 << 20), LogView::new());
        Self {
            engine,
            batches,
            runtime,
            listener,
            roster: Roster::default(),
            store,
            view,
            messages: Messages::new(),
            logs,
        }
    }

    fn open(&mut self) -> SocketAddr {
        let endpoint: sockbench::contract::Endpoint =
            "tcp-listen://127.0.0.1:0?after-fin=close&backlog=4096".parse().expect("endpoint");
        self.roster.register(self.listener, "server".to_owned(), endpoint.clone());
        self.order(Command::Open { socket: self.listener, endpoint });
        let mut address = None;
        self.take_until(|fact| {
            if let Fact::Opened { local: Address::Ip(local), .. } = fact {
                address = Some(*local);
            }
            address.is_some()
        });
        address.expect("it is open")
    }

    fn order(&self, command: Command) {
        self.engine.try_order(command).expect("order");
    }

    /// Takes batches until this says of a fact that it was the last that is waited for.
    fn take_until(&mut self, mut is_last: impl FnMut(&Fact) -> bool) {
        let mut over = false;
        while !over {
            let batch = self.runtime.block_on(self.batches.next()).expect("the engine lives");
            for event in &batch.events {
                over |= is_last(&event.fact);
            }
            self.engine.recycle(if self.logs {
                for event in &batch.events {
                    self.roster.observe(event);
                }
                let block = self.store.append(batch).expect("memory");
                self.messages.catch_up(&self.store, &self.roster);
                self.view.catch_up(&self.store, &self.roster, &self.messages, 100_000);
                block
            } else {
                batch.block
            });
        }
    }

    /// Takes batches until so many facts were of this kind.
    fn take(&mut self, count: usize, wanted: impl Fn(&Fact) -> bool) {
        let mut seen = 0;
        self.take_until(|fact| {
            seen += usize::from(wanted(fact));
            seen >= count
        });
    }
}

fn accept_by_engine(logs: bool) -> Duration {
    let mut bench = Bench::new(logs);
    let guests = visit(bench.open());
    let started = Instant::now();
    bench.take(OPENED, |fact| matches!(fact, Fact::Closed { .. }));
    let took = started.elapsed();
    guests.join().expect("guests");
    took
}

fn idle_memory(count: usize) {
    let mut bench = Bench::new(true);
    let address = bench.open();
    let before = resident();
    let mut clients = Clients::start(address, count);
    bench.take(count, |fact| matches!(fact, Fact::Accepted { .. }));
    clients.hear("connected");
    let idle = resident();
    bench.order(Command::SetRules { socket: bench.listener, rules: Rules::echo() });
    clients.say("go");
    bench.take(count, |fact| matches!(fact, Fact::Sent { .. }));
    clients.hear("answered");
    let used = resident();
    println!("{count} idle connections on one listener, in KiB of this process");
    println!("{:>10} {:>10} {:>6} {:>16} {:>6}", "empty", "idle", "each", "all used once", "each");
    let each = |now: usize| {
        let tenths = now.saturating_sub(before) * 10 / count.max(1);
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    println!("{before:>10} {idle:>10} {:>6} {used:>16} {:>6}", each(idle), each(used));
}

/// The resident memory of this process, in KiB.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("procfs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// This program once more, as the clients.
struct Clients {
    program: Child,
    words: BufReader<ChildStdout>,
}

impl Clients {
    fn start(address: SocketAddr, count: usize) -> Self {
        let mut program = Program::new(env::current_exe().expect("this program"))
            .args([CLIENTS, &address.to_string(), &count.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("clients");
        let words = BufReader::new(program.stdout.take().expect("its output"));
        Self { program, words }
    }

    fn say(&mut self, word: &str) {
        writeln!(self.program.stdin.as_mut().expect("its input"), "{word}").expect("clients");
    }

    fn hear(&mut self, word: &str) {
        let mut line = String::new();
        self.words.read_line(&mut line).expect("clients");
        assert_eq!(line.trim(), word, "the clients");
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        // Refused only when it has ended already.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// Connects so many times, and once a line comes, sends a byte on each and waits for it to come back.
fn be_clients(address: SocketAddr, count: usize) {
    let mut streams: Vec<_> = (0..count).map(|_| TcpStream::connect(address).expect("connect")).collect();
    println!("connected");
    stdin().read_line(&mut String::new()).expect("input");
    for (index, stream) in streams.iter_mut().enumerate() {
        stream.write_all(&index.to_le_bytes()[..1]).expect("write");
    }
    for (index, stream) in streams.iter_mut().enumerate() {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("read");
        assert_eq!(byte[0], index.to_le_bytes()[0]);
    }
    println!("answered");
    stdin().read_line(&mut String::new()).expect("input");
}
