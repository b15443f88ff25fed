//! What was changed in a profile, applied to its document and to nothing else in it.

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::Profile;
use super::comments::keep_comments;

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
    let (now, before) = (&profile.contents, &saved.contents);
    let mut document = saved.document.clone();
    if now.name != before.name {
        set_string(document.as_table_mut(), "name", &now.name);
    }
    if now.description != before.description {
        set_string(document.as_table_mut(), "description", &now.description);
    }
    write_list(&mut document, "socket", &now.sockets, &before.sockets);
    write_list(&mut document, "payload", &now.payloads, &before.payloads);
    write_list(&mut document, "rule", &now.rules, &before.rules);
    write_list(&mut document, "scenario", &now.scenarios, &before.scenarios);
    let text = document.to_string();
    // The document writes every newline as LF, and no mark.
    let is_crlf = saved.text.contains('\n') && saved.text.matches('\n').count() == saved.text.matches("\r\n").count();
    let text = if is_crlf { text.replace("\r\n", "\n").replace('\n', "\r\n") } else { text };
    if saved.text.starts_with('\u{feff}') { format!("\u{feff}{text}") } else { text }
}

/// True when a field or an entry is not what, or where, it was when the profile was read or saved.
pub(super) fn is_changed(profile: &Profile) -> bool {
    let (now, before) = (&profile.contents, &profile.saved.contents);
    now != before
        || !is_in_place(&now.sockets, &before.sockets)
        || !is_in_place(&now.payloads, &before.payloads)
        || !is_in_place(&now.rules, &before.rules)
        || !is_in_place(&now.scenarios, &before.scenarios)
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
pub(super) fn string(text: &str) -> Value {
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
pub(super) fn write_list<E: Entry + PartialEq>(document: &mut DocumentMut, key: &str, entries: &[E], saved: &[E]) {
    if entries == saved && is_in_place(entries, saved) {
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

/// True when the entries came from the same tables as those that were saved, in their order. Of a read-only profile some
/// tables may have none.
fn is_in_place<E: Entry>(entries: &[E], saved: &[E]) -> bool {
    entries.iter().map(Entry::origin).eq(saved.iter().map(Entry::origin))
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use crate::contract::{AddressKind, Endpoint, SCHEMES, Scheme, ValueKind};
    use crate::profile::{PayloadContent, PayloadEntry, Profile, SocketEntry};

    const LAB: &str = "\
# The lab of the second floor.

version = 1 # never changed
name = 'lab'

[vars]
who = \"client\"

# --- sockets ---

# says hello
[[socket]] # first
name = \"server\"   # unique
framing = \"line\"
open = 'tcp-listen://127.0.0.1:7788?eol=crlf&reuse-address'
backlog = 128     # enough
x.y = 1
[socket.notes]
who = \"me\"

[[payload]]
hex = '01 02'
name = \"two bytes\"

# the other end
[[socket]]
open = \"tcp://127.0.0.1:7788\"
name = \"client\"
auto = false
# ends here

# --- rules ---

[[rule]]
name = \"greet\"
when = { event = 'accepted' } # at once
mood = 'good'
# the last line
";

    fn parse(text: &str) -> Profile {
        Profile::parse(text, None).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    /// The lines that were taken from `old`, with `-`, and those that are new in `new`, with `+`.
    fn changes(old: &str, new: &str) -> Vec<String> {
        let (old, new): (Vec<_>, Vec<_>) = (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
        let before = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
        let (old, new) = (&old[before..], &new[before..]);
        let after = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
        let signed = |sign, lines: &[&str]| lines.iter().map(|line| format!("{sign}{line}")).collect::<Vec<_>>();
        [signed('-', &old[..old.len() - after]), signed('+', &new[..new.len() - after])].concat()
    }

    fn edited(text: &str, edit: impl FnOnce(&mut Profile)) -> Vec<String> {
        let mut profile = parse(text);
        edit(&mut profile);
        let written = profile.to_toml();
        assert_eq!(profile.is_modified(), written != text);
        assert_same(&parse(&written), &profile);
        changes(text, &written)
    }

    fn assert_same(one: &Profile, other: &Profile) {
        assert_eq!(one.contents, other.contents, "{}", other.to_toml());
    }

    #[test]
    fn an_edit_changes_its_own_line_and_no_other() {
        let edit = |edit: fn(&mut Profile)| edited(LAB, edit);
        assert_eq!(
            edit(|lab| lab.contents.sockets[0].name = "s".to_owned()),
            ["-name = \"server\"   # unique\n", "+name = \"s\"   # unique\n"]
        );
        assert_eq!(
            edit(|lab| lab.contents.sockets[0].endpoint.set_option("backlog", "5").unwrap()),
            ["-backlog = 128     # enough\n", "+backlog = 5     # enough\n"]
        );
        assert_eq!(
            edit(|lab| lab.contents.sockets[0].endpoint.set_option("eol", "lf").unwrap()),
            [
                "-open = 'tcp-listen://127.0.0.1:7788?eol=crlf&reuse-address'\n",
                "+open = \"tcp-listen://127.0.0.1:7788?eol=lf&reuse-address\"\n"
            ]
        );
        assert_eq!(
            edit(|lab| lab.contents.sockets[0].endpoint.clear_option("eol")),
            [
                "-open = 'tcp-listen://127.0.0.1:7788?eol=crlf&reuse-address'\n",
                "+open = \"tcp-listen://127.0.0.1:7788?reuse-address\"\n"
            ]
        );
        assert_eq!(
            edit(|lab| lab.contents.sockets[0].endpoint.clear_option("backlog")),
            ["-backlog = 128     # enough\n"]
        );
        assert_eq!(
            edit(|lab| lab.contents.sockets[1].endpoint.set_option("nodelay", "off").unwrap()),
            ["+nodelay = false\n"]
        );
        assert_eq!(edit(|lab| lab.contents.sockets[1].auto = true), ["-auto = false\n", "+auto = true\n"]);
        assert_eq!(
            edit(|lab| lab.contents.payloads[0].content = PayloadContent::Hex("03".to_owned())),
            ["-hex = '01 02'\n", "+hex = \"03\"\n"]
        );
        let checksum = |text: &str| Some(text.parse().unwrap());
        let mut lab = parse(LAB);
        for (text, written) in [
            ("sum8", "+checksum = \"sum8\"\n"),
            ("sum8 1..-1 big", "+checksum = { name = \"sum8\", from = 1, to = -1, order = \"big\" }\n"),
        ] {
            lab.contents.payloads[0].checksum = checksum(text);
            let with = lab.to_toml();
            assert_eq!(changes(LAB, &with), [written]);
            assert_eq!(edited(&with, |lab| lab.contents.payloads[0].checksum = None), [written.replace('+', "-")]);
        }
        assert_eq!(
            edit(|lab| lab.contents.description = "two\nlines".to_owned()),
            ["+description = \"two\\nlines\"\n"]
        );
        assert_eq!(
            edit(|lab| lab
                .contents
                .payloads
                .push(PayloadEntry::new("p", PayloadContent::Escaped("\\x00\"".to_owned())))),
            ["+[[payload]]\n", "+name = \"p\"\n", "+escaped = '\\x00\"'\n", "+\n"]
        );
    }

    #[test]
    fn a_new_socket_is_a_tidy_table() {
        let mut profile = Profile::new();
        assert!(!profile.is_modified());
        profile.contents.name = "lab".to_owned();
        let url = "tcp-listen://127.0.0.1:0?backlog=5&eol=crlf&reuse-address=true";
        profile.contents.sockets.push(SocketEntry { auto: false, ..SocketEntry::new("server", url.parse().unwrap()) });
        assert!(profile.is_modified());
        let wanted = "version = 1\nname = \"lab\"\n\n[[socket]]\nname = \"server\"\nopen = \"tcp-listen://127.0.0.1:0\"\n\
                      backlog = 5\neol = \"crlf\"\nreuse-address = true\nauto = false\n";
        assert_eq!(profile.to_toml(), wanted);
        assert_same(&parse(wanted), &profile);
    }

    #[test]
    fn a_removed_entry_takes_its_own_comment_along_and_no_other() {
        let removed = edited(LAB, |lab| drop(lab.contents.sockets.remove(0)));
        assert!(removed.iter().all(|line| line.starts_with('-') || line == "+\n"), "{removed:?}");
        let mut profile = parse(LAB);
        profile.contents.sockets.clear();
        let written = profile.to_toml();
        for kept in ["# The lab", "# --- sockets ---", "[vars]", "# --- rules ---", "# the last line", "# ends here"] {
            assert!(written.contains(kept), "{kept} is gone:\n{written}");
        }
        for gone in ["# says hello", "[socket", "# the other end"] {
            assert!(!written.contains(gone), "{gone} is there:\n{written}");
        }
    }

    #[test]
    fn another_scheme_keeps_no_option_that_it_does_not_have() {
        edited(LAB, |lab| {
            lab.contents.sockets[0].endpoint = "udp-bind://127.0.0.1:7788".parse().unwrap();
            lab.contents.sockets[1].endpoint = "tcp-listen://[::1]:1?backlog=3".parse().unwrap();
        });
        let text = "version = 1\n[[socket]]\nname = 'a'\nopen = 'tcp://h:1'\nreceive-buffer = '1MiB'\n";
        edited(text, |profile| profile.contents.sockets[0].endpoint = "udp://h:1".parse().unwrap());
    }

    #[test]
    fn order_and_copies_are_as_in_the_list() {
        edited(LAB, |lab| lab.contents.sockets.swap(0, 1));
        edited(LAB, |lab| {
            let copy = SocketEntry { name: "copy".to_owned(), ..lab.contents.sockets[0].clone() };
            lab.contents.sockets.insert(1, copy);
        });
        edited(LAB, |lab| lab.contents.sockets.insert(0, SocketEntry::new("first", "udp://h:1".parse().unwrap())));
    }

    #[test]
    fn other_newlines_a_mark_and_a_missing_end_are_kept() {
        let text = format!("\u{feff}{}", LAB.replace('\n', "\r\n"));
        assert_eq!(edited(&text, |lab| lab.contents.name = "l".to_owned()), ["-name = 'lab'\r\n", "+name = \"l\"\r\n"]);
        let text = LAB.trim_end();
        assert_eq!(edited(text, |lab| lab.contents.name = "l".to_owned()), ["-name = 'lab'\n", "+name = \"l\"\n"]);
    }

    #[test]
    fn inline_lists_stay_inline() {
        let text = "version = 1\nsocket = [\n  {name = 'a', open = 'tcp://h:1'}, # one\n  {name = 'b', open = 'udp://h:1'},\n]\n";
        assert_eq!(
            edited(text, |profile| profile.contents.sockets[1].name = "c".to_owned()),
            ["-  {name = 'b', open = 'udp://h:1'},\n", "+  {name = \"c\", open = 'udp://h:1'},\n"]
        );
        edited(text, |profile| {
            profile.contents.sockets.remove(0);
            profile.contents.sockets.push(SocketEntry::new("n", "tcp-listen://h:1?backlog=1".parse().unwrap()));
        });
        let text = format!("rule = [{{name = 'echo', on = 'a', when = {{any = true}}}}]\n{text}");
        assert_eq!(
            edited(&text, |profile| profile.set_echo("b", true))[1],
            "+rule = [{name = 'echo', on = 'a', when = {any = true}}, { name = \"echo-2\", on = \"b\", \
             when = { any = true }, send = { escaped = \"{{payload}}\" } }]\n"
        );
    }

    fn endpoint() -> impl Strategy<Value = Endpoint> {
        let address = prop_oneof!["[a-z]{1,5}:[1-9][0-9]{0,3}", Just("[::1]:1".to_owned())];
        (0..SCHEMES.len(), address, any::<u32>(), 0u32..9).prop_map(|(scheme, address, which, number)| {
            let scheme: Scheme = SCHEMES[scheme].scheme;
            let address = match scheme.spec().address {
                AddressKind::HostPort => address,
                AddressKind::Host => "[::1]".to_owned(),
                AddressKind::Unix => format!("/tmp/what?{address}&"),
                AddressKind::Nothing => String::new(),
            };
            let mut endpoint = Endpoint::from_parts(scheme, &address).unwrap();
            for (index, spec) in scheme.spec().options.iter().enumerate().filter(|(index, _)| which >> index & 1 == 1) {
                let number = number + u32::try_from(index).unwrap();
                let value = match spec.kind {
                    ValueKind::Integer(_) => number.to_string(),
                    ValueKind::Duration | ValueKind::AfterFin => format!("{number}ms"),
                    ValueKind::Size => format!("{number}KiB"),
                    ValueKind::Flag => (number % 2 == 0).to_string(),
                    ValueKind::Address => format!("127.0.0.1:{number}"),
                    ValueKind::Word(choices) => choices[number as usize % choices.len()].0.to_owned(),
                    ValueKind::Groups => format!("239.1.2.{number}@lo,ff02::{number}"),
                    ValueKind::Path => format!("/tmp/a&b?c%25{number}"),
                    ValueKind::Encoding => ["gbk", "utf-16le", "shift_jis"][number as usize % 3].to_owned(),
                    ValueKind::Framing => {
                        ["line", "fixed:7,max=8", "length:u8,offset=1"][number as usize % 3].to_owned()
                    }
                };
                endpoint.set_option(spec.name, &value).unwrap();
            }
            while let Err((spec, _)) = endpoint.check() {
                endpoint.clear_option(spec.name);
            }
            endpoint
        })
    }

    #[derive(Clone, Debug)]
    enum Edit {
        Rename(usize, String),
        Endpoint(usize, Endpoint),
        Auto(usize),
        Echo(usize),
        Add(usize, String, Endpoint),
        Remove(usize),
        Swap(usize, usize),
        AddPayload(String, String),
        Payload(usize, String),
        RemovePayload(usize),
        Describe(String),
    }

    fn edit() -> impl Strategy<Value = Edit> {
        let name = "[^#\\pC]{1,6}";
        let text = "(\\PC|[\n\r\t\\x00\"'\\\\]){0,8}";
        prop_oneof![
            (0usize..4, name).prop_map(|(at, name)| Edit::Rename(at, name)),
            (0usize..4, endpoint()).prop_map(|(at, endpoint)| Edit::Endpoint(at, endpoint)),
            (0usize..4).prop_map(Edit::Auto),
            (0usize..4).prop_map(Edit::Echo),
            (0usize..4, name, endpoint()).prop_map(|(at, name, endpoint)| Edit::Add(at, name, endpoint)),
            (0usize..4).prop_map(Edit::Remove),
            (0usize..4, 0usize..4).prop_map(|(one, other)| Edit::Swap(one, other)),
            (name, text).prop_map(|(name, text)| Edit::AddPayload(name, text)),
            (0usize..4, text).prop_map(|(at, text)| Edit::Payload(at, text)),
            (0usize..4).prop_map(Edit::RemovePayload),
            text.prop_map(Edit::Describe),
        ]
    }

    fn apply(profile: &mut Profile, edit: Edit) {
        let (sockets, payloads) = (profile.contents.sockets.len(), profile.contents.payloads.len());
        let is_free =
            |profile: &Profile, name: &str| !profile.contents.sockets.iter().any(|socket| socket.name == name);
        match edit {
            Edit::Rename(at, name) if at < sockets && is_free(profile, &name) => profile.rename_socket(at, &name),
            Edit::Endpoint(at, endpoint) if at < sockets => profile.contents.sockets[at].endpoint = endpoint,
            Edit::Auto(at) if at < sockets => profile.contents.sockets[at].auto ^= true,
            Edit::Echo(at) if at < sockets => {
                let socket = profile.contents.sockets[at].clone();
                profile.set_echo(&socket.name, !profile.echoes(&socket));
            }
            Edit::Add(at, name, endpoint) if at <= sockets && is_free(profile, &name) => {
                profile.contents.sockets.insert(at, SocketEntry::new(name, endpoint));
            }
            Edit::Remove(at) => profile.remove_socket(at),
            Edit::Swap(one, other) if one < sockets && other < sockets => profile.contents.sockets.swap(one, other),
            Edit::AddPayload(name, text) if !profile.contents.payloads.iter().any(|payload| payload.name == name) => {
                profile.contents.payloads.push(PayloadEntry::new(name, PayloadContent::Text(text)));
            }
            Edit::Payload(at, text) if at < payloads => {
                profile.contents.payloads[at].content = PayloadContent::Text(text);
            }
            Edit::RemovePayload(at) if at < payloads => drop(profile.contents.payloads.remove(at)),
            Edit::Describe(text) => profile.contents.description = text,
            _ => {}
        }
    }

    proptest! {
        // Each case writes to the disk, and waits for it.
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
        #[test]
        fn what_is_written_is_read_back(
            edits in prop::collection::vec(prop::collection::vec(edit(), 0..5), 1..4),
            is_new in any::<bool>(),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("lab.toml");
            let mut profile = if is_new { Profile::new() } else { parse(LAB) };
            profile.save_as(&path, false).unwrap();
            for edits in edits {
                for edit in edits {
                    apply(&mut profile, edit);
                }
                let written = profile.to_toml();
                profile.save().unwrap();
                prop_assert!(!profile.is_modified());
                prop_assert_eq!(&std::fs::read_to_string(&path).unwrap(), &written);
                assert_same(&Profile::load(Path::new(&path)).unwrap(), &profile);
                // What this version does not know is there, whatever was done to the rest.
                prop_assert!(is_new || (written.contains("who = \"client\"") && written.contains("mood = 'good'")));
            }
        }
    }
}
