//! What the exporter writes is read by those it is for: Python's modules `csv`, `ast` and `json`, and a C compiler where
//! there is one.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't ask the readers has failed")]

use std::fs;
use std::ops::ControlFlow;
use std::process::Command;

use proptest::prelude::*;
use serde_json::Value;
use sockbench::contract::{Address, Batch, Block, Event, Fact, SocketId, Span, Ticket, Timestamp};
use sockbench::exporter::{FORMATS, Job, Way};
use sockbench::log::{Filter, LogStore, Messages, Roster, Scope, Spot};

/// Messages that others might take for something else than data.
const TRICKY: &[&[u8]] = &[
    b"",
    b"=HYPERLINK(\"http://x\",\"y\")",
    b"+1",
    b"-1",
    b"@SUM(A1)",
    b"a;=1+1",
    b"*/ int main; /*",
    b"quote\" comma, line\r\n\"next\"",
    b"back\\slash\\n \\x41",
    b"\x00\x01\x7f\x80\xff",
    b"??/ trigraph ??=",
    "\u{ff1d}1+1 \u{202e}gnp.exe \u{2028}".as_bytes(),
    b"b'' # not a comment\t",
];

fn address(port: u16) -> Address {
    Address::Ip(([127, 0, 0, 1], port).into())
}

/// A log of these messages, every other one received; the socket's name is tricky as well.
fn log(messages: &[Vec<u8>]) -> (LogStore, Roster) {
    let mut roster = Roster::default();
    let socket = SocketId::new(1).unwrap();
    roster.register(socket, "-9 \"a\",*/".to_owned(), "udp-bind://127.0.0.1:9".parse().unwrap());
    let mut store = LogStore::new(u64::MAX);
    store.append_local(Event { at: Timestamp(0), socket, fact: Fact::Opened { local: address(9), peer: None } });
    for (number, message) in messages.iter().enumerate() {
        let mut block = Block::with_size(message.len().max(1)).unwrap();
        block.bytes_mut()[..message.len()].copy_from_slice(message);
        let bytes = Span { start: 0, len: u32::try_from(message.len()).unwrap() };
        let fact = match number % 2 {
            0 => Fact::Received { peer: Some(address(7)), bytes, truncated: number % 4 == 0 },
            _ => Fact::Sent { ticket: Ticket(1), peer: None, bytes, remaining: 0 },
        };
        let event = Event { at: Timestamp(1_700_000_000_000_000_007), socket, fact };
        store.append(Batch::new(vec![event], block, message.len())).unwrap();
    }
    (store, roster)
}

fn exported(messages: &[Vec<u8>], format: &str, way: Way, filter: Option<&str>) -> Vec<u8> {
    let (store, roster) = log(messages);
    let format = FORMATS.iter().find(|known| known.name == format).unwrap();
    let filter = filter.map(|text| (Scope::All, Filter::parse(text, Timestamp(0)).unwrap()));
    let lines = Spot::row(1)..Spot::row(store.next());
    let job = Job { lines, store, roster, messages: Messages::new(), filter, way, format };
    let mut out = Vec::new();
    let progress = job.write(&mut out, |_| ControlFlow::Continue(())).unwrap().unwrap();
    assert_eq!((progress.bytes, progress.percent()), (out.len() as u64, 100));
    out
}

