//! Saving a profile without ever losing what somebody else wrote.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::{Invalid, Profile, Saved, folder, write_atomic};
use crate::diagnostic::Diagnostic;

/// Why a profile was not saved. The file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The profile has no file yet.
    #[error("the profile has no file yet; save it under a name")]
    NoPath,
    /// Somebody else changed the file since it was read or saved.
    #[error("the file was changed by someone else since it was read")]
    Changed,
    /// There is a file of that name already.
    #[error("there is a file of that name already")]
    Exists,
    /// The profile was opened read-only, for this reason.
    #[error("the profile is read-only: {0}")]
    ReadOnly(String),
    /// What would be saved could not be read again, such as two sockets of one name.
    #[error("the profile could not be read again:\n{0}")]
    Invalid(Invalid),
    /// The system refused.
    #[error("{} can't be written: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
}

impl Profile {
    /// Saves to the profile's own file. Only what was changed is changed in the file.
    ///
    /// # Errors
    /// See [`SaveError`]; the file and the profile are then as they were.
    pub fn save(&mut self) -> Result<(), SaveError> {
        let path = self.path.clone().ok_or(SaveError::NoPath)?;
        self.write(&path, false)
    }

    /// Saves to another file, which is the profile's own from then on. With `replace`, whatever is in that file is
    /// replaced, also when it is the profile's own and somebody else changed it.
    ///
    /// # Errors
    /// See [`SaveError`]; the file and the profile are then as they were.
    pub fn save_as(&mut self, path: &Path, replace: bool) -> Result<(), SaveError> {
        let is_own = self.path.as_ref().is_some_and(|own| is_same_file(own, path));
        if !replace && !is_own && path.symlink_metadata().is_ok() {
            return Err(SaveError::Exists);
        }
        self.write(path, replace || !is_own)
    }

    fn write(&mut self, path: &Path, replace: bool) -> Result<(), SaveError> {
        if let Some(reason) = &self.read_only {
            return Err(SaveError::ReadOnly(reason.clone()));
        }
        let text = self.to_toml();
        // Nothing gets into the file that the next start could not read, or would read differently.
        let mut reread = Self::parse(&text, Some(path)).map_err(SaveError::Invalid)?;
        if reread.saved.contents != self.contents() {
            let message = "it would not be read again as it is; a path or a text in it can't be written";
            return Err(SaveError::Invalid(Invalid(vec![Diagnostic::of_file(path, message)])));
        }
        let failed = |error| SaveError::Io { path: path.to_path_buf(), error };
        if !replace {
            match std::fs::read(path) {
                Ok(found) if found == text.as_bytes() => {}
                Ok(found) if !self.saved.on_disk || found != self.saved.text.as_bytes() => {
                    return Err(SaveError::Changed);
                }
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
        }
        if let Some(folder) = folder()
            && path.parent() == Some(&folder)
        {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed)?;
        }
        write_atomic(path, text.as_bytes()).map_err(failed)?;
        for (entry, index) in self.sockets.iter_mut().zip(0..) {
            entry.origin = Some(index);
        }
        for (entry, index) in self.payloads.iter_mut().zip(0..) {
            entry.origin = Some(index);
        }
        self.path = Some(path.to_path_buf());
        self.warnings = std::mem::take(&mut reread.warnings);
        self.saved = Saved { on_disk: true, ..reread.saved };
        Ok(())
    }
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
