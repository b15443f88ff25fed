//! The same step in Python, Rust and C.
//!
//! Owns how each call is written in each language, with the row's own arguments. In the snippets `s` is the socket;
//! Rust uses `std` where it has the call, as the connected `stream` or the `socket` of datagrams, and else `socket2`
//! or `libc`. It never explains.

use super::Step;
use super::literal::{Place, bytes, bytes_c, quoted, quoted_c};
use super::options;
use super::snippet::{Code, Line, word};
use crate::log::carrier::Carrier;

/// How the step's call is written; `None` for a call that is not known here.
pub(super) fn code(step: &Step) -> Option<Code> {
    let args = step.args.as_str();
    let place = Place::parse(args);
    Some(match step.name.as_str() {
        "getaddrinfo" => getaddrinfo(args),
        "socket" => socket(step),
        "socketpair" => socketpair(step),
        "setsockopt" => options::code(args),
        "getsockopt" => options::read_code(args),
        "bind" => bind(args, &place.unwrap_or_else(|| Place::Path(args.to_owned()))),
        "listen" => {
            let backlog = number(args).unwrap_or(128);
            same(&format!("s.listen({backlog})"), &format!("listen(s, {backlog})"))
        }
        "accept" | "accept4" => accept(),
        "connect" => connect(step, &place.unwrap_or_else(|| Place::Path(args.to_owned()))),
        "send" => send(step),
        "sendto" => sendto(step, place.as_ref()),
        "sendfile" => sendfile(args),
        "recv" | "read" if step.result == "0" => end_of_stream(),
        "recv" | "read" => Code {
            python: Line::new("s.recv(65536)").bound("data = "),
            rust: Line::after("let mut buf = [0; 65536];", "stream.read(&mut buf)").bound("let n = "),
            c: Line::after("char buf[65536];", "recv(s, buf, sizeof buf, 0)").bound("ssize_t n = "),
        },
        "recvfrom" => recvfrom(),
        "recvmsg" | "recvmmsg" => error_queue(),
        "shutdown" => shutdown(args),
        "close" => Code {
            python: Line::new("s.close()"),
            rust: Line::whole(format!("drop({}); // its end closes it", variable(step))),
            c: Line::new("close(s)"),
        },
        "getsockname"
            if step.listens
                && let Some(place) = Place::parse(&step.result) =>
        {
            listener(&place)
        }
        "getsockname" => name_of(step, "local", "local_addr"),
        "getpeername" => name_of(step, "peer", "peer_addr"),
        "unlink" => path(args, "os.unlink(PATH)", "std::fs::remove_file(PATH)", "unlink(PATH)"),
        "stat" | "lstat" => {
            path(args, "os.lstat(PATH)", "std::fs::symlink_metadata(PATH)", "lstat(PATH, &(struct stat){ 0 })")
        }
        "fchmod" | "chmod" => Code {
            python: Line::new("os.fchmod(s.fileno(), 0o600)"),
            rust: Line::new("nix::sys::stat::fchmod(&s, Mode::S_IRUSR | Mode::S_IWUSR)"),
            c: Line::new("fchmod(s, 0600)"),
        },
        "open" | "openat" => Code {
            python: Line::new(format!("open({}, \"rb\")", quoted(first(args)))).bound("file = "),
            rust: Line::new(format!("File::open({})", quoted(first(args)))).bound("let file = "),
            c: Line::new(format!("open({}, O_RDONLY)", quoted_c(first(args)))).bound("int file = "),
        },
        "write" => Code {
            python: Line::new("file.write(data)"),
            rust: Line::new("file.write_all(&data)"),
            c: Line::new("write(file, data, len)").bound("ssize_t n = "),
        },
        _ => return None,
    })
}

/// What holds the socket in Rust.
fn variable(step: &Step) -> &'static str {
    match step.carrier {
        _ if step.listens => "listener",
        Some(carrier) if carrier.is_datagrams() => "socket",
        _ => "stream",
    }
}

