//! How the form looks: which of its fields are in sight, and what is said below them.

use ratatui::layout::Rect;

use super::calls::calls;
use super::{ADDRESS, FIRST_OPTION, LABEL_WIDTH, NAME, SCHEME, SocketForm, Wrong, name_of};
use crate::log::sanitise::Printable;
use crate::ui::Ui;
use crate::ui::canvas::Canvas;
use crate::ui::overlays::window;
use crate::ui::widgets::paragraph::put_wrapped;
use crate::ui::widgets::text_input::{InputStyles, TextInput};

/// The rows below the fields: what the focused one is, the URL, the calls, and the keys.
const REST: u16 = 8;

/// The fields that are in sight wherever there is any room: those before the options, and one option.
const LEAST: u16 = 4;

/// How many columns at the right say how many fields are out of sight.
const MORE_WIDTH: u16 = 10;

impl SocketForm {
    /// Draws the form in the middle of the screen.
    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, screen: Rect, ui: &Ui) {
        let look = &ui.look;
        let title = if self.socket.is_some() { "Change the socket" } else { "New socket" };
        let fields = u16::try_from(self.fields()).unwrap_or(u16::MAX);
        let inside = window(canvas, screen, ui, title, 78, fields + REST + 3);
        let outcome = self.endpoint(ui);
        let wrong = outcome.as_ref().err();
        let area =
            Rect { height: inside.height.saturating_sub(REST).max(LEAST).min(fields).min(inside.height), ..inside };
        self.drawn.set(area);
        self.bring_into_sight(usize::from(area.height));
        for (row, y) in (0..).zip(area.y..area.bottom()) {
            let field = self.field_at(row);
            let more = self.out_of_sight(row, usize::from(area.height), ui);
            let width = area.width.saturating_sub(if more.is_empty() { 0 } else { MORE_WIDTH });
            let line = Rect { y, height: 1, width, ..area };
            self.render_field(canvas, line, ui, field, wrong.filter(|wrong| wrong.field == field));
            let more = Printable::text(&more);
            let x = area.right().saturating_sub(u16::try_from(more.width()).unwrap_or(0));
            canvas.put(x, y, area.right(), &more, look.key);
        }
        let rest = Rect { y: area.bottom() + 1, height: inside.bottom().saturating_sub(area.bottom() + 1), ..inside };
        let mut y = rest.y;
        let mut say = |text: &str, style| {
            if y < rest.bottom() {
                y += put_wrapped(canvas, Rect { y, height: rest.bottom() - y, ..rest }, &Printable::text(text), style);
            }
        };
        let about = match self.option_at(self.focus) {
            Some(option) => format!("{}: {}. {}", option.name, option.help, option.kind.hint()),
            None if self.focus == SCHEME => self.scheme.summary.to_owned(),
            None if self.focus == ADDRESS => format!("address: {}", self.scheme.address_form),
            None => "name: how the list, the log and the profile call it".to_owned(),
        };
        say(&about, look.dim);
        match &outcome {
            Err(wrong) => say(&wrong.message, look.error),
            Ok(endpoint) => {
                say(&endpoint.to_string(), look.good);
                if let Some(name) = name_of(endpoint) {
                    let (text, bad) = ui.host_names.describe(name);
                    say(&text, if bad { look.warning } else { look.dim });
                }
                if endpoint.address.is_wildcard() && !self.scheme.is_client() {
                    say("This listens on every interface: EXPOSED.", look.warning);
                }
                say(&calls(endpoint), look.text);
            }
        }
        let bottom = inside.bottom().saturating_sub(1);
        let verb = if self.opens { "opens" } else { "changes" };
        let keys = format!("Enter {verb}  Up/Down/Tab field  Left/Right choice  Esc leaves it");
        canvas.put(inside.x, bottom, inside.right(), &Printable::text(&keys), look.dim);
    }

    /// The field of a row: scheme, address and name always stand on top, and the options move below them.
    pub(super) fn field_at(&self, row: usize) -> usize {
        if row < FIRST_OPTION { row } else { row + self.first.get() }
    }

    /// Moves the options so that the focused one is among those in sight, in so many rows.
    fn bring_into_sight(&self, rows: usize) {
        let room = rows.saturating_sub(FIRST_OPTION).max(1);
        let options = self.scheme.options.len();
        let mut first = self.first.get();
        if let Some(focused) = self.focus.checked_sub(FIRST_OPTION) {
            first = first.clamp((focused + 1).saturating_sub(room), focused);
        } else {
            first = 0;
        }
        self.first.set(first.min(options.saturating_sub(room)));
    }

    /// What a row says of the options above or below those in sight.
    fn out_of_sight(&self, row: usize, rows: usize, ui: &Ui) -> String {
        let first = self.first.get();
        let below = self.fields().saturating_sub(rows + first);
        let marks = ui.look.marks;
        match row {
            FIRST_OPTION if first > 0 => format!("{} {first} more", marks.up),
            _ if row + 1 == rows && below > 0 => format!("{} {below} more", marks.down),
            _ => String::new(),
        }
    }

    fn render_field(&self, canvas: &mut Canvas<'_>, line: Rect, ui: &Ui, field: usize, wrong: Option<&Wrong>) {
        let look = &ui.look;
        let focused = self.focus == field;
        let label = match field {
            SCHEME => "scheme",
            ADDRESS => "address",
            NAME => "name",
            _ => self.option_at(field).map_or("", |option| option.name),
        };
        // What the user has not touched stays in the background.
        let default = self.input(field).is_some_and(TextInput::is_empty) && field >= FIRST_OPTION;
        let text_style = if default { look.dim } else { look.text };
        let label_style = if focused { look.key } else { text_style };
        let mark = if focused { ">" } else { " " };
        let x = line.x + LABEL_WIDTH;
        canvas.put(line.x, line.y, x, &Printable::text(&format!("{mark} {label}")), label_style);
        if field == SCHEME {
            let style = if focused { look.selected } else { look.text };
            canvas.put(x, line.y, line.right(), &Printable::text(&format!("< {} >", self.scheme.name)), style);
            return;
        }
        if field == ADDRESS && !self.has_address() {
            canvas.put(x, line.y, line.right(), &Printable::text("(none)"), look.dim);
            return;
        }
        let Some(input) = self.input(field) else { return };
        if self.choices(field).is_some() {
            let style = if focused { look.selected } else { text_style };
            let x = canvas.put(x, line.y, line.right(), &Printable::text("< "), style);
            let text = Printable::text(input.text());
            let x =
                canvas.put(x, line.y, line.right(), if input.is_empty() { input.placeholder() } else { &text }, style);
            canvas.put(x, line.y, line.right(), &Printable::text(" >"), style);
            return;
        }
        let styles = InputStyles { text: look.text, cursor: look.selected, error: look.error, placeholder: look.dim };
        let at = wrong.map(|wrong| wrong.at.clone());
        input.render(canvas, Rect { x, width: line.right().saturating_sub(x), ..line }, &styles, at, focused);
    }
}
