//! Files that are written and read: profiles, recordings, exports, what sockets receive, and the log on disk.
//!
//! What an interrupted or a short call does is noticed by nobody; whatever else a call comes to is told, and nothing is
//! lost that was there before.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use sockbench::contract::{Address, Batch, Block, Event, Fact, SocketId, Span, Timestamp};
use sockbench::log::Roster;
use sockbench::os::fault::{Armed, Comes, Fault};

use crate::{INTERRUPTED, MayCome, each_fault_of};

mod exporting;
mod profiles;
mod recording;
mod saving;
mod spilling;

/// How long a test waits for something before it gives up.
const PATIENCE: Duration = Duration::from_secs(20);

const fn error(errno: Errno) -> Comes {
    Comes::Error(errno as i32)
}

/// What looking at a name or at a file may come to.
const LOOKED: &[Comes] = &[error(Errno::EACCES), error(Errno::EIO), error(Errno::ENOMEM)];

/// What a change of names may come to.
const NAMED: &[Comes] =
    &[error(Errno::EACCES), error(Errno::ENOSPC), error(Errno::EDQUOT), error(Errno::EROFS), error(Errno::EIO)];

const WRITTEN: &[Comes] = &[
    error(Errno::ENOSPC),
    error(Errno::EDQUOT),
    error(Errno::EIO),
    error(Errno::EFBIG),
    INTERRUPTED,
    Comes::Short,
    Comes::ShortThen(Errno::ENOSPC as i32),
];

const OPENED: &[Comes] = &[
    error(Errno::EACCES),
    error(Errno::EMFILE),
    error(Errno::ENFILE),
    error(Errno::ENOSPC),
    error(Errno::EDQUOT),
    error(Errno::EROFS),
    error(Errno::ENOMEM),
    error(Errno::EEXIST),
    INTERRUPTED,
];

const READ: &[Comes] = &[error(Errno::EIO), INTERRUPTED, Comes::Short];

/// What the calls of files may come to, as their man pages say.
const CALLS: &[MayCome] = &[
    ("clone", &[error(Errno::EAGAIN)]),
    ("fallocate", &[error(Errno::EOPNOTSUPP), error(Errno::EIO), INTERRUPTED]),
    ("fchmod", &[error(Errno::EIO), error(Errno::EROFS), error(Errno::EPERM)]),
    ("fcntl", &[error(Errno::EPERM)]),
    ("fstat", &[error(Errno::EIO), error(Errno::ENOMEM)]),
    ("fsync", &[error(Errno::EIO), error(Errno::ENOSPC), error(Errno::EDQUOT), INTERRUPTED]),
    ("ftruncate", &[error(Errno::EIO), error(Errno::EPERM), INTERRUPTED]),
    ("link", NAMED),
    ("lstat", LOOKED),
    ("mmap", &[error(Errno::ENOMEM)]),
    ("openat", OPENED),
    ("pread", READ),
    ("pwrite", WRITTEN),
    ("read", READ),
    ("readlink", LOOKED),
    ("realpath", LOOKED),
    ("rename", NAMED),
    ("stat", LOOKED),
    ("unlink", NAMED),
    ("write", WRITTEN),
];

/// Lives a piece with each fault that the calls of files may come to: it makes no others.
fn each_fault_of_files(live: impl Fn(Option<Fault>, &Armed)) {
    let made = each_fault_of(CALLS, |fault, armed| leaving_nothing(|| live(fault, armed)));
    let unlisted: Vec<_> = made.keys().filter(|made| CALLS.iter().all(|(call, _)| call != *made)).collect();
    assert!(unlisted.is_empty(), "nobody said what these may come to: {unlisted:?}");
}

/// The threads of the rooms that write files.
const THREADS: [&str; 4] = ["recorder", "saver", "spill", "exporter"];

/// Lives a piece; then descriptors and threads are as before.
fn leaving_nothing(live: impl FnOnce()) {
    let before = descriptors();
    live();
    let began = Instant::now();
    while descriptors() > before || threads().any(|name| THREADS.contains(&&*name)) {
        let left: Vec<_> = threads().collect();
        assert!(began.elapsed() < PATIENCE, "{} descriptors for {before}, and of threads {left:?}", descriptors());
        std::thread::yield_now();
    }
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn threads() -> impl Iterator<Item = String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    tasks.filter_map(|task| Some(fs::read_to_string(task.path().join("comm")).ok()?.trim_end().to_owned()))
}

/// Whether something came that must be told or seen.
fn has_come(fault: Option<Fault>, armed: &Armed) -> bool {
    match fault.map(|fault| fault.comes) {
        None | Some(Comes::Short | INTERRUPTED) => false,
        Some(Comes::Error(_)) => armed.came() > 0,
        Some(Comes::ShortThen(_)) => armed.came() > 1,
    }
}

/// Asserts that something came, and that what is said tells the system's reason and the name.
fn assert_told(said: &str, name: &str, fault: Option<Fault>, armed: &Armed) {
    assert!(has_come(fault, armed), "nothing came, but {said}");
    let Some(Comes::Error(errno) | Comes::ShortThen(errno)) = fault.map(|fault| fault.comes) else { return };
    let tells = [format!("os error {errno})"), format!("{:?} ({errno})", Errno::from_raw(errno))];
    assert!(tells.iter().any(|told| said.contains(told)) && said.contains(name), "{said}");
}

/// A folder in memory where there is one: there is nothing to wait for until its files are on the disk.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The one socket of these tests.
const SOCKET: SocketId = SocketId::new(1).unwrap();

/// Who is in the logs of these tests.
fn roster() -> Roster {
    let mut roster = Roster::default();
    roster.register(SOCKET, "far".to_owned(), "udp://127.0.0.1:9".parse().unwrap());
    roster
}

/// A batch of datagrams that were received, of so many bytes each, the first with this number. None without memory.
fn datagrams(first: u32, count: u32, size: u32) -> Option<Batch> {
    let used = (count * size) as usize;
    let mut block = Block::with_size(used).ok()?;
    let mut events = Vec::new();
    for (number, bytes) in (first..).zip(block.bytes_mut().chunks_mut(size as usize)) {
        bytes.copy_from_slice(&datagram(number, size));
        let peer = Some(Address::Ip(([127, 0, 0, 1], 9).into()));
        let span = Span { start: (number - first) * size, len: size };
        let fact = Fact::Received { peer, bytes: span, truncated: false };
        events.push(Event { at: Timestamp(u64::from(number)), socket: SOCKET, fact });
    }
    Some(Batch::new(events, block, used))
}

/// The datagram with this number: its number, and then a byte of it.
fn datagram(number: u32, size: u32) -> Vec<u8> {
    let mut bytes = vec![number.to_be_bytes()[3]; size as usize];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    bytes
}
