//! TCP clients: resolve, connect to each address in turn, then pump.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use nix::errno::Errno;
use socket2::Type;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::client::{self, Connection};
use super::{Life, Transport, bind_source, host_port, new_socket, resolve, tried};
use crate::contract::{Endpoint, NetError, Operation, Scheme, format_duration};
use crate::engine::socket::Socket;
use crate::os;

/// How long an address has to itself before the next is tried beside it (RFC 8305 section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The scheme `tcp`.
pub(super) struct Tcp;

impl Transport for Tcp {
    fn schemes(&self) -> &'static [Scheme] {
        &[Scheme::Tcp]
    }

    fn live(&self, socket: Socket, endpoint: Rc<Endpoint>) -> Life {
        Box::pin(client::live(socket, endpoint, open))
    }
}

async fn open(socket: &Socket, endpoint: &Endpoint) -> Result<Connection<TcpStream>, NetError> {
    // Which addresses are being tried, to be named if the time runs out.
    let trying = RefCell::new(Vec::new());
    let connecting = async {
        let addresses = resolve(socket, host_port(endpoint)?).await?;
        try_each(socket, endpoint, addresses, &trying).await
    };
    let Ok(connected) = timeout(endpoint.connect_timeout(), connecting).await else {
        let trying = trying.take();
        for address in &trying {
            let limit = format_duration(endpoint.connect_timeout());
            give_up(socket, *address, format!("given up after {limit}: connect-timeout")).await;
        }
        let (operation, address) = match trying.last() {
            Some(address) => (Operation::Connect, tried(endpoint, *address)),
            None => (Operation::Getaddrinfo, endpoint.address.to_string()),
        };
        return Err(NetError::from_errno(operation, Some(address), Errno::ETIMEDOUT as i32));
    };
    let (stream, peer) = connected?;
    let local = os::call("getsockname", || stream.local_addr())
        .map_err(|error| NetError::from_io(Operation::Connect, Some(tried(endpoint, peer)), &error))?;
    Ok(Connection { stream, local: local.into(), peer: peer.into() })
}

/// One try to connect, under way.
type Attempt<'a> = Pin<Box<dyn Future<Output = Result<TcpStream, NetError>> + 'a>>;

/// Tries the addresses in order. One that does not answer is not waited for alone: after 250 ms the next is tried beside
/// it, and the first that stands is taken (RFC 8305 section 5).
async fn try_each(
    socket: &Socket,
    endpoint: &Endpoint,
    addresses: Vec<SocketAddr>,
    trying: &RefCell<Vec<SocketAddr>>,
) -> Result<(TcpStream, SocketAddr), NetError> {
    let mut untried = addresses.into_iter().peekable();
    let mut attempts: Vec<(SocketAddr, Attempt<'_>)> = Vec::new();
    let mut last = None;
    loop {
        if let Some(address) = untried.next() {
            trying.borrow_mut().push(address);
            attempts.push((address, Box::pin(connect(socket, endpoint, address))));
        } else if attempts.is_empty() {
            return Err(
                last.unwrap_or_else(|| NetError::other(Operation::Getaddrinfo, None, "the name has no address"))
            );
        }
        let outcome = if untried.peek().is_some() {
            timeout(ATTEMPT_DELAY, first_of(&mut attempts)).await.ok()
        } else {
            Some(first_of(&mut attempts).await)
        };
        if let Some((address, _)) = &outcome {
            trying.borrow_mut().retain(|other| other != address);
        }
        match outcome {
            None => {}
            Some((_, Err(error))) => last = Some(error),
            Some((address, Ok(stream))) => {
                for (other, _) in attempts {
                    give_up(socket, other, format!("given up: {address} answered first")).await;
                }
                return Ok((stream, address));
            }
        }
    }
}

/// Reports a try that came to no end of its own.
async fn give_up(socket: &Socket, address: SocketAddr, why: String) {
    socket.call("connect", address.to_string(), &Err::<(), _>(io::Error::other(why))).await;
}

/// The first attempt to come to an end, which is taken out.
async fn first_of(attempts: &mut Vec<(SocketAddr, Attempt<'_>)>) -> (SocketAddr, Result<TcpStream, NetError>) {
    poll_fn(|cx| {
        for index in 0..attempts.len() {
            let (address, attempt) = &mut attempts[index];
            if let Poll::Ready(outcome) = attempt.as_mut().poll(cx) {
                let address = *address;
                drop(attempts.swap_remove(index));
                return Poll::Ready((address, outcome));
            }
        }
        Poll::Pending
    })
    .await
}

async fn connect(socket: &Socket, endpoint: &Endpoint, address: SocketAddr) -> Result<TcpStream, NetError> {
    let fd = new_socket(socket, endpoint, address, Type::STREAM).await?;
    bind_source(socket, endpoint, &fd, address).await?;
    let connected = os::wait("connect", TcpSocket::from_std_stream(fd.into()).connect(address)).await;
    socket.call("connect", address.to_string(), &connected).await;
    connected.map_err(|error| NetError::from_io(Operation::Connect, Some(tried(endpoint, address)), &error))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::contract::{CloseReason, Fact};
    use crate::engine::socket::Ending;
    use crate::engine::testing::rig;

    #[test]
    fn an_address_that_does_not_answer_does_not_hold_up_the_next() {
        // A queue of connections that is full answers no SYN.
        let silent = socket2::Socket::new(socket2::Domain::IPV4, Type::STREAM, None).unwrap();
        silent.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        silent.listen(0).unwrap();
        let silent_address = silent.local_addr().unwrap().as_socket().unwrap();
        let limit = Duration::from_millis(200);
        let waiting = std::iter::from_fn(|| std::net::TcpStream::connect_timeout(&silent_address, limit).ok());
        let waiting: Vec<_> = waiting.take(10).collect();
        assert!(waiting.len() < 10, "the backlog never filled");
        let refusing = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let answering = TcpListener::bind("127.0.0.1:0").unwrap();
        let answering_address = answering.local_addr().unwrap();
        rig(async |mut rig| {
            let addresses = vec![refusing, silent_address, answering_address];
            rig.live(|socket| async move {
                let endpoint: Endpoint = "tcp://localhost:1".parse().unwrap();
                let (_, peer) = try_each(&socket, &endpoint, addresses, &RefCell::default()).await.unwrap();
                assert_eq!(peer, answering_address);
                Ending::Closed(CloseReason::User)
            });
            for (address, wanted) in
                [(refusing, "-1 ECONNREFUSED (111)"), (answering_address, "0"), (silent_address, "given up: ")]
            {
                let fact = rig.until(|fact| matches!(fact, Fact::Call { call, .. } if call == "connect")).await;
                let Fact::Call { args, result, .. } = fact else { unreachable!() };
                assert_eq!(args, address.to_string());
                assert!(result.starts_with(wanted), "{result}");
            }
        });
    }
}
