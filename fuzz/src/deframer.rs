//! Streams and their messages: no byte is lost or told twice, in whatever chunks it comes; and a payload that is wrapped
//! is read back.

use std::ops::Range;

use sockbench::framing::{Assembler, Deframer, Ending, Frame, Framing, State};

/// The first line is a framing. A byte behind it says into how many chunks the stream is cut, so many bytes where, and
/// the rest is the stream.
pub fn check(data: &[u8]) {
    let (framing, rest) = super::first_line(data);
    let Some(Ok(framing)) = super::text_of(framing).map(str::parse::<Framing>) else { return };
    let Some((&count, rest)) = rest.split_first() else { return };
    let (cuts, stream) = rest.split_at(usize::from(count % 16).min(rest.len()));
    let mut ends: Vec<_> = cuts.iter().map(|cut| usize::from(*cut) * stream.len() / 255).collect();
    ends.sort_unstable();

    let frames = frames(&framing, stream, &ends);
    are_the_stream(&framing, &frames, stream.len());
    if !framing.is_raw() {
        assert_eq!(frames, self::frames(&framing, stream, &[]), "{framing}: chunks make no difference");
    }
    are_gathered(&framing, &frames, stream, &ends);

    if framing.gap().is_none()
        && let Ok(frame) = framing.wrap(stream)
        && !frame.is_empty()
    {
        assert_eq!(framing.payload_of(&frame).as_deref(), Some(stream), "{framing}: what is wrapped is read back");
    }
}

/// The messages of a stream that comes in chunks with these ends, at places in the stream.
fn frames(framing: &Framing, stream: &[u8], ends: &[usize]) -> Vec<Frame> {
    let deframer = Deframer::new(framing.clone());
    let (mut state, mut begin, mut frames) = (State::default(), 0, Vec::new());
    let placed = |range: &Range<i64>, begin: usize| range.start + offset(begin)..range.end + offset(begin);
    let mut keep = |frame: &Frame, begin| {
        let (bytes, framing) = (placed(&frame.bytes, begin), placed(&frame.framing, begin));
        frames.push(Frame { bytes, framing, ..frame.clone() });
    };
    for end in ends.iter().copied().chain([stream.len()]) {
        deframer.push(&mut state, &stream[begin..end], |frame| keep(&frame, begin));
        begin = end;
    }
    deframer.end(&mut state, |frame| keep(&frame, begin));
    assert_eq!(state, State::default());
    frames
}

fn are_the_stream(framing: &Framing, frames: &[Frame], len: usize) {
    let (mut at, mut cut) = (0, false);
    for frame in frames {
        assert_eq!(frame.bytes.start, at, "{framing}: one message follows the other");
        assert!(frame.bytes.start <= frame.framing.start && frame.framing.start <= frame.framing.end);
        assert!(frame.framing.end <= frame.bytes.end);
        let payload: i64 = frame.payload().iter().map(|part| part.end - part.start).sum();
        assert!(framing.is_raw() || payload <= i64::from(framing.max()), "{framing}: {payload} bytes");
        assert_eq!(frame.continues, cut);
        cut = frame.ending == Ending::Cut;
        at = frame.bytes.end;
    }
    assert_eq!(at, offset(len), "{framing}: nothing is left over");
}

/// Who only passes by is told the same messages, with the bytes of each.
fn are_gathered(framing: &Framing, frames: &[Frame], stream: &[u8], ends: &[usize]) {
    let mut assembler = Assembler::new(framing.clone());
    let (mut begin, mut told) = (0, Vec::new());
    for end in ends.iter().copied().chain([stream.len()]) {
        assembler.push_framed(&stream[begin..end], 0, |message| {
            told.push((message.payload.to_vec(), message.as_it_came(), message.frame.ending));
        });
        begin = end;
    }
    assembler.end_framed(|message| told.push((message.payload.to_vec(), message.as_it_came(), message.frame.ending)));
    let part = |range: &Range<i64>| &stream[index(range.start)..index(range.end)];
    let wanted: Vec<_> = frames
        .iter()
        .map(|frame| {
            let payload = frame.payload().iter().map(part).collect::<Vec<_>>().concat();
            (payload, part(&frame.bytes).to_vec(), frame.ending)
        })
        .collect();
    assert_eq!(told, wanted, "{framing}");
}

fn offset(at: usize) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX)
}

fn index(at: i64) -> usize {
    usize::try_from(at).unwrap_or_else(|_| panic!("{at} is before the stream"))
}
