//! `idle-timeout`: how long nothing may come or go.
//!
//! Owns the time of the last traffic, which is kept only where there is a limit.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::socket::Socket;
use crate::contract::{CloseReason, format_duration};

/// When something last came or went.
pub(super) struct Idle(Option<(Duration, Cell<Instant>)>);

impl Idle {
    /// From now on; without a limit it never ends.
    pub(super) fn new(limit: Option<Duration>) -> Self {
        Self(limit.map(|limit| (limit, Cell::new(Instant::now()))))
    }

    /// Something came or went.
    pub(super) fn moved(&self) {
        if let Some((_, last)) = &self.0 {
            last.set(Instant::now());
        }
    }

    /// Ends when nothing has come or gone for as long as the limit says, which is then told.
    pub(super) async fn over(&self, socket: &Socket) -> CloseReason {
        let Some((limit, last)) = &self.0 else {
            return std::future::pending().await;
        };
        // On the heap, for most sockets have no limit.
        Box::pin(async {
            while last.get() + *limit > Instant::now() {
                sleep_until(last.get() + *limit).await;
            }
            let message = format!("nothing came or went for {}", format_duration(*limit));
            socket.note("idle-timeout", message).await;
        })
        .await;
        CloseReason::Timeout
    }
}
