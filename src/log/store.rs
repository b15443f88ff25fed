//! The store: all rows of the session and their bytes, append-only.
//!
//! Owns the segments. Each holds a contiguous range of sequence numbers: one arena of message bytes, one array of
//! fixed-size records, and the facts that carry no message, as JSON. Nothing is formatted here. It never decides who
//! may see what, and never touches a file.

mod segment;

use std::borrow::Cow;
use std::io;
use std::mem;
use std::ops::Range;

use indexmap::IndexSet;

use super::row::{Kind, Row};
use crate::contract::{Address, BLOCK_SIZE, Batch, Block, Event, Fact, SocketId, Timestamp};
use segment::{NEARLY_FULL, OpenSegment, Part, Record, Segment, fact_record, saturated};

/// The most rows of a segment that grows by copying, for the messages that have next to no bytes.
const SEGMENT_ROWS: usize = 1 << 16;

/// How many blocks of evicted segments are kept to be filled again.
const MAX_SPARE: usize = 16;

/// Every row of the session.
pub struct LogStore {
    memory_limit: u64,
    sealed: Vec<Segment>,
    sealed_bytes: usize,
    /// How many sealed segments are gone; segments are numbered from the session's first.
    evicted: usize,
    /// Blocks of evicted segments, whose pages are warm: better to fill again than fresh ones.
    spare: Vec<Block>,
    open: OpenSegment,
    peers: IndexSet<Address>,
    latest_peer: u32,
}

impl LogStore {
    /// An empty store that may hold `memory_limit` bytes in memory.
    #[must_use]
    pub fn new(memory_limit: u64) -> Self {
        Self {
            memory_limit,
            sealed: Vec::new(),
            sealed_bytes: 0,
            evicted: 0,
            spare: Vec::new(),
            open: OpenSegment::new(),
            peers: IndexSet::new(),
            latest_peer: 0,
        }
    }

    /// Takes a batch into the log. Gives back a block for the engine to fill again: the batch's own, or a fresh one
    /// where the log keeps the batch's.
    ///
    /// # Errors
    /// `ENOMEM`, where the system has no more memory to map; then the batch's last events, or all, are not in the log.
    /// `InvalidInput` for a block of more than [`BLOCK_SIZE`] bytes.
    ///
    /// # Panics
    /// When a span of the batch points out of its block.
    pub fn append(&mut self, batch: Batch) -> io::Result<Block> {
        if batch.block.size() > BLOCK_SIZE {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a batch's block is larger than a block can be"));
        }
        // Copying costs less than a block of which much lies idle.
        if batch.used < NEARLY_FULL { self.copy(batch) } else { self.adopt(batch) }
    }

    /// Adds a fact that was made on this side, such as a note. It carries no bytes, so `Received` and `Sent` become
    /// empty messages.
    pub fn append_local(&mut self, event: Event) {
        if self.open.records.len() >= SEGMENT_ROWS {
            self.seal();
        }
        let (at, socket) = (event.at, event.socket);
        let record = match Content::of(event.fact) {
            Content::Message(message) => self.message_record(at, socket, &message, 0, 0),
            Content::Fact(fact) => fact_record(at, socket, &fact, &mut self.open.facts),
        };
        self.open.records.push(record);
    }

