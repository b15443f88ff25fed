//! JSON lines: one object a row, for programs.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::{append, hex, peer_of};
use crate::contract::{Fact, NetError, UnixAddress};
use crate::log::{LogStore, Roster, Row};

/// Appends the row as one line of JSON.
///
/// The fields are `seq`, `at`, `socket`, `id`, `kind`, then those of the kind. A message of a connection tells the
/// peer that the roster knows of now.
pub fn jsonl(row: &Row, store: &LogStore, roster: &Roster, out: &mut Vec<u8>) {
    let start = out.len();
    // Memory takes every byte and every key is a string: this can't fail. A half line must not stay if it did.
    let written = if row.kind.is_message() {
        message(row, store, roster, out)
    } else {
        serde_json::to_writer(&mut *out, &Line { row, store, roster })
    };
    match written {
        Ok(()) => out.push(b'\n'),
        Err(_) => out.truncate(start),
    }
}

/// Messages are what there are millions of, and their hex is twice their bytes: no copy is made of it on the way.
fn message(row: &Row, store: &LogStore, roster: &Roster, out: &mut Vec<u8>) -> serde_json::Result<()> {
    append(out, format_args!("{{\"seq\":{},\"at\":\"{}\",\"socket\":", row.seq, row.at));
    serde_json::to_writer(&mut *out, &roster.name(row.socket))?;
    append(out, format_args!(",\"id\":{},\"kind\":\"{}\"", row.socket.get(), row.kind.name()));
    if let Some(peer) = peer_of(row, store, roster) {
        out.extend_from_slice(b",\"peer\":");
        serde_json::to_writer(&mut *out, &peer.to_string())?;
    }
    append(out, format_args!(",\"len\":{},\"hex\":\"", row.len));
    let bytes = store.bytes(row);
    hex(&bytes, out);
    out.push(b'"');
    if let Some(text) = roster.encoding(row.socket).text_of(&bytes) {
        out.extend_from_slice(b",\"text\":");
        serde_json::to_writer(&mut *out, &text)?;
    }
    out.extend_from_slice(if row.truncated { b",\"truncated\":true}" } else { b"}" });
    Ok(())
}

/// A row that carries no message.
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
        if let Some(fact) = store.fact(row) {
            self.fact(&fact, &mut map)?;
        }
        map.end()
    }
}

impl Line<'_> {
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
