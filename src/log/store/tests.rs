//! What the store promises, for any traffic.

use std::fs;

use proptest::prelude::*;
use proptest::sample::select;

use super::segment::{MOST_ROWS, saturated};
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
        events.push(Event { at, socket: socket(saturated(wanted.len())), fact });
    }
    Batch::new(events, block, used)
}

fn assert_reads_back(store: &LogStore, wanted: &[Wanted]) {
    assert_eq!((store.first(), store.next()), (1, wanted.len() as u64 + 1));
    for (row, (seq, wanted)) in store.rows(0..u64::MAX).zip((1..).zip(wanted)) {
        assert_eq!(Some(row), store.row(seq));
        assert_eq!((row.seq, row.at, row.kind, row.truncated), (seq, wanted.at, wanted.kind, wanted.truncated));
        assert_eq!(u64::from(row.socket.get()), seq);
        assert_eq!(row.len as usize, wanted.bytes.len());
        assert!(*store.bytes(&row) == wanted.bytes, "the bytes of row {seq} differ");
        assert_eq!(store.peer(&row), wanted.peer);
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
                store.append_local(Event { at, socket: socket(saturated(wanted.len())), fact: local.clone() });
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
        prop_assert_eq!(&got, &wanted);
        let mut back = Vec::new();
        let ended = store.for_each_row_back(from..from + len, |row| {
            back.push((row.seq, row.at.0));
            ControlFlow::Continue(())
        });
        prop_assert!(ended.is_continue() && back.iter().rev().eq(&wanted));
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
                bytes: Span { start: saturated(at * size), len: saturated(size) },
                truncated: false,
            },
        })
        .collect();
    Batch::new(events, Block::new().unwrap(), used)
}

