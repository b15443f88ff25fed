//! The list of sockets: each with its state, its connections and its peers below it.

mod actions;

use std::net::{Ipv4Addr, Ipv6Addr};

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::frame;
use crate::contract::{
    Address, AddressKind, CloseReason, EndpointAddress, Role, Scheme, SocketId, Target, UnixAddress, UnixName,
};
use crate::framing::Framing;
use crate::log::sanitise::Printable;
use crate::log::{Member, State};
use crate::ui::bench::Bench;
use crate::ui::canvas::Canvas;
use crate::ui::figures::size;
use crate::ui::panes::log::timeline;
use crate::ui::widgets::paragraph::put_wrapped;
use crate::ui::{Pane, Ui};

use actions::open_server;
pub(in crate::ui) use actions::{ACTIONS, not_from_file};

/// One entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ui) enum Entry {
    /// A socket that the user opened; two rows.
    Root(SocketId),
    /// An accepted connection.
    Child(SocketId),
    /// Somebody whom a datagram socket has heard or written to.
    Peer(SocketId, Address),
}

impl Entry {
    pub(in crate::ui) fn target(&self, bench: &Bench) -> Target {
        match self {
            Self::Root(socket) => match bench.roster.get(*socket) {
                Some(member) if member.endpoint.scheme.spec().role == Role::Listener => Target::Children(*socket),
                _ => Target::Socket(*socket),
            },
            Self::Child(socket) => Target::Socket(*socket),
            Self::Peer(socket, address) => Target::Peer(*socket, address.clone()),
        }
    }

    fn socket(&self) -> SocketId {
        match self {
            Self::Root(socket) | Self::Child(socket) | Self::Peer(socket, _) => *socket,
        }
    }

    const fn rows(&self) -> usize {
        if matches!(self, Self::Root(_)) { 2 } else { 1 }
    }
}

#[derive(Debug, Default)]
pub(in crate::ui) struct SocketsPane {
    pub(in crate::ui) selected: Option<Entry>,
    /// What was drawn where: the first row and the row after the last of each entry.
    drawn: Vec<(u16, u16, Entry)>,
}

impl SocketsPane {
    pub(in crate::ui) fn entry_at(&self, y: u16) -> Option<Entry> {
        self.drawn.iter().find(|(top, end, _)| (*top..*end).contains(&y)).map(|(_, _, entry)| entry.clone())
    }
}

impl Ui {
    pub(in crate::ui) fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        for root in self.bench.roster.roots() {
            entries.push(Entry::Root(root.id));
            entries.extend(self.bench.roster.children(root.id).map(|child| Entry::Child(child.id)));
            if root.endpoint.scheme.is_datagram() {
                entries.extend(root.peers.keys().map(|peer| Entry::Peer(root.id, peer.clone())));
            }
        }
        entries
    }

    pub(in crate::ui) fn move_in_list(&mut self, by: i32) {
        let entries = self.entries();
        let Some(last) = entries.len().checked_sub(1) else { return };
        let at = self.sockets.selected.as_ref().and_then(|selected| entries.iter().position(|entry| entry == selected));
        let next = match at {
            None => 0,
            Some(at) => at.saturating_add_signed(by as isize).min(last),
        };
        self.select(entries[next].clone());
    }

    /// Selects an entry of the list, and makes it what the input sends to.
    pub(in crate::ui) fn select(&mut self, entry: Entry) {
        self.may_select = false;
        self.target = Some(entry.target(&self.bench));
        self.sockets.selected = Some(entry);
        timeline::follow_selection(self);
    }

    pub(in crate::ui) fn selected_socket(&self) -> Option<SocketId> {
        self.sockets.selected.as_ref().map(Entry::socket)
    }

    pub(in crate::ui) fn selected_root(&self) -> Option<SocketId> {
        match self.sockets.selected.as_ref()? {
            Entry::Root(socket) | Entry::Peer(socket, _) => Some(*socket),
            Entry::Child(socket) => self.bench.roster.get(*socket)?.parent,
        }
    }

    fn selected_member(&self) -> Option<&Member> {
        self.bench.roster.get(self.selected_socket()?)
    }
}

