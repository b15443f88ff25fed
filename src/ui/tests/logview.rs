//! Reading the log: both previews at once, times and differences, bookmarks, round trips, statistics.

use super::*;

/// A client that has sent `ping` and `more` and received `pong`, with the log in focus.
fn with_exchange() -> (Harness, SocketId) {
    let mut bench = Harness::new();
    let client = bench.ui.open("tcp://127.0.0.1:9".parse().unwrap());
    bench.happens(client, Fact::Connected { local: address(50_001), peer: address(9) });
    let sent = |bytes| Fact::Sent { ticket: Ticket(9), peer: None, bytes, remaining: 0 };
    bench.carries(client, b"ping", sent);
    bench.received(client, b"pong\r\n");
    bench.carries(client, b"more", sent);
    bench.ui.notice = None;
    bench.ui.focus = Pane::Log;
    (bench, client)
}

impl Harness {
    /// The sequence number of the row under the cursor.
    fn row(&self) -> Option<u64> {
        self.ui.bench.view.cursor().map(|spot| spot.seq)
    }

    fn works(&mut self) {
        while self.ui.work() {}
    }
}

#[test]
fn text_and_hex_stand_beside_each_other_or_below() {
    let (mut bench, _) = with_exchange();
    bench.keys("3");
    let wide = bench.picture(160, 40);
    assert!(wide.lines().any(|line| line.contains("pong\\r\\n") && line.contains("70 6f 6e 67 0d 0a")), "{wide}");
    let narrow: Vec<String> = bench.picture(80, 24).lines().map(str::to_owned).collect();
    let at = narrow.iter().position(|line| line.contains("pong\\r\\n")).unwrap();
    assert!(narrow[at + 1].contains("70 6f 6e 67 0d 0a"), "{}", narrow.join("\n"));
    // The second row of a message is that message, too.
    bench.keys("home");
    bench.picture(80, 24);
    bench.mouse(MouseEventKind::Down(MouseButton::Left), 40, u16::try_from(at + 1).unwrap());
    assert_eq!(bench.row(), Some(3));
    bench.keys("4 1").shows("PREVIEW");
}

