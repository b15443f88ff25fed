//! How much memory replies may take up while they wait to be sent, and the messages that wait for theirs.
//!
//! Owns the accounts of all sockets, two of each, for the one and for the other. An account has a share that nobody takes
//! from it, so that a slow peer is answered in the end whatever others do, and what is beyond the shares comes from one
//! common part. It never holds a reply itself.

use std::cell::Cell;
use std::rc::Rc;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// What an account may hold whatever the others do, and what it may hold while the common part lasts, in bytes. Who has
/// less takes one more, however long.
pub(super) const SHARE: usize = 64 * 1024;
pub(super) const MOST: usize = 1024 * 1024;

/// How much all sockets may hold beyond their shares, in bytes, and at how much there is something for them again:
/// so much less that those who waited are not woken for a reply each.
const COMMON: usize = 64 * 1024 * 1024;
const PLENTY: usize = COMMON / 4 * 3;

/// What all sockets hold beyond their shares.
#[derive(Debug, Default)]
pub(super) struct Budget {
    taken: Cell<usize>,
    is_spent: Cell<bool>,
    has_plenty: Notify,
}

/// What one socket holds: replies, or messages that wait for theirs. Dropping it gives all of it back.
#[derive(Debug, Default)]
pub(super) struct Held {
    budget: Rc<Budget>,
    bytes: Cell<usize>,
}

/// A part of what is held; dropping it gives it back.
pub(super) struct Place {
    held: Rc<Held>,
    bytes: usize,
}

impl Held {
    /// What a socket holds, of a budget of all.
    pub(super) fn of(budget: &Rc<Budget>) -> Self {
        Self { budget: Rc::clone(budget), bytes: Cell::new(0) }
    }

    /// Holds so many bytes more, whether there is room or not: ask [`has_room`](Self::has_room) before.
    pub(super) fn add(&self, bytes: usize) {
        self.set(self.bytes.get() + bytes);
    }

    /// Holds so many bytes less.
    pub(super) fn remove(&self, bytes: usize) {
        self.set(self.bytes.get() - bytes);
    }

    /// Holds so many bytes for as long as the place is kept.
    pub(super) fn place(self: &Rc<Self>, bytes: usize) -> Place {
        self.add(bytes);
        Place { held: Rc::clone(self), bytes }
    }

    /// Whether it may hold more.
    pub(super) fn has_room(&self) -> bool {
        let bytes = self.bytes.get();
        bytes < SHARE || (bytes < MOST && !self.is_short())
    }

    /// Whether the common part is spent.
    pub(super) fn is_short(&self) -> bool {
        self.budget.is_spent.get()
    }

    /// Waits until the common part has something again after it was spent.
    pub(super) fn plenty(&self) -> Notified<'_> {
        self.budget.has_plenty.notified()
    }

    fn set(&self, bytes: usize) {
        let before = self.bytes.replace(bytes);
        if before.max(bytes) > SHARE {
            self.budget.change(before.saturating_sub(SHARE), bytes.saturating_sub(SHARE));
        }
    }
}

impl Budget {
    fn change(&self, before: usize, after: usize) {
        let taken = self.taken.get() - before + after;
        self.taken.set(taken);
        if taken >= COMMON {
            self.is_spent.set(true);
        } else if taken <= PLENTY && self.is_spent.replace(false) {
            self.has_plenty.notify_waiters();
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.set(0);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.held.remove(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::bool::weighted;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_hold_the_common_part_and_their_shares_at_most_and_give_all_of_it_back(
            steps in vec((0..200_usize, 1..300_000_usize, weighted(0.8)), 0..1000),
        ) {
            let budget = Rc::new(Budget::default());
            let sockets: Vec<_> = (0..200).map(|_| Rc::new(Held::of(&budget))).collect();
            let mut places: Vec<Vec<Place>> = sockets.iter().map(|_| Vec::new()).collect();
            let held = |places: &[Place]| places.iter().map(|place| place.bytes).sum::<usize>();
            let mut taken = 0;
            for (at, bytes, more) in steps {
                let before = held(&places[at]);
                if more && sockets[at].has_room() {
                    // Who has its share may take of the common part alone.
                    prop_assert!(before < SHARE || taken < COMMON);
                    places[at].push(sockets[at].place(bytes));
                } else {
                    places[at].pop();
                }
                let beyond: usize = places.iter().map(|places| held(places).saturating_sub(SHARE)).sum();
                taken = beyond;
                prop_assert_eq!(budget.taken.get(), beyond);
                prop_assert!(before < MOST + 300_000);
                for (socket, places) in sockets.iter().zip(&places) {
                    prop_assert!(held(places) >= SHARE || socket.has_room());
                    prop_assert!(held(places) >= MOST || socket.has_room() || beyond > PLENTY);
                }
            }
            drop(places);
            prop_assert_eq!(budget.taken.get(), 0);
            prop_assert!(!sockets[0].is_short());
        }
    }

    #[test]
    fn a_socket_that_is_gone_gives_back_what_it_held() {
        let budget = Rc::new(Budget::default());
        let (hog, other) = (Held::of(&budget), Held::of(&budget));
        hog.add(COMMON + SHARE);
        other.add(SHARE);
        assert!(!other.has_room());
        drop(hog);
        assert!(other.has_room() && budget.taken.get() == 0);
    }
}
