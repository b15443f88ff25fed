//! The inspector's options: what was given for each, what the kernel made of it, and how it sees the connection.
//!
//! Owns which option is focused and when the kernel was asked last. It orders changes, and never makes one itself.

use std::time::{Duration, Instant};

use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::inset;
use crate::contract::{Command, OptionSpec, Role, SocketId, SocketView, TcpView};
use crate::log::Member;
use crate::log::sanitise::Printable;
use crate::ui::canvas::Canvas;
use crate::ui::figures::{grouped, short_time};
use crate::ui::notice::Notice;
use crate::ui::overlays::set_option;
use crate::ui::panes::sockets;
use crate::ui::widgets::paragraph::put_wrapped;
use crate::ui::{Effect, Pane, Ui};

/// How often the kernel is asked while its answer is looked at.
const REFRESH: Duration = Duration::from_millis(500);

/// The columns of an option's name, with the mark before and after it, and of what was given.
const NAME_WIDTH: u16 = 19;
const GIVEN_WIDTH: u16 = 14;

/// The columns between two figures of the kernel's view.
const FIGURE_GAP: u16 = 3;

/// The rows that the options and their help have before figures get any.
const ROWS_OF_OPTIONS: u16 = 6;

/// From how many columns on an option's help needs two rows and not three.
const WIDE: u16 = 76;

#[derive(Debug, Default)]
pub(super) struct OptionsTab {
    focus: usize,
    /// Whose options those are among which the focus is.
    socket: Option<SocketId>,
    /// Of which socket, and when, the kernel was asked last.
    asked: Option<(SocketId, Instant)>,
    /// Where the options were drawn, and the index of the first.
    drawn: (Rect, usize),
}

/// Moves the focus by so many options, however many there are.
pub(super) fn move_focus(ui: &mut Ui, by: isize) {
    begin_at_first(ui);
    let last = shown(ui).map_or(0, |member| options_of(member).len().saturating_sub(1));
    let tab = &mut ui.inspector.options;
    tab.focus = tab.focus.min(last).saturating_add_signed(by).min(last);
}

/// Puts the focus on the first option where another socket's are shown than before.
fn begin_at_first(ui: &mut Ui) {
    let socket = shown(ui).map(|member| member.id);
    let tab = &mut ui.inspector.options;
    if tab.socket != socket {
        tab.socket = socket;
        tab.focus = 0;
    }
}

/// The socket whose options are shown: the one selected in the list, else that of the log's row.
fn shown(ui: &Ui) -> Option<&Member> {
    let selected = ui.selected_socket().and_then(|socket| ui.bench.roster.get(socket));
    selected.or_else(|| ui.bench.roster.get(ui.bench.current()?.socket))
}

/// The options of a socket, first those that can be changed while it is open. A connection has none of those that only
/// its listener has.
fn options_of(member: &Member) -> Vec<&'static OptionSpec> {
    let all = member.endpoint.scheme.spec().options.iter().copied();
    let (mut live, later): (Vec<_>, Vec<_>) = all
        .filter(|spec| member.parent.is_none() || !["backlog", "max-connections", "unlink"].contains(&spec.name))
        .partition(|spec| spec.live);
    // What the kernel keeps comes first: it has something to show for it.
    live.sort_by_key(|spec| spec.is_of_the_bench());
    [live, later].concat()
}

/// Asks the kernel anew where its answer is on the screen and may be old; after how long to do so again.
pub(super) fn refresh(ui: &mut Ui) -> Option<Duration> {
    let socket = shown(ui).filter(|member| member.state.is_open())?.id;
    if let Some((asked, at)) = ui.inspector.options.asked
        && asked == socket
        && let Some(rest) = REFRESH.checked_sub(at.elapsed()).filter(|rest| !rest.is_zero())
    {
        return Some(rest);
    }
    ui.inspector.options.asked = Some((socket, Instant::now()));
    ui.bench.look_at(socket);
    ui.effects.push(Effect::Order(Command::Inspect { socket }));
    Some(REFRESH)
}

/// Has the kernel asked at once.
pub(super) const fn ask_anew(tab: &mut OptionsTab) {
    tab.asked = None;
}

pub(super) fn click(ui: &mut Ui, x: u16, y: u16) {
    let (rows, first) = ui.inspector.options.drawn;
    if rows.contains((x, y).into()) {
        ui.inspector.options.focus = first + usize::from(y - rows.y);
    }
}

