//! Payloads: between what a person types and the bytes that go out.
//!
//! Owns the notation (text, escaped, hex), in both directions. Pure: it never sends, and never guesses what a text that
//! does not parse was meant to be.

mod notation;

pub use notation::{Mode, NotationError, parse, parse_in, show, show_in};
