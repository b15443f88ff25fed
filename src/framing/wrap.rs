//! The frame that a payload gets before it is sent.

use std::ops::Range;

use super::{Deframer, Ending, Framing, Length, Rule, State};

impl Framing {
    /// True where a payload gets anything around it, or has to have a size: for all but raw and idle.
    #[must_use]
    pub const fn wraps(&self) -> bool {
        !matches!(self.rule, Rule::Raw | Rule::Idle(_))
    }

    /// The frame that is read back as one message with this payload.
    ///
    /// A line gets LF, and a delimited message its delimiter. A length field is put in at its offset, so that the payload
    /// holds the bytes that stand before it; its value is the number of bytes that follow it, less `adjust`.
    ///
    /// # Errors
    /// One sentence without a full stop, where no frame is read back as that: the payload is too long, holds what ends a
    /// message, has not the fixed size, lacks the bytes before its field, or its length does not fit the field.
    pub fn wrap(&self, payload: &[u8]) -> Result<Vec<u8>, String> {
        let bytes = |count: usize| if count == 1 { "1 byte".to_owned() } else { format!("{count} bytes") };
        let size = bytes(payload.len());
        if self.wraps() && payload.len() > self.max as usize {
            return Err(format!("{size} are more than the framing's max, {}", self.max));
        }
        match &self.rule {
            Rule::Line => {
                if let Some(at) = memchr::memchr(b'\n', payload) {
                    return Err(format!("a line holds no LF, and byte {} is one", at + 1));
                }
                if payload.last() == Some(&b'\r') {
                    return Err("the CR at the end would be read as part of the line's end".to_owned());
                }
                Ok([payload, b"\n"].concat())
            }
            Rule::Delimiter(delimiter) => {
                let frame = [payload, delimiter].concat();
                // The begin of the delimiter may end one that the end of the payload begins.
                match memchr::memmem::find(&frame, delimiter) {
                    Some(at) if at < payload.len() => Err(format!("the delimiter would be found at byte {}", at + 1)),
                    _ => Ok(frame),
                }
            }
            Rule::Fixed(wanted) if payload.len() != *wanted as usize => {
                Err(format!("a message has {}, and this one {size}", bytes(*wanted as usize)))
            }
            Rule::Raw | Rule::Idle(_) | Rule::Fixed(_) => Ok(payload.to_vec()),
            Rule::Length(length) => {
                let Some((before, after)) = payload.split_at_checked(usize::from(length.offset)) else {
                    let wanted = bytes(usize::from(length.offset));
                    return Err(format!("{wanted} stand before the length, and this has {size}"));
                };
                let mut frame = before.to_vec();
                frame.extend_from_slice(&length.of(after.len())?);
                frame.extend_from_slice(after);
                Ok(frame)
            }
        }
    }

    /// The payload of bytes that are one whole frame, and nothing else.
    #[must_use]
    pub fn payload_of(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut state = State::default();
        let (mut payload, mut is_one) = (None, true);
        Deframer::new(self.clone()).push(&mut state, bytes, |frame| {
            is_one &= payload.is_none() && frame.ending == Ending::Whole;
            let part =
                |range: Range<i64>| bytes.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?);
            let [before, after] = frame.payload();
            payload = part(before).zip(part(after)).map(|(before, after)| [before, after].concat());
        });
        payload.filter(|_| is_one && state == State::default())
    }
}

impl Length {
    /// The field, where so many bytes follow it.
    fn of(self, following: usize) -> Result<Vec<u8>, String> {
        let value = i64::try_from(following).unwrap_or(i64::MAX).saturating_sub(i64::from(self.adjust));
        let size = usize::from(self.field.size);
        let most = (1_i64 << (8 * size)) - 1;
        if !(0..=most).contains(&value) {
            return Err(format!("the length would be {value}, and {} holds 0 to {most}", self.field.name));
        }
        let value = value.to_be_bytes();
        let mut field = value[value.len() - size..].to_vec();
        if !self.field.big_endian {
            field.reverse();
        }
        Ok(field)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::notation::tests::any_framing;
    use super::*;

    fn framing(text: &str) -> Framing {
        text.parse().unwrap()
    }

    #[test]
    fn frames_as_others_write_them() {
        for (text, payload, frame) in [
            ("line", &b"ab"[..], &b"ab\n"[..]),
            ("delimiter:0d0a", b"a\rb", b"a\rb\r\n"),
            ("fixed:2", b"ab", b"ab"),
            ("length:u16be", b"abc", b"\0\x03abc"),
            ("length:u32le,adjust=-4", b"abc", b"\x07\0\0\0abc"),
            // Modbus TCP: transaction, protocol, length, unit, function.
            ("length:u16be,offset=4", b"\0\x01\0\0\x11\x03", b"\0\x01\0\0\0\x02\x11\x03"),
            ("raw", b"a\n", b"a\n"),
            ("idle:1s", b"a\n", b"a\n"),
        ] {
            assert_eq!(framing(text).wrap(payload).unwrap(), frame, "{text}");
        }
    }

    #[test]
    fn what_would_not_be_read_back_is_refused() {
        for (text, payload, why) in [
            ("line", &b"a\nb"[..], "a line holds no LF, and byte 2 is one"),
            ("line", b"a\r", "the CR at the end would be read as part of the line's end"),
            ("delimiter:6161", b"xa", "the delimiter would be found at byte 2"),
            ("fixed:4", b"abc", "a message has 4 bytes, and this one 3 bytes"),
            ("length:u8", &[0; 256], "the length would be 256, and u8 holds 0 to 255"),
            ("length:u8,adjust=2", b"a", "the length would be -1, and u8 holds 0 to 255"),
            ("length:u8,offset=2", b"a", "2 bytes stand before the length, and this has 1 byte"),
            ("line,max=2", b"abc", "3 bytes are more than the framing's max, 2"),
        ] {
            assert_eq!(framing(text).wrap(payload).unwrap_err(), why, "{text}");
        }
    }

    #[test]
    fn only_one_whole_frame_has_a_payload() {
        let line = framing("line");
        assert_eq!(line.payload_of(b"ab\r\n").as_deref(), Some(&b"ab"[..]));
        for other in [&b""[..], b"ab", b"a\nb\n", b"a\nb"] {
            assert_eq!(line.payload_of(other), None);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_wrapped_payload_is_read_back(
            framing in any_framing(),
            payload in prop::collection::vec(prop::sample::select(b"ab\r\n\0\x01\x02".to_vec()), 1..8),
        ) {
            if let (true, Ok(frame)) = (framing.gap().is_none(), framing.wrap(&payload)) {
                prop_assert_eq!(framing.payload_of(&frame), Some(payload));
            }
        }
    }
}
