//! Standard output on a thread of its own: what was received goes there from the blocks it was received in.
//!
//! A block is given back once its bytes are written, so a reader that is slow keeps the blocks from the engine, and the
//! peer feels it.

use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::write;
use tokio::sync::oneshot;

use super::input::PIPE_SIZE;
use crate::contract::Block;
use crate::engine::EngineHandle;
use crate::os;

/// Bytes to be written: parts of a block, in order.
pub(super) struct Piece {
    pub(super) block: Block,
    pub(super) parts: Vec<Range<usize>>,
}

pub(super) struct Output {
    /// Bounded by the number of blocks that there are.
    pieces: Option<Sender<Piece>>,
    ended: oneshot::Receiver<io::Result<()>>,
}

impl Output {
    /// Writes from now on, and gives the blocks back to this engine.
    pub(super) fn start(engine: Arc<EngineHandle>) -> io::Result<Self> {
        let (pieces, waiting) = channel::<Piece>();
        let (end, ended) = oneshot::channel();
        os::spawn("output", move || {
            let out = io::stdout();
            // Fewer and longer writes, where it is a pipe; all works without, too.
            let _ = fcntl(&out, FcntlArg::F_SETPIPE_SZ(PIPE_SIZE));
            let mut result = Ok(());
            for piece in waiting {
                let bytes = piece.block.bytes();
                result = piece.parts.iter().try_for_each(|part| write_all(out.as_fd(), &bytes[part.clone()]));
                engine.recycle(piece.block);
                if result.is_err() {
                    break;
                }
            }
            // Nobody waits for it where the program ends anyway.
            let _ = end.send(result);
        })?;
        Ok(Self { pieces: Some(pieces), ended })
    }

    /// Has a piece written, without waiting for it.
    pub(super) fn write(&self, piece: Piece) {
        if let Some(pieces) = &self.pieces {
            // Why it can't be is told by `failure`.
            let _ = pieces.send(piece);
        }
    }

    /// Waits until it can't write any more, and tells why.
    pub(super) async fn failure(&mut self) -> io::Error {
        match (&mut self.ended).await {
            Ok(Err(error)) => error,
            _ => io::Error::other("the thread that writes standard output has ended"),
        }
    }

    /// Waits until all is written.
    pub(super) async fn finish(&mut self) -> io::Result<()> {
        self.pieces = None;
        (&mut self.ended).await.unwrap_or(Ok(()))
    }
}

/// `write(2)` until all is written, also where whoever gave us the file made it non-blocking.
fn write_all(out: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match write(out, bytes) {
            Ok(len) => bytes = &bytes[len..],
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => {
                poll(&mut [PollFd::new(out, PollFlags::POLLOUT)], PollTimeout::NONE)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
