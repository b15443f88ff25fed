//! What an errno means after which call, for someone who is learning sockets.
//!
//! Owns the paragraph for each errno, and the exception that Python raises for it.

use super::Step;

/// What came of it, in two or three sentences; `None` for an errno that has no words here.
#[expect(clippy::too_many_lines, reason = "a table: one row an errno")]
pub(super) fn explanation(code: &str, step: &Step) -> Option<&'static str> {
    // Unix sockets know neither ports nor networks.
    let unix = step.is_unix();
    Some(match (code, step.name.as_str()) {
        ("ECONNREFUSED", "connect") if step.args.starts_with('@') => {
            "ECONNREFUSED: no open socket has this abstract name, or the one that has it has not called listen(2) yet."
        }
        ("ECONNREFUSED", "connect") if unix => {
            "ECONNREFUSED: the file is there, but nobody listens on it. Whoever made it is gone and left it behind, or \
             has not called listen(2) yet. A file that is no socket at all is refused in the same way; `ls -l` shows \
             an `s` before the rights of a socket."
        }
        ("ECONNREFUSED", "connect") => {
            "ECONNREFUSED: the host answered the SYN with RST, because nobody listens on that port (RFC 9293, 3.5.2). \
             So the host is up and the network works. Start the server, or check the port; a firewall that drops \
             packets would have shown itself as ETIMEDOUT instead."
        }
        ("ECONNREFUSED", _) if unix => {
            "ECONNREFUSED: nobody receives there any more: the other socket is closed, and at most its file is left, or \
             it is a file of another kind."
        }
        ("ECONNREFUSED", _) => {
            "ECONNREFUSED: a datagram sent earlier reached the host, and ICMP said \"port unreachable\": nobody is \
             bound to that port. UDP itself never answers, so this is the only sign, and it comes late, with another \
             call. The socket is as good as before."
        }
        ("EADDRINUSE", _) if step.args.starts_with('@') => {
            "EADDRINUSE: another socket has this abstract name, and is open: such a name goes with its socket."
        }
        ("EADDRINUSE", _) if unix => {
            "EADDRINUSE: the path exists already. The file of a Unix socket outlives its program, so bind(2) fails \
             even when nobody listens there any more; a server removes a stale file first."
        }
        ("EADDRINUSE", _) => {
            "EADDRINUSE: another socket holds this address and port. With SO_REUSEADDR an old connection in TIME_WAIT \
             is not in the way, but a socket that listens still is. `ss -ltnp` shows who it is."
        }
        ("EADDRNOTAVAIL", "connect") => {
            "EADDRNOTAVAIL: no address and port of our own could be chosen: every ephemeral port towards this address is \
             taken (net.ipv4.ip_local_port_range), or no interface has an address that leads there."
        }
        ("EADDRNOTAVAIL", _) => {
            "EADDRNOTAVAIL: no interface of this machine has that address, so nothing could ever arrive there. Use one \
             of its own addresses, 127.0.0.1 for this machine alone, or 0.0.0.0 for all interfaces."
        }
        ("EACCES", "bind") => {
            "EACCES: the system does not allow this address. Ports below 1024 need a privilege on most systems; for a \
             path, the folder must be writable."
        }
        ("EACCES" | "EPERM", "socket") if step.args.contains("SOCK_DGRAM") => {
            "EACCES: echo requests without privilege are for the groups in net.ipv4.ping_group_range (icmp(7)), and none \
             of ours is in it. A raw socket does the same, and needs CAP_NET_RAW."
        }
        ("EACCES" | "EPERM", "socket") => {
            "The system gives such sockets only to those with the privilege: raw sockets see and make packets that \
             belong to others, so they need CAP_NET_RAW."
        }
        ("EACCES", "open" | "openat" | "unlink") => "EACCES: this user may not do that to the file, or in its folder.",
        ("EACCES", _) => {
            "EACCES: the system does not allow it. A datagram to a broadcast address needs SO_BROADCAST first; a Unix \
             socket needs the right to write to its file."
        }
        ("EPERM", _) => "EPERM: the system does not allow it; for a packet this is most often a firewall rule.",
        ("EAGAIN" | "EWOULDBLOCK", "connect") => {
            "EAGAIN: the listener's backlog is full, and this socket does not wait. Try again once the server has \
             accepted somebody."
        }
        ("EAGAIN" | "EWOULDBLOCK", _) => {
            "EAGAIN: not now. The socket does not block, and there is nothing to read, or no room to send. Wait with \
             poll(2) or epoll(7) until it is ready, then try again: it is not a failure."
        }
        ("EINPROGRESS", _) => {
            "EINPROGRESS: the handshake has begun and is not done. A socket that does not block returns at once; when \
             poll(2) says that it can be written to, SO_ERROR tells how the connect ended."
        }
        ("EINTR", _) => "EINTR: a signal arrived before there was a result. Make the call again.",
        ("EPIPE", _) if unix => {
            "EPIPE: the other end has closed its socket or shut down its reading, or this end was shut down here. On one \
             machine the system knows that at once. Without MSG_NOSIGNAL the process gets SIGPIPE as well, which kills \
             it."
        }
        ("EPIPE", _) => {
            "EPIPE: this end can no longer send: the connection is reset, or it was shut down here. The first send \
             after the peer closed still succeeds, and is answered with RST; the next one ends here. Without \
             MSG_NOSIGNAL the process gets SIGPIPE as well, which kills it."
        }
        ("ECONNRESET", _) if unix => {
            "ECONNRESET: the peer closed its socket while bytes of ours waited there unread. They are lost."
        }
        ("ECONNRESET", _) => {
            "ECONNRESET: RST came from the peer. Its program crashed, closed with unread bytes or with SO_LINGER 0, or \
             its host knows nothing of this connection. Whatever was on the way is lost; there is no FIN after it."
        }
        ("ECONNABORTED", _) => {
            "ECONNABORTED: the peer was gone before it was accepted. It is the loss of one connection; the listener \
             goes on."
        }
        ("ETIMEDOUT", "connect") => {
            "ETIMEDOUT: no answer to the SYN, which was sent several times. The host is down, the address is wrong, or \
             a firewall drops the packets silently. A host that is up and has no such service would have refused."
        }
        ("ETIMEDOUT", _) => {
            "ETIMEDOUT: what was sent, or keepalive's question, was never acknowledged. The peer or the way to it is \
             gone, and it said nothing before."
        }
        ("EHOSTUNREACH", _) => {
            "EHOSTUNREACH: a router, or this machine, knows no way to that host; on the own network nobody answered \
             for its address."
        }
        ("ENETUNREACH", _) => {
            "ENETUNREACH: the routing table of this machine has no route to that network. For IPv6 this is usual where \
             a machine has no IPv6 connection."
        }
        ("EMFILE", _) => {
            "EMFILE: this process has as many file descriptors as it may. Every socket is one. Connections wait in the \
             backlog until some are closed, or the limit (`ulimit -n`) is raised."
        }
        ("ENFILE", _) => "ENFILE: the whole system has as many open files as it may.",
        ("EMSGSIZE", _) => {
            "EMSGSIZE: longer than one datagram can be: 65,507 bytes over IPv4 and 65,527 over IPv6, the send buffer \
             for Unix sockets. A datagram goes whole or not at all; split the message, or use a stream."
        }
        ("EPROTOTYPE", _) => {
            "EPROTOTYPE: the socket at this path is of another type: SOCK_STREAM, SOCK_DGRAM and SOCK_SEQPACKET can't talk \
             to each other. Make a socket of the type that the server has: unix, unix-dgram or unix-seqpacket; `ss -xl` \
             shows which it is."
        }
        ("ENOTCONN", _) => "ENOTCONN: the socket has no peer yet, or has none any more.",
        ("EDESTADDRREQ", _) => "EDESTADDRREQ: the socket has no default destination, and the call names none.",
        ("ENOENT", _) => "ENOENT: there is no such file: the server is not running, or listens on another path.",
        ("EAFNOSUPPORT", _) => "EAFNOSUPPORT: the system, or this socket, does not know that family of addresses.",
        ("ENOPROTOOPT", _) => "ENOPROTOOPT: the system, or this kind of socket, does not know that option.",
        ("ENODEV", _) => "ENODEV: there is no such interface, or none with a route for this group.",
        ("EINVAL", _) => "EINVAL: the call does not accept these arguments for this socket in its present state.",
        ("ENOBUFS" | "ENOMEM", _) => "The system has no memory left for it at the moment.",
        _ => return None,
    })
}

/// The class of Python's exceptions for an errno.
pub(super) fn python_exception(code: &str) -> &'static str {
    match code {
        "ECONNREFUSED" => "ConnectionRefusedError",
        "ECONNRESET" => "ConnectionResetError",
        "ECONNABORTED" => "ConnectionAbortedError",
        "EPIPE" | "ESHUTDOWN" => "BrokenPipeError",
        "ETIMEDOUT" => "TimeoutError",
        "EACCES" | "EPERM" => "PermissionError",
        "EAGAIN" | "EWOULDBLOCK" | "EINPROGRESS" | "EALREADY" => "BlockingIOError",
        "EINTR" => "InterruptedError",
        "ENOENT" => "FileNotFoundError",
        "EEXIST" => "FileExistsError",
        _ => "OSError",
    }
}
