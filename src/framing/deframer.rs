//! Where the messages of a stream end, found chunk by chunk.
//!
//! Owns the search and what has to be remembered between two chunks. It never holds a byte of the stream.

use std::ops::Range;

use memchr::memchr;
use memchr::memmem::Finder;

use super::{Framing, Length, Rule};

/// Finds the messages of streams that have one framing.
///
/// One serves any number of streams: what is known of each is its [`State`]. Save for raw and idle, a stream has the same
/// messages however it comes in chunks.
#[derive(Clone, Debug)]
pub struct Deframer {
    framing: Framing,
    delimiter: Option<Delimiter>,
}

/// What has to be known of a stream at some place, to go on from there. The default is its begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// How many bytes the open frame has so far.
    open: u32,
    /// Of a frame that tells its length: how many bytes are still to come or, as long as the field is not complete, what
    /// came of it.
    count: u32,
    /// How many of the last bytes may belong to what ends the message.
    matched: u8,
    /// Whether the open frame goes on with a message that was cut.
    continues: bool,
}

/// How a message ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// As the framing says.
    Whole,
    /// It is longer than `max`, and goes on in the next one.
    Cut,
    /// The stream ended before it did.
    Incomplete,
    /// Its field tells a length that `adjust` makes negative, or 4 GiB or more: nothing follows the field.
    Impossible,
}

impl Ending {
    /// The mark of a message that is not whole, as the log has it: `CUT`, `PART`, `BAD LENGTH`.
    #[must_use]
    pub const fn mark(self) -> Option<&'static str> {
        match self {
            Self::Whole => None,
            Self::Cut => Some("CUT"),
            Self::Incomplete => Some("PART"),
            Self::Impossible => Some("BAD LENGTH"),
        }
    }
}

/// A message of a stream: where its bytes are, counted from the begin of the chunk in which it was found. What came in
/// chunks before is below 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// All of its bytes.
    pub bytes: Range<i64>,
    /// Which of them are framing; may be empty.
    pub framing: Range<i64>,
    /// How it ends.
    pub ending: Ending,
    /// Whether it goes on with a message that was cut.
    pub continues: bool,
}

impl Frame {
    /// Where its payload is: before the framing and after it. One part of both is empty at least, save where bytes
    /// stand before a length field and after it.
    #[must_use]
    pub const fn payload(&self) -> [Range<i64>; 2] {
        [self.bytes.start..self.framing.start, self.framing.end..self.bytes.end]
    }

    /// Its payload, where all of it is in the chunk, and in one part.
    #[must_use]
    pub fn payload_in<'a>(&self, chunk: &'a [u8]) -> Option<&'a [u8]> {
        let [before, after] = self.payload();
        let part = match (before.is_empty(), after.is_empty()) {
            (_, true) => before,
            (true, false) => after,
            (false, false) => return None,
        };
        chunk.get(usize::try_from(part.start).ok()?..usize::try_from(part.end).ok()?)
    }
}

impl State {
    /// How many bytes of the stream belong to a message that has not ended.
    #[must_use]
    pub const fn open(&self) -> u32 {
        self.open
    }

    /// Whether what comes goes on with a message that was cut.
    #[must_use]
    pub const fn continues(&self) -> bool {
        self.continues
    }

    fn start(&self) -> i64 {
        -i64::from(self.open)
    }
}

