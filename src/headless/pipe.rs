//! The composition root that joins one socket with standard input and output: `sockbench pipe`.
//!
//! Owns what the two ends of the pipe mean for the socket: the end of input is FIN, a reader that is slow is
//! backpressure, the end of the connection is the end of the program. It keeps no log, and never looks into the bytes.

mod input;
mod output;
mod progress;

use std::collections::VecDeque;
use std::io::{self, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep_until, timeout};

use super::farewell::{FAREWELL, end_signals, farewell};
use crate::cli::Pipe;
use crate::contract::{
    Address, Batch, Clock, CloseHow, CloseReason, Command, Direction, Endpoint, Event, Fact, NetError, Operation,
    Progress, ReportContent, Role, Scheme, SocketId, SocketIds, Target, Ticket,
};
use crate::engine::{self, Batches, EngineHandle};
use crate::os;
use crate::outcome::{EndSignals, Outcome};
use crate::startup::{complaint, configure, point_at};

use output::{Output, Piece};
use progress::Meter;

/// What is read from standard input at once, in bytes, for a stream.
const STREAM_PIECE: usize = 256 * 1024;

/// The same where each is a message: the longest datagram of UDP over IPv4.
const MESSAGE_PIECE: usize = 65_507;

/// How many bytes, and how many orders, may be with the engine and not sent.
const UNSENT_BYTES: usize = 4 * 1024 * 1024;
const UNSENT_ORDERS: usize = 256;

/// After the end of input, datagrams end when there was no traffic for so long.
const QUIET: Duration = Duration::from_secs(1);

/// Joins a socket with standard input and output.
///
/// # Errors
/// When the engine can't be started, standard input can't be read, or standard output can't be written to.
pub fn run(arguments: &Pipe) -> anyhow::Result<Outcome> {
    if let Err(message) = configure(&arguments.start, None) {
        return Ok(Outcome::Invalid(message));
    }
    let endpoint: Endpoint = match arguments.endpoint.parse() {
        Ok(endpoint) => endpoint,
        Err(error) => return Ok(Outcome::Invalid(point_at(&arguments.endpoint, &error))),
    };
    if endpoint.scheme == Scheme::Pair {
        let message =
            "sockbench: both ends of a pair are here, so there is nobody to pipe to; open it in the workbench";
        return Ok(Outcome::Invalid(message.to_owned()));
    }
    let runtime = os::runtime()?;
    runtime.block_on(async {
        let mut signals = end_signals()?;
        let mut joint = Joint::open(endpoint, arguments)?;
        let ended = joint.serve(&mut signals).await;
        if ended.is_err() {
            // The peer hears of it in an orderly way; what fails besides is told by the first error.
            let _ = timeout(FAREWELL, joint.close()).await;
        }
        let ended = farewell(ended, joint.leave(), &mut signals).await;
        joint.meter.tell_all();
        // A file that could not be saved to the end is told of last.
        Ok(ended.map(|ended| if ended == Outcome::Done { joint.done() } else { ended })?)
    })
}

/// A socket, standard input and standard output.
struct Joint {
    engine: Arc<EngineHandle>,
    batches: Batches,
    endpoint: Endpoint,
    root: SocketId,
    /// The file that is sent instead of the input, until it is ordered.
    file: Option<PathBuf>,
    /// `None` after its end.
    input: Option<Receiver<io::Result<Arc<[u8]>>>>,
    output: Output,
    meter: Meter,
    /// When the time that was given is over.
    end: Option<Instant>,
    /// The root is open.
    opened: bool,
    /// The socket that carries the bytes: the root, or of a listener the first connection.
    link: Option<SocketId>,
    /// Whether there is someone to send to.
    has_peer: bool,
    /// What is with the engine and not sent: its ticket and its length, in order.
    unsent: VecDeque<(Ticket, usize)>,
    next_ticket: Ticket,
    /// Something that was to be sent or saved was not.
    incomplete: bool,
    /// What failed last on the link; of datagrams, unless an answer came after it.
    failure: Option<NetError>,
    /// When there last was traffic.
    latest: Instant,
    lost: u64,
    /// The last sentence on standard error, so that one that repeats is said once.
    said: String,
}

