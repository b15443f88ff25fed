//! A TCP connection as one of its ends lived it: the events of its socket, from the packets of both.
//!
//! Owns the two streams, and when the connection stood and ended. It never chooses whose side is taken.

use std::net::SocketAddr;

use super::ReadError;
use super::collector::{Collector, Way};
use super::half::Half;
use super::link::Segment;
use crate::contract::{Address, CloseReason, Fact, NetError, Operation, SocketId, Timestamp};

/// How much of a stream is held in bytes, at most, because something before it is missing.
const HELD_MAX: usize = 1 << 20;

pub(super) struct Connection {
    socket: SocketId,
    /// The listener, and its how-manieth this is, where the socket was accepted.
    parent: Option<(SocketId, u32)>,
    us: SocketAddr,
    them: SocketAddr,
    ours: Stream,
    theirs: Stream,
    stands: bool,
    ended: bool,
    /// Whether a packet came since [`Connection::rest`] was asked.
    active: bool,
    latest: Timestamp,
}

#[derive(Default)]
struct Stream {
    half: Half,
    syn: bool,
    /// FIN has been told of.
    told: bool,
}

impl Connection {
    pub(super) fn new(socket: SocketId, parent: Option<(SocketId, u32)>, us: SocketAddr, them: SocketAddr) -> Self {
        Self {
            socket,
            parent,
            us,
            them,
            ours: Stream::default(),
            theirs: Stream::default(),
            stands: false,
            ended: false,
            active: true,
            latest: Timestamp::default(),
        }
    }

    /// Whether a SYN begins another connection between the same addresses.
    pub(super) fn is_over_by(&self, from: SocketAddr, segment: &Segment<'_>) -> bool {
        let stream = if from == self.us { &self.ours } else { &self.theirs };
        let opens = segment.syn && segment.acknowledged.is_none();
        opens && (self.ended || stream.half.is_foreign(segment.sequence))
    }

    /// What is held of both streams, in bytes.
    pub(super) const fn held(&self) -> usize {
        self.ours.half.held() + self.theirs.half.held()
    }

    /// True if no packet came since the last time that this was asked, or none will.
    pub(super) fn rest(&mut self) -> bool {
        !std::mem::take(&mut self.active) || self.ended
    }

    /// Takes in a segment. With `in_need` nothing is held back any longer.
    pub(super) fn segment(
        &mut self,
        from: SocketAddr,
        segment: &Segment<'_>,
        at: Timestamp,
        in_need: bool,
        out: &mut Collector,
    ) -> Result<(), ReadError> {
        if self.ended {
            return Ok(());
        }
        let is_ours = from == self.us;
        self.active = true;
        self.latest = at;
        if segment.reset {
            return self.reset(is_ours, at, out);
        }
        let (stream, other) = self.streams(is_ours);
        if segment.syn {
            stream.syn = true;
            stream.half.begin(segment.sequence);
        }
        if let Some(number) = segment.acknowledged {
            other.half.acknowledge(number);
        }
        let began_before = !stream.syn && !other.syn;
        // A SYN alone is only a question.
        if !self.stands && (!segment.syn || segment.acknowledged.is_some()) {
            self.stand(at, out)?;
            if began_before {
                let text = "it stood before the capture began: what was before is not in it".to_owned();
                out.note(at, self.socket, "capture", text)?;
            }
        }
        let sequence = if segment.syn { segment.sequence.wrapping_add(1) } else { segment.sequence };
        // Where the end of a segment is missing, so is a FIN's place.
        let fin = segment.fin && segment.missing == 0;
        let (stream, _) = self.streams(is_ours);
        let before = stream.half.held();
        let bytes = stream.half.segment(sequence, segment.bytes, fin);
        // What waits is put right, and a cut of it is found as a gap.
        let cut = segment.missing > 0 && stream.half.held() == before;
        let way = if is_ours { Way::Sent } else { Way::Received };
        if !bytes.is_empty() {
            out.message(at, self.socket, way, None, bytes, false)?;
            if cut {
                let (stream, _) = self.streams(is_ours);
                stream.half.lose(u64::from(segment.missing));
                self.lost(u64::from(segment.missing), at, out)?;
            }
        }
        self.drain(is_ours, in_need, at, out)?;
        if segment.acknowledged.is_some() {
            self.drain(!is_ours, in_need, at, out)?;
        }
        self.ends(at, out)
    }

