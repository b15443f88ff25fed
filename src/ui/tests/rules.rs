//! Rules on the screen: made, changed, put in order, tried, and told to the engine.

use super::*;
use crate::payload::Fill;
use crate::rule::{Moment, Reply, Rules, Then, When};

/// The rules that were set last, and for which socket.
fn set(bench: &mut Harness) -> (SocketId, Rules) {
    match bench.orders().pop() {
        Some(Command::SetRules { socket, rules }) => (socket, rules),
        other => panic!("{other:?}"),
    }
}

fn names(rules: &Rules) -> Vec<&str> {
    rules.iter().map(|rule| rule.name.as_str()).collect()
}

/// With a profile that has a listener, which is open.
fn with_profile(rules: &str) -> (Harness, SocketId) {
    let text = format!("version = 1\n[[socket]]\nname = 'server'\nopen = 'tcp-listen://127.0.0.1:1'\n{rules}");
    let mut bench = Harness::new();
    bench.ui.profile_loaded(Profile::parse(&text, None));
    let Some(Command::Open { socket, .. }) = bench.orders().pop() else { panic!() };
    bench.happens(socket, Fact::Opened { local: address(1), peer: None });
    bench.ui.focus = Pane::Sockets;
    (bench, socket)
}

/// A connection of the listener that sends this.
fn hears(bench: &mut Harness, listener: SocketId, message: &[u8]) -> SocketId {
    let child = bench.ids.mint();
    let (local, peer) = (address(1), address(50_001));
    bench.happens(child, Fact::Accepted { parent: listener, number: 1, local, peer });
    bench.received(child, message);
    bench.ui.work();
    bench.effects();
    child
}

#[test]
fn one_key_makes_a_rule_for_the_selected_socket() {
    let (mut bench, listener, _) = Harness::with_listener(0);
    bench.keys("tab a");
    bench.shows("One key makes one for server:");
    bench.keys("1");
    let (socket, rules) = set(&mut bench);
    assert_eq!((socket, names(&rules)), (listener, vec!["echo"]));
    bench.shows("server echo tcp-listen");
    bench.keys("5").text("!");
    bench.shows("Answer every message");
    bench.keys("enter");
    let (_, rules) = set(&mut bench);
    let answer = rules.iter().nth(1).unwrap();
    let Reply::Message(template) = &answer.reply else { panic!("{answer:?}") };
    assert_eq!((answer.name.as_str(), template.filled(&Fill::default())), ("answer", b"!".to_vec()));
    bench.shows("echo stands before it and answers all");
    bench.shows("server 2 rules");
    bench.keys("6 enter");
    let (_, rules) = set(&mut bench);
    let files = rules.iter().nth(2).unwrap();
    assert!(matches!(&files.reply, Reply::File { root, missing: Some(_), .. } if root.ends_with("public")));
    assert_eq!(files.then, Then::Close);
    // What a connection is greeted with, and what answers a datagram.
    bench.keys("4");
    let (_, rules) = set(&mut bench);
    assert_eq!(rules.at(Moment::Accepted, |_| false).unwrap().name, "daytime");
    bench.keys("esc");
    bench.ui.open("udp-bind://127.0.0.1:1".parse().unwrap());
    bench.effects();
    bench.keys("ctrl-v 4");
    let (_, rules) = set(&mut bench);
    let daytime = rules.iter().next().unwrap();
    assert_eq!((daytime.name.as_str(), daytime.then), ("daytime-2", Then::Keep));
    assert!(matches!(daytime.when, When::Comes(_)));
}

