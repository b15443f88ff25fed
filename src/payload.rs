//! Payloads: between what a person types and the bytes that go out.
//!
//! Owns the notation (text, escaped, hex), in both directions, the templates in it, and checksums. Pure: it never sends,
//! and never guesses what a text that does not parse was meant to be.

mod checksum;
mod notation;
mod template;

pub use checksum::{ALGORITHMS, Algorithm, Checksum, Order};
pub use notation::{Mode, NotationError, parse, parse_in, show, show_in};
pub use template::{Fill, Place, Template, Variables, check_variable_name};
