//! The status line: how the bench fares at the left, what to press at the right, or one message across.

use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::contract::Recording;
use crate::log::sanitise::Printable;
use crate::ui::action::named;
use crate::ui::canvas::Canvas;
use crate::ui::figures::{grouped, size};
use crate::ui::notice::Gravity;
use crate::ui::overlays::transfers;
use crate::ui::panes::log::timeline;
use crate::ui::{ActionSpec, Pane, Ui};

/// The hints for each pane, most useful first: action names.
pub(in crate::ui) const fn hints(pane: Pane) -> &'static [(&'static str, &'static str)] {
    match pane {
        Pane::Sockets => &[
            ("new", "new"),
            ("reopen", "open"),
            ("close", "close"),
            ("half-close", "half-close"),
            ("abort", "abort"),
            ("only-this-socket", "only this"),
            ("palette", "commands"),
            ("list-help", "help"),
        ],
        Pane::Log => &[
            ("inspect", "inspect"),
            ("log-filter", "filter"),
            ("find", "find"),
            ("follow", "follow"),
            ("pause", "pause"),
            ("log-timeline", "timeline"),
            ("take", "resend"),
            ("copy", "copy"),
            ("export", "export"),
            ("select", "select"),
            ("log-help", "help"),
        ],
        Pane::Inspector => &[
            ("inspector-to-log", "back"),
            ("change-option", "change"),
            ("inspector-select", "select"),
            ("inspector-copy", "copy"),
            ("inspector-tab", "next tab"),
            ("strings", "strings"),
            ("statistics-of", "statistics"),
            ("inspector-next", "next"),
            ("inspector-previous", "previous"),
            ("inspector-help", "help"),
        ],
        Pane::Input => &[
            ("send", "send"),
            ("next-pane", "pane"),
            ("mode", "text/hex"),
            ("new-socket", "new"),
            ("palette", "commands"),
            ("help", "help"),
        ],
    }
}

pub(in crate::ui) fn render(ui: &mut Ui, canvas: &mut Canvas<'_>) {
    let area = ui.layout.status;
    if let Some(notice) = &ui.notice {
        let (mark, style) = match notice.gravity {
            Gravity::Good => (ui.look.marks.open, ui.look.good),
            Gravity::Warning => ("!", ui.look.warning),
            Gravity::Error => (ui.look.marks.failed, ui.look.error),
        };
        let text = Printable::text(&format!(" {mark} {}", notice.text));
        let text = text.truncate(usize::from(area.width), ui.look.marks.ellipsis);
        canvas.put(area.x, area.y, area.right(), &text, style);
        return;
    }
    let marks = ui.look.marks;
    let dot = marks.dot;
    let mut line = Line { canvas, area, x: area.x };
    if let Some(recording) = &ui.recording {
        let text = match recording {
            Recording::Running { file, bytes, missed: 0 } => format!(" REC {file} {}", size(*bytes)),
            Recording::Running { file, bytes, missed } => {
                format!(" REC {file} {}, {} rows missed", size(*bytes), grouped(*missed))
            }
            Recording::Failed(why) => format!(" NOT RECORDING: {why}"),
        };
        let text = Printable::text(&text).truncate(usize::from(area.width) * 2 / 3, marks.ellipsis);
        ui.buttons.extend(line.button(&text, ui.look.error, "record"));
        line.put(&format!(" {dot}"), ui.look.text);
    }
    line.put(&format!(" {} open", ui.bench.open_sockets()), ui.look.text);
    if ui.bench.lost > 0 {
        line.put(&format!(" {dot} lost {}", ui.bench.lost), ui.look.error);
    }
    if ui.bench.forgotten > 0 {
        line.put(&format!(" {dot} {} oldest rows gone", grouped(ui.bench.forgotten)), ui.look.error);
    }
    if let Some(trouble) = ui.bench.store.trouble() {
        let text = Printable::text(&format!(" {dot} log: {trouble}"));
        line.put_printable(&text.truncate(40, marks.ellipsis), ui.look.error);
    }
    let transfer = transfers::newest(ui);
    let rates = transfer.is_none().then_some(&ui.bench.rates).filter(|rates| rates.is_moving());
    let rates = rates.map(|rates| (size(rates.last_received), size(rates.last_sent)));
    let under_way = [
        (ui.replay_status(), "replay"),
        (ui.scenario_status(), "stop-scenario"),
        (ui.repeat_status(), "repeat"),
        (transfer, "transfers"),
    ];
    for (text, action) in under_way {
        let Some(text) = text else { continue };
        ui.buttons.extend(line.button(&Printable::text(&format!(" {dot} {text}")), ui.look.sent, action));
    }
    if let Some((received, sent)) = rates {
        line.put(&format!(" {dot} {}{received}/s {}{sent}/s", marks.down, marks.up), ui.look.received);
    }
    if let Some(text) = ui.file_status() {
        line.put(&format!(" {dot} {text}"), ui.look.text);
    }
    if let Some(path) = &ui.bench.profile.path {
        let changed = if ui.bench.profile.is_modified() { "*" } else { "" };
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        line.put(&format!(" {dot} {name}{changed}"), ui.look.dim);
    }
    line.put(&format!(" {} ", marks.bar), ui.look.dim);
    let x = line.x;
    render_hints(ui, canvas, Rect { x, width: area.right().saturating_sub(x), ..area });
}

