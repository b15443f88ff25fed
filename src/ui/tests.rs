//! The screen as a user meets it: keys in, effects and pictures out.

mod export;
mod families;
mod find;
mod form;
mod framing;
mod input;
mod inspector;
mod logview;
mod options;
mod payloads;
mod profiles;
mod recorded;
mod rules;
mod scenarios;
mod screen;
mod sockets;
mod storm;
mod timeline;
mod transfers;
mod troubles;

use std::sync::Arc;

use crossterm::event::{Event as TerminalEvent, KeyCode, KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;

use super::*;
use crate::contract::{
    Address, CloseHow, CloseReason, Command, Event, Fact, NetError, Operation, Scheme, Span, Ticket, Timestamp,
};

/// A screen with a scripted engine: what it orders is collected, what happens is said by the test.
struct Harness {
    ui: Ui,
    effects: Vec<Effect>,
    ids: SocketIds,
    at: u64,
}

fn address(port: u16) -> Address {
    Address::Ip(([127, 0, 0, 1], port).into())
}

impl Harness {
    fn new() -> Self {
        let ids = SocketIds::new();
        let ui = Ui::new(
            ids.clone(),
            Clock::start(),
            &Config::default(),
            Keymap::default(),
            History::default(),
            true,
            Some(PathBuf::from("/profiles")),
        );
        Self { ui, effects: Vec::new(), ids, at: 0 }
    }

    /// With a listener that has so many connections: its id and theirs.
    fn with_listener(connections: u32) -> (Self, SocketId, Vec<SocketId>) {
        let mut harness = Self::new();
        let listener = harness.ui.open("tcp-listen://127.0.0.1:7788".parse().unwrap());
        harness.happens(listener, Fact::Opened { local: address(7788), peer: None });
        let children = (1..=connections)
            .map(|number| {
                let child = harness.ids.mint();
                let peer = address(50_000 + u16::try_from(number).unwrap());
                harness.happens(child, Fact::Accepted { parent: listener, number, local: address(7788), peer });
                child
            })
            .collect();
        harness.effects();
        harness.ui.notice = None;
        (harness, listener, children)
    }

    /// Presses keys, written as the config writes them and parted by blanks.
    fn keys(&mut self, keys: &str) -> &mut Self {
        for key in keys.split_whitespace() {
            let combination: crokey::KeyCombination = key.parse().unwrap_or_else(|_| panic!("{key} is a key"));
            self.ui.handle(TerminalEvent::Key(combination.into()));
        }
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        for character in text.chars() {
            self.ui.handle(TerminalEvent::Key(KeyEvent::from(KeyCode::Char(character))));
        }
        self
    }

    fn happens(&mut self, socket: SocketId, fact: Fact) {
        self.carries(socket, b"", |_| fact);
    }

    fn received(&mut self, socket: SocketId, bytes: &[u8]) {
        self.carries(socket, bytes, |span| Fact::Received { peer: None, bytes: span, truncated: false });
    }

    fn carries(&mut self, socket: SocketId, bytes: &[u8], fact: impl FnOnce(Span) -> Fact) {
        self.at += 1_000_000;
        let mut block = Block::with_size(bytes.len().max(1)).unwrap();
        block.bytes_mut()[..bytes.len()].copy_from_slice(bytes);
        let span = Span { start: 0, len: u32::try_from(bytes.len()).unwrap() };
        let events = vec![Event { at: Timestamp(self.at), socket, fact: fact(span) }];
        self.ui.absorb(Batch::new(events, block, bytes.len())).unwrap();
    }

    fn effects(&mut self) -> Vec<Effect> {
        self.effects.extend(self.ui.take_effects());
        std::mem::take(&mut self.effects)
    }

    /// The orders among the effects.
    fn orders(&mut self) -> Vec<Command> {
        let effects = self.effects();
        effects
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Order(command) => Some(command),
                _ => None,
            })
            .collect()
    }

    fn picture(&mut self, width: u16, height: u16) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        self.ui.render(&mut buffer);
        let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..height).map(row).collect::<Vec<_>>().join("\n")
    }

    /// The screen, with the times of day replaced, since they are told in the system's time zone.
    fn snapshot(&mut self, width: u16, height: u16) -> String {
        let mut shown: Vec<char> = self.picture(width, height).chars().collect();
        let time = |place: &[char]| {
            place
                .iter()
                .zip("00:00:00.".chars())
                .all(|(c, form)| if form == '0' { c.is_ascii_digit() } else { *c == form })
        };
        for at in 0..shown.len().saturating_sub(9) {
            if shown[at] != 'T' && time(&shown[at + 1..at + 10]) {
                shown[at + 1..at + 9].copy_from_slice(&['h', 'h', ':', 'm', 'm', ':', 's', 's']);
            }
        }
        shown.into_iter().collect()
    }

    fn shows(&mut self, text: &str) {
        let picture = self.picture(120, 40);
        assert!(picture.contains(text), "`{text}` is not on the screen:\n{picture}");
    }

    fn mouse(&mut self, kind: MouseEventKind, column: u16, row: u16) {
        let modifiers = crossterm::event::KeyModifiers::NONE;
        self.ui.handle(TerminalEvent::Mouse(MouseEvent { kind, column, row, modifiers }));
    }
}
