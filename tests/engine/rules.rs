//! Rules on real sockets: files, programs, characters, datagrams, and sockets that answer each other.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::kill;
use nix::sys::stat::Mode as Permissions;
use nix::unistd::{Pid, mkfifo};
use sockbench::contract::{CloseHow, CloseReason, Command, Fact, LOOP_WITH, SocketId, Target, Ticket};
use sockbench::encoding::Encoding;
use sockbench::pattern::{Expression, Pattern};
use sockbench::payload::{Mode, Place, Template, Variables};
use sockbench::rule::{Moment, Once, Reply, Rule, Rules, Then, When};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::bench::{Bench, PATIENCE, noise};

fn template(text: &str) -> Template {
    let place = Place::Reply { captures: 2 };
    Template::parse(Mode::Escaped, text, Encoding::UTF_8, &Variables::default(), place).unwrap()
}

fn on(regex: &str) -> When {
    When::Comes(Pattern::Regex(Expression::capturing(regex).unwrap()))
}

fn message(text: &str) -> Reply {
    Reply::Message(template(text))
}

fn program(command: &[&str], folder: &Path) -> Reply {
    Reply::Program {
        command: command.iter().map(|&word| word.to_owned()).collect(),
        folder: folder.to_owned(),
        timeout: Duration::from_secs(20),
        max: 100_000,
    }
}

impl Bench {
    /// Opens a socket that answers by these rules from the begin.
    fn open_with(&self, url: &str, rules: impl IntoIterator<Item = Rule>) -> SocketId {
        let socket = self.ids.mint();
        let rules = Rules::new(rules.into_iter().map(Arc::new));
        self.order(Command::SetRules { socket, rules });
        self.order(Command::Open { socket, endpoint: url.parse().unwrap() });
        socket
    }

    /// A listener that answers, a connection to it from outside, and the id of its end here.
    async fn answering(&mut self, options: &str, rules: impl IntoIterator<Item = Rule>) -> (SocketId, TcpStream) {
        let listener = self.open_with(&format!("tcp-listen://127.0.0.1:0?backlog=9{options}"), rules);
        let peer = TcpStream::connect(self.opened(listener).await).unwrap();
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        (self.accepted(listener).await.0, peer)
    }

    /// What the next row of a rule says.
    async fn rule(&mut self, socket: SocketId) -> String {
        let pick = |fact: &Fact| match fact {
            Fact::Rule { message, .. } => Some(message.clone()),
            _ => None,
        };
        self.next_of(socket, pick).await
    }

    /// A datagram socket that answers, and one outside that sends to it.
    async fn answering_datagrams(&mut self, rules: impl IntoIterator<Item = Rule>) -> (SocketId, UdpSocket) {
        let server = self.open_with("udp-bind://127.0.0.1:0", rules);
        let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
        peer.connect(self.opened(server).await).unwrap();
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        (server, peer)
    }
}

fn heard(peer: &UdpSocket) -> Vec<u8> {
    let mut buffer = vec![0; 65_535];
    loop {
        match peer.recv(&mut buffer) {
            // The end of a program is told by a signal.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            len => {
                buffer.truncate(len.unwrap());
                return buffer;
            }
        }
    }
}

fn hear(peer: &mut TcpStream, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    peer.read_exact(&mut bytes).unwrap();
    bytes
}

/// Waits until a process is gone, as its group was killed.
fn is_gone(pid: i32) -> bool {
    let until = std::time::Instant::now() + PATIENCE;
    while std::time::Instant::now() < until {
        let is_zombie = fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "));
        if is_zombie || kill(Pid::from_raw(pid), None).is_err() {
            return true;
        }
        std::thread::yield_now();
    }
    false
}

/// A folder `public` with a page, beside a secret, and ways out of it.
fn public() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let public = folder.path().join("public");
    fs::create_dir_all(public.join("inner")).unwrap();
    fs::write(public.join("page"), "<p>").unwrap();
    fs::write(public.join("empty"), "").unwrap();
    fs::write(folder.path().join("secret"), "secret").unwrap();
    symlink("../secret", public.join("out")).unwrap();
    mkfifo(&public.join("fifo"), Permissions::S_IRWXU).unwrap();
    folder
}

fn get(folder: &TempDir, missing: Option<&str>) -> Rule {
    let (name, root) = (template("{{1}}"), folder.path().join("public"));
    Rule::new("get", on("(?s)^GET (.*)$"), Reply::File { name, root, missing: missing.map(template) })
}

