//! Why an address can't be had: which process holds it, or which privilege it needs.
//!
//! Owns what proc(5) says about the sockets of other processes. It asks only after a call has failed, and takes
//! anything there that can't be read for nothing at all.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::geteuid;
use tokio::time::timeout;

use crate::contract::{Address, NetError, UnixAddress};
use crate::os;

/// How long an error waits for the name of who is in the way.
const PATIENCE: Duration = Duration::from_secs(2);

/// The states of TCP that matter here, by their numbers in the kernel.
const TIME_WAIT: u8 = 6;
const LISTEN: u8 = 10;

/// Set in the flags of a Unix socket that listens: `__SO_ACCEPTCON`.
const ACCEPTS: u32 = 0x1_0000;

/// What [`holder`] calls this very process.
const ITSELF: &str = "this program";

/// The same error of `bind` or `listen`, with who holds the address, or from which port on no privilege is needed,
/// where that is the reason and can be read.
pub(super) async fn explained(mut error: NetError, address: &Address, datagram: bool) -> NetError {
    match (error.errno.map(Errno::from_raw), address) {
        (Some(Errno::EADDRINUSE), _) => {
            if let Some(holder) = holder(address, datagram).await {
                let itself = if holder == ITSELF { " itself" } else { "" };
                error.cause = format!("{holder} holds it{itself}");
            }
        }
        (Some(Errno::EACCES), Address::Ip(address)) => {
            if let Some(first) = first_free_port().filter(|first| address.port() < *first) {
                error.cause = format!("ports below {first} need a privilege");
                error.hint = Some(format!("Use a port from {first} up, or grant CAP_NET_BIND_SERVICE"));
            }
        }
        _ => {}
    }
    error
}

/// Who keeps an address from being bound, in a few words: `pid 4121 python3`, `this program`, or where the process
/// can't be looked into `another user's process (uid 1000)`. `datagram` tells UDP from TCP, and means nothing
/// for a Unix socket. `None` where nobody is found.
pub(super) async fn holder(address: &Address, datagram: bool) -> Option<String> {
    let address = address.clone();
    // Every descriptor of every process is looked at, which may take longer than anyone waits for an error.
    let search = os::aside(move || find(&address, datagram));
    timeout(PATIENCE, search).await.ok()?.ok().flatten()
}

/// The first port that needs no privilege (ip(7)).
fn first_free_port() -> Option<u16> {
    fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").ok()?.trim().parse().ok()
}

/// A socket of the machine that may hold an address.
struct Candidate {
    /// The socket's inode; 0 for one that belongs to no process any more.
    inode: u64,
    /// Whose it is, where that is told.
    uid: Option<u32>,
    /// How likely it is the one that is in the way: the least is.
    rank: u8,
}

fn find(address: &Address, datagram: bool) -> Option<String> {
    let candidates = match address {
        Address::Ip(address) if datagram => internet(*address, &["udp", "udp6"]),
        Address::Ip(address) => internet(*address, &["tcp", "tcp6"]),
        Address::Unix(address) => unix(address),
        Address::Host(..) => Vec::new(),
    };
    let found = candidates.into_iter().min_by_key(|candidate| candidate.rank)?;
    if found.inode == 0 {
        return Some("an old connection in TIME-WAIT".to_owned());
    }
    if let Some(pid) = process_with(found.inode) {
        if pid == std::process::id() {
            return Some(ITSELF.to_owned());
        }
        let name = fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
        return Some(format!("pid {pid} {}", String::from_utf8_lossy(&name).trim_end()));
    }
    Some(match found.uid {
        Some(uid) if uid == geteuid().as_raw() => format!("a process that can't be seen from here (uid {uid})"),
        Some(uid) => format!("another user's process (uid {uid})"),
        None => "another user's process".to_owned(),
    })
}

/// The sockets in tables of `/proc/net` that conflict with an address.
fn internet(wanted: SocketAddr, tables: &[&str]) -> Vec<Candidate> {
    let mut found = Vec::new();
    for table in tables {
        let text = fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default();
        found.extend(text.lines().skip(1).filter_map(|line| candidate(line, wanted)));
    }
    found
}

/// Reads a line of `/proc/net/tcp` and its kin:
/// `0: 0100007F:1E6C 00000000:0000 0A 00000000:00000000 00:00000000 00000000 1000 0 31337 ...`.
fn candidate(line: &str, wanted: SocketAddr) -> Option<Candidate> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let nearness = conflict(wanted, socket_address(fields.get(1)?)?)?;
    let state = u8::from_str_radix(fields.get(3)?, 16).ok()?;
    let likely = match state {
        LISTEN => 0,
        TIME_WAIT => 20,
        _ => 10,
    };
    Some(Candidate { inode: fields.get(9)?.parse().ok()?, uid: fields.get(7)?.parse().ok(), rank: likely + nearness })
}

