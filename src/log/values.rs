//! What some bytes could be: numbers, times, addresses.
//!
//! Owns the readings of a few bytes, each in both byte orders. It never chooses one, and knows nothing of protocols.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use crate::contract::Timestamp;
use crate::encoding::Reading;

/// One reading of some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// What they are read as: `u16`, `i16`, `f32`, `unix s`, `IPv4`.
    pub name: &'static str,
    /// What that gives, the first byte being the highest; or what it gives in any order.
    pub big: String,
    /// What it gives where the first byte is the lowest; none where the order means nothing.
    pub little: Option<String>,
}

/// Every reading of these bytes that means something. None of more than 16 bytes, nor of no byte at all.
///
/// Whole numbers of 1 to 8 bytes, floating-point numbers of 2, 4 and 8 (IEEE 754), a byte's bits and character, times
/// from 1990 to 2100 (Unix in s, ms, us and ns; NTP of 64 bits, RFC 5905), and addresses of 4 (IPv4), 6 (MAC) and
/// 16 bytes (IPv6).
#[must_use]
pub fn values(bytes: &[u8]) -> Vec<Value> {
    let mut found = Vec::new();
    if (1..=8).contains(&bytes.len()) {
        numbers(bytes, &mut found);
        times(bytes, &mut found);
    }
    let mut address = |name, text| found.push(Value { name, big: text, little: None });
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        address("IPv4", Ipv4Addr::from(octets).to_string());
    } else if let Ok(octets) = <[u8; 16]>::try_from(bytes) {
        address("IPv6", Ipv6Addr::from(octets).to_string());
    } else if bytes.len() == 6 {
        let octets: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        address("MAC", octets.join(":"));
    }
    found
}

/// Where there are runs of at least four printable characters, as strings(1) finds them, in the encoding of the message.
#[must_use]
pub fn strings_of(message: &[u8], reading: &Reading) -> Vec<Range<usize>> {
    const SHORTEST: usize = 4;
    let mut found = Vec::new();
    let (mut start, mut characters, mut at) = (0, 0, 0);
    for piece in reading.pieces(message) {
        let printable = piece.chars.iter().flatten().all(|c| *c == '\t' || !c.is_control());
        if piece.chars[0].is_some() && printable {
            characters += 1;
        } else {
            if characters >= SHORTEST {
                found.push(start..at);
            }
            characters = 0;
            start = at + piece.len;
        }
        at += piece.len;
    }
    if characters >= SHORTEST {
        found.push(start..at);
    }
    found
}

fn numbers(bytes: &[u8], found: &mut Vec<Value>) {
    const UNSIGNED: [&str; 8] = ["u8", "u16", "u24", "u32", "u40", "u48", "u56", "u64"];
    const SIGNED: [&str; 8] = ["i8", "i16", "i24", "i32", "i40", "i48", "i56", "i64"];
    let mut add = |name, big: String, little: Option<String>| found.push(Value { name, big, little });
    let (big, little) = (unsigned(bytes), unsigned_little(bytes));
    let several = bytes.len() > 1;
    let both = |text: String| several.then_some(text);
    add(UNSIGNED[bytes.len() - 1], big.to_string(), both(little.to_string()));
    let (signed_big, signed_little) = (signed(big, bytes.len()), signed(little, bytes.len()));
    add(SIGNED[bytes.len() - 1], signed_big.to_string(), both(signed_little.to_string()));
    match *bytes {
        [byte] => {
            let bits = format!("{byte:08b}");
            add("bits", format!("{} {}", &bits[..4], &bits[4..]), None);
        }
        [first, second] => {
            let float = |pair| float(f64::from(half(u16::from_be_bytes(pair))));
            add("f16", float([first, second]), Some(float([second, first])));
        }
        [a, b, c, d] => {
            let text = |value: f32| {
                if value == 0.0 || in_words(value.abs().into()) { format!("{value}") } else { format!("{value:e}") }
            };
            add("f32", text(f32::from_be_bytes([a, b, c, d])), Some(text(f32::from_le_bytes([a, b, c, d]))));
        }
        [..] => {
            if let Ok(octets) = <[u8; 8]>::try_from(bytes) {
                add("f64", float(f64::from_be_bytes(octets)), Some(float(f64::from_le_bytes(octets))));
            }
        }
    }
}

