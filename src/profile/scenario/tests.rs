use std::path::Path;

use super::*;
use crate::pattern::Pattern;
use crate::payload::Fill;
use crate::profile::{Diagnostic, PayloadContent};

const LAB: &str = r#"version = 1
[vars]
who = "client"
[[socket]]
name = "server"
open = "tcp-listen://127.0.0.1:7788"
encoding = "latin1"
[[socket]]
name = "client"
open = "tcp://127.0.0.1:7788"
[[socket]]
name = "udp"
open = "udp://127.0.0.1:7788"
[[socket]]
name = "pair"
open = "pair://"
[[payload]]
name = "bye"
escaped = "bye\n"
"#;

fn with(steps: &str) -> String {
    format!("{LAB}[[scenario]]\nname = \"s\"\n{steps}")
}

fn step(text: &str) -> String {
    with(&format!("[[scenario.step]]\n{text}\n"))
}

fn errors(text: &str) -> Vec<Diagnostic> {
    Profile::parse(text, Some(Path::new("lab.toml"))).err().map(|invalid| invalid.0).unwrap_or_default()
}

#[test]
fn every_step_is_read_and_written_as_it_is() {
    let steps = [
        r#"open = "client""#,
        r#"close = "server""#,
        r#"half-close = "server#2""#,
        r#"abort = "pair#1""#,
        r#"send = { payload = "bye" }, to = "server""#,
        r#"send = { escaped = "{{counter}}" }, to = "pair#2", repeat = 3, every = "10ms""#,
        r#"send = { hex = "01 02", checksum = "sum8" }, to = "udp""#,
        r#"expect = { any = true }, on = "server#1""#,
        r#"expect = { equals = { hex = "00" } }, on = "client", within = "1s""#,
        r#"expect-none = { regex = "^x" }, on = "client", within = "50ms""#,
        r#"expect-closed = "client", within = "2s""#,
        r#"wait = "1s""#,
    ];
    let list: Vec<_> = steps.iter().map(|step| format!("{{ {step} }}")).collect();
    let tables: Vec<_> = steps
        .iter()
        .map(|step| {
            format!(
                "[[scenario.step]]\n{}\n",
                step.replace(", to", "\nto")
                    .replace(", on", "\non")
                    .replace(", within", "\nwithin")
                    .replace(", repeat", "\nrepeat")
                    .replace(", every", "\nevery")
            )
        })
        .collect();
    let inline = Profile::parse(&with(&format!("step = [{}]\n", list.join(", "))), None).unwrap();
    let profile = Profile::parse(&with(&tables.concat()), None).unwrap();
    assert_eq!(inline.contents.scenarios, profile.contents.scenarios);
    assert!(profile.warnings.is_empty(), "{:?}", profile.warnings);
    let shown: Vec<_> = profile.contents.scenarios[0].steps.iter().map(|step| step.action.to_string()).collect();
    assert_eq!(shown, steps);
    assert_eq!(profile.to_toml(), with(&tables.concat()));

    // Written anew it is the same.
    for text in [LAB.to_owned(), format!("scenario = []\n{LAB}")] {
        let mut copy = Profile::parse(&text, None).unwrap();
        copy.contents.scenarios.push(ScenarioEntry {
            origin: None,
            timeout: Some(Duration::from_secs(1)),
            ..profile.contents.scenarios[0].clone()
        });
        let again = Profile::parse(&copy.to_toml(), None).unwrap();
        assert_eq!(again.contents.scenarios, copy.contents.scenarios, "{}", copy.to_toml());
    }
}

#[test]
fn a_scenario_is_made_ready_with_what_its_sockets_and_the_profile_say() {
    let text = with(
        "step = [{ send = { escaped = 'é{{who}}' }, to = 'server' }, { expect = { text = 'é' }, on = 'client' }]\n",
    );
    let profile = Profile::parse(&text, None).unwrap();
    let chosen = profile.scenarios_named(&[], &Variables::default()).unwrap();
    let [Chosen::Run(scenario)] = chosen.as_slice() else { panic!("{chosen:?}") };
    assert_eq!(scenario.timeout, DEFAULT_TIMEOUT);
    let Action::Send { template, .. } = &scenario.steps[0].action else { panic!() };
    assert_eq!(template.filled(&Fill::default()), b"\xe9client");
    let Action::Expect { pattern, within, .. } = &scenario.steps[1].action else { panic!() };
    assert_eq!((pattern, *within), (&Pattern::Contains("é".as_bytes().into()), DEFAULT_WITHIN));
    let named = |name: &str| profile.scenarios_named(&[name.to_owned()], &Variables::default());
    assert!(matches!(named("s").unwrap().as_slice(), [Chosen::Run(named)] if named == scenario));
    assert_eq!(named("t").unwrap_err(), "no scenario is called `t`; there are: s");
    // One that does not run by itself is there for those who name it.
    let by_name = Profile::parse(&text.replace("step =", "auto = false\nstep ="), None).unwrap();
    let chosen = |names: &[String]| by_name.scenarios_named(names, &Variables::default()).unwrap();
    assert!(matches!(chosen(&[]).as_slice(), [Chosen::Not(name)] if name == "s"));
    assert!(matches!(chosen(&["s".to_owned()]).as_slice(), [Chosen::Run(_)]));
}

