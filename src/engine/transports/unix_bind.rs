//! Names for Unix sockets: binding one, and looking after the file that `bind(2)` makes of a path.
//!
//! Owns when such a file is stale, and when it is removed. It never touches a file that is no socket, that belongs to
//! another user, or on which somebody answers.

use std::fs::{self, Metadata};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::geteuid;
use socket2::{Domain, SockAddr, Type};

use crate::contract::{Address, Endpoint, NetError, Operation, SocketId, UnixAddress, UnixName};
use crate::engine::holder::explained;
use crate::engine::outbox::Outbox;
use crate::engine::socket::{Socket, call_fact};
use crate::os;

/// A bound name. Dropping it removes the file, if it is still the one that was made; it must be dropped before the
/// socket, for until then no other file can have the same inode.
pub(super) struct Bound(Option<BoundFile>);

struct BoundFile {
    path: PathBuf,
    identity: Identity,
    socket: SocketId,
    outbox: Outbox,
}

/// What tells a file from all others.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl Drop for Bound {
    fn drop(&mut self) {
        let Some(file) = &self.0 else { return };
        let told = |call, result: &io::Result<()>| {
            let fact = call_fact(call, file.path.display().to_string(), result, |()| "0");
            file.outbox.push(file.socket, fact);
        };
        match look_at(&file.path) {
            Ok(now) if identity(&now) == file.identity => told("unlink", &remove(&file.path)),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // Then it stays, whosever it is.
            Err(error) => told("lstat", &Err(error)),
        }
    }
}

/// Binds a socket to a path or an abstract name. A path's file has mode 0600; where it is there already and stale, it
/// is replaced if the endpoint says `unlink`.
///
/// # Errors
/// When the name can't be bound; for a path that is taken, the error says by what.
pub(super) async fn bind_unix(
    socket: &Socket,
    endpoint: &Endpoint,
    fd: &socket2::Socket,
    name: &UnixName,
) -> Result<Bound, NetError> {
    match bind_name(socket, endpoint, fd, name).await {
        Ok(bound) => Ok(bound),
        Err(error) => Err(explained(error, &unix_address(name).into(), false).await),
    }
}

async fn bind_name(
    socket: &Socket,
    endpoint: &Endpoint,
    fd: &socket2::Socket,
    name: &UnixName,
) -> Result<Bound, NetError> {
    let shown = unix_address(name).to_string();
    let failed = |error: &io::Error| NetError::from_unix(Operation::Bind, Some(shown.clone()), error);
    let address = sock_addr(name).map_err(|error| failed(&error))?;
    let UnixName::Path(path) = name else {
        let bound = os::call("bind", || fd.bind(&address));
        socket.call("bind", shown.clone(), &bound).await;
        return bound.map(|()| Bound(None)).map_err(|error| failed(&error));
    };
    let path = Path::new(path);
    // The file that bind(2) makes has the mode of the socket, so that at no time another user can connect.
    let private = os::call("fchmod", || Ok(fchmod(fd.as_fd(), Mode::S_IRUSR | Mode::S_IWUSR)?));
    socket.call("fchmod", "0600".to_owned(), &private).await;
    private.map_err(|error| failed(&error))?;
    let mut bound = os::call("bind", || fd.bind(&address));
    socket.call("bind", shown.clone(), &bound).await;
    if bound.as_ref().is_err_and(|error| error.raw_os_error() == Some(Errno::EADDRINUSE as i32)) {
        let stale = stale_file(socket, path, &address, &shown).await?;
        if !endpoint.unlink() {
            let cause = "a stale socket file: nobody answers on it";
            return Err(taken(&shown, cause, "Open it with unlink=true to replace it"));
        }
        // Between the look and the removal somebody may have put another file there.
        match look_at(path) {
            Ok(now) if identity(&now) == stale => {
                let removed = remove(path);
                socket.call("unlink", shown.clone(), &removed).await;
                removed.map_err(|error| failed(&error))?;
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&error)),
            _ => {}
        }
        bound = os::call("bind", || fd.bind(&address));
        socket.call("bind", shown.clone(), &bound).await;
    }
    bound.map_err(|error| failed(&error))?;
    let made = look_at(path).map_err(|error| failed(&error))?;
    let (outbox, path) = (socket.outbox.clone(), path.to_owned());
    Ok(Bound(Some(BoundFile { path, identity: identity(&made), socket: socket.id, outbox })))
}

