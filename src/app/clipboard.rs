//! Copying to where the user can paste from.

use std::io::{self, Write};
use std::process::{Command, Stdio};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::terminal::Screen;
use super::{state_file, write_state};

/// What terminals take by OSC 52, in bytes before encoding: many refuse sequences beyond 100,000.
const OSC_52_LIMIT: usize = 74_000;

/// Copies a text, and says where it went.
pub(super) fn copy(text: &str, screen: &mut Screen) -> io::Result<String> {
    let len = text.len();
    if std::env::var_os("TMUX").is_some() && to_tmux(text).is_ok() {
        return Ok(format!("copied {len} bytes to tmux's buffer, and by tmux to the clipboard where it may"));
    }
    if len > OSC_52_LIMIT {
        return to_file(text);
    }
    screen.write(format!("\x1b]52;c;{}\x07", BASE64_STANDARD.encode(text)).as_bytes())?;
    Ok(format!("copied {len} bytes to the terminal's clipboard (OSC 52)"))
}

/// What no terminal would take goes to a file.
fn to_file(text: &str) -> io::Result<String> {
    let path = state_file("copied.txt").ok_or_else(|| io::Error::other("there is no folder for it"))?;
    write_state(&path, text.as_bytes())?;
    Ok(format!("{} bytes are more than terminals take: copied to {}", text.len(), path.display()))
}

fn to_tmux(text: &str) -> io::Result<()> {
    let mut tmux = Command::new("tmux")
        .args(["load-buffer", "-w", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let written = tmux.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(text.as_bytes()));
    // Waited for whatever became of the writing, or it would stay as a zombie.
    let ended = tmux.wait()?;
    written?;
    if ended.success() { Ok(()) } else { Err(io::Error::other("tmux refused")) }
}
