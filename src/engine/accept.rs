//! What all listeners share: the loop that accepts, and the limit on how many connections are open.
//!
//! Owns what becomes of an accepted connection: it is a child of its listener and lives in the pump, or is closed at
//! once and counted. Knows listeners by a trait only. It never binds anything.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::SockRef;
use tokio::time::{Instant, sleep, sleep_until};

use super::pump;
use super::socket::{Ending, Socket};
use super::socket_options::{LiveEndpoint, attend};
use super::stream::Stream;
use crate::contract::{Address, Endpoint, Fact, NetError, Operation};
use crate::os;
use crate::rule::Moment;

/// How long to wait after `accept(2)` failed, so that a lack of descriptors is five rows a second and no load.
const AFTER_ERROR: Duration = Duration::from_millis(200);

/// How often it is told at most that connections were closed at once.
const BETWEEN_NOTES: Duration = Duration::from_secs(1);

/// A listening socket that never blocks.
pub(super) trait Listener: AsFd {
    /// What `accept(2)` gives.
    type Accepted: AsFd + 'static;
    /// What the pump lives on.
    type Stream: Stream;

    /// `accept(2)`: a connection and its peer.
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Self::Accepted, Address)>>;

    /// `getsockname(2)` of a connection.
    fn local(accepted: &Self::Accepted) -> io::Result<Address>;

    /// Makes a stream of a connection whose first fact is reported.
    async fn begin(accepted: Self::Accepted, socket: &Socket, endpoint: &Endpoint) -> Result<Self::Stream, NetError>;
}

/// Lives a listener's life to its end: accepts on all of `listeners`, which have one endpoint.
pub(super) async fn run<L: Listener>(socket: &Socket, endpoint: Rc<Endpoint>, listeners: &[L]) -> Ending {
    let endpoint = RefCell::new(endpoint);
    let fds: Vec<_> = listeners.iter().map(AsFd::as_fd).collect();
    tokio::select! {
        biased;
        reason = socket.refuse_half_closes() => Ending::Closed(reason),
        never = accept_all(socket, &endpoint, listeners) => match never {},
        never = attend(socket, &endpoint, &fds) => match never {},
    }
}

/// A place among the connections that may be open; dropping it gives it back.
struct Place(Rc<Cell<u32>>);

impl Place {
    fn take(open: &Rc<Cell<u32>>) -> Self {
        open.set(open.get() + 1);
        Self(Rc::clone(open))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// Connections that were closed at once. Those that are not told yet are told when it is dropped.
struct TurnedAway<'a> {
    socket: &'a Socket,
    /// How many are open.
    open: &'a Cell<u32>,
    count: u32,
    told: Option<Instant>,
}

impl TurnedAway<'_> {
    /// Waits until they may be told.
    async fn due(&self) {
        match self.told {
            _ if self.count == 0 => std::future::pending().await,
            Some(told) => sleep_until(told + BETWEEN_NOTES).await,
            None => {}
        }
    }

    fn tell(&mut self) {
        let open = self.open.get();
        let connections = if self.count == 1 { "connection" } else { "connections" };
        let are = if open == 1 { "is" } else { "are" };
        let count = std::mem::take(&mut self.count);
        let why = format!("{open} {are} open, the most that max-connections allows");
        let message = format!("{count} {connections} closed at once: {why}");
        self.socket.outbox.push(self.socket.id, Fact::Note { name: "max-connections".into(), message });
        self.told = Some(Instant::now());
    }
}

impl Drop for TurnedAway<'_> {
    fn drop(&mut self) {
        if self.count > 0 {
            self.tell();
        }
    }
}

async fn accept_all<L: Listener>(socket: &Socket, endpoint: &LiveEndpoint, listeners: &[L]) -> Infallible {
    let open = socket.table.open_connections(socket.id);
    let mut turned_away = TurnedAway { socket, open: &open, count: 0, told: None };
    let mut turn = 0;
    loop {
        // While nobody takes what is reported, connections wait in the backlog, and not here.
        socket.outbox.room_for(0).await;
        let address = || Some(endpoint.borrow().address.to_string());
        if let Err(error) = socket.table.reserve.restock() {
            if is_asked(listeners) {
                socket.fail(NetError::from_io(Operation::Accept, address(), &error)).await;
            }
            sleep(AFTER_ERROR).await;
            continue;
        }
        let accepted = tokio::select! {
            biased;
            () = turned_away.due() => {
                turned_away.tell();
                continue;
            }
            accepted = accept(listeners, turn) => accepted,
        };
        match accepted {
            Ok((connection, peer)) => {
                let endpoint = Rc::clone(&endpoint.borrow());
                if endpoint.max_connections().is_some_and(|most| open.get() >= most) {
                    turned_away.count += 1;
                    if endpoint.linger().is_some() {
                        // It has the option of its listener, and its close would hold up everybody.
                        let _ = os::call("setsockopt", || SockRef::from(&connection).set_linger(None));
                    }
                } else {
                    turn = socket.table.next_number(socket.id);
                    adopt::<L>(socket, endpoint, connection, peer, turn, Place::take(&open));
                }
            }
            Err(error) => {
                let errno = error.raw_os_error().map(Errno::from_raw);
                if matches!(errno, Some(Errno::EMFILE | Errno::ENFILE)) {
                    socket.table.reserve.release();
                }
                socket.fail(NetError::from_io(Operation::Accept, address(), &error)).await;
                if errno != Some(Errno::ECONNABORTED) {
                    sleep(AFTER_ERROR).await;
                }
            }
        }
    }
}

/// The next connection of any of the listeners; they take turns at being asked first.
async fn accept<L: Listener>(listeners: &[L], turn: u32) -> io::Result<(L::Accepted, Address)> {
    let first = turn as usize % listeners.len().max(1);
    poll_fn(|cx| {
        for listener in listeners.iter().cycle().skip(first).take(listeners.len()) {
            let asked = os::call("accept4", || match listener.poll_accept(cx) {
                Poll::Ready(accepted) => accepted.map(Some),
                Poll::Pending => Ok(None),
            });
            if let Some(accepted) = asked.transpose() {
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    })
    .await
}

/// Whether a connection waits to be accepted.
fn is_asked<L: Listener>(listeners: &[L]) -> bool {
    let mut watched: Vec<_> =
        listeners.iter().map(|listener| PollFd::new(listener.as_fd(), PollFlags::POLLIN)).collect();
    os::call("poll", || Ok(poll(&mut watched, PollTimeout::ZERO)?)).is_ok_and(|asked| asked > 0)
}

fn adopt<L: Listener>(
    listener: &Socket,
    endpoint: Rc<Endpoint>,
    accepted: L::Accepted,
    peer: Address,
    number: u32,
    place: Place,
) {
    let parent = listener.id;
    let local = match os::call("getsockname", || L::local(&accepted)) {
        Ok(local) => local,
        Err(error) => {
            // Nobody has heard of the connection yet, so that it is the listener that failed to take it.
            let error = NetError::from_io(Operation::Accept, Some(peer.to_string()), &error);
            return listener.outbox.push(parent, Fact::Failed(Box::new(error)));
        }
    };
    listener.table.adopt(parent, &listener.rules, |socket| async move {
        let _place = place;
        socket.report(Fact::Accepted { parent, number, local, peer }).await;
        // It has the options of its listener.
        match L::begin(accepted, &socket, &endpoint).await {
            Ok(stream) => Ending::Closed(pump::run(stream, &socket, &RefCell::new(endpoint), Moment::Accepted).await),
            Err(error) => Ending::Failed(error),
        }
    });
}

#[cfg(test)]
mod tests;
