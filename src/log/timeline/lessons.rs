//! What a step teaches: what the call is, what came of it, and the same step in Python, Rust and C.
//!
//! Owns the paragraph for each call. Pure data: it never looks at the log.

use super::code::code;
use super::{Step, errors, options};
use crate::log::carrier::Carrier;

/// What is taught at one step of a timeline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lesson {
    /// What the call is and what came of it, in a few sentences.
    pub explanation: String,
    /// The language and the same step in it, in lines; empty for a step that no call made.
    pub code: Vec<(&'static str, String)>,
}

/// What there is to learn at a step.
#[must_use]
pub fn lesson(step: &Step) -> Lesson {
    if step.name.is_empty() {
        let explanation = "No call returned this: the program remarks on what it saw.".to_owned();
        return Lesson { explanation, code: Vec::new() };
    }
    let mut explanation = about(step);
    if let Some(failure) = step.code().and_then(|code| errors::explanation(code, step)) {
        // Of what did not come about, one sentence is enough.
        if let Some(end) = explanation.find(". ") {
            explanation.truncate(end + 1);
        }
        explanation.push(' ');
        explanation.push_str(failure);
    }
    if step.inferred {
        explanation.push_str(" (~: this call was not observed; it follows from what was.)");
    }
    let written = code(step).map(|code| {
        // What the error queue holds is no failure of the call that reads it.
        let failed = step.code().filter(|_| step.result.starts_with("-1"));
        vec![
            ("Python", code.python.python(failed)),
            ("Rust", code.rust.rust(failed)),
            ("C", code.c.c(failed, &step.name)),
        ]
    });
    Lesson { explanation, code: written.unwrap_or_default() }
}

const SHARED_PORT: &str = "SO_REUSEADDR on UDP lets several sockets bind the same address and port, if all of them ask \
                           for it: so several programs can listen to one multicast group, and each gets every datagram \
                           of the group. One that is sent to a single host goes to one of them alone, on Linux the one \
                           that was bound last. UDP knows no TIME_WAIT.";

