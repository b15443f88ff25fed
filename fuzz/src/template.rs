//! Templates: what has no place to be filled in is its bytes, and filling is a matter of the arguments alone.

use sockbench::encoding::Encoding;
use sockbench::payload::{ALGORITHMS, Checksum, Fill, Mode, Place, Template, Variables, parse_in, show_in};

use super::notation::ENCODINGS;

/// The most that one name may stand for here, so that no input takes long.
const RANDOM_MAX: usize = 4096;

/// The first byte chooses an encoding and where the template stands; the rest is what somebody typed.
pub fn check(data: &[u8]) {
    let Some((&choice, typed)) = data.split_first() else { return };
    let Some(text) = super::text_of(typed) else { return };
    let numbers = text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse::<usize>().ok());
    if text.contains("random") && numbers.max().is_some_and(|most| most > RANDOM_MAX) {
        return;
    }
    let Ok(encoding) = Encoding::named(ENCODINGS[usize::from(choice) % ENCODINGS.len()]) else { return };
    let place = match choice >> 4 {
        0 => Place::Message,
        captures => Place::Reply { captures: usize::from(captures - 1) },
    };
    let mut variables = Variables::with_environment([("HOME".to_owned(), "/home/é".to_owned())]);
    for (name, value) in [("who", "client"), ("größe", "{{who}}\\n"), ("none", "")] {
        assert_eq!(variables.set(name, value), Ok(()));
    }
    for mode in [Mode::Text, Mode::Escaped, Mode::Hex] {
        match Template::parse(mode, text, encoding, &variables, place) {
            Ok(template) => is_filled(&template, mode, text, encoding),
            Err(error) => {
                super::lies_in(text, &error.at);
                assert!(!error.at.is_empty(), "{error:?}");
                if mode != Mode::Escaped {
                    assert_eq!(parse_in(mode, text, encoding), Err(error));
                }
            }
        }
    }
}

fn is_filled(template: &Template, mode: Mode, text: &str, encoding: Encoding) {
    let first = Fill { counter: 7, at: 1_700_000_000_123_456_789, seed: 5, peer: "10.0.0.5:80", ..Fill::default() };
    let second = Fill {
        counter: u64::MAX,
        at: u64::MAX,
        seed: 6,
        peer: "/tmp/\u{1f600}",
        local: "[::1]:9",
        captures: &[b"all", b"\xff{{who}}"],
        payload: b"came\0",
    };
    for fill in [&first, &second] {
        let filled = template.filled(fill);
        assert_eq!(filled, template.filled(fill), "the same arguments fill in the same");
        if let Ok(plain) = parse_in(mode, text, encoding) {
            assert_eq!(filled, plain, "nothing is filled in");
            assert!(!template.is_filled());
        }
        // What was filled in, written down, is no template: whatever it holds stands for itself.
        let Ok(written) = show_in(Mode::Escaped, &filled, encoding) else { panic!("every byte can be escaped") };
        let read = Template::parse(Mode::Escaped, &written, encoding, &Variables::default(), Place::Message);
        assert_eq!(read.map(|read| (read.is_filled(), read.filled(fill))).as_ref(), Ok(&(false, filled.clone())));

        let algorithm = &ALGORITHMS[filled.len() % ALGORITHMS.len()];
        let checksum = Checksum { algorithm, from: -3, to: Some(2), order: None };
        let mut wanted = filled.clone();
        checksum.append(&mut wanted);
        assert_eq!(wanted.len(), filled.len() + algorithm.bytes());
        assert_eq!(template.clone().with_checksum(Some(checksum)).filled(fill), wanted);
    }
    let differs = template.filled(&first) != template.filled(&second);
    assert!(template.is_filled() || !differs, "what is filled in says so");
    assert!(!template.needs_peer() || template.is_filled());
    assert_eq!(template.is_what_came(), template.is_what_came() && template.filled(&second) == b"came\0");
}
