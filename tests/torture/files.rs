//! Kills and errors while files are written.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Uid;
use sockbench::profile::Profile;

use super::echo_server::{Server, exchange};
use super::{Verdict, is_installed, setting};

/// What may be missing after a kill.
const MAY_BE_LOST: Duration = Duration::from_millis(250);

/// The argument by which this program saves a file, so that it can be killed at that.
pub(super) const SAVE: &str = "--save";

/// How often it does.
const SAVES: u32 = 3;

// Case 29.
pub(super) fn tshark_reads_what_a_kill_left() -> Verdict {
    if !is_installed("tshark") {
        return Verdict::Skipped("tshark is not installed".to_owned());
    }
    let kills = setting("SOCKBENCH_KILLS", 20);
    let (mut fewest, mut all) = (u64::MAX, 0);
    for turn in 0..kills {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Server::start(folder.path(), &[], &["--record", "trace.pcapng"]);
        let mut stream = server.connect();
        let most = RandomState::new().hash_one(turn) % 10_000;
        let mut answered = Vec::new();
        for _ in 0..=most {
            exchange(&mut stream, &[b'.'; 100]);
            answered.push(Instant::now());
        }
        let killed = Instant::now();
        server.end(Signal::SIGKILL);
        let kept = answered.iter().filter(|at| **at + MAY_BE_LOST < killed).count();
        let mut tshark = Command::new("tshark");
        tshark.args(["-r", "trace.pcapng", "-Y", "tcp.len > 0", "-T", "fields", "-e", "tcp.len"]);
        // A last packet that is cut short is told on standard error, after all others are shown.
        let output = tshark.current_dir(folder.path()).stderr(Stdio::null()).output().unwrap();
        let lengths = String::from_utf8(output.stdout).unwrap();
        let bytes: u64 = lengths.lines().map(|len| len.parse::<u64>().unwrap()).sum();
        // Each message came and went.
        assert!(bytes >= kept as u64 * 200, "kill {turn}: {bytes} bytes of {kept} messages");
        fewest = fewest.min(bytes);
        all += bytes;
    }
    Verdict::Pass(format!("{kills} kills; tshark read {all} bytes, and none that had to be there was missing"))
}

// Case 30.
pub(super) fn no_error_of_the_disk_ends_more_than_the_recording() -> Verdict {
    let mut told = Vec::new();
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("disk/trace.pcapng");
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    if Uid::effective().is_root() && is_installed("mount") {
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(&disk).status();
        assert!(mounted.unwrap().success());
        let said = recording_fails(folder.path(), &[], &trace);
        let unmounted = Command::new("umount").arg("-l").arg(&disk).status();
        assert!(unmounted.unwrap().success());
        assert!(said.contains("ENOSPC"), "{said}");
        told.push("ENOSPC");
    }
    if is_installed("strace") {
        let trace = folder.path().join("trace.pcapng");
        let path = trace.to_str().unwrap();
        let strace =
            ["strace", "-f", "-qq", "-o", "/dev/null", "-P", path, "-e", "inject=write,pwrite64:error=EIO:when=3+"];
        let said = recording_fails(folder.path(), &strace, &trace);
        assert!(said.contains("EIO"), "{said}");
        told.push("EIO");
    }
    if told.is_empty() {
        return Verdict::Skipped("it takes root to mount a small disk, or strace".to_owned());
    }
    Verdict::Pass(format!("{}: the recording ends, and the echo goes on", told.join(", ")))
}

/// Has a server record until it can't, and gives what it says then.
fn recording_fails(folder: &Path, before: &[&str], trace: &Path) -> String {
    let mut server = Server::start(folder, before, &["--record", trace.to_str().unwrap()]);
    let mut stream = server.connect();
    // A recording is written at most four times a second, and what is written must be more than fits.
    for _ in 0..100 {
        exchange(&mut stream, &vec![b'.'; 10_000]);
        thread::sleep(Duration::from_millis(10));
    }
    let said = server.says("NOT RECORDING");
    exchange(&mut stream, b"it goes on");
    said
}

/// A profile of which each line tells which save it is of.
fn profile(turn: u32) -> String {
    let payload = |number| format!("[[payload]]\nname = \"p{number}\"\ntext = \"{turn}\"\n");
    let payloads: Vec<_> = (0..50).map(payload).collect();
    format!("version = 1\nname = \"{turn}\"\n{}", payloads.concat())
}

/// What the kills of case 31 meet.
pub(super) fn save_a_few_times(path: &Path) {
    let mut saved = Profile::load(path).unwrap();
    for turn in 1..=SAVES {
        let fresh = Profile::parse(&profile(turn), None).unwrap();
        saved.contents.name.clone_from(&fresh.contents.name);
        saved.contents.payloads.clone_from(&fresh.contents.payloads);
        saved.save().unwrap();
    }
}

// Case 31.
pub(super) fn a_kill_at_each_call_of_a_save_leaves_a_whole_file() -> Verdict {
    const CALLS: &str = "openat,read,write,fchmod,fsync,rename,renameat2,linkat,unlink,close";
    if !is_installed("strace") {
        return Verdict::Skipped("strace is not installed".to_owned());
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lab.toml");
    let log = folder.path().join("calls");
    let save = |inject: &str| {
        for entry in fs::read_dir(folder.path()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        fs::write(&path, profile(0)).unwrap();
        let mut strace = Command::new("strace");
        strace.arg("-o").arg(&log).arg("-e").arg(inject).arg(std::env::current_exe().unwrap()).arg(SAVE).arg(&path);
        strace.stderr(Stdio::null()).status().unwrap()
    };
    assert!(save(&format!("trace={CALLS}")).success());
    let calls = fs::read_to_string(&log).unwrap();
    let mut counts = BTreeMap::new();
    let mut left = [0; SAVES as usize + 1];
    let mut in_a_save = false;
    for line in calls.lines() {
        let Some((name, _)) = line.split_once('(') else { continue };
        let count = counts.entry(name).or_insert(0);
        *count += 1;
        // What comes before is the start of a program.
        in_a_save |= line.contains("lab.toml");
        if !in_a_save {
            continue;
        }
        let status = save(&format!("inject={name}:signal=KILL:when={count}"));
        assert!(!status.success(), "{name} {count} was made: {status}");
        let text = fs::read_to_string(&path).unwrap();
        let turn = (0..=SAVES).find(|turn| text == profile(*turn));
        let turn = turn.unwrap_or_else(|| panic!("killed at {name} {count}:\n{text}"));
        left[turn as usize] += 1;
    }
    assert!(left.iter().all(|kills| *kills > 0), "each save was met: {left:?}");
    let kills: u32 = left.iter().sum();
    Verdict::Pass(format!("{kills} kills, one at each call of {SAVES} saves: always a whole file"))
}
