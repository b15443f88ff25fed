//! The status line: how the bench fares at the left, what to press at the right, or one message across.

use ratatui::layout::Rect;

use crate::contract::Recording;
use crate::log::sanitise::Printable;
use crate::ui::canvas::Canvas;
use crate::ui::figures::{grouped, size};
use crate::ui::notice::Gravity;
use crate::ui::overlays::transfers;
use crate::ui::panes::log::timeline;
use crate::ui::{Pane, Ui, actions};

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
    let open = ui.bench.open_sockets();
    let mut x = area.x;
    if let Some(recording) = &ui.recording {
        let text = match recording {
            Recording::Running { file, bytes, missed: 0 } => format!(" REC {file} {}", size(*bytes)),
            Recording::Running { file, bytes, missed } => {
                format!(" REC {file} {}, {} rows missed", size(*bytes), grouped(*missed))
            }
            Recording::Failed(why) => format!(" NOT RECORDING: {why}"),
        };
        let text = Printable::text(&text).truncate(usize::from(area.width) * 2 / 3, marks.ellipsis);
        let start = x;
        x = canvas.put(x, area.y, area.right(), &text, ui.look.error);
        if let Some(action) = actions().find(|action| action.name == "record") {
            ui.buttons.push((Rect { x: start, y: area.y, width: x - start, height: 1 }, action));
        }
        x = canvas.put(x, area.y, area.right(), &Printable::text(&format!(" {}", marks.dot)), ui.look.text);
    }
    x = canvas.put(x, area.y, area.right(), &Printable::text(&format!(" {open} open")), ui.look.text);
    if ui.bench.lost > 0 {
        let lost = Printable::text(&format!(" {} lost {}", marks.dot, ui.bench.lost));
        x = canvas.put(x, area.y, area.right(), &lost, ui.look.error);
    }
    if ui.bench.forgotten > 0 {
        let text = format!(" {} {} oldest rows gone", marks.dot, grouped(ui.bench.forgotten));
        x = canvas.put(x, area.y, area.right(), &Printable::text(&text), ui.look.error);
    }
    if let Some(trouble) = ui.bench.store.trouble() {
        let text = Printable::text(&format!(" {} log: {trouble}", marks.dot));
        x = canvas.put(x, area.y, area.right(), &text.truncate(40, marks.ellipsis), ui.look.error);
    }
    if let Some(text) = ui.replay_status() {
        let start = x;
        x = canvas.put(x, area.y, area.right(), &Printable::text(&format!(" {} {text}", marks.dot)), ui.look.sent);
        if let Some(action) = actions().find(|action| action.name == "replay") {
            ui.buttons.push((Rect { x: start, y: area.y, width: x - start, height: 1 }, action));
        }
    }
    if let Some(text) = ui.scenario_status() {
        let start = x;
        let text = Printable::text(&format!(" {} {text}", marks.dot));
        x = canvas.put(x, area.y, area.right(), &text, ui.look.sent);
        if let Some(action) = actions().find(|action| action.name == "stop-scenario") {
            ui.buttons.push((Rect { x: start, y: area.y, width: x - start, height: 1 }, action));
        }
    }
    if let Some(text) = ui.repeat_status() {
        let start = x;
        x = canvas.put(x, area.y, area.right(), &Printable::text(&format!(" {} {text}", marks.dot)), ui.look.sent);
        if let Some(action) = actions().find(|action| action.name == "repeat") {
            ui.buttons.push((Rect { x: start, y: area.y, width: x - start, height: 1 }, action));
        }
    }
    let rates = &ui.bench.rates;
    if let Some(text) = transfers::newest(ui) {
        let start = x;
        x = canvas.put(x, area.y, area.right(), &Printable::text(&format!(" {} {text}", marks.dot)), ui.look.sent);
        if let Some(action) = actions().find(|action| action.name == "transfers") {
            ui.buttons.push((Rect { x: start, y: area.y, width: x - start, height: 1 }, action));
        }
    } else if rates.is_moving() {
        let text = format!(
            " {} {}{}/s {}{}/s",
            marks.dot,
            marks.down,
            size(rates.last_received),
            marks.up,
            size(rates.last_sent)
        );
        x = canvas.put(x, area.y, area.right(), &Printable::text(&text), ui.look.received);
    }
    if let Some(text) = ui.file_status() {
        let text = Printable::text(&format!(" {} {text}", marks.dot));
        x = canvas.put(x, area.y, area.right(), &text, ui.look.text);
    }
    if let Some(path) = &ui.bench.profile.path {
        let changed = if ui.bench.profile.is_modified() { "*" } else { "" };
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let text = Printable::text(&format!(" {} {name}{changed}", marks.dot));
        x = canvas.put(x, area.y, area.right(), &text, ui.look.dim);
    }
    x = canvas.put(x, area.y, area.right(), &Printable::text(&format!(" {} ", marks.bar)), ui.look.dim);
    render_hints(ui, canvas, Rect { x, width: area.right().saturating_sub(x), ..area });
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
        let Some(action) = actions().find(|action| action.name == name) else { continue };
        if (action.available)(ui).is_err() {
            continue;
        }
        let Some(key) = ui.keymap.keys_of(name).into_iter().next() else { continue };
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
