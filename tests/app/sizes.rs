//! Terminals of every size, also those that are no size.

use std::io::Read;
use std::net::TcpStream;

use crate::session::{ENTER, Home, PATIENCE};

// Case 39.
#[test]
fn the_bench_goes_on_at_any_size() {
    let home = Home::new();
    let mut session = home.start(&["tcp-listen://127.0.0.1:0"]);
    let mut client = TcpStream::connect(session.address_after("open at ")).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    session.wait_for("accepted");
    let sizes =
        [(1, 1), (80, 24), (0, 0), (200, 50), (39, 9), (40, 10), (1, 200), (500, 1), (79, 24), (0, 24), (120, 40)];
    for (columns, rows) in sizes {
        let written = session.raw.len();
        session.resize(columns, rows);
        if columns > 0 && rows > 0 {
            session.wait_for_more_than(written);
        }
        // What is typed goes through the same loop as drawing: the second answer comes after a frame of this size.
        for text in ["one", "two"] {
            session.keys(text);
            session.keys(ENTER);
            let mut sent = [0; 4];
            client.read_exact(&mut sent).unwrap_or_else(|error| panic!("at {columns}x{rows}: {error}"));
            assert_eq!(&sent[..3], text.as_bytes());
        }
        if columns >= 40 && rows >= 10 {
            session.wait_until("a frame of this size", |screen| {
                let corner = screen.cell(rows - 2, columns - 1).map(vt100::Cell::contents);
                corner == Some("╝")
            });
        }
    }
}

// Case 39.
#[test]
fn a_storm_of_sizes_ends_with_the_frame_of_the_last() {
    let home = Home::new();
    let mut session = home.start(&["tcp-listen://127.0.0.1:0"]);
    session.wait_for("open at ");
    for turn in 0..500u16 {
        let (columns, rows) =
            [(0, 0), (1, 1), (turn, 24), (80, turn % 60), (turn % 200, turn % 50)][usize::from(turn % 5)];
        session.resize(columns, rows);
    }
    session.resize(100, 30);
    session.keys("still here");
    session.wait_until("a frame of the last size", |screen| {
        screen.cell(28, 99).map(vt100::Cell::contents) == Some("╝") && screen.contents().contains("still here")
    });
}

// Case 39.
#[test]
fn a_new_size_is_drawn_in_the_midst_of_a_paste() {
    let home = Home::new();
    let mut session = home.start(&["tcp-listen://127.0.0.1:0"]);
    session.wait_for("open at ");
    session.keys("\x1b[200~one line, \n");
    session.resize(100, 30);
    session.wait_until("a frame of this size", |screen| screen.cell(28, 99).map(vt100::Cell::contents) == Some("╝"));
    session.keys("and another\x1b[201~");
    session.wait_for("and another");
    assert!(session.text().contains("one line, "));
}
