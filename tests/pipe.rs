//! `sockbench pipe`: the built binary between its standard input and output and sockets from outside.
#![expect(clippy::unwrap_used, reason = "this is a test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long a test waits for something before it gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running pipe. It is killed when this is dropped.
struct Pipe {
    child: Child,
    complaints: Receiver<String>,
}

impl Pipe {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sockbench"))
            .arg("pipe")
            .args(arguments)
            .env("XDG_CONFIG_HOME", "/nonexistent")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, complaints) = channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                // Nobody listens once the test has ended.
                let _ = sender.send(line);
            }
        });
        Self { child, complaints }
    }

    /// Waits for a line on standard error with this in it.
    #[track_caller]
    fn hears(&self, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        loop {
            match self.complaints.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(words) => return line,
                Ok(line) => seen.push(line),
                Err(error) => panic!("{error} before {words:?}; it said {seen:?}"),
            }
        }
    }

    /// Where it waits for peers.
    #[track_caller]
    fn address(&self) -> SocketAddr {
        self.hears("127.0.0.1:").rsplit(' ').next().unwrap().parse().unwrap()
    }

    fn say(&mut self, bytes: &[u8]) {
        self.child.stdin.as_mut().unwrap().write_all(bytes).unwrap();
    }

    fn end_input(&mut self) {
        self.child.stdin = None;
    }

    /// Reads so many bytes of its output.
    fn read(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.child.stdout.as_mut().unwrap().read_exact(&mut bytes).unwrap();
        bytes
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    /// Waits for its end: the status, the rest of its output, and what it said last.
    #[track_caller]
    fn end(mut self) -> (Option<i32>, Vec<u8>, String) {
        let mut rest = Vec::new();
        let mut output = self.child.stdout.take();
        let reader = thread::spawn(move || {
            if let Some(output) = &mut output {
                output.read_to_end(&mut rest).unwrap();
            }
            rest
        });
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it did not end");
            thread::yield_now();
        };
        let said: Vec<_> = self.complaints.iter().collect();
        (status.code(), reader.join().unwrap(), said.join("\n"))
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // Refused only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A listener, a pipe to it with these options, and their connection.
fn connected(options: &str, arguments: &[&str]) -> (Pipe, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}{options}", listener.local_addr().unwrap());
    let pipe = Pipe::start(&[&[endpoint.as_str()], arguments].concat());
    let (peer, _) = listener.accept().unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    (pipe, peer)
}

/// Every byte there is, in an order without a short period.
fn bytes(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(len).collect()
}

#[test]
fn two_pipes_carry_megabytes_both_ways_at_once_to_slow_readers() {
    const LEN: usize = 5_000_000;
    let server = Pipe::start(&["tcp-listen://127.0.0.1:0"]);
    let client = Pipe::start(&[&format!("tcp://{}", server.address())]);
    let (written, all_written) = channel();
    let ends: Vec<_> = [(server, 1), (client, 2)]
        .into_iter()
        .map(|(mut pipe, seed)| {
            let mut input = pipe.child.stdin.take().unwrap();
            let written = written.clone();
            thread::spawn(move || {
                input.write_all(&bytes(LEN, seed)).unwrap();
                written.send(()).unwrap();
            });
            (pipe, seed)
        })
        .collect();
    // Nobody reads before all is written: what is under way has its place on the way.
    for _ in 0..2 {
        all_written.recv_timeout(PATIENCE).unwrap();
    }
    for (pipe, seed) in ends {
        let (status, got, said) = pipe.end();
        assert_eq!((status, said.as_str()), (Some(0), ""));
        assert!(got == bytes(LEN, 3 - seed), "{} bytes of {LEN}", got.len());
    }
}