#[test]
fn rules_are_turned_off_put_in_order_deleted_and_taken_back() {
    let (mut bench, _) =
        with_profile("[[rule]]\nname = 'one'\nwhen = { text = 'a' }\n[[rule]]\nname = 'two'\nwhen = { any = true }\n");
    let text = bench.ui.profile_mut().to_toml();
    let after = |bench: &mut Harness, keys: &str| {
        bench.keys(keys);
        names(&set(bench).1).join(" ")
    };
    assert_eq!(after(&mut bench, "a shift-down"), "two one");
    bench.shows("two stands before it and answers all");
    assert_eq!(after(&mut bench, "shift-up"), "one two");
    assert_eq!(after(&mut bench, "space"), "two");
    bench.shows("It is off");
    assert_eq!(after(&mut bench, "space"), "one two");
    assert_eq!(after(&mut bench, "d"), "two");
    bench.shows("one is deleted; u takes that back");
    assert_eq!(after(&mut bench, "u"), "one two");
    assert_eq!(bench.ui.profile_mut().to_toml(), text);
    // Several come back one by one, also from the empty page.
    bench.keys("d d");
    bench.shows("u undelete (2)");
    assert_eq!(after(&mut bench, "u"), "two");
    bench.shows("u undelete");
    assert_eq!(after(&mut bench, "u"), "one two");
    assert_eq!(bench.ui.profile_mut().to_toml(), text);
    bench.keys("home");
    // Nothing above the first, nothing below the last: no order.
    bench.keys("up shift-up down down shift-down esc");
    assert_eq!(bench.orders(), []);
    assert!(bench.ui.overlays.is_empty());
}

#[test]
fn what_the_engine_counts_is_on_the_screen_and_outlives_a_change() {
    let (mut bench, _) = with_profile("[[rule]]\nname = 'one'\nwhen = { any = true }\n");
    let first = bench.ui.bench.profile.contents.rules[0].hits.clone();
    bench.keys("a space space");
    let (_, rules) = set(&mut bench);
    for _ in 0..1204 {
        rules.iter().next().unwrap().hits.count();
    }
    bench.shows("1,204");
    bench.keys("enter end").keys("tab").keys("enter");
    assert_eq!(first.get(), 1204);
    bench.shows("1,204");
}

#[test]
fn the_form_makes_the_rule_that_it_tries_on_the_selected_message() {
    let (mut bench, listener) = with_profile("");
    hears(&mut bench, listener, b"GET index.html\r\n");
    bench.keys("a n");
    bench.shows("Tried on what server#1 received");
    bench.shows("It sends 0 bytes");
    // From any message up to the regular expression.
    bench.keys("right right right tab").text(r"GET (\S+");
    bench.shows("unclosed group");
    bench.text(")");
    bench.shows("It matches: {{0}} GET index.html  {{1}} index.html");
    bench.keys("tab tab").text("<{{2}}>");
    bench.shows("the pattern has no capture 2, the last is 1");
    bench.keys("left left left backspace").text("1");
    bench.shows("It sends 12 bytes:");
    bench.shows("3c 69 6e 64 65 78");
    bench.keys("tab tab").text("soon");
    bench.shows("`soon` is not a time");
    bench.keys("ctrl-u").text("1s").keys("tab right right");
    bench.shows("It sends 12 bytes after 1s, then closes:");
    assert_eq!(bench.orders(), []);
    bench.keys("ctrl-s");
    let (_, rules) = set(&mut bench);
    let (rule, found) = rules.answer(b"GET x", |_| false).unwrap();
    let Reply::Message(template) = &rule.reply else { panic!("{rule:?}") };
    let fill = Fill { captures: &found.captures, ..Fill::default() };
    assert_eq!((template.filled(&fill), rule.delay), (b"<x>".to_vec(), Duration::from_secs(1)));
    bench.shows("rule is kept");
    let written = bench.ui.profile_mut().to_toml();
    let wanted = "[[rule]]\nname = \"rule\"\non = \"server\"\nwhen = { regex = 'GET (\\S+)' }\n\
                  send = { escaped = \"<{{1}}>\" }\ndelay = \"1s\"\nthen = \"close\"\n";
    assert!(written.ends_with(wanted), "{written}");
    // Changed to what does not match, with nothing else touched.
    bench.keys("enter tab ctrl-u").text("PUT (.)");
    bench.shows("It does not match: the regular expression finds nothing in it");
    bench.keys("esc").keys("enter");
    bench.shows(r"GET (\S+)");
}

