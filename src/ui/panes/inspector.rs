//! The inspector: the row under the log's cursor, whole, as hex and text side by side or as an explained fact; or the
//! options of the selected socket; or figures about the rows.

mod actions;
mod bytes;
pub(in crate::ui) mod compare;
mod found;
mod lesson;
mod messages;
mod options;
mod statistics;
mod strings;
mod subject;

use std::fmt::Write;
use std::time::Duration;

use ratatui::layout::Rect;

use super::frame;
use super::log::timeline;
use super::log::times::time_of;
use crate::log::round_trip::{answer_to, answered_by};
use crate::log::sanitise::Printable;
use crate::log::{Kind, Row};
use crate::ui::canvas::Canvas;
use crate::ui::figures::{grouped, measured};
use crate::ui::widgets::hexdump::HexdumpStyles;
use crate::ui::widgets::paragraph::put_wrapped;
use crate::ui::{Pane, Ui};

pub(in crate::ui) use actions::ACTIONS;
use bytes::BytesTab;
use compare::Comparison;
use options::OptionsTab;
use statistics::StatisticsTab;
use strings::StringsList;
use subject::Subject;

/// What the inspector shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tab {
    #[default]
    Bytes,
    Options,
    Statistics,
}

impl Tab {
    const ALL: [Self; 3] = [Self::Bytes, Self::Options, Self::Statistics];

    const fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Options => "options",
            Self::Statistics => "statistics",
        }
    }
}

#[derive(Debug, Default)]
pub(in crate::ui) struct InspectorPane {
    tab: Tab,
    /// The first line of a lesson that is drawn.
    scroll: usize,
    /// Of which row.
    seq: u64,
    /// Whether a row of a framed stream is shown as it was received, and not the message in it.
    whole: bool,
    height: u16,
    bytes: BytesTab,
    strings: StringsList,
    pub(in crate::ui) comparison: Comparison,
    options: OptionsTab,
    statistics: StatisticsTab,
    /// Where the names of the tabs were drawn.
    tabs: [(Rect, Tab); 3],
}

impl InspectorPane {
    fn page(&self) -> isize {
        usize::from(self.height.saturating_sub(1).max(1)).cast_signed()
    }
}

/// What stands under the tab's name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Options,
    Statistics,
    /// A row that is no message, or any on a timeline.
    Lesson,
    Strings,
    Difference,
    Dump,
}

fn content(ui: &Ui) -> Content {
    match ui.inspector.tab {
        Tab::Options => return Content::Options,
        Tab::Statistics => return Content::Statistics,
        Tab::Bytes => {}
    }
    match ui.bench.current_line() {
        Some((row, spot)) if row.kind.is_message() && timeline::socket(ui).is_none() => match () {
            () if ui.inspector.strings.is_open() => Content::Strings,
            () if ui.inspector.comparison.is_of(spot) => Content::Difference,
            () => Content::Dump,
        },
        _ => Content::Lesson,
    }
}

/// Scrolls as a wheel does.
pub(in crate::ui) fn scroll_by(ui: &mut Ui, rows: isize) {
    match content(ui) {
        Content::Options => options::move_focus(ui, rows),
        Content::Statistics => statistics::scroll_by(ui, rows),
        Content::Strings => strings::move_focus(ui, rows),
        Content::Dump => bytes::scroll_by(ui, rows),
        Content::Difference => ui.inspector.comparison.scroll_by(rows),
        Content::Lesson => ui.inspector.scroll = ui.inspector.scroll.saturating_add_signed(rows),
    }
}

/// Esc in the inspector: closes the strings, else ends the selection; false where there was neither.
pub(in crate::ui) fn escape(ui: &mut Ui) -> bool {
    ui.inspector.tab == Tab::Bytes && (strings::close(ui) || bytes::clear(ui))
}

/// Selects bytes with the mouse; false where there are none.
pub(in crate::ui) fn drag(ui: &mut Ui, x: u16, y: u16) -> bool {
    content(ui) == Content::Dump && bytes::point(ui, x, y, true)
}

