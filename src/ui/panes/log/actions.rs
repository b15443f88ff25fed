//! What can be done in the log, and when each of it is possible.

use super::preview::Preview;
use super::{find, selection, timeline};
use crate::exporter::{HEXDUMP, MARKDOWN, TEXT};
use crate::framing::Framing;
use crate::payload::{self, Mode};
use crate::ui::action::{ActionSpec, Scope, always};
use crate::ui::overlays::export::copy_selected;
use crate::ui::overlays::filter::FilterLine;
use crate::ui::overlays::replay;
use crate::ui::panes::inspector;
use crate::ui::{Effect, Pane, Ui};
pub(in crate::ui) static ACTIONS: &[ActionSpec] = &[
    ActionSpec {
        name: "log-down",
        scope: Scope::Log,
        keys: &["down", "j"],
        help: "next line",
        run: |ui| ui.bench.view.move_by(1),
        available: some_row,
    },
    ActionSpec {
        name: "log-up",
        scope: Scope::Log,
        keys: &["up", "k"],
        help: "previous line",
        run: |ui| ui.bench.view.move_by(-1),
        available: some_row,
    },
    ActionSpec {
        name: "log-page-down",
        scope: Scope::Log,
        keys: &["pagedown"],
        help: "a page down",
        run: |ui| ui.bench.view.move_by(page(ui)),
        available: some_row,
    },
    ActionSpec {
        name: "log-page-up",
        scope: Scope::Log,
        keys: &["pageup"],
        help: "a page up",
        run: |ui| ui.bench.view.move_by(-page(ui)),
        available: some_row,
    },
    ActionSpec {
        name: "log-home",
        scope: Scope::Log,
        keys: &["home"],
        help: "to the first row",
        run: |ui| ui.bench.view.home(),
        available: some_row,
    },
    ActionSpec {
        name: "follow",
        scope: Scope::Log,
        keys: &["end"],
        help: "to the last row, and follow what comes",
        run: |ui| ui.bench.view.end(),
        available: always,
    },
    ActionSpec {
        name: "pause",
        scope: Scope::Log,
        keys: &["space"],
        help: "hold the log still, or go on",
        run: |ui| {
            let paused = !ui.bench.view.is_paused();
            ui.bench.view.set_paused(paused);
        },
        available: always,
    },
    ActionSpec {
        name: "inspect",
        scope: Scope::Log,
        keys: &["enter"],
        help: "inspect this line",
        run: inspector::show_row,
        available: some_row,
    },
    ActionSpec {
        name: "log-filter",
        scope: Scope::Log,
        keys: &["/"],
        help: "filter the log",
        run: edit_filter,
        available: always,
    },
    ActionSpec {
        name: "find",
        scope: Scope::Log,
        keys: &["f"],
        help: "find text, a /pattern/ or hex: in the log",
        run: find::open,
        available: always,
    },
    ActionSpec {
        name: "find-next",
        scope: Scope::Log,
        keys: &["n"],
        help: "to the next match",
        run: find::next,
        available: find::some_find,
    },
    ActionSpec {
        name: "find-previous",
        scope: Scope::Log,
        keys: &["shift-n"],
        help: "to the match before",
        run: find::previous,
        available: find::some_find,
    },
    ActionSpec {
        name: "take",
        scope: Scope::Log,
        keys: &["r"],
        help: "take this message into the input, to send it again",
        run: take,
        available: some_message,
    },
    ActionSpec {
        name: "keep-message",
        scope: Scope::Log,
        keys: &["p"],
        help: "keep this message as a payload",
        run: crate::ui::overlays::payloads::save_message,
        available: some_message,
    },
    ActionSpec {
        name: "replay",
        scope: Scope::Log,
        keys: &["shift-r"],
        help: "replay this socket; meanwhile pause, or send the next",
        run: replay::open_or_step,
        available: replay::available,
    },
    ActionSpec {
        name: "copy",
        scope: Scope::Log,
        keys: &["y"],
        help: "copy this message, the selected rows, or the timeline",
        run: copy,
        available: something_to_copy,
    },
    ActionSpec {
        name: "export",
        scope: Scope::Log,
        keys: &["shift-y"],
        help: "copy or export rows: which, in what format, to where",
        run: crate::ui::overlays::export::open,
        available: some_row,
    },
    ActionSpec {
        name: "select",
        scope: Scope::Log,
        keys: &["v"],
        help: "select lines from this one on, or no longer",
        run: selection::toggle,
        available: some_row,
    },
    ActionSpec {
        name: "compare",
        scope: Scope::Log,
        keys: &["="],
        help: "compare this message with others, or no longer",
        run: inspector::compare::toggle,
        available: some_message,
    },
    ActionSpec {
        name: "release-mouse",
        scope: Scope::Log,
        keys: &["shift-m"],
        help: "give the mouse to the terminal, or take it back",
        run: Ui::toggle_mouse,
        available: always,
    },
    ActionSpec {
        name: "log-to-input",
        scope: Scope::Log,
        keys: &["i"],
        help: "to the input",
        run: |ui| ui.focus_on(Pane::Input),
        available: always,
    },
    ActionSpec {
        name: "log-record",
        scope: Scope::Log,
        keys: &["c"],
        help: "record all sockets into a pcapng file, or stop to",
        run: crate::ui::overlays::recording::toggle,
        available: always,
    },
    ActionSpec {
        name: "log-rules",
        scope: Scope::Log,
        keys: &["a"],
        help: "the rules: what answers by itself",
        run: crate::ui::overlays::rules::open,
        available: always,
    },
    ActionSpec {
        name: "log-help",
        scope: Scope::Log,
        keys: &["?"],
        help: "the keys",
        run: crate::ui::overlays::help::open,
        available: always,
    },
];

