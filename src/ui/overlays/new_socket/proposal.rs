//! The address that the form proposes while the user has chosen none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::contract::{Address, AddressKind, Scheme, SchemeSpec};
use crate::log::Member;
use crate::ui::Ui;

/// For a client where a server of the bench can be reached; for a server a place that no other one of the bench has.
pub(super) fn address(ui: &Ui, scheme: &SchemeSpec) -> String {
    let served = server_of(scheme.scheme).and_then(|server| reachable(ui, server));
    match scheme.address {
        _ if served.is_some() => served.unwrap_or_default(),
        AddressKind::HostPort if !scheme.is_client() && is_taken(ui, scheme, scheme.example) => {
            any_port(scheme.example)
        }
        AddressKind::Unix => free_path(ui, scheme),
        _ => scheme.example.to_owned(),
    }
}

/// What a client of a scheme connects or sends to.
const fn server_of(scheme: Scheme) -> Option<Scheme> {
    Some(match scheme {
        Scheme::Tcp => Scheme::TcpListen,
        Scheme::Udp => Scheme::UdpBind,
        Scheme::Unix => Scheme::UnixListen,
        Scheme::UnixDgram => Scheme::UnixDgramBind,
        Scheme::UnixSeqpacket => Scheme::UnixSeqpacketListen,
        _ => return None,
    })
}

/// The address of a server of the bench: the selected one, or else the one that was opened last.
fn reachable(ui: &Ui, server: Scheme) -> Option<String> {
    let selected = ui.selected_root();
    let servers = ui.bench.roster.roots().filter(|root| root.endpoint.scheme == server && root.state.is_open());
    servers.max_by_key(|root| (Some(root.id) == selected, root.id)).and_then(address_of)
}

/// How a client here reaches a server; a wildcard is reached by way of the loopback.
fn address_of(server: &Member) -> Option<String> {
    match server.local.first()? {
        Address::Ip(local) => {
            let mut local = *local;
            if local.ip().is_unspecified() {
                let v4 = local.is_ipv4();
                local.set_ip(if v4 { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { IpAddr::V6(Ipv6Addr::LOCALHOST) });
            }
            Some(local.to_string())
        }
        // As it was written, with what a URL must escape.
        Address::Unix(_) => Some(server.endpoint.address.to_string()),
        Address::Host(..) => None,
    }
}

/// Whether a server of the bench has this address, so that one of this scheme can't.
fn is_taken(ui: &Ui, scheme: &SchemeSpec, address: &str) -> bool {
    let mut servers = ui.bench.roster.roots().filter(|root| !root.endpoint.scheme.spec().is_client());
    servers.any(|root| {
        share_addresses(root.endpoint.scheme, scheme.scheme) && root.endpoint.address.to_string() == address
    })
}

/// Whether an address that a socket of one scheme has is none for one of the other. TCP and UDP have ports of their
/// own each; a path is one file, whatever the type of the socket.
pub(in crate::ui) fn share_addresses(one: Scheme, other: Scheme) -> bool {
    let kind = one.spec().address;
    kind == other.spec().address && (kind != AddressKind::HostPort || one.is_datagram() == other.is_datagram())
}

fn any_port(example: &str) -> String {
    example.rsplit_once(':').map_or_else(String::new, |(host, _)| format!("{host}:0"))
}

fn free_path(ui: &Ui, scheme: &SchemeSpec) -> String {
    let folder = ui.surroundings.socket_folder.trim_end_matches('/');
    let numbered = (2..).map(|number| format!("{folder}/sockbench-{number}.sock"));
    let mut paths = std::iter::once(format!("{folder}/sockbench.sock")).chain(numbered);
    // There are more paths than sockets.
    paths.find(|path| scheme.is_client() || !is_taken(ui, scheme, path)).unwrap_or_default()
}
