//! Socket pairs: `socketpair(2)`. The pair carries no bytes; its two ends are its children.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::os::fd::{AsFd, AsRawFd};
use std::rc::Rc;

use socket2::{Domain, Type};

use super::unix_connection::{Packets, kind_name, unix_stream};
use super::{Life, Transport, unless_closed};
use crate::contract::{CloseReason, Endpoint, Fact, NetError, Operation, PairType, Scheme, UnixAddress};
use crate::engine::orders::Orders;
use crate::engine::pump;
use crate::engine::socket::{Ending, Socket};
use crate::engine::socket_options::set_before_bind;
use crate::os;
use crate::rule::Moment;

/// The scheme `pair`.
pub(super) struct Pair;

impl Transport for Pair {
    fn schemes(&self) -> &'static [Scheme] {
        &[Scheme::Pair]
    }

    fn live(&self, socket: Socket, endpoint: Rc<Endpoint>) -> Life {
        Box::pin(async move {
            let opened = unless_closed(&socket, open(&socket, &endpoint)).await;
            let (one, other) = match opened {
                Ok(ends) => ends,
                Err(ending) => return ending,
            };
            let open = Rc::new(Ends { left: Cell::new(0), reason: Cell::new(CloseReason::User) });
            adopt(&socket, &endpoint, one, 1, &open);
            adopt(&socket, &endpoint, other, 2, &open);
            let ordered = tokio::select! {
                biased;
                () = both_ended(&socket, &open) => None,
                reason = socket.refuse_half_closes() => Some(reason),
                never = hand_on_requests(&socket) => match never {},
            };
            let Some(reason) = ordered else { return Ending::Closed(open.reason.get()) };
            tokio::select! {
                biased;
                () = both_ended(&socket, &open) => Ending::Closed(reason),
                never = stop_ends(&socket) => match never {},
            }
        })
    }
}

/// What is left of a pair.
struct Ends {
    left: Cell<u32>,
    /// Why the last one that is gone has closed.
    reason: Cell<CloseReason>,
}

/// One end; dropping it tells the pair that it is gone.
struct End {
    ends: Rc<Ends>,
    pair: Rc<Orders>,
}

impl Drop for End {
    fn drop(&mut self) {
        self.ends.left.set(self.ends.left.get() - 1);
        self.pair.touch();
    }
}

async fn open(socket: &Socket, endpoint: &Endpoint) -> Result<(socket2::Socket, socket2::Socket), NetError> {
    let kind = match endpoint.pair_type() {
        PairType::Stream => Type::STREAM,
        PairType::Dgram => Type::DGRAM,
        PairType::Seqpacket => Type::SEQPACKET,
    };
    let made = os::call("socketpair", || socket2::Socket::pair(Domain::UNIX, kind.nonblocking(), None));
    let shown =
        |(one, other): &(socket2::Socket, socket2::Socket)| format!("0, [{}, {}]", one.as_raw_fd(), other.as_raw_fd());
    socket.call_with("socketpair", format!("AF_UNIX, {}, 0", kind_name(kind)), &made, shown).await;
    let (one, other) = made.map_err(|error| NetError::from_unix(Operation::Socketpair, None, &error))?;
    for end in [&one, &other] {
        set_before_bind(socket, endpoint, end.as_fd()).await?;
    }
    socket.report(Fact::Opened { local: UnixAddress::Unnamed.into(), peer: None }).await;
    Ok((one, other))
}

/// Starts the life of one end.
fn adopt(pair: &Socket, endpoint: &Rc<Endpoint>, fd: socket2::Socket, number: u32, ends: &Rc<Ends>) {
    ends.left.set(ends.left.get() + 1);
    let end = End { ends: Rc::clone(ends), pair: Rc::clone(&pair.orders) };
    let (parent, endpoint) = (pair.id, Rc::clone(endpoint));
    pair.table.adopt(parent, &pair.rules, |socket| async move {
        socket.report(Fact::Paired { parent, number }).await;
        let kind = endpoint.pair_type();
        let endpoint = RefCell::new(endpoint);
        let ended = match kind {
            PairType::Stream => match unix_stream(fd) {
                Ok(stream) => Ok(pump::run(stream, &socket, &endpoint, Moment::Connected).await),
                Err(error) => Err(error),
            },
            PairType::Dgram | PairType::Seqpacket => match Packets::new(&socket, fd).await {
                Ok(packets) => Ok(pump::run(packets, &socket, &endpoint, Moment::Connected).await),
                Err(error) => Err(error),
            },
        };
        end.ends.reason.set(*ended.as_ref().unwrap_or(&CloseReason::Error));
        ended.map_or_else(Ending::Failed, Ending::Closed)
    });
}

async fn both_ended(pair: &Socket, ends: &Ends) {
    pair.orders.until(|_| (ends.left.get() == 0).then_some(())).await;
}

/// What is asked of the pair is asked of both ends.
async fn hand_on_requests(pair: &Socket) -> Infallible {
    loop {
        let request = pair.orders.until(Orders::next_request).await;
        pair.table.ask_children(pair.id, &request);
    }
}

/// Stops both ends as the pair is told to stop.
async fn stop_ends(pair: &Socket) -> Infallible {
    let mut known = None;
    loop {
        let stop = pair.orders.until(|orders| orders.stopping().filter(|stop| Some(*stop) > known)).await;
        pair.table.stop_children(pair.id, stop, pair.orders.closed_by());
        known = Some(stop);
    }
}
