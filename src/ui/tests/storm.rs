//! The whole screen, under whatever users, peers and machines may do, in any order: it never panics, no frame is broken,
//! and nothing that came from outside acts on the terminal.

use std::io;

use crossterm::event::KeyModifiers;
use fastrand::Rng;

use super::*;
use crate::config::Theme;
use crate::contract::{Report, ReportContent, Role, UnixAddress};
use crate::exporter;
use crate::log::sanitise::{Printable, Repertoire};
use crate::ui::theme::Look;

/// How many steps are made with one bench.
const ROUND: u64 = 500;

/// What somebody may call a thing, type, or send.
const TEXTS: [&str; 16] = [
    "",
    "a",
    "\u{1b}[2J\u{1b}[1;1HOWNED\u{1b}]0;owned\u{7}",
    "\u{9b}2J\u{85}\u{7f}\u{8}\r\n\t\0",
    "a\u{202e}b\u{2067}\u{200f}\u{200b}\u{feff}\u{ad}",
    "表e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}👩\u{200d}👩\u{1f1eb}\u{1f1f7}\u{1f1e9}",
    "ｶﾞ가\u{1112}\u{1161}\u{11ab}हिन्दी\u{600}\u{e0041}",
    "tcp-listen://127.0.0.1:7788",
    "udp-bind://[::1]:9?join=ff02::12@lo",
    "unix://@a%1b[2J\u{1b}",
    "tcp://h:1?framing=line,max=4&encoding=utf-16be",
    "socket:server dir:rx|tx !kind:call (hello | re:/o/)",
    "{{counter}} {{whom}} \\h(0d 0a) \\x",
    "de ad be ef 0",
    "/nonexistent/\u{1b}[31m",
    "9999999999999999999",
];

/// The sizes of screens, columns by rows.
const SIZES: [(u16, u16); 12] = [
    (80, 24),
    (120, 40),
    (200, 50),
    (0, 0),
    (1, 1),
    (1, 60),
    (300, 1),
    (39, 9),
    (40, 10),
    (41, 30),
    (79, 11),
    (180, 10),
];

/// Profiles that may be loaded.
const PROFILES: [&str; 3] = [
    include_str!("../../../tests/profiles/echo-lab.toml"),
    include_str!("../../../tests/profiles/mistakes.toml"),
    include_str!("../../../assets/profiles/modbus-tcp.toml"),
];

/// Tells which round it was that failed.
struct Round(u64);

impl Drop for Round {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in round {}", self.0);
        }
    }
}

struct Storm {
    bench: Harness,
    chance: Rng,
    keys: Vec<&'static str>,
    size: (u16, u16),
    /// The sockets that were ordered, and whether each takes connections; then the connections.
    sockets: Vec<(SocketId, bool)>,
    accepted: u32,
}

// Case 6.
/// The steps are the same each time; the environment may ask for more of them.
#[test]
fn whatever_happens_the_screen_holds() {
    let steps: u64 = std::env::var("SOCKBENCH_STEPS").map_or(10_000, |steps| steps.parse().unwrap());
    for round in 0..steps / ROUND {
        let _round = Round(round);
        let mut storm = Storm::new(round);
        for _ in 0..ROUND {
            storm.step();
        }
    }
}

impl Storm {
    fn new(round: u64) -> Self {
        let (mut bench, listener, children) = Harness::with_listener(2);
        if round % 3 == 2 {
            bench.ui.look = Look::new(Theme::Ascii, true);
        }
        let keys = actions().flat_map(|action| action.keys.iter().copied());
        let editing = ["esc", "enter", "left", "right", "up", "down", "home", "end", "backspace", "delete", "tab", "y"];
        let mut sockets = vec![(listener, true)];
        sockets.extend(children.into_iter().map(|child| (child, false)));
        Self {
            bench,
            chance: Rng::with_seed(round),
            keys: keys.chain(editing).collect(),
            size: SIZES[0],
            sockets,
            accepted: 2,
        }
    }

    fn step(&mut self) {
        match self.chance.u8(..40) {
            0..14 => {
                let key = self.keys[self.chance.usize(..self.keys.len())];
                self.bench.keys(key);
            }
            14..18 => {
                let typed = self.text();
                let few = self.chance.usize(..8);
                self.bench.text(&typed.chars().take(few).collect::<String>());
            }
            18 => {
                let modifiers = KeyModifiers::from_bits_truncate(self.chance.u8(..8));
                let code = KeyCode::Char(self.chance.char(..));
                self.bench.ui.handle(TerminalEvent::Key(KeyEvent::new(code, modifiers)));
            }
            19 => {
                let pasted = self.text();
                self.bench.ui.handle(TerminalEvent::Paste(pasted));
            }
            20..24 => self.mouse(),
            24 => {
                self.size = SIZES[self.chance.usize(..SIZES.len())];
                self.bench.ui.handle(TerminalEvent::Resize(self.size.0, self.size.1));
            }
            _ => self.happens(),
        }
        self.answer();
        if self.chance.u8(..4) == 0 {
            while self.bench.ui.work() {}
            self.bench.ui.tick();
        }
        // Drawing takes most of the time.
        if self.chance.u8(..5) == 0 {
            self.draw();
        }
    }

