//! The log of a file, and replay.

use super::*;
use crate::capture::read::Reader;
use crate::ui::bench::replay::Pace;

impl Harness {
    /// Opens a JSONL log of one client whose messages came so many milliseconds after each other.
    fn with_file(gaps: &[u64]) -> Self {
        let mut harness = Self::new();
        let mut at = 0;
        let line = |at: u64, rest: &str| {
            format!(
                "{{\"at\":\"2026-11-21T12:00:{:02}.{:03}Z\",\"socket\":\"far\",\"id\":1,{rest}}}\n",
                at / 1000,
                at % 1000
            )
        };
        let mut file = line(0, r#""kind":"connected","local":"10.0.0.5:4000","peer":"10.0.0.1:80""#);
        for (number, gap) in gaps.iter().enumerate() {
            at += gap;
            file += &line(at, &format!("\"kind\":\"sent\",\"len\":1,\"hex\":\"{number:02x}\""));
        }
        let mut reader = Reader::new(harness.ids.clone());
        harness.ui.open_file("trace.jsonl".to_owned(), Some(file.len() as u64));
        reader.read(file.as_bytes()).unwrap();
        reader.finish().unwrap();
        while let Some(portion) = reader.take() {
            harness.ui.absorb_file(portion, file.len() as u64).unwrap();
        }
        harness.ui.file_ended(Ok(reader.remarks()));
        harness
    }

    /// Opens a client beside the file, to which is replayed.
    fn with_target(&mut self) -> SocketId {
        let client = self.ui.open("tcp://127.0.0.1:9".parse().unwrap());
        self.happens(client, Fact::Connected { local: address(1), peer: address(9) });
        self.ui.focus = Pane::Log;
        self.ui.bench.view.home();
        self.effects();
        self.ui.notice = None;
        client
    }

    /// Works for as long as there is something to do at once, the engine taking each send; gives what was sent.
    fn replays(&mut self, client: SocketId) -> Vec<u8> {
        let mut sent = Vec::new();
        while self.ui.work() {
            for order in self.orders() {
                let Command::Send { ticket, bytes, .. } = order else { panic!("{order:?}") };
                sent.extend_from_slice(&bytes);
                self.carries(client, &bytes, |span| Fact::Sent { ticket, peer: None, bytes: span, remaining: 0 });
            }
        }
        sent
    }
}

#[test]
fn sockets_of_a_file_are_read_and_never_opened_nor_saved() {
    let mut harness = Harness::with_file(&[0, 1]);
    let picture = harness.picture(120, 40);
    assert!(picture.contains("trace.jsonl is read: 3 rows of 1 socket"), "{picture}");
    assert!(picture.contains("10.0.0.1:80 closed"), "{picture}");
    assert_eq!(harness.ui.bench.open_sockets(), 0);
    assert!(harness.ui.bench.profile.contents.sockets.is_empty());
    harness.ui.focus = Pane::Sockets;
    for key in ["o", "x", "e", "m", "h"] {
        harness.ui.notice = None;
        harness.keys(key);
        let notice = harness.ui.notice.as_ref().unwrap().text.clone();
        assert!(notice.contains("it is from the file that is open"), "{key}: {notice}");
    }
    harness.ui.focus = Pane::Input;
    harness.keys("h i enter");
    assert!(harness.ui.notice.as_ref().unwrap().text.contains("far is from trace.jsonl"));
    assert_eq!(harness.orders(), []);
    harness.ui.focus = Pane::Sockets;
    harness.keys("d");
    assert_eq!(harness.ui.bench.roster.roots().count(), 0);
    assert_eq!(harness.ui.bench.view.len(), 3);
}

#[test]
fn a_replay_sends_each_message_once_and_in_order() {
    let mut harness = Harness::with_file(&[0, 40_000, 10_000]);
    harness.keys("shift-r");
    assert_eq!(harness.ui.notice.as_ref().unwrap().text, "Not possible: no socket is open to send to; ^N opens one.");
    let client = harness.with_target();
    harness.keys("shift-r");
    while harness.ui.work() {}
    let picture = harness.picture(80, 24);
    assert!(picture.contains("Enter sends 3 messages, 3 B over 50.0s"), "{picture}");
    // Down to the pace, and on to the fifth of those that are offered.
    harness.keys("down right right right right enter");
    assert_eq!(harness.ui.bench.replay.as_ref().unwrap().plan.pace, Pace::Fast);
    assert_eq!(harness.replays(client), [0, 1, 2]);
    assert!(harness.ui.notice.as_ref().unwrap().text.starts_with("replayed 3 messages to client in "));
    assert!(harness.ui.bench.replay.is_none());
}

#[test]
fn what_the_last_slice_of_a_census_counts_is_drawn() {
    let mut harness = Harness::with_file(&[0, 40_000]);
    harness.with_target();
    while harness.ui.work() {}
    harness.keys("shift-r");
    harness.shows("counting...");
    assert!(harness.ui.work(), "the screen is another now");
    harness.shows("Enter sends 2 messages, 2 B over 40.0s ");
    assert!(!harness.ui.work());
    harness.keys("esc");
    let source = harness.ui.bench.current().unwrap().socket;
    harness.happens(source, Fact::Lost { count: 1, bytes: Some(4) });
    harness.ui.bench.view.home();
    harness.keys("shift-r");
    while harness.ui.work() {}
    harness.shows("Enter sends 2 messages, 2 B over 40.0s; 1 gap in the log");
}

#[test]
fn a_replay_waits_for_the_next_time_steps_by_hand_and_stops() {
    let mut harness = Harness::with_file(&[0, 40_000, 10_000]);
    let client = harness.with_target();
    harness.keys("shift-r");
    while harness.ui.work() {}
    harness.keys("0 . 5 enter");
    assert_eq!(harness.replays(client), [0]);
    let wait = harness.ui.wakes_in().unwrap();
    assert!(wait > Duration::from_secs(79) && wait <= Duration::from_secs(80), "{wait:?}");
    let picture = harness.picture(120, 40);
    assert!(picture.contains("replay 1/3 x0.5, R pauses, Esc stops"), "{picture}");
    harness.keys("shift-r");
    assert!(!harness.ui.work());
    assert!(harness.picture(120, 40).contains("x0.5 PAUSED, R goes on"));
    assert_eq!(harness.ui.wakes_in(), None);
    harness.keys("esc");
    assert_eq!(harness.ui.notice.as_ref().unwrap().text, "The replay was stopped: 1 of 3 messages went to client.");
    assert!(!harness.ui.work() && harness.ui.bench.replay.is_none());

    harness.ui.focus = Pane::Log;
    harness.ui.bench.view.home();
    harness.keys("shift-r");
    while harness.ui.work() {}
    harness.keys("down left enter");
    assert_eq!(harness.replays(client), [0]);
    harness.keys("shift-r");
    assert_eq!(harness.replays(client), [1]);
    // What is under way when it is stopped is cancelled.
    harness.keys("shift-r");
    assert!(harness.ui.work());
    let orders = harness.orders();
    let [Command::Send { ticket, .. }] = orders[..] else { panic!("{orders:?}") };
    harness.keys("esc");
    assert_eq!(harness.orders(), [Command::Cancel { ticket }]);
    // How the replay ended stays, whatever becomes of the order.
    harness.happens(client, Fact::SendFailed { ticket, error: Box::new(NetError::cancelled(0)) });
    harness.shows("The replay was stopped: 2 of 3 messages went to client.");
}

#[test]
fn a_replay_ends_with_its_target() {
    let mut harness = Harness::with_file(&[0, 40_000]);
    let client = harness.with_target();
    harness.keys("shift-r");
    while harness.ui.work() {}
    harness.keys("enter");
    assert_eq!(harness.replays(client), [0]);
    harness.happens(client, Fact::Closed { reason: CloseReason::Reset });
    assert!(harness.ui.work());
    assert_eq!(
        harness.ui.notice.as_ref().unwrap().text,
        "The replay ended after 1 of 2 messages: the socket that it goes to was closed."
    );
}
