//! Whatever happens, in whatever order: a scenario rests, ends, and judges by what came and not by how.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// One that matches what it matches however the bytes came.
fn any_literal() -> impl Strategy<Value = Pattern> {
    let some = || prop::collection::vec(prop::sample::select(b"ab\n".to_vec()), 1..4);
    prop_oneof![some().prop_map(|bytes| contains(&bytes)), some().prop_map(|bytes| equals(&bytes))]
}

fn any_pattern() -> impl Strategy<Value = Pattern> {
    let texts = prop::sample::select(vec!["a+b", "b.*a", "(?s)b.*a|\n", "^a", "a{2,3}", "(a|ab)(b|\n)", "a*$"]);
    prop_oneof![2 => any_literal(), 1 => texts.prop_map(regex)]
}

fn any_action() -> impl Strategy<Value = Action> {
    let socket = || prop::sample::select(vec!["client", "server", "lines", "udp", "nobody"]);
    let any_name =
        || prop::sample::select(vec!["client", "server", "server#1", "server#2", "lines", "udp"]).prop_map(name);
    let within = || (0..300_u64).prop_map(ms);
    prop_oneof![
        socket().prop_map(|socket| Action::Open(socket.to_owned())),
        (any_name(), prop::sample::select(vec![CloseHow::Normal, CloseHow::HalfClose, CloseHow::Abort]))
            .prop_map(|(name, how)| Action::Close(name, how)),
        (prop::sample::select(vec!["client", "server", "server#1", "lines", "udp"]), 1..4_u64, 0..200_u64)
            .prop_map(|(to, repeat, every)| send(to, "{{counter}}", repeat, every)),
        (any_name(), any_pattern(), within()).prop_map(|(on, pattern, within)| Action::Expect { on, pattern, within }),
        (any_name(), any_pattern(), within()).prop_map(|(on, pattern, within)| Action::ExpectNone {
            on,
            pattern,
            within
        }),
        (any_name(), within()).prop_map(|(on, within)| Action::ExpectClosed { on, within }),
        (0..1_500_u64).prop_map(|time| Action::Wait(ms(time))),
    ]
}

/// Something that happens: so many milliseconds later, to which socket, and what came.
fn any_event() -> impl Strategy<Value = (u64, u32, Option<Fact>, Vec<u8>)> {
    let error = || Box::new(NetError::from_errno(Operation::Connect, None, 111));
    let reason = prop::sample::select(vec![CloseReason::Reset, CloseReason::Scenario, CloseReason::Peer]);
    let fact = prop_oneof![
        3 => Just(None),
        2 => reason.prop_map(|reason| Some(closed(reason))),
        1 => Just(Some(connected())),
        1 => Just(Some(accepted())),
        1 => Just(Some(Fact::Opened { local: address(1), peer: None })),
        1 => Just(Some(Fact::PeerClosed)),
        1 => Just(Some(Fact::Failed(error()))),
        2 => (100..106_u64).prop_map(|ticket| Some(sent(ticket))),
        1 => (100..106_u64).prop_map(move |ticket| Some(Fact::SendFailed { ticket: Ticket(ticket), error: error() })),
    ];
    (0..120_u64, 1..14_u32, fact, prop::collection::vec(prop::sample::select(b"ab\n".to_vec()), 0..6))
}

proptest! {
    /// It never waits for a time that is over, which would be a loop without rest, and is over when its time is.
    #[test]
    fn whatever_happens_a_scenario_rests_and_ends(
        actions in prop::collection::vec(any_action(), 0..6),
        events in prop::collection::vec(any_event(), 0..30),
    ) {
        let mut lab = Lab::new(actions);
        let mut events = events.into_iter().peekable();
        let mut next_at = lab.now;
        let mut turns = 0;
        loop {
            turns += 1;
            prop_assert!(turns < 500, "it has no end");
            match lab.turn() {
                Turn::Over(verdict) => {
                    if let Verdict::Failed(failure) = verdict {
                        prop_assert!(failure.at <= ms(1_020), "{:?}", failure);
                    }
                    break;
                }
                Turn::Do(orders) => prop_assert!(!orders.is_empty()),
                Turn::Wait(until) => {
                    prop_assert!(until.0 > lab.now, "it asks for a time that is over");
                    if let Some((after, ..)) = events.peek() && next_at + after * MS <= until.0 {
                        let (after, socket, fact, bytes) = events.next().unwrap();
                        next_at += after * MS;
                        lab.now = lab.now.max(next_at);
                        match fact {
                            Some(fact) => lab.at(next_at, socket, fact),
                            None => lab.comes_at(next_at, socket, &bytes),
                        }
                    } else {
                        lab.now = until.0;
                    }
                }
            }
        }
        prop_assert!(lab.now <= (BEGIN + 1_020) * MS, "it went on for {} ms", lab.now / MS - BEGIN);
    }

    #[test]
    fn on_a_stream_it_does_not_matter_how_the_bytes_came(
        stream in prop::collection::vec(prop::sample::select(b"ab\n".to_vec()), 0..30),
        patterns in prop::collection::vec(any_literal(), 1..5),
        cuts in prop::collection::vec(any::<Index>(), 0..12),
        asks in any::<u32>(),
    ) {
        let verdict = |ends: &[usize], asks: u32| {
            let mut lab = Lab::new(patterns.iter().map(|pattern| expect("client", pattern.clone())));
            lab.turn();
            for (pair, bit) in ends.windows(2).zip(0..) {
                lab.comes(1, &stream[pair[0]..pair[1]]);
                if asks >> bit & 1 == 1 {
                    lab.turn();
                }
            }
            lab.happens(1, Fact::PeerClosed);
            match lab.end() {
                Verdict::Passed => None,
                // Why it failed may be known earlier or later.
                Verdict::Failed(failure) => Some(failure.step),
            }
        };
        let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        ends.extend([0, stream.len()]);
        ends.sort_unstable();
        prop_assert_eq!(verdict(&ends, asks), verdict(&[0, stream.len()], 0));
    }
}
