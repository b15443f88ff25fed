//! One socket's draft: its text, its notation, its line ending, and the bytes that come of them.

use super::history::Line;
use crate::contract::{LineEnding, SocketId};
use crate::encoding::Encoding;
use crate::payload::{self, Mode, NotationError};
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
    /// How far back in the history, from 1; 0 is the draft itself, kept in `stash` meanwhile.
    back: usize,
    stash: Option<(Mode, String)>,
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
            back: 0,
            stash: None,
        }
    }

    /// Itself with the text of another draft, if that has any, which is empty afterwards.
    pub(super) fn with_draft_of(mut self, other: &mut Self) -> Self {
        if !other.input.is_empty() {
            self.mode = other.mode;
            self.input = std::mem::take(&mut other.input);
        }
        self
    }

    /// What Enter adds.
    pub(super) fn line_ending(&self) -> LineEnding {
        if self.mode == Mode::Hex { self.eol_hex } else { self.eol }
    }

    pub(super) fn turn_line_ending(&mut self) {
        let all = LineEnding::ALL;
        let at = all.iter().position(|ending| *ending == self.line_ending()).unwrap_or(0);
        let next = all[(at + 1) % all.len()];
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

    /// The bytes that the draft stands for, to a socket of this encoding.
    pub(super) fn payload(&self, encoding: Encoding) -> Result<Vec<u8>, NotationError> {
        payload::parse_in(self.mode, self.input.text(), encoding)
    }

    /// Those, and the line ending.
    pub(super) fn bytes(&self, encoding: Encoding) -> Result<Vec<u8>, NotationError> {
        let mut bytes = self.payload(encoding)?;
        bytes.extend_from_slice(&self.ending(encoding));
        Ok(bytes)
    }

    pub(super) fn put(&mut self, mode: Mode, text: &str) {
        self.mode = mode;
        self.input.set_text(text);
    }

    /// Empties the draft, now that it is on its way.
    pub(super) fn sent(&mut self) {
        self.input.clear();
        self.back = 0;
        self.stash = None;
    }

    /// Goes so many lines back in what was sent before, forward if negative; at its end the draft itself is there again.
    pub(super) fn step_back(&mut self, lines: &[Line], step: isize) {
        let back = self.back.saturating_add_signed(step).min(lines.len());
        if back == self.back {
            return;
        }
        if self.back == 0 {
            self.stash = Some((self.mode, self.input.text().to_owned()));
        }
        self.back = back;
        if back == 0 {
            if let Some((mode, text)) = self.stash.take() {
                self.put(mode, &text);
            }
        } else {
            let line = &lines[lines.len() - back];
            self.put(line.mode(), &line.text);
        }
    }
}
