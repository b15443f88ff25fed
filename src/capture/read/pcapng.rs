//! The pcapng format: sections of blocks (draft-ietf-opsawg-pcapng).
//!
//! Owns sections, interfaces, packets and their options: the comment and the direction, by which a file of this program
//! tells of which socket a packet is. It never looks into a packet.

use super::collector::Collector;
use super::flows::{Flows, Mark};
use super::{PACKET_MAX, ReadError, Step};
use crate::contract::Timestamp;

/// The type of the block that begins a section; the same in both byte orders.
pub(super) const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

/// The longest header of a section that is looked into, in bytes.
const SECTION_HEADER_MAX: usize = 1 << 16;

/// The most interfaces of a section that are believed.
const INTERFACES_MAX: usize = 65_536;

/// What a section has told so far.
#[derive(Default)]
pub(super) struct Section {
    big_endian: bool,
    interfaces: Vec<Interface>,
    /// When the latest packet was: those of the simple kind do not tell.
    latest: Timestamp,
    /// Whether this program wrote the section.
    is_ours: bool,
}

struct Interface {
    name: Option<String>,
    link: u32,
    /// How many bytes are kept of a packet; 0 for all.
    snap: u32,
    /// How many units of its clock are a second.
    units: u64,
    /// Seconds to add.
    offset: i64,
}

impl Section {
    pub(super) fn step(
        &mut self,
        bytes: &[u8],
        offset: u64,
        flows: &mut Flows,
        out: &mut Collector,
    ) -> Result<Step, ReadError> {
        let damaged = |what: &str| Err(ReadError::damaged(offset, what));
        if bytes.len() < 12 {
            return Ok(Step::Short);
        }
        if bytes.starts_with(&SECTION_HEADER) {
            self.big_endian = match bytes[8..12] {
                [0x1a, 0x2b, 0x3c, 0x4d] => true,
                [0x4d, 0x3c, 0x2b, 0x1a] => false,
                _ => return damaged("a section begins without its byte-order magic"),
            };
            self.interfaces.clear();
        }
        let (kind, length) = (self.word(bytes, 0), self.word(bytes, 4) as usize);
        if length < 12 || !length.is_multiple_of(4) {
            return damaged(&format!("a block of {length} bytes can't be"));
        }
        if bytes.starts_with(&SECTION_HEADER) {
            return Ok(self.begin(bytes, length));
        }
        if !matches!(kind, INTERFACE | OLD_PACKET | SIMPLE_PACKET | STATISTICS | ENHANCED_PACKET) {
            return Ok(Step::Skip(length as u64));
        }
        if length > PACKET_MAX + 1024 {
            return damaged(&format!("a packet of {length} bytes can't be"));
        }
        let Some(block) = bytes.get(..length) else { return Ok(Step::Short) };
        if self.word(block, length - 4) as usize != length {
            return damaged("the two lengths of a block differ");
        }
        let body = &block[8..length - 4];
        let read = match kind {
            INTERFACE => self.interface(body),
            STATISTICS => self.statistics(body, out),
            _ => self.packet(kind, body, flows, out)?,
        };
        match read {
            Some(()) => Ok(Step::Took(length)),
            None => damaged("a block is shorter than what it holds, or of an interface that was not told of"),
        }
    }

    /// Reads the header of a section: of its options, who wrote it.
    fn begin(&mut self, bytes: &[u8], length: usize) -> Step {
        if length > SECTION_HEADER_MAX {
            self.is_ours = false;
            return Step::Skip(length as u64);
        }
        let Some(block) = bytes.get(..length) else { return Step::Short };
        let options = block.get(24..length - 4).unwrap_or_default();
        let is_ours = self.options(options).any(|(code, value)| code == 4 && value.starts_with(b"sockbench "));
        self.is_ours = is_ours;
        Step::Took(length)
    }

