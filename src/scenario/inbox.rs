//! What came on a socket since the scenario began, and no step has consumed.
//!
//! Owns what that is: messages, where the socket keeps them apart or its framing does, and else the bytes of the stream,
//! since what one `recv` returned means nothing there. At most [`MOST`] bytes are kept; the oldest go.

use std::collections::VecDeque;
use std::ops::Range;

use crate::contract::{Endpoint, Timestamp};
use crate::framing::Assembler;
use crate::pattern::Pattern;

/// How many bytes are kept, and for each message [`BESIDES`] as many.
pub(super) const MOST: usize = 1 << 20;

/// What a message takes up besides its bytes, so that empty ones count as well.
const BESIDES: usize = size_of::<Message>();

/// How many bytes of a stream are put in at once, so that a match of this length is seen before a part of it goes.
pub(super) const PIECE: usize = MOST / 2;

/// How many bytes of a framed stream are put in at once, so that as many messages are seen before one of them goes.
const FRAMED_PIECE: usize = PIECE / (BESIDES + 1);

#[derive(Debug)]
pub(super) struct Inbox {
    content: Content,
    /// How many bytes were let go of because they were too many.
    lost: u64,
}

#[derive(Debug)]
enum Content {
    Messages(Messages),
    Stream(Stream),
}

/// The bytes of a stream: of each connection that it had, the last of which is the present one's. Nothing matches
/// across two of them.
#[derive(Debug, Default)]
struct Stream {
    past: VecDeque<Part>,
    present: Part,
}

#[derive(Debug, Default)]
struct Part {
    bytes: Vec<u8>,
    /// When the last of it came.
    at: Timestamp,
}

#[derive(Debug)]
struct Messages {
    /// Where a framing makes them of a stream.
    assembler: Option<Box<Assembler>>,
    queue: VecDeque<Message>,
    /// What they take up together, in bytes.
    size: usize,
    /// How many of them, from the oldest on, the present step does not wait for.
    looked: usize,
}

#[derive(Debug)]
pub(super) struct Message {
    pub(super) at: Timestamp,
    pub(super) bytes: Vec<u8>,
    /// How many bytes it has beyond those.
    pub(super) beyond: usize,
}

impl Message {
    const fn size(&self) -> usize {
        BESIDES + self.bytes.len()
    }
}

impl Messages {
    /// Keeps a message; how many bytes had to go for it.
    fn keep(&mut self, bytes: &[u8], at: Timestamp) -> u64 {
        let kept = &bytes[..bytes.len().min(MOST - BESIDES)];
        let message = Message { at, bytes: kept.to_vec(), beyond: bytes.len() - kept.len() };
        self.size += message.size();
        self.queue.push_back(message);
        let mut lost = 0;
        while self.size > MOST {
            let Some(gone) = self.take(0) else { break };
            lost += gone.bytes.len() + gone.beyond;
        }
        lost as u64
    }

    /// Takes one out with all before it.
    fn take(&mut self, index: usize) -> Option<Message> {
        self.size -= self.queue.iter().take(index + 1).map(Message::size).sum::<usize>();
        let message = self.queue.drain(..=index).next_back()?;
        self.looked = self.looked.saturating_sub(index + 1);
        Some(message)
    }

    /// The first that matches, and where in it.
    fn find(&mut self, pattern: &Pattern) -> Option<(usize, Range<usize>)> {
        while let Some(message) = self.queue.get(self.looked) {
            if let Some(found) = pattern.find(&message.bytes) {
                return Some((self.looked, found.at));
            }
            self.looked += 1;
        }
        None
    }
}

