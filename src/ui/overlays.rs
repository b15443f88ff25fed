//! What comes over the panes: a stack, of which the topmost has the keys.

pub(super) mod bookmarks;
pub(super) mod checksum;
pub(super) mod confirm;
pub(super) mod export;
pub(super) mod file;
pub(super) mod filter;
pub(super) mod find;
pub(super) mod help;
pub(super) mod in_use;
pub(super) mod message;
pub(super) mod new_socket;
pub(super) mod palette;
mod path;
pub(super) mod payloads;
pub(super) mod picker;
pub(super) mod profiles;
pub(super) mod prompt;
pub(super) mod quit;
pub(super) mod recording;
pub(super) mod rename;
pub(super) mod repeat;
pub(super) mod replay;
pub(super) mod report;
pub(super) mod rules;
pub(super) mod save_scenario;
pub(super) mod scenarios;
pub(super) mod search_history;
pub(super) mod set_option;
pub(super) mod targets;
pub(super) mod transfers;

use std::io;
use std::path::Path;

use crossterm::event::KeyEvent;
use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::{FolderEntry, Ui};
use crate::log::sanitise::Printable;

/// What becomes of an overlay after it has acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Stay,
    Close,
}

/// Something that is shown over the panes and takes the keys while it is the topmost.
pub(super) trait Overlay {
    fn key(&mut self, key: KeyEvent, ui: &mut Ui) -> Next;

    fn paste(&mut self, _text: &str, _ui: &mut Ui) {}

    /// A click, or so many rows of the wheel where `wheel` is not zero. A click outside closes nothing.
    fn mouse(&mut self, _x: u16, _y: u16, _wheel: i32, _ui: &mut Ui) -> Next {
        Next::Stay
    }

    /// What is in a folder that was asked for.
    fn folder_listed(&mut self, _folder: &Path, _result: &io::Result<Vec<FolderEntry>>, _ui: &mut Ui) -> Next {
        Next::Stay
    }

    /// True for what has to be answered before anything else.
    fn is_question(&self) -> bool {
        false
    }

    /// True for what would be tedious to fill in again.
    fn is_form(&self) -> bool {
        false
    }

    /// True for the line that is drawn over the header of the log.
    fn covers_log_header(&self) -> bool {
        false
    }

    /// The keys that the status line names, each with what it does, where the overlay has no room for them itself.
    fn hints(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    fn render(&self, canvas: &mut Canvas<'_>, screen: Rect, ui: &Ui);
}

/// Draws an overlay's frame in the middle of the screen, and gives the area inside.
fn window(canvas: &mut Canvas<'_>, screen: Rect, ui: &Ui, title: &str, width: u16, height: u16) -> Rect {
    let area = centred(screen, width, height);
    canvas.fill(area, ui.look.text);
    let inside = canvas.frame(area, ui.look.frame_focused, ui.look.border_focused);
    let room = usize::from(area.width.saturating_sub(4));
    let title = Printable::text(title).truncate(room, ui.look.marks.ellipsis);
    let title = Printable::text(&format!(" {} ", title.as_str()));
    canvas.put(area.x + 1, area.y, area.right().saturating_sub(1), &title, ui.look.badge);
    Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside }
}

fn centred(screen: Rect, width: u16, height: u16) -> Rect {
    let width = width.min(screen.width);
    let height = height.min(screen.height);
    Rect { x: screen.x + (screen.width - width) / 2, y: screen.y + (screen.height - height) / 2, width, height }
}