/// A call that Python and Rust write alike.
fn same(call: &str, c: &str) -> Code {
    Code { python: Line::new(call), rust: Line::new(call), c: Line::new(c) }
}

fn number(args: &str) -> Option<u64> {
    first(args).parse().ok()
}

fn first(args: &str) -> &str {
    args.split(", ").next().unwrap_or(args)
}

fn getaddrinfo(args: &str) -> Code {
    let name = quoted(first(args));
    Code {
        python: Line::whole(format!(
            "found = socket.getaddrinfo({name}, 7788, type=socket.SOCK_STREAM)\n\
             for family, kind, protocol, _, address in found:\n    print(address)"
        )),
        rust: Line::whole(format!(
            "for address in ({name}, 7788).to_socket_addrs()? {{\n    println!(\"{{address}}\");\n}}"
        )),
        c: Line::whole(format!(
            "struct addrinfo hints = {{ .ai_socktype = SOCK_STREAM }}, *found;\n\
             int error = getaddrinfo({}, \"7788\", &hints, &found);\n\
             if (error != 0)\n    fprintf(stderr, \"%s\\n\", gai_strerror(error));",
            quoted_c(first(args))
        )),
    }
}

/// Family, type and protocol: `AF_INET, SOCK_STREAM, 0`.
fn kinds(args: &str) -> (&str, &str, &str) {
    let mut parts = args.split(", ");
    let mut next = |default| word(parts.next().unwrap_or_default().trim(), default);
    (next("AF_INET"), next("SOCK_STREAM"), next("0"))
}

fn rust_kinds((family, kind, protocol): (&str, &str, &str)) -> String {
    let domain = match family {
        "AF_INET6" => "IPV6",
        "AF_UNIX" => "UNIX",
        _ => "IPV4",
    };
    let kind = match kind {
        "SOCK_RAW" => "from(libc::SOCK_RAW)".to_owned(),
        _ => kind.trim_start_matches("SOCK_").to_owned(),
    };
    let protocol = match protocol {
        "0" => "None".to_owned(),
        "IPPROTO_TCP" => "Some(Protocol::TCP)".to_owned(),
        "IPPROTO_UDP" => "Some(Protocol::UDP)".to_owned(),
        "IPPROTO_ICMP" => "Some(Protocol::ICMPV4)".to_owned(),
        "IPPROTO_ICMPV6" => "Some(Protocol::ICMPV6)".to_owned(),
        number if number.bytes().all(|byte| byte.is_ascii_digit()) => format!("Some(Protocol::from({number}))"),
        name => format!("Some(Protocol::from(libc::{name}))"),
    };
    format!("Domain::{domain}, Type::{kind}, {protocol}")
}

fn python_kinds((family, kind, protocol): (&str, &str, &str)) -> String {
    let protocol = match protocol {
        "0" => String::new(),
        number if number.bytes().all(|byte| byte.is_ascii_digit()) => format!(", {number}"),
        name => format!(", socket.{name}"),
    };
    format!("socket.{family}, socket.{kind}{protocol}")
}

fn socket(step: &Step) -> Code {
    let mut kinds = kinds(&step.args);
    // A failure that no call row tells of knows the address alone.
    if let Some(carrier) = step.carrier.filter(|_| !step.args.starts_with("AF_")) {
        kinds.0 = if carrier.is_unix() { "AF_UNIX" } else { kinds.0 };
        kinds.1 = carrier.socket_type();
    }
    let (family, kind, protocol) = kinds;
    Code {
        python: Line::new(format!("socket.socket({})", python_kinds(kinds))).bound("s = "),
        rust: Line::new(format!("Socket::new({})", rust_kinds(kinds))).bound("let s = "),
        c: Line::new(format!("socket({family}, {kind}, {protocol})")).bound("int s = "),
    }
}

