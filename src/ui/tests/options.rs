//! The inspector's options.

use super::*;
use crate::contract::{Report, ReportContent, SocketView, TcpView, Value, option_spec};

/// What a kernel may say of a TCP connection.
fn view(rtt: u64) -> SocketView {
    let value = |name: &str, value: &str| (option_spec(name).unwrap(), value.to_owned());
    SocketView {
        options: vec![
            value("nodelay", "true"),
            value("keepalive", "0s"),
            value("linger", "off"),
            value("send-buffer", "1275KiB"),
            value("receive-buffer", "64KiB"),
            value("ttl", "64"),
            value("tos", "0"),
        ],
        receive_queue: Some(0),
        send_queue: Some(65_483),
        tcp: Some(TcpView {
            state: "ESTABLISHED",
            rtt: Duration::from_micros(rtt),
            rtt_variation: Duration::from_micros(12),
            retransmission_timeout: Duration::from_millis(201),
            congestion_window: 10,
            slow_start_threshold: None,
            send_mss: 32_741,
            receive_mss: 536,
            unacknowledged: 2,
            lost: 0,
            retransmits: 0,
            send_window: Some(65_536),
            receive_window: Some(65_495),
        }),
    }
}

impl Harness {
    /// With a client that is connected and selected in the list.
    pub(super) fn with_client(url: &str) -> (Self, SocketId) {
        let mut bench = Self::new();
        let client = bench.ui.open(url.parse().unwrap());
        bench.happens(client, Fact::Connected { local: address(40_000), peer: address(7788) });
        bench.effects();
        bench.keys("tab");
        (bench, client)
    }

    fn reports(&mut self, socket: SocketId, content: ReportContent) {
        let mut batch = Batch::new(Vec::new(), Block::new().unwrap(), 0);
        batch.reports.push(Report { socket, content });
        self.ui.absorb(batch).unwrap();
    }

    /// Moves the focus to this option.
    pub(super) fn focus_option(&mut self, name: &str) -> &mut Self {
        self.keys("home");
        let wanted = format!("> {name} ");
        for _ in 0..40 {
            if self.picture(120, 40).contains(&wanted) {
                return self;
            }
            self.keys("down");
        }
        panic!("there is no option {name}:\n{}", self.picture(120, 40));
    }

    fn views(&mut self, socket: SocketId, view: SocketView) {
        self.reports(socket, ReportContent::View(Box::new(view)));
    }
}

#[test]
fn the_kernel_is_asked_only_while_its_answer_is_looked_at() {
    let (mut bench, client) = Harness::with_client("tcp://127.0.0.1:7788");
    bench.picture(120, 40);
    bench.ui.tick();
    assert_eq!(bench.orders(), []);
    bench.keys("shift-o");
    let after = bench.ui.tick().unwrap();
    assert!(after <= Duration::from_millis(500));
    assert_eq!(bench.orders(), [Command::Inspect { socket: client }]);
    // Not more often than that, whatever else happens meanwhile.
    assert!(bench.ui.tick().is_some());
    assert_eq!(bench.orders(), []);
    // Turned away and back it is asked at once.
    bench.keys("t t t").ui.tick();
    assert_eq!(bench.orders(), [Command::Inspect { socket: client }]);
    bench.keys("[");
    assert_eq!((bench.ui.tick(), bench.orders()), (None, vec![]));
    bench.keys("]");
    bench.happens(client, Fact::Closed { reason: CloseReason::User });
    assert_eq!((bench.ui.tick(), bench.orders()), (None, vec![]));
    bench.shows("closed: what was given holds from the next opening");
}

#[test]
fn on_a_narrow_screen_the_kernel_is_not_asked_while_the_log_is_there() {
    let (mut bench, _) = Harness::with_client("tcp://127.0.0.1:7788");
    bench.keys("shift-o").picture(80, 24);
    bench.ui.tick();
    assert_eq!(bench.orders().len(), 1);
    bench.keys("q").picture(80, 24);
    assert_eq!((bench.ui.tick(), bench.orders()), (None, vec![]));
}

