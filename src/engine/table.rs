//! The sockets that live, and the orders that reach them.
//!
//! Owns the table from id to orders, and the tasks: a socket is in the table exactly as long as its task runs. A panic
//! ends the one task that it happened in, and is reported as that socket's failure.

use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::thread::available_parallelism;
use std::time::Duration;

use nix::errno::Errno;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::budget::Budget;
use super::orders::{Order, Orders, Request, Stop};
use super::outbox::Outbox;
use super::outgoing_file::OutgoingFile;
use super::reserve::Reserve;
use super::responder::Partners;
use super::rule_set::RuleSet;
use super::socket::{Ending, Socket};
use super::transports::transport;
use crate::contract::{
    Address, CloseHow, CloseReason, Command, Endpoint, Fact, NetError, Operation, Role, SocketId, SocketIds, Target,
    Ticket,
};
use crate::os;

/// How many programs may answer at once, for all sockets together.
pub(super) const MAX_PROGRAMS: usize = 16;

/// Every socket that lives.
pub(super) struct Table {
    ids: SocketIds,
    outbox: Outbox,
    rows: RefCell<BTreeMap<SocketId, Row>>,
    /// What roots answer: kept from one opening to the next.
    rules: RefCell<BTreeMap<SocketId, Rc<RuleSet>>>,
    /// The sockets that do.
    partners: Rc<Partners>,
    /// The memory of replies that wait to be sent.
    budget: Rc<Budget>,
    /// The turns of the programs that answer.
    programs: Arc<Semaphore>,
    /// The turns of the searches for a rule that take long.
    searches: Arc<Semaphore>,
    /// The connections of each listener, in all the times that it was open.
    accepted: RefCell<BTreeMap<SocketId, Accepted>>,
    /// Descriptors that the connections of listeners leave to all else.
    pub(super) reserve: Reserve,
    tasks: TaskTracker,
}

#[derive(Default)]
struct Accepted {
    count: u32,
    open: Rc<Cell<u32>>,
}

struct Row {
    parent: Option<SocketId>,
    role: Role,
    /// Each send is a message of its own.
    keeps_messages_apart: bool,
    can_answer: bool,
    orders: Rc<Orders>,
}

impl Table {
    pub(super) fn new(ids: SocketIds, outbox: Outbox) -> Self {
        Self {
            ids,
            outbox,
            rows: RefCell::default(),
            rules: RefCell::default(),
            partners: Rc::default(),
            budget: Rc::default(),
            programs: Arc::new(Semaphore::new(MAX_PROGRAMS)),
            searches: Arc::new(Semaphore::new(available_parallelism().map_or(2, |all| all.get().max(2)))),
            accepted: RefCell::default(),
            reserve: Reserve::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// Does what a command says. Never waits: what comes of it is reported when it comes.
    pub(super) fn obey(self: &Rc<Self>, command: Command) {
        match command {
            Command::Open { socket, endpoint } => self.open(socket, endpoint),
            Command::Send { ticket, target, bytes } => {
                let order = |_, _: &Row, to| Ok(Order::new(ticket, Arc::clone(&bytes), to));
                self.send(ticket, &target, order);
            }
            Command::SendFile { ticket, target, path } => self.send_file(ticket, &target, &path),
            Command::Cancel { ticket } => self.cancel(ticket),
            Command::SetOption { socket, option, value } => self.ask(socket, Request::SetOption(option, value)),
            Command::Inspect { socket } => self.ask(socket, Request::Inspect),
            Command::Save { ticket, socket, saving } => self.ask(socket, Request::Save(ticket, saving)),
            Command::Close { socket, how, by } => {
                // One that is gone has reported so already.
                if let Some(row) = self.rows.borrow().get(&socket) {
                    let stop = match how {
                        CloseHow::Normal => Stop::Close,
                        CloseHow::HalfClose => Stop::HalfClose,
                        CloseHow::Abort => Stop::Abort,
                    };
                    row.orders.stop(stop, by);
                }
            }
            Command::CloseAll { root, by } => {
                if let Some(row) = self.rows.borrow().get(&root) {
                    row.orders.stop(Stop::Close, by);
                }
                self.stop_children(root, Stop::Close, by);
            }
            Command::SetRules { socket, rules } => {
                let rows = self.rows.borrow();
                if !rules.is_empty() && rows.get(&socket).is_some_and(|row| !row.can_answer) {
                    self.refuse_rules(socket);
                }
                self.rules_of(socket).set(rules);
                // Who makes a reply by a rule that is gone stops, and who waits until there is room to need not.
                let is_its = |(id, row): &(&SocketId, &Row)| **id == socket || row.parent == Some(socket);
                rows.iter().filter(is_its).for_each(|(_, row)| row.orders.touch());
            }
            Command::ShutDown => self.stop_all(),
        }
    }

    /// Starts the task of a connection that a listener accepted, under a new id.
    pub(super) fn adopt<L>(self: &Rc<Self>, parent: SocketId, rules: &Rc<RuleSet>, live: impl FnOnce(Socket) -> L)
    where
        L: Future<Output = Ending> + 'static,
    {
        // It is as its listener, which is here for as long as it accepts.
        let keeps_messages_apart = self.rows.borrow().get(&parent).is_some_and(|row| row.keeps_messages_apart);
        let row = Row {
            parent: Some(parent),
            role: Role::Client,
            keeps_messages_apart,
            can_answer: true,
            orders: Rc::new(Orders::new(&self.budget)),
        };
        self.start(self.ids.mint(), row, Rc::clone(rules), live);
    }

    /// Runs something of a socket's beside it, which may outlast it a little.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        self.tasks.spawn_local(work);
    }

    /// Does something that may wait [aside](os::aside). Ending waits for it, for a while, even where nobody else does.
    ///
    /// # Errors
    /// Where no thread can be started for it.
    pub(super) async fn aside<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
        let token = self.tasks.token();
        let work = move || {
            let outcome = work();
            drop(token);
            outcome
        };
        os::aside(work).await
    }

