//! The form for sockets, and what is offered where an address is held.

use std::time::Instant;

use super::*;
use crate::contract::{AddressKind, Endpoint, SCHEMES, UnixAddress, ValueKind};
use crate::ui::Surroundings;

/// An error of `bind` for an address that another process holds.
fn in_use(address: &str) -> Fact {
    let mut error = NetError::from_errno(Operation::Bind, Some(address.to_owned()), 98);
    "pid 4121 python3 holds it".clone_into(&mut error.cause);
    Fact::Failed(Box::new(error))
}

/// The sockets that were opened, with their endpoints.
fn opened(bench: &mut Harness) -> Vec<(SocketId, String)> {
    let opened = bench.orders().into_iter().filter_map(|order| match order {
        Command::Open { socket, endpoint } => Some((socket, endpoint.to_string())),
        _ => None,
    });
    opened.collect()
}

/// Turns the scheme of an open form to this one.
fn turn_to(bench: &mut Harness, scheme: &str) {
    let turns = SCHEMES.iter().position(|spec| spec.name == scheme).unwrap();
    for _ in 0..turns {
        bench.keys("right");
    }
}

#[test]
fn the_focused_field_is_in_sight_at_any_size() {
    for spec in SCHEMES {
        let mut bench = Harness::new();
        bench.keys("ctrl-n");
        turn_to(&mut bench, spec.name);
        for keys in ["down", "up"] {
            for _ in 0..spec.options.len() + 3 {
                for (width, height) in [(80, 24), (60, 16), (40, 12)] {
                    let picture = bench.picture(width, height);
                    let focused = picture.lines().filter(|line| line.contains("║ > ")).count();
                    assert_eq!(focused, 1, "{}:\n{picture}", spec.name);
                }
                bench.keys(keys);
            }
        }
    }
}

#[test]
fn every_scheme_is_opened_with_every_option_that_it_has() {
    for spec in SCHEMES {
        let mut bench = Harness::new();
        bench.keys("ctrl-n");
        turn_to(&mut bench, spec.name);
        // Past the scheme, the address where there is one, and the name.
        let fields = if spec.address == AddressKind::Nothing { 2 } else { 3 };
        for _ in 0..fields {
            bench.keys("down");
        }
        let mut wanted = Endpoint::from_parts(spec.scheme, spec.example).unwrap();
        for option in spec.options {
            let value = match option.kind {
                // Turned once, away from the default.
                ValueKind::Flag => "true",
                ValueKind::Word(words) => words[0].0,
                ValueKind::Integer(_) => "7",
                ValueKind::Duration | ValueKind::AfterFin => "7s",
                ValueKind::Size => "7KiB",
                ValueKind::Address => "127.0.0.1:7",
                ValueKind::Groups => "239.1.2.3@lo",
                ValueKind::Path => "/tmp/saved & kept?",
                ValueKind::Encoding => "gbk",
                ValueKind::Framing => "length:u16be,offset=4",
            };
            if matches!(option.kind, ValueKind::Flag | ValueKind::Word(_)) {
                bench.keys("right");
            } else {
                bench.text(value);
            }
            bench.keys("down");
            wanted.set_option(option.name, value).unwrap();
        }
        bench.keys("enter");
        let opened: Vec<_> = opened(&mut bench).into_iter().map(|(_, url)| url).collect();
        assert_eq!(opened, [wanted.to_string()], "{}", spec.name);
        assert_eq!(opened[0].parse::<Endpoint>(), Ok(wanted));
    }
}

#[test]
fn options_out_of_sight_are_counted() {
    let mut bench = Harness::new();
    bench.keys("ctrl-n right");
    let picture = bench.picture(80, 24);
    assert!(picture.contains("↓ 10 more") && !picture.contains('↑'), "{picture}");
    bench.keys("up");
    let picture = bench.picture(80, 24);
    assert!(picture.contains("> save-limit") && picture.contains("↑ 10 more"), "{picture}");
    insta::assert_snapshot!("form_end_80x24", bench.snapshot(80, 24));
    let picture = bench.picture(80, 40);
    assert!(picture.contains("source") && !picture.contains('↑'), "{picture}");
}