#[test]
fn the_options_at_their_three_sizes() {
    for (width, height) in [(80, 24), (120, 40), (200, 50)] {
        let (mut bench, client) = Harness::with_client("tcp://127.0.0.1:7788?keepalive=5s&after-fin=keep");
        bench.keys("shift-o").ui.tick();
        bench.views(client, view(45));
        insta::assert_snapshot!(format!("options_{width}x{height}"), bench.snapshot(width, height));
    }
}

#[test]
fn a_figure_that_changed_is_bold() {
    let (mut bench, client) = Harness::with_client("tcp://127.0.0.1:7788");
    bench.keys("shift-o").ui.tick();
    let bold = |bench: &mut Harness, text: &str| {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 120, 40));
        bench.ui.render(&mut buffer);
        let cells = |y| (0..120).map(move |x| (x, y));
        let row = (0..40)
            .find(|y| cells(*y).map(|at| buffer[at].symbol()).collect::<String>().contains(text))
            .unwrap_or_else(|| panic!("`{text}` is not on the screen"));
        cells(row)
            .skip(34)
            .any(|at| buffer[at].symbol() != "║" && buffer[at].modifier.contains(ratatui::style::Modifier::BOLD))
    };
    bench.views(client, view(45));
    assert!(!bold(&mut bench, "45us"));
    bench.views(client, view(46));
    assert!(bold(&mut bench, "46us") && !bold(&mut bench, "mss"));
    bench.views(client, view(46));
    assert!(!bold(&mut bench, "46us"));
    // Another socket's answer, which came late, is not taken for this one's.
    bench.views(SocketId::new(99).unwrap(), view(47));
    bench.shows("46us");
}

#[test]
fn an_option_is_changed_on_the_open_socket_and_kept_for_the_profile() {
    let (mut bench, client) = Harness::with_client("tcp://127.0.0.1:7788");
    bench.keys("shift-o").ui.tick();
    bench.views(client, view(45));
    bench.effects();
    bench.shows("[options]");
    // A flag turns.
    bench.focus_option("nodelay").keys("enter right enter");
    let (nodelay, ttl) = (option_spec("nodelay").unwrap(), option_spec("ttl").unwrap());
    assert_eq!(bench.orders(), [Command::SetOption { socket: client, option: nodelay, value: Value::Flag(false) }]);
    // What is no value is refused where it is typed, and stays there.
    bench.focus_option("ttl").keys("enter");
    bench.shows("Value: 64");
    bench.keys("end").text("0");
    bench.shows("`640` is not a whole number from 0 to 255");
    bench.keys("enter");
    assert_eq!(bench.orders(), []);
    bench.keys("backspace backspace enter");
    assert_eq!(bench.orders(), [Command::SetOption { socket: client, option: ttl, value: Value::Integer(6) }]);
    let toml = bench.ui.profile_mut().to_toml();
    assert!(toml.contains("nodelay = false") && toml.contains("ttl = 6"), "{toml}");
    // What the system says to it is told.
    let refused = NetError::from_errno(Operation::Setsockopt, Some("IPPROTO_IP, IP_TTL, 6".to_owned()), 22);
    bench.happens(client, Fact::Failed(Box::new(refused)));
    bench.shows("client: Can't set an option on IPPROTO_IP, IP_TTL, 6: EINVAL (22)");
    bench.shows("● 127.0.0.1:7788");
    // The profile does not keep what the system refused.
    let toml = bench.ui.profile_mut().to_toml();
    assert!(toml.contains("nodelay = false") && !toml.contains("ttl"), "{toml}");
}

