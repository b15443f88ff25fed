//! Rules that are made on the screen, and answer there and from the saved profile.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::session::{ENTER, Home, PATIENCE, ctrl};

#[test]
fn a_rule_that_is_made_and_tried_here_answers_here_and_comes_back_with_the_profile() {
    let home = Home::new();
    let mut session = home.start(&["tcp-listen://127.0.0.1:0"]);
    let address = session.address_after("open at ");
    // What is answered by a rule later, and by nobody yet.
    let mut early = TcpStream::connect(address).unwrap();
    early.write_all(b"GET early").unwrap();
    session.wait_for("RX server#1");
    session.keys(&ctrl('v'));
    session.wait_for("One key makes one for server:");
    session.keys("1");
    session.wait_for("what came");
    session.keys("n");
    session.wait_for("New rule");
    session.wait_for("the rule echo stands before it and answers");
    // To the regular expression, and behind it to what is sent.
    session.keys("r\tGET (.+)\t\t<{{1}}>");
    session.wait_for("It sends 7 bytes:");
    session.wait_for("3c 65 61 72 6c 79 3e");
    session.keys(ENTER);
    session.wait_for("rule is kept");
    session.wait_for("echo stands before it and answers all");
    session.keys("-");
    session.wait_for("on server: /GET (.+)/");
    session.keys("q");
    session.wait_for("server 2 rules");

    assert_eq!(answers(address), ["<one>", "PUT"]);
    session.wait_for("answers 5 bytes · rule rule");
    session.keys(&ctrl('v'));
    session.wait_for("<{{1}}>");
    session.keys(&ctrl('s'));
    session.wait_for("Name or path");
    session.keys("answers");
    session.keys(ENTER);
    session.wait_for("saved to");
    session.keys("q");
    session.quit();

    let mut session = home.start(&["-p", "answers"]);
    session.wait_for("server 2 rules");
    let address = session.address_after("open at ");
    assert_eq!(answers(address), ["<one>", "PUT"]);
    session.quit();
}

/// What comes back for a message that the rule is for, and for one that it is not for.
fn answers(address: SocketAddr) -> [String; 2] {
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    [("GET one", 5), ("PUT", 3)].map(|(message, len)| {
        client.write_all(message.as_bytes()).unwrap();
        let mut answer = vec![0; len];
        client.read_exact(&mut answer).unwrap();
        String::from_utf8(answer).unwrap()
    })
}
