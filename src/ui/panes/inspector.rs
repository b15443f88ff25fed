//! The inspector: the row under the log's cursor, whole, as hex and text side by side or as an explained fact.

mod lesson;

use std::fmt::Write;

use ratatui::layout::Rect;

use super::log::{edit_filter, timeline};
use super::{frame, grouped};
use crate::log::sanitise::Printable;
use crate::log::{Kind, Row};
use crate::ui::action::{ActionSpec, Scope, always};
use crate::ui::canvas::Canvas;
use crate::ui::widgets::hexdump::{Hexdump, HexdumpStyles};
use crate::ui::widgets::paragraph::put_wrapped;
use crate::ui::{Pane, Ui};

pub(in crate::ui) static ACTIONS: &[ActionSpec] = &[
    ActionSpec {
        name: "inspector-down",
        scope: Scope::Inspector,
        keys: &["down", "j"],
        help: "scroll down",
        run: |ui| ui.inspector.scroll_by(1),
        available: always,
    },
    ActionSpec {
        name: "inspector-up",
        scope: Scope::Inspector,
        keys: &["up", "k"],
        help: "scroll up",
        run: |ui| ui.inspector.scroll_by(-1),
        available: always,
    },
    ActionSpec {
        name: "inspector-page-down",
        scope: Scope::Inspector,
        keys: &["pagedown"],
        help: "a page down",
        run: |ui| ui.inspector.scroll_by(ui.inspector.page()),
        available: always,
    },
    ActionSpec {
        name: "inspector-page-up",
        scope: Scope::Inspector,
        keys: &["pageup"],
        help: "a page up",
        run: |ui| ui.inspector.scroll_by(-ui.inspector.page()),
        available: always,
    },
    ActionSpec {
        name: "inspector-home",
        scope: Scope::Inspector,
        keys: &["home"],
        help: "to the first byte",
        run: |ui| ui.inspector.scroll = 0,
        available: always,
    },
    ActionSpec {
        name: "inspector-end",
        scope: Scope::Inspector,
        keys: &["end"],
        help: "to the last byte",
        run: |ui| ui.inspector.scroll = usize::MAX,
        available: always,
    },
    ActionSpec {
        name: "inspector-next",
        scope: Scope::Inspector,
        keys: &["right", "n"],
        help: "next row of the log",
        run: |ui| ui.bench.view.move_by(1),
        available: always,
    },
    ActionSpec {
        name: "inspector-previous",
        scope: Scope::Inspector,
        keys: &["left", "p"],
        help: "previous row of the log",
        run: |ui| ui.bench.view.move_by(-1),
        available: always,
    },
    ActionSpec {
        name: "inspector-filter",
        scope: Scope::Inspector,
        keys: &["/"],
        help: "filter the log",
        run: |ui| {
            ui.focus_on(Pane::Log);
            edit_filter(ui);
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
        name: "inspector-to-log",
        scope: Scope::Inspector,
        keys: &["enter", "q"],
        help: "back to the log",
        run: |ui| ui.focus_on(Pane::Log),
        available: always,
    },
];

#[derive(Debug, Default)]
pub(in crate::ui) struct InspectorPane {
    /// The first row of the dump that is drawn.
    scroll: usize,
    /// Of which message.
    seq: u64,
    height: u16,
}

impl InspectorPane {
    pub(in crate::ui) fn scroll_by(&mut self, rows: i32) {
        self.scroll = self.scroll.saturating_add_signed(rows as isize);
    }

    fn page(&self) -> i32 {
        i32::from(self.height.saturating_sub(1).max(1))
    }
}

pub(in crate::ui) fn render(ui: &mut Ui, canvas: &mut Canvas<'_>) {
    if ui.layout.inspector.is_empty() {
        return;
    }
    let dot = ui.look.marks.dot;
    let Some(row) = ui.bench.current() else {
        let inside = frame(ui, canvas, Pane::Inspector, "Inspector");
        let text = Printable::text("The row that is selected in the log will stand here, byte by byte.");
        put_wrapped(canvas, inset(inside), &text, ui.look.dim);
        return;
    };
    if ui.inspector.seq != row.seq {
        ui.inspector.seq = row.seq;
        ui.inspector.scroll = 0;
    }
    let title = format!("Inspector {dot} seq {} {dot} {}", grouped(row.seq), row.kind.name());
    let inside = inset(frame(ui, canvas, Pane::Inspector, &title));
    let used = put_wrapped(canvas, inside, &Printable::text(&headline(ui, &row)), ui.look.dim);
    let body = Rect { y: inside.y + used, height: inside.height - used, ..inside };
    ui.inspector.height = body.height;
    if row.kind.is_message() && timeline::socket(ui).is_none() {
        render_bytes(ui, canvas, body, &row);
    } else {
        lesson::render(ui, canvas, body, &row);
    }
}

fn inset(area: Rect) -> Rect {
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }
}

/// `2026-11-21T05:14:03.000000001Z server#1 from 127.0.0.1:51022, 6 bytes`
fn headline(ui: &Ui, row: &Row) -> String {
    let name = ui.bench.roster.name(row.socket);
    let mut text = format!("{} {name}", row.at);
    let peer = ui
        .bench
        .store
        .peer(row)
        .cloned()
        .or_else(|| ui.bench.roster.get(row.socket).and_then(|member| member.peer.clone()));
    match (row.kind, peer) {
        (Kind::Received, Some(peer)) => {
            let _ = write!(text, " from {peer}");
        }
        (Kind::Sent, Some(peer)) => {
            let _ = write!(text, " to {peer}");
        }
        _ => {}
    }
    if row.kind.is_message() {
        let bytes = if row.len == 1 { "byte" } else { "bytes" };
        let _ = write!(text, ", {} {bytes}", grouped(row.len));
    }
    if row.truncated {
        text.push_str(", truncated");
    }
    text
}

fn render_bytes(ui: &mut Ui, canvas: &mut Canvas<'_>, area: Rect, row: &Row) {
    let bytes = ui.bench.store.bytes(row);
    if bytes.is_empty() {
        canvas.put(area.x, area.y, area.right(), &Printable::text("No bytes: an empty message."), ui.look.dim);
        return;
    }
    let rows = Hexdump::rows(area.width, bytes.len());
    ui.inspector.scroll = ui.inspector.scroll.min(rows.saturating_sub(usize::from(area.height)));
    Hexdump { bytes: &bytes, scroll: ui.inspector.scroll, selection: None }.render(canvas, area, &dump_styles(ui));
}

fn dump_styles(ui: &Ui) -> HexdumpStyles {
    let look = &ui.look;
    HexdumpStyles {
        offset: look.dim,
        hex: look.text,
        text: look.text,
        zero: look.dim,
        control: look.warning,
        high: look.sent,
        selection: look.selected,
    }
}