/// Changes the focused option, or says why it can't be changed now.
pub(super) fn change(ui: &mut Ui) {
    begin_at_first(ui);
    let Some(member) = shown(ui) else { return };
    let options = options_of(member);
    let Some(spec) = options.get(ui.inspector.options.focus.min(options.len().saturating_sub(1))).copied() else {
        return;
    };
    let (socket, open) = (member.id, member.state.is_open());
    let edit = ui.keymap.key_of("edit-socket").unwrap_or_default();
    if spec.live && open {
        set_option::open(ui, socket, spec);
    } else {
        let why = if open { "holds from the next opening" } else { "the socket is not open" };
        ui.tell(Notice::warning(format!("{}: {why}; {edit} in the list of sockets edits it", spec.name)));
    }
}

pub(super) fn render(ui: &mut Ui, canvas: &mut Canvas<'_>, inside: Rect) {
    begin_at_first(ui);
    let area = inset(inside);
    let Some(member) = shown(ui) else {
        put_wrapped(canvas, area, &Printable::text("The options of the selected socket will stand here."), ui.look.dim);
        return;
    };
    let options = options_of(member);
    let focus = ui.inspector.options.focus.min(options.len().saturating_sub(1));
    let view = ui.bench.view_of(member.id).filter(|_| member.state.is_open());
    let figures = view.map(|(view, before)| figures(ui, member, view, before)).unwrap_or_default();
    let used = put_wrapped(canvas, area, &Printable::text(&headline(ui, member, area.width)), ui.look.dim);
    let area = below(area, used);
    let height = area.height.saturating_sub(ROWS_OF_OPTIONS);
    let used = render_figures(ui, canvas, Rect { height, ..area }, &figures);
    let drawn = render_options(ui, canvas, below(area, used), member, &options, focus);
    ui.inspector.options.focus = focus;
    ui.inspector.options.drawn = drawn;
}

fn below(area: Rect, rows: u16) -> Rect {
    Rect { y: area.y + rows, height: area.height.saturating_sub(rows), ..area }
}

/// Whose options these are, for a pane of so many columns.
fn headline(ui: &Ui, member: &Member, width: u16) -> String {
    let dot = ui.look.marks.dot;
    let phase = match sockets::phase_of(member) {
        phase if !member.state.is_open() => format!("{phase}: what was given holds from the next opening"),
        phase if phase.is_empty() => "open".to_owned(),
        phase => phase,
    };
    let url = sockets::shortened(&member.endpoint.base_url(), usize::from(width).max(12), ui.look.marks.ellipsis);
    format!("{} {dot} {url} {dot} {phase}", ui.bench.roster.name(member.id))
}

