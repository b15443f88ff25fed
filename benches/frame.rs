//! What a frame costs: the time to render and diff it, and the bytes that it writes, with a log that scrolls: at 200x50,
//! where the inspector shows the newest message whole, and at 80x24, where there is no inspector.
//! Run with `cargo bench --bench frame`.
#![expect(clippy::expect_used, reason = "a benchmark that can't run should say why and stop")]

use std::time::{Duration, Instant};

use sockbench::app::Painter;
use sockbench::config::Config;
use sockbench::contract::{Address, Batch, Block, Clock, Event, Fact, SocketId, SocketIds, Span, Timestamp};
use sockbench::ui::{History, Keymap, Ui};

const FRAMES: usize = 500;
pub(crate) const LARGE: (u16, u16) = (200, 50);
pub(crate) const SMALL: (u16, u16) = (80, 24);
/// The longest message, in bytes.
const MESSAGE: u32 = 120;
/// Where messages are cut from: letters in no order, so that no row looks like the one that it replaces.
const TEXT: usize = 64 * 1024;

struct Bench {
    ui: Ui,
    socket: SocketId,
    at: u64,
    random: u32,
    block: Option<Block>,
}

fn main() {
    println!("{:<36} {:>10} {:>10} {:>12}", "each frame", "median us", "p99 us", "bytes median");
    for (name, rows, size, framing) in [
        ("every row of the log new, 200x50", 60, LARGE, "raw"),
        ("one row came, 200x50", 1, LARGE, "raw"),
        ("one row came, 80x24", 1, SMALL, "raw"),
        ("nothing changed, 200x50", 0, LARGE, "raw"),
        ("one row of 8 messages came, 200x50", 1, LARGE, "fixed:7"),
        ("a message came in 10 rows, 200x50", 10, LARGE, "fixed:600"),
    ] {
        let Figures { median, p99, bytes } = measure(rows, size, framing);
        println!("{name:<36} {:>10} {:>10} {bytes:>12}", median.as_micros(), p99.as_micros());
    }
}

/// What frames cost: the time, and the bytes of the median one.
pub(crate) struct Figures {
    pub(crate) median: Duration,
    pub(crate) p99: Duration,
    pub(crate) bytes: usize,
}

/// Frames of this size in each of which so many rows came, of a stream with this framing.
pub(crate) fn measure(rows: usize, (width, height): (u16, u16), framing: &str) -> Figures {
    let (mut painter, mut written) = (Painter::new(), Vec::new());
    let mut bench = Bench::new(framing);
    bench.receive(200);
    let mut times = Vec::new();
    let mut sizes = Vec::new();
    for _ in 0..FRAMES {
        bench.receive(rows);
        written.clear();
        let started = Instant::now();
        painter.draw(&mut written, width, height, |buffer| bench.ui.render(buffer)).expect("draw");
        times.push(started.elapsed());
        sizes.push(written.len());
    }
    times.remove(0);
    sizes.remove(0);
    times.sort_unstable();
    sizes.sort_unstable();
    Figures { median: times[times.len() / 2], p99: times[times.len() * 99 / 100], bytes: sizes[sizes.len() / 2] }
}

impl Bench {
    fn new(framing: &str) -> Self {
        let ids = SocketIds::new();
        let ui =
            Ui::new(ids.clone(), Clock::start(), &Config::default(), Keymap::default(), History::default(), true, None);
        let mut bench = Self { ui, socket: ids.mint(), at: 0, random: 1, block: None };
        let mut block = Block::new().expect("memory");
        for byte in &mut block.bytes_mut()[..TEXT] {
            *byte = b'a' + u8::try_from(bench.random() % 26).expect("a letter");
        }
        bench.block = Some(block);
        let endpoint = format!("tcp-listen://127.0.0.1:7788?framing={framing}");
        let listener = bench.ui.open(endpoint.parse().expect("endpoint"));
        let local = Address::Ip(([127, 0, 0, 1], 7788).into());
        let peer = Address::Ip(([127, 0, 0, 1], 50_000).into());
        bench.absorb(vec![
            (listener, Fact::Opened { local: local.clone(), peer: None }),
            (bench.socket, Fact::Accepted { parent: listener, number: 1, local, peer }),
        ]);
        bench
    }

    /// A linear congruential generator: the same numbers in every run.
    fn random(&mut self) -> u32 {
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.random >> 8
    }

    /// So many messages, some milliseconds apart, each of another length and text.
    fn receive(&mut self, rows: usize) {
        let facts = (0..rows)
            .map(|_| {
                let start = self.random() % 60_000;
                let bytes = Span { start, len: 20 + self.random() % (MESSAGE - 20) };
                (self.socket, Fact::Received { peer: None, bytes, truncated: false })
            })
            .collect();
        self.absorb(facts);
    }

    fn absorb(&mut self, facts: Vec<(SocketId, Fact)>) {
        let Some(block) = self.block.take() else { return };
        let events = facts
            .into_iter()
            .map(|(socket, fact)| {
                self.at += 1_337_000 + u64::from(self.random() % 50_000_000);
                Event { at: Timestamp(self.at), socket, fact }
            })
            .collect();
        self.block = Some(self.ui.absorb(Batch::new(events, block, TEXT)).expect("memory"));
    }
}
