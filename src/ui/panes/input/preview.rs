//! The input as it is drawn: its title, the draft, and at its right the bytes that Enter would send.

use ratatui::layout::Rect;

use super::composer::Composer;
use crate::contract::{Address, Endpoint, LineEnding, Target, UnixAddress};
use crate::framing::Framing;
use crate::log::sanitise::Printable;
use crate::payload::{self, Mode};
use crate::ui::canvas::Canvas;
use crate::ui::panes::frame;
use crate::ui::panes::sockets::fitting;
use crate::ui::widgets::text_input::InputStyles;
use crate::ui::{Pane, Ui};

/// How many rows the input shows at most.
const MOST_ROWS: usize = 8;

/// How many rows the input needs on a screen of this width, within reason: those of the draft, and where a template or a
/// checksum makes more of it than is typed, those of its bytes.
pub(in crate::ui) fn rows(ui: &Ui, width: u16) -> u16 {
    let target = ui.target.as_ref();
    let draft = ui.input.draft(target);
    let mut rows = draft.matches('\n').count() + 1;
    let is_more = ui.input.checksum(target).is_some() || draft.contains("{{");
    if is_more
        && !draft.is_empty()
        && let Ok((_, bytes)) = ui.input.filled(target, &ui.bench)
    {
        let per_row = bytes_in_a_row(preview_width(width.saturating_sub(2)));
        rows = rows.max(bytes.len().div_ceil(per_row.max(1)));
    }
    u16::try_from(rows.min(MOST_ROWS)).unwrap_or(1)
}

pub(in crate::ui) fn render(ui: &mut Ui, canvas: &mut Canvas<'_>) {
    let area = ui.layout.input;
    let target = ui.target.clone();
    // A socket has its composer, with its own line ending, before the first key.
    ui.input.composer_mut(target.as_ref(), &ui.bench);
    let composer = ui.input.composer(target.as_ref());
    let filled = ui.input.filled(target.as_ref(), &ui.bench);
    // An empty draft that makes no frame is not wrong yet.
    let error = filled.as_ref().err().filter(|_| !composer.input.is_empty()).cloned();
    let len = match &filled {
        Ok((template, bytes)) if template.tells_time() => format!("{} B now", bytes.len()),
        Ok((_, bytes)) => format!("{} B", bytes.len()),
        Err(_) => "? B".to_owned(),
    };
    let title = title(ui, target.as_ref(), composer, &len);
    let inside = frame(ui, canvas, Pane::Input, &title);
    if let Some(target @ Target::Children(_)) = &target
        && ui.bench.reach(target) > 1
    {
        let width = u16::try_from(Printable::text(&title).width() + 2).unwrap_or(u16::MAX);
        let width = width.min(area.width.saturating_sub(2));
        canvas.style(Rect { x: area.x + 1, width, height: 1, ..area }, ui.look.warning);
    }
    let preview_width = preview_width(inside.width);
    let text_area = Rect { x: inside.x + 1, width: inside.width.saturating_sub(preview_width + 2), ..inside };
    ui.input.area = text_area;
    let composer = ui.input.composer(target.as_ref());
    let look = &ui.look;
    let styles = InputStyles { text: look.text, cursor: look.selected, error: look.error, placeholder: look.dim };
    let focused = ui.focus == Pane::Input && ui.overlays.is_empty();
    let wrong = error.as_ref().map(|error| error.at.clone());
    composer.input.render(canvas, text_area, &styles, wrong, focused);
    if composer.input.is_empty() && !focused {
        let text = if target.is_some() { "Tab comes here to type" } else { "Open a socket to send" };
        canvas.put(text_area.x, text_area.y, text_area.right(), &Printable::text(text), look.dim);
    }
    match (filled, error) {
        (Ok((_, bytes)), _) if target.is_some() => {
            let preview = Rect { x: inside.right() - preview_width, width: preview_width, ..inside };
            render_preview(ui, canvas, preview, &bytes);
        }
        (Err(_), Some(error)) => {
            let text = Printable::text(&format!(" {error} "))
                .truncate(usize::from(area.width.saturating_sub(4)), ui.look.marks.ellipsis);
            canvas.put(area.x + 2, area.bottom() - 1, area.right().saturating_sub(1), &text, look.error);
        }
        _ => {}
    }
}

