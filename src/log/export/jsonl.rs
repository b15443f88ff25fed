//! JSON lines: one object a row, for programs.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::{Framed, append, hex, peer_of};
use crate::contract::{Fact, NetError, UnixAddress};
use crate::log::{LogStore, Roster, Row, of_rule};

/// Appends the row as one line of JSON.
///
/// The fields are `seq`, `at`, `socket`, `id`, `kind`, then those of the kind. A message of a connection tells the
/// peer that the roster knows of now.
pub fn jsonl(row: &Row, store: &LogStore, roster: &Roster, out: &mut Vec<u8>) {
    numbered_jsonl(row.seq, row, store, roster, out);
}

/// As [`jsonl`], with another `seq` than the row's.
pub fn numbered_jsonl(seq: u64, row: &Row, store: &LogStore, roster: &Roster, out: &mut Vec<u8>) {
    let start = out.len();
    let written = if row.kind.is_message() {
        let truncated = row.truncated.then_some("truncated");
        message(seq, row, &store.bytes(row), truncated.as_slice(), (store, roster), out)
    } else {
        serde_json::to_writer(&mut *out, &Line { seq, row, store, roster })
    };
    end_line(&written, start, out);
}

/// Appends a message of a framed stream as the line of a row. One that is not whole has `cut`, `incomplete` or
/// `bad_length`, and one that goes on with a cut one has `continues`.
pub fn framed_jsonl(seq: u64, row: &Row, framed: &Framed<'_>, store: &LogStore, roster: &Roster, out: &mut Vec<u8>) {
    let flags: Vec<_> = framed.continues.then_some("continues").into_iter().chain(framed.flag()).collect();
    let start = out.len();
    let written = message(seq, row, framed.payload, &flags, (store, roster), out);
    end_line(&written, start, out);
}

/// Memory takes every byte and every key is a string: this can't fail. A half line must not stay if it did.
fn end_line(written: &serde_json::Result<()>, start: usize, out: &mut Vec<u8>) {
    match written {
        Ok(()) => out.push(b'\n'),
        Err(_) => out.truncate(start),
    }
}

/// Messages are what there are millions of, and their hex is twice their bytes: no copy is made of it on the way.
fn message(
    seq: u64,
    row: &Row,
    bytes: &[u8],
    flags: &[&str],
    (store, roster): (&LogStore, &Roster),
    out: &mut Vec<u8>,
) -> serde_json::Result<()> {
    append(out, format_args!("{{\"seq\":{seq},\"at\":\"{}\",\"socket\":", row.at));
    serde_json::to_writer(&mut *out, &roster.name(row.socket))?;
    append(out, format_args!(",\"id\":{},\"kind\":\"{}\"", row.socket.get(), row.kind.name()));
    if let Some(peer) = peer_of(row, store, roster) {
        out.extend_from_slice(b",\"peer\":");
        serde_json::to_writer(&mut *out, &peer.to_string())?;
    }
    append(out, format_args!(",\"len\":{},\"hex\":\"", bytes.len()));
    hex(bytes, out);
    out.push(b'"');
    if let Some(text) = roster.encoding(row.socket).text_of(bytes) {
        out.extend_from_slice(b",\"text\":");
        serde_json::to_writer(&mut *out, &text)?;
    }
    for flag in flags {
        append(out, format_args!(",\"{flag}\":true"));
    }
    out.push(b'}');
    Ok(())
}

/// A row that carries no message.
struct Line<'a> {
    seq: u64,
    row: &'a Row,
    store: &'a LogStore,
    roster: &'a Roster,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { seq, row, store, roster } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("seq", seq)?;
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
            Fact::Rule { name, message } => {
                map.serialize_entry("name", name)?;
                map.serialize_entry("message", &of_rule(message, self.roster))
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
