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
    // It is refused where there is no frame, and nothing is kept of it.
    bench.ui.focus_on(Pane::Sockets);
    bench.keys("shift-o").focus_option("wrap");
    bench.keys("e").text("true").keys("enter");
    bench.shows("wrap of server and its connections");
    bench.shows("wrap needs a framing that puts something around");
    bench.keys("esc");
    assert!(!bench.ui.profile_mut().to_toml().contains("wrap"));
    bench.keys("q");
    set(&mut bench, "framing", "length:u16be");
    bench.shows("server and its connections: framing is length:u16be");
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
    // Without a frame there is the line ending again, but not while it is asked for.
    bench.ui.focus_on(Pane::Sockets);
    bench.keys("shift-o").focus_option("framing");
    bench.keys("e").text("raw").keys("enter");
    bench.shows("wrap says otherwise: wrap needs a framing");
    bench.keys("esc q");
    bench.ui.focus_on(Pane::Sockets);
    bench.keys("shift-o").focus_option("wrap");
    bench.keys("e right enter q");
    bench.ui.focus_on(Pane::Input);
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
    bench.shows("⋯2 recv ahello");
    bench.shows("length:u8,offset=1: the message that ends in this recv, in 2 parts from row 3 at ");
    bench.shows("61 68 65 6c│6c 6f ");
    bench.keys("w");
    bench.shows("length:u8,offset=1: 1 message ends here, begun 5 bytes before; then 4 of 6 bytes");
    bench.shows("6c 6f│78 04 79 7a");
    bench.keys("p");
    bench.shows("⋯ 5 of 7 bytes of a message");
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
    bench.shows("⋯2 recv abcd");
    bench.shows("idle:1h: the message that ends in this recv");
}

/// A connection whose messages are lines: two `recv` with one and a half, and the other half and three; one held back; what
/// the end of the stream cuts.
fn with_lines() -> (Harness, SocketId) {
    let (mut bench, _, children) = Harness::with_listener(1);
    set(&mut bench, "framing", "line");
    let child = children[0];
    bench.received(child, b"one\ntw");
    bench.received(child, b"o\nthree\n\nfour\n");
    bench.received(child, b"fi");
    bench.received(child, b"ve");
    bench.happens(child, Fact::PeerClosed);
    bench.ui.notice = None;
    bench.ui.focus_on(Pane::Log);
    (bench, child)
}

