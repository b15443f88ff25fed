//! The terminal: taken over, and always given back.

mod display;

use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture, Event, read,
};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, SetTitle, size};
use crossterm::{cursor, execute};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::signal::{Signal, kill, raise};
use nix::sys::termios::{SetArg, SpecialCharacterIndices, Termios, cfmakeraw, tcgetattr, tcsetattr};
use nix::unistd::{Pid, dup2_stdin, getpgrp, tcgetpgrp};
use ratatui::buffer::Buffer;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::painter::Painter;
use crate::os;
use display::Display;

/// How many events may wait to be handled; those behind them wait with the system.
const EVENTS: usize = 64;

/// How often it is looked whether the terminal is ours again.
const LOOKED_FOR_EACH: Duration = Duration::from_millis(100);

/// How long giving the terminal back waits for it to take what was drawn before.
const PATIENCE: Duration = Duration::from_millis(500);

/// The terminal while it is ours: then a panic of any thread must not write to it.
static TAKEN: Mutex<Option<Taken>> = Mutex::new(None);

struct Taken {
    display: Display,
    terminal: Arc<OwnedFd>,
    /// The modes that it had.
    modes: Termios,
}

/// The terminal while it is ours. Dropping it gives it back, however the program leaves.
pub(super) struct Screen {
    painter: Painter,
    display: Display,
    /// It was given back and is not taken again yet.
    is_away: bool,
    mouse: bool,
    /// The terminal that keys come from, whatever standard input is by then. This and the next are open from the start,
    /// for there may be no descriptor left when they are needed.
    terminal: Arc<OwnedFd>,
    /// Stands for it while nothing is to be heard: never has anything to read.
    silence: EventFd,
}

