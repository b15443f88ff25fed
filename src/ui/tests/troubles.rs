//! What fails beside the sockets, and what must be seen for as long as it is so.

use super::*;
use crate::contract::Recording;

// Case 34.
#[test]
fn what_another_program_wrote_is_replaced_only_after_a_question() {
    let mut bench = Harness::new();
    bench.ui.profile_saved(None, Err(SaveError::Changed));
    bench.shows("Replace what another wrote?");
    // The focus is on Cancel.
    bench.keys("enter");
    assert_eq!(bench.effects(), []);
    bench.ui.profile_saved(None, Err(SaveError::Changed));
    bench.keys("y");
    assert_eq!(bench.effects(), [Effect::SaveProfile { path: None, replace: true }]);
}

// Case 32.
#[test]
fn a_save_that_is_refused_says_why_and_that_nothing_is_lost() {
    let (mut bench, ..) = Harness::with_listener(0);
    let before = bench.ui.profile_mut().to_toml();
    let (path, error) = (PathBuf::from("/etc/lab.toml"), io::ErrorKind::PermissionDenied.into());
    bench.ui.profile_saved(Some(path.clone()), Err(SaveError::Io { path, error }));
    bench.shows("Not saved: /etc/lab.toml can't be written: permission denied. The changes are still here.");
    assert!(bench.ui.profile_mut().is_modified());
    assert_eq!(bench.ui.profile_mut().to_toml(), before);
}

// Case 30.
#[test]
fn a_recording_that_failed_stands_in_red_until_it_is_stopped_and_the_log_goes_on() {
    let (mut bench, _, children) = Harness::with_listener(1);
    bench.ui.set_recording(Some(Recording::Failed("trace.pcapng: ENOSPC (28)".to_owned())));
    for _ in 0..2 {
        // It is told at once, and stands when that message is gone.
        bench.shows("NOT RECORDING: trace.pcapng: ENOSPC (28)");
        bench.ui.notice = None;
    }
    let mut buffer = Buffer::empty(Rect::new(0, 0, 120, 40));
    bench.ui.render(&mut buffer);
    let at = (0..120).find(|x| buffer[(*x, 39)].symbol() == "N").unwrap();
    assert_eq!(Some(buffer[(at, 39)].fg), bench.ui.look.error.fg);
    bench.received(children[0], b"goes on");
    bench.shows("goes on");
    bench.ui.set_recording(None);
    assert!(!bench.picture(120, 40).contains("NOT RECORDING"));
}

// Case 44.
#[test]
fn a_listener_on_every_interface_is_marked_for_as_long_as_it_is_open() {
    for (url, exposed) in [
        ("tcp-listen://0.0.0.0:9000", true),
        ("tcp-listen://[::]:9000", true),
        ("udp-bind://0.0.0.0:9000", true),
        ("tcp-listen://127.0.0.1:9000", false),
        ("tcp-listen://192.0.2.1:9000", false),
    ] {
        let mut bench = Harness::new();
        let endpoint: crate::contract::Endpoint = url.parse().unwrap();
        let local = Address::Ip(url.split_once("://").unwrap().1.parse().unwrap());
        let socket = bench.ui.open(endpoint);
        bench.happens(socket, Fact::Opened { local, peer: None });
        bench.ui.notice = None;
        for (width, height) in [(80, 24), (120, 40)] {
            assert_eq!(bench.picture(width, height).contains("EXPOSED"), exposed, "{url}");
        }
        bench.happens(socket, Fact::Closed { reason: CloseReason::User });
        assert!(!bench.picture(120, 40).contains("EXPOSED"), "{url}");
    }
    // Who leaves the address out does not get a wildcard.
    for url in ["tcp-listen://:9000", "tcp-listen://9000", "udp-bind://"] {
        assert!(url.parse::<crate::contract::Endpoint>().is_err(), "{url}");
    }
}
