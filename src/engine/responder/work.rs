//! The replies that a socket owes: which rule answers a message, and how its reply is made.
//!
//! Owns the queue of what is still to be answered, in the order of its messages, and its bounds: while it is full, a
//! stream is not read, and datagrams are not answered, which is told. A reply that can be sent at once is, before the
//! next message is looked at. It never reads or writes the socket.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, sleep_until};

use super::chain::Exchange;
use super::decision::{Undecided, is_spent};
use super::partners::{Entry, Key, Partner};
use crate::contract::{Address, AfterFin, Endpoint, Fact, SocketId, Ticket};
use crate::engine::budget::{Held, Place};
use crate::engine::orders::{Order, Orders, Stop};
use crate::engine::outbox::Outbox;
use crate::engine::rule_set::{Answers, RuleSet};
use crate::engine::socket::Socket;
use crate::engine::table::Table;
use crate::engine::transports::told_address;
use crate::framing::Assembler;
use crate::pattern::STEPS_AT_ONCE;
use crate::rule::{Hits, Moment, Once, Reply, Rule, Then};

/// What a message takes up besides its bytes while it waits for its reply, with its part of a task, at most.
pub(super) const PENDING_OVERHEAD: usize = 1024;

/// How many bytes of a stream are taken apart into messages before it is asked whether there is room for more.
const SLICE: usize = 256;

/// Why a datagram is not answered that comes while others wait.
pub(super) const NO_ROOM: &str = "too many replies wait to be sent already";

/// How often it is told that datagrams are not answered.
const BETWEEN_TELLING: Duration = Duration::from_secs(1);

/// What a socket owes.
pub(super) struct Work {
    pub(super) id: SocketId,
    pub(super) orders: Rc<Orders>,
    pub(super) outbox: Outbox,
    pub(super) rules: Rc<RuleSet>,
    /// All sockets: which of them answer each other.
    pub(super) table: Rc<Table>,
    /// Its place among them.
    _entry: Option<Entry>,
    /// By what the other end of a connection is known there, once that is known.
    pub(super) peer_key: OnceCell<Key>,
    /// Which of them sent what came last, and who that was, of a datagram; and how often the list had changed then.
    pub(super) partner: RefCell<(u64, Option<Address>, Option<Partner>)>,
    pub(super) endpoint: RefCell<Rc<Endpoint>>,
    pub(super) local: Option<Address>,
    /// Of a connection.
    pub(super) peer: Option<Address>,
    pub(super) of_datagrams: bool,
    /// Where the messages of a stream end.
    assembler: RefCell<Option<Assembler>>,
    /// How often the rules had let the messages pass by when it was made.
    gaps: Cell<u32>,
    /// What came and is not taken apart yet, and what it takes up meanwhile.
    rest: RefCell<Option<(Vec<u8>, Place)>>,
    pending: RefCell<VecDeque<Rc<Waiting>>>,
    /// How many of those are undecided.
    pub(super) undecided: Cell<usize>,
    /// The turn of its searches for a rule that take long.
    pub(super) search: Semaphore,
    /// How many steps finding rules may have taken since other sockets had their turn.
    steps: Cell<usize>,
    /// What both take up, together.
    pub(super) waiting: Rc<Held>,
    /// Whether somebody answers what is pending.
    is_running: Cell<bool>,
    /// Whether a reply is being sent that has no end.
    is_endless: Cell<bool>,
    /// Whether the connection closes as soon as all is sent.
    is_ending: Cell<bool>,
    /// Which rules have had their turn, of those that have one for each connection.
    pub(super) spent: RefCell<Vec<Hits>>,
    rows: RefCell<Vec<Fact>>,
    /// Datagrams that are not answered and not told yet: how many, by which rule, and why not.
    unanswered: RefCell<Option<(u64, Arc<Rule>, &'static str)>>,
    is_telling: Cell<bool>,
    /// The replies that answered those of other sockets of this bench, and when it was told last that they were too many.
    pub(super) exchanges: RefCell<BTreeMap<SocketId, Exchange>>,
    pub(super) told_of_rate: Cell<Option<Instant>>,
    /// Whether it was told that a rule wants a datagram socket closed.
    told_of_then: Cell<bool>,
    /// The order of the last file. Until it is sent no other is opened, for each takes up a descriptor.
    pub(super) last_file: Cell<u64>,
    began: Instant,
}

/// What waits to be answered.
pub(super) enum Waiting {
    Decided(Pending),
    /// A message whose rule takes long to be found.
    Undecided(Undecided),
}

/// A message that a rule is to answer.
pub(super) struct Pending {
    pub(super) rule: Arc<Rule>,
    /// For an echo with its framing, else without.
    pub(super) message: Arc<[u8]>,
    /// Where in it is what was captured, where that took long to find.
    pub(super) captures: Option<Vec<Range<usize>>>,
    pub(super) from: Option<Address>,
    pub(super) due: Instant,
    /// The turn of its program, where it has one already.
    pub(super) turn: Option<OwnedSemaphorePermit>,
    /// What it takes up meanwhile.
    #[expect(dead_code, reason = "it is given back when it is dropped")]
    pub(super) place: Place,
}

/// That a reply without an end is being sent, beside which nothing is answered.
pub(super) struct Endless<'a>(&'a Cell<bool>);

