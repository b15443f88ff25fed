use std::time::Duration;

use super::*;
use crate::contract::Timestamp;
use crate::scenario::{Failure, Got, Wanted};

fn told(verdict: Verdict) -> Told {
    Told { name: "greet <#1> \u{1b}[2J".to_owned(), verdict, took: Duration::from_micros(1_234_500) }
}

fn failed() -> Told {
    told(Verdict::Failed(Box::new(Failure {
        step: 2,
        steps: 4,
        text: "expect = { text = \"Hello, client!\" }, on = \"client\"".to_owned(),
        line: 37,
        why: "nothing that matches came within 1s".to_owned(),
        at: Duration::from_millis(1_002),
        wanted: Some(Wanted { bytes: b"Hello, client!".to_vec(), among_others: true }),
        got: vec![Got {
            socket: "client".to_owned(),
            at: Duration::from_micros(2_100),
            bytes: b"Hello, klient!\n".to_vec(),
            matched: 0..0,
            skipped: 0,
            omitted: 7,
            lost: 0,
        }],
        untold: 2,
        troubles: vec!["client: broke \u{7}".to_owned()],
    })))
}

fn entries() -> [Entry; 4] {
    let (name, at) = ("cut <off>".to_owned(), "step 1 of 2: wait = \"1s\"".to_owned());
    let skipped = Entry::Skipped { name: "real #1".to_owned() };
    let stopped = Entry::Stopped { name, at, took: Duration::from_secs(1) };
    [Entry::Judged(failed()), Entry::Judged(told(Verdict::Passed)), skipped, stopped]
}

#[test]
fn what_was_not_run_and_what_was_cut_off_are_told() {
    let [_, _, skipped, stopped] = entries();
    assert_eq!(text(3, &skipped, false), "skip 3 real #1 (auto = false: it runs where it is named)\n");
    assert_eq!(text(4, &stopped, false), "not ok 4 cut <off> (1.00 s)\n    stopped at step 1 of 2: wait = \"1s\"\n");
    assert_eq!(tap(3, &skipped), "ok 3 - real \\#1 # SKIP auto = false: it runs where it is named\n");
    assert!(tap(4, &stopped).ends_with("\nBail out! stopped at step 1 of 2: wait = \"1s\"\n"));
    assert!(skipped.is_passed() && !stopped.is_passed());
}

#[test]
fn a_failure_is_told_with_what_differs_marked() {
    let plain = "\
not ok 1 greet <#1> \\e[2J (1.23 s)
    step 2 of 4, line 37: expect = { text = \"Hello, client!\" }, on = \"client\"
    after 1.00 s: nothing that matches came within 1s
    wanted: 14 bytes, among others
      0000  48 65 6c 6c 6f 2c 20 63  6c 69 65 6e 74 21        |Hello, client!|
                                 ^^                                   ^
    2 messages that came before are not shown
    got on client after 2.1 ms: 15 bytes, and 7 bytes more
      0000  48 65 6c 6c 6f 2c 20 6b  6c 69 65 6e 74 21 0a     |Hello, klient!.|
                                 ^^                                   ^
    meanwhile: client: broke \\a
";
    let escape = shown("\u{1b}[2J");
    let bell = shown("\u{7}");
    let plain = plain.replace("\\e[2J", &escape).replace("\\a", &bell);
    assert_eq!(text(1, &Entry::Judged(failed()), false), plain);
    let coloured = text(1, &Entry::Judged(failed()), true);
    assert!(coloured.starts_with("\x1b[1;31mnot ok\x1b[0m 1 greet"), "{coloured:?}");
    assert_eq!(text(2, &Entry::Judged(told(Verdict::Passed)), false), format!("ok 2 greet <#1> {escape} (1.23 s)\n"));
}

#[test]
fn what_was_not_to_come_is_marked_where_it_stands() {
    let got = |bytes: &[u8], matched, skipped| {
        let told = |socket: &str| Got {
            socket: socket.to_owned(),
            at: Duration::from_millis(2),
            bytes: bytes.to_vec(),
            matched,
            skipped,
            omitted: 0,
            lost: 0,
        };
        let failure = Failure {
            step: 1,
            steps: 1,
            text: "expect-none".to_owned(),
            line: 1,
            why: "what was not to come came".to_owned(),
            at: Duration::from_millis(2),
            wanted: None,
            got: vec![told("client")],
            untold: 0,
            troubles: Vec::new(),
        };
        let lines: Vec<_> = report(&failure).into_iter().skip(2).map(|line| line.text).collect();
        lines.join("\n")
    };
    let far = "\
got on client after 2.0 ms: 18 bytes from byte 65521 on
  0fff0  2e 2e 2e 2e 2e 2e 2e 2e  2e 2e 2e 2e 2e 2e 2e 66  |...............f|
                                                       ^^                  ^
  10000  61 75                                             |au|
         ^^ ^^                                              ^^";
    assert_eq!(got(b"...............fau", 15..18, 0xfff0), far);
    let near = "\
got on client after 2.0 ms: 4 bytes
  0000  61 78 65 0a                                       |axe.|
           ^^                                               ^";
    assert_eq!(got(b"axe\n", 1..2, 0), near);
    // All of it.
    assert!(!got(b"axe\n", 0..4, 0).contains('^'));
}

#[test]
fn tap_has_a_plan_and_a_block_for_each() {
    assert_eq!(tap_plan(2), "TAP version 14\n1..2\n");
    let block = tap(1, &Entry::Judged(failed()));
    let lines: Vec<_> = block.lines().collect();
    assert_eq!(lines[0], format!("not ok 1 - greet <\\#1> {}", shown("\u{1b}[2J").replace('\\', "\\\\")));
    assert_eq!((lines[1], lines[lines.len() - 1]), ("  ---", "  ..."));
    assert!(lines.contains(&"  message: \"nothing that matches came within 1s\""), "{block}");
    assert!(lines[1..].iter().all(|line| line.starts_with("  ")), "{block}");
    assert!(tap(1, &Entry::Judged(told(Verdict::Passed))).starts_with("ok 1 - "));
}

#[test]
fn junit_escapes_what_xml_can_not_hold() {
    let document = junit("lab & co", "a\"b.toml", Timestamp(1_700_000_000_123_000_000), &entries());
    assert!(document.contains("tests=\"4\" failures=\"1\" errors=\"1\" skipped=\"1\""), "{document}");
    assert!(document.contains("name=\"lab &amp; co\"") && document.contains("file=\"a&quot;b.toml\" line=\"37\""));
    assert!(document.contains("greet &lt;#1&gt;") && document.contains("timestamp=\"2023-11-14T22:13:20\""));
    assert!(!document.contains(|c: char| c.is_control() && c != '\n'), "{document}");
    let (mut open, mut rest) = (Vec::new(), document.as_str());
    while let Some(at) = rest.find('<') {
        let end = rest[at..].find('>').unwrap() + at;
        let tag = &rest[at + 1..end];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with(['/', '?']) {
            open.push(tag.split(' ').next().unwrap());
        }
        rest = &rest[end + 1..];
    }
    assert_eq!(open, [""; 0]);
}
