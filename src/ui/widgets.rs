//! Things that panes and overlays draw with.

pub(super) mod chart;
pub(super) mod hexdump;
pub(super) mod paragraph;
pub(super) mod text_input;