/// Whether a socket bound to `held` may keep another from `wanted`; less is more likely.
fn conflict(wanted: SocketAddr, held: SocketAddr) -> Option<u8> {
    if wanted.port() != held.port() {
        return None;
    }
    let (wanted, held) = (wanted.ip().to_canonical(), held.ip().to_canonical());
    // A wildcard of IPv6 hears IPv4 as well, unless it was told not to, which can't be seen.
    let dual = |one: IpAddr, other: IpAddr| one == IpAddr::V6(Ipv6Addr::UNSPECIFIED) && other.is_ipv4();
    match () {
        () if wanted == held => Some(0),
        () if wanted.is_ipv4() == held.is_ipv4() => (wanted.is_unspecified() || held.is_unspecified()).then_some(1),
        () => (dual(wanted, held) || dual(held, wanted)).then_some(2),
    }
}

/// `0100007F:1E6C`: words of 32 bits in this machine's byte order, then the port.
fn socket_address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| Some(u32::from_str_radix(ip.get(at * 8..at * 8 + 8)?, 16).ok()?.to_ne_bytes());
    let ip = match ip.len() {
        8 => Ipv4Addr::from(word(0)?).into(),
        32 => {
            let mut octets = [0; 16];
            for (at, octets) in octets.chunks_exact_mut(4).enumerate() {
                octets.copy_from_slice(&word(at)?);
            }
            Ipv6Addr::from(octets).into()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// The sockets bound to a Unix address, by `/proc/net/unix`.
fn unix(address: &UnixAddress) -> Vec<Candidate> {
    let (shown, uid) = match address {
        UnixAddress::Pathname(path) => {
            let path_text = PathBuf::from(String::from_utf8_lossy(path).into_owned());
            (path.clone(), fs::symlink_metadata(path_text).ok().map(|file| file.uid()))
        }
        UnixAddress::Abstract(name) => {
            let nul_as_at = |byte: &u8| if *byte == 0 { b'@' } else { *byte };
            (std::iter::once(b'@').chain(name.iter().map(nul_as_at)).collect(), None)
        }
        UnixAddress::Unnamed => return Vec::new(),
    };
    let text = fs::read("/proc/net/unix").unwrap_or_default();
    text.split(|byte| *byte == b'\n').filter_map(|line| unix_candidate(line, &shown, uid)).collect()
}

/// Reads a line of `/proc/net/unix`: `0000000000000000: 00000002 00000000 00010000 0001 01 31337 /tmp/a.sock`.
fn unix_candidate(line: &[u8], wanted: &[u8], uid: Option<u32>) -> Option<Candidate> {
    // A path may hold blanks.
    let head = line.strip_suffix(wanted)?.strip_suffix(b" ")?;
    let fields: Vec<&str> = std::str::from_utf8(head).ok()?.split_ascii_whitespace().collect();
    let [_, _, _, flags, _, _, inode] = fields[..] else { return None };
    let accepts = u32::from_str_radix(flags, 16).ok()? & ACCEPTS != 0;
    // The connections that a listener accepted have its name, too.
    Some(Candidate { inode: inode.parse().ok()?, uid, rank: u8::from(!accepts) })
}

/// The first process with a descriptor of this socket.
fn process_with(inode: u64) -> Option<u32> {
    let link = PathBuf::from(format!("socket:[{inode}]"));
    let numbers = fs::read_dir("/proc").ok()?.flatten();
    let mut pids: Vec<u32> = numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    let holds = |pid: &u32| -> io::Result<bool> {
        let mut descriptors = fs::read_dir(format!("/proc/{pid}/fd"))?.flatten();
        Ok(descriptors.any(|descriptor| fs::read_link(descriptor.path()).is_ok_and(|target| target == link)))
    };
    // What ends meanwhile, or belongs to another user, is passed over.
    pids.into_iter().find(|pid| holds(pid).unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::os::unix::net::UnixListener;
    use std::process::{Child, Command, Stdio};

    use proptest::prelude::*;

    use super::*;
    use crate::contract::Operation;

    /// A Python that has bound what it was told to, until it is dropped.
    struct Holder {
        child: Child,
        /// What it printed once it was ready.
        said: String,
    }

    impl Holder {
        fn running(script: &str) -> Self {
            let mut child = Command::new("python3")
                .args(["-c", &format!("import socket,sys\n{script}\nsys.stdin.read()")])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("python3 is installed");
            let mut said = String::new();
            BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
            Self { child, said: said.trim().to_owned() }
        }

        fn name(&self) -> String {
            let name = fs::read_to_string(format!("/proc/{}/comm", self.child.id())).unwrap();
            format!("pid {} {}", self.child.id(), name.trim_end())
        }
    }

    impl Drop for Holder {
        fn drop(&mut self) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    // Case 23.
    #[test]
    fn the_process_that_holds_a_port_is_named() {
        for (socket, host, wanted, datagram) in [
            ("socket.create_server(('127.0.0.1', 0))", "127.0.0.1", "127.0.0.1", false),
            ("socket.create_server(('0.0.0.0', 0))", "0.0.0.0", "127.0.0.1", false),
            ("socket.create_server(('127.0.0.1', 0))", "127.0.0.1", "0.0.0.0", false),
            ("socket.create_server(('::', 0), family=socket.AF_INET6, dualstack_ipv6=True)", "::", "127.0.0.1", false),
            (
                "socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.1', 0))",
                "127.0.0.1",
                "127.0.0.1",
                true,
            ),
            ("socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.bind(('::1', 0))", "::1", "::1", true),
        ] {
            let python = Holder::running(&format!("s = {socket}\nprint(s.getsockname()[1], flush=True)"));
            let port = python.said.parse().unwrap();
            let address = Address::Ip(SocketAddr::new(wanted.parse().unwrap(), port));
            assert_eq!(find(&address, datagram), Some(python.name()), "{host} against {wanted}");
            let other = Address::Ip(SocketAddr::new("127.9.9.9".parse().unwrap(), port));
            if host == "127.0.0.1" {
                assert_eq!(find(&other, datagram), None);
            }
        }
    }

    #[test]
    fn the_process_that_listens_at_a_path_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b.sock");
        let python = Holder::running(&format!(
            "s = socket.socket(socket.AF_UNIX)\ns.bind({path:?})\ns.listen()\nprint('ready', flush=True)"
        ));
        let address = |text: &str| Address::Unix(UnixAddress::Pathname(text.as_bytes().to_vec()));
        assert_eq!(find(&address(path.to_str().unwrap()), false), Some(python.name()));
        assert_eq!(find(&address("b.sock"), false), None);
        drop(python);
        assert_eq!(find(&address(path.to_str().unwrap()), false), None);
        let _own = UnixListener::bind(folder.path().join("own")).unwrap();
        assert_eq!(find(&address(folder.path().join("own").to_str().unwrap()), false).as_deref(), Some(ITSELF));
    }

    #[tokio::test]
    async fn an_error_says_who_holds_the_address() {
        let own = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = own.local_addr().unwrap();
        let in_use = NetError::from_errno(Operation::Bind, Some(address.to_string()), Errno::EADDRINUSE as i32);
        let said = explained(in_use.clone(), &address.into(), false).await.to_string();
        let start = format!("Can't bind {address}: EADDRINUSE (98), this program holds it itself. ");
        assert!(said.starts_with(&start), "{said}");
        // A socket of UDP is not in the way of one of TCP.
        assert_eq!(explained(in_use.clone(), &address.into(), true).await, in_use);
    }

    // Case 24.
    #[tokio::test]
    async fn a_privileged_port_says_where_the_others_begin() {
        let Some(first) = first_free_port().filter(|first| *first > 0) else { return };
        let denied = NetError::from_errno(Operation::Bind, None, Errno::EACCES as i32);
        let low = Address::Ip(SocketAddr::from(([127, 0, 0, 1], first - 1)));
        let said = explained(denied, &low, false).await.to_string();
        assert!(said.contains(&format!("ports below {first} need")), "{said}");
    }

    #[test]
    fn who_listens_comes_before_who_is_connected_or_gone() {
        let line = |state: &str, inode: u64| {
            format!("0: 0100007F:1E6C 00000000:0000 {state} 00000000:00000000 00:00000000 00000000 1000 0 {inode} 1")
        };
        let wanted = "127.0.0.1:7788".parse().unwrap();
        let rank = |state| candidate(&line(state, 7), wanted).unwrap().rank;
        assert!(rank("0A") < rank("01") && rank("01") < rank("06"));
    }

    proptest! {
        #[test]
        fn whatever_the_tables_hold_is_read_or_passed_over(line in "\\PC{0,80}", words in "([0-9A-F:]{1,33} ){0,12}") {
            let wanted = "127.0.0.1:7788".parse().unwrap();
            let _ = candidate(&line, wanted);
            let _ = candidate(&words, wanted);
            let _ = unix_candidate(line.as_bytes(), b"/tmp/a", None);
        }

        #[test]
        fn addresses_are_read_as_the_kernel_writes_them(ip in any::<u32>(), six in any::<[u32; 4]>(), port in any::<u16>()) {
            let bytes: Vec<u8> = six.iter().flat_map(|word| word.to_ne_bytes()).collect();
            let v6 = Ipv6Addr::from(<[u8; 16]>::try_from(bytes).unwrap());
            let [a, b, c, d] = six;
            prop_assert_eq!(socket_address(&format!("{a:08X}{b:08X}{c:08X}{d:08X}:{port:04X}")), Some(SocketAddr::new(v6.into(), port)));
            let v4 = Ipv4Addr::from(ip.to_ne_bytes());
            prop_assert_eq!(socket_address(&format!("{ip:08X}:{port:04X}")), Some(SocketAddr::new(v4.into(), port)));
        }
    }
}
