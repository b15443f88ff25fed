mod events;

use std::sync::Arc;

use super::inbox::MOST;
use super::*;
use crate::contract::{
    Address, CloseReason, Command, Endpoint, Event, Fact, NetError, Operation, SocketId, Span, Target, Ticket,
    Timestamp,
};
use crate::pattern::Expression;

const MS: u64 = 1_000_000;

/// The moment at which every scenario here begins, in milliseconds.
const BEGIN: u64 = 1_000;

fn regex(text: &str) -> Pattern {
    Pattern::Regex(Expression::new(text, false).unwrap())
}

fn id(number: u32) -> SocketId {
    SocketId::new(number).unwrap()
}

fn name(text: &str) -> Name {
    match text.split_once('#') {
        Some((socket, number)) => Name { socket: socket.to_owned(), connection: Some(number.parse().unwrap()) },
        None => Name::new(text),
    }
}

fn ms(time: u64) -> Duration {
    Duration::from_millis(time)
}

fn expect(on: &str, pattern: Pattern) -> Action {
    Action::Expect { on: name(on), pattern, within: ms(100) }
}

fn contains(bytes: &[u8]) -> Pattern {
    Pattern::Contains(bytes.into())
}

fn equals(bytes: &[u8]) -> Pattern {
    Pattern::Equals(bytes.into())
}

fn send(to: &str, template: &str, repeat: u64, every: u64) -> Action {
    use crate::payload::{Mode, Place, Variables};
    let endpoint: Endpoint = "tcp://127.0.0.1:1".parse().unwrap();
    let variables = Variables::default();
    let template = Template::parse(Mode::Escaped, template, endpoint.encoding(), &variables, Place::Message);
    Action::Send { to: name(to), template: template.unwrap(), repeat, every: ms(every) }
}

/// Sockets 1 to 5, of which the last is not open, and a scenario over them.
struct Lab {
    run: Run,
    now: u64,
}

impl Lab {
    /// The scenario has begun.
    fn new(actions: impl IntoIterator<Item = Action>) -> Self {
        let step = |action| Step { text: "step".to_owned(), line: 1, action };
        let steps = actions.into_iter().map(step).collect();
        let scenario = Scenario { name: "s".to_owned(), timeout: ms(1_000), steps };
        let sockets = [
            ("client", "tcp://127.0.0.1:1"),
            ("server", "tcp-listen://127.0.0.1:1"),
            ("lines", "tcp://127.0.0.1:1?framing=line&wrap"),
            ("udp", "udp-bind://127.0.0.1:1"),
            ("idle", "tcp://127.0.0.1:1?reconnect=1s"),
        ];
        let sockets =
            sockets.iter().zip(1..).map(|((name, url), number)| ((*name).to_owned(), id(number), url.parse().unwrap()));
        let mut run = Run::new(Arc::new(scenario), sockets, Ticket(100), 7);
        for socket in [1, 3] {
            run.observe(&Event { at: Timestamp(0), socket: id(socket), fact: connected() }, &[]);
        }
        for socket in [2, 4] {
            let fact = Fact::Opened { local: address(1), peer: None };
            run.observe(&Event { at: Timestamp(0), socket: id(socket), fact }, &[]);
        }
        Self { run, now: BEGIN * MS }
    }

    fn turn(&mut self) -> Turn {
        self.run.turn(Timestamp(self.now))
    }

    fn orders(&mut self) -> Vec<Command> {
        match self.turn() {
            Turn::Do(orders) => orders,
            other => panic!("{other:?}"),
        }
    }

    fn waits(&mut self) -> u64 {
        match self.turn() {
            Turn::Wait(until) => until.0,
            other => panic!("{other:?}"),
        }
    }

    /// Lets something happen at so many nanoseconds.
    fn at(&mut self, at: u64, socket: u32, fact: Fact) {
        self.run.observe(&Event { at: Timestamp(at), socket: id(socket), fact }, &[]);
    }

    fn happens(&mut self, socket: u32, fact: Fact) {
        self.at(self.now, socket, fact);
    }

    fn comes_at(&mut self, at: u64, socket: u32, bytes: &[u8]) {
        let len = u32::try_from(bytes.len()).unwrap();
        let fact = Fact::Received { peer: None, bytes: Span { start: 0, len }, truncated: false };
        self.run.observe(&Event { at: Timestamp(at), socket: id(socket), fact }, bytes);
    }

