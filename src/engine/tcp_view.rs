//! TCP's own view of a connection, and the queues of a socket, as the kernel tells them.

use socket2::SockRef;

use crate::contract::TcpView;

/// What waits in a socket's queues, and TCP's own view of it.
pub(super) struct Queues {
    /// Bytes that wait to be read; of a listener, connections that wait to be accepted.
    pub(super) receive_queue: u32,
    /// Bytes that wait to be sent or acknowledged; of a listener, how many connections may wait.
    pub(super) send_queue: u32,
    /// For a connection.
    pub(super) tcp: Option<TcpView>,
}

/// Asks the kernel; `None` where it does not tell.
pub(super) fn queues(_sock: &SockRef<'_>) -> Option<Queues> {
    None
}
