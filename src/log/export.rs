//! The formats that rows leave the log in: JSON lines, text and hexdump.
//!
//! Owns how a row is written for others, and the sentence that tells a step of a socket's life. It never chooses rows
//! and never opens a file: every format appends to memory, a whole number of lines for each row.

mod hexdump;
mod jsonl;
mod text;

use crate::contract::{CloseReason, Fact};

pub use hexdump::hexdump;
pub use jsonl::jsonl;
pub use text::text;

/// One step of a socket's life in words, without a full stop unless it is more than one sentence. It may quote what
/// others said, so it is to be sanitised before it is drawn.
#[must_use]
pub fn sentence(fact: &Fact) -> String {
    match fact {
        Fact::Call { call, args, result } => format!("{call}({args}) = {result}"),
        Fact::Opened { local, peer: None } => format!("open at {local}"),
        Fact::Opened { local, peer: Some(peer) } => format!("open at {local}, sends to {peer}"),
        Fact::Connected { local, peer } => format!("connected to {peer} from {local}"),
        Fact::Accepted { peer, .. } => format!("accepted {peer}"),
        Fact::Received { bytes, .. } => format!("received {} bytes", bytes.len),
        Fact::Sent { bytes, .. } => format!("sent {} bytes", bytes.len),
        Fact::SendFailed { error, .. } | Fact::Failed(error) => error.to_string(),
        Fact::PeerClosed => "recv = 0: the peer sent FIN, you may still send".to_owned(),
        Fact::Closed { reason } => closing(*reason).to_owned(),
        Fact::Lost { count, bytes } => {
            let datagrams = if *count == 1 { "datagram" } else { "datagrams" };
            match bytes {
                Some(bytes) => format!("lost {count} {datagrams} of {bytes} bytes"),
                None => format!("lost {count} {datagrams}"),
            }
        }
        Fact::Note { name, message } => format!("{name}: {message}"),
    }
}

const fn closing(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::User => "closed by user",
        CloseReason::Peer => "closed after the peer's FIN",
        CloseReason::Reset => "closed by the peer's RST",
        CloseReason::Timeout => "closed when its time ran out",
        CloseReason::Shutdown => "closed as the program ends",
        CloseReason::Error => "closed after an error",
    }
}

#[cfg(test)]
mod tests;
