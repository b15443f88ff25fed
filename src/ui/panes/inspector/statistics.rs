//! The inspector's statistics: rates over time, sizes, gaps and answer times of the rows shown, of a socket, or of all.
//!
//! Owns of which rows figures are told, and counts them for as long as they are looked at. It draws lines that scroll.

use std::ops::Range;
use std::time::{Duration, Instant};

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::inset;
use crate::contract::SocketId;
use crate::log::sanitise::Printable;
use crate::log::statistics::{Distribution, Flow};
use crate::log::{Scope, Statistics, Traffic};
use crate::ui::Ui;
use crate::ui::canvas::Canvas;
use crate::ui::figures::{grouped, measured, size};
use crate::ui::panes::log::selection;
use crate::ui::widgets::chart::{bar, fitted, mirrored};
use crate::ui::widgets::paragraph::put_wrapped;

/// How many rows are counted between two looks at the clock.
const SLICE: usize = 8192;

/// How long counting may keep the screen and the keys waiting.
const TURN: Duration = Duration::from_millis(4);

/// From how many columns on two charts stand beside each other.
const WIDE: usize = 76;

/// From how many rows on charts are taller.
const TALL: u16 = 30;

/// The columns of a figure in the table, and of what it is of.
const FIGURE: usize = 11;
const NAME: usize = 12;

/// Of which rows figures are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Of {
    /// Those that the log shows; of these, those that are selected, if any are.
    #[default]
    Shown,
    /// Those of the selected socket and its connections.
    Socket,
    /// All of the log.
    All,
}

/// The same, with what decides which rows these are.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Counted {
    Shown(String, Scope, Option<Range<u64>>),
    Socket(SocketId),
    All,
}

#[derive(Debug, Default)]
pub(super) struct StatisticsTab {
    of: Of,
    counted: Option<(Counted, Statistics)>,
    scroll: usize,
    /// Where the names of what figures can be of were drawn.
    choices: Vec<(Rect, Of)>,
}

/// A line of pieces, each with its style.
type Line = Vec<(String, Style)>;

/// Tells figures of other rows.
pub(super) fn turn(ui: &mut Ui) {
    let tab = &mut ui.inspector.statistics;
    tab.of = match tab.of {
        Of::Shown => Of::Socket,
        Of::Socket => Of::All,
        Of::All => Of::Shown,
    };
    tab.scroll = 0;
}

pub(super) fn scroll_by(ui: &mut Ui, rows: isize) {
    let scroll = &mut ui.inspector.statistics.scroll;
    *scroll = scroll.saturating_add_signed(rows);
}

pub(super) fn click(ui: &mut Ui, x: u16, y: u16) {
    let tab = &mut ui.inspector.statistics;
    if let Some((_, of)) = tab.choices.iter().find(|(area, _)| area.contains((x, y).into())) {
        tab.of = *of;
        tab.scroll = 0;
    }
}

/// The socket that figures would be of: the one selected in the list, else that of the log's row.
fn socket(ui: &Ui) -> Option<SocketId> {
    ui.selected_socket().or_else(|| ui.bench.current().map(|row| row.socket))
}

fn wanted(ui: &Ui) -> Option<Counted> {
    let view = &ui.bench.view;
    Some(match ui.inspector.statistics.of {
        Of::Shown => Counted::Shown(view.filter().text().to_owned(), view.scope(), selection::rows(ui)),
        Of::Socket => Counted::Socket(socket(ui)?),
        Of::All => Counted::All,
    })
}

/// The sequence number of the row before which counting ends.
fn end(ui: &Ui, of: &Counted) -> u64 {
    let judged = ui.bench.view.judged() + 1;
    match of {
        Counted::Shown(_, _, Some(selected)) => selected.end.min(judged),
        Counted::Shown(..) => judged,
        Counted::Socket(_) | Counted::All => ui.bench.store.next(),
    }
}

/// How many rows are still to be looked at.
fn behind(ui: &Ui) -> u64 {
    let counted = ui.inspector.statistics.counted.as_ref();
    counted.map_or(0, |(of, figures)| (end(ui, of) - 1).saturating_sub(figures.seen()))
}

