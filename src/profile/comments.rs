//! What becomes of the comments around a table that is removed.

use toml_edit::{DocumentMut, Item, Table};

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
