//! What rules and scenarios send and wait for, as it is written in a profile.
//!
//! Owns what `send`, `when` and `expect` have in common: a payload of the profile or one written in its place, and a
//! pattern.

use std::ops::Range;
use std::path::Path;

use toml_edit::{InlineTable, Item, TableLike};

use super::names::Names;
use super::payload_entry::{PayloadContent, PayloadEntry, read_checksum, read_content, write_checksum};
use super::write::{set_string, set_value};
use crate::document::{Reader, key_span, span, unknown_name};
use crate::encoding::Encoding;
use crate::pattern::{Expression, Pattern, Wrong};
use crate::payload::{Checksum, Fill, Place, Template, Variables};

/// What the rest of the profile has, which rules and scenarios speak of.
pub(super) struct Known<'a> {
    /// The names of its sockets, and where they stand.
    pub(super) sockets: &'a Names,
    /// Its saved payloads.
    pub(super) payloads: &'a [PayloadEntry],
    /// What templates know by name.
    pub(super) variables: &'a Variables,
}

/// What a rule or a step sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// The saved payload of this name.
    Payload(String),
    /// What is written in its place, and the checksum that is appended to it.
    Written(PayloadContent, Option<Checksum>),
}

/// What a rule or a step waits for in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternEntry {
    /// Every message.
    Any,
    /// One that contains this.
    Contains(PayloadContent),
    /// One that is this.
    Equals(PayloadContent),
    /// One in which this regular expression is found. It is compiled once, for all sockets and runs.
    Regex(Expression),
}

impl Message {
    /// The keys that it is written with. Whoever reads a table with others in it looks at those alone.
    pub(super) const KEYS: [&str; 7] = ["payload", "text", "escaped", "hex", "base64", "file", "checksum"];

    /// What to send, in this encoding where it is text; `payloads` are those of the profile, and `base` is its folder.
    ///
    /// # Errors
    /// One sentence without a full stop: what is wrong in the notation, or why a file can't be read.
    pub fn template(
        &self,
        payloads: &[PayloadEntry],
        base: &Path,
        encoding: Encoding,
        variables: &Variables,
        place: Place,
    ) -> Result<Template, String> {
        let (content, checksum) = match self {
            Self::Written(content, checksum) => (content, checksum),
            Self::Payload(name) => {
                let entry = payloads.iter().find(|entry| entry.name == *name);
                let entry = entry.ok_or_else(|| format!("no payload is called `{name}`"))?;
                (&entry.content, &entry.checksum)
            }
        };
        Ok(content.template(base, encoding, variables, place)?.with_checksum(*checksum))
    }

    /// Reads the keys of a table that are of a message, text of which is to be sent in each of these encodings. `None`
    /// where it has none, or a mistake, which is noted.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        table: &dyn TableLike,
        known: &Known<'_>,
        encodings: &[Encoding],
        place: Place,
    ) -> Option<Self> {
        let mut content = None;
        let mut first = None;
        let checksum = table.get("checksum").map(|item| read_checksum(reader, item));
        for (key, item) in table.iter().filter(|(key, _)| *key != "checksum" && Self::KEYS.contains(key)) {
            if let Some(first) = first.replace(key) {
                reader.error(key_span(table, key), format!("`{key}` can't stand beside `{first}`: one thing is sent"));
                return None;
            }
            content = match key {
                "payload" => {
                    let name = reader.string(key, item)?;
                    if !known.payloads.iter().any(|entry| entry.name == name) {
                        let names: Vec<_> = known.payloads.iter().map(|entry| entry.name.as_str()).collect();
                        reader.error(span(item), unknown_name("payload", name, &names));
                        return None;
                    }
                    Some(Self::Payload(name.to_owned()))
                }
                _ => read_content(reader, key, item, known.variables, encodings, place)
                    .map(|content| Self::Written(content, None)),
            };
        }
        match (content?, checksum) {
            (message, None) => Some(message),
            (Self::Written(content, _), Some(checksum)) => Some(Self::Written(content, Some(checksum?))),
            (Self::Payload(_), Some(_)) => {
                reader.error(key_span(table, "checksum"), "a saved payload has its own checksum, or none");
                None
            }
        }
    }

    /// Writes it into a table, in which none of its keys stands.
    pub(super) fn write(&self, table: &mut dyn TableLike) {
        match self {
            Self::Payload(name) => set_string(table, "payload", name),
            Self::Written(content, checksum) => {
                content.write(table);
                if checksum.is_some() {
                    write_checksum(table, *checksum);
                }
            }
        }
    }
}

impl PatternEntry {
    /// The keys that it is written with, exactly one of which a table has.
    pub(super) const KEYS: [&str; 6] = ["any", "text", "escaped", "hex", "equals", "regex"];