pub(super) fn some_row(ui: &Ui) -> Result<(), &'static str> {
    if ui.bench.view.is_empty() { Err("the log has no rows") } else { Ok(()) }
}

pub(in crate::ui) fn some_message(ui: &Ui) -> Result<(), &'static str> {
    match ui.bench.current() {
        Some(row) if row.kind.is_message() => Ok(()),
        Some(_) => Err("this row has no bytes"),
        None => Err("no row is selected"),
    }
}

fn something_to_copy(ui: &Ui) -> Result<(), &'static str> {
    if ui.log.selected_from.is_some() || timeline::socket(ui).is_some() { some_row(ui) } else { some_message(ui) }
}

fn page(ui: &Ui) -> isize {
    let rows = ui.log.rows.height / ui.log.row_height.max(1);
    usize::from(rows.saturating_sub(1).max(1)).cast_signed()
}

pub(in crate::ui) fn edit_filter(ui: &mut Ui) {
    let line = FilterLine::new(ui);
    ui.overlays.push(Box::new(line));
}

fn take(ui: &mut Ui) {
    let Some((row, spot)) = ui.bench.current_line() else { return };
    let bytes = ui.bench.payload(&row, spot);
    if ui.bench.message(&row, spot).is_some() {
        let is_line = ui.bench.messages.framing(&row).is_some_and(Framing::is_line);
        ui.input.take_payload(ui.target.as_ref(), &ui.bench, &bytes, is_line);
    } else {
        ui.input.take(ui.target.as_ref(), &ui.bench, &bytes);
    }
    ui.focus = Pane::Input;
}

fn copy(ui: &mut Ui) {
    if ui.log.selected_from.is_some() {
        let format = match timeline::socket(ui) {
            Some(_) => MARKDOWN,
            None if ui.log.preview != Preview::Text => HEXDUMP,
            None => TEXT,
        };
        copy_selected(ui, format);
        return;
    }
    if let Some(socket) = timeline::socket(ui) {
        timeline::copy(ui, socket);
        return;
    }
    let Some((row, spot)) = ui.bench.current_line() else { return };
    let bytes = ui.bench.payload(&row, spot);
    // Text as it is where it is text; else the notation that reads back.
    let encoding = ui.bench.roster.encoding(row.socket);
    let text = payload::show_in(Mode::Text, &bytes, encoding).or_else(|_| {
        let mode = if ui.log.preview == Preview::Hex { Mode::Hex } else { Mode::Escaped };
        payload::show_in(mode, &bytes, encoding)
    });
    if let Ok(text) = text {
        ui.effects.push(Effect::Copy(text));
    }
}
