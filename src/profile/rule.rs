//! The `[[rule]]` tables of a profile, as far as this version applies them: echoes.
//!
//! An echo sends back whatever comes, and does nothing else. Reading makes [`SocketEntry::echo`] of echoes, and saving
//! makes echoes of that again. Every other rule is kept as it stands.

use std::collections::HashSet;
use std::ops::Range;
use std::time::Duration;

use toml_edit::{Array, DocumentMut, InlineTable, Item, TableLike, Value};

use super::SocketEntry;
use super::comments::remove_value;
use super::read::{Names, table_name, tables_in};
use super::write::{Entry, places, set_string, set_value, string, write_list};
use crate::contract::parse_duration;
use crate::document::{Reader, span};

/// What an echo sends, as `escaped`: the template that stands for what came.
const WHAT_CAME: &str = "{{payload}}";

/// Reads these tables, each with the place of its header, and notes which sockets echo.
pub(super) fn read(
    reader: &mut Reader<'_>,
    tables: Vec<(&dyn TableLike, Range<usize>)>,
    sockets: &mut [SocketEntry],
    socket_names: &Names,
) {
    let mut names = Names::new();
    for (table, header) in tables {
        if !is_echo(table) {
            reader.warning(header, "`rule` is kept, not applied in this version");
            if let Some((item, name)) = table.get("name").and_then(|item| Some((item, item.as_str()?))) {
                names.entry(name.to_owned()).or_insert_with(|| span(item));
            }
            continue;
        }
        table_name(reader, table, &header, &mut names);
        let is_enabled = table.get("enabled").is_none_or(|item| reader.flag("enabled", item) == Some(true));
        let on = table.get("on").map(|item| {
            let on = names_in(item).unwrap_or_else(|| {
                reader.wrong_type("on", item, "a socket's name, or a list of names");
                Vec::new()
            });
            for (name, at) in &on {
                if !socket_names.contains_key(*name) {
                    reader.error(at.clone(), format!("no socket is called `{name}`"));
                }
            }
            on
        });
        if is_enabled {
            let is_named = |name: &str| on.as_ref().is_none_or(|on| on.iter().any(|(named, _)| *named == name));
            sockets.iter_mut().filter(|socket| is_named(&socket.name)).for_each(|socket| socket.echo = true);
        }
    }
}

/// Brings the rules of a document in step with the sockets.
pub(super) fn write(document: &mut DocumentMut, sockets: &[SocketEntry], saved_sockets: &[SocketEntry]) {
    let saved = rules(document);
    let mut rules = saved.clone();
    let places = places(sockets);
    let now = |saved_name: &str| {
        let place = saved_sockets.iter().position(|socket| socket.name == saved_name)?;
        sockets.get(places.iter().position(|now| *now == Some(place))?)
    };
    let echoing = || sockets.iter().filter(|socket| socket.echo);
    let mut has_echo = HashSet::new();
    rules.retain_mut(|rule| {
        let Some(echo) = &mut rule.echo else { return true };
        let is_stale = match &mut echo.on {
            On::Every if echo.is_enabled && echoing().count() < sockets.len() => {
                echo.on = On::Named(echoing().map(|socket| Some(socket.name.clone())).collect());
                echoing().next().is_none()
            }
            On::Every => false,
            On::Named(names) => {
                for name in &mut *names {
                    let socket = name.as_deref().and_then(now).filter(|socket| socket.echo || !echo.is_enabled);
                    *name = socket.map(|socket| socket.name.clone());
                }
                !names.is_empty() && names.iter().all(Option::is_none)
            }
        };
        if echo.is_enabled && !is_stale {
            has_echo.extend(echoing().map(|socket| &socket.name).filter(|name| echo.on.is_for(name)));
        }
        !is_stale
    });
    let mut names: HashSet<_> = rules.iter().map(|rule| rule.name.clone()).collect();
    for socket in echoing().filter(|socket| !has_echo.contains(&socket.name)) {
        let name = free_name(&names);
        names.insert(name.clone());
        let on = On::Named(vec![Some(socket.name.clone())]);
        rules.push(Rule { name, echo: Some(Echo { is_enabled: true, on }), origin: None });
    }
    write_list(document, "rule", &rules, &saved);
}

