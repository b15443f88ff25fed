//! The options that `setsockopt(2)` sets: what each is for, and how it is set in Python, Rust and C.
//!
//! Owns one row an option. It never knows whether setting it succeeded.

use std::net::{IpAddr, Ipv4Addr};

use super::literal::quoted;
use super::snippet::{Code, Line, word};

/// What is taught of an option.
#[derive(Debug)]
pub(super) struct SocketOption {
    name: &'static str,
    /// In a few words.
    pub(super) remark: &'static str,
    /// In two or three sentences.
    pub(super) about: &'static str,
    /// The method of `socket2`, where it has one; `FLAG`, `NUMBER` and `SECONDS` stand for the value.
    rust: &'static str,
}

/// The number of an option that Python's `socket` has no name for, on Linux.
const NAMELESS: &[(&str, u32)] = &[
    ("IP_RECVERR", 11),
    ("IPV6_RECVERR", 25),
    ("SO_RXQ_OVFL", 40),
    ("SO_TIMESTAMP", 29),
    ("SO_TIMESTAMPNS", 35),
    ("IP_MTU_DISCOVER", 10),
    ("IP_RECVTTL", 12),
    ("IP_PKTINFO", 8),
];

const fn option(name: &'static str, remark: &'static str, rust: &'static str, about: &'static str) -> SocketOption {
    SocketOption { name, remark, about, rust }
}

