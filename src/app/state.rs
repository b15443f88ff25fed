//! The files of ours that outlive the session and are no configuration; the history of what was typed is one.

use std::fs::{self, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use etcetera::BaseStrategy;

use crate::os;
use crate::profile;
use crate::ui::History;

/// How long the end of a session waits for that of another, and how often it looks.
const PATIENCE: Duration = Duration::from_millis(500);
const RETRY: Duration = Duration::from_millis(5);

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
    path.and_then(|path| left_in(path).ok()).unwrap_or_default()
}

/// Keeps the history for the next session. Failing to is told in the diagnostics alone: nothing is lost of this one.
pub(super) fn write_history(path: &Path, history: &History) {
    if history.is_as_before() {
        return;
    }
    if let Err(error) = add_to(path, history) {
        tracing::warn!("the history was not written to {}: {error}", path.display());
    }
}

fn add_to(path: &Path, history: &History) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    // Another session may end at the same time. Where there are no locks, that is left to chance.
    let lock = path.parent().and_then(|folder| fs::File::open(folder).ok());
    let began = Instant::now();
    while let Some(Err(TryLockError::WouldBlock)) = lock.as_ref().map(fs::File::try_lock)
        && began.elapsed() < PATIENCE
    {
        thread::sleep(RETRY);
    }
    let left = match left_in(path) {
        // What this program does not understand, another version of it may.
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            fs::rename(path, path.with_extension("json.old"))?;
            History::default()
        }
        left => left?,
    };
    write(path, &serde_json::to_vec(&history.after(left))?)
}

/// What is in the file; nothing where there is none.
fn left_in(path: &Path) -> io::Result<History> {
    if os::is_irregular(path) {
        return Err(io::Error::other("it is no regular file"));
    }
    match os::read(path) {
        Ok(text) => serde_json::from_slice(&text).map_err(|error| io::Error::new(ErrorKind::InvalidData, error)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(History::default()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_that_end_at_once_lose_nothing_of_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.json");
        let names: Vec<String> = (0..20).map(|number| format!("socket {number}")).collect();
        thread::scope(|scope| {
            for name in &names {
                scope.spawn(|| write_history(&path, &History::of_one(name, "hello")));
            }
        });
        let left = left_in(&path).unwrap();
        assert!(names.iter().all(|name| left.has(name)), "{left:?}");
    }

    #[test]
    fn a_history_that_is_not_understood_is_kept_beside_the_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.json");
        fs::write(&path, "{\"udp\": 5}").unwrap();
        assert!(read_history(Some(&path)).is_as_before());
        write_history(&path, &History::of_one("udp", "hello"));
        assert!(left_in(&path).unwrap().has("udp"));
        assert_eq!(fs::read_to_string(folder.path().join("history.json.old")).unwrap(), "{\"udp\": 5}");
    }
}