// Case 46.
#[tokio::test]
async fn files_come_from_below_their_folder_and_from_nowhere_else() {
    let folder = public();
    let large = noise(3_000_000, 3);
    fs::write(folder.path().join("public/inner/large"), &large).unwrap();
    let mut bench = Bench::new();
    let (socket, mut peer) =
        bench.answering("&framing=delimiter:0a", [get(&folder, None), Rule::new("end", on(""), message("|"))]).await;
    let longest = "x".repeat(5000);
    let absolute = folder.path().join("public/page").display().to_string();
    for (name, what) in [
        ("page", "sends page, 3 bytes"),
        ("../secret", "refused \"../secret\": it leaves the folder public"),
        ("inner/../../secret", "refused \"inner/../../secret\": it leaves the folder public"),
        ("../../../../../../../../etc/passwd", "it leaves the folder public"),
        (&absolute, "it leaves the folder public"),
        ("out", "refused \"out\": it leaves the folder public"),
        ("page\0", "refused \"page\\0\": no file can be called so"),
        (&longest, "xxx... (5,000 bytes)\": the name is too long"),
        ("", "refused \"\": the name is empty"),
        ("inner", "refused \"inner\": it is a folder"),
        ("fifo", "refused \"fifo\": it is no regular file"),
        ("page\r", "refused \"page\\r\": there is no such file"),
        ("empty", "sends empty, 0 bytes"),
        ("inner/large", "sends inner/large, 3,000,000 bytes"),
    ] {
        peer.write_all(format!("GET {name}\n").as_bytes()).unwrap();
        let said = bench.rule(socket).await;
        assert!(said.contains(what), "{said}");
    }
    peer.write_all(b"end\n").unwrap();
    let all = hear(&mut peer, 3 + large.len() + 1);
    assert!(all == [b"<p>", &large[..], b"|"].concat());
    let sent = |seen: &crate::bench::Seen| matches!(&seen.fact, Fact::Note { message, .. } if message.contains("large is sent: 3000000"));
    assert!(bench.seen.iter().any(sent) || bench.note(socket, "file").await.contains("large"));
}

#[tokio::test]
async fn what_is_missing_is_answered_otherwise_and_the_connection_ends_either_way() {
    let folder = public();
    for (missing, name, wanted, row) in [
        (Some("404"), "none", "404", "refused \"none\": there is no such file; answers 3 bytes, then closes"),
        (None, "none", "", "refused \"none\": there is no such file, then closes"),
        (Some("404"), "page", "<p>", "sends page, 3 bytes, then closes"),
    ] {
        let mut bench = Bench::new();
        let (socket, mut peer) = bench.answering("", [Rule { then: Then::Close, ..get(&folder, missing) }]).await;
        peer.write_all(format!("GET {name}").as_bytes()).unwrap();
        let mut all = String::new();
        peer.read_to_string(&mut all).unwrap();
        assert_eq!(all, wanted);
        assert_eq!(bench.rule(socket).await, row);
        assert_eq!(bench.closed(socket).await, CloseReason::Rule);
    }
    let mut bench = Bench::new();
    let (server, peer) = bench.answering_datagrams([get(&folder, Some("404"))]).await;
    for (request, wanted) in [("GET page", "<p>"), ("GET ../secret", "404"), ("GET empty", "")] {
        peer.send(request.as_bytes()).unwrap();
        assert_eq!(heard(&peer), wanted.as_bytes());
    }
    assert_eq!(bench.rule(server).await, "sends page, 3 bytes");
}

#[tokio::test]
async fn a_program_answers_one_message_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new();
    let slow = "cat; echo \" $SOCKBENCH_PEER $SOCKBENCH_LOCAL $PWD\"; [ -e slept ] || { touch slept; sleep 0.3; }";
    let rule = Rule::new("sh", on(""), program(&["sh", "-c", slow], folder.path()));
    let (socket, mut peer) = bench.answering("&framing=line", [rule]).await;
    peer.write_all(b"one\ntwo\n").unwrap();
    let wanted: String = ["one", "two"]
        .map(|word| {
            let ends = (peer.local_addr().unwrap(), peer.peer_addr().unwrap());
            format!("{word} {} {} {}\n", ends.0, ends.1, folder.path().display())
        })
        .concat();
    assert_eq!(String::from_utf8(hear(&mut peer, wanted.len())).unwrap(), wanted);
    assert_eq!(bench.rule(socket).await, "runs sh");
    let ticket = bench.next_of(socket, |fact| match fact {
        Fact::Sent { ticket, .. } => Some(*ticket),
        _ => None,
    });
    assert_eq!(ticket.await, Ticket::ENGINE);
}