impl Deframer {
    /// For streams with this framing.
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        let delimiter = match &framing.rule {
            Rule::Delimiter(bytes) => Some(Delimiter::new(bytes)),
            _ => None,
        };
        Self { framing, delimiter }
    }

    /// The framing.
    #[must_use]
    pub const fn framing(&self) -> &Framing {
        &self.framing
    }

    /// When the open message of a stream ends unless more comes before, if its last chunk came at `last`; both in
    /// nanoseconds since any moment. `None` where none is open, and where time ends none.
    #[must_use]
    pub fn deadline(&self, state: &State, last: u64) -> Option<u64> {
        let gap = self.framing.gap().filter(|_| state.open > 0)?;
        Some(last.saturating_add(u64::try_from(gap.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// How many bytes are missing to the end of the open message, where that is known.
    #[must_use]
    pub fn missing(&self, state: &State) -> Option<u32> {
        match &self.framing.rule {
            Rule::Fixed(size) if state.open > 0 => Some(size - state.open),
            Rule::Length(length) if state.continues || state.open >= length.head() => Some(state.count),
            _ => None,
        }
    }

    /// Tells each message that ends in a chunk or, where it turns out now that one is too long, just before it.
    ///
    /// Where the framing has a gap and [`deadline`](Self::deadline) is over, call [`end`](Self::end) before.
    pub fn push(&self, state: &mut State, chunk: &[u8], mut each: impl FnMut(Frame)) {
        match &self.framing.rule {
            Rule::Raw => {
                if !chunk.is_empty() {
                    each(whole(0, len(chunk), 0, false));
                }
            }
            Rule::Line | Rule::Delimiter(_) => self.push_terminated(state, chunk, &mut each),
            Rule::Fixed(size) => push_fixed(*size, state, chunk, &mut each),
            Rule::Length(length) => self.push_length(*length, state, chunk, &mut each),
            Rule::Idle(_) => {
                let start = self.cut(state.start(), len(chunk), &mut state.continues, &mut each);
                state.open = distance(start, len(chunk));
            }
        }
    }

    /// Tells what is left of a stream, or of a message that a gap ends, as if in an empty chunk; the next chunk begins a
    /// message.
    pub fn end(&self, state: &mut State, mut each: impl FnMut(Frame)) {
        let State { matched, mut continues, .. } = *state;
        let mut start = state.start();
        if matched > 0 {
            // What may have been the begin of a delimiter was none.
            start = self.cut(start, 0, &mut continues, &mut each);
        }
        if start < 0 {
            let framing = match &self.framing.rule {
                Rule::Length(length) if !continues => {
                    let field = start + i64::from(length.offset);
                    field.min(0)..(field + i64::from(length.field.size)).min(0)
                }
                _ => 0..0,
            };
            let ending = if self.framing.gap().is_some() { Ending::Whole } else { Ending::Incomplete };
            each(Frame { bytes: start..0, framing, ending, continues });
        }
        *state = State::default();
    }

    /// Cuts what is too long of a payload from `start` to `end`; gives where the rest begins.
    fn cut(&self, mut start: i64, end: i64, continues: &mut bool, each: &mut impl FnMut(Frame)) -> i64 {
        let max = i64::from(self.framing.max);
        while end - start > max {
            let cut = start + max;
            each(Frame { bytes: start..cut, framing: cut..cut, ending: Ending::Cut, continues: *continues });
            (start, *continues) = (cut, true);
        }
        start
    }

    fn push_terminated(&self, state: &mut State, chunk: &[u8], each: &mut impl FnMut(Frame)) {
        let State { mut matched, mut continues, .. } = *state;
        let (mut start, mut from) = (state.start(), 0);
        loop {
            let found = match &self.delimiter {
                Some(delimiter) => delimiter.find(chunk, from, &mut matched),
                None => find_line_end(chunk, from, &mut matched),
            };
            let Some((after, terminator)) = found else { break };
            let end = offset(after);
            start = self.cut(start, end - terminator, &mut continues, each);
            each(whole(start, end, terminator, continues));
            (start, from, continues, matched) = (end, after, false, 0);
        }
        start = self.cut(start, len(chunk) - i64::from(matched), &mut continues, each);
        *state = State { open: distance(start, len(chunk)), count: 0, matched, continues };
    }

    fn push_length(&self, length: Length, state: &mut State, chunk: &[u8], each: &mut impl FnMut(Frame)) {
        let State { mut count, mut continues, .. } = *state;
        let size = i64::from(length.field.size);
        let (mut start, mut at) = (state.start(), 0);
        loop {
            let head = start + i64::from(length.head());
            if !continues && offset(at) < head {
                let field = head - size;
                while at < chunk.len() && offset(at) < head {
                    if offset(at) >= field {
                        count = length.with_byte(count, offset(at) - field, chunk[at]);
                    }
                    at += 1;
                }
                if offset(at) < head {
                    break;
                }
                let Ok(rest) = u32::try_from(i64::from(count) + i64::from(length.adjust)) else {
                    let bytes = start..offset(at);
                    each(Frame { bytes, framing: field..head, ending: Ending::Impossible, continues });
                    (start, count) = (offset(at), 0);
                    continue;
                };
                count = rest;
            }
            let framing = if continues { start..start } else { head - size..head };
            let payload = offset(at) - start - (framing.end - framing.start);
            let room = i64::from(self.framing.max) - payload;
            let step = room.min(i64::from(count)).min(len(&chunk[at..]));
            at += usize::try_from(step).unwrap_or(0);
            count -= u32::try_from(step).unwrap_or(0);
            let bytes = start..offset(at);
            if count == 0 {
                each(Frame { bytes, framing, ending: Ending::Whole, continues });
                continues = false;
            } else if step == room {
                each(Frame { bytes, framing, ending: Ending::Cut, continues });
                continues = true;
            } else {
                break;
            }
            start = offset(at);
        }
        *state = State { open: distance(start, len(chunk)), count, matched: 0, continues };
    }
}

fn push_fixed(size: u32, state: &mut State, chunk: &[u8], each: &mut impl FnMut(Frame)) {
    let (mut start, size) = (state.start(), i64::from(size));
    while len(chunk) - start >= size {
        each(whole(start, start + size, 0, false));
        start += size;
    }
    state.open = distance(start, len(chunk));
}

/// A message from `start` to `end`, of which the last bytes are framing.
fn whole(start: i64, end: i64, terminator: i64, continues: bool) -> Frame {
    Frame { bytes: start..end, framing: end - terminator..end, ending: Ending::Whole, continues }
}

fn len(chunk: &[u8]) -> i64 {
    offset(chunk.len())
}

/// No slice has more bytes than an `i64` can count.
fn offset(at: usize) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX)
}

/// How many bytes an open frame has, which `max` bounds.
fn distance(start: i64, end: i64) -> u32 {
    u32::try_from(end - start).unwrap_or(u32::MAX)
}

impl Length {
    /// A part of the field's value, with one more byte of it.
    fn with_byte(self, count: u32, index: i64, byte: u8) -> u32 {
        if self.field.big_endian { count << 8 | u32::from(byte) } else { count | u32::from(byte) << (8 * index) }
    }
}

/// Where the first line end at or after `from` ends, and how many bytes it has; `matched` is 1 where the byte before `from`
/// is a CR of the same line, and then where the chunk's last is.
fn find_line_end(chunk: &[u8], from: usize, matched: &mut u8) -> Option<(usize, i64)> {
    let rest = &chunk[from..];
    let ends_in_cr = |line: &[u8]| line.last().map_or(*matched == 1, |last| *last == b'\r');
    let Some(at) = memchr(b'\n', rest) else {
        *matched = u8::from(ends_in_cr(rest));
        return None;
    };
    Some((from + at + 1, 1 + i64::from(ends_in_cr(&rest[..at]))))
}

/// A delimiter, ready to be looked for.
#[derive(Clone, Debug)]
struct Delimiter {
    finder: Finder<'static>,
    /// For each number of its bytes that are matched, how many are still when the next one is another.
    fallback: Box<[u8]>,
}

impl Delimiter {
    fn new(bytes: &[u8]) -> Self {
        let mut delimiter =
            Self { finder: Finder::new(bytes).into_owned(), fallback: vec![0; bytes.len() + 1].into_boxed_slice() };
        for (at, byte) in bytes.iter().enumerate().skip(1) {
            delimiter.fallback[at + 1] = delimiter.step(delimiter.fallback[at], *byte);
        }
        delimiter
    }

    /// How many bytes are matched after one more.
    fn step(&self, mut matched: u8, byte: u8) -> u8 {
        let bytes = self.finder.needle();
        loop {
            if bytes.get(usize::from(matched)) == Some(&byte) {
                return matched + 1;
            }
            if matched == 0 {
                return 0;
            }
            matched = self.fallback[usize::from(matched)];
        }
    }

    /// Where the first delimiter that ends behind `from` ends, and how many bytes it has. So many bytes are matched before
    /// `from`, and then at the chunk's end.
    fn find(&self, chunk: &[u8], mut from: usize, matched: &mut u8) -> Option<(usize, i64)> {
        let size = self.finder.needle().len();
        while *matched > 0 && from < chunk.len() {
            *matched = self.step(*matched, chunk[from]);
            from += 1;
            if usize::from(*matched) == size {
                return Some((from, offset(size)));
            }
        }
        if *matched > 0 {
            return None;
        }
        if let Some(at) = self.finder.find(&chunk[from..]) {
            return Some((from + at + size, offset(size)));
        }
        let tail = from.max((chunk.len() + 1).saturating_sub(size));
        *matched = chunk[tail..].iter().fold(0, |matched, byte| self.step(matched, *byte));
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::super::notation::tests::any_framing;
    use super::*;

    /// Bytes that have line ends, delimiters and small lengths in them.
    fn any_stream() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            6 => prop::sample::select(b"ab\r\n\0\x01\x03".to_vec()),
            1 => any::<u8>(),
        ];
        prop::collection::vec(byte, 0..80)
    }

    /// The messages of a stream that comes in chunks with these ends, at places in the stream.
    fn frames(deframer: &Deframer, stream: &[u8], ends: &[usize]) -> Vec<Frame> {
        let (mut state, mut begin, mut frames) = (State::default(), 0, Vec::new());
        let placed = |frame: Frame, begin: usize| Frame {
            bytes: frame.bytes.start + offset(begin)..frame.bytes.end + offset(begin),
            framing: frame.framing.start + offset(begin)..frame.framing.end + offset(begin),
            ..frame
        };
        for end in ends.iter().copied().chain([stream.len()]) {
            deframer.push(&mut state, &stream[begin..end], |frame| frames.push(placed(frame, begin)));
            begin = end;
        }
        deframer.end(&mut state, |frame| frames.push(placed(frame, begin)));
        assert_eq!(state, State::default());
        frames
    }

    fn payloads(framing: &str, stream: &[u8]) -> Vec<(Vec<u8>, Ending, bool)> {
        let deframer = Deframer::new(framing.parse().unwrap());
        let in_stream = |range: Range<i64>| usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        frames(&deframer, stream, &[])
            .into_iter()
            .map(|frame| {
                let parts = frame.payload().map(|part| stream[in_stream(part)].to_vec());
                (parts.concat(), frame.ending, frame.continues)
            })
            .collect()
    }

    // Case 27.
    #[test]
    fn what_is_framing_and_what_is_payload() {
        use Ending::{Cut, Impossible, Incomplete, Whole};
        type Wanted = &'static [(&'static [u8], Ending, bool)];
        let table: [(&str, &[u8], Wanted); 14] = [
            (
                "line",
                b"a\r\n\nb\rc\n\r",
                &[(b"a", Whole, false), (b"", Whole, false), (b"b\rc", Whole, false), (b"\r", Incomplete, false)],
            ),
            (
                "line,max=4",
                b"abcd\r\nabcde\r\n",
                &[(b"abcd", Whole, false), (b"abcd", Cut, false), (b"e", Whole, true)],
            ),
            ("line,max=4", b"abcd\r", &[(b"abcd", Cut, false), (b"\r", Incomplete, true)]),
            ("line,max=2", b"abcdef\n", &[(b"ab", Cut, false), (b"cd", Cut, true), (b"ef", Whole, true)]),
            ("delimiter:0d0a", b"a\nb\r\r\nc\r", &[(b"a\nb\r", Whole, false), (b"c\r", Incomplete, false)]),
            ("fixed:3", b"abcdefgh", &[(b"abc", Whole, false), (b"def", Whole, false), (b"gh", Incomplete, false)]),
            (
                "length:u8",
                b"\x02ab\0\x01c\x05x",
                &[(b"ab", Whole, false), (b"", Whole, false), (b"c", Whole, false), (b"x", Incomplete, false)],
            ),
            // The field counts all bytes of the message, and four stand before it.
            (
                "length:u16be,offset=4,adjust=-6",
                b"head\0\x08xyhead\0\x06",
                &[(b"headxy", Whole, false), (b"head", Whole, false)],
            ),
            ("length:u16le,offset=1", b"A\x01\0xB\x02", &[(b"Ax", Whole, false), (b"B", Incomplete, false)]),
            ("length:u32be,adjust=1", b"\0\0\0\x01ab", &[(b"ab", Whole, false)]),
            ("length:u8,adjust=-2", b"\x01\x03a", &[(b"", Impossible, false), (b"a", Whole, false)]),
            ("length:u32le,adjust=1", b"\xff\xff\xff\xff\0\0\0\0z", &[(b"", Impossible, false), (b"z", Whole, false)]),
            (
                "length:u8,max=2",
                b"\x05abcde\x02xy",
                &[(b"ab", Cut, false), (b"cd", Cut, true), (b"e", Whole, true), (b"xy", Whole, false)],
            ),
            ("idle:5ms,max=2", b"abc", &[(b"ab", Cut, false), (b"c", Whole, true)]),
        ];
        for (framing, stream, wanted) in table {
            let wanted: Vec<_> = wanted.iter().map(|(bytes, ending, on)| (bytes.to_vec(), *ending, *on)).collect();
            assert_eq!(payloads(framing, stream), wanted, "{framing} {}", stream.escape_ascii());
        }
    }

    #[test]
    fn what_is_missing_is_told_where_the_framing_knows() {
        for (framing, chunk, missing) in [
            ("fixed:8", &b"abc"[..], Some(5)),
            ("fixed:3", b"abc", None),
            ("length:u16be", b"\0", None),
            ("length:u16be", b"\0\x09a", Some(8)),
            ("length:u8,max=2", b"\x09abc", Some(6)),
            ("line", b"abc", None),
        ] {
            let deframer = Deframer::new(framing.parse().unwrap());
            let mut state = State::default();
            deframer.push(&mut state, chunk, |_| {});
            assert_eq!(deframer.missing(&state), missing, "{framing}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_chunks_give_the_same_messages(
            framing in any_framing().prop_filter("its chunks are its messages", |framing| !framing.is_raw()),
            stream in any_stream(),
            cuts in prop::collection::vec(any::<Index>(), 0..20),
        ) {
            let deframer = Deframer::new(framing);
            let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            ends.sort_unstable();
            prop_assert_eq!(frames(&deframer, &stream, &ends), frames(&deframer, &stream, &[]));
        }

        #[test]
        fn every_byte_is_in_one_message_and_none_is_too_long(
            framing in any_framing(),
            stream in any_stream(),
            cuts in prop::collection::vec(any::<Index>(), 0..20),
        ) {
            let deframer = Deframer::new(framing.clone());
            let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            ends.sort_unstable();
            let mut at = 0;
            let mut cut = false;
            for frame in frames(&deframer, &stream, &ends) {
                prop_assert_eq!(frame.bytes.start, at);
                prop_assert!(frame.bytes.start <= frame.framing.start && frame.framing.end <= frame.bytes.end);
                prop_assert!(frame.framing.start <= frame.framing.end);
                let payload: i64 = frame.payload().map(|part| part.end - part.start).iter().sum();
                prop_assert!(framing.is_raw() || payload <= i64::from(framing.max()));
                prop_assert_eq!(frame.continues, cut);
                cut = frame.ending == Ending::Cut;
                at = frame.bytes.end;
            }
            prop_assert_eq!(at, offset(stream.len()));
        }

        #[test]
        fn raw_messages_are_the_chunks(stream in any_stream(), cut in any::<Index>()) {
            let deframer = Deframer::new(Framing::RAW);
            let cut = cut.index(stream.len() + 1);
            let mut wanted = vec![0..cut, cut..stream.len()];
            wanted.retain(|range| !range.is_empty());
            let found: Vec<_> = frames(&deframer, &stream, &[cut])
                .into_iter()
                .map(|frame| usize::try_from(frame.bytes.start).unwrap()..usize::try_from(frame.bytes.end).unwrap())
                .collect();
            prop_assert_eq!(found, wanted);
        }
    }
}
