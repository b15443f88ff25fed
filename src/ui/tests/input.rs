//! The input: what is typed, and whom it goes to.

use super::*;

#[test]
fn what_is_typed_goes_to_every_connection_of_the_listener() {
    let (mut bench, listener, _) = Harness::with_listener(2);
    bench.text("hi").keys("enter");
    assert_eq!(
        bench.orders(),
        [Command::Send { ticket: Ticket(0), target: Target::Children(listener), bytes: Arc::from(b"hi\n".as_slice()) }]
    );
    bench.keys("up").shows("hi");
}

#[test]
fn what_was_typed_before_a_socket_was_there_goes_to_it() {
    let mut bench = Harness::new();
    bench.keys("tab tab").text("hello");
    let client = bench.ui.open("tcp://127.0.0.1:9".parse().unwrap());
    bench.happens(client, Fact::Connected { local: address(1), peer: address(9) });
    bench.effects();
    bench.keys("enter");
    let orders = bench.orders();
    let [Command::Send { bytes, .. }] = orders.as_slice() else { panic!("{orders:?}") };
    assert_eq!(&bytes[..], b"hello\n");
}

#[test]
fn hex_is_sent_as_it_stands_and_bad_hex_is_not_sent_at_all() {
    let (mut bench, _, children) = Harness::with_listener(1);
    // Out of the input, one down in the list, and back.
    bench.keys("tab down backtab ctrl-t ctrl-t").text("de ad b").keys("enter");
    assert_eq!(bench.orders(), []);
    bench.shows("de ad b");
    bench.text("e").keys("enter");
    let wanted = Command::Send {
        ticket: Ticket(0),
        target: Target::Socket(children[0]),
        bytes: Arc::from([0xde, 0xad, 0xbe].as_slice()),
    };
    assert_eq!(bench.orders(), [wanted]);
}

#[test]
fn turning_the_notation_keeps_the_bytes() {
    let (mut bench, ..) = Harness::with_listener(1);
    bench.text("a\\b").keys("ctrl-t");
    bench.shows("a\\\\b");
    bench.keys("ctrl-t");
    bench.shows("61 5c 62");
    bench.keys("ctrl-t").shows("a\\b");
    bench.keys("ctrl-c ctrl-t").text("\\x00").keys("ctrl-t ctrl-t");
    bench.shows("Not text");
}

// Case 8.
#[test]
fn a_paste_is_data() {
    let (mut bench, ..) = Harness::with_listener(1);
    bench.ui.handle(TerminalEvent::Paste("q\n\x1b[201~\x1b]0;owned\x07\n".to_owned()));
    assert_eq!(bench.effects(), []);
    let picture = bench.picture(80, 24);
    assert!(!picture.contains('\x1b'));
    bench.keys("enter");
    let orders = bench.orders();
    let [Command::Send { bytes, .. }] = orders.as_slice() else { panic!("{orders:?}") };
    assert_eq!(&bytes[..], b"q\n\x1b[201~\x1b]0;owned\x07\n\n");
}

#[test]
fn a_row_is_taken_into_the_input_to_be_sent_again() {
    let (mut bench, _, children) = Harness::with_listener(1);
    bench.received(children[0], b"\x01\x02\n");
    bench.ui.focus = Pane::Log;
    bench.keys("r enter");
    let orders = bench.orders();
    let [Command::Send { bytes, .. }] = orders.as_slice() else { panic!("{orders:?}") };
    assert_eq!(&bytes[..], b"\x01\x02\n");
}

#[test]
fn a_send_to_ten_is_confirmed() {
    let (mut bench, ..) = Harness::with_listener(10);
    bench.text("hi").keys("enter");
    assert_eq!(bench.orders(), []);
    bench.shows("Send to 10 connections?");
    bench.keys("y");
    assert_eq!(bench.orders().len(), 1);
}

#[test]
fn what_a_send_to_many_came_to_is_told() {
    let (mut bench, _, children) = Harness::with_listener(3);
    bench.text("hi").keys("enter");
    let sent = |bytes| Fact::Sent { ticket: Ticket(0), peer: None, bytes, remaining: 0 };
    bench.carries(children[0], b"hi\n", sent);
    bench.carries(children[2], b"hi\n", sent);
    let error = NetError::from_errno(Operation::Send, None, 32);
    bench.happens(children[1], Fact::SendFailed { ticket: Ticket(0), error: Box::new(error) });
    bench.shows("sent 2/3, server#2 EPIPE");
}

