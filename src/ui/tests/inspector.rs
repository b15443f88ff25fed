//! The inspector's bytes: cursor, selection, values, strings, comparison, encodings.

use super::*;

/// The log's cursor on one received message, and the focus in the inspector.
fn inspecting(bytes: &[u8]) -> Harness {
    let (mut bench, _, children) = Harness::with_listener(1);
    bench.received(children[0], bytes);
    bench.ui.focus_on(Pane::Log);
    bench.keys("end enter");
    bench
}

fn copied(bench: &mut Harness) -> Option<String> {
    bench.effects().into_iter().find_map(|effect| match effect {
        Effect::Copy(text) => Some(text),
        _ => None,
    })
}

#[test]
fn the_bytes_under_the_cursor_are_told_as_numbers() {
    let mut bench = inspecting(&[0, 0, 1, 0x42, 0xff]);
    bench.keys("right right");
    bench.shows("from byte 2 (0x2) of 5");
    let picture = bench.picture(200, 50);
    let line = picture.lines().find(|line| line.contains("u16 ")).unwrap();
    assert!(line.contains("322") && line.contains("16897"), "{picture}");
    bench.keys("home v right right right");
    bench.shows("4 bytes at 0-3 (0x0-0x3) · y copies hex · selecting");
    bench.keys("y");
    assert_eq!(copied(&mut bench).as_deref(), Some("00 00 01 42"));
    bench.keys("esc");
    bench.shows("from byte 3 (0x3) of 5");
    bench.keys("shift-left");
    bench.shows("2 bytes at 2-3 (0x2-0x3)");
    bench.keys("left");
    bench.shows("from byte 1 (0x1) of 5");
}

#[test]
fn text_is_copied_as_text_and_all_where_nothing_is_selected() {
    let mut bench = inspecting(b"hello world\n");
    bench.keys("y");
    assert_eq!(copied(&mut bench).as_deref(), Some("hello world\n"));
    bench.keys("v right y");
    assert_eq!(copied(&mut bench).as_deref(), Some("he"));
}

#[test]
fn the_mouse_selects_what_it_is_drawn_over() {
    let mut bench = inspecting(b"0123456789abcdef0123456789");
    let picture = bench.picture(120, 40);
    let (y, line) = picture.lines().enumerate().find(|(_, line)| line.contains("00000000  30 31")).unwrap();
    let x = line.chars().collect::<String>().split("30 31").next().unwrap().chars().count();
    let (x, y) = (u16::try_from(x).unwrap(), u16::try_from(y).unwrap());
    bench.mouse(MouseEventKind::Down(MouseButton::Left), x + 3, y);
    bench.mouse(MouseEventKind::Drag(MouseButton::Left), x + 3 * 3, y + 1);
    bench.shows("19 bytes at 1-19 (0x1-0x13)");
}

#[test]
fn strings_are_listed_and_gone_to() {
    let mut bench = inspecting(b"\x01\x02name\0\0ab\xffpassword\x03");
    bench.keys("shift-s");
    bench.shows("2 strings of 4 characters or more");
    bench.shows("0000000b  password");
    bench.keys("down enter");
    bench.shows("8 bytes at 11-18 (0xb-0x12)");
    bench.keys("y");
    assert_eq!(copied(&mut bench).as_deref(), Some("password"));
}

#[test]
fn a_pinned_message_is_compared_until_it_is_no_longer() {
    let (mut bench, _, children) = Harness::with_listener(1);
    bench.received(children[0], b"GET /a HTTP/1.1");
    bench.received(children[0], b"GET /bcd HTTP/1.0");
    bench.ui.focus_on(Pane::Log);
    bench.keys("end up =");
    bench.shows("=GET /a HTTP/1.1");
    bench.keys("down");
    bench.shows("2 ~changed, 2 +inserted bytes");
    insta::assert_snapshot!("compared_80x24", bench.keys("enter").snapshot(80, 24));
    insta::assert_snapshot!("compared_120x40", bench.snapshot(120, 40));
    bench.keys("esc");
    let picture = bench.picture(120, 40);
    assert!(!picture.contains("~changed") && !picture.contains("=GET"), "{picture}");
}

#[test]
fn an_encoding_changes_what_is_shown_and_what_is_sent_at_once() {
    let (mut bench, listener, children) = Harness::with_listener(1);
    bench.received(children[0], b"\xc4\xe3\xba");
    bench.received(children[0], b"\xc3!");
    bench.shows("\\xc4\\xe3\\xba");
    bench.ui.focus_on(Pane::Sockets);
    bench.keys("shift-o").focus_option("encoding");
    bench.keys("e").text("gbk");
    bench.keys("enter");
    assert_eq!(bench.orders(), [], "the kernel knows nothing of encodings");
    let picture = bench.picture(120, 40);
    // A wide character leaves the cell after it empty.
    assert!(picture.contains("\u{4f60} \\xba") && picture.contains("\\xc3!"), "{picture}");
    assert_eq!(bench.ui.bench.roster.encoding(children[0]).to_string(), "gbk");
    bench.keys("q");
    bench.ui.focus_on(Pane::Log);
    bench.keys("end enter");
    bench.shows("the first byte ends \"\u{597d} \", begun in the message before");
    bench.keys("p");
    bench.shows("the last byte begins a character that ends in the next");
    bench.ui.target = Some(Target::Children(listener));
    bench.ui.focus_on(Pane::Input);
    bench.text("\u{4f60}");
    bench.shows("c4 e3 0a");
    bench.keys("enter");
    let orders = bench.orders();
    let [Command::Send { bytes, .. }] = orders.as_slice() else { panic!("{orders:?}") };
    assert_eq!(&bytes[..], b"\xc4\xe3\n");
    bench.text("\u{1f600}");
    bench.shows("is no character of gbk, at 1");
}

#[test]
fn a_short_message_leaves_its_room_to_the_values() {
    let (mut bench, _, children) = Harness::with_listener(1);
    bench.received(children[0], b"eight by");
    bench.ui.focus = Pane::Log;
    let picture = bench.keys("up end enter").picture(80, 24);
    assert!(picture.contains("i64 ") && picture.contains("big-endian"), "{picture}");
    let picture = bench.picture(120, 40);
    assert!(picture.contains("u64 ") && picture.contains(" more; select bytes"), "{picture}");
}

#[test]
fn bytes_that_are_no_text_begin_no_character() {
    let (mut bench, _, children) = Harness::with_listener(1);
    bench.received(children[0], b"\x01\x03\0\0\0\n\xc5\xcd");
    bench.ui.focus_on(Pane::Log);
    bench.keys("end enter");
    let picture = bench.picture(120, 40);
    assert!(picture.contains("c5 cd") && !picture.contains("begins a character"), "{picture}");
}