static OPTIONS: &[SocketOption] = &[
    option(
        "TCP_NODELAY",
        "sends at once",
        "set_tcp_nodelay(FLAG)",
        "TCP_NODELAY switches Nagle's algorithm off, which holds a small segment back while an earlier one is not \
         acknowledged (RFC 9293, 3.7.4). Interactive programs want each send on its way at once.",
    ),
    option(
        "SO_REUSEADDR",
        "despite TIME_WAIT",
        "set_reuse_address(FLAG)",
        "SO_REUSEADDR lets bind(2) take an address on which connections of an earlier run still wait in TIME_WAIT, so \
         that a server can start again at once. A socket that still listens there is in the way all the same.",
    ),
    option(
        "SO_REUSEPORT",
        "others may bind the same port",
        "set_reuse_port(FLAG)",
        "SO_REUSEPORT lets several sockets of one user bind the same address, if all of them ask for it. The kernel \
         shares connections, or datagrams, out among them.",
    ),
    option(
        "SO_OOBINLINE",
        "urgent bytes stay in the stream",
        "set_out_of_band_inline(FLAG)",
        "SO_OOBINLINE leaves a byte that the peer sent as urgent (MSG_OOB) in its place in the stream. Without it recv \
         passes it over, and it is read by a call of its own (RFC 9293, 3.8.5; RFC 6093 advises against urgent data).",
    ),
    option(
        "SO_BROADCAST",
        "broadcast addresses are allowed",
        "set_broadcast(FLAG)",
        "SO_BROADCAST allows sending to a broadcast address such as 255.255.255.255. Without it the send fails with \
         EACCES, so that nobody floods a network by mistake.",
    ),
    option(
        "IPV6_V6ONLY",
        "IPv6 alone, IPv4 is left to others",
        "set_only_v6(FLAG)",
        "IPV6_V6ONLY decides whether a socket on [::] also takes IPv4, whose addresses then look like \
         ::ffff:192.0.2.1. On Linux it does unless this option is set (RFC 3493, 5.3).",
    ),
    option(
        "SO_KEEPALIVE",
        "silent peers are asked",
        "set_keepalive(FLAG)",
        "SO_KEEPALIVE has TCP ask a silent peer from time to time whether it is still there. If nobody answers, the \
         next recv fails with ETIMEDOUT. TCP sends nothing by itself otherwise: a lost peer would never be noticed.",
    ),
    option(
        "TCP_KEEPIDLE",
        "silence before the first question",
        "set_tcp_keepalive(&TcpKeepalive::new().with_time(SECONDS))",
        "TCP_KEEPIDLE is how many seconds a connection must be silent before keepalive asks for the first time. The \
         default is two hours.",
    ),
    option(
        "TCP_KEEPINTVL",
        "time between two questions",
        "set_tcp_keepalive(&TcpKeepalive::new().with_interval(SECONDS))",
        "TCP_KEEPINTVL is how many seconds keepalive waits between two questions; after TCP_KEEPCNT of them without an \
         answer the connection is dead.",
    ),
    option(
        "SO_LINGER",
        "close may wait",
        "set_linger(Some(SECONDS))",
        "SO_LINGER decides what close(2) does with what is not sent yet: with time it waits that many seconds for it \
         to be acknowledged. With {1, 0} it throws it away and sends RST instead of FIN: the peer's next call fails \
         with ECONNRESET, and no TIME_WAIT is left.",
    ),
    option(
        "SO_SNDBUF",
        "room for what is not yet acknowledged",
        "set_send_buffer_size(NUMBER)",
        "SO_SNDBUF is how many bytes may wait in the kernel to be sent or acknowledged; beyond that, send blocks or \
         says EAGAIN. The kernel grants at most net.core.wmem_max, and reads back the double, which it needs for its \
         own bookkeeping (socket(7)).",
    ),
    option(
        "SO_RCVBUF",
        "room for what is not yet read",
        "set_recv_buffer_size(NUMBER)",
        "SO_RCVBUF is how many bytes may wait in the kernel to be read. A TCP peer is slowed down when it is full; a \
         datagram that finds no room is dropped. The kernel grants at most net.core.rmem_max, and reads back the \
         double, for its own bookkeeping (socket(7)).",
    ),
    option(
        "IP_TTL",
        "how many routers it may pass",
        "set_ttl_v4(NUMBER)",
        "IP_TTL is how many routers a packet may pass; each takes one off, and at zero it is dropped and ICMP tells \
         the sender. That is how traceroute finds the way.",
    ),
    option(
        "IPV6_UNICAST_HOPS",
        "how many routers it may pass",
        "set_unicast_hops_v6(NUMBER)",
        "IPV6_UNICAST_HOPS is how many routers a packet may pass: what IP_TTL is for IPv4.",
    ),
    option(
        "IP_TOS",
        "a mark for routers",
        "set_tos_v4(NUMBER)",
        "IP_TOS marks packets for routers: the upper six bits say how urgent they are (DSCP, RFC 2474), the lower two \
         carry congestion marks (ECN, RFC 3168). Networks may honour it or not.",
    ),
    option(
        "IPV6_TCLASS",
        "a mark for routers",
        "set_tclass_v6(NUMBER)",
        "IPV6_TCLASS marks packets for routers: what IP_TOS is for IPv4.",
    ),
    option(
        "IP_MULTICAST_TTL",
        "how far multicast goes",
        "set_multicast_ttl_v4(NUMBER)",
        "IP_MULTICAST_TTL is how many routers a multicast datagram may pass. The default is 1: it stays on the own \
         network.",
    ),
    option(
        "IPV6_MULTICAST_HOPS",
        "how far multicast goes",
        "set_multicast_hops_v6(NUMBER)",
        "IPV6_MULTICAST_HOPS is how many routers a multicast datagram may pass. The default is 1: it stays on the own \
         network.",
    ),
    option(
        "IP_MULTICAST_LOOP",
        "whether this machine hears it, too",
        "set_multicast_loop_v4(FLAG)",
        "IP_MULTICAST_LOOP decides whether what is sent to a group is also heard by members on this very machine. It \
         is on by default, and needed to test both ends on one machine.",
    ),
    option(
        "IPV6_MULTICAST_LOOP",
        "whether this machine hears it, too",
        "set_multicast_loop_v6(FLAG)",
        "IPV6_MULTICAST_LOOP decides whether what is sent to a group is also heard by members on this very machine.",
    ),
    option(
        "IP_ADD_MEMBERSHIP",
        "a member of the group from now on",
        "",
        "IP_ADD_MEMBERSHIP joins a multicast group on one interface: the host tells its routers by IGMP, and takes \
         datagrams to that address. A group has no list of members and no connection; whoever joins, hears.",
    ),
    option(
        "IP_DROP_MEMBERSHIP",
        "no member of the group any more",
        "",
        "IP_DROP_MEMBERSHIP leaves a multicast group. Closing the socket does the same.",
    ),
    option(
        "IPV6_JOIN_GROUP",
        "a member of the group from now on",
        "",
        "IPV6_JOIN_GROUP joins a multicast group on one interface, given by its index: the host tells its routers by \
         MLD, and takes datagrams to that address.",
    ),
    option(
        "IPV6_LEAVE_GROUP",
        "no member of the group any more",
        "",
        "IPV6_LEAVE_GROUP leaves a multicast group. Closing the socket does the same.",
    ),
    option(
        "IP_MULTICAST_IF",
        "where multicast leaves the machine",
        "",
        "IP_MULTICAST_IF chooses the interface that multicast leaves by. Otherwise the route to the group decides.",
    ),
    option(
        "IPV6_MULTICAST_IF",
        "where multicast leaves the machine",
        "",
        "IPV6_MULTICAST_IF chooses the interface that multicast leaves by, given by its index.",
    ),
    option(
        "IP_RECVERR",
        "ICMP errors are kept for us",
        "",
        "IP_RECVERR (Linux) keeps the ICMP errors about datagrams in a queue of the socket, with the destination that \
         each is about; recvmsg with MSG_ERRQUEUE reads it. Without it, an unconnected UDP socket never learns that a \
         port is closed.",
    ),
    option(
        "IPV6_RECVERR",
        "ICMP errors are kept for us",
        "",
        "IPV6_RECVERR (Linux) keeps the ICMPv6 errors about datagrams in a queue of the socket, with the destination \
         that each is about; recvmsg with MSG_ERRQUEUE reads it.",
    ),
    option(
        "IP_RECVTTL",
        "each packet tells its TTL",
        "",
        "IP_RECVTTL has recvmsg tell, with each packet, the TTL that it came with, and so how many routers it passed.",
    ),
    option(
        "IPV6_RECVHOPLIMIT",
        "each packet tells its hop limit",
        "",
        "IPV6_RECVHOPLIMIT has recvmsg tell, with each packet, the hop limit that it came with, and so how many routers \
         it passed.",
    ),
    option(
        "SO_RXQ_OVFL",
        "the kernel counts what it drops",
        "",
        "SO_RXQ_OVFL (Linux) has recvmsg tell, with each datagram, how many the kernel has dropped so far because the \
         receive buffer was full. UDP tells nobody otherwise.",
    ),
];