pub(in crate::ui) fn render(ui: &mut Ui, canvas: &mut Canvas<'_>) {
    if ui.layout.sockets.is_empty() {
        return;
    }
    let inside = frame(ui, canvas, Pane::Sockets, "Sockets");
    let entries = ui.entries();
    ui.sockets.drawn.clear();
    if entries.is_empty() {
        render_empty(ui, canvas, inside);
        return;
    }
    let selected = ui.sockets.selected.as_ref().and_then(|selected| entries.iter().position(|entry| entry == selected));
    let mut y = inside.y;
    for entry in &entries[first_visible(&entries, selected, inside.height)..] {
        if y >= inside.bottom() {
            break;
        }
        let is_selected = ui.sockets.selected.as_ref() == Some(entry);
        let end = (y + u16::try_from(entry.rows()).unwrap_or(1)).min(inside.bottom());
        render_entry(ui, canvas, Rect { y, height: end - y, ..inside }, entry);
        if is_selected {
            let style = if ui.focus == Pane::Sockets { ui.look.selected } else { ui.look.selected_unfocused };
            canvas.style(Rect { y, height: 1, ..inside }, style);
        }
        ui.sockets.drawn.push((y, end, entry.clone()));
        y = end;
    }
    let lone_server = ui.selected_root().filter(|root| is_lone_server(ui, *root));
    if let Some(server) = lone_server
        && inside.bottom() > y + 4
    {
        render_server_hint(ui, canvas, Rect { y: y + 1, height: inside.bottom() - y - 1, ..inside }, server);
    }
}

/// The first entry to draw so that the selected one is on the screen, with one more below it where there is one.
fn first_visible(entries: &[Entry], selected: Option<usize>, height: u16) -> usize {
    let Some(selected) = selected else { return 0 };
    let wanted = (selected + 1).min(entries.len() - 1);
    let mut rows = 0;
    let mut first = wanted + 1;
    while first > 0 {
        rows += entries[first - 1].rows();
        if rows > usize::from(height) && first <= selected {
            break;
        }
        first -= 1;
    }
    first
}

fn is_lone_server(ui: &Ui, root: SocketId) -> bool {
    open_server(ui).is_ok()
        && ui.bench.roster.get(root).is_some_and(|member| member.accepted == 0 && member.peers.is_empty())
}

fn render_server_hint(ui: &Ui, canvas: &mut Canvas<'_>, area: Rect, server: SocketId) {
    let Some(member) = ui.bench.roster.get(server) else { return };
    let key = ui.keymap.key_of("test-client").unwrap_or_default();
    let mut lines = vec![("Nobody is here.".to_owned(), ui.look.dim)];
    match peer_command(member) {
        Some(command) => lines.extend([
            ("Try".to_owned(), ui.look.dim),
            (command, ui.look.text),
            ("in another terminal, or".to_owned(), ui.look.dim),
            (format!("press {key} in this list for a client in here."), ui.look.dim),
        ]),
        None => lines.push((format!("Press {key} in this list for a client in here."), ui.look.dim)),
    }
    put_lines(canvas, area, &lines);
}

/// The command that makes a peer of a server, where there is one that needs no quoting.
fn peer_command(member: &Member) -> Option<String> {
    let scheme = member.endpoint.scheme;
    if let EndpointAddress::Unix(name) = &member.endpoint.address {
        let (text, is_path) = match name {
            UnixName::Path(path) => (path, true),
            UnixName::Abstract(name) => (name, false),
        };
        if text.starts_with('-') || !text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+".contains(c)) {
            return None;
        }
        return match (scheme, is_path) {
            (Scheme::UnixListen, true) => Some(format!("nc -U {text}")),
            (Scheme::UnixListen, false) => Some(format!("socat - ABSTRACT-CONNECT:{text}")),
            (Scheme::UnixDgramBind, true) => Some(format!("nc -uU {text}")),
            (Scheme::UnixSeqpacketListen, true) => Some(format!("socat - UNIX-CONNECT:{text},type=5")),
            (Scheme::UnixSeqpacketListen, false) => Some(format!("socat - ABSTRACT-CONNECT:{text},type=5")),
            _ => None,
        };
    }
    let Some(Address::Ip(local)) = member.local.first() else { return None };
    let host = match local.ip() {
        ip if ip.is_unspecified() && local.is_ipv4() => "127.0.0.1".to_owned(),
        ip if ip.is_unspecified() => "::1".to_owned(),
        ip => ip.to_string(),
    };
    let flag = if scheme.is_datagram() { "-u " } else { "" };
    Some(format!("nc {flag}{host} {}", local.port()))
}

