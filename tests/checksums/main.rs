//! The checksums against an implementation of their own: the division of polynomials, bit by bit, with the parameters
//! that the catalogue publishes.

#![expect(clippy::unwrap_used, reason = "a test that can't read its table has failed")]

use std::collections::{HashMap, HashSet};

use sockbench::payload::{ALGORITHMS, Checksum, Order};

const CATALOGUE: &str = include_str!("catalogue.txt");

/// How many payloads each is computed over.
const PAYLOADS: usize = 10_000;

/// One line of the catalogue.
struct Parameters {
    width: u32,
    poly: u128,
    init: u128,
    refin: bool,
    refout: bool,
    xorout: u128,
    check: u128,
}

impl Parameters {
    fn read(line: &str) -> (String, Self) {
        let fields: HashMap<&str, &str> = line.split(' ').map(|field| field.split_once('=').unwrap()).collect();
        let number = |name: &str| u128::from_str_radix(fields[name].trim_start_matches("0x"), 16).unwrap();
        let name = fields["name"].trim_matches('"').to_lowercase().replacen("crc-", "crc", 1).replace('/', "-");
        let parameters = Self {
            width: fields["width"].parse().unwrap(),
            poly: number("poly"),
            init: number("init"),
            refin: fields["refin"] == "true",
            refout: fields["refout"] == "true",
            xorout: number("xorout"),
            check: number("check"),
        };
        (name, parameters)
    }

    fn divide(&self, payload: &[u8]) -> u128 {
        let mask = (1 << self.width) - 1;
        let mut remainder = self.init;
        for byte in payload {
            let byte = if self.refin { byte.reverse_bits() } else { *byte };
            for bit in (0..8).rev() {
                let out = remainder >> (self.width - 1) & 1 ^ u128::from(byte >> bit & 1);
                remainder = remainder << 1 & mask ^ if out == 1 { self.poly } else { 0 };
            }
        }
        if self.refout {
            remainder = remainder.reverse_bits() >> (128 - self.width);
        }
        remainder ^ self.xorout
    }
}

/// Those that are no CRC, as their definitions have them.
fn plain(name: &str, payload: &[u8]) -> u128 {
    let sum: u128 = payload.iter().copied().map(u128::from).sum();
    match name {
        "sum8" => sum % 256,
        "lrc" => (256 - sum % 256) % 256,
        "xor8" => {
            (0..8).map(|bit| (payload.iter().filter(|byte| *byte >> bit & 1 == 1).count() as u128 & 1) << bit).sum()
        }
        "inet" => {
            let mut whole = payload.to_vec();
            whole.resize(payload.len().next_multiple_of(2), 0);
            // The carry comes back in at the low end after each word (RFC 1071, section 1).
            let sum = whole.chunks(2).fold(0_u16, |sum, word| {
                let (sum, carry) = sum.overflowing_add(u16::from_be_bytes([word[0], word[1]]));
                sum + u16::from(carry)
            });
            u128::from(!sum)
        }
        _ => panic!("{name} has no definition here"),
    }
}

/// A generator of its own (Marsaglia's xorshift64), so that each run has the same payloads.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

#[test]
fn each_agrees_with_the_division_of_polynomials() {
    let catalogue: HashMap<_, _> =
        CATALOGUE.lines().filter(|line| !line.starts_with('#')).map(Parameters::read).collect();
    for (name, parameters) in &catalogue {
        assert_eq!(parameters.divide(b"123456789"), parameters.check, "the table itself, {name}");
    }
    let mut chance = Chance(0x5eed_0f50_c4be_9c11);
    let mut compared = HashSet::new();
    for algorithm in ALGORITHMS {
        let parameters = catalogue.get(algorithm.name);
        let reference =
            |payload: &[u8]| parameters.map_or_else(|| plain(algorithm.name, payload), |it| it.divide(payload));
        if let Some(parameters) = parameters {
            assert_eq!((u32::from(algorithm.width), algorithm.check), (parameters.width, parameters.check));
            assert_eq!(algorithm.order == Order::Little, parameters.refout, "{}", algorithm.name);
        }
        let big = Checksum { order: Some(Order::Big), ..Checksum::named(algorithm.name).unwrap() };
        for _ in 0..PAYLOADS {
            let payload: Vec<u8> = (0..chance.next() % 25).map(|_| chance.next().to_le_bytes()[3]).collect();
            let mut whole = payload.clone();
            big.append(&mut whole);
            let appended = whole[payload.len()..].iter().fold(0, |value, byte| value << 8 | u128::from(*byte));
            assert_eq!(appended, reference(&payload), "{} of {payload:02x?}", algorithm.name);
        }
        compared.insert(algorithm.name);
    }
    assert!(catalogue.keys().all(|name| compared.contains(name.as_str())), "every name of the catalogue is there");
}
