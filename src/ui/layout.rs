//! Where the panes are on a screen of a given size.

use ratatui::layout::Rect;

use super::Pane;

/// The smallest screen on which the bench is drawn, columns by rows.
pub(super) const SMALLEST: (u16, u16) = (40, 10);

/// The areas of the panes; an area that is empty is not drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) sockets: Rect,
    pub(super) log: Rect,
    pub(super) inspector: Rect,
    pub(super) input: Rect,
    pub(super) status: Rect,
}

impl Layout {
    /// The layout for a screen, with so many rows of text in the input, and this pane in focus: below 80 columns it is
    /// the one that is shown. `None` where the screen is too small for any.
    pub(super) fn of(screen: Rect, input_rows: u16, focus: Pane) -> Option<Self> {
        if screen.width < SMALLEST.0 || screen.height < SMALLEST.1 {
            return None;
        }
        let (rest, status) = split_bottom(screen, 1);
        let input_height = (input_rows + 2).clamp(3, (screen.height / 3).max(3));
        let (main, input) = split_bottom(rest, input_height);
        let mut layout = Self { input, status, ..Self::default() };
        if screen.width < 80 {
            match focus {
                Pane::Sockets => layout.sockets = main,
                Pane::Inspector => layout.inspector = main,
                Pane::Log | Pane::Input => layout.log = main,
            }
            return Some(layout);
        }
        let (sockets, right) = split_left(main, percent(screen.width, 28).clamp(24, 40));
        layout.sockets = sockets;
        if screen.width >= 180 {
            let (log, inspector) = split_left(right, screen.width / 2);
            layout.log = log;
            layout.inspector = inspector;
        } else if screen.width >= 120 && right.height >= 16 {
            let (log, inspector) = split_bottom(right, right.height * 2 / 5);
            layout.log = log;
            layout.inspector = inspector;
        } else if focus == Pane::Inspector {
            layout.inspector = right;
        } else {
            layout.log = right;
        }
        Some(layout)
    }

    /// The same layout with more height for an inspector under the log, for lessons take more room than bytes, and a
    /// timeline has few rows.
    pub(super) fn with_room_for_lessons(mut self) -> Self {
        if self.inspector.x == self.log.x && self.inspector.y == self.log.bottom() && !self.log.is_empty() {
            let both = Rect { height: self.log.height + self.inspector.height, ..self.log };
            (self.log, self.inspector) = split_bottom(both, both.height * 3 / 5);
        }
        self
    }

    /// The pane's area.
    pub(super) fn area(&self, pane: Pane) -> Rect {
        match pane {
            Pane::Sockets => self.sockets,
            Pane::Log => self.log,
            Pane::Inspector => self.inspector,
            Pane::Input => self.input,
        }
    }

    /// The pane at this cell.
    pub(super) fn pane_at(&self, x: u16, y: u16) -> Option<Pane> {
        Pane::ALL.into_iter().find(|pane| self.area(*pane).contains((x, y).into()))
    }
}

/// So many hundredths of a length.
fn percent(length: u16, hundredths: u32) -> u16 {
    u16::try_from(u32::from(length) * hundredths / 100).unwrap_or(u16::MAX)
}

fn split_bottom(area: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(area.height);
    let top = Rect { height: area.height - height, ..area };
    (top, Rect { y: top.bottom(), height, ..area })
}

fn split_left(area: Rect, width: u16) -> (Rect, Rect) {
    let width = width.min(area.width);
    (Rect { width, ..area }, Rect { x: area.x + width, width: area.width - width, ..area })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn panes_never_overlap_nor_leave_the_screen(width in 0u16..5000, height in 0u16..2000, rows in 0u16..50, focus in 0usize..4) {
            let screen = Rect::new(0, 0, width, height);
            for layout in Layout::of(screen, rows, Pane::ALL[focus]).into_iter().flat_map(|layout| [layout, layout.with_room_for_lessons()]) {
                let areas = [layout.sockets, layout.log, layout.inspector, layout.input, layout.status];
                let cells: u32 = areas.iter().map(|area| area.area()).sum();
                prop_assert_eq!(cells, screen.area());
                for (index, area) in areas.iter().enumerate() {
                    prop_assert_eq!(area.intersection(screen), *area);
                    for other in &areas[index + 1..] {
                        prop_assert!(!area.intersects(*other));
                    }
                }
                prop_assert!(!layout.area(Pane::ALL[focus]).is_empty());
            }
            prop_assert_eq!(Layout::of(screen, rows, Pane::ALL[focus]).is_none(), width < 40 || height < 10);
        }
    }
}
