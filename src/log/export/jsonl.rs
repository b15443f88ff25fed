//! JSON lines: one object a row, for programs.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::contract::{Fact, NetError, UnixAddress};
use crate::log::{LogStore, Roster, Row};

/// Appends the row as one line of JSON.
///
/// The fields are `seq`, `at`, `socket`, `id`, `kind`, then those of the kind. A message of a connection tells the
/// peer that the roster knows of now.
pub fn jsonl(row: &Row, store: &LogStore, roster: &Roster, out: &mut Vec<u8>) {
    let start = out.len();
    // Memory takes every byte and every key is a string: this can't fail. A half line must not stay if it did.
    match serde_json::to_writer(&mut *out, &Line { row, store, roster }) {
        Ok(()) => out.push(b'\n'),
        Err(_) => out.truncate(start),
    }
}

struct Line<'a> {
    row: &'a Row,
    store: &'a LogStore,
    roster: &'a Roster,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { row, store, roster } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("seq", &row.seq)?;
        map.serialize_entry("at", &row.at.to_string())?;
        map.serialize_entry("socket", &roster.name(row.socket))?;
        map.serialize_entry("id", &row.socket)?;
        map.serialize_entry("kind", row.kind.name())?;
        match store.fact(row) {
            None if row.kind.is_message() => self.message(&mut map)?,
            None => {}
            Some(fact) => self.fact(&fact, &mut map)?,
        }
        map.end()
    }
}

impl Line<'_> {
    fn message<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let Self { row, store, roster } = self;
        let peer = store.peer(row).or_else(|| roster.get(row.socket)?.peer.clone());
        entry(map, "peer", peer.map(|peer| peer.to_string()))?;
        map.serialize_entry("len", &row.len)?;
        let bytes = store.bytes(row);
        map.serialize_entry("hex", &hex(&bytes))?;
        entry(map, "text", roster.encoding(row.socket).text_of(&bytes))?;
        entry(map, "truncated", row.truncated.then_some(true))
    }

    fn fact<M: SerializeMap>(&self, fact: &Fact, map: &mut M) -> Result<(), M::Error> {
        match fact {
            Fact::Call { call, args, result } => {
                map.serialize_entry("call", call)?;
                map.serialize_entry("args", args)?;
                map.serialize_entry("result", result)
            }
            Fact::Opened { local, peer } => {
                map.serialize_entry("local", &local.to_string())?;
                entry(map, "peer", peer.as_ref().map(ToString::to_string))
            }
            Fact::Connected { local, peer } => {
                map.serialize_entry("local", &local.to_string())?;
                map.serialize_entry("peer", &peer.to_string())
            }
            Fact::Accepted { parent, local, peer, .. } => {
                map.serialize_entry("local", &local.to_string())?;
                map.serialize_entry("peer", &peer.to_string())?;
                map.serialize_entry("parent", &self.roster.name(*parent))
            }
            Fact::Paired { parent, .. } => {
                map.serialize_entry("local", &UnixAddress::Unnamed.to_string())?;
                map.serialize_entry("peer", &UnixAddress::Unnamed.to_string())?;
                map.serialize_entry("parent", &self.roster.name(*parent))
            }
            Fact::Closed { reason } => map.serialize_entry("reason", reason.word()),
            Fact::Failed(error) | Fact::SendFailed { error, .. } => failure(error, map),
            Fact::Lost { count, bytes } => {
                map.serialize_entry("count", count)?;
                entry(map, "bytes", *bytes)
            }
            Fact::Note { name, message } => {
                map.serialize_entry("name", name)?;
                map.serialize_entry("message", message)
            }
            Fact::PeerClosed | Fact::Received { .. } | Fact::Sent { .. } => Ok(()),
        }
    }
}

fn failure<M: SerializeMap>(error: &NetError, map: &mut M) -> Result<(), M::Error> {
    map.serialize_entry("op", error.operation.name())?;
    entry(map, "errno", error.errno)?;
    entry(map, "code", error.code())?;
    map.serialize_entry("message", &error.to_string())
}

/// An entry only where there is a value.
fn entry<M: SerializeMap>(map: &mut M, key: &str, value: Option<impl Serialize>) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(key, &value))
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
