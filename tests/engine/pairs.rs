//! Socket pairs.

use sockbench::contract::{
    Address, CloseHow, CloseReason, Command, Fact, Operation, SocketId, Target, UnixAddress, Value, option_spec,
};

use crate::bench::{Bench, noise};

/// Opens a pair, and gives it with its two ends.
async fn open(bench: &mut Bench, options: &str) -> (SocketId, [SocketId; 2]) {
    let pair = bench.open(&format!("pair://{options}"));
    let opened = bench.next(|seen| matches!(seen.fact, Fact::Opened { .. })).await;
    let unnamed = Address::Unix(UnixAddress::Unnamed);
    assert_eq!((opened.socket, opened.fact), (pair, Fact::Opened { local: unnamed, peer: None }));
    let mut ends = Vec::new();
    for number in 1..=2 {
        // The first that is heard of an end.
        let end = bench.next(|seen| seen.socket != pair && !ends.contains(&seen.socket)).await;
        assert_eq!(end.fact, Fact::Paired { parent: pair, number });
        ends.push(end.socket);
    }
    (pair, [ends[0], ends[1]])
}

#[tokio::test]
async fn the_ends_of_every_type_hear_each_other_and_close_with_the_pair() {
    for (kind, name) in [("stream", "SOCK_STREAM"), ("dgram", "SOCK_DGRAM"), ("seqpacket", "SOCK_SEQPACKET")] {
        let mut bench = Bench::new();
        let (pair, [one, other]) = open(&mut bench, &format!("?type={kind}")).await;
        let (call, args, result) = bench.calls(pair).remove(0);
        assert_eq!((call.as_str(), args), ("socketpair", format!("AF_UNIX, {name}, 0")));
        assert!(result.starts_with("0, ["), "{result}");
        for (from, to) in [(one, other), (other, one)] {
            for payload in [&b"hello"[..], &noise(100_000, 3)] {
                bench.send(Target::Socket(from), payload);
                assert!(bench.received(to, payload.len()).await == payload);
            }
        }
        if kind != "stream" {
            bench.send(Target::Socket(one), b"");
            bench.send(Target::Socket(one), b"next");
            let mut lengths = Vec::new();
            while lengths.len() < 2 {
                let seen = bench.next(|seen| seen.socket == other && matches!(seen.fact, Fact::Received { .. })).await;
                lengths.push(seen.bytes.len());
            }
            assert_eq!(lengths, [0, 4]);
        }
        let ticket = bench.send(Target::Socket(pair), b"whom?");
        bench.send_failed(pair, ticket).await;
        bench.close(pair, CloseHow::HalfClose);
        assert_eq!(bench.failed(pair).await.operation, Operation::Shutdown);
        bench.close(pair, CloseHow::Normal);
        let mut closed = Vec::new();
        while closed.len() < 3 {
            let seen = bench.next(|seen| matches!(seen.fact, Fact::Closed { .. })).await;
            closed.push((seen.socket, seen.fact));
        }
        let by_user = Fact::Closed { reason: CloseReason::User };
        closed.sort_by_key(|(socket, _)| *socket);
        assert_eq!(closed, [(pair, by_user.clone()), (one, by_user.clone()), (other, by_user)]);
    }
}

#[tokio::test]
async fn an_end_that_closes_is_the_end_of_the_data_for_the_other_and_then_of_the_pair() {
    for kind in ["stream", "seqpacket"] {
        let mut bench = Bench::new();
        let (pair, [one, other]) = open(&mut bench, &format!("?type={kind}&after-fin=close")).await;
        bench.send(Target::Socket(one), b"bye");
        bench.close(one, CloseHow::Normal);
        bench.next_of(other, |fact| (*fact == Fact::PeerClosed).then_some(())).await;
        assert_eq!(bench.closed(other).await, CloseReason::Peer);
        assert_eq!(bench.closed(pair).await, CloseReason::Peer);
    }
}

#[tokio::test]
async fn a_datagram_end_learns_of_the_others_absence_when_it_sends() {
    let mut bench = Bench::new();
    let (pair, [one, other]) = open(&mut bench, "?type=dgram").await;
    bench.close(one, CloseHow::Normal);
    bench.closed(one).await;
    let ticket = bench.send(Target::Socket(other), b"anyone?");
    let error = bench.send_failed(other, ticket).await;
    assert_eq!(error.code().as_deref(), Some("ECONNREFUSED"));
    assert!(error.cause.contains("other end"), "{error}");
    bench.close(other, CloseHow::Abort);
    assert_eq!(bench.closed(pair).await, CloseReason::User);
}

#[tokio::test]
async fn what_is_set_on_a_pair_is_set_on_both_ends() {
    let mut bench = Bench::new();
    let (pair, ends) = open(&mut bench, "").await;
    let option = option_spec("send-buffer").unwrap();
    bench.order(Command::SetOption { socket: pair, option, value: Value::Size(100_000) });
    for end in ends {
        let call = bench.next_of(end, |fact| match fact {
            Fact::Call { args, .. } => Some(args.clone()),
            _ => None,
        });
        assert_eq!(call.await, "SOL_SOCKET, SO_SNDBUF, 100000");
    }
}