/// What is answered.
#[derive(Clone, Copy)]
pub(super) struct Came<'a> {
    pub(super) message: &'a [u8],
    pub(super) captures: &'a [&'a [u8]],
    /// Who sent it, of a datagram.
    pub(super) from: Option<&'a Address>,
}

impl Work {
    pub(super) fn new(socket: &Socket, endpoint: &Rc<Endpoint>, fd: BorrowedFd<'_>, of_datagrams: bool) -> Self {
        let sock = SockRef::from(&fd);
        let local = sock.local_addr().ok().map(|local| told_address(&local));
        let key = if of_datagrams { local.as_ref().map(Key::of_datagrams) } else { Key::of_connection(fd) };
        Self {
            id: socket.id,
            _entry: key.map(|key| socket.table.partners().enter(key, socket.id, &socket.orders)),
            table: Rc::clone(&socket.table),
            peer_key: OnceCell::new(),
            partner: RefCell::default(),
            orders: Rc::clone(&socket.orders),
            outbox: socket.outbox.clone(),
            rules: Rc::clone(&socket.rules),
            endpoint: RefCell::new(Rc::clone(endpoint)),
            local,
            peer: if of_datagrams { None } else { sock.peer_addr().ok().map(|peer| told_address(&peer)) },
            of_datagrams,
            assembler: RefCell::default(),
            gaps: Cell::new(socket.rules.gaps()),
            rest: RefCell::default(),
            pending: RefCell::default(),
            undecided: Cell::default(),
            search: Semaphore::new(1),
            steps: Cell::default(),
            waiting: Rc::new(Held::of(socket.table.budget())),
            is_running: Cell::default(),
            is_endless: Cell::default(),
            is_ending: Cell::default(),
            spent: RefCell::default(),
            rows: RefCell::default(),
            unanswered: RefCell::default(),
            is_telling: Cell::default(),
            exchanges: RefCell::default(),
            told_of_rate: Cell::default(),
            told_of_then: Cell::default(),
            last_file: Cell::default(),
            began: Instant::now(),
        }
    }

    /// Has the endpoint's options hold that may have been changed since.
    pub(super) fn follow(&self, endpoint: &Rc<Endpoint>) {
        if Rc::ptr_eq(endpoint, &self.endpoint.borrow()) {
            return;
        }
        let before = self.endpoint.replace(Rc::clone(endpoint));
        if before.framing() != endpoint.framing() {
            // What was left open by the framing before is no message of this one.
            self.assembler.replace(None);
        }
    }

    /// Takes what was received: a datagram, a whole message, or a part of a stream.
    pub(super) fn hear(&self, bytes: &[u8], from: Option<&Address>, fd: BorrowedFd<'_>) {
        if from.is_none()
            && self.peer_key.get().is_none()
            && let Some(key) = Key::of_peer(fd)
        {
            let _ = self.peer_key.set(key);
        }
        if self.gaps.replace(self.rules.gaps()) != self.rules.gaps() {
            self.assembler.replace(None);
            self.rest.take();
        }
        match self.rules.answers() {
            Answers::Nothing => {}
            Answers::Echo => self.echo(bytes, from),
            Answers::ByRule if from.is_some() || self.endpoint.borrow().framing().is_raw() => {
                self.decide(bytes, from, || bytes.to_vec());
            }
            Answers::ByRule => self.take_apart(bytes),
        }
    }

