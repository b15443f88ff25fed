//! What has gone either way so far, told on standard error once a second.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How often the line is written.
const EVERY: Duration = Duration::from_secs(1);

/// The meter of a pipe.
pub(super) struct Meter {
    shown: bool,
    /// Whether the line replaces the one before.
    terminal: bool,
    started: Instant,
    latest: Instant,
    sent: Count,
    received: Count,
}

/// Bytes in one direction.
#[derive(Clone, Copy, Default)]
struct Count {
    total: u64,
    /// The total when the line was last written.
    before: u64,
}

impl Meter {
    /// Begins to count. It is shown where that was asked for, and where standard error is all that a terminal shows.
    pub(super) fn start(asked: bool) -> Self {
        let terminal = io::stderr().is_terminal();
        let alone = terminal && !io::stdin().is_terminal() && !io::stdout().is_terminal();
        let now = Instant::now();
        Self {
            shown: asked || alone,
            terminal,
            started: now,
            latest: now,
            sent: Count::default(),
            received: Count::default(),
        }
    }

    pub(super) fn count_sent(&mut self, bytes: u32) {
        self.sent.total += u64::from(bytes);
    }

    pub(super) fn count_received(&mut self, bytes: u32) {
        self.received.total += u64::from(bytes);
    }

    /// Waits until a line is due; for ever where none is shown.
    pub(super) async fn due(&self) {
        if self.shown {
            sleep_until(self.latest + EVERY).await;
        } else {
            std::future::pending::<()>().await;
        }
    }

    /// Writes a line with the rates since the one before.
    pub(super) fn tell(&mut self) {
        let now = Instant::now();
        let time = now - self.latest;
        self.latest = now;
        let line = format!("{}, {}", self.sent.line("sent", time), self.received.line("received", time));
        self.write(&line, "");
    }

    /// Writes the last line, with the rates of the whole time.
    pub(super) fn tell_all(&mut self) {
        let time = self.started.elapsed();
        self.sent.before = 0;
        self.received.before = 0;
        let (sent, received) = (self.sent.line("sent", time), self.received.line("received", time));
        self.write(&format!("{sent}, {received}, in {:.1} s", time.as_secs_f64()), "\n");
    }

    fn write(&self, line: &str, end: &str) {
        if self.shown {
            // Where nobody can read it any more, the bytes go on.
            let _ = if self.terminal {
                write!(io::stderr(), "\r\x1b[K{line}{end}")
            } else {
                writeln!(io::stderr(), "{line}")
            };
        }
    }
}

impl Count {
    /// `sent 1.5 GiB at 730.0 MiB/s`, with the rate since the last line, which was so long ago.
    fn line(&mut self, verb: &str, time: Duration) -> String {
        let since = self.total - self.before;
        self.before = self.total;
        let nanos = time.as_nanos().max(1);
        let rate = u64::try_from(u128::from(since) * 1_000_000_000 / nanos).unwrap_or(u64::MAX);
        format!("{verb} {} at {}/s", size(self.total), size(rate))
    }
}

/// `12 B`, `1.5 KiB`, `2.0 GiB`.
fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let Some(power) = bytes.checked_ilog2().map(|bits| bits / 10).filter(|power| *power > 0) else {
        return format!("{bytes} B");
    };
    let tenths = (u128::from(bytes) * 10) >> (10 * power);
    format!("{}.{} {}", tenths / 10, tenths % 10, units[power as usize - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_cut_to_a_tenth_of_their_unit() {
        let shown = [0, 1023, 1024, 1536, 1 << 20, (1 << 30) - 1, u64::MAX].map(size);
        assert_eq!(shown, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "1023.9 MiB", "15.9 EiB"]);
    }

    #[test]
    fn rates_are_those_since_the_last_line() {
        let mut count = Count { total: 4096, before: 0 };
        assert_eq!(count.line("sent", Duration::from_secs(2)), "sent 4.0 KiB at 2.0 KiB/s");
        count.total += 1024;
        assert_eq!(count.line("sent", Duration::from_millis(500)), "sent 5.0 KiB at 2.0 KiB/s");
    }
}
