//! Standard output on a thread of its own, so that a reader that stalls holds up the log, by backpressure, and nothing
//! else: signals and time limits are still heard.

use std::io::{self, ErrorKind, Write};

use tokio::sync::{mpsc, oneshot};

use crate::os;

/// How many pieces may wait for the reader of our output.
const WAITING: usize = 4;

pub(super) struct Printer {
    pieces: Option<mpsc::Sender<Vec<u8>>>,
    ended: oneshot::Receiver<io::Result<()>>,
}

impl Printer {
    pub(super) fn start() -> io::Result<Self> {
        let (pieces, mut waiting) = mpsc::channel::<Vec<u8>>(WAITING);
        let (end, ended) = oneshot::channel();
        os::spawn("printer", move || {
            let mut out = io::stdout().lock();
            let mut result = Ok(());
            while let Some(piece) = waiting.blocking_recv() {
                result = out.write_all(&piece).and_then(|()| out.flush());
                if result.is_err() {
                    break;
                }
            }
            let tell =
                |error: io::Error| io::Error::new(error.kind(), format!("can't write to standard output: {error}"));
            let result = result.map_err(tell);
            // Nobody waits for it where the program ends anyway.
            let _ = end.send(result);
        })?;
        Ok(Self { pieces: Some(pieces), ended })
    }

    /// Takes all of `text`, and leaves it empty, as soon as there is room. Loses nothing when it is not waited for.
    pub(super) async fn print(&mut self, text: &mut Vec<u8>) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        let Some(pieces) = &self.pieces else { return Err(ErrorKind::BrokenPipe.into()) };
        if let Ok(permit) = pieces.reserve().await {
            permit.send(std::mem::take(text));
            return Ok(());
        }
        Err(self.failure().await)
    }

    /// Waits until it can't print any more.
    pub(super) fn gone(&self) -> impl Future<Output = ()> + use<> {
        let pieces = self.pieces.clone();
        async move {
            if let Some(pieces) = pieces {
                pieces.closed().await;
            }
        }
    }

    /// Why it can't.
    pub(super) async fn failure(&mut self) -> io::Error {
        self.finish().await.err().unwrap_or_else(|| ErrorKind::BrokenPipe.into())
    }

    /// Waits until all is written.
    pub(super) async fn finish(&mut self) -> io::Result<()> {
        self.pieces = None;
        (&mut self.ended).await.unwrap_or(Ok(()))
    }
}