    /// Whether an echo of what comes now can be sent at once, with nothing else to be done.
    pub(super) fn is_free(&self) -> bool {
        let is_known = self.of_datagrams || self.peer_key.get().is_some();
        is_known && self.pending.borrow().is_empty() && self.orders.has_room_for_reply()
    }

    /// Counts what finding the rule of a message at once may take of the turn of other sockets.
    pub(super) fn count_steps(&self, message: &[u8]) {
        self.steps.set(self.steps.get().saturating_add(self.steps_of(message)));
    }

    /// Whether it is the turn of other sockets, which it is taken for once it is told.
    pub(super) fn must_yield(&self) -> bool {
        let must = self.steps.get() > STEPS_AT_ONCE;
        if must {
            self.steps.set(0);
        }
        must
    }

    /// Takes a step of the connection's life.
    pub(super) fn happened(&self, moment: Moment) {
        if moment == Moment::PeerClosed {
            self.hear_the_end();
            // Then nothing is sent that has no end.
            self.is_ending.set(self.endpoint.borrow().after_fin() == AfterFin::Close);
        }
        if self.is_over() {
            return;
        }
        let rules = self.rules.now();
        if let Some(rule) = rules.at(moment, |rule| self.is_spent(rule)) {
            self.apply(rule, Came { message: b"", captures: &[], from: None });
        }
    }

    /// Whether what is received now can be answered.
    pub(super) fn has_room(&self) -> bool {
        let can_reply = self.orders.has_room_for_reply() || self.orders.stopping().is_some();
        self.rest.borrow().is_none() && self.waiting.has_room() && can_reply
    }

    /// Whether a reply is still to be made that has an end.
    pub(super) fn is_busy(&self) -> bool {
        !self.pending.borrow().is_empty() && !self.is_endless.get()
    }

    pub(super) fn has_rows(&self) -> bool {
        !self.rows.borrow().is_empty()
    }

    /// Reports what is to be told.
    pub(super) async fn tell_rows(&self) {
        let rows = self.rows.take();
        for fact in rows {
            self.outbox.report(self.id, fact).await;
        }
    }

    /// Whether [`answer_in_order`](Self::answer_in_order) is to be begun.
    pub(super) fn needs_runner(&self) -> bool {
        !self.of_datagrams && (self.has_more() || self.silence().is_some()) && !self.is_running.replace(true)
    }

    /// Whether something waits to be answered or taken apart.
    fn has_more(&self) -> bool {
        !self.pending.borrow().is_empty() || self.rest.borrow().is_some()
    }

    /// Answers what is pending on a connection, one after the other, until nothing is left.
    pub(super) async fn answer_in_order(self: Rc<Self>) {
        loop {
            if self.is_over() {
                self.pending.borrow_mut().clear();
                self.undecided.set(0);
            }
            if self.rest.borrow().is_some() && self.must_yield() {
                yield_now().await;
            }
            let can_go_on = self.waiting.has_room() || self.pending.borrow().is_empty();
            let rest = self.rest.borrow_mut().take_if(|_| can_go_on);
            if let Some((rest, place)) = rest {
                drop(place);
                self.take_apart(&rest);
                // The stream may be read again.
                self.orders.touch();
            }
            if self.rest.borrow().is_none() {
                self.hear_silence();
            }
            self.tell_rows().await;
            let next = self.pending.borrow().front().cloned();
            if let Some(next) = next {
                self.answer_waiting(&next).await;
                self.pending.borrow_mut().pop_front();
                if let Waiting::Undecided(_) = *next {
                    self.undecided.set(self.undecided.get().saturating_sub(1));
                }
                // The stream may be read again, or close.
                self.orders.touch();
            } else if self.rest.borrow().is_some() {
                // The next round takes more of it.
            } else if let Some(silence) = self.silence().filter(|_| !self.is_over()) {
                tokio::select! {
                    () = sleep_until(silence) => {}
                    () = self.orders.until(|_| self.has_more().then_some(())) => {}
                }
            } else {
                self.pending.borrow_mut().shrink_to_fit();
                self.is_running.set(false);
                self.orders.touch();
                return;
            }
        }
    }

