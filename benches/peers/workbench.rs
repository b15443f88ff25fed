//! The workbench itself in a pseudoterminal, seen from outside.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use tempfile::TempDir;

/// How long something may take to be seen.
const PATIENCE: Duration = Duration::from_secs(20);

/// What begins each frame.
const FRAME: &[u8] = b"\x1b[?2026h";

/// A workbench that is ended with this.
pub(crate) struct Workbench {
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    _master: Box<dyn MasterPty + Send>,
    _home: TempDir,
}

/// What has come out of its terminal.
struct Seen {
    parser: vt100::Parser,
    bytes: usize,
    frames: usize,
}

impl Workbench {
    /// Starts it in a terminal of this size.
    pub(crate) fn start(columns: u16, rows: u16, arguments: &[impl AsRef<OsStr>]) -> Self {
        let home = tempfile::tempdir().expect("folder");
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pty = native_pty_system().openpty(size).expect("pty");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_sockbench"));
        command.args(arguments);
        command.env("TERM", "xterm-256color");
        for variable in ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"] {
            command.env(variable, home.path());
        }
        let child = pty.slave.spawn_command(command).expect("spawn");
        let cells = |count| NonZeroU16::new(count).expect("a size");
        let parser = vt100::Parser::new(cells(rows), cells(columns), 0);
        let seen = Arc::new((Mutex::new(Seen { parser, bytes: 0, frames: 0 }), Condvar::new()));
        let mut reader = pty.master.try_clone_reader().expect("reader");
        let keyboard = pty.master.take_writer().expect("writer");
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            let mut chunk = vec![0; 64 * 1024];
            while let Ok(len @ 1..) = reader.read(&mut chunk) {
                let mut seen = shared.0.lock().unwrap_or_else(PoisonError::into_inner);
                seen.parser.process(&chunk[..len]);
                seen.bytes += len;
                seen.frames += memchr::memmem::find_iter(&chunk[..len], FRAME).count();
                shared.1.notify_all();
            }
        });
        Self { child, keyboard, seen, _master: pty.master, _home: home }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.process_id().expect("it runs")
    }

    /// The bytes and the frames that it has drawn so far.
    pub(crate) fn drawn(&self) -> (usize, usize) {
        let seen = self.seen.0.lock().unwrap_or_else(PoisonError::into_inner);
        (seen.bytes, seen.frames)
    }

    /// Whether this stands on its screen.
    pub(crate) fn shows(&self, text: &str) -> bool {
        let seen = self.seen.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.parser.screen().contents().contains(text)
    }

    /// Waits until this stands on its screen, or no longer does.
    pub(crate) fn wait_for(&self, text: &str, stands: bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = self.seen.0.lock().unwrap_or_else(PoisonError::into_inner);
        while seen.parser.screen().contents().contains(text) != stands {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no `{text}` in:\n{}", seen.parser.screen().contents());
            seen = self.seen.1.wait_timeout(seen, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Types.
    pub(crate) fn keys(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the terminal");
        self.keyboard.flush().expect("the terminal");
    }
}

impl Drop for Workbench {
    fn drop(&mut self) {
        // Refused only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The arguments of a listener on this port that closes with its peer.
pub(crate) fn listener(port: u16) -> String {
    format!("tcp-listen://127.0.0.1:{port}?after-fin=close&backlog=4096")
}

/// Whether the program that is measured knows this argument.
pub(crate) fn knows(argument: &str) -> bool {
    let help = std::process::Command::new(program()).arg("--help").output().expect("the program");
    String::from_utf8_lossy(&help.stdout).contains(argument)
}

/// The program that is measured.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_sockbench"))
}