/// The line as far as it is drawn.
struct Line<'a, 'b> {
    canvas: &'a mut Canvas<'b>,
    area: Rect,
    x: u16,
}

impl Line<'_, '_> {
    /// Goes on with a text, and gives where it is.
    fn put(&mut self, text: &str, style: Style) -> Rect {
        self.put_printable(&Printable::text(text), style)
    }

    fn put_printable(&mut self, text: &Printable, style: Style) -> Rect {
        let start = self.x;
        self.x = self.canvas.put(start, self.area.y, self.area.right(), text, style);
        Rect { x: start, width: self.x - start, height: 1, ..self.area }
    }

    /// Goes on with a text that runs an action where it is pressed.
    fn button(&mut self, text: &Printable, style: Style, action: &str) -> Option<(Rect, &'static ActionSpec)> {
        let place = self.put_printable(text, style);
        Some((place, named(action)?))
    }
}

fn render_hints(ui: &mut Ui, canvas: &mut Canvas<'_>, area: Rect) {
    let mut x = area.x;
    // The keys of the pane below don't act while something lies over it.
    if let Some(overlay) = ui.overlays.last() {
        for (key, word) in overlay.hints() {
            let (key, word) = (Printable::text(key), Printable::text(&format!(" {word}")));
            if usize::from(x) + key.width() + word.width() > usize::from(area.right()) {
                break;
            }
            x = canvas.put(x, area.y, area.right(), &key, ui.look.key);
            x = canvas.put(x, area.y, area.right(), &word, ui.look.dim) + 2;
        }
        return;
    }
    let in_timeline = timeline::socket(ui).is_some();
    for &(name, word) in hints(ui.focus) {
        // What leads into the timeline leads out of it by another key.
        let (name, word) =
            if in_timeline && name == "log-timeline" { ("as-text", "all sockets") } else { (name, word) };
        let Some(action) = named(name) else { continue };
        if (action.available)(ui).is_err() {
            continue;
        }
        let Some(key) = ui.keymap.key_of(name) else { continue };
        let (key, word) = (Printable::text(&key), Printable::text(&format!(" {word}")));
        let width = u16::try_from(key.width() + word.width()).unwrap_or(u16::MAX);
        if x.saturating_add(width) > area.right() {
            break;
        }
        let start = x;
        x = canvas.put(x, area.y, area.right(), &key, ui.look.key);
        x = canvas.put(x, area.y, area.right(), &word, ui.look.dim);
        ui.buttons.push((Rect { x: start, y: area.y, width: x - start, height: 1 }, action));
        x += 2;
    }
}
