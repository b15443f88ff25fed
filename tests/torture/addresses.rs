//! Addresses that can't be reached or had, in a network of their own or as another user.

use std::fs;
use std::process::{Command, Output};

use nix::unistd::Uid;

use super::session::SOCKBENCH;
use super::{Verdict, is_installed};

/// Runs a profile with this one socket by this command, and gives all that was printed.
fn run(before: &[&str], url: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("lab.toml");
    fs::write(&profile, format!("version = 1\n[[socket]]\nname = \"a\"\nopen = \"{url}\"\n")).unwrap();
    // Another user reads it as well.
    let mut open = Command::new("chmod");
    assert!(open.args(["-R", "a+rX"]).arg(folder.path()).status().unwrap().success());
    let words = [before, &[SOCKBENCH, "run", profile.to_str().unwrap(), "--strict", "--for", "5s"]].concat();
    Command::new(words[0]).args(&words[1..]).current_dir("/").output().unwrap()
}

// Case 16.
pub(super) fn unreachable_is_told_from_refused() -> Verdict {
    const OWN_NETWORK: [&str; 4] = ["unshare", "-rn", "sh", "-c"];
    let can = Command::new("unshare").args(["-rn", "true"]).output();
    if !can.is_ok_and(|output| output.status.success()) {
        return Verdict::Skipped("a network of its own takes unshare(1) and the right to it".to_owned());
    }
    let mut told = Vec::new();
    let mut tries = vec![(r#"exec "$0" "$@""#, "tcp://192.0.2.1:9", "ENETUNREACH")];
    if is_installed("ip") {
        let up = r#"ip link set lo up; ip route add unreachable 192.0.2.0/24; exec "$0" "$@""#;
        tries.extend([(up, "tcp://192.0.2.1:9", "EHOSTUNREACH"), (up, "tcp://127.0.0.1:9", "ECONNREFUSED")]);
    }
    for (script, url, code) in tries {
        let output = run(&[&OWN_NETWORK[..], &[script]].concat(), url);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains(code) && output.status.code() == Some(3), "{url}: {output:?}");
        told.push(code);
    }
    Verdict::Pass(told.join(", "))
}

// Case 24.
pub(super) fn a_privileged_port_is_refused_with_a_hint() -> Verdict {
    let first = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap();
    let first: u16 = first.trim().parse().unwrap();
    if first <= 80 {
        return Verdict::Skipped(format!("here ports need no privilege from {first} on"));
    }
    let mut nobody = Vec::new();
    if Uid::effective().is_root() {
        if !is_installed("setpriv") {
            return Verdict::Skipped("root has the privilege, and setpriv(1) is not installed".to_owned());
        }
        nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"].to_vec();
        let reads = Command::new(nobody[0]).args(&nobody[1..]).args([SOCKBENCH, "list", "themes"]).output();
        if !reads.is_ok_and(|output| output.status.success()) {
            return Verdict::Skipped("another user may not run the program where it is".to_owned());
        }
    }
    let output = run(&nobody, "tcp-listen://127.0.0.1:80");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("EACCES") && said.contains(&format!("ports below {first} need a privilege")), "{output:?}");
    assert_eq!(output.status.code(), Some(3));
    Verdict::Pass(format!("EACCES, and that ports from {first} on need none"))
}