/// Counts rows for as long as nobody is kept waiting by it; true if there were any, so that figures have changed.
pub(super) fn work(ui: &mut Ui) -> bool {
    let wanted = wanted(ui);
    let end = wanted.as_ref().map_or(0, |of| end(ui, of));
    let bench = &ui.bench;
    let counted = &mut ui.inspector.statistics.counted;
    let judged = bench.view.judged();
    let is_shown = matches!(wanted, Some(Counted::Shown(..)));
    // The rows shown are judged anew where a socket's name has changed.
    counted.take_if(|(of, figures)| Some(&*of) != wanted.as_ref() || is_shown && figures.seen() > judged);
    let Some(of) = wanted else { return false };
    let (of, figures) = counted.get_or_insert_with(|| {
        let first = match &of {
            Counted::Shown(_, _, Some(selected)) => selected.start,
            _ => bench.store.first(),
        };
        (of, Statistics::from_row(first))
    });
    if figures.seen() + 1 >= end {
        return false;
    }
    let (began, of) = (Instant::now(), &*of);
    let is_counted = |row: &crate::log::Row| match of {
        Counted::Shown(..) => bench.view.shows(row.seq),
        Counted::Socket(socket) => row.socket == *socket || bench.roster.parent(row.socket) == Some(*socket),
        Counted::All => true,
    };
    while !figures.catch_up(&bench.store, end, SLICE, &is_counted) && began.elapsed() < TURN {}
    true
}

pub(super) fn render(ui: &mut Ui, canvas: &mut Canvas<'_>, area: Rect) {
    let area = inset(area);
    render_choices(ui, canvas, area);
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let figures = ui.inspector.statistics.counted.as_ref().map(|(_, figures)| figures);
    let Some(figures) = figures.filter(|figures| figures.rows() > 0) else {
        let text = match ui.inspector.statistics.of {
            _ if behind(ui) > 0 => "Counting; no such row so far.",
            Of::Shown => "No row is shown, so there is nothing to count; s counts others.",
            Of::Socket if socket(ui).is_none() => "No socket is selected; s counts other rows.",
            Of::Socket => "Nothing has happened to this socket yet; s counts other rows.",
            Of::All => "The log has no rows; figures of what comes will stand here.",
        };
        put_wrapped(canvas, body, &Printable::text(text), ui.look.dim);
        return;
    };
    let lines = lines(ui, figures, body);
    let most = lines.len().saturating_sub(usize::from(body.height));
    let scroll = ui.inspector.statistics.scroll.min(most);
    ui.inspector.statistics.scroll = scroll;
    for (y, line) in (body.y..body.bottom()).zip(&lines[scroll..]) {
        let mut x = body.x;
        for (text, style) in line {
            let text =
                Printable::text(text).truncate(usize::from(body.right().saturating_sub(x)), ui.look.marks.ellipsis);
            x = canvas.put(x, y, body.right(), &text, *style);
        }
    }
    let below = most - scroll;
    if below > 0 {
        let text = Printable::text(&format!(" {below} more {} ", ui.look.marks.down));
        let x = area.right().saturating_sub(u16::try_from(text.width()).unwrap_or(u16::MAX));
        canvas.put(x, area.bottom(), area.right(), &text, ui.look.dim);
    }
}

/// `of [rows shown]  server#1   all   (s turns)`; what can be turned to can be clicked.
fn render_choices(ui: &mut Ui, canvas: &mut Canvas<'_>, area: Rect) {
    let socket = socket(ui).map_or_else(|| "a socket".to_owned(), |socket| ui.bench.roster.name(socket));
    let mut x = canvas.put(area.x, area.y, area.right(), &Printable::text("of"), ui.look.dim);
    let mut choices = Vec::new();
    let shown = if selection::range(ui).is_some() { "rows selected" } else { "rows shown" };
    for (of, name) in [(Of::Shown, shown), (Of::Socket, &socket), (Of::All, "all rows")] {
        let chosen = ui.inspector.statistics.of == of;
        let (name, style) =
            if chosen { (format!(" [{name}]"), ui.look.title) } else { (format!("  {name} "), ui.look.dim) };
        let start = x;
        x = canvas.put(x, area.y, area.right(), &Printable::text(&name), style);
        choices.push((Rect { x: start, y: area.y, width: x - start, height: 1 }, of));
    }
    ui.inspector.statistics.choices = choices;
    let key = ui.keymap.key_of("statistics-of").unwrap_or_default();
    let turns = Printable::text(&format!("  {key} turns"));
    if turns.width() <= usize::from(area.right().saturating_sub(x)) {
        canvas.put(x, area.y, area.right(), &turns, ui.look.dim);
    }
}

