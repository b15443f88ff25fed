//! Every kind of mistake in a profile is told at its place, and nothing is opened.
#![expect(clippy::unwrap_used, reason = "a test that can't run the program has failed")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sockbench::profile::Profile;

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/profiles/mistakes.toml")
}

/// Line, column and message of each mistake, as the comments below the lines tell.
fn wanted(text: &str) -> Vec<(usize, usize, String)> {
    let mut wanted = Vec::new();
    let mut line = 0;
    for (number, content) in (1..).zip(text.lines()) {
        match content.strip_prefix("#! ").and_then(|told| told.split_once(' ')) {
            Some((column, message)) => wanted.push((line, column.parse().unwrap(), message.to_owned())),
            None => line = number,
        }
    }
    wanted
}

fn sockbench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sockbench"))
        .args(arguments)
        .arg(file())
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .env_remove("NOBODY_SET_THIS")
        .output()
        .unwrap()
}

// Case 33.
#[test]
fn each_is_told_once_at_its_place() {
    let text = std::fs::read_to_string(file()).unwrap();
    let wanted = wanted(&text);
    assert!(wanted.len() >= 70);
    let errors = Profile::parse(&text, Some(&file())).unwrap_err().0;
    let found: Vec<_> = errors.into_iter().map(|error| (error.line, error.column, error.message)).collect();
    assert_eq!(found, wanted);
}

// Case 33.
#[test]
fn nothing_is_opened_and_each_is_shown_with_its_line() {
    for command in ["run", "test"] {
        let output = sockbench(&[command]);
        assert_eq!(output.status.code(), Some(2));
        // Whatever a socket does is told there, to begin with its call of socket(2).
        assert_eq!(output.stdout, b"", "{command}");
        let said = String::from_utf8(output.stderr).unwrap();
        for (line, column, message) in wanted(&std::fs::read_to_string(file()).unwrap()) {
            let place = format!("mistakes.toml:{line}:{column}\n");
            let told = said.split("\n\n").any(|told| told.contains(&message) && told.contains(&place));
            assert!(told, "{command}: {line}:{column}: {message}");
        }
    }
}
