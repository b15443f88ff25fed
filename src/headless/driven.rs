//! An engine that is driven without a screen: orders that wait for room, and its end.
//!
//! Owns that whoever waits for the engine takes its batches meanwhile, for which the engine may be waiting. It never
//! looks into a batch.

use std::io;

use crate::contract::Command;
use crate::engine::EngineHandle;

/// Who has an engine and takes its batches.
pub(super) trait Driven {
    fn engine(&self) -> &EngineHandle;

    /// Takes in one batch; false when there will be no more. One that is begun is not lost where this is not waited for.
    async fn take_batch(&mut self) -> io::Result<bool>;

    /// Gives an order, and where too many wait takes batches until there is room for it.
    async fn order(&mut self, mut command: Command) -> io::Result<()> {
        while let Err(refused) = self.engine().try_order(command) {
            command = refused;
            let room = self.engine().room();
            tokio::select! {
                is_there = room => ended_by_itself(is_there)?,
                more = self.take_batch() => ended_by_itself(more?)?,
            }
        }
        Ok(())
    }

    /// Closes every socket, and takes what still comes of them.
    async fn shut_down(&mut self) -> io::Result<()> {
        // An engine that has ended by itself needs no order.
        let _ = self.order(Command::ShutDown).await;
        while self.take_batch().await? {}
        Ok(())
    }
}

/// What it means that an engine goes on, or does not.
pub(super) fn ended_by_itself(more: bool) -> io::Result<()> {
    if more { Ok(()) } else { Err(io::Error::other("the engine ended by itself")) }
}
