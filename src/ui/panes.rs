//! The panes, one file each, with the actions that belong to them.

pub(super) mod input;
pub(super) mod inspector;
pub(super) mod log;
pub(super) mod sockets;
pub(super) mod status;

use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::{Pane, Ui};
use crate::log::sanitise::Printable;

/// Draws a pane's frame with its title, and gives the area inside.
fn frame(ui: &Ui, canvas: &mut Canvas<'_>, pane: Pane, title: &str) -> Rect {
    let area = ui.layout.area(pane);
    let look = &ui.look;
    let focused = ui.focus == pane && ui.overlays.is_empty();
    let (set, style) = if focused { (look.frame_focused, look.border_focused) } else { (look.frame, look.border) };
    let inside = canvas.frame(area, set, style);
    let title_style = if focused { look.badge } else { look.title };
    let room = usize::from(area.width.saturating_sub(4));
    let title = Printable::text(title).truncate(room, look.marks.ellipsis);
    let title = Printable::text(&format!(" {} ", title.as_str()));
    canvas.put(area.x + 1, area.y, area.right().saturating_sub(1), &title, title_style);
    inside
}
