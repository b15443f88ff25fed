//! The recording that runs, and the one that ends.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::contract::{Recording, Rotation};
use crate::ending::written;
use crate::outcome::{EndSignals, Outcome};
use crate::recorder::{Recorder, free_path};
use crate::ui::Ui;

#[derive(Default)]
pub(super) struct Recordings {
    recorder: Option<Recorder>,
    /// Those that were stopped and still write.
    ending: Vec<Recorder>,
    woken: Arc<Notify>,
    /// When one file ends and the next begins, where the command line says so.
    rotation: Option<Rotation>,
}

impl Recordings {
    pub(super) fn new(rotation: Option<Rotation>) -> Self {
        Self { rotation, ..Self::default() }
    }

    /// What a recorder is to call when it fares otherwise.
    pub(super) fn wake(&self) -> impl Fn() + Send + 'static {
        let woken = Arc::clone(&self.woken);
        move || woken.notify_one()
    }

    /// Waits until a recorder fares otherwise.
    pub(super) async fn woken(&self) {
        self.woken.notified().await;
    }

    /// Takes over a recorder that has been started.
    pub(super) fn set(&mut self, recorder: Option<Recorder>, ui: &mut Ui) {
        self.recorder = recorder;
        self.take(ui);
    }

    /// Begins to record what comes from now on.
    pub(super) fn begin(&mut self, path: &Path, replace: bool, ui: &mut Ui) {
        let rotation = self.rotation.unwrap_or(ui.profile_mut().contents.rotation);
        let result = Recorder::start(path, replace, rotation, ui.log().0.next(), self.wake());
        let result = result.map(|recorder| self.set(Some(recorder), ui));
        ui.recording_begun(path, result);
    }

    /// Begins the recording that the profile asks for, unless there is one.
    pub(super) fn begin_with_profile(&mut self, ui: &mut Ui) {
        if let (None, Some(path)) = (&self.recorder, ui.profile_mut().contents.record.clone()) {
            self.begin(&free_path(&path), false, ui);
        }
    }

    /// Ends the recording, of which the rest is written meanwhile.
    pub(super) fn stop(&mut self, ui: &mut Ui) {
        self.take(ui);
        if let Some(mut ending) = self.recorder.take() {
            ending.stop();
            self.ending.push(ending);
            ui.set_recording(None);
        }
    }

    /// Hands over what has come, and shows how the recording fares.
    pub(super) fn take(&mut self, ui: &mut Ui) {
        if let Some(recorder) = &mut self.recorder {
            let (store, roster) = ui.log();
            recorder.take(store, roster);
            let state = recorder.state();
            if matches!(state, Recording::Failed(_)) {
                self.recorder = None;
            }
            ui.set_recording(Some(state));
        }
        while let Some(index) = self.ending.iter().position(Recorder::has_ended) {
            match self.ending.swap_remove(index).finish() {
                Recording::Running { file, missed: 0, .. } => ui.tell_good(format!("{file} is written")),
                Recording::Running { file, missed, .. } => {
                    ui.tell_error(format!("{file} is written; {missed} rows of the log could not be read for it"));
                }
                failed @ Recording::Failed(_) => ui.set_recording(Some(failed)),
            }
        }
    }

    /// True while no more batches should be taken: what waits to be written is enough.
    pub(super) fn is_behind(&self) -> bool {
        self.recorder.as_ref().is_some_and(Recorder::is_behind)
    }

    /// Waits until everything is written, when the screen is gone, unless a signal ends that, which is how the session
    /// ends then.
    pub(super) async fn finish(
        self,
        ended: anyhow::Result<Outcome>,
        signals: &mut EndSignals,
    ) -> anyhow::Result<Outcome> {
        let recorders = self.recorder.into_iter().chain(self.ending).collect();
        written(recorders, &self.woken, ended, signals).await
    }
}
