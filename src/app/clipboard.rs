//! Copying to where the user can paste from: tmux's buffer inside tmux; else the terminal's clipboard by OSC 52 and, on
//! a desktop, the clipboard of its programs; else a file.
//!
//! A terminal does not say whether it took what OSC 52 gives it, and many are set up not to. So it is only said to be
//! sent, and where there is a program whose status tells more, it is asked as well.

use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio::time::timeout;

use crate::os;

use super::state;
use super::terminal::Screen;
use crate::ui::size;

/// What terminals take by OSC 52, in bytes before encoding: many refuse sequences beyond 100,000.
const OSC_52_LIMIT: usize = 74_000;

/// How long a program may take to take a text.
const PATIENCE: Duration = Duration::from_secs(3);

/// A text that was offered to the programs that keep one.
pub(super) struct Offered {
    text: Arc<str>,
    /// Which took it.
    taken: Option<&'static str>,
}

/// Programs that keep a text to be pasted, the environment variable without which each has nowhere to keep it, and
/// the program's arguments.
const PROGRAMS: &[(&str, &str, &[&str])] = &[
    ("tmux", "TMUX", &["load-buffer", "-w", "-"]),
    ("wl-copy", "WAYLAND_DISPLAY", &[]),
    ("xclip", "DISPLAY", &["-selection", "clipboard", "-in"]),
    ("xsel", "DISPLAY", &["--clipboard", "--input"]),
    // Only macOS has it, and always somewhere to keep the text.
    ("pbcopy", "HOME", &[]),
];

/// Offers a text to the programs that there are, until one takes it.
pub(super) async fn offer(text: String) -> Offered {
    let text: Arc<str> = text.into();
    let given = Arc::clone(&text);
    let ask = move || PROGRAMS.iter().find(|program| give(program, &given).is_ok()).map(|program| program.0);
    // One that hangs is left behind.
    let taken = timeout(PATIENCE, os::aside(ask)).await.ok().and_then(Result::ok).flatten();
    Offered { text, taken }
}

fn give(&(program, variable, arguments): &(&str, &str, &[&str]), text: &str) -> io::Result<()> {
    if std::env::var_os(variable).is_none_or(|value| value.is_empty()) {
        return Err(io::ErrorKind::NotFound.into());
    }
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let written = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(text.as_bytes()));
    // Waited for whatever became of the writing, or it would stay as a zombie.
    let ended = child.wait()?;
    written?;
    if ended.success() { Ok(()) } else { Err(io::Error::other("refused")) }
}

/// Gives the text to the terminal as well, or to a file where nothing else takes it, and says where it went.
pub(super) fn finish(offered: &Offered, screen: &mut Screen) -> io::Result<String> {
    let Offered { text, taken } = offered;
    let len = size(text.len() as u64);
    let to_terminal = *taken != Some("tmux") && text.len() <= OSC_52_LIMIT;
    if to_terminal {
        screen.write(format!("\x1b]52;c;{}\x07", BASE64_STANDARD.encode(text.as_bytes())).as_bytes())?;
    }
    Ok(match (taken, to_terminal) {
        (Some("tmux"), _) => format!("copied {len} to tmux's buffer, and by tmux to the clipboard where it may"),
        (Some(program), true) => {
            format!("copied {len} to the clipboard by {program}, and sent it to the terminal's (OSC 52)")
        }
        (Some(program), false) => format!("copied {len} to the clipboard by {program}"),
        (None, true) => {
            format!("sent {len} to the terminal's clipboard (OSC 52), which does not confirm")
        }
        (None, false) => return to_file(text),
    })
}

/// What nothing else would take goes to a file.
fn to_file(text: &str) -> io::Result<String> {
    let path = state::path("copied.txt").ok_or_else(|| io::Error::other("there is no folder for it"))?;
    state::write(&path, text.as_bytes())?;
    Ok(format!("{} are more than terminals take: copied to {}", size(text.len() as u64), path.display()))
}
