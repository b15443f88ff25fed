//! One question about one socket, put to the kernel over netlink (`sock_diag(7)`).
//!
//! Owns how requests and answers are laid out in bytes. It asks about exactly one socket, never for a list, and never
//! waits: the kernel answers before `send` returns, or not at all.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};

use nix::libc;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket as new_socket,
};
use socket2::{Domain, Protocol, SockRef};

use crate::os;

/// The message that asks, and the one that answers.
const SOCK_DIAG_BY_FAMILY: u16 = 20;

/// `struct nlmsghdr`, `struct inet_diag_msg` and `struct unix_diag_msg`, in bytes.
const HEADER: usize = 16;
const INET_MESSAGE: usize = 72;
const UNIX_MESSAGE: usize = 16;

/// The attributes that are asked for, by their numbers in the answer.
const INET_DIAG_INFO: u16 = 2;
const UNIX_DIAG_PEER: u16 = 2;
const UNIX_DIAG_RQLEN: u16 = 4;

/// The bits of `udiag_show` that ask for [`UNIX_DIAG_PEER`] and [`UNIX_DIAG_RQLEN`].
const UDIAG_SHOW_PEER: u32 = 0x4;
const UDIAG_SHOW_RQLEN: u32 = 0x10;

/// What the kernel answers.
#[derive(Debug)]
pub(super) struct Answer {
    /// The state, by its number in the kernel: 1 for `ESTABLISHED`, 10 for `LISTEN`.
    pub(super) state: u8,
    /// Bytes that wait to be read, or connections to be accepted.
    pub(super) receive_queue: u32,
    /// Bytes that wait to be sent or acknowledged, or the backlog granted.
    pub(super) send_queue: u32,
    /// `struct tcp_info`, of TCP.
    pub(super) tcp_info: Vec<u8>,
}

/// Asks about a TCP, UDP or Unix socket of this process; `None` where the kernel does not tell.
pub(super) fn ask(sock: &SockRef<'_>) -> Option<Answer> {
    if sock.domain().ok()? == Domain::UNIX {
        return unix_answer(&exchange(&unix_request(sock, UDIAG_SHOW_RQLEN)?).ok()?);
    }
    inet_answer(&exchange(&inet_request(sock)?).ok()?)
}

/// The inode of the other end of a connected Unix socket of this process; `None` where the kernel does not tell, and
/// before the other end is accepted.
pub(super) fn unix_peer(sock: &SockRef<'_>) -> Option<u32> {
    let message = exchange(&unix_request(sock, UDIAG_SHOW_PEER)?).ok()?;
    word(attribute(message.get(UNIX_MESSAGE..)?, UNIX_DIAG_PEER)?, 0).filter(|inode| *inode != 0)
}

/// `struct inet_diag_req_v2`.
fn inet_request(sock: &SockRef<'_>) -> Option<Vec<u8>> {
    let protocol = sock.protocol().ok()??;
    let local = sock.local_addr().ok()?.as_socket()?;
    let peer = sock.peer_addr().ok().and_then(|peer| peer.as_socket());
    let (family, any) = match local {
        SocketAddr::V4(_) => (libc::AF_INET, SocketAddr::from(([0; 4], 0))),
        SocketAddr::V6(_) => (libc::AF_INET6, SocketAddr::from(([0_u16; 8], 0))),
    };
    let peer = peer.unwrap_or(any);
    // Of UDP, the kernel takes the two ends in the other order.
    let (first, second) = match protocol {
        Protocol::TCP => (local, peer),
        Protocol::UDP => (peer, local),
        _ => return None,
    };
    let scope = match local {
        SocketAddr::V6(local) => local.scope_id(),
        SocketAddr::V4(_) => 0,
    };
    let mut request = vec![u8::try_from(family).ok()?, u8::try_from(i32::from(protocol)).ok()?];
    // The extensions wanted, a byte of padding, and every state.
    request.extend([1 << (INET_DIAG_INFO - 1), 0]);
    request.extend(u32::MAX.to_ne_bytes());
    request.extend(first.port().to_be_bytes());
    request.extend(second.port().to_be_bytes());
    request.extend(sixteen(first.ip()));
    request.extend(sixteen(second.ip()));
    request.extend(scope.to_ne_bytes());
    request.extend(cookie(sock)?);
    Some(request)
}

/// `struct unix_diag_req`.
fn unix_request(sock: &SockRef<'_>, show: u32) -> Option<Vec<u8>> {
    let inode = nix::sys::stat::fstat(sock.as_fd()).ok()?.st_ino;
    let mut request = vec![u8::try_from(libc::AF_UNIX).ok()?, 0, 0, 0];
    request.extend(u32::MAX.to_ne_bytes());
    request.extend(u32::try_from(inode).ok()?.to_ne_bytes());
    request.extend(show.to_ne_bytes());
    request.extend(cookie(sock)?);
    Some(request)
}

