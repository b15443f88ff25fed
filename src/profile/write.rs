//! What was changed in a profile, applied to its document and to nothing else in it.

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::Profile;

/// An entry of one of the profile's lists.
pub(super) trait Entry {
    /// Which table of the saved document it came from.
    fn origin(&self) -> Option<usize>;

    /// Writes it into its table: all of it into a new table, else only what differs from what was `saved`.
    fn write(&self, table: &mut dyn TableLike, saved: Option<&Self>);
}

/// The profile's text as saving would write it.
pub(super) fn render(profile: &Profile) -> String {
    let saved = &profile.saved;
    if !is_changed(profile) {
        return saved.text.clone();
    }
    let mut document = saved.document.clone();
    if profile.name != saved.contents.name {
        set_string(document.as_table_mut(), "name", &profile.name);
    }
    if profile.description != saved.contents.description {
        set_string(document.as_table_mut(), "description", &profile.description);
    }
    write_list(&mut document, "socket", &profile.sockets, &saved.contents.sockets);
    write_list(&mut document, "payload", &profile.payloads, &saved.contents.payloads);
    let text = document.to_string();
    // The document writes every newline as LF, and no mark.
    let is_crlf = saved.text.contains('\n') && saved.text.matches('\n').count() == saved.text.matches("\r\n").count();
    let text = if is_crlf { text.replace("\r\n", "\n").replace('\n', "\r\n") } else { text };
    if saved.text.starts_with('\u{feff}') { format!("\u{feff}{text}") } else { text }
}

/// True when a field or an entry is not what, or where, it was when the profile was read or saved.
pub(super) fn is_changed(profile: &Profile) -> bool {
    let saved = &profile.saved.contents;
    profile.name != saved.name
        || profile.description != saved.description
        || profile.sockets != saved.sockets
        || profile.payloads != saved.payloads
        || !is_in_place(&profile.sockets)
        || !is_in_place(&profile.payloads)
}

/// Gives a key a string as its value. What stands around the old value, such as a comment, stays.
pub(super) fn set_string(table: &mut dyn TableLike, key: &str, text: &str) {
    set_value(table, key, string(text));
}

/// Gives a key a value. What stands around the old value, such as a comment, stays.
pub(super) fn set_value(table: &mut dyn TableLike, key: &str, mut value: Value) {
    match table.get_mut(key) {
        Some(item) => {
            if let Item::Value(old) = item {
                *value.decor_mut() = old.decor().clone();
            }
            *item = Item::Value(value);
        }
        None => {
            table.insert(key, Item::Value(value));
        }
    }
}

