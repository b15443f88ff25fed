//! The program in a pseudoterminal: keys go in, what it draws is waited for.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{Termios, tcgetattr};
use nix::unistd::Pid;
use portable_pty::{CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use tempfile::TempDir;

/// How long a test waits for something before it gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The size that tests have unless they say otherwise: wide enough that the log shows whole addresses.
const COLUMNS: u16 = 120;
const ROWS: u16 = 40;

pub(crate) const SOCKBENCH: &str = env!("CARGO_BIN_EXE_sockbench");

/// The byte that a terminal sends for Ctrl and this letter.
pub(crate) fn ctrl(letter: char) -> String {
    char::from(u8::try_from(letter.to_ascii_lowercase()).unwrap() & 0x1f).to_string()
}

pub(crate) const ENTER: &str = "\r";
pub(crate) const RIGHT: &str = "\x1b[C";
pub(crate) const DOWN: &str = "\x1b[B";
pub(crate) const SHIFT_TAB: &str = "\x1b[Z";

/// The number behind this sign on the screen: 1204 behind `↓` of `↓1,204`.
pub(crate) fn count_after(screen: &vt100::Screen, sign: &str) -> Option<u64> {
    let contents = screen.contents();
    let rest = &contents[contents.find(sign)? + sign.len()..];
    let digits: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == ',').collect();
    digits.replace(',', "").parse().ok()
}

/// Folders for configuration and state that no other test has.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Where profiles are kept; the folder exists.
    pub(crate) fn profiles(&self) -> PathBuf {
        let folder = self.0.path().join("config/sockbench/profiles");
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// The environment that the program finds.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let below = |name| self.0.path().join(name).display().to_string();
        vec![
            ("HOME", below("")),
            ("XDG_CONFIG_HOME", below("config")),
            ("XDG_STATE_HOME", below("state")),
            ("TERM", "xterm-256color".to_owned()),
        ]
    }

    /// Starts the workbench with these arguments.
    pub(crate) fn start<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Session {
        self.start_in("C.UTF-8", arguments)
    }

    /// Starts the program with these arguments in this locale.
    pub(crate) fn start_in<A: AsRef<OsStr>>(&self, locale: &str, arguments: &[A]) -> Session {
        let mut command = CommandBuilder::new(SOCKBENCH);
        command.args(arguments);
        command.env("LC_ALL", locale);
        self.start_command(command)
    }

    /// Starts this script in bash, with the arguments `$1` and so on; `$0` is the program under test.
    pub(crate) fn start_script(&self, script: &str, arguments: &[&str]) -> Session {
        let mut command = CommandBuilder::new("bash");
        command.args(["-c", script, SOCKBENCH]);
        command.args(arguments);
        self.start_command(command)
    }

    fn start_command(&self, mut command: CommandBuilder) -> Session {
        for (name, value) in self.variables() {
            command.env(name, value);
        }
        command.cwd(self.0.path());
        for name in ["NO_COLOR", "TMUX", "STY"] {
            command.env_remove(name);
        }
        Session::start(command)
    }
}

/// What the pseudoterminal reports.
enum News {
    Output(Vec<u8>),
    OutputEnded,
    Exited(ExitStatus),
}

/// A running program, and the terminal that it runs in. It is killed when this is dropped.
pub(crate) struct Session {
    parser: vt100::Parser,
    /// All that the program has written.
    pub(crate) raw: Vec<u8>,
    news: Receiver<News>,
    keyboard: Option<Box<dyn Write + Send>>,
    master: Option<Box<dyn MasterPty + Send>>,
    /// The program's end of the terminal, held open so that its modes outlive the program.
    terminal: Option<File>,
    modes_before: Termios,
    pid: Pid,
    exited: Option<ExitStatus>,
    output_ended: bool,
    stop_reading: Arc<AtomicBool>,
}

