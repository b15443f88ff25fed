//! Edited profiles: what is changed on the bench and written is read back as it is on the bench, and what nobody changed
//! stays.

use sockbench::endpoint::Endpoint;
use sockbench::payload::{ALGORITHMS, Checksum};
use sockbench::profile::{PayloadContent, PayloadEntry, Profile, RuleEntry, ScenarioEntry, SocketEntry, StepAction};

/// URLs that a socket is given.
const URLS: [&str; 6] = [
    "tcp://h:1",
    "tcp-listen://127.0.0.1:7788?backlog=5&eol=crlf&framing=line",
    "udp-bind://[::1]:9?join=ff02::12@lo,239.1.2.3",
    "unix-listen:///tmp/what%3F%26?unlink=true",
    "tcp://h:1?save=/tmp/a%26b%3F&save-limit=1MiB&connect-timeout=250ms",
    "pair://?type=seqpacket",
];

/// What a user may type.
const TEXTS: [&str; 6] =
    ["", "é \" ' \\ # =", "two\nlines\r\n\ttab", "\u{0}\u{1b}[2J\u{7f}\u{85}", "'''\"\"\"", "{{payload"];

/// The first line is edits, two bytes each: what to do, and to which entry. The rest is a profile.
pub fn check(data: &[u8]) {
    let (edits, text) = super::first_line(data);
    let Some(text) = super::text_of(text) else { return };
    let Ok(mut profile) = Profile::parse(text, None) else { return };
    if profile.read_only.is_some() {
        return;
    }
    let mut may_be_refused = false;
    // More rounds find nothing that fewer do not, and take seconds.
    for edits in edits.chunks(8).take(40) {
        for edit in edits.chunks_exact(2) {
            may_be_refused |= apply(&mut profile, edit[0], usize::from(edit[1]));
        }
        let written = profile.to_toml();
        match Profile::parse(&written, None) {
            Ok(again) => {
                assert_eq!(again.contents, profile.contents, "{written}");
                assert_eq!(again.to_toml(), written);
                profile = again;
            }
            // What other entries speak of was taken away from them; saving refuses it, and says why.
            Err(why) => {
                assert!(may_be_refused, "{why}\n{written}");
                return;
            }
        }
    }
}

/// Does one thing to the profile; true where others of its entries may then speak of what is not there.
fn apply(profile: &mut Profile, what: u8, at: usize) -> bool {
    let (sockets, payloads) = (profile.contents.sockets.len(), profile.contents.payloads.len());
    let (rules, scenarios) = (profile.contents.rules.len(), profile.contents.scenarios.len());
    let is_spoken_of = rules + scenarios > 0;
    let text = TEXTS[at % TEXTS.len()].to_owned();
    match what % 20 {
        0 => profile.contents.name = text,
        1 => profile.contents.description = text,
        2 if sockets > 0 => {
            let name = free_name("s", |name| profile.contents.sockets.iter().any(|socket| socket.name == name));
            profile.rename_socket(at % sockets, &name);
        }
        3 if sockets > 0 => {
            profile.contents.sockets[at % sockets].endpoint = endpoint(at);
            return is_spoken_of;
        }
        4 if sockets > 0 => profile.contents.sockets[at % sockets].auto ^= true,
        5 if sockets > 0 => {
            let socket = profile.contents.sockets[at % sockets].clone();
            profile.set_echo(&socket.name, !profile.echoes(&socket));
        }
        6 => {
            let name = free_name("é", |name| profile.contents.sockets.iter().any(|socket| socket.name == name));
            profile.contents.sockets.insert(at % (sockets + 1), SocketEntry::new(name, endpoint(at)));
        }
        7 if sockets > 0 => {
            profile.remove_socket(at % sockets);
            return is_spoken_of;
        }
        8 if sockets > 0 => profile.contents.sockets.swap(at % sockets, at / 7 % sockets),
        9 => {
            let name = free_name("p q", |name| profile.contents.payloads.iter().any(|payload| payload.name == name));
            profile.contents.payloads.insert(at % (payloads + 1), PayloadEntry::new(name, PayloadContent::Text(text)));
        }
        10 if payloads > 0 => {
            profile.contents.payloads[at % payloads].content = match at % 3 {
                0 => PayloadContent::Hex("01 0A".to_owned()),
                1 => PayloadContent::Escaped("a\\n\\\\{{counter}}".to_owned()),
                _ => PayloadContent::Base64("AAA=".to_owned()),
            };
            return is_spoken_of;
        }
        11 if payloads > 0 => {
            let algorithm = &ALGORITHMS[at % ALGORITHMS.len()];
            let checksum = Checksum {
                algorithm,
                from: i64::from(at.is_multiple_of(2)),
                to: at.is_multiple_of(3).then_some(-1),
                order: None,
            };
            let entry = &mut profile.contents.payloads[at % payloads];
            entry.checksum = if entry.checksum.is_some() { None } else { Some(checksum) };
        }
        12 if payloads > 0 => {
            profile.contents.payloads.remove(at % payloads);
            return is_spoken_of;
        }
        13 if payloads > 0 => profile.contents.payloads.swap(at % payloads, at / 7 % payloads),
        14 => {
            let name = profile.free_rule_name("echo");
            profile.contents.rules.insert(at % (rules + 1), RuleEntry::echo(name));
        }
        15 if rules > 0 => profile.contents.rules[at % rules].enabled ^= true,
        16 if rules > 0 => drop(profile.contents.rules.remove(at % rules)),
        17 if rules > 0 => profile.contents.rules.swap(at % rules, at / 7 % rules),
        18 if scenarios > 0 => drop(profile.contents.scenarios.remove(at % scenarios)),
        19 if sockets > 0 => {
            let name = free_name("run", |name| profile.contents.scenarios.iter().any(|scenario| scenario.name == name));
            let opens = StepAction::Open(profile.contents.sockets[at % sockets].name.clone());
            profile.contents.scenarios.push(ScenarioEntry::new(name, [opens]));
        }
        _ => {}
    }
    false
}

fn endpoint(at: usize) -> Endpoint {
    let url = URLS[at % URLS.len()];
    url.parse().unwrap_or_else(|why| panic!("{url}: {why}"))
}

fn free_name(begin: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut name = begin.to_owned();
    while is_taken(&name) {
        name.push('x');
    }
    name
}
