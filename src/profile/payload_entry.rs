//! One `[[payload]]` of a profile.

use std::ops::Range;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use toml_edit::{Item, TableLike};

use super::read::{Names, table_name};
use super::write::{Entry, set_string};
use crate::document::{Reader, key_span};
use crate::payload::{self, Mode, NotationError};

/// A saved payload of a profile.
#[derive(Clone, Debug)]
pub struct PayloadEntry {
    /// Its name, unique among the profile's payloads.
    pub name: String,
    /// What it sends.
    pub content: PayloadContent,
    /// Which `[[payload]]` of the saved document it came from, from 0.
    pub(super) origin: Option<usize>,
}

/// What a payload sends, as it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayloadContent {
    /// The text itself.
    Text(String),
    /// Text with escapes.
    Escaped(String),
    /// Hex digits.
    Hex(String),
    /// Base64 (RFC 4648, section 4); blanks and newlines may stand in it.
    Base64(String),
    /// All of a file; a relative path begins at the profile's folder.
    File(PathBuf),
}

/// Equal when they mean the same; where they came from does not matter.
impl PartialEq for PayloadEntry {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.content) == (&other.name, &other.content)
    }
}

impl Eq for PayloadEntry {}

impl PayloadContent {
    /// The keys, of which a payload has exactly one.
    const KEYS: [&str; 5] = ["text", "escaped", "hex", "base64", "file"];

    /// The bytes to send; `base` is the profile's folder.
    ///
    /// # Errors
    /// One sentence without a full stop: what is wrong in the notation, or why the file can't be read.
    pub fn bytes(&self, base: &Path) -> Result<Vec<u8>, String> {
        match self {
            Self::File(path) => {
                let path = base.join(path);
                // Others may have no end, or wait for somebody who writes.
                if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
                    return Err(format!("{} is no regular file", path.display()));
                }
                std::fs::read(&path).map_err(|error| format!("{} can't be read: {error}", path.display()))
            }
            written => written.decode().map_err(|error| error.message),
        }
    }

    /// The file, where it is one of more than so many bytes; `base` is the profile's folder.
    #[must_use]
    pub fn file_longer_than(&self, bytes: u64, base: &Path) -> Option<PathBuf> {
        let Self::File(path) = self else { return None };
        let path = base.join(path);
        path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() > bytes).then_some(path)
    }

    /// The bytes that are written down here; none for a file.
    fn decode(&self) -> Result<Vec<u8>, NotationError> {
        match self {
            Self::Text(text) => payload::parse(Mode::Text, text),
            Self::Escaped(text) => payload::parse(Mode::Escaped, text),
            Self::Hex(text) => payload::parse(Mode::Hex, text),
            Self::Base64(text) => decode_base64(text),
            Self::File(_) => Ok(Vec::new()),
        }
    }

    fn new(key: &str, text: &str) -> Option<Self> {
        Some(match key {
            "text" => Self::Text(text.to_owned()),
            "escaped" => Self::Escaped(text.to_owned()),
            "hex" => Self::Hex(text.to_owned()),
            "base64" => Self::Base64(text.to_owned()),
            "file" => Self::File(PathBuf::from(text)),
            _ => return None,
        })
    }

    fn key(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Escaped(_) => "escaped",
            Self::Hex(_) => "hex",
            Self::Base64(_) => "base64",
            Self::File(_) => "file",
        }
    }
}

impl PayloadEntry {
    /// A payload.
    #[must_use]
    pub fn new(name: impl Into<String>, content: PayloadContent) -> Self {
        Self { name: name.into(), content, origin: None }
    }

    /// Reads the table with this index, whose header stands at `header`.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        table: &dyn TableLike,
        header: Range<usize>,
        index: usize,
        names: &mut Names,
    ) -> Option<Self> {
        let name = table_name(reader, table, &header, names);
        let mut content = None;
        let mut contents = 0;
        for (key, item) in table.iter() {
            match key {
                "name" => {}
                "checksum" => reader.key_to_come(table, key),
                _ if PayloadContent::KEYS.contains(&key) => {
                    contents += 1;
                    if contents == 1 {
                        content = read_content(reader, key, item);
                    } else {
                        reader
                            .error(key_span(table, key), "a payload has only one of text, escaped, hex, base64, file");
                    }
                }
                _ => reader.unknown_key(table, key),
            }
        }
        if contents == 0 {
            reader.error(header, "the payload is missing: one of text, escaped, hex, base64, file");
        }
        Some(Self { name: name?, content: content?, origin: Some(index) })
    }
}

impl Entry for PayloadEntry {
    fn origin(&self) -> Option<usize> {
        self.origin
    }

    fn write(&self, table: &mut dyn TableLike, saved: Option<&Self>) {
        if saved.is_none_or(|saved| saved.name != self.name) {
            set_string(table, "name", &self.name);
        }
        if saved.is_none_or(|saved| saved.content != self.content) {
            let key = self.content.key();
            for other in PayloadContent::KEYS.into_iter().filter(|other| *other != key) {
                table.remove(other);
            }
            match &self.content {
                PayloadContent::Text(text)
                | PayloadContent::Escaped(text)
                | PayloadContent::Hex(text)
                | PayloadContent::Base64(text) => set_string(table, key, text),
                PayloadContent::File(path) => set_string(table, key, &path.to_string_lossy()),
            }
        }
    }
}

fn read_content(reader: &mut Reader<'_>, key: &str, item: &Item) -> Option<PayloadContent> {
    let text = reader.string(key, item)?;
    let content = PayloadContent::new(key, text)?;
    match content.decode() {
        Ok(_) => Some(content),
        Err(NotationError { at, message }) => {
            let at = reader.inside(item, text, at);
            reader.error(at, message);
            None
        }
    }
}

fn decode_base64(text: &str) -> Result<Vec<u8>, NotationError> {
    let (places, digits): (Vec<usize>, Vec<u8>) =
        text.bytes().enumerate().filter(|(_, byte)| !byte.is_ascii_whitespace()).unzip();
    STANDARD.decode(digits).map_err(|error| {
        let (at, what) = match error {
            base64::DecodeError::InvalidByte(index, _) => (places.get(index).copied(), "no base64 digit"),
            base64::DecodeError::InvalidLastSymbol { offset: index, .. } => {
                (places.get(index).copied(), "a last base64 digit with bits left over")
            }
            _ => (None, "incomplete base64: it goes in fours, filled up with ="),
        };
        match at {
            Some(at) => {
                let at = text.floor_char_boundary(at);
                let end = text.ceil_char_boundary(at + 1);
                NotationError { at: at..end, message: format!("{what} at {}", text[..at].chars().count() + 1) }
            }
            None => NotationError { at: 0..text.len(), message: what.to_owned() },
        }
    })
}