    /// The sequence number of the oldest row held; that of the next row where none is.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.sealed.first().map_or(self.open.first, |segment| segment.first)
    }

    /// The sequence number that the next row will get.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.open.first + self.open.records.len() as u64
    }

    /// The row with this sequence number.
    #[must_use]
    pub fn row(&self, seq: u64) -> Option<Row> {
        let end = seq.checked_add(1)?;
        self.rows(seq..end).next()
    }

    /// The rows held with sequence numbers in this range, oldest first.
    pub fn rows(&self, range: Range<u64>) -> impl Iterator<Item = Row> + '_ {
        let from = range.start.max(self.first());
        let to = range.end.min(self.next());
        let start = self.sealed.partition_point(|segment| segment.end() <= from);
        (start..=self.sealed.len())
            .map(|index| (index + self.evicted, self.part(index + self.evicted)))
            .take_while(move |(_, part)| part.first < to)
            .flat_map(move |(number, part)| {
                let end = index(to.saturating_sub(part.first)).min(part.records.len());
                let begin = index(from.saturating_sub(part.first)).min(end);
                let seqs = part.first + begin as u64..;
                seqs.zip(&part.records[begin..end]).map(move |(seq, record)| record.row(seq, number))
            })
    }

    /// The message's bytes; none for rows that carry no message.
    #[must_use]
    pub fn bytes(&self, row: &Row) -> Cow<'_, [u8]> {
        if row.kind.is_message() { Cow::Borrowed(self.content(row)) } else { Cow::Borrowed(&[]) }
    }

    /// The peer that the message itself names, as datagrams do; a connection's peer is the [`super::Roster`]'s to tell.
    #[must_use]
    pub fn peer(&self, row: &Row) -> Option<&Address> {
        self.peers.get_index((row.place.peer as usize).checked_sub(1)?)
    }

    /// What a row without a message tells. An order to send that failed comes back as [`Fact::Failed`].
    #[must_use]
    pub fn fact(&self, row: &Row) -> Option<Fact> {
        if row.kind.is_message() { None } else { serde_json::from_slice(self.content(row)).ok() }
    }

    /// Forgets the oldest segments for as long as the log holds more in memory than it may. Gives the number of rows
    /// that are gone.
    pub fn evict_over_limit(&mut self) -> u64 {
        let first = self.first();
        while self.resident_bytes() as u64 > self.memory_limit {
            match self.sealed.first().map(Segment::end) {
                Some(end) => self.evict_before(end),
                None => break,
            }
        }
        self.first() - first
    }

    /// Forgets rows before `seq`, as far as whole segments hold nothing else. Their numbers are not given again.
    pub fn evict_before(&mut self, seq: u64) {
        let gone = self.sealed.partition_point(|segment| segment.end() <= seq);
        for segment in self.sealed.drain(..gone) {
            self.sealed_bytes -= segment.resident_bytes();
            let whole = segment.arena.filter(|block| block.size() == BLOCK_SIZE);
            self.spare.extend(whole.filter(|_| self.spare.len() < MAX_SPARE));
        }
        self.evicted += gone;
    }

    /// What the log holds in memory, in bytes, its own bookkeeping included.
    #[must_use]
    pub fn resident_bytes(&self) -> usize {
        let a_peer = mem::size_of::<Address>() + 2 * mem::size_of::<usize>();
        self.sealed_bytes + self.spare.len() * BLOCK_SIZE + self.open.resident_bytes() + self.peers.capacity() * a_peer
    }

    /// What the log may hold in memory, in bytes.
    #[must_use]
    pub const fn memory_limit(&self) -> u64 {
        self.memory_limit
    }

    fn copy(&mut self, batch: Batch) -> io::Result<Block> {
        // A broadcast's sends share their bytes: they are copied once.
        let mut latest = None;
        for event in batch.events {
            if self.open.records.len() >= SEGMENT_ROWS {
                self.seal();
                latest = None;
            }
            let (at, socket) = (event.at, event.socket);
            let record = match Content::of(event.fact) {
                Content::Message(message) => {
                    let offset = match latest {
                        Some((range, offset)) if range == message.range => offset,
                        _ => {
                            let bytes = &batch.block.bytes()[message.range.clone()];
                            if !self.open.has_room(bytes.len()) {
                                self.seal();
                            }
                            self.open.write(bytes)?
                        }
                    };
                    let size = message.range.len();
                    let record = self.message_record(at, socket, &message, offset, size);
                    latest = Some((message.range, offset));
                    record
                }
                Content::Fact(fact) => fact_record(at, socket, &fact, &mut self.open.facts),
            };
            self.open.records.push(record);
        }
        Ok(batch.block)
    }

    fn adopt(&mut self, batch: Batch) -> io::Result<Block> {
        let fresh = self.spare.pop().map_or_else(Block::new, Ok)?;
        self.seal();
        let mut records = Vec::with_capacity(batch.events.len());
        let mut facts = Vec::new();
        for event in batch.events {
            let (at, socket) = (event.at, event.socket);
            records.push(match Content::of(event.fact) {
                Content::Message(message) => {
                    let range = message.range.clone();
                    assert!(range.end <= batch.block.size(), "a span points out of its block");
                    self.message_record(at, socket, &message, range.start, range.len())
                }
                Content::Fact(fact) => fact_record(at, socket, &fact, &mut facts),
            });
        }
        let segment = Segment {
            first: self.open.first,
            records: records.into_boxed_slice(),
            facts: facts.into_boxed_slice(),
            arena: Some(batch.block),
        };
        self.push(segment);
        Ok(fresh)
    }

    /// Ends the open segment, if it holds a row.
    fn seal(&mut self) {
        if !self.open.records.is_empty() {
            let segment = self.open.seal();
            self.push(segment);
        }
    }

    fn push(&mut self, segment: Segment) {
        self.open.first = segment.end();
        self.sealed_bytes += segment.resident_bytes();
        self.sealed.push(segment);
    }

    fn message_record(
        &mut self,
        at: Timestamp,
        socket: SocketId,
        message: &Message,
        offset: usize,
        size: usize,
    ) -> Record {
        let peer = message.peer.as_ref().map_or(0, |peer| self.intern(peer));
        Record::new(at, socket, message.kind, message.truncated, peer, offset, size)
    }

    fn intern(&mut self, peer: &Address) -> u32 {
        // Datagrams come in runs from the same peer: the comparison is cheaper than the hash.
        if (self.latest_peer as usize).checked_sub(1).and_then(|at| self.peers.get_index(at)) != Some(peer) {
            let at = match self.peers.get_index_of(peer) {
                Some(at) => at,
                None => self.peers.insert_full(peer.clone()).0,
            };
            self.latest_peer = saturated(at + 1);
        }
        self.latest_peer
    }

    fn content(&self, row: &Row) -> &[u8] {
        let number = row.place.segment as usize;
        if number < self.evicted {
            return &[];
        }
        let part = self.part(number);
        let all = if row.kind.is_message() { part.arena } else { part.facts };
        let start = row.place.offset as usize;
        all.get(start..start + row.place.size as usize).unwrap_or_default()
    }

    /// The segment with this number, the open one after all sealed ones.
    fn part(&self, number: usize) -> Part<'_> {
        match number.checked_sub(self.evicted).and_then(|index| self.sealed.get(index)) {
            Some(segment) => Part {
                first: segment.first,
                records: &segment.records,
                facts: &segment.facts,
                arena: segment.arena.as_ref().map_or(&[], Block::bytes),
            },
            None => Part {
                first: self.open.first,
                records: &self.open.records,
                facts: &self.open.facts,
                arena: self.open.arena.as_ref().map_or(&[], Block::bytes),
            },
        }
    }
}