#[expect(clippy::too_many_lines, reason = "a table: one row a call")]
fn about(step: &Step) -> String {
    let args = step.args.as_str();
    let on_path = step.is_on_path();
    let text = match step.name.as_str() {
        "getaddrinfo" => {
            "getaddrinfo(3) asks the resolver, which reads the hosts file and asks DNS, for the addresses of a name. \
             There may be several, of IPv4 and IPv6; a client tries them in order until one connects. It is a library \
             function and not a system call, and it may take seconds."
        }
        "socket" => return about_socket(args),
        "socketpair" => {
            "socketpair(2) makes two sockets that are connected to each other: what is sent at one end is received at \
             the other. No address, no listener and no handshake are needed, so it is the way to talk to a child \
             process or another thread."
        }
        "setsockopt" => return about_option(step),
        "getsockopt" => {
            "getsockopt(2) reads an option back, as the kernel has it; it may differ from what was asked for."
        }
        "bind" if args.contains("autobind") => {
            "bind(2) with the family alone has the kernel choose a name in the abstract namespace (unix(7)), so that \
             whoever gets our datagrams knows where to send an answer."
        }
        "bind" if args.starts_with('@') => {
            "bind(2) gives a Unix socket its name. One that begins with NUL, written @name, lives in the abstract \
             namespace of Linux: it leaves no file, needs no right to one, and is gone with its socket."
        }
        "bind" if on_path => {
            "bind(2) gives a Unix socket its name: it makes a file of the type socket at this path, which clients \
             connect to. The file stays when the program ends, so a server removes it."
        }
        "bind" if step.is_without_ports() => {
            "bind(2) gives the socket its local address: only packets to it are received, and it is what we send from. \
             This protocol knows no ports."
        }
        "bind" if args.ends_with(":0") => {
            "bind(2) gives the socket its local address. Port 0 asks the system for any free port, and getsockname(2) \
             tells which one it was. A client seldom calls bind: connect then chooses address and port by itself."
        }
        "bind" if args.starts_with("0.0.0.0") || args.starts_with("[::]") => {
            "bind(2) gives the socket its local address. This one is the wildcard: it means every address of this \
             machine, so whoever reaches the machine reaches the socket. 127.0.0.1 or [::1] would keep it to this \
             machine."
        }
        "bind" => {
            "bind(2) gives the socket its local address: the interface's address and the port that others will send \
             to. A server must have one that its clients know. A client seldom calls bind: connect then chooses \
             address and port by itself."
        }
        "listen" => {
            "listen(2) makes the socket one that takes connections and carries no data itself. From now on the kernel \
             completes handshakes by itself; the argument, the backlog, is how many finished connections may wait for \
             accept before further ones are put off. Linux caps it at net.core.somaxconn."
        }
        "accept" | "accept4" => {
            "accept(2) takes the oldest finished connection from the backlog and returns a new descriptor for it. That \
             one talks to this peer alone; the listener stays as it was and waits for the next. The handshake was done \
             before: accept only hands the connection over."
        }
        "connect" if step.carrier == Some(Carrier::Raw) => {
            "connect(2) on a raw socket sends nothing: it sets where send goes, and from now on the kernel passes on only \
             packets from that host."
        }
        "connect" if step.carrier.is_some_and(Carrier::is_datagrams) => {
            "connect(2) on a datagram socket sends nothing: it tells the kernel whom send(2) is for, and to pass on only \
             what comes from there. An ICMP error about that peer is returned by the next call. A later connect may \
             name another peer."
        }
        "connect" if on_path => {
            "connect(2) puts this connection into the backlog of whoever listens on the path, and is done: both ends \
             are on this machine, so nothing is sent over a network. The right to write to the file is the right to \
             connect."
        }
        "connect" => {
            "connect(2) opens the connection: TCP sends SYN, the other end answers SYN+ACK, and this end's ACK \
             completes the three-way handshake (RFC 9293, 3.5). The kernel also chose our own address and port. The \
             server's program has not seen anything yet: its kernel did all that."
        }
        "send" if step.is_partial() => {
            "send(2) took a part of the bytes: as many as the socket's send buffer had room for. The peer reads more \
             slowly than we write. This is no error: send the rest when poll(2) says that there is room again. Who \
             ignores the result loses the rest."
        }
        "send" if step.carrier == Some(Carrier::UnixDatagrams) => {
            "send(2) on such a socket sends one datagram to the other end, whole or not at all. On this machine none is \
             lost, doubled or overtaken: where the other end's queue is full, send waits or says EAGAIN (unix(7))."
        }
        "send" if step.carrier == Some(Carrier::UnixMessages) => {
            "send(2) on such a socket sends one message, whole or not at all, and the peer's recv returns exactly this \
             message: order and boundaries are kept, unlike on a stream."
        }
        "send" => {
            "send(2) copies bytes into the socket's send buffer and returns how many it took. That says nothing of \
             their arrival: the kernel sends them when it can. A stream has no message boundaries, so the peer may \
             receive these bytes in several pieces, or together with others."
        }
        "sendto" if args.starts_with("ICMP") => {
            "sendto(2) on an ICMP socket sends an echo request, as ping does: a header with an id and a sequence number \
             by which the answer is known again, and then our bytes. The other host's kernel answers by itself, with \
             the same bytes (RFC 792, RFC 4443). Without privilege the kernel fills in id and checksum; a raw socket of \
             IPv4 must do both itself."
        }
        "sendto" if step.is_unix() => {
            "sendto(2) sends one datagram to the socket at this path, whole or not at all. On this machine none is lost, \
             doubled or overtaken: where the receiver's queue is full, sendto waits or says EAGAIN (unix(7)). One \
             sendto is one recvfrom at the other end."
        }
        "sendto" if step.carrier == Some(Carrier::Raw) => {
            "sendto(2) on a raw socket sends these bytes as the body of one IP packet; the kernel puts the IP header \
             before them. Whatever header the protocol wants is up to us."
        }
        "sendto" => {
            "sendto(2) sends one datagram to this address, whole or not at all. No connection is made and nothing is \
             acknowledged: it may be lost, doubled or overtaken on the way, and the result says only that it left. \
             One sendto is one recvfrom at the other end."
        }
        "sendfile" => {
            "sendfile(2) has the kernel send a file's bytes without copying them through the program. As send, it may \
             take a part only: call it again from where it stopped."
        }
        "recv" | "read" if step.result == "0" && step.before.half_closed => {
            "recv(2) returned 0: the end of what the peer sends. This end had shut its own direction down before, so both \
             directions are done, and close(2) is all that is left. A program that takes 0 for \"nothing yet\" runs in \
             circles."
        }
        "recv" | "read" if step.result == "0" && step.is_unix() => {
            "recv(2) returned 0: the end of the connection. The peer shut its direction down, or closed its socket. In \
             the first case you may go on sending until you close as well (half-close); in the second a send fails \
             with EPIPE at once, since the system knows both ends. A program that takes 0 for \"nothing yet\" runs in \
             circles."
        }
        "recv" | "read" if step.result == "0" => {
            "recv(2) returned 0: the end of the stream. The peer closed its direction, or all of its socket, and its \
             FIN arrived after its last byte. The other direction is still open: you may go on sending until you close \
             as well (half-close). A program that takes 0 for \"nothing yet\" runs in circles."
        }
        "recv" | "read" if matches!(step.carrier, Some(Carrier::UnixMessages | Carrier::UnixDatagrams)) => {
            "recv(2) on such a socket returns one message as it was sent, whole; what does not fit into the buffer is \
             cut off and gone."
        }
        "recv" | "read" => {
            "recv(2) copies what has arrived, at most the buffer's size, and returns how many bytes that were. It may \
             be less or more than what the peer sent at once: a stream keeps the order of bytes and no message \
             boundaries, so a program must find those itself. 0 would mean that the peer has closed."
        }
        "recvfrom" if args.starts_with("ICMP") => {
            "recvfrom(2) on an ICMP socket returned an echo reply: the same bytes came back, with the id and the \
             sequence number of the request. The time between the two is the round trip."
        }
        "recvfrom" if step.carrier == Some(Carrier::Raw) => {
            "recvfrom(2) on a raw socket returns one IP packet of this protocol: over IPv4 with its IP header before it \
             (20 bytes or more: the lower half of the first byte tells how many words of four bytes), over IPv6 without (raw(7), RFC 3542). What does not fit into the buffer is cut off and gone."
        }
        "recvfrom" => {
            "recvfrom(2) takes one datagram and tells who sent it, so that it can be answered with sendto. A message \
             arrives as it was sent, whole; what does not fit into the buffer is cut off and gone. 0 means an empty \
             datagram and never an end: without a connection there is nothing to close."
        }
        "recvmsg" => {
            "recvmsg(2) with MSG_ERRQUEUE reads the queue in which Linux keeps the ICMP errors about datagrams sent \
             before, if IP_RECVERR is set. Each entry has an errno, and the destination that it is about."
        }
        "shutdown" if step.is_unix() => {
            "shutdown(2) with SHUT_WR closes our direction only: the peer reads what waits, and then its recv returns 0. \
             We can still receive, so this is how one says \"that was all\" and waits for the answer. The descriptor \
             stays until close(2)."
        }
        "shutdown" => {
            "shutdown(2) with SHUT_WR closes our direction only: TCP sends FIN after the last byte, and the peer's recv \
             returns 0. We can still receive, so this is how one says \"that was all\" and waits for the answer. The \
             descriptor stays until close(2)."
        }
        "close" if step.listens => {
            "close(2) gives the descriptor back, and the listener is gone: who connects now is refused, and connections \
             that nobody accepted are reset. Those that were accepted are sockets of their own, and go on."
        }
        "close" if step.carrier == Some(Carrier::UnixDatagrams) => {
            "close(2) gives the descriptor back. Datagrams that were not read are dropped. Who sends to this socket now \
             is told ECONNREFUSED."
        }
        "close" if step.is_without_ports() => {
            "close(2) gives the descriptor back. Packets that were not read are dropped, and nobody is told: without a \
             connection there is nothing to end."
        }
        "close" if step.carrier.is_some_and(Carrier::is_datagrams) => {
            "close(2) gives the descriptor back. Datagrams that were not read are dropped, and nobody is told: without \
             a connection there is nothing to end. Who sends to this port now hears ICMP \"port unreachable\"."
        }
        "close" if step.before.resets && !step.is_unix() => {
            "close(2) gives the descriptor back. SO_LINGER is {1, 0}, so the bytes that wait are thrown away, and RST \
             goes out and not FIN: the peer's next call fails with ECONNRESET, even if there was something to read. No \
             TIME_WAIT is left at this end (RFC 9293, 3.10.5)."
        }
        "close" if step.is_unix() => {
            "close(2) gives the descriptor back. The other end, if there is one, reads what waits and then gets 0 from \
             recv; what it sends from now on fails with EPIPE."
        }
        "close" => {
            "close(2) gives the descriptor back. On TCP the bytes that wait are still sent, and then FIN, unless it was \
             sent before; but if received bytes were never read, RST goes out instead. The end that closes first keeps \
             the pair of addresses in TIME_WAIT for a minute."
        }
        // A listener and a datagram socket have this row as the first one that a log shows of them.
        "getsockname" if step.listens && step.is_unix() => {
            "The socket is a listener now. bind(2) gave it a name: a path, at which it made a file, or @name, which leaves \
             none. listen(2) had the kernel take connections there; each waits in the backlog until accept(2) makes \
             a socket of it. getsockname(2) tells that name."
        }
        "getsockname" if step.listens => {
            "The socket is a listener now. bind(2) gave it the address and the port at which clients find it, and \
             listen(2) had the kernel take connections there: it does the handshakes by itself, and each connection \
             waits in the backlog until accept(2) makes a socket of it. getsockname(2) tells the address that it really \
             got, and so the port where 0 asked for any free one."
        }
        "getsockname" if step.is_without_ports() => {
            "The socket is open. It has an address of this machine and no port: bind(2) gives it one, or connect(2) \
             chooses it. getsockname(2) tells which it is."
        }
        // Of all Unix sockets that tell their own name, only a pair has none.
        "getsockname" if step.is_unix() && step.result == "unnamed" => {
            "The pair is open: socketpair(2) made its two ends connected to each other, so that neither needs a name, and \
             nobody else can reach them. getsockname(2) tells that there is none."
        }
        "getsockname" if step.carrier == Some(Carrier::UnixDatagrams) => {
            "The socket is open. bind(2) gave it a name, which is where others send their datagrams; a datagram socket \
             needs no listen(2) and no accept(2), since it has no connections. getsockname(2) tells that name."
        }
        "getsockname" if step.carrier.is_some_and(Carrier::is_datagrams) => {
            "The socket is open. bind(2) gives it the address and the port at which others find it; where a client does \
             not bind, the kernel chooses both at connect(2) or at the first send. A datagram socket needs no listen(2) \
             and no accept(2), since it has no connections. getsockname(2) tells the address that it really got."
        }
        "getsockname" => {
            "getsockname(2) tells the socket's own address, as the system really gave it. It is how a program learns \
             the port after bind to port 0, or which address connect chose for it."
        }
        "getpeername" => "getpeername(2) tells the address at the other end of a connected socket.",
        "unlink" => {
            "unlink(2) removes a name from the file system. The file of a Unix socket stays when its program ends, and \
             a new bind to that path fails with EADDRINUSE until somebody removes it."
        }
        "stat" | "lstat" => {
            "lstat(2) tells what kind of file a path is, and whose. Only a socket may be replaced by one."
        }
        "fchmod" | "chmod" => {
            "fchmod(2) sets who may use the file. Connecting to a Unix socket needs the right to write to its file, so \
             0600 keeps it to this user. Set before bind, there is no moment at which others could slip in."
        }
        "open" | "openat" => "open(2) opens a file and returns its descriptor.",
        "write" => "write(2) writes bytes to a file, and returns how many it took.",
        name => return format!("{name} is a call of the system or the library; `man {name}` describes it."),
    };
    text.to_owned()
}