impl Stream {
    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.past.iter().chain([&self.present]).filter(|part| !part.bytes.is_empty())
    }

    fn len(&self) -> usize {
        self.parts().map(|part| part.bytes.len()).sum()
    }

    /// Keeps bytes; how many had to go for them.
    fn keep(&mut self, came: &[u8], now: Timestamp) -> u64 {
        let lost = (self.len() + came.len()).saturating_sub(MOST).min(self.len());
        let mut left = lost;
        while left > 0 {
            let part = self.past.front_mut().unwrap_or(&mut self.present);
            let gone = left.min(part.bytes.len());
            part.bytes.drain(..gone);
            left -= gone;
            self.past.pop_front_if(|part| part.bytes.is_empty());
        }
        self.present.bytes.extend_from_slice(came);
        self.present.at = now;
        lost as u64
    }

    /// Where the first match is: in which part, counted from the oldest, and where in it.
    fn find(&self, pattern: &Pattern) -> Option<(usize, Range<usize>)> {
        self.parts().enumerate().find_map(|(index, part)| Some((index, find_in(&part.bytes, pattern)?)))
    }

    /// Takes the first match out with all before it.
    fn take(&mut self, pattern: &Pattern) -> bool {
        let Some((index, found)) = self.find(pattern) else { return false };
        self.past.drain(..index);
        let part = self.past.front_mut().unwrap_or(&mut self.present);
        part.bytes.drain(..found.end);
        self.past.pop_front_if(|part| part.bytes.is_empty());
        true
    }
}

impl Inbox {
    pub(super) fn new(endpoint: &Endpoint) -> Self {
        let framing = endpoint.framing();
        let content = if endpoint.keeps_messages_apart() || !framing.is_raw() {
            let assembler = (!endpoint.keeps_messages_apart()).then(|| Box::new(Assembler::new(framing.clone())));
            Content::Messages(Messages { assembler, queue: VecDeque::new(), size: 0, looked: 0 })
        } else {
            Content::Stream(Stream::default())
        };
        Self { content, lost: 0 }
    }

    /// How many bytes may be put in at once, so that there is time to look at them between.
    pub(super) const fn piece(&self) -> usize {
        match &self.content {
            Content::Messages(Messages { assembler: None, .. }) => usize::MAX,
            Content::Messages(_) => FRAMED_PIECE,
            Content::Stream(_) => PIECE,
        }
    }

    /// Whether so many bytes can come without any that must go.
    pub(super) fn has_room(&self, len: usize) -> bool {
        match &self.content {
            Content::Messages(Messages { assembler: None, size, .. }) => size + len + BESIDES <= MOST,
            // Each byte may end a message.
            Content::Messages(Messages { size, .. }) => size + len.saturating_mul(BESIDES + 1) <= MOST,
            Content::Stream(stream) => stream.len() + len <= MOST,
        }
    }

    /// Takes what one `recv` returned, or at most [`piece`](Self::piece) bytes of it.
    pub(super) fn push(&mut self, came: &[u8], now: Timestamp) {
        let Self { content, lost } = self;
        match content {
            Content::Stream(stream) => *lost += stream.keep(came, now),
            Content::Messages(messages) => match messages.assembler.take() {
                None => *lost += messages.keep(came, now),
                Some(mut assembler) => {
                    assembler.push(came, now.0, |payload, _| *lost += messages.keep(payload, now));
                    messages.assembler = Some(assembler);
                }
            },
        }
    }

