//! The terminal is given back as it was, however the program leaves.

use std::fs;
use std::io::Write;
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Instant;

use nix::sys::signal::Signal;

use crate::session::{ENTER, Home, PATIENCE, Session, ctrl};

/// What proc(5) says of a thread that waits in write(2) to standard output.
#[cfg(target_arch = "x86_64")]
const WRITES_TO_OUTPUT: &str = "1 0x1 ";
#[cfg(not(target_arch = "x86_64"))]
const WRITES_TO_OUTPUT: &str = "64 0x1 ";

/// What a terminal must have been told when it is given back.
const MOUSE_OFF: &[u8] = b"\x1b[?1000l";
const PASTE_OFF: &[u8] = b"\x1b[?2004l";
const LEAVE_SCREEN: &[u8] = b"\x1b[?1049l";
const SHOW_CURSOR: &[u8] = b"\x1b[?25h";

fn start(home: &Home) -> Session {
    let mut session = home.start(&["tcp-listen://127.0.0.1:0"]);
    session.wait_for("open at ");
    let screen = session.screen();
    assert!(screen.alternate_screen() && screen.hide_cursor() && screen.bracketed_paste());
    assert_ne!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    session
}

/// That the terminal was told to be as before, and nothing was drawn after that.
#[track_caller]
fn expect_given_back(session: &Session) {
    let screen = session.screen();
    assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
    assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    let last = |sequence: &[u8]| session.raw.windows(sequence.len()).rposition(|window| window == sequence);
    let left = last(LEAVE_SCREEN).unwrap();
    assert!(last(MOUSE_OFF).unwrap() < left && last(PASTE_OFF).unwrap() < left);
    let shown = last(SHOW_CURSOR).unwrap();
    assert!(shown >= left + LEAVE_SCREEN.len());
    let rest = &session.raw[shown + SHOW_CURSOR.len()..];
    assert!(rest.is_empty(), "written to the shell's screen: {:?}", String::from_utf8_lossy(rest));
}

#[test]
fn on_quit() {
    let home = Home::new();
    let mut session = start(&home);
    session.keys(&ctrl('q'));
    session.wait_for("Quit?");
    // The focus is on Cancel.
    session.keys(ENTER);
    session.wait_for_end_of("Quit?");
    session.quit();
    expect_given_back(&session);
}

// Case 36.
#[test]
fn what_is_typed_after_that_is_left_for_the_shell() {
    let home = Home::new();
    let (mut session, _peer) = start_with_an_unsent_rest(&home);
    session.keys(&ctrl('q'));
    session.wait_for("Quit?");
    session.keys("y");
    expect_left_for_the_shell(&mut session, 0);

    // In the midst of a paste, the beginning of which is read long before there is another frame.
    let (mut session, _peer) = start_with_an_unsent_rest(&home);
    session.keys("\x1b[200~the beginning");
    session.resize(100, 30);
    session.wait_until("a frame of this size", |screen| screen.cell(28, 99).map(vt100::Cell::contents) == Some("╝"));
    session.signal(Signal::SIGTERM);
    expect_left_for_the_shell(&mut session, 128 + Signal::SIGTERM as u32);
}

/// With a peer that never reads: the program waits a while for what it could not send, long after the screen is left.
fn start_with_an_unsent_rest(home: &Home) -> (Session, UnixStream) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let listener = UnixListener::bind(&path).unwrap();
    let mut session = home.start(&[format!("unix://{}?send-buffer=4KiB", path.display())]);
    let (peer, _) = listener.accept().unwrap();
    session.wait_for("connected");
    session.keys(&format!("\x1b[200~{}\x1b[201~", "to nobody ".repeat(10_000)));
    session.wait_for("to nobody");
    session.keys(ENTER);
    session.wait_for("the peer does not read");
    (session, peer)
}

/// That nobody reads what is typed once the screen is left, although the program still runs.
#[track_caller]
fn expect_left_for_the_shell(session: &mut Session, status: u32) {
    session.wait_until("the screen is left", |screen| !screen.alternate_screen());
    session.keys("for the shell\n");
    assert!(!session.has_ended(), "nobody could have read it");
    assert_eq!(session.wait_for_exit(), status);
    let line = session.next_line_typed();
    assert!(line.ends_with("for the shell\n"), "{line:?}");
}

// Case 36.
#[test]
fn on_each_signal_that_ends_it() {
    let home = Home::new();
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT] {
        let mut session = start(&home);
        session.signal(signal);
        assert_eq!(session.leave(), 128 + signal as u32, "{signal}");
        expect_given_back(&session);
    }
}

// Case 36.
#[test]
fn a_signal_ends_it_though_the_terminal_takes_nothing_more() {
    let home = Home::new();
    let mut session = start(&home);
    stall(&mut session);
    session.signal(Signal::SIGTERM);
    assert_eq!(session.wait_for_exit(), 128 + Signal::SIGTERM as u32);
    session.expect_modes_before();
}

