//! The names of sockets, payloads, rules and scenarios: what they can be, and which are taken.

use std::collections::HashMap;
use std::ops::Range;

use toml_edit::TableLike;

use crate::document::{Reader, span};

/// The names that are taken, with the place of each.
pub(super) type Names = HashMap<String, Range<usize>>;

/// Whether a payload, a rule or a scenario can be called so.
///
/// # Errors
/// One sentence without a full stop: what is wrong.
pub fn check_name(name: &str) -> Result<(), &'static str> {
    wrong_in_name(name).map_err(|(_, message)| message)
}

/// Whether a socket can be called so.
///
/// # Errors
/// One sentence without a full stop: what is wrong.
pub fn check_socket_name(name: &str) -> Result<(), &'static str> {
    wrong_in_socket_name(name).map_err(|(_, message)| message)
}

/// What is wrong with a name, and where.
type Wrong = (Range<usize>, &'static str);

fn wrong_in_name(name: &str) -> Result<(), Wrong> {
    if name.is_empty() {
        return Err((0..0, "a name can't be empty"));
    }
    match name.char_indices().find(|(_, c)| c.is_control()) {
        None => Ok(()),
        Some((at, wrong)) => Err((at..at + wrong.len_utf8(), "a control character can't be in a name")),
    }
}

fn wrong_in_socket_name(name: &str) -> Result<(), Wrong> {
    const NUMBERED: &str = "`#` can't be in a socket's name; it numbers a listener's connections, such as server#2";
    wrong_in_name(name)?;
    name.find('#').map_or(Ok(()), |at| Err((at..at + 1, NUMBERED)))
}

/// The `name` of a table, which is a mistake if it is missing, taken or can't be one.
pub(super) fn table_name(
    reader: &mut Reader<'_>,
    table: &dyn TableLike,
    header: &Range<usize>,
    names: &mut Names,
) -> Option<String> {
    checked_name(reader, table, header, names, wrong_in_name)
}

/// The same of a socket's table.
pub(super) fn socket_name(
    reader: &mut Reader<'_>,
    table: &dyn TableLike,
    header: &Range<usize>,
    names: &mut Names,
) -> Option<String> {
    checked_name(reader, table, header, names, wrong_in_socket_name)
}

fn checked_name(
    reader: &mut Reader<'_>,
    table: &dyn TableLike,
    header: &Range<usize>,
    names: &mut Names,
    check: fn(&str) -> Result<(), Wrong>,
) -> Option<String> {
    let Some(item) = table.get("name") else {
        reader.error(header.clone(), "`name` is missing");
        return None;
    };
    let name = reader.string("name", item)?;
    if let Err((at, message)) = check(name) {
        let at = if at.is_empty() { span(item) } else { reader.inside(item, name, at) };
        reader.error(at, message);
        return None;
    }
    if let Some(first) = names.get(name) {
        let first = reader.line(first);
        reader.error(span(item), format!("the name `{name}` is taken already, in line {first}"));
        return None;
    }
    names.insert(name.to_owned(), span(item));
    Some(name.to_owned())
}