    fn comes(&mut self, socket: u32, bytes: &[u8]) {
        self.comes_at(self.now, socket, bytes);
    }

    /// Goes on by the clock alone until it is over.
    fn end(&mut self) -> Verdict {
        loop {
            match self.turn() {
                Turn::Over(verdict) => return verdict,
                Turn::Wait(until) => {
                    assert!(until.0 > self.now, "it asks for a time that is over");
                    self.now = until.0;
                }
                Turn::Do(orders) => panic!("{orders:?}"),
            }
        }
    }

    fn failure(&mut self) -> Failure {
        match self.end() {
            Verdict::Failed(failure) => *failure,
            Verdict::Passed => panic!("it passed"),
        }
    }

    fn accept(&mut self, socket: u32) {
        self.happens(socket, accepted());
    }
}

fn address(port: u16) -> Address {
    Address::Ip(([127, 0, 0, 1], port).into())
}

fn connected() -> Fact {
    Fact::Connected { local: address(5), peer: address(1) }
}

fn accepted() -> Fact {
    Fact::Accepted { parent: id(2), number: 17, local: address(1), peer: address(5) }
}

fn closed(reason: CloseReason) -> Fact {
    Fact::Closed { reason }
}

fn sent(ticket: u64) -> Fact {
    Fact::Sent { ticket: Ticket(ticket), peer: None, bytes: Span::default(), remaining: 0 }
}

fn sends(orders: &[Command]) -> Vec<(u64, u32, String)> {
    let each = orders.iter().map(|order| match order {
        Command::Send { ticket, target: Target::Socket(socket), bytes } => {
            (ticket.0, socket.get(), String::from_utf8(bytes.to_vec()).unwrap())
        }
        other => panic!("{other:?}"),
    });
    each.collect()
}

#[test]
fn a_limit_counts_by_when_a_thing_came_and_not_by_when_it_is_heard_of() {
    let limit = (BEGIN + 100) * MS;
    for (at, passes) in [(limit, true), (limit + 1, false)] {
        let mut lab = Lab::new([expect("client", contains(b"x"))]);
        assert!(lab.waits() > limit);
        lab.now = limit + 15 * MS;
        lab.comes_at(at, 1, b"x");
        assert_eq!(lab.end().is_passed(), passes, "{at}");

        let mut lab = Lab::new([Action::ExpectNone { on: name("client"), pattern: contains(b"x"), within: ms(100) }]);
        lab.waits();
        lab.now = limit + 15 * MS;
        lab.comes_at(at, 1, b"x");
        assert_eq!(lab.end().is_passed(), !passes, "{at}");
    }
    let mut lab = Lab::new([expect("client", Pattern::Any)]);
    let failure = lab.failure();
    assert_eq!((failure.at, failure.why.as_str()), (ms(100), "nothing came within 100ms"));
    let mut lab = Lab::new([Action::Wait(ms(2_000))]);
    assert_eq!(lab.failure().at, ms(1_000));
    let mut lab = Lab::new([Action::Wait(ms(300))]);
    assert!(lab.end().is_passed());
    assert_eq!(lab.now, (BEGIN + 300) * MS);
}

#[test]
fn messages_before_the_one_that_matches_are_passed_over_and_told_if_none_does() {
    let mut lab = Lab::new([expect("lines", equals(b"two")), expect("lines", contains(b"four"))]);
    lab.comes(3, b"one\r\nt");
    lab.waits();
    lab.comes(3, b"wo\nthree\n");
    lab.comes(3, b"fo");
    let failure = lab.failure();
    let got: Vec<_> = failure.got.iter().map(|got| got.bytes.as_slice()).collect();
    assert_eq!((failure.step, got), (2, vec![&b"three"[..]]));
    assert_eq!(failure.wanted, Some(Wanted { bytes: b"four".to_vec(), among_others: true }));

    // What is left at the end of the stream is a message, too.
    let mut lab = Lab::new([expect("lines", contains(b"four"))]);
    lab.comes(3, b"three\nfour");
    lab.waits();
    lab.happens(3, Fact::PeerClosed);
    assert_eq!(lab.turn(), Turn::Over(Verdict::Passed));
}

