//! A TCP connection, as packets: its handshake, its streams and its end.
//!
//! Owns the sequence numbers and what of each stream is already written. Where both ends are sockets of the bench, each
//! tells the same bytes: they are written once, when the first end tells of them, as one capture would see them. It
//! never knows of sockets or rows.

use std::net::SocketAddr;

use super::blocks::{self, About};
use super::packets::flags::{ACK, FIN, PSH, RST, SYN};
use super::packets::{LONGEST_SEGMENT, Segment, tcp};
use crate::contract::Timestamp;

/// After how many bytes the receiving end says that it has them.
const ACKNOWLEDGED_EACH: u64 = 1 << 20;

/// For how long after the end of a connection its other end may still be heard of, in nanoseconds.
const AFTERLIFE: u64 = 5_000_000_000;

/// The client's address and the server's.
pub(super) type Pair = [SocketAddr; 2];

/// One of the two ends, which is also the stream that it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Client = 0,
    Server = 1,
}

impl End {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// What an end can do besides sending bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Fin,
    Reset,
}

pub(super) struct Connection {
    pair: Pair,
    streams: [Stream; 2],
    /// Whether it has been followed from its handshake on.
    whole: bool,
    was_reset: bool,
    ended: Option<Timestamp>,
}

/// What one end sends.
#[derive(Clone, Copy, Default)]
struct Stream {
    /// The sequence number of its SYN.
    start: u32,
    /// How many of its bytes are written.
    written: u64,
    /// How many of those the other end has acknowledged.
    acknowledged: u64,
    /// How many bytes its sender told of, and its receiver.
    told: [u64; 2],
    has_fin: bool,
    /// Whether its sender is a socket of the bench.
    is_ours: bool,
    /// Whether that is closed.
    is_closed: bool,
}

impl Stream {
    /// The number of the next byte, the SYN and the FIN counting as one each.
    fn next(&self) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "sequence numbers wrap")]
        let written = self.written as u32;
        self.start.wrapping_add(1).wrapping_add(written).wrapping_add(u32::from(self.has_fin))
    }
}

impl Connection {
    /// A connection of which `end` is ours. It is `whole` if its handshake has just been.
    pub(super) fn new(pair: Pair, end: End, whole: bool, at: Timestamp) -> Self {
        // As RFC 9293 3.4.1 has it: a clock of 4 microseconds, so that another life has other numbers.
        #[expect(clippy::cast_possible_truncation, reason = "sequence numbers wrap")]
        let start = (at.0 / 4000) as u32;
        let stream = |start| Stream { start, ..Stream::default() };
        let mut streams = [stream(start), stream(start.wrapping_mul(0x9e37_79b1))];
        streams[end as usize].is_ours = true;
        Self { pair, streams, whole, was_reset: false, ended: None }
    }

    /// Whether a handshake that `end` tells of now is this connection's, of which the other end has told.
    pub(super) fn is_met_by(&mut self, end: End, at: Timestamp) -> bool {
        let late = self.ended.is_some_and(|ended| at.0.saturating_sub(ended.0) > AFTERLIFE);
        let stream = &mut self.streams[end as usize];
        let meets = self.whole && !stream.is_ours && !late;
        stream.is_ours |= meets;
        meets
    }

    /// Whether this end has told of the connection.
    pub(super) const fn is_told_by(&self, end: End) -> bool {
        self.streams[end as usize].is_ours
    }

    /// Writes the three packets of the handshake.
    pub(super) fn handshake(&mut self, about: About<'_>, end: End, out: &mut Vec<u8>) {
        let [client, server] = self.streams.map(|stream| stream.start);
        let steps = [
            (End::Client, Segment { sequence: client, acknowledged: 0, flags: SYN }),
            (End::Server, Segment { sequence: server, acknowledged: client.wrapping_add(1), flags: SYN | ACK }),
            (
                End::Client,
                Segment { sequence: client.wrapping_add(1), acknowledged: server.wrapping_add(1), flags: ACK },
            ),
        ];
        for (index, (from, segment)) in steps.into_iter().enumerate() {
            let about = About { outbound: from == end, comment: if index == 0 { about.comment } else { "" }, ..about };
            self.write(about, from, segment, &[], 0, out);
        }
    }

    /// Writes what `end` tells of the stream that `from` sends and the other end has not told of already. `true` if
    /// that was anything.
    pub(super) fn bytes(&mut self, about: About<'_>, end: End, from: End, bytes: &[u8], out: &mut Vec<u8>) -> bool {
        let stream = &mut self.streams[from as usize];
        let teller = usize::from(end != from);
        let begin = stream.told[teller];
        stream.told[teller] += bytes.len() as u64;
        let gap = begin.saturating_sub(stream.written);
        let known = usize::try_from(stream.written.saturating_sub(begin)).unwrap_or(usize::MAX).min(bytes.len());
        let about = About { outbound: from == end, ..about };
        self.absent(about, from, gap, out);
        let fresh = &bytes[known..];
        if fresh.is_empty() {
            return false;
        }
        let parts = fresh.len().div_ceil(LONGEST_SEGMENT);
        let mut comment = about.comment;
        let mut rest = parts;
        for part in fresh.chunks(fresh.len().div_ceil(parts)) {
            rest -= 1;
            let flags = if rest == 0 { ACK | PSH } else { ACK };
            self.segment(About { comment, ..about }, from, flags, part, 0, out);
            comment = "";
        }
        self.acknowledge(about, from, ACKNOWLEDGED_EACH, out);
        true
    }