    /// Takes a message for ended that a gap has ended by now.
    pub(super) fn expire(&mut self, now: Timestamp) {
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.end(now);
        }
    }

    /// When the open message ends by itself.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        match &self.content {
            Content::Messages(messages) => messages.assembler.as_ref()?.deadline().map(Timestamp),
            Content::Stream(_) => None,
        }
    }

    /// Begins another connection: what comes from now on does not follow on what came before it.
    pub(super) fn part(&mut self, now: Timestamp) {
        self.end(now);
        if let Content::Stream(stream) = &mut self.content
            && !stream.present.bytes.is_empty()
        {
            stream.past.push_back(std::mem::take(&mut stream.present));
        }
    }

    /// Takes what is left of the stream as its last message.
    pub(super) fn end(&mut self, now: Timestamp) {
        let Content::Messages(messages) = &mut self.content else { return };
        if let Some(mut assembler) = messages.assembler.take() {
            assembler.end(|payload, _| self.lost += messages.keep(payload, now));
            messages.assembler = Some(assembler);
        }
    }

    /// Begins another step, which has looked at nothing yet.
    pub(super) fn look_again(&mut self) {
        if let Content::Messages(messages) = &mut self.content {
            messages.looked = 0;
        }
    }

    /// Whether something in it matches, which then is consumed with all before it.
    pub(super) fn take(&mut self, pattern: &Pattern) -> bool {
        match &mut self.content {
            Content::Messages(messages) => {
                let found = messages.find(pattern);
                found.and_then(|(index, _)| messages.take(index)).is_some()
            }
            Content::Stream(stream) => stream.take(pattern),
        }
    }

    /// The first in it that matches, counted as in [`unread`](Self::unread), and where in its bytes. It stays.
    pub(super) fn find(&mut self, pattern: &Pattern) -> Option<(usize, Range<usize>)> {
        match &mut self.content {
            Content::Messages(messages) => messages.find(pattern),
            Content::Stream(stream) => stream.find(pattern),
        }
    }

    /// Where a stream is not what is wanted, so that nothing that may come can make it that.
    pub(super) fn differs(&self, pattern: &Pattern) -> Option<usize> {
        match (&self.content, pattern) {
            (Content::Stream(stream), Pattern::Equals(wanted)) => {
                stream.present.bytes.iter().zip(wanted).position(|(came, wanted)| came != wanted)
            }
            _ => None,
        }
    }

    /// What is in it, oldest first.
    pub(super) fn unread(&self) -> Vec<(Timestamp, &[u8], usize)> {
        match &self.content {
            Content::Messages(messages) => {
                messages.queue.iter().map(|message| (message.at, &message.bytes[..], message.beyond)).collect()
            }
            Content::Stream(stream) => stream.parts().map(|part| (part.at, &part.bytes[..], 0)).collect(),
        }
    }

    /// How many bytes were let go of because they were too many.
    pub(super) const fn lost(&self) -> u64 {
        self.lost
    }
}

/// Where in what has come of a stream the bytes are that a pattern matches. Nothing received is no match, even of a pattern
/// that nothing matches.
fn find_in(bytes: &[u8], pattern: &Pattern) -> Option<Range<usize>> {
    if bytes.is_empty() {
        return None;
    }
    match pattern {
        Pattern::Equals(wanted) => bytes.starts_with(wanted).then_some(0..wanted.len()),
        Pattern::Any | Pattern::Contains(_) | Pattern::Regex(_) => pattern.find(bytes).map(|found| found.at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox(url: &str) -> Inbox {
        Inbox::new(&url.parse().unwrap())
    }

    /// What has come is summed up once, not again for each message: else this has no end.
    #[test]
    fn many_short_messages_and_empty_ones_are_let_go_of_as_well() {
        let mut lines = inbox("tcp://127.0.0.1:1?framing=line");
        let mut datagrams = inbox("udp-bind://127.0.0.1:1");
        for _ in 0..30 {
            lines.push(&b"\nab\n\n".repeat(2_000), Timestamp(0));
            (0..2_000).for_each(|_| datagrams.push(b"", Timestamp(0)));
        }
        for inbox in [lines, datagrams] {
            let Content::Messages(messages) = inbox.content else { panic!() };
            let size: usize = messages.queue.iter().map(Message::size).sum();
            assert_eq!(messages.size, size);
            assert!((MOST - 2 * BESIDES..=MOST).contains(&size), "{size}");
        }
    }

    #[test]
    fn so_many_messages_are_seen_before_one_of_them_goes() {
        let mut inbox = inbox("tcp://127.0.0.1:1?framing=line");
        assert!(inbox.has_room(inbox.piece()));
        inbox.push(&vec![b'\n'; inbox.piece()], Timestamp(0));
        assert!(inbox.has_room(inbox.piece()));
        inbox.push(&vec![b'\n'; inbox.piece()], Timestamp(0));
        assert!(!inbox.has_room(inbox.piece()));
        assert_eq!((inbox.unread().len(), inbox.lost()), (2 * FRAMED_PIECE, 0));
    }
}