/// The row for an option: `SO_REUSEADDR`.
pub(super) fn find(args: &str) -> Option<&'static SocketOption> {
    let name = args.split(", ").nth(1)?;
    OPTIONS.iter().find(|option| option.name == name)
}

/// How `setsockopt` with these arguments is written: `SOL_SOCKET, SO_REUSEADDR, 1`.
pub(super) fn code(args: &str) -> Code {
    let mut parts = args.splitn(3, ", ");
    let mut next = || parts.next().unwrap_or_default().trim();
    let (level, name, value) = (word(next(), "SOL_SOCKET"), word(next(), "SO_REUSEADDR"), next());
    if let Some((group, interface)) = group(name, value) {
        return membership(level, name, group, interface);
    }
    if name.ends_with("_MULTICAST_IF") {
        return multicast_interface(level, name, value);
    }
    if let Some(seconds) = value.strip_prefix("{1, ").and_then(|rest| rest.strip_suffix('}')) {
        let seconds: u64 = seconds.parse().unwrap_or(0);
        return Code {
            python: Line::new(format!(
                "s.setsockopt(socket.{level}, socket.{name}, struct.pack(\"ii\", 1, {seconds}))"
            )),
            rust: Line::new(format!("s.set_linger(Some(Duration::from_secs({seconds})))")),
            c: Line::after(
                format!("struct linger value = {{ .l_onoff = 1, .l_linger = {seconds} }};"),
                format!("setsockopt(s, {level}, {name}, &value, sizeof value)"),
            ),
        };
    }
    let number: i64 = value.parse().unwrap_or(1);
    Code {
        python: python_number(level, name, number),
        rust: rust_number(level, name, number),
        c: c_value(&format!("int value = {number};"), level, name),
    }
}

