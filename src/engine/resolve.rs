//! From the host and port of an endpoint to the addresses that system calls take.
//!
//! Reports each `getaddrinfo(3)` with what it found. It opens nothing.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use super::socket::Socket;
use crate::contract::{Host, HostPort, NetError, Operation};
use crate::os;

/// The addresses of a host, in the order in which to try them; never empty.
///
/// # Errors
/// When nobody knows the name, or the interface.
pub(super) async fn resolve(socket: &Socket, address: &HostPort) -> Result<Vec<SocketAddr>, NetError> {
    match &address.host {
        Host::Ip(IpAddr::V6(ip), Some(scope)) => {
            let scope_id = interface_index(scope).ok_or_else(|| {
                let cause = format!("this machine has no interface {scope}");
                NetError::other(Operation::Getaddrinfo, Some(address.to_string()), cause)
            })?;
            Ok(vec![SocketAddrV6::new(*ip, address.port, 0, scope_id).into()])
        }
        Host::Ip(ip, _) => Ok(vec![SocketAddr::new(*ip, address.port)]),
        Host::Name(name) => {
            let (asked, port) = (name.clone(), address.port);
            let found = os::aside(move || os::getaddrinfo(&asked, port)).await;
            let found = found.map_err(|error| NetError::from_io(Operation::Getaddrinfo, Some(name.clone()), &error))?;
            let shown = |found: &Vec<SocketAddr>| {
                found.iter().map(|address| address.ip().to_string()).collect::<Vec<_>>().join(", ")
            };
            socket.call_with("getaddrinfo", name.clone(), &found, shown).await;
            found.map_err(|error| match error.raw_os_error() {
                // The name may be right: it could not be looked up.
                Some(_) => NetError::from_io(Operation::Getaddrinfo, Some(name.clone()), &error),
                None => NetError::other(Operation::Getaddrinfo, Some(name.clone()), error.to_string())
                    .with_hint("Check the spelling, or use an address"),
            })
        }
    }
}

/// The index of an interface that is named, or is given by its index.
pub(super) fn interface_index(scope: &str) -> Option<u32> {
    scope.parse().ok().or_else(|| nix::net::if_::if_nametoindex(scope).ok())
}
