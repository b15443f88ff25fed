//! Templates, checksums, saved payloads and repeats, as a user meets them.

use proptest::prelude::*;

use super::*;
use crate::payload::Variables;
use crate::profile::PayloadContent;

/// With a client that is connected, and the draft in the escaped mode.
fn escaped() -> (Harness, SocketId) {
    let (mut bench, client) = Harness::with_client("tcp://127.0.0.1:7788?eol=none");
    let mut given = Variables::default();
    given.set("who", "you").unwrap();
    bench.ui.give(given);
    bench.ui.focus = Pane::Input;
    bench.keys("ctrl-t");
    (bench, client)
}

/// The bytes of the one send among the orders.
fn sent(bench: &mut Harness) -> Vec<u8> {
    let orders = bench.orders();
    let [Command::Send { bytes, .. }] = orders.as_slice() else { panic!("{orders:?}") };
    bytes.to_vec()
}

/// Waits for what must come at once.
fn until(mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(20), "it never came");
    }
}

fn has_sent(bench: &mut Harness, socket: SocketId, ticket: u64) {
    bench.carries(socket, b"", |bytes| Fact::Sent { ticket: Ticket(ticket), peer: None, bytes, remaining: 0 });
}

#[test]
fn templates_are_filled_in_as_they_are_typed_and_anew_for_each_send() {
    let (mut bench, _) = escaped();
    bench.text("{{who}} {{counter}} {{peer}}");
    bench.shows("79 6f 75 20 31 20 31 32 37");
    bench.shows("20 B");
    bench.keys("enter");
    assert_eq!(sent(&mut bench), b"you 1 127.0.0.1:7788");
    bench.text("{{counter}}").keys("enter");
    assert_eq!(sent(&mut bench), b"2");
    bench.text("{{whom}}");
    bench.shows("nothing is called `whom`");
    bench.keys("enter");
    assert_eq!(bench.orders(), []);
    assert_eq!(bench.ui.input.draft(bench.ui.target.as_ref()), "{{whom}}");
    bench.keys("ctrl-t");
    bench.shows("Stays escaped: a template is filled in only when it is sent");
    bench.keys("ctrl-c").text("{{unix}}");
    bench.shows("10 B now");
    // All that is filled in can be seen, on a small screen, too.
    bench.keys("ctrl-c").text("{{random_hex 20}}|");
    let picture = bench.picture(80, 24);
    bench.keys("enter");
    for bytes in sent(&mut bench).chunks(8) {
        let shown = crate::payload::show(crate::payload::Mode::Hex, bytes).unwrap();
        assert!(picture.contains(&shown), "{shown} is not in\n{picture}");
    }
}

#[test]
fn what_chance_fills_in_is_what_was_shown() {
    let (mut bench, _) = escaped();
    let mut all = Vec::new();
    for _ in 0..3 {
        bench.text("{{random 6}}");
        let picture = bench.picture(120, 40);
        bench.keys("enter");
        let bytes = sent(&mut bench);
        let shown = crate::payload::show(crate::payload::Mode::Hex, &bytes).unwrap();
        assert!(picture.contains(&shown), "{shown} is not in\n{picture}");
        all.push(bytes);
    }
    assert!(all[0] != all[1] && all[1] != all[2]);
}

#[test]
fn an_address_that_is_not_the_only_one_is_not_guessed() {
    let (mut bench, ..) = Harness::with_listener(2);
    bench.keys("ctrl-t").text("{{peer}}");
    bench.shows("each of the 2 connections has another {{peer}}; choose one");
    bench.keys("enter");
    assert_eq!(bench.orders(), []);
    let (mut bench, ..) = Harness::with_listener(1);
    bench.keys("ctrl-t").text("{{peer}}").keys("ctrl-y ctrl-y ctrl-y enter");
    assert_eq!(sent(&mut bench), b"127.0.0.1:50001");
}

