//! Each call of the operating system that may fail does, at each of its uses in turn, and the bench keeps its promises.
//!
//! A process of its own: the faults are those of the whole process. Without debug assertions there are none.
#![cfg(debug_assertions)]
#![expect(clippy::unwrap_used, reason = "this is a test")]

use std::sync::{Mutex, PoisonError};

use sockbench::os::fault::{Armed, Comes, Fault, arm};

/// A fault is one of the whole process, so one test runs at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// The first so many uses of a call are tried: what comes later goes the same way.
const USES: u32 = 40;

/// A call and what it may come to.
type MayCome = (&'static str, &'static [Comes]);

/// Runs a piece of the bench's life without a fault, and then again and again, each time with another one: each use of
/// each call fails once, and from each use on for ever. The piece is told the fault, and says itself what must hold.
fn each_fault(may_come: &[MayCome], live: impl Fn(Option<Fault>, &Armed)) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let calls = {
        let armed = arm(None);
        live(None, &armed);
        armed.calls()
    };
    let listed = |call: &str| may_come.iter().any(|(name, _)| *name == call);
    let unlisted: Vec<_> = calls.keys().filter(|call| !listed(call)).collect();
    assert!(unlisted.is_empty(), "nobody said what these may come to: {unlisted:?}");
    for (call, comes) in may_come {
        let uses = *calls.get(call).unwrap_or_else(|| panic!("{call} was never made"));
        for &comes in *comes {
            for (first, count) in (0..uses.min(USES)).flat_map(|first| [(first, 1), (first, u32::MAX)]) {
                let fault = Fault { call, first, count, comes };
                let told = TellsOnPanic(fault);
                let armed = arm(Some(fault));
                live(Some(fault), &armed);
                drop((armed, told));
            }
        }
    }
}

/// Names the fault under which a test failed.
struct TellsOnPanic(Fault);

impl Drop for TellsOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("with {:?}", self.0);
        }
    }
}