#[test]
fn a_message_of_64_bytes_costs_little_more_than_its_bytes() {
    for batch in [640, 65_536, BLOCK_SIZE] {
        let mut store = LogStore::new(u64::MAX);
        while store.next() < 400_000 {
            store.append(uniform(batch, 64)).unwrap();
        }
        // Beside what waits in the open segment, whose room is there whatever the number of rows.
        let sealed = store.resident_bytes() - store.open.resident_bytes();
        let rows = usize_of(store.open.first - 1);
        assert!(sealed <= rows * 90, "{sealed} bytes for {rows} rows in batches of {batch}");
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
fn a_broadcast_keeps_its_bytes_once_a_segment() {
    let bytes = Span { start: 0, len: 1000 };
    let sent = Fact::Sent { ticket: Ticket(1), peer: None, bytes, remaining: 0 };
    let count = MOST_ROWS + 10;
    let events = vec![Event { at: Timestamp(0), socket: socket(1), fact: sent }; count];
    let mut block = Block::new().unwrap();
    block.bytes_mut()[bytes.range()].fill(7);
    let mut store = LogStore::new(u64::MAX);
    store.append(Batch::new(events, block, 1000)).unwrap();
    // Were the last sends' bytes not in the second segment, these would take their place.
    store.append(uniform(1000, 1000)).unwrap();
    assert!(store.rows(0..store.next() - 1).all(|row| *store.bytes(&row) == [7; 1000]));
    assert!(store.resident_bytes() < count * 60 + BLOCK_SIZE, "{}", store.resident_bytes());
}

#[test]
fn an_arena_is_filled_to_its_last_byte_and_no_further() {
    let mut store = LogStore::new(u64::MAX);
    for byte in 1..=5 {
        let mut batch = uniform(BLOCK_SIZE / 2, BLOCK_SIZE / 2);
        batch.block.bytes_mut().fill(byte);
        store.append(batch).unwrap();
    }
    let first_bytes: Vec<_> = store.rows(0..9).map(|row| store.bytes(&row)[0]).collect();
    assert_eq!((first_bytes, store.sealed.len()), (vec![1, 2, 3, 4, 5], 2));
}

#[test]
fn refuses_a_block_that_offsets_cannot_reach() {
    let batch = Batch::new(Vec::new(), Block::with_size(BLOCK_SIZE + 1).unwrap(), 0);
    assert!(LogStore::new(0).append(batch).is_err());
}

#[test]
fn what_is_evicted_is_gone_and_the_rest_reads_as_before() {
    let mut store = LogStore::new(u64::MAX);
    let note = |number: usize| Event {
        at: Timestamp(number as u64),
        socket: socket(1),
        fact: Fact::Note { name: "n".into(), message: number.to_string() },
    };
    let rows = MOST_ROWS * 2 + 10;
    for number in 0..rows {
        store.append_local(note(number));
    }
    let before = store.resident_bytes();
    let early = store.row(1).unwrap();
    store.evict_before(MOST_ROWS as u64 + 5);
    assert_eq!(store.first(), MOST_ROWS as u64 + 1);
    assert!(store.resident_bytes() < before);
    assert!(store.row(MOST_ROWS as u64).is_none());
    assert!(store.fact(&early).is_none());
    for seq in [store.first(), MOST_ROWS as u64 * 2, rows as u64] {
        let row = store.row(seq).unwrap();
        let index = usize::try_from(seq).unwrap() - 1;
        assert_eq!(store.fact(&row), Some(note(index).fact), "{seq}");
    }
}

/// A store that spills to a folder, with a limit under which next to nothing stays in memory.
fn spilling(folder: &std::path::Path) -> (LogStore, std::sync::mpsc::Receiver<()>) {
    let (wake, woken) = std::sync::mpsc::channel();
    (LogStore::spilling(1 << 20, folder.to_owned(), move || _ = wake.send(())), woken)
}

/// Waits until all that was to be written is, or has failed.
fn settled(store: &mut LogStore, woken: &std::sync::mpsc::Receiver<()>) -> u64 {
    let mut forgotten = store.settle();
    while store.spilling.as_ref().is_some_and(|spilling| spilling.in_flight() > 0) {
        woken.recv().unwrap();
        forgotten += store.settle();
    }
    forgotten
}

// Case 26.
#[test]
fn peers_without_number_take_no_memory_beyond_the_limit() {
    const A_BATCH: u32 = 20_000;
    let folder = tempfile::tempdir().unwrap();
    let (mut store, woken) = spilling(folder.path());
    let from = |number: u32| Address::Ip((std::net::Ipv4Addr::from_bits(number), 9).into());
    for batch in 0..25 {
        let received = |at| Event {
            at: Timestamp(0),
            socket: socket(1),
            fact: Fact::Received {
                peer: Some(from(batch * A_BATCH + at)),
                bytes: Span { start: at, len: 1 },
                truncated: false,
            },
        };
        // Every other batch is taken over with its block.
        let used = if batch % 2 == 0 { A_BATCH as usize } else { BLOCK_SIZE };
        store.append(Batch::new((0..A_BATCH).map(received).collect(), Block::new().unwrap(), used)).unwrap();
        settled(&mut store, &woken);
        assert!(store.resident_bytes() < 8 << 20, "{} bytes after {batch} batches", store.resident_bytes());
    }
    assert_eq!(store.next(), u64::from(25 * A_BATCH) + 1);
    for row in store.rows(0..u64::MAX).step_by(997) {
        assert_eq!(store.peer(&row), Some(from(u32::try_from(row.seq).unwrap() - 1)));
    }
}

fn on_disk(store: &LogStore) -> usize {
    store.sealed.iter().filter(|slot| slot.segment().is_none()).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    // Case 26.
    #[test]
    fn what_was_spilled_reads_back_and_so_does_a_snapshot(
        batches in proptest::collection::vec((proptest::collection::vec(entry(), 0..60), any::<u64>()), 1..12),
        from in any::<prop::sample::Index>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, woken) = spilling(folder.path());
        let mut wanted = Vec::new();
        let mut early = None;
        for (entries, seed) in batches {
            let batch = build(entries, seed, &mut wanted);
            store.append(batch).unwrap();
            early.get_or_insert_with(|| store.snapshot(0..u64::MAX));
            store.settle();
        }
        prop_assert_eq!(settled(&mut store, &woken), 0);
        prop_assert_eq!((store.trouble(), on_disk(&store)), (None, store.sealed.len()));
        prop_assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "the file has a name");
        assert_reads_back(&store, &wanted);
        // In whatever order.
        for (seq, wanted) in wanted.iter().enumerate().rev() {
            let row = store.row(seq as u64 + 1).unwrap();
            prop_assert!(*store.bytes(&row) == wanted.bytes);
            prop_assert_eq!((store.peer(&row), store.fact(&row)), (wanted.peer.clone(), wanted.fact.clone()));
        }
        let from = from.index(wanted.len() + 1) as u64 + 1;
        let snapshot = store.snapshot(from..u64::MAX);
        drop(store);
        std::thread::spawn(move || {
            prop_assert_eq!(snapshot.next(), wanted.len() as u64 + 1);
            let early = early.unwrap();
            for seq in 1..early.next() {
                let (row, wanted) = (early.row(seq).unwrap(), &wanted[usize_of(seq) - 1]);
                prop_assert!(*early.bytes(&row) == wanted.bytes);
                prop_assert_eq!(early.peer(&row), wanted.peer.clone());
            }
            for row in snapshot.rows(from..u64::MAX) {
                let wanted = &wanted[usize_of(row.seq) - 1];
                prop_assert!(*snapshot.bytes(&row) == wanted.bytes);
                prop_assert_eq!((snapshot.peer(&row), snapshot.fact(&row)), (wanted.peer.clone(), wanted.fact.clone()));
            }
            prop_assert_eq!(snapshot.rows(from..u64::MAX).count() as u64, wanted.len() as u64 + 1 - from);
            let mut back: Vec<_> = snapshot.rows(0..u64::MAX).collect();
            let ended = snapshot.for_each_row_back(0..u64::MAX, |row| match back.pop() {
                Some(wanted) if wanted == row => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            });
            prop_assert!(ended.is_continue() && back.is_empty());
            Ok(())
        }).join().unwrap()?;
    }

    #[test]
    fn parts_hold_the_rows_and_their_bytes(
        batches in proptest::collection::vec((proptest::collection::vec(entry(), 0..60), any::<u64>()), 1..8),
        from in any::<prop::sample::Index>(),
        spills in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, woken) = spilling(folder.path());
        let mut wanted = Vec::new();
        for (entries, seed) in batches {
            let batch = build(entries, seed, &mut wanted);
            store.append(batch).unwrap();
            if spills {
                settled(&mut store, &woken);
            }
        }
        let mut seq = from.index(wanted.len() + 1) as u64 + 1;
        let mut right = true;
        let _ = store.for_each_part(seq..u64::MAX, |part| {
            for row in &part.rows {
                let wanted = &wanted[usize_of(seq) - 1];
                right &= row.seq == seq && part.fact(row) == wanted.fact && part.arena[Part::range(row)] == wanted.bytes;
                seq += 1;
            }
            ControlFlow::Continue(())
        });
        prop_assert!(right);
        prop_assert_eq!(seq, wanted.len() as u64 + 1);
    }
}

