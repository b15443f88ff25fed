//! Draws the README's pictures: a real bench with real peers on loopback, as SVG on standard output.
//!
//! `just screenshot` writes them to `assets/`.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use sockbench::config::Config;
use sockbench::contract::{Clock, SocketIds};
use sockbench::engine::{self, Batches, EngineHandle};
use sockbench::log::sanitise::Printable;
use sockbench::ui::{Effect, History, Keymap, Ui};
use tokio::time::timeout;

const COLUMNS: u16 = 120;
const ROWS: u16 = 34;

/// The size of a cell in the picture's units.
const CELL: (f32, f32) = (8.4, 18.0);

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let picture = match std::env::args().nth(1).as_deref() {
        Some("timeline") => runtime.block_on(timeline())?,
        _ => runtime.block_on(workbench())?,
    };
    print!("{picture}");
    Ok(())
}

/// A server with two clients, and a UDP socket.
async fn workbench() -> Result<String, Failure> {
    let mut bench = Bench::start()?;
    bench.ui.open("tcp-listen://127.0.0.1:7788".parse()?);
    bench.settle().await?;
    let mut first = TcpStream::connect("127.0.0.1:7788")?;
    bench.settle().await?;
    first.write_all(b"hello from nc\n")?;
    bench.settle().await?;
    let mut second = TcpStream::connect("127.0.0.1:7788")?;
    second.write_all(b"\x01\x03\x00\x00\x00\x0a\xc5\xcd")?;
    bench.settle().await?;
    bench.ui.open("udp-bind://127.0.0.1:7799".parse()?);
    bench.settle().await?;
    let udp = UdpSocket::bind("127.0.0.1:0")?;
    udp.send_to(b"$GPGLL,4916.45,N,12311.12,W*71\r\n", "127.0.0.1:7799".parse::<SocketAddr>()?)?;
    bench.settle().await?;
    // Back to the listener, and answer all of its connections.
    bench.press(KeyCode::Tab);
    for _ in 0..6 {
        bench.press(KeyCode::Up);
    }
    bench.press(KeyCode::BackTab);
    bench.type_text("welcome to the bench");
    bench.press(KeyCode::Enter);
    bench.settle().await?;
    let mut answer = [0; 64];
    first.set_read_timeout(Some(Duration::from_secs(5)))?;
    first.read(&mut answer).map(|_| ())?;
    second.shutdown(Shutdown::Write)?;
    bench.settle().await?;
    // The next key takes away a message that stood long enough to be read.
    tokio::time::sleep(Duration::from_secs(2)).await;
    // A draft, and a look at what the second client sent.
    bench.ui.handle(Event::Key(KeyEvent::new(KeyCode::Char('t'), KeyModifiers::CONTROL)));
    bench.type_text("PONG\\x00\\r\\n");
    bench.press(KeyCode::Tab);
    bench.press(KeyCode::Tab);
    for _ in 0..5 {
        bench.press(KeyCode::Up);
    }
    Ok(bench.picture())
}

/// The life of a client whose server echoes and closes.
async fn timeline() -> Result<String, Failure> {
    let server = TcpListener::bind("127.0.0.1:50007")?;
    let mut bench = Bench::start()?;
    bench.ui.open("tcp://127.0.0.1:50007".parse()?);
    bench.settle().await?;
    let (mut peer, _) = server.accept()?;
    bench.settle().await?;
    bench.type_text("Hello, world");
    bench.press(KeyCode::Enter);
    bench.settle().await?;
    let mut greeting = [0; 13];
    peer.read_exact(&mut greeting)?;
    peer.write_all(&greeting)?;
    bench.settle().await?;
    peer.shutdown(Shutdown::Write)?;
    bench.settle().await?;
    bench.press(KeyCode::Tab);
    bench.press(KeyCode::Tab);
    bench.type_text("4");
    bench.settle().await?;
    Ok(bench.picture())
}

struct Bench {
    ui: Ui,
    engine: EngineHandle,
    batches: Batches,
}

impl Bench {
    fn start() -> Result<Self, Failure> {
        let ids = SocketIds::new();
        let clock = Clock::start();
        let (engine, batches) = engine::start(ids.clone(), clock)?;
        let ui = Ui::new(ids, clock, &Config::default(), Keymap::default(), History::default(), true, None);
        let mut bench = Self { ui, engine, batches };
        // The panes that Tab turns through are those that were drawn.
        bench.picture();
        Ok(bench)
    }

