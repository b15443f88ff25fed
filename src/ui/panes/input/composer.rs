//! One socket's draft: its text, its notation, its line ending, its checksum, and what comes of them.

use super::history::Line;
use crate::contract::{LineEnding, SocketId};
use crate::encoding::Encoding;
use crate::payload::{self, Checksum, Mode, NotationError, Place, Template, Variables};
use crate::profile::{PayloadContent, PayloadEntry};
use crate::ui::bench::Bench;
use crate::ui::widgets::text_input::TextInput;

/// A draft and how it is to be read.
#[derive(Debug)]
pub(in crate::ui) struct Composer {
    pub(super) input: TextInput,
    pub(super) mode: Mode,
    /// The line ending of text and escaped drafts, and that of hex drafts, which are whole as they stand.
    eol: LineEnding,
    eol_hex: LineEnding,
    /// The line ending of this draft alone: a saved payload is whole as it stands.
    pub(super) own_eol: Option<LineEnding>,
    pub(super) checksum: Option<Checksum>,
    /// What chance begins from in this draft, so that what is sent is what was shown.
    pub(super) seed: u64,
    /// The saved payload that the draft began as.
    pub(super) saved_as: Option<String>,
    /// How far back in the history, from 1; 0 is the draft itself, kept in `stash` meanwhile.
    back: usize,
    stash: Option<Line>,
}

impl Composer {
    /// An empty draft, with the line ending that the socket's endpoint says.
    pub(super) fn new(bench: &Bench, socket: Option<SocketId>) -> Self {
        let endpoint = socket.and_then(|socket| bench.roster.get(socket)).map(|member| &*member.endpoint);
        let eol = endpoint.map_or(LineEnding::Lf, crate::contract::Endpoint::eol);
        let given = endpoint.is_some_and(|endpoint| endpoint.option("eol").is_some());
        Self {
            input: TextInput::new(),
            mode: Mode::Text,
            eol,
            eol_hex: if given { eol } else { LineEnding::None },
            own_eol: None,
            checksum: None,
            seed: fastrand::u64(..),
            saved_as: None,
            back: 0,
            stash: None,
        }
    }

    /// Itself with the text of another draft, if that has any, which is empty afterwards.
    pub(super) fn with_draft_of(mut self, other: &mut Self) -> Self {
        if !other.input.is_empty() {
            self.mode = other.mode;
            self.checksum = other.checksum;
            self.own_eol = other.own_eol;
            self.saved_as = other.saved_as.take();
            self.input = std::mem::take(&mut other.input);
        }
        self
    }

    /// What Enter adds.
    pub(super) fn line_ending(&self) -> LineEnding {
        self.own_eol.unwrap_or(if self.mode == Mode::Hex { self.eol_hex } else { self.eol })
    }

    pub(super) fn turn_line_ending(&mut self) {
        let all = LineEnding::ALL;
        let at = all.iter().position(|ending| *ending == self.line_ending()).unwrap_or(0);
        let next = all[(at + 1) % all.len()];
        self.own_eol = None;
        *(if self.mode == Mode::Hex { &mut self.eol_hex } else { &mut self.eol }) = next;
    }

    /// The bytes that Enter adds: characters of the socket's encoding, save to hex digits.
    pub(super) fn ending(&self, encoding: Encoding) -> Vec<u8> {
        let bytes = self.line_ending().bytes();
        if self.mode == Mode::Hex || !encoding.has_wide_units() {
            return bytes.to_vec();
        }
        // Line endings are ASCII, which these encodings have.
        encoding.encode(&String::from_utf8_lossy(bytes)).unwrap_or_default()
    }

    /// The message that the draft stands for to a socket of this encoding, checksum included; `ended` with its line
    /// ending.
    pub(super) fn template(
        &self,
        encoding: Encoding,
        variables: &Variables,
        ended: bool,
    ) -> Result<Template, NotationError> {
        let mut template = Template::parse(self.mode, self.input.text(), encoding, variables, Place::Message)?;
        if ended {
            template = template.followed_by(&self.ending(encoding));
        }
        Ok(template.with_checksum(self.checksum))
    }

    /// Goes on in another mode, in which the same is written as this text.
    pub(super) fn turn_to(&mut self, mode: Mode, text: &str) {
        self.mode = mode;
        self.input.set_text(text);
    }

    pub(super) fn put(&mut self, mode: Mode, text: &str) {
        self.turn_to(mode, text);
        self.own_eol = None;
        self.saved_as = None;
    }

    /// Puts a saved payload into the draft, to be sent as it is saved.
    pub(super) fn put_saved(&mut self, mode: Mode, text: &str, entry: &PayloadEntry) {
        self.put(mode, text);
        self.own_eol = Some(LineEnding::None);
        self.checksum = entry.checksum;
        self.saved_as = Some(entry.name.clone());
    }

    pub(super) fn put_line(&mut self, line: &Line) {
        self.put(line.mode(), &line.text);
        self.checksum = line.checksum();
        self.own_eol = line.whole.then_some(LineEnding::None);
    }

    /// The draft as a line of the history.
    pub(super) fn line(&self) -> Line {
        Line::new(self.mode, self.input.text(), self.checksum, self.own_eol.is_some())
    }

    /// The draft as the content of a saved payload; `ended` with its line ending.
    pub(super) fn content(&self, ended: bool) -> PayloadContent {
        let ending = if ended { self.line_ending() } else { LineEnding::None };
        let text = self.input.text();
        let escaped_ending = match ending {
            LineEnding::None => "",
            LineEnding::Lf => "\\n",
            LineEnding::Cr => "\\r",
            LineEnding::CrLf => "\\r\\n",
        };
        match (self.mode, ending) {
            (Mode::Text, LineEnding::None) => PayloadContent::Text(text.to_owned()),
            (Mode::Text, LineEnding::Lf) => PayloadContent::Text(format!("{text}\n")),
            // A carriage return can't be written in a text.
            (Mode::Text, _) => {
                let text = payload::show(Mode::Escaped, text.as_bytes()).unwrap_or_default();
                PayloadContent::Escaped(text + escaped_ending)
            }
            (Mode::Escaped, _) => PayloadContent::Escaped(format!("{text}{escaped_ending}")),
            (Mode::Hex, LineEnding::None) => PayloadContent::Hex(text.to_owned()),
            (Mode::Hex, _) => {
                let ending = payload::show(Mode::Hex, ending.bytes()).unwrap_or_default();
                PayloadContent::Hex(format!("{} {ending}", text.trim_end()))
            }
        }
    }

    /// Empties the draft, now that it is on its way or not wanted.
    pub(super) fn clear(&mut self) {
        self.input.clear();
        self.own_eol = None;
        self.saved_as = None;
        self.back = 0;
        self.stash = None;
        self.seed = fastrand::u64(..);
    }

    /// Goes so many lines back in what was sent before, forward if negative; at its end the draft itself is there again.
    pub(super) fn step_back(&mut self, lines: &[Line], step: isize) {
        let back = self.back.saturating_add_signed(step).min(lines.len());
        if back == self.back {
            return;
        }
        if self.back == 0 {
            self.stash = Some(self.line());
        }
        self.back = back;
        if back == 0 {
            if let Some(line) = self.stash.take() {
                self.put_line(&line);
            }
        } else {
            self.put_line(&lines[lines.len() - back]);
        }
    }
}
