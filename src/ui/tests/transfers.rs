//! Files that are sent and saved, and long sends.

use std::io;

use super::*;
use crate::contract::{Direction, Progress, Report, ReportContent, Saving};

impl Harness {
    /// Answers what is in a folder, of which the names that end in `/` are folders.
    fn folder(&mut self, wanted: &str, names: &[&str]) -> &mut Self {
        assert_eq!(self.effects(), [Effect::ListFolder(PathBuf::from(wanted))]);
        let entry =
            |name: &&str| FolderEntry { name: name.trim_end_matches('/').to_owned(), is_folder: name.ends_with('/') };
        self.ui.folder_listed(Path::new(wanted), &Ok(names.iter().map(entry).collect()));
        self
    }

    fn progress(&mut self, socket: SocketId, ticket: u64, done: u64, ended: bool) {
        let progress = Progress {
            ticket: Ticket(ticket),
            path: PathBuf::from("/tmp/data.bin"),
            direction: Direction::Sending,
            done: done << 20,
            total: Some(100 << 20),
            elapsed: Duration::from_secs(4),
            ended,
        };
        let mut batch = Batch::new(Vec::new(), Block::new().unwrap(), 0);
        batch.reports.push(Report { socket, content: ReportContent::Progress(progress) });
        self.ui.absorb(batch).unwrap();
    }
}

#[test]
fn a_file_is_sent_once_its_path_is_whole() {
    let (mut bench, listener, _) = Harness::with_listener(1);
    bench.keys("ctrl-d").text("/tmp/d").keys("tab");
    bench.folder("/tmp/", &["data-1.bin", "data-2.bin", "else"]).shows("data-1.bin  data-2.bin");
    bench.text("3").keys("enter");
    bench.folder("/tmp/", &["data-1.bin", "data-2.bin"]).shows("there is no file data-3");
    bench.keys("backspace").text("2").keys("tab");
    bench.folder("/tmp/", &["data-1.bin", "data-2.bin"]).keys("enter");
    bench.folder("/tmp/", &["data-1.bin", "data-2.bin"]);
    let path = PathBuf::from("/tmp/data-2.bin");
    assert_eq!(bench.orders(), [Command::SendFile { ticket: Ticket(0), target: Target::Children(listener), path }]);
}

#[test]
fn a_file_for_ten_is_confirmed_and_nobody_gets_one_where_nobody_is() {
    let (mut bench, ..) = Harness::with_listener(10);
    bench.keys("ctrl-d").text("~/x").keys("enter");
    let home = std::env::home_dir().unwrap();
    bench.folder(&format!("{}/", home.display()), &["x"]).shows("Send to 10 connections?");
    assert_eq!(bench.orders(), []);
    bench.keys("y");
    let orders = bench.orders();
    let [Command::SendFile { path, .. }] = orders.as_slice() else { panic!("{orders:?}") };
    assert_eq!(path, &home.join("x"));

    let (mut bench, ..) = Harness::with_listener(0);
    bench.keys("ctrl-d").shows("No file can be sent: nobody is connected to server yet.");
}

#[test]
fn a_file_that_is_there_is_added_to_or_left_alone_but_never_overwritten() {
    let (mut bench, _, children) = Harness::with_listener(1);
    bench.keys("tab w");
    bench.shows("a listener receives nothing itself");
    bench.keys("down w").text("out.bin").keys("enter");
    bench.folder("", &["out.bin"]).shows("Add to out.bin?");
    // The focus is on Cancel, which goes back to the path.
    bench.keys("enter").shows("Save what server#1 receives");
    assert_eq!(bench.orders(), []);
    let save = |ticket, path: &str, append, limit| Command::Save {
        ticket: Ticket(ticket),
        socket: children[0],
        saving: Saving { path: path.to_owned(), append, limit },
    };
    bench.keys("enter").folder("", &["out.bin"]).keys("y");
    assert_eq!(bench.orders(), [save(0, "out.bin", true, None)]);
    // The form is gone with the question.
    bench.keys("w").text("new.bin").keys("down down").text("1Mi").keys("enter");
    bench.shows("`1Mi` is not a size");
    bench.text("B").keys("enter").folder("", &["out.bin"]);
    assert_eq!(bench.orders(), [save(1, "new.bin", false, Some(1 << 20))]);
}

#[test]
fn a_folder_that_is_not_there_is_told_and_one_that_can_not_be_read_does_not_hinder() {
    let (mut bench, _, children) = Harness::with_listener(1);
    bench.keys("tab down w").text("/gone/a").keys("enter");
    bench.effects();
    bench.ui.folder_listed(Path::new("/gone/"), &Err(io::ErrorKind::NotFound.into()));
    bench.shows("there is no folder /gone/");
    bench.keys("enter");
    bench.effects();
    bench.ui.folder_listed(Path::new("/gone/"), &Err(io::ErrorKind::PermissionDenied.into()));
    assert!(matches!(bench.orders().as_slice(), [Command::Save { socket, .. }] if *socket == children[0]));
}

