//! Which moment a filter's `since:` and `until:` mean.
//!
//! Owns the notation of moments: so long ago, a time of day, a date. It never asks a clock: the caller says what time
//! it is.

use std::ops::Range;

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Zoned};

use crate::contract::Timestamp;
use crate::log::FilterError;

/// The moment that a value means, at the time `now`. A time of day is the last one that has been, in the system's time
/// zone; with a `Z`, in UTC.
pub(super) fn moment(value: &str, at: &Range<usize>, now: Timestamp) -> Result<Timestamp, FilterError> {
    if let Some(nanos) = ago(value) {
        return Ok(Timestamp(now.0.saturating_sub(nanos)));
    }
    if let Ok(moment) = value.parse::<jiff::Timestamp>() {
        return Ok(timestamp(moment));
    }
    let (local, zone) = match value.strip_suffix(['Z', 'z']) {
        Some(local) => (local, TimeZone::UTC),
        None => (value, TimeZone::system()),
    };
    let zoned = if !local.contains([':', '-']) {
        None
    } else if let Ok(time) = local.parse::<Time>() {
        last(time, &zone, now)
    } else {
        local.parse::<DateTime>().ok().and_then(|date| date.to_zoned(zone).ok())
    };
    zoned.map(|zoned| timestamp(zoned.timestamp())).ok_or_else(|| {
        let right = "`5m` ago (ms, s, m, h, d), `12:30` or `12:30:05`, `2026-11-21` or `2026-11-21T12:30`";
        FilterError::new(at.clone(), format!("`{value}` is no time; there are {right}, with Z for UTC"))
    })
}

/// The last time that it was this time of day, `now` included.
fn last(time: Time, zone: &TimeZone, now: Timestamp) -> Option<Zoned> {
    let now = jiff::Timestamp::from_nanosecond(i128::from(now.0)).ok()?.to_zoned(zone.clone());
    let today = now.date().to_datetime(time).to_zoned(zone.clone()).ok()?;
    if today <= now { Some(today) } else { today.checked_sub(SignedDuration::from_hours(24)).ok() }
}

fn timestamp(moment: jiff::Timestamp) -> Timestamp {
    Timestamp(u64::try_from(moment.as_nanosecond()).unwrap_or(0))
}

/// `90s`, `1h30m`: how many nanoseconds that is.
fn ago(value: &str) -> Option<u64> {
    let mut rest = value;
    let mut nanos = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let unit_end = rest[digits..].find(|c: char| !c.is_ascii_alphabetic()).map_or(rest.len(), |end| digits + end);
        let unit = match &rest[digits..unit_end] {
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "d" => 86_400_000_000_000,
            _ => return None,
        };
        nanos = nanos.saturating_add(number.saturating_mul(unit));
        rest = &rest[unit_end..];
    }
    (!value.is_empty()).then_some(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_so_long_ago_a_time_of_day_or_a_date() {
        let at = |text: &str| timestamp(text.parse().unwrap());
        let now = at("2026-11-21T12:00:00Z");
        for (value, wanted) in [
            ("5m", "2026-11-21T11:55:00Z"),
            ("250ms", "2026-11-21T11:59:59.75Z"),
            ("1h30m", "2026-11-21T10:30:00Z"),
            ("2d", "2026-11-19T12:00:00Z"),
            ("11:30Z", "2026-11-21T11:30:00Z"),
            ("11:30:05.250Z", "2026-11-21T11:30:05.25Z"),
            ("12:00Z", "2026-11-21T12:00:00Z"),
            // Not yet today: yesterday's.
            ("12:30Z", "2026-11-20T12:30:00Z"),
            ("2026-11-20T12:30Z", "2026-11-20T12:30:00Z"),
            ("2026-11-20T12:30+01:00", "2026-11-20T11:30:00Z"),
            ("2026-11-20Z", "2026-11-20T00:00:00Z"),
        ] {
            assert_eq!(moment(value, &(0..0), now), Ok(at(wanted)), "{value}");
        }
        let local = moment("11:30", &(0..0), now).unwrap();
        assert!(local <= now && now.since(local).as_secs() < 24 * 3600 + 3600);
        assert_eq!(moment("2026-11-20", &(0..0), now).unwrap().0 % 60_000_000_000, 0);
        for value in ["5", "5x", "m", "25:00", "12", "noon", "2026-13-01"] {
            assert_eq!(moment(value, &(2..4), now).unwrap_err().at, 2..4, "{value}");
        }
    }
}
