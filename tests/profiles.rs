//! The example profiles do what they say, as `sockbench test` tells.
#![expect(clippy::unwrap_used, reason = "a test that can't run the program has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("assets/profiles")
}

fn profiles() -> BTreeSet<String> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    files.filter_map(|name| name.strip_suffix(".toml").map(str::to_owned)).collect()
}

/// Runs these scenarios of a profile.
fn passes(profile: &Path, scenarios: &[&str]) {
    let ran = Command::new(env!("CARGO_BIN_EXE_sockbench"))
        .arg("test")
        .arg(profile)
        .args(scenarios)
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .output()
        .unwrap();
    let said = [ran.stdout, ran.stderr].concat();
    assert!(ran.status.success(), "{}: {}\n{}", profile.display(), ran.status, String::from_utf8_lossy(&said));
}

#[test]
fn every_scenario_passes() {
    for name in profiles() {
        let path = folder().join(&name).with_extension("toml");
        let profile = sockbench::profile::Profile::load(&path).unwrap();
        assert!(profile.warnings.is_empty(), "{:?}", profile.warnings);
        assert!(profile.contents.scenarios.iter().any(|scenario| scenario.auto), "{name} has no scenario");
        passes(&path, &[]);
    }
}

/// Python's server of files, on a free port, until it is dropped.
struct Site {
    python: Child,
    port: String,
}

impl Site {
    fn open(folder: &Path) -> Self {
        let mut python = Command::new("python3")
            .args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1"])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(python.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let port = said.split_once(" port ").unwrap().1.split_whitespace().next().unwrap().to_owned();
        Self { python, port }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.python.kill();
        let _ = self.python.wait();
    }
}

#[test]
fn a_real_site_is_asked_by_hand() {
    let scratch = tempfile::tempdir().unwrap();
    let site = Site::open(scratch.path());
    let profile = fs::read_to_string(folder().join("http-by-hand.toml")).unwrap();
    assert!(profile.contains("127.0.0.1:8000"));
    let path = scratch.path().join("site.toml");
    fs::write(&path, profile.replace("127.0.0.1:8000", &format!("127.0.0.1:{}", site.port))).unwrap();
    passes(&path, &["the head of the site"]);
}

#[test]
fn the_readme_lists_them_all() {
    let readme = fs::read_to_string(folder().join("../../README.md")).unwrap();
    let links = readme.split("](assets/profiles/").skip(1).filter_map(|rest| rest.split_once(".toml)"));
    assert_eq!(links.map(|(name, _)| name.to_owned()).collect::<BTreeSet<_>>(), profiles());
}
