//! Standard input on a thread of its own, in large pieces: a read of it may block for ever, and must hold up nothing else.

use std::io::{self, Stdin};
use std::sync::Arc;
use std::thread;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::read;
use std::os::fd::AsFd;
use tokio::sync::mpsc;

/// How many pieces may wait to be taken.
const WAITING: usize = 2;

/// How much a pipe may hold, in bytes: what the system grants to everybody.
pub(super) const PIPE_SIZE: i32 = 1024 * 1024;

/// Reads standard input from now on, at most `longest` bytes at once. Its end closes the channel; an error is the last
/// that comes.
pub(super) fn start(longest: usize) -> io::Result<mpsc::Receiver<io::Result<Arc<[u8]>>>> {
    let (pieces, taken) = mpsc::channel(WAITING);
    thread::Builder::new().name("input".to_owned()).spawn(move || {
        let input = io::stdin();
        // Fewer and longer reads, where it is a pipe; all works without, too.
        let _ = fcntl(&input, FcntlArg::F_SETPIPE_SZ(PIPE_SIZE));
        let mut buffer = vec![0; longest];
        loop {
            let piece = match read_once(&input, &mut buffer) {
                Ok(0) => break,
                Ok(len) => Ok(Arc::from(&buffer[..len])),
                Err(error) => Err(error),
            };
            let last = piece.is_err();
            if pieces.blocking_send(piece).is_err() || last {
                break;
            }
        }
    })?;
    Ok(taken)
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
