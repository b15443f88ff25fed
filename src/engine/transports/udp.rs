//! UDP sockets: with a default destination, or bound to an address and answering whoever they last heard.
//!
//! Both stay unconnected, so that replies from anywhere are heard. ICMP errors come through the socket's error queue
//! (`IP_RECVERR`), with the destination that they are about; they never end a socket.

use std::cell::Cell;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};
use std::rc::Rc;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recv, recvmsg, setsockopt, sockopt};
use socket2::Type;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use super::{Life, Transport, bind, bind_source, host_port, new_socket, resolve, tried, unless_closed};
use crate::contract::{Address, CloseReason, Endpoint, Fact, NetError, Operation, Scheme};
use crate::engine::orders::Stop;
use crate::engine::outbox::TAIL_LEAST;
use crate::engine::socket::{Ending, Socket};
use crate::engine::socket_options::{attend, join_groups, option};

/// The longest payloads: 65,535 less the UDP header, and for IPv4 less the IP header (RFC 768, RFC 8200).
const LONGEST_V4: usize = 65_507;
const LONGEST_V6: usize = 65_527;

/// How long closing waits for datagrams that the system has not taken yet.
const LINGER: Duration = Duration::from_millis(500);

/// How long to wait after an unknown error of `recv(2)`, so that one that stays is no load.
const AFTER_ERROR: Duration = Duration::from_millis(200);

/// How many datagrams a reader or writer moves before it lets the others go on.
const TURN: usize = 64;

/// The schemes `udp` and `udp-bind`.
pub(super) struct Udp;

impl Transport for Udp {
    fn schemes(&self) -> &'static [Scheme] {
        &[Scheme::Udp, Scheme::UdpBind]
    }

    fn live(&self, socket: Socket, endpoint: Rc<Endpoint>) -> Life {
        Box::pin(async move {
            let opened = unless_closed(&socket, open(&socket, &endpoint)).await;
            let (udp, local, peer) = match opened {
                Ok(opened) => opened,
                Err(ending) => return ending,
            };
            let udp =
                Datagrams { udp, socket: &socket, v6: local.is_ipv6(), peer: Cell::new(peer), learns: peer.is_none() };
            let fds = [udp.udp.as_fd()];
            Ending::Closed(tokio::select! {
                biased;
                reason = udp.stop_waiting() => reason,
                reason = udp.transmit() => reason,
                reason = udp.receive() => reason,
                never = attend(&socket, &endpoint, &fds) => match never {},
            })
        })
    }
}

type Opened = (UdpSocket, SocketAddr, Option<SocketAddr>);

async fn open(socket: &Socket, endpoint: &Endpoint) -> Result<Opened, NetError> {
    let mut last = None;
    for address in resolve(socket, host_port(endpoint)?).await? {
        match open_one(socket, endpoint, address).await {
            Ok(opened) => return Ok(opened),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| NetError::other(Operation::Getaddrinfo, None, "the name has no address")))
}

async fn open_one(socket: &Socket, endpoint: &Endpoint, address: SocketAddr) -> Result<Opened, NetError> {
    let fd = new_socket(socket, endpoint, address, Type::DGRAM).await?;
    if address.is_ipv4() {
        let set = || setsockopt(&fd, sockopt::Ipv4RecvErr, &true).map_err(io::Error::from);
        option(socket, "IPPROTO_IP, IP_RECVERR, 1".to_owned(), set).await?;
    } else {
        let set = || setsockopt(&fd, sockopt::Ipv6RecvErr, &true).map_err(io::Error::from);
        option(socket, "IPPROTO_IPV6, IPV6_RECVERR, 1".to_owned(), set).await?;
    }
    let peer = (endpoint.scheme == Scheme::Udp).then_some(address);
    if peer.is_none() {
        bind(socket, &fd, address, tried(endpoint, address)).await?;
    } else if !bind_source(socket, endpoint, &fd, address).await? {
        // A destination on this machine is answered from it, so nobody else needs to be heard.
        let any = match address.ip() {
            ip if ip.is_loopback() => ip,
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let any = SocketAddr::new(any, 0);
        bind(socket, &fd, any, any.to_string()).await?;
    }
    join_groups(socket, endpoint, fd.as_fd()).await?;
    let udp = UdpSocket::from_std(fd.into());
    let (udp, local) = udp
        .and_then(|udp| Ok((udp.local_addr()?, udp)))
        .map(|(local, udp)| (udp, local))
        .map_err(|error| NetError::from_io(Operation::Bind, Some(tried(endpoint, address)), &error))?;
    socket.report(Fact::Opened { local: local.into(), peer: peer.map(Address::from) }).await;
    Ok((udp, local, peer))
}

struct Datagrams<'a> {
    udp: UdpSocket,
    socket: &'a Socket,
    v6: bool,
    /// The default destination.
    peer: Cell<Option<SocketAddr>>,
    /// Whether that is whoever was heard last.
    learns: bool,
}