#[test]
fn the_end_of_input_is_fin_and_what_comes_after_it_is_still_written() {
    for client in [true, false] {
        let (mut pipe, mut peer) = if client {
            connected("", &[])
        } else {
            let pipe = Pipe::start(&["tcp-listen://127.0.0.1:0"]);
            let peer = TcpStream::connect(pipe.address()).unwrap();
            peer.set_read_timeout(Some(PATIENCE)).unwrap();
            (pipe, peer)
        };
        let every: Vec<u8> = (0..=255).collect();
        pipe.say(&every);
        pipe.end_input();
        let mut got = Vec::new();
        peer.read_to_end(&mut got).unwrap();
        assert_eq!(got, every);
        peer.write_all(b"after ").unwrap();
        assert_eq!(pipe.read(6), b"after ");
        peer.write_all(b"the end").unwrap();
        drop(peer);
        assert_eq!(pipe.end(), (Some(0), b"the end".to_vec(), String::new()));
    }
}

#[test]
fn input_that_ends_before_a_client_has_come_waits_for_it() {
    let mut pipe = Pipe::start(&["tcp-listen://127.0.0.1:0"]);
    pipe.say(b"early");
    pipe.end_input();
    let mut peer = TcpStream::connect(pipe.address()).unwrap();
    let mut got = String::new();
    peer.read_to_string(&mut got).unwrap();
    assert_eq!(got, "early");
    drop(peer);
    assert_eq!(pipe.end().0, Some(0));
}

#[test]
fn a_listener_serves_its_first_connection_only() {
    let mut pipe = Pipe::start(&["tcp-listen://127.0.0.1:0?after-fin=close"]);
    let address = pipe.address();
    let mut first = TcpStream::connect(address).unwrap();
    first.write_all(b"1").unwrap();
    assert_eq!(pipe.read(1), b"1");
    // One that was in time for the backlog is reset, and one that comes later is refused.
    while let Ok(mut second) = TcpStream::connect(address) {
        let _ = second.write_all(b"2");
    }
    first.write_all(b"!").unwrap();
    drop(first);
    assert_eq!(pipe.end(), (Some(0), b"!".to_vec(), String::new()));
}

#[test]
fn a_peer_that_has_ended_ends_the_pipe_as_after_fin_says() {
    let (pipe, peer) = connected("?after-fin=close", &[]);
    drop(peer);
    // Its input is still open.
    assert_eq!(pipe.end().0, Some(0));

    let (mut pipe, mut peer) = connected("?after-fin=keep", &[]);
    peer.shutdown(Shutdown::Write).unwrap();
    let mut got = [0; 4];
    pipe.say(b"late");
    peer.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"late");
    pipe.end_input();
    assert_eq!(peer.read(&mut got).unwrap(), 0);
    assert_eq!(pipe.end().0, Some(0));
}

#[test]
fn a_slow_reader_of_the_output_slows_the_peer() {
    let (pipe, mut peer) = connected("", &[]);
    peer.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    let chunk = vec![0; 1 << 20];
    let mut taken = 0;
    while taken < 256 << 20 && peer.write_all(&chunk).is_ok() {
        taken += chunk.len();
    }
    assert!(taken < 64 << 20, "{taken} bytes were taken, and nobody read them");
    drop(pipe);
}

#[test]
fn a_wrong_endpoint_ends_with_2_and_shows_the_place() {
    let (status, out, said) = Pipe::start(&["tcp://127.0.0.1:x"]).end();
    assert_eq!((status, out.len()), (Some(2), 0));
    assert!(said.contains("tcp://127.0.0.1:x\n") && said.contains('^'), "{said}");
    let (status, _, said) = Pipe::start(&["pair://"]).end();
    assert!(status == Some(2) && said.contains("both ends of a pair are here"), "{said}");
}

