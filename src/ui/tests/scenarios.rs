//! Scenarios over the bench.

use super::*;

const LAB: &str = r#"version = 1
[[socket]]
name = "server"
open = "tcp-listen://127.0.0.1:7788"
[[socket]]
name = "client"
open = "tcp://127.0.0.1:7788"
[[scenario]]
name = "greeting"
[[scenario.step]]
open = "client"
[[scenario.step]]
send = { text = "hello" }
to = "client"
[[scenario.step]]
expect = { equals = { text = "welcome" } }
on = "client"
[[scenario]]
name = "long"
[[scenario.step]]
wait = "20s"
"#;

impl Harness {
    /// With a server and a client that are open, and two scenarios.
    fn with_scenarios() -> (Self, SocketId) {
        let mut harness = Self::new();
        harness.ui.profile_loaded(Ok(Profile::parse(LAB, None).unwrap()));
        let ids: Vec<_> = harness.ui.bench.roster.roots().map(|root| root.id).collect();
        harness.happens(ids[0], Fact::Opened { local: address(7788), peer: None });
        harness.happens(ids[1], Fact::Connected { local: address(5), peer: address(7788) });
        harness.effects();
        (harness, ids[1])
    }

    /// Works for as long as there is something to do at once.
    fn orders_of_work(&mut self) -> Vec<Command> {
        while self.ui.work() {}
        self.orders()
    }

    /// Runs the first scenario to where it waits for the answer.
    fn greets(&mut self, client: SocketId) {
        self.keys("ctrl-6 enter");
        assert_eq!(self.orders_of_work(), [Command::CloseAll { root: client, by: CloseReason::Scenario }]);
        self.happens(client, Fact::Closed { reason: CloseReason::Scenario });
        assert!(matches!(&self.orders_of_work()[..], [Command::Open { .. }]));
        self.happens(client, Fact::Connected { local: address(6), peer: address(7788) });
        let orders = self.orders_of_work();
        let [Command::Send { ticket, .. }] = orders[..] else { panic!("{orders:?}") };
        self.carries(client, b"hello", |bytes| Fact::Sent { ticket, peer: None, bytes, remaining: 0 });
        assert_eq!(self.orders_of_work(), []);
    }
}

#[test]
fn a_scenario_goes_through_its_steps_and_each_is_a_row() {
    let (mut harness, client) = Harness::with_scenarios();
    harness.greets(client);
    let picture = harness.picture(200, 50);
    assert!(picture.contains("greeting 3/3 expect = { equals = { text = \"welcome\" }"), "{picture}");
    harness.received(client, b"wel");
    harness.received(client, b"come");
    assert_eq!(harness.orders_of_work(), []);
    assert!(harness.ui.notice.as_ref().unwrap().text.starts_with("greeting passed in "));
    let picture = harness.picture(200, 50);
    // What was done comes first, and which scenario it was last.
    assert!(picture.contains("2/3 send = "), "{picture}");
    assert!(picture.lines().any(|line| line.contains("passed in ") && line.contains("· greeting")), "{picture}");
    assert_eq!(harness.ui.wakes_in(), None);
    assert!(harness.keys("ctrl-6").picture(120, 40).contains("passed, "));
}

#[test]
fn why_it_failed_is_shown_and_can_be_seen_again() {
    let (mut harness, client) = Harness::with_scenarios();
    harness.greets(client);
    harness.received(client, b"welxome");
    harness.orders_of_work();
    let picture = harness.picture(120, 40);
    assert!(picture.contains("greeting failed") && picture.contains("|welxome|"), "{picture}");
    assert!(picture.contains("what came differs from byte 4 on"), "{picture}");
    harness.keys("esc");
    assert!(!harness.picture(120, 40).contains("|welxome|"));
    assert!(harness.keys("ctrl-6").picture(120, 40).contains("failed, step 3"));
    assert!(harness.keys("ctrl-r").picture(120, 40).contains("|welxome|"));
    harness.keys("esc delete y");
    assert_eq!(harness.ui.bench.profile.contents.scenarios.len(), 1);
    assert!(!harness.picture(120, 40).contains("greeting  3 steps"));
}

