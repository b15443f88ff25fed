//! What can be done in the inspector, and when each of it is possible.

use super::bytes::{self, By};
use super::{Content, Tab, compare, content, options, scroll_by, show_bytes, show_tab, statistics, strings, subject};
use crate::ui::action::{ActionSpec, Scope, always};
use crate::ui::panes::log;
use crate::ui::turning::turned;
use crate::ui::{Pane, Ui};

pub(in crate::ui) static ACTIONS: &[ActionSpec] = &[
    ActionSpec {
        name: "inspector-down",
        scope: Scope::Inspector,
        keys: &["down", "j"],
        help: "a row of bytes down, or the next option",
        run: |ui| move_by(ui, 1),
        available: always,
    },
    ActionSpec {
        name: "inspector-up",
        scope: Scope::Inspector,
        keys: &["up", "k"],
        help: "a row of bytes up, or the option before",
        run: |ui| move_by(ui, -1),
        available: always,
    },
    ActionSpec {
        name: "inspector-page-down",
        scope: Scope::Inspector,
        keys: &["pagedown"],
        help: "a page down",
        run: |ui| move_by(ui, ui.inspector.page()),
        available: always,
    },
    ActionSpec {
        name: "inspector-page-up",
        scope: Scope::Inspector,
        keys: &["pageup"],
        help: "a page up",
        run: |ui| move_by(ui, -ui.inspector.page()),
        available: always,
    },
    ActionSpec {
        name: "inspector-home",
        scope: Scope::Inspector,
        keys: &["home"],
        help: "to the first byte or option",
        run: |ui| jump(ui, isize::MIN),
        available: always,
    },
    ActionSpec {
        name: "inspector-end",
        scope: Scope::Inspector,
        keys: &["end"],
        help: "to the last byte or option",
        run: |ui| jump(ui, isize::MAX),
        available: always,
    },
    ActionSpec {
        name: "inspector-next",
        scope: Scope::Inspector,
        keys: &["n"],
        help: "next line of the log, or next socket",
        run: |ui| step(ui, 1),
        available: always,
    },
    ActionSpec {
        name: "inspector-previous",
        scope: Scope::Inspector,
        keys: &["p"],
        help: "previous line of the log, or previous socket",
        run: |ui| step(ui, -1),
        available: always,
    },
    ActionSpec {
        name: "inspector-right",
        scope: Scope::Inspector,
        keys: &["right"],
        help: "the next byte, or the next socket",
        run: |ui| sideways(ui, 1),
        available: always,
    },
    ActionSpec {
        name: "inspector-left",
        scope: Scope::Inspector,
        keys: &["left"],
        help: "the byte before, or the socket before",
        run: |ui| sideways(ui, -1),
        available: always,
    },
    ActionSpec {
        name: "inspector-select",
        scope: Scope::Inspector,
        keys: &["v"],
        help: "select bytes with the arrows, or select none",
        run: bytes::toggle_selecting,
        available: dump,
    },
    ActionSpec {
        name: "inspector-select-right",
        scope: Scope::Inspector,
        keys: &["shift-right"],
        help: "select to the next byte",
        run: |ui| bytes::move_cursor(ui, By::Bytes(1), true),
        available: dump,
    },
    ActionSpec {
        name: "inspector-select-left",
        scope: Scope::Inspector,
        keys: &["shift-left"],
        help: "select to the byte before",
        run: |ui| bytes::move_cursor(ui, By::Bytes(-1), true),
        available: dump,
    },
    ActionSpec {
        name: "inspector-select-down",
        scope: Scope::Inspector,
        keys: &["shift-down"],
        help: "select to the row below",
        run: |ui| bytes::move_cursor(ui, By::Rows(1), true),
        available: dump,
    },
    ActionSpec {
        name: "inspector-select-up",
        scope: Scope::Inspector,
        keys: &["shift-up"],
        help: "select to the row above",
        run: |ui| bytes::move_cursor(ui, By::Rows(-1), true),
        available: dump,
    },
    ActionSpec {
        name: "inspector-copy",
        scope: Scope::Inspector,
        keys: &["y"],
        help: "copy the selected bytes, or all; text or hex",
        run: bytes::copy,
        available: message,
    },
    ActionSpec {
        name: "strings",
        scope: Scope::Inspector,
        keys: &["shift-s"],
        help: "the strings of the message; Enter goes to one",
        run: strings::toggle,
        available: message,
    },
    ActionSpec {
        name: "whole-row",
        scope: Scope::Inspector,
        keys: &["w"],
        help: "the whole row as it was received, or the message",
        run: subject::toggle,
        available: subject::has_message,
    },
    ActionSpec {
        name: "inspector-compare",
        scope: Scope::Inspector,
        keys: &["="],
        help: "compare this message with others, or no longer",
        run: compare::toggle,
        available: log::some_message,
    },
    ActionSpec {
        name: "inspector-tab",
        scope: Scope::Inspector,
        keys: &["t", "]"],
        help: "the next tab: bytes, options, statistics",
        run: |ui| turn_tab(ui, 1),
        available: always,
    },
    ActionSpec {
        name: "inspector-previous-tab",
        scope: Scope::Inspector,
        keys: &["["],
        help: "the tab before",
        run: |ui| turn_tab(ui, -1),
        available: always,
    },
    ActionSpec {
        name: "change-option",
        scope: Scope::Inspector,
        keys: &["e"],
        help: "change this option of the open socket",
        run: options::change,
        available: |ui| {
            if ui.inspector.tab == Tab::Options { Ok(()) } else { Err("the inspector shows bytes; t shows options") }
        },
    },
    ActionSpec {
        name: "inspector-enter",
        scope: Scope::Inspector,
        keys: &["enter"],
        help: "to the log, to this string, or change this option",
        run: |ui| match ui.inspector.tab {
            Tab::Bytes if shows_strings(ui) => strings::go(ui),
            Tab::Bytes | Tab::Statistics => ui.focus_on(Pane::Log),
            Tab::Options => options::change(ui),
        },
        available: always,
    },
    ActionSpec {
        name: "statistics-of",
        scope: Scope::Inspector,
        keys: &["s"],
        help: "statistics of the rows shown, the socket, or all",
        run: |ui| match ui.inspector.tab {
            Tab::Statistics => statistics::turn(ui),
            _ => show_tab(ui, Tab::Statistics),
        },
        available: always,
    },
    ActionSpec {
        name: "statistics",
        scope: Scope::Log,
        keys: &["s"],
        help: "statistics: rates, sizes, answer times",
        run: |ui| {
            show_tab(ui, Tab::Statistics);
            ui.focus_on(Pane::Inspector);
        },
        available: always,
    },
    ActionSpec {
        name: "inspector-filter",
        scope: Scope::Inspector,
        keys: &["/"],
        help: "filter the log",
        run: |ui| {
            ui.focus_on(Pane::Log);
            log::edit_filter(ui);
        },
        available: always,
    },
    ActionSpec {
        name: "inspector-to-input",
        scope: Scope::Inspector,
        keys: &["i"],
        help: "to the input",
        run: |ui| ui.focus_on(Pane::Input),
        available: always,
    },
    ActionSpec {
        name: "inspector-help",
        scope: Scope::Inspector,
        keys: &["?"],
        help: "the keys",
        run: crate::ui::overlays::help::open,
        available: always,
    },
    ActionSpec {
        name: "inspector-to-log",
        scope: Scope::Inspector,
        keys: &["q"],
        help: "back to the log, and to the bytes",
        run: |ui| {
            show_bytes(ui);
            ui.focus_on(Pane::Log);
        },
        available: always,
    },
];

