//! Framing: what one message of a stream of bytes is.
//!
//! Owns how a framing is written down, where the messages of a stream end ([`Deframer`]), their bytes gathered over
//! the chunks that a stream comes in ([`Assembler`]), and the frame that a payload gets before it is sent
//! ([`Framing::wrap`]). Pure: it knows neither sockets nor clocks, and never throws a byte away.
//!
//! A frame is some bytes in a row. Part of them is framing (a line's end, a delimiter, a length field), and the rest is
//! the payload, of at most [`Framing::max`] bytes: a longer message comes in pieces of that size, each marked as
//! [`Ending::Cut`] but the last, and each marked as continued but the first.

mod assembler;
mod deframer;
mod notation;
mod wrap;

use std::time::Duration;

pub use assembler::{Assembler, Message};
pub use deframer::{Deframer, Ending, Frame, State};
pub use notation::FramingError;

/// How many bytes of payload a message has at most, unless `max` says otherwise.
pub const DEFAULT_MAX: u32 = 1 << 20;

/// The largest `max`, in bytes.
pub const MOST: u32 = 1 << 30;

/// The longest delimiter, in bytes.
pub const LONGEST_DELIMITER: usize = 64;

/// What one message of a stream is.
///
/// [`Display`](std::fmt::Display) writes it and [`FromStr`](std::str::FromStr) reads it; they are inverses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Framing {
    rule: Rule,
    max: u32,
}

/// Where a message ends.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    /// Where a chunk ends.
    Raw,
    /// At LF. A CR before it is framing as well.
    Line,
    /// At these bytes: 1 to [`LONGEST_DELIMITER`].
    Delimiter(Box<[u8]>),
    /// After so many bytes: 1 to `max`.
    Fixed(u32),
    /// After as many bytes as a field in it tells.
    Length(Length),
    /// Once nothing has come for so long: at least a millisecond, in whole microseconds.
    Idle(Duration),
}

/// Where a message tells its length, and what that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Length {
    field: Field,
    /// How many bytes of the message stand before the field.
    offset: u16,
    /// What is added to the field's value to have the number of bytes that follow the field.
    adjust: i32,
}

/// An unsigned integer that tells a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    /// As it is written in a framing.
    name: &'static str,
    /// In bytes: 1, 2 or 4.
    size: u8,
    big_endian: bool,
}

/// Every kind of length field.
const FIELDS: [Field; 5] = [
    Field { name: "u8", size: 1, big_endian: true },
    Field { name: "u16be", size: 2, big_endian: true },
    Field { name: "u16le", size: 2, big_endian: false },
    Field { name: "u32be", size: 4, big_endian: true },
    Field { name: "u32le", size: 4, big_endian: false },
];

impl Framing {
    /// Each chunk is a message: what one `recv` returned.
    pub const RAW: Self = Self { rule: Rule::Raw, max: DEFAULT_MAX };

    /// True where line ends end messages.
    #[must_use]
    pub const fn is_line(&self) -> bool {
        matches!(self.rule, Rule::Line)
    }

    /// True where a message is what one `recv` returned.
    #[must_use]
    pub const fn is_raw(&self) -> bool {
        matches!(self.rule, Rule::Raw)
    }

    /// How many bytes of payload a message has before it is cut: 1 to [`MOST`]. It does not hold for raw ones.
    #[must_use]
    pub const fn max(&self) -> u32 {
        self.max
    }

    /// The gap that ends a message; `None` where its bytes do.
    #[must_use]
    pub const fn gap(&self) -> Option<Duration> {
        match self.rule {
            Rule::Idle(gap) => Some(gap),
            _ => None,
        }
    }
}

impl Length {
    /// How many bytes of a message are known before its length is: those before the field, and the field.
    fn head(self) -> u32 {
        u32::from(self.offset) + u32::from(self.field.size)
    }
}
