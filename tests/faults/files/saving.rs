//! What a socket receives, saved to a file.

use std::fs;
use std::io::Write;
use std::net::TcpListener;

use sockbench::contract::{Clock, CloseHow, CloseReason, Command, Fact, Operation, SocketIds};
use sockbench::engine::{Batches, EngineHandle, start};
use sockbench::os::fault::{Armed, Fault};
use tokio::time::timeout;

use super::{CALLS, PATIENCE, SOCKET, assert_told, datagram, has_come, leaving_nothing};
use crate::each_fault_of;

/// So many pieces are sent, of so many bytes.
const PIECES: u32 = 6;
const SIZE: u32 = 5000;

#[test]
fn what_is_saved_is_what_was_received_from_its_start_and_the_socket_goes_on() {
    // The engine's own calls have tests of their own.
    each_fault_of(CALLS, |fault, armed| {
        // The first runtime of a process opens what is never closed: the way of the signals to all of them.
        drop(tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap());
        leaving_nothing(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            runtime.block_on(save(fault, armed));
        });
    });
}

async fn save(fault: Option<Fault>, armed: &Armed) {
    let folder = super::folder();
    let path = folder.path().join("saved");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}?save={}", listener.local_addr().unwrap(), path.display());
    let ids = SocketIds::new();
    assert_eq!(ids.mint(), SOCKET);
    let (engine, batches) = match start(ids, Clock::start()) {
        Ok(started) => started,
        Err(why) => return assert_told(&format!("{:#}", anyhow::Error::from(why)), "", fault, armed),
    };
    let mut heard = Heard {
        engine,
        batches,
        received: Vec::new(),
        failed: None,
        connected: false,
        is_saved: false,
        is_closed: false,
    };
    heard.engine.try_order(Command::Open { socket: SOCKET, endpoint: url.parse().unwrap() }).unwrap();
    let mut sent = Vec::new();
    heard.until(|heard| heard.is_closed || heard.failed.is_some() || heard.connected).await;
    if heard.failed.is_none() && !heard.is_closed {
        let mut peer = listener.accept().unwrap().0;
        for number in 0..PIECES {
            let piece = datagram(number, SIZE);
            peer.write_all(&piece).unwrap();
            sent.extend(piece);
            heard.until(|heard| heard.received.len() == sent.len()).await;
        }
        drop(peer);
        heard
            .engine
            .try_order(Command::Close { socket: SOCKET, how: CloseHow::Normal, by: CloseReason::User })
            .unwrap();
        heard.until(|heard| heard.is_closed && (heard.is_saved || heard.failed.is_some())).await;
    }
    heard.engine.try_order(Command::ShutDown).unwrap();
    while heard.next().await {}
    let saved = fs::read(&path).unwrap_or_default();
    assert!(heard.received == sent && sent.starts_with(&saved));
    match &heard.failed {
        None => assert!(saved == sent),
        Some((Operation::Write, why)) => {
            assert_told(why, "saved", fault, armed);
            assert!(why.contains(&format!("{} bytes are in the file", saved.len())), "{why} of {}", saved.len());
        }
        Some((_, why)) => {
            assert_told(why, "saved", fault, armed);
            assert!(saved.is_empty());
        }
    }
    if has_come(fault, armed) && fault.is_some_and(|fault| fault.call == "write") {
        assert!(heard.failed.is_some(), "nobody was told");
    }
}

/// What the engine has told.
struct Heard {
    engine: EngineHandle,
    batches: Batches,
    received: Vec<u8>,
    failed: Option<(Operation, String)>,
    connected: bool,
    is_saved: bool,
    is_closed: bool,
}

impl Heard {
    async fn until(&mut self, is_so: impl Fn(&Self) -> bool) {
        while !is_so(self) {
            assert!(self.next().await, "the engine ended");
        }
    }

    /// Takes in the next batch; false where there is no more.
    async fn next(&mut self) -> bool {
        let Some(batch) = timeout(PATIENCE, self.batches.next()).await.unwrap() else { return false };
        for event in &batch.events {
            match &event.fact {
                Fact::Connected { .. } => self.connected = true,
                Fact::Received { bytes, .. } => self.received.extend(batch.bytes(*bytes)),
                Fact::Failed(error) => self.failed = Some((error.operation, error.to_string())),
                Fact::Note { name, .. } if name == "save" => self.is_saved = true,
                Fact::Closed { .. } => self.is_closed = true,
                _ => {}
            }
        }
        self.engine.recycle(batch.block);
        true
    }
}