/// Whether a number is short without an exponent.
fn in_words(value: f64) -> bool {
    (1e-5..1e16).contains(&value)
}

fn float(value: f64) -> String {
    if value == 0.0 || in_words(value.abs()) { format!("{value}") } else { format!("{value:e}") }
}

fn unsigned(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn unsigned_little(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The number of so many bytes in two's complement: its highest bit is the sign's.
fn signed(number: u64, len: usize) -> i64 {
    let unused = 64 - 8 * u32::try_from(len.clamp(1, 8)).unwrap_or(8);
    (number << unused).cast_signed() >> unused
}

/// The number that a half-precision one (IEEE 754, binary16) is.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let fraction = f32::from(bits & 0x3ff);
    match bits >> 10 & 0x1f {
        0 => sign * fraction * 2f32.powi(-24),
        0x1f if fraction == 0.0 => sign * f32::INFINITY,
        0x1f => f32::NAN,
        exponent => sign * (1.0 + fraction / 1024.0) * 2f32.powi(i32::from(exponent) - 15),
    }
}

/// 1990 and 2100, in seconds since 1970: a number between them may be a time.
const PLAUSIBLE: Range<u64> = 631_152_000..4_102_444_800;

/// From 1900, where NTP counts from, to 1970, in seconds (RFC 5905, figure 4).
const NTP_OFFSET: u64 = 2_208_988_800;

fn times(bytes: &[u8], found: &mut Vec<Value>) {
    let orders = [unsigned(bytes), unsigned_little(bytes)];
    let mut add = |name, read: &dyn Fn(u64) -> Option<u64>| {
        let [big, little] = orders.map(|number| read(number).map(time));
        if big.is_some() || little.is_some() {
            found.push(Value { name, big: big.unwrap_or_default(), little });
        }
    };
    let scaled = |number: u64, unit: u64| {
        PLAUSIBLE.contains(&(number / (1_000_000_000 / unit))).then(|| number.checked_mul(unit)).flatten()
    };
    if bytes.len() == 4 || bytes.len() == 8 {
        add("unix s", &|number| scaled(number, 1_000_000_000));
    }
    if bytes.len() >= 6 {
        add("unix ms", &|number| scaled(number, 1_000_000));
    }
    if bytes.len() == 8 {
        add("unix us", &|number| scaled(number, 1_000));
        add("unix ns", &|number| scaled(number, 1));
        add("NTP", &|number| {
            let seconds = (number >> 32).checked_sub(NTP_OFFSET).filter(|seconds| PLAUSIBLE.contains(seconds))?;
            let nanos = ((number & 0xffff_ffff) * 1_000_000_000) >> 32;
            Some(seconds * 1_000_000_000 + nanos)
        });
    }
}

/// A time without the zeros at its end.
fn time(nanos: u64) -> String {
    let text = Timestamp(nanos).to_string();
    let text = text.trim_end_matches('Z').trim_end_matches('0').trim_end_matches('.');
    format!("{text}Z")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::encoding::Encoding;

    fn read(bytes: &[u8], name: &str) -> Option<(String, Option<String>)> {
        values(bytes).into_iter().find(|value| value.name == name).map(|value| (value.big, value.little))
    }

    fn both(big: &str, little: &str) -> Option<(String, Option<String>)> {
        Some((big.to_owned(), Some(little.to_owned())))
    }

    fn only(text: &str) -> Option<(String, Option<String>)> {
        Some((text.to_owned(), None))
    }

    #[test]
    fn bytes_of_which_it_is_known_what_they_are() {
        assert_eq!(read(&[0x9c], "bits"), only("1001 1100"));
        assert_eq!(read(&[0x01, 0x02, 0xff], "i24"), both("66303", "-65023"));
        assert_eq!(read(&[0x3c, 0x00], "f16").unwrap().0, "1");
        assert_eq!(read(&[0x00, 0x01], "f16").unwrap().0, "5.960464477539063e-8");
        assert_eq!(read(&[0xfc, 0x00], "f16").unwrap().0, "-inf");
        assert_eq!(read(&[0x40, 0x49, 0x0f, 0xdb], "f32").unwrap().0, "3.1415927");
        assert_eq!(read(&[127, 0, 0, 1], "IPv4"), only("127.0.0.1"));
        assert_eq!(read(&[0, 0x1b, 0x44, 0x11, 0x3a, 0xb7], "MAC"), only("00:1b:44:11:3a:b7"));
        assert_eq!(read(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], "IPv6"), only("::1"));
        assert_eq!(values(&[]), []);
        assert_eq!(values(&[1; 9]), []);
    }

    #[test]
    fn times_are_told_where_they_are_likely() {
        let second = "2023-11-14T22:13:20Z";
        assert_eq!(read(&1_700_000_000_u32.to_be_bytes(), "unix s").unwrap().0, second);
        assert_eq!(read(&1_700_000_000_u32.to_le_bytes(), "unix s").unwrap().1.unwrap(), second);
        for (name, unit) in [("unix s", 1_u64), ("unix ms", 1_000), ("unix us", 1_000_000), ("unix ns", 1_000_000_000)]
        {
            assert_eq!(read(&(1_700_000_000 * unit).to_be_bytes(), name).unwrap().0, second, "{name}");
        }
        let ntp = (1_700_000_000 + NTP_OFFSET) << 32 | 1 << 31;
        assert_eq!(read(&ntp.to_be_bytes(), "NTP").unwrap().0, "2023-11-14T22:13:20.5Z");
        assert_eq!(read(&[0, 0, 0, 7], "unix s"), None);
    }

    #[test]
    fn strings_are_runs_of_four() {
        let strings = |name: &str, bytes: &[u8]| {
            let reading = Reading::alone(Encoding::named(name).unwrap());
            strings_of(bytes, &reading)
        };
        assert_eq!(strings("utf-8", b"abc\0abcd\x01\tfour\xff\xe6\x97\xa5abc"), [4..8, 9..14, 15..21]);
        assert_eq!(strings("gbk", b"\xc4\xe3\xba\xc3\xc4\xe3\xba\xc3\n"), [0..8]);
        assert!(strings("utf-8", b"\xc4\xe3\xba\xc3\xc4\xe3\xba\xc3\n").is_empty());
    }

    proptest! {
        #[test]
        fn the_orders_are_each_other_turned_round(bytes in prop::collection::vec(any::<u8>(), 1..9)) {
            let turned: Vec<u8> = bytes.iter().rev().copied().collect();
            for value in values(&bytes) {
                let there = read(&turned, value.name);
                if let Some(little) = value.little.filter(|little| !little.is_empty()) {
                    prop_assert_eq!(there.unwrap().0, little);
                }
            }
        }

        #[test]
        fn numbers_are_those_of_the_machine(number in any::<i64>(), narrow in any::<i16>(), real in any::<f64>()) {
            prop_assert_eq!(read(&number.to_be_bytes(), "i64").unwrap().0, number.to_string());
            prop_assert_eq!(read(&number.to_le_bytes(), "u64").unwrap().1.unwrap(), number.cast_unsigned().to_string());
            prop_assert_eq!(read(&narrow.to_be_bytes(), "i16").unwrap().0, narrow.to_string());
            let shown: f64 = read(&real.to_be_bytes(), "f64").unwrap().0.parse().unwrap();
            prop_assert!(shown == real || shown.is_nan() && real.is_nan());
        }
    }
}
