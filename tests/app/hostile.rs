//! Peers that send orders for the terminal instead of text.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream, UdpSocket};

use crate::clients::Clients;
use crate::session::{ENTER, Home, PATIENCE, Session};

/// The title that the program gives the terminal: the only OSC sequence it may write by itself.
const TITLE: &[u8] = b"\x1b]0;sockbench\x07";

/// Messages by name; each begins with something that is shown as an escape.
const ATTACKS: &[(&str, &[u8])] = &[
    ("csi", b"\x1b[2J\x1b[1;1HOWNED\x1b[31m\x1b[6n\x1b[?1049l"),
    ("title", b"\x1b]0;owned\x07\x1b]2;owned\x1b\\"),
    ("link", b"\x1b]8;;http://example.invalid\x1b\\here\x1b]8;;\x1b\\"),
    ("clipboard", b"\x1b]52;c;b3duZWQ=\x07"),
    ("dcs", b"\x1bP$q\"p\x1b\\\x1b_apc\x1b\\\x1b^pm\x1b\\\x1bXsos\x1b\\"),
    ("c1", b"\x9b2J\xc2\x9b2J\x9d0;owned\x9c\xc2\x9d0;owned\xc2\x9c\x90q\xc2\x90q"),
    ("c0", b"\x07\x08\x08\x08\x0e\x0f\r\n\t\x0b\x0c\x7f"),
    ("reset", b"\x1bc\x1b#8\x1b(0\x1b7\x1b8\x1bM\x1bD"),
    ("bidi", "\u{202e}\u{202d}\u{2066}\u{2069}\u{200f}\u{61c}end".as_bytes()),
    ("wide", "\u{feff}表e\u{301}\u{301}\u{301}\u{200b}\u{200d}\u{fe0f}👩\u{200d}👩\u{200d}👧\u{e0001}".as_bytes()),
];

/// Texts of which UTF-8 has bytes that are orders in a terminal of 8 bits: CSI, OSC, DCS, ST, and what moves the cursor.
const LATIN_ATTACKS: &[&str] =
    &["\u{11b}2J\u{11b}31mOWNED", "\u{11d}0;owned\u{11c}", "\u{110}q\u{11c}", "\u{104}\u{105}\u{10d}\u{118}", "日本é"];

/// Every cell but those of the last row that holds an upright line of a frame.
fn uprights(session: &Session) -> Vec<(u16, u16)> {
    let (rows, columns) = session.screen().size();
    (0..rows.get() - 1)
        .flat_map(|row| (0..columns.get()).map(move |column| (row, column)))
        .filter(|(row, column)| {
            session.screen().cell(*row, *column).is_some_and(|cell| ["│", "║"].contains(&cell.contents()))
        })
        .collect()
}

/// That everything written is text, a title, or one of the sequences that drawing needs.
fn assert_only_drawing(written: &[u8]) {
    let text = match std::str::from_utf8(written) {
        Ok(text) => text,
        // The last character may not have come whole.
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&written[..error.valid_up_to()]).unwrap(),
        Err(error) => panic!("what is written is UTF-8: {error}"),
    };
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_control()) {
        let sequence = &rest[at..];
        let end = if sequence.as_bytes().starts_with(TITLE) {
            TITLE.len()
        } else {
            // The last sequence may not have come whole.
            if "\x1b[".starts_with(sequence) {
                break;
            }
            let parameters = sequence.strip_prefix("\x1b[").unwrap_or_else(|| panic!("{:?}", shorten(sequence)));
            let Some(len) = parameters.find(|c: char| !matches!(c, '0'..='9' | ';' | '?')) else { break };
            let is_of_drawing = match &parameters[..=len] {
                "?2026h" | "?2026l" => true,
                order => !order.starts_with('?') && order.ends_with(['m', 'H', 'C', 'K', 'X', 'r', 'S']),
            };
            assert!(is_of_drawing, "{:?}", shorten(sequence));
            2 + len + 1
        };
        rest = &sequence[end..];
    }
    for c in
        ['\u{202e}', '\u{202d}', '\u{2066}', '\u{2069}', '\u{200f}', '\u{61c}', '\u{200b}', '\u{feff}', '\u{e0001}']
    {
        assert!(!text.contains(c), "{c:?} was written");
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(20).collect()
}