/// Datagrams that found no room.
#[derive(Default)]
struct Lost {
    count: u64,
    bytes: u64,
}

/// What one attempt to send came to.
enum Attempt {
    Done,
    Blocked,
    NoRoom,
    NothingToDo,
    Failed(NetError),
}

impl Datagrams<'_> {
    /// Ends when the socket must close whatever is still to be sent.
    async fn stop_waiting(&self) -> CloseReason {
        let orders = &self.socket.orders;
        let reason = self.socket.refuse_half_closes().await;
        let urgent = orders.until(|orders| (orders.stopping() == Some(Stop::Abort)).then_some(()));
        // Either way it is time.
        let _ = timeout(LINGER, urgent).await;
        reason
    }

    async fn receive(&self) -> CloseReason {
        let mut lost = Lost::default();
        let mut turn = 0;
        loop {
            turn += 1;
            if turn >= TURN {
                turn = 0;
                yield_now().await;
            }
            self.confess(&mut lost);
            self.socket.room_to_save().await;
            let error = match self.receive_once(&mut lost) {
                Ok(()) => continue,
                Err(error) => error,
            };
            match error.kind() {
                io::ErrorKind::WouldBlock => self.wait(&mut lost).await,
                io::ErrorKind::Interrupted => {}
                io::ErrorKind::ConnectionRefused => self.report_icmp(Some(&error)).await,
                _ => {
                    self.socket.fail(NetError::from_io(Operation::Recv, None, &error)).await;
                    sleep(AFTER_ERROR).await;
                }
            }
        }
    }

    /// Waits for a datagram or an error, and while some loss is untold also for room to tell it.
    async fn wait(&self, lost: &mut Lost) {
        let ready = self.udp.ready(Interest::READABLE | Interest::ERROR);
        let ready = if lost.count == 0 {
            ready.await
        } else {
            tokio::select! {
                ready = ready => ready,
                () = self.socket.outbox.room_for(TAIL_LEAST) => return,
            }
        };
        match ready {
            Ok(ready) if ready.is_error() => self.report_icmp(None).await,
            Ok(_) => {}
            Err(error) => {
                self.socket.fail(NetError::from_io(Operation::Recv, None, &error)).await;
                sleep(AFTER_ERROR).await;
            }
        }
    }

    /// Takes one datagram: into the log, or into the count of what is lost.
    fn receive_once(&self, lost: &mut Lost) -> io::Result<()> {
        let room = lost.count == 0;
        let received = room.then(|| {
            self.socket.outbox.with_tail(TAIL_LEAST, TAIL_LEAST, |tail| {
                let (len, from) = self.udp.try_recv_from(tail.bytes)?;
                let from = canonical(from);
                self.socket.save(&tail.bytes[..len]);
                // Where too much waits to be sent, the sender hears nothing, as of a lost datagram.
                self.socket.echo(&tail.bytes[..len], Some(from.into()));
                let fact = |bytes| Fact::Received { peer: Some(from.into()), bytes, truncated: false };
                tail.commit(self.socket.id, len, fact);
                Ok::<_, io::Error>(from)
            })
        });
        if let Some(Some(received)) = received {
            let from = received?;
            if self.learns {
                self.peer.set(Some(from));
            }
            return Ok(());
        }
        // With MSG_TRUNC the result is the datagram's real length, whatever the buffer's.
        let discard = || Ok(recv(self.udp.as_raw_fd(), &mut [0; 1], MsgFlags::MSG_TRUNC)?);
        let len = self.udp.try_io(Interest::READABLE, discard)?;
        lost.count += 1;
        lost.bytes += len as u64;
        Ok(())
    }

    /// Tells what is lost, if there is room for that.
    fn confess(&self, lost: &mut Lost) {
        // Not before datagrams can be taken again, or each would be a row of its own.
        if lost.count > 0 && self.socket.outbox.has_room_for(TAIL_LEAST) {
            let fact = Fact::Lost { count: lost.count, bytes: Some(lost.bytes) };
            if self.socket.outbox.push(self.socket.outbox.event(self.socket.id, fact)).is_ok() {
                *lost = Lost::default();
            }
        }
    }

    /// Empties the error queue into the log. `first` is an error that a call returned, for when the queue is empty.
    async fn report_icmp(&self, first: Option<&io::Error>) {
        let mut reported = false;
        while let Ok((errno, about)) = self.udp.try_io(Interest::ERROR, || next_icmp_error(&self.udp)) {
            let about = about.map(|address| canonical(address).to_string());
            self.socket.fail(NetError::from_errno(Operation::Recv, about, errno)).await;
            reported = true;
        }
        if let (Some(error), false) = (first, reported) {
            self.socket.fail(NetError::from_io(Operation::Recv, None, error)).await;
        }
    }

    /// Sends what is ordered, and stops as ordered once nothing is left.
    async fn transmit(&self) -> CloseReason {
        let orders = &self.socket.orders;
        let mut turn = 0;
        loop {
            turn += 1;
            if turn >= TURN {
                turn = 0;
                yield_now().await;
            }
            match self.send_once() {
                Attempt::Done => {}
                Attempt::Blocked => {
                    // An error of the socket counts as writable for good, so this may return at once.
                    yield_now().await;
                    let _ = self.udp.writable().await;
                }
                Attempt::NoRoom => self.socket.outbox.room().await,
                Attempt::Failed(error) => {
                    if let Some(order) = orders.finish_first() {
                        let error = Box::new(error);
                        self.socket.report(Fact::SendFailed { ticket: order.ticket, error }).await;
                    }
                }
                Attempt::NothingToDo => match orders.stopping() {
                    Some(Stop::Close | Stop::Abort) => return CloseReason::User,
                    Some(Stop::ShutDown) => return CloseReason::Shutdown,
                    known @ (None | Some(Stop::HalfClose)) => orders.news(known).await,
                },
            }
        }
    }

    /// One `sendto(2)` for the first order.
    fn send_once(&self) -> Attempt {
        let Socket { orders, outbox, id, .. } = self.socket;
        let attempt = orders.with_first(|order| {
            let chosen = order.to.as_ref().and_then(Address::socket_address);
            let Some(peer) = chosen.or(self.peer.get()) else {
                let error = NetError::other(
                    Operation::Send,
                    None,
                    "nobody has sent anything yet, so there is no one to answer",
                );
                return Attempt::Failed(error.with_hint("Choose a peer's address, or wait for a datagram"));
            };
            let failed = |errno| NetError::from_errno(Operation::Send, Some(peer.to_string()), errno);
            let bytes = &order.bytes;
            if bytes.len() > if peer.is_ipv4() { LONGEST_V4 } else { LONGEST_V6 } {
                return Attempt::Failed(failed(Errno::EMSGSIZE as i32));
            }
            let to = if self.v6 { mapped(peer) } else { peer };
            let outcome = outbox.with_tail(bytes.len(), bytes.len(), |tail| {
                // An ICMP error about an earlier datagram is returned instead of sending; it is in the error queue too.
                let sent = match self.udp.try_send_to(bytes, to) {
                    Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => self.udp.try_send_to(bytes, to),
                    sent => sent,
                };
                let len = sent?;
                tail.bytes.copy_from_slice(bytes);
                let ticket = order.ticket;
                let fact = |bytes| Fact::Sent { ticket, peer: Some(peer.into()), bytes, remaining: 0 };
                tail.commit(*id, len, fact);
                Ok::<_, io::Error>(())
            });
            match outcome {
                None => Attempt::NoRoom,
                Some(Ok(())) => Attempt::Done,
                Some(Err(error)) => match error.kind() {
                    io::ErrorKind::WouldBlock => Attempt::Blocked,
                    _ => Attempt::Failed(NetError::from_io(Operation::Send, Some(peer.to_string()), &error)),
                },
            }
        });
        match attempt {
            Some(Attempt::Done) => {
                orders.finish_first();
                Attempt::Done
            }
            other => other.unwrap_or(Attempt::NothingToDo),
        }
    }
}

