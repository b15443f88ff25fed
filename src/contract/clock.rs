//! When a thing happened.

use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A moment: nanoseconds since 1970-01-01T00:00:00 UTC. Good until the year 2554.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// How long after `earlier` this is; zero if it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// So long after this; the last moment that there is where that is beyond it.
    #[must_use]
    pub fn later(self, by: Duration) -> Self {
        Self(self.0.saturating_add(nanos(by)))
    }

    /// So long before this; the first moment that there is where that is before it.
    #[must_use]
    pub fn earlier(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(by)))
    }

    fn civil(self) -> jiff::Timestamp {
        jiff::Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or(jiff::Timestamp::MAX)
    }

    /// `11:00:01.002`, in UTC.
    #[must_use]
    pub fn utc_time_of_day(self) -> String {
        self.civil().strftime("%H:%M:%S%.3f").to_string()
    }

    /// `20261121-120001`, in the system's time zone, as it may stand in the name of a file.
    #[must_use]
    pub fn local_date_and_time(self) -> String {
        self.civil().to_zoned(jiff::tz::TimeZone::system()).strftime("%Y%m%d-%H%M%S").to_string()
    }

    /// `12:00:01.002`, in the system's time zone.
    #[must_use]
    pub fn local_time_of_day(self) -> String {
        self.civil().to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S%.3f").to_string()
    }
}

/// RFC 3339, UTC, with all nine digits of the nanoseconds: `2026-11-21T05:14:03.000000001Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.9}", self.civil())
    }
}

/// The session's clock: the wall's time when the session began, and a monotonic clock from there on, so that two rows
/// of the log are never out of order because somebody set the time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    base: Timestamp,
    started: Instant,
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { base: Timestamp(nanos(since_epoch)), started: Instant::now() }
    }

    /// When the session began.
    #[must_use]
    pub const fn began(&self) -> Timestamp {
        self.base
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.base.later(self.started.elapsed())
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_utc_with_nine_digits() {
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(Timestamp(1_700_000_000_123_000_000).utc_time_of_day(), "22:13:20.123");
        assert_eq!(Timestamp(1_700_000_000_000_000_007).to_string(), "2023-11-14T22:13:20.000000007Z");
    }

    #[test]
    fn a_clock_never_goes_back() {
        let clock = Clock::start();
        let first = clock.now();
        assert!(clock.now() >= first);
        assert_eq!(Timestamp(1).since(Timestamp(5)), Duration::ZERO);
    }
}