#[test]
fn a_checksum_is_chosen_with_a_key_and_stays_with_the_socket_and_its_history() {
    let (mut bench, _) = escaped();
    bench.text("\\h(01 03 00 00 00 0a)").keys("ctrl-]").text("modbus");
    bench.shows("c5 cd");
    bench.keys("enter");
    bench.shows("+crc16-modbus");
    bench.shows("8 B");
    bench.shows("01 03 00 00 00 0a c5 cd");
    bench.keys("enter");
    assert_eq!(sent(&mut bench), [1, 3, 0, 0, 0, 10, 0xc5, 0xcd]);
    // It is the first the next time, behind none at all.
    bench.keys("ctrl-] enter").text("x").keys("enter");
    assert_eq!(sent(&mut bench), b"x");
    bench.keys("ctrl-]").text("sum8 ..-1").keys("enter").text("ab").keys("enter");
    assert_eq!(sent(&mut bench), b"aba");
    bench.keys("up up up enter");
    assert_eq!(sent(&mut bench), [1, 3, 0, 0, 0, 10, 0xc5, 0xcd]);
    // What came is whole.
    let client = bench.ui.target.clone().unwrap().socket();
    bench.received(client, b"whole");
    bench.ui.focus = Pane::Log;
    bench.keys("end r enter");
    assert_eq!(sent(&mut bench), b"whole");
}

#[test]
fn where_a_socket_wraps_all_that_is_sent_gets_its_frame() {
    let (mut bench, client) = Harness::with_client("tcp://127.0.0.1:7788?framing=length:u8&wrap");
    bench.ui.focus = Pane::Input;
    bench.text("ab");
    bench.shows("02 61 62");
    bench.shows("length:u8 \u{b7} 3 B");
    bench.keys("ctrl-y");
    bench.shows("this socket wraps");
    bench.keys("ctrl-]").text("sum8").keys("enter enter");
    assert_eq!(sent(&mut bench), b"\x03ab\xc3");
    // A saved payload, and a repeat.
    bench.keys("up ctrl-e ctrl-s").text("p").keys("enter ctrl-c ctrl-e enter");
    assert_eq!(sent(&mut bench), b"\x03ab\xc3");
    bench.text("r").keys("ctrl-] enter ctrl-\\ enter");
    until(|| bench.ui.work());
    assert_eq!(sent(&mut bench), b"\x01r");
    bench.keys("ctrl-\\");
    bench.orders();
    // What came is taken without its frame.
    bench.received(client, b"\x05hello");
    bench.ui.focus = Pane::Log;
    bench.keys("end r");
    assert_eq!(bench.ui.input.draft(bench.ui.target.as_ref()), "hello");
    bench.keys("ctrl-c").text(&"x".repeat(256));
    bench.shows("framing length:u8: ");
    bench.keys("enter");
    assert_eq!(bench.orders(), []);
}

#[test]
fn a_payload_is_kept_under_a_name_and_replaced_only_where_that_is_wanted() {
    let (mut bench, _) = escaped();
    bench.text("one").keys("ctrl-e ctrl-s").text("p").keys("enter");
    assert_eq!(bench.ui.bench.profile.contents.payloads.len(), 1);
    bench.keys("ctrl-c").text("two").keys("ctrl-e ctrl-s").text("p").keys("enter");
    bench.shows("Replace the payload?");
    bench.keys("enter ctrl-e enter");
    assert_eq!(sent(&mut bench), b"one");
    bench.keys("ctrl-e ctrl-s").text("p").keys("enter y ctrl-e enter");
    assert_eq!(sent(&mut bench), b"two");
    // Taken, changed and kept under its name.
    bench.keys("ctrl-e tab end").text("!").keys("ctrl-e ctrl-s enter y ctrl-e enter");
    assert_eq!(sent(&mut bench), b"two!");
    bench.keys("ctrl-e delete enter");
    assert_eq!(bench.ui.bench.profile.contents.payloads.len(), 1);
    bench.keys("ctrl-e ctrl-d y");
    bench.shows("No payload is saved yet");
}

#[test]
fn what_is_kept_in_no_profile_is_not_lost_without_a_word() {
    let mut bench = Harness::new();
    bench.ui.focus = Pane::Input;
    bench.text("x").keys("ctrl-e ctrl-s").text("p").keys("enter ctrl-q");
    bench.shows("in no profile yet");
    bench.keys("esc");
    assert!(!bench.effects().contains(&Effect::Quit));
}

#[test]
fn a_message_of_the_log_becomes_a_payload() {
    for (message, content) in [
        (&b"PING\r\n"[..], PayloadContent::Escaped("PING\\r\\n".to_owned())),
        (b"two\nlines", PayloadContent::Text("two\nlines".to_owned())),
        (b"\x01\x03", PayloadContent::Hex("01 03".to_owned())),
        (b"\xff", PayloadContent::Hex("ff".to_owned())),
        (b"{{who}}\r", PayloadContent::Escaped("\\{{who}}\\r".to_owned())),
    ] {
        let (mut bench, client) = escaped();
        bench.received(client, message);
        bench.ui.focus = Pane::Log;
        bench.keys("end p").text("it").keys("enter");
        let payloads = &bench.ui.bench.profile.contents.payloads;
        assert_eq!((payloads[0].name.as_str(), &payloads[0].content), ("it", &content));
        bench.keys("ctrl-e enter");
        assert_eq!(sent(&mut bench), message);
    }
}

