//! The way to the terminal's screen.
//!
//! Owns a thread that writes to standard output, so that a terminal that takes nothing more, as one at the other end of
//! a connection that stalls, holds up nobody but those who want to be seen.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::write;
use tokio::sync::Notify;

use crate::os;

/// What is written here goes to standard output once it is flushed, all of it in its order. Writing fails where the
/// terminal failed to take what came before.
#[derive(Clone, Debug)]
pub(super) struct Display(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// There is something to write.
    flushed: Condvar,
    /// The terminal has taken all, or failed to.
    done: Condvar,
    /// The same, for the one who waits in a task.
    told: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// What the terminal is to take next.
    waiting: Vec<u8>,
    /// It is about to take something.
    is_busy: bool,
    /// Why it did not, until that is told.
    failure: Option<Errno>,
}

impl Display {
    /// A way to standard output.
    ///
    /// # Errors
    /// When there is no thread for it.
    pub(super) fn start() -> io::Result<Self> {
        let display = Self(Arc::default());
        let shared = Arc::clone(&display.0);
        os::spawn("display", move || shared.serve())?;
        Ok(display)
    }

    /// Whether the terminal has taken all that was written.
    pub(super) fn is_idle(&self) -> bool {
        self.0.lock().is_idle()
    }

    /// Waits until the terminal has taken all that was written. Only one task may wait at a time.
    ///
    /// # Errors
    /// When it could not take it.
    pub(super) async fn idle(&self) -> io::Result<()> {
        loop {
            {
                let mut state = self.0.lock();
                if let Some(failure) = state.failure.take() {
                    return Err(failure.into());
                }
                if state.is_idle() {
                    return Ok(());
                }
            }
            self.0.told.notified().await;
        }
    }

    /// Waits for the same, up to this time.
    pub(super) fn finish(&self, patience: Duration) {
        let state = self.0.lock();
        // Whoever waits goes on, whatever became of it.
        let _ = self.0.done.wait_timeout_while(state, patience, |state| !state.is_idle());
    }
}

impl Write for Display {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock();
        if let Some(failure) = state.failure.take() {
            return Err(failure.into());
        }
        state.waiting.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flushed.notify_one();
        Ok(())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what comes, for as long as the process lives: nobody waits for this thread.
    fn serve(&self) {
        let mut bytes = Vec::new();
        loop {
            let mut state = self.lock();
            while state.waiting.is_empty() {
                state = self.flushed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            std::mem::swap(&mut state.waiting, &mut bytes);
            state.is_busy = true;
            drop(state);
            let taken = write_whole(&bytes);
            bytes.clear();
            let mut state = self.lock();
            state.is_busy = false;
            state.failure = state.failure.or(taken.err());
            let is_idle = state.is_idle();
            drop(state);
            if is_idle {
                self.done.notify_all();
                self.told.notify_one();
            }
        }
    }
}

impl State {
    const fn is_idle(&self) -> bool {
        self.waiting.is_empty() && !self.is_busy
    }
}

/// Writes to standard output past the buffer of the standard library, whose lock would be held meanwhile.
fn write_whole(mut bytes: &[u8]) -> Result<(), Errno> {
    let output = io::stdout();
    while !bytes.is_empty() {
        match write(&output, bytes) {
            Ok(len) => bytes = &bytes[len..],
            Err(Errno::EINTR) => {}
            // Another program that has this terminal, too, may have asked for it.
            Err(Errno::EAGAIN) => {
                let mut takes_more = [PollFd::new(output.as_fd(), PollFlags::POLLOUT)];
                let _ = poll(&mut takes_more, PollTimeout::NONE);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
