//! One direction of a TCP connection: segments in the order in which they were captured in, the stream out.
//!
//! Owns the sequence numbers of one sender. It never holds more than it was told it may: whoever calls gives up what
//! is missing in good time.

use std::collections::BTreeMap;

/// What holding a segment costs besides its bytes.
const OVERHEAD: usize = 64;

#[derive(Default)]
pub(super) struct Half {
    /// The sequence number that is next; `None` before the first segment.
    next: Option<u32>,
    /// How many bytes of the stream are through, those missing included.
    position: u64,
    /// Segments beyond, by their place in the stream.
    waiting: BTreeMap<u64, Vec<u8>>,
    held: usize,
    /// Where the stream ends, once FIN has told.
    end: Option<u64>,
    /// How far the other side has acknowledged.
    acknowledged: u64,
}

impl Half {
    /// Begins the stream behind a SYN. One that was seen before changes nothing.
    pub(super) fn begin(&mut self, sequence: u32) {
        self.next.get_or_insert(sequence.wrapping_add(1));
    }

    /// Whether a SYN of this number is of another life than the one that is known.
    pub(super) fn is_foreign(&self, sequence: u32) -> bool {
        self.next.is_some_and(|next| {
            let since = next.wrapping_sub(sequence.wrapping_add(1));
            u64::from(since) != self.position & u64::from(u32::MAX)
        })
    }

    /// The place in the stream that a sequence number means, relative to what is through.
    fn place(&self, next: u32, sequence: u32) -> Option<u64> {
        self.position.checked_add_signed(i64::from(sequence.wrapping_sub(next).cast_signed()))
    }

    /// Takes in a segment. Gives what of it continues the stream now; what comes too early is held, and what came
    /// before is dropped.
    pub(super) fn segment<'a>(&mut self, sequence: u32, bytes: &'a [u8], fin: bool) -> &'a [u8] {
        let next = *self.next.get_or_insert(sequence);
        let Some(place) = self.place(next, sequence) else { return &[] };
        if fin && self.end.is_none() {
            self.end = Some(place + bytes.len() as u64);
        }
        if place > self.position {
            if !bytes.is_empty() && self.waiting.get(&place).is_none_or(|held| held.len() < bytes.len()) {
                self.held += bytes.len() + OVERHEAD;
                if let Some(shorter) = self.waiting.insert(place, bytes.to_vec()) {
                    self.held -= shorter.len() + OVERHEAD;
                }
            }
            return &[];
        }
        let known = usize::try_from(self.position - place).unwrap_or(usize::MAX).min(bytes.len());
        let fresh = &bytes[known..];
        self.advance(fresh.len() as u64);
        fresh
    }

    /// Says that so many bytes that come next will never be seen.
    pub(super) fn lose(&mut self, count: u64) {
        self.advance(count);
    }

    fn advance(&mut self, count: u64) {
        self.position += count;
        #[expect(clippy::cast_possible_truncation, reason = "sequence numbers wrap")]
        let by = count as u32;
        self.next = self.next.map(|next| next.wrapping_add(by));
    }

    /// What was held and continues the stream now.
    pub(super) fn continued(&mut self) -> Option<Vec<u8>> {
        loop {
            let entry = self.waiting.first_entry().filter(|entry| *entry.key() <= self.position)?;
            let (place, mut bytes) = entry.remove_entry();
            self.held -= bytes.len() + OVERHEAD;
            let known = usize::try_from(self.position - place).unwrap_or(usize::MAX);
            if known < bytes.len() {
                bytes.drain(..known);
                self.advance(bytes.len() as u64);
                return Some(bytes);
            }
        }
    }

    /// How many bytes are missing before what is held; `None` where nothing is.
    pub(super) fn gap(&self) -> Option<u64> {
        self.waiting.first_key_value().map(|(place, _)| place.saturating_sub(self.position))
    }

    /// Learns how far the other side says that it has received.
    pub(super) fn acknowledge(&mut self, number: u32) {
        if let Some(place) = self.next.and_then(|next| self.place(next, number)) {
            self.acknowledged = self.acknowledged.max(place);
        }
    }

    /// Whether the other side has what is missing before what is held: then it was not captured and never will be.
    pub(super) fn gap_is_sure(&self) -> bool {
        self.waiting.first_key_value().is_some_and(|(place, _)| self.acknowledged > *place)
    }

    /// How many bytes at the end the other side has that were not captured.
    pub(super) fn missing_at_end(&self) -> u64 {
        // A FIN counts as one.
        let end = self.end.unwrap_or(self.acknowledged.saturating_sub(1));
        end.min(self.acknowledged).saturating_sub(self.position)
    }

    /// Drops what is held: it lies behind the end.
    pub(super) fn forget(&mut self) {
        self.waiting.clear();
        self.held = 0;
    }

    /// What is held, in bytes.
    pub(super) const fn held(&self) -> usize {
        self.held
    }

    /// Whether all is through, up to a FIN.
    pub(super) fn has_ended(&self) -> bool {
        self.end.is_some_and(|end| self.position >= end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However a stream is cut up, doubled and mixed, its bytes come out once and in order.
        #[test]
        fn a_stream_is_put_together(
            stream in proptest::collection::vec(any::<u8>(), 1..300),
            start in any::<u32>(),
            cuts in proptest::collection::vec((0usize..300, 1usize..40), 0..80),
        ) {
            let mut half = Half::default();
            half.begin(start);
            let mut out = Vec::new();
            // All of it at last, in case that the cuts leave something out.
            for (at, len) in cuts.into_iter().chain([(0, stream.len())]) {
                let at = at.min(stream.len());
                let bytes = &stream[at..(at + len).min(stream.len())];
                let sequence = start.wrapping_add(1).wrapping_add(u32::try_from(at).unwrap());
                out.extend_from_slice(half.segment(sequence, bytes, false));
                while let Some(bytes) = half.continued() {
                    out.extend(bytes);
                }
            }
            prop_assert_eq!(out, stream);
            prop_assert_eq!((half.held(), half.gap()), (0, None));
        }
    }

    #[test]
    fn what_the_peer_has_and_nobody_captured_is_a_gap() {
        let mut half = Half::default();
        half.begin(99);
        assert_eq!(half.segment(100, b"ab", false), b"ab");
        assert_eq!(half.segment(105, b"fg", true), b"");
        half.acknowledge(102);
        assert_eq!((half.gap(), half.gap_is_sure()), (Some(3), false));
        half.acknowledge(108);
        assert!(half.gap_is_sure());
        half.lose(3);
        assert_eq!(half.continued(), Some(b"fg".to_vec()));
        assert!(half.has_ended());
        assert_eq!(half.missing_at_end(), 0);
    }
}
