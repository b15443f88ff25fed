//! The sentence of a row: a step of a socket's life in words.
//!
//! Owns the words of every fact but those of an end. It never makes them fit for a terminal or a file.

use std::borrow::Cow;

use super::ending::{closed_sentence, peer_closed_sentence};
use super::{LogStore, Roster, Row};
use crate::contract::{Address, Fact, LOOP_WITH, Scheme, SocketId, UnixAddress};

/// The fact of a row, one step of a socket's life, in words, without a full stop unless it is more than one
/// sentence. It may quote what others said, so it is to be sanitised before it is drawn.
#[must_use]
pub fn sentence(row: &Row, fact: &Fact, store: &LogStore, roster: &Roster) -> String {
    match fact {
        Fact::Call { call, args, result } => format!("{call}({args}) = {result}"),
        Fact::Opened { local: Address::Unix(UnixAddress::Unnamed), peer: None } => "both ends are open".to_owned(),
        Fact::Opened { local, peer: None } => format!("open at {local}"),
        Fact::Opened { local, peer: Some(peer) } => format!("open at {local}, sends to {peer}"),
        Fact::Connected { local, peer } => format!("connected to {peer} from {local}"),
        Fact::Accepted { peer, .. } => format!("accepted {peer}"),
        Fact::Paired { number, .. } => format!("connected to end {} of the pair", 3 - (*number).clamp(1, 2)),
        Fact::Received { bytes, .. } => format!("received {} bytes", bytes.len),
        Fact::Sent { bytes, .. } => format!("sent {} bytes", bytes.len),
        Fact::SendFailed { error, .. } | Fact::Failed(error) => error.to_string(),
        Fact::PeerClosed => peer_closed_sentence(row, store, roster),
        Fact::Closed { reason } => closed_sentence(row, *reason, store, roster),
        Fact::Lost { bytes: Some(bytes), .. } if is_of_tcp(row, roster) => {
            format!("lost {bytes} {} of the stream", if *bytes == 1 { "byte" } else { "bytes" })
        }
        Fact::Lost { count, bytes } => {
            let datagrams = if *count == 1 { "datagram" } else { "datagrams" };
            match bytes {
                Some(bytes) => format!("lost {count} {datagrams} of {bytes} bytes"),
                None => format!("lost {count} {datagrams}"),
            }
        }
        Fact::Rule { name, message } => format!("rule {name}: {}", of_rule(message, roster)),
        Fact::Note { name, message } => format!("{name}: {message}"),
    }
}

/// The sentence of a rule, in which the socket at the other end of a loop has its name.
#[must_use]
pub fn of_rule<'m>(message: &'m str, roster: &Roster) -> Cow<'m, str> {
    let named = || {
        let (id, rest) = message.strip_prefix(LOOP_WITH)?.split_once(':')?;
        let socket = SocketId::new(id.parse().ok()?)?;
        Some(Cow::Owned(format!("loop with {}:{rest}", roster.name(socket))))
    };
    named().unwrap_or(Cow::Borrowed(message))
}

/// Whether a row is of a TCP connection. What such a one lost was missing in the capture that it was read from.
pub(super) fn is_of_tcp(row: &Row, roster: &Roster) -> bool {
    roster.get(row.socket).is_some_and(|member| matches!(member.endpoint.scheme, Scheme::Tcp | Scheme::TcpListen))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Event, SocketIds, Timestamp};
    use crate::log::timeline::step;

    #[test]
    fn a_stream_loses_bytes_and_a_socket_of_datagrams_datagrams() {
        let ids = SocketIds::new();
        let (stream, datagrams) = (ids.mint(), ids.mint());
        let mut roster = Roster::default();
        roster.register(stream, "stream".to_owned(), "tcp://127.0.0.1:9".parse().unwrap());
        roster.register(datagrams, "datagrams".to_owned(), "udp-bind://127.0.0.1:9".parse().unwrap());
        for (socket, count, bytes, wanted) in [
            (stream, 1, Some(9), "lost 9 bytes of the stream"),
            (stream, 1, Some(1), "lost 1 byte of the stream"),
            (datagrams, 1, Some(9), "lost 1 datagram of 9 bytes"),
            (datagrams, 4, None, "lost 4 datagrams"),
        ] {
            let fact = Fact::Lost { count, bytes };
            let mut store = LogStore::new(u64::MAX);
            store.append_local(Event { at: Timestamp(1), socket, fact: fact.clone() });
            let row = store.row(1).unwrap();
            assert_eq!(sentence(&row, &fact, &store, &roster), wanted);
            let step = step(&row, &store, &roster).unwrap();
            assert!(step.meaning.starts_with(wanted), "{}", step.meaning);
        }
    }

    #[test]
    fn the_other_end_of_a_loop_has_its_name() {
        let ids = SocketIds::new();
        let mut roster = Roster::default();
        let socket = ids.mint();
        roster.register(socket, "client".to_owned(), "tcp://127.0.0.1:9".parse().unwrap());
        let told = |message: &str| of_rule(message, &roster).into_owned();
        assert_eq!(told("loop with socket 1: it ends"), "loop with client: it ends");
        for other in ["loop with socket x: it", "answers 5 bytes: loop with socket 1: it", "loop with socket 0: it"] {
            assert_eq!(told(other), other);
        }
    }
}
