//! The engine: it owns every socket and reports each fact of their lives.
//!
//! Owns one thread with a Tokio runtime of its own, on which every task runs: the command loop, one task for each
//! socket, and the one that delivers batches. Since nothing else runs there, what the tasks share needs no lock. It
//! never knows a screen or a log, and never waits for them but in one way: while all blocks are with the receiver,
//! streams are not read, so that their peers feel it, and datagrams are counted as lost.

mod accept;
mod budget;
mod datagrams;
mod error_queue;
mod holder;
mod idle;
mod orders;
mod outbox;
mod outgoing_file;
mod pool;
mod pump;
mod reserve;
mod resolve;
mod responder;
mod rule_set;
mod saver;
mod sock_diag;
mod socket;
mod socket_options;
mod stream;
mod table;
mod tcp_view;
#[cfg(test)]
mod testing;
mod transports;

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::task::spawn_local;
use tokio::time::{Instant, timeout_at};

use crate::contract::{Batch, Block, Clock, Command, SocketIds};
use crate::os;

use outbox::Outbox;
use pool::{BLOCKS, Pool};
use table::Table;

/// How many commands may wait for the engine.
const COMMANDS: usize = 1024;

/// How long ending may take: first the sockets, then the last batches.
const ENDING: Duration = Duration::from_millis(950);
const ENDING_SOCKETS: Duration = Duration::from_millis(700);

/// The screen's end of the letterbox: orders go in, used blocks come back. Dropping it ends the engine.
#[derive(Debug)]
pub struct EngineHandle {
    commands: mpsc::Sender<Command>,
    pool: Arc<Pool>,
}

/// What the engine reports, batch by batch. Dropping it ends the engine.
#[derive(Debug)]
pub struct Batches {
    receiver: mpsc::Receiver<Batch>,
    pool: Arc<Pool>,
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
#[error("the engine can't be started")]
struct NotStarted(#[source] io::Error);

/// Starts an engine on a thread of its own. It names accepted connections from `ids` and dates events by `clock`.
///
/// # Errors
/// When the system gives no thread, no memory for a first block, or no descriptor to wait with.
pub fn start(ids: SocketIds, clock: Clock) -> io::Result<(EngineHandle, Batches)> {
    let not_started = |error: io::Error| io::Error::new(error.kind(), NotStarted(error));
    let pool = Arc::new(Pool::new().map_err(not_started)?);
    let (commands, orders) = mpsc::channel(COMMANDS);
    let (sender, receiver) = mpsc::channel(BLOCKS);
    // The runtime can't move between threads, so the thread makes it, and says how that went.
    let (made, outcome) = std::sync::mpsc::sync_channel(1);
    let thread_pool = Arc::clone(&pool);
    let started = os::spawn("engine", move || {
        let build = || Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
        match os::call("epoll_create1", build) {
            Err(error) => {
                let _ = made.send(Err(error));
            }
            Ok(runtime) => {
                let _ = made.send(Ok(()));
                runtime.block_on(async move {
                    let outbox = Outbox::new(sender, thread_pool, clock);
                    live(Rc::new(Table::new(ids, outbox.clone())), outbox, orders).await;
                });
            }
        }
    });
    started.map_err(not_started)?;
    match outcome.recv() {
        Ok(made) => made.map_err(not_started)?,
        Err(_) => return Err(io::Error::other("the engine's thread ended before it began")),
    }
    Ok((EngineHandle { commands, pool: Arc::clone(&pool) }, Batches { receiver, pool }))
}

impl EngineHandle {
    /// Gives an order, without waiting.
    ///
    /// # Errors
    /// The command, when too many wait already or the engine has ended.
    pub fn try_order(&self, command: Command) -> Result<(), Command> {
        self.commands.try_send(command).map_err(TrySendError::into_inner)
    }

    /// Waits until there is room for another order; false once the engine has ended. Whoever waits takes batches
    /// meanwhile: the engine may be waiting for that.
    pub fn room(&self) -> impl Future<Output = bool> + use<> {
        let commands = self.commands.clone();
        async move { commands.reserve().await.is_ok() }
    }

    /// Gives back the block of a batch, or another of the same size for it. The engine has a fixed number of blocks;
    /// while all of them are out, it reads nothing.
    pub fn recycle(&self, block: Block) {
        self.pool.give(block);
    }
}

impl Batches {
    /// The next batch; `None` after the engine ended, which is at most a second after it was ordered to.
    /// Cancel safe: a batch is either returned or still there.
    pub async fn next(&mut self) -> Option<Batch> {
        let batch = self.receiver.recv().await;
        // What gathered meanwhile may leave now.
        self.pool.bell.notify_one();
        batch
    }
}

/// The engine's life: obeys commands until told to end, then ends every socket.
async fn live(table: Rc<Table>, outbox: Outbox, mut commands: mpsc::Receiver<Command>) {
    let delivery = spawn_local(outbox.clone().deliver());
    loop {
        let command = tokio::select! {
            command = commands.recv() => command,
            () = outbox.closed() => None,
        };
        match command {
            None | Some(Command::ShutDown) => break,
            Some(command) => table.obey(command),
        }
    }
    let deadline = Instant::now() + ENDING;
    table.shut_down(ENDING_SOCKETS).await;
    let _ = timeout_at(deadline, outbox.drain()).await;
    delivery.abort();
}