#[test]
fn a_socket_that_can_not_be_opened_ends_with_3_and_the_reason() {
    // Bound and not listening: it is nobody else's, and nobody answers on it.
    let silent = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    silent.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = silent.local_addr().unwrap().as_socket().unwrap();
    let (status, out, said) = Pipe::start(&[&format!("tcp://{address}")]).end();
    assert_eq!((status, out.len()), (Some(3), 0));
    assert!(said.contains("ECONNREFUSED (111)") && said.contains(&address.to_string()), "{said}");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let (status, _, said) = Pipe::start(&[&format!("tcp-listen://{}", taken.local_addr().unwrap())]).end();
    assert!(status == Some(3) && said.contains("EADDRINUSE (98)"), "{said}");
}

#[test]
fn a_connection_that_breaks_ends_with_1_after_what_had_come() {
    let (mut pipe, mut peer) = connected("", &[]);
    peer.write_all(b"before").unwrap();
    assert_eq!(pipe.read(6), b"before");
    socket2::SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
    drop(peer);
    let (status, out, said) = pipe.end();
    assert_eq!((status, out.len()), (Some(1), 0));
    assert!(said.contains("ECONNRESET (104)"), "{said}");
}

#[test]
fn input_that_the_peer_did_not_take_is_no_clean_end() {
    let (mut pipe, peer) = connected("", &[]);
    let mut input = pipe.child.stdin.take().unwrap();
    let writer = thread::spawn(move || while input.write_all(&[0; 8192]).is_ok() {});
    // It is gone with bytes unread.
    while peer.peek(&mut [0]).unwrap() == 0 {}
    drop(peer);
    let (status, _, said) = pipe.end();
    assert_eq!(status, Some(1), "{said}");
    assert!(said.starts_with("sockbench: "), "{said}");
    writer.join().unwrap();
}

#[test]
fn a_signal_ends_it_after_what_was_received_is_written_and_what_was_read_is_sent() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT] {
        if signal == Signal::SIGHUP && hangups_are_ignored() {
            continue;
        }
        let (mut pipe, mut peer) = connected("", &[]);
        pipe.say(b"out");
        let mut got = [0; 3];
        peer.read_exact(&mut got).unwrap();
        let sent = bytes(300_000, 7);
        peer.write_all(&sent).unwrap();
        // The first of it is there, so the connection is.
        let mut written = pipe.read(1);
        pipe.signal(signal);
        let (status, rest, said) = pipe.end();
        assert_eq!((status, said.as_str()), (Some(128 + signal as i32), ""));
        written.extend(rest);
        assert!(sent.starts_with(&written), "{} bytes", written.len());
        let mut rest = Vec::new();
        // A reset, where bytes were unread.
        let _ = peer.read_to_end(&mut rest);
        assert_eq!(rest.len(), 0);
    }
}

#[test]
fn a_signal_is_heard_while_nobody_reads_the_output() {
    let (mut pipe, mut peer) = connected("", &[]);
    peer.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    let chunk = vec![0; 1 << 20];
    while peer.write_all(&chunk).is_ok() {}
    pipe.signal(Signal::SIGTERM);
    // Held, and not read.
    let _output = pipe.child.stdout.take();
    assert_eq!(pipe.end().0, Some(143));
}

#[test]
fn a_reader_of_its_output_may_leave_early() {
    let (mut pipe, mut peer) = connected("", &[]);
    pipe.child.stdout = None;
    peer.write_all(b"unwanted").unwrap();
    let (status, _, said) = pipe.end();
    assert_eq!((status, said.as_str()), (Some(128 + 13), ""));
}

#[test]
fn its_time_ends_it_with_0() {
    let (pipe, _peer) = connected("", &["--for", "200ms"]);
    assert_eq!(pipe.end(), (Some(0), Vec::new(), String::new()));
    let (status, _, _) = Pipe::start(&["tcp-listen://127.0.0.1:0", "--for", "200ms"]).end();
    assert_eq!(status, Some(0));

    // But not where nobody was ever there for what was to be sent.
    let mut pipe = Pipe::start(&["tcp-listen://127.0.0.1:0", "--for", "300ms"]);
    pipe.say(b"lost");
    let (status, _, said) = pipe.end();
    assert_eq!(status, Some(1), "{said}");
    let mut pipe = Pipe::start(&["udp-bind://127.0.0.1:0", "--for", "300ms"]);
    pipe.say(b"lost");
    let (status, _, said) = pipe.end();
    assert_eq!(status, Some(1), "{said}");
    let pipe = Pipe::start(&["tcp://127.61.17.5:9?reconnect=100ms", "--for", "300ms"]);
    let (status, _, said) = pipe.end();
    assert_eq!(status, Some(3), "{said}");
}

