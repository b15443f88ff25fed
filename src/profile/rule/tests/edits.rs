//! Whatever is done to sockets and rules, what is written is what they are.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Edit {
    Echo(usize),
    Rename(usize, usize),
    Remove(usize),
    Add(String),
    Move(usize, usize),
    Change(usize, RuleEntry),
    New(RuleEntry),
    Delete(usize),
    Save,
}

fn written_rule() -> impl Strategy<Value = String> {
    let on = prop_oneof![
        Just(String::new()),
        prop_oneof![Just("a"), Just("b"), Just("c")].prop_map(|name| format!("on = '{name}' # which\n")),
        prop::sample::subsequence(vec!["\"a\"", "'b'", "\"c\""], 0..=3)
            .prop_map(|names| format!("on = [ # these\n  {}\n]\n", names.join(", # and\n  "))),
    ];
    let enabled = prop_oneof![2 => Just(""), 1 => Just("enabled = true\n"), 1 => Just("enabled = false\n")];
    let does = prop_oneof![
        4 => Just(ECHO),
        1 => Just("when = { event = 'accepted' }\nsend = { text = 'hi' }\n"),
        1 => Just("when.regex = '(.)' # dotted\nsend = { file = '{{1}}', root = 'r', later = 1 }\nthen = 'close'\n"),
        1 => Just("delay = '1s'\n[rule.when]\n# a table\ntext = 'x'\n"),
    ];
    (on, enabled, does)
        .prop_map(|(on, enabled, does)| format!("# mine\n[[rule]]\nname = 'NAME'\n{on}{enabled}{does}\n"))
}

/// A rule that is on every socket or on none, whatever these are called.
fn made_rule() -> impl Strategy<Value = RuleEntry> {
    let text = "(\\PC|[\n\r\t\\x00\"'\\\\]){0,6}";
    let when = prop_oneof![
        Just(WhenEntry::Event(Moment::PeerClosed)),
        Just(WhenEntry::Message(PatternEntry::Any)),
        text.prop_map(|text| WhenEntry::Message(PatternEntry::Equals(PayloadContent::Text(text)))),
        text.prop_map(|text| WhenEntry::Message(PatternEntry::Contains(PayloadContent::Text(text + ".")))),
    ];
    let send = prop_oneof![
        Just(None),
        text.prop_map(|text| Some(SendEntry::Message(Message::Written(PayloadContent::Text(text), None)))),
        (Just("x".to_owned()), "[^\\x00]{1,5}", prop::option::of(Just("none\\n".to_owned())))
            .prop_map(|(name, root, missing)| Some(SendEntry::File { name, root: root.into(), missing })),
        ("[^\\x00]{1,5}", text, 1u64..5000, any::<u32>()).prop_map(|(program, word, millis, max)| {
            let command = vec![program, word];
            Some(SendEntry::Program { command, timeout: Duration::from_millis(millis), max: max.into() })
        }),
        Just(Some(SendEntry::Characters)),
    ];
    let words = (
        prop_oneof![Just(Then::Keep), Just(Then::HalfClose), Just(Then::Close)],
        prop_oneof![Just(Once::Never), Just(Once::Connection), Just(Once::Session)],
    );
    (when, send, words, 0u64..3, any::<bool>(), any::<bool>()).prop_map(
        |(when, send, (then, once), seconds, enabled, is_on_none)| RuleEntry {
            on: is_on_none.then(Vec::new),
            delay: Duration::from_secs(seconds),
            then,
            once,
            enabled,
            ..RuleEntry::new("", when, send)
        },
    )
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => (0usize..5).prop_map(Edit::Echo),
        2 => (0usize..5, 0usize..5).prop_map(|(one, other)| Edit::Rename(one, other)),
        2 => (0usize..5).prop_map(Edit::Remove),
        2 => "[a-f\"é ]{1,2}".prop_map(Edit::Add),
        1 => (0usize..5, 0usize..5).prop_map(|(one, other)| Edit::Move(one, other)),
        2 => (0usize..5, made_rule()).prop_map(|(at, rule)| Edit::Change(at, rule)),
        1 => made_rule().prop_map(Edit::New),
        1 => (0usize..5).prop_map(Edit::Delete),
        1 => Just(Edit::Save),
    ]
}

fn apply(profile: &mut Profile, edit: Edit) {
    let (sockets, rules) = (profile.contents.sockets.len(), profile.contents.rules.len());
    match edit {
        Edit::Echo(at) if at < sockets && profile.contents.sockets[at].endpoint.scheme.can_echo() => {
            let socket = profile.contents.sockets[at].clone();
            let echoed = profile.echoes(&socket);
            profile.set_echo(&socket.name, !echoed);
            assert_eq!(profile.echoes(&socket), !echoed);
        }
        // Two that swap their names, or one that keeps its own.
        Edit::Rename(one, other) if one < sockets && other < sockets => {
            let names = [one, other].map(|at| profile.contents.sockets[at].name.clone());
            profile.rename_socket(one, "between");
            if one != other {
                profile.rename_socket(other, &names[0]);
            }
            profile.rename_socket(one, &names[1]);
        }
        Edit::Remove(at) => profile.remove_socket(at),
        Edit::Add(name) if profile.contents.sockets.iter().all(|socket| socket.name != name) => {
            profile.contents.sockets.push(SocketEntry::new(name, "udp://h:9".parse().unwrap()));
        }
        Edit::Move(one, other) if one < rules && other < rules => profile.contents.rules.swap(one, other),
        Edit::Change(at, rule) if at < rules => {
            let RuleEntry { name, on, origin, .. } = profile.contents.rules[at].clone();
            profile.contents.rules[at] = RuleEntry { name, on: rule.on.clone().or(on), origin, ..rule };
        }
        Edit::New(rule) => {
            let name = profile.free_rule_name("new");
            profile.contents.rules.push(RuleEntry { name, ..rule });
        }
        Edit::Delete(at) if at < rules => drop(profile.contents.rules.remove(at)),
        Edit::Save => {
            let dir = tempfile::tempdir().unwrap();
            profile.save_as(&dir.path().join("lab.toml"), true).unwrap();
            assert!(!profile.is_modified());
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn whatever_is_done_to_them_rules_are_read_back(
        rules in prop::collection::vec(written_rule(), 0..4),
        edits in prop::collection::vec(edit(), 0..12),
    ) {
        let rules: Vec<_> = rules.iter().zip('1'..).map(|(rule, n)| rule.replace("NAME", &format!("r{n}"))).collect();
        let mut profile = lab(&rules.concat());
        let (originals, mut touched) = (profile.contents.rules.clone(), HashSet::new());
        for edit in edits {
            apply(&mut profile, edit);
            let written = profile.to_toml();
            let read = Profile::parse(&written, None);
            let read = read.map_err(|error| TestCaseError::fail(format!("{error}\n{written}")))?;
            prop_assert_eq!(&read.contents.sockets, &profile.contents.sockets, "{}", written);
            prop_assert_eq!(&read.contents.rules, &profile.contents.rules, "{}", written);
            // A rule that nobody touched stands as it stood.
            for (text, was) in rules.iter().zip(&originals) {
                if !profile.contents.rules.contains(was) {
                    touched.insert(was.name.clone());
                }
                prop_assert!(touched.contains(&was.name) || written.contains(text.trim_end()), "{}", written);
            }
        }
    }
}