    /// What a root answers.
    pub(super) fn rules_of(&self, root: SocketId) -> Rc<RuleSet> {
        Rc::clone(self.rules.borrow_mut().entry(root).or_default())
    }

    /// The sockets that answer by rules.
    pub(super) const fn partners(&self) -> &Rc<Partners> {
        &self.partners
    }

    /// The memory of replies that wait to be sent, and of messages that wait for theirs.
    pub(super) const fn budget(&self) -> &Rc<Budget> {
        &self.budget
    }

    /// The turns of the programs that answer: whoever waits for one gets it in order.
    pub(super) const fn programs(&self) -> &Arc<Semaphore> {
        &self.programs
    }

    /// The turns of the searches for a rule that take long: they need a processor, and work that waits for something
    /// else must find threads beside them.
    pub(super) const fn searches(&self) -> &Arc<Semaphore> {
        &self.searches
    }

    /// The number of the connection that a listener has just accepted, from 1.
    pub(super) fn next_number(&self, listener: SocketId) -> u32 {
        let mut accepted = self.accepted.borrow_mut();
        let accepted = accepted.entry(listener).or_default();
        accepted.count += 1;
        accepted.count
    }

    /// How many connections of a listener are open, those included that are left of an earlier time.
    pub(super) fn open_connections(&self, listener: SocketId) -> Rc<Cell<u32>> {
        Rc::clone(&self.accepted.borrow_mut().entry(listener).or_default().open)
    }

    /// Stops every socket below a root.
    pub(super) fn stop_children(&self, root: SocketId, stop: Stop, by: CloseReason) {
        self.rows.borrow().values().filter(|row| row.parent == Some(root)).for_each(|row| row.orders.stop(stop, by));
    }

    /// Hands a request to every socket below a root.
    pub(super) fn ask_children(&self, root: SocketId, request: &Request) {
        let rows = self.rows.borrow();
        rows.values().filter(|row| row.parent == Some(root)).for_each(|row| row.orders.ask(request.clone()));
    }

    /// Ends all sockets, and waits for their tasks, but not longer than `limit`.
    pub(super) async fn shut_down(&self, limit: Duration) {
        self.stop_all();
        self.tasks.close();
        // What has not ended by then is dropped with the runtime.
        let _ = tokio::time::timeout(limit, self.tasks.wait()).await;
    }

