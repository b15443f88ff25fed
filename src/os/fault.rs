//! Faults of the operating system's calls, for tests: the n-th call of a name fails, or comes short.
//!
//! Owns the one fault of the process, and the count of its calls. It never makes one.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Which calls do not go as they should. Those of a name are counted from 0 on, in the whole process, over all threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The name of the call, as it is given to the functions above.
    pub call: &'static str,
    /// The first of them.
    pub first: u32,
    /// How many.
    pub count: u32,
    /// What comes instead.
    pub comes: Comes,
}

/// What a call comes to that does not go as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comes {
    /// This error (errno(3)), and the call is not made.
    Error(i32),
    /// The call is made with half of its bytes, but one at least. One that has none, or only one, is made as it is.
    Short,
    /// The first of them is made so, and the others come to this error, as on a disk that is full in the midst of a write.
    ShortThen(i32),
}

/// Calls are counted, and the fault comes, for as long as this lives. Of a process there is one at a time.
#[derive(Debug)]
pub struct Armed(());

static IS_ARMED: AtomicBool = AtomicBool::new(false);
static WATCH: Mutex<Watch> = Mutex::new(Watch { fault: None, calls: BTreeMap::new(), came: 0 });

struct Watch {
    fault: Option<Fault>,
    calls: BTreeMap<&'static str, u32>,
    came: u32,
}

/// Counts calls from now on, and lets the fault come when its turn is.
///
/// # Panics
/// When another is armed: a test in a process of its own, or on a lock of its own, has no such thing.
#[must_use]
pub fn arm(fault: Option<Fault>) -> Armed {
    let mut watch = watch();
    assert!(!IS_ARMED.swap(true, Ordering::SeqCst), "one fault at a time");
    *watch = Watch { fault, calls: BTreeMap::new(), came: 0 };
    Armed(())
}

impl Armed {
    /// How often each call was made.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<&'static str, u32> {
        watch().calls.clone()
    }

    /// No fault comes from now on.
    pub fn cease(&self) {
        watch().fault = None;
    }

    /// How often the fault came.
    #[must_use]
    pub fn came(&self) -> u32 {
        watch().came
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        IS_ARMED.store(false, Ordering::SeqCst);
    }
}

/// Counts a call, and gives how many of its bytes it is to be made with.
pub(super) fn due(name: &'static str, len: usize) -> io::Result<usize> {
    if !IS_ARMED.load(Ordering::Relaxed) {
        return Ok(len);
    }
    let mut watch = watch();
    let calls = watch.calls.entry(name).or_default();
    let number = *calls;
    *calls += 1;
    let Some(fault) = watch.fault.filter(|fault| fault.call == name) else { return Ok(len) };
    if number < fault.first || number - fault.first >= fault.count {
        return Ok(len);
    }
    let comes = match fault.comes {
        Comes::ShortThen(errno) if number > fault.first => Comes::Error(errno),
        comes => comes,
    };
    match comes {
        Comes::Error(errno) => {
            watch.came += 1;
            Err(io::Error::from_raw_os_error(errno))
        }
        Comes::Short | Comes::ShortThen(_) if len > 1 => {
            watch.came += 1;
            Ok(len / 2)
        }
        Comes::Short | Comes::ShortThen(_) => Ok(len),
    }
}

fn watch() -> MutexGuard<'static, Watch> {
    WATCH.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::super::{call, get, put};
    use super::*;

    const NAME: &str = "a call of this test alone";

    /// What each of `count` writes of four bytes comes to.
    fn writes(count: usize) -> Vec<Result<usize, i32>> {
        let write = |_| put(NAME, b"four", |bytes| Ok(bytes.len())).map_err(|error| error.raw_os_error().unwrap());
        (0..count).map(write).collect()
    }

    #[test]
    fn the_fault_comes_when_its_turn_is_and_at_no_other_time() {
        let fault = |comes| Some(Fault { call: NAME, first: 1, count: 2, comes });
        {
            let armed = arm(fault(Comes::Error(Errno::EIO as i32)));
            assert_eq!(writes(4), [Ok(4), Err(5), Err(5), Ok(4)]);
            assert_eq!((armed.came(), armed.calls()[NAME]), (2, 4));
        }
        assert_eq!(writes(2), [Ok(4), Ok(4)]);
        {
            let armed = arm(fault(Comes::Short));
            assert_eq!(writes(4), [Ok(4), Ok(2), Ok(2), Ok(4)]);
            let mut one = [0];
            let fill = |buffer: &mut [u8]| {
                buffer.fill(1);
                Ok(())
            };
            get(NAME, &mut one, fill).unwrap();
            assert_eq!((one, armed.came()), ([1], 2));
        }
        {
            let armed = arm(fault(Comes::ShortThen(Errno::ENOSPC as i32)));
            assert_eq!(writes(4), [Ok(4), Ok(2), Err(28), Ok(4)]);
            armed.cease();
            assert_eq!((writes(2), armed.came()), (vec![Ok(4), Ok(4)], 2));
        }
        let armed = arm(fault(Comes::Error(Errno::EINTR as i32)));
        let mut made = 0;
        for _ in 0..2 {
            let count = || {
                made += 1;
                Ok(())
            };
            call(NAME, count).unwrap();
        }
        assert_eq!((made, armed.came(), armed.calls()[NAME]), (2, 2, 4));
    }
}
