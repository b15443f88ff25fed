//! A program that is killed while it saves leaves the file as it was or as it was to be.
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sockbench::profile::Profile;

/// Where the program that is killed finds the file to save.
const FILE: &str = "SOCKBENCH_SAVES";

/// A file of many lines, each of which tells which save it is of.
fn profile(turn: u64) -> String {
    let payload = |number| format!("[[payload]]\nname = \"p{number}\"\ntext = \"{turn}\"\n");
    let payloads: Vec<_> = (0..200).map(payload).collect();
    format!("version = 1\nname = \"{turn}\"\n{}", payloads.concat())
}

/// Whether a file is one of the saves, whole.
fn is_whole(text: &str) -> bool {
    let turn = text.lines().nth(1).and_then(|line| line.strip_prefix("name = \"")?.strip_suffix('"')?.parse().ok());
    turn.is_some_and(|turn| text == profile(turn))
}

/// Saves for ever, as the program that the test below kills.
#[test]
#[ignore = "it ends only when it is killed"]
fn saves_until_it_is_killed() {
    let Some(path) = std::env::var_os(FILE) else { return };
    let mut saved = Profile::load(Path::new(&path)).unwrap();
    println!("\nit saves");
    for turn in 1_u64.. {
        let fresh = Profile::parse(&profile(turn), None).unwrap();
        saved.contents.name.clone_from(&fresh.contents.name);
        saved.contents.payloads.clone_from(&fresh.contents.payloads);
        saved.save().unwrap();
    }
}

// Case 31.
#[test]
fn a_save_that_is_killed_leaves_the_old_file_or_the_new_one() {
    let kills = std::env::var("SOCKBENCH_KILLS").map_or(20, |kills| kills.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lab.toml");
    fs::write(&path, profile(0)).unwrap();
    let mut changed = 0;
    for kill in 0..kills {
        let before = fs::read_to_string(&path).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "saves_until_it_is_killed", "--ignored", "--nocapture"])
            .env(FILE, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        assert!(said.lines().any(|line| line.unwrap() == "it saves"));
        // A save takes some milliseconds: the kill is anywhere in one of them.
        let until = Instant::now() + Duration::from_micros(RandomState::new().hash_one(kill) % 40_000);
        while Instant::now() < until {
            assert!(is_whole(&fs::read_to_string(&path).unwrap()), "while it is saved");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let left = fs::read_to_string(&path).unwrap();
        assert!(is_whole(&left), "after kill {kill}:\n{left}");
        changed += u32::from(left != before);
    }
    assert!(changed > 0, "it was saved at least once");
}
