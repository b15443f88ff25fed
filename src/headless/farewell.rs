//! The end of a run without a screen: what is still to be said is said, unless a signal comes, or came, first.

use std::io::{self, ErrorKind};
use std::time::Duration;

use tokio::time::timeout;

use crate::ending::insist;
use crate::outcome::{EndSignals, Outcome};

/// How long a signal waits for what is still to be printed, where nobody reads it.
pub(super) const FAREWELL: Duration = Duration::from_secs(2);

/// How long a run may take to its end after a signal: more than all that it waits for then.
const PATIENCE: Duration = Duration::from_secs(6);

/// Listens to the signals that end a run, which end it even where a disk that hangs, or a reader of standard error that
/// stalls, keeps it from hearing them.
///
/// # Errors
/// When there is no descriptor or thread for it.
pub(super) fn end_signals() -> io::Result<EndSignals> {
    insist(PATIENCE, || {})?;
    EndSignals::listen_unless_ignored()
}

/// Has the last of it printed by `leave`, which is left alone after an error.
pub(super) async fn farewell(
    ended: io::Result<Outcome>,
    leave: impl Future<Output = io::Result<()>>,
    signals: &mut EndSignals,
) -> io::Result<Outcome> {
    let ended = match ended {
        Ok(ended @ Outcome::Signal(_)) => match timeout(FAREWELL, leave).await {
            Ok(left) => left.map(|()| ended),
            Err(_) => Ok(ended),
        },
        Ok(ended) => tokio::select! {
            left = leave => left.map(|()| ended),
            signal = signals.next() => Ok(Outcome::Signal(signal)),
        },
        Err(error) => Err(error),
    };
    match ended {
        // The reader of our output has seen enough: the end that a shell's pipe expects.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Outcome::Signal(13)),
        ended => ended,
    }
}
