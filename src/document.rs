//! TOML documents as people write them: read with the place of everything in them, and every mistake collected.
//!
//! Owns what the readers of profiles and of the configuration have in common: reading the file, syntax errors, wrong
//! types, option values, unknown keys. It never knows what the keys of either mean.

use std::io::Read;
use std::ops::Range;
use std::path::Path;

use toml_edit::{Document, Item, TableLike, Value};

use crate::contract::{OptionSpec, ValueKind};
use crate::diagnostic::{Diagnostic, Invalid, Severity, Source};
use crate::os::File;

/// The largest file that is read, in bytes. A file that people write is a thousandth of it.
const MAX_FILE: u64 = 16 << 20;

/// So many mistakes of a kind are told; more would help nobody.
const MAX_TOLD: usize = 100;

/// Reads a file's text.
///
/// # Errors
/// When it can't be read, is larger than 16 MiB, or is not UTF-8.
pub(crate) fn read_file(path: &Path) -> Result<String, Invalid> {
    let of_file = |message: String| Invalid(vec![Diagnostic::of_file(path, message)]);
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes))
        .map_err(|error| of_file(format!("the file can't be read: {error}")))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(of_file("the file is larger than 16 MiB".to_owned()));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes());
        let source = Source { path: Some(path), text: &text };
        let wrong = at..at + char::REPLACEMENT_CHARACTER.len_utf8();
        Invalid(vec![source.diagnostic(Severity::Error, wrong, "this is not UTF-8, and TOML is always UTF-8")])
    })
}

/// The text without the byte order mark that some editors put before it.
pub(crate) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// A document that is being read, and what was found in it so far.
pub(crate) struct Reader<'a> {
    source: Source<'a>,
    /// Where each newline is, so that a line is found without reading the text again for each of many mistakes.
    newlines: Vec<usize>,
    errors: Found,
    warnings: Found,
}

#[derive(Default)]
struct Found {
    told: Vec<Diagnostic>,
    untold: usize,
}

impl<'a> Reader<'a> {
    /// Begins to read.
    pub(crate) fn new(source: Source<'a>) -> Self {
        let newlines = source.text.match_indices('\n').map(|(at, _)| at).collect();
        Self { source, newlines, errors: Found::default(), warnings: Found::default() }
    }