#[tokio::test]
async fn why_a_program_gives_no_answer_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, script: &str, change: fn(&mut Duration, &mut u64)| {
        let mut reply = program(&["sh", "-c", script], folder.path());
        if let Reply::Program { timeout, max, .. } = &mut reply {
            change(timeout, max);
        }
        Rule::new(name, on(&format!("^{name}$")), reply)
    };
    let keep = |_: &mut Duration, _: &mut u64| ();
    let long = "yes complaint | head -c 5000 >&2; echo end >&2; exit 3";
    let rules = [
        run("fails", long, keep),
        run("dies", "kill -9 $$", keep),
        run("hangs", "echo $$ > hangs; sleep 1000 & wait", |timeout, _| *timeout = Duration::from_millis(300)),
        run("floods", "echo $$ > floods; yes", |_, max| *max = 1000),
        run("full", "head -c 1000 /dev/zero", |_, max| *max = 1000),
        // What it leaves behind does not hold its answer up.
        run("leaves", "sleep 1000 & echo $! > leaves; echo done", keep),
        // Nor does what leaves its group.
        run("away", "setsid sh -c 'echo $$ > away; exec sleep 1000' & until [ -s away ]; do :; done; echo hi", keep),
        // It need not read what it is told.
        run("deaf", "exec <&-; echo deaf", keep),
        Rule::new("none", on("^none$"), program(&["sockbench-has-no-such-program"], folder.path())),
        Rule::new("nowhere", on("^nowhere$"), program(&["cat"], &folder.path().join("nowhere"))),
    ];
    let mut bench = Bench::new();
    let (socket, mut peer) = bench.answering("&framing=line", rules).await;
    for (name, what) in [
        ("fails", "sh ended with status 3: "),
        ("dies", "sh was ended by signal 9"),
        ("hangs", "sh took longer than 300ms and was killed"),
        ("floods", "sh said more than 1,000 bytes and was killed"),
        ("none", "sockbench-has-no-such-program can't be run: No such file or directory"),
        ("nowhere", "cat can't be run: No such file or directory"),
    ] {
        writeln!(peer, "{name}").unwrap();
        assert!(bench.rule(socket).await.starts_with("runs "));
        let said = bench.rule(socket).await;
        assert!(said.starts_with(what), "{said}");
        if name == "fails" {
            assert!(said.ends_with("complaint\nend") && said.len() < 250, "{said}");
        }
    }
    for name in ["full", "leaves", "away", "deaf"] {
        writeln!(peer, "{name}").unwrap();
    }
    assert_eq!(hear(&mut peer, 1000 + 5 + 3 + 5)[1000..], *b"done\nhi\ndeaf\n");
    let away = fs::read_to_string(folder.path().join("away")).unwrap().trim().parse().unwrap();
    kill(Pid::from_raw(away), nix::sys::signal::Signal::SIGKILL).unwrap();
    for name in ["hangs", "floods", "leaves"] {
        let pid = fs::read_to_string(folder.path().join(name)).unwrap().trim().parse().unwrap();
        assert!(is_gone(pid), "{name}");
    }
}

#[tokio::test]
async fn no_more_than_16_programs_run_at_once_and_every_connection_gets_its_turn() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new();
    let script = "mkdir run.$$; sleep 0.1; ls -d run.* | wc -l; rmdir run.$$";
    let rule = Rule::new("sh", on(""), program(&["sh", "-c", script], folder.path()));
    let listener = bench.open_with("tcp-listen://127.0.0.1:0", [rule]);
    let address = bench.opened(listener).await;
    let connect = |_| {
        let mut peer = TcpStream::connect(address).unwrap();
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        peer.write_all(b"go").unwrap();
        peer
    };
    let peers: Vec<_> = (0..50).map(connect).collect();
    for mut peer in peers {
        let mut said = String::new();
        while !said.ends_with('\n') {
            said.push(char::from(hear(&mut peer, 1)[0]));
        }
        assert!((1..=16).contains(&said.trim().parse::<u32>().unwrap()), "{said}");
    }
}