#[test]
fn nothing_is_waited_for_that_can_not_come_any_more() {
    for (fact, why) in [(Fact::PeerClosed, "FIN"), (closed(CloseReason::Reset), "RST")] {
        let mut lab = Lab::new([expect("client", contains(b"hello"))]);
        lab.waits();
        lab.comes(1, b"hell");
        lab.happens(1, fact);
        let Turn::Over(Verdict::Failed(failure)) = lab.turn() else { panic!() };
        assert!(failure.why.contains(why), "{failure:?}");
        assert_eq!(failure.got[0].bytes, b"hell");
    }
    let mut lab = Lab::new([expect("client", equals(b"hello"))]);
    lab.comes(1, b"help");
    let Turn::Over(Verdict::Failed(failure)) = lab.turn() else { panic!() };
    assert_eq!(failure.why, "what came differs from byte 4 on");
}

#[test]
fn unread_bytes_count_for_what_is_not_to_come() {
    let mut lab = Lab::new([Action::ExpectNone { on: name("client"), pattern: contains(b"x"), within: ms(100) }]);
    lab.comes(1, b"axe");
    assert!(!lab.end().is_passed());
    assert_eq!(lab.now, BEGIN * MS);
}

#[test]
fn what_was_not_to_come_is_told_wherever_it_stands() {
    let none = |on, pattern| Action::ExpectNone { on: name(on), pattern, within: ms(100) };
    let far = [&vec![b'.'; 3 * TOLD][..], b"fault", &vec![b'!'; TOLD]].concat();
    let mut lab = Lab::new([none("client", contains(b"fault"))]);
    lab.comes(1, &far);
    let failure = lab.failure();
    let got = &failure.got[0];
    assert_eq!((failure.got.len(), &got.bytes[got.matched.clone()]), (1, &b"fault"[..]));
    assert_eq!(got.skipped + got.bytes.len() as u64 + got.omitted, far.len() as u64);
    assert_eq!(got.skipped + got.matched.start as u64, 3 * TOLD as u64);
    assert!(got.bytes.len() <= TOLD && got.matched.start > 0);

    // One that is longer than what is told.
    let mut lab = Lab::new([none("client", regex("\\.+"))]);
    lab.comes(1, &far);
    let got = &lab.failure().got[0];
    assert_eq!((got.skipped, got.bytes.len(), got.matched.clone()), (0, TOLD, 0..TOLD));

    // Of many messages the one is told last, and how many there were before those.
    let mut lab = Lab::new([none("lines", equals(b"fault"))]);
    lab.comes(3, &b"fine\n".repeat(50));
    lab.comes(3, b"fault\nfine\n");
    let failure = lab.failure();
    let (last, before) = failure.got.split_last().unwrap();
    assert_eq!((&last.bytes[..], last.matched.clone(), last.skipped), (&b"fault"[..], 0..5, 0));
    assert!(before.iter().all(|got| got.bytes == b"fine" && got.matched.is_empty()));
    assert_eq!(failure.untold + before.len() as u64, 50);

    // Of several connections the first on which it came; the room goes to it, whatever came before.
    let mut lab = Lab::new([Action::Wait(ms(1)), none("server", contains(b"fault"))]);
    (11..=13).for_each(|child| lab.accept(child));
    lab.waits();
    for (at, child, bytes) in [(1, 12, b"fault".to_vec()), (2, 11, b"fault".to_vec()), (0, 13, vec![b'.'; 2 * TOLD])] {
        lab.comes_at(BEGIN * MS + at, child, &bytes);
    }
    lab.now += MS;
    let failure = lab.failure();
    let told: Vec<_> = failure.got.iter().map(|got| (got.socket.as_str(), got.bytes.len(), got.omitted)).collect();
    assert_eq!(told, [("server#3", TOLD - 5, TOLD as u64 + 5), ("server#2", 5, 0)]);
}

#[test]
fn a_step_that_is_done_takes_nothing_more_however_late_its_turn_comes() {
    let mut lab = Lab::new([expect("client", contains(b"x")), expect("client", contains(b"x"))]);
    lab.waits();
    lab.comes(1, &[b"x", &vec![b'.'; MOST - 1][..]].concat());
    lab.comes(1, b".");
    lab.comes(1, b"x");
    lab.now += 500 * MS;
    assert_eq!(lab.turn(), Turn::Over(Verdict::Passed));
}

