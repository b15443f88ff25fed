//! Why a scenario failed, as `test` tells it.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::{Next, Overlay, window};
use crate::log::sanitise::Printable;
use crate::scenario::Verdict;
use crate::ui::Ui;
use crate::ui::canvas::Canvas;
use crate::verdict::{Line, Look, Told, report};

struct Report {
    title: String,
    lines: Vec<(Printable, Look)>,
    scroll: usize,
}

/// Shows the report on a scenario that failed; of one that passed there is none.
pub(in crate::ui) fn open(ui: &mut Ui, told: &Told) {
    let Verdict::Failed(failure) = &told.verdict else { return };
    let lines = report(failure).into_iter().map(|Line { text, look }| (Printable::text(&text), look)).collect();
    ui.overlays.push(Box::new(Report { title: format!("{} failed", told.name), lines, scroll: 0 }));
}

impl Report {
    fn scroll_by(&mut self, rows: isize) {
        self.scroll = self.scroll.saturating_add_signed(rows).min(self.lines.len().saturating_sub(1));
    }

    /// The lines as they fit: those of a sentence go on in the next line, and those of bytes are cut.
    fn fitted(&self, columns: usize) -> Vec<(Printable, Look)> {
        let mut fitted = Vec::new();
        for (line, look) in &self.lines {
            if *look != Look::Head || line.width() <= columns {
                fitted.push((line.clone(), *look));
                continue;
            }
            let mut part = String::new();
            for word in line.as_str().split_inclusive(' ') {
                let width = |text: &str| Printable::text(text).width();
                if !part.is_empty() && width(&part) + width(word.trim_end()) > columns {
                    fitted.push((Printable::text(part.trim_end()), *look));
                    part.clear();
                    part.push_str("  ");
                }
                part.push_str(word);
            }
            fitted.push((Printable::text(&part), *look));
        }
        fitted
    }
}

impl Overlay for Report {
    fn key(&mut self, key: KeyEvent, _ui: &mut Ui) -> Next {
        match key.code {
            KeyCode::Down | KeyCode::Char('j') => self.scroll_by(1),
            KeyCode::Up | KeyCode::Char('k') => self.scroll_by(-1),
            KeyCode::PageDown | KeyCode::Char(' ') => self.scroll_by(10),
            KeyCode::PageUp => self.scroll_by(-10),
            KeyCode::Home => self.scroll = 0,
            KeyCode::End => self.scroll_by(isize::MAX),
            KeyCode::Enter | KeyCode::Esc | KeyCode::Char('q') => return Next::Close,
            _ => {}
        }
        Next::Stay
    }

    fn mouse(&mut self, _x: u16, _y: u16, wheel: i32, _ui: &mut Ui) -> Next {
        self.scroll_by(wheel as isize);
        Next::Stay
    }

    fn render(&self, canvas: &mut Canvas<'_>, screen: Rect, ui: &Ui) {
        let lines = self.fitted(usize::from(screen.width.saturating_sub(4)));
        let widest = lines.iter().map(|(line, _)| line.width()).max().unwrap_or(0).max(self.title.len() + 2);
        let width = u16::try_from(widest + 4).unwrap_or(u16::MAX).min(screen.width);
        let height = u16::try_from(lines.len() + 4).unwrap_or(u16::MAX).min(screen.height.saturating_sub(2));
        let inside = window(canvas, screen, ui, &self.title, width, height);
        let rows = usize::from(inside.height.saturating_sub(2));
        let scroll = self.scroll.min(lines.len().saturating_sub(rows));
        for (y, (line, look)) in (inside.y..).zip(lines.iter().skip(scroll).take(rows)) {
            let style = match look {
                Look::Head => ui.look.text,
                Look::Plain => ui.look.dim,
                Look::Marks => ui.look.error,
            };
            canvas.put(inside.x, y, inside.right(), line, style);
        }
        let below = lines.len().saturating_sub(scroll + rows);
        let more = if below > 0 { format!("{below} more lines below; ") } else { String::new() };
        let hint = Printable::text(&format!("{more}Esc closes; the sockets stay as they are"));
        canvas.put(inside.x, inside.bottom().saturating_sub(1), inside.right(), &hint, ui.look.dim);
    }
}
