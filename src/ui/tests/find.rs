//! Finding and filtering as a user meets them.

use super::*;
use ratatui::style::Color;

fn log_of(messages: &[&[u8]]) -> Harness {
    let (mut bench, _, children) = Harness::with_listener(1);
    for message in messages {
        bench.received(children[0], message);
    }
    bench.ui.focus = Pane::Log;
    bench
}

fn cursor(bench: &Harness) -> u64 {
    bench.ui.bench.view.cursor().unwrap().seq
}

/// The rows: 1 opened, 2 accepted, and from 3 on the messages.
const MESSAGES: [&[u8]; 5] = [b"login ann", b"ping", b"LOGIN bob", b"ping", b"logout"];

#[test]
fn what_is_typed_is_found_at_once_and_n_turns_with_a_word_where_it_wraps() {
    let mut bench = log_of(&MESSAGES);
    bench.keys("f").text("login");
    // The log followed: the newest match.
    assert_eq!(cursor(&bench), 5);
    bench.keys("enter").shows("find \"login\" 2/2");
    assert!(!bench.ui.bench.view.is_following());
    bench.keys("n").shows("on from the first");
    assert_eq!(cursor(&bench), 3);
    bench.keys("n").shows("find \"login\" 2/2");
    assert_eq!(cursor(&bench), 5);
    bench.keys("shift-n");
    assert_eq!(cursor(&bench), 3);
    bench.keys("shift-n").shows("on from the last");
    assert_eq!(cursor(&bench), 5);
    // From a row on, the next match is the first from there.
    bench.keys("home f").text("/^log/i");
    assert_eq!(cursor(&bench), 3);
    bench.shows("1/3");
    bench.keys("enter esc");
    assert!(bench.ui.bench.find.is_none());
    bench.keys("n").shows("nothing is looked for");
}

#[test]
fn escape_goes_back_to_where_the_search_began() {
    let mut bench = log_of(&MESSAGES);
    bench.keys("f").text("ann");
    assert_eq!(cursor(&bench), 3);
    bench.keys("esc");
    assert!(bench.ui.bench.view.is_following() && bench.ui.bench.find.is_none());
    bench.keys("f").text("bob").keys("enter f").text("ann");
    bench.shows(" find ann ");
    bench.keys("esc");
    assert_eq!(cursor(&bench), 5);
    bench.shows("find \"bob\" 1/1");
    // Ends find first, and then the filter.
    bench.keys("/").text("dir:rx").keys("enter esc");
    assert_eq!((bench.ui.bench.find.is_none(), bench.ui.bench.view.filter().text()), (true, "dir:rx"));
    bench.keys("esc");
    assert_eq!(bench.ui.bench.view.filter().text(), "");
}

#[test]
fn what_the_filter_hides_is_counted_and_new_rows_are_searched() {
    let mut bench = log_of(&MESSAGES);
    bench.keys("/").text("!bob").keys("enter f").text("login").keys("enter");
    bench.shows("find \"login\" 1/1 +1 hidden");
    bench.keys("n").shows("This is the only one.");
    let child = bench.ui.bench.current().unwrap().socket;
    bench.received(child, b"login eve");
    while bench.ui.work() {}
    bench.shows("find \"login\" 1/2 +1 hidden");
    bench.keys("f").text("bob").keys("enter n").shows("1 that are hidden do");
}

#[test]
fn a_needle_that_is_wrong_is_told_and_finds_nothing() {
    let mut bench = log_of(&MESSAGES);
    bench.keys("f").text("hex:6c 6");
    bench.shows("half a byte");
    bench.text("f").shows(" find hex:6c 6f ");
    assert_eq!(bench.ui.bench.find.as_ref().unwrap().len(), 2);
    bench.keys("enter").shows("find hex:6c 6f 2/2");
}

#[test]
fn matches_stand_out_in_the_log_and_in_the_bytes() {
    let mut bench = log_of(&[b"\x1b[2J \xe6\x97\xa5 needle"]);
    bench.keys("f").text("needle").keys("enter");
    let mut buffer = Buffer::empty(Rect::new(0, 0, 120, 40));
    bench.ui.render(&mut buffer);
    let mut marked = Vec::new();
    for y in 0..40 {
        let text: String =
            (0..120).filter(|x| buffer[(*x, y)].bg == Color::Yellow).map(|x| buffer[(x, y)].symbol()).collect();
        if !text.is_empty() {
            marked.push(text);
        }
    }
    assert_eq!(marked, ["needle", "6e 65 65 64 6c 65needle"], "{}", bench.picture(120, 40));
}

#[test]
fn the_filter_is_completed_by_its_keys_and_by_what_is_known() {
    let mut bench = log_of(&MESSAGES);
    bench.keys("/").shows("socket:");
    bench.text("so").keys("tab");
    bench.shows("server#1");
    bench.keys("down down enter").shows("socket:server#1");
    assert_eq!(bench.ui.bench.view.filter().text(), "socket:server#1");
    // The list is gone, so that Up moves the cursor, and Enter keeps the filter.
    bench.keys("up");
    assert_eq!(cursor(&bench), 6);
    bench.text(" di").keys("tab tab enter");
    assert_eq!(bench.ui.bench.view.filter().text(), "socket:server#1 dir:rx");
    assert!(bench.ui.overlays.is_empty());
    bench.keys("/").text(" (dir:rx | ").shows("not closed");
}

