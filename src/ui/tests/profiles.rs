//! The bench as a profile, saved and loaded.

use super::*;

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