#[test]
fn the_form_shows_the_frame_and_who_answers_first() {
    let (mut bench, listener) = with_profile(
        "framing = 'line'\nwrap = true\n[[rule]]\nname = 'first'\nwhen = { text = 'x' }\n\
         [[rule]]\nname = 'second'\nwhen = { any = true }\nsend = { text = 'ok' }\n",
    );
    hears(&mut bench, listener, b"abc\nx\n");
    bench.keys("a down enter");
    bench.shows("but the rule first stands before it and answers");
    bench.shows("It sends 3 bytes in a frame (line):");
    bench.shows("6f 6b 0a");
    // An event has no message, but a socket with its frame, and a peer that nobody knows yet.
    bench.keys("esc n c tab tab").text("hi {{peer}} {{local}}");
    bench.shows("It sends 31 bytes in a frame (line), if the peer is 127.0.0.1:50000:");
    // Of what has no end yet nothing can be said.
    let (mut bench, listener) = with_profile("framing = 'line'\n[[rule]]\nname = 'r'\nwhen = { any = true }\n");
    hears(&mut bench, listener, b"abc");
    bench.keys("a enter");
    bench.shows("no message yet to try it on");
}

#[test]
fn what_is_wrong_in_the_form_is_not_kept() {
    let (mut bench, _) = with_profile("[[rule]]\nname = 'one'\nwhen = { any = true }\n");
    for (keys, text, wanted) in [
        ("up up ctrl-u", "", "a name can't be empty"),
        ("up up ctrl-u", "one", "there is a rule `one` already"),
        ("up ctrl-u", "server, nobody", "no socket is called `nobody`; there are: server"),
        ("right right right right right right tab", "0g", "`g` is no hex digit"),
        ("down", "", "it can't be applied"),
    ] {
        bench.keys("a n").keys(keys).text(text);
        if wanted.starts_with("it can't") {
            // On to the program, which has no name yet: past the payload.
            bench.keys("p p");
            bench.shows("name the program");
            bench.shows("no message yet to try it on");
        } else {
            bench.shows(wanted);
        }
        bench.keys("enter");
        assert_eq!(bench.orders(), [], "{wanted}");
        bench.keys("esc esc");
        assert!(bench.ui.overlays.is_empty());
    }
}

#[test]
fn sockets_share_a_rule_and_each_encoding_has_its_own() {
    let mut bench = Harness::new();
    let text = "version = 1\n[[socket]]\nname = 'a'\nopen = 'udp-bind://127.0.0.1:1'\n\
                [[socket]]\nname = 'b'\nopen = 'udp-bind://127.0.0.1:2'\n\
                [[socket]]\nname = 'c'\nopen = 'udp-bind://127.0.0.1:3?encoding=gbk'\n\
                [[rule]]\nname = 'one'\nwhen = { any = true }\nsend = { text = '語' }\n";
    bench.ui.profile_loaded(Profile::parse(text, None));
    let orders = bench.orders();
    let [
        Command::SetRules { rules: a, .. },
        Command::SetRules { rules: b, .. },
        Command::SetRules { rules: c, .. },
        Command::Open { .. },
        Command::Open { .. },
        Command::Open { .. },
    ] = orders.as_slice()
    else {
        panic!("{orders:?}")
    };
    let [a, b, c] = [a, b, c].map(|rules| rules.iter().next().unwrap());
    assert!(Arc::ptr_eq(a, b) && a != c);
    for rule in [a, b, c] {
        rule.hits.count();
    }
    assert_eq!(bench.ui.bench.profile.contents.rules[0].hits.get(), 3);
}

#[test]
fn an_encoding_that_changes_changes_the_rules() {
    let (mut bench, socket) = with_profile("[[rule]]\nname = 'one'\nwhen = { text = '語' }\n");
    let endpoint = "tcp-listen://127.0.0.1:1?encoding=gbk".parse().unwrap();
    bench.ui.bench.change(socket, endpoint);
    bench.ui.settle_rules();
    let (_, rules) = set(&mut bench);
    assert!(rules.answer("語".as_bytes(), |_| false).is_none() && rules.answer(&[0xd5, 0x5a], |_| false).is_some());
    bench.ui.settle_rules();
    assert_eq!(bench.orders(), []);
    // By another name it is on the same socket.
    bench.ui.bench.rename(socket, "other");
    bench.ui.settle_rules();
    assert_eq!(bench.orders(), []);
}

