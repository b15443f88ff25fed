//! Durations and sizes as users write them: `250ms`, `5s`, `2m`; `64KiB`, `256MiB`.
//!
//! Owns reading and writing both, which are inverses. It never knows what is measured.

use std::time::Duration;

/// Reads a duration: a number, with or without a fraction, and `ms`, `s`, `m` or `h`.
///
/// # Errors
/// One sentence without a full stop: what is wrong and what would be right.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time; write 250ms, 5s or 2m");
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
    let (whole, fraction) = text[..digits].split_once('.').unwrap_or((&text[..digits], "0"));
    let unit_nanos: u64 = match &text[digits..] {
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return Err(wrong()),
    };
    let places = u32::try_from(fraction.len()).ok().filter(|places| *places <= 9).ok_or_else(wrong)?;
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let fraction: u64 = fraction.parse().map_err(|_| wrong())?;
    let too_long = || format!("`{text}` is longer than a year");
    let nanos = whole.checked_mul(unit_nanos).ok_or_else(too_long)?;
    let nanos = u128::from(nanos) + u128::from(fraction) * u128::from(unit_nanos) / 10u128.pow(places);
    match u64::try_from(nanos).map(Duration::from_nanos) {
        Ok(time) if time <= MAX_DURATION => Ok(time),
        _ => Err(too_long()),
    }
}

const MAX_DURATION: Duration = Duration::from_hours(24 * 366);

/// Writes a duration so that [`parse_duration`] reads it back.
#[must_use]
pub fn format_duration(time: Duration) -> String {
    let micros = time.as_micros();
    match micros {
        _ if !time.subsec_nanos().is_multiple_of(1_000) => {
            format!("{}.{:06}ms", time.as_millis(), time.as_nanos() % 1_000_000)
        }
        0 => "0s".to_owned(),
        _ if micros.is_multiple_of(3_600_000_000) => format!("{}h", micros / 3_600_000_000),
        _ if micros.is_multiple_of(60_000_000) => format!("{}m", micros / 60_000_000),
        _ if micros.is_multiple_of(1_000_000) => format!("{}s", micros / 1_000_000),
        _ if micros.is_multiple_of(1_000) => format!("{}ms", micros / 1_000),
        _ => format!("{}.{:03}ms", micros / 1_000, micros % 1_000),
    }
}

const UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// Reads a size in bytes: a whole number and `B`, `KiB`, `MiB`, `GiB`, `kB`, `MB`, `GB`, or no unit for bytes.
///
/// # Errors
/// One sentence without a full stop: what is wrong and what would be right.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a size; write 64KiB or 256MiB");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().map_err(|_| wrong())?;
    let unit = match &text[digits..] {
        "" => 1,
        name => UNITS.iter().find(|(unit, _)| *unit == name).ok_or_else(wrong)?.1,
    };
    number.checked_mul(unit).ok_or_else(wrong)
}

/// Writes a size so that [`parse_size`] reads it back.
#[must_use]
pub fn format_size(bytes: u64) -> String {
    let unit = UNITS[..3].iter().find(|(_, size)| bytes >= *size && bytes.is_multiple_of(*size));
    match unit {
        Some((name, size)) => format!("{}{name}", bytes / size),
        None => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_and_sizes_of_the_documentation() {
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_mins(2)));
        assert_eq!(parse_size("64KiB"), Ok(65_536));
        assert_eq!(parse_size("256MiB"), Ok(268_435_456));
        assert_eq!(parse_size("10"), Ok(10));
        for wrong in ["", "5", "s", "-1s", "5 s", "1e9s", "99999h", "1..5s"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "KiB", "64kib", "-1", "99999999999GiB", "1.5MiB"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            count in 0u64..10_000_000,
            unit in proptest::sample::select(vec![1u64, 1_000, 1_000_000, 1_000_000_000]),
            bytes in any::<u64>(),
        ) {
            let time = Duration::from_nanos(count * unit);
            prop_assert_eq!(parse_duration(&format_duration(time)), Ok(time));
            prop_assert_eq!(parse_size(&format_size(bytes)), Ok(bytes));
        }
    }
}
