//! The system calls that opening an endpoint makes, for the form to show before they are made.

use std::net::IpAddr;

use crate::contract::{Endpoint, EndpointAddress, Host, PairType, Role, Scheme, UnixName};

/// The options that become a `setsockopt(2)` on any socket, where they are given.
const BUFFERS: [&str; 2] = ["send-buffer", "receive-buffer"];

/// The calls with the arguments that matter: `bind(127.0.0.1:7788), listen(128)`.
pub(super) fn calls(endpoint: &Endpoint) -> String {
    let spec = endpoint.scheme.spec();
    let mut calls: Vec<String> = Vec::new();
    if let Some(Host::Name(name)) = endpoint.address.host() {
        calls.push(format!("getaddrinfo({name})"));
    }
    for call in spec.calls {
        match *call {
            "bind" if spec.role == Role::DatagramClient => {
                calls.push(bind_of_sender(endpoint));
                calls.extend(endpoint.connected().then(|| format!("connect({})", endpoint.address.plain())));
            }
            "bind" => {
                if matches!(endpoint.address, EndpointAddress::Unix(UnixName::Path(_))) {
                    calls.push("fchmod(0600)".to_owned());
                }
                calls.push(format!("bind({})", endpoint.address.plain()));
            }
            "connect" => {
                calls.extend(endpoint.source().map(|source| format!("bind({source})")));
                calls.push(format!("connect({})", endpoint.address.plain()));
            }
            "listen" => calls.push(format!("listen({})", endpoint.backlog())),
            "socketpair" => calls.push(format!("socketpair(AF_UNIX, {})", type_name(endpoint.pair_type()))),
            other => calls.push(format!("{other}()")),
        }
        let is_new = matches!(*call, "socket" | "socketpair");
        if is_new && !spec.calls.contains(&"setsockopt") && BUFFERS.iter().any(|name| endpoint.option(name).is_some()) {
            calls.push("setsockopt()".to_owned());
        }
    }
    calls.extend(endpoint.join().iter().map(|group| format!("setsockopt(join {group})")));
    format!("Calls: {}", calls.join(", "))
}

/// Where a socket is bound that only has somebody to send to; one of ICMP has no port.
fn bind_of_sender(endpoint: &Endpoint) -> String {
    if let EndpointAddress::Host(host) = &endpoint.address {
        return match host {
            Host::Ip(ip, _) if ip.is_loopback() => format!("bind({ip})"),
            Host::Ip(IpAddr::V4(_), _) => "bind(0.0.0.0)".to_owned(),
            Host::Ip(IpAddr::V6(_), _) => "bind(::)".to_owned(),
            Host::Name(_) => "bind(any)".to_owned(),
        };
    }
    match (endpoint.source(), endpoint.address.host()) {
        (Some(source), _) => format!("bind({source})"),
        (None, Some(Host::Ip(ip, _))) if ip.is_loopback() && ip.is_ipv4() => format!("bind({ip}:0)"),
        (None, Some(Host::Ip(ip, _))) if ip.is_loopback() => format!("bind([{ip}]:0)"),
        (None, Some(Host::Ip(IpAddr::V4(_), _))) => "bind(0.0.0.0:0)".to_owned(),
        (None, Some(Host::Ip(IpAddr::V6(_), _))) => "bind([::]:0)".to_owned(),
        (None, _) if endpoint.scheme == Scheme::UnixDgram => "bind(autobind)".to_owned(),
        (None, _) => "bind(any:0)".to_owned(),
    }
}

const fn type_name(kind: PairType) -> &'static str {
    match kind {
        PairType::Stream => "SOCK_STREAM",
        PairType::Dgram => "SOCK_DGRAM",
        PairType::Seqpacket => "SOCK_SEQPACKET",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_those_that_will_be_made() {
        for (url, wanted) in [
            ("tcp-listen://127.0.0.1:1?backlog=5", "socket(), setsockopt(), bind(127.0.0.1:1), listen(5), accept()"),
            ("tcp://127.0.0.1:1?source=[::1]:4", "socket(), setsockopt(), bind([::1]:4), connect(127.0.0.1:1)"),
            ("udp://a.example:1", "getaddrinfo(a.example), socket(), setsockopt(), bind(any:0)"),
            ("udp://[::1]:1", "socket(), setsockopt(), bind([::1]:0)"),
            ("udp://127.0.0.1:1?connected", "socket(), setsockopt(), bind(127.0.0.1:0), connect(127.0.0.1:1)"),
            (
                "udp-bind://0.0.0.0:1?join=239.1.2.3",
                "socket(), setsockopt(), bind(0.0.0.0:1), setsockopt(join 239.1.2.3)",
            ),
            ("unix://@a?send-buffer=1KiB", "socket(), setsockopt(), connect(@a)"),
            ("unix-dgram:///tmp/a", "socket(), setsockopt(), bind(autobind)"),
            ("unix-dgram-bind:///tmp/a", "socket(), setsockopt(), fchmod(0600), bind(/tmp/a)"),
            ("unix-listen://@a", "socket(), bind(@a), listen(128), accept()"),
            ("pair://?type=dgram", "socketpair(AF_UNIX, SOCK_DGRAM)"),
            ("unix-dgram:///tmp/a%3F?connected", "socket(), setsockopt(), bind(autobind), connect(/tmp/a?)"),
            ("icmp://127.0.0.1", "socket(), setsockopt(), bind(127.0.0.1)"),
            ("icmp://10.0.0.1", "socket(), setsockopt(), bind(0.0.0.0)"),
            ("icmp://[::1]", "socket(), setsockopt(), bind(::1)"),
            ("icmp://a.example", "getaddrinfo(a.example), socket(), setsockopt(), bind(any)"),
            ("raw://127.0.0.1?protocol=9", "socket(), setsockopt(), connect(127.0.0.1)"),
        ] {
            assert_eq!(calls(&url.parse().unwrap()), format!("Calls: {wanted}"), "{url}");
        }
    }
}