/// Why the workbench can't run here; `None` where it can.
pub(super) fn unfit() -> Option<String> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Some(
            "sockbench: the workbench needs a terminal on standard input and output; `sockbench run PROFILE` works \
             without one"
                .to_owned(),
        );
    }
    match std::env::var("TERM") {
        Ok(term) if term == "dumb" => Some(
            "sockbench: TERM=dumb can't draw the workbench; `sockbench run PROFILE` works without a screen".to_owned(),
        ),
        _ => None,
    }
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When its modes can't be set, or there is no thread or descriptor for it.
    pub(super) fn take(mouse: bool) -> io::Result<Self> {
        let terminal = Arc::new(io::stdin().as_fd().try_clone_to_owned()?);
        let silence = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        let display = Display::start()?;
        let mut screen = Self { painter: Painter::new(), display, is_away: false, mouse, terminal, silence };
        screen.enter()?;
        Ok(screen)
    }

    fn enter(&mut self) -> io::Result<()> {
        let modes = tcgetattr(&self.terminal)?;
        let mut raw = modes.clone();
        cfmakeraw(&mut raw);
        // A read takes what is there and never waits for more, as it would where a sequence has come in part: a thread
        // that waits in there could not be kept from what comes when the terminal is given back.
        raw.control_chars[SpecialCharacterIndices::VMIN as usize] = 0;
        raw.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
        tcsetattr(&self.terminal, SetArg::TCSANOW, &raw)?;
        let display = &mut self.display;
        if self.is_away {
            dup2_stdin(&self.terminal)?;
            // Who waits on what was there before begins anew: poll(2) knows the file that it waits on, and not the new one.
            raise(Signal::SIGWINCH)?;
            self.is_away = false;
        }
        *taken() = Some(Taken { display: display.clone(), terminal: Arc::clone(&self.terminal), modes });
        execute!(display, EnterAlternateScreen, EnableBracketedPaste, SetTitle("sockbench"), cursor::Hide)?;
        if self.mouse {
            execute!(display, EnableMouseCapture)?;
        }
        self.clear();
        Ok(())
    }

    /// Gives the terminal back, from whichever thread: what is to be seen goes before it where the terminal takes it in
    /// time.
    pub(super) fn leave() {
        let Some(Taken { mut display, terminal, modes }) = taken().take() else { return };
        tell_to_leave(&mut display);
        display.finish(PATIENCE);
        let _ = tcsetattr(&terminal, SetArg::TCSANOW, &modes);
    }

    /// The terminal that keys come from.
    pub(super) fn terminal(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.terminal)
    }

    /// Whether the terminal is ours and has taken all that was drawn, so that the next frame would be seen at once.
    pub(super) fn is_idle(&self) -> bool {
        !self.is_away && self.display.is_idle()
    }

    /// Whether the terminal is another's, after [`suspend`](Self::suspend).
    pub(super) const fn is_away(&self) -> bool {
        self.is_away
    }

    /// Waits until the next frame would be seen. A terminal that is another's is taken as soon as the shell gives it back.
    ///
    /// # Errors
    /// When it can't be written to.
    pub(super) async fn idle(&mut self) -> io::Result<()> {
        while self.is_away {
            // Nothing tells of it: the shell continues who is stopped in either case, and who is not it does not tell.
            if self.is_in_foreground() {
                self.enter()?;
            } else {
                sleep(LOOKED_FOR_EACH).await;
            }
        }
        self.display.idle().await
    }

    /// Has the thread that waits for events wait for ever: what is typed now is for the shell, and who reads it in the
    /// background is stopped for it.
    fn hear_nothing(&self) {
        let _ = dup2_stdin(&self.silence);
    }

    /// Whether we may change the terminal: who is in the background is stopped for it (termios(3)). There is none where it
    /// controls nobody.
    fn is_in_foreground(&self) -> bool {
        tcgetpgrp(&self.terminal).map_or(true, |group| group == getpgrp())
    }

    /// Draws a frame.
    pub(super) fn draw(&mut self, render: impl FnOnce(&mut Buffer)) -> io::Result<()> {
        let (columns, rows) = size()?;
        self.painter.draw(&mut self.display, columns, rows, render)
    }

    /// Forgets what the screen shows, so that the next frame draws every cell.
    pub(super) fn clear(&mut self) {
        self.painter.forget();
    }

    /// Has the terminal report the mouse, or not.
    pub(super) fn set_mouse(&mut self, on: bool) -> io::Result<()> {
        self.mouse = on;
        let display = &mut self.display;
        if on { execute!(display, EnableMouseCapture) } else { execute!(display, DisableMouseCapture) }
    }

    /// Hands bytes to the terminal that are no part of a frame: a sequence for its clipboard.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.display.write_all(bytes)?;
        self.display.flush()
    }

    /// Gives the terminal back, stops the process, and takes the terminal again when the shell continues it, unless that
    /// is in the background.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        self.hear_nothing();
        Self::leave();
        self.is_away = true;
        // To the whole process group, as the terminal itself would: whoever started us (cargo, a script) has to stop
        // as well, or the shell does not get its terminal back.
        kill(Pid::from_raw(0), Signal::SIGTSTP)?;
        if self.is_in_foreground() { self.enter() } else { Ok(()) }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // That thread can't be told to stop, and the program may take its time to end.
        self.hear_nothing();
        Self::leave();
    }
}

/// Tells the terminal to be as it was.
fn tell_to_leave(writer: &mut impl Write) {
    // Whatever fails here fails because the terminal is gone; the rest is tried all the same.
    let _ = execute!(writer, DisableMouseCapture);
    let _ = execute!(writer, DisableBracketedPaste);
    let _ = execute!(writer, LeaveAlternateScreen, cursor::Show);
}

fn taken() -> MutexGuard<'static, Option<Taken>> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What comes from the terminal, read on a thread of its own. An error is the last that comes.
///
/// # Errors
/// When there is no thread for it.
pub(super) fn events() -> io::Result<mpsc::Receiver<io::Result<Event>>> {
    let (put, events) = mpsc::channel(EVENTS);
    os::spawn("terminal", move || {
        loop {
            let event = read();
            let is_last = event.is_err();
            if put.blocking_send(event).is_err() || is_last {
                break;
            }
        }
    })?;
    Ok(events)
}

/// While the terminal is ours, a panic's report is kept off it; one of the thread that calls this, which ends the
/// program, gives the terminal back first.
pub(super) fn keep_panics_off_the_screen() {
    let usual = std::panic::take_hook();
    let own = std::thread::current().id();
    std::panic::set_hook(Box::new(move |info| {
        tracing::error!("{info}");
        // A task of the engine reports its own, and a thread that helps is missed by whom it helped.
        if std::thread::current().id() == own {
            Screen::leave();
            usual(info);
        } else if taken().is_none() {
            usual(info);
        }
    }));
}

#[cfg(test)]
mod tests;
