//! The files of ours that outlive the session and are no configuration; the history of what was typed is one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use crate::os;
use crate::profile;
use crate::ui::History;

/// Where the file of this name is; none where the system tells of no folder for such files.
pub(super) fn path(name: &str) -> Option<PathBuf> {
    let folders = etcetera::base_strategy::Xdg::new().ok()?;
    Some(folders.state_dir()?.join("sockbench").join(name))
}

/// Writes such a file, which the user alone may read, in a folder that is made if need be.
pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    profile::write_atomic(path, bytes)
}

/// The history that sessions before have left; nothing where it can't be read.
pub(super) fn read_history(path: Option<&Path>) -> History {
    let text = path.filter(|path| !os::is_irregular(path)).and_then(|path| os::read(path).ok());
    text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

/// Keeps the history for the next session. Failing to is told in the diagnostics alone: nothing is lost of this one.
pub(super) fn write_history(path: &Path, history: &History) {
    if history.is_as_before() {
        return;
    }
    // Another session may have ended meanwhile.
    let all = history.after(read_history(Some(path)));
    let written = serde_json::to_vec(&all).map_err(io::Error::other).and_then(|text| write(path, &text));
    if let Err(error) = written {
        tracing::warn!("the history was not written to {}: {error}", path.display());
    }
}