    /// Hands a request to a socket that lives; one that is gone has reported so already.
    fn ask(&self, socket: SocketId, request: Request) {
        if let Some(row) = self.rows.borrow().get(&socket) {
            row.orders.ask(request);
        }
    }

    fn stop_all(&self) {
        for row in self.rows.borrow().values() {
            row.orders.stop(Stop::ShutDown, CloseReason::Shutdown);
        }
    }

    fn open(self: &Rc<Self>, id: SocketId, endpoint: Endpoint) {
        if self.rows.borrow().contains_key(&id) {
            let message = format!("it is open already, so {endpoint} was not opened");
            self.outbox.push(id, Fact::Note { name: "open".into(), message });
            return;
        }
        let Some(transport) = transport(endpoint.scheme) else {
            let cause = format!("{} can't be opened by this build", endpoint.scheme);
            let error = NetError::other(Operation::Socket, Some(endpoint.address.to_string()), cause);
            self.outbox.push(id, Fact::Failed(Box::new(error)));
            return;
        };
        let row = Row {
            parent: None,
            role: endpoint.scheme.spec().role,
            keeps_messages_apart: endpoint.keeps_messages_apart(),
            can_answer: endpoint.scheme.can_echo(),
            orders: Rc::new(Orders::new(&self.budget)),
        };
        let mut rules = self.rules_of(id);
        if !row.can_answer {
            if !rules.is_empty() {
                self.refuse_rules(id);
            }
            rules = Rc::default();
        }
        self.start(id, row, rules, |socket| async move {
            if let Some(saving) = endpoint.saving() {
                let started = tokio::select! {
                    started = socket.open_saving(saving) => started,
                    reason = socket.closing() => return Ending::Closed(reason),
                };
                if let Err(error) = started {
                    return Ending::Failed(error);
                }
            }
            transport.live(socket, Rc::new(endpoint)).await
        });
    }

    fn send_file(self: &Rc<Self>, ticket: Ticket, target: &Target, path: &Path) {
        let file = OutgoingFile::open(path);
        // Read once, whoever is to have it: they would share the place in the file, too.
        let message = OnceCell::new();
        let order = |id, row: &Row, to| {
            let file = file.clone()?;
            if row.keeps_messages_apart || file.hides_its_length() {
                let bytes = message.get_or_init(|| file.read_message()).clone()?;
                return Ok(Order::new(ticket, bytes, to));
            }
            self.outbox.push(id, file.beginning());
            Ok(Order::of_file(ticket, file))
        };
        self.send(ticket, target, order);
    }

    fn cancel(self: &Rc<Self>, ticket: Ticket) {
        if ticket == Ticket::ENGINE {
            // Nobody ordered that.
            return;
        }
        let mut cancelled = Vec::new();
        for (id, row) in &*self.rows.borrow() {
            if row.orders.is_saving(ticket) {
                row.orders.ask(Request::StopSaving(ticket));
            }
            cancelled.extend(row.orders.cancel(ticket).into_iter().map(|_| *id));
        }
        for id in cancelled {
            self.fail_send(id, ticket, NetError::cancelled(0));
        }
    }

    fn send(
        self: &Rc<Self>,
        ticket: Ticket,
        target: &Target,
        order: impl Fn(SocketId, &Row, Option<Address>) -> Result<Order, NetError>,
    ) {
        match target {
            Target::Socket(id) => self.queue(*id, ticket, None, &order),
            Target::Peer(id, peer) => self.queue(*id, ticket, Some(peer.clone()), &order),
            Target::Children(listener) => {
                let children: Vec<_> = self
                    .rows
                    .borrow()
                    .iter()
                    .filter(|(_, row)| row.parent == Some(*listener))
                    .map(|(id, _)| *id)
                    .collect();
                for child in &children {
                    self.queue(*child, ticket, None, &order);
                }
                if children.is_empty() {
                    let cause = "the listener has no open connection";
                    let error = NetError::other(Operation::Send, None, cause).with_hint("Connect a client to it first");
                    self.fail_send(*listener, ticket, error);
                }
            }
        }
    }