/// What an event leaves behind.
enum Content {
    Message(Message),
    Fact(Fact),
}

struct Message {
    kind: Kind,
    peer: Option<Address>,
    range: Range<usize>,
    truncated: bool,
}

impl Content {
    fn of(fact: Fact) -> Self {
        match fact {
            Fact::Received { peer, bytes, truncated } => {
                Self::Message(Message { kind: Kind::Received, peer, range: bytes.range(), truncated })
            }
            Fact::Sent { peer, bytes, .. } => {
                Self::Message(Message { kind: Kind::Sent, peer, range: bytes.range(), truncated: false })
            }
            Fact::SendFailed { error, .. } => Self::Fact(Fact::Failed(error)),
            other => Self::Fact(other),
        }
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
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
                Fact::Received { peer, bytes, truncated } => {
                    (block.bytes()[bytes.range()].to_vec(), peer, truncated, None)
                }
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
            let rows = index(store.open.first - 1);
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
        let count = SEGMENT_ROWS + 10;
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
        let rows = SEGMENT_ROWS * 2 + 10;
        for number in 0..rows {
            store.append_local(note(number));
        }
        let before = store.resident_bytes();
        let early = store.row(1).unwrap();
        store.evict_before(SEGMENT_ROWS as u64 + 5);
        assert_eq!(store.first(), SEGMENT_ROWS as u64 + 1);
        assert!(store.resident_bytes() < before);
        assert!(store.row(SEGMENT_ROWS as u64).is_none());
        assert!(store.fact(&early).is_none());
        for seq in [store.first(), SEGMENT_ROWS as u64 * 2, rows as u64] {
            let row = store.row(seq).unwrap();
            let index = usize::try_from(seq).unwrap() - 1;
            assert_eq!(store.fact(&row), Some(note(index).fact), "{seq}");
        }
    }
}
