use super::*;
use crate::contract::{Operation, Span, Ticket};

fn id(number: u32) -> SocketId {
    SocketId::new(number).unwrap()
}

fn address(port: u16) -> Address {
    Address::Ip(([127, 0, 0, 1], port).into())
}

fn endpoint(url: &str) -> Endpoint {
    url.parse().unwrap()
}

fn observe(roster: &mut Roster, socket: u32, fact: Fact) {
    roster.observe(&Event { at: Timestamp(u64::from(socket)), socket: id(socket), fact });
}

fn state(roster: &Roster, socket: u32) -> State {
    roster.get(id(socket)).unwrap().state
}

fn accept(roster: &mut Roster, socket: u32, number: u32) {
    let fact = Fact::Accepted { parent: id(1), number, local: address(7788), peer: address(50_000) };
    observe(roster, socket, fact);
}

fn closed(reason: CloseReason) -> Fact {
    Fact::Closed { reason }
}

fn failed() -> Fact {
    Fact::Failed(Box::new(NetError::from_errno(Operation::Connect, None, 111)))
}

fn received(port: Option<u16>, len: u32) -> Fact {
    Fact::Received { peer: port.map(address), bytes: Span { start: 0, len }, truncated: false }
}

fn server() -> Roster {
    let mut roster = Roster::default();
    roster.register(id(1), "server".to_owned(), endpoint("tcp-listen://127.0.0.1:7788"));
    observe(&mut roster, 1, Fact::Opened { local: address(7788), peer: None });
    roster
}

#[test]
fn a_connection_lives_as_the_events_tell() {
    let mut roster = server();
    assert_eq!(state(&roster, 1), State::Open);
    accept(&mut roster, 2, 1);
    assert_eq!(state(&roster, 2), State::Connected);
    assert_eq!((roster.open_children(id(1)), roster.get(id(1)).unwrap().accepted), (1, 1));
    observe(&mut roster, 2, received(None, 5));
    observe(&mut roster, 2, Fact::PeerClosed);
    assert_eq!(state(&roster, 2), State::PeerClosed);
    observe(&mut roster, 2, Fact::Call { call: "shutdown".into(), args: "SHUT_WR".to_owned(), result: "0".to_owned() });
    assert!(roster.get(id(2)).unwrap().sending_closed);
    observe(&mut roster, 2, closed(CloseReason::Peer));
    assert_eq!(state(&roster, 2), State::Closed(CloseReason::Peer));
    assert_eq!(roster.open_children(id(1)), 0);
    assert_eq!(roster.get(id(2)).unwrap().received, Traffic { messages: 1, bytes: 5 });
}

#[test]
fn of_many_closed_connections_the_latest_stay_and_all_keep_their_names() {
    let mut roster = server();
    for number in 1..=100 {
        accept(&mut roster, number + 1, number);
        if number != 3 {
            observe(&mut roster, number + 1, closed(CloseReason::Peer));
            observe(&mut roster, number + 1, closed(CloseReason::Peer));
        }
    }
    let listed: Vec<_> = roster.children(id(1)).map(|member| member.number).collect();
    let wanted: Vec<_> = std::iter::once(3).chain(81..=100).collect();
    assert_eq!(listed, wanted);
    assert_eq!((roster.open_children(id(1)), roster.get(id(1)).unwrap().accepted), (1, 100));
    assert_eq!(roster.name(id(6)), "server#5");
    assert_eq!(roster.find("server#3"), Some(id(4)));
    assert_eq!(roster.find("server#5"), None);
}

#[test]
fn names_follow_a_rename_and_outlive_a_removal() {
    let mut roster = server();
    accept(&mut roster, 2, 1);
    roster.rename(id(1), "echo".to_owned());
    assert_eq!((roster.name(id(1)), roster.name(id(2))), ("echo".to_owned(), "echo#1".to_owned()));
    assert_eq!((roster.find("server"), roster.find("echo#1")), (None, Some(id(2))));
    roster.remove(id(1));
    assert_eq!((roster.roots().count(), roster.get(id(2)).is_none(), roster.find("echo")), (0, true, None));
    assert_eq!(roster.name(id(2)), "echo#1");
    assert_eq!(roster.name(id(9)), "socket-9");
}

#[test]
fn a_client_that_fails_and_tries_again_keeps_its_counters() {
    let mut roster = Roster::default();
    let client = || ("client".to_owned(), endpoint("tcp://127.0.0.1:9"));
    let (name, url) = client();
    roster.register(id(1), name, url);
    assert_eq!(state(&roster, 1), State::Opening);
    observe(&mut roster, 1, failed());
    observe(&mut roster, 1, closed(CloseReason::Error));
    assert_eq!(state(&roster, 1), State::Failed);
    assert!(roster.get(id(1)).unwrap().error.is_some());

    let (name, url) = client();
    roster.register(id(1), name, url);
    assert_eq!((state(&roster, 1), roster.get(id(1)).unwrap().error.clone()), (State::Opening, None));
    observe(&mut roster, 1, Fact::Connected { local: address(1), peer: address(9) });
    let sent = Fact::Sent { ticket: Ticket(1), peer: None, bytes: Span { start: 0, len: 3 }, remaining: 0 };
    observe(&mut roster, 1, sent);
    observe(&mut roster, 1, closed(CloseReason::Reset));
    assert_eq!(state(&roster, 1), State::Closed(CloseReason::Reset));
    let (name, url) = client();
    roster.register(id(1), name, url);
    assert_eq!((state(&roster, 1), roster.roots().count()), (State::Opening, 1));
    assert_eq!(roster.get(id(1)).unwrap().sent, Traffic { messages: 1, bytes: 3 });
}

#[test]
fn the_next_address_of_a_name_is_another_try() {
    let mut roster = Roster::default();
    roster.register(id(1), "client".to_owned(), endpoint("tcp://localhost:9"));
    observe(&mut roster, 1, failed());
    let call = Fact::Call { call: "socket".into(), args: "AF_INET, SOCK_STREAM".to_owned(), result: "3".to_owned() };
    observe(&mut roster, 1, call);
    assert_eq!(state(&roster, 1), State::Opening);
}

#[test]
fn a_listener_on_both_loopbacks_has_both_addresses() {
    let mut roster = server();
    let other = Address::Ip("[::1]:7788".parse().unwrap());
    observe(&mut roster, 1, Fact::Opened { local: other.clone(), peer: None });
    assert_eq!(roster.get(id(1)).unwrap().local, [address(7788), other]);
    // An accept that fails does not end a listener.
    observe(&mut roster, 1, failed());
    assert_eq!(state(&roster, 1), State::Open);
}

#[test]
fn a_datagram_socket_tells_its_peers_apart_up_to_a_bound() {
    let mut roster = Roster::default();
    roster.register(id(1), "udp".to_owned(), endpoint("udp-bind://127.0.0.1:0"));
    let most = u16::try_from(PEERS_MAX).unwrap();
    for port in 1..=most + 3 {
        observe(&mut roster, 1, received(Some(port), 2));
    }
    observe(&mut roster, 1, received(Some(7), 1));
    let member = roster.get(id(1)).unwrap();
    assert_eq!((member.peers.len(), member.peers_beyond), (PEERS_MAX, 3));
    assert_eq!(member.peers[&address(7)].received, Traffic { messages: 2, bytes: 3 });
    assert_eq!(member.last_heard, Some(address(7)));
    assert_eq!(member.received.messages, u64::from(most) + 4);
}
