//! The notation of payloads: bytes that are shown in a mode are read back from it as the same bytes.

use sockbench::encoding::Encoding;
use sockbench::payload::{Mode, parse_in, show_in};

/// Encodings that differ in how they are written: by bytes, by pairs, by switching.
pub const ENCODINGS: [&str; 8] =
    ["utf-8", "gbk", "gb18030", "shift_jis", "euc-kr", "iso-2022-jp", "utf-16be", "windows-1252"];

/// The first byte chooses an encoding; the rest is a payload, and where it is text also what somebody typed.
pub fn check(data: &[u8]) {
    let Some((choice, bytes)) = data.split_first() else { return };
    let Ok(encoding) = Encoding::named(ENCODINGS[usize::from(*choice) % ENCODINGS.len()]) else { return };
    for mode in [Mode::Text, Mode::Escaped, Mode::Hex] {
        match show_in(mode, bytes, encoding) {
            Ok(text) => {
                assert_eq!(parse_in(mode, &text, encoding).as_deref(), Ok(bytes), "{mode:?} {text:?}");
                // What is shown can be edited in a line of the screen.
                assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{mode:?} {text:?}");
            }
            Err(error) => {
                assert_eq!(mode, Mode::Text, "{error}");
                assert!(error.at.start < error.at.end && error.at.end <= bytes.len(), "{error:?}");
            }
        }
        if let Some(typed) = super::text_of(bytes) {
            is_read_as_it_is_shown(mode, typed, encoding);
        }
    }
}

fn is_read_as_it_is_shown(mode: Mode, typed: &str, encoding: Encoding) {
    match parse_in(mode, typed, encoding) {
        Ok(payload) => {
            for other in [Mode::Text, Mode::Escaped, Mode::Hex] {
                if let Ok(text) = show_in(other, &payload, encoding) {
                    assert_eq!(parse_in(other, &text, encoding).as_ref(), Ok(&payload), "{typed:?} as {text:?}");
                }
            }
        }
        Err(error) => {
            super::lies_in(typed, &error.at);
            assert!(!error.at.is_empty(), "{error:?}");
        }
    }
}