    /// The file that is read, if it is one.
    pub(crate) const fn path(&self) -> Option<&'a Path> {
        self.source.path
    }

    /// Reads the syntax.
    ///
    /// # Errors
    /// Every syntax error.
    pub(crate) fn parse(&mut self) -> Result<Document<&'a str>, Invalid> {
        let error = match Document::parse(self.source.text) {
            Ok(document) => return Ok(document),
            Err(error) => error,
        };
        // That parser stops at the first mistake; this one goes on. One mistake may be told more than once.
        let (_, errors) = toml::de::DeTable::parse_recoverable(self.source.text);
        let mut found: Vec<_> =
            errors.iter().map(|error| (error.span().unwrap_or(0..0), error.message().to_owned())).collect();
        if found.is_empty() {
            found.push((error.span().unwrap_or(0..0), error.message().to_owned()));
        }
        found.sort_by_key(|(at, _)| (at.start, at.end));
        found.dedup();
        for (at, message) in found {
            // What that parser says where nothing stands behind `=` is about something else.
            let is_missing = at.is_empty() && message.starts_with("string values must be quoted");
            self.error(at, if is_missing { "the value is missing".to_owned() } else { message });
        }
        Err(Invalid(self.take_errors()))
    }

    /// Notes a mistake for which the file can't be used.
    pub(crate) fn error(&mut self, at: Range<usize>, message: impl Into<String>) {
        self.errors.note(self.source, Severity::Error, at, message, None);
    }

    /// As [`error`](Self::error), and what to do.
    pub(crate) fn error_with_help(&mut self, at: Range<usize>, message: impl Into<String>, help: &str) {
        self.errors.note(self.source, Severity::Error, at, message, Some(help));
    }

    /// Notes something that is not used, in a file that is.
    pub(crate) fn warning(&mut self, at: Range<usize>, message: impl Into<String>) {
        self.warnings.note(self.source, Severity::Warning, at, message, None);
    }

    /// Notes a key that nobody knows, and which of the keys that are `known` there it may stand for.
    pub(crate) fn unknown_key(&mut self, table: &dyn TableLike, key: &str, known: &[&str]) {
        let help = match nearest(key, known) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the keys here are {}", known.join(", ")),
        };
        let message = format!("unknown key `{key}`; it is kept and not used");
        self.warnings.note(self.source, Severity::Warning, key_span(table, key), message, Some(&help));
    }

    /// The errors so far, in the text's order; there are none any more.
    pub(crate) fn take_errors(&mut self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.errors).finish()
    }

    /// The warnings so far, in the text's order; there are none any more.
    pub(crate) fn take_warnings(&mut self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.warnings).finish()
    }

    /// The line of a place, from 1.
    pub(crate) fn line(&self, at: &Range<usize>) -> usize {
        self.newlines.partition_point(|newline| *newline < at.start) + 1
    }

    /// The character of a place in its line, from 1.
    pub(crate) fn column(&self, at: &Range<usize>) -> usize {
        let line_start = self.line(at).checked_sub(2).map_or(0, |before| self.newlines[before] + 1);
        self.source.text[line_start..at.start].chars().count() + 1
    }

    /// The string that this is; anything else is an error.
    pub(crate) fn string<'i>(&mut self, key: &str, item: &'i Item) -> Option<&'i str> {
        let text = item.as_str();
        if text.is_none() {
            self.wrong_type(key, item, "a string, in quotes");
        }
        text
    }

    /// The flag that this is; anything else is an error.
    pub(crate) fn flag(&mut self, key: &str, item: &Item) -> Option<bool> {
        let flag = item.as_bool();
        if flag.is_none() {
            self.wrong_type(key, item, "true or false");
        }
        flag
    }

    /// Notes a value of another type than it must be.
    pub(crate) fn wrong_type(&mut self, key: &str, item: &Item, wanted: &str) {
        self.error(span(item), format!("`{key}` is {}; it must be {wanted}", type_name(item)));
    }

    /// An option's value as the text that stands in a URL: a TOML integer for a number, a boolean or a string for a
    /// flag, a string for everything else. Anything else is an error, and a value that the option can't have is one.
    pub(crate) fn option_value(&mut self, spec: &OptionSpec, item: &Item) -> Option<String> {
        let text = match (spec.kind, item) {
            (ValueKind::Integer(_), Item::Value(Value::Integer(number))) => number.value().to_string(),
            (ValueKind::Flag, Item::Value(Value::Boolean(flag))) => flag.value().to_string(),
            (ValueKind::Integer(_), _) => {
                self.wrong_type(spec.name, item, "a number, without quotes");
                return None;
            }
            (ValueKind::Flag, Item::Value(Value::String(text))) => text.value().clone(),
            (ValueKind::Flag, _) => {
                self.wrong_type(spec.name, item, "true or false");
                return None;
            }
            (kind, _) => {
                let Some(text) = item.as_str() else {
                    self.wrong_type(spec.name, item, &format!("a string: {}", kind.hint()));
                    return None;
                };
                text.to_owned()
            }
        };
        match spec.kind.parse(&text) {
            Ok(_) => Some(text),
            Err(message) => {
                let at = match item.as_str() {
                    Some(_) => self.inside(item, &text, spec.kind.wrong_part(&text)),
                    None => span(item),
                };
                self.error(at, format!("{}: {message}", spec.name));
                None
            }
        }
    }

    /// Where these bytes of a string's value stand in the document. With escapes in the string, all of it.
    pub(crate) fn inside(&self, item: &Item, value: &str, at: Range<usize>) -> Range<usize> {
        let whole = span(item);
        let raw = self.source.text.get(whole.clone()).unwrap_or_default();
        for quotes in ["\"\"\"", "'''", "\"", "'"] {
            let Some(inner) = raw.strip_prefix(quotes).and_then(|rest| rest.strip_suffix(quotes)) else { continue };
            // A newline right behind three quotes is not part of the string.
            let newline = if quotes.len() == 1 {
                0
            } else if inner.starts_with("\r\n") {
                2
            } else {
                usize::from(inner.starts_with('\n'))
            };
            if &inner[newline..] == value {
                let begin = whole.start + quotes.len() + newline;
                return begin + at.start..begin + at.end;
            }
        }
        whole
    }
}

