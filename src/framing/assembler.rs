//! The messages of one stream with their bytes, as its chunks come.
//!
//! Owns the bytes of the message that has not ended: at most [`Framing::max`](super::Framing::max) and the framing.

use std::ops::Range;

use super::{Deframer, Frame, Framing, State};

/// What is kept of a buffer's memory once the message is over, in bytes.
const KEPT: usize = 64 * 1024;

/// A stream that is being read message by message.
#[derive(Clone, Debug)]
pub struct Assembler {
    deframer: Deframer,
    state: State,
    /// When the last chunk came, in nanoseconds since any moment.
    last: u64,
    /// What came of the open message before the present chunk.
    open: Vec<u8>,
}

/// A message of a stream, while it is told.
#[derive(Debug)]
pub struct Message<'a> {
    /// Its bytes without the framing.
    pub payload: &'a [u8],
    /// Where it lies, and how it ends.
    pub frame: &'a Frame,
    open: &'a [u8],
    chunk: &'a [u8],
}

impl Assembler {
    /// A stream that begins.
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        Self { deframer: Deframer::new(framing), state: State::default(), last: 0, open: Vec::new() }
    }

    /// The framing.
    #[must_use]
    pub const fn framing(&self) -> &Framing {
        self.deframer.framing()
    }

    /// Takes a chunk that came at `at`, in nanoseconds since the moment that counts for all chunks, and tells the payload
    /// of each message that ends. One that lies within the chunk is not copied.
    pub fn push(&mut self, chunk: &[u8], at: u64, mut each: impl FnMut(&[u8], &Frame)) {
        self.push_framed(chunk, at, |message| each(message.payload, message.frame));
    }

    /// As [`push`](Self::push), with what lets each message be had as it came, its framing included.
    pub fn push_framed(&mut self, chunk: &[u8], at: u64, mut each: impl FnMut(&Message<'_>)) {
        if self.deadline().is_some_and(|deadline| at >= deadline) {
            self.end_framed(&mut each);
        }
        self.last = at;
        let Self { deframer, state, open, .. } = self;
        let mut gathered = Vec::new();
        deframer.push(state, chunk, |frame| {
            if let Some(payload) = frame.payload_in(chunk) {
                each(&Message { payload, frame: &frame, open, chunk });
            } else {
                gathered.clear();
                for part in &frame.payload() {
                    gather(open, chunk, part, &mut gathered);
                }
                each(&Message { payload: &gathered, frame: &frame, open, chunk });
            }
        });
        let left = state.open() as usize;
        if left <= chunk.len() {
            open.clear();
            open.shrink_to(KEPT.max(left));
            open.extend_from_slice(&chunk[chunk.len() - left..]);
        } else {
            open.drain(..open.len() + chunk.len() - left);
            open.extend_from_slice(chunk);
        }
    }

    /// When the open message ends by itself, where a gap ends it.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        self.deframer.deadline(&self.state, self.last)
    }

    /// Tells the message that has ended by now because nothing more came.
    pub fn expire(&mut self, now: u64, each: impl FnMut(&[u8], &Frame)) {
        if self.deadline().is_some_and(|deadline| now >= deadline) {
            self.end(each);
        }
    }

    /// Tells what is left at the end of the stream, as a message that is incomplete; what comes then begins anew.
    pub fn end(&mut self, mut each: impl FnMut(&[u8], &Frame)) {
        self.end_framed(|message| each(message.payload, message.frame));
    }

    /// As [`end`](Self::end), with what lets the message be had as it came, its framing included.
    pub fn end_framed(&mut self, mut each: impl FnMut(&Message<'_>)) {
        let Self { deframer, state, open, .. } = self;
        let mut gathered = Vec::new();
        deframer.end(state, |frame| {
            gathered.clear();
            for part in &frame.payload() {
                gather(open, &[], part, &mut gathered);
            }
            each(&Message { payload: &gathered, frame: &frame, open, chunk: &[] });
        });
        open.clear();
    }
}

impl Message<'_> {
    /// All of its bytes, in the order in which they came.
    #[must_use]
    pub fn as_it_came(&self) -> Vec<u8> {
        let mut all = Vec::new();
        gather(self.open, self.chunk, &self.frame.bytes, &mut all);
        all
    }
}

/// Adds a part of a payload to what was gathered; what is below 0 of it is the end of `open`.
fn gather(open: &[u8], chunk: &[u8], part: &Range<i64>, gathered: &mut Vec<u8>) {
    let in_open = |at: i64| open.len().saturating_sub(usize::try_from(-at.min(0)).unwrap_or(usize::MAX));
    let in_chunk = |at: i64| usize::try_from(at.max(0)).unwrap_or(0).min(chunk.len());
    gathered.extend_from_slice(&open[in_open(part.start)..in_open(part.end)]);
    gathered.extend_from_slice(&chunk[in_chunk(part.start)..in_chunk(part.end)]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::super::Ending;
    use super::super::notation::tests::any_framing;
    use super::*;

    /// The messages of chunks that come a millisecond after each other, and how many bytes are kept at most.
    fn messages(framing: &Framing, chunks: &[&[u8]]) -> (Vec<Vec<u8>>, usize) {
        let mut assembler = Assembler::new(framing.clone());
        let (mut messages, mut most) = (Vec::new(), 0);
        for (at, chunk) in (0..).zip(chunks) {
            assembler.push(chunk, at * 1_000_000, |payload, _| messages.push(payload.to_vec()));
            most = most.max(assembler.open.len());
        }
        assembler.end(|payload, _| messages.push(payload.to_vec()));
        (messages, most)
    }

    #[test]
    fn a_gap_ends_a_message() {
        let mut assembler = Assembler::new("idle:5ms".parse().unwrap());
        let mut messages = Vec::new();
        for (at, chunk) in [(0, b"a"), (4, b"b"), (9, b"c"), (20, b"d")] {
            assembler.push(chunk, at * 1_000_000, |payload, _| messages.push(payload.to_vec()));
        }
        assert_eq!(messages, [&b"ab"[..], b"c"]);
        assert_eq!(assembler.deadline(), Some(25_000_000));
        assembler.expire(24_999_999, |_, _| panic!("it is not over"));
        assembler.expire(25_000_000, |payload, frame| {
            assert_eq!((payload, frame.ending), (&b"d"[..], Ending::Whole));
        });
        assert_eq!(assembler.deadline(), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 800, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn chunks_are_gathered_to_what_the_stream_has(
            framing in any_framing().prop_filter("time matters", |framing| !framing.is_raw() && framing.gap().is_none()),
            stream in prop::collection::vec(prop::sample::select(b"ab\r\n\0\x01\x02".to_vec()), 0..60),
            cuts in prop::collection::vec(any::<Index>(), 0..12),
        ) {
            let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            ends.extend([0, stream.len()]);
            ends.sort_unstable();
            let chunks: Vec<_> = ends.windows(2).map(|ends| &stream[ends[0]..ends[1]]).collect();
            let (gathered, most) = messages(&framing, &chunks);
            prop_assert_eq!(gathered, messages(&framing, &[&stream]).0);
            let (mut assembler, mut came) = (Assembler::new(framing.clone()), Vec::new());
            for chunk in &chunks {
                assembler.push_framed(chunk, 0, |message| came.extend(message.as_it_came()));
            }
            assembler.end_framed(|message| came.extend(message.as_it_came()));
            prop_assert_eq!(came, stream);
            prop_assert!(most <= framing.max() as usize + super::super::LONGEST_DELIMITER);
        }
    }
}
