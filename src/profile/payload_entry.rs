//! One `[[payload]]` of a profile.

use std::ops::Range;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use toml_edit::{InlineTable, Item, TableLike};

use super::names::{Names, table_name};
use super::write::{Entry, set_string, set_value};
use crate::document::{Reader, key_span, span};
use crate::encoding::Encoding;
use crate::os;
use crate::payload::{Checksum, Mode, NotationError, Order, Place, Template, Variables};

/// A saved payload of a profile.
#[derive(Clone, Debug)]
pub struct PayloadEntry {
    /// Its name, unique among the profile's payloads.
    pub name: String,
    /// What it sends.
    pub content: PayloadContent,
    /// The checksum that is appended to it.
    pub checksum: Option<Checksum>,
    /// Which `[[payload]]` of the saved document it came from, from 0.
    pub(super) origin: Option<usize>,
}

/// What a payload sends, as it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayloadContent {
    /// The text itself.
    Text(String),
    /// Text with escapes and templates.
    Escaped(String),
    /// Hex digits.
    Hex(String),
    /// Base64 (RFC 4648, section 4); blanks and newlines may stand in it.
    Base64(String),
    /// All of a file; a relative path begins at the profile's folder.
    File(PathBuf),
}

/// The keys of a payload.
const KEYS: [&str; 7] = ["name", "text", "escaped", "hex", "base64", "file", "checksum"];

/// Equal when they mean the same; where they came from does not matter.
impl PartialEq for PayloadEntry {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.content, &self.checksum) == (&other.name, &other.content, &other.checksum)
    }
}

impl Eq for PayloadEntry {}

impl PayloadContent {
    /// The keys, of which a payload has exactly one.
    const KEYS: [&str; 5] = ["text", "escaped", "hex", "base64", "file"];

    /// What to send, in this encoding where it is text; `base` is the profile's folder.
    ///
    /// # Errors
    /// One sentence without a full stop: what is wrong in the notation, or why the file can't be read.
    pub fn template(
        &self,
        base: &Path,
        encoding: Encoding,
        variables: &Variables,
        place: Place,
    ) -> Result<Template, String> {
        match self {
            Self::File(path) => {
                let path = base.join(path);
                if os::is_irregular(&path) {
                    return Err(format!("{} is no regular file", path.display()));
                }
                let bytes = os::read(&path);
                bytes.map(Template::of).map_err(|error| format!("{} can't be read: {error}", path.display()))
            }
            written => written.decode(encoding, variables, place).map_err(|error| error.message),
        }
    }

    /// The file, where it is one of more than so many bytes; `base` is the profile's folder.
    #[must_use]
    pub fn file_longer_than(&self, bytes: u64, base: &Path) -> Option<PathBuf> {
        let Self::File(path) = self else { return None };
        let path = base.join(path);
        let found = os::call("stat", || path.metadata());
        found.is_ok_and(|file| file.is_file() && file.len() > bytes).then_some(path)
    }

    /// What is written down here; nothing of a file.
    pub(super) fn decode(
        &self,
        encoding: Encoding,
        variables: &Variables,
        place: Place,
    ) -> Result<Template, NotationError> {
        let parse = |mode, text| Template::parse(mode, text, encoding, variables, place);
        match self {
            Self::Text(text) => parse(Mode::Text, text),
            Self::Escaped(text) => parse(Mode::Escaped, text),
            Self::Hex(text) => parse(Mode::Hex, text),
            Self::Base64(text) => decode_base64(text).map(Template::of),
            Self::File(_) => Ok(Template::of(Vec::new())),
        }
    }

    pub(super) fn new(key: &str, text: &str) -> Option<Self> {
        Some(match key {
            "text" => Self::Text(text.to_owned()),
            "escaped" => Self::Escaped(text.to_owned()),
            "hex" => Self::Hex(text.to_owned()),
            "base64" => Self::Base64(text.to_owned()),
            "file" => Self::File(PathBuf::from(text)),
            _ => return None,
        })
    }

    /// Gives its key what is written down.
    pub(super) fn write(&self, table: &mut dyn TableLike) {
        match self {
            Self::Text(text) | Self::Escaped(text) | Self::Hex(text) | Self::Base64(text) => {
                set_string(table, self.key(), text);
            }
            Self::File(path) => set_string(table, self.key(), &path.to_string_lossy()),
        }
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
        Self { name: name.into(), content, checksum: None, origin: None }
    }

