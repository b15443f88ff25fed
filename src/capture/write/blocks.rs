//! The blocks of a pcapng file (draft-ietf-opsawg-pcapng).
//!
//! Owns their layout. It never knows what is in a packet. Every block is whole when a function returns, in the byte
//! order of the machine, which the section header tells.

use crate::contract::Timestamp;

/// `LINKTYPE_RAW`: the packet begins with its IP header.
pub(super) const RAW_IP: u16 = 101;
/// `LINKTYPE_WIRESHARK_UPPER_PDU`: tags that say what the rest is, then the rest.
pub(super) const UPPER_PDU: u16 = 252;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;

const OPT_COMMENT: u16 = 1;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_TSRESOL: u16 = 9;
const EPB_FLAGS: u16 = 2;
const EPB_DROPCOUNT: u16 = 4;

/// The bytes of an enhanced packet block before its packet.
const PACKET_HEADER: usize = 28;

/// Appends the header of a section whose length is not known beforehand.
pub(super) fn section_header(application: &str, out: &mut Vec<u8>) {
    let start = begin(SECTION_HEADER, out);
    out.extend(0x1a2b_3c4d_u32.to_ne_bytes());
    out.extend(1_u16.to_ne_bytes());
    out.extend(0_u16.to_ne_bytes());
    out.extend(u64::MAX.to_ne_bytes());
    option(SHB_USERAPPL, application.as_bytes(), out);
    end_options(out);
    end(start, out);
}

/// Appends the description of the section's next interface, whose times are in nanoseconds and whose packets have any
/// length.
pub(super) fn interface(link_type: u16, name: &str, description: &str, out: &mut Vec<u8>) {
    let start = begin(INTERFACE_DESCRIPTION, out);
    out.extend(link_type.to_ne_bytes());
    out.extend(0_u16.to_ne_bytes());
    out.extend(0_u32.to_ne_bytes());
    option(IF_NAME, name.as_bytes(), out);
    if !description.is_empty() {
        option(IF_DESCRIPTION, description.as_bytes(), out);
    }
    option(IF_TSRESOL, &[9], out);
    end_options(out);
    end(start, out);
}

/// What is known of a packet besides its bytes.
#[derive(Clone, Copy, Default)]
pub(super) struct About<'a> {
    /// The number of its interface in the section.
    pub(super) interface: u32,
    /// When it was seen.
    pub(super) at: Timestamp,
    /// True for one that was sent by the socket.
    pub(super) outbound: bool,
    /// How many bytes of it are not written.
    pub(super) missing: u32,
    /// A remark on it; empty for none.
    pub(super) comment: &'a str,
    /// How many packets were lost since the one before.
    pub(super) dropped: u64,
}

/// Appends a packet, whose bytes `write` appends.
pub(super) fn packet(about: About<'_>, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = begin(ENHANCED_PACKET, out);
    out.resize(start + PACKET_HEADER, 0);
    write(out);
    let captured = small(out.len() - start - PACKET_HEADER);
    let Timestamp(nanos) = about.at;
    #[expect(clippy::cast_possible_truncation, reason = "the low half is wanted")]
    let time = [(nanos >> 32) as u32, nanos as u32];
    let fields = [about.interface, time[0], time[1], captured, captured.saturating_add(about.missing)];
    for (field, place) in fields.iter().zip(out[start + 8..start + PACKET_HEADER].chunks_exact_mut(4)) {
        place.copy_from_slice(&field.to_ne_bytes());
    }
    pad(start, out);
    let direction: u32 = if about.outbound { 2 } else { 1 };
    option(EPB_FLAGS, &direction.to_ne_bytes(), out);
    if about.dropped > 0 {
        option(EPB_DROPCOUNT, &about.dropped.to_ne_bytes(), out);
    }
    if !about.comment.is_empty() {
        option(OPT_COMMENT, about.comment.as_bytes(), out);
    }
    end_options(out);
    end(start, out);
}

/// How many of these bytes, from the first on, are whole blocks. They begin where a block begins, and are of a file that
/// [`PcapngWriter`](super::PcapngWriter) wrote.
#[must_use]
pub fn whole_blocks(bytes: &[u8]) -> usize {
    let mut whole = 0;
    while let Some(&[_, _, _, _, a, b, c, d]) = bytes[whole..].first_chunk::<8>() {
        let length = u32::from_ne_bytes([a, b, c, d]) as usize;
        if length < 12 || length > bytes.len() - whole {
            break;
        }
        whole += length;
    }
    whole
}

/// Appends a block's type and room for its length; gives where it starts.
fn begin(kind: u32, out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.extend(kind.to_ne_bytes());
    out.extend([0; 4]);
    start
}

/// Writes a block's length down at both its ends.
fn end(start: usize, out: &mut Vec<u8>) {
    let length = small(out.len() - start + 4).to_ne_bytes();
    out[start + 4..start + 8].copy_from_slice(&length);
    out.extend(length);
}

fn option(code: u16, value: &[u8], out: &mut Vec<u8>) {
    // A name or a comment that an option can't hold is cut; nobody reads on so far.
    let value = &value[..value.len().min(usize::from(u16::MAX))];
    out.extend(code.to_ne_bytes());
    out.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_ne_bytes());
    let start = out.len();
    out.extend(value);
    pad(start, out);
}

fn end_options(out: &mut Vec<u8>) {
    out.extend([0; 4]);
}

/// Fills up with zeros to a multiple of four bytes from `start`.
fn pad(start: usize, out: &mut Vec<u8>) {
    out.resize(start + (out.len() - start).next_multiple_of(4), 0);
}

fn small(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
