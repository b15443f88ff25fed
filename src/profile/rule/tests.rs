//! Rules as people write them, and what becomes of them when sockets and rules change.

mod edits;

use std::path::Path;
use std::time::Duration;

use crate::contract::{Command, SocketIds};
use crate::pattern::Expression;
use crate::payload::{Fill, Variables};
use crate::profile::{Message, PatternEntry, PayloadContent, Profile, RuleEntry, SendEntry, SocketEntry, WhenEntry};
use crate::rule::{Moment, Once, Reply, Rules, Then, When};

const SOCKETS: &str = "version = 1\n[[socket]]\nname = \"a\"\nopen = \"tcp://h:1\"\n[[socket]]\nname = \"b\"\n\
                       open = \"udp://h:1\"\n[[socket]]\nname = \"c\"\nopen = \"tcp-listen://h:1\"\n";
const ECHO: &str = "when = { any = true }\nsend = { escaped = \"{{payload}}\" }\n";

/// With rules behind three sockets.
fn lab(rules: &str) -> Profile {
    let text = format!("{SOCKETS}\n{rules}");
    Profile::parse(&text, None).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn echoing(profile: &Profile) -> String {
    profile.contents.sockets.iter().filter(|socket| profile.echoes(socket)).map(|socket| socket.name.as_str()).collect()
}

fn rule(does: &str) -> RuleEntry {
    let mut profile = lab(&format!("[[rule]]\nname = 'r'\n{does}\n[[payload]]\nname = 'p'\nhex = '01'\n"));
    assert_eq!(profile.warnings, [], "{does}");
    profile.contents.rules.remove(0)
}

#[test]
fn every_form_is_read_and_written_back() {
    let text = |text: &str| PayloadContent::Text(text.to_owned());
    let any = || WhenEntry::Message(PatternEntry::Any);
    let sends = |send| RuleEntry::new("r", any(), Some(send));
    let written = |content, checksum: Option<&str>| {
        let checksum = checksum.map(|checksum| checksum.parse().unwrap());
        sends(SendEntry::Message(Message::Written(content, checksum)))
    };
    let waits = |pattern| RuleEntry::new("r", WhenEntry::Message(pattern), None);
    let program = |timeout, max| SendEntry::Program { command: vec!["cat".to_owned(), "-".to_owned()], timeout, max };
    let file = |missing: Option<&str>| SendEntry::File {
        name: "{{0}}".to_owned(),
        root: "public".into(),
        missing: missing.map(str::to_owned),
    };
    let forms = [
        ("when = { any = true }", RuleEntry::new("r", any(), None)),
        ("when = { event = 'accepted' }", RuleEntry::new("r", WhenEntry::Event(Moment::Accepted), None)),
        ("when = { event = 'connected' }", RuleEntry::new("r", WhenEntry::Event(Moment::Connected), None)),
        ("when = { event = 'peer-closed' }", RuleEntry::new("r", WhenEntry::Event(Moment::PeerClosed), None)),
        ("when = { text = 'PING' }", waits(PatternEntry::Contains(text("PING")))),
        ("when = { hex = '01 02' }", waits(PatternEntry::Contains(PayloadContent::Hex("01 02".to_owned())))),
        ("when = { equals = { text = 'x' } }", waits(PatternEntry::Equals(text("x")))),
        ("when = { regex = '^GET (.*)' }", waits(PatternEntry::Regex(Expression::capturing("^GET (.*)").unwrap()))),
        ("when = { any = true }\nsend = { text = '{{0}}' }", written(text("{{0}}"), None)),
        ("when = { any = true }\nsend = { text = 'x', checksum = 'sum8' }", written(text("x"), Some("sum8"))),
        (
            "when = { any = true }\nsend = { payload = 'p' }",
            sends(SendEntry::Message(Message::Payload("p".to_owned()))),
        ),
        ("when = { any = true }\nsend = { file = '{{0}}', root = 'public' }", sends(file(None))),
        (
            "when = { any = true }\nsend = { file = '{{0}}', root = 'public', missing = 'none\\n' }",
            sends(file(Some("none\\n"))),
        ),
        ("when = { any = true }\nsend = { exec = ['cat', '-'] }", sends(program(SendEntry::TIMEOUT, SendEntry::MAX))),
        (
            "when = { any = true }\nsend = { exec = ['cat', '-'], timeout = '1s', max = '64KiB' }",
            sends(program(Duration::from_secs(1), 64 << 10)),
        ),
        ("when = { any = true }\nsend = { chargen = true }", sends(SendEntry::Characters)),
        (
            "on = ['c', 'a']\nwhen = { any = true }\ndelay = '250ms'\nthen = 'half-close'\nonce = 'session'\n\
             enabled = false",
            RuleEntry {
                on: Some(vec!["c".to_owned(), "a".to_owned()]),
                delay: Duration::from_millis(250),
                then: Then::HalfClose,
                once: Once::Session,
                enabled: false,
                ..RuleEntry::new("r", any(), None)
            },
        ),
    ];
    for (form, wanted) in &forms {
        assert_eq!(rule(form), *wanted, "{form}");
        // As the only new rule, and in the place of every other.
        for (other, _) in &forms {
            let mut profile =
                lab(&format!("[[rule]] # mine\nname = 'r'\n{other}\nx = 1\n[[payload]]\nname = 'p'\nhex = '01'\n"));
            let origin = profile.contents.rules[0].origin;
            profile.contents.rules[0] = RuleEntry { origin, ..wanted.clone() };
            let mut fresh = RuleEntry { name: "n".to_owned(), ..wanted.clone() };
            fresh.origin = None;
            profile.contents.rules.push(fresh);
            let written = profile.to_toml();
            let read = Profile::parse(&written, None).unwrap_or_else(|error| panic!("{error}\n{written}"));
            assert_eq!(read.contents.rules, profile.contents.rules, "{written}");
            assert!(written.contains("[[rule]] # mine") && written.contains("\nx = 1\n"), "{written}");
        }
    }
}

#[test]
fn a_change_of_a_rule_changes_its_own_line_and_no_other() {
    type Change = fn(&mut RuleEntry);
    let text = "[[rule]]\nname = 'r' # it\nwhen = { any = true } # all\nsend = { text = 'x', mood = 1 } # so\n\
                delay = '1s'\n";
    let cases: [(Change, &str, &str); 6] = [
        (|rule| rule.delay = Duration::ZERO, "delay = '1s'", "delay = \"0s\""),
        (|rule| rule.enabled = false, "delay = '1s'\n", "delay = '1s'\nenabled = false\n"),
        (|rule| rule.then = Then::Close, "delay = '1s'\n", "delay = '1s'\nthen = \"close\"\n"),
        (|rule| rule.when = WhenEntry::Event(Moment::Accepted), "{ any = true }", "{ event = \"accepted\" }"),
        (
            |rule| rule.send = RuleEntry::echo("").send,
            "{ text = 'x', mood = 1 }",
            "{ mood = 1 , escaped = \"{{payload}}\" }",
        ),
        (|rule| rule.send = None, "send = { text = 'x', mood = 1 } # so\n", ""),
    ];
    for (change, old, new) in cases {
        let mut profile = lab(text);
        change(&mut profile.contents.rules[0]);
        let written = profile.to_toml();
        assert_eq!(written, format!("{SOCKETS}\n{}", text.replace(old, new)));
    }
    let dotted = "[[rule]]\nname = 'r'\nsend.text = 'x'\n[rule.when] # what\ntext = 'y' # this\nmood = 1\n";
    let mut profile = lab(dotted);
    profile.contents.rules[0].when = WhenEntry::Message(PatternEntry::Regex(Expression::capturing("z").unwrap()));
    let written = profile.to_toml();
    assert!(written.ends_with("send.text = 'x'\n[rule.when] # what\nmood = 1\nregex = \"z\"\n"), "{written}");
}

#[test]
fn every_mistake_has_its_place_and_its_sentence() {
    let any = "when = { any = true }";
    let table: [(&str, &str); 42] = [
        (&format!("on = ¦'server'\n{any}"), "no socket is called `server`"),
        (&format!("on = ['a',\n¦'d', 'b']\n{any}"), "no socket is called `d`"),
        (&format!("on = ¦['a', 1]\n{any}"), "`on` is a list; it must be a socket's name"),
        (&format!("enabled = ¦'no'\n{any}"), "`enabled` is a string"),
        (&format!("delay = ¦5\n{any}"), "`delay` is a number"),
        (&format!("delay = ¦'soon'\n{any}"), "`soon` is not a time"),
        (&format!("then = ¦'open'\n{any}"), "`then` can't be `open`; it is one of keep, half-close, close"),
        (&format!("once = ¦'twice'\n{any}"), "`once` can't be `twice`; it is one of never, connection, session"),
        ("", "`when` is missing"),
        ("when = ¦'x'", "`when` is a string; it must be a table"),
        ("when = ¦{}", "one of event, any, text, escaped, hex, equals, regex"),
        ("when = { event = ¦'open' }", "`event` can't be `open`; it is one of accepted, connected, peer-closed"),
        ("when = { event = 'accepted', ¦any = true }", "`any` can't stand beside `event`"),
        ("when = { text = 'x', ¦any = true }", "`any` can't stand beside `text`"),
        ("when = { any = ¦false }", "`any` can only be true"),
        ("when = { regex = 'ab¦(c' }", "unclosed group"),
        ("when = { hex = '0¦g' }", "`g` is no hex digit"),
        ("when = { escaped = ¦'{{counter}}' }", "can't have a template"),
        ("when = { equals = ¦'x' }", "`equals` is a string; it must be a table"),
        ("when = { equals = ¦{} }", "`equals` has exactly one of text, escaped, hex"),
        ("send = ¦'x'\nwhen = { any = true }", "`send` is a string; it must be a table"),
        ("send = ¦{}\nwhen = { any = true }", "one of payload, text, escaped, hex, base64, file, exec, chargen"),
        (&format!("send = {{ text = 'x', ¦exec = ['cat'] }}\n{any}"), "`exec` can't stand beside `text`"),
        (&format!("send = {{ payload = ¦'q' }}\n{any}"), "no payload is called `q`"),
        (&format!("send = {{ payload = 'p', ¦checksum = 'sum8' }}\n{any}"), "has its own checksum"),
        (&format!("send = {{ escaped = 'a¦{{{{1}}}}' }}\n{any}"), "no capture 1, the last is 0"),
        ("send = { escaped = '¦{{2}}' }\nwhen = { regex = '(.)' }", "no capture 2, the last is 1"),
        ("send = { escaped = '¦{{0}}' }\nwhen = { event = 'accepted' }", "captures are for replies to a pattern"),
        ("send = { escaped = '¦{{payload}}' }\nwhen = { event = 'connected' }", "for replies to a message"),
        (&format!("send = {{ escaped = '¦{{{{whom}}}}' }}\n{any}"), "nothing is called `whom`"),
        (&format!("send = {{ ¦file = 'x' }}\n{any}"), "`root` is missing"),
        (&format!("send = {{ file = 'x', root = ¦'' }}\n{any}"), "`root` is empty"),
        (&format!("send = {{ file = '¦\\q', root = '.' }}\n{any}"), "\\q"),
        (&format!("send = {{ file = 'x', root = '.', missing = '¦{{{{1}}}}' }}\n{any}"), "no capture 1"),
        (&format!("send = {{ text = 'x', ¦root = '.' }}\n{any}"), "`root` is for file, not for text"),
        (&format!("send = {{ exec = ¦'cat' }}\n{any}"), "`exec` is a string; it must be a list of strings"),
        (&format!("send = {{ exec = ¦['cat', 1] }}\n{any}"), "it must be a list of strings"),
        (&format!("send = {{ exec = ¦[] }}\n{any}"), "the program is missing"),
        (&format!("send = {{ exec = ['cat'], timeout = ¦'0s' }}\n{any}"), "a program needs some time"),
        (&format!("send = {{ exec = ['cat'], max = ¦'much' }}\n{any}"), "`much` is not a size"),
        (&format!("send = {{ chargen = true, ¦timeout = '1s' }}\n{any}"), "`timeout` is for exec, not for chargen"),
        (&format!("send = {{ chargen = ¦1 }}\n{any}"), "`chargen` is a number"),
    ];
    for (rule, wanted) in table {
        // The bar stands at the mistake, or else the whole rule is one.
        let text = format!("{SOCKETS}\n[[rule]]\nname = 'e'\n{rule}\n[[payload]]\nname = 'p'\nhex = '01'\n");
        let at = text.find('¦').unwrap_or(SOCKETS.len() + 1);
        let place = (text[..at].matches('\n').count() + 1, at - text[..at].rfind('\n').unwrap());
        let text = text.replace('¦', "");
        let errors = Profile::parse(&text, None).err().unwrap_or_else(|| panic!("nothing is wrong with {rule}")).0;
        let [error] = errors.as_slice() else { panic!("{rule}: {errors:?}") };
        assert_eq!((error.line, error.column), place, "{error}");
        assert!(error.message.contains(wanted), "{error}");
    }
    let twice = format!("{SOCKETS}\n[[rule]]\n{any}\n[[rule]]\nname = 'x'\n{any}\n[[rule]]\nname = 'x'\n{any}\n");
    let errors = Profile::parse(&twice, None).unwrap_err().0;
    let told: Vec<_> = errors.iter().map(|error| (error.line, error.message.as_str())).collect();
    assert_eq!(told, [(12, "`name` is missing"), (18, "the name `x` is taken already, in line 15")]);
    let errors = Profile::parse("version = 1\n[rule.x]\n", None).unwrap_err().0;
    assert!(errors[0].message.contains("each under [[rule]]"), "{}", errors[0]);
}

#[test]
fn text_is_checked_in_the_encoding_of_each_socket_of_the_rule() {
    let gbk = SOCKETS.replace("udp://h:1", "udp://h:1?encoding=gbk");
    let rule = |on: &str| format!("{gbk}\n[[rule]]\nname = 'e'\non = '{on}'\nwhen = {{ text = '語é' }}\n");
    let gothic = |on: &str| rule(on).replace("語é", "𐌰");
    assert!(Profile::parse(&gothic("a"), None).is_ok());
    assert!(Profile::parse(&gothic("b"), None).unwrap_err().to_string().contains("gbk"));
    let profile = Profile::parse(&rule("b"), None).unwrap();
    let (rules, _) = profile.compiler(&Variables::default()).rules_on(&profile.contents.sockets[1]);
    let bytes = profile.contents.sockets[1].endpoint.encoding().encode("語é").unwrap();
    assert!(rules.answer(&bytes, |_| false).is_some());
    assert!(rules.answer("語é".as_bytes(), |_| false).is_none());
}

#[test]
fn what_is_not_used_is_warned_of() {
    let warnings = |sockets: &str, rule: &str| {
        let text = format!("{sockets}\n[[rule]]\nname = 'e'\n{rule}\n");
        let profile = Profile::parse(&text, None).unwrap_or_else(|error| panic!("{error}"));
        profile
            .warnings
            .iter()
            .map(|warning| (warning.line, warning.column, warning.message.clone()))
            .collect::<Vec<_>>()
    };
    let any = "when = { any = true }";
    for (rule, column, wanted) in [
        (&*format!("colour = 1\n{any}"), 1, "unknown key `colour`"),
        ("when = { any = true, some = 1 }", 22, "unknown key `some`"),
        (&*format!("send = {{ text = 'x', loud = true }}\n{any}"), 22, "unknown key `loud`"),
        (
            &*format!("then = 'close'\non = ['a', 'b']\n{any}"),
            8,
            "`b` is a datagram socket, which has no connection to close",
        ),
    ] {
        let found = warnings(SOCKETS, rule);
        let [(14, at, message)] = found.as_slice() else { panic!("{rule}: {found:?}") };
        assert!(*at == column && message.contains(wanted), "{message}");
    }
    // Meant for those that have a connection.
    assert_eq!(warnings(SOCKETS, &format!("then = 'close'\n{any}")), []);
    assert_eq!(warnings(SOCKETS, "when = { event = 'accepted' }"), []);
    for (on, event, told) in [
        ("a", "accepted", true),
        ("c", "accepted", false),
        ("a", "connected", false),
        ("c", "connected", true),
        ("b", "peer-closed", true),
        ("c", "peer-closed", false),
    ] {
        let found = warnings(SOCKETS, &format!("on = '{on}'\nwhen = {{ event = '{event}' }}"));
        let wanted = format!("`{on}` is of a kind on which this never comes");
        assert_eq!(found, if told { vec![(15, 8, wanted)] } else { vec![] }, "{on} {event}");
    }
    let pings = SOCKETS.replace("udp://h:1", "icmp://h");
    assert_eq!(warnings(&pings, any), []);
    let found = warnings(&pings, &format!("on = 'b'\n{any}"));
    assert!(found[0].2.contains("no rule holds for `b`: icmp is not answered"), "{found:?}");
}

#[test]
fn the_engine_is_told_of_the_rules_that_hold_before_a_socket_opens() {
    let text = "[[rule]]\nname = 'off'\nwhen = { any = true }\nenabled = false\n\
                [[rule]]\nname = 'get'\non = ['c', 'a']\nwhen = { regex = '^GET (\\S+)' }\n\
                send = { escaped = '{{who}} {{1}}', checksum = 'xor8' }\nthen = 'close'\nonce = 'connection'\n\
                delay = '1s'\n\
                [[rule]]\nname = 'else'\nwhen = { any = true }\nsend = { file = '{{0}}', root = 'public' }\n\
                [vars]\nwho = 'lab'\n";
    let mut profile = Profile::parse(&format!("{SOCKETS}\n{text}"), Some(Path::new("/labs/one.toml"))).unwrap();
    let mut given = Variables::default();
    let opening = |profile: &Profile, index: usize, given: &Variables| {
        let variables = given.or(&profile.contents.vars);
        profile.compiler(&variables).opening(&profile.contents.sockets[index], SocketIds::new().mint()).unwrap()
    };
    let names = |rules: &Rules| rules.iter().map(|rule| rule.name.clone()).collect::<Vec<_>>();
    let rules = |commands: Vec<Command>| match commands.as_slice() {
        [Command::SetRules { socket, rules }, Command::Open { socket: opened, .. }] if socket == opened => {
            rules.clone()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(names(&rules(opening(&profile, 1, &given))), ["else"]);
    let of_c = rules(opening(&profile, 2, &given));
    assert_eq!(names(&of_c), ["get", "else"]);
    let (get, found) = of_c.answer(b"GET /x y", |_| false).unwrap();
    assert_eq!((get.delay, get.then, get.once), (Duration::from_secs(1), Then::Close, Once::Connection));
    let reply = |reply: &Reply, captures| match reply {
        Reply::Message(template) => template.filled(&Fill { captures, ..Fill::default() }),
        Reply::File { name, root, .. } if root == Path::new("/labs/public") => {
            name.filled(&Fill { captures, ..Fill::default() })
        }
        other => panic!("{other:?}"),
    };
    let xor = |text: &[u8]| [text, &[text.iter().fold(0, |sum, byte| sum ^ byte)]].concat();
    assert_eq!(reply(&get.reply, &found.captures), xor(b"lab /x"));
    given.set("who", "mine").unwrap();
    let (rule, found) = (rules(opening(&profile, 0, &given)), b"GET /x");
    let (get, found) = rule.answer(found, |_| false).unwrap();
    assert_eq!(reply(&get.reply, &found.captures), xor(b"mine /x"));
    let (other, found) = rule.answer(b"PUT", |_| false).unwrap();
    assert_eq!(reply(&other.reply, &found.captures), b"PUT");
    // What the engine counts is seen in the profile, also once a rule was changed.
    get.hits.count();
    assert_eq!(profile.contents.rules[1].hits.get(), 1);
    profile.contents.rules[1].then = Then::Keep;
    assert_eq!(rules(opening(&profile, 0, &given)).iter().next().unwrap().hits.get(), 1);
    profile.contents.rules.clear();
    assert!(matches!(opening(&profile, 0, &given).as_slice(), [Command::Open { .. }]));
}

#[test]
fn a_rule_whose_payload_can_not_be_read_says_why() {
    let text = format!(
        "{SOCKETS}\n[[rule]]\nname = 'e'\non = 'a'\nwhen = {{ event = 'connected' }}\nsend = {{ payload = 'p' }}\n\
         [[payload]]\nname = 'p'\nfile = 'none.bin'\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let profile = Profile::parse(&text, Some(&folder.path().join("lab.toml"))).unwrap();
    let opening = |profile: &Profile| {
        let none = Variables::default();
        profile.compiler(&none).opening(&profile.contents.sockets[0], SocketIds::new().mint())
    };
    let why = opening(&profile).unwrap_err();
    assert!(why.starts_with("rule e: ") && why.contains("none.bin can't be read"), "{why}");
    std::fs::write(folder.path().join("none.bin"), b"\x01\x02").unwrap();
    let commands = opening(&profile).unwrap();
    let [Command::SetRules { rules, .. }, _] = commands.as_slice() else { panic!("{commands:?}") };
    let rule = rules.iter().next().unwrap();
    let Reply::Message(template) = &rule.reply else { panic!("{rule:?}") };
    assert_eq!((rule.when.clone(), template.filled(&Fill::default())), (When::Happens(Moment::Connected), vec![1, 2]));
    let file = std::fs::File::create(folder.path().join("none.bin")).unwrap();
    file.set_len(super::RULE_FILE_MAX + 1).unwrap();
    let why = opening(&profile).unwrap_err();
    assert!(why.contains("longer than 16 MiB"), "{why}");
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
        (format!("[[rule]]\nname = \"e\"\ndelay = '1ms'\n{ECHO}"), ""),
        (format!("[[rule]]\nname = \"e\"\nthen = 'close'\n{ECHO}"), ""),
        ("[[rule]]\nname = 'e'\nwhen = { any = true }\nsend = { text = \"{{payload}}\" }\n".to_owned(), ""),
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
fn a_change_of_sockets_changes_the_rules_that_are_on_them_and_nothing_else() {
    type Change = fn(&mut Profile);
    let with = |head: &str| format!("# my echo\n[[rule]] # first\n{head}{ECHO}# the end\n");
    let new = |name: &str, on: &str| format!("\n[[rule]]\nname = \"{name}\"\non = \"{on}\"\n{ECHO}");
    let cases: [(String, Change, String); 12] = [
        (String::new(), |lab| lab.set_echo("b", true), new("echo", "b")),
        (
            with("name = \"echo\"\non = []\n"),
            |lab| ["b", "c"].iter().for_each(|name| lab.set_echo(name, true)),
            with("name = \"echo\"\non = []\n")
                .replace("# the end\n", &(new("echo-2", "b") + &new("echo-3", "c") + "# the end\n")),
        ),
        // The rule of one socket.
        (with("name = \"e\"\non = 'a' # it\n"), |lab| lab.set_echo("a", false), "# the end\n".to_owned()),
        (with("name = \"e\"\non = 'a' # it\n"), |lab| lab.remove_socket(0), "# the end\n".to_owned()),
        (
            with("name = \"e\"\non = 'a' # it\n"),
            |lab| lab.rename_socket(0, "n"),
            with("name = \"e\"\non = \"n\" # it\n"),
        ),
        // The rule of several.
        (
            with("name = \"e\"\non = ['a', 'b', 'c'] # some\n"),
            |lab| lab.set_echo("b", false),
            with("name = \"e\"\non = ['a', 'c'] # some\n"),
        ),
        (
            with("name = \"e\"\non = ['a', 'b', 'c'] # some\n"),
            |lab| {
                lab.rename_socket(0, "x");
                lab.rename_socket(1, "a");
                lab.rename_socket(0, "b");
                lab.remove_socket(2);
            },
            with("name = \"e\"\non = [\"b\", \"a\"] # some\n"),
        ),
        // The rule of all.
        (
            with("name = \"e\"\n"),
            |lab| lab.set_echo("b", false),
            with("name = \"e\"\n").replace("\" }\n#", "\" }\non = [\"a\", \"c\"]\n#"),
        ),
        (
            with("name = \"e\"\n"),
            |lab| ["a", "b", "c"].iter().for_each(|name| lab.set_echo(name, false)),
            "# the end\n".to_owned(),
        ),
        // A rule that is off holds for nobody, but must not name who is gone.
        (
            with("name = \"e\"\nenabled = false\non = ['a', 'b']\n"),
            |lab| lab.remove_socket(0),
            with("name = \"e\"\nenabled = false\non = ['b']\n"),
        ),
        (
            with("name = \"e\"\nenabled = false\n"),
            |lab| lab.set_echo("c", true),
            with("name = \"e\"\nenabled = false\n").replace("# the end\n", &(new("echo", "c") + "# the end\n")),
        ),
        // One that is on nothing by the user's will stays.
        (with("name = \"e\"\non = []\n"), |lab| lab.remove_socket(0), with("name = \"e\"\non = []\n")),
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
    profile.contents.sockets.push(SocketEntry::new("d", "udp://h:2".parse().unwrap()));
    profile.contents.sockets.push(SocketEntry::new("i", "icmp://h".parse().unwrap()));
    assert_eq!(echoing(&profile), "abcd");
}

#[test]
fn what_matches_everything_by_mistake_and_folders_that_are_not_there_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lab.toml");
    let rule = |when: &str, root: &str| {
        format!("version = 1\n[[rule]]\nname = 'a'\nwhen = {when}\nsend = {{ file = 'x', root = '{root}' }}\n")
    };
    for when in ["{ text = '' }", "{ escaped = '' }", "{ hex = ' ' }"] {
        let error = Profile::parse(&rule(when, "."), Some(&path)).unwrap_err();
        assert!(error.to_string().contains("what is empty is in every message"), "{when}: {error}");
    }
    let empty = rule("{ equals = { text = '' } }", ".");
    assert_eq!(Profile::parse(&empty, Some(&path)).unwrap().warnings, []);
    let missing = Profile::parse(&rule("{ any = true }", "nofolder"), Some(&path)).unwrap();
    let [warning] = missing.warnings.as_slice() else { panic!("{:?}", missing.warnings) };
    let wanted = format!("there is no folder {}", dir.path().join("nofolder").display());
    assert!(warning.line == 5 && warning.message.starts_with(&wanted), "{warning}");
    assert!(missing.missing_folder(&missing.contents.rules[0]).unwrap().starts_with(&wanted));
    std::fs::create_dir(dir.path().join("nofolder")).unwrap();
    assert_eq!(missing.missing_folder(&missing.contents.rules[0]), None);
}