    /// Reads the table with this index, whose header stands at `header`.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        table: &dyn TableLike,
        (index, header): (usize, Range<usize>),
        names: &mut Names,
        variables: &Variables,
    ) -> Option<Self> {
        let name = table_name(reader, table, &header, names);
        let mut content = None;
        let mut checksum = None;
        let mut contents = 0;
        for (key, item) in table.iter() {
            match key {
                "name" => {}
                "checksum" => checksum = read_checksum(reader, item),
                _ if PayloadContent::KEYS.contains(&key) => {
                    contents += 1;
                    if contents == 1 {
                        content = read_content(reader, key, item, variables, &[], Place::Message);
                    } else {
                        reader
                            .error(key_span(table, key), "a payload has only one of text, escaped, hex, base64, file");
                    }
                }
                _ => reader.unknown_key(table, key, &KEYS),
            }
        }
        if contents == 0 {
            reader.error(header, "the payload is missing: one of text, escaped, hex, base64, file");
        }
        Some(Self { name: name?, content: content?, checksum, origin: Some(index) })
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
            self.content.write(table);
        }
        if saved.map_or(self.checksum.is_some(), |saved| saved.checksum != self.checksum) {
            write_checksum(table, self.checksum);
        }
    }
}

/// What is written under one of the keys of a payload.
pub(super) fn read_content(
    reader: &mut Reader<'_>,
    key: &str,
    item: &Item,
    variables: &Variables,
    encodings: &[Encoding],
    place: Place,
) -> Option<PayloadContent> {
    let text = reader.string(key, item)?;
    let content = PayloadContent::new(key, text)?;
    let all = if encodings.is_empty() { &[Encoding::UTF_8] } else { encodings };
    match all.iter().find_map(|encoding| content.decode(*encoding, variables, place).err()) {
        None => Some(content),
        Some(NotationError { at, message }) => {
            let at = reader.inside(item, text, at);
            reader.error(at, message);
            None
        }
    }
}

/// A checksum: its name, or a table with that, its range and its order.
pub(super) fn read_checksum(reader: &mut Reader<'_>, item: &Item) -> Option<Checksum> {
    let Some(table) = item.as_table_like() else {
        if item.as_str().is_none() {
            reader.wrong_type("checksum", item, "a name, or a table such as { name = \"crc16-modbus\", from = 1 }");
        }
        return read_checksum_name(reader, item);
    };
    let Some(name) = table.get("name") else {
        reader.error(span(item), "the checksum's `name` is missing");
        return None;
    };
    if name.as_str().is_none() {
        reader.wrong_type("name", name, "a string, in quotes");
    }
    let mut checksum = read_checksum_name(reader, name)?;
    for (key, item) in table.iter() {
        match key {
            "name" => {}
            "from" | "to" => match (key, item.as_integer()) {
                ("from", Some(number)) => checksum.from = number,
                (_, Some(number)) => checksum.to = Some(number),
                (_, None) => reader.wrong_type(key, item, "a number of bytes, below 0 from the payload's end"),
            },
            "order" => match reader.string(key, item).map(Order::named) {
                Some(None) => reader.error(span(item), "the order is big or little"),
                order => checksum.order = order.flatten(),
            },
            _ => reader.unknown_key(table, key, &["name", "from", "to", "order"]),
        }
    }
    Some(checksum)
}

fn read_checksum_name(reader: &mut Reader<'_>, item: &Item) -> Option<Checksum> {
    let name = item.as_str()?;
    Checksum::named(name).map_err(|why| reader.error(span(item), why)).ok()
}

pub(super) fn write_checksum(table: &mut dyn TableLike, checksum: Option<Checksum>) {
    let Some(Checksum { algorithm, from, to, order }) = checksum else {
        table.remove("checksum");
        return;
    };
    if (from, to, order) == (0, None, None) {
        set_string(table, "checksum", algorithm.name);
        return;
    }
    let mut written = InlineTable::from_iter([("name", algorithm.name)]);
    if from != 0 {
        written.insert("from", from.into());
    }
    if let Some(to) = to {
        written.insert("to", to.into());
    }
    if let Some(order) = order {
        written.insert("order", order.name().into());
    }
    set_value(table, "checksum", written.into());
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
