//! An address that another socket holds, and a name that stands in a form.

use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream};

use crate::session::{DOWN, ENTER, Home, Session, ctrl};

// Case 23.
#[test]
fn who_holds_a_port_is_named_and_one_key_takes_the_next() {
    let home = Home::new();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap();
    let mut session = opened_by_a_key(&home, &format!("tcp-listen://{address}"));
    session.wait_for(&format!("Can't bind {address}: EADDRINUSE (98), pid {} ", std::process::id()));
    // Whoever holds the ports after it is passed over in the same way.
    for port in address.port() + 1.. {
        session.wait_for(&format!("Enter: use {port}"));
        session.keys(ENTER);
        let (next, open) = (format!("Enter: use {}", port + 1), format!("open at 127.0.0.1:{port}"));
        session.wait_until("an outcome", |screen| [&next, &open].iter().any(|text| screen.contents().contains(*text)));
        if session.text().contains(&open) {
            break;
        }
    }
    session.wait_until("the question is gone", |screen| !screen.contents().contains("is not open"));
    session.quit();
}

#[test]
fn a_stale_path_is_replaced_by_one_key_and_a_live_one_is_not() {
    let home = Home::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    drop(UnixListener::bind(&path).unwrap());
    let mut session = opened_by_a_key(&home, &format!("unix-listen://{}", path.display()));
    session.wait_for("Enter: replace it");
    session.keys(ENTER);
    session.wait_until("a question no more", |screen| !screen.contents().contains("is not open"));
    session.wait_for("Nobody is here");
    UnixStream::connect(&path).unwrap();
    session.quit();

    let _live = UnixListener::bind(&path).unwrap();
    let mut session = opened_by_a_key(&home, &format!("unix-listen://{}", path.display()));
    session.wait_for(&format!("pid {} ", std::process::id()));
    session.wait_for("e: edit");
    assert!(!session.text().contains("Enter: "));
    session.keys("\x1b");
    session.wait_until("the question is gone", |screen| !screen.contents().contains("is not open"));
    session.keys(&ctrl('q'));
    assert_eq!(session.leave(), 0);
}

#[test]
fn a_name_in_the_form_is_looked_up_without_being_asked() {
    let home = Home::new();
    let mut session = home.start::<&str>(&[]);
    session.wait_for("Nothing is open");
    session.keys(&ctrl('n'));
    session.wait_for("New socket");
    session.keys(&(DOWN.to_owned() + &ctrl('u') + "localhost:9"));
    session.wait_until("its addresses", |screen| {
        let shown = screen.contents();
        shown.contains("localhost = 127.0.0.1") || shown.contains("localhost = ::1")
    });
    session.keys("\x1b");
    session.wait_until("the form is gone", |screen| !screen.contents().contains("New socket"));
    session.keys(&ctrl('q'));
    assert_eq!(session.leave(), 0);
}

/// With an endpoint that could not be opened from the command line, which is no question, and not by a key either.
fn opened_by_a_key(home: &Home, endpoint: &str) -> Session {
    let mut session = home.start(&[endpoint]);
    session.wait_for("EADDRINUSE 98");
    assert!(!session.text().contains("is not open"));
    session.keys("\to");
    session
}
