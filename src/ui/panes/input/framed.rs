//! What Enter sends: the draft with its line ending or, where the socket wraps, in the frame that its framing says.

use super::composer::Composer;
use crate::contract::{Endpoint, Target};
use crate::framing::Framing;
use crate::payload::NotationError;
use crate::ui::Ui;
use crate::ui::bench::Bench;

/// The framing that a draft for this target gets, if it gets one.
pub(super) fn wrapped_in<'a>(bench: &'a Bench, target: Option<&Target>) -> Option<&'a Framing> {
    bench.roster.endpoint(target?.socket()).and_then(Endpoint::wrap)
}

/// The bytes that Enter would send.
pub(super) fn bytes(composer: &Composer, bench: &Bench, target: Option<&Target>) -> Result<Vec<u8>, NotationError> {
    let encoding = bench.encoding_of(target);
    let Some(framing) = wrapped_in(bench, target) else { return composer.bytes(encoding) };
    let payload = composer.payload(encoding)?;
    // It is the draft as a whole that is wrong, and not any part of it.
    framing.wrap(&payload).map_err(|why| NotationError {
        at: 0..composer.input.text().len(),
        message: format!("framing {framing}: {why}"),
    })
}

/// What of bytes off the wire goes into a draft: not what sending it would add again.
pub(super) fn payload_of(composer: &Composer, bench: &Bench, target: Option<&Target>, bytes: &[u8]) -> Vec<u8> {
    if let Some(framing) = wrapped_in(bench, target) {
        return framing.payload_of(bytes).unwrap_or_else(|| bytes.to_vec());
    }
    let ending = composer.ending(bench.encoding_of(target));
    bytes.strip_suffix(&*ending).unwrap_or(bytes).to_vec()
}

/// Whether there is a line ending to be chosen.
pub(super) fn has_line_ending(ui: &Ui) -> Result<(), &'static str> {
    match wrapped_in(&ui.bench, ui.target.as_ref()) {
        None => Ok(()),
        Some(_) => Err("this socket wraps: what is typed gets the frame of its framing, and no line ending"),
    }
}