/// The texts of the received lines in the log, as the screen has them.
fn lines(bench: &mut Harness, width: u16, height: u16) -> Vec<String> {
    let picture = bench.picture(width, height);
    let received = picture.lines().filter_map(|line| line.split_once("RX server#1"));
    received
        .map(|(_, rest)| rest.split(['│', '║']).next().unwrap().split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn each_message_is_a_line_and_those_of_one_recv_are_tied_together() {
    let (mut bench, child) = with_lines();
    assert_eq!(
        lines(&mut bench, 80, 24),
        ["3 one ⋯+2", "3 ⋯2 two", "5 three", "0", "4 four", "2 ⋯ 2 bytes of a messag…", "4 ⋯2 PART five"]
    );
    let picture = bench.picture(80, 24);
    let marks = ["←RX", "←RX", "├RX", "├RX", "└RX", "←RX", "←RX"];
    let shown: Vec<_> = picture.lines().filter_map(|line| line.split_once("RX server#1")).collect();
    let shown: Vec<_> = shown.iter().map(|(before, _)| before.chars().last().unwrap()).collect();
    assert_eq!(shown, marks.map(|mark| mark.chars().next().unwrap()));
    bench.shows("Log · all · 10 ");
    // Both ways of a message have the same height.
    bench.keys("3");
    bench.shows("66 6f 75 72");
    // The timeline is of calls.
    bench.ui.select(Entry::Child(child));
    bench.keys("4");
    bench.shows("recv() = 14");
    bench.keys("1");
    bench.ui.look = crate::ui::theme::Look::new(crate::config::Theme::Ascii, true);
    assert!(bench.picture(120, 40).is_ascii());
}

#[test]
fn keys_act_on_the_message_and_not_on_what_came_with_it() {
    let (mut bench, _) = with_lines();
    let copied = |bench: &mut Harness| {
        bench.keys("y");
        bench.effects().into_iter().find_map(|effect| if let Effect::Copy(text) = effect { Some(text) } else { None })
    };
    bench.keys("home down down down");
    assert_eq!(copied(&mut bench).as_deref(), Some("two"));
    bench.keys("down");
    assert_eq!(copied(&mut bench).as_deref(), Some("three"));
    bench.keys("=").shows("Message 4/2 is compared");
    bench.keys("up").shows("against seq 4/2");
    bench.keys("esc down p").text("kept").keys("enter");
    assert!(format!("{:?}", bench.ui.bench.profile.contents.payloads).contains("three"));
    bench.keys("r");
    assert_eq!(bench.ui.input.draft(bench.ui.target.as_ref()), "three");
    bench.keys("enter");
    assert_eq!(sent(&mut bench), [b"three\n"]);
    bench.ui.focus_on(Pane::Log);
    // What is selected is what is exported.
    bench.keys("v down down").shows("3 selected");
    bench.keys("y");
    let effects = bench.effects();
    let order = effects.iter().find_map(|effect| if let Effect::Export(order) = effect { Some(order) } else { None });
    let mut out = Vec::new();
    let go = |_| std::ops::ControlFlow::Continue(());
    bench.ui.export_job(order.unwrap()).write(&mut out, go).unwrap().unwrap();
    let text = String::from_utf8(out).unwrap();
    let texts: Vec<_> = text.lines().map(|line| line.split_once("RX <- ").unwrap().1).collect();
    assert_eq!(texts, ["5 three", "0", "4 four"]);
}

#[test]
fn the_mouse_finds_each_line_and_a_bookmark_stays_on_its_message() {
    let (mut bench, _) = with_lines();
    let picture = bench.picture(80, 24);
    let y = |text: &str| u16::try_from(picture.lines().position(|line| line.contains(text)).unwrap()).unwrap();
    bench.mouse(MouseEventKind::Down(MouseButton::Left), 40, y("three"));
    assert_eq!(bench.ui.bench.view.cursor(), Some(crate::log::Spot { seq: 4, message: 1 }));
    bench.keys("b home '");
    assert_eq!(bench.ui.bench.view.cursor(), Some(crate::log::Spot { seq: 4, message: 1 }));
    assert!(bench.picture(80, 24).lines().any(|line| line.contains('◆') && line.contains("three")));
    bench.mouse(MouseEventKind::Drag(MouseButton::Left), 40, y("four"));
    bench.shows("3 selected");
}

#[test]
fn the_filter_and_find_go_by_messages() {
    let (mut bench, child) = with_lines();
    bench.keys("/").text("two").keys("enter");
    assert_eq!(lines(&mut bench, 80, 24), ["3 ⋯2 two"], "a message that two reads cut is found");
    bench.keys("/ ctrl-u").text("len:4 dir:rx").keys("enter");
    assert_eq!(lines(&mut bench, 80, 24), ["4 four", "4 ⋯2 PART five"]);
    bench.keys("/ ctrl-u").text("dir:rx !re:/e/").keys("enter");
    assert_eq!(lines(&mut bench, 80, 24), ["3 ⋯2 two", "0", "4 four", "2 ⋯ 2 bytes of a messag…"]);
    // What becomes known of a row later changes whether it passes.
    bench.keys("/ ctrl-u").text("text:six").keys("enter");
    bench.received(child, b"six");
    assert_eq!(lines(&mut bench, 80, 24).len(), 0);
    bench.happens(child, Fact::Closed { reason: CloseReason::Peer });
    assert_eq!(lines(&mut bench, 80, 24), ["3 PART six"]);
    bench.keys("esc home f").text("o").keys("enter");
    while bench.ui.work() {}
    let row = |bench: &Harness| {
        let spot = bench.ui.bench.view.cursor().unwrap();
        (spot.seq, spot.message)
    };
    // `open` of the listener comes first.
    let mut rows = vec![row(&bench)];
    for _ in 0..4 {
        bench.keys("n");
        rows.push(row(&bench));
    }
    assert_eq!(rows, [(1, 0), (3, 0), (4, 0), (4, 3), (7, 0)]);
    bench.keys("shift-n shift-n");
    assert_eq!(row(&bench), (4, 0));
}

#[test]
fn another_framing_keeps_the_place() {
    let (mut bench, _) = with_lines();
    bench.keys("home down down down down");
    assert_eq!(bench.ui.bench.view.cursor(), Some(crate::log::Spot { seq: 4, message: 1 }));
    set(&mut bench, "framing", "fixed:2");
    while bench.ui.work() {}
    let spot = bench.ui.bench.view.cursor().unwrap();
    let row = bench.ui.bench.store.row(4).unwrap();
    let end = bench.ui.bench.messages.end_of(&row, spot.message, &bench.ui.bench.store).unwrap();
    assert_eq!((spot.seq, end), (4, 8), "`three` and its LF end there");
}

#[test]
fn exports_have_messages_in_place_of_reads_and_raw_bytes_stay_as_they_came() {
    let (mut bench, _) = with_lines();
    let mut export = |format: &str, filter: &str| {
        bench.ui.set_filter(filter);
        let format = crate::exporter::FORMATS.iter().find(|known| known.name == format).unwrap();
        let lines = crate::log::Spot::row(3)..crate::log::Spot::row(7);
        let (way, to) = (crate::exporter::Way::Received, crate::exporter::Destination::Clipboard);
        let order = crate::exporter::Order { id: 1, lines, filtered: !filter.is_empty(), way, format, to };
        let mut out = Vec::new();
        bench.ui.export_job(&order).write(&mut out, |_| std::ops::ControlFlow::Continue(())).unwrap().unwrap();
        String::from_utf8(out).unwrap()
    };
    let text = export("text", "");
    let shown: Vec<_> = text.lines().map(|line| line.split_once("RX <- ").unwrap().1).collect();
    assert_eq!(shown, ["3 one", "3 two", "5 three", "0", "4 four", "4 PART five"]);
    let jsonl = export("jsonl", "");
    let objects: Vec<serde_json::Value> = jsonl.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.iter().map(|object| object["seq"].as_u64().unwrap()).collect::<Vec<_>>(), [3, 4, 4, 4, 4, 6]);
    assert_eq!((&objects[1]["text"], &objects[5]["incomplete"]), (&"two".into(), &true.into()));
    assert!(export("hexdump", "two").ends_with("00000000  74 77 6f                                          |two|\n"));
    let csv = export("csv", "len:4");
    let ends: Vec<_> = csv.lines().skip(1).map(|line| line.split_once(",4,").unwrap().1).collect();
    assert_eq!(ends, ["false,666f7572,four", "incomplete,66697665,five"]);
    let markdown = export("markdown", "len:4");
    assert!(markdown.contains("| server\\#1 | message | 4 | `four` |\n"), "{markdown}");
    assert!(markdown.ends_with("| message | 4 PART | `five` |\n"), "{markdown}");
    // Of rows that hold something of the messages, all bytes.
    assert_eq!(export("raw", "two"), "o\nthree\n\nfour\n");
    assert_eq!(export("raw", ""), "one\ntwo\nthree\n\nfour\nfive");
}