// Case 1.
#[test]
fn no_byte_of_a_peer_reaches_the_terminal_as_an_order() {
    let home = Home::new();
    let mut session = home.start(&["tcp-listen://127.0.0.1:0", "udp-bind://127.0.0.1:0"]);
    let Clients { stream: mut client, sender, udp } = Clients::of(&mut session);
    let titles = session.raw.windows(TITLE.len()).filter(|window| *window == TITLE).count();
    assert_eq!(titles, 1, "the program's own title");
    let frames = uprights(&session);
    assert!(frames.len() > 100);

    let start = session.raw.len();
    let every_byte: Vec<u8> = (0..=255).collect();
    let all = ATTACKS.iter().copied().chain([("every", every_byte.as_slice())]);
    for (number, (name, attack)) in all.enumerate() {
        let message = [name.as_bytes(), b"=", attack].concat();
        sender.send_to(&message, udp).unwrap();
        session.wait_for(&format!("{name}=\\"));
        client.write_all(&message).unwrap();
        let received = number + 1;
        session.wait_for(&format!("↓{received}"));
        assert_eq!(uprights(&session), frames, "after {name}:\n{}", session.text());
        assert_only_drawing(&session.raw[start..]);
    }
}

// Case 1.
#[test]
fn where_the_locale_is_not_utf8_or_the_theme_is_ascii_all_that_is_written_is_ascii() {
    let home = Home::new();
    let configured = home.profiles().join("../config.toml");
    for (locale, theme) in [("en_US.ISO-8859-1", ""), ("C.UTF-8", "theme = \"ascii\"")] {
        std::fs::write(&configured, theme).unwrap();
        let mut session = home.start_in(locale, &["tcp-listen://127.0.0.1:0", "udp-bind://127.0.0.1:0"]);
        session.wait_for("2 open");
        let start = session.raw.len();
        let mut client = TcpStream::connect(session.address_after("server           - open at ")).unwrap();
        let udp = session.address_after("udp-server       - open at ");
        session.wait_for("accepted");
        let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        for (number, attack) in LATIN_ATTACKS.iter().enumerate() {
            let message = format!("{number}={attack}");
            sender.send_to(message.as_bytes(), udp).unwrap();
            session.wait_for(&format!("{number}=\\u{{"));
            client.write_all(message.as_bytes()).unwrap();
            session.wait_for(&format!("v{} ", number + 1));
        }
        // What is typed, too, behind which the cursor stands.
        session.keys("\x1b[200~é\u{11b}\x1b[201~z");
        session.wait_for("\\u{00E9}\\u{011B}z");
        assert_only_drawing(&session.raw[start..]);
        assert!(session.raw.is_ascii(), "in {locale}: {:?}", session.text());
        session.quit();
        assert!(session.raw.is_ascii());
    }
    // The configuration has the last word.
    std::fs::write(&configured, "theme = \"terminal\"").unwrap();
    home.start_in("en_US.ISO-8859-1", &["udp-bind://127.0.0.1:0"]).wait_for("│");
}

// Case 1.
#[test]
fn where_the_locale_is_not_utf8_lines_on_a_terminal_are_ascii() {
    let home = Home::new();
    let profile = home.profiles().join("p.toml");
    // Free at once, and no other test is on this address.
    let udp = UdpSocket::bind("127.77.0.2:0").unwrap().local_addr().unwrap();
    let socket = format!("version = 1\n[[socket]]\nname = \"é\"\nopen = \"udp-bind://{udp}\"\n");
    std::fs::write(&profile, socket).unwrap();
    for format in ["text", "jsonl"] {
        let arguments = ["run", profile.to_str().unwrap(), "--format", format];
        let mut session = home.start_in("en_US.ISO-8859-1", &arguments);
        session.wait_for(if format == "text" { "\\u{e9} open at" } else { "\"kind\":\"opened\"" });
        let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        sender.send_to("\u{11b}2J👩.".as_bytes(), udp).unwrap();
        session.wait_for(if format == "text" { "\\u{11b}2J\\u{1f469}." } else { "\\u011b2J\\ud83d\\udc69." });
        assert!(session.raw.is_ascii(), "{}", session.text());
    }
}

// Case 8.
#[test]
fn a_paste_of_keys_and_of_orders_is_data() {
    // Ctrl-Q and `y` would quit, Ctrl-C, Escape and arrows would act; the title would be another.
    const PASTED: &str = "a\x11y\x03\x1b\x1b[A\x1b]0;owned\x07b";
    let home = Home::new();
    let mut session = home.start(&["tcp-listen://127.0.0.1:0?eol=none"]);
    let mut client = TcpStream::connect(session.address_after("open at ")).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    session.wait_for("accepted");
    let start = session.raw.len();
    session.keys(&format!("\x1b[200~{PASTED}\x1b[201~"));
    session.wait_for("61 11 79 03 1b");
    session.keys(ENTER);
    let mut sent = [0; PASTED.len()];
    client.read_exact(&mut sent).unwrap();
    assert_eq!(String::from_utf8_lossy(&sent), PASTED);
    assert_only_drawing(&session.raw[start..]);
}