    /// A datagram that is to be answered by [`answer_one`](Self::answer_one).
    pub(super) fn next_datagram(&self) -> Option<Rc<Waiting>> {
        if self.of_datagrams { self.pending.borrow_mut().pop_front() } else { None }
    }

    /// Answers a datagram.
    pub(super) async fn answer_one(self: Rc<Self>, waiting: Rc<Waiting>) {
        self.answer_waiting(&waiting).await;
        self.tell_rows().await;
    }

    /// Whether [`tell_unanswered`](Self::tell_unanswered) is to be begun.
    pub(super) fn needs_teller(&self) -> bool {
        self.unanswered.borrow().is_some() && !self.is_telling.replace(true)
    }

    /// Tells how many datagrams are not answered, once a second, until all are told.
    pub(super) async fn tell_unanswered(self: Rc<Self>) {
        while let Some((count, rule, why)) = self.unanswered.take() {
            let datagrams = if count == 1 { "1 datagram is".to_owned() } else { format!("{count} datagrams are") };
            self.note(&rule, format!("{datagrams} not answered: {why}"));
            self.tell_rows().await;
            sleep(BETWEEN_TELLING).await;
        }
        self.is_telling.set(false);
    }

    /// Takes a stream apart into messages, as far as there is room for what answers them.
    fn take_apart(&self, chunk: &[u8]) {
        if chunk.is_empty() {
            return;
        }
        let mut assembler = self.assembler.take();
        let open = assembler.get_or_insert_with(|| Assembler::new(self.endpoint.borrow().framing().clone()));
        let at = self.nanos(Instant::now());
        for (number, slice) in chunk.chunks(SLICE).enumerate() {
            if !self.waiting.has_room() || self.steps.get() > STEPS_AT_ONCE {
                let rest = chunk[number * SLICE..].to_vec();
                let place = self.waiting.place(rest.len());
                self.rest.replace(Some((rest, place)));
                self.orders.touch();
                break;
            }
            open.push_framed(slice, at, |message| self.decide(message.payload, None, || message.as_it_came()));
        }
        self.assembler.replace(assembler);
    }

    /// Takes the message that has ended by now because nothing more came.
    fn hear_silence(&self) {
        let mut assembler = self.assembler.take();
        if let Some(open) = &mut assembler {
            open.expire(self.nanos(Instant::now()), |message, _| self.decide(message, None, || message.to_vec()));
        }
        self.assembler.replace(assembler);
    }

    /// Takes what is left at the end of a stream.
    fn hear_the_end(&self) {
        if let Some(mut open) = self.assembler.take() {
            open.end_framed(|message| self.decide(message.payload, None, || message.as_it_came()));
        }
    }

    /// When the open message of the stream ends by itself.
    fn silence(&self) -> Option<Instant> {
        let deadline = self.assembler.borrow().as_ref().and_then(Assembler::deadline)?;
        Some(self.began + Duration::from_nanos(deadline))
    }

    fn nanos(&self, at: Instant) -> u64 {
        u64::try_from(at.duration_since(self.began).as_nanos()).unwrap_or(u64::MAX)
    }

    /// Sends back what came.
    pub(super) fn echo(&self, bytes: &[u8], from: Option<&Address>) {
        if self.is_over() || self.is_endless.get() {
            return;
        }
        let echo = self.rules.echo();
        let Some(rule) = &*echo else { return };
        if !self.may_answer(rule, from) {
            return;
        }
        let can_be_sent = self.pending.borrow().is_empty() && self.orders.has_room_for_reply();
        if can_be_sent {
            rule.hits.count();
            self.push(rule, Order::new(Ticket::ENGINE, bytes.into(), from.cloned()));
        } else {
            self.apply(rule, Came { message: bytes, captures: &[], from });
        }
    }

    /// Has a message answered by its rule. `as_it_came` is the message with its framing.
    fn decide(&self, message: &[u8], from: Option<&Address>, as_it_came: impl FnOnce() -> Vec<u8>) {
        if self.is_over() || self.is_endless.get() {
            return;
        }
        let rules = self.rules.now();
        if self.must_wait_for_its_rule(message) {
            return self.decide_later(&rules, message, from, as_it_came());
        }
        self.count_steps(message);
        let Some((rule, found)) = rules.answer(message, |rule| self.is_spent(rule)) else { return };
        if !self.may_answer(rule, from) {
            return;
        }
        if rule.is_echo() {
            self.apply(rule, Came { message: &as_it_came(), captures: &[], from });
        } else {
            self.apply(rule, Came { message, captures: &found.captures, from });
        }
    }

