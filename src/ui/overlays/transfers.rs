//! What is on its way: files that are sent and saved, long sends, repeats and exports; each can be cancelled.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::{Next, Overlay, window};
use crate::contract::{Command, Direction, Target, Ticket, Timestamp, format_duration};
use crate::log::sanitise::Printable;
use crate::ui::bench::exports::{Ending, Export};
use crate::ui::bench::transfers::{Key, Transfer};
use crate::ui::canvas::Canvas;
use crate::ui::figures::{seconds, size, took};
use crate::ui::repeating::counts;
use crate::ui::widgets::paragraph::put_wrapped;
use crate::ui::{Effect, Ui};

#[derive(Default)]
struct TransferList {
    /// Which one is selected; none for the first.
    selected: Option<Item>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Export(u64),
    /// To this target.
    Repeat(Target),
    Transfer(Key),
}

/// What the list says of one.
struct Line {
    item: Item,
    head: String,
    text: String,
    ended: bool,
}

/// Exports and repeats, which are few, and below them all else.
fn lines(ui: &Ui) -> Vec<Line> {
    let now = ui.bench.now();
    let exports = ui.bench.exports.listed().map(|export| Line {
        item: Item::Export(export.id),
        head: format!("export {} {}", ui.look.marks.arrow, export.name()),
        text: how_far(export, now),
        ended: export.ended.is_some(),
    });
    let repeats = ui.bench.repeats.running().map(|repeat| {
        let target = repeat.plan.target.clone();
        Line {
            head: format!("repeat {} {}", ui.look.marks.arrow, ui.bench.roster.name(target.socket())),
            text: format!("{} every {}", counts(repeat), format_duration(repeat.plan.every)),
            item: Item::Repeat(target),
            ended: false,
        }
    });
    let transfers = ui.bench.transfers.listed().into_iter().map(|(key, transfer)| Line {
        item: Item::Transfer(key),
        head: head(ui, key, transfer),
        text: if transfer.has_ended() { ending(transfer, now) } else { running(transfer, now) },
        ended: transfer.has_ended(),
    });
    exports.chain(repeats).chain(transfers).collect()
}

/// `45% 1.2 GiB`, or how it ended.
fn how_far(export: &Export, now: Timestamp) -> String {
    let (bytes, time) = (size(export.progress.bytes), took(export.elapsed(now)));
    match export.ended.as_ref().map(|ended| &ended.how) {
        None => format!("{}% {bytes}", export.progress.percent()),
        Some(Ending::Done) => format!("done: {bytes} in {time}"),
        Some(Ending::Cancelled) => "cancelled".to_owned(),
        Some(Ending::Failed(why)) => why.clone(),
    }
}

/// Cancels the newest export that runs.
pub(in crate::ui) fn cancel_export(ui: &mut Ui) {
    if let Some(id) = ui.bench.exports.running().next_back().map(|export| export.id) {
        ui.effects.push(Effect::CancelExport(id));
    }
}

/// Whether there is an export to be cancelled, or why not.
pub(in crate::ui) fn can_cancel_export(ui: &Ui) -> Result<(), &'static str> {
    ui.bench.exports.running().next().map(|_| ()).ok_or("no export is under way")
}

pub(in crate::ui) fn open(ui: &mut Ui) {
    ui.overlays.push(Box::new(TransferList::default()));
}

/// The newest that runs, and how many others do, for the status line: `↑ data.bin → client 45% 12 MiB/s 3s left +1`.
/// An export goes before all else: `export 45% 1.2 GiB → log.jsonl`.
pub(in crate::ui) fn newest(ui: &Ui) -> Option<String> {
    if let Some(export) = ui.bench.exports.running().next_back() {
        return Some(format!("export {} {} {}", how_far(export, ui.bench.now()), ui.look.marks.arrow, export.name()));
    }
    let mut running = ui.bench.transfers.running();
    let (key, transfer) = running.next_back()?;
    let others = running.count();
    let more = if others > 0 { format!(" +{others}") } else { String::new() };
    Some(format!("{}{}{more}", head(ui, key, transfer), progress(transfer, ui.bench.now())))
}

/// `↑ data.bin → client`, or `↓ data.bin ← client` for what is saved.
fn head(ui: &Ui, key: Key, transfer: &Transfer) -> String {
    let marks = ui.look.marks;
    let name = ui.bench.roster.name(key.1);
    match transfer.direction {
        Direction::Sending => format!("{} {} {} {name}", marks.up, transfer.name(), marks.arrow),
        Direction::Saving => format!("{} {name} {} {}", marks.down, marks.arrow, transfer.name()),
    }
}