#[test]
fn udp_answers_whom_it_heard_or_an_address_that_is_typed() {
    let mut bench = Harness::new();
    let udp = bench.ui.open("udp-bind://127.0.0.1:5000".parse().unwrap());
    bench.happens(udp, Fact::Opened { local: address(5000), peer: None });
    bench.effects();
    bench.text("a").keys("enter");
    assert_eq!(bench.orders(), []);
    bench.shows("nobody has sent to udp-server yet");
    let heard = |bytes| Fact::Received { peer: Some(address(6000)), bytes, truncated: false };
    bench.carries(udp, b"ping", heard);
    bench.shows("Send → udp-server 127.0.0.1:6000 (last heard) ·");
    bench.keys("enter");
    let orders = bench.orders();
    let [Command::Send { target, bytes, .. }] = orders.as_slice() else { panic!("{orders:?}") };
    assert_eq!((target, &bytes[..]), (&Target::Socket(udp), b"a".as_slice()));
    bench.keys("ctrl-x").text("127.0.0.1:6001").keys("enter").text("b").keys("enter");
    let orders = bench.orders();
    let [Command::Send { target, .. }] = orders.as_slice() else { panic!("{orders:?}") };
    assert_eq!(target, &Target::Peer(udp, address(6001)));
    bench.shows("Send → udp-server 127.0.0.1:6001 (chosen) ·");
    // A row of the target picker goes back.
    bench.keys("ctrl-x").shows("udp-server  whoever spoke last");
    bench.keys("enter").shows("Send → udp-server 127.0.0.1:6000 (last heard) ·");
}

#[test]
fn an_address_that_is_typed_is_not_taken_for_one_that_looks_like_it() {
    let mut bench = Harness::new();
    let udp = bench.ui.open("udp-bind://127.0.0.1:5000".parse().unwrap());
    bench.happens(udp, Fact::Opened { local: address(5000), peer: None });
    let heard = |bytes| Fact::Received { peer: Some(address(50_100)), bytes, truncated: false };
    bench.carries(udp, b"ping", heard);
    bench.effects();
    bench.keys("ctrl-x").text("127.0.0.1:5010").keys("enter").text("b").keys("enter");
    let orders = bench.orders();
    let [Command::Send { target, .. }] = orders.as_slice() else { panic!("{orders:?}") };
    assert_eq!(target, &Target::Peer(udp, address(5010)));
}

#[test]
fn a_line_that_is_pasted_into_a_field_leaves_its_end_behind() {
    let mut bench = Harness::new();
    for end in ["\r", "\n", "\r\n"] {
        bench.keys("ctrl-p");
        bench.ui.handle(TerminalEvent::Paste(format!("udp-bind://127.0.0.1:0{end}")));
        bench.keys("enter");
        assert!(matches!(bench.orders()[..], [Command::Open { .. }]), "{end:?}");
    }
    // Between two lines it stays, and is seen.
    bench.keys("ctrl-p");
    bench.ui.handle(TerminalEvent::Paste("one\ntwo\n".to_owned()));
    bench.shows("one\\ntwo");
}

#[test]
fn the_program_can_be_left_from_anywhere() {
    let mut bench = Harness::new();
    bench.keys("ctrl-p ctrl-q");
    assert_eq!(bench.effects(), [Effect::Quit]);
    bench.keys("esc ctrl-n ctrl-q").shows("What is in the open form is lost.");
    // What closes and what types goes on doing that, whatever else it is bound to.
    let mut bench = Harness::new();
    bench.ui.keymap.bind("quit", &["esc".to_owned(), "ctrl-q".to_owned()]).unwrap();
    bench.keys("ctrl-p esc");
    assert!(bench.ui.overlays.is_empty() && bench.effects().is_empty());
    let (mut bench, ..) = Harness::with_listener(0);
    bench.keys("ctrl-p ctrl-q").shows("Quit?");
    // The question is answered first.
    bench.keys("ctrl-q esc");
    assert!(!bench.picture(120, 40).contains("Quit?"));
    bench.keys("ctrl-q y");
    assert_eq!(bench.effects(), [Effect::Quit]);
}
