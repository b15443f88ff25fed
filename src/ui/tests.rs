//! The screen as a user meets it: keys in, effects and pictures out.

mod export;
mod families;
mod find;
mod form;
mod framing;
mod inspector;
mod logview;
mod options;
mod payloads;
mod recorded;
mod rules;
mod scenarios;
mod storm;
mod transfers;
mod troubles;

use std::sync::Arc;

use crossterm::event::{Event as TerminalEvent, KeyEvent, MouseEvent};
use proptest::prelude::*;
use ratatui::buffer::Buffer;

use super::*;
use crate::contract::{
    Address, CloseHow, CloseReason, Event, Fact, NetError, Operation, Scheme, Span, Ticket, Timestamp,
};

/// A screen with a scripted engine: what it orders is collected, what happens is said by the test.
struct Harness {
    ui: Ui,
    effects: Vec<Effect>,
    ids: SocketIds,
    at: u64,
}

fn address(port: u16) -> Address {
    Address::Ip(([127, 0, 0, 1], port).into())
}

impl Harness {
    fn new() -> Self {
        let ids = SocketIds::new();
        let ui = Ui::new(
            ids.clone(),
            Clock::start(),
            &Config::default(),
            Keymap::default(),
            History::default(),
            true,
            Some(PathBuf::from("/profiles")),
        );
        Self { ui, effects: Vec::new(), ids, at: 0 }
    }

    /// With a listener that has so many connections: its id and theirs.
    fn with_listener(connections: u32) -> (Self, SocketId, Vec<SocketId>) {
        let mut harness = Self::new();
        let listener = harness.ui.open("tcp-listen://127.0.0.1:7788".parse().unwrap());
        harness.happens(listener, Fact::Opened { local: address(7788), peer: None });
        let children = (1..=connections)
            .map(|number| {
                let child = harness.ids.mint();
                let peer = address(50_000 + u16::try_from(number).unwrap());
                harness.happens(child, Fact::Accepted { parent: listener, number, local: address(7788), peer });
                child
            })
            .collect();
        harness.effects();
        harness.ui.notice = None;
        (harness, listener, children)
    }

    /// Presses keys, written as the config writes them and parted by blanks.
    fn keys(&mut self, keys: &str) -> &mut Self {
        for key in keys.split_whitespace() {
            let combination: crokey::KeyCombination = key.parse().unwrap_or_else(|_| panic!("{key} is a key"));
            self.ui.handle(TerminalEvent::Key(combination.into()));
        }
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        for character in text.chars() {
            self.ui.handle(TerminalEvent::Key(KeyEvent::from(KeyCode::Char(character))));
        }
        self
    }

    fn happens(&mut self, socket: SocketId, fact: Fact) {
        self.carries(socket, b"", |_| fact);
    }

    fn received(&mut self, socket: SocketId, bytes: &[u8]) {
        self.carries(socket, bytes, |span| Fact::Received { peer: None, bytes: span, truncated: false });
    }

    fn carries(&mut self, socket: SocketId, bytes: &[u8], fact: impl FnOnce(Span) -> Fact) {
        self.at += 1_000_000;
        let mut block = Block::with_size(bytes.len().max(1)).unwrap();
        block.bytes_mut()[..bytes.len()].copy_from_slice(bytes);
        let span = Span { start: 0, len: u32::try_from(bytes.len()).unwrap() };
        let events = vec![Event { at: Timestamp(self.at), socket, fact: fact(span) }];
        self.ui.absorb(Batch::new(events, block, bytes.len())).unwrap();
    }

    fn effects(&mut self) -> Vec<Effect> {
        self.effects.extend(self.ui.take_effects());
        std::mem::take(&mut self.effects)
    }

    /// The orders among the effects.
    fn orders(&mut self) -> Vec<Command> {
        let effects = self.effects();
        effects
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Order(command) => Some(command),
                _ => None,
            })
            .collect()
    }

    fn picture(&mut self, width: u16, height: u16) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        self.ui.render(&mut buffer);
        let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..height).map(row).collect::<Vec<_>>().join("\n")
    }

    /// The screen, with the times of day replaced, since they are told in the system's time zone.
    fn snapshot(&mut self, width: u16, height: u16) -> String {
        let mut shown: Vec<char> = self.picture(width, height).chars().collect();
        let time = |place: &[char]| {
            place
                .iter()
                .zip("00:00:00.".chars())
                .all(|(c, form)| if form == '0' { c.is_ascii_digit() } else { *c == form })
        };
        for at in 0..shown.len().saturating_sub(9) {
            if shown[at] != 'T' && time(&shown[at + 1..at + 10]) {
                shown[at + 1..at + 9].copy_from_slice(&['h', 'h', ':', 'm', 'm', ':', 's', 's']);
            }
        }
        shown.into_iter().collect()
    }

    fn shows(&mut self, text: &str) {
        let picture = self.picture(120, 40);
        assert!(picture.contains(text), "`{text}` is not on the screen:\n{picture}");
    }
}

