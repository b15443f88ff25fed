//! What a profile's document says.

use std::collections::BTreeMap;
use std::ops::Range;

use toml_edit::{Item, Table, TableLike};

use super::message::Known;
use super::names::Names;
use super::{Contents, PayloadEntry, SocketEntry, rule, scenario};
use crate::document::{Reader, key_span, span, tables_in};
use crate::payload::{Variables, check_variable_name};

/// The version of profiles that this program writes and knows.
pub(super) const VERSION: i64 = 1;

/// The keys of a profile.
const KEYS: [&str; 10] =
    ["version", "name", "description", "record", "record-rotate", "vars", "socket", "payload", "rule", "scenario"];

/// Reads a document, and says why it must not be saved if it is of another version. Templates know the variables that are
/// `given`, and below them those of the document.
pub(super) fn read(reader: &mut Reader<'_>, document: &Table, given: &Variables) -> (Contents, Option<String>) {
    // Whatever stands before them may use them.
    let vars = document.get("vars").map(|item| read_vars(reader, item)).unwrap_or_default();
    let variables = given.or(&vars);
    let mut contents = Contents { vars, ..Contents::default() };
    let mut read_only = None;
    let mut socket_names = Names::new();
    for (key, item) in document {
        match key {
            "version" => read_only = read_version(reader, item),
            "name" => contents.name = reader.string(key, item).map(str::to_owned).unwrap_or_default(),
            "description" => contents.description = reader.string(key, item).map(str::to_owned).unwrap_or_default(),
            "record" => {
                contents.record = reader.string(key, item).filter(|path| !path.is_empty()).map(Into::into);
            }
            "record-rotate" => {
                if let Some(Err(why)) =
                    reader.string(key, item).map(|text| text.parse().map(|it| contents.rotation = it))
                {
                    reader.error(span(item), why);
                }
            }
            "socket" => {
                for (index, (table, header)) in tables(reader, key, item).into_iter().enumerate() {
                    contents.sockets.extend(SocketEntry::read(reader, table, header, index, &mut socket_names));
                }
            }
            "payload" => {
                let mut names = Names::new();
                for (index, (table, header)) in tables(reader, key, item).into_iter().enumerate() {
                    let place = (index, header);
                    contents.payloads.extend(PayloadEntry::read(reader, table, place, &mut names, &variables));
                }
            }
            // Read before all else, and below, when the sockets and the payloads are known.
            "vars" | "rule" | "scenario" => {}
            _ => reader.unknown_key(document, key, &KEYS),
        }
    }
    if let Some(item) = document.get("rule") {
        let tables = tables(reader, "rule", item);
        let known = Known { sockets: &socket_names, payloads: &contents.payloads, variables: &variables };
        contents.rules = rule::read(reader, tables, &contents.sockets, &known);
    }
    if let Some(item) = document.get("scenario") {
        let tables = tables(reader, "scenario", item);
        let known = Known { sockets: &socket_names, payloads: &contents.payloads, variables: &variables };
        contents.scenarios = scenario::read(reader, tables, &contents.sockets, &known);
    }
    if !document.contains_key("version") {
        reader.warning(0..0, format!("`version` is missing; the profile is read as version {VERSION}"));
    }
    (contents, read_only)
}

fn read_vars(reader: &mut Reader<'_>, item: &Item) -> BTreeMap<String, String> {
    let Some(table) = item.as_table_like() else {
        reader.wrong_type("vars", item, "a table of names and texts, under [vars]");
        return BTreeMap::new();
    };
    let mut vars = BTreeMap::new();
    for (name, item) in table.iter() {
        if let Err(why) = check_variable_name(name) {
            reader.error(key_span(table, name), why);
        } else if let Some(value) = reader.string(name, item) {
            vars.insert(name.to_owned(), value.to_owned());
        }
    }
    vars
}

fn read_version(reader: &mut Reader<'_>, item: &Item) -> Option<String> {
    match item.as_integer() {
        Some(VERSION) => None,
        Some(version) => {
            let reason = format!("version {version} is not known; this program knows version {VERSION}");
            reader.warning(span(item), format!("{reason}, so the profile is read-only"));
            Some(reason)
        }
        None => {
            reader.wrong_type("version", item, "a number");
            None
        }
    }
}