    fn text(&mut self) -> String {
        if self.chance.u8(..5) == 0 {
            return (0..self.chance.usize(..40)).map(|_| self.chance.char(..)).collect();
        }
        let text = TEXTS[self.chance.usize(..TEXTS.len())];
        text.repeat(if self.chance.u8(..20) == 0 { 40 } else { 1 })
    }

    fn bytes(&mut self) -> Vec<u8> {
        let mut bytes = self.text().into_bytes();
        let at = self.chance.usize(..=bytes.len());
        let noise: Vec<u8> = (0..self.chance.usize(..20)).map(|_| self.chance.u8(..)).collect();
        bytes.splice(at..at, noise);
        bytes
    }

    fn mouse(&mut self) {
        let button = [MouseButton::Left, MouseButton::Right, MouseButton::Middle][self.chance.usize(..3)];
        let kind = match self.chance.u8(..7) {
            0..3 => MouseEventKind::Down(button),
            3 => MouseEventKind::Up(button),
            4 => MouseEventKind::Drag(button),
            5 => MouseEventKind::ScrollUp,
            _ => MouseEventKind::ScrollDown,
        };
        let edge = if self.chance.u8(..30) == 0 { u16::MAX } else { 0 };
        let (x, y) = (self.chance.u16(..=self.size.0), self.chance.u16(..=self.size.1));
        self.bench.mouse(kind, x.max(edge), y.max(edge));
    }

    /// Something that the engine tells of one of the sockets.
    fn happens(&mut self) {
        let (socket, listens) = self.sockets[self.chance.usize(..self.sockets.len())];
        let (one, other) = (self.address(), self.address());
        let peer = self.chance.bool().then(|| one.clone());
        let fact = match self.chance.u8(..24) {
            0 if listens => {
                let child = self.bench.ids.mint();
                self.sockets.push((child, false));
                self.accepted += 1;
                let fact = Fact::Accepted { parent: socket, number: self.accepted, local: one, peer: other };
                return self.bench.happens(child, fact);
            }
            0 | 1 => Fact::Connected { local: one, peer: other },
            2 => Fact::Opened { local: other, peer },
            3 => Fact::PeerClosed,
            4 => Fact::Closed {
                reason: [CloseReason::Reset, CloseReason::User, CloseReason::Peer][self.chance.usize(..3)],
            },
            5 => {
                let error = NetError::other(Operation::Connect, Some(self.text()), self.text());
                Fact::Failed(Box::new(error))
            }
            6 => Fact::Failed(Box::new(NetError::from_errno(
                Operation::Bind,
                Some(self.text()),
                self.chance.i32(0..140),
            ))),
            7 => Fact::Lost { count: self.chance.u64(..), bytes: self.chance.bool().then_some(u64::MAX) },
            8 => Fact::Call { call: "bind".into(), args: self.text(), result: self.text() },
            9 => Fact::Rule { name: self.text(), message: self.text() },
            10 => Fact::Note { name: self.text().into(), message: self.text() },
            11 => {
                let error = NetError::from_errno(Operation::Send, None, 32);
                Fact::SendFailed { ticket: Ticket(self.chance.u64(..4)), error: Box::new(error) }
            }
            kind => {
                let bytes = self.bytes();
                let (ticket, truncated) = (Ticket(self.chance.u64(..4)), self.chance.bool());
                return self.bench.carries(socket, &bytes, |bytes| match kind {
                    12..16 => Fact::Sent { ticket, peer, bytes, remaining: 0 },
                    _ => Fact::Received { peer, bytes, truncated },
                });
            }
        };
        self.bench.happens(socket, fact);
    }

    fn address(&mut self) -> Address {
        match self.chance.u8(..6) {
            0 => Address::Unix(UnixAddress::Unnamed),
            1 => Address::Unix(UnixAddress::Pathname(self.bytes())),
            2 => Address::Unix(UnixAddress::Abstract(self.bytes())),
            3 => Address::Ip((std::net::Ipv6Addr::from(self.chance.u128(..)), self.chance.u16(..)).into()),
            _ => address(self.chance.u16(..)),
        }
    }

