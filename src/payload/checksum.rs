//! Checksums that go behind a payload: which there are, over which bytes, and in which order their own bytes stand.
//!
//! Owns the table of algorithms and the notation of a checksum, `crc16-modbus 1..-1 big`. It never checks what was
//! received.

mod catalogue;

use std::fmt;
use std::str::FromStr;

pub use catalogue::ALGORITHMS;

/// A way to compute a checksum.
pub struct Algorithm {
    /// Its name in lower case: `crc16-modbus` for what the catalogue calls `CRC-16/MODBUS`.
    pub name: &'static str,
    /// Other names that it is found by.
    pub aliases: &'static [&'static str],
    /// How many bits it has, from 3 to 82. So many bytes as hold them are appended.
    pub width: u16,
    /// The checksum of the nine characters `123456789`.
    pub check: u128,
    /// The order of its bytes where none is given: that in which the algorithm takes bits, so that the checksum of a
    /// CRC's payload with its checksum is the same for each payload.
    pub order: Order,
    compute: fn(&[u8]) -> u128,
}

impl Algorithm {
    /// How many bytes it appends.
    #[must_use]
    pub fn bytes(&self) -> usize {
        usize::from(self.width.div_ceil(8))
    }

    /// The checksum of these bytes.
    #[must_use]
    pub fn compute(&self, bytes: &[u8]) -> u128 {
        (self.compute)(bytes)
    }
}

impl fmt::Debug for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The order of a checksum's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The most significant byte first.
    Big,
    /// The least significant byte first.
    Little,
}

impl Order {
    /// Its name in profiles and titles: `big` or `little`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Big => "big",
            Self::Little => "little",
        }
    }

    /// The order of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Big, Self::Little].into_iter().find(|order| order.name() == name)
    }
}

/// A checksum to append to a payload.
///
/// It is written and read as `crc16-modbus`, with its range and its order where they are not the usual ones:
/// `crc16-modbus 1..-1 big`.
#[derive(Clone, Copy, Debug)]
pub struct Checksum {
    /// How it is computed.
    pub algorithm: &'static Algorithm,
    /// The first byte that it is over, from 0; below 0 counted from the payload's end.
    pub from: i64,
    /// The first byte that it is not over any more, counted like `from`; none for all up to the end.
    pub to: Option<i64>,
    /// The order of its bytes; none for the algorithm's own.
    pub order: Option<Order>,
}

/// Equal when they say the same.
impl PartialEq for Checksum {
    fn eq(&self, other: &Self) -> bool {
        let key = |it: &Self| (it.algorithm.name, it.from, it.to, it.order);
        key(self) == key(other)
    }
}

impl Eq for Checksum {}

impl Checksum {
    /// The checksum of this name, or other name, over the whole payload.
    ///
    /// # Errors
    /// Where there is none of that name; one sentence without a full stop.
    pub fn named(name: &str) -> Result<Self, String> {
        let is_it = |algorithm: &&Algorithm| algorithm.name == name || algorithm.aliases.contains(&name);
        match ALGORITHMS.iter().find(is_it) {
            Some(algorithm) => Ok(Self { algorithm, from: 0, to: None, order: None }),
            None => Err(format!("no checksum is called `{name}`; `sockbench list checksums` names all")),
        }
    }

    /// Appends it to a payload. Of a range that reaches out of the payload it is over what lies in it.
    pub fn append(&self, payload: &mut Vec<u8>) {
        let len = payload.len();
        let place = |at: i64| {
            let from_end = usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX);
            if at < 0 { len.saturating_sub(from_end) } else { from_end.min(len) }
        };
        let to = self.to.map_or(len, place);
        let from = place(self.from).min(to);
        let value = self.algorithm.compute(&payload[from..to]);
        let bytes = value.to_be_bytes();
        let bytes = &bytes[bytes.len() - self.algorithm.bytes()..];
        match self.order.unwrap_or(self.algorithm.order) {
            Order::Big => payload.extend_from_slice(bytes),
            Order::Little => payload.extend(bytes.iter().rev()),
        }
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.algorithm.name)?;
        match (self.from, self.to) {
            (0, None) => {}
            (from, None) => write!(f, " {from}..")?,
            (from, Some(to)) => write!(f, " {from}..{to}")?,
        }
        match self.order {
            Some(order) => write!(f, " {}", order.name()),
            None => Ok(()),
        }
    }
}

