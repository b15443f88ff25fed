//! Scenarios made of what was done, run at once and by `test`.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Command;
use std::thread;

use crate::session::{ENTER, Home, SHIFT_TAB, SOCKBENCH, ctrl};

#[test]
fn what_was_done_is_kept_and_passes_at_once_and_from_the_saved_profile() {
    let peer = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = peer.local_addr().unwrap();
    // Greets, answers each line in pieces, and ends at `quit`; that goes on until the test ends.
    thread::spawn(move || {
        for stream in peer.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let _ = stream.write_all(b"220 ready\r\n");
            while let Some(Ok(line)) = lines.next()
                && line != "quit"
            {
                let _ = stream.write_all(b"you said ");
                let _ = stream.write_all(format!("{line}\x00\r\n").as_bytes());
            }
        }
    });
    let home = Home::new();
    let mut session = home.start(&[format!("tcp://{address}")]);
    session.wait_for("220 ready");
    session.keys("hello");
    session.keys(ENTER);
    session.wait_for("RX client");
    session.wait_for("hello\\0");
    session.keys("quit");
    session.keys(ENTER);
    session.wait_for("peer FIN");
    session.keys(SHIFT_TAB);
    session.keys(SHIFT_TAB);
    session.keys("S");
    session.wait_for("Scenario of 6 steps");
    session.wait_for("equals = { escaped = ");
    session.keys("talk");
    session.keys(ENTER);
    session.wait_for("talk is a scenario of the bench");
    // Ctrl-6.
    session.keys("\x1e");
    session.wait_for("6 steps");
    session.keys(ENTER);
    session.wait_for("talk passed in");
    session.keys(&ctrl('s'));
    session.wait_for("Name or path");
    session.keys("kept");
    session.keys(ENTER);
    session.wait_for("saved to");
    session.quit();

    let mut test = Command::new(SOCKBENCH);
    test.args(["test", "kept", "talk"]).envs(home.variables());
    let output = test.output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && told.starts_with("ok 1 talk ("), "{told}");
}
