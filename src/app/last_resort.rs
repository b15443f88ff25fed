//! The end by a signal, though the thread of the screen can't come to it.
//!
//! That thread waits for nobody if it can help it, but a mount that hangs may hold it. Owns what is left to do then, from
//! another thread: the files of Unix sockets go, and the terminal is given back. It saves nothing.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::terminal::Screen;
use crate::contract::Command;
use crate::ending;
use crate::engine::EngineHandle;

/// How long a session may take to its end after a signal: more than all that it waits for then.
const PATIENCE: Duration = Duration::from_secs(4);

/// How long the sockets may take to theirs where the session does not come to it.
const FAREWELL: Duration = Duration::from_millis(500);

/// Begins to listen to the signals that end the session of this engine, within the session's runtime.
///
/// # Errors
/// When there is no thread for it.
pub(super) fn listen(engine: Arc<EngineHandle>) -> io::Result<()> {
    ending::insist_beside_engine(PATIENCE, move || leave(&engine))
}

/// Ends the process by this signal, unless the session does so by itself.
pub(super) fn end(signal: i32, engine: &EngineHandle) {
    ending::end(signal, PATIENCE, || leave(engine));
}

fn leave(engine: &EngineHandle) {
    // The files of Unix sockets go with them. Where too many orders wait, nothing is lost but these.
    let _ = engine.try_order(Command::ShutDown);
    thread::sleep(FAREWELL);
    Screen::leave();
}