#[tokio::test]
async fn a_file_gets_the_frame_that_the_endpoint_says_or_is_refused() {
    let folder = public();
    fs::write(folder.path().join("public/lines"), "a\nb").unwrap();
    fs::write(folder.path().join("public/long"), [b'x'; 300]).unwrap();
    for (framing, frames, refusals) in [
        ("line", [("page", &b"<p>\n"[..]), ("empty", b"\n")], [("lines", "a line holds no LF, and byte 2 is one"); 1]),
        ("line,max=200", [("page", b"<p>\n"), ("empty", b"\n")], [("long", "300 bytes, more than a message can")]),
        ("length:u8", [("page", b"\x03<p>"), ("lines", b"\x03a\nb")], [("long", "the length would be 300")]),
    ] {
        let mut bench = Bench::new();
        let options = format!("&framing={framing}&wrap=true");
        let (socket, mut peer) = bench.answering(&options, [get(&folder, Some("404"))]).await;
        let frame = |payload: &str| framing.parse::<sockbench::framing::Framing>().unwrap().wrap(payload.as_bytes());
        for (name, wanted) in frames {
            peer.write_all(&frame(&format!("GET {name}")).unwrap()).unwrap();
            assert_eq!(hear(&mut peer, wanted.len()), wanted, "{framing} {name}");
            assert!(bench.rule(socket).await.starts_with(&format!("sends {name}, ")));
        }
        for (name, why) in refusals {
            peer.write_all(&frame(&format!("GET {name}")).unwrap()).unwrap();
            let missing = frame("404").unwrap();
            assert_eq!(hear(&mut peer, missing.len()), missing);
            let said = bench.rule(socket).await;
            assert!(said.contains(why) && said.contains("; answers 4 bytes"), "{said}");
        }
    }
}

#[tokio::test]
async fn no_program_outlives_its_connection() {
    let started = async |bench: &mut Bench| {
        let folder = tempfile::tempdir().unwrap();
        let script = "sleep 1000 & echo $! > child; echo $$ > pid; echo started >&2; wait; true";
        let rule = Rule::new("sh", on(""), program(&["sh", "-c", script], folder.path()));
        let (socket, mut peer) = bench.answering("", [rule]).await;
        peer.write_all(b"go").unwrap();
        assert_eq!(bench.rule(socket).await, "runs sh");
        let read =
            |name: &str| fs::read_to_string(folder.path().join(name)).ok().and_then(|pid| pid.trim().parse().ok());
        let pids = loop {
            if let (Some(child), Some(pid)) = (read("child"), read("pid")) {
                break [child, pid];
            }
            tokio::task::yield_now().await;
        };
        (socket, peer, pids)
    };
    for how in [CloseHow::Normal, CloseHow::Abort] {
        let mut bench = Bench::new();
        let (socket, _peer, pids) = started(&mut bench).await;
        bench.close(socket, how);
        assert_eq!(bench.closed(socket).await, CloseReason::User);
        assert!(pids.into_iter().all(is_gone));
    }
    let mut bench = Bench::new();
    let (_, _peer, pids) = started(&mut bench).await;
    bench.order(Command::ShutDown);
    assert!(pids.into_iter().all(is_gone));
}

#[tokio::test]
async fn characters_are_those_of_rfc_864() {
    let mut bench = Bench::new();
    let rule = Rule::new("chargen", When::Happens(Moment::Accepted), Reply::Characters);
    let (socket, mut peer) = bench.answering("", [rule]).await;
    let lines = hear(&mut peer, 74 * 5000);
    for (number, line) in lines.chunks(74).enumerate() {
        assert_eq!(usize::from(line[0] - b' '), number % 95);
        assert!(line[..72].iter().all(u8::is_ascii_graphic) || line.contains(&b' '));
        assert_eq!(line[72..], *b"\r\n");
    }
    assert_eq!(bench.rule(socket).await, "sends characters without an end");
    drop(peer);
    let reason = bench.closed(socket).await;
    assert!(matches!(reason, CloseReason::Reset | CloseReason::Peer), "{reason}");

    let (_, peer) = bench.answering_datagrams([Rule::new("chargen", on(""), Reply::Characters)]).await;
    let mut lens = Vec::new();
    for _ in 0..30 {
        peer.send(b"?").unwrap();
        lens.push(heard(&peer).len());
    }
    assert!(lens.iter().all(|len| *len <= 512) && lens.iter().any(|len| *len != lens[0]), "{lens:?}");
}

