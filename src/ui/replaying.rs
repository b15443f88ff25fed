//! A replay as the user sees it: started, stepped, paused and stopped, and told of on the status line.
//!
//! Owns what is ordered for it. It never decides when a message is due.

use super::bench::replay::{Ending, Pace, Plan, Replay, Turn};
use super::figures::{grouped, took};
use super::{Effect, Notice, Ui};
use crate::contract::Command;

impl Ui {
    pub(in crate::ui) fn start_replay(&mut self, plan: Plan) {
        self.bench.replay = Some(Replay::new(plan, self.bench.now()));
        self.notice = None;
        self.focus = super::Pane::Log;
    }

    /// Does what a replay needs now; true while there is more at once.
    pub(in crate::ui) fn work_on_replay(&mut self) -> bool {
        let now = self.bench.now();
        let Some(replay) = &mut self.bench.replay else { return false };
        replay.wakes = None;
        match replay.turn(now, &self.bench.store) {
            Turn::More => true,
            Turn::Wait(after) => {
                replay.wakes = after.map(|after| now.later(after));
                false
            }
            Turn::Send(row) => {
                let target = replay.plan.target.clone();
                if let Err(why) = self.bench.can_send(&target) {
                    self.end_replay(&Ending::Failed(why));
                } else {
                    let bytes = self.bench.store.bytes(&row).to_vec();
                    self.bench.replay_one(target, bytes, &mut self.effects);
                }
                true
            }
            Turn::Over(ending) => {
                self.end_replay(&ending);
                true
            }
        }
    }

    fn end_replay(&mut self, ending: &Ending) {
        let Some(replay) = self.bench.replay.take() else { return };
        let (done, total) = (grouped(replay.done), grouped(replay.plan.total));
        let name = self.bench.roster.name(replay.plan.target.socket());
        let time = took(replay.elapsed(self.bench.now()));
        self.tell(match ending {
            Ending::Done if replay.done == 1 => Notice::good(format!("replayed 1 message to {name}")),
            Ending::Done => Notice::good(format!("replayed {done} messages to {name} in {time}")),
            Ending::Failed(why) => Notice::error(format!("The replay ended after {done} of {total} messages: {why}.")),
        });
    }

    /// Ends a replay; what of a message is not sent yet is not sent.
    pub(in crate::ui) fn stop_replay(&mut self) {
        let Some(replay) = self.bench.replay.take() else { return };
        if let Some(ticket) = replay.under_way() {
            self.effects.push(Effect::Order(Command::Cancel { ticket }));
        }
        let name = self.bench.roster.name(replay.plan.target.socket());
        let (done, total) = (grouped(replay.done), grouped(replay.plan.total));
        self.tell(Notice::warning(format!("The replay was stopped: {done} of {total} messages went to {name}.")));
    }

    pub(in crate::ui) fn step_replay(&mut self) {
        let now = self.bench.now();
        if let Some(replay) = &mut self.bench.replay {
            replay.step(now);
        }
    }

    /// What the status line says of a replay: `replay 37/1,204 x1, R pauses, Esc stops`.
    pub(in crate::ui) fn replay_status(&self) -> Option<String> {
        let replay = self.bench.replay.as_ref()?;
        let key = self.keymap.key_of("replay").unwrap_or_default();
        let (pace, step) = match replay.plan.pace {
            Pace::ByHand => ("by hand".to_owned(), "sends the next"),
            pace => (pace_name(pace), if replay.is_paused() { "goes on" } else { "pauses" }),
        };
        let paused = if replay.is_paused() { " PAUSED" } else { "" };
        let (done, total) = (grouped(replay.done), grouped(replay.plan.total));
        Some(format!("replay {done}/{total} {pace}{paused}, {key} {step}, Esc stops"))
    }
}

/// `x1`, `x2.5`, `at once` or `by hand`.
pub(in crate::ui) fn pace_name(pace: Pace) -> String {
    match pace {
        Pace::Times(factor) => format!("x{factor}"),
        Pace::Fast => "as fast as it is taken".to_owned(),
        Pace::ByHand => "by hand, message by message".to_owned(),
    }
}
