//! Rules on scripted streams, under a paused clock.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use proptest::prelude::*;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

use crate::contract::{CloseHow, CloseReason, Command, Endpoint, Fact, option_spec};
use crate::engine::pump::run;
use crate::engine::pump::tests::{FIN, Scripted, connection_with};
use crate::engine::socket::Ending;
use crate::engine::testing::{Rig, rig};
use crate::framing::Assembler;
use crate::pattern::{Expression, Pattern};
use crate::payload::{Mode, Place, Template, Variables};
use crate::rule::{Moment, Once, Reply, Rule, Rules, Then, When};

const SECOND: Duration = Duration::from_secs(1);

/// What is written so, with up to three captures.
fn template(text: &str) -> Template {
    let place = Place::Reply { captures: 3 };
    let encoding = "udp://localhost:1".parse::<Endpoint>().unwrap().encoding();
    Template::parse(Mode::Escaped, text, encoding, &Variables::default(), place).unwrap()
}

/// A rule that answers messages in which this is found; its name is its reply.
fn rule(regex: &str, reply: &str) -> Rule {
    Rule::new(
        reply,
        When::Comes(Pattern::Regex(Expression::capturing(regex).unwrap())),
        Reply::Message(template(reply)),
    )
}

fn at(moment: Moment, reply: &str) -> Rule {
    Rule::new(reply, When::Happens(moment), Reply::Message(template(reply)))
}

fn rules(rules: impl IntoIterator<Item = Rule>) -> Rules {
    Rules::new(rules.into_iter().map(Arc::new))
}

/// The sentence of the next row of a rule.
async fn row(rig: &mut Rig) -> String {
    match rig.until(|fact| matches!(fact, Fact::Rule { .. })).await {
        Fact::Rule { name, message } => format!("{name}: {message}"),
        _ => unreachable!(),
    }
}

async fn sent(rig: &mut Rig) {
    rig.until(|fact| matches!(fact, Fact::Sent { remaining: 0, .. })).await;
}

fn written(stream: &Scripted) -> String {
    String::from_utf8(stream.0.written.borrow().clone()).unwrap()
}

fn open_window(stream: &Scripted) {
    stream.0.window.set(usize::MAX);
    stream.0.changed.notify_waiters();
}

fn set_rules(rig: &Rig, rules: Rules) {
    rig.obey(Command::SetRules { socket: rig.parent, rules });
}

