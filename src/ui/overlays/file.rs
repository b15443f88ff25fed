//! Which file to send, or to save to: a path that Tab completes.
//!
//! Owns the path while it is typed. It never looks at a file itself: what is in a folder is asked for by an effect.

use std::io;
use std::path::{MAIN_SEPARATOR, Path, PathBuf};

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::confirm::Confirm;
use super::{Next, Overlay, window};
use crate::contract::{Role, Saving, SocketId, Target, option_spec};
use crate::log::sanitise::Printable;
use crate::ui::canvas::Canvas;
use crate::ui::panes::input::unless_many;
use crate::ui::panes::sockets::not_from_file;
use crate::ui::widgets::paragraph::put_wrapped;
use crate::ui::widgets::text_input::{Edit, InputStyles, TextInput};
use crate::ui::{Effect, FolderEntry, Ui};

/// What is to be done with the file.
#[derive(Clone, Debug)]
enum Purpose {
    Send(Target),
    Save(SocketId),
}

/// Why the folder was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Completion,
    Submission,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Path,
    Append,
    Limit,
}

pub(in crate::ui) struct FileForm {
    purpose: Purpose,
    path: TextInput,
    append: bool,
    limit: TextInput,
    focus: Field,
    asked: Asked,
    /// What the path could go on with, where that is several things.
    candidates: Vec<String>,
    error: Option<String>,
}

/// Asks which file to send to the present target.
pub(in crate::ui) fn send(ui: &mut Ui) {
    let Some(target) = ui.target.clone() else { return };
    match ui.bench.can_send(&target) {
        Ok(()) => ui.overlays.push(Box::new(FileForm::new(Purpose::Send(target)))),
        Err(why) => ui.tell_error(format!("No file can be sent: {why}.")),
    }
}

/// Sends this file to the present target, or says why that can't be.
pub(in crate::ui) fn send_to_target(ui: &mut Ui, path: PathBuf) {
    let Some(target) = ui.target.clone() else {
        ui.tell_error("No file can be sent: no target is chosen.");
        return;
    };
    match ui.bench.can_send(&target) {
        Ok(()) => send_path(ui, target, path),
        Err(why) => ui.tell_error(format!("No file can be sent: {why}.")),
    }
}

fn send_path(ui: &mut Ui, target: Target, path: PathBuf) {
    let what = format!("{} goes", path.file_name().unwrap_or_default().display());
    unless_many(ui, &target.clone(), &what, move |ui| ui.bench.send_file(target, path, &mut ui.effects));
}

/// Asks where to save what the selected socket receives.
pub(in crate::ui) fn save(ui: &mut Ui) {
    if let Some(socket) = ui.selected_socket() {
        ui.overlays.push(Box::new(FileForm::new(Purpose::Save(socket))));
    }
}

/// Whether what the selected socket receives can be saved, or why not.
pub(in crate::ui) fn can_save(ui: &Ui) -> Result<(), &'static str> {
    not_from_file(ui)?;
    let member = ui.selected_socket().and_then(|socket| ui.bench.roster.get(socket)).ok_or("no socket is selected")?;
    match member.endpoint.scheme.spec().role {
        Role::Listener if member.parent.is_none() => {
            Err("a listener receives nothing itself; select one of its connections")
        }
        Role::Pair if member.parent.is_none() => Err("a pair receives nothing itself; select one of its ends"),
        _ if !member.state.is_open() => Err("it is not open"),
        _ => Ok(()),
    }
}

impl FileForm {
    fn new(purpose: Purpose) -> Self {
        let mut limit = TextInput::new();
        limit.set_placeholder(Printable::text("(until closed)"));
        Self {
            purpose,
            path: TextInput::new(),
            append: false,
            limit,
            focus: Field::Path,
            asked: Asked::Completion,
            candidates: Vec::new(),
            error: None,
        }
    }