/// A string on one line: over several lines, its newlines would be those of the file and not the user's.
fn string(text: &str) -> Value {
    if !text.contains(char::is_control) {
        return text.into();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.extend(["\\u", &format!("{:04X}", u32::from(c))]),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted.parse().unwrap_or_else(|_| text.into())
}

/// Makes the list of this key hold these entries.
fn write_list<E: Entry + PartialEq>(document: &mut DocumentMut, key: &str, entries: &[E], saved: &[E]) {
    if entries == saved && is_in_place(entries) {
        return;
    }
    let places = places(entries);
    match document.get_mut(key) {
        Some(Item::Value(Value::Array(array))) => write_array(array, entries, &places, saved),
        Some(Item::ArrayOfTables(tables)) => {
            let removed = write_tables(tables, entries, &places, saved);
            keep_comments(document, removed);
        }
        _ => {
            let mut tables = ArrayOfTables::new();
            write_tables(&mut tables, entries, &places, saved);
            document.insert(key, Item::ArrayOfTables(tables));
        }
    }
}

/// True when each entry came from the table of its own index.
fn is_in_place<E: Entry>(entries: &[E]) -> bool {
    entries.iter().map(Entry::origin).eq((0..entries.len()).map(Some))
}

/// For each entry the table it came from. A copy of an entry is new.
fn places<E: Entry>(entries: &[E]) -> Vec<Option<usize>> {
    let mut seen = std::collections::HashSet::new();
    entries.iter().map(|entry| entry.origin().filter(|place| seen.insert(*place))).collect()
}

/// Rebuilds a list of tables; gives those that no entry came from.
fn write_tables<E: Entry>(
    tables: &mut ArrayOfTables,
    entries: &[E],
    places: &[Option<usize>],
    saved: &[E],
) -> Vec<Table> {
    let mut old: Vec<_> = std::mem::take(tables).into_iter().map(Some).collect();
    let first = old.iter().flatten().filter_map(Table::position).min();
    // In the old order, and the new ones last? Then every table can stay where it is in the file.
    let is_orderly = places.is_sorted_by_key(|place| place.unwrap_or(usize::MAX));
    for (entry, place) in entries.iter().zip(places) {
        let kept = place.and_then(|place| old.get_mut(place)?.take());
        let origin = place.filter(|_| kept.is_some()).and_then(|place| saved.get(place));
        let mut table = kept.unwrap_or_default();
        entry.write(&mut table, origin);
        if !is_orderly {
            unplace(&mut table);
            if tables.is_empty() {
                table.set_position(first);
            }
        }
        tables.push(table);
    }
    old.into_iter().flatten().collect()
}

fn write_array<E: Entry>(array: &mut Array, entries: &[E], places: &[Option<usize>], saved: &[E]) {
    let old: Vec<Value> = array.iter().cloned().collect();
    array.clear();
    for (entry, place) in entries.iter().zip(places) {
        let origin = place.and_then(|place| Some((old.get(place)?.as_inline_table()?, saved.get(place)?)));
        let Some((table, saved)) = origin else {
            let mut table = InlineTable::new();
            entry.write(&mut table, None);
            array.push(table);
            continue;
        };
        let mut table = table.clone();
        entry.write(&mut table, Some(saved));
        array.push_formatted(Value::InlineTable(table));
    }
}

/// Lets a table and those below it follow the table before it, wherever that is.
fn unplace(table: &mut Table) {
    table.set_position(None);
    for (_, item) in table.iter_mut() {
        match item {
            Item::Table(below) => unplace(below),
            Item::ArrayOfTables(below) => below.iter_mut().for_each(unplace),
            _ => {}
        }
    }
}

/// Keeps what stands above removed tables and is not theirs: a comment that a blank line parts from the table is about
/// more than that table.
fn keep_comments(document: &mut DocumentMut, removed: Vec<Table>) {
    // From the last to the first, so that they end up in their old order.
    for table in removed.into_iter().rev() {
        let prefix = table.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default();
        let Some(end) = prefix.rfind("\n\n").map(|at| at + 1) else { continue };
        let kept = &prefix[..end];
        if !kept.contains('#') {
            continue;
        }
        let next = table.position().and_then(|position| first_after(document.as_table(), position));
        if let Some(next) = next {
            prepend_at(document.as_table_mut(), next, kept);
        } else {
            let trailing = document.trailing().as_str().unwrap_or_default();
            document.set_trailing(format!("{kept}{trailing}"));
        }
    }
}

/// The position of the first table after this one in the file.
fn first_after(table: &Table, position: isize) -> Option<isize> {
    let below = |item: &Item| match item {
        Item::Table(below) => first_after(below, position),
        Item::ArrayOfTables(below) => below.iter().filter_map(|table| first_after(table, position)).min(),
        _ => None,
    };
    let own = table.position().filter(|own| *own > position && !table.is_implicit() && !table.is_dotted());
    table.iter().filter_map(|(_, item)| below(item)).chain(own).min()
}

/// Puts a text above the table with this position.
fn prepend_at(table: &mut Table, position: isize, text: &str) {
    if table.position() == Some(position) {
        let prefix = table.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or("\n");
        let prefix = if prefix.starts_with('\n') { format!("{text}{prefix}") } else { format!("{text}\n{prefix}") };
        table.decor_mut().set_prefix(prefix);
        return;
    }
    for (_, item) in table.iter_mut() {
        match item {
            Item::Table(below) => prepend_at(below, position, text),
            Item::ArrayOfTables(below) => below.iter_mut().for_each(|table| prepend_at(table, position, text)),
            _ => {}
        }
    }
}