#[test]
fn each_line_is_a_datagram_and_it_ends_a_second_after_the_last() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    server.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut pipe = Pipe::start(&[&format!("udp://{}", server.local_addr().unwrap())]);
    let mut buffer = [0; 64];
    for word in ["one\n", "two\n"] {
        pipe.say(word.as_bytes());
        let (len, peer) = server.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..len], word.as_bytes());
        server.send_to(&buffer[..len], peer).unwrap();
        assert_eq!(pipe.read(len), word.as_bytes());
    }
    let ended = Instant::now();
    pipe.end_input();
    assert_eq!(pipe.end(), (Some(0), Vec::new(), String::new()));
    assert!(ended.elapsed() >= Duration::from_millis(900), "{:?}", ended.elapsed());
}

#[test]
fn a_datagram_that_nobody_takes_fails_it_unless_an_answer_comes_after_all() {
    // Where no other test takes the port meanwhile.
    let port = UdpSocket::bind("127.61.17.4:0").unwrap();
    let address = port.local_addr().unwrap();
    drop(port);
    for (is_answered, options) in [(false, ""), (true, ""), (true, "?idle-timeout=2s")] {
        let mut pipe = Pipe::start(&[&format!("udp://{address}{options}")]);
        pipe.say(b"ask");
        pipe.hears("ECONNREFUSED");
        if is_answered {
            let server = UdpSocket::bind(address).unwrap();
            server.set_read_timeout(Some(PATIENCE)).unwrap();
            pipe.say(b"again");
            let (_, peer) = server.recv_from(&mut [0; 8]).unwrap();
            server.send_to(b"answer", peer).unwrap();
            assert_eq!(pipe.read(6), b"answer");
        }
        pipe.end_input();
        let (status, _, said) = pipe.end();
        assert_eq!(status, Some(i32::from(!is_answered)), "{said}");
    }
}

#[test]
fn a_bound_datagram_socket_answers_the_first_that_it_hears() {
    let mut pipe = Pipe::start(&["udp-bind://127.0.0.1:0"]);
    let address = pipe.address();
    // It has something to say and nobody to say it to.
    pipe.say(b"answer");
    pipe.end_input();
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    for word in [&b""[..], b"ask"] {
        peer.send_to(word, address).unwrap();
    }
    let mut buffer = [0; 64];
    let len = peer.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..len], b"answer");
    assert_eq!(pipe.end(), (Some(0), b"ask".to_vec(), String::new()));
}

#[test]
fn a_long_read_of_input_is_never_more_than_a_datagram_takes() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    server.set_read_timeout(Some(PATIENCE)).unwrap();
    socket2::SockRef::from(&server).set_recv_buffer_size(4 << 20).unwrap();
    let mut pipe = Pipe::start(&[&format!("udp://{}", server.local_addr().unwrap())]);
    let sent = bytes(100_000, 3);
    pipe.say(&sent);
    pipe.end_input();
    let mut got = Vec::new();
    let mut buffer = vec![0; 65_536];
    while got.len() < sent.len() {
        let len = server.recv(&mut buffer).unwrap();
        assert!(len <= 65_507);
        got.extend_from_slice(&buffer[..len]);
    }
    assert!(got == sent);
    assert_eq!(pipe.end(), (Some(0), Vec::new(), String::new()));
}

