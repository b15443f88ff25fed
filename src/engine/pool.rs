//! The blocks that go round between the engine and the receiver of its batches.
//!
//! Owns the byte budget of the letterbox: there are never more than [`BLOCKS`] of them. Shared by both sides; its lock
//! is held for a push or a pop only. It never waits.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::contract::{BLOCK_SIZE, Block};

/// How many blocks there are: 16 MiB of bytes on their way.
pub(super) const BLOCKS: usize = 8;

/// The blocks that are free, and the bell that the receiver rings.
#[derive(Debug)]
pub(super) struct Pool {
    stock: Mutex<Stock>,
    /// Rung when something changed that may let a batch go or a reader read: bytes were committed, a block came back,
    /// the receiver took a batch.
    pub(super) bell: Notify,
}

#[derive(Debug)]
struct Stock {
    free: Vec<Block>,
    /// Those that are free and those that are under way.
    made: usize,
}

impl Pool {
    /// A pool with one block, so that there always is one in circulation to wait for.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(super) fn new() -> io::Result<Self> {
        let stock = Mutex::new(Stock { free: vec![Block::new()?], made: 1 });
        Ok(Self { stock, bell: Notify::new() })
    }

    /// A free block: the one used last, whose pages are warm, or a fresh one while the budget lasts.
    pub(super) fn take(&self) -> Option<Block> {
        let mut stock = self.stock();
        if let Some(block) = stock.free.pop() {
            return Some(block);
        }
        if stock.made >= BLOCKS {
            return None;
        }
        // No memory is no reason to fail: the blocks in circulation come back.
        let block = Block::new().ok()?;
        stock.made += 1;
        Some(block)
    }

    /// Takes a block back.
    pub(super) fn give(&self, block: Block) {
        {
            let mut stock = self.stock();
            if block.size() != BLOCK_SIZE {
                // The receiver kept ours and gave a smaller one for it; a fresh one will take its place.
                stock.made = stock.made.saturating_sub(1);
            } else if stock.free.len() < BLOCKS {
                stock.free.push(block);
                stock.made = stock.made.max(stock.free.len());
            }
        }
        self.bell.notify_one();
    }

    fn stock(&self) -> MutexGuard<'_, Stock> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_holds_and_comes_back() {
        let pool = Pool::new().unwrap();
        let taken: Vec<_> = std::iter::from_fn(|| pool.take()).collect();
        assert_eq!(taken.len(), BLOCKS);
        for block in taken {
            pool.give(block);
        }
        pool.give(Block::new().unwrap());
        assert_eq!(std::iter::from_fn(|| pool.take()).count(), BLOCKS, "a block too many is not kept");
        pool.give(Block::with_size(4096).unwrap());
        assert_eq!(pool.take().map(|block| block.size()), Some(BLOCK_SIZE), "a small block stands for one of ours");
    }
}