#[test]
fn a_field_that_is_clicked_is_the_one_that_is_seen() {
    let mut bench = Harness::new();
    bench.keys("ctrl-n right up");
    let picture = bench.picture(80, 24);
    let row = picture.lines().position(|line| line.contains("receive-buffer")).expect("it is in sight");
    bench.mouse(MouseEventKind::Down(MouseButton::Left), 30, u16::try_from(row).unwrap());
    let picture = bench.picture(80, 24);
    assert!(picture.contains("> receive-buffer"), "{picture}");
}

#[test]
fn a_letter_on_the_scheme_takes_the_next_that_begins_so() {
    let mut bench = Harness::new();
    bench.keys("ctrl-n").text("p");
    bench.shows("< pair >");
    bench.shows("Calls: socketpair(AF_UNIX, SOCK_STREAM)");
    for wanted in ["udp-bind", "udp", "unix-listen"] {
        bench.text("u");
        bench.shows(&format!("< {wanted} >"));
    }
    bench.text("x");
    bench.shows("< unix-listen >");
}

#[test]
fn a_pair_has_no_address_to_fill_in_and_the_one_that_was_typed_comes_back() {
    let mut bench = Harness::new();
    bench.keys("ctrl-n down ctrl-u").text("10.0.0.7:80").keys("up").text("p").keys("down");
    bench.shows("> name");
    bench.keys("up").text("tt");
    bench.shows("tcp://10.0.0.7:80");
    bench.text("p").keys("enter");
    assert_eq!(opened(&mut bench)[0].1, "pair://");
}

#[test]
fn a_client_is_proposed_the_server_that_stands() {
    let mut bench = Harness::new();
    let listener = bench.ui.open("tcp-listen://0.0.0.0:0".parse().unwrap());
    let local = "0.0.0.0:40123".parse().map(Address::Ip).unwrap();
    bench.happens(listener, Fact::Opened { local, peer: None });
    let unix = bench.ui.open("unix-dgram-bind:///tmp/a%3F.sock".parse().unwrap());
    let local = UnixAddress::Pathname(b"/tmp/a?.sock".to_vec()).into();
    bench.happens(unix, Fact::Opened { local, peer: None });
    for (scheme, url) in [("tcp", "tcp://127.0.0.1:40123"), ("unix-dgram", "unix-dgram:///tmp/a%3F.sock")] {
        bench.effects();
        bench.keys("ctrl-n");
        turn_to(&mut bench, scheme);
        bench.keys("enter");
        assert_eq!(opened(&mut bench)[0].1, url);
    }
}

#[test]
fn a_default_is_that_of_the_scheme() {
    let mut bench = Harness::new();
    bench.keys("ctrl-n");
    let mut defaults = |scheme: &str, keys: &str| {
        bench.keys("esc ctrl-n");
        turn_to(&mut bench, scheme);
        bench.keys(keys);
        let picture = bench.picture(80, 40);
        ["eol", "reuse-address", "receive-buffer"].map(|option| {
            let row = picture.lines().find(|line| line.contains(&format!("  {option} ")));
            row.map(|row| row.split_once('(').unwrap().1.split_once(')').unwrap().0.to_owned()).unwrap_or_default()
        })
    };
    assert_eq!(defaults("tcp-listen", ""), ["lf", "on", "the system's"]);
    assert_eq!(defaults("tcp", ""), ["lf", "the system's", "the system's"]);
    assert_eq!(defaults("udp-bind", ""), ["none", "the system's", "4MiB asked for"]);
    assert_eq!(defaults("pair", ""), ["lf", "", "the system's"]);
    assert_eq!(defaults("pair", "down down right right up"), ["none", "", "the system's"]);
}

#[test]
fn a_default_gives_way_to_what_was_given() {
    let mut bench = Harness::new();
    for name_and_value in [("framing", "line"), ("encoding", "utf-16le"), ("wrap", "true")] {
        bench.ui.defaults.push((name_and_value.0.to_owned(), name_and_value.1.to_owned()));
    }
    for (given, taken) in [
        ("tcp://127.0.0.1:1?framing=line", "tcp://127.0.0.1:1?framing=line&wrap=true"),
        ("tcp://127.0.0.1:1?encoding=utf-16be", "tcp://127.0.0.1:1?encoding=utf-16be"),
        (
            "tcp://127.0.0.1:1?framing=delimiter:0a00",
            "tcp://127.0.0.1:1?encoding=utf-16le&framing=delimiter:0a00&wrap=true",
        ),
    ] {
        let endpoint = bench.ui.with_defaults(given.parse().unwrap());
        assert_eq!(endpoint, taken.parse().unwrap(), "{given}");
    }
}

