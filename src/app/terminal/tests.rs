//! A panic, in a real pseudoterminal.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::thread;

use nix::fcntl::OFlag;
use nix::sys::termios::tcgetattr;
use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use super::*;

/// What tells the program that the test below runs that it is that.
const CHILD: &str = "SOCKBENCH_PANICS";

/// Takes the terminal and panics, as the program that the test below runs.
#[test]
#[ignore = "it ends with a panic"]
fn panics_while_the_terminal_is_its_own() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    keep_panics_off_the_screen();
    let how = std::env::var(CHILD).unwrap();
    let mut screen = Screen::take(true).unwrap();
    screen.draw(|buffer| buffer.set_string(0, 0, "the bench", ratatui::style::Style::new())).unwrap();
    let task = thread::Builder::new().name("engine".to_owned()).spawn(|| panic!("that of a task"));
    task.unwrap().join().unwrap_err();
    assert_eq!(how, "by an error", "that of the loop");
    drop(screen);
    panic!("that of the loop");
}

// Case 36.
#[test]
fn a_panic_and_an_error_give_the_terminal_back_before_they_are_told() {
    for how in ["by a panic", "by an error"] {
        expect_given_back(how);
    }
}

fn expect_given_back(how: &str) {
    let pair = native_pty_system().openpty(PtySize::default()).unwrap();
    let name = pair.master.tty_name().unwrap();
    let terminal = OpenOptions::new().read(true).write(true).custom_flags(OFlag::O_NOCTTY.bits()).open(name).unwrap();
    let modes_before = tcgetattr(&terminal).unwrap();
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args(["--exact", "app::terminal::tests::panics_while_the_terminal_is_its_own", "--ignored", "--nocapture"]);
    command.env(CHILD, how);
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().unwrap();
    let reading = thread::spawn(move || {
        let (mut written, mut buffer) = (Vec::new(), [0; 4096]);
        // EIO is the end, once nobody has the terminal open.
        while let Ok(len @ 1..) = reader.read(&mut buffer) {
            written.extend_from_slice(&buffer[..len]);
        }
        String::from_utf8_lossy(&written).into_owned()
    });
    assert_ne!(child.wait().unwrap().exit_code(), 0);
    assert_eq!(tcgetattr(&terminal).unwrap(), modes_before, "the terminal's modes");
    drop(terminal);
    let written = reading.join().unwrap();
    let at = |text: &str| written.rfind(text).unwrap_or_else(|| panic!("{text:?} in {written:?}"));
    assert!(at("\x1b[?1049h") < at("the bench"));
    for given_back in ["\x1b[?1000l", "\x1b[?2004l", "\x1b[?1049l", "\x1b[?25h"] {
        assert!(at("the bench") < at(given_back) && at(given_back) < at("that of the loop"), "{written:?}");
    }
    assert!(!written.contains("that of a task"), "{written:?}");
}