#[test]
fn what_a_slow_disk_tells_too_late_changes_nothing() {
    let (mut bench, _, children) = Harness::with_listener(1);
    let there = Ok(vec![FolderEntry { name: "out.bin".to_owned(), is_folder: false }]);
    bench.keys("tab down w").text("/slow/o").keys("tab").shows("waiting for the disk: /slow/");
    // Asked once, however often the key is pressed.
    bench.keys("tab enter");
    assert_eq!(bench.effects(), [Effect::ListFolder(PathBuf::from("/slow/"))]);
    bench.text("ther");
    bench.ui.folder_listed(Path::new("/slow/"), &there);
    bench.shows("/slow/other");
    assert!(!bench.picture(120, 40).contains("waiting for the disk"));
    bench.keys("enter");
    bench.ui.folder_listed(Path::new("/else/"), &there);
    bench.shows("waiting for the disk: /slow/");
    assert_eq!(bench.effects(), [Effect::ListFolder(PathBuf::from("/slow/"))]);
    bench.ui.folder_listed(Path::new("/slow/"), &there);
    assert!(matches!(bench.orders().as_slice(), [Command::Save { socket, .. }] if *socket == children[0]));
}

#[test]
fn how_far_a_file_has_come_is_seen_and_it_can_be_cancelled() {
    let (mut bench, _, children) = Harness::with_listener(2);
    bench.progress(children[0], 7, 25, false);
    bench.shows("↑ data.bin → server#1 25% ");
    bench.progress(children[1], 8, 50, false);
    bench.shows("s left +1 │");
    bench.keys("tab f");
    bench.shows("s left  50 MiB of 100 MiB");
    // The one selected stays so when another begins above it.
    bench.keys("down");
    bench.progress(children[1], 9, 1, false);
    bench.keys("x");
    assert_eq!(bench.orders(), [Command::Cancel { ticket: Ticket(7) }]);
    bench.progress(children[0], 7, 30, true);
    let error = NetError::other(Operation::Send, None, "it was cancelled");
    bench.happens(children[0], Fact::SendFailed { ticket: Ticket(7), error: Box::new(error) });
    bench.shows("stopped at 30 MiB of 100 MiB after 4.0s");
    bench.shows("server#1: Can't send: it was cancelled");
    bench.keys("x");
    assert_eq!(bench.orders(), []);
    bench.progress(children[1], 8, 100, true);
    bench.shows("data.bin was sent to server#2: 100 MiB");
}

// Case 15.
#[test]
fn a_long_send_can_be_cancelled_even_before_its_first_byte_goes() {
    let (mut bench, _, children) = Harness::with_listener(1);
    bench.ui.handle(TerminalEvent::Paste("x".repeat(1 << 20)));
    bench.keys("enter");
    bench.effects();
    bench.shows("a long send → server#1 0%");
    let sent = |bytes| Fact::Sent { ticket: Ticket(0), peer: None, bytes, remaining: 1 << 19 };
    bench.carries(children[0], b"xxxx", sent);
    // By the events' clock, which is long past, that was long ago.
    bench.shows("a long send → server#1 50% stalled: the peer does not read │");
    bench.keys("tab f x");
    assert_eq!(bench.orders(), [Command::Cancel { ticket: Ticket(0) }]);
    let error = NetError::other(Operation::Send, None, "it was cancelled");
    bench.happens(children[0], Fact::SendFailed { ticket: Ticket(0), error: Box::new(error) });
    bench.shows("stopped at");
    bench.shows("it was cancelled");
    bench.keys("esc ctrl-c").picture(80, 24);
    assert_eq!(bench.ui.bench.transfers.running().count(), 0);
}

#[test]
fn a_file_that_can_not_be_sent_says_why() {
    let (mut bench, _, children) = Harness::with_listener(1);
    let error = NetError::from_errno(Operation::Open, Some("/tmp/x".to_owned()), 13);
    bench.happens(children[0], Fact::SendFailed { ticket: Ticket(3), error: Box::new(error) });
    bench.shows("server#1: Can't open the file /tmp/x: EACCES (13)");
}

#[test]
fn a_payload_that_is_a_long_file_is_sent_as_a_file_and_a_short_one_as_bytes() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("long.bin"), vec![7; 65_537]).unwrap();
    std::fs::write(folder.path().join("short.bin"), [7; 3]).unwrap();
    let (mut bench, client) = Harness::with_client("tcp://127.0.0.1:7788");
    let toml = "version = 1\n[[payload]]\nname = \"long\"\nfile = \"long.bin\"\n\
                [[payload]]\nname = \"short\"\nfile = \"short.bin\"\n";
    let path = folder.path().join("lab.toml");
    std::fs::write(&path, toml).unwrap();
    bench.ui.profile_mut().contents.payloads = crate::profile::Profile::load(&path).unwrap().contents.payloads;
    bench.ui.profile_mut().path = Some(path);
    crate::ui::overlays::payloads::open(&mut bench.ui);
    bench.text("long").keys("enter");
    let path = folder.path().join("long.bin");
    assert_eq!(bench.orders(), [Command::SendFile { ticket: Ticket(0), target: Target::Socket(client), path }]);
    crate::ui::overlays::payloads::open(&mut bench.ui);
    bench.text("short").keys("tab");
    assert_eq!(bench.orders(), []);
    bench.shows("07 07 07");
    crate::ui::overlays::payloads::open(&mut bench.ui);
    bench.text("short").keys("enter");
    let target = Target::Socket(client);
    assert_eq!(bench.orders(), [Command::Send { ticket: Ticket(1), target, bytes: [7; 3].into() }]);
}