#[test]
fn times_turn_and_those_since_the_mark_come_up_once_there_is_one() {
    let (mut bench, _) = with_exchange();
    let turns = |bench: &mut Harness| {
        let heads = ["TIME UTC", "SINCE START", "SINCE MARK"];
        (0..4)
            .map(|_| {
                let picture = bench.keys("shift-t").picture(80, 24);
                heads.into_iter().find(|head| picture.contains(head)).unwrap_or("TIME")
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(turns(&mut bench), ["TIME UTC", "SINCE START", "TIME", "TIME UTC"]);
    bench.keys("home down b");
    assert_eq!(turns(&mut bench), ["SINCE START", "SINCE MARK", "TIME", "TIME UTC"]);
    bench.keys("shift-t shift-t");
    bench.shows("+0.001000s");
    bench.shows("-0.001000s");
}

#[test]
fn differences_are_to_the_row_above_or_to_the_socket_before() {
    let (mut bench, client) = with_exchange();
    let other = bench.ui.open("tcp://127.0.0.1:9".parse().unwrap());
    bench.happens(other, Fact::Connected { local: address(50_002), peer: address(9) });
    bench.happens(other, Fact::PeerClosed);
    bench.received(client, b"late");
    bench.ui.focus = Pane::Log;
    let row = |bench: &mut Harness| {
        let picture = bench.picture(120, 40);
        picture.lines().find(|line| line.contains("late")).unwrap().to_owned()
    };
    assert!(row(&mut bench).contains("+1ms"));
    assert!(row(bench.keys("shift-d")).contains("+3ms"));
    bench.shows("Δsock");
}

#[test]
fn an_answer_tells_how_long_it_took_in_its_row_and_in_the_inspector() {
    let (mut bench, _) = with_exchange();
    bench.keys("home down").shows("answer after 1 ms (row 3 at ");
    let wide = bench.picture(160, 40);
    assert!(wide.contains("4 bytes, answer after 1 ms (row 3 at "), "{wide}");
    bench.keys("down").shows("answer to row 2 at ");
    assert!(!bench.picture(120, 40).contains("RTT"));
    let picture = bench.keys("t").picture(120, 40);
    assert!(picture.contains("RTT"));
    assert!(picture.lines().any(|line| line.contains("1 ms") && line.contains("pong")), "{picture}");
    assert!(!bench.keys("t").picture(160, 40).contains("RTT"));
}

#[test]
fn bookmarks_are_signs_that_lead_from_one_to_the_next_through_any_filter() {
    let (mut bench, client) = with_exchange();
    bench.keys("'").shows("no row is bookmarked");
    bench.keys("home b down down b home");
    let picture = bench.picture(80, 24);
    assert_eq!(picture.lines().filter(|line| line.contains("◆")).count(), 2, "{picture}");
    let at = |bench: &mut Harness| {
        bench.keys("'");
        bench.row()
    };
    assert_eq!([at(&mut bench), at(&mut bench), at(&mut bench)], [Some(3), Some(1), Some(3)]);
    bench.keys("/").text("dir:tx").keys("enter '").shows("not among those shown");
    bench.keys("esc");
    assert_eq!(at(&mut bench), Some(1));
    bench.received(client, b"x");
    bench.keys("b");
    assert_eq!(at(&mut bench), Some(3));
    bench.keys("b").picture(80, 24);
    assert!(bench.ui.log.marks.is_empty());
}

#[test]
fn a_named_mark_while_following_is_a_row_of_its_own() {
    let (mut bench, _) = with_exchange();
    bench.keys("m").text("start").keys("enter");
    assert_eq!(bench.ui.bench.store.next(), 6);
    bench.shows("mark: start");
    // While the log is held, it is the name of the row under the cursor.
    bench.keys("up up m").text("the answer").keys("enter");
    assert_eq!(bench.ui.bench.store.next(), 6);
    bench.shows("[the answer] pong");
    bench.keys("home shift-b").shows("Bookmarks");
    bench.text("answer").keys("enter");
    assert_eq!(bench.row(), Some(3));
    bench.keys("shift-b").text("answer").keys("ctrl-r ctrl-u").text("reply").keys("enter").shows("[reply] pong");
    bench.keys("shift-b").text("reply").keys("ctrl-d").shows("Bookmarks");
    bench.keys("ctrl-d");
    assert!(bench.ui.log.marks.is_empty() && bench.ui.overlays.is_empty());
}

#[test]
fn a_bookmark_goes_with_its_row_and_that_is_said() {
    let (mut bench, _) = with_exchange();
    bench.keys("home b down b end b");
    let first = |bench: &Harness| bench.ui.bench.store.first();
    // A full block is a segment that can go by itself.
    let events = vec![Event { at: Timestamp(9_000_000), socket: bench.ids.mint(), fact: Fact::PeerClosed }];
    bench.ui.absorb(Batch::new(events, Block::new().unwrap(), crate::contract::BLOCK_SIZE)).unwrap();
    bench.ui.bench.store.evict_before(5);
    assert_eq!(first(&bench), 5);
    bench.ui.settle();
    bench.shows("3 bookmarks went with their rows");
}

#[test]
fn the_statistics_count_what_is_shown_a_socket_or_all() {
    let (mut bench, client) = with_exchange();
    let other = bench.ui.open("tcp://127.0.0.1:9".parse().unwrap());
    bench.received(other, b"abc");
    bench.ui.select(Entry::Root(client));
    bench.ui.focus = Pane::Log;
    // Also where the inspector has no place of its own yet.
    bench.picture(80, 24);
    bench.keys("/").text("dir:rx").keys("enter s");
    bench.works();
    bench.shows("[rows shown]");
    bench.shows("2 rows");
    bench.shows("received 2 (9 B)   sent 0 (0 B)");
    bench.keys("s").picture(120, 40);
    bench.works();
    bench.shows("[client]");
    bench.shows("received 1 (6 B)   sent 2 (8 B)");
    bench.shows("peer answers");
    // The same as the list counts.
    let member = bench.ui.bench.roster.get(client).unwrap();
    assert_eq!((member.received.bytes, member.sent.bytes), (6, 8));
    assert!(!bench.picture(120, 40).contains("rows no longer here"));
    bench.keys("s").picture(120, 40);
    bench.works();
    bench.shows("5 rows");
    bench.keys("end");
    bench.shows("connected 1   received 2   sent 2");
    // Of rows that are selected, those alone.
    bench.ui.focus = Pane::Log;
    bench.keys("esc home down v down s s");
    bench.works();
    bench.shows("[rows selected]");
    bench.shows("received 1 (6 B)   sent 1 (4 B)");
    bench.ui.focus = Pane::Log;
    bench.keys("v s s s");
    bench.works();
    // What comes while they are looked at counts; an idle bench has nothing to do.
    bench.received(client, b"late");
    assert!(bench.ui.work());
    assert!(!bench.ui.work());
    bench.keys("home").shows("6 rows");
    bench.keys("q");
    bench.received(client, b"later");
    assert!(!bench.ui.work());
}

#[test]
fn a_click_on_its_name_opens_the_tab_and_on_another_name_turns_whose_figures_they_are() {
    let (mut bench, _) = with_exchange();
    let place = |bench: &mut Harness, text: &str| {
        let picture = bench.picture(120, 40);
        let (y, line) = picture.lines().enumerate().find(|(_, line)| line.contains(text)).unwrap();
        let x = line[..line.find(text).unwrap()].chars().count();
        (u16::try_from(x).unwrap() + 1, u16::try_from(y).unwrap())
    };
    let (x, y) = place(&mut bench, "statistics");
    bench.mouse(MouseEventKind::Down(MouseButton::Left), x, y);
    bench.shows("[statistics]");
    let (x, y) = place(&mut bench, "all rows");
    bench.mouse(MouseEventKind::Down(MouseButton::Left), x, y);
    bench.works();
    bench.shows("[all rows]");
    bench.shows("4 rows");
}

#[test]
fn the_statistics_of_all_widths_and_in_ascii() {
    for (width, height) in [(80, 24), (120, 40), (200, 50)] {
        let (mut bench, client) = with_exchange();
        for number in 0..60_u64 {
            bench.at += number * number * 200_000;
            bench.received(client, &vec![b'x'; usize::try_from(number * 31 % 700).unwrap()]);
            let sent = |bytes| Fact::Sent { ticket: Ticket(9), peer: None, bytes, remaining: 0 };
            bench.carries(client, &vec![b'y'; usize::try_from(number * 17 % 90).unwrap()], sent);
        }
        bench.ui.notice = None;
        bench.keys("s").picture(width, height);
        bench.works();
        let picture = bench.snapshot(width, height);
        insta::assert_snapshot!(format!("statistics_{width}x{height}"), picture);
        bench.ui.look = crate::ui::theme::Look::new(crate::config::Theme::Ascii, true);
        let picture = bench.picture(width, height);
        assert!(picture.is_ascii(), "{picture}");
    }
}

#[test]
fn a_long_name_in_the_log_keeps_its_number() {
    for theme in [crate::config::Theme::default(), crate::config::Theme::Ascii] {
        let mut bench = Harness::new();
        bench.ui.look = crate::ui::theme::Look::new(theme, true);
        let listener = bench.ui.open("unix-seqpacket-listen://@a".parse().unwrap());
        for number in [1, 12, 34_567] {
            let child = bench.ids.mint();
            let unnamed = || Address::Unix(crate::contract::UnixAddress::Unnamed);
            bench.happens(child, Fact::Accepted { parent: listener, number, local: unnamed(), peer: unnamed() });
            bench.received(child, b"hello");
        }
        for (width, height) in [(40, 12), (80, 24), (120, 40)] {
            bench.ui.focus = Pane::Log;
            let picture = bench.picture(width, height);
            for number in ["#1 ", "#12 ", "#34567 "] {
                let found = picture.lines().any(|line| line.contains(number) && line.contains("RX"));
                assert!(found, "{number}:\n{picture}");
            }
        }
    }
}

#[test]
fn a_partial_send_says_in_its_row_how_much_waits() {
    let (mut harness, _, children) = Harness::with_listener(1);
    let sent = |span| Fact::Sent { ticket: Ticket(1), peer: None, bytes: span, remaining: 146_944 };
    harness.carries(children[0], b"hello", sent);
    harness.shows("hello");
    assert!(!harness.picture(120, 40).contains("partial"));
    let call = Fact::Call { call: "send".into(), args: "146949".to_owned(), result: "5".to_owned() };
    harness.happens(children[0], call);
    harness.shows("partial: 146,944 wait hello");
}

#[test]
fn a_wide_blank_before_a_key_of_the_filter_is_a_blank() {
    let mut bench = Harness::new();
    bench.ui.focus = Pane::Log;
    // What parsed last took `di` for a word; at the colon it is a key whose value is not there yet.
    bench.keys("/").text("one\u{3000}di").text("r:");
    assert_eq!(bench.ui.bench.view.filter().text(), "one");
}