#[test]
fn its_progress_is_told_on_standard_error() {
    let (mut pipe, mut peer) = connected("", &["--progress"]);
    pipe.say(&[0; 2048]);
    pipe.end_input();
    let mut got = Vec::new();
    peer.read_to_end(&mut got).unwrap();
    peer.write_all(b"three").unwrap();
    pipe.hears("sent 2.0 KiB at ");
    drop(peer);
    let (status, out, said) = pipe.end();
    assert_eq!((status, out.as_slice()), (Some(0), &b"three"[..]));
    let last = said.lines().last().unwrap();
    assert!(last.contains("sent 2.0 KiB at ") && last.contains("received 5 B at ") && last.contains(", in "), "{said}");
}

#[test]
fn a_file_whose_length_is_told_as_0_is_sent_whole() {
    let (pipe, mut peer) = connected("", &["--send", "/proc/version"]);
    let mut got = Vec::new();
    peer.read_to_end(&mut got).unwrap();
    assert_eq!(got, std::fs::read("/proc/version").unwrap());
    drop(peer);
    assert_eq!(pipe.end(), (Some(0), Vec::new(), String::new()));
}

#[test]
fn a_file_is_sent_instead_of_the_input_and_what_comes_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (folder.path().join("source"), folder.path().join("target"));
    let sent = bytes(3_000_000, 5);
    std::fs::write(&source, &sent).unwrap();
    let options = format!("?save={}", target.display());
    let (pipe, mut peer) = connected(&options, &["--send", source.to_str().unwrap()]);
    let mut got = Vec::new();
    peer.read_to_end(&mut got).unwrap();
    assert!(got == sent);
    peer.write_all(b"thank you !").unwrap();
    drop(peer);
    let (status, out, _) = pipe.end();
    assert_eq!((status, out.as_slice()), (Some(0), &b"thank you !"[..]));
    assert_eq!(std::fs::read(&target).unwrap(), b"thank you !");
}

#[test]
fn a_file_that_can_not_be_sent_is_no_clean_end() {
    let (pipe, mut peer) = connected("", &["--send", "/nonexistent/file"]);
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    drop(peer);
    let (status, _, said) = pipe.end();
    assert_eq!(status, Some(1));
    assert!(said.contains("/nonexistent/file") && said.contains("ENOENT"), "{said}");
}

#[test]
fn unix_sockets_of_each_kind_are_joined() {
    let folder = tempfile::tempdir().unwrap();
    for scheme in ["unix", "unix-seqpacket"] {
        let path = folder.path().join(scheme);
        let mut server = Pipe::start(&[&format!("{scheme}-listen://{}", path.display())]);
        server.hears("listening on");
        let mut client = Pipe::start(&[&format!("{scheme}://{}", path.display())]);
        client.say(b"question");
        assert_eq!(server.read(8), b"question");
        server.say(b"answer");
        server.end_input();
        assert_eq!(client.read(6), b"answer");
        client.end_input();
        assert_eq!(client.end(), (Some(0), Vec::new(), String::new()));
        assert_eq!(server.end().0, Some(0));
        assert!(!path.exists());
    }
}

#[test]
fn a_hangup_is_ignored_where_it_was_when_it_began() {
    let mut shell = Command::new("sh");
    let mut child = shell
        .args(["-c", "trap '' HUP; exec \"$0\" pipe tcp-listen://127.0.0.1:0"])
        .arg(env!("CARGO_BIN_EXE_sockbench"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    let address: SocketAddr = line.trim().rsplit(' ').next().unwrap().parse().unwrap();
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGHUP).unwrap();
    let mut peer = TcpStream::connect(address).unwrap();
    peer.write_all(b"still there").unwrap();
    let mut got = [0; 11];
    child.stdout.take().unwrap().read_exact(&mut got).unwrap();
    assert_eq!(&got, b"still there");
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(128 + Signal::SIGTERM as i32));
}

/// Whether whoever runs the tests has them ignore hangups, as what they start then does.
fn hangups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    u64::from_str_radix(mask.trim(), 16).unwrap() & 1 != 0
}
