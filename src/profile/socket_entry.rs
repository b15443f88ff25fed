//! One `[[socket]]` of a profile.

use std::ops::Range;

use toml_edit::{TableLike, Value as TomlValue};

use super::names::{Names, socket_name};
use super::write::{Entry, set_string, set_value};
use crate::contract::{Endpoint, EndpointError, Value, option_spec};
use crate::document::{Reader, key_span, span};

/// A socket of a profile.
#[derive(Clone, Debug)]
pub struct SocketEntry {
    /// Its name, unique in the profile.
    pub name: String,
    /// What it opens.
    pub endpoint: Endpoint,
    /// False for a socket that is listed, but not opened, when the profile loads.
    pub auto: bool,
    /// Which `[[socket]]` of the saved document it came from, from 0.
    pub(super) origin: Option<usize>,
}

/// Equal when they mean the same; where they came from does not matter.
impl PartialEq for SocketEntry {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.endpoint, self.auto) == (&other.name, &other.endpoint, other.auto)
    }
}

impl Eq for SocketEntry {}

impl SocketEntry {
    /// A socket that opens when the profile loads.
    #[must_use]
    pub fn new(name: impl Into<String>, endpoint: Endpoint) -> Self {
        Self { name: name.into(), endpoint, auto: true, origin: None }
    }

    /// Reads the table with this index, whose header stands at `header`.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        table: &dyn TableLike,
        header: Range<usize>,
        index: usize,
        names: &mut Names,
    ) -> Option<Self> {
        let name = socket_name(reader, table, &header, names);
        let mut endpoint = read_open(reader, table, header);
        let mut auto = Some(true);
        for (key, item) in table.iter() {
            match key {
                "name" | "open" => {}
                "auto" => auto = reader.flag(key, item),
                _ => match &mut endpoint {
                    Some(endpoint) => read_option(reader, table, key, endpoint),
                    // Which options it may have is not known then.
                    None if option_spec(key).is_some() => {}
                    None => reader.unknown_key(table, key, &["name", "open", "auto"]),
                },
            }
        }
        if let Some(Err((spec, why))) = endpoint.as_ref().map(Endpoint::check) {
            // Where it is not a key, it is in the URL.
            let at = if table.contains_key(spec.name) { key_span(table, spec.name) } else { key_span(table, "open") };
            reader.error(at, why);
        }
        Some(Self { name: name?, endpoint: endpoint?, auto: auto?, origin: Some(index) })
    }
}

fn read_open(reader: &mut Reader<'_>, table: &dyn TableLike, header: Range<usize>) -> Option<Endpoint> {
    let Some(item) = table.get("open") else {
        reader.error_with_help(
            header,
            "`open` is missing: what the socket opens",
            "write open = \"tcp-listen://127.0.0.1:7788\", for example",
        );
        return None;
    };
    let url = reader.string("open", item)?;
    match Endpoint::parse_part(url) {
        Ok(endpoint) => Some(endpoint),
        Err(EndpointError { at, message }) => {
            let at = reader.inside(item, url, at);
            reader.error(at, message);
            None
        }
    }
}

/// Reads a key as an option of the endpoint.
fn read_option(reader: &mut Reader<'_>, table: &dyn TableLike, key: &str, endpoint: &mut Endpoint) {
    let Some(item) = table.get(key) else { return };
    match endpoint.scheme.spec().option(key) {
        Some(_) if endpoint.option(key).is_some() => {
            reader.error(key_span(table, key), format!("option `{key}` is given here and in the URL"));
        }
        Some(spec) => {
            if let Some(text) = reader.option_value(spec, item)
                && let Err(error) = endpoint.set_option(key, &text)
            {
                reader.error(span(item), error.message);
            }
        }
        None if option_spec(key).is_some() => {
            // Setting what the scheme does not have says what it has.
            if let Err(error) = endpoint.set_option(key, "") {
                reader.error(key_span(table, key), error.message);
            }
        }
        None => {
            let options = endpoint.scheme.spec().options.iter().map(|option| option.name);
            let known: Vec<_> = ["name", "open", "auto"].into_iter().chain(options).collect();
            reader.unknown_key(table, key, &known);
        }
    }
}

impl Entry for SocketEntry {
    fn origin(&self) -> Option<usize> {
        self.origin
    }

    fn write(&self, table: &mut dyn TableLike, saved: Option<&Self>) {
        if saved.is_none_or(|saved| saved.name != self.name) {
            set_string(table, "name", &self.name);
        }
        if saved.is_none_or(|saved| saved.endpoint != self.endpoint) {
            write_endpoint(table, &self.endpoint, saved.map(|saved| &saved.endpoint));
        }
        if self.auto != saved.is_none_or(|saved| saved.auto) {
            set_value(table, "auto", self.auto.into());
        }
    }
}

fn write_endpoint(table: &mut dyn TableLike, endpoint: &Endpoint, saved: Option<&Endpoint>) {
    let old_url = table.get("open").and_then(toml_edit::Item::as_str).map(str::to_owned);
    let (url, in_url) = match (&old_url, saved) {
        (Some(old_url), Some(saved)) => edited_url(old_url, saved, endpoint),
        _ => (endpoint.base_url(), Vec::new()),
    };
    if old_url.as_ref() != Some(&url) {
        set_string(table, "open", &url);
    }
    let gone: Vec<_> = table
        .iter()
        .map(|(key, _)| key.to_owned())
        .filter(|key| option_spec(key).is_some() && endpoint.option(key).is_none())
        .collect();
    for key in gone {
        table.remove(&key);
    }
    for (spec, value) in endpoint.options() {
        let is_new = saved.is_none_or(|saved| saved.option(spec.name) != Some(value));
        if is_new && !in_url.iter().any(|name| name == spec.name) {
            let value: TomlValue = match value {
                Value::Integer(number) => i64::from(*number).into(),
                Value::Flag(flag) => (*flag).into(),
                other => other.to_string().into(),
            };
            set_value(table, spec.name, value);
        }
    }
}

/// The URL with what differs between `saved` and `now` changed in it, and the options that stand in it.
fn edited_url(url: &str, saved: &Endpoint, now: &Endpoint) -> (String, Vec<String>) {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let mut edited =
        if (saved.scheme, &saved.address) == (now.scheme, &now.address) { base.to_owned() } else { now.base_url() };
    let mut names = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let name = pair.split('=').next().unwrap_or(pair);
        let Some(value) = now.option(name) else { continue };
        edited.push(if names.is_empty() { '?' } else { '&' });
        if saved.option(name) == Some(value) {
            edited.push_str(pair);
        } else {
            edited.extend([name, "=", &value.to_string()]);
        }
        names.push(name.to_owned());
    }
    (edited, names)
}
