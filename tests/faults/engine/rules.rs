//! Replies by rules.

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
    endure(&["mmap", "poll", "openat", "clone", "sendto", "getsockopt"], |scene| {
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