fn socketpair(step: &Step) -> Code {
    let kinds = if step.args.starts_with("AF_") {
        kinds(&step.args)
    } else {
        ("AF_UNIX", step.carrier.map_or("SOCK_STREAM", Carrier::socket_type), "0")
    };
    let (family, kind, protocol) = kinds;
    Code {
        python: Line::new(format!("socket.socketpair({})", python_kinds(kinds))).bound("a, b = "),
        rust: match kind {
            "SOCK_STREAM" => Line::new("UnixStream::pair()"),
            "SOCK_DGRAM" => Line::new("UnixDatagram::pair()"),
            _ => Line::new(format!("Socket::pair({})", rust_kinds(kinds))),
        }
        .bound("let (a, b) = "),
        c: Line::after("int sv[2];", format!("socketpair({family}, {kind}, {protocol}, sv)")),
    }
}

fn bind(args: &str, place: &Place) -> Code {
    if args.contains("autobind") {
        // With the family alone, the kernel chooses an abstract name (unix(7)).
        return Code {
            python: Line::new("s.bind(\"\")"),
            rust: Line::new("s.bind(&SockAddr::unix(\"\")?)"),
            c: Line::after(
                "struct sockaddr_un addr = { .sun_family = AF_UNIX };",
                "bind(s, (struct sockaddr *)&addr, sizeof(sa_family_t))",
            ),
        };
    }
    let (lines, c_place) = place.c();
    Code {
        python: Line::new(format!("s.bind({})", place.python())),
        rust: Line::new(format!("s.bind({})", place.rust_sock_addr())),
        c: Line::after(lines, format!("bind(s, {c_place})")),
    }
}

fn accept() -> Code {
    Code {
        python: Line::new("s.accept()").bound("conn, peer = "),
        rust: Line::new("listener.accept()").bound("let (conn, peer) = "),
        c: Line::after(
            "struct sockaddr_storage peer;\nsocklen_t len = sizeof peer;",
            "accept(s, (struct sockaddr *)&peer, &len)",
        )
        .bound("int conn = "),
    }
}

fn connect(step: &Step, place: &Place) -> Code {
    let (lines, c_place) = place.c();
    let rust = match (step.carrier, place) {
        (Some(Carrier::Tcp) | None, Place::Ip(_)) => {
            Line::new(format!("TcpStream::connect({})", place.rust())).bound("let mut stream = ")
        }
        (Some(Carrier::UnixStream) | None, Place::Path(_)) => {
            Line::new(format!("UnixStream::connect({})", place.rust())).bound("let mut stream = ")
        }
        (Some(Carrier::UnixStream) | None, Place::Abstract(_)) => {
            Line::new(format!("UnixStream::connect_addr({})", place.rust())).bound("let mut stream = ")
        }
        _ => Line::new(format!("s.connect({})", place.rust_sock_addr())),
    };
    Code {
        python: Line::new(format!("s.connect({})", place.python())),
        rust,
        c: Line::after(lines, format!("connect(s, {c_place})")),
    }
}

/// The message in Python and Rust, and in C with its length; by name where it is too long to be written.
fn payload(step: &Step) -> (String, String) {
    match &step.data {
        Some(data) => (bytes(data), format!("{}, {}", bytes_c(data), data.len())),
        None => ("data".to_owned(), "data, len".to_owned()),
    }
}

fn send(step: &Step) -> Code {
    if step.is_partial() {
        return Code {
            python: Line::whole("while data:\n    n = s.send(data)  # sendall does this\n    data = data[n:]"),
            rust: Line::whole(
                "while !data.is_empty() {\n    let n = stream.write(data)?; // write_all does this\n    data = &data[n..];\n}",
            ),
            c: Line::whole(
                "while (len > 0) {\n    ssize_t n = send(s, data, len, MSG_NOSIGNAL);\n    if (n < 0)\n        break;\n    \
                 data += n;\n    len -= n;\n}",
            ),
        };
    }
    let (data, c_data) = payload(step);
    let rust = match variable(step) {
        "socket" => format!("socket.send({data})"),
        stream => format!("{stream}.write({data})"),
    };
    Code {
        python: Line::new(format!("s.send({data})")).bound("n = "),
        rust: Line::new(rust).bound("let n = "),
        c: Line::new(format!("send(s, {c_data}, MSG_NOSIGNAL)")).bound("ssize_t n = "),
    }
}