#[test]
fn a_port_is_taken_by_a_socket_of_the_same_protocol_alone() {
    let (mut bench, ..) = Harness::with_listener(0);
    for (scheme, url) in [
        ("udp-bind", "udp-bind://127.0.0.1:7788"),
        ("udp-bind", "udp-bind://127.0.0.1:0"),
        ("tcp-listen", "tcp-listen://127.0.0.1:0"),
    ] {
        bench.keys("ctrl-n");
        turn_to(&mut bench, scheme);
        bench.keys("enter");
        assert_eq!(opened(&mut bench)[0].1, url);
    }
}

#[test]
fn each_unix_server_is_proposed_a_path_of_its_own() {
    let mut bench = Harness::new();
    let socket_folder = "/run/user/1000".to_owned();
    bench.ui.set_surroundings(Surroundings { socket_folder, ..Surroundings::default() });
    for (scheme, path) in [
        ("unix-listen", "/run/user/1000/sockbench.sock"),
        ("unix-dgram-bind", "/run/user/1000/sockbench-2.sock"),
        ("unix-listen", "/run/user/1000/sockbench-3.sock"),
    ] {
        bench.keys("ctrl-n");
        turn_to(&mut bench, scheme);
        bench.keys("enter");
        assert_eq!(opened(&mut bench)[0].1, format!("{scheme}://{path}"));
    }
}

// Case 22.
#[test]
fn a_link_local_address_names_the_interfaces_that_there_are() {
    let mut bench = Harness::new();
    let interfaces = vec!["lo".to_owned(), "eth0".to_owned()];
    bench.ui.set_surroundings(Surroundings { interfaces, ..Surroundings::default() });
    bench.keys("ctrl-n down ctrl-u").text("[fe80::1]:80").keys("enter");
    bench.shows("a link-local address needs its interface: [fe80::1%eth0]:port; there");
    bench.shows("lo, eth0");
    assert_eq!(bench.orders(), []);
}

#[test]
fn a_name_is_looked_up_once_while_its_form_is_open() {
    let mut bench = Harness::new();
    let asked = |bench: &mut Harness| {
        let began = Instant::now();
        loop {
            let again = bench.ui.tick();
            let looked_up: Vec<_> =
                bench.effects().into_iter().filter(|effect| matches!(effect, Effect::LookUp(_))).collect();
            // Without a timer nothing will be asked any more.
            if !looked_up.is_empty() || again.is_none() {
                return looked_up;
            }
            assert!(began.elapsed() < Duration::from_secs(10));
            std::thread::yield_now();
        }
    };
    bench.keys("ctrl-n down ctrl-u").text("some.host:80");
    bench.shows("some.host: looking up...");
    assert_eq!(asked(&mut bench), [Effect::LookUp("some.host".to_owned())]);
    bench.ui.looked_up("some.host".to_owned(), Ok(vec![[10, 0, 0, 1].into(), [10, 0, 0, 2].into()]));
    bench.shows("some.host = 10.0.0.1, 10.0.0.2");
    bench.text("80");
    assert_eq!(asked(&mut bench), []);
    bench.keys("ctrl-u").text("other:80").keys("esc");
    assert_eq!(asked(&mut bench), []);
}

#[test]
fn a_held_port_offers_the_next_one() {
    let mut bench = Harness::new();
    bench.keys("ctrl-p").text("tcp-listen://127.0.0.1:9000").keys("enter");
    bench.ui.open("tcp-listen://127.0.0.1:9001".parse().unwrap());
    bench.ui.open("udp-bind://127.0.0.1:9002".parse().unwrap());
    let (socket, _) = opened(&mut bench)[0];
    bench.happens(socket, in_use("127.0.0.1:9000"));
    bench.shows("Can't bind 127.0.0.1:9000: EADDRINUSE (98), pid 4121 python3 holds it.");
    insta::assert_snapshot!("in_use_80x24", bench.snapshot(80, 24));
    // The port after it is another socket's of the bench.
    bench.keys("enter");
    assert_eq!(opened(&mut bench), [(socket, "tcp-listen://127.0.0.1:9002".to_owned())]);
    // That try is the user's as well.
    bench.happens(socket, in_use("127.0.0.1:9002"));
    bench.shows("Enter: use 9003");
    bench.keys("e end backspace").text("7").keys("enter");
    assert_eq!(opened(&mut bench), [(socket, "tcp-listen://127.0.0.1:9007".to_owned())]);
    bench.happens(socket, in_use("127.0.0.1:9007"));
    bench.keys("esc");
    assert_eq!(bench.effects(), []);
}