#[test]
fn what_was_never_open_has_not_been_silent() {
    let none = |on| Action::ExpectNone { on: name(on), pattern: Pattern::Any, within: ms(100) };
    let refused = || Fact::Failed(Box::new(NetError::from_errno(Operation::Connect, None, 111)));
    let mut lab = Lab::new([none("idle")]);
    assert_eq!(lab.failure().why, "idle is not open");
    // One that goes on trying.
    let mut lab = Lab::new([none("idle")]);
    lab.run.opening(id(5));
    lab.waits();
    lab.happens(5, refused());
    lab.happens(5, Fact::Note { name: "reconnect".into(), message: String::new() });
    assert!(lab.failure().why.contains("ECONNREFUSED"));
    let mut lab = Lab::new([none("server#1")]);
    assert_eq!(lab.failure().why, "server#1 is not open");

    let mut lab = Lab::new([none("server"), none("client"), none("client")]);
    lab.waits();
    lab.now += 150 * MS;
    lab.waits();
    lab.happens(1, closed(CloseReason::Reset));
    assert_eq!(lab.turn(), Turn::Over(Verdict::Passed));
}

#[test]
fn nothing_matches_across_two_connections_of_one_client() {
    let across = |pattern: Pattern| {
        let mut lab = Lab::new([expect("idle", pattern), expect("idle", contains(b"lo"))]);
        lab.happens(5, connected());
        lab.comes(5, b"hel");
        lab.happens(5, closed(CloseReason::Reset));
        lab.happens(5, Fact::Note { name: "reconnect".into(), message: String::new() });
        lab.happens(5, connected());
        lab.comes(5, b"lo wor");
        lab.comes(5, b"ld");
        lab.end()
    };
    for pattern in [contains(b"hello"), regex("(?s)hel.*w"), equals(b"hello")] {
        let Verdict::Failed(failure) = across(pattern) else { panic!() };
        let got: Vec<_> = failure.got.iter().map(|got| got.bytes.as_slice()).collect();
        assert_eq!((failure.step, got), (1, vec![&b"hel"[..], b"lo world"]));
    }
    // What is left of the first can still be expected, and what comes of the second is all there.
    assert!(across(equals(b"hel")).is_passed());
    assert!(across(contains(b"e")).is_passed());
    assert!(!across(contains(b"world")).is_passed());
}

#[test]
fn a_regular_expression_takes_what_it_matches_of_all_that_has_come() {
    let expects = |text| expect("client", regex(text));
    for text in ["[0-9]+", "[0-9]+?\\b", "^12345"] {
        let mut lab = Lab::new([expects(text), expect("client", equals(b" rest"))]);
        lab.comes(1, b"123");
        lab.comes(1, b"45 rest");
        assert!(lab.end().is_passed(), "{text}");
    }
    // The end of what has come is that of what there is to match.
    let mut lab = Lab::new([expects("rest$"), expect("client", contains(b"more"))]);
    lab.comes(1, b"12345 rest");
    lab.waits();
    lab.comes(1, b" and more");
    assert_eq!(lab.turn(), Turn::Over(Verdict::Passed));
}

#[test]
fn nothing_received_is_no_match_of_a_pattern_that_nothing_matches() {
    for pattern in [regex("x*"), regex("(?s)^.*$"), contains(b""), equals(b"")] {
        assert_eq!(Lab::new([expect("client", pattern)]).failure().why, "nothing came within 100ms");
    }
}

#[test]
fn each_end_of_a_client_that_connects_again_is_there_for_one_step() {
    let ends = |within| Action::ExpectClosed { on: name("idle"), within: ms(within) };
    let again = || Fact::Note { name: "reconnect".into(), message: String::new() };
    // Whether it is connected again when the step begins makes no difference.
    for is_later in [false, true] {
        let mut lab = Lab::new([Action::Wait(ms(10)), ends(100), expect("idle", contains(b"x")), ends(100)]);
        lab.happens(5, connected());
        lab.waits();
        lab.happens(5, Fact::PeerClosed);
        lab.happens(5, closed(CloseReason::Peer));
        if is_later {
            lab.now += 10 * MS;
            lab.waits();
        }
        lab.happens(5, again());
        lab.happens(5, connected());
        lab.comes(5, b"x");
        assert_eq!(lab.failure().step, 4, "{is_later}");
    }
    // One that is closed here does not come again.
    let mut lab = Lab::new([ends(100), expect("idle", contains(b"x"))]);
    lab.happens(5, connected());
    lab.happens(5, closed(CloseReason::Scenario));
    let failure = lab.failure();
    assert_eq!((failure.step, failure.at), (2, Duration::ZERO));
}