/// How `getsockopt` of an option that is a number is written.
pub(super) fn read_code(args: &str) -> Code {
    let mut parts = args.split(", ");
    let mut next = |default| word(parts.next().unwrap_or_default().trim(), default);
    let (level, name) = (next("SOL_SOCKET"), next("SO_ERROR"));
    Code {
        python: Line::new(format!("s.getsockopt(socket.{level}, socket.{name})")).bound("value = "),
        rust: Line::after(
            "let mut value: libc::c_int = 0;\nlet mut len = size_of_val(&value) as libc::socklen_t;".to_owned(),
            format!(
                "unsafe {{ libc::getsockopt(s.as_raw_fd(), libc::{level}, libc::{name}, (&raw mut value).cast(), &mut len) }}"
            ),
        )
        .infallible(),
        c: Line::after(
            "int value;\nsocklen_t len = sizeof value;".to_owned(),
            format!("getsockopt(s, {level}, {name}, &value, &len)"),
        ),
    }
}

fn python_number(level: &str, name: &str, number: i64) -> Line {
    Line::new(match NAMELESS.iter().find(|(nameless, _)| *nameless == name) {
        Some((_, option)) => format!("s.setsockopt(socket.{level}, {option}, {number})  # {option} is {name}"),
        None => format!("s.setsockopt(socket.{level}, socket.{name}, {number})"),
    })
}

fn rust_number(level: &str, name: &str, number: i64) -> Line {
    match OPTIONS.iter().find(|option| option.name == name && !option.rust.is_empty()) {
        Some(option) => {
            let method = option.rust.replace("FLAG", if number == 0 { "false" } else { "true" });
            let method = method.replace("SECONDS", &format!("Duration::from_secs({number})"));
            Line::new(format!("s.{}", method.replace("NUMBER", &number.to_string())))
        }
        None => rust_libc(&format!("let value: libc::c_int = {number};"), level, name),
    }
}

fn rust_libc(value: &str, level: &str, name: &str) -> Line {
    Line::after(
        format!("{value}\nlet len = size_of_val(&value) as libc::socklen_t;"),
        format!(
            "unsafe {{ libc::setsockopt(s.as_raw_fd(), libc::{level}, libc::{name}, (&raw const value).cast(), len) }}"
        ),
    )
    .infallible()
}

fn c_value(value: &str, level: &str, name: &str) -> Line {
    Line::after(value.to_owned(), format!("setsockopt(s, {level}, {name}, &value, sizeof value)"))
}

/// The group of `239.1.2.3@lo`, and its interface.
fn group<'a>(name: &str, value: &'a str) -> Option<(IpAddr, Option<&'a str>)> {
    let is_membership = name.ends_with("_MEMBERSHIP") || name.ends_with("_GROUP");
    let (ip, interface) = match value.split_once('@') {
        Some((ip, interface)) => (ip, Some(interface)),
        None => (value, None),
    };
    is_membership.then(|| ip.trim_matches(['[', ']']).parse().ok())?.map(|ip| (ip, interface))
}