#[tokio::test]
async fn each_datagram_is_answered_to_its_sender_however_long_another_takes() {
    let mut bench = Bench::new();
    let folder = tempfile::tempdir().unwrap();
    let wait = program(&["sh", "-c", "cat; while [ ! -e go ]; do sleep 0.02; done"], folder.path());
    let (server, peer) = bench
        .answering_datagrams([
            Rule { then: Then::Close, ..Rule::new("echo?", on("^now (.*)"), message("{{1}} {{peer}} {{counter}}")) },
            Rule { delay: Duration::from_hours(1), ..Rule::new("late", on("^late"), message("late")) },
            Rule::new("sh", on("^wait"), wait),
            Rule::new("discard", on(""), Reply::Nothing),
        ])
        .await;
    let others: Vec<_> = (0..3).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    peer.send(b"late").unwrap();
    for number in 0..20 {
        peer.send(format!("wait {number}").as_bytes()).unwrap();
    }
    for (number, other) in others.iter().enumerate() {
        other.connect(peer.peer_addr().unwrap()).unwrap();
        other.set_read_timeout(Some(PATIENCE)).unwrap();
        other.send(b"nothing").unwrap();
        other.send(b"now x").unwrap();
        let wanted = format!("x {} {}", other.local_addr().unwrap(), number + 1);
        assert_eq!(String::from_utf8(heard(other)).unwrap(), wanted);
    }
    let mut unanswered = 0;
    while unanswered < 4 {
        let said = bench.rule(server).await;
        if let Some(count) = said.strip_suffix(" not answered: 16 programs are answering others") {
            unanswered += count.split(' ').next().unwrap().parse::<u32>().unwrap();
        }
    }
    assert_eq!(unanswered, 4);
    let noted = |seen: &crate::bench::Seen| matches!(&seen.fact, Fact::Rule { message, .. } if message.contains("does nothing here"));
    assert_eq!(bench.seen.iter().filter(|seen| noted(seen)).count(), 1);
    fs::write(folder.path().join("go"), "").unwrap();
    let mut answers: Vec<_> = (0..16).map(|_| heard(&peer)).collect();
    answers.sort();
    answers.dedup();
    assert_eq!(answers.len(), 16);
}

#[tokio::test]
async fn datagrams_that_find_no_room_for_their_answer_are_counted() {
    let mut bench = Bench::new();
    let hour = Rule { delay: Duration::from_hours(1), ..Rule::new("late", on(""), message("late")) };
    let (server, peer) = bench.answering_datagrams([hour]).await;
    for batch in 0..30 {
        for _ in 0..50 {
            peer.send(b"?").unwrap();
        }
        bench.received(server, if batch == 29 { 50 } else { 40 }).await;
    }
    let mut unanswered = 0;
    bench.at = 0;
    while unanswered < 1500 - 1024 {
        let said = bench.rule(server).await;
        let count = said.split(' ').next().unwrap().parse::<u32>().unwrap();
        assert!(said.ends_with("not answered: too many replies wait to be sent already"), "{said}");
        unanswered += count;
    }
    assert_eq!(unanswered, 1500 - 1024);
}

#[tokio::test]
async fn clients_that_never_read_are_held_little_of_and_get_every_byte_once_they_do() {
    const CLIENTS: usize = 300;
    const BYTES: usize = 1 << 20;
    const SHARE: usize = 64 << 10;
    const COMMON: usize = 64 << 20;
    let noise: Arc<[u8]> = noise(BYTES + CLIENTS, 1).into();
    for when in [When::Comes(Pattern::Any), on("^")] {
        let rule = Rule::new("back", when, message("{{payload}}"));
        let mut bench = Bench::new();
        // Little of it waits in the kernel.
        let server = bench.open_with("tcp-listen://127.0.0.1:0?send-buffer=64KiB&backlog=512", [rule]);
        let address = bench.opened(server).await;
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let noise = Arc::clone(&noise);
        let clients = std::thread::spawn(move || {
            let said = |client: usize| &noise[client..client + BYTES];
            let clients: Vec<_> = (0..CLIENTS).map(|_| TcpStream::connect(address).unwrap()).collect();
            std::thread::scope(|scope| {
                for (client, stream) in clients.iter().enumerate() {
                    scope.spawn(move || (&*stream).write_all(said(client)).unwrap());
                }
                wait.recv().unwrap();
                for (client, stream) in clients.iter().enumerate() {
                    stream.set_read_timeout(Some(PATIENCE)).unwrap();
                    let mut bytes = vec![0; BYTES];
                    (&*stream).read_exact(&mut bytes).unwrap();
                    assert!(bytes == said(client), "{client}");
                }
            });
        });
        // What was received and is not sent is held.
        let (mut received, mut sent) = ([0; CLIENTS], 0);
        let mut numbers = BTreeMap::new();
        while sent < CLIENTS * BYTES {
            let batch = timeout(PATIENCE, bench.batches.next()).await.unwrap().unwrap();
            for event in &batch.events {
                match event.fact {
                    Fact::Accepted { .. } => drop(numbers.insert(event.socket, numbers.len())),
                    Fact::Received { bytes, .. } => received[numbers[&event.socket]] += batch.bytes(bytes).len(),
                    Fact::Sent { bytes, .. } => sent += batch.bytes(bytes).len(),
                    _ => {}
                }
            }
            bench.engine.recycle(batch.block);
            let held = received.iter().sum::<usize>() - sent;
            assert!(held < COMMON + CLIENTS * SHARE * 3 / 2, "{held}");
            if held > COMMON && received.iter().all(|bytes| *bytes >= SHARE) {
                let _ = go.send(());
            }
        }
        clients.join().unwrap();
    }
}

