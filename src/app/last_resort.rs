//! The end by a signal, though the thread of the screen can't come to it.
//!
//! That thread waits for nobody if it can help it, but a mount that hangs may hold it. Owns a thread that hears the same
//! signals, gives the terminal back and ends the process where the session has not ended a while after one. It saves
//! nothing.

use std::io;
use std::process::exit;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;

use super::terminal::Screen;
use crate::contract::Command;
use crate::engine::EngineHandle;
use crate::os;
use crate::outcome::EndSignals;

/// How long a session may take to its end after a signal: more than all that it waits for then.
const PATIENCE: Duration = Duration::from_secs(4);

/// How long the sockets may take to theirs where the session does not come to it.
const FAREWELL: Duration = Duration::from_millis(500);

/// Begins to listen to the signals that end the session of this engine, within the session's runtime.
///
/// # Errors
/// When there is no thread for it.
pub(super) fn listen(engine: Arc<EngineHandle>) -> io::Result<()> {
    let mut signals = EndSignals::listen()?;
    // It needs no descriptor: each runtime of the process hands signals on to all who listen, and that of the engine goes
    // on where that of the session does not.
    let runtime = Builder::new_current_thread().build()?;
    os::spawn("last-resort", move || end(runtime.block_on(signals.next()), &engine))?;
    Ok(())
}

/// Ends the process by this signal, unless the session does so by itself.
pub(super) fn end(signal: i32, engine: &EngineHandle) {
    thread::sleep(PATIENCE);
    // The files of Unix sockets go with them.
    let _ = engine.try_order(Command::ShutDown);
    thread::sleep(FAREWELL);
    Screen::leave();
    exit(128 + signal);
}
