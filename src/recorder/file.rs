//! The files of recordings: made where there is none, and replaced only where that was asked for.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::libc;

use crate::os::{self, File};

/// Makes a new file.
pub(super) fn create(path: &Path) -> io::Result<File> {
    File::open_with(OpenOptions::new().write(true).mode(0o600).create_new(true), path)
}

/// Makes a new file, or empties the one that is there; and whether it is new.
pub(super) fn create_or_replace(path: &Path) -> io::Result<(File, bool)> {
    match create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        made => return made.map(|file| (file, true)),
    }
    let irregular = || io::Error::new(ErrorKind::InvalidInput, "it is not a regular file");
    let mut options = OpenOptions::new();
    // Without O_NONBLOCK, opening a FIFO would wait for someone who reads it. The links of a path may lead nowhere yet.
    options.write(true).create(true).truncate(false).mode(0o600).custom_flags(libc::O_NONBLOCK);
    let file = File::open_with(&options, path).map_err(|error| match error.raw_os_error() {
        Some(libc::ENXIO) => irregular(),
        _ => error,
    })?;
    if !file.status()?.is_file() {
        return Err(irregular());
    }
    file.set_len(0)?;
    Ok((file, false))
}

/// Takes away a file in which there is nothing: it would keep the next recording from its name.
pub(super) fn remove(path: &Path) {
    // Nothing better can be done about a file that can't be removed; the error that led here is the news.
    let _ = os::call("unlink", || fs::remove_file(path));
}