#[test]
fn each_message_of_the_framing_has_its_answer_and_the_row_stands_between() {
    let all = [rule("GET (.*)", "{{counter}}:{{1}};"), rule("", "what?")];
    connection_with("framing=line", rules(all), 100, async |mut rig, _, stream| {
        stream.says(Ok(b"GET a\r\nGE"));
        let kinds = ["received", "rule", "sent"];
        for kind in kinds {
            let fact = rig.until(|_| true).await;
            let is = match fact {
                Fact::Received { .. } => "received",
                Fact::Rule { .. } => "rule",
                Fact::Sent { .. } => "sent",
                _ => "else",
            };
            assert_eq!(is, kind, "{fact:?}");
        }
        stream.says(Ok(b"T b\n\n"));
        assert_eq!(row(&mut rig).await, "{{counter}}:{{1}};: answers 4 bytes");
        assert_eq!(row(&mut rig).await, "what?: answers 5 bytes");
        sent(&mut rig).await;
        assert_eq!(written(&stream), "1:a;2:b;what?");
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn however_a_stream_comes_its_messages_are_answered_in_order(
        framing in prop::sample::select(vec!["line", "fixed:3", "delimiter:6162", "length:u8", "length:u8,max=4"]),
        stream in prop::collection::vec(prop::sample::select(b"ab\r\n\0\x01\x02".to_vec()), 0..9000),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        windows in prop::collection::vec(1_usize..20_000, 0..4),
        is_slow: bool,
    ) {
        let mut assembler = Assembler::new(framing.parse().unwrap());
        let mut wanted = Vec::new();
        let mut answer = |message: &[u8]| {
            let is_late = message.contains(&b'a');
            wanted.extend(if is_late { [b"<", message, b">"].concat() } else { b".".to_vec() });
        };
        assembler.push(&stream, 0, |message, _| answer(message));
        assembler.end(|message, _| answer(message));
        let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).chain([0, stream.len()]).collect();
        ends.sort_unstable();
        // Half of the messages have to wait, so that those at once stand between.
        let late = Rule { delay: SECOND, ..rule("(?s-u)^.*a.*$", "<{{0}}>") };
        // Some messages take long to be held against a large expression, and some take long only together.
        let other = if is_slow { r"(?-u)\x03{9000}|" } else { "(?s-u)" };
        let all = rules([late, rule(other, ".")]);
        connection_with(&format!("framing={framing}&after-fin=close"), all, 0, async |mut rig, _, stream_of| {
            for ends in ends.windows(2).filter(|ends| ends[0] < ends[1]) {
                stream_of.says(Ok(&stream[ends[0]..ends[1]]));
            }
            stream_of.says(FIN);
            for window in windows {
                stream_of.0.window.set(window);
                stream_of.0.changed.notify_waiters();
                sleep(SECOND / 3).await;
            }
            open_window(&stream_of);
            rig.until(|fact| *fact == Fact::Closed { reason: CloseReason::Peer }).await;
            assert!(*stream_of.0.written.borrow() == wanted);
        });
    }
}

#[test]
fn others_have_their_turn_between_messages_that_take_long_together() {
    let large = Arc::new(rule(r"(?-u)[xy]{9000}|", "."));
    connection_with("framing=line", Rules::new([Arc::clone(&large)]), 10_000, async |mut rig, _, stream| {
        stream.says(Ok("at most 50 ms at once\n".repeat(500).as_bytes()));
        while large.hits.get() == 0 {
            yield_now().await;
        }
        assert!(large.hits.get() < 500);
        while large.hits.get() < 500 {
            sent(&mut rig).await;
        }
    });
}

#[test]
fn replies_go_out_in_the_order_of_their_messages_and_a_delay_is_counted_from_its_own() {
    let slow = |regex, reply| Rule { delay: 3 * SECOND, ..rule(regex, reply) };
    let all = [slow("slow", "S"), rule("fast", "F"), Rule { delay: SECOND, ..rule("", "?") }];
    connection_with("framing=line", rules(all), 100, async |mut rig, _, stream| {
        let began = Instant::now();
        stream.says(Ok(b"slow\nfast\nslow\nother\n"));
        sent(&mut rig).await;
        sleep(Duration::from_millis(1)).await;
        assert_eq!(began.elapsed().as_secs(), 3);
        assert_eq!(written(&stream), "SFS?");
    });
}

#[test]
fn a_rule_is_spent_where_it_says_so() {
    let once = |once, reply| Rule { once, ..rule("", reply) };
    let session = Arc::new(once(Once::Session, "s"));
    for (all, first, second) in [
        ([Arc::new(once(Once::Connection, "c")), Arc::new(rule("", "."))], "c..", "c.."),
        ([Arc::clone(&session), Arc::new(rule("", "."))], "s..", "..."),
    ] {
        for wanted in [first, second] {
            let all = Rules::new(all.clone());
            connection_with("framing=line", all.clone(), 100, async |mut rig, _, stream| {
                stream.says(Ok(b"1\n"));
                sent(&mut rig).await;
                // The same rules once more, as a change of another one gives them.
                set_rules(&rig, all);
                stream.says(Ok(b"2\n3\n"));
                sent(&mut rig).await;
                sent(&mut rig).await;
                assert_eq!(written(&stream), wanted);
            });
        }
        let hits: Vec<_> = all.iter().map(|rule| rule.hits.get()).collect();
        assert_eq!(hits[0] + hits[1], 6);
    }
}

#[test]
fn a_connection_ends_once_the_reply_is_out() {
    let bye = |then| rules([Rule { then, ..rule("bye", "good bye") }]);
    connection_with("", bye(Then::Close), 3, async |mut rig, _, stream| {
        stream.says(Ok(b"bye"));
        assert_eq!(row(&mut rig).await, "good bye: answers 8 bytes, then closes");
        sleep(60 * SECOND).await;
        open_window(&stream);
        rig.until(|fact| *fact == Fact::Closed { reason: CloseReason::Rule }).await;
        assert_eq!(written(&stream), "good bye");
    });
    connection_with("", bye(Then::HalfClose), 3, async |mut rig, _, stream| {
        stream.says(Ok(b"bye"));
        sleep(60 * SECOND).await;
        assert!(!stream.0.fin_sent.get());
        open_window(&stream);
        rig.until(|fact| matches!(fact, Fact::Note { name, .. } if name == "half-close")).await;
        assert!(stream.0.fin_sent.get());
        stream.says(Ok(b"bye"));
        assert_eq!(row(&mut rig).await, "good bye: can't answer: sending is over here, then half-closes");
        stream.says(FIN);
        rig.until(|fact| *fact == Fact::Closed { reason: CloseReason::Peer }).await;
        assert_eq!(written(&stream), "good bye");
    });
    let nothing = Rule { then: Then::Close, ..Rule::new("quit", When::Comes(Pattern::Any), Reply::Nothing) };
    connection_with("", rules([nothing]), 0, async |mut rig, _, stream| {
        stream.says(Ok(b"x"));
        assert_eq!(row(&mut rig).await, "quit: closes");
        rig.until(|fact| *fact == Fact::Closed { reason: CloseReason::Rule }).await;
    });
}

#[test]
fn the_user_may_take_over_a_close_that_waits() {
    let bye = rules([Rule { then: Then::Close, ..rule("bye", "good bye") }]);
    connection_with("", bye, 3, async |mut rig, id, stream| {
        stream.says(Ok(b"bye"));
        row(&mut rig).await;
        rig.obey(Command::Close { socket: id, how: CloseHow::Normal, by: CloseReason::User });
        rig.until(|fact| *fact == Fact::Closed { reason: CloseReason::User }).await;
    });
}

#[test]
fn the_steps_of_a_connection_are_answered_and_what_is_left_at_its_end_comes_first() {
    let all = || rules([at(Moment::Connected, "hello;"), at(Moment::PeerClosed, "end;"), rule("(.+)", "{{1}};")]);
    connection_with("framing=line&after-fin=close", all(), 100, async |mut rig, _, stream| {
        assert_eq!(row(&mut rig).await, "hello;: answers 6 bytes");
        stream.says(Ok(b"one\ntwo"));
        stream.says(FIN);
        rig.until(|fact| *fact == Fact::PeerClosed).await;
        assert_eq!(row(&mut rig).await, "{{1}};: answers 4 bytes");
        rig.until(|fact| *fact == Fact::Closed { reason: CloseReason::Peer }).await;
        assert_eq!(written(&stream), "hello;one;two;end;");
    });
    // A reply that takes its time is waited for, however short the connection's time is.
    for after_fin in ["close", "1s"] {
        let late = rules([Rule { delay: 30 * SECOND, ..at(Moment::PeerClosed, "late") }]);
        connection_with(&format!("after-fin={after_fin}"), late, 100, async |mut rig, _, stream| {
            stream.says(FIN);
            rig.until(|fact| *fact == Fact::Closed { reason: CloseReason::Peer }).await;
            assert_eq!(written(&stream), "late");
        });
    }
}

#[test]
fn a_gap_ends_a_message_that_is_answered_then() {
    connection_with("framing=idle:50ms", rules([rule("(.*)", "{{1}}.")]), 100, async |mut rig, _, stream| {
        for (pause, part) in [(0, b"a"), (30, b"b"), (30, b"c"), (80, b"d")] {
            sleep(Duration::from_millis(pause)).await;
            stream.says(Ok(part));
        }
        sent(&mut rig).await;
        let began = Instant::now();
        sent(&mut rig).await;
        assert_eq!(began.elapsed().as_millis() / 10, 5);
        assert_eq!(written(&stream), "abc.d.");
        // Nobody waits for a gap any more.
        sleep(3600 * SECOND).await;
        stream.says(Ok(b"e"));
        sent(&mut rig).await;
    });
}

#[test]
fn a_framing_that_is_changed_holds_from_then_on() {
    connection_with("framing=line", rules([rule("(?s)(.*)", "[{{1}}]")]), 100, async |mut rig, id, stream| {
        stream.says(Ok(b"a\nb"));
        sent(&mut rig).await;
        let (option, value) = (option_spec("framing").unwrap(), "fixed:2");
        let value = option.kind.parse(value).unwrap();
        rig.obey(Command::SetOption { socket: id, option, value });
        sleep(SECOND).await;
        stream.says(Ok(b"c\nd"));
        sent(&mut rig).await;
        assert_eq!(written(&stream), "[a][c\n]");
    });
}

#[test]
fn an_answer_gets_the_frame_that_the_endpoint_says_or_is_refused() {
    let all = [rule("two", "a\\nb"), rule("", "ok")];
    connection_with("framing=line&wrap=true", rules(all), 100, async |mut rig, _, stream| {
        stream.says(Ok(b"one\ntwo\n"));
        assert_eq!(row(&mut rig).await, "ok: answers 3 bytes");
        assert_eq!(row(&mut rig).await, "a\\nb: can't answer: a line holds no LF, and byte 2 is one");
        sent(&mut rig).await;
        assert_eq!(written(&stream), "ok\n");
    });
}

#[test]
fn an_echo_behind_other_rules_sends_frames_back_as_they_came_and_says_nothing() {
    let echo = Rules::echo().iter().next().unwrap().clone();
    let all = Rules::new([Arc::new(rule("^x", "no")), Arc::clone(&echo)]);
    connection_with("framing=line&wrap=true", all, 100, async |mut rig, _, stream| {
        stream.says(Ok(b"a\r\nb\nx\nc"));
        stream.says(FIN);
        assert_eq!(row(&mut rig).await, "no: answers 3 bytes");
        sent(&mut rig).await;
        sleep(SECOND).await;
        assert_eq!(written(&stream), "a\r\nb\nno\nc");
        assert_eq!(echo.hits.get(), 3);
    });
}

#[test]
fn an_echo_that_comes_too_late_to_be_sent_is_told_alone_and_behind_other_rules() {
    let echo = || Rules::echo().iter().next().unwrap().clone();
    for others in [vec![], vec![Arc::new(rule("^x", "no"))]] {
        let echo = echo();
        let all = Rules::new(others.into_iter().chain([Arc::clone(&echo)]));
        connection_with("framing=line", all, 100, async |mut rig, id, stream| {
            stream.says(Ok(b"a\n"));
            sent(&mut rig).await;
            rig.obey(Command::Close { socket: id, how: CloseHow::HalfClose, by: CloseReason::User });
            stream.says(Ok(b"b\n"));
            assert_eq!(row(&mut rig).await, "echo: can't answer: sending is over here");
            assert_eq!((written(&stream).as_str(), echo.hits.get()), ("a\n", 2));
        });
    }
}

#[test]
fn a_peer_that_takes_no_answers_is_not_read_and_gets_them_all_later() {
    let line = "x".repeat(1000);
    let chunk = format!("{line}\n").repeat(50);
    let all = rules([rule("(.*)", "<{{1}}>\\n")]);
    connection_with("framing=line&after-fin=close", all, 0, async |mut rig, _, stream| {
        for _ in 0..200 {
            stream.says(Ok(chunk.as_bytes()));
        }
        sleep(3600 * SECOND).await;
        // 1 MiB of replies, with what each takes up besides, and one read.
        let left = stream.0.incoming.borrow().len();
        let read = (200 - left) * chunk.len();
        assert!((3 << 18..5 << 18).contains(&read), "{read}");
        stream.says(FIN);
        open_window(&stream);
        rig.until(|fact| *fact == Fact::Closed { reason: CloseReason::Peer }).await;
        assert!(written(&stream) == format!("<{line}>\n").repeat(200 * 50));
    });
    // Short messages with long answers are bounded as well.
    let long = rules([rule("", "{{random 10000}}")]);
    connection_with("framing=line", long.clone(), 0, async |mut rig, _, stream| {
        stream.says(Ok(&vec![b'\n'; 20_000]));
        stream.says(Ok(b"\n"));
        let mut made = 0;
        while timeout(3600 * SECOND, row(&mut rig)).await.is_ok() {
            made += 1;
        }
        assert_eq!((made, stream.0.incoming.borrow().len()), (1 + (1 << 20) / 10_256, 1));
        let matched = long.iter().map(|rule| rule.hits.get()).sum::<u64>();
        assert!((1000..10_000).contains(&matched), "{matched}");
    });
}

/// A connection that answers, whose peer has said this and takes nothing yet.
fn asked(rig: &Rig, options: &str, said: &[u8]) -> Scripted {
    let stream = Scripted::with_window(0);
    let scripted = stream.clone();
    let endpoint = format!("tcp://127.0.0.1:1{options}").parse::<Endpoint>().unwrap();
    let endpoint = RefCell::new(Rc::new(endpoint));
    rig.live(|socket| async move { Ending::Closed(run(scripted, &socket, &endpoint, Moment::Connected).await) });
    said.chunks(32 * 1024).for_each(|chunk| stream.says(Ok(chunk)));
    stream
}

/// How many bytes were read of what the peer said.
fn read(stream: &Scripted, said: &[u8]) -> usize {
    said.len() - stream.0.incoming.borrow().iter().flatten().map(Vec::len).sum::<usize>()
}

/// Lets all happen that can.
async fn settle(rig: &mut Rig) {
    assert!(timeout(3600 * SECOND, rig.until(|_| false)).await.is_err());
}

#[test]
fn peers_that_take_no_answers_hold_little_together_and_none_waits_for_the_others() {
    const PEERS: usize = 100;
    const SHARE: usize = 64 * 1024;
    const COMMON: usize = 64 * 1024 * 1024;
    let line = |at: usize, number: usize| format!("{:>1$}\n", at * 1000 + number, 1000 + at * 30);
    let said: Vec<_> = (0..PEERS)
        .map(|at| (0..1_000_000 / line(at, 0).len()).map(|number| line(at, number)).collect::<String>().into_bytes())
        .collect();
    let late = |rule: Rule| rules([Rule { delay: SECOND, ..rule }]);
    for (options, all) in [
        ("", Rules::echo()),
        ("", rules([rule("^", "{{payload}}")])),
        ("", late(rule("^", "{{payload}}"))),
        ("?framing=line", rules([rule("^", "{{payload}}\\n")])),
        ("?framing=line", late(rule("^", "{{payload}}\\n"))),
    ] {
        rig(async |mut rig| {
            set_rules(&rig, all);
            let streams: Vec<_> = said.iter().map(|said| asked(&rig, options, said)).collect();
            settle(&mut rig).await;
            let of_all = || streams.iter().zip(&said).map(|(stream, said)| read(stream, said));
            let total: usize = of_all().sum();
            assert!((COMMON / 2..COMMON + PEERS * 3 / 2 * SHARE).contains(&total), "{options} {total}");
            assert!(of_all().all(|read| read >= SHARE / 4), "{options} {:?}", of_all().min());
            // Who takes its answers gets all of them while the others hold what they hold.
            let mut by_need: Vec<_> = (0..PEERS).collect();
            by_need.sort_by_key(|at| read(&streams[*at], &said[*at]));
            let (slow, quick) = (by_need[0], by_need[1]);
            open_window(&streams[quick]);
            settle(&mut rig).await;
            assert!(*streams[quick].0.written.borrow() == said[quick], "{options}");
            // Who waited is read again once the others are done, though it takes nothing itself.
            let before = read(&streams[slow], &said[slow]);
            by_need[2..].iter().for_each(|at| open_window(&streams[*at]));
            settle(&mut rig).await;
            let after = read(&streams[slow], &said[slow]);
            assert!(before < said[slow].len() * 3 / 4 && after > before * 5 / 4, "{options} {before} {after}");
            open_window(&streams[slow]);
            settle(&mut rig).await;
            assert!(streams.iter().zip(&said).all(|(stream, said)| *stream.0.written.borrow() == *said), "{options}");
        });
    }
}

#[test]
fn where_sending_fails_nothing_is_answered_and_the_end_is_heard() {
    let all = rules([Rule { delay: SECOND, ..rule("", "late") }, at(Moment::Connected, "hello")]);
    connection_with("framing=line", all.clone(), 0, async |mut rig, _, stream| {
        for _ in 0..10 {
            stream.says(Ok(&vec![b'\n'; 10_000]));
        }
        stream.says(FIN);
        sleep(SECOND / 2).await;
        assert_eq!(stream.0.incoming.borrow().len(), 10);
        stream.0.broken.set(Some(Errno::EPIPE));
        open_window(&stream);
        let began = Instant::now();
        rig.until(|fact| *fact == Fact::Closed { reason: CloseReason::Reset }).await;
        assert!(began.elapsed() < SECOND);
    });
}

#[test]
fn a_rule_that_is_taken_away_answers_no_more_and_holds_nobody_up() {
    let hour = Rule { delay: 3600 * SECOND, ..rule("", "late") };
    let endless = Rule::new("chargen", When::Happens(Moment::Connected), Reply::Characters);
    connection_with("framing=line", rules([hour, endless]), 0, async |mut rig, _, stream| {
        assert_eq!(row(&mut rig).await, "chargen: sends characters without an end");
        set_rules(&rig, rules([Rule { delay: 3600 * SECOND, ..rule("", "late") }]));
        sleep(SECOND).await;
        for _ in 0..10 {
            stream.says(Ok(&[b'\n'; 1000]));
        }
        sleep(SECOND).await;
        assert!(!stream.0.incoming.borrow().is_empty());
        set_rules(&rig, Rules::default());
        sleep(SECOND).await;
        assert!(stream.0.incoming.borrow().is_empty());
        open_window(&stream);
        sleep(2 * 3600 * SECOND).await;
        assert_eq!(stream.0.written.borrow().len(), super::characters::block().len());
    });
}

#[test]
fn characters_go_out_for_as_long_as_they_are_taken_and_closing_ends_them() {
    let endless = || rules([Rule::new("chargen", When::Happens(Moment::Connected), Reply::Characters)]);
    connection_with("after-fin=close", endless(), 300_000, async |mut rig, id, stream| {
        sleep(SECOND).await;
        let written = stream.0.written.take();
        assert_eq!(written.len(), 300_000);
        assert!(written.starts_with(b" !\"#") && written[74 * 95 * 9..].starts_with(b" !\"#"));
        // What the peer says has no answer, but is heard.
        stream.says(Ok(b"stop"));
        rig.until(|fact| matches!(fact, Fact::Received { .. })).await;
        rig.obey(Command::Close { socket: id, how: CloseHow::Normal, by: CloseReason::User });
        rig.until(|fact| *fact == Fact::Closed { reason: CloseReason::User }).await;
    });
    connection_with("after-fin=close", endless(), 1000, async |mut rig, _, stream| {
        stream.says(FIN);
        sleep(SECOND).await;
        open_window(&stream);
        rig.until(|fact| *fact == Fact::Closed { reason: CloseReason::Peer }).await;
    });
}
