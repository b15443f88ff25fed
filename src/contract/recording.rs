//! A recording, as the screen and the command line speak of it.

use std::str::FromStr;
use std::time::Duration;

use super::{parse_duration, parse_size};

/// When one file of a recording ends and the next begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rotation {
    /// There is one file.
    #[default]
    Never,
    /// Once a file has at least so many bytes.
    Size(u64),
    /// Once a file is so old.
    Age(Duration),
}

impl FromStr for Rotation {
    type Err = String;

    /// Reads a size such as `64MiB` or a duration such as `5m`.
    ///
    /// # Errors
    /// One sentence without a full stop: what is wrong and what would be right.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is neither a size nor a duration above zero; write 64MiB or 5m");
        let rotation = parse_size(text).map(Self::Size).or_else(|_| parse_duration(text).map(Self::Age));
        rotation
            .ok()
            .filter(|rotation| !matches!(rotation, Self::Size(0) | Self::Age(Duration::ZERO)))
            .ok_or_else(wrong)
    }
}

/// How a recording fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recording {
    /// Rows are written.
    Running {
        /// The name of the file that is written now, without its folder.
        file: String,
        /// How many bytes are in it.
        bytes: u64,
        /// How many rows are in none of its files, because the log could not be read any more when they were to be
        /// written.
        missed: u64,
    },
    /// It ended by itself; the session goes on.
    Failed(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_is_a_size_or_a_duration() {
        assert_eq!("64MiB".parse(), Ok(Rotation::Size(64 << 20)));
        assert_eq!("5m".parse(), Ok(Rotation::Age(Duration::from_mins(5))));
        for wrong in ["", "0", "0s", "5 m", "often"] {
            assert!(wrong.parse::<Rotation>().is_err(), "{wrong}");
        }
    }
}
