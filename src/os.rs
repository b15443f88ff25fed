//! The operating system's calls that may fail: the one way in which the engine, the recorder and whatever saves make
//! them, and in which everybody starts threads.
//!
//! Owns that a call that a signal interrupted (`EINTR`, signal(7)) is made again, and the threads for what may wait. It
//! never decides what a failure means, but says what is missing where there is no thread: who is told then has asked for
//! something else. In a build with debug assertions a test can have the n-th call of a name fail, or come short: see
//! `fault`. A release build has nothing of that, and each function here is the call alone.
//!
//! Outside is what is asked only to be shown, a failure of which is no answer (proc(5), options that are read back), what
//! the runtime does for itself, and what gives back what is over (`close`, `munmap`, `kill`).

mod aside;
#[cfg(debug_assertions)]
pub mod fault;
mod file;

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Runtime};

pub use aside::aside;
pub use file::{File, is_irregular, read};

/// Makes a call, again where a signal interrupted it. `name` is what its man page is called.
///
/// # Errors
/// Those of the call, but `EINTR`.
#[inline]
pub fn call<T>(name: &'static str, mut make: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    uninterrupted(|| once(name, &mut make))
}

/// Makes a call that can't be made twice, since it takes what it is made with.
///
/// # Errors
/// Those of the call.
#[inline]
pub fn once<T>(name: &'static str, make: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    failing(name)?;
    make()
}

/// Makes a call of which the outcome is waited for.
///
/// # Errors
/// Those of the call.
#[inline]
pub async fn wait<T>(name: &'static str, made: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    failing(name)?;
    made.await
}

/// Makes a call that takes bytes, of which it may take fewer than it is given, again where a signal interrupted it.
///
/// # Errors
/// Those of the call, but `EINTR`.
#[inline]
pub fn put<T>(name: &'static str, bytes: &[u8], mut make: impl FnMut(&[u8]) -> io::Result<T>) -> io::Result<T> {
    part(name, bytes.len(), |len| make(&bytes[..len]))
}

/// Makes a call that fills a buffer, of which it may fill less than there is, again where a signal interrupted it.
///
/// # Errors
/// Those of the call, but `EINTR`.
#[inline]
pub fn get<T>(
    name: &'static str,
    buffer: &mut [u8],
    mut make: impl FnMut(&mut [u8]) -> io::Result<T>,
) -> io::Result<T> {
    part(name, buffer.len(), |len| make(&mut buffer[..len]))
}

/// Makes a call that is given a length, of which it may do less, again where a signal interrupted it.
///
/// # Errors
/// Those of the call, but `EINTR`.
#[inline]
pub fn part<T>(name: &'static str, len: usize, mut make: impl FnMut(usize) -> io::Result<T>) -> io::Result<T> {
    uninterrupted(|| make(allowed(name, len)?))
}

/// The addresses of a host's name, in the order in which to try them; never empty. It may wait for a server.
///
/// # Errors
/// The words of `gai_strerror(3)`, in small letters; an error number where the system failed.
pub fn getaddrinfo(name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    match call("getaddrinfo", || (name, port).to_socket_addrs()) {
        Ok(found) if found.len() == 0 => Err(io::Error::other("the name has no address")),
        Ok(found) => Ok(found.collect()),
        Err(error) if error.raw_os_error().is_some() => Err(error),
        Err(error) => {
            // The standard library puts its own words before those.
            let words = error.to_string();
            Err(io::Error::other(words.rsplit(": ").next().unwrap_or_default().to_lowercase()))
        }
    }
}

/// Starts a thread of this name, which ps(1) shows up to its 15th byte.
///
/// # Errors
/// A [`NoThread`], whose words need nothing beside them.
pub fn spawn<T: Send + 'static>(name: &str, run: impl FnOnce() -> T + Send + 'static) -> io::Result<JoinHandle<T>> {
    once("clone", || thread::Builder::new().name(name.to_owned()).spawn(run))
        .map_err(|error| io::Error::new(error.kind(), NoThread(error)))
}

/// What the composition roots run on.
///
/// # Errors
/// `EMFILE`, mostly, where the process may open too little to begin with.
pub fn runtime() -> io::Result<Runtime> {
    /// No runtime opens more of its own.
    const DESCRIPTORS: usize = 8;
    // Without descriptors for its signals the runtime would panic.
    let probe: io::Result<Vec<_>> = (0..DESCRIPTORS / 2).map(|_| UnixStream::pair()).collect();
    drop(probe?);
    Builder::new_current_thread().enable_all().build()
}

/// That there is no thread for what was wanted, and why: the error of clone(2), or of the memory for its stack.
#[derive(Debug)]
pub struct NoThread(io::Error);

impl NoThread {
    /// One sentence without a full stop: what happened.
    pub const CAUSE: &str = "no thread could be started";

    /// What to look at now.
    pub const LIMITS: &str = "ulimit -u, pids.max of the cgroup, and what memory is left";

    /// Whether that is what an error is.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// The system's error number: mostly `EAGAIN`.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        self.0.raw_os_error()
    }
}

/// All of it: what happened, the errno, and what to look at.
impl fmt::Display for NoThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; see {}", Self::CAUSE, self.0, Self::LIMITS)
    }
}

impl std::error::Error for NoThread {}

#[inline]
fn uninterrupted<T>(mut make: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match make() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

/// Fails where a test wants this call to.
#[inline]
fn failing(name: &'static str) -> io::Result<()> {
    allowed(name, 0).map(drop)
}

/// How much of so many bytes the call is given: fewer, or an error, where a test wants it so.
#[cfg(debug_assertions)]
fn allowed(name: &'static str, len: usize) -> io::Result<usize> {
    fault::due(name, len)
}

/// All of it.
#[cfg(not(debug_assertions))]
#[inline]
#[expect(clippy::unnecessary_wraps, reason = "where faults are possible it fails")]
const fn allowed(_: &'static str, len: usize) -> io::Result<usize> {
    Ok(len)
}
