//! What becomes of the comments around a table or a value that is removed.

use toml_edit::{Array, DocumentMut, Item, RawString, Table};

/// Keeps what stands above removed tables and is not theirs: a comment that a blank line parts from the table is about
/// more than that table.
pub(super) fn keep_comments(document: &mut DocumentMut, removed: Vec<Table>) {
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

/// Removes a value of a list. A comment behind a value, in its line, goes with that value; the file has it before what
/// comes next.
pub(super) fn remove_value(array: &mut Array, index: usize) {
    let text = |raw: Option<&RawString>| raw.and_then(RawString::as_str).unwrap_or_default().to_owned();
    let removed = array.remove(index);
    let (before, behind) = (text(removed.decor().prefix()), text(removed.decor().suffix()));
    let next = match array.get(index) {
        Some(next) => text(next.decor().prefix()),
        None => behind + &text(Some(array.trailing())),
    };
    let joined = match (before.find('\n'), next.find('\n')) {
        (Some(line), Some(next_line)) => before[..line].to_owned() + &next[next_line..],
        (Some(line), None) if index == array.len() && before[..line].contains('#') => before[..=line].to_owned(),
        (_, None) if index < array.len() => before,
        _ => next,
    };
    match array.get_mut(index) {
        Some(next) => next.decor_mut().set_prefix(joined),
        None => array.set_trailing(joined),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_takes_its_own_comment_along_and_no_other() {
        let lines = "[ # all\n  # one\n  \"a\", # a\n  \"b\", # b\n  \"c\", # c\n]";
        let bare = "[\n  \"a\", # a\n  \"b\"\n]";
        for (list, index, wanted) in [
            (lines, 0, "[ # all\n  \"b\", # b\n  \"c\", # c\n]"),
            (lines, 1, "[ # all\n  # one\n  \"a\", # a\n  \"c\", # c\n]"),
            (lines, 2, "[ # all\n  # one\n  \"a\", # a\n  \"b\", # b\n]"),
            (bare, 0, "[\n  \"b\"\n]"),
            (bare, 1, "[\n  \"a\" # a\n]"),
            ("[\"a\", \"b\"]", 0, "[\"b\"]"),
            ("[\"a\", \"b\" ]", 1, "[\"a\" ]"),
            ("[\n\"a\", # a\n\"b\"]", 1, "[\n\"a\" # a\n]"),
            ("[ \"a\", \"b\", # two\n  \"c\", ]", 1, "[ \"a\", # two\n  \"c\", ]"),
        ] {
            let mut document: DocumentMut = format!("on = {list}\n").parse().unwrap();
            remove_value(document["on"].as_array_mut().unwrap(), index);
            assert_eq!(document.to_string(), format!("on = {wanted}\n"));
        }
    }
}
