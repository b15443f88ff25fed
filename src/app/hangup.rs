//! The end of the terminal, of which neither its events nor SIGHUP always tell.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use tokio::sync::oneshot;

use super::last_resort;
use crate::engine::EngineHandle;
use crate::os;
use crate::outcome::Outcome;

/// How the session ends then.
pub(super) const OUTCOME: Outcome = Outcome::Signal(Signal::SIGHUP as i32);

/// True once the terminal is gone.
pub(super) fn has_come() -> bool {
    let terminal = io::stdin();
    let mut watched = [PollFd::new(terminal.as_fd(), PollFlags::empty())];
    poll(&mut watched, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}

/// Tells when the terminal is gone, which the event stream does not where SIGHUP is ignored: it would spin instead.
pub(super) fn watch(terminal: Arc<OwnedFd>, engine: Arc<EngineHandle>) -> io::Result<oneshot::Receiver<()>> {
    let (gone, hangup) = oneshot::channel();
    os::spawn("hangup", move || {
        loop {
            // Asks for nothing, so that only POLLHUP, POLLERR and POLLNVAL end the wait.
            let mut watched = [PollFd::new(terminal.as_fd(), PollFlags::empty())];
            match poll(&mut watched, PollTimeout::NONE) {
                Err(nix::errno::Errno::EINTR) => {}
                _ => break,
            }
        }
        let _ = gone.send(());
        last_resort::end(Signal::SIGHUP as i32, &engine);
    })?;
    Ok(hangup)
}