/// Shows the row under the log's cursor.
pub(in crate::ui) fn show_row(ui: &mut Ui) {
    show_bytes(ui);
    ui.focus_on(Pane::Inspector);
}

/// Turns to what the row under the log's cursor is.
pub(in crate::ui) const fn show_bytes(ui: &mut Ui) {
    ui.inspector.tab = Tab::Bytes;
}

/// Shows the options of the selected socket.
pub(in crate::ui) fn show_options(ui: &mut Ui) {
    ui.inspector.tab = Tab::Options;
    options::ask_anew(&mut ui.inspector.options);
    ui.focus_on(Pane::Inspector);
}

fn show_tab(ui: &mut Ui, tab: Tab) {
    ui.inspector.tab = tab;
    options::ask_anew(&mut ui.inspector.options);
}

pub(in crate::ui) fn click(ui: &mut Ui, x: u16, y: u16) {
    let pressed = ui.inspector.tabs.iter().find(|(area, _)| area.contains((x, y).into())).map(|(_, tab)| *tab);
    match pressed {
        Some(tab) => show_tab(ui, tab),
        None => match content(ui) {
            Content::Options => options::click(ui, x, y),
            Content::Statistics => statistics::click(ui, x, y),
            Content::Strings => strings::click(ui, x, y),
            Content::Dump => drop(bytes::point(ui, x, y, false)),
            Content::Lesson | Content::Difference => {}
        },
    }
}

/// True where figures are shown, which need more room than bytes.
pub(in crate::ui) fn shows_statistics(ui: &Ui) -> bool {
    ui.inspector.tab == Tab::Statistics
}

/// Does a slice of the work that figures on the screen take; true if they have changed.
pub(in crate::ui) fn work(ui: &mut Ui) -> bool {
    is_visible(ui) && shows_statistics(ui) && statistics::work(ui)
}

/// Brings what is shown up to date; after how long to do so again, where it changes by itself.
pub(in crate::ui) fn refresh(ui: &mut Ui) -> Option<Duration> {
    if is_visible(ui) && ui.inspector.tab == Tab::Options { options::refresh(ui) } else { None }
}

/// True for an inspector that is on the screen, or will be in the next frame.
fn is_visible(ui: &Ui) -> bool {
    !ui.layout.inspector.is_empty() || ui.focus == Pane::Inspector
}

pub(in crate::ui) fn render(ui: &mut Ui, canvas: &mut Canvas<'_>) {
    let area = ui.layout.inspector;
    if area.is_empty() {
        return;
    }
    let subject = Subject::of(ui);
    let dot = ui.look.marks.dot;
    let about = match subject.as_ref().map(|subject| &subject.row) {
        Some(row) if ui.inspector.tab == Tab::Bytes => {
            vec![format!(" {dot} row {}", grouped(row.seq)), format!(" {dot} {}", row.kind.name())]
        }
        _ => Vec::new(),
    };
    // The tab that is shown has brackets, so that colour does not tell it alone.
    let mut title = format!("Inspector {dot}");
    for (place, tab) in ui.inspector.tabs.iter_mut().zip(Tab::ALL) {
        let shown = tab == ui.inspector.tab;
        let name = if shown { format!("[{}]", tab.name()) } else { format!(" {} ", tab.name()) };
        let before = u16::try_from(Printable::text(&title).width()).unwrap_or(u16::MAX);
        let x = area.x.saturating_add(before).saturating_add(3);
        let width = u16::try_from(name.len()).unwrap_or(0);
        *place = (Rect { x, width, height: 1, ..area }.intersection(area), tab);
        let _ = write!(title, " {name}");
    }
    for part in about {
        if Printable::text(&title).width() + Printable::text(&part).width() > usize::from(area.width.saturating_sub(4))
        {
            break;
        }
        title.push_str(&part);
    }
    let inside = frame(ui, canvas, Pane::Inspector, &title);
    ui.inspector.height = inside.height;
    match (ui.inspector.tab, subject) {
        (Tab::Options, _) => options::render(ui, canvas, inside),
        (Tab::Statistics, _) => statistics::render(ui, canvas, inside),
        (Tab::Bytes, Some(subject)) => render_row(ui, canvas, inset(inside), &subject),
        (Tab::Bytes, None) => {
            let text = Printable::text("The row that is selected in the log will stand here, byte by byte.");
            put_wrapped(canvas, inset(inside), &text, ui.look.dim);
        }
    }
}

