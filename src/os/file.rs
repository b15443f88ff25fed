//! Files, of which every call may fail.

use std::fs::{self, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use super::{call, get, put};

/// An open file, with those of the calls of [`std::fs::File`] that are made here.
#[derive(Debug)]
pub struct File(fs::File);

impl File {
    /// Opens a file to be read.
    ///
    /// # Errors
    /// Those of openat(2).
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::open_with(OpenOptions::new().read(true), path)
    }

    /// Opens a file with these options.
    ///
    /// # Errors
    /// Those of openat(2).
    pub fn open_with(options: &OpenOptions, path: &Path) -> io::Result<Self> {
        call("openat", || options.open(path)).map(Self)
    }

    /// Opens a file without a name in a folder, to be read and written; it is gone with its last descriptor.
    ///
    /// # Errors
    /// Those of openat(2), and of unlink(2) where a file must have a name first.
    pub fn nameless(folder: &Path) -> io::Result<Self> {
        call("openat", || tempfile::tempfile_in(folder)).map(Self)
    }

    /// What the file system knows of it.
    ///
    /// # Errors
    /// Those of fstat(2).
    pub fn status(&self) -> io::Result<Metadata> {
        call("fstat", || self.0.metadata())
    }

    /// Whether there are bytes in it, whatever its length is said to be: that of most files of proc(5) is 0.
    #[must_use]
    pub fn has_bytes(&self) -> bool {
        self.read_exact_at(&mut [0], 0).is_ok()
    }

    /// Whether it has no name any more, so that it is gone with its last descriptor; false where that can't be found out.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        self.status().is_ok_and(|status| status.nlink() == 0)
    }

    /// Makes it so many bytes long.
    ///
    /// # Errors
    /// Those of ftruncate(2).
    pub fn set_len(&self, len: u64) -> io::Result<()> {
        call("ftruncate", || self.0.set_len(len))
    }

    /// Sets its mode.
    ///
    /// # Errors
    /// Those of fchmod(2).
    pub fn set_permissions(&self, permissions: &Permissions) -> io::Result<()> {
        call("fchmod", || self.0.set_permissions(permissions.clone()))
    }

    /// Waits until all of it is on the disk; of a folder, its names.
    ///
    /// # Errors
    /// Those of fsync(2).
    pub fn sync_all(&self) -> io::Result<()> {
        call("fsync", || self.0.sync_all())
    }

    /// Fills the buffer with what is at this offset.
    ///
    /// # Errors
    /// Those of pread(2), and `UnexpectedEof` where the file ends before.
    pub fn read_exact_at(&self, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !buffer.is_empty() {
            match get("pread", buffer, |buffer| self.0.read_at(buffer, offset))? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                count => {
                    buffer = &mut buffer[count..];
                    offset += count as u64;
                }
            }
        }
        Ok(())
    }

    /// Writes all of the bytes at this offset.
    ///
    /// # Errors
    /// Those of pwrite(2).
    pub fn write_all_at(&self, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match put("pwrite", bytes, |bytes| self.0.write_at(bytes, offset))? {
                0 => return Err(ErrorKind::WriteZero.into()),
                count => {
                    bytes = &bytes[count..];
                    offset += count as u64;
                }
            }
        }
        Ok(())
    }
}

/// Whether that is something else than a file with bytes in it: it may have no end, or wait for somebody who writes.
#[must_use]
pub fn is_irregular(path: &Path) -> bool {
    call("stat", || path.metadata()).is_ok_and(|metadata| !metadata.is_file())
}

/// All that is in a file.
///
/// # Errors
/// Those of openat(2) and read(2).
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl From<OwnedFd> for File {
    fn from(fd: OwnedFd) -> Self {
        Self(fd.into())
    }
}

impl Read for &File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        get("read", buffer, |buffer| (&self.0).read(buffer))
    }
}

impl Read for File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        put("write", bytes, |bytes| self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
