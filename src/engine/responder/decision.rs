//! Messages whose rule takes long to be found: a large regular expression in a long message may take seconds.
//!
//! Owns how that is done beside the engine's thread, on which all other sockets go on meanwhile.

use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;

use tokio::task::yield_now;
use tokio::time::Instant;

use super::work::{NO_ROOM, PENDING_OVERHEAD, Pending, Waiting, Work};
use crate::contract::Address;
use crate::engine::budget::Place;
use crate::engine::orders::Orders;
use crate::os;
use crate::pattern::STEPS_AT_ONCE;
use crate::rule::{Hits, Once, Reply, Rule, Rules, Then, When};

/// A message of which it is not known yet which rule answers it.
pub(super) struct Undecided {
    message: Arc<[u8]>,
    /// The message with its framing, where it has one.
    as_it_came: Option<Arc<[u8]>>,
    from: Option<Address>,
    at: Instant,
    /// What it takes up until it is known which rule answers it, and then with that.
    place: Cell<Option<Place>>,
}

/// Which rule answers a message, and where in it is what was captured.
type Found = (Arc<Rule>, Vec<Range<usize>>);

impl Work {
    /// Whether the rule that answers a message is not looked for at once: that may take long, or one before it on the
    /// connection waits for its own, and may spend a rule.
    pub(super) fn must_wait_for_its_rule(&self, message: &[u8]) -> bool {
        self.undecided.get() > 0 || self.steps_of(message) > STEPS_AT_ONCE
    }

    /// How many steps finding the rule that answers a message may take.
    pub(super) fn steps_of(&self, message: &[u8]) -> usize {
        self.rules.weight().saturating_mul(message.len())
    }

    /// Has the rule that answers a message found beside the engine's thread, and those of all messages after it on a
    /// connection after that.
    pub(super) fn decide_later(&self, rules: &Rules, message: &[u8], from: Option<&Address>, as_it_came: Vec<u8>) {
        if self.of_datagrams && !self.waiting.has_room() {
            let waits = |rule: &&Arc<Rule>| matches!(rule.when, When::Comes(_));
            return rules.iter().find(waits).into_iter().for_each(|rule| self.leave_unanswered(rule, NO_ROOM));
        }
        let framed: Option<Arc<[u8]>> = (as_it_came != message).then(|| as_it_came.into());
        let size = message.len() + framed.as_ref().map_or(0, |framed| framed.len()) + PENDING_OVERHEAD;
        self.undecided.set(self.undecided.get() + usize::from(!self.of_datagrams));
        self.wait(Waiting::Undecided(Undecided {
            message: message.into(),
            as_it_came: framed,
            from: from.cloned(),
            at: Instant::now(),
            place: Cell::new(Some(self.waiting.place(size))),
        }));
    }

    /// Finds the rule that answers a message, and has it answer, unless the socket closes before that is found.
    pub(super) async fn decide_aside(&self, undecided: &Undecided) {
        let is_off = |_: &Orders| self.is_over().then_some(());
        let found = tokio::select! {
            biased;
            () = self.orders.until(is_off) => None,
            found = self.find_rule(undecided) => found,
        };
        let Some((rule, captures)) = found else { return };
        let from = undecided.from.as_ref();
        if !self.may_answer(&rule, from) {
            return;
        }
        self.tell_of_then(&rule);
        if rule.reply == Reply::Nothing && self.then(&rule) == Then::Keep {
            return self.spend(&rule);
        }
        let framed = undecided.as_it_came.as_ref().filter(|_| rule.is_echo());
        let message = Arc::clone(framed.unwrap_or(&undecided.message));
        let due = undecided.at + rule.delay;
        let Some(place) = undecided.place.take() else { return };
        self.spend(&rule);
        let from = undecided.from.clone();
        self.answer(&Pending { rule, message, captures: Some(captures), from, due, turn: None, place }).await;
    }

    async fn find_rule(&self, undecided: &Undecided) -> Option<Found> {
        loop {
            let (rules, spent, message) =
                (self.rules.now(), self.spent.borrow().clone(), Arc::clone(&undecided.message));
            if self.steps_of(&message) <= STEPS_AT_ONCE {
                // It came behind one that takes long, or other rules have been set.
                self.count_steps(&message);
                if self.must_yield() {
                    yield_now().await;
                }
                return found_in(&rules, &message, &spent);
            }
            let known = rules.clone();
            let others_hold = |_: &Orders| (!self.rules.now().are(&known)).then_some(());
            let search = async {
                // One of the socket, so that no socket takes the turns of all.
                let _own = self.search.acquire().await;
                let turn = Arc::clone(self.table.searches()).acquire_owned().await;
                let search = move || {
                    // Until it is over, wanted or not.
                    let _turn = turn;
                    found_in(&rules, &message, &spent)
                };
                os::aside(search).await
            };
            let found = tokio::select! {
                biased;
                () = self.orders.until(others_hold) => continue,
                found = search => found,
            };
            match found {
                // Others may have spent it meanwhile, or it is gone.
                Ok(Some((rule, _))) if self.is_spent(&rule) || !self.rules.now().have(&rule) => {}
                Ok(found) => return found,
                Err(error) => {
                    self.note_first(format!("can't look for an answer: {error}"));
                    return None;
                }
            }
        }
    }

    /// Has something told of the rules, by the name of the first.
    fn note_first(&self, message: String) {
        if let Some(rule) = self.rules.now().iter().next() {
            self.note(rule, message);
        }
    }
}

/// The rule among these that answers a message, but for those that are spent.
fn found_in(rules: &Rules, message: &[u8], spent: &[Hits]) -> Option<Found> {
    let (rule, found) = rules.answer(message, |rule| is_spent(rule, spent))?;
    let places = found.captures.iter().map(|capture| place_of(capture, message));
    Some((Arc::clone(rule), places.collect()))
}

/// Where bytes of a message stand in it. Of no bytes that does not matter.
fn place_of(part: &[u8], message: &[u8]) -> Range<usize> {
    let start = if part.is_empty() { 0 } else { part.as_ptr().addr() - message.as_ptr().addr() };
    start..start + part.len()
}

/// Whether a rule does not apply any more, where these have had their turn on the connection.
pub(super) fn is_spent(rule: &Rule, spent: &[Hits]) -> bool {
    match rule.once {
        Once::Never => false,
        Once::Connection => spent.iter().any(|hits| hits.is(&rule.hits)),
        Once::Session => rule.hits.get() > 0,
    }
}