/// What Python prints as JSON that is given a file with these bytes.
fn python(program: &str, bytes: &[u8]) -> Value {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    let program = format!("import sys, json, csv, ast\npath = sys.argv[1]\ncsv.field_size_limit(1 << 30)\n{program}");
    let ran = Command::new("python3").args(["-c", &program]).arg(file.path()).output().expect("python3 runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

fn tricky() -> Vec<Vec<u8>> {
    let all: Vec<u8> = (0..=255).collect();
    TRICKY.iter().map(|message| message.to_vec()).chain([all, vec![0xee; 300_000]]).collect()
}

fn check_csv(messages: &[Vec<u8>]) {
    let table = exported(messages, "csv", Way::Both, None);
    let read = python("print(json.dumps(list(csv.DictReader(open(path, newline='', encoding='utf-8')))))", &table);
    let records = read.as_array().unwrap();
    assert_eq!(records.len(), messages.len() + 1);
    assert_eq!((&records[0]["kind"], &records[0]["text"]), (&"opened".into(), &"open at 127.0.0.1:9".into()));
    for (record, message) in records[1..].iter().zip(messages) {
        assert_eq!((&record["hex"], &record["len"]), (&hex(message).into(), &message.len().to_string().into()));
        assert_eq!(record["socket"], "'-9 \"a\",*/");
        for (_, value) in record.as_object().unwrap() {
            let value = value.as_str().unwrap();
            assert!(!value.starts_with(['=', '+', '-', '@', '\t', '\r', '\u{ff1d}']), "{value}");
            assert!(!value.contains(char::is_control), "{value:?}");
        }
    }
    assert_eq!(String::from_utf8(table).unwrap().matches("\r\n").count(), messages.len() + 2);
}

fn check_python(messages: &[Vec<u8>]) {
    let module = exported(messages, "python", Way::Both, None);
    let program = "tree = ast.parse(open(path, 'rb').read())\n\
                   print(json.dumps({a.targets[0].id: ast.literal_eval(a.value).hex() for a in tree.body}))";
    let read = python(program, &module);
    assert_eq!(read.as_object().unwrap().len(), messages.len());
    for (number, message) in messages.iter().enumerate() {
        let way = if number % 2 == 0 { "rx" } else { "tx" };
        assert_eq!(read[format!("s_9__a_____{way}_{}", number + 2)], hex(message));
    }
}

#[test]
fn a_spreadsheet_gets_every_byte_and_no_formula() {
    check_csv(&tricky());
}

#[test]
fn python_reads_its_literals() {
    check_python(&tricky());
}

proptest! {
    // Each case starts a Python.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(12) })]

    #[test]
    fn whatever_was_received_is_read_back(
        messages in prop::collection::vec(prop_oneof![
            prop::collection::vec(any::<u8>(), 0..80),
            "[=+@\", ;\\\\\r\n\t'#*/-]{0,12}".prop_map(String::into_bytes),
        ], 0..12),
    ) {
        check_csv(&messages);
        check_python(&messages);
    }
}

#[test]
fn json_lines_are_one_object_a_row() {
    let messages = tricky();
    let lines = exported(&messages, "jsonl", Way::Both, None);
    let read = python("print(json.dumps([json.loads(line) for line in open(path, 'rb').read().splitlines()]))", &lines);
    let objects = read.as_array().unwrap();
    assert_eq!(objects.len(), messages.len() + 1);
    for (object, message) in objects[1..].iter().zip(&messages) {
        assert_eq!(object["hex"], hex(message));
        assert_eq!(object.get("text").and_then(Value::as_str), std::str::from_utf8(message).ok());
    }
}

#[test]
fn a_compiler_takes_the_arrays() {
    if Command::new("cc").arg("--version").output().is_err() {
        return;
    }
    let messages = tricky();
    let dir = tempfile::tempdir().unwrap();
    let mut program = String::from_utf8(exported(&messages, "c", Way::Both, None)).unwrap();
    program.push_str("#include <stdio.h>\nint main(void) {\n");
    for (number, message) in messages.iter().enumerate().filter(|(_, message)| !message.is_empty()) {
        let way = if number % 2 == 0 { "rx" } else { "tx" };
        let name = format!("s_9__a_____{way}_{}", number + 2);
        let checked = format!("    if (sizeof {name} != {}) return 1;\n", message.len());
        program.push_str(&checked);
        let printed = format!("    fwrite({name}, 1, sizeof {name}, stdout);\n");
        program.push_str(&printed);
    }
    program.push_str("    return 0;\n}\n");
    let (source, binary) = (dir.path().join("log.c"), dir.path().join("log"));
    fs::write(&source, program).unwrap();
    let flags = ["-std=c99", "-trigraphs", "-Wall", "-Wextra", "-pedantic", "-Werror", "-o"];
    let compiled = Command::new("cc").args(flags).args([&binary, &source]).output().unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let ran = Command::new(binary).output().unwrap();
    assert!(ran.status.success() && ran.stdout == messages.concat());
}

#[test]
fn one_direction_is_what_went_that_way() {
    let messages = tricky();
    let both: Vec<_> = messages.iter().flatten().copied().collect();
    let odd = |odd: usize| -> Vec<u8> { messages.iter().skip(odd).step_by(2).flatten().copied().collect() };
    assert!(exported(&messages, "raw", Way::Both, None) == both);
    assert!(exported(&messages, "raw", Way::Received, None) == odd(0));
    assert!(exported(&messages, "raw", Way::Sent, None) == odd(1));
    assert!(exported(&messages, "raw", Way::Both, Some("dir:tx")) == odd(1));
    let text = String::from_utf8(exported(&messages, "text", Way::Sent, None)).unwrap();
    assert_eq!(text.lines().count(), messages.len() / 2);
}

#[test]
fn a_capture_has_a_packet_for_each_message() {
    let messages: Vec<Vec<u8>> = (0..20).map(|number| vec![b'a' + number; 5]).collect();
    for (way, wanted) in [(Way::Both, 20), (Way::Sent, 10)] {
        // The type and the length of each block; those of enhanced packets are 6.
        let program = "import struct\ndata = open(path, 'rb').read()\nkinds, at = [], 0\n\
                       while at < len(data):\n    kind, size = struct.unpack_from('<II', data, at)\n    \
                       assert struct.unpack_from('<I', data, at + size - 4)[0] == size\n    kinds.append(kind)\n    at += size\n\
                       print(json.dumps(kinds))";
        let kinds = python(program, &exported(&messages, "pcapng", way, None));
        let kinds = kinds.as_array().unwrap();
        assert_eq!(kinds[0], 0x0a0d_0d0a);
        assert_eq!(kinds.iter().filter(|kind| **kind == 6).count(), wanted, "{kinds:?}");
    }
}
