//! What is never forgotten of a socket: whose child it is and its number, so that its rows keep their names.
//!
//! Owns nothing else. Sockets that follow each other and are numbered in a row are kept as one run, so that a listener
//! that accepts for weeks costs nothing more with each connection. Where connections of several listeners come in turn,
//! each turn is a run of some 30 bytes.

use std::collections::BTreeMap;

use crate::contract::SocketId;

/// Who descends from whom, of all sockets that there ever were.
#[derive(Clone, Debug, Default)]
pub(super) struct Lineage(BTreeMap<u32, Run>);

/// What is kept of one socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Descent {
    pub(super) parent: Option<SocketId>,
    /// A child's number; for a root, its place in the list of names, plus 1; 0 for an id never seen.
    pub(super) number: u32,
}

/// The sockets of so many ids in a row, each with a number that is one more.
#[derive(Clone, Copy, Debug)]
struct Run {
    len: u32,
    first: Descent,
}

impl Run {
    /// The socket that comes so many after the first.
    const fn after(&self, count: u32) -> Descent {
        Descent { number: self.first.number + count, ..self.first }
    }
}

impl Lineage {
    pub(super) fn get(&self, id: SocketId) -> Descent {
        self.run_of(id.get()).map_or_else(Descent::default, |(start, run)| run.after(id.get() - start))
    }

    pub(super) fn set(&mut self, id: SocketId, descent: Descent) {
        let id = id.get();
        if let Some((start, run)) = self.run_of(id) {
            self.cut_out(id, start, run);
        }
        let before = self.0.range_mut(..id).next_back();
        match before {
            Some((start, run))
                if start + run.len == id
                    && run.first.parent == descent.parent
                    && run.first.number.checked_add(run.len) == Some(descent.number) =>
            {
                run.len += 1;
            }
            _ => {
                self.0.insert(id, Run { len: 1, first: descent });
            }
        }
    }

    /// The run that an id is in, and the id with which it starts.
    fn run_of(&self, id: u32) -> Option<(u32, Run)> {
        let (start, run) = self.0.range(..=id).next_back()?;
        (id - start < run.len).then_some((*start, *run))
    }

    fn cut_out(&mut self, id: u32, start: u32, run: Run) {
        let count = id - start;
        if count == 0 {
            self.0.remove(&start);
        } else {
            self.0.insert(start, Run { len: count, ..run });
        }
        let rest = run.len - count - 1;
        if rest > 0 {
            self.0.insert(id + 1, Run { len: rest, first: run.after(count + 1) });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn id(number: u32) -> SocketId {
        SocketId::new(number).unwrap()
    }

    proptest! {
        #[test]
        fn each_socket_is_remembered_as_it_was_told_last(
            told in vec((1_u32..12, 0_u32..3, prop_oneof![0_u32..12, Just(u32::MAX - 1), Just(u32::MAX)]), 0..40),
        ) {
            let (mut lineage, mut all) = (Lineage::default(), HashMap::new());
            for (number, parent, child) in told {
                let descent = Descent { parent: SocketId::new(parent), number: child };
                lineage.set(id(number), descent);
                all.insert(number, descent);
                for number in 1..14 {
                    prop_assert_eq!(lineage.get(id(number)), all.get(&number).copied().unwrap_or_default());
                }
            }
        }
    }

    #[test]
    fn the_connections_of_one_listener_cost_nothing_each() {
        let mut lineage = Lineage::default();
        lineage.set(id(1), Descent { parent: None, number: 1 });
        for number in 1..1000 {
            lineage.set(id(number + 1), Descent { parent: Some(id(1)), number });
        }
        assert_eq!(lineage.0.len(), 2);
        assert_eq!(lineage.get(id(500)), Descent { parent: Some(id(1)), number: 499 });
    }
}
