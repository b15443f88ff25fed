//! Writing a file so that at every moment, and after a crash at any moment, it holds all of the old or all of the new.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::os::{self, File};

/// So many links are followed before they are taken for a circle; Linux does the same (`path_resolution(7)`).
const MAX_LINKS: usize = 40;

/// Writes a file as a whole, or not at all: a [`NewFile`] takes its place.
///
/// # Errors
/// Those of [`NewFile`] and of writing. On an error before the last step the old file is as it was.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut fresh = NewFile::beside(path)?;
    fresh.file().write_all(bytes)?;
    fresh.put_in_place(true)
}

/// A file beside another one, whose place it takes in one step (`rename(2)`) once its bytes are on the disk. If it never
/// gets there, it goes away.
///
/// A new file gets mode 0600; where it replaces one, it gets that one's mode. Where the path is a symbolic link, the
/// file it leads to is replaced and the link stays.
#[derive(Debug)]
pub struct NewFile {
    target: PathBuf,
    /// Open from the start: once the file is in its place, nothing may be missing any more.
    folder: Option<File>,
    /// Those of the file that is replaced.
    permissions: Option<Permissions>,
    fresh: Fresh,
}

impl NewFile {
    /// Begins a file that is to stand at `path`.
    ///
    /// # Errors
    /// Those of the system calls; also when the file is there and is not a regular file, or is write-protected.
    pub fn beside(path: &Path) -> io::Result<Self> {
        let target = follow_links(path)?;
        let permissions = match os::call("stat", || target.metadata()) {
            Ok(old) if !old.is_file() => {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
            }
            // Replacing would get around the protection, since it asks for the folder's permission and not the file's.
            Ok(old) if old.permissions().readonly() => {
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the file is write-protected"));
            }
            Ok(old) => Some(Permissions::from_mode(old.permissions().mode() & 0o7777)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let folder = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        let fresh = Fresh::create(&folder)?;
        let folder = match File::open(&folder) {
            // One that may be written and not read can't be opened; the file itself is whole all the same.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => None,
            opened => Some(opened?),
        };
        Ok(Self { target, folder, permissions, fresh })
    }

    /// Where the bytes go.
    pub const fn file(&mut self) -> &mut File {
        &mut self.fresh.file
    }

    /// Ends the file: at the end of this it stands in its place. Without `replace`, only if there is nothing yet.
    ///
    /// # Errors
    /// Those of the system calls, `AlreadyExists` among them. What was there before is as it was then, unless all that
    /// failed was to have the folder on the disk as well.
    pub fn put_in_place(mut self, replace: bool) -> io::Result<()> {
        if let Some(permissions) = self.permissions.filter(|_| replace) {
            self.fresh.file.set_permissions(&permissions)?;
        }
        self.fresh.file.sync_all()?;
        if replace {
            os::call("rename", || fs::rename(&self.fresh.path, &self.target))?;
            self.fresh.in_place = true;
        } else {
            // Unlike rename(2), link(2) never replaces; the first name goes away then.
            match os::call("link", || fs::hard_link(&self.fresh.path, &self.target)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
                // File systems without links.
                Err(_) if is_missing(&self.target) => {
                    os::call("rename", || fs::rename(&self.fresh.path, &self.target))?;
                    self.fresh.in_place = true;
                }
                Err(error) => return Err(error),
            }
        }
        match self.folder.map_or(Ok(()), |folder| folder.sync_all()) {
            // Some file systems can't sync a folder (EINVAL); the file itself is whole all the same.
            Err(error) if error.kind() != io::ErrorKind::InvalidInput => Err(error),
            _ => Ok(()),
        }
    }
}

/// The new file until it is in its place; if it never gets there, it goes away.
#[derive(Debug)]
struct Fresh {
    path: PathBuf,
    file: File,
    in_place: bool,
}

impl Fresh {
    fn create(folder: &Path) -> io::Result<Self> {
        let mut attempt = 0;
        loop {
            let path = folder.join(format!(".sockbench-{}-{attempt}.tmp", std::process::id()));
            match File::open_with(OpenOptions::new().write(true).create_new(true).mode(0o600), &path) {
                Ok(file) => return Ok(Self { path, file, in_place: false }),
                // Left behind by a crash, or another thread's.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 1_000 => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if !self.in_place {
            // Nothing better can be done about a file that can't be removed; the error that led here is the news.
            let _ = os::call("unlink", || fs::remove_file(&self.path));
        }
    }
}

fn is_missing(path: &Path) -> bool {
    os::call("lstat", || path.symlink_metadata()).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Where the links lead; the last of them may lead to a file that is not there yet.
fn follow_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        match os::call("readlink", || fs::read_link(&path)) {
            Ok(to) => path = path.parent().unwrap_or(Path::new("")).join(to),
            // EINVAL: not a link.
            Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::NotFound) => {
                return Ok(path);
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    // Case 32.
    #[test]
    fn a_new_file_is_private_and_an_old_one_keeps_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.toml");
        write_atomic(&path, b"one").unwrap();
        assert_eq!((fs::read(&path).unwrap().as_slice(), mode(&path)), (b"one".as_slice(), 0o600));
        fs::set_permissions(&path, Permissions::from_mode(0o664)).unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!((fs::read(&path).unwrap().as_slice(), mode(&path)), (b"two".as_slice(), 0o664));
        assert_eq!(names(dir.path()), ["a.toml"]);
    }

    // Case 32.
    #[test]
    fn links_stay_and_lead_to_the_new_bytes() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("real")).unwrap();
        symlink("second", dir.path().join("first")).unwrap();
        symlink("real/a.toml", dir.path().join("second")).unwrap();
        for bytes in [b"one", b"two"] {
            write_atomic(&dir.path().join("first"), bytes).unwrap();
            assert_eq!(fs::read(dir.path().join("real/a.toml")).unwrap(), bytes);
        }
        assert!(dir.path().join("first").is_symlink() && dir.path().join("second").is_symlink());
        assert_eq!(names(&dir.path().join("real")), ["a.toml"]);

        symlink("circle", dir.path().join("circle")).unwrap();
        write_atomic(&dir.path().join("circle"), b"x").unwrap_err();
    }

    #[test]
    fn what_can_not_be_replaced_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.toml");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
        assert_eq!(write_atomic(&path, b"new").unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        write_atomic(dir.path(), b"new").unwrap_err();
        write_atomic(&path.join("below-a-file"), b"new").unwrap_err();
        write_atomic(&dir.path().join("missing/b.toml"), b"new").unwrap_err();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(dir.path()), ["a.toml"]);
    }

    #[test]
    fn what_is_not_to_be_replaced_is_not_even_if_it_came_late() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let begun = |bytes: &[u8]| {
            let mut file = NewFile::beside(&path).unwrap();
            file.file().write_all(bytes).unwrap();
            file
        };
        let (first, second) = (begun(b"one"), begun(b"two"));
        first.put_in_place(false).unwrap();
        assert_eq!(second.put_in_place(false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        drop(begun(b"three"));
        assert_eq!((fs::read(&path).unwrap().as_slice(), mode(&path)), (b"one".as_slice(), 0o600));
        assert_eq!(names(dir.path()), ["a"]);
    }

    #[test]
    fn a_file_that_a_crash_left_behind_is_no_hindrance_and_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        let left = dir.path().join(format!(".sockbench-{}-0.tmp", std::process::id()));
        fs::write(&left, "half").unwrap();
        write_atomic(&dir.path().join("a.toml"), b"new").unwrap();
        assert_eq!(fs::read(&left).unwrap(), b"half");
        assert_eq!(fs::read(dir.path().join("a.toml")).unwrap(), b"new");
    }
}