fn sendto(step: &Step, place: Option<&Place>) -> Code {
    let Some(place) = place else { return send(step) };
    if let Some((id, sequence)) = echo_of(&step.args) {
        return echo_request(step, place, id, sequence);
    }
    let (data, c_data) = payload(step);
    let (lines, c_place) = place.c();
    let method = if matches!(place, Place::Abstract(_)) { "send_to_addr" } else { "send_to" };
    Code {
        python: Line::new(format!("s.sendto({data}, {})", place.python())).bound("n = "),
        rust: Line::new(format!("socket.{method}({data}, {})", place.rust())).bound("let n = "),
        c: Line::after(lines, format!("sendto(s, {c_data}, 0,\n    {c_place})")).bound("ssize_t n = "),
    }
}

/// The id and the sequence number of `ICMP echo request, id 7, seq 1, 13 bytes, 127.0.0.1`.
fn echo_of(args: &str) -> Option<(u16, u16)> {
    let number = |name: &str| args.split(", ").find_map(|part| part.strip_prefix(name)?.parse().ok());
    args.starts_with("ICMP").then(|| Some((number("id ")?, number("seq ")?)))?
}

/// The message whole: what stands before the data is the work of whoever uses such a socket.
fn echo_request(step: &Step, place: &Place, id: u16, sequence: u16) -> Code {
    let v6 = step.args.starts_with("ICMPv6");
    let kind = if v6 { 128 } else { 8 };
    let [id_high, id_low] = id.to_be_bytes();
    let [sequence_high, sequence_low] = sequence.to_be_bytes();
    let data = step.data.as_deref();
    let mut header = [kind, 0, 0, 0, id_high, id_low, sequence_high, sequence_low];
    // The kernel computes that of ICMPv6, since it holds the addresses, too.
    if let Some(data) = data.filter(|_| !v6) {
        let checksum = internet_checksum(&[&header, data].concat());
        header[2..4].copy_from_slice(&checksum.to_be_bytes());
    }
    let checksum = u16::from_be_bytes([header[2], header[3]]);
    let python_data = data.map_or_else(|| "data".to_owned(), bytes);
    let (lines, c_place) = place.c();
    let c_data = match data {
        Some(data) => format!("{} {}, {}", bytes_c(&header), bytes_c(data), header.len() + data.len()),
        None => "data /* with its header */, len".to_owned(),
    };
    Code {
        python: Line::after(
            format!("header = struct.pack(\"!BBHHH\", {kind}, 0, {checksum:#06x}, {id}, {sequence})"),
            format!("s.sendto(header + {python_data}, {})", place.python()),
        )
        .bound("n = "),
        rust: Line::after(
            format!("let packet = [{}, &{python_data}[..]].concat();", bytes(&header).replacen('b', "&b", 1) + "[..]"),
            format!("s.send_to(&packet, {})", place.rust_sock_addr()),
        )
        .bound("let n = "),
        c: Line::after(lines, format!("sendto(s, {c_data}, 0,\n    {c_place})")).bound("ssize_t n = "),
    }
}

