//! The structure of the house: which room may import which, and that the keys and words of the code stay in them.

#![expect(clippy::unwrap_used, reason = "a test that can't read the sources has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room and the rooms that it may import. Imports run downward only.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("main", &["app", "cli", "headless", "listing", "outcome"]),
    (
        "app",
        &[
            "capture", "cli", "config", "contract", "ending", "engine", "exporter", "log", "os", "outcome", "payload",
            "profile", "recorder", "startup", "ui",
        ],
    ),
    (
        "headless",
        &[
            "cli", "config", "contract", "ending", "engine", "framing", "log", "os", "outcome", "payload", "profile",
            "recorder", "rule", "scenario", "startup", "verdict",
        ],
    ),
    ("ending", &["contract", "os", "outcome", "recorder", "startup"]),
    ("startup", &["cli", "config", "contract", "log", "os", "payload", "profile", "recorder", "ui"]),
    ("cli", &["contract"]),
    ("listing", &["config", "contract", "payload", "ui"]),
    ("outcome", &[]),
    (
        "ui",
        &[
            "capture", "config", "contract", "encoding", "exporter", "framing", "log", "pattern", "payload", "profile",
            "rule", "scenario", "verdict",
        ],
    ),
    ("verdict", &["contract", "log", "scenario"]),
    ("exporter", &["capture", "log"]),
    ("engine", &["contract", "framing", "os", "pattern", "payload", "rule"]),
    ("config", &["contract", "diagnostic", "document"]),
    ("profile", &["contract", "diagnostic", "document", "encoding", "os", "pattern", "payload", "rule", "scenario"]),
    ("document", &["contract", "diagnostic", "os"]),
    ("diagnostic", &[]),
    ("recorder", &["capture", "contract", "log", "os"]),
    ("capture", &["contract", "log"]),
    ("log", &["contract", "encoding", "framing", "os", "pattern"]),
    ("contract", &["endpoint", "os", "rule"]),
    ("rule", &["os", "pattern", "payload"]),
    ("payload", &["encoding"]),
    ("scenario", &["contract", "framing", "pattern", "payload"]),
    ("pattern", &[]),
    ("endpoint", &["encoding", "framing", "quantity"]),
    ("framing", &["quantity"]),
    ("encoding", &[]),
    ("os", &[]),
    ("quantity", &[]),
];

/// Crates, and the only rooms that may name them.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("tokio", &["app", "ending", "engine", "headless", "os", "outcome"]),
    ("tokio_util", &["engine"]),
    ("ratatui", &["app", "ui"]),
    ("crossterm", &["app", "ui"]),
    ("socket2", &["engine"]),
];

/// Files and folders that write and read files through `crate::os`, where a test can have each call fail, and what such a
/// call looks like there.
const FILES: &[(&[&str], &[&str])] = &[(
    &[
        "app/exporter.rs",
        "app/loading.rs",
        "contract/block.rs",
        "document.rs",
        "engine/outgoing_file.rs",
        "engine/saver.rs",
        "exporter",
        "exporter.rs",
        "log/store",
        "log/store.rs",
        "profile",
        "profile.rs",
        "recorder",
        "recorder.rs",
    ],
    &[
        "fs::",
        ".open(",
        ".metadata()",
        ".symlink_metadata()",
        ".canonicalize()",
        ".exists()",
        "thread::",
        "tempfile",
        "map_anon(",
        "fallocate(",
        "fcntl(",
    ],
)];

/// The calls of the engine that may fail, by their man pages, and how it makes them.
const FALLIBLE: &[(&str, &[&str])] = &[
    ("accept4", &[".accept(", "listener.poll_accept("]),
    ("bind", &[".bind(", "socket::bind("]),
    ("clone", &["thread::Builder::new(", "thread::spawn(", "spawn_blocking("]),
    ("connect", &[".connect("]),
    ("epoll_ctl", &["::from_std(", "::from_owned_fd(", "AsyncFd::new("]),
    ("fchmod", &["fchmod("]),
    ("fstat", &[".metadata("]),
    ("getaddrinfo", &["lookup_host(", ".to_socket_addrs()"]),
    ("listen", &[".listen("]),
    ("lstat", &["fs::symlink_metadata("]),
    ("openat", &["fs::File;", "fs::File::", "fs::{File,", "fs::{self,File", ").open(", "Ok(open("]),
    ("openat2", &["openat2("]),
    ("poll", &["=poll(", "Ok(poll("]),
    ("posix_spawn", &[".spawn()"]),
    ("recvfrom", &[".try_recv_from(", ".recv_from("]),
    ("recvmsg", &["recvmsg(", "recvmsg::<"]),
    ("send", &["fd.try_send(", "udp.try_send("]),
    ("sendfile", &["sendfile("]),
    ("sendto", &["sendto(", ".try_send_to(", ".send_to("]),
    ("shutdown", &[".shutdown("]),
    ("socket", &["socket2::Socket::new(", "new_socket(AddressFamily"]),
    ("socketpair", &["Socket::pair("]),
    ("unlink", &["fs::remove_file("]),
    ("wait4", &["child.wait()"]),
    ("waitid", &["waitid("]),
];