#[tokio::test]
async fn a_greeting_a_half_close_and_a_farewell() {
    let mut bench = Bench::new();
    let rules = [
        Rule::new("greet", When::Happens(Moment::Accepted), message("hello {{peer}}\\n")),
        Rule { then: Then::HalfClose, ..Rule::new("enough", on("enough"), message("fine\\n")) },
        Rule { then: Then::Close, ..Rule::new("end", When::Happens(Moment::PeerClosed), Reply::Nothing) },
    ];
    let (socket, mut peer) = bench.answering("&after-fin=keep", rules).await;
    let greeting = format!("hello {}\n", peer.local_addr().unwrap());
    assert_eq!(hear(&mut peer, greeting.len()), greeting.as_bytes());
    peer.write_all(b"enough").unwrap();
    let mut rest = String::new();
    peer.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "fine\n");
    peer.write_all(b"more").unwrap();
    assert_eq!(bench.received(socket, 10).await, b"enoughmore");
    peer.shutdown(Shutdown::Write).unwrap();
    let reason = bench.closed(socket).await;
    assert!(matches!(reason, CloseReason::Rule | CloseReason::Peer), "{reason}");
}

#[tokio::test]
async fn a_client_that_reconnects_does_so_after_a_rule_has_closed_it() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut bench = Bench::new();
    let rules =
        [Rule { then: Then::Close, ..Rule::new("bye", When::Happens(Moment::Connected), message("{{counter}}")) }];
    let client = bench.open_with(&format!("tcp://{}?reconnect=10ms", server.local_addr().unwrap()), rules);
    for wanted in ["1", "2", "3"] {
        let mut said = String::new();
        server.accept().unwrap().0.read_to_string(&mut said).unwrap();
        assert_eq!(said, wanted);
        assert_eq!(bench.closed(client).await, CloseReason::Rule);
    }
    bench.order(Command::SetRules { socket: client, rules: Rules::default() });
    let (_kept, _) = loop {
        let accepted = server.accept().unwrap();
        accepted.0.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        if (&accepted.0).read(&mut [0; 1]).is_err() {
            break accepted;
        }
    };
    bench.close(client, CloseHow::Normal);
    while bench.closed(client).await != CloseReason::User {}
}

