//! The options that the kernel keeps for a socket: set before the calls that they must come before, changed while it
//! lives, and read back.
//!
//! Owns which option of an endpoint is which `setsockopt(2)`. It never decides when a socket opens.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::time::Duration;

use socket2::{Domain, InterfaceIndexOrAddress, SockRef, TcpKeepalive};

use super::orders::{Orders, Request};
use super::resolve::interface_index;
use super::socket::Socket;
use super::tcp_view::queues;
use crate::contract::{
    Endpoint, Group, NetError, Operation, OptionSpec, SocketView, Value, format_duration, option_spec,
};
use crate::os;

/// Options whose defaults are ours and not the system's, and are therefore set even where none was given.
const OURS: &[&str] = &["nodelay", "reuse-address", "receive-buffer"];

/// Sets the options of an endpoint on a new socket: all but `join`, which comes after `bind`.
///
/// # Errors
/// When the system refuses one. A buffer that it refuses is reported, and the socket goes on with the one it has.
pub(super) async fn set_before_bind(socket: &Socket, endpoint: &Endpoint, fd: BorrowedFd<'_>) -> Result<(), NetError> {
    for spec in endpoint.scheme.spec().options.iter().copied().filter(|spec| spec.name != "join") {
        let default = || OURS.contains(&spec.name).then(|| default(endpoint, spec.name)).flatten();
        if let Some(value) = endpoint.option(spec.name).cloned().or_else(default) {
            set(socket, fd, spec, &value).await?;
        }
    }
    Ok(())
}

/// Joins the multicast groups of an endpoint.
///
/// # Errors
/// When the system refuses one, or there is no such interface.
pub(super) async fn join_groups(socket: &Socket, endpoint: &Endpoint, fd: BorrowedFd<'_>) -> Result<(), NetError> {
    change_groups(socket, fd, &mut Vec::new(), endpoint.join()).await
}

/// An endpoint whose options may be changed while its socket is open.
pub(super) type LiveEndpoint = RefCell<Rc<Endpoint>>;

