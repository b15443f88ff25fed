//! Reading captures: the bytes of a pcap, pcapng or JSONL file in, the events of a log out.
//!
//! Owns which format a file has, and how its packets become sockets and messages again. It never opens a file, holds
//! no more of it than one packet or line and what of a stream came out of order, and no bytes make it panic: whoever
//! made the file may have meant harm.

mod collector;
mod connection;
mod flows;
mod half;
mod jsonl;
mod link;
mod pcap;
mod pcapng;

use std::fmt;
use std::io;
use std::mem;

use crate::contract::{Batch, Block, Endpoint, SocketId, SocketIds};
use collector::Collector;
use flows::Flows;

/// How many bytes tell which format a file has.
const MAGIC: usize = 4;

/// How much blank may stand before the first line, in bytes.
const BLANK_MAX: usize = 64 * 1024;

/// The largest packet that is believed, in bytes; a length beyond is damage.
const PACKET_MAX: usize = 16 << 20;

/// A socket that the file tells of.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundSocket {
    /// Its id, from the session's mint.
    pub id: SocketId,
    /// What it is called.
    pub name: String,
    /// What opening it would have been, as far as the file tells.
    pub endpoint: Endpoint,
}

/// A part of the file, read.
#[derive(Debug)]
pub struct Portion {
    /// Sockets that the file had not told of before, or of which more is known now. They are to be listed before the
    /// events are taken in. Accepted connections are not among them: their events tell of them.
    pub sockets: Vec<FoundSocket>,
    /// Their events, oldest first as the file has them.
    pub batch: Batch,
}

/// Why a file can't be read on.
#[derive(Debug)]
pub enum ReadError {
    /// What is wrong with the file, where, and what to do: one or more sentences.
    Invalid(String),
    /// The system gave no memory for a block.
    Memory(io::Error),
}

impl ReadError {
    fn damaged(offset: u64, what: &str) -> Self {
        Self::Invalid(format!("at byte {offset}: {what}; the file is damaged from there on"))
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(message) => f.write_str(message),
            Self::Memory(error) => write!(f, "there is no memory for the log: {error}"),
        }
    }
}

impl std::error::Error for ReadError {}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Memory(error)
    }
}

/// Reads one file, in pieces of any size.
pub struct Reader {
    format: Format,
    input: Input,
    out: Collector,
    flows: Flows,
}

enum Format {
    Unknown,
    Pcap(pcap::Header),
    Pcapng(pcapng::Section),
    Jsonl(jsonl::Lines),
}

/// What came of the file and is not read yet.
#[derive(Default)]
struct Input {
    bytes: Vec<u8>,
    /// How many of `bytes` are read.
    used: usize,
    /// How many bytes of the file came before `bytes`.
    before: u64,
    /// How many bytes that follow are of no interest.
    skip: u64,
}

/// What became of the bytes at the front of the input.
enum Step {
    /// So many are read.
    Took(usize),
    /// So many are of no interest, and need not be there yet.
    Skip(u64),
    /// More is needed.
    Short,
}

impl Input {
    fn extend(&mut self, mut bytes: &[u8]) {
        if self.used > 0 {
            self.bytes.drain(..self.used);
            self.before += mem::take(&mut self.used) as u64;
        }
        if self.skip > 0 {
            let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
            bytes = &bytes[skipped..];
            self.skip -= skipped as u64;
            self.before += skipped as u64;
        }
        self.bytes.extend_from_slice(bytes);
    }

    fn rest(&self) -> &[u8] {
        &self.bytes[self.used..]
    }

    /// Where in the file the rest begins.
    fn offset(&self) -> u64 {
        self.before + self.used as u64
    }

    fn advance(&mut self, step: &Step) {
        let wanted = match *step {
            Step::Took(count) => count as u64,
            Step::Skip(count) => count,
            Step::Short => return,
        };
        let here = usize::try_from(wanted).unwrap_or(usize::MAX).min(self.rest().len());
        self.used += here;
        self.skip = wanted - here as u64;
    }
}

