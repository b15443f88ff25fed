//! Work that may wait for the system, on threads beside those that must not.
//!
//! Owns those threads. One stays for a while when its work is done, for starting another costs more than most work.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::spawn;

/// How many there are at once, at most. What they wait for may never come, such as a server of files.
const THREADS: usize = 256;

/// How long one stays. Where a test can have the start of a thread fail, each work starts its own.
const STAYS: Duration = if cfg!(debug_assertions) { Duration::ZERO } else { Duration::from_secs(10) };

static POOL: Pool = Pool::new(THREADS, STAYS);

/// Does something that may wait beside those that must not, and waits for what comes of it. It comes to its end even where
/// nobody waits any more. Where as many hang as there may be, it waits for its turn.
///
/// # Errors
/// Where no thread has nothing to do, and none can be started: a [`NoThread`](super::NoThread). What was to be done is
/// dropped then.
pub async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    POOL.aside(work).await
}

type Work = Box<dyn FnOnce() + Send>;

struct Pool {
    most: usize,
    stays: Duration,
    state: Mutex<State>,
    news: Condvar,
}

struct State {
    /// What no thread has taken yet.
    waiting: VecDeque<Work>,
    threads: usize,
    /// How many of them have nothing to do.
    idle: usize,
}

impl Pool {
    const fn new(most: usize, stays: Duration) -> Self {
        let state = State { waiting: VecDeque::new(), threads: 0, idle: 0 };
        Self { most, stays, state: Mutex::new(state), news: Condvar::new() }
    }

    async fn aside<T: Send + 'static>(&'static self, work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
        let (done, outcome) = oneshot::channel();
        let work = move || {
            // A defect in one must not keep the next from being done. Nobody may wait for it any more.
            let _ = done.send(catch_unwind(AssertUnwindSafe(work)));
        };
        self.take(Box::new(work))?;
        outcome.await.ok().and_then(Result::ok).ok_or_else(|| io::Error::other("a defect of this program ended it"))
    }

    /// Has a thread do it: one with nothing to do, or else a new one, for those that there are may hang.
    fn take(&'static self, work: Work) -> io::Result<()> {
        let mut state = self.state();
        if state.idle > state.waiting.len() || state.threads == self.most {
            state.waiting.push_back(work);
            self.news.notify_one();
            return Ok(());
        }
        state.threads += 1;
        drop(state);
        spawn("aside", || self.serve(work)).map(drop).inspect_err(|_| self.state().threads -= 1)
    }

    fn serve(&self, mut work: Work) {
        loop {
            work();
            let mut state = self.state();
            state.idle += 1;
            let waited = self.news.wait_timeout_while(state, self.stays, |state| state.waiting.is_empty());
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
            let Some(next) = state.waiting.pop_front() else {
                state.threads -= 1;
                return;
            };
            work = next;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic is done while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use tokio::runtime::Builder;
    use tokio::task::JoinSet;

    use super::*;

    #[test]
    fn threads_are_used_again_and_are_bounded_and_a_defect_costs_one_work() {
        static FEW: Pool = Pool::new(3, Duration::from_secs(1000));
        static AT_ONCE: AtomicUsize = AtomicUsize::new(0);
        Builder::new_current_thread().build().unwrap().block_on(async {
            let own = || thread::current().id();
            let first = FEW.aside(own).await.unwrap();
            assert_ne!(first, own());
            while FEW.state().idle < 1 {
                thread::yield_now();
            }
            assert_eq!(FEW.aside(own).await.unwrap(), first);
            let mut works = JoinSet::new();
            for number in 0..1000 {
                works.spawn(FEW.aside(move || {
                    assert!(AT_ONCE.fetch_add(1, Ordering::SeqCst) < 3);
                    thread::yield_now();
                    AT_ONCE.fetch_sub(1, Ordering::SeqCst);
                    assert!(number != 500, "a defect");
                    number
                }));
            }
            let mut done: Vec<_> = works.join_all().await.into_iter().filter_map(Result::ok).collect();
            done.sort_unstable();
            assert!(done.into_iter().eq((0..1000).filter(|number| *number != 500)));
            assert_eq!(FEW.state().threads, 3);
        });
    }

    // Work that comes as the only thread ends finds that one or the next.
    #[test]
    fn a_thread_ends_when_nothing_came_for_its_time_and_no_work_is_lost() {
        static SHORT: Pool = Pool::new(1, Duration::from_micros(20));
        Builder::new_current_thread().build().unwrap().block_on(async {
            for number in 0..3000 {
                assert_eq!(SHORT.aside(move || number).await.unwrap(), number);
            }
            while SHORT.state().threads > 0 {
                thread::yield_now();
            }
        });
    }
}