    /// The screen as it is now, as SVG.
    fn picture(&mut self) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, COLUMNS, ROWS));
        self.ui.render(&mut buffer);
        svg(&buffer)
    }

    /// Hands on what is to be done, and takes in what comes, until nothing more does.
    async fn settle(&mut self) -> Result<(), Failure> {
        for effect in self.ui.take_effects() {
            if let Effect::Order(command) = effect {
                self.engine.try_order(command).map_err(|_| "the engine takes no orders")?;
            }
        }
        while let Ok(Some(batch)) = timeout(Duration::from_millis(150), self.batches.next()).await {
            let block = self.ui.absorb(batch)?;
            self.engine.recycle(block);
        }
        Ok(())
    }

    fn press(&mut self, code: KeyCode) {
        // As terminals report it.
        let shift = if code == KeyCode::BackTab { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
        self.ui.handle(Event::Key(KeyEvent::new(code, shift)));
    }

    fn type_text(&mut self, text: &str) {
        for character in text.chars() {
            self.press(KeyCode::Char(character));
        }
    }
}

fn svg(buffer: &Buffer) -> String {
    let (width, height) = (f32::from(COLUMNS) * CELL.0, f32::from(ROWS) * CELL.1);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"ui-monospace, \
         'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"14\">\n<rect width=\"100%\" height=\"100%\" \
         fill=\"#16181d\"/>\n"
    );
    for y in 0..ROWS {
        let mut x = 0;
        while x < COLUMNS {
            let look = look_of(buffer, x, y);
            let start = x;
            let mut text = String::new();
            while x < COLUMNS && look_of(buffer, x, y) == look {
                text.push_str(buffer[(x, y)].symbol());
                x += 1;
            }
            run(&mut svg, &look, &text, start, x - start, y);
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// What cells must share to be drawn as one.
#[derive(PartialEq)]
struct Look {
    ink: &'static str,
    paper: Option<&'static str>,
    bold: bool,
    underlined: bool,
}

fn look_of(buffer: &Buffer, x: u16, y: u16) -> Look {
    let cell = &buffer[(x, y)];
    let dim = cell.modifier.contains(Modifier::DIM);
    let ink = colour(cell.fg).unwrap_or(if dim { "#868b97" } else { "#dfe2e8" });
    let paper = colour(cell.bg);
    let reversed = cell.modifier.contains(Modifier::REVERSED);
    Look {
        ink: if reversed { paper.unwrap_or("#16181d") } else { ink },
        paper: if reversed { Some(ink) } else { paper },
        bold: cell.modifier.contains(Modifier::BOLD),
        underlined: cell.modifier.contains(Modifier::UNDERLINED),
    }
}

fn colour(colour: Color) -> Option<&'static str> {
    match colour {
        Color::Red => Some("#f2777a"),
        Color::Green => Some("#7fc98b"),
        Color::Yellow => Some("#f0a860"),
        Color::LightBlue => Some("#6ea8fe"),
        Color::Cyan => Some("#63c5da"),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a screen has few columns")]
fn run(svg: &mut String, look: &Look, text: &str, x: u16, cells: u16, y: u16) {
    let (left, top) = (f32::from(x) * CELL.0, f32::from(y) * CELL.1);
    let width = f32::from(cells) * CELL.0;
    if let Some(paper) = look.paper {
        let height = CELL.1;
        let _ = writeln!(
            svg,
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height}\" fill=\"{paper}\"/>"
        );
    }
    let weight = if look.bold { " font-weight=\"bold\"" } else { "" };
    let line = if look.underlined { " text-decoration=\"underline\"" } else { "" };
    // Word by word, so that each stands in its column whatever the viewer's font makes of blanks.
    let mut column = 0.0;
    for word in text.split(' ') {
        let cells = Printable::text(word).width();
        if cells > 0 {
            let width = cells as f32 * CELL.0;
            let escaped = word.replace('&', "&amp;").replace('<', "&lt;");
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" textLength=\"{width:.1}\" fill=\"{}\"{weight}{line}>{escaped}</text>",
                left + column * CELL.0,
                top + CELL.1 * 0.75,
                look.ink,
            );
        }
        column += cells as f32 + 1.0;
    }
}
