//! Writing a file so that at every moment, and after a crash at any moment, it holds all of the old or all of the new.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// So many links are followed before they are taken for a circle; Linux does the same (`path_resolution(7)`).
const MAX_LINKS: usize = 40;

/// Writes a file as a whole, or not at all: a new file beside it takes its place in one step (`rename(2)`) once its
/// bytes are on the disk.
///
/// A new file gets mode 0600; an old one keeps its mode. Where `path` is a symbolic link, the file it leads to is
/// replaced and the link stays.
///
/// # Errors
/// Those of the system calls; also when the file is there and is not a regular file, or is write-protected. On an error
/// before the last step the old file is as it was.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let target = follow_links(path)?;
    let permissions = match target.metadata() {
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
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut fresh = Fresh::create(folder)?;
    fresh.file.write_all(bytes)?;
    if let Some(permissions) = permissions {
        fresh.file.set_permissions(permissions)?;
    }
    fresh.file.sync_all()?;
    std::fs::rename(&fresh.path, &target)?;
    fresh.in_place = true;
    match File::open(folder)?.sync_all() {
        // Some file systems can't sync a folder (EINVAL); the file itself is whole all the same.
        Err(error) if error.kind() != io::ErrorKind::InvalidInput => Err(error),
        _ => Ok(()),
    }
}

/// The new file until it is in its place; if it never gets there, it goes away.
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
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
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
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Where the links lead; the last of them may lead to a file that is not there yet.
fn follow_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        match std::fs::read_link(&path) {
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
    use std::fs;
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
    fn a_file_that_a_crash_left_behind_is_no_hindrance_and_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        let left = dir.path().join(format!(".sockbench-{}-0.tmp", std::process::id()));
        fs::write(&left, "half").unwrap();
        write_atomic(&dir.path().join("a.toml"), b"new").unwrap();
        assert_eq!(fs::read(&left).unwrap(), b"half");
        assert_eq!(fs::read(dir.path().join("a.toml")).unwrap(), b"new");
    }
}
