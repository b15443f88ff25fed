//! What became of packets that were sent, as ICMP told it: the error queue of a socket (ip(7), `IP_RECVERR`).
//!
//! Owns the words for it. It never decides whose packet it was.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};

use super::socket::Socket;
use super::socket_options::option;
use crate::contract::{Address, NetError, Operation};
use crate::os;

/// How much of the packet that it is about is looked at: a header of UDP or of an ICMP echo.
const HEAD: usize = 8;

/// An entry of the error queue.
pub(super) struct Told {
    /// What the packet began with behind its IP header, as far as it came back.
    pub(super) head: [u8; HEAD],
    about: Option<SocketAddr>,
    error: libc::sock_extended_err,
    offender: Option<IpAddr>,
}

/// Has the kernel keep what ICMP tells of packets to peers of this family. An IPv6 socket may have peers of both.
///
/// # Errors
/// When the system refuses.
pub(super) async fn keep_errors(socket: &Socket, fd: &socket2::Socket, v6: bool) -> Result<(), NetError> {
    if v6 {
        let set = || setsockopt(fd, sockopt::Ipv6RecvErr, &true).map_err(io::Error::from);
        option(socket, "IPPROTO_IPV6, IPV6_RECVERR, 1".to_owned(), set).await
    } else {
        let set = || setsockopt(fd, sockopt::Ipv4RecvErr, &true).map_err(io::Error::from);
        option(socket, "IPPROTO_IP, IP_RECVERR, 1".to_owned(), set).await
    }
}

/// Takes the next entry out.
///
/// # Errors
/// `WouldBlock` when there is none.
pub(super) fn next_error(fd: &impl AsFd) -> io::Result<Told> {
    os::call("recvmsg", || take(fd))
}

fn take(fd: &impl AsFd) -> io::Result<Told> {
    let mut head = [0; HEAD];
    let mut iov = [IoSliceMut::new(&mut head)];
    // A socket that tells how far a packet came tells it here, too.
    let mut control = nix::cmsg_space!(libc::sock_extended_err, libc::sockaddr_in6, libc::c_int);
    let flags = MsgFlags::MSG_ERRQUEUE;
    let message = recvmsg::<SockaddrStorage>(fd.as_fd().as_raw_fd(), &mut iov, Some(&mut control), flags)?;
    let about = message.address.as_ref().and_then(socket_address);
    let told = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::Ipv4RecvErr(error, offender) => {
            let offender = offender.filter(|offender| i32::from(offender.sin_family) == libc::AF_INET);
            Some((error, offender.map(|offender| IpAddr::V4(Ipv4Addr::from(u32::from_be(offender.sin_addr.s_addr))))))
        }
        ControlMessageOwned::Ipv6RecvErr(error, offender) => {
            let offender = offender.filter(|offender| i32::from(offender.sin6_family) == libc::AF_INET6);
            Some((error, offender.map(|offender| Ipv6Addr::from(offender.sin6_addr.s6_addr).to_canonical())))
        }
        _ => None,
    });
    let (error, offender) = told.ok_or(Errno::EIO)?;
    Ok(Told { head, about: about.map(canonical), error, offender })
}

impl Told {
    /// The failure that it tells of; `None` where the call that sent had failed itself, and said so.
    pub(super) fn failure(&self) -> Option<NetError> {
        if self.error.ee_origin == libc::SO_EE_ORIGIN_LOCAL {
            return None;
        }
        let errno = i32::try_from(self.error.ee_errno).unwrap_or(Errno::EIO as i32);
        let shown = self.about.map(|about| match about.port() {
            0 => host(about).to_string(),
            _ => about.to_string(),
        });
        let plain = NetError::from_errno(Operation::ErrorQueue, shown, errno);
        let Some((family, words, hint)) = self.words() else { return Some(plain) };
        let who = match self.offender {
            Some(offender) if self.about.is_none_or(|about| about.ip() != offender) => offender.to_string(),
            _ => "the host".to_owned(),
        };
        let (kind, code) = (self.error.ee_type, self.error.ee_code);
        let cause = format!("{who} answered \"{words}\" ({family} type {kind}, code {code})");
        Some(NetError { cause, hint: hint.or(plain.hint), ..plain })
    }

    /// The protocol that told it, its words for it, and what to do.
    fn words(&self) -> Option<(&'static str, &'static str, Option<String>)> {
        let (kind, code) = (self.error.ee_type, self.error.ee_code);
        let (family, words, hint) = match self.error.ee_origin {
            libc::SO_EE_ORIGIN_ICMP => {
                let (words, hint) = icmp(kind, code);
                ("ICMP", words, hint)
            }
            libc::SO_EE_ORIGIN_ICMP6 => {
                let (words, hint) = icmpv6(kind, code);
                ("ICMPv6", words, hint)
            }
            _ => return None,
        };
        let hint = hint.map(|hint| match hint {
            Hint::Nobody => "Nobody is bound to that port; the socket lives on".to_owned(),
            Hint::Hops => "It passed as many routers as ttl allows; a greater ttl lets it go farther".to_owned(),
            Hint::Shorter => format!("Packets of at most {} bytes pass there, headers included", self.error.ee_info),
        });
        Some((family, words, hint))
    }
}

/// What there is to do about an error.
enum Hint {
    Nobody,
    Hops,
    Shorter,
}

/// RFC 792, RFC 1122 3.2.2.1.
const fn icmp(kind: u8, code: u8) -> (&'static str, Option<Hint>) {
    match (kind, code) {
        (3, 0) => ("network unreachable", None),
        (3, 1) => ("host unreachable", None),
        (3, 2) => ("protocol unreachable", None),
        (3, 3) => ("port unreachable", Some(Hint::Nobody)),
        (3, 4) => ("fragmentation needed", Some(Hint::Shorter)),
        (3, 9 | 10 | 13) => ("administratively prohibited", None),
        (3, _) => ("destination unreachable", None),
        (11, 0) => ("TTL exceeded", Some(Hint::Hops)),
        (11, _) => ("fragment reassembly time exceeded", None),
        (12, _) => ("parameter problem", None),
        _ => ("an error", None),
    }
}

/// RFC 4443.
const fn icmpv6(kind: u8, code: u8) -> (&'static str, Option<Hint>) {
    match (kind, code) {
        (1, 0) => ("no route to destination", None),
        (1, 1) => ("administratively prohibited", None),
        (1, 3) => ("address unreachable", None),
        (1, 4) => ("port unreachable", Some(Hint::Nobody)),
        (1, _) => ("destination unreachable", None),
        (2, _) => ("packet too big", Some(Hint::Shorter)),
        (3, 0) => ("hop limit exceeded", Some(Hint::Hops)),
        (3, _) => ("fragment reassembly time exceeded", None),
        (4, _) => ("parameter problem", None),
        _ => ("an error", None),
    }
}

/// The address that a call told, where it is one of the internet families.
pub(super) fn socket_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| SocketAddr::V4((*v4).into()));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into())))
}

/// An address of a socket without ports.
pub(super) fn host(address: SocketAddr) -> Address {
    let scope = match address {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(v6) => v6.scope_id(),
    };
    Address::Host(address.ip(), scope)
}

/// An IPv4 peer of an IPv6 socket under its own address.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, address.port()),
        IpAddr::V6(_) => address,
    }
}
