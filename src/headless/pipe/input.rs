//! Standard input on a thread of its own, in large pieces: a read of it may block for ever, and must hold up nothing
//! else.

use std::collections::VecDeque;
use std::io::{self, Stdin};
use std::os::fd::AsFd;
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::read;
use tokio::sync::mpsc;

use crate::os;

/// How many pieces may wait to be taken.
const WAITING: usize = 2;

/// How much a pipe may hold, in bytes: what the system grants to everybody.
pub(super) const PIPE_SIZE: i32 = 1024 * 1024;

/// Reads standard input from now on, at most `longest` bytes at once. Its end closes the channel; an error is the last
/// that comes. Where `fills` is true, a piece holds as much as there is without waiting, and else what one read gave.
pub(super) fn start(longest: usize, fills: bool) -> io::Result<mpsc::Receiver<io::Result<Arc<[u8]>>>> {
    let (pieces, taken) = mpsc::channel(WAITING);
    os::spawn("input", move || {
        let input = io::stdin();
        // Fewer and longer reads, where it is a pipe; all works without, too.
        let _ = fcntl(&input, FcntlArg::F_SETPIPE_SZ(PIPE_SIZE));
        let mut buffers = Buffers { longest, used: VecDeque::new() };
        loop {
            let mut buffer = buffers.take();
            // Nobody else has it, or it would not have been taken.
            let Some(bytes) = Arc::get_mut(&mut buffer) else { break };
            let (piece, ended) = match read_piece(&input, bytes, fills) {
                Ok((0, _)) => break,
                Ok((len, ended)) if len == longest => (Ok(Arc::clone(&buffer)), ended),
                Ok((len, ended)) => (Ok(Arc::from(&bytes[..len])), ended),
                Err(error) => (Err(error), true),
            };
            buffers.used.push_back(buffer);
            if pieces.blocking_send(piece).is_err() || ended {
                break;
            }
        }
    })?;
    Ok(taken)
}

/// Buffers that are read into again once they are sent, for fresh memory is what makes reading slow.
struct Buffers {
    longest: usize,
    /// Those that have been given away, the first one first.
    used: VecDeque<Arc<[u8]>>,
}

impl Buffers {
    /// One that nobody else has: the one given away last, if it is back, and else the first, or a fresh one.
    fn take(&mut self) -> Arc<[u8]> {
        let is_back = |buffer: &mut Arc<[u8]>| Arc::get_mut(buffer).is_some();
        if self.used.back_mut().is_some_and(is_back) {
            self.used.pop_back()
        } else if self.used.front_mut().is_some_and(is_back) {
            self.used.pop_front()
        } else {
            None
        }
        .unwrap_or_else(|| std::iter::repeat_n(0, self.longest).collect())
    }
}

/// Reads until the buffer is full, or there is nothing more without waiting; at least once. Gives the length, and
/// whether the input has ended, which a terminal tells only once.
fn read_piece(input: &Stdin, buffer: &mut [u8], fills: bool) -> io::Result<(usize, bool)> {
    let mut len = read_once(input, buffer)?;
    while fills && len > 0 && len < buffer.len() {
        if poll(&mut [PollFd::new(input.as_fd(), PollFlags::POLLIN)], PollTimeout::ZERO)? == 0 {
            break;
        }
        match read_once(input, &mut buffer[len..])? {
            0 => return Ok((len, true)),
            more => len += more,
        }
    }
    Ok((len, len == 0))
}

/// One `read(2)`, which waits also where whoever gave us the file made it non-blocking.
fn read_once(input: &Stdin, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match read(input, buffer) {
            Ok(len) => return Ok(len),
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => {
                poll(&mut [PollFd::new(input.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
