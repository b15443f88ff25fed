//! The recording of a run without a screen: what it has not written yet, nobody forgets.
//!
//! Owns the recorder, where there is one, and says on standard error when it can't go on. All else goes on.

use std::io;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::cli::Common;
use crate::contract;
use crate::ending::{tell, written};
use crate::log::{LogStore, Roster};
use crate::outcome::{EndSignals, Outcome};
use crate::profile::Profile;
use crate::recorder::Recorder;
use crate::startup::start_recorder;

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
        let recorder = start_recorder(common, Some(profile), move || wake.notify_one())?;
        if recorder.is_none() && common.record_rotate.is_some() {
            return Err("--record-rotate needs a recording: --record, or `record` in the profile".to_owned());
        }
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
        let state = recorder.state();
        if matches!(state, contract::Recording::Failed(_)) {
            tell(state);
            self.recorder = None;
        }
    }

    /// The rows before this one are written, or never will be.
    pub(super) fn done(&self) -> u64 {
        self.recorder.as_ref().map_or(u64::MAX, Recorder::done)
    }

    /// Waits until everything is in the file, unless a signal ends that, which is how the run ends then.
    pub(super) async fn finish(self, ended: io::Result<Outcome>, signals: &mut EndSignals) -> io::Result<Outcome> {
        written(self.recorder.into_iter().collect(), &self.woken, ended, signals).await
    }
}