/// What asks for display alone, where a failure is no answer.
const NOT_ITS: &[&str] = &["engine/holder.rs"];

#[test]
fn rooms_import_downward_only() {
    let rooms: BTreeMap<_, _> = MAY_IMPORT.iter().copied().collect();
    let mut wrong = Vec::new();
    for (path, room, text) in sources() {
        let Some(allowed) = rooms.get(room.as_str()) else {
            wrong.push(format!("{}: room `{room}` is not in the list", path.display()));
            continue;
        };
        for (line, imported) in paths_after(&text, "crate::") {
            if imported != room && !allowed.contains(&imported.as_str()) {
                wrong.push(format!("{}:{line}: {room} may not import {imported}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn crates_stay_in_their_rooms() {
    let mut wrong = Vec::new();
    for (path, room, text) in sources() {
        for (name, allowed) in ONLY_IN {
            if allowed.contains(&room.as_str()) {
                continue;
            }
            for (line, _) in paths_after(&text, &format!("{name}::")) {
                wrong.push(format!("{}:{line}: {name} has no place in {room}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

// Cases 3, 6.
/// Only the canvas writes cells, so that only what went through the sanitiser reaches the terminal.
#[test]
fn only_the_canvas_writes_cells() {
    let mut wrong = Vec::new();
    for (path, room, text) in sources() {
        if !["app", "ui"].contains(&room.as_str()) || path.ends_with("ui/canvas.rs") || path.ends_with("tests.rs") {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (index, line) in code.lines().enumerate() {
            for writes in ["set_string", "set_symbol", "set_span", "set_line", "ratatui::widgets", "ratatui::text"] {
                if line.contains(writes) {
                    wrong.push(format!("{}:{}: {writes} belongs to the canvas", path.display(), index + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A call that a test can't have fail is one of which nobody knows what it does when it fails.
#[test]
fn files_are_called_through_the_seam() {
    let sources = sources();
    let mut wrong = Vec::new();
    for (places, tokens) in FILES {
        for place in *places {
            let below = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(place);
            let mut files = sources.iter().filter(|(path, ..)| path.starts_with(&below)).peekable();
            assert!(files.peek().is_some(), "{place} is not there");
            for (path, _, text) in files.filter(|(path, ..)| !is_of_tests(path)) {
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                for (at, token) in tokens.iter().flat_map(|token| code.match_indices(token)) {
                    let statement = code[..at].rsplit([';', '{', '}']).next().unwrap_or_default().trim_start();
                    let goes_through = ["call", "once", "wait", "put", "get", "part"];
                    let goes_through = goes_through.iter().any(|name| statement.contains(&format!("os::{name}(")));
                    if !goes_through && !statement.starts_with("use ") {
                        let line = code[..at].lines().count();
                        wrong.push(format!("{}:{line}: {token} does not go through `os`", path.display()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_engine_calls_through_the_seam() {
    let mut wrong = Vec::new();
    for (path, room, text) in sources() {
        let is_subject = room == "engine" && !is_of_tests(&path) || path.ends_with("rule/file.rs");
        if !is_subject || NOT_ITS.iter().any(|other| path.ends_with(other)) {
            continue;
        }
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        // Where lines break says nothing.
        let code: String = code.split_whitespace().collect();
        for (name, made) in FALLIBLE {
            let calls: usize = made.iter().map(|made| code.matches(made).count()).sum();
            let through = ["call", "once", "wait", "put", "get", "part"].map(|how| format!("os::{how}(\"{name}\""));
            let seams: usize = through.iter().map(|through| code.matches(through.as_str()).count()).sum();
            if calls > seams {
                wrong.push(format!("{}: {name} is called {calls} times, through `os` {seams}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_room_has_a_name_that_tells_nothing() {
    for (path, _, _) in sources() {
        for part in path.iter().filter_map(|part| part.to_str()) {
            assert!(!["utils", "util", "common", "misc", "helpers"].contains(&part.trim_end_matches(".rs")), "{part}");
        }
    }
}

fn is_of_tests(path: &Path) -> bool {
    path.iter().any(|part| ["tests", "tests.rs", "testing.rs"].iter().any(|name| part == *name))
}

/// Every source file with its room (the first folder or file below `src`) and its text without comments.
fn sources() -> Vec<(PathBuf, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let below = path.strip_prefix(&root).unwrap();
                let first = below.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
                if first != "lib" {
                    let text = fs::read_to_string(&path).unwrap();
                    let code: Vec<_> = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
                    sources.push((path.clone(), first, code.join("\n")));
                }
            }
        }
    }
    assert!(sources.len() > 40, "the sources were found");
    sources
}

/// Each identifier that stands behind a prefix, with its line.
fn paths_after(text: &str, prefix: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for (at, _) in line.match_indices(prefix) {
            let whole_word = !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            let name: String =
                line[at + prefix.len()..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if whole_word {
                found.push((index + 1, name));
            }
        }
    }
    found
}
