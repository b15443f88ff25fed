//! An engine under test, and all that it has reported.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use sockbench::contract::{
    Batch, Clock, CloseHow, CloseReason, Command, Endpoint, Fact, NetError, Progress, Report, ReportContent, SocketId,
    SocketIds, SocketView, Target, Ticket,
};
use sockbench::engine::{Batches, EngineHandle, start};

/// How long a test waits for something before it gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// One event, with its bytes taken out of the batch.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) socket: SocketId,
    pub(crate) fact: Fact,
    pub(crate) bytes: Vec<u8>,
}

/// An engine, and all that it has reported.
pub(crate) struct Bench {
    pub(crate) engine: EngineHandle,
    pub(crate) batches: Batches,
    pub(crate) ids: SocketIds,
    pub(crate) seen: Vec<Seen>,
    pub(crate) reports: Vec<Report>,
    /// How much of `seen` has been waited for.
    pub(crate) at: usize,
    pub(crate) tickets: u64,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let ids = SocketIds::new();
        let (engine, batches) = start(ids.clone(), Clock::start()).unwrap();
        Self { engine, batches, ids, seen: Vec::new(), reports: Vec::new(), at: 0, tickets: 0 }
    }

    pub(crate) fn order(&self, command: Command) {
        self.engine.try_order(command).unwrap();
    }

    pub(crate) fn open(&self, url: &str) -> SocketId {
        let socket = self.ids.mint();
        self.order(Command::Open { socket, endpoint: url.parse::<Endpoint>().unwrap() });
        socket
    }

    pub(crate) fn send(&mut self, target: Target, bytes: &[u8]) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.order(Command::Send { ticket, target, bytes: bytes.into() });
        ticket
    }

    pub(crate) fn close(&self, socket: SocketId, how: CloseHow) {
        self.order(Command::Close { socket, how, by: CloseReason::User });
    }

    pub(crate) fn keep(&mut self, batch: Batch) {
        for event in &batch.events {
            let bytes = match &event.fact {
                Fact::Received { bytes, .. } | Fact::Sent { bytes, .. } => batch.bytes(*bytes).to_vec(),
                _ => Vec::new(),
            };
            self.seen.push(Seen { socket: event.socket, fact: event.fact.clone(), bytes });
        }
        self.reports.extend(batch.reports);
        self.engine.recycle(batch.block);
    }

    /// The next event, after those waited for before, of which `wanted` is true.
    pub(crate) async fn next(&mut self, wanted: impl Fn(&Seen) -> bool) -> Seen {
        loop {
            while self.at < self.seen.len() {
                self.at += 1;
                if wanted(&self.seen[self.at - 1]) {
                    return self.seen[self.at - 1].clone();
                }
            }
            let batch = tokio::time::timeout(PATIENCE, self.batches.next()).await;
            let batch = batch.unwrap_or_else(|_| panic!("it never came; seen: {:#?}", self.last_few()));
            let batch = batch.unwrap_or_else(|| panic!("the engine ended; seen: {:#?}", self.last_few()));
            self.keep(batch);
        }
    }

    pub(crate) async fn next_of<T>(&mut self, socket: SocketId, pick: impl Fn(&Fact) -> Option<T>) -> T {
        let seen = self.next(|seen| seen.socket == socket && pick(&seen.fact).is_some()).await;
        pick(&seen.fact).unwrap()
    }

    pub(crate) fn last_few(&self) -> &[Seen] {
        &self.seen[self.seen.len().saturating_sub(20)..]
    }

    pub(crate) async fn opened(&mut self, socket: SocketId) -> SocketAddr {
        self.next_of(socket, |fact| match fact {
            Fact::Opened { local, .. } => local.socket_address(),
            _ => None,
        })
        .await
    }

    pub(crate) async fn connected(&mut self, socket: SocketId) {
        self.next_of(socket, |fact| matches!(fact, Fact::Connected { .. }).then_some(())).await;
    }

    /// The next connection that a listener accepts.
    pub(crate) async fn accepted(&mut self, listener: SocketId) -> (SocketId, u32) {
        let seen = self.next(|seen| matches!(seen.fact, Fact::Accepted { parent, .. } if parent == listener)).await;
        match seen.fact {
            Fact::Accepted { number, .. } => (seen.socket, number),
            _ => unreachable!(),
        }
    }

    pub(crate) async fn closed(&mut self, socket: SocketId) -> CloseReason {
        self.next_of(socket, |fact| match fact {
            Fact::Closed { reason } => Some(*reason),
            _ => None,
        })
        .await
    }

    pub(crate) async fn failed(&mut self, socket: SocketId) -> NetError {
        self.next_of(socket, |fact| match fact {
            Fact::Failed(error) => Some((**error).clone()),
            _ => None,
        })
        .await
    }

    /// What the next note of this name says.
    pub(crate) async fn note(&mut self, socket: SocketId, about: &str) -> String {
        self.next_of(socket, |fact| match fact {
            Fact::Note { name, message } if name == about => Some(message.clone()),
            _ => None,
        })
        .await
    }

    /// How far files have come, as it was told.
    pub(crate) fn progress(&self) -> impl Iterator<Item = &Progress> {
        self.reports.iter().filter_map(|report| match &report.content {
            ReportContent::Progress(progress) => Some(progress),
            ReportContent::View(_) => None,
        })
    }

    /// The next view of the kernel's that is told; what was ordered before it is done by then.
    pub(crate) async fn viewed(&mut self) -> SocketView {
        loop {
            let view = self.reports.iter().position(|report| matches!(report.content, ReportContent::View(_)));
            if let Some(ReportContent::View(view)) = view.map(|view| self.reports.remove(view).content) {
                return *view;
            }
            let batch = tokio::time::timeout(PATIENCE, self.batches.next()).await.unwrap().unwrap();
            self.keep(batch);
        }
    }

    pub(crate) async fn send_failed(&mut self, socket: SocketId, ticket: Ticket) -> NetError {
        self.next_of(socket, |fact| match fact {
            Fact::SendFailed { ticket: of, error } if *of == ticket => Some((**error).clone()),
            _ => None,
        })
        .await
    }

    /// Receives on a socket until it has `len` bytes more.
    pub(crate) async fn received(&mut self, socket: SocketId, len: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < len {
            let seen = self.next(|seen| seen.socket == socket && matches!(seen.fact, Fact::Received { .. })).await;
            bytes.extend(seen.bytes);
        }
        bytes
    }

    pub(crate) fn calls(&self, socket: SocketId) -> Vec<(String, String, String)> {
        let calls = self.seen.iter().filter(|seen| seen.socket == socket);
        calls
            .filter_map(|seen| match &seen.fact {
                Fact::Call { call, args, result } => Some((call.to_string(), args.clone(), result.clone())),
                _ => None,
            })
            .collect()
    }

    /// A listener, a connection to it from outside, and the id of its end here.
    pub(crate) async fn pair(&mut self, options: &str) -> (SocketId, SocketId, TcpStream) {
        let listener = self.open(&format!("tcp-listen://127.0.0.1:0{options}"));
        let address = self.opened(listener).await;
        let peer = TcpStream::connect(address).unwrap();
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        let (child, _) = self.accepted(listener).await;
        (listener, child, peer)
    }
}

/// Bytes in which a shift, a repetition or a loss shows.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// A listener whose queue of connections is full, so that it answers no SYN any more.
pub(crate) fn silent_listener() -> (socket2::Socket, Vec<TcpStream>, SocketAddr) {
    let silent = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    silent.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    silent.listen(0).unwrap();
    let address = silent.local_addr().unwrap().as_socket().unwrap();
    let waiting = std::iter::from_fn(|| TcpStream::connect_timeout(&address, Duration::from_millis(300)).ok());
    let waiting: Vec<_> = waiting.take(10).collect();
    assert!(waiting.len() < 10, "the backlog never filled");
    (silent, waiting, address)
}
