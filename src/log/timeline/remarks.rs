//! What a step means, in the few words that stand beside it.

use super::{Step, options};
use crate::log::carrier::Carrier;
use crate::log::ending;

/// The remark; empty where there is nothing to say.
pub(super) fn remark(step: &Step) -> &'static str {
    if let Some(code) = step.code() {
        return failure(code, &step.name, step.is_unix());
    }
    let args = step.args.as_str();
    match step.name.as_str() {
        "getaddrinfo" if step.result.starts_with(|c: char| c.is_ascii_digit()) || step.result.contains(':') => {
            "to be tried in this order"
        }
        "getaddrinfo" => "nobody knows that name",
        "socket" => "a descriptor, no address",
        "setsockopt" if args.contains("SO_LINGER, {1, 0}") => "close will send RST: an abort",
        "setsockopt" if step.shares_port() => "others may bind the same port, too",
        "setsockopt" => options::find(args).map_or("", |option| option.remark),
        "bind" if args.contains("autobind") => "the kernel chooses a name",
        "bind" if args.ends_with(":0") => "any free port",
        "bind" => "the socket has its address",
        "listen" => "so many may wait to be accepted",
        "accept" => "the peer's own socket",
        "connect" if step.is_on_path() => "the listener has it in its backlog",
        "connect" if step.carrier == Some(Carrier::Raw) => "packets from this host alone",
        "connect" => "SYN, SYN+ACK, ACK: it stands",
        "send" if step.is_partial() => "a part: there was no more room",
        "recv" if step.result == "0" => ending::peer_closed(step.is_unix(), step.before.half_closed),
        "recvfrom" if step.has_ip_header() => "the IP header (20 bytes or more) stands in front",
        "recvfrom" if step.result.starts_with("0 ") => "an empty datagram is a message, too",
        "shutdown" if args == "SHUT_WR" && step.is_unix() => "no more is sent, receiving goes on",
        "shutdown" if args == "SHUT_WR" => "FIN is sent, receiving goes on",
        "socketpair" => "two ends, connected already",
        "unlink" => "the file is gone",
        "fchmod" | "chmod" => "for this user alone",
        _ => "",
    }
}

/// Of an errno: its paragraph is too long for a row.
fn failure(code: &str, call: &str, unix: bool) -> &'static str {
    match (code, call) {
        ("ECONNREFUSED", "connect") if unix => "nobody listens there, or it is no socket",
        ("ECONNREFUSED", "connect") => "RST: refused",
        ("ECONNREFUSED", _) if unix => "nobody receives there",
        ("ECONNREFUSED", _) => "ICMP: port unreachable",
        ("EADDRINUSE", _) => "another socket holds it",
        ("EADDRNOTAVAIL", "connect") => "no port or address of our own",
        ("EADDRNOTAVAIL", _) => "no interface has that address",
        ("EACCES" | "EPERM", _) => "not allowed",
        ("EPIPE", _) => "the connection takes nothing more",
        ("ECONNRESET", _) if unix => "the peer closed, with bytes unread",
        ("EPROTOTYPE", _) => "a socket of another type",
        ("ECONNRESET", _) => "the peer sent RST",
        ("ETIMEDOUT", _) => "no answer",
        ("EHOSTUNREACH" | "ENETUNREACH", _) => "no way leads there",
        ("EMFILE", _) => "no descriptor is left",
        ("EMSGSIZE", _) => "longer than a datagram can be",
        ("ENOENT", _) => "no such path",
        ("EAGAIN" | "EWOULDBLOCK", _) => "not now",
        ("EINPROGRESS", _) => "the handshake has begun",
        _ => "",
    }
}