#[test]
fn a_repeat_sends_so_often_with_its_counts_and_ends() {
    let (mut bench, client) = escaped();
    bench.text("{{counter}}").keys("ctrl-\\");
    bench.keys("backspace backspace").text("1ms").keys("tab").text("3").keys("enter");
    let mut all = Vec::new();
    for ticket in 0..3 {
        // The first is due at once, the others after a moment.
        let mut orders = Vec::new();
        until(|| {
            bench.ui.work();
            orders = bench.orders();
            !orders.is_empty()
        });
        let [order] = orders.as_slice() else { panic!("{orders:?}") };
        let Command::Send { bytes, .. } = order else { panic!("{order:?}") };
        all.extend_from_slice(bytes);
        bench.shows(&format!("repeat {ticket}/3"));
        // The one before is not through, so no other follows.
        until(|| {
            bench.ui.work();
            ticket > 0 || bench.ui.bench.repeats.running().any(|repeat| repeat.skipped > 0)
        });
        assert_eq!(bench.orders(), []);
        has_sent(&mut bench, client, ticket);
    }
    bench.ui.work();
    bench.shows("The repeat to client is done: 3/3");
    assert_eq!(all, b"123");
    assert_eq!(bench.ui.wakes_in(), None);
}

#[test]
fn a_repeat_is_stopped_by_its_key_and_with_its_socket() {
    let (mut bench, client) = escaped();
    bench.text("x").keys("ctrl-\\ enter");
    bench.ui.work();
    assert_eq!(sent(&mut bench), b"x");
    assert!(bench.ui.wakes_in().is_some());
    bench.keys("ctrl-\\");
    bench.shows("was stopped: 0 sent");
    assert_eq!(bench.orders(), [Command::Cancel { ticket: Ticket(0) }]);
    bench.ui.work();
    assert_eq!((bench.orders(), bench.ui.wakes_in()), (Vec::new(), None));
    bench.keys("ctrl-\\ enter");
    bench.ui.work();
    has_sent(&mut bench, client, 1);
    bench.happens(client, Fact::Closed { reason: CloseReason::Peer });
    bench.ui.work();
    bench.shows("ended after 1 sent: the socket was closed");
    assert_eq!(bench.ui.wakes_in(), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn what_is_kept_and_taken_again_sends_the_same(
        text in r"([a-z {}é]|\PC){1,12}",
        turns in 0_usize..3,
        endings in 0_usize..4,
        checksum in any::<bool>(),
    ) {
        let (mut bench, _) = Harness::with_client("tcp://127.0.0.1:7788");
        bench.ui.focus = Pane::Input;
        bench.ui.handle(TerminalEvent::Paste(text));
        bench.keys(&"ctrl-t ".repeat(turns)).keys(&"ctrl-y ".repeat(endings));
        if checksum {
            bench.keys("ctrl-]").text("crc32").keys("enter");
        }
        bench.keys("ctrl-e ctrl-s").text("kept").keys("enter enter");
        let first = sent(&mut bench);
        bench.keys("ctrl-e enter");
        prop_assert_eq!(&sent(&mut bench), &first);
        bench.keys("ctrl-e tab enter");
        prop_assert_eq!(&sent(&mut bench), &first);
        // From the history, and from the log, where a checksum is part of what came.
        bench.keys("up enter");
        prop_assert_eq!(&sent(&mut bench), &first);
        let client = bench.ui.target.clone().unwrap().socket();
        bench.received(client, &first);
        bench.keys("ctrl-e tab");
        bench.ui.focus = Pane::Log;
        bench.keys("end r enter");
        prop_assert_eq!(&sent(&mut bench), &first);
        // And read from the file that it is saved in.
        let written = bench.ui.profile_mut().to_toml();
        let read = Profile::parse(&written, None);
        let read = read.map_err(|error| TestCaseError::fail(format!("{error}\n{written}")))?;
        prop_assert_eq!(&read.contents.payloads, &bench.ui.profile_mut().contents.payloads);
    }
}