#[test]
fn with_nothing_open_one_key_starts_an_echo_server() {
    let mut bench = Harness::new();
    bench.shows("Nothing is open");
    bench.keys("s");
    let orders = bench.orders();
    let [Command::SetRules { socket: echoing, rules }, Command::Open { socket, endpoint }] = orders.as_slice() else {
        panic!("{orders:?}");
    };
    assert!(rules.iter().all(|rule| rule.is_echo()) && !rules.is_empty());
    assert_eq!(endpoint.to_string(), "tcp-listen://127.0.0.1:7788");
    assert_eq!(socket, echoing);
}

#[test]
fn the_form_opens_what_it_shows() {
    let mut bench = Harness::new();
    bench.keys("ctrl-n right down end backspace").text("9").keys("down down down").text("2s").keys("enter");
    let orders = bench.orders();
    let [Command::Open { endpoint, .. }] = orders.as_slice() else { panic!("{orders:?}") };
    assert_eq!(endpoint.scheme, Scheme::Tcp);
    assert_eq!(endpoint.to_string(), "tcp://127.0.0.1:7789?connect-timeout=2s");
}

#[test]
fn the_form_refuses_a_wrong_address_and_keeps_it() {
    let mut bench = Harness::new();
    bench.keys("ctrl-n down end").text("x").keys("enter");
    assert_eq!(bench.orders(), []);
    bench.shows("a port is a number from 0 to 65535");
    bench.shows("127.0.0.1:7788x");
    bench.keys("backspace enter");
    assert_eq!(bench.orders().len(), 1);
}