impl Found {
    fn note(
        &mut self,
        source: Source<'_>,
        severity: Severity,
        at: Range<usize>,
        message: impl Into<String>,
        help: Option<&str>,
    ) {
        if self.told.len() == MAX_TOLD {
            self.untold += 1;
            return;
        }
        let diagnostic = source.diagnostic(severity, at, message);
        self.told.push(match help {
            Some(help) => diagnostic.with_help(help),
            None => diagnostic,
        });
    }

    fn finish(mut self) -> Vec<Diagnostic> {
        self.told.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
        if let (Some(last), 1..) = (self.told.last_mut(), self.untold) {
            last.help = Some(format!("this is not all: {} more are not shown", self.untold));
        }
        self.told
    }
}

/// The one of these names that another was probably meant to be.
pub(crate) fn nearest<'n>(name: &str, known: &[&'n str]) -> Option<&'n str> {
    /// From how much alike on, between 0 and 1, a name is taken for another: `steps` for `step`, `expect_closed` for
    /// `expect-closed`, and no word for one that only begins like it.
    const ALIKE: f64 = 0.88;
    let name = name.to_lowercase().replace('_', "-");
    let alike = known.iter().map(|known| (strsim::jaro_winkler(&name, &known.to_lowercase()), *known));
    let (likeness, nearest) = alike.max_by(|one, other| one.0.total_cmp(&other.0))?;
    (likeness >= ALIKE).then_some(nearest)
}

/// `no socket is called NAME`, and which of those that there are may have been meant.
pub(crate) fn unknown_name(what: &str, name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(meant) => format!("no {what} is called `{name}`; did you mean `{meant}`?"),
        None if known.is_empty() => format!("no {what} is called `{name}`, there is none"),
        None if known.len() <= NAMED => format!("no {what} is called `{name}`; there are {}", known.join(", ")),
        None => format!("no {what} is called `{name}`"),
    }
}

/// So many names at most are told where another was wanted.
const NAMED: usize = 12;

/// Where a value stands; for a table its header.
pub(crate) fn span(item: &Item) -> Range<usize> {
    item.span().unwrap_or(0..0)
}

/// Where a key stands.
pub(crate) fn key_span(table: &dyn TableLike, key: &str) -> Range<usize> {
    table.key(key).and_then(toml_edit::Key::span).unwrap_or(0..0)
}

/// The tables of a list, each with the place of its header; `None` for anything else.
pub(crate) fn tables_in(item: &Item) -> Option<Vec<(&dyn TableLike, Range<usize>)>> {
    match item {
        Item::ArrayOfTables(tables) => {
            Some(tables.iter().map(|table| (table as &dyn TableLike, table.span().unwrap_or(0..0))).collect())
        }
        Item::Value(Value::Array(values)) => values
            .iter()
            .map(|value| Some((value.as_inline_table()? as &dyn TableLike, value.span().unwrap_or(0..0))))
            .collect(),
        _ => None,
    }
}

fn type_name(item: &Item) -> &'static str {
    match item {
        Item::None => "nothing",
        Item::Table(_) | Item::Value(Value::InlineTable(_)) => "a table",
        Item::ArrayOfTables(_) => "a list of tables",
        Item::Value(Value::Array(_)) => "a list",
        Item::Value(Value::String(_)) => "a string",
        Item::Value(Value::Integer(_)) => "a number",
        Item::Value(Value::Float(_)) => "a number with a fraction",
        Item::Value(Value::Boolean(_)) => "true or false",
        Item::Value(Value::Datetime(_)) => "a date or time",
    }
}
