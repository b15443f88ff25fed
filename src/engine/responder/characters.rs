//! Characters without an end: the character generator of RFC 864.
//!
//! Owns which characters come in which order. It never sends.

use std::sync::{Arc, LazyLock};

/// The printable characters of ASCII, each followed by the next and the last by the first.
const RING: std::ops::RangeInclusive<u8> = b' '..=b'~';

/// How many characters a line has before CRLF.
const LINE: usize = 72;

/// How many lines make a block: as many as begin with another character each, so that block follows block, and so often
/// that it has nearly 64 KiB.
const LINES: usize = 95 * 9;

/// The longest datagram.
const DATAGRAM: usize = 512;

/// Lines that each begin one character further than the one before. Behind their end they begin anew.
static BLOCK: LazyLock<Arc<[u8]>> = LazyLock::new(|| {
    let line = |number| ring().skip(number % 95).take(LINE).chain(*b"\r\n");
    (0..LINES).flat_map(line).collect()
});

/// The next block of a stream, which follows itself.
pub(super) fn block() -> Arc<[u8]> {
    Arc::clone(&BLOCK)
}

/// A datagram: 0 to 512 characters, as many as chance says.
pub(super) fn datagram() -> Arc<[u8]> {
    ring().take(fastrand::usize(..=DATAGRAM)).collect()
}

fn ring() -> impl Iterator<Item = u8> {
    RING.cycle()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_begins_one_character_further_also_across_blocks() {
        let stream = [&*block(), &*block()].concat();
        assert!(block().len() <= 64 * 1024);
        let lines: Vec<_> = stream.chunks(LINE + 2).collect();
        assert_eq!(lines[0], b" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg\r\n");
        for pair in lines.windows(2) {
            assert_eq!(pair[0][1..LINE], pair[1][..LINE - 1]);
            let (last, next) = (pair[0][LINE - 1], pair[1][LINE - 1]);
            assert_eq!(next, if last == b'~' { b' ' } else { last + 1 });
            assert_eq!(pair[1][LINE..], *b"\r\n");
        }
    }
}