/// Reads no more of what the program draws, until that waits for the terminal.
fn stall(session: &mut Session) {
    session.stall();
    let threads = format!("/proc/{}/task", session.pid());
    let began = Instant::now();
    // It writes to the terminal for as long as that takes what it writes.
    let waits = || {
        let mut threads = fs::read_dir(&threads).unwrap();
        threads.any(|thread| {
            // A thread that has ended meanwhile has none.
            let call = fs::read_to_string(thread.unwrap().path().join("syscall"));
            call.is_ok_and(|call| call.starts_with(WRITES_TO_OUTPUT))
        })
    };
    while !waits() {
        assert!(began.elapsed() < PATIENCE, "it never waited for the terminal");
        session.keys(&ctrl('l'));
    }
}

// Case 28.
#[test]
fn a_terminal_that_takes_nothing_more_holds_up_nobody_else() {
    let home = Home::new();
    let profile = home.profiles().join("echo.toml");
    let echo = r#"version = 1
        [[socket]]
        name = "echo"
        open = "udp-bind://127.0.0.1:0"
        [[rule]]
        name = "echo"
        when = { any = true }
        send = { escaped = "{{payload}}" }"#;
    fs::write(profile, echo).unwrap();
    let mut session = home.start(&["--profile", "echo"]);
    let address = session.address_after("open at ");
    stall(&mut session);
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.connect(address).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    // More than may be on the way to the log.
    let (message, mut answer) = ([b'a'; 8 * 1024], [0; 16 * 1024]);
    for count in 0..4000 {
        peer.send(&message).unwrap();
        let len = peer.recv(&mut answer).unwrap_or_else(|error| panic!("after {count} answers: {error}"));
        assert_eq!(answer[..len], message);
    }
    // What is typed is heard as well.
    session.keys(&(ctrl('q') + "y"));
    assert_eq!(session.wait_for_exit(), 0);
    session.expect_modes_before();
}

// Case 38.
#[test]
fn while_it_is_suspended_and_taken_again_after() {
    let home = Home::new();
    // A shell with job control, as a user's: it says that the job has stopped, and continues it after a line.
    let script = r#"set -m; "$0" "$1"; echo "suspended with $?"; stty -a; echo the modes end; read -r typed; [ "$typed" = "for the shell" ] && fg; echo "ended with $?""#;
    let mut session = home.start_script(script, &["tcp-listen://127.0.0.1:0"]);
    session.wait_for("open at ");
    session.keys(&ctrl('z'));
    session.wait_for("suspended with 148");
    session.wait_for("the modes end");
    let shell = session.text();
    for mode in ["icanon", "echo", "isig", "icrnl", "opost"] {
        assert!(shell.split_whitespace().any(|word| word == mode), "{mode} in\n{shell}");
    }
    let screen = session.screen();
    assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
    assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);

    session.keys("for the shell\n");
    session.wait_until("the bench is drawn again", |screen| {
        screen.alternate_screen() && screen.contents().contains("open at ") && screen.contents().contains("╔ Send")
    });
    session.keys("still here");
    session.wait_for("73 74 69 6c 6c");
    session.keys(&ctrl('q'));
    session.wait_for("Quit?");
    session.keys("y");
    session.wait_for("ended with 0");
    assert_eq!(session.leave(), 0);
}

// Case 36.
#[test]
fn a_signal_ends_it_while_it_is_suspended() {
    let home = Home::new();
    let script =
        r#"set -m; "$0" "$1"; echo "suspended with $?"; kill %1; kill -CONT %1; wait %1; echo "ended with $?""#;
    let mut session = home.start_script(script, &["tcp-listen://127.0.0.1:0"]);
    session.wait_for("open at ");
    session.keys(&ctrl('z'));
    session.wait_for("suspended with 148");
    session.wait_for("ended with 143");
    assert_eq!(session.leave(), 0);
}

// Case 38.
#[test]
fn it_serves_in_the_background_and_takes_the_terminal_when_it_is_called_back() {
    let home = Home::new();
    let script = r#"set -m; "$0" "$1"; bg; echo "it is in the background"; read -r typed; fg; echo "ended with $?""#;
    let mut session = home.start_script(script, &["tcp-listen://127.0.0.1:0"]);
    let address = session.address_after("open at ");
    session.keys(&ctrl('z'));
    session.wait_for("it is in the background");
    // It goes on, and leaves the screen alone.
    let mut peer = TcpStream::connect(address).unwrap();
    peer.write_all(b"hello from afar").unwrap();
    session.keys("\n");
    session.wait_until("the bench is drawn again", |screen| {
        screen.alternate_screen() && screen.contents().contains("hello from afar")
    });
    session.keys(&(ctrl('q') + "y"));
    session.wait_for("ended with 0");
    assert_eq!(session.leave(), 0);
}

// Case 37.
#[test]
fn a_hangup_ends_it_even_where_its_signal_is_ignored() {
    let home = Home::new();
    let mut session = home.start_script(r#"trap "" HUP; exec "$0" "$1""#, &["tcp-listen://127.0.0.1:0"]);
    session.wait_for("open at ");
    session.hang_up();
    let since = Instant::now();
    assert_eq!(session.wait_for_exit(), 128 + Signal::SIGHUP as u32);
    let took = since.elapsed();
    assert!(took.as_secs() < 2, "it took {took:?}");
}
