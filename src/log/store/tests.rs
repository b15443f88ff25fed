use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::contract::{CloseReason, NetError, Operation, Span, Ticket};

/// One event of a batch to be built.
#[derive(Clone, Debug)]
enum Entry {
    Received {
        size: usize,
        peer: Option<u16>,
        truncated: bool,
    },
    Sent {
        size: usize,
        peer: Option<u16>,
    },
    /// Another send of the bytes of the message before.
    SentAgain,
    Fact(Fact),
}

fn peer(port: u16) -> Address {
    Address::Ip(([127, 0, 0, 1], port).into())
}

fn socket(number: u32) -> SocketId {
    SocketId::new(number).unwrap()
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![20 => 0..200_usize, 4 => 0..70_000_usize, 1 => 400_000..2_000_000_usize]
}

fn fact() -> impl Strategy<Value = Fact> {
    let error = NetError::from_errno(Operation::Connect, Some("127.0.0.1:9".to_owned()), 111);
    prop_oneof![
        ".*".prop_map(|args| Fact::Call { call: "bind".into(), args, result: "0".to_owned() }),
        any::<u16>().prop_map(|port| Fact::Opened { local: peer(port), peer: None }),
        any::<u16>().prop_map(|port| Fact::Connected { local: peer(port), peer: peer(1) }),
        any::<u32>().prop_map(|n| Fact::Accepted { parent: socket(1), number: n, local: peer(1), peer: peer(2) }),
        Just(Fact::PeerClosed),
        Just(Fact::Closed { reason: CloseReason::Reset }),
        Just(Fact::Failed(Box::new(error.clone()))),
        Just(Fact::SendFailed { ticket: Ticket(7), error: Box::new(error) }),
        any::<(u64, Option<u64>)>().prop_map(|(count, bytes)| Fact::Lost { count, bytes }),
        ".*".prop_map(|message| Fact::Note { name: "try".into(), message }),
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    let port = || proptest::option::of(1..5_u16);
    prop_oneof![
        6 => (size(), port(), any::<bool>()).prop_map(|(size, peer, truncated)| Entry::Received { size, peer, truncated }),
        4 => (size(), port()).prop_map(|(size, peer)| Entry::Sent { size, peer }),
        1 => Just(Entry::SentAgain),
        3 => fact().prop_map(Entry::Fact),
    ]
}

/// What a row must read back as.
struct Wanted {
    at: Timestamp,
    kind: Kind,
    bytes: Vec<u8>,
    peer: Option<Address>,
    truncated: bool,
    fact: Option<Fact>,
}

/// Builds a batch out of as many of the entries as fit into a block.
fn build(entries: Vec<Entry>, seed: u64, wanted: &mut Vec<Wanted>) -> Batch {
    let mut block = Block::new().unwrap();
    let mut state = seed;
    let mut used = 0;
    let mut latest = Span::default();
    let mut events = Vec::new();
    for entry in entries {
        let fill = |block: &mut Block, used: &mut usize, state: &mut u64, size: usize| {
            let span = Span { start: u32::try_from(*used).unwrap(), len: u32::try_from(size).unwrap() };
            for chunk in block.bytes_mut()[span.range()].chunks_mut(8) {
                *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                chunk.copy_from_slice(&state.to_le_bytes()[..chunk.len()]);
            }
            *used += size;
            span
        };
        let fact = match entry {
            Entry::Received { size, .. } | Entry::Sent { size, .. } if used + size > BLOCK_SIZE => continue,
            Entry::Received { size, peer: port, truncated } => {
                latest = fill(&mut block, &mut used, &mut state, size);
                Fact::Received { peer: port.map(peer), bytes: latest, truncated }
            }
            Entry::Sent { size, peer: port } => {
                latest = fill(&mut block, &mut used, &mut state, size);
                Fact::Sent { ticket: Ticket(1), peer: port.map(peer), bytes: latest, remaining: 0 }
            }
            Entry::SentAgain => Fact::Sent { ticket: Ticket(1), peer: None, bytes: latest, remaining: 0 },
            Entry::Fact(fact) => fact,
        };
        let at = Timestamp(wanted.len() as u64 * 1_000);
        let kind = Kind::of(&fact);
        let (bytes, peer, truncated, stored) = match fact.clone() {
            Fact::Received { peer, bytes, truncated } => (block.bytes()[bytes.range()].to_vec(), peer, truncated, None),
            Fact::Sent { peer, bytes, .. } => (block.bytes()[bytes.range()].to_vec(), peer, false, None),
            Fact::SendFailed { error, .. } => (Vec::new(), None, false, Some(Fact::Failed(error))),
            other => (Vec::new(), None, false, Some(other)),
        };
        wanted.push(Wanted { at, kind, bytes, peer, truncated, fact: stored });
        events.push(Event { at, socket: socket(wanted.len() as u32), fact });
    }
    Batch { events, block, used }
}

fn assert_reads_back(store: &LogStore, wanted: &[Wanted]) {
    assert_eq!((store.first(), store.next()), (1, wanted.len() as u64 + 1));
    for (row, (seq, wanted)) in store.rows(0..u64::MAX).zip((1..).zip(wanted)) {
        assert_eq!(Some(row), store.row(seq));
        assert_eq!((row.seq, row.at, row.kind, row.truncated), (seq, wanted.at, wanted.kind, wanted.truncated));
        assert_eq!(u64::from(row.socket.get()), seq);
        assert_eq!(row.len as usize, wanted.bytes.len());
        assert!(*store.bytes(&row) == wanted.bytes, "the bytes of row {seq} differ");
        assert_eq!(store.peer(&row), wanted.peer.as_ref());
        assert_eq!(store.fact(&row), wanted.fact);
    }
    assert_eq!(store.rows(0..u64::MAX).count(), wanted.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_is_appended_reads_back(
        batches in proptest::collection::vec((proptest::collection::vec(entry(), 0..60), any::<u64>()), 1..8),
        local in fact(),
    ) {
        let mut store = LogStore::new(u64::MAX);
        let mut wanted = Vec::new();
        for (entries, seed) in batches {
            let batch = build(entries, seed, &mut wanted);
            let block = store.append(batch).unwrap();
            prop_assert_eq!(block.size(), BLOCK_SIZE);
            if !matches!(local, Fact::SendFailed { .. }) {
                let at = Timestamp(wanted.len() as u64);
                let kind = Kind::of(&local);
                let fact = Some(local.clone());
                wanted.push(Wanted { at, kind, bytes: Vec::new(), peer: None, truncated: false, fact });
                store.append_local(Event { at, socket: socket(wanted.len() as u32), fact: local.clone() });
            }
        }
        assert_reads_back(&store, &wanted);
    }

    #[test]
    fn a_range_of_rows_is_that_range(count in 0..300_u64, from in 0..310_u64, len in select(vec![0, 1, 7, 400_u64])) {
        let mut store = LogStore::new(u64::MAX);
        for seq in 1..=count {
            store.append_local(Event { at: Timestamp(seq), socket: socket(1), fact: Fact::PeerClosed });
            if seq % 50 == 0 {
                store.seal();
            }
        }
        let got: Vec<_> = store.rows(from..from + len).map(|row| (row.seq, row.at.0)).collect();
        let wanted: Vec<_> = (from.max(1)..(from + len).min(count + 1)).map(|seq| (seq, seq)).collect();
        prop_assert_eq!(got, wanted);
        prop_assert_eq!(store.row(0), None);
        prop_assert_eq!(store.row(count + 1), None);
    }
}

/// A batch of messages of one size, that fill a block up to `used` bytes.
fn uniform(used: usize, size: usize) -> Batch {
    let events = (0..used / size)
        .map(|at| Event {
            at: Timestamp(0),
            socket: socket(1),
            fact: Fact::Received {
                peer: None,
                bytes: Span { start: (at * size) as u32, len: size as u32 },
                truncated: false,
            },
        })
        .collect();
    Batch { events, block: Block::new().unwrap(), used }
}

#[test]
fn a_message_of_64_bytes_costs_little_more_than_its_bytes() {
    for batch in [640, 65_536, BLOCK_SIZE] {
        let mut store = LogStore::new(u64::MAX);
        while store.next() < 400_000 {
            store.append(uniform(batch, 64)).unwrap();
        }
        // Beside what waits in the open segment, whose room is there whatever the number of rows.
        let open = store.open.resident_bytes();
        let each = (store.resident_bytes() - open) as f64 / (store.open.first - 1) as f64;
        assert!(each <= 90.0, "{each} bytes each in batches of {batch}");
    }
}

#[test]
fn mixed_traffic_wastes_no_memory() {
    let mut store = LogStore::new(u64::MAX);
    for _ in 0..20 {
        store.append(uniform(BLOCK_SIZE, 65_536)).unwrap();
        store.append(uniform(100, 100)).unwrap();
    }
    let content = 20 * (BLOCK_SIZE + 100);
    let spare = BLOCK_SIZE + 1_000_000;
    assert!(store.resident_bytes() < content + spare, "{} for {content}", store.resident_bytes());
}

#[test]
fn refuses_a_block_that_offsets_cannot_reach() {
    let batch = Batch { events: Vec::new(), block: Block::with_size(BLOCK_SIZE + 1).unwrap(), used: 0 };
    assert!(LogStore::new(0).append(batch).is_err());
}
