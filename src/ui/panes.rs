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

/// Grouped by thousands, as in `1,204`.
pub(in crate::ui) fn grouped(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or(u64::MAX).to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(super::grouped(7usize), "7");
        assert_eq!(super::grouped(1204usize), "1,204");
        assert_eq!(super::grouped(123_456_789usize), "123,456,789");
    }
}
