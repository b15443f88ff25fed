//! The recording of a run without a screen: what it has not written yet, nobody forgets.
//!
//! Owns the recorder, where there is one, and says on standard error when it can't go on. All else goes on.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::cli::Common;
use crate::contract;
use crate::log::{LogStore, Roster};
use crate::profile::Profile;
use crate::recorder::Recorder;
use crate::startup::{complaint, start_recorder};

pub(super) struct Recording {
    recorder: Option<Recorder>,
    /// When the recorder may have written what was waiting, or has failed.
    woken: Arc<Notify>,
}

impl Recording {
    /// Begins one where the command line or the profile says so.
    ///
    /// # Errors
    /// One sentence without a full stop: why it can't begin.
    pub(super) fn start(common: &Common, profile: &Profile) -> Result<Self, String> {
        let woken = Arc::new(Notify::new());
        let wake = Arc::clone(&woken);
        let recorder = start_recorder(common, profile.recording(), move || wake.notify_one())?;
        Ok(Self { recorder, woken })
    }

    /// Waits while so much is not written yet that no more is to be taken.
    pub(super) async fn room(&self) {
        while self.recorder.as_ref().is_some_and(Recorder::is_behind) {
            self.woken.notified().await;
        }
    }

    /// Hands over what has come. A recorder that has failed is told of once.
    pub(super) fn take(&mut self, store: &LogStore, roster: &Roster) {
        let Some(recorder) = &mut self.recorder else { return };
        recorder.take(store, roster);
        if let contract::Recording::Failed(why) = recorder.state() {
            tell_not_recording(&why);
            self.recorder = None;
        }
    }

    /// The rows before this one are written, or never will be.
    pub(super) fn done(&self) -> u64 {
        self.recorder.as_ref().map_or(u64::MAX, Recorder::done)
    }

    /// Waits until everything is in the file.
    pub(super) fn finish(&mut self) {
        match self.recorder.take().map(Recorder::finish) {
            Some(contract::Recording::Failed(why)) => tell_not_recording(&why),
            Some(contract::Recording::Running { missed, .. }) if missed > 0 => {
                eprintln!("sockbench: {missed} rows of the log could not be read for the recording");
            }
            _ => {}
        }
    }
}

fn tell_not_recording(why: &str) {
    eprintln!("{}", complaint(&format!("NOT RECORDING: {why}")));
}
