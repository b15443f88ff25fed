//! What must hold for any input from outside, each property a function of bytes that panics where it does not.
//!
//! Owns the properties, one module each. The fuzz targets look for inputs that break them, and `tests/fuzz_smoke.rs` of
//! the main package, which includes this file, holds them against the seeds and simple mutations of them. They
//! open nothing, and ask no clock and no source of chance, so that an input that breaks one breaks it again.

pub mod capture;
pub mod config;
pub mod deframer;
pub mod endpoint;
pub mod filter;
pub mod framing;
pub mod jsonl;
pub mod notation;
pub mod profile;
pub mod profile_edit;
pub mod sanitise;
pub mod template;

use std::ops::Range;

use sockbench::diagnostic::Diagnostic;

/// The input as text, where it is that.
fn text_of(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// The first line of an input, without its end, and what follows it.
fn first_line(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &[]),
    }
}

/// A place where a text is wrong lies in the text, on characters of it.
fn lies_in(text: &str, at: &Range<usize>) {
    assert!(text.get(at.clone()).is_some(), "{at:?} is no part of {text:?}");
}

/// A diagnostic has a place in the text, and what it shows can't act on a terminal.
fn can_be_shown(diagnostic: &Diagnostic, text: &str) {
    let line = text.split('\n').nth(diagnostic.line - 1);
    let line = line.unwrap_or_else(|| panic!("line {} of {text:?}", diagnostic.line));
    assert!((1..=line.chars().count() + 1).contains(&diagnostic.column), "{diagnostic}");
    let acts = |c: char| c.is_control() && c != '\n';
    let shown = diagnostic.render(false);
    assert!(!shown.contains(acts), "{shown:?}");
}