fn membership(level: &str, name: &str, group: IpAddr, interface: Option<&str>) -> Code {
    let joins = name.contains("ADD") || name.contains("JOIN");
    let verb = if joins { "join" } else { "leave" };
    let interface = interface.map_or(Interface::Index("0"), Interface::of);
    let (index, rust_index) = (|prefix: &str| interface.index(prefix), interface.rust_index());
    match group {
        IpAddr::V4(ip) if let Interface::Address(own) = interface => Code {
            python: Line::after(
                format!("group = socket.inet_aton(\"{ip}\") + socket.inet_aton(\"{own}\")"),
                format!("s.setsockopt(socket.{level}, socket.{name}, group)"),
            ),
            rust: Line::new(format!("s.{verb}_multicast_v4(&\"{ip}\".parse()?, &\"{own}\".parse()?)")),
            c: c_value(
                &format!(
                    "struct ip_mreq value;\ninet_pton(AF_INET, \"{ip}\", &value.imr_multiaddr);\n\
                     inet_pton(AF_INET, \"{own}\", &value.imr_interface);"
                ),
                level,
                name,
            ),
        },
        IpAddr::V4(ip) => Code {
            python: Line::after(
                format!("group = struct.pack(\"4s4si\", socket.inet_aton(\"{ip}\"), bytes(4), {})", index("socket.")),
                format!("s.setsockopt(socket.{level}, socket.{name}, group)"),
            ),
            rust: Line::new(format!(
                "s.{verb}_multicast_v4_n(&\"{ip}\".parse()?, &InterfaceIndexOrAddress::Index({rust_index}))"
            )),
            c: c_value(
                &format!(
                    "struct ip_mreqn value = {{ .imr_ifindex = {} }};\ninet_pton(AF_INET, \"{ip}\", &value.imr_multiaddr);",
                    index("")
                ),
                level,
                name,
            ),
        },
        IpAddr::V6(ip) => Code {
            python: Line::after(
                format!(
                    "group = struct.pack(\"16sI\", socket.inet_pton(socket.AF_INET6, \"{ip}\"), {})",
                    index("socket.")
                ),
                format!("s.setsockopt(socket.{level}, socket.{name}, group)"),
            ),
            rust: Line::new(format!("s.{verb}_multicast_v6(&\"{ip}\".parse()?, {rust_index})")),
            c: c_value(
                &format!(
                    "struct ipv6_mreq value = {{ .ipv6mr_interface = {} }};\n\
                     inet_pton(AF_INET6, \"{ip}\", &value.ipv6mr_multiaddr);",
                    index("")
                ),
                level,
                name,
            ),
        },
    }
}

/// An interface as the options for multicast name it.
#[derive(Clone, Copy)]
enum Interface<'a> {
    Name(&'a str),
    Index(&'a str),
    /// By one of its own addresses, for IPv4.
    Address(Ipv4Addr),
}

impl<'a> Interface<'a> {
    fn of(text: &'a str) -> Self {
        match text.parse() {
            Ok(address) => Self::Address(address),
            Err(_) if text.parse::<u32>().is_ok() => Self::Index(text),
            Err(_) => Self::Name(text),
        }
    }

    /// Its index in Python and in C, whose function has this before its name.
    fn index(self, prefix: &str) -> String {
        match self {
            Self::Name(name) => format!("{prefix}if_nametoindex({})", quoted(name)),
            Self::Index(index) => index.to_owned(),
            Self::Address(_) => "0".to_owned(),
        }
    }

    fn rust_index(self) -> String {
        match self {
            Self::Name(name) => format!("if_nametoindex({})?", quoted(name)),
            other => other.index(""),
        }
    }
}

fn multicast_interface(level: &str, name: &str, interface: &str) -> Code {
    let interface = Interface::of(interface);
    let (index, python_index, rust_index) = (interface.index(""), interface.index("socket."), interface.rust_index());
    if name == "IPV6_MULTICAST_IF" {
        return Code {
            python: Line::new(format!("s.setsockopt(socket.{level}, socket.{name}, {python_index})")),
            rust: Line::new(format!("s.set_multicast_if_v6({rust_index})")),
            c: c_value(&format!("int value = {index};"), level, name),
        };
    }
    if let Interface::Address(own) = interface {
        return Code {
            python: Line::new(format!("s.setsockopt(socket.{level}, socket.{name}, socket.inet_aton(\"{own}\"))")),
            rust: Line::new(format!("s.set_multicast_if_v4(&\"{own}\".parse()?)")),
            c: c_value(&format!("struct in_addr value;\ninet_pton(AF_INET, \"{own}\", &value);"), level, name),
        };
    }
    Code {
        python: Line::after(
            format!("out = struct.pack(\"4s4si\", bytes(4), bytes(4), {python_index})"),
            format!("s.setsockopt(socket.{level}, socket.{name}, out)"),
        ),
        rust: rust_libc(
            &format!(
                "let any = libc::in_addr {{ s_addr: 0 }};\n\
                 let value = libc::ip_mreqn {{ imr_multiaddr: any, imr_address: any, imr_ifindex: {rust_index} as i32 }};"
            ),
            level,
            name,
        ),
        c: c_value(&format!("struct ip_mreqn value = {{ .imr_ifindex = {index} }};"), level, name),
    }
}
