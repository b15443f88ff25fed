//! Files that are opened: read or refused, the same in pieces of any size, and nothing in the log that is not in the file.

use sockbench::capture::read::{FoundSocket, Reader};
use sockbench::contract::SocketIds;
use sockbench::log::{LogStore, Roster, export};

/// The log that comes of a file.
pub(crate) struct Opened {
    pub(crate) store: LogStore,
    pub(crate) roster: Roster,
    pub(crate) remarks: Vec<String>,
    pub(crate) result: Result<(), String>,
}

/// The first byte says in which pieces the file comes; the rest is a file: pcap, pcapng or anything else.
pub fn check(data: &[u8]) {
    let Some((&piece, file)) = data.split_first() else { return };
    let whole = opened(file, usize::MAX);
    let pieces = opened(file, usize::from(piece));
    assert_eq!((&whole.result, &whole.remarks), (&pieces.result, &pieces.remarks));
    assert_eq!(whole.lines(), pieces.lines());

    assert!(whole.remarks.len() <= 20, "{:?}", whole.remarks);
    let messages = whole.store.rows(1..u64::MAX).filter(|row| row.kind.is_message());
    let bytes: usize = messages.map(|row| whole.store.bytes(&row).len()).sum();
    assert!(bytes <= file.len(), "{bytes} bytes of messages in a file of {}", file.len());
}

/// Opens a file that comes in pieces of this size.
pub(crate) fn opened(file: &[u8], piece: usize) -> Opened {
    let mut reader = Reader::new(SocketIds::new());
    let (mut store, mut roster) = (LogStore::new(u64::MAX), Roster::default());
    let mut result = file.chunks(piece.max(1)).try_for_each(|piece| reader.read(piece));
    result = result.and_then(|()| reader.finish());
    if result.is_err()
        && let Err(why) = reader.stop()
    {
        panic!("{why}");
    }
    while let Some(portion) = reader.take() {
        for FoundSocket { id, name, endpoint } in portion.sockets {
            if roster.get(id).is_some() {
                roster.set_endpoint(id, endpoint);
            } else {
                roster.register(id, name, endpoint);
            }
        }
        for event in &portion.batch.events {
            roster.observe(event);
        }
        match store.append(portion.batch) {
            Ok(block) => reader.recycle(block),
            Err(why) => panic!("{why}"),
        }
    }
    Opened { store, roster, remarks: reader.remarks(), result: result.map_err(|error| error.to_string()) }
}

impl Opened {
    /// The log as lines of JSON.
    pub(crate) fn lines(&self) -> String {
        exported(&self.store, &self.roster)
    }
}

/// A log as lines of JSON.
pub(crate) fn exported(store: &LogStore, roster: &Roster) -> String {
    let mut lines = Vec::new();
    store.rows(1..u64::MAX).for_each(|row| export::jsonl(&row, store, roster, &mut lines));
    String::from_utf8(lines).unwrap_or_else(|why| panic!("{why}"))
}
