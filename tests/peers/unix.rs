//! Unix sockets, with Python's `socket` module and socat on the other side.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::peer::Peer;
use crate::program::Program;

/// A folder, and the path of a socket in it.
fn place() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sock").to_str().unwrap().to_owned();
    (folder, path)
}

/// A name in the abstract namespace that nobody else has.
fn abstract_name(of: &str) -> String {
    format!("sockbench-peers-{}-{of}", std::process::id())
}

/// A Python script whose first argument is this one.
fn python(argument: &str, script: &str) -> Peer {
    let head = "import os, socket, struct, sys\nname = sys.argv[1].replace('@', '\\0', 1)\n";
    Peer::start("python3", &["-u", "-c", &(head.to_owned() + script), argument])
}

/// Talks with each of these clients of one listener in turn.
fn listens(endpoint: &str, clients: Vec<Peer>) {
    let mut program = Program::of(endpoint);
    program.next("opened");
    for mut peer in clients {
        // It waits for this before it connects.
        peer.say("now");
        let accepted = program.next("accepted");
        assert_eq!(accepted["peer"], "unnamed");
        peer.say("hello");
        assert_eq!(program.received(6), "hello\n");
        peer.end_input();
        assert_eq!(program.next("peer-closed")["socket"], accepted["socket"]);
        assert_eq!(program.next("closed")["reason"], "peer");
    }
    assert_eq!(program.end_by(Signal::SIGTERM).status, Some(143));
}

const TALK: &str = "input()\ns = socket.socket(socket.AF_UNIX, KIND); s.connect(name)\n\
                    for line in sys.stdin: s.send(line.encode())\n\
                    s.close()";

#[test]
fn python_and_socat_connect_to_streams_and_sequenced_packets() {
    for (scheme, kind, number) in
        [("unix-listen", "socket.SOCK_STREAM", 1), ("unix-seqpacket-listen", "socket.SOCK_SEQPACKET", 5)]
    {
        let (_folder, path) = place();
        let name = abstract_name(scheme);
        let script = TALK.replace("KIND", kind);
        let shell = |address: String| {
            // The first line is only the start.
            let command = format!("read start; exec socat - {address},type={number}");
            Peer::start("sh", &["-c", &command])
        };
        listens(
            &format!("{scheme}://{path}?after-fin=close"),
            vec![python(&path, &script), shell(format!("UNIX-CONNECT:{path}"))],
        );
        listens(
            &format!("{scheme}://@{name}?after-fin=close"),
            vec![python(&format!("@{name}"), &script), shell(format!("ABSTRACT-CONNECT:{name}"))],
        );
    }
}

#[test]
fn python_and_socat_listen_for_streams_and_sequenced_packets() {
    for (scheme, kind, number) in [("unix", "socket.SOCK_STREAM", 1), ("unix-seqpacket", "socket.SOCK_SEQPACKET", 5)] {
        let (_folder, path) = place();
        let name = abstract_name(scheme);
        let script = "s = socket.socket(socket.AF_UNIX, KIND); s.bind(name); s.listen(); print('ready')\n\
                      c, _ = s.accept()\n\
                      c.send(input().encode() + b'\\n')\n\
                      print('heard', c.recv(100))"
            .replace("KIND", kind);
        for written in [path.clone(), format!("@{name}")] {
            let mut peer = python(&written, &script);
            peer.wait_for("ready");
            let mut program = Program::of(&format!("{scheme}://{written}?after-fin=close"));
            let connected = program.next("connected");
            assert_eq!((&connected["local"], &connected["peer"]), (&"unnamed".into(), &written.as_str().into()));
            peer.say("welcome");
            assert_eq!(program.received(8), "welcome\n");
            // It hears the end of what was sent, which is nothing.
            program.end_by(Signal::SIGTERM);
            peer.wait_for("heard b''");
        }
        fs::remove_file(&path).unwrap();
        for (listen, written) in
            [(format!("UNIX-LISTEN:{path}"), path), (format!("ABSTRACT-LISTEN:{name}"), format!("@{name}"))]
        {
            let mut peer = Peer::start("socat", &["-d", "-d", &format!("{listen},type={number}"), "-"]);
            peer.wait_for("listening on");
            let mut program = Program::of(&format!("{scheme}://{written}?after-fin=close"));
            program.next("connected");
            peer.say("welcome");
            assert_eq!(program.received(8), "welcome\n");
            peer.end_input();
            program.next("peer-closed");
            assert_eq!(program.next("closed")["reason"], "peer");
            program.end_by(Signal::SIGTERM);
        }
    }
}

#[test]
fn packets_of_python_arrive_one_by_one_the_empty_ones_too() {
    let (_folder, path) = place();
    let mut program = Program::of(&format!("unix-seqpacket-listen://{path}"));
    program.next("opened");
    let _peer = python(
        &path,
        "s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.connect(name)\n\
         for n in [3, 0, 100000, 0, 1]: s.send(b'x' * n)\n\
         s.close()",
    );
    let lengths: Vec<_> = (0..5).map(|_| program.next("received")["len"].as_u64().unwrap()).collect();
    assert_eq!(lengths, [3, 0, 100_000, 0, 1]);
    program.next("peer-closed");
}

#[test]
fn a_client_is_named_by_its_pid_and_its_own_path() {
    let (folder, path) = place();
    let own = folder.path().join("own").to_str().unwrap().to_owned();
    let mut program = Program::of(&format!("unix-listen://{path}"));
    program.next("opened");
    let peer = python(
        &path,
        "s = socket.socket(socket.AF_UNIX); s.bind(os.path.join(os.path.dirname(name), 'own')); s.connect(name)\n\
         print('pid', os.getpid()); input()",
    );
    let line = peer.wait_for("pid");
    let pid = line.rsplit(' ').next().unwrap();
    let accepted = program.next("accepted");
    assert_eq!((&accepted["peer"], &accepted["local"]), (&own.into(), &path.into()));
    let note = program.next("note");
    assert_eq!(note["name"], "peer");
    let message = note["message"].as_str().unwrap();
    assert!(message.starts_with(&format!("pid {pid}, uid ")) && message.contains(", python3"), "{message}");
}

#[test]
fn a_file_is_private_goes_at_the_end_and_is_not_taken_from_another() {
    let (_folder, path) = place();
    let mut holder =
        python(&path, "s = socket.socket(socket.AF_UNIX); s.bind(name); s.listen(); print('ready'); input()");
    holder.wait_for("ready");
    let end = Program::of(&format!("unix-listen://{path}?unlink=true")).end();
    assert_eq!(end.status, Some(3));
    assert_eq!(end.find("s", "failed")["code"], "EADDRINUSE");
    // Once it is gone, its file is stale.
    holder.end_input();
    drop(holder);
    let end = Program::of(&format!("unix-listen://{path}")).end();
    let message = end.find("s", "failed")["message"].as_str().unwrap();
    assert!(message.contains("stale") && message.contains("unlink=true"), "{message}");
    let mut program = Program::of(&format!("unix-listen://{path}?unlink=true"));
    program.next("opened");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let end = program.end_by(Signal::SIGTERM);
    assert_eq!(end.status, Some(143));
    assert!(!PathBuf::from(path).exists());
}

// Case 25.
#[test]
fn a_path_that_is_too_long_is_refused_before_anything_is_opened() {
    let (folder, _) = place();
    let path = folder.path().join("x".repeat(108));
    let end = Program::of(&format!("unix-listen://{}", path.display())).end();
    assert_eq!((end.status, end.lines.len()), (Some(2), 0));
    assert!(end.complaint.contains("too long"), "{}", end.complaint);
}
