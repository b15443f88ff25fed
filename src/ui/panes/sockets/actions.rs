//! What can be done to the sockets of the list, and when.

use crate::contract::{Address, AddressKind, CloseHow, CloseReason, Command, Endpoint, Role, Scheme};
use crate::log::State;
use crate::ui::action::{ActionSpec, Scope};
use crate::ui::notice::Notice;
use crate::ui::overlays::confirm::Confirm;
use crate::ui::overlays::{file, new_socket, quit, recording, rename, rules, transfers};
use crate::ui::panes::inspector;
use crate::ui::panes::log::timeline;
use crate::ui::{Effect, Ui};

/// Where the one-key echo server listens.
const ECHO_SERVER: &str = "tcp-listen://127.0.0.1:7788";

pub(in crate::ui) static ACTIONS: &[ActionSpec] = &[
    ActionSpec {
        name: "socket-down",
        scope: Scope::Sockets,
        keys: &["down", "j"],
        help: "next socket",
        run: |ui| ui.move_in_list(1),
        available: some_socket,
    },
    ActionSpec {
        name: "socket-up",
        scope: Scope::Sockets,
        keys: &["up", "k"],
        help: "previous socket",
        run: |ui| ui.move_in_list(-1),
        available: some_socket,
    },
    ActionSpec {
        name: "only-this-socket",
        scope: Scope::Sockets,
        keys: &["enter"],
        help: "show only this socket in the log, or all again",
        run: only_this,
        available: some_socket,
    },
    ActionSpec {
        name: "list-timeline",
        scope: Scope::Sockets,
        keys: &["4"],
        help: "the timeline of this socket, or all again",
        run: timeline::toggle,
        available: timeline::some_socket,
    },
    ActionSpec {
        name: "new",
        scope: Scope::Sockets,
        keys: &["n"],
        help: "open a new socket",
        run: |ui| new_socket::open(ui, None),
        available: crate::ui::action::always,
    },
    ActionSpec {
        name: "echo-server",
        scope: Scope::Sockets,
        keys: &["s"],
        help: "open an echo server on 127.0.0.1:7788",
        run: open_echo_server,
        available: crate::ui::action::always,
    },
    ActionSpec {
        name: "echo",
        scope: Scope::Sockets,
        keys: &["shift-e"],
        help: "echo what comes to this socket, or stop to",
        run: toggle_echo,
        available: can_echo,
    },
    ActionSpec {
        name: "list-rules",
        scope: Scope::Sockets,
        keys: &["a"],
        help: "the rules: what answers by itself",
        run: rules::open,
        available: crate::ui::action::always,
    },
    ActionSpec {
        name: "test-client",
        scope: Scope::Sockets,
        keys: &["t"],
        help: "open a client of this socket here",
        run: open_test_client,
        available: open_server,
    },
    ActionSpec {
        name: "reopen",
        scope: Scope::Sockets,
        keys: &["o"],
        help: "open or reconnect this socket",
        run: reopen,
        available: closed_root,
    },
    ActionSpec {
        name: "close",
        scope: Scope::Sockets,
        keys: &["x"],
        help: "close this socket",
        run: close,
        available: open_socket,
    },
    ActionSpec {
        name: "abort",
        scope: Scope::Sockets,
        keys: &["shift-x"],
        help: "abort this connection (RST)",
        run: abort,
        available: open_connection,
    },
    ActionSpec {
        name: "half-close",
        scope: Scope::Sockets,
        keys: &["h"],
        help: "half-close this connection (FIN)",
        run: |ui| {
            if let Some(socket) = ui.selected_socket() {
                ui.effects.push(Effect::Order(Command::Close {
                    socket,
                    how: CloseHow::HalfClose,
                    by: CloseReason::User,
                }));
            }
        },
        available: open_connection,
    },
    ActionSpec {
        name: "rename",
        scope: Scope::Sockets,
        keys: &["m"],
        help: "rename this socket",
        run: |ui| {
            if let Some(root) = ui.selected_root() {
                rename::open(ui, root);
            }
        },
        available: own_root,
    },
    ActionSpec {
        name: "edit-socket",
        scope: Scope::Sockets,
        keys: &["e"],
        help: "edit this socket's address and options",
        run: |ui| {
            if let Some(root) = ui.selected_root() {
                new_socket::open(ui, Some(root));
            }
        },
        available: own_root,
    },
    ActionSpec {
        name: "options",
        scope: Scope::Sockets,
        keys: &["shift-o"],
        help: "this socket's options and the kernel's view of it",
        run: inspector::show_options,
        available: |ui| ui.selected_member().map(|_| ()).ok_or("no socket is selected"),
    },
    ActionSpec {
        name: "save-received",
        scope: Scope::Sockets,
        keys: &["w"],
        help: "write what this socket receives to a file, too",
        run: file::save,
        available: file::can_save,
    },
    ActionSpec {
        name: "transfers",
        scope: Scope::Sockets,
        keys: &["f"],
        help: "files being sent and saved, and long sends",
        run: transfers::open,
        available: crate::ui::action::always,
    },
    ActionSpec {
        name: "remove-socket",
        scope: Scope::Sockets,
        keys: &["d", "delete"],
        help: "close this socket and take it off the bench",
        run: remove,
        available: some_root,
    },
    ActionSpec {
        name: "list-quit",
        scope: Scope::Sockets,
        keys: &["q"],
        help: "quit",
        run: quit::ask,
        available: crate::ui::action::always,
    },
    ActionSpec {
        name: "record",
        scope: Scope::Sockets,
        keys: &["c"],
        help: "record all sockets into a pcapng file, or stop to",
        run: recording::toggle,
        available: crate::ui::action::always,
    },
    ActionSpec {
        name: "list-help",
        scope: Scope::Sockets,
        keys: &["?"],
        help: "the keys",
        run: crate::ui::overlays::help::open,
        available: crate::ui::action::always,
    },
];