#[test]
fn a_key_without_its_value_is_no_word_to_look_for() {
    let mut bench = log_of(&MESSAGES);
    bench.keys("/").text("dir:rx kind");
    assert_eq!(bench.ui.bench.view.len(), 0);
    bench.text(":");
    assert_eq!(bench.ui.bench.view.filter().text(), "dir:rx");
    assert_eq!(bench.ui.bench.view.len(), 5);
    bench.text("received");
    assert_eq!(bench.ui.bench.view.filter().text(), "dir:rx kind:received");
    // A value that is wrong for a moment leaves the last filter that was right.
    bench.keys("backspace");
    assert_eq!(bench.ui.bench.view.filter().text(), "dir:rx kind:received");
    bench.keys("esc /").text("soc").keys("tab");
    assert_eq!(bench.ui.bench.view.filter().text(), "");
}

#[test]
fn at_80_columns_the_title_tells_whether_the_log_follows_beside_filter_find_and_selection() {
    let mut bench = log_of(&MESSAGES);
    bench.keys("/").text("dir:rx socket:server#1").keys("enter f").text("login").keys("enter v");
    let picture = bench.picture(80, 24);
    for part in ["Log · dir:rx socket:server", " HELD ", "1 selected · find \"login\" 2/2"] {
        assert!(picture.contains(part), "{part}:\n{picture}");
    }
}

#[test]
fn the_status_line_names_the_keys_of_the_line_that_is_typed() {
    let mut bench = log_of(&MESSAGES);
    for (keys, hint) in [("/", "Enter keeps  Esc undoes"), ("esc f", "Enter stays  Esc goes back")] {
        let picture = bench.keys(keys).picture(80, 24);
        assert!(picture.contains(hint) && !picture.contains("inspect"), "{picture}");
    }
}

#[test]
fn a_text_is_found_and_filtered_in_the_encoding_of_its_socket() {
    let (mut bench, listener, children) = Harness::with_listener(1);
    bench.received(children[0], b"\xb5\xc7\xc2\xbc login");
    bench.received(children[0], b"other");
    bench.ui.focus = Pane::Log;
    bench.keys("f").text("\u{767b}\u{5f55}");
    assert!(bench.ui.bench.find.as_ref().unwrap().is_empty());
    let mut endpoint = bench.ui.bench.roster.get(listener).unwrap().endpoint.as_ref().clone();
    endpoint.set_option("encoding", "gbk").unwrap();
    bench.ui.bench.change(listener, endpoint);
    assert!(!bench.ui.bench.catch_up() && !bench.ui.bench.search());
    bench.keys("enter n");
    assert_eq!(cursor(&bench), 3);
    bench.keys("esc / ").text("\u{767b}");
    assert_eq!(bench.ui.bench.view.len(), 1);
}

#[test]
fn what_the_last_slice_of_a_filter_and_of_a_search_finds_is_drawn() {
    let (mut bench, _, children) = Harness::with_listener(1);
    for at in 0..20_000 {
        bench.ui.bench.store.append_local(Event { at: Timestamp(at), socket: children[0], fact: Fact::PeerClosed });
    }
    bench.ui.focus = Pane::Log;
    for (keys, text) in [("/", "kind:peer-closed"), ("f", "FIN")] {
        bench.keys(keys).text(text).keys("enter");
        let mut drawn = String::new();
        while bench.ui.work() {
            drawn = bench.picture(80, 24);
        }
        assert_eq!(drawn, bench.picture(80, 24));
    }
    bench.shows("20,000");
}

#[test]
fn what_find_brings_into_sight_is_no_longer_new() {
    let (mut bench, _, children) = Harness::with_listener(1);
    bench.ui.focus = Pane::Log;
    bench.keys("home");
    for _ in 0..100 {
        bench.received(children[0], b"line");
    }
    bench.received(children[0], b"needle");
    bench.shows(" new ");
    bench.keys("f").text("needle").keys("enter");
    let picture = bench.picture(120, 40);
    assert!(picture.contains("needle") && !picture.contains(" new "), "{picture}");
}

#[test]
fn tab_turns_the_values_that_are_known() {
    let mut bench = log_of(&MESSAGES);
    bench.keys("/").text("dir:").keys("tab").shows("dir:rx");
    bench.keys("tab").shows("dir:tx");
    bench.keys("tab").shows("dir:rx");
    bench.text(" dir:").keys("tab tab enter");
    assert_eq!(bench.ui.bench.view.filter().text(), "dir:rx dir:tx");
}

#[test]
fn the_inspector_begins_at_what_was_found() {
    let mut bench = log_of(&[b"a header, and then the needle"]);
    bench.keys("f").text("needle").keys("enter enter");
    bench.shows("from byte 23 (0x17) of 29");
    bench.shows("big-endian");
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
