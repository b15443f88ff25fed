//! How often to send a payload again, and how many times.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::{Next, Overlay, window};
use crate::contract::{Target, format_duration, parse_duration};
use crate::log::sanitise::Printable;
use crate::payload::Template;
use crate::ui::Ui;
use crate::ui::bench::repeat::{Plan, SHORTEST};
use crate::ui::canvas::Canvas;
use crate::ui::figures::grouped;
use crate::ui::panes::input::{remember, send_unless};
use crate::ui::widgets::text_input::{Edit, InputStyles, TextInput};

/// The labels of the two fields.
const LABELS: [&str; 2] = ["Every", "Times"];

struct RepeatForm {
    /// What is sent, for the title.
    name: String,
    template: Template,
    target: Target,
    /// The interval, and how many times; empty for until it is stopped.
    fields: [TextInput; 2],
    focused: usize,
    /// Whether what is typed is to be kept in the history.
    is_draft: bool,
}

/// Whether something can be repeated, or a repeat runs that can be stopped.
pub(in crate::ui) fn available(ui: &Ui) -> Result<(), &'static str> {
    let Some(target) = &ui.target else { return Err("nothing is open to send to; ^N opens a socket") };
    if ui.bench.repeats.get(target).is_none() && ui.input.draft(Some(target)).is_empty() {
        return Err("nothing is typed; a saved payload is repeated from its list, ^E");
    }
    Ok(())
}

/// Asks how often to send what is typed; where a repeat to the input's target runs, stops it.
pub(in crate::ui) fn open_or_stop(ui: &mut Ui) {
    let Some(target) = ui.target.clone() else { return };
    if ui.bench.repeats.get(&target).is_some() {
        ui.stop_repeat(&target);
        return;
    }
    match ui.input.template(Some(&target), &ui.bench) {
        Ok(template) => open_form(ui, "what is typed".to_owned(), template, true),
        Err(error) => ui.tell_error(format!("Not repeated: {error}.")),
    }
}

/// Asks how often to send a payload of this name.
pub(in crate::ui) fn open(ui: &mut Ui, name: String, template: Template) {
    open_form(ui, name, template, false);
}

fn open_form(ui: &mut Ui, name: String, template: Template, is_draft: bool) {
    let Some(target) = ui.target.clone() else {
        ui.tell_error("Not repeated: nothing is open to send to; ^N opens a socket.");
        return;
    };
    let [every, times] = ui.input.last_repeat.clone();
    let fields = [TextInput::with_text(&every), TextInput::with_text(&times)];
    ui.overlays.push(Box::new(RepeatForm { name, template, target, fields, focused: 0, is_draft }));
}

impl RepeatForm {
    /// What is typed as a plan, or what is wrong with it.
    fn plan(&self, ui: &Ui) -> Result<Plan, String> {
        let every = parse_duration(self.fields[0].text().trim())?;
        if every < SHORTEST {
            return Err(format!("at least {} lie between two sends", format_duration(SHORTEST)));
        }
        let count = match self.fields[1].text().trim() {
            "" => None,
            text => match text.parse() {
                Ok(count @ 1..) => Some(count),
                _ => {
                    return Err(format!("`{text}` is no number of times; leave it empty to go on until it is stopped"));
                }
            },
        };
        let is_datagram = ui.bench.is_datagram(&self.target);
        Ok(Plan { template: self.template.clone(), target: self.target.clone(), every, count, is_datagram })
    }

    fn start(&self, ui: &mut Ui) -> Next {
        let Ok(plan) = self.plan(ui) else { return Next::Stay };
        let bytes = match ui.bench.filled(&plan.template, Some(&plan.target), ui.bench.now(), 0) {
            Ok(bytes) => bytes,
            Err(why) => {
                ui.tell_error(format!("Not repeated: {why}."));
                return Next::Stay;
            }
        };
        ui.input.last_repeat = [self.fields[0].text().to_owned(), self.fields[1].text().to_owned()];
        let is_draft = self.is_draft;
        send_unless(ui, &plan.target.clone(), bytes, move |ui, _| {
            if is_draft {
                remember(ui, &plan.target);
            }
            ui.start_repeat(plan);
        });
        Next::Close
    }
}

impl Overlay for RepeatForm {
    fn key(&mut self, key: KeyEvent, ui: &mut Ui) -> Next {
        match key.code {
            KeyCode::Esc => return Next::Close,
            KeyCode::Enter => return self.start(ui),
            KeyCode::Tab | KeyCode::Down | KeyCode::BackTab | KeyCode::Up => self.focused = 1 - self.focused,
            _ => {
                if let Some(edit) = Edit::of(key) {
                    self.fields[self.focused].apply(edit);
                }
            }
        }
        Next::Stay
    }

    fn paste(&mut self, text: &str, _ui: &mut Ui) {
        self.fields[self.focused].apply(Edit::InsertText(text.to_owned()));
    }

    fn render(&self, canvas: &mut Canvas<'_>, screen: Rect, ui: &Ui) {
        let to = ui.bench.roster.name(self.target.socket());
        let inside = window(canvas, screen, ui, &format!("Repeat {} to {to}", self.name), 66, 8);
        let look = &ui.look;
        let styles = InputStyles { text: look.text, cursor: look.selected, error: look.error, placeholder: look.dim };
        for (index, (y, (label, field))) in (inside.y + 1..).zip(LABELS.into_iter().zip(&self.fields)).enumerate() {
            let focused = index == self.focused;
            canvas.put(inside.x, y, inside.right(), &Printable::text(label), if focused { look.key } else { look.dim });
            let x = inside.x + 7;
            let line = Rect { x, y, width: inside.right().saturating_sub(x), height: 1 };
            field.render(canvas, line, &styles, None, focused);
            if index == 1 && field.is_empty() {
                let x = x + u16::from(focused) * 2;
                canvas.put(x, y, inside.right(), &Printable::text("until it is stopped"), look.dim);
            }
        }
        let (text, style) = match self.plan(ui) {
            Ok(Plan { every, count: Some(count), .. }) => {
                let time = every.saturating_mul(u32::try_from(count - 1).unwrap_or(u32::MAX));
                let time = std::time::Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
                (format!("{} times, over {}", grouped(count), format_duration(time)), look.text)
            }
            Ok(Plan { count: None, .. }) => ("until you stop it, or the socket closes".to_owned(), look.text),
            Err(why) => (why, look.error),
        };
        let y = inside.y + 4;
        canvas.put(inside.x, y, inside.right(), &Printable::text(&text), style);
        let hint = "Enter starts  Tab other field  Esc closes  (250ms, 5s, 2m)";
        canvas.put(inside.x, inside.bottom().saturating_sub(1), inside.right(), &Printable::text(hint), look.dim);
    }
}