#[test]
fn what_is_typed_first_takes_the_place_of_the_old_value() {
    let (mut bench, client) = Harness::with_client("tcp://127.0.0.1:7788");
    bench.keys("shift-o").ui.tick();
    bench.views(client, view(45));
    bench.effects();
    let mut value_after = |keys: &str, typed: &str| {
        bench.focus_option("ttl").keys("enter").keys(keys).text(typed).keys("enter");
        match bench.orders().as_slice() {
            [Command::SetOption { value: Value::Integer(value), .. }] => *value,
            orders => panic!("{orders:?}"),
        }
    };
    assert_eq!(value_after("", "9"), 9);
    // What goes about in it keeps it.
    assert_eq!(value_after("end backspace", "2"), 62);
    assert_eq!(value_after("home delete", "7"), 74);
    // A paste is as good as typing.
    bench.focus_option("ttl").keys("enter");
    bench.ui.handle(TerminalEvent::Paste("77".to_owned()));
    bench.shows("Value: 77");
    bench.keys("esc");
    // It is seen to be selected, until it is edited.
    let selected = |bench: &mut Harness| {
        let row = bench.picture(120, 40).lines().position(|line| line.contains("Value: 64")).unwrap();
        let mut buffer = Buffer::empty(Rect::new(0, 0, 120, 40));
        bench.ui.render(&mut buffer);
        let cells: Vec<_> = (0..120).map(|x| &buffer[(x, u16::try_from(row).unwrap())]).collect();
        let value = cells.windows(2).find(|pair| pair[0].symbol() == "6" && pair[1].symbol() == "4").unwrap();
        value[0].modifier.contains(ratatui::style::Modifier::REVERSED)
    };
    bench.keys("enter");
    assert!(selected(&mut bench));
    bench.keys("end");
    assert!(!selected(&mut bench));
    // A name is rather added to.
    bench.keys("esc q backtab m").text("2").keys("enter");
    assert_eq!(bench.ui.bench.roster.name(client), "client2");
}

#[test]
fn what_is_off_is_called_so_and_can_be_typed_so() {
    let (mut bench, client) = Harness::with_client("tcp://127.0.0.1:7788?keepalive=0s&linger=0s");
    bench.keys("shift-o").ui.tick();
    bench.views(client, view(45));
    bench.effects();
    for (option, given, kernel) in [("keepalive", "off", "off"), ("linger", "0s", "off")] {
        let picture = bench.picture(120, 40);
        let row = picture
            .lines()
            .find(|line| line.contains(&format!("{option}*")))
            .or_else(|| picture.lines().find(|line| line.contains(&format!(" {option} ")) && line.contains('*')));
        let row: Vec<_> = row.unwrap().rsplit('║').nth(1).unwrap().split_whitespace().collect();
        assert_eq!(row[row.len() - 2..], [given, kernel], "{picture}");
    }
    bench.focus_option("keepalive").keys("enter").text("off").keys("enter");
    let keepalive = option_spec("keepalive").unwrap();
    let off = Value::Duration(Duration::ZERO);
    assert_eq!(bench.orders(), [Command::SetOption { socket: client, option: keepalive, value: off }]);
}

#[test]
fn the_options_make_room_for_the_bytes_again_and_begin_at_the_first() {
    let (mut bench, listener, children) = Harness::with_listener(1);
    bench.received(children[0], b"hello\n");
    for leave in ["q", "i tab tab 4", "i tab tab 1", "i tab 4"] {
        bench.ui.focus = Pane::Sockets;
        bench.keys("shift-o");
        bench.shows("[options]");
        bench.keys(leave);
        bench.shows("[bytes]");
        bench.ui.focus = Pane::Log;
        bench.keys("1");
    }
    bench.ui.select(Entry::Root(listener));
    bench.ui.focus = Pane::Sockets;
    bench.keys("shift-o down down");
    assert!(!bench.picture(120, 40).contains("> max-connections"));
    // Another socket's begin at the first, also before they were drawn.
    bench.keys("right");
    bench.shows("> nodelay");
    bench.keys("left down");
    bench.shows("> nodelay");
}

#[test]
fn a_listener_shows_who_waits_and_no_figures_of_a_connection() {
    let (mut bench, listener, _) = Harness::with_listener(0);
    bench.keys("tab shift-o").ui.tick();
    let tcp = TcpView { state: "LISTEN", ..TcpView::default() };
    let view = SocketView { receive_queue: Some(3), send_queue: Some(128), tcp: Some(tcp), ..SocketView::default() };
    bench.views(listener, view);
    bench.shows("LISTEN");
    bench.shows("state LISTEN   to accept 3   backlog 128");
    assert!(!bench.picture(120, 40).contains("rtt"));
}

