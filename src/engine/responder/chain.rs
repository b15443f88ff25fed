//! When two sockets of this bench answer each other: each knows whether what it sent last was a reply, and replies that
//! answer replies have a rate.
//!
//! Owns that rate, for each pair of sockets on its own, so that nothing that others send counts. What is over it gets no
//! reply, which ends a loop; an exchange that is slower goes on for as long as its rules say. Who is outside can't be
//! asked, whether a client or a loop through another process, and is never held back.

use std::time::Duration;

use tokio::time::Instant;

use super::partners::{Key, Partner};
use super::work::Work;
use crate::contract::{Address, LOOP_WITH};
use crate::rule::{Reply, Rule};

/// How many replies a second a socket gives to replies of another one of this bench, and how many at once.
const RATE: u32 = 100;

/// In which time so many are due, and how often it is told that there were more.
const PERIOD: Duration = Duration::from_secs(1);

impl Work {
    /// Whether what came has a reply, as far as the rate goes. Asked once for each reply.
    pub(super) fn may_answer(&self, rule: &Rule, from: Option<&Address>) -> bool {
        let partners = self.table.partners();
        let mut known = self.partner.borrow_mut();
        if known.0 != partners.changes() || known.1.as_ref() != from {
            let found = match from {
                Some(from) => partners.find(&Key::of_datagrams(from)),
                // As long as its key is not known, it is looked for each time.
                None if self.peer_key.get().is_none() => return true,
                None => self.peer_key.get().and_then(|key| partners.find(key)),
            };
            *known = (partners.changes(), from.cloned(), found);
        }
        let Some(partner) = known.2.as_ref().filter(|partner| partner.sent_a_reply()) else { return true };
        if rule.reply == Reply::Nothing || self.is_within_rate(partner) {
            return true;
        }
        let now = Instant::now();
        if self.told_of_rate.get().is_none_or(|told| now.duration_since(told) >= PERIOD) {
            self.told_of_rate.set(Some(now));
            let who = if self.id == partner.id { "it answers itself" } else { "they answer each other" };
            let what = format!("{LOOP_WITH}{}: {who} more than {RATE} times a second", partner.id.get());
            self.note(
                rule,
                format!("{what}, and no reply follows. Change a rule or delay it, or send something to begin anew"),
            );
        }
        false
    }

    /// Counts one more reply to this one; false, and nothing counted, where there were too many.
    fn is_within_rate(&self, partner: &Partner) -> bool {
        let mut exchanges = self.exchanges.borrow_mut();
        let now = Instant::now();
        if !exchanges.contains_key(&partner.id) {
            // Those that rest need not be known.
            exchanges.retain(|_, exchange| exchange.settled > now);
        }
        exchanges.entry(partner.id).or_insert(Exchange { settled: now }).count(now)
    }
}

/// Replies that answered replies of one other socket: a bucket of [`RATE`] tokens.
pub(super) struct Exchange {
    /// When the bucket is full again.
    settled: Instant,
}

impl Exchange {
    /// Takes a token; false where there is none.
    fn count(&mut self, now: Instant) -> bool {
        let settled = self.settled.max(now) + PERIOD / RATE;
        let is_within = settled <= now + PERIOD;
        if is_within {
            self.settled = settled;
        }
        is_within
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn in_any_span_there_are_no_more_than_the_rate_and_one_burst(
            pauses in prop::collection::vec(0..15_u64, 1..400),
        ) {
            let mut now = Instant::now();
            let mut exchange = Exchange { settled: now };
            let mut given = Vec::new();
            for pause in pauses {
                now += Duration::from_millis(pause);
                if exchange.count(now) {
                    given.push(now);
                }
            }
            for first in 0..given.len() {
                let span = now - given[first];
                prop_assert!((given.len() - first) as u128 <= 100 + 1 + span.as_millis() / 10);
            }
        }

        #[test]
        fn what_keeps_to_the_rate_is_never_held_back(pauses in prop::collection::vec(10..500_u64, 1..400)) {
            let mut now = Instant::now();
            let mut exchange = Exchange { settled: now };
            for pause in pauses {
                now += Duration::from_millis(pause);
                prop_assert!(exchange.count(now));
            }
        }
    }
}
