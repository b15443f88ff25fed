//! How the bytes of a message stand in its row: as text, as hex, or as both.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::line::Columns;
use super::{find, timeline};
use crate::encoding::Reading;
use crate::log::Spot;
use crate::log::sanitise::Printable;
use crate::payload::Mode;
use crate::ui::Ui;
use crate::ui::action::{ActionSpec, Scope, always};
use crate::ui::canvas::Canvas;

/// From how many columns of the log on text and hex have room beside each other.
const WIDE: u16 = 98;

pub(in crate::ui) static ACTIONS: &[ActionSpec] = &[
    ActionSpec {
        name: "as-text",
        scope: Scope::Log,
        keys: &["1"],
        help: "all sockets, previews as text",
        run: |ui| show(ui, Preview::Text),
        available: always,
    },
    ActionSpec {
        name: "as-hex",
        scope: Scope::Log,
        keys: &["2"],
        help: "all sockets, previews as hex",
        run: |ui| show(ui, Preview::Hex),
        available: always,
    },
    ActionSpec {
        name: "as-both",
        scope: Scope::Log,
        keys: &["3"],
        help: "all sockets, previews as text and hex",
        run: |ui| show(ui, Preview::Both),
        available: always,
    },
];

/// What of a message's bytes its row shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::ui) enum Preview {
    #[default]
    Text,
    Hex,
    /// Text and hex: beside each other where there is room, else the hex below the text.
    Both,
}

fn show(ui: &mut Ui, preview: Preview) {
    timeline::leave(ui);
    ui.log.preview = preview;
}

/// How many rows of the screen a row of the log takes.
pub(super) fn height(ui: &Ui, inside: Rect) -> u16 {
    let below = ui.log.preview == Preview::Both && inside.width < WIDE && timeline::socket(ui).is_none();
    if below { 2 } else { 1 }
}

/// Where the hex of a message begins if it stands beside its text.
pub(super) fn hex_column(ui: &Ui, inside: Rect, preview: u16) -> Option<u16> {
    let beside = ui.log.preview == Preview::Both && inside.width >= WIDE;
    beside.then(|| preview + inside.right().saturating_sub(preview) * 2 / 5)
}

/// What is shown now, and the action that shows what comes next.
pub(super) fn badge(ui: &Ui) -> (&'static str, &'static str) {
    match ui.log.preview {
        _ if timeline::socket(ui).is_some() => ("timeline", "as-text"),
        Preview::Text => ("text", "as-hex"),
        Preview::Hex => ("hex", "as-both"),
        Preview::Both => ("text+hex", "log-timeline"),
    }
}

pub(super) fn render_header(ui: &Ui, canvas: &mut Canvas<'_>, inside: Rect, columns: &Columns) {
    let mut head = |x: u16, text: &str| {
        canvas.put(x, inside.y, inside.right(), &Printable::text(text), ui.look.dim);
    };
    match (ui.log.preview, columns.hex) {
        (Preview::Text, _) => head(columns.preview, "PREVIEW"),
        (Preview::Hex, _) => head(columns.preview, "PREVIEW (hex)"),
        (Preview::Both, None) => head(columns.preview, "PREVIEW (hex below)"),
        (Preview::Both, Some(hex)) => {
            head(columns.preview, "PREVIEW");
            head(hex, "HEX");
        }
    }
}

/// What is shown of a line: a message's bytes, as what they are read, and in which style.
pub(super) struct Previewed<'a> {
    pub(super) spot: Spot,
    pub(super) bytes: &'a [u8],
    pub(super) reading: Reading,
    pub(super) style: Style,
}

/// Draws a message's bytes at a place, and below where they have two rows; gives the places of what was looked for in
/// them.
pub(super) fn render(
    ui: &Ui,
    canvas: &mut Canvas<'_>,
    area: Rect,
    columns: &Columns,
    shown: &Previewed<'_>,
) -> Vec<Rect> {
    let (x, right) = (area.x, area.right());
    let mut found = Vec::new();
    let Previewed { spot, bytes, reading, style } = *shown;
    let mut text = |x: u16, end: u16| {
        let width = usize::from(end.saturating_sub(x));
        let text = Printable::read_up_to(bytes, &reading, width + 1).truncate(width, ui.look.marks.ellipsis);
        canvas.put(x, area.y, end, &text, style);
        let place = Rect { x, y: area.y, width: end.saturating_sub(x), height: 1 };
        found.extend(find::in_text(ui, spot, bytes, &reading, place));
    };
    let (hex_at, y) = match (ui.log.preview, columns.hex) {
        (Preview::Text, _) => {
            text(x, right);
            return found;
        }
        (Preview::Hex, _) => (x, area.y),
        (Preview::Both, Some(hex)) => {
            text(x, hex.saturating_sub(2));
            (hex.max(x), area.y)
        }
        (Preview::Both, None) => {
            text(x, right);
            (columns.delta, area.y + 1)
        }
    };
    if y < area.bottom() {
        let place = Rect { x: hex_at, y, width: right.saturating_sub(hex_at), height: 1 };
        canvas.put(hex_at, y, right, &hex(bytes, usize::from(place.width), ui), style);
        found.extend(find::in_hex(ui, spot, bytes, &reading, place));
    }
    found
}

fn hex(bytes: &[u8], columns: usize, ui: &Ui) -> Printable {
    let shown = &bytes[..bytes.len().min(columns / 3 + 2)];
    Printable::text(&crate::payload::show(Mode::Hex, shown).unwrap_or_default())
        .truncate(columns, ui.look.marks.ellipsis)
}
