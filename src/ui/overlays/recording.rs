//! Recording: where to, and what becomes of it.

use std::io;
use std::path::Path;

use super::confirm::Confirm;
use super::path::expand_home;
use super::prompt::Prompt;
use crate::contract::Recording;
use crate::ui::{Effect, Ui};

/// Asks where to record, or ends the recording that runs.
pub(in crate::ui) fn toggle(ui: &mut Ui) {
    if matches!(ui.recording, Some(Recording::Running { .. })) {
        ui.effects.push(Effect::StopRecording);
        return;
    }
    let proposal = format!("sockbench-{}.pcapng", ui.bench.now().local_date_and_time());
    let check = |_: &Ui, path: &str| match path {
        "" => Err("a recording needs a file".to_owned()),
        path if path.ends_with('/') => Err("that is a folder".to_owned()),
        _ => Ok(()),
    };
    let prompt = Prompt::new("Record all sockets", "File", &proposal, check, |ui, path| {
        ui.effects.push(Effect::Record { path: expand_home(path), replace: false });
    });
    ui.overlays.push(Box::new(prompt));
}

/// Takes in what became of beginning a recording.
pub(in crate::ui) fn begun(ui: &mut Ui, path: &Path, result: io::Result<()>) {
    match result {
        Ok(()) => {
            let key = ui.keymap.key_of("log-record").unwrap_or_default();
            ui.tell_good(format!("recording, until {key} ends it, into {}", path.display()));
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let text = format!("There is a file {} already. What it holds is lost at once.", path.display());
            let path = path.to_owned();
            let question = Confirm::new("Replace the file?", &text, "Replace", move |ui| {
                ui.effects.push(Effect::Record { path, replace: true });
            });
            ui.overlays.push(Box::new(question));
        }
        Err(error) => ui.tell_error(format!("Not recording into {}: {error}.", path.display())),
    }
}
