//! The input: what is typed, in which notation, for whom, and the bytes that it would send.

mod actions;
mod composer;
mod framed;
mod history;
mod preview;
mod sending;

use std::collections::HashMap;

use ratatui::layout::Rect;

use crate::contract::{LineEnding, SocketId, Target};
use crate::payload::{self, Checksum, Mode, NotationError, Template};
use crate::profile::PayloadEntry;
use crate::ui::bench::Bench;
use crate::ui::widgets::text_input::Edit;

pub(in crate::ui) use actions::{ACTIONS, type_key};
use composer::Composer;
pub use history::History;
use history::Line;
pub(in crate::ui) use preview::{render, rows};
pub(in crate::ui) use sending::{remember, send_unless, unless_many};

#[derive(Debug)]
pub(in crate::ui) struct InputPane {
    composers: HashMap<SocketId, Composer>,
    /// The draft while nothing is there to send to.
    idle: Composer,
    history: History,
    /// The checksums that were chosen, the last first.
    pub(in crate::ui) checksums: Vec<Checksum>,
    /// The interval and the number of times that were asked for last, as they were typed.
    pub(in crate::ui) last_repeat: [String; 2],
    area: Rect,
}

impl InputPane {
    pub(in crate::ui) fn new(history: History, bench: &Bench) -> Self {
        Self {
            composers: HashMap::new(),
            idle: Composer::new(bench, None),
            history,
            checksums: Vec::new(),
            last_repeat: ["1s".to_owned(), String::new()],
            area: Rect::default(),
        }
    }

    pub(in crate::ui) fn history(&self) -> &History {
        &self.history
    }

    fn composer(&self, target: Option<&Target>) -> &Composer {
        target.and_then(|target| self.composers.get(&target.socket())).unwrap_or(&self.idle)
    }

    pub(in crate::ui) fn composer_mut(
        &mut self,
        target: Option<&Target>,
        bench: &Bench,
    ) -> (&mut Composer, &mut History) {
        let composer = match target {
            Some(target) => {
                let socket = target.socket();
                let idle = &mut self.idle;
                // What was typed while nothing was there to send to goes with the first that is.
                self.composers.entry(socket).or_insert_with(|| Composer::new(bench, Some(socket)).with_draft_of(idle))
            }
            None => &mut self.idle,
        };
        (composer, &mut self.history)
    }

    pub(in crate::ui) fn draft(&self, target: Option<&Target>) -> &str {
        self.composer(target).input.text()
    }

    /// The draft as a saved payload, with its line ending if it gets one, and the name of that which it began as.
    pub(in crate::ui) fn as_payload(&self, target: Option<&Target>, bench: &Bench) -> (PayloadEntry, Option<&str>) {
        let composer = self.composer(target);
        let mut entry = PayloadEntry::new("", composer.content(bench.wraps_in(target).is_none()));
        entry.checksum = composer.checksum;
        (entry, composer.saved_as.as_deref())
    }

    pub(in crate::ui) fn checksum(&self, target: Option<&Target>) -> Option<Checksum> {
        self.composer(target).checksum
    }

    pub(in crate::ui) fn set_checksum(&mut self, target: Option<&Target>, bench: &Bench, checksum: Option<Checksum>) {
        self.composer_mut(target, bench).0.checksum = checksum;
        if let Some(checksum) = checksum {
            self.checksums.retain(|other| *other != checksum);
            self.checksums.insert(0, checksum);
        }
    }

    /// What Enter would send, to be filled in.
    ///
    /// # Errors
    /// What is wrong in the draft, and where.
    pub(in crate::ui) fn template(&self, target: Option<&Target>, bench: &Bench) -> Result<Template, NotationError> {
        let ended = bench.wraps_in(target).is_none();
        self.composer(target).template(bench.encoding_of(target), bench.variables(), ended)
    }

    /// What Enter would send, and the bytes of it now.
    fn filled(&self, target: Option<&Target>, bench: &Bench) -> Result<(Template, Vec<u8>), NotationError> {
        let composer = self.composer(target);
        let template = self.template(target, bench)?;
        match bench.filled(&template, target, bench.now(), composer.seed) {
            Ok(bytes) => Ok((template, bytes)),
            Err(message) => Err(NotationError { at: 0..composer.input.text().len(), message }),
        }
    }

    pub(in crate::ui) fn paste(&mut self, target: Option<&Target>, bench: &Bench, text: &str) {
        // Terminals hand on each line end of a paste as CR; the draft has it as the line end that ^J makes.
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        self.composer_mut(target, bench).0.input.apply(Edit::InsertText(text));
    }

    /// Puts bytes into the draft as they were on the wire, in the present notation or the first that can show them.
    pub(in crate::ui) fn take(&mut self, target: Option<&Target>, bench: &Bench, bytes: &[u8]) {
        let (composer, _) = self.composer_mut(target, bench);
        composer.own_eol = None;
        let stripped = framed::stripped(composer, bench, target, bytes);
        // What came off the wire is whole: an ending is added only where it was taken off.
        let is_whole = stripped.is_none();
        self.put(target, bench, stripped.as_deref().unwrap_or(bytes), is_whole);
    }

    /// Puts the payload of a framed message into the draft, which gets the line ending or the frame of the target only where
    /// that takes the place of what the message had.
    pub(in crate::ui) fn take_payload(&mut self, target: Option<&Target>, bench: &Bench, bytes: &[u8], is_line: bool) {
        self.put(target, bench, bytes, !is_line && bench.wraps_in(target).is_none());
    }

    /// Puts bytes into the draft, to which nothing is to be added where they are whole.
    fn put(&mut self, target: Option<&Target>, bench: &Bench, bytes: &[u8], is_whole: bool) {
        let (composer, _) = self.composer_mut(target, bench);
        let encoding = bench.encoding_of(target);
        for mode in [composer.mode, Mode::Escaped, Mode::Hex] {
            if let Ok(text) = payload::show_in(mode, bytes, encoding) {
                composer.put(mode, &text);
                composer.checksum = None;
                composer.own_eol = is_whole.then_some(LineEnding::None);
                return;
            }
        }
    }

    /// Puts a saved payload into the draft, written in this mode.
    pub(in crate::ui) fn put_saved(
        &mut self,
        target: Option<&Target>,
        bench: &Bench,
        (mode, text): (Mode, &str),
        entry: &PayloadEntry,
    ) {
        self.composer_mut(target, bench).0.put_saved(mode, text, entry);
    }

    pub(in crate::ui) fn put_line(&mut self, target: Option<&Target>, bench: &Bench, line: &Line) {
        self.composer_mut(target, bench).0.put_line(line);
    }

    /// What was sent to this socket, or to any connection of its listener; the newest last.
    pub(in crate::ui) fn entries(&self, target: Option<&Target>, bench: &Bench) -> &[Line] {
        self.history.of(&history_name(target, bench))
    }

    pub(in crate::ui) fn click(&mut self, target: Option<&Target>, x: u16, y: u16) {
        let area = self.area;
        let composer = match target {
            Some(target) => self.composers.get_mut(&target.socket()),
            None => Some(&mut self.idle),
        };
        if let Some(composer) = composer {
            composer.input.click(area, x, y);
        }
    }
}

fn history_name(target: Option<&Target>, bench: &Bench) -> String {
    let Some(socket) = target.map(Target::socket) else { return String::new() };
    let root = bench.roster.get(socket).and_then(|member| member.parent).unwrap_or(socket);
    bench.roster.name(root)
}