// Case 26.
#[test]
fn memory_stays_at_its_limit_and_blocks_come_back_to_be_filled_again() {
    let folder = tempfile::tempdir().unwrap();
    let (wake, woken) = std::sync::mpsc::channel();
    let limit = 64 << 20;
    let mut store = LogStore::spilling(limit, folder.path().to_owned(), move || _ = wake.send(()));
    for _ in 0..200 {
        store.append(uniform(BLOCK_SIZE, 65_536)).unwrap();
        store.settle();
        while store.is_behind() {
            woken.recv().unwrap();
            store.settle();
        }
        assert!(store.resident_bytes() as u64 <= limit + SLACK as u64 + 2 * BLOCK_SIZE as u64);
    }
    assert_eq!(settled(&mut store, &woken), 0);
    assert!(store.resident_bytes() as u64 <= limit, "{}", store.resident_bytes());
    assert!(!store.spare.is_empty() && store.first() == 1);
    // One row in 32 KiB; what is on disk costs next to nothing.
    let slots = on_disk(&store) * Slot::BYTES;
    assert!(slots <= 8 * usize_of(store.next()), "{slots} bytes");
}

#[test]
fn what_is_kept_to_be_filled_again_takes_little_of_the_limit() {
    for (limit, rows) in [(64 << 20, 26), (8 << 20, 3)] {
        let mut store = LogStore::new(limit);
        for _ in 0..80 {
            store.append(uniform(BLOCK_SIZE, BLOCK_SIZE)).unwrap();
            store.settle();
        }
        assert!(store.resident_bytes() as u64 <= limit);
        let kept = store.rows(0..u64::MAX).count();
        assert!(kept >= rows, "{kept} blocks of rows within {limit} bytes");
    }
}

#[test]
fn where_nothing_can_be_written_the_oldest_go_and_the_reason_is_told() {
    let (mut store, woken) = spilling(std::path::Path::new("/nowhere/at/all"));
    let mut forgotten = 0;
    for _ in 0..10 {
        store.append(uniform(BLOCK_SIZE, 65_536)).unwrap();
        forgotten += settled(&mut store, &woken);
    }
    assert_eq!((forgotten, store.first()), (320, 321));
    assert!(store.trouble().is_some_and(|why| why.contains("No such file")), "{:?}", store.trouble());
    store.append(uniform(100, 100)).unwrap();
    assert_eq!(store.rows(0..u64::MAX).count(), 1);
}

// Case 30.
#[test]
fn on_a_full_disk_the_oldest_make_room_for_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"])
        .arg(folder.path())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        println!("skipped: a small file system can be mounted by root only");
        return;
    }
    let (mut store, woken) = spilling(folder.path());
    let mut forgotten = 0;
    for number in 0..40 {
        let mut batch = uniform(BLOCK_SIZE, 65_536);
        batch.block.bytes_mut().fill(number);
        store.append(batch).unwrap();
        forgotten += settled(&mut store, &woken);
    }
    let why = store.trouble();
    let kept: Vec<_> = store.rows(0..u64::MAX).map(|row| (row.seq, store.bytes(&row)[0])).collect();
    drop(store);
    // The thread may hold the file for a moment longer.
    let unmount =
        || std::process::Command::new("umount").arg(folder.path()).stderr(std::process::Stdio::null()).status();
    while !unmount().is_ok_and(|status| status.success()) {
        std::thread::yield_now();
    }
    assert!(why.as_ref().is_some_and(|why| why.contains("No space left")), "{why:?}");
    assert_eq!(forgotten + kept.len() as u64, 40 * 32);
    // Seven blocks and their records fit.
    assert!((6 * 32..=8 * 32).contains(&kept.len()), "{} rows are left", kept.len());
    assert!(kept.iter().all(|(seq, byte)| (seq - 1) / 32 == u64::from(*byte)), "rows have others' bytes");
}