fn some_socket(ui: &Ui) -> Result<(), &'static str> {
    if ui.bench.roster.roots().next().is_some() { Ok(()) } else { Err("nothing is on the bench; n opens a socket") }
}

fn some_root(ui: &Ui) -> Result<(), &'static str> {
    ui.selected_root().map(|_| ()).ok_or("no socket is selected")
}

/// A root that can be opened, and whose name and endpoint are the user's to choose.
fn own_root(ui: &Ui) -> Result<(), &'static str> {
    some_root(ui)?;
    not_from_file(ui)
}

/// Nothing can be done to what is only a record.
pub(in crate::ui) fn not_from_file(ui: &Ui) -> Result<(), &'static str> {
    let is_recorded = ui.selected_root().is_some_and(|root| ui.bench.recorded_in(root).is_some());
    if is_recorded { Err("it is from the file that is open; n opens a socket of your own") } else { Ok(()) }
}

fn can_echo(ui: &Ui) -> Result<(), &'static str> {
    not_from_file(ui)?;
    let root = ui.selected_root().and_then(|root| ui.bench.roster.get(root)).ok_or("no socket is selected")?;
    if root.endpoint.scheme.can_echo() { Ok(()) } else { Err("the echo of a reply would be another ping") }
}

fn closed_root(ui: &Ui) -> Result<(), &'static str> {
    not_from_file(ui)?;
    let root = ui.selected_root().and_then(|root| ui.bench.roster.get(root)).ok_or("no socket is selected")?;
    match root.state {
        State::Opening => Err("it is being opened"),
        State::Waiting => Err("it connects again by itself; x gives that up"),
        _ if root.state.is_open() => Err("it is open"),
        _ => Ok(()),
    }
}

fn open_socket(ui: &Ui) -> Result<(), &'static str> {
    not_from_file(ui)?;
    let member = ui.selected_member().ok_or("no socket is selected")?;
    if member.state.can_close() { Ok(()) } else { Err("it is not open") }
}

fn open_connection(ui: &Ui) -> Result<(), &'static str> {
    not_from_file(ui)?;
    let member = ui.selected_member().ok_or("no socket is selected")?;
    match member.endpoint.scheme.spec().role {
        _ if !member.state.is_open() => Err("it is not open"),
        Role::Client => Ok(()),
        Role::Listener | Role::Pair if member.parent.is_some() => Ok(()),
        Role::Listener => Err("a listener has no peer of its own; select a connection"),
        Role::Pair => Err("a pair has no peer; select one of its ends"),
        Role::DatagramClient | Role::DatagramServer => Err("a datagram socket has no connection"),
    }
}

pub(super) fn open_server(ui: &Ui) -> Result<(), &'static str> {
    not_from_file(ui)?;
    let root = ui.selected_root().and_then(|root| ui.bench.roster.get(root)).ok_or("no socket is selected")?;
    match root.endpoint.scheme.spec().role {
        Role::Client | Role::DatagramClient => Err("it is a client itself"),
        Role::Pair => Err("a pair is connected already"),
        _ if root.local.is_empty() || !root.state.is_open() => Err("it is not open"),
        _ => Ok(()),
    }
}

fn only_this(ui: &mut Ui) {
    let Some(socket) = ui.selected_socket() else { return };
    let filter = format!("socket:{}", quoted(&ui.bench.roster.name(socket)));
    let filter = if ui.bench.view.filter().text() == filter { String::new() } else { filter };
    ui.set_filter(&filter);
}

fn quoted(name: &str) -> String {
    if name.contains(char::is_whitespace) { format!("\"{name}\"") } else { name.to_owned() }
}