    pub(super) fn is_spent(&self, rule: &Arc<Rule>) -> bool {
        is_spent(rule, &self.spent.borrow())
    }

    /// Counts that a rule applies.
    pub(super) fn spend(&self, rule: &Arc<Rule>) {
        rule.hits.count();
        if rule.once == Once::Connection {
            self.spent.borrow_mut().push(rule.hits.clone());
        }
    }

    /// Does what a rule says, now or when its time has come.
    fn apply(&self, rule: &Arc<Rule>, came: Came<'_>) {
        let can_wait = self.of_datagrams || self.pending.borrow().is_empty();
        let is_due = rule.delay.is_zero() && can_wait && self.orders.has_room_for_reply();
        self.tell_of_then(rule);
        match &rule.reply {
            Reply::Nothing if self.then(rule) == Then::Keep => self.spend(rule),
            Reply::Message(template) if is_due && self.then(rule) == Then::Keep => {
                self.spend(rule);
                self.send_message(rule, template, came, "");
            }
            reply => {
                if self.of_datagrams && !self.waiting.has_room() {
                    return self.leave_unanswered(rule, NO_ROOM);
                }
                let mut turn = None;
                if self.of_datagrams && matches!(reply, Reply::Program { .. }) {
                    let Ok(free) = Arc::clone(self.table.programs()).try_acquire_owned() else {
                        return self.leave_unanswered(rule, "16 programs are answering others");
                    };
                    // One that is late would keep others waiting meanwhile; it waits for its turn when it is due.
                    turn = rule.delay.is_zero().then_some(free);
                }
                self.spend(rule);
                self.wait(Waiting::Decided(Pending {
                    rule: Arc::clone(rule),
                    message: came.message.into(),
                    captures: None,
                    from: came.from.cloned(),
                    due: Instant::now() + rule.delay,
                    turn,
                    place: self.waiting.place(came.message.len() + PENDING_OVERHEAD),
                }));
            }
        }
    }

    /// Tells once what a datagram socket can't do of what a rule says.
    pub(super) fn tell_of_then(&self, rule: &Rule) {
        if self.of_datagrams && rule.then != Then::Keep && !self.told_of_then.replace(true) {
            let message = format!("`then = \"{}\"` does nothing here: a datagram socket has no connection", rule.then);
            self.note(rule, message);
        }
    }

    /// Has a task come to it.
    pub(super) fn wait(&self, waiting: Waiting) {
        self.pending.borrow_mut().push_back(Rc::new(waiting));
        self.orders.touch();
    }

    async fn answer_waiting(&self, waiting: &Waiting) {
        match waiting {
            Waiting::Decided(pending) => self.answer(pending).await,
            Waiting::Undecided(undecided) => self.decide_aside(undecided).await,
        }
    }

    /// Has something told of what a rule did.
    pub(super) fn note(&self, rule: &Rule, message: impl Into<String>) {
        self.rows.borrow_mut().push(Fact::Rule { name: rule.name.clone(), message: message.into() });
    }

    /// What becomes of the connection after a reply.
    pub(super) fn then(&self, rule: &Rule) -> Then {
        if self.of_datagrams { Then::Keep } else { rule.then }
    }

    /// Whether a reply without an end may go on.
    pub(super) fn can_be_endless(&self) -> bool {
        !self.is_ending.get()
    }

    /// Says that a reply without an end is being sent, for as long as what it returns is kept.
    pub(super) fn begin_endless(&self) -> Endless<'_> {
        self.is_endless.set(true);
        Endless(&self.is_endless)
    }

    /// Whether nothing is answered any more: the socket closes, or all that is sent fails.
    pub(super) fn is_over(&self) -> bool {
        self.orders.stopping() >= Some(Stop::Close) || self.orders.is_broken()
    }

    pub(super) fn leave_unanswered(&self, rule: &Arc<Rule>, why: &'static str) {
        let mut unanswered = self.unanswered.borrow_mut();
        let count = unanswered.as_ref().map_or(0, |(count, ..)| *count);
        *unanswered = Some((count + 1, Arc::clone(rule), why));
    }
}

impl Drop for Endless<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}
