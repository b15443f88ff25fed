//! Framing and wrapping, as they are changed and as they are seen.

use super::*;

/// Gives a socket's option another value in the inspector, and goes back to the input.
fn set(bench: &mut Harness, option: &str, value: &str) {
    bench.ui.focus_on(Pane::Sockets);
    bench.keys("shift-o").focus_option(option);
    bench.keys("e").text(value);
    bench.keys("enter q");
    bench.ui.focus_on(Pane::Input);
}

fn sent(bench: &mut Harness) -> Vec<Vec<u8>> {
    let orders = bench.orders();
    let sends = orders.iter().filter_map(|order| match order {
        Command::Send { bytes, .. } => Some(bytes.to_vec()),
        _ => None,
    });
    sends.collect()
}

#[test]
fn what_is_typed_is_wrapped_and_what_has_no_frame_is_not_sent() {
    let (mut bench, _, _) = Harness::with_listener(1);
    set(&mut bench, "wrap", "true");
    bench.shows("server: wrap needs a framing");
    set(&mut bench, "framing", "length:u16be");
    assert_eq!(bench.orders().len(), 0, "the system knows nothing of framing");
    bench.text("hello");
    bench.shows("text · length:u16be · 7 B");
    bench.shows("00 05 68 65 6c 6c 6f");
    bench.keys("ctrl-y");
    bench.shows("this socket wraps");
    bench.keys("enter");
    assert_eq!(sent(&mut bench), [b"\0\x05hello"]);
    set(&mut bench, "framing", "fixed:4");
    assert!(!bench.picture(120, 40).contains("a message has 4 bytes"), "an empty draft is not wrong");
    bench.text("abc");
    bench.shows("framing fixed:4: a message has 4 bytes, and this one 3 bytes");
    bench.keys("enter");
    assert_eq!(sent(&mut bench), [[0; 0]; 0]);
    bench.text("d").keys("enter");
    assert_eq!(sent(&mut bench), [b"abcd"]);
    // Without a frame there is the line ending again.
    set(&mut bench, "framing", "raw");
    bench.text("x").keys("enter");
    assert_eq!(sent(&mut bench), [b"x\n"]);
}

#[test]
fn a_message_that_is_taken_into_the_input_goes_out_as_it_came() {
    let (mut bench, _, children) = Harness::with_listener(1);
    set(&mut bench, "framing", "line");
    set(&mut bench, "wrap", "true");
    bench.received(children[0], b"again\n");
    bench.ui.focus_on(Pane::Log);
    bench.keys("end r");
    assert_eq!(bench.ui.input.draft(bench.ui.target.as_ref()), "again");
    bench.keys("enter");
    assert_eq!(sent(&mut bench), [b"again\n"]);
}

#[test]
fn another_framing_is_seen_at_once_in_what_was_received_before() {
    let (mut bench, _, children) = Harness::with_listener(1);
    bench.received(children[0], b"a\x05hel");
    bench.received(children[0], b"lox\x04yz");
    bench.ui.focus_on(Pane::Log);
    bench.keys("end enter");
    assert!(!bench.picture(120, 40).contains("end here"), "what one recv returned is a message");
    set(&mut bench, "framing", "length:u8,offset=1");
    bench.ui.focus_on(Pane::Log);
    while bench.ui.work() {}
    bench.keys("end enter");
    bench.shows("length:u8,offset=1: 1 message ends here, begun 5 bytes before; then 4 of 6 bytes");
    bench.shows("6c 6f│78 04 79 7a");
    bench.keys("p");
    bench.shows("length:u8,offset=1: no message ends here; 5 of 7 bytes of one have come");
    set(&mut bench, "framing", "delimiter:6c6f");
    while bench.ui.work() {}
    bench.shows("delimiter:6c6f: no message ends here; 5 bytes of one have come");
}

#[test]
fn a_message_that_silence_ends_does_so_while_nothing_happens() {
    let (mut bench, _, children) = Harness::with_listener(1);
    set(&mut bench, "framing", "idle:1h");
    assert_eq!(bench.ui.bench.expire_messages(), None, "nothing is open, and no timer runs");
    bench.at = bench.ui.bench.now().0;
    bench.received(children[0], b"ab");
    while bench.ui.work() {}
    let left = bench.ui.bench.expire_messages().unwrap();
    assert!(left > std::time::Duration::from_mins(59), "{left:?}");
    bench.at -= 2 * 3_600_000_000_000;
    bench.received(children[0], b"cd");
    while bench.ui.work() {}
    assert_eq!(bench.ui.bench.expire_messages(), None);
    bench.ui.focus_on(Pane::Log);
    bench.keys("end enter");
    bench.shows("idle:1h: 1 message ends here, begun 2 bytes before");
}
