//! What a timeline teaches is true code: Python's own compiler and gcc read it, and every call that the engine reports
//! has its lesson.

#![expect(clippy::unwrap_used, reason = "a test that can't set its scene has failed")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use sockbench::contract::{
    Address, Batch, Block, CloseReason, Event, Fact, NetError, Operation, SocketId, Span, Ticket, Timestamp,
    UnixAddress,
};
use sockbench::log::timeline::{Lesson, Step, lesson, step};
use sockbench::log::{LogStore, Roster};

/// Steps as users meet them: call, arguments, result.
const CALLS: &[(&str, &str, &str)] = &[
    ("getaddrinfo", "localhost", "127.0.0.1, ::1"),
    ("getaddrinfo", "no\"where.invalid", "name or service not known"),
    ("socket", "AF_INET, SOCK_STREAM, 0", "9"),
    ("socket", "AF_INET6, SOCK_DGRAM, 0", "-1 EMFILE (24)"),
    ("socket", "AF_UNIX, SOCK_SEQPACKET, 0", "9"),
    ("socket", "AF_INET, SOCK_RAW, IPPROTO_ICMP", "-1 EPERM (1)"),
    ("socket", "AF_INET, SOCK_RAW, 89", "9"),
    ("socketpair", "AF_UNIX, SOCK_STREAM, 0", "0"),
    ("setsockopt", "SOL_SOCKET, SO_REUSEADDR, 1", "0"),
    ("setsockopt", "IPPROTO_TCP, TCP_NODELAY, 1", "0"),
    ("setsockopt", "SOL_SOCKET, SO_OOBINLINE, 1", "0"),
    ("setsockopt", "IPPROTO_TCP, TCP_KEEPIDLE, 60", "0"),
    ("setsockopt", "IPPROTO_TCP, TCP_KEEPINTVL, 60", "0"),
    ("setsockopt", "SOL_SOCKET, SO_LINGER, {1, 0}", "0"),
    ("setsockopt", "SOL_SOCKET, SO_RCVBUF, 4194304", "0, granted 4194304"),
    ("setsockopt", "IPPROTO_IPV6, IPV6_V6ONLY, 1", "-1 EINVAL (22)"),
    ("setsockopt", "IPPROTO_IP, IP_RECVERR, 1", "0"),
    ("setsockopt", "IPPROTO_IP, IP_ADD_MEMBERSHIP, 239.1.2.3@lo", "0"),
    ("setsockopt", "IPPROTO_IP, IP_ADD_MEMBERSHIP, 239.1.2.3", "-1 ENODEV (19)"),
    ("setsockopt", "IPPROTO_IPV6, IPV6_JOIN_GROUP, [ff02::1]@lo", "0"),
    ("setsockopt", "IPPROTO_IP, IP_MULTICAST_IF, lo", "0"),
    ("setsockopt", "IPPROTO_IP, IP_MULTICAST_IF, 127.0.0.1", "0"),
    ("setsockopt", "IPPROTO_IP, IP_DROP_MEMBERSHIP, 239.1.2.3@127.0.0.1", "0"),
    ("setsockopt", "IPPROTO_IPV6, IPV6_LEAVE_GROUP, ff02::1@1", "0"),
    ("setsockopt", "IPPROTO_IPV6, IPV6_MULTICAST_IF, lo", "0"),
    ("getsockopt", "SOL_SOCKET, SO_ERROR", "0"),
    ("bind", "127.0.0.1:7788", "0"),
    ("bind", "[fe80::1%2]:80", "-1 EACCES (13)"),
    ("bind", "/run/it's \"here\".sock", "-1 EADDRINUSE (98)"),
    ("bind", "@name", "0"),
    ("bind", "autobind", "0"),
    ("listen", "128", "0"),
    ("accept", "", "-1 EMFILE (24)"),
    ("connect", "127.0.0.1:9", "-1 ECONNREFUSED (111)"),
    ("connect", "[::1]:9", "0"),
    ("connect", "/run/a.sock", "-1 ENOENT (2)"),
    ("connect", "@name", "0"),
    ("send", "50000000", "3919467"),
    ("send", "5", "-1 EPIPE (32)"),
    ("sendto", "5, 127.0.0.1:9", "5"),
    ("sendto", "ICMP echo request, id 7, seq 1, 13 bytes, 127.0.0.1", "21"),
    ("sendfile", "/etc/hosts, 0, 100", "100"),
    ("recv", "", "-1 ECONNRESET (104)"),
    ("recvfrom", "ICMP echo reply, id 7, seq 1, ttl 64", "21, 0.052 ms"),
    ("recvmsg", "MSG_ERRQUEUE", "0"),
    ("shutdown", "SHUT_WR", "0"),
    ("close", "", "0"),
    ("getsockname", "", "127.0.0.1:7788"),
    ("getpeername", "", "127.0.0.1:7788"),
    ("unlink", "/run/a.sock", "0"),
    ("lstat", "/run/a.sock", "0"),
    ("fchmod", "0600", "0"),
    ("open", "/etc/hosts", "-1 EACCES (13)"),
    ("write", "100", "100"),
];