/// The sum of RFC 1071 over a message in which it is 0.
fn internet_checksum(message: &[u8]) -> u16 {
    let words = message.chunks(2).map(|pair| u64::from(pair[0]) << 8 | pair.get(1).map_or(0, |&low| u64::from(low)));
    let mut sum: u64 = words.sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

fn sendfile(args: &str) -> Code {
    let file = first(args);
    Code {
        python: Line::after(format!("file = open({}, \"rb\")", quoted(file)), "s.sendfile(file)").bound("n = "),
        rust: Line::after(format!("let mut file = File::open({})?;", quoted(file)), "io::copy(&mut file, &mut stream)")
            .bound("let n = "),
        c: Line::after(format!("int file = open({}, O_RDONLY);", quoted_c(file)), "sendfile(s, file, NULL, len)")
            .bound("ssize_t n = "),
    }
}

fn end_of_stream() -> Code {
    Code {
        python: Line::whole("if s.recv(65536) == b\"\":\n    print(\"the peer will send no more\")"),
        rust: Line::whole("if stream.read(&mut buf)? == 0 {\n    println!(\"the peer will send no more\");\n}"),
        c: Line::whole("if (recv(s, buf, sizeof buf, 0) == 0)\n    puts(\"the peer will send no more\");"),
    }
}

fn recvfrom() -> Code {
    Code {
        python: Line::new("s.recvfrom(65536)").bound("data, peer = "),
        rust: Line::after("let mut buf = [0; 65536];", "socket.recv_from(&mut buf)").bound("let (n, peer) = "),
        c: Line::after(
            "char buf[65536];\nstruct sockaddr_storage peer;\nsocklen_t len = sizeof peer;",
            "recvfrom(s, buf, sizeof buf, 0,\n    (struct sockaddr *)&peer, &len)",
        )
        .bound("ssize_t n = "),
    }
}

fn error_queue() -> Code {
    Code {
        python: Line::whole(
            "data, control, flags, about = s.recvmsg(1024, 1024, socket.MSG_ERRQUEUE)\n\
             for level, kind, error in control:\n    print(about, struct.unpack_from(\"I\", error))  # ee_errno",
        ),
        rust: Line::after(
            "let mut control = vec![0; 512];\nlet control = Some(&mut control);\nlet flags = MsgFlags::MSG_ERRQUEUE;",
            "recvmsg::<SockaddrIn>(s.as_raw_fd(), &mut iov, control, flags)",
        )
        .bound("let message = "),
        c: Line::after(
            "struct iovec iov = { buf, sizeof buf };\nchar control[512];\n\
             struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };\nmessage.msg_control = control;\n\
             message.msg_controllen = sizeof control;",
            "recvmsg(s, &message, MSG_ERRQUEUE)",
        ),
    }
}

fn shutdown(args: &str) -> Code {
    let how = word(args, "SHUT_WR");
    let rust = match how {
        "SHUT_RD" => "Read",
        "SHUT_RDWR" => "Both",
        _ => "Write",
    };
    Code {
        python: Line::new(format!("s.shutdown(socket.{how})")),
        rust: Line::new(format!("stream.shutdown(Shutdown::{rust})")),
        c: Line::new(format!("shutdown(s, {how})")),
    }
}

/// All that it takes to listen there.
fn listener(place: &Place) -> Code {
    let (lines, c_place) = place.c();
    Code {
        python: Line::after(format!("s.bind({})\ns.listen(128)", place.python()), "print(s.getsockname())"),
        rust: Line::whole(format!(
            "s.bind({})?;\ns.listen(128)?;\nprintln!(\"{{:?}}\", s.local_addr()?);",
            place.rust_sock_addr()
        )),
        c: Line::after(
            format!(
                "{lines}\nif (bind(s, {c_place}) < 0)\n    perror(\"bind\");\n\
                 if (listen(s, 128) < 0)\n    perror(\"listen\");\n\
                 struct sockaddr_storage local;\nsocklen_t len = sizeof local;"
            ),
            "getsockname(s, (struct sockaddr *)&local, &len)",
        ),
    }
}

fn name_of(step: &Step, end: &str, method: &str) -> Code {
    let call = &step.name;
    Code {
        python: Line::new(format!("print(s.{call}())")),
        rust: Line::whole(format!("println!(\"{{:?}}\", {}.{method}()?);", variable(step))),
        c: Line::after(
            format!("struct sockaddr_storage {end};\nsocklen_t len = sizeof {end};"),
            format!("{call}(s, (struct sockaddr *)&{end}, &len)"),
        ),
    }
}

fn path(args: &str, python: &str, rust: &str, c: &str) -> Code {
    let file = first(args);
    Code {
        python: Line::new(python.replace("PATH", &quoted(file))),
        rust: Line::new(rust.replace("PATH", &quoted(file))),
        c: Line::new(c.replace("PATH", &quoted_c(file))),
    }
}
