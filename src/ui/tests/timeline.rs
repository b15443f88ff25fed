//! The timeline of a socket, and the lesson of each step.

use super::*;

/// With a client that was refused, and a listener with a connection that has said hello and FIN; the log in focus.
fn with_lives() -> (Harness, SocketId, SocketId) {
    let (mut harness, listener, children) = Harness::with_listener(1);
    let call = |call: &'static str, args: &str, result: &str| Fact::Call {
        call: call.into(),
        args: args.to_owned(),
        result: result.to_owned(),
    };
    harness.happens(listener, call("listen", "128", "0"));
    harness.received(children[0], b"hello\n");
    harness.happens(children[0], Fact::PeerClosed);
    let client = harness.ui.open("tcp://127.0.0.1:9".parse().unwrap());
    harness.happens(client, call("connect", "127.0.0.1:9", "-1 ECONNREFUSED (111)"));
    let refused = NetError::from_errno(Operation::Connect, Some("127.0.0.1:9".to_owned()), 111);
    harness.happens(client, Fact::Failed(Box::new(refused)));
    harness.ui.select(Entry::Root(client));
    harness.ui.focus = Pane::Log;
    (harness, listener, children[0])
}

#[test]
fn the_timeline_is_of_the_selected_socket_and_goes_with_the_selection() {
    let (mut harness, listener, child) = with_lives();
    harness.keys("4");
    harness.shows("Timeline · client · 1");
    harness.shows("✖ connect(127.0.0.1:9) = -1 ECONNREFUSED (111)");
    harness.ui.select(Entry::Root(listener));
    harness.shows("Timeline · server · 3");
    harness.shows("accept() = 127.0.0.1:50001 → server#1");
    harness.ui.select(Entry::Child(child));
    harness.shows("recv() = 6  \"hello\\n\"");
    harness.shows("the peer sent FIN, you may still send");
    // The filter is applied within it, and does not hide the calls.
    harness.keys("/").text("kind:received").keys("enter");
    harness.shows("Timeline · server#1 · kind:received · 1");
    harness.keys("esc 1");
    harness.shows("Log · all");
}

#[test]
fn the_list_leads_into_the_timeline_and_out_of_it() {
    let (mut harness, _, child) = with_lives();
    harness.ui.select(Entry::Child(child));
    harness.ui.focus = Pane::Sockets;
    harness.keys("4");
    harness.shows("Timeline · server#1");
    harness.keys("4");
    harness.shows("Log · all");
}

#[test]
fn a_step_is_explained_in_three_languages() {
    let (mut harness, _, child) = with_lives();
    harness.keys("4");
    harness.shows("nobody listens on that port");
    harness.shows("s.connect((\"127.0.0.1\", 9))");
    harness.shows("except ConnectionRefusedError as error:");
    harness.ui.select(Entry::Child(child));
    harness.keys("up");
    harness.shows("00000000  68 65 6c 6c 6f 0a");
    harness.shows("data = s.recv(65536)");
    harness.shows("let n = stream.read(&mut buf)?;");
    harness.shows("ssize_t n = recv(s, buf, sizeof buf, 0);");
    // Where the inspector has no place of its own, Enter opens it in place of the log.
    harness.keys("enter");
    assert!(harness.picture(80, 24).contains("recv(2) copies what has arrived"));
}

#[test]
fn on_a_narrow_screen_a_call_keeps_its_value_and_a_remark_that_has_no_room_is_left_out() {
    let (mut harness, _, child) = with_lives();
    let (args, result) = ("IPPROTO_TCP, TCP_NODELAY, 1".to_owned(), "0".to_owned());
    harness.happens(child, Fact::Call { call: "setsockopt".into(), args, result });
    let (args, result) = ("AF_INET, SOCK_STREAM, 0".to_owned(), "19".to_owned());
    harness.happens(child, Fact::Call { call: "socket".into(), args, result });
    harness.ui.select(Entry::Child(child));
    harness.keys("4");
    let picture = harness.picture(80, 24);
    assert!(picture.contains("setsockopt(…, TCP_NODELAY, 1) = 0"), "{picture}");
    harness.shows("setsockopt(IPPROTO_TCP, TCP_NODELAY, 1) = 0  sends at once");
    let (args, result) = ("IPPROTO_IP, IP_RECVERR, 1".to_owned(), "0".to_owned());
    harness.happens(child, Fact::Call { call: "setsockopt".into(), args, result });
    harness.shows("setsockopt(…, IP_RECVERR, 1) = 0  ICMP errors are kept for us");
    assert!(picture.contains("socket(AF_INET, SOCK_STREAM, 0) = 19   ║"), "{picture}");
}

#[test]
fn a_timeline_in_ascii_is_ascii() {
    let (mut harness, listener, _) = with_lives();
    harness.ui.look = crate::ui::theme::Look::new(crate::config::Theme::Ascii, true);
    harness.ui.select(Entry::Root(listener));
    harness.keys("4");
    let picture = harness.picture(120, 40);
    assert!(picture.contains("accept() = 127.0.0.1:50001 -> server#1"), "{picture}");
    assert!(picture.is_ascii(), "{picture}");
}

#[test]
fn timelines_of_all_widths() {
    let (mut harness, _, _) = with_lives();
    harness.keys("4");
    for (width, height) in [(120, 40), (80, 24)] {
        insta::assert_snapshot!(format!("timeline_{width}x{height}"), harness.snapshot(width, height));
    }
}

#[test]
fn a_timeline_is_copied_as_markdown_and_a_message_as_itself() {
    let (mut harness, _, child) = with_lives();
    harness.ui.select(Entry::Child(child));
    harness.keys("4");
    harness.effects();
    harness.keys("y");
    let copied = harness.effects();
    let [Effect::Copy(text)] = &copied[..] else { panic!("{copied:?}") };
    assert!(text.starts_with("## Timeline of server\\#1\n"), "{text}");
    assert_eq!(text.lines().filter(|line| line.contains("| `recv()` |")).count(), 2, "{text}");
    harness.keys("1 up up up home down down y");
    assert_eq!(harness.effects(), [Effect::Copy("hello\n".to_owned())]);
}