impl Session {
    fn start(command: CommandBuilder) -> Self {
        let size = PtySize { rows: ROWS, cols: COLUMNS, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let terminal = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(OFlag::O_NOCTTY.bits())
            .open(pair.master.tty_name().unwrap())
            .unwrap();
        let modes_before = tcgetattr(&terminal).unwrap();
        let mut child = pair.slave.spawn_command(command).unwrap();
        let pid = Pid::from_raw(child.process_id().unwrap().try_into().unwrap());
        let (report, news) = channel();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let stop_reading = Arc::new(AtomicBool::new(false));
        let (report_exit, stop) = (report.clone(), Arc::clone(&stop_reading));
        thread::spawn(move || {
            let mut chunk = vec![0; 64 * 1024];
            while let Ok(len @ 1..) = reader.read(&mut chunk) {
                // Nobody listens once the test has ended.
                let _ = report.send(News::Output(chunk[..len].to_vec()));
                if stop.load(Ordering::SeqCst) {
                    break;
                }
            }
            drop(reader);
            let _ = report.send(News::OutputEnded);
        });
        thread::spawn(move || {
            let _ = report_exit.send(News::Exited(child.wait().unwrap()));
        });
        Self {
            parser: vt100::Parser::new(cells(ROWS), cells(COLUMNS), 0),
            raw: Vec::new(),
            news,
            keyboard: Some(pair.master.take_writer().unwrap()),
            master: Some(pair.master),
            terminal: Some(terminal),
            modes_before,
            pid,
            exited: None,
            output_ended: false,
            stop_reading,
        }
    }

    /// The program's process, or that of the shell around it.
    pub(crate) const fn pid(&self) -> Pid {
        self.pid
    }

    pub(crate) fn screen(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    /// What the screen shows.
    pub(crate) fn text(&self) -> String {
        self.screen().contents()
    }

    /// Types; a key that is no character is written as its sequence.
    pub(crate) fn keys(&mut self, keys: &str) {
        let keyboard = self.keyboard.as_mut().unwrap();
        keyboard.write_all(keys.as_bytes()).unwrap();
        keyboard.flush().unwrap();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid, signal).unwrap();
    }

    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        if let (Some(rows), Some(columns)) = (NonZeroU16::new(rows), NonZeroU16::new(columns)) {
            self.parser.set_size(rows, columns);
        }
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        self.master.as_ref().unwrap().resize(size).unwrap();
    }