#[test]
fn connections_count_from_the_begin_and_a_listener_stands_for_all_of_them() {
    let mut lab = Lab::new([
        expect("server#2", contains(b"two")),
        expect("server", contains(b"one")),
        send("server", "{{counter}} {{peer}}", 1, 0),
        send("server#2", "{{counter}}", 1, 0),
        Action::ExpectClosed { on: name("server#1"), within: ms(100) },
    ]);
    lab.run.already(&Event { at: Timestamp(0), socket: id(10), fact: accepted() });
    lab.waits();
    lab.accept(11);
    lab.comes(11, b"one two");
    lab.waits();
    lab.accept(12);
    lab.comes(12, b"two");
    let orders = lab.orders();
    let told = |socket, ticket| (ticket, socket, "1 127.0.0.1:5".to_owned());
    assert_eq!(sends(&orders), [told(10, 100), told(11, 101), told(12, 102)]);
    // Of several those that closed meanwhile are left out.
    let error = Box::new(NetError::other(Operation::Send, None, "it is broken"));
    lab.happens(10, Fact::SendFailed { ticket: Ticket(100), error });
    lab.happens(11, sent(101));
    lab.happens(10, closed(CloseReason::Reset));
    lab.waits();
    lab.happens(12, sent(102));
    assert_eq!(sends(&lab.orders()), [(103, 12, "2".to_owned())]);
    lab.happens(12, sent(103));
    lab.waits();
    lab.happens(11, closed(CloseReason::Reset));
    assert_eq!(lab.turn(), Turn::Over(Verdict::Passed));
    let told: Vec<_> = lab.run.take_done().into_iter().map(|done| done.told).collect();
    assert_eq!(
        told[2..],
        ["26 bytes sent, and nothing to one that closed meanwhile", "1 bytes sent", "the peer sent RST"]
    );
}

#[test]
fn a_send_to_a_listener_fails_where_an_open_connection_or_none_took_it() {
    for all_close in [false, true] {
        let mut lab = Lab::new([send("server", "a", 1, 0)]);
        lab.accept(11);
        lab.accept(12);
        assert_eq!(lab.orders().len(), 2);
        let refuse = |lab: &mut Lab, socket, ticket| {
            let error = Box::new(NetError::other(Operation::Send, None, "it is broken"));
            lab.happens(socket, Fact::SendFailed { ticket: Ticket(ticket), error });
        };
        refuse(&mut lab, 11, 100);
        if all_close {
            refuse(&mut lab, 12, 101);
            for socket in [11, 12] {
                lab.happens(socket, closed(CloseReason::Reset));
            }
        } else {
            lab.happens(12, sent(101));
        }
        assert_eq!(lab.failure().why, "server#1: Can't send: it is broken", "{all_close}");
    }
}

#[test]
fn a_send_waits_for_the_connection_that_it_is_for() {
    let mut lab = Lab::new([send("server#1", "a", 1, 0)]);
    lab.waits();
    lab.accept(11);
    assert_eq!(sends(&lab.orders()), [(100, 11, "a".to_owned())]);
    let error = Box::new(NetError::other(Operation::Send, None, "it is broken"));
    lab.happens(11, Fact::SendFailed { ticket: Ticket(100), error });
    assert_eq!(lab.failure().why, "Can't send: it is broken");

    let mut lab = Lab::new([send("server#1", "a", 1, 0)]);
    assert!(lab.failure().why.contains("over"), "the scenario's second is over before");
}

