//! Names for sockets and for sends, made by whoever needs one first.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};

/// One socket that this program holds. Never zero, never reused within a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SocketId(NonZeroU32);

impl SocketId {
    /// The id as a number, from 1.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// The id with this number; `None` for zero.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }
}

/// The mint of [`SocketId`]s. Clones share one sequence, so the screen names a socket before it exists and the engine
/// names accepted connections, and neither waits for the other.
#[derive(Clone, Debug, Default)]
pub struct SocketIds(Arc<AtomicU32>);

impl SocketIds {
    /// A mint whose first id is 1.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next id.
    ///
    /// # Panics
    /// After four billion sockets in one session.
    #[must_use]
    pub fn mint(&self) -> SocketId {
        let number = self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        match NonZeroU32::new(number) {
            Some(number) => SocketId(number),
            None => panic!("the session ran out of socket ids"),
        }
    }
}

/// One send that the user asked for, so that its outcome finds its way back. A send to several sockets carries one
/// ticket and has one outcome a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

impl Ticket {
    /// On what the engine sends by itself: the replies of rules.
    pub const ENGINE: Self = Self(u64::MAX);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_a_mint_never_give_the_same_id() {
        let ids = SocketIds::new();
        let other = ids.clone();
        let mut seen = [ids.mint(), other.mint(), ids.mint(), other.mint()].map(SocketId::get);
        seen.sort_unstable();
        assert_eq!(seen, [1, 2, 3, 4]);
    }
}