/// The tables of a list, each with the place of its header; anything else is an error.
fn tables<'i>(reader: &mut Reader<'_>, key: &str, item: &'i Item) -> Vec<(&'i dyn TableLike, Range<usize>)> {
    tables_in(item).unwrap_or_else(|| {
        reader.wrong_type(key, item, &format!("a list of tables, each under [[{key}]]"));
        Vec::new()
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use crate::diagnostic::Severity;
    use crate::encoding::Encoding;
    use crate::payload::{Checksum, Fill, Place, Variables};
    use crate::profile::{Diagnostic, PayloadContent, Profile};

    const LAB: &str = include_str!("../../tests/profiles/echo-lab.toml");

    fn errors(text: &str) -> Vec<Diagnostic> {
        let told = Profile::parse(text, Some(Path::new("lab.toml"))).err().map(|invalid| invalid.0).unwrap_or_default();
        told.into_iter().filter(|told| told.severity == Severity::Error).collect()
    }

    /// What is marked in the rendered diagnostic, and at which line and column it says it is.
    fn marked(diagnostic: &Diagnostic) -> (String, usize, usize) {
        let shown = diagnostic.to_string();
        let lines: Vec<_> = shown.lines().collect();
        let caret = lines.iter().position(|line| line.contains('^')).unwrap_or_else(|| panic!("{shown}"));
        let marked = lines[caret].char_indices().filter(|(_, c)| *c == '^').map(|(at, _)| at);
        let text: String = marked.filter_map(|at| lines[caret - 1].chars().nth(at)).collect();
        assert!(shown.contains(&format!("lab.toml:{}:{}", diagnostic.line, diagnostic.column)), "{shown}");
        (text, diagnostic.line, diagnostic.column)
    }

    #[test]
    fn the_documented_profile_is_read() {
        let profile = Profile::parse(LAB, None).unwrap();
        assert_eq!((profile.contents.name.as_str(), profile.read_only.as_ref()), ("echo-lab", None));
        let sockets: Vec<_> = profile
            .contents
            .sockets
            .iter()
            .map(|entry| format!("{} {} {}", entry.name, entry.endpoint, entry.auto))
            .collect();
        assert_eq!(
            sockets,
            [
                "server tcp-listen://127.0.0.1:7788?backlog=128&framing=line true",
                "client tcp://127.0.0.1:7788?connect-timeout=5s true"
            ]
        );
        assert_eq!(profile.contents.payloads[0].content, PayloadContent::Hex("01 03 00 00 00 0A".to_owned()));
        assert_eq!(profile.contents.payloads[0].checksum, Some(Checksum::named("crc16-modbus").unwrap()));
        assert_eq!(profile.contents.vars["who"], "client");
        assert!(profile.warnings.is_empty(), "{:?}", profile.warnings);
        assert_eq!(
            (profile.contents.rules[0].name.as_str(), profile.contents.scenarios[0].name.as_str()),
            ("greet", "greeting")
        );
    }

    #[test]
    fn every_mistake_is_told_at_its_place() {
        let text = r#"version = 1
name = 5
[[socket]]
name = "a"
open = "tcp://127.0.0.1:77889?eol=lf"
eol = "cr"
[[socket]]
open = 'tpc://h:1'
framing = "line"
[[socket]]
name = "a"
open = "tcp-listen://h:1"
backlog = "5"
connect-timeout = "1s"
[[socket]]
name = "b#1"
open = "tcp://h:1\u003feol=x"
auto = "no"
[[socket]]
name = ""
connect-timeout = 5
[[socket]]
name = "c"
open = "tcp://h:1"
colour = 1
connect-timeout = "später"
nodelay = 1
[[payload]]
name = "a"
hex = "01 0g"
[[payload]]
name = "b"
[[payload]]
name = "c"
text = "a"
base64 = "b"
[[payload]]
name = "d"
base64 = """
AAA?"""
"#;
        let found: Vec<_> = errors(text).iter().map(marked).collect();
        let wanted = [
            ("5", 2, 8),
            ("77889", 5, 25),
            ("[[socket]]", 7, 1),
            ("tpc", 8, 9),
            ("\"a\"", 11, 8),
            ("\"5\"", 13, 11),
            ("connect-timeout", 14, 1),
            ("#", 16, 10),
            ("\"tcp://h:1\\u003feol=x\"", 17, 8),
            ("\"no\"", 18, 8),
            ("[[socket]]", 19, 1),
            ("\"\"", 20, 8),
            ("später", 26, 20),
            ("1", 27, 11),
            ("g", 30, 12),
            ("[[payload]]", 31, 1),
            ("base64", 36, 1),
            ("?", 40, 4),
        ];
        let wanted: Vec<_> = wanted.iter().map(|(text, line, column)| ((*text).to_owned(), *line, *column)).collect();
        assert_eq!(found, wanted);
    }

    #[test]
    fn what_may_have_been_meant_is_told_beside_the_mistakes() {
        let text = "version = 1\n[[sockets]]\nname = 'x'\n[[socket]]\nname = 'server'\nopen = 'tcp-listen://h:1'\n\
                    max_connections = 3\n[[rule]]\nname = 'r'\non = 'sever'\nmatch = 'a'\n\
                    [[scenario]]\nname = 's'\n[[scenario.step]]\nexpect_closed = 'server'\n";
        let told = Profile::parse(text, None).unwrap_err().0;
        let told: Vec<_> = told.iter().map(|told| (told.line, told.to_string())).collect();
        for (line, words) in [
            (2, "unknown key `sockets`"),
            (2, "did you mean `socket`?"),
            (7, "did you mean `max-connections`?"),
            (8, "`when` is missing"),
            (10, "no socket is called `sever`; did you mean `server`?"),
            (11, "the keys here are name, on, when, send"),
            (14, "the step does nothing"),
            (15, "did you mean `expect-closed`?"),
        ] {
            assert!(told.iter().any(|told| told.0 == line && told.1.contains(words)), "{line} {words}: {told:?}");
        }
    }

    #[test]
    fn templates_and_checksums_are_checked_where_they_stand() {
        let text = r#"version = 1
[[payload]]
name = "a"
escaped = "hi {{whom}}"
[[payload]]
name = "b"
text = "{{whom}}"
checksum = "crc16-modbuss"
[[payload]]
name = "c"
hex = "01"
checksum = { name = "sum8", from = "1", order = "middle", over = 1 }
[[payload]]
name = "d"
hex = "01"
checksum = { from = 1 }
[vars]
time = "x"
n = 5
"#;
        let found: Vec<_> = errors(text).iter().map(marked).collect();
        let wanted = [
            ("{{whom}}", 4, 15),
            ("\"crc16-modbuss\"", 8, 12),
            ("\"1\"", 12, 36),
            ("\"middle\"", 12, 49),
            ("{ from = 1 }", 16, 12),
            ("time", 18, 1),
            ("5", 19, 5),
        ];
        let wanted: Vec<_> = wanted.iter().map(|(text, line, column)| ((*text).to_owned(), *line, *column)).collect();
        assert_eq!(found, wanted);
    }

    #[test]
    fn what_is_given_goes_before_the_profiles_variables() {
        let text = "version = 1\n[[payload]]\nname = 'a'\nescaped = '{{who}} {{how}}'\nchecksum = 'xor8'\n\
                    [vars]\nwho = 'client'\n";
        assert!(errors(text)[0].message.contains("nothing is called `how`"));
        let mut given = Variables::default();
        given.set("how", "well").unwrap();
        let bytes = |given: &Variables| {
            let profile = Profile::parse_with(text, None, given).unwrap();
            let content = &profile.contents.payloads[0].content;
            let template = content
                .template(Path::new(""), Encoding::UTF_8, &given.or(&profile.contents.vars), Place::Message)
                .unwrap();
            String::from_utf8(template.filled(&Fill::default())).unwrap()
        };
        assert_eq!(bytes(&given), "client well");
        given.set("who", "server").unwrap();
        assert_eq!(bytes(&given), "server well");
    }

    #[test]
    fn an_option_in_the_url_and_beside_it_is_an_error() {
        let text = "version = 1\n[[socket]]\nname = \"a\"\nopen = \"tcp://h:1?eol=lf\"\neol = \"lf\"\n";
        assert_eq!(marked(&errors(text)[0]), ("eol".to_owned(), 5, 1));
    }

    #[test]
    fn syntax_errors_are_all_told() {
        let errors = errors("version = 1\nname = \"x\ndescription = \n[[socket\nname = \"a\"\n");
        let lines: Vec<_> = errors.iter().map(|error| error.line).collect();
        assert!([2, 3, 4].iter().all(|line| lines.contains(line)), "{lines:?}");
        assert!(errors.iter().all(|error| error.path.is_some() && error.severity == Severity::Error));
    }

    #[test]
    fn another_version_is_read_as_far_as_it_goes_and_is_read_only() {
        let text =
            "version = 2\nname = 7\n[[socket]]\nopen = \"warp://h\"\n[[socket]]\nname = \"a\"\nopen = \"tcp://h:1\"\n";
        let mut profile = Profile::parse(text, None).unwrap();
        assert_eq!(profile.contents.sockets.len(), 1);
        assert_eq!((profile.to_toml().as_str(), profile.is_modified()), (text, false));
        assert!(profile.read_only.is_some());
        assert!(profile.warnings.iter().all(|warning| warning.severity == Severity::Warning));
        profile.path = Some("/nonexistent/never-written.toml".into());
        assert!(matches!(profile.save(), Err(crate::profile::SaveError::ReadOnly(_))));
    }

    // Case 33.
    #[test]
    fn monstrous_files_are_errors_and_not_crashes() {
        for depth in [60, 200, 100_000] {
            for text in [
                format!("x = {}", "[".repeat(depth)),
                format!("x = {}1{}", "[".repeat(depth), "]".repeat(depth)),
                format!("x = {}", "{a=".repeat(depth)),
                format!("{}a = 1", "a.".repeat(depth)),
                format!("[{}a]", "a.".repeat(depth)),
                format!("socket = {}", "[{name=".repeat(depth)),
            ] {
                if let Ok(profile) = Profile::parse(&text, None) {
                    assert_eq!(profile.to_toml(), text);
                }
            }
        }
        let keys = (0..100_000).map(|n| format!("key{n} = {n}\n")).collect::<Vec<_>>().concat();
        let profile = Profile::parse(&keys, None).unwrap();
        assert_eq!(profile.warnings.len(), 100);
        assert!(profile.warnings[99].help.as_ref().unwrap().contains("99901 more"), "{:?}", profile.warnings[99]);
        let one_line = format!("socket = [{}]", "{name=1,open=1},".repeat(50_000));
        assert_eq!(errors(&one_line).len(), 100);
        let one_name = format!("version = 1\n{}", "[[socket]]\nname = 'a'\nopen = 'tcp://h:1'\n".repeat(30_000));
        assert_eq!(errors(&one_name).len(), 100);
    }

    /// A line that may stand in a profile, whole or broken.
    fn line() -> impl Strategy<Value = String> {
        let key = prop_oneof![
            Just("version"),
            Just("name"),
            Just("open"),
            Just("auto"),
            Just("backlog"),
            Just("eol"),
            Just("framing"),
            Just("socket"),
            Just("payload"),
            Just("text"),
            Just("hex"),
            Just("base64"),
            Just("checksum"),
            Just("expect"),
            Just("send"),
            Just("on"),
            Just("to"),
            Just("step"),
            Just("a.b"),
            Just("x"),
        ];
        let value = prop_oneof![
            Just("1"),
            Just("2"),
            Just("true"),
            Just("\"a\""),
            Just("''"),
            Just("\"tcp://h:1\""),
            Just("\"01 0\""),
            Just("[]"),
            Just("[1, {name='a'}]"),
            Just("{a = 1}"),
            Just("'sum8'"),
            Just("{name = 'sum8', to = -1}"),
            Just("1979-05-27"),
            Just("1.5"),
            Just("\"\\u0085\""),
            Just("'''\n'''"),
            Just("\"tcp://\\u0068:1?eol=é\""),
            Just("[{name='a',open='udp://h:1?backlog=é'}]"),
            Just("{text = 'é'}"),
            Just("[{wait = '1s'}, {send = {text = 'a'}, to = 'a#0'}]"),
        ];
        prop_oneof![
            8 => (key, value).prop_map(|(key, value)| format!("{key} = {value}\n")),
            3 => Just("[[socket]]\n".to_owned()),
            2 => Just("[[payload]]\n".to_owned()),
            2 => Just("[[scenario]]\n".to_owned()),
            2 => Just("[[scenario.step]]\n".to_owned()),
            1 => Just("[socket]\n".to_owned()),
            1 => Just("[vars]\n".to_owned()),
            1 => Just("[rule.x]\n".to_owned()),
            1 => "\\PC{0,12}\r?\n",
        ]
    }

    proptest! {
        #[test]
        fn any_text_is_a_profile_or_has_errors_inside_it(lines in prop::collection::vec(line(), 0..14)) {
            let text = lines.concat();
            let diagnostics = match Profile::parse(&text, Some(Path::new("lab.toml"))) {
                Ok(profile) => {
                    prop_assert_eq!(profile.to_toml(), text.clone());
                    prop_assert!(!profile.is_modified());
                    profile.warnings
                }
                Err(invalid) => {
                    prop_assert!(!invalid.0.is_empty());
                    invalid.0
                }
            };
            for diagnostic in diagnostics {
                let line = text.split('\n').nth(diagnostic.line - 1).unwrap_or_default();
                prop_assert!(diagnostic.column <= line.chars().count() + 1, "{}", diagnostic);
            }
        }
    }
}