#[test]
fn a_stale_path_is_replaced_only_where_the_engine_says_that_it_is_one() {
    for (hint, wanted) in [
        ("Nobody answers on it; unlink=true replaces it", vec!["unix-listen:///tmp/a?unlink=true".to_owned()]),
        ("Choose another path", vec![]),
    ] {
        let mut bench = Harness::new();
        bench.keys("ctrl-p").text("unix-listen:///tmp/a").keys("enter");
        let (socket, _) = opened(&mut bench)[0];
        let error = NetError::from_errno(Operation::Bind, Some("/tmp/a".to_owned()), 98).with_hint(hint);
        bench.happens(socket, Fact::Failed(Box::new(error)));
        let picture = bench.picture(80, 24);
        assert_eq!(picture.contains("Enter: replace it"), !wanted.is_empty(), "{picture}");
        bench.keys("enter");
        let urls: Vec<_> = opened(&mut bench).into_iter().map(|(_, url)| url).collect();
        assert_eq!(urls, wanted);
    }
}

#[test]
fn what_a_profile_opens_fails_without_a_question_and_so_does_a_busy_user() {
    let toml = "version = 1\nname = \"a\"\n[[socket]]\nname = \"s\"\nopen = \"tcp-listen://127.0.0.1:9000\"\n";
    let mut bench = Harness::new();
    bench.ui.profile_loaded(Profile::parse(toml, None));
    let (socket, _) = opened(&mut bench)[0];
    bench.happens(socket, in_use("127.0.0.1:9000"));
    assert!(bench.ui.overlays.is_empty());
    bench.shows("pid 4121 python3 holds it");

    // So does what was given on the command line, and so do those that a user who went on has opened.
    let mut bench = Harness::new();
    let socket = bench.ui.open("tcp-listen://127.0.0.1:9000".parse().unwrap());
    bench.happens(socket, in_use("127.0.0.1:9000"));
    assert!(bench.ui.overlays.is_empty());
    bench.shows("pid 4121 python3 holds it");
    // A key in the list opens it again, and is asked.
    bench.keys("tab o").happens(socket, in_use("127.0.0.1:9000"));
    assert_eq!(bench.ui.overlays.len(), 1);

    for (busy, overlays) in [("ctrl-p", 1), ("e", 0), ("e backspace", 0), ("ctrl-y tab j", 1)] {
        let mut bench = Harness::new();
        bench.keys("ctrl-p").text("tcp-listen://127.0.0.1:9000").keys("enter");
        let (socket, _) = opened(&mut bench)[0];
        bench.keys(busy).happens(socket, in_use("127.0.0.1:9000"));
        assert_eq!(bench.ui.overlays.len(), overlays, "{busy}");
        bench.shows("pid 4121 python3 holds it");
    }
    let mut bench = Harness::new();
    bench.keys("ctrl-p").text("tcp-listen://127.0.0.1:9000").keys("enter");
    let (socket, _) = opened(&mut bench)[0];
    bench.ui.handle(TerminalEvent::Paste("e".to_owned()));
    bench.happens(socket, in_use("127.0.0.1:9000"));
    assert!(bench.ui.overlays.is_empty());
}

#[test]
fn an_address_that_is_typed_on_the_scheme_is_not_swallowed() {
    let mut bench = Harness::new();
    bench.keys("ctrl-n");
    bench.text("u127.0.0.1:9000");
    bench.shows("< udp-bind >");
    bench.shows("127.0.0.1:9000");
    bench.keys("enter");
    assert!(matches!(bench.orders().as_slice(), [Command::Open { endpoint, .. }]
        if endpoint.to_string().ends_with("://127.0.0.1:9000")));
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