/// How much of a width the bytes have; at least half of it is the draft's.
const fn preview_width(inside: u16) -> u16 {
    let most = if inside < 100 { 26 } else { 50 };
    if inside / 2 < most { inside / 2 } else { most }
}

fn bytes_in_a_row(width: u16) -> usize {
    usize::from(width.saturating_sub(1) / 3)
}

/// The bytes that would be sent, row by row; the last row says how many more there are.
fn render_preview(ui: &Ui, canvas: &mut Canvas<'_>, area: Rect, bytes: &[u8]) {
    let per_row = bytes_in_a_row(area.width);
    if per_row == 0 {
        return;
    }
    let rows = usize::from(area.height);
    for (row, (y, chunk)) in (area.y..area.bottom()).zip(bytes.chunks(per_row)).enumerate() {
        let rest = bytes.len() - row * per_row;
        let text = if row + 1 == rows && rest > per_row {
            let shown = per_row.saturating_sub(4);
            let hex = payload::show(Mode::Hex, &chunk[..shown.min(chunk.len())]).unwrap_or_default();
            format!("{hex} +{}", rest - shown)
        } else {
            payload::show(Mode::Hex, chunk).unwrap_or_default()
        };
        canvas.put(area.x, y, area.right(), &Printable::text(&text), ui.look.dim);
    }
}

/// A peer behind the name in the title, and why it is that one where it could be another: of the path of a Unix socket
/// no more than leaves room for the rest.
fn behind(ui: &Ui, address: &Address, why: &str) -> String {
    match address {
        Address::Unix(UnixAddress::Unnamed) => String::new(),
        Address::Unix(_) => format!(" {}{why}", fitting(ui, address, 30 - why.len())),
        _ => format!(" {address}{why}"),
    }
}

fn title(ui: &Ui, target: Option<&Target>, composer: &Composer, len: &str) -> String {
    let marks = ui.look.marks;
    let Some(target) = target else {
        return format!("Send {} nothing is open", marks.dot);
    };
    let name = ui.bench.roster.name(target.socket());
    let member = ui.bench.roster.get(target.socket());
    let whom = match target {
        Target::Children(_) => match ui.bench.reach(target) {
            0 => format!("{name} (nobody is connected)"),
            1 => format!("{name} (its one connection)"),
            count => format!("{name} (all {count} connections)"),
        },
        Target::Peer(_, address) => format!("{name}{}", behind(ui, address, " (chosen)")),
        Target::Socket(_) => match member.map(|member| (&member.peer, &member.last_heard)) {
            Some((Some(peer), _)) => format!("{name}{}", behind(ui, peer, "")),
            Some((None, Some(peer))) => format!("{name}{}", behind(ui, peer, " (last heard)")),
            _ => name,
        },
    };
    let eol = match (ui.bench.wraps_in(Some(target)), composer.line_ending()) {
        (Some(framing), _) => framing.to_string(),
        (None, LineEnding::None) => "no EOL".to_owned(),
        (None, ending) => format!("+{}", ending.word().to_uppercase()),
    };
    let (arrow, dot) = (marks.arrow, marks.dot);
    // One that wraps is told in place of the line ending.
    let framing = ui.bench.roster.endpoint(target.socket()).map(Endpoint::framing);
    let framing = framing.filter(|framing| **framing != Framing::RAW && ui.bench.wraps_in(Some(target)).is_none());
    let framing = framing.map(|framing| format!(" {dot} reads {framing}")).unwrap_or_default();
    let checksum = composer.checksum.map(|checksum| format!(" {dot} +{checksum}")).unwrap_or_default();
    let encoding = ui.bench.encoding_of(Some(target));
    let encoding = if encoding.is_utf8() { String::new() } else { format!(" {encoding}") };
    format!("Send {arrow} {whom} {dot} {}{encoding} {dot} {eol}{framing}{checksum} {dot} {len}", composer.mode.name())
}
