//! Recordings: of rows as they come, and of rows that are on disk by then.

use std::fs;
use std::path::Path;
use std::time::Instant;

use nix::errno::Errno;
use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{Block, PcapBlockOwned, PcapError, PcapNGReader};
use sockbench::capture::read::Reader;
use sockbench::contract::{Recording, Rotation, SocketIds};
use sockbench::log::{LogStore, Roster};
use sockbench::os::fault::{Armed, Comes, Fault};
use sockbench::recorder::Recorder;

use super::{OPENED, PATIENCE, assert_told, datagram, datagrams, each_fault_of_files, error, has_come, names, roster};
use crate::each_fault;

/// What stands before a UDP datagram's payload: both headers.
const HEADERS: usize = 28;

// Cases 29, 30.
#[test]
fn every_record_is_whole_and_the_files_hold_the_log_from_its_start() {
    each_fault_of_files(|fault, armed| record(None, fault, armed));
}

#[test]
fn a_recording_that_can_not_begin_leaves_the_one_that_it_would_replace_unless_the_disk_is_full() {
    each_fault_of_files(|fault, armed| record(Some(b"old"), fault, armed));
}

#[test]
fn a_recording_that_is_not_to_replace_another_does_not() {
    const NO_THREAD: &[Comes] = &[error(Errno::EAGAIN)];
    each_fault(&[("clone", NO_THREAD), ("openat", OPENED)], |fault, armed| {
        let folder = super::folder();
        let path = folder.path().join("trace.pcapng");
        fs::write(&path, "another's").unwrap();
        assert!(Recorder::start(&path, false, Rotation::Never, 1, || {}).is_err() || has_come(fault, armed));
        assert_eq!(fs::read(&path).unwrap(), b"another's");
    });
}

fn record(old: Option<&[u8]>, fault: Option<Fault>, armed: &Armed) {
    const SIZE: u32 = 400;
    let folder = super::folder();
    let path = folder.path().join("trace.pcapng");
    if let Some(old) = old {
        fs::write(&path, old).unwrap();
    }
    let (mut store, roster) = (LogStore::new(u64::MAX), roster());
    let mut recorder = match Recorder::start(&path, old.is_some(), Rotation::Size(2000), 1, || {}) {
        Ok(recorder) => recorder,
        Err(why) => {
            assert_told(&why.to_string(), "", fault, armed);
            armed.cease();
            let left = fs::read(&path).ok();
            // It is emptied first, and what is written then may find no room.
            let is_emptied = fault.is_some_and(|fault| ["ftruncate", "write"].contains(&fault.call));
            assert!(
                left.as_deref() == old
                    || is_emptied && left.is_some_and(|left| left.is_empty() || numbers(&left, SIZE).is_empty())
            );
            assert_eq!(names(folder.path()).len(), usize::from(old.is_some()));
            return;
        }
    };
    for number in 0..12 {
        let Some(batch) = datagrams(number, 1, SIZE) else { break };
        if store.append(batch).is_err() {
            break;
        }
        recorder.take(&store, &roster);
        let began = Instant::now();
        while recorder.done() < store.next() && !matches!(recorder.state(), Recording::Failed(_)) {
            assert!(began.elapsed() < PATIENCE);
            std::thread::yield_now();
        }
    }
    let (held, missed) = finished(folder.path(), recorder, SIZE, fault, armed);
    let rows = u32::try_from(store.next() - 1).unwrap();
    assert!(held.iter().copied().eq(0..u32::try_from(held.len()).unwrap()), "{held:?}");
    assert!(missed.is_none_or(|missed| missed == 0 && held.len() == rows as usize), "{held:?} of {rows}");
}

#[test]
fn rows_that_can_not_be_read_are_missing_and_counted() {
    each_fault_of_files(|fault, armed| {
        const SIZE: u32 = 60_000;
        let folder = super::folder();
        let files = folder.path().join("files");
        fs::create_dir(&files).unwrap();
        let (wake, woken) = std::sync::mpsc::channel();
        let mut store = LogStore::spilling(1 << 20, folder.path().to_owned(), move || _ = wake.send(()));
        let roster: Roster = roster();
        let Ok(mut recorder) = Recorder::start(&files.join("trace.pcapng"), false, Rotation::Never, 1, || {}) else {
            return assert!(has_come(fault, armed));
        };
        if let Some(batch) = datagrams(0, 30, SIZE)
            && store.append(batch).is_ok()
        {
            super::spilling::settle(&mut store, &woken);
            recorder.take(&store, &roster);
        }
        let rows = store.next() - 1;
        let (held, missed) = finished(&files, recorder, SIZE, fault, armed);
        assert!(held.is_sorted_by(|one, next| one < next), "{held:?}");
        assert!(missed.is_none_or(|missed| missed + held.len() as u64 == rows), "{held:?}, {missed:?} of {rows}");
        assert!(missed.is_none_or(|missed| missed == 0) || has_come(fault, armed));
    });
}

/// Ends a recording. Gives which datagrams are in its files, and how many rows are told to be missing; nothing is told
/// of that where it failed.
fn finished(
    folder: &Path,
    recorder: Recorder,
    size: u32,
    fault: Option<Fault>,
    armed: &Armed,
) -> (Vec<u32>, Option<u64>) {
    let missed = match recorder.finish() {
        Recording::Running { missed, .. } => Some(missed),
        Recording::Failed(why) => {
            assert_told(&why, "trace", fault, armed);
            None
        }
    };
    let must_fail = has_come(fault, armed) && fault.is_some_and(|fault| fault.call == "write");
    assert!(missed.is_none() || !must_fail, "nobody was told");
    armed.cease();
    let number = |name: &str| name.split(['-', '.']).nth(1).and_then(|number| number.parse().ok()).unwrap_or(1);
    let mut files = names(folder);
    files.sort_by_key(|name| number(name));
    let files = files.iter().filter(|name| name.ends_with(".pcapng"));
    (files.flat_map(|name| numbers(&fs::read(folder.join(name)).unwrap(), size)).collect(), missed)
}

/// The numbers of the datagrams in a file, each of which is as it was; no block of the file is cut.
fn numbers(file: &[u8], size: u32) -> Vec<u32> {
    let mut own = Reader::new(SocketIds::new());
    own.read(file).unwrap();
    own.finish().unwrap();
    let mut reader = PcapNGReader::new(file.len().max(1 << 16), file).unwrap();
    let (mut numbers, mut done) = (Vec::new(), 0);
    loop {
        match reader.next() {
            Ok((offset, block)) => {
                if let PcapBlockOwned::NG(Block::EnhancedPacket(packet)) = &block {
                    let payload = &packet.packet_data()[HEADERS..];
                    let number = u32::from_be_bytes(payload[..4].try_into().unwrap());
                    assert!(payload == datagram(number, size));
                    numbers.push(number);
                }
                done += offset;
                reader.consume(offset);
            }
            Err(PcapError::Eof | PcapError::Incomplete(_)) if done == file.len() => return numbers,
            Err(error) => panic!("{error:?}"),
        }
    }
}
