//! Saved payloads and repeats, as their peer receives them.

use std::fs;
use std::io::Read;
use std::net::TcpStream;

use crate::session::{ENTER, Home, PATIENCE, ctrl};

/// The request of the profile, with its checksum.
const REQUEST: [u8; 8] = [1, 3, 0, 0, 0, 10, 0xc5, 0xcd];

const PROFILE: &str = r#"
version = 1
[vars]
who = "world"
[[socket]]
name = "server"
open = "tcp-listen://127.0.0.1:0"
[[payload]]
name = "request"
hex = "01 03 00 00 00 0A"
checksum = "crc16-modbus"
[[payload]]
name = "hello"
escaped = 'Hello {{who}} {{counter}}|'
"#;

#[test]
fn a_saved_payload_goes_with_one_key_and_again_as_often_as_asked() {
    let home = Home::new();
    fs::create_dir_all(home.profiles()).unwrap();
    fs::write(home.profiles().join("lab.toml"), PROFILE).unwrap();
    let mut session = home.start(&["--set", "who=you", "-p", "lab"]);
    let mut peer = TcpStream::connect(session.address_after("open at ")).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    session.wait_for("accepted");
    session.keys(&ctrl('e'));
    session.wait_for("01 03 00 00 00 0a c5 cd");
    session.keys(ENTER);
    let mut request = [0; 8];
    peer.read_exact(&mut request).unwrap();
    assert_eq!(request, REQUEST);

    session.keys(&(ctrl('e') + "hello"));
    session.wait_for("Hello {{who}} {{counter}}|");
    session.keys(&ctrl('r'));
    session.wait_for("Repeat hello to server");
    session.keys("\x7f\x7f20ms\t5");
    session.wait_for("5 times, over 80ms");
    session.keys(ENTER);
    session.wait_for("The repeat to server is done: 5/5");
    session.quit();
    let mut all = String::new();
    peer.read_to_string(&mut all).unwrap();
    assert_eq!(all, "Hello you 2|Hello you 3|Hello you 4|Hello you 5|Hello you 6|");
}

#[test]
fn a_name_that_nobody_knows_is_told_with_its_place_and_nothing_is_opened() {
    let home = Home::new();
    let path = home.profiles().join("lab.toml");
    fs::create_dir_all(home.profiles()).unwrap();
    fs::write(&path, PROFILE.replace("{{who}}", "{{whom}}")).unwrap();
    let mut session = home.start(&["-p", "lab"]);
    session.wait_for("nothing is called `whom`");
    session.wait_for("lab.toml:14:18");
    assert_eq!(session.wait_for_exit(), 2);
    // Given on the command line, it is known.
    let mut session = home.start(&["--set", "whom=you", "-p", "lab"]);
    session.wait_for("open at ");
    session.quit();
}