    fn fields(&self) -> &'static [Field] {
        match self.purpose {
            Purpose::Send(_) => &[Field::Path],
            Purpose::Save(_) => &[Field::Path, Field::Append, Field::Limit],
        }
    }

    fn move_focus(&mut self, by: isize) {
        let fields = self.fields();
        let at = fields.iter().position(|field| *field == self.focus).unwrap_or(0);
        self.focus = fields[(at.cast_signed() + by).rem_euclid(fields.len().cast_signed()).cast_unsigned()];
    }

    fn edit(&mut self, edit: Edit) {
        self.error = None;
        self.candidates.clear();
        match (self.focus, edit) {
            (Field::Path, edit) => {
                self.path.apply(edit);
            }
            (Field::Limit, edit) => {
                self.limit.apply(edit);
            }
            (Field::Append, Edit::Left | Edit::Right | Edit::Insert(' ')) => self.append = !self.append,
            (Field::Append, _) => {}
        }
    }

    /// Asks what is in the folder of the path as it stands.
    fn ask(&mut self, asked: Asked, ui: &mut Ui) {
        self.asked = asked;
        let (folder, _) = split(self.path.text());
        ui.effects.push(Effect::ListFolder(expand_home(folder)));
    }

    fn limit(&self) -> Result<Option<u64>, String> {
        if self.limit.is_empty() { Ok(None) } else { crate::contract::parse_size(self.limit.text()).map(Some) }
    }

    fn submit(&mut self, ui: &mut Ui) {
        let (_, name) = split(self.path.text());
        if name.is_empty() {
            self.error = Some("the path of a file is missing; Tab completes it".to_owned());
        } else if let Some(Err(error)) = option_spec("save").map(|spec| spec.kind.parse(self.path.text())) {
            self.error = Some(error);
        } else if let Err(error) = self.limit() {
            self.error = Some(error);
            self.focus = Field::Limit;
        } else {
            self.ask(Asked::Submission, ui);
        }
    }

    fn complete(&mut self, entries: &[FolderEntry]) {
        match completion(self.path.text(), entries) {
            Ok((path, candidates)) => {
                self.path.set_text(&path);
                self.candidates = candidates;
            }
            Err(error) => self.error = Some(error),
        }
    }

    /// Goes on with what was entered, now that it is known what is there.
    fn proceed(&mut self, entries: &io::Result<Vec<FolderEntry>>, ui: &mut Ui) -> Next {
        let (folder, name) = split(self.path.text());
        let there = match entries {
            Ok(entries) => entries.iter().find(|entry| entry.name == name),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.error = Some(format!("there is no folder {folder}"));
                return Next::Stay;
            }
            // What can't be listed may hold the file all the same: the system will tell.
            Err(_) => None,
        };
        if there.is_some_and(|entry| entry.is_folder) {
            self.error = Some(format!("{name} is a folder"));
            return Next::Stay;
        }
        let path = expand_home(self.path.text());
        match self.purpose.clone() {
            Purpose::Send(_) if there.is_none() && entries.is_ok() => {
                self.error = Some(format!("there is no file {name}"));
                Next::Stay
            }
            Purpose::Send(target) => {
                send_path(ui, target, path);
                Next::Close
            }
            Purpose::Save(socket) => {
                let limit = self.limit().unwrap_or_default();
                let saving = Saving { path: path.display().to_string(), append: self.append, limit };
                if there.is_none() || self.append {
                    ui.bench.save(socket, saving, &mut ui.effects);
                    return Next::Close;
                }
                let text = "There is a file of that name already. What is received is added to its end; nothing in it \
                            is overwritten. Cancel goes back, to choose another name.";
                ui.overlays.push(Box::new(Confirm::new(&format!("Add to {name}?"), text, "Add", move |ui| {
                    // The form, which lies below this question.
                    ui.overlays.pop();
                    ui.bench.save(socket, Saving { append: true, ..saving }, &mut ui.effects);
                })));
                Next::Stay
            }
        }
    }
}

/// A path completed in a folder that has these entries, as far as it can only be one, and what its name could be where
/// that is several. Fails where nothing there begins like it.
pub(super) fn completion(path: &str, entries: &[FolderEntry]) -> Result<(String, Vec<String>), String> {
    let (folder, start) = split(path);
    // What begins with a dot is hidden, unless it is asked for.
    let fits = |entry: &&FolderEntry| {
        entry.name.starts_with(start) && (!entry.name.starts_with('.') || start.starts_with('.'))
    };
    let mut names: Vec<String> = entries
        .iter()
        .filter(fits)
        .map(|entry| if entry.is_folder { format!("{}{MAIN_SEPARATOR}", entry.name) } else { entry.name.clone() })
        .collect();
    names.sort();
    let shared = names.iter().map(String::as_str).reduce(shared_start);
    let shared = shared.ok_or_else(|| format!("nothing there begins with `{start}`"))?;
    let path = format!("{folder}{shared}");
    Ok((path, if names.len() > 1 { names } else { Vec::new() }))
}

/// A path's folder, up to its last slash, and the name after that.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.split_at(path.rfind(MAIN_SEPARATOR).map_or(0, |at| at + 1))
}

/// A path that begins with `~/` with the home folder in its place.
pub(super) fn expand_home(text: &str) -> PathBuf {
    match (text.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest.trim_start_matches('/')),
        _ => Path::new(text).to_owned(),
    }
}

fn shared_start<'a>(one: &'a str, other: &str) -> &'a str {
    let shared = one.chars().zip(other.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    &one[..shared]
}

impl Overlay for FileForm {
    fn key(&mut self, key: KeyEvent, ui: &mut Ui) -> Next {
        match key.code {
            KeyCode::Esc => return Next::Close,
            KeyCode::Enter => self.submit(ui),
            KeyCode::Tab if self.focus == Field::Path => self.ask(Asked::Completion, ui),
            KeyCode::Down | KeyCode::Tab => self.move_focus(1),
            KeyCode::Up | KeyCode::BackTab => self.move_focus(-1),
            _ => {
                if let Some(edit) = Edit::of(key) {
                    self.edit(edit);
                }
            }
        }
        Next::Stay
    }