    /// Waits until the screen shows this text.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) {
        self.wait_until(text, |screen| screen.contents().contains(text));
    }

    /// Waits until the screen no longer shows this text.
    #[track_caller]
    pub(crate) fn wait_for_end_of(&mut self, text: &str) {
        self.wait_until(&format!("no {text}"), |screen| !screen.contents().contains(text));
    }

    /// Waits until the screen is as it should be.
    #[track_caller]
    pub(crate) fn wait_until(&mut self, what: &str, is_so: impl Fn(&vt100::Screen) -> bool) {
        self.wait(what, |session| is_so(session.screen()));
    }

    /// Waits until the program has written more than it had.
    #[track_caller]
    pub(crate) fn wait_for_more_than(&mut self, written: usize) {
        self.wait("more output", |session| session.raw.len() > written);
    }

    /// Waits for this text and an address behind it, and gives the address.
    #[track_caller]
    pub(crate) fn address_after(&mut self, text: &str) -> SocketAddr {
        let find = |contents: &str| {
            contents.match_indices(text).find_map(|(at, _)| {
                let rest = &contents[at + text.len()..];
                // Without a blank behind it the address may be cut.
                let end = rest.find([' ', '\n'])?;
                rest[..end].parse().ok()
            })
        };
        self.wait(&format!("{text} and an address"), |session| find(&session.text()).is_some());
        find(&self.text()).unwrap()
    }

    /// The output of so much time; for the one test whose matter is that there is none.
    pub(crate) fn output_during(&mut self, time: Duration) -> Vec<u8> {
        let (end, start) = (Instant::now() + time, self.raw.len());
        while self.take_news(end) != Err(RecvTimeoutError::Timeout) {}
        self.raw[start..].to_vec()
    }

    /// Quits although sockets are open.
    #[track_caller]
    pub(crate) fn quit(&mut self) {
        self.keys(&(ctrl('q') + "y"));
        assert_eq!(self.leave(), 0);
    }

    /// Waits until the program has ended, and gives its exit status.
    #[track_caller]
    pub(crate) fn wait_for_exit(&mut self) -> u32 {
        self.wait("the end of the program", |session| session.exited.is_some());
        self.exited.as_ref().unwrap().exit_code()
    }

    /// Whether the end of the program has been heard of.
    pub(crate) const fn has_ended(&self) -> bool {
        self.exited.is_some()
    }

    /// The next line that was typed and that nobody has read, as the program after this one gets it.
    #[track_caller]
    pub(crate) fn next_line_typed(&mut self) -> String {
        let terminal = self.terminal.as_mut().unwrap();
        let mut watched = [PollFd::new(terminal.as_fd(), PollFlags::POLLIN)];
        let timeout = PollTimeout::try_from(PATIENCE).unwrap();
        assert_eq!(poll(&mut watched, timeout), Ok(1), "nothing is left to read");
        let mut line = [0; 4096];
        let len = terminal.read(&mut line).unwrap();
        String::from_utf8_lossy(&line[..len]).into_owned()
    }

    /// Waits for the end of the program and of its output, checks the terminal's modes, and gives the exit status.
    #[track_caller]
    pub(crate) fn leave(&mut self) -> u32 {
        let status = self.wait_for_exit();
        self.expect_modes_before();
        self.terminal = None;
        self.wait("the end of the output", |session| session.output_ended);
        status
    }

    /// That the terminal is in the modes that it had before the program.
    #[track_caller]
    pub(crate) fn expect_modes_before(&self) {
        assert_eq!(tcgetattr(self.terminal.as_ref().unwrap()).unwrap(), self.modes_before, "the terminal's modes");
    }

    /// Takes nothing more of what the program writes, as a terminal does that is stopped or behind a line that stalls.
    pub(crate) fn stall(&mut self) {
        // The reader's next read returns since the program draws.
        self.stop_reading.store(true, Ordering::SeqCst);
        self.keys(&ctrl('l'));
        self.wait("the end of reading", |session| session.output_ended);
    }

    /// Takes the terminal away, as when its window is closed.
    pub(crate) fn hang_up(&mut self) {
        // The reader's end of the terminal is closed with it.
        self.stall();
        self.keyboard = None;
        self.terminal = None;
        self.master = None;
    }

    #[track_caller]
    fn wait(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while self.is_within_a_frame() || !is_so(self) {
            if let Err(error) = self.take_news(deadline) {
                // What came with the end may be what was waited for.
                let tail = String::from_utf8_lossy(&self.raw[self.raw.len().saturating_sub(100)..]);
                assert!(is_so(self), "{error} before {what}; the screen:\n{}\nlast written: {tail:?}", self.text());
            }
        }
    }

    /// Whether the end of a frame is still to come, so that the screen is that of no frame. None comes to who has stopped
    /// reading in the middle of one.
    fn is_within_a_frame(&self) -> bool {
        if self.output_ended {
            return false;
        }
        let last = |mark: &[u8]| memchr::memmem::rfind(&self.raw, mark);
        last(b"\x1b[?2026h") > last(b"\x1b[?2026l")
    }

    /// Takes in one report; an error when there is none in time, or none to come.
    fn take_news(&mut self, deadline: Instant) -> Result<(), RecvTimeoutError> {
        match self.news.recv_timeout(deadline.saturating_duration_since(Instant::now()))? {
            News::Output(output) => {
                self.parser.process(&output);
                self.raw.extend_from_slice(&output);
            }
            News::OutputEnded => self.output_ended = true,
            News::Exited(status) => self.exited = Some(status),
        }
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.exited.is_none() {
            // Refused only when it has ended meanwhile.
            let _ = kill(self.pid, Signal::SIGKILL);
        }
    }
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}