/// The name as system calls take it.
///
/// # Errors
/// When it is too long.
pub(super) fn sock_addr(name: &UnixName) -> io::Result<SockAddr> {
    match name {
        UnixName::Path(path) => SockAddr::unix(path),
        UnixName::Abstract(name) => SockAddr::unix(format!("\0{name}")),
    }
}

/// The name as a socket that is bound to it tells it.
pub(super) fn unix_address(name: &UnixName) -> UnixAddress {
    match name {
        UnixName::Path(path) => UnixAddress::Pathname(path.as_bytes().to_vec()),
        UnixName::Abstract(name) => UnixAddress::Abstract(name.as_bytes().to_vec()),
    }
}

/// What `getsockname(2)`, `getpeername(2)` or `accept(2)` told of a socket.
pub(in crate::engine) fn told_address(address: &SockAddr) -> Address {
    if let Some(address) = address.as_socket() {
        return address.into();
    }
    let pathname = address.as_pathname().map(|path| UnixAddress::Pathname(path.as_os_str().as_bytes().to_vec()));
    let told = pathname.or_else(|| address.as_abstract_namespace().map(|name| UnixAddress::Abstract(name.to_vec())));
    told.unwrap_or(UnixAddress::Unnamed).into()
}

/// Looks at the file that stands in the way, and says which it is if it is stale: a socket, ours, and without anybody
/// who answers on it.
async fn stale_file(socket: &Socket, path: &Path, address: &SockAddr, shown: &str) -> Result<Identity, NetError> {
    let found = look_at(path);
    let describe = |found: &Metadata| {
        let kind = if found.file_type().is_socket() { "S_IFSOCK" } else { "no S_IFSOCK" };
        format!("0, {kind}, uid {}", found.uid())
    };
    socket.call_with("lstat", shown.to_owned(), &found, describe).await;
    let found = found.map_err(|_| taken(shown, "something was there that can't be looked at now", "Try again"))?;
    if !found.file_type().is_socket() {
        return Err(taken(shown, "a file that is no socket is there, and stays", "Choose another path"));
    }
    if found.uid() != geteuid().as_raw() {
        let cause = format!("a socket file of another user (uid {}) is there, and stays", found.uid());
        return Err(taken(shown, cause, "Choose another path"));
    }
    // A datagram socket learns whether the file has an owner, whatever its type (ECONNREFUSED if not, EPROTOTYPE if it
    // is another), and disturbs none: a listener would take a connection for a client.
    let probe = os::call("socket", || socket2::Socket::new(Domain::UNIX, Type::DGRAM.nonblocking(), None));
    socket.call_with("socket", "AF_UNIX, SOCK_DGRAM, 0".to_owned(), &probe, AsRawFd::as_raw_fd).await;
    let answered = probe.and_then(|probe| os::call("connect", || probe.connect(address)));
    socket.call("connect", shown.to_owned(), &answered).await;
    match answered.map_err(|error| error.raw_os_error().map(Errno::from_raw)) {
        Err(Some(Errno::ECONNREFUSED)) => Ok(identity(&found)),
        Ok(()) | Err(Some(Errno::EPROTOTYPE | Errno::EPERM)) => {
            Err(taken(shown, "another socket is bound to that path", "Choose another path, or close the other socket"))
        }
        Err(_) => {
            Err(taken(shown, "a socket file is there, and can't be asked whether it is stale", "Choose another path"))
        }
    }
}

/// `lstat(2)`.
fn look_at(path: &Path) -> io::Result<Metadata> {
    os::call("lstat", || fs::symlink_metadata(path))
}

/// `unlink(2)`.
fn remove(path: &Path) -> io::Result<()> {
    os::call("unlink", || fs::remove_file(path))
}

fn taken(shown: &str, cause: impl Into<String>, hint: &str) -> NetError {
    let error = NetError::from_errno(Operation::Bind, Some(shown.to_owned()), Errno::EADDRINUSE as i32);
    NetError { cause: cause.into(), ..error }.with_hint(hint)
}

fn identity(file: &Metadata) -> Identity {
    Identity { device: file.dev(), inode: file.ino() }
}
