//! The bench's own UDP sockets, so that a datagram between two of them is in the file once.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use crate::contract::{Address, SocketId};

/// Where they are, by port.
#[derive(Default)]
pub(super) struct Own(HashMap<u16, Vec<(SocketId, IpAddr)>>);

impl Own {
    pub(super) fn list(&mut self, socket: SocketId, local: &Address) {
        if let Address::Ip(local) = local {
            let here = self.0.entry(local.port()).or_default();
            let entry = (socket, local.ip().to_canonical());
            if !here.contains(&entry) {
                here.push(entry);
            }
        }
    }

    pub(super) fn forget(&mut self, socket: SocketId, local: &[Address]) {
        for port in local.iter().filter_map(Address::port) {
            if let Some(here) = self.0.get_mut(&port) {
                here.retain(|(other, _)| *other != socket);
                if here.is_empty() {
                    self.0.remove(&port);
                }
            }
        }
    }

    /// Whether what `socket` at `local` received from `peer` was sent by another of them.
    pub(super) fn sent(&self, socket: SocketId, peer: SocketAddr, local: SocketAddr) -> bool {
        let ip = peer.ip();
        let is_here = ip.is_loopback() || ip == local.ip();
        let is_it = |(other, bound): &(SocketId, IpAddr)| {
            *other != socket && (*bound == ip || (bound.is_unspecified() && is_here))
        };
        self.0.get(&peer.port()).is_some_and(|here| here.iter().any(is_it))
    }
}