fn shows_strings(ui: &Ui) -> bool {
    content(ui) == Content::Strings
}

pub(super) fn message(ui: &Ui) -> Result<(), &'static str> {
    match content(ui) {
        Content::Dump | Content::Strings | Content::Difference => Ok(()),
        Content::Options | Content::Statistics | Content::Lesson => Err("no message is shown"),
    }
}

fn dump(ui: &Ui) -> Result<(), &'static str> {
    if content(ui) == Content::Dump { Ok(()) } else { Err("no bytes are shown to select") }
}

/// Moves what can be moved by so many rows.
fn move_by(ui: &mut Ui, rows: isize) {
    if content(ui) == Content::Dump { bytes::move_cursor(ui, By::Rows(rows), false) } else { scroll_by(ui, rows) }
}

/// To the first or the last of all.
fn jump(ui: &mut Ui, by: isize) {
    if content(ui) == Content::Dump { bytes::move_cursor(ui, By::Bytes(by), false) } else { scroll_by(ui, by) }
}

fn sideways(ui: &mut Ui, by: i32) {
    match content(ui) {
        Content::Dump => bytes::move_cursor(ui, By::Bytes(by as isize), false),
        Content::Options => step(ui, by),
        Content::Statistics | Content::Lesson | Content::Strings | Content::Difference => {}
    }
}

fn step(ui: &mut Ui, by: i32) {
    match ui.inspector.tab {
        Tab::Bytes => ui.bench.view.move_by(by as isize),
        Tab::Options | Tab::Statistics => ui.move_in_list(by),
    }
}

fn turn_tab(ui: &mut Ui, by: isize) {
    show_tab(ui, turned(&Tab::ALL, ui.inspector.tab, by));
}