    fn paste(&mut self, text: &str, _ui: &mut Ui) {
        self.edit(Edit::InsertText(text.to_owned()));
    }

    fn folder_listed(&mut self, result: &io::Result<Vec<FolderEntry>>, ui: &mut Ui) -> Next {
        match (self.asked, result) {
            (Asked::Submission, result) => return self.proceed(result, ui),
            (Asked::Completion, Ok(entries)) => self.complete(entries),
            (Asked::Completion, Err(error)) => self.error = Some(error.to_string()),
        }
        Next::Stay
    }

    fn render(&self, canvas: &mut Canvas<'_>, screen: Rect, ui: &Ui) {
        let look = &ui.look;
        let title = match &self.purpose {
            Purpose::Send(target) => format!("Send a file to {}", ui.bench.roster.name(target.socket())),
            Purpose::Save(socket) => format!("Save what {} receives", ui.bench.roster.name(*socket)),
        };
        let fields = u16::try_from(self.fields().len()).unwrap_or(1);
        let inside = window(canvas, screen, ui, &title, 76, fields + 8);
        let styles = InputStyles { text: look.text, cursor: look.selected, error: look.error, placeholder: look.dim };
        for (y, field) in (inside.y + 1..inside.bottom()).zip(self.fields()) {
            let focused = self.focus == *field;
            let label = match field {
                Field::Path => "path",
                Field::Append => "append",
                Field::Limit => "at most",
            };
            let mark = if focused { ">" } else { " " };
            let style = if focused { look.key } else { look.dim };
            canvas.put(inside.x, y, inside.right(), &Printable::text(&format!("{mark} {label}")), style);
            let line = Rect { x: inside.x + 11, y, width: inside.width.saturating_sub(11), height: 1 };
            match field {
                Field::Path => self.path.render(canvas, line, &styles, None, focused),
                Field::Limit => self.limit.render(canvas, line, &styles, None, focused),
                Field::Append => {
                    let style = if focused { look.selected } else { look.text };
                    let text = if self.append { "< true >" } else { "< false >" };
                    canvas.put(line.x, y, line.right(), &Printable::text(text), style);
                }
            }
        }
        let top = inside.y + 1 + fields + 1;
        let bottom = inside.bottom().saturating_sub(1);
        let about = Rect { y: top, height: bottom.saturating_sub(top), ..inside };
        match &self.error {
            Some(error) => put_wrapped(canvas, about, &Printable::text(error), look.error),
            None => put_wrapped(canvas, about, &Printable::text(&self.candidates.join("  ")), look.dim),
        };
        let verb = if matches!(self.purpose, Purpose::Send(_)) { "sends" } else { "saves" };
        let more = if fields > 1 { "  Up/Down field" } else { "" };
        let hint = format!("Enter {verb}  Tab completes{more}  Esc leaves it");
        canvas.put(inside.x, bottom, inside.right(), &Printable::text(&hint), look.dim);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn completed(text: &str, names: &[&str]) -> (String, usize) {
        let mut form = FileForm::new(Purpose::Save(SocketId::new(1).unwrap()));
        form.path.set_text(text);
        let entry =
            |name: &&str| FolderEntry { name: name.trim_end_matches('/').to_owned(), is_folder: name.ends_with('/') };
        form.complete(&names.iter().map(entry).collect::<Vec<_>>());
        (form.path.text().to_owned(), form.candidates.len())
    }

    #[test]
    fn a_path_goes_on_as_far_as_it_can_only_be_one() {
        let names = ["data-1.bin", "data-2.bin", "dé", "dè", "src/", ".git/"];
        assert_eq!(completed("/a/da", &names), ("/a/data-".to_owned(), 2));
        assert_eq!(completed("/a/s", &names), ("/a/src/".to_owned(), 0));
        assert_eq!(completed("d", &["dé", "dè"]), ("d".to_owned(), 2));
        assert_eq!(completed("/a/", &["src/", ".git/"]), ("/a/src/".to_owned(), 0));
        assert_eq!(completed("/a/.", &["src/", ".git/"]), ("/a/.git/".to_owned(), 0));
        assert_eq!(completed("/a/x", &names), ("/a/x".to_owned(), 0));
    }

    proptest! {
        #[test]
        fn completing_only_ever_adds(text in "[a-c/.é]{0,8}", names in prop::collection::vec("[a-c.é]{1,6}/?", 0..8)) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let (after, candidates) = completed(&text, &names);
            prop_assert!(after.starts_with(&text));
            prop_assert_ne!(candidates, 1);
        }
    }
}
