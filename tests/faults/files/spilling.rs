//! The log over its memory limit.

use std::sync::mpsc::Receiver;

use nix::errno::Errno;
use sockbench::log::LogStore;
use sockbench::os::fault::{Armed, Comes, Fault};

use super::{PATIENCE, datagram, datagrams, each_fault_of_files, error, has_come};

/// So many segments, of so many datagrams each, of so many bytes.
const SEGMENTS: u32 = 3;
const COUNT: u32 = 20;
const SIZE: u32 = 100_000;

/// Waits until the log keeps to its limit. Gives how many rows are forgotten.
pub(super) fn settle(store: &mut LogStore, woken: &Receiver<()>) -> u64 {
    let mut forgotten = store.settle();
    while store.resident_bytes() as u64 > store.memory_limit() {
        woken.recv_timeout(PATIENCE).unwrap();
        forgotten += store.settle();
    }
    forgotten
}

// Cases 26, 30.
#[test]
fn rows_that_the_log_has_read_back_and_those_that_it_lost_are_counted() {
    each_fault_of_files(|fault, armed| spill(false, fault, armed));
}

#[test]
fn on_a_full_disk_nothing_is_forgotten_in_vain_while_an_export_reads_it() {
    each_fault_of_files(|fault, armed| spill(true, fault, armed));
}

fn spill(is_read: bool, fault: Option<Fault>, armed: &Armed) {
    let folder = super::folder();
    let (wake, woken) = std::sync::mpsc::channel();
    let mut store = LogStore::spilling(1 << 20, folder.path().to_owned(), move || _ = wake.send(()));
    let (mut forgotten, mut snapshot) = (0, None);
    for segment in 0..SEGMENTS {
        let Some(batch) = datagrams(segment * COUNT, COUNT, SIZE) else { break };
        if store.append(batch).is_err() {
            break;
        }
        if snapshot.is_none() {
            forgotten += settle(&mut store, &woken);
        } else {
            forgotten += store.settle();
        }
        if is_read && segment == 1 {
            snapshot = Some((store.snapshot(0..u64::MAX), store.first()));
        }
    }
    let is_full = [Errno::ENOSPC, Errno::EDQUOT].map(error);
    let makes_room =
        fault.is_some_and(|fault| is_full.contains(&fault.comes) || matches!(fault.comes, Comes::ShortThen(_)));
    if let Some((snapshot, first)) = snapshot.take() {
        // Until it keeps to its limit, or waits for room.
        while store.resident_bytes() as u64 > store.memory_limit() && store.trouble().is_none() {
            woken.recv_timeout(PATIENCE).unwrap();
            forgotten += store.settle();
        }
        let has_any = first < snapshot.next();
        assert!(!makes_room || !has_any || store.first() == first, "what is read is forgotten in vain");
    }
    forgotten += settle(&mut store, &woken);
    assert_eq!(store.first(), forgotten + 1);
    let held = store.next() - store.first();
    let read = read_back(&store);
    let has_come = has_come(fault, armed);
    assert!(read == held || has_come && store.trouble().is_some());
    assert!(has_come || (forgotten, store.next(), store.trouble()) == (0, u64::from(SEGMENTS * COUNT) + 1, None));
    let is_once = |call: &str| fault.is_some_and(|fault| (fault.call, fault.count) == (call, 1));
    // What came once can be done again.
    assert!(forgotten == 0 || !is_once("pwrite") || makes_room, "{forgotten} rows are forgotten");
    assert!(forgotten == 0 || !is_once("openat"), "{forgotten} rows are forgotten");
    armed.cease();
    assert_eq!(read_back(&store), held);
}

/// Reads all rows, the newest first. Gives how many could be read; those are as they were.
fn read_back(store: &LogStore) -> u64 {
    let mut read = 0;
    for row in (store.first()..store.next()).rev().filter_map(|seq| store.row(seq)) {
        let bytes = store.bytes(&row);
        if !bytes.is_empty() {
            assert!(*bytes == *datagram(u32::try_from(row.seq - 1).unwrap(), SIZE), "row {}", row.seq);
            read += 1;
        }
    }
    read
}