fn render_row(ui: &mut Ui, canvas: &mut Canvas<'_>, inside: Rect, subject: &Subject) {
    let row = &subject.row;
    if ui.inspector.seq != row.seq {
        ui.inspector.seq = row.seq;
        ui.inspector.scroll = 0;
    }
    let (mut head, exchange) = (headline(ui, row, subject.len()), exchange(ui, row));
    let beside = head.chars().count() + 2 + exchange.chars().count() <= usize::from(inside.width);
    if beside && !exchange.is_empty() {
        let _ = write!(head, ", {exchange}");
    }
    let mut used = put_wrapped(canvas, inside, &Printable::text(&head), ui.look.dim);
    if !beside && !exchange.is_empty() {
        let rest = Rect { y: inside.y + used, height: inside.height - used, ..inside };
        used += put_wrapped(canvas, rest, &Printable::text(&exchange), ui.look.dim);
    }
    let body = Rect { y: inside.y + used, height: inside.height - used, ..inside };
    ui.inspector.height = body.height;
    if row.kind.is_message() && timeline::socket(ui).is_none() {
        if ui.inspector.comparison.is_of(subject.spot) && !ui.inspector.strings.is_open() {
            compare::render(ui, canvas, body, row, subject.spot);
        } else {
            bytes::render(ui, canvas, body, subject);
        }
    } else {
        lesson::render(ui, canvas, body, row);
    }
}

fn inset(area: Rect) -> Rect {
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }
}

/// `2026-11-21T05:14:03.000000001Z server#1 from 127.0.0.1:51022, 6 bytes`
fn headline(ui: &Ui, row: &Row, len: u64) -> String {
    let name = ui.bench.roster.name(row.socket);
    let mut text = format!("{} {name}", row.at);
    let peer =
        ui.bench.store.peer(row).or_else(|| ui.bench.roster.get(row.socket).and_then(|member| member.peer.clone()));
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
        let bytes = if len == 1 { "byte" } else { "bytes" };
        let _ = write!(text, ", {} {bytes}", grouped(len));
    }
    if row.truncated {
        text.push_str(", truncated");
    }
    text
}

/// A row by its number and by its time, at which the log has it.
pub(in crate::ui) fn row_in_words(ui: &Ui, seq: u64) -> String {
    let time = ui.bench.store.row(seq).map(|row| format!(" at {}", time_of(ui, row.at).trim())).unwrap_or_default();
    format!("row {}{time}", grouped(seq))
}

/// What a message answers, and how it was answered: `answer to row 12 after 1.2 ms, answered after 51 us (row 14)`.
fn exchange(ui: &Ui, row: &Row) -> String {
    let mut told = Vec::new();
    let (word, back) = match row.kind {
        Kind::Sent => ("answer after", "answers"),
        _ => ("answered after", "answer to"),
    };
    if let Some(before) = answered_by(row, &ui.bench.store) {
        told.push(format!("{back} {} after {}", row_in_words(ui, before.row), measured(before.time)));
    }
    if let Some(answer) = answer_to(row, &ui.bench.store) {
        told.push(format!("{word} {} ({})", measured(answer.time), row_in_words(ui, answer.row)));
    }
    told.join(", ")
}

pub(in crate::ui) fn dump_styles(ui: &Ui) -> HexdumpStyles {
    let look = &ui.look;
    HexdumpStyles {
        offset: look.dim,
        hex: look.text,
        text: look.text,
        zero: look.dim,
        control: look.warning,
        high: look.sent,
        found: look.found,
        bar: look.marks.bar,
        bound: look.key,
        selection: look.selected,
    }
}
