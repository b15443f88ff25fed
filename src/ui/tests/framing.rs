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
    set(&mut bench, "framing", "length:u16be");
    set(&mut bench, "wrap", "true");
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
