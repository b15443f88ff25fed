//! Which sockets of this bench talk with each other, so that two that answer each other for ever are found.
//!
//! Owns the list of the sockets that answer by rules, each by what its peer knows of it. It never knows who is outside.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::BorrowedFd;
use std::process;
use std::rc::{Rc, Weak};

use nix::sys::socket::{getsockopt, sockopt};
use nix::sys::stat::fstat;
use socket2::SockRef;

use crate::contract::{Address, SocketId};
use crate::engine::error_queue::canonical;
use crate::engine::orders::Orders;
use crate::engine::sock_diag::unix_peer;

/// The sockets that answer by rules.
#[derive(Default)]
pub(in crate::engine) struct Partners {
    listed: RefCell<HashMap<Key, Partner>>,
    /// How often the list has been changed, so that nothing needs to be looked up again before.
    changes: Cell<u64>,
}

/// One of them, as long as it answers.
#[derive(Clone)]
pub(super) struct Partner {
    pub(super) id: SocketId,
    orders: Weak<Orders>,
}

/// What tells one socket from all others, to its peer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// A connection of the internet families: its own address, and its peer's.
    Connection(SocketAddr, SocketAddr),
    /// A connection of a Unix socket, whose ends need not have names: its inode.
    Inode(u64),
    /// A datagram socket: its own address.
    Datagrams(Address),
    /// One that is not of this process, and never listed.
    Outside,
}

/// A place in the list; dropping it gives it back.
pub(super) struct Entry {
    partners: Rc<Partners>,
    key: Key,
    id: SocketId,
}

impl Partners {
    /// Adds a socket, for as long as it answers.
    pub(super) fn enter(self: &Rc<Self>, key: Key, id: SocketId, orders: &Rc<Orders>) -> Entry {
        self.listed.borrow_mut().insert(key.clone(), Partner { id, orders: Rc::downgrade(orders) });
        self.changed();
        Entry { partners: Rc::clone(self), key, id }
    }

    /// How often the list has been changed.
    pub(super) fn changes(&self) -> u64 {
        self.changes.get()
    }

    /// The socket that is known so.
    pub(super) fn find(&self, key: &Key) -> Option<Partner> {
        let listed = self.listed.borrow();
        let found = listed.get(key).or_else(|| match key {
            // One that is bound to all addresses sends from the one that leads to the peer.
            Key::Datagrams(Address::Ip(from)) => {
                let any = match from.ip() {
                    IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                    IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
                };
                let bound = |ip| listed.get(&Key::Datagrams(SocketAddr::new(ip, from.port()).into()));
                bound(any).or_else(|| bound(Ipv6Addr::UNSPECIFIED.into()))
            }
            _ => None,
        });
        found.cloned()
    }

    fn changed(&self) {
        self.changes.set(self.changes.get() + 1);
    }
}

impl Partner {
    /// Whether what it sent last is a reply.
    pub(super) fn sent_a_reply(&self) -> bool {
        self.orders.upgrade().is_some_and(|orders| orders.last_is_reply())
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        // Another socket may be known by the same key (`SO_REUSEPORT`, or no name), and have taken its place.
        let mut listed = self.partners.listed.borrow_mut();
        if listed.get(&self.key).is_some_and(|partner| partner.id == self.id) {
            listed.remove(&self.key);
        }
        self.partners.changed();
    }
}

impl Key {
    /// That of a datagram socket with this address.
    pub(super) fn of_datagrams(address: &Address) -> Self {
        Self::Datagrams(match address {
            Address::Ip(address) => canonical(*address).into(),
            other => other.clone(),
        })
    }

    /// That of a connection.
    pub(super) fn of_connection(fd: BorrowedFd<'_>) -> Option<Self> {
        if let Some((local, peer)) = ends(fd) {
            return Some(Self::Connection(local, peer));
        }
        fstat(fd).ok().map(|stat| Self::Inode(stat.st_ino))
    }

    /// That of the other end of a connection; `None` as long as it can't be told.
    pub(super) fn of_peer(fd: BorrowedFd<'_>) -> Option<Self> {
        if let Some((local, peer)) = ends(fd) {
            return Some(Self::Connection(peer, local));
        }
        let is_ours = getsockopt(&fd, sockopt::PeerCredentials)
            .is_ok_and(|peer| u32::try_from(peer.pid()).is_ok_and(|pid| pid == process::id()));
        if !is_ours {
            return Some(Self::Outside);
        }
        unix_peer(&SockRef::from(&fd)).map(|inode| Self::Inode(inode.into()))
    }
}

/// Both addresses of a connection of the internet families.
fn ends(fd: BorrowedFd<'_>) -> Option<(SocketAddr, SocketAddr)> {
    let sock = SockRef::from(&fd);
    let (local, peer) = (sock.local_addr().ok()?.as_socket()?, sock.peer_addr().ok()?.as_socket()?);
    Some((canonical(local), canonical(peer)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_ends_takes_itself_off_the_list_and_nobody_else() {
        let partners = Rc::new(Partners::default());
        let key = || Key::of_datagrams(&Address::Ip(([127, 0, 0, 1], 9).into()));
        let enter = |id| partners.enter(key(), SocketId::new(id).unwrap(), &Rc::default());
        let found = || partners.find(&key()).map(|partner| partner.id.get());
        let (first, second) = (enter(1), enter(2));
        drop(first);
        assert_eq!(found(), Some(2));
        drop(second);
        assert_eq!(found(), None);
    }
}