// Case 45.
#[tokio::test]
async fn sockets_of_the_bench_that_answer_each_other_at_once_are_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let mut paths = 0;
    let echo = || Rules::echo().iter().map(|rule| Rule::new("echo", rule.when.clone(), rule.reply.clone())).collect();
    let framed: fn() -> Vec<Rule> = || vec![Rule::new("again", on("(.+)"), message("{{1}}!"))];
    for (server, client) in [
        ("tcp-listen://127.0.0.1:0", "tcp://127.0.0.1:PORT"),
        ("tcp-listen://[::]:0", "tcp://127.0.0.1:PORT"),
        ("udp-bind://0.0.0.0:0", "udp://127.0.0.1:PORT"),
        ("udp-bind://[::1]:0", "udp://[::1]:PORT"),
        ("unix-listen://PATH", "unix://PATH"),
        ("unix-seqpacket-listen://PATH", "unix-seqpacket://PATH"),
        ("unix-dgram-bind://PATH", "unix-dgram://PATH"),
        ("pair://", ""),
        ("pair://?type=dgram", ""),
    ] {
        for rules in [&echo as &dyn Fn() -> Vec<Rule>, &framed] {
            // The engine before may not have let go of its path yet.
            paths += 1;
            let path = folder.path().join(paths.to_string()).display().to_string();
            let mut bench = Bench::new();
            let first = bench.open_with(&server.replace("PATH", &path), rules());
            let local = bench.next_of(first, |fact| match fact {
                Fact::Opened { local, .. } => Some(local.clone()),
                _ => None,
            });
            let port = local.await.port().unwrap_or(0).to_string();
            let sender = if client.is_empty() {
                bench.next(|seen| matches!(seen.fact, Fact::Paired { .. })).await.socket
            } else {
                let client = client.replace("PATH", &path).replace("PORT", &port);
                let client = bench.open_with(&client, rules());
                bench
                    .next_of(client, |fact| matches!(fact, Fact::Opened { .. } | Fact::Connected { .. }).then_some(()))
                    .await;
                client
            };
            let began = Instant::now();
            bench.send(Target::Socket(sender), b"x");
            let cut = bench.next(|seen| is_cut(&seen.fact)).await;
            let Fact::Rule { message, .. } = cut.fact else { unreachable!() };
            assert!(message.starts_with(LOOP_WITH), "{message}");
            // Each end has a rate of its own, and the first reply answers none.
            let most = 2 * (101 + began.elapsed().as_millis() / 10) + 1;
            assert!((100..=most).contains(&replies(&bench)), "{server}: {} of {most}", replies(&bench));
            // It is over, and begins anew with what is sent.
            let before = replies(&bench);
            bench.send(Target::Socket(sender), b"x");
            bench.next(|_| true).await;
            while replies(&bench) == before {
                bench.next(|_| true).await;
            }
        }
    }
}

// Case 45.
#[tokio::test]
async fn who_answers_an_echo_outside_is_not_stopped() {
    const ENOUGH: usize = 500;
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut bench = Bench::new();
    let client = bench.open_with(
        &format!("tcp://{}", server.local_addr().unwrap()),
        Rules::echo().iter().map(|echo| Rule::new("echo", echo.when.clone(), echo.reply.clone())),
    );
    let (mut outside, _) = server.accept().unwrap();
    outside.set_read_timeout(Some(PATIENCE)).unwrap();
    bench.connected(client).await;
    outside.write_all(b"x").unwrap();
    for _ in 0..ENOUGH {
        let word = hear(&mut outside, 1);
        outside.write_all(&word).unwrap();
    }
    bench.received(client, ENOUGH).await;
    assert!(!bench.seen.iter().any(|seen| is_cut(&seen.fact)));
}

/// Whether a fact tells that sockets answer each other too often.
fn is_cut(fact: &Fact) -> bool {
    matches!(fact, Fact::Rule { message, .. } if message.contains("more than 100 times a second"))
}

/// How many replies were sent.
fn replies(bench: &Bench) -> u128 {
    let is_reply = |fact: &Fact| matches!(fact, Fact::Sent { ticket: Ticket::ENGINE, .. });
    bench.seen.iter().filter(|seen| is_reply(&seen.fact)).count() as u128
}

// Case 45.
#[tokio::test]
async fn sockets_that_answer_each_other_slowly_go_on() {
    let mut bench = Bench::new();
    let beat = || vec![Rule { delay: Duration::from_millis(10), ..Rule::new("beat", on(""), message("beat")) }];
    bench.open_with("pair://", beat());
    let end = bench.next(|seen| matches!(seen.fact, Fact::Paired { .. })).await.socket;
    bench.send(Target::Socket(end), b"x");
    while replies(&bench) < 300 {
        let seen = bench.next(|_| true).await;
        assert!(!is_cut(&seen.fact), "{:?}", seen.fact);
    }
}

#[tokio::test]
async fn what_others_send_between_lets_no_loop_go_on() {
    let mut bench = Bench::new();
    let [one, other] = [(); 2].map(|()| bench.ids.mint());
    let mut addresses = Vec::new();
    for socket in [one, other] {
        bench.order(Command::SetRules { socket, rules: Rules::echo() });
        bench.order(Command::Open { socket, endpoint: "udp-bind://127.0.0.1:0".parse().unwrap() });
        addresses.push(bench.opened(socket).await);
    }
    let outside = UdpSocket::bind("127.0.0.1:0").unwrap();
    outside.set_read_timeout(Some(PATIENCE)).unwrap();
    // Both answer it, so that each has what it sent last answer somebody else.
    for address in &addresses {
        outside.send_to(b"y", address).unwrap();
        outside.recv_from(&mut [0; 8]).unwrap();
    }
    bench.send(Target::Peer(one, addresses[1].into()), b"x");
    while !bench.seen.iter().any(|seen| is_cut(&seen.fact)) {
        for address in &addresses {
            outside.send_to(b"y", address).unwrap();
        }
        bench.next(|_| true).await;
    }
}

