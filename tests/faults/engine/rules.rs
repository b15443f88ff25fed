//! Replies by rules.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use sockbench::os;

use super::*;

#[test]
fn rules_that_echo_and_answer_from_a_file_and_by_a_program() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("page"), "<p>").unwrap();
    let template = |text| {
        let place = Place::Reply { captures: 2 };
        Template::parse(Mode::Escaped, text, Encoding::UTF_8, &Variables::default(), place).unwrap()
    };
    let on = |regex| When::Comes(Pattern::Regex(Expression::capturing(regex).unwrap()));
    let root = folder.path().to_owned();
    let program =
        Reply::Program { command: vec!["cat".to_owned()], folder: root.clone(), timeout: PATIENCE, max: 1000 };
    let page = || Reply::File { name: template("page"), root: root.clone(), missing: None };
    let rules = || {
        let echo = Reply::Message(Template::what_came());
        let of =
            [Rule::new("f", on("^f"), page()), Rule::new("p", on("^p"), program.clone()), Rule::new("e", on(""), echo)];
        Rules::new(of.into_iter().map(Arc::new))
    };
    endure(&["mmap", "poll", "openat", "sendto", "getsockopt"], |scene| {
        let server = scene.bench.ids.mint();
        scene.bench.order(Command::SetRules { socket: server, rules: rules() });
        scene.bench.order(Command::Open { socket: server, endpoint: "udp-bind://127.0.0.1:0".parse().unwrap() });
        let address = scene.opened(server)?;
        let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        peer.connect(address).unwrap();
        let mut sent = Vec::<u8>::new();
        for (question, answer) in [("echo", "echo"), ("file", "<p>"), ("program", "program")] {
            peer.send(question.as_bytes()).unwrap();
            sent.extend(answer.as_bytes());
            let is_sent = scene.until(&[server], |seen| {
                let failed = seen.iter().any(|seen| match &seen.fact {
                    Fact::Rule { message, .. } => ["can't", "refused"].iter().any(|word| message.contains(word)),
                    Fact::SendFailed { .. } => true,
                    _ => false,
                });
                let is_sent = bytes_of(seen, server, true) == sent;
                if failed { Some(false) } else { is_sent.then_some(true) }
            })?;
            if !is_sent {
                scene.close(server);
                return Err(Over);
            }
            let mut got = [0; 100];
            let len = peer.recv(&mut got).unwrap();
            assert_eq!(&got[..len], answer.as_bytes());
        }
        scene.close(server);
        Ok(())
    });
}

/// Its start may hang as long as the folder that it is to run in.
#[test]
fn a_program_that_does_not_start_gives_its_turn_back_in_its_time() {
    /// As many threads as there are for what may hang.
    const THREADS: usize = 256;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (let_go, hangs) = channel::<()>();
    let begun = Arc::new(AtomicUsize::new(0));
    let hangs = Arc::new(Mutex::new(hangs));
    let hanging: Vec<_> = (0..THREADS)
        .map(|_| {
            let (hangs, begun) = (Arc::clone(&hangs), Arc::clone(&begun));
            runtime.spawn(os::aside(move || {
                begun.fetch_add(1, Ordering::Relaxed);
                drop(hangs.lock().map(|hangs| hangs.recv()));
            }))
        })
        .collect();
    while begun.load(Ordering::Relaxed) < THREADS {
        runtime.block_on(tokio::task::yield_now());
    }
    let ids = SocketIds::new();
    let (engine, batches) = start(ids.clone(), Clock::start()).unwrap();
    let bench = Bench { engine, batches, ids, seen: Vec::new(), reports: Vec::new(), at: 0, tickets: 0 };
    let mut scene = Scene { bench, runtime: &runtime, fault: None, from: 0 };
    let (command, folder) = (vec!["cat".to_owned()], "/".into());
    let program = Reply::Program { command, folder, timeout: Duration::from_millis(20), max: 1000 };
    let rule = Rule::new("p", When::Comes(Pattern::Regex(Expression::new("", false).unwrap())), program);
    let server = scene.bench.ids.mint();
    scene.bench.order(Command::SetRules { socket: server, rules: Rules::new([Arc::new(rule)]) });
    scene.bench.order(Command::Open { socket: server, endpoint: "udp-bind://127.0.0.1:0".parse().unwrap() });
    let address = scene.opened(server).unwrap();
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.send_to(b"question", address).unwrap();
    let is_told = |seen: &Seen| matches!(&seen.fact, Fact::Rule { message, .. } if message.contains("took longer"));
    scene.until(&[server], |seen| seen.iter().any(is_told).then_some(())).unwrap();
    drop(let_go);
    scene.close(server);
    scene.end();
    for ended in hanging {
        runtime.block_on(ended).unwrap().unwrap();
    }
}
