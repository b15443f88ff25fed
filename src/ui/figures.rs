//! How figures are told to a reader: numbers, sizes and times, as short as they can be and still say what matters.

use std::time::Duration;

/// Grouped by thousands, as in `1,204`.
pub(super) fn grouped(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or(u64::MAX).to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of bytes for a reader: `7 B`, `1.5 KiB`, `12 MiB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    let units = [("GiB", 1u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.iter().find(|(_, unit)| bytes >= *unit) {
        None => format!("{bytes} B"),
        Some((name, unit)) => {
            let tenths = u128::from(bytes) * 10 / u128::from(*unit);
            if tenths < 100 {
                format!("{}.{} {name}", tenths / 10, tenths % 10)
            } else {
                format!("{} {name}", tenths / 10)
            }
        }
    }
}

/// How long something took, in at most six columns: `0`, `51us`, `948ms`, `7.1s`, `2m03s`, `1h02m`, `3d04h`, `412d`.
pub(super) fn took(time: Duration) -> String {
    let millis = time.as_millis();
    match millis {
        0 if time.is_zero() => "0".to_owned(),
        0 => format!("{}us", time.as_micros()),
        1..1_000 => format!("{millis}ms"),
        1_000..60_000 => format!("{}.{}s", millis / 1_000, millis % 1_000 / 100),
        60_000..86_400_000 => seconds(time),
        _ => days(time),
    }
}

/// A time of a day or more: `3d04h`, `412d`.
fn days(time: Duration) -> String {
    let hours = time.as_secs() / 3_600;
    if hours < 2_400 { format!("{}d{:02}h", hours / 24, hours % 24) } else { format!("{}d", hours / 24) }
}

/// A time of which less than a second says nothing: `3s`, `2m05s`, `1h02m`.
pub(super) fn seconds(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// A time that was measured, in at most eight columns: `51 us`, `1.2 ms`, `7.1 s`, `2m03s`, `1h02m`, `3d04h`.
pub(super) fn measured(time: Duration) -> String {
    let nanos = time.as_nanos();
    let scaled = |unit: u128, name: &str| {
        let tenths = nanos * 10 / unit;
        if tenths < 100 && !tenths.is_multiple_of(10) {
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        } else {
            format!("{} {name}", tenths / 10)
        }
    };
    match time.as_secs() {
        0 if nanos < 1_000 => format!("{nanos} ns"),
        0 if nanos < 1_000_000 => scaled(1_000, "us"),
        0 => scaled(1_000_000, "ms"),
        1..60 => scaled(1_000_000_000, "s"),
        60..86_400 => seconds(time),
        _ => days(time),
    }
}

/// A time that the kernel measured, in at most five columns: `45us`, `1.2ms`, `201ms`, `1.2s`, `12s`.
pub(super) fn short_time(time: Duration) -> String {
    let micros = time.as_micros();
    match micros {
        0..1_000 => format!("{micros}us"),
        1_000..10_000 => format!("{}.{}ms", micros / 1_000, micros % 1_000 / 100),
        10_000..1_000_000 => format!("{}ms", micros / 1_000),
        1_000_000..10_000_000 => format!("{}.{}s", micros / 1_000_000, micros % 1_000_000 / 100_000),
        _ => format!("{}s", micros / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(grouped(7usize), "7");
        assert_eq!(grouped(1204usize), "1,204");
        assert_eq!(grouped(123_456_789usize), "123,456,789");
    }

    #[test]
    fn sizes_are_short() {
        assert_eq!(size(0), "0 B");
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(12 << 20), "12 MiB");
        assert_eq!(size(u64::MAX), "17179869183 GiB");
    }

    #[test]
    fn what_something_took_is_short() {
        for (time, text) in [
            (Duration::ZERO, "0"),
            (Duration::from_micros(51), "51us"),
            (Duration::from_millis(948), "948ms"),
            (Duration::from_millis(7_100), "7.1s"),
            (Duration::from_secs(123), "2m03s"),
            (Duration::from_mins(62), "1h02m"),
            (Duration::from_hours(30), "1d06h"),
            (Duration::from_hours(26_482), "1103d"),
        ] {
            assert_eq!(took(time), text);
            // With its sign a difference fits its column in the log.
            assert!(text.len() < 7);
        }
    }

    #[test]
    fn measured_times_are_short() {
        for (time, text) in [
            (Duration::ZERO, "0 ns"),
            (Duration::from_nanos(51_900), "51 us"),
            (Duration::from_nanos(1_234_567), "1.2 ms"),
            (Duration::from_millis(999), "999 ms"),
            (Duration::from_millis(7_100), "7.1 s"),
            (Duration::from_secs(123), "2m03s"),
            (Duration::from_mins(62), "1h02m"),
            (Duration::from_hours(76), "3d04h"),
        ] {
            assert_eq!(measured(time), text);
        }
    }
}