/// Draws the options and the focused one's help; gives where the options are, and the index of the first.
fn render_options(
    ui: &Ui,
    canvas: &mut Canvas<'_>,
    area: Rect,
    member: &Member,
    options: &[&'static OptionSpec],
    focus: usize,
) -> (Rect, usize) {
    let look = &ui.look;
    let view = ui.bench.view_of(member.id).filter(|_| member.state.is_open());
    let (given_x, kernel_x) = (area.x + NAME_WIDTH, area.x + NAME_WIDTH + GIVEN_WIDTH);
    let mut put = |x: u16, y: u16, end: u16, text: &str, style: Style| {
        if y < area.bottom() {
            canvas.put(x, y, end.min(area.right()), &Printable::text(text), style);
        }
    };
    put(area.x + 2, area.y, given_x, "OPTION", look.dim);
    put(given_x, area.y, kernel_x, "GIVEN", look.dim);
    put(kernel_x, area.y, area.right(), "KERNEL", look.dim);
    let help_height = if area.width >= WIDE { 2 } else { 3 }.min(area.height.saturating_sub(3));
    let height = area.height.saturating_sub(1 + help_height).min(u16::try_from(options.len()).unwrap_or(u16::MAX));
    let rows = Rect { y: area.y + 1, height, ..area };
    let first = (focus + 1).saturating_sub(usize::from(height));
    for (y, (index, spec)) in (rows.y..rows.bottom()).zip(options.iter().enumerate().skip(first)) {
        let focused = index == focus && ui.focus == Pane::Inspector;
        let name_style = if focused { look.key } else { look.text };
        put(area.x, y, given_x - 1, &format!("{} {}", if index == focus { ">" } else { " " }, spec.name), name_style);
        if spec.live {
            put(given_x - 2, y, given_x, "*", look.good);
        }
        // What a connection's messages are is its listener's, as it is now.
        let now = ui.bench.roster.endpoint(member.id).filter(|_| spec.is_of_the_bench());
        match now.unwrap_or(&member.endpoint).option(spec.name) {
            Some(value) => {
                put(given_x, y, kernel_x - 1, &set_option::shown(spec, value.to_string()), look.text);
            }
            None => put(given_x, y, kernel_x - 1, "default", look.dim),
        }
        let value_in = |view: &SocketView| {
            view.options.iter().find(|(known, _)| known.name == spec.name).map(|(_, value)| value.clone())
        };
        let value = view.and_then(|(view, _)| value_in(view));
        let changed = view.and_then(|(_, before)| before).is_some_and(|before| value_in(before) != value);
        match value {
            Some(value) => {
                put(kernel_x, y, area.right(), &set_option::shown(spec, value), fresh(look.text, changed));
            }
            None => put(kernel_x, y, area.right(), look.marks.none, look.dim),
        }
    }
    if let Some(spec) = options.get(focus) {
        let changeable = spec.live && member.state.is_open();
        let live = if changeable { "* It can be changed now." } else { "It holds from the next opening." };
        let help = format!("{}: {}. Default: {}. {live}", spec.name, spec.help, member.endpoint.default_of(spec));
        let rest = below(area, 1 + height);
        let rest = if rest.height > help_height { below(rest, 1) } else { rest };
        put_wrapped(canvas, Rect { height: rest.height.min(help_height), ..rest }, &Printable::text(&help), look.dim);
    }
    (rows, first)
}

/// A figure that is another than the time before is bold.
const fn fresh(style: Style, changed: bool) -> Style {
    if changed { style.add_modifier(Modifier::BOLD) } else { style }
}

/// One figure of the kernel's view: what it is, its value, and whether that has changed.
type Figure = (&'static str, String, bool);

fn figures(ui: &Ui, member: &Member, view: &SocketView, before: Option<&SocketView>) -> Vec<Figure> {
    let listens = member.endpoint.scheme.spec().role == Role::Listener && member.parent.is_none();
    let now = texts(ui, view, listens);
    let before = before.map(|before| texts(ui, before, listens));
    now.into_iter()
        .map(|(name, value)| {
            let changed = before.as_ref().is_some_and(|before| !before.contains(&(name, value.clone())));
            (name, value, changed)
        })
        .collect()
}

fn texts(ui: &Ui, view: &SocketView, listens: bool) -> Vec<(&'static str, String)> {
    let mut texts = Vec::new();
    // A listener exchanges nothing that could be measured.
    let tcp = view.tcp.as_ref().filter(|_| !listens);
    texts.extend(view.tcp.iter().map(|tcp| ("state", tcp.state.to_owned())));
    texts.extend(tcp.into_iter().flat_map(|tcp| tcp_texts(ui, tcp)));
    let bytes = |count: u32| format!("{} B", grouped(count));
    if let Some(count) = view.receive_queue {
        texts.push(if listens { ("to accept", grouped(count)) } else { ("recv queue", bytes(count)) });
    }
    if let Some(count) = view.send_queue {
        texts.push(if listens { ("backlog", grouped(count)) } else { ("send queue", bytes(count)) });
    }
    // What hardly ever changes comes last, where room may be short.
    if let Some(tcp) = tcp {
        texts.push(("mss", format!("{} / {}", tcp.send_mss, tcp.receive_mss)));
        if let (Some(theirs), Some(ours)) = (tcp.send_window, tcp.receive_window) {
            texts.push(("window", format!("{} / {}", grouped(theirs), bytes(ours))));
        }
    }
    texts
}

fn tcp_texts(ui: &Ui, tcp: &TcpView) -> [(&'static str, String); 7] {
    let threshold = tcp.slow_start_threshold.map_or_else(|| ui.look.marks.none.to_owned(), grouped);
    [
        ("rtt", format!("{} {} {}", short_time(tcp.rtt), ui.look.marks.plus_minus, short_time(tcp.rtt_variation))),
        ("rto", short_time(tcp.retransmission_timeout)),
        ("cwnd", grouped(tcp.congestion_window)),
        ("ssthresh", threshold),
        ("unacked", grouped(tcp.unacknowledged)),
        ("lost", grouped(tcp.lost)),
        ("retransmits", grouped(tcp.retransmits)),
    ]
}

/// Draws the figures one after the other, in at most so many rows; gives how many those are.
fn render_figures(ui: &Ui, canvas: &mut Canvas<'_>, area: Rect, figures: &[Figure]) -> u16 {
    let (mut x, mut y) = (area.x, area.y);
    for (name, value, changed) in figures {
        let (name, value) = (Printable::text(&format!("{name} ")), Printable::text(value));
        let width = u16::try_from(name.width() + value.width()).unwrap_or(u16::MAX);
        if x > area.x && x.saturating_add(width) > area.right() {
            (x, y) = (area.x, y + 1);
        }
        if y >= area.bottom() {
            return area.height;
        }
        let value_x = canvas.put(x, y, area.right(), &name, ui.look.dim);
        x = canvas.put(value_x, y, area.right(), &value, fresh(ui.look.text, *changed)) + FIGURE_GAP;
    }
    if x > area.x { y + 1 - area.y } else { 0 }
}
