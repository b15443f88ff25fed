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
    assert!(picture.contains("scenario: greeting 2/3 done in "), "{picture}");
    assert!(picture.contains("scenario: greeting: passed in "), "{picture}");
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
    harness.keys("esc esc");
    assert!(harness.ui.overlays.is_empty());
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