fn call(name: &str, args: &str, result: &str) -> Fact {
    Fact::Call { call: name.to_owned().into(), args: args.to_owned(), result: result.to_owned() }
}

/// The step that a fact is, with these bytes.
fn stepped(fact: Fact, bytes: &[u8]) -> Step {
    stepped_in(&Roster::default(), fact, bytes)
}

/// The same, of a socket that the roster knows.
fn stepped_in(roster: &Roster, fact: Fact, bytes: &[u8]) -> Step {
    let socket = SocketId::new(1).unwrap();
    let mut block = Block::with_size(bytes.len().max(1)).unwrap();
    block.bytes_mut()[..bytes.len()].copy_from_slice(bytes);
    let mut store = LogStore::new(u64::MAX);
    store.append(Batch::new(vec![Event { at: Timestamp(1), socket, fact }], block, bytes.len())).unwrap();
    step(&store.row(1).unwrap(), &store, roster).unwrap()
}

/// The step of a listener or a datagram socket that is open.
fn open_at(url: &str, local: Address) -> Step {
    let mut roster = Roster::default();
    roster.register(SocketId::new(1).unwrap(), "socket".to_owned(), url.parse().unwrap());
    stepped_in(&roster, Fact::Opened { local, peer: None }, b"")
}

fn lessons() -> Vec<(String, Lesson)> {
    let address = || std::net::SocketAddr::from(([127, 0, 0, 1], 9)).into();
    let hello: &[u8] = b"it's \"5\" ??/\n\x001\xff";
    let bytes = |len| Span { start: 0, len };
    let whole = bytes(u32::try_from(hello.len()).unwrap());
    let mut facts: Vec<Fact> = CALLS.iter().map(|(name, args, result)| call(name, args, result)).collect();
    let mut refused = NetError::from_errno(Operation::ErrorQueue, Some("127.0.0.1:9".to_owned()), 111);
    "the host answered \"port unreachable\" (ICMP type 3, code 3)".clone_into(&mut refused.cause);
    facts.extend([
        Fact::PeerClosed,
        Fact::Closed { reason: CloseReason::Peer },
        Fact::Failed(Box::new(refused)),
        Fact::Sent { ticket: Ticket(1), peer: None, bytes: whole, remaining: 0 },
        Fact::Sent { ticket: Ticket(1), peer: Some(address()), bytes: whole, remaining: 0 },
        Fact::Received { peer: None, bytes: whole, truncated: false },
        Fact::Received { peer: Some(address()), bytes: bytes(0), truncated: false },
    ]);
    let mut steps: Vec<Step> = facts.into_iter().map(|fact| stepped(fact, hello)).collect();
    steps.extend([
        open_at("tcp-listen://127.0.0.1:9", address()),
        open_at("unix-listen:///run/a.sock", UnixAddress::Pathname(b"/run/a.sock".to_vec()).into()),
        open_at("unix-listen://@a", UnixAddress::Abstract(b"a".to_vec()).into()),
        open_at("udp-bind://127.0.0.1:9", address()),
    ]);
    steps.into_iter().map(|step| (format!("{} = {}", step.call(), step.result), lesson(&step))).collect()
}

fn code<'a>(lesson: &'a Lesson, language: &str) -> &'a str {
    lesson.code.iter().find(|(name, _)| *name == language).map_or("", |(_, code)| code)
}