fn lines(ui: &Ui, figures: &Statistics, area: Rect) -> Vec<Line> {
    let mut lines = head(ui, figures);
    if figures.series().stretches().len() > 0 {
        lines.push(Vec::new());
        lines.extend(charts(ui, figures, area));
        lines.push(Vec::new());
        lines.extend(table(ui, figures));
        lines.push(Vec::new());
        lines.extend(sizes(ui, figures, usize::from(area.width)));
    }
    lines.push(Vec::new());
    let kinds: Vec<String> = figures.kinds().map(|(kind, count)| format!("{kind} {}", grouped(count))).collect();
    lines.extend(filled(&kinds, usize::from(area.width)).into_iter().map(|text| vec![(text, ui.look.text)]));
    lines
}

/// Words in lines of at most so many columns.
fn filled(words: &[String], columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.len() + 3 + word.len() <= columns => {
                line.push_str("   ");
                line.push_str(word);
            }
            _ => lines.push(word.clone()),
        }
    }
    lines
}

fn head(ui: &Ui, figures: &Statistics) -> Vec<Line> {
    let look = &ui.look;
    let rows = if figures.rows() == 1 { "row" } else { "rows" };
    let mut first = vec![(format!("{} {rows}", grouped(figures.rows())), look.text)];
    let behind = behind(ui);
    if behind > 0 {
        first.push((format!(", counting, {} to go", grouped(behind)), look.warning));
    }
    if let Some((from, to)) = figures.span() {
        let (from_text, to_text) = (time_of_day(ui, from), time_of_day(ui, to));
        first.push((format!(", {from_text} to {to_text}, {}", measured(to.since(from))), look.dim));
    }
    let flow = figures.flow();
    let mut lines = vec![first, traffic(ui, "", flow)];
    if figures.missed() > 0 {
        let text = format!("{} older rows were gone before they were counted", grouped(figures.missed()));
        lines.push(vec![(text, look.warning)]);
    }
    // What the list tells of a socket that has no connections of its own: files that were sent whole are in it, too,
    // and rows that the log no longer holds.
    if ui.inspector.statistics.of == Of::Socket
        && let Some(member) = socket(ui).and_then(|socket| ui.bench.roster.get(socket))
        && member.accepted == 0
        && behind == 0
        && (member.received, member.sent) != (flow.received, flow.sent)
    {
        let all = Flow { received: member.received, sent: member.sent };
        lines.push(traffic(ui, "with files, and rows no longer here: ", all));
    }
    lines
}

/// `received 602 (12 MiB)   sent 600 (3.0 MiB)`
fn traffic(ui: &Ui, before: &str, flow: Flow) -> Line {
    let told = |word: &str, traffic: Traffic| format!("{word} {} ({})", grouped(traffic.messages), size(traffic.bytes));
    vec![
        (before.to_owned(), ui.look.dim),
        (told("received", flow.received), ui.look.received),
        ("   ".to_owned(), ui.look.text),
        (told("sent", flow.sent), ui.look.sent),
    ]
}

fn time_of_day(ui: &Ui, at: crate::contract::Timestamp) -> String {
    if ui.time == crate::config::TimeFormat::Utc { at.utc_time_of_day() } else { at.local_time_of_day() }
}

/// Bytes and messages a second, beside each other where there is room.
fn charts(ui: &Ui, figures: &Statistics, area: Rect) -> Vec<Line> {
    let rows = if area.height >= TALL { 4 } else { 2 };
    let width = usize::from(area.width);
    let columns = if width >= WIDE { (width - 2) / 2 } else { width };
    let per_second = |value: u64, time: Duration| {
        u64::try_from(u128::from(value) * 1_000_000_000 / time.as_nanos().max(1)).unwrap_or(u64::MAX)
    };
    let chart = |name: &str, of: fn(Traffic) -> u64, shown: fn(u64) -> String| {
        let (flows, together) = fitted(figures.series().stretches().copied(), columns, Flow::and);
        let time = figures.series().length() * u32::try_from(together).unwrap_or(u32::MAX);
        let values: Vec<(u64, u64)> =
            flows.iter().map(|flow| (per_second(of(flow.received), time), per_second(of(flow.sent), time))).collect();
        let peak = |side: fn(&(u64, u64)) -> u64| shown(values.iter().map(side).max().unwrap_or(0));
        let marks = ui.look.marks;
        let title = vec![
            (format!("{name}/s, peak "), ui.look.dim),
            (format!("{}{}", marks.down, peak(|pair| pair.0)), ui.look.received),
            (format!(" {}{}", marks.up, peak(|pair| pair.1)), ui.look.sent),
            (format!(" ({})", measured(time)), ui.look.dim),
        ];
        let chart = mirrored(&values, rows, marks.blocks);
        let mut lines = vec![title];
        lines.extend(chart.above.into_iter().map(|text| vec![(text, ui.look.received)]));
        lines.push(vec![(marks.blocks.line.repeat(values.len()), ui.look.dim)]);
        lines.extend(chart.below.into_iter().map(|text| vec![(text, ui.look.sent)]));
        lines
    };
    let bytes = chart("bytes", |traffic| traffic.bytes, size);
    let messages = chart("messages", |traffic| traffic.messages, grouped);
    if width >= WIDE {
        bytes.into_iter().zip(messages).map(|(left, right)| beside(left, right, columns + 2, ui.look.text)).collect()
    } else {
        bytes.into_iter().chain([Vec::new()]).chain(messages).collect()
    }
}