impl Joint {
    fn open(endpoint: Endpoint, arguments: &Pipe) -> io::Result<Self> {
        let ids = SocketIds::new();
        let root = ids.mint();
        let (engine, batches) = engine::start(ids, Clock::start())?;
        let engine = Arc::new(engine);
        let output = Output::start(Arc::clone(&engine))?;
        let apart = endpoint.keeps_messages_apart();
        let piece = if apart { MESSAGE_PIECE } else { STREAM_PIECE };
        let joint = Self {
            engine,
            batches,
            root,
            input: if arguments.send.is_none() { Some(input::start(piece, !apart)?) } else { None },
            output,
            meter: Meter::start(arguments.progress),
            end: arguments.duration.map(|duration| Instant::now() + duration),
            opened: false,
            link: None,
            has_peer: false,
            unsent: VecDeque::new(),
            next_ticket: Ticket::default(),
            incomplete: false,
            file: arguments.send.clone(),
            failure: None,
            latest: Instant::now(),
            lost: 0,
            said: String::new(),
            endpoint: endpoint.clone(),
        };
        joint.order(Command::Open { socket: root, endpoint });
        Ok(joint)
    }

    async fn serve(&mut self, signals: &mut EndSignals) -> io::Result<Outcome> {
        loop {
            self.send_file();
            let deadline = self.deadline();
            let wants_input = self.wants_input();
            tokio::select! {
                biased;
                signal = signals.next() => return Ok(Outcome::Signal(signal)),
                error = self.output.failure() => return Err(error),
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    return Ok(self.out_of_time());
                }
                batch = self.batches.next() => {
                    let batch = batch.ok_or_else(|| io::Error::other("the engine ended by itself"))?;
                    if let Some(outcome) = self.take(batch) {
                        return Ok(outcome);
                    }
                }
                piece = next_piece(self.input.as_mut()), if wants_input => match piece {
                    Some(piece) => self.send(piece?),
                    None => self.end_input(),
                },
                () = self.meter.due() => self.meter.tell(),
            }
        }
    }

    /// When it is to end by itself.
    fn deadline(&self) -> Option<Instant> {
        let over = self.endpoint.scheme.is_datagram()
            && self.has_peer
            && self.input.is_none()
            && self.file.is_none()
            && self.unsent.is_empty()
            && self.endpoint.idle_timeout().is_none();
        self.end.or_else(|| over.then(|| self.latest + QUIET))
    }

    fn wants_input(&self) -> bool {
        let waiting: usize = self.unsent.iter().map(|(_, len)| len).sum();
        self.has_peer && self.input.is_some() && waiting < UNSENT_BYTES && self.unsent.len() < UNSENT_ORDERS
    }

    fn send(&mut self, bytes: Arc<[u8]>) {
        let Some(link) = self.link else { return };
        let ticket = self.next_ticket;
        self.next_ticket = Ticket(ticket.0 + 1);
        self.unsent.push_back((ticket, bytes.len()));
        self.order(Command::Send { ticket, target: Target::Socket(link), bytes });
    }

    /// Sends the file, if there is one and someone to send it to.
    fn send_file(&mut self) {
        let (true, Some(link), Some(path)) = (self.has_peer, self.link, &self.file) else { return };
        let ticket = self.next_ticket;
        self.unsent.push_back((ticket, 0));
        self.order(Command::SendFile { ticket, target: Target::Socket(link), path: path.clone() });
        self.file = None;
        // FIN comes after what is ordered before it.
        self.end_input();
    }

    /// After the end of input a stream says FIN; a datagram socket has no such thing.
    fn end_input(&mut self) {
        self.input = None;
        self.latest = Instant::now();
        if let Some(link) = self.link.filter(|_| !self.endpoint.scheme.is_datagram()) {
            self.order(Command::Close { socket: link, how: CloseHow::HalfClose, by: CloseReason::User });
        }
    }

    /// Has the bytes of a batch written, and learns from its events; what it says if it is over.
    fn take(&mut self, batch: Batch) -> Option<Outcome> {
        // Before the events, of which the last may be the end.
        for report in &batch.reports {
            if let ReportContent::Progress(Progress { ticket, direction: Direction::Sending, done, ended, .. }) =
                report.content
            {
                self.meter.set_sent(done);
                if ended {
                    self.settle(ticket, 0);
                }
            }
        }
        let mut parts: Vec<Range<usize>> = Vec::new();
        let mut outcome = None;
        for event in &batch.events {
            match &event.fact {
                Fact::Received { bytes, peer, .. } if Some(event.socket) == self.link => {
                    self.has_peer = true;
                    self.answered(peer.as_ref());
                    self.meter.count_received(bytes.len);
                    let part = bytes.range();
                    match parts.last_mut() {
                        Some(last) if last.end == part.start => last.end = part.end,
                        _ => parts.push(part),
                    }
                }
                _ => {
                    let end = self.learn(event);
                    outcome = outcome.or(end);
                }
            }
        }
        if self.endpoint.scheme.is_datagram() {
            self.latest = Instant::now();
        }
        if parts.is_empty() {
            self.engine.recycle(batch.block);
        } else {
            self.output.write(Piece { block: batch.block, parts });
        }
        outcome
    }

    fn learn(&mut self, event: &Event) -> Option<Outcome> {
        let is_link = Some(event.socket) == self.link;
        match &event.fact {
            Fact::Opened { local, .. } => {
                self.opened = true;
                self.announce(local);
                if self.endpoint.scheme.is_datagram() {
                    self.link = Some(self.root);
                    self.has_peer |= self.endpoint.scheme.spec().role == Role::DatagramClient;
                }
            }
            Fact::Connected { .. } => {
                (self.opened, self.has_peer) = (true, true);
                self.link = Some(self.root);
            }
            Fact::Accepted { .. } if self.link.is_none() => {
                self.has_peer = true;
                self.link = Some(event.socket);
                self.order(Command::Close { socket: self.root, how: CloseHow::Normal, by: CloseReason::User });
            }
            // It came before listening stopped. Its peer hears what it would have heard of the closed port.
            Fact::Accepted { .. } => {
                self.order(Command::Close { socket: event.socket, how: CloseHow::Abort, by: CloseReason::User });
            }
            Fact::Sent { ticket, bytes, remaining, .. } => {
                self.meter.count_sent(bytes.len);
                self.settle(*ticket, *remaining);
            }
            Fact::SendFailed { ticket, error } => {
                self.incomplete = true;
                self.settle(*ticket, 0);
                if self.endpoint.scheme.is_datagram() {
                    self.say(&error.to_string());
                } else {
                    self.failure.get_or_insert_with(|| error.as_ref().clone());
                }
            }
            Fact::Failed(error) if is_link => {
                self.failure = Some(error.as_ref().clone());
                // The file that `save` names.
                self.incomplete |= error.operation == Operation::Write;
                if self.endpoint.scheme.is_datagram() {
                    self.say(&error.to_string());
                }
            }
            Fact::Failed(error) if !self.opened && self.endpoint.reconnect().is_none() => {
                return Some(Outcome::NotOpened(complaint(&error.to_string())));
            }
            Fact::Failed(error) => self.say(&error.to_string()),
            Fact::Closed { reason } if is_link => return Some(self.closed(*reason)),
            Fact::Closed { .. } if self.link.is_none() && event.socket == self.root => {
                return Some(self.done());
            }
            Fact::Lost { count, .. } => self.lost += count,
            Fact::Note { name, message } if name == "save" => self.say(message),
            _ => {}
        }
        None
    }

    /// Something came, and if it came from there where something failed, that is over.
    fn answered(&mut self, peer: Option<&Address>) {
        let failed = self.failure.as_ref().and_then(|error| error.address.as_deref());
        let is_of = |address: &str| peer.is_some_and(|peer| peer.to_string() == address);
        if failed.is_none_or(is_of) && !self.incomplete {
            self.failure = None;
        }
    }

    /// Counts down what an order still has to send.
    fn settle(&mut self, ticket: Ticket, remaining: u64) {
        if let Some(index) = self.unsent.iter().position(|(unsent, _)| *unsent == ticket) {
            if remaining == 0 {
                self.unsent.remove(index);
            } else if let Ok(remaining) = usize::try_from(remaining) {
                self.unsent[index].1 = remaining;
            }
        }
    }

    /// What the end of the connection is.
    fn closed(&mut self, reason: CloseReason) -> Outcome {
        let broken = matches!(reason, CloseReason::Reset | CloseReason::Error | CloseReason::Timeout);
        match self.failure.take() {
            Some(error) if broken || self.incomplete => Outcome::Broken(complaint(&error.to_string())),
            None if matches!(reason, CloseReason::Reset | CloseReason::Error) => {
                Outcome::Broken("sockbench: the peer aborted the connection (RST)".to_owned())
            }
            _ if self.has_more() => Outcome::Broken("sockbench: the connection ended before all was sent".to_owned()),
            _ => Outcome::Done,
        }
    }

    /// Whether something is still to be sent that is known of.
    fn has_more(&mut self) -> bool {
        let waits = self.input.as_mut().is_some_and(|input| matches!(input.try_recv(), Ok(Ok(_))));
        waits || self.file.is_some() || !self.unsent.is_empty()
    }

    /// What it means that the time is over.
    fn out_of_time(&mut self) -> Outcome {
        if !self.opened {
            return Outcome::NotOpened(complaint("it was not open in its time"));
        }
        if !self.has_peer && self.has_more() {
            return Outcome::Broken(complaint("nobody came to whom the input could be sent"));
        }
        self.done()
    }

    /// The end that was to be expected, unless something is missing.
    fn done(&self) -> Outcome {
        let has_one_peer = self.endpoint.scheme.spec().role == Role::DatagramClient;
        match &self.failure {
            Some(error) if self.incomplete => Outcome::Broken(complaint(&error.to_string())),
            None if self.incomplete => Outcome::Broken(complaint("not all was sent")),
            Some(error) if has_one_peer => {
                let name = error.code().unwrap_or_else(|| "an error".into());
                Outcome::Broken(complaint(&format!("the last that was heard of the peer is {name}")))
            }
            _ => Outcome::Done,
        }
    }

    /// Closes the socket, and takes what is still received meanwhile.
    async fn close(&mut self) {
        self.order(Command::ShutDown);
        while let Some(batch) = self.batches.next().await {
            // It ends already.
            let _ = self.take(batch);
        }
    }

    /// Closes the socket, and waits until all that was received is written.
    async fn leave(&mut self) -> io::Result<()> {
        self.close().await;
        if self.lost > 0 {
            let (lost, are) = (self.lost, if self.lost == 1 { "datagram is" } else { "datagrams are" });
            self.say(&format!("{lost} {are} lost: standard output was too slow"));
        }
        self.output.finish().await
    }

    /// Says where peers find a socket that waits for them.
    fn announce(&mut self, local: &Address) {
        let does = match self.endpoint.scheme.spec().role {
            Role::Listener => "listening on",
            Role::DatagramServer => "bound to",
            Role::Client | Role::DatagramClient | Role::Pair => return,
        };
        let exposed = if local.is_wildcard() { " (EXPOSED: on every interface)" } else { "" };
        self.say(&format!("{does} {local}{exposed}"));
    }

    /// Says something on standard error, unless it is what was just said.
    fn say(&mut self, sentence: &str) {
        if self.said != sentence {
            // Where nobody can read it any more, the bytes go on.
            let _ = writeln!(io::stderr(), "{}", complaint(sentence));
            sentence.clone_into(&mut self.said);
        }
    }

    fn order(&self, command: Command) {
        // Refused only by an engine that has ended, which its batches tell.
        let _ = self.engine.try_order(command);
    }
}

/// The next piece of the input; `None` after its end.
async fn next_piece(input: Option<&mut Receiver<io::Result<Arc<[u8]>>>>) -> Option<io::Result<Arc<[u8]>>> {
    input?.recv().await
}
