//! How a session ends, with a screen or without: its recordings, and what a signal does that the session does not hear.
//!
//! Owns the wait for a disk that takes its time, what is said on standard error of each recording, and a thread that
//! hears the same signals, and ends the process where the session has not ended a while after one: a mount that hangs, or
//! a reader of standard error that stalls, may hold it up. It never writes a recording.

use std::io;
use std::process::exit;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::contract::Recording;
use crate::os;
use crate::outcome::{EndSignals, Outcome};
use crate::recorder::Recorder;
use crate::startup::{complaint, say};

/// How long a signal waits for the disk, and after what time anybody is told of the wait.
const PATIENCE: Duration = Duration::from_secs(1);

/// Waits until all that these were handed is written, and tells what is wrong with any. `woken` is notified when one has
/// ended. A signal gives up what the disk does not take, and is how the session ends then.
pub(crate) async fn written<E>(
    mut recorders: Vec<Recorder>,
    woken: &Notify,
    ended: Result<Outcome, E>,
    signals: &mut EndSignals,
) -> Result<Outcome, E> {
    recorders.iter_mut().for_each(Recorder::stop);
    let signal = {
        let all = async {
            while !recorders.iter().all(Recorder::has_ended) {
                woken.notified().await;
            }
        };
        let is_hurried = matches!(ended, Ok(Outcome::Signal(_)));
        let signal = async {
            sleep(PATIENCE).await;
            if is_hurried {
                return None;
            }
            say("sockbench: the recording is still being written; Ctrl-C gives up the rest");
            Some(signals.next().await)
        };
        tokio::select! {
            () = all => None,
            signal = signal => signal,
        }
    };
    for recorder in recorders {
        tell(if recorder.has_ended() { recorder.finish() } else { recorder.abandon() });
    }
    match (ended, signal) {
        (Ok(_), Some(signal)) => Ok(Outcome::Signal(signal)),
        (ended, _) => ended,
    }
}

/// Says on standard error what is wrong with a recording that has ended, or failed; nothing where all is well.
pub(crate) fn tell(recording: Recording) {
    match recording {
        Recording::Failed(why) => say(&complaint(&format!("NOT RECORDING: {why}"))),
        Recording::Running { missed, .. } if missed > 0 => {
            say(&format!("sockbench: {missed} rows of the log could not be read for the recording"));
        }
        Recording::Running { .. } => {}
    }
}

/// From now on ends the process by each signal that the session has not ended by after this time. `leave` is called
/// before.
///
/// # Errors
/// When there is no descriptor or thread for it.
pub(crate) fn insist(patience: Duration, leave: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let (tell, told) = channel();
    os::spawn("last-resort", move || {
        let listening = Builder::new_current_thread().enable_io().build().and_then(|runtime| {
            let signals = runtime.block_on(async { EndSignals::listen_unless_ignored() })?;
            Ok((runtime, signals))
        });
        let (runtime, mut signals) = match listening {
            Ok(listening) => listening,
            Err(error) => return drop(tell.send(Err(error))),
        };
        let _ = tell.send(Ok(()));
        end(runtime.block_on(signals.next()), patience, leave);
    })?;
    told.recv().unwrap_or_else(|_| Err(io::Error::other("the thread that hears signals ended before it began")))
}

/// The same, in the runtime of a session that has an engine to its end, without a descriptor: each runtime of the process
/// hands signals on to all who listen, and that of the engine goes on where that of the session does not.
///
/// # Errors
/// When there is no thread for it.
pub(crate) fn insist_beside_engine(patience: Duration, leave: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let mut signals = EndSignals::listen()?;
    os::spawn("last-resort", move || {
        // Without a driver there is nothing that could be missing for it.
        if let Ok(runtime) = Builder::new_current_thread().build() {
            end(runtime.block_on(signals.next()), patience, leave);
        }
    })?;
    Ok(())
}

/// Ends the process by this signal after this time, unless the session does so by itself.
pub(crate) fn end(signal: i32, patience: Duration, leave: impl FnOnce()) {
    thread::sleep(patience);
    leave();
    exit(128 + signal);
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Instant;

    use nix::sys::signal::{Signal, raise};

    use super::*;
    use crate::contract::Rotation;

    // Case 30.
    #[tokio::test]
    async fn a_disk_that_takes_nothing_holds_up_no_signal() {
        let mut signals = EndSignals::listen().unwrap();
        for ended in [Outcome::Signal(15), Outcome::Done] {
            let folder = tempfile::tempdir().unwrap();
            let (told, tells) = channel();
            let (release, released) = channel::<()>();
            // The thread that writes waits here for as long as it would for the disk.
            let hangs = move || {
                let _ = told.send(());
                let _ = released.recv();
            };
            let recorder = Recorder::start(&folder.path().join("t.pcapng"), false, Rotation::Never, 1, hangs).unwrap();
            tells.recv().unwrap();
            if ended == Outcome::Done {
                raise(Signal::SIGTERM).unwrap();
            }
            let began = Instant::now();
            let ended = written(vec![recorder], &Notify::new(), Ok::<_, ()>(ended), &mut signals).await;
            assert_eq!(ended, Ok(Outcome::Signal(15)));
            assert!(began.elapsed() < 3 * PATIENCE);
            drop(release);
        }
    }
}