fn render_empty(ui: &Ui, canvas: &mut Canvas<'_>, inside: Rect) {
    let key = |name: &str| ui.keymap.key_of(name).unwrap_or_else(|| "-".to_owned());
    let (dim, text) = (ui.look.dim, ui.look.text);
    let lines = [
        ("Nothing is open.".to_owned(), dim),
        (String::new(), dim),
        (format!("{:>2} echo server on", key("echo-server")), text),
        ("   127.0.0.1:7788".to_owned(), text),
        (format!("{:>2} new socket", key("new")), text),
        (format!("{:>2} load a profile", key("profiles")), text),
        (format!("{:>2} all commands", key("palette")), text),
        (format!("{:>2} help", key("list-help")), text),
    ];
    put_lines(canvas, inside, &lines);
}

fn put_lines(canvas: &mut Canvas<'_>, area: Rect, lines: &[(String, Style)]) {
    let mut rest = Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..area };
    for (line, style) in lines {
        let used = put_wrapped(canvas, rest, &Printable::text(line), *style);
        rest = Rect { y: rest.y + used, height: rest.height - used, ..rest };
    }
}

fn render_entry(ui: &Ui, canvas: &mut Canvas<'_>, area: Rect, entry: &Entry) {
    let look = &ui.look;
    let marks = look.marks;
    let line = |canvas: &mut Canvas<'_>, row: u16, pieces: &[(String, Style)]| {
        if row < area.height {
            let mut x = area.x;
            for (piece, style) in pieces {
                let piece =
                    Printable::text(piece).truncate(usize::from(area.right().saturating_sub(x)), marks.ellipsis);
                x = canvas.put(x, area.y + row, area.right(), &piece, *style);
            }
        }
    };
    match entry {
        Entry::Root(socket) => {
            let Some(member) = ui.bench.roster.get(*socket) else { return };
            // What must be seen comes before what may be cut.
            let mut head = vec![(format!("{} ", marks.root), look.dim)];
            if member.state.is_open() && !member.endpoint.scheme.spec().is_client() && is_exposed(member) {
                head.push(("EXPOSED ".to_owned(), look.warning));
            }
            head.push((member.name.clone(), look.title));
            if let Some(rules) = rules_of(ui, *socket) {
                head.push((rules, look.good));
            }
            head.push((format!(" {}", member.endpoint.scheme), look.dim));
            if *member.endpoint.framing() != Framing::RAW {
                head.push((format!(" {}", member.endpoint.framing()), look.sent));
            }
            line(canvas, 0, &head);
            let (mark, style) = mark_of(ui, member);
            let mut below = vec![(format!("  {mark} "), style)];
            let used = below.iter().map(|(piece, _)| Printable::text(piece).width()).sum();
            below.extend(status_of(ui, member, usize::from(area.width).saturating_sub(used)));
            line(canvas, 1, &below);
        }
        Entry::Child(socket) => {
            let Some(member) = ui.bench.roster.get(*socket) else { return };
            let (mark, style) = mark_of(ui, member);
            // Hardly a Unix client is bound to a name.
            let unnamed = Address::Unix(UnixAddress::Unnamed);
            let peer = member.peer.as_ref().filter(|peer| **peer != unnamed);
            let mut pieces = vec![(after_blank(phase_of(member)), style)];
            if member.state.is_open() {
                pieces.push((traffic_of(ui, member), look.dim));
            }
            let head = format!("#{}", member.number);
            let left = room_left(usize::from(area.width), 5 + head.len(), &pieces);
            let place = peer.map(|peer| format!(" {}", fitting(ui, peer, left))).unwrap_or_default();
            let mut row = vec![(format!("  {mark} "), style), (head + &place, look.text)];
            row.append(&mut pieces);
            line(canvas, 0, &row);
        }
        Entry::Peer(socket, address) => {
            let Some(peer) = ui.bench.roster.get(*socket).and_then(|member| member.peers.get(address)) else { return };
            let counts = format!(" {}{} {}{}", marks.down, peer.received.messages, marks.up, peer.sent.messages);
            let counts = [(counts, look.dim)];
            let place = fitting(ui, address, room_left(usize::from(area.width), 4, &counts));
            let [counts] = counts;
            line(canvas, 0, &[(format!("    {place}"), look.text), counts]);
        }
    }
}