impl Reader {
    /// A reader whose sockets have ids of this mint.
    #[must_use]
    pub fn new(ids: SocketIds) -> Self {
        Self { format: Format::Unknown, input: Input::default(), out: Collector::new(ids), flows: Flows::default() }
    }

    /// Reads the next bytes of the file. What is whole among them is then given by [`Reader::take`].
    ///
    /// # Errors
    /// When the file is damaged or of no known format: it can't be read on. What was read before stays.
    pub fn read(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        self.input.extend(bytes);
        loop {
            let (rest, offset) = (self.input.rest(), self.input.offset());
            let step = match &mut self.format {
                Format::Unknown => match recognise(rest)? {
                    Some(format) => {
                        self.format = format;
                        continue;
                    }
                    None => Step::Short,
                },
                Format::Pcap(header) => header.step(rest, offset, &mut self.flows, &mut self.out)?,
                Format::Pcapng(section) => section.step(rest, offset, &mut self.flows, &mut self.out)?,
                Format::Jsonl(lines) => lines.step(rest, &mut self.out)?,
            };
            self.input.advance(&step);
            if matches!(step, Step::Short) || self.input.rest().is_empty() {
                return Ok(());
            }
        }
    }

    /// Says that the file has ended: what still waited for more is given as it is.
    ///
    /// # Errors
    /// As [`Reader::read`]; an empty file is of no known format.
    pub fn finish(&mut self) -> Result<(), ReadError> {
        let rest = self.input.rest();
        match &mut self.format {
            Format::Unknown if rest.is_empty() => {
                return Err(ReadError::Invalid("it is empty: there is nothing to open".to_owned()));
            }
            Format::Unknown => return Err(unknown()),
            Format::Jsonl(lines) if !rest.is_empty() => lines.last(rest, &mut self.out)?,
            _ if !rest.is_empty() || self.input.skip > 0 => {
                let offset = self.input.offset();
                self.out
                    .remark(format!("it ends in the middle of a packet, at byte {offset}; all before that is here"));
            }
            _ => {}
        }
        self.stop()
    }

    /// Says that no more will be read, as after an error: what still waited for more is given as it is.
    ///
    /// # Errors
    /// When the system has no more memory to map.
    pub fn stop(&mut self) -> Result<(), ReadError> {
        self.flows.finish(&mut self.out)?;
        self.out.flush()
    }

    /// True while nothing waits to be taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// The next part that is ready.
    pub fn take(&mut self) -> Option<Portion> {
        self.out.take()
    }

    /// Gives a block to be filled again.
    pub fn recycle(&mut self, block: Block) {
        self.out.recycle(block);
    }

    /// What is worth saying of the file besides its rows, such as what of it could not be read: at most 16 clauses
    /// without a full stop.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = self.out.remarks().to_vec();
        remarks.extend(self.flows.remarks());
        remarks
    }
}

/// Which format a file has that begins so; `None` where more of it must tell.
fn recognise(bytes: &[u8]) -> Result<Option<Format>, ReadError> {
    if bytes.len() < MAGIC {
        return Ok(None);
    }
    if bytes.starts_with(&pcapng::SECTION_HEADER) {
        return Ok(Some(Format::Pcapng(pcapng::Section::default())));
    }
    if let Some(header) = pcap::Header::recognise(bytes) {
        return Ok(Some(Format::Pcap(header)));
    }
    let text = bytes.strip_prefix(jsonl::MARK).unwrap_or(bytes);
    match text.iter().take(BLANK_MAX).find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => Ok(Some(Format::Jsonl(jsonl::Lines::default()))),
        None if bytes.len() < BLANK_MAX => Ok(None),
        _ if bytes.starts_with(&[0x1f, 0x8b]) => {
            Err(ReadError::Invalid("it is compressed by gzip; unpack it first with gunzip".to_owned()))
        }
        _ => Err(unknown()),
    }
}

fn unknown() -> ReadError {
    let text = "at byte 0: it is no pcapng, pcap or JSONL log; sockbench opens what it has recorded or exported as \
                jsonl, and what tcpdump, dumpcap and Wireshark save";
    ReadError::Invalid(text.to_owned())
}
