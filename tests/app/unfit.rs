//! Where the workbench can't start: it says why, and draws nothing.

use std::fs;
use std::process::{Command, Stdio};

use crate::session::{Home, SOCKBENCH};

#[test]
fn an_invalid_profile_is_told_with_its_place_before_anything_is_drawn() {
    let home = Home::new();
    let path = home.profiles().join("broken.toml");
    fs::write(&path, "version = 1\n\n[[socket]]\nname = \"a\"\nopen = \"tcp://127.0.0.1:99999\"\n").unwrap();
    let mut session = home.start(&["-p", "broken"]);
    assert_eq!(session.leave(), 2);
    let said = String::from_utf8(session.raw.clone()).unwrap();
    assert!(said.contains(&format!("{}:5:", path.display())), "{said}");
    let lines: Vec<_> = said.lines().collect();
    let line = lines.iter().position(|line| line.contains("open = \"tcp://127.0.0.1:99999\"")).unwrap();
    let caret = lines[line + 1].find('^').unwrap();
    assert!(lines[line][caret..].starts_with("99999"), "{said}");
    assert!(!said.contains('\x1b'), "{said:?}");
}

#[test]
fn an_invalid_endpoint_is_told_with_its_place() {
    let home = Home::new();
    let mut session = home.start(&["tcp-listen://127.0.0.1:7788?backlog=many"]);
    assert_eq!(session.leave(), 2);
    let said = String::from_utf8(session.raw.clone()).unwrap();
    let lines: Vec<_> = said.lines().collect();
    let caret = lines[2].find('^').unwrap();
    assert!(lines[1][caret..].starts_with("many"), "{said}");
    assert!(!said.contains('\x1b'), "{said:?}");
}

#[test]
fn a_file_in_the_place_of_an_endpoint_is_told_how_to_open() {
    let home = Home::new();
    fs::write(home.profiles().join("lab.toml"), "version = 1\n").unwrap();
    let capture = home.profiles().join("trace.pcapng").display().to_string();
    fs::write(&capture, "").unwrap();
    for (given, meant) in [("lab", "sockbench --profile lab"), (&capture, &format!("sockbench log {capture}"))] {
        let mut session = home.start(&[given]);
        assert_eq!(session.leave(), 2);
        let said = String::from_utf8(session.raw.clone()).unwrap();
        assert!(said.contains(meant), "{said}");
    }
}

// Case 40.
#[test]
fn a_terminal_that_is_dumb_is_refused() {
    let home = Home::new();
    let mut session = home.start_script(r#"TERM=dumb exec "$0""#, &[]);
    assert_eq!(session.leave(), 2);
    let said = String::from_utf8(session.raw.clone()).unwrap();
    assert!(said.contains("TERM=dumb") && !said.contains('\x1b'), "{said:?}");
}

// Case 40.
#[test]
fn without_a_terminal_it_writes_nothing_to_the_pipe() {
    let home = Home::new();
    let output = Command::new(SOCKBENCH)
        .arg("tcp-listen://127.0.0.1:0")
        .envs(home.variables())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("needs a terminal") && !said.contains('\x1b'), "{said:?}");
    assert_eq!(output.stdout, b"");
}