/// True where a rule has every socket echo, those to come included.
pub(super) fn every_socket_echoes(document: &DocumentMut) -> bool {
    let is_for_every = |echo: &Echo| echo.is_enabled && echo.on == On::Every;
    rules(document).iter().any(|rule| rule.echo.as_ref().is_some_and(is_for_every))
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    /// Empty if it has none.
    name: String,
    /// `None` for a rule that this version does not apply.
    echo: Option<Echo>,
    /// Which `[[rule]]` of the saved document it is, from 0.
    origin: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Echo {
    is_enabled: bool,
    on: On,
}

/// The sockets of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
enum On {
    Every,
    /// Those named; `None` stands where the saved document has a name that is to go.
    Named(Vec<Option<String>>),
}

impl On {
    fn is_for(&self, socket: &str) -> bool {
        match self {
            Self::Every => true,
            Self::Named(names) => names.iter().flatten().any(|name| name == socket),
        }
    }
}

impl Entry for Rule {
    fn origin(&self) -> Option<usize> {
        self.origin
    }

    fn write(&self, table: &mut dyn TableLike, saved: Option<&Self>) {
        let Some(Echo { on, .. }) = &self.echo else { return };
        if saved.is_none() {
            set_string(table, "name", &self.name);
        }
        if saved.is_none_or(|saved| saved.echo != self.echo)
            && let On::Named(names) = on
        {
            write_on(table, names);
        }
        if saved.is_none() {
            set_value(table, "when", InlineTable::from_iter([("any", true)]).into());
            set_value(table, "send", InlineTable::from_iter([("escaped", WHAT_CAME)]).into());
        }
    }
}

/// The rules of a document, in its order.
fn rules(document: &DocumentMut) -> Vec<Rule> {
    let tables = document.get("rule").and_then(tables_in).unwrap_or_default();
    let rule = |(index, (table, _)): (usize, (&dyn TableLike, Range<usize>))| {
        let on = |item| names_in(item).into_iter().flatten().map(|(name, _)| Some(name.to_owned())).collect();
        let echo = || Echo {
            is_enabled: table.get("enabled").and_then(Item::as_bool).unwrap_or(true),
            on: table.get("on").map_or(On::Every, |item| On::Named(on(item))),
        };
        Rule {
            name: table.get("name").and_then(Item::as_str).unwrap_or_default().to_owned(),
            echo: is_echo(table).then(echo),
            origin: Some(index),
        }
    };
    tables.into_iter().enumerate().map(rule).collect()
}

/// True for a rule that sends back whatever comes, as it comes, and does nothing else.
fn is_echo(table: &dyn TableLike) -> bool {
    let fits = |(key, item): (&str, &Item)| match key {
        "name" | "on" | "enabled" => true,
        "when" => has_only(item, "any", |any| any.as_bool() == Some(true)),
        "send" => has_only(item, "escaped", |escaped| escaped.as_str() == Some(WHAT_CAME)),
        "then" => item.as_str() == Some("keep"),
        "once" => item.as_str() == Some("never"),
        "delay" => item.as_str().is_some_and(|text| parse_duration(text) == Ok(Duration::ZERO)),
        _ => false,
    };
    table.contains_key("when") && table.contains_key("send") && table.iter().all(fits)
}

fn has_only(item: &Item, key: &str, fits: impl Fn(&Item) -> bool) -> bool {
    item.as_table_like().is_some_and(|table| table.len() == 1 && table.get(key).is_some_and(fits))
}

/// The names in an `on`, each with its place; `None` where it is neither a name nor a list of names.
fn names_in(item: &Item) -> Option<Vec<(&str, Range<usize>)>> {
    fn name(value: &Value) -> Option<(&str, Range<usize>)> {
        Some((value.as_str()?, value.span().unwrap_or(0..0)))
    }
    match item.as_value()? {
        Value::Array(array) => array.iter().map(name).collect(),
        value => Some(vec![name(value)?]),
    }
}

fn write_on(table: &mut dyn TableLike, names: &[Option<String>]) {
    if let Some(Item::Value(Value::Array(array))) = table.get_mut("on") {
        // From the last to the first, so that those before stay where they are.
        for (index, name) in names.iter().enumerate().rev() {
            match name {
                None => remove_value(array, index),
                Some(name) if array.get(index).and_then(Value::as_str) != Some(name) => {
                    array.replace(index, string(name));
                }
                Some(_) => {}
            }
        }
        return;
    }
    let mut names = names.iter().flatten();
    match (names.next(), names.next()) {
        (Some(name), None) => set_string(table, "on", name),
        (first, second) => {
            let names = first.into_iter().chain(second).chain(names);
            set_value(table, "on", names.map(|name| string(name)).collect::<Array>().into());
        }
    }
}

fn free_name(names: &HashSet<String>) -> String {
    if !names.contains("echo") {
        return "echo".to_owned();
    }
    // One of these is free: there are more of them than names that are taken.
    (2..names.len() + 3).map(|number| format!("echo-{number}")).find(|name| !names.contains(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::profile::{Profile, SocketEntry};

    const SOCKETS: &str = "version = 1\n[[socket]]\nname = \"a\"\nopen = \"tcp://h:1\"\n[[socket]]\nname = \"b\"\n\
                           open = \"udp://h:1\"\n[[socket]]\nname = \"c\"\nopen = \"tcp-listen://h:1\"\n";
    const ECHO: &str = "when = { any = true }\nsend = { escaped = \"{{payload}}\" }\n";

    /// With rules behind three sockets.
    fn lab(rules: &str) -> Profile {
        let text = format!("{SOCKETS}\n{rules}");
        Profile::parse(&text, None).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    fn echoing(profile: &Profile) -> String {
        profile.sockets.iter().filter(|socket| socket.echo).map(|socket| socket.name.as_str()).collect()
    }

    #[test]
    fn an_echo_is_known_in_every_form() {
        for (rules, wanted) in [
            (format!("[[rule]]\nname = \"e\"\n{ECHO}"), "abc"),
            (format!("[[rule]]\nname = \"e\"\non = \"b\"\n{ECHO}"), "b"),
            (format!("[[rule]]\nname = \"e\"\non = [\"c\", \"a\"]\nenabled = true\n{ECHO}"), "ac"),
            (format!("[[rule]]\nname = \"e\"\non = []\n{ECHO}"), ""),
            (format!("[[rule]]\nname = \"e\"\nenabled = false\n{ECHO}"), ""),
            (format!("[[rule]]\nname = \"e\"\non = 'a'\nthen = 'keep'\nonce = 'never'\ndelay = '0ms'\n{ECHO}"), "a"),
            (format!("[[rule]]\nname = \"e\"\non = 'a'\n{ECHO}[[rule]]\nname = \"f\"\non = 'c'\n{ECHO}"), "ac"),
            ("[[rule]]\nname = 'e'\non = 'a'\nsend.escaped = '{{payload}}'\n[rule.when]\nany = true\n".to_owned(), "a"),
        ] {
            let profile = lab(&rules);
            assert_eq!((echoing(&profile).as_str(), profile.warnings.len()), (wanted, 0), "{rules}");
        }
        let text = format!(
            "rule = [{{name = 'e', on = 'b', when = {{any = true}}, send = {{escaped = '{{{{payload}}}}'}}}}]\n{SOCKETS}"
        );
        assert_eq!(echoing(&Profile::parse(&text, None).unwrap()), "b");
    }

    #[test]
    fn any_other_rule_is_kept_and_told() {
        for rule in [
            "when = { event = 'accepted' }\nsend = { escaped = \"{{payload}}\" }\n",
            "when = { any = true, text = 'x' }\nsend = { escaped = \"{{payload}}\" }\n",
            "when = { any = false }\nsend = { escaped = \"{{payload}}\" }\n",
            "when = { any = true }\nsend = { escaped = \"{{payload}}\\n\" }\n",
            "when = { any = true }\nsend = { text = \"{{payload}}\" }\n",
            "when = { any = true }\n",
            "send = { escaped = \"{{payload}}\" }\n",
            &format!("delay = '1ms'\n{ECHO}"),
            &format!("then = 'close'\n{ECHO}"),
            &format!("once = 'connection'\n{ECHO}"),
            &format!("colour = 1\n{ECHO}"),
        ] {
            // What it is on is not looked at either.
            let mut profile = lab(&format!("[[rule]]\nname = 'e'\non = 'nobody'\n{rule}"));
            assert_eq!(echoing(&profile), "", "{rule}");
            let warned: Vec<_> = profile.warnings.iter().map(|warning| (warning.line, warning.column)).collect();
            assert_eq!(warned, [(12, 1)], "{rule}");
            profile.sockets.remove(0);
            profile.sockets[0].echo = true;
            let written = profile.to_toml();
            assert!(written.contains(&format!("[[rule]]\nname = 'e'\non = 'nobody'\n{rule}")), "{written}");
        }
    }

    #[test]
    fn a_mistake_in_an_echo_is_told_at_its_place() {
        for (rule, line, column, wanted) in [
            ("[[rule]]\nname = 'e'\non = 'server'\n", 3, 6, "no socket is called `server`"),
            ("[[rule]]\nname = 'e'\non = ['a',\n'd', 'b']\n", 4, 1, "no socket is called `d`"),
            ("[[rule]]\nname = 'e'\non = ['a', 1]\n", 3, 6, "`on` is a list; it must be a socket's name"),
            ("[[rule]]\nname = 'e'\nenabled = 'no'\n", 3, 11, "`enabled` is a string"),
            ("[[rule]]\non = 'a'\n", 1, 1, "`name` is missing"),
            ("[[rule]]\nname = 'x'\n[[rule]]\nname = 'x'\n", 4, 8, "the name `x` is taken already, in line 13"),
        ] {
            let text = format!("{SOCKETS}\n{rule}{ECHO}");
            let errors = Profile::parse(&text, None).unwrap_err().0;
            let [error] = errors.as_slice() else { panic!("{errors:?}") };
            assert_eq!((error.line, error.column), (line + 11, column), "{error}");
            assert!(error.message.contains(wanted), "{error}");
        }
        let errors = Profile::parse("version = 1\n[rule.x]\n", None).unwrap_err().0;
        assert!(errors[0].message.contains("each under [[rule]]"), "{}", errors[0]);
    }

    #[test]
    fn a_change_of_echoes_changes_their_rules_and_nothing_else() {
        type Change = fn(&mut Profile);
        let with = |head: &str| format!("# my echo\n[[rule]] # first\n{head}{ECHO}# the end\n");
        let new = |name: &str, on: &str| format!("\n[[rule]]\nname = \"{name}\"\non = \"{on}\"\n{ECHO}");
        let cases: [(String, Change, String); 11] = [
            (String::new(), |lab| lab.sockets[1].echo = true, new("echo", "b")),
            (
                "[[rule]]\nname = \"echo\"\n".to_owned(),
                |lab| lab.sockets.iter_mut().skip(1).for_each(|socket| socket.echo = true),
                format!("[[rule]]\nname = \"echo\"\n{}{}", new("echo-2", "b"), new("echo-3", "c")),
            ),
            // The rule of one socket.
            (with("name = \"e\"\non = 'a' # it\n"), |lab| lab.sockets[0].echo = false, "# the end\n".to_owned()),
            (with("name = \"e\"\non = 'a' # it\n"), |lab| drop(lab.sockets.remove(0)), "# the end\n".to_owned()),
            (
                with("name = \"e\"\non = 'a' # it\n"),
                |lab| lab.sockets[0].name = "n".to_owned(),
                with("name = \"e\"\non = \"n\" # it\n"),
            ),
            // The rule of several.
            (
                with("name = \"e\"\non = ['a', 'b', 'c'] # some\n"),
                |lab| lab.sockets[1].echo = false,
                with("name = \"e\"\non = ['a', 'c'] # some\n"),
            ),
            (
                with("name = \"e\"\non = ['a', 'b', 'c'] # some\n"),
                |lab| {
                    lab.sockets[0].name = "b".to_owned();
                    lab.sockets[1].name = "a".to_owned();
                    lab.sockets.remove(2);
                },
                with("name = \"e\"\non = [\"b\", \"a\"] # some\n"),
            ),
            // The rule of all.
            (
                with("name = \"e\"\n"),
                |lab| lab.sockets[1].echo = false,
                with("name = \"e\"\n").replace("\" }\n#", "\" }\non = [\"a\", \"c\"]\n#"),
            ),
            (
                with("name = \"e\"\n"),
                |lab| lab.sockets.iter_mut().for_each(|socket| socket.echo = false),
                "# the end\n".to_owned(),
            ),
            // A rule that is off holds for nobody, but must not name who is gone.
            (
                with("name = \"e\"\nenabled = false\non = ['a', 'b']\n"),
                |lab| drop(lab.sockets.remove(0)),
                with("name = \"e\"\nenabled = false\non = ['b']\n"),
            ),
            (
                with("name = \"e\"\nenabled = false\n"),
                |lab| lab.sockets[2].echo = true,
                with("name = \"e\"\nenabled = false\n").replace("# the end\n", &(new("echo", "c") + "# the end\n")),
            ),
        ];
        for (rules, change, wanted) in cases {
            let mut profile = lab(&rules);
            change(&mut profile);
            let written = profile.to_toml();
            // The sockets have no comment.
            let rules_at = written.find('#').or_else(|| written.find("[[rule]]")).unwrap();
            assert_eq!(written[rules_at..].trim_end(), wanted.trim(), "{rules}");
        }
    }

    #[test]
    fn a_rule_for_every_socket_holds_for_those_that_are_added() {
        let mut profile = lab(&format!("[[rule]]\nname = \"e\"\n{ECHO}"));
        assert!(profile.every_socket_echoes());
        let text = profile.to_toml();
        profile.sockets.push(SocketEntry { echo: true, ..SocketEntry::new("d", "udp://h:2".parse().unwrap()) });
        assert_eq!(profile.to_toml().matches("[[rule]]").count(), 1);
        profile.sockets.pop();
        profile.sockets[0].echo = false;
        assert!(!profile.every_socket_echoes());
        profile.sockets[0].echo = true;
        assert_eq!(profile.to_toml(), text);
        assert!(!lab("").every_socket_echoes());
    }

    #[derive(Clone, Debug)]
    enum Edit {
        Toggle(usize),
        Rename(usize, usize),
        Remove(usize),
        Add(String, bool),
        Save,
    }

    fn edit() -> impl Strategy<Value = Edit> {
        prop_oneof![
            4 => (0usize..5).prop_map(Edit::Toggle),
            2 => (0usize..5, 0usize..5).prop_map(|(one, other)| Edit::Rename(one, other)),
            2 => (0usize..5).prop_map(Edit::Remove),
            2 => ("[a-f\"é ]{1,2}", any::<bool>()).prop_map(|(name, echo)| Edit::Add(name, echo)),
            1 => Just(Edit::Save),
        ]
    }

    fn rule() -> impl Strategy<Value = String> {
        let on = prop_oneof![
            Just(String::new()),
            prop_oneof![Just("a"), Just("b"), Just("c")].prop_map(|name| format!("on = '{name}' # which\n")),
            prop::sample::subsequence(vec!["\"a\"", "'b'", "\"c\""], 0..=3)
                .prop_map(|names| format!("on = [ # these\n  {}\n]\n", names.join(", # and\n  "))),
        ];
        let enabled = prop_oneof![2 => Just(""), 1 => Just("enabled = true\n"), 1 => Just("enabled = false\n")];
        let does = prop_oneof![4 => Just(ECHO), 1 => Just("when = { event = 'accepted' }\nsend = { text = 'hi' }\n")];
        (on, enabled, does)
            .prop_map(|(on, enabled, does)| format!("# mine\n[[rule]]\nname = 'NAME'\n{on}{enabled}{does}\n"))
    }

    proptest! {
        #[test]
        fn whatever_is_done_to_them_echoes_are_read_back(
            rules in prop::collection::vec(rule(), 0..4),
            edits in prop::collection::vec(edit(), 0..12),
        ) {
            let rules: Vec<_> = rules.iter().zip('1'..).map(|(rule, n)| rule.replace("NAME", &format!("r{n}"))).collect();
            let text = rules.concat();
            let mut profile = lab(&text);
            let others: Vec<_> = rules.iter().filter(|rule| rule.contains("'accepted'")).collect();
            for edit in edits {
                let count = profile.sockets.len();
                match edit {
                    Edit::Toggle(at) if at < count => {
                        let before = profile.to_toml();
                        profile.sockets[at].echo ^= true;
                        prop_assert!(profile.to_toml() != before);
                    }
                    // Two that swap their names, or one that keeps its own.
                    Edit::Rename(one, other) if one < count && other < count => {
                        let name = profile.sockets[one].name.clone();
                        profile.sockets[one].name = std::mem::replace(&mut profile.sockets[other].name, name);
                    }
                    Edit::Remove(at) if at < count => drop(profile.sockets.remove(at)),
                    Edit::Add(name, echo) if profile.sockets.iter().all(|socket| socket.name != name) => {
                        let endpoint = "udp://h:9".parse().unwrap();
                        profile.sockets.push(SocketEntry { echo, ..SocketEntry::new(name, endpoint) });
                    }
                    Edit::Save => {
                        let dir = tempfile::tempdir().unwrap();
                        profile.save_as(&dir.path().join("lab.toml"), true).unwrap();
                        prop_assert!(!profile.is_modified());
                    }
                    _ => {}
                }
                let written = profile.to_toml();
                let read = Profile::parse(&written, None);
                let read = read.map_err(|error| TestCaseError::fail(format!("{error}\n{written}")))?;
                prop_assert_eq!(&read.sockets, &profile.sockets, "{}", written);
                for other in &others {
                    prop_assert!(written.contains(other.as_str()), "{}", written);
                }
            }
        }
    }
}
