//! A text too long for the status line, such as what is wrong with a profile.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::{Next, Overlay, window};
use crate::log::sanitise::Printable;
use crate::ui::Ui;
use crate::ui::canvas::Canvas;

struct Message {
    title: String,
    lines: Vec<Printable>,
    scroll: usize,
}

pub(in crate::ui) fn open(ui: &mut Ui, title: &str, text: &str) {
    let lines = text.lines().map(Printable::text).collect();
    ui.overlays.push(Box::new(Message { title: title.to_owned(), lines, scroll: 0 }));
}

impl Message {
    fn scroll_by(&mut self, rows: isize) {
        self.scroll = self.scroll.saturating_add_signed(rows).min(self.lines.len().saturating_sub(1));
    }
}

impl Overlay for Message {
    fn key(&mut self, key: KeyEvent, _ui: &mut Ui) -> Next {
        match key.code {
            KeyCode::Down | KeyCode::Char('j') => self.scroll_by(1),
            KeyCode::Up | KeyCode::Char('k') => self.scroll_by(-1),
            KeyCode::PageDown => self.scroll_by(10),
            KeyCode::PageUp => self.scroll_by(-10),
            KeyCode::Enter | KeyCode::Esc | KeyCode::F(1) | KeyCode::Char('q' | '?') => return Next::Close,
            _ => {}
        }
        Next::Stay
    }

    fn mouse(&mut self, _x: u16, _y: u16, wheel: i32, _ui: &mut Ui) -> Next {
        self.scroll_by(wheel as isize);
        Next::Stay
    }

    fn render(&self, canvas: &mut Canvas<'_>, screen: Rect, ui: &Ui) {
        let widest = self.lines.iter().map(Printable::width).max().unwrap_or(0).max(self.title.len() + 2);
        let width = u16::try_from(widest + 4).unwrap_or(u16::MAX).min(screen.width.saturating_sub(4));
        let height = u16::try_from(self.lines.len() + 4).unwrap_or(u16::MAX).min(screen.height.saturating_sub(2));
        let inside = window(canvas, screen, ui, &self.title, width, height);
        let rows = usize::from(inside.height.saturating_sub(2));
        let scroll = self.scroll.min(self.lines.len().saturating_sub(rows));
        for (y, line) in (inside.y..).zip(self.lines.iter().skip(scroll).take(rows)) {
            canvas.put(inside.x, y, inside.right(), line, ui.look.text);
        }
        let below = self.lines.len().saturating_sub(scroll + rows);
        let hint = if below > 0 { format!("{below} more lines below; Esc closes") } else { "Esc closes".to_owned() };
        canvas.put(inside.x, inside.bottom().saturating_sub(1), inside.right(), &Printable::text(&hint), ui.look.dim);
    }
}
