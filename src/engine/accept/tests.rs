//! Accepting with a scripted listener, under a paused clock.

use std::collections::VecDeque;
use std::fs::File;
use std::os::fd::BorrowedFd;

use super::*;
use crate::contract::Endpoint;
use crate::engine::pump::tests::Scripted;
use crate::engine::testing::rig;

/// A listener whose `accept` comes to what the test says, one after the other, and then waits.
struct ScriptedListener {
    any: File,
    outcomes: RefCell<VecDeque<Option<Errno>>>,
}

impl AsFd for ScriptedListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.any.as_fd()
    }
}

impl Listener for ScriptedListener {
    type Accepted = File;
    type Stream = Scripted;

    fn poll_accept(&self, _: &mut Context<'_>) -> Poll<io::Result<(File, Address)>> {
        let peer = Address::Ip(([127, 0, 0, 1], 9).into());
        match self.outcomes.borrow_mut().pop_front() {
            None => Poll::Pending,
            Some(None) => Poll::Ready(self.any.try_clone().map(|file| (file, peer))),
            Some(Some(errno)) => Poll::Ready(Err(errno.into())),
        }
    }

    fn local(_: &File) -> io::Result<Address> {
        Ok(Address::Ip(([127, 0, 0, 1], 7).into()))
    }

    async fn begin(_: File, _: &Socket, _: &Endpoint) -> Result<Scripted, NetError> {
        Ok(Scripted::with_window(0))
    }
}

// Case 10.
#[test]
fn whatever_accept_comes_to_is_told_and_the_next_connection_is_taken() {
    rig(async |mut rig| {
        let errors = [Errno::ECONNABORTED, Errno::EPROTO, Errno::EINTR, Errno::ENOBUFS, Errno::EPERM];
        let outcomes = errors.iter().flat_map(|errno| [Some(*errno), None]).collect();
        let listener = ScriptedListener { any: File::open("/dev/null").unwrap(), outcomes: RefCell::new(outcomes) };
        let endpoint: Endpoint = "tcp-listen://127.0.0.1:7".parse().unwrap();
        rig.live(|socket| async move { run(&socket, Rc::new(endpoint), &[listener]).await });
        // EINTR is nothing that anybody misses: the call is made again at once.
        let (mut told, mut taken) = (Vec::new(), Vec::new());
        while taken.len() < errors.len() {
            match rig.until(|fact| matches!(fact, Fact::Failed(_) | Fact::Accepted { .. })).await {
                Fact::Failed(error) => told.push((error.operation, error.errno)),
                Fact::Accepted { number, .. } => taken.push(number),
                _ => unreachable!(),
            }
        }
        let wanted = errors.into_iter().filter(|errno| *errno != Errno::EINTR);
        let wanted: Vec<_> = wanted.map(|errno| (Operation::Accept, Some(errno as i32))).collect();
        assert_eq!((told, taken), (wanted, vec![1, 2, 3, 4, 5]));
    });
}