/// How many rules hold for a socket, if any do; of an echo alone that it is one.
fn rules_of(ui: &Ui, root: SocketId) -> Option<String> {
    let mut rules = ui.bench.rules_on(root);
    let first = rules.next()?;
    Some(match rules.count() {
        0 if first.is_echo() => " echo".to_owned(),
        0 => " 1 rule".to_owned(),
        more => format!(" {} rules", more + 1),
    })
}

/// A peer's address; of the host itself, where only the port tells one from another, that alone.
pub(super) fn short(address: &Address) -> String {
    match address {
        Address::Ip(ip) if ip.ip() == Ipv4Addr::LOCALHOST || ip.ip() == Ipv6Addr::LOCALHOST => {
            format!(":{}", ip.port())
        }
        other => other.to_string(),
    }
}

/// A text with a blank before it, if there is any.
fn after_blank(text: String) -> String {
    if text.is_empty() { text } else { format!(" {text}") }
}

/// How many columns are left beside what is used and what must be seen.
fn room_left(width: usize, used: usize, pieces: &[(String, Style)]) -> usize {
    let needed: usize = pieces.iter().map(|(piece, _)| Printable::text(piece).width()).sum();
    width.saturating_sub(used + needed)
}

/// An address in so many columns: the path of a Unix socket loses its middle where it is longer, but never all.
pub(super) fn fitting(ui: &Ui, address: &Address, width: usize) -> String {
    let text = short(address);
    if matches!(address, Address::Unix(_)) { shortened(&text, width.max(12), ui.look.marks.ellipsis) } else { text }
}

/// A text without its middle where it is wider than it may be.
pub(super) fn shortened(text: &str, width: usize, ellipsis: &str) -> String {
    let printable = Printable::text(text);
    if printable.width() <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(Printable::text(ellipsis).width());
    let graphemes: Vec<(&str, usize)> = printable.graphemes().collect();
    // The end of a path tells more than its beginning.
    let head = fit(graphemes.iter(), room / 3);
    let tail = fit(graphemes.iter().rev(), room - room / 3);
    let part = |part: &[(&str, usize)]| part.iter().map(|(grapheme, _)| *grapheme).collect::<String>();
    format!("{}{ellipsis}{}", part(&graphemes[..head]), part(&graphemes[graphemes.len() - tail..]))
}

/// How many of these graphemes fit into so many columns.
fn fit<'a>(graphemes: impl Iterator<Item = &'a (&'a str, usize)>, width: usize) -> usize {
    let mut columns = 0;
    let ends = graphemes.map(|(_, wide)| {
        columns += wide;
        columns
    });
    ends.take_while(|end| *end <= width).count()
}

fn is_exposed(member: &Member) -> bool {
    member.local.iter().any(Address::is_wildcard)
}

/// A socket's mark: open, half, closed, failed or under way.
fn mark_of(ui: &Ui, member: &Member) -> (&'static str, Style) {
    let (look, marks) = (&ui.look, ui.look.marks);
    match member.state {
        State::Opening | State::Waiting => (marks.waiting, look.dim),
        State::Open | State::Connected if member.sending_closed => (marks.half, look.warning),
        State::Open | State::Connected => (marks.open, look.good),
        State::PeerClosed => (marks.half, look.warning),
        State::Closed(_) => (marks.closed, look.dim),
        State::Failed => (marks.failed, look.error),
    }
}

