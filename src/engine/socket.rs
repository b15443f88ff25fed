//! What the task of one socket works with.
//!
//! Owns nothing: it names the socket, its orders, and the way to report facts of its life.

use std::cell::RefCell;
use std::fmt::Display;
use std::io;
use std::rc::Rc;

use super::orders::{Orders, Stop};
use super::outbox::Outbox;
use super::responder::Responder;
use super::rule_set::RuleSet;
use super::saver::{Saver, Watch};
use super::table::Table;
use crate::contract::{CloseReason, Fact, NetError, Operation, ReportContent, Saving, SocketId, SocketView, Ticket};

/// A socket, as its own task sees it.
pub(super) struct Socket {
    /// Its name.
    pub(super) id: SocketId,
    /// What it has been told to do.
    pub(super) orders: Rc<Orders>,
    /// Where it reports.
    pub(super) outbox: Outbox,
    /// All sockets: a listener adds its connections.
    pub(super) table: Rc<Table>,
    /// What it answers; a listener shares them with its connections.
    pub(super) rules: Rc<RuleSet>,
    /// Who does, as soon as there is something to answer.
    pub(super) responder: RefCell<Option<Box<Responder>>>,
    /// What it receives is written there, too.
    pub(super) saver: RefCell<Option<Saver>>,
}

/// How a socket's life ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// It was open, or being opened, and is gone.
    Closed(CloseReason),
    /// It could not be opened.
    Failed(NetError),
}

impl Ending {
    /// The last word on the socket.
    pub(super) fn into_fact(self) -> Fact {
        match self {
            Self::Closed(reason) => Fact::Closed { reason },
            Self::Failed(error) => Fact::Failed(Box::new(error)),
        }
    }
}

impl Socket {
    /// Reports a fact, as soon as there is room for it.
    pub(super) fn report(&self, fact: Fact) -> impl Future<Output = ()> + use<'_> {
        self.outbox.report(self.id, fact)
    }

    /// Reports that an operation failed.
    pub(super) fn fail(&self, error: NetError) -> impl Future<Output = ()> + use<'_> {
        self.report(Fact::Failed(Box::new(error)))
    }

    /// Tells what the kernel knows of the socket.
    pub(super) fn tell_view(&self, view: SocketView) {
        self.outbox.tell(self.id, ReportContent::View(Box::new(view)));
    }

    /// Begins to write what is received to a file, too; what was saved before is finished.
    ///
    /// # Errors
    /// When the file can't be written.
    pub(super) fn start_saving(&self, ticket: Ticket, saving: &Saving) -> Result<(), NetError> {
        Saver::start(ticket, saving).map(|started| self.save_by(started))
    }

    /// The same before the socket is open, so that no other socket waits for the disk.
    ///
    /// # Errors
    /// When the file can't be written.
    pub(super) async fn open_saving(&self, saving: Saving) -> Result<(), NetError> {
        let wanted = saving.clone();
        let started = self.table.aside(move || Saver::start(Ticket::ENGINE, &wanted)).await;
        started.unwrap_or_else(|error| Err(Saver::failed(&saving, &error))).map(|started| self.save_by(started))
    }

    fn save_by(&self, (saver, watch): (Saver, Watch)) {
        self.table.spawn(watch.report(self.id, self.outbox.clone()));
        self.orders.set_saving(Some(saver.ticket()));
        self.saver.replace(Some(saver));
    }

    /// Saves no longer, if this order asked for it.
    pub(super) fn stop_saving(&self, ticket: Ticket) {
        let mut saver = self.saver.borrow_mut();
        if saver.as_ref().is_some_and(|saver| saver.ticket() == ticket) {
            *saver = None;
            self.orders.set_saving(None);
        }
    }

    /// Saves what was received, where that is wanted.
    pub(super) fn save(&self, bytes: &[u8]) {
        let mut saver = self.saver.borrow_mut();
        if let Some(open) = &mut *saver
            && !open.take(bytes)
        {
            *saver = None;
            self.orders.set_saving(None);
        }
    }

    /// Waits until what is received next can be saved. At once where nothing is saved.
    pub(super) async fn room_to_save(&self) {
        let full = self.saver.borrow().as_ref().and_then(Saver::wait_for_room);
        if let Some(full) = full {
            // On the heap: every connection holds the space of the futures that it may once wait for.
            let _ = Box::pin(full.reserve()).await;
        }
    }

    /// Says something that no call returned.
    pub(super) async fn note(&self, name: &'static str, message: impl Into<String>) {
        self.report(Fact::Note { name: name.into(), message: message.into() }).await;
    }

    /// Reports a system call that returns 0, or fails.
    pub(super) fn call<T>(
        &self,
        call: &'static str,
        args: String,
        result: &io::Result<T>,
    ) -> impl Future<Output = ()> + use<'_, T> {
        self.call_with(call, args, result, |_| "0")
    }

    /// Reports a system call, with what it returns.
    pub(super) fn call_with<T, D: Display, F: FnOnce(&T) -> D>(
        &self,
        call: &'static str,
        args: String,
        result: &io::Result<T>,
        show: F,
    ) -> impl Future<Output = ()> + use<'_, T, D, F> {
        self.report(call_fact(call, args, result, show))
    }

    /// Waits for an order to close, of any kind, for a socket that has nothing to finish first.
    pub(super) async fn closing(&self) -> CloseReason {
        let is_closing = |orders: &Orders| (orders.stopping() >= Some(Stop::Close)).then(|| orders.closed_by());
        self.orders.until(is_closing).await
    }

    /// Answers orders to half-close, on a socket that has no halves.
    pub(super) async fn refuse_half_closes(&self) -> CloseReason {
        loop {
            if self.orders.until(Orders::stopping).await != Stop::HalfClose {
                return self.closing().await;
            }
            self.orders.refuse_half_close();
            let cause = "only a connection has two directions to close one by one";
            self.fail(NetError::other(Operation::Shutdown, None, cause)).await;
        }
    }

    /// Reports of every order that waits that the connection ended.
    pub(super) async fn fail_unsent(&self) {
        while let Some(order) = self.orders.finish_first() {
            let error = order.unsent();
            for fact in order.failed(error) {
                self.report(fact).await;
            }
        }
    }

    /// Reports that every order that waits can't be sent any more.
    pub(super) async fn fail_all(&self, error: &NetError) {
        while let Some(order) = self.orders.finish_first() {
            self.report(Fact::SendFailed { ticket: order.ticket, error: Box::new(error.clone()) }).await;
        }
    }
}

/// A system call, with what it returned.
pub(super) fn call_fact<T, D: Display, F: FnOnce(&T) -> D>(
    call: &'static str,
    args: String,
    result: &io::Result<T>,
    show: F,
) -> Fact {
    let result = match result {
        Ok(value) => show(value).to_string(),
        Err(error) => failure(error),
    };
    Fact::Call { call: call.into(), args, result }
}

/// `-1 ECONNREFUSED (111)`.
fn failure(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(errno) => {
            let code = NetError::from_errno(Operation::Socket, None, errno).code().unwrap_or_default();
            format!("-1 {code} ({errno})")
        }
        None => error.to_string(),
    }
}