#[test]
fn a_scenario_waits_by_its_time_and_stops_with_one_key() {
    let (mut harness, client) = Harness::with_scenarios();
    harness.keys("ctrl-6").text("long").keys("enter");
    harness.orders_of_work();
    let wait = harness.ui.wakes_in().unwrap();
    assert!(wait > Duration::from_secs(19) && wait <= Duration::from_secs(20), "{wait:?}");
    harness.keys("ctrl-6 enter");
    assert!(harness.picture(120, 40).contains("Not now: a scenario runs"));
    harness.keys("esc esc");
    assert!(harness.ui.notice.as_ref().unwrap().text.starts_with("long was stopped after "));
    assert_eq!(harness.ui.wakes_in(), None);

    // What is under way then is cancelled.
    harness.keys("ctrl-6 enter");
    harness.orders_of_work();
    harness.happens(client, Fact::Closed { reason: CloseReason::Scenario });
    harness.orders_of_work();
    harness.happens(client, Fact::Connected { local: address(6), peer: address(7788) });
    let orders = harness.orders_of_work();
    let [Command::Send { ticket, .. }] = orders[..] else { panic!("{orders:?}") };
    harness.keys("esc");
    assert_eq!(harness.orders(), [Command::Cancel { ticket }]);
}

#[test]
fn without_a_scenario_the_list_says_how_to_make_one() {
    let (mut harness, _, _) = Harness::with_listener(1);
    harness.keys("ctrl-6");
    assert!(harness.ui.notice.as_ref().unwrap().text.contains("S in the log"));
}

impl Harness {
    /// With a client that is connected and with its listener, both here: the listener, its connection and the client.
    fn with_both_ends(profile: &str) -> (Self, [SocketId; 3]) {
        let mut harness = Self::new();
        harness.ui.profile_loaded(Ok(Profile::parse(profile, None).unwrap()));
        let ids: Vec<_> = harness.ui.bench.roster.roots().map(|root| root.id).collect();
        let child = harness.ids.mint();
        harness.happens(ids[0], Fact::Opened { local: address(7788), peer: None });
        harness.happens(ids[1], Fact::Connected { local: address(5), peer: address(7788) });
        harness.happens(child, Fact::Accepted { parent: ids[0], number: 1, local: address(7788), peer: address(5) });
        harness.effects();
        (harness, [ids[0], child, ids[1]])
    }

    fn sent(&mut self, socket: SocketId, ticket: Ticket, bytes: &[u8]) {
        self.carries(socket, bytes, |bytes| Fact::Sent { ticket, peer: None, bytes, remaining: 0 });
    }

    fn note(&mut self, socket: SocketId, name: &'static str) {
        self.happens(socket, Fact::Note { name: name.into(), message: String::new() });
    }

    /// What S in the log makes of what was done, each step on a line.
    fn transcript(&mut self) -> Vec<String> {
        self.ui.focus = Pane::Log;
        self.keys("shift-s enter");
        let profile = Profile::parse(&self.ui.bench.profile.to_toml(), None).unwrap_or_else(|error| panic!("{error}"));
        let steps = profile.contents.scenarios.last().map(|scenario| scenario.steps.clone()).unwrap_or_default();
        steps.iter().map(|step| step.action.to_string()).collect()
    }
}

const BOTH: &str = "version = 1\n[[socket]]\nname = 'server'\nopen = 'tcp-listen://127.0.0.1:7788'\n\
                    [[socket]]\nname = 'client'\nopen = 'tcp://127.0.0.1:7788'\n";

#[test]
fn what_was_done_becomes_steps_and_what_came_is_expected() {
    let (mut harness, [_, child, client]) = Harness::with_both_ends(BOTH);
    harness.sent(client, Ticket(1), b"hello\n");
    harness.received(child, b"hel");
    harness.received(child, b"lo\n");
    harness.sent(child, Ticket(2), b"{{a}}\r\n");
    harness.received(client, b"{{a}}\r\n");
    // A rule answers and half-closes, which is nobody's step.
    harness.sent(child, Ticket::ENGINE, b"\x00\xff");
    harness.note(child, "half-close");
    harness.received(client, b"\x00\xff");
    harness.happens(client, Fact::PeerClosed);
    harness.note(client, "abort");
    harness.happens(client, Fact::Closed { reason: CloseReason::User });
    harness.happens(child, Fact::Closed { reason: CloseReason::Reset });
    assert_eq!(
        harness.transcript(),
        [
            "open = \"client\"",
            "send = { text = \"hello\\n\" }, to = \"client\"",
            "expect = { equals = { text = \"hello\\n\" } }, on = \"server#1\"",
            "send = { escaped = '\\{{a}}\\r\\n' }, to = \"server#1\"",
            "expect = { equals = { hex = \"7b 7b 61 7d 7d 0d 0a 00 ff\" } }, on = \"client\"",
            "expect-closed = \"client\"",
            "abort = \"client\"",
            "expect-closed = \"server#1\"",
        ]
    );
    assert!(harness.ui.notice.as_ref().unwrap().text.contains("^6 runs it"));
}