#[test]
fn a_payload_that_goes_is_told_where_a_rule_sends_it() {
    let (mut bench, _) = with_profile(
        "[[payload]]\nname = 'p'\ntext = 'x'\n\
         [[rule]]\nname = 'one'\nwhen = { any = true }\nsend = { payload = 'p' }\n",
    );
    bench.keys("ctrl-e ctrl-d");
    bench.shows("It is sent by the rules: one.");
    bench.keys("y esc");
    assert_eq!(names(&set(&mut bench).1), [""; 0]);
    bench.shows("Not applied: rule one: no payload is called `p`");
    bench.ui.notice = None;
    bench.keys("a");
    bench.shows("It can't be applied: no payload is called `p`");
}

#[test]
fn an_echo_behind_a_rule_that_takes_all_is_told() {
    let (mut bench, listener) = with_profile("[[rule]]\nname = 'discard'\nwhen = { any = true }\n");
    bench.ui.select(Entry::Root(listener));
    bench.keys("shift-e");
    bench.shows("server does not echo yet: discard stands before it");
    bench.shows("server 2 rules");
}

#[test]
fn the_inspector_says_which_rule_a_row_is_of() {
    let (mut bench, listener) = with_profile("[[rule]]\nname = 'greet'\nwhen = { event = 'accepted' }\n");
    bench.happens(listener, Fact::Rule { name: "greet".into(), message: "answers 5 bytes".into() });
    bench.ui.work();
    bench.shows("rule greet: answers 5 bytes");
    bench.shows("on every socket: a connection comes → nothing; applied 0 times so far");
    bench.ui.bench.profile.contents.rules.clear();
    bench.shows("no rule is called so any more");
}

#[test]
fn it_is_drawn_at_any_size() {
    let (mut bench, listener) = with_profile(
        "[[rule]]\nname = 'a very long name of a rule that goes on'\nwhen = { any = true }\n\
         send = { exec = ['cat', 'a b'] }\nthen = 'close'\n",
    );
    hears(&mut bench, listener, b"x");
    for keys in ["a", "enter"] {
        bench.keys(keys);
        for (width, height) in [(1, 1), (40, 10), (41, 12), (60, 16), (80, 24), (200, 50)] {
            bench.picture(width, height);
        }
    }
    bench.shows("It runs cat a b in");
}

#[test]
fn a_trial_says_in_words_what_is_missing() {
    let (mut bench, listener) = with_profile("");
    hears(&mut bench, listener, b"ping\n");
    bench.keys("a n right right tab");
    bench.text("ping");
    bench.shows(r"It does not match: the message has 1 byte more: \n");
    bench.text("\\n");
    bench.shows(r"It does not match: from byte 5 on it has \n, and \\n is waited for");
    bench.shows(r"The text is taken as it stands; choose escaped for \n.");
    bench.keys("up right right right tab");
    bench.shows("It matches");
    bench.shows("It sends 0 bytes: the answer is empty");
    // What every message has is nothing to wait for.
    bench.keys("ctrl-u up left").keys("enter");
    bench.shows("what is empty is in every message");
    assert_eq!(bench.orders(), []);
}

#[test]
fn a_file_that_is_not_there_is_told_before_anybody_asks_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().to_str().unwrap();
    let (mut bench, listener) = with_profile("");
    hears(&mut bench, listener, b"a.txt\n");
    bench.keys("a 6");
    bench.shows("It is relative to the current directory /");
    bench.text(&format!("{folder}/pub")).keys("enter");
    bench.shows("but there is no folder");
    bench.keys("enter");
    bench.shows(r#"It can't send the file "a.txt" of"#);
    std::fs::create_dir(dir.path().join("pub")).unwrap();
    bench.shows("there is no such file");
    bench.shows("It sends 24 bytes instead, then closes:");
    std::fs::write(dir.path().join("pub/a.txt"), "four").unwrap();
    bench.shows(r#"It sends the file "a.txt" of"#);
    bench.shows("4 bytes, then closes");
}
