//! Source code: each message as an array of C or as a bytes literal of Python, for tests and for bug reports.

use super::{append, peer_of};
use crate::log::escape::escaped;
use crate::log::{Kind, LogStore, Roster, Row};

/// The bytes in one line of an array.
const C_WIDTH: usize = 12;

/// The bytes in one line of a literal.
const PYTHON_WIDTH: usize = 32;

/// Appends a message as `static const unsigned char server_1_rx_4[6] = {...};` below a comment; C has no empty arrays,
/// so that of an empty message there is the comment alone. Other rows are no data, and leave nothing.
pub fn c_array(row: &Row, store: &LogStore, roster: &Roster, out: &mut Vec<u8>) {
    if !row.kind.is_message() {
        return;
    }
    // Nothing in it may end the comment, nor go on to the next line in a way that only C sees.
    let about = about(row, store, roster).replace("*/", "* /").replace("??/", "?? /").replace('\\', "/");
    append(out, format_args!("/* {about} */\n"));
    let bytes = store.bytes(row);
    if bytes.is_empty() {
        return;
    }
    append(out, format_args!("static const unsigned char {}[{}] = {{\n", name(row, roster), bytes.len()));
    for line in bytes.chunks(C_WIDTH) {
        out.extend_from_slice(b"   ");
        for byte in line {
            out.extend_from_slice(b" 0x");
            super::hex(&[*byte], out);
            out.push(b',');
        }
        out.push(b'\n');
    }
    out.extend_from_slice(b"};\n");
}

/// Appends a message as `server_1_rx_4 = b"..."` below a comment, in lines of 32 bytes where it is longer. Other rows
/// are no data, and leave nothing.
pub fn python(row: &Row, store: &LogStore, roster: &Roster, out: &mut Vec<u8>) {
    if !row.kind.is_message() {
        return;
    }
    append(out, format_args!("# {}\n{} = ", about(row, store, roster), name(row, roster)));
    let bytes = store.bytes(row);
    if bytes.len() <= PYTHON_WIDTH {
        literal(&bytes, out);
    } else {
        out.extend_from_slice(b"(\n");
        for line in bytes.chunks(PYTHON_WIDTH) {
            out.extend_from_slice(b"    ");
            literal(line, out);
            out.push(b'\n');
        }
        out.push(b')');
    }
    out.push(b'\n');
}

fn literal(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"b\"");
    for byte in bytes {
        match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b' '..=b'~' => out.push(*byte),
            _ => {
                out.extend_from_slice(b"\\x");
                super::hex(&[*byte], out);
            }
        }
    }
    out.push(b'"');
}

/// `4: 2026-11-21T05:14:03.000000001Z server#1 received 6 bytes, 127.0.0.1:51022`, in one plain line.
fn about(row: &Row, store: &LogStore, roster: &Roster) -> String {
    let name = escaped(roster.name(row.socket).as_bytes());
    let mut about = format!("{}: {} {name} {} {} bytes", row.seq, row.at, row.kind, row.len);
    if row.truncated {
        about.push_str(" of a longer datagram");
    }
    if let Some(peer) = peer_of(row, store, roster) {
        about.push_str(", ");
        about.push_str(&escaped(peer.to_string().as_bytes()));
    }
    about
}

/// `server_1_rx_4`: a name that both languages take, and no other row has.
fn name(row: &Row, roster: &Roster) -> String {
    let socket = roster.name(row.socket).replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    // Names of C that begin with an underscore are its own, and none begins with a digit.
    let prefix = if socket.starts_with(|c: char| c.is_ascii_alphabetic()) { "" } else { "s" };
    let way = if row.kind == Kind::Sent { "tx" } else { "rx" };
    format!("{prefix}{socket}_{way}_{}", row.seq)
}
