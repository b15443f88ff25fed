//! Whom to send to: any open socket, all connections of a listener, any peer of a datagram socket, or an address.

use super::picker::{Item, Picker};
use crate::contract::{
    Address, AddressKind, Endpoint, EndpointAddress, Host, Role, Scheme, Target, UnixAddress, UnixName,
};
use crate::ui::Ui;
use crate::ui::panes::sockets::Entry;

pub(in crate::ui) fn open(ui: &mut Ui) {
    let items = ui
        .entries()
        .into_iter()
        // What is only a record can never be sent to.
        .filter(|entry| ui.bench.recorded_in(entry.target(&ui.bench).socket()).is_none())
        .map(|entry| {
            let target = entry.target(&ui.bench);
            let name = ui.bench.roster.name(target.socket());
            let member = ui.bench.roster.get(target.socket());
            let peer = member.and_then(|member| member.peer.as_ref()).map(ToString::to_string);
            let answers_anybody =
                member.is_some_and(|member| member.endpoint.scheme.spec().role == Role::DatagramServer);
            let (label, detail) = match &target {
                Target::Children(_) => (name, format!("all {} of its connections", ui.bench.reach(&target))),
                Target::Peer(_, address) => (name, address.to_string()),
                Target::Socket(_) if answers_anybody => (name, "whoever spoke last".to_owned()),
                Target::Socket(_) => (name, peer.unwrap_or_default()),
            };
            Item {
                label,
                detail,
                note: String::new(),
                unavailable: ui.bench.can_send(&target).err(),
                take: Box::new(move |ui| take(ui, &entry)),
            }
        })
        .collect();
    let hint = "Enter takes; for a datagram socket an address can be typed: host:port, a path or @name, or a host";
    ui.overlays.push(Box::new(Picker::new("Send to", hint, items).or_text(take_address)));
}

fn take(ui: &mut Ui, entry: &Entry) {
    ui.select(entry.clone());
    ui.focus = crate::ui::Pane::Input;
}

fn take_address(ui: &mut Ui, text: &str) -> Result<(), String> {
    let (datagram, scheme) = ui
        .selected_socket()
        .and_then(|socket| ui.bench.roster.get(socket))
        .filter(|member| member.endpoint.scheme.is_datagram())
        .map(|member| (member.id, member.endpoint.scheme))
        .ok_or("only a datagram socket takes an address; select one in the list first")?;
    ui.target = Some(Target::Peer(datagram, read_address(scheme, text)?));
    ui.focus = crate::ui::Pane::Input;
    Ok(())
}

/// Reads the address of a peer, which is never a name that must be resolved first.
fn read_address(scheme: Scheme, text: &str) -> Result<Address, String> {
    if scheme.spec().address == AddressKind::HostPort {
        let address = text.parse().map_err(|_| format!("`{text}` is not an address such as 127.0.0.1:7788"))?;
        return Ok(Address::Ip(address));
    }
    if scheme.spec().address == AddressKind::Unix {
        // A bare word looks for one of the list.
        if !text.contains('/') && !text.starts_with('@') {
            return Err("the path of a socket has a / in it, such as ./name; an abstract one begins with @".to_owned());
        }
        // An address of an endpoint has escapes; what is typed here is a path as it is.
        let address = Endpoint::from_parts(scheme, &text.replace('%', "%25")).map_err(|error| error.message)?.address;
        return match address {
            EndpointAddress::Unix(UnixName::Path(path)) => Ok(UnixAddress::Pathname(path.into_bytes()).into()),
            EndpointAddress::Unix(UnixName::Abstract(name)) => Ok(UnixAddress::Abstract(name.into_bytes()).into()),
            _ => Err("a path, or @ and a name".to_owned()),
        };
    }
    match Endpoint::from_parts(scheme, text).map_err(|error| error.message)?.address {
        EndpointAddress::Host(Host::Ip(ip, None)) => Ok(Address::Host(ip, 0)),
        _ => Err(format!("`{text}` is not an address such as 127.0.0.1")),
    }
}