/// The identity of a socket as requests carry it (`SO_COOKIE`): two words, the lower first.
fn cookie(sock: &SockRef<'_>) -> Option<[u8; 8]> {
    let cookie = sock.cookie().ok()?;
    Some(if cfg!(target_endian = "little") { cookie } else { cookie.rotate_left(32) }.to_ne_bytes())
}

/// An address in the room for one of IPv6.
fn sixteen(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&ip.octets());
            bytes
        }
        IpAddr::V6(ip) => ip.octets(),
    }
}

/// Sends a request, and gives the message of the answer without its header.
fn exchange(request: &[u8]) -> io::Result<Vec<u8>> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let new = || Ok(new_socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkSockDiag)?);
    let netlink = os::call("socket", new)?;
    let mut message = u32::try_from(HEADER + request.len()).map_err(io::Error::other)?.to_ne_bytes().to_vec();
    message.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    message.extend(u16::try_from(libc::NLM_F_REQUEST).map_err(io::Error::other)?.to_ne_bytes());
    // The sequence number and the sender, which the kernel fills in.
    message.extend([0; 8]);
    message.extend(request);
    let to = NetlinkAddr::new(0, 0);
    os::call("sendto", || Ok(sendto(netlink.as_raw_fd(), &message, &to, MsgFlags::empty())?))?;
    let mut answer = vec![0; 4096];
    let len = os::call("recv", || Ok(recv(netlink.as_raw_fd(), &mut answer, MsgFlags::empty())?))?;
    answer.truncate(len);
    let kind = answer.get(4..6).map(|kind| [kind[0], kind[1]]);
    if kind != Some(SOCK_DIAG_BY_FAMILY.to_ne_bytes()) {
        return Err(io::ErrorKind::NotFound.into());
    }
    // A message says its own length, which may be less than what was read.
    let end = word(&answer, 0).map_or(0, |len| len as usize).clamp(HEADER, len.max(HEADER));
    Ok(answer.get(HEADER..end).unwrap_or_default().to_vec())
}

/// `struct inet_diag_msg` and its attributes.
fn inet_answer(message: &[u8]) -> Option<Answer> {
    Some(Answer {
        state: *message.get(1)?,
        receive_queue: word(message, 56)?,
        send_queue: word(message, 60)?,
        tcp_info: attribute(message.get(INET_MESSAGE..)?, INET_DIAG_INFO).unwrap_or_default().to_vec(),
    })
}

/// `struct unix_diag_msg` and its attributes.
fn unix_answer(message: &[u8]) -> Option<Answer> {
    let queues = attribute(message.get(UNIX_MESSAGE..)?, UNIX_DIAG_RQLEN)?;
    Some(Answer {
        state: *message.get(2)?,
        receive_queue: word(queues, 0)?,
        send_queue: word(queues, 4)?,
        tcp_info: Vec::new(),
    })
}

/// The content of the attribute of this kind (`struct nlattr`).
fn attribute(mut attributes: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let len = usize::from(u16::from_ne_bytes(*attributes.first_chunk()?));
        let kind = u16::from_ne_bytes(*attributes.get(2..)?.first_chunk()?);
        if kind == wanted {
            return attributes.get(4..len);
        }
        // Each begins at a multiple of four.
        attributes = attributes.get(len.max(4).next_multiple_of(4)..)?;
    }
}

/// The word of 32 bits at this place.
pub(super) fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_answer_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = inet_answer(&bytes);
            if let Some(answer) = unix_answer(&bytes) {
                prop_assert!(bytes.len() >= UNIX_MESSAGE + 12);
                prop_assert_eq!(answer.state, bytes[2]);
            }
        }

        #[test]
        fn an_attribute_is_found_behind_others(
            others in proptest::collection::vec((3_u16..9, proptest::collection::vec(any::<u8>(), 0..9)), 0..5),
            content in proptest::collection::vec(any::<u8>(), 0..9),
        ) {
            let mut bytes = Vec::new();
            for (kind, content) in others.iter().map(|(kind, content)| (*kind, content)).chain([(2, &content)]) {
                bytes.extend(u16::try_from(content.len() + 4).unwrap().to_ne_bytes());
                bytes.extend(kind.to_ne_bytes());
                bytes.extend(content);
                bytes.resize(bytes.len().next_multiple_of(4), 0);
            }
            prop_assert_eq!(attribute(&bytes, 2), Some(content.as_slice()));
            prop_assert_eq!(attribute(&bytes, 1), None);
        }
    }
}
