//! A repeat as the user sees it: started, stopped, and told of on the status line.
//!
//! Owns what is ordered for it. It never decides when a message is due.

use super::bench::repeat::{Plan, Repeat, Turn};
use super::figures::grouped;
use super::notice::Notice;
use super::{Effect, Ui};
use crate::contract::{Command, Target, format_duration};

impl Ui {
    pub(in crate::ui) fn start_repeat(&mut self, plan: Plan) {
        self.notice = None;
        self.bench.repeats.start(Repeat::new(plan, self.bench.now()));
    }

    /// Does what repeats need now; true if something came of it.
    pub(in crate::ui) fn work_on_repeats(&mut self) -> bool {
        let mut worked = false;
        let now = self.bench.now();
        while let Some((target, turn)) = self.bench.repeats.turn(now) {
            worked = true;
            let why = match turn {
                Turn::Over(why) => why,
                _ => match self.bench.repeat_one(&target, fastrand::u64(..), &mut self.effects) {
                    Ok(()) => continue,
                    Err(why) => Some(why),
                },
            };
            self.end_repeat(&target, why.as_deref());
        }
        worked
    }

    fn end_repeat(&mut self, target: &Target, why: Option<&str>) {
        let Some(repeat) = self.bench.repeats.take(target) else { return };
        let name = self.bench.roster.name(target.socket());
        let counts = counts(&repeat);
        self.tell(match why {
            None => Notice::good(format!("The repeat to {name} is done: {counts}.")),
            Some(why) => Notice::error(format!("The repeat to {name} ended after {counts}: {why}.")),
        });
    }

    /// Ends the repeat to a target; what of a message is not sent yet is not sent.
    pub(in crate::ui) fn stop_repeat(&mut self, target: &Target) {
        let Some(repeat) = self.bench.repeats.take(target) else { return };
        if let Some(ticket) = repeat.under_way() {
            self.effects.push(Effect::Order(Command::Cancel { ticket }));
        }
        let name = self.bench.roster.name(target.socket());
        let told = format!("The repeat to {name} was stopped: {}.", counts(&repeat));
        // That the user ended it is nothing to be warned of; what was not sent is.
        let all_well = repeat.failed == 0 && repeat.skipped == 0;
        self.tell(if all_well { Notice::good(told) } else { Notice::warning(told) });
    }

    /// What the status line says of a repeat: `repeat 17/100 every 250ms, ^4 stops`. That to the input's target goes
    /// before others.
    pub(in crate::ui) fn repeat_status(&self) -> Option<String> {
        let repeats = &self.bench.repeats;
        let own = self.target.as_ref().and_then(|target| repeats.get(target));
        let repeat = own.or_else(|| repeats.running().next_back())?;
        let others = repeats.running().count() - 1;
        let more = if others > 0 { format!(" +{others}") } else { String::new() };
        let key = match self.keymap.key_of("repeat").filter(|_| own.is_some()) {
            Some(key) => format!(", {key} stops"),
            None => format!(" to {}", self.bench.roster.name(repeat.plan.target.socket())),
        };
        Some(format!("repeat {} every {}{key}{more}", counts(repeat), format_duration(repeat.plan.every)))
    }
}

/// `17/100 sent, 2 skipped`, with what there is of it.
pub(in crate::ui) fn counts(repeat: &Repeat) -> String {
    let done = grouped(repeat.done);
    let mut text = match repeat.plan.count {
        Some(count) => format!("{done}/{}", grouped(count)),
        None => format!("{done} sent"),
    };
    for (count, what) in [(repeat.failed, "failed"), (repeat.skipped, "skipped")] {
        if count > 0 {
            text.extend([", ", &grouped(count), " ", what]);
        }
    }
    text
}
