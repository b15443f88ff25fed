//! A file that a rule sends, which is below a folder whatever its name holds.
//!
//! Owns the way to it: the kernel itself refuses to leave the folder (openat2(2), `RESOLVE_BENEATH`), so there is nothing
//! about names that could be overlooked, and no moment between a check and its use. Only regular files are sent.

use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;

use crate::os::{self, File};

/// How often the way is looked for anew where it changes meanwhile.
const TRIES: u32 = 8;

/// A regular file below the folder.
#[derive(Debug)]
pub struct Found {
    /// The file, open to be read.
    pub file: File,
    /// Its length in bytes when it was opened.
    pub len: usize,
}

/// Opens the file of this name below a folder. May wait for a disk.
///
/// # Errors
/// Why it is not sent: words that follow its name.
pub fn open_below(root: &Path, name: &[u8]) -> Result<Found, String> {
    if name.is_empty() {
        return Err("the name is empty".to_owned());
    }
    let errno = |error: io::Error| Errno::from_raw(error.raw_os_error().unwrap_or_default());
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let folder = os::call("openat", || Ok(open(root, flags, Mode::empty())?))
        .map_err(|error| format!("the folder {} can't be opened: {}", root.display(), named(errno(error))))?;
    let opened = open_beneath(&folder, name).map_err(|error| match errno(error) {
        Errno::EXDEV => {
            let folder = root.file_name().unwrap_or(root.as_os_str()).display();
            format!("it leaves the folder {folder}")
        }
        Errno::ENOENT => "there is no such file".to_owned(),
        Errno::ENOTDIR => "a part of it is no folder".to_owned(),
        Errno::EACCES => "this user may not read it".to_owned(),
        Errno::ELOOP => "it leads over links that are not followed".to_owned(),
        Errno::ENXIO => "it is no regular file".to_owned(),
        Errno::EINVAL => "no file can be called so".to_owned(),
        Errno::ENOSYS | Errno::EPERM => "this system can't keep to a folder (openat2)".to_owned(),
        Errno::ENAMETOOLONG => "the name is too long".to_owned(),
        other => named(other),
    })?;
    let file = File::from(opened);
    let metadata = file.status().map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err(if metadata.is_dir() { "it is a folder" } else { "it is no regular file" }.to_owned());
    }
    Ok(Found { len: usize::try_from(metadata.len()).unwrap_or(usize::MAX), file })
}

impl Found {
    /// Whether how many bytes it has is known only once it is read.
    #[must_use]
    pub fn hides_its_length(&self) -> bool {
        self.len == 0 && self.file.has_bytes()
    }

    /// All of it, where it is to be one message.
    ///
    /// # Errors
    /// Why it is not sent: words that follow its name.
    pub fn read(self, most: usize) -> Result<Vec<u8>, String> {
        if self.len > most {
            return Err(format!("it has {} bytes, more than a message can", self.len));
        }
        let mut bytes = Vec::with_capacity(self.len);
        match self.file.take(most as u64 + 1).read_to_end(&mut bytes) {
            Ok(len) if len > most => Err(format!("it has more than the {most} bytes that a message can have")),
            Ok(_) => Ok(bytes),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn open_beneath(folder: &OwnedFd, name: &[u8]) -> io::Result<OwnedFd> {
    // Without O_NONBLOCK, opening a FIFO would wait for someone who writes.
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let open = || os::call("openat2", || Ok(openat2(folder, name, how)?));
    for _ in 1..TRIES {
        match open() {
            // Something above was renamed while the kernel went up with `..`.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            outcome => return outcome,
        }
    }
    open()
}

/// An error number that nobody need expect, in the words of the system and with its name.
fn named(errno: Errno) -> String {
    format!("{} ({errno:?})", errno.desc())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use nix::unistd::mkfifo;

    use super::*;

    // Case 46.
    #[test]
    fn nothing_but_regular_files_below_the_folder_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("public");
        fs::create_dir_all(root.join("inner")).unwrap();
        fs::write(root.join("inner/page"), "page").unwrap();
        fs::write(folder.path().join("secret"), "secret").unwrap();
        symlink("../secret", root.join("out")).unwrap();
        symlink(folder.path(), root.join("up")).unwrap();
        symlink("inner/page", root.join("in")).unwrap();
        symlink("around", root.join("around")).unwrap();
        mkfifo(&root.join("fifo"), Mode::S_IRWXU).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
        for name in ["inner/page", "in", "inner/../in", "./inner//page"] {
            assert_eq!(open_below(&root, name.as_bytes()).unwrap().read(10).unwrap(), b"page", "{name}");
        }
        let leaves = "it leaves the folder public";
        for (name, why) in [
            (&b"../secret"[..], leaves),
            (b"inner/../../secret", leaves),
            (b"../public/in", leaves),
            (b"/etc/passwd", leaves),
            (root.join("in").to_str().unwrap().as_bytes(), leaves),
            (b"out", leaves),
            (b"up/secret", leaves),
            (b"around", "it leads over links that are not followed"),
            (b"in\0", "no file can be called so"),
            (b"", "the name is empty"),
            (b".", "it is a folder"),
            (b"inner/", "it is a folder"),
            (b"inner/page/", "a part of it is no folder"),
            (b"in\n", "there is no such file"),
            (&[b'a'; 300], "the name is too long"),
            (&[b'a'; 5000], "the name is too long"),
            (b"fifo", "it is no regular file"),
            (b"socket", "it is no regular file"),
        ] {
            let refused = open_below(&root, name).map(|_| ()).unwrap_err();
            assert_eq!(refused, why, "{}", String::from_utf8_lossy(name));
        }
        assert!(open_below(&root, b"in").unwrap().read(3).unwrap_err().contains("4 bytes"));
        let proc = || open_below(Path::new("/proc"), b"version").unwrap();
        assert!(proc().hides_its_length() && proc().read(3).unwrap_err().contains("more than the 3 bytes"));
        assert_eq!(proc().read(1 << 16).unwrap(), std::fs::read("/proc/version").unwrap());
        assert!(open_below(&root.join("none"), b"in").map(|_| ()).unwrap_err().contains("can't be opened"));
        assert!(open_below(Path::new("/dev"), b"null").map(|_| ()).unwrap_err().contains("no regular file"));
    }
}