/// In words, what the mark says, where it says more than "open". FIN and RST are of TCP: a Unix socket has neither.
pub(super) fn phase_of(member: &Member) -> String {
    let is_unix = matches!(member.endpoint.scheme.spec().address, AddressKind::Unix | AddressKind::Nothing);
    match member.state {
        State::Open | State::Connected if is_unix && member.sending_closed => "half-closed".to_owned(),
        State::PeerClosed if is_unix => "peer closed".to_owned(),
        State::Closed(CloseReason::Reset) if is_unix => "peer gone".to_owned(),
        State::Closed(CloseReason::Peer) if is_unix => "closed by peer".to_owned(),
        State::Opening => "opening".to_owned(),
        State::Waiting => "waiting to reconnect".to_owned(),
        State::Open | State::Connected if member.sending_closed => "FIN sent".to_owned(),
        State::Open | State::Connected => String::new(),
        State::PeerClosed => "peer FIN".to_owned(),
        State::Closed(CloseReason::Reset) => "RST".to_owned(),
        State::Closed(CloseReason::Peer) => "FIN".to_owned(),
        State::Closed(CloseReason::User) => "closed".to_owned(),
        State::Closed(reason) => format!("closed, {reason}"),
        State::Failed => "failed".to_owned(),
    }
}

fn traffic_of(ui: &Ui, member: &Member) -> String {
    let marks = ui.look.marks;
    format!(" {}{} {}{}", marks.down, member.received.messages, marks.up, member.sent.messages)
}

/// The second row of a root, which has so many columns: where it is, and how it fares.
fn status_of(ui: &Ui, member: &Member, width: usize) -> Vec<(String, Style)> {
    let look = &ui.look;
    let role = member.endpoint.scheme.spec().role;
    if matches!(member.state, State::Failed | State::Waiting)
        && let Some(error) = &member.error
    {
        let text = match (error.code(), error.errno) {
            (Some(code), Some(errno)) => format!("{code} {errno}"),
            _ => error.cause.clone(),
        };
        let waits = if member.state == State::Waiting { " waiting" } else { "" };
        return vec![
            (text, look.error),
            (waits.to_owned(), look.warning),
            (format!(" {}", member.endpoint.address.plain()), look.dim),
        ];
    }
    let more = if member.local.len() > 1 { format!(" +{}", member.local.len() - 1) } else { String::new() };
    let mut pieces = vec![(more, look.dim), (after_blank(phase_of(member)), look.dim)];
    let carries = member.state.is_open() && !matches!(role, Role::Listener | Role::Pair);
    if carries {
        pieces.push((traffic_of(ui, member), look.dim));
    }
    if member.lost > 0 {
        pieces.push((format!(" lost {}", member.lost), look.error));
    }
    if member.received.bytes > 0 && carries {
        pieces.push((format!(" {}", size(member.received.bytes)), look.dim));
    }
    let room = room_left(width, 0, &pieces);
    let unnamed = Address::Unix(UnixAddress::Unnamed);
    let known = member.peer.as_ref().or(member.local.first()).filter(|address| **address != unnamed);
    let place = match (known, &member.endpoint.address) {
        _ if role == Role::Pair => member.endpoint.option("type").map_or("stream".to_owned(), ToString::to_string),
        (Some(address @ Address::Unix(_)), _) => fitting(ui, address, room),
        (Some(address), _) => address.to_string(),
        (None, address @ EndpointAddress::Unix(_)) => shortened(&address.plain(), room.max(12), look.marks.ellipsis),
        (None, address) => address.to_string(),
    };
    pieces.insert(0, (place, look.text));
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn peers_that_differ_look_different(one in (0..3_u8, 1..4_u8, 1..3_u16), other in (0..3_u8, 1..4_u8, 1..3_u16)) {
            let address = |(high, low, port)| Address::Ip(([127, 0, high, low], port).into());
            prop_assert_eq!(short(&address(one)) == short(&address(other)), one == other);
        }

        #[test]
        fn what_is_shortened_keeps_its_ends_and_fits(text in "[a-z/é日]{0,60}", width in 3usize..40) {
            let short = shortened(&text, width, "..");
            prop_assert!(Printable::text(&short).width() <= width);
            let (head, tail) = short.split_once("..").unwrap_or((&short, ""));
            prop_assert!(text.starts_with(head) && text.ends_with(tail));
            prop_assert!(short.contains("..") || short == text);
        }
    }
}
