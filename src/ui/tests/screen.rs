//! The whole screen: its pictures, its questions, its keys and its configuration.

use super::*;

#[test]
fn quitting_with_sockets_open_is_confirmed() {
    let (mut bench, ..) = Harness::with_listener(0);
    bench.keys("ctrl-q enter");
    assert_eq!(bench.effects(), []);
    bench.keys("ctrl-q tab enter");
    assert_eq!(bench.effects(), [Effect::Quit]);
    let mut empty = Harness::new();
    empty.keys("q");
    assert_eq!(empty.effects(), [Effect::Quit]);
}

#[test]
fn only_a_plain_key_agrees_to_a_question() {
    let (mut bench, ..) = Harness::with_listener(0);
    bench.keys("ctrl-q ctrl-y");
    assert_eq!(bench.effects(), []);
    bench.keys("y");
    assert_eq!(bench.effects(), [Effect::Quit]);
}

#[test]
fn escape_closes_clears_and_goes_to_the_input_but_never_quits() {
    let (mut bench, ..) = Harness::with_listener(1);
    bench.keys("ctrl-f").text("dir:rx").keys("enter tab tab ctrl-p esc");
    assert_eq!(bench.ui.bench.view.filter().text(), "dir:rx");
    bench.keys("esc");
    assert_eq!(bench.ui.bench.view.filter().text(), "");
    bench.keys("esc esc esc");
    assert_eq!(bench.ui.focus, Pane::Input);
    assert_eq!(bench.effects(), []);
}

#[test]
fn every_action_is_in_the_palette_and_every_key_in_the_help() {
    let mut bench = Harness::new();
    // What several panes have is there once.
    let mut seen = HashSet::new();
    for action in actions().filter(|action| action.name != "palette" && seen.insert(action.help)) {
        bench.keys("ctrl-p").text(action.name);
        bench.shows(action.help);
        bench.keys("esc");
    }
    bench.keys("f1");
    let help = bench.picture(120, 200);
    for action in actions() {
        for key in Keymap::default().keys_of(action.name) {
            assert!(help.lines().any(|line| line.contains(&key) && line.contains(action.help)), "{}", action.name);
        }
    }
}

#[test]
fn the_hints_name_actions_that_there_are() {
    for pane in Pane::ALL {
        for (name, _) in panes::status::hints(pane) {
            assert!(actions().any(|action| action.name == *name), "{name}");
        }
    }
}

#[test]
fn the_configuration_holds_for_what_is_opened_and_for_the_time_that_is_shown() {
    let config = Config::parse("time = 'elapsed'\n[defaults]\neol = 'crlf'\nbacklog = 7\n", None).unwrap();
    let mut bench = Harness::new();
    bench.ui = Ui::new(bench.ids.clone(), Clock::start(), &config, Keymap::default(), History::default(), true, None);
    bench.ui.open("tcp-listen://127.0.0.1:7788?eol=cr".parse().unwrap());
    bench.keys("ctrl-p").text("udp-bind://127.0.0.1:7788").keys("enter");
    let opened: Vec<_> = bench
        .orders()
        .into_iter()
        .filter_map(|order| match order {
            Command::Open { endpoint, .. } => Some(endpoint.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(opened, ["tcp-listen://127.0.0.1:7788?backlog=7&eol=cr", "udp-bind://127.0.0.1:7788?eol=crlf"]);
    let listener = SocketId::new(1).unwrap();
    bench.happens(listener, Fact::Opened { local: address(7788), peer: None });
    // The harness's clock begins before the session's.
    bench.shows("       0.000 ");
}

/// A bench with some of everything, for pictures.
fn busy() -> Harness {
    let (mut bench, _, children) = Harness::with_listener(3);
    bench.received(children[0], b"hello\n");
    bench.received(children[1], b"\x01\x03\x00\x00\x00\x0a\xc5\xcd");
    bench.happens(children[1], Fact::PeerClosed);
    let reset = NetError::from_errno(Operation::Recv, None, 104);
    bench.happens(children[2], Fact::Failed(Box::new(reset)));
    bench.happens(children[2], Fact::Closed { reason: CloseReason::Reset });
    let udp = bench.ui.open("udp-bind://127.0.0.1:5000".parse().unwrap());
    bench.happens(udp, Fact::Opened { local: address(5000), peer: None });
    let heard = |bytes| Fact::Received { peer: Some(address(6000)), bytes, truncated: false };
    bench.carries(udp, "naïve \u{202e}text\u{1b}[2J".as_bytes(), heard);
    bench.ui.notice = None;
    bench.text("answer");
    bench
}

#[test]
fn the_screen_at_its_three_sizes() {
    for (width, height) in [(80, 24), (120, 40), (200, 50)] {
        let picture = busy().snapshot(width, height);
        insta::assert_snapshot!(format!("busy_{width}x{height}"), picture);
    }
    insta::assert_snapshot!("empty_80x24", Harness::new().snapshot(80, 24));
    insta::assert_snapshot!("form_80x24", Harness::new().keys("ctrl-n").snapshot(80, 24));
}

#[test]
fn a_screen_too_small_says_so_and_the_bench_goes_on() {
    let mut bench = busy();
    assert!(bench.picture(39, 9).contains("sockbench needs"));
    for (width, height) in [(0, 0), (1, 1), (40, 10), (79, 24), (300, 100)] {
        bench.picture(width, height);
    }
}