    /// `end` has sent so many bytes that no row holds. Unless the other end will tell which they were, packets without
    /// them are written, and this is `true`.
    pub(super) fn unseen(&mut self, about: About<'_>, end: End, count: u64, out: &mut Vec<u8>) -> bool {
        let stream = &mut self.streams[end as usize];
        stream.told[0] += count;
        let gap = stream.told[0].saturating_sub(stream.written);
        let is_seen = self.is_told_by(end.other());
        if !is_seen {
            self.absent(About { outbound: true, ..about }, end, gap, out);
        }
        !is_seen
    }

    /// Writes that `from` has ended its stream, or the connection, as `end` tells; `true` unless that was written before.
    pub(super) fn signal(&mut self, about: About<'_>, end: End, from: End, signal: Signal, out: &mut Vec<u8>) -> bool {
        let stream = self.streams[from as usize];
        if stream.has_fin || self.was_reset {
            return false;
        }
        let other = self.streams[from.other() as usize];
        if signal == Signal::Fin && end == from && other.is_ours && stream.told[0] > stream.written {
            // The other end has still to tell of bytes that come before it, and then tells of the end, too.
            return false;
        }
        let about = About { outbound: from == end, ..about };
        match signal {
            Signal::Fin => {
                self.segment(about, from, FIN | ACK, &[], 0, out);
                self.streams[from as usize].has_fin = true;
                self.acknowledge(About { comment: "", dropped: 0, ..about }, from, 0, out);
            }
            Signal::Reset => {
                self.segment(about, from, RST | ACK, &[], 0, out);
                self.was_reset = true;
            }
        }
        true
    }

    /// Takes down that `end` is closed.
    pub(super) const fn close(&mut self, end: End, at: Timestamp) {
        self.streams[end as usize].is_closed = true;
        self.ended = Some(at);
    }

    /// Whether every end that has told of it is closed.
    pub(super) fn has_ended(&self) -> bool {
        self.streams.iter().all(|stream| stream.is_closed || !stream.is_ours)
    }

    /// Packets with headers alone, for bytes that nobody told.
    fn absent(&mut self, about: About<'_>, from: End, mut count: u64, out: &mut Vec<u8>) {
        while count > 0 {
            let part = usize::try_from(count).unwrap_or(usize::MAX).min(LONGEST_SEGMENT);
            self.segment(About { comment: "", dropped: 0, ..about }, from, ACK, &[], part, out);
            self.acknowledge(about, from, ACKNOWLEDGED_EACH, out);
            count -= part as u64;
        }
    }

    /// Has the receiver of a stream say what it has, once that is `at_least` so many bytes more than it said before.
    fn acknowledge(&mut self, about: About<'_>, from: End, at_least: u64, out: &mut Vec<u8>) {
        let stream = self.streams[from as usize];
        if stream.written - stream.acknowledged >= at_least {
            let about = About { outbound: !about.outbound, comment: "", dropped: 0, ..about };
            self.segment(about, from.other(), ACK, &[], 0, out);
        }
    }

    fn segment(&mut self, about: About<'_>, from: End, flags: u8, bytes: &[u8], absent: usize, out: &mut Vec<u8>) {
        let sequence = self.streams[from as usize].next();
        let other = &mut self.streams[from.other() as usize];
        other.acknowledged = other.written;
        let segment = Segment { sequence, acknowledged: other.next(), flags };
        self.write(about, from, segment, bytes, absent, out);
        self.streams[from as usize].written += (bytes.len() + absent) as u64;
    }

    fn write(&self, about: About<'_>, from: End, segment: Segment, bytes: &[u8], absent: usize, out: &mut Vec<u8>) {
        let (source, destination) = (self.pair[from as usize], self.pair[from.other() as usize]);
        let about = About { missing: u32::try_from(absent).unwrap_or(u32::MAX), ..about };
        blocks::packet(about, out, |out| tcp(source, destination, segment, bytes, absent, out));
    }
}

/// Writes the SYN of a connection that never came to be, and the RST of a host where nobody listens.
pub(super) fn refusal(about: About<'_>, pair: Pair, was_refused: bool, out: &mut Vec<u8>) {
    let connection = Connection::new(pair, End::Client, false, about.at);
    let sequence = connection.streams[0].start;
    let about = About { outbound: true, ..about };
    connection.write(about, End::Client, Segment { sequence, acknowledged: 0, flags: SYN }, &[], 0, out);
    if was_refused {
        let about = About { outbound: false, comment: "", dropped: 0, ..about };
        let answer = Segment { sequence: 0, acknowledged: sequence.wrapping_add(1), flags: RST | ACK };
        connection.write(about, End::Server, answer, &[], 0, out);
    }
}