/// ` 45% 12 MiB/s 3s left`, as far as it is known; of what does not move, why.
fn progress(transfer: &Transfer, now: Timestamp) -> String {
    let done = match transfer.percent() {
        Some(percent) => format!(" {percent}%"),
        None => format!(" {}", size(transfer.done)),
    };
    if transfer.has_stalled(now) {
        let why = match transfer.direction {
            Direction::Sending => "stalled: the peer does not read",
            Direction::Saving => "nothing comes",
        };
        return format!("{done} {why}");
    }
    let rate = transfer.rate(now).map(|rate| format!(" {}/s", size(rate))).unwrap_or_default();
    let left = transfer.time_left(now).map(|left| format!(" {} left", seconds(left))).unwrap_or_default();
    format!("{done}{rate}{left}")
}

impl TransferList {
    fn index(&self, lines: &[Line]) -> usize {
        lines.iter().position(|line| Some(&line.item) == self.selected.as_ref()).unwrap_or(0)
    }

    fn move_by(&mut self, by: isize, ui: &Ui) {
        let lines = lines(ui);
        let next = self.index(&lines).saturating_add_signed(by).min(lines.len().saturating_sub(1));
        self.selected = lines.get(next).map(|line| line.item.clone());
    }

    fn cancel(&self, ui: &mut Ui) {
        let lines = lines(ui);
        let at = self.index(&lines);
        let Some(line) = lines.into_iter().nth(at).filter(|line| !line.ended) else { return };
        match line.item {
            Item::Repeat(target) => ui.stop_repeat(&target),
            Item::Export(id) => ui.effects.push(Effect::CancelExport(id)),
            Item::Transfer((Ticket::ENGINE, _)) => {
                ui.tell_error("Not cancelled: it belongs to the socket's save option, and ends with the socket.");
            }
            Item::Transfer((ticket, _)) => ui.effects.push(Effect::Order(Command::Cancel { ticket })),
        }
    }
}

impl Overlay for TransferList {
    fn key(&mut self, key: KeyEvent, ui: &mut Ui) -> Next {
        match key.code {
            KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q') => return Next::Close,
            KeyCode::Down | KeyCode::Char('j') => self.move_by(1, ui),
            KeyCode::Up | KeyCode::Char('k') => self.move_by(-1, ui),
            KeyCode::PageDown => self.move_by(10, ui),
            KeyCode::PageUp => self.move_by(-10, ui),
            KeyCode::Char('x') | KeyCode::Delete => self.cancel(ui),
            _ => {}
        }
        Next::Stay
    }

    fn mouse(&mut self, _x: u16, _y: u16, wheel: i32, ui: &mut Ui) -> Next {
        self.move_by(wheel.signum() as isize, ui);
        Next::Stay
    }

    fn render(&self, canvas: &mut Canvas<'_>, screen: Rect, ui: &Ui) {
        let lines = lines(ui);
        let width = screen.width.saturating_sub(6).min(100);
        let height =
            u16::try_from(lines.len() + 4).unwrap_or(u16::MAX).clamp(8, screen.height.saturating_sub(4).max(8));
        let inside = window(canvas, screen, ui, "Transfers", width, height);
        let look = &ui.look;
        let rows = Rect { height: inside.height.saturating_sub(1), ..inside };
        let selected = self.index(&lines);
        let first = (selected + 1).saturating_sub(usize::from(rows.height));
        for (y, (index, line)) in (rows.y..rows.bottom()).zip(lines.iter().enumerate().skip(first)) {
            let style = if line.ended { look.dim } else { look.text };
            let text = Printable::text(&line.text);
            let text_x = rows.right().saturating_sub(u16::try_from(text.width()).unwrap_or(u16::MAX)).max(rows.x);
            canvas.put(rows.x, y, text_x.saturating_sub(1), &Printable::text(&line.head), style);
            canvas.put(text_x, y, rows.right(), &text, style);
            if index == selected {
                canvas.style(Rect { y, height: 1, ..rows }, look.selected);
            }
        }
        if lines.is_empty() {
            let text = Printable::text("No file is sent or saved, and no long send, repeat or export is under way.");
            put_wrapped(canvas, rows, &text, look.text);
        }
        let hint = if lines.is_empty() { "Esc closes" } else { "x cancels  Up/Down choice  Esc closes" };
        canvas.put(inside.x, inside.bottom().saturating_sub(1), inside.right(), &Printable::text(hint), look.dim);
    }
}

fn running(transfer: &Transfer, now: Timestamp) -> String {
    let of = transfer.total.map(|total| format!(" of {}", size(total))).unwrap_or_default();
    let done = if transfer.percent().is_some() { format!("  {}{of}", size(transfer.done)) } else { String::new() };
    format!("{}{done}", progress(transfer, now).trim_start())
}

fn ending(transfer: &Transfer, now: Timestamp) -> String {
    let time = took(transfer.elapsed(now));
    match transfer.total.filter(|_| transfer.fell_short()) {
        Some(total) => format!("stopped at {} of {} after {time}", size(transfer.done), size(total)),
        None => format!("done: {} in {time}", size(transfer.done)),
    }
}