    /// Gives all that is held, whatever is missing before it: no more will come.
    pub(super) fn finish(&mut self, out: &mut Collector) -> Result<(), ReadError> {
        if self.ended {
            return Ok(());
        }
        let at = self.latest;
        self.give_all(at, out)?;
        if !self.stands {
            let text = format!("{} was asked for a connection, and its answer is not in the capture", self.them);
            out.note(at, self.socket, "capture", text)?;
        }
        self.ends(at, out)?;
        self.ended = true;
        Ok(())
    }

    const fn streams(&mut self, is_ours: bool) -> (&mut Stream, &mut Stream) {
        if is_ours { (&mut self.ours, &mut self.theirs) } else { (&mut self.theirs, &mut self.ours) }
    }

    fn stand(&mut self, at: Timestamp, out: &mut Collector) -> Result<(), ReadError> {
        self.stands = true;
        let (local, peer) = (Address::Ip(self.us), Address::Ip(self.them));
        let fact = match self.parent {
            Some((parent, number)) => Fact::Accepted { parent, number, local, peer },
            None => Fact::Connected { local, peer },
        };
        out.fact(at, self.socket, fact)
    }

    fn reset(&mut self, is_ours: bool, at: Timestamp, out: &mut Collector) -> Result<(), ReadError> {
        self.give_all(at, out)?;
        self.ended = true;
        if self.stands {
            if is_ours {
                out.note(at, self.socket, "abort", "this end sent RST".to_owned())?;
            }
            return out.closed(at, self.socket, if is_ours { CloseReason::User } else { CloseReason::Reset });
        }
        if !is_ours {
            const REFUSED: i32 = nix::errno::Errno::ECONNREFUSED as i32;
            let error = NetError::from_errno(Operation::Connect, Some(self.them.to_string()), REFUSED);
            out.fact(at, self.socket, Fact::Failed(Box::new(error)))?;
        }
        out.closed(at, self.socket, CloseReason::Error)
    }

    fn give_all(&mut self, at: Timestamp, out: &mut Collector) -> Result<(), ReadError> {
        for is_ours in [true, false] {
            self.drain(is_ours, true, at, out)?;
            let (stream, _) = self.streams(is_ours);
            let missing = stream.half.missing_at_end();
            if missing > 0 {
                stream.half.lose(missing);
                self.lost(missing, at, out)?;
            }
        }
        Ok(())
    }

    /// Gives what continues a stream, past gaps that are sure never to be filled, or past all where that must be.
    fn drain(&mut self, is_ours: bool, all: bool, at: Timestamp, out: &mut Collector) -> Result<(), ReadError> {
        let way = if is_ours { Way::Sent } else { Way::Received };
        loop {
            let socket = self.socket;
            let (stream, _) = self.streams(is_ours);
            while let Some(bytes) = stream.half.continued() {
                out.message(at, socket, way, None, &bytes, false)?;
            }
            match stream.half.gap() {
                Some(gap) if all || stream.half.held() > HELD_MAX || stream.half.gap_is_sure() => {
                    stream.half.lose(gap);
                    self.lost(gap, at, out)?;
                }
                _ => return Ok(()),
            }
        }
    }

    fn lost(&self, bytes: u64, at: Timestamp, out: &mut Collector) -> Result<(), ReadError> {
        out.fact(at, self.socket, Fact::Lost { count: 1, bytes: Some(bytes) })
    }

    /// Tells of each FIN once, and of the end once both are there.
    fn ends(&mut self, at: Timestamp, out: &mut Collector) -> Result<(), ReadError> {
        if self.theirs.half.has_ended() && !self.theirs.told {
            self.theirs.told = true;
            out.fact(at, self.socket, Fact::PeerClosed)?;
        }
        if self.ours.half.has_ended() && !self.ours.told {
            self.ours.told = true;
            if !self.theirs.told {
                out.note(at, self.socket, "fin", "this end sent FIN: it only receives from now on".to_owned())?;
            }
        }
        if self.ours.told && self.theirs.told && !self.ended {
            self.ended = true;
            self.ours.half.forget();
            self.theirs.half.forget();
            return out.closed(at, self.socket, CloseReason::User);
        }
        Ok(())
    }
}