fn about_socket(args: &str) -> String {
    let family = match args.split(", ").next() {
        Some("AF_INET") => "AF_INET chooses IPv4",
        Some("AF_INET6") => "AF_INET6 chooses IPv6",
        Some("AF_UNIX") => "AF_UNIX chooses sockets within this machine, which are named by paths",
        _ => "The first argument chooses the family of addresses",
    };
    let kind = match args.split(", ").nth(1) {
        Some("SOCK_STREAM") if args.starts_with("AF_UNIX") => "SOCK_STREAM a reliable stream of bytes",
        Some("SOCK_STREAM") => "SOCK_STREAM a reliable stream of bytes, which here is TCP",
        Some("SOCK_DGRAM") if args.contains("ICMP") => "SOCK_DGRAM with this protocol echo requests, without privilege",
        Some("SOCK_DGRAM") if args.starts_with("AF_UNIX") => "SOCK_DGRAM single messages",
        Some("SOCK_DGRAM") => "SOCK_DGRAM single messages, which here is UDP",
        Some("SOCK_SEQPACKET") => "SOCK_SEQPACKET a connection that keeps message boundaries",
        Some("SOCK_RAW") => "SOCK_RAW packets below TCP and UDP, which needs a privilege",
        _ => "the second one the type",
    };
    format!(
        "socket(2) makes a socket and returns its descriptor, the small number that names it in every later call. \
         {family}, and {kind}. It has neither address nor peer yet: nothing has been sent."
    )
}

fn about_option(step: &Step) -> String {
    let general =
        "setsockopt(2) changes how the socket behaves; the first argument says which layer the option is for.";
    if step.shares_port() {
        return format!("{SHARED_PORT} {general}");
    }
    match options::find(&step.args) {
        Some(option) => format!("{} {general}", option.about),
        None => general.to_owned(),
    }
}
