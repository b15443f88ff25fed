//! What one connection or datagram socket answers by its rules.
//!
//! Owns the tasks in which replies are made that take their time, and ends them with it; most replies never see one.
//! A connection has one such task, for its replies go out in the order of their messages. A datagram socket has one for
//! each reply: its peers know nothing of each other. It is made when there is first something to answer, so that a
//! socket without rules has none.

mod chain;
mod characters;
mod decision;
mod partners;
mod program;
mod reply;
mod work;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::os::fd::BorrowedFd;
use std::rc::Rc;

use tokio::task::JoinSet;

use super::budget::SHARE;
use super::orders::Stop;
use super::outbox::TAIL_MOST;
use super::rule_set::Answers;
use super::socket::Socket;
use super::socket_options::LiveEndpoint;
use super::table::unless_it_panics;
use crate::contract::{Address, CloseReason, Fact, NetError, Operation};
use crate::rule::Moment;

pub(super) use partners::Partners;
use work::Work;

/// How much of a stream is received at once while its replies have little room, in bytes: not much more than that.
const LITTLE: usize = SHARE / 4;

/// What a socket answers. Dropping it ends what it is about to answer, and the programs that it runs.
pub(super) struct Responder {
    work: Rc<Work>,
    tasks: RefCell<Option<JoinSet<()>>>,
}

impl Socket {
    /// Has what was received answered, as far as that is done at once; what is to be told of it waits for
    /// [`tell_of_answers`](Self::tell_of_answers). `from` is the sender of a datagram.
    pub(super) fn answer(&self, endpoint: &LiveEndpoint, fd: BorrowedFd<'_>, bytes: &[u8], from: Option<&Address>) {
        let answers = self.rules.answers();
        if answers == Answers::Nothing {
            return;
        }
        if answers == Answers::Echo
            && let Some(responder) = &*self.responder.borrow()
            && responder.work.is_free()
        {
            // The short way for what is asked of in the millions.
            return responder.work.echo(bytes, from);
        }
        self.with_responder(endpoint, fd, from.is_some(), |work| work.hear(bytes, from, fd));
    }

    /// Has a step of a connection's life answered.
    pub(super) async fn answer_moment(&self, endpoint: &LiveEndpoint, fd: BorrowedFd<'_>, moment: Moment) {
        if self.rules.is_empty() {
            return;
        }
        self.with_responder(endpoint, fd, false, |work| work.happened(moment));
        self.tell_of_answers().await;
    }

    /// Whether what is received now can be answered, if it is to be.
    pub(super) fn can_answer(&self) -> bool {
        let echoes_no_more = || self.rules.answers() == Answers::Echo && self.orders.stopping().is_some();
        self.rules.answers() == Answers::Nothing
            || self.orders.stopping() >= Some(Stop::Close)
            || echoes_no_more()
            || self.responder.borrow().as_ref().is_none_or(|responder| responder.work.has_room())
    }

    /// How many bytes of a stream are received at once at most: fewer where what answers them has little room.
    pub(super) fn most_to_receive(&self) -> usize {
        let is_short = self.rules.answers() != Answers::Nothing && self.orders.is_short();
        if is_short { LITTLE } else { TAIL_MOST }
    }

    /// Whether a reply is still to be made that has an end.
    pub(super) fn is_answering(&self) -> bool {
        self.responder.borrow().as_ref().is_some_and(|responder| responder.work.is_busy())
    }

    /// Whether there is something to tell of what was answered.
    pub(super) fn has_answers_to_tell(&self) -> bool {
        self.rules.answers() != Answers::Nothing
            && self.responder.borrow().as_ref().is_some_and(|responder| responder.work.has_rows())
    }

    /// Whether finding answers took so long that it is the turn of other sockets.
    pub(super) fn must_yield(&self) -> bool {
        self.rules.answers() == Answers::ByRule
            && self.responder.borrow().as_ref().is_some_and(|responder| responder.work.must_yield())
    }

    /// Reports what was answered, after the message that it was the answer to.
    pub(super) async fn tell_of_answers(&self) {
        let work = self.responder.borrow().as_ref().map(|responder| Rc::clone(&responder.work));
        if let Some(work) = work {
            work.tell_rows().await;
        }
    }

    /// Answers no more, for the connection is over.
    pub(super) fn stop_answering(&self) {
        self.responder.replace(None);
    }

    /// Does something of the responder's, and has tasks do what that leaves.
    fn with_responder(&self, endpoint: &LiveEndpoint, fd: BorrowedFd<'_>, of_datagrams: bool, act: impl FnOnce(&Work)) {
        let mut responder = self.responder.borrow_mut();
        let responder = responder.get_or_insert_with(|| {
            let work = Rc::new(Work::new(self, &endpoint.borrow(), fd, of_datagrams));
            Box::new(Responder { work, tasks: RefCell::default() })
        });
        responder.work.follow(&endpoint.borrow());
        act(&responder.work);
        responder.start_tasks();
    }
}

impl Responder {
    /// Has tasks do what is not done yet.
    fn start_tasks(&self) {
        let Self { work, .. } = self;
        if work.needs_runner() {
            self.spawn(Rc::clone(work).answer_in_order());
        }
        while let Some(pending) = work.next_datagram() {
            self.spawn(Rc::clone(work).answer_one(pending));
        }
        if work.needs_teller() {
            self.spawn(Rc::clone(work).tell_unanswered());
        }
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        let work = Rc::clone(&self.work);
        let mut tasks = self.tasks.borrow_mut();
        let tasks = tasks.get_or_insert_default();
        while tasks.try_join_next().is_some() {}
        tasks.spawn_local(async move {
            if unless_it_panics(Box::pin(task)).await.is_err() {
                let error = NetError::other(Operation::Socket, None, "a defect of this program ended its rules");
                work.outbox.push(work.id, Fact::Failed(Box::new(error.with_hint("Please report it"))));
                work.orders.stop(Stop::Abort, CloseReason::Error);
            }
        });
    }
}