    /// The word at this place; 0 beyond the end, which callers have made sure is not asked for.
    fn word(&self, bytes: &[u8], at: usize) -> u32 {
        let word = bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).unwrap_or_default();
        if self.big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
    }

    fn half_word(&self, bytes: &[u8], at: usize) -> u16 {
        let word = bytes.get(at..at + 2).and_then(|word| word.try_into().ok()).unwrap_or_default();
        if self.big_endian { u16::from_be_bytes(word) } else { u16::from_le_bytes(word) }
    }

    fn long_word(&self, bytes: &[u8]) -> u64 {
        let word = bytes.get(..8).and_then(|word| word.try_into().ok()).unwrap_or_default();
        if self.big_endian { u64::from_be_bytes(word) } else { u64::from_le_bytes(word) }
    }

    fn interface(&mut self, body: &[u8]) -> Option<()> {
        let options = body.get(8..)?;
        if self.interfaces.len() >= INTERFACES_MAX {
            return None;
        }
        let (link, snap) = (u32::from(self.half_word(body, 0)), self.word(body, 4));
        let mut interface = Interface { name: None, link, snap, units: 1_000_000, offset: 0 };
        for (code, value) in self.options(options) {
            match (code, value) {
                (2, name) if self.is_ours => interface.name = String::from_utf8(name.to_vec()).ok(),
                (9, [resolution, ..]) => interface.units = units(*resolution),
                (14, value) if value.len() == 8 => interface.offset = self.long_word(value).cast_signed(),
                _ => {}
            }
        }
        self.interfaces.push(interface);
        Some(())
    }

    fn statistics(&self, body: &[u8], out: &mut Collector) -> Option<()> {
        let options = body.get(12..)?;
        for (code, value) in self.options(options) {
            let dropped = self.long_word(value);
            if code == 5 && value.len() == 8 && dropped > 0 {
                out.remark(format!("{dropped} packets were dropped while it was captured"));
            }
        }
        Some(())
    }

    /// Gives `None` for a block that is damaged.
    fn packet(
        &mut self,
        kind: u32,
        body: &[u8],
        flows: &mut Flows,
        out: &mut Collector,
    ) -> Result<Option<()>, ReadError> {
        let head = if kind == SIMPLE_PACKET { 4 } else { 20 };
        let Some(data) = body.get(head..) else { return Ok(None) };
        let number = match kind {
            SIMPLE_PACKET => 0,
            OLD_PACKET => usize::from(self.half_word(body, 0)),
            _ => self.word(body, 0) as usize,
        };
        let Some(interface) = self.interfaces.get(number) else { return Ok(None) };
        let captured = match (kind, interface.snap) {
            (SIMPLE_PACKET, 0) => self.word(body, 0) as usize,
            (SIMPLE_PACKET, snap) => self.word(body, 0).min(snap) as usize,
            _ => self.word(body, 12) as usize,
        };
        let Some(packet) = data.get(..captured) else { return Ok(None) };
        if kind != SIMPLE_PACKET {
            let ticks = u64::from(self.word(body, 4)) << 32 | u64::from(self.word(body, 8));
            self.latest = interface.time(ticks);
        }
        let mut mark = Mark { root: interface.name.as_deref(), ..Mark::default() };
        let options = data.get(captured.next_multiple_of(4)..).unwrap_or_default();
        for (code, value) in self.options(options) {
            match code {
                1 if mark.comment.is_none() => mark.comment = std::str::from_utf8(value).ok(),
                // The two lowest bits: 1 is inbound, 2 outbound.
                2 if value.len() == 4 => {
                    mark.inbound = match self.word(value, 0) & 3 {
                        1 => Some(true),
                        2 => Some(false),
                        _ => None,
                    };
                }
                _ => {}
            }
        }
        flows.packet(self.latest, interface.link, packet, &mark, out)?;
        Ok(Some(()))
    }

    /// The options at the end of a block, as far as they are sound.
    fn options<'a>(&self, mut bytes: &'a [u8]) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        let big_endian = self.big_endian;
        std::iter::from_fn(move || {
            let [a, b, c, d, ..] = *bytes else { return None };
            let number = |pair| if big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) };
            let (code, length) = (number([a, b]), usize::from(number([c, d])));
            let value = bytes.get(4..4 + length).filter(|_| code != 0)?;
            bytes = bytes.get(4 + length.next_multiple_of(4)..).unwrap_or_default();
            Some((code, value))
        })
    }
}

/// How many units are a second, of a resolution as the option has it: a power of ten, or of two with the highest bit.
fn units(resolution: u8) -> u64 {
    let exponent = u32::from(resolution & 0x7f);
    let base: u64 = if resolution & 0x80 == 0 { 10 } else { 2 };
    base.checked_pow(exponent).unwrap_or(u64::MAX)
}

impl Interface {
    fn time(&self, ticks: u64) -> Timestamp {
        let nanoseconds = u128::from(ticks) * 1_000_000_000 / u128::from(self.units);
        let nanoseconds = i128::try_from(nanoseconds).unwrap_or(i128::MAX);
        let shifted = nanoseconds.saturating_add(i128::from(self.offset) * 1_000_000_000);
        Timestamp(u64::try_from(shifted.max(0)).unwrap_or(u64::MAX))
    }
}