/// The next entry of the error queue: the errno, and the destination that it is about (ip(7), `IP_RECVERR`).
fn next_icmp_error(udp: &UdpSocket) -> io::Result<(i32, Option<SocketAddr>)> {
    let mut payload = [0; 1];
    let mut iov = [IoSliceMut::new(&mut payload)];
    let mut control = nix::cmsg_space!(libc::sock_extended_err, libc::sockaddr_in6);
    let flags = MsgFlags::MSG_ERRQUEUE;
    let message = recvmsg::<SockaddrStorage>(udp.as_raw_fd(), &mut iov, Some(&mut control), flags)?;
    let about = message.address.and_then(|address| {
        let v4 = address.as_sockaddr_in().map(|v4| SocketAddr::V4((*v4).into()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into())))
    });
    let errno = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::Ipv4RecvErr(error, _) | ControlMessageOwned::Ipv6RecvErr(error, _) => Some(error.ee_errno),
        _ => None,
    });
    let errno = errno.and_then(|errno| i32::try_from(errno).ok()).unwrap_or(Errno::EIO as i32);
    Ok((errno, about))
}

/// An IPv4 peer of an IPv6 socket under its own address.
fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, address.port()),
        IpAddr::V6(_) => address,
    }
}

/// The address by which an IPv6 socket reaches an IPv4 peer.
fn mapped(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) => SocketAddr::new(IpAddr::V6(ip.to_ipv6_mapped()), address.port()),
        IpAddr::V6(_) => address,
    }
}
