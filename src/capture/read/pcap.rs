//! The classic pcap format: a header, then packets (`pcap-savefile(5)`).
//!
//! Owns the two byte orders and the two units of time. It never looks into a packet.

use super::collector::Collector;
use super::flows::{Flows, Mark};
use super::{PACKET_MAX, ReadError, Step};
use crate::contract::Timestamp;

/// The header of the file and of a packet, in bytes.
const FILE_HEADER: usize = 24;
const PACKET_HEADER: usize = 16;

/// What the header of the file tells.
pub(super) struct Header {
    big_endian: bool,
    /// How many nanoseconds the second half of a time counts.
    unit: u64,
    /// `None` until the header is read.
    link: Option<u32>,
}

impl Header {
    pub(super) fn recognise(bytes: &[u8]) -> Option<Self> {
        let magic: [u8; 4] = bytes.get(..4)?.try_into().ok()?;
        let (big_endian, unit) = match magic {
            [0xa1, 0xb2, 0xc3, 0xd4] => (true, 1000),
            [0xd4, 0xc3, 0xb2, 0xa1] => (false, 1000),
            [0xa1, 0xb2, 0x3c, 0x4d] => (true, 1),
            [0x4d, 0x3c, 0xb2, 0xa1] => (false, 1),
            _ => return None,
        };
        Some(Self { big_endian, unit, link: None })
    }

    fn word(&self, bytes: &[u8], at: usize) -> Option<u32> {
        let word = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(if self.big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) })
    }

    pub(super) fn step(
        &mut self,
        bytes: &[u8],
        offset: u64,
        flows: &mut Flows,
        out: &mut Collector,
    ) -> Result<Step, ReadError> {
        let Some(link) = self.link else {
            // The upper half tells of checksums, which nobody needs.
            let link = bytes.get(..FILE_HEADER).and_then(|header| self.word(header, 20));
            self.link = link.map(|link| link & 0xffff);
            return Ok(if link.is_some() { Step::Took(FILE_HEADER) } else { Step::Short });
        };
        let fields = (self.word(bytes, 0), self.word(bytes, 4), self.word(bytes, 8), self.word(bytes, 12));
        let (Some(seconds), Some(fraction), Some(captured), Some(_)) = fields else { return Ok(Step::Short) };
        let captured = captured as usize;
        if captured > PACKET_MAX {
            return Err(ReadError::damaged(offset, &format!("a packet of {captured} bytes can't be")));
        }
        let Some(packet) = bytes.get(PACKET_HEADER..PACKET_HEADER + captured) else { return Ok(Step::Short) };
        let at = u64::from(seconds) * 1_000_000_000 + u64::from(fraction) * self.unit;
        flows.packet(Timestamp(at), link, packet, &Mark::default(), out)?;
        Ok(Step::Took(PACKET_HEADER + captured))
    }
}
