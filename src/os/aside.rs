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

/// Does something that may wait on a thread of its own, and waits for what comes of it. It comes to its end even where
/// nobody waits any more.
///
/// # Errors
/// `EAGAIN`, where there are as many threads as there may be (clone(2)). What was to be done is dropped then.
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

/// A thread of the pool, until it ends, whatever ends it.
struct Member(&'static Pool);

impl Pool {
    const fn new(most: usize, stays: Duration) -> Self {
        let state = State { waiting: VecDeque::new(), threads: 0, idle: 0 };
        Self { most, stays, state: Mutex::new(state), news: Condvar::new() }
    }

    async fn aside<T: Send + 'static>(&'static self, work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
        let (done, outcome) = oneshot::channel();
        // Nobody may wait for it any more.
        self.take(Box::new(move || _ = done.send(work())))?;
        outcome.await.map_err(|_| io::Error::other("a defect of this program ended it"))
    }

    fn take(&'static self, work: Work) -> io::Result<()> {
        let mut state = self.state();
        if state.idle > state.waiting.len() || state.threads == self.most {
            state.waiting.push_back(work);
            self.news.notify_one();
            return Ok(());
        }
        state.threads += 1;
        drop(state);
        let member = Member(self);
        spawn("aside", move || member.serve(work)).map(drop)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic is done while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Member {
    fn serve(self, mut work: Work) {
        let pool = self.0;
        loop {
            // A defect in one must not keep the next from being done.
            let _ = catch_unwind(AssertUnwindSafe(work));
            let mut state = pool.state();
            state.idle += 1;
            let waited = pool.news.wait_timeout_while(state, pool.stays, |state| state.waiting.is_empty());
            let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
            match state.waiting.pop_front() {
                Some(next) => work = next,
                None => return,
            }
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.0.state().threads -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use futures_util::future::join_all;
    use tokio::runtime::Builder;

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
            let work = |number: usize| {
                let one = move || {
                    assert!(AT_ONCE.fetch_add(1, Ordering::SeqCst) < 3);
                    thread::yield_now();
                    AT_ONCE.fetch_sub(1, Ordering::SeqCst);
                    assert!(number != 500, "a defect");
                    number
                };
                FEW.aside(one)
            };
            for (number, outcome) in join_all((0..1000).map(work)).await.into_iter().enumerate() {
                assert_eq!(outcome.ok(), (number != 500).then_some(number));
            }
            assert_eq!(FEW.state().threads, 3);
        });
    }

    #[test]
    fn a_thread_ends_when_nothing_came_for_its_time() {
        static SHORT: Pool = Pool::new(8, Duration::ZERO);
        Builder::new_current_thread().build().unwrap().block_on(async {
            assert_eq!(SHORT.aside(|| 5).await.unwrap(), 5);
            while SHORT.state().threads > 0 {
                thread::yield_now();
            }
        });
    }
}