impl FromStr for Checksum {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let mut checksum = Self::named(words.next().ok_or("a checksum has a name, such as crc16-modbus")?)?;
        for word in words {
            if let Some(order) = Order::named(word) {
                checksum.order = Some(order);
            } else if let Some((from, to)) = word.split_once("..") {
                let number = |text: &str| {
                    text.parse().map_err(|_| format!("`{text}` is no number of bytes; a range is such as 1..-1"))
                };
                checksum.from = if from.is_empty() { 0 } else { number(from)? };
                checksum.to = if to.is_empty() { None } else { Some(number(to)?) };
            } else {
                return Err(format!("`{word}` is neither a range, such as 1..-1, nor big or little"));
            }
        }
        Ok(checksum)
    }
}

/// All bytes added up.
fn sum8(bytes: &[u8]) -> u128 {
    u128::from(bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)))
}

/// All bytes in exclusive or.
fn xor8(bytes: &[u8]) -> u128 {
    u128::from(bytes.iter().fold(0, |sum, byte| sum ^ byte))
}

/// What makes the sum of all bytes 0: the longitudinal redundancy check of Modbus ASCII.
fn lrc(bytes: &[u8]) -> u128 {
    u128::from(bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte)))
}

/// The Internet checksum: the one's complement of the one's complement sum of 16-bit words (RFC 1071).
fn inet(bytes: &[u8]) -> u128 {
    let words = bytes.chunks(2).map(|word| u64::from(word[0]) << 8 | word.get(1).map_or(0, |low| u64::from(*low)));
    let mut sum: u64 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u128::from(!sum & 0xffff)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_name_is_one_algorithm_whose_check_value_it_has() {
        let mut names = HashSet::new();
        for algorithm in ALGORITHMS {
            for name in [algorithm.name].iter().chain(algorithm.aliases) {
                assert!(names.insert(*name), "{name} twice");
                assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
                assert_eq!(Checksum::named(name).unwrap().algorithm.name, algorithm.name);
            }
            assert_eq!(algorithm.compute(b"123456789"), algorithm.check, "{}", algorithm.name);
        }
    }

    #[test]
    fn a_range_and_an_order_say_over_what_and_how() {
        let appended = |text: &str, payload: &[u8]| {
            let mut bytes = payload.to_vec();
            text.parse::<Checksum>().unwrap().append(&mut bytes);
            bytes.split_off(payload.len())
        };
        // A request of Modbus RTU, as every manual of it has one.
        assert_eq!(appended("crc16-modbus", &[1, 3, 0, 0, 0, 10]), [0xc5, 0xcd]);
        assert_eq!(appended("crc16-modbus big", &[1, 3, 0, 0, 0, 10]), [0xcd, 0xc5]);
        assert_eq!(appended("inet", b"123456789"), [0xf6, 0x2a]);
        let table: [(&str, &[u8]); 9] = [
            ("sum8", &[1, 2, 4, 8]),
            ("sum8 1..", &[2, 4, 8]),
            ("sum8 ..-1", &[1, 2, 4]),
            ("sum8 1..-1", &[2, 4]),
            ("sum8 -2..", &[4, 8]),
            ("sum8 1..3", &[2, 4]),
            ("sum8 3..1", &[]),
            ("sum8 9..", &[]),
            ("sum8 -9..9", &[1, 2, 4, 8]),
        ];
        for (text, covered) in table {
            assert_eq!(appended(text, &[1, 2, 4, 8]), [covered.iter().sum::<u8>()], "{text}");
        }
        assert_eq!(appended("crc12-umts", b"123456789").len(), 2);
        for wrong in ["", "crc16-modbuss", "sum8 1", "sum8 a..b", "sum8 middle"] {
            assert!(wrong.parse::<Checksum>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(
            algorithm in prop::sample::select(ALGORITHMS.iter().collect::<Vec<_>>()),
            from in any::<i64>(),
            to in any::<Option<i64>>(),
            order in prop::sample::select(vec![None, Some(Order::Big), Some(Order::Little)]),
        ) {
            let checksum = Checksum { algorithm, from, to, order };
            prop_assert_eq!(checksum.to_string().parse(), Ok(checksum));
            // Any range has a checksum of any payload.
            checksum.append(&mut vec![0; 20]);
        }
    }
}
