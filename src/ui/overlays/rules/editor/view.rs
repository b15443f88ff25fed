//! How the form looks: its fields, what is wrong with them, and below what the rule would do.

use ratatui::layout::Rect;

use super::fields::{Field, ONCES, SENDS, THENS, WHENS};
use super::{Editor, LABEL_WIDTH, Wrong};
use crate::encoding::{Encoding, Reading};
use crate::log::sanitise::Printable;
use crate::ui::Ui;
use crate::ui::canvas::Canvas;
use crate::ui::overlays::rules::trial::{Tone, trial};
use crate::ui::overlays::window;
use crate::ui::panes::inspector::dump_styles;
use crate::ui::widgets::hexdump::Hexdump;
use crate::ui::widgets::paragraph::put_wrapped;
use crate::ui::widgets::text_input::InputStyles;

/// The rows below the fields: what the focused one is, what the trial told, and the keys.
const REST: u16 = 10;

/// The fields that are in sight wherever there is any room.
const LEAST: u16 = 4;

impl Editor {
    /// Draws the form in the middle of the screen.
    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, screen: Rect, ui: &Ui) {
        let look = &ui.look;
        let fields = self.fields();
        let title = match self.before.name.as_str() {
            "" => "New rule".to_owned(),
            name => format!("Change the rule {name}"),
        };
        // One height for all that can be chosen, so that nothing jumps.
        let width = screen.width.saturating_sub(4).min(100);
        let inside = window(canvas, screen, ui, &title, width, 11 + REST + 3);
        let count = u16::try_from(fields.len()).unwrap_or(u16::MAX);
        let height = inside.height.saturating_sub(REST).max(LEAST).min(count).min(inside.height);
        let area = Rect { height, ..inside };
        let at = fields.iter().position(|field| *field == self.focus).unwrap_or(0);
        let first = (at + 1).saturating_sub(usize::from(height));
        self.drawn.set((area, first));
        let outcome = self.entry(ui);
        let wrong = outcome.as_ref().err();
        for (y, field) in (area.y..area.bottom()).zip(fields.iter().skip(first)) {
            let line = Rect { y, height: 1, ..area };
            self.draw_field(canvas, line, ui, *field, wrong.filter(|wrong| wrong.field == *field));
        }
        let hidden = fields.len() - usize::from(height).min(fields.len());
        if hidden > 0 && height > 0 {
            let more = format!("{} of {}", at + 1, fields.len());
            let x = area.right().saturating_sub(u16::try_from(more.len()).unwrap_or(0));
            canvas.put(x, area.y, area.right(), &Printable::text(&more), look.key);
        }
        let bottom = inside.bottom().saturating_sub(1);
        let mut y = area.bottom();
        let mut say = |canvas: &mut Canvas<'_>, text: &str, style| {
            let place = Rect { y, height: bottom.saturating_sub(y), ..inside };
            if place.height > 0 {
                y += put_wrapped(canvas, place, &Printable::text(text), style);
            }
            y
        };
        match &outcome {
            Err(wrong) => {
                say(canvas, &format!("{}: {}", wrong.field.label(), wrong.message), look.error);
            }
            Ok(_) => {
                say(canvas, &self.help(ui), look.dim);
            }
        }
        // Whether it matches is told also while what it sends is not yet right.
        let tried = match &outcome {
            Ok(entry) => Some((entry.clone(), true)),
            Err(_) => self.waiting(ui).ok().map(|entry| (entry, false)),
        };
        if let Some((entry, is_whole)) = tried {
            let trial = trial(ui, &entry, self.place(ui), is_whole.then_some(self.seed));
            let mut end = say(canvas, " ", look.text);
            for (text, tone) in &trial.lines {
                let style = match tone {
                    Tone::Told => look.text,
                    Tone::Good => look.good,
                    Tone::Warning => look.warning,
                    Tone::Error => look.error,
                };
                end = say(canvas, text, style);
            }
            if let Some(bytes) = &trial.bytes {
                let place = Rect { y: end, height: bottom.saturating_sub(end), ..inside };
                let reading = Reading::alone(Encoding::UTF_8);
                let (selection, found, bounds) = (None, Vec::new(), Vec::new());
                let dump = Hexdump { bytes, scroll: 0, selection, found, bounds, reading };
                dump.render(canvas, place, &dump_styles(ui));
            }
        }
        let keys = "Enter or ^S keeps it  Up/Down field  Left/Right choice  Esc leaves it";
        canvas.put(inside.x, bottom, inside.right(), &Printable::text(keys), look.dim);
    }

    /// What the focused field is for, and where a path in it begins.
    fn help(&self, ui: &Ui) -> String {
        let help = self.focus.help();
        match self.focus {
            Field::Root => format!("{help}; it is relative to {}", ui.bench.profile.folder_in_words()),
            Field::Program => format!("{help}; it runs in {}", ui.bench.profile.folder_in_words()),
            _ => help.to_owned(),
        }
    }

    fn draw_field(&self, canvas: &mut Canvas<'_>, line: Rect, ui: &Ui, field: Field, wrong: Option<&Wrong>) {
        let look = &ui.look;
        let focused = self.focus == field;
        let mark = if focused { ">" } else { " " };
        let x = line.x + LABEL_WIDTH;
        let label_style = if focused { look.key } else { look.text };
        canvas.put(line.x, line.y, x, &Printable::text(&format!("{mark} {}", field.label())), label_style);
        let word = match field {
            Field::When => WHENS[self.when].1,
            Field::Send => SENDS[self.send].1,
            Field::Then => THENS[self.then].1,
            Field::Once => ONCES[self.once].1,
            Field::Payload => self.text(field),
            _ => {
                let styles =
                    InputStyles { text: look.text, cursor: look.selected, error: look.error, placeholder: look.dim };
                let at = wrong.map(|wrong| wrong.at.clone());
                let place = Rect { x, width: line.right().saturating_sub(x), ..line };
                self.input(field).render(canvas, place, &styles, at, focused);
                return;
            }
        };
        let style = if focused { look.selected } else { look.text };
        canvas.put(x, line.y, line.right(), &Printable::text(&format!("< {word} >")), style);
    }
}
