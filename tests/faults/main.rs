//! Each call of the operating system that may fail does, at each of its uses in turn, and the bench keeps its promises.
//!
//! A process of its own: the faults are those of the whole process. Without debug assertions there are none.
#![cfg(debug_assertions)]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "this is a test")]

mod aside;
mod engine;
mod files;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use nix::errno::Errno;

use sockbench::os::fault::{Armed, Comes, Fault, arm};

/// A fault is one of the whole process, so one test runs at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// The first so many uses of a call are tried: what comes later goes the same way.
const USES: u32 = 40;

/// A signal came while the call waited (signal(7)).
const INTERRUPTED: Comes = Comes::Error(Errno::EINTR as i32);

/// A call and what it may come to.
type MayCome = (&'static str, &'static [Comes]);

/// Runs a piece of the bench's life without a fault, and then again and again, each time with another one: each use of
/// each call fails once, and from each use on for ever. The piece is told the fault, and says itself what must hold.
fn each_fault(may_come: &[MayCome], live: impl Fn(Option<Fault>, &Armed)) {
    let made = each_fault_of(may_come, live);
    let listed = |call: &str| may_come.iter().any(|(name, _)| *name == call);
    let unlisted: Vec<_> = made.keys().filter(|call| !listed(call)).collect();
    assert!(unlisted.is_empty(), "nobody said what these may come to: {unlisted:?}");
    let unmade: Vec<_> = may_come.iter().filter(|(call, _)| !made.contains_key(call)).collect();
    assert!(unmade.is_empty(), "these were never made: {unmade:?}");
}

/// The same for those of these calls that the piece makes. Gives all that it makes, each with how often.
fn each_fault_of(may_come: &[MayCome], live: impl Fn(Option<Fault>, &Armed)) -> BTreeMap<&'static str, u32> {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let made = {
        let armed = arm(None);
        live(None, &armed);
        armed.calls()
    };
    let mut faults = 0;
    for (call, comes) in may_come {
        let uses = made.get(call).copied().unwrap_or_default().min(USES);
        for &comes in *comes {
            // A call that were interrupted for ever would be made for ever.
            let ever = if comes == INTERRUPTED { 3 } else { u32::MAX };
            for (first, count) in (0..uses).flat_map(|first| [(first, 1), (first, ever)]) {
                let fault = Fault { call, first, count, comes };
                let told = TellsOnPanic(fault);
                let armed = arm(Some(fault));
                live(Some(fault), &armed);
                faults += 1;
                drop((armed, told));
            }
        }
    }
    println!("{faults} faults");
    made
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
