//! Exports of a log of which a part is on disk.

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use sockbench::exporter::{FORMATS, Job, Way};
use sockbench::log::{LogStore, Messages, Spot};
use sockbench::os::fault::{Armed, Fault};
use sockbench::profile::NewFile;

use super::{assert_told, datagram, datagrams, each_fault_of_files, has_come, names, roster};

/// So many datagrams, of so many bytes each, go to the disk, and one stays in memory.
const COUNT: u32 = 20;
const SIZE: u32 = 100_000;

#[test]
fn an_export_is_whole_or_leaves_what_was_there() {
    for replace in [false, true] {
        each_fault_of_files(|fault, armed| export(replace, fault, armed));
    }
}

fn export(replace: bool, fault: Option<Fault>, armed: &Armed) {
    let folder = super::folder();
    let path = folder.path().join("log.bin");
    let old = replace.then(|| b"old".to_vec());
    if let Some(old) = &old {
        fs::write(&path, old).unwrap();
    }
    let (wake, woken) = std::sync::mpsc::channel();
    let mut store = LogStore::spilling(1 << 20, folder.path().to_owned(), move || _ = wake.send(()));
    // That of the second kind has nothing on disk.
    let on_disk = if replace { 0 } else { COUNT };
    for (first, count) in [(0, on_disk), (on_disk, 1)].into_iter().filter(|(_, count)| *count > 0) {
        // Without memory there is no such log.
        let Some(batch) = datagrams(first, count, SIZE) else { return };
        if store.append(batch).is_err() {
            return;
        }
        if count == COUNT {
            super::spilling::settle(&mut store, &woken);
        }
    }
    let rows = store.first()..store.next();
    let wanted = rows.map(|row| datagram(u32::try_from(row - 1).unwrap(), SIZE)).collect::<Vec<_>>().concat();
    let lines = Spot::row(store.first())..Spot::row(store.next());
    let format = FORMATS.iter().find(|format| format.name == "raw").unwrap();
    let job = || {
        let (store, messages, lines) = (store.snapshot(0..u64::MAX), Messages::new(), lines.clone());
        Job { store, roster: roster(), messages, lines, filter: None, way: Way::Both, format }
    };
    let exported = to_file(&job(), &path, replace);
    let now = fs::read(&path).ok();
    match &exported {
        Ok(()) => assert!(now == Some(wanted.clone())),
        Err(why) => {
            let is_written = fault.is_some_and(|fault| fault.call == "fsync") && now == Some(wanted.clone());
            assert!(now == old || is_written);
            assert_told(&why.to_string(), "", fault, armed);
        }
    }
    if has_come(fault, armed) && fault.is_some_and(|fault| ["fchmod", "fsync", "rename", "write"].contains(&fault.call))
    {
        assert!(exported.is_err(), "nobody was told");
    }
    // What can't be removed stays, and nobody can do anything about it.
    let unlinks = fault.is_some_and(|fault| fault.call == "unlink");
    let there: Vec<_> = now.iter().map(|_| "log.bin".to_owned()).collect();
    assert!(unlinks || names(folder.path()) == there, "{:?}", names(folder.path()));
    armed.cease();
    to_file(&job(), &path, true).unwrap();
    assert!(fs::read(&path).unwrap() == wanted);
}

/// As the workbench does it.
fn to_file(job: &Job, path: &Path, replace: bool) -> io::Result<()> {
    let mut file = NewFile::beside(path)?;
    job.write(file.file(), |_| ControlFlow::Continue(()))?;
    file.put_in_place(replace)
}