    /// What to hold messages against, text being in this encoding.
    ///
    /// # Errors
    /// One sentence without a full stop: what is wrong in the notation.
    pub fn pattern(&self, encoding: Encoding, variables: &Variables) -> Result<Pattern, String> {
        let bytes = |content: &PayloadContent| {
            let template = content.template(Path::new(""), encoding, variables, Place::Message)?;
            Ok::<_, String>(template.filled(&Fill::default()).into())
        };
        Ok(match self {
            Self::Any => Pattern::Any,
            Self::Contains(content) => Pattern::Contains(bytes(content)?),
            Self::Equals(content) => Pattern::Equals(bytes(content)?),
            Self::Regex(expression) => Pattern::Regex(expression.clone()),
        })
    }

    /// Reads the one key of a table that is of a pattern, text of which is in each of these encodings; a regular
    /// expression is compiled so. `None` where that is a mistake, which is noted: none of the keys stands there, or more
    /// than one.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        table: &dyn TableLike,
        at: Range<usize>,
        known: &Known<'_>,
        encodings: &[Encoding],
        compile: impl FnOnce(&str) -> Result<Expression, Wrong>,
    ) -> Option<Self> {
        let mut keys = table.iter().filter(|(key, _)| Self::KEYS.contains(key));
        let Some((key, item)) = keys.next() else {
            reader.error(at, format!("what to wait for is missing: one of {}", Self::KEYS.join(", ")));
            return None;
        };
        if let Some((other, _)) = keys.next() {
            reader.error(
                key_span(table, other),
                format!("`{other}` can't stand beside `{key}`: one thing is waited for"),
            );
            return None;
        }
        match key {
            "any" => {
                let is_any = reader.flag(key, item)?;
                if !is_any {
                    reader.error(span(item), "`any` can only be true");
                }
                is_any.then_some(Self::Any)
            }
            "regex" => {
                let text = reader.string(key, item)?;
                match compile(text) {
                    Ok(expression) => Some(Self::Regex(expression)),
                    Err((at, why)) => {
                        let at = if at.is_empty() { span(item) } else { reader.inside(item, text, at) };
                        reader.error(at, why);
                        None
                    }
                }
            }
            "equals" => {
                let Some(table) = item.as_table_like() else {
                    reader.wrong_type(key, item, "a table such as { text = \"OK\" }");
                    return None;
                };
                for (other, _) in table.iter().filter(|(key, _)| !WRITTEN.contains(key)) {
                    reader.unknown_key(table, other, &WRITTEN);
                }
                let mut keys = table.iter().filter(|(key, _)| WRITTEN.contains(key));
                if let (Some((key, item)), None) = (keys.next(), keys.next()) {
                    return read_literal(reader, key, item, known, encodings).map(Self::Equals);
                }
                reader.error(span(item), format!("`equals` has exactly one of {}", WRITTEN.join(", ")));
                None
            }
            _ => {
                let content = read_literal(reader, key, item, known, encodings)?;
                let pattern = Self::Contains(content);
                if pattern.is_in_all(encodings, known.variables) {
                    let help = "write any = true for every message, or equals = { text = \"\" } for an empty one";
                    reader.error_with_help(span(item), "what is empty is in every message", help);
                    return None;
                }
                Some(pattern)
            }
        }
    }

    /// Whether it is nothing that is waited for, in one of these encodings.
    fn is_in_all(&self, encodings: &[Encoding], variables: &Variables) -> bool {
        let all = if encodings.is_empty() { &[Encoding::UTF_8] } else { encodings };
        let is_nothing = |pattern| matches!(pattern, Ok(Pattern::Contains(bytes)) if bytes.is_empty());
        all.iter().any(|encoding| is_nothing(self.pattern(*encoding, variables)))
    }

    /// Writes it into a table, in which none of its keys stands.
    pub(super) fn write(&self, table: &mut dyn TableLike) {
        match self {
            Self::Any => set_value(table, "any", true.into()),
            Self::Contains(content) => content.write(table),
            Self::Equals(content) => {
                let mut equals = InlineTable::new();
                content.write(&mut equals);
                set_value(table, "equals", equals.into());
            }
            Self::Regex(expression) => set_string(table, "regex", expression.as_str()),
        }
    }
}

/// The notations in which bytes of a pattern are written.
const WRITTEN: [&str; 3] = ["text", "escaped", "hex"];

/// Bytes to hold a message against: nothing in them can be another the next time.
fn read_literal(
    reader: &mut Reader<'_>,
    key: &str,
    item: &Item,
    known: &Known<'_>,
    encodings: &[Encoding],
) -> Option<PayloadContent> {
    let content = read_content(reader, key, item, known.variables, encodings, Place::Message)?;
    let encoding = encodings.first().copied().unwrap_or(Encoding::UTF_8);
    let template = content.template(Path::new(""), encoding, known.variables, Place::Message).ok()?;
    if template.is_filled() {
        reader.error(span(item), "what is waited for can't have a template but that of a variable in it");
        return None;
    }
    Some(content)
}