fn open_echo_server(ui: &mut Ui) {
    if let Ok(endpoint) = ECHO_SERVER.parse::<Endpoint>() {
        ui.open_with("echo", endpoint, true);
    }
}

fn toggle_echo(ui: &mut Ui) {
    if let Some(root) = ui.selected_root() {
        let on = !ui.bench.echoes(root);
        ui.bench.set_echo(root, on, &mut ui.effects);
        let name = ui.bench.roster.name(root);
        let last = ui.bench.profile.contents.rules.len().saturating_sub(1);
        match rules::why_silent(ui, last).filter(|_| on) {
            Some(why) => ui.tell(Notice::warning(format!("{name} does not echo yet: {why}"))),
            None if on => ui.tell_good(format!("{name} echoes what comes")),
            None => ui.tell_good(format!("{name} no longer echoes")),
        }
    }
}

fn open_test_client(ui: &mut Ui) {
    let Some(root) = ui.selected_root().and_then(|root| ui.bench.roster.get(root)) else { return };
    let scheme = match root.endpoint.scheme {
        Scheme::TcpListen => Scheme::Tcp,
        Scheme::UnixListen => Scheme::Unix,
        Scheme::UnixDgramBind => Scheme::UnixDgram,
        Scheme::UnixSeqpacketListen => Scheme::UnixSeqpacket,
        _ => Scheme::Udp,
    };
    if scheme.spec().address == AddressKind::Unix {
        let endpoint = Endpoint::new(scheme, root.endpoint.address.clone());
        ui.open_named("client", endpoint);
        return;
    }
    let Some(Address::Ip(mut local)) = root.local.first().cloned() else { return };
    if local.ip().is_unspecified() {
        local.set_ip(if local.is_ipv4() {
            std::net::Ipv4Addr::LOCALHOST.into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    match Endpoint::from_parts(scheme, &local.to_string()) {
        Ok(endpoint) => {
            ui.open_named("client", endpoint);
        }
        Err(error) => ui.tell_error(error.to_string()),
    }
}

fn reopen(ui: &mut Ui) {
    let Some(root) = ui.selected_root().and_then(|root| ui.bench.roster.get(root)) else { return };
    let (socket, endpoint) = (root.id, root.endpoint.clone());
    ui.unless_exposed(&endpoint, move |ui| ui.reopen(socket));
}

fn close(ui: &mut Ui) {
    let Some(socket) = ui.selected_socket() else { return };
    let order = move |ui: &mut Ui| {
        ui.effects.push(Effect::Order(Command::Close { socket, how: CloseHow::Normal, by: CloseReason::User }));
    };
    let root = ui.bench.roster.get(socket).filter(|member| member.parent.is_none());
    if root.is_some_and(|root| root.endpoint.scheme.spec().role == Role::Pair) {
        // It is nothing besides its two ends.
        ui.effects.push(Effect::Order(Command::CloseAll { root: socket, by: CloseReason::User }));
        return;
    }
    let is_listener = root.is_some();
    match ui.bench.roster.open_children(socket) {
        peers if peers > 0 && is_listener => {
            let name = ui.bench.roster.name(socket);
            let text = format!("{peers} of its connections are open. They live on; nobody new can connect.");
            ui.overlays.push(Box::new(Confirm::new(&format!("Close the listener {name}?"), &text, "Close", order)));
        }
        _ => order(ui),
    }
}

fn abort(ui: &mut Ui) {
    let Some(socket) = ui.selected_socket() else { return };
    let name = ui.bench.roster.name(socket);
    let text = "The peer gets RST at once; what is not sent yet is thrown away.";
    ui.overlays.push(Box::new(Confirm::new(&format!("Abort {name}?"), text, "Abort", move |ui| {
        ui.effects.push(Effect::Order(Command::Close { socket, how: CloseHow::Abort, by: CloseReason::User }));
    })));
}

fn remove(ui: &mut Ui) {
    let Some(root) = ui.selected_root() else { return };
    let order = move |ui: &mut Ui| {
        ui.bench.remove(root, &mut ui.effects);
        ui.sockets.selected = None;
        ui.target = None;
        ui.move_in_list(0);
    };
    let open = ui.bench.roster.get(root).is_some_and(|member| member.state.is_open());
    let peers = ui.bench.roster.open_children(root);
    if !open && peers == 0 {
        order(ui);
        return;
    }
    let name = ui.bench.roster.name(root);
    let text = match peers {
        0 => "It is open and will be closed. Its rows stay in the log.".to_owned(),
        _ => format!("It and {peers} of its connections will be closed. Its rows stay in the log."),
    };
    ui.overlays.push(Box::new(Confirm::new(&format!("Take {name} off the bench?"), &text, "Remove", order)));
}