#[test]
fn every_mistake_in_a_step_is_told_at_its_place() {
    let lines = LAB.lines().count() + 3;
    for (text, line, column, message) in [
        ("within = '1s'", 0, 1, "does nothing"),
        ("open = 'client'\nclose = 'client'", 2, 1, "`close` can't stand beside `open`"),
        ("open = 'cleint'", 1, 8, "no socket is called `cleint`"),
        ("open = 'server#1'", 1, 8, "can't be opened; open `server`"),
        ("close = 'client#1'", 1, 16, "accepts no connections"),
        ("close = 'server#0'", 1, 16, "numbers from 1"),
        ("close = 'server#+1'", 1, 16, "numbers from 1"),
        ("close = 'pair#3'", 1, 14, "two ends"),
        ("half-close = 'udp'", 1, 14, "no connection"),
        ("open = 'client'\nwithin = '1s'", 2, 1, "for expect, expect-none, expect-closed"),
        ("wait = '1s'\nrepeat = 2", 2, 1, "it is for send"),
        ("send = { text = 'a' }", 0, 1, "`to` is missing"),
        ("send = { text = 'a' }\nto = 'pair'", 2, 6, "write pair#1"),
        ("send = { checksum = 'sum8' }\nto = 'udp'", 1, 8, "what to send is missing"),
        ("send = { payload = 'hi' }\nto = 'udp'", 1, 20, "no payload is called"),
        ("send = { text = 'ü' }\nto = 'udp'\nrepeat = 0", 3, 10, "from 1 to"),
        ("send = { text = 'a' }\nto = 'udp'\nevery = '1s'", 3, 1, "needs `repeat`"),
        ("send = { text = '\u{4e00}' }\nto = 'server'", 1, 18, "no character of"),
        ("send = 'a'\nto = 'udp'", 1, 8, "a table"),
        ("expect = { text = 'a' }", 0, 1, "`on` is missing"),
        ("expect = { text = 'a', hex = '00' }\non = 'udp'", 1, 24, "can't stand beside"),
        ("expect = { text = '' }\non = 'udp'", 1, 19, "what is empty"),
        ("expect-none = { escaped = '' }\non = 'server'", 1, 27, "what is empty"),
        ("expect = false\non = 'udp'", 1, 10, "true for anything"),
        ("expect = { regex = '(' }\non = 'udp'", 1, 21, "unclosed"),
        ("expect = { escaped = '{{counter}}' }\non = 'udp'", 1, 22, "template"),
        ("expect-none = true\non = 'udp'\nwithin = 'soon'", 3, 10, "within: "),
        ("expect-closed = 'server'", 1, 17, "say which, such as server#1"),
        ("wait = 5", 1, 8, "string"),
    ] {
        let found = errors(&step(text));
        let first = found.first().unwrap_or_else(|| panic!("{text} is no mistake"));
        assert!(first.message.contains(message), "{text}: {first}");
        assert_eq!((first.line, first.column), (lines + line, column), "{first}");
        assert_eq!(found.len(), 1, "{text}: {found:?}");
    }
    assert!(errors(&with(""))[0].message.contains("no step"));
    assert_eq!(errors(&with("step = 1")).len(), 1);
}

#[test]
fn a_renamed_socket_is_renamed_in_the_steps_and_nothing_else_changes() {
    let text = with(
        "# one\n[[scenario.step]]\nopen = 'client' # first\n\n[[scenario.step]]\nexpect = true # any\non = 'server#1'\n",
    );
    let mut profile = Profile::parse(&text, None).unwrap();
    profile.rename_socket(0, "echo");
    let wanted = text.replace("server#1'", "echo#1\"").replace("'echo#1", "\"echo#1").replace("\"server\"", "\"echo\"");
    assert_eq!(profile.to_toml(), wanted);
    let second = text.replace("[[scenario]]\nname = \"s\"", "[[scenario]]\nname = \"t\"");
    let second = &second[LAB.len()..];
    for (removed, left) in [(0, second), (1, &text[LAB.len()..])] {
        let mut profile = Profile::parse(&format!("{text}{second}"), None).unwrap();
        profile.contents.scenarios.remove(removed);
        assert_eq!(profile.to_toml(), format!("{LAB}{left}"));
    }
    let mut profile = Profile::parse(&text, None).unwrap();
    let steps = [StepAction::Send {
        message: Message::Written(PayloadContent::Text("a".to_owned()), None),
        to: Name::new("udp"),
        repeat: None,
        every: None,
    }];
    profile.contents.scenarios.push(ScenarioEntry::new("t", steps));
    let added = "\n[[scenario]]\nname = \"t\"\n\n[[scenario.step]]\nsend = { text = \"a\" }\nto = \"udp\"\n";
    assert_eq!(profile.to_toml(), format!("{text}{added}"));
}
