//! A log that is larger than the memory that it may take.

use std::io::Write;
use std::net::{Shutdown, TcpStream};

use crate::session::{ENTER, Home, ctrl};

// Case 26.
#[test]
fn the_first_and_the_last_of_more_than_fits_in_memory_are_found() {
    let home = Home::new();
    let mut session = home.start(&["--memory", "1MiB", "tcp-listen://127.0.0.1:0"]);
    let address = session.address_after("open at ");
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(b"the very first of all").unwrap();
    session.wait_for("the very first of all");
    let chunk = vec![b'.'; 64 << 10];
    for _ in 0..32 * 16 {
        client.write_all(&chunk).unwrap();
    }
    client.shutdown(Shutdown::Write).unwrap();
    session.wait_for("the peer sent FIN");
    session.keys(&(ctrl('f') + "\"very first\"" + ENTER));
    session.wait_for("very first\" · 1/");
    session.wait_for("21 the very first of all");
    session.keys(&ctrl('f'));
    session.keys(&ctrl('u'));
    session.keys(&("kind:peer-closed".to_owned() + ENTER));
    session.wait_for("kind:peer-closed · 1/");
    session.wait_for("the peer sent FIN");
    assert!(!session.screen().contents().contains("oldest rows gone"));
}
