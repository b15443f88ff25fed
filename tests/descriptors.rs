//! A listener in a process that has no descriptor left. Alone in its own process, since the limit is the process's.
#![expect(clippy::unwrap_used, reason = "this is a test")]

use std::collections::VecDeque;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use sockbench::contract::{Clock, Command, Fact, Operation, SocketIds};
use sockbench::engine::{Batches, EngineHandle, start};
use socket2::{Domain, Socket, Type};

const PATIENCE: Duration = Duration::from_secs(20);

/// Facts, one by one.
struct Facts {
    engine: EngineHandle,
    batches: Batches,
    waiting: VecDeque<Fact>,
}

impl Facts {
    async fn next<T>(&mut self, pick: impl Fn(&Fact) -> Option<T>) -> T {
        loop {
            while let Some(fact) = self.waiting.pop_front() {
                if let Some(picked) = pick(&fact) {
                    return picked;
                }
            }
            let batch = tokio::time::timeout(PATIENCE, self.batches.next()).await.unwrap().unwrap();
            self.waiting.extend(batch.events.into_iter().map(|event| event.fact));
            self.engine.recycle(batch.block);
        }
    }

    async fn accepted(&mut self) {
        self.next(|fact| matches!(fact, Fact::Accepted { .. }).then_some(())).await;
    }

    async fn accept_failed(&mut self) -> Option<String> {
        self.next(|fact| match fact {
            Fact::Failed(error) if error.operation == Operation::Accept => Some(error.code()),
            _ => None,
        })
        .await
    }
}

// Case 9.
#[tokio::test]
async fn a_listener_without_descriptors_says_so_at_most_five_times_a_second_and_goes_on() {
    let ids = SocketIds::new();
    let (engine, batches) = start(ids.clone(), Clock::start()).unwrap();
    let endpoint = "tcp-listen://127.0.0.1:0".parse().unwrap();
    engine.try_order(Command::Open { socket: ids.mint(), endpoint }).unwrap();
    let mut facts = Facts { engine, batches, waiting: VecDeque::new() };
    let address = facts
        .next(|fact| match fact {
            Fact::Opened { local, .. } => local.socket_address(),
            _ => None,
        })
        .await;
    let clients: Vec<_> = (0..5).map(|_| Socket::new(Domain::IPV4, Type::STREAM, None).unwrap()).collect();
    let next_free = File::open("/dev/null").unwrap().as_raw_fd();
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, u64::try_from(next_free).unwrap() + 2, hard).unwrap();
    for client in &clients {
        client.connect(&address.into()).unwrap();
    }
    facts.accepted().await;
    facts.accepted().await;
    assert_eq!(facts.accept_failed().await.as_deref(), Some("EMFILE"));
    // What is to be saved, and all else that is no connection, finds some.
    let opened: Vec<_> = (0..8).map(|_| File::open("/dev/null")).collect();
    assert!(opened.iter().all(Result::is_ok), "{opened:?}");
    drop(opened);
    let started = Instant::now();
    for _ in 0..5 {
        facts.accept_failed().await;
    }
    let took = started.elapsed();
    assert!(took > Duration::from_millis(900), "five more in {took:?}");
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
    for _ in 0..3 {
        facts.accepted().await;
    }
}
