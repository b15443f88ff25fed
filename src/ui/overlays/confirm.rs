//! A question before something is lost. The focus is on Cancel.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;

use super::{Next, Overlay, centred, window};
use crate::log::sanitise::Printable;
use crate::ui::Ui;
use crate::ui::canvas::Canvas;
use crate::ui::widgets::paragraph::{put_wrapped, wrapped_rows};

const WIDTH: u16 = 62;

/// What is done once the user agrees.
type Act = Box<dyn FnOnce(&mut Ui)>;

pub(in crate::ui) struct Confirm {
    title: String,
    text: String,
    verb: String,
    agreed: bool,
    act: Option<Act>,
    screen: std::cell::Cell<Rect>,
}

impl Confirm {
    /// Asks `title`, with `text` to say what would be lost; the button that agrees says `verb`.
    pub(in crate::ui) fn new(title: &str, text: &str, verb: &str, act: impl FnOnce(&mut Ui) + 'static) -> Self {
        Self {
            title: title.to_owned(),
            text: text.to_owned(),
            verb: verb.to_owned(),
            agreed: false,
            act: Some(Box::new(act)),
            screen: std::cell::Cell::default(),
        }
    }

    fn agree(&mut self, ui: &mut Ui) -> Next {
        if let Some(act) = self.act.take() {
            act(ui);
        }
        Next::Close
    }

    fn height(&self) -> u16 {
        wrapped_rows(WIDTH - 4, &Printable::text(&self.text)) + 5
    }

    /// Where the two buttons are: Cancel, and the one that agrees.
    fn buttons(&self, screen: Rect) -> (Rect, Rect) {
        let area = centred(screen, WIDTH, self.height());
        let y = area.bottom().saturating_sub(2);
        let agree = u16::try_from(self.verb.chars().count() + 4).unwrap_or(WIDTH);
        let x = area.right().saturating_sub(agree + 2);
        let agree = Rect { x, y, width: agree, height: 1 };
        (Rect { x: x.saturating_sub(12), y, width: 10, height: 1 }, agree)
    }
}

impl Overlay for Confirm {
    fn is_question(&self) -> bool {
        true
    }

    fn key(&mut self, key: KeyEvent, ui: &mut Ui) -> Next {
        if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) {
            return Next::Stay;
        }
        match key.code {
            KeyCode::Left | KeyCode::Right | KeyCode::Tab | KeyCode::BackTab => {
                self.agreed = !self.agreed;
                Next::Stay
            }
            KeyCode::Char('y' | 'Y') => self.agree(ui),
            KeyCode::Enter if self.agreed => self.agree(ui),
            KeyCode::Enter | KeyCode::Esc | KeyCode::Char('n' | 'N' | 'q' | 'c') => Next::Close,
            _ => Next::Stay,
        }
    }

    fn mouse(&mut self, x: u16, y: u16, wheel: i32, ui: &mut Ui) -> Next {
        let (cancel, agree) = self.buttons(self.screen.get());
        if wheel == 0 && agree.contains((x, y).into()) {
            self.agree(ui)
        } else if wheel == 0 && cancel.contains((x, y).into()) {
            Next::Close
        } else {
            Next::Stay
        }
    }

    fn render(&self, canvas: &mut Canvas<'_>, screen: Rect, ui: &Ui) {
        self.screen.set(screen);
        let inside = window(canvas, screen, ui, &self.title, WIDTH, self.height());
        let text = Rect { y: inside.y + 1, height: inside.height.saturating_sub(2), ..inside };
        put_wrapped(canvas, text, &Printable::text(&self.text), ui.look.text);
        let (cancel, agree) = self.buttons(screen);
        let style = |chosen: bool| if chosen { ui.look.selected } else { ui.look.text };
        canvas.put(cancel.x, cancel.y, cancel.right(), &Printable::text("[ Cancel ]"), style(!self.agreed));
        let label = Printable::text(&format!("[ {} ]", self.verb));
        canvas.put(agree.x, agree.y, agree.right(), &label, style(self.agreed));
        let hint = Printable::text("y yes  n no");
        canvas.put(inside.x, cancel.y, cancel.x.max(inside.x), &hint, ui.look.dim);
    }
}