    fn queue(
        self: &Rc<Self>,
        id: SocketId,
        ticket: Ticket,
        to: Option<Address>,
        order: &impl Fn(SocketId, &Row, Option<Address>) -> Result<Order, NetError>,
    ) {
        let outcome = match self.rows.borrow().get(&id) {
            None => Err(NetError::from_errno(Operation::Send, None, Errno::ENOTCONN as i32)),
            Some(Row { role: Role::Listener | Role::Pair, .. }) => {
                Err(NetError::from_errno(Operation::Send, None, Errno::ENOTCONN as i32)
                    .with_hint("It carries no bytes itself; send to one of its connections"))
            }
            Some(Row { role: Role::Client, .. }) if to.is_some() => {
                Err(NetError::from_errno(Operation::Send, to.as_ref().map(Address::to_string), Errno::EISCONN as i32)
                    .with_hint("A connection has one peer; send to the socket"))
            }
            Some(row) => order(id, row, to).and_then(|order| row.orders.push(order)),
        };
        if let Err(error) = outcome {
            self.fail_send(id, ticket, error);
        }
    }

    fn refuse_rules(self: &Rc<Self>, id: SocketId) {
        let message = "no rule answers here: each answer to a reply would be a ping that is answered again".to_owned();
        self.outbox.push(id, Fact::Note { name: "rules".into(), message });
    }

    fn fail_send(self: &Rc<Self>, id: SocketId, ticket: Ticket, error: NetError) {
        self.outbox.push(id, Fact::SendFailed { ticket, error: Box::new(error) });
    }

    fn start<L>(self: &Rc<Self>, id: SocketId, row: Row, rules: Rc<RuleSet>, live: impl FnOnce(Socket) -> L)
    where
        L: Future<Output = Ending> + 'static,
    {
        let orders = Rc::clone(&row.orders);
        self.rows.borrow_mut().insert(id, row);
        let outbox = self.outbox.clone();
        let socket = Socket {
            id,
            orders: Rc::clone(&orders),
            outbox: outbox.clone(),
            table: Rc::clone(self),
            rules,
            responder: RefCell::default(),
            saver: RefCell::default(),
        };
        // On the heap, since a future that is handed on is held once in each place that it passes.
        let future = Box::pin(live(socket));
        let table = Rc::clone(self);
        self.tasks.spawn_local(async move {
            let ending = unless_it_panics(future).await;
            // Before the last word is out, so that whoever hears it can open the id again.
            table.rows.borrow_mut().remove(&id);
            while let Some(order) = orders.finish_first() {
                let error = order.unsent();
                for fact in order.failed(error) {
                    outbox.report(id, fact).await;
                }
            }
            match ending {
                Ok(ending) => outbox.report(id, ending.into_fact()).await,
                Err(panic) => {
                    let cause = format!("a defect of this program ended the socket ({})", panic_words(&*panic));
                    let error = NetError::other(Operation::Socket, None, cause).with_hint("Please report it");
                    outbox.report(id, Fact::Failed(Box::new(error))).await;
                    outbox.report(id, Fact::Closed { reason: CloseReason::Error }).await;
                }
            }
        });
    }
}

/// What a future comes to, or the panic that it ended in.
pub(super) async fn unless_it_panics<T>(
    mut future: Pin<Box<impl Future<Output = T>>>,
) -> Result<T, Box<dyn Any + Send>> {
    // Sound to go on after: the future is never polled again, and what it shares with others is changed in steps that
    // can't be seen half done.
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

fn panic_words(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a word")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::rig;

    // Case 36.
    #[test]
    fn a_panic_ends_its_own_socket_only_and_is_reported() {
        rig(async |mut rig| {
            let sound = rig.live(|socket| async move { Ending::Closed(socket.closing().await) });
            let broken = rig.live(|socket| async move {
                socket.closing().await;
                panic!("a test's panic, which is expected");
            });
            rig.obey(Command::Close { socket: broken, how: CloseHow::Normal, by: CloseReason::User });
            let failed = rig.until(|fact| matches!(fact, Fact::Failed(_))).await;
            assert!(matches!(failed, Fact::Failed(error) if error.cause.contains("a test's panic")));
            rig.until(|fact| *fact == Fact::Closed { reason: CloseReason::Error }).await;
            rig.obey(Command::Close { socket: sound, how: CloseHow::Normal, by: CloseReason::Scenario });
            rig.until(|fact| *fact == Fact::Closed { reason: CloseReason::Scenario }).await;
        });
    }
}
