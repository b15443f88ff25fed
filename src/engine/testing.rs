//! A table of sockets under a paused clock, for the tests of this room.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc;

use super::Batches;
use super::outbox::Outbox;
use super::pool::{BLOCKS, Pool};
use super::socket::{Ending, Socket};
use super::table::Table;
use crate::contract::{Clock, Command, Fact, SocketId, SocketIds};

/// Sockets, and what they have reported.
pub(super) struct Rig {
    table: Rc<Table>,
    batches: Batches,
    facts: VecDeque<Fact>,
    /// The root of every socket.
    pub(super) parent: SocketId,
}

/// Runs a test on a rig.
pub(super) fn rig<L: Future<Output = ()>>(test: impl FnOnce(Rig) -> L) {
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build_local(LocalOptions::default());
    runtime.unwrap().block_on(async {
        let pool = Arc::new(Pool::new().unwrap());
        let (sender, receiver) = mpsc::channel(BLOCKS);
        let outbox = Outbox::new(sender, Arc::clone(&pool), Clock::start());
        tokio::task::spawn_local(outbox.clone().deliver());
        let ids = SocketIds::new();
        let parent = ids.mint();
        let table = Rc::new(Table::new(ids, outbox));
        test(Rig { table, batches: Batches { receiver, pool }, facts: [].into(), parent }).await;
    });
}

impl Rig {
    /// Starts a socket's task.
    pub(super) fn live<L>(&self, live: impl FnOnce(Socket) -> L) -> SocketId
    where
        L: Future<Output = Ending> + 'static,
    {
        let mut id = None;
        self.table.adopt(self.parent, &self.table.rules_of(self.parent), |socket| {
            id = Some(socket.id);
            live(socket)
        });
        id.unwrap()
    }

    pub(super) fn obey(&self, command: Command) {
        self.table.obey(command);
    }

    /// The next fact, after those asked for before, of which `wanted` is true.
    pub(super) async fn until(&mut self, wanted: impl Fn(&Fact) -> bool) -> Fact {
        loop {
            while let Some(fact) = self.facts.pop_front() {
                if wanted(&fact) {
                    return fact;
                }
            }
            // The clock is paused, so this is over when nothing else can happen.
            let patience = Duration::from_hours(1000);
            let batch = tokio::time::timeout(patience, self.batches.next()).await.expect("it never came").unwrap();
            self.facts.extend(batch.events.into_iter().map(|event| event.fact));
            self.batches.pool.give(batch.block);
        }
    }
}