#[test]
fn a_send_is_repeated_in_its_time_and_wrapped_where_the_socket_wraps() {
    let mut lab = Lab::new([send("lines", "{{counter}}", 3, 50)]);
    let mut times = Vec::new();
    for count in 0..3 {
        assert_eq!(sends(&lab.orders()), [(100 + count, 3, format!("{}\n", count + 1))]);
        times.push(lab.now / MS - BEGIN);
        lab.waits();
        lab.happens(3, sent(100 + count));
        if count < 2 {
            lab.now = lab.waits();
        }
    }
    assert_eq!(times, [0, 50, 100]);
    assert_eq!(lab.turn(), Turn::Over(Verdict::Passed));
    let mut lab = Lab::new([send("lines", "a\\nb", 1, 0)]);
    assert!(lab.failure().why.contains("wrapped"));
}

#[test]
fn an_open_socket_is_closed_before_it_is_opened() {
    let mut lab = Lab::new([Action::Open("client".to_owned()), expect("client", contains(b"new"))]);
    lab.comes(1, b"new");
    assert_eq!(lab.orders(), [Command::CloseAll { root: id(1), by: CloseReason::Scenario }]);
    lab.waits();
    lab.happens(1, closed(CloseReason::Scenario));
    assert!(matches!(&lab.orders()[..], [Command::Open { .. }]));
    lab.waits();
    lab.happens(1, connected());
    // What came before is not the fresh one's.
    lab.waits();
    let error = Box::new(NetError::from_errno(Operation::Recv, None, 104));
    lab.happens(1, Fact::Failed(error));
    lab.happens(1, closed(CloseReason::Reset));
    let failure = lab.failure();
    assert_eq!((failure.step, failure.got.len(), failure.troubles.len()), (2, 0, 1));

    let mut lab = Lab::new([Action::Open("server".to_owned())]);
    lab.orders();
    lab.happens(2, closed(CloseReason::Scenario));
    lab.orders();
    let error = NetError::from_errno(Operation::Bind, Some("127.0.0.1:1".to_owned()), 98);
    lab.happens(2, Fact::Failed(Box::new(error)));
    assert!(lab.failure().why.contains("EADDRINUSE"));
}

#[test]
fn each_way_to_close_is_done_when_it_is() {
    let close = |socket, how| Command::Close { socket: id(socket), how, by: CloseReason::Scenario };
    let mut lab = Lab::new([
        Action::Close(name("client"), CloseHow::HalfClose),
        Action::Close(name("client"), CloseHow::Normal),
        Action::Close(name("client"), CloseHow::Normal),
        Action::Close(name("server"), CloseHow::Abort),
        Action::Close(name("client"), CloseHow::Abort),
    ]);
    lab.accept(11);
    assert_eq!(lab.orders(), [close(1, CloseHow::HalfClose)]);
    lab.waits();
    lab.happens(1, Fact::Call { call: "shutdown".into(), args: "SHUT_WR".to_owned(), result: "0".to_owned() });
    assert_eq!(lab.orders(), [close(1, CloseHow::Normal)]);
    lab.happens(1, closed(CloseReason::Scenario));
    assert_eq!(lab.orders(), [close(11, CloseHow::Abort), close(2, CloseHow::Abort)]);
    lab.happens(2, closed(CloseReason::Scenario));
    lab.waits();
    lab.happens(11, closed(CloseReason::Scenario));
    let failure = lab.failure();
    assert_eq!((failure.step, failure.why.as_str()), (5, "client is not open: it was closed: scenario"));
}

#[test]
fn of_too_much_the_oldest_goes_and_is_told() {
    let mut lab =
        Lab::new([Action::Wait(ms(10)), expect("client", contains(b"begin")), expect("udp", contains(b"begin"))]);
    lab.waits();
    lab.comes(1, b"begin");
    lab.comes(1, &vec![b'a'; MOST]);
    let failure = lab.failure();
    assert_eq!((failure.step, failure.got[0].lost, failure.got[0].bytes.len()), (2, 5, TOLD));
    assert_eq!(failure.got[0].omitted, (MOST - TOLD) as u64);

    // What is waited for is seen before it goes.
    let mut lab = Lab::new([expect("client", contains(b"begin")), expect("udp", contains(b"begin"))]);
    lab.waits();
    lab.comes(1, &[b"begin", &vec![b'a'; 2 * MOST][..]].concat());
    lab.waits();
    lab.comes(4, b"begin");
    for _ in 0..40 {
        lab.comes(4, &vec![b'a'; 60_000]);
    }
    assert_eq!(lab.turn(), Turn::Over(Verdict::Passed));
}
