//! Saving a profile without ever losing what somebody else wrote.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::{Invalid, Profile, Saved, folder, write_atomic};
use crate::diagnostic::Diagnostic;
use crate::os;

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
        self.write(&path, false, folder().as_deref())
    }

    /// Saves to another file, which is the profile's own from then on. With `replace`, whatever is in that file is
    /// replaced, also when it is the profile's own and somebody else changed it. Relative paths mean the same in
    /// another folder, where they are written otherwise.
    ///
    /// # Errors
    /// See [`SaveError`]; the file and the profile are then as they were.
    pub fn save_as(&mut self, path: &Path, replace: bool) -> Result<(), SaveError> {
        let is_own = self.path.as_ref().is_some_and(|own| is_same_file(own, path));
        if !replace && !is_own {
            match os::call("lstat", || path.symlink_metadata()) {
                Ok(_) => return Err(SaveError::Exists),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // What can't be seen may be there all the same.
                Err(error) => return Err(SaveError::Io { path: path.to_path_buf(), error }),
            }
        }
        self.write(path, replace || !is_own, folder().as_deref())
    }

    /// Saves to a file; in the profile folder, that is made if it is not there.
    fn write(&mut self, path: &Path, replace: bool, folder: Option<&Path>) -> Result<(), SaveError> {
        if let Some(reason) = &self.read_only {
            return Err(SaveError::ReadOnly(reason.clone()));
        }
        let mut moved = self.moved_to(path);
        let text = moved.to_toml();
        // Nothing gets into the file that the next start could not read, or would read differently.
        let mut reread = Self::parse_with(&text, Some(path), &self.given).map_err(SaveError::Invalid)?;
        if reread.saved.contents != moved.contents {
            let message = "it would not be read again as it is; a path or a text in it can't be written";
            return Err(SaveError::Invalid(Invalid(vec![Diagnostic::of_file(path, message)])));
        }
        let failed = |error| SaveError::Io { path: path.to_path_buf(), error };
        if os::is_irregular(path) {
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")));
        }
        if !replace {
            match os::read(path) {
                Ok(found) if found == text.as_bytes() => {}
                Ok(found) if !self.saved.on_disk || found != self.saved.text.as_bytes() => {
                    return Err(SaveError::Changed);
                }
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
        }
        if let Some(folder) = folder.filter(|folder| path.parent() == Some(folder)) {
            let mut builder = DirBuilder::new();
            os::call("mkdir", || builder.recursive(true).mode(0o700).create(folder)).map_err(failed)?;
        }
        write_atomic(path, text.as_bytes()).map_err(failed)?;
        for (entry, index) in moved.contents.sockets.iter_mut().zip(0..) {
            entry.origin = Some(index);
        }
        for (entry, index) in moved.contents.payloads.iter_mut().zip(0..) {
            entry.origin = Some(index);
        }
        for (entry, index) in moved.contents.rules.iter_mut().zip(0..) {
            entry.origin = Some(index);
        }
        // They may stand in other lines now.
        moved.contents.scenarios.clone_from(&reread.saved.contents.scenarios);
        moved.warnings = std::mem::take(&mut reread.warnings);
        moved.saved = Saved { on_disk: true, ..reread.saved };
        *self = moved;
        Ok(())
    }
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| os::call("realpath", || path.canonicalize());
    one == other || matches!((real(one), real(other)), (Ok(one), Ok(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::payload::Variables;
    use crate::profile::SocketEntry;

    #[test]
    fn a_fifo_in_its_place_keeps_nobody_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lab.toml");
        fs::write(&path, LAB).unwrap();
        let mut profile = Profile::load(&path).unwrap();
        fs::remove_file(&path).unwrap();
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        profile.contents.name = "changed".to_owned();
        let told = profile.save().unwrap_err().to_string();
        assert!(told.contains("no regular file"), "{told}");
        assert_eq!(profile.contents.name, "changed");
    }

    const LAB: &str = "version = 1 # one\n[[socket]]\nname = \"a\"\nopen = \"tcp://h:1\"\n";

    fn lab(folder: &Path) -> (PathBuf, Profile) {
        let path = folder.join("lab.toml");
        fs::write(&path, LAB).unwrap();
        let profile = Profile::load(&path).unwrap();
        (path, profile)
    }

    // Case 34.
    #[test]
    fn what_somebody_else_wrote_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let (path, mut profile) = lab(dir.path());
        profile.contents.name = "mine".to_owned();
        let theirs = LAB.replace("h:1", "h:2");
        fs::write(&path, &theirs).unwrap();
        assert!(matches!(profile.save(), Err(SaveError::Changed)));
        assert!(matches!(profile.save_as(&path, false), Err(SaveError::Changed)));
        assert_eq!(fs::read_to_string(&path).unwrap(), theirs);
        assert!(profile.is_modified());
        profile.save_as(&path, true).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), LAB.replace("# one\n", "# one\nname = \"mine\"\n"));
        profile.contents.name = "again".to_owned();
        profile.save().unwrap();
        // A file that is gone is no loss to anybody.
        fs::remove_file(&path).unwrap();
        profile.save().unwrap();
        assert_eq!(Profile::load(&path).unwrap().contents.name, "again");
    }

    #[test]
    fn a_file_that_is_there_is_replaced_only_on_demand() {
        let dir = tempfile::tempdir().unwrap();
        let (path, mut profile) = lab(dir.path());
        let other = dir.path().join("other.toml");
        fs::write(&other, "mine").unwrap();
        assert!(matches!(profile.save_as(&other, false), Err(SaveError::Exists)));
        assert_eq!(fs::read_to_string(&other).unwrap(), "mine");
        assert_eq!(profile.path.as_ref(), Some(&path));
        profile.save_as(&other, true).unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), LAB);
        assert_eq!(profile.path.as_ref(), Some(&other));
        symlink(&other, dir.path().join("link.toml")).unwrap();
        profile.save_as(&dir.path().join("link.toml"), false).unwrap();

        let mut fresh = Profile::new();
        assert!(matches!(fresh.save(), Err(SaveError::NoPath)));
        fresh.path = Some(other.clone());
        assert!(matches!(fresh.save(), Err(SaveError::Changed)));
        assert_eq!(fs::read_to_string(&other).unwrap(), LAB);
    }

    #[test]
    fn a_profile_that_could_not_be_read_again_is_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let (path, mut profile) = lab(dir.path());
        profile.contents.sockets.push(SocketEntry::new("a", "udp://h:1".parse().unwrap()));
        assert!(matches!(profile.save(), Err(SaveError::Invalid(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), LAB);
    }

    #[test]
    fn the_first_save_makes_the_profile_folder_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("sockbench").join("profiles");
        Profile::new().write(&folder.join("lab.toml"), false, Some(&folder)).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_to_string(folder.join("lab.toml")).unwrap(), "version = 1\n");
    }

    // Case 32.
    #[test]
    fn a_failed_save_loses_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (path, mut profile) = lab(dir.path());
        profile.contents.name = "mine".to_owned();
        let nowhere = dir.path().join("missing").join("lab.toml");
        let error = profile.save_as(&nowhere, false).unwrap_err();
        assert!(error.to_string().contains("missing/lab.toml"), "{error}");
        assert_eq!(profile.path.as_ref(), Some(&path));
        assert!(profile.is_modified());
        assert_eq!(fs::read_to_string(&path).unwrap(), LAB);
        profile.save().unwrap();
        assert_eq!(Profile::load(&path).unwrap().contents.name, "mine");
    }

    // Case 35.
    #[test]
    fn what_the_environment_keeps_secret_is_named_in_the_file_and_never_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lab.toml");
        fs::write(&path, "version = 1\n[[payload]]\nname = \"login\"\nescaped = \"{{env.TOKEN}}\"\n").unwrap();
        let secret = Variables::with_environment([("TOKEN".to_owned(), "hunter2".to_owned())]);
        let mut loaded = Profile::load_with(&path, &secret).unwrap();
        // One that was made here knows as much.
        let mut fresh = Profile::new();
        fresh.give(&secret);
        fresh.contents.payloads.clone_from(&loaded.contents.payloads);
        for profile in [&mut loaded, &mut fresh] {
            profile.contents.name = "lab".to_owned();
            for _ in 0..2 {
                profile.save_as(&dir.path().join("other.toml"), true).unwrap();
                let saved = fs::read_to_string(dir.path().join("other.toml")).unwrap();
                assert!(saved.contains("{{env.TOKEN}}") && !saved.contains("hunter2"), "{saved}");
                profile.contents.name = "again".to_owned();
            }
        }
    }

    #[test]
    fn a_file_that_can_not_be_read_says_which_and_why() {
        let dir = tempfile::tempdir().unwrap();
        let shown = Profile::load(&dir.path().join("none.toml")).unwrap_err().to_string();
        assert!(shown.contains("none.toml") && shown.contains("No such file"), "{shown}");
        let path = dir.path().join("latin1.toml");
        fs::write(&path, b"version = 1\nname = \"caf\xe9\"\n").unwrap();
        let error = Profile::load(&path).unwrap_err();
        assert_eq!((error.0[0].line, error.0[0].column), (2, 12), "{error}");
    }
}
