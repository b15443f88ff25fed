//! What a framing that wraps changes in the input: there is no line ending to add or to choose.

use super::composer::Composer;
use crate::contract::Target;
use crate::ui::Ui;
use crate::ui::bench::Bench;

/// Bytes off the wire without what sending them would add again; `None` where they have nothing of it.
pub(super) fn stripped(composer: &Composer, bench: &Bench, target: Option<&Target>, bytes: &[u8]) -> Option<Vec<u8>> {
    match bench.wraps_in(target) {
        Some(framing) => framing.payload_of(bytes),
        None => bytes.strip_suffix(&*composer.ending(bench.encoding_of(target))).map(<[u8]>::to_vec),
    }
}

/// Whether there is a line ending to be chosen.
pub(super) fn has_line_ending(ui: &Ui) -> Result<(), &'static str> {
    match ui.bench.wraps_in(ui.target.as_ref()) {
        None => Ok(()),
        Some(_) => Err("this socket wraps: what is typed gets the frame of its framing, and no line ending"),
    }
}