/// What a program says of its standard input; `None` where there is no such program.
fn checked(program: &mut Command, input: &str) -> Option<(bool, String)> {
    let spawned = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut child) = spawned else {
        println!("passed over: {} is not installed", program.get_program().to_string_lossy());
        return None;
    };
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Some((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
}

#[test]
fn python_takes_every_line_of_python_and_knows_every_name() {
    let mut program = String::from("import ast, os, socket, struct\n");
    for (call, lesson) in lessons() {
        let code = code(&lesson, "Python");
        assert!(!code.is_empty(), "{call}");
        write!(program, "for node in ast.walk(ast.parse({code:?})):\n    \
             if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ('socket', 'os', 'struct'):\n        \
             assert hasattr(globals()[node.value.id], node.attr), node.attr\n").unwrap();
    }
    if let Some((success, errors)) = checked(Command::new("python3").arg("-"), &program) {
        assert!(success, "{errors}");
    }
}

#[test]
fn gcc_takes_every_line_of_c() {
    let mut program = String::from(
        "#define _GNU_SOURCE\n#include <arpa/inet.h>\n#include <errno.h>\n#include <fcntl.h>\n#include <linux/errqueue.h>\n\
         #include <net/if.h>\n#include <netdb.h>\n#include <netinet/in.h>\n#include <netinet/tcp.h>\n#include <stddef.h>\n\
         #include <stdio.h>\n#include <sys/sendfile.h>\n#include <sys/socket.h>\n#include <sys/stat.h>\n#include <sys/un.h>\n\
         #include <unistd.h>\nint s, file; char buf[65536], *data; size_t len;\n",
    );
    for (number, (call, lesson)) in lessons().into_iter().enumerate() {
        let code = code(&lesson, "C");
        assert!(!code.is_empty(), "{call}");
        write!(program, "void f{number}(void) {{\n{code}\n}}\n").unwrap();
    }
    let mut gcc = Command::new("gcc");
    gcc.args(["-x", "c", "-std=gnu17", "-fsyntax-only", "-Wall", "-Wextra", "-Wno-unused-but-set-variable"]);
    if let Some((success, errors)) = checked(gcc.args(["-Wno-unused-variable", "-Werror", "-"]), &program) {
        assert!(success, "{errors}");
    }
}

#[test]
fn rust_takes_every_line_of_rust() {
    let mut program = String::new();
    for (number, (call, lesson)) in lessons().into_iter().enumerate() {
        let code = code(&lesson, "Rust");
        assert!(!code.is_empty(), "{call}");
        write!(program, "fn f{number}() {{\n{code}\n}}\n").unwrap();
    }
    if let Some((success, errors)) = checked(Command::new("rustfmt").args(["--edition", "2024"]), &program) {
        assert!(success, "{errors}");
    }
}

#[test]
fn every_call_that_the_engine_reports_has_its_lesson() {
    let mut names = BTreeSet::new();
    for file in files(Path::new("src/engine")) {
        let text = fs::read_to_string(file).unwrap();
        for beginning in [".call(", ".call_with(", "call: "] {
            for (at, _) in text.match_indices(beginning) {
                if let Some(name) = text[at + beginning.len()..].trim_start().strip_prefix('"') {
                    names.insert(name.split('"').next().unwrap().to_owned());
                }
            }
        }
    }
    assert!(names.contains("bind") && names.contains("getaddrinfo"), "{names:?}");
    for name in names {
        let lesson = lesson(&stepped(call(&name, "", "0"), b""));
        assert_eq!(lesson.code.len(), 3, "{name} has no lesson");
        assert!(!lesson.explanation.contains("man "), "{name}: {}", lesson.explanation);
    }
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

proptest! {
    #[test]
    fn any_call_has_a_lesson_of_whole_sentences(
        at in 0..CALLS.len(),
        args in "[ -~\u{e9}\u{202e}\n]{0,40}",
        result in "(0|-1 E[A-Z]{3,8} \\([0-9]{1,3}\\)|-1|[ -~]{0,20})",
    ) {
        let lesson = lesson(&stepped(call(CALLS[at].0, &args, &result), b""));
        prop_assert!(lesson.explanation.ends_with(['.', ')']), "{}", lesson.explanation);
        prop_assert_eq!(lesson.code.len(), 3);
        for (language, code) in lesson.code {
            prop_assert!(!code.is_empty() && !code.contains('\u{202e}'), "{}: {:?}", language, code);
        }
    }
}