#[test]
fn what_other_sockets_of_the_bench_got_is_expected_too() {
    let (mut harness, [_, child, client]) = Harness::with_both_ends(BOTH);
    for ticket in [1, 2] {
        harness.sent(client, Ticket(ticket), b"hello");
        harness.received(child, b"hello");
    }
    let step = [
        "send = { text = \"hello\" }, to = \"client\"",
        "expect = { equals = { text = \"hello\" } }, on = \"server#1\"",
    ];
    assert_eq!(harness.transcript(), [&["open = \"client\""][..], &step, &step].concat());

    let (mut harness, [_, _, client]) = Harness::with_both_ends(BOTH);
    harness.sent(client, Ticket(1), b"hello");
    harness.ui.focus = Pane::Log;
    harness.keys("shift-s");
    harness.shows("This scenario expects nothing");
}

#[test]
fn a_transcript_knows_messages_frames_and_connections_of_others() {
    let framed = BOTH.replace("7788'", "7788?framing=line&wrap'");
    let (mut harness, [server, child, client]) = Harness::with_both_ends(&framed);
    let others: Vec<_> = [50_001, 50_002]
        .into_iter()
        .zip(2..)
        .map(|(port, number)| {
            let other = harness.ids.mint();
            let fact = Fact::Accepted { parent: server, number, local: address(7788), peer: address(port) };
            harness.happens(other, fact);
            other
        })
        .collect();
    harness.ui.bench.catch_up();
    // All connections of the listener take it, of which one is our client's.
    harness.sent(child, Ticket(1), b"to all\n");
    for other in &others {
        harness.sent(*other, Ticket(1), b"to all\n");
    }
    harness.sent(client, Ticket(2), b"par");
    harness.sent(client, Ticket(2), b"tly\n");
    harness.received(child, b"partly\nand mo");
    harness.received(child, b"r");
    harness.received(child, b"e\nno end");
    harness.note(client, "half-close");
    assert_eq!(
        harness.transcript(),
        [
            "open = \"client\"",
            "send = { text = \"to all\" }, to = \"server#1\"",
            "send = { text = \"to all\" }, to = \"server\"",
            "send = { text = \"partly\" }, to = \"client\"",
            "expect = { equals = { text = \"partly\" } }, on = \"server#1\"",
            "expect = { equals = { text = \"and more\" } }, on = \"server#1\"",
            "half-close = \"client\"",
        ]
    );
}

#[test]
fn of_what_nobody_did_no_scenario_is_made_and_a_name_is_asked_for() {
    let (mut harness, [_, child, client]) = Harness::with_both_ends(BOTH);
    harness.ui.focus = Pane::Log;
    harness.keys("/").text("socket:server dir:rx").keys("enter");
    harness.received(child, b"x");
    harness.ui.focus = Pane::Log;
    harness.keys("shift-s");
    assert!(harness.ui.notice.as_ref().unwrap().text.contains("nothing was opened"), "{:?}", harness.ui.notice);
    harness.keys("esc");
    harness.sent(client, Ticket(1), b"a");
    harness.ui.focus = Pane::Log;
    let picture = harness.keys("shift-s").picture(80, 24);
    assert!(picture.contains("Name: scenario-1") && picture.contains("open = \"client\""), "{picture}");
    harness.text("taken").keys("enter");
    harness.ui.focus = Pane::Log;
    let picture = harness.keys("shift-s").text("taken").keys("enter").picture(80, 24);
    assert!(picture.contains("a scenario is called taken already"), "{picture}");
    assert_eq!(harness.ui.bench.profile.contents.scenarios.len(), 1);
}
