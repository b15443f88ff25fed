//! The life of a client: connect, pump, and connect again where the endpoint says so.

use std::rc::Rc;
use std::time::Duration;

use tokio::time::sleep;

use super::unless_closed;
use crate::contract::{Address, CloseReason, Endpoint, Fact, NetError, Operation, format_duration};
use crate::engine::pump;
use crate::engine::socket::{Ending, Socket};
use crate::engine::stream::Stream;

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
    let mut pause = endpoint.reconnect();
    loop {
        let ending = match unless_closed(&socket, connect(&socket, &endpoint)).await {
            Ok(Connection { stream, local, peer }) => {
                socket.report(Fact::Connected { local, peer }).await;
                pause = endpoint.reconnect();
                Ending::Closed(pump::run(stream, &socket, &endpoint).await)
            }
            Err(ending) => ending,
        };
        let Some(wait) = pause.filter(|_| !is_wanted(&ending)) else {
            return ending;
        };
        let unsent = NetError::other(Operation::Send, None, "the connection ended before all of it was sent");
        socket.fail_all(&unsent).await;
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

/// Whether a socket ended because somebody here wanted it to.
const fn is_wanted(ending: &Ending) -> bool {
    matches!(ending, Ending::Closed(CloseReason::User | CloseReason::Shutdown))
}