// Case 45.
#[tokio::test]
async fn a_datagram_socket_that_sends_to_itself_is_stopped() {
    let mut bench = Bench::new();
    let socket = bench.ids.mint();
    bench.order(Command::SetRules { socket, rules: Rules::echo() });
    bench.order(Command::Open { socket, endpoint: "udp-bind://127.0.0.1:0".parse().unwrap() });
    let address = bench.opened(socket).await;
    bench.send(Target::Peer(socket, address.into()), b"x");
    assert!(bench.rule(socket).await.contains("answers itself more than 100 times a second"));
}

/// A large expression that a long message of `a` and `b` keeps busy for seconds.
fn slow() -> Rule {
    Rule::new("slow", on("(?-u)[ab]{6000}(c)"), message("found {{1}};"))
}

/// What keeps [`slow`] busy for longer than a test is waited for.
fn endless() -> String {
    "ab".repeat(400_000) + "\n"
}

#[tokio::test]
async fn who_waits_for_a_slow_expression_waits_no_more_once_it_is_gone() {
    let mut bench = Bench::new();
    let listener = bench.open_with("tcp-listen://127.0.0.1:0?backlog=9&framing=line", [slow()]);
    let mut peer = TcpStream::connect(bench.opened(listener).await).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    let (socket, _) = bench.accepted(listener).await;
    peer.write_all(endless().as_bytes()).unwrap();
    bench.received(socket, endless().len()).await;
    let rules = Rules::new([Arc::new(Rule::new("any", When::Comes(Pattern::Any), message("others")))]);
    bench.order(Command::SetRules { socket: listener, rules });
    assert_eq!(hear(&mut peer, 6), b"others");
}

#[tokio::test]
async fn a_slow_expression_holds_up_no_close() {
    let mut bench = Bench::new();
    let (socket, mut peer) = bench.answering("&framing=line", [slow()]).await;
    peer.write_all(endless().as_bytes()).unwrap();
    bench.received(socket, endless().len()).await;
    bench.close(socket, CloseHow::Normal);
    assert_eq!(bench.closed(socket).await, CloseReason::User);
}

#[tokio::test]
async fn a_slow_rule_that_applies_once_does_so_for_datagrams_that_come_together() {
    let mut bench = Bench::new();
    let once = Rule { once: Once::Session, then: Then::Close, ..slow() };
    let other = Rule::new("other", When::Comes(Pattern::Any), message("other"));
    let (socket, peer) = bench.answering_datagrams([once, other]).await;
    for _ in 0..3 {
        peer.send(("ab".repeat(3000) + "c").as_bytes()).unwrap();
    }
    let mut answers = [(); 3].map(|()| heard(&peer));
    answers.sort_unstable();
    assert_eq!(answers, [&b"found c;"[..], b"other", b"other"]);
    assert!(bench.rule(socket).await.contains("a datagram socket has no connection"));
}

#[tokio::test]
async fn a_slow_expression_keeps_no_other_socket_waiting_and_its_answer_is_in_order() {
    let mut bench = Bench::new();
    let rules = [slow(), Rule::new("any", on("(?s)^.*(.)$"), message("{{1}};"))];
    let (socket, mut peer) = bench.answering("&framing=line&after-fin=close", rules).await;
    let (_, other) = bench.answering_datagrams([Rule::new("echo", When::Comes(Pattern::Any), message("pong"))]).await;
    let long = "ab".repeat(3_500);
    peer.write_all(format!("x\n{long}\n{long}c\ny\n").as_bytes()).unwrap();
    assert_eq!(hear(&mut peer, 2), b"x;");
    other.send(b"ping").unwrap();
    assert_eq!(heard(&other), b"pong");
    // The engine answers another socket while it looks for the answer to a message that came before.
    peer.set_nonblocking(true).unwrap();
    assert_eq!(peer.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
    peer.set_nonblocking(false).unwrap();
    assert_eq!(hear(&mut peer, 12), b"b;found c;y;");
    peer.shutdown(Shutdown::Write).unwrap();
    bench.closed(socket).await;
}