    /// Carries out, well or badly, what the screen asked for.
    fn answer(&mut self) {
        for effect in self.bench.effects() {
            let fails = self.chance.u8(..3) == 0;
            let ui = &mut self.bench.ui;
            match effect {
                Effect::Order(Command::Open { socket, endpoint }) => {
                    self.sockets.push((socket, endpoint.scheme.spec().role == Role::Listener));
                }
                Effect::Order(Command::Inspect { socket }) => {
                    let view = ReportContent::View(Box::default());
                    let batch = Batch::new(Vec::new(), Block::with_size(1).unwrap(), 0);
                    let reports = vec![Report { socket, content: view }];
                    ui.absorb(Batch { reports, ..batch }).unwrap();
                }
                Effect::Record { path, .. } => {
                    let result = if fails { Err(io::Error::other(self.text())) } else { Ok(()) };
                    self.bench.ui.recording_begun(&path, result);
                }
                Effect::ListProfiles => {
                    let paths = (0..self.chance.usize(..5)).map(|_| self.text().into()).collect();
                    self.bench.ui.show_profiles(paths);
                }
                Effect::ListFolder(folder) => {
                    let is_folder = self.chance.bool();
                    let entries = (0..self.chance.usize(..5)).map(|_| FolderEntry { name: self.text(), is_folder });
                    let result = if fails { Err(io::Error::other("\u{1b}[2J")) } else { Ok(entries.collect()) };
                    self.bench.ui.folder_listed(&folder, &result);
                }
                Effect::LoadProfile(path) => {
                    let profile = PROFILES[self.chance.usize(..PROFILES.len())];
                    ui.profile_loaded(Profile::parse(profile, Some(&path)));
                }
                Effect::SaveProfile { path, .. } => {
                    let result = if fails { Err(SaveError::Changed) } else { Ok(()) };
                    ui.profile_saved(path, result);
                }
                Effect::LookUp(host) => {
                    let answer = if fails { Err(self.text()) } else { Ok(vec![[127, 0, 0, 1].into()]) };
                    self.bench.ui.looked_up(host, answer);
                }
                Effect::Export(order) => {
                    drop(ui.export_job(&order));
                    let why = self.text();
                    let content = exporter::ReportContent::Failed(why);
                    self.bench.ui.export_told(exporter::Report { id: order.id, content });
                }
                _ => {}
            }
        }
    }

    fn draw(&mut self) {
        let mut screen = Buffer::empty(Rect::new(0, 0, self.size.0, self.size.1));
        self.bench.ui.render(&mut screen);
        let only_ascii = self.bench.ui.look.repertoire == Repertoire::Ascii;
        for y in 0..self.size.1 {
            let mut x = 0;
            while x < self.size.0 {
                let symbol = screen[(x, y)].symbol();
                let clean = Printable::text(symbol);
                assert!(!only_ascii || symbol.is_ascii(), "{symbol:?} at {x}, {y}");
                assert_eq!(clean.as_str(), symbol, "at {x}, {y}");
                let width = u16::try_from(clean.width()).unwrap();
                assert!(matches!(width, 1 | 2) && x + width <= self.size.0, "{symbol:?} at {x}, {y}");
                assert!(width == 1 || screen[(x + 1, y)].symbol() == " ", "{symbol:?} at {x}, {y} is half covered");
                x += width;
            }
        }
        if self.bench.ui.overlays.is_empty() {
            self.has_its_frames(&screen);
        }
    }

    /// Every pane that is shown stands in its frame.
    fn has_its_frames(&self, screen: &Buffer) {
        let picture = || {
            let row = |y| (0..self.size.0).map(|x| screen[(x, y)].symbol()).collect::<String>();
            (0..self.size.1).map(row).collect::<Vec<_>>().join("\n")
        };
        for pane in Pane::ALL {
            let area = self.bench.ui.layout.area(pane);
            if area.is_empty() {
                continue;
            }
            let (right, bottom) = (area.right() - 1, area.bottom() - 1);
            let is_one_of = |x, y, symbols: &[&str]| {
                let symbol = screen[(x, y)].symbol();
                assert!(symbols.contains(&symbol), "{symbol:?} at {x}, {y} of {pane:?}:\n{}", picture());
            };
            is_one_of(area.x, area.y, &["┌", "╔", "+", "#"]);
            is_one_of(right, area.y, &["┐", "╗", "+", "#"]);
            is_one_of(area.x, bottom, &["└", "╚", "+", "#"]);
            is_one_of(right, bottom, &["┘", "╝", "+", "#"]);
            for y in area.y + 1..bottom {
                // Rows that are selected are marked there.
                is_one_of(area.x, y, &["│", "║", "|", "#", self.bench.ui.look.marks.chosen]);
                is_one_of(right, y, &["│", "║", "|", "#"]);
            }
        }
    }
}