/// Serves what is asked of an open socket, for as long as it lives. What is changed holds in `endpoint` from then on:
/// for what a listener accepts, and for a client that connects again.
pub(super) async fn attend(socket: &Socket, endpoint: &LiveEndpoint, fds: &[BorrowedFd<'_>]) -> Infallible {
    let mut joined = endpoint.borrow().join().to_vec();
    loop {
        let request = socket.orders.until(Orders::next_request).await;
        // On the heap: every connection holds the space of this future, and next to none is ever asked anything.
        Box::pin(serve(socket, endpoint, fds, &mut joined, request)).await;
    }
}

async fn serve(
    socket: &Socket,
    endpoint: &LiveEndpoint,
    fds: &[BorrowedFd<'_>],
    joined: &mut Vec<Group>,
    request: Request,
) {
    match request {
        Request::Inspect => {}
        Request::SetOption(spec, value) => {
            let mut outcome = Ok(());
            for fd in fds {
                let set = match &value {
                    Value::Groups(wanted) => change_groups(socket, *fd, joined, wanted).await,
                    value => set(socket, *fd, spec, value).await,
                };
                outcome = outcome.and(set);
            }
            match outcome {
                Ok(()) => {
                    // It is a value of that option already, so that this can't fail.
                    let _ = Rc::make_mut(&mut endpoint.borrow_mut()).set_option(spec.name, &value.to_string());
                }
                Err(error) => socket.fail(error).await,
            }
        }
        Request::Save(ticket, saving) => {
            if let Err(error) = socket.start_saving(ticket, &saving) {
                socket.fail(error).await;
            }
            return;
        }
        Request::StopSaving(ticket) => {
            socket.stop_saving(ticket);
            return;
        }
    }
    if let Some(fd) = fds.first() {
        socket.tell_view(view(&endpoint.borrow(), *fd));
    }
}

fn default(endpoint: &Endpoint, name: &str) -> Option<Value> {
    match name {
        "nodelay" => endpoint.nodelay().then_some(Value::Flag(true)),
        "reuse-address" => endpoint.reuse_address().map(Value::Flag),
        "receive-buffer" => endpoint.receive_buffer().map(Value::Size),
        _ => None,
    }
}

/// Sets one option, if it is one that the kernel keeps, and reports the calls.
async fn set(socket: &Socket, fd: BorrowedFd<'_>, spec: &OptionSpec, value: &Value) -> Result<(), NetError> {
    let sock = SockRef::from(&fd);
    let v6 = is_v6(&sock);
    let by_family = |v4: &'static str, v6_name: &'static str| if v6 { v6_name } else { v4 };
    match (spec.name, value) {
        ("nodelay", Value::Flag(on)) => {
            flag(socket, "IPPROTO_TCP, TCP_NODELAY", *on, || sock.set_tcp_nodelay(*on)).await
        }
        ("reuse-address", Value::Flag(on)) => {
            flag(socket, "SOL_SOCKET, SO_REUSEADDR", *on, || sock.set_reuse_address(*on)).await
        }
        ("reuse-port", Value::Flag(on)) => {
            flag(socket, "SOL_SOCKET, SO_REUSEPORT", *on, || sock.set_reuse_port(*on)).await
        }
        ("broadcast", Value::Flag(on)) => {
            flag(socket, "SOL_SOCKET, SO_BROADCAST", *on, || sock.set_broadcast(*on)).await
        }
        // An IPv4 socket has no such option, and need not have.
        ("v6only", Value::Flag(on)) if v6 => {
            flag(socket, "IPPROTO_IPV6, IPV6_V6ONLY", *on, || sock.set_only_v6(*on)).await
        }
        ("keepalive", Value::Duration(time)) => set_keepalive(socket, &sock, *time).await,
        ("linger", Value::Duration(time)) => {
            let args = format!("SOL_SOCKET, SO_LINGER, {{1, {}}}", whole_seconds(*time));
            let time = Duration::from_secs(whole_seconds(*time));
            option(socket, args, || sock.set_linger(Some(time))).await
        }
        ("send-buffer", Value::Size(bytes)) => {
            let size = buffer_size(*bytes);
            // The kernel doubles what it grants, for its own bookkeeping (socket(7)).
            let set = || sock.set_send_buffer_size(size).and_then(|()| Ok(sock.send_buffer_size()? / 2));
            granted(socket, format!("SOL_SOCKET, SO_SNDBUF, {size}"), set).await;
            Ok(())
        }
        ("receive-buffer", Value::Size(bytes)) => {
            let size = buffer_size(*bytes);
            let set = || sock.set_recv_buffer_size(size).and_then(|()| Ok(sock.recv_buffer_size()? / 2));
            granted(socket, format!("SOL_SOCKET, SO_RCVBUF, {size}"), set).await;
            Ok(())
        }
        ("ttl", Value::Integer(hops)) => {
            let args = format!("{}, {hops}", by_family("IPPROTO_IP, IP_TTL", "IPPROTO_IPV6, IPV6_UNICAST_HOPS"));
            option(socket, args, || if v6 { sock.set_unicast_hops_v6(*hops) } else { sock.set_ttl_v4(*hops) }).await
        }
        ("tos", Value::Integer(tos)) => {
            let args = format!("{}, {tos}", by_family("IPPROTO_IP, IP_TOS", "IPPROTO_IPV6, IPV6_TCLASS"));
            option(socket, args, || if v6 { sock.set_tclass_v6(*tos) } else { sock.set_tos_v4(*tos) }).await
        }
        ("multicast-ttl", Value::Integer(hops)) => {
            let name = by_family("IPPROTO_IP, IP_MULTICAST_TTL", "IPPROTO_IPV6, IPV6_MULTICAST_HOPS");
            let set = || if v6 { sock.set_multicast_hops_v6(*hops) } else { sock.set_multicast_ttl_v4(*hops) };
            option(socket, format!("{name}, {hops}"), set).await
        }
        ("multicast-loop", Value::Flag(on)) => {
            let name = by_family("IPPROTO_IP, IP_MULTICAST_LOOP", "IPPROTO_IPV6, IPV6_MULTICAST_LOOP");
            let set = || if v6 { sock.set_multicast_loop_v6(*on) } else { sock.set_multicast_loop_v4(*on) };
            flag(socket, name, *on, set).await
        }
        _ => Ok(()),
    }
}

async fn set_keepalive(socket: &Socket, sock: &SockRef<'_>, time: Duration) -> Result<(), NetError> {
    let on = !time.is_zero();
    flag(socket, "SOL_SOCKET, SO_KEEPALIVE", on, || sock.set_keepalive(on)).await?;
    if !on {
        return Ok(());
    }
    let seconds = whole_seconds(time);
    let time = Duration::from_secs(seconds);
    option(socket, format!("IPPROTO_TCP, TCP_KEEPIDLE, {seconds}"), || {
        sock.set_tcp_keepalive(&TcpKeepalive::new().with_time(time))
    })
    .await?;
    option(socket, format!("IPPROTO_TCP, TCP_KEEPINTVL, {seconds}"), || {
        sock.set_tcp_keepalive(&TcpKeepalive::new().with_interval(time))
    })
    .await
}

/// Leaves the groups that are not wanted any more, and joins those that are new. Where one fails, `joined` says how far
/// it came.
async fn change_groups(
    socket: &Socket,
    fd: BorrowedFd<'_>,
    joined: &mut Vec<Group>,
    wanted: &[Group],
) -> Result<(), NetError> {
    while let Some(place) = joined.iter().position(|group| !wanted.contains(group)) {
        membership(socket, fd, &joined[place], false).await?;
        joined.remove(place);
    }
    for group in wanted {
        if !joined.contains(group) {
            membership(socket, fd, group, true).await?;
            joined.push(group.clone());
        }
    }
    if let Some(group) = wanted.first().filter(|group| group.interface.is_some()) {
        send_by_interface_of(socket, fd, group).await?;
    }
    Ok(())
}

async fn membership(socket: &Socket, fd: BorrowedFd<'_>, group: &Group, join: bool) -> Result<(), NetError> {
    let sock = SockRef::from(&fd);
    let index = group_interface(group)?;
    let name = match (group.ip, join) {
        (IpAddr::V4(_), true) => "IPPROTO_IP, IP_ADD_MEMBERSHIP",
        (IpAddr::V4(_), false) => "IPPROTO_IP, IP_DROP_MEMBERSHIP",
        (IpAddr::V6(_), true) => "IPPROTO_IPV6, IPV6_JOIN_GROUP",
        (IpAddr::V6(_), false) => "IPPROTO_IPV6, IPV6_LEAVE_GROUP",
    };
    let result = os::call("setsockopt", || match (group.ip, join) {
        (IpAddr::V4(ip), true) => sock.join_multicast_v4_n(&ip, &v4(&index)),
        (IpAddr::V4(ip), false) => sock.leave_multicast_v4_n(&ip, &v4(&index)),
        (IpAddr::V6(ip), true) => sock.join_multicast_v6(&ip, v6_index(&index)),
        (IpAddr::V6(ip), false) => sock.leave_multicast_v6(&ip, v6_index(&index)),
    });
    let args = format!("{name}, {group}");
    socket.call("setsockopt", args.clone(), &result).await;
    result.map_err(|error| {
        let error = NetError::from_io(Operation::Setsockopt, Some(args), &error);
        if group.interface.is_none() { error.with_hint("Name the interface: join=GROUP@eth0") } else { error }
    })
}

async fn send_by_interface_of(socket: &Socket, fd: BorrowedFd<'_>, group: &Group) -> Result<(), NetError> {
    let index = group_interface(group)?;
    let shown = group.interface.as_deref().unwrap_or_default();
    match (group.ip, index) {
        (IpAddr::V6(_), Interface::Index(index)) => {
            let set = || SockRef::from(&fd).set_multicast_if_v6(index);
            option(socket, format!("IPPROTO_IPV6, IPV6_MULTICAST_IF, {shown}"), set).await
        }
        (IpAddr::V4(_), Interface::Address(address)) => {
            let set = || SockRef::from(&fd).set_multicast_if_v4(&address);
            option(socket, format!("IPPROTO_IP, IP_MULTICAST_IF, {shown}"), set).await
        }
        (IpAddr::V4(_), Interface::Index(index)) => {
            let address = interface_address(index).ok_or_else(|| {
                let cause = format!("the interface {shown} has no IPv4 address");
                NetError::other(Operation::Setsockopt, Some("IP_MULTICAST_IF".to_owned()), cause)
            })?;
            let set = || SockRef::from(&fd).set_multicast_if_v4(&address);
            option(socket, format!("IPPROTO_IP, IP_MULTICAST_IF, {shown}"), set).await
        }
        _ => Ok(()),
    }
}

/// An interface as the calls for groups take it.
enum Interface {
    /// By its index; 0 lets the system choose.
    Index(u32),
    /// By one of its addresses.
    Address(Ipv4Addr),
}

fn group_interface(group: &Group) -> Result<Interface, NetError> {
    let Some(name) = &group.interface else { return Ok(Interface::Index(0)) };
    if let (IpAddr::V4(_), Ok(address)) = (group.ip, name.parse()) {
        return Ok(Interface::Address(address));
    }
    interface_index(name).map(Interface::Index).ok_or_else(|| {
        let cause = format!("this machine has no interface {name}");
        NetError::other(Operation::Setsockopt, Some(group.to_string()), cause)
    })
}

fn v4(interface: &Interface) -> InterfaceIndexOrAddress {
    match interface {
        Interface::Index(index) => InterfaceIndexOrAddress::Index(*index),
        Interface::Address(address) => InterfaceIndexOrAddress::Address(*address),
    }
}

const fn v6_index(interface: &Interface) -> u32 {
    match interface {
        Interface::Index(index) => *index,
        Interface::Address(_) => 0,
    }
}

fn interface_address(index: u32) -> Option<Ipv4Addr> {
    let named = |address: &nix::ifaddrs::InterfaceAddress| interface_index(&address.interface_name) == Some(index);
    nix::ifaddrs::getifaddrs().ok()?.filter(named).find_map(|found| Some(found.address?.as_sockaddr_in()?.ip()))
}

async fn flag(socket: &Socket, name: &str, on: bool, set: impl FnMut() -> io::Result<()>) -> Result<(), NetError> {
    option(socket, format!("{name}, {}", u8::from(on)), set).await
}

/// `setsockopt(2)`, by its reported arguments and the function that does it.
pub(super) async fn option(socket: &Socket, args: String, set: impl FnMut() -> io::Result<()>) -> Result<(), NetError> {
    let result = os::call("setsockopt", set);
    socket.call("setsockopt", args.clone(), &result).await;
    result.map_err(|error| NetError::from_io(Operation::Setsockopt, Some(args), &error))
}

/// Asks for a buffer, and reports what was granted.
async fn granted(socket: &Socket, args: String, set: impl FnMut() -> io::Result<usize>) {
    let result = os::call("setsockopt", set);
    socket.call_with("setsockopt", args.clone(), &result, |granted| format!("0, granted {granted}")).await;
    if let Err(error) = result {
        socket.fail(NetError::from_io(Operation::Setsockopt, Some(args), &error)).await;
    }
}

/// What the kernel knows of a socket now.
fn view(endpoint: &Endpoint, fd: BorrowedFd<'_>) -> SocketView {
    let sock = SockRef::from(&fd);
    let options = endpoint.scheme.spec().options.iter().copied();
    let options = options.filter_map(|spec| Some((spec, get(&sock, endpoint, spec.name)?))).collect();
    let mut view = SocketView { options, ..SocketView::default() };
    if let Some(found) = queues(&sock) {
        view.receive_queue = Some(found.receive_queue);
        view.send_queue = Some(found.send_queue);
        view.tcp = found.tcp;
    }
    view
}

/// The value that the kernel has for an option, in the words of an endpoint; `None` where it keeps none.
fn get(sock: &SockRef<'_>, endpoint: &Endpoint, name: &str) -> Option<String> {
    let v6 = is_v6(sock);
    let on = |flag: io::Result<bool>| flag.ok().map(|on| on.to_string());
    let number = |number: io::Result<u32>| number.ok().map(|number| number.to_string());
    let time = |time: Duration| format_duration(time);
    match name {
        "nodelay" => on(sock.tcp_nodelay()),
        "reuse-address" => on(sock.reuse_address()),
        "reuse-port" => on(sock.reuse_port()),
        "broadcast" => on(sock.broadcast()),
        "v6only" if v6 => on(sock.only_v6()),
        "keepalive" if sock.keepalive().ok()? => sock.tcp_keepalive_time().ok().map(time),
        "keepalive" => Some("0s".to_owned()),
        "linger" => Some(sock.linger().ok()?.map_or_else(|| "off".to_owned(), time)),
        "send-buffer" => sock.send_buffer_size().ok().map(|size| Value::Size(size as u64 / 2).to_string()),
        "receive-buffer" => sock.recv_buffer_size().ok().map(|size| Value::Size(size as u64 / 2).to_string()),
        "ttl" => number(if v6 { sock.unicast_hops_v6() } else { sock.ttl_v4() }),
        "tos" => number(if v6 { sock.tclass_v6() } else { sock.tos_v4() }),
        "multicast-ttl" => number(if v6 { sock.multicast_hops_v6() } else { sock.multicast_ttl_v4() }),
        "multicast-loop" => on(if v6 { sock.multicast_loop_v6() } else { sock.multicast_loop_v4() }),
        "connected" => Some(sock.peer_addr().is_ok().to_string()),
        // The kernel does not tell which groups a socket has joined.
        _ => endpoint.option(name).filter(|_| option_spec(name).is_some_and(|spec| spec.live)).map(ToString::to_string),
    }
}

fn is_v6(sock: &SockRef<'_>) -> bool {
    sock.domain().is_ok_and(|domain| domain == Domain::IPV6)
}

/// In whole seconds, rounded up, as the kernel takes it.
const fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + if time.subsec_nanos() > 0 { 1 } else { 0 }
}

fn buffer_size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX).min(i32::MAX as usize)
}
