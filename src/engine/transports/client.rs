//! The life of a client: connect, pump, and connect again where the endpoint says so.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::sleep;

use super::unless_closed;
use crate::contract::{Address, Endpoint, Fact, NetError, format_duration};
use crate::engine::orders::Stop;
use crate::engine::pump;
use crate::engine::socket::{Ending, Socket};
use crate::engine::stream::Stream;
use crate::rule::Moment;

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A connection, and the addresses of both its ends.
pub(super) struct Connection<S> {
    pub(super) stream: S,
    pub(super) local: Address,
    pub(super) peer: Address,
}

/// Lives a client's life to its end.
pub(super) async fn live<S: Stream>(
    socket: Socket,
    endpoint: Rc<Endpoint>,
    connect: impl AsyncFn(&Socket, &Endpoint) -> Result<Connection<S>, NetError>,
) -> Ending {
    let reconnect = endpoint.reconnect();
    let endpoint = RefCell::new(endpoint);
    let mut pause = reconnect;
    loop {
        let current = Rc::clone(&endpoint.borrow());
        let ending = match unless_closed(&socket, connect(&socket, &current)).await {
            Ok(Connection { stream, local, peer }) => {
                socket.report(Fact::Connected { local, peer }).await;
                pause = reconnect;
                Ending::Closed(pump::run(stream, &socket, &endpoint, Moment::Connected).await)
            }
            Err(ending) => ending,
        };
        if pause.is_some() {
            // A rule closes the connection, and not the client.
            socket.orders.forget_rules_stop();
        }
        let Some(wait) = pause.filter(|_| socket.orders.stopping() < Some(Stop::Close)) else {
            return ending;
        };
        socket.fail_unsent().await;
        socket.report(ending.into_fact()).await;
        socket.note("reconnect", format!("tries again in {}", format_duration(wait))).await;
        // The half that was closed was that of the connection which is gone.
        socket.orders.refuse_half_close();
        tokio::select! {
            reason = socket.refuse_half_closes() => return Ending::Closed(reason),
            () = sleep(wait) => {}
        }
        pause = Some((wait * 2).min(LONGEST_PAUSE).max(wait));
    }
}