#[test]
fn an_option_of_one_connection_leaves_its_listener_alone() {
    let (mut bench, listener, children) = Harness::with_listener(1);
    bench.keys("tab down shift-o").focus_option("nodelay").keys("enter enter");
    let nodelay = option_spec("nodelay").unwrap();
    assert_eq!(bench.orders(), [Command::SetOption { socket: children[0], option: nodelay, value: Value::Flag(true) }]);
    assert_eq!(bench.ui.bench.roster.get(listener).unwrap().endpoint.option("nodelay"), None);
    // The next socket of the list is the one before it.
    bench.keys("left").focus_option("nodelay").keys("enter enter");
    assert_eq!(bench.orders(), [Command::SetOption { socket: listener, option: nodelay, value: Value::Flag(true) }]);
    assert!(bench.ui.bench.roster.get(listener).unwrap().endpoint.nodelay());
}

#[test]
fn what_holds_from_the_next_opening_says_so() {
    let (mut bench, client) = Harness::with_client("tcp://127.0.0.1:7788");
    bench.keys("shift-o").focus_option("source").keys("enter");
    bench.shows("source: holds from the next opening; e in the list of sockets edits it");
    bench.happens(client, Fact::Closed { reason: CloseReason::User });
    bench.focus_option("ttl").keys("enter");
    bench.shows("ttl: the socket is not open");
    let picture = bench.picture(120, 40);
    assert!(
        picture.contains("ttl: ")
            && picture.contains("It holds from the next")
            && !picture.contains("can be changed now"),
        "{picture}"
    );
    assert_eq!(bench.orders(), []);
}

#[test]
fn every_group_can_be_left() {
    let mut bench = Harness::new();
    let udp = bench.ui.open("udp-bind://127.0.0.1:5000?join=239.1.2.3@lo".parse().unwrap());
    bench.happens(udp, Fact::Opened { local: address(5000), peer: None });
    bench.effects();
    bench.keys("tab shift-o").focus_option("join").keys("enter ctrl-u enter");
    let join = option_spec("join").unwrap();
    assert_eq!(bench.orders(), [Command::SetOption { socket: udp, option: join, value: Value::Groups(Vec::new()) }]);
    assert!(!bench.ui.profile_mut().to_toml().contains("join"));
}

#[test]
fn the_tabs_and_the_options_can_be_clicked() {
    let (mut bench, _) = Harness::with_client("tcp://127.0.0.1:7788");
    let find = |bench: &mut Harness, text: &str| {
        let picture = bench.picture(120, 40);
        let (y, line) = picture.lines().enumerate().find(|(_, line)| line.contains(text)).unwrap();
        let x = line[..line.find(text).unwrap()].chars().count();
        (u16::try_from(x).unwrap(), u16::try_from(y).unwrap())
    };
    let press = MouseEventKind::Down(MouseButton::Left);
    let (x, y) = find(&mut bench, " options ");
    bench.mouse(press, x + 1, y);
    bench.shows("[options]");
    let (x, y) = find(&mut bench, "linger");
    bench.mouse(press, x, y);
    bench.shows("> linger");
    let (x, y) = find(&mut bench, " bytes ");
    bench.mouse(press, x + 1, y);
    bench.shows("[bytes]");
}

#[test]
fn a_connection_has_no_options_of_its_listener_and_what_can_be_changed_comes_first() {
    let (mut bench, _, _) = Harness::with_listener(1);
    bench.keys("tab shift-o");
    bench.shows("> max-connections*");
    bench.focus_option("backlog");
    bench.keys("home right");
    bench.shows("> nodelay ");
    for _ in 0..30 {
        let picture = bench.keys("down").picture(120, 40);
        assert!(!picture.contains("backlog") && !picture.contains("max-connections"), "{picture}");
    }
}
