//! The list of sockets: what is opened, selected and closed, and how each fares.

use super::*;

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

#[test]
fn what_is_taken_off_the_bench_is_closed_whatever_it_was_doing() {
    let mut bench = Harness::new();
    let client = bench.ui.open("tcp://127.0.0.1:9".parse().unwrap());
    bench.effects();
    bench.keys("tab d");
    assert_eq!(bench.orders(), [Command::CloseAll { root: client, by: CloseReason::User }]);
}