// Case 44.
#[test]
fn a_wildcard_is_confirmed_before_it_listens() {
    let mut bench = Harness::new();
    bench.keys("ctrl-p").text("tcp-listen://0.0.0.0:9000").keys("enter");
    bench.shows("Listen on every interface?");
    // The focus is on Cancel.
    bench.keys("enter");
    assert_eq!(bench.orders(), []);
    bench.keys("ctrl-p").text("tcp-listen://0.0.0.0:9000").keys("enter y");
    assert_eq!(bench.orders().len(), 1);
}

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
fn fin_reset_and_refusal_are_told_apart() {
    let (mut bench, _, children) = Harness::with_listener(2);
    bench.happens(children[0], Fact::PeerClosed);
    bench.happens(children[1], Fact::Closed { reason: CloseReason::Reset });
    let client = bench.ui.open("tcp://127.0.0.1:9".parse().unwrap());
    let refused = NetError::from_errno(Operation::Connect, Some("127.0.0.1:9".to_owned()), 111);
    bench.happens(client, Fact::Failed(Box::new(refused)));
    bench.shows("peer FIN");
    bench.shows(":50002 RST");
    bench.shows("ECONNREFUSED 111");
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
fn letters_act_in_the_list_and_are_text_in_the_input() {
    let (mut bench, listener, children) = Harness::with_listener(1);
    bench.text("xX");
    assert_eq!(bench.orders(), []);
    bench.keys("ctrl-c tab x");
    bench.shows("Close the listener server?");
    bench.keys("y");
    assert_eq!(bench.orders(), [Command::Close { socket: listener, how: CloseHow::Normal, by: CloseReason::User }]);
    bench.keys("j h shift-x y");
    assert_eq!(
        bench.orders(),
        [
            Command::Close { socket: children[0], how: CloseHow::HalfClose, by: CloseReason::User },
            Command::Close { socket: children[0], how: CloseHow::Abort, by: CloseReason::User }
        ]
    );
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
fn a_filter_that_does_not_parse_leaves_the_last_one() {
    let (mut bench, _, children) = Harness::with_listener(1);
    bench.received(children[0], b"login");
    bench.keys("ctrl-f").text("dir:rx");
    assert_eq!(bench.ui.bench.view.len(), 1);
    bench.text(" kind:");
    bench.shows("kind");
    assert_eq!(bench.ui.bench.view.filter().text(), "dir:rx");
    bench.text("received");
    assert_eq!((bench.ui.bench.view.filter().text(), bench.ui.bench.view.len()), ("dir:rx kind:received", 1));
    bench.keys("esc");
    assert_eq!(bench.ui.bench.view.filter().text(), "");
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
fn a_bench_is_saved_under_a_name_and_comes_back() {
    let (mut bench, ..) = Harness::with_listener(0);
    bench.keys("ctrl-s").text("lab").keys("enter");
    assert_eq!(
        bench.effects(),
        [Effect::SaveProfile { path: Some(PathBuf::from("/profiles/lab.toml")), replace: false }]
    );
    let text = bench.ui.profile_mut().to_toml();
    let mut again = Harness::new();
    again.ui.profile_loaded(Profile::parse(&text, None));
    let orders = again.orders();
    let [Command::Open { endpoint, .. }] = orders.as_slice() else { panic!("{orders:?}") };
    assert_eq!(endpoint.to_string(), "tcp-listen://127.0.0.1:7788");
}

#[test]
fn an_echo_is_part_of_the_profile() {
    let (mut bench, listener, _) = Harness::with_listener(0);
    let text = bench.ui.profile_mut().to_toml();
    bench.keys("tab shift-e");
    assert_eq!(echoing_in(&bench.orders()), [(listener, true)]);
    bench.shows("server echoes what comes");
    let echoing = bench.ui.profile_mut().to_toml();
    bench.keys("shift-e");
    assert_eq!(echoing_in(&bench.orders()), [(listener, false)]);
    assert_eq!(bench.ui.profile_mut().to_toml(), text);

    let mut again = Harness::new();
    let profile = Profile::parse(&echoing, None).unwrap();
    again.ui.profile_loaded(Ok(profile));
    let orders = again.orders();
    let Command::Open { socket, .. } = orders[1] else { panic!("{orders:?}") };
    assert_eq!(echoing_in(&orders[..1]), [(socket, true)]);
    again.shows("server echo tcp-listen");
    assert!(!again.ui.profile_mut().is_modified());
    again.keys("tab shift-e");
    assert!(again.ui.profile_mut().is_modified());
    // What is added to a bench whose only rule names the server does not echo.
    again.effects();
    again.ui.open("udp-bind://127.0.0.1:0".parse().unwrap());
    assert!(matches!(again.orders().as_slice(), [Command::Open { .. }]));

    let every = echoing.replace("on = \"server\"\n", "");
    let mut bench = Harness::new();
    bench.ui.profile_loaded(Profile::parse(&every, None));
    bench.effects();
    bench.ui.open("udp-bind://127.0.0.1:0".parse().unwrap());
    let orders = bench.orders();
    assert!(echoing_in(&orders[..1])[0].1 && matches!(orders[1], Command::Open { .. }), "{orders:?}");
}

/// The sockets whose rules are set, and whether these are an echo.
fn echoing_in(orders: &[Command]) -> Vec<(SocketId, bool)> {
    let rules = orders.iter().map(|order| match order {
        Command::SetRules { socket, rules } => (*socket, rules.iter().any(|rule| rule.is_echo())),
        other => panic!("{other:?}"),
    });
    rules.collect()
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
fn only_a_plain_key_agrees_to_a_question() {
    let (mut bench, ..) = Harness::with_listener(0);
    bench.keys("ctrl-q ctrl-y");
    assert_eq!(bench.effects(), []);
    bench.keys("y");
    assert_eq!(bench.effects(), [Effect::Quit]);
}

#[test]
fn what_is_taken_off_the_bench_is_closed_whatever_it_was_doing() {
    let mut bench = Harness::new();
    let client = bench.ui.open("tcp://127.0.0.1:9".parse().unwrap());
    bench.effects();
    bench.keys("tab d");
    assert_eq!(bench.orders(), [Command::CloseAll { root: client, by: CloseReason::User }]);
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

#[test]
fn a_socket_that_opens_is_selected_rather_than_one_that_does_not_unless_the_user_chose() {
    let refused = || Fact::Failed(Box::new(NetError::from_errno(Operation::Connect, None, 111)));
    let opened = || Fact::Opened { local: address(7788), peer: None };
    let started = || {
        let mut bench = Harness::new();
        let server = bench.ui.open("tcp-listen://127.0.0.1:7788".parse().unwrap());
        let client = bench.ui.open("tcp://127.0.0.1:9".parse().unwrap());
        (bench, server, client)
    };
    for server_first in [false, true] {
        let (mut bench, server, client) = started();
        let mut both = [(server, opened()), (client, refused())];
        if !server_first {
            both.reverse();
        }
        for (socket, fact) in both {
            bench.happens(socket, fact);
        }
        assert_eq!(bench.ui.sockets.selected, Some(Entry::Root(server)));
        assert_eq!(bench.ui.target, Some(Target::Children(server)));
    }
    for key in ["x", "tab k j"] {
        let (mut bench, server, client) = started();
        bench.keys(key);
        bench.happens(client, refused());
        bench.happens(server, opened());
        assert_eq!(bench.ui.sockets.selected, Some(Entry::Root(client)), "{key}");
    }
    // Once it has been open it stays selected.
    let (mut bench, server, client) = started();
    bench.happens(client, Fact::Connected { local: address(1), peer: address(9) });
    bench.happens(server, opened());
    bench.happens(client, Fact::Closed { reason: CloseReason::Reset });
    assert_eq!(bench.ui.sockets.selected, Some(Entry::Root(client)));
    // Of a profile, too, whose first socket is not opened at all; of a pair it is an end.
    let toml = "version = 1\n[[socket]]\nname = 'a'\nopen = 'tcp://127.0.0.1:9'\nauto = false\n\
                [[socket]]\nname = 'b'\nopen = 'pair://'\n";
    let mut bench = Harness::new();
    bench.ui.profile_loaded(Profile::parse(toml, None));
    let Some(Command::Open { socket: pair, .. }) = bench.orders().pop() else { panic!("nothing was opened") };
    bench.happens(pair, Fact::Opened { local: crate::contract::UnixAddress::Unnamed.into(), peer: None });
    let end = bench.ids.mint();
    bench.happens(end, Fact::Paired { parent: pair, number: 1 });
    assert_eq!(bench.ui.sockets.selected, Some(Entry::Child(end)));
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

/// Something that a user or a peer may do.
#[derive(Clone, Debug)]
enum Step {
    Key(&'static str),
    Letter(char),
    Paste(String),
    Click(u16, u16),
    Wheel(bool, u16, u16),
    Bytes(Vec<u8>),
    Fin,
    Reset,
}

fn step() -> impl Strategy<Value = Step> {
    let keys: Vec<&'static str> = actions()
        .flat_map(|action| action.keys.iter().copied())
        .chain(["esc", "enter", "left", "right", "backspace", "delete", "y"])
        .filter(|key| !key.starts_with("ctrl-q"))
        .collect();
    prop_oneof![
        6 => proptest::sample::select(keys).prop_map(Step::Key),
        3 => any::<char>().prop_map(Step::Letter),
        1 => any::<String>().prop_map(Step::Paste),
        2 => (0u16..130, 0u16..45).prop_map(|(x, y)| Step::Click(x, y)),
        1 => (any::<bool>(), 0u16..130, 0u16..45).prop_map(|(up, x, y)| Step::Wheel(up, x, y)),
        2 => proptest::collection::vec(any::<u8>(), 0..200).prop_map(Step::Bytes),
        1 => Just(Step::Fin),
        1 => Just(Step::Reset),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // Case 6.
    /// Whatever is typed, clicked, pasted or received: no panic, and nothing on the screen that could act on it.
    #[test]
    fn nothing_breaks_the_screen(steps in proptest::collection::vec(step(), 0..60), wide in any::<bool>()) {
        let (mut bench, _, children) = Harness::with_listener(2);
        let (width, height) = if wide { (125, 42) } else { (80, 24) };
        for step in steps {
            match step {
                Step::Key(key) => { bench.keys(key); }
                Step::Letter(letter) => {
                    bench.ui.handle(TerminalEvent::Key(KeyEvent::from(KeyCode::Char(letter))));
                }
                Step::Paste(text) => {
                    bench.ui.handle(TerminalEvent::Paste(text));
                }
                Step::Click(x, y) => bench.mouse(MouseEventKind::Down(MouseButton::Left), x, y),
                Step::Wheel(up, x, y) => {
                    bench.mouse(if up { MouseEventKind::ScrollUp } else { MouseEventKind::ScrollDown }, x, y);
                }
                Step::Bytes(bytes) => bench.received(children[0], &bytes),
                Step::Fin => bench.happens(children[0], Fact::PeerClosed),
                Step::Reset => bench.happens(children[1], Fact::Closed { reason: CloseReason::Reset }),
            }
            let picture = bench.picture(width, height);
            prop_assert!(!picture.chars().any(|c| c.is_control() && c != '\n'));
        }
    }
}

impl Harness {
    fn mouse(&mut self, kind: MouseEventKind, column: u16, row: u16) {
        let modifiers = crossterm::event::KeyModifiers::NONE;
        self.ui.handle(TerminalEvent::Mouse(MouseEvent { kind, column, row, modifiers }));
    }
}

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

#[test]
fn timelines_of_all_widths() {
    let (mut harness, _, _) = with_lives();
    harness.keys("4");
    for (width, height) in [(120, 40), (80, 24)] {
        insta::assert_snapshot!(format!("timeline_{width}x{height}"), harness.snapshot(width, height));
    }
}