fn beside(mut left: Line, right: Line, columns: usize, style: Style) -> Line {
    let width: usize = left.iter().map(|(text, _)| Printable::text(text).width()).sum();
    left.push((" ".repeat(columns.saturating_sub(width).max(1)), style));
    left.extend(right);
    left
}

/// Mean, median, 99th percentile and largest of sizes and times.
fn table(ui: &Ui, figures: &Statistics) -> Vec<Line> {
    let look = &ui.look;
    let head: String = ["mean", "median", "p99", "most"].map(|name| format!("{name:>FIGURE$}")).concat();
    let mut lines = vec![vec![(format!("{:NAME$}{head}", ""), look.dim)]];
    let bytes = |value| format!("{} B", grouped(value));
    let time = |nanos| measured(Duration::from_nanos(nanos));
    let mut line = |name: &str, of: &Distribution, shown: &dyn Fn(u64) -> String, style: Style| {
        if of.count() > 0 {
            let told = [of.mean(), of.quantile(50), of.quantile(99), of.most()]
                .map(|value| format!("{:>FIGURE$}", shown(value)));
            lines.push(vec![(format!("{name:NAME$}"), look.dim), (told.concat(), style)]);
        }
    };
    line("received", figures.received_sizes(), &bytes, look.received);
    line("sent", figures.sent_sizes(), &bytes, look.sent);
    line("gap", figures.gaps(), &time, look.text);
    line("peer answers", figures.answers(), &time, look.received);
    line("we answer", figures.own_answers(), &time, look.sent);
    lines
}

/// How many messages are of which size, by powers of two.
fn sizes(ui: &Ui, figures: &Statistics, width: usize) -> Vec<Line> {
    let (received, sent) = (figures.received_sizes().octaves(), figures.sent_sizes().octaves());
    let count = |octaves: &[(u64, u64, u64)], first| {
        octaves.iter().find(|octave| octave.0 == first).map_or(0, |octave| octave.2)
    };
    let mut ranges: Vec<(u64, u64)> = received.iter().chain(&sent).map(|octave| (octave.0, octave.1)).collect();
    ranges.sort_unstable();
    ranges.dedup();
    let rows: Vec<(u64, u64, u64, u64)> =
        ranges.into_iter().map(|(first, last)| (first, last, count(&received, first), count(&sent, first))).collect();
    let most = rows.iter().map(|row| row.2 + row.3).max().unwrap_or(0);
    let digits = rows.iter().map(|row| grouped(row.2).len().max(grouped(row.3).len())).max().unwrap_or(1);
    let marks = ui.look.marks;
    let room = width.saturating_sub(NAME + 2 * (digits + 3));
    let mut lines = vec![vec![("messages by size".to_owned(), ui.look.dim)]];
    lines.extend(rows.into_iter().map(|(first, last, received, sent)| {
        let name = match (first, last) {
            (0, _) => "empty".to_owned(),
            (1, _) => "1 B".to_owned(),
            (..1024, _) => format!("{first}-{last} B"),
            _ => format!("{} +", size(first)),
        };
        let mut came = bar(received, most, room, marks.blocks);
        if sent > 0 {
            // What went stands right behind it, so that both are one bar.
            came = marks.blocks.right[8].repeat(came.chars().count());
        }
        let left = room.saturating_sub(came.chars().count());
        let mut went = bar(sent, most, room, marks.blocks);
        if went.chars().count() > left {
            went = marks.blocks.right[8].repeat(left);
        }
        vec![
            (format!("{name:NAME$}"), ui.look.dim),
            (format!("{}{:<digits$}  ", marks.down, grouped(received)), ui.look.received),
            (format!("{}{:<digits$}  ", marks.up, grouped(sent)), ui.look.sent),
            (came, ui.look.received),
            (went, ui.look.sent),
        ]
    }));
    lines
}
